/* Copies, whole and in parts; and originals. */
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/log.h"
#include "serve_internal.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- copies ---- */

struct wanted {
    const char *name;
    const struct catalogue_transfer *t;
    struct catalogue_copy copy;
    bool found;
};

static int match(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct wanted *w = arg;
    const char *slash = strrchr(copy->path, '/');
    (void)err;
    if (!w->found && slash && strcmp(slash + 1, w->name) == 0) {
        w->copy = *copy;
        w->found = true;
    }
    return ERR_OK;
}

/* "ID/NAME" */
static int find_copy(struct serve *s, const struct web_ask *ask, struct catalogue_transfer *t,
                     struct wanted *w, struct err *err)
{
    char id[CATALOGUE_ID_ROOM];
    size_t n = strcspn(ask->rest, "/");
    if (ask->rest[n] != '/' || n >= sizeof id)
        return err_set(err, ERR_NOTFOUND, W_("no such file"));
    snprintf(id, sizeof id, "%.*s", (int)n, ask->rest);
    *w = (struct wanted){.name = ask->rest + n + 1, .t = t};
    int rc = catalogue_transfer_get(s->catalogue, id, t, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_each(s->catalogue, t->key, match, w, err);
    if (rc == ERR_OK && !w->found)
        rc = err_set(err, ERR_NOTFOUND, "%s has no such copy", id);
    return rc;
}

/* What was looked at is known to be so while nothing of this changes. */
struct looked {
    dev_t dev;
    ino_t ino;
    off_t bytes;
    struct timespec modified, changed;
    char sha256[HASH_HEX_ROOM];
};

static bool still(const struct looked *l, const struct stat *st)
{
    return l->dev == st->st_dev && l->ino == st->st_ino && l->bytes == st->st_size &&
           memcmp(&l->modified, &st->st_mtim, sizeof l->modified) == 0 &&
           memcmp(&l->changed, &st->st_ctim, sizeof l->changed) == 0;
}

/* The hash of what is in it, read once for each state of a file. */
static int hash_of(int fd, const struct stat *st, char out[HASH_HEX_ROOM], struct err *err)
{
    enum { KEPT = 1024 };
    static struct looked kept[KEPT];
    static size_t next;
    static uint8_t piece[1 << 20];
    uint8_t digest[HASH_BYTES];
    struct hash *h = NULL;
    struct stat after;
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].sha256[0] && still(&kept[i], st)) {
            memcpy(out, kept[i].sha256, HASH_HEX_ROOM);
            return ERR_OK;
        }
    int rc = hash_new(&h, err);
    for (off_t at = 0; rc == ERR_OK && at < st->st_size;) {
        ssize_t n = pread(fd, piece, sizeof piece, at);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            rc =
                n < 0 ? err_sys(err, "read a copy") : err_set(err, ERR_IO, "a copy became shorter");
        if (n > 0)
            hash_update(h, piece, (size_t)n);
        at += n > 0 ? n : 0;
    }
    if (rc == ERR_OK)
        rc = hash_final(h, digest, err);
    hash_free(&h);
    if (rc < 0)
        return rc;
    hash_hex(digest, out);
    struct looked now = {st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim, ""};
    memcpy(now.sha256, out, HASH_HEX_ROOM);
    if (fstat(fd, &after) == 0 && still(&now, &after))
        kept[next++ % KEPT] = now;
    return ERR_OK;
}

/* Its ETag is its hash: so it has to be that. */
static int open_copy(const struct serve *s, const struct catalogue_copy *copy, int *fd,
                     struct err *err)
{
    struct err why;
    struct stat st;
    int rc = copies_open(s->root, copy, fd, &st, &why);
    if (rc < 0)
        return err_set(err, ERR_NOTFOUND, "the copy no longer exists");
    char sha256[HASH_HEX_ROOM] = "";
    rc = st.st_size == copy->length_bytes ? hash_of(*fd, &st, sha256, err) : ERR_OK;
    if (rc == ERR_OK && strcmp(sha256, copy->sha256) == 0)
        return ERR_OK;
    close(*fd);
    *fd = -1;
    if (rc < 0)
        return rc;
    return err_set(err, ERR_UNSUPPORTED, "the copy was modified since it was made");
}

/* What a browser may show itself; all else is only taken away. */
static const char *type_of(const char *name, bool *shown)
{
    static const struct {
        const char *end, *type;
        bool shown;
    } types[] = {{".mp4", "video/mp4", true},
                 {".jpg", "image/jpeg", true},
                 {".json", "application/json", false},
                 {".csv", "text/csv; charset=utf-8", false},
                 {".gpx", "application/gpx+xml", false},
                 {".kml", "application/vnd.google-earth.kml+xml", false},
                 {".geojson", "application/geo+json", false},
                 {".srt", "text/plain; charset=utf-8", false},
                 {".vtt", "text/vtt; charset=utf-8", false}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i].end) == 0) {
            *shown = types[i].shown;
            return types[i].type;
        }
    *shown = false;
    return "application/octet-stream";
}

/* A name of ours: letters, digits, dots and hyphens; else none is told. */
static int answer_name(struct web_answer *out, const char *name, bool shown, struct err *err)
{
    char value[400];
    bool plain =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
        strlen(name);
    snprintf(value, sizeof value, plain ? "%s; filename=\"%s\"" : "%s",
             shown ? "inline" : "attachment", name);
    return web_header(out, "Content-Disposition", value, err);
}

int serve_copy(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct catalogue_transfer t;
    struct wanted w;
    bool shown;
    int fd, rc = find_copy(s, ask, &t, &w, err);
    if (rc < 0 || (rc = open_copy(s, &w.copy, &fd, err)) < 0)
        return rc;
    const char *type = type_of(w.name, &shown), *range = web_header_of(ask, "Range");
    /* A player asks on in parts, and lists are full of pictures. */
    bool begins = !range[0] || strncmp(range, "bytes=0-", 8) == 0;
    if (begins && !ask->head && strncmp(type, "image/", 6) != 0)
        web_note(ask, shown ? "play" : "copy", ask->rest);
    rc = web_send_file(ask, fd, (uint64_t)w.copy.length_bytes, w.copy.sha256, type, out, err);
    return rc < 0 ? rc : answer_name(out, w.name, shown, err);
}

/* ---- originals ---- */

struct original {
    struct serve *serve;
    int64_t key, length;
    char day[RAW_DAY_ROOM], id[CATALOGUE_ID_ROOM], sha256[HASH_HEX_ROOM]; /* "" not known */
    struct hash *hash;
    uint8_t chunk[RAW_CHUNK_BYTES];
    size_t n, used; /* of chunk */
    int64_t next;   /* where the next one begins */
};

static void original_free(void *arg)
{
    struct original *o = arg;
    hash_free(&o->hash);
    free(o);
}

/* The next chunk. What does not fit its hash never comes to its end. */
static int refill(struct original *o, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    uint8_t digest[HASH_BYTES];
    int rc =
        raw_read_chunk(o->serve->raw, o->day, o->key, o->next, o->length, o->chunk, &o->n, err);
    if (rc < 0)
        return rc;
    o->used = 0;
    o->next += (int64_t)o->n;
    hash_update(o->hash, o->chunk, o->n);
    if (o->next < o->length || !o->sha256[0])
        return ERR_OK;
    if ((rc = hash_final(o->hash, digest, err)) < 0)
        return rc;
    hash_hex(digest, hex);
    return strcmp(hex, o->sha256) == 0
               ? ERR_OK
               : err_set(err, ERR_MALFORMED, "checksum mismatch: SHA-256 is %s, received as %s",
                         hex, o->sha256);
}

static ssize_t read_original(void *arg, uint64_t at, char *out, size_t room)
{
    struct original *o = arg;
    struct err err;
    if (at >= (uint64_t)o->length)
        return WEB_END;
    if (o->used == o->n && refill(o, &err) < 0) {
        if (log_may(LOG_LEVEL_ERROR, "?"))
            log_error("serve", "sending an original was aborted", LOG_TEXT("id", o->id),
                      LOG_ERR(&err));
        return WEB_ABORT;
    }
    size_t n = o->n - o->used < room ? o->n - o->used : room;
    memcpy(out, o->chunk + o->used, n);
    o->used += n;
    return (ssize_t)n;
}

static int original_new(struct original **out, struct serve *s, const struct catalogue_transfer *t,
                        struct err *err)
{
    bool sealed;
    struct original *o = *out = calloc(1, sizeof *o);
    if (!o)
        return err_nomem(err, "an original");
    o->serve = s;
    o->key = t->key;
    snprintf(o->day, sizeof o->day, "%s", t->day);
    snprintf(o->id, sizeof o->id, "%s", t->id);
    snprintf(o->sha256, sizeof o->sha256, "%s", t->state == CATALOGUE_STORED ? t->sha256 : "");
    int rc = raw_stat(s->raw, o->day, o->key, &o->length, &sealed, NULL, err);
    return rc < 0 ? rc : hash_new(&o->hash, err);
}

static int answer_original(struct original *o, const struct catalogue_transfer *t,
                           struct web_answer *out, struct err *err)
{
    char name[CATALOGUE_ID_ROOM + 24];
    bool mp4 = o->n >= 8 && memcmp(o->chunk + 4, "ftyp", 4) == 0;
    snprintf(name, sizeof name, "%s%s.%s", t->id, t->state == CATALOGUE_PARTIAL ? ".partial" : "",
             mp4                             ? "mp4"
             : strcmp(t->kind, "photo") == 0 ? "jpg"
                                             : "h265");
    int rc = web_send_made((uint64_t)o->length, read_original, o, original_free,
                           "application/octet-stream", out, err);
    return rc < 0 ? rc : answer_name(out, name, false, err);
}

int serve_original(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct catalogue_transfer t;
    struct original *o = NULL;
    if (strcmp(web_header_of(ask, "Sec-Fetch-Site"), "cross-site") == 0)
        return err_set(err, ERR_MALFORMED,
                       W_("originals can only be downloaded from their own page"));
    int rc = catalogue_transfer_get(s->catalogue, ask->rest, &t, err);
    if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
        rc = err_set(err, ERR_NOTFOUND, "%s is still being received", t.id);
    if (rc == ERR_OK)
        rc = original_new(&o, s, &t, err);
    if (rc == ERR_OK && o->length > 0)
        rc = refill(o, err);          /* what is not there is told as such */
    if (rc == ERR_OK && !ask->head) { /* on disk before the first byte; work writes the custody */
        char job[ACTIONS_JOB_ROOM];
        struct actions_action shown = {.kind = ACTIONS_DOWNLOADED, .events = {t.id}, .n_events = 1};
        rc = action_put(s, ask, &shown, job, err);
    }
    if (rc == ERR_OK)
        return answer_original(o, &t, out, err);
    if (o)
        original_free(o);
    return rc;
}

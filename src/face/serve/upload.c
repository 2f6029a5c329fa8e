/* Files that people bring: each is taken piece by piece, and what is whole becomes a job of work,
 * which imports it.
 *
 *     ROOT/upload/<32 hex digits>/<path of the file>        whole, on disk
 *                                 <path of the file>.part   what there is of it
 *                                 .given                    an action has it: nothing is added
 *
 * A script asks for a place (POST /upload/new), asks how much of a file is here (GET
 * /upload/state), and puts the next piece at that place (POST /upload/put): what is told as here is
 * on disk. Then it says that this was all (POST /upload/done). Without a script one form does it
 * all.
 *
 * Who knows the name of a place may add to it: nobody can guess it. What nobody finished within a
 * day goes.
 */
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "serve_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PLACE_ROOM = 33,
    PATH_BYTES = 800, /* of a file, in its place */
    PATH_DEPTH = 8,
    FILES_MAX = 2000,
    HASHES = 8, /* of files that are being sent at the same time */
    PIECE_BYTES = 4 << 20,
    /* Of one part of a path: a file system's 255, less ".part" and "-2000" (name_file()). */
    PART_BYTES = 255 - 5 - 5,
};
#define UNFINISHED_US (24 * 3600 * INT64_C(1000000))
#define GIVEN_US      (30 * UNFINISHED_US)
#define SWEEP_US      INT64_C(600000000)
#define GB            INT64_C(1000000000)
#define PART          ".part"
#define GIVEN         ".given"

/* ---- places ---- */

static bool is_place(const char *text)
{
    return strlen(text) == PLACE_ROOM - 1 && strspn(text, "0123456789abcdef") == PLACE_ROOM - 1;
}

static int place_path(const struct serve *s, const char *place, const char *name, char **out,
                      struct err *err)
{
    *out = NULL;
    if (!is_place(place))
        return err_set(err, ERR_NOTFOUND, W_("There is no such upload."));
    return name[0] ? fsx_path(out, err, "%s/upload/%s/%s", s->root, place, name)
                   : fsx_path(out, err, "%s/upload/%s", s->root, place);
}

static int new_place(const struct serve *s, char place[PLACE_ROOM], struct err *err)
{
    uint8_t chance[16];
    char *path = NULL;
    if (getrandom(chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        return err_sys(err, "random numbers");
    hash_hex_bytes(chance, sizeof chance, place, PLACE_ROOM);
    int rc = place_path(s, place, "", &path, err);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(path, err); /* durably */
    free(path);
    return rc;
}

static int no_place(struct err *err)
{
    return err_set(err, ERR_NOTFOUND, W_("There is no such upload (any more): begin it again."));
}

/* It is there, and still open. */
static int check_place(const struct serve *s, const char *place, struct err *err)
{
    char *dir = NULL, *given = NULL;
    struct stat st;
    int rc = place_path(s, place, "", &dir, err);
    if (rc == ERR_OK)
        rc = place_path(s, place, GIVEN, &given, err);
    if (rc == ERR_OK && (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
        rc = no_place(err);
    else if (rc == ERR_OK && lstat(given, &st) == 0)
        rc =
            err_set(err, ERR_MALFORMED, W_("This upload was finished already: begin another one."));
    free(dir);
    free(given);
    return rc;
}

/* The path of a file as a browser names it, in its place: nothing leads out of it, and nothing in
 * it is hidden, or looks like a part of ours. */
static int check_name(const char *name, struct err *err)
{
    int depth = 1;
    size_t n = strlen(name), part = 0;
    uint32_t c;
    bool ok = n > 0 && n <= PATH_BYTES && fsx_path_is_inside(name) && name[0] != '.' &&
              !strstr(name, "/.") && !strchr(name, '\\');
    for (size_t i = 0, bytes; ok && i < n; i += bytes) {
        bytes = utf8_next(name + i, n - i, &c);
        part = name[i] == '/' ? 0 : part + bytes;
        ok = bytes > 0 && !text_hidden(c) && part <= PART_BYTES;
        depth += name[i] == '/';
        bytes = bytes > 0 ? bytes : 1;
    }
    if (!ok || depth > PATH_DEPTH)
        return err_set(err, ERR_MALFORMED, W_("A file has a name that cannot be used here."));
    if (n > strlen(PART) && strcmp(name + n - strlen(PART), PART) == 0)
        return err_set(err, ERR_MALFORMED, "The file %.200s is not whole: its name ends with .part",
                       name);
    return ERR_OK;
}

struct contents {
    int64_t bytes, newest_us;
    int files;
};

static void look_into(const char *dir, int depth, struct contents *c)
{
    struct fsx_dir d;
    const char *name;
    struct err unimportant; /* what cannot be looked at counts for nothing */
    if (fsx_dir_open(&d, dir, &unimportant) == ERR_OK)
        while (fsx_dir_next(&d, &name, &unimportant) == ERR_OK && name) {
            struct stat st;
            char *path = NULL;
            if (fstatat(dirfd(d.stream), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                continue;
            int64_t us = st.st_mtim.tv_sec * INT64_C(1000000);
            c->newest_us = us > c->newest_us ? us : c->newest_us;
            if (S_ISREG(st.st_mode)) {
                c->files++;
                c->bytes += st.st_size;
            } else if (S_ISDIR(st.st_mode) && depth < PATH_DEPTH &&
                       fsx_path(&path, &unimportant, "%s/%s", dir, name) == ERR_OK) {
                look_into(path, depth + 1, c);
            }
            free(path);
        }
    fsx_dir_close(&d);
}

/* ---- what may come ---- */

static int64_t most_bytes(const struct serve *s)
{
    return cfg_int(s->cfg, "serve", "upload_max_gb") * GB;
}

/* more: bytes that are about to be added to a place, as a file that is not there yet or one that
 * goes on. */
static int check_room(const struct serve *s, const char *place, int64_t more, bool another,
                      struct err *err)
{
    struct contents c = {0};
    char *dir = NULL, most[SIZE_TEXT_ROOM];
    int64_t kept = cfg_int(s->cfg, "receive", "min_free_mib") * INT64_C(1048576);
    int rc = place_path(s, place, "", &dir, err);
    if (rc < 0)
        return rc;
    look_into(dir, 0, &c);
    int64_t left = fsx_free_bytes(dir);
    free(dir);
    if (more > most_bytes(s) - c.bytes)
        return err_set(err, ERR_MALFORMED,
                       "An upload may have %s ([serve] upload_max_gb): send the rest as another "
                       "one.",
                       size_text(most_bytes(s), most));
    if (another && c.files >= FILES_MAX)
        return err_set(err, ERR_MALFORMED,
                       "An upload may have %d files: send the rest as another "
                       "one.",
                       FILES_MAX);
    if (left - more < kept)
        return err_set(err, ERR_BUSY, W_("There is too little space on the disk of this server."));
    return ERR_OK;
}

/* ---- hashes that go on from piece to piece ---- */

struct hashing {
    char place[PLACE_ROOM], name[PATH_BYTES + 1];
    int64_t at, used_us;
    struct hash *hash;
};
static struct hashing hashings[HASHES];

/* Of what of that file is there so far; NULL: it is read once more at its end. */
static struct hashing *hashing_of(const char *place, const char *name, int64_t at)
{
    struct hashing *oldest = &hashings[0];
    struct err unimportant;
    for (size_t i = 0; i < HASHES; i++) {
        struct hashing *h = &hashings[i];
        if (at > 0 && h->hash && h->at == at && strcmp(h->place, place) == 0 &&
            strcmp(h->name, name) == 0)
            return h;
        oldest = h->used_us < oldest->used_us ? h : oldest;
    }
    if (at > 0)
        return NULL;
    hash_free(&oldest->hash);
    if (hash_new(&oldest->hash, &unimportant) < 0)
        return NULL;
    oldest->at = 0;
    snprintf(oldest->place, sizeof oldest->place, "%s", place);
    snprintf(oldest->name, sizeof oldest->name, "%s", name);
    return oldest;
}

/* ---- a file that comes ---- */

struct coming {
    char place[PLACE_ROOM], name[PATH_BYTES + 1];
    bool form;                  /* of files, without a script */
    int fd;                     /* of what comes now; -1: none */
    int64_t at;                 /* so much of it is there */
    int64_t total;              /* of the file; -1: its end tells */
    int files;                  /* that came whole, of a form */
    int64_t unjudged;           /* bytes of a form that came since there was room for them */
    char sha256[HASH_HEX_ROOM]; /* when it is whole */
};

static int part_path(const struct serve *s, const struct coming *c, char **out, struct err *err)
{
    char name[PATH_BYTES + sizeof PART];
    snprintf(name, sizeof name, "%s%s", c->name, PART);
    return place_path(s, c->place, name, out, err);
}

/* -1: it is not there, whole. */
static int whole_bytes(const struct serve *s, const struct coming *c, int64_t *bytes,
                       struct err *err)
{
    struct stat st;
    char *path = NULL;
    int rc = place_path(s, c->place, c->name, &path, err);
    *bytes = rc == ERR_OK && lstat(path, &st) == 0 ? st.st_size : -1;
    free(path);
    return rc;
}

/* -1: nothing came of it yet. */
static int part_bytes(const struct serve *s, const struct coming *c, int64_t *bytes,
                      struct err *err)
{
    struct stat st;
    char *path = NULL;
    int rc = part_path(s, c, &path, err);
    *bytes = rc == ERR_OK && lstat(path, &st) == 0 ? st.st_size : -1;
    free(path);
    return rc;
}

static int open_part(const struct serve *s, struct coming *c, struct err *err)
{
    struct stat st;
    char *path = NULL, *parent = NULL;
    int rc = part_path(s, c, &path, err);
    if (rc == ERR_OK && !(parent = strdup(path)))
        rc = err_nomem(err, "a path");
    if (rc == ERR_OK && fsx_go_up(parent))
        rc = fsx_mkdirs(parent, err);
    if (rc == ERR_OK) {
        c->fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (c->fd < 0 || fstat(c->fd, &st) < 0)
            rc = err_sys(err, "%s", path);
    }
    if (rc == ERR_OK)
        c->at = st.st_size;
    free(path);
    free(parent);
    return rc;
}

/* The next bytes; what could not be written whole is not there. */
static int append(struct coming *c, const void *data, size_t n, struct err *err)
{
    struct hashing *h = hashing_of(c->place, c->name, c->at);
    if (lseek(c->fd, c->at, SEEK_SET) < 0)
        return err_sys(err, "seek in an upload");
    int rc = fsx_write_all(c->fd, data, n, err);
    if (rc < 0) {
        if (ftruncate(c->fd, c->at) < 0)
            return err_sys(err, "truncate an upload");
        return rc;
    }
    c->at += (int64_t)n;
    if (h) {
        hash_update(h->hash, data, n);
        h->at = c->at;
        h->used_us = clock_mono_us();
    }
    return ERR_OK;
}

static int hash_whole(struct coming *c, const char *path, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct hashing *h = hashing_of(c->place, c->name, c->at > 0 ? c->at : -1);
    int rc = h && c->at > 0 ? hash_final(h->hash, digest, err) : hash_file(path, digest, err);
    if (h) {
        hash_free(&h->hash);
        h->used_us = 0;
    }
    if (rc == ERR_OK)
        hash_hex(digest, c->sha256);
    return rc;
}

/* What came is on disk, as the directory that names it is; a whole file gets its name. */
static int settle(const struct serve *s, struct coming *c, bool whole, struct err *err)
{
    char *part = NULL, *path = NULL, *dir = NULL, *parent = NULL;
    int rc = fdatasync(c->fd) < 0 ? err_sys(err, "fsync of an upload") : ERR_OK;
    if (rc == ERR_OK)
        rc = part_path(s, c, &part, err);
    if (rc == ERR_OK)
        rc = place_path(s, c->place, c->name, &path, err);
    if (rc == ERR_OK)
        rc = place_path(s, c->place, "", &dir, err);
    if (rc == ERR_OK && whole)
        rc = hash_whole(c, part, err);
    if (rc == ERR_OK && whole)
        rc = fsx_rename_new(part, path, err);
    if (rc == ERR_OK && !(parent = strdup(path)))
        rc = err_nomem(err, "a path");
    if (rc == ERR_OK && fsx_go_up(parent))
        rc = fsx_sync_dir(parent, err);
    if (rc == ERR_OK)
        (void)utimensat(AT_FDCWD, dir, NULL, 0); /* somebody is at it: sweeping leaves it */
    close(c->fd);
    c->fd = -1;
    free(part);
    free(path);
    free(dir);
    free(parent);
    return rc;
}

static void drop(void *app, void *body)
{
    struct coming *c = body;
    (void)app;
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

/* ---- piece by piece, of a script ---- */

static int read_number(const struct web_ask *ask, const char *name, int64_t *out, struct err *err)
{
    const char *text = web_asked(ask, name);
    if (!text[0] || strlen(text) > 15 || strspn(text, "0123456789") != strlen(text))
        return err_set(err, ERR_MALFORMED, "%s: a number is needed", name);
    *out = strtoll(text, NULL, 10);
    return ERR_OK;
}

static int put_begin(void *app, const struct web_ask *ask, void **body, struct err *err)
{
    struct serve *s = app;
    int64_t offset = 0, there, began = 0;
    struct coming *c = *body = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "an upload");
    c->fd = -1;
    snprintf(c->place, sizeof c->place, "%s", web_asked(ask, "upload"));
    snprintf(c->name, sizeof c->name, "%.*s", PATH_BYTES, web_asked(ask, "name"));
    int rc = check_name(web_asked(ask, "name"), err);
    if (rc == ERR_OK)
        rc = check_place(s, c->place, err);
    if (rc == ERR_OK)
        rc = read_number(ask, "offset", &offset, err);
    if (rc == ERR_OK)
        rc = read_number(ask, "total", &c->total, err);
    if (rc == ERR_OK)
        rc = whole_bytes(s, c, &there, err);
    if (rc == ERR_OK && there >= 0)
        rc = err_set(err, ERR_MALFORMED, "%.200s is here already.", c->name);
    if (rc == ERR_OK)
        rc = part_bytes(s, c, &began, err);
    if (rc == ERR_OK && (began < 0 ? 0 : began) != offset)
        rc = err_set(err, ERR_BUSY, "%.200s: %" PRId64 " bytes are here, not %" PRId64, c->name,
                     began < 0 ? 0 : began, offset);
    if (rc == ERR_OK) /* before anything is made of it */
        rc = check_room(s, c->place, c->total - offset, began < 0, err);
    return rc < 0 ? rc : open_part(s, c, err);
}

static int put_piece(void *app, const struct web_ask *ask, const struct web_piece *piece,
                     struct err *err)
{
    struct coming *c = ask->body;
    (void)app;
    if ((int64_t)piece->n > c->total - c->at)
        return err_set(err, ERR_MALFORMED, "%.200s: more bytes came than it has", c->name);
    return append(c, piece->data, piece->n, err);
}

static int send_text(const char *text, struct web_answer *out, struct err *err)
{
    struct buf b;
    buf_init(&b, strlen(text) + 1);
    int rc = buf_append(&b, text, strlen(text), err);
    if (rc == ERR_OK)
        rc = web_send(&b, 200, "application/json", "no-store", out, err);
    buf_clear(&b);
    return rc;
}

int upload_put(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    void *made = NULL; /* of a body without a byte, which begins nothing */
    char text[200];
    int rc = ask->body ? ERR_OK : put_begin(app, ask, &made, err);
    struct coming *c = made ? made : ask->body;
    if (rc == ERR_OK)
        rc = settle(app, c, c->at == c->total, err);
    if (rc == ERR_OK)
        snprintf(text, sizeof text, "{\"offset\":%" PRId64 ",\"sha256\":\"%s\"}", c->at, c->sha256);
    if (made)
        drop(app, made);
    return rc < 0 ? rc : send_text(text, out, err);
}

int upload_new(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    char place[PLACE_ROOM], text[80];
    (void)ask;
    int rc = new_place(app, place, err);
    snprintf(text, sizeof text, "{\"upload\":\"%s\",\"piece\":%d}", place, PIECE_BYTES);
    return rc < 0 ? rc : send_text(text, out, err);
}

/* How much of a file is here. */
int upload_state(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct coming c = {.fd = -1};
    char text[80];
    int64_t whole = -1, bytes = 0;
    snprintf(c.place, sizeof c.place, "%s", web_asked(ask, "upload"));
    snprintf(c.name, sizeof c.name, "%.*s", PATH_BYTES, web_asked(ask, "name"));
    int rc = check_name(web_asked(ask, "name"), err);
    if (rc == ERR_OK)
        rc = check_place(s, c.place, err);
    if (rc == ERR_OK)
        rc = whole_bytes(s, &c, &whole, err);
    if (rc == ERR_OK && whole < 0)
        rc = part_bytes(s, &c, &bytes, err);
    bytes = whole >= 0 ? whole : bytes < 0 ? 0 : bytes;
    snprintf(text, sizeof text, "{\"offset\":%" PRId64 ",\"whole\":%s}", bytes,
             whole >= 0 ? "true" : "false");
    return rc < 0 ? rc : send_text(text, out, err);
}

const struct web_body upload_piece = {put_begin, put_piece, drop};

/* ---- the end: it becomes a job ---- */

/* It has one job, by its own name: whoever did not hear the answer asks again, and gets the same.
 * What broke off between its mark and its job goes on here, too. */
static int put_import(struct serve *s, const struct web_ask *ask, const char *place,
                      char job[ACTIONS_JOB_ROOM], struct err *err)
{
    struct actions_action a = {.kind = ACTIONS_IMPORT,
                               .upload = place,
                               .imei = web_field(ask, "imei"),
                               .camera = web_field(ask, "camera"),
                               .local = web_field(ask, "time"),
                               .zone = web_field(ask, "zone")};
    struct actions_outcome *o = calloc(1, sizeof *o);
    struct stat st;
    char *given = NULL, *dir = NULL;
    int rc = o ? ERR_OK : err_nomem(err, "an upload");
    if (rc == ERR_OK && (rc = place_path(s, place, "", &dir, err)) == ERR_OK)
        rc = place_path(s, place, GIVEN, &given, err);
    if (rc == ERR_OK && actions_job_of_upload(place, job))
        rc = actions_look(s->root, job, o, err);
    bool put = rc == ERR_OK && o->state != ACTIONS_GONE;
    if (rc == ERR_OK && !put && (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
        rc = no_place(err);
    if (rc == ERR_OK && !put && (rc = action_put(s, ask, &a, NULL, err)) == ERR_OK &&
        (rc = fsx_write_file(given, "", 0, err)) == ERR_OK)
        rc = action_put(s, ask, &a, job, err);
    free(given);
    free(dir);
    free(o);
    return rc;
}

static int give(struct serve *s, const struct web_ask *ask, const char *place,
                struct web_answer *out, struct err *err)
{
    char job[ACTIONS_JOB_ROOM], to[80];
    int rc = put_import(s, ask, place, job, err);
    if (rc < 0)
        return rc;
    if (strcmp(web_header_of(ask, "Accept"), "application/json") == 0) {
        snprintf(to, sizeof to, "{\"job\":\"%s\"}", job);
        return send_text(to, out, err);
    }
    snprintf(to, sizeof to, "/upload?did=%s", job);
    return web_redirect(to, out, err);
}

int upload_done(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    return give(app, ask, web_field(ask, "upload"), out, err);
}

/* ---- a form of files, without a script ---- */

static int form_begin(void *app, const struct web_ask *ask, void **body, struct err *err)
{
    struct coming *c = *body = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "an upload");
    c->fd = -1;
    c->form = true;
    c->total = -1;
    int rc = new_place(app, c->place, err);
    int64_t length = strtoll(web_header_of(ask, "Content-Length"), NULL, 10);
    return rc < 0 ? rc : check_room(app, c->place, length < 0 ? 0 : length, true, err);
}

/* A browser may name two files of two folders alike. */
static int name_file(const struct serve *s, struct coming *c, const char *file, struct err *err)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    const char *dot = strrchr(base, '.');
    int64_t there;
    int rc = check_name(base, err);
    for (int n = 1; rc == ERR_OK; n++) {
        char number[16] = "";
        if (n > 1)
            snprintf(number, sizeof number, "-%d", n);
        snprintf(c->name, sizeof c->name, "%.*s%s%s",
                 (int)(dot ? dot - base : (ptrdiff_t)strlen(base)), base, number, dot ? dot : "");
        rc = whole_bytes(s, c, &there, err);
        if (rc < 0 || there < 0)
            return rc;
        if (n == FILES_MAX)
            return err_set(err, ERR_MALFORMED, "too many files are called %.200s", base);
    }
    return rc;
}

static int form_piece(void *app, const struct web_ask *ask, const struct web_piece *piece,
                      struct err *err)
{
    struct serve *s = app;
    struct coming *c = ask->body;
    int rc = ERR_OK;
    if (!piece->file[0]) /* a field of files where none was chosen */
        return ERR_OK;
    if (piece->at == 0) {
        if (c->fd >= 0)
            rc = settle(s, c, true, err);
        if (rc == ERR_OK && ++c->files > FILES_MAX)
            rc = err_set(err, ERR_MALFORMED, "An upload may have %d files.", FILES_MAX);
        if (rc == ERR_OK)
            rc = name_file(s, c, piece->file, err);
    }
    /* Its length need not be told (chunked), and others need the disk, too. */
    c->unjudged += (int64_t)piece->n;
    if (rc == ERR_OK && (piece->at == 0 || c->unjudged > PIECE_BYTES)) {
        rc = check_room(s, c->place, (int64_t)piece->n, piece->at == 0, err);
        c->unjudged = 0;
    }
    if (rc == ERR_OK && piece->at == 0)
        rc = open_part(s, c, err);
    return rc < 0 || piece->n == 0 ? rc : append(c, piece->data, piece->n, err);
}

const struct web_body upload_form = {form_begin, form_piece, drop};

int upload_all(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct coming *c = ask->body;
    if (!c || c->files == 0)
        return err_set(err, ERR_MALFORMED, W_("No file was chosen."));
    int rc = c->fd >= 0 ? settle(app, c, true, err) : ERR_OK;
    return rc < 0 ? rc : give(app, ask, c->place, out, err);
}

/* ---- what nobody finished ---- */

static void sweep_place(const struct serve *s, const char *place, int64_t now_us)
{
    struct contents c = {0};
    struct err err;
    struct stat st;
    char *dir = NULL, *given = NULL;
    if (place_path(s, place, "", &dir, &err) == ERR_OK && lstat(dir, &st) == 0 &&
        place_path(s, place, GIVEN, &given, &err) == ERR_OK) {
        bool is_given = access(given, F_OK) == 0;
        look_into(dir, 0, &c);
        int64_t last_us = st.st_mtim.tv_sec * INT64_C(1000000);
        last_us = c.newest_us > last_us ? c.newest_us : last_us;
        if (now_us - last_us > (is_given ? GIVEN_US : UNFINISHED_US) &&
            fsx_remove_tree(dir, &err) < 0)
            log_warn("serve", "an unfinished upload cannot be removed", LOG_TEXT("upload", place),
                     LOG_ERR(&err));
    }
    free(dir);
    free(given);
}

void upload_sweep(struct serve *s)
{
    struct fsx_names names = {0};
    struct err unimportant;
    char *dir = NULL;
    int64_t now_us = clock_mono_us();
    if (s->swept_us && now_us - s->swept_us < SWEEP_US)
        return;
    s->swept_us = now_us;
    if (fsx_path(&dir, &unimportant, "%s/upload", s->root) == ERR_OK &&
        fsx_list(dir, &names, &unimportant) == ERR_OK)
        for (size_t i = 0; i < names.n; i++)
            if (is_place(names.name[i]))
                sweep_place(s, names.name[i], clock_utc_us());
    fsx_names_clear(&names);
    free(dir);
}

/* ---- the page ---- */

static void put_camera_field(struct web_page *h)
{
    web_print(h,
              "<label class=\"field\"><span>%s</span><select name=\"camera\"><option value=\"\">%s"
              "</option>",
              web_tr(h, "Camera"), web_tr(h, "As the files tell"));
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        web_print(h, "<option value=\"%s\">%s</option>", words_camera_name(bit),
                  words_camera(h, bit));
    web_put(h, "</select></label>\n");
}

static void put_time_fields(const struct serve *s, struct web_page *h)
{
    web_print(h,
              "<label class=\"field\"><span>%s</span><input type=\"datetime-local\" name=\"time\" "
              "step=\"1\"></label>\n",
              web_tr(h, "Local time at which the recording begins"));
    fields_zone(s, h, web_tr(h, "As the files tell"), 0);
    web_print(h, "<p class=\"sub\">%s</p>\n",
              web_tr(h, "A time is of one recording: one file of each camera takes it, and none "
                        "that tells its own. A time zone alone is that of the times in the "
                        "files' names."));
}

/* Sentences that the script shows: it has none of its own. */
static void put_words(struct web_page *h)
{
    static const struct {
        const char *name, *msgid;
    } words[] = {{W_("waiting"), W_("waiting")},
                 {"here", W_("here, SHA-256:")},
                 {"same", W_("the same as in this browser")},
                 {"differs", W_("NOT what this browser read: choose the file again")},
                 {"again", W_("No connection; trying again.")},
                 {"failed", W_("Not sent:")},
                 {"none", W_("None of these files is footage (.h265 .mp4 .jpg).")}};
    web_put(h, "<template id=\"words\"");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        web_print(h, " data-%s=\"%s\"", words[i].name, web_tr(h, words[i].msgid));
    web_put(h, "></template>\n");
}

static int put_page(struct serve *s, struct web_page *h, const struct web_ask *ask, struct err *err)
{
    char most[WEB_DECIMAL_ROOM];
    web_print(h, "<div class=\"pagehead\"><h1>%s</h1><p>%s</p></div>\n", web_tr(h, "Upload"),
              web_tr(h, "Footage that is in files already: from a memory card, a mail, a disk."));
    web_put(h, "<form class=\"upload split\" method=\"post\" action=\"/upload\" "
               "enctype=\"multipart/form-data\">\n<section class=\"panel form\">\n");
    web_print(h, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">\n", ask->csrf);
    web_print(h, "<h2>%s</h2>\n", web_tr(h, "Where the files do not tell"));
    int rc = fields_vehicle(s, h, web_tr(h, "As the files tell"), "", false, err);
    put_camera_field(h);
    put_time_fields(s, h);
    web_put(h, "</section>\n<section class=\"panel stack\">\n");
    web_put(h, "<div class=\"void drop\">");
    frame_icon(h, "up");
    web_print(h, "<p><b>%s</b><br>", web_tr(h, "Choose videos and photos"));
    web_sayf(h, ".h265, .mp4, .jpg and what lies beside them; up to %s at once",
             web_size_text(h, most_bytes(s), most));
    web_print(h,
              "</p>\n<p class=\"row\"><label class=\"button\"><span>%s</span><input "
              "type=\"file\" name=\"file\" multiple></label>",
              web_tr(h, "Files"));
    web_print(
        h,
        "<label class=\"button js-only\"><span>%s</span><input type=\"file\" "
        "data-folder webkitdirectory multiple></label></p>\n<p class=\"js-only\">%s</p></div>\n",
        web_tr(h, "A folder"), web_tr(h, "… or drop them here."));
    web_print(h, "<ol class=\"files\" aria-live=\"polite\" aria-label=\"%s\"></ol>\n",
              web_tr(h, "Files of this upload"));
    web_put(h, "<p class=\"row\"><button class=\"primary\">");
    frame_icon(h, "up");
    web_print(h, "%s</button></p>\n</section>\n</form>\n", web_tr(h, "Upload"));
    put_words(h);
    frame_script(h, "upload.js");
    return rc;
}

int serve_upload(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct web_page h;
    frame_begin(s, &h, ask, "Upload");
    int rc = put_page(s, &h, ask, err);
    if (rc == ERR_OK)
        return frame_send(s, &h, ask, out, err);
    web_page_clear(&h);
    return rc;
}

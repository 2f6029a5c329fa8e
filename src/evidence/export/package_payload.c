#include "dashspool/custody.h"
#include "dashspool/facts.h"
#include "dashspool/fsx.h"
#include "dashspool/wire.h"
#include "package_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- master ---- */

struct first_bytes {
    uint8_t data[16];
    size_t n;
};

static int take_first(void *arg, const void *data, size_t n, struct err *err)
{
    struct first_bytes *f = arg;
    f->n = n < sizeof f->data ? n : sizeof f->data;
    memcpy(f->data, data, f->n);
    return err_set(err, ERR_AGAIN, "enough"); /* ends raw_copy() */
}

/* By content: a name is the camera's word. */
static const char *extension_of(const struct first_bytes *f)
{
    const char *content = wire_content(f->data, f->n);
    if (f->n >= 8 && memcmp(f->data + 4, "ftyp", 4) == 0)
        return "mp4";
    return strcmp(content, "photo") == 0 ? "jpg" : strcmp(content, "video") == 0 ? "h265" : "bin";
}

int package_did(struct package *p, int64_t bytes, struct err *err)
{
    p->done_bytes += bytes;
    double done = p->all_bytes > 0 ? (double)p->done_bytes / (double)p->all_bytes : 1;
    if (p->progress && !p->progress(p->progress_arg, p->id, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; no package was written");
    return ERR_OK;
}

/* Of a master or a copy. */
static int write_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct package *p = arg;
    int rc = package_did(p, (int64_t)n, err);
    return rc < 0 ? rc : bag_write(p->bag, data, n, err);
}

/* name: the master's in the package. */
static int put_master(struct package *p, const struct catalogue_transfer *t,
                      char name[BAG_NAME_ROOM], struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    bool partial = t->state != CATALOGUE_STORED;
    int64_t length = 0;
    struct first_bytes first = {.n = 0};
    int rc = raw_stat(p->raw, t->day, t->key, &length, &(bool){false}, NULL, err);
    if (rc == ERR_OK)
        rc = raw_copy(p->raw, t->day, t->key, take_first, &first, err);
    if (rc < 0 && first.n == 0)
        return rc;
    snprintf(name, BAG_NAME_ROOM, BAG_MASTER "%s.%s%s", t->id, partial ? "partial." : "",
             extension_of(&first));
    rc = bag_begin(p->bag, name, length, err);
    if (rc == ERR_OK)
        rc = raw_copy(p->raw, t->day, t->key, write_chunk, p, err);
    if (rc == ERR_OK)
        rc = bag_end(p->bag, sha256, err);
    if (rc == ERR_OK && !partial && strcmp(sha256, t->sha256) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "original of %s in raw/%s.db: checksum mismatch: SHA-256 is %s, received as "
                     "%s; restore that file from a backup",
                     t->id, t->day, sha256, t->sha256);
    p->result->partial += partial;
    return rc;
}

/* A file of facts. A redacted package has neither what the wire said, byte for byte, nor the
 * store's copies: they are of the whole. Takes the text. */
static int put_json(struct package *p, const char *name, char *text, struct err *err)
{
    int rc = ERR_OK;
    if (p->redaction) {
        json_t *o = json_loads(text, 0, NULL);
        free(text);
        json_object_del(o, "wire");
        json_object_del(o, "copies");
        text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
        json_decref(o);
    }
    rc = text ? bag_put(p->bag, name, text, strlen(text), err)
              : err_set(err, ERR_NOMEM, "no memory for JSON");
    free(text);
    return rc;
}

static int put_facts(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    char name[BAG_NAME_ROOM], *text;
    int rc = facts_transfer(p->catalogue, t, &text, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "%s%s.json", p->redaction ? BAG_FACTS : BAG_MASTER, t->id);
    rc = put_json(p, name, text, err);
    if (rc == ERR_OK)
        rc = facts_arrival(p->catalogue, t, &text, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, BAG_TRANSFER "%s.json", t->id);
    return put_json(p, name, text, err);
}

/* ---- copies ---- */

struct copying {
    struct package *p;
    const struct catalogue_transfer *t;
    int n;
};

static int write_file(struct package *p, int fd, const char *path, struct err *err)
{
    static const size_t room = 256 * 1024;
    uint8_t *bytes = malloc(room);
    int rc = bytes ? ERR_OK : err_set(err, ERR_NOMEM, "no memory to read %s", path);
    while (rc == ERR_OK) {
        ssize_t n = read(fd, bytes, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(err, "read %s", path);
        if (n <= 0)
            break;
        rc = write_chunk(p, bytes, (size_t)n, err);
    }
    free(bytes);
    return rc;
}

static int changed(const char *path, const struct catalogue_copy *copy, struct err *err)
{
    return err_set(
        err, ERR_MALFORMED,
        "copy %s was changed (made with %lld bytes, SHA-256 %s); move it away and make it again",
        path, (long long)copy->length_bytes, copy->sha256);
}

static int put_open_copy(struct package *p, const struct catalogue_copy *copy, const char *name,
                         const char *path, int fd, struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, "stat %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size != copy->length_bytes)
        return changed(path, copy, err);
    int rc = bag_begin(p->bag, name, copy->length_bytes, err);
    if (rc == ERR_OK)
        rc = write_file(p, fd, path, err);
    if (rc == ERR_OK)
        rc = bag_end(p->bag, sha256, err);
    return rc < 0 || strcmp(sha256, copy->sha256) == 0 ? rc : changed(path, copy, err);
}

int package_put_copy(struct package *p, const struct catalogue_copy *copy, const char *dir,
                     struct err *err)
{
    char name[BAG_NAME_ROOM], *path = NULL;
    if (!bag_copy_name(name, copy->kind, copy->path))
        return err_set(err, ERR_LIMIT, "the name of %s is too long", copy->path);
    int rc = fsx_path(&path, err, "%s/%s", dir, copy->path);
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    rc = fd < 0 ? err_sys(err, "open the copy %s", path)
                : put_open_copy(p, copy, name, path, fd, err);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

static int put_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct copying *c = arg;
    bool shown = c->p->redaction && report_facts_shows(copy->kind);
    if (shown || !catalogue_copy_is_current(c->t, copy))
        return ERR_OK;
    c->n++;
    return package_put_copy(c->p, copy, c->p->request->root, err);
}

/* ---- custody ---- */

struct events {
    struct package *p;
    struct custody_chain chain;
};

static int put_event(void *arg, const char *line, struct err *err)
{
    struct events *e = arg;
    size_t n = strlen(line);
    int rc = custody_next(&e->chain, line, n, err);
    if (rc == ERR_OK)
        rc = buf_append(&e->p->custody, line, n, err);
    return rc < 0 ? rc : buf_append(&e->p->custody, "\n", 1, err);
}

int package_add_partial(struct package *p, const char *id, struct err *err)
{
    char line[CATALOGUE_ID_ROOM + 2];
    int n = snprintf(line, sizeof line, "\n%s\n", id);
    return buf_append(&p->partials, line, (size_t)n, err);
}

static int put_transfer(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    char master[BAG_NAME_ROOM] = "";
    struct copying copies = {p, t, 0};
    struct events events = {.p = p};
    int rc = p->redaction ? redaction_put(p, t, &copies.n, err) : put_master(p, t, master, err);
    if (rc == ERR_OK)
        rc = put_facts(p, t, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_each(p->catalogue, t->key, put_copy, &copies, err);
    if (rc == ERR_OK)
        rc = catalogue_event_each(p->catalogue, t->id, put_event, &events, err);
    if (rc == ERR_OK)
        rc = report_facts_add(p->story, p->catalogue, p->request->root, t, master, err);
    if (rc == ERR_OK && p->redaction)
        rc = redaction_tell(p, err);
    p->result->without_copies += copies.n == 0;
    return rc;
}

/* A partial may go on while it is read: then it is not what `rc` says, but not the time for it. */
static int check_partial(struct package *p, const struct catalogue_transfer *t, int rc,
                         struct err *err)
{
    struct catalogue_transfer now;
    struct err why;
    if (t->state != CATALOGUE_PARTIAL)
        return rc;
    if (catalogue_transfer_get(p->catalogue, t->id, &now, &why) == ERR_OK &&
        (now.state != t->state || now.completed_us != t->completed_us))
        return err_set(err, ERR_BUSY, "%s is being resumed; export it when it is complete", t->id);
    return rc < 0 ? rc : package_add_partial(p, t->id, err);
}

int package_put_transfer(struct package *p, const char *id, struct err *err)
{
    struct catalogue_transfer t;
    p->id = id;
    int rc = catalogue_transfer_get(p->catalogue, id, &t, err);
    if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
        rc =
            err_set(err, ERR_BUSY, "%s is still being received; export it when it is complete", id);
    if (rc < 0)
        return rc;
    p->result->transfers++;
    return check_partial(p, &t, put_transfer(p, &t, err), err);
}

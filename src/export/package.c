#include "bag.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/export.h"
#include "dashspool/facts.h"
#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "dashspool/seal.h"
#include "readme.h"
#include "story.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUSTODY_BYTES_MAX ((size_t)256 << 20)
#define REPORT_BYTES_MAX  ((size_t)512 << 20)

struct package {
    const struct export_request *request;
    struct export_result *result;
    export_progress_fn *progress; /* NULL: nobody asks */
    void *progress_arg;
    const char *id;                /* that is being written */
    int64_t all_bytes, done_bytes; /* masters and copies */
    struct catalogue *catalogue;
    struct raw *raw;
    struct bag *bag;
    struct seal_key *key; /* NULL: unsigned */
    struct buf custody;   /* lines of all */
    struct story *story;
};

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

/* Of a master or a copy. */
static int write_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct package *p = arg;
    p->done_bytes += (int64_t)n;
    double done = p->all_bytes > 0 ? (double)p->done_bytes / (double)p->all_bytes : 1;
    if (p->progress && !p->progress(p->progress_arg, p->id, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; no package was written");
    return bag_write(p->bag, data, n, err);
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
    snprintf(name, BAG_NAME_ROOM, "data/master/%s.%s%s", t->id, partial ? "partial." : "",
             extension_of(&first));
    rc = bag_begin(p->bag, name, length, err);
    if (rc == ERR_OK)
        rc = raw_copy(p->raw, t->day, t->key, write_chunk, p, err);
    if (rc == ERR_OK)
        rc = bag_end(p->bag, sha256, err);
    if (rc == ERR_OK && !partial && strcmp(sha256, t->sha256) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "the master of %s in raw/%s.db has SHA-256 %s, but %s was received; restore "
                     "that file from a back-up",
                     t->id, t->day, sha256, t->sha256);
    p->result->partial += partial;
    return rc;
}

static int put_facts(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    char name[BAG_NAME_ROOM], *text;
    int rc = facts_transfer(p->catalogue, t, &text, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "data/master/%s.json", t->id);
    rc = bag_put(p->bag, name, text, strlen(text), err);
    free(text);
    return rc;
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
        "the copy %s is not what was made (%lld bytes, SHA-256 %s): it was changed; move "
        "it away and make it anew",
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

static int put_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct copying *c = arg;
    char name[BAG_NAME_ROOM], *path = NULL;
    const char *base = strrchr(copy->path, '/');
    int n = snprintf(name, sizeof name, "data/%s/%s", story_folder(copy->kind),
                     base ? base + 1 : copy->path);
    if (n >= (int)sizeof name)
        return err_set(err, ERR_LIMIT, "the name of %s is too long", copy->path);
    int rc = fsx_path(&path, err, "%s/%s", c->p->request->root, copy->path);
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    rc = fd < 0 ? err_sys(err, "open the copy %s", path)
                : put_open_copy(c->p, copy, name, path, fd, err);
    if (fd >= 0)
        close(fd);
    free(path);
    c->n++;
    return rc;
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

static int put_transfer(struct package *p, const char *id, struct err *err)
{
    struct catalogue_transfer t;
    char master[BAG_NAME_ROOM];
    struct copying copies = {p, &t, 0};
    struct events events = {.p = p};
    p->id = id;
    int rc = catalogue_transfer_get(p->catalogue, id, &t, err);
    if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
        rc = err_set(err, ERR_BUSY, "%s is still coming in; export it when it is whole", id);
    if (rc == ERR_OK)
        rc = put_master(p, &t, master, err);
    if (rc == ERR_OK)
        rc = put_facts(p, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_each(p->catalogue, t.key, put_copy, &copies, err);
    if (rc == ERR_OK)
        rc = catalogue_event_each(p->catalogue, id, put_event, &events, err);
    if (rc == ERR_OK)
        rc = story_add(p->story, p->catalogue, p->request->root, &t, master, err);
    p->result->without_copies += copies.n == 0;
    p->result->transfers++;
    return rc;
}

/* ---- the package ---- */

static int put_tool(struct package *p, struct err *err)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "program", "dashspool", "version", DASHSPOOL_VERSION,
                          "compiler", __VERSION__);
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    int rc = text ? bag_put(p->bag, "data/tool.json", text, strlen(text), err)
                  : err_set(err, ERR_NOMEM, "no memory for JSON");
    free(text);
    json_decref(o);
    return rc;
}

static int put_report(struct package *p, struct err *err)
{
    struct buf html;
    buf_init(&html, REPORT_BYTES_MAX);
    int rc = story_html(p->story, p->request, &html, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, "data/report.html", buf_data(&html), html.used, err);
    buf_clear(&html);
    return rc;
}

static int put_info(struct package *p, struct err *err)
{
    char at[CLOCK_TEXT_ROOM], day[11], text[64];
    clock_rfc3339(p->request->at_us, 0, at);
    snprintf(day, sizeof day, "%.10s", at);
    snprintf(text, sizeof text, "%d transfers", p->result->transfers);
    int rc = bag_info(p->bag, "Source-Organization", p->request->who, err);
    if (rc == ERR_OK)
        rc = bag_info(p->bag, "External-Description", text, err);
    if (rc == ERR_OK)
        rc = bag_info(p->bag, "Bag-Software-Agent", "dashspool " DASHSPOOL_VERSION, err);
    if (rc == ERR_OK)
        rc = bag_info(p->bag, "Bagging-Date", day, err);
    return rc < 0 ? rc : bag_info(p->bag, "Exported-At", at, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_copy_bytes(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)err;
    *(int64_t *)arg += copy->length_bytes;
    return ERR_OK;
}

/* What there is to do, and whether it can be done, before anything is written. */
static int measure(struct package *p, const char *const *ids, size_t n, struct err *err)
{
    struct catalogue_transfer t;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        rc = catalogue_transfer_get(p->catalogue, ids[i], &t, err);
        if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
            rc =
                err_set(err, ERR_BUSY, "%s is still coming in; export it when it is whole", ids[i]);
        if (rc == ERR_OK)
            rc = catalogue_copy_each(p->catalogue, t.key, add_copy_bytes, &p->all_bytes, err);
        p->all_bytes += rc == ERR_OK ? t.length_bytes : 0;
    }
    return rc;
}

static int put_all(struct package *p, struct err *err)
{
    size_t n = p->request->n;
    const char **ids = malloc((n ? n : 1) * sizeof *ids);
    if (!ids)
        return err_set(err, ERR_NOMEM, "no memory for a list");
    memcpy(ids, p->request->ids, n * sizeof *ids);
    qsort(ids, n, sizeof *ids, by_text);
    int rc = measure(p, ids, n, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (i == 0 || strcmp(ids[i], ids[i - 1]) != 0)
            rc = put_transfer(p, ids[i], err);
    free(ids);
    return rc;
}

static int put_signature(struct package *p, const struct buf *tags, struct err *err)
{
    struct buf p7s, pem;
    buf_init(&p7s, SEAL_DER_MAX_BYTES);
    buf_init(&pem, SEAL_DER_MAX_BYTES);
    int rc = seal_sign(p->key, buf_data(tags), tags->used, SEAL_NO_TIME, &p7s, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, "signature/manifest.p7s", buf_data(&p7s), p7s.used, err);
    if (rc == ERR_OK)
        rc = fsx_read_file(p->request->sign_cert, &pem, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, "signature/certificate.pem", buf_data(&pem), pem.used, err);
    buf_clear(&p7s);
    buf_clear(&pem);
    return rc;
}

/* The authority's answer, once it is known to be one about this package. */
static int put_stamp(struct package *p, const struct buf *tags, const struct buf *query,
                     struct err *err)
{
    struct err why;
    struct seal_stamp stamp;
    struct buf token;
    buf_init(&token, SEAL_DER_MAX_BYTES);
    int rc = seal_ts_fetch(p->request->tsa_url, buf_data(query), query->used,
                           SEAL_DEFAULT_TS_TIMEOUT_S, &token, &why);
    if (rc == ERR_OK)
        rc = seal_ts_check(&stamp, buf_data(&token), token.used, buf_data(tags), tags->used,
                           buf_data(query), query->used, NULL, &why);
    p->result->stamped = rc == ERR_OK;
    if (rc < 0)
        snprintf(p->result->no_stamp, sizeof p->result->no_stamp, "%s", why.text);
    rc =
        rc < 0 ? ERR_OK : bag_put(p->bag, "signature/token.tsr", buf_data(&token), token.used, err);
    buf_clear(&token);
    return rc;
}

/* Without a nonce: the same package asks the same question. */
static int put_stamp_request(struct package *p, const struct buf *tags, struct err *err)
{
    struct buf query;
    buf_init(&query, SEAL_DER_MAX_BYTES);
    int rc = seal_ts_request(buf_data(tags), tags->used, false, &query, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, "signature/request.tsq", buf_data(&query), query.used, err);
    if (rc == ERR_OK && p->request->tsa_url)
        rc = put_stamp(p, tags, &query, err);
    buf_clear(&query);
    return rc;
}

static int seal_and_finish(struct package *p, struct err *err)
{
    struct buf tags;
    buf_init(&tags, SEAL_DER_MAX_BYTES);
    int rc = bag_close(p->bag, &tags, p->result->tag_sha256, err);
    if (rc == ERR_OK && p->key)
        rc = put_signature(p, &tags, err);
    if (rc == ERR_OK)
        rc = put_stamp_request(p, &tags, err);
    buf_clear(&tags);
    return rc < 0 ? rc : bag_finish(p->bag, err);
}

static int fill(struct package *p, struct err *err)
{
    char readme[README_ROOM];
    int rc = put_all(p, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, "data/custody.jsonl", buf_data(&p->custody), p->custody.used, err);
    if (rc == ERR_OK)
        rc = put_tool(p, err);
    if (rc == ERR_OK)
        rc = put_report(p, err);
    if (rc == ERR_OK)
        rc = put_info(p, err);
    p->result->files = bag_files(p->bag);
    p->result->bytes = bag_bytes(p->bag);
    if (rc == ERR_OK) {
        size_t n = readme_text(p->bag, p->result, p->key != NULL, readme);
        rc = bag_put(p->bag, "README.txt", readme, n, err);
    }
    return rc < 0 ? rc : seal_and_finish(p, err);
}

/* It exists by now: a custody that cannot be written is an error that says so. */
static int note_exported(struct package *p, struct err *err)
{
    const char *name = strrchr(p->request->path, '/');
    json_t *o = json_pack("{s:s, s:s}", "package", name && name[1] ? name + 1 : p->request->path,
                          "tagmanifest_sha256", p->result->tag_sha256);
    char *what = o ? json_dumps(o, JSON_COMPACT) : NULL;
    struct custody_event e = {p->request->at_us, "exported", p->request->who, what};
    int rc =
        what ? catalogue_begin(p->catalogue, err) : err_set(err, ERR_NOMEM, "no memory for JSON");
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++)
        rc = catalogue_event_add(p->catalogue, p->request->ids[i], &e, err);
    if (rc == ERR_OK)
        rc = catalogue_commit(p->catalogue, err);
    else if (what)
        catalogue_rollback(p->catalogue);
    free(what);
    json_decref(o);
    return rc < 0 ? err_wrap(err, "the package is written, but its export is not noted") : rc;
}

int export_package(const struct export_request *request, export_progress_fn *progress, void *arg,
                   struct export_result *out, struct err *err)
{
    struct package p = {
        .request = request, .result = out, .progress = progress, .progress_arg = arg};
    *out = (struct export_result){0};
    buf_init(&p.custody, CUSTODY_BYTES_MAX);
    if (request->n == 0 || request->n > EXPORT_TRANSFERS_MAX)
        return err_set(err, ERR_LIMIT, "%zu transfers in a package; 1 to %d are possible",
                       request->n, EXPORT_TRANSFERS_MAX);
    int rc = ERR_OK;
    if (request->sign_key)
        rc = seal_key_open(&p.key, request->sign_cert, request->sign_key, request->at_us, err);
    if (rc == ERR_OK)
        rc = catalogue_open(&p.catalogue, request->root, false, err);
    if (rc == ERR_OK)
        rc = raw_open(&p.raw, request->root, err);
    if (rc == ERR_OK)
        rc = bag_new(&p.bag, request->path, request->at_us, err);
    if (rc == ERR_OK)
        rc = story_new(&p.story, err);
    if (rc == ERR_OK)
        rc = fill(&p, err);
    if (rc == ERR_OK)
        rc = note_exported(&p, err);
    bag_free(&p.bag);
    seal_key_free(&p.key);
    story_free(&p.story);
    raw_close(&p.raw);
    catalogue_close(&p.catalogue);
    buf_clear(&p.custody);
    return rc;
}

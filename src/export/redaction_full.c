/* Which package is the whole, of which a redacted one is a part. */
#include "dashspool/archive.h"
#include "dashspool/export_verify.h"
#include "redaction_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define LIST_BYTES_MAX ((size_t)1 << 20) /* 16 000 exports of one transfer */

/* ---- by its custody ---- */

/* Exports of a transfer since it is whole: their tag manifests, HASH_HEX_ROOM each. */
static int look_at_event(void *arg, const char *line, struct err *err)
{
    struct buf *hashes = arg;
    const char *event = "", *sha256 = NULL;
    json_t *json = json_loads(line, 0, NULL), *what = json_object_get(json, "what");
    int rc = ERR_OK;
    json_unpack(json, "{s:s, s:{s:s}}", "event", &event, "what", "tagmanifest_sha256", &sha256);
    if (strcmp(event, "stored") == 0)
        buf_consume(hashes, hashes->used);
    if (strcmp(event, "exported") == 0 && sha256 && strlen(sha256) == HASH_HEX_ROOM - 1 &&
        !json_is_true(json_object_get(what, "redacted")))
        rc = buf_append(hashes, sha256, HASH_HEX_ROOM, err);
    json_decref(json);
    return rc;
}

static bool has(const struct buf *hashes, const char *sha256)
{
    for (size_t at = 0; at < hashes->used; at += HASH_HEX_ROOM)
        if (strcmp((const char *)buf_data(hashes) + at, sha256) == 0)
            return true;
    return false;
}

/* Leaves in `all` what is in `own`, too. */
static void keep_common(struct buf *all, const struct buf *own)
{
    uint8_t *p = all->mem + all->start;
    size_t kept = 0;
    for (size_t at = 0; at < all->used; at += HASH_HEX_ROOM)
        if (has(own, (const char *)p + at)) {
            memmove(p + kept, p + at, HASH_HEX_ROOM);
            kept += HASH_HEX_ROOM;
        }
    all->used = kept;
}

/* The last package that was exported with all of the transfers in it. */
static int find_in_custody(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    struct buf all, own;
    int rc = ERR_OK;
    buf_init(&all, LIST_BYTES_MAX);
    buf_init(&own, LIST_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        struct buf *to = i == 0 ? &all : &own;
        buf_consume(&own, own.used);
        rc = catalogue_event_each(p->catalogue, p->request->ids[i], look_at_event, to, err);
        if (rc == ERR_OK && i > 0)
            keep_common(&all, &own);
    }
    if (rc == ERR_OK && all.used == 0)
        rc = err_set(err, ERR_NOTFOUND,
                     "a redacted package names the full one, and none was exported with all of "
                     "these transfers in it: export it first, or name it with --of");
    if (rc == ERR_OK)
        memcpy(out, buf_data(&all) + all.used - HASH_HEX_ROOM, HASH_HEX_ROOM);
    buf_clear(&all);
    buf_clear(&own);
    return rc;
}

/* ---- by its path ---- */

enum { F_TAGS, F_MANIFEST, F_INFO, FILES };

struct reading {
    struct buf text[FILES];
    int file; /* being read; -1: another one */
};

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    static const char *const names[FILES] = {"tagmanifest-sha256.txt", "manifest-sha256.txt",
                                             "bag-info.txt"};
    struct reading *r = arg;
    (void)size;
    (void)err;
    r->file = -1;
    for (int i = 0; i < FILES; i++)
        if (strcmp(name, names[i]) == 0)
            r->file = i;
    return ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct reading *r = arg;
    return r->file < 0 ? ERR_OK : buf_append(&r->text[r->file], data, n, err);
}

static int on_end(void *arg, struct err *err)
{
    (void)arg;
    (void)err;
    return ERR_OK;
}

static void not_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                     const char *text)
{
    (void)arg;
    (void)check;
    (void)verdict;
    (void)text;
}

/* It has each master, under the name that export gives it. */
static int judge_masters(const struct package *p, const char *manifest, const char *path,
                         struct err *err)
{
    struct catalogue_transfer t;
    char line[HASH_HEX_ROOM + CATALOGUE_ID_ROOM + 20];
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        if (rc < 0 || t.state != CATALOGUE_STORED)
            continue;
        snprintf(line, sizeof line, "%s  data/master/%s.", t.sha256, t.id);
        if (!strstr(manifest, line))
            rc = err_set(err, ERR_MALFORMED,
                         "the package %s does not have the original of %s: it is not the whole of "
                         "what is to be redacted",
                         path, t.id);
    }
    return rc;
}

static int judge(const struct package *p, struct reading *r, char out[HASH_HEX_ROOM],
                 struct err *err)
{
    const char *path = p->request->redaction->of;
    struct buf *manifest = &r->text[F_MANIFEST];
    const struct buf *tags = &r->text[F_TAGS], *info = &r->text[F_INFO];
    char of[HASH_HEX_ROOM];
    if (redaction_declared(buf_data(info), info->used, of))
        return err_set(err, ERR_MALFORMED, "the package %s is a redacted one itself", path);
    int rc = buf_append(manifest, "", 1, err);
    if (rc == ERR_OK)
        rc = judge_masters(p, (const char *)buf_data(manifest), path, err);
    return rc < 0 ? rc : hash_text(buf_data(tags), tags->used, out, err);
}

static int read_package(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    static const struct archive_reader reader = {NULL, on_begin, on_data, on_end};
    static const struct archive_limits limits = {0, 0};
    static const struct verify_listener nobody = {not_told, NULL, NULL};
    const struct verify_request request = {.path = p->request->redaction->of};
    struct reading r = {.file = -1};
    bool good = false;
    for (int i = 0; i < FILES; i++)
        buf_init(&r.text[i], TEXT_BYTES_MAX);
    int rc = verify_package(&request, &nobody, &good, err);
    if (rc == ERR_OK && !good)
        rc = err_set(err, ERR_MALFORMED,
                     "the package %s is not what it was; 'dashspool verify' says what is wrong",
                     request.path);
    if (rc == ERR_OK)
        rc = archive_read(request.path, &limits, &reader, &r, err);
    if (rc == ERR_OK)
        rc = judge(p, &r, out, err);
    for (int i = 0; i < FILES; i++)
        buf_clear(&r.text[i]);
    return rc;
}

int redaction_find_full(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    return p->request->redaction->of ? read_package(p, out, err) : find_in_custody(p, out, err);
}

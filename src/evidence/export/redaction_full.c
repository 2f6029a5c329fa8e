/* Which package is the whole, of which a redacted one is a part. */
#include "dashspool/verify.h"
#include "redaction_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
                     "no full package with all of these transfers was exported yet: export it "
                     "first, or name it with --of");
    if (rc == ERR_OK)
        memcpy(out, buf_data(&all) + all.used - HASH_HEX_ROOM, HASH_HEX_ROOM);
    buf_clear(&all);
    buf_clear(&own);
    return rc;
}

/* ---- by its path ---- */

static bool has_master(const struct verify_contents *in, const struct catalogue_transfer *t)
{
    for (size_t i = 0; i < in->n_masters; i++)
        if (strcmp(in->master[i].id, t->id) == 0 && strcmp(in->master[i].sha256, t->sha256) == 0)
            return true;
    return false;
}

static int judge_masters(const struct package *p, const struct verify_contents *in,
                         const char *path, struct err *err)
{
    struct catalogue_transfer t;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        if (rc == ERR_OK && t.state == CATALOGUE_STORED && !has_master(in, &t))
            rc = err_set(err, ERR_MALFORMED,
                         "package %s does not contain the original of %s: give a full package that "
                         "contains all transfers to be redacted",
                         path, t.id);
    }
    return rc;
}

static int read_package(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    const char *path = p->request->redaction->of;
    struct verify_contents in;
    int rc = verify_contents(&in, path, err);
    if (rc == ERR_OK && in.redacted_from[0])
        rc = err_set(err, ERR_MALFORMED, "package %s is itself redacted: name the full package",
                     path);
    if (rc == ERR_OK)
        rc = judge_masters(p, &in, path, err);
    if (rc == ERR_OK)
        memcpy(out, in.tag_sha256, HASH_HEX_ROOM);
    verify_contents_clear(&in);
    return rc;
}

int redaction_find_full(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    return p->request->redaction->of ? read_package(p, out, err) : find_in_custody(p, out, err);
}

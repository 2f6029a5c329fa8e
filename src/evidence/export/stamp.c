#include "dashspool/bag.h"
#include "dashspool/export_stamp.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <string.h>

/* What of the package has to be known. */
enum part { P_TAGS, P_REQUEST, PARTS };
static const char *const part_names[PARTS] = {BAG_TAG_MANIFEST, BAG_TS_REQUEST};

struct parts {
    struct buf part[PARTS];
    bool have[PARTS], stamped;
    int now; /* -1: another file */
};

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct parts *p = arg;
    (void)size;
    p->now = -1;
    for (int i = 0; i < PARTS; i++)
        if (strcmp(name, part_names[i]) == 0)
            p->now = i;
    p->stamped = p->stamped || strcmp(name, BAG_TS_TOKEN) == 0;
    return p->stamped
               ? err_set(err, ERR_BUSY, "the package already has a time stamp, %s", BAG_TS_TOKEN)
               : ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct parts *p = arg;
    return p->now < 0 ? ERR_OK : buf_append(&p->part[p->now], data, n, err);
}

static int on_end(void *arg, struct err *err)
{
    struct parts *p = arg;
    (void)err;
    if (p->now >= 0)
        p->have[p->now] = true;
    return ERR_OK;
}

/* ---- the stamp ---- */

static int get_token(const struct export_stamp_request *request, const struct parts *p,
                     struct buf *token, struct err *err)
{
    const struct buf *query = &p->part[P_REQUEST];
    if (request->token_path)
        return fsx_read_file(request->token_path, token, err);
    if (!p->have[P_REQUEST])
        return err_set(err, ERR_MALFORMED, "%s: %s is missing, nothing to send", request->package,
                       part_names[P_REQUEST]);
    return seal_ts_fetch(request->tsa_url, buf_data(query), query->used, SEAL_DEFAULT_TS_TIMEOUT_S,
                         token, err);
}

static int attach(const struct export_stamp_request *request, const struct parts *p,
                  struct buf *token, struct seal_stamp *out, struct err *err)
{
    const struct buf *tags = &p->part[P_TAGS], *query = &p->part[P_REQUEST];
    if (!p->have[P_TAGS])
        return err_set(err, ERR_MALFORMED, "%s is not an evidence package: %s is missing",
                       request->package, part_names[P_TAGS]);
    int rc = get_token(request, p, token, err);
    if (rc < 0)
        return rc;
    rc = seal_ts_check(out, buf_data(token), token->used, buf_data(tags), tags->used,
                       p->have[P_REQUEST] ? buf_data(query) : NULL, query->used, NULL, err);
    if (rc < 0)
        return err_wrap(err, "%s", request->token_path ? request->token_path : request->tsa_url);
    return bag_add(request->package, BAG_TS_TOKEN, buf_data(token), token->used, err);
}

int export_stamp_attach(const struct export_stamp_request *request, struct seal_stamp *out,
                        struct err *err)
{
    static const struct bag_reader reader = {NULL, on_begin, on_data, on_end};
    struct parts p = {.now = -1};
    struct buf token;
    buf_init(&token, SEAL_DER_MAX_BYTES);
    for (int i = 0; i < PARTS; i++)
        buf_init(&p.part[i], SEAL_DER_MAX_BYTES);
    int rc = bag_read(request->package, &(struct bag_limits){0, 0}, &reader, &p, err);
    if (rc < 0)
        rc = err_wrap(err, "%s", request->package);
    if (rc == ERR_OK)
        rc = attach(request, &p, &token, out, err);
    for (int i = 0; i < PARTS; i++)
        buf_clear(&p.part[i]);
    buf_clear(&token);
    return rc;
}

#include "dashspool/fsx.h"
#include "package_internal.h"
#include <stdio.h>

static int put_signature(struct package *p, const struct buf *tags, struct err *err)
{
    struct buf p7s, pem;
    buf_init(&p7s, SEAL_DER_MAX_BYTES);
    buf_init(&pem, SEAL_DER_MAX_BYTES);
    int rc = seal_sign(p->key, buf_data(tags), tags->used, SEAL_NO_TIME, &p7s, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, BAG_SIGNATURE, buf_data(&p7s), p7s.used, err);
    if (rc == ERR_OK)
        rc = fsx_read_file(p->request->sign_cert, &pem, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, BAG_CERTIFICATE, buf_data(&pem), pem.used, err);
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
    rc = rc < 0 ? ERR_OK : bag_put(p->bag, BAG_TS_TOKEN, buf_data(&token), token.used, err);
    buf_clear(&token);
    return rc;
}

/* Without a nonce: the same package asks the same question. */
static int put_question(struct package *p, const struct buf *tags, struct err *err)
{
    struct buf query;
    buf_init(&query, SEAL_DER_MAX_BYTES);
    int rc = seal_ts_request(buf_data(tags), tags->used, false, &query, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, BAG_TS_REQUEST, buf_data(&query), query.used, err);
    if (rc == ERR_OK && p->request->tsa_url)
        rc = put_stamp(p, tags, &query, err);
    buf_clear(&query);
    return rc;
}

int package_put_seals(struct package *p, const struct buf *tags, struct err *err)
{
    int rc = p->key ? put_signature(p, tags, err) : ERR_OK;
    return rc < 0 ? rc : put_question(p, tags, err);
}

/* What stands over the tag manifest of a package: a signature, and a time stamp, when it is made or
 * later. */
#include "dashspool/fsx.h"
#include "package_internal.h"
#include <stdio.h>

/* ---- of a package that is made ---- */

int package_put_claims(struct package *p, struct err *err)
{
    struct seal_signer signer;
    int rc = p->key ? seal_key_describe(&signer, p->key, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = bag_put_info(p->bag, BAG_SIGNER, p->key ? signer.fingerprint : BAG_NO_SIGNER, err);
    return rc < 0 ? rc
                  : bag_put_info(p->bag, BAG_STAMP_ASKED, p->request->tsa_url ? "yes" : "no", err);
}

static int put_signature(struct package *p, const struct buf *tags, struct err *err)
{
    struct buf p7s, pem;
    buf_init(&p7s, SEAL_DER_MAX_BYTES);
    buf_init(&pem, SEAL_DER_MAX_BYTES);
    int rc = seal_sign(p->key, buf_data(tags), tags->used, SEAL_NO_TIME, &p7s, err);
    if (rc == ERR_OK &&
        (rc = bag_put(p->bag, BAG_SIGNATURE, buf_data(&p7s), p7s.used, err)) == ERR_OK &&
        (rc = seal_key_pem(p->key, &pem, err)) == ERR_OK)
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

int package_put_seals(struct package *p, const struct buf *tags, struct err *err)
{
    int rc = p->key ? put_signature(p, tags, err) : ERR_OK;
    if (rc != ERR_OK)
        return rc;
    /* Without a nonce: the same package asks the same question. */
    struct buf query;
    buf_init(&query, SEAL_DER_MAX_BYTES);
    rc = seal_ts_request(buf_data(tags), tags->used, false, &query, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, BAG_TS_REQUEST, buf_data(&query), query.used, err);
    if (rc == ERR_OK && p->request->tsa_url)
        rc = put_stamp(p, tags, &query, err);
    buf_clear(&query);
    return rc;
}

/* ---- a time stamp for one that exists ---- */

/* What of the package has to be known. */
enum part { P_TAGS, P_REQUEST, P_TOKEN, PARTS };

static int attach(const struct export_stamp_request *request, const struct bag_text *part,
                  struct buf *token, struct seal_stamp *out, struct err *err)
{
    const struct buf *tags = &part[P_TAGS].text, *query = &part[P_REQUEST].text;
    if (part[P_TOKEN].have)
        return err_set(err, ERR_BUSY, "%s: the package already has a time stamp, %s",
                       request->package, BAG_TS_TOKEN);
    if (!part[P_TAGS].have)
        return err_set(err, ERR_MALFORMED, "%s is not an evidence package: %s is missing",
                       request->package, BAG_TAG_MANIFEST);
    int rc = ERR_OK;
    if (request->token_path)
        rc = fsx_read_file(request->token_path, token, err);
    else if (!part[P_REQUEST].have)
        rc = err_set(err, ERR_MALFORMED, "%s: %s is missing, nothing to send", request->package,
                     part[P_REQUEST].name);
    else
        rc = seal_ts_fetch(request->tsa_url, buf_data(&part[P_REQUEST].text),
                           part[P_REQUEST].text.used, SEAL_DEFAULT_TS_TIMEOUT_S, token, err);
    if (rc < 0)
        return rc;
    /* what somebody else asked for may have been asked in another way */
    rc = seal_ts_check(out, buf_data(token), token->used, buf_data(tags), tags->used,
                       request->token_path ? NULL : buf_data(query), query->used, NULL, err);
    if (rc < 0)
        return err_wrap(err, "%s", request->token_path ? request->token_path : request->tsa_url);
    return bag_add(request->package, BAG_TS_TOKEN, buf_data(token), token->used, err);
}

int export_stamp_attach(const struct export_stamp_request *request, struct seal_stamp *out,
                        struct err *err)
{
    struct bag_text part[PARTS] = {[P_TAGS] = {.name = BAG_TAG_MANIFEST},
                                   [P_REQUEST] = {.name = BAG_TS_REQUEST},
                                   [P_TOKEN] = {.name = BAG_TS_TOKEN}};
    struct buf token;
    buf_init(&token, SEAL_DER_MAX_BYTES);
    for (int i = 0; i < PARTS; i++)
        buf_init(&part[i].text, SEAL_DER_MAX_BYTES);
    int rc = bag_read_texts(request->package, part, PARTS, err);
    if (rc < 0)
        rc = err_wrap(err, "%s", request->package);
    if (rc == ERR_OK)
        rc = attach(request, part, &token, out, err);
    for (int i = 0; i < PARTS; i++)
        buf_clear(&part[i].text);
    buf_clear(&token);
    return rc;
}

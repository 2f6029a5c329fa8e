#define _GNU_SOURCE /* memfd_create */
/* What stands over the tag manifest of a package: a signature, and a time stamp, when it is made or
 * later. */
#include "dashspool/fsx.h"
#include "dashspool/sandbox.h"
#include "dashspool/text.h"
#include "package_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* ---- an authority's answer, which is a stranger's ---- */

enum { STAMP_BYTES = 256 << 20, STAMP_CPU_S = 30, STAMP_WALL_S = 300 };

struct answer { /* what of the file is what, one behind the other */
    size_t n_tags, n_token, n_query;
    int has_query;
};

static int look_at_answer(const void *in, const int *fd, int n_fds, void *out, struct err *err)
{
    const struct answer *a = in;
    const size_t n = a->n_tags + a->n_token + a->n_query;
    uint8_t *all = n_fds == 1 ? malloc(n + 1) : NULL;
    if (!all)
        return err_nomem(err, "a time stamp");
    int rc = pread(fd[0], all, n, 0) == (ssize_t)n ? ERR_OK : err_sys(err, "read a time stamp");
    if (rc == ERR_OK)
        rc = seal_ts_check(out, all + a->n_tags, a->n_token, all, a->n_tags,
                           a->has_query ? all + a->n_tags + a->n_token : NULL, a->n_query, NULL,
                           err);
    free(all);
    return rc;
}

static bool tame(char *text, size_t room)
{
    if (!memchr(text, '\0', room))
        return false;
    text_tame(text);
    return true;
}

/* seal_ts_check(), without trust, by a function apart: this process may write the store, and holds
 * the key. query may be NULL. */
static int check_stamp(struct seal_stamp *out, const struct buf *token, const struct buf *tags,
                       const struct buf *query, struct err *err)
{
    const struct sandbox_apart_work work = {.fn = look_at_answer,
                                            .n_in = sizeof(struct answer),
                                            .n_out = sizeof *out,
                                            .memory_bytes = STAMP_BYTES,
                                            .cpu_s = STAMP_CPU_S,
                                            .wall_s = STAMP_WALL_S};
    const struct answer in = {tags->used, token->used, query ? query->used : 0, query != NULL};
    char of_nothing[HASH_HEX_ROOM]; /* OpenSSL reads once what is out of reach there */
    int rc = hash_text("", 0, of_nothing, err), fd = -1;
    if (rc == ERR_OK && (fd = memfd_create("dashspool-stamp", MFD_CLOEXEC)) < 0)
        rc = err_sys(err, "memory for a time stamp");
    if (rc == ERR_OK && (rc = fsx_write_all(fd, buf_data(tags), tags->used, err)) == ERR_OK &&
        (rc = fsx_write_all(fd, buf_data(token), token->used, err)) == ERR_OK && query)
        rc = fsx_write_all(fd, buf_data(query), query->used, err);
    if (rc == ERR_OK)
        rc = sandbox_apart_once(&work, &in, &fd, 1, out, err);
    if (fd >= 0)
        close(fd);
    struct seal_signer *who = &out->authority;
    if (rc == ERR_OK &&
        !(tame(who->subject, sizeof who->subject) && tame(who->issuer, sizeof who->issuer) &&
          tame(who->serial, sizeof who->serial) &&
          tame(who->fingerprint, sizeof who->fingerprint) &&
          tame(out->serial, sizeof out->serial) && tame(out->policy, sizeof out->policy) &&
          tame(out->why, sizeof out->why)))
        rc = err_set(err, ERR_MALFORMED, "what was found in the time stamp cannot be");
    out->trusted = who->self_signed = false; /* nobody asked */
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
        rc = check_stamp(&stamp, &token, tags, query, &why);
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
    rc = check_stamp(out, token, tags, request->token_path ? NULL : query, err);
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

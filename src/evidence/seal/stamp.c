/* Time stamps (RFC 3161): asked for, fetched over HTTP, and checked. A token is SignedData, and is
 * verified as such, in one place with the signatures. */
#include "seal_internal.h"
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/ts.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- fetching (3.4), by OpenSSL's client ---- */

enum { URL_MAX = 2000 };

struct url {
    int tls;
    char *user, *host, *port, *path, *query, *fragment;
};

struct tls_peer {
    SSL_CTX *ctx;
    const char *host;
};

static SSL_CTX *tls_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_default_verify_paths(ctx) == 1) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

/* The host must be the one of the certificate, by name or by address. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    char name[256]; /* OpenSSL's macro casts const away; a DNS name is shorter */
    bool address = X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
    snprintf(name, sizeof name, "%s", host);
    ERR_clear_error();
    return address || (SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1);
}

/* OSSL_HTTP_bio_cb_t: puts TLS upon the connection; it is freed with the connection. */
static BIO *add_tls(BIO *bio, void *arg, int connected, int detail)
{
    const struct tls_peer *peer = arg;
    SSL *ssl = NULL;
    if (!connected || !detail)
        return bio;
    BIO *tls = BIO_new_ssl(peer->ctx, 1);
    if (tls && BIO_get_ssl(tls, &ssl) == 1 && expect_host(ssl, peer->host))
        return BIO_push(tls, bio);
    BIO_free(tls);
    return NULL;
}

/* A peer that hangs up must not end the process; the signal of this thread is taken back. */
static BIO *transfer_without_sigpipe(const struct url *u, struct tls_peer *peer, BIO *request,
                                     int timeout_s)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    char path[URL_MAX + 8];
    snprintf(path, sizeof path, "%s%s%s", u->path, u->query && *u->query ? "?" : "",
             u->query ? u->query : "");
    BIO *answer = OSSL_HTTP_transfer(
        NULL, u->host, u->port, path, u->tls, NULL, NULL, NULL, NULL, u->tls ? add_tls : NULL, peer,
        0, NULL, "application/timestamp-query", request, "application/timestamp-reply", 1,
        SEAL_DER_MAX_BYTES, timeout_s, 0);
    if (!sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0}) == SIGPIPE)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return answer;
}

static int take_answer(BIO *answer, struct buf *out, struct err *err)
{
    uint8_t block[4096];
    size_t total = 0;
    int n, rc = ERR_OK;
    while (rc == ERR_OK && (n = BIO_read(answer, block, sizeof block)) > 0) {
        total += (size_t)n;
        rc = total > SEAL_DER_MAX_BYTES
                 ? err_set(err, ERR_LIMIT, "more than %d bytes of answer", SEAL_DER_MAX_BYTES)
                 : buf_append(out, block, (size_t)n, err);
    }
    return rc;
}

int seal_ts_fetch(const char *url, const void *request, size_t n_request, int timeout_s,
                  struct buf *out, struct err *err)
{
    struct url u = {0};
    struct tls_peer peer = {0};
    BIO *body = NULL, *answer = NULL;
    ERR_clear_error();
    int rc = ERR_OK;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        rc = err_set(err, ERR_CONFIG, "%.200s: expected a URL starting with http:// or https://",
                     url);
    else if (OSSL_HTTP_parse_url(url, &u.tls, &u.user, &u.host, &u.port, NULL, &u.path, &u.query,
                                 &u.fragment) != 1)
        rc = seal_fail(err, ERR_CONFIG, "%.200s: no URL", url);
    else if (strlen(url) > URL_MAX)
        rc = err_set(err, ERR_CONFIG, "%.200s...: longer than %d characters", url, URL_MAX);
    else if (!u.host[0] || (u.user && u.user[0]))
        rc = err_set(err, ERR_CONFIG, "%.200s: a host is needed, and no user", url);
    if (rc < 0)
        goto out;
    if (n_request > SEAL_DER_MAX_BYTES || timeout_s < 1) {
        rc = err_set(err, ERR_CONFIG, "a request too large, or no time to wait for the answer");
        goto out;
    }
    peer.host = u.host;
    body = BIO_new_mem_buf(request, (int)n_request);
    if (!body || (u.tls && !(peer.ctx = tls_context())))
        rc = seal_fail(err, ERR_NOMEM, "cannot prepare a connection to %.200s", url);
    else if (!(answer = transfer_without_sigpipe(&u, &peer, body, timeout_s)))
        rc = seal_fail(err, ERR_IO, "no time stamp from %.200s", url);
    else if ((rc = take_answer(answer, out, err)) < 0)
        err_wrap(err, "%.200s", url);
out:
    BIO_free_all(answer);
    BIO_free(body);
    SSL_CTX_free(peer.ctx);
    OPENSSL_free(u.user);
    OPENSSL_free(u.host);
    OPENSSL_free(u.port);
    OPENSSL_free(u.path);
    OPENSSL_free(u.query);
    OPENSSL_free(u.fragment);
    ERR_clear_error();
    return rc;
}

/* ---- asking and checking ---- */

static bool set_nonce(TS_REQ *req)
{
    uint8_t bytes[8];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* all requests are of one length */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    ASN1_INTEGER *nonce = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
    bool good = nonce && TS_REQ_set_nonce(req, nonce) == 1;
    ASN1_INTEGER_free(nonce);
    BN_free(n);
    return good;
}

static bool set_imprint(TS_REQ *req, const void *content, size_t n)
{
    uint8_t digest[HASH_BYTES];
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool good = imprint && algorithm && seal_sha256(content, n, digest) &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
                TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
                TS_MSG_IMPRINT_set_msg(imprint, digest, sizeof digest) == 1 &&
                TS_REQ_set_msg_imprint(req, imprint) == 1;
    TS_MSG_IMPRINT_free(imprint);
    X509_ALGOR_free(algorithm);
    return good;
}

int seal_ts_request(const void *content, size_t n, bool with_nonce, struct buf *out,
                    struct err *err)
{
    uint8_t *der = NULL;
    TS_REQ *req = TS_REQ_new();
    int n_der = -1, rc;
    if (req && TS_REQ_set_version(req, 1) == 1 && set_imprint(req, content, n) &&
        (!with_nonce || set_nonce(req)) && TS_REQ_set_cert_req(req, 1) == 1)
        n_der = i2d_TS_REQ(req, &der);
    rc = n_der > 0 ? buf_append(out, der, (size_t)n_der, err)
                   : seal_fail(err, ERR_NOMEM, "cannot make a request for a time stamp");
    OPENSSL_free(der);
    TS_REQ_free(req);
    return rc;
}

/* RFC 3161, 2.4.2: PKIFailureInfo. */
static const char *failure_name(const TS_STATUS_INFO *status)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {{0, "badAlg"},
                 {2, "badRequest"},
                 {5, "badDataFormat"},
                 {14, "timeNotAvailable"},
                 {15, "unacceptedPolicy"},
                 {16, "unacceptedExtension"},
                 {17, "addInfoNotAvailable"},
                 {25, "systemFailure"}};
    const ASN1_BIT_STRING *bits = TS_STATUS_INFO_get0_failure_info(status);
    for (size_t i = 0; bits && i < sizeof names / sizeof *names; i++)
        if (ASN1_BIT_STRING_get_bit(bits, names[i].bit))
            return names[i].name;
    return "no reason given";
}

/* The authority's own words, escaped. */
static void status_text(const TS_STATUS_INFO *status, char *out, size_t room)
{
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(status);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio && sk_ASN1_UTF8STRING_num(texts) > 0 &&
        ASN1_STRING_print_ex(bio, sk_ASN1_UTF8STRING_value(texts, 0),
                             ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB) > 0) {
        long n = BIO_get_mem_data(bio, &text);
        snprintf(out, room, ": %.*s", n < 200 ? (int)n : 200, text);
    }
    BIO_free(bio);
}

static int judge_status(const uint8_t *der, size_t n, struct err *err)
{
    const unsigned char *p = der;
    char said[256];
    TS_STATUS_INFO *status = d2i_TS_STATUS_INFO(NULL, &p, (long)n);
    int rc = ERR_OK;
    if (!status || p != der + n)
        rc = seal_fail(err, ERR_MALFORMED, "the answer's status cannot be read");
    else if (ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)) > 1 ||
             ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)) < 0) {
        status_text(status, said, sizeof said);
        rc = err_set(err, ERR_UNSUPPORTED, "the authority did not grant the time stamp (%s)%s",
                     failure_name(status), said);
    }
    TS_STATUS_INFO_free(status);
    return rc;
}

/* The token of a TimeStampResp that was granted, or all of it if it begins like a token. */
static int find_token(struct rd *token, const uint8_t *tsr, size_t n, struct err *err)
{
    struct rd all = rd_init(tsr, n), inside = der_enter(&all, DER_SEQUENCE);
    *token = rd_init(tsr, n);
    if (!rd_done(&all))
        return err_set(err, ERR_MALFORMED, "this is not a time stamp in DER");
    if (der_is(&inside, DER_OID))
        return ERR_OK;
    const uint8_t *status = inside.p;
    der_enter(&inside, DER_SEQUENCE);
    if (inside.bad)
        return err_set(err, ERR_MALFORMED, "not a time-stamp response");
    int rc = judge_status(status, (size_t)(inside.p - status), err);
    if (rc == ERR_OK && rd_left(&inside) == 0)
        rc = err_set(err, ERR_MALFORMED, "the answer has no time stamp in it");
    *token = inside;
    return rc;
}

static TS_TST_INFO *statement(CMS_ContentInfo *cms)
{
    ASN1_OCTET_STRING *content = *CMS_get0_content(cms);
    const unsigned char *p = ASN1_STRING_get0_data(content), *end = p + ASN1_STRING_length(content);
    TS_TST_INFO *info = d2i_TS_TST_INFO(NULL, &p, end - p);
    bool good = info && p == end && TS_TST_INFO_get_version(info) == 1;
    for (int i = 0; good && i < TS_TST_INFO_get_ext_count(info); i++)
        good = !X509_EXTENSION_get_critical(TS_TST_INFO_get_ext(info, i));
    if (good)
        return info;
    TS_TST_INFO_free(info);
    return NULL;
}

/* Authorities that are asked by other programs' requests stamp other lengths of SHA-2. */
static const EVP_MD *imprint_digest(TS_MSG_IMPRINT *imprint)
{
    const ASN1_OBJECT *oid;
    X509_ALGOR_get0(&oid, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    int nid = OBJ_obj2nid(oid);
    return nid == NID_sha256   ? EVP_sha256()
           : nid == NID_sha384 ? EVP_sha384()
           : nid == NID_sha512 ? EVP_sha512()
                               : NULL;
}

static int judge_imprint(TS_MSG_IMPRINT *imprint, const void *content, size_t n, const char *what,
                         struct err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    const EVP_MD *md = imprint_digest(imprint);
    ASN1_OCTET_STRING *msg = TS_MSG_IMPRINT_get_msg(imprint);
    if (!md)
        return err_set(err, ERR_UNSUPPORTED,
                       "the %s is over another checksum than SHA-256, SHA-384 or SHA-512", what);
    if (EVP_Digest(content, n, digest, &length, md, NULL) != 1)
        return seal_fail(err, ERR_NOMEM, "no checksum");
    return ASN1_STRING_length(msg) == (int)length &&
                   memcmp(ASN1_STRING_get0_data(msg), digest, length) == 0
               ? ERR_OK
               : err_set(err, ERR_MALFORMED, "the %s does not match this package", what);
}

/* RFC 3161, 2.4.2: what the answer must repeat. */
static int judge_request(TS_TST_INFO *info, const void *content, size_t n_content,
                         const void *request, size_t n, struct err *err)
{
    const unsigned char *p = request;
    TS_REQ *req = n > 0 && n <= SEAL_DER_MAX_BYTES ? d2i_TS_REQ(NULL, &p, (long)n) : NULL;
    int rc = ERR_OK;
    if (!req || p != (const unsigned char *)request + n) {
        rc = seal_fail(err, ERR_MALFORMED, "the request for the time stamp cannot be read");
        goto out;
    }
    const ASN1_INTEGER *asked = TS_REQ_get_nonce(req), *got = TS_TST_INFO_get_nonce(info);
    ASN1_OBJECT *policy = TS_REQ_get_policy_id(req);
    if ((rc = judge_imprint(TS_REQ_get_msg_imprint(req), content, n_content,
                            "request for the time stamp", err)) < 0)
        goto out;
    if (asked && (!got || ASN1_INTEGER_cmp(asked, got) != 0))
        rc = err_set(err, ERR_MALFORMED, "the time stamp answers another request (nonce differs)");
    else if (policy && OBJ_cmp(policy, TS_TST_INFO_get_policy_id(info)) != 0)
        rc = err_set(err, ERR_MALFORMED, "the time stamp is by another policy than was asked for");
out:
    TS_REQ_free(req);
    return rc;
}

static int64_t accuracy_us(TS_TST_INFO *info)
{
    TS_ACCURACY *a = TS_TST_INFO_get_accuracy(info);
    const ASN1_INTEGER *part[3];
    static const int64_t unit[3] = {1000000, 1000, 1};
    int64_t sum = 0, v;
    if (!a)
        return -1;
    part[0] = TS_ACCURACY_get_seconds(a);
    part[1] = TS_ACCURACY_get_millis(a);
    part[2] = TS_ACCURACY_get_micros(a);
    for (int i = 0; i < 3; i++)
        if (part[i] && ASN1_INTEGER_get_int64(&v, part[i]) == 1 && v >= 0 && v < 1000000000)
            sum += v * unit[i];
    return sum;
}

static int describe(struct seal_stamp *out, TS_TST_INFO *info, X509 *cert, struct err *err)
{
    int rc = seal_signer_describe(&out->authority, cert, err);
    if (rc < 0)
        return rc;
    out->at_us = seal_time_us(TS_TST_INFO_get_time(info));
    out->accuracy_us = accuracy_us(info);
    seal_serial_text(out->serial, TS_TST_INFO_get_serial(info));
    OBJ_obj2txt(out->policy, sizeof out->policy, TS_TST_INFO_get_policy_id(info), 1);
    ERR_clear_error();
    if (out->at_us == SEAL_NO_TIME)
        return err_set(err, ERR_MALFORMED, "the time of the time stamp cannot be read");
    if (X509_check_purpose(cert, X509_PURPOSE_TIMESTAMP_SIGN, 0) != 1)
        return seal_fail(err, ERR_MALFORMED,
                         "the certificate of the time stamp is not one for time stamps (%s)",
                         out->authority.subject);
    if (out->at_us < out->authority.from_us || out->at_us > out->authority.until_us)
        return err_set(err, ERR_MALFORMED,
                       "the certificate of the time stamp was not valid at its time (%s)",
                       out->authority.subject);
    return ERR_OK;
}

int seal_ts_check(struct seal_stamp *out, const void *tsr, size_t n_tsr, const void *content,
                  size_t n, const void *request, size_t n_request, const struct seal_trust *trust,
                  struct err *err)
{
    struct signed_data s = {0};
    struct rd token;
    memset(out, 0, sizeof *out);
    ERR_clear_error();
    if (n_tsr > SEAL_DER_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "the time stamp has %zu bytes; at most %d are read", n_tsr,
                       SEAL_DER_MAX_BYTES);
    int rc = find_token(&token, tsr, n_tsr, err);
    if (rc == ERR_OK)
        rc = signed_data_open(&s, token.p, rd_left(&token), "time stamp", NID_id_smime_ct_TSTInfo,
                              false, err);
    if (rc == ERR_OK) {
        char why[SEAL_TEXT_ROOM];
        TS_TST_INFO *info = NULL;
        if (!signed_data_verify(&s, NULL, 0, why))
            rc = err_set(err, ERR_MALFORMED, "the time stamp is not genuine: %s", why);
        else if (!s.bound)
            rc = err_set(err, ERR_MALFORMED,
                         "the time stamp does not say which certificate signed it");
        else if (!(info = statement(s.cms)))
            rc = seal_fail(err, ERR_MALFORMED, "what the time stamp states cannot be read");
        else if ((rc = judge_imprint(TS_TST_INFO_get_msg_imprint(info), content, n, "time stamp",
                                     err)) == ERR_OK &&
                 (!request ||
                  (rc = judge_request(info, content, n, request, n_request, err)) == ERR_OK))
            rc = describe(out, info, s.cert, err);
        TS_TST_INFO_free(info);
    }
    if (rc == ERR_OK && trust && trust->ca_path)
        rc = seal_chain(&out->trusted, out->why, s.cert, s.certs, trust->ca_path, out->at_us,
                        X509_PURPOSE_TIMESTAMP_SIGN, err);
    signed_data_clear(&s);
    return rc;
}

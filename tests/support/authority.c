#include "support/authority.h"
#include "support/proc.h"
#include "support/support.h"
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void run(const char *const argv[])
{
    struct proc_result r = proc_run(argv);
    if (r.status != 0)
        fail_msg("%s %s: %s", argv[0], argv[1], proc_err(&r));
    proc_clear(&r);
}

void authority_make_cert(const char *dir, const char *name, const char *usage)
{
    char cert[600], key[600], subject[80];
    snprintf(cert, sizeof cert, "%s/%s.pem", dir, name);
    snprintf(key, sizeof key, "%s/%s.key", dir, name);
    snprintf(subject, sizeof subject, "/O=Time/CN=%s", name);
    run((const char *const[]){
        "openssl", "req",   "-x509",   "-newkey", "ec",    "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-subj", subject,   "-addext", usage,   "-addext",  "keyUsage=digitalSignature",
        "-out",    cert,    "-keyout", key,       "-days", "2",        NULL});
}

void authority_configure(const char *dir, const char *config, const char *cert,
                         const char *ess_hash)
{
    char text[2000], path[600];
    snprintf(path, sizeof path, "%s/serial", dir);
    support_write(path, "0A01\n", 5);
    int n = snprintf(
        text, sizeof text,
        "[tsa]\ndefault_tsa = t\n[t]\nserial = %s/serial\ncrypto_device = builtin\n"
        "signer_cert = %s/%s.pem\nsigner_key = %s/%s.key\nsigner_digest = sha256\n"
        "default_policy = 1.2.3.4.1\nother_policies = 1.2.3.4.5\n"
        "digests = sha256, sha384, sha512\naccuracy = secs:1, millisecs:500, microsecs:100\n"
        "ordering = yes\ntsa_name = yes\ness_cert_id_chain = no\n"
        "clock_precision_digits = 3\ness_cert_id_alg = %s\n",
        dir, dir, cert, dir, cert, ess_hash);
    snprintf(path, sizeof path, "%s/%s", dir, config);
    support_write(path, text, (size_t)n);
}

struct buf authority_reply(const char *dir, const char *config, const struct buf *request,
                           bool token)
{
    char cnf[600], query[600], answer[600];
    snprintf(cnf, sizeof cnf, "%s/%s", dir, config);
    snprintf(query, sizeof query, "%s/query", dir);
    snprintf(answer, sizeof answer, "%s/answer", dir);
    support_write(query, buf_data(request), request->used);
    run((const char *const[]){"openssl", "ts", "-reply", "-config", cnf, "-queryfile", query,
                              "-out", answer, token ? "-token_out" : NULL, NULL});
    return support_read(answer);
}

/* ---- at another time ---- */

enum { YEAR_S = 365 * 86400 };

static void put_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *make_cert_at(EVP_PKEY *key, const char *name, long at_s)
{
    X509 *cert = X509_new();
    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), at_s - YEAR_S));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), at_s + YEAR_S));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    put_extension(cert, NID_ext_key_usage, "critical,timeStamping");
    put_extension(cert, NID_key_usage, "critical,digitalSignature");
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static ASN1_INTEGER *give_serial(struct TS_resp_ctx *ctx, void *arg)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    (void)ctx;
    (void)arg;
    assert_int_equal(ASN1_INTEGER_set(serial, 1), 1);
    return serial;
}

static int give_time(struct TS_resp_ctx *ctx, void *arg, long *seconds, long *us)
{
    (void)ctx;
    *seconds = time(NULL) + *(long *)arg;
    *us = 250000;
    return 1;
}

struct buf authority_reply_at(const char *dir, const char *name, const struct buf *request,
                              int years)
{
    long at_s = years * (long)YEAR_S;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *cert = make_cert_at(key, name, at_s);
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.1", 1);
    BIO *asked = BIO_new_mem_buf(buf_data(request), (int)request->used);
    assert_true(ctx && policy && asked);
    assert_int_equal(TS_RESP_CTX_set_signer_cert(ctx, cert), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_key(ctx, key), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_def_policy(ctx, policy), 1);
    assert_int_equal(TS_RESP_CTX_add_md(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_clock_precision_digits(ctx, 3), 1);
    TS_RESP_CTX_set_serial_cb(ctx, give_serial, NULL);
    TS_RESP_CTX_set_time_cb(ctx, give_time, &at_s);
    TS_RESP *answer = TS_RESP_create_response(ctx, asked);
    assert_non_null(answer);
    unsigned char *der = NULL;
    int n = i2d_TS_RESP(answer, &der);
    assert_true(n > 0);
    struct buf out;
    struct err err;
    buf_init(&out, 1 << 20);
    assert_ok(buf_append(&out, der, (size_t)n, &err));
    char path[600];
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    FILE *f = fopen(path, "wbe");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, cert), 1);
    assert_int_equal(fclose(f), 0);
    OPENSSL_free(der);
    TS_RESP_free(answer);
    BIO_free(asked);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
    return out;
}

/* ---- the server ---- */

static size_t body_at(const char *heard, size_t n)
{
    const char *end = strstr(heard, "\r\n\r\n"), *length = strstr(heard, "Content-Length: ");
    size_t head = end ? (size_t)(end + 4 - heard) : 0;
    return end && length && n >= head + strtoul(length + strlen("Content-Length: "), NULL, 10)
               ? head
               : 0;
}

static void *serve(void *arg)
{
    struct authority_server *s = arg;
    char heard[8192] = "", head[200];
    size_t n = 0;
    int fd = accept(s->fd, NULL, NULL);
    for (ssize_t got = 1; fd >= 0 && got > 0 && body_at(heard, n) == 0;) {
        got = read(fd, heard + n, sizeof heard - 1 - n);
        n += got > 0 ? (size_t)got : 0;
        heard[n] = '\0';
    }
    size_t at = body_at(heard, n);
    if (at > 0) {
        struct err err;
        struct buf request;
        buf_init(&request, sizeof heard);
        assert_ok(buf_append(&request, heard + at, n - at, &err));
        struct buf answer = authority_reply(s->dir, s->config, &request, false);
        int m = snprintf(head, sizeof head,
                         "HTTP/1.0 200 OK\r\nContent-Type: application/timestamp-reply\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         answer.used);
        if (write(fd, head, (size_t)m) != m ||
            write(fd, buf_data(&answer), answer.used) != (ssize_t)answer.used)
            fprintf(stderr, "the authority was not listened to\n");
        buf_clear(&answer);
        buf_clear(&request);
    }
    close(fd);
    return NULL;
}

void authority_start(struct authority_server *s, const char *dir, const char *config)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *s = (struct authority_server){.dir = dir, .config = config};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/tsa", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void authority_end(struct authority_server *s)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
}

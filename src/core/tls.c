#include "dashspool/tls.h"
#include "dashspool/fsx.h"
#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_context {
    SSL_CTX *ctx;
    bool server;
};

struct tls {
    SSL *ssl; /* owns both */
    BIO *in, *out;
    bool server;
    int first; /* byte of the peer; -1: none yet */
};

enum { HANDSHAKE = 0x16 }; /* RFC 8446, 5.1: content type of a hello */

/* What OpenSSL complained of first, and nothing left of it for the next one; of a certificate that
 * a client does not trust, why. */
static int fail(const struct tls *t, struct err *err, int code, const char *what)
{
    char why[160] = "";
    bool judged = t && !t->server && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE;
    long verified = judged ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    unsigned long e = ERR_get_error();
    if (e)
        ERR_error_string_n(e, why, sizeof why);
    ERR_clear_error();
    const char *reason = strrchr(why, ':');
    if (verified != X509_V_OK)
        return err_set(err, code, "%s: the receiver's certificate: %s", what,
                       X509_verify_cert_error_string(verified));
    return err_set(err, code, "%s: %s", what, reason ? reason + 1 : "OpenSSL does not say why");
}

/* ---- contexts ---- */

/* Nobody sits at a terminal to be asked. */
static int no_passphrase(char *out, int room, int writing, void *arg)
{
    (void)out;
    (void)room;
    (void)writing;
    *(bool *)arg = true;
    return 0;
}

/* OpenSSL would wait for a FIFO, and the event loop with it. */
static int check_file(const char *path, struct err *err)
{
    return fsx_check_file(path, err) < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}

static int load_own(SSL_CTX *ctx, const char *cert, const char *key, struct err *err)
{
    bool asked = false;
    if (check_file(cert, err) < 0 || check_file(key, err) < 0)
        return err->code;
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return fail(NULL, err, ERR_CONFIG, cert);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    bool good = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    if (asked) {
        ERR_clear_error();
        return err_set(err, ERR_CONFIG,
                       "%s: the key is encrypted; decrypt it with openssl pkey -in KEY -out "
                       "OPEN-KEY, and restrict access to that file",
                       key);
    }
    unsigned long why = good ? 0 : ERR_peek_error();
    if (ERR_GET_REASON(why) == X509_R_KEY_VALUES_MISMATCH ||
        ERR_GET_REASON(why) == X509_R_KEY_TYPE_MISMATCH) {
        ERR_clear_error();
        return err_set(err, ERR_CONFIG, "%s: not the key of the certificate %s", key, cert);
    }
    return good && SSL_CTX_check_private_key(ctx) == 1 ? ERR_OK : fail(NULL, err, ERR_CONFIG, key);
}

static bool seconds_until(const ASN1_TIME *t, int64_t *out)
{
    int days, seconds;
    bool ok = ASN1_TIME_diff(&days, &seconds, NULL, t) == 1;
    *out = ok ? (int64_t)days * 86400 + seconds : 0;
    return ok;
}

int tls_certificate_valid(const char *path, int64_t *from_s, int64_t *until_s, struct err *err)
{
    ERR_clear_error();
    BIO *file = BIO_new_file(path, "r");
    X509 *cert = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    int rc = cert && seconds_until(X509_get0_notBefore(cert), from_s) &&
                     seconds_until(X509_get0_notAfter(cert), until_s)
                 ? ERR_OK
                 : fail(NULL, err, ERR_CONFIG, path);
    X509_free(cert);
    BIO_free(file);
    return rc;
}

static int set_client_ca(SSL_CTX *ctx, const char *path, struct err *err)
{
    STACK_OF(X509_NAME) *names = NULL;
    if (!path[0])
        return ERR_OK;
    if (check_file(path, err) < 0)
        return err->code;
    if (SSL_CTX_load_verify_locations(ctx, path, NULL) != 1 ||
        !(names = SSL_load_client_CA_file(path)))
        return fail(NULL, err, ERR_CONFIG, path);
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ERR_OK;
}

static int context_new(struct tls_context **out, bool server, struct err *err)
{
    struct tls_context *c = *out = calloc(1, sizeof *c);
    ERR_clear_error();
    if (c) {
        c->server = server;
        c->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    }
    if (!c || !c->ctx || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1)
        return err_nomem(err, "TLS");
    SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS); /* 10 000 idle connections */
    return SSL_CTX_set_cipher_list(c->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
               ? ERR_OK
               : fail(NULL, err, ERR_UNSUPPORTED, "TLS ciphers");
}

int tls_context_server(struct tls_context **out, const char *cert, const char *key,
                       const char *client_ca, struct err *err)
{
    int rc = context_new(out, true, err);
    if (rc == ERR_OK && (rc = load_own((*out)->ctx, cert, key, err)) == ERR_OK)
        rc = set_client_ca((*out)->ctx, client_ca, err);
    if (rc < 0)
        tls_context_free(out);
    return rc;
}

int tls_try_server(const char *cert, const char *key, const char *client_ca, struct err *err)
{
    struct tls_context *unused = NULL;
    int64_t from_s = 0, until_s = 0;
    int rc = tls_context_server(&unused, cert, key, client_ca, err);
    tls_context_free(&unused);
    if (rc == ERR_OK)
        rc = tls_certificate_valid(cert, &from_s, &until_s, err);
    if (rc == ERR_OK && from_s > 0)
        rc = err_set(err, ERR_CONFIG, "%s: the certificate is not valid yet, for %lld h", cert,
                     (long long)(from_s / 3600 + 1));
    if (rc == ERR_OK && until_s <= 0)
        rc = err_set(err, ERR_CONFIG, "%s: the certificate has expired", cert);
    return rc;
}

int tls_context_client(struct tls_context **out, const char *cert, const char *key, const char *ca,
                       struct err *err)
{
    int rc = context_new(out, false, err);
    if (rc == ERR_OK && cert)
        rc = load_own((*out)->ctx, cert, key, err);
    if (rc == ERR_OK) {
        SSL_CTX *ctx = (*out)->ctx;
        if (ca && SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
            rc = fail(NULL, err, ERR_CONFIG, ca);
        else
            SSL_CTX_set_verify(ctx, ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    }
    if (rc < 0)
        tls_context_free(out);
    return rc;
}

void tls_context_free(struct tls_context **context)
{
    if (!*context)
        return;
    SSL_CTX_free((*context)->ctx);
    free(*context);
    *context = NULL;
}

/* ---- connections ---- */

/* The name of the certificate, and the one that is asked for (RFC 6066, 3: no address). */
static int expect_host(SSL *ssl, const char *host, struct err *err)
{
    struct in6_addr any; /* room for both */
    char name[256];      /* OpenSSL's macro casts const away; a DNS name is shorter */
    snprintf(name, sizeof name, "%s", host);
    bool address = inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
    bool good = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
                        : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
    return good ? ERR_OK : fail(NULL, err, ERR_CONFIG, host);
}

int tls_new(struct tls **out, const struct tls_context *context, const char *host, struct err *err)
{
    struct tls *t = *out = calloc(1, sizeof *t);
    if (t) {
        t->ssl = SSL_new(context->ctx);
        t->in = BIO_new(BIO_s_mem());
        t->out = BIO_new(BIO_s_mem());
    }
    if (!t || !t->ssl || !t->in || !t->out) {
        if (t) {
            BIO_free(t->in);
            BIO_free(t->out);
            t->in = t->out = NULL;
        }
        tls_free(out);
        return err_nomem(err, "a TLS connection");
    }
    t->first = -1;
    t->server = context->server;
    SSL_set_bio(t->ssl, t->in, t->out);
    if (t->server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    int rc = host ? expect_host(t->ssl, host, err) : ERR_OK;
    if (rc < 0)
        tls_free(out);
    return rc;
}

void tls_free(struct tls **t)
{
    if (!*t)
        return;
    SSL_free((*t)->ssl);
    free(*t);
    *t = NULL;
}

int tls_feed(struct tls *t, const void *data, size_t n, struct err *err)
{
    if (n > INT_MAX || BIO_write(t->in, data, (int)n) != (int)n)
        return err_nomem(err, "TLS");
    if (t->first < 0 && n > 0)
        t->first = *(const uint8_t *)data;
    return ERR_OK;
}

int tls_handshake(struct tls *t, bool *done, struct err *err)
{
    ERR_clear_error();
    int got = SSL_do_handshake(t->ssl);
    *done = got == 1;
    return *done || SSL_get_error(t->ssl, got) == SSL_ERROR_WANT_READ
               ? ERR_OK
               : fail(t, err, ERR_MALFORMED, "TLS handshake");
}

int tls_read(struct tls *t, void *out, size_t room, size_t *n, bool *end, struct err *err)
{
    *n = 0;
    *end = false;
    ERR_clear_error();
    int got = SSL_read(t->ssl, out, room > INT_MAX ? INT_MAX : (int)room);
    if (got > 0) {
        *n = (size_t)got;
        return ERR_OK;
    }
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return ERR_OK;
    case SSL_ERROR_ZERO_RETURN:
        *end = true;
        return ERR_OK;
    default:
        if (!t->server || t->first < 0 || t->first == HANDSHAKE)
            return fail(t, err, ERR_MALFORMED, "TLS");
        ERR_clear_error();
        return err_set(err, ERR_MALFORMED,
                       "not a TLS client: use the plain port, or enable TLS "
                       "in the device");
    }
}

int tls_write(struct tls *t, const void *data, size_t n, struct err *err)
{
    ERR_clear_error();
    if (n > INT_MAX || SSL_write(t->ssl, data, (int)n) != (int)n)
        return fail(t, err, ERR_IO, "TLS");
    return ERR_OK;
}

void tls_end(struct tls *t)
{
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

size_t tls_pull(struct tls *t, void *out, size_t room)
{
    int n = BIO_read(t->out, out, room > INT_MAX ? INT_MAX : (int)room);
    return n > 0 ? (size_t)n : 0;
}

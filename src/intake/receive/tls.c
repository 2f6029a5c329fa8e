#include "tls.h"
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct tls_server {
    SSL_CTX *ctx;
};

struct tls {
    SSL *ssl; /* owns both */
    BIO *in, *out;
    int first; /* byte of the peer; -1: none yet */
};

enum { HANDSHAKE = 0x16 }; /* RFC 8446, 5.1: content type of a hello */

/* What OpenSSL complained of first, and nothing left of it for the next one. */
static int fail(struct err *err, int code, const char *what)
{
    char why[160] = "";
    unsigned long e = ERR_get_error();
    if (e)
        ERR_error_string_n(e, why, sizeof why);
    ERR_clear_error();
    const char *reason = strrchr(why, ':');
    return err_set(err, code, "%s: %s", what, reason ? reason + 1 : "OpenSSL does not say why");
}

/* Nobody sits at a terminal to be asked. */
static int no_passphrase(char *out, int room, int writing, void *arg)
{
    (void)out;
    (void)room;
    (void)writing;
    *(bool *)arg = true;
    return 0;
}

static int load_key(SSL_CTX *ctx, const char *key, struct err *err)
{
    bool asked = false;
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
    return good && SSL_CTX_check_private_key(ctx) == 1 ? ERR_OK : fail(err, ERR_CONFIG, key);
}

static int set_client_ca(SSL_CTX *ctx, const char *path, struct err *err)
{
    STACK_OF(X509_NAME) *names = NULL;
    if (!path[0])
        return ERR_OK;
    if (SSL_CTX_load_verify_locations(ctx, path, NULL) != 1 ||
        !(names = SSL_load_client_CA_file(path)))
        return fail(err, ERR_CONFIG, path);
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ERR_OK;
}

/* Forward secrecy and authenticated encryption only; trackers know ECDHE with AES-GCM. */
static int configure(SSL_CTX *ctx, const char *cert, const char *key, const char *client_ca,
                     struct err *err)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* 10 000 idle connections */
    if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return fail(err, ERR_UNSUPPORTED, "TLS ciphers");
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return fail(err, ERR_CONFIG, cert);
    int rc = load_key(ctx, key, err);
    return rc < 0 ? rc : set_client_ca(ctx, client_ca, err);
}

int tls_server_new(struct tls_server **out, const char *cert, const char *key,
                   const char *client_ca, struct err *err)
{
    struct tls_server *s = *out = calloc(1, sizeof *s);
    if (s)
        s->ctx = SSL_CTX_new(TLS_server_method());
    int rc = s && s->ctx ? configure(s->ctx, cert, key, client_ca, err)
                         : err_set(err, ERR_NOMEM, "no memory for TLS");
    if (rc < 0)
        tls_server_free(out);
    return rc;
}

void tls_server_free(struct tls_server **server)
{
    if (!*server)
        return;
    SSL_CTX_free((*server)->ctx);
    free(*server);
    *server = NULL;
}

int tls_new(struct tls **out, const struct tls_server *server, struct err *err)
{
    struct tls *t = *out = calloc(1, sizeof *t);
    if (t) {
        t->ssl = SSL_new(server->ctx);
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
        return err_set(err, ERR_NOMEM, "no memory for a TLS connection");
    }
    t->first = -1;
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    return ERR_OK;
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
        return err_set(err, ERR_NOMEM, "no memory for TLS");
    if (t->first < 0 && n > 0)
        t->first = *(const uint8_t *)data;
    return ERR_OK;
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
        if (t->first < 0 || t->first == HANDSHAKE)
            return fail(err, ERR_MALFORMED, "TLS");
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
        return fail(err, ERR_IO, "TLS");
    return ERR_OK;
}

size_t tls_pull(struct tls *t, void *out, size_t room)
{
    int n = BIO_read(t->out, out, room > INT_MAX ? INT_MAX : (int)room);
    return n > 0 ? (size_t)n : 0;
}

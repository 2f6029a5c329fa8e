#include "tls_client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { WIRE_BYTES = 16 * 1024 };

struct tls_client {
    SSL *ssl; /* owns both */
    BIO *in, *out;
    int fd;
    uint8_t wire[WIRE_BYTES]; /* from `out`, not yet taken by the socket: */
    size_t at, left;
};

/* What OpenSSL complained of first; of a certificate that it does not trust, why. */
static int fail(const struct tls_client *t, struct err *err, int code, const char *what)
{
    char why[160] = "";
    unsigned long e = ERR_get_error();
    bool judged = t && t->ssl && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE;
    long verified = judged ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    if (e)
        ERR_error_string_n(e, why, sizeof why);
    ERR_clear_error();
    const char *reason = strrchr(why, ':');
    if (verified != X509_V_OK)
        return err_set(err, code, "%s: the receiver's certificate: %s", what,
                       X509_verify_cert_error_string(verified));
    return err_set(err, code, "%s: %s", what, reason ? reason + 1 : "OpenSSL does not say why");
}

/* ---- the beginning ---- */

static int set_own(SSL_CTX *ctx, const struct simulate_tls *how, struct err *err)
{
    if (!how->cert)
        return ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(ctx, how->cert) != 1)
        return fail(NULL, err, ERR_CONFIG, how->cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, how->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return fail(NULL, err, ERR_CONFIG, how->key);
    return ERR_OK;
}

static bool is_address(const char *host)
{
    struct in6_addr any; /* room for both */
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static int set_trust(SSL_CTX *ctx, const struct simulate_tls *how, const char *host,
                     struct err *err)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    if (!how->ca)
        return ERR_OK;
    if (SSL_CTX_load_verify_locations(ctx, how->ca, NULL) != 1)
        return fail(NULL, err, ERR_CONFIG, how->ca);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if ((is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                          : X509_VERIFY_PARAM_set1_host(param, host, 0)) != 1)
        return fail(NULL, err, ERR_CONFIG, host);
    return ERR_OK;
}

static int make_ssl(struct tls_client *t, const struct simulate_tls *how, const char *host,
                    struct err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(ctx);
        return err_set(err, ERR_NOMEM, "no memory for TLS");
    }
    int rc = set_own(ctx, how, err);
    if (rc == ERR_OK)
        rc = set_trust(ctx, how, host, err);
    if (rc == ERR_OK) {
        t->ssl = SSL_new(ctx);
        t->in = BIO_new(BIO_s_mem());
        t->out = BIO_new(BIO_s_mem());
    }
    SSL_CTX_free(ctx); /* t->ssl keeps what it needs */
    if (rc == ERR_OK && t->ssl && t->in && t->out) {
        SSL_set_bio(t->ssl, t->in, t->out);
        SSL_set_connect_state(t->ssl);
        return ERR_OK;
    }
    BIO_free(t->in);
    BIO_free(t->out);
    return rc < 0 ? rc : err_set(err, ERR_NOMEM, "no memory for TLS");
}

int tls_client_new(struct tls_client **out, const struct simulate_tls *how, const char *host,
                   int fd, struct err *err)
{
    struct tls_client *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, ERR_NOMEM, "no memory for TLS");
    t->fd = fd;
    ERR_clear_error();
    int rc = make_ssl(t, how, host, err);
    char name[256]; /* OpenSSL's macro casts const away */
    snprintf(name, sizeof name, "%s", host);
    if (rc == ERR_OK && !is_address(host) && SSL_set_tlsext_host_name(t->ssl, name) != 1)
        rc = fail(t, err, ERR_CONFIG, host);
    ERR_clear_error();
    if (rc < 0)
        tls_client_free(out);
    return rc;
}

/* ---- the network ---- */

static int flush(struct tls_client *t, struct err *err)
{
    for (;;) {
        if (t->left == 0) {
            int n = BIO_read(t->out, t->wire, sizeof t->wire);
            if (n <= 0)
                return ERR_OK;
            t->at = 0;
            t->left = (size_t)n;
        }
        ssize_t sent = send(t->fd, t->wire + t->at, t->left, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_OK;
        if (sent < 0)
            return err_sys(err, "send");
        t->at += (size_t)sent;
        t->left -= (size_t)sent;
    }
}

/* What the socket has; *end: the other side has closed it. */
static int fetch(struct tls_client *t, bool *end, struct err *err)
{
    uint8_t in[WIRE_BYTES];
    ssize_t n = recv(t->fd, in, sizeof in, 0);
    *end = n == 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_OK;
    if (n < 0)
        return err_sys(err, "receive");
    if (n > 0 && BIO_write(t->in, in, (int)n) != (int)n)
        return err_set(err, ERR_NOMEM, "no memory for TLS");
    return ERR_OK;
}

int tls_client_handshake(struct tls_client *t, int timeout_ms, struct err *err)
{
    bool end = false;
    for (;;) {
        ERR_clear_error();
        int got = SSL_do_handshake(t->ssl), why = SSL_get_error(t->ssl, got), flushed;
        if (got != 1 && why != SSL_ERROR_WANT_READ) {
            int rc = fail(t, err, ERR_MALFORMED, "TLS handshake");
            struct err ignored;
            flushed = flush(t, &ignored); /* the alert that says why; rc says more than its loss */
            (void)flushed;
            return rc;
        }
        if ((flushed = flush(t, err)) < 0 || got == 1)
            return flushed;
        if (end)
            return err_set(err, ERR_IO, "the server closed the connection in the TLS handshake");
        struct pollfd p = {.fd = t->fd, .events = (short)(t->left ? POLLIN | POLLOUT : POLLIN)};
        int n = poll(&p, 1, timeout_ms);
        if (n == 0)
            return err_set(err, ERR_AGAIN, "no answer in the TLS handshake for %d s",
                           timeout_ms / 1000);
        if (n > 0 && p.revents & (POLLIN | POLLHUP | POLLERR) && fetch(t, &end, err) < 0)
            return err->code;
    }
}

int tls_client_send(struct tls_client *t, const void *data, size_t n, size_t *taken,
                    struct err *err)
{
    *taken = 0;
    int rc = flush(t, err);
    if (rc < 0 || t->left > 0 || n == 0)
        return rc;
    ERR_clear_error();
    if (n > INT_MAX || SSL_write(t->ssl, data, (int)n) != (int)n)
        return fail(t, err, ERR_IO, "TLS");
    *taken = n;
    return flush(t, err);
}

bool tls_client_waits(const struct tls_client *t)
{
    return t->left > 0;
}

int tls_client_recv(struct tls_client *t, void *out, size_t room, size_t *n, bool *end,
                    struct err *err)
{
    *n = 0;
    int rc = fetch(t, end, err);
    if (rc < 0)
        return rc;
    ERR_clear_error();
    int got = SSL_read(t->ssl, out, room > INT_MAX ? INT_MAX : (int)room);
    if (got > 0) {
        *n = (size_t)got;
        *end = false; /* not yet */
        return ERR_OK;
    }
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return flush(t, err);
    case SSL_ERROR_ZERO_RETURN:
        *end = true;
        return ERR_OK;
    default:
        return fail(t, err, ERR_MALFORMED, "TLS");
    }
}

void tls_client_free(struct tls_client **client)
{
    struct tls_client *t = *client;
    struct err err;
    if (!t)
        return;
    if (t->ssl && SSL_is_init_finished(t->ssl) && SSL_shutdown(t->ssl) >= 0 && flush(t, &err) < 0)
        t->left = 0; /* it has gone already */
    ERR_clear_error();
    SSL_free(t->ssl);
    free(t);
    *client = NULL;
}

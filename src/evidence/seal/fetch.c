/* A request to an authority over HTTP (RFC 3161, 3.4), by OpenSSL's client. */
#include "seal_internal.h"
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { URL_MAX = 2000 };

struct url {
    int tls;
    char *user, *host, *port, *path, *query, *fragment;
};

static void url_clear(struct url *u)
{
    OPENSSL_free(u->user);
    OPENSSL_free(u->host);
    OPENSSL_free(u->port);
    OPENSSL_free(u->path);
    OPENSSL_free(u->query);
    OPENSSL_free(u->fragment);
    *u = (struct url){0};
}

static int url_parse(struct url *u, const char *text, struct err *err)
{
    *u = (struct url){0};
    if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
        return err_set(err, ERR_CONFIG, "%.200s: expected a URL starting with http:// or https://",
                       text);
    if (OSSL_HTTP_parse_url(text, &u->tls, &u->user, &u->host, &u->port, NULL, &u->path, &u->query,
                            &u->fragment) != 1)
        return seal_fail(err, ERR_CONFIG, "%.200s: no URL", text);
    if (strlen(text) > URL_MAX)
        return err_set(err, ERR_CONFIG, "%.200s...: longer than %d characters", text, URL_MAX);
    if (!u->host[0] || (u->user && u->user[0]))
        return err_set(err, ERR_CONFIG, "%.200s: a host is needed, and no user", text);
    return ERR_OK;
}

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

static BIO *transfer(const struct url *u, struct tls_peer *peer, BIO *request, int timeout_s)
{
    char path[URL_MAX + 8];
    snprintf(path, sizeof path, "%s%s%s", u->path, u->query && *u->query ? "?" : "",
             u->query ? u->query : "");
    return OSSL_HTTP_transfer(NULL, u->host, u->port, path, u->tls, NULL, NULL, NULL, NULL,
                              u->tls ? add_tls : NULL, peer, 0, NULL, "application/timestamp-query",
                              request, "application/timestamp-reply", 1, SEAL_DER_MAX_BYTES,
                              timeout_s, 0);
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
    BIO *answer = transfer(u, peer, request, timeout_s);
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
    struct url u;
    struct tls_peer peer = {0};
    BIO *body = NULL, *answer = NULL;
    ERR_clear_error();
    int rc = url_parse(&u, url, err);
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
    url_clear(&u);
    ERR_clear_error();
    return rc;
}

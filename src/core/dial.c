/* dial: a client's connection. */
#include "dashspool/dial.h"
#include "dashspool/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* *out is a connected, non-blocking socket. */
static int connect_to(int *out, const char *host, const char *port, int timeout_ms, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int gai = getaddrinfo(host, port, &hints, &list);
    if (gai != 0)
        return err_set(err, ERR_CONFIG, "%s:%s: %s", host, port, gai_strerror(gai));
    int rc = err_set(err, ERR_IO, "%s:%s: no address", host, port);
    for (struct addrinfo *a = list; a && rc < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
            rc = err_sys(err, "socket");
        } else if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS) {
            rc = err_sys(err, "connect to %s:%s", host, port);
        } else {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            int n = poll(&p, 1, timeout_ms), why = 0;
            socklen_t why_size = sizeof why;
            if (n == 0)
                errno = ETIMEDOUT;
            else if (n > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &why_size) == 0)
                errno = why;
            rc = n > 0 && why == 0 ? ERR_OK : err_sys(err, "connect to %s:%s", host, port);
        }
        if (rc < 0 && fd >= 0)
            close(fd);
        else
            *out = fd;
    }
    freeaddrinfo(list);
    return rc;
}

struct dial {
    int fd;
    struct tls_context *context; /* NULL: plain */
    struct tls *tls;
    uint8_t wire[16 * 1024]; /* of TLS, not yet taken by the socket: */
    size_t at, left;
};

static int socket_send(int fd, const uint8_t *data, size_t n, size_t *taken, struct err *err)
{
    ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
    *taken = sent > 0 ? (size_t)sent : 0;
    return sent < 0 && errno != EAGAIN && errno != EINTR ? err_sys(err, "send") : ERR_OK;
}

static int socket_receive(int fd, uint8_t *in, size_t room, size_t *n, bool *end, struct err *err)
{
    ssize_t got = recv(fd, in, room, 0);
    *n = got > 0 ? (size_t)got : 0;
    *end = got == 0;
    return got < 0 && errno != EAGAIN && errno != EINTR ? err_sys(err, "receive") : ERR_OK;
}

/* What TLS has for the network, as far as the socket takes it. */
static int flush(struct dial *l, struct err *err)
{
    for (size_t taken = 1; taken > 0;) {
        if (l->left == 0) {
            l->at = 0;
            l->left = tls_pull(l->tls, l->wire, sizeof l->wire);
        }
        if (l->left == 0)
            return ERR_OK;
        int rc = socket_send(l->fd, l->wire + l->at, l->left, &taken, err);
        if (rc < 0)
            return rc;
        l->at += taken;
        l->left -= taken;
    }
    return ERR_OK;
}

/* All of the n bytes, or (*taken 0) none while earlier ones still wait for the socket. */
static int tls_send(struct dial *l, const uint8_t *data, size_t n, size_t *taken, struct err *err)
{
    *taken = 0;
    int rc = flush(l, err);
    if (rc < 0 || l->left > 0 || n == 0)
        return rc;
    if ((rc = tls_write(l->tls, data, n, err)) < 0)
        return rc;
    *taken = n;
    return flush(l, err);
}

/* Plain bytes; *end: there will be none. */
static int tls_receive(struct dial *l, uint8_t *in, size_t room, size_t *n, bool *end,
                       struct err *err)
{
    uint8_t bytes[4096];
    bool closed, ended = false;
    int rc = socket_receive(l->fd, bytes, sizeof bytes, n, &closed, err);
    if (rc == ERR_OK && *n > 0)
        rc = tls_feed(l->tls, bytes, *n, err);
    if (rc == ERR_OK && (rc = tls_read(l->tls, in, room, n, &ended, err)) == ERR_OK)
        rc = flush(l, err);
    *end = *n == 0 && (ended || closed);
    return rc;
}

static int handshake(struct dial *l, int timeout_ms, struct err *err)
{
    uint8_t bytes[4096];
    bool done = false, end = false;
    for (;;) {
        struct err lost;
        size_t n = 0;
        int rc = tls_handshake(l->tls, &done, err);
        if (rc < 0) {
            int flushed = flush(l, &lost); /* the alert that says why; rc says more than its loss */
            (void)flushed;
            return rc;
        }
        if ((rc = flush(l, err)) < 0 || done)
            return rc;
        if (end)
            return err_set(err, ERR_IO, "the server closed the connection in the TLS handshake");
        struct pollfd p = {.fd = l->fd, .events = (short)(l->left ? POLLIN | POLLOUT : POLLIN)};
        int ready = poll(&p, 1, timeout_ms);
        if (ready == 0)
            return err_set(err, ERR_AGAIN, "no answer in the TLS handshake for %d s",
                           timeout_ms / 1000);
        if (ready > 0 && p.revents & (POLLIN | POLLHUP | POLLERR) &&
            ((rc = socket_receive(l->fd, bytes, sizeof bytes, &n, &end, err)) < 0 ||
             (n > 0 && (rc = tls_feed(l->tls, bytes, n, err)) < 0)))
            return rc;
    }
}

int dial_open(struct dial **out, const char *host, const char *port, const struct dial_tls *tls,
              int timeout_ms, struct err *err)
{
    struct dial *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return err_nomem(err, "a connection");
    l->fd = -1;
    int rc = connect_to(&l->fd, host, port, timeout_ms, err);
    if (rc == ERR_OK && tls) {
        rc = tls_context_client(&l->context, tls->cert, tls->key, tls->ca, err);
        if (rc == ERR_OK && (rc = tls_new(&l->tls, l->context, host, err)) == ERR_OK)
            rc = handshake(l, timeout_ms, err);
        if (rc < 0)
            err_wrap(err, "%s:%s", host, port);
    }
    if (rc < 0)
        dial_close(&l);
    *out = l;
    return rc;
}

void dial_close(struct dial **dial)
{
    struct dial *l = *dial;
    struct err lost;
    if (!l)
        return;
    if (l->tls)
        tls_end(l->tls);
    if (l->tls && flush(l, &lost) < 0)
        l->left = 0; /* it has gone already */
    tls_free(&l->tls);
    tls_context_free(&l->context);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    *dial = NULL;
}

int dial_fd(const struct dial *dial)
{
    return dial->fd;
}

short dial_events(const struct dial *dial, bool has_more)
{
    return (short)(has_more || dial->left > 0 ? POLLIN | POLLOUT : POLLIN);
}

int dial_send(struct dial *dial, const void *data, size_t n, size_t *taken, struct err *err)
{
    return dial->tls ? tls_send(dial, data, n, taken, err)
                     : socket_send(dial->fd, data, n, taken, err);
}

int dial_receive(struct dial *dial, void *in, size_t room, size_t *n, bool *end, struct err *err)
{
    return dial->tls ? tls_receive(dial, in, room, n, end, err)
                     : socket_receive(dial->fd, in, room, n, end, err);
}

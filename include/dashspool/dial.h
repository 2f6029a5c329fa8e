/*
 * dial: a connection to a server: TCP, or TLS 1.2 or 1.3 on it. Non-blocking: the caller polls. A
 * connection is one thread's.
 */
#ifndef DASHSPOOL_DIAL_H
#define DASHSPOOL_DIAL_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>

/* PEM files; names are borrowed for the call. */
struct dial_tls {
    const char *ca;         /* who may have signed the server's certificate, which must be for the
                               host that is called; NULL: any certificate is taken */
    const char *cert, *key; /* what the client shows if it is asked; NULL both: nothing */
};

struct dial;

/* Connects, and shakes hands (unless tls is NULL), for at most timeout_ms each. *out is the
 * caller's (dial_close). ERR_IO (connection), ERR_AGAIN (no answer in the handshake), ERR_MALFORMED
 * (no TLS, or a certificate that is not trusted), ERR_CONFIG (host, files). */
int dial_open(struct dial **out, const char *host, const char *port, const struct dial_tls *tls,
              int timeout_ms, struct err *err) DS_MUST_CHECK;

/* Says goodbye, as far as the socket takes it. */
void dial_close(struct dial **dial);

/* What to poll: POLLIN always; POLLOUT if the caller has something to send, or TLS has. */
int dial_fd(const struct dial *dial);
short dial_events(const struct dial *dial, bool has_more);

/* *taken of the n bytes go out, maybe none; n may be 0: what TLS holds. ERR_IO. */
int dial_send(struct dial *dial, const void *data, size_t n, size_t *taken,
              struct err *err) DS_MUST_CHECK;

/* *n is 0 when more must come first; *end: nothing will. ERR_IO, ERR_MALFORMED. */
int dial_receive(struct dial *dial, void *in, size_t room, size_t *n, bool *end,
                 struct err *err) DS_MUST_CHECK;

#endif

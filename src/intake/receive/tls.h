/*
 * tls: TLS 1.2 and 1.3 (OpenSSL 3) between a connection and its session. On memory: bytes of the
 * network in, plain bytes out, and the other way round; the sockets are the connection's.
 */
#ifndef DASHSPOOL_RECEIVE_TLS_H
#define DASHSPOOL_RECEIVE_TLS_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_server;
struct tls;

/* cert: PEM, the server's first, then those between it and a root; key: PEM. client_ca: PEM of
 * those who sign the cameras' certificates, "" to ask for none. ERR_CONFIG names the file and what
 * OpenSSL says. */
int tls_server_new(struct tls_server **out, const char *cert, const char *key,
                   const char *client_ca, struct err *err) DS_MUST_CHECK;
void tls_server_free(struct tls_server **server); /* open connections keep what they need */

int tls_new(struct tls **out, const struct tls_server *server, struct err *err) DS_MUST_CHECK;
void tls_free(struct tls **t);

/* Bytes that came from the network. ERR_NOMEM. */
int tls_feed(struct tls *t, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Plain bytes that can be read now, up to room; *n is 0 when more must come first, *end when the
 * peer ended the stream. ERR_MALFORMED: what came is no TLS, or none that is acceptable. */
int tls_read(struct tls *t, void *out, size_t room, size_t *n, bool *end,
             struct err *err) DS_MUST_CHECK;

/* Plain bytes for the peer; the handshake must be over, as it is once anything was read. */
int tls_write(struct tls *t, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Bytes for the network, up to room; 0: none now. To be asked after each of the calls above. */
size_t tls_pull(struct tls *t, void *out, size_t room);

#endif

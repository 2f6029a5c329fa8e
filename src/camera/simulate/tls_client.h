/*
 * tls_client: a camera's side of TLS 1.2 and 1.3 (OpenSSL 3), on a connected, non-blocking socket,
 * which stays the caller's. OpenSSL works on memory and never sees the socket: it would write to it
 * in a way that raises SIGPIPE.
 */
#ifndef SIMULATE_TLS_CLIENT_H
#define SIMULATE_TLS_CLIENT_H

#include "dashspool/simulate.h"

struct tls_client;

/* host: as it was called, for the certificate's name. ERR_CONFIG names the file. */
int tls_client_new(struct tls_client **out, const struct simulate_tls *how, const char *host,
                   int fd, struct err *err) DS_MUST_CHECK;
/* Says goodbye to the other side as far as the socket takes it. */
void tls_client_free(struct tls_client **t);

/* ERR_MALFORMED: no TLS, or a certificate that is not trusted; ERR_IO; ERR_AGAIN: no answer. */
int tls_client_handshake(struct tls_client *t, int timeout_ms, struct err *err) DS_MUST_CHECK;

/* Takes all of the n bytes, or (*taken 0) none while earlier ones still wait for the socket. */
int tls_client_send(struct tls_client *t, const void *data, size_t n, size_t *taken,
                    struct err *err) DS_MUST_CHECK;
/* Something waits for the socket to take bytes: then tls_client_send(), also of nothing. */
bool tls_client_waits(const struct tls_client *t);

/* Plain bytes, up to room; *n 0: none now; *end: there will be none. */
int tls_client_recv(struct tls_client *t, void *out, size_t room, size_t *n, bool *end,
                    struct err *err) DS_MUST_CHECK;

#endif

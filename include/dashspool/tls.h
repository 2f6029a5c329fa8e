/*
 * tls: TLS 1.2 and 1.3 (OpenSSL 3), both sides of it, on memory: bytes of the network in, plain
 * bytes out, and the other way round. The sockets are the caller's: OpenSSL would write to them in
 * a way that raises SIGPIPE.
 *
 * Forward secrecy and authenticated encryption only (ECDHE with AES-GCM or ChaCha20). A context is
 * made once and serves any number of connections, which keep what they need of it. Not thread-safe.
 */
#ifndef DASHSPOOL_TLS_H
#define DASHSPOOL_TLS_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_context;
struct tls;

/* cert: PEM, the server's first, then those between it and a root; key: PEM, not encrypted.
 * client_ca: PEM of those who sign the clients' certificates, "" to ask for none. ERR_CONFIG names
 * the file and what OpenSSL says. */
int tls_context_server(struct tls_context **out, const char *cert, const char *key,
                       const char *client_ca, struct err *err) DS_MUST_CHECK;

/* cert and key: the client's own, or NULL. ca: PEM of those who sign the server's certificate;
 * NULL: whoever answers is believed. Errors as above. */
int tls_context_client(struct tls_context **out, const char *cert, const char *key, const char *ca,
                       struct err *err) DS_MUST_CHECK;
void tls_context_free(struct tls_context **context);

/* As a receiver's settings would have it: these files can be read and belong together, and the
 * certificate is valid now. ERR_CONFIG says what is not so. */
int tls_try_server(const char *cert, const char *key, const char *client_ca,
                   struct err *err) DS_MUST_CHECK;

/* From when to when the first certificate of a PEM file is valid, in seconds from now: negative is
 * over. ERR_CONFIG: there is none, or it cannot be read. */
int tls_certificate_valid(const char *path, int64_t *from_s, int64_t *until_s,
                          struct err *err) DS_MUST_CHECK;

/* A connection. host, of a client: as it was called, name or address, which the certificate must
 * have; NULL of a server. */
int tls_new(struct tls **out, const struct tls_context *context, const char *host,
            struct err *err) DS_MUST_CHECK;
void tls_free(struct tls **t);

/* Bytes that came from the network. ERR_NOMEM. */
int tls_feed(struct tls *t, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* A client goes on with the handshake; *done: it is over. ERR_MALFORMED: no TLS, or a certificate
 * that is not trusted, and why. A server does it while it reads. */
int tls_handshake(struct tls *t, bool *done, struct err *err) DS_MUST_CHECK;

/* Plain bytes that can be read now, up to room; *n is 0 when more must come first, *end when the
 * peer ended the stream. ERR_MALFORMED: what came is not TLS, or none that is acceptable. */
int tls_read(struct tls *t, void *out, size_t room, size_t *n, bool *end,
             struct err *err) DS_MUST_CHECK;

/* Plain bytes for the peer; the handshake must be over, as it is once anything was read. */
int tls_write(struct tls *t, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Says goodbye: the last bytes for the network. */
void tls_end(struct tls *t);

/* Bytes for the network, up to room; 0: none now. To be asked after each of the calls above. */
size_t tls_pull(struct tls *t, void *out, size_t room);

#endif

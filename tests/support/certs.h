/*
 * certs: certificates for tests, made by libcrypto (P-256, valid from an hour ago for 60 days), as
 * PEM files DIR/NAME.pem and DIR/NAME.key. Everything fails the running test on error.
 */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

/* One that signs others. */
void certs_make_ca(const char *dir, const char *name);

/* Signed by DIR/ca; alt: whom it is for, "IP:127.0.0.1", "DNS:example.org". */
void certs_make(const char *dir, const char *ca, const char *name, const char *alt);

/* DIR/NAME.pem is valid until then (below 0: it was); its signature does not fit any more. */
void certs_end_in(const char *dir, const char *name, long seconds);

/* DIR/NAME.pem will be valid in an hour; likewise. */
void certs_postpone(const char *dir, const char *name);

/* DIR/NAME.key gets a passphrase. */
void certs_lock_key(const char *dir, const char *name);

#endif

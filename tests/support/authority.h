/*
 * authority: a time-stamp authority (RFC 3161) for tests: `openssl ts -reply` with a certificate of
 * its own, and a server that asks it. Everything fails the running test on error.
 */
#ifndef TESTS_AUTHORITY_H
#define TESTS_AUTHORITY_H

#include "dashspool/buf.h"
#include <pthread.h>
#include <stdbool.h>

/* DIR/NAME.pem and .key, signed by itself; usage: "extendedKeyUsage=critical,timeStamping". */
void authority_make_cert(const char *dir, const char *name, const char *usage);

/* DIR/CONFIG for an authority with that certificate; ess_hash: "sha256", or "sha1" as before RFC
 * 5816. */
void authority_configure(const char *dir, const char *config, const char *cert,
                         const char *ess_hash);

/* What it answers to a request; token: without the status around it. */
struct buf authority_reply(const char *dir, const char *config, const struct buf *request,
                           bool token);

/* The answer, so many years from now (or ago), of one whose certificate, DIR/NAME.pem, which is
 * made, is valid for a year before and after. */
struct buf authority_reply_at(const char *dir, const char *name, const struct buf *request,
                              int years);

/* Serves one request over HTTP, on the loopback. */
struct authority_server {
    pthread_t thread;
    int fd;
    char url[64];
    const char *dir, *config;
};
void authority_start(struct authority_server *s, const char *dir, const char *config);
void authority_end(struct authority_server *s);

#endif

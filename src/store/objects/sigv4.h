/*
 * sigv4: the signature of a request to AWS and to stores that speak S3, version 4.
 *
 * "Signature Version 4 signing process" and, for S3, "Authenticating Requests: Using the
 * Authorization Header" of AWS's documentation. Pure.
 */
#ifndef OBJECTS_SIGV4_H
#define OBJECTS_SIGV4_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sigv4_pair {
    const char *name, *value;
};

struct sigv4_request {
    const char *method;
    const char *path;               /* sigv4_encode()d, from "/" on */
    const struct sigv4_pair *query; /* as they are, not encoded */
    size_t n_query;
    const struct sigv4_pair *headers; /* all that are signed, host among them; names in small
                                         letters */
    size_t n_headers;
    const char *body_sha256; /* hex, also of no body */
};

struct sigv4_who {
    const char *key_id, *secret, *region, *service;
};

enum { SIGV4_PAIRS_MAX = 32, SIGV4_TEXT_MAX = 64 * 1024 };

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ and, with keep_slash, '/'. */
int sigv4_encode(struct buf *out, const char *text, bool keep_slash, struct err *err) DS_MUST_CHECK;

/* "a=1&b=" as it is signed, and as it must be sent. */
int sigv4_query(struct buf *out, const struct sigv4_pair *query, size_t n,
                struct err *err) DS_MUST_CHECK;

/* Appends the value of the header Authorization. The time must be that of x-amz-date. */
int sigv4_sign(struct buf *out, const struct sigv4_request *request, const struct sigv4_who *who,
               int64_t utc_us, struct err *err) DS_MUST_CHECK;

#endif

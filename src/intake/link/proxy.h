/*
 * proxy: the header that a TCP load balancer puts in front of a connection, so that we know who
 * is behind it: version 2 of the PROXY protocol (haproxy's doc/proxy-protocol.txt, section 2.2).
 * Pure. What the balancer tells besides addresses (TLVs) is passed over.
 */
#ifndef LINK_PROXY_H
#define LINK_PROXY_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    PROXY_SIGNATURE_BYTES = 12,
    PROXY_FIXED_BYTES = 16, /* signature, version and command, family, length */
    PROXY_ADDRESS_BYTES = 36,
    /* haproxy's largest has certificate names and an id in it, and stays below 1 KiB. */
    PROXY_REST_MAX = 4096,
};

enum proxy_state {
    PROXY_NONE,     /* none is expected */
    PROXY_EXPECTED, /* … and not all of it is there */
    PROXY_DONE,
};

struct proxy_header {
    uint8_t bytes[PROXY_FIXED_BYTES + PROXY_ADDRESS_BYTES];
    uint16_t have; /* of the whole header, also of what is passed over */
    uint8_t state; /* enum proxy_state */
};

/* Takes what belongs to the header off the front of *data. state PROXY_DONE: it is whole;
 * *from_bytes: of the address in *from; 0: the balancer itself speaks (a health check), or does not
 * know. ERR_MALFORMED: it is none. */
int proxy_feed(struct proxy_header *h, const uint8_t **data, size_t *n,
               struct sockaddr_storage *from, size_t *from_bytes, struct err *err) DS_MUST_CHECK;

/* Whether bytes begin as such a header does. */
bool proxy_is_header(const uint8_t *data, size_t n);

#endif

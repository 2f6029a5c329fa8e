/*
 * balancer: a TCP load balancer, in a process of its own: whatever connects to it is handed on to
 * a port of 127.0.0.1, behind these bytes.
 */
#ifndef TESTS_BALANCER_H
#define TESTS_BALANCER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct balancer {
    pid_t pid;
    char port[8];
};

/* says: what it says first, n bytes, cut into pieces of `piece` bytes each. */
void balancer_start(struct balancer *b, const char *to, const void *says, size_t n, size_t piece);
void balancer_stop(struct balancer *b);

/* A PROXY header, version 2, for a client "203.0.113.7" or "2001:db8::7" at a port; followed by
 * `tlv` bytes of something else. Its length. */
enum { BALANCER_HEADER_ROOM = 2048 };
size_t balancer_header(uint8_t out[BALANCER_HEADER_ROOM], const char *client, unsigned port,
                       size_t tlv);

#endif

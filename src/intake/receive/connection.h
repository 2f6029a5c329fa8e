/* connection: one camera's link and session, and what all of them share. */
#ifndef DASHSPOOL_RECEIVE_CONNECTION_H
#define DASHSPOOL_RECEIVE_CONNECTION_H

#include "link/link.h"
#include "onward.h"
#include "store.h"

struct receiver { /* what all connections share */
    struct store *store;
    struct onward onward;
    struct wire_limits limits;
    int receiving;
    uint64_t bytes; /* of files, since the start */
};

/* How fast a transfer comes in. */
struct stats {
    int64_t looked_us, grew_us; /* monotonic; 0: not yet */
    uint64_t bytes;             /* that this connection had brought at the last look */
    double rate;                /* bytes a second, of some seconds */
};

struct connection {
    struct link link; /* the first */
    struct receiver *receiver;
    struct wire_session *session;
    struct transfer *transfer; /* being received */
    int64_t began_us;          /* monotonic, of the transfer */
    struct stats stats;        /* of it; receive.c's */
    char camera[8], kind[8];   /* of the transfer: "front", "video" */
    bool looked;               /* at its first bytes */
};

/* What struct link_service asks for; the links' owner is a struct receiver. */
int connection_begin(struct link *l, struct err *err) DS_MUST_CHECK;
int connection_feed(struct link *l, const uint8_t *data, size_t n, struct err *err) DS_MUST_CHECK;
void connection_eof(struct link *l);
bool connection_act(struct link *l);
bool connection_wants(const struct link *l);
int64_t connection_deadline_us(const struct link *l);
void connection_leave(struct link *l);
void connection_end(struct link *l);

#endif

/* connection: one camera's socket and session, from its first byte to the close of its handles. */
#ifndef DASHSPOOL_RECEIVE_CONNECTION_H
#define DASHSPOOL_RECEIVE_CONNECTION_H

#include "connections.h"
#include "dashspool/log.h"

/* How fast a transfer comes in. */
struct stats {
    int64_t looked_us, grew_us; /* monotonic; 0: not yet */
    uint64_t bytes;             /* that this connection had brought at the last look */
    double rate;                /* bytes a second, of some seconds */
};

struct connection {
    struct connections *all;
    struct connection *next, **self; /* list of all */
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct wire_session *session;
    struct tls *tls;           /* NULL: plain */
    struct transfer *transfer; /* being received */
    struct table_link by_address, by_imei;
    int64_t began_us;           /* monotonic, of the transfer */
    struct stats stats;         /* of it; stats.c's */
    char imei[16];              /* "" before INIT */
    char peer[64], address[48]; /* "10.0.0.1:4711", "10.0.0.1" */
    char camera[8], kind[8];    /* of the transfer: "front", "video" */
    char failure[120];          /* why we end it, where the session does not know; "" else */
    bool reading, closing;
    bool looked; /* at its first bytes */
    int handles; /* not yet closed */
};

/* Whom an event is about. */
#define WHO(c) LOG_TEXT("imei", (c)->imei), LOG_TEXT("peer", (c)->peer)

/* In the list of all, with handles that are open; nothing is heard or sent yet. tls: NULL: plain.
 * NULL: out of memory. */
struct connection *connection_new(struct connections *all, const struct tls_server *tls);

/* Leaves the list and the tables at once; freed when its handles are closed. Again is fine. */
void connection_close(struct connection *c);

/* Does what its session wants done now, then hears on, as far as there is room for what comes. To
 * be called after whatever may have changed that. */
void connection_drain(struct connection *c);

/* Through TLS, if it speaks that. Never waits. */
void connection_send(struct connection *c, const uint8_t *data, size_t n);

/* connection_act.c: one action of its session. */
void connection_act(struct connection *c, const struct wire_action *a);

/* connection_act.c: an answer of the store that is still due has nobody to go to any more. */
void connection_disown(struct connection *c);

#endif

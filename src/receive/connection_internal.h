/* connection, inside: for those who look at it. */
#ifndef DASHSPOOL_RECEIVE_CONNECTION_INTERNAL_H
#define DASHSPOOL_RECEIVE_CONNECTION_INTERNAL_H

#include "connection.h"

/* How fast a transfer comes in. */
struct live {
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
    struct live live;           /* of it; live.c's */
    char imei[16];              /* "" before INIT */
    char peer[64], address[48]; /* "10.0.0.1:4711", "10.0.0.1" */
    char camera[8], kind[8];    /* of the transfer: "front", "video" */
    char failure[120];          /* why we end it, where the session does not know; "" else */
    bool reading, closing;
    bool looked; /* at its first bytes */
    int handles; /* not yet closed */
};

#endif

/*
 * connection: the cameras of a server: who of them gets in, what is done to all, and one camera's
 * socket and session, from its first byte to the close of its handles.
 */
#ifndef DASHSPOOL_RECEIVE_CONNECTION_H
#define DASHSPOOL_RECEIVE_CONNECTION_H

#include "dashspool/clock.h"
#include "dashspool/listen.h"
#include "dashspool/log.h"
#include "dashspool/table.h"
#include "dashspool/tls.h"
#include "store.h"

struct connection;

/* Why cameras were sent away, and how often within the last day; by the texts, numbers in them set
 * aside. */
struct refusal {
    char why[160]; /* the last of these texts; "" free */
    int64_t last_us;
    struct clock_day day;
};
enum { REFUSALS = 8 }; /* further ones take the place of the oldest */

struct connections { /* what all connections of a server share; the server's storage */
    uv_loop_t *loop;
    struct store *store;
    struct access *access;
    struct wire_limits limits;
    int open_max, per_address_max;
    struct connection *first;
    struct table by_address, by_imei;
    int open; /* handles not yet closed: the loop may end when it is 0 */
    int receiving;
    uint64_t accepted, refused; /* connections since the start */
    uint64_t bytes;             /* of files, likewise */
    struct refusal refusal[REFUSALS];
    int64_t refused_logged_us;
    uint64_t refused_unlogged;
};

/* Takes the next waiting connection of a listener; tls: the peer speaks TLS, else NULL. One too
 * many is closed at once. False: there was no memory for it, it waits still (and the listener takes
 * no other before); call again later. */
bool connections_accept(struct connections *all, uv_stream_t *listener,
                        const struct tls_context *tls);

/* Ends every connection; open transfers become partials. */
void connections_close(struct connections *all, const char *why);

/* The store has room again: reads go on. */
void connections_on_room(void *all);

/* ---- one of them ---- */

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
    int64_t began_us;                                       /* monotonic, of the transfer */
    struct stats stats;                                     /* of it; stats.c's */
    char imei[16];                                          /* "" before INIT */
    char peer[LISTEN_NAME_ROOM], address[LISTEN_NAME_ROOM]; /* "10.0.0.1:4711", "10.0.0.1" */
    char camera[8], kind[8];                                /* of the transfer: "front", "video" */
    char failure[120]; /* why we end it, where the session does not know; "" else */
    bool reading, closing;
    bool looked; /* at its first bytes */
    int handles; /* not yet closed */
};

/* Whom an event is about. */
#define WHO(c) LOG_TEXT("imei", (c)->imei), LOG_TEXT("peer", (c)->peer)

/* In the list of all, with handles that are open; nothing is heard or sent yet. tls: NULL: plain.
 * NULL: out of memory. */
struct connection *connection_new(struct connections *all, const struct tls_context *tls);

/* Leaves the list and the tables at once; freed when its handles are closed. Again is fine. */
void connection_close(struct connection *c);

/* Does what its session wants done now, then hears on, as far as there is room for what comes. To
 * be called after whatever may have changed that. */
void connection_drain(struct connection *c);

/* Through TLS, if it speaks that. Never waits. */
void connection_send(struct connection *c, const uint8_t *data, size_t n);

#endif

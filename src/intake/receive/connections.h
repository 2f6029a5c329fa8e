/*
 * connections: the cameras of a server: who of them gets in, and what is done to all. What one says
 * and gets is connection.h.
 */
#ifndef DASHSPOOL_RECEIVE_CONNECTIONS_H
#define DASHSPOOL_RECEIVE_CONNECTIONS_H

#include "access.h"
#include "dashspool/clock.h"
#include "store.h"
#include "table.h"
#include "tls.h"

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
                        const struct tls_server *tls);

/* Ends every connection; open transfers become partials. */
void connections_close(struct connections *all, const char *why);

/* The store has room again: reads go on. */
void connections_on_room(void *all);

#endif

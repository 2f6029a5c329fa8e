/* connection: one camera's socket and session. */
#ifndef DASHSPOOL_RECEIVE_CONNECTION_H
#define DASHSPOOL_RECEIVE_CONNECTION_H

#include "store.h"

struct connection;

struct connections { /* what all connections of a server share; the server's storage */
    uv_loop_t *loop;
    struct store *store;
    struct wire_limits limits;
    struct connection *first;
    int open; /* handles not yet closed: the loop may end when it is 0 */
};

/* Takes the next waiting connection of a listener. */
void connection_accept(struct connections *all, uv_stream_t *listener);

/* Ends every connection; open transfers become partials. */
void connection_close_all(struct connections *all, const char *why);

/* The store has room again: reads go on. */
void connection_on_room(void *all);

#endif

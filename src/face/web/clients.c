/* Who is connected, and who of them keeps others out. */
#include "dashspool/clock.h"
#include "dashspool/listen.h"
#include "web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    OF_ONE_PEER = 32,
    SPARE = 8,  /* of all: kept free, so that somebody new is heard and an old one can be ended */
    ASK_S = 15, /* for a whole request, from its connection or the answer before */
    GOES_ON = 64 * 1024 /* bytes of a body that is taken as it comes, in that time */
};

struct client {
    struct clients *all;
    struct client *next, **self;
    int fd;
    int64_t since_us; /* monotonic: when its connection, or its last answer, was made */
    size_t came;      /* of a body since then */
    bool answered;    /* an answer is on its way: it is no longer waited for */
    bool ended;
    bool stream;
    char peer[LISTEN_NAME_ROOM];
};

/* The socket is libmicrohttpd's to close: it sees an end. */
static void end(struct client *c)
{
    c->ended = true;
    shutdown(c->fd, SHUT_RDWR);
}

/* Whoever was waited for longest makes room: of this peer, or NULL: of all. False: all of them are
 * being answered. */
static bool make_room(struct clients *all, const char *peer)
{
    struct client *longest = NULL;
    for (struct client *c = all->first; c; c = c->next)
        if (!c->answered && !c->ended && (!peer || strcmp(c->peer, peer) == 0) &&
            (!longest || c->since_us < longest->since_us))
            longest = c;
    if (longest)
        end(longest);
    return longest;
}

static void begin(struct clients *all, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *c = calloc(1, sizeof *c);
    int of_peer = 0, n = 0;
    if (!c || !fd) {
        free(c);
        return; /* one that is not counted; its time-out ends it */
    }
    c->all = all;
    c->fd = fd->connect_fd;
    c->since_us = clock_mono_us();
    gate_peer(connection, c->peer);
    for (const struct client *o = all->first; o; o = o->next) {
        n += !o->ended && !o->stream;
        of_peer += !o->ended && !o->stream && strcmp(o->peer, c->peer) == 0;
    }
    bool room =
        of_peer < OF_ONE_PEER || networks_have(all->proxies, c->peer) || make_room(all, c->peer);
    if (room && n >= WEB_CONNECTIONS_MAX - SPARE)
        room = make_room(all, NULL);
    if (!room)
        end(c);
    c->next = all->first;
    c->self = &all->first;
    if (c->next)
        c->next->self = &c->next;
    all->first = c;
    *context = c;
}

void clients_on_connection(void *clients, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what)
{
    struct client *c = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        begin(clients, connection, context);
    if (what != MHD_CONNECTION_NOTIFY_CLOSED || !c)
        return;
    *c->self = c->next;
    if (c->next)
        c->next->self = c->self;
    free(c);
}

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void clients_answered(struct MHD_Connection *connection, bool is_on_its_way)
{
    struct client *c = client_of(connection);
    if (!c)
        return;
    c->answered = is_on_its_way;
    c->since_us = clock_mono_us();
    c->came = 0;
}

/* Behind a proxy who is known only now: he is counted as he comes. */
void clients_is_for(struct MHD_Connection *connection, const char *peer)
{
    struct client *c = client_of(connection);
    int of_peer = 0;
    if (!c || strcmp(c->peer, peer) == 0)
        return;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    for (const struct client *o = c->all->first; o; o = o->next)
        of_peer += !o->ended && !o->stream && strcmp(o->peer, peer) == 0;
    if (of_peer > OF_ONE_PEER && !make_room(c->all, peer))
        end(c);
}

void clients_streams(struct MHD_Connection *connection)
{
    struct client *c = client_of(connection);
    if (c)
        c->stream = true;
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
}

void clients_went_on(struct MHD_Connection *connection, size_t n)
{
    struct client *c = client_of(connection);
    if (!c || (c->came += n) < GOES_ON)
        return;
    c->since_us = clock_mono_us();
    c->came = 0;
}

int clients_end_late(struct clients *all)
{
    int64_t now_us = clock_mono_us(), left_us = INT64_MAX;
    for (struct client *c = all->first; c; c = c->next) {
        if (c->answered || c->ended)
            continue;
        int64_t until_us = c->since_us + ASK_S * INT64_C(1000000);
        if (until_us <= now_us)
            end(c);
        else if (until_us - now_us < left_us)
            left_us = until_us - now_us;
    }
    return left_us == INT64_MAX ? -1 : (int)(left_us / 1000) + 1;
}

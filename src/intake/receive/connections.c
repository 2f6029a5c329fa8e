#include "connection.h"
#include "dashspool/clock.h"
#include "stats.h"
#include <stdio.h>

static void name_peer(struct connection *c)
{
    struct sockaddr_storage addr = {0};
    int size = sizeof addr;
    char text[48] = "?";
    unsigned port = 0;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&addr, &size) == 0) {
        if (addr.ss_family == AF_INET6) {
            uv_ip6_name((struct sockaddr_in6 *)&addr, text, sizeof text);
            port = ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
        } else {
            uv_ip4_name((struct sockaddr_in *)&addr, text, sizeof text);
            port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
        }
    }
    snprintf(c->address, sizeof c->address, "%s", text);
    snprintf(c->peer, sizeof c->peer, addr.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* Once a second at most: a flood must not fill the log. */
static void log_refused(struct connections *all, const char *peer, const char *why)
{
    int64_t now_us = clock_mono_us();
    all->refused++;
    stats_count_refusal(all, why);
    if (all->refused_logged_us && now_us - all->refused_logged_us < 1000000) {
        all->refused_unlogged++;
        return;
    }
    log_warn("receive", "connection refused", LOG_TEXT("peer", peer), LOG_TEXT("reason", why),
             LOG_INT("others", all->refused_unlogged)); /* since the last such line */
    all->refused_logged_us = now_us;
    all->refused_unlogged = 0;
}

/* Why this connection is one too many, or NULL. */
static const char *too_many(const struct connection *c)
{
    const struct connections *all = c->all;
    if (all->open > all->open_max)
        return "too many connections (connections_max)";
    if (table_count(&all->by_address, c->address) > (size_t)all->per_address_max)
        return "too many connections from this address (per_address_max)";
    return NULL;
}

bool connections_accept(struct connections *all, uv_stream_t *listener,
                        const struct tls_server *tls)
{
    struct connection *c = connection_new(all, tls);
    if (!c)
        return false;
    int rc = uv_accept(listener, (uv_stream_t *)&c->tcp);
    if (rc < 0) {
        log_error("receive", "accept failed", LOG_TEXT("reason", uv_strerror(rc)));
        connection_close(c);
        return true;
    }
    name_peer(c);
    table_add(&all->by_address, &c->by_address, c->address, c);
    const char *why = too_many(c);
    if (why) {
        log_refused(all, c->peer, why);
        connection_close(c);
        return true;
    }
    all->accepted++;
    log_debug("receive", "accepted", LOG_TEXT("peer", c->peer), LOG_INT("connections", all->open));
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 60);
    connection_drain(c);
    return true;
}

void connections_close(struct connections *all, const char *why)
{
    while (all->first) {
        struct connection *c = all->first;
        log_info("receive", "closing", WHO(c), LOG_TEXT("reason", why));
        wire_session_eof(c->session);
        connection_drain(c);
        connection_close(c); /* also one that waits for an answer */
    }
}

void connections_on_room(void *arg)
{
    struct connections *all = arg;
    for (struct connection *c = all->first, *next; c; c = next) {
        next = c->next;
        connection_drain(c);
    }
}

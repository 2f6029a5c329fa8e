#include "connection.h"
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include "offer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 64 * 1024 };

struct connection {
    struct connections *all;
    struct connection *next, **self; /* list of all */
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct wire_session *session;
    struct transfer *transfer; /* being received */
    int64_t began_us;          /* monotonic, of the transfer */
    char name[96];             /* "352093081452251 (10.0.0.1:4711)" */
    char peer[64];
    bool reading, closing;
    int handles; /* not yet closed */
};

struct write {
    uv_write_t req;
    uv_buf_t buf;
    uint8_t bytes[];
};

static void drain(struct connection *c);

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    if (--c->handles > 0)
        return;
    c->all->open--;
    wire_session_free(&c->session);
    free(c);
}

static void close_connection(struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    if (c->transfer) /* its end is under way: the answer has nobody to go to */
        store_disown(c->transfer);
    c->transfer = NULL;
    *c->self = c->next;
    if (c->next)
        c->next->self = c->self;
    uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

/* ---- sending ---- */

static void on_written(uv_write_t *req, int status)
{
    (void)status; /* a broken connection is told by the next read */
    free(req->data);
}

static void send_bytes(struct connection *c, const uint8_t *data, size_t n)
{
    uv_buf_t whole = uv_buf_init((char *)(uintptr_t)data, (unsigned)n);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &whole, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == n)
        return;
    struct write *w = malloc(sizeof *w + n - done);
    if (!w)
        return; /* the session's time-out asks again */
    memcpy(w->bytes, data + done, n - done);
    w->buf = uv_buf_init((char *)w->bytes, (unsigned)(n - done));
    w->req.data = w;
    if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &w->buf, 1, on_written) < 0)
        free(w);
}

/* ---- actions of the session ---- */

static void on_begun(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    if (rc < 0) {
        c->transfer = NULL;
        wire_session_refuse(c->session, err->text, clock_mono_us());
    } else {
        int64_t have = store_have(c->transfer);
        if (have > 0)
            log_info("receive", "%s: %s goes on at byte %lld", c->name, store_id(c->transfer),
                     (long long)have);
        wire_session_accept(c->session, (uint64_t)have, clock_mono_us());
    }
    drain(c);
}

static void log_offer(const struct connection *c, const struct wire_offer *offer,
                      const struct catalogue_transfer *row)
{
    char what[160], path[120];
    if (offer->mode == WIRE_BY_BYTES)
        snprintf(what, sizeof what, "%s, %llu bytes",
                 wire_path_text(offer->path, offer->path_bytes, path, sizeof path),
                 (unsigned long long)offer->size_bytes);
    else
        snprintf(what, sizeof what, "%u packets", offer->packets);
    log_info("receive", "%s: offers %s %s, %s, %s%s", c->name, row->camera, row->kind, what,
             row->trigger_name[0] ? "trigger " : "",
             row->trigger_name[0] ? row->trigger_name
             : row->known         ? "no trigger"
             : offer->meta        ? "metadata unreadable"
                                  : "no metadata");
}

static void do_offer(struct connection *c)
{
    struct catalogue_transfer row;
    const struct wire_offer *offer = wire_session_offer(c->session);
    offer_to_row(wire_session_init(c->session), offer, c->peer, clock_utc_us(), &row);
    log_offer(c, offer, &row);
    const char *trouble = store_trouble(c->all->store);
    struct store_resume resume = {.unit_bytes = WIRE_PACKET_BYTES,
                                  .bytes_max = ((int64_t)offer->packets - 1) * WIRE_PACKET_BYTES};
    if (offer->mode == WIRE_BY_BYTES)
        resume =
            (struct store_resume){.unit_bytes = 1, .bytes_max = (int64_t)offer->size_bytes - 1};
    c->began_us = clock_mono_us();
    if (!trouble)
        c->transfer = store_begin(c->all->store, &row, &resume, c, on_begun);
    if (trouble)
        wire_session_refuse(c->session, trouble, clock_mono_us());
    else if (!c->transfer)
        wire_session_refuse(c->session, "out of memory", clock_mono_us());
}

static void do_store(struct connection *c, const struct wire_action *a)
{
    struct err err;
    if (!c->transfer || store_append(c->all->store, c->transfer, a->data, a->n, &err) == ERR_OK)
        return;
    log_error("receive", "%s: %s: %s; connection closed, nothing was acknowledged", c->name,
              store_id(c->transfer), err.text);
    wire_session_eof(c->session);
}

static void on_finished(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    const struct wire_stats *st = wire_session_stats(c->session);
    if (rc < 0) {
        log_error("receive", "%s: %s: not stored, not acknowledged: %s", c->name,
                  store_id(c->transfer), err->text);
        c->transfer = NULL;
        close_connection(c);
        return;
    }
    log_info("receive",
             "%s: stored %s: %llu bytes, %u packets in %.2f s, %d CRC errors, %d resumes", c->name,
             store_id(c->transfer), (unsigned long long)st->bytes, st->packets,
             (double)(clock_mono_us() - c->began_us) / 1e6, st->crc_errors, st->resumes);
    c->transfer = NULL;
    wire_session_committed(c->session, clock_mono_us());
    drain(c);
}

static void do_abandon(struct connection *c, const char *why)
{
    if (!c->transfer)
        return;
    log_warn("receive", "%s: %s is partial: %s", c->name, store_id(c->transfer), why);
    store_abandon(c->all->store, c->transfer, wire_session_stats(c->session), why);
    c->transfer = NULL;
}

static void do_action(struct connection *c, const struct wire_action *a)
{
    switch (a->type) {
    case WIRE_DO_SEND:
        send_bytes(c, a->data, a->n);
        return;
    case WIRE_DO_HELLO:
        snprintf(c->name, sizeof c->name, "%s (%s)", wire_session_init(c->session)->imei, c->peer);
        log_info("receive", "%s: connected, settings %08x", c->name,
                 wire_session_init(c->session)->settings);
        return;
    case WIRE_DO_OFFER:
        do_offer(c);
        return;
    case WIRE_DO_STORE:
        do_store(c, a);
        return;
    case WIRE_DO_COMMIT:
        store_finish(c->all->store, c->transfer, wire_session_stats(c->session), on_finished);
        return;
    case WIRE_DO_ABANDON:
        do_abandon(c, a->text);
        return;
    case WIRE_DO_LOG:
        log_line(a->warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "receive", "%s: %s", c->name, a->text);
        return;
    case WIRE_DO_CLOSE:
        log_line(a->warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "receive", "%s: closed: %s", c->name,
                 a->text);
        close_connection(c);
        return;
    case WIRE_DO_NOTHING:
        return;
    }
}

/* ---- events ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char
        bytes[READ_BYTES]; /* one thread reads, and what it read is used up before the next */
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct err err;
    if (n == 0)
        return;
    if (n < 0) {
        wire_session_eof(c->session);
    } else if (wire_session_feed(c->session, buf->base, (size_t)n, clock_mono_us(), &err) < 0) {
        log_warn("receive", "%s: %s", c->name, err.text);
        wire_session_eof(c->session);
    }
    drain(c);
}

static void set_reading(struct connection *c)
{
    /* Who has no transfer is heard also when nothing can be taken: to be told so. */
    bool want = !wire_session_waiting(c->session) && (!c->transfer || !store_full(c->all->store));
    if (want && !c->reading)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else if (!want && c->reading)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = want;
}

static void on_timer(uv_timer_t *timer)
{
    drain(timer->data);
}

/* The timer only ever fires early: then it is set again. Most DATA so cost no timer work. */
static void set_timer(struct connection *c)
{
    int64_t deadline_us = wire_session_deadline(c->session);
    if (deadline_us == INT64_MAX) {
        uv_timer_stop(&c->timer);
        return;
    }
    int64_t left_us = deadline_us - clock_mono_us();
    uint64_t left_ms = left_us > 0 ? (uint64_t)left_us / 1000 + 1 : 1;
    if (!uv_is_active((uv_handle_t *)&c->timer) || uv_timer_get_due_in(&c->timer) > left_ms)
        uv_timer_start(&c->timer, on_timer, left_ms, 0);
}

static void drain(struct connection *c)
{
    struct wire_action a;
    while (!c->closing) {
        wire_session_next(c->session, clock_mono_us(), &a);
        if (a.type == WIRE_DO_NOTHING) {
            set_reading(c);
            set_timer(c);
            return;
        }
        do_action(c, &a);
    }
}

/* ---- the server's side ---- */

static void name_peer(struct connection *c)
{
    struct sockaddr_storage addr;
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
    snprintf(c->peer, sizeof c->peer, addr.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
    snprintf(c->name, sizeof c->name, "%s", c->peer);
}

void connection_accept(struct connections *all, uv_stream_t *listener)
{
    struct err err;
    struct connection *c = calloc(1, sizeof *c);
    if (!c || wire_session_new(&c->session, &all->limits, clock_mono_us(), &err) < 0) {
        log_error("receive", "no memory for a connection");
        free(c);
        return;
    }
    c->all = all;
    c->next = all->first;
    c->self = &all->first;
    if (c->next)
        c->next->self = &c->next;
    all->first = c;
    all->open++;
    c->handles = 2;
    uv_tcp_init(all->loop, &c->tcp);
    uv_timer_init(all->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    int rc = uv_accept(listener, (uv_stream_t *)&c->tcp);
    if (rc < 0) {
        log_error("receive", "accept: %s", uv_strerror(rc));
        close_connection(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 60);
    name_peer(c);
    drain(c);
}

void connection_close_all(struct connections *all, const char *why)
{
    while (all->first) {
        struct connection *c = all->first;
        log_info("receive", "%s: %s", c->name, why);
        wire_session_eof(c->session);
        drain(c);
        close_connection(c); /* also one that waits for an answer */
    }
}

void connection_on_room(void *arg)
{
    struct connections *all = arg;
    for (struct connection *c = all->first, *next; c; c = next) {
        next = c->next;
        drain(c);
    }
}

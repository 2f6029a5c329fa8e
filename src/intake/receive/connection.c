#include "connection.h"
#include "dashspool/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 64 * 1024 };

struct write {
    uv_write_t req;
    uv_buf_t buf;
    uint8_t bytes[];
};

/* ---- new, close ---- */

static void link_to(struct connection *c, struct connections *all)
{
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
}

struct connection *connection_new(struct connections *all, const struct tls_server *tls)
{
    struct err err;
    struct connection *c = calloc(1, sizeof *c);
    if (c && wire_session_new(&c->session, &all->limits, clock_mono_us(), &err) == ERR_OK &&
        (!tls || tls_new(&c->tls, tls, &err) == ERR_OK)) {
        link_to(c, all);
        return c;
    }
    if (c)
        wire_session_free(&c->session);
    free(c);
    return NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    if (--c->handles > 0)
        return;
    c->all->open--;
    wire_session_free(&c->session);
    tls_free(&c->tls);
    free(c);
}

void connection_close(struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    connection_disown(c);
    table_remove(&c->by_address);
    table_remove(&c->by_imei);
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

static void send_raw(struct connection *c, const uint8_t *data, size_t n)
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

/* What TLS has for the network. */
static void send_pulled(struct connection *c)
{
    uint8_t bytes[4096];
    for (size_t n; (n = tls_pull(c->tls, bytes, sizeof bytes)) > 0;)
        send_raw(c, bytes, n);
}

void connection_send(struct connection *c, const uint8_t *data, size_t n)
{
    struct err err;
    if (!c->tls) {
        send_raw(c, data, n);
        return;
    }
    if (tls_write(c->tls, data, n, &err) < 0)
        log_warn("receive", "TLS send failed", WHO(c), LOG_ERR(&err)); /* time-outs end it */
    send_pulled(c);
}

/* ---- hearing ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char
        bytes[READ_BYTES]; /* one thread reads, and what it read is used up before the next */
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static int feed_plain(struct connection *c, const void *data, size_t n, struct err *err)
{
    int rc = wire_session_feed(c->session, data, n, clock_mono_us(), err);
    if (rc == ERR_OK)
        connection_drain(c);
    return rc;
}

static int feed_tls(struct connection *c, const void *data, size_t n, struct err *err)
{
    static uint8_t plain[READ_BYTES]; /* like `bytes` of on_alloc() */
    bool end = false;
    int rc = tls_feed(c->tls, data, n, err);
    for (size_t got = 1; rc == ERR_OK && got > 0 && !end && !c->closing;) {
        rc = tls_read(c->tls, plain, sizeof plain, &got, &end, err);
        send_pulled(c);
        if (rc == ERR_OK && got > 0)
            rc = feed_plain(c, plain, got, err);
    }
    if (rc == ERR_OK && end && !c->closing)
        wire_session_eof(c->session);
    return rc;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct err err;
    int rc = ERR_OK;
    if (n == 0)
        return;
    if (n < 0)
        wire_session_eof(c->session);
    else
        rc = (c->tls ? feed_tls : feed_plain)(c, buf->base, (size_t)n, &err);
    if (c->closing)
        return;
    if (rc < 0) {
        snprintf(c->failure, sizeof c->failure, "%s", err.text); /* the line of CLOSE says it */
        wire_session_eof(c->session);
    }
    connection_drain(c);
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
    connection_drain(timer->data);
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

void connection_drain(struct connection *c)
{
    struct wire_action a;
    while (!c->closing) {
        wire_session_next(c->session, clock_mono_us(), &a);
        if (a.type == WIRE_DO_NOTHING) {
            set_reading(c);
            set_timer(c);
            return;
        }
        connection_act(c, &a);
    }
}

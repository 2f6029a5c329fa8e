/* connection: who gets in, one camera's socket, and what its session says is done: a hello, its
 * offers, their bytes and ends. */
#include "dashspool/intake.h"
#include "dashspool/raw.h"
#include "stats.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t keep(uint8_t *out, size_t room, const uint8_t *data, size_t n)
{
    size_t kept = n < room ? n : room;
    if (kept > 0)
        memcpy(out, data, kept);
    return kept;
}

/* What the wire says of a file at START, as a row of the catalogue. Metadata that cannot be decoded
 * is kept as bytes and counts as absent. */
static void offer_to_row(const struct wire_init *init, const struct wire_offer *offer,
                         const char *peer, int64_t now_utc_us, struct catalogue_transfer *row)
{
    struct catalogue_wire *w = &row->wire;
    *row = (struct catalogue_transfer){.state = CATALOGUE_RECEIVING, .arrived_us = now_utc_us};
    snprintf(row->imei, sizeof row->imei, "%s", init->imei);
    snprintf(row->camera, sizeof row->camera, "%s", offer->camera);
    snprintf(row->kind, sizeof row->kind, "%s", offer->kind);
    snprintf(row->source, sizeof row->source, "camera");
    snprintf(row->peer, sizeof row->peer, "%s", peer);
    raw_day(now_utc_us, row->day);
    row->protocol_id = init->protocol_id;
    w->init_n = keep(w->init, sizeof w->init, offer->init, offer->init_bytes);
    w->path_n = keep(w->path, sizeof w->path, offer->path, offer->path_bytes);
    w->meta_n = keep(w->meta, sizeof w->meta, offer->meta, offer->meta_bytes);
    w->start_n = keep(w->start, sizeof w->start, offer->start, offer->start_bytes);
    facts_decode(row);
}

/* ---- what its session says is done ---- */

/* What an event is about, and whom. */
#define WHAT(c) LOG_TEXT("id", store_id((c)->transfer)), WHO(c)

static void set_transfer(struct connection *c, struct transfer *t)
{
    c->all->receiving += (t != NULL) - (c->transfer != NULL);
    c->transfer = t;
}

static void do_hello(struct connection *c)
{
    const struct wire_init *init = wire_session_init(c->session);
    struct err err;
    bool learned;
    char settings[16];
    snprintf(c->imei, sizeof c->imei, "%s", init->imei);
    snprintf(settings, sizeof settings, "%08x", init->settings);
    if (access_check(c->all->access, init->imei, &learned, &err) < 0) {
        stats_count_refusal(c->all, err.text);
        wire_session_dismiss(c->session, err.text, true, clock_mono_us());
        return;
    }
    if (log_may(LOG_LEVEL_INFO, c->peer))
        log_info("receive", "connected", WHO(c), LOG_BOOL("tls", c->tls != NULL),
                 LOG_TEXT("settings", settings));
    if (learned && log_may(LOG_LEVEL_INFO, c->peer))
        log_info("receive", "new tracker added to allow-list", WHO(c));
    /* The newer connection of a camera is the one that works; the older one hangs, or soon will. */
    for (struct table_link *l; (l = table_find(&c->all->by_imei, c->imei, NULL));) {
        struct connection *older = l->owner;
        if (log_may(LOG_LEVEL_WARN, c->peer))
            log_warn("receive", "closed, superseded by a new connection", WHO(older),
                     LOG_TEXT("new_peer", c->peer));
        table_remove(&older->by_imei);
        wire_session_eof(older->session);
        connection_drain(older);
        connection_close(older);
    }
    table_add(&c->all->by_imei, &c->by_imei, c->imei, c);
}

static void on_begun(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    if (rc < 0) {
        set_transfer(c, NULL);
        stats_count_refusal(c->all, err->text);
        wire_session_refuse(c->session, err->text, clock_mono_us());
    } else {
        int64_t have = store_have(c->transfer);
        if (have > 0 && log_may(LOG_LEVEL_INFO, c->peer))
            log_info("receive", "resumed", WHAT(c), LOG_INT("from_byte", have));
        wire_session_accept(c->session, (uint64_t)have, store_from_0(c->transfer), clock_mono_us());
    }
    connection_drain(c);
}

static void do_offer(struct connection *c)
{
    struct catalogue_transfer row;
    const struct wire_offer *offer = wire_session_offer(c->session);
    offer_to_row(wire_session_init(c->session), offer, c->peer, clock_utc_us(), &row);
    char path[120] = "";
    bool by_bytes = offer->mode == WIRE_BY_BYTES;
    if (by_bytes)
        wire_path_text(offer->path, offer->path_bytes, path, sizeof path);
    if (log_may(LOG_LEVEL_INFO, c->peer))
        log_info("receive", "offered", WHO(c), LOG_TEXT("camera", row.camera),
                 LOG_TEXT("kind", row.kind), LOG_TEXT("file", path),
                 LOG_INT_IF(by_bytes, "bytes", offer->size_bytes),
                 LOG_INT_IF(!by_bytes, "packets", offer->packets),
                 LOG_TEXT("trigger", row.trigger_name),
                 LOG_TEXT("note", row.known     ? ""
                                  : offer->meta ? "metadata unreadable"
                                                : "no metadata"));
    snprintf(c->camera, sizeof c->camera, "%s", row.camera);
    snprintf(c->kind, sizeof c->kind, "%s", row.kind);
    c->looked = false;
    const char *trouble = store_trouble(c->all->store);
    if (trouble)
        stats_count_refusal(c->all, trouble);
    struct store_resume resume = {.unit_bytes = WIRE_PACKET_BYTES,
                                  .bytes_max = ((int64_t)offer->packets - 1) * WIRE_PACKET_BYTES};
    if (offer->mode == WIRE_BY_BYTES)
        resume =
            (struct store_resume){.unit_bytes = 1, .bytes_max = (int64_t)offer->size_bytes - 1};
    c->began_us = clock_mono_us();
    c->stats = (struct stats){0};
    if (!trouble)
        set_transfer(c, store_begin(c->all->store, &row, &resume, c, on_begun));
    if (trouble)
        wire_session_refuse(c->session, trouble, clock_mono_us());
    else if (!c->transfer)
        wire_session_refuse(c->session, "out of memory", clock_mono_us());
}

static void do_store(struct connection *c, const struct wire_action *a)
{
    struct err err;
    /* The camera's file names and metadata say what a file is; its first bytes know. It is stored
     * as it is, whatever it is. */
    if (!c->looked && c->transfer) {
        c->looked = true;
        const char *content = store_have(c->transfer) == 0 ? wire_content(a->data, a->n) : NULL;
        if (content && strcmp(content, c->kind) != 0 && log_may(LOG_LEVEL_WARN, c->peer))
            log_warn("receive", "content type does not match the file name", WHAT(c),
                     LOG_TEXT("kind", c->kind),
                     LOG_TEXT("content", *content ? content : "unknown"));
    }
    c->all->bytes += a->n;
    if (c->transfer && wire_session_stats(c->session)->from_0)
        store_count_from_0(c->all->store, c->transfer);
    if (!c->transfer || store_append(c->all->store, c->transfer, a->data, a->n, &err) == ERR_OK)
        return;
    if (log_may(LOG_LEVEL_ERROR, c->peer))
        log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(&err));
    wire_session_eof(c->session);
}

static void on_finished(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    const struct wire_stats *st = wire_session_stats(c->session);
    if (rc < 0) {
        if (log_may(LOG_LEVEL_ERROR, c->peer))
            log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(err));
        set_transfer(c, NULL);
        connection_close(c);
        return;
    }
    /* A duplicate has no transfer of its own any more. */
    const char *same_as = store_same_as(c->transfer);
    if (log_may(LOG_LEVEL_INFO, c->peer))
        log_event(LOG_LEVEL_INFO, "receive", *same_as ? "duplicate, already stored" : "stored",
                  LOG_FIELDS(LOG_TEXT("id", *same_as ? "" : store_id(c->transfer)),
                             LOG_TEXT("same_as", same_as), WHO(c), LOG_TEXT("camera", c->camera),
                             LOG_TEXT("kind", c->kind), LOG_INT("bytes", st->bytes),
                             LOG_INT("packets", st->packets),
                             LOG_SECONDS("seconds", (double)(clock_mono_us() - c->began_us) / 1e6),
                             LOG_INT("crc_errors", st->crc_errors),
                             LOG_INT("resumes", st->resumes)));
    set_transfer(c, NULL);
    wire_session_committed(c->session, clock_mono_us());
    connection_drain(c);
}

static void do_abandon(struct connection *c, const char *why)
{
    if (!c->transfer)
        return;
    uint64_t bytes = wire_session_stats(c->session)->bytes;
    bool kept = bytes > 0 || store_have(c->transfer) > 0; /* else its row goes */
    if (log_may(LOG_LEVEL_WARN, c->peer)) {
        if (kept)
            log_warn("receive", "partial transfer kept", WHAT(c), LOG_INT("bytes", bytes),
                     LOG_TEXT("reason", why));
        else
            log_warn("receive", "transfer ended before its first byte", WHO(c),
                     LOG_TEXT("reason", why));
    }
    store_abandon(c->all->store, c->transfer, wire_session_stats(c->session), why);
    set_transfer(c, NULL);
}

static void log_session(const struct connection *c, const struct wire_action *a, const char *msg,
                        const char *why)
{
    bool warn = a->warn || (a->type == WIRE_DO_CLOSE && c->failure[0]);
    enum log_level level = warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    if (log_may(level, c->peer))
        log_event(level, "receive", msg, LOG_FIELDS(WHO(c), LOG_TEXT("reason", why)));
}

static void connection_act(struct connection *c, const struct wire_action *a)
{
    const char *why = c->failure[0] ? c->failure : a->text;
    switch (a->type) {
    case WIRE_DO_SEND:
        connection_send(c, a->data, a->n);
        return;
    case WIRE_DO_HELLO:
        do_hello(c);
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
        do_abandon(c, why);
        return;
    case WIRE_DO_LOG:
        log_session(c, a, a->event, a->text);
        return;
    case WIRE_DO_CLOSE:
        log_session(c, a, "closed", why);
        connection_close(c);
        return;
    case WIRE_DO_NOTHING:
        return;
    }
}

/* ---- connection ---- */

enum { READ_BYTES = 64 * 1024 };

struct write {
    uv_write_t req;
    uv_buf_t buf;
    uint8_t bytes[];
};

/* ---- new, close ---- */

struct connection *connection_new(struct connections *all, const struct tls_context *tls)
{
    struct err err;
    struct connection *c = calloc(1, sizeof *c);
    if (c && wire_session_new(&c->session, &all->limits, clock_mono_us(), &err) == ERR_OK &&
        (!tls || tls_new(&c->tls, tls, NULL, &err) == ERR_OK)) {
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
    if (c->transfer)
        store_disown(c->transfer);
    set_transfer(c, NULL);
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
    if (tls_write(c->tls, data, n, &err) < 0 && log_may(LOG_LEVEL_WARN, c->peer))
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
            /* Who has no transfer is heard also when nothing can be taken: to be told so. */
            bool want =
                !wire_session_waiting(c->session) && (!c->transfer || !store_full(c->all->store));
            if (want && !c->reading)
                uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
            else if (!want && c->reading)
                uv_read_stop((uv_stream_t *)&c->tcp);
            c->reading = want;
            set_timer(c);
            return;
        }
        connection_act(c, &a);
    }
}

/* ---- connections ---- */

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
                        const struct tls_context *tls)
{
    struct connection *c = connection_new(all, tls);
    if (!c)
        return false;
    int rc = uv_accept(listener, (uv_stream_t *)&c->tcp);
    if (rc < 0) {
        if (log_may(LOG_LEVEL_ERROR, "?"))
            log_error("receive", "accept failed", LOG_TEXT("reason", uv_strerror(rc)));
        connection_close(c);
        return true;
    }
    struct sockaddr_storage addr = {0};
    int size = sizeof addr;
    uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&addr, &size);
    listen_name((struct sockaddr *)&addr, (size_t)size, c->peer, c->address);
    table_add(&all->by_address, &c->by_address, c->address, c);
    const char *why = too_many(c);
    if (why) {
        log_refused(all, c->peer, why);
        connection_close(c);
        return true;
    }
    all->accepted++;
    if (log_may(LOG_LEVEL_DEBUG, c->peer))
        log_debug("receive", "accepted", LOG_TEXT("peer", c->peer),
                  LOG_INT("connections", all->open));
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

/* connection: what one camera's session says is done: a hello, its offers, their bytes and ends. */
#include "connection.h"
#include "dashspool/intake.h"
#include "dashspool/raw.h"
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

/* Whom an event is about, and what. */
#define WHO(c)  LINK_WHO(&(c)->link)
#define WHAT(c) LOG_TEXT("id", store_id((c)->transfer)), WHO(c)

static void set_transfer(struct connection *c, struct transfer *t)
{
    c->receiver->receiving += (t != NULL) - (c->transfer != NULL);
    c->transfer = t;
}

static void do_hello(struct connection *c)
{
    const struct wire_init *init = wire_session_init(c->session);
    struct err err;
    bool learned;
    char settings[16], full[256];
    if (onward_full(&c->receiver->onward, full)) {
        links_count_refusal(c->link.all, full);
        wire_session_dismiss(c->session, full, true, clock_mono_us());
        return;
    }
    snprintf(settings, sizeof settings, "%08x", init->settings);
    if (link_named(&c->link, init->imei, &learned, &err) < 0) {
        wire_session_dismiss(c->session, err.text, true, clock_mono_us());
        return;
    }
    if (log_may(LOG_LEVEL_INFO, c->link.peer))
        log_info("receive", "connected", WHO(c), LOG_BOOL("tls", c->link.tls != NULL),
                 LOG_TEXT("settings", settings));
    if (learned && log_may(LOG_LEVEL_INFO, c->link.peer))
        log_info("receive", "new tracker added to allow-list", WHO(c));
}

static void on_begun(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    if (rc < 0) {
        set_transfer(c, NULL);
        links_count_refusal(c->link.all, err->text);
        wire_session_refuse(c->session, err->text, clock_mono_us());
    } else {
        int64_t have = store_have(c->transfer);
        if (have > 0 && log_may(LOG_LEVEL_INFO, c->link.peer))
            log_info("receive", "resumed", WHAT(c), LOG_INT("from_byte", have));
        wire_session_accept(c->session, (uint64_t)have, store_from_0(c->transfer), clock_mono_us());
    }
    link_drain(&c->link);
}

static void do_offer(struct connection *c)
{
    struct catalogue_transfer row;
    const struct wire_offer *offer = wire_session_offer(c->session);
    offer_to_row(wire_session_init(c->session), offer, c->link.peer, clock_utc_us(), &row);
    char path[120] = "";
    bool by_bytes = offer->mode == WIRE_BY_BYTES;
    if (by_bytes)
        wire_path_text(offer->path, offer->path_bytes, path, sizeof path);
    if (log_may(LOG_LEVEL_INFO, c->link.peer))
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
    const char *trouble = store_trouble(c->receiver->store);
    if (trouble)
        links_count_refusal(c->link.all, trouble);
    struct store_resume resume = {.unit_bytes = WIRE_PACKET_BYTES,
                                  .bytes_max = ((int64_t)offer->packets - 1) * WIRE_PACKET_BYTES};
    if (offer->mode == WIRE_BY_BYTES)
        resume =
            (struct store_resume){.unit_bytes = 1, .bytes_max = (int64_t)offer->size_bytes - 1};
    c->began_us = clock_mono_us();
    c->stats = (struct stats){0};
    if (!trouble)
        set_transfer(c, store_begin(c->receiver->store, &row, &resume, c, on_begun));
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
        if (content && strcmp(content, c->kind) != 0 && log_may(LOG_LEVEL_WARN, c->link.peer))
            log_warn("receive", "content type does not match the file name", WHAT(c),
                     LOG_TEXT("kind", c->kind),
                     LOG_TEXT("content", *content ? content : "unknown"));
    }
    c->receiver->bytes += a->n;
    if (c->transfer && wire_session_stats(c->session)->from_0)
        store_count_from_0(c->receiver->store, c->transfer);
    if (!c->transfer ||
        store_append(c->receiver->store, c->transfer, a->data, a->n, &err) == ERR_OK)
        return;
    if (log_may(LOG_LEVEL_ERROR, c->link.peer))
        log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(&err));
    wire_session_eof(c->session);
}

static void on_finished(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    const struct wire_stats *st = wire_session_stats(c->session);
    if (rc < 0) {
        if (rc == ERR_AGAIN && log_may(LOG_LEVEL_WARN, c->link.peer))
            log_warn("receive", "staged, not acknowledged", WHAT(c), LOG_ERR(err));
        else if (rc != ERR_AGAIN && log_may(LOG_LEVEL_ERROR, c->link.peer))
            log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(err));
        set_transfer(c, NULL);
        link_close(&c->link);
        return;
    }
    /* A duplicate has no transfer of its own any more. */
    const char *same_as = store_same_as(c->transfer);
    if (log_may(LOG_LEVEL_INFO, c->link.peer))
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
    link_drain(&c->link);
}

static void do_abandon(struct connection *c, const char *why)
{
    if (!c->transfer)
        return;
    uint64_t bytes = wire_session_stats(c->session)->bytes;
    bool kept = bytes > 0 || store_have(c->transfer) > 0; /* else its row goes */
    if (log_may(LOG_LEVEL_WARN, c->link.peer)) {
        if (kept)
            log_warn("receive", "partial transfer kept", WHAT(c), LOG_INT("bytes", bytes),
                     LOG_TEXT("reason", why));
        else
            log_warn("receive", "transfer ended before its first byte", WHO(c),
                     LOG_TEXT("reason", why));
    }
    store_abandon(c->receiver->store, c->transfer, wire_session_stats(c->session), why);
    set_transfer(c, NULL);
}

static void log_session(const struct connection *c, const struct wire_action *a, const char *msg,
                        const char *why)
{
    bool warn = a->warn || (a->type == WIRE_DO_CLOSE && c->link.failure[0]);
    enum log_level level = warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    if (log_may(level, c->link.peer))
        log_event(level, "receive", msg, LOG_FIELDS(WHO(c), LOG_TEXT("reason", why)));
}

static void act_on(struct connection *c, const struct wire_action *a)
{
    const char *why = c->link.failure[0] ? c->link.failure : a->text;
    switch (a->type) {
    case WIRE_DO_SEND:
        link_send(&c->link, a->data, a->n);
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
        store_finish(c->receiver->store, c->transfer, wire_session_stats(c->session), on_finished);
        return;
    case WIRE_DO_ABANDON:
        do_abandon(c, why);
        return;
    case WIRE_DO_LOG:
        log_session(c, a, a->event, a->text);
        return;
    case WIRE_DO_CLOSE:
        log_session(c, a, "closed", why);
        link_close(&c->link);
        return;
    case WIRE_DO_NOTHING:
        return;
    }
}

/* ---- as the link asks it ---- */

int connection_begin(struct link *l, struct err *err)
{
    struct connection *c = (struct connection *)l;
    c->receiver = l->all->arg;
    return wire_session_new(&c->session, &c->receiver->limits, clock_mono_us(), err);
}

int connection_feed(struct link *l, const uint8_t *data, size_t n, struct err *err)
{
    return wire_session_feed(((struct connection *)l)->session, data, n, clock_mono_us(), err);
}

void connection_eof(struct link *l)
{
    wire_session_eof(((struct connection *)l)->session);
}

bool connection_act(struct link *l)
{
    struct connection *c = (struct connection *)l;
    struct wire_action a;
    wire_session_next(c->session, clock_mono_us(), &a);
    act_on(c, &a);
    return a.type != WIRE_DO_NOTHING;
}

/* Who has no transfer is heard also when nothing can be taken: to be told so. */
bool connection_wants(const struct link *l)
{
    const struct connection *c = (const struct connection *)l;
    return !wire_session_waiting(c->session) && (!c->transfer || !store_full(c->receiver->store));
}

int64_t connection_deadline_us(const struct link *l)
{
    return wire_session_deadline(((const struct connection *)l)->session);
}

void connection_leave(struct link *l)
{
    struct connection *c = (struct connection *)l;
    if (c->transfer)
        store_disown(c->transfer);
    set_transfer(c, NULL);
}

void connection_end(struct link *l)
{
    wire_session_free(&((struct connection *)l)->session);
}

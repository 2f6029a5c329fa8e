/* connection: what its session says is done: a camera that says hello, its offers, their bytes and
 * ends. */
#include "connection.h"
#include "dashspool/clock.h"
#include "offer.h"
#include "stats.h"
#include <stdio.h>
#include <string.h>

/* What an event is about, and whom. */
#define WHAT(c) LOG_TEXT("id", store_id((c)->transfer)), WHO(c)

static void set_transfer(struct connection *c, struct transfer *t)
{
    c->all->receiving += (t != NULL) - (c->transfer != NULL);
    c->transfer = t;
}

void connection_disown(struct connection *c)
{
    if (c->transfer)
        store_disown(c->transfer);
    set_transfer(c, NULL);
}

/* The newer connection of a camera is the one that works; the older one hangs, or soon will. */
static void close_older(struct connection *c)
{
    const char *imei = wire_session_init(c->session)->imei;
    for (struct table_link *l; (l = table_find(&c->all->by_imei, imei, NULL));) {
        struct connection *older = l->owner;
        log_warn("receive", "closed, superseded by a new connection", WHO(older),
                 LOG_TEXT("new_peer", c->peer));
        table_remove(&older->by_imei);
        wire_session_eof(older->session);
        connection_drain(older);
        connection_close(older);
    }
    table_add(&c->all->by_imei, &c->by_imei, imei, c);
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
    log_info("receive", "connected", WHO(c), LOG_BOOL("tls", c->tls != NULL),
             LOG_TEXT("settings", settings));
    if (learned)
        log_info("receive", "new tracker added to allow-list", WHO(c));
    close_older(c);
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
        if (have > 0)
            log_info("receive", "resumed", WHAT(c), LOG_INT("from_byte", have));
        wire_session_accept(c->session, (uint64_t)have, clock_mono_us());
    }
    connection_drain(c);
}

static void log_offer(const struct connection *c, const struct wire_offer *offer,
                      const struct catalogue_transfer *row)
{
    char path[120] = "";
    bool by_bytes = offer->mode == WIRE_BY_BYTES;
    if (by_bytes)
        wire_path_text(offer->path, offer->path_bytes, path, sizeof path);
    log_info(
        "receive", "offered", WHO(c), LOG_TEXT("camera", row->camera), LOG_TEXT("kind", row->kind),
        LOG_TEXT("file", path), LOG_INT_IF(by_bytes, "bytes", offer->size_bytes),
        LOG_INT_IF(!by_bytes, "packets", offer->packets), LOG_TEXT("trigger", row->trigger_name),
        LOG_TEXT("note", row->known    ? ""
                         : offer->meta ? "metadata unreadable"
                                       : "no metadata"));
}

static void do_offer(struct connection *c)
{
    struct catalogue_transfer row;
    const struct wire_offer *offer = wire_session_offer(c->session);
    offer_to_row(wire_session_init(c->session), offer, c->peer, clock_utc_us(), &row);
    log_offer(c, offer, &row);
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

/* The camera's file names and metadata say what a file is; its first bytes know. It is stored as it
 * is, whatever it is. */
static void look_at_content(struct connection *c, const struct wire_action *a)
{
    if (c->looked || !c->transfer)
        return;
    c->looked = true;
    const char *content = store_have(c->transfer) == 0 ? wire_content(a->data, a->n) : NULL;
    if (content && strcmp(content, c->kind) != 0)
        log_warn("receive", "content type does not match the file name", WHAT(c),
                 LOG_TEXT("kind", c->kind), LOG_TEXT("content", *content ? content : "unknown"));
}

static void do_store(struct connection *c, const struct wire_action *a)
{
    struct err err;
    look_at_content(c, a);
    c->all->bytes += a->n;
    if (!c->transfer || store_append(c->all->store, c->transfer, a->data, a->n, &err) == ERR_OK)
        return;
    log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(&err));
    wire_session_eof(c->session);
}

static void on_finished(void *owner, int rc, const struct err *err)
{
    struct connection *c = owner;
    const struct wire_stats *st = wire_session_stats(c->session);
    if (rc < 0) {
        log_error("receive", "transfer not stored, not acknowledged", WHAT(c), LOG_ERR(err));
        set_transfer(c, NULL);
        connection_close(c);
        return;
    }
    log_info("receive", "stored", WHAT(c), LOG_TEXT("camera", c->camera), LOG_TEXT("kind", c->kind),
             LOG_INT("bytes", st->bytes), LOG_INT("packets", st->packets),
             LOG_SECONDS("seconds", (double)(clock_mono_us() - c->began_us) / 1e6),
             LOG_INT("crc_errors", st->crc_errors), LOG_INT("resumes", st->resumes));
    set_transfer(c, NULL);
    wire_session_committed(c->session, clock_mono_us());
    connection_drain(c);
}

static void do_abandon(struct connection *c, const char *why)
{
    if (!c->transfer)
        return;
    log_warn("receive", "partial transfer kept", WHAT(c),
             LOG_INT("bytes", wire_session_stats(c->session)->bytes), LOG_TEXT("reason", why));
    store_abandon(c->all->store, c->transfer, wire_session_stats(c->session), why);
    set_transfer(c, NULL);
}

static void log_session(const struct connection *c, const struct wire_action *a, const char *msg,
                        const char *why)
{
    bool warn = a->warn || (a->type == WIRE_DO_CLOSE && c->failure[0]);
    log_event(warn ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "receive", msg,
              LOG_FIELDS(WHO(c), LOG_TEXT("reason", why)));
}

void connection_act(struct connection *c, const struct wire_action *a)
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

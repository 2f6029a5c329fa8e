/* tracker: what one tracker's session says is done: a login, its records, the end. */
#include "tracker.h"
#include <stdio.h>

/* Whom an event is about. */
#define WHO(t) LINK_WHO(&(t)->link)

static void do_login(struct tracker *t, const char *odd)
{
    struct err err = {.text = ""};
    bool learned = false;
    int rc = link_named(&t->link, session_imei(t->session), &learned, &err);
    if (rc == ERR_OK && log_may(LOG_LEVEL_INFO, t->link.peer))
        log_info("telemetry", "connected", WHO(t), LOG_BOOL("tls", t->link.tls != NULL),
                 LOG_TEXT("note", odd));
    if (learned && log_may(LOG_LEVEL_INFO, t->link.peer))
        log_info("telemetry", "new tracker added to allow-list", WHO(t));
    t->since_us = clock_utc_us();
    session_judged(t->session, rc == ERR_OK, err.text, clock_mono_us());
}

static void on_stored(void *owner, int rc, const struct err *err)
{
    struct tracker *t = owner;
    t->frame = NULL;
    if (rc == ERR_OK) {
        session_stored(t->session, clock_mono_us());
        link_drain(&t->link);
        return;
    }
    if (log_may(LOG_LEVEL_ERROR, t->link.peer))
        log_error("telemetry", "records not stored, not acknowledged", WHO(t), LOG_ERR(err));
    link_close(&t->link);
}

static void do_store(struct tracker *t, const struct avl_frame *frame)
{
    t->frame = inbox_put(t->trackers->inbox, session_imei(t->session), frame, t, on_stored);
    if (t->frame)
        return;
    if (log_may(LOG_LEVEL_ERROR, t->link.peer))
        log_error("telemetry", "records not stored, not acknowledged", WHO(t),
                  LOG_TEXT("reason", "out of memory"));
    link_close(&t->link);
}

static void log_session(const struct tracker *t, const struct session_action *a, const char *msg)
{
    const struct session_stats *st = session_stats(t->session);
    const char *why = t->link.failure[0] ? t->link.failure : a->text;
    bool closed = a->type == SESSION_DO_CLOSE;
    enum log_level level = a->warn || (closed && t->link.failure[0]) ? LOG_LEVEL_WARN
                           : closed                                  ? LOG_LEVEL_INFO
                                                                     : LOG_LEVEL_DEBUG;
    if (log_may(level, t->link.peer))
        log_event(level, "telemetry", msg,
                  LOG_FIELDS(WHO(t), LOG_TEXT("reason", why),
                             LOG_INT_IF(closed && st->records > 0, "records", st->records),
                             LOG_INT_IF(closed && st->wrong > 0, "wrong", st->wrong)));
}

static void act_on(struct tracker *t, const struct session_action *a)
{
    uint64_t wrong = session_stats(t->session)->wrong;
    switch (a->type) {
    case SESSION_DO_SEND:
        link_send(&t->link, a->data, a->n);
        return;
    case SESSION_DO_LOGIN:
        do_login(t, a->text);
        return;
    case SESSION_DO_STORE:
        do_store(t, &a->frame);
        return;
    case SESSION_DO_READY:
    case SESSION_DO_ANSWER:
    case SESSION_DO_NACK:
    case SESSION_DO_SILENT:
        return;
    case SESSION_DO_LOG:
        log_session(t, a, a->event);
        return;
    case SESSION_DO_CLOSE:
        t->trackers->wrong += wrong;
        log_session(t, a, "closed");
        link_close(&t->link);
        return;
    case SESSION_DO_NOTHING:
        return;
    }
}

/* ---- as the link asks it ---- */

int tracker_begin(struct link *l, struct err *err)
{
    struct tracker *t = (struct tracker *)l;
    t->trackers = l->all->arg;
    return session_new(&t->session, &t->trackers->limits, clock_mono_us(), err);
}

int tracker_feed(struct link *l, const uint8_t *data, size_t n, struct err *err)
{
    return session_feed(((struct tracker *)l)->session, data, n, clock_mono_us(), err);
}

void tracker_eof(struct link *l)
{
    session_eof(((struct tracker *)l)->session);
}

bool tracker_act(struct link *l)
{
    struct tracker *t = (struct tracker *)l;
    struct session_action a;
    session_next(t->session, clock_mono_us(), &a);
    act_on(t, &a);
    return a.type != SESSION_DO_NOTHING;
}

/* Who has not logged in is heard also when nothing can be taken: to be told so. */
bool tracker_wants(const struct link *l)
{
    const struct tracker *t = (const struct tracker *)l;
    return !session_waiting(t->session) &&
           (!session_imei(t->session)[0] || !inbox_full(t->trackers->inbox));
}

int64_t tracker_deadline_us(const struct link *l)
{
    return session_deadline_us(((const struct tracker *)l)->session);
}

void tracker_leave(struct link *l)
{
    struct tracker *t = (struct tracker *)l;
    if (t->frame)
        inbox_disown(t->frame);
    t->frame = NULL;
}

void tracker_end(struct link *l)
{
    session_free(&((struct tracker *)l)->session);
}

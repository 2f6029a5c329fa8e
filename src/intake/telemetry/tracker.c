/* tracker: what one tracker's session says is done: a login, its records, its commands, the end. */
#include "tracker.h"
#include "dashspool/requests.h"
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
    if (rc == ERR_OK)
        desk_login(t->trackers->desk, t->link.imei);
}

/* ---- records ---- */

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

/* A backlog tells what was, not what is. */
#define NOW_MS (INT64_C(10) * 60 * 1000)

/* What requests wait for, of the newest record of a frame. */
static unsigned heard_of(const struct avl_frame *frame)
{
    static const struct {
        uint16_t id;
        uint64_t value;
        enum requests_wait what;
    } awaited[] = {
        {AVL_ID_IGNITION, 1, REQUESTS_FOR_IGNITION},
        {AVL_ID_CAMERA_FRONT, 3, REQUESTS_FOR_FRONT},
        {AVL_ID_CAMERA_REAR, 3, REQUESTS_FOR_REAR},
        /* of FMx650, COM1 and COM2: DualCam's front and rear, DashCam */
        {12301, 3, REQUESTS_FOR_FRONT},
        {12302, 3, REQUESTS_FOR_REAR},
        {12303, 3, REQUESTS_FOR_FRONT},
        {12304, 3, REQUESTS_FOR_FRONT},
        {12305, 3, REQUESTS_FOR_REAR},
        {12306, 3, REQUESTS_FOR_FRONT},
    };
    struct avl_records walk = avl_frame_records(frame);
    struct avl_record record, newest = {.time_ms = 0};
    struct avl_io io;
    unsigned heard = 0;
    int64_t now_ms = clock_utc_us() / 1000;
    while (avl_records_next(&walk, &record))
        if (record.time_ms >= newest.time_ms)
            newest = record;
    if (newest.time_ms < (uint64_t)(now_ms - NOW_MS) ||
        newest.time_ms > (uint64_t)(now_ms + NOW_MS))
        return 0;
    for (size_t i = 0; i < sizeof awaited / sizeof *awaited; i++)
        if (avl_io_find(&newest, awaited[i].id, &io) && avl_io_unsigned(&io) == awaited[i].value)
            heard |= awaited[i].what;
    return heard;
}

static void do_store(struct tracker *t, const struct avl_frame *frame)
{
    if (desk_wants(t->trackers->desk, t->link.imei))
        desk_heard(t->trackers->desk, t->link.imei, heard_of(frame));
    t->frame = inbox_put(t->trackers->inbox, session_imei(t->session), frame, t, on_stored);
    if (t->frame)
        return;
    if (log_may(LOG_LEVEL_ERROR, t->link.peer))
        log_error("telemetry", "records not stored, not acknowledged", WHO(t),
                  LOG_TEXT("reason", "out of memory"));
    link_close(&t->link);
}

/* ---- commands ---- */

/* A tracker with a backlog sends its next frame while the command is looked for: it goes behind the
 * answer to that. */
static void send_pending(struct tracker *t)
{
    struct desk_command command = t->pending;
    struct err err;
    int64_t now_us = clock_mono_us();
    if (!command.id || !session_ready(t->session, now_us))
        return;
    t->pending.id = 0;
    if (session_command(t->session, command.text, command.codec_14, now_us, &err) < 0) {
        desk_unsent(t->trackers->desk, command.id, err.text);
        return;
    }
    t->request = command.id;
    if (log_may(LOG_LEVEL_INFO, t->link.peer))
        log_info("telemetry", "command sent", WHO(t), LOG_INT("request", command.id),
                 LOG_TEXT("command", command.text));
}

static void on_next(void *owner, const struct desk_command *command)
{
    struct tracker *t = owner;
    t->order = NULL;
    t->pending = *command;
    send_pending(t);
    link_drain(&t->link);
}

void tracker_due(struct link *l)
{
    struct tracker *t = (struct tracker *)l;
    if (!t->order && !t->request && !t->pending.id && session_ready(t->session, clock_mono_us()))
        t->order = desk_next(t->trackers->desk, l->imei, l->peer, t, on_next);
}

static void on_answer(void *owner, bool settled)
{
    struct tracker *t = owner;
    t->order = NULL;
    session_settled(t->session, settled);
    if (settled) {
        t->settled = t->request;
        t->request = 0;
    }
    link_drain(&t->link);
}

static void do_answer(struct tracker *t, const struct session_action *a)
{
    t->order = desk_answer(t->trackers->desk, t->request, a->data, a->n, t, on_answer);
    if (!t->order)
        session_settled(t->session, false);
}

/* Its end without an answer. */
static void do_without(struct tracker *t, const struct session_action *a)
{
    if (a->type == SESSION_DO_NACK)
        desk_refused(t->trackers->desk, t->request, a->text);
    else
        desk_silent(t->trackers->desk, t->request, a->data, a->n);
    if (log_may(LOG_LEVEL_WARN, t->link.peer))
        log_warn("telemetry", "command not answered", WHO(t), LOG_INT("request", t->request),
                 LOG_TEXT("reason", a->type == SESSION_DO_NACK ? a->text : "silence"));
    t->request = 0;
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
        send_pending(t);
        if (desk_wants(t->trackers->desk, t->link.imei))
            tracker_due(&t->link);
        return;
    case SESSION_DO_ANSWER:
        do_answer(t, a);
        return;
    case SESSION_DO_MORE:
        desk_more(t->trackers->desk, t->settled, a->data, a->n);
        return;
    case SESSION_DO_NACK:
    case SESSION_DO_SILENT:
        do_without(t, a);
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
    if (t->order)
        desk_disown(t->order);
    t->order = NULL;
    if (t->pending.id)
        desk_unsent(t->trackers->desk, t->pending.id, DESK_ENDED);
    t->pending.id = 0;
    if (t->request)
        desk_lost(t->trackers->desk, l->imei);
    t->request = 0;
}

void tracker_end(struct link *l)
{
    session_free(&((struct tracker *)l)->session);
}

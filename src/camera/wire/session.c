#include "session_internal.h"
#include <assert.h>
#include <stdlib.h>

const struct wire_limits wire_limits_default = {
    .init_us = 15 * 1000000,     /* cameras speak at once; 0.4 to 1 s a step was seen */
    .meta_us = 10 * 1000000,     /* the slowest answer seen took 4.6 s */
    .sync_us = 10 * 1000000,     /* packets in flight come first, at 4 KB/s */
    .stall_us = 30 * 1000000,    /* 0.3 s a packet is normal */
    .silence_us = 300 * 1000000, /* what others found sane; under 30 s is not */
    .closing_us = 5 * 1000000,
    .repeats = 20,
    .packets_max = 1024 * 1024, /* a 6 MB clip has 5 860 */
};
int wire_session_new(struct wire_session **out, const struct wire_limits *limits, int64_t now_us,
                     struct err *err)
{
    struct wire_session *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "a session");
    s->limits = *limits;
    s->deadline_us = now_us + limits->init_us;
    buf_init(&s->in, INPUT_BYTES_MAX);
    buf_init(&s->meta, WIRE_META_BYTES_MAX);
    return ERR_OK;
}

void wire_session_free(struct wire_session **s)
{
    if (!s || !*s)
        return;
    buf_clear(&(*s)->in);
    buf_clear(&(*s)->meta);
    free(*s);
    *s = NULL;
}

static void consume(struct wire_session *s)
{
    buf_consume(&s->in, s->consumed);
    s->consumed = 0;
}

int wire_session_feed(struct wire_session *s, const void *data, size_t n, int64_t now_us,
                      struct err *err)
{
    (void)now_us;
    consume(s);
    if (s->state == ENDED)
        return ERR_OK;
    int rc = buf_append(&s->in, data, n, err);
    return rc < 0 ? err_wrap(err, "unsolicited bytes in state %s", session_state_name(s->state))
                  : rc;
}

void wire_session_eof(struct wire_session *s)
{
    uint32_t status;
    char place[64];
    consume(s);
    if (s->state == ENDED)
        return;
    bool regular = s->state == WAIT_NEXT || s->state == WAIT_COMMIT;
    if (session_trailing_status(s, &status))
        session_on_status(s, status);
    else if (s->open)
        session_end(s, true, "connection lost at %s", session_place(s, place));
    else if (s->state == CLOSING)
        session_end(s, s->farewell_warn, "%s", s->farewell);
    else
        session_end(s, !regular, "the camera closed the connection");
}

static void on_no_init(struct wire_session *s)
{
    const char *who = wire_foreign_protocol(buf_data(&s->in), s->in.used);
    session_end(s, true, "no INIT within %lld s%s%s", (long long)(s->limits.init_us / 1000000),
                who ? "; it looks like " : "", who ? who : "");
}

/* A camera that announces a path and names none may still have files in its slots. */
static void on_no_path(struct wire_session *s, int64_t now_us)
{
    uint32_t slots = s->init.settings & WIRE_SETTING_FILES & ~(s->done | WIRE_SETTING_PATH);
    long long seconds = s->limits.stall_us / 1000000;
    if (!slots || s->init.protocol_id >= WIRE_PROTOCOL_BY_PATH) {
        session_end(s, true, "no file path within %lld s", seconds);
        return;
    }
    session_log(s, true, "continuing with the other files", "no file path within %lld s", seconds);
    s->done |= WIRE_SETTING_PATH;
    session_request_next(s, now_us);
}

static void on_deadline(struct wire_session *s, int64_t now_us)
{
    uint32_t status;
    switch (s->state) {
    case WAIT_INIT:
        on_no_init(s);
        return;
    case WAIT_PATH:
        on_no_path(s, now_us);
        return;
    case WAIT_META:
        session_log(s, true, "continuing without metadata",
                    "no response within %lld s (old firmware?)",
                    (long long)(s->limits.meta_us / 1000000));
        session_request_file(s, now_us);
        return;
    case WAIT_SYNC:
        if (session_trailing_status(s, &status))
            session_on_status(s, status);
        else
            session_recover(s, now_us, "no SYNC in time");
        return;
    case RECEIVING:
        session_recover(s, now_us, "no data in time");
        return;
    case CLOSING:
        session_end(s, s->farewell_warn, "%s", s->farewell);
        return;
    case WAIT_START:
    case WAIT_NEXT:
    case WAIT_ACCEPT:
    case WAIT_COMMIT:
    case ENDED:
    case N_STATES:
        session_end(s, true, "silent for %lld s in state %s",
                    (long long)(s->limits.silence_us / 1000000), session_state_name(s->state));
        return;
    }
}
void wire_session_next(struct wire_session *s, int64_t now_us, struct wire_action *out)
{
    for (;;) {
        if (s->used > 0) {
            struct queued *q = &s->queue[s->head];
            s->head = (s->head + 1) % QUEUE_ROOM;
            s->used--;
            if (q->action.type == WIRE_DO_NOTHING)
                continue; /* dismissed meanwhile */
            *out = q->action;
            return;
        }
        consume(s);
        if (s->state != ENDED && !wire_session_waiting(s)) {
            if (session_input(s, now_us))
                continue;
            if (now_us >= s->deadline_us) {
                on_deadline(s, now_us);
                continue;
            }
        }
        *out = (struct wire_action){.type = WIRE_DO_NOTHING, .text = ""};
        return;
    }
}

/* Whether the driver's answer is still waited for: the connection may have ended meanwhile. */
static bool awaits(const struct wire_session *s, enum state state)
{
    assert(s->state == state || s->state == CLOSING || s->state == ENDED);
    return s->state == state;
}

void wire_session_accept(struct wire_session *s, uint64_t have_bytes, bool from_0, int64_t now_us)
{
    if (!awaits(s, WAIT_ACCEPT))
        return;
    assert(have_bytes < s->size && have_bytes % s->unit == 0);
    s->next = have_bytes;
    if (from_0 && have_bytes > 0 && s->offer.mode == WIRE_BY_PACKETS) {
        s->base = 0;
        s->base_known = s->stats.from_0 = true;
    }
    session_resume(s, now_us);
}

void wire_session_refuse(struct wire_session *s, const char *why, int64_t now_us)
{
    if (!awaits(s, WAIT_ACCEPT))
        return;
    s->open = false;
    session_close(s, now_us, true, "refused: %s", why);
}

void wire_session_committed(struct wire_session *s, int64_t now_us)
{
    if (awaits(s, WAIT_COMMIT))
        session_request_init(s, now_us);
}

void wire_session_dismiss(struct wire_session *s, const char *why, bool warn, int64_t now_us)
{
    if (s->state == CLOSING || s->state == ENDED)
        return;
    /* What was going to be asked of the camera is not. */
    for (unsigned i = 0; i < s->used; i++) {
        struct wire_action *a = &s->queue[(s->head + i) % QUEUE_ROOM].action;
        if (a->type == WIRE_DO_SEND)
            a->type = WIRE_DO_NOTHING;
    }
    s->dropping = false;
    session_keep_partial(s, "%s", why);
    session_close(s, now_us, warn, "%s", why);
}

bool wire_session_waiting(const struct wire_session *s)
{
    return s->state == WAIT_ACCEPT || s->state == WAIT_COMMIT;
}

int64_t wire_session_deadline(const struct wire_session *s)
{
    return s->deadline_us;
}

const struct wire_init *wire_session_init(const struct wire_session *s)
{
    return s->have_init ? &s->init : NULL;
}

const struct wire_offer *wire_session_offer(const struct wire_session *s)
{
    return &s->offer;
}

const struct wire_stats *wire_session_stats(const struct wire_session *s)
{
    return &s->stats;
}

#include "session_internal.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const state_names[N_STATES] = {
    "wait-init", "wait-path",   "wait-meta", "wait-start", "wait-accept", "wait-sync",
    "receiving", "wait-commit", "wait-next", "closing",    "ended",
};

#define BIT(s)     (1u << (s))
/* From any state but WAIT_ACCEPT and WAIT_COMMIT a fresh INIT may restart the session: that leads
 * to what an INIT leads to. Everything may be sent away, and everything may end. */
#define OVER       (BIT(CLOSING) | BIT(ENDED))
#define AFTER_INIT (BIT(WAIT_PATH) | BIT(WAIT_META) | BIT(WAIT_START) | OVER)
static const unsigned legal_next[N_STATES] = {
    [WAIT_INIT] = AFTER_INIT,
    [WAIT_PATH] = AFTER_INIT,
    [WAIT_META] = AFTER_INIT,
    [WAIT_START] = AFTER_INIT | BIT(WAIT_ACCEPT) | BIT(WAIT_NEXT),
    [WAIT_ACCEPT] = BIT(WAIT_SYNC) | OVER,
    [WAIT_SYNC] = AFTER_INIT | BIT(WAIT_SYNC) | BIT(RECEIVING),
    [RECEIVING] = AFTER_INIT | BIT(RECEIVING) | BIT(WAIT_SYNC) | BIT(WAIT_COMMIT),
    [WAIT_COMMIT] = BIT(WAIT_NEXT) | OVER,
    [WAIT_NEXT] = AFTER_INIT,
    [CLOSING] = OVER,
    [ENDED] = BIT(ENDED),
};

/* ---- actions ---- */

struct queued *session_push(struct wire_session *s, enum wire_action_type type)
{
    assert(s->used < QUEUE_ROOM);
    struct queued *q = &s->queue[(s->head + s->used++) % QUEUE_ROOM];
    q->action = (struct wire_action){.type = type, .text = q->text};
    q->text[0] = '\0';
    return q;
}

DS_PRINTF(4, 0)
static struct queued *push_text(struct wire_session *s, enum wire_action_type type, bool warn,
                                const char *fmt, va_list ap)
{
    struct queued *q = session_push(s, type);
    q->action.warn = warn;
    vsnprintf(q->text, sizeof q->text, fmt, ap);
    return q;
}

void session_log(struct wire_session *s, bool warn, const char *event, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    push_text(s, WIRE_DO_LOG, warn, fmt, ap)->action.event = event;
    va_end(ap);
}

void session_keep_partial(struct wire_session *s, const char *fmt, ...)
{
    if (!s->open)
        return;
    s->open = false;
    va_list ap;
    va_start(ap, fmt);
    push_text(s, WIRE_DO_ABANDON, true, fmt, ap);
    va_end(ap);
}

static void send(struct wire_session *s, uint16_t id, const void *payload, size_t n)
{
    struct queued *q = session_push(s, WIRE_DO_SEND);
    q->action.data = q->bytes;
    q->action.n = wire_frame_put(q->bytes, sizeof q->bytes, id, payload, n);
}

/* FILE_REQ of the offer's path, byte for byte. */
static void send_path(struct wire_session *s)
{
    struct queued *q = session_push(s, WIRE_DO_SEND);
    q->action.data = s->request;
    q->action.n = wire_frame_put(s->request, sizeof s->request, WIRE_FILE_REQ, s->offer.path,
                                 s->offer.path_bytes);
}

/* ---- states ---- */

const char *session_state_name(enum state state)
{
    return state_names[state];
}

void session_enter(struct wire_session *s, enum state state, int64_t now_us)
{
    assert(legal_next[s->state] & BIT(state));
    s->state = state;
    int64_t wait_us = 0;
    switch (state) {
    case WAIT_INIT:
        wait_us = s->limits.init_us;
        break;
    case WAIT_META:
        wait_us = s->limits.meta_us;
        break;
    case WAIT_SYNC:
        wait_us = s->limits.sync_us;
        break;
    case WAIT_PATH:
    case RECEIVING:
        wait_us = s->limits.stall_us;
        break;
    case CLOSING:
        wait_us = s->limits.closing_us;
        break;
    case WAIT_START:
    case WAIT_NEXT:
        wait_us = s->limits.silence_us;
        break;
    case WAIT_ACCEPT:
    case WAIT_COMMIT:
    case ENDED:
    case N_STATES:
        break;
    }
    s->deadline_us = wait_us ? now_us + wait_us : INT64_MAX;
}

void session_end(struct wire_session *s, bool warn, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    if (s->open)
        push_text(s, WIRE_DO_ABANDON, true, fmt, again);
    va_end(again);
    s->open = false;
    push_text(s, WIRE_DO_CLOSE, warn, fmt, ap);
    va_end(ap);
    session_enter(s, ENDED, 0);
}

void session_close(struct wire_session *s, int64_t now_us, bool warn, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->farewell, sizeof s->farewell, fmt, ap);
    va_end(ap);
    s->farewell_warn = warn;
    send(s, WIRE_CLOSE, NULL, 0);
    session_enter(s, CLOSING, now_us);
}

void session_unsolicited(struct wire_session *s, const char *fmt, ...)
{
    char text[120];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (++s->nuisances > NUISANCES_MAX)
        session_end(s, true, "too many unsolicited frames; the last: %s", text);
    else
        session_log(s, true, "ignored", "%s", text);
}

/* ---- session ask ---- */

void session_request_file(struct wire_session *s, int64_t now_us)
{
    if (s->offer.slot)
        send(s, WIRE_FILE_REQ, s->offer.slot->identifier, WIRE_IDENTIFIER_BYTES);
    else
        send_path(s);
    session_enter(s, WAIT_START, now_us);
}

void session_request_meta(struct wire_session *s, int64_t now_us)
{
    const struct wire_slot *slot = s->offer.slot;
    if (s->limits.meta_us == 0) {
        session_request_file(s, now_us);
        return;
    }
    send(s, WIRE_META_REQ, slot ? slot->identifier : NULL, slot ? WIRE_IDENTIFIER_BYTES : 0);
    session_enter(s, WAIT_META, now_us);
}

/* The path first, then the slots; from protocol ID 6 on the path only, whatever bits are set. */
void session_request_next(struct wire_session *s, int64_t now_us)
{
    uint32_t wanted = s->init.settings & WIRE_SETTING_FILES & ~s->done;
    bool only_path = s->init.protocol_id >= WIRE_PROTOCOL_BY_PATH;
    s->offer = (struct wire_offer){.init = s->init_raw, .init_bytes = WIRE_INIT_BYTES};
    s->may_have_one_more = false;
    if (wanted & WIRE_SETTING_PATH || (only_path && wanted && !(s->done & WIRE_SETTING_PATH))) {
        static const uint8_t any[2];
        s->offer.mode = WIRE_BY_BYTES;
        send(s, WIRE_PATH_REQ, any, sizeof any);
        session_enter(s, WAIT_PATH, now_us);
        return;
    }
    for (int i = 0; i < WIRE_N_SLOTS && !only_path; i++) {
        if (wanted & wire_slots[i].setting) {
            s->offer.slot = &wire_slots[i];
            session_request_meta(s, now_us);
            return;
        }
    }
    session_close(s, now_us, false, "all files received");
}

void session_request_init(struct wire_session *s, int64_t now_us)
{
    /* REPEAT_INIT is two bytes: what the vendor's own server sends. */
    struct queued *q = session_push(s, WIRE_DO_SEND);
    q->bytes[0] = 0;
    q->bytes[1] = WIRE_REPEAT_INIT;
    q->action.data = q->bytes;
    q->action.n = 2;
    session_enter(s, WAIT_NEXT, now_us);
}

void session_resume(struct wire_session *s, int64_t now_us)
{
    s->asked = s->from_start ? s->base : (uint32_t)(s->next / s->unit) + s->base;
    struct queued *q = session_push(s, WIRE_DO_SEND);
    q->action.data = q->bytes;
    q->action.n = wire_u32_put(q->bytes, sizeof q->bytes, WIRE_RESUME, s->asked);
    session_enter(s, WAIT_SYNC, now_us);
}

void session_recover(struct wire_session *s, int64_t now_us, const char *why)
{
    char place[64];
    session_place(s, place);
    if (++s->repeats > s->limits.repeats) {
        session_end(s, true, "gave up at %s after %d retries: %s", place, s->limits.repeats, why);
        return;
    }
    if (s->stats.resumes < RECOVERIES_LOGGED)
        session_log(s, true, "retransmission requested", "%s: %s", place, why);
    else if (s->stats.resumes == RECOVERIES_LOGGED)
        session_log(s, true, "retransmission requested, further ones are counted only", "%s: %s",
                    place, why);
    s->stats.resumes++;
    s->dropping = true;
    session_resume(s, now_us);
}

const char *session_place(const struct wire_session *s, char out[64])
{
    bool bytes = s->offer.mode == WIRE_BY_BYTES;
    snprintf(out, 64, "%s %llu of %llu", bytes ? "byte" : "packet",
             (unsigned long long)(s->next / s->unit + (bytes ? 0 : 1)),
             (unsigned long long)(s->size / s->unit));
    return out;
}

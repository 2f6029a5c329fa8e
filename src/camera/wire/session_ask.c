#include "session_internal.h"
#include <stdio.h>

void session_request_file(struct wire_session *s, int64_t now_us)
{
    if (s->offer.slot)
        session_send(s, WIRE_FILE_REQ, s->offer.slot->identifier, WIRE_IDENTIFIER_BYTES);
    else
        session_send_path(s);
    session_enter(s, WAIT_START, now_us);
}

void session_request_meta(struct wire_session *s, int64_t now_us)
{
    const struct wire_slot *slot = s->offer.slot;
    if (s->limits.meta_us == 0) {
        session_request_file(s, now_us);
        return;
    }
    session_send(s, WIRE_META_REQ, slot ? slot->identifier : NULL,
                 slot ? WIRE_IDENTIFIER_BYTES : 0);
    session_enter(s, WAIT_META, now_us);
}

static void request_path(struct wire_session *s, int64_t now_us)
{
    static const uint8_t any[2];
    s->offer.mode = WIRE_BY_BYTES;
    session_send(s, WIRE_PATH_REQ, any, sizeof any);
    session_enter(s, WAIT_PATH, now_us);
}

/* The path first, then the slots; from protocol ID 6 on the path only, whatever bits are set. */
void session_request_next(struct wire_session *s, int64_t now_us)
{
    uint32_t wanted = s->init.settings & WIRE_SETTING_FILES & ~s->done;
    bool only_path = s->init.protocol_id >= WIRE_PROTOCOL_BY_PATH;
    s->offer = (struct wire_offer){.init = s->init_raw, .init_bytes = WIRE_INIT_BYTES};
    s->may_have_one_more = false;
    if (wanted & WIRE_SETTING_PATH || (only_path && wanted && !(s->done & WIRE_SETTING_PATH))) {
        request_path(s, now_us);
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
    session_send_repeat_init(s);
    session_enter(s, WAIT_NEXT, now_us);
}

void session_resume(struct wire_session *s, int64_t now_us)
{
    s->asked = s->from_start ? s->base : (uint32_t)(s->next / s->unit) + s->base;
    session_send_u32(s, WIRE_RESUME, s->asked);
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

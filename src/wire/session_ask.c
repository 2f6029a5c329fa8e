#include "session_internal.h"

void session_request_file(struct wire_session *s, int64_t now_us)
{
    session_send(s, WIRE_FILE_REQ, s->offer.slot->identifier, WIRE_IDENTIFIER_BYTES);
    session_enter(s, WAIT_START, now_us);
}

void session_request_next(struct wire_session *s, int64_t now_us)
{
    uint32_t wanted = s->init.settings & ~s->empty_slots;
    const struct wire_slot *slot = NULL;
    for (int i = 0; i < WIRE_N_SLOTS && !slot; i++)
        if (wanted & wire_slots[i].setting)
            slot = &wire_slots[i];
    if (!slot) {
        if (wanted & WIRE_SETTING_PATH)
            session_log(
                s, true,
                "the camera offers a file by path (DSM, ADAS), which is not understood here");
        session_close_politely(s, now_us);
        return;
    }
    s->offer =
        (struct wire_offer){.slot = slot, .init = s->init_raw, .init_bytes = WIRE_INIT_BYTES};
    if (s->limits.meta_us == 0) {
        session_request_file(s, now_us);
        return;
    }
    session_send(s, WIRE_META_REQ, slot->identifier, WIRE_IDENTIFIER_BYTES);
    session_enter(s, WAIT_META, now_us);
}

void session_resume(struct wire_session *s, int64_t now_us)
{
    session_send_u32(s, WIRE_RESUME, s->next + s->base);
    session_enter(s, WAIT_SYNC, now_us);
}

void session_recover(struct wire_session *s, int64_t now_us, const char *why)
{
    if (++s->repeats > s->limits.repeats) {
        session_end(s, true, "given up at packet %u of %u after %d repeats: %s", s->next + 1,
                    s->offer.packets, s->limits.repeats, why);
        return;
    }
    session_log(s, true, "packet %u of %u: %s; asking for it again", s->next + 1, s->offer.packets,
                why);
    s->stats.resumes++;
    s->dropping = true;
    session_resume(s, now_us);
}

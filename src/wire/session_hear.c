#include "dashspool/reader.h"
#include "session_internal.h"
#include <stdio.h>

static void on_init(struct wire_session *s, const uint8_t *raw, int64_t now_us)
{
    struct err err;
    struct wire_init init;
    if (wire_init_parse(raw, &init, &err) < 0) {
        session_end(s, true, "%s", err.text);
        return;
    }
    if (s->have_init && strcmp(init.imei, s->init.imei) != 0) {
        session_end(s, true, "INIT of another camera, %s, on the same connection", init.imei);
        return;
    }
    session_abandon(s, "the camera began a new session at packet %u of %u", s->next + 1,
                    s->offer.packets);
    s->dropping = false;
    s->init = init;
    memcpy(s->init_raw, raw, sizeof s->init_raw);
    if (!s->have_init)
        session_push(s, WIRE_DO_HELLO);
    s->have_init = true;
    session_request_next(s, now_us);
}

static void on_meta(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    if (s->state != WAIT_META && !(s->state == WAIT_START && !s->offer.meta)) {
        session_log(s, true, "metadata that nobody asked for; ignored");
        return;
    }
    memcpy(s->meta, f->payload, f->n);
    s->offer.meta = s->meta;
    s->offer.meta_bytes = f->n;
    if (f->n > 1 && s->meta[1] != s->offer.slot->file_type)
        session_log(s, true, "metadata of file type %u where %s has %u", s->meta[1],
                    s->offer.slot->identifier, s->offer.slot->file_type);
    if (s->state == WAIT_META)
        session_request_file(s, now_us);
}

static void on_start(struct wire_session *s, const struct wire_frame *f, const uint8_t *frame,
                     int64_t now_us)
{
    struct rd r = rd_init(f->payload, f->n);
    uint32_t packets = rd_be32(&r);
    if (s->state == WAIT_SYNC && packets == s->offer.packets)
        return; /* cameras repeat START */
    if (s->state != WAIT_START) {
        session_end(s, true, "START of %u packets in state %s", packets,
                    session_state_name(s->state));
        return;
    }
    if (packets == 0) {
        session_log(s, false, "%s has no packets: empty or gone", s->offer.slot->identifier);
        s->empty_slots |= s->offer.slot->setting;
        session_request_next(s, now_us);
        return;
    }
    if (packets > s->limits.packets_max) {
        session_end(s, true, "START of %u packets: more than %u are not taken", packets,
                    s->limits.packets_max);
        return;
    }
    memcpy(s->start, frame, sizeof s->start);
    s->offer.start = s->start;
    s->offer.start_bytes = sizeof s->start;
    s->offer.packets = packets;
    s->stats = (struct wire_stats){0};
    s->next = s->at = 0;
    s->base = 1;
    s->base_known = false;
    s->repeats = 0;
    s->open = true;
    session_push(s, WIRE_DO_OFFER);
    session_enter(s, WAIT_ACCEPT, now_us);
}

static void on_sync(struct wire_session *s, uint32_t offset, int64_t now_us)
{
    if (s->state != WAIT_SYNC && s->state != RECEIVING) {
        session_log(s, true, "SYNC %u in state %s; ignored", offset, session_state_name(s->state));
        return;
    }
    if (!s->base_known) {
        s->base = offset == 0 ? 0 : 1;
        s->base_known = true;
    }
    s->seed = 0;
    s->dropping = false;
    if (offset < s->base || offset - s->base > s->next) {
        char why[64];
        snprintf(why, sizeof why, "SYNC %u where %u is needed", offset, s->next + s->base);
        session_recover(s, now_us, why);
        return;
    }
    s->at = offset - s->base;
    session_enter(s, RECEIVING, now_us);
}

static void on_data(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    if (s->state != RECEIVING) {
        s->stats.bytes_lost += f->frame_bytes;
        return; /* before SYNC: its position is not known */
    }
    size_t n = f->n - 2;
    struct rd tail = rd_init(f->payload + n, 2);
    uint16_t crc = wire_crc(s->seed, f->payload, n);
    uint16_t stated = rd_be16(&tail);
    bool last = s->at + 1 == s->offer.packets;
    if (crc != stated || (n < WIRE_PACKET_BYTES && !last)) {
        s->stats.crc_errors++;
        s->consumed = FRAME_HEADER_BYTES; /* bytes may be missing: the SYNC may begin in here */
        s->stats.bytes_lost += s->consumed;
        session_recover(s, now_us, crc == stated ? "too short" : "bad CRC");
        return;
    }
    s->seed = crc;
    session_enter(s, RECEIVING, now_us);
    if (s->at++ < s->next) {
        s->stats.duplicates++;
        return;
    }
    struct queued *q = session_push(s, WIRE_DO_STORE);
    q->action.data = f->payload;
    q->action.n = n;
    q->action.offset = (uint64_t)s->next * WIRE_PACKET_BYTES;
    s->next++;
    s->repeats = 0;
    s->stats.packets++;
    s->stats.bytes += n;
    if (s->next == s->offer.packets) {
        s->open = false;
        session_push(s, WIRE_DO_COMMIT);
        session_enter(s, WAIT_COMMIT, now_us);
    }
}

static void on_status(struct wire_session *s, uint32_t status)
{
    if (status == 0)
        session_log(s, false, "the camera says status 0: done");
    else
        session_end(s, true, "the camera says status %u: %s", status, wire_status_text(status));
}

static void on_bad_header(struct wire_session *s, int64_t now_us)
{
    if (s->state == RECEIVING || s->state == WAIT_SYNC) {
        if (s->state == RECEIVING)
            s->stats.crc_errors++;
        s->consumed = 0;
        session_recover(s, now_us, "impossible frame header");
        return;
    }
    char hex[2 * 8 + 1] = "";
    for (size_t i = 0; i < 8 && i < s->in.used; i++)
        snprintf(hex + 2 * i, 3, "%02x", buf_data(&s->in)[i]);
    session_end(s, true, "these bytes are no camera's in state %s: %s",
                session_state_name(s->state), hex);
}

static void on_frame(struct wire_session *s, const struct wire_frame *f, const uint8_t *frame,
                     int64_t now_us)
{
    struct rd r = rd_init(f->payload, f->n);
    switch (f->id) {
    case WIRE_CLOSE:
        if (s->state == RECEIVING || s->state == WAIT_SYNC) {
            /* A restarted session, or zeros in a stream that is out of step? */
            struct wire_init init;
            struct err err;
            if (wire_init_parse(f->payload, &init, &err) < 0 ||
                strcmp(init.imei, s->init.imei) != 0) {
                on_bad_header(s, now_us);
                return;
            }
        }
        if (s->state != CLOSING)
            on_init(s, f->payload, now_us);
        return;
    case WIRE_START:
        on_start(s, f, frame, now_us);
        return;
    case WIRE_SYNC:
        on_sync(s, rd_be32(&r), now_us);
        return;
    case WIRE_DATA:
        on_data(s, f, now_us);
        return;
    case WIRE_STATUS:
        on_status(s, rd_be32(&r));
        return;
    case WIRE_META:
        on_meta(s, f, now_us);
        return;
    default:
        on_bad_header(s, now_us);
        return;
    }
}
/* In a stream that is out of step: drops all up to the SYNC that was asked for. */
static bool find_sync(struct wire_session *s, int64_t now_us)
{
    uint8_t wanted[SYNC_FRAME_BYTES];
    wire_u32_put(wanted, sizeof wanted, WIRE_SYNC, s->next + s->base);
    const uint8_t *data = buf_data(&s->in);
    size_t i = 0;
    for (; i + sizeof wanted <= s->in.used; i++) {
        if (memcmp(data + i, wanted, sizeof wanted) == 0) {
            s->stats.bytes_lost += i;
            s->consumed = i + sizeof wanted;
            on_sync(s, s->next + s->base, now_us);
            return true;
        }
    }
    s->stats.bytes_lost += i;
    buf_consume(&s->in, i);
    return false;
}

bool session_hear(struct wire_session *s, int64_t now_us)
{
    if (s->dropping)
        return find_sync(s, now_us);
    const uint8_t *data = buf_data(&s->in);
    struct wire_frame f;
    switch (wire_frame_parse(data, s->in.used, &f)) {
    case WIRE_NEED_MORE:
        return false;
    case WIRE_BAD_HEADER:
        on_bad_header(s, now_us);
        return true;
    case WIRE_HAVE_FRAME:
        s->consumed = f.frame_bytes;
        on_frame(s, &f, data, now_us);
        return true;
    }
    return false;
}

#include "dashspool/reader.h"
#include "session_internal.h"
#include <stdio.h>

/* ---- INIT, the path, metadata ---- */

static void on_init(struct wire_session *s, const uint8_t *raw, int64_t now_us)
{
    struct err err;
    struct wire_init init;
    char place[64];
    if (wire_init_parse(raw, &init, &err) < 0) {
        const char *who = wire_foreign_protocol(raw, WIRE_INIT_BYTES);
        session_end(s, true, "%s%s%s", err.text, who ? "; it looks like " : "", who ? who : "");
        return;
    }
    if (s->have_init && strcmp(init.imei, s->init.imei) != 0) {
        session_end(s, true, "second INIT, from IMEI %s, on the same connection", init.imei);
        return;
    }
    if (s->open)
        session_keep_partial(s, "camera started a new session at %s", session_place(s, place));
    s->dropping = false;
    s->init = init;
    memcpy(s->init_raw, raw, sizeof s->init_raw);
    if (!s->have_init)
        session_push(s, WIRE_DO_HELLO);
    s->have_init = true;
    session_request_next(s, now_us);
}

static void on_path(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    if (s->state != WAIT_PATH) {
        session_unsolicited(s, "unsolicited path frame");
        return;
    }
    if (f->payload[0] == '\0') { /* no file, or none any more */
        s->done |= WIRE_SETTING_PATH;
        session_request_next(s, now_us);
        return;
    }
    memcpy(s->path, f->payload, f->n);
    s->offer.path = s->path;
    s->offer.path_bytes = f->n;
    session_request_meta(s, now_us);
}

static void on_meta(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    const struct wire_slot *slot = s->offer.slot;
    if (s->state != WAIT_META && !(s->state == WAIT_START && !s->offer.meta)) {
        session_unsolicited(s, "unsolicited metadata frame");
        return;
    }
    struct err err;
    buf_consume(&s->meta, s->meta.used);
    if (buf_append(&s->meta, f->payload, f->n, &err) < 0) {
        session_end(s, true, "metadata: %s", err.text);
        return;
    }
    s->offer.meta = buf_data(&s->meta);
    s->offer.meta_bytes = f->n;
    s->may_have_one_more = slot && f->n == 13 && f->payload[0] == 2;
    struct wire_meta meta; /* of these nothing depends on the time */
    if (wire_meta_parse(f->payload, f->n, s->init.protocol_id, 0, &meta, &err) < 0)
        session_log(s, true, "metadata unreadable", "%s", err.text);
    else if (slot && meta.kind == WIRE_KIND_DUALCAM && meta.file_type != slot->file_type)
        session_log(s, true, "metadata of another file type", "file type %u where %s has %u",
                    meta.file_type, slot->identifier, slot->file_type);
    else if (meta.note[0])
        session_log(s, true, "metadata not read in full", "%s", meta.note);
    if (s->state == WAIT_META)
        session_request_file(s, now_us);
}

/* ---- START ---- */

static void no_file(struct wire_session *s, int64_t now_us)
{
    if (s->offer.slot) {
        session_log(s, false, "no file on the camera",
                    "%s: no packets announced; the file is empty or deleted",
                    s->offer.slot->identifier);
        s->done |= s->offer.slot->setting;
        session_request_next(s, now_us);
        return;
    }
    char path[80];
    session_unsolicited(s, "%s: no bytes announced; the file is empty or deleted",
                        wire_path_text(s->path, s->offer.path_bytes, path, sizeof path));
    if (s->state != ENDED)
        session_request_init(s, now_us); /* only the camera knows its next file */
}

static void name_file(struct wire_session *s)
{
    struct wire_offer *o = &s->offer;
    struct err err;
    struct wire_meta meta;
    if (o->slot) {
        snprintf(o->camera, sizeof o->camera, "%s", o->slot->camera);
        snprintf(o->kind, sizeof o->kind, "%s", o->slot->kind);
        return;
    }
    bool known = o->meta && wire_meta_parse(o->meta, o->meta_bytes, s->init.protocol_id, 0, &meta,
                                            &err) == ERR_OK;
    wire_path_words(o->path, o->path_bytes, known ? &meta : NULL, o->camera, o->kind);
}

static void begin(struct wire_session *s, uint32_t count, int64_t now_us)
{
    bool bytes = s->offer.mode == WIRE_BY_BYTES;
    s->unit = bytes ? 1 : WIRE_PACKET_BYTES;
    s->size = (uint64_t)count * s->unit;
    s->offer.packets = bytes ? 0 : count;
    s->offer.size_bytes = bytes ? count : 0;
    s->stats = (struct wire_stats){0};
    s->next = s->at = 0;
    s->base = bytes ? 0 : 1;
    s->base_known = bytes;
    s->from_start = false;
    s->repeats = 0;
    s->open = true;
    name_file(s);
    session_push(s, WIRE_DO_OFFER);
    session_enter(s, WAIT_ACCEPT, now_us);
}

static void on_start(struct wire_session *s, const struct wire_frame *f, const uint8_t *frame,
                     int64_t now_us)
{
    struct rd r = rd_init(f->payload, f->n);
    uint32_t count = rd_be32(&r);
    bool again = s->open && memcmp(frame, s->start, sizeof s->start) == 0;
    const char *what = s->offer.mode == WIRE_BY_BYTES ? "bytes" : "packets";
    uint64_t max =
        (uint64_t)s->limits.packets_max * (s->offer.mode == WIRE_BY_BYTES ? WIRE_PACKET_BYTES : 1);
    if (again && s->state == WAIT_SYNC)
        return; /* cameras repeat START */
    if (again) {
        session_unsolicited(s, "repeated START");
        return;
    }
    if (s->state != WAIT_START) {
        session_end(s, true, "START of %u %s in state %s", count, what,
                    session_state_name(s->state));
        return;
    }
    if (count == 0) {
        no_file(s, now_us);
        return;
    }
    if (count > max) {
        session_end(s, true, "START of %u %s: larger than the limit of %llu", count, what,
                    (unsigned long long)max);
        return;
    }
    memcpy(s->start, frame, sizeof s->start);
    s->offer.start = s->start;
    s->offer.start_bytes = sizeof s->start;
    s->offer.file_crc = rd_be16(&r);
    begin(s, count, now_us);
}

/* ---- SYNC and DATA ---- */

static void on_sync(struct wire_session *s, uint32_t offset, int64_t now_us)
{
    if (s->state != WAIT_SYNC && s->state != RECEIVING) {
        session_unsolicited(s, "SYNC %u in state %s", offset, session_state_name(s->state));
        return;
    }
    if (s->state == RECEIVING && ++s->repeats > s->limits.repeats) {
        session_end(s, true, "SYNC %u repeated without progress", offset);
        return;
    }
    if (!s->base_known && offset <= 1) { /* the beginning, by its name */
        s->base = offset;
        s->base_known = true;
        s->stats.from_0 = offset == 0;
    }
    s->seed = 0;
    s->dropping = false;
    bool unsure = !s->base_known && offset != s->asked;
    if (unsure || offset < s->base || (uint64_t)(offset - s->base) * s->unit > s->next) {
        char why[64];
        snprintf(why, sizeof why, "SYNC %u, expected %u", offset, s->asked);
        s->from_start = unsure;
        session_recover(s, now_us, why);
        return;
    }
    s->from_start = false;
    s->at = (uint64_t)(offset - s->base) * s->unit;
    session_enter(s, RECEIVING, now_us);
}

static void note_error(struct wire_session *s)
{
    s->stats.crc_errors++;
    if (s->stats.n_error_at < WIRE_ERRORS_KEPT)
        s->stats.error_at[s->stats.n_error_at++] = s->at;
}

/* What is wrong with n bytes of file at s->at, whose CRC is right; NULL: nothing. */
static const char *misfit(const struct wire_session *s, size_t n)
{
    uint64_t left = s->size - s->at;
    if (s->offer.mode == WIRE_BY_BYTES)
        return n > left ? "beyond the end of the file" : NULL;
    return n < WIRE_PACKET_BYTES && left > WIRE_PACKET_BYTES ? "too short" : NULL;
}

/* n good bytes for s->at. Those that are kept already are not stored again. */
static void take(struct wire_session *s, const uint8_t *data, size_t n, int64_t now_us)
{
    uint64_t from = s->at;
    s->at += s->unit == 1 ? n : s->unit;
    session_enter(s, RECEIVING, now_us);
    if (s->at <= s->next) {
        s->stats.duplicates++;
        return;
    }
    size_t kept = (size_t)(s->next - from);
    struct queued *q = session_push(s, WIRE_DO_STORE);
    q->action.data = data + kept;
    q->action.n = n - kept;
    q->action.offset = s->next;
    s->next = s->at;
    s->repeats = 0;
    s->stats.packets++;
    s->stats.bytes += n - kept;
    if (s->next == s->size) {
        s->open = false;
        session_push(s, WIRE_DO_COMMIT);
        session_enter(s, WAIT_COMMIT, now_us);
    }
}

static void on_data(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    if (s->state != RECEIVING) {
        s->stats.bytes_lost += f->frame_bytes;
        return; /* before SYNC: its position is not known */
    }
    size_t head = f->id == WIRE_ENH_DATA ? ENH_OFFSET_BYTES : 0; /* is in place: above */
    const uint8_t *data = f->payload + head;
    size_t n = f->n - head - 2;
    uint16_t crc = wire_crc(s->seed, data, n);
    const char *fault = crc != (data[n] << 8 | data[n + 1]) ? "bad CRC" : misfit(s, n);
    if (fault) {
        note_error(s);
        s->consumed = FRAME_HEADER_BYTES; /* bytes may be missing: the SYNC may begin in here */
        s->stats.bytes_lost += s->consumed;
        session_recover(s, now_us, fault);
        return;
    }
    s->seed = crc;
    take(s, data, n, now_us);
}

/* ---- the rest ---- */

void session_on_status(struct wire_session *s, uint32_t status)
{
    if (status == 0)
        session_unsolicited(s, "unsolicited status 0 (done)");
    else
        session_end(s, true, "camera reported status %u: %s", status, wire_status_text(status));
}

static void on_bad_header(struct wire_session *s, int64_t now_us)
{
    if (s->state == RECEIVING || s->state == WAIT_SYNC) {
        if (s->state == RECEIVING)
            note_error(s);
        s->consumed = 0;
        session_recover(s, now_us, "impossible frame header");
        return;
    }
    const uint8_t *data = buf_data(&s->in);
    const char *who = s->state == WAIT_INIT ? wire_foreign_protocol(data, s->in.used) : NULL;
    char hex[2 * 8 + 1] = "";
    for (size_t i = 0; i < 8 && i < s->in.used; i++)
        snprintf(hex + 2 * i, 3, "%02x", data[i]);
    session_end(s, true, "unknown bytes in state %s: %s%s%s", session_state_name(s->state), hex,
                who ? ", " : "", who ? who : "");
}

/* A restarted session, or zeros in a stream that is out of step? */
static bool is_same_camera(const struct wire_session *s, const uint8_t *raw)
{
    struct wire_init init;
    struct err err;
    return wire_init_parse(raw, &init, &err) == ERR_OK && strcmp(init.imei, s->init.imei) == 0;
}

static void on_frame(struct wire_session *s, const struct wire_frame *f, const uint8_t *frame,
                     int64_t now_us)
{
    struct rd r = rd_init(f->payload, f->n);
    switch (f->id) {
    case WIRE_CLOSE:
        if ((s->state == RECEIVING || s->state == WAIT_SYNC) && !is_same_camera(s, f->payload))
            on_bad_header(s, now_us);
        else
            on_init(s, f->payload, now_us);
        return;
    case WIRE_START:
        on_start(s, f, frame, now_us);
        return;
    case WIRE_SYNC:
        on_sync(s, rd_be32(&r), now_us);
        return;
    case WIRE_DATA:
    case WIRE_ENH_DATA:
        on_data(s, f, now_us);
        return;
    case WIRE_STATUS:
        session_on_status(s, rd_be32(&r));
        return;
    case WIRE_META:
        on_meta(s, f, now_us);
        return;
    case WIRE_PATH:
        on_path(s, f, now_us);
        return;
    default:
        on_bad_header(s, now_us);
        return;
    }
}

/* ---- a stream that is out of step ---- */

enum { SAME_CAMERA_BYTES = 12 }; /* of INIT: all but the settings */

/* Drops all up to the SYNC that was asked for, or an INIT of the same camera: it began anew. Bytes
 * can be missing anywhere, so that headers mean nothing. Eight bytes stay: see
 * session_trailing_status(). */
static bool find_sync(struct wire_session *s, int64_t now_us)
{
    const uint8_t *data = buf_data(&s->in);
    size_t n = s->in.used, i = 0;
    uint32_t offset;
    for (; i + U32_FRAME_BYTES <= n; i++) {
        size_t some = n - i < SAME_CAMERA_BYTES ? n - i : SAME_CAMERA_BYTES;
        if (memcmp(data + i, s->init_raw, some) == 0) {
            if (n - i < WIRE_INIT_BYTES)
                break;
            s->stats.bytes_lost += i;
            s->consumed = i;
            s->dropping = false;
            return true;
        }
        /* the SYNC that was asked for; a camera that counts from 0 calls packet 1 so */
        struct rd r = rd_init(data + i, U32_FRAME_BYTES);
        uint16_t id = rd_be16(&r), length = rd_be16(&r);
        offset = rd_be32(&r);
        if (id == WIRE_SYNC && length == 4 &&
            (offset == s->asked || (offset == 0 && s->asked == 1 && !s->base_known))) {
            s->stats.bytes_lost += i;
            s->consumed = i + U32_FRAME_BYTES;
            on_sync(s, offset, now_us);
            return true;
        }
    }
    if (n - i < U32_FRAME_BYTES)
        i = n < U32_FRAME_BYTES ? 0 : n - U32_FRAME_BYTES;
    s->stats.bytes_lost += i;
    buf_consume(&s->in, i);
    return false;
}

bool session_trailing_status(const struct wire_session *s, uint32_t *status)
{
    if (!s->dropping || s->in.used < U32_FRAME_BYTES)
        return false;
    struct rd r = rd_init(buf_data(&s->in) + s->in.used - U32_FRAME_BYTES, U32_FRAME_BYTES);
    uint16_t id = rd_be16(&r), length = rd_be16(&r);
    *status = rd_be32(&r);
    return id == WIRE_STATUS && length == 4 && *status > 0 && *status < 256;
}

/* ---- frames in step ---- */

static bool is_header(const uint8_t *at, uint16_t id, uint16_t length)
{
    return (at[0] << 8 | at[1]) == id && (at[2] << 8 | at[3]) == length;
}

static bool may_answer_request(const uint8_t *at)
{
    return is_header(at, WIRE_START, 6) || is_header(at, WIRE_STATUS, 4);
}

/* 000e says where it belongs, and how long it is: that is judged before its end is waited for,
 * which in a stream out of step may never come. */
static bool is_out_of_place(const struct wire_session *s, const uint8_t *data, size_t n)
{
    if (n < 2 || data[0] != 0 || data[1] != WIRE_ENH_DATA || s->state != RECEIVING)
        return false;
    if (s->offer.mode != WIRE_BY_BYTES)
        return true;
    struct rd r = rd_init(data + 2, n - 2);
    uint16_t length = rd_be16(&r);
    uint32_t offset = rd_be32(&r);
    return !r.bad && (offset != s->at || length - ENH_OFFSET_BYTES - 2u > s->size - s->at);
}

bool session_input(struct wire_session *s, int64_t now_us)
{
    if (s->state == CLOSING) { /* it is no matter any more */
        s->consumed = s->in.used;
        return false;
    }
    if (s->dropping)
        return find_sync(s, now_us);
    if (s->state == WAIT_START && s->may_have_one_more) {
        /* Some firmware says that version 2 metadata have 13 bytes and sends 14: the frame rate
         * comes when it likes, and START behind it. Whether it is there shows when START (or a
         * status) does, since no legal answer begins one byte before another. False: wait for more
         * bytes. */
        const uint8_t *data = buf_data(&s->in);
        if (s->in.used < FRAME_HEADER_BYTES + 1)
            return false; /* all legal frames are longer */
        s->may_have_one_more = false;
        if (!may_answer_request(data) && may_answer_request(data + 1)) {
            struct err err;
            if (buf_append(&s->meta, data, 1, &err) == ERR_OK) {
                s->offer.meta = buf_data(&s->meta);
                s->offer.meta_bytes++;
            }
            s->consumed = 1;
        }
        return true;
    }
    const uint8_t *data = buf_data(&s->in);
    struct wire_frame f;
    enum wire_parsed parsed = wire_frame_parse(data, s->in.used, &f);
    if (parsed == WIRE_BAD_HEADER || is_out_of_place(s, data, s->in.used)) {
        on_bad_header(s, now_us);
        return true;
    }
    if (parsed == WIRE_NEED_MORE)
        return false;
    s->consumed = f.frame_bytes;
    on_frame(s, &f, data, now_us);
    return true;
}

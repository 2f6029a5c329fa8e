#include "dashspool/buf.h"
#include "dashspool/reader.h"
#include "dashspool/wire_session.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
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

enum {
    QUEUE_ROOM = 8,               /* one event makes 4 actions at most */
    INPUT_BYTES_MAX = 256 * 1024, /* four reads of 64 KiB; a driver drains after each */
    SYNC_FRAME_BYTES = 8,
    FRAME_HEADER_BYTES = 4,
};

enum state {
    WAIT_INIT,   /* connected, nothing said */
    WAIT_META,   /* 000a sent */
    WAIT_START,  /* 0008 sent */
    WAIT_ACCEPT, /* START came; the driver decides */
    WAIT_SYNC,   /* 0002 sent */
    RECEIVING,
    WAIT_COMMIT, /* all there; the driver makes it durable */
    WAIT_NEXT,   /* 0009 sent */
    CLOSING,     /* 0000 sent */
    ENDED,
    N_STATES,
};

static const char *const state_names[N_STATES] = {
    "wait-init", "wait-meta",   "wait-start", "wait-accept", "wait-sync",
    "receiving", "wait-commit", "wait-next",  "closing",     "ended",
};

#define BIT(s)     (1u << (s))
/* From any state but WAIT_ACCEPT and WAIT_COMMIT a fresh INIT may restart the session: that leads
 * to what an INIT leads to. Everything may end. */
#define AFTER_INIT (BIT(WAIT_META) | BIT(WAIT_START) | BIT(CLOSING) | BIT(ENDED))
static const unsigned legal_next[N_STATES] = {
    [WAIT_INIT] = AFTER_INIT,
    [WAIT_META] = AFTER_INIT,
    [WAIT_START] = AFTER_INIT | BIT(WAIT_ACCEPT),
    [WAIT_ACCEPT] = BIT(WAIT_SYNC) | BIT(CLOSING) | BIT(ENDED),
    [WAIT_SYNC] = AFTER_INIT | BIT(WAIT_SYNC) | BIT(RECEIVING),
    [RECEIVING] = AFTER_INIT | BIT(RECEIVING) | BIT(WAIT_SYNC) | BIT(WAIT_COMMIT),
    [WAIT_COMMIT] = BIT(WAIT_NEXT) | BIT(ENDED),
    [WAIT_NEXT] = AFTER_INIT,
    [CLOSING] = BIT(CLOSING) | BIT(ENDED),
    [ENDED] = BIT(ENDED),
};

struct queued {
    struct wire_action action;
    uint8_t bytes[16]; /* of SEND: our longest frame has 11 */
    char text[200];
};

struct wire_session {
    struct wire_limits limits;
    enum state state;
    int64_t deadline_us;
    struct buf in;
    size_t consumed; /* of `in`, but still borrowed by the last action */

    struct wire_init init;
    uint8_t init_raw[WIRE_INIT_BYTES];
    bool have_init;
    uint32_t empty_slots; /* settings of slots that had no file: not asked again */

    struct wire_offer offer;
    uint8_t meta[WIRE_META_BYTES_MAX], start[4 + 6];
    bool open; /* between OFFER and COMMIT or ABANDON */

    uint32_t next; /* packets stored, and so the 0-based index of the next new one */
    uint32_t at;   /* 0-based index of the next DATA */
    uint32_t base; /* what the camera calls the first packet: 1, or 0 */
    bool base_known;
    uint16_t seed; /* of the CRC chain */
    bool dropping; /* until the SYNC that was asked for */
    int repeats;   /* RESUMEs since the last new packet */
    struct wire_stats stats;

    struct queued queue[QUEUE_ROOM];
    unsigned head, used;
};

/* ---- actions ---- */

static struct queued *push(struct wire_session *s, enum wire_action_type type)
{
    assert(s->used < QUEUE_ROOM);
    struct queued *q = &s->queue[(s->head + s->used++) % QUEUE_ROOM];
    q->action = (struct wire_action){.type = type, .text = q->text};
    q->text[0] = '\0';
    return q;
}

DS_PRINTF(4, 5)
static void push_text(struct wire_session *s, enum wire_action_type type, bool warn,
                      const char *fmt, ...)
{
    struct queued *q = push(s, type);
    q->action.warn = warn;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(q->text, sizeof q->text, fmt, ap);
    va_end(ap);
}

static void push_send(struct wire_session *s, uint16_t id, const void *payload, size_t n)
{
    struct queued *q = push(s, WIRE_DO_SEND);
    q->action.data = q->bytes;
    q->action.n = wire_frame_put(q->bytes, sizeof q->bytes, id, payload, n);
}

static void push_send_u32(struct wire_session *s, uint16_t id, uint32_t value)
{
    struct queued *q = push(s, WIRE_DO_SEND);
    q->action.data = q->bytes;
    q->action.n = wire_u32_put(q->bytes, sizeof q->bytes, id, value);
}

/* REPEAT_INIT is two bytes: what the vendor's own server sends. */
static void push_repeat_init(struct wire_session *s)
{
    struct queued *q = push(s, WIRE_DO_SEND);
    q->bytes[0] = 0;
    q->bytes[1] = WIRE_REPEAT_INIT;
    q->action.data = q->bytes;
    q->action.n = 2;
}

/* ---- states ---- */

static void enter(struct wire_session *s, enum state state, int64_t now_us)
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

DS_PRINTF(3, 4)
static void end(struct wire_session *s, bool warn, const char *fmt, ...)
{
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (s->open)
        push_text(s, WIRE_DO_ABANDON, true, "%s", text);
    s->open = false;
    push_text(s, WIRE_DO_CLOSE, warn, "%s", text);
    enter(s, ENDED, 0);
}

/* Says CLOSE to the camera and gives it a moment to close. */
static void close_politely(struct wire_session *s, int64_t now_us)
{
    push_send(s, WIRE_CLOSE, NULL, 0);
    enter(s, CLOSING, now_us);
}

static void request_file(struct wire_session *s, int64_t now_us)
{
    push_send(s, WIRE_FILE_REQ, s->offer.slot->identifier, WIRE_IDENTIFIER_BYTES);
    enter(s, WAIT_START, now_us);
}

static void request_next(struct wire_session *s, int64_t now_us)
{
    uint32_t wanted = s->init.settings & ~s->empty_slots;
    const struct wire_slot *slot = NULL;
    for (int i = 0; i < WIRE_N_SLOTS && !slot; i++)
        if (wanted & wire_slots[i].setting)
            slot = &wire_slots[i];
    if (!slot) {
        if (wanted & WIRE_SETTING_PATH)
            push_text(s, WIRE_DO_LOG, true,
                      "the camera offers a file by path (DSM, ADAS), which is not understood here");
        close_politely(s, now_us);
        return;
    }
    s->offer =
        (struct wire_offer){.slot = slot, .init = s->init_raw, .init_bytes = WIRE_INIT_BYTES};
    if (s->limits.meta_us == 0) {
        request_file(s, now_us);
        return;
    }
    push_send(s, WIRE_META_REQ, slot->identifier, WIRE_IDENTIFIER_BYTES);
    enter(s, WAIT_META, now_us);
}

/* Asks for the packets from the first missing one on. */
static void resume(struct wire_session *s, int64_t now_us)
{
    push_send_u32(s, WIRE_RESUME, s->next + s->base);
    enter(s, WAIT_SYNC, now_us);
}

/* The stream is out of step, or silent: start again at the first missing packet. */
static void recover(struct wire_session *s, int64_t now_us, const char *why)
{
    if (++s->repeats > s->limits.repeats) {
        end(s, true, "given up at packet %u of %u after %d repeats: %s", s->next + 1,
            s->offer.packets, s->limits.repeats, why);
        return;
    }
    push_text(s, WIRE_DO_LOG, true, "packet %u of %u: %s; asking for it again", s->next + 1,
              s->offer.packets, why);
    s->stats.resumes++;
    s->dropping = true;
    resume(s, now_us);
}

/* ---- frames ---- */

static void on_init(struct wire_session *s, const uint8_t *raw, int64_t now_us)
{
    struct err err;
    struct wire_init init;
    if (wire_init_parse(raw, &init, &err) < 0) {
        end(s, true, "%s", err.text);
        return;
    }
    if (s->have_init && strcmp(init.imei, s->init.imei) != 0) {
        end(s, true, "INIT of another camera, %s, on the same connection", init.imei);
        return;
    }
    if (s->open)
        push_text(s, WIRE_DO_ABANDON, true, "the camera began a new session at packet %u of %u",
                  s->next + 1, s->offer.packets);
    s->open = false;
    s->dropping = false;
    s->init = init;
    memcpy(s->init_raw, raw, sizeof s->init_raw);
    if (!s->have_init)
        push(s, WIRE_DO_HELLO);
    s->have_init = true;
    request_next(s, now_us);
}

static void on_meta(struct wire_session *s, const struct wire_frame *f, int64_t now_us)
{
    if (s->state != WAIT_META && !(s->state == WAIT_START && !s->offer.meta)) {
        push_text(s, WIRE_DO_LOG, true, "metadata that nobody asked for; ignored");
        return;
    }
    memcpy(s->meta, f->payload, f->n);
    s->offer.meta = s->meta;
    s->offer.meta_bytes = f->n;
    if (f->n > 1 && s->meta[1] != s->offer.slot->file_type)
        push_text(s, WIRE_DO_LOG, true, "metadata of file type %u where %s has %u", s->meta[1],
                  s->offer.slot->identifier, s->offer.slot->file_type);
    if (s->state == WAIT_META)
        request_file(s, now_us);
}

static void on_start(struct wire_session *s, const struct wire_frame *f, const uint8_t *frame,
                     int64_t now_us)
{
    struct rd r = rd_init(f->payload, f->n);
    uint32_t packets = rd_be32(&r);
    if (s->state == WAIT_SYNC && packets == s->offer.packets)
        return; /* cameras repeat START */
    if (s->state != WAIT_START) {
        end(s, true, "START of %u packets in state %s", packets, state_names[s->state]);
        return;
    }
    if (packets == 0) {
        push_text(s, WIRE_DO_LOG, false, "%s has no packets: empty or gone",
                  s->offer.slot->identifier);
        s->empty_slots |= s->offer.slot->setting;
        request_next(s, now_us);
        return;
    }
    if (packets > s->limits.packets_max) {
        end(s, true, "START of %u packets: more than %u are not taken", packets,
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
    push(s, WIRE_DO_OFFER);
    enter(s, WAIT_ACCEPT, now_us);
}

static void on_sync(struct wire_session *s, uint32_t offset, int64_t now_us)
{
    if (s->state != WAIT_SYNC && s->state != RECEIVING) {
        push_text(s, WIRE_DO_LOG, true, "SYNC %u in state %s; ignored", offset,
                  state_names[s->state]);
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
        recover(s, now_us, why);
        return;
    }
    s->at = offset - s->base;
    enter(s, RECEIVING, now_us);
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
        recover(s, now_us, crc == stated ? "too short" : "bad CRC");
        return;
    }
    s->seed = crc;
    enter(s, RECEIVING, now_us);
    if (s->at++ < s->next) {
        s->stats.duplicates++;
        return;
    }
    struct queued *q = push(s, WIRE_DO_STORE);
    q->action.data = f->payload;
    q->action.n = n;
    q->action.offset = (uint64_t)s->next * WIRE_PACKET_BYTES;
    s->next++;
    s->repeats = 0;
    s->stats.packets++;
    s->stats.bytes += n;
    if (s->next == s->offer.packets) {
        s->open = false;
        push(s, WIRE_DO_COMMIT);
        enter(s, WAIT_COMMIT, now_us);
    }
}

static void on_status(struct wire_session *s, uint32_t status)
{
    if (status == 0)
        push_text(s, WIRE_DO_LOG, false, "the camera says status 0: done");
    else
        end(s, true, "the camera says status %u: %s", status, wire_status_text(status));
}

static void on_bad_header(struct wire_session *s, int64_t now_us)
{
    if (s->state == RECEIVING || s->state == WAIT_SYNC) {
        if (s->state == RECEIVING)
            s->stats.crc_errors++;
        s->consumed = 0;
        recover(s, now_us, "impossible frame header");
        return;
    }
    char hex[2 * 8 + 1] = "";
    for (size_t i = 0; i < 8 && i < s->in.used; i++)
        snprintf(hex + 2 * i, 3, "%02x", buf_data(&s->in)[i]);
    end(s, true, "these bytes are no camera's in state %s: %s", state_names[s->state], hex);
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

/* ---- the driver's side ---- */

int wire_session_new(struct wire_session **out, const struct wire_limits *limits, int64_t now_us,
                     struct err *err)
{
    struct wire_session *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for a session");
    s->limits = *limits;
    s->deadline_us = now_us + limits->init_us;
    buf_init(&s->in, INPUT_BYTES_MAX);
    return ERR_OK;
}

void wire_session_free(struct wire_session **s)
{
    if (!s || !*s)
        return;
    buf_clear(&(*s)->in);
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
    return rc < 0 ? err_wrap(err, "unasked bytes in state %s", state_names[s->state]) : rc;
}

void wire_session_eof(struct wire_session *s)
{
    consume(s);
    if (s->state == ENDED)
        return;
    bool regular = s->state == CLOSING || s->state == WAIT_NEXT || s->state == WAIT_COMMIT;
    if (s->open)
        end(s, true, "connection lost after packet %u of %u", s->next, s->offer.packets);
    else
        end(s, !regular,
            s->state == CLOSING ? "all files taken" : "the camera closed the connection");
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
    s->consumed = i;
    consume(s);
    return false;
}

/* One frame from the input; false when more bytes are needed. */
static bool step(struct wire_session *s, int64_t now_us)
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

static void on_deadline(struct wire_session *s, int64_t now_us)
{
    switch (s->state) {
    case WAIT_INIT:
        end(s, true, "no INIT within %lld s", (long long)(s->limits.init_us / 1000000));
        return;
    case WAIT_META:
        push_text(s, WIRE_DO_LOG, true, "no metadata within %lld s: older firmware? going on",
                  (long long)(s->limits.meta_us / 1000000));
        request_file(s, now_us);
        return;
    case WAIT_SYNC:
        recover(s, now_us, "no SYNC in time");
        return;
    case RECEIVING:
        recover(s, now_us, "no data in time");
        return;
    case CLOSING:
        end(s, false, "all files taken");
        return;
    case WAIT_START:
    case WAIT_NEXT:
    case WAIT_ACCEPT:
    case WAIT_COMMIT:
    case ENDED:
    case N_STATES:
        end(s, true, "silent for %lld s in state %s", (long long)(s->limits.silence_us / 1000000),
            state_names[s->state]);
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
            *out = q->action;
            return;
        }
        consume(s);
        if (s->state != ENDED && !wire_session_waiting(s)) {
            if (step(s, now_us))
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

void wire_session_accept(struct wire_session *s, uint32_t have_packets, int64_t now_us)
{
    assert(s->state == WAIT_ACCEPT || s->state == ENDED);
    if (s->state == ENDED)
        return;
    assert(have_packets < s->offer.packets);
    s->next = have_packets;
    resume(s, now_us);
}

void wire_session_refuse(struct wire_session *s, const char *why, int64_t now_us)
{
    assert(s->state == WAIT_ACCEPT || s->state == ENDED);
    if (s->state == ENDED)
        return;
    s->open = false;
    push_text(s, WIRE_DO_LOG, true, "refused: %s", why);
    close_politely(s, now_us);
}

void wire_session_dismiss(struct wire_session *s, const char *why, int64_t now_us)
{
    if (s->state == ENDED || s->state == CLOSING || s->state == WAIT_COMMIT)
        return;
    if (s->open)
        push_text(s, WIRE_DO_ABANDON, true, "%s", why);
    s->open = false;
    push_text(s, WIRE_DO_LOG, true, "turned away: %s", why);
    close_politely(s, now_us);
}

void wire_session_committed(struct wire_session *s, int64_t now_us)
{
    assert(s->state == WAIT_COMMIT || s->state == ENDED);
    if (s->state == ENDED)
        return;
    push_repeat_init(s);
    enter(s, WAIT_NEXT, now_us);
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

const char *wire_session_state(const struct wire_session *s)
{
    return state_names[s->state];
}

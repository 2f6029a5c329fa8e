/*
 * The inside of a session. session.c is its door (feed, next, the driver's answers, time-outs);
 * session_hear.c understands what the camera says; session_ask.c decides what to ask it for;
 * session_act.c queues actions and changes states.
 */
#ifndef WIRE_SESSION_INTERNAL_H
#define WIRE_SESSION_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/wire_session.h"

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
/* ---- session_act.c ---- */

struct queued *session_push(struct wire_session *s, enum wire_action_type type);
void session_log(struct wire_session *s, bool warn, const char *fmt, ...) DS_PRINTF(3, 4);
void session_send(struct wire_session *s, uint16_t id, const void *payload, size_t n);
void session_send_u32(struct wire_session *s, uint16_t id, uint32_t value);
/* REPEAT_INIT is two bytes: what the vendor's own server sends. */
void session_send_repeat_init(struct wire_session *s);

const char *session_state_name(enum state state);
void session_enter(struct wire_session *s, enum state state, int64_t now_us);
/* ABANDON if a transfer is open. */
void session_abandon(struct wire_session *s, const char *fmt, ...) DS_PRINTF(2, 3);
/* ABANDON if a transfer is open, and CLOSE. */
void session_end(struct wire_session *s, bool warn, const char *fmt, ...) DS_PRINTF(3, 4);
/* Says CLOSE to the camera and gives it a moment to close. */
void session_close_politely(struct wire_session *s, int64_t now_us);

/* ---- session_ask.c ---- */

void session_request_file(struct wire_session *s, int64_t now_us);
void session_request_next(struct wire_session *s, int64_t now_us);
/* Asks for the packets from the first missing one on. */
void session_resume(struct wire_session *s, int64_t now_us);
/* The stream is out of step, or silent: start again at the first missing packet. */
void session_recover(struct wire_session *s, int64_t now_us, const char *why);

/* ---- session_hear.c ---- */

/* One frame from the input; false when more bytes are needed. */
bool session_hear(struct wire_session *s, int64_t now_us);

#endif

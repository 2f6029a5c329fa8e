/*
 * The inside of a session. session.c is its door (feed, next, the driver's answers, time-outs);
 * session_input.c finds frames in the stream, and the way back into it, and understands what the
 * camera says; below both, session_act.c decides what to ask it for, queues actions and changes
 * states.
 */
#ifndef WIRE_SESSION_INTERNAL_H
#define WIRE_SESSION_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/wire.h"

enum {
    QUEUE_ROOM = 8,               /* one event makes 4 actions at most; dismiss adds 2 */
    INPUT_BYTES_MAX = 256 * 1024, /* four reads of 64 KiB; a driver drains after each */
    U32_FRAME_BYTES = 8,          /* SYNC, STATUS */
    START_FRAME_BYTES = 10,
    FRAME_HEADER_BYTES = 4,
    ENH_OFFSET_BYTES = 4,
    NUISANCES_MAX = 16, /* what nobody asked for, a connection; each is a line in a log */
    RECOVERIES_LOGGED = WIRE_ERRORS_KEPT,
};

enum state {
    WAIT_INIT,   /* connected, nothing said */
    WAIT_PATH,   /* 000c sent */
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
    uint8_t bytes[16]; /* of SEND: our longest frame has 11, but for the request of a path */
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
    uint32_t done; /* settings that turned out to have no file: not asked again */
    int nuisances;

    struct wire_offer offer;
    struct buf meta; /* as a rule far shorter than WIRE_META_BYTES_MAX */
    uint8_t path[WIRE_PATH_BYTES_MAX], start[START_FRAME_BYTES];
    uint8_t request[FRAME_HEADER_BYTES + WIRE_PATH_BYTES_MAX]; /* the frame of a path, to be sent */
    bool may_have_one_more; /* version 2 metadata of 13 bytes: see session_input.c */
    bool open;              /* between OFFER and COMMIT or ABANDON */

    uint64_t size; /* of the file in bytes; by packets that of whole packets */
    uint64_t next; /* bytes kept, and so the place of the next new one */
    uint64_t at;   /* of the next DATA in the file, in bytes */
    uint32_t unit; /* of offsets on the wire, in bytes: 1024 or 1 */
    uint32_t base; /* what the camera calls the beginning: 1 or, by bytes and perhaps else, 0 */
    bool base_known;
    bool from_start; /* ask for all, and pass over what is kept */
    uint32_t asked;  /* the offset of the last RESUME */
    uint16_t seed;   /* of the CRC chain */
    bool dropping;   /* until the SYNC that was asked for */
    int repeats;     /* RESUMEs since the last new packet */
    struct wire_stats stats;

    char farewell[160]; /* why 0000 was sent */
    bool farewell_warn;

    struct queued queue[QUEUE_ROOM];
    unsigned head, used;
};

/* ---- session_act.c ---- */

struct queued *session_push(struct wire_session *s, enum wire_action_type type);
void session_log(struct wire_session *s, bool warn, const char *event, const char *fmt, ...)
    DS_PRINTF(4, 5);

const char *session_state_name(enum state state);
void session_enter(struct wire_session *s, enum state state, int64_t now_us);
/* ABANDON if a transfer is open. */
void session_keep_partial(struct wire_session *s, const char *fmt, ...) DS_PRINTF(2, 3);
/* ABANDON if a transfer is open, and CLOSE. */
void session_end(struct wire_session *s, bool warn, const char *fmt, ...) DS_PRINTF(3, 4);
/* Says CLOSE to the camera and gives it a moment to close. The text is that of the action CLOSE. */
void session_close(struct wire_session *s, int64_t now_us, bool warn, const char *fmt, ...)
    DS_PRINTF(4, 5);
/* A line in the log for what nobody asked for; the end for too many of them. */
void session_unsolicited(struct wire_session *s, const char *fmt, ...) DS_PRINTF(2, 3);

void session_request_next(struct wire_session *s, int64_t now_us);
void session_request_meta(struct wire_session *s, int64_t now_us);
void session_request_file(struct wire_session *s, int64_t now_us);
void session_request_init(struct wire_session *s, int64_t now_us);
/* Asks for the file from the first missing packet or byte on. */
void session_resume(struct wire_session *s, int64_t now_us);
/* The stream is out of step, or silent: start again at the first missing packet or byte. */
void session_recover(struct wire_session *s, int64_t now_us, const char *why);
/* "packet 3 of 584" or "byte 2048 of 50000": what is awaited. out is returned. */
const char *session_place(const struct wire_session *s, char out[64]);

/* ---- session_input.c ---- */

void session_on_status(struct wire_session *s, uint32_t status);

/* One frame from the input; false when more bytes are needed. */
bool session_input(struct wire_session *s, int64_t now_us);
/* While dropping: the stream's last bytes are a status, which the camera says before it closes. */
bool session_trailing_status(const struct wire_session *s, uint32_t *status);

#endif

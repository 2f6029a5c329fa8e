/*
 * wire_session: one connection of a camera, seen from the server. Bytes in, actions out; no socket,
 * no file, no clock of its own, so that the same code runs in the server, in tests and in fuzzers.
 *
 *     WAIT_INIT ─► (WAIT_PATH) ─► WAIT_META ─► WAIT_START ─► WAIT_ACCEPT ─► WAIT_SYNC ─► RECEIVING
 *         ▲                                                                   ▲  bad CRC  │  │
 *         │                                                                   └───────────┘  │
 *         └──────────────────────────────────── 0009 ◄────────────────────── WAIT_COMMIT ◄───┘
 *                     nothing pending: 0000 ─► CLOSING
 *
 * Two ways of handing a file over (the vendor's pages, corrected by captures and its test server):
 *
 *     by packets   DualCam, DashCam: a slot with a name ("%videof"), START counts packets of 1024
 *                  bytes, RESUME and SYNC count packets, from 1 (or from 0: the first SYNC tells)
 *     by bytes     DSM, ADAS, and every camera of protocol ID 6 and later: the camera names a path,
 *                  START is the size, RESUME and SYNC are byte offsets
 *
 * Which one it is is told by slot or path, never by sizes. The path is asked for first, then the
 * slots.
 *
 * The loop of a driver:
 *
 *     wire_session_feed(s, bytes, n, now)
 *     while (wire_session_next(s, now, &action), action.type != WIRE_DO_NOTHING)
 *         … do it …
 *     … read again, or at wire_session_deadline() call wire_session_next() without feeding
 *
 * Durable first, acknowledge second: after OFFER nothing is asked of the camera until
 * wire_session_accept(), and after COMMIT nothing until wire_session_committed(). While one of them
 * is awaited (wire_session_waiting()), the driver should not read.
 */
#ifndef DASHSPOOL_WIRE_SESSION_H
#define DASHSPOOL_WIRE_SESSION_H

#include "dashspool/wire.h"

struct wire_limits {
    int64_t init_us;  /* connect to INIT */
    int64_t meta_us;  /* 0x000a to 0x000b; then without metadata, for old firmware. 0: never ask */
    int64_t sync_us;  /* RESUME to SYNC; then RESUME again */
    int64_t stall_us; /* DATA to DATA; then RESUME (bytes can vanish on the camera's side). Also
                         0x000c to 0x000d; then the slots */
    int64_t silence_us;   /* anything else */
    int64_t closing_us;   /* our CLOSE to the device's */
    int repeats;          /* RESUMEs at one place before the transfer is given up */
    uint32_t packets_max; /* of a file, or as many times 1024 bytes */
};
/* 15 s, 10 s, 10 s, 30 s, 300 s, 5 s, 20 times, 1 Mi packets (1 GiB). */
extern const struct wire_limits wire_limits_default;

enum wire_action_type {
    WIRE_DO_NOTHING, /* wait for bytes or the deadline */
    WIRE_DO_SEND,    /* data, n */
    WIRE_DO_HELLO,   /* an INIT was understood: see wire_session_init() */
    WIRE_DO_OFFER,   /* a file is there: see wire_session_offer(); answer accept or refuse */
    WIRE_DO_STORE,   /* data, n, offset: file bytes, in order, without holes, each byte once */
    WIRE_DO_COMMIT,  /* the file is complete (n is 0); answer committed */
    WIRE_DO_ABANDON, /* the transfer ended early: text says why; what came is kept as a partial */
    WIRE_DO_LOG,     /* event, text: something a technician wants to know */
    WIRE_DO_CLOSE,   /* close the connection: text says why */
};

struct wire_action {
    enum wire_action_type type;
    const uint8_t *data; /* borrowed until the next call on the session */
    size_t n;
    uint64_t offset;   /* STORE: of data in the file */
    const char *text;  /* borrowed likewise; "" if there is none */
    const char *event; /* LOG: what it is, in constant words; text says more */
    bool warn;         /* LOG: not as it should be; CLOSE: not the regular end */
};

enum wire_mode {
    WIRE_BY_PACKETS,
    WIRE_BY_BYTES,
};

/* By bytes file_crc is perhaps that of the whole file, by packets it is 0. By which rule nobody has
 * told: nothing is ever refused for it. */
struct wire_offer {
    enum wire_mode mode;
    char camera[8], kind[8];      /* "front" "video": of the slot, or as wire_path_words() has it */
    const struct wire_slot *slot; /* by packets; else NULL */
    uint32_t packets;    /* by packets: the file has (packets-1)*1024+1 .. packets*1024 bytes */
    uint64_t size_bytes; /* by bytes: of the file; else 0 */
    uint16_t file_crc;   /* START's second number */
    /* as received (path with its NUL); NULL: none came */
    const uint8_t *init, *path, *meta, *start;
    size_t init_bytes, path_bytes, meta_bytes, start_bytes;
};

#define WIRE_ERRORS_KEPT 32

/* What the transfer has seen so far; kept until the next OFFER. */
struct wire_stats {
    uint64_t bytes;      /* stored */
    uint32_t packets;    /* stored */
    int crc_errors;      /* bad CRC, impossible header, out of place, short in the middle */
    int resumes;         /* RESUMEs sent beyond the first */
    uint64_t bytes_lost; /* dropped while waiting for SYNC */
    uint32_t duplicates; /* packets that came again */
    size_t n_error_at;   /* of the first crc_errors: */
    uint64_t error_at[WIRE_ERRORS_KEPT]; /* … the bytes of the file where the bad frame belonged */
};

struct wire_session;

/* limits is copied; now: any monotonic microseconds, the same clock in all calls. */
int wire_session_new(struct wire_session **out, const struct wire_limits *limits, int64_t now_us,
                     struct err *err) DS_MUST_CHECK;
void wire_session_free(struct wire_session **s);

/* Appends what the camera sent. ERR_LIMIT: more is buffered than a camera sends unasked; close. */
int wire_session_feed(struct wire_session *s, const void *data, size_t n, int64_t now_us,
                      struct err *err) DS_MUST_CHECK;

/* The next thing to do, in order. */
void wire_session_next(struct wire_session *s, int64_t now_us, struct wire_action *out);

/* The camera closed, or the connection broke: an ABANDON and a CLOSE come next, as due. */
void wire_session_eof(struct wire_session *s);

/* Answers to OFFER. have_bytes are kept from an earlier connection (0: none), less than the file
 * has, and by packets a multiple of 1024; the camera is asked for what is behind them, and the
 * first STORE begins there. A refusal sends CLOSE.
 *
 * A camera asked to begin at packet n > 1 that answers SYNC n is believed to count from 1, as all
 * do that were seen; one that counts from 0 would leave out a packet, so that one would be missing
 * at the end and COMMIT never comes. Any other answer than n, 0 or 1 says nothing about its
 * counting: then it is asked for all from the start, and what is kept already is passed over. */
void wire_session_accept(struct wire_session *s, uint64_t have_bytes, int64_t now_us);
void wire_session_refuse(struct wire_session *s, const char *why, int64_t now_us);

/* Sends the camera away from any state: ABANDON if a transfer is open, CLOSE to the camera, and
 * when it has closed (or not within closing_us) the action CLOSE with this text. Answers to OFFER
 * and COMMIT that are still on their way do nothing then; requests not yet taken by
 * wire_session_next() are not made. */
void wire_session_dismiss(struct wire_session *s, const char *why, bool warn, int64_t now_us);

/* Answer to COMMIT: the file is on disk. */
void wire_session_committed(struct wire_session *s, int64_t now_us);

bool wire_session_waiting(const struct wire_session *s);     /* for accept or committed */
int64_t wire_session_deadline(const struct wire_session *s); /* INT64_MAX: none */
const struct wire_init *wire_session_init(const struct wire_session *s); /* NULL before HELLO */
const struct wire_offer *wire_session_offer(const struct wire_session *s);
const struct wire_stats *wire_session_stats(const struct wire_session *s);
const char *wire_session_state(const struct wire_session *s);

#endif

/*
 * session: one connection of a tracker, seen from the server. Bytes in, actions out; no socket, no
 * file, no clock of its own, so that the same code runs in the server, in tests and in fuzzers.
 *
 *     WAIT_LOGIN ─► (LOGIN) ─► JUDGED ─► OPEN ─► (STORE) ─► STORING ─┐
 *                                         ▲                          │ session_stored()
 *                                         └──────────────────────────┘
 *
 * Beside it, while the link is open, one command at a time: when it may be sent (READY: after an
 * acknowledged frame, or `quiet_us` of silence after the login), and what the tracker says to it
 * (ANSWER), which may come in pieces and between frames of records. There is no number that tells
 * to what an answer belongs: it is the next one; and what comes behind one that settled its
 * command, before the next command and within `answer_us`, is the rest of it (MORE).
 *
 *     session_feed(s, bytes, n, now, &err)
 *     while (session_next(s, now, &action), action.type != SESSION_DO_NOTHING)
 *         … do it …
 *     … read again, or at session_deadline_us() call session_next() without feeding
 *
 * Durable first, answered second: after STORE nothing is taken up until session_stored(). While
 * that, or session_judged(), is awaited the driver should not read (session_waiting()).
 */
#ifndef DASHSPOOL_TELEMETRY_SESSION_H
#define DASHSPOOL_TELEMETRY_SESSION_H

#include "dashspool/avl.h"

/* Answers to one command are kept, one behind the other, up to this. */
#define SESSION_ANSWER_BYTES 4096
/* So many parts of an answer behind the one that settled its command: one that goes on answering
 * does not fill the catalogue. */
#define SESSION_REST         8

struct session_limits {
    int64_t login_us;  /* connect to login */
    int64_t idle_us;   /* nothing heard: the link is closed */
    int64_t quiet_us;  /* silence after the login, then a command may be sent */
    int64_t answer_us; /* a command to its answer */
    int wrong_max;     /* frames in a row that are not right: then the link is closed */
    size_t length_max; /* of a frame */
};

enum session_do {
    SESSION_DO_NOTHING,
    SESSION_DO_SEND,   /* data, n */
    SESSION_DO_LOGIN,  /* session_imei() wants in: session_judged() */
    SESSION_DO_STORE,  /* frame: its records, to be stored: session_stored() */
    SESSION_DO_READY,  /* a command may be sent: session_command(), now or later, while
                          session_ready() */
    SESSION_DO_ANSWER, /* data, n: all that was answered so far: session_settled() */
    SESSION_DO_MORE,   /* likewise, of a command that was settled before: nobody waits */
    SESSION_DO_NACK,   /* the command was not executed; text; over */
    SESSION_DO_SILENT, /* no answer in time; data, n: what was said, n 0: nothing; over */
    SESSION_DO_LOG,    /* event, text: something a technician wants to know */
    SESSION_DO_CLOSE,  /* text says why */
};

struct session_action {
    enum session_do type;
    const uint8_t *data; /* borrowed until the next call on the session, like frame and text */
    size_t n;
    struct avl_frame frame;
    const char *text;  /* "" if there is none */
    const char *event; /* LOG: in constant words */
    bool warn;         /* LOG: not as it should be; CLOSE: not the regular end */
};

struct session_stats {
    uint64_t frames, records, wrong, pings;
};

struct session;

int session_new(struct session **out, const struct session_limits *limits, int64_t now_us,
                struct err *err) DS_MUST_CHECK;
void session_free(struct session **session);

int session_feed(struct session *s, const void *data, size_t n, int64_t now_us,
                 struct err *err) DS_MUST_CHECK;
/* Nothing more comes, or is to come. */
void session_eof(struct session *s);
void session_next(struct session *s, int64_t now_us, struct session_action *out);

/* Monotonic; when session_next() has something to do without bytes. */
int64_t session_deadline_us(const struct session *s);
bool session_waiting(const struct session *s);

/* "" before the login. */
const char *session_imei(const struct session *s);
const struct session_stats *session_stats(const struct session *s);

/* Answers a LOGIN. why: of a refusal, for the log. */
void session_judged(struct session *s, bool accepted, const char *why, int64_t now_us);

/* Answers a STORE: all records of the frame are on disk. */
void session_stored(struct session *s, int64_t now_us);

/* Whether a command may be sent now. */
bool session_ready(const struct session *s, int64_t now_us);
/* Sends it: Codec 14 if so asked, else 12. Only while session_ready(). ERR_LIMIT, ERR_MALFORMED: it
 * is no command (avl_command_put()); nothing is sent. */
int session_command(struct session *s, const char *text, bool codec_14, int64_t now_us,
                    struct err *err) DS_MUST_CHECK;
/* Answers an ANSWER; false: it was half of one, more is to come. */
void session_settled(struct session *s, bool settled);

#endif

/*
 * requests: footage that was asked for, as facts in the catalogue (tables request, request_event,
 * request_transfer): who asked, why, what became of it, and which transfers fulfil it. A request is
 * no job: the stage that holds the trackers' connections asks here what is due at each contact, and
 * tells what came of it; the receiver tells what arrives.
 *
 *     queued ──► sent ──► accepted ──► uploading ──► fetched
 *       ▲         │  ╲       │             │
 *       │         ▼   ╲      ▼             ▼
 *       ╰───── waiting ◄──────────────────────      asked again when what it waits for is there
 *     refused: the tracker will never do it          superseded: the same was asked for anew
 *     expired: it did not come in time               cancelled: a person took it back
 *
 * A file may fulfil an open request in any state. Each change is an event: its time, what happened,
 * and the tracker's own words. Terminal: fetched, refused, superseded, expired, cancelled.
 *
 * At most one request of a tracker is `sent`. At most one at a time uses a camera: a tracker has
 * one place for a file there. A request to format or to restart is sent once, whatever comes of it;
 * all others at least once, as to ask for a time again does no harm.
 *
 * Each function is one transaction, or part of the caller's (catalogue_begin()). Times are UTC in
 * microseconds, now_us is the caller's clock. Not thread-safe, as the catalogue. Anybody may have
 * written the tracker's words: they are kept in one line without control characters.
 *
 * Rules of answers and limits of time: docs/requests.md.
 */
#ifndef DASHSPOOL_REQUESTS_H
#define DASHSPOOL_REQUESTS_H

#include "dashspool/camreq.h"
#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUESTS_ANSWER_US  ((int64_t)120 * 1000000) /* without an answer for so long: waiting */
#define REQUESTS_RETRY_US   ((int64_t)35 * 60 * 1000000) /* trackers try to send each 30 minutes */
#define REQUESTS_LIFE_US    ((int64_t)72 * 3600 * 1000000) /* cards are overwritten after that */

#define REQUESTS_WHO_ROOM   128
#define REQUESTS_WORDS_ROOM 512 /* the tracker's words; reasons */

/* Names in the catalogue and in JSON: requests_state_name(). */
enum requests_state {
    REQUESTS_QUEUED,
    REQUESTS_SENT,
    REQUESTS_ACCEPTED,
    REQUESTS_UPLOADING,
    REQUESTS_WAITING,
    REQUESTS_FETCHED, /* this and all that follow are terminal */
    REQUESTS_REFUSED,
    REQUESTS_SUPERSEDED,
    REQUESTS_EXPIRED,
    REQUESTS_CANCELLED,
    REQUESTS_N_STATES
};
#define REQUESTS_STATES \
    "queued sent accepted uploading waiting fetched refused superseded expired cancelled"
const char *requests_state_name(enum requests_state state);
#define REQUESTS_OPEN                                                           \
    ((1u << REQUESTS_FETCHED) - 1) /* the states that are not terminal, as bits \
                                    */

/* What one waits for, besides not_before_us; as bits. */
enum requests_wait {
    REQUESTS_FOR_TIME = 0,
    REQUESTS_FOR_CONTACT = 1 << 0, /* the next login of the tracker, or not_before_us */
    /* this and the two that follow: or an hour later, as not every tracker reports them */
    REQUESTS_FOR_IGNITION = 1 << 1, /* AVL 239 = 1 */
    REQUESTS_FOR_FRONT = 1 << 2,    /* the camera: AVL 498 = 3; of FMx650 12301 and others */
    REQUESTS_FOR_REAR = 1 << 3,     /* AVL 497 = 3; 12302, 12305 */
    REQUESTS_FOR_OTHER = 1 << 4,    /* the older file, that comes first; or not_before_us */
    REQUESTS_FOR_FILE = 1 << 5,     /* its own, which the tracker tries to send; or not_before_us */
};

struct requests_request {
    int64_t id; /* from 1 on; never used twice */
    char imei[16];
    struct camreq what;
    int codec;                         /* 12 or 14: the frame that the command goes in */
    char command[CAMREQ_COMMAND_ROOM]; /* what is sent */
    char by[REQUESTS_WHO_ROOM];        /* a person, or "rule NAME" */
    char reason[CATALOGUE_REASON_ROOM];
    int64_t added_us, expires_us;

    /* what became of it: requests_add() sets all of this */
    enum requests_state state;
    unsigned waits;                  /* enum requests_wait, of one that is waiting */
    int64_t changed_us;              /* its last event */
    int64_t not_before_us;           /* of one that is queued or waiting: not sent before; 0: now */
    int64_t answered_s;              /* the time that the tracker's answer named; 0: none */
    int sent;                        /* how often */
    int files_due, files;            /* of "both" two are due; of what has no file none */
    char why[REQUESTS_WORDS_ROOM];   /* what its last event says, for people */
    char words[REQUESTS_WORDS_ROOM]; /* the tracker's last words; "": none so far */
};

/* ---- for whoever asks ---- */

/* Queues a request: imei, what, by, reason, codec (0: 12) are the caller's; the rest is set. An
 * open one of that tracker with the same command that is not on its way (queued, waiting) is
 * superseded by it. ERR_CONFIG: a limit of camreq_command(), an IMEI that is not 15 digits, a
 * codec that is not 12 or 14; by is empty or too long. */
int requests_add(struct catalogue *c, struct requests_request *r, int64_t now_us,
                 struct err *err) DS_MUST_CHECK;

/* ERR_NOTFOUND: there is none with this id. */
int requests_get(struct catalogue *c, int64_t id, struct requests_request *out,
                 struct err *err) DS_MUST_CHECK;

struct requests_filter {
    const char *imei, *by; /* NULL: any */
    unsigned states;       /* 1 << enum requests_state; 0: any */
    int64_t since_us;      /* added then or later */
};
/* By id; fn may write. ERR_MALFORMED, when all others are told: the first that cannot be read. */
typedef int requests_fn(void *arg, const struct requests_request *r, struct err *err);
int requests_each(struct catalogue *c, const struct requests_filter *filter, requests_fn *fn,
                  void *arg, struct err *err) DS_MUST_CHECK;
int requests_count(struct catalogue *c, const struct requests_filter *filter, int64_t *out,
                   struct err *err) DS_MUST_CHECK;

struct requests_event {
    int64_t at_us;
    enum requests_state state;       /* after it */
    char what[REQUESTS_WORDS_ROOM];  /* "sent to 10.0.0.1:40123 (Codec 12)" */
    char words[REQUESTS_WORDS_ROOM]; /* the tracker's, if it said something */
};
typedef int requests_event_fn(void *arg, const struct requests_event *e, struct err *err);
int requests_event_each(struct catalogue *c, int64_t id, requests_event_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;

/* The transfers that fulfil it; they may be deleted since. */
struct requests_file {
    char transfer[CATALOGUE_ID_ROOM];
    char camera[8];
    int64_t at_us;
    bool complete;
    bool by_order; /* matched by order of arrival: no time told that it is this one */
};
typedef int requests_file_fn(void *arg, const struct requests_file *f, struct err *err);
int requests_file_each(struct catalogue *c, int64_t id, requests_file_fn *fn, void *arg,
                       struct err *err) DS_MUST_CHECK;

/* ERR_NOTFOUND: no such request; ERR_CONFIG: it is over already. What the tracker has accepted it
 * may send none the less. */
int requests_cancel(struct catalogue *c, int64_t id, const char *who, int64_t now_us,
                    struct err *err) DS_MUST_CHECK;

/* Ends what has expired, of all trackers; *n counts. For lists: requests_next() does it as well. */
int requests_expire(struct catalogue *c, int64_t now_us, int *n, struct err *err) DS_MUST_CHECK;

/* ---- for whoever holds the trackers' connections ---- */

/* The trackers that have open requests, by IMEI, each once; cheap, also if there are many. Rows
 * that cannot be read count, and keep no other from it. */
typedef int requests_tracker_fn(void *arg, const char *imei, struct err *err);
int requests_tracker_each(struct catalogue *c, requests_tracker_fn *fn, void *arg,
                          struct err *err) DS_MUST_CHECK;

/* The request whose command is to be sent to this tracker now; *found false: none. First, what was
 * not answered, what did not come, and what has expired is dealt with. Nothing is written where
 * nothing is open. */
int requests_next(struct catalogue *c, const char *imei, int64_t now_us,
                  struct requests_request *out, bool *found, struct err *err) DS_MUST_CHECK;

/* Before its first byte goes out, durably: a command that is sent at most once must not go out
 * unless this says ERR_OK. peer: address:port. ERR_BUSY: it is not due any more (cancelled). */
int requests_sent(struct catalogue *c, int64_t id, const char *peer, int64_t now_us,
                  struct err *err) DS_MUST_CHECK;

/* What the tracker answered, as it came: the texts of all its answers since the command was sent,
 * one behind the other. *settled false: half an answer, or words that nobody knows; nothing is
 * written, call again with what comes next behind it, and after REQUESTS_ANSWER_US
 * requests_silent(). */
int requests_answered(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                      bool *settled, struct err *err) DS_MUST_CHECK;

/* More of an answer that has settled the request, the whole of it: these are its words now, all
 * else stays. */
int requests_more(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                  struct err *err) DS_MUST_CHECK;

/* No answer, or none that is known (text; NULL: none), within REQUESTS_ANSWER_US. */
int requests_silent(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                    struct err *err) DS_MUST_CHECK;

/* The tracker says that it did not carry it out: it is not the one that is meant (Codec 14, type
 * 11). Also what is sent at most once is due again. */
int requests_not_executed(struct catalogue *c, int64_t id, const char *why, int64_t now_us,
                          struct err *err) DS_MUST_CHECK;

/* Not one byte of it was sent, as the connection ended before: it is due at the next contact,
 * however often that happens. */
int requests_unsent(struct catalogue *c, int64_t id, const char *why, int64_t now_us,
                    struct err *err) DS_MUST_CHECK;

/* The connection ended while a command was out. imei NULL: all of them, as the stage starts. */
int requests_link_lost(struct catalogue *c, const char *imei, int64_t now_us,
                       struct err *err) DS_MUST_CHECK;

/* What the open requests of a tracker wait for (enum requests_wait): nothing else needs to be told.
 */
int requests_awaited(struct catalogue *c, const char *imei, unsigned *out,
                     struct err *err) DS_MUST_CHECK;

/* It is there: a login, the ignition, a camera. One bit of REQUESTS_FOR_CONTACT, _IGNITION, _FRONT,
 * _REAR. */
int requests_heard(struct catalogue *c, const char *imei, enum requests_wait what, int64_t now_us,
                   struct err *err) DS_MUST_CHECK;

/* ---- for whoever stores what cameras send ---- */

/* A transfer of a camera has begun: one that it fulfils is uploading. */
int requests_began(struct catalogue *c, const struct catalogue_transfer *t, int64_t now_us,
                   struct err *err) DS_MUST_CHECK;

/* … and is stored. Whom it fulfils, by IMEI, camera, kind, trigger "server request" and the time in
 * its metadata; without metadata, or where the tracker named no time, by order of arrival, marked
 * so. Each says in the transfer's custody ("requested") by whom it was asked for and why. One
 * without a request may be the older file that others wait for. A file of another trigger fulfils
 * nothing, though it may cover the time. same_as: the id of the transfer that had these bytes
 * before, in whose place t goes away; NULL: it stays. */
int requests_stored(struct catalogue *c, const struct catalogue_transfer *t, const char *same_as,
                    int64_t now_us, struct err *err) DS_MUST_CHECK;

/* ---- for upkeep ---- */

/* All requests with their events and files from a catalogue into a new one, which has none. */
int requests_carry(struct catalogue *from, struct catalogue *to, struct err *err) DS_MUST_CHECK;

/* Requests that were over before then go, with their events and files; what was said of them in the
 * custody of transfers stays. Several transactions, so that nobody waits for long. *n counts them;
 * dry_run: nothing else. */
int requests_sweep(struct catalogue *c, int64_t before_us, bool dry_run, int64_t *n,
                   struct err *err) DS_MUST_CHECK;

/* Nothing is left of a tracker's requests that are of a time from since_us (0: any) to until_us (0:
 * any; exclusive): the time that is asked for, else when they were added. *n counts them; dry_run:
 * nothing else. */
int requests_forget(struct catalogue *c, const char *imei, int64_t since_us, int64_t until_us,
                    bool dry_run, int64_t *n, struct err *err) DS_MUST_CHECK;

#endif

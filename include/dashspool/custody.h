/*
 * custody: what happened to a transfer, as lines that are chained by hash. A line is one JSON
 * object (RFC 8259) with sorted keys, without spaces, in ASCII; its newline does not belong to it:
 *
 *     {"at":"2026-11-21T10:34:14.000000Z","event":"stored","id":"352093081452251-front-video-…",
 *      "n":3,"previous":"<SHA-256 of line 2, hexadecimal>","what":{…},"who":"dashspool 0.1.0
 * receive"}
 *
 * n counts from 1 in each transfer; line 1 has 64 zeros for `previous`. Whoever changes, inserts or
 * takes away a line must change all that follow. Lines taken from the end do not show in the chain
 * itself: somebody else must keep their hash, as an evidence package's manifest does.
 *
 * Pure. Anybody can check a chain with sha256sum. The names of the events and the members of `what`
 * that a reader needs stand here alone: who writes or reads a line does it by this door.
 */
#ifndef DASHSPOOL_CUSTODY_H
#define DASHSPOOL_CUSTODY_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUSTODY_LINE_ROOM  8192 /* longest line, with its NUL */
#define CUSTODY_EVENT_ROOM 24
#define CUSTODY_ID_ROOM    96

/* What can happen to a transfer. The names in lines are for ever: packages hold them. */
enum custody_kind {
    CUSTODY_UNKNOWN, /* a name of another version; nobody writes it */
    CUSTODY_RECEIVED,
    CUSTODY_RESUMED,
    CUSTODY_INTERRUPTED,
    CUSTODY_STORED,
    CUSTODY_PUBLISHED,
    CUSTODY_OFFERED_AGAIN,
    CUSTODY_CONVERTED,
    CUSTODY_DROPPED, /* a job of it was given up */
    CUSTODY_SHOWN,
    CUSTODY_EXPORTED,
    CUSTODY_PROTECTED,
    CUSTODY_UNPROTECTED,
    CUSTODY_COPY_DELETED,
    CUSTODY_DELETED,
    CUSTODY_REINDEXED,
    CUSTODY_REPAIRED,   /* facts in the catalogue that were not those of their source */
    CUSTODY_SET_ASIDE,  /* the bytes under its key are not its own; nobody goes on with it */
    CUSTODY_MISSING,    /* its original is not there any more, and nobody deleted it */
    CUSTODY_JOINED,     /* with records of the tracker's own link (journey.h) */
    CUSTODY_REQUESTED,  /* it fulfils a request: asked for by …, because … (requests.h) */
    CUSTODY_REVIEWED,   /* somebody looked at it (review.h) … */
    CUSTODY_UNREVIEWED, /* … and took that back */
    CUSTODY_NOTED,
    CUSTODY_CASE, /* it belongs to a case; to none any more: without `number` */
    CUSTODY_KINDS
};

/* Texts one behind the other, each with its NUL. */
struct custody_list {
    const char *texts;
    size_t bytes;
};

/* The members of `what`, under the names that they have in a line (shown: "what"). NULL or false: a
 * line does not have it. */
struct custody_what {
    const char *from; /* received, resumed, offered-again: whom; reindexed: out of what */
    const char *path; /* of a file that was imported; of a copy, below ROOT */
    const char *modified, *metadata, *ending; /* of a file that was imported */
    const char *told_by;                      /* … whose time is this person's word */
    const char *sha256;      /* stored, reindexed, deleted: of the original; else of the copy */
    const char *from_sha256; /* converted: of the original that it was made from */
    const char *copy, *settings_sha256; /* converted, copy-deleted: its kind */
    const char *state;                  /* deleted, reindexed */
    const char *stage, *failed;         /* dropped: whose job, and what had failed */
    const char *why;
    const char *by, *shown; /* shown: which program, what; requested: who asked for it */
    const char *package, *tagmanifest_sha256, *for_job; /* exported */
    const char *full_tagmanifest_sha256; /* exported, redacted: of the original one */
    const char *reason;                  /* protected; deleted: why it was erased; requested */
    const char *asked, *command;         /* requested: when, and by which command */
    const char *note;                    /* noted */
    const char *number;                  /* case */
    const int64_t *protocol_id, *have_bytes, *length_bytes, *connections, *copies;
    const int64_t *request; /* requested: its number */
    bool by_order;          /* … matched by order of arrival only */
    bool partial, redacted; /* exported */
    bool erased;            /* deleted: the lines before this one are retold */
    bool no_sound;          /* and of a redacted one these two, whatever they are */
    struct custody_list masks, hidden;
    struct custody_list reasons;   /* unprotected: of the protections that ended */
    struct custody_list not_known; /* reindexed */

    /* The record of what came, by which anybody can tell later whether a fact was moved: received,
     * resumed (if it is other than before), stored, reindexed, repaired: hashes of the bytes as
     * they came, and what was decoded of them, as wire_facts_text() has it. */
    const char *init_sha256, *meta_sha256, *start_sha256, *path_sha256;
    const char *facts; /* text of a JSON object */
    /* … and how it came, over all connections: stored, interrupted, reindexed, repaired. Times are
     * RFC 3339 to the microsecond; the hash is of the list "connections" as a package has it, in
     * the form of these lines. */
    const char *source, *arrived, *completed, *peer, *connections_sha256;
    const int64_t *packets, *crc_errors, *resumes, *bytes_lost, *duplicates;
    const int64_t *first_packet;  /* what the camera calls it: 0 or 1 */
    const char *records_sha256;   /* joined: of journey_text(), of all of them */
    const int64_t *records;       /* … and how many */
    const char *event_at;         /* joined: the time of the record of the event, */
    const int64_t *difference_ms; /* … which is that much behind that of the transfer */
    struct custody_list changes;  /* repaired: "time: <was> -> <is>" */
};

/* The text of a JSON object, for struct custody_event; the caller frees it. What is no UTF-8 is in
 * it as text_shown() has it. NULL: no memory, or `facts` is no JSON object. */
char *custody_what_text(const struct custody_what *what);

struct custody_event {
    int64_t at_us; /* UTC */
    enum custody_kind event;
    const char *who;  /* the program and its part, or a person; not empty */
    const char *what; /* text of a JSON object; NULL: {} */
};

/* Line n of transfer `id`; previous is the line before it, NULL for the first. ERR_MALFORMED: what
 * is no JSON object, the event is unknown, id is no id; ERR_LIMIT: it does not fit; ERR_NOMEM. */
int custody_line(char out[CUSTODY_LINE_ROOM], const char *id, int64_t n, const char *previous,
                 const struct custody_event *event, struct err *err) DS_MUST_CHECK;

/* A line for somebody who may not see all of it: the same event with the same n, without the
 * members of `what` that `keep` does not want (text: of a member that is one, else NULL; those of
 * an object that is kept are asked for by themselves, as "facts.lat"); their names are listed in
 * what.withheld. Its `who` is asked for as "who", and becomes "withheld". It follows `previous`,
 * the line before it as it was retold (NULL: none), so that such lines are a chain of their own: a
 * hash of the true line would confirm a guess at what was withheld. ERR_MALFORMED: not a line. */
typedef bool custody_keep_fn(void *arg, enum custody_kind kind, const char *key, const char *text);
int custody_retell(char out[CUSTODY_LINE_ROOM], const char *line, size_t n, const char *previous,
                   custody_keep_fn *keep, void *arg, struct err *err) DS_MUST_CHECK;

/* Where a reader of lines stands. {0} at the beginning. */
struct custody_chain {
    char id[CUSTODY_ID_ROOM];       /* of the transfer whose lines are read */
    enum custody_kind kind;         /* of the last line */
    char event[CUSTODY_EVENT_ROOM]; /* its name, also of another version: for messages */
    char last[HASH_HEX_ROOM];       /* SHA-256 of the last line */
    int64_t n;                      /* its number; 0: none read */
};

/* The next line (n bytes, no newline, no NUL needed). ERR_MALFORMED says what is wrong: no such
 * line, or one that does not follow from the one before. A line 1 begins another transfer. */
int custody_next(struct custody_chain *chain, const char *line, size_t n,
                 struct err *err) DS_MUST_CHECK;

/* One line, read. Texts are NULL where the line does not have them (or has something else there),
 * and borrowed until custody_record_clear(). */
struct custody_record {
    enum custody_kind kind;
    const char *event; /* the name, also of another version */
    const char *id, *at, *who;
    int64_t n;
    struct custody_what what; /* all but its lists, which nobody asks for */
    void *own;                /* all texts and numbers */
};

/* Reads a line by itself, as it is: whether it belongs to a chain only custody_next() tells. What
 * is no JSON object leaves a record without anything. custody_record_clear() in any case. */
void custody_read(struct custody_record *out, const char *line, size_t n);
void custody_record_clear(struct custody_record *r);

/* SHA-256 of a JSON text in the form of a line: sorted, without spaces, in ASCII. ERR_MALFORMED: it
 * is no JSON. */
int custody_hash(const char *json, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* All of its `what`, for people: a JSON object in UTF-8, sorted. The caller frees it; NULL: it has
 * none, or there is no memory. */
char *custody_record_what(const struct custody_record *r);

#endif

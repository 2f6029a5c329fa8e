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
 * Pure. Anybody can check a chain with sha256sum.
 */
#ifndef DASHSPOOL_CUSTODY_H
#define DASHSPOOL_CUSTODY_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stddef.h>
#include <stdint.h>

#define CUSTODY_LINE_ROOM  8192 /* longest line, with its NUL */
#define CUSTODY_EVENT_ROOM 24
#define CUSTODY_ID_ROOM    96

struct custody_event {
    int64_t at_us;     /* UTC */
    const char *event; /* lower-case letters and hyphens: "received", "stored" … */
    const char *who;   /* the program and its part, or a person; not empty */
    const char *what;  /* text of a JSON object; NULL: {} */
};

/* Line n of transfer `id`; previous is the line before it, NULL for the first. ERR_MALFORMED: what
 * is no JSON object, a name is not as above; ERR_LIMIT: it does not fit; ERR_NOMEM. */
int custody_line(char out[CUSTODY_LINE_ROOM], const char *id, int64_t n, const char *previous,
                 const struct custody_event *event, struct err *err) DS_MUST_CHECK;

/* Where a reader of lines stands. {0} at the beginning. */
struct custody_chain {
    char id[CUSTODY_ID_ROOM];       /* of the transfer whose lines are read */
    char event[CUSTODY_EVENT_ROOM]; /* of the last line */
    char last[HASH_HEX_ROOM];       /* SHA-256 of the last line */
    int64_t n;                      /* its number; 0: none read */
};

/* The next line (n bytes, no newline, no NUL needed). ERR_MALFORMED says what is wrong: no such
 * line, or one that does not follow from the one before. A line 1 begins another transfer. */
int custody_next(struct custody_chain *chain, const char *line, size_t n,
                 struct err *err) DS_MUST_CHECK;

#endif

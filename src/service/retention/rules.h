/* rules: what [retention] says, see retention.h, and which of many should go by them. Pure. */
#ifndef RETENTION_RULES_H
#define RETENTION_RULES_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_MAX       32
#define RULES_TEXT_ROOM 96

struct rule {
    char kind[8], camera[8], imei[16], copy[16]; /* "": any */
    bool forever;
    int64_t age_us, bytes, camera_bytes; /* 0: no limit */
    char text[RULES_TEXT_ROOM];          /* as it was written */
};

struct rules {
    struct rule rule[RULES_MAX];
    int n;
};

enum rules_for { RULES_FOR_MASTERS, RULES_FOR_COPIES, RULES_FOR_JOBS };

/* ERR_CONFIG names the word that is none. A kind of copy is for copies only; a size is not for
 * jobs. An empty text has no rules. */
int rules_parse(const char *text, enum rules_for what, struct rules *out,
                struct err *err) DS_MUST_CHECK;

/* The first rule that fits, or -1. copy: its kind, "" for what is none. */
int rules_find(const struct rules *rules, const char *kind, const char *camera, const char *imei,
               const char *copy);

/* ---- what rules are for ---- */

#define CANDIDATES_MAX ((size_t)1 << 24) /* a gigabyte of them; more than a disk has files */

struct candidate {
    int64_t key, at_us, bytes;
    char *path; /* of a copy, its own; NULL: a master */
    int rule;   /* that is for it */
    uint32_t pool;
    char imei[16], camera[8];
};

/* All that rules are for, from the oldest on: {0} to begin with.
 *
 *     add … ─► begin ─► next, gone if it went, next … ─► clear */
struct candidates {
    struct candidate *all;
    size_t n, room, at;
    const struct rules *rules;
    int64_t now_us;
    int64_t totals[RULES_MAX]; /* bytes of what is there, by rule */
    int64_t *pools;            /* … and by rule and camera of a tracker */
};

/* Takes c->path, also on failure. */
int candidates_add(struct candidates *list, const struct candidate *c,
                   struct err *err) DS_MUST_CHECK;
void candidates_sort(struct candidates *list);

/* Sorts them, and adds up what there is. */
int candidates_begin(struct candidates *list, const struct rules *rules, int64_t now_us,
                     struct err *err) DS_MUST_CHECK;

/* The next that should go by its age, or by the sizes as they are now; NULL: that was all. */
#define CANDIDATES_WHY_ROOM (RULES_TEXT_ROOM + 32)
const struct candidate *candidates_next(struct candidates *list, char why[CANDIDATES_WHY_ROOM]);
/* It went: it counts for no size any more. */
void candidates_gone(struct candidates *list, const struct candidate *c);
void candidates_clear(struct candidates *list);

/* ---- sweep.c ---- */

/* Deletes the originals and unfinished packages that processes left which were killed. */
void sweep_left(const char *root);

#endif

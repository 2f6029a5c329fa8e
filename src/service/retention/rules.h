/* rules: what [retention] says, see retention.h. Pure. */
#ifndef RETENTION_RULES_H
#define RETENTION_RULES_H

#include "dashspool/err.h"
#include <stdbool.h>
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

#endif

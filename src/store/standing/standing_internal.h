/* standing, inside: one rule, and what it makes of a record. */
#ifndef DASHSPOOL_STANDING_INTERNAL_H
#define DASHSPOOL_STANDING_INTERNAL_H

#include "dashspool/standing.h"

#define STANDING_TERMS_MAX 32
#define STANDING_NAME_ROOM 64

/* One of `on`: a name of an event, or an id with its value. */
struct term {
    const char *word; /* of the table in standing.c, "panic", or NULL */
    uint16_t id;      /* without a word */
    uint64_t value;
};

struct rule {
    const char *name;
    struct term term[STANDING_TERMS_MAX];
    size_t n;
    int before_s, after_s;
    const char *cameras;
    int per_day;
    const char *imeis; /* "": any */
    int codec;
    const char *reason;
};

struct standing {
    struct rule rule[STANDING_MAX];
    size_t n;
    const char *families; /* of standing_set_families() */
};

/* The trigger by which cameras themselves record this event, as 499 has it; 0: none. */
int standing_trigger(const struct standing *rules, const char *imei,
                     const struct avl_record *record);

#endif

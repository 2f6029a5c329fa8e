/*
 * report_facts_internal: what a story (report_facts.h) keeps of each transfer.
 * report_facts_copies.c fills in copies and the picture, report_facts_damage.c what is wrong with
 * it; report_facts_page.c tells it to a report.
 */
#ifndef EXPORT_REPORT_FACTS_INTERNAL_H
#define EXPORT_REPORT_FACTS_INTERNAL_H

#include "dashspool/bag.h"
#include "dashspool/report.h"
#include "report_facts.h"
#include <jansson.h>

enum { COPIES_MAX = 32, CLOCKS_MAX = 8 };

/* What is told of a copy; its settings, which are long, are not kept. */
struct kept {
    char kind[16], path[512], sha256[HASH_HEX_ROOM], tool[64];
    int64_t length_bytes;
    char name[BAG_NAME_ROOM]; /* in the package */
    char how[300];
};

/* Where in the story's file a picture is. */
struct report_facts_picture {
    FILE *in;
    int64_t at, n_bytes; /* 0: there is none */
};

/* All that a clip's facts borrow. */
struct told {
    struct catalogue_transfer t;
    char master[256];
    struct kept *copy[COPIES_MAX];
    struct report_derived derived[COPIES_MAX];
    int n_copies;
    json_t *settings; /* of the copy that says most; NULL: there is none */
    struct report_clock clock[CLOCKS_MAX];
    char clock_value[CLOCKS_MAX][40];
    size_t n_clocks;
    struct report_arrival arrival;
    char damage[400];
    struct report_stretch *stretch;
    size_t n_stretches;
    bool has_sound;
    struct report_facts_picture picture;
    const char *picture_what;
};

struct report_facts {
    struct told **told;
    size_t n, room;
    FILE *pictures; /* one behind the other */
    int64_t pictures_bytes;
};

/* For catalogue_copy_each(): `arg` is a struct told. */
int report_facts_add_copy(void *arg, const struct catalogue_copy *copy,
                          struct err *err) DS_MUST_CHECK;

/* Keeps its poster, or its still. */
int report_facts_take_picture(struct report_facts *s, struct told *t, const char *root,
                              struct err *err) DS_MUST_CHECK;
/* For struct report_picture: `from` is a struct report_facts_picture. */
int report_facts_load_picture(void *from, struct buf *out, struct err *err) DS_MUST_CHECK;

/* Where it is, by the copy "timing". What is known to be wrong and has no place is told of all. */
int report_facts_find_damage(struct told *t, const char *root, struct err *err) DS_MUST_CHECK;

/* Who said what of its times. */
void report_facts_add_clocks(struct told *t);

#endif

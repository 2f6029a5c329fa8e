/*
 * pages: a ROOT that a test fills, and `serve` with its pages, which have the zone Europe/Berlin.
 * Everything fails the running test on error.
 */
#ifndef TESTS_PAGES_H
#define TESTS_PAGES_H

#include "dashspool/catalogue.h"
#include "support/proc.h"
#include "support/support.h"

#define PAGES_NOON INT64_C(1732878000000000) /* 2024-11-29T11:00:00Z, 12:00 in Berlin */

struct pages {
    char *dir;
    char root[512], last[CATALOGUE_ID_ROOM]; /* last: the id of what was added last */
    struct proc server;
    bool running;
    int port;
};

/* For cmocka: *state is a struct pages. */
int pages_set_up(void **state);
int pages_tear_down(void **state); /* and that the server ends well */

struct pages_file {
    const char *imei, *camera, *trigger;
    int64_t at_us;    /* 0: nobody knows */
    const char *kind; /* NULL: video */
    int tz_min;       /* 0: it tells none */
    enum catalogue_state state;
    bool bare; /* it has no copies */
};
void pages_add(struct pages *w, const struct pages_file *f);
void pages_name(struct pages *w, const char *imei, const char *name, const char *plate);

/* program: DASHSPOOL_BINARY. */
void pages_start(struct pages *w, const char *program);
void pages_stop(struct pages *w);

/* The body of an answer with status 200, in a static buffer that the next one takes. */
const char *pages_get(const struct pages *w, const char *path);

int pages_count(const char *text, const char *words);
void pages_lack(const char *text, const char *words);

#endif

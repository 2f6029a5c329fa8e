/* files: those that were looked at, by path, and those of them that something is to be done
 * about, in the order in which they came. */
#ifndef DASHSPOOL_WATCH_FILES_H
#define DASHSPOOL_WATCH_FILES_H

#include "dashspool/catalogue.h"

enum entry_state {
    ENTRY_WAITING, /* until it is quiet, or to be tried again */
    ENTRY_SETTLED, /* taken, or never to be taken as it is */
    ENTRY_TROUBLE, /* a folder that cannot be read, or is left alone; said */
};

/* What changes when a file, or what lies beside it, does. */
struct entry_look {
    struct catalogue_stat stat;
    int64_t ctime_ns; /* who may read it */
    uint64_t beside;
};

struct entry {
    struct entry *next;            /* in its bucket */
    struct entry *before, *behind; /* of the waiting */
    bool listed;
    enum entry_state state;
    struct entry_look look;
    int64_t since_us, due_us; /* monotonic: as it is; when to look again */
    bool cut;                 /* it does not end well: patience */
    bool pending;             /* to be moved or removed, as `id` */
    uint64_t scan;            /* the last that met it */
    char id[CATALOGUE_ID_ROOM];
    char said[128]; /* the last complaint: not said twice */
    char path[];
};

#define FILES_BUCKETS 65536

struct files {
    struct entry *bucket[FILES_BUCKETS];
    struct entry *first, *last; /* waiting */
    size_t n;
};

struct entry *files_find(const struct files *t, const char *path);
struct entry *files_add(struct files *t, const char *path); /* NULL: no memory */

/* In the list while it waits. */
void files_set_state(struct files *t, struct entry *e, enum entry_state state);

/* Those that scan number `scan` did not meet are gone. */
void files_sweep(struct files *t, uint64_t scan);
void files_clear(struct files *t);

#endif

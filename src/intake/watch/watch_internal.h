/* watch, inside. */
#ifndef DASHSPOOL_WATCH_INTERNAL_H
#define DASHSPOOL_WATCH_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/import.h"
#include "dashspool/stages.h"
#include "dashspool/stop.h"
#include "dashspool/table.h"

/* files: those that were looked at, by path, and those of them that something is to be done
 * about, in the order in which they came. */

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
    struct table_link link;        /* by its path */
    struct entry *next;            /* of all */
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

struct files {
    struct table by_path;
    struct entry *all;
    struct entry *first, *last; /* waiting */
    size_t n;
};

int files_init(struct files *t, struct err *err) DS_MUST_CHECK;

struct entry *files_find(const struct files *t, const char *path);
struct entry *files_add(struct files *t, const char *path); /* NULL: no memory */

/* In the list while it waits. */
void files_set_state(struct files *t, struct entry *e, enum entry_state state);

/* Those that scan number `scan` did not meet are gone. */
void files_sweep(struct files *t, uint64_t scan);
void files_clear(struct files *t); /* also one that is {0} */

/* inotify: what the kernel says of folders (inotify(7)). All of it may be missing or wrong. */

struct hints {
    int fd;      /* -1: there are none */
    char **path; /* by watch descriptor */
    size_t n;
    bool full; /* the kernel gives no more watches; said */
};

void hints_open(struct hints *h); /* what fails is logged */
void hints_close(struct hints *h);

/* From now on also of this folder; again after it was renamed. */
void hints_add(struct hints *h, const char *dir);

/* A file or (is_dir) a folder may be new or written. */
typedef void hint_fn(void *arg, const char *path, bool is_dir);

/* Hands out what is there, without waiting. True: some were lost, everything must be scanned. */
bool hints_read(struct hints *h, hint_fn *fn, void *arg);

/* ---- the watch ---- */

enum { TOPS_MAX = 64 };

enum after { AFTER_KEEP, AFTER_MOVE, AFTER_REMOVE };

struct top {
    char *path; /* canonical */
    char *done; /* where files go that are taken; NULL: nowhere */
};

struct watch {
    const char *wrong; /* the setting, if it is not `dirs` */
    char *root;        /* canonical */
    struct top top[TOPS_MAX];
    int n_tops;
    int64_t scan_us, quiet_us, patience_us;
    enum after after;
    struct import *import;
    struct hints hints;
    struct files files;
    uint64_t scan; /* number of the last whole one */
    int64_t next_scan_us;
    bool some_pending;
    int64_t retry_us, pause_us; /* the store fails: not before; how long */
    struct stop stop;
    const char *replaced; /* a folder that is another one now; NULL: none */
};

/* watch.c: shuts this process in, for good (sandbox.h); its store is open, and feeds these n
 * stages.
 */
int watch_guard(const struct watch *w, const char *const *feeds, size_t n,
                struct err *err) DS_MUST_CHECK;

/* files.c: the watched folder that a path lies in, the innermost; NULL: none. */
const struct top *top_of(const struct watch *w, const char *path);
/* files.c: a complaint about e, unless it was the last one. */
void log_skip_once(struct entry *e, const char *why);

/* look.c: meets files and folders, and sees whether they have changed. */
void look_at_all(struct watch *w);                           /* a whole scan */
void look_at_hint(void *arg, const char *path, bool is_dir); /* hint_fn */
/* Looks again; true: nothing has changed. */
bool look_again(struct watch *w, struct entry *e, int64_t now_us);

/* disposal.c: what becomes of files that were taken. */
void after_all(struct watch *w);

#endif

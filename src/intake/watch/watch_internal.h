/* watch, inside. */
#ifndef DASHSPOOL_WATCH_INTERNAL_H
#define DASHSPOOL_WATCH_INTERNAL_H

#include "dashspool/import.h"
#include "dashspool/stages.h"
#include "files.h"
#include "inotify.h"

enum { TOPS_MAX = 64 };

enum after { AFTER_KEEP, AFTER_MOVE, AFTER_REMOVE };

struct top {
    char *path; /* canonical */
    char *done; /* where files go that are taken; NULL: nowhere */
};

struct watch {
    char *root; /* canonical */
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
    int signal_fd;
    bool stop;
    const char *replaced; /* a folder that is another one now; NULL: none */
};

/* sandbox.c: shuts this process in, for good (sandbox.h); its store is open, and feeds these n
 * stages.
 */
int watch_guard(const struct watch *w, const char *const *feeds, size_t n,
                struct err *err) DS_MUST_CHECK;
bool watch_is_shut_out(const char *dir);

/* look.c: meets files and folders, and sees whether they have changed. */
void look_at_all(struct watch *w);                           /* a whole scan */
void look_at_hint(void *arg, const char *path, bool is_dir); /* hint_fn */
/* Looks again; true: nothing has changed. */
bool look_again(struct watch *w, struct entry *e, int64_t now_us);

/* disposal.c: what becomes of files that were taken. */
void after_all(struct watch *w);
const struct top *top_of(const struct watch *w, const char *path);

/* A complaint about e, unless it was the last one. */
void log_skip_once(struct entry *e, const char *why);

#endif

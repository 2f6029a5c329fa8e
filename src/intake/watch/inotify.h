/* inotify: what the kernel says of folders (inotify(7)). All of it may be missing or wrong. */
#ifndef DASHSPOOL_WATCH_INOTIFY_H
#define DASHSPOOL_WATCH_INOTIFY_H

#include <stdbool.h>
#include <stddef.h>

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

#endif

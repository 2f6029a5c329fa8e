/*
 * workdir: a directory to make something in, that goes when its owner does.
 *
 * It has a fresh name, PARENT/PREFIXxxxxxx, and is locked (flock(2) on the directory). What an
 * owner that was killed left behind is removed by the next one with the same parent, prefix and
 * user; but
 * a thread that opens many looks for such only once a minute. Who knows that there may be one
 * sweeps at once.
 */
#ifndef DASHSPOOL_WORKDIR_H
#define DASHSPOOL_WORKDIR_H

#include "dashspool/err.h"

struct workdir {
    char *path; /* NULL: none */
    int lock_fd;
};
#define WORKDIR_NONE ((struct workdir){.lock_fd = -1})

/* Mode 0700. prefix has no '/'. On failure *out is WORKDIR_NONE. */
int workdir_open(struct workdir *out, const char *parent, const char *prefix,
                 struct err *err) DS_MUST_CHECK;

/* Removes it with all that is in it; fine if it is no longer there (it got a name). What could not
 * be removed the next owner removes. */
void workdir_close(struct workdir *w);

/* Removes what dead owners left. Tells nothing: the next one tries again. */
void workdir_sweep(const char *parent, const char *prefix);

#endif

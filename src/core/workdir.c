#define _GNU_SOURCE /* mkdtemp */
#include "dashspool/workdir.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_EVERY_US (WORKDIR_YOUNG_S * INT64_C(1000000)) /* none is old enough before */

enum { PREFIX_ROOM = 256, LETTERS = 6 };

static void remove_if_left(const char *parent, const char *name, int young_s)
{
    char *path = NULL;
    struct err unused;
    struct stat st;
    if (fsx_path(&path, &unused, "%s/%s", parent, name) < 0)
        return;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool left = fd >= 0 && fstat(fd, &st) == 0 && time(NULL) - st.st_ctime > young_s &&
                flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (left && fsx_remove_tree(path, &unused) < 0)
        left = false; /* the next owner tries again */
    if (fd >= 0)
        close(fd);
    free(path);
}

void workdir_sweep(const char *parent, const char *prefix, int young_s)
{
    size_t n = strlen(prefix);
    DIR *d = opendir(parent);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, prefix, n) == 0 && strlen(e->d_name) == n + LETTERS)
            remove_if_left(parent, e->d_name, young_s);
    closedir(d);
}

/* Reading a directory of all copies for each new one would take the square of their number. */
static bool swept_lately(const char *parent, const char *prefix)
{
    static _Thread_local struct {
        dev_t dev;
        ino_t ino;
        int64_t mono_us;
        char prefix[PREFIX_ROOM];
    } last;
    struct stat st;
    int64_t now_us = clock_mono_us();
    if (stat(parent, &st) < 0)
        return true;
    if (last.mono_us > 0 && st.st_dev == last.dev && st.st_ino == last.ino &&
        now_us - last.mono_us < SWEEP_EVERY_US && strcmp(prefix, last.prefix) == 0)
        return true;
    last.dev = st.st_dev;
    last.ino = st.st_ino;
    last.mono_us = now_us;
    snprintf(last.prefix, sizeof last.prefix, "%s", prefix);
    return false;
}

int workdir_open(struct workdir *out, const char *parent, const char *prefix, struct err *err)
{
    *out = WORKDIR_NONE;
    if (!swept_lately(parent, prefix))
        workdir_sweep(parent, prefix, WORKDIR_YOUNG_S);
    int rc = fsx_path(&out->path, err, "%s/%sXXXXXX", parent, prefix);
    if (rc < 0)
        return rc;
    if (!mkdtemp(out->path)) {
        rc = err_sys(err, "create a directory in %s", parent);
        free(out->path);
        out->path = NULL;
        return rc;
    }
    out->lock_fd = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->lock_fd < 0 || flock(out->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        rc = err_sys(err, "lock %s", out->path);
        workdir_close(out);
    }
    return rc;
}

void workdir_close(struct workdir *w)
{
    struct err unused;
    if (w->path && fsx_remove_tree(w->path, &unused) < 0)
        unused.code = 0; /* a later owner sweeps it */
    free(w->path);
    if (w->lock_fd >= 0)
        close(w->lock_fd);
    *w = WORKDIR_NONE;
}

#define _GNU_SOURCE /* mkdtemp */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWEEP_EVERY_US INT64_C(60000000)

enum { MARK_ROOM = 256, LETTERS = 6, TRIES = 10 /* each time a sweep was quicker */ };

/* What tells leftovers apart from anything else: the prefix, from its last point on. */
static const char *mark_of(const char *prefix)
{
    const char *dot = strrchr(prefix, '.');
    return dot ? dot : prefix;
}

static bool is_one(const char *name, const char *mark)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = strlen(mark), whole = strlen(name);
    return whole >= n + LETTERS && (mark[0] == '.' || whole == n + LETTERS) &&
           memcmp(name + whole - LETTERS - n, mark, n) == 0 &&
           strspn(name + whole - LETTERS, letters) == LETTERS;
}

/* One whose owner has died: its lock is free. */
static void remove_if_left(const char *parent, const char *name)
{
    char *path = NULL;
    struct err unused;
    if (fsx_path(&path, &unused, "%s/%s", parent, name) < 0)
        return;
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* another user's, in /tmp, could be a trap: it changes while we remove it */
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && fsx_remove_tree(path, &unused) < 0)
        unused.code = 0; /* the next sweep tries again */
    if (fd >= 0)
        close(fd);
    free(path);
}

void workdir_sweep(const char *parent, const char *prefix)
{
    struct fsx_dir d;
    struct err unused;
    const char *name = NULL;
    if (fsx_dir_open(&d, parent, &unused) < 0)
        return;
    while (fsx_dir_next(&d, &name, &unused) == ERR_OK && name)
        if (is_one(name, mark_of(prefix)))
            remove_if_left(parent, name);
    fsx_dir_close(&d);
}

int workdir_each_left(const char *parent, const char *prefix, workdir_left_fn *fn, void *arg,
                      struct err *err)
{
    struct fsx_dir d;
    const char *name = NULL;
    int rc = fsx_dir_open(&d, parent, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    while (rc == ERR_OK && (rc = fsx_dir_next(&d, &name, err)) == ERR_OK && name) {
        if (!is_one(name, mark_of(prefix)))
            continue;
        int fd = openat(dirfd(d.stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0)
            fn(arg, name);
        if (fd >= 0)
            close(fd);
    }
    fsx_dir_close(&d);
    return rc;
}

/* Reading a directory of all copies for each new one would take the square of their number. */
static bool swept_lately(const char *parent, const char *prefix)
{
    static _Thread_local struct {
        dev_t dev;
        ino_t ino;
        int64_t mono_us;
        char mark[MARK_ROOM];
    } last;
    struct stat st;
    int64_t now_us = clock_mono_us();
    if (stat(parent, &st) < 0)
        return true;
    if (last.mono_us > 0 && st.st_dev == last.dev && st.st_ino == last.ino &&
        now_us - last.mono_us < SWEEP_EVERY_US && strcmp(mark_of(prefix), last.mark) == 0)
        return true;
    last.dev = st.st_dev;
    last.ino = st.st_ino;
    last.mono_us = now_us;
    snprintf(last.mark, sizeof last.mark, "%s", mark_of(prefix));
    return false;
}

/* Between mkdtemp() and flock() a directory looks as if its owner had died: *mine says whether it
 * is still there, and ours. */
static int take(struct workdir *w, bool *mine, struct err *err)
{
    struct stat held, there;
    w->lock_fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->lock_fd < 0)
        return errno == ENOENT ? ERR_OK : err_sys(err, "open %s", w->path);
    if (flock(w->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? ERR_OK : err_sys(err, "lock %s", w->path);
    *mine = fstat(w->lock_fd, &held) == 0 && stat(w->path, &there) == 0 &&
            held.st_ino == there.st_ino && held.st_dev == there.st_dev;
    return ERR_OK;
}

static int make(struct workdir *out, const char *parent, const char *prefix, bool *mine,
                struct err *err)
{
    int rc = fsx_path(&out->path, err, "%s/%sXXXXXX", parent, prefix);
    if (rc < 0)
        return rc;
    if (!mkdtemp(out->path)) {
        rc = err_sys(err, "create a directory in %s", parent);
        free(out->path);
        out->path = NULL;
        return rc;
    }
    return take(out, mine, err);
}

int workdir_open(struct workdir *out, const char *parent, const char *prefix, struct err *err)
{
    bool mine = false;
    int rc = ERR_OK;
    *out = WORKDIR_NONE;
    if (!swept_lately(parent, prefix))
        workdir_sweep(parent, prefix);
    for (int i = 0; rc == ERR_OK && !mine && i < TRIES; i++) {
        workdir_close(out);
        rc = make(out, parent, prefix, &mine, err);
    }
    if (rc == ERR_OK && !mine)
        rc = err_set(err, ERR_AGAIN, "%s: directories in it vanish as soon as they are made",
                     parent);
    if (rc < 0)
        workdir_close(out);
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

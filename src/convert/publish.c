#define _GNU_SOURCE /* renameat2, mkdtemp */
#include "dashspool/clock.h"
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE_PREFIX   ".dashspool-"
#define STAGE_TRIES    10 /* each time a sweep was quicker */

#define SWEEP_EVERY_US INT64_C(60000000)

/* A stage whose owner has died: its lock is free. */
static void remove_if_left(const char *out_dir, const char *name)
{
    char *path = NULL;
    struct err unused;
    if (fsx_path(&path, &unused, "%s/%s", out_dir, name) < 0)
        return;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fsx_remove_tree(path, &unused) < 0)
        unused.code = 0; /* the next sweep tries again */
    if (fd >= 0)
        close(fd);
    free(path);
}

/* Reading a directory of all copies for each new one would take the square of their number. */
static bool swept_lately(int dir_fd)
{
    static _Thread_local struct {
        dev_t dev;
        ino_t ino;
        int64_t mono_us;
    } last;
    struct stat st;
    int64_t now_us = clock_mono_us();
    if (fstat(dir_fd, &st) < 0)
        return false;
    if (last.mono_us > 0 && st.st_dev == last.dev && st.st_ino == last.ino &&
        now_us - last.mono_us < SWEEP_EVERY_US)
        return true;
    last.dev = st.st_dev;
    last.ino = st.st_ino;
    last.mono_us = now_us;
    return false;
}

static void sweep(const char *out_dir, bool again)
{
    DIR *d = opendir(out_dir);
    if (!d || (swept_lately(dirfd(d)) && !again)) {
        if (d)
            closedir(d);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, STAGE_PREFIX, sizeof STAGE_PREFIX - 1) == 0)
            remove_if_left(out_dir, e->d_name);
    closedir(d);
}

void convert_stage_sweep(const char *out_dir)
{
    sweep(out_dir, true);
}

/* Between mkdtemp() and flock() a stage looks as if its owner had died: *mine says whether it is
 * still there, and ours. */
static int take(struct convert_stage *s, bool *mine, struct err *err)
{
    struct stat held, there;
    *mine = false;
    s->lock_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock_fd < 0)
        return errno == ENOENT ? ERR_OK : err_sys(err, "open %s", s->dir);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? ERR_OK : err_sys(err, "lock %s", s->dir);
    *mine = fstat(s->lock_fd, &held) == 0 && stat(s->dir, &there) == 0 &&
            held.st_ino == there.st_ino && held.st_dev == there.st_dev;
    return ERR_OK;
}

static int make_stage(struct convert_stage *out, const char *out_dir, bool *mine, struct err *err)
{
    *mine = false;
    int rc = fsx_path(&out->dir, err, "%s/" STAGE_PREFIX "XXXXXX", out_dir);
    if (rc < 0)
        return rc;
    if (!mkdtemp(out->dir)) {
        rc = err_sys(err, "create a directory in %s", out_dir);
        free(out->dir);
        out->dir = NULL;
        return rc;
    }
    return take(out, mine, err);
}

int convert_stage_open(struct convert_stage *out, const char *out_dir, struct err *err)
{
    bool mine = false;
    int rc = ERR_OK;
    sweep(out_dir, false);
    *out = (struct convert_stage){.lock_fd = -1};
    for (int i = 0; rc == ERR_OK && !mine && i < STAGE_TRIES; i++) {
        convert_stage_close(out);
        rc = make_stage(out, out_dir, &mine, err);
    }
    if (rc == ERR_OK && !mine)
        rc = err_set(err, ERR_AGAIN, "%s: directories in it vanish as soon as they are made",
                     out_dir);
    if (rc < 0)
        convert_stage_close(out);
    return rc;
}

void convert_stage_close(struct convert_stage *stage)
{
    struct err unused;
    if (stage->dir && fsx_remove_tree(stage->dir, &unused) < 0)
        unused.code = 0; /* a later conversion sweeps it */
    free(stage->dir);
    if (stage->lock_fd >= 0)
        close(stage->lock_fd);
    *stage = (struct convert_stage){.lock_fd = -1};
}

/* Whoever wrote the stage is not trusted: only a plain file with one name counts. */
static int describe(const char *path, struct convert_output *o, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct stat st;
    int rc = ERR_OK, fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    if (fstat(fd, &st) < 0)
        rc = err_sys(err, "%s", path);
    else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size == 0)
        rc = err_set(err, ERR_IO, "%s is not the file that was to be made", path);
    else if (fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", path);
    close(fd);
    if (rc == ERR_OK)
        rc = hash_file(path, digest, err);
    if (rc < 0)
        return rc;
    o->length_bytes = st.st_size;
    hash_hex(digest, o->sha256);
    return ERR_OK;
}

static int give_name(const char *from, const char *to, bool overwrite, struct err *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, overwrite ? 0 : RENAME_NOREPLACE) == 0)
        return ERR_OK;
    if (errno == EEXIST)
        return err_set(err, ERR_BUSY, "%s is there already", to);
    /* a file system without RENAME_NOREPLACE: plan.c has looked whether the name is free */
    if ((errno == EINVAL || errno == ENOSYS) && rename(from, to) == 0)
        return ERR_OK;
    return err_sys(err, "rename to %s", to);
}

int convert_publish(const struct convert_stage *stage, const char *out_dir, bool overwrite,
                    struct convert_result *result, struct err *err)
{
    char *from[CONVERT_OUTPUTS_MAX] = {NULL};
    int rc = ERR_OK, visible = 0;
    for (int i = 0; rc == ERR_OK && i < result->n_outputs; i++) {
        struct convert_output *o = &result->output[i];
        rc = fsx_path(&from[i], err, "%s%s", stage->dir, strrchr(o->path, '/'));
        if (rc == ERR_OK)
            rc = describe(from[i], o, err);
    }
    for (; rc == ERR_OK && visible < result->n_outputs; visible += rc == ERR_OK)
        rc = give_name(from[visible], result->output[visible].path, overwrite, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(out_dir, err);
    for (int i = 0; rc < 0 && i < visible; i++)
        unlink(result->output[i].path);
    for (int i = 0; i < result->n_outputs; i++)
        free(from[i]);
    return rc;
}

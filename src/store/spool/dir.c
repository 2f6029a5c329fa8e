#define _GNU_SOURCE /* flock */
/* Places of a stage and of its jobs, and the moves between them. */
#include "dir.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int spool_path(const struct dir *spool, enum spool_state state, const char *name, char **out,
               struct err *err)
{
    return fsx_path(out, err, "%s/%s", spool->state[state], name);
}

int spool_is_in(const struct dir *spool, enum spool_state state, const char *job, bool *there,
                struct err *err)
{
    char *path = NULL;
    struct stat st;
    int rc = spool_path(spool, state, job, &path, err);
    bool found = rc == ERR_OK && lstat(path, &st) == 0;
    *there = found && S_ISDIR(st.st_mode); /* nobody works anything else */
    if (rc == ERR_OK && !found && errno != ENOENT)
        rc = err_sys(err, "look for %s", path);
    free(path);
    return rc;
}

int spool_make_places(const struct dir *spool, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < SPOOL_STATES; i++)
        rc = fsx_mkdirs(spool->state[i], err);
    return rc;
}

int spool_stage_lock(const struct dir *spool, int operation, int *fd, struct err *err)
{
    *fd = open(spool->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return err_sys(err, "open %s", spool->dir);
    while (flock(*fd, operation) < 0) {
        if (errno == EINTR)
            continue;
        int rc = err_sys(err, "lock %s", spool->dir);
        close(*fd);
        *fd = -1;
        return rc;
    }
    return ERR_OK;
}

int spool_move(const struct dir *spool, const char *name, enum spool_state from,
               enum spool_state to, bool durable, struct err *err)
{
    char *source = NULL, *target = NULL;
    int stage = -1;
    int rc = spool_path(spool, from, name, &source, err);
    if (rc < 0 || (rc = spool_path(spool, to, name, &target, err)) < 0 ||
        (rc = spool_stage_lock(spool, LOCK_SH, &stage, err)) < 0)
        goto out;
    if (rename(source, target) < 0)
        rc = err_sys(err, "rename %s to %s", source, target);
    close(stage);
    if (rc == ERR_OK && durable && (rc = fsx_sync_dir(spool->state[to], err)) == ERR_OK)
        rc = fsx_sync_dir(spool->state[from], err);
out:
    free(source);
    free(target);
    return rc;
}

int spool_make_tmp(const struct dir *spool, const char *name, char **out, struct err *err)
{
    int rc = fsx_path(out, err, "%s/%s.XXXXXX", spool->state[SPOOL_TMP], name);
    if (rc < 0)
        return rc;
    if (mkdtemp(*out) && chmod(*out, 0750) == 0)
        return ERR_OK;
    rc = err_sys(err, "create %s", *out);
    free(*out);
    *out = NULL;
    return rc;
}

void spool_discard(const char *path)
{
    struct err unimportant;
    int rc = fsx_remove_tree(path, &unimportant);
    (void)rc;
}

int spool_bury(const struct dir *spool, const char *name, const char *dir, struct err *err)
{
    char *grave = NULL;
    int rc = spool_make_tmp(spool, name, &grave, err);
    if (rc == ERR_OK)
        rc = fsx_rename(dir, grave, err); /* over the empty directory */
    if (rc == ERR_OK)
        spool_discard(grave);
    else if (grave)
        rmdir(grave);
    free(grave);
    return rc;
}

int spool_by_age(const void *a, const void *b)
{
    const struct spool_entry *x = a, *y = b;
    if (x->changed.tv_sec != y->changed.tv_sec)
        return x->changed.tv_sec < y->changed.tv_sec ? -1 : 1;
    if (x->changed.tv_nsec != y->changed.tv_nsec)
        return x->changed.tv_nsec < y->changed.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

int spool_list(const struct dir *spool, enum spool_state state, struct buf *entries,
               struct err *err)
{
    struct fsx_dir dir;
    const char *name = NULL;
    buf_consume(entries, entries->used);
    int rc = fsx_dir_open(&dir, spool->state[state], err);
    while (rc == ERR_OK && (rc = fsx_dir_next(&dir, &name, err)) == ERR_OK && name) {
        struct stat st;
        struct spool_entry entry = {.name = ""};
        size_t room = state == SPOOL_TMP ? sizeof entry.name : SPOOL_NAME_ROOM;
        if (!spool_name_ok(name, room) ||
            fstatat(dirfd(dir.stream), name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
            continue; /* not ours, or gone since */
        entry.changed = st.st_ctim;
        memcpy(entry.name, name, strlen(name) + 1);
        rc = buf_append(entries, &entry, sizeof entry, err);
    }
    fsx_dir_close(&dir);
    if (rc == ERR_OK && entries->used > 0)
        qsort(entries->mem + entries->start, spool_list_count(entries), sizeof(struct spool_entry),
              spool_by_age);
    return rc;
}

/* A job that cannot be touched: it goes out of the others' way, with the reason. */
#define _GNU_SOURCE /* AT_EACCESS */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASIDE_MAX = 1000 }; /* more are no odd jobs any more */

/* One that stays where it is. */
struct aside {
    struct spool_entry entry;
    int64_t until_us; /* monotonic */
};

static struct aside *find(const struct dir *spool, const char *name)
{
    struct aside *a = (struct aside *)(void *)(spool->aside.mem + spool->aside.start);
    for (size_t i = 0; i < spool->aside.used / sizeof *a; i++)
        if (strcmp(a[i].entry.name, name) == 0)
            return &a[i];
    return NULL;
}

bool spool_is_aside(const struct dir *spool, const struct spool_entry *entry)
{
    const struct aside *a = find(spool, entry->name);
    return a && spool_by_age(&a->entry, entry) == 0 && clock_mono_us() < a->until_us;
}

/* Of the stage's directories all can be used, and neither the disk nor the system is at its end: it
 * must be the job. */
static bool is_of_job(const struct dir *spool, const struct err *err)
{
    bool may_be = err_is_of_one_file(err);
    for (int s = 0; s < SPOOL_STATES; s++)
        may_be =
            may_be && faccessat(AT_FDCWD, spool->state[s], R_OK | W_OK | X_OK, AT_EACCESS) == 0;
    return may_be;
}

/* Pieces of a disk that cannot be read, a damaged directory, what is no file at all: of one job, if
 * the disk goes on otherwise. */
static bool is_damage(const struct dir *spool, const struct err *err)
{
    static const int kinds[] = {EIO, ENXIO, EUCLEAN, EBADMSG, ESTALE};
    struct err unimportant;
    char *path = NULL;
    bool is = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        is = is || err->sys_errno == kinds[i];
    is = is && fsx_path(&path, &unimportant, "%s/.probe-%ld", spool->state[SPOOL_TMP],
                        (long)getpid()) == ERR_OK;
    if (is) {
        is = fsx_write_file(path, "x", 1, &unimportant) == ERR_OK;
        is = unlink(path) == 0 && is;
    }
    free(path);
    return is;
}

int spool_to_failed(const struct dir *spool, enum spool_state from, const char *name,
                    const char *reason, struct err *err)
{
    char *path = NULL, *text = NULL;
    int rc = fsx_path(&path, err, "%s/%s/reason.txt", spool->state[from], name);
    if (rc == ERR_OK && (rc = fsx_path(&text, err, "%s\n", reason)) == ERR_OK)
        rc = fsx_write_file(path, text, strlen(text), err);
    if (rc == ERR_OK)
        rc = spool_move(spool, name, from, SPOOL_FAILED, true, err);
    free(path);
    free(text);
    return rc;
}

/* It stays; *news: it was not so before. */
static int remember(struct dir *spool, enum spool_state state, const char *name, bool *news,
                    struct err *err)
{
    struct aside fresh = {.until_us = clock_mono_us() + SPOOL_ASIDE_MS * 1000};
    struct aside *a = find(spool, name);
    char *path = NULL;
    struct stat st;
    int rc = spool_path(spool, state, name, &path, err);
    if (rc < 0)
        return rc;
    bool there = lstat(path, &st) == 0;
    free(path);
    *news = false;
    if (!there)
        return ERR_OK; /* gone since */
    snprintf(fresh.entry.name, sizeof fresh.entry.name, "%s", name);
    fresh.entry.changed = st.st_ctim;
    *news = !a || spool_by_age(&a->entry, &fresh.entry) != 0;
    if (a)
        *a = fresh;
    else if (spool->aside.used / sizeof fresh < ASIDE_MAX)
        rc = buf_append(&spool->aside, &fresh, sizeof fresh, err);
    else
        rc = err_set(err, ERR_BUSY, "%s: more than %d jobs cannot be touched", spool->dir,
                     ASIDE_MAX);
    return rc;
}

int spool_set_aside(struct dir *spool, enum spool_state state, const char *name, bool ours,
                    struct err *err)
{
    struct err later;
    char reason[sizeof err->text];
    bool news = true;
    if (!is_of_job(spool, err))
        return err->code;
    memcpy(reason, err->text, sizeof reason);
    int rc = !ours || spool_to_failed(spool, state, name, reason, &later) < 0
                 ? remember(spool, state, name, &news, err)
                 : ERR_OK;
    if (rc == ERR_OK && news && spool->common.on_aside)
        spool->common.on_aside(spool->common.on_aside_arg, name, reason);
    return rc;
}

int spool_pass_over(struct dir *spool, enum spool_state state, const char *name, bool ours,
                    struct err *err)
{
    char reason[sizeof err->text];
    bool news;
    if (!is_damage(spool, err))
        return spool_set_aside(spool, state, name, ours, err);
    memcpy(reason, err->text, sizeof reason);
    int rc = remember(spool, state, name, &news, err);
    if (rc == ERR_OK && news && spool->common.on_aside)
        spool->common.on_aside(spool->common.on_aside_arg, name, reason);
    return rc;
}

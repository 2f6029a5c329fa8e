#include "dashspool/fsx.h"
#include "dashspool/root.h"
#include "dir.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REASON_ROOM = 600 };

int dir_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err)
{
    char *dir = NULL;
    struct fsx_names names = {NULL, 0};
    struct err no_stage;
    int rc = fsx_path(&dir, err, "%s/spool", root);
    if (rc == ERR_OK)
        rc = fsx_list(dir, &names, err);
    if (rc == ERR_NOTFOUND && err->sys_errno == ENOENT)
        rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        if (!root_is_mark(names.name[i]) &&
            spool_check_name("stage", names.name[i], &no_stage) == ERR_OK)
            rc = fn(arg, names.name[i], err);
    fsx_names_clear(&names);
    free(dir);
    return rc;
}

static enum spool_state state_of(enum spool_place place)
{
    return place == SPOOL_PLACE_READY     ? SPOOL_NEW
           : place == SPOOL_PLACE_CLAIMED ? SPOOL_CUR
                                          : SPOOL_FAILED;
}

/* Twice: a job that moves back while it is looked for could be missed once. */
int dir_find(struct spool *s, const char *job, enum spool_place *out, struct err *err)
{
    struct dir *spool = dir_of(s);
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < 6; i++) {
        bool there;
        enum spool_place place = (enum spool_place)(SPOOL_PLACE_READY + i % 3);
        rc = spool_is_in(spool, state_of(place), job, &there, err);
        if (rc == ERR_OK && there) {
            *out = place;
            break;
        }
    }
    return rc;
}

/* One line of what somebody wrote there; "" if it cannot be read. */
static void read_reason(const struct dir *spool, const char *job, char out[REASON_ROOM])
{
    char *path = NULL;
    struct err unimportant;
    out[0] = '\0';
    if (fsx_path(&path, &unimportant, "%s/%s/reason.txt", spool->state[SPOOL_FAILED], job) < 0)
        return;
    FILE *f = fopen(path, "re");
    if (f && !fgets(out, REASON_ROOM, f))
        out[0] = '\0';
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
    free(path);
}

int dir_each(struct spool *s, enum spool_place place, spool_found_fn *fn, void *arg,
             struct err *err)
{
    struct dir *spool = dir_of(s);
    struct buf entries;
    buf_init(&entries, SPOOL_LIST_BYTES_MAX);
    int rc = spool_list(spool, state_of(place), &entries, err);
    for (size_t i = 0; rc == ERR_OK && i < spool_list_count(&entries); i++) {
        struct spool_entry e;
        char reason[REASON_ROOM] = "";
        memcpy(&e, buf_data(&entries) + i * sizeof e, sizeof e);
        if (place == SPOOL_PLACE_FAILED)
            read_reason(spool, e.name, reason);
        const struct spool_found found = {e.name, spool_time_us(&e.changed), reason};
        rc = fn(arg, &found, err);
    }
    buf_clear(&entries);
    return rc;
}

/* Takes the lock of a job in `place`: nobody else moves it then. */
static int hold(const struct dir *spool, enum spool_place place, const char *job, int *lock,
                struct err *err)
{
    bool there = false;
    *lock = -1;
    int rc = spool_is_in(spool, state_of(place), job, &there, err);
    if (rc == ERR_OK && !there)
        return err_set(err, ERR_NOTFOUND, "no job %s %s", job,
                       place == SPOOL_PLACE_FAILED  ? "has failed"
                       : place == SPOOL_PLACE_READY ? "is ready"
                                                    : "is in progress");
    if (rc == ERR_OK)
        rc = spool_lock_job(spool, state_of(place), job, lock, err);
    if (rc == ERR_OK && *lock < 0)
        rc = err_set(err, ERR_BUSY, "job %s is in progress; wait until it ends", job);
    return rc;
}

/*
 * Crash points: without its files, but with the attempt of before, it is still failed and may be
 * retried again.
 */
int dir_retry(struct spool *s, const char *job, struct err *err)
{
    struct dir *spool = dir_of(s);
    int lock;
    int rc = hold(spool, SPOOL_PLACE_FAILED, job, &lock, err);
    if (rc == ERR_OK)
        rc = spool_requeue(spool, SPOOL_FAILED, job, &(struct spool_again){.attempt = 1}, err);
    if (lock >= 0)
        close(lock);
    return rc;
}

/* As spool_finish() does it: out of sight first, and durably. */
int dir_discard(struct spool *s, enum spool_place place, const char *job, struct err *err)
{
    struct dir *spool = dir_of(s);
    char *dir = NULL;
    int lock;
    int rc = hold(spool, place, job, &lock, err);
    if (rc == ERR_OK && (rc = spool_path(spool, state_of(place), job, &dir, err)) == ERR_OK)
        rc = spool_bury(spool, job, dir, err);
    if (lock >= 0)
        close(lock);
    free(dir);
    return rc;
}

int dir_reclaim(struct spool *s, const char *job, struct err *err)
{
    struct dir *spool = dir_of(s);
    int lock;
    int rc = hold(spool, SPOOL_PLACE_CLAIMED, job, &lock, err);
    if (rc == ERR_OK)
        rc = spool_give_back(spool, job, NULL, err);
    if (lock >= 0)
        close(lock);
    return rc;
}

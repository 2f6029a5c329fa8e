#define _GNU_SOURCE /* F_OFD_SETLK, O_NOFOLLOW */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/table.h"
#include "dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dir_job {
    struct spool_job common;
    int alone; /* descriptor; -1: none */
};

static struct dir_job *dir_job_of(struct spool_job *job)
{
    return (struct dir_job *)(void *)job;
}

static void end_job(struct spool_job *job)
{
    if (dir_job_of(job)->alone >= 0)
        close(dir_job_of(job)->alone);
}

static int read_json(struct spool_job *job, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/job.json", job->dir);
    if (rc == ERR_OK)
        rc = fsx_read_file(path, &job->json, err);
    free(path);
    return rc < 0 ? rc : spool_job_check(job, err);
}

/* The job directory is ours and in cur/; what is left is to read it. */
static int load(const struct dir *spool, const char *name, int lock, struct spool_job **out,
                struct err *err)
{
    struct spool_job *job = spool_job_new(sizeof(struct dir_job), name);
    int64_t due_us;
    if (!job) {
        close(lock);
        return err_nomem(err, "a job");
    }
    job->lock = lock;
    job->end = end_job;
    dir_job_of(job)->alone = -1;
    int rc = spool_path(spool, SPOOL_CUR, name, &job->dir, err);
    if (rc == ERR_OK)
        rc = spool_attempt_read(job->dir, &job->attempt, &due_us, err);
    if (rc < 0)
        spool_job_free(&job);
    *out = job;
    return rc;
}

/*
 * Tries to claim one job; *out stays NULL if somebody else has it, or it was set aside.
 *
 * Crash points:
 *   lock made or held in new/    the lock goes with the process; the job is still ready
 *   renamed to cur/              its lock is free: sweep gives it back. The lock was held before
 * the rename, so nobody ever sees a live claim with a free lock. The rename is not fsynced: after a
 * power cut the job is in new/ or in cur/ with a free lock, and either is right.
 */
static int claim_one(struct dir *spool, const char *name, struct spool_job **out, struct err *err)
{
    int lock;
    int rc = spool_lock_job(spool, SPOOL_NEW, name, &lock, err);
    if (rc < 0)
        return spool_pass_over(spool, SPOOL_NEW, name, true, err);
    if (lock < 0)
        return rc;
    rc = spool_move(spool, name, SPOOL_NEW, SPOOL_CUR, false, err);
    if (rc < 0) { /* BUSY: one of this name in cur/ by other hands: later */
        rc = rc == ERR_BUSY ? ERR_OK : spool_pass_over(spool, SPOOL_NEW, name, false, err);
        close(lock);
        return rc;
    }
    struct spool_job *job = NULL;
    if ((rc = load(spool, name, lock, &job, err)) == ERR_OK &&
        (rc = read_json(job, err)) == ERR_OK) {
        *out = job;
        return ERR_OK;
    }
    /* Nobody can ever do this one, and left here it would be the oldest for ever. */
    if (job && !err_is_temporary(rc)) {
        char reason[sizeof err->text];
        memcpy(reason, err->text, sizeof reason);
        rc = dir_fail(&spool->common, job, reason, err);
        spool_job_free(&job);
        return rc;
    }
    rc = spool_pass_over(spool, SPOOL_CUR, name, job != NULL, err);
    spool_job_free(&job);
    return rc;
}

int dir_claim(struct spool *s, struct spool_job **out, struct err *err)
{
    struct dir *spool = dir_of(s);
    bool fresh = false;
    for (;;) {
        int64_t now_us = clock_utc_us();
        bool stale = spool_ready_count(&spool->ready) <= SPOOL_LOOK_JOBS ||
                     clock_mono_us() - spool->looked_us > SPOOL_LOOK_MS * 1000;
        while ((fresh || !stale) && spool->next < spool_ready_count(&spool->ready)) {
            struct spool_ready r = *spool_ready_at(&spool->ready, spool->next++);
            if (r.due_us > now_us)
                continue;
            int rc =
                spool_is_aside(spool, &r.entry) ? ERR_OK : claim_one(spool, r.entry.name, out, err);
            if (*out)
                spool_took_turn(spool, &r);
            if (rc < 0 || *out)
                return rc;
        }
        if (fresh)
            return ERR_OK;
        int rc = spool_look(spool, err);
        if (rc < 0)
            return rc;
        fresh = true;
    }
}

/*
 * Crash points: before the rename sweep gives the job back, which is done again; after it the job
 * is garbage in tmp/ that sweep deletes by age. It is never removed where it could come back
 * half-deleted, and the rename is on disk before the first file goes.
 */
int dir_finish(struct spool *s, struct spool_job *job, struct err *err)
{
    struct dir *spool = dir_of(s);
    int rc = spool_bury(spool, job->name, job->dir, err);
    return rc < 0 ? spool_set_aside(spool, SPOOL_CUR, job->name, true, err) : rc;
}

/* Killed before the end, it is done again: what is put is there, then. */
int dir_hand_on(struct spool *s, struct spool_job *job, struct spool *const *next, size_t n,
                const struct spool_item *item, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = dir_put_all(next[i], item, 1, err);
    return rc < 0 ? rc : dir_finish(s, job, err);
}

/* A byte of a file for each key; closing it gives it back, as the end of this process does. */
int dir_alone(struct spool *s, struct spool_job *job, const char *key, bool here, bool *got,
              struct err *err)
{
    struct dir_job *own = dir_job_of(job);
    char *path = NULL;
    (void)here; /* there is no other */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    lock.l_start = (off_t)(fnv_add(FNV_BEGIN, key, strlen(key)) >> 8);
    int rc = fsx_path(&path, err, "%s/alone.lock", dir_of(s)->dir);
    int fd = rc < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (rc == ERR_OK && fd < 0)
        rc = err_sys(err, "open %s", path);
    *got = rc == ERR_OK && fcntl(fd, F_OFD_SETLK, &lock) == 0;
    if (rc == ERR_OK && !*got && errno != EAGAIN && errno != EACCES)
        rc = err_sys(err, "lock %s", path);
    free(path);
    if (!*got) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    end_job(job);
    own->alone = fd;
    return rc;
}

int dir_requeue(struct spool *s, struct spool_job *job, int attempt, int64_t later_ms,
                struct err *err)
{
    struct dir *spool = dir_of(s);
    int64_t due_us = later_ms > 0 ? clock_utc_us() + later_ms * 1000 : 0;
    const struct spool_again again = {attempt, due_us, job->why};
    int rc = spool_requeue(spool, SPOOL_CUR, job->name, &again, err);
    return rc < 0 ? spool_set_aside(spool, SPOOL_CUR, job->name, true, err) : rc;
}

/*
 * Crash points: with reason.txt written the job is still claimed, sweep gives it back and removes
 * the reason with the other files; after the rename it is failed.
 */
int dir_fail(struct spool *s, struct spool_job *job, const char *reason, struct err *err)
{
    struct dir *spool = dir_of(s);
    int rc = spool_to_failed(spool, SPOOL_CUR, job->name, reason, err);
    return rc < 0 ? spool_set_aside(spool, SPOOL_CUR, job->name, false, err) : rc;
}

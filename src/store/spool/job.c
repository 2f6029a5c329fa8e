#define _GNU_SOURCE /* flock, O_NOFOLLOW */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "spool_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spool_job_free(struct spool_job **job)
{
    if (!*job)
        return;
    if ((*job)->lock >= 0)
        close((*job)->lock);
    buf_clear(&(*job)->json);
    free((*job)->dir);
    free(*job);
    *job = NULL;
}

const char *spool_job_name(const struct spool_job *job)
{
    return job->name;
}

const char *spool_job_dir(const struct spool_job *job)
{
    return job->dir;
}

const char *spool_job_json(const struct spool_job *job)
{
    return (const char *)buf_data(&job->json);
}

int spool_job_attempt(const struct spool_job *job)
{
    return job->attempt;
}

int spool_job_lock(const struct spool_job *job)
{
    return job->lock;
}

static int read_json(struct spool_job *job, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/job.json", job->dir);
    if (rc == ERR_OK)
        rc = fsx_read_file(path, &job->json, err);
    if (rc == ERR_OK && (job->json.used > SPOOL_JOB_BYTES_MAX ||
                         memchr(buf_data(&job->json), '\0', job->json.used)))
        rc = err_set(err, ERR_MALFORMED, "%s is not a text of at most %d bytes", path,
                     SPOOL_JOB_BYTES_MAX);
    free(path);
    return rc < 0 ? rc : buf_append(&job->json, "", 1, err);
}

/* The job directory is ours and in cur/; what is left is to read it. */
static int load(const struct spool *spool, const char *name, int lock, struct spool_job **out,
                struct err *err)
{
    struct spool_job *job = calloc(1, sizeof *job);
    int64_t due_us;
    if (!job) {
        close(lock);
        return err_nomem(err, "a job");
    }
    job->lock = lock;
    buf_init(&job->json, SPOOL_JOB_BYTES_MAX + 1);
    memcpy(job->name, name, strlen(name) + 1);
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
static int claim_one(struct spool *spool, const char *name, struct spool_job **out, struct err *err)
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
        return spool_fail(spool, &job, reason, err);
    }
    rc = spool_pass_over(spool, SPOOL_CUR, name, job != NULL, err);
    spool_job_free(&job);
    return rc;
}

int spool_claim(struct spool *spool, struct spool_job **out, struct err *err)
{
    *out = NULL;
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

void spool_job_because(struct spool_job *job, const char *why)
{
    snprintf(job->why, sizeof job->why, "%.*s", (int)strcspn(why, "\n"), why);
}

int64_t spool_due_us(const struct spool *spool)
{
    return spool->due_us;
}

/*
 * Crash points: before the rename sweep gives the job back, which is done again; after it the job
 * is garbage in tmp/ that sweep deletes by age. It is never removed where it could come back
 * half-deleted, and the rename is on disk before the first file goes.
 */
int spool_finish(struct spool *spool, struct spool_job **job, struct err *err)
{
    int rc = spool_bury(spool, (*job)->name, (*job)->dir, err);
    if (rc < 0)
        rc = spool_set_aside(spool, SPOOL_CUR, (*job)->name, true, err);
    spool_job_free(job);
    return rc;
}

static int requeue(struct spool *spool, struct spool_job **job, int attempt, int64_t later_ms,
                   struct err *err)
{
    int64_t due_us = later_ms > 0 ? clock_utc_us() + later_ms * 1000 : 0;
    const struct spool_again again = {attempt, due_us, (*job)->why};
    int rc = spool_requeue(spool, SPOOL_CUR, (*job)->name, &again, err);
    if (rc < 0)
        rc = spool_set_aside(spool, SPOOL_CUR, (*job)->name, true, err);
    spool_job_free(job); /* only now is the lock free: whoever claims sees the job whole */
    return rc;
}

int spool_release(struct spool *spool, struct spool_job **job, int64_t later_ms, struct err *err)
{
    return requeue(spool, job, (*job)->attempt + 1, later_ms, err);
}

int spool_postpone(struct spool *spool, struct spool_job **job, int64_t later_ms, struct err *err)
{
    return requeue(spool, job, (*job)->attempt, later_ms, err);
}

int spool_unclaim(struct spool *spool, struct spool_job **job, struct err *err)
{
    return requeue(spool, job, (*job)->attempt, 0, err);
}

/*
 * Crash points: with reason.txt written the job is still claimed, sweep gives it back and removes
 * the reason with the other files; after the rename it is failed.
 */
int spool_fail(struct spool *spool, struct spool_job **job, const char *reason, struct err *err)
{
    int rc = spool_to_failed(spool, SPOOL_CUR, (*job)->name, reason, err);
    if (rc < 0)
        rc = spool_set_aside(spool, SPOOL_CUR, (*job)->name, false, err);
    spool_job_free(job);
    return rc;
}

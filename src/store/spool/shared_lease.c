/*
 * The lease of a claimed job. A thread of its own renews it, three times in its length, for its
 * worker may wait for a conversion for an hour; it stands when its worker is stopped, and ends with
 * it. It needs no connection before the first third is over.
 */
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include "shared.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

#define RETRY_MS 1000 /* after a failure */

int shared_lost_error(const struct shared_job *job, struct err *err)
{
    return err_set(err, ERR_LOST, "job %s: its lease ran out, somebody else has it now",
                   job->common.name);
}

static int renew(struct shared_db *db, void *arg, bool again, struct err *err)
{
    struct shared_job *job = arg;
    int64_t n = 0;
    (void)again;
    int rc = shared_db_run(db, NULL, &n, err,
                           "UPDATE job SET lease_us = job_now() + $3"
                           " WHERE id = $1 AND fence = $2 AND state = 2",
                           "iii", job->id, job->fence, site_lease_ms(site_used()) * 1000);
    if (rc == ERR_OK && n == 0) {
        pthread_mutex_lock(&job->lock);
        job->lost = true;
        pthread_mutex_unlock(&job->lock);
    }
    return rc;
}

int shared_lease_renew(struct shared_job *job, struct err *err)
{
    int rc = shared_db_do(renew, job, err);
    pthread_mutex_lock(&job->lock);
    bool lost = job->lost;
    pthread_mutex_unlock(&job->lock);
    return lost ? shared_lost_error(job, err) : rc;
}

/* Whether there is more to do. */
static bool wait_ms(struct shared_job *job, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&job->lock);
    while (!job->over && pthread_cond_timedwait(&job->changed, &job->lock, &until) != ETIMEDOUT)
        continue;
    bool more = !job->over && !job->lost;
    pthread_mutex_unlock(&job->lock);
    return more;
}

/* What the database says of trouble the worker will hear when it ends its job. */
static void *keep(void *arg)
{
    struct shared_job *job = arg;
    const int64_t every_ms = site_lease_ms(site_used()) / 3;
    int64_t ms = every_ms;
    while (wait_ms(job, ms)) {
        struct err err;
        ms = shared_db_do(renew, job, &err) < 0 && every_ms > RETRY_MS ? RETRY_MS : every_ms;
    }
    return NULL;
}

int shared_lease_keep(struct shared_job *job, struct err *err)
{
    pthread_condattr_t by;
    sigset_t all, before;
    pthread_condattr_init(&by);
    pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, &by);
    pthread_condattr_destroy(&by);
    sigfillset(&all); /* they are for the worker */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&job->renewer, NULL, keep, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e != 0)
        return err_set(err, ERR_AGAIN, "no thread to keep the lease of job %s", job->common.name);
    job->renewed = true;
    return ERR_OK;
}

void shared_lease_end(struct shared_job *job)
{
    if (!job->renewed)
        return;
    pthread_mutex_lock(&job->lock);
    job->over = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    pthread_join(job->renewer, NULL);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    job->renewed = false;
}

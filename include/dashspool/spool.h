/*
 * spool: hands work from stage to stage. ROOT/spool/<stage>/{tmp,new,cur,failed}/<job>/ holds
 * job.json and the files that the stage needs. One directory is one state, one rename is one
 * transition:
 *
 *     tmp ──put──► new ──claim──► cur ──finish──► tmp, then gone
 *                   ▲              │
 *                   ├──release─────┤   attempt + 1: temporary failure, now or later
 *                   ├──unclaim─────┤   it was not tried to its end: the attempt does not count
 *                   ├──postpone────┤   likewise, and not before later
 *                   ├──sweep───────┤   attempt + 1: the worker died, its lock is free
 *                                  └──fail──► failed + reason.txt     (a person looks)
 *
 * Guarantees: a job in new/ is complete and durable (files and directories fsynced before the
 * rename, the rename fsynced after it). A claimed job has a `lock` file that its worker holds
 * locked (flock): when the worker dies, the lock is free and spool_sweep() gives the job back.
 * Putting a job under a name that is in new/, cur/ or failed/ already changes nothing and succeeds:
 * puts may be repeated, by several processes at once too.
 *
 * A crash between any two system calls leaves a job in exactly one of the states, or (while it is
 * put or finished) a directory in tmp/ that a sweep deletes by and by. A give-back that a crash
 * cuts in two may count its attempt twice. What a job does must bear repetition: after a power cut
 * a claim or its end may not have been on disk.
 *
 * A worker's children keep its locks while they have its descriptors: they must exec (lock files
 * are close-on-exec), or mean to (spool_job_lock()). Beside job.json a job directory holds `lock`
 * and, from the second attempt on, `attempt` (its number, when it is due, and what the last one
 * said); these three names are not the stage's. `output.txt` is: it outlives a give-back, so that a
 * person can read what the last attempt said.
 *
 * Order: without spool_set_order() the job that became ready first is claimed first. With it, the
 * lowest class first; within a class the flows (cameras) take turns, so that a thousand jobs of one
 * do not keep the only job of another; within a flow the oldest first. Each struct spool remembers
 * whose turn it is: several workers take turns each for themselves. What is put while others wait
 * takes part in this at the next claim, or, where more than SPOOL_LOOK_JOBS are ready, when the
 * last look is SPOOL_LOOK_MS old.
 *
 * A stage's name and a job's name are one path component of [A-Za-z0-9._-], not starting with a
 * dot; others are ERR_MALFORMED. A struct spool has no open files and may be used by one thread at
 * a time.
 */
#ifndef DASHSPOOL_SPOOL_H
#define DASHSPOOL_SPOOL_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_NAME_ROOM     128
#define SPOOL_JOB_BYTES_MAX (1024 * 1024) /* job.json; ours are under 1 KiB */
#define SPOOL_TMP_AGE_S     (36 * 3600)   /* older directories in tmp/ were abandoned */
#define SPOOL_FLOW_ROOM     48
#define SPOOL_LOOK_JOBS     256
#define SPOOL_LOOK_MS       250
#define SPOOL_LATER_MS_MAX  (7 * 86400 * INT64_C(1000)) /* longest wait for another attempt */

/* A job bears the id of what it is of. What there is of a transfer that broke off has one of its
 * own,
 * "<id>.partial": that of the whole one may come at any time. */
#define SPOOL_PARTIAL       ".partial"

struct spool;
struct spool_job;

/* Opens one stage's spool; its four directories are made if they are not there. */
int spool_open(struct spool **out, const char *root, const char *stage,
               struct err *err) DS_MUST_CHECK;
void spool_close(struct spool **spool);

/* Puts a job whose only file is job.json (n bytes of JSON text). */
int spool_put(struct spool *spool, const char *job, const char *json, size_t n,
              struct err *err) DS_MUST_CHECK;

struct spool_item {
    const char *job, *json;
    size_t n;
};

/* As spool_put() for each of n jobs, which share their fsyncs: a hundred take little longer than
 * one. After a failure some of them may be there; it may be repeated. */
int spool_put_all(struct spool *spool, const struct spool_item *items, size_t n,
                  struct err *err) DS_MUST_CHECK;

struct spool_order {
    int class;                  /* lower ones first */
    char flow[SPOOL_FLOW_ROOM]; /* whose job it is */
    int64_t age_us;             /* UTC; 0: when it became ready */
};

/* Tells the order of a job (by its name) that this struct spool has not seen yet. *out is zero when
 * it is called; a function that knows nothing leaves it so. */
typedef void spool_order_fn(void *arg, const char *job, struct spool_order *out);
void spool_set_order(struct spool *spool, spool_order_fn *fn, void *arg);

/* Claims the next job that is due, in the order above (where all is equal: oldest directory change
 * time, then name). *out is NULL when none is: that is a result, not an error. A job whose job.json
 * is missing, larger than SPOOL_JOB_BYTES_MAX or no text goes to failed/ and the next one is tried.
 * Ends with finish, release or fail; freeing a job by spool_job_free() alone leaves it claimed and
 * unlocked, as a crash would. */
int spool_claim(struct spool *spool, struct spool_job **out, struct err *err) DS_MUST_CHECK;

const char *spool_job_name(const struct spool_job *job);
const char *spool_job_dir(const struct spool_job *job);  /* path of the claimed directory */
const char *spool_job_json(const struct spool_job *job); /* text of job.json, NUL-terminated */
int spool_job_attempt(const struct spool_job *job);      /* 1 for the first */
int spool_job_lock(const struct spool_job *job);         /* descriptor that holds the claim */

/* After a claim that gave nothing: when the first of those that wait for another attempt is due
 * (UTC), 0 if none waits. */
int64_t spool_due_us(const struct spool *spool);

/* What a release is to tell a person of this attempt: its first line, as far as there is room. */
#define SPOOL_WHY_ROOM 400
void spool_job_because(struct spool_job *job, const char *why);

/* Done: the directory is removed. Frees the job, also on failure (then sweep gives it back). */
int spool_finish(struct spool *spool, struct spool_job **job, struct err *err) DS_MUST_CHECK;

/* Back to new/, attempt + 1, due in later_ms (0..SPOOL_LATER_MS_MAX, by the clock on the wall; a
 * due time further ahead than that, from a clock that was wrong, counts for nothing). Files other
 * than job.json and output.txt are removed. Frees the job. */
int spool_release(struct spool *spool, struct spool_job **job, int64_t later_ms,
                  struct err *err) DS_MUST_CHECK;

/* Back to new/, due in later_ms (as above): it waits for something else, and that was no attempt.
 * Frees the job. */
int spool_postpone(struct spool *spool, struct spool_job **job, int64_t later_ms,
                   struct err *err) DS_MUST_CHECK;

/* Back to new/, due at once, as if it had not been claimed. Frees the job. */
int spool_unclaim(struct spool *spool, struct spool_job **job, struct err *err) DS_MUST_CHECK;

/* To failed/ with reason.txt; files stay for the person who looks. Frees the job. */
int spool_fail(struct spool *spool, struct spool_job **job, const char *reason,
               struct err *err) DS_MUST_CHECK;
void spool_job_free(struct spool_job **job);

/* Gives abandoned claims back (attempt + 1, due at once) and deletes what
 * is older than SPOOL_TMP_AGE_S in tmp/; *given_back (may be NULL) counts the former. Any process
 * may sweep at any time. */
int spool_sweep(struct spool *spool, int *given_back, struct err *err) DS_MUST_CHECK;

struct spool_count {
    int writing, ready, claimed, failed;
};
int spool_count(struct spool *spool, struct spool_count *out, struct err *err) DS_MUST_CHECK;

#endif

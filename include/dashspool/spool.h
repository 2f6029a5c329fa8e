/*
 * spool: hands work from stage to stage. ROOT/spool/<stage>/{tmp,new,cur,failed}/<job>/ holds
 * job.json and the files that the stage needs. One directory is one state, one rename is one
 * transition:
 *
 *     tmp ──put──► new ──claim──► cur ──finish──► tmp, then gone
 *                   ▲              │
 *                   ├──release─────┤   attempt + 1: temporary failure
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
 * are close-on-exec). Beside job.json a job directory holds `lock` and, from the second attempt on,
 * `attempt`; these three names are not the stage's.
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

/* Claims the job that became ready first (oldest directory change time, then name). *out is NULL
 * when nothing is ready: that is a result, not an error. A job whose job.json is missing, larger
 * than SPOOL_JOB_BYTES_MAX or no text goes to failed/ and the next one is tried. Ends with finish,
 * release or fail; freeing a job by spool_job_free() alone leaves it claimed and unlocked, as a
 * crash would. */
int spool_claim(struct spool *spool, struct spool_job **out, struct err *err) DS_MUST_CHECK;

const char *spool_job_name(const struct spool_job *job);
const char *spool_job_dir(const struct spool_job *job);  /* path of the claimed directory */
const char *spool_job_json(const struct spool_job *job); /* text of job.json, NUL-terminated */
int spool_job_attempt(const struct spool_job *job);      /* 1 for the first */

/* Done: the directory is removed. Frees the job, also on failure (then sweep gives it back). */
int spool_finish(struct spool *spool, struct spool_job **job, struct err *err) DS_MUST_CHECK;

/* Back to new/, attempt + 1; files other than job.json are removed. Frees the job. */
int spool_release(struct spool *spool, struct spool_job **job, struct err *err) DS_MUST_CHECK;

/* To failed/ with reason.txt; files stay for the person who looks. Frees the job. */
int spool_fail(struct spool *spool, struct spool_job **job, const char *reason,
               struct err *err) DS_MUST_CHECK;
void spool_job_free(struct spool_job **job);

/* Gives abandoned claims back (attempt + 1; files other than job.json are removed) and deletes what
 * is older than SPOOL_TMP_AGE_S in tmp/; *given_back (may be NULL) counts the former. Any process
 * may sweep at any time. */
int spool_sweep(struct spool *spool, int *given_back, struct err *err) DS_MUST_CHECK;

struct spool_count {
    int writing, ready, claimed, failed;
};
int spool_count(struct spool *spool, struct spool_count *out, struct err *err) DS_MUST_CHECK;

#endif

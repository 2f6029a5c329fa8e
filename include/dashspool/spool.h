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
 * A job that cannot be touched (its directory is another user's, a file in it cannot be read or
 * removed) is set aside and never keeps the others from being worked: it goes to failed/ with the
 * reason, or where it cannot even be moved, it stays where it is and is left alone until its
 * directory changes, or for SPOOL_ASIDE_MS; spool_on_aside() hears of either, once. One that the
 * disk cannot read, while it takes what is written elsewhere, stays where it is likewise.
 *
 * Order: without spool_set_order() the job that became ready first is claimed first. With it, the
 * lowest class first; within a class the flows (cameras) take turns, so that a thousand jobs of one
 * do not keep the only job of another; within a flow the oldest first. Each struct spool remembers
 * whose turn it is: several workers take turns each for themselves. What is put while others wait
 * takes part in this at the next claim, or, where more than SPOOL_LOOK_JOBS are ready, when the
 * last look is SPOOL_LOOK_MS old.
 *
 * In a site (site.h) the states are rows of a table `job` of its database, which all nodes share,
 * and spool_put() and the rest go there; the door is the same. What differs:
 *
 *  - Instead of a lock a claim has a lease of [site] lease, by the database's clock, which a thread
 *    of the worker's process renews, and a fence, a number that each claim and each give-back
 *    raises. Only who has the fence ends the job: who was stopped, or cut off, for longer than his
 *    lease hears ERR_LOST, and nothing was done. A sweep gives back what has no lease any more.
 *  - A claimed job is laid out as ROOT/scratch/<stage>/<job>.<fence>/ on the node, with job.json,
 *    `lock`, and the `output.txt` of the attempt before; it goes when the job ends, or by a sweep.
 *    Of a failed one the reason and output.txt are in the table, its other files go.
 *  - The order of a job is asked for once, when it is due for the first time. Turns of flows are
 *    those of all workers.
 *  - Done jobs are remembered for SPOOL_DONE_DAYS (table `job_done`, a partition a day).
 *  - No call waits for an answer for longer than half a minute: ERR_IO, and it may be repeated.
 *
 * A stage's name and a job's name are one path component of [A-Za-z0-9._-], not starting with a
 * dot; others are ERR_MALFORMED. A struct spool has no open files but that of spool_watch(), and
 * may be used by one thread at a time; connections are the process's, and children make their own.
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

#define SPOOL_ASIDE_MS      60000
#define SPOOL_DONE_DAYS     14 /* a site knows for so long which jobs were done, and by whom */

/* A job bears the id of what it is of. What there is of a transfer that broke off has one of its
 * own, "<id>.partial": that of the whole one may come at any time. */
#define SPOOL_PARTIAL       ".partial"

struct spool;
struct spool_job;
struct buf;
struct rows;

/* Opens one stage's spool; its four directories are made if they are not there, and again by a put
 * that misses them. */
int spool_open(struct spool **out, const char *root, const char *stage,
               struct err *err) DS_MUST_CHECK;
void spool_close(struct spool **spool);
const char *spool_stage(const struct spool *spool); /* whose it is */

/* Puts a job whose only file is job.json (n bytes of JSON text). */
int spool_put(struct spool *spool, const char *job, const char *json, size_t n,
              struct err *err) DS_MUST_CHECK;

struct spool_item {
    const char *job, *json;
    size_t n;
    bool here; /* in a site: only this node may work it, for it needs what is on its disk */
};

/* As spool_put() for each of n jobs, which share their fsyncs: a hundred take little longer than
 * one. After a failure some of them may be there; it may be repeated. */
int spool_put_all(struct spool *spool, const struct spool_item *items, size_t n,
                  struct err *err) DS_MUST_CHECK;

/* Of a site: in a transaction of the caller's on its database (rows.h), with what the job is of. A
 * stage of that name was opened before (spool_open() makes the tables). Nobody is told that it is
 * there: it is found within a second or so. */
int spool_put_rows(struct rows *rows, const char *stage, const struct spool_item *item,
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

/* Hears of jobs that are set aside: their names, and why. */
typedef void spool_aside_fn(void *arg, const char *job, const char *why);
void spool_on_aside(struct spool *spool, spool_aside_fn *fn, void *arg);

/* Claims the next job that is due, in the order above (where all is equal: oldest directory change
 * time, then name). *out is NULL when none is: that is a result, not an error. A job whose job.json
 * is missing, larger than SPOOL_JOB_BYTES_MAX or no text goes to failed/ and the next one is tried.
 * Ends with finish, release or fail; freeing a job by spool_job_free() alone leaves it claimed and
 * unlocked, as a crash would. */
int spool_claim(struct spool *spool, struct spool_job **out, struct err *err) DS_MUST_CHECK;

/* A descriptor that becomes readable when a job comes to new/ after this call: to be called before
 * the claim that may give nothing, so that none slips through between the two. It is a hint: -1
 * where the system has no more of them (inotify), and not every event is a job that is due; who
 * waits for it must look now and then in any case. The spool's own, until its end. */
int spool_watch(struct spool *spool);

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

/* Whether it is known by now that somebody else has the job (a site's lease ran out): then nothing
 * that is done with it counts. False says little: its end tells. */
bool spool_job_lost(struct spool *spool, struct spool_job *job);

/* *got: nobody else who works a job of this stage (here: on this node) has this key, until the job
 * ends. */
int spool_job_alone(struct spool *spool, struct spool_job *job, const char *key, bool here,
                    bool *got, struct err *err) DS_MUST_CHECK;

/* The job is still its worker's, and stays so: asked last of all before what came of it is
 * recorded, in that transaction. within: the connection that it is on (catalogue_rows()), and then
 * nobody else gets the job before the commit; NULL, of another database: for a whole lease from now
 * on. ERR_LOST: it must not be recorded. */
int spool_job_hold(struct spool *spool, struct spool_job *job, struct rows *within,
                   struct err *err) DS_MUST_CHECK;

/* The functions that end a job: ERR_LOST if somebody else has it, and then nothing was done. */

/* Done: the directory is removed. Frees the job, also on failure (then sweep gives it back). Of the
 * job's own directory no failure is told, here and below: it is set aside. */
int spool_finish(struct spool *spool, struct spool_job **job, struct err *err) DS_MUST_CHECK;

/* The same, and one of its name with this job.json is in each of the n spools then, which are of
 * the same ROOT: with directories before its own is removed, in a site all of it at once. On
 * failure, unless it is ERR_LOST, the job is still the caller's, who may give it back. */
int spool_hand_on(struct spool *spool, struct spool_job **job, struct spool *const *next, size_t n,
                  const char *json, size_t n_json, struct err *err) DS_MUST_CHECK;

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

/* ---- upkeep ----
 *
 * Jobs by their names, for a person who looks after them; of one stage, and of all.
 */

enum spool_place {
    SPOOL_PLACE_NONE,
    SPOOL_PLACE_READY,
    SPOOL_PLACE_CLAIMED,
    SPOOL_PLACE_FAILED,
};

/* The stages that ROOT has a spool of, by name. */
typedef int spool_stage_fn(void *arg, const char *stage, struct err *err);
int spool_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* Where a job is at this moment. */
int spool_find(struct spool *spool, const char *job, enum spool_place *out,
               struct err *err) DS_MUST_CHECK;

struct spool_found {
    const char *job;
    int64_t changed_us; /* when it came there, UTC */
    const char *reason; /* of a failed one: the first line of reason.txt, or "" */
};

/* The jobs of one place, that which came first at first; fn may move them. */
typedef int spool_found_fn(void *arg, const struct spool_found *job, struct err *err);
int spool_each(struct spool *spool, enum spool_place place, spool_found_fn *fn, void *arg,
               struct err *err) DS_MUST_CHECK;

/* A failed job becomes ready, as attempt 1; its reason and other files are removed. ERR_NOTFOUND if
 * it has not failed. */
int spool_retry(struct spool *spool, const char *job, struct err *err) DS_MUST_CHECK;

/* A failed job is deleted. ERR_NOTFOUND likewise. */
int spool_drop(struct spool *spool, const char *job, struct err *err) DS_MUST_CHECK;

/* A ready job is deleted: nobody is to work it any more. ERR_NOTFOUND if it is not ready; ERR_BUSY
 * if a worker is just taking it. */
int spool_cancel(struct spool *spool, const char *job, struct err *err) DS_MUST_CHECK;

/* A claimed job whose worker is dead becomes ready, attempt + 1, at once: spool_sweep() for one.
 * ERR_BUSY if its worker lives; ERR_NOTFOUND if it is not claimed. */
int spool_reclaim(struct spool *spool, const char *job, struct err *err) DS_MUST_CHECK;

/* ---- the spools of all stages ----
 *
 * That ROOT has, also of those that the settings do not have any more. */

struct spools {
    struct spools_one {
        struct spool *spool;
        char stage[SPOOL_NAME_ROOM];
    } * one;
    size_t n;
};

/* What is in ROOT/spool and is none; negative (with err set) ends it. */
typedef int spools_bad_fn(void *arg, const char *stage, int rc, struct err *err);

/* Of a ROOT without any, n is 0. On failure spools_close() it, too. bad may be NULL: then a spool
 * that cannot be opened is an error. */
int spools_open(struct spools *out, const char *root, spools_bad_fn *bad, void *arg,
                struct err *err) DS_MUST_CHECK;
void spools_close(struct spools *s);

/* Where a transfer has jobs at this moment, also those of it as a partial. */
struct spools_found {
    bool ready, claimed, failed; /* in any stage */
    bool convert_failed;         /* in that one: it was tried, and no copies can be made */
};
int spools_find(const struct spools *s, const char *id, struct spools_found *out,
                struct err *err) DS_MUST_CHECK;

/* Drops the failed jobs of a transfer, in all stages; or cancels the ready ones, and those whose
 * worker is dead. Permanent errors do not keep it from the others: the first is returned. */
int spools_drop_failed(const struct spools *s, const char *id, struct err *err) DS_MUST_CHECK;
int spools_cancel(const struct spools *s, const char *id, struct err *err) DS_MUST_CHECK;

/* The stages of the settings, enabled or not: jobs of any other are worked by nobody. NULL instead
 * of one: the settings are not known, and nothing is said about that. */
struct spools_known {
    const char *const *name;
    size_t n;
    const char *const *feeds; /* those that new transfers go to; n_feeds 0: convert */
    size_t n_feeds;
};

/* The transfer that a job is of, by the job's name; whether it is of a partial one. */
bool spool_transfer_of(const char *job, char *id, size_t room);

/* Whether the settings have a stage; true where they are not known. */
bool spools_configured(const struct spools_known *stages, const char *stage);

/* ---- survey ----
 *
 * All jobs of a stage at a glance, for somebody who only looks. Nothing is made,
 * locked or moved; a stage without a spool has no jobs. A job that moves meanwhile may be seen
 * twice, or not at all.
 */

struct spool_sight {
    const char *job;
    enum spool_place place;
    int64_t put_us;     /* when it came to this stage, UTC */
    int64_t changed_us; /* CLAIMED, FAILED: when it came there */
    int attempt;        /* READY, CLAIMED: from 1 */
    int64_t due_us;     /* READY: not before; 0: at once */
    const char *why;    /* one line, as somebody wrote it: of the attempt before, of the failure */
    const char *lock;   /* CLAIMED: path of the file that its worker has locked; NULL in a site: */
    const char *owner;  /* CLAIMED, in a site: the node that has it; NULL: this machine is alone */
    bool here;          /* … which is this one */
    int pid;            /* … and its process there */
    bool expired;       /* … which has not been heard of for as long as a lease lasts */
    bool foreign;       /* it is not of the user to whom the spool belongs, and is set aside */
};

/* reasons_us: of jobs that failed before it (UTC) the reason is not read. fn returns negative (with
 * err set) to stop. */
typedef int spool_sight_fn(void *arg, const struct spool_sight *job, struct err *err);
int spool_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                 void *arg, struct err *err) DS_MUST_CHECK;

/* What became of a job, for who put it: a text, which outlives the job until a sweep. With
 * directories it is the file ROOT/<stage>s/<job>.json. Durable; the newest counts. */
int spool_word_put(const char *root, const char *stage, const char *job, const char *text, size_t n,
                   struct err *err) DS_MUST_CHECK;
/* Instead of what out holds. ERR_NOTFOUND: there is none. */
int spool_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                   struct err *err) DS_MUST_CHECK;
/* Those that are older than that go. Trouble with one does not keep it from the others. */
int spool_word_sweep(const char *root, const char *stage, int64_t before_us,
                     struct err *err) DS_MUST_CHECK;

/* How many leases of a stage's jobs ever ran out, and when the last one was seen to (UTC); 0, 0:
 * none, or this machine is alone. */
int spool_leases_lost(const char *root, const char *stage, int64_t *n, int64_t *last_us,
                      struct err *err) DS_MUST_CHECK;

/* One job, for who follows it. NONE: there is none of that name. */
#define SPOOL_REASON_ROOM 2048
struct spool_glance {
    enum spool_place place;
    int attempt;                 /* READY, CLAIMED: from 1 */
    char why[SPOOL_REASON_ROOM]; /* as above; of a failed one all of its reason */
};
/* job.json is appended to json (may be NULL), as far as it can be read. */
int spool_glance(const char *root, const char *stage, const char *job, struct buf *json,
                 struct spool_glance *out, struct err *err) DS_MUST_CHECK;

#endif

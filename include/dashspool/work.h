/*
 * work: works the spool. A worker claims a job of its stage, does what the stage does with it,
 * hands it on, and only then ends it:
 *
 *     claim ─► work ─► mark in the catalogue ─► put to the stages behind ─► finish
 *                 └──► release, to be tried again later ─┴─► fail + reason.txt
 *
 *   convert      takes the master out of the raw store (its hash is checked on the way), makes the
 *                copies in ROOT/archive/<imei>/<yyyy-mm-dd>/, records them in the catalogue
 *   export       waits until nothing more comes of the event that the transfer belongs to, then
 *                makes the copies that are missing, and one evidence package of all of it
 *                (export.h). The job that made it hands it on to the stages behind, as
 *                "package" in job.json; the others of the event go on without.
 *   action       does what people at the pages want done (actions.h), in their name: short ones
 *                first, of those that may take minutes one at a time
 *   exec NAME    runs a command (stages.h) in the job's directory: no shell, nothing of our
 *                environment or descriptors, no terminal, a group of its own, nothing of it left
 *                when it has ended. What it says is kept in output.txt there (the first and the
 *                last 512 KiB), the last lines are in reason.txt, too.
 *
 * Every step may be repeated. The mark (catalogue_done_put) makes a job that comes again one
 * without work, so that a stage's effect on the catalogue and the stages behind it happens once,
 * whatever is killed when. A command itself is run at least once: killed after its work and before
 * the mark it is run again, with the same DASHSPOOL_ID.
 *
 * A temporary failure (a full disk; exit status 75, or another of try_later; a command that takes
 * too long or cannot be started) gives the job back, to be tried after a growing wait, until
 * `retries` are used up; a permanent one puts it into failed/ with reason.txt. One bad job never
 * stops the others. Crashes and other triggers come before what was asked for, that before periodic
 * footage; then cameras take turns; then the oldest comes first.
 */
#ifndef DASHSPOOL_WORK_H
#define DASHSPOOL_WORK_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>

struct work_request {
    bool once;         /* what is ready now, in the order of the stages; waits for no attempt */
    const char *stage; /* NULL: all that are enabled */
    int workers;       /* processes for each stage; 0: as the configuration says */
};

struct work_tally {
    int done, failed;
    int later;   /* given back, to be tried again */
    int waiting; /* given back, for the rest of their events */
    int lost;    /* whose lease ran out: another worker of the site has them */
};

/* Works jobs below root: with once until none is ready, else until SIGTERM or SIGINT. These end it
 * within some seconds: running jobs are given back, and their attempt does not count. *tally counts
 * what this call and its processes did with once; failed jobs are logged, not an error.
 * ERR_CONFIG: no such stage. */
int work_jobs(const char *root, const struct cfg *cfg, const struct work_request *how,
              struct work_tally *tally, struct err *err) DS_MUST_CHECK;

struct catalogue;
struct spool;

/* A failed job is given up: its transfer's custody says so, then the job is deleted. ERR_NOTFOUND
 * if it has not failed. */
int work_drop(struct catalogue *c, struct spool *spool, const char *job, const char *who,
              const char *reason, struct err *err) DS_MUST_CHECK;

/* A failed job is to be tried again. ERR_NOTFOUND likewise. */
int work_retry(struct catalogue *c, struct spool *spool, const char *job,
               struct err *err) DS_MUST_CHECK;

/* ---- the copies that are missing ----
 *
 * As the convert stage makes them: in ROOT/archive, recorded in the catalogue and in the custody.
 * For who needs all of them, whatever [convert] copies says: an evidence package. */

struct work_completion {
    /* Called often; done in 0..1 of this transfer. False ends it: ERR_AGAIN. */
    bool (*progress)(void *arg, const char *id, double done);
    /* No copies can be made of a transfer (it is no footage, it is too damaged …), and why: the
     * others go on. */
    void (*cannot)(void *arg, const char *id, const char *why);
    void *arg;
    const char *dir; /* for a master, one at a time; NULL: a directory of its own in ROOT */
    int made;        /* set: copies */
};

/* Of a video: working, viewing, poster, sheet, timing and csv, and gpx, kml and geojson where there
 * is a position; of a photo its still. A partial transfer's copies have ".partial" in their names.
 * Errors are of the stores, the disk and the memory. */
int work_complete(const char *root, const struct cfg *cfg, const char *const *ids, size_t n,
                  struct work_completion *completion, struct err *err) DS_MUST_CHECK;

#endif

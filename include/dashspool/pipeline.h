/*
 * pipeline: works the spool. A worker claims a job of its stage, does what the stage does with it,
 * hands it on, and only then ends it:
 *
 *     claim ─► work ─► mark in the catalogue ─► put to the stages behind ─► finish
 *                 └──► release, to be tried again later ─┴─► fail + reason.txt
 *
 *   convert      takes the master out of the raw store (its hash is checked on the way), makes the
 *                copies in ROOT/archive/<imei>/<yyyy-mm-dd>/, records them in the catalogue
 *   export       waits until nothing more comes of the event that the transfer belongs to, then
 * makes the copies that are missing, and one evidence package of all of it (export_event.h). The
 * job that made it hands it on to the stages behind, as "package" in job.json; the others of the
 * event go on without. exec NAME    runs a command (stages.h) in the job's directory: no shell,
 * nothing of our environment or descriptors, no terminal, a group of its own, nothing of it left
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
#ifndef DASHSPOOL_PIPELINE_H
#define DASHSPOOL_PIPELINE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

struct pipeline_work {
    bool once;         /* what is ready now, in the order of the stages; waits for no attempt */
    const char *stage; /* NULL: all that are enabled */
    int workers;       /* processes for each stage; 0: as the configuration says */
};

struct pipeline_tally {
    int done, failed;
    int later;   /* given back, to be tried again */
    int waiting; /* given back, for the rest of their events */
};

/* Works jobs below root: with once until none is ready, else until SIGTERM or SIGINT. These end it
 * within some seconds: running jobs are given back, and their attempt does not count. *tally counts
 * what this call and its processes did with once; failed jobs are logged, not an error.
 * ERR_CONFIG: no such stage. */
int pipeline_work(const char *root, const struct cfg *cfg, const struct pipeline_work *how,
                  struct pipeline_tally *tally, struct err *err) DS_MUST_CHECK;

/* Reads the settings anew and checks them whole; *out is the caller's. */
typedef int pipeline_load_fn(void *arg, struct cfg **out, struct err *err);

/*
 * run: keeps the enabled stages running, each as a process of its own (`receive`, and `work --stage
 * NAME` as often as it has workers). One that ends is started again, after a wait that grows while
 * it ends soon again; it stops no other.
 *
 *   SIGHUP    reads the settings again. Bad ones change nothing. Good ones: stages whose settings
 *             changed are ended and started anew, new ones started, others ended; `receive`, if it
 *             stays, gets the SIGHUP, too (its list of cameras, its certificate).
 *   SIGTERM   ends all of them within 10 s; running jobs are given back. SIGINT likewise.
 *
 * The processes run with the settings that were checked, as they were then: ROOT/run.d has them.
 * ROOT/run.lock is held meanwhile: a second run on the ROOT is told so (ERR_BUSY). ROOT/run.json
 * tells of each process since when it runs, how the last one ended and when the next is started.
 * [run] prometheus names a file that `dashspool status` keeps up to date. To systemd
 * (sd_notify(3), Type=notify) it tells when all run, when it reloads and when it ends, and keeps
 * its watchdog content as long as no stage is in trouble: no ten starts in a row that ended soon,
 * and a receiver that writes its status. load(arg, …) is for SIGHUP.
 */
int pipeline_run(const char *root, const struct cfg *cfg, pipeline_load_fn *load, void *arg,
                 struct err *err) DS_MUST_CHECK;

#endif

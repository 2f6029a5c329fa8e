/* worker: one stage's jobs, one at a time. */
#ifndef WORKER_H
#define WORKER_H

#include "dashspool/catalogue.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/export.h"
#include "dashspool/journey.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "dashspool/stages.h"
#include "dashspool/stop.h"
#include "dashspool/work.h"

struct worker {
    char *root; /* absolute: a command runs elsewhere */
    const struct stages_stage *stage;
    struct stop *stop;
    struct convert_options options; /* of convert */
    struct confine_limits limits;
    struct export_policy policy; /* of export, and of commands that are told of its packages */
    const struct cfg *cfg;
    struct spool *before[STAGES_MAX]; /* of the stages whose jobs come to it: it waits for them */
    const char *before_name[STAGES_MAX];
    size_t n_before;
    struct catalogue *catalogue;
    struct raw *raw;
    struct records *records; /* of convert: what trackers said */
    int64_t window_us, telemetry_wait_us;
    struct spool *spool;
    struct spool *next[STAGES_MAX]; /* of the stages behind it */
    size_t n_next;
    const char *feeds[STAGES_MAX]; /* of action: where footage that it takes in goes */
    size_t n_feeds;
    int64_t swept_us, partials_us, outcomes_us; /* when it last did so; 0: not yet */
    int aside; /* jobs that could not be touched, since the last step */
    unsigned short random[3];
};

/* The configuration, stages and stop must outlive it. */
int worker_open(struct worker *w, const char *root, const struct cfg *cfg,
                const struct stages *stages, const struct stages_stage *stage, struct stop *stop,
                struct err *err) DS_MUST_CHECK;
void worker_close(struct worker *w);

/* Does one job, if one is ready (*did). An error is the worker's: its job is safe. */
int worker_step(struct worker *w, struct work_tally *tally, bool *did,
                struct err *err) DS_MUST_CHECK;

/* ---- what the stages do with a claimed job ---- */

struct work {
    struct spool_job *job;
    struct catalogue_transfer transfer;
    bool of_partial; /* its job is of what there was when the camera broke off (intake.h) */
    char *words;   /* what a command said at the end, one line each; NULL: nothing. The worker frees
                      it, and: */
    char *package; /* of this job; NULL: none */
    int64_t wait_ms; /* not 0: it cannot be done yet, and this was no attempt */
};

/* This stage has done it, and those behind it have it to do; in the caller's transaction, which it
 * ends: ERR_LOST if somebody else has the job by now. */
int worker_done(const struct worker *w, const struct work *work, struct err *err) DS_MUST_CHECK;

/* Last of all before what came of it is committed to that catalogue: ERR_LOST if somebody else has
 * the job by now. */
int worker_hold(const struct worker *w, const struct work *work, struct catalogue *catalogue,
                struct err *err) DS_MUST_CHECK;

/* convert_work() marks it as done itself, with the rows of the copies in one transaction; for the
 * others the worker does. */
int convert_work(struct worker *w, struct work *work, struct err *err) DS_MUST_CHECK;
int exec_work(struct worker *w, struct work *work, struct err *err) DS_MUST_CHECK;
int export_work(struct worker *w, struct work *work, struct err *err) DS_MUST_CHECK;

/* Of people (actions.h): it has no transfer of its own, and nothing comes behind it. */
int action_work(struct worker *w, struct work *work, struct err *err) DS_MUST_CHECK;
/* The short ones come first. */
void action_order(const char *job, struct spool_order *out);
/* Outcomes that are old go; now and then. */
void action_sweep(struct worker *w);

/* The package that was made for a job that is done. */
int export_find_package(struct worker *w, struct work *work, struct err *err) DS_MUST_CHECK;

/* Puts the jobs of transfers that broke off and did not go on, and of which no package tells; now
 * and then. Trouble with that is told by the log. */
void export_look_for_partials(struct worker *w);

/* What an attempt at it left in the archive when its worker was killed. */
void convert_sweep(const struct worker *w, const struct work *work);

/* The master into a file of `dir`, whose path is the caller's. */
int worker_extract(struct raw *raw, struct catalogue_transfer *t, const char *dir, char **path,
                   struct err *err) DS_MUST_CHECK;

#endif

/*
 * pipeline: works the spool. A worker claims a job of the convert stage, takes the master out of
 * the raw store (its hash is checked on the way), makes the copies in
 * ROOT/archive/<imei>/<yyyy-mm-dd>/, records them in the catalogue, and only then ends the job.
 * Every step may be repeated: a job that a crash cut short is done again and gives the same copies.
 *
 * A temporary failure gives the job back (attempt + 1) until [work] retries are used up; a
 * permanent one puts it into failed/ with reason.txt. One bad job never stops the others.
 */
#ifndef DASHSPOOL_PIPELINE_H
#define DASHSPOOL_PIPELINE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* The [work] section. */
extern const struct cfg_section pipeline_cfg_section;

struct pipeline_tally {
    int done, failed;
};

/* Works jobs below root: with once until none is ready, else until SIGTERM or SIGINT (the running
 * job is finished first). *tally counts what this call did; failed jobs are logged, not an error.
 */
int pipeline_work(const char *root, const struct cfg *cfg, bool once, struct pipeline_tally *tally,
                  struct err *err) DS_MUST_CHECK;

#endif

/*
 * spool_survey: all jobs of a stage at a glance, for somebody who only looks. Nothing is made,
 * locked or moved; a stage without a spool has no jobs. A job that moves meanwhile may be seen
 * twice, or not at all.
 */
#ifndef DASHSPOOL_SPOOL_SURVEY_H
#define DASHSPOOL_SPOOL_SURVEY_H

#include "dashspool/spool_upkeep.h"

struct spool_sight {
    const char *job;
    enum spool_place place;
    int64_t put_us;     /* when it came to this stage, UTC */
    int64_t changed_us; /* CLAIMED, FAILED: when it came there */
    int attempt;        /* READY, CLAIMED: from 1 */
    int64_t due_us;     /* READY: not before; 0: at once */
    const char *why;    /* one line, as somebody wrote it: of the attempt before, of the failure */
    const char *lock;   /* CLAIMED: path of the file that its worker has locked */
};

/* reasons_us: of jobs that failed before it (UTC) the reason is not read. fn returns negative (with
 * err set) to stop. */
typedef int spool_sight_fn(void *arg, const struct spool_sight *job, struct err *err);
int spool_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                 void *arg, struct err *err) DS_MUST_CHECK;

#endif

/*
 * spool_upkeep: jobs by their names, for a person who looks after them.
 */
#ifndef DASHSPOOL_SPOOL_UPKEEP_H
#define DASHSPOOL_SPOOL_UPKEEP_H

#include "dashspool/spool.h"

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

/* A claimed job whose worker is dead becomes ready, attempt + 1, at once: spool_sweep() for one.
 * ERR_BUSY if its worker lives; ERR_NOTFOUND if it is not claimed. */
int spool_reclaim(struct spool *spool, const char *job, struct err *err) DS_MUST_CHECK;

#endif

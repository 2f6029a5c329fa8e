/*
 * spool_upkeep: jobs by their names, for a person who looks after them; of one stage, and of all.
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

/* Drops the failed jobs of a transfer, in all stages. Permanent errors do not keep it from the
 * others: the first is returned. */
int spools_drop_failed(const struct spools *s, const char *id, struct err *err) DS_MUST_CHECK;

/* The stages of the settings, enabled or not: jobs of any other are worked by nobody. NULL instead
 * of one: the settings are not known, and nothing is said about that. */
struct spools_known {
    const char *const *name;
    size_t n;
};

/* Whether the settings have a stage; true where they are not known. */
bool spools_configured(const struct spools_known *stages, const char *stage);

#endif

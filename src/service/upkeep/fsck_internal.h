/* fsck, inside: what its rooms share. */
#ifndef UPKEEP_FSCK_INTERNAL_H
#define UPKEEP_FSCK_INTERNAL_H

#include "dashspool/catalogue_check.h"
#include "dashspool/raw_upkeep.h"
#include "dashspool/upkeep.h"
#include "spools.h"

struct fsck {
    const char *root;
    bool quick;
    const struct upkeep_listener *listener;
    struct upkeep_findings *out;
    struct catalogue *catalogue; /* NULL: it cannot be opened */
    struct raw *raw;
    const struct upkeep_stages *stages;
    struct spools spools;
    int64_t all_bytes, done_bytes; /* for the progress */
};

/* Tells a problem. advice may be NULL: then it is in the format's text. */
void fsck_problem(struct fsck *f, enum upkeep_part part, const char *where, const char *advice,
                  const char *fmt, ...) DS_PRINTF(5, 6);

/* For what failed: a permanent error is a problem (ERR_OK comes back), a temporary one ends it. */
int fsck_check(struct fsck *f, enum upkeep_part part, const char *where, const char *advice, int rc,
               const struct err *err);

/* n more bytes were looked at. ERR_AGAIN: the listener has had enough. */
int fsck_step(struct fsck *f, const char *where, int64_t n, struct err *err) DS_MUST_CHECK;

/* The rooms, in the order in which they are looked at. */
int fsck_masters(struct fsck *f, struct err *err) DS_MUST_CHECK;
int fsck_transfers(struct fsck *f, struct err *err) DS_MUST_CHECK;
int fsck_custodies(struct fsck *f, struct err *err) DS_MUST_CHECK;
int fsck_spools(struct fsck *f, struct err *err) DS_MUST_CHECK; /* opens them */
int fsck_files(struct fsck *f, struct err *err) DS_MUST_CHECK;
int fsck_jobs(struct fsck *f, struct err *err) DS_MUST_CHECK;

/* A copy's file against its row. */
int fsck_copy(struct fsck *f, const char *id, const struct catalogue_copy *copy,
              struct err *err) DS_MUST_CHECK;

#endif

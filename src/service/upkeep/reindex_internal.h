/* reindex, inside: what its rooms share. */
#ifndef UPKEEP_REINDEX_INTERNAL_H
#define UPKEEP_REINDEX_INTERNAL_H

#include "dashspool/catalogue_check.h"
#include "dashspool/catalogue_keep.h"
#include "dashspool/raw_upkeep.h"
#include "dashspool/upkeep.h"

struct reindex {
    const char *root;
    const struct upkeep_progress *progress;
    struct upkeep_reindex_result *out;
    struct catalogue *old; /* NULL: there is none that can be read */
    struct catalogue *made;
    struct raw *raw;
};

/* A permanent error is told (ERR_OK comes back), a temporary one ends it. */
int reindex_trouble(struct reindex *r, const char *where, int rc, const struct err *err);

/* What the old catalogue has of a master, if it agrees with it. */
int reindex_old_row(struct reindex *r, const char *day, const struct raw_master *m,
                    struct catalogue_transfer *t, bool *agrees, struct err *err) DS_MUST_CHECK;
/* Connections, origin, protections and stages of a row that was taken over. *origin: it is there.
 */
int reindex_old_parts(struct reindex *r, const struct catalogue_transfer *t, bool *origin,
                      struct err *err) DS_MUST_CHECK;
/* Custodies whose chain is whole, what is due, and what was seen. */
int reindex_old_custodies(struct reindex *r, struct err *err) DS_MUST_CHECK;
/* The old row of a copy, if it is of this hash. */
int reindex_old_copy(struct reindex *r, struct catalogue_copy *copy, bool *found,
                     struct err *err) DS_MUST_CHECK;

#endif

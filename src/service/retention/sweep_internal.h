/* sweep, inside: what its rooms share. */
#ifndef RETENTION_INTERNAL_H
#define RETENTION_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/catalogue_check.h"
#include "dashspool/catalogue_keep.h"
#include "dashspool/raw_upkeep.h"
#include "dashspool/retention.h"
#include "rules.h"
#include "upkeep/spools.h"

#define SWEEP_SECTION  "retention"
#define SWEEP_LIST_MAX ((size_t)1 << 30) /* ten million of them */

struct sweep {
    const char *root;
    const struct cfg *cfg;
    bool dry_run;
    int64_t now_us, young_us; /* partials younger than that stay */
    const struct retention_listener *listener;
    struct retention_result *out;
    struct catalogue *catalogue;
    struct raw *raw;
    const struct upkeep_stages *stages; /* of the settings */
    struct spools spools;
    struct rules masters, copies, jobs;
};

/* Something that a rule is for. */
struct candidate {
    int64_t key, at_us, bytes;
    int rule;
    uint64_t pool; /* of its rule and camera */
    char *path;    /* of a copy; its own */
};

/* Why something stays. */
enum sweep_stay { SWEEP_GOES, SWEEP_PROTECTED, SWEEP_UNCONVERTED, SWEEP_BUSY, SWEEP_YOUNG };

/* Whether a transfer may be deleted; its failed jobs go with it. */
int sweep_may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                 struct err *err) DS_MUST_CHECK;
/* Whether a copy of it may. */
int sweep_copy_may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                      struct err *err) DS_MUST_CHECK;
void sweep_count_stay(struct sweep *s, enum sweep_stay stay);

/* Deletes a transfer, but for its bytes in raw/, which become due. *freed: of all of it; 0: it
 * stays. */
int sweep_transfer(struct sweep *s, int64_t key, const char *why, int64_t *freed,
                   struct err *err) DS_MUST_CHECK;

/* The rooms, in their order. */
int sweep_due(struct sweep *s, struct err *err) DS_MUST_CHECK; /* what an earlier one left */
int sweep_jobs(struct sweep *s, struct err *err) DS_MUST_CHECK;
int sweep_copies(struct sweep *s, struct err *err) DS_MUST_CHECK;
int sweep_masters(struct sweep *s, struct err *err) DS_MUST_CHECK;
int sweep_space(struct sweep *s, struct err *err) DS_MUST_CHECK;

/* A list of candidates, judged by age and size from the oldest on: take(…, why) is asked to delete
 * one, and says how much that was (0: it stays). */
typedef int sweep_take_fn(struct sweep *s, const struct candidate *c, const char *why,
                          int64_t *freed, struct err *err);
int sweep_judge(struct sweep *s, struct buf *list, const struct rules *rules, sweep_take_fn *take,
                struct err *err) DS_MUST_CHECK;
void sweep_list_clear(struct buf *list);
uint64_t sweep_pool(int rule, const struct catalogue_transfer *t);

/* Tells, and counts its bytes. */
void sweep_tell(struct sweep *s, const struct retention_swept *item);
/* A permanent error is told as a trouble (ERR_OK comes back), a temporary one ends the sweep. */
int sweep_trouble(struct sweep *s, const char *name, int rc, const struct err *err);
bool sweep_ended(const struct sweep *s);

/* Adds an event to a custody. Takes `what`, a JSON text that jansson made, or NULL: no memory. */
int sweep_note(struct sweep *s, const char *id, const char *event, char *what,
               struct err *err) DS_MUST_CHECK;

/* Free bytes on ROOT's disk. */
int sweep_free_bytes(const struct sweep *s, int64_t *out, struct err *err) DS_MUST_CHECK;

#endif

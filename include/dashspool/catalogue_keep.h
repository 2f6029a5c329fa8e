/*
 * catalogue_keep: what is kept whatever a rule says, and what went. Each function is one
 * transaction, or part of the caller's.
 *
 *     stored, partial ──retire──► a custody that ends with "deleted", and a master that is due to
 * be dropped from raw/<day>.db ──dropped──► the custody alone
 *
 * The custody outlives its transfer: its id is never given again.
 */
#ifndef DASHSPOOL_CATALOGUE_KEEP_H
#define DASHSPOOL_CATALOGUE_KEEP_H

#include "dashspool/catalogue.h"

#define CATALOGUE_REASON_ROOM 512

struct catalogue_protection {
    int64_t since_us;
    char who[128];
    char reason[CATALOGUE_REASON_ROOM];
};

/* Protects a transfer for one more reason, and says so in its custody ("protected"). For a reason
 * that holds already nothing is written. ERR_NOTFOUND: no such transfer; ERR_MALFORMED: who or
 * reason is empty, or is too long. */
int catalogue_protect(struct catalogue *c, const char *id, const struct catalogue_protection *p,
                      struct err *err) DS_MUST_CHECK;

/* Ends all of its protections, and says so in its custody ("unprotected", with the reasons that
 * held). *ended counts them; where there were none, nothing is written. */
int catalogue_unprotect(struct catalogue *c, const char *id, const char *who, int *ended,
                        struct err *err) DS_MUST_CHECK;

/* The protections of a transfer, the oldest first; fn may write. */
typedef int catalogue_protection_fn(void *arg, const struct catalogue_protection *p,
                                    struct err *err);
int catalogue_protection_each(struct catalogue *c, int64_t key, catalogue_protection_fn *fn,
                              void *arg, struct err *err) DS_MUST_CHECK;

int catalogue_protected(struct catalogue *c, int64_t key, bool *out, struct err *err) DS_MUST_CHECK;

/* Takes a transfer's row, its connections and its copies' rows away, adds `event` to its custody,
 * and keeps in mind that its master is to be dropped. ERR_BUSY for one that is protected. */
int catalogue_retire(struct catalogue *c, const struct catalogue_transfer *t,
                     const struct custody_event *event, struct err *err) DS_MUST_CHECK;

/* The masters that are due to be dropped; fn may write. */
typedef int catalogue_due_fn(void *arg, const char *day, int64_t key, struct err *err);
int catalogue_due_each(struct catalogue *c, catalogue_due_fn *fn, void *arg,
                       struct err *err) DS_MUST_CHECK;
int catalogue_due_add(struct catalogue *c, const char *day, int64_t key,
                      struct err *err) DS_MUST_CHECK;
/* It was dropped, durably. */
int catalogue_due_done(struct catalogue *c, int64_t key, struct err *err) DS_MUST_CHECK;

/* Takes a copy's row away. One that is not there is fine. */
int catalogue_copy_remove(struct catalogue *c, const char *path, struct err *err) DS_MUST_CHECK;

#endif

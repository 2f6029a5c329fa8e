/*
 * intake: what every way in does alike, be it a camera (receive.h) or a file (import.h): whether
 * the stores belong together, lines for a transfer's custody, its job for the converter.
 *
 * No state; the catalogue and the spool are the caller's.
 */
#ifndef DASHSPOOL_INTAKE_H
#define DASHSPOOL_INTAKE_H

#include "dashspool/catalogue.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"

/* Before the stores are opened. ERR_CONFIG: files may not grow here as a day's file does. */
int intake_check_limits(struct err *err) DS_MUST_CHECK;

/* Before the first transfer is added to these stores, or a master dropped. Do they belong together,
 * and are they of the same time?
 *
 *  - What is older than identities (root.h) gets that of ROOT, if what it holds agrees with the
 *    rest; all of a ROOT that has none yet gets one.
 *  - Masters whose keys are higher than any that the catalogue gave out came after it was saved:
 *    they get rows again ("reindexed" in their custody), partials as partials.
 *  - No key of a day file is given out again.
 *
 * ERR_FOREIGN: they do not belong together, or originals that the catalogue has are not there (and
 * their custody does not say so, "missing"): what to put back, and how to go on without.
 *
 * INTAKE_ADDS goes on without the whole files of past days, in a raw/ that has its mark: nothing is
 * written to these days again, no key is given out twice, a partial of them begins anew, and what
 * comes a second time is no duplicate; so new footage is as safe as ever, and cameras do not wait
 * for a disk with old days. It is logged, and CATALOGUE_MISSING_DAYS tells `status`. The newest day
 * and the one before may still be written to: who puts their files back would lose what came
 * since. */
enum intake_purpose { INTAKE_ADDS, INTAKE_DROPS };
int intake_stores_opened(struct catalogue *c, struct raw *raw, const char *root,
                         enum intake_purpose purpose, struct err *err) DS_MUST_CHECK;

/* How many stored transfers of a day (catalogue_days()) have no original in raw, while their
 * custody does not say so; first: one of them. Cheap where nothing is missing. */
int intake_missing_of_day(struct catalogue *c, struct raw *raw, const struct catalogue_day *day,
                          int64_t *n, char first[CATALOGUE_ID_ROOM], struct err *err) DS_MUST_CHECK;

/* catalogue_transfer_add() with a key that nothing of row's day and its neighbours has in raw, also
 * if such a file came there a moment ago. In the caller's transaction. */
int intake_transfer_add(struct catalogue *c, struct raw *raw, struct catalogue_transfer *row,
                        struct err *err) DS_MUST_CHECK;

/* Whether the original of a stored transfer is there, as its row says. What comes a second time is
 * left out only then: a day's file may be lost, and this the last copy of what it held. */
int intake_holds(struct raw *raw, const struct catalogue_transfer *t, bool *out,
                 struct err *err) DS_MUST_CHECK;

/* The bytes under row's key are not its own, and why: from now on nobody goes on with it. They stay
 * as they are. Logged, and in its custody, once. In the caller's transaction. */
int intake_set_aside(struct catalogue *c, struct catalogue_transfer *row, const char *who,
                     const char *why, struct err *err) DS_MUST_CHECK;

/* The row that a receiver made of a master, sealed or partial, from what stands with it; how it
 * came is not known any more. ERR_NOTFOUND: a partial that does not say whose it is. */
int intake_row_of(const char *day, const struct raw_master *m, struct catalogue_transfer *out,
                  struct err *err) DS_MUST_CHECK;

/* Its original is lost, and somebody was told: in its custody, once. In the caller's transaction.
 */
int intake_note_missing(struct catalogue *c, const char *id, const char *who,
                        struct err *err) DS_MUST_CHECK;

/* A line in the custody of transfer `id`, now, by `who` ("receive": this program's part). */
int intake_note(struct catalogue *c, const char *id, const char *who, enum custody_kind event,
                const struct custody_what *what, struct err *err) DS_MUST_CHECK;

/* The same with what came of row (master.h, `scopes`), in the transaction that stores it. */
int intake_record(struct catalogue *c, const struct catalogue_transfer *row, unsigned scopes,
                  const char *who, enum custody_kind event, const struct custody_what *what,
                  struct err *err) DS_MUST_CHECK;

#define INTAKE_FEEDS_MAX 66

/* The spools of the stages that new transfers go to. */
struct intake_feeds {
    struct spool *spool[INTAKE_FEEDS_MAX];
    size_t n;
};

/* Of n stages; 0: convert alone. On failure none is open. */
int intake_feeds_open(struct intake_feeds *feeds, const char *root, const char *const *stages,
                      size_t n, struct err *err) DS_MUST_CHECK;
void intake_feeds_close(struct intake_feeds *feeds); /* also one that is {0} */

/* Puts n jobs into each of them. It may be repeated. */
int intake_put(const struct intake_feeds *feeds, const struct spool_item *items, size_t n,
               struct err *err) DS_MUST_CHECK;

/* The job of transfer `id` for intake_put(); it borrows both id and text. */
struct intake_text {
    char json[CATALOGUE_ID_ROOM + 64];
    char name[CATALOGUE_ID_ROOM + 16];
};
struct spool_item intake_job(const char *id, struct intake_text *text);

/* The job of what there is of a transfer that broke off has a name of its own, "<id>.partial": the
 * job of the whole one may come at any time. */
struct spool_item intake_job_of_partial(const char *id, struct intake_text *text);

/* A job of `id` is in the spools of these stages: its row says so from now on (of a partial one:
 * until the camera goes on with it), and its custody, and that they have it to do; in the caller's
 * transaction, or one of its own. One that is marked already stays as it is. feeds NULL: of a
 * partial one, that nobody misses. */
int intake_published(struct catalogue *c, const struct intake_feeds *feeds, const char *id,
                     const char *who, struct err *err) DS_MUST_CHECK;

/* A job is put within seconds of the end of its transfer. */
#define INTAKE_LATE_US (10 * 60 * INT64_C(1000000))

/*
 * Jobs that are lost, as a spool that was removed, or put back as it was, leaves them. fn may
 * write.
 *
 * Of stored transfers, what a stage has to do (catalogue_owe()) and has no job for, nor has one
 * that is about to hand it on. And those of which nothing of that kind is known, because they are
 * older, or have not been put: no job in any stage, no copies and nothing done, now or (as the
 * custody tells) before, none given up: stage is NULL. Not those that came within INTAKE_LATE_US
 * and are about to get theirs. What a stage has to do that is not in the settings nobody misses.
 */
typedef int intake_lost_fn(void *arg, const struct catalogue_transfer *t, const char *stage,
                           struct err *err);
int intake_lost_each(struct catalogue *c, const struct spools *spools,
                     const struct spools_known *stages, intake_lost_fn *fn, void *arg,
                     struct err *err) DS_MUST_CHECK;

/* For these. To a stage its job is put; without one, its row says that it has none, so that the
 * next intake_publish_late() puts it. */
int intake_put_lost(struct catalogue *c, const char *root, const struct catalogue_transfer *t,
                    const char *stage, struct err *err) DS_MUST_CHECK;

/* Puts the jobs of all stored transfers that have none: what a crash left. *n (may be NULL) counts
 * them. */
int intake_publish_late(struct catalogue *c, const struct intake_feeds *feeds, const char *who,
                        int *n, struct err *err) DS_MUST_CHECK;

/* ---- the tracker's account ---- */

struct intake_joining {
    struct catalogue *c;
    struct records *records;
    const char *root;
    int64_t window_us;         /* journey.h */
    const char *imei;          /* new records of this tracker, */
    int64_t from_ms, until_ms; /* of these times */
    const char *who;
};

/* Joins them with the transfers that they belong to. Copies that were made without what their
 * pictures show now are made anew, once: their custody says why, and a job is in the spool of
 * convert. Those that are in a package stay, and the new ones stand beside them. *joined counts the
 * transfers that changed, *again those of which copies are made anew. It may be repeated. A
 * transfer that cannot be joined (a file of records is broken: ERR_MALFORMED, ERR_FOREIGN) keeps no
 * other from it: the error comes when the others are done. */
int intake_join(const struct intake_joining *j, int *joined, int *again,
                struct err *err) DS_MUST_CHECK;

/* The same of all stored transfers and all records of ROOT: for records that were put back, and
 * came as new to nobody. */
int intake_join_all(const char *root, int64_t window_us, const char *who, int *joined, int *again,
                    struct err *err) DS_MUST_CHECK;

#endif

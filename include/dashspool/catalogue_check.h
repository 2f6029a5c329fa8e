/*
 * catalogue_check: the catalogue as somebody sees it who does not trust it, copies it, or makes it
 * anew.
 */
#ifndef DASHSPOOL_CATALOGUE_CHECK_H
#define DASHSPOOL_CATALOGUE_CHECK_H

#include "dashspool/catalogue.h"

/* What SQLite finds wrong with the file (PRAGMA integrity_check and foreign_key_check), a text
 * each, 100 at most; `quick` leaves out whether indices agree with their tables. fn returns
 * negative to stop. */
typedef int catalogue_flaw_fn(void *arg, const char *text, struct err *err);
int catalogue_check(struct catalogue *c, bool quick, catalogue_flaw_fn *fn, void *arg,
                    struct err *err) DS_MUST_CHECK;

/* The keys of all transfers, in their order; fn may write. One that cannot be read does not keep
 * the others from it, as in catalogue_transfer_each(): catalogue_transfer_by_key() tells. */
typedef int catalogue_key_fn(void *arg, int64_t key, struct err *err);
int catalogue_key_each(struct catalogue *c, catalogue_key_fn *fn, void *arg,
                       struct err *err) DS_MUST_CHECK;

/* One row by key; *found false if there is none. */
int catalogue_transfer_by_key(struct catalogue *c, int64_t key, struct catalogue_transfer *out,
                              bool *found, struct err *err) DS_MUST_CHECK;

/* The ids that have a custody, in their order, also those whose transfer is gone; fn may write. The
 * text is as it stands in the database, cut to CATALOGUE_ID_ROOM; lines: how many it has there,
 * also behind a gap. */
typedef int catalogue_id_fn(void *arg, const char *id, int64_t lines, struct err *err);
int catalogue_custody_each(struct catalogue *c, catalogue_id_fn *fn, void *arg,
                           struct err *err) DS_MUST_CHECK;

/* The transfer that has a copy at this path (relative to ROOT), or ERR_NOTFOUND. */
int catalogue_copy_owner(struct catalogue *c, const char *path, char id[CATALOGUE_ID_ROOM],
                         struct err *err) DS_MUST_CHECK;

/* How many copies there are, and their bytes. */
int catalogue_copy_count(struct catalogue *c, int64_t *copies, int64_t *bytes,
                         struct err *err) DS_MUST_CHECK;

/* All of it as of one moment into the file `path`, durable but for its directory's entry. Others
 * may write meanwhile. */
int catalogue_backup(struct catalogue *c, const char *path, struct err *err) DS_MUST_CHECK;

/* All that was committed is in catalogue.db itself, durably, and its -wal is empty: the file may be
 * renamed or linked once this is closed. ERR_BUSY if others have it open. */
int catalogue_settle(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* Adds a row with the key and the id that it says. ERR_MALFORMED if either is taken. */
int catalogue_transfer_restore(struct catalogue *c, const struct catalogue_transfer *t,
                               struct err *err) DS_MUST_CHECK;

#define CATALOGUE_STAGE_ROOM 128

struct catalogue_done {
    char stage[CATALOGUE_STAGE_ROOM];
    int64_t at_us;
    int attempt;
};

/* The stages that have done their work on transfer `key`, by name; all files that were seen, by
 * path. fn may write to another catalogue. ERR_MALFORMED ends it at a row that cannot be read. */
typedef int catalogue_done_fn(void *arg, const struct catalogue_done *d, struct err *err);
int catalogue_done_each(struct catalogue *c, int64_t key, catalogue_done_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;
typedef int catalogue_seen_fn(void *arg, const struct catalogue_seen *s, struct err *err);
int catalogue_seen_each(struct catalogue *c, catalogue_seen_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;

/* Adds a custody line of transfer `id` as it is. ERR_MALFORMED if it does not follow from those
 * that are there. */
int catalogue_event_restore(struct catalogue *c, const char *id, const char *line,
                            struct err *err) DS_MUST_CHECK;

#endif

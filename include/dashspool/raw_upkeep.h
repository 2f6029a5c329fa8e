/*
 * raw_upkeep: the masters as somebody sees them who checks, copies or clears the store, or makes a
 * catalogue from it.
 */
#ifndef DASHSPOOL_RAW_UPKEEP_H
#define DASHSPOOL_RAW_UPKEEP_H

#include "dashspool/raw.h"

/* What lies in ROOT/raw, by name. is_day: `name` is a day ("2026-11-21"), else the name of a file
 * that has nothing to do there. Journals are left out. fn may use raw. */
typedef int raw_name_fn(void *arg, const char *name, bool is_day, struct err *err);
int raw_days(struct raw *raw, raw_name_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* The highest key that a day's file uses, whole or partial; of all days for NULL, but for those
 * that cannot be read. 0: none. */
int raw_highest_key(struct raw *raw, const char *day, int64_t *out, struct err *err) DS_MUST_CHECK;

struct raw_master {
    int64_t key;
    int64_t length_bytes; /* of what is there */
    bool sealed;
    struct raw_facts facts; /* of a sealed one, borrowed; texts may be "" */
    const char *flaw; /* NULL; else what of it cannot be read, and the rest is not to be used */
};

/* The masters and partials of a day by key; fn may use raw. ERR_NOTFOUND if there is no such file.
 */
typedef int raw_master_fn(void *arg, const struct raw_master *m, struct err *err);
int raw_each(struct raw *raw, const char *day, raw_master_fn *fn, void *arg,
             struct err *err) DS_MUST_CHECK;

/* What SQLite finds wrong with a day's file, a text each, 100 at most. It reads all of it. */
typedef int raw_flaw_fn(void *arg, const char *text, struct err *err);
int raw_check(struct raw *raw, const char *day, raw_flaw_fn *fn, void *arg,
              struct err *err) DS_MUST_CHECK;

/* A day's file into the new file `path`, in pieces between which others may write; for days that
 * nobody writes to all the time (then ERR_BUSY, or never an end). */
int raw_backup(struct raw *raw, const char *day, const char *path, struct err *err) DS_MUST_CHECK;

/* Gives back to the disk what was dropped: a file with nothing in it is deleted, one of which more
 * than a quarter is free is written anew beside it and replaced. *freed_bytes: by how much it is
 * smaller. ERR_BUSY if somebody is at it. Only for a day that no transfer of the receiver can be
 * of any more. Nothing may be uncommitted. */
int raw_trim(struct raw *raw, const char *day, int64_t *freed_bytes, struct err *err) DS_MUST_CHECK;

#endif

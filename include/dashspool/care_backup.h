/*
 * care_backup: a copy of a ROOT that is one itself, and a catalogue made anew from what there is.
 */
#ifndef DASHSPOOL_CARE_BACKUP_H
#define DASHSPOOL_CARE_BACKUP_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

struct care_progress {
    bool (*progress)(void *arg, const char *where, double done); /* false ends it: ERR_AGAIN */
    /* Something cannot be copied or entered, and why; the rest goes on. */
    void (*trouble)(void *arg, const char *where, const char *why);
    void *arg;
};

struct care_backup_result {
    int64_t masters, copies, days; /* written */
    int64_t kept;                  /* days and copies that an earlier backup into `dir` has */
    int64_t bytes, troubles;
};

/*
 * Copies ROOT's catalogue, masters and copies into `dir` while receivers and workers run: the
 * catalogue as of one moment (SQLite's backup API), then what it names: the files of days that are
 * over whole, masters of today and yesterday one by one, copies as files, each compared with its
 * hash. Jobs are not copied: what has one, ready, claimed or failed, in any stage, becomes "not
 * published", so that a receiver's next start on the copy puts it again; what a stage has done
 * already it does not do again. Packages and pipeline.d are not copied.
 *
 * dir is new, empty, or an earlier backup (it has backup.json): what is the same by length and time
 * is not copied again, and nothing is removed. ERR_BUSY for any other directory.
 *
 * Its own catalogue comes last, by a rename: until then dir is what it was before, or nothing.
 */
int care_backup(const char *root, const char *dir, const struct care_progress *progress,
                struct care_backup_result *out, struct err *err) DS_MUST_CHECK;

struct care_reindex_result {
    int64_t masters, copies, custodies; /* entered */
    int64_t taken_over;                 /* rows of the catalogue that was there */
    int64_t origins, done, seen; /* of it: where files came from; what stages have done, one for
                                    each; files that need not be read again */
    int64_t no_origin;           /* files of which nobody knows any more where they came from */
    int64_t troubles;
};

/*
 * Makes ROOT/catalogue.db anew: from the facts that are sealed with the masters, decoded again;
 * from the copies in archive/, known by their names; and from the catalogue that was there, as far
 * as it can be read and agrees with the masters: rows (of partial transfers there is nothing else),
 * connections, origins of files, protections, what stages have done, and custodies whose chain is
 * whole; also which files were seen, so that a watched one is not taken again. Each transfer's
 * custody gets a line "reindexed"; where there is none, that is the first: what happened before is
 * not known any more. What of it cannot be known stands in that line ("not_known").
 *
 * The old one becomes catalogue.db.before-<time>. No receiver may run (ERR_BUSY), and nothing else
 * should. What was not converted is put to work by the receiver's next start; where nobody knows
 * what stages have done, they do it again.
 */
int care_reindex(const char *root, const struct care_progress *progress,
                 struct care_reindex_result *out, struct err *err) DS_MUST_CHECK;

#endif

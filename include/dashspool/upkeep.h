/*
 * upkeep: looks after a ROOT. Is everything there, and is it what it was (fsck); a copy of it
 * (backup); its catalogue made anew (reindex).
 *
 * fsck: everything below ROOT is read as hostile bytes; nothing is changed without UPKEEP_REPAIR
 * (but that what came of it is noted for `status` (catalogue_upkeep_note()), and that SQLite brings
 * a store of an older version up to date and rolls back what a crash left, and that raw/ and the
 * places of a stage's spool are made where they are missing). Receivers and workers may run
 * meanwhile: what is being written is not looked at, and no lock is held for long.
 */
#ifndef DASHSPOOL_UPKEEP_H
#define DASHSPOOL_UPKEEP_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include "dashspool/spool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum upkeep_part {
    UPKEEP_CATALOGUE, /* the database file, rows that cannot be read, facts that were moved */
    UPKEEP_MASTER,
    UPKEEP_COPY,
    UPKEEP_CUSTODY,
    UPKEEP_JOB,
    UPKEEP_RECORDS, /* what trackers said: ROOT/telemetry */
    UPKEEP_FILE,    /* that nobody knows, or that the owner of ROOT cannot write to */
    UPKEEP_N_PARTS,
};

/* One thing that is wrong; borrowed for the call. */
struct upkeep_problem {
    enum upkeep_part part;
    const char *where;  /* an id, a file below ROOT, or both */
    const char *what;   /* is wrong */
    const char *advice; /* what to do */
};

struct upkeep_listener {
    void (*problem)(void *arg, const struct upkeep_problem *problem);
    /* May be NULL. Called often; done in 0..1. False ends it: ERR_AGAIN. */
    bool (*progress)(void *arg, const char *where, double done);
    void *arg;
    /* May be NULL. What was repaired, or is no problem, but worth to know. */
    void (*note)(void *arg, const char *where, const char *what);
};

struct upkeep_findings {
    int64_t masters, copies, custodies, jobs; /* that were looked at */
    int64_t records;                          /* of trackers, likewise; none with UPKEEP_QUICK */
    int64_t hashed_bytes;
    int64_t problems;
    int64_t repaired; /* transfers */
    int64_t unjudged; /* originals of which nobody can tell whether all bytes are their own */
};

enum upkeep_how {
    UPKEEP_QUICK = 1,  /* does not read masters, copies and day files through: only that they are
                          there with their lengths */
    UPKEEP_REPAIR = 2, /* makes rows what their sources say (master.h, facts_repair()), and puts the
                          jobs that were lost (intake.h, intake_lost_each()) */
};

/* Checks the databases, every master against its hash of receipt, every copy against the catalogue,
 * every transfer's facts against what they are from (master.h), every chain of custody, every job
 * of every stage, every record of a tracker against its own bytes (records.h); that no original
 * holds the bytes of two (master.h, master_judge()); and that nothing lies there that nobody knows.
 * how: bits of enum upkeep_how. What is wrong is told to the listener and is no error; errors:
 * ERR_NOTFOUND (this is no ROOT), ERR_NOMEM, ERR_IO, ERR_BUSY, ERR_AGAIN. */
int upkeep_fsck(const char *root, unsigned how, const struct spools_known *stages,
                const struct upkeep_listener *listener, struct upkeep_findings *out,
                struct err *err) DS_MUST_CHECK;

/* "master". */
const char *upkeep_part_name(enum upkeep_part part);

/* ---- a copy of a ROOT that is one itself, and a catalogue made anew from what there is ---- */

struct upkeep_progress {
    bool (*progress)(void *arg, const char *where, double done); /* false ends it: ERR_AGAIN */
    /* Something cannot be copied or entered, and why; the rest goes on. */
    void (*trouble)(void *arg, const char *where, const char *why);
    void *arg;
    void (*note)(void *arg, const char *where, const char *what); /* for a person; may be NULL */
};

struct upkeep_backup_result {
    int64_t masters, copies, days; /* written; days: files of raw/ and of telemetry/ */
    int64_t kept;                  /* days and copies that an earlier backup into `dir` has */
    int64_t erased; /* originals that an earlier one had, and that were erased since */
    int64_t bytes, troubles;
};

/*
 * Copies ROOT's catalogue, masters and copies into `dir` while receivers and workers run: the
 * catalogue as of one moment (SQLite's backup API), then what it names: the files of days that are
 * over whole, masters of today and yesterday one by one, copies as files, each compared with its
 * hash; and the files of what trackers said. Jobs are not copied: what has one, ready, claimed or
 * failed, in any stage, becomes "not published", so that a receiver's next start on the copy puts
 * it again; what a stage has done already it does not do again. Packages are not copied.
 *
 * The settings are, with the certificates and the allow-list that they name; private keys and
 * tokens are not, and are noted, also in dir/settings/MISSING.txt. Those of ROOT/pipeline.d have
 * the same place in dir, those of elsewhere dir/settings/pipeline.d, where they do not hold.
 *
 * dir is new, empty, or an earlier backup (it has backup.json) of the same ROOT: what is the same
 * by length and time is not copied again, and nothing is removed but what was erased here
 * (retention.h): of that no byte is left in it. Refused are
 *   - ROOT itself, what is in it or around it, by whatever link or mount (ERR_CONFIG);
 *   - any other directory, and a backup that somebody uses, or has used as a ROOT since: ERR_BUSY;
 *   - the backup of another ROOT, and one that is newer than ROOT (ERR_FOREIGN).
 *
 * Its own catalogue comes last, by a rename: until then dir is what it was before; a first one that
 * broke off is no ROOT (root_is_new()), and the next backup goes on with it. Then root's catalogue
 * gets a note of it, for `status`.
 */
struct upkeep_settings {
    const struct cfg *cfg; /* NULL: they are not known */
    const char *dir;       /* that they are from; NULL: none, all are defaults */
};
int upkeep_backup(const char *root, const char *dir, const struct upkeep_settings *settings,
                  const struct upkeep_progress *progress, struct upkeep_backup_result *out,
                  struct err *err) DS_MUST_CHECK;

struct upkeep_reindex_result {
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
int upkeep_reindex(const char *root, const struct upkeep_progress *progress,
                   struct upkeep_reindex_result *out, struct err *err) DS_MUST_CHECK;

#endif

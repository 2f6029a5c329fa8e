/*
 * records: the trackers' records, as they came. Each is stored with its raw bytes (avl.h) and with
 * what is looked for in them, in SQLite files ROOT/telemetry/<day>.db, one a UTC day of the
 * record's own time, if that lies within 400 days before and 1 day after its arrival; else in
 * ROOT/telemetry/odd.db: such a time is not believed. So years that a broken clock makes up cost no
 * files. Beside them, latest.db: of each tracker what it said last, for who wants it quickly.
 *
 * A record is stored once: by IMEI, time, priority, event and the hash of its bytes. To store it
 * again changes nothing, also after a crash, in another order or with others.
 *
 * records_put() returns when all its records are on disk (write-ahead logs; each file that it
 * touches is committed by itself, and what failed is told record by record). latest.db is only
 * derived from these files; after an unclean end the next records_open() that may write adds what
 * it lacks.
 *
 * Private mode: what a tracker recorded while its driver was private (avl_private()) is stored like
 * the rest, but readers get no position, speed, course or bytes of it, unless they ask for
 * `private_too`, which is for who checks, copies or erases the store, and for nobody else.
 *
 * A file of another ROOT (root.h) or one that is broken is neither written to nor read. Before
 * records are stored it is set aside under the name <day>.db.aside-<microseconds>, whole; readers
 * name it and go on.
 *
 * Not thread-safe: one thread uses a struct records at a time, and one process at a time opens
 * those of a ROOT with RECORDS_WRITE, apart from erasure and retention. Others may read meanwhile;
 * no lock is held while a callback runs, and at most RECORDS_FILES_OPEN files are open.
 *
 * Times of records are ms since 1970, UTC, as the tracker says; arrivals are microseconds by this
 * machine's clock.
 *
 * Files touched: ROOT/telemetry/ *.db and their -wal and -shm.
 */
#ifndef DASHSPOOL_RECORDS_H
#define DASHSPOOL_RECORDS_H

#include "dashspool/avl.h"
#include "dashspool/err.h"
#include "dashspool/root.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDS_DIR        "telemetry"

/* Files kept open: all that trackers can ask for in one batch, when they come back from where no
 * network is; but at most a quarter of the descriptors that the process may have (RLIMIT_NOFILE),
 * of which each needs three. Each costs 100 KB of memory, and the few that are written to all the
 * time up to 8 MiB. With fewer open, opening is what such a batch costs. */
#define RECORDS_FILES_OPEN (RECORDS_DAYS_BACK + 4)

/* Longest record: what fits into a frame. */
#define RECORDS_BYTES_MAX  AVL_LENGTH_MAX

/* Further back or ahead than this, of its arrival, a record's time is not believed. */
#define RECORDS_DAYS_BACK  400
#define RECORDS_DAYS_AHEAD 1

struct records;

enum records_mode { RECORDS_READ, RECORDS_WRITE };

/* Opens the store below root. RECORDS_WRITE makes the directory if it is missing, and latest.db if
 * it was lost or is not up to date; ROOT must have its identity by then (intake.h, root_mark()),
 * else ERR_FOREIGN. RECORDS_READ: where there is none, nothing is found. *out is the caller's. */
int records_open(struct records **out, const char *root, enum records_mode mode,
                 struct err *err) DS_MUST_CHECK;
void records_close(struct records **records);

/* ---- storing ---- */

enum records_state {
    RECORDS_MISSING, /* not on disk, or not known whether: do not answer */
    RECORDS_STORED,  /* on disk, new */
    RECORDS_KNOWN,   /* on disk since an earlier call, or twice in this one */
};

struct records_new {
    const char *imei;     /* 15 digits */
    uint8_t codec;        /* AVL_CODEC_8, _8E, _16 */
    const uint8_t *bytes; /* of the record alone: avl_record.raw; borrowed for the call */
    size_t n;
    int64_t arrived_us;
    enum records_state state; /* set by records_put() */
};

#define RECORDS_ASIDE_ROOM 160
struct records_done {
    size_t stored, known;
    char aside[RECORDS_ASIDE_ROOM]; /* "" or the file that was set aside, and why: to be logged as
                                       an error */
};

/* Stores all of them, in any order and of any number of trackers and days; a few thousand at once
 * cost little more than one. ERR_OK: all are on disk. Else: the first error, and each one's state
 * tells; they may be given again, all of them. ERR_MALFORMED: a record that avl_record_decode()
 * does not accept, or an IMEI that is none (the others are stored). Temporary: ERR_BUSY (somebody
 * held a file for 5 s), ERR_IO (sys_errno ENOSPC: disk full), ERR_NOMEM. */
int records_put(struct records *records, struct records_new *v, size_t n, struct records_done *out,
                struct err *err) DS_MUST_CHECK;

/* ---- reading ---- */

struct records_row {
    char imei[AVL_IMEI_ROOM];
    int64_t time_ms;
    int64_t arrived_us;
    uint8_t codec;
    uint8_t priority;  /* 0 low, 1 high, 2 panic */
    uint16_t event_id; /* 0: periodic */
    bool is_private;
    bool hidden; /* for that reason these are 0, and bytes NULL: */
    bool valid;  /* the position was measured (avl_position_valid()), else it is the last known */
    int32_t longitude_e7, latitude_e7;
    int16_t altitude_m;
    uint16_t angle_deg, speed_kmh;
    uint8_t satellites;
    const uint8_t *bytes; /* for avl_record_decode(); borrowed for the callback */
    size_t n;
};

#define RECORDS_ANY_EVENT (-1)

struct records_query {
    const char *imei;          /* NULL: of all trackers */
    int64_t from_ms, until_ms; /* both included */
    int event_id;              /* that caused them, or RECORDS_ANY_EVENT */
    bool odd;                  /* those of odd.db instead of all others */
    bool private_too;          /* see above */
};

/* Of one tracker, or day by day of one after the other, by time (equal ones as they came). Those
 * that are stored meanwhile may be among them or not. fn returns negative (with err set) to stop,
 * and may use `records`. A file that cannot be read is told to `trouble` (NULL: it is the error),
 * and the rest is read. */
typedef int records_row_fn(void *arg, const struct records_row *row, struct err *err);
typedef void records_trouble_fn(void *arg, const char *name, const char *why);
struct records_reader {
    records_row_fn *fn;
    records_trouble_fn *trouble;
    void *arg;
};
int records_each(struct records *records, const struct records_query *query,
                 const struct records_reader *reader, struct err *err) DS_MUST_CHECK;

/* What there is of a query, added up. Of none: all 0. */
struct records_sum {
    int64_t records, bytes; /* bytes: of the records themselves */
    int64_t oldest_ms, newest_ms;
};
int records_count(struct records *records, const struct records_query *query,
                  struct records_sum *out, struct err *err) DS_MUST_CHECK;

/* Of each tracker, and day: between which times its records lie that arrived since then. What
 * cannot be read is left out. */
struct records_span {
    char imei[AVL_IMEI_ROOM];
    int64_t from_ms, until_ms;
};
typedef int records_span_fn(void *arg, const struct records_span *span, struct err *err);
int records_arrived(struct records *records, int64_t since_us, records_span_fn *fn, void *arg,
                    struct err *err) DS_MUST_CHECK;

/* ---- what a tracker said last ---- */

/* Ids whose newest value is kept. */
#define RECORDS_WATCHED 9
extern const uint16_t records_watched[RECORDS_WATCHED]; /* 239; 498, 497; 12301 … 12306 */

struct records_latest {
    char imei[AVL_IMEI_ROOM];
    /* The newest record by its time; one that is more than 10 minutes ahead of its arrival, or of
     * odd.db, is not asked. */
    int64_t time_ms, arrived_us;
    uint16_t event_id;
    bool is_private;
    bool valid; /* its position was measured; speed and angle are of it */
    uint16_t speed_kmh, angle_deg;
    /* The newest position that was measured, which is older if not `valid`; fix_ms 0: none, or
     * is_private: then nothing of it is told. */
    int64_t fix_ms;
    int32_t longitude_e7, latitude_e7;
    int16_t altitude_m;
    uint8_t satellites;
    /* By records_watched; the record's time, 0: never said. */
    struct {
        int64_t time_ms;
        uint64_t value;
    } watched[RECORDS_WATCHED];
};

/* Of all trackers by IMEI, or of one (NULL: all). ERR_NOTFOUND for one that is not known. */
typedef int records_latest_fn(void *arg, const struct records_latest *latest, struct err *err);
int records_latest(struct records *records, const char *imei, records_latest_fn *fn, void *arg,
                   struct err *err) DS_MUST_CHECK;

/* ---- upkeep ---- */

/* The files of ROOT/telemetry by name: of records ("2026-11-21", "odd"), or (is_ours false) what
 * has nothing to do there, and what was set aside. Journals, latest.db and root-id are left out. */
typedef int records_name_fn(void *arg, const char *name, bool is_ours, struct err *err);
int records_files(struct records *records, records_name_fn *fn, void *arg,
                  struct err *err) DS_MUST_CHECK;

/* What is wrong with such a file, or with "latest", a text each: what SQLite finds, whose ROOT it
 * is of, and (all of it is read) each record whose columns, hash or day are not what its bytes say.
 * At most 100. out: what was looked at. */
typedef int records_flaw_fn(void *arg, const char *text, struct err *err);
int records_check(struct records *records, const char *name, records_flaw_fn *fn, void *arg,
                  struct records_sum *out, struct err *err) DS_MUST_CHECK;

/* Such a file into the new file `path`, in pieces between which others may write. before: an
 * earlier copy of it; if it is the same still, nothing is written, and *same is true; NULL: there
 * is none. latest.db is not saved: it is made anew. */
int records_backup(struct records *records, const char *name, const char *path, const char *before,
                   bool *same, struct err *err) DS_MUST_CHECK;

struct records_gone {
    int64_t records, files; /* files: that were deleted whole */
    int64_t bytes;          /* on disk: given back; (dry) about that what would be */
};

/* What arrived before then goes (of odd.db not what is of a later time, and no future one: this
 * machine's clock was wrong): its bytes are overwritten, its space is given back to the disk (of
 * a large file with little to go: by a later call, within a day). Files that are left empty are
 * deleted. dry: nothing is changed, and told what would. A file that cannot be read, or is busy, is
 * told to `trouble`, and the rest goes. */
int records_expire(struct records *records, int64_t before_us, bool dry,
                   records_trouble_fn *trouble, void *arg, struct records_gone *out,
                   struct err *err) DS_MUST_CHECK;

/* The same of trackers, each between two times (both included; of odd.db: that arrived between
 * them); what lies in two of these n is counted once. And from latest.db. After it no byte of these
 * records is in a file of ROOT/telemetry: the files are written anew at once, which keeps who
 * writes to them from it for as long. A file that is left empty stays so until what it held would
 * have expired, so that a backup loses them, too. To `trouble` is told what could not be done:
 * repeat it; and what was set aside, which may hold some. */
int records_erase(struct records *records, const struct records_span *spans, size_t n, bool dry,
                  records_trouble_fn *trouble, void *arg, struct records_gone *out,
                  struct err *err) DS_MUST_CHECK;

#endif

/*
 * catalogue: the facts about transfers, their cameras and their copies, in ROOT/catalogue.db
 * (SQLite, WAL, synchronous=FULL, schema versioned by PRAGMA user_version). The disk is the truth
 * for work, the catalogue for facts. The masters' bytes are elsewhere (raw.h), found by day and
 * key.
 *
 *     receiving ──► stored ──► (published: a job for the next stage exists or existed)
 *         └───────► partial    (the camera went away; what came is kept; published: a job of that)
 *
 * Writes outside catalogue_begin()/catalogue_commit() are a transaction each. Not thread-safe: one
 * thread uses a struct catalogue at a time; any number of processes may have it open (busy ones are
 * waited for 5 s, then ERR_BUSY).
 *
 * A row that does not fit its struct (a longer text, another type, a number out of range) is
 * ERR_MALFORMED: nothing is cut off. A file that is not this program's catalogue likewise.
 *
 * Files touched: ROOT/catalogue.db, its -wal and -shm.
 */
#ifndef DASHSPOOL_CATALOGUE_H
#define DASHSPOOL_CATALOGUE_H

#include "dashspool/custody.h"
#include "dashspool/err.h"
#include "dashspool/root.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CATALOGUE_ID_ROOM     96
#define CATALOGUE_PATH_ROOM   512  /* longest name that a camera gives a file */
#define CATALOGUE_META_ROOM   4096 /* metadata: 40 bytes, or JSON text */
#define CATALOGUE_ERRORS_ROOM 512  /* text of arrival.errors: some 60 places */

enum catalogue_state {
    CATALOGUE_RECEIVING,
    CATALOGUE_STORED,
    CATALOGUE_PARTIAL,
};

/* Which metadata values were there and plausible; the value itself is kept raw in any case. */
enum catalogue_known {
    CATALOGUE_HAS_META = 1 << 0,
    CATALOGUE_TIME_OK = 1 << 1,
    CATALOGUE_FPS_OK = 1 << 2,
    CATALOGUE_ZONE_OK = 1 << 3,
    CATALOGUE_POSITION_OK = 1 << 4,
    CATALOGUE_TRIGGER_TIME_OK = 1 << 5,
    CATALOGUE_EVENTS_OK = 1 << 6,
    CATALOGUE_DRIVER_OK = 1 << 7,
    CATALOGUE_TIME_NAMED = 1 << 8, /* time_us is from a file's name, there being no metadata */
    CATALOGUE_TIME_TOLD = 1 << 9,  /* likewise a person's word, there being no such name either */
};

/* Copies are made anew once when the tracker's account of a clip comes after them. Those that are
 * in a package stay, and the new ones stand beside them. */
enum catalogue_remade { CATALOGUE_NOT_REMADE, CATALOGUE_REMADE, CATALOGUE_REMADE_BESIDE };

/* Of a file that nobody knows the camera of; a folder may be named so, too. */
#define CATALOGUE_IMEI_UNKNOWN "000000000000000"

/* What the camera said, byte for byte; n 0: it did not. Of a file: meta is what lay beside it, path
 * its name and the folder's. */
struct catalogue_wire {
    uint8_t init[16], start[16], path[CATALOGUE_PATH_ROOM], meta[CATALOGUE_META_ROOM];
    size_t init_n, start_n, path_n, meta_n;
};

/* The words of camera and kind. */
#define CATALOGUE_CAMERAS "front rear driver road other"
#define CATALOGUE_KINDS   "video photo"

struct catalogue_transfer {
    int64_t key; /* the row; never used twice; also the master's key in raw/<day>.db */
    char id[CATALOGUE_ID_ROOM];
    char imei[16];  /* 14 or 15 digits */
    char camera[8]; /* of CATALOGUE_CAMERAS */
    char kind[8];   /* of CATALOGUE_KINDS */
    char source[8]; /* camera file */
    enum catalogue_state state;
    bool published;
    char day[11];
    int64_t arrived_us;   /* when the transfer began here */
    int64_t completed_us; /* 0: not yet */
    int64_t length_bytes; /* of the master; of what came so far for the others */
    char sha256[65];      /* "" until stored */

    /* decoded metadata; trust a value only if its bit is in `known` (enum catalogue_known) */
    unsigned known;
    int meta_version;
    int64_t time_us; /* metadata timestamp: start of the clip */
    int trigger;     /* raw byte */
    char trigger_name[24];
    int length_s;
    int fps;
    int tz_min; /* east positive */
    double lat_deg, lon_deg;
    int64_t trigger_time_us;
    unsigned events; /* bits of a driver camera (DSM) */
    char driver[32]; /* as the camera knows the name */

    /* how it came, over all its connections; each has a struct catalogue_arrival */
    char peer[64]; /* address:port of the last */
    int protocol_id;
    int connections;
    int64_t packets; /* data frames stored */
    int crc_errors, resumes;
    int64_t bytes_lost, duplicates;
    bool set_aside; /* the bytes under its key are not its own: nobody goes on with it */
    int remade;     /* enum catalogue_remade */
    bool from_0;    /* its camera calls the first packet 0: how to resume it (wire.h) */
    struct catalogue_wire wire;
};

/* One connection's part of a transfer: bytes from_bytes..until_bytes of the file came over it. */
struct catalogue_arrival {
    char peer[64];
    int64_t began_us, ended_us;
    int64_t from_bytes, until_bytes;
    int64_t packets;
    int crc_errors, resumes;
    int64_t bytes_lost, duplicates;
    char errors[CATALOGUE_ERRORS_ROOM]; /* where frames were bad: byte offsets in the file, with
                                           spaces; the first of them */
    char ended[128];                    /* why it ended: "complete", "the camera closed" … */
};

#define CATALOGUE_FILE_ROOM 4096 /* the longest path of a file, with its NUL */

/* What a file is known by without reading it. */
struct catalogue_stat {
    int64_t inode, length_bytes, mtime_ns;
};

/* Where a transfer of source "file" came from. */
struct catalogue_origin {
    char path[CATALOGUE_FILE_ROOM]; /* absolute; any bytes */
    struct catalogue_stat stat;
    bool whole;     /* its structure ended as it should */
    char note[160]; /* why not, or that nobody can tell; "" */
};

/* A file that was taken, or whose content was there before: as long as it stays as it is, nobody
 * needs to read it again. */
struct catalogue_seen {
    char path[CATALOGUE_FILE_ROOM];
    struct catalogue_stat stat;
    char id[CATALOGUE_ID_ROOM]; /* of the transfer; it may be gone since */
};

struct catalogue_copy {
    char kind[16];  /* working viewing still */
    char path[512]; /* relative to ROOT */
    int64_t length_bytes;
    char sha256[65];
    int64_t made_us;
    char tool[64];       /* program and version */
    char settings[8192]; /* JSON: what it was made with and what came out (timing, pictures) */
};

struct catalogue_filter { /* NULL, "" and 0 mean: any */
    const char *id, *imei, *camera, *kind, *source, *trigger_name;
    const char *vehicle; /* anywhere in its name, plate, group or IMEI; capitals or not */
    int64_t since_us,
        until_us;     /* on time_us where it is known, else arrived_us; until is exclusive */
    unsigned states;  /* 1 << enum catalogue_state; 0: any */
    bool unpublished; /* stored, but not published */
    bool unworked;    /* stored, but without copies, and no stage has done its work */
    bool newest_first;
    int64_t limit;
    int64_t skip; /* so many of them are left out first; only with a limit */
};

struct catalogue;

/* Opens ROOT/catalogue.db; made if create is set, else ERR_NOTFOUND, as where there is no ROOT: who
 * brings footage makes that, and nobody makes one whose name is mistyped. ERR_UNSUPPORTED for a
 * schema newer than this program. ERR_FOREIGN: it was lost (root_is_new()), or it and what lies
 * beside it are of two ROOTs (root_check()). *out is the caller's (catalogue_close). */
int catalogue_open(struct catalogue **out, const char *root, bool create,
                   struct err *err) DS_MUST_CHECK;
/* ROOT/catalogue.db in any case: of a node of a site, what it has and hands on (forward.h). */
int catalogue_open_local(struct catalogue **out, const char *root, bool create,
                         struct err *err) DS_MUST_CHECK;
void catalogue_close(struct catalogue **c);

/* For who only reads, and is to be unable to write it, whoever takes that process over. First, with
 * all rights: it is made or brought up to date as by catalogue_open(), and closed; then, shut in,
 * it is opened without any descriptor that can be written to. ERR_IO: somebody else was the last
 * to close it in between, and took away what a reader cannot make: to be begun anew. */
int catalogue_ready_for_reader(const char *root, struct err *err) DS_MUST_CHECK;
int catalogue_open_reader(struct catalogue **out, const char *root, struct err *err) DS_MUST_CHECK;

/* Its connection (rows.h), for what other rooms of the store have in one transaction with it;
 * borrowed until it is closed. Whether that is to the database that a site's machines share, and
 * not to ROOT/catalogue.db. */
struct rows;
int catalogue_rows(struct catalogue *c, struct rows **out, struct err *err) DS_MUST_CHECK;
bool catalogue_is_of_site(const struct catalogue *c);

/* ERR_IO: its file was deleted or replaced, and what it would tell and keep is of no use. Every
 * commit asks, too. */
int catalogue_there(const struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* One transaction around several calls (not nested). A failed commit rolls back. After a temporary
 * error inside it SQLite may have undone it; then every further write and the commit say so. */
int catalogue_begin(struct catalogue *c, struct err *err) DS_MUST_CHECK;
int catalogue_commit(struct catalogue *c, struct err *err) DS_MUST_CHECK;
void catalogue_rollback(struct catalogue *c);

/* Commits if rc is ERR_OK, else rolls back; returns what became of it. */
int catalogue_end(struct catalogue *c, int rc, struct err *err) DS_MUST_CHECK;
bool catalogue_in_transaction(const struct catalogue *c); /* between begin and its end */

/* For who only reads, much of it: all answers until catalogue_rollback() are as of the first, and
 * each costs less. Meanwhile what others write makes catalogue.db-wal longer. */
int catalogue_read_begin(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* Another number than before: somebody else has changed something since. Cheap, for who looks again
 * and again. */
int catalogue_version(struct catalogue *c, int64_t *out, struct err *err) DS_MUST_CHECK;

/* The identity of its ROOT (root.h); none: it is from before these. To set: NULL for a new one. */
int catalogue_root(struct catalogue *c, struct root_id *out, struct err *err) DS_MUST_CHECK;
int catalogue_set_root(struct catalogue *c, const struct root_id *root,
                       struct err *err) DS_MUST_CHECK;

/* The highest key that it ever gave out. */
int catalogue_highest_key(struct catalogue *c, int64_t *out, struct err *err) DS_MUST_CHECK;

/* No transfer that is added from now on has a key of `key` or less. The store of masters knows keys
 * that the catalogue does not when it is newer than this file: a catalogue that was lost, or put
 * back from a backup. */
int catalogue_keys_above(struct catalogue *c, int64_t key, struct err *err) DS_MUST_CHECK;

/* Adds a transfer. Sets t->key, and t->id from imei, camera, kind and time_us (arrived_us when the
 * time is not known): <imei>-<camera>-<kind>-<yyyymmddThhmmssZ>, with -2, -3 … behind it if that is
 * taken, also by one whose custody is left (the first free number, where none was removed). Also
 * notes the camera (imei, position) as seen at arrived_us, if it is a camera's. ERR_MALFORMED if
 * imei, camera or kind is empty or has more than letters and digits: the id must be a safe file
 * name. */
int catalogue_transfer_add(struct catalogue *c, struct catalogue_transfer *t,
                           struct err *err) DS_MUST_CHECK;

/* Writes every column of the row t->key but key and id. ERR_NOTFOUND if there is none. */
int catalogue_transfer_update(struct catalogue *c, const struct catalogue_transfer *t,
                              struct err *err) DS_MUST_CHECK;

/* A duplicate's row, with its copies' rows and its custody. One that is not there is fine. */
int catalogue_transfer_remove(struct catalogue *c, int64_t key, struct err *err) DS_MUST_CHECK;

/* ERR_NOTFOUND if there is none. */
int catalogue_transfer_get(struct catalogue *c, const char *id, struct catalogue_transfer *out,
                           struct err *err) DS_MUST_CHECK;

/* The oldest stored transfer behind the key `after` (0: of all), other than t itself, with t's
 * imei, camera, kind, length and sha256, or ERR_NOTFOUND: the same file came before. That its bytes
 * are still there is the caller's to ask (intake_holds()): if not, the next one's may be. */
int catalogue_transfer_same(struct catalogue *c, const struct catalogue_transfer *t, int64_t after,
                            struct catalogue_transfer *out, struct err *err) DS_MUST_CHECK;

/* Likewise the oldest with this content, whosoever it is. */
int catalogue_transfer_with(struct catalogue *c, const char sha256[65], int64_t length_bytes,
                            int64_t after, struct catalogue_transfer *out,
                            struct err *err) DS_MUST_CHECK;

/* The longest partial of the same file as t: t's imei, camera, kind, metadata time and length,
 * START and path, that is not set aside. ERR_NOTFOUND if there is none, and always for a t without
 * metadata or without a plausible time in them: then nobody knows whether it is the same file. */
int catalogue_transfer_resumable(struct catalogue *c, const struct catalogue_transfer *t,
                                 struct catalogue_transfer *out, struct err *err) DS_MUST_CHECK;

/* What a camera has handed over since: transfers that began then or later, and their bytes. */
int catalogue_camera_load(struct catalogue *c, const char *imei, int64_t since_us,
                          int64_t *transfers, int64_t *bytes, struct err *err) DS_MUST_CHECK;

struct catalogue_counts {
    int64_t receiving, stored, partial; /* transfers */
    int64_t bytes;                      /* of all of them */
};
int catalogue_count(struct catalogue *c, struct catalogue_counts *out,
                    struct err *err) DS_MUST_CHECK;

/* Adds a connection's part to transfer `key` (ERR_NOTFOUND if there is none). */
int catalogue_arrival_add(struct catalogue *c, int64_t key, const struct catalogue_arrival *a,
                          struct err *err) DS_MUST_CHECK;

/* A transfer's parts, in the order in which they were added; fn may write. */
typedef int catalogue_arrival_fn(void *arg, const struct catalogue_arrival *a, struct err *err);
int catalogue_arrival_each(struct catalogue *c, int64_t key, catalogue_arrival_fn *fn, void *arg,
                           struct err *err) DS_MUST_CHECK;

/* Where transfer `key` came from: put (again), get (ERR_NOTFOUND: it is no file's). */
int catalogue_origin_put(struct catalogue *c, int64_t key, const struct catalogue_origin *o,
                         struct err *err) DS_MUST_CHECK;
int catalogue_origin_get(struct catalogue *c, int64_t key, struct catalogue_origin *out,
                         struct err *err) DS_MUST_CHECK;

/* By path: put (or replaced), get (ERR_NOTFOUND), removed (one that is not there is fine). They
 * outlive the transfer's row: what was removed here is not taken again. */
int catalogue_seen_put(struct catalogue *c, const struct catalogue_seen *s,
                       struct err *err) DS_MUST_CHECK;
int catalogue_seen_get(struct catalogue *c, const char *path, struct catalogue_seen *out,
                       struct err *err) DS_MUST_CHECK;
int catalogue_seen_remove(struct catalogue *c, const char *path, struct err *err) DS_MUST_CHECK;

/* Calls fn for each match, by time, then id; fn returns negative (with err set) to stop. fn may
 * write to the catalogue: what matches is settled before the first call, each row is read right
 * before its own, and rows removed in between are left out. t is borrowed for the call. */
typedef int catalogue_each_fn(void *arg, const struct catalogue_transfer *t, struct err *err);
int catalogue_transfer_each(struct catalogue *c, const struct catalogue_filter *filter,
                            catalogue_each_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* How many match, whatever the filter's limit. */
int catalogue_transfer_count(struct catalogue *c, const struct catalogue_filter *filter,
                             int64_t *out, struct err *err) DS_MUST_CHECK;

/* Adds a copy of transfer `key` (ERR_NOTFOUND if there is none), or replaces the one with the same
 * path. */
int catalogue_copy_put(struct catalogue *c, int64_t key, const struct catalogue_copy *copy,
                       struct err *err) DS_MUST_CHECK;

/* The copies of a transfer, by kind and path; fn may write, as above. */
typedef int catalogue_copy_fn(void *arg, const struct catalogue_copy *copy, struct err *err);
int catalogue_copy_each(struct catalogue *c, int64_t key, catalogue_copy_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;

/* What the last conversion found of an original. Unknown: no copy tells, or there is none. */
enum catalogue_condition {
    CATALOGUE_CONDITION_UNKNOWN,
    CATALOGUE_WHOLE,
    CATALOGUE_ENDS_EARLY, /* only its end is missing */
    CATALOGUE_DAMAGED,    /* frames or sound are damaged, missing, or cannot be decoded */
};
/* "whole", "ends early", "damaged"; "unknown". */
const char *catalogue_condition_name(enum catalogue_condition condition);

/* The copies of a transfer in few words, for lists of thousands: their kinds, by kind and path,
 * with spaces (what has no room is left out); the longest "duration_s" in their settings, 0: none
 * has one; and the worst "damage" of those that were made of the whole transfer. */
struct catalogue_copies {
    char kinds[64];
    double duration_s;
    enum catalogue_condition condition;
};
int catalogue_copy_summary(struct catalogue *c, int64_t key, struct catalogue_copies *out,
                           struct err *err) DS_MUST_CHECK;

/* False: it was made when the transfer was partial ("<id>.partial." begins its name), and that is
 * whole now, or more of it has come since; or others stand beside it (enum catalogue_remade). */
bool catalogue_copy_is_current(const struct catalogue_transfer *t,
                               const struct catalogue_copy *copy);

/* Adds a line to the custody of a transfer (its id), in the same transaction as what it reports
 * when there is one. The lines outlive the transfer's row. at_us: CATALOGUE_NOW is when it is
 * entered, after a wait for other writers: such times go down only where the clock was set back. */
#define CATALOGUE_NOW INT64_MIN
int catalogue_event_add(struct catalogue *c, const char *id, const struct custody_event *event,
                        struct err *err) DS_MUST_CHECK;

/* The same of what is not a text yet. ERR_NOMEM also where something in it is not UTF-8. */
int catalogue_event_note(struct catalogue *c, const char *id, int64_t at_us,
                         enum custody_kind event, const char *who, const struct custody_what *what,
                         struct err *err) DS_MUST_CHECK;

/* What the last line tells of; CUSTODY_UNKNOWN: there is none. *erased (may be NULL): a deletion
 * that was asked for. */
int catalogue_event_last(struct catalogue *c, const char *id, enum custody_kind *out, bool *erased,
                         struct err *err) DS_MUST_CHECK;

/* The lines of a transfer's custody, from the first on. They are as they stand in the database:
 * custody_next() tells whether they belong together. */
typedef int catalogue_event_fn(void *arg, const char *line, struct err *err);
int catalogue_event_each(struct catalogue *c, const char *id, catalogue_event_fn *fn, void *arg,
                         struct err *err) DS_MUST_CHECK;

/* Tells each line of a custody anew as custody_retell() does, for what was erased: what `keep` does
 * not want is nowhere in it any more. */
int catalogue_event_retell(struct catalogue *c, const char *id, custody_keep_fn *keep, void *arg,
                           struct err *err) DS_MUST_CHECK;

/* How many lines there are, also behind a gap. */
int catalogue_event_count(struct catalogue *c, const char *id, int64_t *lines,
                          struct err *err) DS_MUST_CHECK;

/* A stage of the pipeline has done its work on transfer `key` (ERR_NOTFOUND if there is none): what
 * makes a job that comes again, after a crash between the work and the job's end, a job without
 * work. In the same transaction as what the work left here, where there is such. */
int catalogue_done_put(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                       int attempt, struct err *err) DS_MUST_CHECK;

/* That a stage has it to do: a job of it was put there, or is about to be, until it is done
 * (catalogue_done_put()) or is given up. So a job that is lost is missed. Nothing changes where the
 * stage has it to do already, has done it, or it was given up. */
int catalogue_owe(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                  struct err *err) DS_MUST_CHECK;
int catalogue_give_up(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                      struct err *err) DS_MUST_CHECK;
/* It has it to do once more, whatever it did. */
int catalogue_owe_again(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                        struct err *err) DS_MUST_CHECK;
int catalogue_is_owed(struct catalogue *c, int64_t key, const char *stage, bool *out,
                      struct err *err) DS_MUST_CHECK;

/* *at_us 0: it has not. */
int catalogue_done_get(struct catalogue *c, int64_t key, const char *stage, int64_t *at_us,
                       struct err *err) DS_MUST_CHECK;

/* A job of a stage failed, and does not go on by itself: noted (again) by who moves it, taken away
 * by who lets it go on; what the stage has done, was given up or has to do once more ends it, too.
 * ERR_NOTFOUND: no transfer `key`. */
struct catalogue_trouble {
    int64_t at_us;
    char why[256]; /* one line */
};
int catalogue_trouble_note(struct catalogue *c, int64_t key, const char *stage,
                           const struct catalogue_trouble *t, struct err *err) DS_MUST_CHECK;
int catalogue_trouble_over(struct catalogue *c, int64_t key, const char *stage,
                           struct err *err) DS_MUST_CHECK;
int catalogue_trouble_get(struct catalogue *c, int64_t key, const char *stage,
                          struct catalogue_trouble *out, bool *found,
                          struct err *err) DS_MUST_CHECK;

const char *catalogue_state_name(enum catalogue_state state);

/* ---- what is kept, and what went ----
 *
 * What is kept whatever a rule says, and what went. Each function is one
 * transaction, or part of the caller's.
 *
 *     stored, partial ──retire──► a custody that ends with "deleted", and a master that is due to
 * be dropped from raw/<day>.db ──dropped──► the custody alone
 *
 * The custody outlives its transfer: its id is never given again.
 */

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
/* Whether this one is. Nothing of a transfer that has a row may be. */
int catalogue_is_due(struct catalogue *c, int64_t key, bool *out, struct err *err) DS_MUST_CHECK;
/* It was dropped, durably. */
int catalogue_due_done(struct catalogue *c, int64_t key, struct err *err) DS_MUST_CHECK;

/* What was done to the store last: "sweep", "fsck", "backup"; "clock": the last time of which more
 * than this machine's clock was witness; CATALOGUE_MISSING_DAYS: where it is not ok, the days whose
 * files a receiver goes on without (intake.h), as many as there is room for. Whoever does it notes
 * it. */
#define CATALOGUE_MISSING_DAYS "missing days"
#define CATALOGUE_UPKEEP_ROOM  256
struct catalogue_upkeep {
    int64_t at_us;
    bool ok;
    char text[CATALOGUE_UPKEEP_ROOM]; /* what came of it, for people */
};
int catalogue_upkeep_note(struct catalogue *c, const char *task, const struct catalogue_upkeep *u,
                          struct err *err) DS_MUST_CHECK;
/* It ended with an error, which is noted (CATALOGUE_UPKEEP_FAILED and its text) where that can be
 * done. */
#define CATALOGUE_UPKEEP_FAILED "failed: "
void catalogue_upkeep_failed(const char *root, const char *task, const struct err *why);
int catalogue_upkeep_last(struct catalogue *c, const char *task, struct catalogue_upkeep *out,
                          bool *found, struct err *err) DS_MUST_CHECK;

/* When the newest transfer until until_us arrived by this machine's clock, and the newest of those
 * from a camera whose own clock said the same, within within_us; 0: there is none. */
int catalogue_newest(struct catalogue *c, int64_t until_us, int64_t within_us, int64_t *arrived_us,
                     int64_t *confirmed_us, struct err *err) DS_MUST_CHECK;

/* Takes a copy's row away. One that is not there is fine. */
int catalogue_copy_remove(struct catalogue *c, const char *path, struct err *err) DS_MUST_CHECK;

/* ---- what the tracker said of it ----
 *
 * Records of the tracker's own link that belong to a transfer (journey.h): a copy of them, which
 * lives as long as the transfer. Order is by time, priority, event, hash; each is there once.
 */

struct catalogue_record {
    int64_t time_ms; /* the tracker's clock, Unix, UTC */
    int priority, event, codec;
    int64_t arrived_us;
    uint8_t sha256[HASH_BYTES]; /* of raw */
    const uint8_t *raw;         /* as it came */
    size_t raw_bytes;
};

/* *added: it was not there. ERR_NOTFOUND: no transfer `key`. */
int catalogue_record_put(struct catalogue *c, int64_t key, const struct catalogue_record *r,
                         bool *added, struct err *err) DS_MUST_CHECK;

/* Those of from_ms..until_ms, both ends with them, in order; raw is borrowed for the call. fn may
 * write. */
typedef int catalogue_record_fn(void *arg, const struct catalogue_record *r, struct err *err);
int catalogue_record_each(struct catalogue *c, int64_t key, int64_t from_ms, int64_t until_ms,
                          catalogue_record_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;
int catalogue_record_count(struct catalogue *c, int64_t key, int64_t *records, int64_t *bytes,
                           struct err *err) DS_MUST_CHECK;

/* The record by which the tracker told the event of the transfer. */
struct catalogue_match {
    int64_t time_ms;
    int priority, event;
    uint8_t sha256[HASH_BYTES];
    int64_t difference_ms; /* its time less that of the transfer; shown, never corrected */
};
int catalogue_match_put(struct catalogue *c, int64_t key, const struct catalogue_match *m,
                        struct err *err) DS_MUST_CHECK;
int catalogue_match_get(struct catalogue *c, int64_t key, struct catalogue_match *out, bool *found,
                        struct err *err) DS_MUST_CHECK;

/* Whether its driver was private at some moment of the clip: lists show no position of it then. Who
 * joins records tells (journey_hides()). */
int catalogue_private_put(struct catalogue *c, int64_t key, bool is_private,
                          struct err *err) DS_MUST_CHECK;

/* ---- for checks, copies and rebuilding ----
 *
 * The catalogue as somebody sees it who does not trust it, copies it, or makes it
 * anew.
 */

/* What SQLite finds wrong with the file (PRAGMA integrity_check and foreign_key_check), a text
 * each, 100 at most, and whether settings of copies are what their checksum says; `quick` leaves
 * out the latter, and whether indices agree with their tables. fn returns negative to stop. */
typedef int catalogue_flaw_fn(void *arg, const char *text, struct err *err);
int catalogue_check(struct catalogue *c, bool quick, catalogue_flaw_fn *fn, void *arg,
                    struct err *err) DS_MUST_CHECK;

/* The keys of all transfers, in their order; fn may write. One that cannot be read does not keep
 * the others from it, as in catalogue_transfer_each(): catalogue_transfer_by_key() tells. */
typedef int catalogue_key_fn(void *arg, int64_t key, struct err *err);
int catalogue_key_each(struct catalogue *c, catalogue_key_fn *fn, void *arg,
                       struct err *err) DS_MUST_CHECK;
/* Of those that some stage has to do (catalogue_owe()). */
int catalogue_owed_each(struct catalogue *c, catalogue_key_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;

/* Of a catalogue that cannot be opened for being newer (ERR_UNSUPPORTED): how many transfers have a
 * custody, and how many protections there are. */
int catalogue_count_newer(const char *root, int64_t *custodies, int64_t *protections,
                          struct err *err) DS_MUST_CHECK;

/* The stored and partial transfers of each day, added up as raw_sum() does, into `out`; those that
 * are set aside are left out. And the keys of those of one day that are stored; fn may write. */
struct catalogue_day {
    char day[16];
    int64_t transfers, keys, lengths, arrivals;
};
struct buf;
int catalogue_days(struct catalogue *c, struct buf *out, struct err *err) DS_MUST_CHECK;
int catalogue_stored_of_day(struct catalogue *c, const char *day, catalogue_key_fn *fn, void *arg,
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

/* Nothing of rows that went, or were otherwise, is left in catalogue.db and its -wal: it is written
 * anew in place, for which it lies in memory once. Others wait; ERR_BUSY if they do not let us. */
int catalogue_scrub(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* Adds a row with the key and the id that it says. ERR_MALFORMED if either is taken. */
int catalogue_transfer_restore(struct catalogue *c, const struct catalogue_transfer *t,
                               struct err *err) DS_MUST_CHECK;

#define CATALOGUE_STAGE_ROOM 128

struct catalogue_done {
    char stage[CATALOGUE_STAGE_ROOM];
    int64_t at_us;
    int attempt; /* 0: it has that to do, since at_us; -1: that was given up */
};

/* The stages that have done their work on transfer `key`, or have it to do, by name; all files that
 * were seen, by path. fn may write to another catalogue, or remove the file that it is told of.
 * ERR_MALFORMED ends it at a row that cannot be read. */
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

/* ---- as a whole ----
 *
 * The catalogue as a whole, for somebody who only looks: how much there is,
 * which cameras were here when, what broke off. The file is opened read-only: an older version of
 * it is not brought up to date (all that is asked here is in each), nobody who writes waits, and
 * busy ones are waited for half a second. All answers are as of the first question. Not
 * thread-safe.
 *
 * Files touched: ROOT/catalogue.db is read; SQLite may make its -wal and -shm.
 */

struct catalogue_summary;

/* ERR_NOTFOUND: there is none; else as catalogue_open(). *out is the caller's. */
int catalogue_summary_open(struct catalogue_summary **out, const char *root,
                           struct err *err) DS_MUST_CHECK;
void catalogue_summary_close(struct catalogue_summary **l);

struct catalogue_totals {
    int64_t receiving, stored, partial; /* transfers */
    int64_t unpublished;                /* of the stored ones: without a job yet */
    int64_t bytes;                      /* of all masters */
    int64_t since_bytes;                /* of those that began at since_us or later */
    int64_t first_us;                   /* when the first of all began; 0: there is none */
    char oldest_unpublished[CATALOGUE_ID_ROOM];
    int64_t oldest_unpublished_us; /* when it was complete */
    char oldest_partial[CATALOGUE_ID_ROOM], partial_why[128];
    int64_t oldest_partial_us; /* when it was interrupted, and why */
};
int catalogue_summary_totals(struct catalogue_summary *l, int64_t since_us,
                             struct catalogue_totals *out, struct err *err) DS_MUST_CHECK;

/* What a stage has to do since before until_us (catalogue_owe()): how many; and the ids of those
 * that are stored, and whose job was put, by key. */
int catalogue_summary_owed(struct catalogue_summary *l, const char *stage, int64_t until_us,
                           int64_t *out, struct err *err) DS_MUST_CHECK;
typedef int catalogue_owed_fn(void *arg, const char *id, struct err *err);
int catalogue_summary_owed_each(struct catalogue_summary *l, const char *stage, int64_t until_us,
                                catalogue_owed_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* As catalogue_upkeep_last(). */
int catalogue_summary_upkeep(struct catalogue_summary *l, const char *task,
                             struct catalogue_upkeep *out, bool *found,
                             struct err *err) DS_MUST_CHECK;

/* How many copies, and their bytes: added up (*exact), or, where there are more than
 * CATALOGUE_LOOK_COPIES, estimated from as many of them, spread evenly. */
#define CATALOGUE_LOOK_COPIES 5000
int catalogue_summary_copies(struct catalogue_summary *l, int64_t *copies, int64_t *bytes,
                             bool *exact, struct err *err) DS_MUST_CHECK;

/* The cameras that connected, by IMEI and position; last_us: when their last transfer began. An
 * imported file is no sign of its camera. */
typedef int catalogue_camera_fn(void *arg, const char *imei, const char *camera, int64_t last_us,
                                struct err *err);
int catalogue_summary_cameras(struct catalogue_summary *l, catalogue_camera_fn *fn, void *arg,
                              struct err *err) DS_MUST_CHECK;

/* Connections that ended at since_us or later before the file was complete, the last first; of the
 * last 100 000 connections. */
struct catalogue_broken {
    const char *id, *imei, *camera;
    const char *why;
    int64_t at_us;
    bool partial; /* it has not come whole since */
};
typedef int catalogue_broken_fn(void *arg, const struct catalogue_broken *b, struct err *err);
int catalogue_summary_broken(struct catalogue_summary *l, int64_t since_us, catalogue_broken_fn *fn,
                             void *arg, struct err *err) DS_MUST_CHECK;

/* Footage that was asked for and is still to come (requests.h), by id. */
struct catalogue_asked {
    int64_t id;
    const char *imei, *state, *kind, *camera, *by;
    const char *why;          /* what its last event says */
    int64_t time_s, added_us; /* time_s: of the footage; 0: none */
};
typedef int catalogue_asked_fn(void *arg, const struct catalogue_asked *a, struct err *err);
int catalogue_summary_asked(struct catalogue_summary *l, catalogue_asked_fn *fn, void *arg,
                            struct err *err) DS_MUST_CHECK;

/* Events of rules of which it is not known yet what becomes of them (standing.h), by rule. */
struct catalogue_noted {
    const char *rule;
    int64_t n;
    int64_t oldest_us; /* the event itself */
    int64_t due_us;    /* when the next of them is looked at */
};
typedef int catalogue_noted_fn(void *arg, const struct catalogue_noted *n, struct err *err);
int catalogue_summary_noted(struct catalogue_summary *l, catalogue_noted_fn *fn, void *arg,
                            struct err *err) DS_MUST_CHECK;

#endif

/*
 * raw: the masters. Every original byte that a camera handed over, in SQLite files
 * ROOT/raw/<day>.db, one a UTC day of arrival, so that retention and back-up are a matter of whole
 * files.
 *
 * A master is named by its day ("2026-11-21") and its key, a number that the catalogue gave it. Its
 * bytes are appended in order as chunks of at most RAW_CHUNK_BYTES, and it is sealed with its facts
 * (wire bytes as received, length, SHA-256) when it is whole: what is not sealed is a partial.
 * Facts stand here a second time so that the catalogue can be rebuilt from these files alone.
 *
 * A key alone is not believed: a catalogue that is older than these files gives it out again. Whose
 * a master is stands beside its first chunk, in the same transaction, with the identity of the ROOT
 * (root.h); who appends, seals or reads it as his says who he is, and is refused where that is
 * another. Each file says which ROOT it belongs to, and one of another ROOT is not opened.
 *
 * Writes gather in one transaction per day file until raw_commit(), which returns only when they
 * are on disk (synchronous=FULL, persistent rollback journal, 64 KiB pages). Not thread-safe: one
 * thread uses a struct raw at a time; other processes may read while one writes, and wait for one
 * another's commits (ERR_BUSY after 5 s).
 *
 * A day that is not exactly dddd-dd-dd is ERR_MALFORMED; so is a file or a row that is not as this
 * program writes it. What is refused as permanent changes nothing, and the transaction goes on;
 * after a temporary error it may be gone (the next raw_commit() tells): raw_rollback(), then begin
 * again from raw_stat().
 *
 * A site's masters are rows of its database, and objects of its object store, by their SHA-256;
 * whole ones only. They are added by who accepts them (accept.h), not by raw_append() and
 * raw_seal(), which are ERR_UNSUPPORTED there, as is raw_backup(); what belongs to which ROOT there
 * is no question. A row never is without its object: drop takes the row away, and raw_commit() and
 * raw_trim() the objects that no row has any more.
 *
 * Files touched: ROOT/raw/<day>.db and its -journal; none of a site.
 */
#ifndef DASHSPOOL_RAW_H
#define DASHSPOOL_RAW_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include "dashspool/root.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest chunk: the largest multiple of 1024 (a camera's packet) that a 64 KiB page holds whole.
 */
#define RAW_CHUNK_BYTES      (63 * 1024)

/* Largest master: its offsets are kept in 32 bits. */
#define RAW_MASTER_BYTES_MAX UINT32_MAX

#define RAW_DAY_ROOM         11 /* "2026-11-21" and NUL */

/* Longest INIT, metadata, START or path that raw_seal() keeps: a frame's length has 16 bits. */
#define RAW_WIRE_BYTES_MAX   UINT16_MAX

struct raw;

struct raw_facts {
    const char *id, *imei, *camera, *kind, *source; /* as in the catalogue */
    int64_t arrived_us;
    int64_t length_bytes;
    uint8_t sha256[HASH_BYTES];
    /* wire bytes, verbatim; NULL where there were none */
    const uint8_t *init, *meta, *start, *path;
    size_t init_bytes, meta_bytes, start_bytes, path_bytes;
};

/* Opens the store below root (made if it is not there), or, where this machine is one of a site
 * (site.h), that of the site; raw_open_local() in any case that below root. *out is the caller's
 * (raw_close). */
int raw_open(struct raw **out, const char *root, struct err *err) DS_MUST_CHECK;
int raw_open_local(struct raw **out, const char *root, struct err *err) DS_MUST_CHECK;
bool raw_is_of_site(const struct raw *raw);
void raw_close(struct raw **raw); /* what is not committed is rolled back */

/* The day file of an arrival time. */
void raw_day(int64_t utc_us, char out[RAW_DAY_ROOM]);

/* Appends n bytes (1..RAW_CHUNK_BYTES, else ERR_LIMIT) at `offset`, which must be the master's
 * length so far (else ERR_MALFORMED, as for a sealed master; nothing changes then). The first ones
 * make it the master of `whose` (length and hash do not matter), those that follow must be of the
 * same transfer: id, imei, camera, kind, source, arrived_us, START and path (else ERR_MALFORMED).
 * whose NULL: of nobody knows whom, as partials of older versions are; only for copies of these. */
int raw_append(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
               int64_t offset, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Declares the master whole. ERR_MALFORMED if the appended bytes are not facts->length_bytes, or of
 * another transfer.
 * Sealing again with the same length and SHA-256 changes nothing and succeeds. facts is borrowed
 * for the call; that sha256 fits the bytes is the caller's word. */
int raw_seal(struct raw *raw, const char *day, int64_t key, const struct raw_facts *facts,
             struct err *err) DS_MUST_CHECK;

/* ERR_OK: it is a master or partial of `whose`, or there is none. ERR_MALFORMED: it is of another
 * transfer; ERR_UNSUPPORTED: a partial from before that was noted. */
int raw_check_whose(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
                    struct err *err) DS_MUST_CHECK;

/* Removes a master or a partial (a duplicate, retention). One that is not there is fine. */
int raw_drop(struct raw *raw, const char *day, int64_t key, struct err *err) DS_MUST_CHECK;

/* All appends, seals and drops since the last commit become durable, or (on failure) none of them
 * and they are rolled back. That is so for each day file: around midnight two of them may be
 * written, and a failure of the second does not undo the first. Ask raw_stat() what is there. */
int raw_commit(struct raw *raw, struct err *err) DS_MUST_CHECK;
void raw_rollback(struct raw *raw);

/* Commits if rc is ERR_OK, else rolls back; returns what became of it. */
int raw_end(struct raw *raw, int rc, struct err *err) DS_MUST_CHECK;

/* Length in bytes of what is there; *sealed tells a master from a partial, and sha256 (may be NULL)
 * is set for a master. ERR_NOTFOUND if there is nothing. */
int raw_stat(struct raw *raw, const char *day, int64_t key, int64_t *length_bytes, bool *sealed,
             uint8_t sha256[HASH_BYTES], struct err *err) DS_MUST_CHECK;

/* Hands the bytes over in order, chunk by chunk; fn returns negative (with err set) to stop, and
 * may use raw itself. A hole or a wrong length in the store is ERR_MALFORMED, told before the end
 * is reached. Of a partial: what was there at the call. No lock is held while fn runs. */
typedef int raw_sink_fn(void *arg, const void *data, size_t n, struct err *err);
int raw_copy(struct raw *raw, const char *day, int64_t key, raw_sink_fn *fn, void *arg,
             struct err *err) DS_MUST_CHECK;

/* The chunk that begins at `at`, 0 or where another one ended, of a master or partial of `length`
 * bytes: for who cannot take them one after the other in one call. ERR_MALFORMED as above. */
int raw_read_chunk(struct raw *raw, const char *day, int64_t key, int64_t at, int64_t length,
                   uint8_t out[RAW_CHUNK_BYTES], size_t *n, struct err *err) DS_MUST_CHECK;

/* ---- upkeep ----
 *
 * The masters as somebody sees them who checks, copies or clears the store, or makes a
 * catalogue from it.
 */

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
    bool owned;             /* it says whose it is; only partials from before that do not */
    bool noted;             /* and did so from its first byte on */
    struct raw_facts facts; /* of an owned one, borrowed; texts may be ""; no hash of a partial */
    const char *flaw; /* NULL; else what of it cannot be read, and the rest is not to be used */
};

/* The masters and partials of a day by key; fn may use raw. ERR_NOTFOUND if there is no such file.
 */
typedef int raw_master_fn(void *arg, const struct raw_master *m, struct err *err);
int raw_each(struct raw *raw, const char *day, raw_master_fn *fn, void *arg,
             struct err *err) DS_MUST_CHECK;

/* One of them, likewise. ERR_NOTFOUND if there is nothing of it. */
int raw_one(struct raw *raw, const char *day, int64_t key, raw_master_fn *fn, void *arg,
            struct err *err) DS_MUST_CHECK;

/* Its chunks came in the order of their offsets. */
int raw_in_order(struct raw *raw, const char *day, int64_t key, bool *out,
                 struct err *err) DS_MUST_CHECK;

/* ---- which ROOT: intake.h asks, and says so ---- */

/* The identity that files must have, and that new ones get. raw_open() takes that of the directory,
 * if it has one. */
void raw_set_root(struct raw *raw, const struct root_id *root);

/* That of a day's file (none: it does not say); *empty: no master is in it. ERR_FOREIGN: it is
 * another than that of ROOT; ERR_NOTFOUND: no such file. */
int raw_day_root(struct raw *raw, const char *day, struct root_id *out, bool *empty,
                 struct err *err) DS_MUST_CHECK;

/* A file that does not say belongs to this ROOT; a partial of it that does not say is of `whose`.
 * Until that is done nobody writes to it. Both by the next raw_commit(). */
int raw_adopt(struct raw *raw, const char *day, struct err *err) DS_MUST_CHECK;
int raw_own(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
            struct err *err) DS_MUST_CHECK;

/* The masters and partials of a day that say whose they are, added up: how many, their keys,
 * lengths (of sealed ones, times the key, so that it shows which of them these are) and arrival
 * times (each modulo 1000000007). No such file: 0. */
struct raw_sum {
    int64_t masters, keys, lengths, arrivals;
};
int raw_sum(struct raw *raw, const char *day, struct raw_sum *out, struct err *err) DS_MUST_CHECK;

/* What SQLite finds wrong with a day's file, a text each, 100 at most. It reads all of it. */
typedef int raw_flaw_fn(void *arg, const char *text, struct err *err);
int raw_check(struct raw *raw, const char *day, raw_flaw_fn *fn, void *arg,
              struct err *err) DS_MUST_CHECK;

/* A day's file into the new file `path`, in pieces between which others may write; for days that
 * nobody writes to all the time (then ERR_BUSY, or never an end). */
int raw_backup(struct raw *raw, const char *day, const char *path, struct err *err) DS_MUST_CHECK;

/* Makes what was dropped from a day's file gone, and gives its space back to the disk: unused pages
 * are cut off in steps between which others may write, and the journal, which had to hold what was
 * dropped, is emptied. *freed_bytes: by how much both are smaller. Cheap where nothing was dropped.
 *
 * RAW_TRIM_OPEN: no more than that, for a day that a receiver may write to.
 * RAW_TRIM_CLOSED: no transfer of a receiver can be of that day any more. A file with nothing in it
 * is deleted. Pieces of rows (of less than a page each) that SQLite left between others go when the
 * file is written anew: at once where that costs little beside what was dropped, else a day after
 * the last drop at the latest, or when the disk has room for it again.
 * RAW_TRIM_NOW: the file, of whatever day, is written anew at once; ERR_IO without the room.
 *
 * ERR_BUSY if somebody is at it. Nothing may be uncommitted. */
enum raw_trim { RAW_TRIM_OPEN, RAW_TRIM_CLOSED, RAW_TRIM_NOW };
int raw_trim(struct raw *raw, const char *day, enum raw_trim how, int64_t *freed_bytes,
             struct err *err) DS_MUST_CHECK;

/* ---- the site's: for accept.h ----
 *
 * In a transaction of rows.h. The lock is on all masters with these bytes, until its end.
 */
struct rows;
#define RAW_OBJECT_ROOM 512
int raw_site_lock(struct rows *rows, const char *sha256, struct err *err) DS_MUST_CHECK;
int raw_site_add(struct rows *rows, const char *day, int64_t key, const struct raw_facts *facts,
                 struct err *err) DS_MUST_CHECK;

/* The object (objects.h) of the bytes; that of the facts and custody of master facts_of, beside it,
 * for who has nothing but objects. */
int raw_site_object(const char *sha256, int64_t facts_of, char out[RAW_OBJECT_ROOM],
                    struct err *err) DS_MUST_CHECK;

#endif

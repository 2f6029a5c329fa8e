/*
 * master: the original bytes of a transfer as a file, for whoever makes copies of it; its facts,
 * for whoever hands them out; and whether these are still what came.
 */
#ifndef DASHSPOOL_MASTER_H
#define DASHSPOOL_MASTER_H

#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/raw.h"
#include "dashspool/wire.h"

/* Where they may lie as files for a while: in working directories of this prefix in ROOT, or in
 * directories of its jobs. Never beside what is handed out: a medium keeps what was deleted. */
#define MASTER_STAGE ".staged-"

/* What a master is begun with, and sealed but for its hash; borrows from row. */
struct raw_facts master_facts(const struct catalogue_transfer *row);

/* ERR_OK: what lies under the transfer's key is its own, or nothing is there. ERR_MALFORMED: it is
 * another's (with the other's id); ERR_UNSUPPORTED: a partial from before that was noted. */
int master_check_whose(struct raw *raw, const struct catalogue_transfer *t,
                       struct err *err) DS_MUST_CHECK;

/* May a master hold the bytes of two transfers? None does that was received since its first chunk
 * says whose it is. What is known of older ones: who connected, what each connection brought and
 * where it began, the order of the chunks, the length that the camera announced. */
enum master_verdict {
    MASTER_PURE,
    MASTER_UNKNOWN, /* nobody can tell; why says what is not known */
    MASTER_MIXED,   /* why says by what it shows */
};
#define MASTER_WHY_ROOM 160
int master_judge(struct catalogue *c, struct raw *raw, const struct catalogue_transfer *t,
                 const struct raw_master *m, enum master_verdict *out, char why[MASTER_WHY_ROOM],
                 struct err *err) DS_MUST_CHECK;

/* Writes them to `path`, which is made or emptied (mode 0640), not fsynced. ERR_MALFORMED: they are
 * not those that were received, or another's. Of a partial transfer, which has no hash of receipt,
 * t->sha256 becomes that of what is there. On failure a part of it may be left. */
int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path,
                   struct err *err) DS_MUST_CHECK;

/* Writes them to fd, which stays the caller's; sha256 becomes that of what is there. Errors as
 * above; of whose they are nothing is asked. */
int master_write(struct raw *raw, const struct catalogue_transfer *t, int fd,
                 char sha256[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* ---- facts ----
 *
 * Everything that the catalogue knows of a transfer, as JSON: for machines, and for evidence
 * packages. Times are RFC 3339, UTC; what a camera said and what cannot be true is under
 * "untrusted"; wire bytes are hexadecimal.
 */

/* Text of a JSON object, with its connections and its copies. *out is the caller's (free). */
int facts_transfer(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                   struct err *err) DS_MUST_CHECK;

/* Likewise, how it came alone: {"id", "transfer": {…}, "wire": {…}}. */
int facts_arrival(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                  struct err *err) DS_MUST_CHECK;

/* "dualcam", "dsm", "adas" or "json", with "-text" behind it where the vendor's test server wrote
 * them down, and what is decoded; NULL: there are none that can be read. */
const char *facts_metadata_form(const struct catalogue_transfer *t, struct wire_meta *out);

/* Decodes t->wire.meta by t->arrived_us (wire.h) into t's columns and `known`. False: there are no
 * metadata, or they cannot be read, and count as absent; t is as it was then, or, where an older
 * decoder had read them, as without. */
bool facts_decode(struct catalogue_transfer *t);

/* ---- record ----
 *
 * What the custody says of what came, so that a fact can be compared later with where it is from.
 * Who stores or changes a transfer's facts writes it, in the same transaction.
 */

enum facts_scope {
    FACTS_WIRE = 1,    /* the bytes as received, by their hashes, and what was decoded of them */
    FACTS_ARRIVAL = 2, /* times, counters and connections */
};

/* Where members of a struct custody_what lie. */
struct facts_record {
    char *facts;
    char init[HASH_HEX_ROOM], meta[HASH_HEX_ROOM], start[HASH_HEX_ROOM], path[HASH_HEX_ROOM];
    char arrived[CLOCK_TEXT_ROOM], completed[CLOCK_TEXT_ROOM], list[HASH_HEX_ROOM];
    int64_t connections, crc_errors, resumes, first_packet;
};

/* Sets the members of *what that belong to `scopes`; they borrow from *out and from t. The row's
 * connections are read from c. facts_record_clear() *out, also after a failure. */
int facts_record(struct facts_record *out, struct custody_what *what, struct catalogue *c,
                 const struct catalogue_transfer *t, unsigned scopes,
                 struct err *err) DS_MUST_CHECK;
void facts_record_clear(struct facts_record *r);

/* Where a file was, as the custody has it: longer ones are cut off. */
#define FACTS_PATH_ROOM    1024

/* Who told the time of an imported file, or the zone of it; "somebody": nobody knows any more. */
#define FACTS_TOLD_BY_ROOM 128
int facts_told_by(struct catalogue *c, const struct catalogue_transfer *t,
                  char out[FACTS_TOLD_BY_ROOM], struct err *err) DS_MUST_CHECK;

/* ---- check ----
 *
 * Nobody who can write to a database is believed on his word. Of each fact there is more than one
 * witness:
 *
 *     the row ◄─► the bytes received, decoded again ◄─► what is sealed with the master (raw.h)
 *        └────────────────► the custody: hashes of the bytes, facts, counters ◄─┘
 *
 * and connections, copies, protections and a file's origin are compared with the custody alone.
 * What was stored before the custody had such records is compared with the bytes alone. What is
 * compared with nothing stands in docs/evidence.md, and tests/e2e/test_e2e_tamper.c holds the list.
 */

/* One difference, with both values: "time: the catalogue says …, the bytes received say …". `note`:
 * it is none that anybody made: a newer decoder reads the same bytes otherwise. */
typedef int facts_told_fn(void *arg, bool note, const char *text, struct err *err);

/* Compares the transfer `key` with its sources; a row that is not there (any more) has no
 * differences. Errors are of reading, ERR_MALFORMED among them: a row or line that cannot be read.
 * Others may write meanwhile. */
int facts_check(struct catalogue *c, struct raw *raw, int64_t key, facts_told_fn *fn, void *arg,
                struct err *err) DS_MUST_CHECK;

/* Makes the row what its sources say, where all of these agree: facts from the bytes received
 * (those sealed with the master before those of the row), the rest from the custody, which gets an
 * event "repaired" by `who` with both values of each; one transaction. *changed: how many facts; 0:
 * nothing was to be done, or could be (the sources do not agree with one another, or what differs
 * is not in the row): facts_check() tells what. */
int facts_repair(struct catalogue *c, struct raw *raw, int64_t key, const char *who, int *changed,
                 struct err *err) DS_MUST_CHECK;

/* A row's connections as a package has them: the text of a JSON array; the caller frees it. */
int facts_connections(char **out, struct catalogue *c, int64_t key, struct err *err) DS_MUST_CHECK;

#endif

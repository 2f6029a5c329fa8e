/*
 * root: which ROOT a store belongs to. Everything below a ROOT that can be saved and put back by
 * itself says of which one it is: catalogue.db, each raw/<day>.db and each file of telemetry/ in a
 * table `root`, raw/, archive/, spool/ and telemetry/ by a file `root-id` of 32 hexadecimal digits
 * and a newline. A copy of a ROOT (a backup, rsync) keeps the identity; two that were made apart
 * never have the same.
 *
 * A new catalogue makes it: 128 random bits. What is older than identities gets that of its ROOT by
 * the next receiver, import, sweep or erasure (intake.h), if what it holds agrees with the rest.
 *
 * No state. Files touched: ROOT/{raw,archive,spool,telemetry}/root-id; written beside, and renamed.
 */
#ifndef DASHSPOOL_ROOT_H
#define DASHSPOOL_ROOT_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

#define ROOT_ID_BYTES 16
#define ROOT_ID_ROOM  33 /* 32 hexadecimal digits and NUL */
#define ROOT_ID_FILE  "root-id"

/* All zero: none. */
struct root_id {
    uint8_t bytes[ROOT_ID_BYTES];
};

bool root_id_known(const struct root_id *id);
bool root_id_same(const struct root_id *a, const struct root_id *b);
void root_id_text(const struct root_id *id, char out[ROOT_ID_ROOM]);

/* The name of a mark, or of one whose writing a crash cut short: for who lists these directories.
 */
bool root_is_mark(const char *name);

/* That of ROOT/<dir>; none if there is no such file or directory. ERR_MALFORMED: it is not such a
 * file. */
int root_read(const char *root, const char *dir, struct root_id *out,
              struct err *err) DS_MUST_CHECK;

/* Compares all directories with the identity of ROOT's catalogue; those that have none are fine,
 * and so is a catalogue without one. ERR_FOREIGN says which of them is foreign, and what to do. */
int root_check(const char *root, const struct root_id *catalogue, struct err *err) DS_MUST_CHECK;

/* Makes raw/, archive/, spool/ and telemetry/ with their marks, as far as they are missing.
 * ERR_FOREIGN: one has another identity. */
int root_mark(const char *root, const struct root_id *id, struct err *err) DS_MUST_CHECK;

/* ERR_FOREIGN: a first backup into this directory broke off; it is no ROOT, and nothing may make
 * one of it. */
int root_check_whole(const char *root, struct err *err) DS_MUST_CHECK;

/* Before a catalogue is made where there is none: ERR_FOREIGN if there was one, for what ROOT holds
 * needs it. A new one would begin to count its keys at 1, and know nothing of the originals. */
int root_is_new(const char *root, struct err *err) DS_MUST_CHECK;

#endif

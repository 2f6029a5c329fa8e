/*
 * drop: small clips for folders that are watched or imported, and what the stores then hold.
 * Everything fails the running test on error.
 */
#ifndef TESTS_DROP_H
#define TESTS_DROP_H

#include "dashspool/catalogue.h"
#include "support/support.h"

/* Camera records of about `bytes` (at least 100) whose content depends on `seed`; *n is set;
 * free() it. */
uint8_t *drop_bytes(uint32_t seed, size_t bytes, size_t *n);

/* The same as a file. */
void drop_clip(const char *path, uint32_t seed, size_t bytes);

/* What is in the stores below root. Checked on the way: nothing is half-way; each transfer is of
 * source "file", stored and published, its master's bytes have its hash, and there is a job for it;
 * no master without a row; the databases are sound. */
struct drop_found {
    int64_t n;
    uint64_t sum; /* of the contents' hashes, whatever their order */
};
struct drop_found drop_look(const char *root);

/* The same sum, of files' contents. */
uint64_t drop_sum(uint64_t sum, const void *data, size_t n);

/* How many transfers there are; 0: also without a catalogue. */
int64_t drop_count(const char *root);

/* The only transfer whose file has that name. */
struct catalogue_transfer drop_row(const char *root, const char *name);

#endif

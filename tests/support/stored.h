/*
 * stored: masters in a ROOT as a receiver leaves them (row, bytes, custody), put there directly and
 * with one commit. Everything fails the running test on error.
 */
#ifndef TESTS_STORED_H
#define TESTS_STORED_H

#include "dashspool/catalogue.h"
#include "dashspool/raw.h"

struct stored {
    struct catalogue *catalogue;
    struct raw *raw;
};

void stored_open(struct stored *s, const char *root);
void stored_close(struct stored *s); /* commits */

/* A transfer of n bytes with what *row says (imei, camera, kind, state, times, known …); its id and
 * key come back in *row. */
void stored_add(struct stored *s, struct catalogue_transfer *row, const void *data, size_t n);

/* A copy in ROOT/archive/<name>, with those bytes. */
void stored_copy(struct stored *s, const char *root, const struct catalogue_transfer *row,
                 const char *kind, const char *name, const void *data, size_t n);

#endif

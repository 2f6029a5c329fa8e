/*
 * vectors: frames in a table, "name TAB hex TAB what it is"; lines with # are remarks.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "support/support.h"

struct vector {
    char name[64];
    uint8_t data[2048];
    size_t n;
};

extern struct vector vectors[100];
extern size_t n_vectors;

/* A table of tests/golden, in the place of one that was loaded before. */
void vectors_load(const char *name);

/* Of that name, or the test fails. */
const struct vector *vector(const char *name);

/* Each vector has one of these prefixes, which end with NULL, or the test fails: none is left that
 * no test looks at. */
void vectors_all_known(const char *const *prefixes);

#endif

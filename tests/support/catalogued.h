/*
 * catalogued: a catalogue that is open in a ROOT of its own, and transfers to put into it.
 * Everything fails the running test on error.
 */
#ifndef TESTS_CATALOGUED_H
#define TESTS_CATALOGUED_H

#include "dashspool/catalogue.h"

#define CATALOGUED_T0_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

struct catalogued {
    char *root;
    struct catalogue *c;
};

/* For cmocka: *state is a struct catalogued. */
int catalogued_set_up(void **state);
int catalogued_tear_down(void **state);

void catalogued_reopen(struct catalogued *f);

/* sql_run() on its file; engines_sql() on a site. */
int64_t catalogued_sql(const struct catalogued *f, const char *text);

/* A video that comes in, an hour after T0, with metadata that tell time_us; added to no catalogue.
 */
struct catalogue_transfer catalogued_transfer(const char *imei, const char *camera,
                                              int64_t time_us);

/* One of the front camera that broke off after `length` bytes. */
struct catalogue_transfer catalogued_partial(const char *imei, int64_t time_us, int64_t length);

/* Every column has a value. */
void catalogued_fill(struct catalogue_transfer *t);

/* A catalogued_transfer() that was added. */
struct catalogue_transfer catalogued_add(struct catalogued *f, const char *imei, const char *camera,
                                         int64_t time_us);

struct catalogue_transfer catalogued_get(struct catalogued *f, const char *id);

/* A copy of the transfer `key`, made at T0. */
void catalogued_copy(struct catalogued *f, int64_t key, const char *kind, const char *path,
                     int64_t n);

#endif

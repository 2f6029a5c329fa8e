/*
 * catalogue_summary: the catalogue as a whole, for somebody who only looks: how much there is,
 * which cameras were here when, what broke off. The file is opened read-only: an older version of
 * it is not brought up to date (all that is asked here is in each), nobody who writes waits, and
 * busy ones are waited for half a second. All answers are as of the first question. Not
 * thread-safe.
 *
 * Files touched: ROOT/catalogue.db is read; SQLite may make its -wal and -shm.
 */
#ifndef DASHSPOOL_CATALOGUE_SUMMARY_H
#define DASHSPOOL_CATALOGUE_SUMMARY_H

#include "dashspool/catalogue.h"

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
};
int catalogue_summary_totals(struct catalogue_summary *l, int64_t since_us,
                             struct catalogue_totals *out, struct err *err) DS_MUST_CHECK;

/* How many copies, and their bytes: added up (*exact), or, where there are more than
 * CATALOGUE_LOOK_COPIES, estimated from as many of them, spread evenly. */
#define CATALOGUE_LOOK_COPIES 5000
int catalogue_summary_copies(struct catalogue_summary *l, int64_t *copies, int64_t *bytes,
                             bool *exact, struct err *err) DS_MUST_CHECK;

/* The cameras by IMEI and position; last_us: when their last transfer began. */
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

#endif

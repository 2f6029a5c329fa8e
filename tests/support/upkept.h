/*
 * upkept: a ROOT with some transfers, and what upkeep says of it. Everything fails the running
 * test on error.
 */
#ifndef TESTS_UPKEPT_H
#define TESTS_UPKEPT_H

#include "dashspool/catalogue.h"
#include "dashspool/cfg.h"
#include "dashspool/retention.h"
#include "support/stored.h"

#define UPKEPT_AT_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */
#define UPKEPT_IMEI  "352093081452251"

/* A stored video of n bytes, arrived at at_us; with a working and a viewing copy (1000 and 2000
 * bytes) if `copies`. Its id comes back. */
void upkept_add(const char *root, const char *camera, int64_t at_us, size_t n, bool copies,
                char id[CATALOGUE_ID_ROOM]);

/* [retention] with key = value pairs, NULL at the end; cfg_free() it. */
struct cfg *upkept_cfg(const char *const *pairs);

/* A sweep; what went stands in `told`, a line each ("master <id>: <why>"). */
struct retention_result upkept_sweep(const char *root, const char *const *pairs, bool dry_run,
                                     char told[8192]);

/* The same, with the stages of the settings. */
struct retention_result upkept_sweep_with(const char *root, const char *const *pairs,
                                          const struct spools_known *stages, bool dry_run,
                                          char told[8192]);

bool upkept_has(const char *root, const char *id);
int upkept_copies(const char *root, const char *id);

/* The last event of a custody, its chain checked. */
void upkept_last_event(const char *root, const char *id, char event[CUSTODY_EVENT_ROOM],
                       char line[CUSTODY_LINE_ROOM]);

/* fsck with hashes: what is wrong, a line each; "" nothing. */
void upkept_fsck(const char *root, char told[8192]);

/* A failed job of the convert stage, or of another. */
void upkept_fail_job(const char *root, const char *id);
void upkept_fail_job_of(const char *root, const char *stage, const char *id);

#endif

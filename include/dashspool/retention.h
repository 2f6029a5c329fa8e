/*
 * retention: deletes what the rules of [retention] do not keep. Masters (with their copies, and
 * all that the catalogue has of them but their custody), copies alone, failed jobs of all stages:
 * each by rules of its own. A rule is
 *
 *     [video|photo] [front|rear|driver|road|other] [IMEI] [kind of copy] LIMIT…
 *
 * with LIMIT: an age (12h 90d 8w 2y), a size of all that the rule is for (500GB), of each camera
 * of them (20GB/camera), or "forever". Rules are separated by commas; the first that fits what is
 * looked at is the one that counts, and what none fits is kept. The age of a master counts from its
 * arrival, that of a copy from when it was made, that of a failed job from its failure. Too much
 * for a size: the oldest go first.
 *
 * Never deleted is: what is protected; what is coming in, or is worked at, or waits for a stage;
 * what was not converted (unless that failed, or was given up); a part of a transfer that its
 * camera may go on with
 * ([retention] partials_h).
 *
 * The order, so that a crash at any point leaves what the next sweep brings to its end:
 *
 *     copies' files ─► row away, event "deleted" in the custody, master due (one transaction)
 *                   ─► master dropped from raw/<day>.db, durably ─► not due any more
 *                   ─► the day's file deleted when it is empty, or made smaller, and what was
 *                      dropped overwritten in it and in its journal (raw_trim)
 *
 * A clock that jumped must not delete. Rules act only when more than this machine's clock says how
 * late it is: the last sweep, at most a day ago, or a camera whose own clock agrees with ours and
 * that sent something since; for the first sweep any arrival of the last day will do. Else nothing
 * is deleted, that is told as a trouble, and rules wait for somebody's word (clock_is_right). A
 * disk that is nearly full takes the oldest all the same: that is no matter of the clock.
 *
 * What trackers said (records.h) goes [retention] telemetry_days after it arrived, whatever rules
 * say of footage; what belongs to a transfer was copied to it, and goes with it. Requests for
 * footage go requests_days after they were over.
 *
 * Files of today and of yesterday, which a receiver may have open, are made smaller, too, but are
 * neither deleted nor written anew.
 */
#ifndef DASHSPOOL_RETENTION_H
#define DASHSPOOL_RETENTION_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include "dashspool/spool.h"
#include <stdbool.h>
#include <stdint.h>

/* The [retention] section. */
extern const struct cfg_section retention_cfg_section;

struct retention_swept {
    const char *what;  /* "master", "copy", "failed job", "records of trackers:", … */
    const char *name;  /* an id, a path below ROOT, a number */
    const char *stage; /* of a failed job; else NULL */
    const char *why;   /* the rule */
    int64_t bytes;
};

struct retention_listener {
    /* This went (or, in a dry run, would go). */
    void (*swept)(void *arg, const struct retention_swept *item);
    /* This could not be looked at or deleted, and why; the rest is swept. */
    void (*trouble)(void *arg, const char *name, const char *why);
    /* Worth knowing, and no trouble of the sweep's; may be NULL. */
    void (*note)(void *arg, const char *name, const char *what);
    bool (*go_on)(void *arg); /* may be NULL; false ends it after what is being done */
    void *arg;
};

struct retention_result {
    int64_t masters, copies, jobs; /* that went, or would go */
    int64_t records;               /* of trackers, likewise (records.h) */
    int64_t requests;              /* for footage, that were over (requests.h) */
    int64_t bytes;                 /* of all these */
    int64_t troubles;
    int64_t protected, unconverted, busy, young; /* that a rule said should go, and that stay */
    int64_t free_bytes;                          /* on ROOT's disk at the end */
    bool clock_doubted;                          /* rules waited */
    bool low;                                    /* less than [retention] warn_free_mib */
};

enum {
    RETENTION_DRY_RUN = 1,        /* nothing is changed; told is also what waits for a word */
    RETENTION_CLOCK_IS_RIGHT = 2, /* somebody's word */
};

/* One sweep. Several at once do no harm. `how`: of the above, or 0. */
int retention_sweep(const char *root, const struct cfg *cfg, const struct spools_known *stages,
                    unsigned how, const struct retention_listener *listener,
                    struct retention_result *out, struct err *err) DS_MUST_CHECK;

/* Until when an original is kept by the rules as they are, if nobody protects it. */
struct retention_kept {
    int64_t until_us; /* 0: its age ends nothing */
    bool by_size;     /* or until room is needed, if that is sooner */
};
struct catalogue_transfer;
int retention_kept(struct retention_kept *out, const struct cfg *cfg,
                   const struct catalogue_transfer *t, struct err *err) DS_MUST_CHECK;

/* ---- erasure ----
 *
 * What somebody who may ask for it wants gone: the footage, its copies, the bytes received, where
 * it was, who drove. Of its custody everything stays but that: the lines are told anew without it
 * (a chain of their own), and the last one says "deleted", "erased", by whom and for what reason.
 * What retention deleted before has such a custody still, and is erased likewise. All that SQLite
 * holds is written anew in the same call, so that no byte of it is left in a file of ROOT; packages
 * that contain it are named, and have to be deleted by whoever has them. A back-up loses it at its
 * next run. Of a vehicle the requests for footage go, too (requests.h).
 */
struct retention_erasing {
    const char *const *ids; /* these n; n 0: */
    size_t n;
    const char *imei;           /* … all of this vehicle, */
    int64_t since_us, until_us; /* recorded then (arrived, where that is not known); 0: any */
    const char *reason, *who;   /* neither empty */
    bool protected_too;
    bool dry_run;
};

/* Tells each as swept ("transfer", or "custody record" where that was all that was left); a package
 * as a note; as a trouble what is protected, is coming in or is worked at, and stays. */
int retention_erase(const char *root, const struct retention_erasing *what,
                    const struct retention_listener *listener, struct retention_result *out,
                    struct err *err) DS_MUST_CHECK;

#endif

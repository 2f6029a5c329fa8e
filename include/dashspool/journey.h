/*
 * journey: what the tracker said on its own link (records.h) that belongs to a transfer. Its
 * records from JOURNEY_AROUND_US before the clip to as long after it are copied to the transfer, in
 * the catalogue, where they live as long as it does; the record of its event is found; and where
 * the vehicle was at each moment of the clip is told from them (track.h).
 *
 * Records come seconds before a file, or days after it; whoever hears of new ones, or of a new
 * transfer, joins them, as often as he likes. Nothing is ever corrected: the difference between the
 * clocks of camera and tracker is stored, and shown.
 *
 * A transfer whose time or IMEI is not known has no journey. The length of a clip is that of its
 * metadata; where there is none, JOURNEY_LENGTH_US, which is longer than cameras record.
 *
 * No state. Catalogue and records are the caller's.
 */
#ifndef DASHSPOOL_JOURNEY_H
#define DASHSPOOL_JOURNEY_H

#include "dashspool/account.h"
#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/cfg.h"
#include "dashspool/records.h"
#include "dashspool/track.h"

#define JOURNEY_AROUND_US      (60 * INT64_C(1000000))
#define JOURNEY_LENGTH_US      (60 * INT64_C(1000000))
/* A tracker that floods its link does not fill the catalogue: further records of a transfer are
 * left out. First comes that of its event, which has room beside all others, too; then what its
 * pictures show; then the rest, by time. */
#define JOURNEY_BYTES_MAX      (8 * INT64_C(1024) * 1024)
#define JOURNEY_EVENT_BYTES    (INT64_C(256) * 1024)
/* All of it as a text (account.h): of the shortest records, of 30 bytes, a line is 131. */
#define JOURNEY_TEXT_BYTES_MAX ((size_t)5 * (JOURNEY_BYTES_MAX + JOURNEY_EVENT_BYTES))

/* So much around a clip decides what its pictures show. */
#define JOURNEY_PICTURES_US    ACCOUNT_PICTURES_US

/* The clip itself: when it began, and ended as far as that is known. False: it has no journey. */
bool journey_span(const struct catalogue_transfer *t, int64_t *from_us, int64_t *until_us);

struct journey_joined {
    int64_t records; /* of the transfer, now */
    int64_t added;   /* by this call */
    int64_t near;   /* … of them within JOURNEY_PICTURES_US of the clip: its pictures show them */
    bool full;      /* some were left out */
    bool event;     /* the record of its event is known */
    bool event_new; /* … found by this call, or a closer one than before */
    struct catalogue_match match;
};

/* Copies what there is of the tracker's records to the transfer, and finds that of its event: the
 * camera's trigger (499) that means the transfer's (wire_trigger_is()), closest to its trigger's
 * time (else to its beginning), within window_us. If that changed anything, its custody says so
 * ("joined", by `who`: this program's part). One transaction, or part of the caller's. */
int journey_join(struct catalogue *c, struct records *r, const struct catalogue_transfer *t,
                 int64_t window_us, const char *who, struct journey_joined *out,
                 struct err *err) DS_MUST_CHECK;

/* Where the vehicle was from `around_us` before the clip to as long after it. *out is the caller's
 * (track_free); NULL: there is no record of that time. */
int journey_track(struct catalogue *c, const struct catalogue_transfer *t, int64_t around_us,
                  struct track **out, struct err *err) DS_MUST_CHECK;

/* Whether its driver was private at some moment of the clip: then the position in the camera's own
 * metadata, which it has from the tracker, is not to be shown, either. */
int journey_hides(struct catalogue *c, const struct catalogue_transfer *t, bool *out,
                  struct err *err) DS_MUST_CHECK;

/* A sample of the crash trace (avl.h) of a transfer's records. */
struct journey_sample {
    int64_t record_us; /* its record's time, as the tracker said it */
    int64_t utc_us;    /* its own, derived: ± JOURNEY_TRACE_US */
    bool placed;       /* false: not known, there is no neighbour to derive it from */
    bool apart;        /* nothing is known of the time between it and the placed one before */
    int16_t mg[3];     /* X, Y, Z */
};

/* Nobody says how fast a tracker samples, nor whether a record's time is that of its first sample
 * or its last: the samples of a record are laid, from its time on, evenly over the time up to the
 * next record of the same crash, if they are then at most JOURNEY_TRACE_STEP_US apart (the slowest
 * documented is 40 ms); those of the last are as far apart as those before it. */
#define JOURNEY_TRACE_US      INT64_C(1000000)
#define JOURNEY_TRACE_STEP_US INT64_C(100000)

/* Appends a struct journey_sample for each, in the order of the records; none of what was recorded
 * in private mode. */
int journey_trace(struct catalogue *c, const struct catalogue_transfer *t, struct buf *out,
                  struct err *err) DS_MUST_CHECK;

/* The records as a text for packages, as account.h has it, of the time that journey_track() takes;
 * of all for around_us < 0. The bytes of records in private mode are withheld, and counted; but not
 * with `whole`: of all, whole, is the SHA-256 in the custody. records and withheld may be NULL. */
int journey_text(struct catalogue *c, const struct catalogue_transfer *t, int64_t around_us,
                 bool whole, struct buf *out, int64_t *records, int64_t *withheld,
                 struct err *err) DS_MUST_CHECK;

/* ---- check ---- */

/* One difference, with both values, as master.h has it. */
typedef int journey_told_fn(void *arg, bool note, const char *text, struct err *err);

/* Compares the records of a transfer with themselves (each row is decoded again from its bytes) and
 * with the last line in its custody that tells of them: their number and hash, its event. Errors
 * are of reading. */
int journey_check(struct catalogue *c, const struct catalogue_transfer *t, journey_told_fn *fn,
                  void *arg, struct err *err) DS_MUST_CHECK;

/* ---- settings ---- */

/* [telemetry] window, families (for avl_families_find(); "" without cfg), and [convert]
 * telemetry_wait. */
#define JOURNEY_CFG_SECTIONS 2
extern const struct cfg_section journey_cfg_sections[JOURNEY_CFG_SECTIONS];
int64_t journey_window_us(const struct cfg *cfg);
int64_t journey_wait_us(const struct cfg *cfg);
const char *journey_families(const struct cfg *cfg);

/* Before copies of a transfer are made, for which its tracker's records were joined: how long to
 * wait for more, in ms. 0: they reach beyond the clip, its tracker has been silent for
 * JOURNEY_ALIVE_US, or it was complete wait_us ago. */
#define JOURNEY_ALIVE_US (5 * 60 * INT64_C(1000000))
int journey_wait_ms(struct records *r, const struct catalogue_transfer *t, int64_t wait_us,
                    int64_t now_us, int64_t *wait_ms, struct err *err) DS_MUST_CHECK;

#endif

/*
 * review: events as people look at them, and what they note of them: tables of the catalogue that
 * are told by it (event, event_of, event_words) or by custody (reviewed, note, case_number), and
 * the vehicles' names (vehicle).
 *
 * An event is what one vehicle recorded for one reason: transfers of one IMEI and trigger, each of
 * which begins within REVIEW_WINDOW_US of another one (export.h says the same with a window of the
 * settings; what follows upon itself for longer than REVIEW_SPAN_US is cut at whole quarters of an
 * hour, UTC). A transfer whose time is not known is an event of its own. Where more than
 * REVIEW_MANY transfers of a vehicle begin in one such quarter, its clock stands still or it sends
 * photos like a film: those for one reason are cut by the order in which they came instead, at
 * every REVIEW_TOGETHER-th row of the catalogue, and are no event with others. Its rows are kept
 * with each change of a transfer, in the same transaction, whoever makes it: the connection notes
 * what changed, and the catalogue puts those events anew before it commits, or nothing is
 * committed. So a list of any length is one look into an index. Within catalogue_begin() they are
 * as they were before it. They can be made anew at any time: review_rebuild().
 *
 * An event has no id of its own: that of any transfer of it names it, for ever. `id` is that of its
 * first one.
 *
 * What people note is of transfers, as custody is: of an event each of its transfers has it. One
 * that comes later makes the event one to review again.
 *
 * Times are UTC in microseconds. Not thread-safe, as the catalogue, whose every function may return
 * what catalogue.h says.
 */
#ifndef DASHSPOOL_REVIEW_H
#define DASHSPOOL_REVIEW_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

#define REVIEW_WINDOW_US  (60 * INT64_C(1000000))
#define REVIEW_SPAN_US    (15 * 60 * INT64_C(1000000))
#define REVIEW_MANY       256
#define REVIEW_TOGETHER   64
#define REVIEW_NAME_ROOM  64 /* of a vehicle, its plate, its group: 63 bytes of UTF-8 */
#define REVIEW_CASE_ROOM  64 /* a case number */
#define REVIEW_NOTE_ROOM  2048
#define REVIEW_QUERY_ROOM 128 /* free text of a filter */

/* ---- vehicles ---- */

struct review_vehicle {
    char imei[16];
    char name[REVIEW_NAME_ROOM], plate[REVIEW_NAME_ROOM], group[REVIEW_NAME_ROOM]; /* "": none */
};

/* Put (or replaced; all three empty: removed). ERR_MALFORMED: the IMEI is none, a text is too long
 * or has what text_hidden() hides. */
int review_vehicle_put(struct catalogue *c, const struct review_vehicle *v,
                       struct err *err) DS_MUST_CHECK;
/* What is known of it: for one that nobody named, the IMEI alone. */
int review_vehicle_get(struct catalogue *c, const char *imei, struct review_vehicle *out,
                       struct err *err) DS_MUST_CHECK;
/* All that were named, or that a transfer or a request is of, by name, then IMEI; fn may write. */
typedef int review_vehicle_fn(void *arg, const struct review_vehicle *v, struct err *err);
int review_vehicle_each(struct catalogue *c, review_vehicle_fn *fn, void *arg,
                        struct err *err) DS_MUST_CHECK;

/* Reads a table "imei,name,plate,group" (RFC 4180; a heading in any order of columns, of which all
 * but imei may be missing; "," or ";"; UTF-8 or UTF-16 with BOM). One transaction: a bad line, told
 * with its number, changes nothing. */
struct review_vehicles_read {
    int added, changed, same;
};
int review_vehicles_import(struct catalogue *c, const char *path, struct review_vehicles_read *out,
                           struct err *err) DS_MUST_CHECK;

/* ---- events ---- */

enum review_camera { /* bits */
                     REVIEW_FRONT = 1,
                     REVIEW_REAR = 2,
                     REVIEW_DRIVER = 4,
                     REVIEW_ROAD = 8,
                     REVIEW_OTHER = 16,
};

/* Of the worst of its transfers; each is worse than those before it. */
enum review_condition {
    REVIEW_WHOLE,
    REVIEW_ENDS_EARLY,
    REVIEW_DAMAGED,
    REVIEW_PARTIAL,   /* the camera broke off */
    REVIEW_RECEIVING, /* it is coming in */
    REVIEW_WAITING,   /* for its copies */
    REVIEW_FAILED,    /* none can be made, or not now: somebody has to look */
    REVIEW_CONDITIONS
};
/* "whole", "ends-early" …: of addresses and JSON; review_condition_of() is its way back. */
const char *review_condition_name(enum review_condition condition);
bool review_condition_of(const char *name, enum review_condition *out);

enum review_mark {                      /* bits */
                   REVIEW_REVIEWED = 1, /* all of its transfers */
                   REVIEW_PROTECTED = 2,
                   REVIEW_NOTED = 4,
                   REVIEW_EXPORTED = 8,
                   REVIEW_REQUESTED = 16, /* it fulfils a request */
                   REVIEW_CASE = 32,
};

struct review_event {
    char id[CATALOGUE_ID_ROOM];
    struct review_vehicle vehicle;
    char trigger[24];        /* "": not known */
    int64_t at_us, until_us; /* when its first and its last transfer began to be recorded; of
                                arrival where that is not known */
    bool time_known, zone_known;
    int tz_min;
    unsigned cameras;
    int videos, photos; /* transfers */
    enum review_condition condition;
    unsigned marks;
    bool position; /* not in private mode */
    double lat_deg, lon_deg;
    double seconds; /* of its longest video; 0: not known */
    char case_number[REVIEW_CASE_ROOM];
};

/* All fields are "and"; 0, "" and NULL choose nothing. */
struct review_filter {
    const char *q; /* each word of it: in name, plate, group, IMEI, case number or a note */
    const char *imei;
    const char *trigger; /* its name */
    unsigned cameras;    /* all of these */
    unsigned conditions; /* one of these, as bits (1 << enum review_condition) */
    unsigned marks, no_marks;
    int64_t since_us, until_us;      /* at_us: since <= at < until */
    double west, south, east, north; /* within; all 0: anywhere */
};

/* Events of a filter, the newest first, from the skip-th on; fn must not write. */
typedef int review_event_fn(void *arg, const struct review_event *e, struct err *err);
int review_each(struct catalogue *c, const struct review_filter *f, int64_t skip, int64_t limit,
                review_event_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

struct review_counts {
    int64_t all, to_review;
    int64_t condition[REVIEW_CONDITIONS];
};
int review_count(struct catalogue *c, const struct review_filter *f, struct review_counts *out,
                 struct err *err) DS_MUST_CHECK;

/* How many a day, of days of tz_min minutes east of UTC, the newest first; days without any are
 * left out. day: days since 1970-01-01 there. */
typedef int review_day_fn(void *arg, int64_t day, int64_t all, int64_t to_review, struct err *err);
int review_days(struct catalogue *c, const struct review_filter *f, int tz_min, review_day_fn *fn,
                void *arg, struct err *err) DS_MUST_CHECK;

/* The event that a transfer (its id) belongs to; ERR_NOTFOUND. */
int review_get(struct catalogue *c, const char *id, struct review_event *out,
               struct err *err) DS_MUST_CHECK;
/* Its transfers, by time, then camera, then id; fn may write. */
int review_members(struct catalogue *c, const char *id, catalogue_each_fn *fn, void *arg,
                   struct err *err) DS_MUST_CHECK;

/* In the order of review_each(): those beside an event (its id), and how many stand before it;
 * "" where there is none. The event itself need not match the filter any more. */
struct review_beside {
    char newer[CATALOGUE_ID_ROOM], older[CATALOGUE_ID_ROOM];
    int64_t before, all;
};
int review_beside(struct catalogue *c, const struct review_filter *f, const char *id,
                  struct review_beside *out, struct err *err) DS_MUST_CHECK;

/* Makes all rows of events anew, as the transfers are. */
int review_rebuild(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* ---- what people note; each is a custody event of the transfer, in one transaction with its row:
 * nothing is written where it says already what there is ---- */

/* ERR_NOTFOUND: no such transfer. reviewed false: taken back. */
int review_put_reviewed(struct catalogue *c, const char *id, const char *who, bool reviewed,
                        struct err *err) DS_MUST_CHECK;
/* "" takes it away. */
int review_put_case(struct catalogue *c, const char *id, const char *who, const char *number,
                    struct err *err) DS_MUST_CHECK;
/* A note is added; it is never changed. */
int review_add_note(struct catalogue *c, const char *id, const char *who, const char *text,
                    struct err *err) DS_MUST_CHECK;

/* The notes of a transfer, the oldest first. */
struct review_note {
    int64_t at_us;
    const char *who, *text;
};
typedef int review_note_fn(void *arg, const struct review_note *note, struct err *err);
int review_notes(struct catalogue *c, int64_t key, review_note_fn *fn, void *arg,
                 struct err *err) DS_MUST_CHECK;

/* ---- for checks and rebuilding ---- */

/* Tells what of it is not as the custody record of transfer t says; nothing where its chain is
 * broken. As journey_check() does: is_note is false. */
typedef int review_told_fn(void *arg, bool is_note, const char *text, struct err *err);
int review_check(struct catalogue *c, const struct catalogue_transfer *t, review_told_fn *fn,
                 void *arg, struct err *err) DS_MUST_CHECK;
/* Makes it what that says; likewise. *changed: it was not. */
int review_restore(struct catalogue *c, const struct catalogue_transfer *t, bool *changed,
                   struct err *err) DS_MUST_CHECK;

/* Copies what vehicles are called into a catalogue that is made anew. */
int review_carry(struct catalogue *from, struct catalogue *to, struct err *err) DS_MUST_CHECK;

#endif

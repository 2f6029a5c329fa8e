/*
 * standing: requests that stand, `[request NAME]`: rules by which footage is asked for without a
 * person. Where a tracker's record tells of an event that a rule names, a request (requests.h, by
 * "rule NAME") asks for the cameras' footage around it. For what the cameras' own triggers miss.
 *
 *     a frame's records are on disk
 *        ─► standing_note(): those that a rule names are events, committed (table rule_event)
 *        ─► the frame is acknowledged
 *     its footage is over, and 10 s have passed (or before + after, if that is longer)
 *        ─► standing_ask(): requests, and what became of the events; one transaction a rule and
 *           tracker
 *
 * An event is known by rule, IMEI and its record's time: it is noted once, and asked for once,
 * whatever comes again, in which order, and whatever is killed. What is not noted is not
 * acknowledged: the tracker sends it again.
 *
 * Nothing is asked for
 *   - in private mode (avl_private() of the record);
 *   - that is older than what cards hold (REQUESTS_LIFE_US), or ahead of the clock by more than
 *     STANDING_AHEAD_US;
 *   - beyond per_day requests of a rule for a tracker, by the UTC day of the event;
 *   - of a camera that has handed over a video by its own trigger of that event. Where the tracker
 *     says that the camera was triggered (AVL 499, in the time that would be asked for), or such a
 *     file is on its way, standing_ask() waits for it, STANDING_CAMERA_US at most.
 *
 * Events of a rule whose times overlap are one request, as long as that is not above
 * CAMREQ_SECONDS_MAX; what comes later and lies in a time that was asked for belongs to that.
 *
 * Names of events mean what avl_profile() says of the tracker's family, which is that of the record
 * itself (avl_signs()); of one that is not known only those that are the same in all families.
 *
 * A struct standing borrows from its configuration, and is not changed after standing_load():
 * threads may share it. The catalogue is the caller's.
 */
#ifndef DASHSPOOL_STANDING_H
#define DASHSPOOL_STANDING_H

#include "dashspool/catalogue.h"
#include "dashspool/cfg.h"
#include "dashspool/records.h"

#define STANDING_MAX        64
#define STANDING_AHEAD_US   (10 * 60 * INT64_C(1000000))
#define STANDING_CAMERA_US  (40 * 60 * INT64_C(1000000)) /* trackers try to send each 30 minutes */

/* A tracker that floods its link does not fill the catalogue: further events of a rule and day are
 * not noted. */
#define STANDING_EVENTS_MAX 1000

/* [request *] */
extern const struct cfg_section standing_cfg_section;

struct standing;

/* ERR_CONFIG with "file:line". *out is the caller's. */
int standing_load(struct standing **out, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;
void standing_free(struct standing **rules);

/* Trackers whose family is known (avl_families_find()); borrowed. Else by what a record has. */
void standing_set_families(struct standing *rules, const char *families);

/* The rule's name; NULL beyond the last. */
const char *standing_name(const struct standing *rules, size_t i);

/* Pure: whether the i-th rule names the event that this record tells of. what: "crash (AVL 247 =
 * 1)". */
#define STANDING_WHAT_ROOM 64
bool standing_match(const struct standing *rules, size_t i, const char *imei,
                    const struct avl_record *record, char what[STANDING_WHAT_ROOM]);

/* Notes the events of what records_put() has stored, or had stored before; the rest is left out.
 * *noted counts new ones. rules NULL: there are none. After a temporary error each record of an
 * event is RECORDS_MISSING, so that it is not acknowledged: give it again. */
int standing_note(const struct standing *rules, struct catalogue *c, struct records_new *v,
                  size_t n, int64_t now_us, int *noted, struct err *err) DS_MUST_CHECK;

struct standing_asked {
    int asked;  /* requests */
    int camera; /* events whose footage the cameras have handed over */
    int beyond; /* … beyond per_day */
    int late;   /* … that are too old by now, or whose rule is no more */
};

/* Asks for what is due. Nothing is written where nothing is. */
int standing_ask(const struct standing *rules, struct catalogue *c, struct records *records,
                 int64_t now_us, struct standing_asked *out, struct err *err) DS_MUST_CHECK;

/* ---- for upkeep ---- */

/* Reads all events. ERR_MALFORMED names the first that cannot be read. */
int standing_check(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* All events of a catalogue into a new one, which has none. */
int standing_carry(struct catalogue *from, struct catalogue *to, struct err *err) DS_MUST_CHECK;

/* Nothing is left of a tracker's events from since_us (0: any) to until_us (0: any; exclusive). */
int standing_forget(struct catalogue *c, const char *imei, int64_t since_us, int64_t until_us,
                    struct err *err) DS_MUST_CHECK;

#endif

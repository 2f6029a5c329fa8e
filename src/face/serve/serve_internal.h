/* serve, inside: what its pages share. */
#ifndef SERVE_INTERNAL_H
#define SERVE_INTERNAL_H

#include "dashspool/actions.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/review.h"
#include "dashspool/serve.h"
#include "dashspool/text.h"
#include "dashspool/web.h"
#include <limits.h>

#define LIVE_ROOM 160

/* What the bar on top tells. */
struct live_counts {
    bool asks; /* footage can be asked for here, or was */
    int64_t to_review, requests, troubles;
};

struct serve {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    struct spool *actions; /* what people want done goes here, and nowhere else */
    const struct cfg *cfg;
    struct clock_tz *zone; /* of [ui]: whose days the pages have; NULL: UTC */
    char zone_name[64];    /* "Europe/Berlin" */
    struct status *state;  /* as it was at state_us (monotonic); NULL: nobody asked yet */
    int64_t state_us;
    struct live_counts counts; /* as they were at counts_us (monotonic; 0: nobody asked yet) */
    int64_t counts_us;
    struct map_ground *ground; /* of map.c */
    int64_t counts_of;         /* catalogue_version() then */
    struct web *web;
    char told[160]; /* to who looks, last: at told_us (monotonic) */
    int64_t told_us;
    int64_t swept_us; /* when unfinished uploads were (monotonic) */
};

web_fn serve_events, serve_transfer, serve_event, serve_copy, serve_original, serve_state,
    serve_state_json, serve_metrics, serve_action, serve_did, serve_requests, serve_upload,
    serve_packages, serve_package;

/* ---- live.c: what the pages know of now ---- */

/* s->state is not older than that. ERR_…: as status_collect(). */
int live_status(struct serve *s, int64_t age_us, struct err *err) DS_MUST_CHECK;
/* Borrowed; what cannot be counted now is as it was. */
const struct live_counts *live_count(struct serve *s);
/* … as text, with what is another one after each change: what a page has, and a stream tells. */
void live_now(struct serve *s, char out[LIVE_ROOM]);
web_fn serve_live;
/* What changed, to all who look; each second. */
void live_tell(struct serve *s);

/* ---- frame.c: what all pages have ---- */

void serve_begin(void *app, struct web_page *h, const struct web_ask *ask, const char *title);
void serve_end(void *app, struct web_page *h, const struct web_ask *ask);
web_fn serve_asset;

/* A page: init, and what stands on top of it. title: a sentence, as web_tr() has them, or a name.
 */
void frame_begin(struct serve *s, struct web_page *h, const struct web_ask *ask, const char *title);
/* … its end, and its answer (200); clears h. */
int frame_send(struct serve *s, struct web_page *h, const struct web_ask *ask,
               struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* ---- pieces.c: what many pages have ---- */

/* One of assets/icons.svg, without "i-". */
void frame_icon(struct web_page *h, const char *name);
/* A module of assets/: "list.js". */
void frame_script(struct web_page *h, const char *name);
/* Where there is nothing to show: why, in one line, and the beginning of a <p> with the way out;
 * frame_void_end() ends it. */
void frame_void(struct web_page *h, const char *icon, const char *title, const char *text);
void frame_void_end(struct web_page *h);
/* The fields that each form of an action has: csrf, do. */
void frame_action(struct web_page *h, const struct web_ask *ask, const char *what);

/* ---- map.c: maps and their ground ---- */

/* [ui] tiles: outlines of countries (empty), a file of tiles, or somebody's server of tiles. */
int map_check(const char *value, struct err *err) DS_MUST_CHECK;
/* Before the sandbox: it has the file of tiles open. */
int map_open(struct serve *s, struct err *err) DS_MUST_CHECK;
void map_close(struct serve *s);
/* Outlines of countries, for drawings of the server; borrowed. */
struct atlas;
const struct atlas *map_atlas(const struct serve *s);
web_fn serve_tile, serve_map;
/* A <figure> that map.js makes one that can be moved; what is put between stands there without
 * script. points, track: ids of JSON islands, see map.js; NULL: none. The page needs map.js, too.
 * It may load pictures of the server of tiles from then on. */
void map_begin(struct serve *s, struct web_page *h, const char *points, const char *track);
void map_end(struct serve *s, struct web_page *h);

/* ---- vehicle.c ---- */

web_fn serve_vehicles, serve_vehicle;

/* ---- when.c: times and days, as people read them ---- */

#define WHEN_ROOM 96
#define WHEN_HERE INT_MIN /* the zone of [ui] */

enum when_form {
    WHEN_CLOCK, /* 17:02:11 CET */
    WHEN_FULL,  /* Fri 27 Nov, 17:02:11 CET; of another year: Fri 27 Nov 2020, … */
    WHEN_SHORT, /* today, 17:02 CET; 26 Nov, 17:02 CET */
};

/* [ui] zone; without one that of this computer (/etc/localtime), else UTC. */
int when_open(struct serve *s, struct err *err) DS_MUST_CHECK;
/* Minutes east of UTC there, then. */
int when_min(const struct serve *s, int64_t utc_us);
/* The day there, since 1970-01-01; and when it begins. */
int64_t when_day(const struct serve *s, int64_t utc_us);
int64_t when_day_us(const struct serve *s, int64_t day);
/* A <time> in a zone of its own, or WHEN_HERE; UTC is in its title. */
void when_put(const struct serve *s, struct web_page *h, int64_t utc_us, int tz_min,
              enum when_form form);
/* The same as text. */
void when_text(const struct serve *s, const struct web_page *h, int64_t utc_us, int tz_min,
               enum when_form form, char out[WHEN_ROOM]);
/* "CET"; of a zone that is not that of [ui]: "+03:00". */
void when_zone(const struct serve *s, int64_t utc_us, int tz_min, char out[CLOCK_TEXT_ROOM]);
/* "Friday, 27 November", "Fri 27 Nov", "27 Nov"; the year where it is not this one. */
enum when_day_form { WHEN_LONG_DAY, WHEN_SHORT_DAY, WHEN_DATE };
void when_day_text(const struct serve *s, const struct web_page *h, int64_t day,
                   enum when_day_form form, char out[WHEN_ROOM]);
/* "Fri" */
const char *when_weekday(const struct web_page *h, int64_t day);
/* "8 days", "3 h", "4 min", "12 s" */
void when_span(const struct web_page *h, int64_t us, char out[WHEN_ROOM]);

/* ---- words.c: what there is, in words of people ---- */

/* "Harsh driving"; what is not known as it is. */
const char *words_trigger(const struct web_page *h, const char *name);
const char *words_trigger_icon(const char *name);
/* The i-th trigger that can be looked for; NULL: there are no more. */
const char *words_trigger_at(size_t i);
const char *words_condition(const struct web_page *h, enum review_condition condition);
void words_badge(struct web_page *h, enum review_condition condition);
/* "Front", "Rear" … of one bit of enum review_camera; its name in addresses is words_camera_name().
 */
const char *words_camera(const struct web_page *h, unsigned camera);
const char *words_camera_name(unsigned camera);
/* "Front, rear, 2 photos" */
void words_cameras(struct web_page *h, unsigned cameras, int photos, int videos);
/* Who did something, as custody has it: a name, or "somebody at 10.0.0.7", which is no name. */
#define WORDS_WHO_ROOM 128
const char *words_who(const struct web_page *h, const char *who, char out[WORDS_WHO_ROOM]);
/* Why a job failed, or waits: the first line, without the name of a file in the spool, which nobody
 * here has. */
void words_reason(struct web_page *h, const char *why);
/* The name, then the plate; the IMEI where there is neither. */
void words_vehicle(struct web_page *h, const struct review_vehicle *v);
const char *words_vehicle_name(const struct review_vehicle *v);
/* The same; of what nobody knows the tracker of, "Vehicle not known". */
const char *words_vehicle_title(const struct web_page *h, const struct review_vehicle *v);

/* ---- fields.c: fields that several forms have ---- */

/* "imei": by name, of a fleet that one can look through, else as a number. none: what no choice is
 * called. */
int fields_vehicle(struct serve *s, struct web_page *h, const char *none, const char *chosen,
                   bool required, struct err *err) DS_MUST_CHECK;
/* "zone": that of [ui], which is called as it is at that time, UTC, or a distance to UTC. */
void fields_zone(const struct serve *s, struct web_page *h, const char *none, int64_t utc_us);

/* ---- filter.c: the events that an address chooses, and an address that chooses them ---- */

#define FILTER_ANY INT64_MIN /* of a day */

struct filter {
    char q[REVIEW_QUERY_ROOM], imei[16], trigger[24];
    unsigned cameras, conditions, marks, no_marks; /* as in struct review_filter */
    int64_t from, to;                              /* days of [ui] zone, both included */
    bool table;                                    /* how they are shown */
    int64_t page;                                  /* from 1 on */
};

/* ERR_MALFORMED: a value that is none. */
int filter_read(const struct web_ask *ask, struct filter *out, struct err *err) DS_MUST_CHECK;
/* For review.h; borrows from f. */
struct review_filter filter_review(const struct serve *s, const struct filter *f);
/* "?q=…&amp;…", or nothing: behind the path of a page. */
void filter_put(struct web_page *h, const struct filter *f);

/* ---- actions.c: what people do ----
 *
 * A form is <form method="post" action="/action"> with frame_action() in it, perhaps `to`, and the
 * fields of its kind:
 *
 *     reviewed, unreviewed, unprotect   event (each may have several, or ids parted by blanks)
 *     protect, note, case               event; reason; note; case_number
 *     export                            event; title, recipient, case_number, hide (several),
 *                                       no_sound, mask (several; as `export --mask`), or mask_of,
 *                                       _x, _y, _w, _h, _from, _to of each
 *     verify                            package
 *     request                           imei; cameras (several), time ("2026-11-27T16:41:22") with
 *                                       zone (a name or an offset; none: UTC, or the time's own),
 *                                       seconds or before and after, photo, reason
 *     cancel                            request
 *     retry, drop                       event, or stage and job; reason
 *     vehicle                           imei; name, plate, group
 *     import                            upload; imei, camera, zone
 *
 * It may have several `do` (a note and a case number); a note without words is none then. The
 * answer leads to `to` (else to the page that it was on), with did=JOB. A script that accepts
 * "application/json" alone gets
 * {"job":…}.
 */
/* Puts an action in the name of who asks; a->kind and what it needs are the caller's. job: room
 * for ACTIONS_JOB_ROOM; NULL: it is judged, and not put. */
int action_put(struct serve *s, const struct web_ask *ask, struct actions_action *a, char *job,
               struct err *err) DS_MUST_CHECK;

/* ---- sheets.c: the forms of an event ----
 *
 * popover sheets with the ids "protect", "addnote", "more" and "export": of those that the role of
 * who asks may do. What opens them (popovertarget) is the event page's. Their scripts draw on
 * `.frame video[data-cam]`. */
void actions_sheets(struct serve *s, struct web_page *h, const struct web_ask *ask,
                    const struct review_event *event);

/* ---- did.c: what became of an action; on top of each page whose address has did=JOB ---- */

bool did_look(struct serve *s, const struct web_ask *ask, struct actions_outcome *out);
bool did_waits(const struct actions_outcome *o);
void did_put(struct web_page *h, const struct web_ask *ask, const struct actions_outcome *o,
             const char *job);
/* "ready", "at-work", "done", "failed", "gone" */
const char *did_state(enum actions_state state);
/* ---- cards.c: an event in a list ---- */

/* f rides along to the event, and back. */
int cards_put(struct serve *s, struct web_page *h, const struct web_ask *ask,
              const struct review_event *e, const struct filter *f, struct err *err) DS_MUST_CHECK;
/* In place of the button that marks it so. */
void cards_reviewed(struct web_page *h);
void cards_table_begin(struct web_page *h);
int cards_table_put(struct serve *s, struct web_page *h, const struct web_ask *ask,
                    const struct review_event *e, const struct filter *f,
                    struct err *err) DS_MUST_CHECK;
void cards_table_end(struct web_page *h);

/* ---- counts.c: how many events there are; kept while nothing changes ---- */

int counts_of(struct serve *s, const struct filter *f, struct review_counts *out,
              struct err *err) DS_MUST_CHECK;

#define COUNTS_STRIP 28 /* days */
struct counts_day {
    int64_t day, all, to_review;
};
/* n days from `first` on, whatever days the filter has. */
int counts_days(struct serve *s, const struct filter *f, int64_t first, int64_t n,
                struct counts_day *out, struct err *err) DS_MUST_CHECK;
/* The same of four weeks. */
int counts_strip(struct serve *s, const struct filter *f, int64_t first,
                 struct counts_day out[COUNTS_STRIP], struct err *err) DS_MUST_CHECK;

/* ---- calendar.c: four weeks as a strip of days that are links ---- */

void calendar_put(const struct serve *s, struct web_page *h, const struct filter *f,
                  const struct counts_day days[COUNTS_STRIP]);
/* "11 events, 6 to review" */
void calendar_say(struct web_page *h, const struct counts_day *d);

/* ---- upload.c: files that people bring ---- */

web_fn upload_all, upload_new, upload_state, upload_put, upload_done;
extern const struct web_body upload_form, upload_piece;
/* What nobody finished goes; now and then. */
void upload_sweep(struct serve *s);

#endif

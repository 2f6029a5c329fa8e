/* The event page, inside: what is known of an event, and the parts of its page. */
#ifndef EVENT_H
#define EVENT_H

#include "dashspool/recipe.h"
#include "dashspool/track.h"
#include "serve_internal.h"

enum {
    EVENT_CLIPS_MAX = 200, /* transfers of an event; further ones are told of, not shown */
    EVENT_COPIES_MAX = 32, /* … and the copies of each */
    EVENT_LANES_MAX = 8,   /* pictures beside each other */
};

/* What the clock of the page counts from. */
enum event_zero {
    EVENT_CAMERA_TRIGGER,  /* as the camera tells it */
    EVENT_TRACKER_TRIGGER, /* as the tracker does, where the camera does not */
    EVENT_FIRST_PICTURE,   /* nobody tells of a trigger */
};

struct event_copy {
    unsigned kind; /* enum copy_kind */
    int64_t bytes;
    char name[256], word[16], sha256[HASH_HEX_ROOM]; /* word: of its kind, also an unknown one */
};

/* A transfer of the event, and what was made of it. */
struct event_clip {
    struct catalogue_transfer t;
    bool video;
    struct event_copy copy[EVENT_COPIES_MAX];
    int n_copies;
    const struct event_copy *viewing, *still, *poster, *sheet; /* of copy; NULL: none */
    bool examined; /* its copies tell what is wrong with it: */
    struct recipe_settings made;
    struct recipe_timing timing;
    bool has_sound;
    bool has_wall; /* it is known when its first picture was taken, and how surely: */
    int64_t wall_us;
    double error_s;
    bool shown;             /* it has a place on the clock: */
    double from_s, until_s; /* seconds from the zero */
    int lane;
};

/* Videos of one camera behind each other. */
struct event_lane {
    char name[40]; /* "Front", "Front 2" */
    char camera[8];
    double until_s;
};

struct event {
    struct serve *serve;
    const struct web_ask *ask;
    struct web_page *h;
    struct review_event review;
    struct filter filter;
    struct review_beside beside;
    char to_review[CATALOGUE_ID_ROOM]; /* the next one that nobody has reviewed; "": none */
    struct event_clip **clip;
    size_t n_clips, n_left_out;
    int tz_min; /* its zone, or WHEN_HERE */
    enum event_zero zero;
    bool has_zero; /* it is a time: */
    int64_t zero_us;
    double lo, hi; /* what the clock shows */
    struct event_lane lane[EVENT_LANES_MAX];
    int n_lanes;
    bool private_mode; /* nothing is told of position, speed and force */
    struct track *track;
    struct buf samples; /* struct journey_sample */
};

/* So much of the track beside the axis is on the map. */
#define EVENT_AROUND_S  10.0
#define EVENT_T_ROOM    24
#define EVENT_NAME_ROOM 64

/* ---- event_gather.c ---- */

/* event_clear() in any case. */
int event_gather(struct event *e, const char *id, struct err *err) DS_MUST_CHECK;
void event_clear(struct event *e);
/* Seconds from the zero; INFINITY where there is none. */
double event_seconds(const struct event *e, int64_t utc_us);
/* "T+01.10" */
const char *event_t(double s, char out[EVENT_T_ROOM]);
/* "Front video", "Rear photo 2" */
void event_name(const struct event *e, const struct event_clip *c, char out[EVENT_NAME_ROOM]);
void event_copy_url(struct web_page *h, const struct event_clip *c, const struct event_copy *copy);
/* 16:41:52.30 CET */
void event_clock(const struct event *e, int64_t utc_us, int hundredths, char out[WHEN_ROOM]);
/* Whether its driver, or what it is of, is known by the tracker's records. */
bool event_has_place(const struct event *e, double *lat_deg, double *lon_deg);

/* ---- event_player.c: pictures, controls, and all that has the clock for its axis ---- */

void event_player(struct event *e);
/* The numbers that player.js needs. */
void event_island(struct event *e);

/* ---- event_plots.c ---- */

/* Where a moment is, in percent of the axis. */
const char *event_percent(const struct event *e, double s, char out[EVENT_T_ROOM]);
void event_grid(struct event *e);
void event_trigger_line(struct event *e);
void event_plots(struct event *e);

/* The speeds, forces and places of the island. */
void event_island_journey(struct event *e);

/* ---- event_map.c ---- */

int event_map(struct event *e, struct err *err) DS_MUST_CHECK;

/* ---- event_told.c: what is wrong, facts, files ---- */

void event_condition(struct event *e);
int event_review(struct event *e, struct err *err) DS_MUST_CHECK;
void event_photos(struct event *e);
int event_facts(struct event *e, struct err *err) DS_MUST_CHECK;
void event_files(struct event *e);
int event_wire(struct event *e, struct err *err) DS_MUST_CHECK;
/* One sentence of what is wrong, and why: "8 frames are missing. …" */
void event_stretch(struct event *e, const struct recipe_stretch *s);

/* ---- event_custody.c ---- */

int event_custody(struct event *e, struct err *err) DS_MUST_CHECK;

/* ---- event_missing.c: why there is no picture ---- */

int event_missing(struct event *e, const struct event_clip *c, struct err *err) DS_MUST_CHECK;

#endif

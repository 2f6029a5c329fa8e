/*
 * page: what the report says, from top to bottom, told to a doc (doc.h). Clips are numbered from 1
 * in the order given; their anchors are file-1, file-2 …
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "dashspool/atlas.h"
#include "dashspool/report.h"
#include "doc.h"

/* Clips of one event (events.c). */
struct events {
    size_t *of; /* the event of each clip, from 0 in order of their first clips */
    size_t n;
    size_t *map; /* the clip with whose maps its place is shown: itself, or one before it on the
                    page whose maps show it, too */
};
int events_find(struct events *out, const struct report *r, struct err *err) DS_MUST_CHECK;
void events_clear(struct events *e);
/* The outlines for the maps of a report, for both scales; empty where no clip has a position. */
struct maps {
    struct atlas *near, *far;
};
/* To be freed also after a failure. */
int maps_load(struct maps *out, struct err *err) DS_MUST_CHECK;
void maps_free(struct maps *maps);

/* A section for each. */
void events_show(struct doc *d, const struct report *r, const struct events *e,
                 const struct maps *maps);

/* What a report is made from besides its facts: which clips are of one event; if any has a
 * position, the world; when the first and the last began (NULL: that of none is known); its title.
 * Cleared also after a failure. */
struct layout {
    struct events events;
    struct maps maps;
    const struct report_time *first, *last;
    size_t vehicles; /* that are known */
    size_t videos, flawed, unexamined, placed, routes;
    const char *title; /* the report's own, or … */
    char named[320];   /* … vehicle, event and date: summary_count() */
};
int layout_init(struct layout *out, const struct report *r, struct err *err) DS_MUST_CHECK;
void layout_clear(struct layout *g);

/* All of it. */
void report_render(struct doc *d, const struct report *r, const struct layout *layout);
/* Sets first and what is below it; then title, for whom, and all in short (summary.c). */
void summary_count(struct layout *out, const struct report *r);
void summary_cover(struct doc *d, const struct report *r, const char *title);
void summary_render(struct doc *d, const struct report *r, const struct layout *layout);

/* "File 2, rear video" as markup, with a link to it. */
void clip_link(struct doc *d, const struct report *r, size_t i);
/* Its card: picture, facts, what is wrong with it. */
void clip_card(struct doc *d, const struct report *r, size_t i);
/* What is not known of it, as items of a list. */
void clip_unknown(struct doc *d, const struct report_clip *clip);

/* "Nothing wrong found" or a short word on what is wrong (flaws.c). */
const char *condition_label(const struct report_clip *clip);
void flaws_show(struct doc *d, const struct report_clip *clip);

/* Two drawings (map.c): the country around a place, with the borders and names that it takes to
 * find it, and the part of the world that this is in. */
void map_pair(struct doc *doc, const struct maps *maps, double lat_deg, double lon_deg);

/* The way of a vehicle close by, with a scale and no outlines: the part of n points (by time) that
 * is within the clip, and the rest around it. has_event: where it was then is marked. Nothing where
 * no point is valid. */
struct map_way {
    const struct track_point *point;
    size_t n;
    int64_t from_us, until_us;
    bool has_event;
    int64_t event_us;
};
void map_way(struct doc *doc, const struct map_way *way);
bool map_way_ok(const struct track_point *p); /* it has a place to be drawn at */

/* What the trackers said of the time of an event (journey.c); nothing where they said nothing. */
void journey_show(struct doc *d, const struct report *r, const struct events *e, size_t event);

void tables_clocks(struct doc *d, const struct report_clip *clip);
void tables_arrival(struct doc *d, const struct report_clip *clip);
void tables_derived(struct doc *d, const struct report_clip *clip);

#endif

/* Clips that belong together, and a section for each such event. */
#include "format.h"
#include "page.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_event(const struct report_clip *a, const struct report_clip *b)
{
    if (doc_empty(a->imei) || doc_empty(b->imei) || strcmp(a->imei, b->imei) != 0)
        return false;
    if (!format_time_ok(&a->start) || !format_time_ok(&b->start))
        return false;
    int64_t apart_us = format_between(a->start.utc_us, b->start.utc_us);
    return apart_us >= -REPORT_SAME_EVENT_US && apart_us <= REPORT_SAME_EVENT_US;
}

/* A map shows half a country. Places nearer than NEAR_KM look the same on it; where there would be
 * more than MAPS_MAX maps, more than anybody looks at, those farther from one another share one,
 * which shows all of them as long as it is not more than FAR_KM. */
#define NEAR_KM       1.0
#define FAR_KM        256.0
#define MAPS_MAX      100
#define KM_PER_DEGREE 111.2 /* of latitude */

/* The way from a to b, in km. */
static double way(const struct report_clip *a, const struct report_clip *b, double *north,
                  double *east)
{
    *north = (b->lat_deg - a->lat_deg) * KM_PER_DEGREE;
    *east = (b->lon_deg - a->lon_deg) * KM_PER_DEGREE * cos(a->lat_deg * (M_PI / 180));
    return hypot(*north, *east);
}

/* In the order of the page; drawn: room for all clips. False: more than max maps would do. */
static bool find_maps(struct events *e, const struct report *r, double near_km, size_t max,
                      size_t *drawn)
{
    size_t n = 0;
    double north, east;
    for (size_t event = 0; event < e->n; event++)
        for (size_t i = 0; i < r->n_clips; i++) {
            if (e->of[i] != event || !format_place_ok(&r->clip[i]))
                continue;
            size_t k = 0;
            while (k < n && way(&r->clip[drawn[k]], &r->clip[i], &north, &east) >= near_km)
                k++;
            if (k == max)
                return false;
            if (k == n)
                drawn[n++] = i;
            e->map[i] = drawn[k];
        }
    return true;
}

int events_find(struct events *out, const struct report *r, struct err *err)
{
    *out = (struct events){calloc(r->n_clips + 1, sizeof *out->of), 0,
                           calloc(r->n_clips + 1, sizeof *out->map)};
    size_t *first = calloc(r->n_clips + 1, sizeof *first);
    if (!out->of || !out->map || !first) {
        free(first);
        events_clear(out);
        return err_nomem(err, "%zu recordings", r->n_clips);
    }
    for (size_t i = 0; i < r->n_clips; i++) {
        size_t e = 0;
        while (e < out->n && !same_event(&r->clip[first[e]], &r->clip[i]))
            e++;
        if (e == out->n)
            first[out->n++] = i;
        out->of[i] = e;
    }
    double near_km = NEAR_KM;
    while (!find_maps(out, r, near_km, near_km < FAR_KM ? MAPS_MAX : r->n_clips, first))
        near_km *= 2;
    free(first);
    return ERR_OK;
}

void events_clear(struct events *e)
{
    free(e->of);
    free(e->map);
    *e = (struct events){0};
}

static void heading(struct doc *d, const struct report_clip *first, size_t e, size_t members)
{
    char when[FORMAT_ROOM];
    doc_open(d, DOC_HEAD_2);
    doc_textf(d, "Event %zu: ", e + 1);
    doc_text(d, first->trigger);
    doc_text(d, doc_empty(first->trigger) ? "" : ", ");
    doc_text(d,
             format_time_ok(&first->start) ? format_time(&first->start, when) : "time not known");
    doc_close(d, DOC_HEAD_2);
    doc_open(d, DOC_PARAGRAPH);
    if (members == 1)
        doc_text(d, "One recording");
    else
        doc_textf(d, "%zu recordings", members);
    doc_text(d, " from tracker (IMEI) ");
    doc_put(d, DOC_CODE, doc_empty(first->imei) ? "(not known)" : first->imei);
    doc_text_behind(d, " in ", first->vehicle);
    if (members > 1)
        doc_textf(d, ", starting within %lld seconds of one another",
                  (long long)(REPORT_SAME_EVENT_US / 1000000));
    doc_text(d, ".");
    doc_close(d, DOC_PARAGRAPH);
}

static bool same_place(const struct report_clip *a, const struct report_clip *b)
{
    char x[2][FORMAT_ROOM], y[2][FORMAT_ROOM];
    return strcmp(format_decimal(a->lat_deg, x[0]), format_decimal(b->lat_deg, x[1])) == 0 &&
           strcmp(format_decimal(a->lon_deg, y[0]), format_decimal(b->lon_deg, y[1])) == 0;
}

/* Whose maps show the place of clip `at`. */
static void map_elsewhere(struct doc *d, const struct report *r, size_t at, size_t map)
{
    static const char *const winds[] = {"north", "north-east", "east", "south-east",
                                        "south", "south-west", "west", "north-west"};
    double north, east, km = way(&r->clip[map], &r->clip[at], &north, &east);
    if (km < NEAR_KM)
        doc_text(d, ". That is less than 1 km from ");
    else
        doc_textf(d, ". That is about %.0f km %s of ", km,
                  winds[(size_t)lround(atan2(east, north) / (M_PI / 4) + 8) % 8]);
    clip_link(d, r, map);
    doc_text(d, ", whose maps show this place, too.");
}

/* One place of an event, and which of its clips were taken there. */
static void place(struct doc *d, const struct report *r, const struct events *e, size_t at,
                  const struct maps *maps)
{
    const struct report_clip *clip = &r->clip[at];
    enum doc_part part = e->map[at] == at ? DOC_CAPTION : DOC_PARAGRAPH;
    if (part == DOC_CAPTION)
        doc_open(d, DOC_PLACE);
    doc_open(d, part);
    for (size_t i = at, shown = 0; i < r->n_clips; i++)
        if (e->of[i] == e->of[at] && format_place_ok(&r->clip[i]) &&
            same_place(clip, &r->clip[i])) {
            doc_text(d, shown++ ? "; " : "Recorded here: ");
            clip_link(d, r, i);
        }
    if (part == DOC_PARAGRAPH)
        map_elsewhere(d, r, at, e->map[at]);
    doc_close(d, part);
    if (part == DOC_CAPTION) {
        doc_open(d, DOC_MAPS);
        map_pair(d, maps, clip->lat_deg, clip->lon_deg);
        doc_close(d, DOC_MAPS);
        doc_close(d, DOC_PLACE);
    }
    char lat[FORMAT_ROOM], lon[FORMAT_ROOM];
    doc_open(d, DOC_FACTS);
    doc_fact(d, "Position");
    doc_textf(d, "%s, %s", format_degrees(clip->lat_deg, false, lat),
              format_degrees(clip->lon_deg, true, lon));
    doc_line_end(d);
    doc_put(d, DOC_SOFT, "WGS 84, as used by satellite navigation");
    doc_fact_end(d);
    if (!doc_empty(clip->position_why))
        doc_put_named(d, DOC_FACT, "Source", clip->position_why);
    format_decimal(clip->lat_deg, lat);
    format_decimal(clip->lon_deg, lon);
    char address[300];
    doc_fact(d, "For a map application");
    snprintf(address, sizeof address, "geo:%s,%s", lat, lon);
    doc_put_named(d, DOC_ADDRESS, address, address);
    doc_line_end(d);
    snprintf(address, sizeof address, "https://www.openstreetmap.org/?mlat=%s&mlon=%s#map=17/%s/%s",
             lat, lon, lat, lon);
    doc_put_named(d, DOC_ADDRESS, address, address);
    doc_fact_end(d);
    doc_close(d, DOC_FACTS);
}

static void show(struct doc *d, const struct report *r, const struct events *e, size_t event,
                 const struct maps *maps)
{
    size_t members = 0, first = r->n_clips;
    for (size_t i = r->n_clips; i-- > 0;)
        if (e->of[i] == event) {
            first = i;
            members++;
        }
    char anchor[FORMAT_ROOM];
    doc_open_named(d, DOC_EVENT, format_anchor("event", event, anchor));
    heading(d, &r->clip[first], event, members);
    enum doc_part cards = members > 1 ? DOC_PAIR : DOC_SINGLE;
    doc_open(d, cards);
    for (size_t i = first; i < r->n_clips; i++)
        if (e->of[i] == event)
            clip_card(d, r, i);
    doc_close(d, cards);
    doc_put(d, DOC_HEAD_3, "Location");
    for (size_t i = 0; i < r->n_clips; i++) {
        if (e->of[i] != event)
            continue;
        if (!format_place_ok(&r->clip[i])) {
            doc_open(d, DOC_PARAGRAPH);
            clip_link(d, r, i);
            doc_text(d, ": position not known. ");
            doc_text(d, r->clip[i].position_why);
            if (format_route_ok(&r->clip[i]))
                doc_text(d, " For what its tracker said, see below.");
            doc_close(d, DOC_PARAGRAPH);
            continue;
        }
        bool shown = false;
        for (size_t k = 0; k < i; k++)
            shown |= e->of[k] == event && format_place_ok(&r->clip[k]) &&
                     same_place(&r->clip[k], &r->clip[i]);
        if (!shown)
            place(d, r, e, i, maps);
    }
    journey_show(d, r, e, event);
    for (size_t i = first; i < r->n_clips; i++)
        if (e->of[i] == event) {
            doc_open(d, DOC_DETAILS);
            doc_open(d, DOC_HEAD_3);
            doc_text(d, "Details of ");
            clip_link(d, r, i);
            doc_close(d, DOC_HEAD_3);
            tables_clocks(d, &r->clip[i]);
            tables_arrival(d, &r->clip[i]);
            tables_derived(d, &r->clip[i]);
            doc_put(d, DOC_HEAD_4, "What is not known");
            doc_open(d, DOC_BULLETS);
            clip_unknown(d, &r->clip[i]);
            doc_close(d, DOC_BULLETS);
            doc_close(d, DOC_DETAILS);
        }
    doc_close(d, DOC_EVENT);
}

void events_show(struct doc *d, const struct report *r, const struct events *e,
                 const struct maps *maps)
{
    for (size_t i = 0; i < e->n; i++)
        show(d, r, e, i, maps);
}

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

#define NEAR_KM       1.0
#define KM_PER_DEGREE 111.2 /* of latitude */

static bool near(const struct report_clip *a, const struct report_clip *b)
{
    double north = (a->lat_deg - b->lat_deg) * KM_PER_DEGREE;
    double east = (a->lon_deg - b->lon_deg) * KM_PER_DEGREE * cos(a->lat_deg * (M_PI / 180));
    return north * north + east * east < NEAR_KM * NEAR_KM;
}

/* In the order of the page; drawn: room for all clips. */
static void find_maps(struct events *e, const struct report *r, size_t *drawn)
{
    size_t n = 0;
    for (size_t event = 0; event < e->n; event++)
        for (size_t i = 0; i < r->n_clips; i++) {
            if (e->of[i] != event || !format_place_ok(&r->clip[i]))
                continue;
            size_t k = 0;
            while (k < n && !near(&r->clip[drawn[k]], &r->clip[i]))
                k++;
            if (k == n)
                drawn[n++] = i;
            e->map[i] = drawn[k];
        }
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
    find_maps(out, r, first);
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
    if (part == DOC_PARAGRAPH) {
        doc_text(d, ". That is less than 1 km from ");
        clip_link(d, r, e->map[at]);
        doc_text(d, ", whose maps show this place, too.");
    }
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

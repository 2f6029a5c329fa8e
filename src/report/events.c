/* Clips that belong together, and a section for each such event. */
#include "map.h"
#include "page.h"
#include "words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool clip_has_position(const struct report_clip *clip)
{
    /* written so that a NaN is no position */
    return clip->has_position && clip->lat_deg >= -90 && clip->lat_deg <= 90 &&
           clip->lon_deg >= -180 && clip->lon_deg <= 180;
}

static bool same_event(const struct report_clip *a, const struct report_clip *b)
{
    if (html_empty(a->imei) || html_empty(b->imei) || strcmp(a->imei, b->imei) != 0)
        return false;
    if (!words_time_ok(&a->start) || !words_time_ok(&b->start))
        return false;
    int64_t apart_us = words_between(a->start.utc_us, b->start.utc_us);
    return apart_us >= -REPORT_SAME_EVENT_US && apart_us <= REPORT_SAME_EVENT_US;
}

int events_find(struct events *out, const struct report *r, struct err *err)
{
    *out = (struct events){calloc(r->n_clips + 1, sizeof *out->of), 0};
    size_t *first = calloc(r->n_clips + 1, sizeof *first);
    if (!out->of || !first) {
        free(first);
        events_clear(out);
        return err_set(err, ERR_NOMEM, "no memory for %zu recordings", r->n_clips);
    }
    for (size_t i = 0; i < r->n_clips; i++) {
        size_t e = 0;
        while (e < out->n && !same_event(&r->clip[first[e]], &r->clip[i]))
            e++;
        if (e == out->n)
            first[out->n++] = i;
        out->of[i] = e;
    }
    free(first);
    return ERR_OK;
}

void events_clear(struct events *e)
{
    free(e->of);
    *e = (struct events){0};
}

static void heading(struct html *h, const struct report_clip *first, size_t e, size_t members)
{
    char when[WORDS_ROOM];
    words_time(&first->start, when);
    html_rawf(h, "<h2>Event %zu: ", e + 1);
    if (!html_empty(first->trigger)) {
        html_text(h, first->trigger);
        html_raw(h, ", ");
    }
    html_text(h, words_time_ok(&first->start) ? when : "time not known");
    html_raw(h, "</h2>\n<p>");
    html_rawf(h, members == 1 ? "One recording" : "%zu recordings", members);
    html_raw(h, " of the camera unit ");
    html_code(h, html_empty(first->imei) ? "(number not known)" : first->imei);
    if (!html_empty(first->vehicle)) {
        html_raw(h, " in ");
        html_text(h, first->vehicle);
    }
    if (members > 1)
        html_rawf(h, ". They begin within %lld seconds of one another",
                  (long long)(REPORT_SAME_EVENT_US / 1000000));
    html_raw(h, ".</p>\n");
}

static bool same_place(const struct report_clip *a, const struct report_clip *b)
{
    char x[2][WORDS_ROOM], y[2][WORDS_ROOM];
    words_decimal(a->lat_deg, x[0]);
    words_decimal(b->lat_deg, x[1]);
    words_decimal(a->lon_deg, y[0]);
    words_decimal(b->lon_deg, y[1]);
    return strcmp(x[0], x[1]) == 0 && strcmp(y[0], y[1]) == 0;
}

static void place_words(struct html *h, const struct report_clip *clip)
{
    char lat[WORDS_ROOM], lon[WORDS_ROOM];
    html_raw(h, "<table class=\"facts\">\n");
    html_fact(h, "Position");
    words_degrees(clip->lat_deg, false, lat);
    words_degrees(clip->lon_deg, true, lon);
    html_textf(h, "%s, %s", lat, lon);
    html_raw(h, "<br><span class=\"soft\">WGS 84, as in satellite navigation</span>");
    html_fact_end(h);
    if (!html_empty(clip->position_why))
        html_fact_text(h, "Known from", clip->position_why);
    words_decimal(clip->lat_deg, lat);
    words_decimal(clip->lon_deg, lon);
    char address[300];
    html_fact(h, "To copy into a map program");
    snprintf(address, sizeof address, "geo:%s,%s", lat, lon);
    html_code(h, address);
    html_raw(h, "<br>");
    snprintf(address, sizeof address, "https://www.openstreetmap.org/?mlat=%s&mlon=%s#map=17/%s/%s",
             lat, lon, lat, lon);
    html_code(h, address);
    html_fact_end(h);
    html_raw(h, "</table>\n");
}

/* One place of an event, and which of its clips were taken there. */
static void place(struct html *h, const struct report *r, const struct events *e, size_t at,
                  const struct world *world)
{
    const struct report_clip *clip = &r->clip[at];
    html_raw(h, "<figure class=\"place\"><figcaption>");
    for (size_t i = at, shown = 0; i < r->n_clips; i++)
        if (e->of[i] == e->of[at] && clip_has_position(&r->clip[i]) &&
            same_place(clip, &r->clip[i])) {
            html_raw(h, shown++ ? "; " : "Taken here: ");
            clip_link(h, r, i);
        }
    html_raw(h, "</figcaption>\n<div class=\"maps\">\n");
    map_pair(h, world, clip->lat_deg, clip->lon_deg);
    html_raw(h, "</div></figure>\n");
    place_words(h, clip);
}

static void places(struct html *h, const struct report *r, const struct events *e, size_t event,
                   const struct world *world)
{
    html_raw(h, "<h3>Where it was</h3>\n");
    for (size_t i = 0; i < r->n_clips; i++) {
        if (e->of[i] != event)
            continue;
        if (!clip_has_position(&r->clip[i])) {
            html_raw(h, "<p>");
            clip_link(h, r, i);
            html_raw(h, ": no position is known. ");
            html_text(h, r->clip[i].position_why);
            html_raw(h, "</p>\n");
            continue;
        }
        bool shown = false;
        for (size_t k = 0; k < i; k++)
            shown |= e->of[k] == event && clip_has_position(&r->clip[k]) &&
                     same_place(&r->clip[k], &r->clip[i]);
        if (!shown)
            place(h, r, e, i, world);
    }
}

static void details(struct html *h, const struct report *r, size_t i)
{
    html_raw(h, "<section class=\"details\">\n<h3>More on ");
    clip_link(h, r, i);
    html_raw(h, "</h3>\n");
    tables_clocks(h, &r->clip[i]);
    tables_arrival(h, &r->clip[i]);
    tables_derived(h, &r->clip[i]);
    html_raw(h, "<h4>What is not known of it</h4>\n<ul>\n");
    clip_unknown(h, &r->clip[i]);
    html_raw(h, "</ul>\n</section>\n");
}

static void show(struct html *h, const struct report *r, const struct events *e, size_t event,
                 const struct world *world)
{
    size_t members = 0, first = r->n_clips;
    for (size_t i = r->n_clips; i-- > 0;)
        if (e->of[i] == event) {
            first = i;
            members++;
        }
    html_rawf(h, "<section class=\"event\" id=\"event-%zu\">\n", event + 1);
    heading(h, &r->clip[first], event, members);
    html_raw(h, members > 1 ? "<div class=\"pair\">\n" : "<div class=\"single\">\n");
    for (size_t i = first; i < r->n_clips; i++)
        if (e->of[i] == event)
            clip_card(h, r, i);
    html_raw(h, "</div>\n");
    places(h, r, e, event, world);
    for (size_t i = first; i < r->n_clips; i++)
        if (e->of[i] == event)
            details(h, r, i);
    html_raw(h, "</section>\n");
}

void events_show(struct html *h, const struct report *r, const struct events *e,
                 const struct world *world)
{
    for (size_t i = 0; i < e->n; i++)
        show(h, r, e, i, world);
}

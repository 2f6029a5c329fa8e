/* What is told of an event in words: its condition, what people noted, facts, files, and what was
 * on the wire. */
#include "dashspool/clock.h"
#include "dashspool/copy_kind.h"
#include "dashspool/requests.h"
#include "dashspool/retention.h"
#include "dashspool/wire.h"
#include "event.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRETCHES_SHOWN = 12, REQUESTS_SHOWN = 6 };
#define REQUESTS_AROUND_US (5 * 60 * INT64_C(1000000))
#define TOGETHER_US        (60 * INT64_C(1000000)) /* what one notes of all transfers takes a moment */

/* ---- condition ---- */

static void begin_item(struct web_page *h, const char *class, const char *icon)
{
    web_print(h, "<li class=\"%s\">", class);
    frame_icon(h, icon);
    web_put(h, "<span>");
}

static void lasts(struct web_page *h, const struct recipe_stretch *s)
{
    char text[WEB_DECIMAL_ROOM];
    if (s->until_us <= s->from_us)
        return;
    web_put(h, " ");
    web_sayf(h, "The gap lasts %s s.",
             web_decimal(h, (double)(s->until_us - s->from_us) / 1e6, 2, text));
}

void event_stretch(struct event *e, const struct recipe_stretch *s)
{
    struct web_page *h = e->h;
    switch (s->cause) {
    case RECIPE_CORRUPT:
        web_sayn(h, "%s frame is damaged.", "%s frames are damaged.", s->n);
        web_put(h, " ");
        web_say(h, "Its bytes are corrupt, or those that it builds on are.");
        break;
    case RECIPE_SOMEWHERE:
        web_say(h, "Something is damaged; where is not known.");
        break;
    case RECIPE_NOT_RECORDED:
        web_say(h, "Frames are missing.");
        lasts(h, s);
        web_put(h, " ");
        web_say(h, "The camera did not record them; nothing was lost on the way.");
        break;
    case RECIPE_NOT_RECEIVED:
        web_sayn(h, "%s frame is missing.", "%s frames are missing.", s->n);
        lasts(h, s);
        web_put(h, " ");
        web_say(h, "They were recorded, but did not arrive.");
        break;
    case RECIPE_BETWEEN:
        web_say(h, "Another recording begins here.");
        break;
    case RECIPE_UNDECODABLE:
        web_sayn(h, "%s frame at the start is left out.", "%s frames at the start are left out.",
                 s->n);
        web_put(h, " ");
        web_say(h, "They cannot be decoded without what came before them.");
        break;
    case RECIPE_NO_SOUND:
        web_say(h, "Sound is missing; the copies are silent here.");
        break;
    case RECIPE_UNFINISHED:
        web_say(h, "It ends early.");
        web_put(h, " ");
        web_say(h, "The last frame is not complete, and is left out.");
        break;
    }
}

static void put_whole(struct event *e, const struct event_clip *c, const char *name)
{
    struct web_page *h = e->h;
    begin_item(h, "ok", "whole");
    web_print(h, "<b>%s:</b> ", name);
    if (c->video) {
        web_say(h, "Whole.");
        web_put(h, " ");
        web_sayn(h, "Its one frame is there.", "All %s frames are there.", c->made.pictures);
    } else {
        web_say(h, "Whole.");
    }
    web_put(h, "</span></li>\n");
}

static void put_clip_condition(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM], t[EVENT_T_ROOM], number[24];
    event_name(e, c, name);
    if (c->t.state == CATALOGUE_PARTIAL || c->t.state == CATALOGUE_RECEIVING) {
        begin_item(h, "info", "half");
        web_print(h, "<b>%s:</b> ", name);
        web_say(h, c->t.state == CATALOGUE_PARTIAL
                       ? "Only a part has arrived; the connection broke off."
                       : "It is arriving.");
        web_put(h, "</span></li>\n");
    }
    if (!c->examined) {
        begin_item(h, "info", "clock");
        web_print(h, "<b>%s:</b> ", name);
        web_say(h, "Not examined yet: that is done when its copies are made.");
        web_put(h, "</span></li>\n");
        return;
    }
    if (c->timing.n_stretches == 0 && c->t.state == CATALOGUE_STORED)
        put_whole(e, c, name);
    for (size_t i = 0; i < c->timing.n_stretches && i < STRETCHES_SHOWN; i++) {
        const struct recipe_stretch *s = &c->timing.stretch[i];
        double at = c->from_s + (double)s->from_us / 1e6;
        bool news = s->cause == RECIPE_BETWEEN; /* nothing is wrong with it */
        begin_item(h, news ? "info" : "warn",
                   news                    ? "info"
                   : s->flaw == RECIPE_CUT ? "cut"
                                           : "warn");
        web_print(h, "<b>%s", name);
        if (c->shown && c->viewing && s->cause != RECIPE_SOMEWHERE) {
            snprintf(number, sizeof number, "%.3f", at);
            web_print(h, ", <a href=\"#t=%s\">%s</a>", number, event_t(at, t));
        }
        web_put(h, ":</b> ");
        event_stretch(e, s);
        web_put(h, "</span></li>\n");
    }
    if (c->timing.n_stretches > STRETCHES_SHOWN) {
        begin_item(h, "warn", "warn");
        web_sayn(h, "%s more place is in the times of all frames.",
                 "%s more places are in the times of all frames.",
                 (int64_t)(c->timing.n_stretches - STRETCHES_SHOWN));
        web_put(h, "</span></li>\n");
    }
}

static void put_clocks(struct event *e)
{
    struct web_page *h = e->h;
    const struct event_clip *lead = NULL;
    char name[EVENT_NAME_ROOM], apart[WEB_DECIMAL_ROOM];
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        if (!c->shown || !c->viewing || !c->has_wall)
            continue;
        if (!lead) {
            lead = c;
            continue;
        }
        double s = c->from_s - lead->from_s;
        if (c->lane == lead->lane || fabs(s) < 0.05)
            continue;
        event_name(e, c, name);
        web_decimal(h, fabs(s), 2, apart);
        begin_item(h, "info", "info");
        web_sayf(h, s > 0 ? "%s begins %s s after the first." : "%s begins %s s before the first.",
                 name, apart);
        web_put(h, "</span></li>\n");
    }
}

void event_condition(struct event *e)
{
    struct web_page *h = e->h;
    web_print(h,
              "<section class=\"panel cond\" aria-labelledby=\"c\">\n<header><h2 "
              "id=\"c\">%s</h2>",
              web_tr(h, "Condition"));
    words_badge(h, e->review.condition);
    web_put(h, "</header>\n<ul>\n");
    for (size_t i = 0; i < e->n_clips; i++)
        put_clip_condition(e, e->clip[i]);
    put_clocks(e);
    if (e->private_mode) {
        begin_item(h, "info", "lock");
        web_say(h, "The driver was in private mode: position, speed and force are not shown.");
        web_put(h, "</span></li>\n");
    }
    if (e->n_left_out) {
        begin_item(h, "info", "info");
        web_sayn(h, "%s more file belongs to this event and is not on this page.",
                 "%s more files belong to this event and are not on this page.",
                 (int64_t)e->n_left_out);
        web_put(h, "</span></li>\n");
    }
    web_put(h, "</ul>\n</section>\n");
}

/* ---- what people noted ---- */

struct notes {
    struct event *e;
    struct noted {
        int64_t at_us;
        char who[PEOPLE_NAME_ROOM + WEB_PEER_ROOM], text[REVIEW_NOTE_ROOM];
    } last[16];
    int n;
};

/* One who notes it of an event notes it of each transfer: it is told once. */
static int add_note(void *arg, const struct review_note *note, struct err *err)
{
    struct notes *n = arg;
    struct web_page *h = n->e->h;
    char who[WORDS_WHO_ROOM];
    (void)err;
    for (int i = 0; i < n->n && i < 16; i++)
        if (strcmp(n->last[i].text, note->text) == 0 && strcmp(n->last[i].who, note->who) == 0 &&
            llabs(n->last[i].at_us - note->at_us) <= TOGETHER_US)
            return ERR_OK;
    struct noted *to = &n->last[n->n++ % 16];
    to->at_us = note->at_us;
    snprintf(to->who, sizeof to->who, "%s", note->who);
    snprintf(to->text, sizeof to->text, "%s", note->text);
    web_print(h, "<dt>%s</dt><dd>“<span class=\"pre\">%s</span>” <span class=\"soft\">%s, ",
              web_tr(h, "Note"), note->text, words_who(h, note->who, who));
    when_put(n->e->serve, h, note->at_us, n->e->tz_min, WHEN_SHORT);
    web_put(h, "</span></dd>\n");
    return ERR_OK;
}

static int add_protection(void *arg, const struct catalogue_protection *p, struct err *err)
{
    struct notes *n = arg;
    struct web_page *h = n->e->h;
    char who[WORDS_WHO_ROOM];
    (void)err;
    for (int i = 0; i < n->n && i < 16; i++)
        if (strcmp(n->last[i].text, p->reason) == 0 && strcmp(n->last[i].who, p->who) == 0)
            return ERR_OK;
    struct noted *to = &n->last[n->n++ % 16];
    snprintf(to->who, sizeof to->who, "%s", p->who);
    snprintf(to->text, sizeof to->text, "%s", p->reason);
    web_print(h, "<dt>%s</dt><dd>%s <span class=\"soft\">%s, ", web_tr(h, "Protected"), p->reason,
              words_who(h, p->who, who));
    when_put(n->e->serve, h, p->since_us, n->e->tz_min, WHEN_SHORT);
    web_put(h, "</span></dd>\n");
    return ERR_OK;
}

struct requested {
    struct event *e;
    int n;
};

static const char *request_word(const struct web_page *h, enum requests_state state)
{
    static const char *const words[REQUESTS_N_STATES] = {
        [REQUESTS_QUEUED] = W_("waits to be sent to the vehicle"),
        [REQUESTS_SENT] = W_("was sent to the vehicle"),
        [REQUESTS_ACCEPTED] = W_("the vehicle will send it"),
        [REQUESTS_UPLOADING] = W_("is arriving"),
        [REQUESTS_WAITING] = W_("waits for the vehicle"),
        [REQUESTS_FETCHED] = W_("is here"),
        [REQUESTS_REFUSED] = W_("was refused by the vehicle"),
        [REQUESTS_SUPERSEDED] = W_("was replaced by another request"),
        [REQUESTS_EXPIRED] = W_("did not come in time"),
        [REQUESTS_CANCELLED] = W_("was cancelled"),
    };
    return (unsigned)state < REQUESTS_N_STATES ? web_tr(h, words[state]) : "";
}

static int add_request(void *arg, const struct requests_request *r, struct err *err)
{
    struct requested *q = arg;
    struct event *e = q->e;
    struct web_page *h = e->h;
    (void)err;
    int64_t at_us = r->what.time_s * 1000000;
    if (at_us < e->review.at_us - REQUESTS_AROUND_US ||
        at_us > e->review.until_us + REQUESTS_AROUND_US || q->n++ >= REQUESTS_SHOWN)
        return ERR_OK;
    char clock[WHEN_ROOM], seconds[16];
    event_clock(e, at_us, 0, clock);
    snprintf(seconds, sizeof seconds, "%d", r->what.seconds);
    web_print(h, "<dt>%s</dt><dd><a href=\"/requests\">", web_tr(h, "Requested"));
    if (r->what.seconds > 0)
        web_sayf(h, "%s s from %s, %s", seconds, clock, r->what.camera);
    else
        web_sayf(h, "Photo of %s, %s", clock, r->what.camera);
    web_print(h, "</a>: %s</dd>\n", request_word(h, r->state));
    return ERR_OK;
}

/* How long all of it is kept: as long as what goes first. */
static int put_kept(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    char day[WHEN_ROOM] = "";
    bool all = true, by_size = false;
    int64_t until_us = INT64_MAX;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++) {
        struct retention_kept kept;
        bool protected = false;
        const struct catalogue_transfer *t = &e->clip[i]->t;
        rc = catalogue_protected(e->serve->catalogue, t->key, &protected, err);
        if (rc < 0 || protected)
            continue;
        all = false;
        rc = retention_kept(&kept, e->serve->cfg, t, err);
        by_size |= rc == ERR_OK && kept.by_size;
        if (rc == ERR_OK && kept.until_us > 0 && kept.until_us < until_us)
            until_us = kept.until_us;
    }
    if (rc < 0)
        return rc;
    web_print(h, "<dt>%s</dt><dd>", web_tr(h, "Kept until"));
    if (until_us < INT64_MAX)
        when_day_text(e->serve, h, when_day(e->serve, until_us), WHEN_LONG_DAY, day);
    if (all)
        web_say(h, "somebody removes the protection");
    else if (until_us == INT64_MAX)
        web_say(h, by_size ? "room is needed; longer if protected" : "somebody deletes it");
    else if (until_us <= clock_utc_us())
        web_sayf(h, "%s: it may go any time now; protect it to keep it", day);
    else if (by_size)
        web_sayf(h, "%s, or until room is needed; longer if protected", day);
    else
        web_sayf(h, "%s; longer if protected", day);
    web_put(h, "</dd>\n");
    return ERR_OK;
}

int event_review(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    struct catalogue *c = e->serve->catalogue;
    struct notes notes = {.e = e}, protections = {.e = e};
    struct requested requested = {.e = e};
    const struct requests_filter filter = {.imei = e->review.vehicle.imei};
    bool reviewed = e->review.marks & REVIEW_REVIEWED;
    int rc = ERR_OK;
    web_print(h, "<section class=\"panel\" aria-labelledby=\"r\">\n<header><h2 id=\"r\">%s</h2>",
              web_tr(h, "Review"));
    web_put(h, reviewed ? "<span class=\"badge ok\">" : "<span class=\"badge info\">");
    frame_icon(h, reviewed ? "check" : "clock");
    web_say(h, reviewed ? "Reviewed" : "To review");
    web_put(h, "</span></header>\n<dl class=\"facts\">\n");
    web_print(h, "<dt>%s</dt><dd>", web_tr(h, "Case"));
    if (e->review.case_number[0])
        web_print(h, "<b>%s</b></dd>\n", e->review.case_number);
    else
        web_print(h, "<span class=\"soft\">%s</span></dd>\n", web_tr(h, "none"));
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++)
        rc = review_notes(c, e->clip[i]->t.key, add_note, &notes, err);
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++)
        rc = catalogue_protection_each(c, e->clip[i]->t.key, add_protection, &protections, err);
    if (rc == ERR_OK)
        rc = put_kept(e, err);
    if (rc == ERR_OK)
        rc = requests_each(c, &filter, add_request, &requested, err);
    if (rc == ERR_MALFORMED) /* one that cannot be read: the page of requests tells it */
        rc = ERR_OK;
    web_put(h, "</dl>\n</section>\n");
    return rc;
}

/* ---- photos, posters, contact sheets ---- */

static void put_shot(struct event *e, const struct event_clip *c, const struct event_copy *copy,
                     const char *word)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM], t[EVENT_T_ROOM];
    double at = c->has_wall ? event_seconds(e, c->wall_us) : INFINITY;
    event_name(e, c, name);
    web_put(h, "<figure><a href=\"");
    event_copy_url(h, c, copy);
    web_put(h, "\"><img loading=\"lazy\" src=\"");
    event_copy_url(h, c, copy);
    web_print(h, "\" alt=\"%s\"><figcaption>%s", name, name);
    if (word)
        web_print(h, ": %s", word);
    else if (isfinite(at) && fabs(at) < 1000)
        web_print(h, ", <span class=\"num\">%s</span>", event_t(at, t));
    web_put(h, "</figcaption></a></figure>\n");
}

void event_photos(struct event *e)
{
    struct web_page *h = e->h;
    bool any = false;
    for (size_t i = 0; i < e->n_clips; i++)
        any = any || e->clip[i]->still || e->clip[i]->sheet;
    if (!any)
        return;
    web_print(h,
              "<section class=\"panel\" aria-labelledby=\"p\">\n<header><h2 id=\"p\">%s</h2>"
              "</header>\n<div class=\"shots\">\n",
              web_tr(h, "Photos and contact sheets"));
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->still)
            put_shot(e, e->clip[i], e->clip[i]->still, NULL);
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->sheet)
            put_shot(e, e->clip[i], e->clip[i]->sheet, web_tr(h, "contact sheet"));
    web_put(h, "</div>\n</section>\n");
}

/* ---- facts ---- */

static void put_fact(struct web_page *h, const char *name)
{
    web_print(h, "<dt>%s</dt><dd>", name);
}

static void fact_end(struct web_page *h)
{
    web_put(h, "</dd>\n");
}

static void put_begin(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM], clock[WHEN_ROOM], error[WEB_DECIMAL_ROOM];
    event_name(e, c, name);
    put_fact(h, name);
    if (!c->has_wall) {
        web_say(h, "When it was recorded is not known.");
    } else {
        event_clock(e, c->wall_us, 1, clock);
        web_print(h, "%s", clock);
        if (c->error_s > 0)
            web_print(h, " ± %s s", web_decimal(h, c->error_s, 1, error));
        if (c->made.wall_why[0]) {
            web_put(h, " <span class=\"soft\">");
            web_told(h, c->made.wall_why);
            web_put(h, "</span>");
        }
    }
    fact_end(h);
}

static void put_vehicle(struct event *e)
{
    struct web_page *h = e->h;
    const struct review_vehicle *v = &e->review.vehicle;
    put_fact(h, web_tr(h, "Vehicle"));
    web_put(h, "<a href=\"/vehicle/");
    web_url(h, v->imei);
    web_put(h, "\">");
    words_vehicle(h, v);
    web_put(h, "</a>");
    if (v->group[0]) {
        web_put(h, ", ");
        web_sayf(h, "group %s", v->group);
    }
    fact_end(h);
    put_fact(h, web_tr(h, "Tracker (IMEI)"));
    web_print(h, "<span class=\"num\">%s</span>", v->imei);
    fact_end(h);
}

static void put_zero(struct event *e)
{
    struct web_page *h = e->h;
    char clock[WHEN_ROOM];
    put_fact(h, web_tr(h, "Trigger"));
    web_text(h, words_trigger(h, e->review.trigger));
    if (e->has_zero && e->zero != EVENT_FIRST_PICTURE) {
        event_clock(e, e->zero_us, 1, clock);
        web_put(h, ", ");
        web_sayf(h,
                 e->zero == EVENT_CAMERA_TRIGGER ? "%s as the camera told it"
                                                 : "%s as the tracker told it",
                 clock);
    } else {
        web_put(h, ", ");
        web_say(h, "when is not told; T counts from the first frame");
    }
    fact_end(h);
}

static int put_tracker(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    struct catalogue_match match;
    bool found = false;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips && !found; i++)
        rc = catalogue_match_get(e->serve->catalogue, e->clip[i]->t.key, &match, &found, err);
    if (rc < 0 || !found || e->private_mode)
        return rc;
    char clock[WHEN_ROOM], apart[24];
    event_clock(e, match.time_ms * 1000, 1, clock);
    snprintf(apart, sizeof apart, "%+.1f", (double)match.difference_ms / 1000);
    put_fact(h, web_tr(h, "Tracker’s record"));
    web_sayf(h, "%s, %s s from the camera’s time", clock, apart);
    fact_end(h);
    return ERR_OK;
}

/* Where the times of the frames come from, as the copies' record names it. */
static const char *source_word(const struct web_page *h, const char *name)
{
    static const char *const names[] = {
        W_("capture times"),        W_("metadata rate"), W_("header rate"),  W_("given rate"),
        W_("pictures over length"), W_("stream rate"),   W_("default rate"),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return web_tr(h, names[i]);
    return name;
}

static void put_rates(struct event *e)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM], rate[WEB_DECIMAL_ROOM];
    bool any = false;
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        if (!c->video || !c->examined || !c->made.timing[0] || c->made.duration_s <= 0)
            continue;
        if (!any)
            put_fact(h, web_tr(h, "Frame times"));
        event_name(e, c, name);
        web_decimal(h, (double)c->made.pictures / c->made.duration_s, 2, rate);
        web_put(h, any ? "<br>" : "");
        web_sayf(h, "%s: %s, %s frames a second on average", name, source_word(h, c->made.timing),
                 rate);
        any = true;
    }
    if (any)
        fact_end(h);
}

static void put_position(struct event *e)
{
    struct web_page *h = e->h;
    char text[64];
    for (size_t i = 0; i < e->n_clips && !e->private_mode; i++) {
        const struct catalogue_transfer *t = &e->clip[i]->t;
        if (!(t->known & CATALOGUE_POSITION_OK))
            continue;
        snprintf(text, sizeof text, "%.6f, %.6f", t->lat_deg, t->lon_deg);
        put_fact(h, web_tr(h, "Position"));
        web_sayf(h, "%s (WGS 84), as the camera told it", text);
        fact_end(h);
        return;
    }
    if (e->private_mode) {
        put_fact(h, web_tr(h, "Position"));
        web_say(h, "hidden: the driver was in private mode");
        fact_end(h);
    }
}

static void put_driver(struct event *e)
{
    static const struct {
        unsigned bit;
        const char *msgid;
    } warnings[] = {{1, W_("drowsiness")}, {2, W_("distraction")}, {4, W_("yawning")},
                    {8, W_("phone")},      {16, W_("smoking")},    {32, W_("absence")},
                    {64, W_("mask")},      {128, W_("seat belt")}, {256, W_("G-sensor")}};
    struct web_page *h = e->h;
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct catalogue_transfer *t = &e->clip[i]->t;
        bool first = true;
        if (t->known & CATALOGUE_DRIVER_OK && t->driver[0]) {
            put_fact(h, web_tr(h, "Driver"));
            web_text(h, t->driver);
            fact_end(h);
        }
        if (!(t->known & CATALOGUE_EVENTS_OK) || !t->events)
            continue;
        put_fact(h, web_tr(h, "Driver warnings"));
        for (size_t k = 0; k < sizeof warnings / sizeof *warnings; k++)
            if (t->events & warnings[k].bit) {
                web_put(h, first ? "" : ", ");
                web_say(h, warnings[k].msgid);
                first = false;
            }
        fact_end(h);
    }
}

int event_facts(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    int64_t arrived_us = 0;
    web_print(h,
              "<section class=\"panel\" aria-labelledby=\"f\">\n<header><h2 id=\"f\">%s</h2>"
              "</header>\n<dl class=\"facts\">\n",
              web_tr(h, "Facts"));
    put_vehicle(e);
    put_zero(e);
    int rc = put_tracker(e, err);
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct catalogue_transfer *t = &e->clip[i]->t;
        put_begin(e, e->clip[i]);
        int64_t then_us = t->completed_us ? t->completed_us : t->arrived_us;
        arrived_us = then_us > arrived_us ? then_us : arrived_us;
    }
    put_rates(e);
    put_position(e);
    put_driver(e);
    if (arrived_us) {
        put_fact(h, web_tr(h, "Arrived"));
        when_put(e->serve, h, arrived_us, e->tz_min, WHEN_FULL);
        fact_end(h);
    }
    web_put(h, "</dl>\n</section>\n");
    return rc;
}

/* ---- files ---- */

static const char *purpose_of(const struct web_page *h, unsigned kind)
{
    static const struct {
        unsigned kind;
        const char *msgid;
    } purposes[] = {
        {COPY_WORKING, W_("working copy: the same frames, playable, with true times")},
        {COPY_VIEWING, W_("viewing copy: for any player, with text burned in")},
        {COPY_STILL, W_("viewing copy: with text burned in")},
        {COPY_TIMING, W_("times of all frames")},
        {COPY_CSV, W_("times of all frames, as a table")},
        {COPY_POSTER, W_("one frame")},
        {COPY_SHEET, W_("contact sheet")},
        {COPY_MOMENT, W_("one frame")},
        {COPY_GPX, W_("where it was, for maps")},
        {COPY_GEOJSON, W_("where it was, for maps")},
        {COPY_KML, W_("where it was, for maps")},
        {COPY_SRT, W_("the burned-in text, as subtitles")},
        {COPY_VTT, W_("the burned-in text, as subtitles")},
    };
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        if (kind == purposes[i].kind)
            return web_tr(h, purposes[i].msgid);
    return NULL;
}

static void file_end(struct web_page *h, const char *sha256, int64_t bytes)
{
    web_print(h, "</th><td><span class=\"hash\">%s</span></td><td class=\"num\">", sha256);
    web_size(h, bytes);
    web_put(h, "</td></tr>\n");
}

static void put_original(struct event *e, const struct event_clip *c, const char *name, bool may)
{
    struct web_page *h = e->h;
    web_put(h, "<tr><th scope=\"row\">");
    if (may && c->t.state != CATALOGUE_RECEIVING) {
        web_put(h, "<a href=\"/original/");
        web_url(h, c->t.id);
        web_print(h, "\" download>%s</a>", name);
    } else {
        web_text(h, name);
    }
    web_print(h, "<br><span class=\"soft small\">%s</span>",
              c->t.state == CATALOGUE_STORED ? web_tr(h, "original: exactly as it was received")
                                             : web_tr(h, "original: what has arrived of it"));
    file_end(h, c->t.sha256, c->t.length_bytes);
}

void event_files(struct event *e)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM];
    bool may = e->ask->role >= PEOPLE_REVIEWER;
    web_print(h,
              "<section class=\"panel files wide\" aria-labelledby=\"fi\">\n<header><h2 "
              "id=\"fi\">%s</h2>",
              web_tr(h, "Files"));
    if (may)
        web_print(h, "<span class=\"soft small\">%s</span>",
                  web_tr(h, "Downloading an original is recorded in the custody, with your name."));
    web_print(h,
              "</header>\n<table>\n<thead><tr><th scope=\"col\">%s</th><th scope=\"col\">SHA-256"
              "</th><th scope=\"col\" class=\"num\">%s</th></tr></thead>\n<tbody>\n",
              web_tr(h, "File"), web_tr(h, "Size"));
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        event_name(e, c, name);
        put_original(e, c, name, may);
        for (int k = 0; k < c->n_copies; k++) {
            const struct event_copy *copy = &c->copy[k];
            const char *purpose = purpose_of(h, copy->kind);
            web_put(h, "<tr><th scope=\"row\"><a href=\"");
            event_copy_url(h, c, copy);
            web_print(h, "\">%s</a><br><span class=\"soft small\">%s</span>", name,
                      purpose ? purpose : copy->word);
            file_end(h, copy->sha256, copy->bytes);
        }
    }
    web_put(h, "</tbody>\n</table>\n</section>\n");
}

/* ---- on the wire ---- */

static void put_bytes(struct web_page *h, const uint8_t *bytes, size_t n)
{
    char text[8];
    web_put(h, "<code>");
    for (size_t i = 0; i < n && i < 256; i++) {
        snprintf(text, sizeof text, i % 2 && i + 1 < n ? "%02x " : "%02x", bytes[i]);
        web_put(h, text);
    }
    web_put(h, n > 256 ? "…</code>" : "</code>");
}

static void put_wire(struct web_page *h, const char *file, const char *what, const uint8_t *bytes,
                     size_t n)
{
    if (n == 0)
        return;
    web_print(h, "<tr><th scope=\"row\">%s</th><td>%s</td><td>", file, what);
    put_bytes(h, bytes, n);
    web_put(h, "</td></tr>\n");
}

/* Positions are not told where they are hidden: the bytes of metadata hold them, too. */
static void put_clip_wire(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    const struct catalogue_wire *w = &c->t.wire;
    char name[EVENT_NAME_ROOM];
    struct wire_fact fact[WIRE_N_FACTS];
    struct wire_facts facts;
    const struct wire_bytes bytes = {.init = w->init_n ? w->init : NULL,
                                     .path = w->path_n ? w->path : NULL,
                                     .meta = w->meta_n ? w->meta : NULL,
                                     .init_n = w->init_n,
                                     .path_n = w->path_n,
                                     .meta_n = w->meta_n};
    event_name(e, c, name);
    put_wire(h, name, "INIT", w->init, w->init_n);
    put_wire(h, name, "START", w->start, w->start_n);
    put_wire(h, name, web_tr(h, "path"), w->path, w->path_n);
    if (!e->private_mode)
        put_wire(h, name, web_tr(h, "metadata"), w->meta, w->meta_n);
    wire_facts_decode(&bytes, c->t.arrived_us, &facts);
    wire_facts_list(&facts, fact);
    for (size_t i = 0; i < WIRE_N_FACTS; i++)
        if (fact[i].text[0] && !(e->private_mode && (strcmp(fact[i].name, "lat") == 0 ||
                                                     strcmp(fact[i].name, "lon") == 0)))
            web_print(h,
                      "<tr><th scope=\"row\">%s</th><td lang=\"en\">%s</td><td lang=\"en\">%s</td>"
                      "</tr>\n",
                      name, fact[i].name, fact[i].text);
}

struct arrivals {
    struct event *e;
    char name[EVENT_NAME_ROOM];
};

static int put_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    const struct arrivals *of = arg;
    struct web_page *h = of->e->h;
    char part[2][WEB_DECIMAL_ROOM], packets[24], bad[24];
    (void)err;
    snprintf(packets, sizeof packets, "%lld", (long long)a->packets);
    snprintf(bad, sizeof bad, "%d", a->crc_errors);
    web_print(h, "<tr><th scope=\"row\">%s</th><td>%s</td><td>", of->name, web_tr(h, "connection"));
    web_sayf(h, "%s, %s to %s, %s packets, %s with a wrong checksum; it ended: %s", a->peer,
             web_size_text(h, a->from_bytes, part[0]), web_size_text(h, a->until_bytes, part[1]),
             packets, bad, a->ended);
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

int event_wire(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    int rc = ERR_OK;
    web_print(h,
              "<details class=\"panel wide noprint\"><summary><b>%s</b> <span class=\"soft\">%s"
              "</span></summary>\n",
              web_tr(h, "Wire facts"),
              web_tr(h, "what the camera said, byte by byte, for analysts"));
    web_print(h,
              "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>"
              "<thead><tr><th scope=\"col\">%s</th>",
              web_tr(h, "Wire facts"), web_tr(h, "File"));
    web_print(h, "<th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr></thead>\n<tbody>\n",
              web_tr(h, "Field"), web_tr(h, "Value"));
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++) {
        struct arrivals of = {.e = e};
        event_name(e, e->clip[i], of.name);
        put_clip_wire(e, e->clip[i]);
        rc = catalogue_arrival_each(e->serve->catalogue, e->clip[i]->t.key, put_arrival, &of, err);
    }
    web_put(h, "</tbody></table></div>\n</details>\n");
    return rc;
}

/* The event on one page: look, compare, decide, ask, hand on. */
#include "event.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- where it stands in the list ---- */

static void put_beside(struct event *e, const char *id, const char *rel, const char *label,
                       const char *icon, char key)
{
    struct web_page *h = e->h;
    char text[2] = {key, '\0'};
    if (!id[0])
        return;
    web_put(h, "<a data-key=\"");
    web_text(h, key == 'P' ? "p" : "n");
    web_print(h, "\" rel=\"%s\" href=\"/event/", rel);
    web_url(h, id);
    filter_put(h, &e->filter);
    web_put(h, "\">");
    if (key == 'P')
        frame_icon(h, icon);
    web_print(h, key == 'P' ? "%s <kbd>%s</kbd>" : "%s <kbd>%s</kbd>", label, text);
    if (key != 'P')
        frame_icon(h, icon);
    web_put(h, "</a>");
}

static void put_crumbs(struct event *e)
{
    struct web_page *h = e->h;
    char at[WEB_DECIMAL_ROOM], all[WEB_DECIMAL_ROOM];
    web_decimal(h, (double)e->beside.before + 1, 0, at);
    web_decimal(h, (double)e->beside.all, 0, all);
    web_print(h, "<nav class=\"crumbs noprint\" aria-label=\"%s\">\n<a href=\"/",
              web_tr(h, "Position in the list"));
    filter_put(h, &e->filter);
    web_put(h, "\">");
    frame_icon(h, "prev");
    web_print(h, "%s</a><span>", web_tr(h, "Events"));
    bool in_it = e->beside.before < e->beside.all; /* else it is older than all of the list */
    if (in_it && e->filter.no_marks & REVIEW_REVIEWED)
        web_sayf(h, "%s of %s to review", at, all);
    else if (in_it)
        web_sayf(h, "%s of %s", at, all);
    web_put(h, "</span>\n<span class=\"push row\">");
    put_beside(e, e->beside.newer, "prev", web_tr(h, "Previous"), "prev", 'P');
    put_beside(e, e->beside.older, "next", web_tr(h, "Next"), "next", 'N');
    web_put(h, "</span>\n</nav>\n");
}

/* ---- head ---- */

/* Whose time is that of the event: the first, videos first; NULL: nobody says how sure it is. */
static const struct event_clip *sure_of(const struct event *e)
{
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->error_s > 0)
            return e->clip[i];
    return NULL;
}

static void put_when(struct event *e)
{
    struct web_page *h = e->h;
    int64_t at_us = e->has_zero ? e->zero_us : e->review.at_us;
    int tz_min = e->tz_min == WHEN_HERE ? when_min(e->serve, at_us) : e->tz_min;
    int64_t local_us = at_us + tz_min * INT64_C(60000000), day_us = 24 * 3600 * INT64_C(1000000);
    int64_t day = local_us / day_us - (local_us % day_us < 0);
    char date[WHEN_ROOM], clock[WHEN_ROOM], zone[CLOCK_TEXT_ROOM], machine[2 * CLOCK_TEXT_ROOM],
        utc[CLOCK_TEXT_ROOM], error[WEB_DECIMAL_ROOM];
    when_day_text(e->serve, h, day, WHEN_LONG_DAY, date);
    event_clock(e, at_us, e->has_zero, clock);
    clock_rfc3339(local_us, 0, machine);
    machine[strcspn(machine, "Z")] = '\0';
    clock_zone(tz_min, zone);
    clock_rfc3339(at_us, e->has_zero ? 3 : 0, utc);
    web_print(h, "<b><time datetime=\"%s%s\" title=\"%s\">", machine, zone, utc);
    if (e->review.time_known)
        web_sayf(h, "%s, %s", date, clock);
    else
        web_sayf(h, "Arrived %s, %s", date, clock);
    web_put(h, "</time></b>");
    const struct event_clip *sure = sure_of(e);
    if (!sure || !e->review.time_known)
        return;
    web_print(h, "<span title=\"%s\">± %s s</span>", web_tr(h, sure->made.wall_why),
              web_decimal(h, sure->error_s, 1, error));
}

static void put_head(struct event *e)
{
    struct web_page *h = e->h;
    double lat, lon;
    char place[64];
    web_put(h, "<div class=\"eventhead\">\n<div>\n<h1><span class=\"kind\">");
    frame_icon(h, words_trigger_icon(e->review.trigger));
    web_print(h, "%s</span> <span>", words_trigger(h, e->review.trigger));
    web_text(h, words_vehicle_title(h, &e->review.vehicle));
    web_put(h, "</span>");
    if (e->review.vehicle.name[0] && e->review.vehicle.plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", e->review.vehicle.plate);
    web_put(h, "</h1>\n<p class=\"meta\">");
    put_when(e);
    if (event_has_place(e, &lat, &lon)) {
        snprintf(place, sizeof place, "%.5f° %s, %.5f° %s", fabs(lat), lat < 0 ? "S" : "N",
                 fabs(lon), lon < 0 ? "W" : "E");
        web_print(h, "<span class=\"num\">%s</span>", place);
    }
    words_badge(h, e->review.condition);
    web_put(h, "</p>\n</div>\n");
}

static void put_sheet_button(struct event *e, enum actions_kind kind, const char *sheet,
                             const char *icon, const char *label)
{
    struct web_page *h = e->h;
    if (!actions_allowed(kind, e->ask->role))
        return;
    web_print(h, "<button popovertarget=\"%s\">", sheet);
    frame_icon(h, icon);
    web_print(h, "%s</button>\n", label);
}

/* The one that is done fifty times a day: it opens the next event. */
static void put_actions(struct event *e)
{
    struct web_page *h = e->h;
    bool reviewed = e->review.marks & REVIEW_REVIEWED;
    if (!actions_allowed(ACTIONS_REVIEWED, e->ask->role)) {
        web_put(h, "</div>\n");
        return;
    }
    web_print(h, "<div class=\"actions\" role=\"group\" aria-label=\"%s\">\n",
              web_tr(h, "Actions"));
    web_print(h, "<button class=\"primary\" form=\"reviewed\" title=\"%s\">",
              reviewed ? web_tr(h, "It counts as not reviewed again")
                       : web_tr(h, "Mark as reviewed and open the next event to review"));
    frame_icon(h, reviewed ? "retry" : "check");
    web_print(h, reviewed ? "%s</button>\n" : "%s <kbd>R</kbd></button>\n",
              reviewed ? web_tr(h, "Not reviewed") : web_tr(h, "Reviewed, next"));
    put_sheet_button(e, ACTIONS_PROTECT, "protect", "lock", web_tr(h, "Protect"));
    put_sheet_button(e, ACTIONS_NOTE, "addnote", "note", web_tr(h, "Note"));
    if (live_count(e->serve)->asks)
        put_sheet_button(e, ACTIONS_REQUEST, "more", "ask", web_tr(h, "Request"));
    put_sheet_button(e, ACTIONS_EXPORT, "export", "export", web_tr(h, "Export"));
    web_put(h, "</div>\n</div>\n<form id=\"reviewed\" method=\"post\" action=\"/action\" hidden>");
    frame_action(h, e->ask, reviewed ? "unreviewed" : "reviewed");
    web_print(h, "<input type=\"hidden\" name=\"event\" value=\"%s\">", e->review.id);
    if (!reviewed) {
        web_put(h, "<input type=\"hidden\" name=\"to\" value=\"");
        if (e->to_review[0]) {
            web_put(h, "/event/");
            web_url(h, e->to_review);
        } else {
            web_put(h, "/");
        }
        filter_put(h, &e->filter);
        web_put(h, "\">");
    }
    web_put(h, "</form>\n");
}

/* ---- keys ---- */

static void put_key(struct web_page *h, const char *const *keys, const char *what)
{
    web_put(h, "<dt>");
    for (; *keys; keys++)
        web_print(h, keys[1] ? "<kbd>%s</kbd> " : "<kbd>%s</kbd>", *keys);
    web_print(h, "</dt><dd>%s</dd>", what);
}

static void put_keymap(struct event *e)
{
    struct web_page *h = e->h;
    static const struct {
        const char *keys[6], *msgid;
    } keys[] = {
        {{"Space"}, W_("Play, pause")},
        {{"←", "→"}, W_("One frame back, forward")},
        {{"Shift", "←", "→"}, W_("One second back, forward")},
        {{"J", "K", "L"}, W_("Back, stop, forward; again: faster")},
        {{"T"}, W_("To the trigger")},
        {{"[", "]"}, W_("To the mark before, after")},
        {{"1", "2", "3", "4", "5"}, W_("Speed 0.25×, 0.5×, 1×, 2×, 4×")},
        {{"V"}, W_("Layout: beside each other, one large")},
        {{"M"}, W_("Sound on, off")},
        {{"F"}, W_("Full screen")},
        {{"R"}, W_("Reviewed, and open the next")},
        {{"N", "P"}, W_("Next, previous event")},
        {{"E"}, W_("Export")},
        {{"?"}, W_("This list")},
    };
    web_print(h,
              "<aside class=\"sheet\" id=\"keymap\" popover aria-labelledby=\"keymap-h\">\n"
              "<header><h2 id=\"keymap-h\">%s</h2><button class=\"plain icon\" "
              "popovertarget=\"keymap\" popovertargetaction=\"hide\" aria-label=\"%s\">",
              web_tr(h, "Keys"), web_tr(h, "Close"));
    frame_icon(h, "close");
    web_put(h, "</button></header>\n<dl class=\"keymap\">");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_key(h, keys[i].keys, web_tr(h, keys[i].msgid));
    web_print(h,
              "</dl>\n<p><label class=\"check\"><input type=\"checkbox\" data-keys>%s</label></p>\n"
              "</aside>\n",
              web_tr(h, "Single letters do something"));
}

/* ---- all of it ---- */

static int put_cockpit(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    int rc = ERR_OK;
    web_put(h, "<div class=\"cockpit\">\n<div class=\"stack\">\n");
    event_player(e);
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        if (c->video ? !c->viewing : !c->still)
            rc = event_missing(e, c, err);
    }
    bool pictures = false, photos = false;
    for (size_t i = 0; i < e->n_clips; i++) {
        pictures = pictures || e->clip[i]->viewing;
        photos = photos || e->clip[i]->still;
    }
    if (!pictures && photos) /* of an event without videos they are what is looked at */
        event_photos(e);
    web_put(h, "</div>\n<div class=\"rail\">\n");
    event_condition(e);
    if (rc == ERR_OK)
        rc = event_map(e, err);
    if (rc == ERR_OK)
        rc = event_review(e, err);
    web_put(h, "</div>\n</div>\n\n<div class=\"below\">\n");
    if (pictures)
        event_photos(e);
    if (rc == ERR_OK)
        rc = event_facts(e, err);
    if (rc == ERR_OK)
        rc = event_custody(e, err);
    event_files(e);
    if (rc == ERR_OK)
        rc = event_wire(e, err);
    web_put(h, "</div>\n");
    return rc;
}

static void title_of(const struct event *e, char *out, size_t room)
{
    char when[WHEN_ROOM];
    when_text(e->serve, e->h, e->review.at_us, e->tz_min, WHEN_FULL, when);
    snprintf(out, room, "%s, %s, %s", words_trigger(e->h, e->review.trigger),
             words_vehicle_name(&e->review.vehicle), when);
}

int serve_event(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct web_page h;
    struct event e = {.serve = app, .ask = ask, .h = &h};
    char title[WHEN_ROOM + 256];
    web_page_init(&h, ask); /* its language is asked for before the page begins */
    int rc = catalogue_read_begin(e.serve->catalogue, err);
    if (rc < 0)
        return rc;
    if ((rc = event_gather(&e, ask->rest, err)) < 0) {
        event_clear(&e);
        catalogue_rollback(e.serve->catalogue);
        return rc;
    }
    title_of(&e, title, sizeof title);
    frame_begin(e.serve, &h, ask, title);
    web_put(&h, "<div class=\"event\">\n");
    put_crumbs(&e);
    put_head(&e);
    put_actions(&e);
    rc = put_cockpit(&e, err);
    actions_sheets(e.serve, &h, ask, &e.review);
    put_keymap(&e);
    event_island(&e);
    web_put(&h, "</div>\n");
    frame_script(&h, "player.js");
    event_clear(&e);
    catalogue_rollback(e.serve->catalogue);
    if (rc == ERR_OK)
        return frame_send(app, &h, ask, out, err);
    web_page_clear(&h);
    return rc;
}

/* An address of before: each transfer had a page of its own. */
int serve_transfer(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct catalogue_transfer t;
    char to[16 + 3 * CATALOGUE_ID_ROOM];
    int rc = catalogue_transfer_get(s->catalogue, ask->rest, &t, err);
    if (rc < 0)
        return rc;
    snprintf(to, sizeof to, "/event/%s", t.id); /* letters, digits, "-" */
    return web_redirect(to, out, err);
}

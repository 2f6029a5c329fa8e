/* Vehicles: all of them; one of them, its cameras, its days, and where it was. */
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAYS = 60,     /* in its list */
    EVENTS = 200,  /* of a day */
    POINTS = 4000, /* of a day's track; of more every second, third … one is drawn */
    GAP_S = 120    /* between records: no line is drawn */
};

#define DAY_US (24 * 3600 * INT64_C(1000000))

/* ---- all of them ---- */

struct list {
    struct serve *s;
    struct web_page *h;
    int n;
};

static int note_newest(void *arg, const struct review_event *e, struct err *err)
{
    (void)err;
    *(struct review_event *)arg = *e;
    return ERR_OK;
}

static int put_vehicle(void *arg, const struct review_vehicle *v, struct err *err)
{
    struct list *l = arg;
    struct web_page *h = l->h;
    const struct review_filter its = {.imei = v->imei};
    struct review_counts counts;
    struct review_event newest = {.id = ""};
    int rc = review_count(l->s->catalogue, &its, &counts, err);
    if (rc == ERR_OK)
        rc = review_each(l->s->catalogue, &its, 0, 1, note_newest, &newest, err);
    if (rc < 0)
        return rc;
    l->n++;
    web_print(h, "<tr><th scope=\"row\"><a href=\"/vehicle/%s\">%s</a></th><td>%s</td><td>%s</td>",
              v->imei, words_vehicle_name(v), v->plate, v->group);
    web_print(h, "<td class=\"mono\">%s</td><td class=\"num\">", v->imei);
    web_number(h, counts.all);
    web_put(h, "</td><td class=\"num\">");
    web_number(h, counts.to_review);
    web_put(h, "</td><td>");
    if (newest.id[0])
        when_put(l->s, h, newest.at_us, newest.zone_known ? newest.tz_min : WHEN_HERE, WHEN_FULL);
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

static void put_heads(struct web_page *h, const char *const *msgid, size_t n)
{
    web_put(h, "<thead><tr>");
    for (size_t i = 0; i < n; i++)
        web_print(h, "<th scope=\"col\">%s</th>", web_tr(h, msgid[i]));
    web_put(h, "</tr></thead>\n");
}

int serve_vehicles(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    static const char *const heads[] = {W_("Vehicle"), W_("Plate"),     W_("Group"),     W_("IMEI"),
                                        W_("Events"),  W_("To review"), W_("Last event")};
    struct web_page h = {.language = ask->language};
    struct list l = {.s = app, .h = &h};
    frame_begin(l.s, &h, ask, web_tr(&h, "Vehicles"));
    web_print(&h, "<div class=\"pagehead\"><h1>%s</h1></div>\n", web_tr(&h, "Vehicles"));
    web_print(&h,
              "<div class=\"panel\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
              "aria-label=\"%s\"><table>\n",
              web_tr(&h, "Vehicles"));
    put_heads(&h, heads, sizeof heads / sizeof *heads);
    web_put(&h, "<tbody>\n");
    int rc = review_vehicle_each(l.s->catalogue, put_vehicle, &l, err);
    web_put(&h, "</tbody></table></div></div>\n");
    if (l.n == 0) {
        frame_void(&h, "mark", web_tr(&h, "No vehicle has sent anything yet."),
                   web_tr(&h, "Names come from a table: dashspool vehicles import FILE"));
        frame_void_end(&h);
    }
    if (rc == ERR_OK)
        return frame_send(l.s, &h, ask, out, err);
    web_page_clear(&h);
    return rc;
}

/* ---- one of them ---- */

struct vehicle {
    struct serve *s;
    struct web_page *h;
    const struct web_ask *ask;
    struct review_vehicle v;
    int64_t day; /* FILTER_ANY: none was asked for */
    struct records *records;
    bool has_records;
    struct records_latest latest; /* where has_records */
};

static int note_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    struct vehicle *v = arg;
    (void)err;
    v->latest = *latest;
    v->has_records = true;
    return ERR_OK;
}

static unsigned camera_of(const char *name)
{
    unsigned bit = REVIEW_FRONT;
    while (bit < REVIEW_OTHER && strcmp(words_camera_name(bit), name) != 0)
        bit <<= 1;
    return bit;
}

static int put_camera(void *arg, const char *imei, const char *camera, int64_t last_us,
                      struct err *err)
{
    const struct vehicle *v = arg;
    struct web_page *h = v->h;
    (void)err;
    if (strcmp(imei, v->v.imei) != 0)
        return ERR_OK;
    web_print(h, "<dt>%s</dt><dd>", words_camera(h, camera_of(camera)));
    when_put(v->s, h, last_us, WHEN_HERE, WHEN_FULL);
    web_put(h, "</dd>\n");
    return ERR_OK;
}

static int put_contacts(struct vehicle *v, struct err *err)
{
    struct web_page *h = v->h;
    struct catalogue_summary *sum = NULL;
    const struct requests_filter open = {.imei = v->v.imei, .states = REQUESTS_OPEN};
    int64_t asked = 0;
    web_print(h, "<section class=\"panel\"><header><h2>%s</h2></header><dl class=\"facts\">\n",
              web_tr(h, "Last contact"));
    int rc = catalogue_summary_open(&sum, v->s->root, err);
    if (rc == ERR_OK)
        rc = catalogue_summary_cameras(sum, put_camera, v, err);
    catalogue_summary_close(&sum);
    if (rc == ERR_OK)
        rc = requests_count(v->s->catalogue, &open, &asked, err);
    if (v->has_records) {
        web_print(h, "<dt>%s</dt><dd>", web_tr(h, "Tracker"));
        when_put(v->s, h, v->latest.arrived_us, WHEN_HERE, WHEN_FULL);
        if (v->latest.is_private)
            web_print(h, " <span class=\"soft\">%s</span>", web_tr(h, "in private mode"));
        web_put(h, "</dd>\n");
    }
    web_put(h, "</dl>\n");
    if (asked > 0) {
        web_put(h, "<p><a href=\"/requests?imei=");
        web_url(h, v->v.imei);
        web_put(h, "\">");
        web_sayn(h, "%s open request", "%s open requests", asked);
        web_put(h, "</a></p>\n");
    }
    web_put(h, "</section>\n");
    return rc;
}

/* Names, for who may change them. */
static void put_names(const struct vehicle *v)
{
    static const char *const fields[] = {"name", "plate", "group"};
    static const char *const labels[] = {W_("Name"), W_("Plate"), W_("Group")};
    const char *const values[] = {v->v.name, v->v.plate, v->v.group};
    struct web_page *h = v->h;
    if (v->ask->role < PEOPLE_ADMIN)
        return;
    web_print(h,
              "<section class=\"panel\"><header><h2>%s</h2></header>"
              "<form class=\"form\" method=\"post\" action=\"/action\">",
              web_tr(h, "Names"));
    frame_action(h, v->ask, "vehicle");
    web_print(h,
              "<input type=\"hidden\" name=\"imei\" value=\"%s\">"
              "<input type=\"hidden\" name=\"to\" value=\"/vehicle/%s\">\n",
              v->v.imei, v->v.imei);
    for (size_t i = 0; i < 3; i++)
        web_print(h,
                  "<label class=\"field\"><span>%s</span><input name=\"%s\" value=\"%s\" "
                  "maxlength=\"63\"></label>\n",
                  web_tr(h, labels[i]), fields[i], values[i]);
    web_print(h, "<button>%s</button></form></section>\n", web_tr(h, "Save"));
}

static void put_day(const struct vehicle *v, const struct counts_day *d)
{
    struct web_page *h = v->h;
    char text[WHEN_ROOM];
    struct clock_civil c = clock_civil_from_utc(d->day * DAY_US, 0);
    char date[32];
    snprintf(date, sizeof date, "%04d-%02d-%02d", c.year, c.month, c.day);
    when_day_text(v->s, h, d->day, WHEN_LONG_DAY, text);
    web_print(h, "<tr><th scope=\"row\"><a href=\"?day=%s\"", date);
    web_put(h, d->day == v->day ? " aria-current=\"date\">" : ">");
    web_print(h, "%s</a></th><td class=\"num\">", text);
    web_number(h, d->all);
    web_put(h, "</td><td class=\"num\">");
    web_number(h, d->to_review);
    web_put(h, "</td></tr>\n");
}

/* Days that have events, the newest first; at most one beside the true one. */
struct near {
    int64_t day[DAYS];
    int n;
};

static int note_day(void *arg, int64_t day, int64_t all, int64_t to_review, struct err *err)
{
    struct near *near = arg;
    (void)all;
    (void)to_review;
    (void)err;
    if (near->n < DAYS) /* the list of its events has the others */
        near->day[near->n++] = day;
    return ERR_OK;
}

/* They are found by what is the distance to UTC now, and counted by what it was then. */
static int put_day_rows(const struct vehicle *v, struct err *err)
{
    struct filter f = {.from = FILTER_ANY, .to = FILTER_ANY};
    const struct review_filter its = {.imei = v->v.imei};
    struct near near = {.n = 0};
    struct counts_day day[3 * DAYS];
    int rows = 0;
    snprintf(f.imei, sizeof f.imei, "%s", v->v.imei);
    int rc =
        review_days(v->s->catalogue, &its, when_min(v->s, clock_utc_us()), note_day, &near, err);
    for (int i = 0, next; rc == ERR_OK && i < near.n; i = next) {
        for (next = i + 1; next < near.n && near.day[next - 1] - near.day[next] <= 3;)
            next++;
        int64_t first = near.day[next - 1] - 1, n = near.day[i] + 2 - first;
        rc = counts_days(v->s, &f, first, n, day, err);
        for (int64_t k = n - 1; rc == ERR_OK && k >= 0; k--)
            if (day[k].all > 0 && rows++ < DAYS)
                put_day(v, &day[k]);
    }
    return rc;
}

static int put_days(struct vehicle *v, struct err *err)
{
    struct web_page *h = v->h;
    web_print(h, "<section class=\"panel\"><header><h2>%s</h2><a class=\"push\" href=\"/?imei=",
              web_tr(h, "Days"));
    web_url(h, v->v.imei);
    web_print(h, "\">%s</a></header><table>\n", web_tr(h, "All events"));
    web_print(h, "<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"num\">%s</th>",
              web_tr(h, "Day"), web_tr(h, "Events"));
    web_print(h, "<th scope=\"col\" class=\"num\">%s</th></tr></thead>\n<tbody>\n",
              web_tr(h, "To review"));
    int rc = put_day_rows(v, err);
    web_put(h, "</tbody></table></section>\n");
    return rc;
}

/* ---- a day: its track, and its events on it ---- */

struct day {
    const struct vehicle *v;
    struct web_page *island; /* of the track */
    int64_t from_us;
    int64_t seen, every; /* records; of how many one is drawn */
    int64_t before_ms;   /* 0: no point yet, or a gap */
    int points;
    bool is_private; /* some of it is hidden */
};

static int put_record(void *arg, const struct records_row *r, struct err *err)
{
    struct day *d = arg;
    char text[96];
    (void)err;
    d->is_private = d->is_private || r->is_private;
    if (r->hidden || !r->valid) {
        d->before_ms = 0;
        return ERR_OK;
    }
    if (d->seen++ % d->every)
        return ERR_OK;
    bool gap = d->points > 0 &&
               (d->before_ms == 0 || r->time_ms - d->before_ms > d->every * GAP_S * INT64_C(1000));
    snprintf(text, sizeof text, "%s%s[%.1f,%.6f,%.6f]", d->points ? "," : "", gap ? "null," : "",
             (double)(r->time_ms - d->from_us / 1000) / 1000, r->latitude_e7 / 1e7,
             r->longitude_e7 / 1e7);
    web_put(d->island, text);
    d->before_ms = r->time_ms;
    d->points++;
    return ERR_OK;
}

static void tell_trouble(void *arg, const char *name, const char *why)
{
    (void)arg;
    (void)name;
    (void)why; /* a file that cannot be read: fsck and status tell of it; the rest is shown */
}

struct spots {
    const struct vehicle *v;
    struct web_page *rows, *island;
    int n;
};

static int put_spot(void *arg, const struct review_event *e, struct err *err)
{
    struct spots *p = arg;
    const struct vehicle *v = p->v;
    char when[WHEN_ROOM], label[200], numbers[64];
    int tz_min = e->zone_known ? e->tz_min : WHEN_HERE;
    (void)err;
    web_put(p->rows, "<li><a href=\"/event/");
    web_url(p->rows, e->id);
    web_print(p->rows, "\">%s</a> ", words_trigger(p->rows, e->trigger));
    when_put(v->s, p->rows, e->at_us, tz_min, WHEN_CLOCK);
    words_badge(p->rows, e->condition);
    web_put(p->rows, "</li>\n");
    if (!e->position)
        return ERR_OK;
    when_text(v->s, p->rows, e->at_us, tz_min, WHEN_CLOCK, when);
    snprintf(label, sizeof label, "%s · %s", words_trigger(p->rows, e->trigger), when);
    snprintf(numbers, sizeof numbers, "%s[%.6f,%.6f,", p->n++ ? "," : "", e->lat_deg, e->lon_deg);
    web_put(p->island, numbers);
    web_put(p->island, "\"/event/");
    web_url(p->island, e->id);
    web_put(p->island, "\",");
    web_json(p->island, label);
    web_put(p->island, e->condition == REVIEW_WHOLE ? ",\"ok\"]" : ",\"warn\"]");
    return ERR_OK;
}

static int read_track(struct day *d, struct err *err)
{
    const struct vehicle *v = d->v;
    const struct records_query query = {.imei = v->v.imei,
                                        .from_ms = d->from_us / 1000,
                                        .until_ms = (when_day_us(v->s, v->day + 1) - 1) / 1000,
                                        .event_id = RECORDS_ANY_EVENT};
    const struct records_reader reader = {put_record, tell_trouble, d};
    struct records_sum sum;
    int rc = records_count(v->records, &query, &sum, err);
    if (rc < 0)
        return rc;
    d->every = sum.records / POINTS + 1;
    return records_each(v->records, &query, &reader, err);
}

static int put_track(struct vehicle *v, struct err *err)
{
    struct web_page *h = v->h, track, rows, spots;
    web_page_init(&track, v->ask);
    web_page_init(&rows, v->ask);
    web_page_init(&spots, v->ask);
    struct day d = {.v = v, .island = &track, .from_us = when_day_us(v->s, v->day), .every = 1};
    struct spots p = {.v = v, .rows = &rows, .island = &spots};
    const struct review_filter its = {
        .imei = v->v.imei, .since_us = d.from_us, .until_us = when_day_us(v->s, v->day + 1)};
    char text[WHEN_ROOM];
    struct err why;
    bool unread = read_track(&d, &why) < 0; /* the day's events are shown all the same */
    int rc = review_each(v->s->catalogue, &its, 0, EVENTS, put_spot, &p, err);
    when_day_text(v->s, h, v->day, WHEN_LONG_DAY, text);
    web_print(h, "<section class=\"panel\"><header><h2>%s</h2></header>\n", text);
    if (rc == ERR_OK && (d.points > 0 || p.n > 0)) {
        map_begin(v->s, h, "points", "track");
        map_end(v->s, h);
    }
    if (d.is_private)
        web_print(h, "<p class=\"soft\">%s</p>\n",
                  web_tr(h, "Where its driver was in private mode is not shown."));
    if (unread)
        web_print(
            h, "<p class=\"soft\">%s</p>\n",
            web_tr(
                h,
                "The tracker's records of this day cannot be read; 'dashspool fsck' tells why."));
    web_put(h, "<ol class=\"places\">\n");
    web_append(h, &rows);
    web_put(h, "</ol></section>\n<script type=\"application/json\" id=\"track\">[");
    web_append(h, &track);
    web_put(h, "]</script>\n<script type=\"application/json\" id=\"points\">[");
    web_append(h, &spots);
    web_put(h, "]</script>\n");
    web_page_clear(&track);
    web_page_clear(&rows);
    web_page_clear(&spots);
    return rc;
}

/* "2026-11-27"; FILTER_ANY: it is none. */
static int64_t day_of(const char *text)
{
    int64_t us;
    struct err unimportant;
    if (strlen(text) != 10 || clock_parse_bound(text, false, &us, &unimportant) < 0)
        return FILTER_ANY;
    return us / DAY_US - (us % DAY_US < 0);
}

static void put_head(const struct vehicle *v)
{
    struct web_page *h = v->h;
    web_print(h, "<div class=\"pagehead\"><h1>%s", words_vehicle_name(&v->v));
    if (v->v.name[0] && v->v.plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", v->v.plate);
    web_print(h, "</h1><p>%s IMEI <span class=\"mono\">%s</span></p>", v->v.group, v->v.imei);
    if (live_count(v->s)->asks && v->ask->role >= PEOPLE_REVIEWER) {
        web_put(h, "<span class=\"push row\"><a class=\"button\" href=\"/requests?imei=");
        web_url(h, v->v.imei);
        web_put(h, "\">");
        frame_icon(h, "ask");
        web_print(h, "%s</a></span>", web_tr(h, "Request footage"));
    }
    web_put(h, "</div>\n");
}

static int put_all(struct vehicle *v, struct err *err)
{
    struct web_page *h = v->h;
    put_head(v);
    web_put(h, "<div class=\"atlas\">\n<div class=\"stack\">\n");
    int rc = v->day != FILTER_ANY ? put_track(v, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = put_days(v, err);
    web_put(h, "</div>\n<div class=\"stack\">\n");
    if (rc == ERR_OK)
        rc = put_contacts(v, err);
    put_names(v);
    web_put(h, "</div></div>\n");
    return rc;
}

int serve_vehicle(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct web_page h = {.language = ask->language};
    struct vehicle v = {.s = app, .h = &h, .ask = ask, .day = day_of(web_asked(ask, "day"))};
    struct err unimportant;
    size_t n = strlen(ask->rest);
    if (n < 14 || n > 15 || strspn(ask->rest, "0123456789") != n)
        return err_set(err, ERR_NOTFOUND, W_("There is no such vehicle."));
    int rc = review_vehicle_get(v.s->catalogue, ask->rest, &v.v, err);
    if (rc == ERR_OK)
        rc = records_open(&v.records, v.s->root, RECORDS_READ, err);
    if (rc == ERR_OK && records_latest(v.records, v.v.imei, note_latest, &v, &unimportant) < 0)
        v.has_records = false;
    if (rc == ERR_OK) {
        frame_begin(v.s, &h, ask, words_vehicle_name(&v.v));
        if (v.day != FILTER_ANY)
            frame_script(&h, "map.js");
        rc = put_all(&v, err);
        rc = rc < 0 ? rc : frame_send(v.s, &h, ask, out, err);
        web_page_clear(&h);
    }
    records_close(&v.records);
    return rc;
}

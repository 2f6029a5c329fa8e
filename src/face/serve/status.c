/* What runs, waits and is in trouble: for people, for programs, for Prometheus. The page tells what
 * status_json() has. */
#include "dashspool/status.h"
#include "dashspool/spool.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES_MAX ((size_t)64 << 20)
#define KEPT_US         INT64_C(2000000) /* however often it is asked for */
#define DAY_US          (24 * 3600 * INT64_C(1000000))

enum { VEHICLES_SHOWN = 50, FAILED_SHOWN = 50, AGES = 6 };

struct page {
    struct serve *serve;
    const struct web_ask *ask;
    struct web_page h;
    json_t *state;
    int64_t now_us;
};

/* ---- members of the state; 0 and "" for what is not there ---- */

static json_t *at(const json_t *o, const char *key)
{
    return json_object_get(o, key);
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(at(o, key));
    return text ? text : "";
}

static int64_t number_at(const json_t *o, const char *key)
{
    return (int64_t)json_number_value(at(o, key));
}

static bool true_at(const json_t *o, const char *key)
{
    return json_is_true(at(o, key));
}

static int64_t time_at(const json_t *o, const char *key)
{
    int64_t us = 0;
    struct err none;
    return clock_parse(text_at(o, key), 0, &us, NULL, &none) == ERR_OK ? us : 0;
}

/* ---- pieces ---- */

static void begin_panel(struct web_page *h, const char *id, const char *title)
{
    web_print(h,
              "<section class=\"panel\" id=\"%s\" aria-labelledby=\"%s-h\">\n<header><h2 "
              "id=\"%s-h\">%s</h2>",
              id, id, id, title);
}

static void begin_table(struct web_page *h, const char *name)
{
    web_print(h,
              "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>\n"
              "<thead><tr>",
              name);
}

static void put_head(struct web_page *h, const char *words, bool number)
{
    web_print(h, number ? "<th scope=\"col\" class=\"num\">%s</th>" : "<th scope=\"col\">%s</th>",
              words);
}

static void put_badge(struct web_page *h, const char *look, const char *icon, const char *words)
{
    web_print(h, "<span class=\"badge %s\">", look);
    frame_icon(h, icon);
    web_print(h, "%s</span>", words);
}

static void put_ago(struct page *p, int64_t us)
{
    char span[WHEN_ROOM];
    when_span(&p->h, p->now_us - us, span);
    web_sayf(&p->h, "%s ago", span);
}

/* ---- trouble ---- */

static const struct about {
    const char *name, *icon, *target;
    bool grave;
} abouts[] = {
    {"parts", "power", "parts", true},       {"jobs", "fail", "jobs", true},
    {"cameras", "silent", "cameras", false}, {"upkeep", "clock", "disk", false},
    {"disk", "disk", "disk", true},          {"other", "warn", NULL, true},
};

static const struct about *about_of(const char *name)
{
    size_t i = 0, last = sizeof abouts / sizeof *abouts - 1;
    while (i < last && strcmp(name, abouts[i].name) != 0)
        i++;
    return &abouts[i];
}

/* A format and its values, in the page's language; what it has no words for, in English. */
static void put_said(struct web_page *h, const json_t *said)
{
    const char *format = json_string_value(json_array_get(said, 0)), *next;
    bool foreign = strcmp(h->language, "en") != 0 && format && web_tr(h, format) == format;
    if (foreign)
        web_put(h, "<span lang=\"en\">");
    size_t value = 1;
    for (const char *at = format ? web_tr(h, format) : ""; *at; at = next) {
        char text[256];
        size_t n = strcspn(at, "%");
        snprintf(text, sizeof text, "%.*s", (int)n, at);
        web_text(h, text);
        next = at + n;
        if (*next == '%') {
            const char *its = json_string_value(json_array_get(said, value++));
            const char *words = its ? web_tr(h, its) : "";
            bool is_sentence = its && words == its && strchr(its, ' ') && strlen(its) > 24;
            web_print(h, is_sentence ? "<span lang=\"en\">%s</span>" : "%s", words);
            next += 1 + strspn(next + 1, ".0123456789l");
            next += *next != '\0';
        }
    }
    if (foreign)
        web_put(h, "</span>");
}

static void put_trouble(struct page *p, const json_t *t)
{
    struct web_page *h = &p->h;
    const struct about *about = about_of(text_at(t, "about"));
    const char *advice = text_at(t, "advice");
    web_put(h, about->grave ? "<article class=\"trouble bad\">" : "<article class=\"trouble\">");
    frame_icon(h, about->icon);
    web_put(h, "<div><h2>");
    put_said(h, at(at(t, "said"), "what"));
    web_put(h, "</h2>");
    if (advice[0]) {
        web_print(h, "<p><b>%s</b> ", web_tr(h, "What to do:"));
        put_said(h, at(at(t, "said"), "advice"));
        web_put(h, "</p>");
    }
    web_put(h, "</div>");
    if (about->target)
        web_print(h, "<a class=\"button\" href=\"#%s\">%s</a>", about->target, web_tr(h, "Show"));
    web_put(h, "</article>\n");
}

static void put_troubles(struct page *p)
{
    size_t i;
    json_t *t, *all = at(p->state, "trouble");
    if (json_array_size(all) == 0)
        return;
    web_print(&p->h, "<section class=\"stack\" aria-label=\"%s\">\n", web_tr(&p->h, "Problems"));
    json_array_foreach(all, i, t) put_trouble(p, t);
    web_put(&p->h, "</section>\n");
}

static void put_title(struct page *p)
{
    struct web_page *h = &p->h;
    size_t n = json_array_size(at(p->state, "trouble"));
    web_print(h, "<div class=\"pagehead\"><h1>%s</h1><p>", web_tr(h, "Status"));
    if (n > 0) {
        web_put(h, "<b>");
        web_sayn(h, "%s problem", "%s problems", (int64_t)n);
        web_put(h, "</b>. ");
    } else {
        put_badge(h, "ok", "whole", web_tr(h, "Everything works."));
        web_put(h, " ");
    }
    web_say(h, "Updated:");
    web_put(h, " ");
    when_put(p->serve, h, p->now_us, WHEN_HERE, WHEN_CLOCK);
    web_put(h, "</p></div>\n");
}

/* ---- in short ---- */

static void begin_tile(struct web_page *h)
{
    web_put(h, "<div class=\"panel\"><b>");
}

static void end_tile(struct web_page *h, const char *words)
{
    web_print(h, "</b><p>%s</p></div>\n", words);
}

static int put_events_tile(struct page *p, struct err *err)
{
    struct web_page *h = &p->h;
    struct review_counts n;
    struct review_filter today = {.since_us = when_day_us(p->serve, when_day(p->serve, p->now_us))};
    int rc = review_count(p->serve->catalogue, &today, &n, err);
    if (rc < 0)
        return rc;
    begin_tile(h);
    web_number(h, n.all);
    end_tile(h, web_trn(h, "event today", "events today", n.all));
    return ERR_OK;
}

/* Jobs of a stage in some states. */
static int64_t jobs_of(const json_t *one, const char *const *states)
{
    int64_t n = 0;
    for (; *states; states++)
        n += number_at(one, *states);
    return n;
}

static const char *const open_states[] = {"ready", "waiting", "claimed", NULL};
static const char *const failed_states[] = {"failed", NULL};

static void put_tiles(struct page *p)
{
    struct web_page *h = &p->h;
    const json_t *incoming = at(p->state, "incoming"), *cameras = at(p->state, "cameras"),
                 *disk = at(p->state, "disk");
    const char *stage;
    json_t *one;
    int64_t jobs = 0, n = number_at(incoming, "n");
    char text[WHEN_ROOM], size[WEB_DECIMAL_ROOM];
    json_object_foreach(at(p->state, "jobs"), stage, one) jobs += jobs_of(one, open_states);
    begin_tile(h);
    web_number(h, n);
    web_print(h, "</b><p>%s", web_trn(h, "camera is sending", "cameras are sending", n));
    if (n > 0)
        web_print(h, ", %s/s", web_size_text(h, number_at(incoming, "rate"), size));
    web_put(h, "</p></div>\n");
    begin_tile(h);
    web_number(h, jobs);
    end_tile(h, web_trn(h, "job waits or is at work", "jobs wait or are at work", jobs));
    begin_tile(h);
    web_number(h, number_at(cameras, "of_the_day"));
    snprintf(text, sizeof text, "%" PRId64, number_at(cameras, "known"));
    web_put(h, "</b><p>");
    web_sayf(h, "of %s cameras were heard in the last day", text);
    web_put(h, "</p></div>\n");
    if (number_at(disk, "bytes") > 0) {
        int64_t bytes = number_at(disk, "bytes"), used = bytes - number_at(disk, "free");
        begin_tile(h);
        snprintf(text, sizeof text, "%" PRId64 " %%", used * 100 / bytes);
        web_text(h, text);
        end_tile(h, web_tr(h, "of the disk is used"));
    }
}

/* ---- vehicles ---- */

enum { CAMERAS_TEXT = 200 };

struct vehicle {
    char imei[16];
    int64_t heard_us, footage_us; /* 0: never */
    bool connected, overdue, positions;
    unsigned cameras;
    char bad[CAMERAS_TEXT]; /* what its tracker says of a camera that records nothing */
};

static int by_imei(const void *a, const void *b)
{
    return strcmp(((const struct vehicle *)a)->imei, ((const struct vehicle *)b)->imei);
}

/* Those in trouble first, then those that were heard longest ago. */
static int by_silence(const void *a, const void *b)
{
    const struct vehicle *x = a, *y = b;
    int64_t heard_x = x->connected ? INT64_MAX : x->heard_us;
    int64_t heard_y = y->connected ? INT64_MAX : y->heard_us;
    if (x->overdue != y->overdue)
        return x->overdue ? -1 : 1;
    return heard_x < heard_y ? -1 : heard_x > heard_y;
}

static unsigned camera_bit(const char *name)
{
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        if (strcmp(name, words_camera_name(bit)) == 0)
            return bit;
    return 0;
}

static void note_camera(struct vehicle *v, const json_t *c)
{
    int64_t last_us = time_at(c, "last");
    snprintf(v->imei, sizeof v->imei, "%s", text_at(c, "imei"));
    v->cameras = camera_bit(text_at(c, "camera"));
    v->heard_us = v->footage_us = last_us;
    v->overdue = true_at(c, "overdue") || last_us == 0;
}

static void note_tracker(const struct web_page *h, struct vehicle *v, const json_t *t)
{
    static const unsigned sides[] = {REVIEW_FRONT, REVIEW_REAR};
    snprintf(v->imei, sizeof v->imei, "%s", text_at(t, "imei"));
    v->connected = true_at(t, "connected");
    v->heard_us = time_at(t, "last_record");
    for (size_t i = 0; i < 2; i++) {
        const char *said = text_at(t, words_camera_name(sides[i]));
        if (strcmp(said, W_("no card")) == 0 || strcmp(said, W_("mount failed")) == 0 ||
            strcmp(said, W_("card faulty")) == 0)
            snprintf(v->bad, sizeof v->bad, "%s: %s", words_camera(h, sides[i]), said);
    }
}

/* Those of one IMEI become one. */
static size_t merge(struct vehicle *v, size_t n)
{
    size_t kept = 0;
    qsort(v, n, sizeof *v, by_imei);
    for (size_t i = 0; i < n; i++) {
        struct vehicle *last = kept > 0 ? &v[kept - 1] : NULL;
        if (!last || strcmp(last->imei, v[i].imei) != 0) {
            v[kept++] = v[i];
            continue;
        }
        last->cameras |= v[i].cameras;
        last->connected = last->connected || v[i].connected;
        last->overdue = last->overdue || v[i].overdue;
        last->heard_us = v[i].heard_us > last->heard_us ? v[i].heard_us : last->heard_us;
        last->footage_us = v[i].footage_us > last->footage_us ? v[i].footage_us : last->footage_us;
        if (v[i].bad[0])
            memcpy(last->bad, v[i].bad, sizeof last->bad);
    }
    qsort(v, kept, sizeof *v, by_silence);
    return kept;
}

static int collect_vehicles(struct page *p, struct vehicle **out, size_t *n, struct err *err)
{
    const json_t *cameras = at(p->state, "cameras");
    json_t *one, *list = at(cameras, "list"), *unheard = at(cameras, "unheard"),
                 *trackers = at(at(p->state, "telemetry"), "trackers");
    size_t i, all = json_array_size(list) + json_array_size(unheard) + json_array_size(trackers);
    *n = 0;
    if (!(*out = calloc(all + 1, sizeof **out)))
        return err_nomem(err, "vehicles");
    json_array_foreach(list, i, one) note_camera(&(*out)[(*n)++], one);
    json_array_foreach(unheard, i, one) note_camera(&(*out)[(*n)++], one);
    json_array_foreach(trackers, i, one) note_tracker(&p->h, &(*out)[(*n)++], one);
    *n = merge(*out, *n);
    return ERR_OK;
}

static int put_vehicle(struct page *p, const struct vehicle *v, struct err *err)
{
    struct web_page *h = &p->h;
    struct review_vehicle named;
    char span[WHEN_ROOM];
    int rc = review_vehicle_get(p->serve->catalogue, v->imei, &named, err);
    if (rc < 0)
        return rc;
    web_print(h, "<tr><th scope=\"row\"><a href=\"/vehicle/%s\">%s</a>", v->imei,
              words_vehicle_name(&named));
    if (named.name[0] && named.plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", named.plate);
    web_put(h, "</th><td>");
    when_span(h, p->now_us - v->heard_us, span);
    if (v->heard_us == 0 && !v->connected)
        put_badge(h, v->overdue ? "warn" : "", "silent", web_tr(h, "never"));
    else if (v->overdue && !v->connected) {
        web_put(h, "<span class=\"badge warn\">");
        frame_icon(h, "silent");
        web_sayf(h, "%s ago", span);
        web_put(h, "</span>");
    } else if (v->connected)
        web_say(h, "connected now");
    else
        web_sayf(h, "%s ago", span);
    web_put(h, "</td><td>");
    words_cameras(h, v->cameras, 0, 1);
    if (v->bad[0]) {
        web_put(h, v->cameras ? " " : "");
        put_badge(h, "warn", "warn", v->bad);
    }
    web_put(h, "</td><td>");
    if (v->footage_us > 0)
        when_put(p->serve, h, v->footage_us, WHEN_HERE, WHEN_SHORT);
    else
        web_put(h, "–");
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

static int put_vehicles(struct page *p, struct err *err)
{
    struct web_page *h = &p->h;
    struct vehicle *v = NULL;
    char text[24];
    size_t n;
    int rc = collect_vehicles(p, &v, &n, err);
    begin_panel(h, "cameras", web_tr(h, "Vehicles, silent ones first"));
    if (n > 0) {
        snprintf(text, sizeof text, "%zu", n);
        web_put(h, "<a href=\"/vehicles\">");
        web_sayf(h, "All %s", text);
        web_put(h, "</a>");
    }
    web_put(h, "</header>\n");
    if (n == 0) {
        web_print(h, "<p class=\"soft\">%s</p>",
                  web_tr(h, "No camera and no tracker was heard yet."));
    } else {
        begin_table(h, web_tr(h, "Table of vehicles"));
        put_head(h, web_tr(h, "Vehicle"), false);
        put_head(h, web_tr(h, "Last contact"), false);
        put_head(h, web_tr(h, "Cameras"), false);
        put_head(h, web_tr(h, "Last footage"), false);
        web_put(h, "</tr></thead><tbody>\n");
        for (size_t i = 0; rc == ERR_OK && i < n && i < VEHICLES_SHOWN; i++)
            rc = put_vehicle(p, &v[i], err);
        web_put(h, "</tbody></table></div>\n");
    }
    web_put(h, "</section>\n");
    free(v);
    return rc;
}

/* ---- the queue ---- */

static const char *stage_words(const struct web_page *h, const char *name)
{
    return strcmp(name, "convert") == 0  ? web_tr(h, "Make copies")
           : strcmp(name, "action") == 0 ? web_tr(h, "Actions")
           : strcmp(name, "export") == 0 ? web_tr(h, "Export")
                                         : name;
}

static const json_t *stage_of(const struct page *p, const char *name)
{
    size_t i;
    json_t *one, *all = at(p->state, "stages");
    json_array_foreach(all, i, one) if (strcmp(text_at(one, "stage"), name) == 0) return one;
    return NULL;
}

static void put_stage_state(struct page *p, const char *name, int64_t open, int64_t failed)
{
    struct web_page *h = &p->h;
    const json_t *stage = stage_of(p, name);
    int64_t n = (int64_t)json_array_size(at(stage, "working"));
    if (n > 0)
        web_sayn(h, "%s at work", "%s at work", n);
    else if (open > 0)
        web_say(h, true_at(stage, "enabled") ? "waiting" : "switched off");
    else if (failed == 0)
        web_print(h, "<span class=\"soft\">%s</span>", web_tr(h, "nothing to do"));
    if (failed == 0)
        return;
    web_put(h, n > 0 || open > 0 ? " " : "");
    web_put(h, "<span class=\"badge bad\">");
    frame_icon(h, "fail");
    web_sayn(h, "%s failed", "%s failed", failed);
    web_put(h, "</span>");
}

/* Of ages in `ages`, that are sums of: young, …, old. */
static void put_stage(struct page *p, const char *name, const json_t *one)
{
    struct web_page *h = &p->h;
    const json_t *ages = at(one, "ages");
    web_print(h, "<tr><th scope=\"row\">%s</th>", stage_words(h, name));
    for (size_t age = 0; age < AGES - 1; age++) {
        int64_t n = 0;
        for (const char *const *state = open_states; *state; state++) {
            n += json_integer_value(json_array_get(at(ages, *state), age));
            if (age == AGES - 2) /* older than a day, than a week */
                n += json_integer_value(json_array_get(at(ages, *state), age + 1));
        }
        web_put(h, "<td class=\"num\">");
        if (n > 0)
            web_number(h, n);
        else
            web_put(h, "–");
        web_put(h, "</td>");
    }
    web_put(h, "<td>");
    put_stage_state(p, name, jobs_of(one, open_states), jobs_of(one, failed_states));
    web_put(h, "</td></tr>\n");
}

static void put_queue(struct page *p)
{
    struct web_page *h = &p->h;
    const char *name, *const heads[] = {W_("under 1 min"), W_("under 5 min"), W_("under 1 h"),
                                        W_("under 1 day"), W_("older")};
    const json_t *oldest = at(p->state, "oldest");
    json_t *one;
    begin_panel(h, "queue", web_tr(h, "Queue"));
    web_print(h, "<span class=\"soft small\">%s</span></header>\n",
              web_tr(h, "by age of the work"));
    begin_table(h, web_tr(h, "Table of the queue"));
    put_head(h, web_tr(h, "Work"), false);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        put_head(h, web_tr(h, heads[i]), true);
    put_head(h, web_tr(h, "State"), false);
    web_put(h, "</tr></thead><tbody>\n");
    json_object_foreach(at(p->state, "jobs"), name, one) put_stage(p, name, one);
    web_put(h, "</tbody></table></div>\n");
    if (json_is_object(oldest)) {
        web_print(h, "<p class=\"small soft\">%s <code>%s</code>, ", web_tr(h, "The oldest:"),
                  text_at(oldest, "id"));
        put_ago(p, time_at(oldest, "since"));
        web_print(h, ": %s</p>\n", text_at(oldest, "why"));
    }
    web_put(h, "</section>\n");
}

/* ---- failed jobs ---- */

struct failed {
    struct page *page;
    const char *stage;
    int64_t n;
    bool begun;
};

static void put_job_form(struct page *p, const char *what, const char *stage, const char *job,
                         const char *attributes, const char *words, const char *whole)
{
    struct web_page *h = &p->h;
    web_put(h, "<form method=\"post\" action=\"/action\">");
    frame_action(h, p->ask, what);
    web_print(h,
              "<input type=\"hidden\" name=\"stage\" value=\"%s\"><input type=\"hidden\" "
              "name=\"job\" value=\"%s\"><input type=\"hidden\" name=\"to\" "
              "value=\"/status\"><button ",
              stage, job);
    web_put(h, attributes);
    web_print(h, " aria-label=\"%s: %s\">%s</button></form>", whole, job, words);
}

/* What was dropped is gone: that one is asked for. */
static void put_drop(struct page *p, const struct failed *f, const char *job)
{
    struct web_page *h = &p->h;
    char id[24];
    snprintf(id, sizeof id, "drop-%" PRId64, f->n);
    web_print(h,
              "<button class=\"danger\" popovertarget=\"%s\" aria-label=\"%s: %s\">%s</button>"
              "<div class=\"sheet\" id=\"%s\" popover aria-labelledby=\"%s-h\"><header><h2 "
              "id=\"%s-h\">%s</h2></header><p>",
              id, web_tr(h, "Drop"), job, web_tr(h, "Drop"), id, id, id,
              web_tr(h, "Drop this job?"));
    web_sayf(h, "%s will not be tried again. The original stays as it is.", job);
    web_put(h, "</p><div class=\"row\">");
    put_job_form(p, "drop", f->stage, job, "class=\"danger\"", web_tr(h, "Drop"),
                 web_tr(h, "Drop"));
    web_print(h,
              "<button popovertarget=\"%s\" popovertargetaction=\"hide\">%s</button></div></div>",
              id, web_tr(h, "Keep it"));
}

/* Of which vehicle it is, and of when; a job of no transfer has its name alone. */
static int put_job_name(struct page *p, const char *job, struct err *err)
{
    struct web_page *h = &p->h;
    struct review_event e;
    char id[CATALOGUE_ID_ROOM];
    (void)spool_transfer_of(job, id, sizeof id); /* or of what broke off of it */
    int rc = review_get(p->serve->catalogue, id, &e, err);
    if (rc == ERR_NOTFOUND) {
        web_print(h, "<code>%s</code>", job);
        return ERR_OK;
    }
    if (rc < 0)
        return rc;
    web_put(h, "<a href=\"/event/");
    web_url(h, id);
    web_put(h, "\"><span>");
    words_vehicle(h, &e.vehicle);
    web_put(h, ", ");
    when_put(p->serve, h, e.at_us, e.zone_known ? e.tz_min : WHEN_HERE, WHEN_SHORT);
    web_put(h, "</span></a>");
    return ERR_OK;
}

static int put_failed(void *arg, const struct spool_sight *job, struct err *err)
{
    struct failed *f = arg;
    struct page *p = f->page;
    struct web_page *h = &p->h;
    if (job->place != SPOOL_PLACE_FAILED || ++f->n > FAILED_SHOWN)
        return ERR_OK;
    if (!f->begun) {
        begin_panel(h, "jobs", web_tr(h, "Failed jobs"));
        web_put(h, "</header>\n");
        begin_table(h, web_tr(h, "Table of failed jobs"));
        put_head(h, web_tr(h, "Footage"), false);
        put_head(h, web_tr(h, "Work"), false);
        put_head(h, web_tr(h, "Failed"), false);
        put_head(h, web_tr(h, "Reason"), false);
        if (p->ask->role == PEOPLE_ADMIN)
            put_head(h, web_tr(h, "What to do"), false);
        web_put(h, "</tr></thead><tbody>\n");
    }
    f->begun = true;
    web_put(h, "<tr><th scope=\"row\">");
    int rc = put_job_name(p, job->job, err);
    web_print(h, "</th><td>%s</td><td>", stage_words(h, f->stage));
    put_ago(p, job->changed_us);
    web_put(h, "</td><td class=\"why\">");
    words_reason(h, job->why && job->why[0] ? job->why : "–");
    web_put(h, "</td>");
    if (p->ask->role == PEOPLE_ADMIN) {
        web_put(h, "<td><div class=\"row\">");
        put_job_form(p, "retry", f->stage, job->job, "", web_tr(h, "Retry"), web_tr(h, "Retry"));
        put_drop(p, f, job->job);
        web_put(h, "</div></td>");
    }
    web_put(h, "</tr>\n");
    return rc;
}

static int put_failed_jobs(struct page *p, struct err *err)
{
    struct failed f = {.page = p};
    const char *name;
    char text[24];
    json_t *one;
    int rc = ERR_OK;
    json_object_foreach(at(p->state, "jobs"), name, one)
    {
        f.stage = name;
        if (rc == ERR_OK && number_at(one, "failed") > 0)
            rc = spool_survey(p->serve->root, name, 0, put_failed, &f, err);
    }
    if (!f.begun)
        return rc;
    web_put(&p->h, "</tbody></table></div>\n");
    if (f.n > FAILED_SHOWN) {
        snprintf(text, sizeof text, "%" PRId64, f.n - FAILED_SHOWN);
        web_put(&p->h, "<p class=\"small soft\">");
        web_sayf(&p->h, "… and %s more.", text);
        web_put(&p->h, "</p>");
    }
    web_put(&p->h, "</section>\n");
    return rc;
}

/* ---- disk and upkeep ---- */

static void put_size_fact(struct web_page *h, const char *name, const json_t *bytes,
                          const char *more)
{
    if (!json_is_number(bytes))
        return;
    web_print(h, "<dt>%s</dt><dd>", name);
    web_size(h, (int64_t)json_number_value(bytes));
    web_print(h, more[0] ? ", %s</dd>" : "%s</dd>", more);
}

/* Originals, what else of it is known, all else that is used. */
static void put_meter(struct web_page *h, const json_t *disk)
{
    char text[240], parts[3][24];
    double bytes = (double)number_at(disk, "bytes");
    const double percent[3] = {(double)number_at(disk, "raw") * 100 / bytes,
                               (double)number_at(disk, "archive") * 100 / bytes,
                               (double)number_at(disk, "free") * 100 / bytes};
    for (int i = 0; i < 3; i++)
        snprintf(parts[i], sizeof *parts, "%.0f %%", percent[i]);
    web_put(h, "<svg class=\"meter\" role=\"img\" aria-label=\"");
    web_sayf(h, "%s originals, %s copies, %s free", parts[0], parts[1], parts[2]);
    snprintf(text, sizeof text,
             "\"><rect class=\"o\" width=\"%.1f%%\" height=\"10\"/><rect class=\"b\" "
             "width=\"%.1f%%\" height=\"10\"/><rect width=\"%.1f%%\" height=\"10\"/></svg>\n",
             100 - percent[2], percent[0] + percent[1], percent[0]);
    web_put(h, text);
}

static void put_upkeep(struct page *p, const char *name, const char *task)
{
    struct web_page *h = &p->h;
    const json_t *last = at(at(p->state, "upkeep"), task);
    web_print(h, "<dt>%s</dt><dd>", name);
    if (!json_is_object(last)) {
        web_say(h, "never");
    } else {
        when_put(p->serve, h, time_at(last, "at"), WHEN_HERE, WHEN_SHORT);
        web_put(h, ": ");
        if (!true_at(last, "ok"))
            put_badge(h, "bad", "fail", web_tr(h, "found problems"));
        web_text(h, text_at(last, "text"));
    }
    web_put(h, "</dd>");
}

static void put_disk(struct page *p)
{
    struct web_page *h = &p->h;
    const json_t *disk = at(p->state, "disk");
    char text[24];
    begin_panel(h, "disk", web_tr(h, "Disk"));
    if (number_at(disk, "bytes") > 0) {
        web_put(h, "<span class=\"soft small\">");
        web_size(h, number_at(disk, "bytes"));
        web_put(h, "</span></header>\n");
        put_meter(h, disk);
    } else {
        web_put(h, "</header>\n");
    }
    web_put(h, "<dl class=\"facts\">");
    put_size_fact(h, web_tr(h, "Originals"), at(disk, "raw"), "");
    put_size_fact(h, web_tr(h, "Copies"), at(disk, "archive"), web_tr(h, "can be made again"));
    put_size_fact(h, web_tr(h, "Packages"), at(disk, "packages"), "");
    put_size_fact(h, web_tr(h, "Telemetry"), at(disk, "telemetry"), "");
    if (json_is_number(at(disk, "free"))) {
        web_print(h, "<dt>%s</dt><dd><b>", web_tr(h, "Free"));
        web_size(h, number_at(disk, "free"));
        web_put(h, "</b>");
        if (json_is_number(at(disk, "days_left"))) {
            snprintf(text, sizeof text, "%" PRId64, number_at(disk, "days_left"));
            web_put(h, ", ");
            web_sayf(h, "enough for %s days", text);
        }
        web_put(h, "</dd>");
    }
    put_upkeep(p, web_tr(h, "Last check"), "fsck");
    put_upkeep(p, web_tr(h, "Last clean-up"), "sweep");
    put_upkeep(p, web_tr(h, "Last backup"), "backup");
    web_put(h, "</dl>\n</section>\n");
}

/* ---- parts ---- */

static void put_life(struct page *p, const json_t *part, const char *since)
{
    struct web_page *h = &p->h;
    const char *state = text_at(part, "state");
    int64_t since_us = time_at(part, since);
    char span[WHEN_ROOM];
    bool frozen = true_at(part, "frozen");
    if (strcmp(state, "running") == 0 && !frozen)
        put_badge(h, "ok", "whole", web_tr(h, "Running"));
    else if (strcmp(state, "stopped") == 0)
        put_badge(h, "", "power", web_tr(h, "Not running"));
    else
        put_badge(h, "bad", "fail",
                  frozen                        ? web_tr(h, "Held by a signal")
                  : strcmp(state, "stuck") == 0 ? web_tr(h, "Does not answer")
                                                : web_tr(h, "Died"));
    if (strcmp(state, "running") == 0 && since_us > 0) {
        when_span(h, p->now_us - since_us, span);
        web_print(h, " %s", span);
    }
}

static void put_server(struct page *p, const char *name, const json_t *server)
{
    struct web_page *h = &p->h;
    size_t i;
    json_t *listen;
    web_print(h, "<dt>%s</dt><dd>", name);
    put_life(p, server, "started");
    json_array_foreach(at(server, "listens"), i, listen)
        web_print(h, ", %s", json_string_value(listen));
    web_put(h, "</dd>");
}

static void put_certificate(struct page *p, const json_t *c)
{
    struct web_page *h = &p->h;
    char until[WHEN_ROOM];
    int64_t until_us = time_at(c, "until");
    when_text(p->serve, h, until_us, WHEN_HERE, WHEN_FULL, until);
    web_print(h, "<dt>%s</dt><dd>", web_tr(h, "Certificate"));
    if (json_number_value(at(c, "days_left")) < STATUS_CERTIFICATE_DAYS) {
        put_badge(h, "warn", "warn", web_tr(h, "ends soon"));
        web_put(h, " ");
    }
    web_sayf(h, "valid until %s", until);
    web_print(h, " (%s)</dd>", text_at(c, "setting"));
}

static void put_parts(struct page *p)
{
    struct web_page *h = &p->h;
    size_t i;
    json_t *one;
    begin_panel(h, "parts", web_tr(h, "Parts"));
    web_print(h, "</header>\n<dl class=\"facts\"><dt>%s</dt><dd>", web_tr(h, "Supervisor"));
    put_life(p, at(p->state, "run"), "since");
    web_put(h, "</dd>");
    put_server(p, web_tr(h, "Receiver"), at(p->state, "receiver"));
    if (cfg_bool(p->serve->cfg, "telemetry", "enabled") ||
        strcmp(text_at(at(p->state, "telemetry"), "state"), "stopped") != 0)
        put_server(p, web_tr(h, "Telemetry"), at(p->state, "telemetry"));
    json_array_foreach(at(p->state, "stages"), i, one)
    {
        int64_t n = 0;
        size_t k;
        json_t *process;
        json_array_foreach(at(one, "processes"), k, process) n += number_at(process, "pid") > 0;
        if (strcmp(text_at(one, "kind"), "receive") == 0 || !true_at(one, "enabled"))
            continue;
        web_print(h, "<dt>%s</dt><dd>", stage_words(h, text_at(one, "stage")));
        if (n > 0)
            put_badge(h, "ok", "whole", web_tr(h, "Running"));
        else
            put_badge(h, "", "power", web_tr(h, "Not running"));
        web_put(h, "</dd>");
    }
    json_array_foreach(at(p->state, "certificates"), i, one) put_certificate(p, one);
    web_print(h, "<dt>dashspool</dt><dd>%s</dd></dl>\n</section>\n", text_at(p->state, "version"));
}

/* ---- the page ---- */

static int put_page(struct page *p, struct err *err)
{
    struct web_page *h = &p->h;
    web_put(h, "<div data-part=\"status\">\n");
    put_title(p);
    put_troubles(p);
    web_print(h, "<section class=\"tiles\" aria-label=\"%s\">\n", web_tr(h, "In short"));
    int rc = put_events_tile(p, err);
    put_tiles(p);
    web_put(h, "</section>\n<div class=\"cols\">\n<div class=\"stack\">\n");
    if (rc == ERR_OK)
        rc = put_vehicles(p, err);
    put_queue(p);
    if (rc == ERR_OK)
        rc = put_failed_jobs(p, err);
    web_put(h, "</div>\n<div class=\"stack\">\n");
    put_disk(p);
    put_parts(p);
    web_put(h, "</div>\n</div>\n</div>\n");
    return rc;
}

static int read_state(struct page *p, struct err *err)
{
    struct buf b;
    json_error_t why;
    buf_init(&b, STATE_BYTES_MAX);
    int rc = live_status(p->serve, KEPT_US, err);
    if (rc == ERR_OK)
        rc = status_json(p->serve->state, true, &b, err);
    if (rc == ERR_OK && !(p->state = json_loadb((const char *)buf_data(&b), b.used, 0, &why)))
        rc = err_set(err, ERR_NOMEM, "the state: %s", why.text);
    buf_clear(&b);
    p->now_us = rc == ERR_OK ? time_at(p->state, "at") : 0;
    return rc;
}

int serve_state(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct page p = {.serve = app, .ask = ask};
    int rc = read_state(&p, err);
    if (rc < 0)
        return rc;
    frame_begin(p.serve, &p.h, ask, "Status");
    rc = put_page(&p, err);
    json_decref(p.state);
    if (rc == ERR_OK)
        return frame_send(p.serve, &p.h, ask, out, err);
    web_page_clear(&p.h);
    return rc;
}

/* ---- the same for programs ---- */

typedef int state_form(const struct status *s, struct buf *out, struct err *err);

static int answer_state(struct serve *s, state_form *form, const char *type, struct web_answer *out,
                        struct err *err)
{
    struct buf b;
    buf_init(&b, STATE_BYTES_MAX);
    int rc = live_status(s, KEPT_US, err);
    if (rc == ERR_OK && (rc = form(s->state, &b, err)) == ERR_OK)
        rc = web_send(&b, 200, type, "no-store", out, err);
    buf_clear(&b);
    return rc;
}

static int as_json(const struct status *s, struct buf *out, struct err *err)
{
    return status_json(s, false, out, err);
}

int serve_state_json(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    (void)ask;
    return answer_state(app, as_json, "application/json", out, err);
}

int serve_metrics(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    (void)ask;
    return answer_state(app, status_prometheus, "text/plain; version=0.0.4; charset=utf-8", out,
                        err);
}

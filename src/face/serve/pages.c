/* The pages: what there is; one transfer; what runs, waits and is in trouble. */
#include "dashspool/clock.h"
#include "dashspool/copy_kind.h"
#include "dashspool/journey.h"
#include "dashspool/status.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 50, PAGES_MAX = 100000 };
#define STATE_BYTES_MAX ((size_t)16 << 20)
#define KEPT_US         INT64_C(2000000) /* however often it is asked for */

static void put_utc(struct web_page *h, int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    if (strlen(text) > 10)
        text[10] = ' ';
    web_print(h, "<time>%s</time>", text);
}

/* ---- the list ---- */

struct list {
    struct catalogue *catalogue;
    struct web_page h;
    int n;
};

static int read_time(const struct web_ask *ask, const char *name, bool until, int64_t *out,
                     struct err *err)
{
    const char *value = web_asked(ask, name);
    if (value[0] && clock_parse_bound(value, until, out, err) < 0)
        return err_set(err, ERR_MALFORMED, "%s: write a date as 2024-11-29 or 2024-11-29T07:00:00Z",
                       name);
    return ERR_OK;
}

static int read_filter(const struct web_ask *ask, struct catalogue_filter *f, int64_t *page,
                       struct err *err)
{
    *f = (struct catalogue_filter){.imei = web_asked(ask, "imei"),
                                   .camera = web_asked(ask, "camera"),
                                   .kind = web_asked(ask, "kind"),
                                   .trigger_name = web_asked(ask, "trigger"),
                                   .newest_first = true,
                                   .limit = ROWS + 1};
    *page = 1;
    int rc = read_time(ask, "since", false, &f->since_us, err);
    if (rc == ERR_OK)
        rc = read_time(ask, "until", true, &f->until_us, err);
    if (rc == ERR_OK) {
        const char *value = web_asked(ask, "page");
        char *end;
        *page = value[0] ? strtoll(value, &end, 10) : 1;
        if (value[0] && (*end || *page < 1 || *page > PAGES_MAX))
            rc = err_set(err, ERR_MALFORMED, "page: a number from 1 to %d is needed", PAGES_MAX);
    }
    f->skip = rc == ERR_OK ? (*page - 1) * ROWS : 0;
    return rc;
}

static void put_field(struct web_page *h, const struct web_ask *ask, const char *name,
                      const char *label, const char *attributes)
{
    web_print(h, "<label>%s<input name=\"%s\" ", label, name);
    web_put(h, attributes);
    web_print(h, " value=\"%s\"></label>\n", web_asked(ask, name));
}

static void put_choice(struct web_page *h, const struct web_ask *ask, const char *name,
                       const char *label, const char *const *words)
{
    web_print(h, "<label>%s<select name=\"%s\"><option value=\"\">all</option>", label, name);
    for (; *words; words++) {
        bool chosen = strcmp(web_asked(ask, name), *words) == 0;
        web_print(h, chosen ? "<option selected>%s</option>" : "<option>%s</option>", *words);
    }
    web_put(h, "</select></label>\n");
}

static int put_row(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct list *l = arg;
    struct web_page *h = &l->h;
    struct catalogue_copies copies;
    if (++l->n > ROWS)
        return ERR_OK;
    int rc = catalogue_copy_summary(l->catalogue, t->key, &copies, err);
    if (rc < 0)
        return rc;
    bool good = t->state == CATALOGUE_STORED && copies.condition <= CATALOGUE_WHOLE;
    web_put(h, "<tr><td><a href=\"/transfer/");
    web_url(h, t->id);
    web_put(h, "\">");
    put_utc(h, t->known & CATALOGUE_TIME_OK ? t->time_us : t->arrived_us);
    web_put(h, t->known & CATALOGUE_TIME_OK ? "</a></td>" : "</a> <small>(received)</small></td>");
    web_print(h, "<td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class=\"n\">", t->imei, t->camera,
              t->kind, t->trigger_name);
    web_size(h, t->length_bytes);
    web_put(h, good ? "</td><td>" : "</td><td class=\"bad\">");
    web_text(h, t->state == CATALOGUE_STORED && !good ? catalogue_condition_name(copies.condition)
                                                      : catalogue_state_name(t->state));
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

static void put_link(struct web_page *h, const struct web_ask *ask, int64_t page, const char *words)
{
    static const char *const names[] = {"imei", "camera", "kind", "trigger", "since", "until"};
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)page);
    web_print(h, "<a href=\"/?page=%s", number);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!web_asked(ask, names[i])[0])
            continue;
        web_print(h, "&amp;%s=", names[i]);
        web_url(h, web_asked(ask, names[i]));
    }
    web_print(h, "\">%s</a>\n", words);
}

int serve_list(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct catalogue_filter filter;
    struct list l = {.catalogue = s->catalogue};
    int64_t page;
    int rc = read_filter(ask, &filter, &page, err);
    if (rc < 0)
        return rc;
    frame_begin(s, &l.h, ask, "Transfers");
    static const char *const cameras[] = {"front", "rear", "driver", "road", "other", NULL};
    static const char *const kinds[] = {"video", "photo", NULL};
    web_put(&l.h, "<form action=\"/\">\n");
    put_field(&l.h, ask, "imei", "IMEI", "inputmode=\"numeric\" maxlength=\"15\" size=\"16\"");
    put_choice(&l.h, ask, "camera", "Camera", cameras);
    put_choice(&l.h, ask, "kind", "Kind", kinds);
    put_field(&l.h, ask, "trigger", "Trigger",
              "maxlength=\"23\" size=\"12\" placeholder=\"crash\"");
    put_field(&l.h, ask, "since", "From (UTC)", "type=\"date\"");
    put_field(&l.h, ask, "until", "To", "type=\"date\"");
    web_put(&l.h, "<button>Show</button></form>\n");
    web_put(&l.h, "<table class=\"list\"><thead><tr><th>Time (UTC)</th><th>Vehicle</th>"
                  "<th>Camera</th><th>Kind</th><th>Trigger</th><th class=\"n\">Size</th>"
                  "<th>State</th></tr></thead><tbody>\n");
    rc = catalogue_transfer_each(s->catalogue, &filter, put_row, &l, err);
    web_put(&l.h,
            l.n ? "</tbody></table>\n<nav>" : "</tbody></table><p>No matching transfers.</p><nav>");
    if (page > 1)
        put_link(&l.h, ask, page - 1, "← newer");
    if (l.n > ROWS && page < PAGES_MAX)
        put_link(&l.h, ask, page + 1, "older →");
    web_put(&l.h, "</nav>\n");
    if (rc == ERR_OK)
        return frame_send(s, &l.h, ask, out, err);
    buf_clear(&l.h.b);
    return rc;
}

/* ---- one transfer: to look at, its facts, copies and custody ---- */

struct shown { /* the names of the copies that are looked at; "" none */
    struct web_page *h;
    const struct catalogue_transfer *t;
    char viewing[256], still[256], poster[256];
};

static const char *name_of(const struct catalogue_copy *copy)
{
    const char *slash = strrchr(copy->path, '/');
    return slash ? slash + 1 : copy->path;
}

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct shown *s = arg;
    const struct {
        unsigned kind;
        char *name;
    } wanted[] = {{COPY_VIEWING, s->viewing}, {COPY_STILL, s->still}, {COPY_POSTER, s->poster}};
    (void)err;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (copy_kind_of(copy->kind) == wanted[i].kind && !wanted[i].name[0] &&
            catalogue_copy_is_current(s->t, copy) && strlen(name_of(copy)) < sizeof s->viewing)
            snprintf(wanted[i].name, sizeof s->viewing, "%s", name_of(copy));
    return ERR_OK;
}

static void put_copy_url(const struct shown *s, const char *name)
{
    web_put(s->h, "/copy/");
    web_url(s->h, s->t->id);
    web_put(s->h, "/");
    web_url(s->h, name);
}

static void put_picture(const struct shown *s)
{
    if (s->viewing[0]) {
        web_put(s->h, "<video controls preload=\"metadata\" src=\"");
        put_copy_url(s, s->viewing);
        if (s->poster[0]) {
            web_put(s->h, "\" poster=\"");
            put_copy_url(s, s->poster);
        }
        web_put(s->h,
                "\"></video>\n<p class=\"soft\">Viewing copy: derived from the original, "
                "with text (clock and position, as far as known) burned into the image.</p>\n");
    } else if (s->still[0]) {
        web_put(s->h, "<img alt=\"the photo\" src=\"");
        put_copy_url(s, s->still);
        web_put(s->h, "\">\n<p class=\"soft\">Derived from the original, with text (clock and "
                      "position, as far as known) burned into the image.</p>\n");
    } else {
        web_put(s->h, "<p>No viewing copy yet.</p>\n");
    }
}

static void put_fact(struct web_page *h, const char *name, const char *value)
{
    if (!value[0])
        return;
    web_print(h, "<tr><th>%s</th><td>%s</td></tr>\n", name, value);
}

static void put_time(struct web_page *h, const char *name, int64_t utc_us)
{
    web_print(h, "<tr><th>%s</th><td>", name);
    put_utc(h, utc_us);
    web_put(h, "</td></tr>\n");
}

static void put_recorded(struct web_page *h, const struct catalogue_transfer *t)
{
    char text[128];
    if (!(t->known & CATALOGUE_TIME_OK)) {
        put_fact(h, "Recorded", "unknown");
        return;
    }
    put_time(h, "Recorded (UTC)", t->time_us);
    if (t->known & CATALOGUE_ZONE_OK) {
        char zone[CLOCK_TEXT_ROOM];
        struct clock_civil c = clock_civil_from_utc(t->time_us, t->tz_min);
        clock_zone(t->tz_min, zone);
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d (%s)", c.year, c.month, c.day,
                 c.hour, c.minute, c.second, zone);
        put_fact(h, "Local time", text);
    }
}

static void put_facts(struct web_page *h, const struct catalogue_transfer *t, bool private_mode)
{
    char text[128];
    web_put(h, "<h2>Facts</h2><table class=\"facts\"><tbody>\n");
    put_fact(h, "Vehicle (IMEI)", t->imei);
    put_fact(h, "Camera", t->camera);
    put_fact(h, "Trigger", t->trigger_name);
    put_recorded(h, t);
    if (private_mode) {
        put_fact(h, "Position", "hidden: its driver was in private mode");
    } else if (t->known & CATALOGUE_POSITION_OK) {
        snprintf(text, sizeof text, "%.6f, %.6f", t->lat_deg, t->lon_deg);
        put_fact(h, "Position (WGS 84)", text);
    }
    if (t->known & CATALOGUE_DRIVER_OK)
        put_fact(h, "Driver", t->driver);
    put_time(h, "Received (UTC)", t->arrived_us);
    put_fact(h, "From", strcmp(t->source, "file") == 0 ? "a file" : t->peer);
    snprintf(text, sizeof text, "%" PRId64 " bytes, %s", t->length_bytes,
             catalogue_state_name(t->state));
    put_fact(h, "Original", text);
    put_fact(h, "SHA-256", t->sha256);
    web_put(h, "</tbody></table>\n");
}

static int put_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct shown *s = arg;
    (void)err;
    web_print(s->h, "<tr><td>%s</td><td><a href=\"", copy->kind);
    put_copy_url(s, name_of(copy));
    web_print(s->h, "\">%s</a><br><code>%s</code></td><td class=\"n\">", name_of(copy),
              copy->sha256);
    web_size(s->h, copy->length_bytes);
    web_put(s->h, "</td></tr>\n");
    return ERR_OK;
}

static int put_files(struct serve *s, struct shown *shown, struct err *err)
{
    struct web_page *h = shown->h;
    web_put(h, "<h2>Files</h2><table><tbody>\n");
    if (shown->t->state != CATALOGUE_RECEIVING) {
        web_put(h, "<tr><td>original</td><td><a href=\"/original/");
        web_url(h, shown->t->id);
        web_put(h, "\">the bytes as received</a><br><small>each download is noted in the custody "
                   "record</small></td><td class=\"n\">");
        web_size(h, shown->t->length_bytes);
        web_put(h, "</td></tr>\n");
    }
    int rc = catalogue_copy_each(s->catalogue, shown->t->key, put_copy, shown, err);
    web_put(h, "</tbody></table>\n");
    return rc;
}

static int put_event(void *arg, const char *line, struct err *err)
{
    struct web_page *h = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    char *what = custody_record_what(&r);
    web_print(h,
              "<tr><td><time>%s</time></td><td>%s</td><td>%s</td><td><code>%s</code></td></tr>\n",
              r.at ? r.at : "", r.event ? r.event : "", r.who ? r.who : "",
              what && strcmp(what, "{}") != 0 ? what : "");
    free(what);
    custody_record_clear(&r);
    return ERR_OK;
}

int serve_transfer(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct catalogue_transfer t;
    struct web_page h;
    struct shown shown = {.h = &h, .t = &t};
    struct catalogue_copies copies;
    int rc = catalogue_transfer_get(s->catalogue, ask->rest, &t, err);
    if (rc < 0 || (rc = catalogue_copy_summary(s->catalogue, t.key, &copies, err)) < 0)
        return rc;
    frame_begin(s, &h, ask, t.id);
    web_print(&h, "<h1>%s</h1>\n", t.id);
    if (t.state == CATALOGUE_PARTIAL)
        web_put(&h, "<p class=\"bad\">Partial transfer: the file is incomplete.</p>\n");
    if (t.state == CATALOGUE_RECEIVING)
        web_put(&h, "<p>Still being received.</p>\n");
    if (copies.condition == CATALOGUE_DAMAGED)
        web_put(&h, "<p class=\"bad\">Damaged: the timing file and the report tell what, and where."
                    "</p>\n");
    if (copies.condition == CATALOGUE_ENDS_EARLY)
        web_put(&h, "<p class=\"bad\">Ends early: what is there is whole.</p>\n");
    bool private_mode = false;
    rc = catalogue_copy_each(s->catalogue, t.key, note_copy, &shown, err);
    if (rc == ERR_OK && (rc = journey_hides(s->catalogue, &t, &private_mode, err)) == ERR_OK) {
        put_picture(&shown);
        put_facts(&h, &t, private_mode);
        rc = put_files(s, &shown, err);
    }
    if (rc == ERR_OK) {
        web_put(&h, "<h2>Custody record</h2><details><summary>what happened to this transfer; each "
                    "event is chained by hash to the one "
                    "before</summary><table><thead><tr><th>When (UTC)</th><th>What</th><th>Who</th>"
                    "<th>More</th></tr></thead><tbody>\n");
        rc = catalogue_event_each(s->catalogue, t.id, put_event, &h, err);
        web_put(&h, "</tbody></table></details>\n");
    }
    if (rc == ERR_OK)
        return frame_send(s, &h, ask, out, err);
    buf_clear(&h.b);
    return rc;
}

/* ---- the state: for people, for programs, for Prometheus ---- */

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
    struct serve *s = app;
    (void)ask;
    return answer_state(s, as_json, "application/json", out, err);
}

int serve_metrics(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    (void)ask;
    return answer_state(s, status_prometheus, "text/plain; version=0.0.4; charset=utf-8", out, err);
}

int serve_state(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    static const struct status_screen paper = {.columns = 100};
    struct buf text;
    struct web_page h;
    (void)ask;
    buf_init(&text, STATE_BYTES_MAX);
    int rc = live_status(s, KEPT_US, err);
    if (rc == ERR_OK && (rc = status_text(s->state, &paper, &text, err)) == ERR_OK)
        rc = buf_append(&text, "", 1, err);
    if (rc == ERR_OK) {
        frame_begin(s, &h, ask, "Status");
        web_put(&h, "<pre>");
        for (const char *at = (const char *)buf_data(&text); *at; at += strcspn(at, "\n") + 1) {
            char line[1024];
            snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
            web_print(&h, "%s\n", line);
        }
        web_put(&h, "</pre>\n");
        rc = frame_send(s, &h, ask, out, err);
    }
    buf_clear(&text);
    return rc;
}

/* One transfer: to look at, its facts, copies and custody. */
#include "dashspool/clock.h"
#include "dashspool/copy_kind.h"
#include "dashspool/journey.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_utc(struct web_page *h, int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    if (strlen(text) > 10)
        text[10] = ' ';
    web_print(h, "<time>%s</time>", text);
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

/* The player: the videos beside each other, controls, and the lanes on the axis of their clock. It
 * is whole without script: each video then has the browser's own controls in a strip below it. */
#include "event.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = 32 };
#define ADJOINING_S 0.5  /* clips in a row: a break so short is no news */
#define SHORT_S     0.02 /* what begins so near to the end of the axis needs no mark */

/* ---- the videos ---- */

static void put_source(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM];
    event_name(e, c, name);
    web_print(h, " data-cam=\"%s\" preload=\"metadata\" playsinline", c->t.camera);
    web_put(h, c->lane == 0 ? "" : " muted");
    if (c->poster) {
        web_put(h, " poster=\"");
        event_copy_url(h, c, c->poster);
        web_put(h, "\"");
    }
    web_put(h, " src=\"");
    event_copy_url(h, c, c->viewing);
    web_print(h, "\" aria-label=\"%s\"></video>", name);
}

/* The browser's own controls only where there is no script: to make them takes longer than all else
 * before the first picture. */
static void put_video(struct event *e, const struct event_clip *c, int index, bool first)
{
    struct web_page *h = e->h;
    web_print(h, "<noscript><video controls%s", first ? "" : " class=\"later\"");
    put_source(e, c);
    char number[24];
    snprintf(number, sizeof number, "%d", index);
    web_print(h, "</noscript><video id=\"video-%s\" class=\"js-only\"", number);
    put_source(e, c);
}

/* What is wrong with the pictures of a lane, in a few words. */
static void put_state(struct event *e, int lane)
{
    struct web_page *h = e->h;
    int64_t missing = 0, damaged = 0;
    bool gap = false, cut = false, somewhere = false, examined = true;
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        if (c->lane != lane)
            continue;
        examined = examined && c->examined;
        for (size_t k = 0; k < c->timing.n_stretches; k++) {
            const struct recipe_stretch *s = &c->timing.stretch[k];
            if (s->cause == RECIPE_BETWEEN)
                continue;
            missing += s->flaw == RECIPE_MISSING ? s->n : 0;
            gap = gap || s->flaw == RECIPE_MISSING;
            damaged += s->flaw == RECIPE_DAMAGED ? s->n : 0;
            somewhere = somewhere || (s->flaw == RECIPE_DAMAGED && s->n == 0);
            cut = cut || s->flaw == RECIPE_CUT;
        }
    }
    bool whole = !gap && !damaged && !cut && !somewhere;
    if (!examined)
        return;
    web_put(h, whole ? "<span class=\"state\">" : "<span class=\"state warned\">");
    frame_icon(h, whole ? "whole" : cut && !gap && !damaged ? "cut" : "warn");
    if (whole)
        web_say(h, "whole");
    if (missing)
        web_sayn(h, "%s frame missing", "%s frames missing", missing);
    else if (gap)
        web_say(h, "frames missing");
    web_put(h, gap && (damaged || somewhere) ? ", " : "");
    if (damaged)
        web_sayn(h, "%s frame damaged", "%s frames damaged", damaged);
    else if (somewhere)
        web_say(h, "damaged");
    web_put(h, (gap || damaged || somewhere) && cut ? ", " : "");
    if (cut)
        web_say(h, "ends early");
    web_put(h, "</span>");
}

static int64_t pictures_of(const struct event *e, int lane)
{
    int64_t n = 0;
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->lane == lane && e->clip[i]->viewing)
            n += e->clip[i]->timing.n ? (int64_t)e->clip[i]->timing.n : e->clip[i]->made.pictures;
    return n;
}

static bool has_video(const struct event *e, int lane)
{
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->lane == lane && e->clip[i]->viewing)
            return true;
    return false;
}

static void put_figure(struct event *e, int lane, int *index)
{
    struct web_page *h = e->h;
    char number[24];
    bool first = true;
    snprintf(number, sizeof number, "%d", lane);
    web_print(h, "<figure data-lane=\"%s\">\n<div class=\"frame\">", number);
    for (size_t i = 0; i < e->n_clips; i++) {
        struct event_clip *c = e->clip[i];
        if (c->lane != lane || !c->viewing)
            continue;
        put_video(e, c, (*index)++, first);
        first = false;
    }
    web_print(h, "<p class=\"absent\" role=\"status\" hidden></p></div>\n<figcaption><b>%s</b>",
              e->lane[lane].name);
    web_print(h, "<output data-frame=\"%s\">", number);
    web_sayn(h, "%s frame", "%s frames", pictures_of(e, lane));
    web_put(h, "</output>");
    put_state(e, lane);
    web_put(h, "</figcaption>\n</figure>\n");
}

/* ---- controls ---- */

static void put_button(struct event *e, const char *what, const char *icon, const char *class,
                       const char *label, const char *key)
{
    web_print(e->h, "<button type=\"button\" class=\"%s\" data-do=\"%s\" aria-label=\"%s\"", class,
              what, label);
    web_print(e->h, " title=\"%s (%s)\">", label, key);
    frame_icon(e->h, icon);
    web_put(e->h, "</button>");
}

static void put_layouts(struct event *e)
{
    struct web_page *h = e->h;
    char number[8];
    web_print(h, "<div class=\"seg layout\" role=\"group\" aria-label=\"%s\">",
              web_tr(h, "Layout"));
    web_print(
        h,
        "<button type=\"button\" data-layout=\"both\" aria-pressed=\"true\" aria-label=\"%s\" "
        "title=\"%s (V)\">",
        web_tr(h, "Beside each other"), web_tr(h, "Beside each other"));
    frame_icon(h, "both");
    web_put(h, "</button>");
    for (int i = 0; i < e->n_lanes; i++) {
        if (!has_video(e, i))
            continue;
        snprintf(number, sizeof number, "%d", i);
        web_print(h, "<button type=\"button\" data-layout=\"%s\" aria-pressed=\"false\"", number);
        web_put(h, " aria-label=\"");
        web_sayf(h, "%s large", e->lane[i].name);
        web_put(h, "\" title=\"");
        web_sayf(h, "%s large", e->lane[i].name);
        web_put(h, " (V)\">");
        frame_icon(h, i == 0 ? "left" : "right");
        web_put(h, "</button>");
    }
    web_put(h, "</div>\n");
}

static double error_of(const struct event *e)
{
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->error_s > 0)
            return e->clip[i]->error_s;
    return 0;
}

static void put_clock(struct event *e)
{
    struct web_page *h = e->h;
    char t[EVENT_T_ROOM], wall[WHEN_ROOM], error[WEB_DECIMAL_ROOM];
    double at = fmin(fmax(0, e->lo), e->hi);
    web_print(h, "<p class=\"clock\"><output class=\"t\" data-t title=\"%s\">%s</output>",
              web_tr(h, e->zero == EVENT_FIRST_PICTURE ? "Time from the first picture, in seconds"
                                                       : "Time from the trigger, in seconds"),
              event_t(at, t));
    if (e->has_zero) {
        event_clock(e, e->zero_us + llround(at * 1e6), 1, wall);
        web_print(h, "<span class=\"wall\"><output data-wall>%s</output>", wall);
        if (error_of(e) > 0)
            web_print(h, " ± %s s", web_decimal(h, error_of(e), 1, error));
        web_put(h, "</span>");
    }
    web_put(h, "</p>\n");
}

static void put_controls(struct event *e, int lanes, bool sound)
{
    static const struct {
        const char *value, *text;
    } speeds[] = {{"0.25", "¼×"}, {"0.5", "½×"}, {"1", "1×"}, {"2", "2×"}, {"4", "4×"}};
    struct web_page *h = e->h;
    web_print(h, "<div class=\"controls js-only\" role=\"group\" aria-label=\"%s\">\n",
              web_tr(h, "Player controls"));
    web_put(h, "<div class=\"transport\">");
    if (e->zero != EVENT_FIRST_PICTURE)
        put_button(e, "trigger", "flag", "icon", web_tr(h, "To the trigger"), "T");
    else
        put_button(e, "trigger", "flag", "icon", web_tr(h, "To the beginning"), "T");
    put_button(e, "back", "sback", "icon", web_tr(h, "One second back"), "Shift ←");
    put_button(e, "fback", "fback", "icon", web_tr(h, "One frame back"), "←");
    web_print(h,
              "<button type=\"button\" class=\"icon primary\" data-do=\"play\" aria-label=\"%s\" "
              "data-pause=\"%s\" title=\"%s\">",
              web_tr(h, "Play"), web_tr(h, "Pause"), web_tr(h, "Play, pause (Space)"));
    frame_icon(h, "play");
    web_put(h, "</button>");
    put_button(e, "fnext", "fnext", "icon", web_tr(h, "One frame forward"), "→");
    put_button(e, "next", "snext", "icon", web_tr(h, "One second forward"), "Shift →");
    web_put(h, "</div>\n");
    put_clock(e);
    web_print(h, "<div class=\"seg speed\" role=\"radiogroup\" aria-label=\"%s\">",
              web_tr(h, "Speed"));
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        web_print(h,
                  i == 2 ? "<label><input type=\"radio\" name=\"speed\" value=\"%s\" checked>%s"
                           "</label>"
                         : "<label><input type=\"radio\" name=\"speed\" value=\"%s\">%s</label>",
                  speeds[i].value, speeds[i].text);
    web_put(h, "</div>\n");
    if (lanes > 1)
        put_layouts(e);
    web_put(h, "<div class=\"transport extra\">");
    if (sound)
        web_print(h,
                  "<button type=\"button\" class=\"icon plain\" data-do=\"sound\" "
                  "aria-pressed=\"false\" aria-label=\"%s\" title=\"%s (M)\">",
                  web_tr(h, "Sound"), web_tr(h, "Sound"));
    if (sound) {
        frame_icon(h, "sound");
        web_put(h, "</button>");
    }
    put_button(e, "full", "full", "icon plain", web_tr(h, "Full screen"), "F");
    web_print(h,
              "<button type=\"button\" class=\"icon plain keys\" popovertarget=\"keymap\" "
              "aria-label=\"%s\" title=\"%s (?)\">",
              web_tr(h, "Keys"), web_tr(h, "Keys"));
    frame_icon(h, "keys");
    web_put(h, "</button></div>\n</div>\n");
}

/* ---- the axis ---- */

/* A round step, so that there are at most a dozen. */
static double step_of(double length)
{
    static const double steps[] = {0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && length / steps[i] > 12)
        i++;
    return steps[i];
}

static void put_scale(struct event *e)
{
    struct web_page *h = e->h;
    char x[EVENT_T_ROOM], text[24];
    double step = step_of(e->hi - e->lo);
    web_put(h, "<span class=\"lab\"></span>\n<svg class=\"scale\" aria-hidden=\"true\">");
    for (double k = ceil(e->lo / step - 1e-9); k * step <= e->hi + 1e-9; k++) {
        double t = k * step;
        if (fabs(t) < 1e-9)
            continue;
        snprintf(text, sizeof text, "%s%.*f", t < 0 ? "−" : "+", step < 1 ? 1 : 0, fabs(t));
        web_print(h, "<text x=\"%s\" y=\"13\" text-anchor=\"middle\"", event_percent(e, t, x));
        web_put(h, fmod(fabs(k), 2) > 0.5 ? " class=\"minor\">" : ">");
        web_print(h, "%s</text>", text);
    }
    if (e->lo <= 0 && e->hi >= 0) {
        double at = e->hi > e->lo ? -e->lo / (e->hi - e->lo) : 0;
        web_print(h, "<text class=\"trigt\" x=\"%s\" y=\"13\" text-anchor=\"%s\">%s</text>",
                  event_percent(e, 0, x),
                  at < 0.04   ? "start"
                  : at > 0.96 ? "end"
                              : "middle",
                  e->zero == EVENT_FIRST_PICTURE ? web_tr(h, "Start") : web_tr(h, "Trigger"));
    }
    web_put(h, "</svg>\n");
}

static void put_rect(struct event *e, const char *class, double from, double until,
                     const char *more)
{
    char x[EVENT_T_ROOM], width[EVENT_T_ROOM];
    double all = e->hi - e->lo;
    from = fmax(from, e->lo);
    until = fmin(until, e->hi);
    if (all <= 0 || until < from)
        return;
    snprintf(width, sizeof width, "%.3f%%", fmax(100 * (until - from) / all, 0.3));
    web_print(e->h, "<rect class=\"%s\" x=\"%s\" width=\"%s\"", class, event_percent(e, from, x),
              width);
    web_put(e->h, more);
}

/* Gaps last: they are seen where damage goes on behind them. */
static void put_flaws(struct event *e, const struct event_clip *c)
{
    for (int gaps = 0; gaps < 2; gaps++)
        for (size_t k = 0; k < c->timing.n_stretches; k++) {
            const struct recipe_stretch *s = &c->timing.stretch[k];
            double from = c->from_s + (double)s->from_us / 1e6,
                   until = c->from_s + (double)s->until_us / 1e6;
            if (gaps && s->flaw == RECIPE_MISSING && s->until_us > s->from_us)
                put_rect(e, "gap", from, until, " y=\"4.5\" height=\"13\"/>");
            if (!gaps && s->flaw == RECIPE_DAMAGED && s->cause != RECIPE_SOMEWHERE)
                put_rect(e, "dmg", from, until, " y=\"3\" height=\"16\" rx=\"1\"/>");
        }
}

static void put_lane(struct event *e, int lane)
{
    struct web_page *h = e->h;
    char from[EVENT_T_ROOM], until[EVENT_T_ROOM];
    double first = INFINITY, last = -INFINITY;
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->lane == lane && e->clip[i]->viewing) {
            first = fmin(first, e->clip[i]->from_s);
            last = fmax(last, e->clip[i]->until_s);
        }
    web_print(h, "<span class=\"lab\">%s</span>\n<svg class=\"lane\" role=\"img\" aria-label=\"",
              e->lane[lane].name);
    web_sayf(h, "%s: from %s to %s", e->lane[lane].name, event_t(first, from),
             event_t(last, until));
    web_put(h, "\">");
    if (lane == 0)
        web_put(h, "<defs><pattern id=\"hatch\" width=\"5\" height=\"5\" "
                   "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect "
                   "class=\"h1\" width=\"5\" height=\"5\"/><line class=\"h2\" "
                   "y2=\"5\"/></pattern></defs>");
    web_put(h, "<rect class=\"bed\" y=\"5\" width=\"100%\" height=\"12\" rx=\"3\"/>");
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *c = e->clip[i];
        if (c->lane != lane || !c->viewing)
            continue;
        put_rect(e, "have", c->from_s, c->until_s, " y=\"5\" height=\"12\" rx=\"3\"/>");
        put_flaws(e, c);
    }
    event_trigger_line(e);
    web_put(h, "</svg>\n");
}

/* ---- marks: links that are the addresses of moments ---- */

enum mark_kind { MARK_TRIGGER, MARK_BEGINS, MARK_ENDS, MARK_FLAW };

struct mark {
    double t;
    enum mark_kind kind;
    int lane;
    const struct recipe_stretch *stretch;
};

struct marks {
    struct mark mark[MARKS_MAX];
    int n;
};

static void add_mark(struct marks *m, double t, enum mark_kind kind, int lane,
                     const struct recipe_stretch *stretch)
{
    if (m->n < MARKS_MAX)
        m->mark[m->n++] = (struct mark){t, kind, lane, stretch};
}

/* Whether a clip of its lane ends, or begins, where this one begins, or ends. */
static bool goes_on_at(const struct event *e, const struct event_clip *c, double t)
{
    for (size_t i = 0; i < e->n_clips; i++) {
        const struct event_clip *other = e->clip[i];
        if (other != c && other->lane == c->lane && other->viewing &&
            t > other->from_s - ADJOINING_S && t < other->until_s + ADJOINING_S)
            return true;
    }
    return false;
}

static void add_marks_of(struct marks *m, const struct event *e, const struct event_clip *c)
{
    if (fabs(c->from_s - e->lo) > SHORT_S && !goes_on_at(e, c, c->from_s))
        add_mark(m, c->from_s, MARK_BEGINS, c->lane, NULL);
    for (size_t k = 0; k < c->timing.n_stretches; k++) {
        const struct recipe_stretch *s = &c->timing.stretch[k];
        if (s->cause != RECIPE_SOMEWHERE && s->cause != RECIPE_UNFINISHED)
            add_mark(m, c->from_s + (double)s->from_us / 1e6, MARK_FLAW, c->lane, s);
    }
    if (fabs(c->until_s - e->hi) > SHORT_S && !goes_on_at(e, c, c->until_s))
        add_mark(m, c->until_s, MARK_ENDS, c->lane, NULL);
}

static int mark_by_time(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->t < y->t || x->t > y->t)
        return x->t < y->t ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

static void say_flaw(struct web_page *h, const char *name, const struct recipe_stretch *s)
{
    web_print(h, "%s: ", name);
    if (s->cause == RECIPE_BETWEEN)
        web_say(h, "another recording");
    else if (s->flaw == RECIPE_SILENCE)
        web_say(h, "no sound");
    else if (s->flaw == RECIPE_DAMAGED)
        web_sayn(h, "%s frame damaged", "%s frames damaged", s->n);
    else if (s->n)
        web_sayn(h, "%s frame missing", "%s frames missing", s->n);
    else
        web_say(h, "frames missing");
}

static void put_mark(struct event *e, const struct mark *m)
{
    static const char *const classes[] = {
        [MARK_TRIGGER] = "bad", [MARK_BEGINS] = "", [MARK_ENDS] = "", [MARK_FLAW] = "warned"};
    struct web_page *h = e->h;
    const char *name = e->lane[m->lane].name;
    char number[24], text[EVENT_T_ROOM];
    snprintf(number, sizeof number, "%.3f", m->t);
    bool news = m->kind == MARK_FLAW && m->stretch->cause == RECIPE_BETWEEN;
    web_print(h, "<a class=\"%s\" href=\"#t=%s\">", news ? "" : classes[m->kind], number);
    if (m->kind == MARK_TRIGGER)
        frame_icon(h, "flag");
    if (m->kind == MARK_FLAW && !news)
        frame_icon(h, m->stretch->flaw == RECIPE_SILENCE ? "sound" : "warn");
    if (m->kind == MARK_TRIGGER)
        web_say(h, "Trigger");
    else if (m->kind == MARK_BEGINS)
        web_sayf(h, "%s begins", name);
    else if (m->kind == MARK_ENDS)
        web_sayf(h, "%s ends", name);
    else
        say_flaw(h, name, m->stretch);
    web_print(h, " <span class=\"num\">%s</span></a>", event_t(m->t, text));
}

static void put_marks(struct event *e)
{
    struct web_page *h = e->h;
    struct marks m = {.n = 0};
    if (e->zero != EVENT_FIRST_PICTURE && e->lo <= 0 && e->hi >= 0)
        add_mark(&m, 0, MARK_TRIGGER, 0, NULL);
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->lane >= 0 && e->clip[i]->viewing)
            add_marks_of(&m, e, e->clip[i]);
    if (m.n == 0)
        return;
    qsort(m.mark, (size_t)m.n, sizeof *m.mark, mark_by_time);
    web_print(h, "<nav class=\"jump\" aria-label=\"%s\">\n", web_tr(h, "Marks"));
    for (int i = 0; i < m.n; i++)
        put_mark(e, &m.mark[i]);
    web_put(h, "</nav>\n");
}

/* ---- all of it ---- */

void event_player(struct event *e)
{
    struct web_page *h = e->h;
    int lanes = 0, index = 0;
    bool sound = false;
    char number[24], lo[24], hi[24], at[24];
    for (int i = 0; i < e->n_lanes; i++)
        lanes += has_video(e, i);
    for (size_t i = 0; i < e->n_clips; i++)
        sound = sound || (e->clip[i]->viewing && e->clip[i]->has_sound);
    if (lanes == 0)
        return;
    snprintf(number, sizeof number, "%d", lanes);
    web_print(h,
              "<section class=\"panel player\" aria-label=\"%s\" data-layout=\"both\" "
              "data-lanes=\"%s\">\n<div class=\"videos\">\n",
              web_tr(h, "Player"), number);
    for (int i = 0; i < e->n_lanes; i++)
        if (has_video(e, i))
            put_figure(e, i, &index);
    web_put(h, "</div>\n");
    put_controls(e, lanes, sound);
    snprintf(lo, sizeof lo, "%.3f", e->lo);
    snprintf(hi, sizeof hi, "%.3f", e->hi);
    snprintf(at, sizeof at, "%.3f", fmin(fmax(0, e->lo), e->hi));
    web_put(h, "<div class=\"tracks\">\n");
    web_print(h,
              "<input class=\"seek js-only\" type=\"range\" min=\"%s\" max=\"%s\" step=\"0.001\" "
              "value=\"%s\" aria-label=\"%s\">\n",
              lo, hi, at, web_tr(h, "Position, seconds from the trigger"));
    put_scale(e);
    for (int i = 0; i < e->n_lanes; i++)
        if (has_video(e, i))
            put_lane(e, i);
    event_plots(e);
    web_put(h, "<div class=\"cursor js-only\" aria-hidden=\"true\"></div>\n</div>\n");
    put_marks(e);
    web_put(h, "</section>\n");
}

/* ---- for player.js ---- */

static void put_double(struct web_page *h, double v, int digits)
{
    char text[32];
    snprintf(text, sizeof text, "%.*f", digits, isfinite(v) ? v : 0);
    char *end = text + strlen(text);
    if (strchr(text, '.')) {
        while (end[-1] == '0')
            *--end = '\0';
        if (end[-1] == '.')
            *--end = '\0';
    }
    web_put(h, text);
}

static void island_clip(struct event *e, const struct event_clip *c, bool first)
{
    struct web_page *h = e->h;
    char text[64];
    web_put(h, first ? "\n{" : ",\n{");
    snprintf(text, sizeof text, "\"lane\":%d,\"from\":", c->lane);
    web_put(h, text);
    put_double(h, c->from_s, 6);
    web_put(h, ",\"end\":");
    put_double(h, c->until_s - c->from_s, 6);
    web_put(h, c->has_sound ? ",\"sound\":true,\"times_us\":[" : ",\"times_us\":[");
    for (size_t i = 0; i < c->timing.n; i++) {
        snprintf(text, sizeof text, i ? ",%lld" : "%lld", (long long)c->timing.pts_us[i]);
        web_put(h, text);
    }
    web_put(h, "],\"missing\":[");
    bool begun = false;
    for (size_t i = 0; i < c->timing.n_stretches; i++) {
        const struct recipe_stretch *s = &c->timing.stretch[i];
        if (s->flaw != RECIPE_MISSING || s->until_us <= s->from_us)
            continue;
        web_put(h, begun ? ",[" : "[");
        put_double(h, (double)s->from_us / 1e6, 6);
        web_put(h, ",");
        put_double(h, (double)s->until_us / 1e6, 6);
        web_put(h, s->cause == RECIPE_NOT_RECEIVED ? ",1]" : ",0]");
        begun = true;
    }
    web_put(h, "]}");
}

/* Data, not script: numbers, and sentences of ours without markup. */
void event_island(struct event *e)
{
    struct web_page *h = e->h;
    char text[64], zone[CLOCK_TEXT_ROOM];
    bool first = true;
    when_zone(e->serve, e->has_zero ? e->zero_us : 0, e->tz_min, zone);
    int tz_min = e->tz_min == WHEN_HERE ? when_min(e->serve, e->zero_us) : e->tz_min;
    web_put(h, "<script type=\"application/json\" id=\"timing\">{\"range\":[");
    put_double(h, e->lo, 6);
    web_put(h, ",");
    put_double(h, e->hi, 6);
    web_put(h, "]");
    if (e->has_zero) {
        snprintf(text, sizeof text, ",\"t0_ms\":%lld,\"tz_min\":%d", (long long)e->zero_us / 1000,
                 tz_min);
        web_put(h, text);
    }
    web_put(h, ",\"videos\":[");
    for (int lane = 0; lane < e->n_lanes; lane++)
        for (size_t i = 0; i < e->n_clips; i++)
            if (e->clip[i]->lane == lane && e->clip[i]->viewing) {
                island_clip(e, e->clip[i], first);
                first = false;
            }
    web_put(h, "]");
    event_island_journey(e);
    web_put(h, "}</script>\n");
    /* Sentences: as texts of attributes, which are escaped as such. */
    web_print(h, "<data id=\"words\" hidden data-zone=\"%s\"", zone);
    web_print(h, " data-shown=\"%s\"", web_tr(h, "frame %1$s of %2$s"));
    web_print(h, " data-none=\"%s\"", web_tr(h, "no frame, %s in all"));
    web_print(h, " data-begins=\"%s\"", web_tr(h, "Begins at %s"));
    web_print(h, " data-ended=\"%s\"", web_tr(h, "Ended at %s"));
    web_print(h, " data-between=\"%s\"", web_tr(h, "No recording here; it goes on at %s"));
    web_print(h, " data-gap=\"%s\"", web_tr(h, "The camera recorded nothing here"));
    web_print(h, " data-lost=\"%s\"", web_tr(h, "What was recorded here did not arrive"));
    web_print(h, " data-broken=\"%s\"", web_tr(h, "This video cannot be played"));
    web_print(h, " data-loading=\"%s\"", web_tr(h, "Loading the video"));
    web_print(h, " data-at=\"%s\"", web_tr(h, "%s seconds"));
    web_put(h, "></data>\n");
}

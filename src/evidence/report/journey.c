/*
 * What a tracker said on its own link, beside the clips of an event: in words, as speed and
 * acceleration over time, and its way on a map.
 *
 * Amounts may be anybody's. Times become seconds from the clip's beginning in double, so that no
 * distance overflows; what is not within the plot is not drawn.
 */
#include "format.h"
#include "page.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define AROUND_S     60.0   /* that much around the clip is drawn at most */
#define SPAN_MOST_S  3600.0 /* of a clip; longer ones are cut */
#define KMH_PER_MS   3.6
#define KMH_PER_MPH  1.609344

/* Plots, in units of the drawing. */
#define PLOT_WIDTH   1000
#define PLOT_LEFT    120
#define PLOT_RIGHT   985
#define PLOT_TOP     72
#define SPEED_HEIGHT 190
#define STRIP_HEIGHT 14 /* below the speed: where there was no fix, or private mode */
#define AXIS_HEIGHT  110
#define AXIS_GAP     22
#define DOTS_MOST    150 /* records, if each is to be a dot */
#define SAMPLES_EDGE 1.5 /* seconds around the samples: more than they may be off */

/* A clip's account, and what of it is told. */
struct account {
    const struct report_journey *j;
    const struct report_clip *clip;
    size_t number; /* of the clip, from 0 */
    struct buf points, samples;
    const struct track_point *point;
    const struct report_sample *sample;
};

/* ---- amounts ---- */

/* Seconds from the clip's beginning on. */
static double second_of(const struct account *a, int64_t utc_us)
{
    return ((double)utc_us - (double)a->j->from_us) / 1e6;
}

static bool speed_ok(const struct track_point *p)
{
    return map_way_ok(p) && isfinite(p->speed_ms) && p->speed_ms >= 0;
}

static double speed_of(const struct account *a, const struct track_point *p)
{
    double kmh = p->speed_ms * KMH_PER_MS;
    return a->j->imperial ? kmh / KMH_PER_MPH : kmh;
}

static const char *speed_unit(const struct account *a)
{
    return a->j->imperial ? "mph" : "km/h";
}

/* "+4.5 s" */
static const char *offset_text(double s, int digits, char out[FORMAT_ROOM])
{
    double unit = digits ? 0.05 : 0.5;
    snprintf(out, FORMAT_ROOM, "%s%.*f\u00a0s",
             s <= -unit  ? "\u2212"
             : s >= unit ? "+"
                         : "",
             digits, fabs(s));
    return out;
}

static bool camera_trigger(const struct account *a, double *s)
{
    *s = (double)a->clip->trigger_offset_us / 1e6;
    return a->clip->has_trigger_time;
}

/* When it happened, by the clock that is nearest to the records'. */
static bool event_time(const struct account *a, int64_t *us, const char **whose)
{
    const struct report_journey *j = a->j;
    *us = j->has_event ? j->event_us : j->crash_us;
    *whose = j->has_event ? "its record of the event" : "its record of the crash";
    if (!j->has_event && !j->has_crash) {
        *whose = "the camera’s time of the trigger";
        return a->clip->has_trigger_time &&
               !__builtin_add_overflow(j->from_us, a->clip->trigger_offset_us, us);
    }
    return true;
}

/* ---- plots ---- */

struct plot {
    struct draw *d;
    const struct account *a;
    double from_s, until_s;
    long top, bottom;
    double low, high; /* at the bottom and the top */
};

/* 1, 2 or 5 times a power of ten, of which there are at most n in the range. */
static double nice_step(double range, int n)
{
    double step = pow(10, floor(log10(range / n)));
    while (range / step > n) {
        double digit = round(step / pow(10, floor(log10(step) + 1e-9)));
        step *= digit >= 2 && digit < 5 ? 2.5 : 2;
    }
    return step;
}

/* Of a number of seconds people count in. */
static double nice_seconds(double range)
{
    static const double step[] = {0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600};
    size_t i = 0;
    while (i + 1 < sizeof step / sizeof *step && range / step[i] > 8)
        i++;
    return step[i];
}

static bool in_plot(const struct plot *p, double s)
{
    return s >= p->from_s && s <= p->until_s; /* false for NAN */
}

static long x_of(const struct plot *p, double s)
{
    double share = (s - p->from_s) / (p->until_s - p->from_s);
    return lround(PLOT_LEFT + fmin(fmax(share, 0), 1) * (PLOT_RIGHT - PLOT_LEFT));
}

static long y_of(const struct plot *p, double v)
{
    double share = (v - p->low) / (p->high - p->low);
    return lround((double)p->bottom - fmin(fmax(share, 0), 1) * (double)(p->bottom - p->top));
}

static void stroke(struct draw *d, enum draw_ink ink, long x, long y, long to_x, long to_y)
{
    d->ops->path(d, ink);
    d->ops->move(d, x, y);
    d->ops->line(d, to_x, to_y);
    d->ops->path_end(d);
}

/* A rectangle for a stretch of time, as far as it is in the plot. */
static void stretch(const struct plot *p, enum draw_ink ink, double from_s, double until_s, long y,
                    long height)
{
    if (!(from_s <= p->until_s && until_s >= p->from_s))
        return;
    long x = x_of(p, from_s), width = x_of(p, until_s) - x;
    p->d->ops->rect(p->d, ink, x, y, width < 3 ? 3 : width, height);
}

/* Lines of one colour, drawn as they go: of many spots in a column, the first, lowest, highest and
 * last. */
struct curve {
    struct draw *d;
    bool down, lifted;
    size_t drawn; /* since it was put down */
    long x, first, low, high, last;
};

static void curve_flush(struct curve *c)
{
    if (!c->down)
        return;
    bool up = labs(c->last - c->high) < labs(c->last - c->low);
    long turn[] = {up ? c->low : c->high, up ? c->high : c->low, c->last}, at = c->first;
    for (size_t i = 0; i < 3; i++)
        if (turn[i] != at) {
            c->d->ops->line(c->d, c->x, turn[i]);
            at = turn[i];
            c->drawn++;
        }
}

/* What is drawn so far has come to its end; one that stands alone is a short line. */
static void curve_end(struct curve *c)
{
    curve_flush(c);
    if (c->down && c->drawn == 0)
        c->d->ops->line(c->d, c->x + 2, c->last);
    c->down = false;
}

static void curve_to(struct curve *c, long x, long y)
{
    if (c->down && x == c->x) {
        c->low = y < c->low ? y : c->low;
        c->high = y > c->high ? y : c->high;
        c->last = y;
        c->lifted = false; /* a break within a column cannot be seen */
        return;
    }
    if (c->lifted)
        curve_end(c);
    curve_flush(c);
    if (c->down)
        c->d->ops->line(c->d, x, y);
    else
        c->d->ops->move(c->d, x, y);
    c->drawn = c->down ? c->drawn + 1 : 0;
    *c = (struct curve){c->d, true, false, c->drawn, x, y, y, y, y};
}

/* No line leads to what follows. */
static void curve_lift(struct curve *c)
{
    c->lifted = c->down;
}

/* Times below, and lines up from them. */
static void draw_times(const struct plot *p, long top, long bottom)
{
    char text[FORMAT_ROOM];
    double step = nice_seconds(p->until_s - p->from_s);
    double first = ceil(p->from_s / step - 1e-9), last = floor(p->until_s / step + 1e-9);
    for (double i = first; i <= last; i++) {
        long x = x_of(p, i * step);
        stroke(p->d, DRAW_RULE, x, top, x, bottom + 10);
        p->d->ops->text(p->d, DRAW_WORD, x > PLOT_RIGHT - 50 ? DRAW_END : DRAW_MIDDLE,
                        x > PLOT_RIGHT - 50 ? PLOT_RIGHT + 10 : x, bottom + 42,
                        offset_text(i * step, step < 1, text));
    }
}

/* Its words are beside it, on the left if that is wanted and there is room, or on the right there
 * is none. */
static void draw_label(const struct plot *p, long x, bool left, long y, const char *words)
{
    left = (left && x > PLOT_LEFT + 200) || x > PLOT_RIGHT - 250;
    p->d->ops->text(p->d, DRAW_WORD, left ? DRAW_END : DRAW_START, left ? x - 16 : x + 16, y,
                    words);
}

/* The camera's trigger, and the tracker's: each with its words in a line of its own. */
static void draw_triggers(const struct plot *p, long bottom)
{
    struct draw *d = p->d;
    const struct report_journey *j = p->a->j;
    double s, tracker_s = second_of(p->a, j->has_event ? j->event_us : j->crash_us);
    if (camera_trigger(p->a, &s) && in_plot(p, s)) {
        long x = x_of(p, s);
        d->ops->path(d, DRAW_TRIGGER);
        d->ops->move(d, x, PLOT_TOP - 4);
        d->ops->line(d, x, bottom);
        d->ops->move(d, x - 9, PLOT_TOP - 18);
        d->ops->line(d, x + 9, PLOT_TOP - 18);
        d->ops->line(d, x, PLOT_TOP - 4);
        d->ops->shut(d);
        d->ops->path_end(d);
        draw_label(p, x, s <= tracker_s, PLOT_TOP - 12, "trigger, camera");
    }
    if ((j->has_event || j->has_crash) && in_plot(p, tracker_s)) {
        long x = x_of(p, tracker_s);
        stroke(d, DRAW_EVENT, x, 14, x, bottom);
        draw_label(p, x, false, 30, j->has_event ? "event, tracker" : "crash, tracker");
    }
}

static void draw_scale_word(const struct plot *p, double v, const char *text)
{
    p->d->ops->text(p->d, DRAW_WORD, DRAW_END, PLOT_LEFT - 12, y_of(p, v) + 9, text);
}

/* ---- speed ---- */

/* Where there was no fix, or it was hidden: up to the records around, as far as they are joined. */
static void draw_states(const struct plot *p, enum draw_ink ink)
{
    const struct account *a = p->a;
    double until = -INFINITY, from = 0;
    bool open = false;
    for (size_t i = 0; i < a->j->n_points; i++) {
        const struct track_point *at = &a->point[i];
        bool hidden = !(at->lat_deg >= -90 && at->lat_deg <= 90);
        if (map_way_ok(at) || (ink == DRAW_HIDDEN) != hidden)
            continue;
        double s = second_of(a, at->utc_us), before = s, behind = s;
        if (i > 0 && format_between(at[-1].utc_us, at->utc_us) <= TRACK_TRACKER_GAP_US)
            before = second_of(a, at[-1].utc_us);
        if (i + 1 < a->j->n_points &&
            format_between(at->utc_us, at[1].utc_us) <= TRACK_TRACKER_GAP_US)
            behind = second_of(a, at[1].utc_us);
        if (!in_plot(p, s))
            continue;
        if (open && x_of(p, before) > x_of(p, until)) {
            stretch(p, ink, from, until, p->bottom, STRIP_HEIGHT);
            open = false;
        }
        from = open ? from : before;
        until = behind;
        open = true;
    }
    if (open)
        stretch(p, ink, from, until, p->bottom, STRIP_HEIGHT);
}

static void draw_speeds(const struct plot *p)
{
    const struct account *a = p->a;
    struct curve c = {.d = p->d};
    const struct track_point *last = NULL;
    size_t n = 0;
    p->d->ops->path(p->d, DRAW_CURVE);
    for (size_t i = 0; i < a->j->n_points; i++) {
        const struct track_point *at = &a->point[i];
        double s = second_of(a, at->utc_us);
        bool ok = speed_ok(at) && in_plot(p, s);
        if (!ok || (last && format_between(last->utc_us, at->utc_us) > TRACK_TRACKER_GAP_US))
            curve_lift(&c);
        last = ok ? at : NULL;
        if (ok)
            curve_to(&c, x_of(p, s), y_of(p, speed_of(a, at)));
        n += ok;
    }
    curve_end(&c);
    p->d->ops->path_end(p->d);
    for (size_t i = 0; i < a->j->n_points && n <= DOTS_MOST; i++) {
        const struct track_point *at = &a->point[i];
        double s = second_of(a, at->utc_us);
        if (speed_ok(at) && in_plot(p, s))
            p->d->ops->circle(p->d, DRAW_DOT, x_of(p, s), y_of(p, speed_of(a, at)), 5);
    }
}

/* How it was in the plot. False: no speed is known there. */
static bool speed_range(const struct account *a, const struct plot *p, double *low, double *high)
{
    bool any = false;
    for (size_t i = 0; i < a->j->n_points; i++) {
        if (!speed_ok(&a->point[i]) || !in_plot(p, second_of(a, a->point[i].utc_us)))
            continue;
        double v = speed_of(a, &a->point[i]);
        *low = any ? fmin(*low, v) : v;
        *high = any ? fmax(*high, v) : v;
        any = true;
    }
    return any;
}

/* From the first record to the last, with the clip, and no more than AROUND_S around it. */
static struct plot plot_of(const struct account *a)
{
    double length = fmin(fmax(second_of(a, a->j->until_us), 0), SPAN_MOST_S);
    struct plot p = {.a = a, .from_s = 0, .until_s = length};
    for (size_t i = 0; i < a->j->n_points; i++) {
        double s = second_of(a, a->point[i].utc_us);
        if (s < -AROUND_S || s > length + AROUND_S)
            continue;
        p.from_s = fmin(p.from_s, s);
        p.until_s = fmax(p.until_s, s);
    }
    if (p.until_s - p.from_s < 1)
        p.until_s = p.from_s + 1;
    return p;
}

static void plot_speed(struct doc *doc, const struct account *a)
{
    struct plot p = plot_of(a);
    double low = 0, high = 0;
    char what[200], text[40];
    bool known = speed_range(a, &p, &low, &high);
    doc_put(doc, DOC_HEAD_4, "Speed");
    if (!known) {
        doc_put(doc, DOC_PARAGRAPH, "No speed is known: no record with a fix tells one.");
        return;
    }
    doc_open(doc, DOC_PLACE);
    doc_open(doc, DOC_CAPTION);
    doc_textf(
        doc,
        "Between %.0f and %.0f %s around the recording. Where there is no line, no record with a "
        "fix tells a speed.",
        low, high, speed_unit(a));
    doc_close(doc, DOC_CAPTION);
    double step = nice_step(fmax(high, 10), 4);
    p.top = PLOT_TOP;
    p.bottom = PLOT_TOP + SPEED_HEIGHT;
    p.low = 0;
    p.high = ceil(fmax(high, 10) / step - 1e-9) * step;
    snprintf(what, sizeof what,
             "Speed over time, by the tracker: between %.0f and %.0f %s from %.0f seconds before "
             "the recording’s beginning to %.0f seconds after it",
             low, high, speed_unit(a), -p.from_s, p.until_s);
    p.d = doc->ops->drawing(doc, DRAW_PLOT, PLOT_WIDTH, (int)p.bottom + STRIP_HEIGHT + 52, what);
    if (p.d) {
        stretch(&p, DRAW_SPAN, 0, second_of(a, a->j->until_us), p.top, SPEED_HEIGHT);
        draw_times(&p, p.top, p.bottom + STRIP_HEIGHT);
        for (double v = 0; v <= p.high + step / 2; v += step) {
            stroke(p.d, DRAW_RULE, PLOT_LEFT, y_of(&p, v), PLOT_RIGHT, y_of(&p, v));
            snprintf(text, sizeof text, "%.0f", v);
            draw_scale_word(&p, v, text);
        }
        p.d->ops->text(p.d, DRAW_WORD, DRAW_END, PLOT_LEFT - 12, 30, speed_unit(a));
        draw_states(&p, DRAW_UNFIXED);
        draw_states(&p, DRAW_HIDDEN);
        draw_speeds(&p);
        draw_triggers(&p, p.bottom + STRIP_HEIGHT);
        doc->ops->drawing_end(doc, p.d);
    }
    doc_close(doc, DOC_PLACE);
    doc_open(doc, DOC_KEY);
    doc->ops->swatch(doc, DRAW_CURVE);
    doc_text(doc, "speed by the tracker ");
    doc->ops->swatch(doc, DRAW_SPAN);
    doc_textf(doc, "File %zu ", a->number + 1);
    if (a->j->unfixed) {
        doc->ops->swatch(doc, DRAW_UNFIXED);
        doc_text(doc, "no fix ");
    }
    if (a->j->hidden) {
        doc->ops->swatch(doc, DRAW_HIDDEN);
        doc_text(doc, "private mode: hidden ");
    }
    doc_close(doc, DOC_KEY);
}

/* ---- acceleration ---- */

static const char *const axis_name[] = {"X", "Y", "Z"};

/* mG with thin spaces: "−3 120". */
static const char *mg_text(int mg, bool sign, char out[FORMAT_ROOM])
{
    int n = abs(mg);
    const char *lead = mg < 0 ? "\u2212" : sign && mg > 0 ? "+" : "";
    if (n >= 1000)
        snprintf(out, FORMAT_ROOM, "%s%d\u202f%03d", lead, n / 1000, n % 1000);
    else
        snprintf(out, FORMAT_ROOM, "%s%d", lead, n);
    return out;
}

static void draw_axis(const struct plot *p, int axis)
{
    const struct account *a = p->a;
    struct curve c = {.d = p->d};
    char text[FORMAT_ROOM];
    stroke(p->d, DRAW_RULE, PLOT_LEFT, p->top, PLOT_RIGHT, p->top);
    stroke(p->d, DRAW_RULE, PLOT_LEFT, p->bottom, PLOT_RIGHT, p->bottom);
    stroke(p->d, DRAW_RULE, PLOT_LEFT, y_of(p, 0), PLOT_RIGHT, y_of(p, 0));
    draw_scale_word(p, p->high * 0.86, mg_text((int)p->high, true, text));
    draw_scale_word(p, 0, axis_name[axis]);
    draw_scale_word(p, p->low * 0.86, mg_text((int)p->low, true, text));
    p->d->ops->path(p->d, DRAW_CURVE);
    for (size_t i = 0; i < a->j->n_samples; i++) {
        double s = second_of(a, a->sample[i].utc_us);
        if (a->sample[i].apart || !in_plot(p, s))
            curve_lift(&c);
        if (in_plot(p, s))
            curve_to(&c, x_of(p, s), y_of(p, a->sample[i].mg[axis]));
    }
    curve_end(&c);
    p->d->ops->path_end(p->d);
}

static void axes_words(struct doc *d, const struct account *a, const int low[3], const int high[3])
{
    static const char *const axes[] = {
        [REPORT_NOT_TOLD] = "The tracker does not say whether its axes are calibrated, so nobody "
                            "knows which way they point.",
        [REPORT_CALIBRATED] = "The tracker says that its axes are calibrated; which way each of "
                              "them points is not told.",
        [REPORT_NOT_CALIBRATED] =
            "The tracker’s axes are not calibrated: which way they point depends on how it is "
            "mounted, and is not known.",
    };
    char from[FORMAT_ROOM], until[FORMAT_ROOM];
    doc_open(d, DOC_CAPTION);
    for (int i = 0; i < 3; i++)
        doc_textf(d, "%s%s from %s to %s mG", i ? ", " : "", axis_name[i],
                  mg_text(low[i], false, from), mg_text(high[i], false, until));
    doc_text(d, " (thousandths of g, gravity included). ");
    doc_text(d, axes[a->j->axes]);
    doc_close(d, DOC_CAPTION);
}

static void plot_samples(struct doc *doc, const struct account *a)
{
    const struct report_journey *j = a->j;
    int low[3] = {0}, high[3] = {0}, most = 0;
    int64_t event_us;
    const char *whose;
    struct plot p = {.a = a, .from_s = INFINITY, .until_s = -INFINITY};
    if (j->n_samples == 0 && j->unplaced == 0)
        return;
    doc_put(doc, DOC_HEAD_4, "Acceleration (crash trace)");
    for (size_t i = 0; i < j->n_samples; i++) {
        double s = second_of(a, a->sample[i].utc_us);
        if (s < -SPAN_MOST_S || s > SPAN_MOST_S)
            continue;
        p.from_s = fmin(p.from_s, s);
        p.until_s = fmax(p.until_s, s);
        for (int k = 0; k < 3; k++) {
            int v = a->sample[i].mg[k];
            low[k] = most == 0 || v < low[k] ? v : low[k];
            high[k] = most == 0 || v > high[k] ? v : high[k];
        }
        most = 1;
    }
    if (most == 0) {
        doc_put(doc, DOC_PARAGRAPH,
                "There are samples, but not when they were taken: they are not drawn.");
        return;
    }
    for (int k = 0; k < 3; k++) {
        most = abs(low[k]) > most ? abs(low[k]) : most;
        most = abs(high[k]) > most ? abs(high[k]) : most;
    }
    doc_open(doc, DOC_PLACE);
    axes_words(doc, a, low, high);
    p.from_s -= SAMPLES_EDGE;
    p.until_s += SAMPLES_EDGE;
    double step = nice_step(fmax(most, 1000), 4);
    p.high = ceil(fmax(most, 1000) / step - 1e-9) * step;
    p.low = -p.high;
    long bottom = PLOT_TOP + 3 * AXIS_HEIGHT + 2 * AXIS_GAP;
    bool event = event_time(a, &event_us, &whose);
    p.d = doc->ops->drawing(doc, DRAW_PLOT, PLOT_WIDTH, (int)bottom + 52,
                            "Acceleration over time on the axes X, Y and Z, by the tracker; the "
                            "text above gives the lowest and highest values");
    if (p.d) {
        stretch(&p, DRAW_SPAN, 0, second_of(a, j->until_us), PLOT_TOP, bottom - PLOT_TOP);
        double s = second_of(a, event_us), off = REPORT_SAMPLES_US / 1e6;
        if (event)
            stretch(&p, DRAW_BAND, s - off, s + off, PLOT_TOP, bottom - PLOT_TOP);
        draw_times(&p, PLOT_TOP, bottom);
        p.d->ops->text(p.d, DRAW_WORD, DRAW_END, PLOT_LEFT - 12, 30, "mG");
        for (int axis = 0; axis < 3; axis++) {
            p.top = PLOT_TOP + axis * (AXIS_HEIGHT + AXIS_GAP);
            p.bottom = p.top + AXIS_HEIGHT;
            draw_axis(&p, axis);
        }
        draw_triggers(&p, bottom);
        doc->ops->drawing_end(doc, p.d);
    }
    doc_close(doc, DOC_PLACE);
    doc_open(doc, DOC_KEY);
    doc->ops->swatch(doc, DRAW_CURVE);
    doc_text(doc, "X, Y, Z at one scale ");
    doc->ops->swatch(doc, DRAW_SPAN);
    doc_textf(doc, "File %zu ", a->number + 1);
    if (event) {
        doc->ops->swatch(doc, DRAW_BAND);
        doc_text(doc, "± 1 s: the samples’ times");
    }
    doc_close(doc, DOC_KEY);
    doc_open(doc, DOC_SMALL);
    doc_number(doc, (int64_t)j->n_samples);
    doc_text(doc, " samples. Their times are derived from those of their records, and their "
                  "distance from how far these are apart; whether a record’s time is that of its "
                  "first or its last sample is not known: ± 1 s.");
    if (j->unplaced) {
        doc_text(doc, " ");
        doc_number(doc, j->unplaced);
        doc_text(doc, " further samples have no neighbour to derive that from, and are not drawn.");
    }
    doc_close(doc, DOC_SMALL);
}

/* ---- the way ---- */

static void show_way(struct doc *doc, const struct account *a)
{
    const struct report_journey *j = a->j;
    struct map_way way = {a->point, j->n_points, j->from_us, j->until_us, false, 0};
    const char *whose;
    bool any = false;
    for (size_t i = 0; i < j->n_points && !any; i++)
        any = map_way_ok(&a->point[i]);
    doc_put(doc, DOC_HEAD_4, "Route");
    if (!any) {
        doc_put(doc, DOC_PARAGRAPH, "No position is known: no record has a fix.");
        return;
    }
    way.has_event = event_time(a, &way.event_us, &whose);
    doc_open(doc, DOC_PLACE);
    doc_open(doc, DOC_CAPTION);
    doc_textf(
        doc,
        "Positions by the tracker; times are counted from the beginning of File %zu. Straight "
        "lines between records, none where more than 15 s or a missing fix are between them.%s",
        a->number + 1,
        way.has_event ? " A ring with a cross marks the event, where its place is known." : "");
    doc_close(doc, DOC_CAPTION);
    doc_open(doc, DOC_MAPS);
    map_way(doc, &way);
    doc_close(doc, DOC_MAPS);
    doc_close(doc, DOC_PLACE);
    doc_open(doc, DOC_KEY);
    doc->ops->swatch(doc, DRAW_WAY);
    doc_text(doc, "during the recording ");
    doc->ops->swatch(doc, DRAW_WAY_AROUND);
    doc_text(doc, "before and after it ");
    doc_close(doc, DOC_KEY);
}

/* ---- in words ---- */

static void records_fact(struct doc *d, const struct account *a)
{
    const struct report_journey *j = a->j;
    doc_fact(d, "Source");
    doc_text(d, "tracker: its own records, sent on its own link, not by the camera");
    doc_fact_end(d);
    doc_fact(d, "Records");
    doc_number(d, j->records);
    doc_text(d, " around the recording");
    if (j->unfixed) {
        doc_text(d, "; ");
        doc_number(d, j->unfixed);
        doc_text(d, " without a fix: their last known position is not drawn");
    }
    if (j->hidden) {
        doc_text(d, "; ");
        doc_number(d, j->hidden);
        doc_text(d, " in private mode: position and speed are hidden, nothing is drawn there");
    }
    doc_fact_end(d);
}

static void time_text(struct doc *d, const struct account *a, int64_t us)
{
    char text[FORMAT_ROOM];
    struct report_time t = {.known = true,
                            .utc_us = us,
                            .has_zone = a->clip->start.has_zone,
                            .tz_min = a->clip->start.tz_min};
    doc_text(d, format_time(&t, text));
}

static void event_facts(struct doc *d, const struct account *a)
{
    const struct report_journey *j = a->j;
    char text[FORMAT_ROOM];
    if (j->has_event) {
        doc_fact(d, "Record of the event");
        time_text(d, a, j->event_us);
        doc_text_behind(d, "; ", j->event);
        doc_text_behind(d, "; priority ", j->priority);
        doc_fact_end(d);
        const char *camera = a->clip->has_trigger_time ? "of the event" : "of its beginning";
        doc_fact(d, "Difference of the clocks");
        if (j->difference_us == 0)
            doc_textf(d, "none: that is the camera’s time %s, too", camera);
        else
            doc_textf(d, "%s: the tracker’s time of the event is %s than the camera’s %s",
                      format_length(j->difference_us, text),
                      j->difference_us < 0 ? "earlier" : "later", camera);
        doc_text(d, ". It is shown, and nothing is corrected by it");
        doc_fact_end(d);
    }
    if (j->has_crash) {
        doc_fact(d, "Crash");
        doc_text(d, doc_empty(j->crash) ? "the tracker has recorded one" : j->crash);
        doc_text(d, "; record of ");
        time_text(d, a, j->crash_us);
        doc_fact_end(d);
    }
}

/* The last that is known before it happened. */
static void speed_fact(struct doc *d, const struct account *a)
{
    int64_t us;
    const char *whose;
    const struct track_point *last = NULL;
    if (!event_time(a, &us, &whose))
        return;
    for (size_t i = 0; i < a->j->n_points && a->point[i].utc_us < us; i++)
        if (speed_ok(&a->point[i]))
            last = &a->point[i];
    doc_fact(d, a->j->has_crash ? "Impact speed" : "Speed before the event");
    if (last)
        doc_textf(d, "%.0f %s by the last record with a fix, %.1f s before %s", speed_of(a, last),
                  speed_unit(a), ((double)us - (double)last->utc_us) / 1e6, whose);
    else
        doc_text(d, "not known: there is no record with a fix before it");
    doc_fact_end(d);
}

/* ---- for an event ---- */

static int load(struct account *a, struct err *err)
{
    const struct report_journey *j = a->j;
    a->point = j->point;
    a->sample = j->sample;
    if (!j->load)
        return ERR_OK;
    int rc = j->load(j->from, &a->points, &a->samples, err);
    a->point = (const struct track_point *)(const void *)buf_data(&a->points);
    a->sample = (const struct report_sample *)(const void *)buf_data(&a->samples);
    if (rc == ERR_OK && (a->points.used < j->n_points * sizeof *a->point ||
                         a->samples.used < j->n_samples * sizeof *a->sample))
        rc = err_set(err, ERR_IO, "the records of a tracker are cut short");
    return rc;
}

static void show(struct doc *d, const struct account *a)
{
    doc_put(d, DOC_HEAD_3, "What the tracker says");
    doc_open(d, DOC_SINGLE);
    doc_open(d, DOC_FACTS_WIDE);
    records_fact(d, a);
    event_facts(d, a);
    speed_fact(d, a);
    doc_close(d, DOC_FACTS_WIDE);
    doc_open(d, DOC_SMALL);
    doc_textf(d, "In the drawings, 0 s is the beginning of File %zu, by the camera’s clock: ",
              a->number + 1);
    time_text(d, a, a->j->from_us);
    doc_text(d, ". Records are drawn at their times by the tracker’s clock; nothing proves that "
                "the two are equal.");
    doc_close(d, DOC_SMALL);
    plot_speed(d, a);
    plot_samples(d, a);
    show_way(d, a);
    doc_close(d, DOC_SINGLE);
}

/* Beside that of another clip: only what is its own. */
static void show_too(struct doc *d, const struct report *r, const struct account *a)
{
    doc_open(d, DOC_PARAGRAPH);
    clip_link(d, r, a->number);
    doc_text(d, ": what the tracker says of the same time is not drawn again.");
    doc_close(d, DOC_PARAGRAPH);
    if (!a->j->has_event)
        return;
    doc_open(d, DOC_SINGLE);
    doc_open(d, DOC_FACTS_WIDE);
    event_facts(d, a);
    doc_close(d, DOC_FACTS_WIDE);
    doc_close(d, DOC_SINGLE);
}

void journey_show(struct doc *d, const struct report *r, const struct events *e, size_t event)
{
    bool drawn = false;
    for (size_t i = 0; i < r->n_clips && d->rc == 0; i++) {
        struct account a = {.j = &r->clip[i].journey, .clip = &r->clip[i], .number = i};
        if (e->of[i] != event || !a.j->known)
            continue;
        if (drawn) {
            show_too(d, r, &a);
            continue;
        }
        drawn = true;
        buf_init(&a.points, REPORT_JOURNEY_BYTES_MAX);
        buf_init(&a.samples, REPORT_JOURNEY_BYTES_MAX);
        int rc = load(&a, d->err);
        if (rc == ERR_OK)
            show(d, &a);
        else if (d->rc == 0)
            d->rc = rc;
        buf_clear(&a.points);
        buf_clear(&a.samples);
    }
}

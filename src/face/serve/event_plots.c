/* What the tracker said, on the axis of the videos: speed and force; and where it was. */
#include "dashspool/journey.h"
#include "event.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SPEED_HIGH = 62, FORCE_HIGH = 70, TOP = 8, AXES = 3 };
#define AROUND_S 3.0 /* of records beside the axis, so that lines do not end before its edge */
#define KMH      3.6

const char *event_percent(const struct event *e, double s, char out[EVENT_T_ROOM])
{
    double all = e->hi - e->lo;
    snprintf(out, EVENT_T_ROOM, "%.3f%%", all > 0 ? 100 * (s - e->lo) / all : 0);
    return out;
}

/* As thousandths of the axis, of drawings within which nothing has a width. */
static double thousandths(const struct event *e, double s)
{
    return 1000 * (s - e->lo) / (e->hi - e->lo);
}

void event_trigger_line(struct event *e)
{
    char x[EVENT_T_ROOM];
    if (e->zero == EVENT_FIRST_PICTURE || e->lo > 0 || e->hi < 0)
        return;
    event_percent(e, 0, x);
    web_print(e->h, "<line class=\"trig\" x1=\"%s\" x2=\"%s\"", x, x);
    web_put(e->h, " y1=\"0\" y2=\"100%\"/>");
}

void event_grid(struct event *e)
{
    char x[EVENT_T_ROOM];
    double length = e->hi - e->lo, step = length <= 12 ? 1 : length <= 60 ? 5 : 60;
    for (double k = ceil(e->lo / step); k * step <= e->hi; k++) {
        event_percent(e, k * step, x);
        web_print(e->h, "<line class=\"grid\" x1=\"%s\" x2=\"%s\"", x, x);
        web_put(e->h, " y1=\"0\" y2=\"100%\"/>");
    }
}

/* ---- speed ---- */

static bool tells_speed(const struct track_point *p)
{
    return p->valid && isfinite(p->speed_ms);
}

/* Nothing is said between points that are further apart. */
static bool goes_on(const struct track_point *a, const struct track_point *b)
{
    return a->segment == b->segment && b->utc_us - a->utc_us <= TRACK_TRACKER_GAP_US;
}

static double speed_top(const struct event *e)
{
    double top = 0;
    for (size_t i = 0; e->track && i < e->track->n; i++) {
        const struct track_point *p = &e->track->point[i];
        double t = event_seconds(e, p->utc_us);
        if (tells_speed(p) && t >= e->lo - AROUND_S && t <= e->hi + AROUND_S)
            top = fmax(top, p->speed_ms * KMH);
    }
    return top;
}

static bool has_speed(const struct event *e)
{
    for (size_t i = 0; e->track && i < e->track->n; i++) {
        double t = event_seconds(e, e->track->point[i].utc_us);
        if (tells_speed(&e->track->point[i]) && t >= e->lo && t <= e->hi)
            return true;
    }
    return false;
}

static double round_up(double v)
{
    static const double steps[] = {20, 40, 60, 80, 100, 120, 160, 200, 300};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (v <= steps[i])
            return steps[i];
    return v;
}

static void put_speed(struct event *e)
{
    struct web_page *h = e->h;
    double top = round_up(speed_top(e));
    char x[EVENT_T_ROOM], text[48];
    const struct track_point *before = NULL;
    web_print(h, "<span class=\"lab\">%s<b data-speed></b></span>\n", web_tr(h, "Speed"));
    web_print(h, "<svg class=\"plot\" role=\"img\" aria-label=\"%s\">",
              web_tr(h, "Speed, as the tracker told it; the list of its records has the numbers"));
    event_grid(e);
    snprintf(text, sizeof text, "%.0f km/h", top);
    web_put(h,
            "<line class=\"zero\" x1=\"0\" x2=\"100%\" y1=\"70\" y2=\"70\"/><line class=\"grid\" "
            "x1=\"0\" x2=\"100%\" y1=\"8\" y2=\"8\"/><text x=\"100%\" dx=\"-3\" y=\"19\" "
            "text-anchor=\"end\">");
    web_text(h, text);
    web_put(h, "</text><svg class=\"inner\" viewBox=\"0 0 1000 62\" y=\"8\" height=\"62\" "
               "width=\"100%\" preserveAspectRatio=\"none\">");
    bool open = false;
    for (size_t i = 0; i < e->track->n; i++) {
        const struct track_point *p = &e->track->point[i];
        double t = event_seconds(e, p->utc_us);
        if (t < e->lo - AROUND_S || t > e->hi + AROUND_S || !tells_speed(p)) {
            before = NULL;
            continue;
        }
        bool on = before && goes_on(before, p);
        if (!on)
            web_put(h, open ? "\"/><polyline class=\"s1\" points=\""
                            : "<polyline class=\"s1\" points=\"");
        open = true;
        snprintf(text, sizeof text, "%s%.1f,%.1f", on ? " " : "", thousandths(e, t),
                 SPEED_HIGH * (1 - p->speed_ms * KMH / top));
        web_put(h, text);
        before = p;
    }
    web_put(h, open ? "\"/></svg>" : "</svg>");
    for (size_t i = 0; i < e->track->n; i++) {
        const struct track_point *p = &e->track->point[i];
        double t = event_seconds(e, p->utc_us);
        if (t < e->lo || t > e->hi || !tells_speed(p))
            continue;
        snprintf(text, sizeof text, "%.1f", TOP + SPEED_HIGH * (1 - p->speed_ms * KMH / top));
        web_print(h, "<circle cx=\"%s\" cy=\"%s\" r=\"2.5\"/>", event_percent(e, t, x), text);
    }
    event_trigger_line(e);
    web_put(h, "</svg>\n");
}

/* ---- force ---- */

static const struct journey_sample *samples_of(const struct event *e, size_t *n)
{
    *n = e->samples.used / sizeof(struct journey_sample);
    return (const struct journey_sample *)(const void *)buf_data(&e->samples);
}

static bool is_on_axis(const struct event *e, const struct journey_sample *s)
{
    double t = event_seconds(e, s->utc_us);
    return s->placed && t >= e->lo - AROUND_S && t <= e->hi + AROUND_S;
}

/* The greatest force that is shown, in g; 0: there is none. */
static double force_top(const struct event *e)
{
    size_t n;
    const struct journey_sample *s = samples_of(e, &n);
    int top = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < AXES && is_on_axis(e, &s[i]); k++) {
            int mg = s[i].mg[k] < 0 ? -s[i].mg[k] : s[i].mg[k];
            top = mg > top ? mg : top;
        }
    return top / 1000.0;
}

static void put_axis(struct event *e, int axis, double top)
{
    size_t n;
    const struct journey_sample *s = samples_of(e, &n);
    char text[64];
    bool open = false, on = false;
    for (size_t i = 0; i < n; i++) {
        if (!is_on_axis(e, &s[i])) {
            on = false;
            continue;
        }
        on = on && !s[i].apart;
        if (!on) {
            snprintf(text, sizeof text, "%s<polyline class=\"s%d\" points=\"", open ? "\"/>" : "",
                     axis + 1);
            web_put(e->h, text);
        }
        open = true;
        snprintf(text, sizeof text, "%s%.1f,%.1f", on ? " " : "",
                 thousandths(e, event_seconds(e, s[i].utc_us)),
                 FORCE_HIGH / 2.0 * (1 - s[i].mg[axis] / 1000.0 / top));
        web_put(e->h, text);
        on = true;
    }
    web_put(e->h, open ? "\"/>" : "");
}

static void put_force(struct event *e)
{
    struct web_page *h = e->h;
    double top = force_top(e);
    char text[32];
    top = top < 1 ? 1 : ceil(top);
    web_print(h, "<span class=\"lab\">%s<b data-g></b></span>\n", web_tr(h, "Force"));
    web_print(h, "<svg class=\"plot\" role=\"img\" aria-label=\"%s\">",
              web_tr(h, "Acceleration on the tracker’s axes X, Y and Z; its times are ± 1 s"));
    event_grid(e);
    snprintf(text, sizeof text, "%.0f g", top);
    web_put(h, "<line class=\"zero\" x1=\"0\" x2=\"100%\" y1=\"43\" y2=\"43\"/><text x=\"100%\" "
               "dx=\"-3\" y=\"18\" text-anchor=\"end\">+");
    web_text(h, text);
    web_put(h, "</text><text x=\"100%\" dx=\"-3\" y=\"76\" text-anchor=\"end\">−");
    web_text(h, text);
    web_put(h, "</text><svg class=\"inner\" viewBox=\"0 0 1000 70\" y=\"8\" height=\"70\" "
               "width=\"100%\" preserveAspectRatio=\"none\">");
    for (int axis = 0; axis < AXES; axis++)
        put_axis(e, axis, top);
    web_put(h, "</svg><text class=\"k1\" x=\"4\" y=\"14\">X</text><text class=\"k2\" x=\"18\" "
               "y=\"14\">Y</text><text class=\"k3\" x=\"32\" y=\"14\">Z</text>");
    web_print(h, "<text x=\"50\" y=\"14\">%s</text>", web_tr(h, "times ± 1 s"));
    event_trigger_line(e);
    web_put(h, "</svg>\n");
}

void event_plots(struct event *e)
{
    if (e->hi <= e->lo || !e->has_zero)
        return;
    if (has_speed(e))
        put_speed(e);
    if (force_top(e) > 0)
        put_force(e);
}

/* ---- for player.js ---- */

void event_island_journey(struct event *e)
{
    struct web_page *h = e->h;
    size_t n;
    const struct journey_sample *s = samples_of(e, &n);
    char text[128];
    bool begun = false;
    if (!e->has_zero)
        return;
    web_put(h, ",\"places\":[");
    for (size_t i = 0; e->track && i < e->track->n; i++) {
        const struct track_point *p = &e->track->point[i];
        double t = event_seconds(e, p->utc_us);
        bool told = p->valid && isfinite(p->lat_deg) && isfinite(p->lon_deg);
        if (!told || t < e->lo - EVENT_AROUND_S || t > e->hi + EVENT_AROUND_S)
            continue;
        snprintf(text, sizeof text, "%s[%.3f,%.7f,%.7f,%.1f,%.0f]", begun ? "," : "", t, p->lat_deg,
                 p->lon_deg, isfinite(p->speed_ms) ? p->speed_ms * KMH : -1,
                 isfinite(p->course_deg) ? p->course_deg : -1);
        web_put(h, text);
        begun = true;
    }
    web_put(h, "],\"force\":[");
    begun = false;
    for (size_t i = 0; i < n; i++) {
        if (!is_on_axis(e, &s[i]))
            continue;
        snprintf(text, sizeof text, "%s[%.3f,%d,%d,%d]", begun ? "," : "",
                 event_seconds(e, s[i].utc_us), s[i].mg[0], s[i].mg[1], s[i].mg[2]);
        web_put(h, text);
        begun = true;
    }
    snprintf(text, sizeof text, "],\"gap_s\":%lld", (long long)(TRACK_TRACKER_GAP_US / 1000000));
    web_put(h, text);
}

/* Where it was: the track as the tracker told it, or the one place that the camera knows. Drawn
 * here, to scale, and asks nobody. */
#include "dashspool/atlas.h"
#include "event.h"
#include <math.h>
#include <stdio.h>

#define WIDTH     320.0
#define HEIGHT    190.0
#define MARGIN    26.0
#define LEAST_M   80.0 /* a vehicle that stands has a map, too */
#define PER_DEG_M 111200.0

enum { DOTS_MAX = 60 };

struct plan {
    double lat, lon;      /* its middle */
    double per_m, narrow; /* units; how much shorter a degree of longitude is */
};

static void spot(const struct plan *p, double lat, double lon, double *x, double *y)
{
    double east = lon - p->lon;
    east = east > 180 ? east - 360 : east < -180 ? east + 360 : east;
    *x = WIDTH / 2 + east * PER_DEG_M * p->narrow * p->per_m;
    *y = HEIGHT / 2 - (lat - p->lat) * PER_DEG_M * p->per_m;
}

static bool is_shown(const struct event *e, const struct track_point *p)
{
    double t = event_seconds(e, p->utc_us);
    return p->valid && isfinite(p->lat_deg) && isfinite(p->lon_deg) &&
           t >= e->lo - EVENT_AROUND_S && t <= e->hi + EVENT_AROUND_S;
}

/* So that all of the track, and the place itself, is on it. */
static struct plan plan_of(const struct event *e, double lat, double lon)
{
    struct plan p = {.lat = lat, .lon = lon, .narrow = fmax(0.1, cos(lat * acos(-1) / 180))};
    double south = 0, north = 0, west = 0, east = 0; /* m from the place */
    for (size_t i = 0; e->track && i < e->track->n; i++) {
        const struct track_point *at = &e->track->point[i];
        if (!is_shown(e, at))
            continue;
        double y = (at->lat_deg - lat) * PER_DEG_M, x = at->lon_deg - lon;
        x = (x > 180 ? x - 360 : x < -180 ? x + 360 : x) * PER_DEG_M * p.narrow;
        south = fmin(south, y);
        north = fmax(north, y);
        west = fmin(west, x);
        east = fmax(east, x);
    }
    p.lat += (south + north) / 2 / PER_DEG_M;
    p.lon += (west + east) / 2 / PER_DEG_M / p.narrow;
    p.per_m = fmin((WIDTH - 2 * MARGIN) / fmax(east - west, LEAST_M),
                   (HEIGHT - 2 * MARGIN) / fmax(north - south, LEAST_M));
    return p;
}

/* 1, 2 or 5 of a power of ten, about as long as that. */
static double round_m(double m)
{
    double ten = pow(10, floor(log10(m)));
    return m / ten >= 5 ? 5 * ten : m / ten >= 2 ? 2 * ten : ten;
}

static void put_cells(struct web_page *h, const struct plan *p)
{
    char text[96];
    double step = round_m(70 / p->per_m) * p->per_m;
    web_put(h, "<path class=\"cell\" d=\"");
    for (double x = fmod(WIDTH / 2, step); x < WIDTH; x += step) {
        snprintf(text, sizeof text, "M%.1f 0V190", x);
        web_put(h, text);
    }
    for (double y = fmod(HEIGHT / 2, step); y < HEIGHT; y += step) {
        snprintf(text, sizeof text, "M0 %.1fH320", y);
        web_put(h, text);
    }
    web_put(h, "\"/>\n");
}

static void put_track(struct event *e, const struct plan *p)
{
    struct web_page *h = e->h;
    const struct track_point *before = NULL;
    char text[64];
    double x, y;
    size_t n = 0;
    web_put(h, "<path class=\"track\" d=\"");
    for (size_t i = 0; i < e->track->n; i++) {
        const struct track_point *at = &e->track->point[i];
        if (!is_shown(e, at)) {
            before = NULL;
            continue;
        }
        bool on = before && before->segment == at->segment &&
                  at->utc_us - before->utc_us <= TRACK_TRACKER_GAP_US;
        spot(p, at->lat_deg, at->lon_deg, &x, &y);
        snprintf(text, sizeof text, "%c%.1f %.1f", on ? 'L' : 'M', x, y);
        web_put(h, text);
        before = at;
        n++;
    }
    web_put(h, "\"/>\n<g class=\"pt\">");
    for (size_t i = 0, k = 0, each = 1 + n / DOTS_MAX; i < e->track->n; i++) {
        if (!is_shown(e, &e->track->point[i]) || k++ % each != 0)
            continue;
        spot(p, e->track->point[i].lat_deg, e->track->point[i].lon_deg, &x, &y);
        snprintf(text, sizeof text, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", x, y);
        web_put(h, text);
    }
    web_put(h, "</g>\n");
}

static void put_scale_bar(struct web_page *h, const struct plan *p)
{
    char text[160];
    double m = round_m(75 / p->per_m), wide = m * p->per_m;
    snprintf(text, sizeof text,
             "<path class=\"scalebar\" d=\"M12 172v5h%.1fv-5\"/><text x=\"%.1f\" y=\"178\">", wide,
             18 + wide);
    web_put(h, text);
    if (m < 1000)
        snprintf(text, sizeof text, "%.0f m", m);
    else
        snprintf(text, sizeof text, "%.0f km", m / 1000);
    web_put(h, text);
    web_put(h, "</text><text x=\"300\" y=\"20\" text-anchor=\"middle\">N</text><path "
               "class=\"scalebar\" d=\"M300 38V25M296 29l4-5 4 5\"/>\n");
}

/* ---- the region, where there is a place and no track ---- */

#define REGION_DEG   5.0 /* from top to bottom */
#define NAME_HALF    12  /* half a letter of a name, about */
#define REGION_UNITS 4   /* of the atlas, for one of the drawing */

static void region_begin(void *arg, enum atlas_part part)
{
    struct web_page *h = arg;
    web_put(h, part == ATLAS_LAND     ? "<path class=\"ground\" d=\""
               : part == ATLAS_BORDER ? "<path class=\"border\" d=\""
                                      : "<path class=\"coast\" d=\"");
}

static void region_spot(struct web_page *h, char how, long x, long y)
{
    char text[64];
    snprintf(text, sizeof text, "%c%ld %ld", how, x, y);
    web_put(h, text);
}

static void region_move(void *arg, long x, long y)
{
    region_spot(arg, 'M', x, y);
}

static void region_line(void *arg, long x, long y)
{
    region_spot(arg, 'L', x, y);
}

static void region_shut(void *arg)
{
    web_put(arg, "Z");
}

static void region_end(void *arg)
{
    web_put(arg, "\"/>\n");
}

static void region_name(void *arg, const char *name, size_t bytes, struct atlas_spot at)
{
    struct web_page *h = arg;
    char text[64], place[96];
    double half = (double)bytes * NAME_HALF, wide = WIDTH * REGION_UNITS;
    snprintf(text, sizeof text, "%.*s", (int)bytes, name);
    at.x = fmax(half, fmin(at.x, wide - half));
    snprintf(place, sizeof place,
             "<text class=\"name\" text-anchor=\"middle\" x=\"%.0f\" y=\"%.0f\">", at.x, at.y);
    web_put(h, place);
    web_print(h, "%s</text>\n", text);
}

static int put_region(struct event *e, double lat, double lon, struct err *err)
{
    struct web_page *h = e->h;
    const struct atlas *atlas = map_atlas(e->serve);
    struct atlas_view view =
        atlas_about(lat, lon, REGION_DEG, (int)WIDTH * REGION_UNITS, (int)HEIGHT * REGION_UNITS);
    const struct atlas_pen pen = {region_begin, region_move, region_line,
                                  region_shut,  region_end,  h};
    struct atlas_names *names = NULL;
    view.least = REGION_UNITS;
    int rc = atlas_names_new(&names, atlas, err);
    if (rc < 0)
        return rc;
    web_put(h, "<g class=\"region\" transform=\"scale(0.25)\">\n");
    rc = atlas_draw_land(atlas, &view, &pen, names, err);
    if (rc == ERR_OK) {
        atlas_draw_lines(atlas, &view, ATLAS_BORDER, &pen);
        atlas_draw_lines(atlas, &view, ATLAS_COAST, &pen);
        atlas_each_name(atlas, names, region_name, h);
    }
    web_put(h, "</g>\n");
    atlas_names_free(&names);
    return rc;
}

/* ---- all of it ---- */

/* For player.js, that moves the marker: how a place becomes a spot. */
static int put_drawing(struct event *e, const struct plan *p, double lat, double lon,
                       struct err *err)
{
    int rc = ERR_OK;
    struct web_page *h = e->h;
    char text[160];
    double x, y;
    snprintf(text, sizeof text,
             "data-lat=\"%.7f\" data-lon=\"%.7f\" data-y=\"%.6f\" data-x=\"%.6f\"", p->lat, p->lon,
             PER_DEG_M * p->per_m, PER_DEG_M * p->per_m * p->narrow);
    web_put(h, "<svg viewBox=\"0 0 320 190\" role=\"img\" ");
    web_put(h, text);
    web_put(h, " aria-label=\"");
    snprintf(text, sizeof text, "%.5f, %.5f", lat, lon);
    if (e->track)
        web_sayf(h, "Track of the vehicle; at the trigger it was at %s", text);
    else
        web_sayf(h, "The place of the event: %s", text);
    web_put(h, "\">\n");
    if (e->track) {
        put_cells(h, p);
        put_track(e, p);
    } else {
        rc = put_region(e, lat, lon, err);
    }
    spot(p, lat, lon, &x, &y);
    snprintf(text, sizeof text, "<path class=\"hit\" transform=\"translate(%.1f %.1f)\" ", x, y);
    web_put(h, text);
    web_put(h, "d=\"M0 -10l2.6 6.4 6.9.5-5.3 4.5 1.7 6.7L0 4.4l-5.9 3.7 1.7-6.7-5.3-4.5 "
               "6.9-.5z\"/>\n");
    if (e->track) {
        snprintf(
            text, sizeof text,
            "<g data-me transform=\"translate(%.1f %.1f)\" class=\"js-only\"><path class=\"me\" "
            "d=\"M0 -10 L7 8 L0 4.5 L-7 8 Z\"/></g>\n",
            x, y);
        web_put(h, text);
    }
    put_scale_bar(h, p);
    web_put(h, "</svg>\n");
    return rc;
}

/* For map.js: what can be moved takes the place of the drawing, where there are streets to see. */
static void put_islands(struct event *e, double lat, double lon)
{
    struct web_page *h = e->h;
    const struct track_point *before = NULL;
    char text[96];
    bool begun = false;
    snprintf(text, sizeof text, "[[%.7f,%.7f,", lat, lon);
    web_put(h, "<script type=\"application/json\" id=\"place\">");
    web_put(h, text);
    web_put(h, "\"#\",");
    web_json(h, words_trigger(h, e->review.trigger));
    web_put(h, ",\"\"]]</script>\n<script type=\"application/json\" id=\"way\">[");
    for (size_t i = 0; e->track && i < e->track->n; i++) {
        const struct track_point *at = &e->track->point[i];
        if (!is_shown(e, at)) {
            before = NULL;
            continue;
        }
        bool on = before && before->segment == at->segment &&
                  at->utc_us - before->utc_us <= TRACK_TRACKER_GAP_US;
        snprintf(text, sizeof text, "%s[%.3f,%.7f,%.7f]",
                 !begun ? ""
                 : on   ? ","
                        : ",null,",
                 event_seconds(e, at->utc_us), at->lat_deg, at->lon_deg);
        web_put(h, text);
        before = at;
        begun = true;
    }
    web_put(h, "]</script>\n");
}

int event_map(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    bool streets = cfg_text(e->serve->cfg, "ui", "tiles")[0];
    double lat, lon;
    char text[64];
    if (!event_has_place(e, &lat, &lon))
        return ERR_OK;
    struct plan p = plan_of(e, lat, lon);
    if (!e->track) /* of the region */
        p.per_m = HEIGHT / (REGION_DEG * PER_DEG_M);
    web_print(h,
              "<section class=\"panel map\" aria-labelledby=\"m\">\n<h2 class=\"hidden\" "
              "id=\"m\">%s</h2>\n",
              web_tr(h, "Map"));
    if (streets) {
        put_islands(e, lat, lon);
        map_begin(e->serve, h, "place", e->track ? "way" : NULL);
    }
    int rc = put_drawing(e, &p, lat, lon, err);
    if (streets)
        map_end(e->serve, h);
    web_put(h, "<p><span class=\"num\">");
    snprintf(text, sizeof text, "%.5f° %s, %.5f° %s", fabs(lat), lat < 0 ? "S" : "N", fabs(lon),
             lon < 0 ? "W" : "E");
    web_text(h, text);
    web_put(h, "</span> <span class=\"num\" data-course></span><a class=\"noprint\" "
               "href=\"/map?imei=");
    web_url(h, e->review.vehicle.imei);
    web_print(h, "\">%s</a>", web_tr(h, "Open the map"));
    web_put(h, "</p>\n</section>\n");
    if (streets)
        frame_script(h, "map.js");
    return rc;
}

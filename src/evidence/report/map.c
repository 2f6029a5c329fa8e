/*
 * Where a place is, drawn without asking anybody.
 *
 * An equirectangular projection about the place: east-west is shrunk by the cosine of its latitude,
 * so that near it a kilometre is as long in all directions. Everything is clipped to the view.
 */
#include "format.h"
#include "page.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define KM_PER_DEGREE 111.2 /* of latitude */

/* A map that is being drawn. */
struct map {
    struct draw *d;
    const struct atlas *w;
    struct atlas_view v;
};

/* ---- the atlas, with the inks of a report ---- */

static void pen_begin(void *arg, enum atlas_part part)
{
    struct draw *d = arg;
    d->ops->path(d, part == ATLAS_LAND     ? DRAW_LAND
                    : part == ATLAS_BORDER ? DRAW_BORDER
                                           : DRAW_COAST);
}

static void pen_move(void *arg, long x, long y)
{
    struct draw *d = arg;
    d->ops->move(d, x, y);
}

static void pen_line(void *arg, long x, long y)
{
    struct draw *d = arg;
    d->ops->line(d, x, y);
}

static void pen_shut(void *arg)
{
    struct draw *d = arg;
    d->ops->shut(d);
}

static void pen_end(void *arg)
{
    struct draw *d = arg;
    d->ops->path_end(d);
}

static struct atlas_pen pen_of(const struct map *m)
{
    return (struct atlas_pen){pen_begin, pen_move, pen_line, pen_shut, pen_end, m->d};
}

static void draw_land(struct doc *doc, const struct map *m, struct atlas_names *names)
{
    struct atlas_pen pen = pen_of(m);
    int rc = atlas_draw_land(m->w, &m->v, &pen, names, doc->err);
    if (rc < 0 && doc->rc == 0)
        doc->rc = rc;
}

static void draw_lines(const struct map *m, enum atlas_part part)
{
    struct atlas_pen pen = pen_of(m);
    atlas_draw_lines(m->w, &m->v, part, &pen);
}

static void stroke(struct draw *d, enum draw_ink ink, long x, long y, long to_x, long to_y)
{
    d->ops->path(d, ink);
    d->ops->move(d, x, y);
    d->ops->line(d, to_x, to_y);
    d->ops->path_end(d);
}

static void grid_word(struct draw *d, long x, long y, int deg, char side)
{
    char text[32];
    snprintf(text, sizeof text, "%d°\u00a0%c", deg, side);
    d->ops->text(d, DRAW_GRID_WORD, DRAW_START, x, y, text);
}

static void draw_grid(const struct map *m, int step)
{
    const struct atlas_view *v = &m->v;
    double half_lat = v->height / 2.0 / v->y_per_deg, half_lon = v->width / 2.0 / v->x_per_deg;
    for (int lat = (int)ceil((v->lat_deg - half_lat) / step) * step; lat < v->lat_deg + half_lat;
         lat += step) {
        long y = lround(atlas_project(v, 0, lat).y);
        stroke(m->d, DRAW_GRID, 0, y, v->width, y);
        if (y > 200 && y < v->height - 150)
            grid_word(m->d, 40, y - 25, abs(lat), lat < 0 ? 'S' : 'N');
    }
    while (half_lon / step > 6)
        step *= 2;
    for (int lon = (int)ceil((v->lon_deg - half_lon) / step) * step; lon < v->lon_deg + half_lon;
         lon += step) {
        long x = lround(atlas_project(v, lon, 0).x);
        int east = lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon;
        stroke(m->d, DRAW_GRID, x, 0, x, v->height);
        if (x < v->width - 1000)
            grid_word(m->d, x + 30, v->height - 40, abs(east), east < 0 ? 'W' : 'E');
    }
}

static void draw_scale(const struct map *m, double km)
{
    struct draw *d = m->d;
    char text[32];
    long length = lround(km / KM_PER_DEGREE * m->v.y_per_deg);
    long right = m->v.width - 120, y = m->v.height - 130;
    d->ops->path(d, DRAW_SCALE);
    d->ops->move(d, right - length, y - 50);
    d->ops->line(d, right - length, y);
    d->ops->line(d, right, y);
    d->ops->line(d, right, y - 50);
    d->ops->path_end(d);
    snprintf(text, sizeof text, km < 1 ? "%.0f m" : "%.0f km", km < 1 ? km * 1000 : km);
    d->ops->text(d, DRAW_SCALE_WORD, DRAW_END, right, y - 80, text);
}

static void draw_cross(struct draw *d, long x, long y)
{
    static const int way[][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    d->ops->path(d, DRAW_MARK);
    for (size_t i = 0; i < 4; i++) {
        d->ops->move(d, x + 3 * 60 * way[i][0], y + 3 * 60 * way[i][1]);
        d->ops->line(d, x + 60 * way[i][0], y + 60 * way[i][1]);
    }
    d->ops->path_end(d);
    d->ops->circle(d, DRAW_MARK, x, y, 60);
}

static void draw_name(void *arg, const char *text, size_t bytes, struct atlas_spot at)
{
    const struct map *m = arg;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)bytes, text);
    double half = (double)bytes * 55; /* about */
    at.x = fmax(half, fmin(at.x, m->v.width - half));
    m->d->ops->text(m->d, DRAW_NAME, DRAW_MIDDLE, lround(at.x), lround(at.y) + 50, name);
}

static void draw_near(struct doc *doc, const struct atlas *w, const struct atlas_view *v)
{
    struct map m = {.w = w, .v = *v};
    struct atlas_names *names = NULL;
    int rc = atlas_names_new(&names, w, doc->err);
    if (rc < 0 && doc->rc == 0)
        doc->rc = rc;
    if (doc->rc == 0)
        m.d = doc->ops->drawing(doc, DRAW_NEAR, v->width, v->height,
                                "Map of the region; the location is marked in the centre");
    if (m.d) {
        m.d->ops->rect(m.d, DRAW_SEA, 0, 0, v->width, v->height);
        draw_land(doc, &m, names);
        draw_lines(&m, ATLAS_BORDER);
        draw_lines(&m, ATLAS_COAST);
        draw_grid(&m, 2);
        atlas_each_name(w, names, draw_name, &m);
        draw_scale(&m, 100);
        draw_cross(m.d, m.v.width / 2, m.v.height / 2);
        doc->ops->drawing_end(doc, m.d);
    }
    atlas_names_free(&names);
}

#define NEAR_DEG                    7 /* from top to bottom */
#define FAR_DEG                     50
#define HEIGHT                      3000

/* Units of a drawing, 8 of which are a dot of a screen and 0.16 mm of paper. */
#define COARSE_DEG(units, span_deg) ((units) * (double)(span_deg) / HEIGHT)

int maps_load(struct maps *out, struct err *err)
{
    *out = (struct maps){NULL, NULL};
    int rc = atlas_load(&out->near, COARSE_DEG(8, NEAR_DEG), err);
    return rc < 0 ? rc : atlas_load(&out->far, COARSE_DEG(12, FAR_DEG), err);
}

void maps_free(struct maps *maps)
{
    atlas_free(&maps->near);
    atlas_free(&maps->far);
}

void map_pair(struct doc *doc, const struct maps *maps, double lat, double lon)
{
    struct atlas_view near = atlas_about(lat, lon, NEAR_DEG, 4800, HEIGHT);
    struct atlas_view far = atlas_about(lat, lon, FAR_DEG, 2400, HEIGHT);
    draw_near(doc, maps->near, &near);
    if (doc->rc == 0) {
        /* window: the view of the other map, which is shown in this one. */
        const struct atlas_view *v = &far;
        struct map m = {.w = maps->far, .v = *v};
        m.d = doc->ops->drawing(doc, DRAW_FAR, v->width, v->height, "Overview map");
        if (m.d) {
            m.d->ops->rect(m.d, DRAW_SEA, 0, 0, v->width, v->height);
            draw_land(doc, &m, NULL);
            draw_lines(&m, ATLAS_COAST);
            draw_lines(&m, ATLAS_BORDER);
            long half_x = lround(near.width / 2.0 / near.x_per_deg * v->x_per_deg);
            long half_y = lround(near.height / 2.0 / near.y_per_deg * v->y_per_deg);
            m.d->ops->rect(m.d, DRAW_WINDOW, v->width / 2 - half_x, v->height / 2 - half_y,
                           2 * half_x, 2 * half_y);
            doc->ops->drawing_end(doc, m.d);
        }
    }
}

/* ---- the way of a vehicle ----
 *
 * So close that the outlines of countries, which may be off by a kilometre, would only mislead. */

#define WAY_WIDTH 4800
#define WAY_LEAST_DEG                                                          \
    0.0008 /* from top to bottom, some 90 m: one that stands still has a scale \
            */
#define WAY_MARGIN 1.35
#define WAY_POINTS 4000 /* more are not drawn */
#define WAY_DOT    36
#define WAY_DOTS   300
#define WAY_APART  (4 * WAY_DOT) /* records nearer to the last dot have none */

bool map_way_ok(const struct track_point *p)
{
    return p->valid && p->lat_deg >= -90 && p->lat_deg <= 90 && p->lon_deg >= -180 &&
           p->lon_deg <= 180;
}

/* A way that is being drawn: of each `step` points one, which is not ok if any of them is not. */
struct way {
    struct map m;
    const struct map_way *of;
    size_t step;
    double lon; /* the others are those nearest to it, also across 180 degrees */
};

static double lon_near(double lon, double to)
{
    return lon + 360 * round((to - lon) / 360);
}

static bool way_ok(const struct way *w, size_t i)
{
    for (size_t k = i; k < i + w->step && k < w->of->n; k++)
        if (!map_way_ok(&w->of->point[k]))
            return false;
    return true;
}

/* Between points a and b, and at them. */
static struct atlas_spot way_spot(const struct way *w, size_t a, size_t b, int64_t utc_us)
{
    const struct track_point *p = &w->of->point[a], *q = &w->of->point[b];
    double lon = lon_near(p->lon_deg, w->lon), to = lon_near(q->lon_deg, lon);
    double t =
        q->utc_us > p->utc_us ? (double)(utc_us - p->utc_us) / (double)(q->utc_us - p->utc_us) : 0;
    return atlas_project(&w->m.v, lon + t * (to - lon), p->lat_deg + t * (q->lat_deg - p->lat_deg));
}

static bool way_joined(const struct way *w, size_t a, size_t b)
{
    const struct track_point *p = w->of->point;
    return b < w->of->n && way_ok(w, a) && way_ok(w, b) && p[b].utc_us >= p[a].utc_us &&
           format_between(p[a].utc_us, p[b].utc_us) <= TRACK_TRACKER_GAP_US;
}

static int64_t within(int64_t us, int64_t from_us, int64_t until_us)
{
    return us < from_us ? from_us : us > until_us ? until_us : us;
}

/* A path that is drawn as it goes, in whole units, without steps too short to be seen. */
struct pen {
    const struct map *m;
    long x, y;
    bool down;
};

static void pen_to(struct pen *p, struct atlas_spot s, bool last)
{
    long x = lround(s.x), y = lround(s.y);
    struct draw *d = p->m->d;
    if (!p->down)
        d->ops->move(d, x, y);
    else if (!last && fabs(s.x - (double)p->x) + fabs(s.y - (double)p->y) < p->m->v.least)
        return;
    else
        d->ops->line(d, x, y);
    p->x = x;
    p->y = y;
    p->down = true;
}

/* The part of the way that is of these times. */
static void draw_part(const struct way *w, enum draw_ink ink, int64_t from_us, int64_t until_us)
{
    struct pen pen = {.m = &w->m};
    struct draw *d = w->m.d;
    d->ops->path(d, ink);
    for (size_t i = 0; i + w->step < w->of->n; i += w->step) {
        size_t next = i + w->step;
        int64_t a = w->of->point[i].utc_us, b = w->of->point[next].utc_us;
        if (!way_joined(w, i, next) || b <= from_us || a >= until_us) {
            pen.down = false;
            continue;
        }
        if (!pen.down)
            pen_to(&pen, way_spot(w, i, next, within(from_us, a, b)), true);
        pen_to(&pen, way_spot(w, i, next, within(until_us, a, b)), false);
    }
    d->ops->path_end(d);
}

static void draw_end(const struct way *w, size_t i, enum draw_anchor anchor)
{
    char text[32];
    struct atlas_spot s = way_spot(w, i, i, w->of->point[i].utc_us);
    double after_s = ((double)w->of->point[i].utc_us - (double)w->of->from_us) / 1e6;
    snprintf(text, sizeof text, "%s%.0f s", after_s < 0 ? "\u2212" : "+", fabs(after_s));
    w->m.d->ops->text(w->m.d, DRAW_SCALE_WORD, anchor,
                      lround(s.x) + (anchor == DRAW_END ? -220 : 220), lround(s.y) + 35, text);
}

static void draw_north(struct draw *d)
{
    d->ops->path(d, DRAW_SCALE);
    d->ops->move(d, 160, 420);
    d->ops->line(d, 160, 170);
    d->ops->move(d, 110, 250);
    d->ops->line(d, 160, 170);
    d->ops->line(d, 210, 250);
    d->ops->path_end(d);
    d->ops->text(d, DRAW_SCALE_WORD, DRAW_MIDDLE, 160, 130, "N");
}

/* The longest of 1, 2, 5, 10 … m that is no more than a quarter of the width. */
static double scale_km(const struct atlas_view *v)
{
    double most = v->width / 4.0 / v->y_per_deg * KM_PER_DEGREE, km = 0.001;
    static const double up[] = {2, 2.5, 2};
    for (size_t i = 0; km * up[i % 3] <= most; i++)
        km *= up[i % 3];
    return km;
}

static void draw_way(struct way *w, size_t first, size_t last)
{
    struct draw *d = w->m.d;
    const struct map_way *of = w->of;
    d->ops->rect(d, DRAW_LAND, 0, 0, w->m.v.width, w->m.v.height);
    draw_part(w, DRAW_WAY_AROUND, INT64_MIN, of->from_us);
    draw_part(w, DRAW_WAY_AROUND, of->until_us, INT64_MAX);
    draw_part(w, DRAW_WAY, of->from_us, of->until_us);
    struct atlas_spot dot = {-1e9, -1e9};
    int dots = 0;
    for (size_t i = first; i <= last && dots < WAY_DOTS; i += w->step) {
        struct atlas_spot s = way_spot(w, i, i, of->point[i].utc_us);
        if (!map_way_ok(&of->point[i]) || hypot(s.x - dot.x, s.y - dot.y) < WAY_APART)
            continue;
        dot = s;
        dots++;
        d->ops->circle(d, DRAW_DOT, lround(s.x), lround(s.y), WAY_DOT);
    }
    for (size_t i = 0; of->has_event && i + w->step < of->n; i += w->step)
        if (of->event_us >= of->point[i].utc_us && of->event_us <= of->point[i + w->step].utc_us &&
            way_joined(w, i, i + w->step)) {
            struct atlas_spot s = way_spot(w, i, i + w->step, of->event_us);
            draw_cross(d, lround(s.x), lround(s.y));
            break;
        }
    draw_end(w, first, DRAW_END);
    if (last > first)
        draw_end(w, last, DRAW_START);
    draw_north(d);
    draw_scale(&w->m, scale_km(&w->m.v));
}

void map_way(struct doc *doc, const struct map_way *of)
{
    struct way w = {.of = of, .step = (of->n + WAY_POINTS - 1) / WAY_POINTS};
    double west = 0, east = 0, south = 0, north = 0;
    size_t first = of->n, last = 0;
    for (size_t i = 0; i < of->n; i++) {
        const struct track_point *p = &of->point[i];
        if (!map_way_ok(p))
            continue;
        if (first == of->n) {
            first = i;
            w.lon = west = east = p->lon_deg;
            south = north = p->lat_deg;
        }
        last = i;
        double lon = lon_near(p->lon_deg, w.lon);
        west = fmin(west, lon);
        east = fmax(east, lon);
        south = fmin(south, p->lat_deg);
        north = fmax(north, p->lat_deg);
    }
    if (first == of->n)
        return;
    /* All of it in sight, whether it is long or wide. */
    double lat = (south + north) / 2, lon = (west + east) / 2;
    struct atlas_view one = atlas_about(lat, lon, 1, WAY_WIDTH, HEIGHT);
    double span = fmax(north - south, (east - west) * one.x_per_deg / WAY_WIDTH) * WAY_MARGIN;
    w.m.v = atlas_about(lat, lon, fmax(span, WAY_LEAST_DEG), WAY_WIDTH, HEIGHT);
    if (doc->rc == 0)
        w.m.d = doc->ops->drawing(doc, DRAW_ROUTE, WAY_WIDTH, HEIGHT,
                                  "Map of the way of the vehicle, by its tracker’s records");
    if (!w.m.d)
        return;
    draw_way(&w, first, last);
    doc->ops->drawing_end(doc, w.m.d);
}

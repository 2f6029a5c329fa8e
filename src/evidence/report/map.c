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

/* ---- the view ---- */

struct view {
    double lat, lon; /* its middle */
    double x_per_deg, y_per_deg;
    int width, height;
    double least; /* steps shorter than this are not drawn */
};

struct spot {
    double x, y;
};

/* A ring of a country, projected and clipped. */
struct shape {
    struct spot *spot;
    size_t n, room;
};

static struct view map_view(double lat, double lon, double span_deg, int width, int height)
{
    double narrow = cos(lat * 3.14159265358979323846 / 180);
    struct view v = {.lat = lat, .lon = lon, .width = width, .height = height, .least = 4};
    v.y_per_deg = height / span_deg;
    v.x_per_deg = v.y_per_deg * (narrow < 0.1 ? 0.1 : narrow);
    return v;
}

static struct spot map_project(const struct view *v, double lon, double lat)
{
    return (struct spot){v->width / 2.0 + (lon - v->lon) * v->x_per_deg,
                         v->height / 2.0 - (lat - v->lat) * v->y_per_deg};
}

/* On which sides of the view a spot is outside: bits for left, right, top, bottom. */
static unsigned map_outside(const struct view *v, struct spot s)
{
    return (s.x < 0 ? 1U : 0) | (s.x > v->width ? 2U : 0) | (s.y < 0 ? 4U : 0) |
           (s.y > v->height ? 8U : 0);
}

/* Whether anything of a box, with the world turned by `turn` degrees, can be in sight. */
static bool map_in_sight(const struct view *v, const struct basemap_box *box, double turn)
{
    struct spot a = map_project(v, box->west + turn, box->north);
    struct spot b = map_project(v, box->east + turn, box->south);
    return !(map_outside(v, a) & map_outside(v, b));
}

/* The same of a ring and what is within it. */
static bool map_ring_in_sight(const struct view *v, const struct basemap *w,
                              const struct basemap_ring *ring, double turn)
{
    struct basemap_box all = {999, -999, 999, -999};
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        const struct basemap_box *b = &w->arc[ref < 0 ? ~ref : ref].box;
        all.west = fminf(all.west, b->west);
        all.east = fmaxf(all.east, b->east);
        all.south = fminf(all.south, b->south);
        all.north = fmaxf(all.north, b->north);
    }
    bool round = all.east - all.west > 300; /* it crosses 180 degrees, or goes round a pole */
    return round || map_in_sight(v, &all, turn);
}

static void shape_add(struct shape *s, struct spot at)
{
    if (s->n < s->room)
        s->spot[s->n++] = at;
}

/* Sutherland and Hodgman: the part of `in` that is not beyond one side of the view. */
static void clip_side(const struct view *v, unsigned side, const struct shape *in,
                      struct shape *out)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        struct spot a = in->spot[i], b = in->spot[(i + 1) % in->n];
        bool a_out = map_outside(v, a) & side, b_out = map_outside(v, b) & side;
        if (!a_out)
            shape_add(out, a);
        if (a_out == b_out)
            continue;
        double edge = side == 1 || side == 4 ? 0 : side == 2 ? v->width : v->height;
        double t = side <= 2 ? (edge - a.x) / (b.x - a.x) : (edge - a.y) / (b.y - a.y);
        struct spot cut = {a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
        shape_add(out, side <= 2 ? (struct spot){edge, cut.y} : (struct spot){cut.x, edge});
    }
}

/* A ring with the world turned by `turn` degrees. One that crosses 180 degrees goes on beyond; one
 * that goes round a pole is led along it. */
static void map_project_ring(const struct view *v, const struct basemap *w,
                             const struct basemap_ring *ring, double turn, struct shape *out)
{
    double before = 0, first = 0, lat = 0;
    out->n = 0;
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        const struct basemap_arc *arc = &w->arc[ref < 0 ? ~ref : ref];
        for (size_t k = 0; k + 1 < arc->n; k++) {
            const struct basemap_point *at = &w->point[arc->first + (ref < 0 ? arc->n - 1 - k : k)];
            double lon = at->lon;
            while (out->n && lon - before > 180)
                lon -= 360;
            while (out->n && lon - before < -180)
                lon += 360;
            first = out->n ? first : lon;
            shape_add(out, map_project(v, lon + turn, at->lat));
            before = lon;
            lat = at->lat;
        }
    }
    if (fabs(before - first) > 180) {
        shape_add(out, map_project(v, before + turn, lat < 0 ? -90 : 90));
        shape_add(out, map_project(v, first + turn, lat < 0 ? -90 : 90));
    }
}

/* Leaves in a what is in sight of it; b is room to work in. */
static void map_clip(const struct view *v, struct shape *a, struct shape *b)
{
    unsigned all = 15;
    for (size_t i = 0; i < a->n; i++)
        all &= map_outside(v, a->spot[i]);
    if (all)
        a->n = 0;
    for (unsigned side = 1; side <= 8 && a->n; side *= 2) {
        clip_side(v, side, a, b);
        struct shape swap = *a;
        *a = *b;
        *b = swap;
    }
}

/* ---- names ---- */

/* Where a name goes: the spot of a grid that is deepest inside and away from the mark. Without one,
 * an island has its name below its largest part, and a country around the mark below the mark: a
 * name never stands in another country, but for the one where the mark is. */
struct label {
    struct spot at;
    double depth;
    struct spot below;
    double largest;
};

/* Squared. */
static double distance_to_edge(struct spot p, struct spot a, struct spot b)
{
    double dx = b.x - a.x, dy = b.y - a.y, len2 = dx * dx + dy * dy;
    double t = len2 > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / len2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double x = p.x - a.x - t * dx, y = p.y - a.y - t * dy;
    return x * x + y * y;
}

/* How far inside a shape a spot is; 0 or less: outside, or less than `at_least`, which is all that
 * needs to be known of most. A name is wide: across counts a third. */
static double depth(const struct shape *s, struct spot p, double at_least)
{
    bool in = false;
    double least = 1e18, enough = at_least * at_least;
    struct spot flat = {p.x / 3, p.y};
    for (size_t i = 0, k = s->n - 1; i < s->n; k = i++) {
        struct spot a = s->spot[i], b = s->spot[k];
        if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
            in = !in;
        double d = distance_to_edge(flat, (struct spot){a.x / 3, a.y}, (struct spot){b.x / 3, b.y});
        least = d < least ? d : least;
        if (least < enough)
            return 0;
    }
    return in ? sqrt(least) : 0;
}

static void look_below(const struct view *v, const struct shape *s, bool island, struct label *best)
{
    struct spot least = s->spot[0], most = s->spot[0], mark = {v->width / 2.0, v->height / 2.0};
    for (size_t i = 1; i < s->n; i++) {
        least.x = fmin(least.x, s->spot[i].x);
        least.y = fmin(least.y, s->spot[i].y);
        most.x = fmax(most.x, s->spot[i].x);
        most.y = fmax(most.y, s->spot[i].y);
    }
    double size = most.x - least.x + most.y - least.y, clear = v->height / 9.0;
    bool whole = least.x > 0 && least.y > 0 && most.x < v->width && most.y < v->height;
    struct spot at = {(least.x + most.x) / 2, most.y + v->height / 30.0};
    if (depth(s, mark, 0) > 0) {
        at = (struct spot){mark.x, mark.y + clear};
        size = 1e9;
    } else if (!island || !whole || size < v->height / 60.0)
        return;
    if (fabs(at.x - mark.x) < 4 * clear && fabs(at.y - mark.y) < clear)
        at.y = mark.y + clear;
    if (size > best->largest) {
        best->largest = size;
        best->below = at;
    }
}

/* Nothing found yet. */
static struct label map_label(const struct view *v)
{
    return (struct label){.depth = v->height / 50.0};
}

/* Looks at a part of the country, as far as it is in sight (s->n >= 3). */
static void map_label_look(const struct view *v, const struct shape *s, bool island,
                           struct label *best)
{
    for (int gy = 1; gy < 18; gy++)
        for (int gx = 3; gx < 28; gx++) {
            struct spot p = {v->width * gx / 30.0, v->height * gy / 20.0};
            double mark = hypot((p.x - v->width / 2.0) / 3, p.y - v->height / 2.0);
            double d = mark > best->depth ? depth(s, p, best->depth) : 0;
            d = mark < d ? mark : d;
            if (d > best->depth) {
                best->at = p;
                best->depth = d;
            }
        }
    look_below(v, s, island, best);
}

/* ---- drawings ---- */

/* A map that is being drawn. */
struct map {
    struct draw *d;
    const struct basemap *w;
    struct view v;
};

/* A path that is drawn as it goes, in whole units, without steps too short to be seen. */
struct pen {
    const struct map *m;
    long x, y;
    bool down;
};

static void pen_to(struct pen *p, struct spot s, bool last)
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

/* One arc, as far as it is in sight, with the world turned by `turn` degrees. */
static void draw_arc(struct pen *p, const struct basemap_arc *arc, double turn)
{
    const struct view *v = &p->m->v;
    p->down = false;
    for (size_t i = 0; i + 1 < arc->n; i++) {
        const struct basemap_point *at = p->m->w->point + arc->first + i;
        struct spot a = map_project(v, at[0].lon + turn, at[0].lat);
        struct spot b = map_project(v, at[1].lon + turn, at[1].lat);
        bool jump = fabs((double)at[1].lon - at[0].lon) > 180; /* from 180 to -180 degrees */
        if (jump || (map_outside(v, a) & map_outside(v, b))) {
            p->down = false;
            continue;
        }
        if (!p->down)
            pen_to(p, a, false);
        pen_to(p, b, i + 2 == arc->n);
    }
}

static void draw_lines(const struct map *m, enum basemap_line kind)
{
    struct pen p = {.m = m};
    m->d->ops->path(m->d, kind == WORLD_BORDER ? DRAW_BORDER : DRAW_COAST);
    for (size_t i = 0; i < m->w->n_arcs; i++)
        for (int turn = -360; turn <= 360; turn += 360)
            if (m->w->arc[i].kind == kind && map_in_sight(&m->v, &m->w->arc[i].box, turn))
                draw_arc(&p, &m->w->arc[i], turn);
    m->d->ops->path_end(m->d);
}

static void fill_ring(const struct map *m, const struct shape *s)
{
    struct pen p = {.m = m};
    for (size_t i = 0; i < s->n; i++)
        pen_to(&p, s->spot[i], false);
    m->d->ops->shut(m->d);
}

static bool is_island(const struct basemap *w, const struct basemap_ring *ring)
{
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        if (w->arc[ref < 0 ? ~ref : ref].kind == WORLD_BORDER)
            return false;
    }
    return true;
}

/* label: NULL where none is wanted. */
static void draw_country(const struct map *m, const struct basemap_country *c, struct label *label,
                         struct shape *a, struct shape *b)
{
    bool begun = false;
    for (size_t i = 0; i < c->n; i++)
        for (int turn = -360; turn <= 360; turn += 360) {
            const struct basemap_ring *ring = &m->w->ring[c->first + i];
            if (!map_ring_in_sight(&m->v, m->w, ring, turn))
                continue;
            map_project_ring(&m->v, m->w, ring, turn, a);
            map_clip(&m->v, a, b);
            if (a->n < 3)
                continue;
            if (!begun)
                m->d->ops->path(m->d, DRAW_LAND);
            begun = true;
            fill_ring(m, a);
            if (label)
                map_label_look(&m->v, a, is_island(m->w, ring), label);
        }
    if (begun)
        m->d->ops->path_end(m->d);
}

/* label: one a country, or NULL. */
static void draw_land(struct doc *doc, const struct map *m, struct label *label)
{
    size_t room = m->w->n_points + 16; /* no ring has more, nor what clipping adds at the corners */
    struct shape a = {malloc(room * 2 * sizeof *a.spot), 0, room * 2};
    struct shape b = {malloc(room * 2 * sizeof *b.spot), 0, room * 2};
    if (a.spot && b.spot)
        for (size_t i = 0; i < m->w->n_countries; i++) {
            if (label)
                label[i] = map_label(&m->v);
            draw_country(m, &m->w->country[i], label ? &label[i] : NULL, &a, &b);
        }
    else if (doc->rc == 0)
        doc->rc = err_nomem(doc->err, "a map");
    free(a.spot);
    free(b.spot);
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
    const struct view *v = &m->v;
    double half_lat = v->height / 2.0 / v->y_per_deg, half_lon = v->width / 2.0 / v->x_per_deg;
    for (int lat = (int)ceil((v->lat - half_lat) / step) * step; lat < v->lat + half_lat;
         lat += step) {
        long y = lround(map_project(v, 0, lat).y);
        stroke(m->d, DRAW_GRID, 0, y, v->width, y);
        if (y > 200 && y < v->height - 150)
            grid_word(m->d, 40, y - 25, abs(lat), lat < 0 ? 'S' : 'N');
    }
    while (half_lon / step > 6)
        step *= 2;
    for (int lon = (int)ceil((v->lon - half_lon) / step) * step; lon < v->lon + half_lon;
         lon += step) {
        long x = lround(map_project(v, lon, 0).x);
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

static void draw_near(struct doc *doc, const struct basemap *w, const struct view *v)
{
    struct map m = {.w = w, .v = *v};
    struct label *label = calloc(w->n_countries, sizeof *label);
    if (!label && doc->rc == 0)
        doc->rc = err_nomem(doc->err, "a map");
    if (doc->rc == 0)
        m.d = doc->ops->drawing(doc, DRAW_NEAR, v->width, v->height,
                                "Map of the region; the location is marked in the centre");
    if (m.d) {
        m.d->ops->rect(m.d, DRAW_SEA, 0, 0, v->width, v->height);
        draw_land(doc, &m, label);
        draw_lines(&m, WORLD_BORDER);
        draw_lines(&m, WORLD_COAST);
        draw_grid(&m, 2);
        for (size_t i = 0; i < m.w->n_countries; i++) {
            /* Where the name's middle is; none: there is no room for it. */
            struct spot at = label[i].at.x > 0 ? label[i].at : label[i].below;
            if (!(at.x > 0))
                continue;
            const struct basemap_country *c = &m.w->country[i];
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)c->name_bytes, c->name);
            double half = (double)c->name_bytes * 55; /* about */
            at.x = fmax(half, fmin(at.x, m.v.width - half));
            m.d->ops->text(m.d, DRAW_NAME, DRAW_MIDDLE, lround(at.x), lround(at.y) + 50, name);
        }
        draw_scale(&m, 100);
        draw_cross(m.d, m.v.width / 2, m.v.height / 2);
        doc->ops->drawing_end(doc, m.d);
    }
    free(label);
}

#define NEAR_DEG                    7 /* from top to bottom */
#define FAR_DEG                     50
#define HEIGHT                      3000

/* Units of a drawing, 8 of which are a dot of a screen and 0.16 mm of paper. */
#define COARSE_DEG(units, span_deg) ((units) * (double)(span_deg) / HEIGHT)

int maps_load(struct maps *out, struct err *err)
{
    *out = (struct maps){NULL, NULL};
    int rc = basemap_load(&out->near, COARSE_DEG(8, NEAR_DEG), err);
    return rc < 0 ? rc : basemap_load(&out->far, COARSE_DEG(12, FAR_DEG), err);
}

void maps_free(struct maps *maps)
{
    basemap_free(&maps->near);
    basemap_free(&maps->far);
}

void map_pair(struct doc *doc, const struct maps *maps, double lat, double lon)
{
    struct view near = map_view(lat, lon, NEAR_DEG, 4800, HEIGHT);
    struct view far = map_view(lat, lon, FAR_DEG, 2400, HEIGHT);
    draw_near(doc, maps->near, &near);
    if (doc->rc == 0) {
        /* window: the view of the other map, which is shown in this one. */
        const struct view *v = &far;
        struct map m = {.w = maps->far, .v = *v};
        m.d = doc->ops->drawing(doc, DRAW_FAR, v->width, v->height, "Overview map");
        if (m.d) {
            m.d->ops->rect(m.d, DRAW_SEA, 0, 0, v->width, v->height);
            draw_land(doc, &m, NULL);
            draw_lines(&m, WORLD_COAST);
            draw_lines(&m, WORLD_BORDER);
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
static struct spot way_spot(const struct way *w, size_t a, size_t b, int64_t utc_us)
{
    const struct track_point *p = &w->of->point[a], *q = &w->of->point[b];
    double lon = lon_near(p->lon_deg, w->lon), to = lon_near(q->lon_deg, lon);
    double t =
        q->utc_us > p->utc_us ? (double)(utc_us - p->utc_us) / (double)(q->utc_us - p->utc_us) : 0;
    return map_project(&w->m.v, lon + t * (to - lon), p->lat_deg + t * (q->lat_deg - p->lat_deg));
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
    struct spot s = way_spot(w, i, i, w->of->point[i].utc_us);
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
static double scale_km(const struct view *v)
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
    struct spot dot = {-1e9, -1e9};
    int dots = 0;
    for (size_t i = first; i <= last && dots < WAY_DOTS; i += w->step) {
        struct spot s = way_spot(w, i, i, of->point[i].utc_us);
        if (!map_way_ok(&of->point[i]) || hypot(s.x - dot.x, s.y - dot.y) < WAY_APART)
            continue;
        dot = s;
        dots++;
        d->ops->circle(d, DRAW_DOT, lround(s.x), lround(s.y), WAY_DOT);
    }
    for (size_t i = 0; of->has_event && i + w->step < of->n; i += w->step)
        if (of->event_us >= of->point[i].utc_us && of->event_us <= of->point[i + w->step].utc_us &&
            way_joined(w, i, i + w->step)) {
            struct spot s = way_spot(w, i, i + w->step, of->event_us);
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
    struct view one = map_view(lat, lon, 1, WAY_WIDTH, HEIGHT);
    double span = fmax(north - south, (east - west) * one.x_per_deg / WAY_WIDTH) * WAY_MARGIN;
    w.m.v = map_view(lat, lon, fmax(span, WAY_LEAST_DEG), WAY_WIDTH, HEIGHT);
    if (doc->rc == 0)
        w.m.d = doc->ops->drawing(doc, DRAW_ROUTE, WAY_WIDTH, HEIGHT,
                                  "Map of the way of the vehicle, by its tracker’s records");
    if (!w.m.d)
        return;
    draw_way(&w, first, last);
    doc->ops->drawing_end(doc, w.m.d);
}

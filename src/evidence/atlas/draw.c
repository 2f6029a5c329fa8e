/*
 * Clipped to the view, and drawn.
 */
#include "outlines.h"
#include <math.h>
#include <stdlib.h>

#define PI 3.14159265358979323846

/* ---- the view ---- */

/* A ring of a country, projected and clipped. */
struct shape {
    struct atlas_spot *spot;
    size_t n, room;
};

struct atlas_view atlas_about(double lat_deg, double lon_deg, double span_deg, int width,
                              int height)
{
    double narrow = cos(lat_deg * PI / 180);
    struct atlas_view v = {
        .lat_deg = lat_deg, .lon_deg = lon_deg, .width = width, .height = height, .least = 4};
    v.y_per_deg = height / span_deg;
    v.x_per_deg = v.y_per_deg * (narrow < 0.1 ? 0.1 : narrow);
    return v;
}

/* Degrees of latitude, as far apart as Web Mercator has them (EPSG:3857; the poles would be without
 * end). */
static double mercator(double lat_deg)
{
    double lat = fmax(-89.5, fmin(89.5, lat_deg)) * PI / 180;
    return log(tan(PI / 4 + lat / 2)) * 180 / PI;
}

struct atlas_spot atlas_project(const struct atlas_view *v, double lon_deg, double lat_deg)
{
    double north = v->mercator ? mercator(lat_deg) - mercator(v->lat_deg) : lat_deg - v->lat_deg;
    return (struct atlas_spot){v->width / 2.0 + (lon_deg - v->lon_deg) * v->x_per_deg,
                               v->height / 2.0 - north * v->y_per_deg};
}

/* On which sides of the view a spot is outside: bits for left, right, top, bottom. */
static unsigned outside(const struct atlas_view *v, struct atlas_spot s)
{
    return (s.x < 0 ? 1U : 0) | (s.x > v->width ? 2U : 0) | (s.y < 0 ? 4U : 0) |
           (s.y > v->height ? 8U : 0);
}

/* Whether anything of a box, with the world turned by `turn` degrees, can be in sight. */
static bool in_sight(const struct atlas_view *v, const struct outline_box *box, double turn)
{
    struct atlas_spot a = atlas_project(v, box->west + turn, box->north);
    struct atlas_spot b = atlas_project(v, box->east + turn, box->south);
    return !(outside(v, a) & outside(v, b));
}

/* The same of a ring and what is within it. */
static bool ring_in_sight(const struct atlas_view *v, const struct atlas *w,
                          const struct outline_ring *ring, double turn)
{
    struct outline_box all = {999, -999, 999, -999};
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        const struct outline_box *b = &w->arc[ref < 0 ? ~ref : ref].box;
        all.west = fminf(all.west, b->west);
        all.east = fmaxf(all.east, b->east);
        all.south = fminf(all.south, b->south);
        all.north = fmaxf(all.north, b->north);
    }
    bool round = all.east - all.west > 300; /* it crosses 180 degrees, or goes round a pole */
    return round || in_sight(v, &all, turn);
}

static void shape_add(struct shape *s, struct atlas_spot at)
{
    if (s->n < s->room)
        s->spot[s->n++] = at;
}

/* Sutherland and Hodgman: the part of `in` that is not beyond one side of the view. */
static void clip_side(const struct atlas_view *v, unsigned side, const struct shape *in,
                      struct shape *out)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        struct atlas_spot a = in->spot[i], b = in->spot[(i + 1) % in->n];
        bool a_out = outside(v, a) & side, b_out = outside(v, b) & side;
        if (!a_out)
            shape_add(out, a);
        if (a_out == b_out)
            continue;
        double edge = side == 1 || side == 4 ? 0 : side == 2 ? v->width : v->height;
        double t = side <= 2 ? (edge - a.x) / (b.x - a.x) : (edge - a.y) / (b.y - a.y);
        struct atlas_spot cut = {a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
        shape_add(out,
                  side <= 2 ? (struct atlas_spot){edge, cut.y} : (struct atlas_spot){cut.x, edge});
    }
}

/* A ring with the world turned by `turn` degrees. One that crosses 180 degrees goes on beyond; one
 * that goes round a pole is led along it. */
static void project_ring(const struct atlas_view *v, const struct atlas *w,
                         const struct outline_ring *ring, double turn, struct shape *out)
{
    double before = 0, first = 0, lat = 0;
    out->n = 0;
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        const struct outline_arc *arc = &w->arc[ref < 0 ? ~ref : ref];
        for (size_t k = 0; k + 1 < arc->n; k++) {
            const struct outline_point *at = &w->point[arc->first + (ref < 0 ? arc->n - 1 - k : k)];
            double lon = at->lon;
            while (out->n && lon - before > 180)
                lon -= 360;
            while (out->n && lon - before < -180)
                lon += 360;
            first = out->n ? first : lon;
            shape_add(out, atlas_project(v, lon + turn, at->lat));
            before = lon;
            lat = at->lat;
        }
    }
    if (fabs(before - first) > 180) {
        shape_add(out, atlas_project(v, before + turn, lat < 0 ? -90 : 90));
        shape_add(out, atlas_project(v, first + turn, lat < 0 ? -90 : 90));
    }
}

/* Leaves in a what is in sight of it; b is room to work in. */
static void clip(const struct atlas_view *v, struct shape *a, struct shape *b)
{
    unsigned all = 15;
    for (size_t i = 0; i < a->n; i++)
        all &= outside(v, a->spot[i]);
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
    struct atlas_spot at;
    double depth;
    struct atlas_spot below;
    double largest;
};

/* Squared. */
static double distance_to_edge(struct atlas_spot p, struct atlas_spot a, struct atlas_spot b)
{
    double dx = b.x - a.x, dy = b.y - a.y, len2 = dx * dx + dy * dy;
    double t = len2 > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / len2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double x = p.x - a.x - t * dx, y = p.y - a.y - t * dy;
    return x * x + y * y;
}

/* How far inside a shape a spot is; 0 or less: outside, or less than `at_least`, which is all that
 * needs to be known of most. A name is wide: across counts a third. */
static double depth(const struct shape *s, struct atlas_spot p, double at_least)
{
    bool in = false;
    double least = 1e18, enough = at_least * at_least;
    struct atlas_spot flat = {p.x / 3, p.y};
    for (size_t i = 0, k = s->n - 1; i < s->n; k = i++) {
        struct atlas_spot a = s->spot[i], b = s->spot[k];
        if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
            in = !in;
        double d = distance_to_edge(flat, (struct atlas_spot){a.x / 3, a.y},
                                    (struct atlas_spot){b.x / 3, b.y});
        least = d < least ? d : least;
        if (least < enough)
            return 0;
    }
    return in ? sqrt(least) : 0;
}

static void look_below(const struct atlas_view *v, const struct shape *s, bool island,
                       struct label *best)
{
    struct atlas_spot least = s->spot[0], most = s->spot[0],
                      mark = {v->width / 2.0, v->height / 2.0};
    for (size_t i = 1; i < s->n; i++) {
        least.x = fmin(least.x, s->spot[i].x);
        least.y = fmin(least.y, s->spot[i].y);
        most.x = fmax(most.x, s->spot[i].x);
        most.y = fmax(most.y, s->spot[i].y);
    }
    double size = most.x - least.x + most.y - least.y, clear = v->height / 9.0;
    bool whole = least.x > 0 && least.y > 0 && most.x < v->width && most.y < v->height;
    struct atlas_spot at = {(least.x + most.x) / 2, most.y + v->height / 30.0};
    if (depth(s, mark, 0) > 0) {
        at = (struct atlas_spot){mark.x, mark.y + clear};
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
static struct label label_none(const struct atlas_view *v)
{
    return (struct label){.depth = v->height / 50.0};
}

/* Looks at a part of the country, as far as it is in sight (s->n >= 3). */
static void label_look(const struct atlas_view *v, const struct shape *s, bool island,
                       struct label *best)
{
    for (int gy = 1; gy < 18; gy++)
        for (int gx = 3; gx < 28; gx++) {
            struct atlas_spot p = {v->width * gx / 30.0, v->height * gy / 20.0};
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

struct atlas_names {
    size_t n;
    struct label label[];
};

int atlas_names_new(struct atlas_names **out, const struct atlas *a, struct err *err)
{
    *out = calloc(1, sizeof **out + a->n_countries * sizeof *(*out)->label);
    if (!*out)
        return err_nomem(err, "a map");
    (*out)->n = a->n_countries;
    return ERR_OK;
}

void atlas_names_free(struct atlas_names **names)
{
    free(*names);
    *names = NULL;
}

void atlas_each_name(const struct atlas *a, const struct atlas_names *names, atlas_name_fn *fn,
                     void *arg)
{
    for (size_t i = 0; i < names->n; i++) {
        /* Where the name's middle is; none: there is no room for it. */
        struct atlas_spot at =
            names->label[i].at.x > 0 ? names->label[i].at : names->label[i].below;
        if (at.x > 0)
            fn(arg, a->country[i].name, a->country[i].name_bytes, at);
    }
}

/* ---- drawings ---- */

/* A path that is drawn as it goes, in whole units, without steps too short to be seen. */
struct path {
    const struct atlas *a;
    const struct atlas_view *v;
    const struct atlas_pen *pen;
    long x, y;
    bool down;
};

static void path_to(struct path *p, struct atlas_spot s, bool last)
{
    long x = lround(s.x), y = lround(s.y);
    if (!p->down)
        p->pen->move(p->pen->arg, x, y);
    else if (!last && fabs(s.x - (double)p->x) + fabs(s.y - (double)p->y) < p->v->least)
        return;
    else
        p->pen->line(p->pen->arg, x, y);
    p->x = x;
    p->y = y;
    p->down = true;
}

/* One arc, as far as it is in sight, with the world turned by `turn` degrees. */
static void draw_arc(struct path *p, const struct outline_arc *arc, double turn)
{
    const struct atlas_view *v = p->v;
    p->down = false;
    for (size_t i = 0; i + 1 < arc->n; i++) {
        const struct outline_point *at = p->a->point + arc->first + i;
        struct atlas_spot a = atlas_project(v, at[0].lon + turn, at[0].lat);
        struct atlas_spot b = atlas_project(v, at[1].lon + turn, at[1].lat);
        bool jump = fabs((double)at[1].lon - at[0].lon) > 180; /* from 180 to -180 degrees */
        if (jump || (outside(v, a) & outside(v, b))) {
            p->down = false;
            continue;
        }
        if (!p->down)
            path_to(p, a, false);
        path_to(p, b, i + 2 == arc->n);
    }
}

void atlas_draw_lines(const struct atlas *a, const struct atlas_view *v, enum atlas_part part,
                      const struct atlas_pen *pen)
{
    enum outline_line kind = part == ATLAS_BORDER ? WORLD_BORDER : WORLD_COAST;
    struct path p = {.a = a, .v = v, .pen = pen};
    pen->begin(pen->arg, part);
    for (size_t i = 0; i < a->n_arcs; i++)
        for (int turn = -360; turn <= 360; turn += 360)
            if (a->arc[i].kind == kind && in_sight(v, &a->arc[i].box, turn))
                draw_arc(&p, &a->arc[i], turn);
    pen->end(pen->arg);
}

static bool is_island(const struct atlas *w, const struct outline_ring *ring)
{
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        if (w->arc[ref < 0 ? ~ref : ref].kind == WORLD_BORDER)
            return false;
    }
    return true;
}

/* label: NULL where none is wanted. */
static void draw_country(struct path *p, const struct outline_country *c, struct label *label,
                         struct shape *a, struct shape *b)
{
    bool begun = false;
    for (size_t i = 0; i < c->n; i++)
        for (int turn = -360; turn <= 360; turn += 360) {
            const struct outline_ring *ring = &p->a->ring[c->first + i];
            if (!ring_in_sight(p->v, p->a, ring, turn))
                continue;
            project_ring(p->v, p->a, ring, turn, a);
            clip(p->v, a, b);
            if (a->n < 3)
                continue;
            if (!begun)
                p->pen->begin(p->pen->arg, ATLAS_LAND);
            begun = true;
            p->down = false;
            for (size_t k = 0; k < a->n; k++)
                path_to(p, a->spot[k], false);
            p->pen->shut(p->pen->arg);
            if (label)
                label_look(p->v, a, is_island(p->a, ring), label);
        }
    if (begun)
        p->pen->end(p->pen->arg);
}

int atlas_draw_land(const struct atlas *a, const struct atlas_view *v, const struct atlas_pen *pen,
                    struct atlas_names *names, struct err *err)
{
    struct path p = {.a = a, .v = v, .pen = pen};
    size_t room = a->n_points + 16; /* no ring has more, nor what clipping adds at the corners */
    struct shape in = {malloc(room * 2 * sizeof *in.spot), 0, room * 2};
    struct shape work = {malloc(room * 2 * sizeof *work.spot), 0, room * 2};
    int rc = in.spot && work.spot ? ERR_OK : err_nomem(err, "a map");
    for (size_t i = 0; rc == ERR_OK && i < a->n_countries; i++) {
        if (names)
            names->label[i] = label_none(v);
        draw_country(&p, &a->country[i], names ? &names->label[i] : NULL, &in, &work);
    }
    free(in.spot);
    free(work.spot);
    return rc;
}

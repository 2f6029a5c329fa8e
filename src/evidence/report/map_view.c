#include "map_view.h"
#include <math.h>

struct view map_view(double lat, double lon, double span_deg, int width, int height)
{
    double narrow = cos(lat * 3.14159265358979323846 / 180);
    struct view v = {.lat = lat, .lon = lon, .width = width, .height = height, .least = 4};
    v.y_per_deg = height / span_deg;
    v.x_per_deg = v.y_per_deg * (narrow < 0.1 ? 0.1 : narrow);
    return v;
}

struct spot map_project(const struct view *v, double lon, double lat)
{
    return (struct spot){v->width / 2.0 + (lon - v->lon) * v->x_per_deg,
                         v->height / 2.0 - (lat - v->lat) * v->y_per_deg};
}

unsigned map_outside(const struct view *v, struct spot s)
{
    return (s.x < 0 ? 1U : 0) | (s.x > v->width ? 2U : 0) | (s.y < 0 ? 4U : 0) |
           (s.y > v->height ? 8U : 0);
}

bool map_in_sight(const struct view *v, const struct basemap_box *box, double turn)
{
    struct spot a = map_project(v, box->west + turn, box->north);
    struct spot b = map_project(v, box->east + turn, box->south);
    return !(map_outside(v, a) & map_outside(v, b));
}

bool map_ring_in_sight(const struct view *v, const struct basemap *w,
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

void map_project_ring(const struct view *v, const struct basemap *w,
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

void map_clip(const struct view *v, struct shape *a, struct shape *b)
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

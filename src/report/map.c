/*
 * An equirectangular projection about the place: east-west is shrunk by the cosine of its latitude,
 * so that near it a kilometre is as long in all directions. Everything is clipped to the view.
 */
#include "map.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define KM_PER_DEGREE 111.2 /* of latitude */

struct view {
    double lat, lon; /* its middle */
    double x_per_deg, y_per_deg;
    int width, height;
    double least; /* steps shorter than this are not drawn */
};

struct spot {
    double x, y;
};

static struct view view_of(double lat, double lon, double span_deg, int width, int height)
{
    double narrow = cos(lat * 3.14159265358979323846 / 180);
    struct view v = {.lat = lat, .lon = lon, .width = width, .height = height, .least = 4};
    v.y_per_deg = height / span_deg;
    v.x_per_deg = v.y_per_deg * (narrow < 0.1 ? 0.1 : narrow);
    return v;
}

static struct spot project(const struct view *v, double lon, double lat)
{
    return (struct spot){v->width / 2.0 + (lon - v->lon) * v->x_per_deg,
                         v->height / 2.0 - (lat - v->lat) * v->y_per_deg};
}

/* On which sides of the view a spot is outside. */
static unsigned outside(const struct view *v, struct spot s)
{
    return (s.x < 0 ? 1U : 0) | (s.x > v->width ? 2U : 0) | (s.y < 0 ? 4U : 0) |
           (s.y > v->height ? 8U : 0);
}

/* A path that is written as it goes, in whole units, each step from the one before. */
struct pen {
    struct html *h;
    const struct view *v;
    long x, y;
    bool down;
};

static void pen_to(struct pen *p, struct spot s, bool last)
{
    long x = lround(s.x), y = lround(s.y);
    if (!p->down)
        html_rawf(p->h, "M%ld %ldl", x, y);
    else if (!last && fabs(s.x - (double)p->x) + fabs(s.y - (double)p->y) < p->v->least)
        return;
    else
        html_rawf(p->h, "%ld %ld ", x - p->x, y - p->y);
    p->x = x;
    p->y = y;
    p->down = true;
}

/* One arc, as far as it is in sight, with the world turned by `turn` degrees. */
static void draw_arc(struct pen *p, const struct world *w, const struct world_arc *arc, double turn)
{
    p->down = false;
    for (size_t i = 0; i + 1 < arc->n; i++) {
        const struct world_point *at = w->point + arc->first + i;
        struct spot a = project(p->v, at[0].lon + turn, at[0].lat);
        struct spot b = project(p->v, at[1].lon + turn, at[1].lat);
        bool jump = fabs((double)at[1].lon - at[0].lon) > 180; /* from 180 to -180 degrees */
        if (jump || (outside(p->v, a) & outside(p->v, b))) {
            p->down = false;
            continue;
        }
        if (!p->down)
            pen_to(p, a, false);
        pen_to(p, b, i + 2 == arc->n);
    }
}

static void draw_lines(struct html *h, const struct world *w, const struct view *v,
                       enum world_line kind)
{
    struct pen p = {.h = h, .v = v};
    html_rawf(h, "<path class=\"%s\" d=\"", kind == WORLD_BORDER ? "border" : "coast");
    for (size_t i = 0; i < w->n_arcs; i++)
        for (int turn = -360; turn <= 360; turn += 360)
            if (w->arc[i].kind == kind)
                draw_arc(&p, w, &w->arc[i], turn);
    html_raw(h, "\"/>\n");
}

/* A ring of a country, projected and clipped. */
struct shape {
    struct spot *spot;
    size_t n, room;
};

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
        bool a_out = outside(v, a) & side, b_out = outside(v, b) & side;
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

/* A ring that crosses 180 degrees goes on beyond; one that goes round a pole is led along it. */
static void project_ring(const struct view *v, const struct world *w, const struct world_ring *ring,
                         double turn, struct shape *out)
{
    double before = 0, first = 0, lat = 0;
    out->n = 0;
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        const struct world_arc *arc = &w->arc[ref < 0 ? ~ref : ref];
        for (size_t k = 0; k + 1 < arc->n; k++) {
            const struct world_point *at = &w->point[arc->first + (ref < 0 ? arc->n - 1 - k : k)];
            double lon = out->n ? before + remainder(at->lon - before, 360) : at->lon;
            first = out->n ? first : lon;
            shape_add(out, project(v, lon + turn, at->lat));
            before = lon;
            lat = at->lat;
        }
    }
    if (fabs(before - first) > 180) {
        shape_add(out, project(v, before + turn, lat < 0 ? -90 : 90));
        shape_add(out, project(v, first + turn, lat < 0 ? -90 : 90));
    }
}

/* Leaves in a what is in sight of it; b is room to work in. */
static void clip(const struct view *v, struct shape *a, struct shape *b)
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

static double distance_to_edge(struct spot p, struct spot a, struct spot b)
{
    double dx = b.x - a.x, dy = b.y - a.y, len2 = dx * dx + dy * dy;
    double t = len2 > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / len2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/* How far inside a shape a spot is; negative: outside. A name is wide: across counts a third. */
static double depth(const struct shape *s, struct spot p)
{
    bool in = false;
    double least = 1e9;
    struct spot flat = {p.x / 3, p.y};
    for (size_t i = 0, k = s->n - 1; i < s->n; k = i++) {
        struct spot a = s->spot[i], b = s->spot[k];
        if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
            in = !in;
        double d = distance_to_edge(flat, (struct spot){a.x / 3, a.y}, (struct spot){b.x / 3, b.y});
        least = d < least ? d : least;
    }
    return in ? least : -least;
}

/* Where a name goes: the spot of a grid that is deepest inside and away from the mark. Without one,
 * an island has its name below its largest part, and a country around the mark below the mark: a
 * name never stands in another country, but for the one where the mark is. */
struct label {
    struct spot at;
    double depth;
    struct spot below;
    double largest;
};

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
    if (depth(s, mark) > 0) {
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

static void look_for_room(const struct view *v, const struct shape *s, struct label *best)
{
    for (int gy = 1; gy < 18; gy++)
        for (int gx = 3; gx < 28; gx++) {
            struct spot p = {v->width * gx / 30.0, v->height * gy / 20.0};
            double mark = hypot((p.x - v->width / 2.0) / 3, p.y - v->height / 2.0);
            double d = depth(s, p);
            d = mark < d ? mark : d;
            if (d > best->depth) {
                best->at = p;
                best->depth = d;
            }
        }
}

static void fill_ring(struct html *h, const struct view *v, const struct shape *s)
{
    struct pen p = {.h = h, .v = v};
    for (size_t i = 0; i < s->n; i++)
        pen_to(&p, s->spot[i], false);
    html_raw(h, "z");
}

static bool is_island(const struct world *w, const struct world_ring *ring)
{
    for (size_t i = 0; i < ring->n; i++) {
        int32_t ref = w->ref[ring->first + i];
        if (w->arc[ref < 0 ? ~ref : ref].kind == WORLD_BORDER)
            return false;
    }
    return true;
}

static struct label draw_country(struct html *h, const struct world *w, const struct view *v,
                                 const struct world_country *c, bool named, struct shape *a,
                                 struct shape *b)
{
    struct label label = {.depth = v->height / 50.0};
    bool begun = false;
    for (size_t i = 0; i < c->n; i++)
        for (int turn = -360; turn <= 360; turn += 360) {
            project_ring(v, w, &w->ring[c->first + i], turn, a);
            clip(v, a, b);
            if (a->n < 3)
                continue;
            html_raw(h, begun ? "" : "<path class=\"land\" d=\"");
            begun = true;
            fill_ring(h, v, a);
            if (!named)
                continue;
            look_for_room(v, a, &label);
            look_below(v, a, is_island(w, &w->ring[c->first + i]), &label);
        }
    html_raw(h, begun ? "\"/>\n" : "");
    return label;
}

/* label: one a country, or NULL. */
static void draw_land(struct html *h, const struct world *w, const struct view *v,
                      struct label *label)
{
    size_t room = w->n_points + 16; /* no ring has more, nor what clipping adds at the corners */
    struct shape a = {malloc(room * 2 * sizeof *a.spot), 0, room * 2};
    struct shape b = {malloc(room * 2 * sizeof *b.spot), 0, room * 2};
    if (a.spot && b.spot)
        for (size_t i = 0; i < w->n_countries; i++) {
            struct label l = draw_country(h, w, v, &w->country[i], label != NULL, &a, &b);
            if (label)
                label[i] = l;
        }
    else if (h->rc == 0)
        h->rc = err_set(h->err, ERR_NOMEM, "no memory for a map");
    free(a.spot);
    free(b.spot);
}

static void draw_grid(struct html *h, const struct view *v, int step)
{
    double half_lat = v->height / 2.0 / v->y_per_deg, half_lon = v->width / 2.0 / v->x_per_deg;
    html_raw(h, "<g class=\"grid\">");
    for (int lat = (int)ceil((v->lat - half_lat) / step) * step; lat < v->lat + half_lat;
         lat += step) {
        long y = lround(project(v, 0, lat).y);
        html_rawf(h, "<path d=\"M0 %ldH%d\"/>", y, v->width);
        if (y > 200 && y < v->height - 150)
            html_rawf(h, "<text x=\"40\" y=\"%ld\">%d°&#160;%c</text>", y - 25, abs(lat),
                      lat < 0 ? 'S' : 'N');
    }
    while (half_lon / step > 6)
        step *= 2;
    for (int lon = (int)ceil((v->lon - half_lon) / step) * step; lon < v->lon + half_lon;
         lon += step) {
        long x = lround(project(v, lon, 0).x);
        int east = lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon;
        html_rawf(h, "<path d=\"M%ld 0V%d\"/>", x, v->height);
        if (x < v->width - 1000)
            html_rawf(h, "<text x=\"%ld\" y=\"%d\">%d°&#160;%c</text>", x + 30, v->height - 40,
                      abs(east), east < 0 ? 'W' : 'E');
    }
    html_raw(h, "</g>\n");
}

static void draw_names(struct html *h, const struct world *w, const struct view *v,
                       const struct label *label)
{
    for (size_t i = 0; i < w->n_countries; i++) {
        struct spot at = label[i].at.x > 0 ? label[i].at : label[i].below;
        if (at.x <= 0)
            continue;
        const struct world_country *c = &w->country[i];
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)c->name_bytes, c->name);
        double half = (double)c->name_bytes * 55; /* about */
        at.x = fmax(half, fmin(at.x, v->width - half));
        html_rawf(h, "<text class=\"name\" x=\"%ld\" y=\"%ld\">", lround(at.x), lround(at.y) + 50);
        html_text(h, name);
        html_raw(h, "</text>\n");
    }
}

static void draw_mark(struct html *h, const struct view *v, int size)
{
    int x = v->width / 2, y = v->height / 2;
    html_rawf(h,
              "<g class=\"mark\"><path d=\"M%d %dh%dM%d %dh%dM%d %dv%dM%d %dv%d\"/>"
              "<circle cx=\"%d\" cy=\"%d\" r=\"%d\"/></g>\n",
              x - 3 * size, y, 2 * size, x + size, y, 2 * size, x, y - 3 * size, 2 * size, x,
              y + size, 2 * size, x, y, size);
}

static void draw_scale(struct html *h, const struct view *v, int km)
{
    long length = lround(km / KM_PER_DEGREE * v->y_per_deg);
    long right = v->width - 120, y = v->height - 130;
    html_rawf(h,
              "<g class=\"scale\"><path d=\"M%ld %ldv50h%ldv-50\"/>"
              "<text x=\"%ld\" y=\"%ld\">%d km</text></g>\n",
              right - length, y - 50, length, right, y - 80, km);
}

static void begin(struct html *h, const struct view *v, const char *class, const char *what)
{
    html_rawf(h, "<svg class=\"map %s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
              class, v->width, v->height, what);
    html_rawf(h, "<rect class=\"sea\" width=\"%d\" height=\"%d\"/>\n", v->width, v->height);
}

void map_pair(struct html *h, const struct world *w, double lat, double lon)
{
    struct label *label = calloc(w->n_countries, sizeof *label);
    if (!label && h->rc == 0)
        h->rc = err_set(h->err, ERR_NOMEM, "no memory for a map");
    if (h->rc < 0) {
        free(label);
        return;
    }
    struct view near = view_of(lat, lon, 7, 4800, 3000);
    begin(h, &near, "near", "Map of the country around the place, which is marked in the middle");
    draw_land(h, w, &near, label);
    draw_lines(h, w, &near, WORLD_BORDER);
    draw_lines(h, w, &near, WORLD_COAST);
    draw_grid(h, &near, 2);
    draw_names(h, w, &near, label);
    draw_scale(h, &near, 100);
    draw_mark(h, &near, 60);
    html_raw(h, "</svg>\n");

    struct view far = view_of(lat, lon, 50, 2400, 3000);
    begin(h, &far, "far", "Map of the part of the world around it");
    draw_land(h, w, &far, NULL);
    draw_lines(h, w, &far, WORLD_COAST);
    draw_lines(h, w, &far, WORLD_BORDER);
    long half_x = lround(near.width / 2.0 / near.x_per_deg * far.x_per_deg);
    long half_y = lround(3.5 * far.y_per_deg);
    html_rawf(h, "<rect class=\"window\" x=\"%ld\" y=\"%ld\" width=\"%ld\" height=\"%ld\"/>\n",
              far.width / 2 - half_x, far.height / 2 - half_y, 2 * half_x, 2 * half_y);
    html_raw(h, "</svg>\n");
    free(label);
}

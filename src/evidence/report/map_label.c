#include "map_label.h"
#include <math.h>

/* Squared. */
static double distance_to_edge(struct spot p, struct spot a, struct spot b)
{
    double dx = b.x - a.x, dy = b.y - a.y, len2 = dx * dx + dy * dy;
    double t = len2 > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / len2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double x = p.x - a.x - t * dx, y = p.y - a.y - t * dy;
    return x * x + y * y;
}

/* How far inside a shape a spot is; negative: outside. A name is wide: across counts a third. */
static double depth(const struct shape *s, struct spot p)
{
    bool in = false;
    double least = 1e18;
    struct spot flat = {p.x / 3, p.y};
    for (size_t i = 0, k = s->n - 1; i < s->n; k = i++) {
        struct spot a = s->spot[i], b = s->spot[k];
        if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
            in = !in;
        double d = distance_to_edge(flat, (struct spot){a.x / 3, a.y}, (struct spot){b.x / 3, b.y});
        least = d < least ? d : least;
    }
    return in ? sqrt(least) : -sqrt(least);
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

struct label map_label(const struct view *v)
{
    return (struct label){.depth = v->height / 50.0};
}

void map_label_look(const struct view *v, const struct shape *s, bool island, struct label *best)
{
    look_for_room(v, s, best);
    look_below(v, s, island, best);
}

bool map_label_spot(const struct label *l, struct spot *out)
{
    *out = l->at.x > 0 ? l->at : l->below;
    return out->x > 0;
}

/* Reads the outlines once for a page. The bytes are our own; the reader is as strict as with
 * others. */
#include "outlines.h"
#include "dashspool/reader.h"
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern const uint8_t atlas_world[], atlas_world_end[];

static uint32_t number(struct rd *r)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 32; shift += 7) {
        uint8_t b = rd_u8(r);
        v |= (uint32_t)(b & 127) << shift;
        if (!(b & 128))
            return v;
    }
    r->bad = true;
    return 0;
}

static int32_t with_sign(struct rd *r)
{
    uint32_t v = number(r);
    return (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
}

/* ---- simplified ---- */

/* An arc that is being simplified. */
struct outline {
    const struct outline_point *point;
    bool *keep;
    double narrow; /* a degree of longitude here, in degrees of latitude */
    double coarse; /* squared */
};

/* The square of the distance of p from the line a, b; of a point, where these are one. */
static double distance2(const struct outline *o, size_t p, size_t a, size_t b)
{
    const struct outline_point *at = o->point;
    double dx = ((double)at[b].lon - at[a].lon) * o->narrow, dy = (double)at[b].lat - at[a].lat;
    double x = ((double)at[p].lon - at[a].lon) * o->narrow, y = (double)at[p].lat - at[a].lat;
    double length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? fmax(0, fmin(1, (x * dx + y * dy) / length2)) : 0;
    return (x - t * dx) * (x - t * dx) + (y - t * dy) * (y - t * dy);
}

/* Douglas and Peucker (1973): between two points that stay, the one that is farthest from their
 * line stays, too, if it is far enough; `least` times it does in any case. */
static void keep_between(const struct outline *o, size_t a, size_t b, int least)
{
    size_t far = a;
    double most = -1;
    for (size_t i = a + 1; i < b; i++) {
        double d = distance2(o, i, a, b);
        if (d > most) {
            most = d;
            far = i;
        }
    }
    if (far == a || (most < o->coarse && least <= 0))
        return;
    o->keep[far] = true;
    keep_between(o, a, far, least - 1);
    keep_between(o, far, b, least - 1);
}

/* The last arc of w. A small island stays one: two levels of its ring do not go. */
static void simplify(struct atlas *w, bool *keep, double coarse_deg)
{
    struct outline_arc *arc = &w->arc[w->n_arcs - 1];
    struct outline_point *at = w->point + arc->first;
    size_t n = 0;
    if (arc->n < 3)
        return;
    memset(keep, 0, arc->n * sizeof *keep);
    keep[0] = keep[arc->n - 1] = true;
    double middle = ((double)arc->box.south + arc->box.north) / 2;
    bool ring = !(at[0].lon < at[arc->n - 1].lon || at[0].lon > at[arc->n - 1].lon ||
                  at[0].lat < at[arc->n - 1].lat || at[0].lat > at[arc->n - 1].lat);
    const struct outline o = {at, keep, cos(middle * 3.14159265358979323846 / 180),
                              coarse_deg * coarse_deg};
    keep_between(&o, 0, arc->n - 1, ring ? 2 : 0);
    for (size_t i = 0; i < arc->n; i++)
        if (keep[i])
            at[n++] = at[i];
    w->n_points -= arc->n - n;
    arc->n = n;
}

/* ---- read ---- */

/* Every point, arc, ring and country takes at least a byte: the file's length bounds all arrays. */
static struct atlas *make_room(size_t bytes)
{
    struct atlas *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->point = malloc(bytes / 2 * sizeof *w->point);
    w->arc = malloc(bytes / 4 * sizeof *w->arc);
    w->ref = malloc(bytes / 8 * sizeof *w->ref);
    w->ring = malloc(bytes / 8 * sizeof *w->ring);
    w->country = malloc(bytes / 8 * sizeof *w->country);
    if (!w->point || !w->arc || !w->ref || !w->ring || !w->country)
        atlas_free(&w);
    return w;
}

/* keep: room for all points of an arc. */
static void read_arcs(struct atlas *w, struct rd *r, size_t bytes, double coarse_deg, bool *keep)
{
    uint32_t steps = number(r), n = number(r);
    if (steps == 0 || n > bytes / 4)
        r->bad = true;
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        uint32_t kind = number(r), points = number(r);
        if (kind > WORLD_SEAM || points > bytes / 2 - w->n_points) {
            r->bad = true;
            return;
        }
        struct outline_arc *arc = &w->arc[w->n_arcs++];
        *arc = (struct outline_arc){
            (enum outline_line)kind, w->n_points, points, {999, -999, 999, -999}};
        int32_t lon = 0, lat = 0;
        for (uint32_t k = 0; k < points; k++) {
            lon += with_sign(r);
            lat += with_sign(r);
            struct outline_point at = {(float)lon / (float)steps, (float)lat / (float)steps};
            arc->box.west = at.lon < arc->box.west ? at.lon : arc->box.west;
            arc->box.east = at.lon > arc->box.east ? at.lon : arc->box.east;
            arc->box.south = at.lat < arc->box.south ? at.lat : arc->box.south;
            arc->box.north = at.lat > arc->box.north ? at.lat : arc->box.north;
            w->point[w->n_points++] = at;
        }
        simplify(w, keep, coarse_deg);
    }
}

static void read_ring(struct atlas *w, struct rd *r, size_t bytes)
{
    uint32_t n = number(r);
    if (n > bytes / 8 - w->n_refs || w->n_rings == bytes / 8) {
        r->bad = true;
        return;
    }
    w->ring[w->n_rings++] = (struct outline_ring){w->n_refs, n};
    for (uint32_t i = 0; i < n; i++) {
        int32_t ref = with_sign(r);
        if ((size_t)(ref < 0 ? ~ref : ref) >= w->n_arcs)
            r->bad = true;
        w->ref[w->n_refs++] = ref;
    }
}

int atlas_load(struct atlas **out, double coarse_deg, struct err *err)
{
    size_t bytes = (size_t)(atlas_world_end - atlas_world);
    struct atlas *w = make_room(bytes);
    bool *keep = malloc(bytes / 2 * sizeof *keep);
    *out = NULL;
    if (!w || !keep) {
        atlas_free(&w);
        free(keep);
        return err_nomem(err, "the map of the world");
    }
    struct rd r = rd_init(atlas_world, bytes);
    (void)rd_bytes(&r, 7); /* "DSMAP1\n" */
    read_arcs(w, &r, bytes, coarse_deg, keep);
    free(keep);
    uint32_t n = number(&r);
    if (n > bytes / 8)
        r.bad = true;
    for (uint32_t i = 0; i < n && !r.bad; i++) {
        struct outline_country *c = &w->country[w->n_countries++];
        c->name_bytes = number(&r);
        c->name = (const char *)rd_bytes(&r, c->name_bytes);
        c->first = w->n_rings;
        c->n = number(&r);
        for (size_t k = 0; k < c->n && !r.bad; k++)
            read_ring(w, &r, bytes);
    }
    assert(rd_done(&r)); /* it was built in */
    *out = w;
    return ERR_OK;
}

void atlas_free(struct atlas **w)
{
    if (!*w)
        return;
    free((*w)->point);
    free((*w)->arc);
    free((*w)->ref);
    free((*w)->ring);
    free((*w)->country);
    free(*w);
    *w = NULL;
}

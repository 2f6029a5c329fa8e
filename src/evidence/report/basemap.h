/*
 * basemap: outlines of countries, from map/world.bin (made by map/make-world.py, which describes
 * the format; origin and licence in map/LICENSE).
 */
#ifndef REPORT_BASEMAP_H
#define REPORT_BASEMAP_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

struct basemap_point {
    float lon, lat; /* degrees */
};

enum basemap_line { WORLD_COAST, WORLD_BORDER, WORLD_SEAM };

/* Degrees; nothing is in one that has west > east. */
struct basemap_box {
    float west, east, south, north;
};

struct basemap_arc {
    enum basemap_line kind;
    size_t first, n; /* points */
    struct basemap_box box;
};

struct basemap_ring {
    size_t first, n; /* refs */
};

struct basemap_country {
    const char *name; /* UTF-8, no NUL */
    size_t name_bytes;
    size_t first, n; /* rings */
};

struct basemap {
    struct basemap_point *point;
    struct basemap_arc *arc;
    int32_t *ref; /* an arc; ~arc: walked backwards */
    struct basemap_ring *ring;
    struct basemap_country *country;
    size_t n_points, n_arcs, n_refs, n_rings, n_countries;
};

/* The outlines as a map of some scale needs them, simplified once for all places: without points
 * that are nearer than coarse_deg (degrees of latitude) to the line that is drawn then. ERR_NOMEM.
 */
int basemap_load(struct basemap **out, double coarse_deg, struct err *err) DS_MUST_CHECK;
void basemap_free(struct basemap **w);

#endif

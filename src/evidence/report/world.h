/*
 * world: outlines of countries, from map/world.bin (made by map/make-world.py, which describes the
 * format; origin and licence in map/LICENSE).
 */
#ifndef REPORT_WORLD_H
#define REPORT_WORLD_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

struct world_point {
    float lon, lat; /* degrees */
};

enum world_line { WORLD_COAST, WORLD_BORDER, WORLD_SEAM };

/* Degrees; nothing is in one that has west > east. */
struct world_box {
    float west, east, south, north;
};

struct world_arc {
    enum world_line kind;
    size_t first, n; /* points */
    struct world_box box;
};

struct world_ring {
    size_t first, n; /* refs */
};

struct world_country {
    const char *name; /* UTF-8, no NUL */
    size_t name_bytes;
    size_t first, n; /* rings */
};

struct world {
    struct world_point *point;
    struct world_arc *arc;
    int32_t *ref; /* an arc; ~arc: walked backwards */
    struct world_ring *ring;
    struct world_country *country;
    size_t n_points, n_arcs, n_refs, n_rings, n_countries;
};

/* ERR_NOMEM. */
int world_load(struct world **out, struct err *err) DS_MUST_CHECK;
void world_free(struct world **w);

#endif

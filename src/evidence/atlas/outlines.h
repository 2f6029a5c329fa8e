/*
 * atlas, inside: the outlines, from world.bin (made by make-world.py, which describes the format;
 * origin and licence in LICENSE).
 */
#ifndef ATLAS_OUTLINES_H
#define ATLAS_OUTLINES_H

#include "dashspool/atlas.h"
#include <stddef.h>
#include <stdint.h>

struct outline_point {
    float lon, lat; /* degrees */
};

enum outline_line { WORLD_COAST, WORLD_BORDER, WORLD_SEAM };

/* Degrees; nothing is in one that has west > east. */
struct outline_box {
    float west, east, south, north;
};

struct outline_arc {
    enum outline_line kind;
    size_t first, n; /* points */
    struct outline_box box;
};

struct outline_ring {
    size_t first, n; /* refs */
};

struct outline_country {
    const char *name; /* UTF-8, no NUL */
    size_t name_bytes;
    size_t first, n; /* rings */
};

struct atlas {
    struct outline_point *point;
    struct outline_arc *arc;
    int32_t *ref; /* an arc; ~arc: walked backwards */
    struct outline_ring *ring;
    struct outline_country *country;
    size_t n_points, n_arcs, n_refs, n_rings, n_countries;
};

#endif

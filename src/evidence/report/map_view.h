/*
 * map_view: where things of the world are in a drawing.
 *
 * An equirectangular projection about the place: east-west is shrunk by the cosine of its latitude,
 * so that near it a kilometre is as long in all directions. Everything is clipped to the view.
 */
#ifndef REPORT_MAP_VIEW_H
#define REPORT_MAP_VIEW_H

#include "basemap.h"
#include <stdbool.h>

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

struct view map_view(double lat, double lon, double span_deg, int width, int height);
struct spot map_project(const struct view *v, double lon, double lat);
/* On which sides of the view a spot is outside: bits for left, right, top, bottom. */
unsigned map_outside(const struct view *v, struct spot s);

/* Whether anything of a box, with the world turned by `turn` degrees, can be in sight. */
bool map_in_sight(const struct view *v, const struct basemap_box *box, double turn);
/* The same of a ring and what is within it. */
bool map_ring_in_sight(const struct view *v, const struct basemap *w,
                       const struct basemap_ring *ring, double turn);

/* A ring with the world turned by `turn` degrees. One that crosses 180 degrees goes on beyond; one
 * that goes round a pole is led along it. */
void map_project_ring(const struct view *v, const struct basemap *w,
                      const struct basemap_ring *ring, double turn, struct shape *out);
/* Leaves in a what is in sight of it; b is room to work in. */
void map_clip(const struct view *v, struct shape *a, struct shape *b);

#endif

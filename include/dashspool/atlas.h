/*
 * atlas: outlines of countries, from bytes in the program: maps for which nobody is asked.
 *
 * It hides the outlines' format (src/evidence/atlas/make-world.py describes it), projections,
 * clipping, and where the name of a country has room. Whoever draws hears lines and places in units
 * of a view. Natural Earth 1:50m, public domain (src/evidence/atlas/LICENSE); a line may be a
 * kilometre or more from where it is on the ground.
 *
 * Projections: equirectangular about a place, so that near it a kilometre is as long in all
 * directions; and the tiles of web maps (Web Mercator, EPSG:3857; z, x and y as OpenStreetMap
 * numbers them: https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames).
 *
 * Pure, but for memory. A struct atlas is not changed once it is loaded: threads may share it.
 */
#ifndef DASHSPOOL_ATLAS_H
#define DASHSPOOL_ATLAS_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include <stdbool.h>

struct atlas;

/* The outlines as a map of some scale needs them, simplified once for all places: without points
 * that are nearer than coarse_deg (degrees of latitude) to the line that is drawn then. ERR_NOMEM.
 */
int atlas_load(struct atlas **out, double coarse_deg, struct err *err) DS_MUST_CHECK;
void atlas_free(struct atlas **atlas);

/* ---- views ---- */

struct atlas_view {
    double lat_deg, lon_deg; /* its middle */
    double x_per_deg, y_per_deg;
    int width, height; /* units */
    double least;      /* steps shorter than this are not drawn */
    bool mercator;     /* y_per_deg: of the equator */
};

struct atlas_spot {
    double x, y; /* from the upper left */
};

/* A view of span_deg degrees of latitude from top to bottom. */
struct atlas_view atlas_about(double lat_deg, double lon_deg, double span_deg, int width,
                              int height);
struct atlas_spot atlas_project(const struct atlas_view *v, double lon_deg, double lat_deg);

/* ---- drawn ---- */

enum atlas_part { ATLAS_LAND, ATLAS_BORDER, ATLAS_COAST };

/* A path: begin, then move, line and (of land) shut, then end; in whole units. */
struct atlas_pen {
    void (*begin)(void *arg, enum atlas_part part);
    void (*move)(void *arg, long x, long y);
    void (*line)(void *arg, long x, long y);
    void (*shut)(void *arg);
    void (*end)(void *arg);
    void *arg;
};

struct atlas_names; /* where they have room: found while the land is drawn */
int atlas_names_new(struct atlas_names **out, const struct atlas *a, struct err *err) DS_MUST_CHECK;
void atlas_names_free(struct atlas_names **names);

/* The countries that are in sight, a path each; names: NULL where none are wanted. */
int atlas_draw_land(const struct atlas *a, const struct atlas_view *v, const struct atlas_pen *pen,
                    struct atlas_names *names, struct err *err) DS_MUST_CHECK;
/* All borders, or all coasts: one path. */
void atlas_draw_lines(const struct atlas *a, const struct atlas_view *v, enum atlas_part part,
                      const struct atlas_pen *pen);

/* The names that have room, each with the spot that is to be its middle. */
typedef void atlas_name_fn(void *arg, const char *name, size_t bytes, struct atlas_spot at);
void atlas_each_name(const struct atlas *a, const struct atlas_names *names, atlas_name_fn *fn,
                     void *arg);

/* ---- a tile ---- */

#define ATLAS_ZOOM_MAX 10 /* nearer than that the outlines would only mislead */

/* Appends the tile as SVG, 256 by 256: land, borders, coasts, in colours of the light or the dark
 * theme. ERR_NOTFOUND: there is no such tile. */
int atlas_tile(const struct atlas *a, int z, int x, int y, bool dark, struct buf *out,
               struct err *err) DS_MUST_CHECK;

#endif

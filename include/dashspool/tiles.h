/*
 * tiles: streets for the pages' maps out of a file, MBTiles 1.3
 * (https://github.com/mapbox/mbtiles-spec/blob/master/1.3/spec.md): pictures by zoom, column and
 * row. It hides SQLite, and that MBTiles counts rows from the south.
 *
 * The file is somebody else's: it is read only, its schema is not trusted, and a tile is at most
 * TILES_BYTES_MAX. It must not change while it is open (replace it by another file, and start
 * anew). Not thread-safe. Files touched: that one.
 */
#ifndef DASHSPOOL_TILES_H
#define DASHSPOOL_TILES_H

#include "dashspool/buf.h"
#include "dashspool/err.h"

#define TILES_BYTES_MAX ((size_t)2 << 20)
#define TILES_TEXT_ROOM 512

struct tiles;

struct tiles_facts {
    const char *type;                  /* "image/png", "image/jpeg", "image/webp" */
    int zoom_min, zoom_max;            /* 0..22 */
    char attribution[TILES_TEXT_ROOM]; /* text: markup of the file's is taken out; "" */
};

/* ERR_CONFIG: the file is not there, is no MBTiles, or its tiles are no pictures (a vector map). */
int tiles_open(struct tiles **out, const char *path, struct err *err) DS_MUST_CHECK;
void tiles_close(struct tiles **tiles);
const struct tiles_facts *tiles_about(const struct tiles *tiles);

/* Appends a tile (numbered as web maps do: rows from the north). ERR_NOTFOUND: there is none. */
int tiles_get(struct tiles *tiles, int z, int x, int y, struct buf *out,
              struct err *err) DS_MUST_CHECK;

#endif

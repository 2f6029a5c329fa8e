/*
 * raster: a picture as a JPEG keeps it (JFIF: full range, BT.601), in memory: frames are put into
 * it, text is written over it, and it becomes a JPEG. The same calls give the same bytes.
 */
#ifndef CONVERT_RASTER_H
#define CONVERT_RASTER_H

#include "media/av.h"
#include "osd.h"

struct raster {
    int width_px, height_px;
    int log2_chroma; /* 1: 4:2:0, for footage; 0: 4:4:4, for coloured text */
    uint8_t *plane[3];
    int stride[3];
};

/* An image of one grey. raster_clear() also after a failure. */
int raster_init(struct raster *r, int width_px, int height_px, int log2_chroma, uint8_t grey,
                struct err *err) DS_MUST_CHECK;
void raster_clear(struct raster *r);

struct raster_box {
    int x, y, w, h;
};

/* Scales a frame into a box within r (even numbers if 4:2:0), its range and matrix converted. */
int raster_put(struct raster *r, struct raster_box at, const AVFrame *f,
               struct err *err) DS_MUST_CHECK;

void raster_fill(struct raster *r, struct raster_box at, uint32_t rgb); /* 0xrrggbb */

/* Text (0xrrggbb) in the program's own font, bold and fixed-width; (x, y) is its top left corner,
 * or the top right one. The text is plain (osd_text_plain). 4:4:4 only. */
struct raster_text {
    int x, y, size_px;
    bool right;
    uint32_t rgb;
    char text[200];
};
int raster_write(struct raster *r, const struct raster_text *text, int n,
                 struct err *err) DS_MUST_CHECK;

/* Into a file that exists and is empty. */
int raster_save(const struct raster *r, const char *path, struct err *err) DS_MUST_CHECK;

#endif

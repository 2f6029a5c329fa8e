/*
 * osd: the overlay as pixels. Up to four lines of white text, on a dark translucent box or with a
 * dark edge, in a corner of the picture (never the top left one, where the camera's own clock is),
 * in at most its lowest or highest 8 %, times the size that a person asks for. By libass with the
 * font that is in the program and no other, so that the same text gives the same pixels everywhere;
 * a character that the font lacks is an empty box.
 *
 * The overlay has no colour: it is blended into luma, and draws chroma to grey under the box. So
 * the picture's matrix plays no part, only its range.
 */
#ifndef CONVERT_OSD_H
#define CONVERT_OSD_H

#include "dashspool/err.h"
#include "osd_text.h"
#include <stdbool.h>
#include <stdint.h>

struct osd;

/* 8-bit planes Y (and Cb, Cr if n is 3) of a picture. */
struct osd_planes {
    uint8_t *plane[3];
    int stride[3], n;
    int width_px, height_px;
    int log2_chroma_w, log2_chroma_h;
    bool full_range;
};

/* For pictures of this size as a person sees them; corner, size and box as in `options`. *out is
 * the caller's (osd_free). */
int osd_new(struct osd **out, int width_px, int height_px, const struct convert_options *options,
            struct err *err) DS_MUST_CHECK;
void osd_free(struct osd **osd);

/* Draws the text, UTF-8 (lines at the end that are "" are not there); cheap when it is the same as
 * before. */
int osd_set(struct osd *osd, char lines[OSD_LINES][OSD_LINE_ROOM], struct err *err) DS_MUST_CHECK;

/* Turns what was drawn so that it stands upright in a picture that a viewer turns by its EXIF
 * orientation 1..8 (CIPA DC-008, Orientation). Once after osd_set(). */
int osd_orient(struct osd *osd, int orientation, struct err *err) DS_MUST_CHECK;

/* Where the pixel (x, y) of a w × h picture, as it is seen, is stored. */
void osd_seen_to_stored(int orientation, int w, int h, int x, int y, int *sx, int *sy);

/* The box in stored pixels, which osd_blend() does not leave; w or h is 0 if there is none. */
void osd_box(const struct osd *osd, int *x, int *y, int *w, int *h);

void osd_blend(const struct osd *osd, const struct osd_planes *p);

/* Draws what most overlays have for the size of picture that most cameras make, for nobody: who
 * forks afterwards gives its children the font, read, and the letters, drawn. */
int osd_warm_up(struct err *err) DS_MUST_CHECK;

#endif

/*
 * pdf_draw: inks (pdf_ink.c) and drawings (pdf_draw.c) on paper.
 */
#ifndef REPORT_PDF_DRAW_H
#define REPORT_PDF_DRAW_H

#include "pdf_text.h"

/* Fills and strokes the path, which is empty then; scale: of what an ink's look is measured in. */
void pdf_ink_path(cairo_t *cr, enum draw_ink ink, double scale);
/* A little box, or line, of it. */
void pdf_ink_swatch(cairo_t *cr, enum draw_ink ink, double x, double y, double width,
                    double height);
double pdf_ink_size(enum draw_ink ink); /* of letters in it; 0: it has none */

struct pdf_draw {
    struct draw draw; /* first: a drawing of this kind is one */
    cairo_t *cr;
    const struct pdf_fonts *fonts;
    enum draw_ink ink;
    long x, y;       /* where the pen is */
    long to_x, to_y; /* where it was asked to go, if that was too near to be seen … */
    bool waits;      /* … and it waits there */
    double least;    /* such a step */
    struct err *err;
    int rc;
};

/* Begins in a box of the paper, of which nothing of it gets out; the drawing is of width × height
 * units. */
void pdf_draw_begin(struct pdf_draw *out, cairo_t *cr, const struct pdf_fonts *fonts, double x,
                    double y, double scale, int width, int height, struct err *err);
int pdf_draw_end(struct pdf_draw *d) DS_MUST_CHECK;

#endif

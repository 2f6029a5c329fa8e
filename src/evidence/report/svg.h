/*
 * svg: drawings within a page. Classes are in style.css.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "html.h"

struct svg {
    struct draw draw; /* first: a drawing of this kind is one */
    struct html *h;
    long x, y; /* where the pen is */
};

/* Begins; the pen is h's own. */
struct draw *svg_begin(struct html *h, enum draw_what kind, int width, int height,
                       const char *what);
void svg_end(struct html *h);
/* Fill patterns that inks refer to; once a page. */
void svg_patterns(struct html *h);
const char *svg_class(enum draw_ink ink);

#endif

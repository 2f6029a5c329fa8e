/*
 * pdf_text: text with looks, broken into lines for a width, in points. Writing from right to left
 * and letters that join are as they are to be (UAX #9, HarfBuzz); what the fonts do not have is a
 * box on paper, and itself when it is copied from there.
 */
#ifndef REPORT_PDF_TEXT_H
#define REPORT_PDF_TEXT_H

#include "dashspool/buf.h"
#include "draw.h"
#include "pdf_font.h"
#include <stdint.h>

enum pdf_colour { PDF_INK, PDF_SOFT, PDF_RED, PDF_BLUE };

struct pdf_look {
    enum pdf_face face;
    enum pdf_colour colour;
    double size;
    uint32_t link; /* offset in links, + 1; 0: none */
    bool swatch;   /* U+FFFC stands for a little box of: */
    enum draw_ink ink;
};

/* Text that grows. Bytes are clean UTF-8. */
struct pdf_text {
    struct buf bytes, spans;
    struct buf links; /* attributes for cairo, each ends with NUL */
    double size;      /* lines are at least as high as letters of this size ask for */
};
void pdf_text_init(struct pdf_text *t);
void pdf_text_clear(struct pdf_text *t);
int pdf_text_add(struct pdf_text *t, const struct pdf_look *look, const void *bytes, size_t n,
                 struct err *err) DS_MUST_CHECK;

struct pdf_lines;
/* Breaks it; *out is the caller's, the text is empty then. */
int pdf_lines_new(struct pdf_lines **out, const struct pdf_fonts *fonts, struct pdf_text *t,
                  double width, struct err *err) DS_MUST_CHECK;
void pdf_lines_free(struct pdf_lines **l);
/* All of it, with a NUL. */
const char *pdf_lines_text(const struct pdf_lines *l);
size_t pdf_lines_count(const struct pdf_lines *l);
double pdf_lines_pitch(const struct pdf_lines *l); /* from one to the next */
double pdf_lines_width(const struct pdf_lines *l, size_t i);
double pdf_lines_rise(const struct pdf_lines *l); /* from a line's top to what it stands on */
/* One line, from x on, standing on y. */
void pdf_lines_draw(const struct pdf_lines *l, const struct pdf_fonts *fonts, cairo_t *cr, size_t i,
                    double x, double y);

#endif

/*
 * pdf_text: text with looks, broken into lines for a width, in points. Pango does what a writing
 * asks for: directions (UAX #9), letters that join, where a line may end (UAX #14). Its fonts are
 * those that the program brings along; fontconfig is told of no other, and reads no settings.
 * What they have no shape for is a box on paper, and itself when it is copied from there.
 */
#ifndef REPORT_PDF_TEXT_H
#define REPORT_PDF_TEXT_H

#include "doc.h"
#include <cairo.h>
#include <pango/pango.h>

enum pdf_face { PDF_SANS, PDF_BOLD, PDF_MONO, PDF_FACES };
enum pdf_colour { PDF_INK, PDF_SOFT, PDF_RED, PDF_BLUE };

struct pdf_fonts {
    PangoContext *context; /* to lay text out in */
    PangoFontDescription *face[PDF_FACES];
    struct pdf_lines **kept; /* texts as they were laid out, by their hash */
};

/* ERR_NOMEM, ERR_IO; cleared also after a failure. The font files stay open as long as the process
 * lives: pango and cairo know them by their names, and may open them again at any time. */
int pdf_fonts_init(struct pdf_fonts *out, struct err *err) DS_MUST_CHECK;
void pdf_fonts_clear(struct pdf_fonts *f);

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
#define PDF_ONE_LINE 0.0 /* a width: as wide as it takes */
/* Breaks it; *out is the caller's, the text is empty then. What was broken before, and is kept, is
 * not broken again: a report is laid out twice, and says most of its words for each recording. */
int pdf_lines_new(struct pdf_lines **out, const struct pdf_fonts *fonts, struct pdf_text *t,
                  double width, struct err *err) DS_MUST_CHECK;
void pdf_lines_free(struct pdf_lines **l);
/* All of it, with a NUL. */
const char *pdf_lines_text(const struct pdf_lines *l);
size_t pdf_lines_count(const struct pdf_lines *l); /* at least 1 */
double pdf_lines_pitch(const struct pdf_lines *l); /* from one to the next */
double pdf_lines_rise(const struct pdf_lines *l);  /* from a line's top to what it stands on */
double pdf_lines_width(const struct pdf_lines *l, size_t i);
/* One line, from x on, standing on y. */
void pdf_lines_draw(const struct pdf_lines *l, cairo_t *cr, size_t i, double x, double y);

/* A command for a shell, with what is too long for a line of so many letters carried on as a shell
 * takes it: a backslash at the end. Lines are broken at spaces that no quotes are around. */
int pdf_fold_command(struct buf *out, const char *text, size_t n, size_t letters,
                     struct err *err) DS_MUST_CHECK;

#endif

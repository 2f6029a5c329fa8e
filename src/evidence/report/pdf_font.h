/*
 * pdf_font: the three fonts that the program brings along; those of the machine are not asked for.
 */
#ifndef REPORT_PDF_FONT_H
#define REPORT_PDF_FONT_H

#include "dashspool/err.h"
#include <cairo.h>
#include <hb.h>

enum pdf_face { PDF_SANS, PDF_BOLD, PDF_MONO, PDF_FACES };

struct pdf_fonts {
    struct {
        hb_font_t *shaper;
        cairo_font_face_t *face;
        double units; /* in a font size */
    } of[PDF_FACES];
    hb_buffer_t *buffer; /* to shape in */
};

/* ERR_NOMEM; cleared also after a failure. */
int pdf_fonts_init(struct pdf_fonts *out, struct err *err) DS_MUST_CHECK;
void pdf_fonts_clear(struct pdf_fonts *f);

#endif

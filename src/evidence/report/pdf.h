/*
 * pdf: the report on paper: a doc (doc.h) behind which rows are placed on pages.
 */
#ifndef REPORT_PDF_H
#define REPORT_PDF_H

#include "doc.h"
#include "pdf_draw.h"
#include "pdf_flow.h"

#define PDF_PICTURE_WIDTH 214.0 /* of the column in which a card has its picture */

enum { PDF_LOOKS_MAX = 8 };

struct pdf {
    struct doc doc; /* first: a paper is a doc */
    const struct pdf_fonts *fonts;
    struct pdf_flow flow;
    double left, right; /* of what is placed now */
    double name_width;  /* of a fact's name */

    struct pdf_text text; /* of the part that is open */
    struct pdf_look look[PDF_LOOKS_MAX];
    size_t n_looks;
    bool lines; /* they are kept */
    bool in_panel;

    struct pdf_row row; /* that is being filled */
    size_t columns, column;
    bool numbered;
    int item;
    char anchor[32]; /* for the next heading */
    bool in_card;
    int card_page; /* where the card's picture is */
    double card_bottom;
    double map_x, map_y;
    struct pdf_draw draw;
    double map_width; /* of the drawing, if it is a map; else 0 */
};

extern const struct doc_ops pdf_ops;

/* Parts of pdf_ops: text (pdf_inline.c). Between begin and end it grows in a look; end makes it a
 * cell of the row. */
void pdf_begin(struct pdf *p, const struct pdf_look *look);
void pdf_words(struct doc *d, const char *words);
void pdf_line_end(struct doc *d);
void pdf_swatch(struct doc *d, enum draw_ink ink);
void pdf_open_span(struct pdf *p, enum doc_part part, const char *name);
void pdf_end(struct pdf *p, double x, double width);

/* Parts of pdf_ops: pictures and drawings (pdf_picture.c). */
void pdf_picture(struct doc *d, const struct report_picture *picture);
struct draw *pdf_drawing(struct doc *d, enum draw_what kind, int width, int height,
                         const char *what);
void pdf_drawing_end(struct doc *d, struct draw *draw);
void pdf_maps(struct pdf *p, bool begin);

/* A line of text in a look, as a row of one cell that the caller places. */
void pdf_say(struct pdf *p, const struct pdf_look *look, const char *text, double x, double width,
             struct pdf_row *out);
void pdf_keep(struct pdf *p, int rc);

/* A command for a shell, with what is too long for a line of so many letters carried on as a shell
 * takes it: a backslash at the end. Lines are broken at spaces that no quotes are around. */
int pdf_fold_command(struct buf *out, const char *text, size_t n, size_t letters,
                     struct err *err) DS_MUST_CHECK;

#endif

/*
 * pdf_flow: rows, one below the other, over as many A4 pages as it takes. All lengths in points.
 *
 * A row has cells that stand side by side; a paragraph is a row of one. Headings are held until
 * what follows them is placed, so that none stands alone at the foot of a page. Without a surface
 * nothing is drawn: that is how pages are counted.
 */
#ifndef REPORT_PDF_FLOW_H
#define REPORT_PDF_FLOW_H

#include "pdf_text.h"

#define PDF_PAGE_WIDTH  595.28
#define PDF_PAGE_HEIGHT 841.89
#define PDF_LEFT        48.0
#define PDF_RIGHT       (PDF_PAGE_WIDTH - 48.0)
#define PDF_TOP         48.0
#define PDF_BOTTOM      (PDF_PAGE_HEIGHT - 62.0)
#define PDF_WIDTH       (PDF_RIGHT - PDF_LEFT)

enum { PDF_CELLS_MAX = 6, PDF_HELD_MAX = 8, PDF_LATE = 2 };

enum pdf_back { PDF_PLAIN, PDF_PANEL, PDF_BAR, PDF_FRAME };

struct pdf_row {
    struct {
        double x;
        struct pdf_lines *lines; /* the row's own */
    } cell[PDF_CELLS_MAX];
    size_t n;
    double above;       /* from what is before; not at a page's top */
    double pad, bottom; /* within it */
    double left, right; /* of rule and back */
    double rule;        /* a line above it this thick; 0: none */
    bool whole;         /* not to be split, if it fits on any page */
    enum pdf_back back;
    const char *tag, *cell_tag; /* what it is, to those who cannot see it (ISO 32000-1, 14.8.4) */
    char anchor[32];            /* "" none */
    int outline;                /* 0 none, 1 a chapter, 2 below one */
    const char *title;          /* in the outline: borrowed from the row's lines */
};
void pdf_row_clear(struct pdf_row *r);

struct pdf_flow {
    const struct pdf_fonts *fonts;
    cairo_surface_t *surface; /* NULL: only count */
    cairo_t *cr;
    struct err *err;
    int rc;    /* sticky */
    int page;  /* from 1; 0: none begun */
    int pages; /* in all; 0: unknown yet */
    double y;
    struct pdf_row held[PDF_HELD_MAX];
    size_t n_held;
    struct pdf_row late[PDF_LATE]; /* of a group: its last ones stay together */
    size_t n_late;
    struct pdf_row header; /* of the table, again on each page */
    bool in_table;
    const char *group; /* tag around rows, or NULL */
    bool group_open;
    int chapter; /* outline's id */
    const char *foot;
};

void pdf_flow_init(struct pdf_flow *f, const struct pdf_fonts *fonts, cairo_surface_t *surface,
                   const char *foot, int pages, struct err *err);
void pdf_flow_clear(struct pdf_flow *f);

/* All take the row. */
void pdf_flow_row(struct pdf_flow *f, struct pdf_row *row);
void pdf_flow_hold(struct pdf_flow *f, struct pdf_row *row); /* with what follows */
void pdf_flow_header(struct pdf_flow *f, struct pdf_row *row);
void pdf_flow_header_end(struct pdf_flow *f);

/* Rows from here on belong to a group of this tag; NULL: to none. */
void pdf_flow_group(struct pdf_flow *f, const char *tag);
/* Places what is held; a box of this height has room at y then. */
void pdf_flow_need(struct pdf_flow *f, double height);
/* What follows begins a page. */
void pdf_flow_break(struct pdf_flow *f);
/* The last page is finished. */
int pdf_flow_end(struct pdf_flow *f) DS_MUST_CHECK;

#endif

/*
 * pdf_lines: what pdf_text.c makes and pdf_lines.c draws.
 */
#ifndef REPORT_PDF_LINES_H
#define REPORT_PDF_LINES_H

#include "pdf_text.h"

struct pdf_glyph {
    uint32_t id, cluster; /* cluster: the byte that it begins with */
    double advance, x, y;
};

/* Text of one look and direction, in one line. */
struct pdf_piece {
    size_t from, n; /* bytes */
    size_t glyph;
    unsigned n_glyphs;
    double width;
    signed char level;
    struct pdf_look look;
};

struct pdf_line {
    size_t piece, n;
    double width;
};

struct pdf_lines {
    struct buf bytes, links, glyphs, pieces, lines;
    double size; /* of its largest letters */
};

static inline struct pdf_glyph *pdf_glyphs(const struct pdf_lines *l)
{
    return (struct pdf_glyph *)(void *)l->glyphs.mem;
}
static inline struct pdf_piece *pdf_pieces(const struct pdf_lines *l)
{
    return (struct pdf_piece *)(void *)l->pieces.mem;
}
static inline size_t pdf_pieces_count(const struct pdf_lines *l)
{
    return l->pieces.used / sizeof(struct pdf_piece);
}

#endif

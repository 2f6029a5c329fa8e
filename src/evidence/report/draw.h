/*
 * draw: lines, areas and words of a drawing, in its own whole units; how an ink looks is for who
 * draws (svg.c, pdf_draw.c).
 */
#ifndef REPORT_DRAW_H
#define REPORT_DRAW_H

#include <stdbool.h>

enum draw_what { DRAW_NEAR, DRAW_FAR, DRAW_BAR };

enum draw_ink {
    /* of maps */
    DRAW_SEA,
    DRAW_LAND,
    DRAW_BORDER,
    DRAW_COAST,
    DRAW_GRID,
    DRAW_GRID_WORD,
    DRAW_NAME,
    DRAW_SCALE,
    DRAW_SCALE_WORD,
    DRAW_MARK,
    DRAW_WINDOW,
    /* of time lines */
    DRAW_GOOD,
    DRAW_SOUND,
    DRAW_DAMAGED,
    DRAW_MISSING,
    DRAW_SILENCE,
    DRAW_TICK,
    DRAW_TRIGGER,
    DRAW_WORD,
    DRAW_INKS,
};

enum draw_anchor { DRAW_START, DRAW_MIDDLE, DRAW_END };

struct draw {
    const struct draw_ops *ops;
};

struct draw_ops {
    /* A path: begin, then move and line and shut, then end. */
    void (*path)(struct draw *d, enum draw_ink ink);
    void (*move)(struct draw *d, long x, long y);
    void (*line)(struct draw *d, long x, long y);
    void (*shut)(struct draw *d);
    void (*path_end)(struct draw *d);
    void (*rect)(struct draw *d, enum draw_ink ink, long x, long y, long width, long height);
    void (*circle)(struct draw *d, enum draw_ink ink, long x, long y, long radius);
    /* x: of the text's start, middle or end; y: of the line that it stands on. */
    void (*text)(struct draw *d, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                 const char *text);
};

#endif

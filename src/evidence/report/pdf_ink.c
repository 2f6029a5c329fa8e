/* How an ink looks on paper. */
#include "pdf_draw.h"

enum how { NONE, FILL, HATCH };

/* As style.css has them for print; widths and sizes in units of the drawing. */
static const struct look {
    enum how how;
    unsigned fill, stroke; /* 0xrrggbb */
    double width, dash, gap;
    double size; /* of letters, which have the colour `fill` */
} looks[DRAW_INKS] = {
    [DRAW_SEA] = {FILL, 0xe6eef5, 0, 0},
    [DRAW_LAND] = {FILL, 0xfbfaf6, 0xfbfaf6, 3},
    [DRAW_BORDER] = {NONE, 0, 0x8a8072, 9, 40, 20},
    [DRAW_COAST] = {NONE, 0, 0x6d8599, 9},
    [DRAW_GRID] = {NONE, 0, 0xc5d0da, 4},
    [DRAW_GRID_WORD] = {FILL, 0x555b63, .size = 95},
    [DRAW_NAME] = {FILL, 0x33373d, .size = 140},
    [DRAW_SCALE] = {NONE, 0, 0x111111, 12},
    [DRAW_SCALE_WORD] = {FILL, 0x444444, .size = 95},
    [DRAW_MARK] = {NONE, 0, 0xb3261e, 24},
    [DRAW_WINDOW] = {NONE, 0, 0xb3261e, 16},
    [DRAW_GOOD] = {FILL, 0x4a7c59, 0, 0},
    [DRAW_SOUND] = {FILL, 0xaec5b5, 0, 0},
    [DRAW_DAMAGED] = {HATCH, 0x8a1010, 0x8a1010, 2},
    [DRAW_MISSING] = {FILL, 0xffffff, 0x8a1010, 4},
    [DRAW_SILENCE] = {FILL, 0xffffff, 0x444444, 3},
    [DRAW_TICK] = {NONE, 0, 0x111111, 3},
    [DRAW_TRIGGER] = {FILL, 0x111111, 0x111111, 3},
    [DRAW_WORD] = {FILL, 0x444444, .size = 24},
    [DRAW_RULE] = {NONE, 0, 0xc9ced6, 1.5},
    [DRAW_SPAN] = {FILL, 0xe3eaf2, 0, 0},
    [DRAW_BAND] = {FILL, 0xf7e3bd, 0, 0},
    [DRAW_CURVE] = {NONE, 0, 0x1a4f8b, 4},
    [DRAW_DOT] = {FILL, 0x1a4f8b, 0, 0},
    [DRAW_EVENT] = {NONE, 0, 0xb3261e, 3, 9, 6},
    [DRAW_UNFIXED] = {HATCH, 0x555b63, 0x555b63, 1.5},
    [DRAW_HIDDEN] = {FILL, 0x555b63, 0, 0},
    [DRAW_WAY] = {NONE, 0, 0x1a4f8b, 44},
    [DRAW_WAY_AROUND] = {NONE, 0, 0x1a4f8b, 20, 60, 45},
};

#define HATCH_STEP 12

static void colour(cairo_t *cr, unsigned rgb)
{
    cairo_set_source_rgb(cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

/* Slanted lines over the path's box, which is empty after it. */
static void hatch(cairo_t *cr, unsigned rgb, double step)
{
    double x, y, right, bottom;
    cairo_path_extents(cr, &x, &y, &right, &bottom);
    colour(cr, 0xffffff);
    cairo_fill_preserve(cr);
    cairo_save(cr);
    cairo_clip(cr);
    for (double at = x - (bottom - y); at < right; at += step) {
        cairo_move_to(cr, at, bottom);
        cairo_line_to(cr, at + bottom - y, y);
    }
    colour(cr, rgb);
    cairo_set_line_width(cr, step * 0.35);
    cairo_stroke(cr);
    cairo_restore(cr);
}

void pdf_ink_path(cairo_t *cr, enum draw_ink ink, double scale)
{
    const struct look *l = &looks[ink];
    double dash[] = {l->dash * scale, l->gap * scale};
    if (l->how == FILL) {
        colour(cr, l->fill);
        cairo_fill_preserve(cr);
    }
    if (l->how == HATCH) {
        cairo_path_t *path = cairo_copy_path(cr);
        hatch(cr, l->fill, HATCH_STEP * scale);
        cairo_new_path(cr);
        cairo_append_path(cr, path);
        cairo_path_destroy(path);
    }
    if (l->width > 0) {
        colour(cr, l->stroke);
        cairo_set_line_width(cr, l->width * scale);
        cairo_set_dash(cr, dash, l->dash > 0 ? 2 : 0, 0);
        cairo_stroke_preserve(cr);
    }
    cairo_new_path(cr);
}

double pdf_ink_size(enum draw_ink ink)
{
    return looks[ink].size;
}

void pdf_ink_swatch(cairo_t *cr, enum draw_ink ink, double x, double y, double width, double height)
{
    const struct look *l = &looks[ink];
    cairo_save(cr);
    if (l->how == NONE) { /* a line: it has no inside to be shown */
        double dash[] = {width / 3, width / 4};
        cairo_move_to(cr, x, y + height / 2);
        cairo_line_to(cr, x + width, y + height / 2);
        colour(cr, l->stroke);
        cairo_set_line_width(cr, height / (l->dash > 0 ? 5 : 4));
        cairo_set_dash(cr, dash, l->dash > 0 ? 2 : 0, 0);
        cairo_stroke(cr);
    } else {
        cairo_rectangle(cr, x, y, width, height);
        pdf_ink_path(cr, ink, 0.3);
    }
    cairo_restore(cr);
}

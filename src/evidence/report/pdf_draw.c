#include "pdf_draw.h"
#include "clean.h"
#include "pdf_text.h"
#include <stdlib.h>

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
};

#define HATCH_STEP 12
#define STEP_LEAST 9 /* half a point of a map */

static struct pdf_draw *pdf_of(struct draw *d)
{
    return (struct pdf_draw *)d;
}

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

/* Fills and strokes the path; scale: of what the look is measured in. */
static void ink_path(cairo_t *cr, enum draw_ink ink, double scale)
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

static void path(struct draw *d, enum draw_ink ink)
{
    pdf_of(d)->ink = ink;
    cairo_new_path(pdf_of(d)->cr);
}

static void catch_up(struct pdf_draw *d)
{
    if (d->waits)
        cairo_line_to(d->cr, (double)d->to_x, (double)d->to_y);
    d->waits = false;
}

static void move(struct draw *draw, long x, long y)
{
    struct pdf_draw *d = pdf_of(draw);
    catch_up(d);
    cairo_move_to(d->cr, (double)x, (double)y);
    d->x = x;
    d->y = y;
}

static void line(struct draw *draw, long x, long y)
{
    struct pdf_draw *d = pdf_of(draw);
    d->waits = labs(x - d->x) + labs(y - d->y) < STEP_LEAST;
    if (d->waits) {
        d->to_x = x;
        d->to_y = y;
        return;
    }
    cairo_line_to(d->cr, (double)x, (double)y);
    d->x = x;
    d->y = y;
}

static void shut(struct draw *draw)
{
    catch_up(pdf_of(draw));
    cairo_close_path(pdf_of(draw)->cr);
}

static void path_end(struct draw *draw)
{
    catch_up(pdf_of(draw));
    ink_path(pdf_of(draw)->cr, pdf_of(draw)->ink, 1);
}

static void rect(struct draw *d, enum draw_ink ink, long x, long y, long width, long height)
{
    cairo_new_path(pdf_of(d)->cr);
    cairo_rectangle(pdf_of(d)->cr, (double)x, (double)y, (double)width, (double)height);
    ink_path(pdf_of(d)->cr, ink, 1);
}

static void circle(struct draw *d, enum draw_ink ink, long x, long y, long radius)
{
    cairo_new_path(pdf_of(d)->cr);
    cairo_arc(pdf_of(d)->cr, (double)x, (double)y, (double)radius, 0, 6.28318530717958648);
    ink_path(pdf_of(d)->cr, ink, 1);
}

static void text(struct draw *draw, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                 const char *words)
{
    struct pdf_draw *d = pdf_of(draw);
    struct pdf_text t;
    struct pdf_lines *lines = NULL;
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = looks[ink].size};
    struct clean c;
    pdf_text_init(&t);
    while (d->rc == 0 && clean_next(&words, false, &c))
        d->rc = pdf_text_add(&t, &look, c.bytes, c.n, d->err);
    if (d->rc == 0)
        d->rc = pdf_lines_new(&lines, d->fonts, &t, 1e9, d->err);
    if (lines) {
        double left = anchor == DRAW_START ? 0 : pdf_lines_width(lines, 0);
        pdf_lines_draw(lines, d->fonts, d->cr, 0,
                       (double)x - (anchor == DRAW_MIDDLE ? left / 2 : left), (double)y);
    }
    pdf_lines_free(&lines);
    pdf_text_clear(&t);
}

void pdf_draw_begin(struct pdf_draw *out, cairo_t *cr, const struct pdf_fonts *fonts, double x,
                    double y, double scale, int width, int height, struct err *err)
{
    static const struct draw_ops ops = {path, move, line, shut, path_end, rect, circle, text};
    *out = (struct pdf_draw){.draw = {&ops}, .cr = cr, .fonts = fonts, .err = err};
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, scale, scale);
    cairo_rectangle(cr, 0, 0, width, height);
    cairo_clip(cr);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
}

int pdf_draw_end(struct pdf_draw *d)
{
    cairo_restore(d->cr);
    return d->rc;
}

void pdf_draw_swatch(cairo_t *cr, enum draw_ink ink, double x, double y, double width,
                     double height)
{
    cairo_save(cr);
    cairo_rectangle(cr, x, y, width, height);
    ink_path(cr, ink, 0.3);
    cairo_restore(cr);
}

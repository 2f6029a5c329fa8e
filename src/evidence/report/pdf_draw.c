/* Drawings on paper. */
#include "pdf_draw.h"

#define STEP_LEAST 0.5 /* points: what is shorter cannot be seen */

static struct pdf_draw *pdf_of(struct draw *d)
{
    return (struct pdf_draw *)d;
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
    d->waits = (double)(labs(x - d->x) + labs(y - d->y)) < d->least;
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
    pdf_ink_path(pdf_of(draw)->cr, pdf_of(draw)->ink, 1);
}

static void rect(struct draw *d, enum draw_ink ink, long x, long y, long width, long height)
{
    cairo_new_path(pdf_of(d)->cr);
    cairo_rectangle(pdf_of(d)->cr, (double)x, (double)y, (double)width, (double)height);
    pdf_ink_path(pdf_of(d)->cr, ink, 1);
}

static void circle(struct draw *d, enum draw_ink ink, long x, long y, long radius)
{
    cairo_new_path(pdf_of(d)->cr);
    cairo_arc(pdf_of(d)->cr, (double)x, (double)y, (double)radius, 0, 6.28318530717958648);
    pdf_ink_path(pdf_of(d)->cr, ink, 1);
}

static void text(struct draw *draw, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                 const char *words)
{
    struct pdf_draw *d = pdf_of(draw);
    struct pdf_text t;
    struct pdf_lines *lines = NULL;
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = pdf_ink_size(ink)};
    struct clean c;
    pdf_text_init(&t);
    while (d->rc == 0 && clean_next(&words, false, &c))
        d->rc = pdf_text_add(&t, &look, c.bytes, c.n, d->err);
    if (d->rc == 0)
        d->rc = pdf_lines_new(&lines, d->fonts, &t, PDF_ONE_LINE, d->err);
    if (lines) {
        double left = anchor == DRAW_START ? 0 : pdf_lines_width(lines, 0);
        pdf_lines_draw(lines, d->cr, 0, (double)x - (anchor == DRAW_MIDDLE ? left / 2 : left),
                       (double)y);
    }
    pdf_lines_free(&lines);
    pdf_text_clear(&t);
}

void pdf_draw_begin(struct pdf_draw *out, cairo_t *cr, const struct pdf_fonts *fonts, double x,
                    double y, double scale, int width, int height, struct err *err)
{
    static const struct draw_ops ops = {path, move, line, shut, path_end, rect, circle, text};
    *out = (struct pdf_draw){
        .draw = {&ops}, .cr = cr, .fonts = fonts, .least = STEP_LEAST / scale, .err = err};
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

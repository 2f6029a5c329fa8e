#include "pdf_flow.h"
#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>

#define LINES_TOGETHER 2 /* so many at least before and behind a page's end */

void pdf_row_clear(struct pdf_row *r)
{
    for (size_t i = 0; i < r->n; i++)
        pdf_lines_free(&r->cell[i].lines);
    *r = (struct pdf_row){0};
}

void pdf_flow_init(struct pdf_flow *f, const struct pdf_fonts *fonts, cairo_surface_t *surface,
                   const char *foot, int pages, struct err *err)
{
    *f = (struct pdf_flow){
        .fonts = fonts, .surface = surface, .foot = foot, .pages = pages, .err = err};
    if (surface)
        f->cr = cairo_create(surface);
}

void pdf_flow_clear(struct pdf_flow *f)
{
    for (size_t i = 0; i < f->n_held; i++)
        pdf_row_clear(&f->held[i]);
    for (size_t i = 0; i < f->n_late; i++)
        pdf_row_clear(&f->late[i]);
    pdf_row_clear(&f->header);
    if (f->cr)
        cairo_destroy(f->cr);
    *f = (struct pdf_flow){0};
}

/* ---- pages ---- */

static void tag_begin(struct pdf_flow *f, const char *tag)
{
    if (f->cr && tag)
        cairo_tag_begin(f->cr, tag, NULL);
}

static void tag_end(struct pdf_flow *f, const char *tag)
{
    if (f->cr && tag)
        cairo_tag_end(f->cr, tag);
}

static void close_group(struct pdf_flow *f)
{
    if (f->group_open)
        tag_end(f, f->group);
    f->group_open = false;
}

/* One line of small letters. */
static void draw_foot_text(struct pdf_flow *f, const char *text, bool right)
{
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = 7.5};
    struct pdf_lines *lines = NULL;
    struct pdf_text t;
    pdf_text_init(&t);
    f->rc = pdf_text_add(&t, &look, text, strlen(text), f->err);
    if (f->rc == 0)
        f->rc = pdf_lines_new(&lines, f->fonts, &t, PDF_WIDTH - 90, f->err);
    if (lines)
        pdf_lines_draw(lines, f->cr, 0, right ? PDF_RIGHT - pdf_lines_width(lines, 0) : PDF_LEFT,
                       PDF_PAGE_HEIGHT - 36);
    pdf_lines_free(&lines);
    pdf_text_clear(&t);
}

static void draw_rule(struct pdf_flow *f, double left, double right, double y, double width)
{
    double grey = width > 0.7 ? 0.1 : 0.75;
    cairo_set_source_rgb(f->cr, grey, grey, grey);
    cairo_set_line_width(f->cr, width);
    cairo_move_to(f->cr, left, y);
    cairo_line_to(f->cr, right, y);
    cairo_stroke(f->cr);
}

static void finish_page(struct pdf_flow *f)
{
    char number[64];
    close_group(f);
    if (!f->cr || f->page == 0 || f->rc < 0)
        return;
    draw_rule(f, PDF_LEFT, PDF_RIGHT, PDF_PAGE_HEIGHT - 48, 0.4);
    snprintf(number, sizeof number, "Page %d of %d", f->page, f->pages);
    draw_foot_text(f, f->foot, false);
    if (f->rc == 0)
        draw_foot_text(f, number, true);
    cairo_show_page(f->cr);
}

static void place(struct pdf_flow *f, struct pdf_row *row);

static void new_page(struct pdf_flow *f)
{
    finish_page(f);
    f->page++;
    f->y = PDF_TOP;
    if (f->in_table) {
        f->in_table = false; /* so that a header for itself begins no page */
        place(f, &f->header);
        f->in_table = true;
    }
}

/* ---- rows ---- */

static size_t lines_of(const struct pdf_row *row)
{
    size_t n = 0;
    for (size_t i = 0; i < row->n; i++) {
        size_t own = pdf_lines_count(row->cell[i].lines);
        n = own > n ? own : n;
    }
    return n;
}

/* Height of lines [from, until) of all cells. */
static double slice_height(const struct pdf_row *row, size_t from, size_t until)
{
    double most = 0;
    for (size_t i = 0; i < row->n; i++) {
        const struct pdf_lines *l = row->cell[i].lines;
        size_t own = pdf_lines_count(l), end = own < until ? own : until;
        double height = end > from ? (double)(end - from) * pdf_lines_pitch(l) : 0;
        most = height > most ? height : most;
    }
    return most + (from == 0 ? row->pad : 0) + (until >= lines_of(row) ? row->bottom : 0);
}

static double row_height(const struct pdf_row *row)
{
    return slice_height(row, 0, lines_of(row));
}

static void draw_back(struct pdf_flow *f, const struct pdf_row *row, double top, double height)
{
    double width = row->right - row->left;
    cairo_t *cr = f->cr;
    if (row->back == PDF_PANEL) {
        cairo_set_source_rgb(cr, 0.955, 0.96, 0.968);
        cairo_rectangle(cr, row->left, top, width, height + 0.2); /* no seam to the next */
        cairo_fill(cr);
    } else if (row->back == PDF_BAR) {
        cairo_set_source_rgb(cr, 0.7, 0.72, 0.75);
        cairo_rectangle(cr, row->left, top, 2.2, height);
        cairo_fill(cr);
    } else if (row->back == PDF_FRAME) {
        cairo_set_source_rgb(cr, 0.72, 0.53, 0.1);
        cairo_set_line_width(cr, 1.3);
        cairo_rectangle(cr, row->left + 0.65, top, width - 1.3, height);
        cairo_stroke(cr);
    }
}

static void begin_row(struct pdf_flow *f, const struct pdf_row *row, double top)
{
    char attributes[120];
    if (row->anchor[0]) {
        snprintf(attributes, sizeof attributes, "name='%s' internal", row->anchor);
        cairo_tag_begin(f->cr, CAIRO_TAG_DEST, attributes);
        cairo_tag_end(f->cr, CAIRO_TAG_DEST);
    }
    if (row->outline) {
        snprintf(attributes, sizeof attributes, "page=%d pos=[%d %d]", f->page, (int)row->left,
                 (int)top);
        int id = cairo_pdf_surface_add_outline(
            f->surface, row->outline == 1 ? CAIRO_PDF_OUTLINE_ROOT : f->chapter, row->title,
            attributes, row->outline == 1 ? CAIRO_PDF_OUTLINE_FLAG_OPEN : 0);
        f->chapter = row->outline == 1 ? id : f->chapter;
    }
    if (f->group && !f->group_open && row->cell_tag) {
        tag_begin(f, f->group);
        f->group_open = true;
    }
}

/* Lines of the row from `from` on that fit below y. */
static size_t fitting(const struct pdf_flow *f, const struct pdf_row *row, size_t from)
{
    size_t all = lines_of(row), until = all;
    double pitch = 1;
    for (size_t i = 0; i < row->n; i++)
        pitch = pdf_lines_pitch(row->cell[i].lines) > pitch ? pdf_lines_pitch(row->cell[i].lines)
                                                            : pitch;
    double room = PDF_BOTTOM - f->y - (from == 0 ? row->pad : 0);
    if (f->y + slice_height(row, from, all) <= PDF_BOTTOM)
        return all;
    until = room > 0 ? from + (size_t)(room / pitch) : from;
    if (until + LINES_TOGETHER > all)
        until = all > LINES_TOGETHER ? all - LINES_TOGETHER : 0;
    return until < from + LINES_TOGETHER ? from : until;
}

/* From y on, over as many pages as it takes. */
static void place(struct pdf_flow *f, struct pdf_row *row)
{
    size_t all = lines_of(row), from = 0;
    if (f->y > PDF_TOP)
        f->y += row->above;
    while (f->rc == 0) {
        size_t until = fitting(f, row, from);
        bool at_top = f->y <= PDF_TOP || (f->in_table && f->y <= PDF_TOP + row_height(&f->header));
        if (until == from && at_top)
            until = from + 1;
        if (f->cr && (until > from || all == 0)) {
            double height = slice_height(row, from, until), top = f->y;
            draw_back(f, row, top, height);
            if (row->rule > 0 && from == 0)
                draw_rule(f, row->left, row->right, top, row->rule);
            if (from == 0)
                begin_row(f, row, top);
            tag_begin(f, row->tag);
            for (size_t i = 0; i < row->n; i++) {
                const struct pdf_lines *l = row->cell[i].lines;
                tag_begin(f, row->cell_tag);
                for (size_t k = from; k < until && k < pdf_lines_count(l); k++)
                    pdf_lines_draw(l, f->cr, k, row->cell[i].x,
                                   top + (from == 0 ? row->pad : 0) + pdf_lines_rise(l) +
                                       (double)(k - from) * pdf_lines_pitch(l));
                tag_end(f, row->cell_tag);
            }
            tag_end(f, row->tag);
        }
        if (until > from || all == 0)
            f->y += slice_height(row, from, until);
        from = until;
        if (from >= all)
            return;
        new_page(f);
    }
}

/* The least height that must be there for a row to begin. */
static double least(const struct pdf_row *row)
{
    size_t all = lines_of(row);
    double whole = row_height(row);
    bool split = !row->whole || whole > PDF_BOTTOM - PDF_TOP;
    return row->above +
           (split && all > 2 * LINES_TOGETHER - 1 ? slice_height(row, 0, LINES_TOGETHER) : whole);
}

void pdf_flow_need(struct pdf_flow *f, double height)
{
    double held = 0;
    for (size_t i = 0; i < f->n_held; i++)
        held += f->held[i].above + row_height(&f->held[i]);
    if (f->page == 0 || (f->y > PDF_TOP && f->y + held + height > PDF_BOTTOM))
        new_page(f);
    for (size_t i = 0; i < f->n_held; i++) {
        place(f, &f->held[i]);
        pdf_row_clear(&f->held[i]);
    }
    f->n_held = 0;
}

void pdf_flow_hold(struct pdf_flow *f, struct pdf_row *row)
{
    if (f->n_held == PDF_HELD_MAX)
        pdf_flow_need(f, 0);
    f->held[f->n_held++] = *row;
}

/* with: height of what must be on the same page. */
static void row_now(struct pdf_flow *f, struct pdf_row *row, double with)
{
    bool header = f->header.n && !f->in_table;
    pdf_flow_need(f, least(row) + (header ? row_height(&f->header) : 0) + with);
    if (header)
        place(f, &f->header);
    f->in_table = f->in_table || header;
    place(f, row);
    pdf_row_clear(row);
}

/* The last rows of a group, together where they are small. */
static void place_late(struct pdf_flow *f)
{
    double last = f->n_late == PDF_LATE ? row_height(&f->late[PDF_LATE - 1]) : 0;
    for (size_t i = 0; i < f->n_late; i++)
        row_now(f, &f->late[i], i == 0 && last < (PDF_BOTTOM - PDF_TOP) / 4 ? last : 0);
    f->n_late = 0;
}

void pdf_flow_row(struct pdf_flow *f, struct pdf_row *row)
{
    if (!f->group) {
        row_now(f, row, 0);
        return;
    }
    if (f->n_late == PDF_LATE) {
        row_now(f, &f->late[0], 0);
        f->late[0] = f->late[1]; /* PDF_LATE is 2 */
        f->n_late = 1;
    }
    f->late[f->n_late++] = *row;
}

void pdf_flow_group(struct pdf_flow *f, const char *tag)
{
    place_late(f);
    close_group(f);
    f->group = tag;
}

void pdf_flow_header(struct pdf_flow *f, struct pdf_row *row)
{
    pdf_row_clear(&f->header);
    f->header = *row;
}

void pdf_flow_header_end(struct pdf_flow *f)
{
    place_late(f);
    pdf_row_clear(&f->header);
    f->in_table = false;
}

void pdf_flow_break(struct pdf_flow *f)
{
    pdf_flow_need(f, 0);
    f->y = f->y > PDF_TOP ? PDF_BOTTOM + 1 : f->y;
}

int pdf_flow_end(struct pdf_flow *f)
{
    pdf_flow_need(f, 0);
    finish_page(f);
    return f->rc;
}

/* Each part of the report as rows on paper. */
#include "pdf.h"
#include <stdio.h>
#include <string.h>

/* An event begins a page, unless one has only begun. */
#define EVENT_LOWEST (PDF_TOP + 0.35 * (PDF_BOTTOM - PDF_TOP))
#define PANEL_INSET  12.0
#define PICTURE_GAP  14.0

/* How a part that holds text looks, and where it stands. */
static const struct style {
    enum pdf_face face;
    enum pdf_colour colour;
    double size, above, pad, bottom, inset;
    enum pdf_back back;
    const char *tag;
} styles[DOC_PARTS] = {
    [DOC_HEAD_1] = {PDF_BOLD, PDF_INK, 17, 0, 0, 6, 0, PDF_PLAIN, "H1"},
    [DOC_HEAD_2] = {PDF_BOLD, PDF_INK, 13, 16, 6, 3, 0, PDF_PLAIN, "H2"},
    [DOC_HEAD_3] = {PDF_BOLD, PDF_INK, 10.5, 13, 0, 3, 0, PDF_PLAIN, "H3"},
    [DOC_HEAD_4] = {PDF_BOLD, PDF_INK, 9, 9, 0, 2, 0, PDF_PLAIN, "H4"},
    [DOC_PARAGRAPH] = {PDF_SANS, PDF_INK, 9, 3, 0, 2, 0, PDF_PLAIN, "P"},
    [DOC_SMALL] = {PDF_SANS, PDF_SOFT, 7.8, 1, 0, 2, 0, PDF_PLAIN, "P"},
    [DOC_NOTE] = {PDF_SANS, PDF_INK, 9, 9, 3, 3, 12, PDF_BAR, "P"},
    [DOC_WARNING] = {PDF_SANS, PDF_INK, 9, 9, 7, 7, 11, PDF_FRAME, "P"},
    [DOC_KEY] = {PDF_SANS, PDF_SOFT, 7.5, 0, 0, 3, 0, PDF_PLAIN, "P"},
    [DOC_CAPTION] = {PDF_SANS, PDF_INK, 8.5, 2, 0, 4, 0, PDF_PLAIN, "P"},
    [DOC_COVER_LINE] = {PDF_BOLD, PDF_INK, 9, 0, 0.5, 0.5, 0, PDF_PLAIN, "P"},
    [DOC_ITEM] = {PDF_SANS, PDF_INK, 9, 0, 1.5, 1.5, 0, PDF_PLAIN, "LI"},
    [DOC_FACT] = {PDF_SANS, PDF_INK, 8.3, 0, 2.1, 1.7, 0, PDF_PLAIN, "TR"},
    [DOC_CELL] = {PDF_SANS, PDF_INK, 8, 0, 3, 3.4, 0, PDF_PLAIN, "TR"},
    [DOC_COMMAND] = {PDF_MONO, PDF_INK, 8, 3, 6, 6, 9, PDF_PANEL, "P"},
    [DOC_FOOT] = {PDF_SANS, PDF_SOFT, 7.8, 18, 5, 0, 0, PDF_PLAIN, "P"},
};

static struct pdf *pdf_of(struct doc *d)
{
    return (struct pdf *)d;
}

static void begin_text(struct pdf *p, enum doc_part part)
{
    pdf_begin(p, &(struct pdf_look){.face = styles[part].face,
                                    .colour = styles[part].colour,
                                    .size = styles[part].size});
}

/* ---- rows ---- */

static void row_begin(struct pdf *p, enum doc_part part)
{
    const struct style *s = &styles[part];
    p->row = (struct pdf_row){.above = s->above,
                              .pad = s->pad,
                              .bottom = s->bottom,
                              .left = p->left,
                              .right = p->right,
                              .back = s->back,
                              .tag = s->tag};
    if (p->in_panel) {
        p->row.left -= PANEL_INSET;
        p->row.right += PANEL_INSET;
        p->row.back = PDF_PANEL;
        p->row.pad += p->row.above;
        p->row.above = 0;
    }
}

static void row_place(struct pdf *p, bool hold)
{
    if (p->doc.rc < 0)
        pdf_row_clear(&p->row);
    else if (hold)
        pdf_flow_hold(&p->flow, &p->row);
    else
        pdf_flow_row(&p->flow, &p->row);
    p->row = (struct pdf_row){0};
    pdf_keep(p, 0);
}

static void close_heading(struct pdf *p, enum doc_part part)
{
    int level = part == DOC_HEAD_2 && !p->in_panel ? 1 : part == DOC_HEAD_3 && p->in_card ? 2 : 0;
    row_begin(p, part);
    if (part == DOC_HEAD_2 && p->in_panel)
        p->row.pad = 9;
    else if (part == DOC_HEAD_2)
        p->row.rule = 1.1;
    if (level || p->anchor[0])
        snprintf(p->row.anchor, sizeof p->row.anchor, "%s", p->anchor);
    p->anchor[0] = 0;
    pdf_end(p, p->left, p->right - p->left);
    p->row.outline = p->row.n ? level : 0;
    p->row.title = p->row.n ? pdf_lines_text(p->row.cell[0].lines) : NULL;
    row_place(p, part != DOC_HEAD_1);
}

/* The bullet or number stands in a column of its own. */
static void close_item(struct pdf *p)
{
    char mark[16];
    struct pdf_row lead = {0};
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = styles[DOC_ITEM].size};
    double indent = p->numbered ? 18 : 12;
    struct pdf_lines *body = NULL;
    row_begin(p, DOC_ITEM);
    pdf_end(p, p->left + indent, p->right - p->left - indent);
    if (p->row.n)
        body = p->row.cell[0].lines;
    snprintf(mark, sizeof mark, p->numbered ? "%d." : "•", ++p->item);
    pdf_say(p, &look, mark, p->left + 1, indent, &lead);
    if (lead.n && body) {
        p->row.cell[1] = p->row.cell[0];
        p->row.cell[0] = lead.cell[0];
        p->row.n = 2;
    } else
        pdf_row_clear(&lead);
    p->row.cell_tag = "LBody";
    row_place(p, false);
}

static void close_command(struct pdf *p)
{
    const struct style *s = &styles[DOC_COMMAND];
    struct pdf_look look = {.face = s->face, .colour = s->colour, .size = s->size};
    double width = p->right - p->left - 2 * s->inset;
    size_t letters = (size_t)(width / (s->size * 0.6021)); /* all are as wide */
    struct buf folded;
    buf_init(&folded, p->text.bytes.max_bytes);
    if (p->doc.rc == 0)
        pdf_keep(p, pdf_fold_command(&folded, (const char *)buf_data(&p->text.bytes),
                                     p->text.bytes.used, letters, p->doc.err));
    pdf_text_clear(&p->text);
    if (p->doc.rc == 0)
        pdf_keep(p, pdf_text_add(&p->text, &look, buf_data(&folded), folded.used, p->doc.err));
    buf_clear(&folded);
    row_begin(p, DOC_COMMAND);
    pdf_end(p, p->left + s->inset, width);
    row_place(p, false);
    p->lines = false;
}

static void close_plain(struct pdf *p, enum doc_part part)
{
    double inset = styles[part].inset;
    row_begin(p, part);
    pdf_end(p, p->left + inset, p->right - p->left - 2 * inset);
    p->row.whole = part == DOC_WARNING || part == DOC_NOTE;
    row_place(p, part == DOC_CAPTION);
}

/* A name, then what there is to say: two cells. */
static void open_fact(struct pdf *p, enum doc_part part, const char *name)
{
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = styles[part].size};
    struct pdf_row lead;
    pdf_say(p, &look, name, p->left, p->name_width - 8, &lead);
    row_begin(p, part);
    p->row.n = lead.n;
    p->row.cell[0] = lead.cell[0];
    p->row.rule = part == DOC_FACT && p->item++ > 0 ? 0.4 : 0;
    p->row.whole = true;
    p->row.cell_tag = "TD";
    if (p->in_panel)
        p->row.rule = 0;
    begin_text(p, part);
}

static void close_fact(struct pdf *p)
{
    pdf_end(p, p->left + p->name_width, p->right - p->left - p->name_width);
    row_place(p, false);
}

/* Where a column begins, as a share of the width; one more for the end. */
static double column_at(size_t columns, size_t i)
{
    static const double five[] = {0, 0.22, 0.475, 0.63, 0.75, 1}, three[] = {0, 0.36, 0.6, 1};
    return columns == 5 ? five[i] : columns == 3 ? three[i] : (double)i / (double)columns;
}

static void close_cell(struct pdf *p)
{
    double all = p->right - p->left, from = column_at(p->columns, p->column) * all,
           until = column_at(p->columns, p->column + 1) * all;
    pdf_end(p, p->left + from, until - from - (p->column + 1 < p->columns ? 9 : 0));
    p->column += p->column + 1 < p->columns;
}

static void table(struct doc *d, const char *caption, const char *const *column, size_t n)
{
    struct pdf *p = pdf_of(d);
    begin_text(p, DOC_SMALL);
    pdf_words(d, caption);
    row_begin(p, DOC_SMALL);
    pdf_end(p, p->left, p->right - p->left);
    row_place(p, true);
    p->columns = n;
    p->column = 0;
    pdf_flow_group(&p->flow, "Table");
    row_begin(p, DOC_CELL);
    for (size_t i = 0; i < n; i++) {
        pdf_begin(p, &(struct pdf_look){.face = PDF_BOLD, .colour = PDF_SOFT, .size = 7.5});
        pdf_words(d, column[i]);
        close_cell(p);
    }
    p->row.cell_tag = "TH";
    if (d->rc == 0)
        pdf_flow_header(&p->flow, &p->row);
    else
        pdf_row_clear(&p->row);
    p->row = (struct pdf_row){0};
}

/* ---- parts ---- */

static void open_group(struct pdf *p, enum doc_part part, const char *name)
{
    double whole = PDF_RIGHT - PDF_LEFT;
    if (part == DOC_EVENT && p->flow.y > EVENT_LOWEST)
        pdf_flow_break(&p->flow);
    if (part == DOC_BRIEF) {
        p->in_panel = true;
        p->left += PANEL_INSET;
        p->right -= PANEL_INSET;
        pdf_flow_need(&p->flow, 120);
        p->flow.y += p->flow.y > PDF_TOP ? 12 : 0;
    }
    if (name)
        snprintf(p->anchor, sizeof p->anchor, "%.30s", name);
    p->in_card = p->in_card || part == DOC_CARD;
    if (part == DOC_CARD)
        p->card_page = 0;
    p->item = 0;
    p->numbered = part == DOC_NUMBERED;
    p->name_width = part == DOC_COVER_LINES  ? 70
                    : part == DOC_FACTS_WIDE ? 0.27 * whole
                    : p->in_card             ? 66
                                             : 90;
    if (part == DOC_FACTS && p->in_card)
        p->left = PDF_LEFT + PDF_PICTURE_WIDTH + PICTURE_GAP;
    if (part == DOC_FACTS || part == DOC_FACTS_WIDE || part == DOC_BULLETS || part == DOC_NUMBERED)
        pdf_flow_group(&p->flow, part == DOC_FACTS || part == DOC_FACTS_WIDE ? "Table" : "L");
    if (part == DOC_MAPS)
        pdf_maps(p, true);
    pdf_keep(p, 0);
}

static void close_group(struct pdf *p, enum doc_part part)
{
    if (part == DOC_BRIEF) {
        row_begin(p, part); /* some more of the panel */
        p->row.pad = 7;
        row_place(p, false);
        p->in_panel = false;
        p->left = PDF_LEFT;
        p->right = PDF_RIGHT;
    }
    if (part == DOC_TABLE)
        pdf_flow_header_end(&p->flow);
    if (part == DOC_FACTS || part == DOC_FACTS_WIDE || part == DOC_BULLETS ||
        part == DOC_NUMBERED || part == DOC_TABLE) {
        pdf_flow_group(&p->flow, NULL);
        p->flow.y += p->in_panel ? 0 : 3;
    }
    if (part == DOC_FACTS && p->in_card) {
        p->left = PDF_LEFT;
        if (p->card_page == p->flow.page && p->flow.y < p->card_bottom)
            p->flow.y = p->card_bottom;
    }
    p->in_card = p->in_card && part != DOC_CARD;
    if (part == DOC_MAPS)
        pdf_maps(p, false);
}

static void open_part(struct doc *d, enum doc_part part, const char *name)
{
    struct pdf *p = pdf_of(d);
    if (part >= DOC_STRONG)
        pdf_open_span(p, part, name);
    else if (part == DOC_FACT || part == DOC_COVER_LINE)
        open_fact(p, part, name);
    else if (part == DOC_ROW) {
        row_begin(p, DOC_CELL);
        p->row.rule = 0.4;
        p->row.whole = true;
        p->row.cell_tag = "TD";
        p->column = 0;
    } else if (part >= DOC_HEAD_1) {
        if (name)
            snprintf(p->anchor, sizeof p->anchor, "%.30s", name);
        begin_text(p, part);
        p->lines = part == DOC_COMMAND;
    } else
        open_group(p, part, name);
}

static void close_part(struct doc *d, enum doc_part part)
{
    struct pdf *p = pdf_of(d);
    if (part >= DOC_STRONG)
        p->n_looks -= p->n_looks > 1;
    else if (part == DOC_FACT || part == DOC_COVER_LINE)
        close_fact(p);
    else if (part == DOC_CELL)
        close_cell(p);
    else if (part == DOC_ROW)
        row_place(p, false);
    else if (part == DOC_ITEM)
        close_item(p);
    else if (part == DOC_COMMAND)
        close_command(p);
    else if (part >= DOC_HEAD_1 && part <= DOC_HEAD_4)
        close_heading(p, part);
    else if (part > DOC_HEAD_4)
        close_plain(p, part);
    else
        close_group(p, part);
}

const struct doc_ops pdf_ops = {open_part,   close_part, pdf_words,   pdf_line_end,   table,
                                pdf_picture, pdf_swatch, pdf_drawing, pdf_drawing_end};

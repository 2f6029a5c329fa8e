/*
 * The report on paper: a doc (doc.h) behind which text, pictures and drawings become rows, and rows
 * pages. It is told twice: to count the pages, then to write them.
 */
#include "dashspool/clock.h"
#include "dashspool/reader.h"
#include "format.h"
#include "page.h"
#include "pdf_draw.h"
#include "pdf_flow.h"
#include <cairo-pdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event begins a page, unless one has only begun. */
#define EVENT_LOWEST   (PDF_TOP + 0.35 * (PDF_BOTTOM - PDF_TOP))
#define PANEL_INSET    12.0

#define PICTURE_WIDTH  214.0 /* of the column in which a card has its picture */
#define PICTURE_HEIGHT 190.0 /* at most */
#define PICTURE_GAP    14.0
#define JPEG_SIDE_MAX  8192 /* larger than this no picture of a camera is */

#define BAR_SCALE      0.345 /* its letters are as high as those of a caption then */
#define MAP_SCALE      0.056
#define MAP_GAP        9.0
#define MAP_HEIGHT     (3000 * MAP_SCALE)

#define FOOT_MAX       1024 /* more than a line has room for */

enum { LOOKS_MAX = 8 };

struct pdf {
    struct doc doc; /* first: a paper is a doc */
    const struct pdf_fonts *fonts;
    struct pdf_flow flow;
    double left, right; /* of what is placed now */
    double name_width;  /* of a fact's name */

    struct pdf_text text; /* of the part that is open */
    struct pdf_look look[LOOKS_MAX];
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

/* ---- text ---- */

static void keep(struct pdf *p, int rc)
{
    if (rc < 0 && p->doc.rc == 0)
        p->doc.rc = rc;
    if (p->flow.rc < 0 && p->doc.rc == 0)
        p->doc.rc = p->flow.rc;
}

static struct pdf_look *look_of(struct pdf *p)
{
    return &p->look[p->n_looks - 1];
}

static void text_add(struct pdf *p, const void *bytes, size_t n)
{
    if (p->doc.rc == 0 && p->n_looks)
        keep(p, pdf_text_add(&p->text, look_of(p), bytes, n, p->doc.err));
}

/* Spaces in a row are one, as on the page; but for a command. */
static void text_words(struct doc *d, const char *words)
{
    struct pdf *p = pdf_of(d);
    struct clean c;
    while (d->rc == 0 && clean_next(&words, p->lines, &c)) {
        const struct buf *b = &p->text.bytes;
        if (c.value != ' ' || p->lines || b->used == 0 || buf_data(b)[b->used - 1] != ' ')
            text_add(p, c.bytes, c.n);
    }
}

static void text_line_end(struct doc *d)
{
    text_add(pdf_of(d), "\n", 1);
}

static void text_swatch(struct doc *d, enum draw_ink ink)
{
    struct pdf *p = pdf_of(d);
    struct pdf_look before = *look_of(p);
    if (p->text.bytes.used)
        text_words(d, "\u2003");
    look_of(p)->swatch = true;
    look_of(p)->ink = ink;
    text_add(p, "\xef\xbf\xbc", 3);
    *look_of(p) = before;
}

static void text_begin(struct pdf *p, const struct pdf_look *look)
{
    p->look[0] = *look;
    p->n_looks = 1;
    p->text.size = look->size;
}

static void text_end(struct pdf *p, double x, double width)
{
    struct pdf_lines *lines = NULL;
    p->n_looks = 0;
    if (p->doc.rc == 0 && p->row.n < PDF_CELLS_MAX)
        keep(p, pdf_lines_new(&lines, p->fonts, &p->text, width, p->doc.err));
    if (lines) {
        p->row.cell[p->row.n].x = x;
        p->row.cell[p->row.n++].lines = lines;
    }
}

static void say(struct pdf *p, const struct pdf_look *look, const char *words, double x,
                double width, struct pdf_row *out)
{
    struct pdf_row kept = p->row;
    p->row = (struct pdf_row){.left = p->left, .right = p->right};
    text_begin(p, look);
    text_words(&p->doc, words);
    text_end(p, x, width);
    *out = p->row;
    p->row = kept;
}

/* A link's words; to: "dest='file-1'" or "uri='geo:1,2'". */
static void push_link(struct pdf *p, const char *kind, const char *to)
{
    char attribute[200];
    uint32_t at = (uint32_t)p->text.links.used + 1;
    if (strpbrk(to, "'\\") || strlen(to) > 150) /* our own never */
        return;
    snprintf(attribute, sizeof attribute, "%s='%s'", kind, to);
    keep(p, buf_append(&p->text.links, attribute, strlen(attribute) + 1, p->doc.err));
    look_of(p)->link = at;
}

static void text_begin_part(struct pdf *p, enum doc_part part)
{
    text_begin(p, &(struct pdf_look){.face = styles[part].face,
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
    keep(p, 0);
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
    text_end(p, p->left, p->right - p->left);
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
    text_end(p, p->left + indent, p->right - p->left - indent);
    if (p->row.n)
        body = p->row.cell[0].lines;
    snprintf(mark, sizeof mark, p->numbered ? "%d." : "•", ++p->item);
    say(p, &look, mark, p->left + 1, indent, &lead);
    if (lead.n && body) {
        p->row.cell[1] = p->row.cell[0];
        p->row.cell[0] = lead.cell[0];
        p->row.n = 2;
    } else
        pdf_row_clear(&lead);
    p->row.cell_tag = "LBody";
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
    text_end(p, p->left + from, until - from - (p->column + 1 < p->columns ? 9 : 0));
    p->column += p->column + 1 < p->columns;
}

static void table(struct doc *d, const char *caption, const char *const *column, size_t n)
{
    struct pdf *p = pdf_of(d);
    text_begin_part(p, DOC_SMALL);
    text_words(d, caption);
    row_begin(p, DOC_SMALL);
    text_end(p, p->left, p->right - p->left);
    row_place(p, true);
    p->columns = n;
    p->column = 0;
    pdf_flow_group(&p->flow, "Table");
    row_begin(p, DOC_CELL);
    for (size_t i = 0; i < n; i++) {
        text_begin(p, &(struct pdf_look){.face = PDF_BOLD, .colour = PDF_SOFT, .size = 7.5});
        text_words(d, column[i]);
        close_cell(p);
    }
    p->row.cell_tag = "TH";
    if (d->rc == 0)
        pdf_flow_header(&p->flow, &p->row);
    else
        pdf_row_clear(&p->row);
    p->row = (struct pdf_row){0};
}

/* ---- pictures ---- */

enum { SOI = 0xd8, SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, DQT = 0xdb, DRI = 0xdd, COM = 0xfe };

/* A segment that may be before the frame header. */
static bool jpeg_harmless(uint8_t marker)
{
    return marker == DHT || marker == DQT || marker == DRI || marker == COM ||
           (marker >= 0xe0 && marker <= 0xef); /* APPn */
}

static bool jpeg_frame(struct rd *r, uint16_t length, int *width_px, int *height_px)
{
    uint8_t bits = rd_u8(r);
    *height_px = rd_be16(r);
    *width_px = rd_be16(r);
    uint8_t channels = rd_u8(r);
    return !r->bad && bits == 8 && (channels == 1 || channels == 3) && length == 8 + 3 * channels &&
           rd_bytes(r, 3U * channels) && *width_px > 0 && *height_px > 0 &&
           *width_px <= JPEG_SIDE_MAX && *height_px <= JPEG_SIDE_MAX;
}

/* Size of a JPEG with 8 bits a channel, grey or in colours (ITU-T T.81, B.2: SOI, then segments up
 * to SOF0, SOF1 or SOF2). false: it is none, or none that a PDF can hold (ISO 32000-1, 7.4.8). */
static bool jpeg_size(const uint8_t *data, size_t n, int *width_px, int *height_px)
{
    struct rd r = rd_init(data, data ? n : 0);
    if (rd_be16(&r) != (0xff00 | SOI))
        return false;
    while (!r.bad) {
        uint8_t lead = rd_u8(&r), marker = rd_u8(&r);
        uint16_t length = rd_be16(&r);
        if (r.bad || lead != 0xff || length < 2)
            return false;
        if (marker >= SOF0 && marker <= SOF2)
            return jpeg_frame(&r, length, width_px, height_px);
        if (!jpeg_harmless(marker))
            return false;
        (void)rd_bytes(&r, length - 2U);
    }
    return false;
}

/* The bytes go into the PDF as they are; nobody decodes them here. cairo wants a surface besides:
 * it does not look at its dots, but copies them, so that it has one only, as large as the picture.
 */
static int put_jpeg(struct pdf *p, const uint8_t *jpeg, size_t n, double x, double y, double width,
                    double height)
{
    cairo_t *cr = p->flow.cr;
    unsigned char *bytes = malloc(n);
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_status_t status = cairo_surface_status(s);
    if (!bytes || status != CAIRO_STATUS_SUCCESS) {
        free(bytes);
        cairo_surface_destroy(s);
        return err_nomem(p->doc.err, "a picture");
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = jpeg[i];
    status = cairo_surface_set_mime_data(s, CAIRO_MIME_TYPE_JPEG, bytes, n, free, bytes);
    if (status != CAIRO_STATUS_SUCCESS)
        free(bytes);
    else {
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, width, height);
        cairo_set_source_surface(cr, s, 0, 0);
        cairo_tag_begin(cr, "Figure", NULL);
        cairo_paint(cr);
        cairo_tag_end(cr, "Figure");
        cairo_restore(cr);
    }
    cairo_surface_destroy(s);
    return status == CAIRO_STATUS_SUCCESS ? ERR_OK : err_nomem(p->doc.err, "a picture");
}

static void place_picture(struct pdf *p, const uint8_t *jpeg, size_t n, const char *what)
{
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = 7.5};
    struct pdf_row words;
    int width = 16, height = 5;
    bool ok = jpeg_size(jpeg, n, &width, &height);
    double scale = PICTURE_WIDTH / width;
    scale = scale * height > PICTURE_HEIGHT ? PICTURE_HEIGHT / height : scale;
    double high = scale * height;
    say(p, &look, ok ? what ? what : "" : DOC_NO_PICTURE, PDF_LEFT + (ok ? 0 : 12),
        PICTURE_WIDTH - (ok ? 0 : 24), &words);
    words.tag = "P";
    words.pad = 3;
    if (p->doc.rc < 0) {
        pdf_row_clear(&words);
        return;
    }
    size_t lines = words.n ? pdf_lines_count(words.cell[0].lines) : 0;
    double caption = 10.5 * (double)(lines < 8 ? lines : 8);
    pdf_flow_need(&p->flow, high + caption + 6);
    double top = p->flow.y;
    int page = p->flow.page;
    if (p->flow.cr && ok)
        keep(p, put_jpeg(p, jpeg, n, PDF_LEFT, top, scale * width, high));
    else if (p->flow.cr) {
        cairo_set_source_rgb(p->flow.cr, 0.955, 0.96, 0.968);
        cairo_rectangle(p->flow.cr, PDF_LEFT, top, PICTURE_WIDTH, high);
        cairo_fill(p->flow.cr);
    }
    p->flow.y = top + (ok ? high : high / 2 - 8);
    if (p->doc.rc == 0)
        pdf_flow_row(&p->flow, &words);
    else
        pdf_row_clear(&words);
    keep(p, 0);
    p->card_page = p->flow.page;
    p->card_bottom = ok || p->flow.y > top + high ? p->flow.y + 6 : top + high + 6;
    if (p->flow.page == page) /* the facts stand beside it */
        p->flow.y = top;
}

static void picture(struct doc *d, const struct report_picture *picture)
{
    struct pdf *p = pdf_of(d);
    const uint8_t *jpeg;
    size_t n;
    struct buf hold;
    int rc = doc_picture_bytes(picture, &hold, &jpeg, &n, d->err);
    keep(p, rc);
    if (rc == ERR_OK)
        place_picture(p, jpeg, n, picture->what);
    buf_clear(&hold);
}

static void maps(struct pdf *p, bool begin)
{
    if (begin) {
        pdf_flow_need(&p->flow, MAP_HEIGHT + 60);
        p->map_x = p->left;
        p->map_y = p->flow.y;
    } else
        p->flow.y = p->map_y + MAP_HEIGHT + 6;
}

static struct draw *drawing(struct doc *d, enum draw_what kind, int width, int height,
                            const char *what)
{
    struct pdf *p = pdf_of(d);
    bool map = kind != DRAW_BAR && kind != DRAW_PLOT;
    double scale = map ? MAP_SCALE : BAR_SCALE, x = p->left;
    (void)what; /* cairo has no words for who cannot see */
    if (!map) {
        pdf_flow_need(&p->flow, height * scale + 24);
        p->map_y = p->flow.y;
        p->flow.y += height * scale;
        x -= 20 * scale; /* its left edge stands where text does */
    } else {
        x = p->map_x;
        p->map_x += width * scale + MAP_GAP;
    }
    p->map_width = map ? width * scale : 0;
    if (!p->flow.cr || d->rc < 0)
        return NULL;
    cairo_tag_begin(p->flow.cr, "Figure", NULL);
    pdf_draw_begin(&p->draw, p->flow.cr, p->fonts, x, p->map_y, scale, width, height, d->err);
    return &p->draw.draw;
}

static void drawing_end(struct doc *d, struct draw *draw)
{
    struct pdf *p = pdf_of(d);
    (void)draw;
    keep(p, pdf_draw_end(&p->draw));
    if (p->map_width > 0) {
        cairo_rectangle(p->flow.cr, p->map_x - MAP_GAP - p->map_width, p->map_y, p->map_width,
                        MAP_HEIGHT);
        cairo_set_source_rgb(p->flow.cr, 0.72, 0.74, 0.77);
        cairo_set_line_width(p->flow.cr, 0.5);
        cairo_stroke(p->flow.cr);
    }
    cairo_tag_end(p->flow.cr, "Figure");
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
        p->left = PDF_LEFT + PICTURE_WIDTH + PICTURE_GAP;
    if (part == DOC_FACTS || part == DOC_FACTS_WIDE || part == DOC_BULLETS || part == DOC_NUMBERED)
        pdf_flow_group(&p->flow, part == DOC_FACTS || part == DOC_FACTS_WIDE ? "Table" : "L");
    if (part == DOC_MAPS)
        maps(p, true);
    keep(p, 0);
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
        maps(p, false);
}

static void open_part(struct doc *d, enum doc_part part, const char *name)
{
    struct pdf *p = pdf_of(d);
    if (part >= DOC_STRONG) {
        if (p->n_looks != 0 && p->n_looks != LOOKS_MAX) {
            p->look[p->n_looks] = *look_of(p);
            struct pdf_look *l = &p->look[p->n_looks++];
            if (part == DOC_STRONG || part == DOC_BAD)
                l->face = PDF_BOLD;
            if (part == DOC_BAD)
                l->colour = PDF_RED;
            if (part == DOC_SOFT)
                l->colour = PDF_SOFT;
            if (part == DOC_CODE || part == DOC_ADDRESS) {
                l->face = PDF_MONO;
                l->size *= 0.86;
            }
            if (part == DOC_ADDRESS || part == DOC_LINK) {
                l->colour = PDF_BLUE;
                push_link(p, part == DOC_LINK ? "dest" : "uri", name ? name : "");
            }
        }
    } else if (part == DOC_FACT || part == DOC_COVER_LINE) {
        /* A name, then what there is to say: two cells. */
        struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = styles[part].size};
        struct pdf_row lead;
        say(p, &look, name, p->left, p->name_width - 8, &lead);
        row_begin(p, part);
        p->row.n = lead.n;
        p->row.cell[0] = lead.cell[0];
        p->row.rule = part == DOC_FACT && p->item++ > 0 ? 0.4 : 0;
        p->row.whole = true;
        p->row.cell_tag = "TD";
        if (p->in_panel)
            p->row.rule = 0;
        text_begin_part(p, part);
    } else if (part == DOC_ROW) {
        row_begin(p, DOC_CELL);
        p->row.rule = 0.4;
        p->row.whole = true;
        p->row.cell_tag = "TD";
        p->column = 0;
    } else if (part >= DOC_HEAD_1) {
        if (name)
            snprintf(p->anchor, sizeof p->anchor, "%.30s", name);
        text_begin_part(p, part);
        p->lines = part == DOC_COMMAND;
    } else
        open_group(p, part, name);
}

static void close_part(struct doc *d, enum doc_part part)
{
    struct pdf *p = pdf_of(d);
    if (part >= DOC_STRONG)
        p->n_looks -= p->n_looks > 1;
    else if (part == DOC_FACT || part == DOC_COVER_LINE) {
        text_end(p, p->left + p->name_width, p->right - p->left - p->name_width);
        row_place(p, false);
    } else if (part == DOC_CELL)
        close_cell(p);
    else if (part == DOC_ROW)
        row_place(p, false);
    else if (part == DOC_ITEM)
        close_item(p);
    else if (part == DOC_COMMAND) {
        const struct style *s = &styles[DOC_COMMAND];
        struct pdf_look look = {.face = s->face, .colour = s->colour, .size = s->size};
        double width = p->right - p->left - 2 * s->inset;
        size_t letters = (size_t)(width / (s->size * 0.6021)); /* all are as wide */
        struct buf folded;
        buf_init(&folded, p->text.bytes.max_bytes);
        if (p->doc.rc == 0)
            keep(p, pdf_fold_command(&folded, (const char *)buf_data(&p->text.bytes),
                                     p->text.bytes.used, letters, p->doc.err));
        pdf_text_clear(&p->text);
        if (p->doc.rc == 0)
            keep(p, pdf_text_add(&p->text, &look, buf_data(&folded), folded.used, p->doc.err));
        buf_clear(&folded);
        row_begin(p, DOC_COMMAND);
        text_end(p, p->left + s->inset, width);
        row_place(p, false);
        p->lines = false;
    } else if (part >= DOC_HEAD_1 && part <= DOC_HEAD_4)
        close_heading(p, part);
    else if (part > DOC_HEAD_4) {
        double inset = styles[part].inset;
        row_begin(p, part);
        text_end(p, p->left + inset, p->right - p->left - 2 * inset);
        p->row.whole = part == DOC_WARNING || part == DOC_NOTE;
        row_place(p, part == DOC_CAPTION);
    } else
        close_group(p, part);
}

static const struct doc_ops ops = {open_part, close_part,  text_words, text_line_end, table,
                                   picture,   text_swatch, drawing,    drawing_end};

/* ---- the whole ---- */

/* Where the PDF goes; keeps why it did not. cairo 1.16 may crash at a write that fails, so that it
 * never hears of one. */
struct sink {
    FILE *out;
    struct err *err;
    int rc;
};

static cairo_status_t write_bytes(void *arg, const unsigned char *data, unsigned n)
{
    struct sink *s = arg;
    if (s->rc == 0 && fwrite(data, 1, n, s->out) != n)
        s->rc = err_sys(s->err, "write");
    return CAIRO_STATUS_SUCCESS;
}

/* Facts only: a reader's clock or name would make each copy another. */
static void describe(cairo_surface_t *surface, const struct report *r, const char *title)
{
    char at[CLOCK_TEXT_ROOM] = "";
    struct buf text;
    struct err err;
    const struct {
        cairo_pdf_metadata_t what;
        const char *words;
    } entry[] = {{CAIRO_PDF_METADATA_TITLE, title},
                 {CAIRO_PDF_METADATA_AUTHOR, r->author},
                 {CAIRO_PDF_METADATA_SUBJECT, r->reference},
                 {CAIRO_PDF_METADATA_CREATOR, r->tool}};
    for (size_t i = 0; i < sizeof entry / sizeof *entry; i++) {
        buf_init(&text, 4096);
        if (clean_all(&text, entry[i].words, &err) == ERR_OK)
            cairo_pdf_surface_set_metadata(surface, entry[i].what, (const char *)buf_data(&text));
        buf_clear(&text);
    }
    if (format_time_ok(&r->made))
        clock_rfc3339(r->made.utc_us - r->made.utc_us % 1000000, 0, at);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, at);
}

static int walk(const struct pdf_fonts *fonts, const struct report *r, const struct layout *layout,
                const char *foot, cairo_surface_t *surface, int *pages, struct err *err)
{
    struct pdf p = {
        .doc = {.ops = &ops, .err = err}, .fonts = fonts, .left = PDF_LEFT, .right = PDF_RIGHT};
    pdf_text_init(&p.text);
    pdf_flow_init(&p.flow, fonts, surface, foot, *pages, err);
    report_render(&p.doc, r, layout);
    int rc = p.doc.rc;
    if (rc == ERR_OK)
        rc = pdf_flow_end(&p.flow);
    if (rc == ERR_OK && p.flow.cr && cairo_status(p.flow.cr) == CAIRO_STATUS_NO_MEMORY)
        rc = err_nomem(err, "a page");
    *pages = p.flow.page;
    pdf_row_clear(&p.row);
    pdf_text_clear(&p.text);
    pdf_flow_clear(&p.flow);
    return rc;
}

static int write_pages(FILE *out, const struct pdf_fonts *fonts, const struct report *r,
                       const struct layout *layout, const char *foot, int pages, struct err *err)
{
    struct sink sink = {out, err, 0};
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(write_bytes, &sink, PDF_PAGE_WIDTH, PDF_PAGE_HEIGHT);
    cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_5);
    describe(surface, r, layout->title);
    int rc = walk(fonts, r, layout, foot, surface, &pages, err);
    cairo_surface_finish(surface);
    cairo_status_t status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (sink.rc == 0 && fflush(out) != 0)
        sink.rc = err_sys(err, "write");
    if (sink.rc < 0)
        return sink.rc;
    if (rc == ERR_OK && status != CAIRO_STATUS_SUCCESS)
        rc = err_set(err, ERR_NOMEM, "the PDF: %s", cairo_status_to_string(status));
    return rc;
}

int report_pdf(FILE *out, const struct report *r, struct err *err)
{
    struct layout layout;
    struct pdf_fonts fonts;
    struct buf foot;
    int pages = 0;
    buf_init(&foot, FOOT_MAX);
    int rc = layout_init(&layout, r, err);
    int rc_fonts = pdf_fonts_init(&fonts, err);
    rc = rc < 0 ? rc : rc_fonts;
    if (rc == ERR_OK) {
        /* What stands below each page, so that one that was lost can be put back: the case, the
         * report, and when it was made. */
        char made[FORMAT_ROOM];
        format_time(&r->made, made);
        const char *part[] = {r->reference, layout.title, format_time_ok(&r->made) ? made : ""};
        for (size_t i = 0; rc == ERR_OK && i < sizeof part / sizeof *part; i++) {
            if (doc_empty(part[i]) || foot.used + 16 > foot.max_bytes)
                continue;
            if (foot.used > 0) {
                foot.used--; /* the NUL */
                rc = buf_append(&foot, " · ", strlen(" · "), err);
            }
            if (rc == ERR_OK)
                rc = clean_all(&foot, part[i], err);
        }
    }
    if (rc == ERR_OK)
        rc = walk(&fonts, r, &layout, (const char *)buf_data(&foot), NULL, &pages, err);
    if (rc == ERR_OK)
        rc = write_pages(out, &fonts, r, &layout, (const char *)buf_data(&foot), pages, err);
    pdf_fonts_clear(&fonts);
    layout_clear(&layout);
    buf_clear(&foot);
    return rc < 0 ? err_wrap(err, "report") : ERR_OK;
}

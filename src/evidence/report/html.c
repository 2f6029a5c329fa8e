/*
 * The report as a page for browsers: a doc (doc.h) behind which markup grows, drawings as SVG
 * within it, and what is around that. Classes are in style.css.
 */
#include "doc.h"
#include "page.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_ROOM 512

struct svg {
    struct draw draw; /* first: a drawing of this kind is one */
    struct html *h;
    long x, y; /* where the pen is */
};

struct html {
    struct doc doc; /* first: a page is a doc */
    FILE *out;
    struct svg svg; /* the drawing that is under way */
    bool lines;     /* they are kept now */
};

/* Bytes as they are. */
static void html_put(struct html *h, const void *data, size_t n)
{
    if (h->doc.rc == 0 && fwrite(data, 1, n, h->out) != n)
        h->doc.rc = err_sys(h->doc.err, "write");
}

/* Our own markup, as it is. */
static void html_raw(struct html *h, const char *markup)
{
    html_put(h, markup, strlen(markup));
}

/* The same, up to 511 bytes. */
DS_PRINTF(2, 3)
static void html_rawf(struct html *h, const char *fmt, ...)
{
    char piece[PIECE_ROOM];
    va_list args;
    va_start(args, fmt);
    vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    html_raw(h, piece);
}

static const char *entity(uint32_t v)
{
    switch (v) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Anybody's text: escaped for content and for attributes in double quotes. */
static void html_text(struct html *h, const char *text, bool lines)
{
    struct clean c;
    while (h->doc.rc == 0 && clean_next(&text, lines, &c)) {
        const char *instead = entity(c.value);
        if (instead)
            html_raw(h, instead);
        else
            html_put(h, c.bytes, c.n);
    }
}

/* ---- drawings ---- */

static const char *const classes[DRAW_INKS] = {
    [DRAW_SEA] = "sea",
    [DRAW_LAND] = "land",
    [DRAW_BORDER] = "border",
    [DRAW_COAST] = "coast",
    [DRAW_GRID] = "grid",
    [DRAW_GRID_WORD] = "grid-word",
    [DRAW_NAME] = "name",
    [DRAW_SCALE] = "scale",
    [DRAW_SCALE_WORD] = "scale-word",
    [DRAW_MARK] = "mark",
    [DRAW_WINDOW] = "window",
    [DRAW_GOOD] = "good",
    [DRAW_SOUND] = "sound",
    [DRAW_DAMAGED] = "damaged",
    [DRAW_MISSING] = "missing",
    [DRAW_SILENCE] = "silence",
    [DRAW_TICK] = "tick",
    [DRAW_TRIGGER] = "trigger",
    [DRAW_WORD] = "word",
    [DRAW_RULE] = "rule",
    [DRAW_SPAN] = "span",
    [DRAW_BAND] = "band",
    [DRAW_CURVE] = "curve",
    [DRAW_DOT] = "dot",
    [DRAW_EVENT] = "event-at",
    [DRAW_UNFIXED] = "unfixed",
    [DRAW_HIDDEN] = "hidden",
    [DRAW_WAY] = "way",
    [DRAW_WAY_AROUND] = "way-around",
};

static struct svg *svg_of(struct draw *d)
{
    return (struct svg *)d;
}

static void svg_path(struct draw *d, enum draw_ink ink)
{
    html_rawf(svg_of(d)->h, "<path class=\"%s\" d=\"", classes[ink]);
}

static void svg_move(struct draw *d, long x, long y)
{
    struct svg *s = svg_of(d);
    html_rawf(s->h, "M%ld %ldl", x, y);
    s->x = x;
    s->y = y;
}

static void svg_line(struct draw *d, long x, long y)
{
    struct svg *s = svg_of(d);
    html_rawf(s->h, "%ld %ld ", x - s->x, y - s->y);
    s->x = x;
    s->y = y;
}

static void svg_shut(struct draw *d)
{
    html_raw(svg_of(d)->h, "z");
}

static void svg_path_end(struct draw *d)
{
    html_raw(svg_of(d)->h, "\"/>\n");
}

static void svg_rect(struct draw *d, enum draw_ink ink, long x, long y, long width, long height)
{
    html_rawf(svg_of(d)->h,
              "<rect class=\"%s\" x=\"%ld\" y=\"%ld\" width=\"%ld\" height=\"%ld\"/>\n",
              classes[ink], x, y, width, height);
}

static void svg_circle(struct draw *d, enum draw_ink ink, long x, long y, long radius)
{
    html_rawf(svg_of(d)->h, "<circle class=\"%s\" cx=\"%ld\" cy=\"%ld\" r=\"%ld\"/>\n",
              classes[ink], x, y, radius);
}

static void svg_text(struct draw *d, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                     const char *words)
{
    static const char *const place[] = {"start", "middle", "end"};
    struct html *h = svg_of(d)->h;
    html_rawf(h, "<text class=\"%s\" x=\"%ld\" y=\"%ld\" text-anchor=\"%s\">", classes[ink], x, y,
              place[anchor]);
    html_text(h, words, false);
    html_raw(h, "</text>\n");
}

/* ---- parts ---- */

/* open [before NAME after] rest … close: what is in brackets only where there is a name. */
static const struct markup {
    const char *open, *before, *after, *rest, *close;
} markup[DOC_PARTS] = {
    [DOC_COVER] = {"<header", "", "", ">\n", "</header>\n<main>\n"},
    [DOC_COVER_LINES] = {"<p class=\"cover\"", "", "", ">", "</p>\n"},
    [DOC_BRIEF] = {"<section class=\"brief\"", "", "", ">\n", "</section>\n"},
    [DOC_SECTION] = {"<section", " id=\"", "\"", ">\n", "</section>\n"},
    [DOC_EVENT] = {"<section class=\"event\"", " id=\"", "\"", ">\n", "</section>\n"},
    [DOC_SINGLE] = {"<div class=\"single\"", "", "", ">\n", "</div>\n"},
    [DOC_PAIR] = {"<div class=\"pair\"", "", "", ">\n", "</div>\n"},
    [DOC_CARD] = {"<article class=\"clip\"", " id=\"", "\"", ">\n", "</article>\n"},
    [DOC_PLACE] = {"<figure class=\"place\"", "", "", ">", "</figure>\n"},
    [DOC_MAPS] = {"<div class=\"maps\"", "", "", ">\n", "</div>"},
    [DOC_DETAILS] = {"<section class=\"details\"", "", "", ">\n", "</section>\n"},
    [DOC_CHECK] = {"<div class=\"check\"", "", "", ">\n", "</div>\n"},
    [DOC_BULLETS] = {"<ul", "", "", ">\n", "</ul>\n"},
    [DOC_NUMBERED] = {"<ol class=\"open\"", "", "", ">\n", "</ol>\n"},
    [DOC_FACTS] = {"<table class=\"facts\"", "", "", ">\n", "</table>\n"},
    [DOC_FACTS_WIDE] = {"<table class=\"facts wide\"", "", "", ">\n", "</table>\n"},
    [DOC_TABLE] = {"", "", "", "", "</tbody></table>\n"},
    [DOC_ROW] = {"<tr role=\"row\"", "", "", ">", "</tr>\n"},
    [DOC_HEAD_1] = {"<h1", "", "", ">", "</h1>\n"},
    [DOC_HEAD_2] = {"<h2", " id=\"", "\"", ">", "</h2>\n"},
    [DOC_HEAD_3] = {"<h3", "", "", ">", "</h3>\n"},
    [DOC_HEAD_4] = {"<h4", "", "", ">", "</h4>\n"},
    [DOC_PARAGRAPH] = {"<p", "", "", ">", "</p>\n"},
    [DOC_SMALL] = {"<p class=\"soft\"", "", "", ">", "</p>\n"},
    [DOC_NOTE] = {"<p class=\"note\"", "", "", ">", "</p>\n"},
    [DOC_WARNING] = {"<div class=\"redacted\" role=\"note\"", "", "", ">", "</div>\n"},
    [DOC_KEY] = {"<p class=\"key\" aria-hidden=\"true\"", "", "", ">", "</p>\n"},
    [DOC_CAPTION] = {"<figcaption", "", "", ">", "</figcaption>\n"},
    [DOC_COVER_LINE] = {"<span class=\"of\">", "", " ", "<strong>", "</strong></span>\n"},
    [DOC_ITEM] = {"<li", "", "", ">", "</li>\n"},
    [DOC_FACT] = {"<tr>", "<th scope=\"row\">", "</th>", "<td>", "</td></tr>\n"},
    [DOC_CELL] = {"<td role=\"cell\"", " data-is=\"", "\"", ">", "</td>"},
    [DOC_COMMAND] = {"<pre>", "", "", "<code>", "</code></pre>\n"},
    [DOC_FOOT] = {"</main>\n<footer>", "", "", "<p>", "</p></footer>\n"},
    [DOC_STRONG] = {"<strong", "", "", ">", "</strong>"},
    [DOC_BAD] = {"<strong class=\"bad\"", "", "", ">", "</strong>"},
    [DOC_SOFT] = {"<span class=\"soft\"", "", "", ">", "</span>"},
    [DOC_CODE] = {"<code", "", "", ">", "</code>"},
    [DOC_ADDRESS] = {"<code>", NULL, NULL, "", "</code>"}, /* the page has no link to elsewhere */
    [DOC_LINK] = {"<a", " href=\"#", "\"", ">", "</a>"},
};

static struct html *html_of(struct doc *d)
{
    return (struct html *)d;
}

static void open_part(struct doc *d, enum doc_part part, const char *name)
{
    struct html *h = html_of(d);
    const struct markup *m = &markup[part];
    html_raw(h, m->open);
    if (name && m->before) {
        html_raw(h, m->before);
        html_text(h, name, false);
        html_raw(h, m->after);
    }
    html_raw(h, m->rest);
    h->lines = h->lines || part == DOC_COMMAND;
}

static void close_part(struct doc *d, enum doc_part part)
{
    html_raw(html_of(d), markup[part].close);
    if (part == DOC_COMMAND)
        html_of(d)->lines = false;
}

static void text(struct doc *d, const char *words)
{
    html_text(html_of(d), words, html_of(d)->lines);
}

static void line_end(struct doc *d)
{
    html_raw(html_of(d), "<br>");
}

/* It becomes a list of cards on a narrow screen. */
static void table(struct doc *d, const char *caption, const char *const *column, size_t n)
{
    struct html *h = html_of(d);
    html_raw(h, "<table class=\"list\" role=\"table\">\n<caption>");
    html_text(h, caption, false);
    html_raw(h, "</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for (size_t i = 0; i < n; i++) {
        html_raw(h, "<th scope=\"col\" role=\"columnheader\">");
        html_text(h, column[i], false);
        html_raw(h, "</th>");
    }
    html_raw(h, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

static void base64(struct html *h, const uint8_t *data, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char piece[PIECE_ROOM];
    size_t used = 0;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                     (left > 2 ? data[i + 2] : 0);
        piece[used++] = digit[v >> 18];
        piece[used++] = digit[v >> 12 & 63];
        piece[used++] = left > 1 ? digit[v >> 6 & 63] : '=';
        piece[used++] = left > 2 ? digit[v & 63] : '=';
        if (used == sizeof piece || left <= 3) {
            html_put(h, piece, used);
            used = 0;
        }
    }
}

static void put_jpeg(struct html *h, const uint8_t *jpeg, size_t n, const char *what)
{
    bool whole = n > 3 && jpeg[0] == 0xff && jpeg[1] == 0xd8 && jpeg[2] == 0xff;
    if (!whole) {
        html_raw(h, "<p class=\"no-picture\">" DOC_NO_PICTURE "</p>\n");
        return;
    }
    html_raw(h, "<figure class=\"picture\"><img alt=\"");
    html_text(h, doc_empty(what) ? "A frame of this recording" : what, false);
    html_raw(h, "\" src=\"data:image/jpeg;base64,");
    base64(h, jpeg, n);
    html_raw(h, "\"><figcaption>");
    html_text(h, what ? what : "", false);
    html_raw(h, "</figcaption></figure>\n");
}

static void picture(struct doc *d, const struct report_picture *p)
{
    const uint8_t *jpeg;
    size_t n;
    struct buf hold;
    int rc = doc_picture_bytes(p, &hold, &jpeg, &n, d->err);
    if (rc < 0 && d->rc == 0)
        d->rc = rc;
    if (rc == ERR_OK)
        put_jpeg(html_of(d), jpeg, n, p->what);
    buf_clear(&hold);
}

static void swatch(struct doc *d, enum draw_ink ink)
{
    html_rawf(html_of(d), "<span class=\"%s\"></span> ", classes[ink]);
}

static struct draw *drawing(struct doc *d, enum draw_what kind, int width, int height,
                            const char *what)
{
    static const struct draw_ops ops = {svg_path,     svg_move, svg_line,   svg_shut,
                                        svg_path_end, svg_rect, svg_circle, svg_text};
    static const char *const class[] = {[DRAW_NEAR] = "map near",
                                        [DRAW_FAR] = "map far",
                                        [DRAW_ROUTE] = "map route",
                                        [DRAW_BAR] = "bar",
                                        [DRAW_PLOT] = "bar plot"};
    struct html *h = html_of(d);
    html_rawf(h, "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", class[kind],
              width, height);
    html_text(h, what, false);
    html_raw(h, "\">\n");
    h->svg = (struct svg){{&ops}, h, 0, 0};
    return &h->svg.draw;
}

static void drawing_end(struct doc *d, struct draw *draw)
{
    (void)draw;
    html_raw(html_of(d), "</svg>\n");
}

static const struct doc_ops html_ops = {open_part, close_part, text,    line_end,   table,
                                        picture,   swatch,     drawing, drawing_end};

/* ---- the whole ---- */

extern const uint8_t report_style[], report_style_end[];

static void head(struct html *h, const char *title)
{
    html_raw(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    html_text(h, title, false);
    html_raw(h, "</title>\n<style>\n");
    html_put(h, report_style, (size_t)(report_style_end - report_style));
    html_raw(h, "</style>\n</head>\n<body>\n");
    /* fill patterns that inks refer to */
    html_raw(h, "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
                "<pattern id=\"hatch\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><rect class=\"hatch-a\" width=\"12\" "
                "height=\"12\"/><rect class=\"hatch-b\" width=\"6\" height=\"12\"/></pattern>"
                "<pattern id=\"hatch-soft\" width=\"12\" height=\"12\" "
                "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect "
                "class=\"hatch-a\" width=\"12\" height=\"12\"/><rect class=\"hatch-c\" "
                "width=\"4\" height=\"12\"/></pattern>"
                "</defs></svg>\n");
}

int report_html(FILE *out, const struct report *r, struct err *err)
{
    struct html h = {.doc = {.ops = &html_ops, .err = err}, .out = out};
    struct layout layout;
    int rc = layout_init(&layout, r, err);
    if (rc == ERR_OK) {
        head(&h, layout.title);
        report_render(&h.doc, r, &layout);
        html_raw(&h, "</body>\n</html>\n");
        rc = h.doc.rc;
        if (rc == ERR_OK && fflush(out) != 0)
            rc = err_sys(err, "write");
    }
    layout_clear(&layout);
    return rc < 0 ? err_wrap(err, "report") : ERR_OK;
}

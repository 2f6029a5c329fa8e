/* The page: markup for each part, and what makes a text harmless in it. */
#include "html.h"
#include "clean.h"
#include "svg.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_ROOM 512

void html_put(struct html *h, const void *data, size_t n)
{
    if (h->doc.rc == 0 && fwrite(data, 1, n, h->out) != n)
        h->doc.rc = err_sys(h->doc.err, "write");
}

void html_raw(struct html *h, const char *markup)
{
    html_put(h, markup, strlen(markup));
}

void html_rawf(struct html *h, const char *fmt, ...)
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

void html_text(struct html *h, const char *text, bool lines)
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
    html_rawf(html_of(d), "<span class=\"%s\"></span> ", svg_class(ink));
}

static struct draw *drawing(struct doc *d, enum draw_what kind, int width, int height,
                            const char *what)
{
    return svg_begin(html_of(d), kind, width, height, what);
}

static void drawing_end(struct doc *d, struct draw *draw)
{
    (void)draw;
    svg_end(html_of(d));
}

const struct doc_ops html_ops = {open_part, close_part, text,    line_end,   table,
                                 picture,   swatch,     drawing, drawing_end};

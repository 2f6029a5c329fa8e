/* Text that is safe in a page, and the few shapes that the page is made of. */
#include "html.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_ROOM 512

static void put(struct html *h, const void *data, size_t n)
{
    if (h->rc == 0)
        h->rc = buf_append(h->out, data, n, h->err);
}

void html_raw(struct html *h, const char *markup)
{
    put(h, markup, strlen(markup));
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

/* Length of the UTF-8 sequence at p (Unicode 15, table 3-7) and its value; 0: it is none. */
static size_t utf8(const uint8_t *p, uint32_t *value)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || p[0] > 0xf4)
        return 0;
    uint32_t v = n == 1 ? p[0] : p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) /* a NUL too */
            return 0;
        v = v << 6 | (p[i] & 0x3fU);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *value = v;
    return n;
}

/* Control characters, and those that make text look like another (UAX #9: direction). */
static bool deceptive(uint32_t v)
{
    return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0x61c || v == 0x200e || v == 0x200f ||
           (v >= 0x2028 && v <= 0x202e) || (v >= 0x2066 && v <= 0x2069) || v == 0xfeff ||
           (v & 0xfffe) == 0xfffe;
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

static void escape(struct html *h, const char *text, bool lines)
{
    const uint8_t *p = (const uint8_t *)(text ? text : "");
    while (*p && h->rc == 0) {
        uint32_t v = 0;
        size_t n = utf8(p, &v);
        const char *instead = n ? entity(v) : "\xef\xbf\xbd";
        if (n && deceptive(v))
            instead = v == '\n' && lines ? "\n" : v == '\n' || v == '\t' ? " " : "\xef\xbf\xbd";
        if (instead)
            html_raw(h, instead);
        else
            put(h, p, n);
        p += n ? n : 1;
    }
}

void html_text(struct html *h, const char *text)
{
    escape(h, text, false);
}

void html_lines(struct html *h, const char *text)
{
    escape(h, text, true);
}

void html_textf(struct html *h, const char *fmt, ...)
{
    char piece[PIECE_ROOM];
    va_list args;
    va_start(args, fmt);
    vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    html_text(h, piece);
}

void html_base64(struct html *h, const uint8_t *data, size_t n)
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
            put(h, piece, used);
            used = 0;
        }
    }
}

void html_number(struct html *h, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < len; i++) {
        put(h, digits + i, 1);
        int left = len - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            html_raw(h, "&#8239;");
    }
}

void html_fact(struct html *h, const char *name)
{
    html_raw(h, "<tr><th scope=\"row\">");
    html_raw(h, name);
    html_raw(h, "</th><td>");
}

void html_fact_end(struct html *h)
{
    html_raw(h, "</td></tr>\n");
}

void html_fact_text(struct html *h, const char *name, const char *text)
{
    html_fact(h, name);
    html_text(h, text);
    html_fact_end(h);
}

void html_code(struct html *h, const char *text)
{
    html_raw(h, "<code>");
    html_text(h, text);
    html_raw(h, "</code>");
}

void html_table(struct html *h, const char *caption, const char *const *column, size_t n)
{
    html_raw(h, "<table class=\"list\" role=\"table\">\n<caption>");
    html_text(h, caption);
    html_raw(h, "</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for (size_t i = 0; i < n; i++) {
        html_raw(h, "<th scope=\"col\" role=\"columnheader\">");
        html_raw(h, column[i]);
        html_raw(h, "</th>");
    }
    html_raw(h, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

void html_row(struct html *h)
{
    html_raw(h, "<tr role=\"row\">");
}

void html_cell(struct html *h, const char *column)
{
    html_rawf(h, "<td role=\"cell\" data-is=\"%s\">", column);
}

void html_cell_end(struct html *h)
{
    html_raw(h, "</td>");
}

void html_row_end(struct html *h)
{
    html_raw(h, "</tr>\n");
}

void html_table_end(struct html *h)
{
    html_raw(h, "</tbody></table>\n");
}

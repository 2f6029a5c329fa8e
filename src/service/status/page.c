#include "page.h"
#include "status_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

/* One character of UTF-8 (RFC 3629); its bytes, 0: it is none. */
static size_t character(const unsigned char *p, unsigned *code)
{
    static const struct {
        unsigned char mask, is;
        unsigned least;
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}};
    for (size_t n = 0; n < 3; n++) {
        if ((p[0] & forms[n].mask) != forms[n].is)
            continue;
        *code = p[0] & (unsigned char)~forms[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            *code = *code << 6 | (p[i] & 0x3f);
        }
        return *code >= forms[n].least ? n + 1 : 0;
    }
    return 0;
}

/* One column, and nothing that a terminal obeys: Latin, Greek, Cyrillic, common punctuation. */
static bool is_plain(unsigned code)
{
    return (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code < 0x300 && code != 0xad) ||
           (code >= 0x370 && code < 0x483) || (code >= 0x48a && code < 0x530) ||
           (code >= 0x2010 && code <= 0x2027) || code == 0x2030 || code == 0x20ac;
}

void format_clean(char *out, size_t room, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (*p) {
        unsigned code = 0;
        size_t n = character(p, &code);
        bool plain = n > 0 && is_plain(code);
        if (at + (plain ? n : 1) >= room)
            break;
        if (plain)
            memcpy(out + at, p, n);
        else
            out[at] = '?';
        at += plain ? n : 1;
        p += n > 0 ? n : 1;
    }
    out[at] = '\0';
}

size_t format_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Where in `text` the n-th character begins. */
static size_t format_cut(const char *text, size_t n)
{
    size_t at = 0;
    while (text[at] && (n > 0 || ((unsigned char)text[at] & 0xc0) == 0x80)) {
        if (((unsigned char)text[at] & 0xc0) != 0x80)
            n--;
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

const char *format_span(int64_t s, char out[24])
{
    if (s < 0)
        snprintf(out, 24, "?");
    else if (s < 100)
        snprintf(out, 24, "%d s", (int)s);
    else if (s < 100 * 60)
        snprintf(out, 24, "%d min", (int)(s / 60));
    else if (s < 48 * 3600)
        snprintf(out, 24, "%d h", (int)(s / 3600));
    else
        snprintf(out, 24, "%lld d", (long long)(s / 86400));
    return out;
}

/* ---- lines ---- */

#define LINES_BYTES_MAX ((size_t)32 << 20)

void page_init(struct page *p, int columns, struct err *err)
{
    *p = (struct page){.columns = columns, .rc = ERR_OK, .err = err};
    buf_init(&p->lines, LINES_BYTES_MAX);
}

void page_clear(struct page *p)
{
    buf_clear(&p->lines);
}

int page_lines(const struct page *p)
{
    return (int)LIST_COUNT(&p->lines, struct page_line);
}

static void add(struct page *p, enum style style, const char *text)
{
    struct page_line line = {.style = style};
    size_t wide = p->columns > 0 ? (size_t)p->columns : PAGE_LINE_ROOM;
    if (format_width(text) <= wide)
        snprintf(line.text, sizeof line.text, "%s", text);
    else
        snprintf(line.text, sizeof line.text, "%.*s…", (int)format_cut(text, wide - 1), text);
    if (p->rc == ERR_OK)
        p->rc = buf_append(&p->lines, &line, sizeof line, p->err);
}

void page_line(struct page *p, enum style style, const char *fmt, ...)
{
    char text[PAGE_LINE_ROOM];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add(p, style, text);
}

/* Bytes of `text` that fit, up to a blank if there is one. */
static size_t fits(const char *text, size_t wide)
{
    size_t n = format_cut(text, wide);
    if (!text[n])
        return n;
    for (size_t at = n; at > n / 2; at--)
        if (text[at] == ' ')
            return at;
    return n;
}

void page_wrap(struct page *p, enum style style, int indent, const char *fmt, ...)
{
    char text[PAGE_LINE_ROOM], line[2 * PAGE_LINE_ROOM];
    const char *rest = text;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t wide = p->columns > 0 ? (size_t)p->columns : sizeof text;
    if (wide < (size_t)indent + 20) /* too narrow to be worth it */
        indent = 0;
    for (bool first = true; first || *rest; first = false) {
        int blanks = first ? 0 : indent;
        size_t n = fits(rest, wide - (size_t)blanks);
        snprintf(line, sizeof line, "%*s%.*s", blanks, "", (int)n, rest);
        add(p, style, line);
        rest += n;
        rest += strspn(rest, " ");
    }
}

int page_print(const struct page *p, int rows, bool colour, struct buf *out, struct err *err)
{
    static const char *const codes[] = {[STYLE_PLAIN] = "",
                                        [STYLE_STRONG] = "\033[1m",
                                        [STYLE_BAD] = "\033[1;31m",
                                        [STYLE_WARN] = "\033[33m",
                                        [STYLE_FAINT] = "\033[2m"};
    int n = page_lines(p), rc = p->rc;
    int told = rows > 0 && n > rows ? rows - 1 : n;
    char text[PAGE_LINE_ROOM + 32];
    for (int i = 0; rc == ERR_OK && i < told; i++) {
        const struct page_line *line = LIST_AT(&p->lines, struct page_line, i);
        const char *code = colour ? codes[line->style] : "";
        int bytes =
            snprintf(text, sizeof text, "%s%s%s\n", code, line->text, *code ? "\033[0m" : "");
        rc = buf_append(out, text, (size_t)bytes, err);
    }
    if (rc == ERR_OK && told < n) {
        int bytes = snprintf(text, sizeof text, "… %d more lines", n - told);
        if (p->columns > 0)
            bytes = (int)format_cut(text, (size_t)p->columns);
        rc = buf_append(out, text, (size_t)bytes, err);
        if (rc == ERR_OK)
            rc = buf_append(out, "\n", 1, err);
    }
    return rc;
}

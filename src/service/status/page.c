#include "page.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

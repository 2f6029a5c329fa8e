/* page: texts that can be shown, and lines for a terminal, of a width, with a colour each. */
#ifndef STATUS_PAGE_H
#define STATUS_PAGE_H

#include "dashspool/buf.h"
#include <stddef.h>
#include <stdint.h>

/* ---- texts ---- */

/* Bytes of anybody's as printable text on one line: what is no UTF-8 of a common script, and every
 * character that controls something, becomes '?'. */
void format_clean(char *out, size_t room, const char *text);

/* "2 h", "4 min", "12 s", "3 d"; of -1 and less "?". */
const char *format_span(int64_t seconds, char out[24]);

/* How many characters it takes on a terminal (of what format_clean() lets through). */
size_t format_width(const char *text);

/* ---- lines ---- */

enum style { STYLE_PLAIN, STYLE_STRONG, STYLE_BAD, STYLE_WARN, STYLE_FAINT };

#define PAGE_LINE_ROOM 768

struct page_line {
    enum style style;
    char text[PAGE_LINE_ROOM];
};

struct page {
    struct buf lines; /* struct page_line */
    int columns;      /* 0: any */
    int rc;           /* sticky */
    struct err *err;
};

void page_init(struct page *p, int columns, struct err *err);
void page_clear(struct page *p);
int page_lines(const struct page *p);

/* One line; what has no room ends in "…". Texts must be clean (format_clean()). */
void page_line(struct page *p, enum style style, const char *fmt, ...) DS_PRINTF(3, 4);

/* As many lines as it takes; all but the first begin with `indent` blanks. */
void page_wrap(struct page *p, enum style style, int indent, const char *fmt, ...) DS_PRINTF(4, 5);

/* Appends the first `rows` lines (0: all); where some are left out the last one says so. */
int page_print(const struct page *p, int rows, bool colour, struct buf *out,
               struct err *err) DS_MUST_CHECK;

#endif

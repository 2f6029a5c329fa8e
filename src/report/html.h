/*
 * html: a page that grows, with a sticky error; and what makes a caller's text harmless in it.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "dashspool/buf.h"
#include "dashspool/err.h"

struct html {
    struct buf *out;
    struct err *err;
    int rc; /* once negative, nothing more is written */
};

/* Our own text, as it is. */
void html_raw(struct html *h, const char *markup);
void html_rawf(struct html *h, const char *fmt, ...) DS_PRINTF(2, 3); /* up to 511 bytes */

/* A caller's text: escaped for content and for attributes in double quotes; NULL is "". */
void html_text(struct html *h, const char *text);
void html_textf(struct html *h, const char *fmt, ...) DS_PRINTF(2, 3); /* up to 511 bytes */
/* The same, lines kept, for <pre>. */
void html_lines(struct html *h, const char *text);

void html_base64(struct html *h, const uint8_t *data, size_t n);

/* A number as it is best read: "2 214 880" with no-break spaces. */
void html_number(struct html *h, int64_t n);

/* A row of a table of facts: the name, then what the caller writes, then html_fact_end(). */
void html_fact(struct html *h, const char *name);
void html_fact_end(struct html *h);
void html_fact_text(struct html *h, const char *name, const char *text);

/* A hash or a name that has no spaces to break at. */
void html_code(struct html *h, const char *text);

/* A table with a header of n columns, that becomes a list of cards on a narrow screen. */
void html_table(struct html *h, const char *caption, const char *const *column, size_t n);
void html_row(struct html *h);
void html_cell(struct html *h, const char *column); /* column: its header again, for cards */
void html_cell_end(struct html *h);
void html_row_end(struct html *h);
void html_table_end(struct html *h);

/* "" and NULL. */
static inline bool html_empty(const char *text)
{
    return !text || !*text;
}

#endif

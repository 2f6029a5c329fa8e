/* The few shapes that the report is made of. */
#include "doc.h"
#include "dashspool/text.h"
#include <stdarg.h>
#include <stdio.h>

#define PIECE_ROOM 512

void doc_text(struct doc *d, const char *text)
{
    if (!doc_empty(text))
        d->ops->text(d, text);
}

void doc_textf(struct doc *d, const char *fmt, ...)
{
    char piece[PIECE_ROOM];
    va_list args;
    va_start(args, fmt);
    vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    doc_text(d, piece);
}

void doc_text_behind(struct doc *d, const char *between, const char *text)
{
    doc_text(d, doc_empty(text) ? "" : between);
    doc_text(d, text);
}

void doc_put(struct doc *d, enum doc_part part, const char *text)
{
    doc_put_named(d, part, NULL, text);
}

void doc_put_named(struct doc *d, enum doc_part part, const char *name, const char *text)
{
    doc_open_named(d, part, name);
    doc_text(d, text);
    doc_close(d, part);
}

void doc_number(struct doc *d, int64_t n)
{
    char digits[24], text[64];
    size_t used = 0;
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < len; i++) {
        int left = len - 1 - i;
        bool space = left > 0 && left % 3 == 0 && digits[i] != '-';
        used += (size_t)snprintf(text + used, sizeof text - used, "%c%s", digits[i],
                                 space ? "\u202f" : "");
    }
    doc_text(d, text);
}

void doc_fact(struct doc *d, const char *name)
{
    doc_open_named(d, DOC_FACT, name);
}

void doc_fact_end(struct doc *d)
{
    doc_close(d, DOC_FACT);
}

void doc_cell(struct doc *d, const char *column)
{
    doc_open_named(d, DOC_CELL, column);
}

void doc_cell_end(struct doc *d)
{
    doc_close(d, DOC_CELL);
}

int doc_picture_bytes(const struct report_picture *p, struct buf *hold, const uint8_t **jpeg,
                      size_t *n, struct err *err)
{
    buf_init(hold, REPORT_PICTURE_BYTES_MAX);
    int rc = p->load ? p->load(p->from, hold, err) : ERR_OK;
    *jpeg = p->load ? buf_data(hold) : p->jpeg;
    *n = p->load ? hold->used : p->jpeg ? p->n_bytes : 0;
    return rc;
}

/* ---- text of others ---- */

bool clean_next(const char **text, bool lines, struct clean *out)
{
    uint32_t v = 0;
    if (!**text)
        return false;
    size_t n = utf8_next(*text, 4, &v);
    *out = (struct clean){v, *text, n};
    *text += n ? n : 1;
    if (n && (v == '\t' || (v == '\n' && !lines)))
        *out = (struct clean){' ', " ", 1};
    else if (n == 0 || (v != '\n' && (text_hidden(v) || (v & 0xfffe) == 0xfffe)))
        *out = (struct clean){0xfffd, "\xef\xbf\xbd", 3};
    return true;
}

int clean_all(struct buf *out, const char *text, struct err *err)
{
    struct clean c;
    int rc = ERR_OK;
    const char *at = text ? text : "";
    while (rc == ERR_OK && out->used + 5 <= out->max_bytes && clean_next(&at, false, &c))
        rc = buf_append(out, c.bytes, c.n, err);
    return rc < 0 ? rc : buf_append(out, "", 1, err);
}

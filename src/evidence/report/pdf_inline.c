/* The text of a part, as it grows, and the looks within it. */
#include "clean.h"
#include "pdf.h"
#include <stdio.h>
#include <string.h>

static struct pdf *pdf_of(struct doc *d)
{
    return (struct pdf *)d;
}

void pdf_keep(struct pdf *p, int rc)
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

static void add(struct pdf *p, const void *bytes, size_t n)
{
    if (p->doc.rc == 0 && p->n_looks)
        pdf_keep(p, pdf_text_add(&p->text, look_of(p), bytes, n, p->doc.err));
}

void pdf_words(struct doc *d, const char *words)
{
    struct clean c;
    while (d->rc == 0 && clean_next(&words, pdf_of(d)->lines, &c))
        add(pdf_of(d), c.bytes, c.n);
}

void pdf_line_end(struct doc *d)
{
    add(pdf_of(d), "\n", 1);
}

void pdf_swatch(struct doc *d, enum draw_ink ink)
{
    struct pdf *p = pdf_of(d);
    struct pdf_look before = *look_of(p);
    if (p->text.bytes.used)
        pdf_words(d, "\u2003");
    look_of(p)->swatch = true;
    look_of(p)->ink = ink;
    add(p, "\xef\xbf\xbc", 3);
    *look_of(p) = before;
}

void pdf_begin(struct pdf *p, const struct pdf_look *look)
{
    p->look[0] = *look;
    p->n_looks = 1;
    p->text.size = look->size;
}

void pdf_end(struct pdf *p, double x, double width)
{
    struct pdf_lines *lines = NULL;
    p->n_looks = 0;
    if (p->doc.rc == 0 && p->row.n < PDF_CELLS_MAX)
        pdf_keep(p, pdf_lines_new(&lines, p->fonts, &p->text, width, p->doc.err));
    if (lines) {
        p->row.cell[p->row.n].x = x;
        p->row.cell[p->row.n++].lines = lines;
    }
}

void pdf_say(struct pdf *p, const struct pdf_look *look, const char *words, double x, double width,
             struct pdf_row *out)
{
    struct pdf_row kept = p->row;
    p->row = (struct pdf_row){.left = p->left, .right = p->right};
    pdf_begin(p, look);
    pdf_words(&p->doc, words);
    pdf_end(p, x, width);
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
    pdf_keep(p, buf_append(&p->text.links, attribute, strlen(attribute) + 1, p->doc.err));
    look_of(p)->link = at;
}

void pdf_open_span(struct pdf *p, enum doc_part part, const char *name)
{
    if (p->n_looks == 0 || p->n_looks == PDF_LOOKS_MAX)
        return;
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

/* The report on paper, twice: to count the pages, then to write them. */
#include "clean.h"
#include "dashspool/clock.h"
#include "format.h"
#include "page.h"
#include "pdf.h"
#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>

/* More than a line has room for. */
#define FOOT_MAX 1024

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
static void describe(cairo_surface_t *surface, const struct report *r)
{
    char at[CLOCK_TEXT_ROOM] = "";
    struct buf text;
    struct err err;
    const struct {
        cairo_pdf_metadata_t what;
        const char *words;
    } entry[] = {{CAIRO_PDF_METADATA_TITLE, page_title(r)},
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
        .doc = {.ops = &pdf_ops, .err = err}, .fonts = fonts, .left = PDF_LEFT, .right = PDF_RIGHT};
    pdf_text_init(&p.text);
    pdf_flow_init(&p.flow, fonts, surface, foot, *pages, err);
    report_render(&p.doc, r, &layout->events, layout->basemap);
    int rc = p.doc.rc;
    if (rc == ERR_OK)
        rc = pdf_flow_end(&p.flow);
    if (rc == ERR_OK && p.flow.cr && cairo_status(p.flow.cr) == CAIRO_STATUS_NO_MEMORY)
        rc = err_set(err, ERR_NOMEM, "no memory for a page");
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
    describe(surface, r);
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

/* What stands below each page, so that one that was lost can be put back: the case, the report, and
 * when it was made. */
static int foot_of(struct buf *out, const struct report *r, struct err *err)
{
    char made[FORMAT_ROOM];
    format_time(&r->made, made);
    const char *part[] = {r->reference, page_title(r), format_time_ok(&r->made) ? made : ""};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof part / sizeof *part; i++) {
        if (doc_empty(part[i]) || out->used + 16 > out->max_bytes)
            continue;
        if (out->used > 0) {
            out->used--; /* the NUL */
            rc = buf_append(out, " · ", strlen(" · "), err);
        }
        if (rc == ERR_OK)
            rc = clean_all(out, part[i], err);
    }
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
    if (rc == ERR_OK)
        rc = foot_of(&foot, r, err);
    if (rc == ERR_OK)
        rc = walk(&fonts, r, &layout, (const char *)buf_data(&foot), NULL, &pages, err);
    if (rc == ERR_OK)
        rc = write_pages(out, &fonts, r, &layout, (const char *)buf_data(&foot), pages, err);
    pdf_fonts_clear(&fonts);
    layout_clear(&layout);
    buf_clear(&foot);
    return rc < 0 ? err_wrap(err, "report") : ERR_OK;
}

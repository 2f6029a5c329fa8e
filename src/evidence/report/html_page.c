/* The page for browsers: what is around what the report says. */
#include "html.h"
#include "page.h"
#include "svg.h"

extern const uint8_t report_style[], report_style_end[];

static void head(struct html *h, const struct report *r)
{
    html_raw(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    html_text(h, page_title(r), false);
    html_raw(h, "</title>\n<style>\n");
    html_put(h, report_style, (size_t)(report_style_end - report_style));
    html_raw(h, "</style>\n</head>\n<body>\n");
    svg_patterns(h);
}

int report_html(FILE *out, const struct report *r, struct err *err)
{
    struct svg svg;
    struct html h = {.doc = {.ops = &html_ops, .err = err}, .out = out, .svg = &svg};
    struct layout layout;
    int rc = layout_init(&layout, r, err);
    if (rc == ERR_OK) {
        head(&h, r);
        report_render(&h.doc, r, &layout.events, layout.basemap);
        html_raw(&h, "</body>\n</html>\n");
        rc = h.doc.rc;
        if (rc == ERR_OK && fflush(out) != 0)
            rc = err_sys(err, "write");
    }
    layout_clear(&layout);
    return rc < 0 ? err_wrap(err, "report") : ERR_OK;
}

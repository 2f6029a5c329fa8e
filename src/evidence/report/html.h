/*
 * html: the report as a page for browsers: a doc (doc.h) behind which markup grows.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "doc.h"

struct svg;

struct html {
    struct doc doc; /* first: a page is a doc */
    FILE *out;
    struct svg *svg; /* the drawing that is under way */
    bool lines;      /* they are kept now */
};

/* Bytes as they are. */
void html_put(struct html *h, const void *data, size_t n);
/* Our own markup, as it is. */
void html_raw(struct html *h, const char *markup);
void html_rawf(struct html *h, const char *fmt, ...) DS_PRINTF(2, 3); /* up to 511 bytes */

/* Anybody's text: escaped for content and for attributes in double quotes. */
void html_text(struct html *h, const char *text, bool lines);

extern const struct doc_ops html_ops;

#endif

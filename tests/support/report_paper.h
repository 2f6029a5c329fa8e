/*
 * report_paper: makes a report as a PDF and looks at it, with poppler's tools. Everything fails the
 * running test on error.
 */
#ifndef TESTS_REPORT_PAPER_H
#define TESTS_REPORT_PAPER_H

#include "dashspool/buf.h"
#include "dashspool/report.h"

/* buf_clear() it. */
struct buf report_paper(const struct report *r);
/* How often bytes are in the file as it is (of what is compressed in it, in its objects). */
size_t report_paper_times(const struct buf *paper, const char *bytes);
/* No script, no form, nothing that opens by itself; links only to where they may lead. */
void report_paper_is_inert(const struct buf *paper);

/* The text of all pages in the order in which it was written; free() it. */
char *report_paper_text(const struct buf *paper);
/* The same without page ends, foots and white space: there words can be found that lines broke. */
char *report_paper_words(const struct buf *paper);
void report_paper_says(const char *words, const char *text);
/* Every cell, item, paragraph and heading of the page is in the words; returns how many. */
size_t report_paper_compare(const char *page, const char *words);

#endif

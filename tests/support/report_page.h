/*
 * report_page: makes a report and looks at it. Everything fails the running test on error.
 */
#ifndef TESTS_REPORT_PAGE_H
#define TESTS_REPORT_PAGE_H

#include "dashspool/buf.h"
#include "dashspool/report.h"
#include <stddef.h>

/* What report_html() or report_pdf() writes to a disk that has room for so many bytes; its return
 * value. *out is the caller's (buf_clear), and initialized here. */
typedef int report_form(FILE *out, const struct report *r, struct err *err);
int report_form_bytes(report_form *form, const struct report *r, size_t room, struct buf *out,
                      struct err *err);

/* The page as a string; free() it. */
char *report_page(const struct report *r);
void report_says(const char *page, const char *words);
void report_says_not(const char *page, const char *words);
size_t report_times(const char *page, const char *words);
/* No script, and nothing that a browser would get from elsewhere. */
void report_fetches_nothing(const char *page);
/* Elements are closed in the order in which they were opened. */
void report_well_formed(const char *page);

#endif

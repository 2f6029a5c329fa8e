/*
 * report_page: makes a report and looks at it. Everything fails the running test on error.
 */
#ifndef TESTS_REPORT_PAGE_H
#define TESTS_REPORT_PAGE_H

#include "dashspool/report.h"
#include <stddef.h>

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

/*
 * report_facts: a package that never was, with everything in it that a report can tell.
 */
#ifndef TESTS_REPORT_FACTS_H
#define TESTS_REPORT_FACTS_H

#include "dashspool/report.h"

/* The smallest picture there is, 1 x 1 dot, grey. */
extern const uint8_t report_facts_dot[];
extern const size_t report_facts_dot_bytes;

/* A crash seen by the front and the rear camera of one unit, and a photo and a broken film of
 * another. picture[0..2] are for the two films of the crash and the photo; NULL: the dot. Static
 * storage: the next call gives the same anew, and tests may change it. */
struct report *report_facts(const struct report_picture *picture);
/* The first two have a tracker's account, of these sizes at most. */
enum { REPORT_FACTS_POINTS = 131, REPORT_FACTS_SAMPLES = 500 };
/* The clips of that, to be changed. */
struct report_clip *report_facts_clips(void);

/* One clip, and every string of the facts is this one. */
struct report *report_facts_hostile(const char *text);

#endif

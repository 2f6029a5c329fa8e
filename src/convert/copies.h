/*
 * copies: makes one copy each, into a file that exists and is empty.
 */
#ifndef CONVERT_COPIES_H
#define CONVERT_COPIES_H

#include "media.h"

/* What making a copy needs to know; m collects warnings. */
struct copy_task {
    struct media *m;
    const char *path, *stem;
    const struct convert_facts *facts;
    const struct convert_options *options;
    convert_progress_fn *progress; /* may be NULL; done in from..to */
    void *arg;
    double from, to;
};

int copy_working(const struct copy_task *t, struct err *err) DS_MUST_CHECK;
int copy_viewing(const struct copy_task *t, struct err *err) DS_MUST_CHECK;

/* A photo; fills in what the result tells of it. */
int copy_still(const uint8_t *jpeg, size_t n, const struct copy_task *t,
               struct convert_result *result, struct err *err) DS_MUST_CHECK;

static inline void copy_progress(const struct copy_task *t, int64_t done, int64_t of)
{
    if (t->progress && of > 0)
        t->progress(t->arg, t->from + (t->to - t->from) * (double)done / (double)of);
}

#endif

/*
 * plan: the outputs of one conversion: free names in the output directory, files to fill in the
 * stage (publish.c gives them their names later, all of them or none).
 */
#ifndef CONVERT_PLAN_H
#define CONVERT_PLAN_H

#include "copies.h"

struct plan_output {
    const struct copy_maker *maker;
    int64_t moment_us;
    char *path, *tmp; /* in the output directory; in the stage */
};

struct plan {
    struct plan_output output[CONVERT_OUTPUTS_MAX];
    int n;
};

/* Decides what is made and makes the empty files in the stage. plan_clear() also after a failure.
 */
int plan_make(struct plan *p, enum media_container container, const char *input,
              const char *out_dir, const char *stage_dir, const char *stem,
              const struct convert_options *options, struct err *err) DS_MUST_CHECK;

/* Names the outputs in result. */
void plan_describe(const struct plan *p, struct convert_result *result);

void plan_clear(struct plan *p);

#endif

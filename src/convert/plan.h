/*
 * plan: the outputs of one conversion: free names, temporary files, and all of them visible at once
 * or none.
 */
#ifndef CONVERT_PLAN_H
#define CONVERT_PLAN_H

#include "copies.h"

struct plan_output {
    const struct copy_maker *maker;
    int64_t moment_us;
    char *path, *tmp; /* tmp: NULL until it is there, and after the rename */
    bool made_visible;
};

struct plan {
    struct plan_output output[CONVERT_OUTPUTS_MAX];
    int n;
};

/* Decides what is made and makes the empty temporary files. plan_clear() also after a failure. */
int plan_make(struct plan *p, enum convert_container container, const char *input,
              const char *out_dir, const char *stem, const struct convert_options *options,
              struct err *err) DS_MUST_CHECK;

/* Makes all copies durable, then all visible, and describes them in result. */
int plan_publish(struct plan *p, const char *out_dir, struct convert_result *result,
                 struct err *err) DS_MUST_CHECK;

/* Removes what is not finished; and after a failure also what was already given its name. */
void plan_clear(struct plan *p, bool failed);

#endif

/* convert_batch: many conversions, some of them side by side, each in a process of its own. */
#ifndef DASHSPOOL_CLI_CONVERT_BATCH_H
#define DASHSPOOL_CLI_CONVERT_BATCH_H

#include "convert_options.h"
#include "dashspool/confine.h"
#include "inputs.h"
#include "progress.h"

/* Told of each input once, in the order in which they end. rc < 0: err says why, result is empty.
 */
typedef void batch_ended_fn(void *arg, const struct input *in, int rc,
                            const struct convert_result *result, const struct err *err);

/* Starts in the order of the inputs, request->jobs at a time (0: one a core). SIGINT or SIGTERM
 * ends all that run, without leftovers, and starts no more: then the signal's number, else 0. */
int batch_run(const struct convert_request *request, const struct confine_limits *limits,
              const struct inputs *inputs, struct progress *progress, batch_ended_fn *ended,
              void *arg);

#endif

/* keeper, inside: its two sides. */
#ifndef PIPELINE_KEEPER_INTERNAL_H
#define PIPELINE_KEEPER_INTERNAL_H

#include "keeper.h"
#include <sys/types.h>

#define KEEPER_GRACE_MS 3000 /* from SIGTERM to SIGKILL; a worker has 10 s to end */

/* What the keeper tells: sent whole, or not at all. */
struct keeper_report {
    int status;
    int exec_errno; /* not 0: there was no command */
};

/* The life of the keeper, in a process of its own; never returns. */
void keeper_live(const struct keeper_task *task, const char *program, pid_t worker, int output_fd,
                 int report_fd) __attribute__((noreturn));

#endif

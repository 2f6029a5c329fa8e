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

/* This process's children. */
struct keeper_children {
    char text[4096]; /* as /proc has them: with spaces */
};
void keeper_children_read(struct keeper_children *out);

/* Kills those that are not in `but` (NULL: all), also those of theirs that we adopt (subreaper),
 * and waits for their end: some seconds at most. */
void keeper_children_end(const struct keeper_children *but);

/* The life of the keeper, in a process of its own; never returns. */
void keeper_live(const struct keeper_task *task, const char *program, pid_t worker, int output_fd,
                 int report_fd) __attribute__((noreturn));

#endif

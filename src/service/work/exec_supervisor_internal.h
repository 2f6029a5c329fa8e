/* exec_supervisor, inside: its two sides. */
#ifndef EXEC_SUPERVISOR_INTERNAL_H
#define EXEC_SUPERVISOR_INTERNAL_H

#include "exec_supervisor.h"
#include <sys/types.h>

#define EXEC_SUPERVISOR_GRACE_MS 3000 /* from SIGTERM to SIGKILL; a worker has 10 s to end */

/* What the supervisor tells: sent whole, or not at all. */
struct exec_supervisor_report {
    int status;
    int exec_errno; /* not 0: there was no command */
};

/* This process's children. */
struct exec_supervisor_children {
    char text[4096]; /* as /proc has them: with spaces */
};
void exec_supervisor_children_read(struct exec_supervisor_children *out);

/* Kills those that are not in `but` (NULL: all), also those of theirs that we adopt (subreaper),
 * and waits for their end: some seconds at most. */
void exec_supervisor_children_end(const struct exec_supervisor_children *but);

/* The life of the supervisor, in a process of its own; never returns. */
void supervisor_loop(const struct exec_supervisor_task *task, const char *program, pid_t worker,
                     int output_fd, int report_fd) __attribute__((noreturn));

#endif

/*
 * forkserver: where the children come from. Loading this program and its 140 libraries costs 34 ms,
 * more than most conversions. So it is executed anew once, with a clean environment and no
 * descriptors of ours, and that process does nothing but fork a child for each request, which is
 * then as clean as if it had been executed itself. The forkserver never looks at a master.
 *
 * One a process, started when first needed, gone when its owner is: its socket ends, and it gets
 * SIGKILL with the owner, as its children do with it.
 */
#ifndef CONFINE_FORKSERVER_H
#define CONFINE_FORKSERVER_H

#include "dashspool/err.h"
#include <sys/resource.h>
#include <sys/types.h>

struct forkserver_end { /* of a child */
    int status;         /* as wait() has it */
    struct rusage used;
};

/* A child that reads its request from request_fd and reports to report_fd (both stay the caller's).
 * *status_fd, the caller's, becomes readable when the child has ended and was reaped. */
int forkserver_spawn(int request_fd, int report_fd, pid_t *pid, int *status_fd,
                     struct err *err) DS_MUST_CHECK;

/* Waits for the end. False: the forkserver itself is gone, and the child with it. */
bool forkserver_wait(int status_fd, struct forkserver_end *out);

/* The forkserver's life. fn is the child's, with its parent's process id; it does not return. */
typedef void forkserver_child_fn(pid_t parent);
int forkserver_run(forkserver_child_fn *fn);

/* child.c: the child that converts. */
void child_convert(pid_t parent);

#endif

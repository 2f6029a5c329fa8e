/*
 * exec_supervisor: runs a command, and leaves nothing of it behind.
 *
 *     worker ──fork──► supervisor ──fork, exec──► command ──► whatever it starts
 *
 * The supervisor adopts what the command leaves (PR_SET_CHILD_SUBREAPER) and kills it when the
 * command has ended. It ends the command when it is told to (SIGTERM), and when the worker dies:
 * until then it shares the worker's claim on the job, so that nobody runs the command a second time
 * beside it. If the supervisor is killed, the worker does what it would have done.
 */
#ifndef EXEC_SUPERVISOR_H
#define EXEC_SUPERVISOR_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/stop.h"
#include <stdbool.h>
#include <stdint.h>

#define EXEC_SUPERVISOR_HEAD_BYTES (512 * 1024) /* of its output */
#define EXEC_SUPERVISOR_TAIL_BYTES (512 * 1024)

struct exec_supervisor_task {
    char *const *argv; /* argv[0]: a path, or a name that is looked for in `search` */
    char *const *envp;
    const char *search; /* "/usr/bin:/bin" */
    const char *dir;    /* where it runs */
    int nice;
    int64_t timeout_ms; /* 0: none */
    int lock_fd;        /* the claim */
};

struct exec_supervisor_end {
    int status; /* as waitpid() has it */
    bool late;  /* it was ended after timeout_ms */
    bool stopped;
    struct buf head, tail; /* what it said on stdout and stderr */
    int64_t left_out;      /* bytes between these */
};

/* Runs it to its end, or until `stop` is told. ERR_AGAIN: it could not be started; err says why.
 * exec_supervisor_end_clear() *end in any case. */
int exec_supervisor_run(const struct exec_supervisor_task *task, struct stop *stop,
                        struct exec_supervisor_end *end, struct err *err) DS_MUST_CHECK;
void exec_supervisor_end_clear(struct exec_supervisor_end *end);

#endif

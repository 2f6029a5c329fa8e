/*
 * keeper: runs a command, and leaves nothing of it behind.
 *
 *     worker ──fork──► keeper ──fork, exec──► command ──► whatever it starts
 *
 * The keeper adopts what the command leaves (PR_SET_CHILD_SUBREAPER) and kills it when the command
 * has ended. It ends the command when it is told to (SIGTERM), and when the worker dies: until then
 * it shares the worker's claim on the job, so that nobody runs the command a second time beside it.
 * If the keeper is killed, the worker does what it would have done.
 */
#ifndef PIPELINE_KEEPER_H
#define PIPELINE_KEEPER_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/stop.h"
#include <stdbool.h>
#include <stdint.h>

#define KEEPER_HEAD_BYTES (512 * 1024) /* of its output */
#define KEEPER_TAIL_BYTES (512 * 1024)

struct keeper_task {
    char *const *argv; /* argv[0]: a path, or a name that is looked for in `search` */
    char *const *envp;
    const char *search; /* "/usr/bin:/bin" */
    const char *dir;    /* where it runs */
    int nice;
    int64_t timeout_ms; /* 0: none */
    int lock_fd;        /* the claim */
};

struct keeper_end {
    int status; /* as waitpid() has it */
    bool late;  /* it was ended after timeout_ms */
    bool stopped;
    struct buf head, tail; /* what it said on stdout and stderr */
    int64_t left_out;      /* bytes between these */
};

/* Runs it to its end, or until `stop` is told. ERR_AGAIN: it could not be started; err says why.
 * keeper_end_clear() *end in any case. */
int keeper_run(const struct keeper_task *task, struct stop *stop, struct keeper_end *end,
               struct err *err) DS_MUST_CHECK;
void keeper_end_clear(struct keeper_end *end);

#endif

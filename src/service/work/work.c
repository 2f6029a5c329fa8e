#define _GNU_SOURCE /* pipe2, sigabbrev_np */
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/master.h"
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64 * STAGES_MAX, SITE_AGAIN_MS = 2000 };

struct process_plan {
    const char *root;
    const struct cfg *cfg;
    const struct work_request *how;
    struct stages *stages;
    const struct stages_stage *stage[STAGES_MAX]; /* that are to be worked, in their order */
    size_t n;
    struct stop stop;
};

static int choose(struct process_plan *c, struct err *err)
{
    const struct stages_stage *s;
    if (c->how->stage) {
        s = stages_find(c->stages, c->how->stage);
        if (!s || s->kind == STAGES_RECEIVE)
            return err_set(err, ERR_CONFIG,
                           "unknown stage '%.60s'; 'dashspool config' lists the stages",
                           c->how->stage);
        c->stage[c->n++] = s;
        return ERR_OK;
    }
    for (size_t i = 0; (s = stages_at(c->stages, i)) != NULL; i++)
        if (s->kind != STAGES_RECEIVE && s->enabled)
            c->stage[c->n++] = s;
    return ERR_OK;
}

/* ---- in this process ---- */

/* Until it is told to stop, or something fails. *waited: it was told that the site is away. */
static int work_opened(struct process_plan *c, const struct stages_stage *stage, bool *waited,
                       struct err *err)
{
    struct worker w;
    struct work_tally unused = {0};
    int rc = worker_open(&w, c->root, c->cfg, c->stages, stage, &c->stop, err);
    if (rc < 0)
        return rc;
    bool idle = false;
    while (rc == ERR_OK && !stop_requested(&c->stop)) {
        bool did = false;
        int hint = idle ? spool_watch(w.spool) : -1;
        rc = worker_step(&w, &unused, &did, err);
        if (rc == ERR_OK && *waited)
            log_info(stage->name, "the site is there again");
        *waited = *waited && rc < 0;
        if (rc == ERR_OK && !did && idle)
            stop_wait(&c->stop, hint, stage->poll_ms);
        idle = !did; /* then it looks once more, with its ear on the door */
    }
    worker_close(&w);
    return rc;
}

/* One stage, for ever. A site that is away, or whose database has moved, is no reason to end: who
 * opens all of it anew finds it where it is. */
static int work_stage(struct process_plan *c, const struct stages_stage *stage, struct err *err)
{
    bool waited = false;
    if (setpriority(PRIO_PROCESS, 0, stage->nice) < 0)
        log_warn(stage->name, "setting nice failed", LOG_INT("nice", stage->nice),
                 LOG_TEXT("reason", strerror(errno)));
    if (stage->kind == STAGES_CONVERT)
        confine_warm_up(); /* after nice, which it inherits */
    for (;;) {
        int rc = work_opened(c, stage, &waited, err);
        if (rc == ERR_OK || !site_used() || !err_is_temporary(rc) || stop_requested(&c->stop))
            return rc;
        if (!waited)
            log_warn(stage->name, "waiting for the site", LOG_ERR(err));
        waited = true;
        stop_wait(&c->stop, -1, SITE_AGAIN_MS);
    }
}

/* All stages, until none has anything that is ready. */
static int drain(struct process_plan *c, struct work_tally *tally, struct err *err)
{
    struct worker *w = calloc(c->n + 1, sizeof *w);
    int rc = w ? ERR_OK : err_nomem(err, "workers");
    size_t n = 0;
    while (rc == ERR_OK && n < c->n) {
        rc = worker_open(&w[n], c->root, c->cfg, c->stages, c->stage[n], &c->stop, err);
        n += rc == ERR_OK;
    }
    for (bool any = true; rc == ERR_OK && any;) {
        any = false;
        for (size_t i = 0; rc == ERR_OK && i < n; i++) {
            bool did = true;
            while (rc == ERR_OK && did && !stop_requested(&c->stop)) {
                rc = worker_step(&w[i], tally, &did, err);
                any = any || did;
            }
        }
        any = any && !stop_requested(&c->stop);
    }
    for (size_t i = 0; i < n; i++)
        worker_close(&w[i]);
    free(w);
    return rc;
}

/* ---- in processes ---- */

struct child {
    pid_t pid;
    const char *name;
};

/* What a child counted comes through a pipe, each whole. */
static void live(struct process_plan *c, const struct stages_stage *stage, size_t number,
                 pid_t parent, int tally_fd)
{
    struct work_tally tally = {0};
    struct err err;
    char name[80]; /* for ps; the kernel keeps 15 letters of it */
    snprintf(name, sizeof name, "%s %zu", stage ? stage->name : "work", number);
    prctl(PR_SET_NAME, name);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
        _exit(1);
    int rc = stage ? work_stage(c, stage, &err) : drain(c, &tally, &err);
    if (rc < 0)
        log_error(stage ? stage->name : "work", "worker failed", LOG_ERR(&err));
    ssize_t n = write(tally_fd, &tally, sizeof tally);
    exit(rc < 0 || n != (ssize_t)sizeof tally); /* by exit(): the converters' forkserver is told */
}

static int start(struct process_plan *c, struct child *child, const struct stages_stage *stage,
                 size_t number, int tally_fd, struct err *err)
{
    pid_t parent = getpid();
    fflush(NULL);
    child->name = stage ? stage->name : "all stages";
    child->pid = fork();
    if (child->pid == 0)
        live(c, stage, number, parent, tally_fd);
    return child->pid < 0 ? err_sys(err, "fork") : ERR_OK;
}

static int start_all(struct process_plan *c, struct child *child, size_t *n, int tally_fd,
                     struct err *err)
{
    int rc = ERR_OK;
    if (c->how->once) {
        while (rc == ERR_OK && *n < (size_t)c->how->workers) {
            rc = start(c, &child[*n], NULL, *n + 1, tally_fd, err);
            *n += rc == ERR_OK;
        }
        return rc;
    }
    for (size_t i = 0; rc == ERR_OK && i < c->n; i++) {
        int workers = c->how->workers ? c->how->workers : c->stage[i]->workers;
        for (int k = 0; rc == ERR_OK && k < workers; k++) {
            rc = start(c, &child[*n], c->stage[i], (size_t)k + 1, tally_fd, err);
            *n += rc == ERR_OK;
        }
    }
    return rc;
}

/* The end of one of them: did it go well? */
static bool take_end(const struct child *child, size_t n, pid_t pid, int status)
{
    char name[32];
    for (size_t i = 0; i < n; i++) {
        if (child[i].pid != pid || !WIFSIGNALED(status))
            continue;
        const char *known = sigabbrev_np(WTERMSIG(status));
        snprintf(name, sizeof name, "SIG%s", known ? known : "?");
        log_error("work", "worker killed, its job will be retried",
                  LOG_TEXT("process", child[i].name), LOG_INT("child", pid),
                  LOG_TEXT("signal", name));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Until the last of them has ended; what we are told is passed on. */
static bool wait_all(struct process_plan *c, const struct child *child, size_t n)
{
    bool well = true, passed = false;
    for (size_t left = n; left > 0;) {
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            left--;
            well = take_end(child, n, pid, status) && well;
        }
        if (pid < 0 && errno == ECHILD)
            break;
        stop_wait(&c->stop, -1, passed ? 20 : 200);
        for (size_t i = 0; c->stop.told && !passed && i < n; i++)
            kill(child[i].pid, SIGTERM);
        passed = c->stop.told;
        if (passed)
            poll(NULL, 0, 20);
    }
    return well;
}

static int work_many(struct process_plan *c, struct work_tally *tally, struct err *err)
{
    static struct child child[PROCESSES_MAX];
    struct work_tally one;
    size_t n = 0;
    int tally_fd[2];
    if (pipe2(tally_fd, O_CLOEXEC) < 0)
        return err_sys(err, "pipe");
    int rc = start_all(c, child, &n, tally_fd[1], err);
    close(tally_fd[1]);
    if (rc < 0)
        c->stop.told = true;
    bool well = wait_all(c, child, n);
    while (read(tally_fd[0], &one, sizeof one) == (ssize_t)sizeof one) {
        tally->done += one.done;
        tally->failed += one.failed;
        tally->later += one.later;
        tally->waiting += one.waiting;
        tally->lost += one.lost;
    }
    close(tally_fd[0]);
    if (rc == ERR_OK && !well)
        rc = err_set(err, ERR_AGAIN, "a worker failed; see its log");
    return rc;
}

int work_jobs(const char *root, const struct cfg *cfg, const struct work_request *how,
              struct work_tally *tally, struct err *err)
{
    struct process_plan c = {.root = root, .cfg = cfg, .how = how, .stop = {.fd = -1}};
    *tally = (struct work_tally){0};
    int rc =
        intake_check_limits(err); /* its attempts would end with a signal, until none is left */
    if (rc == ERR_OK)
        rc = stages_load(&c.stages, cfg, err);
    if (rc == ERR_OK && (rc = choose(&c, err)) == ERR_OK)
        rc = stop_open(&c.stop, "work", err);
    if (rc == ERR_OK) {
        struct sandbox_report sandbox;
        workdir_sweep(root, MASTER_STAGE);
        for (size_t i = 0; i < c.n; i++) {
            if (c.stage[i]->kind != STAGES_CONVERT)
                continue;
            sandbox_probe(&sandbox);
            if (sandbox.missing[0])
                log_warn("work", "conversion sandbox incomplete",
                         LOG_TEXT("reason", sandbox.missing));
        }
        bool one = how->once ? how->workers <= 1
                             : c.n == 1 && (how->workers ? how->workers : c.stage[0]->workers) == 1;
        rc = !one        ? work_many(&c, tally, err)
             : how->once ? drain(&c, tally, err)
                         : work_stage(&c, c.stage[0], err);
    }
    stop_close(&c.stop);
    stages_free(&c.stages);
    return rc;
}

#define _GNU_SOURCE /* close_range, sigabbrev_np */
#include "dashspool/log.h"
#include "run_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_US (10 * INT64_C(1000000))

/* Between fork() and exec(). */
static void become(const struct run *r, const struct process *p, pid_t parent)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    char exe[] = "/proc/self/exe", name[] = "dashspool", root_o[] = "--root",
         config_o[] = "--config", work[] = "work", stage_o[] = "--stage", workers_o[] = "--workers",
         one[] = "1", root[4096], stage[PROCESS_PLAN_NAME_ROOM];
    snprintf(root, sizeof root, "%s", r->root);
    snprintf(stage, sizeof stage, "%s", p->plan.stage);
    char metrics_o[] = "--prometheus";
    char *service[] = {name, root_o, root, config_o, r->settings_dir, stage, NULL};
    char *metrics[] = {name,  root_o,    root,       config_o, r->settings_dir,
                       stage, metrics_o, r->metrics, NULL};
    char *worker[] = {name,  root_o,    root, config_o, r->settings_dir, work, stage_o,
                      stage, workers_o, one,  NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int s = 1; s < 32; s++)
        sigaction(s, &act, NULL);
    if (p->plan.reports && signal(SIGHUP, SIG_IGN) == SIG_ERR) /* it has read nothing yet */
        _exit(127);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent || null < 0 ||
        dup2(null, STDIN_FILENO) < 0 || close_range(3, ~0U, 0) < 0)
        _exit(127);
    execv(exe, p->plan.metrics ? metrics : p->plan.service ? service : worker);
    _exit(127);
}

void process_start(struct run *r, struct process *p)
{
    pid_t parent = getpid();
    fflush(NULL);
    p->pid = fork();
    if (p->pid == 0)
        become(r, p, parent);
    p->started_us = clock_mono_us();
    p->started_utc_us = clock_utc_us();
    p->kill_us = 0;
    if (!p->plan.metrics)
        run_state_changed(r);
    if (p->pid > 0) {
        if (p->plan.metrics)
            log_debug("run", "started", LOG_TEXT("process", p->plan.name),
                      LOG_INT("child", p->pid));
        else
            log_info("run", "started", LOG_TEXT("process", p->plan.name), LOG_INT("child", p->pid));
        return;
    }
    log_error("run", "process start failed", LOG_TEXT("process", p->plan.name),
              LOG_TEXT("reason", strerror(errno)));
    p->pid = 0;
    p->start_us = p->started_us + r->restart_ms * 1000;
}

void process_stop(struct process *p)
{
    if (p->pid == 0 || p->kill_us)
        return;
    kill(p->pid, SIGTERM);
    p->kill_us = clock_mono_us() + RUN_END_US;
}

static void describe_end(int status, char out[80])
{
    if (WIFEXITED(status))
        snprintf(out, 80, "exited with status %d", WEXITSTATUS(status));
    else
        snprintf(out, 80, "was killed by signal %d (SIG%s)", WTERMSIG(status),
                 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
}

/* It is told to a person until it is a day old. */
static void note_end(struct process *p, const char *how)
{
    p->ended_utc_us = clock_utc_us();
    clock_day_add(&p->ends, p->ended_utc_us);
    snprintf(p->how, sizeof p->how, "%s", how);
}

static void on_periodic_exit(struct process *p, int status, const char *how)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_error("run", "process failed", LOG_TEXT("process", p->plan.name),
                  LOG_TEXT("reason", how));
        note_end(p, how);
    }
    p->start_us = p->started_us + p->plan.every_ms * 1000;
}

void process_on_exit(struct run *r, struct process *p, int status)
{
    char how[80];
    int64_t now_us = clock_mono_us(), wait_ms = r->restart_ms;
    describe_end(status, how);
    p->pid = 0;
    if (!p->plan.metrics)
        run_state_changed(r);
    if (r->ending || p->leaves || p->kill_us) {
        bool well = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                    (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        if (well)
            log_info("run", "process stopped", LOG_TEXT("process", p->plan.name));
        else
            log_warn("run", "process ended abnormally", LOG_TEXT("process", p->plan.name),
                     LOG_TEXT("reason", how));
        p->start_us = now_us; /* with new settings, if at all */
        p->fails = 0;
        return;
    }
    if (p->plan.every_ms > 0) {
        on_periodic_exit(p, status, how);
        return;
    }
    note_end(p, how);
    int64_t soon_us = r->restart_max_ms * 1000 > SOON_US ? r->restart_max_ms * 1000 : SOON_US;
    p->fails = now_us - p->started_us >= soon_us ? 1 : p->fails + 1;
    for (int i = 1; i < p->fails && wait_ms < r->restart_max_ms; i++)
        wait_ms *= 2;
    if (wait_ms > r->restart_max_ms)
        wait_ms = r->restart_max_ms;
    p->start_us = now_us + wait_ms * 1000;
    log_error("run", "process ended, will be restarted", LOG_TEXT("process", p->plan.name),
              LOG_TEXT("reason", how), LOG_SECONDS("wait_seconds", (double)wait_ms / 1000));
}

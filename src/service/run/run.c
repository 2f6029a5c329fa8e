#define _GNU_SOURCE /* flock */
#include "dashspool/catalogue.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "run_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS        1000                    /* the servers' status is looked at */
#define QUIET_US       (15 * INT64_C(1000000)) /* a silent server; once a second is due */
#define FAILS_MAX      10
#define TICK_US        20000 /* file times are as coarse as the kernel's tick */

#define METRICS_END_US (5 * INT64_C(1000000)) /* of a million transfers they take a second */

static void reap(struct run *r)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < r->n; i++)
            if (r->process[i].pid == pid)
                process_on_exit(r, &r->process[i], status);
    for (size_t i = 0; i < r->n;)
        if (r->process[i].leaves && r->process[i].pid == 0)
            r->process[i] = r->process[--r->n];
        else
            i++;
}

/* Starts what is due, kills what does not end. */
static void start_due_kill_overdue(struct run *r)
{
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < r->n; i++) {
        struct process *p = &r->process[i];
        if (p->pid == 0 && !r->ending && !p->leaves && p->start_us <= now_us)
            process_start(r, p);
        else if (p->pid > 0 && p->kill_us && p->kill_us <= now_us) {
            log_error("run", "process did not stop, killed", LOG_TEXT("process", p->plan.name));
            kill(p->pid, SIGKILL);
            p->kill_us = now_us + RUN_END_US;
        }
    }
}

/* ---- settings ---- */

static struct process *find(struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->process[i].leaves && strcmp(r->process[i].plan.name, name) == 0)
            return &r->process[i];
    return NULL;
}

static bool is_planned(const struct process *p, const struct planned_process *plan, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(p->plan.name, plan[i].name) == 0)
            return true;
    return false;
}

static void take_plan(struct run *r, const struct planned_process *plan, size_t n)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->process[i].leaves && !is_planned(&r->process[i], plan, n)) {
            r->process[i].leaves = true;
            process_stop(&r->process[i]);
        }
    for (size_t i = 0; i < n; i++) {
        struct process *p = find(r, plan[i].name);
        if (!p) {
            if (r->n <
                sizeof r->process / sizeof *r->process) /* else many still leave; SIGHUP again */
                r->process[r->n++] = (struct process){.plan = plan[i]};
            continue;
        }
        if (p->plan.settings != plan[i].settings)
            process_stop(p);
        else if (p->plan.rereads && p->pid > 0)
            kill(p->pid, SIGHUP);
        p->start_us =
            p->plan.every_ms > 0 && p->plan.every_ms == plan[i].every_ms ? p->start_us : 0;
        p->plan = plan[i];
        p->fails = 0;
    }
}

/* The file of [run] prometheus; a path that is not absolute is below ROOT. */
static int settle_metrics(struct run *r, const struct cfg *cfg, struct err *err)
{
    const char *file = cfg_text(cfg, "run", "prometheus");
    char *path = NULL;
    int rc = file[0] ? fsx_path(&path, err, "%s%s%s", file[0] == '/' ? "" : r->root,
                                file[0] == '/' ? "" : "/", file)
                     : ERR_OK;
    char *slash = rc == ERR_OK && file[0] && file[0] != '/' ? strrchr(path, '/') : NULL;
    if (slash) {
        *slash = '\0';
        rc = fsx_mkdirs(path, err);
        *slash = '/';
    }
    if (rc < 0) {
        free(path);
        return rc;
    }
    free(r->metrics);
    r->metrics = path;
    return ERR_OK;
}

static int settle(struct run *r, const struct cfg *cfg, struct err *err)
{
    static struct planned_process plan[PROCESS_PLAN_MAX];
    size_t n;
    int rc = process_plan(cfg, plan, &n, err);
    if (rc == ERR_OK && (rc = settle_metrics(r, cfg, err)) == ERR_OK)
        rc = process_plan_write_settings(cfg, r->settings_dir, err); /* last: it is what holds */
    if (rc < 0)
        return rc;
    r->restart_ms = cfg_ms(cfg, "run", "restart");
    r->restart_max_ms = cfg_ms(cfg, "run", "restart_max");
    take_plan(r, plan, n);
    run_state_changed(r);
    return ERR_OK;
}

static void reload(struct run *r)
{
    struct cfg *cfg = NULL;
    struct err err;
    int64_t mono_us = clock_mono_us();
    notify_send(&r->notify, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono_us);
    int rc = r->load(r->load_arg, r->cfg ? r->cfg : r->began_with, &cfg, &err);
    if (rc == ERR_OK)
        rc = settle(r, cfg, &err);
    if (rc < 0) {
        log_error("run", "reload failed, keeping the old settings", LOG_ERR(&err));
        cfg_free(&cfg);
    } else {
        log_info("run", "settings reloaded");
        cfg_free(&r->cfg);
        r->cfg = cfg;
    }
    notify_send(&r->notify, "READY=1");
}

/* ---- health ---- */

/* A server of devices writes ROOT/<its name>.json every second; whether it has since `since_us`
 * (UTC). */
static bool has_written(const struct run *r, const struct process *p, int64_t since_us)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s.json", r->root, p->plan.stage);
    return stat(path, &st) == 0 &&
           (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 >= since_us - TICK_US;
}

static bool is_healthy(const struct run *r, const struct process *p)
{
    int64_t now_us = clock_mono_us();
    if (p->fails >= FAILS_MAX)
        return false;
    if (!p->plan.reports || p->pid == 0 || now_us - p->started_us < 2 * QUIET_US)
        return true;
    return has_written(r, p, clock_utc_us() - QUIET_US);
}

static bool runs(const struct run *r, const struct process *p)
{
    return p->plan.every_ms > 0 ||
           (p->pid > 0 && (!p->plan.reports || has_written(r, p, p->started_utc_us)));
}

static void tell_state(struct run *r)
{
    int running = 0, waiting = 0;
    const struct process *failing = NULL;
    for (size_t i = 0; i < r->n; i++) {
        running += runs(r, &r->process[i]);
        waiting += r->process[i].pid == 0 && r->process[i].plan.every_ms == 0;
        if (!is_healthy(r, &r->process[i]))
            failing = &r->process[i];
    }
    if (!r->ready && !r->ending && (size_t)running == r->n) {
        r->ready = true;
        log_info("run", "all processes running", LOG_INT("processes", running));
        notify_send(&r->notify, "READY=1\nSTATUS=%d processes running", running);
    }
    if (failing && !r->in_trouble)
        log_error("run", "process failing repeatedly", LOG_TEXT("process", failing->plan.name));
    r->in_trouble = failing != NULL;
    if (!r->notify.watchdog_us || clock_mono_us() < r->ping_us)
        return;
    r->ping_us = clock_mono_us() + r->notify.watchdog_us / 2;
    notify_send(&r->notify, "%sSTATUS=%d processes running, %d waiting to be restarted%s%s",
                failing ? "" : "WATCHDOG=1\n", running, waiting, failing ? "; failing: " : "",
                failing ? failing->plan.name : "");
}

/* ---- the loop ---- */

static void take_signals(struct run *r)
{
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (r->ending)
            continue;
        if (info.ssi_signo == SIGHUP)
            reload(r);
        if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT)
            continue;
        r->ending = true;
        log_info("run", "shutting down");
        notify_send(&r->notify, "STOPPING=1");
        for (size_t i = 0; i < r->n; i++)
            process_stop(&r->process[i]);
    }
}

/* Until the next start, kill, ping or look. */
static int wait_ms(const struct run *r)
{
    int64_t now_us = clock_mono_us(), until_us = now_us + LOOK_MS * 1000;
    if (!r->ready)
        until_us = now_us + 50000;
    if (r->notify.watchdog_us && r->ping_us < until_us)
        until_us = r->ping_us;
    for (size_t i = 0; i < r->n; i++) {
        const struct process *p = &r->process[i];
        int64_t due_us = p->pid == 0 ? p->start_us : p->kill_us ? p->kill_us : until_us;
        if (due_us < until_us)
            until_us = due_us;
    }
    return until_us > now_us ? (int)((until_us - now_us) / 1000) + 1 : 0;
}

static bool any_left(const struct run *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->process[i].pid > 0)
            return true;
    return false;
}

static void loop(struct run *r)
{
    while (!r->ending || any_left(r)) {
        start_due_kill_overdue(r);
        run_state_write(r);
        tell_state(r);
        struct pollfd p = {.fd = r->signals, .events = POLLIN};
        poll(&p, 1, wait_ms(r));
        take_signals(r);
        reap(r);
    }
}

/* ---- begin and end ---- */

/* Who looks whether it is locked holds it for an instant: a few tries. errno as of the last. */
static bool lock_at_once(int fd)
{
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == 5)
            return false;
        poll(NULL, 0, 10);
    }
    return true;
}

static int take_lock(struct run *r, struct err *err)
{
    char *path = NULL, text[32] = "";
    int rc = fsx_mkdirs(r->root, err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/run.lock", r->root);
    if (rc == ERR_OK && (r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    if (rc == ERR_OK && !lock_at_once(r->lock)) {
        if (errno != EWOULDBLOCK)
            rc = err_sys(err, "lock %s", path);
        else if (read(r->lock, text, sizeof text - 1) < 0)
            rc = err_sys(err, "read %s", path);
        else
            rc = err_set(err, ERR_BUSY, "'dashspool run' is already running (process %ld) on %s",
                         strtol(text, NULL, 10), r->root);
    }
    if (rc == ERR_OK) {
        int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
        if (ftruncate(r->lock, 0) < 0 || pwrite(r->lock, text, (size_t)n, 0) != n)
            rc = err_sys(err, "write %s", path);
    }
    free(path);
    return rc;
}

static int take_signal_fd(struct run *r, struct err *err)
{
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signums / sizeof *signums; i++)
        sigaddset(&set, signums[i]);
    sigprocmask(SIG_BLOCK, &set, &r->before);
    r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return r->signals < 0 ? err_sys(err, "wait for signals") : ERR_OK;
}

/* In a new ROOT a stage may begin that needs it, and makes none: the first sweep. What belongs to
 * another ROOT, is lost or newer, no stage can work with. */
static int make_catalogue(const struct run *r, struct err *err)
{
    struct catalogue *c = NULL;
    int rc = catalogue_open(&c, r->root, true, err);
    catalogue_close(&c);
    if (rc == ERR_OK || rc == ERR_FOREIGN || rc == ERR_UNSUPPORTED)
        return rc;
    log_warn("run", "opening the catalogue failed", LOG_ERR(err));
    return ERR_OK;
}

/* Of a service that has ended: what is there else says "up" for ever. The lock is free, so that
 * `status` sees that, too. One that takes longer is killed. */
static void write_last_metrics(struct run *r)
{
    int status;
    int64_t until_us = clock_mono_us() + METRICS_END_US;
    struct process last = {.plan = {.name = "status", .stage = "status", .metrics = true}};
    if (!r->metrics)
        return;
    process_start(r, &last);
    while (last.pid > 0 && waitpid(last.pid, &status, WNOHANG) == 0) {
        if (clock_mono_us() > until_us)
            kill(last.pid, SIGKILL);
        poll(NULL, 0, 5);
    }
}

int run_stages(const char *root, const struct cfg *cfg, run_load_fn *load, void *arg,
               struct err *err)
{
    bool ended = false;
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err, "running");
    r->root = root;
    r->load = load;
    r->load_arg = arg;
    r->began_with = cfg;
    r->began_utc_us = clock_utc_us();
    r->signals = r->lock = -1;
    notify_open(&r->notify);
    sigprocmask(SIG_SETMASK, NULL, &r->before);
    int rc = take_signal_fd(r, err); /* first: what comes from now on is heard */
    if (rc == ERR_OK && (rc = take_lock(r, err)) == ERR_OK)
        rc = fsx_path(&r->settings_dir, err, "%s/run.d", root);
    if (rc == ERR_OK)
        rc = settle(r, cfg, err);
    if (rc == ERR_OK && r->n == 0)
        rc = err_set(err, ERR_CONFIG, "no stage is enabled; see 'dashspool config'");
    if (rc == ERR_OK && (rc = make_catalogue(r, err)) == ERR_OK) {
        loop(r);
        run_state_stopped(r);
        ended = true;
    }
    if (r->signals >= 0)
        close(r->signals);
    if (r->lock >= 0)
        close(r->lock);
    if (ended)
        write_last_metrics(r);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    notify_close(&r->notify);
    cfg_free(&r->cfg);
    free(r->settings_dir);
    free(r->metrics);
    free(r);
    return rc;
}

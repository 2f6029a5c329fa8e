#define _GNU_SOURCE /* close_range, flock, sigabbrev_np */
#include "crew.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/pipeline.h"
#include "notify.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS   1000                    /* the receiver's status is looked at */
#define END_US    (8 * INT64_C(1000000))  /* from SIGTERM to SIGKILL; all must be over in 10 s */
#define QUIET_US  (15 * INT64_C(1000000)) /* a silent receiver; once a second is due */
#define SOON_US   (10 * INT64_C(1000000))
#define FAILS_MAX 10
#define TICK_US   20000 /* file times are as coarse as the kernel's tick */

/* A process that is to be there. */
struct post {
    struct crew_post plan;
    pid_t pid;          /* 0: it is not */
    int64_t start_us;   /* monotonic: not before */
    int64_t started_us; /* monotonic */
    int64_t started_utc_us;
    int64_t kill_us; /* it was told to end, and is killed then; 0: it was not told */
    int fails;       /* starts in a row that ended soon */
    bool leaves;     /* it is not to be there any more */
};

struct run {
    const char *root;
    char *settings_dir;
    int64_t restart_ms, restart_max_ms;
    pipeline_load_fn *load;
    void *load_arg;
    struct post post[2 * CREW_MAX]; /* those that leave, too */
    size_t n;
    struct notify notify;
    int signals, lock;
    sigset_t before;
    int64_t ping_us; /* the next */
    bool ending, ready, in_trouble;
};

/* ---- processes ---- */

/* Between fork() and exec(). */
static void become(const struct run *r, const struct post *p, pid_t parent)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    char exe[] = "/proc/self/exe", name[] = "dashspool", root_o[] = "--root",
         config_o[] = "--config", work[] = "work", stage_o[] = "--stage", workers_o[] = "--workers",
         one[] = "1", root[4096], stage[CREW_NAME_ROOM];
    snprintf(root, sizeof root, "%s", r->root);
    snprintf(stage, sizeof stage, "%s", p->plan.stage);
    char *service[] = {name, root_o, root, config_o, r->settings_dir, stage, NULL};
    char *worker[] = {name,  root_o,    root, config_o, r->settings_dir, work, stage_o,
                      stage, workers_o, one,  NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int s = 1; s < 32; s++)
        sigaction(s, &act, NULL);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent || null < 0 ||
        dup2(null, STDIN_FILENO) < 0 || close_range(3, ~0U, 0) < 0)
        _exit(127);
    execv(exe, p->plan.service ? service : worker);
    _exit(127);
}

static void start(const struct run *r, struct post *p)
{
    pid_t parent = getpid();
    fflush(NULL);
    p->pid = fork();
    if (p->pid == 0)
        become(r, p, parent);
    p->started_us = clock_mono_us();
    p->started_utc_us = clock_utc_us();
    p->kill_us = 0;
    if (p->pid > 0) {
        log_info("run", "started", LOG_TEXT("process", p->plan.name), LOG_INT("child", p->pid));
        return;
    }
    log_error("run", "cannot be started", LOG_TEXT("process", p->plan.name),
              LOG_TEXT("reason", strerror(errno)));
    p->pid = 0;
    p->start_us = p->started_us + r->restart_ms * 1000;
}

static void tell_to_end(struct post *p)
{
    if (p->pid == 0 || p->kill_us)
        return;
    kill(p->pid, SIGTERM);
    p->kill_us = clock_mono_us() + END_US;
}

static void describe_end(int status, char out[80])
{
    if (WIFEXITED(status))
        snprintf(out, 80, "ended with status %d", WEXITSTATUS(status));
    else
        snprintf(out, 80, "was killed by signal %d (SIG%s)", WTERMSIG(status),
                 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
}

static void take_end(struct run *r, struct post *p, int status)
{
    char how[80];
    int64_t now_us = clock_mono_us(), wait_ms = r->restart_ms;
    describe_end(status, how);
    p->pid = 0;
    if (r->ending || p->leaves || p->kill_us) {
        bool well = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                    (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        if (well)
            log_info("run", "ended, as it was told", LOG_TEXT("process", p->plan.name));
        else
            log_warn("run", "ended", LOG_TEXT("process", p->plan.name), LOG_TEXT("reason", how));
        p->start_us = now_us; /* with new settings, if at all */
        p->fails = 0;
        return;
    }
    if (p->plan.every_ms > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            log_error("run", "ended badly", LOG_TEXT("process", p->plan.name),
                      LOG_TEXT("reason", how));
        p->start_us = p->started_us + p->plan.every_ms * 1000;
        return;
    }
    int64_t soon_us = r->restart_max_ms * 1000 > SOON_US ? r->restart_max_ms * 1000 : SOON_US;
    p->fails = now_us - p->started_us >= soon_us ? 1 : p->fails + 1;
    for (int i = 1; i < p->fails && wait_ms < r->restart_max_ms; i++)
        wait_ms *= 2;
    if (wait_ms > r->restart_max_ms)
        wait_ms = r->restart_max_ms;
    p->start_us = now_us + wait_ms * 1000;
    log_error("run", "will be started again", LOG_TEXT("process", p->plan.name),
              LOG_TEXT("reason", how), LOG_SECONDS("wait_seconds", (double)wait_ms / 1000));
}

static void reap(struct run *r)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < r->n; i++)
            if (r->post[i].pid == pid)
                take_end(r, &r->post[i], status);
    for (size_t i = 0; i < r->n;)
        if (r->post[i].leaves && r->post[i].pid == 0)
            r->post[i] = r->post[--r->n];
        else
            i++;
}

/* Starts what is due, kills what does not end. */
static void tend(struct run *r)
{
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < r->n; i++) {
        struct post *p = &r->post[i];
        if (p->pid == 0 && !r->ending && !p->leaves && p->start_us <= now_us)
            start(r, p);
        else if (p->pid > 0 && p->kill_us && p->kill_us <= now_us) {
            log_error("run", "does not end; it is killed", LOG_TEXT("process", p->plan.name));
            kill(p->pid, SIGKILL);
            p->kill_us = now_us + END_US;
        }
    }
}

/* ---- settings ---- */

static struct post *find(struct run *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->post[i].leaves && strcmp(r->post[i].plan.name, name) == 0)
            return &r->post[i];
    return NULL;
}

static bool is_planned(const struct post *p, const struct crew_post *plan, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(p->plan.name, plan[i].name) == 0)
            return true;
    return false;
}

static void take_plan(struct run *r, const struct crew_post *plan, size_t n)
{
    for (size_t i = 0; i < r->n; i++)
        if (!r->post[i].leaves && !is_planned(&r->post[i], plan, n)) {
            r->post[i].leaves = true;
            tell_to_end(&r->post[i]);
        }
    for (size_t i = 0; i < n; i++) {
        struct post *p = find(r, plan[i].name);
        if (!p) {
            if (r->n < sizeof r->post / sizeof *r->post) /* else many still leave; SIGHUP again */
                r->post[r->n++] = (struct post){.plan = plan[i]};
            continue;
        }
        if (p->plan.settings != plan[i].settings)
            tell_to_end(p);
        else if (p->plan.reports && p->pid > 0)
            kill(p->pid, SIGHUP);
        p->start_us =
            p->plan.every_ms > 0 && p->plan.every_ms == plan[i].every_ms ? p->start_us : 0;
        p->plan = plan[i];
        p->fails = 0;
    }
}

static int settle(struct run *r, const struct cfg *cfg, struct err *err)
{
    static struct crew_post plan[CREW_MAX];
    size_t n;
    int rc = crew_plan(cfg, plan, &n, err);
    if (rc == ERR_OK)
        rc = crew_write_settings(cfg, r->settings_dir, err);
    if (rc < 0)
        return rc;
    r->restart_ms = cfg_ms(cfg, "run", "restart");
    r->restart_max_ms = cfg_ms(cfg, "run", "restart_max");
    take_plan(r, plan, n);
    return ERR_OK;
}

static void reload(struct run *r)
{
    struct cfg *cfg = NULL;
    struct err err;
    int64_t mono_us = clock_mono_us();
    notify_send(&r->notify, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono_us);
    int rc = r->load(r->load_arg, &cfg, &err);
    if (rc == ERR_OK)
        rc = settle(r, cfg, &err);
    cfg_free(&cfg);
    if (rc < 0)
        log_error("run", "SIGHUP: all goes on with the settings as they were", LOG_ERR(&err));
    else
        log_info("run", "SIGHUP: settings read again");
    notify_send(&r->notify, "READY=1");
}

/* ---- health ---- */

/* The receiver writes ROOT/receive.json every second; whether it has since `since_us` (UTC). */
static bool receiver_wrote(const struct run *r, int64_t since_us)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/receive.json", r->root);
    return stat(path, &st) == 0 &&
           (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 >= since_us - TICK_US;
}

static bool is_well(const struct run *r, const struct post *p)
{
    int64_t now_us = clock_mono_us();
    if (p->fails >= FAILS_MAX)
        return false;
    if (!p->plan.reports || p->pid == 0 || now_us - p->started_us < 2 * QUIET_US)
        return true;
    return receiver_wrote(r, clock_utc_us() - QUIET_US);
}

static bool runs(const struct run *r, const struct post *p)
{
    return p->plan.every_ms > 0 ||
           (p->pid > 0 && (!p->plan.reports || receiver_wrote(r, p->started_utc_us)));
}

static void tell_state(struct run *r)
{
    int running = 0, waiting = 0;
    const struct post *sick = NULL;
    for (size_t i = 0; i < r->n; i++) {
        running += runs(r, &r->post[i]);
        waiting += r->post[i].pid == 0 && r->post[i].plan.every_ms == 0;
        if (!is_well(r, &r->post[i]))
            sick = &r->post[i];
    }
    if (!r->ready && !r->ending && (size_t)running == r->n) {
        r->ready = true;
        log_info("run", "all processes run", LOG_INT("processes", running));
        notify_send(&r->notify, "READY=1\nSTATUS=%d processes run", running);
    }
    if (sick && !r->in_trouble)
        log_error("run", "in trouble", LOG_TEXT("process", sick->plan.name));
    r->in_trouble = sick != NULL;
    if (!r->notify.watchdog_us || clock_mono_us() < r->ping_us)
        return;
    r->ping_us = clock_mono_us() + r->notify.watchdog_us / 2;
    notify_send(&r->notify, "%sSTATUS=%d processes run, %d wait for their start%s%s",
                sick ? "" : "WATCHDOG=1\n", running, waiting, sick ? "; in trouble: " : "",
                sick ? sick->plan.name : "");
}

/* ---- the loop ---- */

static void end_all(struct run *r)
{
    if (r->ending)
        return;
    r->ending = true;
    log_info("run", "ending");
    notify_send(&r->notify, "STOPPING=1");
    for (size_t i = 0; i < r->n; i++)
        tell_to_end(&r->post[i]);
}

static void take_signals(struct run *r)
{
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            end_all(r);
        else if (info.ssi_signo == SIGHUP && !r->ending)
            reload(r);
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
        const struct post *p = &r->post[i];
        int64_t due_us = p->pid == 0 ? p->start_us : p->kill_us ? p->kill_us : until_us;
        if (due_us < until_us)
            until_us = due_us;
    }
    return until_us > now_us ? (int)((until_us - now_us) / 1000) + 1 : 0;
}

static bool any_left(const struct run *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->post[i].pid > 0)
            return true;
    return false;
}

static void loop(struct run *r)
{
    while (!r->ending || any_left(r)) {
        tend(r);
        tell_state(r);
        struct pollfd p = {.fd = r->signals, .events = POLLIN};
        poll(&p, 1, wait_ms(r));
        take_signals(r);
        reap(r);
    }
}

/* ---- begin and end ---- */

static int take_lock(struct run *r, struct err *err)
{
    char *path = NULL, text[32] = "";
    int rc = fsx_mkdirs(r->root, err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/run.lock", r->root);
    if (rc == ERR_OK && (r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    if (rc == ERR_OK && flock(r->lock, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = read(r->lock, text, sizeof text - 1);
        rc = errno == EWOULDBLOCK || n >= 0
                 ? err_set(err, ERR_BUSY, "another run (process %ld) works on %s",
                           strtol(text, NULL, 10), r->root)
                 : err_sys(err, "lock %s", path);
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

int pipeline_run(const char *root, const struct cfg *cfg, pipeline_load_fn *load, void *arg,
                 struct err *err)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ERR_NOMEM, "no memory to run");
    r->root = root;
    r->load = load;
    r->load_arg = arg;
    r->signals = r->lock = -1;
    notify_open(&r->notify);
    sigprocmask(SIG_SETMASK, NULL, &r->before);
    int rc = take_lock(r, err);
    if (rc == ERR_OK)
        rc = fsx_path(&r->settings_dir, err, "%s/run.d", root);
    if (rc == ERR_OK)
        rc = take_signal_fd(r, err);
    if (rc == ERR_OK)
        rc = settle(r, cfg, err);
    if (rc == ERR_OK && r->n == 0)
        rc = err_set(err, ERR_CONFIG, "no stage is enabled");
    if (rc == ERR_OK)
        loop(r);
    if (r->signals >= 0)
        close(r->signals);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    if (r->lock >= 0)
        close(r->lock);
    notify_close(&r->notify);
    free(r->settings_dir);
    free(r);
    return rc;
}

/* The processes of `run`: which there are to be, by the configuration, and how one begins and ends.
 */
#define _GNU_SOURCE /* close_range, sigabbrev_np */
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/stop.h"
#include "dashspool/table.h"
#include "run_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON_US (10 * INT64_C(1000000))

/* ---- the plan ---- */

/* Programs of their own: `dashspool <name>`, if the key of the section says so. */
static const struct {
    const char *name, *section, *key;
    bool reports, rereads, repeated; /* repeated: the key tells every how many minutes; 0: never */
} services[] = {
    {"receive", "receive", "enabled", true, true, false},
    {"telemetry", "telemetry", "enabled", true, true, false},
    {"watch", "watch", "enabled", false, false, false},
    {"serve", "serve", "enabled", false, true, false},
    {"sweep", "retention", "every_min", false, false, true},
};

struct sum {
    const char *section;
    uint64_t hash;
};

static void add(struct sum *s, const char *text)
{
    s->hash = fnv_add(s->hash, text, strlen(text) + 1);
}

static void add_value(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                      const char *value, const char *origin)
{
    struct sum *s = arg;
    (void)origin;
    if (strcmp(section->name, s->section) == 0 && strcmp(key->name, "workers") != 0) {
        add(s, key->name);
        add(s, value);
    }
}

/* Of its section, and of where its jobs go. */
static uint64_t sum_settings(const struct cfg *cfg, const struct stages *stages,
                             const char *section, const char *stage)
{
    const char *feeds[STAGES_MAX];
    struct sum s = {section, FNV_BEGIN};
    size_t n = stages_feeds(stages, stage, feeds);
    cfg_each(cfg, add_value, &s);
    for (size_t i = 0; i < n; i++)
        add(&s, feeds[i]);
    return s.hash;
}

/* What other sections say to the server of trackers: one allow-list for both servers, and its rules
 * have a section each. */
static void add_beside(struct sum *s, const struct cfg *cfg)
{
    const char *rule = NULL;
    add(s, cfg_text(cfg, "receive", "allow"));
    add(s, cfg_bool(cfg, "receive", "learn") ? "yes" : "no");
    while ((rule = cfg_next(cfg, "request *", rule, NULL)) != NULL) {
        add(s, rule);
        s->section = rule;
        cfg_each(cfg, add_value, s);
    }
}

/* … to who tells people of all that there is; … */
static void add_told(struct sum *s, const struct cfg *cfg)
{
    static const char *const sections[] = {"ui", "receive", "telemetry", "export", "retention"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        s->section = sections[i];
        cfg_each(cfg, add_value, s);
    }
}

/* … and that of the trackers to whoever makes copies and packages. */
static void add_journey(struct sum *s, const struct cfg *cfg)
{
    add(s, cfg_text(cfg, "telemetry", "window"));
    add(s, cfg_text(cfg, "telemetry", "families"));
}

static int add_post(struct planned_process *out, size_t *n, const struct planned_process *process,
                    int number, struct err *err)
{
    if (*n == PROCESS_PLAN_MAX)
        return err_set(err, ERR_CONFIG, "more than %d processes are asked for (workers)",
                       PROCESS_PLAN_MAX);
    out[*n] = *process;
    if (number > 0)
        snprintf(out[*n].name, sizeof out[*n].name, "%s %d", process->stage, number);
    else
        snprintf(out[*n].name, sizeof out[*n].name, "%s", process->stage);
    ++*n;
    return ERR_OK;
}

int process_plan(const struct cfg *cfg, struct planned_process *out, size_t *n, struct err *err)
{
    struct stages *stages = NULL;
    const struct stages_stage *s;
    *n = 0;
    int rc = stages_load(&stages, cfg, err);
    for (size_t i = 0; rc == ERR_OK && i < sizeof services / sizeof *services; i++) {
        const char *section = services[i].section, *key = services[i].key;
        struct planned_process process = {
            .service = true, .reports = services[i].reports, .rereads = services[i].rereads};
        if (services[i].repeated)
            process.every_ms = cfg_int(cfg, section, key) * 60000;
        if (services[i].repeated ? process.every_ms == 0 : !cfg_bool(cfg, section, key))
            continue;
        snprintf(process.stage, sizeof process.stage, "%s", services[i].name);
        process.settings = sum_settings(cfg, stages, section, "receive");
        if (strcmp(section, "telemetry") == 0) {
            struct sum all = {section, process.settings};
            add_beside(&all, cfg);
            process.settings = all.hash;
        } else if (strcmp(section, "serve") == 0) {
            struct sum all = {section, process.settings};
            add_told(&all, cfg);
            process.settings = all.hash;
        }
        rc = add_post(out, n, &process, 0, err);
    }
    if (rc == ERR_OK && cfg_text(cfg, "run", "prometheus")[0]) {
        struct planned_process process = {.service = true, .metrics = true, .stage = "status"};
        process.every_ms = cfg_ms(cfg, "run", "prometheus_every");
        rc = add_post(out, n, &process, 0, err);
    }
    for (size_t i = 0; rc == ERR_OK && (s = stages_at(stages, i)) != NULL; i++) {
        struct planned_process process = {.service = false};
        /* actions alone, which come last, are nothing to run for */
        if (s->kind == STAGES_RECEIVE || !s->enabled || (s->kind == STAGES_ACTION && *n == 0))
            continue;
        snprintf(process.stage, sizeof process.stage, "%s", s->name);
        process.settings = sum_settings(cfg, stages, s->section, s->name);
        if (s->kind == STAGES_EXPORT || s->kind == STAGES_ACTION) /* it makes copies, too */
            process.settings ^= sum_settings(cfg, stages, "convert", "convert");
        if (s->kind != STAGES_EXEC) {
            struct sum all = {s->section, process.settings};
            add_journey(&all, cfg);
            process.settings = all.hash;
        }
        for (int k = 1; rc == ERR_OK && k <= s->workers; k++)
            rc = add_post(out, n, &process, s->workers > 1 ? k : 0, err);
    }
    stages_free(&stages);
    return rc;
}

/* ---- the settings that they read ---- */

struct text {
    struct buf b;
    const char *section;
    int rc;
    struct err *err;
};

static void write_value(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                        const char *value, const char *origin)
{
    struct text *t = arg;
    char *line = NULL;
    bool other = !t->section || strcmp(t->section, section->name) != 0;
    if (t->rc < 0)
        return;
    t->section = section->name;
    t->rc = fsx_path(&line, t->err, "%s%s%s# %s\n%s = %s\n", other ? "[" : "",
                     other ? section->name : "", other ? "]\n" : "", origin, key->name, value);
    if (t->rc == ERR_OK)
        t->rc = buf_append(&t->b, line, strlen(line), t->err);
    free(line);
}

int process_plan_write_settings(const struct cfg *cfg, const char *dir, struct err *err)
{
    static const char head[] = "# What 'dashspool run' and its stages run with. Changes here are "
                               "lost; the comments say where.\n";
    struct text t = {.err = err};
    char *path = NULL;
    buf_init(&t.b, 1 << 20);
    t.rc = buf_append(&t.b, head, sizeof head - 1, err);
    cfg_each(cfg, write_value, &t);
    if (t.rc == ERR_OK)
        t.rc = fsx_mkdirs(dir, err);
    if (t.rc == ERR_OK)
        t.rc = fsx_path(&path, err, "%s/settings.conf", dir);
    if (t.rc == ERR_OK)
        t.rc = fsx_write_file(path, buf_data(&t.b), t.b.used, err);
    free(path);
    buf_clear(&t.b);
    return t.rc;
}

/* ---- a process ---- */

/* Between fork() and exec(). */
static void become(const struct run *r, const struct process *p, pid_t parent)
{
    sigset_t blocked;
    char exe[] = "/proc/self/exe", name[PROCESS_PLAN_NAME_ROOM + 20], root_o[] = "--root",
         config_o[] = "--config", work[] = "work", stage_o[] = "--stage", workers_o[] = "--workers",
         one[] = "1", root[4096], stage[PROCESS_PLAN_NAME_ROOM];
    snprintf(name, sizeof name, "dashspool: %s%s", p->plan.service ? "" : "work ", p->plan.name);
    snprintf(root, sizeof root, "%s", r->root);
    snprintf(stage, sizeof stage, "%s", p->plan.stage);
    char metrics_o[] = "--prometheus";
    char *service[] = {name, root_o, root, config_o, r->settings_dir, stage, NULL};
    char *metrics[] = {name,  root_o,    root,       config_o, r->settings_dir,
                       stage, metrics_o, r->metrics, NULL};
    char *worker[] = {name,  root_o,    root, config_o, r->settings_dir, work, stage_o,
                      stage, workers_o, one,  NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    stop_default_signals(&blocked);                            /* still: until SIGHUP is ignored */
    if (p->plan.rereads && signal(SIGHUP, SIG_IGN) == SIG_ERR) /* it has read nothing yet */
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

/* It is told to a person until it is a day old. */
static void note_end(struct process *p, const char *how)
{
    p->ended_utc_us = clock_utc_us();
    clock_day_add(&p->ends, p->ended_utc_us);
    snprintf(p->how, sizeof p->how, "%s", how);
}

void process_on_exit(struct run *r, struct process *p, int status)
{
    char how[80];
    int64_t now_us = clock_mono_us(), wait_ms = r->restart_ms;
    if (WIFEXITED(status))
        snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(status));
    else
        snprintf(how, sizeof how, "was killed by signal %d (SIG%s)", WTERMSIG(status),
                 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
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
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            log_error("run", "process failed", LOG_TEXT("process", p->plan.name),
                      LOG_TEXT("reason", how));
            note_end(p, how);
        }
        p->start_us = p->started_us + p->plan.every_ms * 1000;
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

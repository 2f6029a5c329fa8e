#include "dashspool/clock.h"
#include "support/graph.h"
#include "support/support.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL_AGAIN_US 50000
#define PAUSE_MS      10
#define WAIT_US       (30 * INT64_C(1000000))

static pid_t launch(const char *log, const char *const argv[])
{
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        close(fd);
        return pid;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    union { /* execv() does not write to them, whatever its prototype says */
        const char *const *in;
        char *const *out;
    } args = {.in = argv};
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || fd < 0 || null < 0 || dup2(null, 0) < 0 ||
        dup2(null, 1) < 0 || dup2(fd, 2) < 0)
        _exit(127);
    execv(argv[0], args.out);
    _exit(127);
}

void graph_start(struct graph *g)
{
    assert_int_equal(g->run, 0);
    snprintf(g->log, sizeof g->log, "%s/run-%d.log", g->dir, ++g->starts);
    const char *const argv[] = {g->binary, "--root", g->root, "run", NULL};
    g->run = launch(g->log, argv);
}

/* It has come so far that it waits for signals. */
static bool has_begun(const struct graph *g)
{
    struct tree_process p[TREE_MAX];
    size_t n = tree_read(p);
    for (size_t i = 0; i < n; i++)
        if (p[i].parent == g->run)
            return true;
    return false;
}

void graph_reload(struct graph *g)
{
    int64_t until_us = clock_mono_us() + WAIT_US;
    assert_true(g->run > 0);
    while (!has_begun(g) && clock_mono_us() < until_us)
        poll(NULL, 0, PAUSE_MS);
    assert_int_equal(kill(g->run, SIGHUP), 0);
}

/* Its last lines. */
static const char *log_of(const char *path)
{
    static char text[4000];
    struct buf b = support_read(path);
    size_t n = b.used < sizeof text - 1 ? b.used : sizeof text - 1;
    snprintf(text, sizeof text, "%.*s", (int)n, (const char *)buf_data(&b) + b.used - n);
    buf_clear(&b);
    return text;
}

static void run_ended(struct graph *g, int status)
{
    g->run = 0;
    /* One that was killed between fork() and exec() of a child leaves the lock to that for a
     * moment. */
    bool busy = WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
                strstr(log_of(g->log), "another run (process ") != NULL;
    if (!busy && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        fail_msg("run ended with wait status %x: %s", (unsigned)status, log_of(g->log));
    graph_start(g);
}

static const char *log_of_call(const struct graph *g, size_t item)
{
    char name[40];
    snprintf(name, sizeof name, "calls/%zu", item);
    return graph_path(g, name);
}

static void call_ended(struct graph *g, struct graph_camera *c, int status)
{
    c->pid = 0;
    c->next_us = clock_mono_us() + CALL_AGAIN_US;
    bool heard = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                 strncmp(log_of(log_of_call(g, c->item)), "files uploaded: 1,", 18) == 0;
    g->item[c->item].acknowledged = heard;
    c->calls = !heard;
}

/* A camera's faults: what they do is over when it calls again. */
static const char *const faults[] = {"crc=7",        "drop=20",     "disconnect=60", "in-flight=5",
                                     "sync-twice=9", "start-twice", "sync-0"};

static void call(struct graph *g, struct graph_camera *c)
{
    const struct graph_item *it = &g->item[c->item];
    char file[40], time[CLOCK_TEXT_ROOM], imei[16];
    snprintf(file, sizeof file, "calls/%zu.%s", c->item, it->photo ? "jpg" : "h265");
    clock_rfc3339(it->time_us, 0, time);
    snprintf(imei, sizeof imei, "%.15s", it->id);
    bool faulty = c->attempts++ == 0;
    const char *const argv[] = {g->binary,
                                "simulate",
                                "--to",
                                g->address,
                                "--imei",
                                imei,
                                it->photo ? "--photo-front" : "--front",
                                graph_path(g, file),
                                "--time",
                                time,
                                "--timeout",
                                "5",
                                faulty ? "--fault" : NULL, /* or their end */
                                faults[c->item % (sizeof faults / sizeof *faults)],
                                NULL};
    c->pid = launch(log_of_call(g, c->item), argv);
}

static void take_ends(struct graph *g)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == g->run)
            run_ended(g, status);
        for (int i = 0; i < GRAPH_CAMERAS; i++)
            if (g->camera[i].pid == pid)
                call_ended(g, &g->camera[i], status);
    }
}

void graph_tend(struct graph *g)
{
    take_ends(g);
    for (int i = 0; i < GRAPH_CAMERAS; i++) {
        struct graph_camera *c = &g->camera[i];
        while (!c->calls && g->next < g->n) {
            c->item = g->next++;
            c->calls = g->item[c->item].calls;
            c->attempts = 0;
        }
        if (c->calls && c->pid == 0 && c->next_us <= clock_mono_us())
            call(g, c);
    }
    poll(NULL, 0, PAUSE_MS);
}

/* In a stopped process a SIGTERM waits: so that a person sees why it is left. */
static const char *state_of(pid_t pid)
{
    static char line[200];
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f) && strncmp(line, "State:", 6) != 0)
        ;
    if (f)
        fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void wait_alone(const struct graph *g)
{
    struct tree_process p[TREE_MAX];
    int64_t until_us = clock_mono_us() + WAIT_US;
    size_t n;
    while ((n = tree_read(p)) > 0) {
        if (clock_mono_us() > until_us)
            fail_msg("process %d is left (%s: %s; %s); the log is %s", (int)p[0].pid,
                     tree_role_name(p[0].role), p[0].words, state_of(p[0].pid), g->log);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        poll(NULL, 0, PAUSE_MS);
    }
}

void graph_stop(struct graph *g)
{
    int status = 0;
    assert_int_equal(kill(g->run, SIGTERM), 0);
    assert_int_equal(waitpid(g->run, &status, 0), g->run);
    g->run = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("run ended with %x: %s", (unsigned)status, log_of(g->log));
    wait_alone(g);
}

void graph_free(struct graph **g)
{
    if ((*g)->run > 0) { /* the test has failed */
        kill((*g)->run, SIGTERM);
        waitpid((*g)->run, NULL, 0);
    }
    support_tmp_remove(&(*g)->dir);
    free(*g);
    *g = NULL;
}

#include "support/graph.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/spool.h"
#include "support/clips.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIDEO         "rear-25fps-6s-silent.h265"
#define VIDEO_BYTES   120000
#define FIRST_TIME_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */
#define CALL_AGAIN_US 50000
#define PAUSE_MS      10
#define WAIT_US       (30 * INT64_C(1000000))

/* ---- the ROOT ---- */

/* A camera's faults: what they do is over when it calls again. */
static const char *const faults[] = {"crc=7",        "drop=20",     "disconnect=60", "in-flight=5",
                                     "sync-twice=9", "start-twice", "sync-0"};

static const char twice[] = "#!/bin/sh\n"
                            "cd \"$1\" || exit 75\n"
                            "while [ -e gate ]; do sleep 0.02; done\n"
                            "echo tried >>\"tries/$DASHSPOOL_ID\" || exit 75\n"
                            "n=$(wc -l <\"tries/$DASHSPOOL_ID\") || exit 75\n"
                            "[ \"$n\" -ge 3 ] || { echo 'no way to the insurer yet'; exit 75; }\n"
                            "grep -qxF \"$DASHSPOOL_ID\" ledger\n"
                            "case $? in\n"
                            "0) exit 0 ;; # was entered by a run that was cut short behind it\n"
                            "1) ;;\n"
                            "*) exit 75 ;;\n"
                            "esac\n"
                            "sleep 0.02\n" /* two at a time would show */
                            "echo \"$DASHSPOOL_ID\" >>ledger\n";

static const char never[] = "#!/bin/sh\n"
                            "echo tried >>\"$1/runs/$DASHSPOOL_ID\" || exit 75\n"
                            "sleep 0.01\n"
                            "echo 'the insurer does not want it' >&2\n"
                            "exit 3\n";

const char *graph_path(const struct graph *g, const char *name)
{
    static char path[4][600];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", g->dir, name);
    return p;
}

/* One that cameras can be pointed at for good: below those that the kernel gives to others. */
static void choose_port(struct graph *g)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int port = 20000 + (int)getpid() % 10000; port < 32000; port++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        at.sin_port = htons((uint16_t)port);
        bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        snprintf(g->address, sizeof g->address, "127.0.0.1:%d", port);
        if (ok)
            return;
    }
    fail_msg("no port is free");
}

void graph_configure(struct graph *g, const char *retention)
{
    char path[400], text[4000];
    snprintf(path, sizeof path, "%s/pipeline.d/50-test.conf", g->root);
    int n = snprintf(text, sizeof text,
                     "[receive]\nlisten = %s\nmin_free_mib = 0\n"
                     "[watch]\nenabled = yes\ndirs = %s\nquiet_s = 0.05\nscan_s = 1\n"
                     "after = move\nmin_free_mib = 0\n"
                     "[run]\nrestart = 20 ms\nrestart_max = 200 ms\n"
                     "[convert]\ncopies = working\nretries = 1000\nbackoff = 20 ms\n"
                     "backoff_max = 100 ms\npoll = 20 ms\nnice = 0\nworkers = 2\n"
                     "[exec twice]\ncommand = %s/twice %s\nretries = 1000\nbackoff = 20 ms\n"
                     "backoff_max = 100 ms\npoll = 20 ms\nnice = 0\nworkers = 2\n"
                     "[exec never]\nafter = twice\ncommand = %s/never %s\nretries = 1000\n"
                     "backoff = 20 ms\nbackoff_max = 100 ms\npoll = 20 ms\nnice = 0\n"
                     "[retention]\n%s",
                     g->address, g->in, g->dir, g->dir, g->dir, g->dir, retention);
    assert_true(n > 0 && (size_t)n < sizeof text);
    support_write(path, text, strlen(text));
}

static void write_script(const struct graph *g, const char *name, const char *text)
{
    support_write(graph_path(g, name), text, strlen(text));
    assert_int_equal(chmod(graph_path(g, name), 0700), 0);
}

struct graph *graph_new(const char *binary, const char *retention)
{
    static const char *const stages[] = {"convert", "twice", "never"};
    static const char *const dirs[] = {"in", "tries", "runs", "root/pipeline.d", "calls"};
    struct graph *g = calloc(1, sizeof *g);
    struct spool *spool;
    struct err err;
    assert_non_null(g);
    g->binary = binary;
    g->dir = support_tmp_dir();
    snprintf(g->root, sizeof g->root, "%s/root", g->dir);
    snprintf(g->in, sizeof g->in, "%s/in", g->dir);
    choose_port(g);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_ok(fsx_mkdirs(graph_path(g, dirs[i]), &err));
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        assert_ok(spool_open(&spool, g->root, stages[i], &err));
        spool_close(&spool);
    }
    support_write(graph_path(g, "ledger"), "", 0);
    write_script(g, "twice", twice);
    write_script(g, "never", never);
    graph_configure(g, retention);
    tree_adopt();
    return g;
}

/* ---- its processes ---- */

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
                 strncmp(log_of(log_of_call(g, c->item)), "1 files", 7) == 0;
    g->item[c->item].acknowledged = heard;
    c->calls = !heard;
}

static int64_t time_of(size_t item)
{
    return FIRST_TIME_US + (int64_t)item * 1000000;
}

static void call(struct graph *g, struct graph_camera *c)
{
    const struct graph_item *it = &g->item[c->item];
    char file[40], time[CLOCK_TEXT_ROOM], imei[16];
    snprintf(file, sizeof file, "calls/%zu.%s", c->item, it->photo ? "jpg" : "h265");
    clock_rfc3339(time_of(c->item), 0, time);
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

static void wait_alone(const struct graph *g)
{
    struct tree_process p[TREE_MAX];
    int64_t until_us = clock_mono_us() + WAIT_US;
    size_t n;
    while ((n = tree_read(p)) > 0) {
        if (clock_mono_us() > until_us)
            fail_msg("process %d is left (%s: %s); run's log: %s", (int)p[0].pid,
                     tree_role_name(p[0].role), p[0].words, log_of(g->log));
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

/* ---- what it gets ---- */

struct graph_item *graph_add(struct graph *g, const char *imei, bool photo, struct buf *bytes,
                             int64_t *time_us)
{
    char time[CLOCK_TEXT_ROOM];
    struct err err;
    assert_true(g->n < GRAPH_ITEMS);
    unsigned number = (unsigned)g->n;
    struct graph_item *it = &g->item[g->n];
    *time_us = time_of(g->n);
    clock_compact(*time_us, time);
    snprintf(it->id, sizeof it->id, "%s-front-%s-%s", imei, photo ? "photo" : "video", time);
    it->photo = photo;
    *bytes = photo ? clips_photo(number) : clips_video(VIDEO, VIDEO_BYTES, number);
    assert_ok(hash_text(buf_data(bytes), bytes->used, it->sha256, &err));
    g->n++;
    return it;
}

/* Under another name first, as rsync does it. */
void graph_drop(struct graph *g, bool photo, bool doomed)
{
    char dir[400], part[500], path[500];
    int64_t time_us;
    struct buf bytes;
    struct err err;
    const char *imei = doomed ? GRAPH_DOOMED : "352093081450008", *end = photo ? "jpg" : "h265";
    struct graph_item *it = graph_add(g, imei, photo, &bytes, &time_us);
    it->dropped = true;
    it->doomed = doomed;
    snprintf(dir, sizeof dir, "%s/%s/front", g->in, imei);
    snprintf(part, sizeof part, "%s/.%s", dir, strrchr(it->id, '-') + 1);
    snprintf(path, sizeof path, "%s/%s.%s", dir, strrchr(it->id, '-') + 1, end);
    assert_ok(fsx_mkdirs(dir, &err));
    support_write(part, buf_data(&bytes), bytes.used);
    assert_int_equal(rename(part, path), 0);
    buf_clear(&bytes);
}

void graph_hand_over(struct graph *g, bool photo)
{
    char imei[16], name[40];
    int64_t time_us;
    struct buf bytes;
    snprintf(imei, sizeof imei, "35000000000000%zu", g->n % 5);
    snprintf(name, sizeof name, "calls/%zu.%s", g->n, photo ? "jpg" : "h265");
    graph_add(g, imei, photo, &bytes, &time_us)->calls = true;
    support_write(graph_path(g, name), buf_data(&bytes), bytes.used);
    buf_clear(&bytes);
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

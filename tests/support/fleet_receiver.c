/* fleet: the receiver beside the cameras, and what becomes of it under kill -9. */
#include "dashspool/clock.h"
#include "support/fleet.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    KILL_CAMERAS = 20,
    LIFE_US = 250000,      /* of a receiver that is killed at work: up to this, longer where … */
    LIFE_US_MAX = 4000000, /* … a slow disk lets nothing get done in that time */
    START_US = 40000,      /* … and of one that is killed while it starts */
    END_US = 120000000,    /* for what is left after the last kill */
};

struct proc fleet_receiver(const char *binary, const char *root, const char *log)
{
    const char *const argv[] = {binary, "--root", root, "receive", "--listen", "127.0.0.1:0", NULL};
    return proc_start(log, argv);
}

void fleet_receiver_address(const struct proc *receiver, char out[64])
{
    proc_wait_for(receiver, "listening on ", out, 64);
}

/* The number behind `key` in a file of /proc/PID. */
static int64_t proc_number(pid_t pid, const char *file, const char *key)
{
    char path[64], line[256];
    int64_t v = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    while (v < 0 && fgets(line, sizeof line, in))
        if (strncmp(line, key, strlen(key)) == 0)
            v = strtoll(line + strlen(key), NULL, 10);
    fclose(in);
    assert_true(v >= 0);
    return v;
}

/* User and system time: fields 14 and 15 of /proc/PID/stat, proc(5). */
static double cpu_of(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    char *p = strrchr(line, ')');
    assert_non_null(p);
    for (int field = 2; field < 14; field++) {
        p = strchr(p + 1, ' ');
        assert_non_null(p);
    }
    double user = (double)strtoll(p, &p, 10), system = (double)strtoll(p, NULL, 10);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

struct fleet_usage fleet_usage_of(const struct proc *receiver)
{
    return (struct fleet_usage){.cpu_s = cpu_of(receiver->pid),
                                .memory_bytes =
                                    proc_number(receiver->pid, "status", "VmHWM:") * 1024};
}

void fleet_raise_descriptors(void)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
    r.rlim_cur = r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
}

/* ---- kill -9 ---- */

struct game {
    const char *binary, *root, *log;
    struct fleet *fleet;
    uint64_t chance;
    int64_t life_us;
};

static int64_t chance_below(struct game *g, int64_t n)
{
    g->chance = g->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((g->chance >> 33) % (uint64_t)n);
}

/* A receiver, killed at a random moment of its work. */
static void kill_at_work(struct game *g)
{
    char address[64];
    struct proc receiver = fleet_receiver(g->binary, g->root, g->log);
    fleet_receiver_address(&receiver, address);
    fleet_aim(g->fleet, address);
    struct fleet_stats before = fleet_stats(g->fleet);
    int64_t life_us = chance_below(g, g->life_us);
    (void)fleet_run(g->fleet, clock_mono_us() + life_us);
    assert_int_equal(proc_stop(&receiver, SIGKILL), 128 + SIGKILL);
    struct fleet_stats after = fleet_stats(g->fleet);
    bool idle = after.files == before.files && after.resumed == before.resumed;
    if (idle && life_us > g->life_us / 2 && g->life_us < LIFE_US_MAX)
        g->life_us *= 2;
}

/* A receiver, killed while it puts right what the last one left (or at its very beginning). */
static void kill_at_start(struct game *g)
{
    struct timespec life = {.tv_nsec = chance_below(g, START_US) * 1000};
    struct proc receiver = fleet_receiver(g->binary, g->root, g->log);
    nanosleep(&life, NULL);
    assert_int_equal(proc_stop(&receiver, SIGKILL), 128 + SIGKILL);
}

struct fleet_kills fleet_kill(const char *binary, const char *root, const char *log, int kills,
                              uint64_t seed)
{
    struct fleet_plan plan = {.cameras = KILL_CAMERAS,
                              .files = FLEET_ENDLESS,
                              .bytes_min = 500,
                              .bytes_max = 200000,
                              .packet_us = 1500,
                              .seed = seed};
    struct game g = {binary, root, log, fleet_new(&plan), seed, LIFE_US};
    struct fleet_kills out = {0};
    char address[64];
    for (; out.kills < kills; out.kills++) {
        bool starting = out.kills % 5 == 4;
        out.starting += starting;
        (starting ? kill_at_start : kill_at_work)(&g);
    }
    struct proc receiver = fleet_receiver(binary, root, log);
    fleet_receiver_address(&receiver, address);
    fleet_aim(g.fleet, address);
    fleet_wind_down(g.fleet);
    if (!fleet_run(g.fleet, clock_mono_us() + END_US))
        fail_msg("not all files were acknowledged within %d s; see %s", END_US / 1000000, log);
    assert_int_equal(proc_stop(&receiver, SIGTERM), 0);
    out.stats = fleet_stats(g.fleet);
    out.stats.wait_us = NULL;
    out.found = fleet_look(g.fleet, root);
    fleet_free(&g.fleet);
    return out;
}

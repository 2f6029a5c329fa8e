#define _DEFAULT_SOURCE /* wait4 */
/*
 * receive: the receiver under load, on this machine's loopback, with the program that a person
 * runs. `tests/bench/receive` builds both and runs this.
 *
 *   bench_receive                     the whole table, under 3 minutes
 *   bench_receive one|many|storm      a part of it
 *   bench_receive kill [N [SEED]]     kill -9, N times (30)
 *
 * DASHSPOOL=FILE measures another binary; TMPDIR says on which disk. What is sent is compared with
 * what is there afterwards, bit for bit; the exit status is 1 if anything is wrong or a goal is
 * missed.
 */
#include "dashspool/clock.h"
#include "dashspool/raw.h"
#include "dashspool/wire.h"
#include "support/fleet.h"
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB       1e6
#define SECOND   INT64_C(1000000)
#define ONE_GOAL 150.0 /* MB/s */
enum { MEMORY_GOAL = 300, WAIT_GOAL_S = 2 };

static const char *binary;
static bool missed;

struct world {
    char *dir;
    char root[512], log[512];
    struct proc receiver;
    struct fleet *fleet;
};

static struct world begin(const struct fleet_plan *plan)
{
    struct world w = {.dir = support_tmp_dir()};
    char address[64];
    snprintf(w.root, sizeof w.root, "%s/root", w.dir);
    snprintf(w.log, sizeof w.log, "%s/receive.log", w.dir);
    w.fleet = fleet_new(plan);
    w.receiver = fleet_receiver(binary, w.root, w.log);
    fleet_receiver_address(&w.receiver, address);
    fleet_aim(w.fleet, address);
    return w;
}

static void row(const char *what, const char *value, const char *goal, bool good)
{
    missed |= !good;
    printf("  %-44s %22s   %s%s\n", what, value, goal, good ? "" : "   MISSED");
}

__attribute__((format(printf, 1, 2))) static const char *text(const char *fmt, ...)
{
    static char out[4][128];
    static int next;
    char *to = out[next++ % 4];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(to, sizeof out[0], fmt, ap);
    va_end(ap);
    return to;
}

/* Ends the receiver, and compares what was sent with what is there. */
static void finish(struct world *w)
{
    if (proc_stop(&w->receiver, SIGTERM) != 0)
        row("the receiver's end", "not in order", "", false);
    struct fleet_stats st = fleet_stats(w->fleet);
    struct fleet_found found = fleet_look(w->fleet, w->root);
    row("files there once, bit for bit",
        text("%lld of %lld", (long long)found.right, (long long)st.files), "all",
        fleet_all_right(&found) && found.right == st.files);
    if (!fleet_all_right(&found))
        printf("  missing %lld, double %lld, altered %lld, unknown %lld, partial %lld, "
               "orphans %lld jobless %lld %s\n",
               (long long)found.missing, (long long)found.doubled, (long long)found.altered,
               (long long)found.unknown, (long long)found.partial, (long long)found.orphans,
               (long long)found.jobless, found.damage);
    fleet_free(&w->fleet);
    support_tmp_remove(&w->dir);
}

/* ---- one camera ---- */

static const struct fleet_plan one_plan = {.cameras = 1,
                                           .files = 34,
                                           .bytes_min = 6000000,
                                           .bytes_max = 6000000,
                                           .prepared = true,
                                           .seed = 1};

static double one_speed(double *cpu_s_per_gb)
{
    struct world w = begin(&one_plan);
    double before_s = fleet_usage_of(&w.receiver).cpu_s;
    bool all = fleet_run(w.fleet, clock_mono_us() + 120 * SECOND);
    struct fleet_usage usage = fleet_usage_of(&w.receiver);
    struct fleet_stats st = fleet_stats(w.fleet);
    double s = (double)(st.last_us - st.first_us) / 1e6, mb = (double)st.bytes / MB;
    row("one camera, 34 files of 6 MB", text("%.0f MB/s", mb / s), ">= 150 MB/s",
        all && mb / s >= ONE_GOAL);
    row("  from a file's last packet to its 0009",
        text("%.0f ms, at most %.0f", (double)st.wait_us[st.waits / 2] / 1e3,
             (double)st.wait_us[0] / 1e3),
        "", true);
    *cpu_s_per_gb = (usage.cpu_s - before_s) / (mb / 1e3);
    finish(&w);
    return mb / s;
}

/*
 * What no receiver can do without: reads the frames, checks their CRC, hashes, writes chunks, and
 * commits as often as the receiver does. One thread, no conversation.
 */
struct floor {
    struct raw *raw;
    struct hash *hash;
    struct raw_facts facts;
    int64_t key, offset;
    size_t held, waiting; /* bytes of `chunk`; since the last commit */
    uint16_t seed;
    uint8_t chunk[RAW_CHUNK_BYTES];
};
#define FLOOR_DAY "2026-11-21"

static void floor_chunk(struct floor *fl)
{
    struct err err;
    hash_update(fl->hash, fl->chunk, fl->held);
    assert_ok(
        raw_append(fl->raw, FLOOR_DAY, fl->key, &fl->facts, fl->offset, fl->chunk, fl->held, &err));
    fl->offset += (int64_t)fl->held;
    fl->waiting += fl->held;
    fl->held = 0;
}

static void floor_end_of_file(struct floor *fl)
{
    struct err err;
    fl->facts.length_bytes = fl->offset;
    assert_ok(hash_final(fl->hash, fl->facts.sha256, &err));
    assert_ok(raw_seal(fl->raw, FLOOR_DAY, fl->key++, &fl->facts, &err));
    fl->offset = 0;
    fl->seed = 0;
}

static void floor_packet(struct floor *fl, const uint8_t *data, size_t n)
{
    struct err err;
    bool last = n < WIRE_PACKET_BYTES;
    fl->seed = wire_crc(fl->seed, data, n);
    assert_int_equal(fl->seed, data[n] << 8 | data[n + 1]);
    memcpy(fl->chunk + fl->held, data, n);
    fl->held += n;
    if (fl->held == sizeof fl->chunk || last)
        floor_chunk(fl);
    if (last)
        floor_end_of_file(fl);
    if (fl->waiting >= (4 << 20) || last) {
        assert_ok(raw_commit(fl->raw, &err));
        fl->waiting = 0;
    }
}

static void floor_receive(int fd, const char *root)
{
    static struct floor fl = {.facts = {"floor", "350000000000000", "front", "video", "camera"},
                              .key = 1};
    static uint8_t in[64 * 1024];
    struct wire_frame f;
    struct err err;
    size_t used = 0;
    assert_ok(raw_open(&fl.raw, root, &err));
    assert_ok(hash_new(&fl.hash, &err));
    for (ssize_t n; (n = recv(fd, in + used, sizeof in - used, 0)) > 0;) {
        size_t at = 0;
        used += (size_t)n;
        for (; wire_frame_parse(in + at, used - at, &f) == WIRE_HAVE_FRAME; at += f.frame_bytes)
            floor_packet(&fl, f.payload, f.n - 2);
        memmove(in, in + at, used - at);
        used -= at;
    }
    hash_free(&fl.hash);
    raw_close(&fl.raw);
}

/* The same files as of the one camera, frames only. */
static void floor_send(int fd)
{
    struct fleet *f = fleet_new(&one_plan);
    for (uint32_t k = 0; k < one_plan.files; k++) {
        size_t n;
        const uint8_t *data = fleet_file(f, 0, k, &n);
        uint16_t seed = 0;
        for (size_t at = 0; at < n;) {
            static uint8_t out[64 * WIRE_DATA_FRAME_BYTES];
            size_t used = 0;
            for (; at < n && used + WIRE_DATA_FRAME_BYTES <= sizeof out; at += WIRE_PACKET_BYTES)
                used +=
                    wire_data_put(out + used, sizeof out - used, data + at,
                                  n - at < WIRE_PACKET_BYTES ? n - at : WIRE_PACKET_BYTES, &seed);
            for (size_t sent = 0; sent < used;) {
                ssize_t m = send(fd, out + sent, used - sent, MSG_NOSIGNAL);
                assert_true(m > 0);
                sent += (size_t)m;
            }
        }
    }
    fleet_free(&f);
}

/* A connected pair of TCP sockets. */
static void connect_pair(int fd[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&at, n), 0);
    fd[1] = accept(listener, NULL, NULL);
    assert_true(fd[1] >= 0);
    close(listener);
}

static double floor_speed(double *cpu_s_per_gb)
{
    char *dir = support_tmp_dir();
    int fd[2], status;
    struct rusage used;
    connect_pair(fd);
    int64_t began_us = clock_mono_us();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        floor_receive(fd[1], dir);
        _exit(0);
    }
    close(fd[1]);
    floor_send(fd[0]);
    close(fd[0]);
    assert_int_equal(wait4(pid, &status, 0, &used), pid);
    assert_int_equal(status, 0);
    double s = (double)(clock_mono_us() - began_us) / 1e6;
    double mb = (double)one_plan.files * (double)one_plan.bytes_max / MB;
    double cpu_us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    *cpu_s_per_gb = cpu_us / 1e6 / (mb / 1e3);
    support_tmp_remove(&dir);
    return mb / s;
}

static void one(void)
{
    double ours, floor;
    (void)one_speed(&ours);
    double speed = floor_speed(&floor);
    row("  the floor, one thread", text("%.0f MB/s", speed), "", true);
    row("  CPU seconds a GB, receiver / floor", text("%.2f / %.2f", ours, floor), "", true);
}

/* ---- many ---- */

static void many(void)
{
    static const struct fleet_plan plan = {.cameras = 2000,
                                           .silent = 8000,
                                           .files = 4,
                                           .bytes_min = 200000,
                                           .bytes_max = 400000,
                                           .packet_us = 50000,
                                           .spread_us = 5 * SECOND,
                                           .seed = 2};
    struct world w = begin(&plan);
    bool all = fleet_run(w.fleet, clock_mono_us() + 110 * SECOND);
    struct fleet_usage usage = fleet_usage_of(&w.receiver);
    struct fleet_stats st = fleet_stats(w.fleet);
    double s = (double)(st.last_us - st.first_us) / 1e6;
    row("2 000 cameras send 20 KB/s, 8 000 are silent",
        text("%d lost, %.0f s", st.broken + st.refused, s), "none lost",
        all && st.broken + st.refused == 0 && st.open + st.finished == 10000);
    row("  together", text("%.1f MB/s", (double)st.bytes / MB / s), "", true);
    row("  from a file's last packet to its 0009: median",
        text("%.0f ms", (double)st.wait_us[st.waits / 2] / 1e3), "", true);
    row("    99 of 100 within", text("%.0f ms", (double)st.wait_us[st.waits / 100] / 1e3), "",
        true);
    row("    worst", text("%.0f ms", (double)st.wait_us[0] / 1e3), "<= 2 s",
        st.wait_us[0] <= WAIT_GOAL_S * SECOND);
    row("  memory of the receiver", text("%.0f MB", (double)usage.memory_bytes / MB), "<= 300 MB",
        (double)usage.memory_bytes <= MEMORY_GOAL * MB);
    row("  CPU of the receiver", text("%.0f %% of a core", usage.cpu_s / s * 100), "", true);
    finish(&w);
}

/* ---- storm ---- */

static void storm(void)
{
    static const struct fleet_plan plan = {
        .cameras = 5000, .bytes_max = 1, .spread_us = 2 * SECOND, .seed = 3};
    struct world w = begin(&plan);
    bool all = fleet_run(w.fleet, clock_mono_us() + 60 * SECOND);
    struct fleet_stats st = fleet_stats(w.fleet);
    row("5 000 cameras connect within 2 s: sent away",
        text("%d, %d lost", st.finished, st.broken + st.refused), "all",
        all && st.broken + st.refused == 0);
    row("  from connect() to CLOSE: worst", text("%.0f ms", (double)st.close_us_max / 1e3), "",
        true);
    assert_int_equal(proc_stop(&w.receiver, SIGTERM), 0);
    fleet_free(&w.fleet);
    support_tmp_remove(&w.dir);
}

/* ---- kill -9 ---- */

static void kills(int n, uint64_t seed)
{
    char root[512], log[512];
    char *dir = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", dir);
    snprintf(log, sizeof log, "%s/receive.log", dir);
    int64_t began_us = clock_mono_us();
    struct fleet_kills k = fleet_kill(binary, root, log, n, seed);
    row(text("kill -9, %d times (%d at the start), 20 cameras", k.kills, k.starting),
        text("%.0f s", (double)(clock_mono_us() - began_us) / 1e6), "", true);
    row("  files, of them resumed", text("%lld, %d", (long long)k.stats.files, k.stats.resumed), "",
        true);
    row("  lost / double / altered / left over",
        text("%lld / %lld / %lld / %lld", (long long)k.found.missing, (long long)k.found.doubled,
             (long long)(k.found.altered + k.found.unknown),
             (long long)(k.found.partial + k.found.orphans + k.found.jobless)),
        "none", fleet_all_right(&k.found) && k.found.right == k.stats.files);
    row("  integrity_check",
        k.found.damage[0] ? k.found.damage : text("%d databases ok", k.found.databases), "ok",
        !k.found.damage[0]);
    support_tmp_remove(&dir);
}

static void say_machine(void)
{
    char line[256] = "", *name = NULL;
    FILE *in = fopen("/proc/cpuinfo", "re");
    while (in && !name && fgets(line, sizeof line, in))
        if (strncmp(line, "model name", 10) == 0)
            name = strchr(line, ':');
    if (in)
        fclose(in);
    if (name)
        name[strcspn(name, "\n")] = '\0';
    printf("%ld cores,%s; cameras and receiver share them; %s\n", sysconf(_SC_NPROCESSORS_ONLN),
           name ? name + 1 : " ?", binary);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "all", *other = getenv("DASHSPOOL");
    bool all = strcmp(part, "all") == 0;
    binary = other ? other : DASHSPOOL_BINARY;
    setvbuf(stdout, NULL, _IOLBF, 0);
    fleet_raise_descriptors();
    say_machine();
    if (all || strcmp(part, "one") == 0)
        one();
    if (all || strcmp(part, "many") == 0)
        many();
    if (all || strcmp(part, "storm") == 0)
        storm();
    if (all || strcmp(part, "kill") == 0)
        kills(argc > 2 ? (int)strtol(argv[2], NULL, 10) : 30,
              argc > 3 ? strtoull(argv[3], NULL, 10) : 20261121);
    return missed;
}

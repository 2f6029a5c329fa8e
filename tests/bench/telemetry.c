#define _DEFAULT_SOURCE
/*
 * telemetry: the server of trackers under load, on this machine's loopback, with the program that a
 * person runs. `tests/bench/telemetry` builds both and runs this.
 *
 *   bench_telemetry                    the whole table
 *   bench_telemetry load               10 000 trackers: a record a second of 1 000 of them, for a
 *                                      minute; then 5 000 a second for 10 s
 *   bench_telemetry kill [N [SEED]]    50 trackers, kill -9, N times (200)
 *   bench_telemetry short              a little of both: no goals of time, nothing may be lost
 *
 * DASHSPOOL=FILE measures another binary; TMPDIR says on which disk. What was acknowledged is
 * looked for in the store afterwards, record by record; the exit status is 1 if anything is wrong
 * or a goal is missed.
 */
#include "dashspool/avl.h"
#include "dashspool/clock.h"
#include "dashspool/records.h"
#include "support/fleet.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MB     1e6
#define SECOND INT64_C(1000000)

enum {
    WAIT_GOAL_US = 500000,
    MEMORY_GOAL = 200,
    SEQ_MAX = 20000, /* records of a tracker */
    BATCH_MAX = 10,
    RECORD_BYTES = 128,
    EVENTS = 512,
    KILL_TRACKERS = 50,
    LIFE_US = 250000, /* of a server that is killed at work: up to this */
    START_US = 40000, /* … and of one that is killed while it starts */
};

static const char *binary;
static bool missed;

/* ---- trackers ---- */

struct tracker {
    int fd;                      /* -1: down */
    bool up;                     /* logged in */
    uint32_t acknowledged, sent; /* records, from 0 on; sent: the most so far */
    uint32_t under_way;          /* records of the frame that waits for its answer */
    int64_t due_us;              /* when that was to be sent */
    uint8_t got[4];
    size_t n_got;
};

struct crowd {
    struct tracker *t;
    int n, epoll, up;
    struct sockaddr_in at;
    bool endless; /* each sends its next frame as soon as the last is acknowledged … */
    bool last;    /* … but no more than what was sent before */
    int64_t begin_ms;
    uint64_t chance;
    int64_t *wait_us, acknowledged;
    size_t waits, waits_max;
    int64_t late, broken; /* frames that were due before the last was answered; links */
};

static uint64_t chance(struct crowd *c, uint64_t n)
{
    c->chance ^= c->chance << 13; /* Marsaglia, "Xorshift RNGs", 2003 */
    c->chance ^= c->chance >> 7;
    c->chance ^= c->chance << 17;
    return c->chance % n;
}

static struct crowd *crowd_new(int n, uint64_t seed)
{
    struct crowd *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->t = calloc((size_t)n, sizeof *c->t);
    c->waits_max = 1 << 20;
    c->wait_us = malloc(c->waits_max * sizeof *c->wait_us);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(c->t && c->wait_us && c->epoll >= 0);
    c->n = n;
    c->chance = seed * 2 + 1;
    c->begin_ms = clock_utc_us() / 1000 - 3600000;
    for (int i = 0; i < n; i++)
        c->t[i].fd = -1;
    return c;
}

static void hang_up(struct crowd *c, struct tracker *t)
{
    if (t->fd < 0)
        return;
    close(t->fd);
    c->up -= t->up;
    *t = (struct tracker){.fd = -1, .acknowledged = t->acknowledged, .sent = t->sent};
}

static void crowd_free(struct crowd **crowd)
{
    struct crowd *c = *crowd;
    for (int i = 0; i < c->n; i++)
        hang_up(c, &c->t[i]);
    close(c->epoll);
    free(c->t);
    free(c->wait_us);
    free(c);
    *crowd = NULL;
}

static void crowd_aim(struct crowd *c, const char *address)
{
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    c->at = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
}

/* What trackers say each time: ignition, movement, signal, GNSS, sleep, voltages, odometer. */
static size_t put_record(const struct crowd *c, uint32_t tracker, uint32_t seq, uint8_t *out)
{
    static const uint8_t value[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    static const struct avl_io io[] = {{239, 1, false, value + 7}, {240, 1, false, value + 7},
                                       {21, 1, false, value + 7},  {69, 1, false, value + 7},
                                       {200, 1, false, value},     {66, 2, false, value + 6},
                                       {67, 2, false, value + 6},  {16, 4, false, value + 4},
                                       {498, 1, false, value + 7}, {497, 1, false, value + 7}};
    const struct avl_record r = {.time_ms = (uint64_t)(c->begin_ms + seq),
                                 .longitude_e7 = (int32_t)tracker,
                                 .latitude_e7 = (int32_t)seq,
                                 .satellites = 9,
                                 .speed_kmh = 50};
    size_t n = avl_record_put(out, RECORD_BYTES, AVL_CODEC_8E, &r, io, sizeof io / sizeof *io);
    assert_true(n > 0);
    return n;
}

static void send_all(struct crowd *c, struct tracker *t, const uint8_t *data, size_t n)
{
    if (send(t->fd, data, n, MSG_NOSIGNAL) != (ssize_t)n) {
        c->broken++;
        hang_up(c, t);
    }
}

static void send_frame(struct crowd *c, struct tracker *t, uint32_t records, int64_t due_us)
{
    uint8_t body[BATCH_MAX * RECORD_BYTES], frame[sizeof body + 32];
    size_t used = 0;
    for (uint32_t k = 0; k < records; k++)
        used += put_record(c, (uint32_t)(t - c->t), t->acknowledged + k, body + used);
    size_t n = avl_frame_put(frame, sizeof frame, AVL_CODEC_8E, records, body, used);
    assert_true(n > 0 && t->acknowledged + records < SEQ_MAX);
    t->under_way = records;
    t->due_us = due_us;
    t->sent = t->sent < t->acknowledged + records ? t->acknowledged + records : t->sent;
    send_all(c, t, frame, n);
}

static void dial(struct crowd *c, struct tracker *t)
{
    uint8_t login[AVL_LOGIN_BYTES];
    char imei[AVL_IMEI_ROOM];
    int on = 1;
    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(t->fd >= 0);
    /* 250 to an address, as the server bounds them: 127.0.1.1 … */
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr =
                                   htonl(INADDR_LOOPBACK + (uint32_t)((t - c->t) / 250 + 1) * 256)};
    assert_int_equal(bind(t->fd, (struct sockaddr *)&from, sizeof from), 0);
    if (connect(t->fd, (struct sockaddr *)&c->at, sizeof c->at) < 0) {
        close(t->fd);
        t->fd = -1;
        return;
    }
    setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    assert_true(fcntl(t->fd, F_SETFL, O_NONBLOCK) == 0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};
    assert_int_equal(epoll_ctl(c->epoll, EPOLL_CTL_ADD, t->fd, &e), 0);
    snprintf(imei, sizeof imei, "%llu", (unsigned long long)FLEET_IMEI + (size_t)(t - c->t));
    send_all(c, t, login, avl_login_put(login, imei));
}

/* The next frame of one that sends without end. */
static void go_on(struct crowd *c, struct tracker *t, int64_t now_us)
{
    uint32_t n = 1 + (uint32_t)chance(c, BATCH_MAX);
    if (c->last && n > t->sent - t->acknowledged)
        n = t->sent - t->acknowledged;
    if (c->endless && n > 0)
        send_frame(c, t, n, now_us);
}

static void hear(struct crowd *c, struct tracker *t, int64_t now_us)
{
    uint8_t in[64];
    ssize_t n = recv(t->fd, in, sizeof in, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        c->broken++;
        hang_up(c, t);
        return;
    }
    for (ssize_t i = 0; i < n && t->fd >= 0; i++) {
        if (!t->up) {
            assert_int_equal(in[i], AVL_LOGIN_ACCEPTED);
            t->up = true;
            c->up++;
            go_on(c, t, now_us);
            continue;
        }
        t->got[t->n_got++] = in[i];
        if (t->n_got < sizeof t->got)
            continue;
        uint32_t count = (uint32_t)t->got[0] << 24 | (uint32_t)t->got[1] << 16 |
                         (uint32_t)t->got[2] << 8 | t->got[3];
        t->n_got = 0;
        assert_int_equal(count, t->under_way);
        if (c->waits < c->waits_max)
            c->wait_us[c->waits++] = now_us - t->due_us;
        t->acknowledged += count;
        c->acknowledged += count;
        t->under_way = 0;
        go_on(c, t, now_us);
    }
}

static void crowd_poll(struct crowd *c, int ms)
{
    struct epoll_event e[EVENTS];
    int n = epoll_wait(c->epoll, e, EVENTS, ms);
    assert_true(n >= 0 || errno == EINTR);
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < n; i++) {
        struct tracker *t = e[i].data.ptr;
        if (t->fd >= 0)
            hear(c, t, now_us);
    }
}

/* Frames of `batch` records come due at this pace, one tracker after the other. */
static void crowd_pace(struct crowd *c, double records_a_second, uint32_t batch, double seconds)
{
    double step_us = 1e6 * batch / records_a_second;
    int64_t began_us = clock_mono_us(), steps = (int64_t)(seconds * 1e6 / step_us);
    for (int64_t k = 0; k < steps;) {
        int64_t due_us = began_us + (int64_t)((double)k * step_us), now_us = clock_mono_us();
        if (now_us < due_us) {
            crowd_poll(c, due_us - now_us > 1000 ? 1 : 0);
            continue;
        }
        struct tracker *t = &c->t[k++ % c->n];
        if (!t->up || t->under_way)
            c->late++;
        else
            send_frame(c, t, batch, due_us);
        if (k % 64 == 0)
            crowd_poll(c, 0);
    }
}

static bool all_answered(const struct crowd *c)
{
    for (int i = 0; i < c->n; i++)
        if (c->t[i].under_way)
            return false;
    return true;
}

/* ---- the server ---- */

struct world {
    char *dir;
    char root[512], log[512];
    struct proc server;
    struct crowd *crowd;
};

static void start(struct world *w)
{
    const char *const argv[] = {binary,     "--root",      w->root, "telemetry",
                                "--listen", "127.0.0.1:0", NULL};
    w->server = proc_start(w->log, argv);
}

static void aim(struct world *w)
{
    char address[64];
    proc_wait_for(&w->server, "listening on ", address, sizeof address);
    crowd_aim(w->crowd, address);
}

static struct world begin(int trackers, uint64_t seed)
{
    struct world w = {.dir = support_tmp_dir(), .crowd = crowd_new(trackers, seed)};
    snprintf(w.root, sizeof w.root, "%s/root", w.dir);
    snprintf(w.log, sizeof w.log, "%s/telemetry.log", w.dir);
    return w;
}

static void row(const char *what, const char *value, const char *goal, bool good)
{
    missed |= !good;
    printf("  %-48s %26s   %s%s\n", what, value, goal, good ? "" : "   MISSED");
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

/* ---- what is there afterwards ---- */

struct look {
    const struct crowd *crowd;
    uint8_t *seen; /* of each tracker's records, SEQ_MAX of each */
    int64_t doubled, altered, unknown, flaws;
    int64_t bytes; /* of the files */
    char first_flaw[160];
    struct records *records;
    const char *root;
};

static int see(void *arg, const struct records_row *r, struct err *err)
{
    struct look *l = arg;
    (void)err;
    uint64_t tracker = strtoull(r->imei, NULL, 10) - FLEET_IMEI;
    int64_t seq = r->time_ms - l->crowd->begin_ms;
    uint8_t bytes[RECORD_BYTES];
    if (tracker >= (uint64_t)l->crowd->n || seq < 0 || seq >= l->crowd->t[tracker].sent) {
        l->unknown++;
        return ERR_OK;
    }
    size_t n = put_record(l->crowd, (uint32_t)tracker, (uint32_t)seq, bytes);
    l->altered += n != r->n || memcmp(bytes, r->bytes, n) != 0;
    uint8_t *seen = &l->seen[tracker * SEQ_MAX + (size_t)seq];
    l->doubled += *seen;
    *seen = 1;
    return ERR_OK;
}

static int flaw(void *arg, const char *words, struct err *err)
{
    struct look *l = arg;
    (void)err;
    if (l->flaws++ == 0)
        snprintf(l->first_flaw, sizeof l->first_flaw, "%s", words);
    return ERR_OK;
}

static int file(void *arg, const char *name, bool is_ours, struct err *err)
{
    struct look *l = arg;
    char path[700];
    struct stat st;
    assert_true(is_ours);
    snprintf(path, sizeof path, "%s/telemetry/%s.db", l->root, name);
    assert_int_equal(stat(path, &st), 0);
    l->bytes += st.st_size;
    struct records_sum looked;
    return records_check(l->records, name, flaw, l, &looked, err);
}

/* Ends the server, and looks for all that was acknowledged. */
static void finish(struct world *w)
{
    struct crowd *c = w->crowd;
    struct look l = {.crowd = c, .root = w->root};
    struct err err;
    if (proc_stop(&w->server, SIGTERM) != 0)
        row("the server's end", "not in order", "", false);
    l.seen = calloc((size_t)c->n, SEQ_MAX);
    assert_non_null(l.seen);
    assert_ok(records_open(&l.records, w->root, RECORDS_READ, &err));
    const struct records_query all = {.from_ms = INT64_MIN,
                                      .until_ms = INT64_MAX,
                                      .event_id = RECORDS_ANY_EVENT,
                                      .private_too = true};
    const struct records_reader reader = {.fn = see, .arg = &l};
    assert_ok(records_each(l.records, &all, &reader, &err));
    assert_ok(records_files(l.records, file, &l, &err));
    records_close(&l.records);
    int64_t lost = 0, there = 0;
    for (int i = 0; i < c->n; i++)
        for (uint32_t seq = 0; seq < c->t[i].sent; seq++) {
            bool seen = l.seen[(size_t)i * SEQ_MAX + seq];
            there += seen;
            lost += !seen && seq < c->t[i].acknowledged;
        }
    row("  records acknowledged", text("%lld", (long long)c->acknowledged), "",
        c->acknowledged > 0);
    row("  lost / double / altered / unknown",
        text("%lld / %lld / %lld / %lld", (long long)lost, (long long)l.doubled,
             (long long)l.altered, (long long)l.unknown),
        "none", lost + l.doubled + l.altered + l.unknown == 0);
    row("  files checked record by record", l.flaws ? l.first_flaw : "ok", "ok", l.flaws == 0);
    row("  on disk", text("%.0f bytes a record", there ? (double)l.bytes / (double)there : 0.0), "",
        true);
    free(l.seen);
    crowd_free(&w->crowd);
    support_tmp_remove(&w->dir);
}

/* ---- the floor: what a commit of 4 KiB takes on this disk, meanwhile ---- */

enum { FLOOR_MAX = 4096, FLOOR_EACH_US = 50000 };

struct floor {
    pthread_t thread;
    atomic_bool ends;
    int fd;
    int64_t took_us[FLOOR_MAX];
    size_t n;
};

static void *commit_again_and_again(void *arg)
{
    struct floor *f = arg;
    static const uint8_t page[4096];
    while (!atomic_load(&f->ends) && f->n < FLOOR_MAX) {
        int64_t began_us = clock_mono_us();
        if (pwrite(f->fd, page, sizeof page, (off_t)(f->n * sizeof page)) != (ssize_t)sizeof page ||
            fsync(f->fd) < 0)
            break;
        f->took_us[f->n++] = clock_mono_us() - began_us;
        usleep(FLOOR_EACH_US);
    }
    return NULL;
}

static void floor_begin(struct floor *f, const char *dir)
{
    *f = (struct floor){.n = 0};
    f->fd = open(support_path(dir, "floor"), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(f->fd >= 0);
    assert_int_equal(pthread_create(&f->thread, NULL, commit_again_and_again, f), 0);
}

/* ---- load ---- */

static int later(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void floor_end(struct floor *f)
{
    atomic_store(&f->ends, true);
    pthread_join(f->thread, NULL);
    close(f->fd);
    qsort(f->took_us, f->n, sizeof *f->took_us, later);
    if (f->n > 0)
        row("  beside it, fsync of 4 KiB: median, 99 of 100, worst",
            text("%.0f, %.0f, %.0f ms", (double)f->took_us[f->n / 2] / 1e3,
                 (double)f->took_us[f->n - 1 - f->n / 100] / 1e3,
                 (double)f->took_us[f->n - 1] / 1e3),
            "", true);
}

static void waits(struct crowd *c, const char *what, double rate, double seconds, bool goals)
{
    int64_t until_us = clock_mono_us() + 30 * SECOND;
    while (!all_answered(c) && clock_mono_us() < until_us)
        crowd_poll(c, 20);
    qsort(c->wait_us, c->waits, sizeof *c->wait_us, later);
    size_t n = c->waits;
    row(what, text("%.0f/s for %.0f s", rate, seconds), "none late or broken",
        n > 0 && c->late + c->broken == 0 && all_answered(c));
    if (n > 0)
        row("  acknowledged after: median, 99 of 100, worst",
            text("%.0f, %.0f, %.0f ms", (double)c->wait_us[n / 2] / 1e3,
                 (double)c->wait_us[n - 1 - n / 100] / 1e3, (double)c->wait_us[n - 1] / 1e3),
            goals ? "<= 500 ms" : "", !goals || c->wait_us[n - 1] <= WAIT_GOAL_US);
    c->waits = 0;
}

static void load(int trackers, double rate, double seconds, double burst, double burst_seconds,
                 bool goals)
{
    static struct floor floor;
    struct world w = begin(trackers, 1);
    struct crowd *c = w.crowd;
    start(&w);
    aim(&w);
    int64_t began_us = clock_mono_us();
    for (int i = 0; i < trackers; i++) {
        dial(c, &c->t[i]);
        assert_true(c->t[i].fd >= 0);
        if (i % 16 == 15)
            crowd_poll(c, 0);
    }
    while (c->up < trackers && clock_mono_us() - began_us < 60 * SECOND)
        crowd_poll(c, 20);
    row(text("%d trackers log in", trackers),
        text("%.1f s", (double)(clock_mono_us() - began_us) / 1e6), "all", c->up == trackers);
    double before_s = fleet_usage_of(&w.server).cpu_s;
    floor_begin(&floor, w.dir);
    crowd_pace(c, rate, 1, seconds);
    row("  CPU of the server",
        text("%.0f %% of a core", (fleet_usage_of(&w.server).cpu_s - before_s) / seconds * 100), "",
        true);
    waits(c, "a record a frame", rate, seconds, goals);
    floor_end(&floor);
    before_s = fleet_usage_of(&w.server).cpu_s;
    floor_begin(&floor, w.dir);
    crowd_pace(c, burst, 1, burst_seconds);
    row("  CPU of the server",
        text("%.0f %% of a core",
             (fleet_usage_of(&w.server).cpu_s - before_s) / burst_seconds * 100),
        "", true);
    waits(c, "a burst, a record a frame", burst, burst_seconds, goals);
    floor_end(&floor);
    double memory = (double)fleet_usage_of(&w.server).memory_bytes / MB;
    row("  memory of the server, at most", text("%.0f MB", memory), goals ? "<= 200 MB" : "",
        !goals || memory <= MEMORY_GOAL);
    finish(&w);
}

/* ---- kill -9 ---- */

static void let_talk(struct crowd *c, int64_t us)
{
    for (int64_t until_us = clock_mono_us() + us; clock_mono_us() < until_us;) {
        for (int i = 0; i < c->n; i++)
            if (c->t[i].fd < 0)
                dial(c, &c->t[i]);
        crowd_poll(c, 5);
    }
}

static void drop_links(struct crowd *c)
{
    for (int i = 0; i < c->n; i++)
        hang_up(c, &c->t[i]);
}

static bool all_said(const struct crowd *c)
{
    for (int i = 0; i < c->n; i++)
        if (c->t[i].acknowledged < c->t[i].sent)
            return false;
    return true;
}

static void kills(int trackers, int n, uint64_t seed)
{
    struct world w = begin(trackers, seed);
    struct crowd *c = w.crowd;
    int starting = 0;
    int64_t began_us = clock_mono_us();
    c->endless = true;
    for (int i = 0; i < n; i++) {
        start(&w);
        if (chance(c, 8) == 0) {
            usleep((useconds_t)chance(c, START_US));
            starting++;
        } else {
            aim(&w);
            let_talk(c, 1 + (int64_t)chance(c, LIFE_US));
        }
        assert_int_equal(proc_stop(&w.server, SIGKILL), 128 + SIGKILL);
        drop_links(c);
    }
    start(&w);
    aim(&w);
    c->last = true;
    for (int64_t until_us = clock_mono_us() + 120 * SECOND;
         !all_said(c) && clock_mono_us() < until_us;)
        let_talk(c, SECOND / 10);
    row(text("kill -9, %d times (%d at the start), %d trackers", n, starting, trackers),
        text("%.0f s", (double)(clock_mono_us() - began_us) / 1e6), "all said in the end",
        all_said(c));
    finish(&w);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "all", *other = getenv("DASHSPOOL");
    bool all = strcmp(part, "all") == 0;
    binary = other ? other : DASHSPOOL_BINARY;
    setvbuf(stdout, NULL, _IOLBF, 0);
    fleet_raise_descriptors();
    printf("%ld cores; trackers and server share them; %s\n", sysconf(_SC_NPROCESSORS_ONLN),
           binary);
    if (strcmp(part, "short") == 0) {
        load(200, 100, 2, 400, 1, false);
        kills(10, 6, 20261130);
    }
    if (all || strcmp(part, "load") == 0)
        load(10000, 1000, 60, 5000, 10, true);
    if (all || strcmp(part, "kill") == 0)
        kills(KILL_TRACKERS, argc > 2 ? (int)strtol(argv[2], NULL, 10) : 200,
              argc > 3 ? strtoull(argv[3], NULL, 10) : 20261130);
    return missed;
}

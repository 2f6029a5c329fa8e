#include "support/world.h"
#include "dashspool/clock.h"
#include "dashspool/raw.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 60000, BYTES_MAX = 64 << 20, TALK_BYTES = 64 * 1024 };

/* ---- the receiver ---- */

void world_configure(struct world *w, const char *config)
{
    char text[4000];
    snprintf(text, sizeof text,
             "[%s]\nlisten = 127.0.0.1:0\ntls_listen = 127.0.0.1:0\n"
             "min_free_mib = 0\n%s",
             w->command, config);
    support_configure(w->root, text);
}

static void open_for(struct world *w, const char *binary, const char *command, const char *config)
{
    *w = (struct world){.binary = binary, .command = command, .dir = support_tmp_dir()};
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    world_configure(w, config);
}

void world_open(struct world *w, const char *binary, const char *config)
{
    open_for(w, binary, "receive", config);
}

void world_open_telemetry(struct world *w, const char *binary, const char *config)
{
    open_for(w, binary, "telemetry", config);
}

void world_close(struct world *w)
{
    int status = w->running ? proc_stop(&w->receiver, SIGTERM) : 0;
    w->running = false;
    if (status != 0) {
        struct buf log = support_read(w->receiver.log);
        fprintf(stderr, "%.*s", (int)log.used, (const char *)buf_data(&log));
        buf_clear(&log);
    }
    if (w->dir)
        support_tmp_remove(&w->dir);
    assert_int_equal(status, 0); /* also what a sanitizer has to say at the end */
}

static bool wants_tls(const struct world *w)
{
    return support_count(support_path(w->root, "pipeline.d/50-test.conf"), "tls_cert") > 0;
}

static void take_ports(struct world *w)
{
    char line[2000], port[8];
    FILE *f = fopen(w->receiver.log, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "listening on 127.0.0.1:%7[0-9]", port) == 1)
            snprintf(strstr(line, "(TLS)") ? w->tls_port : w->port, sizeof port, "%s", port);
    }
    fclose(f);
}

void world_start(struct world *w)
{
    char log[600], first[128];
    bool tls = wants_tls(w);
    snprintf(log, sizeof log, "%s/receive-%d.log", w->dir, ++w->starts);
    const char *const argv[] = {w->binary, "--root", w->root, w->command, NULL};
    w->receiver = proc_start(log, argv);
    w->running = true;
    proc_wait_for(&w->receiver, "listening on ", first, sizeof first);
    if (tls)
        proc_wait_for(&w->receiver, " (TLS)", NULL, 0);
    take_ports(w);
}

void world_stop(struct world *w)
{
    w->running = false;
    assert_int_equal(proc_stop(&w->receiver, SIGTERM), 0);
}

void world_kill(struct world *w)
{
    w->running = false;
    assert_int_equal(proc_stop(&w->receiver, SIGKILL), 128 + SIGKILL);
}

void world_wait(struct world *w, world_is_fn *is, void *arg, const char *what)
{
    int64_t until_us = clock_mono_us() + WAIT_MS * INT64_C(1000);
    char raw[300];
    snprintf(raw, sizeof raw, "%s/raw", w->root);
    int watch = inotify_init1(IN_CLOEXEC);
    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, w->root, IN_MODIFY | IN_CREATE) >= 0);
    assert_true(inotify_add_watch(watch, raw, IN_MODIFY | IN_CREATE) >= 0);
    while (!is(w, arg)) {
        struct pollfd p = {.fd = watch, .events = POLLIN};
        char events[4096];
        if (clock_mono_us() > until_us)
            fail_msg("within %d s not: %s", WAIT_MS / 1000, what);
        if (poll(&p, 1, 200) > 0)
            assert_true(read(watch, events, sizeof events) > 0);
    }
    close(watch);
}

/* ---- what is stored ---- */

static int take_row(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct world_rows *rows = arg;
    (void)err;
    assert_true(rows->n < WORLD_ROWS);
    rows->row[rows->n++] = *t;
    return ERR_OK;
}

void world_rows(struct world *w, const char *imei, struct world_rows *out)
{
    struct catalogue *c = NULL;
    struct err err;
    struct catalogue_filter filter = {.imei = imei};
    out->n = 0;
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_transfer_each(c, &filter, take_row, out, &err));
    catalogue_close(&c);
}

struct asked {
    const char *imei;
    int64_t bytes;
    struct world_rows *rows;
};

static bool is_settled(struct world *w, void *arg)
{
    struct asked *a = arg;
    bool settled = true;
    world_rows(w, a->imei, a->rows);
    for (int i = 0; i < a->rows->n; i++)
        settled = settled && a->rows->row[i].state != CATALOGUE_RECEIVING;
    return settled;
}

void world_settled_rows(struct world *w, const char *imei, struct world_rows *out)
{
    struct asked a = {.imei = imei, .rows = out};
    world_wait(w, is_settled, &a, "nothing is being received any more");
}

static int take_bytes(void *arg, const void *data, size_t n, struct err *err)
{
    return buf_append(arg, data, n, err);
}

struct buf world_bytes(struct world *w, const struct catalogue_transfer *row)
{
    struct raw *raw = NULL;
    struct buf b;
    struct err err;
    buf_init(&b, BYTES_MAX);
    assert_ok(raw_open(&raw, w->root, &err));
    assert_ok(raw_copy(raw, row->day, row->key, take_bytes, &b, &err));
    raw_close(&raw);
    return b;
}

static int take_from(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    (void)err;
    *(int64_t *)arg = a->from_bytes;
    return ERR_OK;
}

int64_t world_resumed_at(struct world *w, const struct catalogue_transfer *row)
{
    struct catalogue *c = NULL;
    struct err err;
    int64_t from = -1;
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_arrival_each(c, row->key, take_from, &from, &err));
    catalogue_close(&c);
    return from;
}

static bool are_stored(struct world *w, void *arg)
{
    struct asked *a = arg;
    struct raw *raw = NULL;
    struct err err;
    bool sealed;
    int64_t n = 0;
    world_rows(w, a->imei, a->rows);
    if (a->rows->n == 0)
        return false;
    assert_ok(raw_open(&raw, w->root, &err));
    int rc = raw_stat(raw, a->rows->row[0].day, a->rows->row[0].key, &n, &sealed, NULL, &err);
    raw_close(&raw);
    return rc == ERR_OK && n >= a->bytes;
}

void world_wait_stored(struct world *w, const char *imei, int64_t bytes)
{
    struct world_rows rows;
    struct asked a = {.imei = imei, .bytes = bytes, .rows = &rows};
    world_wait(w, are_stored, &a, "what was sent is on disk");
}

struct jobless {
    struct world *world;
    int n;
};

static int look_for_job(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct jobless *j = arg;
    char path[400];
    (void)err;
    snprintf(path, sizeof path, "%s/spool/convert/new/%s", j->world->root, t->id);
    j->n += !support_exists(path);
    return ERR_OK;
}

static int without_job(struct world *w)
{
    struct catalogue *c = NULL;
    struct err err;
    struct catalogue_filter unpublished = {.unpublished = true};
    struct jobless j = {.world = w};
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_transfer_each(c, &unpublished, look_for_job, &j, &err));
    catalogue_close(&c);
    return j.n;
}

void world_wait_jobs(struct world *w)
{
    support_wait(without_job(w) == 0);
}

int world_log_lines(struct world *w, const char *words)
{
    int n = 0;
    char line[2000];
    FILE *f = fopen(w->receiver.log, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        n += strstr(line, words) != NULL;
    fclose(f);
    return n;
}

/* ---- cameras ---- */

const char *world_address(const char *port)
{
    static char text[2][32];
    static unsigned turn;
    char *at = text[turn++ % 2];
    snprintf(at, sizeof *text, "127.0.0.1:%s", port);
    return at;
}

int world_dial(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail_msg("connect to port %s: %s", port, strerror(errno));
    return fd;
}

void world_camera_connect(struct world *w, const struct simulate_config *config,
                          struct world_camera *out)
{
    struct err err;
    assert_ok(simulate_camera_new(&out->camera, config, &err));
    out->fd = world_dial(w->port);
    assert_int_equal(fcntl(out->fd, F_SETFL, O_NONBLOCK), 0);
}

/* What the server says; false: it closed the connection. */
static bool hear(struct world_camera *c)
{
    uint8_t in[4096];
    struct err err;
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    assert_ok(simulate_camera_feed(c->camera, in, (size_t)n, &err));
    return true;
}

/* True: it is done, or has sent so many bytes; false: the server closed the connection. */
static bool talk(struct world_camera *c, uint64_t bytes)
{
    uint8_t out[TALK_BYTES];
    size_t at = 0, left = 0;
    for (;;) {
        if (left == 0) {
            at = 0;
            left = simulate_camera_fill(c->camera, out, sizeof out);
        }
        if (left == 0 &&
            (simulate_camera_done(c->camera) || simulate_camera_stats(c->camera)->bytes >= bytes))
            return true;
        struct pollfd p = {.fd = c->fd, .events = (short)(left > 0 ? POLLIN | POLLOUT : POLLIN)};
        int n = poll(&p, 1, WAIT_MS);
        if (n == 0)
            fail_msg("the receiver said nothing for %d s", WAIT_MS / 1000);
        assert_true(n > 0);
        if ((p.revents & (POLLIN | POLLHUP | POLLERR)) && !hear(c))
            return false;
        ssize_t sent = p.revents & POLLOUT ? send(c->fd, out + at, left, MSG_NOSIGNAL) : 0;
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        at += sent > 0 ? (size_t)sent : 0;
        left -= sent > 0 ? (size_t)sent : 0;
    }
}

void world_camera_send(struct world_camera *c, uint64_t bytes)
{
    if (!talk(c, bytes))
        fail_msg("the receiver closed the connection");
    assert_true(simulate_camera_stats(c->camera)->bytes >= bytes);
}

bool world_camera_finish(struct world_camera *c)
{
    return talk(c, UINT64_MAX);
}

void world_camera_close(struct world_camera *c)
{
    close(c->fd);
    simulate_camera_free(&c->camera);
}

int world_camera_run(struct world *w, const struct simulate_config *config)
{
    struct world_camera c;
    world_camera_connect(w, config, &c);
    world_camera_finish(&c);
    int files = simulate_camera_stats(c.camera)->files_sent;
    world_camera_close(&c);
    return files;
}

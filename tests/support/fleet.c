#include "support/fleet.h"
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_BYTES = 16 << 20,        /* all files are pieces of it */
    FILE_BYTES_MAX = 8 << 20,     /* any piece of this size is in it */
    SOURCE_CAMERAS = 1000,        /* cameras of one 127.0.1.x: ports do not run short */
    SETTINGS_ALWAYS = 0x40000400, /* set in every INIT of a DualCam that was seen */
    FRONT_VIDEO = 1,              /* in wire_slots */
    AGAIN_US = 20000,             /* a camera connects again after this pause */
    TICK_MS = 2,
    BLOCK_FRAMES = 256, /* of prepared ones, handed to the socket at once */
    REPLY_BYTES = 256,  /* answers that wait: cameras are asked one thing at a time */
    N_EVENTS = 512,
};
#define FIRST_TIME_MS UINT64_C(1732865025000)

enum place { AWAY, CONNECTED, FINISHED };

struct camera {
    int number, fd;
    enum place place;
    bool silent, sending, started, prepared;
    uint32_t file, files;     /* the one that is offered; how many there are */
    uint32_t packet, packets; /* 0-based, the next DATA */
    uint16_t seed;
    int64_t next_us; /* when it connects, or sends its next packet */
    int64_t connect_us, last_us;
    const uint8_t *at; /* on its way to the socket */
    size_t left;
    size_t reply_n, in_n;
    uint8_t reply[REPLY_BYTES], in[32]; /* its longest message, and more */
    uint8_t out[REPLY_BYTES + WIRE_DATA_FRAME_BYTES];
};

struct fleet {
    struct fleet_plan plan;
    int epoll, count;
    struct camera *camera;
    uint8_t *pool;
    uint8_t **prepared; /* [camera * files + file]: all its DATA frames */
    struct sockaddr_in to;
    struct fleet_stats stats;
    int64_t *wait_us;
    size_t wait_room;
    bool winding_down;
};

/* ---- files ---- */

/* splitmix64 (S. Vigna, public domain), as a function of its counter. */
static uint64_t mix(uint64_t v)
{
    v += UINT64_C(0x9e3779b97f4a7c15);
    v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

const uint8_t *fleet_file(const struct fleet *f, int camera, uint32_t file, size_t *n)
{
    uint64_t chance = mix(f->plan.seed ^ mix((uint64_t)camera << 32 | file));
    *n = f->plan.bytes_min + (size_t)(mix(chance) % (f->plan.bytes_max - f->plan.bytes_min + 1));
    return f->pool + chance % (POOL_BYTES - FILE_BYTES_MAX);
}

int64_t fleet_file_time_us(uint32_t file)
{
    return (int64_t)(FIRST_TIME_MS + UINT64_C(1000) * file) * 1000;
}

static uint32_t packets_of(const struct fleet *f, const struct camera *c)
{
    size_t n;
    (void)fleet_file(f, c->number, c->file, &n);
    return (uint32_t)((n + WIRE_PACKET_BYTES - 1) / WIRE_PACKET_BYTES);
}

/* The DATA frame of a packet, with the CRC behind `seed`. */
static size_t put_packet(const struct fleet *f, const struct camera *c, uint32_t packet,
                         uint16_t *seed, uint8_t *out, size_t room)
{
    size_t n, at = (size_t)packet * WIRE_PACKET_BYTES;
    const uint8_t *data = fleet_file(f, c->number, c->file, &n);
    size_t bytes = n - at < WIRE_PACKET_BYTES ? n - at : WIRE_PACKET_BYTES;
    return wire_data_put(out, room, data + at, bytes, seed);
}

static void prepare(struct fleet *f)
{
    f->prepared = calloc((size_t)f->plan.cameras * f->plan.files, sizeof *f->prepared);
    assert_non_null(f->prepared);
    for (int i = 0; i < f->plan.cameras; i++) {
        struct camera c = {.number = i};
        for (; c.file < f->plan.files; c.file++) {
            uint32_t packets = packets_of(f, &c);
            size_t room = (size_t)packets * WIRE_DATA_FRAME_BYTES, used = 0;
            uint8_t *frames = malloc(room);
            uint16_t seed = 0;
            assert_non_null(frames);
            for (uint32_t k = 0; k < packets; k++)
                used += put_packet(f, &c, k, &seed, frames + used, room - used);
            f->prepared[(size_t)i * f->plan.files + c.file] = frames;
        }
    }
}

/* ---- making them ---- */

struct fleet *fleet_new(const struct fleet_plan *plan)
{
    struct fleet *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(plan->bytes_min <= plan->bytes_max && plan->bytes_max <= FILE_BYTES_MAX);
    f->plan = *plan;
    f->count = plan->cameras + plan->silent;
    f->camera = calloc((size_t)f->count, sizeof *f->camera);
    f->pool = malloc(POOL_BYTES);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(f->camera && f->pool && f->epoll >= 0);
    for (size_t i = 0; i < POOL_BYTES; i += 8) {
        uint64_t v = mix(plan->seed + i);
        memcpy(f->pool + i, &v, 8);
    }
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < f->count; i++)
        f->camera[i] = (struct camera){.number = i,
                                       .fd = -1,
                                       .silent = i >= plan->cameras,
                                       .files = i >= plan->cameras ? 1 : plan->files,
                                       .next_us = now_us + plan->spread_us * i / f->count};
    if (plan->prepared)
        prepare(f);
    return f;
}

void fleet_free(struct fleet **fleet)
{
    struct fleet *f = *fleet;
    for (int i = 0; i < f->count; i++)
        if (f->camera[i].fd >= 0)
            close(f->camera[i].fd);
    for (size_t i = 0; f->prepared && i < (size_t)f->plan.cameras * f->plan.files; i++)
        free(f->prepared[i]);
    free(f->prepared);
    close(f->epoll);
    free(f->wait_us);
    free(f->camera);
    free(f->pool);
    free(f);
    *fleet = NULL;
}

void fleet_aim(struct fleet *f, const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    f->to.sin_family = AF_INET;
    f->to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    assert_int_equal(inet_pton(AF_INET, host, &f->to.sin_addr), 1);
}

void fleet_wind_down(struct fleet *f)
{
    f->winding_down = true;
    for (int i = 0; i < f->plan.cameras; i++)
        if (f->camera[i].files > f->camera[i].file + 1)
            f->camera[i].files = f->camera[i].file + 1;
}

/* ---- connections ---- */

static void leave(struct fleet *f, struct camera *c, enum place place)
{
    close(c->fd);
    c->fd = -1;
    c->place = place;
    c->sending = false;
    c->left = c->in_n = c->reply_n = 0;
    c->next_us = clock_mono_us() + AGAIN_US;
    f->stats.open--;
    if (place == FINISHED)
        f->stats.finished++;
}

static void lose(struct fleet *f, struct camera *c)
{
    f->stats.broken++;
    leave(f, c, AWAY);
}

static void say(struct camera *c, const void *bytes, size_t n)
{
    assert_true(c->reply_n + n <= sizeof c->reply);
    memcpy(c->reply + c->reply_n, bytes, n);
    c->reply_n += n;
}

static void say_init(struct camera *c)
{
    uint8_t init[WIRE_INIT_BYTES];
    uint32_t setting = c->file < c->files ? wire_slots[FRONT_VIDEO].setting : 0;
    wire_init_put(init, 5, FLEET_IMEI + (uint64_t)c->number, SETTINGS_ALWAYS | setting);
    say(c, init, sizeof init);
}

static void enter(struct fleet *f, struct camera *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int yes = 1;
    from.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(c->number / SOURCE_CAMERAS));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&from, sizeof from), 0);
    c->connect_us = clock_mono_us();
    c->place = CONNECTED;
    f->stats.open++;
    f->stats.connects++;
    if (f->stats.first_us == 0)
        f->stats.first_us = c->connect_us;
    if (connect(c->fd, (struct sockaddr *)&f->to, sizeof f->to) < 0 && errno != EINPROGRESS) {
        lose(f, c);
        return;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    assert_int_equal(epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &e), 0);
    say_init(c);
}

/* ---- what the receiver says ---- */

static void on_meta_request(struct camera *c)
{
    uint8_t meta[WIRE_META_V4_BYTES], frame[4 + WIRE_META_V4_BYTES];
    struct wire_meta m = {.file_type = wire_slots[FRONT_VIDEO].file_type,
                          .time_ms = FIRST_TIME_MS + UINT64_C(1000) * c->file,
                          .length_s = 10,
                          .fps = 20,
                          .trigger = 3,
                          .lat_deg = 54.7,
                          .lon_deg = 25.25,
                          .trigger_time_ms = FIRST_TIME_MS};
    size_t n = wire_meta_put(meta, &m, 4);
    say(c, frame, wire_frame_put(frame, sizeof frame, WIRE_META, meta, n));
}

static void on_file_request(struct fleet *f, struct camera *c)
{
    uint8_t start[6] = {0}, frame[10];
    if (c->silent)
        return;
    c->packets = packets_of(f, c);
    for (int i = 0; i < 4; i++)
        start[i] = (uint8_t)(c->packets >> (24 - 8 * i));
    c->sending = c->started = false;
    say(c, frame, wire_frame_put(frame, sizeof frame, WIRE_START, start, sizeof start));
}

static void on_resume(struct fleet *f, struct camera *c, uint32_t offset)
{
    uint8_t frame[8];
    assert_true(offset >= 1 && offset <= c->packets);
    f->stats.resumed += !c->started && offset > 1;
    c->packet = offset - 1;
    c->seed = 0;
    c->sending = c->started = true;
    c->prepared = f->prepared && offset == 1;
    c->next_us = clock_mono_us();
    if (f->plan.packet_us)
        c->next_us += (int64_t)(mix((uint64_t)c->next_us) % (uint64_t)f->plan.packet_us);
    say(c, frame, wire_u32_put(frame, sizeof frame, WIRE_SYNC, offset));
}

static void note_wait(struct fleet *f, int64_t us)
{
    if (f->stats.waits == f->wait_room) {
        f->wait_room = f->wait_room ? 2 * f->wait_room : 1024;
        f->wait_us = realloc(f->wait_us, f->wait_room * sizeof *f->wait_us);
        assert_non_null(f->wait_us);
    }
    f->wait_us[f->stats.waits++] = us;
}

static void on_acknowledged(struct fleet *f, struct camera *c)
{
    size_t n;
    assert_true(c->sending && c->packet == c->packets && c->left == 0); /* not before the end */
    (void)fleet_file(f, c->number, c->file, &n);
    f->stats.last_us = clock_mono_us();
    note_wait(f, f->stats.last_us - c->last_us);
    f->stats.files++;
    f->stats.bytes += (int64_t)n;
    c->sending = false;
    c->file++;
    say_init(c);
}

static void on_close(struct fleet *f, struct camera *c)
{
    int64_t took_us = clock_mono_us() - c->connect_us;
    if (f->plan.files == 0 && took_us > f->stats.close_us_max)
        f->stats.close_us_max = took_us;
    f->stats.refused += c->file < c->files;
    leave(f, c, c->file < c->files ? AWAY : FINISHED);
}

/* One message of `in`; its bytes, or 0 if it is not whole yet. */
static size_t hear(struct fleet *f, struct camera *c)
{
    const uint8_t *p = c->in;
    unsigned id = c->in_n < 2 ? 0xffff : (unsigned)p[0] << 8 | p[1];
    if (id == WIRE_REPEAT_INIT) {
        on_acknowledged(f, c);
        return 2;
    }
    size_t n = c->in_n < 4 ? SIZE_MAX : 4 + ((size_t)p[2] << 8 | p[3]);
    if (n > c->in_n)
        return 0;
    if (id == WIRE_META_REQ)
        on_meta_request(c);
    else if (id == WIRE_FILE_REQ)
        on_file_request(f, c);
    else if (id == WIRE_RESUME && n == 8)
        on_resume(f, c, (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7]);
    else if (id == WIRE_CLOSE)
        on_close(f, c);
    else
        fail_msg("the receiver sent command %04x with %zu bytes", id, n);
    return n;
}

static void pull(struct fleet *f, struct camera *c)
{
    while (c->place == CONNECTED) {
        ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            lose(f, c);
            return;
        }
        c->in_n += (size_t)n;
        for (size_t used; c->place == CONNECTED && (used = hear(f, c)) > 0;) {
            if (c->place != CONNECTED) /* it was closed: what has come is gone */
                return;
            memmove(c->in, c->in + used, c->in_n - used);
            c->in_n -= used;
        }
    }
}

/* ---- what the cameras say ---- */

static void load_prepared(const struct fleet *f, struct camera *c)
{
    size_t bytes, at = (size_t)c->packet * WIRE_DATA_FRAME_BYTES;
    (void)fleet_file(f, c->number, c->file, &bytes);
    size_t end = bytes + (size_t)c->packets * (WIRE_DATA_FRAME_BYTES - WIRE_PACKET_BYTES);
    uint32_t left = c->packets - c->packet, n = left < BLOCK_FRAMES ? left : BLOCK_FRAMES;
    c->at = f->prepared[(size_t)c->number * f->plan.files + c->file] + at;
    c->left = n < left ? (size_t)n * WIRE_DATA_FRAME_BYTES : end - at;
    c->packet += n;
}

/* The next bytes for the socket: answers first, then DATA that is due. */
static void load(struct fleet *f, struct camera *c, int64_t now_us)
{
    bool due = c->sending && c->packet < c->packets && (!f->plan.packet_us || now_us >= c->next_us);
    if (due && c->prepared && c->reply_n == 0) {
        load_prepared(f, c);
        return;
    }
    memcpy(c->out, c->reply, c->reply_n);
    c->at = c->out;
    c->left = c->reply_n;
    c->reply_n = 0;
    if (due && !c->prepared) {
        c->left +=
            put_packet(f, c, c->packet++, &c->seed, c->out + c->left, sizeof c->out - c->left);
        c->next_us += f->plan.packet_us;
    }
}

static void push(struct fleet *f, struct camera *c, int64_t now_us)
{
    while (c->place == CONNECTED) {
        if (c->left == 0)
            load(f, c, now_us);
        if (c->left == 0)
            return;
        ssize_t n = send(c->fd, c->at, c->left, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
            return;
        if (n < 0) {
            lose(f, c);
            return;
        }
        c->at += n;
        c->left -= (size_t)n;
        if (c->left == 0 && c->sending && c->packet == c->packets)
            c->last_us = clock_mono_us();
    }
}

/* ---- the loop ---- */

static void on_time(struct fleet *f, int64_t now_us)
{
    for (int i = 0; i < f->count; i++) {
        struct camera *c = &f->camera[i];
        if (c->next_us > now_us)
            continue;
        if (c->place == AWAY)
            enter(f, c);
        else if (c->place == CONNECTED && c->sending && f->plan.packet_us)
            push(f, c, now_us);
    }
}

bool fleet_run(struct fleet *f, int64_t until_us)
{
    static struct epoll_event events[N_EVENTS];
    int64_t timed_us = 0;
    for (int64_t now_us; (now_us = clock_mono_us()) < until_us;) {
        if (f->stats.finished == f->plan.cameras && f->plan.cameras > 0)
            return true;
        if (now_us - timed_us >= TICK_MS * 1000) {
            on_time(f, now_us);
            timed_us = now_us;
        }
        int n = epoll_wait(f->epoll, events, N_EVENTS, TICK_MS);
        now_us = clock_mono_us();
        for (int i = 0; i < n; i++) {
            struct camera *c = events[i].data.ptr;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                pull(f, c);
            push(f, c, now_us);
        }
    }
    return false;
}

static int longest_first(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

struct fleet_stats fleet_stats(struct fleet *f)
{
    if (f->stats.waits > 0)
        qsort(f->wait_us, f->stats.waits, sizeof *f->wait_us, longest_first);
    f->stats.wait_us = f->wait_us;
    return f->stats;
}

uint32_t fleet_acknowledged(const struct fleet *f, int camera)
{
    return f->camera[camera].silent ? 0 : f->camera[camera].file;
}

int fleet_cameras(const struct fleet *f)
{
    return f->count;
}

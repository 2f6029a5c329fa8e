/*
 * The trackers' server as a person runs it: whatever goes wrong on the way, each record is stored
 * once, and its number is answered when it is on disk, and only then. Lost answers, duplicates,
 * disorder, wrong frames, links that hang, two logins, a camera on this port, SIGKILL.
 */
#include "dashspool/clock.h"
#include "dashspool/records.h"
#include "dashspool/tls.h"
#include "support/certs.h"
#include "support/trackers.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define A_TEXT "352093081452251"
#define B_TEXT "352094082736916"

enum { RECORDS_MAX = 200 };

static struct world w;
static uint64_t base_ms; /* the time of record 0; a second each */

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void start(const char *config)
{
    base_ms = (uint64_t)clock_utc_us() / 1000 - 3600 * 1000;
    world_open_telemetry(&w, DASHSPOOL_BINARY, config);
    world_start(&w);
}

/* ---- a tracker by hand ---- */

static int log_in(const char *imei)
{
    return tracker_dial(&w, imei, AVL_LOGIN_ACCEPTED);
}

/* Records first … last, backwards if last is less. */
static size_t frame_of(uint8_t *out, size_t room, int first, int last)
{
    static uint8_t records[64 * 1024];
    int step = first <= last ? 1 : -1, count = abs(last - first) + 1;
    size_t n = 0;
    for (int i = first; i != last + step; i += step) {
        const uint8_t ignition = 1;
        const struct avl_io io = {.id = AVL_ID_IGNITION, .width = 1, .bytes = &ignition};
        struct avl_record r = {.time_ms = base_ms + (uint64_t)i * 1000,
                               .longitude_e7 = 252797000 + i,
                               .latitude_e7 = 546872000,
                               .satellites = 11,
                               .speed_kmh = (uint16_t)(i % 90)};
        size_t one = avl_record_put(records + n, sizeof records - n, AVL_CODEC_8E, &r, &io, 1);
        assert_true(one > 0);
        n += one;
    }
    n = avl_frame_put(out, room, AVL_CODEC_8E, (size_t)count, records, n);
    assert_true(n > 0);
    return n;
}

static void say_records(int fd, int first, int last)
{
    static uint8_t frame[64 * 1024];
    tracker_say(fd, frame, frame_of(frame, sizeof frame, first, last));
}

static void deliver(int fd, int first, int last)
{
    say_records(fd, first, last);
    tracker_is_answered(fd, (uint32_t)abs(last - first) + 1);
}

/* ---- what is stored ---- */

struct found {
    int times[RECORDS_MAX]; /* how often each is there */
    int n;
};

static int count_row(void *arg, const struct records_row *row, struct err *err)
{
    struct found *f = arg;
    (void)err;
    int64_t i = (row->time_ms - (int64_t)base_ms) / 1000;
    assert_in_range(i, 0, RECORDS_MAX - 1);
    f->times[i]++;
    f->n++;
    return ERR_OK;
}

static struct found find(const char *imei)
{
    struct found f = {.n = 0};
    struct records *records = NULL;
    struct err err;
    const struct records_query query = {
        .imei = imei, .from_ms = INT64_MIN, .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT};
    const struct records_reader reader = {.fn = count_row, .arg = &f};
    assert_ok(records_open(&records, w.root, RECORDS_READ, &err));
    assert_ok(records_each(records, &query, &reader, &err));
    records_close(&records);
    return f;
}

/* Records first … last are there, each once, and no other of this tracker. */
static void has_exactly(const char *imei, int first, int last)
{
    struct found f = find(imei);
    for (int i = first; i <= last; i++)
        if (f.times[i] != 1)
            fail_msg("record %d of %s is there %d times", i, imei, f.times[i]);
    assert_int_equal(f.n, last - first + 1);
}

/* ---- records ---- */

static void test_records_are_on_disk_when_they_are_answered(void **state)
{
    (void)state;
    start("");
    int fd = log_in(A_TEXT);
    deliver(fd, 0, 0);
    has_exactly(A_TEXT, 0, 0);
    deliver(fd, 1, 24);
    has_exactly(A_TEXT, 0, 24);
    tracker_say(fd, "\xff\xff", 2); /* pings have no answer */
    deliver(fd, 25, 25);
    close(fd);
}

static void test_duplicates_and_disorder_are_stored_once(void **state)
{
    (void)state;
    start("");
    int fd = log_in(A_TEXT);
    say_records(fd, 0, 9); /* the answer is lost */
    close(fd);
    fd = log_in(A_TEXT);
    deliver(fd, 19, 5); /* newest first, and with others */
    deliver(fd, 0, 9);
    deliver(fd, 0, 19); /* all of it is known: all of it is answered */
    close(fd);
    fd = log_in(B_TEXT); /* the same bytes of another tracker are not the same */
    deliver(fd, 0, 3);
    close(fd);
    has_exactly(A_TEXT, 0, 19);
    has_exactly(B_TEXT, 0, 3);
}

static void test_frames_in_pieces_and_two_in_one_segment(void **state)
{
    (void)state;
    uint8_t login[AVL_LOGIN_BYTES], frames[2048], got;
    start("");
    int fd = world_dial(w.port);
    avl_login_put(login, A_TEXT);
    tracker_say(fd, "\xff", 1); /* also before the login */
    for (size_t i = 0; i < sizeof login; i++)
        tracker_say(fd, login + i, 1);
    assert_true(tracker_hear(fd, &got, 1));
    assert_int_equal(got, AVL_LOGIN_ACCEPTED);
    size_t n = frame_of(frames, sizeof frames, 0, 2);
    for (size_t i = 0; i < n; i++)
        tracker_say(fd, frames + i, 1);
    tracker_is_answered(fd, 3);
    n = frame_of(frames, sizeof frames, 3, 4);
    n += frame_of(frames + n, sizeof frames - n, 5, 9);
    tracker_say(fd, frames, n);
    tracker_is_answered(fd, 2);
    tracker_is_answered(fd, 5);
    has_exactly(A_TEXT, 0, 9);
    close(fd);
}

/* Wrong in one byte: of the CRC, of the second number, of the records' end (with a CRC that is
 * right). */
static size_t wrong_frame(uint8_t *out, size_t room, int what)
{
    size_t n = frame_of(out, room, 0, 1);
    if (what == 0) {
        out[n - 1] ^= 1;
        return n;
    }
    out[what == 1 ? n - 5 : 9] = 3;
    if (what == 2)
        out[n - 5] = 3; /* both say 3, and 2 are there */
    uint16_t crc = avl_crc(out + 8, n - 12);
    out[n - 2] = (uint8_t)(crc >> 8);
    out[n - 1] = (uint8_t)crc;
    return n;
}

static void test_wrong_frames_are_not_answered_and_the_third_closes(void **state)
{
    (void)state;
    uint8_t frame[2048];
    start("");
    for (int what = 0; what < 3; what++) {
        size_t n = wrong_frame(frame, sizeof frame, what);
        int fd = log_in(A_TEXT);
        tracker_say(fd, frame, n);
        tracker_say(fd, frame, n);
        deliver(fd, 0, 1); /* its answer is the first that comes */
        tracker_is_silent(fd);
        for (int i = 0; i < 3; i++)
            tracker_say(fd, frame, n);
        tracker_is_closed(fd);
    }
    has_exactly(A_TEXT, 0, 1);
    assert_int_equal(world_log_lines(&w, "3 wrong frames in a row"), 3);
}

static void test_answers_to_commands_are_never_answered(void **state)
{
    (void)state;
    static const enum avl_codec codecs[] = {AVL_CODEC_12, AVL_CODEC_13, AVL_CODEC_14, AVL_CODEC_15};
    start("");
    int fd = log_in(A_TEXT);
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        uint8_t frame[256];
        bool serial = codecs[i] == AVL_CODEC_13 || codecs[i] == AVL_CODEC_15;
        struct avl_message m = {.codec = (uint8_t)codecs[i],
                                .kind = serial ? AVL_MESSAGE_SERIAL : AVL_MESSAGE_ANSWER,
                                .imei = A_TEXT,
                                .data = (const uint8_t *)"text",
                                .n = 4};
        size_t n = avl_message_put(frame, sizeof frame, &m);
        assert_true(n > 0);
        tracker_say(fd, frame, n);
    }
    deliver(fd, 0, 6);
    tracker_is_silent(fd);
    close(fd);
}

/* ---- links ---- */

static void test_the_newest_login_of_a_tracker_wins(void **state)
{
    (void)state;
    start("");
    int older = log_in(A_TEXT);
    deliver(older, 0, 4);
    int newer = log_in(A_TEXT);
    tracker_is_closed(older);
    deliver(newer, 5, 9);
    proc_wait_for(&w.receiver, "closed, superseded by a new connection", NULL, 0);
    has_exactly(A_TEXT, 0, 9);
    close(newer);
}

static void test_a_link_that_says_nothing_is_closed(void **state)
{
    (void)state;
    start("login = 1 s\nidle = 2 s\n");
    int stranger = world_dial(w.port);
    tracker_is_closed(stranger);
    proc_wait_for(&w.receiver, "no login", NULL, 0);
    int silent = log_in(A_TEXT);
    tracker_is_closed(silent);
    proc_wait_for(&w.receiver, "reason=silent", NULL, 0);
}

/* As long as nobody reads them, answers wait in the server's memory. */
static void test_a_link_that_does_not_take_its_answers_is_closed(void **state)
{
    (void)state;
    static uint8_t frames[256 * 1024];
    const size_t most = (size_t)256 << 20; /* 15 bytes each cost it 250 */
    size_t n = 0, sent = 0;
    ssize_t took = 0;
    for (size_t one;
         (one = avl_frame_put(frames + n, sizeof frames - n, AVL_CODEC_8E, 0, frames, 0)) > 0;)
        n += one;
    start("");
    int fd = log_in(A_TEXT);
    for (; took >= 0 && sent < most; sent += (size_t)took) /* by the end of the server's patience */
        if ((took = send(fd, frames + sent % n, n - sent % n, MSG_NOSIGNAL)) < 0)
            break;
    assert_true(sent < most);
    proc_wait_for(&w.receiver, "it sends on without taking its answers", NULL, 0);
    close(fd);
    fd = log_in(A_TEXT); /* and nobody else suffers */
    deliver(fd, 0, 3);
    close(fd);
}

static void test_a_camera_on_this_port_is_closed_with_a_clear_line(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES];
    start("");
    int fd = world_dial(w.port);
    wire_init_put(init, 5, UINT64_C(352093081452251), 0);
    tracker_say(fd, init, sizeof init);
    tracker_is_closed(fd);
    proc_wait_for(&w.receiver, "a camera's file transfer (IMEI " A_TEXT ")", NULL, 0);
    fd = world_dial(w.port);
    tracker_say(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    tracker_is_closed(fd);
    proc_wait_for(&w.receiver, "HTTP", NULL, 0);
}

static void write_list(const char *text)
{
    support_write(support_path(w.dir, "trackers"), text, strlen(text));
}

static void test_only_trackers_on_the_list_of_the_receiver_are_taken(void **state)
{
    (void)state;
    char config[700];
    world_open_telemetry(&w, DASHSPOOL_BINARY, "");
    write_list(A_TEXT "\n");
    snprintf(config, sizeof config, "[receive]\nallow = %s/trackers\n", w.dir);
    world_configure(&w, config);
    base_ms = (uint64_t)clock_utc_us() / 1000 - 3600 * 1000;
    world_start(&w);
    int fd = log_in(A_TEXT);
    tracker_is_closed(tracker_dial(&w, B_TEXT, AVL_LOGIN_REFUSED));
    proc_wait_for(&w.receiver, "IMEI " B_TEXT " is not on the allow-list", NULL, 0);
    write_list(A_TEXT "\n" B_TEXT "\n");
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, "allow-list reloaded\" cameras=2", NULL, 0);
    close(log_in(B_TEXT));
    close(fd);

    world_stop(&w);
    write_list("");
    snprintf(config, sizeof config, "[receive]\nallow = %s/trackers\nlearn = yes\n", w.dir);
    world_configure(&w, config);
    world_start(&w);
    close(log_in(B_TEXT));
    assert_int_equal(world_log_lines(&w, "new tracker added to allow-list"), 1);
    assert_int_equal(support_count(support_path(w.dir, "trackers"), B_TEXT), 1);
}

static void test_limits_of_connections(void **state)
{
    (void)state;
    start("connections_max = 2\n");
    int a = log_in(A_TEXT), b = log_in(B_TEXT);
    tracker_is_closed(world_dial(w.port));
    proc_wait_for(&w.receiver, "too many connections (connections_max)", NULL, 0);
    close(a);
    close(b);
}

/* ---- TLS ---- */

struct secure {
    int fd;
    struct tls_context *context;
    struct tls *tls;
};

static void secure_send(struct secure *s)
{
    uint8_t bytes[4096];
    for (size_t n; (n = tls_pull(s->tls, bytes, sizeof bytes)) > 0;)
        tracker_say(s->fd, bytes, n);
}

/* The next plain byte. */
static uint8_t secure_hear(struct secure *s)
{
    uint8_t in[4096], one = 0;
    struct err err;
    size_t n = 0;
    bool end = false;
    for (;;) {
        assert_ok(tls_read(s->tls, &one, 1, &n, &end, &err));
        assert_false(end);
        if (n == 1)
            return one;
        ssize_t got = recv(s->fd, in, sizeof in, 0);
        assert_true(got > 0);
        assert_ok(tls_feed(s->tls, in, (size_t)got, &err));
    }
}

static void secure_say(struct secure *s, const void *bytes, size_t n)
{
    struct err err;
    assert_ok(tls_write(s->tls, bytes, n, &err));
    secure_send(s);
}

static void secure_connect(struct secure *s, const char *ca)
{
    uint8_t in[4096];
    struct err err;
    bool done = false;
    s->fd = world_dial(w.tls_port);
    assert_ok(tls_context_client(&s->context, NULL, NULL, ca, &err));
    assert_ok(tls_new(&s->tls, s->context, "127.0.0.1", &err));
    for (;;) {
        assert_ok(tls_handshake(s->tls, &done, &err));
        secure_send(s);
        if (done)
            return;
        ssize_t got = recv(s->fd, in, sizeof in, 0);
        assert_true(got > 0);
        assert_ok(tls_feed(s->tls, in, (size_t)got, &err));
    }
}

static void test_the_tls_port_takes_records(void **state)
{
    (void)state;
    struct secure s;
    char config[1400], ca[700];
    uint8_t login[AVL_LOGIN_BYTES];
    static uint8_t frame[64 * 1024];
    world_open_telemetry(&w, DASHSPOOL_BINARY, "");
    certs_make_ca(w.dir, "ca");
    certs_make(w.dir, "ca", "server", "IP:127.0.0.1");
    snprintf(ca, sizeof ca, "%s/ca.pem", w.dir);
    snprintf(config, sizeof config, "tls_cert = %s/server.pem\ntls_key = %s/server.key\n", w.dir,
             w.dir);
    world_configure(&w, config);
    base_ms = (uint64_t)clock_utc_us() / 1000 - 3600 * 1000;
    world_start(&w);
    secure_connect(&s, ca);
    avl_login_put(login, A_TEXT);
    secure_say(&s, login, sizeof login);
    assert_int_equal(secure_hear(&s), AVL_LOGIN_ACCEPTED);
    /* two frames, of more than one TLS record, at once */
    size_t n = frame_of(frame, sizeof frame, 0, 99);
    n += frame_of(frame + n, sizeof frame - n, 100, 199);
    secure_say(&s, frame, n);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(secure_hear(&s) | secure_hear(&s) | secure_hear(&s), 0);
        assert_int_equal(secure_hear(&s), 100);
    }
    has_exactly(A_TEXT, 0, 199);
    tls_free(&s.tls);
    tls_context_free(&s.context);
    close(s.fd);
}

/* ---- a disk without room ---- */

static void test_nothing_is_answered_while_the_disk_is_full(void **state)
{
    (void)state;
    start("min_free_mib = 1073741824\n");
    int fd = log_in(A_TEXT); /* it is heard, and waits */
    say_records(fd, 0, 4);
    proc_wait_for(&w.receiver, "store unavailable, acknowledgements suspended", NULL, 0);
    world_stop(&w);
    tracker_is_closed(fd); /* without an answer */
    world_configure(&w, "");
    world_start(&w);
    fd = log_in(A_TEXT);
    deliver(fd, 0, 4);
    has_exactly(A_TEXT, 0, 4);
    close(fd);
}

/* ---- the end ---- */

static void test_what_was_taken_is_durable_after_sigterm(void **state)
{
    (void)state;
    start("commit_ms = 60000\n"); /* by itself, in a minute */
    int fd = log_in(A_TEXT);
    say_records(fd, 0, 4);
    say_records(fd, 5, 9); /* not taken up before the first is answered */
    support_wait(({
        uint8_t unused;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, 0) == 0 && recv(fd, &unused, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    }));
    close(log_in(B_TEXT)); /* by now A's frame was read */
    world_stop(&w);
    close(fd);
    has_exactly(A_TEXT, 0, 4);
}

/* Trackers deliver while the server is killed again and again; what is answered is not sent again.
 */
struct tracker {
    char imei[16];
    int next, fd; /* the first record that is not acknowledged; -1: no link */
};

static bool deliver_some(struct tracker *t, int upto)
{
    uint8_t login[AVL_LOGIN_BYTES], got[4], frame[4096];
    if (t->fd < 0) {
        t->fd = world_dial(w.port);
        avl_login_put(login, t->imei);
        if (send(t->fd, login, sizeof login, MSG_NOSIGNAL) < 0 || !tracker_hear(t->fd, got, 1))
            return false;
    }
    int last = t->next + 6 < upto ? t->next + 6 : upto - 1;
    size_t n = frame_of(frame, sizeof frame, t->next, last);
    if (send(t->fd, frame, n, MSG_NOSIGNAL) < 0 || !tracker_hear(t->fd, got, 4))
        return false;
    assert_int_equal(got[3], last - t->next + 1);
    t->next = last + 1;
    return true;
}

static void test_nothing_that_was_answered_is_lost_under_sigkill(void **state)
{
    (void)state;
    enum { TRACKERS = 3, UPTO = 150 };
    struct tracker all[TRACKERS];
    int kills = 0;
    start("commit_ms = 1\n");
    for (int i = 0; i < TRACKERS; i++) {
        all[i] = (struct tracker){.fd = -1};
        snprintf(all[i].imei, sizeof all[i].imei, "35209308145220%d", i);
    }
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < TRACKERS; i++) {
            struct tracker *t = &all[i];
            if (t->next < UPTO && !deliver_some(t, UPTO)) {
                close(t->fd);
                t->fd = -1;
            }
            more = more || t->next < UPTO;
            if (i == 1 && kills < 12 && all[0].next / 12 > kills) {
                /* the third one's frame is on its way, or in a batch */
                uint8_t frame[4096];
                if (all[2].fd >= 0)
                    tracker_say(all[2].fd, frame,
                                frame_of(frame, sizeof frame, all[2].next,
                                         UPTO - 1 < all[2].next + 4 ? UPTO - 1 : all[2].next + 4));
                world_kill(&w);
                kills++;
                world_start(&w);
                for (int k = 0; k < TRACKERS; k++) {
                    if (all[k].fd >= 0)
                        close(all[k].fd);
                    all[k].fd = -1;
                }
            }
        }
    }
    assert_int_equal(kills, 12);
    for (int i = 0; i < TRACKERS; i++) {
        has_exactly(all[i].imei, 0, UPTO - 1);
        close(all[i].fd);
    }
}

/* ---- what it tells, and what it is told ---- */

static void test_a_second_server_of_a_root_is_refused(void **state)
{
    (void)state;
    start("");
    expect_err(DASHSPOOL(w.root, "telemetry", "--listen", "127.0.0.1:0"), 1,
               "is in use by another server of trackers; stop it first");
}

static bool status_has(const char *words)
{
    return support_count(support_path(w.root, "telemetry.json"), words) == 1;
}

static void test_its_status_file_tells_who_is_connected(void **state)
{
    (void)state;
    start("");
    int fd = log_in(A_TEXT);
    deliver(fd, 0, 4);
    deliver(fd, 3, 4);
    support_wait(status_has("\"trackers\":[\"" A_TEXT "\"]") && status_has("\"records\":7,") &&
                 status_has("\"stored\":5,") && status_has("\"known\":2,"));
    close(fd);
    support_wait(status_has("\"trackers\":[]"));
    world_stop(&w);
    assert_true(support_count(support_path(w.root, "telemetry.json"), "{\"stopped\":\"") == 1);
}

/* A tracker that says how its cameras are, and one that only logs in. */
static void test_status_tells_of_trackers_and_their_cameras(void **state)
{
    (void)state;
    uint8_t record[128], frame[256], card = 1, ready = 3;
    start("");
    int fd = log_in(A_TEXT), other = log_in(B_TEXT);
    const struct avl_io ios[] = {{.id = AVL_ID_CAMERA_REAR, .width = 1, .bytes = &card},
                                 {.id = AVL_ID_CAMERA_FRONT, .width = 1, .bytes = &ready}};
    const struct avl_record r = {.time_ms = (uint64_t)clock_utc_us() / 1000, .satellites = 0};
    size_t n = avl_record_put(record, sizeof record, AVL_CODEC_8E, &r, ios, 2);
    n = avl_frame_put(frame, sizeof frame, AVL_CODEC_8E, 1, record, n);
    tracker_say(fd, frame, n);
    tracker_is_answered(fd, 1);
    support_wait(status_has("\"logged_in\":2,"));

    struct proc_result screen = DASHSPOOL(w.root, "status"), json;
    const char *text = proc_out(&screen);
    assert_has(text, "2, connected: 2; ");
    assert_has(text, A_TEXT " connected, last record ");
    assert_has(text, ", no fix, front ready, rear no card");
    assert_has(text, B_TEXT " connected, no record yet");
    assert_has(text, "trackers whose camera has a bad card, or none: 1 (" A_TEXT " rear: no card)");
    proc_clear(&screen);
    json = DASHSPOOL(w.root, "status", "--json");
    text = proc_out(&json);
    assert_has(text, "\"logged_in\": 2");
    assert_has(text, "\"front\": \"ready\"");
    assert_has(text, "\"rear\": \"no card\"");
    proc_clear(&json);
    screen = DASHSPOOL(w.root, "status", "--prometheus");
    text = proc_out(&screen);
    assert_has(text, "dashspool_telemetry_up 1\n");
    assert_has(text, "dashspool_telemetry_trackers 2\n");
    assert_has(text, "dashspool_tracker_camera_state{imei=\"" A_TEXT "\",camera=\"rear\"} 1\n");
    proc_clear(&screen);
    close(fd);
    close(other);
    world_kill(&w);
    screen = DASHSPOOL(w.root, "status");
    assert_has(proc_out(&screen), "the server of trackers died unexpectedly");
    proc_clear(&screen);
}

static void test_its_settings_are_tried(void **state)
{
    (void)state;
    world_open_telemetry(&w, DASHSPOOL_BINARY, "enabled = yes\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 0, "");
    world_configure(&w, "enabled = yes\ntls_cert = /nowhere/cert.pem\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 2,
               "tls_cert and tls_key must be set together");
    world_configure(&w, "enabled = yes\nlisten = 127.0.0.1:65536\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 2, "listen");
    world_configure(&w, "enabled = yes\nlisten = 127.0.0.1:41527\n"
                        "[receive]\nlisten = 127.0.0.1:41527\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 2, "[receive] listen has the same port");
    world_configure(&w, "idle = 5 ms\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 2, "idle = 5 ms");
}

static void test_run_keeps_it(void **state)
{
    (void)state;
    char log[300], port[64];
    world_open_telemetry(&w, DASHSPOOL_BINARY,
                         "enabled = yes\n[receive]\nenabled = no\n[convert]\nenabled = no\n");
    base_ms = (uint64_t)clock_utc_us() / 1000 - 3600 * 1000;
    snprintf(log, sizeof log, "%s/run.log", w.dir);
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", w.root, "run", NULL};
    struct proc run = proc_start(log, argv);
    proc_wait_for(&run, "listening on 127.0.0.1:", port, sizeof port);
    snprintf(w.port, sizeof w.port, "%.7s", port);
    int fd = log_in(A_TEXT);
    deliver(fd, 0, 4);
    close(fd);
    assert_int_equal(proc_stop(&run, SIGTERM), 0);
    has_exactly(A_TEXT, 0, 4);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_records_are_on_disk_when_they_are_answered),
        TEST(test_duplicates_and_disorder_are_stored_once),
        TEST(test_frames_in_pieces_and_two_in_one_segment),
        TEST(test_wrong_frames_are_not_answered_and_the_third_closes),
        TEST(test_answers_to_commands_are_never_answered),
        TEST(test_the_newest_login_of_a_tracker_wins),
        TEST(test_a_link_that_says_nothing_is_closed),
        TEST(test_a_link_that_does_not_take_its_answers_is_closed),
        TEST(test_a_camera_on_this_port_is_closed_with_a_clear_line),
        TEST(test_only_trackers_on_the_list_of_the_receiver_are_taken),
        TEST(test_limits_of_connections),
        TEST(test_the_tls_port_takes_records),
        TEST(test_nothing_is_answered_while_the_disk_is_full),
        TEST(test_what_was_taken_is_durable_after_sigterm),
        TEST(test_nothing_that_was_answered_is_lost_under_sigkill),
        TEST(test_a_second_server_of_a_root_is_refused),
        TEST(test_its_status_file_tells_who_is_connected),
        TEST(test_status_tells_of_trackers_and_their_cameras),
        TEST(test_its_settings_are_tried),
        TEST(test_run_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

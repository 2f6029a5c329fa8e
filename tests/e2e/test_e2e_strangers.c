/*
 * Who may come, and how much of it: strangers on the port, the list of cameras, the limits on
 * connections, days and files, the disk's watermark, and what `status` says, with the receiver that
 * a person runs.
 */
#include "support/world.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAMERA_A UINT64_C(352093081452251)
#define CAMERA_B UINT64_C(352094082736916)
#define A_TEXT   "352093081452251"
#define B_TEXT   "352094082736916"

enum { WAIT_MS = 60000, FILE_BYTES = 1200 * 1024 };

/* Whoever is closed at once is not closed by this time-out. */
#define PATIENT "init_s = 3600\n"

static struct world w;
static uint8_t footage[FILE_BYTES];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof footage; i++)
        footage[i] = (uint8_t)(i * 2654435761u >> 13);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void start(const char *config)
{
    world_open(&w, DASHSPOOL_BINARY, config);
    world_start(&w);
}

/* ---- connections by hand ---- */

/* What the other side says until it closes, up to room bytes. */
static size_t hear_all(int fd, uint8_t *out, size_t room)
{
    size_t used = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, WAIT_MS) == 0)
            fail_msg("the connection is still open after %d s", WAIT_MS / 1000);
        ssize_t n = recv(fd, out + used, room - used, 0);
        if (n <= 0)
            return used;
        used += (size_t)n;
    }
}

static void hear_exactly(int fd, const void *expected, size_t n)
{
    uint8_t got[64];
    assert_true(n <= sizeof got);
    assert_int_equal(recv(fd, got, n, MSG_WAITALL), n);
    assert_memory_equal(got, expected, n);
}

static void say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* How the log calls this connection. */
static void name_of(int fd, char out[32])
{
    struct sockaddr_in self;
    socklen_t n = sizeof self;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&self, &n), 0);
    snprintf(out, 32, "127.0.0.1:%u", ntohs(self.sin_port));
}

static void say_init(int fd, uint64_t imei, uint32_t settings)
{
    uint8_t init[WIRE_INIT_BYTES];
    wire_init_put(init, 5, imei, settings);
    say(fd, init, sizeof init);
}

/* The receiver has said CLOSE, and once the camera has gone one line says why. */
static void is_sent_away(int fd, const char *why)
{
    char name[32];
    name_of(fd, name);
    hear_exactly(fd, "\0\0\0\0", 4);
    close(fd);
    proc_wait_for(&w.receiver, why, NULL, 0);
    assert_int_equal(world_log_lines(&w, name), 1);
}

/* ---- strangers ---- */

static const struct stranger {
    const char *name, *says;
    size_t n;
    const char *log; /* what its line has */
} strangers[] = {
#define BYTES(s) s, sizeof s - 1
    {"a browser", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP (browser or scanner)"},
    {"a TLS client",
     BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x12\x34\x56\x78\x9a\xbc\xde"),
     "TLS; use the TLS port"},
    {"a tracker's records",
     BYTES("\0\0\0\0\0\0\0\x36\x08\x01\0\0\x01\x6b\x40\xd8\xea\x30\x01\0\0\0\0\0\0\0\0\0"),
     "a tracker's AVL stream (Codec 8)"},
    {"a tracker's AVL login",
     BYTES("\0\x0f"
           "352093081452251"),
     "a tracker's AVL login"},
    {"an SSH client", BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), "SSH"},
    {"a load balancer", BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4711 7160\r\n"), "PROXY header"},
    {"noise", BYTES("\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae"),
     "unknown bytes in state wait-init: e3b0c44298fc1c14"},
    {"an IMEI of 13 digits", BYTES("\0\0\0\x05\0\0\x02\x01\x8c\x9d\xde\x80\x44\0\x04\0"), "IMEI"},
    {"zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "protocol ID 0"},
    {"a START of nothing", BYTES("\0\x01\0\x06\0\0\0\x09\0\0"), "START of 9"},
    {"a status of nothing", BYTES("\0\x05\0\x04\0\0\0\x11"), "status 17"},
#undef BYTES
};

static void test_a_stranger_is_closed_at_once_with_one_line(void **state)
{
    (void)state;
    start(PATIENT);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const struct stranger *s = &strangers[i];
        uint8_t answer[64];
        char name[32], line[200];
        int fd = world_dial(w.port);
        name_of(fd, name);
        say(fd, s->says, s->n);
        if (hear_all(fd, answer, sizeof answer) > 0)
            fail_msg("%s was answered", s->name);
        close(fd);
        snprintf(line, sizeof line, "msg=\"closed\" peer=%s reason=", name);
        char why[400];
        proc_wait_for(&w.receiver, line, why, sizeof why);
        if (!strstr(why, s->log))
            fail_msg("%s: the line says '%s', and not '%s'", s->name, why, s->log);
        assert_int_equal(world_log_lines(&w, name), 1);
    }
}

/* Dribbling does not buy time. */
static void test_a_slow_stranger_is_closed_by_the_time_out(void **state)
{
    (void)state;
    start("init_s = 1\n");
    uint8_t init[WIRE_INIT_BYTES], heard = 0;
    char name[32];
    int fd = world_dial(w.port);
    name_of(fd, name);
    wire_init_put(init, 5, CAMERA_A, 0x44000400);
    size_t said = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (said < sizeof init && poll(&p, 1, said ? 200 : 0) == 0)
        say(fd, init + said++, 1);
    assert_true(said < sizeof init); /* closed before it was through: 16 bytes take 3 s */
    assert_int_equal(hear_all(fd, &heard, 1), 0);
    close(fd);
    proc_wait_for(&w.receiver, "reason=\"no INIT within 1 s", NULL, 0);
    assert_int_equal(world_log_lines(&w, name), 1);
}

static void test_a_path_that_is_too_long_ends_the_connection(void **state)
{
    (void)state;
    start(PATIENT);
    uint8_t path[4 + 600] = {0, WIRE_PATH, 600 >> 8, 600 & 0xff}, answer[8];
    int fd = world_dial(w.port);
    say_init(fd, CAMERA_A, WIRE_SETTING_PATH);
    hear_exactly(fd, "\0\x0c\0\x02\0\0", 6);
    memset(path + 4, 'a', 599);
    say(fd, path, sizeof path);
    assert_int_equal(hear_all(fd, answer, sizeof answer), 0);
    close(fd);
    proc_wait_for(&w.receiver, "reason=\"unknown bytes in state wait-path: 000d0258", NULL, 0);
}

static struct simulate_config camera(uint64_t imei, size_t n)
{
    struct simulate_config c = {.imei = imei, .protocol_id = 5, .meta_version = 3};
    c.file[1] = (struct simulate_file){.data = footage, .n = n};
    c.file[1].meta = (struct wire_meta){.time_ms = UINT64_C(1732865025000), .length_s = 10};
    return c;
}

/* Another file of the same camera: a second later, a byte on. */
static struct simulate_config camera_next(uint64_t imei, size_t n, int number)
{
    struct simulate_config c = camera(imei, n);
    c.file[1].data = footage + number;
    c.file[1].meta.time_ms += (uint64_t)number * 1000;
    return c;
}

static int files_of(const char *imei)
{
    struct world_rows rows;
    world_rows(&w, imei, &rows);
    return rows.n;
}

static void test_a_path_is_never_a_file_name_nor_a_command_to_a_terminal(void **state)
{
    (void)state;
    start("");
    struct simulate_config c = camera(CAMERA_A, 3000);
    c.by_path[0] = c.file[1];
    c.by_path[0].meta.kind = WIRE_KIND_DSM;
    c.file[1].data = NULL;
    snprintf(c.by_path[0].path, sizeof c.by_path[0].path, "../../../../escaped\n\x1b[2J.jpg");
    assert_int_equal(world_camera_run(&w, &c), 1);
    struct world_rows rows;
    world_settled_rows(&w, A_TEXT, &rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(rows.row[0].id, A_TEXT "-driver-photo-20241129T072345Z");
    assert_int_equal(rows.row[0].wire.path_n, strlen(c.by_path[0].path) + 1);
    assert_int_equal(world_log_lines(&w, "../../../../escaped\\\\x0a\\\\x1b[2J.jpg"), 1);
    assert_int_equal(world_log_lines(&w, "\x1b"), 0);
    struct proc_result r = PROC_RUN("find", w.dir, "-name", "*escaped*");
    assert_int_equal(r.out.used, 0);
    proc_clear(&r);
}

/* ---- the list of cameras ---- */

static void write_list(const char *text)
{
    char path[600], fresh[610];
    snprintf(path, sizeof path, "%s/cameras", w.dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    support_write(fresh, text, strlen(text)); /* as an editor does it */
    assert_int_equal(rename(fresh, path), 0);
}

static void start_with_list(const char *list, const char *more)
{
    char config[700];
    world_open(&w, DASHSPOOL_BINARY, "");
    write_list(list);
    snprintf(config, sizeof config, "allow = %s/cameras\n%s", w.dir, more);
    world_configure(&w, config);
    world_start(&w);
}

static void hang_up_and_reread(const char *says)
{
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, says, NULL, 0);
}

static void is_not_on_the_list(uint64_t imei)
{
    char why[80];
    snprintf(why, sizeof why, " reason=\"IMEI %llu is not on the allow-list ",
             (unsigned long long)imei);
    int fd = world_dial(w.port);
    say_init(fd, imei, 0x54000400);
    is_sent_away(fd, why);
}

/* What a person sees who tries the port with `simulate`. */
static void test_simulate_fails_where_its_imei_is_not_on_the_list(void **state)
{
    (void)state;
    char photo[300];
    start_with_list(A_TEXT "\n", "");
    snprintf(photo, sizeof photo, "%s/photo.jpg", w.dir);
    support_write(photo, footage, 3000);
#define SIMULATE(imei, ...) \
    DASHSPOOL(w.root, "simulate", "--to", world_address(w.port), "--imei", imei, __VA_ARGS__)
    expect_err(SIMULATE(A_TEXT, "--photo-front", photo), 0, "files uploaded: 1,");
    struct proc_result r = SIMULATE(B_TEXT, "--photo-front", photo);
    const char *end = strchr(proc_err(&r), '\n');
    assert_true(end && end[1] == '\0'); /* one line */
    expect_err(r, 1,
               "closed the connection without taking anything (IMEI " B_TEXT " not on its "
               "allow-list");
    assert_int_equal(files_of(B_TEXT), 0);
    expect_err(SIMULATE(A_TEXT, "--meta-version", "3"), 0, "files uploaded: 0,"); /* as asked */
#undef SIMULATE
}

static void test_only_cameras_on_the_list_are_taken(void **state)
{
    (void)state;
    start_with_list("# our fleet\n\n  " A_TEXT "   # bus 7\r\n", "");
    struct simulate_config a = camera(CAMERA_A, 3000), b = camera(CAMERA_B, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    assert_int_equal(world_camera_run(&w, &b), 0);
    is_not_on_the_list(CAMERA_B + 1);
    assert_int_equal(files_of(A_TEXT), 1);
    assert_int_equal(files_of(B_TEXT), 0);

    write_list("#" A_TEXT "\n" B_TEXT);
    hang_up_and_reread("allow-list reloaded\" cameras=1");
    assert_int_equal(world_camera_run(&w, &b), 1);
    is_not_on_the_list(CAMERA_A);

    write_list(A_TEXT "\nbus 7\n");
    hang_up_and_reread("cameras:2: 'bus 7' is not an IMEI");
    write_list(A_TEXT "\n35209308145225\n"); /* of 14 digits: no camera would match it */
    hang_up_and_reread("cameras:2: '35209308145225' is not an IMEI");
    assert_int_equal(world_log_lines(&w, "allow-list reload failed, keeping the old list"), 2);
    b = camera_next(CAMERA_B, 3000, 1);
    assert_int_equal(world_camera_run(&w, &b), 1);
    is_not_on_the_list(CAMERA_A);
}

static void the_list_has(const char *imei)
{
    struct proc_result r = PROC_RUN("grep", "-cx", imei, support_path(w.dir, "cameras"));
    assert_string_equal(proc_out(&r), "1\n");
    proc_clear(&r);
}

static void test_a_learned_camera_stays_known(void **state)
{
    (void)state;
    start_with_list("# nobody yet", "learn = yes\n");
    struct simulate_config a = camera(CAMERA_A, 3000), b = camera(CAMERA_B, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    assert_int_equal(world_log_lines(&w, "new tracker added to allow-list"), 1);
    the_list_has(A_TEXT);
    a = camera_next(CAMERA_A, 3000, 1);
    assert_int_equal(world_camera_run(&w, &a), 1);
    the_list_has(A_TEXT); /* once */
    assert_int_equal(world_log_lines(&w, "new tracker added to allow-list"), 1);

    char config[700];
    world_stop(&w);
    snprintf(config, sizeof config, "allow = %s/cameras\n", w.dir);
    world_configure(&w, config);
    world_start(&w);
    a = camera_next(CAMERA_A, 3000, 2);
    assert_int_equal(world_camera_run(&w, &a), 1);
    assert_int_equal(world_camera_run(&w, &b), 0);
}

/* An editor replaces the file. It is read; but a receiver that is shut in can only write to the one
 * that it began with, and says so. */
static void test_a_replaced_list_is_read_and_learned_into_after_a_start(void **state)
{
    (void)state;
    start_with_list("", "learn = yes\n");
    write_list("# tidied up\n" A_TEXT "\n");
    hang_up_and_reread("allow-list reloaded\" cameras=1");
    struct simulate_config a = camera(CAMERA_A, 3000), b = camera(CAMERA_B, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    if (world_camera_run(&w, &b) == 0) /* Landlock is there */
        proc_wait_for(&w.receiver, "if the file was replaced, restart the receiver", NULL, 0);
    world_stop(&w);
    world_start(&w);
    assert_int_equal(world_camera_run(&w, &b), 1);
    the_list_has(B_TEXT);
    the_list_has(A_TEXT);
}

/* Who starts it as root names a user: the list is that user's, from the beginning. */
static void test_a_receiver_that_drops_root_learns_as_its_user(void **state)
{
    (void)state;
    const struct passwd *nobody = getpwnam("nobody");
    char config[700];
    if (geteuid() != 0 || !nobody) {
        fprintf(stderr, "SKIPPED: only root can become nobody\n");
        skip();
    }
    world_open(&w, DASHSPOOL_BINARY, "");
    snprintf(config, sizeof config, "allow = %s/cameras\nlearn = yes\nuser = nobody\n", w.dir);
    world_configure(&w, config);
    assert_int_equal(chown(w.dir, nobody->pw_uid, nobody->pw_gid), 0);
    assert_int_equal(chown(w.root, nobody->pw_uid, nobody->pw_gid), 0);
    world_start(&w);
    struct simulate_config a = camera(CAMERA_A, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    the_list_has(A_TEXT);
}

/* ---- limits ---- */

/* A camera that has nothing to do: connected, and known to the receiver. */
static int idle(uint64_t imei)
{
    int fd = world_dial(w.port);
    say_init(fd, imei, WIRE_SETTING_PATH);
    hear_exactly(fd, "\0\x0c\0\x02\0\0", 6);
    return fd;
}

static void one_too_many(const char *why)
{
    int first = idle(CAMERA_A), second = idle(CAMERA_B);
    uint8_t answer[8];
    int third = world_dial(w.port);
    assert_int_equal(hear_all(third, answer, sizeof answer), 0);
    proc_wait_for(&w.receiver, why, NULL, 0);
    close(third);
    close(first);
    proc_wait_for(&w.receiver, "reason=\"the camera closed the connection", NULL, 0);
    third = idle(CAMERA_A); /* there is room again */
    close(second);
    close(third);
}

static void test_no_more_connections_than_configured(void **state)
{
    (void)state;
    start(PATIENT "connections_max = 2\n");
    one_too_many("reason=\"too many connections (connections_max)");
}

static void test_no_more_connections_of_an_address_than_configured(void **state)
{
    (void)state;
    start(PATIENT "per_address_max = 2\n");
    one_too_many("reason=\"too many connections from this address (per_address_max)");
}

static void test_a_flood_is_one_line_and_a_number(void **state)
{
    (void)state;
    start(PATIENT "connections_max = 1\n");
    int first = idle(CAMERA_A);
    for (int i = 0; i < 50; i++) {
        uint8_t answer[8];
        int fd = world_dial(w.port);
        assert_int_equal(hear_all(fd, answer, sizeof answer), 0);
        close(fd);
    }
    int lines = world_log_lines(&w, "msg=\"connection refused\"");
    assert_in_range(lines, 1, 25); /* one a second */
    close(first);
}

/* The camera's next file is refused with CLOSE, and nothing of it is kept; another camera's is not.
 */
static void the_day_is_full(const char *why, size_t bytes)
{
    struct simulate_config a = camera(CAMERA_A, bytes), next = camera_next(CAMERA_A, bytes, 1);
    struct simulate_config b = camera(CAMERA_B, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    assert_int_equal(world_camera_run(&w, &next), 0);
    proc_wait_for(&w.receiver, why, NULL, 0);
    assert_int_equal(world_camera_run(&w, &b), 1);
    assert_int_equal(files_of(A_TEXT), 1);
}

static void test_no_more_files_a_day_than_configured(void **state)
{
    (void)state;
    start("day_files_max = 1\n");
    the_day_is_full(A_TEXT ": daily quota exceeded: 1 files today", 3000);
}

static void test_no_more_bytes_a_day_than_configured(void **state)
{
    (void)state;
    start("day_mib_max = 1\n");
    the_day_is_full(A_TEXT ": daily quota exceeded: 1 MiB today", FILE_BYTES - 1);
}

static void test_no_larger_files_than_configured(void **state)
{
    (void)state;
    start("packets_max = 10\n");
    struct simulate_config fits = camera(CAMERA_A, 10 * 1024),
                           larger = camera(CAMERA_B, 10 * 1024 + 1);
    assert_int_equal(world_camera_run(&w, &fits), 1);
    assert_int_equal(world_camera_run(&w, &larger), 0);
    proc_wait_for(&w.receiver, "START of 11 packets: larger than the limit of 10", NULL, 0);
    larger.by_path[0] = larger.file[1];
    larger.file[1].data = NULL;
    snprintf(larger.by_path[0].path, sizeof larger.by_path[0].path, "dsm/a.jpg");
    assert_int_equal(world_camera_run(&w, &larger), 0);
    proc_wait_for(&w.receiver, "START of 10241 bytes: larger than the limit of 10240", NULL, 0);
    assert_int_equal(files_of(B_TEXT), 0);
}

/* ---- what status says ---- */

static bool status_has(struct world *world, void *arg)
{
    const char *path = support_path(world->root, "receive.json");
    return support_exists(path) && support_count(path, arg) > 0;
}

/* `dashspool status`, once the receiver has written the words into its file. */
static void status_is(char *when, bool json, int exit_status, const char *words)
{
    if (when)
        world_wait(&w, status_has, when, when);
    expect_out(DASHSPOOL(w.root, "status", json ? "--json" : NULL), exit_status, words);
}

static void test_with_a_full_disk_no_transfer_begins_and_status_says_so(void **state)
{
    (void)state;
    char trouble[] = "min_free_mib";
    start("min_free_mib = 1073741824\n");
    struct simulate_config a = camera(CAMERA_A, 3000);
    struct world_camera c;
    world_camera_connect(&w, &a, &c);
    assert_true(world_camera_finish(&c)); /* it was told CLOSE */
    assert_int_equal(simulate_camera_stats(c.camera)->bytes, 0);
    world_camera_close(&c);
    proc_wait_for(&w.receiver, "reason=\"refused: ", NULL, 0);
    assert_int_equal(files_of(A_TEXT), 0);
    status_is(trouble, false, 1, "PROBLEM: ");
    status_is(trouble, true, 1, "\"trouble\": \"");
    char refusals[] = "\"of_the_day\":1";
    status_is(refusals, true, 1, "\"kind\": \"refusal\"");
}

static void test_status_tells_running_stopped_and_dead(void **state)
{
    (void)state;
    char two[] = "\"connections\":2", refused[] = "\"refused\":1", words[100];
    start(PATIENT "connections_max = 2\n");
    struct simulate_config a = camera(CAMERA_A, 3000);
    assert_int_equal(world_camera_run(&w, &a), 1);
    proc_wait_for(&w.receiver, "reason=\"all files received", NULL, 0);
    int first = idle(CAMERA_A), second = idle(CAMERA_B), third = world_dial(w.port);
    snprintf(words, sizeof words, "running on 127.0.0.1:%s, process %d", w.port,
             (int)w.receiver.pid);
    status_is(two, false, 0, words);
    status_is(refused, false, 0, "2 open, 0 receiving; since start 3 accepted, 1 refused");
    status_is(NULL, false, 0, "1 ×");
    status_is(NULL, false, 0, "receive: too many connections (connections_max)");
    status_is(NULL, false, 0, "1 stored, 0 partial, 0 being received: 3.0 kB");
    status_is(NULL, true, 0, "\"state\": \"running\"");
    close(first);
    close(second);
    close(third);
    world_stop(&w);
    status_is(NULL, false, 1, "receiver   stopped");
    status_is(NULL, false, 1, "PROBLEM: the receiver was stopped cleanly at ");
    world_start(&w);
    snprintf(words, sizeof words, "\"pid\":%d,", (int)w.receiver.pid);
    status_is(words, false, 0, "receiver   running");
    world_kill(&w);
    status_is(NULL, false, 1, "receiver   dead");
    status_is(NULL, true, 1, "\"state\": \"dead\"");
}

/* Somebody is impatient: all of them are one word, and what came is committed. */
static void test_told_to_end_again_and_again_it_ends_well(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "commit_ms = 60000\n");
    for (int round = 0; round < 10; round++) {
        struct simulate_config c = camera_next(CAMERA_A, 30000, round);
        struct world_camera cam;
        world_start(&w);
        world_camera_connect(&w, &c, &cam);
        world_camera_send(&cam, 20 * 1024);
        siginfo_t ended = {.si_pid = 0};
        for (int i = 0; ended.si_pid == 0; i++) {
            kill(w.receiver.pid, i % 2 ? SIGTERM : SIGINT);
            assert_int_equal(
                waitid(P_PID, (id_t)w.receiver.pid, &ended, WEXITED | WNOHANG | WNOWAIT), 0);
        }
        world_stop(&w); /* its status is 0 */
        world_camera_close(&cam);
    }
    struct world_rows rows;
    world_rows(&w, A_TEXT, &rows);
    assert_true(rows.n > 0);
    for (int i = 0; i < rows.n; i++)
        assert_int_not_equal(rows.row[i].state, CATALOGUE_RECEIVING);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_stranger_is_closed_at_once_with_one_line),
        T(test_a_slow_stranger_is_closed_by_the_time_out),
        T(test_a_path_that_is_too_long_ends_the_connection),
        T(test_a_path_is_never_a_file_name_nor_a_command_to_a_terminal),
        T(test_simulate_fails_where_its_imei_is_not_on_the_list),
        T(test_only_cameras_on_the_list_are_taken),
        T(test_a_learned_camera_stays_known),
        T(test_a_replaced_list_is_read_and_learned_into_after_a_start),
        T(test_a_receiver_that_drops_root_learns_as_its_user),
        T(test_no_more_connections_than_configured),
        T(test_no_more_connections_of_an_address_than_configured),
        T(test_a_flood_is_one_line_and_a_number),
        T(test_no_more_files_a_day_than_configured),
        T(test_no_more_bytes_a_day_than_configured),
        T(test_no_larger_files_than_configured),
        T(test_with_a_full_disk_no_transfer_begins_and_status_says_so),
        T(test_status_tells_running_stopped_and_dead),
        T(test_told_to_end_again_and_again_it_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

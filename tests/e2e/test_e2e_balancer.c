/*
 * Devices behind a load balancer: who they are is told by a PROXY header, with and without TLS, to
 * both servers; who may send one, and who must.
 */
#include "support/balancer.h"
#include "support/certs.h"
#include "support/trackers.h"
#include "support/world.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIP   TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define A_TEXT "352093081452251"
#define B_TEXT "352094082736916"

static struct world w;
static struct balancer b;
static uint8_t header[BALANCER_HEADER_ROOM];

static int tear_down(void **state)
{
    (void)state;
    balancer_stop(&b);
    world_close(&w);
    return 0;
}

static void start(const char *config)
{
    world_open(&w, DASHSPOOL_BINARY, config);
    world_start(&w);
}

#define SIMULATE(to, imei, ...)                                                                    \
    expect_err(PROC_RUN(w.binary, "simulate", "--to", world_address(to), "--imei", imei, "--time", \
                        "2024-11-29T07:23:45Z", "--rear", CLIP, __VA_ARGS__),                      \
               0, "files uploaded: 1,")

static void is_from(const char *imei, const char *peer)
{
    struct world_rows rows;
    world_settled_rows(&w, imei, &rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(catalogue_state_name(rows.row[0].state), "stored");
    assert_string_equal(rows.row[0].peer, peer);
}

static void is_closed(int fd)
{
    uint8_t byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static void test_rows_and_log_have_the_address_of_the_camera(void **state)
{
    (void)state;
    start("proxy_from = 127.0.0.1\ncommit_ms = 20\n");
    balancer_start(&b, w.port, header, balancer_header(header, "203.0.113.7", 4711, 300), 5);
    SIMULATE(b.port, A_TEXT, "--log-level", "info");
    is_from(A_TEXT, "203.0.113.7:4711");
    assert_int_equal(world_log_lines(&w, "peer=127.0.0.1"), 0);
    assert_true(world_log_lines(&w, "peer=203.0.113.7:4711") > 2);
    balancer_stop(&b);
    balancer_start(&b, w.port, header, balancer_header(header, "2001:db8::7", 4712, 0), 2000);
    SIMULATE(b.port, B_TEXT, "--log-level", "info");
    is_from(B_TEXT, "[2001:db8::7]:4712");
}

/* The header comes first, and in the open: TLS begins behind it. */
static void test_tls_begins_behind_the_header(void **state)
{
    (void)state;
    char config[800], ca[400];
    world_open(&w, DASHSPOOL_BINARY, "");
    certs_make_ca(w.dir, "ca");
    certs_make(w.dir, "ca", "server", "IP:127.0.0.1");
    snprintf(ca, sizeof ca, "%s/ca.pem", w.dir);
    snprintf(config, sizeof config,
             "proxy_from = 127.0.0.0/8\ntls_cert = %s/server.pem\ntls_key = %s/server.key\n", w.dir,
             w.dir);
    world_configure(&w, config);
    world_start(&w);
    balancer_start(&b, w.tls_port, header, balancer_header(header, "203.0.113.7", 4711, 0), 3);
    SIMULATE(b.port, A_TEXT, "--tls-ca", ca);
    is_from(A_TEXT, "203.0.113.7:4711");
}

static void test_a_balancer_must_say_whom_it_speaks_for(void **state)
{
    (void)state;
    start("proxy_from = 127.0.0.1\n");
    int fd = world_dial(w.port);
    uint8_t init[WIRE_INIT_BYTES];
    wire_init_put(init, 5, UINT64_C(352093081452251), 0x44000400);
    assert_int_equal(send(fd, init, sizeof init, MSG_NOSIGNAL), sizeof init);
    is_closed(fd);
    support_wait(world_log_lines(&w, "no PROXY header from an address of proxy_from") == 1);
    fd = world_dial(w.port);
    assert_int_equal(send(fd, "PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n", 38, MSG_NOSIGNAL), 38);
    is_closed(fd);
    support_wait(world_log_lines(&w, "PROXY header of version 1") == 1);
    struct world_rows rows;
    world_rows(&w, A_TEXT, &rows);
    assert_int_equal(rows.n, 0);
}

/* Who is not named could be anybody, and say that he is somebody else. */
static void test_nobody_else_may_say_whom_he_speaks_for(void **state)
{
    (void)state;
    start("proxy_from = 192.0.2.1, 10.0.0.0/8\n");
    int fd = world_dial(w.port);
    size_t n = balancer_header(header, "203.0.113.7", 4711, 0);
    assert_int_equal(send(fd, header, n, MSG_NOSIGNAL), n);
    is_closed(fd);
    support_wait(world_log_lines(&w, "a PROXY header from an address that proxy_from does not "
                                     "name") == 1);
    assert_int_equal(world_log_lines(&w, "203.0.113.7"), 0);
    SIMULATE(w.port, A_TEXT, "--log-level", "info"); /* past the balancer, and that is fine */
    struct world_rows rows;
    world_settled_rows(&w, A_TEXT, &rows);
    assert_int_equal(strncmp(rows.row[0].peer, "127.0.0.1:", 10), 0);
}

/* The balancer's own address has no limit but that of all. */
static void test_the_limit_of_an_address_is_that_of_the_camera(void **state)
{
    (void)state;
    struct balancer other = {0};
    uint8_t another[BALANCER_HEADER_ROOM];
    start("proxy_from = 127.0.0.1\nper_address_max = 2\ninit_s = 3600\n");
    balancer_start(&b, w.port, header, balancer_header(header, "203.0.113.7", 4711, 0), 100);
    balancer_start(&other, w.port, another, balancer_header(another, "203.0.113.8", 1, 0), 100);
    int silent[4], fd[3];
    for (int i = 0; i < 4; i++) /* by themselves, without a header so far */
        silent[i] = world_dial(w.port);
    for (int i = 0; i < 2; i++)
        fd[i] = world_dial(b.port);
    fd[2] = world_dial(other.port);
    is_closed(world_dial(b.port));
    support_wait(world_log_lines(&w, "too many connections from this address (per_address_max)") ==
                 1);
    assert_int_equal(world_log_lines(&w, "msg=\"connection refused\" peer=203.0.113.7:4711"), 1);
    for (int i = 0; i < 4; i++)
        close(silent[i]);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    balancer_stop(&other);
}

/* Byte by byte, and whatever is cut off: it waits, and ends with the connection. */
static void test_a_header_that_never_ends_is_cut_off_by_the_time_limit(void **state)
{
    (void)state;
    start("proxy_from = 127.0.0.1\ninit_s = 1\n");
    size_t n = balancer_header(header, "203.0.113.7", 4711, 50);
    for (size_t have = 0; have < n; have += 13) {
        int fd = world_dial(w.port);
        assert_int_equal(send(fd, header, have, MSG_NOSIGNAL), have);
        if (have % 2 == 0)
            is_closed(fd);
        else
            close(fd);
    }
    balancer_start(&b, w.port, header, n, 100);
    SIMULATE(b.port, A_TEXT, "--log-level", "info"); /* it is there still */
    is_from(A_TEXT, "203.0.113.7:4711");
}

static void test_trackers_are_behind_one_just_as_well(void **state)
{
    (void)state;
    uint8_t answer;
    world_open_telemetry(&w, DASHSPOOL_BINARY, "proxy_from = 127.0.0.1\n");
    world_start(&w);
    balancer_start(&b, w.port, header, balancer_header(header, "203.0.113.7", 4711, 20), 4);
    int fd = world_dial(b.port);
    tracker_say(fd, "\0\x0f" A_TEXT, 17);
    assert_true(tracker_hear(fd, &answer, 1));
    assert_int_equal(answer, 1);
    assert_true(world_log_lines(&w, "peer=203.0.113.7:4711") > 0);
    close(fd);
    fd = world_dial(w.port);
    tracker_say(fd, "\0\x0f" A_TEXT, 17);
    is_closed(fd);
}

static void test_a_wrong_list_is_told_at_the_start(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "proxy_from = balancer.example\n");
    expect_err(DASHSPOOL(w.root, "config", "--check"), 2,
               "proxy_from = balancer.example: expected addresses or networks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_rows_and_log_have_the_address_of_the_camera, tear_down),
        cmocka_unit_test_teardown(test_tls_begins_behind_the_header, tear_down),
        cmocka_unit_test_teardown(test_a_balancer_must_say_whom_it_speaks_for, tear_down),
        cmocka_unit_test_teardown(test_nobody_else_may_say_whom_he_speaks_for, tear_down),
        cmocka_unit_test_teardown(test_the_limit_of_an_address_is_that_of_the_camera, tear_down),
        cmocka_unit_test_teardown(test_a_header_that_never_ends_is_cut_off_by_the_time_limit,
                                  tear_down),
        cmocka_unit_test_teardown(test_trackers_are_behind_one_just_as_well, tear_down),
        cmocka_unit_test_teardown(test_a_wrong_list_is_told_at_the_start, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

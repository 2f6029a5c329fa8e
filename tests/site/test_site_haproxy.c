/*
 * A real load balancer in front of two receivers: the cameras' addresses, its health checks, and a
 * receiver that is switched off.
 */
#include "support/world.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIP     TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define BALANCER "127.0.0.9"
#define SETTINGS "proxy_from = " BALANCER "\ncommit_ms = 20\n"

static struct world one, two;
static struct proc haproxy;
static char port[8];

static int tear_down(void **state)
{
    (void)state;
    if (haproxy.pid > 0)
        proc_stop(&haproxy, SIGTERM);
    haproxy.pid = 0;
    world_close(&one);
    world_close(&two);
    return 0;
}

static void take_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
    close(fd);
}

static bool answers(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return yes;
}

/* As docs/site.md has it. */
static void set_up_both(void)
{
    char conf[2000];
    world_open(&one, DASHSPOOL_BINARY, SETTINGS);
    world_open(&two, DASHSPOOL_BINARY, SETTINGS);
    world_start(&one);
    world_start(&two);
    if (!proc_have("haproxy")) {
        fprintf(stderr, "SKIPPED: no haproxy; .ci/setup site installs it\n");
        exit(77);
    }
    take_port();
    snprintf(conf, sizeof conf,
             "global\n    maxconn 1000\n"
             "defaults\n    mode tcp\n    option redispatch 1\n    timeout connect 5s\n    timeout "
             "client 10m\n"
             "    timeout server 10m\n"
             "listen cameras\n    bind 127.0.0.1:%s\n    balance roundrobin\n"
             "    default-server send-proxy-v2 check inter 100ms fall 2 rise 2 on-marked-down "
             "shutdown-sessions\n    source " BALANCER "\n"
             "    server r1 127.0.0.1:%s\n    server r2 127.0.0.1:%s\n",
             port, one.port, two.port);
    support_write(support_path(one.dir, "haproxy.cfg"), conf, strlen(conf));
    const char *argv[] = {"haproxy", "-db", "-f", support_path(one.dir, "haproxy.cfg"), NULL};
    haproxy = proc_start(support_path(one.dir, "haproxy.log"), argv);
    support_wait(answers());
}

static void upload(const char *imei)
{
    expect_err(PROC_RUN(one.binary, "simulate", "--to", world_address(port), "--imei", imei,
                        "--time", "2024-11-29T07:23:45Z", "--rear", CLIP),
               0, "files uploaded: 1,");
}

static int stored(struct world *w, const char *imei)
{
    struct world_rows rows;
    world_settled_rows(w, imei, &rows);
    for (int i = 0; i < rows.n; i++) { /* the camera's, not the balancer's */
        assert_string_equal(catalogue_state_name(rows.row[i].state), "stored");
        assert_int_equal(strncmp(rows.row[i].peer, "127.0.0.1:", 10), 0);
    }
    return rows.n;
}

static void test_both_receivers_know_their_cameras(void **state)
{
    (void)state;
    static const char *const imei[] = {"352093081452251", "352094082736916"};
    int at_one = 0, at_two = 0;
    set_up_both();
    for (int i = 0; i < 2; i++)
        upload(imei[i]);
    for (int i = 0; i < 2; i++) {
        at_one += stored(&one, imei[i]);
        at_two += stored(&two, imei[i]);
    }
    assert_int_equal(at_one + at_two, 2);
}

/* Ten checks a second of each: none is worth a line. */
static void test_health_checks_leave_no_lines(void **state)
{
    (void)state;
    set_up_both();
    int before = world_log_lines(&one, "");
    for (int i = 0; i < 20; i++)
        upload("352093081452251"); /* takes longer than some checks */
    stored(&one, "352093081452251");
    assert_int_equal(world_log_lines(&one, BALANCER), 0);
    assert_true(world_log_lines(&one, "") > before);
    assert_int_equal(world_log_lines(&two, BALANCER), 0);
}

static void test_a_receiver_can_be_switched_off(void **state)
{
    (void)state;
    set_up_both();
    world_stop(&one);
    support_wait(answers());
    upload("352093081452251");
    assert_int_equal(stored(&two, "352093081452251"), 1);
    world_start(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_both_receivers_know_their_cameras, tear_down),
        cmocka_unit_test_teardown(test_health_checks_leave_no_lines, tear_down),
        cmocka_unit_test_teardown(test_a_receiver_can_be_switched_off, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

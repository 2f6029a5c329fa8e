/* `dashspool run`: everything by itself, whatever ends, changes or breaks. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/workplace.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PHOTO   TEST_SAMPLES "/photo-720p.jpg"
#define WAIT_US (60 * INT64_C(1000000))

static void configure(struct workplace *w, const char *text)
{
    char all[2000];
    snprintf(all, sizeof all,
             "[receive]\nlisten = 127.0.0.1:0\n[run]\nrestart = 20 ms\nrestart_max = 20 ms\n"
             "[convert]\npoll = 20 ms\n%s",
             text);
    support_configure(w->root, all);
}

static void start(struct workplace *w)
{
    workplace_start(w, DASHSPOOL_BINARY, "run");
}

/* The n-th line of the log with these words (n from 1), what follows them; false: not yet. */
static bool find_line(const struct workplace *w, const char *words, int n, char *rest, size_t room)
{
    char line[2000];
    bool found = false;
    FILE *f = fopen(w->log, "re");
    assert_non_null(f);
    while (!found && fgets(line, sizeof line, f)) {
        char *at = strstr(line, words);
        if (!at || !strchr(line, '\n') || --n > 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        if (rest)
            snprintf(rest, room, "%s", at + strlen(words));
        found = true;
    }
    fclose(f);
    return found;
}

static void wait_line(const struct workplace *w, const char *words, int n, char *rest, size_t room)
{
    int64_t until_us = clock_mono_us() + WAIT_US;
    while (!find_line(w, words, n, rest, room)) {
        if (clock_mono_us() > until_us) {
            struct buf log = support_read(w->log);
            fail_msg("'%s' did not come %d times: %.*s", words, n, (int)log.used,
                     (const char *)buf_data(&log));
        }
        poll(NULL, 0, 5);
    }
}

static pid_t wait_pid(const struct workplace *w, const char *stage, int n)
{
    char words[100], pid[64];
    const char *quote = strchr(stage, ' ') ? "\"" : "";
    snprintf(words, sizeof words, "msg=\"started\" process=%s%s%s child=", quote, stage, quote);
    wait_line(w, words, n, pid, sizeof pid);
    return (pid_t)strtol(pid, NULL, 10);
}

/* A camera hands over a photo, to the receiver that was the n-th to listen. */
static void take_photo(const struct workplace *w, int n, const char *time)
{
    char address[64];
    wait_line(w, "listening on ", n, address, sizeof address);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", address, "--imei", "352093081452251",
                    "--time", time, "--photo-front", PHOTO),
           0, "");
}

/* By ps -e and top; by ps -ef. */
static void is_shown_as(pid_t pid, const char *name, const char *title)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    snprintf(text, sizeof text, "%s\n", name);
    assert_int_equal(support_count(path, text), 1);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    assert_int_equal(support_count(path, title), 1);
}

static void test_what_a_camera_hands_over_becomes_copies_by_itself(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec tell]\npoll = 20 ms\ncommand = true %{still}\n");
    start(w);
    take_photo(w, 1, "2024-11-29T07:23:45Z");
    wait_line(w, "kind=photo seconds=", 1, NULL, 0);
    wait_line(w, "stage=tell msg=\"done\" id=352093081452251-front-photo-20241129T072345Z", 1, NULL,
              0);
    pid_t receiver = wait_pid(w, "receive", 1), worker = wait_pid(w, "convert", 1);
    is_shown_as(receiver, "receive", "dashspool: receive");
    is_shown_as(worker, "convert", "dashspool: work convert");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_true(kill(receiver, 0) < 0 && kill(worker, 0) < 0);
    assert_false(find_line(w, "does not end", 1, NULL, 0));
}

static void test_what_people_drop_and_what_is_old_is_looked_after_too(void **state)
{
    struct workplace *w = *state;
    char dir[500], photo[600], text[1500];
    struct err err;
    snprintf(dir, sizeof dir, "%s/dropped/352093081452251/front", w->dir);
    snprintf(photo, sizeof photo, "%s/20241129T072345Z.jpg", dir);
    assert_ok(fsx_mkdirs(dir, &err));
    snprintf(text, sizeof text,
             "[watch]\nenabled = yes\ndirs = %s/dropped\nquiet_s = 0.05\n"
             "[retention]\nevery_min = 1000\nmasters = video 30d\n",
             w->dir);
    configure(w, text);
    start(w);
    wait_line(w, "all processes running", 1, NULL, 0);
    struct buf b = support_read(PHOTO);
    support_write(photo, buf_data(&b), b.used);
    buf_clear(&b);
    wait_line(w, "kind=photo seconds=", 1, NULL, 0);
    wait_pid(w, "sweep", 1);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_line(w, "settings reloaded", 1, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_false(find_line(w, "process ended, will be restarted", 1, NULL, 0));
    assert_false(find_line(w, "process failed", 1, NULL, 0));
    assert_false(find_line(w, "started\" process=sweep", 2, NULL, 0)); /* its time has not come */
}

static void test_what_is_killed_is_started_again(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start(w);
    take_photo(w, 1, "2024-11-29T07:23:45Z");
    wait_line(w, "kind=photo seconds=", 1, NULL, 0);
    assert_int_equal(kill(wait_pid(w, "receive", 1), SIGKILL), 0);
    wait_line(w, "process=receive reason=\"was killed by signal 9 (SIGKILL)\" wait_seconds=0.02", 1,
              NULL, 0);
    assert_int_equal(kill(wait_pid(w, "convert", 1), SIGKILL), 0);
    wait_pid(w, "convert", 2);
    wait_line(w, "listening on ", 2, NULL, 0);
    /* the same camera, another file: it must be worked, too */
    char address[64];
    wait_line(w, "listening on ", 2, address, sizeof address);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", address, "--imei", "352093081452252",
                    "--photo-front", PHOTO),
           0, "");
    wait_line(w, "kind=photo seconds=", 2, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static void test_bad_settings_change_nothing_good_ones_what_they_change(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start(w);
    wait_line(w, "all processes running\" processes=4", 1, NULL, 0);
    configure(w, "[exec up]\ncommand = true\nafter = nobody\n");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_line(w, "reload failed, keeping the old settings\" reason=", 1, NULL, 0);
    assert_true(find_line(w, "50-test.conf:10: [exec up] after = nobody", 1, NULL, 0));
    /* with bad ones on the disk what dies comes back all the same */
    assert_int_equal(kill(wait_pid(w, "convert", 1), SIGKILL), 0);
    pid_t convert = wait_pid(w, "convert", 2), receiver = wait_pid(w, "receive", 1);
    take_photo(w, 1, "2024-11-29T07:23:45Z");
    wait_line(w, "kind=photo seconds=", 1, NULL, 0);
    /* good ones: a new stage, whose jobs convert must know of; the receiver is not touched */
    configure(w, "[exec up]\ncommand = true\nworkers = 2\n");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_line(w, "settings reloaded", 1, NULL, 0);
    wait_pid(w, "up 1", 1);
    wait_pid(w, "up 2", 1);
    assert_true(wait_pid(w, "convert", 3) != convert);
    assert_int_equal(kill(receiver, 0), 0);
    /* and gone again */
    configure(w, "");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_line(w, "process stopped\" process=\"up 1\"", 1, NULL, 0);
    wait_line(w, "process stopped\" process=\"up 2\"", 1, NULL, 0);
    wait_pid(w, "convert", 4);
    assert_int_equal(kill(receiver, 0), 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_false(find_line(w, "started\" process=\"up 1\"", 2, NULL, 0));
}

/* Rules have sections of their own, and what is joined with copies stands in that of trackers. */
static void test_rules_are_taken_by_a_reload(void **state)
{
#define TRACKERS "[telemetry]\nenabled = yes\nlisten = 127.0.0.1:0\n"
    struct workplace *w = *state;
    configure(w, TRACKERS);
    start(w);
    wait_line(w, "all processes running\" processes=5", 1, NULL, 0);
    pid_t receiver = wait_pid(w, "receive", 1), convert = wait_pid(w, "convert", 1);
    configure(w, TRACKERS "[request harsh]\non = crash\n");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_pid(w, "telemetry", 2);
    wait_line(w, "listening on ", 3, NULL, 0);
    configure(w, TRACKERS "[request harsh]\non = panic\n");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_pid(w, "telemetry", 3);
    wait_line(w, "listening on ", 4, NULL, 0);
    configure(w, TRACKERS);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    pid_t trackers = wait_pid(w, "telemetry", 4);
    wait_line(w, "listening on ", 5, NULL, 0);
    assert_int_equal(kill(convert, 0), 0);
    configure(w, TRACKERS "[serve]\nenabled = no\n"); /* no matter to them */
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_line(w, "settings reloaded", 4, NULL, 0);
    configure(w, TRACKERS "window = 9 s\n");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    wait_pid(w, "convert", 2);
    assert_true(wait_pid(w, "telemetry", 5) != trackers);
    wait_line(w, "listening on ", 6, NULL, 0);
    assert_int_equal(kill(receiver, 0), 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_false(find_line(w, "started\" process=telemetry", 6, NULL, 0));
}

static void test_settings_may_be_read_again_while_it_starts(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start(w);
    wait_pid(w, "receive", 1);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(kill(w->service.pid, SIGHUP), 0);
        poll(NULL, 0, 2);
    }
    wait_line(w, "all processes running\" processes=4", 1, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_false(find_line(w, "started\" process=receive", 2, NULL, 0));
}

static void test_a_second_run_is_told_so(void **state)
{
    struct workplace *w = *state;
    char expected[200];
    configure(w, "");
    start(w);
    wait_line(w, "all processes running\" processes=4", 1, NULL, 0);
    snprintf(expected, sizeof expected, "'dashspool run' is already running (process %d) on ",
             (int)w->service.pid);
    expect_err(DASHSPOOL(w->root, "run"), 1, expected);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    start(w); /* the lock goes with its holder */
    wait_line(w, "all processes running\" processes=4", 1, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGINT), 0);
}

static void test_a_killed_run_takes_its_processes_along(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start(w);
    wait_line(w, "all processes running\" processes=4", 1, NULL, 0);
    pid_t receiver = wait_pid(w, "receive", 1), worker = wait_pid(w, "convert", 1);
    assert_int_equal(proc_stop(&w->service, SIGKILL), 128 + SIGKILL);
    support_wait(kill(receiver, 0) < 0 && kill(worker, 0) < 0);
}

static void test_nothing_to_run_is_wrong_usage(void **state)
{
    struct workplace *w = *state;
    configure(w, "enabled = no\n[receive]\nenabled = no\n");
    expect_err(DASHSPOOL(w->root, "run"), 2, "no stage is enabled; see 'dashspool config'");
}

/* ---- systemd ---- */

static int listen_as_systemd(const struct workplace *w)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n = snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", w->dir);
    assert_true(n > 0 && (size_t)n < sizeof at.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    return fd;
}

/* Messages until one has these words; how many came before it with the watchdog's. */
static int hear(int fd, const char *words)
{
    char text[2000];
    int pings = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 60000) != 1)
            fail_msg("systemd notification failed '%s'", words);
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        if (strstr(text, words))
            return pings;
        pings += strstr(text, "WATCHDOG=1") != NULL;
    }
}

static void test_systemd_is_told_what_it_wants_to_know(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    int fd = listen_as_systemd(w);
    start(w);
    hear(fd, "READY=1\nSTATUS=4 processes running");
    hear(fd, "WATCHDOG=1\nSTATUS=4 processes running, 0 waiting");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    hear(fd, "RELOADING=1\nMONOTONIC_USEC=");
    hear(fd, "READY=1");
    hear(fd, "WATCHDOG=1");
    assert_int_equal(kill(w->service.pid, SIGTERM), 0);
    hear(fd, "STOPPING=1");
    assert_int_equal(proc_stop(&w->service, 0), 0);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    close(fd);
}

static void test_the_watchdog_is_not_content_with_a_stage_that_never_comes_up(void **state)
{
    struct workplace *w = *state;
    struct err err;
    configure(w, "[exec up]\ncommand = true\n[exec then]\ncommand = true\nafter = up\n");
    assert_ok(fsx_mkdirs(support_path(w->root, "spool"), &err));
    support_write(support_path(w->root, "spool/then"), "in the way", 10);
    int fd = listen_as_systemd(w);
    start(w);
    hear(fd, "failing: ");
    assert_true(find_line(w, "process failing repeatedly\" process=", 1, NULL, 0));
    assert_int_equal(hear(fd, "failing: "), 0);
    close(fd);                                /* nobody listens any more: so what */
    take_photo(w, 1, "2024-11-29T07:23:45Z"); /* the others go on */
    wait_line(w, "kind=photo seconds=", 1, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, workplace_set_up, workplace_tear_down)
        E2E(test_what_a_camera_hands_over_becomes_copies_by_itself),
        E2E(test_what_people_drop_and_what_is_old_is_looked_after_too),
        E2E(test_what_is_killed_is_started_again),
        E2E(test_bad_settings_change_nothing_good_ones_what_they_change),
        E2E(test_rules_are_taken_by_a_reload),
        E2E(test_settings_may_be_read_again_while_it_starts),
        E2E(test_a_second_run_is_told_so),
        E2E(test_a_killed_run_takes_its_processes_along),
        E2E(test_nothing_to_run_is_wrong_usage),
        E2E(test_systemd_is_told_what_it_wants_to_know),
        E2E(test_the_watchdog_is_not_content_with_a_stage_that_never_comes_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

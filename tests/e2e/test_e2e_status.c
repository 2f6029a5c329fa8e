/* `dashspool status` beside everything that runs: what it says, and how it ends. */
#define _DEFAULT_SOURCE /* forkpty */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/workplace.h"
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PHOTO   TEST_SAMPLES "/photo-720p.jpg"
#define CLIP    TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define WAIT_US (60 * INT64_C(1000000))

static void start(struct workplace *w, const char *settings)
{
    char text[2000];
    snprintf(text, sizeof text,
             "[receive]\nlisten = 127.0.0.1:0\nmin_free_mib = 0\n[convert]\npoll = 20 ms\n%s",
             settings);
    support_configure(w->root, text);
    workplace_start(w, DASHSPOOL_BINARY, "run");
    workplace_listens(w);
}

#define RUN(w, ...) DASHSPOOL((w)->root, __VA_ARGS__)

static void hand_over(const struct workplace *w, const char *imei, const char *option,
                      const char *file)
{
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", w->address, "--imei", imei, option, file),
           0, "");
}

static json_t *look(const struct workplace *w, int *status)
{
    struct proc_result r = RUN(w, "status", "--json");
    json_error_t why;
    json_t *o = json_loads(proc_out(&r), JSON_REJECT_DUPLICATES, &why);
    if (!o)
        fail_msg("%s: %s%s", why.text, proc_out(&r), proc_err(&r));
    *status = r.status;
    proc_clear(&r);
    return o;
}

static const json_t *at(const json_t *v, const char *path)
{
    char key[64];
    for (; v && *path; path += *path == '/') {
        size_t n = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) : json_object_get(v, key);
        path += n;
    }
    return v;
}

static long long number(const json_t *o, const char *path)
{
    return (long long)json_integer_value(at(o, path));
}

static const char *text(const json_t *o, const char *path)
{
    const char *t = json_string_value(at(o, path));
    return t ? t : "";
}

/* The first look that shows this; the caller's. */
static json_t *wait_until(const struct workplace *w, bool (*is)(const json_t *o), const char *what,
                          int *status)
{
    int64_t until_us = clock_mono_us() + WAIT_US;
    for (;;) {
        json_t *o = look(w, status);
        if (is(o))
            return o;
        if (clock_mono_us() > until_us)
            fail_msg("it does not come so far: %s: %s", what, json_dumps(o, JSON_INDENT(1)));
        json_decref(o);
        poll(NULL, 0, 50);
    }
}

/* ---- everything at once ---- */

static bool all_has_happened(const json_t *o)
{
    return number(o, "jobs/mail/failed") == 1 && number(o, "jobs/upload/waiting") == 1 &&
           number(o, "jobs/slow/claimed") == 1 && number(o, "incoming/list/0/bytes") > 0 &&
           number(o, "incoming/list/0/quiet_s") >= 1;
}

static void test_a_person_sees_what_is_stuck_and_why(void **state)
{
    struct workplace *w = *state;
    int status;
    start(w, "[exec mail]\npoll = 20 ms\ncommand = sh -c 'exit 1'\n"
             "[exec upload]\npoll = 20 ms\nbackoff = 1 h\ncommand = sh -c 'echo no route; exit "
             "75'\n[exec slow]\npoll = 20 ms\ncommand = sleep 1000\n");
    hand_over(w, "352093081452251", "--photo-front", PHOTO);
    struct proc camera = proc_start(
        support_path(w->dir, "camera.log"),
        (const char *const[]){DASHSPOOL_BINARY, "simulate", "--to", w->address, "--imei",
                              "352093081452252", "--front", CLIP, "--fault", "silence=700", NULL});
    json_t *o = wait_until(w, all_has_happened, "a job in each state, a silent camera", &status);
    assert_int_equal(status, 1);
    assert_string_equal(text(o, "run/state"), "running");
    assert_int_equal(number(o, "run/pid"), w->service.pid);
    assert_string_equal(text(o, "receiver/state"), "running");
    assert_string_equal(text(o, "trouble/0/what"), "mail: failed jobs: 1");
    assert_string_equal(text(o, "incoming/list/0/imei"), "352093081452252");
    assert_true(number(o, "incoming/list/0/total") >= 2000000);
    assert_true(number(o, "incoming/list/0/bytes") < number(o, "incoming/list/0/total"));
    assert_int_equal(number(o, "cameras/known"), 2);
    assert_int_equal(number(o, "cameras/of_the_hour"), 2);
    assert_true(number(o, "disk/raw") > 200000 && number(o, "disk/archive") > 100000);
    assert_int_equal(json_array_size(at(o, "errors")), 1);
    assert_string_equal(text(o, "errors/0/what"), "command exited with status 1");
    assert_non_null(strstr(text(o, "oldest/id"), "-front-"));
    json_decref(o);

    struct proc_result r = RUN(w, "status");
    const char *const words[] = {"PROBLEM: mail: failed jobs: 1\n",
                                 "do: list them with 'dashspool retry --stage mail'",
                                 "run        running, process ",
                                 "attempt 1, for ",
                                 "  upload           waiting        1      1",
                                 "352093081452252 front   34 % of 2.1 MB",
                                 "errors     in the last day: 1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_has(proc_out(&r), words[i]);
    assert_null(strchr(proc_out(&r), '\033'));
    proc_clear(&r);
    proc_stop(&camera, SIGTERM);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);

    o = look(w, &status);
    assert_string_equal(text(o, "run/state"), "stopped");
    assert_int_equal(number(o, "transfers/partial"), 1);
    assert_int_equal(json_array_size(at(o, "errors")), 2); /* it broke off */
    json_decref(o);
}

/* The trouble with a stage "up" that has ended. */
static const char *up_in_trouble(const json_t *o)
{
    for (size_t i = 0; i < json_array_size(json_object_get(o, "trouble")); i++) {
        const char *what = text(json_array_get(json_object_get(o, "trouble"), i), "what");
        if (strncmp(what, "up exited with status ", 21) == 0)
            return what;
    }
    return "";
}

static bool is_waiting_for_its_start(const json_t *o)
{
    return strstr(up_in_trouble(o), "restart in ") != NULL;
}

static void test_a_stage_that_ends_again_and_again_is_named(void **state)
{
    struct workplace *w = *state;
    struct err err;
    int status;
    assert_ok(fsx_mkdirs(support_path(w->root, "spool"), &err));
    support_write(support_path(w->root, "spool/up"), "in the way", 10);
    start(w, "[run]\nrestart = 10 s\n[exec up]\ncommand = true\n");
    json_t *o = wait_until(w, is_waiting_for_its_start, "a stage that waits", &status);
    assert_int_equal(status, 1);
    assert_string_equal(text(o, "errors/0/kind"), "restart");
    json_decref(o);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

/* ---- metrics ---- */

static void test_run_keeps_the_file_for_prometheus(void **state)
{
    struct workplace *w = *state;
    char path[600];
    struct stat first, st = {0};
    start(w, "[run]\nprometheus = metrics/dashspool.prom\nprometheus_every = 1 s\n");
    snprintf(path, sizeof path, "%s/metrics/dashspool.prom", w->root);
    support_wait(stat(path, &first) == 0);
    support_wait(stat(path, &st) < 0 || st.st_ino != first.st_ino);
    assert_int_not_equal(st.st_ino, first.st_ino); /* another one, renamed */
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(support_count(path, "\ndashspool_run_up 1\n"), 1);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(support_count(w->log, "status: started"), 0); /* not a line each time */

    static const char *const last[] = {"\ndashspool_run_up 0\n", "\ndashspool_receiver_up 0\n",
                                       "\ndashspool_run_state{state=\"stopped\"} 1\n",
                                       "\ndashspool_run_stopped_timestamp_seconds ",
                                       "\ndashspool_status_timestamp_seconds "};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        assert_int_equal(support_count(path, last[i]), 1); /* nobody is left to renew it */

    workplace_start(w, DASHSPOOL_BINARY, "run");
    support_wait(support_count(path, "\ndashspool_run_up 1\n") == 1);
    assert_int_equal(proc_stop(&w->service, SIGKILL), 128 + SIGKILL);
    struct proc_result r = RUN(w, "status", "--prometheus");
    assert_has(proc_out(&r), "\ndashspool_run_state{state=\"dead\"} 1\n");
    proc_clear(&r);
}

static void test_metrics_go_to_a_file_or_to_standard_output(void **state)
{
    struct workplace *w = *state;
    char path[600];
    start(w, "");
    hand_over(w, "352093081452251", "--photo-front", PHOTO);
    snprintf(path, sizeof path, "%s/a.prom", w->dir);
    struct proc_result r = RUN(w, "status", "--prometheus", path);
    assert_int_equal(r.status, 0);
    assert_string_equal(proc_out(&r), "");
    assert_true(support_exists(path));
    proc_clear(&r);
    r = RUN(w, "status", "--prometheus");
    assert_non_null(strstr(proc_out(&r), "\ndashspool_run_up 1\n"));
    assert_non_null(strstr(proc_out(&r), "\ndashspool_transfers{state=\"stored\"} 1\n"));
    proc_clear(&r);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static void test_what_makes_no_sense_is_said(void **state)
{
    struct workplace *w = *state;
    expect_err(RUN(w, "status", "--json", "--prometheus"), 2, "not both");
    expect_err(RUN(w, "status", "--watch", "0"), 2, "--watch 0: expected a number from");
    expect_err(RUN(w, "status", "--watch=x"), 2, "a number from");
    expect_err(RUN(w, "status", "--watch", "--prometheus"), 2, "--prometheus FILE");
    expect_err(RUN(w, "status", "--json", "5"), 2, "unexpected argument '5'");
    expect_err(RUN(w, "status", "--nothing"), 2, "unknown option");
    expect_err(RUN(w, "status", "--json"), 1, "");
    assert_false(support_exists(w->root));
}

/* ---- again and again ---- */

/* Starts it with its standard output in a file; waits until the words are there three times. */
static void watch_into_file(const struct workplace *w, const char *options, const char *path,
                            const char *words)
{
    char command[200];
    snprintf(command, sizeof command, "exec \"$0\" --root \"$1\" status %s >\"$2\"", options);
    support_write(path, "", 0);
    struct proc p = proc_start(
        support_path(w->dir, "watch.log"),
        (const char *const[]){"sh", "-c", command, DASHSPOOL_BINARY, w->root, path, NULL});
    support_wait(support_count(path, words) >= 3);
    assert_int_equal(proc_stop(&p, SIGINT), 0);
}

static void test_without_a_terminal_screens_follow_each_other(void **state)
{
    struct workplace *w = *state;
    char path[600];
    start(w, "");
    snprintf(path, sizeof path, "%s/screens", w->dir);
    watch_into_file(w, "--watch 0.1", path, "\n\n/");
    assert_int_equal(support_count(path, "\033"), 0);
    watch_into_file(w, "--watch=0.1 --json", path, "{\"version\":");
    assert_int_equal(support_count(path, "\n"),
                     support_count(path, "{\"version\":")); /* a line each */
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

struct terminal {
    pid_t pid;
    int fd;
    struct buf seen;
};

static struct terminal terminal_start(const struct workplace *w, int columns, int rows,
                                      const char *no_color)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    struct terminal t;
    buf_init(&t.seen, 1 << 24);
    t.pid = forkpty(&t.fd, NULL, NULL, &size);
    if (t.pid < 0) {
        fprintf(stderr, "SKIPPED: there are no terminals here (/dev/pts)\n");
        skip();
    }
    if (t.pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", no_color, 1);
        execl(DASHSPOOL_BINARY, "dashspool", "--root", w->root, "status", "--watch", "0.1",
              (char *)NULL);
        _exit(127);
    }
    return t;
}

/* Reads until the words came, n times from now on; true: they did, before the end. */
static bool terminal_shows(struct terminal *t, const char *words, int n)
{
    struct err err;
    int64_t until_us = clock_mono_us() + WAIT_US;
    buf_consume(&t->seen, t->seen.used);
    while (clock_mono_us() < until_us) {
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        uint8_t *to = buf_reserve(&t->seen, 65536, &err);
        ssize_t got = poll(&p, 1, 1000) == 1 ? read(t->fd, to, 65535) : 0;
        if (got < 0) /* EIO: the other side is closed */
            return false;
        buf_commit(&t->seen, (size_t)got);
        assert_ok(buf_append(&t->seen, "", 1, &err));
        t->seen.used--;
        int found = 0;
        for (const char *at_words = (const char *)buf_data(&t->seen);
             (at_words = strstr(at_words, words)); at_words++)
            found++;
        if (found >= n)
            return true;
    }
    return false;
}

static int terminal_end(struct terminal *t)
{
    int status;
    assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
    close(t->fd);
    buf_clear(&t->seen);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_on_a_terminal_one_screen_is_kept_up_to_date(void **state)
{
    struct workplace *w = *state;
    struct winsize smaller = {.ws_col = 30, .ws_row = 6};
    start(w, "");
    struct terminal t = terminal_start(w, 100, 50, "");
    assert_true(terminal_shows(&t, "\033[?1049h\033[?25l", 1)); /* another screen, no cursor */
    assert_true(terminal_shows(&t, "\033[H\033[1m", 3));        /* from the top, again and again */
    assert_int_equal(ioctl(t.fd, TIOCSWINSZ, &smaller), 0);
    assert_true(terminal_shows(&t, " more lines\033[K", 1));
    assert_int_equal(kill(t.pid, SIGINT), 0);
    assert_true(terminal_shows(&t, "\033[?25h\033[?1049l", 1)); /* all is as it was */
    assert_int_equal(terminal_end(&t), 0);

    t = terminal_start(w, 100, 50, "1");
    assert_true(terminal_shows(&t, "\033[H/", 2)); /* no colour in front */
    assert_null(strstr((const char *)buf_data(&t.seen), "\033[1m"));
    assert_int_equal(kill(t.pid, SIGTERM), 0);
    assert_true(terminal_shows(&t, "\033[?1049l", 1));
    assert_int_equal(terminal_end(&t), 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, workplace_set_up, workplace_tear_down)
        E2E(test_a_person_sees_what_is_stuck_and_why),
        E2E(test_a_stage_that_ends_again_and_again_is_named),
        E2E(test_run_keeps_the_file_for_prometheus),
        E2E(test_metrics_go_to_a_file_or_to_standard_output),
        E2E(test_what_makes_no_sense_is_said),
        E2E(test_without_a_terminal_screens_follow_each_other),
        E2E(test_on_a_terminal_one_screen_is_kept_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* --log-json and --log-level: through run and all that it starts, and for what fails. */
#include "support/workplace.h"
#include "support/world.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define ID    IMEI "-front-photo-20241129T072345Z"

static int set_up(void **state)
{
    static const char conf[] =
        "[receive]\nlisten = 127.0.0.1:0\n[convert]\npoll = 20 ms\n"
        "[exec tell]\npoll = 20 ms\ncommand = sh -c 'echo \"$@\"' sh %{still}\n";
    workplace_set_up(state);
    struct workplace *w = *state;
    support_configure(w->root, conf);
    return 0;
}

static int tear_down(void **state)
{
    unsetenv("DASHSPOOL_LOG_LEVEL");
    unsetenv("DASHSPOOL_LOG_JSON");
    return workplace_tear_down(state);
}

/* A camera hands a photo over, and everything that run keeps has done its part. */
static void hand_over(const struct workplace *w, const char *listening, const char *done)
{
    char address[600];
    proc_wait_for(&w->service, listening, address, sizeof address);
    address[strcspn(address, "\" ")] = '\0';
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", address, "--imei", IMEI, "--time",
                    "2024-11-29T07:23:45Z", "--photo-front", PHOTO),
           0, "");
    proc_wait_for(&w->service, done, NULL, 0);
}

#define RUN(w, ...)      \
    proc_start((w)->log, \
               (const char *const[]){DASHSPOOL_BINARY, "--root", (w)->root, __VA_ARGS__, NULL})

/* The lines of the log, each an object with what every event has. */
static json_t *read_log(const struct workplace *w)
{
    json_t *all = json_array();
    char line[5000];
    FILE *f = fopen(w->log, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        json_error_t why;
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &why);
        if (!o)
            fail_msg("%s: %s", why.text, line);
        assert_int_equal(strlen(json_string_value(json_object_get(o, "time"))),
                         strlen("2026-11-21T02:55:54.123Z"));
        assert_non_null(json_string_value(json_object_get(o, "level")));
        assert_non_null(json_string_value(json_object_get(o, "stage")));
        assert_non_null(json_string_value(json_object_get(o, "msg")));
        assert_true(json_integer_value(json_object_get(o, "pid")) > 0);
        json_array_append_new(all, o);
    }
    fclose(f);
    return all;
}

/* The only event of that stage with that msg; NULL: there is none. Borrowed. */
static json_t *find(json_t *log, const char *stage, const char *msg)
{
    json_t *o, *found = NULL;
    size_t i;
    json_array_foreach(log, i,
                       o) if (strcmp(json_string_value(json_object_get(o, "stage")), stage) == 0 &&
                              strcmp(json_string_value(json_object_get(o, "msg")), msg) == 0)
    {
        assert_null(found);
        found = o;
    }
    return found;
}

static const char *text(json_t *event, const char *key)
{
    const char *t = json_string_value(json_object_get(event, key));
    return t ? t : "";
}

static void test_json_through_run_and_all_that_it_starts(void **state)
{
    struct workplace *w = *state;
    w->service = RUN(w, "run", "--log-level", "debug", "--log-json"); /* behind the command, too */
    hand_over(w, "\"msg\":\"listening on ", "\"stage\":\"tell\",\"msg\":\"done\"");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    json_t *log = read_log(w);
    json_t *stored = find(log, "receive", "stored"), *converted = find(log, "convert", "converted");
    json_t *told = find(log, "tell", "done"), *claimed = find(log, "convert", "claimed");
    assert_string_equal(text(stored, "id"), ID);
    assert_string_equal(text(stored, "imei"), IMEI);
    assert_string_equal(text(stored, "camera"), "front");
    assert_int_equal(json_integer_value(json_object_get(stored, "bytes")), 217239);
    assert_true(json_is_number(json_object_get(stored, "seconds")));
    assert_string_equal(text(converted, "id"), ID);
    assert_string_equal(text(told, "id"), ID);
    assert_string_equal(text(claimed, "level"), "debug");
    assert_int_equal(json_integer_value(json_object_get(claimed, "attempt")), 1);
    json_t *all = find(log, "run", "all processes running");
    assert_int_equal(json_integer_value(json_object_get(all, "processes")), 5);
    /* who says it */
    long long receiver = json_integer_value(json_object_get(stored, "pid"));
    long long worker = json_integer_value(json_object_get(converted, "pid"));
    assert_int_equal(json_integer_value(json_object_get(all, "pid")), w->service.pid);
    assert_true(receiver != w->service.pid && worker != receiver && worker != w->service.pid);
    assert_int_equal(json_integer_value(json_object_get(claimed, "pid")), worker);
    json_decref(log);
}

static void test_only_what_is_wrong(void **state)
{
    struct workplace *w = *state;
    assert_int_equal(setenv("DASHSPOOL_LOG_LEVEL", "error", 1), 0); /* the option is stronger */
    w->service = RUN(w, "--log-level=warn", "run");
    char address[600];
    proc_wait_for(&w->service, "listening on ", address, sizeof address);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", address, "--imei", IMEI, "--time",
                    "2024-11-29T07:23:45Z", "--photo-front", PHOTO, "--fault", "crc=3"),
           0, "");
    proc_wait_for(&w->service,
                  "level=warn stage=receive msg=\"retransmission requested\" imei=" IMEI, NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(support_count(w->log, "level=info"), 0);
}

/* Sessions of a stranger that say nothing of worth, each with its line. */
static void test_one_client_cannot_fill_the_log(void **state)
{
    enum { SESSIONS = 6000 };
    struct workplace *w = *state;
    char address[600];
    w->service = RUN(w, "receive");
    proc_wait_for(&w->service, "listening on ", address, sizeof address);
    const char *port = strrchr(address, ':') + 1;
    for (int i = 0; i < SESSIONS; i++) {
        int fd = world_dial(port);
        char end;
        if (write(fd, "GET / HTTP/1.1\r\n\r\n", 18) == 18)
            while (read(fd, &end, 1) > 0)
                ;
        close(fd);
    }
    support_wait(support_count(w->log, "msg=\"log lines left out\"") > 0);
    proc_stop(&w->service, SIGTERM);
    int closed = support_count(w->log, "msg=\"closed\"");
    if (closed < 3000 || closed > SESSIONS - 500)
        fail_msg("%d of %d sessions are in the log", closed, SESSIONS);
}

#define SAY(...) PROC_RUN(DASHSPOOL_BINARY, __VA_ARGS__)

static void test_a_command_that_fails_says_so_as_it_was_asked_to(void **state)
{
    struct workplace *w = *state;
    expect_err(SAY("--root", w->root, "show", "nobody"), 1, "dashspool show: ");
    expect_err(SAY("--root", w->root, "show", "nobody", "--log-json"), 1,
               "\"level\":\"error\",\"stage\":\"show\",\"msg\":\"failed\",\"reason\":\"");
    expect_err(SAY("--log-json", "receive", "--nonsense"), 2,
               "\"msg\":\"invalid usage or settings\",\"reason\":\"unknown option --nonsense\"");
    assert_int_equal(setenv("DASHSPOOL_LOG_JSON", "yes", 1), 0);
    expect_err(SAY("--root", w->root, "show", "nobody"), 1, "\"error\":\"notfound\"");
    assert_int_equal(setenv("DASHSPOOL_LOG_JSON", "no", 1), 0);
    expect_err(SAY("--root", w->root, "show", "nobody"), 1, "dashspool show: ");
    expect_err(SAY("--root", w->root, "show", "--", "--log-json"), 1, "dashspool show: ");
}

static void test_a_level_that_there_is_not(void **state)
{
    (void)state;
    expect_err(SAY("--log-level", "verbose", "list"), 2,
               "--log-level verbose: expected error, warn, info or debug");
    expect_err(SAY("list", "--log-level"), 2, "expected error, warn, info or debug");
    expect_err(SAY("list", "--log-levels"), 2, "unknown option --log-levels");
    assert_int_equal(setenv("DASHSPOOL_LOG_LEVEL", "all", 1), 0);
    expect_err(SAY("list"), 2, "DASHSPOOL_LOG_LEVEL all: expected error, warn, info or debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        E2E(test_json_through_run_and_all_that_it_starts),
        E2E(test_only_what_is_wrong),
        E2E(test_one_client_cannot_fill_the_log),
        E2E(test_a_command_that_fails_says_so_as_it_was_asked_to),
        E2E(test_a_level_that_there_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A receiver whose site does not answer: cameras keep their files, and nothing is lost or dropped.
 */
#include "support/sql.h"
#include "support/world.h"
#include <stdio.h>
#include <string.h>

#define CLIP TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define IMEI "352093081452251"

static struct world w;

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* Port 9 of this machine: nobody is there. */
static void start(const char *more)
{
    char config[1000];
    snprintf(config, sizeof config,
             "commit_ms = 20\n[site]\ndatabase = postgresql://dashspool@127.0.0.1:9/dashspool\n"
             "objects = s3://footage/fleet\nendpoint = http://127.0.0.1:9\nnode = r1\n%s",
             more);
    world_open(&w, DASHSPOOL_BINARY, config);
    world_start(&w);
}

static struct proc_result simulate(const char *time)
{
    return PROC_RUN(w.binary, "simulate", "--to", world_address(w.port), "--imei", IMEI, "--time",
                    time, "--rear", CLIP, "--log-level", "info");
}

static int64_t at_node(const char *sql)
{
    return sql_run(support_path(w.root, "catalogue.db"), sql);
}

static void test_a_camera_that_is_not_acknowledged_is_known_again(void **state)
{
    (void)state;
    start("ack_wait = 1 s\n");
    struct proc_result first = simulate("2024-11-29T07:23:45Z");
    assert_int_not_equal(first.status, 0); /* it still has its file */
    proc_clear(&first);
    assert_int_equal(at_node("SELECT count(*) FROM transfer WHERE state = 'stored'"), 1);
    assert_int_equal(world_log_lines(&w, "staged, not acknowledged"), 1);
    world_kill(&w);
    world_start(&w);
    struct proc_result again = simulate("2024-11-29T07:23:45Z");
    assert_int_not_equal(again.status, 0);
    proc_clear(&again);
    /* and only its last packet came */
    assert_int_equal(world_log_lines(&w, "from_byte=568320"), 1);
    assert_int_equal(at_node("SELECT count(*) FROM transfer"), 1);
    assert_int_equal(at_node("SELECT connections FROM transfer"), 1);
    assert_int_equal(at_node("SELECT count(*) FROM custody WHERE line LIKE '%\"offered-again\"%'"),
                     1);
    assert_false(support_exists(support_path(w.root, "spool/convert/new")));
}

static bool status_has(const char *words)
{
    struct proc_result r = PROC_RUN(w.binary, "--root", w.root, "status");
    bool has = strstr(proc_out(&r), words) != NULL;
    proc_clear(&r);
    return has;
}

static void test_ack_local_takes_the_risk_and_says_so(void **state)
{
    (void)state;
    start("ack = local\n");
    expect_err(simulate("2024-11-29T07:23:45Z"), 0, "files uploaded: 1,");
    support_wait(world_log_lines(&w, "the site takes nothing") == 1);
    support_wait(status_has("not handed on to the site, files: 1"));
    assert_true(status_has("a lost disk can lose footage"));
}

static void test_cameras_are_refused_when_too_much_waits(void **state)
{
    (void)state;
    start("ack = local\nstaged_age = 1 s\n");
    expect_err(simulate("2024-11-29T07:23:45Z"), 0, "files uploaded: 1,");
    support_wait(world_log_lines(&w, "cameras refused until the site takes what waits") == 1);
    struct proc_result r = simulate("2024-11-29T07:24:45Z");
    assert_int_not_equal(r.status, 0);
    proc_clear(&r);
    assert_int_equal(at_node("SELECT count(*) FROM transfer"), 1);
    assert_true(world_log_lines(&w, "staged_age") > 0);
}

/* What does not arrive in the site does not count as imported. */
static void test_an_import_says_that_the_site_has_nothing_of_it(void **state)
{
    (void)state;
    start("");
    struct proc_result r =
        PROC_RUN(w.binary, "--root", w.root, "import", "--imei", IMEI, "--camera", "rear", CLIP);
    assert_int_equal(r.status, 1);
    assert_has(proc_err(&r), "not handed on to the site");
    proc_clear(&r);
}

#define T(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_camera_that_is_not_acknowledged_is_known_again),
        T(test_ack_local_takes_the_risk_and_says_so),
        T(test_cameras_are_refused_when_too_much_waits),
        T(test_an_import_says_that_the_site_has_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

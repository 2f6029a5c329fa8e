/* Events of which nothing whole came: the camera broke off and did not come back, or much later. */
#include "support/sql.h"
#include "support/world.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CLIP TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define IMEI "352093081452251"
#define TIME "2024-11-29T07:23:45Z"
#define REAR IMEI "-rear-video-20241129T072345Z"
#define NAME IMEI "-crash-20241129T072345Z"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

/* Each package that is handed on is a line of DIR/sent. */
static void configure(const char *export)
{
    char text[2000];
    snprintf(text, sizeof text,
             "[convert]\npreset = ultrafast\n"
             "[export]\nenabled = yes\n%s\n"
             "[exec send]\nafter = export\nbackoff = 1 ms\n"
             "command = sh -c 'echo \"$0\" >>%s/sent' %%{package}\n",
             export, w.dir);
    world_configure(&w, text);
}

static int set_up(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    configure("settle = 0\nbroken_off = 1 ms");
    world_start(&w);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void break_off(const char *side, const char *packets)
{
    struct world_rows rows;
    char fault[40];
    snprintf(fault, sizeof fault, "disconnect=%s", packets);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, side, CLIP, "--time",
               TIME, "--trigger", "crash", "--fault", fault),
           0, "files uploaded: 0,");
    world_settled_rows(&w, IMEI, &rows);
}

static void come_back(void)
{
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP, "--time",
               TIME, "--trigger", "crash"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
}

static int packages(void)
{
    return support_exists(in_dir("root/packages")) ? support_entries(in_dir("root/packages")) : 0;
}

/* How often it was handed on. */
static int sent(const char *name)
{
    return support_exists(in_dir("sent")) ? support_count(in_dir("sent"), name) : 0;
}

static void assert_verified(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "root/packages/%s", name);
    expect(RUN("verify", in_dir(path)), 0, "");
}

/* ---- who does not come back ---- */

static void test_it_is_packed_after_a_time_as_it_is(void **state)
{
    (void)state;
    break_off("--rear", "300");
    configure("settle = 0\nbroken_off = 1 h");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    configure("settle = 0\nbroken_off = 0");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    configure("settle = 0\nbroken_off = 1 ms\ntriggers = towing");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_int_equal(packages(), 0);
    configure("settle = 0\nbroken_off = 1 ms");
    expect(RUN("work", "--once"), 0, "2 jobs done, 0 failed\n"); /* its package, and that sent */
    assert_int_equal(packages(), 1);
    assert_int_equal(sent(NAME ".zip"), 1);
    assert_verified(NAME ".zip");
    expect(RUN("show", REAR), 0, "partial, queued as a partial transfer");
    expect(RUN("show", "--custody", REAR), 0, "\"package\":\"" NAME ".zip\"");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_int_equal(packages(), 1);
    expect(RUN("fsck"), 0, "");
}

static void test_front_and_rear_that_broke_off_are_one_package(void **state)
{
    (void)state;
    break_off("--rear", "300");
    break_off("--front", "200");
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_int_equal(packages(), 1);
    assert_int_equal(sent(NAME ".zip"), 1);
    struct proc_result r =
        PROC_RUN("unzip", "-Z1", in_dir("root/packages/" NAME ".zip"), "*/data/master/*.h265");
    assert_non_null(strstr(proc_out(&r), "-front-"));
    assert_non_null(strstr(proc_out(&r), "-rear-"));
    proc_clear(&r);
}

/* ---- who does, late ---- */

static void test_when_it_is_whole_after_all_there_is_another_package(void **state)
{
    (void)state;
    break_off("--rear", "300");
    expect(RUN("work", "--once"), 0, "2 jobs done, 0 failed\n");
    break_off("--rear", "400"); /* it goes on, and breaks off again */
    expect(RUN("show", REAR), 0, "state      partial\n");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n"); /* not a package each time */
    assert_int_equal(packages(), 1);
    come_back();
    expect(RUN("work", "--once"), 0, "3 jobs done, 0 failed\n");
    assert_int_equal(packages(), 2);
    assert_int_equal(sent(NAME ".zip"), 1);
    assert_int_equal(sent(NAME "-2.zip"), 1);
    assert_verified(NAME ".zip");
    assert_verified(NAME "-2.zip");
    expect(RUN("fsck"), 0, "");
}

static void test_when_it_goes_on_before_there_is_one_package(void **state)
{
    (void)state;
    break_off("--rear", "300");
    configure("settle = 1 h\nbroken_off = 1 ms");
    expect(RUN("work", "--once"), 0,
           "0 jobs done, 0 failed, 1 waiting for the rest of their events");
    come_back();
    configure("settle = 0\nbroken_off = 1 ms");
    char attempt[300];
    snprintf(attempt, sizeof attempt, "%s",
             in_dir("root/spool/export/new/" REAR ".partial/attempt"));
    support_write(attempt, "1\n", 2); /* it is due */
    expect(RUN("work", "--once"), 0, "partial job skipped, the completed transfer has its own");
    assert_int_equal(packages(), 1);
    assert_int_equal(sent(NAME ".zip"), 1);
    assert_verified(NAME ".zip");
}

static void assert_row(enum catalogue_state state, bool published)
{
    struct world_rows rows;
    world_rows(&w, IMEI, &rows);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.row[0].state, state);
    assert_int_equal(rows.row[0].published, published);
}

/* The part's job must not be taken for the whole one's: by a receiver, nor by the next start's
 * repair if the mark came while the camera went on. */
static void test_what_goes_on_has_no_job_yet(void **state)
{
    (void)state;
    break_off("--rear", "300");
    expect(RUN("work", "--once"), 0, "2 jobs done, 0 failed\n");
    assert_row(CATALOGUE_PARTIAL, true);
    const char *const argv[] = {DASHSPOOL_BINARY, "simulate",    "--to",      world_address(w.port),
                                "--imei",         IMEI,          "--rear",    CLIP,
                                "--time",         TIME,          "--trigger", "crash",
                                "--fault",        "silence=450", NULL};
    struct proc camera = proc_start(in_dir("camera.log"), argv);
    world_wait_stored(&w, IMEI, 449 * 1024);
    assert_row(CATALOGUE_RECEIVING, false);
    world_kill(&w);
    (void)proc_stop(&camera, SIGKILL); /* unless it saw that, and ended */
    sql_change(in_dir("root/catalogue.db"), "UPDATE transfer SET published = 1");
    world_start(&w);
    assert_row(CATALOGUE_PARTIAL, false);
    come_back();
    expect(RUN("work", "--once"), 0, "3 jobs done, 0 failed\n");
    assert_int_equal(packages(), 2);
}

static const char *text_of(const char *name)
{
    static char text[4000];
    struct buf b = support_read(in_dir(name));
    snprintf(text, sizeof text, "%.*s", (int)b.used, (const char *)buf_data(&b));
    buf_clear(&b);
    return text;
}

static void test_a_command_gets_the_copies_of_the_whole_one(void **state)
{
    (void)state;
    char text[700];
    snprintf(text, sizeof text,
             "settle = 0\nbroken_off = 1 ms\n[exec take]\n"
             "command = sh -c 'echo \"$0\" >>%s/taken' %%{working}",
             w.dir);
    break_off("--rear", "300");
    configure(text);
    expect(RUN("work", "--once"), 0, "2 jobs done, 0 failed\n");
    come_back();
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_has(text_of("taken"), "/" REAR ".working.mp4\n");
    assert_int_equal(support_count(in_dir("taken"), ".partial."), 0);
}

static void test_copies_of_a_shorter_part_are_made_anew(void **state)
{
    (void)state;
    break_off("--rear", "300");
    expect(RUN("work", "--once"), 0, "2 jobs done, 0 failed\n");
    break_off("--rear", "400");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--photo-front",
               TEST_SAMPLES "/photo-720p.jpg", "--time", TIME, "--trigger", "crash"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_int_equal(packages(), 2);
    expect(RUN("verify", "--reproduce", in_dir("root/packages/" NAME "-2.zip")), 0, "");
}

static void test_what_is_whole_already_and_breaks_off_again_is_left_alone(void **state)
{
    (void)state;
    come_back();
    expect(RUN("work", "--once"), 0, "3 jobs done, 0 failed\n");
    break_off("--rear", "300"); /* its camera did not hear that it was taken */
    expect(RUN("show", REAR "-2"), 0, "state      partial\n");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_int_equal(packages(), 1);
}

static void test_what_broke_off_long_before_is_left_alone(void **state)
{
    (void)state;
    break_off("--rear", "300");
    world_stop(&w);
    sql_change(in_dir("root/catalogue.db"),
               "UPDATE transfer SET completed_us = completed_us - 700000000000,"
               " arrived_us = arrived_us - 700000000000");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_int_equal(packages(), 0);
}

/* ---- trouble ---- */

static void test_wherever_a_worker_is_killed_there_is_one_package(void **state)
{
    (void)state;
    configure("settle = 0\nbroken_off = 1 ms\nretries = 1000");
    break_off("--rear", "300");
    const char *const argv[] = {DASHSPOOL_BINARY, "--root",  w.root,   "work",
                                "--once",         "--stage", "export", NULL};
    struct proc_killer k = proc_killer(support_seed(300), 20);
    int at_work = 0;
    while (proc_kill_later(&k, in_dir("work.log"), argv))
        at_work += support_entries_like(in_dir("root/spool/export/cur/")) > 0;
    printf("%d kills, %d of them while it had the job\n", k.killed, at_work);
    assert_true(k.killed >= 3 && at_work >= 1);
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_int_equal(packages(), 1);
    assert_true(sent(NAME ".zip") >= 1);
    assert_verified(NAME ".zip");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
}

static void test_one_that_is_given_up_stays_so(void **state)
{
    (void)state;
    char text[900];
    support_write(in_dir("file"), "x", 1);
    snprintf(text, sizeof text, "settle = 0\nbroken_off = 1 ms\ndir = %s", in_dir("file/packages"));
    configure(text);
    break_off("--rear", "300");
    expect(RUN("work", "--once"), 1, "1 failed");
    expect(RUN("drop", "--stage", "export", REAR ".partial", "--reason", "told by phone"), 0, "");
    expect(RUN("show", "--custody", REAR), 0, "told by phone");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    expect(RUN("fsck"), 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        E2E(test_it_is_packed_after_a_time_as_it_is),
        E2E(test_front_and_rear_that_broke_off_are_one_package),
        E2E(test_when_it_is_whole_after_all_there_is_another_package),
        E2E(test_when_it_goes_on_before_there_is_one_package),
        E2E(test_what_goes_on_has_no_job_yet),
        E2E(test_a_command_gets_the_copies_of_the_whole_one),
        E2E(test_copies_of_a_shorter_part_are_made_anew),
        E2E(test_what_is_whole_already_and_breaks_off_again_is_left_alone),
        E2E(test_what_broke_off_long_before_is_left_alone),
        E2E(test_wherever_a_worker_is_killed_there_is_one_package),
        E2E(test_one_that_is_given_up_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

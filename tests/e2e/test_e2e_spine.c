/*
 * From a camera's socket to a playable MP4, with the program that a person runs: simulated cameras,
 * a receiver on a free port of the loopback, a worker, and the questions that are asked afterwards.
 */
#include "support/sql.h"
#include "support/workplace.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES TEST_SAMPLES "/"
#define FRONT   SAMPLES "front-20fps-10s-sound.h265"
#define REAR    SAMPLES "rear-25fps-6s-silent.h265"
#define PHOTO   SAMPLES "photo-720p.jpg"

/* The configuration of all tests here; extra lines go behind it. */
static void configure(struct workplace *w, const char *extra)
{
    char text[600];
    snprintf(text, sizeof text, "[receive]\nlisten = 127.0.0.1:0\n%s", extra);
    support_configure(w->root, text);
}

static void start_receiver(struct workplace *w)
{
    workplace_start(w, DASHSPOOL_BINARY, "receive");
    workplace_listens(w);
}

#define RUN(w, ...) DASHSPOOL((w)->root, __VA_ARGS__)

static void simulate_all(struct workplace *w)
{
    expect_err(RUN(w, "simulate", "--to", w->address, "--imei", "352093081452251", "--front", FRONT,
                   "--rear", REAR, "--photo-front", PHOTO, "--photo-rear", PHOTO, "--time",
                   "2024-11-29T07:23:45Z", "--tz", "+02:00", "--lat", "54.7004183", "--lon",
                   "25.25", "--trigger", "crash", "--length", "10", "--fps", "20"),
               0, "files uploaded: 4,");
}

static void same_bytes(struct workplace *w, const char *id, const char *original)
{
    struct buf expected = support_read(original);
    struct proc_result r = RUN(w, "cat", id);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out.used, expected.used);
    assert_memory_equal(buf_data(&r.out), buf_data(&expected), expected.used);
    proc_clear(&r);
    buf_clear(&expected);
}

static int64_t sql(struct workplace *w, const char *text)
{
    return sql_run(support_path(w->root, "catalogue.db"), text);
}

#define ID(camera, kind) "352093081452251-" camera "-" kind "-20241129T072345Z"

static void test_a_camera_hands_over_and_a_person_gets_mp4(void **state)
{
    struct workplace *w = *state;
    configure(w, "[convert]\npreset = ultrafast\n");
    start_receiver(w);
    simulate_all(w);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);

    same_bytes(w, ID("front", "video"), FRONT);
    same_bytes(w, ID("rear", "video"), REAR);
    same_bytes(w, ID("front", "photo"), PHOTO);
    same_bytes(w, ID("rear", "photo"), PHOTO);

    expect_out(RUN(w, "list"), 0, ID("rear", "video") "       crash       ~10 s   569.3 kB");
    expect_out(RUN(w, "show", ID("rear", "video")), 0, "stored, queued for conversion");
    struct proc_result r = RUN(w, "work", "--once");
    assert_has(proc_err(&r), " kind=video frames=200 footage_seconds=");
    expect_err(r, 0, "4 jobs done, 0 failed");
    const char *dir = support_path(w->root, "archive/352093081452251/2024-11-29");
    assert_int_equal(support_entries(dir), 8);
    assert_true(support_exists(support_path(dir, ID("front", "video") ".timing.json")));
    assert_true(support_exists(support_path(dir, ID("front", "video") ".working.mp4")));
    assert_true(support_exists(support_path(dir, ID("rear", "video") ".viewing-DERIVED.mp4")));
    assert_true(support_exists(support_path(dir, ID("rear", "photo") ".still-DERIVED.jpg")));
    assert_int_equal(sql(w, "SELECT count(*) FROM copy"), 8);

    expect_out(RUN(w, "list"), 0, ID("rear", "photo"));
    expect_out(RUN(w, "list"), 0, ID("rear", "video") "       crash       6.0 s   569.3 kB");
    expect_out(RUN(w, "list"), 0, ID("front", "video") "      crash      10.0 s     2.1 MB");
    expect_out(RUN(w, "show", ID("rear", "video")), 0, "stored, converted");
    expect_out(RUN(w, "list", "--kind", "video", "--camera", "rear", "--json"), 0,
               "\"trigger\": \"crash\"");
    expect_err(RUN(w, "list", "--trigger", "towing"), 0, "no matching transfers");
    expect_out(RUN(w, "show", ID("front", "video")), 0, "2024-11-29 09:23:45 local (+02:00)");
    expect_out(RUN(w, "show", ID("front", "video"), "--json"), 0, "\"pictures\": 200");
    expect_out(RUN(w, "show", ID("front", "video")), 0, "rate: capture times 19.9");
    expect_out(RUN(w, "show", ID("front", "video"), "--json"), 0, "\"uncertainty_s\": ");
    /* nothing left to do */
    expect_err(RUN(w, "work", "--once"), 0, "0 jobs done, 0 failed");
}

static void test_the_same_files_again_are_acknowledged_and_stored_once(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start_receiver(w);
    simulate_all(w);
    simulate_all(w);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer"), 4);
    assert_int_equal(support_entries(support_path(w->root, "spool/convert/new")), 4);
}

static void test_old_firmware_without_metadata_is_taken(void **state)
{
    struct workplace *w = *state;
    configure(w, "metadata_s = 1\n");
    start_receiver(w);
    expect_err(
        RUN(w, "simulate", "--to", w->address, "--meta-version", "0", "--photo-front", PHOTO), 0,
        "files uploaded: 1,");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE state = 'stored'"), 1);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE meta IS NULL"), 1);
    expect_out(RUN(w, "list", "--json"), 0, "\"metadata\": null");
}

static void test_many_cameras_at_once(void **state)
{
    struct workplace *w = *state;
    enum { CAMERAS = 8 };
    configure(w, "");
    start_receiver(w);
    struct proc camera[CAMERAS];
    for (int i = 0; i < CAMERAS; i++) {
        char log[600], imei[32];
        snprintf(log, sizeof log, "%s/camera-%d.log", w->dir, i);
        snprintf(imei, sizeof imei, "35209308145%04d", i);
        const char *const argv[] = {DASHSPOOL_BINARY, "simulate", "--to",    w->address,
                                    "--imei",         imei,       "--front", FRONT,
                                    "--rear",         REAR,       NULL};
        camera[i] = proc_start(log, argv);
    }
    for (int i = 0; i < CAMERAS; i++)
        assert_int_equal(proc_stop(&camera[i], 0), 0);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE state = 'stored' "
                            "AND published"),
                     2 * CAMERAS);
    assert_int_equal(sql(w, "SELECT count(DISTINCT sha256) FROM transfer"), 2);
}

static void test_a_receiver_killed_in_a_transfer_loses_nothing_it_acknowledged(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start_receiver(w);
    simulate_all(w);
    /* A camera that stops in the middle: it says INIT, and is then killed with the receiver. */
    char log[600], big[600];
    snprintf(log, sizeof log, "%s/camera.log", w->dir);
    snprintf(big, sizeof big, "%s/big.h265", w->dir);
    size_t n = 40 << 20;
    char *zeros = calloc(1, n);
    support_write(big, zeros, n);
    free(zeros);
    const char *const argv[] = {DASHSPOOL_BINARY, "simulate", "--to", w->address,
                                "--front",        big,        NULL};
    struct proc camera = proc_start(log, argv);
    proc_wait_for(&w->service, "packets=40960", NULL, 0);
    assert_int_equal(proc_stop(&w->service, SIGKILL), 128 + SIGKILL);
    assert_int_equal(proc_stop(&camera, 0), 1);

    start_receiver(w);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE state = 'stored'"), 4);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE state = 'receiving'"), 0);
    /* offered again, it is taken whole */
    expect_err(RUN(w, "simulate", "--to", w->address, "--front", big), 0, "files uploaded: 1,");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    assert_int_equal(sql(w, "SELECT count(*) FROM transfer WHERE state = 'stored'"), 5);
    same_bytes(w, ID("front", "video"), FRONT);
}

static void test_a_second_receiver_on_the_same_root_is_told_so(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start_receiver(w);
    expect_err(RUN(w, "receive"), 1, "is in use by another receiver");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static void test_a_master_that_changed_on_disk_is_found_out(void **state)
{
    struct workplace *w = *state;
    configure(w, "");
    start_receiver(w);
    expect_err(RUN(w, "simulate", "--to", w->address, "--imei", "352093081452251", "--photo-front",
                   PHOTO, "--time", "2024-11-29T07:23:45Z"),
               0, "files uploaded: 1,");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    char glob[700];
    snprintf(glob, sizeof glob, "ls %s/raw/*.db | head -1 | tr -d '\\n'", w->root);
    struct proc_result r = PROC_RUN("sh", "-c", glob);
    sql_change(proc_out(&r), "UPDATE chunk SET data = zeroblob(length(data)) "
                             "WHERE n = (SELECT min(n) FROM chunk)");
    proc_clear(&r);
    expect_err(RUN(w, "cat", ID("front", "photo")), 1, "checksum mismatch");
    expect_err(RUN(w, "work", "--once"), 1, "0 jobs done, 1 failed");
    assert_true(support_exists(
        support_path(w->root, "spool/convert/failed/" ID("front", "photo") "/reason.txt")));
}

static void test_wrong_usage_is_2_and_says_what_to_do(void **state)
{
    struct workplace *w = *state;
    expect_err(RUN(w, "nonsense"), 2, "--help");
    expect_err(RUN(w, "list", "--bogus"), 2, "--help");
    expect_err(RUN(w, "cat"), 2, "give exactly one ID");
    expect_err(RUN(w, "convert"), 2, "no input: give at least one file");
    expect_err(RUN(w, "convert", "--fps", "x", FRONT), 2, "--fps x");
    expect_err(RUN(w, "simulate", "--front", FRONT), 2, "--to HOST:PORT");
    expect_err(RUN(w, "receive", "--listen", "nowhere"), 2, "expected HOST:PORT");
    expect_err(RUN(w, "list"), 1, "no catalogue found");
    expect_out(RUN(w, "--help"), 0, "receive");
    configure(w, "bogus = 1\n");
    expect_err(RUN(w, "list"), 2, "50-test.conf:3: unknown key 'bogus' in [receive]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, workplace_set_up, workplace_tear_down)
        E2E(test_a_camera_hands_over_and_a_person_gets_mp4),
        E2E(test_the_same_files_again_are_acknowledged_and_stored_once),
        E2E(test_old_firmware_without_metadata_is_taken),
        E2E(test_many_cameras_at_once),
        E2E(test_a_receiver_killed_in_a_transfer_loses_nothing_it_acknowledged),
        E2E(test_a_second_receiver_on_the_same_root_is_told_so),
        E2E(test_a_master_that_changed_on_disk_is_found_out),
        E2E(test_wrong_usage_is_2_and_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

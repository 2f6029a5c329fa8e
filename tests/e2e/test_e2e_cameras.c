/*
 * Cameras that hand their files over by path, with the program that a person runs: what is stored
 * is what the camera had, whatever went wrong on the way, and what its metadata say is known.
 */
#include "dashspool/fsx.h"
#include "support/proc.h"
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define TEXT  TEST_SAMPLES "/LICENSES.md"

struct world {
    char *dir;
    char root[512], log[512], address[128];
    struct proc receiver;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[600];
    struct err err;
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    snprintf(w->log, sizeof w->log, "%s/receive.log", w->dir);
    snprintf(path, sizeof path, "%s/pipeline.d", w->root);
    assert_ok(fsx_mkdirs(path, &err));
    snprintf(path, sizeof path, "%s/pipeline.d/50-test.conf", w->root);
    support_write(path, "[receive]\nlisten = 127.0.0.1:0\n", 31);
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", w->root, "receive", NULL};
    w->receiver = proc_start(w->log, argv);
    proc_wait_for(&w->receiver, "listening on ", w->address, sizeof w->address);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    support_tmp_remove(&w->dir);
    free(w);
    return 0;
}

#define SIMULATE(w, ...)                                                                         \
    proc_run((const char *const[]){DASHSPOOL_BINARY, "simulate", "--to", (w)->address, "--imei", \
                                   "352093081452251", "--time", "2024-11-29T07:23:45Z",          \
                                   __VA_ARGS__, NULL})

static void hands_over(struct proc_result r, const char *says)
{
    if (r.status != 0 || !strstr(proc_err(&r), says))
        fail_msg("status %d; stderr: %s", r.status, proc_err(&r));
    proc_clear(&r);
}

static void stop_and_compare(struct world *w, const char *id, const char *original)
{
    assert_int_equal(proc_stop(&w->receiver, SIGTERM), 0);
    struct buf expected = support_read(original);
    struct proc_result r =
        proc_run((const char *const[]){DASHSPOOL_BINARY, "--root", w->root, "cat", id, NULL});
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out.used, expected.used);
    assert_memory_equal(buf_data(&r.out), buf_data(&expected), expected.used);
    proc_clear(&r);
    buf_clear(&expected);
}

/* The first column of the only row, as text. */
static void catalogue_says(struct world *w, const char *sql, const char *expected)
{
    char path[600];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", w->root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), expected);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void test_a_driver_camera(void **state)
{
    struct world *w = *state;
    hands_over(SIMULATE(w, "--dsm", PHOTO, "--driver", "John", "--events", "9", "--trigger",
                        "dsm-event", "--lat", "54.7", "--lon", "-25.25"),
               "1 files");
    stop_and_compare(w, "352093081452251-driver-photo-20241129T072345Z", PHOTO);
    catalogue_says(w,
                   "SELECT driver || ' ' || events || ' ' || trigger_name || ' ' || lat_deg || ' ' "
                   "|| lon_deg FROM transfer",
                   "John 9 dsm-event 54.7 -25.25");
    catalogue_says(w, "SELECT CAST(path AS TEXT) FROM transfer", "dsm/picture/241129/072345.jpg");
}

static void test_what_is_known_of_a_driver_camera_is_shown(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = {"  driver     John\n", "  events     drowsiness,phone\n",
                                        "  PATH       dsm/picture/241129/072345.jpg\n"};
    hands_over(SIMULATE(w, "--dsm", PHOTO, "--driver", "John", "--events", "9"), "1 files");
    struct proc_result r =
        proc_run((const char *const[]){DASHSPOOL_BINARY, "--root", w->root, "show",
                                       "352093081452251-driver-photo-20241129T072345Z", NULL});
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(proc_out(&r), lines[i]))
            fail_msg("no %sin %s", lines[i], proc_out(&r));
    proc_clear(&r);
    assert_int_equal(proc_stop(&w->receiver, SIGTERM), 0);
}

static void test_what_is_no_video_though_its_name_says_so_is_stored_and_told(void **state)
{
    struct world *w = *state;
    hands_over(SIMULATE(w, "--adas", TEXT), "1 files");
    stop_and_compare(w, "352093081452251-road-video-20241129T072345Z", TEXT);
    struct buf log = support_read(w->log);
    struct err err;
    assert_ok(buf_append(&log, "", 1, &err));
    if (!strstr((const char *)buf_data(&log), "kind=video content=\"neither photo nor video\""))
        fail_msg("%s", (const char *)buf_data(&log));
    buf_clear(&log);
}

static void test_protocol_6_with_errors_and_a_connection_that_breaks(void **state)
{
    struct world *w = *state;
    hands_over(
        SIMULATE(w, "--adas", CLIP, "--protocol", "6", "--enhanced", "--fault", "disconnect=300"),
        "0 files");
    hands_over(SIMULATE(w, "--adas", CLIP, "--protocol", "6", "--enhanced", "--fault", "crc=310",
                        "--fault", "drop=350", "--fault", "sync-twice=400", "--fault",
                        "start-twice"),
               "1 files");
    stop_and_compare(w, "352093081452251-road-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT count(*) FROM transfer", "1");
    catalogue_says(w, "SELECT max(from_bytes) FROM arrival", "306176"); /* 299 frames */
    catalogue_says(w, "SELECT json_extract(CAST(meta AS TEXT), '$.file.duration') FROM transfer",
                   "10");
}

static void test_packets_with_errors_and_a_connection_that_breaks(void **state)
{
    struct world *w = *state;
    hands_over(SIMULATE(w, "--rear", CLIP, "--fault", "disconnect=300"), "0 files");
    hands_over(SIMULATE(w, "--rear", CLIP, "--fault", "crc=310", "--fault", "in-flight=4",
                        "--fault", "drop=400"),
               "1 files");
    stop_and_compare(w, "352093081452251-rear-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT max(from_bytes) FROM arrival", "306176");
    catalogue_says(w, "SELECT connections FROM transfer", "2");
}

static sqlite3 *lock_catalogue(struct world *w)
{
    char path[600];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", w->root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void test_a_camera_waits_while_the_store_fails_and_is_then_acknowledged(void **state)
{
    struct world *w = *state;
    char log[600];
    snprintf(log, sizeof log, "%s/camera.log", w->dir);
    sqlite3 *db = lock_catalogue(w);
    struct proc camera =
        proc_start(log, (const char *const[]){DASHSPOOL_BINARY, "simulate", "--to", w->address,
                                              "--imei", "352093081452251", "--time",
                                              "2024-11-29T07:23:45Z", "--rear", CLIP, NULL});
    proc_wait_for(&w->receiver, "no camera is acknowledged", NULL, 0);
    bool told = false;
    while (!told) { /* it tells once a second */
        struct proc_result r =
            proc_run((const char *const[]){DASHSPOOL_BINARY, "--root", w->root, "status", NULL});
        told = r.status == 1 && strstr(proc_out(&r), "database is locked");
        proc_clear(&r);
    }
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    proc_wait_for(&w->receiver, "the trouble is over", NULL, 0);
    (void)proc_stop(&camera, 0); /* it may have been sent away before its data were taken … */
    hands_over(SIMULATE(w, "--rear", CLIP), "1 files"); /* … then it comes again */
    stop_and_compare(w, "352093081452251-rear-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT count(*) FROM transfer", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_driver_camera, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_known_of_a_driver_camera_is_shown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_what_is_no_video_though_its_name_says_so_is_stored_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_protocol_6_with_errors_and_a_connection_that_breaks,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_camera_waits_while_the_store_fails_and_is_then_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_packets_with_errors_and_a_connection_that_breaks,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Cameras that hand their files over by path, with the program that a person runs: what is stored
 * is what the camera had, whatever went wrong on the way, and what its metadata say is known.
 */
#include "support/workplace.h"
#include <signal.h>
#include <sqlite3.h>
#include <string.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define TEXT  TEST_SAMPLES "/LICENSES.md"

static int set_up(void **state)
{
    workplace_set_up(state);
    struct workplace *w = *state;
    support_configure(w->root, "[receive]\nlisten = 127.0.0.1:0\n");
    workplace_start(w, DASHSPOOL_BINARY, "receive");
    workplace_listens(w);
    return 0;
}

#define SIMULATE(w, ...)                                                                      \
    PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", (w)->address, "--imei", "352093081452251", \
             "--time", "2024-11-29T07:23:45Z", __VA_ARGS__)

static void stop_and_compare(struct workplace *w, const char *id, const char *original)
{
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    struct buf expected = support_read(original);
    struct proc_result r = DASHSPOOL(w->root, "cat", id);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out.used, expected.used);
    assert_memory_equal(buf_data(&r.out), buf_data(&expected), expected.used);
    proc_clear(&r);
    buf_clear(&expected);
}

/* The first column of the only row, as text. */
static void catalogue_says(struct workplace *w, const char *sql, const char *expected)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(support_path(w->root, "catalogue.db"), &db), SQLITE_OK);
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
    struct workplace *w = *state;
    expect_err(SIMULATE(w, "--dsm", PHOTO, "--driver", "John", "--events", "9", "--trigger",
                        "dsm-event", "--lat", "54.7", "--lon", "-25.25"),
               0, "files uploaded: 1,");
    stop_and_compare(w, "352093081452251-driver-photo-20241129T072345Z", PHOTO);
    catalogue_says(w,
                   "SELECT driver || ' ' || events || ' ' || trigger_name || ' ' || lat_deg || ' ' "
                   "|| lon_deg FROM transfer",
                   "John 9 dsm-event 54.7 -25.25");
    catalogue_says(w, "SELECT CAST(path AS TEXT) FROM transfer", "dsm/picture/241129/072345.jpg");
}

static void test_what_is_known_of_a_driver_camera_is_shown(void **state)
{
    struct workplace *w = *state;
    static const char *const lines[] = {"  driver     John\n", "  events     drowsiness,phone\n",
                                        "  PATH       dsm/picture/241129/072345.jpg\n"};
    expect_err(SIMULATE(w, "--dsm", PHOTO, "--driver", "John", "--events", "9"), 0,
               "files uploaded: 1,");
    struct proc_result r =
        DASHSPOOL(w->root, "show", "352093081452251-driver-photo-20241129T072345Z");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_has(proc_out(&r), lines[i]);
    proc_clear(&r);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static void test_what_is_no_video_though_its_name_says_so_is_stored_and_told(void **state)
{
    struct workplace *w = *state;
    expect_err(SIMULATE(w, "--adas", TEXT), 0, "files uploaded: 1,");
    stop_and_compare(w, "352093081452251-road-video-20241129T072345Z", TEXT);
    assert_true(support_count(w->log, "kind=video content=unknown") > 0);
}

static void test_protocol_6_with_errors_and_a_connection_that_breaks(void **state)
{
    struct workplace *w = *state;
    expect_err(
        SIMULATE(w, "--adas", CLIP, "--protocol", "6", "--enhanced", "--fault", "disconnect=300"),
        0, "files uploaded: 0,");
    expect_err(SIMULATE(w, "--adas", CLIP, "--protocol", "6", "--enhanced", "--fault", "crc=310",
                        "--fault", "drop=350", "--fault", "sync-twice=400", "--fault",
                        "start-twice"),
               0, "files uploaded: 1,");
    stop_and_compare(w, "352093081452251-road-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT count(*) FROM transfer", "1");
    catalogue_says(w, "SELECT max(from_bytes) FROM arrival", "306176"); /* 299 frames */
    catalogue_says(w, "SELECT json_extract(CAST(meta AS TEXT), '$.file.duration') FROM transfer",
                   "10");
}

static void test_packets_with_errors_and_a_connection_that_breaks(void **state)
{
    struct workplace *w = *state;
    expect_err(SIMULATE(w, "--rear", CLIP, "--fault", "disconnect=300"), 0, "files uploaded: 0,");
    expect_err(SIMULATE(w, "--rear", CLIP, "--fault", "crc=310", "--fault", "in-flight=4",
                        "--fault", "drop=400"),
               0, "files uploaded: 1,");
    stop_and_compare(w, "352093081452251-rear-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT max(from_bytes) FROM arrival", "306176");
    catalogue_says(w, "SELECT connections FROM transfer", "2");
}

static sqlite3 *lock_catalogue(struct workplace *w)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(support_path(w->root, "catalogue.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void test_a_camera_waits_while_the_store_fails_and_is_then_acknowledged(void **state)
{
    struct workplace *w = *state;
    sqlite3 *db = lock_catalogue(w);
    struct proc camera =
        proc_start(support_path(w->dir, "camera.log"),
                   (const char *const[]){DASHSPOOL_BINARY, "simulate", "--to", w->address, "--imei",
                                         "352093081452251", "--time", "2024-11-29T07:23:45Z",
                                         "--rear", CLIP, NULL});
    proc_wait_for(&w->service, "store unavailable, acknowledgements suspended", NULL, 0);
    bool told = false;
    while (!told) { /* it tells once a second */
        struct proc_result r = DASHSPOOL(w->root, "status");
        told = r.status == 1 && strstr(proc_out(&r), "database is locked");
        proc_clear(&r);
    }
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    proc_wait_for(&w->service, "store recovered", NULL, 0);
    (void)proc_stop(&camera, 0); /* it may have been sent away before its data were taken … */
    expect_err(SIMULATE(w, "--rear", CLIP), 0, "files uploaded: 1,"); /* … then it comes again */
    stop_and_compare(w, "352093081452251-rear-video-20241129T072345Z", CLIP);
    catalogue_says(w, "SELECT count(*) FROM transfer", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, set_up, workplace_tear_down)
        E2E(test_a_driver_camera),
        E2E(test_what_is_known_of_a_driver_camera_is_shown),
        E2E(test_what_is_no_video_though_its_name_says_so_is_stored_and_told),
        E2E(test_protocol_6_with_errors_and_a_connection_that_breaks),
        E2E(test_a_camera_waits_while_the_store_fails_and_is_then_acknowledged),
        E2E(test_packets_with_errors_and_a_connection_that_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

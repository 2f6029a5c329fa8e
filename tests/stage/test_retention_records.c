/* What trackers said, in a ROOT's year: it goes when its time is over, with its vehicle, and from
 * backups; and a check finds what is wrong with it. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include "dashspool/retention.h"
#include "dashspool/upkeep.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/tracker.h"
#include "support/upkept.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US     (INT64_C(86400) * 1000000)
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OTHER_IMEI "350000000000006"

static char *root, *dir, told[1 << 13];
static int64_t ahead_us;

int64_t __real_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void);

int64_t __wrap_clock_utc_us(void)
{
    return __real_clock_utc_us() + ahead_us;
}

static int make_root(void **state)
{
    (void)state;
    ahead_us = 0;
    char *place = support_tmp_dir();
    root = strdup(support_path(place, "root"));
    dir = strdup(support_path(place, "backup"));
    *state = place;
    return 0;
}

static int remove_root(void **state)
{
    char *place = *state;
    support_tmp_remove(&place);
    free(root);
    free(dir);
    return 0;
}

/* One transfer of UPKEPT_IMEI, and what its tracker says around it: a record a second from ten
 * minutes before to ten minutes after, and of another tracker likewise. Its clip begins at at_us.
 */
static void fill(int64_t at_us, char id[CATALOGUE_ID_ROOM])
{
    enum { N = 1200 };
    struct err err;
    struct records *r = NULL;
    struct records_done done;
    static struct records_new v[2 * N];
    upkept_add(root, "front", at_us, 5000, true, id);
    upkept_sweep(root, RULES("failed", "90d"), false, told); /* the ROOT has its identity */
    for (int i = 0; i < 2 * N; i++) {
        struct tracker_says says = tracker_says(at_us / 1000 + (i / 2 - N / 2) * 1000);
        says.odometer = (uint64_t)i;
        v[i] = (struct records_new){.imei = i % 2 ? OTHER_IMEI : UPKEPT_IMEI,
                                    .codec = AVL_CODEC_8E,
                                    .arrived_us = clock_utc_us()};
        v[i].bytes = tracker_record(&says, &v[i].n);
    }
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    assert_ok(records_put(r, v, 2 * N, &done, &err));
    assert_int_equal(done.stored, 2 * N);
    records_close(&r);
    for (int i = 0; i < 2 * N; i++)
        free((void *)(uintptr_t)v[i].bytes);
}

static int64_t count(const char *store, const char *imei)
{
    struct err err;
    struct records *r = NULL;
    struct records_sum sum;
    const struct records_query q = {
        .imei = imei, .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT};
    assert_ok(records_open(&r, store, RECORDS_READ, &err));
    assert_ok(records_count(r, &q, &sum, &err));
    records_close(&r);
    return sum.records;
}

static void on_told(void *arg, const char *name, const char *what)
{
    size_t n = strlen(arg);
    snprintf((char *)arg + n, sizeof told - n, "%s: %s\n", name, what);
}

static void on_erased(void *arg, const struct retention_swept *item)
{
    on_told(arg, item->what, item->name);
}

static struct retention_result sweep(const char *days, unsigned how)
{
    struct retention_result r;
    struct err err;
    struct cfg *cfg = upkept_cfg(RULES("telemetry_days", days));
    const struct retention_listener listener = {on_erased, on_told, on_told, NULL, told};
    told[0] = '\0';
    assert_ok(retention_sweep(root, cfg, NULL, how, &listener, &r, &err));
    cfg_free(&cfg);
    return r;
}

static void test_it_goes_by_its_arrival(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    fill(clock_utc_us() - 20 * DAY_US, id);
    ahead_us = 9 * DAY_US;
    struct retention_result r = sweep("10", RETENTION_CLOCK_IS_RIGHT);
    assert_int_equal(r.records, 0);
    ahead_us = 12 * DAY_US;
    r = sweep("10", RETENTION_DRY_RUN);
    assert_true(r.clock_doubted); /* nothing has agreed with it */
    assert_int_equal(r.records, 2400);
    assert_true(r.bytes > 2400 * 80);
    const int64_t dry_bytes = r.bytes;
    r = sweep("10", 0);
    assert_int_equal(r.records, 0);
    r = sweep("0", RETENTION_CLOCK_IS_RIGHT);
    assert_int_equal(r.records, 0);
    assert_int_equal(count(root, NULL), 2400);
    r = sweep("10", RETENTION_CLOCK_IS_RIGHT);
    assert_int_equal(r.troubles, 0);
    assert_int_equal(r.records, 2400);
    assert_int_equal(count(root, NULL), 0);
    assert_true(r.bytes > dry_bytes / 2 && r.bytes < dry_bytes * 2);
    assert_has(told, "records of trackers:: 2400");
    assert_true(upkept_has(root, id)); /* and nothing else */
}

static void test_what_was_asked_for_goes_when_it_was_over_for_long(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request open = {.imei = OTHER_IMEI, .by = "anna"}, over = open;
    const int64_t now_us = clock_utc_us();
    fill(now_us - 20 * DAY_US, id);
    open.what = (struct camreq){.kind = CAMREQ_VERSION};
    over.what = (struct camreq){.kind = CAMREQ_PHOTO, .camera = "front"};
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_add(c, &open, now_us - 500 * DAY_US, &err));
    assert_ok(requests_add(c, &over, now_us - 500 * DAY_US, &err));
    assert_ok(requests_cancel(c, over.id, "anna", now_us - 400 * DAY_US, &err));
    assert_int_equal(sweep("90", RETENTION_CLOCK_IS_RIGHT | RETENTION_DRY_RUN).requests, 1);
    assert_int_equal(sweep("90", RETENTION_CLOCK_IS_RIGHT).requests, 1);
    assert_has(told, "requests that are over:: 1");
    assert_ok(requests_get(c, open.id, &open, &err));
    assert_err(ERR_NOTFOUND, requests_get(c, over.id, &over, &err));
    assert_int_equal(sweep("90", RETENTION_CLOCK_IS_RIGHT).requests, 0);
    catalogue_close(&c);
}

static void put_one(int64_t time_us, int64_t arrived_us)
{
    struct err err;
    struct records *r = NULL;
    const struct tracker_says says = tracker_says(time_us / 1000);
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    tracker_put(r, UPKEPT_IMEI, &says, arrived_us);
    records_close(&r);
}

static int64_t count_odd(void)
{
    struct err err;
    struct records *r = NULL;
    struct records_sum sum;
    const struct records_query q = {
        .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT, .odd = true};
    assert_ok(records_open(&r, root, RECORDS_READ, &err));
    assert_ok(records_count(r, &q, &sum, &err));
    records_close(&r);
    return sum.records;
}

/* A machine whose clock begins anew at each start, and is put right a minute later. */
static void test_what_came_when_the_clock_was_wrong_is_not_old(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    const int64_t now_us = clock_utc_us();
    fill(now_us - DAY_US, id);
    put_one(now_us - 3600000000, 200 * DAY_US);
    put_one(now_us - 50 * DAY_US, 200 * DAY_US);
    put_one(now_us + 50 * DAY_US, 200 * DAY_US); /* nobody's clock was right */
    put_one(100 * DAY_US, now_us);               /* a tracker's */
    assert_int_equal(count_odd(), 4);
    struct retention_result r = sweep("30", RETENTION_DRY_RUN);
    assert_int_equal(r.records, 2);
    r = sweep("30", RETENTION_CLOCK_IS_RIGHT);
    assert_int_equal(r.records, 2);
    assert_int_equal(count_odd(), 2);
    ahead_us = 31 * DAY_US;
    sweep("30", RETENTION_CLOCK_IS_RIGHT);
    assert_int_equal(count_odd(), 0);
    assert_int_equal(count(root, NULL), 0);
}

static struct retention_result erase(const struct retention_erasing *what)
{
    struct retention_result r;
    struct err err;
    const struct retention_listener listener = {on_erased, on_told, on_told, NULL, told};
    told[0] = '\0';
    assert_ok(retention_erase(root, what, &listener, &r, &err));
    return r;
}

static void test_a_recording_takes_what_was_said_around_it(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    const int64_t at_us = clock_utc_us() - 3600000000;
    struct err err;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    fill(at_us, id);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, id, &t, &err));
    t.known |= CATALOGUE_TIME_OK;
    t.time_us = at_us;
    t.length_s = 10;
    assert_ok(catalogue_transfer_update(c, &t, &err));
    catalogue_close(&c);
    const char *ids[] = {id};
    struct retention_erasing what = {
        .ids = ids, .n = 1, .reason = "asked for", .who = "a test", .dry_run = true};
    struct retention_result r = erase(&what);
    const int64_t records = r.records;
    assert_in_range(records, 130, 131); /* a minute before and after, and the clip */
    assert_int_equal(count(root, UPKEPT_IMEI), 1200);
    what.dry_run = false;
    r = erase(&what);
    assert_int_equal(r.troubles, 0);
    assert_int_equal(r.records, records);
    assert_int_equal(count(root, UPKEPT_IMEI), 1200 - records);
    assert_int_equal(count(root, OTHER_IMEI), 1200);
}

static void test_a_vehicle_takes_all_that_it_said(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    const int64_t at_us = clock_utc_us() / 1000000 * 1000000 - 3600000000;
    fill(at_us, id);
    struct retention_erasing what = {.imei = UPKEPT_IMEI,
                                     .since_us = at_us - 300000000,
                                     .until_us = at_us - 200000000,
                                     .reason = "asked for",
                                     .who = "a test"};
    struct retention_result r = erase(&what);
    assert_int_equal(r.records, 100); /* its end is not in it */
    what.since_us = what.until_us = 0;
    r = erase(&what);
    assert_int_equal(r.records, 1100);
    assert_int_equal(r.masters, 1);
    assert_has(told, "records of trackers:: 1100");
    assert_int_equal(count(root, UPKEPT_IMEI), 0);
    assert_int_equal(count(root, OTHER_IMEI), 1200);
}

static bool on_progress(void *arg, const char *where, double done)
{
    (void)arg, (void)where, (void)done;
    return true;
}

static struct upkeep_backup_result back_up(void)
{
    struct err err;
    struct upkeep_backup_result r;
    const struct upkeep_progress progress = {on_progress, on_told, told, NULL};
    const struct upkeep_settings no_settings = {NULL, NULL};
    told[0] = '\0';
    assert_ok(upkeep_backup(root, dir, &no_settings, &progress, &r, &err));
    assert_string_equal(told, "");
    return r;
}

static void test_a_backup_has_it_and_loses_what_was_erased(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    struct err err;
    struct records *r = NULL;
    fill(clock_utc_us() - 3600000000, id);
    back_up();
    assert_int_equal(count(dir, NULL), 2400);
    struct upkeep_backup_result again = back_up();
    assert_true(again.kept > 0);
    assert_ok(records_open(&r, dir, RECORDS_WRITE, &err)); /* it is a ROOT */
    records_close(&r);
    const struct retention_erasing what = {
        .imei = UPKEPT_IMEI, .reason = "asked for", .who = "a test"};
    erase(&what);
    back_up();
    assert_int_equal(count(dir, UPKEPT_IMEI), 0);
    assert_int_equal(count(dir, OTHER_IMEI), 1200);
    const struct retention_erasing other = {
        .imei = OTHER_IMEI, .reason = "asked for", .who = "a test"};
    erase(&other);
    back_up();
    assert_int_equal(count(dir, NULL), 0);
}

static void test_a_check_looks_at_it(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM], problems[8192], day[CLOCK_DATE_ROOM], path[700];
    const int64_t at_us = clock_utc_us() - 3600000000;
    fill(at_us, id);
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
    clock_date(at_us, day);
    snprintf(path, sizeof path, "%s/telemetry/%s.db", root, day);
    sql_change(path, "UPDATE record SET speed_kmh = 30 WHERE n = 7");
    upkept_fsck(root, problems);
    assert_has(problems, "record 7: its columns are not what its bytes say");
    snprintf(path, sizeof path, "%s/telemetry/2026-01-01.db.aside-1", root);
    support_write(path, "x", 1);
    upkept_fsck(root, problems);
    assert_has(problems, "was set aside");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
        T(test_what_was_asked_for_goes_when_it_was_over_for_long),
        T(test_it_goes_by_its_arrival),
        T(test_what_came_when_the_clock_was_wrong_is_not_old),
        T(test_a_recording_takes_what_was_said_around_it),
        T(test_a_vehicle_takes_all_that_it_said),
        T(test_a_backup_has_it_and_loses_what_was_erased),
        T(test_a_check_looks_at_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The trackers' records checked, copied and deleted, while others write them. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/records.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/tracker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-11-21T02:55:54Z */
#define AT_MS      INT64_C(1795229754000)
#define DAY_MS     INT64_C(86400000)
#define OTHER_IMEI "350000000000006"

static char *root, *dir;
static struct records *stage, *store; /* the one that writes; who looks after it */

static int setup(void **state)
{
    struct err err;
    (void)state;
    root = support_tmp_dir();
    dir = strdup(support_path(root, "telemetry"));
    tracker_root(root, 1);
    assert_ok(records_open(&stage, root, RECORDS_WRITE, &err));
    assert_ok(records_open(&store, root, RECORDS_READ, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    records_close(&store);
    records_close(&stage);
    support_tmp_remove(&root);
    free(dir);
    return 0;
}

static const char *db(const char *name)
{
    return support_path(dir, name);
}

/* n records of one tracker from a time on, one a second; their odometer tells them apart. */
static void put(const char *imei, int64_t from_ms, int n, int64_t arrived_ms)
{
    struct err err;
    struct records_done done;
    struct records_new *v = calloc((size_t)n, sizeof *v);
    assert_non_null(v);
    for (int i = 0; i < n; i++) {
        struct tracker_says says = tracker_says(from_ms + i * 1000);
        says.odometer = (uint64_t)(1000000 + i);
        v[i] = (struct records_new){
            .imei = imei, .codec = AVL_CODEC_8E, .arrived_us = arrived_ms * 1000};
        v[i].bytes = tracker_record(&says, &v[i].n);
    }
    assert_ok(records_put(stage, v, (size_t)n, &done, &err));
    assert_string_equal(done.aside, "");
    for (int i = 0; i < n; i++)
        free((void *)(uintptr_t)v[i].bytes);
    free(v);
}

static const struct records_query all_of_it = {.until_ms = INT64_MAX,
                                               .event_id = RECORDS_ANY_EVENT};

static int64_t count(const char *imei)
{
    struct err err;
    struct records_sum days, odd;
    struct records_query q = all_of_it;
    q.imei = imei;
    assert_ok(records_count(store, &q, &days, &err));
    q.odd = true;
    assert_ok(records_count(store, &q, &odd, &err));
    return days.records + odd.records;
}

static int64_t disk_bytes(void)
{
    struct err err;
    struct fsx_names names;
    struct stat st;
    int64_t n = 0;
    assert_ok(fsx_list(dir, &names, &err));
    for (size_t i = 0; i < names.n; i++)
        n += stat(db(names.name[i]), &st) == 0 && !strstr(names.name[i], "latest") ? st.st_size : 0;
    fsx_names_clear(&names);
    return n;
}

/* Whether n bytes are in any file of the store. */
static bool is_in_files(const void *bytes, size_t n)
{
    struct err err;
    struct fsx_names names;
    bool found = false;
    assert_ok(fsx_list(dir, &names, &err));
    for (size_t i = 0; i < names.n; i++) {
        struct buf b = support_read(db(names.name[i]));
        const uint8_t *p = buf_data(&b);
        for (size_t at = 0; !found && at + n <= b.used; at++)
            found = p[at] == *(const uint8_t *)bytes && memcmp(p + at, bytes, n) == 0;
        buf_clear(&b);
    }
    fsx_names_clear(&names);
    return found;
}

/* The end of a record's bytes: what only this tracker's record of that second has. */
static bool holds(int64_t time_ms, int i)
{
    struct tracker_says says = tracker_says(time_ms);
    says.odometer = (uint64_t)(1000000 + i);
    size_t n;
    uint8_t *bytes = tracker_record(&says, &n);
    bool found = is_in_files(bytes + 2, 30) || is_in_files(bytes, n);
    free(bytes);
    return found;
}

/* ---- gone ---- */

static int troubles;
static char trouble_text[700];

static void on_trouble(void *arg, const char *name, const char *why)
{
    (void)arg;
    troubles++;
    snprintf(trouble_text, sizeof trouble_text, "%s: %s", name, why);
}

static struct records_gone expire(int64_t before_ms, bool dry)
{
    struct err err;
    struct records_gone gone;
    troubles = 0;
    assert_ok(records_expire(store, before_ms * 1000, dry, on_trouble, NULL, &gone, &err));
    return gone;
}

static struct records_gone erase(const char *imei, int64_t from_ms, int64_t until_ms, bool dry)
{
    struct err err;
    struct records_gone gone;
    troubles = 0;
    struct records_span span = {.from_ms = from_ms, .until_ms = until_ms};
    snprintf(span.imei, sizeof span.imei, "%s", imei);
    assert_ok(records_erase(store, &span, 1, dry, on_trouble, NULL, &gone, &err));
    return gone;
}

static bool is_about(int64_t a, int64_t b)
{
    return a > b - b / 4 - 16384 && a < b + b / 4 + 16384;
}

/* By arrival: what came late of the same day stays. */
static void test_what_arrived_before_goes(void **state)
{
    (void)state;
    enum { N = 4000, LATE = 100 };
    put(TRACKER_IMEI, AT_MS - 3 * DAY_MS, N, AT_MS - 3 * DAY_MS + N * 1000);
    put(OTHER_IMEI, AT_MS - 3 * DAY_MS + 1, LATE, AT_MS);         /* of that day, and came later */
    put(TRACKER_IMEI, AT_MS - 4 * DAY_MS, N, AT_MS - 3 * DAY_MS); /* all of its day */
    put(TRACKER_IMEI, AT_MS, N, AT_MS + N * 1000);
    put(TRACKER_IMEI, 0, 50, AT_MS - 3 * DAY_MS); /* odd */
    put(TRACKER_IMEI, 3600000, 50, AT_MS);
    const int64_t limit = AT_MS - DAY_MS;
    assert_true(holds(AT_MS - 3 * DAY_MS, 0));

    struct records_gone dry = expire(limit, true);
    assert_int_equal(dry.records, 2 * N + 50);
    assert_int_equal(dry.files, 1);
    assert_int_equal(count(NULL), 3 * N + LATE + 100);
    int64_t before = disk_bytes();
    struct records_gone gone = expire(limit, false);
    assert_int_equal(troubles, 0);
    assert_int_equal(gone.records, 2 * N + 50);
    assert_int_equal(gone.files, 1);
    assert_int_equal(count(NULL), N + LATE + 50);
    assert_int_equal(count(OTHER_IMEI), LATE);
    assert_true(is_about(gone.bytes, before - disk_bytes()));
    assert_true(gone.bytes > 2 * N * 100);
    assert_true(is_about(dry.bytes, gone.bytes));
    assert_false(support_exists(db("2026-11-17.db")));
    for (int i = 0; i < N; i += 37) {
        assert_false(holds(AT_MS - 3 * DAY_MS + i * 1000, i));
        assert_false(holds(AT_MS - 4 * DAY_MS + i * 1000, i));
    }
    assert_true(holds(AT_MS, 0));
    gone = expire(limit, false); /* again: nothing */
    assert_int_equal(gone.records + gone.files + gone.bytes, 0);
    put(TRACKER_IMEI, AT_MS - 4 * DAY_MS, 10, AT_MS); /* who has the deleted file open goes on */
    assert_int_equal(count(TRACKER_IMEI), N + 50 + 10);
}

static int no_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)err;
    *(struct records_latest *)arg = *latest;
    return ERR_OK;
}

static void test_the_latest_goes_with_its_records(void **state)
{
    (void)state;
    struct err err;
    struct records_latest l;
    put(TRACKER_IMEI, AT_MS - 3 * DAY_MS, 10, AT_MS - 3 * DAY_MS);
    put(OTHER_IMEI, AT_MS, 10, AT_MS + 10000);
    expire(AT_MS - DAY_MS, false);
    assert_err(ERR_NOTFOUND, records_latest(store, TRACKER_IMEI, no_latest, &l, &err));
    assert_ok(records_latest(store, OTHER_IMEI, no_latest, &l, &err));
    put(OTHER_IMEI, AT_MS - DAY_MS, 10, AT_MS);
    erase(OTHER_IMEI, AT_MS - 3600000, INT64_MAX, false);
    assert_ok(records_latest(store, OTHER_IMEI, no_latest, &l, &err));
    assert_int_equal(l.time_ms, AT_MS - DAY_MS + 9000); /* what is left says so */
    erase(OTHER_IMEI, 0, INT64_MAX, false);
    assert_err(ERR_NOTFOUND, records_latest(store, OTHER_IMEI, no_latest, &l, &err));
    assert_false(is_in_files(OTHER_IMEI, 15));
    put(TRACKER_IMEI, AT_MS, 1, AT_MS); /* and it goes on */
    assert_ok(records_latest(store, TRACKER_IMEI, no_latest, &l, &err));
}

static void test_what_is_erased_is_in_no_file(void **state)
{
    (void)state;
    enum { N = 3000 };
    /* one between the other, so that pages are split and moved */
    for (int i = 0; i < 10; i++) {
        put(TRACKER_IMEI, AT_MS - i * N / 10 * 1000, N / 10, AT_MS);
        put(OTHER_IMEI, AT_MS - 1 - i * N / 10 * 1000, N / 10, AT_MS);
    }
    put(TRACKER_IMEI, AT_MS - 2 * DAY_MS, 20, AT_MS);
    put(TRACKER_IMEI, 0, 20, AT_MS);
    assert_int_equal(count(TRACKER_IMEI), N + 40);
    assert_true(holds(AT_MS, 0));

    struct records_gone dry = erase(TRACKER_IMEI, AT_MS - DAY_MS, AT_MS + DAY_MS, true);
    assert_int_equal(dry.records, N + 20); /* of odd.db: by arrival */
    struct records_gone gone = erase(TRACKER_IMEI, AT_MS - DAY_MS, AT_MS + DAY_MS, false);
    assert_int_equal(troubles, 0);
    assert_int_equal(gone.records, N + 20);
    assert_int_equal(count(TRACKER_IMEI), 20);
    assert_int_equal(count(OTHER_IMEI), N);
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < N / 10; k += 7)
            assert_false(holds(AT_MS - i * N / 10 * 1000 + k * 1000, k));
    assert_true(holds(AT_MS - 2 * DAY_MS, 0));
    assert_true(holds(AT_MS - 1, 0));
    assert_true(is_in_files(TRACKER_IMEI, 15));
    erase(TRACKER_IMEI, 0, INT64_MAX, false);
    assert_false(is_in_files(TRACKER_IMEI, 15));
    assert_int_equal(count(NULL), N);
    /* a file that it left empty is there still, for the backup's sake, and goes later */
    assert_true(support_exists(db("2026-11-19.db")));
    expire(AT_MS - DAY_MS, false);
    assert_true(support_exists(db("2026-11-19.db")));
    expire(clock_utc_us() / 1000 + 1000, false);
    assert_false(support_exists(db("2026-11-19.db")));
}

/* A kill between the deletion and the writing anew: the next call makes it good. */
static void test_an_erasure_that_was_cut_short_is_made_good(void **state)
{
    (void)state;
    put(TRACKER_IMEI, AT_MS, 500, AT_MS);
    put(OTHER_IMEI, AT_MS + 1, 5, AT_MS);
    records_close(&store);
    records_close(&stage);
    sql_change(db("2026-11-21.db"), "PRAGMA secure_delete=OFF; DELETE FROM record WHERE tracker = "
                                    "(SELECT id FROM tracker WHERE imei = '" TRACKER_IMEI
                                    "'); DELETE FROM tracker WHERE imei = '" TRACKER_IMEI "';"
                                    "INSERT INTO gone VALUES(1, 1, 100000, 1, 1)");
    struct err err;
    assert_ok(records_open(&stage, root, RECORDS_WRITE, &err));
    assert_ok(records_open(&store, root, RECORDS_READ, &err));
    int left = 0;
    for (int i = 0; i < 500; i += 7)
        left += holds(AT_MS + i * 1000, i);
    assert_true(left > 0);
    struct records_gone gone = erase(TRACKER_IMEI, 0, INT64_MAX, false);
    assert_int_equal(gone.records, 0);
    for (int i = 0; i < 500; i += 7)
        assert_false(holds(AT_MS + i * 1000, i));
}

/* Of two cameras of one vehicle, say, and of another. */
static void test_spans_that_overlap_are_counted_once(void **state)
{
    (void)state;
    struct err err;
    struct records_gone gone;
    const struct records_span spans[] = {{TRACKER_IMEI, AT_MS + 20000, AT_MS + 40000},
                                         {OTHER_IMEI, AT_MS, AT_MS + 1000},
                                         {TRACKER_IMEI, AT_MS + 10000, AT_MS + 30000},
                                         {TRACKER_IMEI, AT_MS + 12000, AT_MS + 13000},
                                         {TRACKER_IMEI, AT_MS + 90000, AT_MS + 90000}};
    put(TRACKER_IMEI, AT_MS, 100, AT_MS);
    put(OTHER_IMEI, AT_MS, 100, AT_MS);
    for (int dry = 1; dry >= 0; dry--) {
        assert_ok(records_erase(store, spans, 5, dry, on_trouble, NULL, &gone, &err));
        assert_int_equal(gone.records, 31 + 1 + 2);
    }
    assert_int_equal(count(TRACKER_IMEI), 100 - 32);
    assert_int_equal(count(OTHER_IMEI), 98);
}

static void test_what_was_set_aside_is_named(void **state)
{
    (void)state;
    put(TRACKER_IMEI, AT_MS, 5, AT_MS);
    support_write(db("2026-11-19.db.aside-1795229754000000"), "x", 1);
    erase(TRACKER_IMEI, 0, INT64_MAX, false);
    assert_int_equal(troubles, 1);
    assert_has(trouble_text, "2026-11-19.db.aside-1795229754000000: was set aside");
}

static void test_a_file_that_cannot_be_read_keeps_no_other(void **state)
{
    (void)state;
    put(TRACKER_IMEI, AT_MS - 5 * DAY_MS, 5, AT_MS - 5 * DAY_MS);
    put(TRACKER_IMEI, AT_MS - 3 * DAY_MS, 5, AT_MS - 3 * DAY_MS);
    support_write(db("2026-11-17.db"), "this is no database, and it is long enough", 42);
    struct records_gone gone = expire(AT_MS - DAY_MS, false);
    assert_int_equal(gone.records, 10);
    assert_int_equal(troubles, 1);
    assert_has(trouble_text, "2026-11-17");
}

/* ---- checked ---- */

static int flaws;
static char flaw_text[4096];

static int on_flaw(void *arg, const char *text, struct err *err)
{
    (void)arg, (void)err;
    flaws++;
    snprintf(flaw_text + strlen(flaw_text), sizeof flaw_text - strlen(flaw_text), "%s\n", text);
    return ERR_OK;
}

static void check(const char *name)
{
    struct err err;
    flaws = 0;
    flaw_text[0] = '\0';
    struct records_sum sum;
    assert_ok(records_check(store, name, on_flaw, NULL, &sum, &err));
}

static void test_a_check_finds_what_was_changed(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *says;
    } all[] = {
        {"UPDATE record SET latitude_e7 = latitude_e7 + 1 WHERE n = 2",
         "record 2: its columns are not what its bytes say"},
        {"UPDATE record SET flags = 1 WHERE n = 3", "record 3: its columns"},
        {"UPDATE record SET ms = ms + 1 WHERE n = 4", "record 4: its time"},
        {"UPDATE record SET bytes = (SELECT bytes FROM record WHERE n = 6) WHERE n = 5",
         "record 5: its bytes are not those that were received"},
        {"UPDATE record SET bytes = x'00' WHERE n = 6", "record 6: its bytes are not a record"},
        {"UPDATE record SET arrived_ms = arrived_ms + 86400000000 WHERE n = 7",
         "record 7: it belongs into another file"},
        {"UPDATE record SET tracker = 9 WHERE n = 8", "record 8: its tracker is missing"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        put(TRACKER_IMEI, AT_MS, 10, AT_MS + 20000);
        check("2026-11-21");
        assert_int_equal(flaws, 0);
        sql_change(db("2026-11-21.db"), all[i].sql);
        check("2026-11-21");
        assert_has(flaw_text, all[i].says);
        assert_int_equal(flaws, 1);
        erase(TRACKER_IMEI, 0, INT64_MAX, false);
        records_close(&stage); /* and as new */
        records_close(&store);
        assert_ok(fsx_remove_tree(dir, &err));
        tracker_root(root, 1);
        assert_ok(records_open(&stage, root, RECORDS_WRITE, &err));
        assert_ok(records_open(&store, root, RECORDS_READ, &err));
    }
    put(TRACKER_IMEI, 0, 10, AT_MS);
    check("odd");
    assert_int_equal(flaws, 0);
    check("latest");
    assert_int_equal(flaws, 0);
    sql_change(db("odd.db"), "UPDATE root SET id = x'07070707070707070707070707070707'");
    records_close(&store);
    assert_ok(records_open(&store, root, RECORDS_READ, &err));
    check("odd");
    assert_int_equal(flaws, 1);
    assert_has(flaw_text, "another ROOT");
}

static char listed[1000];

static int list(void *arg, const char *name, bool is_ours, struct err *err)
{
    (void)arg, (void)err;
    size_t n = strlen(listed);
    snprintf(listed + n, sizeof listed - n, "%s%s ", is_ours ? "" : "?", name);
    return ERR_OK;
}

static void test_files_are_listed_by_name(void **state)
{
    (void)state;
    struct err err;
    put(TRACKER_IMEI, AT_MS, 1, AT_MS);
    put(TRACKER_IMEI, AT_MS - DAY_MS, 1, AT_MS);
    put(TRACKER_IMEI, 0, 1, AT_MS);
    support_write(db("notes.txt"), "x", 1);
    listed[0] = '\0';
    assert_ok(records_files(store, list, NULL, &err));
    assert_string_equal(listed, "2026-11-20 2026-11-21 ?notes.txt odd ");
}

/* ---- copied ---- */

static void test_a_copy_is_whole_and_made_once(void **state)
{
    (void)state;
    struct err err;
    bool same;
    char *copy = strdup(support_path(root, "copy.db")),
         *next = strdup(support_path(root, "next.db"));
    put(TRACKER_IMEI, AT_MS, 10, AT_MS);
    put(OTHER_IMEI, AT_MS, 10, AT_MS);
    assert_ok(records_backup(store, "2026-11-21", copy, NULL, &same, &err));
    assert_false(same);
    assert_int_equal(support_entries_like(copy), 1); /* with nothing beside it */
    assert_int_equal(sql_run(copy, "SELECT count(*) FROM record"), 20);
    assert_ok(records_backup(store, "2026-11-21", next, copy, &same, &err));
    assert_true(same);
    assert_false(support_exists(next));
    put(TRACKER_IMEI, AT_MS + 60000, 1, AT_MS);
    assert_ok(records_backup(store, "2026-11-21", next, copy, &same, &err));
    assert_false(same);
    assert_int_equal(sql_run(next, "SELECT count(*) FROM record"), 21);
    assert_int_equal(rename(next, copy), 0);
    erase(TRACKER_IMEI, 0, INT64_MAX, false);
    assert_ok(records_backup(store, "2026-11-21", next, copy, &same, &err));
    assert_false(same);
    assert_int_equal(sql_run(next, "SELECT count(*) FROM record"), 10);
    free(copy);
    free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_what_arrived_before_goes),
        T(test_the_latest_goes_with_its_records),
        T(test_what_is_erased_is_in_no_file),
        T(test_an_erasure_that_was_cut_short_is_made_good),
        T(test_spans_that_overlap_are_counted_once),
        T(test_what_was_set_aside_is_named),
        T(test_a_file_that_cannot_be_read_keeps_no_other),
        T(test_a_check_finds_what_was_changed),
        T(test_files_are_listed_by_name),
        T(test_a_copy_is_whole_and_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

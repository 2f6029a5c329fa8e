/* The store of trackers' records when memory, disk or the process fails at each single call. */
#include "dashspool/fsx.h"
#include "dashspool/records.h"
#include "support/inject.h"
#include "support/tracker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_MS      INT64_C(1795229754000)
#define DAY_MS     INT64_C(86400000)
#define OTHER_IMEI "350000000000006"

/* Six files, so that one wait for the disk is for all of them; one of them is odd.db. */
enum { DAYS = 5, FIRST = DAYS + 2 };

static struct records_new made(const char *imei, int64_t time_ms)
{
    struct records_new r = {
        .imei = imei, .codec = AVL_CODEC_8E, .arrived_us = (AT_MS + 1000) * 1000};
    const struct tracker_says says = tracker_says(time_ms);
    r.bytes = tracker_record(&says, &r.n);
    return r;
}

/* What was told to be on disk; by its place in `all`. */
struct told {
    bool stored[FIRST + 1];
};

static struct records_new all[FIRST + 1];

static void make_all(void)
{
    for (int i = 0; i < DAYS; i++)
        all[i] = made(TRACKER_IMEI, AT_MS - i * DAY_MS);
    all[DAYS] = made(TRACKER_IMEI, 0);
    all[DAYS + 1] = made(OTHER_IMEI, AT_MS);
    all[FIRST] = made(TRACKER_IMEI, AT_MS + 1000);
}

static int put(struct records *r, size_t from, size_t n, struct told *told, struct err *err)
{
    struct records_new v[FIRST + 1];
    struct records_done done;
    memcpy(v, all + from, n * sizeof *v);
    int rc = records_put(r, v, n, &done, err);
    for (size_t i = 0; i < n; i++) {
        if (rc == ERR_OK)
            assert_int_not_equal(v[i].state, RECORDS_MISSING);
        if (v[i].state != RECORDS_MISSING)
            told->stored[from + i] = true;
    }
    assert_string_equal(done.aside, "");
    return rc;
}

static void on_trouble(void *arg, const char *name, const char *why)
{
    (void)name;
    err_set(arg, ERR_IO, "%s", why);
}

static int erase(struct records *r, struct err *err)
{
    struct records_gone gone;
    struct err trouble = {0};
    const struct records_span all_of_it = {.imei = OTHER_IMEI, .until_ms = INT64_MAX};
    int rc = records_erase(r, &all_of_it, 1, false, on_trouble, &trouble, &gone, err);
    if (rc == ERR_OK && trouble.code < 0)
        rc = (*err = trouble).code;
    return rc;
}

static int work(struct records *r, struct told *told, struct err *err)
{
    int rc;
    if ((rc = put(r, 0, FIRST, told, err)) < 0)
        return rc;
    inject_ack('a');
    if ((rc = put(r, FIRST, 1, told, err)) < 0)
        return rc;
    inject_ack('b');
    if ((rc = erase(r, err)) < 0)
        return rc;
    inject_ack('e');
    return ERR_OK;
}

static int64_t told_of(const struct told *told)
{
    int64_t n = 0;
    for (size_t i = 0; i <= FIRST; i++)
        n += told->stored[i] && strcmp(all[i].imei, TRACKER_IMEI) == 0;
    return n;
}

static int64_t count(struct records *r, const char *imei)
{
    struct err err;
    struct records_sum days, odd;
    struct records_query q = {.imei = imei, .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT};
    assert_ok(records_count(r, &q, &days, &err));
    q.odd = true;
    assert_ok(records_count(r, &q, &odd, &err));
    return days.records + odd.records;
}

static int on_flaw(void *arg, const char *text, struct err *err)
{
    (void)arg, (void)err;
    fail_msg("%s", text);
    return ERR_OK;
}

static int look_at_file(void *arg, const char *name, bool is_ours, struct err *err)
{
    struct records_sum sum;
    if (!is_ours)
        fail_msg("%s is there", name);
    return records_check(arg, name, on_flaw, NULL, &sum, err);
}

static int keep_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)err;
    *(struct records_latest *)arg = *latest;
    return ERR_OK;
}

static void is_right(const char *root)
{
    struct err err;
    struct records *r = NULL;
    struct records_latest latest;
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    assert_ok(records_files(r, look_at_file, r, &err));
    assert_int_equal(count(r, TRACKER_IMEI), FIRST);
    assert_int_equal(count(r, OTHER_IMEI), 0);
    assert_ok(records_latest(r, TRACKER_IMEI, keep_latest, &latest, &err));
    assert_int_equal(latest.time_ms, AT_MS + 1000);
    assert_err(ERR_NOTFOUND, records_latest(r, OTHER_IMEI, keep_latest, &latest, &err));
    records_close(&r);
}

/* Once: what comes next works at once. For ever: it works as soon as the trouble is over. The same
 * handle is used on, as the stage does. */
static bool run_round(enum inject_kind kind, enum inject_how how, long n, bool opened)
{
    char *root = support_tmp_dir();
    struct err err = {0};
    struct records *r = NULL;
    struct told told = {{false}};
    tracker_root(root, 1);
    struct inject_left before = inject_left();
    if (opened) {
        assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
        assert_ok(work(r, &told, &err));
    }
    inject_arm(kind, how, n);
    int rc = opened ? ERR_OK : records_open(&r, root, RECORDS_WRITE, &err);
    if (rc == ERR_OK)
        rc = work(r, &told, &err);
    inject_check_told(rc, &err);
    if (rc == ERR_OK)
        records_close(&r);
    bool more = inject_reached();
    if (how == INJECT_FOR_EVER)
        inject_disarm();
    if (rc < 0) {
        if (!r)
            assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
        assert_true(count(r, TRACKER_IMEI) >= told_of(&told));
        assert_ok(work(r, &told, &err));
    }
    records_close(&r);
    inject_disarm();
    is_right(root);
    inject_check_left(before);
    support_tmp_remove(&root);
    return more;
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    return run_round(kind, how, n, false);
}

static bool round_on_an_open_store(enum inject_kind kind, enum inject_how how, long n)
{
    return run_round(kind, how, n, true);
}

static int work_in_child(const char *root)
{
    struct err err;
    struct records *r = NULL;
    struct told told;
    int rc = records_open(&r, root, RECORDS_WRITE, &err);
    if (rc == ERR_OK)
        rc = work(r, &told, &err);
    records_close(&r);
    return rc;
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[8];
    struct err err;
    struct records *r = NULL;
    struct told told;
    (void)kind;
    (void)how;
    tracker_root(root, 1);
    bool more = inject_killed(work_in_child, root, n, acks, sizeof acks);
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    int64_t stored = count(r, TRACKER_IMEI);
    assert_true(stored >= (strchr(acks, 'b') ? FIRST : strchr(acks, 'a') ? FIRST - 1 : 0));
    if (strchr(acks, 'a') && !strchr(acks, 'b')) /* the erasure has not begun */
        assert_int_equal(count(r, OTHER_IMEI), 1);
    if (strchr(acks, 'e'))
        assert_int_equal(count(r, OTHER_IMEI), 0);
    assert_ok(work(r, &told, &err));
    records_close(&r);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_loses_nothing(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 97, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 97, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_ONCE, 7, round_on_an_open_store);
}

static void test_a_disk_that_fails_loses_nothing(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 13, round_of_failure);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 29, round_of_failure);
}

static void test_a_full_disk_loses_nothing(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 5, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 5, round_of_failure);
}

static void test_a_step_that_fails_loses_nothing(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 5, round_of_failure);
    inject_each(INJECT_STEPS, INJECT_FOR_EVER, 5, round_of_failure);
}

static void test_a_kill_between_changes_loses_nothing_told(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 5, round_of_killing);
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_loses_nothing),
        T(test_a_disk_that_fails_loses_nothing),
        T(test_a_full_disk_loses_nothing),
        T(test_a_step_that_fails_loses_nothing),
        T(test_a_kill_between_changes_loses_nothing_told),
    };
    inject_install();
    make_all();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i <= FIRST; i++)
        free((void *)(uintptr_t)all[i].bytes);
    return failed;
}

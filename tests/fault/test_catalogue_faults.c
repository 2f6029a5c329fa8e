/* The catalogue when memory, disk or the process fails at each single call. */
#include "dashspool/catalogue.h"
#include "support/inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1732865025000000)
#define ID "352093081452251-front-video-20241129T072345Z"

static void fill(struct catalogue_transfer *t)
{
    *t = (struct catalogue_transfer){.state = CATALOGUE_RECEIVING,
                                     .imei = "352093081452251",
                                     .camera = "front",
                                     .kind = "video",
                                     .source = "camera",
                                     .day = "2024-11-29",
                                     .arrived_us = T0,
                                     .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK,
                                     .time_us = T0,
                                     .peer = "10.0.0.1:1",
                                     .trigger_name = "crash"};
    /* more than fits a page: read from an overflow chain, into memory that SQLite must get */
    t->wire.meta_n = sizeof t->wire.meta;
    memset(t->wire.meta, 'm', sizeof t->wire.meta);
    t->wire.path_n = sizeof t->wire.path;
    memset(t->wire.path, 'p', sizeof t->wire.path);
}

static int count_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    int *count = arg;
    if (a->until_bytes != 1000 || strcmp(a->ended, "complete") != 0)
        return err_set(err, ERR_MALFORMED, "arrival of %lld bytes", (long long)a->until_bytes);
    ++*count;
    return ERR_OK;
}

static int count_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    int *count = arg;
    if (strlen(copy->settings) != sizeof copy->settings - 1)
        return err_set(err, ERR_MALFORMED, "copy with settings of another length");
    ++*count;
    return ERR_OK;
}

static int count_transfer(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    int *count = arg;
    struct catalogue_transfer want;
    fill(&want);
    if (strcmp(t->id, ID) != 0 || t->wire.meta_n != want.wire.meta_n ||
        memcmp(&t->wire.meta, want.wire.meta, want.wire.meta_n) != 0)
        return err_set(err, ERR_MALFORMED, "row %s is another one", t->id);
    ++*count;
    return ERR_OK;
}

/* One change of two tables: both or none. */
static int store(struct catalogue *c, struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_arrival a = {.peer = "10.0.0.1:1", .until_bytes = 1000, .ended = "complete"};
    int rc = catalogue_begin(c, err);
    if (rc < 0)
        return rc;
    t->state = CATALOGUE_STORED;
    t->length_bytes = 1000;
    snprintf(t->sha256, sizeof t->sha256, "%064d", 7);
    rc = catalogue_transfer_update(c, t, err);
    if (rc == ERR_OK)
        rc = catalogue_arrival_add(c, t->key, &a, err);
    if (rc == ERR_OK)
        return catalogue_commit(c, err);
    catalogue_rollback(c);
    return rc;
}

static int put_copy(struct catalogue *c, int64_t key, struct err *err)
{
    struct catalogue_copy copy = {.kind = "working", .path = "archive/x.mp4", .length_bytes = 9};
    memset(copy.settings, 's', sizeof copy.settings - 1);
    return catalogue_copy_put(c, key, &copy, err);
}

static int read_all(struct catalogue *c, int64_t key, int *transfers, int *arrivals, int *copies,
                    struct err *err)
{
    struct catalogue_filter stored = {.states = 1 << CATALOGUE_STORED, .imei = "352093081452251"};
    int rc = catalogue_transfer_each(c, &stored, count_transfer, transfers, err);
    if (rc == ERR_OK)
        rc = catalogue_arrival_each(c, key, count_arrival, arrivals, err);
    return rc < 0 ? rc : catalogue_copy_each(c, key, count_copy, copies, err);
}

/* Each step looks first whether an earlier try has done it. */
static int work(struct catalogue *c, struct err *err)
{
    struct catalogue_transfer t;
    struct catalogue_counts counts;
    int transfers = 0, arrivals = 0, copies = 0;
    int rc = catalogue_transfer_get(c, ID, &t, err);
    if (rc == ERR_NOTFOUND) {
        fill(&t);
        rc = catalogue_transfer_add(c, &t, err);
    }
    if (rc < 0)
        return rc;
    inject_ack('a');
    if (t.state == CATALOGUE_RECEIVING && (rc = store(c, &t, err)) < 0)
        return rc;
    inject_ack('s');
    if ((rc = put_copy(c, t.key, err)) < 0)
        return rc;
    inject_ack('c');
    if ((rc = catalogue_count(c, &counts, err)) == ERR_OK)
        rc = read_all(c, t.key, &transfers, &arrivals, &copies, err);
    if (rc == ERR_OK && (transfers != 1 || arrivals != 1 || copies != 1 || counts.stored != 1))
        rc = err_set(err, ERR_MALFORMED, "read %d transfers, %d arrivals, %d copies", transfers,
                     arrivals, copies);
    return rc;
}

/* Exactly what was told to be written is there, now that all is well. */
static void is_right(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct catalogue_counts counts;
    int transfers = 0, arrivals = 0, copies = 0;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, ID, &t, &err));
    assert_ok(catalogue_count(c, &counts, &err));
    assert_int_equal(counts.stored, 1);
    assert_int_equal(counts.receiving + counts.partial, 0);
    assert_ok(read_all(c, t.key, &transfers, &arrivals, &copies, &err));
    assert_int_equal(transfers, 1);
    assert_int_equal(arrivals, 1);
    assert_int_equal(copies, 1);
    catalogue_close(&c);
    inject_check_sound(root, "catalogue.db");
}

/* Once: what comes next works at once. For ever: it works as soon as the trouble is over. The same
 * handle is used on, as the receiver does. */
static bool run_round(enum inject_kind kind, enum inject_how how, long n, bool opened)
{
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    struct err err = {0};
    struct catalogue *c = NULL;
    if (opened)
        assert_ok(catalogue_open(&c, root, true, &err));
    inject_arm(kind, how, n);
    int rc = opened ? ERR_OK : catalogue_open(&c, root, true, &err);
    if (rc == ERR_OK)
        rc = work(c, &err);
    inject_check_told(rc, &err);
    if (rc == ERR_OK)
        catalogue_close(&c);
    bool more = inject_reached();
    if (how == INJECT_FOR_EVER)
        inject_disarm();
    if (rc < 0) {
        if (!c)
            assert_ok(catalogue_open(&c, root, true, &err));
        assert_ok(work(c, &err));
    }
    catalogue_close(&c);
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
    struct catalogue *c = NULL;
    int rc = catalogue_open(&c, root, true, &err);
    if (rc == ERR_OK)
        rc = work(c, &err);
    catalogue_close(&c);
    return rc;
}

/* What was told to be done is done; both tables or none. */
static void has_what_was_told(struct catalogue *c, const char *acks)
{
    struct err err;
    struct catalogue_transfer t;
    int transfers = 0, arrivals = 0, copies = 0;
    int rc = catalogue_transfer_get(c, ID, &t, &err);
    if (rc < 0) {
        assert_int_equal(rc, ERR_NOTFOUND);
        assert_string_equal(acks, "");
        return;
    }
    assert_ok(read_all(c, t.key, &transfers, &arrivals, &copies, &err));
    assert_int_equal(transfers, arrivals);
    assert_int_equal(transfers, t.state == CATALOGUE_STORED);
    assert_true(transfers || !strchr(acks, 's'));
    assert_true(copies || !strchr(acks, 'c'));
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[8];
    struct err err;
    struct catalogue *c = NULL;
    (void)kind;
    (void)how;
    bool more = inject_killed(work_in_child, root, n, acks, sizeof acks);
    assert_ok(catalogue_open(&c, root, true, &err));
    has_what_was_told(c, acks);
    assert_ok(work(c, &err));
    catalogue_close(&c);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_leaves_rows_exact(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 61, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 61, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_ONCE, 7, round_on_an_open_store);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 7, round_on_an_open_store);
}

static void test_a_disk_that_fails_leaves_rows_exact(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 3, round_of_failure);
}

static void test_a_full_disk_leaves_rows_exact(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_step_that_fails_leaves_rows_exact(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_STEPS, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_kill_between_any_two_changes_loses_nothing_told(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 1, round_of_killing);
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_leaves_rows_exact),
        T(test_a_disk_that_fails_leaves_rows_exact),
        T(test_a_full_disk_leaves_rows_exact),
        T(test_a_step_that_fails_leaves_rows_exact),
        T(test_a_kill_between_any_two_changes_loses_nothing_told),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

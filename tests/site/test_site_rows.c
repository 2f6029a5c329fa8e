/* Statements on a site's database: values, transactions, what comes of a lost connection. */
#include "dashspool/site.h"
#include "rows/rows.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const char *const tables[] = {
    "CREATE TABLE t(n bigint PRIMARY KEY, text text COLLATE \"C\", data bytea)",
    "ALTER TABLE t ADD COLUMN small smallint; ALTER TABLE t ADD COLUMN flag boolean",
};

static struct rows *rows, *other;

static int set_up(void **state)
{
    struct err err;
    (void)state;
    engines_use_site();
    assert_ok(rows_open(&rows, site_used(), &err));
    assert_ok(rows_open(&other, site_used(), &err));
    assert_ok(rows_schema(rows, "test", tables, 2, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rows_close(&rows);
    rows_close(&other);
    engines_end();
    return 0;
}

static int insert(struct rows *r, int64_t n, const char *text, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(r, &st, "INSERT INTO t(n, text, data) VALUES(?1, ?2, ?3)", err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, 1, n);
        rows_bind_text(st, 2, text);
        rows_bind_blob(st, 3, "a\0b", 3);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

static int64_t count(struct rows *r)
{
    struct err err;
    struct rows_st *st = NULL;
    bool row;
    int64_t n = -1;
    assert_ok(rows_prepare(r, &st, "SELECT count(*) FROM t WHERE text <> '?1'", &err));
    assert_ok(rows_step(st, &row, &err));
    assert_true(row && rows_int64(st, 0, 0, INT64_MAX, &n));
    rows_finalize(&st);
    return n;
}

static void test_values_come_back_as_they_were(void **state)
{
    struct err err;
    struct rows_st *st = NULL;
    bool row;
    char text[8];
    uint8_t data[8];
    size_t n;
    int64_t v;
    (void)state;
    assert_ok(insert(rows, INT64_MIN, "ä?1", &err));
    assert_ok(rows_exec(rows, "UPDATE t SET small = -7, flag = true", &err));
    assert_ok(rows_prepare(rows, &st,
                           "SELECT n, text, data, small, flag, NULL::text FROM t"
                           " WHERE n = ?1 AND text = ?2",
                           &err));
    rows_bind_int64(st, 1, INT64_MIN);
    rows_bind_text(st, 2, "ä?1");
    assert_ok(rows_step(st, &row, &err));
    assert_true(row);
    assert_true(rows_int64(st, 0, INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MIN);
    assert_false(rows_int64(st, 0, 0, INT64_MAX, &v));
    assert_false(rows_int64(st, 1, 0, INT64_MAX, &v));
    assert_true(rows_text(st, 1, text, sizeof text));
    assert_string_equal(text, "ä?1");
    assert_false(rows_text(st, 1, text, 4));
    assert_true(rows_blob(st, 2, data, sizeof data, &n));
    assert_int_equal(n, 3);
    assert_memory_equal(data, "a\0b", 3);
    assert_false(rows_blob(st, 2, data, 2, &n));
    assert_true(rows_int64(st, 3, -10, 0, &v));
    assert_int_equal(v, -7);
    assert_true(rows_int64(st, 4, 0, 1, &v));
    assert_int_equal(v, 1);
    assert_true(rows_text(st, 5, text, sizeof text));
    assert_string_equal(text, "");
    assert_ok(rows_step(st, &row, &err));
    assert_false(row);
    rows_finalize(&st);
}

static void test_a_transaction_is_all_or_nothing(void **state)
{
    struct err err;
    (void)state;
    assert_ok(rows_begin(rows, &err));
    assert_ok(insert(rows, 1, "a", &err));
    assert_int_equal(count(other), 0);
    rows_rollback(rows);
    assert_int_equal(count(rows), 0);
    assert_ok(rows_begin(rows, &err));
    assert_ok(insert(rows, 1, "a", &err));
    assert_err(ERR_MALFORMED, insert(rows, 1, "b", &err)); /* the key is taken */
    assert_err(ERR_IO, rows_commit(rows, &err));           /* and that undid it */
    assert_false(rows_in_transaction(rows));
    assert_int_equal(count(rows), 0);
}

/* As when the server ends, or the line is cut. */
static void cut(void)
{
    struct err err;
    struct rows_st *st = NULL;
    bool row;
    int64_t pid = 0;
    assert_ok(rows_prepare(rows, &st, "SELECT pg_backend_pid()", &err));
    assert_ok(rows_step(st, &row, &err));
    assert_true(row && rows_int64(st, 0, 1, INT64_MAX, &pid));
    rows_finalize(&st);
    assert_ok(rows_prepare(other, &st, "SELECT pg_terminate_backend(CAST(?1 AS integer))", &err));
    rows_bind_int64(st, 1, pid);
    assert_ok(rows_step(st, &row, &err));
    rows_finalize(&st);
}

static void test_a_lost_connection_is_made_anew_outside_a_transaction(void **state)
{
    struct err err;
    (void)state;
    cut();
    assert_ok(rows_begin(rows, &err));
    assert_ok(insert(rows, 1, "a", &err));
    cut();
    assert_err(ERR_IO, insert(rows, 2, "b", &err));
    assert_err(ERR_IO, insert(rows, 3, "c", &err)); /* not alone, without what went before */
    assert_err(ERR_IO, rows_commit(rows, &err));
    assert_int_equal(count(rows), 0);
    assert_ok(insert(rows, 4, "d", &err));
    assert_int_equal(count(other), 1);
}

static void test_who_waits_for_a_lock_too_long_may_try_again(void **state)
{
    struct err err;
    (void)state;
    assert_ok(rows_begin(other, &err));
    assert_ok(insert(other, 1, "a", &err));
    assert_ok(rows_exec(rows, "SET lock_timeout = '50ms'", &err));
    assert_err(ERR_BUSY, insert(rows, 1, "b", &err));
    assert_ok(rows_commit(other, &err));
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct err err;
    (void)state;
    assert_ok(rows_schema(other, "test", tables, 2, &err)); /* again is fine */
    assert_err(ERR_UNSUPPORTED, rows_schema(other, "test", tables, 1, &err));
    assert_has(err.text, "newer version");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_values_come_back_as_they_were),
        T(test_a_transaction_is_all_or_nothing),
        T(test_a_lost_connection_is_made_anew_outside_a_transaction),
        T(test_who_waits_for_a_lock_too_long_may_try_again),
        T(test_a_newer_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The masters' store when memory, disk or the process fails at each single call. */
#include "dashspool/raw.h"
#include "support/inject.h"
#include <stdio.h>
#include <string.h>

struct master {
    int64_t key;
    const char *day;
    size_t n;
};

/* Two day files, as around midnight; the second master is dropped again. */
static const struct master first = {1, "2026-11-21", 130000}, dropped = {2, "2026-11-21", 1000},
                           last = {3, "2026-11-22", 70000};

static const struct raw_facts whose = {.id = "an-id"};

static uint8_t byte_at(const struct master *m, size_t at)
{
    return (uint8_t)(at * 31 + at / 1024 + (size_t)m->key);
}

static int append_rest(struct raw *raw, const struct master *m, int64_t from, struct err *err)
{
    uint8_t chunk[RAW_CHUNK_BYTES];
    int rc = ERR_OK;
    for (size_t at = (size_t)from, n; rc == ERR_OK && at < m->n; at += n) {
        n = m->n - at < sizeof chunk ? m->n - at : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = byte_at(m, at + i);
        rc = raw_append(raw, m->day, m->key, &whose, (int64_t)at, chunk, n, err);
    }
    return rc;
}

/* As the receiver does: what is there is not stored again. */
static int bring(struct raw *raw, const struct master *m, struct err *err)
{
    struct raw_facts facts = {.id = "an-id", .length_bytes = (int64_t)m->n, .sha256 = {1, 2, 3}};
    int64_t have = 0;
    bool sealed = false;
    int rc = raw_stat(raw, m->day, m->key, &have, &sealed, NULL, err);
    if (rc == ERR_NOTFOUND)
        have = rc = ERR_OK;
    if (rc == ERR_OK && !sealed)
        rc = append_rest(raw, m, have, err);
    return rc < 0 ? rc : raw_seal(raw, m->day, m->key, &facts, err);
}

struct compared {
    const struct master *m;
    size_t at;
};

static int compare(void *arg, const void *data, size_t n, struct err *err)
{
    struct compared *c = arg;
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        if (c->at + i >= c->m->n || p[i] != byte_at(c->m, c->at + i))
            return err_set(err, ERR_MALFORMED, "master %d: byte %zu is wrong", (int)c->m->key,
                           c->at + i);
    c->at += n;
    return ERR_OK;
}

static int read_back(struct raw *raw, const struct master *m, struct err *err)
{
    struct compared c = {m, 0};
    int rc = raw_copy(raw, m->day, m->key, compare, &c, err);
    if (rc == ERR_OK && c.at != m->n)
        rc = err_set(err, ERR_MALFORMED, "master %d: %zu bytes", (int)m->key, c.at);
    return rc;
}

static int work(struct raw *raw, struct err *err)
{
    int rc;
    if ((rc = bring(raw, &first, err)) < 0 || (rc = bring(raw, &dropped, err)) < 0 ||
        (rc = bring(raw, &last, err)) < 0 || (rc = raw_commit(raw, err)) < 0)
        return rc;
    inject_ack('c');
    if ((rc = raw_drop(raw, dropped.day, dropped.key, err)) < 0 || (rc = raw_commit(raw, err)) < 0)
        return rc;
    inject_ack('d');
    return read_back(raw, &first, err);
}

/* The master is sealed and bit-exact. */
static void is_whole(struct raw *raw, const struct master *m)
{
    struct err err;
    int64_t n;
    bool sealed;
    assert_ok(raw_stat(raw, m->day, m->key, &n, &sealed, NULL, &err));
    assert_true(sealed);
    assert_int_equal(n, m->n);
    assert_ok(read_back(raw, m, &err));
}

static void is_gone(struct raw *raw, const struct master *m)
{
    struct err err;
    int64_t n;
    bool sealed;
    assert_err(ERR_NOTFOUND, raw_stat(raw, m->day, m->key, &n, &sealed, NULL, &err));
}

static void is_right(const char *root)
{
    struct err err;
    struct raw *raw = NULL;
    assert_ok(raw_open(&raw, root, &err));
    is_whole(raw, &first);
    is_whole(raw, &last);
    is_gone(raw, &dropped);
    raw_close(&raw);
    inject_check_sound(root, "raw/2026-11-21.db");
    inject_check_sound(root, "raw/2026-11-22.db");
}

static void open_both_days(struct raw **raw, const char *root)
{
    struct err err;
    assert_ok(raw_open(raw, root, &err));
    assert_ok(raw_append(*raw, first.day, 9, &whose, 0, "x", 1, &err));
    assert_ok(raw_append(*raw, last.day, 9, &whose, 0, "x", 1, &err));
    assert_ok(raw_commit(*raw, &err));
}

/* Once: what comes next works at once. For ever: it works as soon as the trouble is over. The same
 * handle is used on, as the receiver does. */
static bool run_round(enum inject_kind kind, enum inject_how how, long n, bool opened)
{
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    struct err err = {0};
    struct raw *raw = NULL;
    if (opened)
        open_both_days(&raw, root);
    inject_arm(kind, how, n);
    int rc = opened ? ERR_OK : raw_open(&raw, root, &err);
    if (rc == ERR_OK && (rc = work(raw, &err)) < 0)
        raw_rollback(raw);
    inject_check_told(rc, &err);
    if (rc == ERR_OK)
        raw_close(&raw);
    bool more = inject_reached();
    if (how == INJECT_FOR_EVER)
        inject_disarm();
    if (rc < 0) {
        if (!raw)
            assert_ok(raw_open(&raw, root, &err));
        assert_ok(work(raw, &err));
    }
    raw_close(&raw);
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
    struct raw *raw = NULL;
    int rc = raw_open(&raw, root, &err);
    if (rc == ERR_OK)
        rc = work(raw, &err);
    raw_close(&raw);
    return rc;
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[8];
    struct err err;
    struct raw *raw = NULL;
    (void)kind;
    (void)how;
    bool more = inject_killed(work_in_child, root, n, acks, sizeof acks);
    assert_ok(raw_open(&raw, root, &err));
    if (strchr(acks, 'c')) {
        is_whole(raw, &first);
        is_whole(raw, &last);
    }
    if (strchr(acks, 'd'))
        is_gone(raw, &dropped);
    assert_ok(work(raw, &err));
    raw_close(&raw);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_leaves_masters_exact(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 61, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 61, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_ONCE, 1, round_on_an_open_store);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 1, round_on_an_open_store);
}

static void test_a_disk_that_fails_leaves_masters_exact(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 3, round_of_failure);
}

static void test_a_full_disk_leaves_masters_exact(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_step_that_fails_leaves_masters_exact(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_STEPS, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_kill_between_any_two_changes_loses_nothing_committed(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 1, round_of_killing);
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_leaves_masters_exact),
        T(test_a_disk_that_fails_leaves_masters_exact),
        T(test_a_full_disk_leaves_masters_exact),
        T(test_a_step_that_fails_leaves_masters_exact),
        T(test_a_kill_between_any_two_changes_loses_nothing_committed),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Transfers are found: by filters, one after the other, and those that are of the same file. */
#include "catalogue/catalogue_internal.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)

/* The ids' last letters that a filter gives, in order, as a text. */
struct seen {
    char text[200];
    size_t n;
};

static int note(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct seen *seen = arg;
    (void)err;
    seen->text[seen->n++] = t->peer[0];
    seen->text[seen->n] = '\0';
    return 0;
}

static void assert_each(struct catalogued *f, const struct catalogue_filter *filter,
                        const char *expected)
{
    struct err err;
    struct seen seen = {.n = 0};
    assert_ok(catalogue_transfer_each(f->c, filter, note, &seen, &err));
    assert_string_equal(seen.text, expected);
}

static void add_lettered(struct catalogued *f, char letter, struct catalogue_transfer t)
{
    struct err err;
    t.peer[0] = letter;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
}

static void test_filters_choose_and_time_orders(void **state)
{
    struct catalogued *f = *state;
    struct catalogue_transfer t = catalogued_transfer("350000000000002", "rear", T0 + 20 * S);
    t.state = CATALOGUE_STORED;
    add_lettered(f, 'c', t);
    add_lettered(f, 'b', catalogued_transfer("350000000000001", "front", T0 + 10 * S));
    t = catalogued_transfer("350000000000001", "rear", T0);
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    t.state = CATALOGUE_STORED;
    t.published = true;
    add_lettered(f, 'a', t);
    t = catalogued_transfer("350000000000001", "rear",
                            0); /* no time: where it arrived, an hour after */
    t.known = 0;
    t.state = CATALOGUE_PARTIAL;
    snprintf(t.kind, sizeof t.kind, "photo");
    add_lettered(f, 'd', t);

    assert_each(f, NULL, "abcd");
    assert_each(f, &(struct catalogue_filter){.imei = ""}, "abcd");
    assert_each(f, &(struct catalogue_filter){.imei = "350000000000001"}, "abd");
    assert_each(f, &(struct catalogue_filter){.camera = "rear"}, "acd");
    assert_each(f, &(struct catalogue_filter){.kind = "photo"}, "d");
    assert_each(f, &(struct catalogue_filter){.trigger_name = "crash"}, "a");
    assert_each(f, &(struct catalogue_filter){.id = "350000000000001-rear-video-20241129T072345Z"},
                "a");
    assert_each(f, &(struct catalogue_filter){.since_us = T0 + 10 * S}, "bcd");
    assert_each(f, &(struct catalogue_filter){.until_us = T0 + 20 * S}, "ab");
    assert_each(f, &(struct catalogue_filter){.since_us = T0 + 3600 * S}, "d");
    assert_each(f, &(struct catalogue_filter){.states = 1 << CATALOGUE_STORED}, "ac");
    assert_each(
        f, &(struct catalogue_filter){.states = 1 << CATALOGUE_RECEIVING | 1 << CATALOGUE_PARTIAL},
        "bd");
    assert_each(f, &(struct catalogue_filter){.states = 1u << 20}, "");
    assert_each(f, &(struct catalogue_filter){.unpublished = true}, "c");
    assert_each(f, &(struct catalogue_filter){.limit = 2}, "ab");
    assert_each(f, &(struct catalogue_filter){.imei = "x' OR 1 --"}, "");
    assert_each(f,
                &(struct catalogue_filter){.imei = "350000000000001",
                                           .camera = "rear",
                                           .kind = "video",
                                           .trigger_name = "crash",
                                           .since_us = 1,
                                           .until_us = T0 + S,
                                           .states = 7,
                                           .limit = 9},
                "a");
}

static int publish_and_remove_others(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogued *f = arg;
    struct catalogue_transfer mine = *t;
    mine.published = true;
    int rc = catalogue_transfer_update(f->c, &mine, err);
    return rc < 0 ? rc : catalogue_transfer_remove(f->c, t->key + 1, err);
}

static void test_the_callers_function_may_write(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    for (int i = 0; i < 10; i++) {
        struct catalogue_transfer t = catalogued_transfer("350000000000001", "front", T0 + i * S);
        t.state = CATALOGUE_STORED;
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    struct catalogue_filter unpublished = {.unpublished = true};
    assert_ok(catalogue_transfer_each(f->c, &unpublished, publish_and_remove_others, f, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM transfer"), 5);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM transfer WHERE published = 1"), 5);
    assert_each(f, &unpublished, "");
}

static int stop(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    (void)t;
    ++*(int *)arg;
    return err_set(err, ERR_AGAIN, "enough");
}

static void test_the_callers_function_can_stop(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int calls = 0;
    catalogued_add(f, "350000000000001", "front", T0);
    catalogued_add(f, "350000000000001", "front", T0);
    assert_err(ERR_AGAIN, catalogue_transfer_each(f->c, NULL, stop, &calls, &err));
    assert_int_equal(calls, 1);
}

static void test_the_same_file_is_recognised_and_the_oldest_told(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t[4], found;
    for (int i = 0; i < 4; i++) {
        t[i] = catalogued_add(f, "350000000000001", "front", T0);
        catalogued_fill(&t[i]);
        t[i].state = i == 0 ? CATALOGUE_PARTIAL : CATALOGUE_STORED;
        assert_ok(catalogue_transfer_update(f->c, &t[i], &err));
    }
    assert_ok(catalogue_transfer_same(f->c, &t[3], 0, &found, &err));
    assert_int_equal(found.key, t[1].key); /* [0] is partial */
    assert_ok(catalogue_transfer_same(f->c, &t[1], 0, &found, &err));
    assert_int_equal(found.key, t[2].key); /* never itself */
    assert_ok(catalogue_transfer_same(f->c, &t[1], t[2].key, &found, &err));
    assert_int_equal(found.key, t[3].key); /* the next one, for who cannot read that */
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &t[1], t[3].key, &found, &err));
    struct catalogue_transfer other = t[3];
    other.sha256[0] = 'b';
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, 0, &found, &err));
    other = t[3];
    other.length_bytes++;
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, 0, &found, &err));
    other = t[3];
    snprintf(other.camera, sizeof other.camera, "rear");
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, 0, &found, &err));
}

/* Whatever camera it is said to be of; a partial with the same hash is nothing. */
static void test_the_same_content_is_found(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024), out;
    memset(t.sha256, 'c', 64);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_with(f->c, t.sha256, 1024, 0, &out, &err));
    t.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_with(f->c, t.sha256, 1023, 0, &out, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_with(f->c, t.sha256, 1024, t.key, &out, &err));
    assert_ok(catalogue_transfer_with(f->c, t.sha256, 1024, 0, &out, &err));
    assert_string_equal(out.id, t.id);
}

static void test_only_the_same_file_is_resumable(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer shorter = catalogued_partial("350612071913857", T0, 1024),
                              longer = catalogued_partial("350612071913857", T0, 5 * 1024), out, t;
    assert_ok(catalogue_transfer_add(f->c, &longer, &err));
    assert_ok(catalogue_transfer_add(f->c, &shorter, &err));
    t = catalogued_partial("350612071913857", T0, 0);
    assert_ok(catalogue_transfer_resumable(f->c, &t, &out, &err));
    assert_int_equal(out.key, longer.key);
    for (int i = 0; i < 7; i++) {
        t = catalogued_partial(i == 0 ? "352094082736916" : "350612071913857", T0 + (i == 1), 0);
        t.length_s += i == 2;
        t.wire.start[7] = i == 3 ? 1 : 99;
        t.wire.path_n += i == 4;
        if (i == 5)
            t.known = 0;
        if (i == 6)
            snprintf(t.camera, sizeof t.camera, "rear");
        assert_err(ERR_NOTFOUND, catalogue_transfer_resumable(f->c, &t, &out, &err));
    }
    /* Without a time all files of a slot look alike: they must not be put together. */
    longer.known = CATALOGUE_HAS_META;
    assert_ok(catalogue_transfer_update(f->c, &longer, &err));
    t = catalogued_partial("350612071913857", T0, 0);
    t.known = CATALOGUE_HAS_META;
    assert_err(ERR_NOTFOUND, catalogue_transfer_resumable(f->c, &t, &out, &err));
    longer.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &longer, &err));
    t = catalogued_partial("350612071913857", T0, 0);
    assert_ok(catalogue_transfer_resumable(f->c, &t, &out, &err));
    assert_int_equal(out.key, shorter.key);
}

static void test_the_load_of_a_camera_counts_from_a_moment_on(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t transfers, bytes;
    for (int i = 0; i < 3; i++) {
        struct catalogue_transfer t =
            catalogued_partial(i == 2 ? "352094082736916" : "350612071913857", T0, 1000 + i);
        t.arrived_us = T0 + i * S;
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    assert_ok(catalogue_camera_load(f->c, "350612071913857", T0, &transfers, &bytes, &err));
    assert_int_equal(transfers, 2);
    assert_int_equal(bytes, 2001);
    assert_ok(catalogue_camera_load(f->c, "350612071913857", T0 + 1, &transfers, &bytes, &err));
    assert_int_equal(transfers, 1);
    assert_int_equal(bytes, 1001);
    assert_ok(catalogue_camera_load(f->c, "123456789012345", 0, &transfers, &bytes, &err));
    assert_int_equal(transfers + bytes, 0);
}

struct effort {
    int steps, sorts; /* rows looked at without an index; sorts */
};

static int note_effort(unsigned kind, void *arg, void *st, void *unused)
{
    struct effort *e = arg;
    (void)kind, (void)unused;
    e->steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    e->sorts += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 1);
    return 0;
}

/* Of what lists, the receiver and the stages ask for: nothing grows with the store but what comes
 * out of it. */
static void test_what_is_asked_for_is_found_by_an_index(void **state)
{
    if (engines_wanted())
        skip(); /* steps are SQLite's */
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t, same;
    struct effort e = {0, 0};
    assert_ok(catalogue_begin(f->c, &err));
    for (int i = 0; i < 60; i++) {
        t = catalogued_transfer(i % 2 ? "350000000000001" : "350000000000002",
                                i % 4 ? "front" : "rear", T0 + i * S);
        t.state = i < 3 ? CATALOGUE_PARTIAL : CATALOGUE_STORED;
        t.published = i > 0;
        snprintf(t.trigger_name, sizeof t.trigger_name, "%s", i % 3 ? "crash" : "request");
        memset(t.sha256, 'a' + i % 20, 64);
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    assert_ok(catalogue_commit(f->c, &err));
    const struct catalogue_filter filters[] = {
        {.imei = "350000000000001"},
        {.imei = "350000000000001", .camera = "rear", .newest_first = true, .limit = 3},
        {.imei = "350000000000001", .trigger_name = "crash"},
        {.trigger_name = "crash", .newest_first = true},
        {.trigger_name = "crash", .since_us = T0 + 5 * S},
        {.since_us = T0 + 5 * S, .until_us = T0 + 9 * S},
        {.id = t.id},
        {.unpublished = true},
    };
    sqlite3_trace_v2(f->c->db, SQLITE_TRACE_PROFILE, note_effort, &e);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct seen seen = {.n = 0};
        assert_ok(catalogue_transfer_each(f->c, &filters[i], note, &seen, &err));
        if (e.steps + e.sorts > 0)
            fail_msg("filter %zu: %d steps, %d sorts", i, e.steps, e.sorts);
    }
    int64_t n;
    assert_ok(catalogue_transfer_count(f->c, &filters[1], &n, &err)); /* whatever its limit */
    assert_int_equal(n, 0);
    assert_ok(catalogue_transfer_count(f->c, &filters[2], &n, &err));
    assert_int_equal(n, 20);
    assert_int_equal(e.steps, 0);
    /* the newest of all: so many steps as are asked for; what is not whole: so many as there are */
    struct seen seen = {.n = 0};
    assert_ok(catalogue_transfer_each(
        f->c, &(struct catalogue_filter){.newest_first = true, .limit = 5}, note, &seen, &err));
    assert_in_range(e.steps, 0, 5);
    e = (struct effort){0, 0};
    assert_ok(catalogue_transfer_each(
        f->c, &(struct catalogue_filter){.states = 1 << CATALOGUE_PARTIAL}, note, &seen, &err));
    assert_in_range(e.steps, 0, 3);
    e = (struct effort){0, 0};
    t.known |= CATALOGUE_HAS_META | CATALOGUE_TIME_OK;
    assert_ok(catalogue_transfer_same(f->c, &t, 0, &same, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_resumable(f->c, &t, &same, &err));
    assert_int_equal(e.steps, 0);
}

static int64_t count_all(struct catalogue *c)
{
    const struct catalogue_filter all = {.kind = NULL};
    struct err err;
    int64_t n;
    assert_ok(catalogue_transfer_count(c, &all, &n, &err));
    return n;
}

/* A list, while cameras go on. */
static void test_what_is_read_together_is_as_of_one_moment(void **state)
{
    struct catalogued *f = *state;
    struct catalogue *reader = NULL;
    struct err err;
    catalogued_add(f, "352093081452251", "front", CATALOGUED_T0_US);
    assert_ok(catalogue_open(&reader, f->root, false, &err));
    assert_ok(catalogue_read_begin(reader, &err));
    assert_int_equal(count_all(reader), 1);
    catalogued_add(f, "352093081452251", "rear", CATALOGUED_T0_US); /* nobody has to wait */
    assert_int_equal(count_all(f->c), 2);
    assert_int_equal(count_all(reader), 1);
    catalogue_rollback(reader);
    assert_int_equal(count_all(reader), 2);
    catalogue_close(&reader);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_filters_choose_and_time_orders),
        T(test_what_is_read_together_is_as_of_one_moment),
        T(test_the_callers_function_may_write),
        T(test_the_callers_function_can_stop),
        T(test_the_same_file_is_recognised_and_the_oldest_told),
        T(test_the_same_content_is_found),
        T(test_only_the_same_file_is_resumable),
        T(test_the_load_of_a_camera_counts_from_a_moment_on),
        T(test_what_is_asked_for_is_found_by_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

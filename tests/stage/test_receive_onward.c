/* The receiver's store where it is not the end of the way: whom the site's word acknowledges, and
 * what comes again. The test is who hands on. */
#include "dashspool/catalogue.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/wire.h"
#include "intake/receive/store.h"
#include "support/sql.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0 INT64_C(1732865025000000)
#define ID "352093081452251-front-video-20241129T072345Z"

enum { PACKETS = 20, BYTES = 19 * 1024 + 100 };

static char *root;
static uv_loop_t loop;
static struct store *store;
static int64_t stored[8], heard[8];
static size_t n_stored, n_heard;

static void on_stored(void *arg, int64_t key)
{
    (void)arg;
    stored[n_stored++ % 8] = key;
}

static void on_heard(void *arg, int64_t key)
{
    (void)arg;
    heard[n_heard++ % 8] = key;
}

static struct store_onward onward;

static void open_store(void)
{
    struct err err;
    static const struct store_options options = {
        .commit_ms = 10, .commit_bytes = 1 << 20, .queued_bytes = 8 << 20, .onward = &onward};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_ok(store_open(&store, root, &loop, &options, &err));
}

static void close_store(void)
{
    store_close(&store);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int set_up(void **state)
{
    (void)state;
    root = support_tmp_dir();
    n_stored = n_heard = 0;
    onward = (struct store_onward){.wait_ms = 3600000, .stored = on_stored, .heard = on_heard};
    open_store();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_store();
    support_tmp_remove(&root);
    return 0;
}

struct answer {
    int times, rc;
    char text[256];
};

static void on_done(void *owner, int rc, const struct err *err)
{
    struct answer *a = owner;
    a->times++;
    a->rc = rc;
    snprintf(a->text, sizeof a->text, "%.255s", rc < 0 ? err->text : "");
}

static struct transfer *begin(struct answer *a)
{
    struct catalogue_transfer row = {.state = CATALOGUE_RECEIVING,
                                     .day = "2024-11-29",
                                     .arrived_us = T0,
                                     .protocol_id = 5,
                                     .imei = "352093081452251",
                                     .camera = "front",
                                     .kind = "video",
                                     .source = "camera",
                                     .peer = "10.0.0.1:1"};
    const struct wire_meta said = {.file_type = 16, .time_ms = (uint64_t)T0 / 1000, .length_s = 10};
    const struct store_resume resume = {1024, (PACKETS - 1) * 1024};
    row.wire.meta_n = wire_meta_put(row.wire.meta, &said, 3);
    assert_true(facts_decode(&row));
    row.wire.start_n = 10;
    row.wire.start[7] = PACKETS;
    *a = (struct answer){0};
    struct transfer *t = store_begin(store, &row, &resume, a, on_done);
    assert_non_null(t);
    while (a->times == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(a->rc, ERR_OK);
    return t;
}

static uint8_t content[PACKETS * 1024];

static void send_rest(struct transfer *t, struct answer *a)
{
    static const struct wire_stats stats = {.packets = 1};
    struct err err;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 + i / 1024);
    for (size_t at = (size_t)store_have(t); at < BYTES; at += 1024)
        assert_ok(
            store_append(store, t, content + at, BYTES - at < 1024 ? BYTES - at : 1024, &err));
    *a = (struct answer){0};
    store_finish(store, t, &stats, on_done);
}

static void until_stored(size_t n)
{
    while (n_stored < n)
        uv_run(&loop, UV_RUN_ONCE);
}

static void until_answered(const struct answer *a)
{
    while (a->times == 0)
        uv_run(&loop, UV_RUN_ONCE);
}

static int64_t sql(const char *text)
{
    return sql_run(support_path(root, "catalogue.db"), text);
}

/* As the one who hands on marks it. */
static void site_accepts(int64_t key)
{
    char text[96];
    snprintf(text, sizeof text, "UPDATE transfer SET published = 1 WHERE key = %lld",
             (long long)key);
    sql(text);
    store_accepted(store, key);
}

static void test_a_camera_is_acknowledged_when_the_site_has_its_file(void **state)
{
    (void)state;
    struct answer a;
    send_rest(begin(&a), &a);
    until_stored(1);
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored'"), 1);
    assert_int_equal(a.times, 0);
    store_accepted(store, stored[0] + 1); /* another one's */
    assert_int_equal(a.times, 0);
    site_accepts(stored[0]);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(heard[0], stored[0]);
    /* its jobs are the site's */
    assert_false(support_exists(support_path(root, "spool/convert")));
}

static void test_a_site_that_is_faster_than_the_answer_is_heard(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin(&a);
    store_accepted(store, 1); /* its key */
    send_rest(t, &a);
    until_answered(&a);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(n_heard, 1);
}

static void test_who_waits_in_vain_is_not_acknowledged(void **state)
{
    (void)state;
    struct answer a;
    onward.wait_ms = 1;
    send_rest(begin(&a), &a);
    until_answered(&a);
    assert_int_equal(a.rc, ERR_AGAIN);
    assert_has(a.text, "ack_wait");
    assert_int_equal(n_heard, 0);
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored'"), 1);
}

static void test_ack_local_does_not_wait(void **state)
{
    (void)state;
    struct answer a;
    onward.at_once = true;
    send_rest(begin(&a), &a);
    until_answered(&a);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(n_stored, 1);
    assert_int_equal(n_heard, 1);
}

/* Before the site has it, and after; also by a receiver that was started again. */
static void test_what_is_here_whole_is_ended_by_its_last_packet(void **state)
{
    (void)state;
    struct answer a;
    onward.wait_ms = 1;
    send_rest(begin(&a), &a);
    until_answered(&a);
    close_store();
    onward.wait_ms = 3600000;
    open_store();
    struct transfer *t = begin(&a);
    assert_int_equal(store_have(t), (PACKETS - 1) * 1024);
    assert_string_equal(store_id(t), ID);
    send_rest(t, &a);
    until_stored(2);
    assert_int_equal(stored[1], stored[0]);
    assert_int_equal(a.times, 0);
    site_accepts(stored[0]);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(a.times, 1);
    assert_int_equal(sql("SELECT count(*) FROM transfer"), 1);
    assert_int_equal(sql("SELECT count(*) FROM custody WHERE line LIKE '%\"offered-again\"%'"), 1);
    /* and once more: its answer was lost, too */
    close_store();
    open_store();
    t = begin(&a);
    assert_int_equal(store_have(t), (PACKETS - 1) * 1024);
    send_rest(t, &a);
    until_answered(&a);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(n_stored, 2);
    assert_int_equal(n_heard, 2);
}

/* It hangs up before its last packet. */
static void test_what_is_here_whole_stays_whole(void **state)
{
    (void)state;
    struct answer a;
    static const struct wire_stats stats = {.packets = 0};
    onward.wait_ms = 1;
    send_rest(begin(&a), &a);
    until_answered(&a);
    store_abandon(store, begin(&a), &stats, "the line was cut");
    close_store();
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored' AND length_bytes ="
                         " 19556 AND connections = 1"),
                     1);
    open_store();
}

/* The same name, moment and number of packets, and another end: what is here is no part of it. */
static void test_another_file_of_the_same_name_comes_whole(void **state)
{
    (void)state;
    struct answer a;
    static const struct wire_stats stats = {.packets = 1};
    struct err err;
    onward.wait_ms = 1;
    send_rest(begin(&a), &a);
    until_answered(&a);
    struct transfer *t = begin(&a);
    assert_ok(store_append(store, t, "other", 5, &err));
    a = (struct answer){0};
    store_finish(store, t, &stats, on_done);
    until_answered(&a);
    assert_int_equal(a.rc, ERR_MALFORMED);
    assert_has(a.text, "received whole");
    t = begin(&a);
    assert_int_equal(store_have(t), 0);
    assert_string_equal(store_id(t), ID "-2");
    store_abandon(store, t, &stats, "enough");
}

/* Without metadata nobody knows it before it is here; then it waits for the first. */
static void test_the_same_bytes_wait_for_the_first(void **state)
{
    (void)state;
    struct answer a;
    onward.wait_ms = 1;
    send_rest(begin(&a), &a);
    until_answered(&a);
    onward.wait_ms = 3600000;
    sql("UPDATE transfer SET length_s = 11"); /* so that it is not recognised */
    struct transfer *t = begin(&a);
    assert_int_equal(store_have(t), 0);
    send_rest(t, &a);
    until_stored(2);
    assert_int_equal(stored[1], stored[0]);
    assert_int_equal(sql("SELECT count(*) FROM transfer"), 1);
    site_accepts(stored[0]);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.rc, ERR_OK);
    assert_int_equal(heard[0], stored[0]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_camera_is_acknowledged_when_the_site_has_its_file),
        T(test_a_site_that_is_faster_than_the_answer_is_heard),
        T(test_who_waits_in_vain_is_not_acknowledged),
        T(test_ack_local_does_not_wait),
        T(test_what_is_here_whole_is_ended_by_its_last_packet),
        T(test_what_is_here_whole_stays_whole),
        T(test_another_file_of_the_same_name_comes_whole),
        T(test_the_same_bytes_wait_for_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

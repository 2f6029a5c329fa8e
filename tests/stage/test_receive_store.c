/* The receiver's store: group commit, resume, what it does when the disk does not. */
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/requests.h"
#include "intake/receive/store.h"
#include "support/sql.h"
#include "support/support.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 INT64_C(1732865025000000)

static char *root;
static uv_loop_t loop;
static struct store *store;
static struct store_options options;

static void open_store(void)
{
    struct err err;
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
    options =
        (struct store_options){.commit_ms = 10, .commit_bytes = 1 << 20, .queued_bytes = 8 << 20};
    open_store();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (store)
        close_store();
    support_tmp_remove(&root);
    return 0;
}

struct answer {
    int times, rc;
    struct err err;
    char same_as[CATALOGUE_ID_ROOM];
};

static struct transfer *finishing;

static void on_done(void *owner, int rc, const struct err *err)
{
    struct answer *a = owner;
    if (finishing)
        snprintf(a->same_as, sizeof a->same_as, "%s", store_same_as(finishing));
    a->times++;
    a->rc = rc;
    if (rc < 0)
        a->err = *err;
}

static void wait_for(struct answer *a)
{
    while (a->times == 0)
        uv_run(&loop, UV_RUN_ONCE);
}

static struct catalogue_transfer row_of(const char *camera, int packets)
{
    struct catalogue_transfer t = {.state = CATALOGUE_RECEIVING,
                                   .day = "2024-11-29",
                                   .arrived_us = T0,
                                   .protocol_id = 5,
                                   .imei = "352093081452251",
                                   .kind = "video",
                                   .source = "camera",
                                   .peer = "10.0.0.1:1"};
    const struct wire_meta said = {.file_type = 16, .time_ms = (uint64_t)T0 / 1000, .length_s = 10};
    snprintf(t.camera, sizeof t.camera, "%s", camera);
    t.wire.meta_n = wire_meta_put(t.wire.meta, &said, 3);
    assert_true(facts_decode(&t));
    t.wire.start_n = 10;
    t.wire.start[7] = (uint8_t)packets;
    return t;
}

static struct transfer *begin(const char *camera, int packets, struct answer *a)
{
    struct catalogue_transfer row = row_of(camera, packets);
    struct store_resume resume = {1024, (int64_t)(packets - 1) * 1024};
    *a = (struct answer){0};
    struct transfer *t = store_begin(store, &row, &resume, a, on_done);
    assert_non_null(t);
    wait_for(a);
    return t;
}

static const uint8_t *content(void)
{
    static uint8_t bytes[64 * 1024];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 1024);
    return bytes;
}

static void append(struct transfer *t, size_t from, size_t until)
{
    struct err err;
    for (size_t at = from; at < until; at += 1024)
        assert_ok(
            store_append(store, t, content() + at, until - at < 1024 ? until - at : 1024, &err));
}

static void finish(struct transfer *t, struct answer *a)
{
    struct wire_stats stats = {.packets = 1};
    *a = (struct answer){0};
    finishing = t;
    store_finish(store, t, &stats, on_done);
    wait_for(a);
    finishing = NULL;
}

static void abandon(struct transfer *t)
{
    struct wire_stats stats = {.packets = 3, .crc_errors = 1};
    store_abandon(store, t, &stats, "the line was cut");
}

struct bytes {
    uint8_t data[64 * 1024];
    size_t n;
};

static int take(void *arg, const void *data, size_t n, struct err *err)
{
    struct bytes *b = arg;
    (void)err;
    assert_true(b->n + n <= sizeof b->data);
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return ERR_OK;
}

/* The transfer with this id is stored, whole, with the right hash. */
static struct catalogue_transfer is_stored(const char *id, size_t n)
{
    struct err err;
    struct catalogue *c = NULL;
    struct raw *raw = NULL;
    struct catalogue_transfer t;
    struct bytes b = {.n = 0};
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct hash *h = NULL;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, id, &t, &err));
    catalogue_close(&c);
    assert_int_equal(t.state, CATALOGUE_STORED);
    assert_int_equal(t.length_bytes, n);
    assert_ok(raw_open(&raw, root, &err));
    assert_ok(raw_copy(raw, t.day, t.key, take, &b, &err));
    raw_close(&raw);
    assert_int_equal(b.n, n);
    assert_memory_equal(b.data, content(), n);
    assert_ok(hash_new(&h, &err));
    hash_update(h, content(), n);
    assert_ok(hash_final(h, digest, &err));
    hash_free(&h);
    hash_hex(digest, hex);
    assert_string_equal(t.sha256, hex);
    return t;
}

static sqlite3 *catalogue_db(void)
{
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static int64_t sql(const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    return sql_run(path, text);
}

#define ID(camera) "352093081452251-" camera "-video-20241129T072345Z"

static void test_a_broken_transfer_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 20, &a);
    assert_int_equal(store_have(t), 0);
    append(t, 0, 7 * 1024);
    abandon(t);
    close_store(); /* and whether or not the receiver was started again */
    open_store();
    t = begin("front", 20, &a);
    assert_int_equal(store_have(t), 7 * 1024);
    assert_string_equal(store_id(t), ID("front"));
    append(t, 7 * 1024, 19 * 1024 + 100);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    struct catalogue_transfer row = is_stored(ID("front"), 19 * 1024 + 100);
    assert_int_equal(row.connections, 2);
    assert_int_equal(row.crc_errors, 1);
    assert_int_equal(row.packets, 4);
    assert_int_equal(sql("SELECT count(*) FROM arrival"), 2);
    assert_int_equal(sql("SELECT until_bytes FROM arrival WHERE ended = 'the line was cut'"),
                     7 * 1024);
    assert_int_equal(sql("SELECT from_bytes FROM arrival WHERE ended = 'complete'"), 7 * 1024);
}

/* All packets had come, but not the end: the last one is asked for again, and stored once. */
static void test_what_is_sent_again_is_not_stored_twice(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 4, &a);
    append(t, 0, 3 * 1024 + 77);
    abandon(t);
    t = begin("front", 4, &a);
    assert_int_equal(store_have(t), 3 * 1024);
    append(t, 3 * 1024, 3 * 1024 + 77);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front"), 3 * 1024 + 77);
}

static void test_another_file_starts_anew_and_the_partial_stays(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 20, &a);
    append(t, 0, 2048);
    abandon(t);
    t = begin("front", 21, &a); /* another length */
    assert_int_equal(store_have(t), 0);
    assert_string_equal(store_id(t), ID("front") "-2");
    append(t, 0, 20 * 1024 + 1);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front") "-2", 20 * 1024 + 1);
    assert_int_equal(sql("SELECT length_bytes FROM transfer WHERE state = 'partial'"), 2048);
}

static void test_what_a_kill_left_is_resumed(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 20, &a);
    append(t, 0, 5 * 1024);
    abandon(t);
    close_store();
    /* as it is when the process dies: nobody wrote that the transfer ended */
    sql("UPDATE transfer SET state = 'receiving'; DELETE FROM arrival");
    open_store();
    assert_int_equal(sql("SELECT count(*) FROM arrival WHERE until_bytes = 5120 AND"
                         " ended LIKE '%unclean shutdown%'"),
                     1);
    t = begin("front", 20, &a);
    assert_int_equal(store_have(t), 5 * 1024);
    append(t, 5 * 1024, 20 * 1024);
    finish(t, &a);
    is_stored(ID("front"), 20 * 1024);
}

/* The batch fails for 5 s, is tried again, and nobody notices but by waiting. */
static void test_a_locked_catalogue_is_waited_out(void **state)
{
    (void)state;
    struct answer a, refused;
    struct transfer *t = begin("front", 10, &a);
    append(t, 0, 10 * 1024);
    sqlite3 *db = catalogue_db();
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct wire_stats stats = {.packets = 10};
    a = (struct answer){0};
    store_finish(store, t, &stats, on_done);
    while (!store_trouble(store))
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(a.times, 0); /* not acknowledged, and not given up */
    assert_true(store_full(store));
    assert_non_null(strstr(store_trouble(store), "store failed"));
    /* who comes now is refused, at the latest when the next try fails */
    struct catalogue_transfer row = row_of("rear", 10);
    struct store_resume resume = {1024, 9 * 1024};
    refused = (struct answer){0};
    struct transfer *rear = store_begin(store, &row, &resume, &refused, on_done);
    assert_non_null(rear);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    wait_for(&a);
    assert_int_equal(a.rc, ERR_OK);
    assert_null(store_trouble(store));
    is_stored(ID("front"), 10 * 1024);
    wait_for(&refused);
    assert_int_equal(refused.rc, ERR_OK); /* the lock was gone before its turn came */
    abandon(rear);
}

static int jobs_in(const char *state)
{
    char path[600];
    snprintf(path, sizeof path, "%s/spool/convert/%s", root, state);
    return support_entries(path);
}

static void break_spool(bool broken)
{
    char tmp[600], away[600];
    snprintf(tmp, sizeof tmp, "%s/spool/convert/tmp", root);
    snprintf(away, sizeof away, "%s/away", root);
    if (broken) {
        assert_int_equal(rename(tmp, away), 0);
        support_write(tmp, "in the way", 10);
    } else {
        assert_int_equal(unlink(tmp), 0);
        assert_int_equal(rename(away, tmp), 0);
    }
}

static void test_cameras_are_acknowledged_while_jobs_cannot_be_put(void **state)
{
    (void)state;
    static const char *const cameras[] = {"front", "rear", "driver"};
    struct answer a;
    break_spool(true);
    for (int i = 0; i < 3; i++) {
        struct transfer *t = begin(cameras[i], 2, &a);
        append(t, 0, 1500);
        finish(t, &a);
        assert_int_equal(a.rc, ERR_OK);
        assert_null(store_trouble(store));
    }
    assert_int_equal(jobs_in("new"), 0);
    size_t n;
    while (!store_jobs_trouble(store, &n) || n < 3)
        uv_run(&loop, UV_RUN_ONCE);
    assert_non_null(strstr(store_jobs_trouble(store, &n), "not a directory"));
    break_spool(false);
    while (jobs_in("new") < 3 || store_jobs_trouble(store, &n)) /* it tries again by itself */
        uv_run(&loop, UV_RUN_ONCE);
}

static void test_a_spool_that_was_removed_is_made_anew(void **state)
{
    (void)state;
    struct answer a;
    struct err err;
    assert_ok(fsx_remove_tree(support_path(root, "spool"), &err));
    struct transfer *t = begin("front", 2, &a);
    append(t, 0, 1500);
    finish(t, &a);
    while (!support_exists(support_path(root, "spool/convert/new")) || jobs_in("new") < 1)
        uv_run(&loop, UV_RUN_ONCE);
    for (int i = 0; i < 3; i++) { /* and what was lost with it, also where nothing comes */
        const char *removed = i == 2 ? "spool/convert" : "spool";
        assert_ok(fsx_remove_tree(support_path(root, removed), &err));
        if (i == 1) /* from a backup */
            assert_ok(fsx_mkdirs(support_path(root, "spool/convert/new"), &err));
        while (!support_exists(support_path(root, "spool/convert/new")) || jobs_in("new") < 1)
            uv_run(&loop, UV_RUN_ONCE);
    }
}

/* What would be committed now is lost with the last who has the file open: no camera hears that it
 * is stored. */
static void test_a_catalogue_that_was_deleted_takes_nothing(void **state)
{
    (void)state;
    struct answer a;
    char path[600], away[600];
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    snprintf(away, sizeof away, "%s/away.db", root);
    close_store();
    options.retry_ms = 20;
    open_store();
    struct transfer *t = begin("front", 10, &a);
    append(t, 0, 1024);
    assert_int_equal(rename(path, away), 0);
    while (!store_trouble(store)) /* though only bytes come */
        uv_run(&loop, UV_RUN_ONCE);
    assert_non_null(strstr(store_trouble(store), "deleted or replaced"));
    append(t, 1024, 9500);
    struct wire_stats stats = {.packets = 10};
    a = (struct answer){0};
    store_finish(store, t, &stats, on_done);
    for (int i = 0; i < 100; i++)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(a.times, 0);
    support_write(path, "", 0); /* another one in its place is no better */
    for (int i = 0; i < 100; i++)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(a.times, 0);
    assert_int_equal(rename(away, path), 0); /* somebody puts it back */
    wait_for(&a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front"), 9500);
}

static void test_how_its_camera_counts_is_kept_with_a_partial(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 10, &a);
    assert_false(store_from_0(t));
    append(t, 0, 2048);
    store_count_from_0(store, t);
    store_count_from_0(store, t);
    while (sql("SELECT from_0 FROM transfer") != 1) /* before it ends: it may be killed */
        uv_run(&loop, UV_RUN_ONCE);
    abandon(t);
    t = begin("front", 10, &a);
    assert_int_equal(store_have(t), 2048);
    assert_true(store_from_0(t));
    append(t, 2048, 9500);
    finish(t, &a);
    is_stored(ID("front"), 9500);
}

static void test_jobs_that_could_not_be_put_are_put_by_the_next_start(void **state)
{
    (void)state;
    struct answer a;
    break_spool(true);
    struct transfer *t = begin("front", 2, &a);
    append(t, 0, 1500);
    finish(t, &a);
    close_store();
    break_spool(false);
    open_store();
    assert_int_equal(jobs_in("new"), 1);
}

static void test_one_row_that_is_gone_ends_one_transfer_only(void **state)
{
    (void)state;
    struct answer a, b;
    struct transfer *t = begin("front", 10, &a), *u = begin("rear", 10, &b);
    append(t, 0, 10 * 1024);
    append(u, 0, 10 * 1024);
    sql("PRAGMA foreign_keys=ON; DELETE FROM transfer WHERE camera = 'front'");
    struct wire_stats stats = {.packets = 10};
    a = b = (struct answer){0};
    store_finish(store, t, &stats, on_done);
    store_finish(store, u, &stats, on_done);
    wait_for(&a);
    wait_for(&b);
    assert_int_equal(a.rc, ERR_NOTFOUND);
    assert_int_equal(b.rc, ERR_OK);
    is_stored(ID("rear"), 10 * 1024);
}

static void test_a_nearly_full_disk_takes_nothing(void **state)
{
    (void)state;
    close_store();
    options.free_bytes_min = INT64_C(1) << 60;
    open_store();
    assert_non_null(strstr(store_trouble(store), "nearly full"));
    assert_true(store_full(store));
}

static void test_a_day_has_a_limit_that_resuming_does_not_count_against(void **state)
{
    (void)state;
    struct answer a;
    close_store();
    options.day_files_max = 1;
    open_store();
    struct transfer *t = begin("front", 10, &a);
    append(t, 0, 1024);
    abandon(t);
    begin("rear", 10, &a);
    assert_int_equal(a.rc, ERR_LIMIT);
    assert_non_null(strstr(a.err.text, "day_files_max"));
    t = begin("front", 10, &a);
    assert_int_equal(a.rc, ERR_OK);
    append(t, 1024, 10 * 1024);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
}

static void test_the_same_file_again_is_acknowledged_and_stored_once(void **state)
{
    (void)state;
    struct answer a;
    for (int i = 0; i < 2; i++) {
        struct transfer *t = begin("front", 10, &a);
        append(t, 0, 10 * 1024);
        finish(t, &a);
        assert_int_equal(a.rc, ERR_OK);
        assert_string_equal(a.same_as, i ? ID("front") : "");
    }
    assert_int_equal(sql("SELECT count(*) FROM transfer"), 1);
    is_stored(ID("front"), 10 * 1024);
}

/* Its bytes are gone from raw/ (another disk's fault): what came in its place is known from then
 * on, also by a third offer, and the row of the lost one stays for fsck to name. */
static void test_a_file_whose_first_original_is_lost_is_stored_once_more_only(void **state)
{
    (void)state;
    struct answer a;
    char path[600];
    for (int i = 0; i < 4; i++) {
        struct transfer *t = begin("front", 10, &a);
        append(t, 0, 10 * 1024);
        finish(t, &a);
        assert_int_equal(a.rc, ERR_OK);
        assert_string_equal(a.same_as, i < 2 ? "" : ID("front") "-2");
        if (i > 0)
            continue;
        snprintf(path, sizeof path, "%s/raw/2024-11-29.db", root);
        sql_run(path, "DELETE FROM chunk; DELETE FROM master");
    }
    assert_int_equal(sql("SELECT count(*) FROM transfer"), 2);
    is_stored(ID("front") "-2", 10 * 1024);
}

/* ---- a catalogue that is older than the masters ---- */

static void is_stored_as_it_came(void)
{
    struct answer a;
    struct transfer *t = begin("front", 20, &a);
    assert_int_equal(store_have(t), 0);
    append(t, 0, 19 * 1024 + 100);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front"), 19 * 1024 + 100);
}

/* A back-up of the day is copied beside a receiver that works. */
static void test_what_comes_into_the_day_later_keeps_its_key(void **state)
{
    (void)state;
    struct err err;
    struct raw *raw = NULL;
    assert_ok(raw_open(&raw, root, &err));
    for (int64_t key = 1; key <= 9; key++)
        assert_ok(raw_append(raw, "2024-11-29", key, NULL, 0, "another vehicle", 15, &err));
    assert_ok(raw_commit(raw, &err));
    raw_close(&raw);
    is_stored_as_it_came();
}

/* ---- what was asked for ---- */

static void ask_for(const char *camera)
{
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request r = {.imei = "352093081452251",
                                 .by = "anna",
                                 .reason = "claim 17",
                                 .what = {CAMREQ_VIDEO, "", T0 / 1000000, 10}};
    snprintf(r.what.camera, sizeof r.what.camera, "%s", camera);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_add(c, &r, T0 + INT64_C(60000000), &err));
    catalogue_close(&c);
}

#define assert_request(is_so) assert_int_equal(sql("SELECT " is_so " FROM request"), 1)

static void test_a_request_follows_its_upload(void **state)
{
    (void)state;
    struct answer a;
    ask_for("front");
    struct transfer *t = begin("front", 20, &a);
    assert_request("state = 'uploading'");
    append(t, 0, 7 * 1024);
    abandon(t);
    close_store();
    assert_request("state = 'uploading'");
    open_store();
    t = begin("front", 20, &a);
    append(t, 7 * 1024, 19 * 1024 + 100);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front"), 19 * 1024 + 100);
    assert_request("state = 'fetched'");
    assert_int_equal(sql("SELECT count(*) FROM request_transfer WHERE complete = 1 AND by_order = 0"
                         " AND transfer = '" ID("front") "'"),
                     1);
    assert_int_equal(sql("SELECT count(*) FROM custody WHERE line LIKE '%\"requested\"%anna%'"), 1);
}

/* Killed once its bytes were sealed, and before its row was. */
static void test_a_kill_before_the_row_leaves_no_request_behind(void **state)
{
    (void)state;
    struct answer a;
    ask_for("front");
    struct transfer *t = begin("front", 10, &a);
    append(t, 0, 10 * 1024);
    finish(t, &a);
    close_store();
    sql("UPDATE transfer SET state = 'receiving', published = 0, sha256 = NULL");
    sql("UPDATE request SET state = 'uploading'");
    sql("UPDATE request_transfer SET complete = 0");
    open_store();
    is_stored(ID("front"), 10 * 1024);
    assert_request("state = 'fetched'");
}

static void test_bytes_that_were_stored_before_fulfil_a_request(void **state)
{
    (void)state;
    struct answer a;
    struct transfer *t = begin("front", 10, &a);
    append(t, 0, 10 * 1024);
    finish(t, &a);
    ask_for("front");
    t = begin("front", 10, &a);
    append(t, 0, 10 * 1024);
    finish(t, &a);
    assert_string_equal(a.same_as, ID("front"));
    assert_request("state = 'fetched'");
    assert_int_equal(
        sql("SELECT count(*) FROM request_transfer WHERE transfer = '" ID("front") "'"), 1);
    assert_int_equal(sql("SELECT count(*) FROM request_transfer"), 1);
}

static void test_requests_that_cannot_be_read_refuse_no_file(void **state)
{
    (void)state;
    struct answer a;
    ask_for("front");
    ask_for("rear");
    sql("UPDATE request SET kind = 'film' WHERE camera = 'front'");
    sql("DROP TABLE request_transfer");
    struct transfer *t = begin("front", 10, &a);
    assert_int_equal(a.rc, ERR_OK);
    append(t, 0, 10 * 1024);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("front"), 10 * 1024);
    t = begin("rear", 10, &a);
    append(t, 0, 10 * 1024);
    finish(t, &a);
    assert_int_equal(a.rc, ERR_OK);
    is_stored(ID("rear"), 10 * 1024);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_broken_transfer_goes_on_where_it_ended),
        T(test_what_comes_into_the_day_later_keeps_its_key),
        T(test_what_is_sent_again_is_not_stored_twice),
        T(test_another_file_starts_anew_and_the_partial_stays),
        T(test_what_a_kill_left_is_resumed),
        T(test_a_locked_catalogue_is_waited_out),
        T(test_cameras_are_acknowledged_while_jobs_cannot_be_put),
        T(test_jobs_that_could_not_be_put_are_put_by_the_next_start),
        T(test_a_spool_that_was_removed_is_made_anew),
        T(test_a_catalogue_that_was_deleted_takes_nothing),
        T(test_how_its_camera_counts_is_kept_with_a_partial),
        T(test_one_row_that_is_gone_ends_one_transfer_only),
        T(test_a_nearly_full_disk_takes_nothing),
        T(test_a_day_has_a_limit_that_resuming_does_not_count_against),
        T(test_the_same_file_again_is_acknowledged_and_stored_once),
        T(test_a_file_whose_first_original_is_lost_is_stored_once_more_only),
        T(test_a_request_follows_its_upload),
        T(test_a_kill_before_the_row_leaves_no_request_behind),
        T(test_bytes_that_were_stored_before_fulfil_a_request),
        T(test_requests_that_cannot_be_read_refuse_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

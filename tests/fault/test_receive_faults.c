/* The receiver's store when memory, disk or the process fails at each single call. */
#include "dashspool/log.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "intake/receive/store.h"
#include "support/inject.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0  INT64_C(1732865025000000)
#define DAY "2024-11-29"

static uv_loop_t loop;
static struct store *store;
static enum inject_kind failing;

/* ---- cameras ---- */

struct camera {
    const char *name; /* its first letter is its ack */
    size_t n;         /* bytes of its file */
    struct transfer *t;
    bool waits, acked;
    int rc;
    struct err err;
};

#define ALL "frd" /* their acks */

static struct camera cameras[] = {
    {.name = "front", .n = 66 * 1024 + 100}, /* two chunks */
    {.name = "rear", .n = 40 * 1024},        /* two batches */
    {.name = "driver", .n = 2 * 1024 + 1},
};
static struct camera *const front = &cameras[0], *const rear = &cameras[1],
                            *const driver = &cameras[2];

static uint8_t byte_at(const struct camera *c, size_t at)
{
    return (uint8_t)(at * 31 + at / 1024 + (size_t)c->name[0]);
}

static void on_answer(void *owner, int rc, const struct err *err)
{
    struct camera *c = owner;
    c->waits = false;
    c->rc = rc;
    if (rc < 0)
        c->err = *err;
}

/* What fails for ever is mended when the store has noticed, or has had its time to. */
static void wait_for_answers(void)
{
    for (int turns = 0; cameras[0].waits || cameras[1].waits || cameras[2].waits; turns++) {
        uv_run(&loop, UV_RUN_ONCE);
        if (inject_reached() && (store_trouble(store) || turns > 20))
            inject_disarm();
    }
}

static bool begin(struct camera *c)
{
    struct catalogue_transfer row = {.state = CATALOGUE_RECEIVING,
                                     .imei = "352093081452251",
                                     .kind = "video",
                                     .source = "camera",
                                     .day = DAY,
                                     .arrived_us = T0,
                                     .peer = "10.0.0.1:1"};
    const struct wire_meta said = {.file_type = 16, .time_ms = (uint64_t)T0 / 1000, .length_s = 10};
    struct store_resume resume = {1024, (int64_t)c->n - 1};
    snprintf(row.camera, sizeof row.camera, "%s", c->name);
    row.wire.meta_n = wire_meta_put(row.wire.meta, &said, 3);
    assert_true(facts_decode(&row));
    c->t = store_begin(store, &row, &resume, c, on_answer);
    c->waits = c->t != NULL;
    return c->waits;
}

static void hang_up(struct camera *c)
{
    struct wire_stats stats = {.packets = 1};
    c->waits = false;
    store_abandon(store, c->t, &stats, "the line was cut");
}

/* Up to `until`; a camera that is not heard hangs up. */
static bool send_bytes(struct camera *c, size_t until)
{
    struct err err;
    uint8_t packet[1024];
    for (size_t at = (size_t)store_have(c->t), n; at < until; at += n) {
        n = until - at < sizeof packet ? until - at : sizeof packet;
        for (size_t i = 0; i < n; i++)
            packet[i] = byte_at(c, at + i);
        if (store_append(store, c->t, packet, n, &err) < 0) {
            hang_up(c);
            return false;
        }
    }
    return true;
}

/* A refusal must tell why, and that it is not for ever. */
static int heard(const struct camera *c, const char *what, struct err *err)
{
    if (c->rc == ERR_OK)
        return ERR_OK;
    *err = c->err;
    if (err->text[0] && err_is_temporary(c->rc))
        return ERR_OK;
    return err_set(err, ERR_MALFORMED, "%s: %s: %.300s", c->name, what, c->err.text);
}

/* Whatever fails but memory, a transfer that was taken is stored: the store tries again. */
static int heard_end(struct camera *c, struct err *err)
{
    int rc = heard(c, "the end", err);
    c->acked |= c->rc == ERR_OK;
    if (c->rc == ERR_OK)
        inject_ack(c->name[0]);
    if (rc == ERR_OK && c->rc < 0 && failing != INJECT_MEMORY)
        rc = err_set(err, ERR_MALFORMED, "%s was given up: %.300s", c->name, c->err.text);
    return rc;
}

/* Some turns of the loop, in which what was sent is committed before the end comes. */
static void linger(void)
{
    for (int turns = 0; turns < 5; turns++)
        uv_run(&loop, UV_RUN_ONCE);
}

/* `a` and (if there is one) `b` begin, send all and end, side by side. */
static int visit(struct camera *a, struct camera *b, struct err *err)
{
    struct camera *const who[] = {a, b};
    const int n = b ? 2 : 1;
    bool sent[2] = {false, false};
    int rc = ERR_OK;
    for (int i = 0; i < n; i++)
        sent[i] = begin(who[i]);
    wait_for_answers();
    for (int i = 0; i < n; i++) {
        if (sent[i] && rc == ERR_OK)
            rc = heard(who[i], "the begin", err);
        sent[i] = sent[i] && who[i]->rc == ERR_OK && send_bytes(who[i], who[i]->n);
    }
    if (!b)
        linger();
    for (int i = 0; i < n; i++) {
        struct wire_stats stats = {.packets = 1};
        if (sent[i])
            store_finish(store, who[i]->t, &stats, on_answer);
        who[i]->waits = sent[i];
    }
    wait_for_answers();
    for (int i = 0; i < n; i++)
        if (sent[i] && rc == ERR_OK)
            rc = heard_end(who[i], err);
    return rc;
}

static int visit_until_acked(struct camera *a, struct camera *b, struct err *err)
{
    int rc = ERR_OK;
    a->acked = false;
    if (b)
        b->acked = false;
    for (int tries = 0; rc == ERR_OK && !(a->acked && (!b || b->acked)); tries++) {
        if (tries == 6)
            return err_set(err, ERR_MALFORMED, "%s comes in vain", a->name);
        rc = visit(a, b, err);
        if (inject_reached())
            inject_disarm();
    }
    return rc;
}

/* One breaks off in the middle, one before it is heard. */
static int break_off(struct camera *middle, struct camera *early, struct err *err)
{
    int rc = ERR_OK;
    if (begin(early))
        hang_up(early);
    if (!begin(middle))
        return ERR_OK;
    wait_for_answers();
    rc = heard(middle, "the begin", err);
    if (middle->rc == ERR_OK && send_bytes(middle, 5 * 1024))
        hang_up(middle);
    return rc;
}

/* ---- the scenario ---- */

static int open_store(const char *root, struct err *err)
{
    static const struct store_options options = {
        .commit_ms = 1, .commit_bytes = 32 << 10, .queued_bytes = 8 << 20, .retry_ms = 1};
    if (uv_loop_init(&loop) != 0)
        return err_set(err, ERR_NOMEM, "no loop");
    return store_open(&store, root, &loop, &options, err);
}

static void close_store(void)
{
    store_close(&store);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

/* Front breaks off and goes on. Rear comes a second time with the same file, of which the last
 * bytes and the end are in one batch, and driver, of which only the end is. Driver hangs up at once
 * before. A negative return: something is wrong for good. */
static int work(struct err *err)
{
    int rc = break_off(front, driver, err);
    if (rc == ERR_OK)
        rc = visit_until_acked(front, rear, err);
    if (rc == ERR_OK)
        rc = visit_until_acked(driver, rear, err);
    return rc < 0 ? rc : visit_until_acked(driver, NULL, err);
}

static int open_and_work(const char *root)
{
    struct err err = {0};
    int rc = open_store(root, &err);
    bool opened = rc == ERR_OK;
    if (opened && (rc = work(&err)) < 0)
        print_error("%s\n", err.text);
    close_store();
    return rc;
}

static int only_open(const char *root)
{
    struct err err;
    int rc = open_store(root, &err);
    close_store();
    return rc;
}

/* ---- what must be true ---- */

struct compared {
    const struct camera *c;
    size_t at;
};

static int compare(void *arg, const void *data, size_t n, struct err *err)
{
    struct compared *to = arg;
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        if (to->at + i >= to->c->n || p[i] != byte_at(to->c, to->at + i))
            return err_set(err, ERR_MALFORMED, "byte %zu is wrong", to->at + i);
    to->at += n;
    return ERR_OK;
}

static void id_of(const struct camera *c, char *id, size_t room)
{
    snprintf(id, room, "352093081452251-%s-video-20241129T072345Z", c->name);
}

/* The transfers that are in `acks` are stored, bit-exact; by the databases alone. Returns how many
 * of them have their jobs. */
static int are_stored(const char *root, const char *acks)
{
    struct err err;
    struct catalogue *catalogue = NULL;
    struct raw *raw = NULL;
    assert_ok(catalogue_open(&catalogue, root, true, &err));
    assert_ok(raw_open(&raw, root, &err));
    int published = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct camera *c = &cameras[i];
        struct catalogue_transfer t;
        struct compared to = {c, 0};
        char id[CATALOGUE_ID_ROOM];
        int64_t n;
        bool sealed;
        if (!strchr(acks, c->name[0]))
            continue;
        id_of(c, id, sizeof id);
        assert_ok(catalogue_transfer_get(catalogue, id, &t, &err));
        assert_int_equal(t.state, CATALOGUE_STORED);
        assert_int_equal(t.length_bytes, c->n);
        assert_int_equal(strlen(t.sha256), 64);
        assert_ok(raw_stat(raw, t.day, t.key, &n, &sealed, NULL, &err));
        assert_true(sealed);
        assert_int_equal(n, c->n);
        assert_ok(raw_copy(raw, t.day, t.key, compare, &to, &err));
        assert_int_equal(to.at, c->n);
        published += t.published;
    }
    catalogue_close(&catalogue);
    raw_close(&raw);
    return published;
}

/* The only row of a query on both databases (catalogue.db and raw, the day's), as text. */
static void is_row(const char *root, const char *sql, const char *want)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    snprintf(path, sizeof path, "ATTACH '%s/raw/" DAY ".db' AS raw", root);
    snprintf(path + 256, sizeof path - 256, "%s/catalogue.db", root);
    assert_int_equal(sqlite3_open(path + 256, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, path, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), want);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void has_job(const char *root, const struct camera *c)
{
    char id[CATALOGUE_ID_ROOM], path[512], want[256];
    id_of(c, id, sizeof id);
    snprintf(path, sizeof path, "%s/spool/convert/new/%s/job.json", root, id);
    snprintf(want, sizeof want, "{\"version\": 1, \"id\": \"%s\"}\n", id);
    struct buf json = support_read(path);
    assert_int_equal(json.used, strlen(want));
    assert_memory_equal(buf_data(&json), want, json.used);
    buf_clear(&json);
}

/* Three files came, and nothing else is there. The integrity is of both databases. */
static void is_right(const char *root)
{
    char path[512];
    is_row(root,
           "SELECT (SELECT count(*) || ' ' || sum(published) FROM transfer) || ' ' ||"
           " (SELECT count(*) FROM raw.master) || ' ' ||"
           " (SELECT count(DISTINCT key) FROM raw.chunk)",
           "3 3 3 3");
    is_row(root, "PRAGMA integrity_check", "ok");
    for (size_t i = 0; i < 3; i++)
        has_job(root, &cameras[i]);
    snprintf(path, sizeof path, "%s/spool/convert/new", root);
    assert_int_equal(support_entries(path), 3);
}

/* ---- rounds ---- */

static bool run_round(enum inject_kind kind, enum inject_how how, long n, bool opened)
{
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    struct err err = {0};
    failing = kind;
    if (opened)
        assert_ok(open_store(root, &err));
    inject_arm(kind, how, n);
    int rc = opened ? ERR_OK : open_store(root, &err);
    inject_check_told(rc, &err);
    if (rc == ERR_OK)
        assert_ok(work(&err));
    bool more = inject_disarm();
    close_store();
    if (rc < 0)
        assert_int_equal(open_and_work(root), ERR_OK);
    if (are_stored(root, ALL) < 3) /* its last moment failed: the next start publishes them */
        assert_int_equal(only_open(root), ERR_OK);
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

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[16];
    struct err err;
    (void)how;
    failing = kind;
    assert_ok(open_store(root, &err)); /* makes what raw's and catalogue's tests kill at */
    close_store();
    bool more = inject_killed(open_and_work, root, n, acks, sizeof acks);
    are_stored(root, acks);
    assert_int_equal(open_and_work(root), ERR_OK);
    are_stored(root, ALL);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

/* ---- the repair ---- */

static void sql(const char *root, const char *text)
{
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* As it is when the process dies: front in the middle; rear right before its row was changed;
 * driver right before its job was made; and of one more nothing came. */
static void leave_a_crash(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    assert_ok(open_store(root, &err));
    assert_ok(visit_until_acked(driver, rear, &err));
    assert_true(begin(front));
    wait_for_answers();
    assert_true(send_bytes(front, 5 * 1024));
    hang_up(front);
    close_store();
    assert_ok(spool_open(&spool, root, "convert", &err));
    while (spool_claim(spool, &job, &err) == ERR_OK && job)
        assert_ok(spool_finish(spool, &job, &err));
    spool_close(&spool);
    sql(root, "DELETE FROM arrival WHERE transfer IN"
              "  (SELECT key FROM transfer WHERE camera <> 'driver');"
              "UPDATE transfer SET published = 0;"
              "UPDATE transfer SET state = 'receiving', sha256 = NULL WHERE camera <> 'driver';"
              "INSERT INTO transfer(id, imei, camera, kind, source, state, published, day,"
              "  arrived_us, length_bytes, known, protocol_id, packets, crc_errors, resumes)"
              " VALUES('x', '352093081452251', 'rear', 'video', 'camera', 'receiving', 0, '" DAY
              "', 1, 0, 0, 5, 0, 0, 0)");
}

static void is_repaired(const char *root)
{
    char path[512];
    are_stored(root, "rd");
    is_row(root, "SELECT count(*) || ' ' || sum(published) FROM transfer", "3 2");
    is_row(root,
           "SELECT group_concat(camera || ' ' || state || ' ' || until_bytes || ' ' ||"
           " (ended LIKE '%unclean shutdown%'), ', ') FROM (SELECT * FROM transfer JOIN arrival"
           "  ON transfer.key = transfer ORDER BY camera)",
           "driver stored 2049 0, front partial 5120 1, rear stored 40960 1");
    has_job(root, rear);
    has_job(root, driver);
    snprintf(path, sizeof path, "%s/spool/convert/new", root);
    assert_int_equal(support_entries(path), 2);
    is_row(root, "PRAGMA integrity_check", "ok");
}

static bool round_of_repair(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    struct err err = {0};
    leave_a_crash(root);
    inject_arm(kind, how, n);
    int rc = open_store(root, &err);
    inject_check_told(rc, &err);
    close_store();
    bool more = inject_disarm();
    if (rc < 0) {
        assert_ok(open_store(root, &err));
        close_store();
    }
    is_repaired(root);
    inject_check_left(before);
    support_tmp_remove(&root);
    return more;
}

static bool round_of_killing_the_repair(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[4];
    (void)kind;
    (void)how;
    leave_a_crash(root);
    bool more = inject_killed(only_open, root, n, acks, sizeof acks);
    assert_int_equal(only_open(root), ERR_OK);
    is_repaired(root);
    support_tmp_remove(&root);
    return more;
}

/* ---- tests ---- */

static void test_a_repair_that_fails_is_done_by_the_next_start(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 97, round_of_repair);
    inject_each(INJECT_FILES, INJECT_ONCE, 5, round_of_repair);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 2, round_of_repair);
    inject_each(INJECT_STEPS, INJECT_ONCE, 1, round_of_repair);
}

static void test_a_kill_in_the_repair_is_repaired_too(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 2, round_of_killing_the_repair);
}

/* A store is opened mostly by SQLite reading schemas, as in the tests of raw and catalogue. */
static void test_memory_that_fails_loses_nothing_acknowledged(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 199, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 199, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_ONCE, 17, round_on_an_open_store);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 41, round_on_an_open_store);
}

static void test_a_disk_that_fails_is_waited_out(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 13, round_of_failure);
    inject_each(INJECT_FILES, INJECT_ONCE, 3, round_on_an_open_store);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 11, round_on_an_open_store);
}

static void test_a_full_disk_is_waited_out(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 7, round_on_an_open_store);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 3, round_on_an_open_store);
}

static void test_a_step_that_fails_is_tried_again(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 1, round_on_an_open_store);
    inject_each(INJECT_STEPS, INJECT_FOR_EVER, 3, round_on_an_open_store);
}

static void test_a_kill_between_any_two_changes_loses_nothing_acknowledged(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 3, round_of_killing);
}

/* libuv keeps some descriptors from its first loop on. */
static int open_and_forget(void)
{
    int rc = uv_loop_init(&loop);
    return rc == 0 ? uv_loop_close(&loop) : rc;
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_repair_that_fails_is_done_by_the_next_start),
        T(test_a_kill_in_the_repair_is_repaired_too),
        T(test_memory_that_fails_loses_nothing_acknowledged),
        T(test_a_disk_that_fails_is_waited_out),
        T(test_a_full_disk_is_waited_out),
        T(test_a_step_that_fails_is_tried_again),
        T(test_a_kill_between_any_two_changes_loses_nothing_acknowledged),
    };
    inject_install();
    log_setup(LOG_LEVEL_ERROR, false);
    assert_int_equal(open_and_forget(), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "dashspool/catalogue.h"
#include "dashspool/catalogue_check.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */
#define S  INT64_C(1000000)

struct fixture {
    char *root;
    struct catalogue *c;
};

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    f->root = support_tmp_dir();
    assert_ok(catalogue_open(&f->c, f->root, true, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    catalogue_close(&f->c);
    support_tmp_remove(&f->root);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    struct err err;
    catalogue_close(&f->c);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
}

/* One number out of the file, past the module; also runs what changes it. */
static int64_t sql(const struct fixture *f, const char *text)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t v = -1;
    snprintf(path, sizeof path, "%s/catalogue.db", f->root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (const char *rest = text; *rest; sqlite3_finalize(st)) {
        if (sqlite3_prepare_v2(db, rest, -1, &st, &rest) != SQLITE_OK)
            fail_msg("%s: %s", text, sqlite3_errmsg(db));
        int rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            v = sqlite3_column_int64(st, 0);
        else if (rc != SQLITE_DONE)
            fail_msg("%s: %s", text, sqlite3_errmsg(db));
    }
    sqlite3_close(db);
    return v;
}

static struct catalogue_transfer transfer(const char *imei, const char *camera, int64_t time_us)
{
    struct catalogue_transfer t = {
        .source = "camera",
        .kind = "video",
        .state = CATALOGUE_RECEIVING,
        .day = "2026-11-21",
        .arrived_us = T0 + 3600 * S,
        .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK,
        .time_us = time_us,
        .protocol_id = 5,
    };
    snprintf(t.imei, sizeof t.imei, "%s", imei);
    snprintf(t.camera, sizeof t.camera, "%s", camera);
    return t;
}

static struct catalogue_transfer add(struct fixture *f, const char *imei, const char *camera,
                                     int64_t time_us)
{
    struct err err;
    struct catalogue_transfer t = transfer(imei, camera, time_us);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    return t;
}

static struct catalogue_transfer get(struct fixture *f, const char *id)
{
    struct err err;
    struct catalogue_transfer t;
    memset(&t, 0xee, sizeof t);
    assert_ok(catalogue_transfer_get(f->c, id, &t, &err));
    return t;
}

/* memcmp would also compare what is behind the texts' ends. */
static void same_bytes(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
    assert_int_equal(a_n, b_n);
    assert_memory_equal(a, b, a_n);
}

static void assert_same(const struct catalogue_transfer *a, const struct catalogue_transfer *b)
{
    assert_int_equal(a->key, b->key);
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->imei, b->imei);
    assert_string_equal(a->camera, b->camera);
    assert_string_equal(a->kind, b->kind);
    assert_string_equal(a->source, b->source);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->published, b->published);
    assert_string_equal(a->day, b->day);
    assert_int_equal(a->arrived_us, b->arrived_us);
    assert_int_equal(a->completed_us, b->completed_us);
    assert_int_equal(a->length_bytes, b->length_bytes);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->meta_version, b->meta_version);
    assert_int_equal(a->time_us, b->time_us);
    assert_int_equal(a->trigger, b->trigger);
    assert_string_equal(a->trigger_name, b->trigger_name);
    assert_int_equal(a->length_s, b->length_s);
    assert_int_equal(a->fps, b->fps);
    assert_int_equal(a->tz_min, b->tz_min);
    assert_memory_equal(&a->lat_deg, &b->lat_deg, sizeof a->lat_deg);
    assert_memory_equal(&a->lon_deg, &b->lon_deg, sizeof a->lon_deg);
    assert_int_equal(a->trigger_time_us, b->trigger_time_us);
    assert_string_equal(a->peer, b->peer);
    assert_int_equal(a->protocol_id, b->protocol_id);
    assert_int_equal(a->packets, b->packets);
    assert_int_equal(a->crc_errors, b->crc_errors);
    assert_int_equal(a->resumes, b->resumes);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->bytes_lost, b->bytes_lost);
    assert_int_equal(a->duplicates, b->duplicates);
    assert_int_equal(a->events, b->events);
    assert_string_equal(a->driver, b->driver);
    same_bytes(a->wire.init, a->wire.init_n, b->wire.init, b->wire.init_n);
    same_bytes(a->wire.start, a->wire.start_n, b->wire.start, b->wire.start_n);
    same_bytes(a->wire.path, a->wire.path_n, b->wire.path, b->wire.path_n);
    same_bytes(a->wire.meta, a->wire.meta_n, b->wire.meta, b->wire.meta_n);
}

static void fill(struct catalogue_transfer *t)
{
    t->state = CATALOGUE_STORED;
    t->published = true;
    t->completed_us = T0 + 7200 * S;
    t->length_bytes = INT64_C(4000000000);
    memset(t->sha256, 'a', 64);
    t->known = 0xff;
    t->meta_version = 4;
    t->trigger = 200;
    snprintf(t->trigger_name, sizeof t->trigger_name, "%s", "crash");
    t->length_s = 65535;
    t->fps = 20;
    t->tz_min = -210;
    t->lat_deg = 54.687155999999999;
    t->lon_deg = -0.1;
    t->trigger_time_us = T0 + 1;
    snprintf(t->peer, sizeof t->peer, "%s", "[2001:db8::1]:40000");
    t->packets = 1 << 20;
    t->crc_errors = 3;
    t->resumes = 4;
    t->connections = 7;
    t->bytes_lost = INT64_C(5000000000);
    t->duplicates = 9;
    t->events = 0x1ff;
    snprintf(t->driver, sizeof t->driver, "%s", "Jonas Žukas");
    t->wire = (struct catalogue_wire){.init = {0, 0, 0, 5}, .init_n = 16, .start_n = 1};
    t->wire.meta_n = sizeof t->wire.meta;
    memset(t->wire.meta, 0x5a, sizeof t->wire.meta);
    t->wire.path_n = sizeof t->wire.path;
    memset(t->wire.path, 'p', sizeof t->wire.path);
}

static void test_every_column_comes_back(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, "350000000000001", "front", T0), back;
    assert_string_equal(t.id, "350000000000001-front-video-20241129T072345Z");
    assert_true(t.key > 0);
    back = get(f, t.id);
    assert_same(&t, &back);
    fill(&t);
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    reopen(f);
    back = get(f, t.id);
    assert_same(&t, &back);
}

static void test_what_was_absent_is_null_and_what_was_zero_is_not(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = transfer("350000000000001", "rear", 0);
    t.known = 0;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_int_equal(
        sql(f, "SELECT meta_version IS NULL AND time_us IS NULL AND trigger_raw IS NULL"
               " AND trigger_name IS NULL AND length_s IS NULL AND fps IS NULL AND tz_min IS NULL"
               " AND lat_deg IS NULL AND lon_deg IS NULL AND trigger_time_us IS NULL"
               " AND sha256 IS NULL AND completed_us IS NULL AND init IS NULL FROM transfer"),
        1);
    t.known = CATALOGUE_HAS_META | CATALOGUE_ZONE_OK | CATALOGUE_POSITION_OK;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(sql(f, "SELECT trigger_raw=0 AND tz_min=0 AND lat_deg=0.0 AND lon_deg=0.0"
                            " AND fps IS NULL FROM transfer"),
                     1);
    struct catalogue_transfer back = get(f, t.id);
    assert_same(&t, &back);
}

static void test_taken_ids_get_the_next_number(void **state)
{
    struct fixture *f = *state;
    char expected[CATALOGUE_ID_ROOM];
    for (int i = 1; i <= 40; i++) {
        struct catalogue_transfer t = add(f, "350000000000001", "front", T0 + i);
        snprintf(expected, sizeof expected, "350000000000001-front-video-20241129T072345Z%s%.0d",
                 i > 1 ? "-" : "", i > 1 ? i : 0);
        assert_string_equal(t.id, expected);
    }
    /* its own camera has its own numbers */
    struct catalogue_transfer t = add(f, "350000000000001", "rear", T0);
    assert_string_equal(t.id, "350000000000001-rear-video-20241129T072345Z");
}

static void test_an_unknown_time_is_named_by_the_arrival(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = transfer("350000000000001", "front", T0 + 999 * S);
    t.known = CATALOGUE_HAS_META;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_string_equal(t.id, "350000000000001-front-video-20241129T082345Z");
}

static void test_what_cannot_be_a_file_name_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const bad[] = {"", "../x", "a b", "a-b", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct catalogue_transfer t = transfer(bad[i], "front", T0);
        assert_err(ERR_MALFORMED, catalogue_transfer_add(f->c, &t, &err));
        t = transfer("350000000000001", bad[i], T0);
        assert_err(ERR_MALFORMED, catalogue_transfer_add(f->c, &t, &err));
    }
    assert_int_equal(sql(f, "SELECT count(*) FROM transfer"), 0);
    assert_int_equal(sql(f, "SELECT count(*) FROM camera"), 0);
}

static void test_keys_are_never_used_twice(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, "350000000000001", "front", T0), other;
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_get(f->c, t.id, &other, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_update(f->c, &t, &err));
    reopen(f);
    other = add(f, "350000000000001", "front", T0);
    assert_string_equal(other.id, t.id);
    assert_true(other.key > t.key);
}

static void test_a_camera_is_noted_with_first_and_last_sight(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const int64_t seen[] = {50, 10, 90};
    for (int i = 0; i < 3; i++) {
        struct catalogue_transfer t = transfer("350000000000001", "front", T0);
        t.arrived_us = seen[i];
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    assert_int_equal(sql(f, "SELECT count(*) FROM camera WHERE imei='350000000000001'"
                            " AND camera='front' AND first_us=10 AND last_us=90"),
                     1);
}

/* The ids' last letters that a filter gives, in order, as a text. */
struct seen {
    char text[64];
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

static void assert_each(struct fixture *f, const struct catalogue_filter *filter,
                        const char *expected)
{
    struct err err;
    struct seen seen = {.n = 0};
    assert_ok(catalogue_transfer_each(f->c, filter, note, &seen, &err));
    assert_string_equal(seen.text, expected);
}

static void add_lettered(struct fixture *f, char letter, struct catalogue_transfer t)
{
    struct err err;
    t.peer[0] = letter;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
}

static void test_filters_choose_and_time_orders(void **state)
{
    struct fixture *f = *state;
    struct catalogue_transfer t = transfer("350000000000002", "rear", T0 + 20 * S);
    t.state = CATALOGUE_STORED;
    add_lettered(f, 'c', t);
    add_lettered(f, 'b', transfer("350000000000001", "front", T0 + 10 * S));
    t = transfer("350000000000001", "rear", T0);
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    t.state = CATALOGUE_STORED;
    t.published = true;
    add_lettered(f, 'a', t);
    t = transfer("350000000000001", "rear", 0); /* no time: where it arrived, an hour after */
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
    struct fixture *f = arg;
    struct catalogue_transfer mine = *t;
    mine.published = true;
    int rc = catalogue_transfer_update(f->c, &mine, err);
    return rc < 0 ? rc : catalogue_transfer_remove(f->c, t->key + 1, err);
}

static void test_the_callers_function_may_write(void **state)
{
    struct fixture *f = *state;
    struct err err;
    for (int i = 0; i < 10; i++) {
        struct catalogue_transfer t = transfer("350000000000001", "front", T0 + i * S);
        t.state = CATALOGUE_STORED;
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    struct catalogue_filter unpublished = {.unpublished = true};
    assert_ok(catalogue_transfer_each(f->c, &unpublished, publish_and_remove_others, f, &err));
    assert_int_equal(sql(f, "SELECT count(*) FROM transfer"), 5);
    assert_int_equal(sql(f, "SELECT count(*) FROM transfer WHERE published"), 5);
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
    struct fixture *f = *state;
    struct err err;
    int calls = 0;
    add(f, "350000000000001", "front", T0);
    add(f, "350000000000001", "front", T0);
    assert_err(ERR_AGAIN, catalogue_transfer_each(f->c, NULL, stop, &calls, &err));
    assert_int_equal(calls, 1);
}

static void test_the_same_file_is_recognised_and_the_oldest_told(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t[4], found;
    for (int i = 0; i < 4; i++) {
        t[i] = add(f, "350000000000001", "front", T0);
        fill(&t[i]);
        t[i].state = i == 0 ? CATALOGUE_PARTIAL : CATALOGUE_STORED;
        assert_ok(catalogue_transfer_update(f->c, &t[i], &err));
    }
    assert_ok(catalogue_transfer_same(f->c, &t[3], &found, &err));
    assert_int_equal(found.key, t[1].key); /* [0] is partial */
    assert_ok(catalogue_transfer_same(f->c, &t[1], &found, &err));
    assert_int_equal(found.key, t[2].key); /* never itself */
    struct catalogue_transfer other = t[3];
    other.sha256[0] = 'b';
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, &found, &err));
    other = t[3];
    other.length_bytes++;
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, &found, &err));
    other = t[3];
    snprintf(other.camera, sizeof other.camera, "rear");
    assert_err(ERR_NOTFOUND, catalogue_transfer_same(f->c, &other, &found, &err));
}

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)err;
    struct catalogue_copy **at = arg;
    *(*at)++ = *copy;
    return 0;
}

static void put_copy(struct fixture *f, int64_t key, const char *kind, const char *path, int64_t n)
{
    struct err err;
    struct catalogue_copy copy = {.length_bytes = n, .made_us = T0, .settings = "{\"fps\":20}"};
    snprintf(copy.kind, sizeof copy.kind, "%s", kind);
    snprintf(copy.path, sizeof copy.path, "%s", path);
    memset(copy.sha256, 'c', 64);
    snprintf(copy.tool, sizeof copy.tool, "dashspool 0.1.0");
    assert_ok(catalogue_copy_put(f->c, key, &copy, &err));
}

static void test_copies_are_listed_replaced_and_go_with_their_transfer(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, "350000000000001", "front", T0);
    put_copy(f, t.key, "working", "archive/a.mp4", 1);
    put_copy(f, t.key, "viewing", "archive/b.mp4", 2);
    put_copy(f, t.key, "working", "archive/a.mp4", 3);
    struct catalogue_copy got[4], *end = got;
    assert_ok(catalogue_copy_each(f->c, t.key, note_copy, &end, &err));
    assert_int_equal(end - got, 2);
    assert_string_equal(got[0].kind, "viewing");
    assert_string_equal(got[1].path, "archive/a.mp4");
    assert_int_equal(got[1].length_bytes, 3);
    assert_int_equal(got[1].made_us, T0);
    assert_int_equal(strlen(got[1].sha256), 64);
    assert_string_equal(got[1].tool, "dashspool 0.1.0");
    assert_string_equal(got[1].settings, "{\"fps\":20}");
    assert_err(ERR_NOTFOUND, catalogue_copy_put(f->c, t.key + 1, &got[0], &err));
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(sql(f, "SELECT count(*) FROM copy"), 0);
}

static void test_a_rollback_undoes_all_of_it(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t;
    assert_ok(catalogue_begin(f->c, &err));
    t = add(f, "350000000000001", "front", T0);
    put_copy(f, t.key, "working", "archive/a.mp4", 1);
    catalogue_rollback(f->c);
    assert_int_equal(sql(f, "SELECT (SELECT count(*) FROM transfer) + (SELECT count(*) FROM camera)"
                            " + (SELECT count(*) FROM copy)"),
                     0);
    assert_ok(catalogue_begin(f->c, &err));
    t = add(f, "350000000000001", "front", T0);
    assert_ok(catalogue_commit(f->c, &err));
    reopen(f);
    get(f, t.id);
}

static void test_a_writer_killed_in_a_transaction_leaves_nothing_of_it(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer kept = add(f, "350000000000001", "front", T0);
    catalogue_close(&f->c);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct catalogue *c = NULL;
        struct catalogue_transfer t = transfer("350000000000009", "front", T0);
        if (catalogue_open(&c, f->root, false, &err) < 0 || catalogue_begin(c, &err) < 0 ||
            catalogue_transfer_add(c, &t, &err) < 0 ||
            catalogue_transfer_remove(c, kept.key, &err) < 0)
            _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    get(f, kept.id);
    assert_int_equal(sql(f, "SELECT count(*) FROM transfer"), 1);
}

#define WRITERS 4
#define WRITES  25

static int write_many(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    if (catalogue_open(&c, root, true, &err) < 0) {
        fprintf(stderr, "open: %s\n", err.text);
        return 1;
    }
    for (int i = 0; i < WRITES; i++) {
        struct catalogue_transfer t = transfer("350000000000001", "front", T0);
        if (catalogue_transfer_add(c, &t, &err) < 0)
            return 2;
    }
    catalogue_close(&c);
    return 0;
}

static void test_processes_that_create_and_write_at_once_lose_nothing(void **state)
{
    struct fixture *f = *state;
    catalogue_close(&f->c);
    support_tmp_remove(&f->root);
    f->root = support_tmp_dir();
    pid_t pids[WRITERS];
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0)
            _exit(write_many(f->root));
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(sql(f, "SELECT count(DISTINCT id) FROM transfer"), WRITERS * WRITES);
}

static void test_a_tampered_row_is_told_not_cut_off(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const tampering[] = {
        "UPDATE transfer SET peer=hex(zeroblob(32))",
        "UPDATE transfer SET day='2026-11-211'",
        "UPDATE transfer SET day=CAST(x'320030' AS TEXT)",
        "UPDATE transfer SET kind='12345678'",
        "UPDATE transfer SET trigger_name=hex(zeroblob(12))",
        "UPDATE transfer SET sha256=hex(zeroblob(33))",
        "UPDATE transfer SET meta=zeroblob(4097)",
        "UPDATE transfer SET fps=2147483648",
        "UPDATE transfer SET length_bytes=-1",
        "UPDATE transfer SET known=-1",
        "PRAGMA ignore_check_constraints=1; UPDATE transfer SET state='sold'",
        "PRAGMA ignore_check_constraints=1; UPDATE transfer SET published=2",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'init BLOB', 'init "
        "ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET init='text'",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'fps INTEGER', 'fps "
        "ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET fps='twenty'",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'lat_deg REAL', "
        "'lat_deg ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET lat_deg='north'",
    };
    for (size_t i = 0; i < sizeof tampering / sizeof *tampering; i++) {
        struct catalogue_transfer t = add(f, "350000000000001", "front", T0), got;
        catalogue_close(&f->c);
        sql(f, tampering[i]);
        assert_ok(catalogue_open(&f->c, f->root, false, &err));
        int rc = catalogue_transfer_get(f->c, t.id, &got, &err);
        if (rc != ERR_MALFORMED)
            fail_msg("after \"%s\": %s", tampering[i], err_name(rc));
        int calls = 0;
        assert_err(ERR_MALFORMED, catalogue_transfer_each(f->c, NULL, stop, &calls, &err));
        assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    }
}

static void test_a_newer_schema_and_a_foreign_file_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char path[512];
    catalogue_close(&f->c);
    sql(f, "PRAGMA user_version=7");
    assert_err(ERR_UNSUPPORTED, catalogue_open(&f->c, f->root, true, &err));
    assert_null(f->c);
    sql(f, "PRAGMA user_version=6; PRAGMA application_id=7");
    assert_err(ERR_MALFORMED, catalogue_open(&f->c, f->root, true, &err));
    snprintf(path, sizeof path, "%s/catalogue.db", f->root);
    support_write(path, "this is no database, but long enough to be asked", 48);
    assert_err(ERR_MALFORMED, catalogue_open(&f->c, f->root, true, &err));
    support_write(path, "", 0);
    assert_err(ERR_NOTFOUND, catalogue_open(&f->c, f->root, false, &err));
    assert_ok(catalogue_open(&f->c, f->root, true, &err));
}

static void test_a_missing_or_unusable_root_is_named(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue *c = NULL;
    char path[400], inside[512];
    snprintf(path, sizeof path, "%s/none/deeper", f->root);
    assert_err(ERR_NOTFOUND, catalogue_open(&c, path, false, &err));
    assert_false(support_exists(path));
    assert_ok(catalogue_open(&c, path, true, &err));
    catalogue_close(&c);
    assert_ok(catalogue_open(&c, path, false, &err));
    catalogue_close(&c);
    snprintf(path, sizeof path, "%s/file", f->root);
    support_write(path, "x", 1);
    assert_err(ERR_CONFIG, catalogue_open(&c, path, true, &err));
    assert_null(c);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof path, "%s/dir", f->root);
    snprintf(inside, sizeof inside, "%s/catalogue.db", path);
    assert_ok(fsx_mkdirs(inside, &err));
    assert_err(ERR_CONFIG, catalogue_open(&c, path, true, &err));
    assert_non_null(strstr(err.text, inside));
}

static struct catalogue_transfer partial_of(const char *imei, int64_t time_us, int64_t length)
{
    struct catalogue_transfer t = transfer(imei, "front", time_us);
    t.state = CATALOGUE_PARTIAL;
    t.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK;
    t.length_s = 10;
    t.length_bytes = length;
    t.wire.meta_n = 32;
    t.wire.start_n = 10;
    t.wire.start[7] = 99;
    return t;
}

static void test_only_the_same_file_is_resumable(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer shorter = partial_of("350612071913857", T0, 1024),
                              longer = partial_of("350612071913857", T0, 5 * 1024), out, t;
    assert_ok(catalogue_transfer_add(f->c, &longer, &err));
    assert_ok(catalogue_transfer_add(f->c, &shorter, &err));
    t = partial_of("350612071913857", T0, 0);
    assert_ok(catalogue_transfer_resumable(f->c, &t, &out, &err));
    assert_int_equal(out.key, longer.key);
    for (int i = 0; i < 7; i++) {
        t = partial_of(i == 0 ? "352094082736916" : "350612071913857", T0 + (i == 1), 0);
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
    t = partial_of("350612071913857", T0, 0);
    t.known = CATALOGUE_HAS_META;
    assert_err(ERR_NOTFOUND, catalogue_transfer_resumable(f->c, &t, &out, &err));
    longer.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &longer, &err));
    t = partial_of("350612071913857", T0, 0);
    assert_ok(catalogue_transfer_resumable(f->c, &t, &out, &err));
    assert_int_equal(out.key, shorter.key);
}

static void test_the_load_of_a_camera_counts_from_a_moment_on(void **state)
{
    struct fixture *f = *state;
    struct err err;
    int64_t transfers, bytes;
    for (int i = 0; i < 3; i++) {
        struct catalogue_transfer t =
            partial_of(i == 2 ? "352094082736916" : "350612071913857", T0, 1000 + i);
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

static int count_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    int *n = arg;
    (void)err;
    assert_int_equal(a->from_bytes, *n * 1024);
    assert_int_equal(a->until_bytes, *n * 1024 + 1024);
    assert_string_equal(a->errors, *n ? "0 2048" : "");
    assert_string_equal(a->ended, "the camera closed");
    assert_int_equal(a->crc_errors + a->resumes + a->bytes_lost + a->duplicates, 2 + 3 + 4 + 5);
    ++*n;
    return ERR_OK;
}

static void test_parts_of_a_transfer_are_kept_in_order_and_go_with_it(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 0);
    int n = 0;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    for (int i = 0; i < 3; i++) {
        struct catalogue_arrival a = {.peer = "10.0.0.1:1",
                                      .from_bytes = i * 1024,
                                      .until_bytes = i * 1024 + 1024,
                                      .packets = 1,
                                      .crc_errors = 2,
                                      .resumes = 3,
                                      .bytes_lost = 4,
                                      .duplicates = 5,
                                      .ended = "the camera closed"};
        snprintf(a.errors, sizeof a.errors, "%s", i ? "0 2048" : "");
        assert_ok(catalogue_arrival_add(f->c, t.key, &a, &err));
        assert_err(ERR_NOTFOUND, catalogue_arrival_add(f->c, t.key + 1, &a, &err));
    }
    assert_ok(catalogue_arrival_each(f->c, t.key, count_arrival, &n, &err));
    assert_int_equal(n, 3);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(sql(f, "SELECT count(*) FROM arrival"), 0);
}

/* What version 1 of the schema lacks is added; nothing is lost. */
static void test_an_older_catalogue_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024), out;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    catalogue_close(&f->c);
    sql(f, "DROP TABLE seen; DROP TABLE origin; DROP TABLE custody; DROP TABLE arrival; DROP INDEX "
           "transfer_arrived;"
           "ALTER TABLE transfer DROP COLUMN path; ALTER TABLE transfer DROP COLUMN events;"
           "ALTER TABLE transfer DROP COLUMN driver; ALTER TABLE transfer DROP COLUMN connections;"
           "ALTER TABLE transfer DROP COLUMN bytes_lost;"
           "ALTER TABLE transfer DROP COLUMN duplicates; DROP TABLE done; DROP TABLE protection;"
           "DROP TABLE due; PRAGMA user_version = 1;");
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    assert_int_equal(sql(f, "PRAGMA user_version"), 6);
    assert_ok(catalogue_transfer_get(f->c, t.id, &out, &err));
    assert_int_equal(out.length_bytes, 1024);
    assert_int_equal(out.connections, 1);
    struct catalogue_arrival a = {.peer = "x"};
    assert_ok(catalogue_arrival_add(f->c, t.key, &a, &err));
}

static struct catalogue_origin origin_of(const char *path)
{
    struct catalogue_origin o = {.stat = {.inode = -7, .length_bytes = 5, .mtime_ns = T0 * 1000},
                                 .note = "it ends within a record"};
    snprintf(o.path, sizeof o.path, "%s", path);
    return o;
}

static void test_where_a_file_came_from(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024);
    struct catalogue_origin o = origin_of("/in/a\nb\xff.h265"), out;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_get(f->c, t.key, &out, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_put(f->c, t.key + 1, &o, &err));
    assert_ok(catalogue_origin_put(f->c, t.key, &o, &err));
    o.whole = true;
    o.note[0] = '\0';
    assert_ok(catalogue_origin_put(f->c, t.key, &o, &err));
    reopen(f);
    assert_ok(catalogue_origin_get(f->c, t.key, &out, &err));
    assert_string_equal(out.path, o.path);
    assert_memory_equal(&out.stat, &o.stat, sizeof o.stat);
    assert_true(out.whole);
    assert_string_equal(out.note, "");
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_get(f->c, t.key, &out, &err));
}

static void test_files_that_were_seen(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_seen s = {.stat = {1, 2, 3}, .id = "x-front-video-1"}, out;
    memset(s.path, 'p', sizeof s.path - 1); /* the longest there can be */
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, s.path, &out, &err));
    assert_ok(catalogue_seen_put(f->c, &s, &err));
    s.stat.mtime_ns = INT64_MIN;
    assert_ok(catalogue_seen_put(f->c, &s, &err));
    reopen(f);
    assert_ok(catalogue_seen_get(f->c, s.path, &out, &err));
    assert_string_equal(out.path, s.path);
    assert_memory_equal(&out.stat, &s.stat, sizeof s.stat);
    assert_string_equal(out.id, s.id);
    assert_ok(catalogue_seen_remove(f->c, s.path, &err));
    assert_ok(catalogue_seen_remove(f->c, s.path, &err));
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, s.path, &out, &err));
    sql(f, "INSERT INTO seen VALUES(x'610062', 1, 1, 1, 'x')");
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, "a", &out, &err));
    sql(f, "INSERT INTO seen VALUES(x'61', 1, -1, 1, 'x')");
    assert_err(ERR_MALFORMED, catalogue_seen_get(f->c, "a", &out, &err));
}

struct paths {
    int n;
    char last[CATALOGUE_FILE_ROOM];
};

static int see_path(void *arg, const struct catalogue_seen *s, struct err *err)
{
    struct paths *p = arg;
    (void)err;
    assert_true(p->n == 0 || strcmp(p->last, s->path) < 0);
    memcpy(p->last, s->path, sizeof p->last);
    p->n++;
    return ERR_OK;
}

static void test_all_files_that_were_seen(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct paths p = {.n = 0};
    struct catalogue_seen s = {.stat = {1, 2, 3}, .id = "x-front-video-1"};
    static const char *const paths[] = {"/b", "/a/\xff", "/a", "\x01", "/a/b"};
    assert_ok(catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 0);
    for (int i = 0; i < 5; i++) {
        snprintf(s.path, sizeof s.path, "%s", paths[i]);
        assert_ok(catalogue_seen_put(f->c, &s, &err));
    }
    assert_ok(catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 5);
    assert_string_equal(p.last, "/b");
    sql(f, "UPDATE seen SET length_bytes = -1 WHERE path = x'2f61'"); /* "/a" */
    p.n = 0;
    assert_err(ERR_MALFORMED, catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 1);
}

/* Whatever camera it is said to be of; a partial with the same hash is nothing. */
static void test_the_same_content_is_found(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024), out;
    memset(t.sha256, 'c', 64);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_with(f->c, t.sha256, 1024, &out, &err));
    t.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_with(f->c, t.sha256, 1023, &out, &err));
    assert_ok(catalogue_transfer_with(f->c, t.sha256, 1024, &out, &err));
    assert_string_equal(out.id, t.id);
}

static int keep_line(void *arg, const char *line, struct err *err)
{
    char(*lines)[CUSTODY_LINE_ROOM] = arg;
    (void)err;
    int n = 0;
    while (lines[n][0])
        n++;
    snprintf(lines[n], CUSTODY_LINE_ROOM, "%s", line);
    return ERR_OK;
}

static void test_a_stage_is_done_once_and_goes_with_its_transfer(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024);
    int64_t at_us;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 5, 1, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 7, 2, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "convert", 8, 1, &err));
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 7);
    assert_ok(catalogue_done_remove(f->c, t.key, "upload", &err));
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_err(ERR_NOTFOUND, catalogue_done_put(f->c, t.key + 1, "upload", 5, 1, &err));
    assert_ok(catalogue_begin(f->c, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 5, 1, &err));
    catalogue_rollback(f->c);
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(sql(f, "SELECT count(*) FROM done"), 0);
}

static int keep_stage(void *arg, const struct catalogue_done *d, struct err *err)
{
    char *text = arg;
    size_t n = strlen(text);
    (void)err;
    snprintf(text + n, 200 - n, "%s %lld %d;", d->stage, (long long)d->at_us, d->attempt);
    return ERR_OK;
}

static void test_all_that_is_done_of_a_transfer(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024);
    char text[200] = "";
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_done_each(f->c, t.key, keep_stage, text, &err));
    assert_string_equal(text, "");
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 7, 2, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "convert", 8, 1, &err));
    assert_ok(catalogue_done_each(f->c, t.key, keep_stage, text, &err));
    assert_string_equal(text, "convert 8 1;upload 7 2;");
    sql(f, "UPDATE done SET at_us = -1 WHERE stage = 'convert'");
    assert_err(ERR_MALFORMED, catalogue_done_each(f->c, t.key, keep_stage, text, &err));
}

static void test_events_are_chained_and_go_back_with_a_rollback(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue_transfer t = partial_of("350612071913857", T0, 1024);
    static char lines[4][CUSTODY_LINE_ROOM];
    struct custody_chain chain = {0};
    struct custody_event e = {T0, "received", "a test", "{\"from\":\"x\"}"};
    memset(lines, 0, sizeof lines);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_begin(f->c, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    catalogue_rollback(f->c);
    e.event = "stored";
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_event_each(f->c, t.id, keep_line, lines, &err));
    assert_true(lines[1][0] && !lines[2][0]);
    for (int i = 0; i < 2; i++)
        assert_ok(custody_next(&chain, lines[i], strlen(lines[i]), &err));
    assert_string_equal(chain.event, "stored");
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(sql(f, "SELECT count(*) FROM custody"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_every_column_comes_back),
        T(test_what_was_absent_is_null_and_what_was_zero_is_not),
        T(test_taken_ids_get_the_next_number),
        T(test_an_unknown_time_is_named_by_the_arrival),
        T(test_what_cannot_be_a_file_name_is_refused),
        T(test_keys_are_never_used_twice),
        T(test_a_camera_is_noted_with_first_and_last_sight),
        T(test_filters_choose_and_time_orders),
        T(test_the_callers_function_may_write),
        T(test_the_callers_function_can_stop),
        T(test_the_same_file_is_recognised_and_the_oldest_told),
        T(test_copies_are_listed_replaced_and_go_with_their_transfer),
        T(test_a_rollback_undoes_all_of_it),
        T(test_a_writer_killed_in_a_transaction_leaves_nothing_of_it),
        T(test_processes_that_create_and_write_at_once_lose_nothing),
        T(test_a_tampered_row_is_told_not_cut_off),
        T(test_where_a_file_came_from),
        T(test_files_that_were_seen),
        T(test_all_files_that_were_seen),
        T(test_the_same_content_is_found),
        T(test_a_newer_schema_and_a_foreign_file_are_refused),
        T(test_a_missing_or_unusable_root_is_named),
        T(test_only_the_same_file_is_resumable),
        T(test_the_load_of_a_camera_counts_from_a_moment_on),
        T(test_parts_of_a_transfer_are_kept_in_order_and_go_with_it),
        T(test_events_are_chained_and_go_back_with_a_rollback),
        T(test_a_stage_is_done_once_and_goes_with_its_transfer),
        T(test_all_that_is_done_of_a_transfer),
        T(test_an_older_catalogue_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

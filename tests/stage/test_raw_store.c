#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "support/sql.h"
#include "support/support.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY "2026-11-21"

static const uint8_t init[] = {0, 0, 0, 5}, meta[] = {0, 11};

/* Of every master here. */
static const struct raw_facts whose = {.id = "350000000000001-front-video-20261121T025554Z",
                                       .imei = "350000000000001",
                                       .camera = "front",
                                       .kind = "video",
                                       .source = "camera",
                                       .arrived_us = 1795229754000000,
                                       .init = init,
                                       .init_bytes = sizeof init,
                                       .meta = meta,
                                       .meta_bytes = sizeof meta};

struct fixture {
    char *root;
    struct raw *raw;
    uint8_t chunk[RAW_CHUNK_BYTES];
};

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    f->root = support_tmp_dir();
    assert_ok(raw_open(&f->raw, f->root, &err));
    for (size_t i = 0; i < sizeof f->chunk; i++)
        f->chunk[i] = (uint8_t)(i * 2654435761u >> 13);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    raw_close(&f->raw);
    support_tmp_remove(&f->root);
    free(f);
    return 0;
}

static const char *db_path(const struct fixture *f)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/raw/" DAY ".db", f->root);
    return path;
}

/* One number out of the day's file, past the module; also runs what changes it. */
static int64_t sql(const struct fixture *f, const char *text)
{
    return sql_run(db_path(f), text);
}

/* n chunks of distinct bytes, not committed. */
static void append_chunks(struct fixture *f, const char *day, int64_t key, int n)
{
    struct err err;
    for (int i = 0; i < n; i++) {
        f->chunk[0] = (uint8_t)i;
        f->chunk[1] = (uint8_t)key;
        assert_ok(raw_append(f->raw, day, key, &whose, (int64_t)i * RAW_CHUNK_BYTES, f->chunk,
                             RAW_CHUNK_BYTES, &err));
    }
}

static struct raw_facts facts_of(int64_t length_bytes)
{
    struct raw_facts facts = whose;
    facts.length_bytes = length_bytes;
    memset(facts.sha256, 0xa5, sizeof facts.sha256);
    return facts;
}

/* A sealed and committed master of n chunks. */
static void store(struct fixture *f, int64_t key, int n)
{
    struct err err;
    struct raw_facts facts = facts_of((int64_t)n * RAW_CHUNK_BYTES);
    append_chunks(f, DAY, key, n);
    assert_ok(raw_seal(f->raw, DAY, key, &facts, &err));
    assert_ok(raw_commit(f->raw, &err));
}

static void reopen(struct fixture *f)
{
    struct err err;
    raw_close(&f->raw);
    assert_ok(raw_open(&f->raw, f->root, &err));
}

static int64_t length_of(struct fixture *f, const char *day, int64_t key)
{
    struct err err;
    int64_t length_bytes;
    bool sealed;
    int rc = raw_stat(f->raw, day, key, &length_bytes, &sealed, NULL, &err);
    return rc < 0 ? rc : length_bytes;
}

static int into_buf(void *arg, const void *data, size_t n, struct err *err)
{
    return buf_append(arg, data, n, err);
}

static int copy_all(struct fixture *f, int64_t key, struct err *err)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    int rc = raw_copy(f->raw, DAY, key, into_buf, &out, err);
    buf_clear(&out);
    return rc;
}

static void test_masters_that_grow_together_come_back_to_the_bit(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct buf sent[3], got;
    for (int k = 0; k < 3; k++)
        buf_init(&sent[k], 16 << 20);
    for (int i = 0; i < 60; i++) {
        int k = i % 3;
        size_t n = i < 3 ? 1 : (size_t)(1 + (i * 7919) % RAW_CHUNK_BYTES);
        f->chunk[0] = (uint8_t)i;
        assert_ok(raw_append(f->raw, DAY, k + 1, &whose, (int64_t)sent[k].used, f->chunk, n, &err));
        assert_ok(buf_append(&sent[k], f->chunk, n, &err));
        if (i % 10 == 9)
            assert_ok(raw_commit(f->raw, &err));
    }
    reopen(f);
    for (int k = 0; k < 3; k++) {
        buf_init(&got, 16 << 20);
        assert_ok(raw_copy(f->raw, DAY, k + 1, into_buf, &got, &err));
        assert_int_equal(got.used, sent[k].used);
        assert_memory_equal(buf_data(&got), buf_data(&sent[k]), got.used);
        buf_clear(&got);
        buf_clear(&sent[k]);
    }
}

static void test_sealing_keeps_the_facts_verbatim(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 7, 2);
    reopen(f);
    int64_t length_bytes;
    bool sealed = false;
    uint8_t sha256[HASH_BYTES], expected[HASH_BYTES];
    assert_ok(raw_stat(f->raw, DAY, 7, &length_bytes, &sealed, sha256, &err));
    assert_true(sealed);
    assert_int_equal(length_bytes, 2 * RAW_CHUNK_BYTES);
    memset(expected, 0xa5, sizeof expected);
    assert_memory_equal(sha256, expected, sizeof expected);
    assert_int_equal(sql(f, "SELECT count(*) FROM master WHERE key=7 AND imei='350000000000001'"
                            " AND camera='front' AND kind='video' AND source='camera'"
                            " AND init=x'00000005' AND meta=x'000b' AND start IS NULL"),
                     1);
}

static void test_a_chunk_stays_in_one_page(void **state)
{
    struct fixture *f = *state;
    store(f, 1, 20);
    int64_t before = sql(f, "PRAGMA page_count");
    store(f, 2, 100);
    assert_in_range(sql(f, "PRAGMA page_count") - before, 100, 101);
}

static void test_appends_only_go_to_the_end(void **state)
{
    struct fixture *f = *state;
    struct err err;
    append_chunks(f, DAY, 1, 1);
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &whose, 0, "x", 1, &err));
    assert_err(ERR_MALFORMED,
               raw_append(f->raw, DAY, 1, &whose, RAW_CHUNK_BYTES + 1, "x", 1, &err));
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 2, &whose, 1, "x", 1, &err));
    assert_err(ERR_LIMIT, raw_append(f->raw, DAY, 1, &whose, RAW_CHUNK_BYTES, "", 0, &err));
    assert_err(ERR_LIMIT, raw_append(f->raw, DAY, 1, &whose, RAW_CHUNK_BYTES, f->chunk,
                                     RAW_CHUNK_BYTES + 1, &err));
    assert_err(ERR_LIMIT, raw_append(f->raw, DAY, 1, &whose, RAW_MASTER_BYTES_MAX, "x", 1, &err));
    assert_err(ERR_LIMIT, raw_append(f->raw, DAY, 1, &whose, -1, "x", 1, &err));
    /* and what was refused spoilt nothing */
    assert_ok(raw_append(f->raw, DAY, 1, &whose, RAW_CHUNK_BYTES, "x", 1, &err));
    assert_ok(raw_commit(f->raw, &err));
    assert_int_equal(length_of(f, DAY, 1), RAW_CHUNK_BYTES + 1);
}

static void test_a_seal_must_match_and_is_final(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct raw_facts facts = facts_of(RAW_CHUNK_BYTES - 1);
    append_chunks(f, DAY, 1, 1);
    assert_err(ERR_MALFORMED, raw_seal(f->raw, DAY, 1, &facts, &err));
    facts.length_bytes++;
    assert_ok(raw_seal(f->raw, DAY, 1, &facts, &err));
    assert_ok(raw_commit(f->raw, &err));
    assert_ok(raw_seal(f->raw, DAY, 1, &facts, &err)); /* again, the same */
    facts.sha256[31] ^= 1;
    assert_err(ERR_MALFORMED, raw_seal(f->raw, DAY, 1, &facts, &err));
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &whose, RAW_CHUNK_BYTES, "x", 1, &err));
}

static void test_an_empty_master_can_be_sealed_and_copied(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 0);
    assert_int_equal(length_of(f, DAY, 1), 0);
    assert_ok(copy_all(f, 1, &err));
}

static void test_drop_removes_one_master_and_may_be_repeated(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 2);
    store(f, 2, 2);
    assert_ok(raw_drop(f->raw, DAY, 1, &err));
    assert_ok(raw_drop(f->raw, DAY, 1, &err));
    assert_ok(raw_drop(f->raw, "2001-01-01", 1, &err)); /* no such file, and none is made */
    assert_ok(raw_commit(f->raw, &err));
    assert_int_equal(length_of(f, DAY, 1), ERR_NOTFOUND);
    assert_int_equal(length_of(f, DAY, 2), 2 * RAW_CHUNK_BYTES);
    char path[512];
    snprintf(path, sizeof path, "%s/raw/2001-01-01.db", f->root);
    assert_false(support_exists(path));
}

static void test_rollback_forgets_what_was_not_committed(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 1);
    append_chunks(f, DAY, 2, 3);
    assert_ok(raw_drop(f->raw, DAY, 1, &err));
    raw_rollback(f->raw);
    assert_int_equal(length_of(f, DAY, 1), RAW_CHUNK_BYTES);
    assert_int_equal(length_of(f, DAY, 2), ERR_NOTFOUND);
    append_chunks(f, DAY, 2, 1);
    reopen(f); /* closing is no commit either */
    assert_int_equal(length_of(f, DAY, 2), ERR_NOTFOUND);
}

static void test_only_a_day_names_a_file(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const bad[] = {
        "",           "2026-11-2",   "2026-11-211", "2026/11/21", "../../../etc", "..........",
        "2026-11-2x", "2026-11-21/", "aaaa-bb-cc",  "-026-11-21", " 2026-11-2",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ERR_MALFORMED, raw_append(f->raw, bad[i], 1, &whose, 0, "x", 1, &err));
        assert_err(ERR_MALFORMED, raw_drop(f->raw, bad[i], 1, &err));
        assert_int_equal(length_of(f, bad[i], 1), ERR_MALFORMED);
    }
    char path[512];
    snprintf(path, sizeof path, "%s/raw", f->root);
    assert_int_equal(support_entries(path), 0);
}

static void test_a_day_is_the_utc_day_of_arrival(void **state)
{
    (void)state;
    char day[RAW_DAY_ROOM];
    raw_day(INT64_C(1795305599999999), day);
    assert_string_equal(day, "2026-11-21");
    raw_day(INT64_C(1795305600000000), day);
    assert_string_equal(day, "2026-11-22");
    raw_day(INT64_MIN, day);
    assert_string_equal(day, "1970-01-01");
    raw_day(INT64_MAX, day);
    assert_string_equal(day, "9999-12-31");
}

static void test_many_days_share_a_few_open_files(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char day[RAW_DAY_ROOM];
    int before = support_entries("/proc/self/fd");
    for (int i = 0; i < 12; i++) {
        snprintf(day, sizeof day, "2026-01-%02d", i + 1);
        append_chunks(f, day, 1, 1);
    }
    assert_ok(raw_commit(f->raw, &err));
    for (int i = 0; i < 12; i++) {
        snprintf(day, sizeof day, "2026-01-%02d", i + 1);
        assert_int_equal(length_of(f, day, 1), RAW_CHUNK_BYTES);
    }
    /* a file and perhaps its journal for each of four days, where twelve would have 12 at least */
    assert_in_range(support_entries("/proc/self/fd") - before, 4, 8);
}

static int stops(void *arg, const void *data, size_t n, struct err *err)
{
    (void)data, (void)n;
    ++*(int *)arg;
    return err_set(err, ERR_AGAIN, "enough");
}

static void test_a_sink_that_fails_stops_the_copy(void **state)
{
    struct fixture *f = *state;
    struct err err;
    int calls = 0;
    store(f, 1, 3);
    assert_err(ERR_AGAIN, raw_copy(f->raw, DAY, 1, stops, &calls, &err));
    assert_int_equal(calls, 1);
    assert_err(ERR_NOTFOUND, raw_copy(f->raw, DAY, 2, stops, &calls, &err));
    assert_err(ERR_NOTFOUND, raw_copy(f->raw, "2001-01-01", 2, stops, &calls, &err));
    assert_int_equal(calls, 1);
}

/* Commits through another connection, as the receiver would, and opens days until the one that is
 * being read has left the list of open files. */
static int writes_meanwhile(void *arg, const void *data, size_t n, struct err *unused)
{
    struct fixture *f = arg;
    (void)data, (void)n, (void)unused;
    struct err err;
    static int64_t key = 100;
    struct raw *other = NULL;
    assert_ok(raw_open(&other, f->root, &err));
    assert_ok(raw_append(other, DAY, key++, &whose, 0, "x", 1, &err));
    assert_ok(raw_commit(other, &err));
    raw_close(&other);
    char day[RAW_DAY_ROOM];
    for (int i = 1; i <= 6; i++) {
        snprintf(day, sizeof day, "2027-01-%02d", i);
        assert_ok(raw_append(f->raw, day, key, &whose, 0, "x", 1, &err));
        assert_ok(raw_commit(f->raw, &err));
    }
    return ERR_OK;
}

static void test_a_slow_reader_keeps_no_writer_from_its_commit(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 3);
    assert_ok(raw_copy(f->raw, DAY, 1, writes_meanwhile, f, &err));
}

/* Runs `work` in a process of its own; its wait status. */
static int in_child(struct fixture *f, int (*work)(struct fixture *f))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(work(f));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* More than the cache holds, so that pages of the transaction are in the file already. */
static int dies_in_a_transaction(struct fixture *f)
{
    struct err err;
    struct raw *raw = NULL;
    if (raw_open(&raw, f->root, &err) < 0)
        return 1;
    for (int64_t i = 0; i < 400; i++)
        if (raw_append(raw, DAY, 5, &whose, i * RAW_CHUNK_BYTES, f->chunk, RAW_CHUNK_BYTES, &err) <
            0)
            return 2;
    if (raw_drop(raw, DAY, 1, &err) < 0)
        return 3;
    raise(SIGKILL);
    return 4;
}

static void test_a_killed_writer_leaves_the_last_commit(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 3);
    raw_close(&f->raw);
    int status = in_child(f, dies_in_a_transaction);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_ok(raw_open(&f->raw, f->root, &err));
    assert_int_equal(length_of(f, DAY, 1), 3 * RAW_CHUNK_BYTES);
    assert_int_equal(length_of(f, DAY, 5), ERR_NOTFOUND);
    assert_ok(copy_all(f, 1, &err));
    store(f, 5, 2); /* and the store goes on */
    assert_int_equal(length_of(f, DAY, 5), 2 * RAW_CHUNK_BYTES);
}

static int reads(struct fixture *f)
{
    struct err err;
    struct fixture mine = *f;
    if (raw_open(&mine.raw, f->root, &err) < 0)
        return 101;
    int64_t n = length_of(&mine, DAY, 1);
    raw_close(&mine.raw);
    return n < 0 ? 102 : (int)(n / RAW_CHUNK_BYTES);
}

static void test_another_process_reads_the_last_commit_while_one_writes(void **state)
{
    struct fixture *f = *state;
    struct err err;
    append_chunks(f, DAY, 1, 2);
    assert_ok(raw_commit(f->raw, &err));
    assert_ok(
        raw_append(f->raw, DAY, 1, &whose, 2 * RAW_CHUNK_BYTES, f->chunk, RAW_CHUNK_BYTES, &err));
    int status = in_child(f, reads);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_ok(raw_commit(f->raw, &err));
    status = in_child(f, reads);
    assert_int_equal(WEXITSTATUS(status), 3);
}

static void test_a_tampered_store_is_told(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const tampering[] = {
        "DELETE FROM chunk WHERE offset=64512",
        "DELETE FROM chunk WHERE offset=0",
        "DELETE FROM chunk WHERE offset=129024",
        "UPDATE chunk SET offset=offset+1 WHERE offset=64512",
        "UPDATE chunk SET offset=-64512 WHERE offset=0",
        "UPDATE chunk SET offset=9223372036854775807 WHERE offset=129024",
        "UPDATE chunk SET data=zeroblob(64511) WHERE offset=64512",
        "UPDATE chunk SET data=zeroblob(64513) WHERE offset=0",
        "UPDATE chunk SET data=zeroblob(64513) WHERE offset=129024",
        "UPDATE chunk SET data=zeroblob(2000000) WHERE offset=0",
        "UPDATE chunk SET data=zeroblob(20000000) WHERE offset=129024",
        "UPDATE chunk SET data=x'' WHERE offset=64512",
        "UPDATE chunk SET data=x'' WHERE offset=129024",
        "DELETE FROM chunk WHERE offset=129024; UPDATE master SET length_bytes=64514;"
        "INSERT INTO chunk(key, offset, data) VALUES(1, 64513, x'00')", /* one within another */
        "UPDATE master SET length_bytes=193535",
        "UPDATE master SET length_bytes=-1",
        "UPDATE master SET sha256=x'00'",
        "UPDATE master SET sha256=zeroblob(33)",
        "DROP TABLE master",
        "ALTER TABLE chunk RENAME TO real_chunk; CREATE VIEW chunk AS SELECT n, key, offset, data"
        " FROM real_chunk",
        "PRAGMA user_version=0",
        "PRAGMA application_id=1",
    };
    for (size_t i = 0; i < sizeof tampering / sizeof *tampering; i++) {
        raw_close(&f->raw);
        remove(db_path(f));
        assert_ok(raw_open(&f->raw, f->root, &err));
        store(f, 1, 3);
        assert_ok(copy_all(f, 1, &err));
        raw_close(&f->raw);
        sql(f, tampering[i]);
        assert_ok(raw_open(&f->raw, f->root, &err));
        int rc = copy_all(f, 1, &err);
        if (rc != ERR_MALFORMED)
            fail_msg("after \"%s\": %s", tampering[i], err_name(rc));
    }
}

static void test_text_in_place_of_bytes_is_told(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 1);
    raw_close(&f->raw);
    sql(f, "PRAGMA writable_schema=1;"
           "UPDATE sqlite_schema SET sql=replace(sql, ' STRICT', '')");
    sql(f, "UPDATE chunk SET data=hex(zeroblob(32256))");
    assert_int_equal(sql(f, "SELECT count(*) FROM chunk WHERE typeof(data)='text'"), 1);
    assert_ok(raw_open(&f->raw, f->root, &err));
    assert_err(ERR_MALFORMED, copy_all(f, 1, &err));
    assert_int_equal(length_of(f, DAY, 1), ERR_MALFORMED);
}

/* A key alone is not believed. */
static void test_nobody_goes_on_with_the_master_of_another(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct raw_facts other = whose, facts = facts_of(2), others = facts_of(2);
    other.imei = others.imei = "350000000000002";
    assert_ok(raw_append(f->raw, DAY, 1, &whose, 0, "x", 1, &err));
    assert_ok(raw_commit(f->raw, &err));
    assert_ok(raw_check_whose(f->raw, DAY, 1, &whose, &err));
    assert_ok(raw_check_whose(f->raw, DAY, 2, &other, &err)); /* nothing is there */
    assert_err(ERR_MALFORMED, raw_check_whose(f->raw, DAY, 1, &other, &err));
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &other, 1, "y", 1, &err));
    other = whose;
    other.arrived_us++; /* the same file at another time */
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &other, 1, "y", 1, &err));
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, NULL, 1, "y", 1, &err));
    assert_ok(raw_append(f->raw, DAY, 1, &whose, 1, "y", 1, &err));
    assert_err(ERR_MALFORMED, raw_seal(f->raw, DAY, 1, &others, &err));
    assert_ok(raw_seal(f->raw, DAY, 1, &facts, &err));
    assert_ok(raw_commit(f->raw, &err));
    /* one whose bytes were taken away keeps its key */
    assert_int_equal(sql(f, "DELETE FROM chunk WHERE key = 1"), -1);
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &other, 0, "z", 1, &err));
}

static void test_a_day_of_another_root_is_not_opened(void **state)
{
    struct fixture *f = *state;
    const struct root_id ours = {{1}}, theirs = {{2}};
    struct err err;
    struct root_id found;
    bool empty;
    raw_set_root(f->raw, &theirs);
    store(f, 1, 1);
    assert_ok(raw_day_root(f->raw, DAY, &found, &empty, &err));
    assert_true(root_id_same(&found, &theirs) && !empty);
    raw_close(&f->raw);
    assert_ok(raw_open(&f->raw, f->root, &err));
    raw_set_root(f->raw, &ours);
    assert_int_equal(length_of(f, DAY, 1), ERR_FOREIGN);
    assert_err(ERR_FOREIGN, raw_append(f->raw, DAY, 2, &whose, 0, "x", 1, &err));
    /* one that does not say is written to when somebody has compared it */
    assert_int_equal(sql(f, "DELETE FROM root"), -1);
    assert_err(ERR_FOREIGN, raw_append(f->raw, DAY, 2, &whose, 0, "x", 1, &err));
    assert_ok(raw_adopt(f->raw, DAY, &err));
    assert_ok(raw_append(f->raw, DAY, 2, &whose, 0, "x", 1, &err));
    assert_ok(raw_commit(f->raw, &err));
    reopen(f);
    raw_set_root(f->raw, &theirs);
    assert_int_equal(length_of(f, DAY, 2), ERR_FOREIGN);
}

static void test_a_newer_schema_and_a_foreign_file_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    store(f, 1, 1);
    raw_close(&f->raw);
    sql(f, "PRAGMA user_version=99");
    assert_ok(raw_open(&f->raw, f->root, &err));
    assert_int_equal(length_of(f, DAY, 1), ERR_UNSUPPORTED);
    support_write(db_path(f), "this is no database, but long enough to be asked", 48);
    assert_err(ERR_MALFORMED, raw_append(f->raw, DAY, 1, &whose, 0, "x", 1, &err));
}

static void test_something_in_the_way_is_named(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct raw *raw = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/file", f->root);
    support_write(path, "x", 1);
    assert_err(ERR_CONFIG, raw_open(&raw, path, &err));
    assert_null(raw);
    assert_non_null(strstr(err.text, path));
    assert_ok(fsx_mkdirs(db_path(f), &err)); /* a directory where the day file should be */
    assert_err(ERR_CONFIG, raw_append(f->raw, DAY, 1, &whose, 0, "x", 1, &err));
    assert_non_null(strstr(err.text, DAY));
}

/* What was appended would be gone with the last who has the file open. */
static void test_a_day_that_is_deleted_while_it_is_written_to_is_not_committed(void **state)
{
    struct fixture *f = *state;
    struct err err;
    int64_t length;
    bool sealed;
    append_chunks(f, DAY, 1, 2);
    assert_int_equal(unlink(db_path(f)), 0);
    assert_err(ERR_IO, raw_commit(f->raw, &err));
    assert_non_null(strstr(err.text, "deleted or replaced"));
    append_chunks(f, DAY, 1, 3);
    assert_ok(raw_commit(f->raw, &err));
    assert_ok(raw_stat(f->raw, DAY, 1, &length, &sealed, NULL, &err));
    assert_int_equal(length, 3 * RAW_CHUNK_BYTES);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_masters_that_grow_together_come_back_to_the_bit),
        T(test_sealing_keeps_the_facts_verbatim),
        T(test_a_day_that_is_deleted_while_it_is_written_to_is_not_committed),
        T(test_a_chunk_stays_in_one_page),
        T(test_appends_only_go_to_the_end),
        T(test_a_seal_must_match_and_is_final),
        T(test_an_empty_master_can_be_sealed_and_copied),
        T(test_drop_removes_one_master_and_may_be_repeated),
        T(test_rollback_forgets_what_was_not_committed),
        T(test_only_a_day_names_a_file),
        T(test_a_day_is_the_utc_day_of_arrival),
        T(test_many_days_share_a_few_open_files),
        T(test_a_sink_that_fails_stops_the_copy),
        T(test_a_slow_reader_keeps_no_writer_from_its_commit),
        T(test_a_killed_writer_leaves_the_last_commit),
        T(test_another_process_reads_the_last_commit_while_one_writes),
        T(test_a_tampered_store_is_told),
        T(test_text_in_place_of_bytes_is_told),
        T(test_nobody_goes_on_with_the_master_of_another),
        T(test_a_day_of_another_root_is_not_opened),
        T(test_a_newer_schema_and_a_foreign_file_are_refused),
        T(test_something_in_the_way_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

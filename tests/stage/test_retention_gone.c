/* Retention: what was deleted is nowhere in ROOT, and its space is the disk's again. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/upkept.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_US     (INT64_C(86400) * 1000000)
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { MANY = 2000, MARK_BYTES = 13 };

static char *root, told[1 << 13];
static int64_t ahead_us;
static uint32_t dice;
static int masters; /* how many were made; each is full of "<master-0007>" of its own */
static char ids[MANY][CATALOGUE_ID_ROOM];

int64_t __real_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void);

int64_t __wrap_clock_utc_us(void)
{
    return __real_clock_utc_us() + ahead_us;
}

static int make_root(void **state)
{
    (void)state;
    ahead_us = 0;
    masters = 0;
    dice = 2463534242u;
    root = support_tmp_dir();
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

static uint32_t roll(uint32_t below)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % below;
}

/* Of n bytes, with a copy that is full of the same. */
static int add(struct stored *s, const char *camera, int64_t at_us, size_t n)
{
    char name[CATALOGUE_ID_ROOM + 32], mark[MARK_BYTES + 1];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = at_us};
    uint8_t *bytes = malloc(n + MARK_BYTES);
    assert_non_null(bytes);
    assert_true(masters < MANY);
    snprintf(mark, sizeof mark, "<master-%04d>", masters % MANY);
    for (size_t at = 0; at < n; at += MARK_BYTES)
        memcpy(bytes + at, mark, MARK_BYTES);
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "video");
    stored_add(s, &row, bytes, n);
    snprintf(name, sizeof name, "%s.working.mp4", row.id);
    stored_copy(s, root, &row, "working", name, bytes, n / 4 + 1);
    memcpy(ids[masters], row.id, sizeof row.id);
    free(bytes);
    return masters++;
}

static bool found[MANY]; /* in any file of ROOT */
static int64_t disk_bytes;

static int look(const char *path, const struct stat *st, int type)
{
    if (type != FTW_F)
        return 0;
    size_t n = (size_t)st->st_size;
    disk_bytes += (int64_t)st->st_blocks * 512;
    char *bytes = malloc(n + 1);
    FILE *f = fopen(path, "rb");
    assert_true(bytes && f);
    assert_int_equal(fread(bytes, 1, n, f), n);
    fclose(f);
    for (char *at = bytes; (at = memchr(at, '<', n - (size_t)(at - bytes))); at++)
        if (n - (size_t)(at - bytes) >= MARK_BYTES && memcmp(at, "<master-", 8) == 0 &&
            at[MARK_BYTES - 1] == '>')
            found[atoi(at + 8) % MANY] = true;
    free(bytes);
    return 0;
}

/* What is there is there, and nothing is that was deleted. */
static void none_is_left(void)
{
    memset(found, 0, sizeof found);
    disk_bytes = 0;
    assert_int_equal(ftw(root, look, 16), 0);
    for (int i = 0; i < masters; i++) {
        if (upkept_has(root, ids[i]) != found[i])
            fail_msg("master %d (%s) %s", i, ids[i],
                     found[i] ? "was deleted, and pieces of it are left" : "is gone");
    }
}

static void all_is_well(void)
{
    char problems[8192];
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
}

/* Many that grow at once, large ones and small ones that share pages; the oldest go again and
 * again while new ones come. */
static void test_what_went_is_in_no_file(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct stored s;
        stored_open(&s, root);
        for (int i = 0; i < 12; i++)
            add(&s, i % 2 ? "front" : "rear", UPKEPT_AT_US + DAY_US * (int64_t)roll(3) + masters,
                roll(3) ? roll(20000) + 100 : roll(600000) + 100);
        stored_close(&s);
        struct retention_result r =
            upkept_sweep(root, RULES("masters", roll(2) ? "2MB" : "front 1MB"), false, told);
        assert_int_equal(r.troubles, 0);
        none_is_left();
        all_is_well();
    }
    assert_true(masters > 100);
}

/* A receiver has the files of today and yesterday open: space goes at once, the last pieces
 * when nobody writes there any more. */
static void test_space_of_today_is_given_back_while_a_receiver_writes(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct raw *receiver = NULL;
    char name[64], path[700], day[RAW_DAY_ROOM];
    struct stat before, after;
    const int64_t now_us = clock_utc_us();
    stored_open(&s, root);
    for (int i = 0; i < 20; i++)
        add(&s, i < 10 ? "front" : "rear", now_us - 1000000 + i, 200000);
    stored_close(&s);
    raw_day(now_us - 1000000, day);
    snprintf(path, sizeof path, "%s/raw/%s.db", root, day);
    assert_ok(raw_open(&receiver, root, &err));
    assert_ok(raw_append(receiver, day, 900, 0, "abc", 3, &err));
    assert_ok(raw_commit(receiver, &err));
    assert_int_equal(stat(path, &before), 0);
    ahead_us = DAY_US / 12;
    upkept_sweep(root, RULES("masters", "front 1h"), false, told);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_size - after.st_size >= 10 * 200000);
    snprintf(name, sizeof name, "%s-journal", path);
    assert_true(!support_exists(name) || (stat(name, &after) == 0 && after.st_size < 200000));
    assert_ok(raw_append(receiver, day, 900, 3, "def", 3, &err));
    assert_ok(raw_commit(receiver, &err));
    assert_ok(raw_drop(receiver, day, 900, &err));
    assert_ok(raw_commit(receiver, &err));
    raw_close(&receiver);
    ahead_us = 3 * DAY_US;
    upkept_sweep(root, NULL, false, told); /* no rule, nothing to delete: only what is left of it */
    none_is_left();
    all_is_well();
}

/* A file of a day as version 2 made it: with its unused pages, and a journal that nobody cut. */
static void test_a_file_of_before_is_cleaned_too(void **state)
{
    (void)state;
    struct stored s;
    char path[700];
    stored_open(&s, root);
    for (int i = 0; i < 8; i++)
        add(&s, i < 4 ? "front" : "rear", UPKEPT_AT_US + i, 150000);
    stored_close(&s);
    snprintf(path, sizeof path, "%s/raw/2024-11-29.db", root);
    sql_run(path, "DROP TABLE dropped; PRAGMA auto_vacuum=NONE; VACUUM; PRAGMA user_version=2;"
                  "PRAGMA user_version");
    assert_int_equal(sql_run(path, "PRAGMA auto_vacuum"), 0);
    upkept_sweep(root, RULES("masters", "front 30d"), false, told);
    none_is_left();
    assert_int_equal(sql_run(path, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(sql_run(path, "PRAGMA freelist_count"), 0);
    all_is_well();
}

/* The dry run counts what the real one then does, rule after rule. */
static void test_a_dry_run_counts_the_same_bytes(void **state)
{
    (void)state;
    char dry[sizeof told];
    struct stored s;
    stored_open(&s, root);
    for (int i = 0; i < 12; i++)
        add(&s, i % 2 ? "front" : "rear", UPKEPT_AT_US + i, 100000 + (size_t)roll(100000));
    stored_close(&s);
    const char *const *rules =
        RULES("copies", "front 1d, 1MB", "masters", "front 30d", "delete_free_mib", "1000000000");
    struct retention_result would = upkept_sweep(root, rules, true, dry);
    struct retention_result did = upkept_sweep(root, rules, false, told);
    assert_string_equal(dry, told);
    assert_int_equal(would.bytes, did.bytes);
    assert_int_equal(would.masters, did.masters);
    assert_int_equal(would.copies, did.copies);
    assert_int_equal(did.masters, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_went_is_in_no_file),
        TEST(test_space_of_today_is_given_back_while_a_receiver_writes),
        TEST(test_a_file_of_before_is_cleaned_too),
        TEST(test_a_dry_run_counts_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

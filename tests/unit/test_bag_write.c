/* The zip that is written: always the same bytes, right to other programs, and read back. */
#include "evidence/bag/bag_internal.h"
#include "support/package.h"
#include "support/proc.h"
#include "support/support.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AT_US (INT64_C(1732865025) * 1000000) /* 2024-11-29T07:23:45Z */

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* The files that the round trip is tested with. */
static const size_t sizes[] = {0, 1, 65535, 65536, 5000000};
enum { FILES = sizeof sizes / sizeof sizes[0] };

static uint8_t *content(void)
{
    static uint8_t bytes[5000000];
    uint32_t x = 7;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(x >> 24);
    }
    return bytes;
}

static int zip_put(struct zip *z, const char *name, const void *data, size_t n, struct err *err)
{
    int rc = zip_begin(z, name, (int64_t)n, err);
    if (rc == ERR_OK && n > 0)
        rc = zip_write(z, data, n, err);
    return rc < 0 ? rc : zip_end(z, err);
}

static void write_zip(const char *path)
{
    struct zip *z;
    struct err err;
    char name[32];
    assert_ok(zip_new(&z, path, AT_US, &err));
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "data/\u00e9-%d", i);
        assert_ok(zip_put(z, name, content(), sizes[i], &err));
    }
    assert_ok(zip_finish(z, &err));
    zip_free(&z);
}

static struct buf zip_bytes(const char *name)
{
    write_zip(path_of(name));
    return support_read(path_of(name));
}

static void test_zone_locale_and_umask_do_not_enter(void **state)
{
    (void)state;
    struct buf here = zip_bytes("here.zip");
    const char *tz = getenv("TZ");
    char *was = tz ? strdup(tz) : NULL;
    mode_t mask = umask(0);
    setenv("TZ", "Asia/Kathmandu", 1);
    tzset();
    setlocale(LC_ALL, "C");
    struct buf there = zip_bytes("there.zip");
    struct stat st;
    assert_int_equal(stat(path_of("there.zip"), &st), 0);
    umask(mask);
    setlocale(LC_ALL, "");
    was ? setenv("TZ", was, 1) : unsetenv("TZ");
    tzset();
    free(was);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(here.used, there.used);
    assert_memory_equal(buf_data(&here), buf_data(&there), here.used);
    buf_clear(&here);
    buf_clear(&there);
}

static void test_what_was_written_is_read_back(void **state)
{
    (void)state;
    struct package_seen seen = {0};
    struct err err;
    char expected[4096] = "", line[512], name[32];
    setlocale(LC_ALL, "C"); /* which cannot say these names */
    write_zip(path_of("a.zip"));
    assert_ok(package_read(path_of("a.zip"), NULL, &seen, &err));
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "\u00e9-%d", i);
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s",
                 package_line(line, name, content(), sizes[i]));
    }
    assert_string_equal(seen.text, expected);
    assert_string_equal(seen.top, "data");
    setlocale(LC_ALL, "");
}

static void test_unzip_finds_no_fault(void **state)
{
    (void)state;
    if (!proc_have("unzip") || !proc_have("zipinfo")) {
        fprintf(stderr, "unzip is not installed: what other programs think was NOT tested\n");
        skip();
    }
    write_zip(path_of("a.zip"));
    struct proc_result r = proc_run((const char *const[]){"unzip", "-t", path_of("a.zip"), NULL});
    if (r.status != 0 || !strstr(proc_out(&r), "No errors detected"))
        fail_msg("unzip -t: %s %s", proc_out(&r), proc_err(&r));
    proc_clear(&r);
    r = proc_run((const char *const[]){"zipinfo", "-T", path_of("a.zip"), NULL});
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(proc_out(&r), "-rw-r--r--  4.5 unx  5000000 b- stor 20241129.072344"));
    assert_non_null(strstr(proc_out(&r), "data/\u00e9-4"));
    proc_clear(&r);
    r = proc_run((const char *const[]){"unzip", "-p", path_of("a.zip"), "data/*-3", NULL});
    assert_int_equal(r.out.used, 65536);
    assert_memory_equal(buf_data(&r.out), content(), 65536);
    proc_clear(&r);
}

static void test_times_that_a_zip_cannot_say_become_the_nearest(void **state)
{
    (void)state;
    static const struct {
        int64_t at_us;
        uint8_t bytes[4]; /* clock, date */
    } cases[] = {{0, {0, 0, 0x21, 0}}, {INT64_C(1) << 53, {0x7d, 0xbf, 0x9f, 0xff}}};
    for (int i = 0; i < 2; i++) {
        struct zip *z;
        struct err err;
        unlink(path_of("t.zip"));
        assert_ok(zip_new(&z, path_of("t.zip"), cases[i].at_us, &err));
        assert_ok(zip_put(z, "a", "x", 1, &err));
        assert_ok(zip_finish(z, &err));
        zip_free(&z);
        struct buf b = support_read(path_of("t.zip"));
        assert_memory_equal(buf_data(&b) + 10, cases[i].bytes, 4);
        buf_clear(&b);
    }
}

static int put_ten(struct zip *z, int64_t announced, struct err *err)
{
    int rc = zip_begin(z, "ten", announced, err);
    if (rc == ERR_OK)
        rc = zip_write(z, "01234", 5, err);
    if (rc == ERR_OK)
        rc = zip_write(z, "56789", 5, err);
    return rc < 0 ? rc : zip_end(z, err);
}

static void test_a_file_of_another_size_is_refused_and_ends_the_zip(void **state)
{
    (void)state;
    static const int64_t wrong[] = {9, 11};
    for (int i = 0; i < 2; i++) {
        struct zip *z;
        struct err err;
        unlink(path_of("s.zip"));
        assert_ok(zip_new(&z, path_of("s.zip"), 0, &err));
        assert_err(ERR_MALFORMED, put_ten(z, wrong[i], &err));
        assert_non_null(strstr(err.text, "'ten'"));
        assert_err(ERR_MALFORMED, zip_put(z, "b", "", 0, &err));
        assert_err(ERR_MALFORMED, zip_finish(z, &err));
        zip_free(&z);
    }
}

static void test_entries_come_one_after_the_other(void **state)
{
    (void)state;
    struct zip *z;
    struct err err;
    unlink(path_of("o.zip"));
    assert_ok(zip_new(&z, path_of("o.zip"), 0, &err));
    assert_err(ERR_MALFORMED, zip_write(z, "x", 1, &err)); /* none has begun */
    zip_free(&z);
    unlink(path_of("o.zip"));
    assert_ok(zip_new(&z, path_of("o.zip"), 0, &err));
    assert_ok(zip_begin(z, "a", 0, &err));
    assert_err(ERR_MALFORMED, zip_finish(z, &err));
    assert_err(ERR_MALFORMED, zip_begin(z, "b", 0, &err));
    zip_free(&z);
}

static void test_names_that_could_not_be_read_are_not_written(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "/a",   "a//b",     "a/../b", "./a",   "a/",
                                      "a\\b", "a\nb", "\xc0\xaf", "first",  "FIRST", "first/b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct zip *z;
        struct err err;
        unlink(path_of("n.zip"));
        assert_ok(zip_new(&z, path_of("n.zip"), 0, &err));
        assert_ok(zip_put(z, "first", "", 0, &err));
        assert_err(ERR_MALFORMED, zip_put(z, bad[i], "", 0, &err));
        zip_free(&z);
    }
}

static void test_an_existing_file_is_left_alone(void **state)
{
    (void)state;
    struct zip *z;
    struct err err;
    support_write(path_of("there"), "x", 1);
    assert_err(ERR_BUSY, zip_new(&z, path_of("there"), 0, &err));
    assert_null(z);
    struct buf b = support_read(path_of("there"));
    assert_int_equal(b.used, 1);
    buf_clear(&b);
}

static void test_more_entries_than_16_bits_count(void **state)
{
    (void)state;
    struct zip *z;
    struct err err;
    char name[32];
    enum { MANY = 65536 };
    assert_ok(zip_new(&z, path_of("m.zip"), 0, &err));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_ok(zip_put(z, name, name, 1, &err));
    }
    assert_ok(zip_finish(z, &err));
    zip_free(&z);
    struct package_seen seen = {0};
    assert_ok(package_read(path_of("m.zip"), &(struct bag_limits){.entries = MANY}, &seen, &err));
    assert_int_equal(seen.files, MANY);
    assert_err(ERR_LIMIT, package_read(path_of("m.zip"), NULL, &seen, &err));
}

static struct bag *bag_at(const char *path)
{
    struct bag *bag = NULL;
    struct err err;
    char tag[HASH_HEX_ROOM];
    assert_ok(bag_new(&bag, path, AT_US, &err));
    assert_ok(bag_put(bag, "data/a", path, strlen(path), &err));
    assert_ok(bag_close(bag, NULL, tag, &err));
    return bag;
}

/* Both found the name free when they began. */
static void test_of_two_packages_with_one_name_the_first_stays(void **state)
{
    (void)state;
    static const char *const ends[] = {"two.zip", "two"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        struct err err = {0};
        snprintf(path, sizeof path, "%s", path_of(ends[i]));
        struct bag *first = bag_at(path), *second = bag_at(path);
        struct package_seen before = {0}, after = {0};
        assert_ok(bag_finish(first, &err));
        assert_ok(package_read(path, NULL, &before, &err));
        assert_err(ERR_BUSY, bag_finish(second, &err));
        assert_non_null(strstr(err.text, "in the meantime"));
        bag_free(&second);
        bag_free(&first);
        assert_ok(package_read(path, NULL, &after, &err));
        assert_string_equal(after.text, before.text);
    }
}

/* What a signature needs years later. */
static void test_a_file_can_be_added_behind_the_manifests(void **state)
{
    (void)state;
    static const char *const ends[] = {"more.zip", "more"};
    for (size_t i = 0; i < 2; i++) {
        char path[512], line[512];
        struct err err;
        snprintf(path, sizeof path, "%s", path_of(ends[i]));
        struct bag *bag = bag_at(path);
        struct package_seen seen = {.only = BAG_TS_TOKEN};
        assert_ok(bag_finish(bag, &err));
        bag_free(&bag);
        assert_ok(bag_add(path, BAG_TS_TOKEN, "token", 5, &err));
        assert_ok(package_read(path, NULL, &seen, &err));
        assert_string_equal(seen.text, package_line(line, BAG_TS_TOKEN, "token", 5));
        seen = (struct package_seen){0};
        assert_ok(package_read(path, NULL, &seen, &err));
        assert_int_equal(seen.files, 6); /* a, four of BagIt, the token */
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        T(test_zone_locale_and_umask_do_not_enter),
        T(test_what_was_written_is_read_back),
        T(test_unzip_finds_no_fault),
        T(test_times_that_a_zip_cannot_say_become_the_nearest),
        T(test_a_file_of_another_size_is_refused_and_ends_the_zip),
        T(test_entries_come_one_after_the_other),
        T(test_names_that_could_not_be_read_are_not_written),
        T(test_an_existing_file_is_left_alone),
        T(test_more_entries_than_16_bits_count),
        T(test_of_two_packages_with_one_name_the_first_stays),
        T(test_a_file_can_be_added_behind_the_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

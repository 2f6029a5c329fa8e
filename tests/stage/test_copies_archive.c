/* copies: nothing that the catalogue or a stranger says leads out of the archive. */
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *root;

static int set_up(void **state)
{
    (void)state;
    struct err err;
    root = support_tmp_dir();
    assert_ok(fsx_mkdirs(support_path(root, "archive/352093081452251/2024-11-29"), &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

#define DAY "archive/352093081452251/2024-11-29/"

static void test_the_directory_is_of_the_clips_day_or_of_arrival(void **state)
{
    (void)state;
    struct err err;
    struct catalogue_transfer t = {.imei = "352093081452251",
                                   .arrived_us = INT64_C(1732951425000000),
                                   .time_us = INT64_C(1732865025000000)};
    char *dir = NULL;
    assert_ok(copies_dir(root, &t, &dir, &err));
    assert_non_null(strstr(dir, "/archive/352093081452251/2024-11-30"));
    free(dir);
    t.known = CATALOGUE_TIME_OK;
    assert_ok(copies_dir(root, &t, &dir, &err));
    assert_non_null(strstr(dir, "/archive/352093081452251/2024-11-29"));
    assert_true(support_exists(dir));
    free(dir);
}

static void test_no_path_leads_out_of_the_archive(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "catalogue.db",
                                      "/etc/passwd",
                                      "archive",
                                      "archive/",
                                      "archive/../catalogue.db",
                                      "archive/x/..",
                                      "archive//x",
                                      "archivex/y",
                                      "./archive/x"};
    struct err err;
    char *path = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ERR_MALFORMED, copies_path(&path, root, bad[i], &err));
        assert_null(path);
        assert_err(ERR_MALFORMED, copies_delete_file(root, bad[i], &err));
    }
    assert_ok(copies_path(&path, root, "archive/..x/y", &err));
    free(path);
}

static void test_links_and_directories_are_not_read(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    support_write(support_path(root, "secret"), "abc", 3);
    assert_int_equal(0, symlink("../../../secret", support_path(root, DAY "a.gpx")));
    assert_err(ERR_MALFORMED, copies_hash_file(root, DAY "a.gpx", NULL, NULL, hex, &err));
    assert_err(ERR_MALFORMED,
               copies_hash_file(root, "archive/352093081452251", NULL, NULL, hex, &err));
    assert_err(ERR_NOTFOUND, copies_hash_file(root, DAY "none", NULL, NULL, hex, &err));
    support_write(support_path(root, DAY "b.gpx"), "abc", 3);
    assert_ok(copies_hash_file(root, DAY "b.gpx", NULL, NULL, hex, &err));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_a_name_says_of_what_a_file_is(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
    } names[] = {{DAY "A-1.working.mp4", "working"},
                 {DAY "A-1.partial.viewing-DERIVED.mp4", "viewing"},
                 {"A-1.still-3.5s-DERIVED.jpg", "moment"},
                 {"A-1.still-DERIVED.jpg", "still"},
                 {"A-1.timing.csv", "csv"},
                 {"A-1", NULL},
                 {"A-1.", NULL},
                 {"A-1.still-s-DERIVED.jpg", NULL},
                 {"A-1.working.mp4.part", NULL},
                 {"A-1.WORKING.mp4", NULL}};
    char id[CATALOGUE_ID_ROOM];
    const char *kind;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is = copies_parse_name(names[i].name, id, &kind);
        assert_int_equal(is, names[i].kind != NULL);
        if (is) {
            assert_string_equal(kind, names[i].kind);
            assert_string_equal(id, "A-1");
        }
    }
}

static int note(void *arg, const char *path, const struct stat *st, struct err *err)
{
    char *seen = arg;
    (void)st;
    (void)err;
    size_t n = strlen(seen);
    snprintf(seen + n, 512 - n, "%s\n", path);
    return ERR_OK;
}

static void test_all_files_are_seen_in_order_but_not_those_at_work(void **state)
{
    (void)state;
    struct err err;
    char seen[512] = "";
    support_write(support_path(root, DAY "b"), "", 0);
    support_write(support_path(root, DAY "a"), "", 0);
    support_write(support_path(root, DAY ".dashspool-x"), "", 0);
    support_write(support_path(root, "archive/stray"), "", 0);
    assert_ok(copies_each(root, note, seen, &err));
    assert_string_equal(seen, DAY "a\n" DAY "b\narchive/stray\n");
    assert_ok(copies_each("/nonexistent", note, seen, &err));
}

static void test_a_duplicate_has_bytes_and_time_and_its_hash_is_told(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    struct stat a, b;
    char *other = support_tmp_dir();
    support_write(support_path(root, DAY "a.gpx"), "abc", 3);
    assert_ok(copies_duplicate(root, DAY "a.gpx", other, NULL, NULL, hex, &err));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(0, stat(support_path(root, DAY "a.gpx"), &a));
    assert_int_equal(0, stat(support_path(other, DAY "a.gpx"), &b));
    assert_int_equal(a.st_mtime, b.st_mtime);
    assert_int_equal(1, support_entries(support_path(other, DAY)));
    assert_ok(copies_delete_file(other, DAY "a.gpx", &err));
    assert_false(support_exists(support_path(other, DAY "a.gpx")));
    assert_ok(copies_delete_file(other, DAY "a.gpx", &err));
    support_tmp_remove(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_directory_is_of_the_clips_day_or_of_arrival),
        TEST(test_no_path_leads_out_of_the_archive),
        TEST(test_links_and_directories_are_not_read),
        TEST(test_a_name_says_of_what_a_file_is),
        TEST(test_all_files_are_seen_in_order_but_not_those_at_work),
        TEST(test_a_duplicate_has_bytes_and_time_and_its_hash_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

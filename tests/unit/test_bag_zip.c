/* Zips that somebody made to do harm, or that suffered: each is refused, by name. */
#include "support/package.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *dir;
static char path[512];

static int make_dir(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/p.zip", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static int read_entries(const struct package_entry *entries, size_t n, struct package_seen *seen,
                        struct err *err)
{
    struct buf b = package_zip(entries, n);
    *seen = (struct package_seen){0};
    support_write(path, buf_data(&b), b.used);
    buf_clear(&b);
    return package_read(path, NULL, seen, err);
}

/* Nothing was handed out, and the error has the words. */
static void assert_refused(int code, const char *words, const struct package_entry *entries,
                           size_t n)
{
    struct package_seen seen;
    struct err err = {0};
    int rc = read_entries(entries, n, &seen, &err);
    if (rc != code || !strstr(err.text, words))
        fail_msg("'%s': %s (%s) instead of %s (%s)", entries[n - 1].name, err_name(rc), err.text,
                 err_name(code), words);
    for (const char *p = err.text; *p; p++)
        assert_true(*p >= ' ' && *p < 0x7f);
    assert_int_equal(seen.files, 0);
}

static void test_a_plain_zip_is_read(void **state)
{
    (void)state;
    struct buf small = package_deflated("hello hello hello", 17);
    const struct package_entry entries[] = {
        {.name = "top/", .mode = S_IFDIR | 0755},
        {.name = "top/a", .data = "x", .n = 1},
        {.name = "top/d/b",
         .data = buf_data(&small),
         .n = small.used,
         .size = 17,
         .method = 8,
         .crc = 0xe5f98880},
    };
    struct package_seen seen;
    struct err err;
    char line[2][512], text[1100];
    assert_ok(read_entries(entries, 3, &seen, &err));
    snprintf(text, sizeof text, "%s%s", package_line(line[0], "a", "x", 1),
             package_line(line[1], "d/b", "hello hello hello", 17));
    assert_string_equal(seen.text, text);
    assert_string_equal(seen.top, "top");
    buf_clear(&small);
}

static void test_empty_folders_are_told(void **state)
{
    (void)state;
    static const struct package_entry entries[] = {
        {.name = "top/", .mode = S_IFDIR | 0755},     {.name = "top/c/", .mode = S_IFDIR | 0755},
        {.name = "top/b/", .mode = S_IFDIR | 0755},   {.name = "top/b/x", .data = "x", .n = 1},
        {.name = "top/b-/", .mode = S_IFDIR | 0755},  {.name = "top/a/", .mode = S_IFDIR | 0755},
        {.name = "top/a/d/", .mode = S_IFDIR | 0755},
    };
    struct package_seen seen;
    struct err err;
    assert_ok(read_entries(entries, 7, &seen, &err));
    assert_string_equal(seen.top, "top");
    assert_string_equal(seen.empty, "a/d b- c ");
    assert_ok(read_entries(entries, 1, &seen, &err)); /* an empty package has no folder in it */
    assert_string_equal(seen.empty, "");
}

static void test_what_is_not_wanted_is_passed_over(void **state)
{
    (void)state;
    struct buf packed = package_deflated("hello hello hello", 17);
    struct package_entry entries[] = {
        {.name = "a", .data = "xyz", .n = 3, .crc_flip = 1}, /* nobody looks */
        {.name = "b",
         .data = buf_data(&packed),
         .n = packed.used,
         .size = 17,
         .method = 8,
         .crc = 0xe5f98880},
        {.name = "c", .data = "z", .n = 1},
    };
    struct buf zip = package_zip(entries, 3);
    struct package_seen seen = {.only = "c"};
    struct err err;
    char line[512];
    support_write(path, buf_data(&zip), zip.used);
    assert_ok(package_read(path, NULL, &seen, &err));
    assert_string_equal(seen.text, package_line(line, "c", "z", 1));
    seen.only = "b";
    assert_ok(package_read(path, NULL, &seen, &err));
    assert_string_equal(seen.text, package_line(line, "b", "hello hello hello", 17));
    seen.only = "a";
    assert_err(ERR_MALFORMED, package_read(path, NULL, &seen, &err));
    buf_clear(&zip);
    buf_clear(&packed);
}

/* By Info-ZIP 3.0, also what it writes into a pipe, and with Zip64 for no need. */
static void test_zips_of_another_program_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *top, *text;
        int files;
    } cases[] = {{"deflated", "bag", "bagit.txt 19 ", 3},
                 {"stored", "bag", "bagit.txt 19 ", 3},
                 {"streamed", "", "bagit.txt 19 ", 2},
                 {"zip64", "", "bagit.txt 19 ", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct package_seen seen = {0};
        struct err err;
        char from[512];
        snprintf(from, sizeof from, "%s/fuzz/corpus/bag/%s", TEST_SOURCE_DIR, cases[i].name);
        assert_ok(package_read(from, NULL, &seen, &err));
        assert_string_equal(seen.top, cases[i].top);
        assert_int_equal(seen.files, cases[i].files);
        assert_non_null(strstr(seen.text, cases[i].text));
    }
}

static void test_only_a_folder_that_all_lie_in_is_the_top(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a/x", "b/x"}, {"a/x", "ab/x"}, {"a/x", "y"}};
    for (int i = 0; i < 3; i++) {
        const struct package_entry entries[] = {{.name = names[i][0]}, {.name = names[i][1]}};
        struct package_seen seen;
        struct err err;
        assert_ok(read_entries(entries, 2, &seen, &err));
        assert_string_equal(seen.top, "");
        assert_int_equal(strncmp(seen.text, "a/x 0 ", 6), 0);
    }
}

static void test_sizes_behind_the_content_are_accepted(void **state)
{
    (void)state;
    static const int lengths[] = {12, 16, 20, 24};
    struct buf small = package_deflated("hello hello hello", 17);
    for (int i = 0; i < 4; i++) {
        struct package_entry e = {.name = "a",
                                  .data = buf_data(&small),
                                  .n = small.used,
                                  .size = 17,
                                  .method = 8,
                                  .crc = 0xe5f98880,
                                  .descriptor = lengths[i]};
        struct package_entry entries[] = {
            e, e, {.name = "c", .data = "stored", .n = 6, .descriptor = lengths[i]}};
        struct package_seen seen;
        struct err err;
        entries[1].name = "b";
        assert_ok(read_entries(entries, 3, &seen, &err));
        assert_int_equal(seen.files, 3);
    }
    buf_clear(&small);
}

static void test_names_that_leave_or_deceive_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../a", "a/../../b",    "/etc/passwd", "a\\b",         "a\nb",     "a//b",
        "./a",  "a/.",          "..",          "a\x7f",        "\xc2\x85", "\xc0\xaf",
        "\xff", "\xe2\x80\xa8", "a\rb",        "\xed\xa0\x80", "//",       "a\x1b[2J"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct package_entry entries[] = {{.name = "first"}, {.name = names[i]}};
        assert_refused(ERR_MALFORMED, "the name", entries, 2);
    }
}

static void test_long_and_deep_names_are_refused(void **state)
{
    (void)state;
    char part[257], deep[70] = "", bytes[1100];
    struct package_seen seen;
    struct err err;
    memset(part, 'a', 256);
    part[256] = '\0';
    assert_refused(ERR_MALFORMED, "255 bytes", &(struct package_entry){.name = part}, 1);
    part[255] = '\0';
    assert_ok(read_entries(&(struct package_entry){.name = part}, 1, &seen, &err));
    for (int i = 0; i < 32; i++)
        memcpy(deep + 2 * i, "a/", 3);
    memcpy(deep + 64, "b", 2);
    assert_refused(ERR_MALFORMED, "32 parts", &(struct package_entry){.name = deep}, 1);
    assert_ok(read_entries(&(struct package_entry){.name = deep + 2}, 1, &seen, &err));
    snprintf(bytes, sizeof bytes, "%.255s/%.255s/%.255s/%.255s/b", part, part, part, part);
    assert_refused(ERR_MALFORMED, "1024 bytes", &(struct package_entry){.name = bytes}, 1);
}

static void test_a_name_comes_once_whatever_its_case(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"data/a", "data/a"}, {"data/a", "data/A"},
                                           {"\u00e9", "\u00c9"}, {"a", "a/b"},
                                           {"a/b", "A"},         {"a/", "a"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct package_entry entries[] = {
            {.name = pairs[i][0], .mode = strcmp(pairs[i][0], "a/") == 0 ? S_IFDIR : 0},
            {.name = pairs[i][1]}};
        assert_refused(ERR_MALFORMED, "occurs twice", entries, 2);
    }
}

static void test_other_than_files_and_folders_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t mode;
        const char *words;
    } cases[] = {{S_IFLNK | 0777, "symbolic link"},
                 {S_IFIFO | 0644, "a pipe"},
                 {S_IFCHR | 0644, "a device"},
                 {S_IFSOCK | 0644, "a socket"},
                 {S_IFDIR | 0755, "folder"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct package_entry e = {
            .name = "link", .data = "/etc", .n = 4, .mode = cases[i].mode};
        assert_refused(ERR_MALFORMED, cases[i].words, &e, 1);
    }
    assert_refused(ERR_MALFORMED, "folder", &(struct package_entry){.name = "a/"}, 1);
    assert_refused(ERR_MALFORMED, "folder with content",
                   &(struct package_entry){.name = "a/", .mode = S_IFDIR, .data = "x", .n = 1}, 1);
}

static void test_what_headers_and_directory_tell_differently_is_refused(void **state)
{
    (void)state;
    static const char other[] = {0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 'b'};
    const struct package_entry entries[] = {
        {.name = "a", .local_name = "b"},
        {.name = "a", .local_name = "ab"},
        {.name = "a", .data = "xy", .n = 2, .local_size = 1},
        {.name = "a", .extra = other, .extra_n = sizeof other},
        {.name = "a", .extra = other, .extra_n = sizeof other - 1},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        assert_refused(ERR_MALFORMED, "'a' (entry 1)", &entries[i], 1);
}

static void test_false_sizes_and_sums_are_found(void **state)
{
    (void)state;
    struct buf small = package_deflated("hello hello hello", 17);
    const struct package_entry claim = {
        .name = "a", .data = "0123456789", .n = 10, .size = 0xfffffffe, .packed = 0xfffffffe};
    assert_refused(ERR_MALFORMED, "claims more bytes", &claim, 1);
    const struct package_entry two = {.name = "a", .data = "0123456789", .n = 10, .size = 9};
    assert_refused(ERR_MALFORMED, "two different sizes", &two, 1);
    const struct package_entry sum = {.name = "a", .data = "0123456789", .n = 10, .crc_flip = 1};
    assert_refused(ERR_MALFORMED, "CRC", &sum, 1);
    static const uint32_t sizes[] = {16, 18, 1000};
    for (int i = 0; i < 3; i++) {
        const struct package_entry e = {.name = "a",
                                        .data = buf_data(&small),
                                        .n = small.used,
                                        .size = sizes[i],
                                        .method = 8,
                                        .crc = 0xe5f98880};
        assert_refused(ERR_MALFORMED, "'a'", &e, 1);
    }
    buf_clear(&small);
}

static void test_deflated_content_must_end_where_the_entry_does(void **state)
{
    (void)state;
    struct buf small = package_deflated("hello hello hello", 17);
    uint8_t bytes[64] = {0};
    memcpy(bytes, buf_data(&small), small.used);
    for (size_t n = 0; n < small.used + 9; n++) {
        const struct package_entry e = {.name = "a",
                                        .data = bytes,
                                        .n = n,
                                        .packed = (uint32_t)n,
                                        .size = 17,
                                        .method = 8,
                                        .crc = 0xe5f98880};
        if (n != small.used)
            assert_refused(ERR_MALFORMED, n < small.used ? "cut off" : "behind the end", &e, 1);
    }
    const struct package_entry sum = {
        .name = "a", .data = bytes, .n = small.used, .size = 17, .method = 8, .crc = 0xe5f98881};
    assert_refused(ERR_MALFORMED, "CRC", &sum, 1);
    buf_clear(&small);
}

/* Blocks that are none, that reach before the beginning, or of which a million tell nothing. */
static void test_deflated_content_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    enum { BLOCKS = 1 << 20 };
    static const uint8_t empty[] = {0, 0, 0, 0xff, 0xff}, end[] = {1, 0, 0, 0xff, 0xff};
    static const uint8_t bad[][4] = {{7}, {0, 1, 0, 0}, {0x63, 0, 0x11, 0}};
    uint8_t *nothing = malloc((size_t)BLOCKS * sizeof empty);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct package_entry e = {
            .name = "a", .data = bad[i], .n = 4, .size = 17, .method = 8};
        assert_refused(ERR_MALFORMED, "cannot be unpacked", &e, 1);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        memcpy(nothing + i * sizeof empty, empty, sizeof empty);
    struct package_entry e = {
        .name = "a", .data = nothing, .n = (size_t)BLOCKS * sizeof empty, .size = 1, .method = 8};
    assert_refused(ERR_MALFORMED, "cut off", &e, 1);
    memcpy(nothing + (BLOCKS - 1) * sizeof end, end, sizeof end);
    assert_refused(ERR_MALFORMED, "fewer", &e, 1);
    free(nothing);
}

static void test_a_bomb_is_refused_before_it_goes_off(void **state)
{
    (void)state;
    enum { BYTES = 32 << 20 };
    void *zeros = calloc(1, BYTES);
    struct buf bomb = package_deflated(zeros, BYTES);
    const struct package_entry e = {
        .name = "a", .data = buf_data(&bomb), .n = bomb.used, .size = BYTES, .method = 8};
    assert_refused(ERR_LIMIT, "a bomb", &e, 1);
    /* One that claims little is stopped where its claim ends. */
    const struct package_entry liar = {
        .name = "a", .data = buf_data(&bomb), .n = bomb.used, .size = 1000, .method = 8};
    assert_refused(ERR_MALFORMED, "claims 1000 bytes", &liar, 1);
    buf_clear(&bomb);
    free(zeros);
}

static void test_limits_of_bytes_and_entries_hold(void **state)
{
    (void)state;
    const struct package_entry entries[] = {{.name = "a", .data = "12345", .n = 5},
                                            {.name = "b", .data = "12345", .n = 5}};
    struct package_seen seen;
    struct err err;
    assert_ok(read_entries(entries, 2, &seen, &err));
    assert_ok(package_read(path, &(struct bag_limits){2, 10}, &seen, &err));
    assert_err(ERR_LIMIT, package_read(path, &(struct bag_limits){2, 9}, &seen, &err));
    assert_err(ERR_LIMIT, package_read(path, &(struct bag_limits){1, 10}, &seen, &err));
}

static void test_what_is_encrypted_or_packed_otherwise_is_unsupported(void **state)
{
    (void)state;
    const struct package_entry entries[] = {
        {.name = "a", .flags = 1},       {.name = "a", .flags = 1 | 1 << 6},
        {.name = "a", .flags = 1 << 13}, {.name = "a", .flags = 1 << 5},
        {.name = "a", .method = 12},     {.name = "a", .method = 99},
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        assert_refused(ERR_UNSUPPORTED, "'a'", &entries[i], 1);
}

/* ---- damage ---- */

static struct buf small_zip(void)
{
    struct buf small = package_deflated("hello hello hello", 17);
    const struct package_entry entries[] = {
        {.name = "top/a", .data = "0123456789", .n = 10},
        {.name = "top/b",
         .data = buf_data(&small),
         .n = small.used,
         .size = 17,
         .method = 8,
         .crc = 0xe5f98880,
         .descriptor = 16},
        {.name = "top/c/", .mode = S_IFDIR | 0755},
    };
    struct buf b = package_zip(entries, 3);
    buf_clear(&small);
    return b;
}

static void test_a_zip_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf b = small_zip();
    for (size_t n = 0; n < b.used; n++) {
        struct package_seen seen = {0};
        struct err err = {0};
        support_write(path, buf_data(&b), n);
        if (package_read(path, NULL, &seen, &err) != ERR_MALFORMED)
            fail_msg("cut at %zu: %s", n, err.text);
    }
    buf_clear(&b);
}

static void test_bytes_before_behind_or_between_are_refused(void **state)
{
    (void)state;
    struct buf b = small_zip();
    uint8_t *more = malloc(b.used + 1);
    for (size_t at = 0; at <= b.used; at++) {
        struct package_seen seen = {0};
        struct err err = {0};
        memcpy(more, buf_data(&b), at);
        more[at] = 'P';
        memcpy(more + at + 1, buf_data(&b) + at, b.used - at);
        support_write(path, more, b.used + 1);
        if (package_read(path, NULL, &seen, &err) == ERR_OK)
            fail_msg("a byte more at %zu was accepted", at);
    }
    free(more);
    buf_clear(&b);
}

static void test_no_flipped_bit_changes_what_is_read_unnoticed(void **state)
{
    (void)state;
    struct buf b = small_zip();
    struct package_seen right = {0};
    struct err err;
    int accepted = 0;
    support_write(path, buf_data(&b), b.used);
    assert_ok(package_read(path, NULL, &right, &err));
    for (size_t i = 0; i < b.used * 8; i++) {
        struct package_seen seen = {0};
        b.mem[b.start + i / 8] ^= (uint8_t)(1 << i % 8);
        support_write(path, buf_data(&b), b.used);
        int rc = package_read(path, NULL, &seen, &err);
        b.mem[b.start + i / 8] ^= (uint8_t)(1 << i % 8);
        if (rc == ERR_OK && (strcmp(seen.text, right.text) != 0 || strcmp(seen.top, right.top)))
            fail_msg("bit %zu of byte %zu: %s", i % 8, i / 8, seen.text);
        accepted += rc == ERR_OK;
    }
    /* Versions, times, modes: what is accepted is what is not content. */
    assert_in_range(accepted, 1, b.used * 8 / 3);
    buf_clear(&b);
}

static void test_a_hundred_thousand_entries_are_refused_at_once(void **state)
{
    (void)state;
    static const uint8_t end[] = {'P', 'K', 5, 6};
    struct package_entry e = {.name = "a"};
    struct buf b = package_zip(&e, 1);
    struct package_seen seen = {0};
    struct err err;
    uint8_t *tail = b.mem + b.start + b.used - 22;
    assert_memory_equal(tail, end, sizeof end);
    memset(tail + 8, 0xfe, 4);
    support_write(path, buf_data(&b), b.used);
    assert_err(ERR_LIMIT, package_read(path, NULL, &seen, &err));
    assert_non_null(strstr(err.text, "more than 20000"));
    buf_clear(&b);
}

static void test_what_is_no_zip_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "\x1f\x8b\x08", "7z\xbc\xaf\x27\x1c",
                                        "Rar!\x1a\x07 and twenty-two bytes more"};
    struct package_seen seen = {0};
    struct err err;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        support_write(path, texts[i], strlen(texts[i]));
        assert_err(ERR_MALFORMED, package_read(path, NULL, &seen, &err));
    }
    assert_err(ERR_NOTFOUND, package_read("/nowhere/p.zip", NULL, &seen, &err));
    struct buf none = package_zip(NULL, 0);
    support_write(path, buf_data(&none), none.used);
    assert_ok(package_read(path, NULL, &seen, &err));
    assert_int_equal(seen.files, 0);
    buf_clear(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_zip_is_read),
        cmocka_unit_test(test_empty_folders_are_told),
        cmocka_unit_test(test_what_is_not_wanted_is_passed_over),
        cmocka_unit_test(test_zips_of_another_program_are_read),
        cmocka_unit_test(test_only_a_folder_that_all_lie_in_is_the_top),
        cmocka_unit_test(test_sizes_behind_the_content_are_accepted),
        cmocka_unit_test(test_names_that_leave_or_deceive_are_refused),
        cmocka_unit_test(test_long_and_deep_names_are_refused),
        cmocka_unit_test(test_a_name_comes_once_whatever_its_case),
        cmocka_unit_test(test_other_than_files_and_folders_is_refused),
        cmocka_unit_test(test_what_headers_and_directory_tell_differently_is_refused),
        cmocka_unit_test(test_false_sizes_and_sums_are_found),
        cmocka_unit_test(test_deflated_content_must_end_where_the_entry_does),
        cmocka_unit_test(test_deflated_content_that_makes_no_sense_is_refused),
        cmocka_unit_test(test_a_bomb_is_refused_before_it_goes_off),
        cmocka_unit_test(test_limits_of_bytes_and_entries_hold),
        cmocka_unit_test(test_what_is_encrypted_or_packed_otherwise_is_unsupported),
        cmocka_unit_test(test_a_zip_cut_anywhere_is_refused),
        cmocka_unit_test(test_bytes_before_behind_or_between_are_refused),
        cmocka_unit_test(test_no_flipped_bit_changes_what_is_read_unnoticed),
        cmocka_unit_test(test_a_hundred_thousand_entries_are_refused_at_once),
        cmocka_unit_test(test_what_is_no_zip_is_malformed),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

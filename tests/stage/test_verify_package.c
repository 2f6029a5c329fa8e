/* Whatever is done to a package, verify names it. */
#include "dashspool/bag.h"
#include "dashspool/custody.h"
#include "dashspool/fsx.h"
#include "dashspool/verify.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "352093081452251-rear-video-20241129T072345Z"

static const char *const names[] = {
    "data/master/" ID ".h265",
    "data/master/" ID ".json",
    "data/viewing/" ID ".mp4",
    "data/custody.jsonl",
    "data/tool.json",
    "README.txt",
    "bag-info.txt",
    "bagit.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
};
enum { NAMES = sizeof names / sizeof *names, IN_DATA = 5 };

static char *dir;

static const char *path_of(const char *name)
{
    static char path[4][700];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/package/%s", dir, name);
    return p;
}

static void put(struct bag *bag, const char *name, const char *text)
{
    struct err err;
    assert_ok(bag_put(bag, name, text, strlen(text), &err));
}

/* stored: the hash of receipt that the custody tells; NULL: the master's. */
static void make_package(const char *stored)
{
    static char line[2][CUSTODY_LINE_ROOM], both[2 * CUSTODY_LINE_ROOM];
    char path[600], sha256[HASH_HEX_ROOM], what[200], tag[HASH_HEX_ROOM];
    struct bag *bag = NULL;
    struct err err;
    snprintf(path, sizeof path, "%s/package", dir);
    assert_ok(fsx_remove_tree(path, &err));
    assert_ok(bag_new(&bag, path, 0, &err));
    assert_ok(bag_begin(bag, names[0], 8, &err));
    assert_ok(bag_write(bag, "a master", 8, &err));
    assert_ok(bag_end(bag, sha256, &err));
    put(bag, names[1], "{\"id\": \"" ID "\"}\n");
    put(bag, names[2], "a film");
    snprintf(what, sizeof what, "{\"sha256\":\"%s\"}", stored ? stored : sha256);
    struct custody_event received = {0, CUSTODY_RECEIVED, "a test", NULL},
                         stored_event = {1, CUSTODY_STORED, "a test", what};
    assert_ok(custody_line(line[0], ID, 1, NULL, &received, &err));
    assert_ok(custody_line(line[1], ID, 2, line[0], &stored_event, &err));
    snprintf(both, sizeof both, "%s\n%s\n", line[0], line[1]);
    put(bag, names[3], both);
    put(bag, names[4], "{\"version\": \"0\"}\n");
    put(bag, names[5], "Read me.\n");
    assert_ok(bag_put_info(bag, BAG_BAGGING_DATE, "2026-11-21", &err));
    assert_ok(bag_close(bag, NULL, tag, &err));
    assert_ok(bag_finish(bag, &err));
    bag_free(&bag);
}

struct found {
    bool good;
    enum verify_verdict verdict[VERIFY_CHECKS];
    int told[VERIFY_CHECKS];
    char problems[8000];
};

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    struct found *f = arg;
    (void)text;
    f->verdict[check] = verdict;
    f->told[check]++;
}

static void on_problem(void *arg, enum verify_check check, const char *text)
{
    struct found *f = arg;
    size_t used = strlen(f->problems);
    (void)check;
    snprintf(f->problems + used, sizeof f->problems - used, "%s\n", text);
}

static struct found verify(void)
{
    struct found f = {.good = false};
    struct verify_listener listener = {on_told, on_problem, &f};
    char path[600];
    struct err err;
    snprintf(path, sizeof path, "%s/package", dir);
    assert_ok(verify_package(&(struct verify_request){.path = path}, &listener, &f.good, &err));
    for (int i = 0; i < VERIFY_CHECKS; i++)
        assert_int_equal(f.told[i], 1);
    return f;
}

/* Something failed, and this is said. */
static void is_named(const char *how, const char *name, const char *says)
{
    struct found f = verify();
    if (f.good || !strstr(f.problems, says))
        fail_msg("%s %s: good %d; says: %s", how, name, f.good, f.problems);
}

static void says(const char *how, const char *name)
{
    char text[400];
    snprintf(text, sizeof text, "%s: %s\n", how, name);
    is_named(how, name, text);
}

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    make_package(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static void test_an_untouched_package_is_good(void **state)
{
    (void)state;
    struct found f = verify();
    assert_string_equal(f.problems, "");
    assert_true(f.good);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        assert_int_equal(f.verdict[i],
                         i == VERIFY_SIGNATURE || i == VERIFY_STAMP || i == VERIFY_PICTURES
                             ? VERIFY_NOT_PRESENT
                         : i == VERIFY_REPRODUCTION ? VERIFY_NOT_JUDGED
                                                    : VERIFY_OK);
}

static void test_one_changed_bit_anywhere_is_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct buf b = support_read(path_of(names[i]));
        for (size_t at = 0; at < b.used; at += 1 + b.used / 40) {
            b.mem[b.start + at] ^= 1;
            support_write(path_of(names[i]), buf_data(&b), b.used);
            struct found f = verify();
            if (f.good || (i < NAMES - 2 && !strstr(f.problems, names[i])))
                fail_msg("%s, byte %zu: good %d; %s", names[i], at, f.good, f.problems);
            b.mem[b.start + at] ^= 1;
        }
        support_write(path_of(names[i]), buf_data(&b), b.used);
        buf_clear(&b);
    }
}

static void test_a_file_removed_or_cut_is_named(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        make_package(NULL);
        struct buf b = support_read(path_of(names[i]));
        support_write(path_of(names[i]), buf_data(&b), b.used - 1);
        buf_clear(&b);
        assert_false(verify().good);
        assert_int_equal(unlink(path_of(names[i])), 0);
        says("missing", names[i]);
    }
}

static void test_a_file_renamed_is_named_with_both_names(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES - 4; i++) { /* without the other four it is no bag */
        char to[300], text[700];
        snprintf(to, sizeof to, "%s.renamed", names[i]);
        snprintf(text, sizeof text, "renamed: %s, to %s\n", names[i], to);
        make_package(NULL);
        assert_int_equal(rename(path_of(names[i]), path_of(to)), 0);
        is_named("renamed", names[i], text);
    }
}

static void test_files_that_changed_places_are_named(void **state)
{
    (void)state;
    assert_int_equal(rename(path_of(names[0]), path_of("kept")), 0);
    assert_int_equal(rename(path_of(names[2]), path_of(names[0])), 0);
    assert_int_equal(rename(path_of("kept"), path_of(names[2])), 0);
    says("changed", names[0]);
    says("changed", names[2]);
}

static void test_a_file_added_is_named(void **state)
{
    (void)state;
    static const char *const added[] = {"data/extra", "data/master/" ID ".h265.bak", "extra.txt",
                                        "extra.p7s"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        make_package(NULL);
        support_write(path_of(added[i]), "x", 1);
        says("extra", added[i]);
    }
}

/* Whoever makes the payload's manifest anew must make the tags' anew, too. */
static void test_a_manifest_made_anew_does_not_help(void **state)
{
    (void)state;
    char sha256[HASH_HEX_ROOM];
    struct err err;
    support_write(path_of(names[4]), "{\"version\": \"1\"}\n", 17);
    assert_ok(hash_text("{\"version\": \"1\"}\n", 17, sha256, &err));
    struct buf b = support_read(path_of("manifest-sha256.txt"));
    char *text = (char *)(b.mem + b.start);
    assert_ok(buf_append(&b, "", 1, &err));
    text = (char *)(b.mem + b.start);
    char *at = strstr(text, names[4]);
    assert_non_null(at);
    memcpy(at - 2 - 64, sha256, 64);
    support_write(path_of("manifest-sha256.txt"), text, b.used - 1);
    buf_clear(&b);
    says("changed", "manifest-sha256.txt");
}

static void test_without_the_tag_manifest_nothing_is_good(void **state)
{
    (void)state;
    assert_int_equal(unlink(path_of("tagmanifest-sha256.txt")), 0);
    support_write(path_of("bag-info.txt"), "Bagging-Date: 2020-01-01\n", 25);
    says("missing", "tagmanifest-sha256.txt");
    is_named("edited", "bag-info.txt", "Payload-Oxum");
}

static void test_a_master_must_be_what_its_custody_says(void **state)
{
    (void)state;
    make_package("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    struct found f = verify();
    assert_int_equal(f.verdict[VERIFY_PAYLOAD], VERIFY_OK); /* the hashes are made to fit */
    assert_int_equal(f.verdict[VERIFY_CUSTODY], VERIFY_FAILED);
    assert_non_null(strstr(f.problems, "no file in data/master/ has the SHA-256 of receipt"));
    assert_false(f.good);
}

static void test_a_custody_line_taken_away_is_named(void **state)
{
    (void)state;
    struct buf b = support_read(path_of(names[3]));
    const char *p = (const char *)buf_data(&b), *second = (const char *)memchr(p, '\n', b.used) + 1;
    support_write(path_of(names[3]), second, b.used - (size_t)(second - p));
    buf_clear(&b);
    is_named("cut", names[3],
             "line 1: custody record of " ID ": line 2 ('stored') does not follow");
}

static void test_manifest_lines_that_are_none_are_told(void **state)
{
    (void)state;
    static const char *const lines[] = {"x\n", "0123  data/a\n", "\n", "no newline"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        make_package(NULL);
        support_write(path_of("manifest-sha256.txt"), lines[i], strlen(lines[i]));
        is_named("line", lines[i], "manifest-sha256.txt, line 1: not a manifest line");
    }
}

static void test_what_is_no_package_is_an_error_or_not_good(void **state)
{
    (void)state;
    struct found f = {.good = true};
    struct verify_listener listener = {on_told, on_problem, &f};
    struct err err;
    assert_int_equal(verify_package(&(struct verify_request){.path = "/nonexistent/package"},
                                    &listener, &f.good, &err),
                     ERR_NOTFOUND);
    assert_false(f.good);
    assert_ok(verify_package(&(struct verify_request){.path = path_of("data/viewing")}, &listener,
                             &f.good, &err));
    assert_false(f.good);
    assert_non_null(strstr(f.problems, "missing: bagit.txt"));
    assert_int_equal(symlink("/etc", path_of("data/link")), 0);
    assert_int_equal(
        verify_package(&(struct verify_request){.path = path_of("")}, &listener, &f.good, &err),
        ERR_MALFORMED);
    assert_false(f.good);
}

static void test_names_that_no_package_has_are_refused_by_the_bag(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "/a", "a/",  "a//b", "../a",
                                      "a/../b", ".a", "a b", "a\nb", "data/\xc3\xa9"};
    struct bag *bag = NULL;
    struct err err;
    char path[600];
    snprintf(path, sizeof path, "%s/other", dir);
    assert_ok(bag_new(&bag, path, 0, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(bag_put(bag, bad[i], "x", 1, &err), ERR_MALFORMED);
    assert_ok(bag_put(bag, "data/a", "x", 1, &err));
    assert_int_equal(bag_put(bag, "data/a", "x", 1, &err), ERR_MALFORMED);
    bag_free(&bag);
    assert_int_equal(support_entries(dir), 1); /* the package alone: nothing unfinished */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_an_untouched_package_is_good),
        T(test_one_changed_bit_anywhere_is_noticed),
        T(test_a_file_removed_or_cut_is_named),
        T(test_a_file_renamed_is_named_with_both_names),
        T(test_files_that_changed_places_are_named),
        T(test_a_file_added_is_named),
        T(test_a_manifest_made_anew_does_not_help),
        T(test_without_the_tag_manifest_nothing_is_good),
        T(test_a_master_must_be_what_its_custody_says),
        T(test_a_custody_line_taken_away_is_named),
        T(test_manifest_lines_that_are_none_are_told),
        T(test_what_is_no_package_is_an_error_or_not_good),
        T(test_names_that_no_package_has_are_refused_by_the_bag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

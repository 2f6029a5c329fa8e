/* Packages that are folders: in byte order, and nothing outside is ever opened. */
#include "support/package.h"
#include "support/support.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static const char *at(const char *name)
{
    static char paths[2][512];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", dir, name);
    return paths[turn];
}

static void assert_refused(int code, const char *words)
{
    struct package_seen seen = {0};
    struct err err = {0};
    int rc = package_read(dir, NULL, &seen, &err);
    if (rc != code || !strstr(err.text, words))
        fail_msg("%s (%s) instead of %s (%s)", err_name(rc), err.text, err_name(code), words);
}

static void test_files_come_in_byte_order(void **state)
{
    (void)state;
    struct package_seen seen = {0};
    struct err err;
    char line[512], expected[2100] = "";
    static const char *const order[] = {"B", "a/x", "a/y/z", "b"};
    assert_int_equal(mkdir(at("a"), 0700) | mkdir(at("a/y"), 0700) | mkdir(at("empty"), 0700), 0);
    for (int i = 3; i >= 0; i--)
        support_write(at(order[i]), order[i], strlen(order[i]));
    /* B and b differ by case only: not now. */
    assert_int_equal(rename(at("b"), at("c")), 0);
    assert_ok(package_read(dir, NULL, &seen, &err));
    for (int i = 0; i < 4; i++) {
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s",
                 package_line(line, i == 3 ? "c" : order[i], order[i], strlen(order[i])));
    }
    assert_string_equal(seen.text, expected);
    assert_string_equal(seen.top, "");
    assert_string_equal(seen.empty, "empty ");
}

static void test_names_that_differ_by_case_are_refused(void **state)
{
    (void)state;
    support_write(at("a"), "", 0);
    support_write(at("A"), "", 0);
    assert_refused(ERR_MALFORMED, "'a' occurs twice");
}

static void test_names_that_are_no_line_are_refused(void **state)
{
    (void)state;
    support_write(at("a\nb"), "", 0);
    assert_refused(ERR_MALFORMED, "'a?b'");
    unlink(at("a\nb"));
    support_write(at("a\\b"), "", 0);
    assert_refused(ERR_MALFORMED, "'a\\b'");
    unlink(at("a\\b"));
    support_write(at("\xff"), "", 0);
    assert_refused(ERR_MALFORMED, "UTF-8");
}

static void test_links_are_refused_and_not_followed(void **state)
{
    (void)state;
    support_write(at("a"), "x", 1);
    assert_int_equal(symlink("/etc/passwd", at("l")), 0);
    assert_refused(ERR_MALFORMED, "'l' is a symbolic link");
    unlink(at("l"));
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_equal(symlink("..", at("d/up")), 0);
    assert_refused(ERR_MALFORMED, "'d/up' is a symbolic link");
    unlink(at("d/up"));
    assert_int_equal(link(at("a"), at("b")), 0);
    assert_refused(ERR_MALFORMED, "'a' is a hard link");
}

static void test_a_pipe_is_refused_and_does_not_block(void **state)
{
    (void)state;
    struct package_seen seen = {0};
    struct err err;
    assert_int_equal(mkfifo(at("p"), 0600), 0);
    assert_refused(ERR_MALFORMED, "'p' is a pipe");
    assert_err(ERR_MALFORMED, package_read(at("p"), NULL, &seen, &err));
}

static void take_away(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "a") == 0)
        unlink(at("b"));
}

static void replace_by_link(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "a") == 0) {
        unlink(at("b"));
        assert_int_equal(symlink("/etc/passwd", at("b")), 0);
    }
}

static void cut_short(void *arg, const char *name)
{
    if (strcmp(name, "b") == 0)
        assert_int_equal(truncate(at("b"), *(const off_t *)arg), 0);
}

static void test_what_changes_while_it_is_read_is_named(void **state)
{
    (void)state;
    off_t shorter = 1, longer = 3;
    const struct {
        void (*change)(void *arg, const char *name);
        void *arg;
        int code;
    } cases[] = {{take_away, NULL, ERR_NOTFOUND},
                 {replace_by_link, NULL, ERR_MALFORMED},
                 {cut_short, &shorter, ERR_MALFORMED},
                 {cut_short, &longer, ERR_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct package_seen seen = {.at_begin = cases[i].change, .arg = cases[i].arg};
        struct err err;
        unlink(at("b"));
        support_write(at("a"), "1", 1);
        support_write(at("b"), "22", 2);
        assert_err(cases[i].code, package_read(dir, NULL, &seen, &err));
        assert_non_null(strstr(err.text, "b'"));
    }
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct package_seen seen = {0};
    struct err err;
    support_write(at("a"), "12345", 5);
    assert_int_equal(mkdir(at("d"), 0700), 0);
    support_write(at("d/b"), "12345", 5);
    assert_ok(package_read(dir, &(struct bag_limits){3, 10}, &seen, &err));
    assert_err(ERR_LIMIT, package_read(dir, &(struct bag_limits){2, 10}, &seen, &err));
    assert_err(ERR_LIMIT, package_read(dir, &(struct bag_limits){3, 9}, &seen, &err));
}

static void test_a_deep_folder_is_refused(void **state)
{
    (void)state;
    char deep[100] = "d";
    for (int i = 0; i < 33; i++) {
        assert_int_equal(mkdir(at(deep), 0700), 0);
        strncat(deep, "/d", 3);
    }
    assert_refused(ERR_MALFORMED, "32 parts");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

static void test_what_is_not_wanted_is_passed_over(void **state)
{
    (void)state;
    struct package_seen seen = {.only = "a/wanted"};
    struct err err;
    char line[512];
    assert_int_equal(mkdir(at("a"), 0700), 0);
    support_write(at("a/other"), "other", 5);
    support_write(at("a/wanted"), "this", 4);
    support_write(at("z"), "z", 1);
    assert_int_equal(chmod(at("z"), 0), 0);
    assert_ok(package_read(dir, NULL, &seen, &err));
    assert_string_equal(seen.text, package_line(line, "a/wanted", "this", 4));
    assert_int_equal(symlink("other", at("a/y")), 0); /* it is a package all the same */
    seen.only = "a/wanted";
    assert_err(ERR_MALFORMED, package_read(dir, NULL, &seen, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_files_come_in_byte_order),
        EACH(test_names_that_differ_by_case_are_refused),
        EACH(test_names_that_are_no_line_are_refused),
        EACH(test_links_are_refused_and_not_followed),
        EACH(test_a_pipe_is_refused_and_does_not_block),
        EACH(test_what_changes_while_it_is_read_is_named),
        EACH(test_limits_hold),
        EACH(test_a_deep_folder_is_refused),
        EACH(test_what_is_not_wanted_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sessions end when idle and when old, outlive a restart, and believe no line that is none. */
#include "dashspool/fsx.h"
#include "support/support.h"
#include "web/web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LONG (INT64_C(3600) * 1000000)

static int set_up(void **state)
{
    char *dir = support_tmp_dir();
    assert_int_equal(mkdir(support_path(dir, "access"), 0700), 0);
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    char *dir = *state;
    support_tmp_remove(&dir);
    return 0;
}

static bool holds(const char *dir, const char *cookie, int64_t idle_us, int64_t life_us)
{
    struct sessions all;
    struct err err;
    assert_ok(sessions_open(&all, dir, idle_us, life_us, &err));
    bool yes = sessions_find(&all, cookie) != NULL;
    sessions_close(&all);
    return yes;
}

static void test_they_end_when_idle_and_when_old(void **state)
{
    struct sessions all;
    struct err err;
    char cookie[HASH_HEX_ROOM], other[HASH_HEX_ROOM];
    assert_ok(sessions_open(&all, *state, LONG, LONG, &err));
    assert_ok(sessions_new(&all, "anna", 7, cookie, &err));
    assert_ok(sessions_new(&all, "ben b", 8, other, &err));
    const struct session *s = sessions_find(&all, other);
    assert_non_null(s);
    assert_string_equal(s->name, "ben b");
    assert_int_equal(s->mark, 8);
    assert_true(sessions_has(&all, s->sha256));
    assert_null(sessions_find(&all, s->sha256)); /* the hash is no cookie */
    assert_ok(sessions_end(&all, other, &err));
    assert_null(sessions_find(&all, other));
    sessions_close(&all);
    assert_true(holds(*state, cookie, LONG, LONG));
    assert_false(holds(*state, other, LONG, LONG));
    assert_false(holds(*state, cookie, -1, LONG)); /* longer ago than it may be */
    assert_false(holds(*state, cookie, LONG, -1));
}

static void test_a_line_that_is_none_is_left_out(void **state)
{
    struct sessions all;
    struct err err;
    char cookie[HASH_HEX_ROOM], path[600];
    assert_ok(sessions_open(&all, *state, LONG, LONG, &err));
    assert_ok(sessions_new(&all, "anna", 7, cookie, &err));
    sessions_close(&all);
    snprintf(path, sizeof path, "%s", support_path(*state, "access/sessions"));
    struct buf b = support_read(path);
    static const char junk[] = "\n\n0 0 0 0\nabc\n%s%n %d\n\xff\xff\n";
    char *text = malloc(b.used + 2 * sizeof junk);
    memcpy(text, junk, strlen(junk));
    memcpy(text + strlen(junk), buf_data(&b), b.used);
    memcpy(text + strlen(junk) + b.used, "0123456789abcdef", 16); /* cut off */
    support_write(path, text, strlen(junk) + b.used + 16);
    free(text);
    buf_clear(&b);
    assert_true(holds(*state, cookie, LONG, LONG));
    assert_false(holds(*state, "", LONG, LONG));
}

static void test_they_are_bounded(void **state)
{
    struct sessions all;
    struct err err;
    char first[HASH_HEX_ROOM], cookie[HASH_HEX_ROOM];
    assert_ok(sessions_open(&all, *state, LONG, LONG, &err));
    assert_ok(sessions_new(&all, "anna", 7, first, &err));
    for (size_t i = 0; i < 4095; i++) { /* of memory, as a file would have them */
        struct session *more = realloc(all.list, (all.n + 1) * sizeof *more);
        assert_non_null(more);
        all.list = more;
        all.list[all.n] = all.list[0];
        all.list[all.n].sha256[0] = all.list[0].sha256[0] == '0' ? '1' : '0';
        all.list[all.n++].seen_us++;
    }
    assert_ok(sessions_new(&all, "ben", 8, cookie, &err));
    assert_int_equal(all.n, 4096);
    assert_null(sessions_find(&all, first)); /* it was not seen for longest */
    assert_non_null(sessions_find(&all, cookie));
    sessions_close(&all);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_they_end_when_idle_and_when_old),
        T(test_a_line_that_is_none_is_left_out),
        T(test_they_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Directories to make something in: what a killed owner left goes, what is in use stays. */
#include "dashspool/fsx.h"
#include "support/support.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PREFIX ".made-"

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* As an owner that was killed a moment ago left it. */
static void leave(const char *name, char out[600])
{
    char path[700];
    struct err err;
    snprintf(out, 600, "%s/" PREFIX "%s", dir, name);
    assert_ok(fsx_mkdirs(out, &err));
    snprintf(path, sizeof path, "%s/half", out);
    support_write(path, "half", 4);
}

static void test_the_next_owner_removes_what_a_killed_one_left(void **state)
{
    char left[600];
    struct workdir work;
    struct err err;
    (void)state;
    leave("aaaaaa", left);
    assert_ok(workdir_open(&work, dir, PREFIX, &err));
    assert_false(support_exists(left));
    assert_true(support_exists(work.path));
    workdir_close(&work);
    assert_int_equal(support_entries(dir), 0);
}

static void test_who_knows_of_one_need_not_wait(void **state)
{
    char left[600];
    struct workdir work, other;
    struct err err;
    (void)state;
    assert_ok(workdir_open(&work, dir, PREFIX, &err));
    leave("bbbbbb", left);
    assert_ok(workdir_open(&other, dir, PREFIX, &err)); /* it looked a moment ago */
    assert_true(support_exists(left));
    workdir_sweep(dir, PREFIX);
    assert_false(support_exists(left));
    assert_true(support_exists(work.path) && support_exists(other.path));
    workdir_close(&work);
    workdir_close(&other);
    assert_int_equal(support_entries(dir), 0);
}

static void test_what_is_not_ours_stays(void **state)
{
    (void)state;
    struct err err;
    char path[700];
    leave("by-somebody-else", path);
    snprintf(path, sizeof path, "%s/" PREFIX "123456", dir);
    support_write(path, "a file", 6);
    snprintf(path, sizeof path, "%s/" PREFIX "linked", dir);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/.mode-abcdef", dir);
    assert_ok(fsx_mkdirs(path, &err));
    workdir_sweep(dir, PREFIX);
    assert_int_equal(support_entries(dir), 4);
}

static void count(void *arg, const char *name)
{
    (void)name;
    *(int *)arg += 1;
}

/* What is made beside "b" removes what a killed one left beside "a". */
static void test_leftovers_are_told_by_the_end_of_their_prefix(void **state)
{
    (void)state;
    static const char *const left[] = {"a.made-AbCd12", "a.zip.made-AbCd12", "b.c.made-000000"};
    static const char *const kept[] = {"a.made-AbCd1", "a.made-AbCd-2", "a.mode-AbCd12",
                                       "a.made-AbCd12.zip"};
    char path[700];
    struct workdir work;
    struct err err;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, left[i]);
        assert_ok(fsx_mkdirs(path, &err));
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, kept[i]);
        assert_ok(fsx_mkdirs(path, &err));
    }
    int n = 0;
    assert_ok(workdir_each_left(dir, PREFIX, count, &n, &err));
    assert_int_equal(n, 3);
    assert_ok(workdir_open(&work, dir, "b" PREFIX, &err));
    assert_int_equal(support_entries(dir), 1 + sizeof kept / sizeof *kept);
    n = 0;
    assert_ok(
        workdir_each_left(dir, PREFIX, count, &n, &err)); /* one that is in use is no leftover */
    assert_int_equal(n, 0);
    workdir_close(&work);
    assert_ok(workdir_each_left("/nowhere", PREFIX, count, &n, &err));
}

/* ---- a sweep between two steps of the making ---- */

static int sweeps; /* so many times, before it is locked */
static bool holds; /* … it has it locked, and has removed nothing yet */

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    static bool nested;
    if (sweeps == 0 || nested)
        return __real_flock(fd, operation);
    sweeps--;
    nested = true;
    if (holds)
        errno = EWOULDBLOCK;
    else
        workdir_sweep(dir, PREFIX);
    nested = false;
    return holds ? -1 : __real_flock(fd, operation);
}

static void test_one_that_is_swept_while_it_is_made_is_made_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct workdir work;
        struct err err;
        holds = i == 1;
        sweeps = 3;
        assert_ok(workdir_open(&work, dir, PREFIX, &err));
        assert_int_equal(sweeps, 0);
        workdir_sweep(dir, PREFIX);
        assert_true(support_exists(work.path));
        workdir_close(&work);
        sweeps = 1000;
        assert_err(ERR_AGAIN, workdir_open(&work, dir, PREFIX, &err));
        sweeps = 0;
        assert_int_equal(support_entries(dir), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WORK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        WORK(test_the_next_owner_removes_what_a_killed_one_left),
        WORK(test_who_knows_of_one_need_not_wait),
        WORK(test_what_is_not_ours_stays),
        WORK(test_leftovers_are_told_by_the_end_of_their_prefix),
        WORK(test_one_that_is_swept_while_it_is_made_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

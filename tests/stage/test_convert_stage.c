/* The hidden directories in which copies are made: what a killed conversion left goes, what is in
 * use stays. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <errno.h>
#include <stdio.h>

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

/* As a conversion that was killed a moment ago left it. */
static void leave(const char *name, char out[600])
{
    char path[700];
    struct err err;
    snprintf(out, 600, "%s/.dashspool-%s", dir, name);
    assert_ok(fsx_mkdirs(out, &err));
    snprintf(path, sizeof path, "%s/half.mp4", out);
    support_write(path, "half", 4);
}

static void test_the_next_conversion_removes_what_a_killed_one_left(void **state)
{
    char left[600];
    struct convert_stage stage;
    struct err err;
    (void)state;
    leave("aaaaaa", left);
    assert_ok(convert_stage_open(&stage, dir, &err));
    assert_false(support_exists(left));
    assert_true(support_exists(stage.dir));
    convert_stage_close(&stage);
    assert_int_equal(support_entries(dir), 0);
}

static void test_who_knows_of_one_need_not_wait(void **state)
{
    char left[600];
    struct convert_stage stage, other;
    struct err err;
    (void)state;
    assert_ok(convert_stage_open(&stage, dir, &err));
    leave("bbbbbb", left);
    assert_ok(convert_stage_open(&other, dir, &err)); /* it looked a moment ago */
    assert_true(support_exists(left));
    convert_stage_sweep(dir);
    assert_false(support_exists(left));
    assert_true(support_exists(stage.dir) && support_exists(other.dir));
    convert_stage_close(&stage);
    convert_stage_close(&other);
    assert_int_equal(support_entries(dir), 0);
}

/* ---- a sweep between two steps of the making ---- */

static int sweeps; /* so many times, before the stage is locked */
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
        convert_stage_sweep(dir);
    nested = false;
    return holds ? -1 : __real_flock(fd, operation);
}

static void test_one_that_is_swept_while_it_is_made_is_made_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct convert_stage stage;
        struct err err;
        holds = i == 1;
        sweeps = 3;
        assert_ok(convert_stage_open(&stage, dir, &err));
        assert_int_equal(sweeps, 0);
        convert_stage_sweep(dir);
        assert_true(support_exists(stage.dir));
        convert_stage_close(&stage);
        sweeps = 1000;
        assert_err(ERR_AGAIN, convert_stage_open(&stage, dir, &err));
        sweeps = 0;
        assert_int_equal(support_entries(dir), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STAGE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        STAGE(test_the_next_conversion_removes_what_a_killed_one_left),
        STAGE(test_who_knows_of_one_need_not_wait),
        STAGE(test_one_that_is_swept_while_it_is_made_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* run: one at a time on a ROOT, and a lock that cannot be had for another reason is told as such.
 */
#include "dashspool/cfg.h"
#include "dashspool/fsx.h"
#include "dashspool/run.h"
#include "dashspool/stages.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char *root;
static int lock_errno; /* 0: the lock is the kernel's */

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    if (lock_errno == 0)
        return __real_flock(fd, operation);
    errno = lock_errno;
    return -1;
}

static int set_up(void **state)
{
    (void)state;
    root = support_tmp_dir();
    lock_errno = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

static int load(void *arg, const struct cfg *old, struct cfg **out, struct err *err)
{
    (void)arg;
    (void)old;
    *out = NULL;
    return err_set(err, ERR_CONFIG, "there is nothing to reload");
}

static int run(struct err *why)
{
    struct cfg *cfg = NULL;
    struct err err;
    assert_ok(cfg_load(&cfg, NULL, stages_cfg_sections, STAGES_CFG_SECTIONS, &err));
    int rc = run_stages(root, cfg, load, NULL, why);
    cfg_free(&cfg);
    return rc;
}

static void test_a_second_run_is_told_of_the_first(void **state)
{
    (void)state;
    struct err err;
    support_write(support_path(root, "run.lock"), "4711\n", 5);
    int fd = open(support_path(root, "run.lock"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(0, flock(fd, LOCK_EX));
    assert_err(ERR_BUSY, run(&err));
    assert_non_null(strstr(err.text, "already running (process 4711)"));
    close(fd);
}

static void test_a_lock_that_fails_is_told_as_what_it_is(void **state)
{
    (void)state;
    static const int codes[] = {ENOLCK, EIO, EOPNOTSUPP};
    struct err err;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        lock_errno = codes[i];
        assert_true(run(&err) < 0);
        assert_int_equal(err.sys_errno, codes[i]);
        assert_non_null(strstr(err.text, "run.lock"));
        assert_non_null(strstr(err.text, strerror(codes[i])));
        assert_null(strstr(err.text, "already running"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_second_run_is_told_of_the_first),
        TEST(test_a_lock_that_fails_is_told_as_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The watcher, shut in: what it needs works, and nothing else. In a process of its own each. */
#define _GNU_SOURCE
#include "dashspool/fsx.h"
#include "dashspool/import.h"
#include "dashspool/sandbox.h"
#include "intake/watch/watch_internal.h"
#include "support/support.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char *dir;
    struct watch watch;
};

static char *in(const struct place *p, const char *name)
{
    static char path[8][700];
    static unsigned i;
    char *out = path[i++ % 8];
    snprintf(out, sizeof path[0], "%s/%s", p->dir, name);
    return out;
}

static int set_up(void **state)
{
    static const char *const dirs[] = {"root/archive", "root/packages", "in", "elsewhere"};
    struct place *p = calloc(1, sizeof *p);
    struct err err;
    p->dir = support_tmp_dir();
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_ok(fsx_mkdirs(in(p, dirs[i]), &err));
    support_write(in(p, "in/clip.h265"), "clip", 4);
    support_write(in(p, "elsewhere/secret"), "secret", 6);
    support_write(in(p, "root/archive/copy.mp4"), "copy", 4);
    p->watch.root = strdup(in(p, "root"));
    p->watch.top[0].path = strdup(in(p, "in"));
    p->watch.n_tops = 1;
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    free(p->watch.root);
    free(p->watch.top[0].path);
    free(p->watch.top[0].done);
    support_tmp_remove(&p->dir);
    free(p);
    return 0;
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Number of the first thing that is not as it should be. */
typedef int look_fn(struct place *p);

static int shut_in(struct place *p, look_fn *look)
{
    static const char *const feeds[] = {"convert"};
    const struct import_options options = {.who = "watch", .feeds = feeds, .n_feeds = 1};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err err = {0};
        struct import *import = NULL;
        if (import_open(&import, p->watch.root, &options, &err) < 0 ||
            watch_guard(&p->watch, feeds, 1, &err) < 0) {
            dprintf(STDERR_FILENO, "%s\n", err.text);
            _exit(99);
        }
        _exit(look(p));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What holds whatever becomes of the files. */
static int store_and_others(struct place *p)
{
    if (!opens(in(p, "in/clip.h265"), O_RDONLY) || !opens(in(p, "in"), O_RDONLY | O_DIRECTORY))
        return 1;
    if (!opens(in(p, "root/catalogue.db"), O_RDWR) ||
        !opens(in(p, "root/catalogue.db-wal"), O_RDWR))
        return 2;
    if (!opens(in(p, "root/raw/2024-11-29.db"), O_RDWR | O_CREAT) ||
        mkdir(in(p, "root/spool/convert/tmp/job"), 0700) < 0 ||
        !opens(in(p, "root/spool/convert/tmp/job/job.json"), O_RDWR | O_CREAT) ||
        rename(in(p, "root/spool/convert/tmp/job"), in(p, "root/spool/convert/new/job")) < 0)
        return 3;
    if (opens(in(p, "elsewhere/secret"), O_RDONLY) || opens("/etc/passwd", O_RDONLY) ||
        opens(in(p, "elsewhere/new"), O_RDWR | O_CREAT) || unlink(in(p, "elsewhere/secret")) == 0)
        return 4;
    if (opens(in(p, "root/archive/copy.mp4"), O_RDONLY) ||
        opens(in(p, "root/archive/new"), O_RDWR | O_CREAT) ||
        unlink(in(p, "root/archive/copy.mp4")) == 0 ||
        opens(in(p, "root/packages/new"), O_RDWR | O_CREAT) ||
        mkdir(in(p, "root/spool/other"), 0700) == 0)
        return 5;
    if (opens(in(p, "in/clip.h265"), O_RDWR) || opens(in(p, "in/clip.h265"), O_RDONLY | O_TRUNC) ||
        truncate(in(p, "in/clip.h265"), 0) == 0)
        return 6;
    for (int family = 1; family < 20; family++)
        if (socket(family, SOCK_STREAM, 0) >= 0 || socket(family, SOCK_DGRAM, 0) >= 0)
            return 7;
    if (fork() != -1)
        return 8;
    return 0;
}

static int keeps(struct place *p)
{
    if (unlink(in(p, "in/clip.h265")) == 0 || opens(in(p, "in/new"), O_RDWR | O_CREAT) ||
        rename(in(p, "in/clip.h265"), in(p, "in/other")) == 0)
        return 20;
    return store_and_others(p);
}

static int moves(struct place *p)
{
    struct err err;
    int rc = store_and_others(p);
    if (rc != 0)
        return rc;
    if (fsx_mkdirs(in(p, "in/done/352093081452251"), &err) < 0 ||
        renameat2(AT_FDCWD, in(p, "in/clip.h265"), AT_FDCWD,
                  in(p, "in/done/352093081452251/clip.h265"), RENAME_NOREPLACE) < 0 ||
        fsx_sync_dir(in(p, "in/done/352093081452251"), &err) < 0)
        return 21;
    return rename(in(p, "in/done/352093081452251/clip.h265"), in(p, "elsewhere/clip")) == 0 ? 22
                                                                                            : 0;
}

static int moves_far(struct place *p)
{
    struct err err;
    if (fsx_mkdirs(in(p, "far/done/deep"), &err) < 0 ||
        rename(in(p, "in/clip.h265"), in(p, "far/done/deep/clip.h265")) < 0)
        return 23;
    return opens(in(p, "far/new"), O_RDWR | O_CREAT) ? 24 : 0;
}

static int removes(struct place *p)
{
    return unlink(in(p, "in/clip.h265")) == 0 ? 0 : 25;
}

/* As far as this kernel and this build can. */
static void expect(struct place *p, enum after after, look_fn *look)
{
    struct sandbox_report can;
    sandbox_probe(&can);
    p->watch.after = after;
    if (can.landlock_abi < 3 || !can.seccomp)
        skip();
    assert_int_equal(shut_in(p, look), 0);
}

static void test_what_is_kept_is_only_read(void **state)
{
    expect(*state, AFTER_KEEP, keeps);
}

static void test_what_is_moved_goes_where_it_is_to_go_and_nowhere_else(void **state)
{
    struct place *p = *state;
    p->watch.top[0].done = strdup(in(p, "in/done"));
    expect(p, AFTER_MOVE, moves);
}

static void test_it_may_go_far_away(void **state)
{
    struct place *p = *state;
    p->watch.top[0].done = strdup(in(p, "far/done"));
    expect(p, AFTER_MOVE, moves_far);
    assert_true(support_exists(in(p, "far/done/deep/clip.h265")));
}

static void test_what_is_removed_can_be_removed(void **state)
{
    expect(*state, AFTER_REMOVE, removes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_kept_is_only_read),
        TEST(test_what_is_moved_goes_where_it_is_to_go_and_nowhere_else),
        TEST(test_it_may_go_far_away),
        TEST(test_what_is_removed_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

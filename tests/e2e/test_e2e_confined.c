/* Nobody in: each command that looks at what strangers made does so behind a fence. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/sandbox.h"
#include "support/proc.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES ((INT64_C(1) << 32) - 65536) /* larger ones are refused unread */

static bool sandboxed;
static char *dir, root[600], clip[600], package[600], out_dir[600], log_path[600];

/* A file that takes long to read, and no space. */
static void make_long(const char *path, const char *head, size_t n)
{
    support_write(path, head, n);
    assert_int_equal(truncate(path, FILE_BYTES), 0);
}

static int set_up(void **state)
{
    static const char ptmf[] = "\0\0\0\1\x40\1", declaration[] = "BagIt-Version: 1.0\n";
    char name[700];
    struct sandbox_report have;
    (void)state;
    dir = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", dir);
    snprintf(clip, sizeof clip, "%s/in/clip.h265", dir);
    snprintf(package, sizeof package, "%s/package", dir);
    snprintf(out_dir, sizeof out_dir, "%s/out", dir);
    snprintf(log_path, sizeof log_path, "%s/log", dir);
    snprintf(name, sizeof name, "%s/in", dir);
    assert_int_equal(mkdir(name, 0700), 0);
    make_long(clip, ptmf, sizeof ptmf - 1);
    snprintf(name, sizeof name, "%s/data", package);
    assert_int_equal(mkdir(package, 0700) + mkdir(name, 0700), 0);
    snprintf(name, sizeof name, "%s/bagit.txt", package);
    support_write(name, declaration, sizeof declaration - 1);
    snprintf(name, sizeof name, "%s/data/long", package);
    make_long(name, "x", 1);
    sandbox_probe(&have);
    sandboxed = have.seccomp; /* not with the sanitizers */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* Of /proc/PID/status; -1: the process has ended. */
static int status_of(pid_t pid, const char *key)
{
    char path[64], line[256];
    int value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            value = atoi(line + strlen(key));
        else if (strncmp(line, "State:\tZ", 8) == 0)
            break;
    if (f)
        fclose(f);
    return value;
}

/* It comes to where it reads what strangers made, and is shut in there. */
static void confined(const char *const argv[])
{
    struct proc p = proc_start(log_path, argv);
    int64_t until_us = 0;
    while (status_of(p.pid, "Seccomp:") != 2) {
        if (status_of(p.pid, "Seccomp:") < 0)
            fail_msg("%s was not shut in before its end", argv[1]);
        support_wait_a_little(&until_us, argv[1]);
    }
    assert_int_equal(status_of(p.pid, "NoNewPrivs:"), 1);
    proc_stop(&p, 9);
}

#define CONFINED(...) confined((const char *const[]){DASHSPOOL_BINARY, __VA_ARGS__, NULL})

static void test_a_command_that_looks_at_files_is_shut_in(void **state)
{
    (void)state;
    if (!sandboxed)
        skip();
    CONFINED("probe", clip);
    CONFINED("probe", "--json", "--no-decode", clip);
    CONFINED("convert", clip);
    CONFINED("convert", "-o", out_dir, clip);
    CONFINED("--root", root, "import", clip);
    CONFINED("verify", package);
}

/* The first child of a process; 0: none (yet). */
static pid_t child_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%d", &child) != 1)
        child = 0;
    if (f)
        fclose(f);
    return (pid_t)child;
}

static bool has_open(pid_t pid, const char *what)
{
    char path[64], target[700];
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n > 0 && (size_t)n >= strlen(what) &&
            strncmp(target + n - strlen(what), what, strlen(what)) == 0)
            return true;
    }
    return false;
}

/* What looks at the bytes is not who may write the store: a child of a child, which has the file,
 * and nothing of the store. When the process that forks such children is gone, nothing more is
 * imported, and that is said. */
static void test_import_looks_at_files_in_a_child_that_has_nothing_of_the_store(void **state)
{
    static const char jpeg[] = "\xff\xd8\xff\xda\0\x08\1\1\0\0\x3f\0";
    char photo[600];
    int64_t until_us = 0;
    pid_t forks, looks = 0;
    (void)state;
    if (!sandboxed)
        skip();
    snprintf(photo, sizeof photo, "%s/in/photo.jpg", dir);
    make_long(photo, jpeg, sizeof jpeg - 1);
    struct proc p = proc_start(
        log_path, (const char *[]){DASHSPOOL_BINARY, "--root", root, "import", photo, NULL});
    while (!(forks = child_of(p.pid)) || !(looks = child_of(forks)) ||
           status_of(looks, "Seccomp:") != 2)
        support_wait_a_little(&until_us, "a child that looks at the photo");
    assert_true(has_open(looks, "/in/photo.jpg"));
    assert_false(has_open(looks, "/catalogue.db") || has_open(forks, "/catalogue.db"));
    while (has_open(forks, "/in/photo.jpg")) /* it gives its own away once the child is there */
        support_wait_a_little(&until_us, "the process that forks to let go of the photo");
    assert_true(has_open(p.pid, "/catalogue.db"));
    assert_int_equal(kill(forks, SIGKILL), 0);
    assert_int_equal(proc_stop(&p, 0), 1);
    struct buf log = support_read(log_path);
    const char *text = (const char *)buf_data(&log);
    assert_non_null(memmem(text, log.used, "the process that looks at files", 31));
    buf_clear(&log);
    while (status_of(looks, "Seccomp:") >= 0) /* it ends with its parent */
        support_wait_a_little(&until_us, "the end of the child");
}

/* A pipe that is full: who writes to it waits, and can be looked at. */
static int full_pipe(const char *path)
{
    static const char block[4096];
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t n = sizeof block; n > 0; n /= 2)
        while (write(fd, block, n) == (ssize_t)n)
            ;
    return fd;
}

/* Those that tell what is in ROOT, also where its folders are links, until their first word. */
static void test_a_command_that_reads_the_store_is_shut_in(void **state)
{
    char photo[600], raw[700], elsewhere[700], id[200] = "";
    (void)state;
    if (!sandboxed)
        skip();
    snprintf(photo, sizeof photo, "%s/jpeg/exif-corrupt.jpg", TEST_DATA);
    snprintf(raw, sizeof raw, "%s/raw", root);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", dir);
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "--root", root, "import", photo);
    assert_int_equal(r.status, 0);
    assert_int_equal(sscanf(proc_out(&r), "%199s", id), 1);
    proc_clear(&r);
    assert_int_equal(rename(raw, elsewhere) + symlink(elsewhere, raw), 0);
    expect(PROC_RUN(DASHSPOOL_BINARY, "--root", root, "fsck"), 0, "no problems");
    expect(PROC_RUN(DASHSPOOL_BINARY, "--root", root, "show", id), 0, "photo");
    snprintf(log_path, sizeof log_path, "%s/full", dir);
    int fd = full_pipe(log_path);
    CONFINED("--root", root, "list");
    CONFINED("--root", root, "list", "--json");
    CONFINED("--root", root, "requests", "--json");
    CONFINED("--root", root, "show", id);
    CONFINED("--root", root, "show", "--json", id);
    CONFINED("--root", root, "show", "--custody", id);
    CONFINED("--root", root, "fsck");
    CONFINED("--root", root, "fsck", "--json");
    CONFINED("--root", root, "fsck", "--repair");
    close(fd);
    snprintf(log_path, sizeof log_path, "%s/log", dir);
}

/* A package to compare with is checked by a child that is shut in, and can be stopped. */
static void test_export_checks_another_package_in_a_child(void **state)
{
    char id[200] = "", out[700];
    int64_t until_us = 0;
    pid_t forks, checks = 0;
    (void)state;
    if (!sandboxed)
        skip();
    snprintf(out, sizeof out, "%s/exported", dir);
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "--root", root, "list");
    assert_non_null(strstr(proc_out(&r), "-photo-"));
    const char *at = strstr(proc_out(&r), "000000000000000");
    assert_int_equal(sscanf(at, "%199s", id), 1);
    proc_clear(&r);
    struct proc p =
        proc_start(log_path, (const char *[]){DASHSPOOL_BINARY, "--root", root, "export", "--of",
                                              package, "--mask", "0,0,8,8", "-o", out, id, NULL});
    while (!(forks = child_of(p.pid)) || !(checks = child_of(forks)) ||
           status_of(checks, "Seccomp:") != 2) {
        if (status_of(p.pid, "Seccomp:") < 0)
            fail_msg("export ended before it looked");
        support_wait_a_little(&until_us, "a child that checks the package");
    }
    assert_false(has_open(checks, "/catalogue.db"));
    assert_int_not_equal(proc_stop(&p, SIGINT), 0);
    assert_false(support_exists(out));
    while (status_of(checks, "Seccomp:") >= 0)
        support_wait_a_little(&until_us, "the end of the child");
}

/* Without the process that looks at files a watcher is of no use: it ends, and is started again. */
static void test_watch_ends_when_nobody_looks_at_files(void **state)
{
    static const char settings[] = "[watch]\nquiet_s = 0.1\nscan_s = 0.1\n";
    char watched[600], config[600], name[700], photo[600];
    int64_t until_us = 0;
    pid_t forks;
    (void)state;
    snprintf(watched, sizeof watched, "%s/watched", dir);
    snprintf(config, sizeof config, "%s/config", dir);
    snprintf(photo, sizeof photo, "%s/jpeg/exif-wrong-type.jpg", TEST_DATA);
    assert_int_equal(mkdir(watched, 0700) + mkdir(config, 0700), 0);
    snprintf(name, sizeof name, "%s/1.conf", config);
    support_write(name, settings, sizeof settings - 1);
    struct proc p =
        proc_start(log_path, (const char *[]){DASHSPOOL_BINARY, "--root", root, "--config", config,
                                              "watch", watched, NULL});
    proc_wait_for(&p, "msg=\"watching\"", NULL, 0);
    while (!(forks = child_of(p.pid)))
        support_wait_a_little(&until_us, "the process that forks");
    assert_int_equal(kill(forks, SIGKILL), 0);
    struct buf b = support_read(photo);
    snprintf(name, sizeof name, "%s/photo.jpg", watched);
    support_write(name, buf_data(&b), b.used);
    buf_clear(&b);
    assert_int_equal(proc_stop(&p, 0), 1);
    b = support_read(log_path);
    assert_non_null(memmem(buf_data(&b), b.used, "restart needed", 14));
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_that_looks_at_files_is_shut_in),
        cmocka_unit_test(test_a_command_that_reads_the_store_is_shut_in),
        cmocka_unit_test(test_export_checks_another_package_in_a_child),
        cmocka_unit_test(test_watch_ends_when_nobody_looks_at_files),
        cmocka_unit_test(test_import_looks_at_files_in_a_child_that_has_nothing_of_the_store),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

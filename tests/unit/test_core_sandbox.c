#define _GNU_SOURCE
/* The sandbox: in a process of its own, what a converter needs works, and nothing else. */
#include "dashspool/sandbox.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static char input[600], other[600], stage[600], made[640];

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    snprintf(input, sizeof input, "%s/input", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(stage, sizeof stage, "%s/stage", dir);
    snprintf(made, sizeof made, "%s/made", stage);
    support_write(input, "input", 5);
    support_write(other, "other", 5);
    assert_int_equal(mkdir(stage, 0700), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* Runs fn in a child inside the sandbox; its result is the exit status, or 128 + signal. */
static int inside(int (*fn)(void), struct sandbox_rules rules)
{
    rules.read[0] = input;
    rules.read[1] = "/nonexistent";
    rules.write_dir = stage;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox_report report;
        struct err err;
        if (sandbox_enter(&rules, &report, &err) < 0) {
            dprintf(STDERR_FILENO, "%s\n", err.text);
            _exit(99);
        }
        _exit(fn());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void *thread(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static int needed_things(void)
{
    pthread_t t;
    int ran = 0;
    if (!opens(input, O_RDONLY))
        return 1;
    if (!opens(made, O_RDWR | O_CREAT | O_EXCL))
        return 2;
    if (!opens(made, O_WRONLY | O_TRUNC) || unlink(made) != 0)
        return 3;
    if (pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran)
        return 4;
    void *p = malloc(32 << 20);
    if (!p)
        return 5;
    free(p);
    return 0;
}

static int other_files(void)
{
    if (opens("/etc/passwd", O_RDONLY) || opens(other, O_RDONLY) || opens(other, O_WRONLY))
        return 1;
    if (opens(input, O_WRONLY) || opens(dir, O_RDONLY | O_DIRECTORY))
        return 2;
    char outside[700];
    snprintf(outside, sizeof outside, "%s/new", dir);
    if (opens(outside, O_RDWR | O_CREAT) || unlink(other) == 0 || rename(other, made) == 0)
        return 3;
    if (symlink("/etc/passwd", made) == 0 || link(input, made) == 0 || mkdir(made, 0700) == 0)
        return 4;
    return 0;
}

static int network(void)
{
    for (int family = 1; family < 20; family++)
        if (socket(family, SOCK_STREAM, 0) >= 0 || socket(family, SOCK_DGRAM, 0) >= 0)
            return 1;
    int pair[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}

static int processes(void)
{
    if (kill(getppid(), 0) == 0)
        return 1;
    return fork() != -1;
}

static int code_in_memory(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static int exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int much_memory(void)
{
    void *p = malloc((size_t)256 << 20);
    return p ? 1 : 0;
}

static int long_file(void)
{
    static char block[65536];
    int fd = open(made, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; fd >= 0 && i < 64; i++)
        if (write(fd, block, sizeof block) < 0)
            return 1;
    return 2;
}

static int spin(void)
{
    for (volatile uint64_t i = 1; i; i++)
        ;
    return 1;
}

static void test_what_a_converter_needs_works(void **state)
{
    (void)state;
    assert_int_equal(inside(needed_things, (struct sandbox_rules){0}), 0);
}

static void test_other_files_the_network_and_other_processes_are_out_of_reach(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    assert_int_equal(inside(network, (struct sandbox_rules){0}), 0);
    if (r.landlock_abi > 0)
        assert_int_equal(inside(other_files, (struct sandbox_rules){0}), 0);
    assert_true(support_exists(other));
    if (r.seccomp) {
        assert_int_equal(inside(processes, (struct sandbox_rules){0}), 0);
        assert_int_equal(inside(code_in_memory, (struct sandbox_rules){0}), 0);
    }
    assert_int_equal(inside(exec, (struct sandbox_rules){0}), 128 + SIGSYS);
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    if (r.memory)
        assert_int_equal(inside(much_memory, (struct sandbox_rules){.memory_bytes = 64 << 20}), 0);
    assert_int_equal(inside(long_file, (struct sandbox_rules){.file_bytes = 1 << 20}),
                     128 + SIGXFSZ);
    assert_int_equal(inside(spin, (struct sandbox_rules){.cpu_s = 1}), 128 + SIGXCPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        UNIT(test_what_a_converter_needs_works),
        UNIT(test_other_files_the_network_and_other_processes_are_out_of_reach),
        UNIT(test_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#define _GNU_SOURCE
/* The sandbox: in a process of its own, what a converter needs works, and nothing else. */
#include "dashspool/buf.h"
#include "dashspool/sandbox.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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

/* Judged before the kernel looks: what it would refuse by itself, and Landlock with ABI 6, has
 * another reason (EINVAL, ESRCH) or none. */
static bool refused(long rc)
{
    return rc == -1 && errno == EPERM;
}

/* All ways to signal, look into or change another process of the same user. */
static int the_parent(void)
{
    enum { NO_SIGNAL = 999 };
    const pid_t parent = getppid();
    siginfo_t info = {.si_code = SI_QUEUE};
    struct f_owner_ex owner = {F_OWNER_PID, parent};
    struct rlimit limit;
    int pipes[2] = {open(input, O_RDONLY), STDERR_FILENO};
    const bool tried[] = {
        refused(kill(parent, NO_SIGNAL)),
        refused(syscall(SYS_tkill, parent, NO_SIGNAL)),
        refused(syscall(SYS_tgkill, parent, parent, NO_SIGNAL)),
        refused(syscall(SYS_rt_sigqueueinfo, parent, NO_SIGNAL, &info)),
        refused(syscall(SYS_rt_tgsigqueueinfo, parent, parent, NO_SIGNAL, &info)),
        refused(syscall(SYS_pidfd_open, parent, 0)),
        refused(syscall(SYS_pidfd_send_signal, pipes[0], NO_SIGNAL, NULL, 0)),
        refused(fcntl(pipes[0], F_SETOWN, parent)),
        refused(fcntl(pipes[0], F_SETOWN_EX, &owner)),
        refused(fcntl(pipes[0], F_SETSIG, SIGKILL)),
        refused(fcntl(pipes[0], F_NOTIFY, 0)),
        refused(prlimit(parent, RLIMIT_CPU, NULL, &limit)),
        refused(setpriority(PRIO_PROCESS, (id_t)parent, 5)),
        refused(syscall(SYS_sched_setaffinity, parent, 0, NULL)),
        refused(ioctl(pipes[1], FIOSETOWN, &parent)),
        refused(ioctl(pipes[1], TIOCSTI, "x")),
        refused(ioctl(pipes[1], TIOCSPGRP, &parent)),
        refused(syscall(SYS_kcmp, parent, parent, 0, 0, 0)),
    };
    for (int i = 0; i < (int)(sizeof tried / sizeof *tried); i++)
        if (!tried[i])
            return i + 1;
    return raise(0) != 0; /* itself it may */
}

static int peek(void)
{
    struct iovec mine = {dir, 1}, other_ones = {dir, 1};
    process_vm_readv(getppid(), &mine, 1, &other_ones, 1, 0);
    return 1;
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

static void test_no_kind_can_do_anything_to_another_process(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    for (int kind = SANDBOX_CONVERTER; r.seccomp && kind <= SANDBOX_PARENT; kind++) {
        assert_int_equal(
            inside(the_parent, (struct sandbox_rules){.kind = (enum sandbox_kind)kind}), 0);
        assert_int_equal(inside(peek, (struct sandbox_rules){.kind = (enum sandbox_kind)kind}),
                         128 + SIGSYS);
    }
}

static int only_listed(void)
{
    char below[700];
    snprintf(below, sizeof below, "%s/other", dir);
    return !opens(below, O_RDONLY) || opens(below, O_WRONLY) || opens("/etc/passwd", O_RDONLY);
}

static bool absent(long rc)
{
    return rc == -1 && errno == ENOSYS;
}

/* Two that no list names, one of them twice, and one that no kernel has; in a thread, too. */
static int new_calls(void)
{
    pthread_t t;
    int ran = 0;
    close(STDERR_FILENO);
    if (open(made, O_WRONLY | O_CREAT, 0600) != STDERR_FILENO)
        return 1;
    if (!absent(syscall(SYS_vhangup)) || !absent(syscall(SYS_vhangup)) ||
        !absent(syscall(SYS_sync)) || !absent(syscall(4711)))
        return 2;
    struct err why = {.text = "it failed"};
    sandbox_tell_unknown(&why);
    if (strcmp(why.text, "it failed; the sandbox does not know the system call vhangup") != 0)
        return 3;
    return pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran;
}

/* Without a word: who asks for a ring has another way, and nobody is surprised by the others. */
static int known_refusals(void)
{
    struct err why = {.text = "it failed"};
    if (!absent(syscall(SYS_io_uring_setup, 8, NULL)) || !absent(syscall(SYS_clone3, NULL, 0)))
        return 1;
    if (!refused(kill(getppid(), 0)) || !refused(fork()) ||
        !refused(socket(AF_UNIX, SOCK_STREAM, 0)))
        return 2;
    sandbox_tell_unknown(&why);
    return strcmp(why.text, "it failed") == 0 ? 0 : 3;
}

static size_t times(const char *in, const char *what)
{
    size_t n = 0;
    for (; (in = strstr(in, what)) != NULL; in++)
        n++;
    return n;
}

static void test_a_call_that_no_list_names_is_told_and_is_not_the_end(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    for (int kind = SANDBOX_CONVERTER; r.seccomp && kind <= SANDBOX_PARENT; kind++) {
        const struct sandbox_rules rules = {.kind = (enum sandbox_kind)kind, .stage = "stage"};
        struct err err;
        assert_int_equal(inside(known_refusals, rules), 0);
        assert_int_equal(inside(new_calls, rules), 0);
        struct buf said = support_read(made);
        assert_ok(buf_append(&said, "", 1, &err));
        const char *text = (const char *)buf_data(&said);
        assert_int_equal(times(text, "\n"), 3);
        assert_int_equal(times(text, "stage=stage msg=\"unknown system call refused\" call="), 3);
        assert_int_equal(times(text, "call=vhangup number="), 1);
        assert_int_equal(times(text, "call=sync number="), 1);
        assert_int_equal(times(text, "number=4711 "), 1);
        buf_clear(&said);
        unlink(made);
    }
}

/* As libuv makes one, before the sandbox is entered. */
static void test_there_is_no_ring_that_could_be_taken_along(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    if (strstr(r.kernel, "seccomp"))
        skip();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err err;
        if (sandbox_without_rings(&err) < 0)
            _exit(1);
        _exit(!absent(syscall(SYS_io_uring_setup, 8, NULL)) || kill(getppid(), 0) != 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_files_and_directories_of_a_list_can_be_read(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    const char *const of_dir[] = {dir, "/nonexistent/too", NULL}, *const of_file[] = {other, NULL};
    if (r.landlock_abi == 0 || !r.seccomp) /* under the sanitizers a reader is not shut in */
        skip();
    assert_int_equal(
        inside(only_listed, (struct sandbox_rules){.kind = SANDBOX_READER, .reads = of_dir}), 0);
    assert_int_equal(
        inside(only_listed, (struct sandbox_rules){.kind = SANDBOX_READER, .reads = of_file}), 0);
    assert_int_not_equal(inside(only_listed, (struct sandbox_rules){.kind = SANDBOX_READER}), 0);
}

/* Behind the fence a program can still be started, and it cannot get out of it either. */
static void test_a_fence_holds_for_what_is_started_behind_it(void **state)
{
    (void)state;
    struct sandbox_report r;
    sandbox_probe(&r);
    if (r.landlock_abi == 0 || !r.seccomp)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        const char *const dirs[] = {stage, NULL};
        if (sandbox_fence(dirs, &err) < 0)
            _exit(99);
        execl("/bin/sh", "sh", "-c",
              "exec 2>/dev/null; echo a >\"$0/made\" && cat \"$1\" >/dev/null && ! echo b >\"$1\" "
              "&& ! rm -f \"$1\"",
              stage, other, (char *)NULL);
        _exit(98);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(support_exists(made));
    assert_true(support_exists(other));
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
        UNIT(test_no_kind_can_do_anything_to_another_process),
        UNIT(test_a_call_that_no_list_names_is_told_and_is_not_the_end),
        UNIT(test_there_is_no_ring_that_could_be_taken_along),
        UNIT(test_files_and_directories_of_a_list_can_be_read),
        UNIT(test_a_fence_holds_for_what_is_started_behind_it),
        UNIT(test_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

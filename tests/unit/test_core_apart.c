#define _GNU_SOURCE
/* A function apart: what it may, what it may not, and that no call can touch another. */
#include "dashspool/sandbox.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum deed {
    LOOK,
    COUNT,
    REFUSE,
    REACH,
    ASK,
    ASK_AND_FAIL,
    CRASH,
    SPIN,
    WAIT,
    EXEC,
    TOO_MUCH,
    LIE,
    DIE
};

struct asked {
    enum deed deed;
    int opener_fd; /* a descriptor of the opener, that the child is not to have */
};

struct said {
    int calls;
    unsigned reached; /* bit n: the n-th thing that is forbidden worked */
    char text[16];
};

static struct sandbox_apart *apart;
static int calls;

static unsigned reach(const struct asked *asked, int fd)
{
    const char *const made = "/dev/shm/dashspool-apart";
    int pair[2];
    const bool worked[] = {
        open("/etc/passwd", O_RDONLY) >= 0,
        open(made, O_WRONLY | O_CREAT, 0600) >= 0,
        write(fd, "x", 1) > 0,
        ftruncate(fd, 0) == 0,
        fchmod(fd, 0777) == 0,
        fcntl(asked->opener_fd, F_GETFD) >= 0,
        fcntl(3, F_GETFD) >= 0, /* the socket of the process that forks */
        kill(getppid(), 0) == 0,
        fork() >= 0,
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0,
        unlink("/nonexistent") < 0 && errno != EPERM,
        memfd_create("x", 0) >= 0,
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
        signal(SIGALRM, SIG_IGN) != SIG_ERR,
        alarm(0) != (unsigned)-1 && errno != EPERM,
    };
    unsigned bits = 0;
    for (unsigned i = 0; i < sizeof worked / sizeof *worked; i++)
        bits |= (unsigned)worked[i] << i;
    return bits;
}

static int act(const void *in, const int *fd, int n_fds, void *out, struct err *err)
{
    const struct asked *asked = in;
    struct said *said = out;
    int *volatile nowhere = NULL;
    said->calls = ++calls;
    switch (asked->deed) {
    case LOOK:
        return pread(fd[n_fds - 1], said->text, sizeof said->text - 1, 0) > 0
                   ? ERR_OK
                   : err_sys(err, "look");
    case COUNT:
        return ERR_OK;
    case REFUSE:
        return err_set(err, ERR_UNSUPPORTED, "no \x1b[2Jfootage");
    case REACH:
        errno = 0;
        said->reached = reach(asked, fd[0]);
        return ERR_OK;
    case ASK: /* as a newer library may: a call that no list names */
    case ASK_AND_FAIL:
        said->calls = syscall(SYS_vhangup) < 0 ? errno : 0;
        return asked->deed == ASK ? ERR_OK : err_set(err, ERR_UNSUPPORTED, "no way");
    case CRASH:
        *nowhere = 1;
        return ERR_OK;
    case SPIN:
        for (volatile uint64_t i = 1; i; i++)
            ;
        return ERR_OK;
    case WAIT:
        for (;;)
            pread(fd[0], said->text, 1, 0);
    case EXEC:
        return execl("/bin/true", "true", (char *)NULL);
    case TOO_MUCH: /* whatever there is to write to */
        for (int to = 3; to < 32; to++)
            if (write(to, "nonsense", 8) < 0)
                continue;
        return ERR_OK;
    case LIE:
        return 17;
    case DIE:
        _exit(0);
    }
    return ERR_OK;
}

static int call(enum deed deed, int fd, struct said *said, struct err *err)
{
    const int fds[2] = {fd, fd};
    struct asked asked = {.deed = deed, .opener_fd = 100};
    *said = (struct said){0};
    return sandbox_apart_call(apart, &asked, fds, 2, said, err);
}

static int open_it(int cpu_s, int wall_s)
{
    struct err err;
    const struct sandbox_apart_work work = {.fn = act,
                                            .n_in = sizeof(struct asked),
                                            .n_out = sizeof(struct said),
                                            .memory_bytes = 64 << 20,
                                            .cpu_s = cpu_s,
                                            .wall_s = wall_s};
    return sandbox_apart_open(&apart, &work, &err);
}

static int a_file(void)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    char path[64];
    assert_true(fd >= 0 && write(fd, "footage", 7) == 7);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int out = open(path, O_RDONLY | O_CLOEXEC);
    close(fd);
    assert_true(out >= 0);
    return out;
}

static void test_it_reads_what_it_is_given_and_says_what_it_found(void **state)
{
    (void)state;
    struct said said;
    struct err err;
    int fd = a_file();
    assert_int_equal(open_it(10, 60), ERR_OK);
    assert_int_equal(call(LOOK, fd, &said, &err), ERR_OK);
    assert_string_equal(said.text, "footage");
    assert_int_equal(call(REFUSE, fd, &said, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.text, "no \\u001b[2Jfootage"); /* for a terminal */
    sandbox_apart_close(&apart);
    close(fd);
}

static void test_it_reaches_nothing_else(void **state)
{
    (void)state;
    struct sandbox_report report;
    struct said said;
    struct err err;
    int fd = a_file();
    sandbox_probe(&report);
    if (!report.seccomp)
        skip();
    assert_int_equal(dup2(fd, 100), 100);
    assert_int_equal(open_it(10, 60), ERR_OK);
    assert_int_equal(call(REACH, fd, &said, &err), ERR_OK);
    assert_int_equal(said.reached, 0);
    assert_int_equal(call(EXEC, fd, &said, &err), ERR_MALFORMED);
    assert_non_null(strstr(err.text, "a forbidden system call"));
    sandbox_apart_close(&apart);
    close(100);
    close(fd);
}

/* Its stderr is nobody's: the reason names the call, where that was the end of it. */
static void test_a_call_that_no_list_names_is_told_and_is_not_the_end(void **state)
{
    (void)state;
    struct sandbox_report report;
    struct said said;
    struct err err;
    int fd = a_file();
    sandbox_probe(&report);
    if (!report.seccomp)
        skip();
    assert_int_equal(open_it(10, 60), ERR_OK);
    assert_int_equal(call(ASK, fd, &said, &err), ERR_OK);
    assert_int_equal(said.calls, ENOSYS);
    assert_int_equal(call(ASK_AND_FAIL, fd, &said, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.text, "no way; the sandbox does not know the system call vhangup");
    assert_int_equal(call(REFUSE, fd, &said, &err), ERR_UNSUPPORTED);
    assert_null(strstr(err.text, "sandbox")); /* what it may not do is no news */
    sandbox_apart_close(&apart);
    close(fd);
}

/* Every child is forked from a process in which nothing ever ran. */
static void test_no_call_touches_the_next(void **state)
{
    (void)state;
    struct sandbox_report report;
    struct said said;
    struct err err;
    int fd = a_file();
    sandbox_probe(&report);
    assert_int_equal(open_it(10, 60), ERR_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(call(COUNT, fd, &said, &err), ERR_OK);
        assert_int_equal(said.calls, 1);
        assert_int_equal(call(CRASH, fd, &said, &err), ERR_MALFORMED);
        assert_true(strstr(err.text, "SIGSEGV") || !report.seccomp); /* a sanitizer exits */
        assert_int_equal(call(TOO_MUCH, fd, &said, &err), ERR_MALFORMED);
        assert_int_equal(call(LIE, fd, &said, &err), ERR_MALFORMED);
        assert_int_equal(call(DIE, fd, &said, &err), ERR_MALFORMED);
    }
    assert_false(sandbox_apart_lost(apart));
    sandbox_apart_close(&apart);
    close(fd);
}

static void test_its_time_is_limited(void **state)
{
    (void)state;
    struct said said;
    struct err err;
    int fd = a_file();
    assert_int_equal(open_it(1, 600), ERR_OK);
    assert_int_equal(call(SPIN, fd, &said, &err), ERR_LIMIT);
    assert_int_equal(call(LOOK, fd, &said, &err), ERR_OK);
    sandbox_apart_close(&apart);
    assert_int_equal(open_it(600, 1), ERR_OK);
    assert_int_equal(call(WAIT, fd, &said, &err), ERR_LIMIT);
    assert_int_equal(call(LOOK, fd, &said, &err), ERR_OK);
    sandbox_apart_close(&apart);
    close(fd);
}

/* The opener knows that it is of no use any more. */
static void test_the_end_of_the_process_that_forks_is_told(void **state)
{
    (void)state;
    struct said said;
    struct err err;
    char path[64], pid[16] = "";
    int fd = a_file();
    assert_int_equal(open_it(10, 60), ERR_OK);
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    struct buf children = support_read(path);
    snprintf(pid, sizeof pid, "%.*s", (int)(children.used < 15 ? children.used : 15),
             (const char *)buf_data(&children));
    buf_clear(&children);
    pid_t forker = (pid_t)strtol(pid, NULL, 10);
    assert_true(forker > 1);
    assert_int_equal(kill(forker, SIGKILL), 0);
    assert_int_equal(call(LOOK, fd, &said, &err), ERR_IO);
    assert_true(sandbox_apart_lost(apart));
    assert_int_equal(call(LOOK, fd, &said, &err), ERR_IO);
    sandbox_apart_close(&apart);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_reads_what_it_is_given_and_says_what_it_found),
        cmocka_unit_test(test_it_reaches_nothing_else),
        cmocka_unit_test(test_a_call_that_no_list_names_is_told_and_is_not_the_end),
        cmocka_unit_test(test_no_call_touches_the_next),
        cmocka_unit_test(test_its_time_is_limited),
        cmocka_unit_test(test_the_end_of_the_process_that_forks_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The supervisor's side. It is a fork of the worker that never execs: it must not touch the
 * worker's databases, and ends by _exit(). */
#define _GNU_SOURCE /* close_range, pipe2 */
#include "dashspool/clock.h"
#include "exec_supervisor_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT = 3, REPORT, LOCK, N_KEPT };

/* Only these descriptors stay. */
static bool keep_fds(int output_fd, int report_fd, int lock_fd)
{
    const int from[] = {output_fd, report_fd, lock_fd};
    int high[3];
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64)) < 0)
            return false;
    for (int i = 0; i < 3; i++)
        if (dup3(high[i], OUTPUT + i, O_CLOEXEC) < 0)
            return false;
    return close_range(N_KEPT, ~0U, 0) == 0;
}

static void reset_signals(void)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < 32; s++)
        sigaction(s, &act, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A session of its own: no terminal that it could ask for a password. */
static void become_command(const struct exec_supervisor_task *task, const char *program,
                           int error_fd)
{
    const struct rlimit no_core = {0, 0};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    reset_signals();
    setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != 1 && null >= 0 &&
        dup2(null, STDIN_FILENO) >= 0 && dup2(OUTPUT, STDOUT_FILENO) >= 0 &&
        dup2(OUTPUT, STDERR_FILENO) >= 0 && chdir(task->dir) == 0 &&
        setrlimit(RLIMIT_CORE, &no_core) == 0 && dup2(error_fd, OUTPUT) >= 0 &&
        fcntl(OUTPUT, F_SETFD, FD_CLOEXEC) == 0 && close_range(OUTPUT + 1, ~0U, 0) == 0) {
        setpriority(PRIO_PROCESS, 0, task->nice);
        execve(program, task->argv, task->envp);
    }
    int why = errno;
    ssize_t n = write(OUTPUT, &why, sizeof why);
    _exit(n == sizeof why ? 126 : 127);
}

/* 0: it could not be started; *why says. */
static pid_t start(const struct exec_supervisor_task *task, const char *program, int *why)
{
    int error[2];
    *why = 0;
    if (pipe2(error, O_CLOEXEC) < 0) {
        *why = errno;
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_command(task, program, error[1]);
    if (pid < 0)
        *why = errno;
    close(error[1]);
    if (pid > 0 && read(error[0], why, sizeof *why) != sizeof *why)
        *why = 0; /* the end of the pipe: it was closed by exec */
    close(error[0]);
    return pid > 0 ? pid : 0;
}

/* Until the command has ended; its status. */
static int watch(pid_t command, int signals)
{
    int64_t kill_us = INT64_MAX;
    int status = 0;
    for (;;) {
        struct signalfd_siginfo info;
        struct pollfd p = {.fd = signals, .events = POLLIN};
        int64_t left_ms = (kill_us - clock_mono_us()) / 1000;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
            if (pid == command)
                return status;
        if (kill_us != INT64_MAX && left_ms < 0)
            kill(-command, SIGKILL);
        poll(&p, 1, kill_us == INT64_MAX ? -1 : left_ms < 0 ? 100 : (int)left_ms + 1);
        while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
            if (info.ssi_signo != SIGTERM || kill_us != INT64_MAX)
                continue;
            kill(-command, SIGTERM);
            kill_us = clock_mono_us() + EXEC_SUPERVISOR_GRACE_MS * 1000;
        }
    }
}

void supervisor_loop(const struct exec_supervisor_task *task, const char *program, pid_t worker,
                     int output_fd, int report_fd)
{
    struct exec_supervisor_report report = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    reset_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    setpgid(0, 0); /* Ctrl-C is the worker's to judge */
    if (!keep_fds(output_fd, report_fd, task->lock_fd) || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || getppid() != worker)
        _exit(1);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t command = signals < 0 ? 0 : start(task, program, &report.exec_errno);
    close(OUTPUT);
    if (command == 0)
        _exit(1);
    report.status = watch(command, signals);
    kill(-command, SIGKILL);
    exec_supervisor_children_end(NULL);
    ssize_t n = write(REPORT, &report, sizeof report);
    _exit(n != (ssize_t)sizeof report);
}

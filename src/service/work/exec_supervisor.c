#define _GNU_SOURCE /* close_range, pipe2 */
#include "exec_supervisor.h"
#include "dashspool/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS   3000             /* from SIGTERM to SIGKILL; a worker has 10 s to end */
#define GIVE_UP_US INT64_C(5000000) /* what SIGKILL does not end within it hangs in the kernel */

/* What the supervisor tells: sent whole, or not at all. */
struct report {
    int status;
    int exec_errno; /* not 0: there was no command */
};

/* ---- this process's children ---- */

struct children {
    char text[4096]; /* as /proc has them: with spaces */
};

static void children_read(struct children *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out->text, sizeof out->text - 1);
    if (fd >= 0)
        close(fd);
    out->text[n > 0 ? n : 0] = '\0';
}

/* The next number of a list; 0 at its end. */
static pid_t next(const char **at)
{
    char *end;
    long pid = strtol(*at, &end, 10);
    *at = end;
    return pid > 1 ? (pid_t)pid : 0;
}

static bool is_in(const struct children *list, pid_t pid)
{
    const char *at = list ? list->text : "";
    for (pid_t one; (one = next(&at)) > 0;)
        if (one == pid)
            return true;
    return false;
}

/* Once; whether there was any. */
static bool kill_others(const struct children *but)
{
    struct children now;
    bool any = false;
    children_read(&now);
    const char *at = now.text;
    for (pid_t pid; (pid = next(&at)) > 0;) {
        if (is_in(but, pid))
            continue;
        any = true;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, WNOHANG) < 0 && errno == EINTR)
            ;
    }
    return any;
}

/* Kills those that are not in `but` (NULL: all), also those of theirs that we adopt (subreaper),
 * and waits for their end: some seconds at most. */
static void children_end(const struct children *but)
{
    int64_t until_us = clock_mono_us() + GIVE_UP_US;
    while (kill_others(but) && clock_mono_us() < until_us)
        poll(NULL, 0, 1);
}

/* ---- the supervisor's side ---- */

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

/* A session of its own: no terminal that it could ask for a password. */
static void become_command(const struct exec_supervisor_task *task, const char *program,
                           int error_fd)
{
    const struct rlimit no_core = {0, 0};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    stop_default_signals(NULL);
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
            kill_us = clock_mono_us() + GRACE_MS * 1000;
        }
    }
}

/* The life of the supervisor, in a process of its own. It is a fork of the worker that never execs:
 * it must not touch the worker's databases, and ends by _exit(). */
_Noreturn static void supervise(const struct exec_supervisor_task *task, const char *program,
                                pid_t worker, int output_fd, int report_fd)
{
    struct report report = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    stop_default_signals(&set);
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
    children_end(NULL);
    ssize_t n = write(REPORT, &report, sizeof report);
    _exit(n != (ssize_t)sizeof report);
}

/* ---- the worker's side ---- */

struct run {
    const struct exec_supervisor_task *task;
    struct exec_supervisor_end *end;
    pid_t pid; /* the supervisor */
    int output_fd, report_fd;
    int64_t until_us;
    bool told; /* to end */
};

void exec_supervisor_end_clear(struct exec_supervisor_end *end)
{
    buf_clear(&end->head);
    buf_clear(&end->tail);
}

/* A name becomes the first program of that name; a path stays. */
static int find_program(const struct exec_supervisor_task *task, char out[PATH_MAX],
                        struct err *err)
{
    const char *name = task->argv[0];
    struct stat st;
    if (strchr(name, '/')) {
        snprintf(out, PATH_MAX, "%s", name);
        return ERR_OK;
    }
    for (const char *dir = task->search; *dir; dir += strspn(dir, ":")) {
        size_t n = strcspn(dir, ":");
        snprintf(out, PATH_MAX, "%.*s/%s", (int)n, dir, name);
        if (stat(out, &st) == 0 && S_ISREG(st.st_mode) && access(out, X_OK) == 0)
            return ERR_OK;
        dir += n;
    }
    return err_set(err, ERR_AGAIN,
                   "command '%s' not found in %s: install it, or give its full path", name,
                   task->search);
}

/* ---- its output ---- */

/* The first bytes, and the last. */
static int keep_output(struct exec_supervisor_end *end, const uint8_t *data, size_t n,
                       struct err *err)
{
    size_t room = EXEC_SUPERVISOR_HEAD_BYTES - end->head.used, first = n < room ? n : room;
    int rc = buf_append(&end->head, data, first, err);
    if (rc < 0 || n == first)
        return rc;
    data += first;
    n -= first;
    if (end->tail.used + n > end->tail.max_bytes) {
        size_t drop = end->tail.used + n - EXEC_SUPERVISOR_TAIL_BYTES;
        drop = drop < end->tail.used ? drop : end->tail.used;
        buf_consume(&end->tail, drop);
        end->left_out += (int64_t)drop;
    }
    return buf_append(&end->tail, data, n, err);
}

/* All that is there now. */
static int read_output(struct run *r, struct err *err)
{
    uint8_t data[16384];
    ssize_t n;
    int rc = ERR_OK;
    while (rc == ERR_OK && (n = read(r->output_fd, data, sizeof data)) > 0)
        rc = keep_output(r->end, data, (size_t)n, err);
    if (rc == ERR_OK && n == 0) { /* nobody can say anything any more */
        close(r->output_fd);
        r->output_fd = -1;
    }
    return rc;
}

/* ---- its life ---- */

static int launch(struct run *r, struct err *err)
{
    char program[PATH_MAX];
    int output[2], report[2], rc = find_program(r->task, program, err);
    if (rc < 0)
        return rc;
    if (pipe2(output, O_CLOEXEC) < 0)
        return err_sys(err, "pipe");
    if (pipe2(report, O_CLOEXEC) < 0) {
        rc = err_sys(err, "pipe");
        close(output[0]);
        close(output[1]);
        return rc;
    }
    pid_t self = getpid();
    fflush(NULL);
    r->pid = fork();
    if (r->pid == 0)
        supervise(r->task, program, self, output[1], report[1]);
    if (r->pid < 0)
        rc = err_sys(err, "fork");
    close(output[1]);
    close(report[1]);
    r->output_fd = output[0];
    r->report_fd = report[0];
    fcntl(r->output_fd, F_SETFL, O_NONBLOCK);
    return rc;
}

static void tell_to_end(struct run *r)
{
    if (!r->told)
        kill(r->pid, SIGTERM);
    r->told = true;
}

/* Until the supervisor has told how it went, or has died. */
static int attend(struct run *r, struct stop *stop, struct report *report, bool *reported,
                  struct err *err)
{
    int rc = ERR_OK;
    for (;;) {
        struct pollfd p[3] = {{.fd = r->report_fd, .events = POLLIN},
                              {.fd = r->output_fd, .events = POLLIN},
                              {.fd = r->told ? -1 : stop->fd, .events = POLLIN}};
        int64_t left_ms = (r->until_us - clock_mono_us()) / 1000 + 1;
        bool timed = r->until_us != INT64_MAX && !r->told;
        poll(p, 3, !timed ? -1 : left_ms < 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (p[1].revents && r->output_fd >= 0 && rc == ERR_OK && (rc = read_output(r, err)) < 0)
            tell_to_end(r); /* no memory: it would wait for us for ever */
        if (p[0].revents)
            break;
        if (stop_requested(stop) && !r->told) {
            r->end->stopped = true;
            tell_to_end(r);
        } else if (timed && clock_mono_us() >= r->until_us) {
            r->end->late = true;
            tell_to_end(r);
        }
        if (rc < 0 && r->output_fd >= 0) {
            close(r->output_fd);
            r->output_fd = -1;
        }
    }
    *reported = read(r->report_fd, report, sizeof *report) == (ssize_t)sizeof *report;
    if (rc == ERR_OK && r->output_fd >= 0)
        rc = read_output(r, err);
    return rc;
}

int exec_supervisor_run(const struct exec_supervisor_task *task, struct stop *stop,
                        struct exec_supervisor_end *end, struct err *err)
{
    struct report report = {0};
    struct run r = {.task = task, .end = end, .output_fd = -1, .report_fd = -1};
    struct children before;
    bool reported = false;
    *end = (struct exec_supervisor_end){0};
    buf_init(&end->head, EXEC_SUPERVISOR_HEAD_BYTES);
    buf_init(&end->tail, 2 * EXEC_SUPERVISOR_TAIL_BYTES);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a killed supervisor leaves comes to us */
    children_read(&before);
    int rc = launch(&r, err);
    r.until_us = task->timeout_ms ? clock_mono_us() + task->timeout_ms * 1000 : INT64_MAX;
    if (rc == ERR_OK)
        rc = attend(&r, stop, &report, &reported, err);
    if (r.output_fd >= 0)
        close(r.output_fd);
    if (r.report_fd >= 0)
        close(r.report_fd);
    while (r.pid > 0 && waitpid(r.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (!reported)
        children_end(&before);
    /* At the end the tail may be longer than it should: see keep_output(). */
    size_t more = end->tail.used > EXEC_SUPERVISOR_TAIL_BYTES
                      ? end->tail.used - EXEC_SUPERVISOR_TAIL_BYTES
                      : 0;
    buf_consume(&end->tail, more);
    end->left_out += (int64_t)more;
    if (rc < 0)
        return rc;
    if (!reported)
        return err_set(err, ERR_AGAIN, "the supervisor of %s was killed", task->argv[0]);
    if (report.exec_errno)
        return err_set(err, ERR_AGAIN, "cannot run %s: %s", task->argv[0],
                       strerror(report.exec_errno));
    end->status = report.status;
    return ERR_OK;
}

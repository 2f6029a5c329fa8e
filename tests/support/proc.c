#include "support/proc.h"
#include "dashspool/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 << 20, WAIT_MS = 60000 };

static pid_t launch(const char *const argv[], int out_fd, int err_fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int in = open("/dev/null", O_RDONLY);
        dup2(in, STDIN_FILENO);
        dup2(out_fd, STDOUT_FILENO);
        dup2(err_fd, STDERR_FILENO);
        union { /* execvp() does not write to them, whatever its prototype says */
            const char *const *in;
            char *const *out;
        } args = {.in = argv};
        execvp(argv[0], args.out);
        dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

static int wait_status(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads both pipes until both are closed. */
static void slurp(int fd[2], struct buf *to[2])
{
    struct err err;
    for (int open_fds = 2; open_fds > 0;) {
        struct pollfd p[2] = {{.fd = fd[0], .events = POLLIN}, {.fd = fd[1], .events = POLLIN}};
        assert_true(poll(p, 2, -1) > 0);
        for (int i = 0; i < 2; i++) {
            if (fd[i] < 0 || p[i].revents == 0)
                continue;
            uint8_t *at = buf_reserve(to[i], 65536, &err);
            assert_non_null(at);
            ssize_t n = read(fd[i], at, 65536);
            assert_true(n >= 0);
            buf_commit(to[i], (size_t)n);
            if (n == 0) {
                close(fd[i]);
                fd[i] = -1;
                open_fds--;
            }
        }
    }
}

struct proc_result proc_run(const char *const argv[])
{
    struct proc_result r;
    int out[2], err[2];
    buf_init(&r.out, OUTPUT_MAX);
    buf_init(&r.err, OUTPUT_MAX);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    fcntl(err[0], F_SETFD, FD_CLOEXEC);
    pid_t pid = launch(argv, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    int fd[2] = {out[0], err[0]};
    struct buf *to[2] = {&r.out, &r.err};
    slurp(fd, to);
    r.status = wait_status(pid);
    return r;
}

void proc_clear(struct proc_result *r)
{
    buf_clear(&r->out);
    buf_clear(&r->err);
}

static const char *text(struct buf *b)
{
    struct err err;
    assert_ok(buf_append(b, "", 1, &err));
    b->used--;
    return (const char *)buf_data(b);
}

const char *proc_out(struct proc_result *r)
{
    return text(&r->out);
}

const char *proc_err(struct proc_result *r)
{
    return text(&r->err);
}

static void judge(struct proc_result *r, int status, const char *says, bool said)
{
    if (r->status != status || !said)
        fail_msg("status %d instead of %d, or '%s' is not in: stdout: %s; stderr: %s", r->status,
                 status, says, proc_out(r), proc_err(r));
    proc_clear(r);
}

void expect(struct proc_result r, int status, const char *says)
{
    judge(&r, status, says, strstr(proc_out(&r), says) || strstr(proc_err(&r), says));
}

void expect_out(struct proc_result r, int status, const char *says)
{
    judge(&r, status, says, strstr(proc_out(&r), says) != NULL);
}

void expect_err(struct proc_result r, int status, const char *says)
{
    judge(&r, status, says, strstr(proc_err(&r), says) != NULL);
}

struct proc proc_start(const char *log, const char *const argv[])
{
    struct proc p;
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    snprintf(p.log, sizeof p.log, "%s", log);
    p.pid = launch(argv, fd, fd);
    close(fd);
    return p;
}

static bool find_line(const char *path, const char *words, char *out, size_t room)
{
    struct buf log = support_read(path);
    bool found = false;
    const char *at = text(&log);
    for (const char *line = at; line && *line && !found;) {
        const char *end = strchr(line, '\n');
        if (!end)
            break; /* not written to its end yet */
        const char *there = strstr(line, words);
        if (there && there < end) {
            there += strlen(words);
            if (out)
                snprintf(out, room, "%.*s", (int)(end - there), there);
            found = true;
        }
        line = end + 1;
    }
    buf_clear(&log);
    return found;
}

void proc_wait_for(const struct proc *p, const char *words, char *out, size_t room)
{
    int64_t until_us = clock_mono_us() + WAIT_MS * INT64_C(1000);
    int watch = inotify_init1(IN_CLOEXEC);
    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, p->log, IN_MODIFY) >= 0);
    while (!find_line(p->log, words, out, room)) {
        struct pollfd pfd = {.fd = watch, .events = POLLIN};
        int status;
        if (waitpid(p->pid, &status, WNOHANG) == p->pid && !find_line(p->log, words, out, room)) {
            struct buf log = support_read(p->log);
            fail_msg(
                "ended (%s %d) without saying '%s': %s", WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), words, text(&log));
        }
        if (clock_mono_us() > until_us)
            fail_msg("'%s' did not come within %d s", words, WAIT_MS / 1000);
        poll(&pfd, 1, 200); /* the file changed, or the program ended */
        char events[4096];
        if (pfd.revents)
            assert_true(read(watch, events, sizeof events) > 0);
    }
    close(watch);
}

int proc_stop(struct proc *p, int signum)
{
    if (signum != 0)
        assert_int_equal(kill(p->pid, signum), 0);
    return wait_status(p->pid);
}

struct proc_killer proc_killer(uint64_t seed, int percent)
{
    return (struct proc_killer){.us = 1000 + (int64_t)(seed % 1000), .percent = percent};
}

bool proc_kill_later(struct proc_killer *k, const char *log, const char *const argv[])
{
    struct proc p = proc_start(log, argv);
    struct timespec life = {.tv_sec = k->us / 1000000, .tv_nsec = k->us % 1000000 * 1000};
    nanosleep(&life, NULL);
    int status = proc_stop(&p, SIGKILL); /* one that has ended waits for us, and keeps its status */
    if (status != 0 && status != 128 + SIGKILL) {
        struct buf said = support_read(log);
        fail_msg("it ended with status %d: %s", status, text(&said));
    }
    if (k->us > WAIT_MS * INT64_C(1000))
        fail_msg("killed %d times, it does not come to its end", k->killed);
    k->us += k->us * k->percent / 100;
    k->killed += status != 0;
    return status != 0;
}

bool proc_have(const char *program)
{
    char command[256];
    snprintf(command, sizeof command, "command -v %s", program);
    const char *const argv[] = {"sh", "-c", command, NULL};
    struct proc_result r = proc_run(argv);
    bool have = r.status == 0;
    proc_clear(&r);
    if (!have)
        fprintf(stderr, "SKIPPED: %s is not installed\n", program);
    return have;
}

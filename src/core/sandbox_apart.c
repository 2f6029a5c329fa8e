#define _GNU_SOURCE /* close_range, pipe2, sigabbrev_np */
/* A function apart: the caller, the process that forks, and the child of one call. */
#include "dashspool/fsx.h"
#include "dashspool/sandbox.h"
#include "dashspool/stop.h"
#include "dashspool/text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_BYTES_MAX (64 * 1024)
#define FDS_MAX      (1 + SANDBOX_APART_FDS) /* the result's first */

struct sandbox_apart {
    struct sandbox_apart_work work;
    pid_t pid;
    int fd;
    bool lost, stopped;
    uint8_t *result; /* struct err, then what fn gave; one byte more than may come */
    size_t room;
};

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* ---- the child ---- */

static _Noreturn void run(const struct sandbox_apart_work *w, const void *in, const int *fd, int n,
                          pid_t parent)
{
    const struct sandbox_rules rules = {
        .kind = SANDBOX_APART, .memory_bytes = w->memory_bytes, .cpu_s = w->cpu_s};
    struct sandbox_report report;
    struct err err = {0}, lost;
    void *out = calloc(1, w->n_out);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    alarm((unsigned)w->wall_s); /* what it may call cannot stop that */
    int rc = out ? ERR_OK : err_nomem(&err, "a result");
    if (rc == ERR_OK && !w->other_sandbox)
        rc = sandbox_enter(&rules, &report, &err);
    if (rc == ERR_OK)
        rc = w->fn(in, fd + 1, n - 1, out, &err);
    if ((err.code = rc) < 0)
        sandbox_tell_unknown(&err);
    if (fsx_write_all(fd[0], &err, sizeof err, &lost) < 0 ||
        (rc == ERR_OK && fsx_write_all(fd[0], out, w->n_out, &lost) < 0))
        _exit(1);
    _exit(0);
}

/* ---- the process that forks ---- */

/* Only what comes with the right size and number of descriptors is taken. False: the end. */
static bool receive(int from, const struct sandbox_apart_work *w, void *in, int fd[FDS_MAX], int *n)
{
    union control control;
    struct iovec iov = {in, w->n_in};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    ssize_t got;
    while ((got = recvmsg(from, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (got != (ssize_t)w->n_in || !head || head->cmsg_type != SCM_RIGHTS)
        return false;
    *n = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fd, CMSG_DATA(head), (size_t)*n * sizeof(int));
    return *n > 0;
}

static _Noreturn void serve(int from, const struct sandbox_apart_work *w, pid_t opener)
{
    static uint8_t in[IN_BYTES_MAX];
    int fd[FDS_MAX], n, null = open("/dev/null", O_RDWR);
    const pid_t self = getpid();
    struct err err;
    setpgid(0, 0); /* Ctrl-C is the opener's to judge */
    stop_default_signals(NULL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(from, 3) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != opener)
        _exit(1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    dup2(null, STDERR_FILENO); /* its words could be anything */
#endif
    close_range(4, ~0U, 0);
    if (!w->other_sandbox && sandbox_catch_unknown("apart", &err) < 0)
        _exit(1);
    while (receive(3, w, in, fd, &n)) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            close(3);
            run(w, in, fd, n, self);
        }
        for (int i = 0; i < n; i++)
            close(fd[i]);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (pid < 0)
            status = -1;
        if (write(3, &status, sizeof status) != sizeof status)
            break;
    }
    _exit(0);
}

/* ---- the caller ---- */

int sandbox_apart_open(struct sandbox_apart **out, const struct sandbox_apart_work *work,
                       struct err *err)
{
    int pair[2];
    struct sandbox_apart *a = *out = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err, "a process apart");
    a->work = *work;
    a->fd = -1;
    a->room = sizeof(struct err) + work->n_out + 1;
    a->result = malloc(a->room);
    if (!a->result || work->n_in == 0 || work->n_in > IN_BYTES_MAX) {
        sandbox_apart_close(out);
        return err_nomem(err, "a process apart");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        sandbox_apart_close(out);
        return err_sys(err, "socket to the process apart");
    }
    pid_t opener = getpid();
    if ((a->pid = fork()) == 0)
        serve(pair[1], work, opener);
    close(pair[1]);
    a->fd = pair[0];
    if (a->pid < 0) {
        err_sys(err, "fork");
        sandbox_apart_close(out);
        return err->code;
    }
    return ERR_OK;
}

void sandbox_apart_close(struct sandbox_apart **ap)
{
    struct sandbox_apart *a = *ap;
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd); /* it ends */
    while (a->pid > 0 && waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(a->result);
    free(a);
    *ap = NULL;
}

bool sandbox_apart_lost(const struct sandbox_apart *a)
{
    return a->lost;
}

static bool send_call(const struct sandbox_apart *a, const void *in, int result_fd, const int *fd,
                      int n_fds)
{
    union control control = {0};
    const size_t n = 1 + (size_t)n_fds;
    struct iovec iov = {(void *)(uintptr_t)in, a->work.n_in};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(head), &result_fd, sizeof(int));
    if (n_fds > 0)
        memcpy(CMSG_DATA(head) + sizeof(int), fd, (size_t)n_fds * sizeof(int));
    ssize_t sent;
    while ((sent = sendmsg(a->fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return sent == (ssize_t)a->work.n_in;
}

/* The result up to its end, or to more than it can be. Who is told to stop, and may (who is shut in
 * may not), ends both processes. */
static size_t read_result(struct sandbox_apart *a, int fd)
{
    size_t used = 0;
    for (ssize_t got = 1; used < a->room && got != 0;) {
        got = read(fd, a->result + used, a->room - used);
        if (got < 0 && errno != EINTR)
            break;
        if (got < 0 && stop_caught() && kill(a->pid, SIGKILL) == 0)
            a->stopped = true;
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

static int judge_death(const struct sandbox_apart *a, int status, struct err *err)
{
    int signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (status == -1)
        return err_set(err, ERR_IO, "no process could be started to look at it");
    if (signum == SIGXCPU || signum == SIGALRM)
        return err_set(err, ERR_LIMIT, "looking at it took more than %d s",
                       signum == SIGALRM ? a->work.wall_s : a->work.cpu_s);
    if (signum == SIGKILL)
        return err_set(err, ERR_NOMEM,
                       "the process that looked at it was killed, possibly out of memory");
    if (signum == 0)
        return err_set(err, ERR_MALFORMED,
                       "the process that looked at it could not say what it is");
    return err_set(err, ERR_MALFORMED,
                   "the process that looked at it was killed by signal %d (SIG%s%s)", signum,
                   sigabbrev_np(signum) ? sigabbrev_np(signum) : "?",
                   signum == SIGSYS ? ", a forbidden system call" : "");
}

/* What a child says that went its way to the end. */
static int judge(const struct sandbox_apart *a, size_t got, void *out, struct err *err)
{
    struct err said;
    const size_t whole = a->room - 1;
    if (got < sizeof said)
        return err_set(err, ERR_MALFORMED, "the process that looked at it said nothing");
    memcpy(&said, a->result, sizeof said);
    if (said.code == ERR_OK && got == whole) {
        memcpy(out, a->result + sizeof said, a->work.n_out);
        return ERR_OK;
    }
    if (said.code > ERR_AGAIN || said.code < ERR_NOTFOUND || said.sys_errno < 0 ||
        said.sys_errno > 4095 || got != sizeof said || !memchr(said.text, '\0', sizeof said.text))
        return err_set(err, ERR_MALFORMED, "the process that looked at it said what cannot be");
    text_tame(said.text);
    *err = said;
    return said.code;
}

int sandbox_apart_call(struct sandbox_apart *a, const void *in, const int *fd, int n_fds, void *out,
                       struct err *err)
{
    int result[2], status = 0;
    if (n_fds < 0 || n_fds > SANDBOX_APART_FDS)
        return err_set(err, ERR_LIMIT, "%d descriptors", n_fds);
    if (pipe2(result, O_CLOEXEC) < 0)
        return err_sys(err, "pipe");
    bool sent = !a->lost && send_call(a, in, result[1], fd, n_fds);
    close(result[1]);
    size_t got = sent ? read_result(a, result[0]) : 0;
    close(result[0]); /* who says more is ended by it, or by its limits */
    ssize_t n = 0;
    while (sent && (n = read(a->fd, &status, sizeof status)) < 0 && errno == EINTR)
        ;
    if (n != sizeof status) {
        a->lost = true;
        if (a->stopped)
            return err_set(err, ERR_AGAIN, "stopped");
        return err_set(err, ERR_IO,
                       "the process that looks at files has ended; start dashspool again");
    }
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return judge_death(a, status, err);
    return judge(a, got, out, err);
}

int sandbox_apart_once(const struct sandbox_apart_work *work, const void *in, const int *fd,
                       int n_fds, void *out, struct err *err)
{
    struct sandbox_apart *a;
    int rc = sandbox_apart_open(&a, work, err);
    if (rc == ERR_OK)
        rc = sandbox_apart_call(a, in, fd, n_fds, out, err);
    sandbox_apart_close(&a);
    return rc;
}

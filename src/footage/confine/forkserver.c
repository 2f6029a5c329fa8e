#define _GNU_SOURCE /* close_range, memfd_create, pipe2 */
#include "child.h"
#include "dashspool/fsx.h"
#include "dashspool/sandbox.h"
#include "dashspool/stop.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 257 /* at a time; cli and worker have one a job, and one that ends */
#define N_FDS        3   /* request, report, status */

/* ---- the owner's side ---- */

static struct {
    pid_t owner, pid; /* owner: a fork of it starts one of its own */
    int fd;
} forkserver = {.fd = -1};

/* Between fork() and exec(): async-signal-safe calls only. */
static void forkserver_init(int fd)
{
    static char name[] = "dashspool", command[] = CONFINE_COMMAND, c[] = "LC_ALL=C",
                zone[] = "TZ=UTC";
    char *perturb = NULL; /* tests see what is read unwritten only if the children fill it, too */
    for (char **e = environ; e && *e && !perturb; e++)
        if (strncmp(*e, "MALLOC_PERTURB_=", 16) == 0)
            perturb = *e;
    char *argv[] = {name, command, NULL}, *envp[] = {c, zone, perturb, NULL};
    setpgid(0, 0); /* Ctrl-C is the owner's to judge */
    stop_default_signals(NULL);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(127);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    dup2(null, STDERR_FILENO); /* its words could be anything */
#endif
    close_range(3, ~0U, 0);
    execve("/proc/self/exe", argv, envp);
    _exit(127);
}

/* What the owner wants: a child (with its descriptors), the end of one, or that from now on nothing
 * but what a list names can be read (the first descriptor: paths, each with its NUL). */
struct order {
    pid_t kill; /* 0: a child */
};
#define ORDER_FENCE     ((pid_t)-1)

#define PATHS_BYTES_MAX (16 << 20)

static void forget(void);

/* Its end is waited for, so that its children's time is accounted to us. */
int forkserver_start(struct err *err)
{
    int pair[2];
    static bool registered;
    if (!registered && atexit(forget) == 0)
        registered = true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(err, "socket to the converters");
    pid_t pid = fork();
    if (pid == 0)
        forkserver_init(pair[1]);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return err_sys(err, "fork");
    }
    forkserver.owner = getpid();
    forkserver.pid = pid;
    forkserver.fd = pair[0];
    return ERR_OK;
}

static void forget(void)
{
    if (forkserver.fd >= 0)
        close(forkserver.fd);
    if (forkserver.owner == getpid() && forkserver.pid > 0) {
        kill(forkserver.pid, SIGKILL);
        while (waitpid(forkserver.pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    forkserver.pid = 0;
    forkserver.fd = -1;
}

/* fd NULL: none. */
static bool send_order(pid_t kill, const int fd[N_FDS])
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(N_FDS * sizeof(int))];
    } control = {0};
    struct order order = {kill};
    struct iovec iov = {&order, sizeof order};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = fd ? control.room : NULL,
                       .msg_controllen = fd ? sizeof control.room : 0};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (head) {
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(N_FDS * sizeof(int));
        memcpy(CMSG_DATA(head), fd, N_FDS * sizeof(int));
    }
    ssize_t n;
    while ((n = sendmsg(forkserver.fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n == sizeof order;
}

/* Exactly n bytes; pipes of one writer hand over its small writes whole. */
static bool read_whole(int fd, void *out, size_t n)
{
    ssize_t got;
    while ((got = read(fd, out, n)) < 0 && errno == EINTR)
        ;
    return got == (ssize_t)n;
}

int forkserver_spawn(int request_fd, int report_fd, pid_t *pid, int *status_fd, struct err *err)
{
    for (int tries = 0; tries < 2; tries++) { /* one that has died is replaced, once */
        int status[2], rc = ERR_OK;
        if (forkserver.fd < 0 || forkserver.owner != getpid()) {
            forget();
            rc = forkserver_start(err);
        }
        if (rc < 0)
            return rc;
        if (pipe2(status, O_CLOEXEC) < 0)
            return err_sys(err, "pipe");
        const int fds[N_FDS] = {request_fd, report_fd, status[1]};
        bool sent = send_order(0, fds);
        close(status[1]);
        if (sent && read_whole(status[0], pid, sizeof *pid) && *pid > 0) {
            *status_fd = status[0];
            return ERR_OK;
        }
        close(status[0]);
        forget();
    }
    return err_set(err, ERR_AGAIN, "no process for a conversion could be started");
}

static int write_paths(int fd, const char *const *paths, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && paths[i]; i++)
        if (paths[i][0]) /* relative ones mean the same there: it is where the owner is */
            rc = fsx_write_all(fd, paths[i], strlen(paths[i]) + 1, err);
    return rc;
}

int forkserver_fence(const char *const *reads, const char *const *write_dirs, struct err *err)
{
    int done[2] = {-1, -1}, answer = -1, rc = ERR_OK;
    int list = memfd_create("dashspool-reads", MFD_CLOEXEC);
    if (list < 0 || pipe2(done, O_CLOEXEC) < 0)
        rc = err_sys(err, "list for the converters");
    if (rc == ERR_OK && (rc = write_paths(list, reads, err)) == ERR_OK)
        rc = write_paths(list, write_dirs, err);
    if (rc == ERR_OK) {
        const int fds[N_FDS] = {list, done[1], done[1]};
        bool sent = send_order(ORDER_FENCE, fds);
        close(done[1]);
        done[1] = -1;
        if (!sent || !read_whole(done[0], &answer, sizeof answer) || answer != 0)
            rc = err_set(err, ERR_IO, "sandbox: the converters could not be shut in");
    }
    const int all[] = {list, done[0], done[1]};
    for (int i = 0; i < 3; i++)
        if (all[i] >= 0)
            close(all[i]);
    return rc;
}

void forkserver_kill(pid_t pid)
{
    if (forkserver.fd < 0 || forkserver.owner != getpid() || !send_order(pid, NULL))
        forget(); /* its children die with it */
}

bool forkserver_wait(int status_fd, struct forkserver_end *out)
{
    return read_whole(status_fd, out, sizeof *out);
}

/* ---- the forkserver's side ---- */

struct child {
    pid_t pid;
    int status_fd;
};

struct room {
    struct child child[CHILDREN_MAX];
    int n;
    pid_t self;
    forkserver_child_fn *fn;
};

/* False: the owner has ended. *out: whom to kill; 0: fd is of a child to be. */
static bool receive_order(pid_t *out, int fd[N_FDS])
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(N_FDS * sizeof(int))];
    } control;
    struct order order;
    struct iovec iov = {&order, sizeof order};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    ssize_t n;
    while ((n = recvmsg(STDIN_FILENO, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n != sizeof order)
        return false;
    *out = order.kill;
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (!head)
        return order.kill > 0;
    if (head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(N_FDS * sizeof(int)))
        return false;
    memcpy(fd, CMSG_DATA(head), N_FDS * sizeof(int));
    return order.kill == 0 || order.kill == ORDER_FENCE;
}

/* Where it fails nothing is forked any more: its owner counts on it. False: that is so. */
static bool fence(const int fd[N_FDS])
{
    struct err err;
    struct stat st;
    int answer = -1;
    size_t n = fstat(fd[0], &st) == 0 && st.st_size <= PATHS_BYTES_MAX ? (size_t)st.st_size : 0,
           k = 0;
    char *text = calloc(1, n + 1);
    const char **paths = calloc(n + 1, sizeof *paths); /* none is shorter than its NUL */
    if (text && paths && n > 0 && pread(fd[0], text, n, 0) == (ssize_t)n) {
        for (size_t at = 0; at < n; at += strlen(text + at) + 1)
            paths[k++] = text + at;
        answer = sandbox_fence_reads(paths, &err);
    }
    free(paths);
    free(text);
    bool told = write(fd[1], &answer, sizeof answer) == (ssize_t)sizeof answer;
    for (int i = 0; i < N_FDS; i++)
        close(fd[i]);
    return told && answer == 0;
}

/* None but a child of ours, whatever the owner says. */
static void kill_child(const struct room *room, pid_t pid)
{
    for (int i = 0; i < room->n; i++)
        if (room->child[i].pid == pid)
            kill(pid, SIGKILL);
}

static void spawn_child(struct room *room, const int fd[N_FDS])
{
    pid_t pid = room->n < CHILDREN_MAX ? fork() : -1;
    if (pid == 0) {
        sigset_t none;
        setpgid(0, 0);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (dup2(fd[0], STDIN_FILENO) < 0 || dup2(fd[1], STDOUT_FILENO) < 0)
            _exit(127);
        close_range(3, ~0U, 0);
        room->fn(room->self);
        _exit(127);
    }
    close(fd[0]);
    close(fd[1]);
    if (pid > 0 && write(fd[2], &pid, sizeof pid) == (ssize_t)sizeof pid)
        room->child[room->n++] = (struct child){pid, fd[2]};
    else
        close(fd[2]); /* its owner does not wait for it: it sees the end of the pipe */
}

static void reap(struct room *room)
{
    struct forkserver_end end;
    for (pid_t pid; (pid = wait4(-1, &end.status, WNOHANG, &end.used)) > 0;) {
        for (int i = 0; i < room->n; i++) {
            if (room->child[i].pid != pid)
                continue;
            ssize_t n = write(room->child[i].status_fd, &end, sizeof end);
            (void)n; /* an owner that does not care any more has closed it */
            close(room->child[i].status_fd);
            room->child[i] = room->child[--room->n];
            break;
        }
    }
}

int forkserver_run(forkserver_child_fn *fn)
{
    static struct room room;
    struct signalfd_siginfo unused;
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
        fprintf(stderr,
                "dashspool %s: this is for dashspool's own use; you want 'dashspool convert'\n",
                CONFINE_COMMAND);
        return 2;
    }
    sigset_t child;
    room.fn = fn;
    room.self = getpid();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return 1;
    for (;;) {
        struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = signals, .events = POLLIN}};
        int fd[N_FDS];
        pid_t victim = 0;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return 1;
        while (read(signals, &unused, sizeof unused) > 0)
            ;
        reap(&room);
        if (p[0].revents && !receive_order(&victim, fd))
            break; /* the owner has ended */
        if (p[0].revents && victim == ORDER_FENCE) {
            if (!fence(fd))
                break;
        } else if (p[0].revents && victim > 0)
            kill_child(&room, victim);
        else if (p[0].revents)
            spawn_child(&room, fd);
    }
    for (int i = 0; i < room.n; i++)
        kill(room.child[i].pid, SIGKILL);
    return 0;
}

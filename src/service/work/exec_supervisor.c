#define _GNU_SOURCE /* pipe2 */
#include "exec_supervisor.h"
#include "dashspool/clock.h"
#include "exec_supervisor_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* At the end the tail may be longer than it should: see keep_output(). */
static void trim_tail(struct exec_supervisor_end *end)
{
    size_t more = end->tail.used > EXEC_SUPERVISOR_TAIL_BYTES
                      ? end->tail.used - EXEC_SUPERVISOR_TAIL_BYTES
                      : 0;
    buf_consume(&end->tail, more);
    end->left_out += (int64_t)more;
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
        supervisor_loop(r->task, program, self, output[1], report[1]);
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
static int attend(struct run *r, struct stop *stop, struct exec_supervisor_report *report,
                  bool *reported, struct err *err)
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

static void clean_up(struct run *r)
{
    if (r->output_fd >= 0)
        close(r->output_fd);
    if (r->report_fd >= 0)
        close(r->report_fd);
    while (r->pid > 0 && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int exec_supervisor_run(const struct exec_supervisor_task *task, struct stop *stop,
                        struct exec_supervisor_end *end, struct err *err)
{
    struct exec_supervisor_report report = {0};
    struct run r = {.task = task, .end = end, .output_fd = -1, .report_fd = -1};
    struct exec_supervisor_children before;
    bool reported = false;
    *end = (struct exec_supervisor_end){0};
    buf_init(&end->head, EXEC_SUPERVISOR_HEAD_BYTES);
    buf_init(&end->tail, 2 * EXEC_SUPERVISOR_TAIL_BYTES);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a killed supervisor leaves comes to us */
    exec_supervisor_children_read(&before);
    int rc = launch(&r, err);
    r.until_us = task->timeout_ms ? clock_mono_us() + task->timeout_ms * 1000 : INT64_MAX;
    if (rc == ERR_OK)
        rc = attend(&r, stop, &report, &reported, err);
    clean_up(&r);
    if (!reported)
        exec_supervisor_children_end(&before);
    trim_tail(end);
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

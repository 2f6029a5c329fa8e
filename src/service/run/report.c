/* What `run` tells: systemd, and whoever reads ROOT/run.json. */
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "run_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- systemd ---- */

static int64_t number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long long v = text ? strtoll(text, &end, 10) : 0;
    return text && *text && !*end && v > 0 ? v : 0;
}

void notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int64_t pid = number("WATCHDOG_PID");
    *n = (struct notify){.fd = -1, .to = {.sun_family = AF_UNIX}};
    if (path && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof n->to.sun_path) {
        memcpy(n->to.sun_path, path, strlen(path));
        n->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (path[0] == '@')
            n->to.sun_path[0] = '\0'; /* abstract */
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    const struct timeval patience = {.tv_sec = 1}; /* a systemd that does not read stops nobody */
    if (n->fd >= 0)
        setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (n->fd >= 0 && (pid == 0 || pid == getpid()))
        n->watchdog_us = number("WATCHDOG_USEC");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (n->fd < 0)
        return;
    va_start(ap, fmt);
    int length = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (length < 0)
        return;
    size_t bytes = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    if (sendto(n->fd, text, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_bytes) < 0)
        log_warn("run", "systemd notification failed", LOG_TEXT("words", text),
                 LOG_TEXT("reason", strerror(errno)));
}

/* ---- run.json ---- */

#define OLD_US (600 * INT64_C(1000000)) /* what of it is of the last day goes on ageing */

static json_t *time_json(int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    if (utc_us == 0)
        return json_null();
    clock_rfc3339(utc_us, 3, text);
    return json_string(text);
}

static json_t *process_json(const struct process *p, int64_t utc_us, int64_t mono_us)
{
    int pid = p->plan.metrics ? 0 : (int)p->pid; /* it is another one every few seconds */
    bool waits = p->pid == 0 && p->plan.every_ms == 0 && p->start_us > mono_us;
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:I, s:i, s:i, s:o, s:o}", "name", p->plan.name,
                     "stage", p->plan.stage, "pid", pid, "since",
                     time_json(pid ? p->started_utc_us : 0), "waits_until",
                     time_json(waits ? utc_us + (p->start_us - mono_us) : 0), "every_ms",
                     (json_int_t)p->plan.every_ms, "fails", p->fails, "ends_of_the_day",
                     (int)clock_day_sum(&p->ends, utc_us), "ended", time_json(p->ended_utc_us),
                     "how", p->how[0] ? json_string(p->how) : json_null());
}

static int put(const struct run *r, const char *text, struct err *err)
{
    char *path = NULL, *tmp = NULL;
    int fd = -1, rc = fsx_path(&path, err, "%s/" RUN_STATE_FILE, r->root);
    if (rc == ERR_OK)
        rc = fsx_path(&tmp, err, "%s.tmp", path);
    if (rc == ERR_OK &&
        (fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "create %s", tmp);
    if (rc == ERR_OK)
        rc = fsx_write_all(fd, text, strlen(text), err);
    if (rc == ERR_OK && rename(tmp, path) < 0)
        rc = err_sys(err, "rename %s to %s", tmp, path);
    if (fd >= 0)
        close(fd);
    free(path);
    free(tmp);
    return rc;
}

static void write_state(const struct run *r, int64_t stopped_utc_us)
{
    struct err err;
    int64_t utc_us = clock_utc_us(), mono_us = clock_mono_us();
    json_t *processes = json_array();
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(processes, process_json(&r->process[i], utc_us, mono_us));
    json_t *o = json_pack("{s:i, s:o, s:o, s:b, s:o, s:o}", "pid", (int)getpid(), "since",
                          time_json(r->began_utc_us), "updated", time_json(utc_us), "ending",
                          r->ending, "stopped", time_json(stopped_utc_us), "processes", processes);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (text && put(r, text, &err) < 0)
        log_warn("run", "writing run.json failed, status is out of date", LOG_ERR(&err));
    free(text);
    json_decref(o);
}

void run_state_changed(struct run *r)
{
    r->told_us = 0;
}

void run_state_write(struct run *r)
{
    int64_t now_us = clock_mono_us();
    if (r->told_us && now_us - r->told_us < OLD_US)
        return;
    r->told_us = now_us;
    write_state(r, 0);
}

void run_state_stopped(struct run *r)
{
    r->n = 0;
    write_state(r, clock_utc_us());
}

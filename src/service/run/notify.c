#include "notify.h"
#include "dashspool/log.h"
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

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

/* notify: what systemd is told (sd_notify(3)). Without NOTIFY_SOCKET nothing is. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "dashspool/err.h"
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    socklen_t to_bytes;
    int64_t watchdog_us; /* WATCHDOG=1 is due this often; 0: never */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: they are for this
 * process, not for its children. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Lines of NAME=VALUE. */
void notify_send(const struct notify *n, const char *fmt, ...) DS_PRINTF(2, 3);

#endif

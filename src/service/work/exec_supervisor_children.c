#include "dashspool/clock.h"
#include "exec_supervisor_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIVE_UP_US INT64_C(5000000) /* what SIGKILL does not end within it hangs in the kernel */

void exec_supervisor_children_read(struct exec_supervisor_children *out)
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

static bool is_in(const struct exec_supervisor_children *list, pid_t pid)
{
    const char *at = list ? list->text : "";
    for (pid_t one; (one = next(&at)) > 0;)
        if (one == pid)
            return true;
    return false;
}

/* Once; whether there was any. */
static bool kill_others(const struct exec_supervisor_children *but)
{
    struct exec_supervisor_children now;
    bool any = false;
    exec_supervisor_children_read(&now);
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

void exec_supervisor_children_end(const struct exec_supervisor_children *but)
{
    int64_t until_us = clock_mono_us() + GIVE_UP_US;
    while (kill_others(but) && clock_mono_us() < until_us)
        poll(NULL, 0, 1);
}

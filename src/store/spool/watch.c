/* A hint when there may be something to claim: inotify on new/ (inotify(7)). */
#define _GNU_SOURCE
#include "spool_internal.h"
#include <stdalign.h>
#include <sys/inotify.h>
#include <unistd.h>

int spool_watch(struct spool *spool)
{
    alignas(struct inotify_event) char events[4096];
    if (!spool->watch_asked)
        spool->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    spool->watch_asked = true; /* where instances are short, it is not asked again and again */
    if (spool->watch < 0)
        return -1;
    /* every time: it may be another directory by now, and the same one has one watch */
    if (inotify_add_watch(spool->watch, spool->state[SPOOL_NEW], IN_MOVED_TO | IN_ONLYDIR) < 0)
        return -1;
    while (read(spool->watch, events, sizeof events) > 0)
        continue;
    return spool->watch;
}

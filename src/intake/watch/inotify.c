#define _GNU_SOURCE
#include "dashspool/log.h"
#include "watch_internal.h"
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { WATCHES_MAX = 1 << 20 };

void hints_open(struct hints *h)
{
    *h = (struct hints){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (h->fd < 0)
        log_warn("watch", "inotify unavailable, relying on scans",
                 LOG_TEXT("reason", strerror(errno)));
}

void hints_close(struct hints *h)
{
    if (h->fd >= 0)
        close(h->fd);
    for (size_t i = 0; i < h->n; i++)
        free(h->path[i]);
    free(h->path);
    *h = (struct hints){.fd = -1};
}

/* False: no memory; then this folder has no hints. */
static bool keep(struct hints *h, size_t wd, const char *dir)
{
    if (wd >= h->n) {
        size_t n = wd + 64;
        char **more = wd < WATCHES_MAX ? realloc(h->path, n * sizeof *more) : NULL;
        if (!more)
            return false;
        memset(more + h->n, 0, (n - h->n) * sizeof *more);
        h->path = more;
        h->n = n;
    }
    if (h->path[wd] && strcmp(h->path[wd], dir) == 0)
        return true;
    free(h->path[wd]);
    h->path[wd] = strdup(dir);
    return h->path[wd];
}

void hints_add(struct hints *h, const char *dir)
{
    if (h->fd < 0)
        return;
    int wd = inotify_add_watch(h->fd, dir,
                               IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR |
                                   IN_DONT_FOLLOW | IN_EXCL_UNLINK);
    if (wd >= 0) {
        if (!keep(h, (size_t)wd, dir))
            inotify_rm_watch(h->fd, wd);
    } else if (errno == ENOSPC && !h->full) {
        h->full = true;
        log_warn("watch", "inotify watch limit reached (fs.inotify.max_user_watches), relying on "
                          "scans for the other folders");
    }
}

static void hand_out(struct hints *h, const struct inotify_event *e, hint_fn *fn, void *arg)
{
    char path[PATH_MAX];
    if (e->wd < 0 || (size_t)e->wd >= h->n || !h->path[e->wd])
        return;
    if (e->mask & IN_IGNORED) {
        free(h->path[e->wd]);
        h->path[e->wd] = NULL;
        return;
    }
    const char *dir = h->path[e->wd];
    int n = snprintf(path, sizeof path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, e->name);
    if (e->len > 0 && n > 0 && (size_t)n < sizeof path)
        fn(arg, path, e->mask & IN_ISDIR);
}

bool hints_read(struct hints *h, hint_fn *fn, void *arg)
{
    alignas(struct inotify_event) char buf[64 * 1024];
    bool lost = false;
    ssize_t n;
    while (h->fd >= 0 && (n = read(h->fd, buf, sizeof buf)) > 0)
        for (char *p = buf; p < buf + n;) {
            const struct inotify_event *e = (const void *)p;
            lost |= (e->mask & IN_Q_OVERFLOW) != 0;
            hand_out(h, e, fn, arg);
            p += sizeof *e + e->len;
        }
    return lost;
}

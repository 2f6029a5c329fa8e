#define _GNU_SOURCE /* flock */
#include "status_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Of /proc/locks, proc_locks(5): "1: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF". */
struct lock {
    uint64_t inode;
    unsigned major, minor;
    int pid;
};

struct locks {
    struct buf list;
};

enum { LOCKS_MAX = 1 << 16 };

int locks_read(struct locks **out, struct err *err)
{
    char line[256];
    struct locks *l = *out = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, ERR_NOMEM, "no memory for the locks");
    buf_init(&l->list, LOCKS_MAX * sizeof(struct lock));
    FILE *f = fopen("/proc/locks", "re"); /* there may be none, within a service */
    int rc = ERR_OK;
    while (f && rc == ERR_OK && fgets(line, sizeof line, f)) {
        struct lock k;
        if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%" SCNu64, &k.pid, &k.major, &k.minor,
                   &k.inode) == 4)
            rc = buf_append(&l->list, &k, sizeof k, err);
    }
    if (f)
        fclose(f);
    if (rc == ERR_LIMIT) /* the others are asked one by one */
        rc = ERR_OK;
    if (rc < 0)
        locks_free(out);
    return rc;
}

void locks_free(struct locks **l)
{
    if (!*l)
        return;
    buf_clear(&(*l)->list);
    free(*l);
    *l = NULL;
}

/* Not in that list it may be locked all the same: by a process of another container, or on a file
 * system whose devices have other numbers there. A shared lock disturbs no other who looks, and is
 * gone at once. */
bool locks_held(const struct locks *l, const char *path, int *pid)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool held = false;
    *pid = 0;
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        for (size_t i = 0; i < LIST_COUNT(&l->list, struct lock) && !held; i++) {
            const struct lock *k = LIST_AT(&l->list, struct lock, i);
            held = k->inode == st.st_ino && k->major == major(st.st_dev) &&
                   k->minor == minor(st.st_dev);
            *pid = held && k->pid > 0 ? k->pid : 0;
        }
    if (!held)
        held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

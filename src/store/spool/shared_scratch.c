#define _GNU_SOURCE /* flock */
/* A claimed job as a directory of this node, as the spool's are: commands see no difference. The
 * truth is in the database: what is here after a crash is rubbish. */
#include "dashspool/fsx.h"
#include "shared.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *dir, const char *name, const void *data, size_t n,
                      struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/%s", dir, name);
    int fd = rc < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (rc == ERR_OK && fd < 0)
        rc = err_sys(err, "create %s", path);
    if (rc == ERR_OK && (rc = fsx_write_all(fd, data, n, err)) < 0)
        err_wrap(err, "%s", path);
    if (fd >= 0 && close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    free(path);
    return rc;
}

/* Held while a directory gets its lock, alone by who looks for those that have none. */
static int lock_scratch(const struct shared *s, int operation, int *fd, struct err *err)
{
    *fd = open(s->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return err_sys(err, "open %s", s->scratch);
    int rc = ERR_OK;
    while (rc == ERR_OK && flock(*fd, operation) < 0)
        if (errno != EINTR)
            rc = errno == EWOULDBLOCK ? ERR_BUSY : err_sys(err, "lock %s", s->scratch);
    if (rc < 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

static int make_locked(const struct shared *s, struct shared_job *job, struct err *err)
{
    char *path = NULL;
    int fd = -1;
    int rc = fsx_path(&job->common.dir, err, "%s/%s.%lld", s->scratch, job->common.name,
                      (long long)job->fence);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/lock", job->common.dir);
    if (rc == ERR_OK && (rc = fsx_mkdirs(s->scratch, err)) == ERR_OK)
        rc = lock_scratch(s, LOCK_SH, &fd, err);
    /* one of this number is of a ROOT that was put back, or of another database */
    if (rc == ERR_OK && (rc = fsx_remove_tree(job->common.dir, err)) == ERR_NOTFOUND)
        rc = ERR_OK;
    if (rc == ERR_OK && mkdir(job->common.dir, 0750) < 0)
        rc = err_sys(err, "create %s", job->common.dir);
    if (rc == ERR_OK) {
        job->common.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (job->common.lock < 0 || flock(job->common.lock, LOCK_EX | LOCK_NB) < 0)
            rc = err_sys(err, "lock %s", path);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int shared_lay_out(const struct shared *s, struct shared_job *job, const void *output, size_t n,
                   struct err *err)
{
    int rc = make_locked(s, job, err);
    if (rc == ERR_OK)
        rc = write_file(job->common.dir, "job.json", buf_data(&job->common.json),
                        job->common.json.used, err);
    if (rc == ERR_OK && output)
        rc = write_file(job->common.dir, "output.txt", output, n, err);
    return rc;
}

/* Its worker's end has freed its lock, and that of its children. */
static int sweep_one(const struct shared *s, const char *name, struct err *err)
{
    char *dir = NULL, *path = NULL;
    int rc = fsx_path(&dir, err, "%s/%s", s->scratch, name), lock = -1;
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/lock", dir);
    if (rc == ERR_OK)
        lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (rc == ERR_OK && (lock >= 0 || errno == ENOENT) &&
        (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0) &&
        (rc = fsx_remove_tree(dir, err)) == ERR_NOTFOUND)
        rc = ERR_OK;
    if (lock >= 0)
        close(lock);
    free(path);
    free(dir);
    return rc;
}

int shared_sweep_scratch(const struct shared *s, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    int fd = -1, rc = lock_scratch(s, LOCK_EX | LOCK_NB, &fd, err);
    if (rc < 0)
        return rc == ERR_BUSY || rc == ERR_NOTFOUND ? ERR_OK : rc;
    rc = fsx_list(s->scratch, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        rc = sweep_one(s, names.name[i], err);
    fsx_names_clear(&names);
    close(fd);
    return rc;
}

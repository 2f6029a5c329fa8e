#define _GNU_SOURCE /* flock, syncfs */
#include "dashspool/fsx.h"
#include "dir.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TOGETHER = 8 }; /* so many jobs are synced as one */

/* A job on its way. */
struct putting {
    char *tmp;  /* its directory in tmp/; NULL: none, or it is in new/ by now */
    char *file; /* its job.json there */
    bool there; /* somebody has put it already */
};

static int is_there(const struct dir *spool, const char *job, bool *there, struct err *err)
{
    static const enum spool_state where[] = {SPOOL_NEW, SPOOL_CUR, SPOOL_FAILED};
    *there = false;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof where / sizeof *where && !*there; i++)
        rc = spool_is_in(spool, where[i], job, there, err);
    return rc;
}

static int write_new(const char *path, const void *data, size_t n, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_sys(err, "create %s", path);
    int rc = fsx_write_all(fd, data, n, err);
    if (rc < 0)
        err_wrap(err, "%s", path);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

/* In tmp/, not fsynced. */
static int prepare(const struct dir *spool, const struct spool_item *item, struct putting *p,
                   struct err *err)
{
    int rc = is_there(spool, item->job, &p->there, err); /* cheap; publish() looks again */
    if (rc < 0 || p->there)
        return rc;
    rc = spool_make_tmp(spool, item->job, &p->tmp, err);
    if (rc == ERR_OK)
        rc = fsx_path(&p->file, err, "%s/job.json", p->tmp);
    return rc < 0 ? rc : write_new(p->file, item->json, item->n, err);
}

/* A file system that allocates late (ext4) gives each fsync a commit of its own: many files are
 * synced with all that is on theirs, which takes as long as two or three. It reports what could not
 * be written since Linux 5.8. */
static int sync_together(const struct dir *spool, struct err *err)
{
    int fd = open(spool->state[SPOOL_TMP], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", spool->state[SPOOL_TMP]);
    int rc = syncfs(fd) < 0 ? err_sys(err, "sync %s", spool->state[SPOOL_TMP]) : ERR_OK;
    close(fd);
    return rc;
}

static int sync_tmp(const struct putting *p, struct err *err)
{
    if (p->there)
        return ERR_OK;
    int rc = fsx_sync_file(p->file, err);
    return rc < 0 ? rc : fsx_sync_dir(p->tmp, err);
}

/* tmp becomes new/<job>, unless the job is somewhere already. The stage is locked. */
static int publish(const struct dir *spool, const char *job, struct putting *p, struct err *err)
{
    char *target = NULL;
    if (p->there)
        return ERR_OK;
    int rc = is_there(spool, job, &p->there, err);
    if (rc < 0 || p->there)
        return rc;
    if ((rc = spool_path(spool, SPOOL_NEW, job, &target, err)) < 0)
        return rc;
    if (rename(p->tmp, target) < 0) {
        rc = err_sys(err, "rename %s to %s", p->tmp, target);
    } else {
        free(p->tmp);
        p->tmp = NULL;
    }
    free(target);
    return rc;
}

static int publish_all(const struct dir *spool, const struct spool_item *items, size_t n,
                       struct putting *p, struct err *err)
{
    int stage = -1, rc = spool_stage_lock(spool, LOCK_EX, &stage, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = publish(spool, items[i].job, &p[i], err);
    close(stage);
    return rc;
}

/*
 * Crash points of put, one after each step:
 *   directory made in tmp/, job.json written    garbage in tmp/, swept by age; put is repeated
 *   renamed to new/, not fsynced                the job is there or (power cut) not: put was not
 *                                               acknowledged and is repeated
 *   new/ fsynced                                done, whatever the entry in tmp/ says: the file
 *                                               system moves an inode, it does not copy it
 * job.json and its directory are fsynced before the rename, so what is in new/ is whole.
 *
 * All are written before the first is synced: then a journal commits them together.
 */
static int put_all(struct dir *spool, const struct spool_item *items, size_t n, struct err *err)
{
    int rc = ERR_OK;
    struct putting *p = calloc(n, sizeof *p);
    if (!p)
        return err_nomem(err, "%zu jobs", n);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = prepare(spool, &items[i], &p[i], err);
    if (rc == ERR_OK && n >= TOGETHER)
        rc = sync_together(spool, err);
    for (size_t i = 0; rc == ERR_OK && n < TOGETHER && i < n; i++)
        rc = sync_tmp(&p[i], err);
    if (rc == ERR_OK)
        rc = publish_all(spool, items, n, p, err);
    /* Also where it was there already: the one who put it may not have come to this yet. */
    if (rc == ERR_OK && (rc = fsx_sync_dir(spool->state[SPOOL_NEW], err)) == ERR_OK)
        rc = fsx_sync_dir(spool->state[SPOOL_TMP], err);
    for (size_t i = 0; i < n; i++) {
        if (p[i].tmp)
            spool_discard(p[i].tmp);
        free(p[i].tmp);
        free(p[i].file);
    }
    free(p);
    return rc;
}

/* A spool that somebody removed is made anew: else what comes could not be put until a restart. */
int dir_put_all(struct spool *s, const struct spool_item *items, size_t n, struct err *err)
{
    struct dir *spool = dir_of(s);
    int rc = put_all(spool, items, n, err);
    if (rc == ERR_NOTFOUND && (rc = spool_make_places(spool, err)) == ERR_OK)
        rc = put_all(spool, items, n, err);
    return rc;
}

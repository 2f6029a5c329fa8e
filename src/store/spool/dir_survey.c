#include "dashspool/fsx.h"
#include "dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct survey {
    struct fsx_dir dir; /* of one state */
    const char *path;
    enum spool_place place;
    uid_t owner; /* of that directory: the service */
    int64_t reasons_us;
    spool_sight_fn *fn;
    void *arg;
};

/* A file of a job as text, as far as there is room; false: there is none. */
static bool read_text(const struct survey *v, const char *job, const char *file, char *out,
                      size_t room)
{
    char name[SPOOL_NAME_ROOM + 16];
    struct stat st;
    ssize_t n = -1;
    snprintf(name, sizeof name, "%s/%s", job, file);
    int fd = openat(dirfd(v->dir.stream), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = read(fd, out, room - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

static bool look(const struct survey *v, const char *job, const char *file, struct stat *st)
{
    char name[SPOOL_NAME_ROOM + 16];
    snprintf(name, sizeof name, "%s/%s", job, file);
    return fstatat(dirfd(v->dir.stream), name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What its directory tells; false: it is gone since. */
static bool see_times(const struct survey *v, struct spool_sight *s)
{
    struct stat st;
    bool there = look(v, s->job, "job.json", &st);
    if (there) {
        s->put_us = spool_time_us(&st.st_mtim);
        s->foreign = v->owner != 0 && st.st_uid != v->owner;
    }
    if (there && v->place == SPOOL_PLACE_READY)
        return true;
    if (v->place == SPOOL_PLACE_CLAIMED && look(v, s->job, "lock", &st))
        s->changed_us = spool_time_us(&st.st_mtim); /* made by the claim, and never written to */
    else if (look(v, s->job, ".", &st))
        s->changed_us = spool_time_us(&st.st_ctim);
    else
        return false;
    if (!there)
        s->put_us = s->changed_us;
    return true;
}

static int see(const struct survey *v, const char *job, struct err *err)
{
    char attempt[SPOOL_ATTEMPT_BYTES_MAX], reason[SPOOL_WHY_ROOM], *lock = NULL;
    struct spool_sight s = {.job = job, .place = v->place, .attempt = 1, .why = ""};
    if (!see_times(v, &s))
        return ERR_OK;
    if (v->place == SPOOL_PLACE_FAILED) {
        if (s.changed_us >= v->reasons_us &&
            read_text(v, job, "reason.txt", reason, sizeof reason)) {
            reason[strcspn(reason, "\n")] = '\0';
            s.why = reason;
        }
    } else if (read_text(v, job, "attempt", attempt, sizeof attempt)) {
        spool_attempt_parse(attempt, &s.attempt, &s.due_us, &s.why);
    }
    int rc =
        v->place == SPOOL_PLACE_CLAIMED ? fsx_path(&lock, err, "%s/%s/lock", v->path, job) : ERR_OK;
    s.lock = lock;
    if (rc == ERR_OK)
        rc = v->fn(v->arg, &s, err);
    free(lock);
    return rc;
}

static int see_all(struct survey *v, struct err *err)
{
    struct err no_job;
    struct stat st;
    const char *name = NULL;
    int rc = fsx_dir_open(&v->dir, v->path, err);
    if (rc == ERR_NOTFOUND && err->sys_errno == ENOENT)
        return ERR_OK;
    if (rc == ERR_OK && fstat(dirfd(v->dir.stream), &st) == 0)
        v->owner = st.st_uid;
    while (rc == ERR_OK && (rc = fsx_dir_next(&v->dir, &name, err)) == ERR_OK && name)
        if (v->dir.may_be_dir && spool_check_name("job", name, &no_job) == ERR_OK)
            rc = see(v, name, err);
    fsx_dir_close(&v->dir);
    return rc;
}

int dir_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
               void *arg, struct err *err)
{
    static const struct {
        enum spool_place place;
        const char *dir;
    } places[] = {
        {SPOOL_PLACE_FAILED, "failed"}, {SPOOL_PLACE_CLAIMED, "cur"}, {SPOOL_PLACE_READY, "new"}};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof places / sizeof *places; i++) {
        char *path = NULL;
        rc = fsx_path(&path, err, "%s/spool/%s/%s", root, stage, places[i].dir);
        struct survey v = {
            .path = path, .place = places[i].place, .reasons_us = reasons_us, .fn = fn, .arg = arg};
        if (rc == ERR_OK)
            rc = see_all(&v, err);
        free(path);
    }
    return rc;
}

/* ---- one of them ---- */

/* A file of a job; false: it is not there, or none that is read. */
static bool read_file(const char *root, const char *stage, const char *place, const char *job,
                      const char *file, struct buf *out)
{
    char *path = NULL;
    struct err unimportant;
    struct stat st;
    bool got = fsx_path(&path, &unimportant, "%s/spool/%s/%s/%s/%s", root, stage, place, job,
                        file) == ERR_OK &&
               lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
               fsx_read_file(path, out, &unimportant) == ERR_OK;
    free(path);
    return got;
}

static void glance_why(const char *root, const char *stage, const char *place, const char *job,
                       struct spool_glance *out)
{
    struct buf b;
    struct err unimportant;
    const char *why;
    int64_t due_us;
    bool failed = out->place == SPOOL_PLACE_FAILED;
    buf_init(&b, (size_t)64 * 1024);
    if (read_file(root, stage, place, job, failed ? "reason.txt" : "attempt", &b) &&
        buf_append(&b, "", 1, &unimportant) == ERR_OK) {
        why = (const char *)buf_data(&b);
        if (!failed)
            spool_attempt_parse((char *)b.mem + b.start, &out->attempt, &due_us, &why);
        snprintf(out->why, sizeof out->why, "%s", why);
    }
    buf_clear(&b);
}

int dir_glance(const char *root, const char *stage, const char *job, struct buf *json,
               struct spool_glance *out, struct err *err)
{
    /* In the order in which it moves; and it may come back while we look. */
    static const struct {
        enum spool_place place;
        const char *dir;
    } places[] = {{SPOOL_PLACE_READY, "new"},
                  {SPOOL_PLACE_CLAIMED, "cur"},
                  {SPOOL_PLACE_FAILED, "failed"},
                  {SPOOL_PLACE_READY, "new"}};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof places / sizeof *places; i++) {
        char *path = NULL;
        struct stat st;
        rc = fsx_path(&path, err, "%s/spool/%s/%s/%s", root, stage, places[i].dir, job);
        bool there = rc == ERR_OK && lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
        free(path);
        if (!there)
            continue;
        out->place = places[i].place;
        glance_why(root, stage, places[i].dir, job, out);
        if (json)
            (void)read_file(root, stage, places[i].dir, job, "job.json", json);
        return ERR_OK;
    }
    return rc;
}

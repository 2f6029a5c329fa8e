#define _GNU_SOURCE /* sync_file_range */
#include "sink.h"
#include "dashspool/archive.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include "dashspool/workdir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMES_BYTES_MAX = 64 << 20,
    WRITEBACK_BYTES = 16 << 20, /* the disk begins with these while more are hashed */
};

struct sink {
    char *path;
    struct workdir work;     /* a folder grows as this, a zip in it */
    char *zip_path;          /* of a zip, while it grows */
    struct archive_zip *zip; /* NULL: a folder */
    char *top;               /* folder within the zip */

    /* a folder's */
    int fd;     /* of the file that is open; -1 */
    char *file; /* its path */
    int64_t size, written, started;
    struct buf names; /* of all files, each with its NUL: they are synced at the end */
};

static bool is_zip(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".zip") == 0;
}

static int zip_begin(struct sink *s, const char *name, int64_t at_us, struct err *err)
{
    int rc = fsx_path(&s->zip_path, err, "%s/zip", s->work.path);
    if (rc == ERR_OK)
        rc = archive_zip_new(&s->zip, s->zip_path, at_us, err);
    return rc < 0 ? rc : fsx_path(&s->top, err, "%.*s", (int)(strlen(name) - 4), name);
}

static int begin(struct sink *s, const char *path, int64_t at_us, struct err *err)
{
    struct stat st;
    char *parent = NULL, *name = NULL, *prefix = NULL;
    int rc = fsx_split(path, &parent, &name, err);
    if (rc == ERR_OK)
        rc = fsx_path(&s->path, err, "%s/%s", parent, name);
    if (rc == ERR_OK && lstat(s->path, &st) == 0)
        rc =
            err_set(err, ERR_BUSY, "%s already exists; choose another name, or move it away", path);
    if (rc == ERR_OK)
        rc = fsx_path(&prefix, err, "%s.unfinished-", name);
    if (rc == ERR_OK)
        rc = workdir_open(&s->work, parent, prefix, err);
    if (rc == ERR_OK && is_zip(name))
        rc = zip_begin(s, name, at_us, err);
    else if (rc == ERR_OK && chmod(s->work.path, 0750) < 0)
        rc = err_sys(err, "open %s to its group", s->work.path);
    free(parent);
    free(name);
    free(prefix);
    return rc;
}

int sink_new(struct sink **out, const char *path, int64_t at_us, struct err *err)
{
    struct sink *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for a package");
    s->fd = -1;
    s->work = WORKDIR_NONE;
    buf_init(&s->names, NAMES_BYTES_MAX);
    int rc = begin(s, path, at_us, err);
    if (rc < 0)
        sink_free(out);
    return rc;
}

static void forget_file(struct sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->file);
    s->file = NULL;
}

void sink_free(struct sink **sink)
{
    struct err unimportant;
    struct sink *s = *sink;
    if (!s)
        return;
    forget_file(s);
    if (s->work.path && fsx_remove_tree(s->work.path, &unimportant) < 0)
        fprintf(stderr, "dashspool: %s; remove it by hand\n", unimportant.text);
    workdir_close(&s->work);
    archive_zip_free(&s->zip);
    buf_clear(&s->names);
    free(s->path);
    free(s->zip_path);
    free(s->top);
    free(s);
    *sink = NULL;
}

/* ---- a file of a folder ---- */

static int make_parent(const char *file, struct err *err)
{
    char *dir = NULL;
    int rc = fsx_path(&dir, err, "%s", file);
    if (rc < 0)
        return rc;
    *strrchr(dir, '/') = '\0';
    rc = fsx_mkdirs(dir, err);
    free(dir);
    return rc;
}

static int file_begin(struct sink *s, const char *name, struct err *err)
{
    forget_file(s);
    s->written = s->started = 0;
    int rc = fsx_path(&s->file, err, "%s/%s", s->work.path, name);
    if (rc == ERR_OK)
        rc = make_parent(s->file, err);
    if (rc == ERR_OK)
        rc = buf_append(&s->names, name, strlen(name) + 1, err);
    if (rc < 0)
        return rc;
    s->fd = open(s->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (s->fd < 0 && errno == EEXIST)
        return err_set(err, ERR_MALFORMED, "%s comes twice in a package", name);
    return s->fd < 0 ? err_sys(err, "create %s", s->file) : ERR_OK;
}

/* Only a hint to the disk: whether it is there, fsync() says at the end. */
static void start_writeback(struct sink *s)
{
    sync_file_range(s->fd, s->started, s->written - s->started, SYNC_FILE_RANGE_WRITE);
    s->started = s->written;
}

static int file_write(struct sink *s, const void *data, size_t n, struct err *err)
{
    s->written += (int64_t)n;
    if (s->written > s->size)
        return err_set(err, ERR_MALFORMED, "%s has more than the %lld bytes that were announced",
                       s->file, (long long)s->size);
    if (fsx_write_all(s->fd, data, n, err) < 0)
        return err_wrap(err, "%s", s->file);
    if (s->written - s->started >= WRITEBACK_BYTES)
        start_writeback(s);
    return ERR_OK;
}

static int file_end(struct sink *s, struct err *err)
{
    if (s->written != s->size)
        return err_set(err, ERR_MALFORMED, "%s has %lld bytes, not %lld", s->file,
                       (long long)s->written, (long long)s->size);
    start_writeback(s);
    int closed = close(s->fd);
    s->fd = -1;
    return closed < 0 ? err_sys(err, "close %s", s->file) : ERR_OK;
}

/* ---- any file ---- */

int sink_begin(struct sink *s, const char *name, int64_t size, struct err *err)
{
    char *inside = NULL;
    s->size = size;
    if (!s->zip)
        return file_begin(s, name, err);
    int rc = fsx_path(&inside, err, "%s/%s", s->top, name);
    if (rc == ERR_OK)
        rc = archive_zip_begin(s->zip, inside, size, err);
    free(inside);
    return rc;
}

int sink_write(struct sink *s, const void *data, size_t n, struct err *err)
{
    return s->zip ? archive_zip_write(s->zip, data, n, err) : file_write(s, data, n, err);
}

int sink_end(struct sink *s, struct err *err)
{
    return s->zip ? archive_zip_end(s->zip, err) : file_end(s, err);
}

/* ---- the end ---- */

/* Bytes of a name up to its last '/'; 0: none. */
static size_t parent_bytes(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

static int sync_parent(const struct sink *s, const char *name, const char *last, struct err *err)
{
    size_t n = parent_bytes(name);
    char *dir = NULL;
    if (n == 0 || (parent_bytes(last) == n && strncmp(last, name, n) == 0))
        return ERR_OK;
    int rc = fsx_path(&dir, err, "%s/%.*s", s->work.path, (int)n, name);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(dir, err);
    free(dir);
    return rc;
}

/* The files, then the directories that name them; a directory was synced into its parent when it
 * was made. The disk has begun with the files long ago: most of these calls find nothing to do. */
static int sync_folder(const struct sink *s, struct err *err)
{
    const char *names = (const char *)buf_data(&s->names), *last = "";
    int rc = ERR_OK;
    for (size_t at = 0; rc == ERR_OK && at < s->names.used; at += strlen(names + at) + 1) {
        char *path = NULL;
        if ((rc = fsx_path(&path, err, "%s/%s", s->work.path, names + at)) == ERR_OK)
            rc = fsx_sync_file(path, err);
        free(path);
    }
    for (size_t at = 0; rc == ERR_OK && at < s->names.used; at += strlen(names + at) + 1) {
        rc = sync_parent(s, names + at, last, err);
        last = names + at;
    }
    return rc < 0 ? rc : fsx_sync_dir(s->work.path, err);
}

int sink_finish(struct sink *s, struct err *err)
{
    struct stat st;
    const char *from = s->zip ? s->zip_path : s->work.path;
    int rc = s->zip ? archive_zip_finish(s->zip, err) : sync_folder(s, err);
    if (rc < 0)
        return rc;
    if (lstat(s->path, &st) == 0)
        return err_set(err, ERR_BUSY, "%s was created in the meantime; choose another name",
                       s->path);
    rc = fsx_rename(from, s->path, err);
    if (rc < 0 && lstat(from, &st) < 0 &&
        rename(s->path, from) < 0) /* it has its name, undurably */
        fprintf(stderr, "dashspool: %s may be incomplete on disk; remove it by hand\n", s->path);
    return rc;
}

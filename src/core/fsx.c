#define _GNU_SOURCE /* asprintf, renameat2 */
#include "dashspool/fsx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { NAMES_MAX = 1 << 24 }; /* half a gigabyte of them: no directory of ours comes near it */

int fsx_path(char **out, struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(out, fmt, ap);
    va_end(ap);
    if (n >= 0)
        return ERR_OK;
    *out = NULL;
    return err_nomem(err, "a path");
}

/* The directory that holds `path`; the caller's. */
static int parent_of(const char *path, char **out, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return fsx_path(out, err, ".");
    if (slash == path)
        return fsx_path(out, err, "/");
    return fsx_path(out, err, "%.*s", (int)(slash - path), path);
}

int fsx_split(const char *path, char **parent, char **name, struct err *err)
{
    char *whole = NULL;
    *parent = *name = NULL;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    int rc = fsx_path(&whole, err, "%.*s", (int)n, path);
    if (rc == ERR_OK)
        rc = parent_of(whole, parent, err);
    if (rc == ERR_OK) {
        const char *slash = strrchr(whole, '/');
        rc = fsx_path(name, err, "%s", slash ? slash + 1 : whole);
    }
    if (rc < 0) {
        free(*parent);
        *parent = NULL;
    }
    free(whole);
    return rc;
}

bool fsx_path_is_inside(const char *path)
{
    for (const char *part = path;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
            return false;
        part += n;
        if (!*part)
            return true;
    }
}

static int sync_path(const char *path, int flags, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = fsync(fd) < 0 ? err_sys(err, "fsync %s", path) : ERR_OK;
    close(fd);
    return rc;
}

int fsx_sync_file(const char *path, struct err *err)
{
    return sync_path(path, 0, err);
}

int fsx_sync_dir(const char *path, struct err *err)
{
    return sync_path(path, O_DIRECTORY, err);
}

static int sync_parent(const char *path, struct err *err)
{
    char *parent = NULL;
    int rc = parent_of(path, &parent, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(parent, err);
    free(parent);
    return rc;
}

int fsx_mkdirs(const char *path, struct err *err)
{
    char *part = NULL;
    int rc = fsx_path(&part, err, "%s", path);
    size_t n = rc == ERR_OK ? strlen(part) : 0;
    while (n > 1 && part[n - 1] == '/')
        part[--n] = '\0';
    for (size_t i = 1; rc == ERR_OK && i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0750) == 0) {
            rc = sync_parent(part, err);
        } else {
            struct stat st = {0};
            if (errno != EEXIST)
                rc = err_sys(err, "mkdir %s", part);
            else if (stat(part, &st) < 0 && errno != ENOENT) /* ENOENT: a link to nowhere */
                rc = err_sys(err, "look at %s", part);
            else if (!S_ISDIR(st.st_mode))
                rc = err_set(err, ERR_CONFIG, "%s exists, but is not a directory; move it away",
                             part);
        }
        part[i] = i < n ? '/' : '\0';
    }
    free(part);
    return rc;
}

int fsx_write_all(int fd, const void *data, size_t n, struct err *err)
{
    const char *p = data;
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(err, "write");
        p += w;
        n -= (size_t)w;
    }
    return ERR_OK;
}

/* Beside `path`, then over it. */
static int write_over(const char *path, const void *data, size_t n, mode_t mode, bool durable,
                      struct err *err)
{
    char *tmp = NULL;
    int rc = fsx_path(&tmp, err, "%s.XXXXXX", path);
    if (rc < 0)
        return rc;
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) {
        rc = err_sys(err, "create %s", tmp);
        free(tmp);
        return rc;
    }
    if ((rc = fsx_write_all(fd, data, n, err)) < 0)
        err_wrap(err, "%s", tmp);
    else if (fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0))
        rc = err_sys(err, "%s %s", durable ? "fsync" : "chmod", tmp);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", tmp);
    if (rc == ERR_OK && rename(tmp, path) < 0)
        rc = err_sys(err, "rename %s to %s", tmp, path);
    if (rc < 0)
        unlink(tmp);
    else if (durable)
        rc = sync_parent(path, err);
    free(tmp);
    return rc;
}

int fsx_write_file(const char *path, const void *data, size_t n, struct err *err)
{
    return write_over(path, data, n, 0640, true, err);
}

int fsx_publish_file(const char *path, const void *data, size_t n, struct err *err)
{
    return write_over(path, data, n, 0644, false, err);
}

int fsx_read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = ERR_OK;
    for (;;) {
        /* Never ask for more room than the ceiling leaves; a byte beyond it is the error. */
        size_t left = out->max_bytes - out->used, want = left < 65536 ? left + (left == 0) : 65536;
        uint8_t *at = buf_reserve(out, want, err);
        ssize_t n = at ? read(fd, at, want) : 0;
        char beyond;
        if (!at && (err->code != ERR_LIMIT || read(fd, &beyond, 1) > 0)) {
            rc = err_wrap(err, "%s", path);
            break;
        }
        if (n < 0) {
            rc = err_sys(err, "read %s", path);
            break;
        }
        if (n == 0)
            break;
        buf_commit(out, (size_t)n);
    }
    close(fd);
    return rc;
}

int fsx_read_pieces(int fd, const char *path, fsx_piece_fn *piece, void *arg, struct err *err)
{
    enum { PIECE_BYTES = 256 * 1024 };
    uint8_t *data = malloc(PIECE_BYTES);
    int rc = data ? ERR_OK : err_nomem(err, "reading %s", path);
    for (ssize_t n = 1; rc == ERR_OK && n != 0;) {
        n = read(fd, data, PIECE_BYTES);
        if (n < 0 && errno != EINTR)
            rc = err_sys(err, "read %s", path);
        else if (n > 0)
            rc = piece(arg, data, (size_t)n, err);
    }
    free(data);
    return rc;
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISREG(mode)  ? "a file"
                            : "a device";
}

static int no_good(struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s", strerror(errno));
}

int fsx_check_file(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return no_good(err);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "expected a file, this is %s", kind_of(st.st_mode));
    return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 ? no_good(err) : ERR_OK;
}

int64_t fsx_free_bytes(const char *path)
{
    struct statvfs vfs;
    if (statvfs(path, &vfs) < 0)
        return INT64_MAX; /* the first write will tell */
    return (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
}

int fsx_check_dir(const char *path, struct err *err)
{
    char *above = strdup(path[0] ? path : ".");
    struct stat st;
    int rc = above ? ERR_OK : err_nomem(err, "a path");
    while (rc == ERR_OK && stat(above, &st) < 0) {
        char *slash = strrchr(above, '/');
        if (errno != ENOENT || strcmp(above, ".") == 0)
            rc = no_good(err);
        else if (slash)
            slash[slash == above] = '\0';
        else
            memcpy(above, ".", 2); /* a name has that room */
    }
    if (rc == ERR_OK && !S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_CONFIG, "expected a directory, %s is %s", above, kind_of(st.st_mode));
    if (rc == ERR_OK && faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) < 0)
        rc = err_set(err, ERR_CONFIG, "%s cannot be written to (permissions)", above);
    free(above);
    return rc;
}

/* Where the file system has no O_TMPFILE (NFS), a name for a moment. */
static int open_nameless(const char *dir, struct err *err)
{
    char *path = NULL;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return err_sys(err, "create a file in %s", dir);
    int rc = fsx_path(&path, err, "%s/.scratch-XXXXXX", dir);
    if (rc < 0)
        return rc;
    if ((fd = mkostemp(path, O_CLOEXEC)) >= 0)
        unlink(path);
    else
        fd = err_sys(err, "create a file in %s", dir);
    free(path);
    return fd;
}

int fsx_scratch(FILE **out, const char *dir, struct err *err)
{
    *out = NULL;
    int fd = open_nameless(dir, err);
    if (fd < 0)
        return fd;
    if ((*out = fdopen(fd, "w+")) != NULL)
        return ERR_OK;
    close(fd);
    return err_nomem(err, "a file");
}

int fsx_rename(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) < 0)
        return err_sys(err, "rename %s to %s", from, to);
    int rc = sync_parent(to, err);
    return rc < 0 ? rc : sync_parent(from, err);
}

int fsx_rename_new(const char *from, const char *to, struct err *err)
{
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return ERR_OK;
    if (errno == EINVAL || errno == ENOSYS) { /* the file system cannot: all we can do is look */
        if (lstat(to, &st) == 0)
            errno = EEXIST;
        else if (rename(from, to) == 0)
            return ERR_OK;
    }
    return errno == EEXIST ? err_set(err, ERR_BUSY, "%s already exists", to)
                           : err_sys(err, "rename %s to %s", from, to);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int fsx_remove_tree(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return ERR_OK;
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_sys(err, "remove %s", path);
    return ERR_OK;
}

/* ---- what is in a directory ---- */

int fsx_dir_open(struct fsx_dir *out, const char *path, struct err *err)
{
    *out = (struct fsx_dir){.stream = opendir(path), .path = path};
    return out->stream ? ERR_OK : err_sys(err, "open %s", path);
}

int fsx_dir_of(struct fsx_dir *out, int fd, const char *path, struct err *err)
{
    *out = (struct fsx_dir){.stream = fdopendir(fd), .path = path};
    if (out->stream)
        return ERR_OK;
    int rc = err_sys(err, "list %s", path);
    close(fd);
    return rc;
}

int fsx_dir_next(struct fsx_dir *dir, const char **name, struct err *err)
{
    struct dirent *e;
    *name = NULL;
    do {
        errno = 0;
        if (!(e = readdir(dir->stream)))
            return errno ? err_sys(err, "read %s", dir->path) : ERR_OK;
    } while (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    *name = e->d_name;
    dir->may_be_dir = e->d_type == DT_DIR || e->d_type == DT_UNKNOWN;
    return ERR_OK;
}

void fsx_dir_close(struct fsx_dir *dir)
{
    if (dir->stream)
        closedir(dir->stream);
    dir->stream = NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int fsx_names_add(struct fsx_names *names, const char *name, struct err *err)
{
    bool full = (names->n & (names->n - 1)) == 0; /* at 0, 1, 2, 4, 8 … */
    char **more = full ? realloc(names->name, (names->n * 2 + 1) * sizeof *more) : names->name;
    if (more)
        names->name = more;
    if (!more || !(more[names->n] = strdup(name)))
        return err_nomem(err, "a list of %zu names", names->n);
    names->n++;
    return ERR_OK;
}

bool fsx_go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (slash)
        slash[slash == path] = '\0';
    else
        memcpy(path, ".", 2); /* a name has that room */
    return true;
}

int fsx_list(const char *path, struct fsx_names *out, struct err *err)
{
    struct fsx_dir dir;
    const char *name = NULL;
    *out = (struct fsx_names){NULL, 0};
    int rc = fsx_dir_open(&dir, path, err);
    while (rc == ERR_OK && (rc = fsx_dir_next(&dir, &name, err)) == ERR_OK && name) {
        if (out->n == NAMES_MAX)
            rc = err_set(err, ERR_LIMIT, "%s has more than %d entries", path, NAMES_MAX);
        else if (fsx_names_add(out, name, err) < 0)
            rc = err_nomem(err, "listing %s", path);
    }
    fsx_dir_close(&dir);
    if (rc == ERR_OK && out->n > 0)
        qsort(out->name, out->n, sizeof *out->name, by_bytes);
    return rc;
}

void fsx_names_clear(struct fsx_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct fsx_names){NULL, 0};
}

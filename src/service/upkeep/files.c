#define _DEFAULT_SOURCE /* DT_DIR */
#include "files.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, READ_BYTES = 256 * 1024 };
#define NAMES_BYTES_MAX ((size_t)512 << 20)

bool files_archived_ok(const char *path)
{
    static const char begins[] = "archive/";
    if (strncmp(path, begins, sizeof begins - 1) != 0)
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && strncmp(part, "..", 2) == 0))
            return false;
    }
    return true;
}

/* ---- the tree ---- */

struct walk {
    const char *root;
    files_fn *fn;
    void *arg;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Pointers to names, each our own. */
static int list(const char *path, struct buf *names, struct err *err)
{
    int rc = ERR_OK;
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? ERR_OK : err_sys(err, "open %s", path);
    while (rc == ERR_OK) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e && errno)
            rc = err_sys(err, "read %s", path);
        if (!e)
            break;
        if (e->d_name[0] == '.')
            continue;
        char *name = strdup(e->d_name);
        rc = name ? buf_append(names, &name, sizeof name, err)
                  : err_set(err, ERR_NOMEM, "no memory for a list of files");
        if (rc < 0)
            free(name);
    }
    closedir(d);
    if (rc == ERR_OK && names->used > 0)
        qsort(names->mem + names->start, names->used / sizeof(char *), sizeof(char *), by_text);
    return rc;
}

static int walk_dir(const struct walk *w, const char *dir, int depth, struct err *err);

static int walk_one(const struct walk *w, const char *dir, const char *name, int depth,
                    struct err *err)
{
    char *path = NULL;
    struct stat st;
    int rc = fsx_path(&path, err, "%s/%s/%s", w->root, dir, name);
    if (rc < 0)
        return rc;
    const char *relative = path + strlen(w->root) + 1;
    if (lstat(path, &st) < 0)
        rc = errno == ENOENT ? ERR_OK : err_sys(err, "look at %s", path);
    else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        rc = walk_dir(w, relative, depth + 1, err);
    else
        rc = w->fn(w->arg, relative, &st, err);
    free(path);
    return rc;
}

static int walk_dir(const struct walk *w, const char *dir, int depth, struct err *err)
{
    char *path = NULL;
    struct buf names;
    buf_init(&names, NAMES_BYTES_MAX);
    int rc = fsx_path(&path, err, "%s/%s", w->root, dir);
    if (rc == ERR_OK)
        rc = list(path, &names, err);
    for (size_t at = 0; at < names.used; at += sizeof(char *)) {
        char *name;
        memcpy(&name, buf_data(&names) + at, sizeof name);
        if (rc == ERR_OK)
            rc = walk_one(w, dir, name, depth, err);
        free(name);
    }
    buf_clear(&names);
    free(path);
    return rc;
}

int files_each(const char *root, const char *dir, files_fn *fn, void *arg, struct err *err)
{
    const struct walk w = {root, fn, arg};
    return walk_dir(&w, dir, 0, err);
}

/* ---- their bytes ---- */

static int open_file(const char *path, int *fd, struct stat *st, struct err *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        return errno == ELOOP ? err_set(err, ERR_MALFORMED, "%s is a link", path)
                              : err_sys(err, "open %s", path);
    if (fstat(*fd, st) < 0)
        return err_sys(err, "look at %s", path);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_MALFORMED, "%s is no regular file", path);
    return ERR_OK;
}

/* To `to` if that is a descriptor. */
static int read_all(int fd, const char *path, int to, struct hash *hash, files_step_fn *step,
                    void *arg, struct err *err)
{
    uint8_t *bytes = malloc(READ_BYTES);
    int rc = bytes ? ERR_OK : err_set(err, ERR_NOMEM, "no memory to read %s", path);
    while (rc == ERR_OK) {
        ssize_t n = read(fd, bytes, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(err, "read %s", path);
        if (n <= 0)
            break;
        hash_update(hash, bytes, (size_t)n);
        if (to >= 0)
            rc = fsx_write_all(to, bytes, (size_t)n, err);
        if (rc == ERR_OK && step)
            rc = step(arg, (int64_t)n, err);
    }
    free(bytes);
    return rc;
}

static int read_and_hash(const char *path, int to, struct stat *st, files_step_fn *step, void *arg,
                         char out[HASH_HEX_ROOM], struct err *err)
{
    struct hash *hash = NULL;
    uint8_t digest[HASH_BYTES];
    int fd = -1;
    int rc = open_file(path, &fd, st, err);
    if (rc == ERR_OK)
        rc = hash_new(&hash, err);
    if (rc == ERR_OK)
        rc = read_all(fd, path, to, hash, step, arg, err);
    if (rc == ERR_OK)
        rc = hash_final(hash, digest, err);
    if (rc == ERR_OK)
        hash_hex(digest, out);
    hash_free(&hash);
    if (fd >= 0)
        close(fd);
    return rc;
}

int files_hash(const char *path, files_step_fn *step, void *arg, char out[HASH_HEX_ROOM],
               struct err *err)
{
    struct stat st;
    return read_and_hash(path, -1, &st, step, arg, out, err);
}

static int end_copy(int fd, const struct stat *st, const char *tmp, const char *to, struct err *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (futimens(fd, times) < 0 || fchmod(fd, st->st_mode & 0777) < 0 || fsync(fd) < 0)
        return err_sys(err, "fsync %s", tmp);
    return rename(tmp, to) < 0 ? err_sys(err, "rename %s to %s", tmp, to) : ERR_OK;
}

int files_copy(const char *from, const char *to, files_step_fn *step, void *arg,
               char out[HASH_HEX_ROOM], struct err *err)
{
    char *tmp = NULL;
    struct stat st;
    int rc = fsx_path(&tmp, err, "%s.part", to);
    if (rc < 0)
        return rc;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    rc = fd < 0 ? err_sys(err, "create %s", tmp) : ERR_OK;
    if (rc == ERR_OK)
        rc = read_and_hash(from, fd, &st, step, arg, out, err);
    if (rc == ERR_OK)
        rc = end_copy(fd, &st, tmp, to, err);
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        unlink(tmp);
    free(tmp);
    return rc;
}

int files_delete(const char *path, struct err *err)
{
    char *dir = NULL;
    const char *slash = strrchr(path, '/');
    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
        return err_sys(err, "delete %s", path);
    int rc = fsx_path(&dir, err, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (rc == ERR_OK)
        rc = fsx_sync_dir(dir, err);
    free(dir);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* A package is read: a folder here, a zip in zip_read.c. */
#include "bag_internal.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 17 };

struct folder {
    const struct package *package;
    struct names *names;
    int64_t entries, bytes; /* so far */
    char name[BAG_READ_NAME_ROOM];
    size_t name_n;
    uint8_t chunk[CHUNK_BYTES];
};

/* ---- what is in one folder ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names, sorted; stops as soon as there are more than the package may have. */
static int list_folder(struct folder *f, DIR *dir, struct fsx_names *out, struct err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d && errno != 0)
            return err_sys(err, "list '%s' of %s", f->name, f->package->path);
        if (!d)
            break;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (++f->entries > f->package->limits.entries)
            return err_set(err, ERR_LIMIT, "%s has more than %" PRId64 " files and folders",
                           f->package->path, f->package->limits.entries);
        if (fsx_names_add(out, d->d_name, err) < 0)
            return err_nomem(err, "a folder of %zu names", out->n);
    }
    if (out->n > 0)
        qsort(out->name, out->n, sizeof *out->name, by_bytes);
    return ERR_OK;
}

/* ---- one file ---- */

static int changed(const struct folder *f, struct err *err)
{
    return err_set(err, ERR_MALFORMED, "%s: '%s' became longer or shorter while it was read",
                   f->package->path, f->name);
}

static int read_content(struct folder *f, int fd, int64_t size, struct err *err)
{
    const struct package *p = f->package;
    int64_t left = size;
    for (;;) {
        ssize_t n = read(fd, f->chunk, sizeof f->chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, "read '%s' of %s", f->name, p->path);
        if (n == 0)
            return left == 0 ? ERR_OK : changed(f, err);
        if (n > left)
            return changed(f, err);
        left -= n;
        int rc = p->fns.data(p->arg, f->chunk, (size_t)n, err);
        if (rc < 0)
            return rc;
    }
}

static const char *kind_of(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static int judge(struct folder *f, const struct stat *st, struct err *err)
{
    const struct package *p = f->package;
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_MALFORMED, "%s: '%s' is %s", p->path, f->name,
                       S_ISDIR(st->st_mode) ? "a folder now" : kind_of(st->st_mode));
    if (st->st_nlink > 1)
        return err_set(err, ERR_MALFORMED,
                       "%s: '%s' is a hard link: the file has another name too; copy it", p->path,
                       f->name);
    if (st->st_size > p->limits.bytes - f->bytes)
        return err_set(err, ERR_LIMIT, "%s has more than %" PRId64 " bytes, with '%s'", p->path,
                       p->limits.bytes, f->name);
    return ERR_OK;
}

/* What was a regular file a moment ago; it is looked at again once it is open. */
static int read_file(struct folder *f, int dir_fd, const char *part, struct err *err)
{
    const struct package *p = f->package;
    struct stat st;
    int fd = openat(dir_fd, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open '%s' of %s", f->name, p->path);
    int rc =
        fstat(fd, &st) < 0 ? err_sys(err, "stat '%s' of %s", f->name, p->path) : judge(f, &st, err);
    if (rc == ERR_OK)
        rc = p->fns.begin(p->arg, f->name, st.st_size, err);
    if (rc == ERR_OK) {
        f->bytes += st.st_size;
        rc = read_content(f, fd, st.st_size, err);
    }
    if (rc == ERR_OK)
        rc = p->fns.end(p->arg, err);
    close(fd);
    return rc;
}

/* ---- folders ---- */

static int visit(struct folder *f, int dir_fd, const char *part, struct err *err);

/* Takes fd. */
static int read_folder(struct folder *f, int fd, struct err *err)
{
    struct fsx_names list = {0};
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int rc = err_sys(err, "list '%s' of %s", f->name, f->package->path);
        close(fd);
        return rc;
    }
    int rc = list_folder(f, dir, &list, err);
    if (rc == ERR_OK && list.n == 0 && f->name_n > 0)
        rc = f->package->fns.empty(f->package->arg, f->name, err);
    for (size_t i = 0; i < list.n && rc == ERR_OK; i++)
        rc = visit(f, dirfd(dir), list.name[i], err);
    fsx_names_clear(&list);
    closedir(dir);
    return rc;
}

/* f->name is longer by `part` during the call. names_add() bounds how deep this goes. */
static int visit(struct folder *f, int dir_fd, const char *part, struct err *err)
{
    const struct package *p = f->package;
    size_t before = f->name_n;
    char shown[NAMES_SHOWN_ROOM];
    struct stat st;
    if (fstatat(dir_fd, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(err, "stat '%s' in '%s' of %s", names_shown(part, strlen(part), shown),
                       f->name, p->path);
    int n = snprintf(f->name + before, sizeof f->name - before, "%s%s", before ? "/" : "", part);
    if ((size_t)n >= sizeof f->name - before)
        return err_set(err, ERR_MALFORMED, "%s: a name in '%.200s…' is longer than %d bytes",
                       p->path, f->name, BAG_READ_NAME_ROOM - 1);
    f->name_n = before + (size_t)n;
    int rc = names_add(f->names, f->name, f->name_n, S_ISDIR(st.st_mode), err);
    if (rc < 0)
        err_wrap(err, "%s", p->path);
    else if (S_ISDIR(st.st_mode)) {
        int fd = openat(dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        rc = fd < 0 ? err_sys(err, "open '%s' of %s", f->name, f->package->path)
                    : read_folder(f, fd, err);
    } else if (S_ISREG(st.st_mode))
        rc = p->fns.want(p->arg, f->name) ? read_file(f, dir_fd, part, err) : ERR_OK;
    else
        rc = judge(f, &st, err);
    f->name_n = before;
    f->name[before] = '\0';
    return rc;
}

/* ---- either ---- */

static int no_interest(void *arg, const char *name, struct err *err)
{
    (void)arg;
    (void)name;
    (void)err;
    return ERR_OK;
}

static bool want_all(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return true;
}

int bag_read(const char *path, const struct bag_limits *limits, const struct bag_reader *fns,
             void *arg, struct err *err)
{
    struct package p = {.path = path, .fns = *fns, .arg = arg};
    struct stat st;
    int rc;
    p.limits.entries = limits && limits->entries ? limits->entries : BAG_ENTRIES_DEFAULT;
    p.limits.bytes = limits && limits->bytes ? limits->bytes : BAG_BYTES_DEFAULT;
    if (!p.fns.top)
        p.fns.top = no_interest;
    if (!p.fns.want)
        p.fns.want = want_all;
    if (!p.fns.empty)
        p.fns.empty = no_interest;
    /* O_NONBLOCK: a pipe must not hold us up. */
    p.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p.fd < 0)
        return err_sys(err, "open %s", path);
    if (fstat(p.fd, &st) < 0)
        rc = err_sys(err, "stat %s", path);
    else if (S_ISDIR(st.st_mode)) {
        struct folder *f = calloc(1, sizeof *f);
        if (!f)
            rc = err_nomem(err, "reading %s", p.path);
        else {
            f->package = &p;
            int fd = -1;
            rc = names_new(&f->names, err);
            if (rc == ERR_OK && (fd = openat(p.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                rc = err_sys(err, "open %s", p.path);
            if (rc == ERR_OK)
                rc = p.fns.top(p.arg, "", err);
            if (rc == ERR_OK)
                rc = read_folder(f, fd, err);
            else if (fd >= 0)
                close(fd);
            names_free(&f->names);
            free(f);
        }
    } else if (S_ISREG(st.st_mode))
        rc = zip_read(&p, err);
    else
        rc = err_set(err, ERR_MALFORMED, "%s is neither a folder nor a file", path);
    close(p.fd);
    return rc;
}

/* ---- a few files ---- */

struct few {
    struct bag_text *texts, *now;
    size_t n;
};

static struct bag_text *find_text(const struct few *few, const char *name)
{
    for (size_t i = 0; i < few->n; i++)
        if (strcmp(few->texts[i].name, name) == 0)
            return &few->texts[i];
    return NULL;
}

static bool text_wanted(void *arg, const char *name)
{
    return find_text(arg, name) != NULL;
}

static int text_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct few *few = arg;
    (void)size;
    (void)err;
    few->now = find_text(few, name);
    return ERR_OK;
}

static int text_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct few *few = arg;
    int rc = buf_append(&few->now->text, data, n, err);
    return rc < 0 ? err_wrap(err, "%s", few->now->name) : rc;
}

static int text_end(void *arg, struct err *err)
{
    struct few *few = arg;
    (void)err;
    few->now->have = true;
    return ERR_OK;
}

int bag_read_texts(const char *path, struct bag_text *texts, size_t n, struct err *err)
{
    static const struct bag_reader reader = {
        .begin = text_begin, .data = text_data, .end = text_end, .want = text_wanted};
    struct few few = {.texts = texts, .n = n};
    for (size_t i = 0; i < n; i++)
        texts[i].have = false;
    return bag_read(path, NULL, &reader, &few, err);
}

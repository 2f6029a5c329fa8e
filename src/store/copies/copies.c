#include "dashspool/copies.h"
#include "copies_internal.h"
#include "dashspool/clock.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/root.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE "archive"

enum { DEPTH_MAX = 16 };

/* ---- names ---- */

static int dir_of(const char *root, const struct catalogue_transfer *t, char **out, struct err *err)
{
    bool known = t->known & CATALOGUE_TIME_OK;
    struct clock_civil c = clock_civil_from_utc(known ? t->time_us : t->arrived_us, 0);
    return fsx_path(out, err, "%s/" ARCHIVE "/%s/%04d-%02d-%02d", root, t->imei, c.year, c.month,
                    c.day);
}

int copies_dir(const char *root, const struct catalogue_transfer *t, char **out, struct err *err)
{
    int rc = dir_of(root, t, out, err);
    return rc < 0 ? rc : fsx_mkdirs(*out, err);
}

int copies_path(char **out, const char *root, const char *path, struct err *err)
{
    *out = NULL;
    if (strncmp(path, ARCHIVE "/", sizeof ARCHIVE) != 0 || !fsx_path_is_inside(path))
        return err_set(err, ERR_MALFORMED, "'%.200s' is no place for a copy", path);
    return fsx_path(out, err, "%s/%s", root, path);
}

bool copies_parse_name(const char *path, char id[CATALOGUE_ID_ROOM], const char **kind)
{
    static const char partial[] = "partial.", beside[] = COPY_BESIDE ".";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strcspn(name, ".");
    if (!name[n] || n >= CATALOGUE_ID_ROOM)
        return false;
    snprintf(id, CATALOGUE_ID_ROOM, "%.*s", (int)n, name);
    const char *rest = name + n + 1;
    if (strncmp(rest, partial, sizeof partial - 1) == 0)
        rest += sizeof partial - 1;
    else if (strncmp(rest, beside + 1, sizeof beside - 2) == 0)
        rest += sizeof beside - 2;
    unsigned known = copy_kind_of_suffix(rest);
    *kind = copy_kind_name((enum copy_kind)known);
    return known != 0;
}

/* ---- the tree ---- */

struct walk {
    const char *root;
    copies_fn *fn;
    void *arg;
};

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
    struct fsx_names names = {NULL, 0};
    int rc = fsx_path(&path, err, "%s/%s", w->root, dir);
    if (rc == ERR_OK)
        rc = fsx_list(path, &names, err);
    if (rc == ERR_NOTFOUND && err->sys_errno == ENOENT)
        rc = ERR_OK; /* or it was removed meanwhile */
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        if (names.name[i][0] != '.' && (depth > 0 || !root_is_mark(names.name[i])))
            rc = walk_one(w, dir, names.name[i], depth, err);
    fsx_names_clear(&names);
    free(path);
    return rc;
}

int copies_each(const char *root, copies_fn *fn, void *arg, struct err *err)
{
    const struct walk w = {root, fn, arg};
    return walk_dir(&w, ARCHIVE, 0, err);
}

/* ---- their bytes ---- */

int copies_open_file(const char *file, int *fd, struct stat *st, struct err *err)
{
    int rc = ERR_OK;
    *fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        rc = errno == ELOOP ? err_set(err, ERR_MALFORMED, "%s is a link", file)
                            : err_sys(err, "open %s", file);
    else if (fstat(*fd, st) < 0)
        rc = err_sys(err, "look at %s", file);
    else if (!S_ISREG(st->st_mode))
        rc = err_set(err, ERR_MALFORMED, "%s is not a regular file", file);
    if (rc < 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

struct reading {
    struct hash *hash;
    int to;
    copies_step_fn *step;
    void *arg;
};

/* Through the hash, and to `to` if that is a descriptor. */
static int take_piece(void *arg, const void *data, size_t n, struct err *err)
{
    const struct reading *r = arg;
    hash_update(r->hash, data, n);
    int rc = r->to >= 0 ? fsx_write_all(r->to, data, n, err) : ERR_OK;
    return rc == ERR_OK && r->step ? r->step(r->arg, (int64_t)n, err) : rc;
}

static int read_and_hash(const char *root, const char *path, int to, struct stat *st,
                         copies_step_fn *step, void *arg, char out[HASH_HEX_ROOM], struct err *err)
{
    struct reading r = {NULL, to, step, arg};
    uint8_t digest[HASH_BYTES];
    char *file = NULL;
    int fd = -1;
    int rc = copies_path(&file, root, path, err);
    if (rc == ERR_OK)
        rc = copies_open_file(file, &fd, st, err);
    if (rc == ERR_OK && (rc = hash_new(&r.hash, err)) == ERR_OK &&
        (rc = fsx_read_pieces(fd, path, take_piece, &r, err)) == ERR_OK)
        rc = hash_final(r.hash, digest, err);
    if (rc == ERR_OK)
        hash_hex(digest, out);
    hash_free(&r.hash);
    free(file);
    if (fd >= 0)
        close(fd);
    return rc;
}

int copies_hash_file(const char *root, const char *path, copies_step_fn *step, void *arg,
                     char out[HASH_HEX_ROOM], struct err *err)
{
    struct stat st;
    return read_and_hash(root, path, -1, &st, step, arg, out, err);
}

int copies_duplicate(const char *root, const char *path, const char *to_root, copies_step_fn *step,
                     void *arg, char out[HASH_HEX_ROOM], struct err *err)
{
    char *to = NULL, *part = NULL;
    struct stat st;
    int fd = -1, rc = copies_path(&to, to_root, path, err);
    if (rc == ERR_OK)
        rc = fsx_path(&part, err, "%.*s", (int)(strrchr(to, '/') - to), to);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(part, err);
    free(part);
    part = NULL;
    if (rc == ERR_OK)
        rc = fsx_path(&part, err, "%s.part", to);
    if (rc == ERR_OK &&
        (fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)) < 0)
        rc = err_sys(err, "create %s", part);
    if (rc == ERR_OK)
        rc = read_and_hash(root, path, fd, &st, step, arg, out, err);
    if (rc == ERR_OK) {
        /* With the times of the original, and the name that is its own only now. */
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        if (futimens(fd, times) < 0 || fchmod(fd, st.st_mode & 0777) < 0 || fsync(fd) < 0)
            rc = err_sys(err, "fsync %s", part);
        else
            rc = fsx_rename(part, to, err);
    }
    if (fd >= 0)
        close(fd);
    if (rc < 0 && fd >= 0)
        unlink(part);
    free(part);
    free(to);
    return rc;
}

int copies_delete_file(const char *root, const char *path, struct err *err)
{
    char *file = NULL;
    int rc = copies_path(&file, root, path, err);
    if (rc == ERR_OK && unlink(file) < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "delete %s", file);
    if (rc == ERR_OK) {
        *strrchr(file, '/') = '\0';
        rc = fsx_sync_dir(file, err);
        rc = rc == ERR_NOTFOUND ? ERR_OK : rc;
    }
    free(file);
    return rc;
}

static int delete_if_of(const char *dir, const char *name, const char *id, struct err *err)
{
    char of[CATALOGUE_ID_ROOM], *path = NULL;
    const char *kind;
    if (!copies_parse_name(name, of, &kind) || strcmp(of, id) != 0)
        return ERR_OK;
    int rc = fsx_path(&path, err, "%s/%s", dir, name);
    if (rc == ERR_OK && unlink(path) < 0 && errno != ENOENT)
        rc = err_sys(err, "delete %s", path);
    free(path);
    return rc;
}

int copies_delete_rest(const char *root, const struct catalogue_transfer *t, const char *stage,
                       struct err *err)
{
    char *dir = NULL;
    struct fsx_names names = {NULL, 0};
    int rc = dir_of(root, t, &dir, err);
    if (rc == ERR_OK)
        rc = fsx_list(dir, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        rc = delete_if_of(dir, names.name[i], t->id, err);
    if (rc == ERR_OK) {
        workdir_sweep(dir, stage);
        rc = fsx_sync_dir(dir, err);
    }
    fsx_names_clear(&names);
    free(dir);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

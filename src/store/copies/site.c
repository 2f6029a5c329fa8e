/*
 * Copies of a site: objects. The name is part of the key, so that two copies of the same bytes are
 * two objects: one may be deleted without the other.
 */
#include "copies_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/objects.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_FOR_S = 3600 };
#define KEPT_BYTES_MAX (INT64_C(2) << 30)

static const char *name_of(const struct catalogue_copy *copy)
{
    const char *slash = strrchr(copy->path, '/');
    return slash ? slash + 1 : copy->path;
}

static int key_of(const struct catalogue_copy *copy, char out[OBJECTS_KEY_ROOM], struct err *err)
{
    char name[300];
    char *unimportant = NULL;
    int rc = copies_path(&unimportant, "", copy->path, err);
    free(unimportant);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "/%s", name_of(copy));
    for (char *p = name + 1; *p; p++)
        *p = isalnum((unsigned char)*p) || *p == '.' || *p == '-' ? (char)tolower((unsigned char)*p)
                                                                  : '_';
    return objects_key(out, "copies", copy->sha256, name, err);
}

static int publish(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    struct objects *o = NULL;
    char key[OBJECTS_KEY_ROOM], *file = NULL;
    struct stat st;
    int fd = -1, rc = key_of(copy, key, err);
    if (rc == ERR_OK)
        rc = copies_path(&file, root, copy->path, err);
    if (rc == ERR_OK)
        rc = objects_take(&o, err);
    if (rc == ERR_OK)
        rc = copies_open_file(file, &fd, &st, err);
    if (rc == ERR_OK) {
        const struct objects_put put = {.key = key,
                                        .fd = fd,
                                        .n = copy->length_bytes,
                                        .sha256 = copy->sha256,
                                        .by_content = true};
        rc = objects_put(o, &put, err);
    } else if (rc == ERR_NOTFOUND && o) { /* it was published, and then we were killed */
        struct objects_facts facts;
        struct err why;
        if (objects_head(o, key, &facts, &why) == ERR_OK && facts.bytes == copy->length_bytes)
            rc = ERR_OK;
    }
    if (rc == ERR_OK && fd >= 0)
        rc = copies_delete_file(root, copy->path, err);
    if (fd >= 0)
        close(fd);
    objects_give(&o);
    free(file);
    return rc;
}

/* ---- what was fetched ---- */

static int fetched_dir(char **out, const char *root, const struct catalogue_copy *copy,
                       struct err *err)
{
    return fsx_path(out, err, "%s/" COPIES_FETCHED "/%lld-%s-%s", root,
                    (long long)copy->length_bytes, copy->sha256, name_of(copy));
}

struct fetched {
    char *path;
    int64_t used_us, bytes;
};

static int by_use(const void *a, const void *b)
{
    const struct fetched *x = a, *y = b;
    return (x->used_us > y->used_us) - (x->used_us < y->used_us);
}

/* What nobody has looked at for longest goes, while it is more than we keep; what cannot be removed
 * now is the next one's. */
static void sweep_fetched(const char *dir)
{
    struct err unimportant;
    struct fsx_names names = {NULL, 0};
    struct fetched *all = NULL;
    int64_t bytes = 0, now_us = clock_utc_us();
    size_t n = 0;
    if (fsx_list(dir, &names, &unimportant) == ERR_OK)
        all = calloc(names.n + 1, sizeof *all);
    for (size_t i = 0; all && i < names.n; i++) {
        struct stat st;
        if (fsx_path(&all[n].path, &unimportant, "%s/%s", dir, names.name[i]) < 0 ||
            stat(all[n].path, &st) < 0) {
            free(all[n].path);
            continue;
        }
        all[n].used_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
        all[n].bytes = strtoll(names.name[i], NULL, 10);
        bytes += all[n++].bytes;
    }
    if (n > 0)
        qsort(all, n, sizeof *all, by_use);
    for (size_t i = 0; i < n; i++) {
        if (bytes > KEPT_BYTES_MAX && all[i].used_us < now_us - KEPT_FOR_S * INT64_C(1000000) &&
            fsx_remove_tree(all[i].path, &unimportant) == ERR_OK)
            bytes -= all[i].bytes;
        free(all[i].path);
    }
    free(all);
    fsx_names_clear(&names);
}

/* Into a directory that gets its name when it is whole. */
static int fetch(const char *root, const char *dir, const struct catalogue_copy *copy,
                 struct err *err)
{
    struct objects *o = NULL;
    struct workdir work = WORKDIR_NONE;
    char key[OBJECTS_KEY_ROOM], *parent = NULL, *file = NULL;
    int fd = -1, rc = key_of(copy, key, err);
    if (rc == ERR_OK)
        rc = fsx_path(&parent, err, "%s/" COPIES_FETCHED, root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(parent, err);
    if (rc == ERR_OK)
        sweep_fetched(parent);
    if (rc == ERR_OK)
        rc = workdir_open(&work, parent, "fetched.part-", err);
    if (rc == ERR_OK)
        rc = fsx_path(&file, err, "%s/%s", work.path, name_of(copy));
    if (rc == ERR_OK && (fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "create %s", file);
    if (rc == ERR_OK)
        rc = objects_take(&o, err);
    if (rc == ERR_OK)
        rc = objects_get_file(o, key, fd, copy->sha256, err);
    if (rc == ERR_OK && rename(work.path, dir) < 0 && access(dir, F_OK) < 0)
        rc = err_sys(err, "rename to %s", dir); /* else somebody else was quicker */
    objects_give(&o);
    if (fd >= 0)
        close(fd);
    free(file);
    workdir_close(&work);
    free(parent);
    return rc;
}

static int file_of(char **out, const char *root, const struct catalogue_copy *copy, struct err *err)
{
    char key[OBJECTS_KEY_ROOM], *dir = NULL;
    struct stat st;
    int rc = key_of(copy, key, err); /* so that hash and name are fit for a path */
    if (rc == ERR_OK)
        rc = fetched_dir(&dir, root, copy, err);
    if (rc == ERR_OK)
        rc = fsx_path(out, err, "%s/%s", dir, name_of(copy));
    if (rc == ERR_OK &&
        (lstat(*out, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != copy->length_bytes)) {
        rc = fsx_remove_tree(dir, err);
        if (rc == ERR_OK)
            rc = fetch(root, dir, copy, err);
    } else if (rc == ERR_OK) {
        utimensat(AT_FDCWD, dir, NULL, 0); /* it is of use; what of it if that fails */
    }
    if (rc < 0) {
        free(*out);
        *out = NULL;
    }
    free(dir);
    return rc;
}

/* ---- looked at, and deleted ---- */

static int look(const char *root, const struct catalogue_copy *copy, int64_t *bytes,
                struct err *err)
{
    struct objects *o = NULL;
    struct objects_facts facts = {0};
    char key[OBJECTS_KEY_ROOM];
    (void)root;
    int rc = key_of(copy, key, err);
    if (rc == ERR_OK)
        rc = objects_take(&o, err);
    if (rc == ERR_OK)
        rc = objects_head(o, key, &facts, err);
    objects_give(&o);
    *bytes = facts.bytes;
    return rc;
}

struct hashing {
    struct hash *hash;
    copies_step_fn *step;
    void *arg;
};

static int hash_piece(void *arg, const void *data, size_t n, struct err *err)
{
    const struct hashing *h = arg;
    hash_update(h->hash, data, n);
    return h->step ? h->step(h->arg, (int64_t)n, err) : ERR_OK;
}

static int hash_of(const char *root, const struct catalogue_copy *copy, copies_step_fn *step,
                   void *arg, char out[HASH_HEX_ROOM], struct err *err)
{
    struct objects *o = NULL;
    struct hashing h = {NULL, step, arg};
    uint8_t digest[HASH_BYTES];
    char key[OBJECTS_KEY_ROOM];
    (void)root;
    int rc = key_of(copy, key, err);
    if (rc == ERR_OK)
        rc = objects_take(&o, err);
    if (rc == ERR_OK)
        rc = hash_new(&h.hash, err);
    if (rc == ERR_OK)
        rc = objects_get(o, key, 0, -1, hash_piece, &h, err);
    if (rc == ERR_OK)
        rc = hash_final(h.hash, digest, err);
    if (rc == ERR_OK)
        hash_hex(digest, out);
    hash_free(&h.hash);
    objects_give(&o);
    return rc;
}

/* Also what was fetched of it, and what was made and not published. */
static int delete_of(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    struct objects *o = NULL;
    char key[OBJECTS_KEY_ROOM], *dir = NULL;
    int rc = key_of(copy, key, err);
    if (rc == ERR_OK)
        rc = objects_take(&o, err);
    if (rc == ERR_OK)
        rc = objects_delete(o, key, err);
    objects_give(&o);
    if (rc == ERR_OK)
        rc = fetched_dir(&dir, root, copy, err);
    if (rc == ERR_OK)
        rc = fsx_remove_tree(dir, err);
    free(dir);
    return rc;
}

const struct copies_engine copies_of_site = {
    .publish = publish,
    .replaced = delete_of,
    .file = file_of,
    .look = look,
    .hash = hash_of,
    .delete = delete_of,
};

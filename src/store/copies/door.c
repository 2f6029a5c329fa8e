/* A copy, wherever copies are: of a machine alone in its archive. */
#include "copies_internal.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- in the archive ---- */

/* It is there: convert made it so. */
static int nothing_to_do(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    (void)root, (void)copy, (void)err;
    return ERR_OK;
}

static int file_there(char **out, const char *root, const struct catalogue_copy *copy,
                      struct err *err)
{
    return copies_path(out, root, copy->path, err);
}

static int look_there(const char *root, const struct catalogue_copy *copy, int64_t *bytes,
                      struct err *err)
{
    char *path = NULL;
    struct stat st;
    int rc = copies_path(&path, root, copy->path, err);
    if (rc == ERR_OK && lstat(path, &st) < 0)
        rc = errno == ENOTDIR ? err_set(err, ERR_NOTFOUND, "%s: missing", path)
                              : err_sys(err, "look at %s", path);
    else if (rc == ERR_OK && !S_ISREG(st.st_mode))
        rc = err_set(err, ERR_MALFORMED, "not a regular file");
    if (rc == ERR_OK)
        *bytes = st.st_size;
    free(path);
    return rc;
}

static int hash_there(const char *root, const struct catalogue_copy *copy, copies_step_fn *step,
                      void *arg, char out[HASH_HEX_ROOM], struct err *err)
{
    return copies_hash_file(root, copy->path, step, arg, out, err);
}

static int delete_there(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    return copies_delete_file(root, copy->path, err);
}

static const struct copies_engine of_archive = {
    .publish = nothing_to_do,
    .replaced = nothing_to_do,
    .file = file_there,
    .look = look_there,
    .hash = hash_there,
    .delete = delete_there,
};

/* ---- the door ---- */

static const struct copies_engine *engine(void)
{
    return site_used() ? &copies_of_site : &of_archive;
}

int copies_publish(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    return engine()->publish(root, copy, err);
}

int copies_replaced(const char *root, const struct catalogue_copy *earlier, struct err *err)
{
    return engine()->replaced(root, earlier, err);
}

int copies_file(char **out, const char *root, const struct catalogue_copy *copy, struct err *err)
{
    *out = NULL;
    return engine()->file(out, root, copy, err);
}

int copies_open(const char *root, const struct catalogue_copy *copy, int *fd, struct stat *st,
                struct err *err)
{
    char *path = NULL;
    *fd = -1;
    int rc = copies_file(&path, root, copy, err);
    if (rc == ERR_OK)
        rc = copies_open_file(path, fd, st, err);
    free(path);
    return rc;
}

int copies_look(const char *root, const struct catalogue_copy *copy, int64_t *bytes,
                struct err *err)
{
    return engine()->look(root, copy, bytes, err);
}

int copies_hash(const char *root, const struct catalogue_copy *copy, copies_step_fn *step,
                void *arg, char out[HASH_HEX_ROOM], struct err *err)
{
    return engine()->hash(root, copy, step, arg, out, err);
}

int copies_delete(const char *root, const struct catalogue_copy *copy, struct err *err)
{
    return engine()->delete (root, copy, err);
}

#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever wrote the stage is not trusted: only a plain file with one name counts. */
static int describe(const char *path, struct convert_output *o, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct stat st;
    int rc = ERR_OK, fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    if (fstat(fd, &st) < 0)
        rc = err_sys(err, "%s", path);
    else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size == 0)
        rc = err_set(err, ERR_IO, "%s is not the file that was to be made", path);
    else if (fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", path);
    close(fd);
    if (rc == ERR_OK)
        rc = hash_file(path, digest, err);
    if (rc < 0)
        return rc;
    o->length_bytes = st.st_size;
    hash_hex(digest, o->sha256);
    return ERR_OK;
}

static int give_name(const char *from, const char *to, bool overwrite, struct err *err)
{
    if (!overwrite)
        return fsx_rename_new(from, to, err);
    return rename(from, to) < 0 ? err_sys(err, "rename to %s", to) : ERR_OK;
}

int convert_publish(const struct workdir *stage, const char *out_dir, bool overwrite,
                    struct convert_result *result, struct err *err)
{
    char *from[CONVERT_OUTPUTS_MAX] = {NULL};
    int rc = ERR_OK, visible = 0;
    for (int i = 0; rc == ERR_OK && i < result->n_outputs; i++) {
        struct convert_output *o = &result->output[i];
        rc = fsx_path(&from[i], err, "%s%s", stage->path, strrchr(o->path, '/'));
        if (rc == ERR_OK)
            rc = describe(from[i], o, err);
    }
    for (; rc == ERR_OK && visible < result->n_outputs; visible += rc == ERR_OK)
        rc = give_name(from[visible], result->output[visible].path, overwrite, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(out_dir, err);
    for (int i = 0; rc < 0 && i < visible; i++)
        unlink(result->output[i].path);
    for (int i = 0; i < result->n_outputs; i++)
        free(from[i]);
    return rc;
}

/* What became of jobs: ROOT/<stage>s/<job>.json, a file each. */
#include "dashspool/fsx.h"
#include "dir.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(char **out, const char *root, const char *stage, const char *job,
                   struct err *err)
{
    return fsx_path(out, err, "%s/%ss/%s.json", root, stage, job);
}

int dir_word_put(const char *root, const char *stage, const char *job, const char *text, size_t n,
                 struct err *err)
{
    char *dir = NULL, *path = NULL;
    int rc = fsx_path(&dir, err, "%s/%ss", root, stage);
    if (rc == ERR_OK && (rc = path_of(&path, root, stage, job, err)) == ERR_OK &&
        (rc = fsx_mkdirs(dir, err)) == ERR_OK)
        rc = fsx_write_file(path, text, n, err);
    free(dir);
    free(path);
    return rc;
}

int dir_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                 struct err *err)
{
    char *path = NULL;
    int rc = path_of(&path, root, stage, job, err);
    if (rc == ERR_OK)
        rc = fsx_read_file(path, out, err);
    free(path);
    return rc;
}

int dir_word_sweep(const char *root, const char *stage, int64_t before_us, struct err *err)
{
    static const char end[] = ".json";
    struct fsx_dir dir;
    const char *name = NULL;
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/%ss", root, stage);
    if (rc < 0)
        return rc;
    rc = fsx_dir_open(&dir, path, err);
    while (rc == ERR_OK && (rc = fsx_dir_next(&dir, &name, err)) == ERR_OK && name) {
        struct stat st;
        size_t n = strlen(name);
        if (n > strlen(end) && strcmp(name + n - strlen(end), end) == 0 &&
            fstatat(dirfd(dir.stream), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (int64_t)st.st_mtim.tv_sec * 1000000 < before_us)
            (void)unlinkat(dirfd(dir.stream), name, 0);
    }
    fsx_dir_close(&dir);
    free(path);
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* nothing was done yet */
}

#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "worker.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct extract {
    int fd;
    struct hash *hash;
};

static int extract_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct extract *x = arg;
    hash_update(x->hash, data, n);
    return fsx_write_all(x->fd, data, n, err);
}

static int compare(struct hash *hash, const struct catalogue_transfer *t, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    int rc = hash_final(hash, digest, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, hex);
    if (strcmp(hex, t->sha256) == 0)
        return ERR_OK;
    return err_set(err, ERR_MALFORMED,
                   "master of %s in raw/%s.db has SHA-256 %s, but %s was received; restore that "
                   "file from a back-up",
                   t->id, t->day, hex, t->sha256);
}

int master_extract(struct worker *w, const struct work *work, char **path, struct err *err)
{
    const struct catalogue_transfer *t = &work->transfer;
    struct extract x = {.fd = -1};
    int rc = fsx_path(path, err, "%s/master.%s", spool_job_dir(work->job),
                      strcmp(t->kind, "photo") == 0 ? "jpg" : "h265");
    if (rc < 0)
        return rc;
    x.fd = open(*path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (x.fd < 0)
        return err_sys(err, "create %s", *path);
    rc = hash_new(&x.hash, err);
    if (rc == ERR_OK)
        rc = raw_copy(w->raw, t->day, t->key, extract_chunk, &x, err);
    if (rc == ERR_OK)
        rc = compare(x.hash, t, err);
    hash_free(&x.hash);
    if (close(x.fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", *path);
    return rc;
}

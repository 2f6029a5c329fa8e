#include "dashspool/master.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
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

int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path, struct err *err)
{
    struct extract x = {.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    if (x.fd < 0)
        return err_sys(err, "create %s", path);
    int rc = hash_new(&x.hash, err);
    if (rc == ERR_OK && (rc = raw_copy(raw, t->day, t->key, extract_chunk, &x, err)) == ERR_OK)
        rc = hash_final(x.hash, digest, err);
    if (rc == ERR_OK) {
        hash_hex(digest, hex);
        if (t->state == CATALOGUE_PARTIAL)
            memcpy(t->sha256, hex, sizeof hex);
        else if (strcmp(hex, t->sha256) != 0)
            rc = err_set(err, ERR_MALFORMED,
                         "original of %s in raw/%s.db: checksum mismatch: SHA-256 is %s, received "
                         "as %s; restore that file from a backup",
                         t->id, t->day, hex, t->sha256);
    }
    hash_free(&x.hash);
    if (close(x.fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

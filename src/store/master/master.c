#include "dashspool/master.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct raw_facts master_facts(const struct catalogue_transfer *row)
{
    const struct catalogue_wire *w = &row->wire;
    return (struct raw_facts){.id = row->id,
                              .imei = row->imei,
                              .camera = row->camera,
                              .kind = row->kind,
                              .source = row->source,
                              .arrived_us = row->arrived_us,
                              .length_bytes = row->length_bytes,
                              .init = w->init,
                              .init_bytes = w->init_n,
                              .meta = w->meta,
                              .meta_bytes = w->meta_n,
                              .start = w->start,
                              .start_bytes = w->start_n,
                              .path = w->path,
                              .path_bytes = w->path_n};
}

/* A camera that resumes may say more than at first (its position), but of the same file. */
static int compare_metadata(void *arg, const struct raw_master *m, struct err *err)
{
    const struct catalogue_transfer *t = arg;
    const struct raw_facts *f = &m->facts;
    struct catalogue_transfer said = {.arrived_us = f->arrived_us};
    bool same = f->meta_bytes == t->wire.meta_n &&
                (t->wire.meta_n == 0 || memcmp(f->meta, t->wire.meta, t->wire.meta_n) == 0);
    if (!m->owned || m->flaw || same)
        return ERR_OK;
    if (f->meta_bytes <= sizeof said.wire.meta) {
        said.wire.meta_n = f->meta_bytes;
        if (f->meta_bytes > 0)
            memcpy(said.wire.meta, f->meta, f->meta_bytes);
        same = facts_decode(&said) && said.time_us == t->time_us && said.length_s == t->length_s;
    }
    return same ? ERR_OK
                : err_set(err, ERR_MALFORMED,
                          "the metadata of its original in raw/%s.db are not its own", t->day);
}

int master_check_whose(struct raw *raw, const struct catalogue_transfer *t, struct err *err)
{
    const struct raw_facts whose = master_facts(t);
    struct catalogue_transfer copy = *t; /* raw_one() is for who may write to it */
    int rc = raw_check_whose(raw, t->day, t->key, &whose, err);
    if (rc == ERR_OK)
        rc = raw_one(raw, t->day, t->key, compare_metadata, &copy, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

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

int master_write(struct raw *raw, const struct catalogue_transfer *t, int fd,
                 char sha256[HASH_HEX_ROOM], struct err *err)
{
    struct extract x = {.fd = fd};
    uint8_t digest[HASH_BYTES];
    int rc = hash_new(&x.hash, err);
    if (rc == ERR_OK && (rc = raw_copy(raw, t->day, t->key, extract_chunk, &x, err)) == ERR_OK)
        rc = hash_final(x.hash, digest, err);
    hash_free(&x.hash);
    if (rc < 0)
        return rc;
    hash_hex(digest, sha256);
    if (t->state == CATALOGUE_PARTIAL || strcmp(sha256, t->sha256) == 0)
        return rc;
    return err_set(err, ERR_MALFORMED,
                   "original of %s in raw/%s.db: checksum mismatch: SHA-256 is %s, received as %s; "
                   "restore that file from a backup",
                   t->id, t->day, sha256, t->sha256);
}

int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    char hex[HASH_HEX_ROOM];
    if (fd < 0)
        return err_sys(err, "create %s", path);
    int rc = t->state == CATALOGUE_STORED ? ERR_OK : master_check_whose(raw, t, err);
    if (rc == ERR_OK || rc == ERR_UNSUPPORTED)
        rc = master_write(raw, t, fd, hex, err);
    if (rc == ERR_OK && t->state == CATALOGUE_PARTIAL)
        memcpy(t->sha256, hex, sizeof hex);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

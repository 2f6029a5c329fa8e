#include "zip_directory.h"
#include "dashspool/reader.h"
#include "zip_format.h"
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

int zip_read_at(const struct package *p, uint64_t at, void *data, size_t n, struct err *err)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = pread(p->fd, (uint8_t *)data + got, n - got, (off_t)(at + got));
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return err_sys(err, "read %s", p->path);
        if (more == 0)
            return err_set(err, ERR_MALFORMED, "%s ends at byte %" PRIu64 ": it was cut off",
                           p->path, at + got);
        got += (size_t)more;
    }
    return ERR_OK;
}

/* 4.3.14, 4.3.15: right before the end record, where there are any. */
static int read_end_64(struct zip_directory *d, const struct package *p, uint64_t *tail,
                       struct err *err)
{
    uint8_t bytes[ZIP_END64_BYTES + ZIP_END64_AT_BYTES];
    if (*tail < sizeof bytes)
        return ERR_OK;
    int rc = zip_read_at(p, *tail - sizeof bytes, bytes, sizeof bytes, err);
    if (rc < 0)
        return rc;
    struct rd r = rd_init(bytes + ZIP_END64_BYTES, ZIP_END64_AT_BYTES);
    if (rd_le32(&r) != ZIP_END64_AT)
        return ERR_OK;
    *tail -= sizeof bytes;
    bool good = rd_le32(&r) == 0 && rd_le64(&r) == *tail && rd_le32(&r) == 1;
    r = rd_init(bytes, ZIP_END64_BYTES);
    good = good && rd_le32(&r) == ZIP_END64 && rd_le64(&r) == ZIP_END64_BYTES - 12;
    rd_bytes(&r, 4); /* versions */
    good = good && rd_le64(&r) == 0;
    uint64_t here = rd_le64(&r), entries = rd_le64(&r), size = rd_le64(&r), at = rd_le64(&r);
    good = good && here == entries && (d->entries == entries || d->entries == ZIP_MAX16) &&
           (d->bytes == size || d->bytes == ZIP_MAX32) && (d->at == at || d->at == ZIP_MAX32);
    if (!good)
        return err_set(err, ERR_MALFORMED, "%s: its Zip64 end record is wrong", p->path);
    d->entries = entries;
    d->bytes = size;
    d->at = at;
    return ERR_OK;
}

int zip_directory_find(struct zip_directory *d, const struct package *p, uint64_t file_bytes,
                       struct err *err)
{
    uint8_t bytes[ZIP_END_BYTES] = {0};
    uint64_t tail = file_bytes < sizeof bytes ? 0 : file_bytes - sizeof bytes;
    int rc = zip_read_at(p, tail, bytes, sizeof bytes, err);
    if (rc < 0)
        return rc;
    struct rd r = rd_init(bytes, sizeof bytes);
    if (rd_le32(&r) != ZIP_END)
        return err_set(err, ERR_MALFORMED,
                       "%s is not a zip file, is truncated, or has data after its end", p->path);
    if (rd_le32(&r) != 0)
        return err_set(err, ERR_UNSUPPORTED, "%s is one part of a zip in several", p->path);
    uint16_t here = rd_le16(&r);
    d->entries = rd_le16(&r);
    d->bytes = rd_le32(&r);
    d->at = rd_le32(&r);
    if (here != d->entries || rd_le16(&r) != 0)
        return err_set(err, ERR_MALFORMED, "%s: its end record is wrong", p->path);
    rc = read_end_64(d, p, &tail, err);
    if (rc < 0)
        return rc;
    if (d->at > tail || d->bytes != tail - d->at)
        return err_set(err, ERR_MALFORMED,
                       "%s: its directory is not where its end record says (something was put "
                       "before it, or cut out)",
                       p->path);
    if (d->entries > (uint64_t)p->limits.entries)
        return err_set(err, ERR_LIMIT, "%s has %" PRIu64 " entries, more than %" PRId64, p->path,
                       d->entries, p->limits.entries);
    return ERR_OK;
}

#include "bag_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Sizes and CRC-32 stand before the content: behind it, readers would have to trust the directory.
 */

enum {
    DIRECTORY_BYTES_MAX = 256 << 20, /* a million entries */
    /* 4.4.2: made on UNIX, by version 4.5 (it may have Zip64). */
    MADE_BY = 3 << 8 | 45,
    NEEDS = 20,
    NEEDS_64 = 45,
    CRC_AT = 14, /* in the local header */
};

struct entry {
    char name[BAG_READ_NAME_ROOM];
    uint64_t size, at; /* at: of its local header */
    uint64_t written;
    uint32_t crc;
};

struct zip {
    int fd;
    char *path;
    uint64_t at;          /* bytes written */
    uint16_t date, clock; /* 4.4.6 */
    uint64_t entries;
    struct buf directory;
    struct names *names;
    struct entry now;
    bool open; /* an entry has begun and is not ended */
    bool bad;  /* something failed, or it is finished */
};

/* ---- little-endian fields in a small buffer that is large enough by construction ---- */

struct out {
    uint8_t bytes[128];
    size_t n;
};

static void put(struct out *o, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        o->bytes[o->n++] = (uint8_t)(v >> 8 * i);
}

static uint64_t at_most(uint64_t v, uint64_t max)
{
    return v < max ? v : max;
}

/* ---- the file ---- */

int zip_new(struct zip **out, const char *path, int64_t at_us, struct err *err)
{
    struct zip *z = calloc(1, sizeof *z);
    *out = NULL;
    if (!z)
        return err_nomem(err, "writing %s", path);
    z->fd = -1;
    buf_init(&z->directory, DIRECTORY_BYTES_MAX);
    struct clock_civil c = clock_civil_from_utc(at_us, 0);
    if (c.year < 1980)
        c = (struct clock_civil){1980, 1, 1};
    if (c.year > 2107)
        c = (struct clock_civil){2107, 12, 31, 23, 59, 58};
    z->date = (uint16_t)((c.year - 1980) << 9 | c.month << 5 | c.day);
    z->clock = (uint16_t)(c.hour << 11 | c.minute << 5 | c.second / 2);
    int rc = fsx_path(&z->path, err, "%s", path);
    if (rc == ERR_OK)
        rc = names_new(&z->names, err);
    if (rc == ERR_OK) {
        z->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (z->fd < 0 || fchmod(z->fd, 0640) < 0)
            rc = err_sys(err, "create %s", path);
    }
    if (rc < 0)
        zip_free(&z);
    *out = z;
    return rc;
}

void zip_free(struct zip **z)
{
    if (!*z)
        return;
    if ((*z)->fd >= 0)
        close((*z)->fd);
    names_free(&(*z)->names);
    buf_clear(&(*z)->directory);
    free((*z)->path);
    free(*z);
    *z = NULL;
}

static int append(struct zip *z, const void *data, size_t n, struct err *err)
{
    int rc = fsx_write_all(z->fd, data, n, err);
    z->at += n;
    return rc < 0 ? err_wrap(err, "%s", z->path) : rc;
}

/* ---- entries ---- */

/* What the local header and the directory's record have in common (4.3.7, 4.3.12). */
static void put_common(struct out *o, const struct zip *z, const struct entry *e, uint32_t crc,
                       size_t extra_bytes)
{
    put(o, 2, extra_bytes ? NEEDS_64 : NEEDS);
    put(o, 2, ZIP_FLAG_UTF8);
    put(o, 2, ZIP_STORED);
    put(o, 2, z->clock);
    put(o, 2, z->date);
    put(o, 4, crc);
    put(o, 4, at_most(e->size, ZIP_MAX32));
    put(o, 4, at_most(e->size, ZIP_MAX32));
    put(o, 2, strlen(e->name));
    put(o, 2, extra_bytes);
}

static int write_local(struct zip *z, const struct entry *e, struct err *err)
{
    bool is_64 = e->size >= ZIP_MAX32;
    struct out o = {.n = 0};
    put(&o, 4, ZIP_LOCAL);
    put_common(&o, z, e, 0, is_64 ? 20 : 0); /* CRC-32: known when the content has been read */
    int rc = append(z, o.bytes, o.n, err);
    if (rc == ERR_OK)
        rc = append(z, e->name, strlen(e->name), err);
    if (rc < 0 || !is_64)
        return rc;
    o.n = 0;
    put(&o, 2, ZIP_EXTRA_64);
    put(&o, 2, 16);
    put(&o, 8, e->size);
    put(&o, 8, e->size);
    return append(z, o.bytes, o.n, err);
}

static int note_entry(struct zip *z, const struct entry *e, struct err *err)
{
    struct out o = {.n = 0}, extra = {.n = 0};
    if (e->size >= ZIP_MAX32 || e->at >= ZIP_MAX32) {
        /* 4.5.3: only what does not fit, in this order. */
        size_t n = (e->size >= ZIP_MAX32 ? 16u : 0u) + (e->at >= ZIP_MAX32 ? 8u : 0u);
        put(&extra, 2, ZIP_EXTRA_64);
        put(&extra, 2, n);
        if (e->size >= ZIP_MAX32) {
            put(&extra, 8, e->size);
            put(&extra, 8, e->size);
        }
        if (e->at >= ZIP_MAX32)
            put(&extra, 8, e->at);
    }
    put(&o, 4, ZIP_CENTRAL);
    put(&o, 2, MADE_BY);
    put_common(&o, z, e, e->crc, extra.n);
    put(&o, 2, 0); /* comment */
    put(&o, 2, 0); /* disk */
    put(&o, 2, 0); /* internal attributes */
    put(&o, 4, (uint64_t)(S_IFREG | 0644) << 16);
    put(&o, 4, at_most(e->at, ZIP_MAX32));
    int rc = buf_append(&z->directory, o.bytes, o.n, err);
    if (rc == ERR_OK && (rc = buf_append(&z->directory, e->name, strlen(e->name), err)) == ERR_OK)
        rc = buf_append(&z->directory, extra.bytes, extra.n, err);
    return rc < 0 ? err_wrap(err, "%s", z->path) : rc;
}

static int usable(const struct zip *z, bool open, struct err *err)
{
    return z->bad || z->open != open
               ? err_set(err, ERR_MALFORMED, "%s: finished, failed before, or out of turn", z->path)
               : ERR_OK;
}

int zip_begin(struct zip *z, const char *name, int64_t size, struct err *err)
{
    struct entry *e = &z->now;
    int rc = usable(z, false, err);
    if (rc < 0)
        return rc;
    *e = (struct entry){.size = (uint64_t)size, .at = z->at};
    if (size < 0)
        rc = err_set(err, ERR_MALFORMED, "%s: '%s' of %" PRId64 " bytes", z->path, name, size);
    else if ((rc = names_add(z->names, name, strlen(name), false, err)) < 0)
        rc = err_wrap(err, "%s", z->path);
    if (rc == ERR_OK) {
        snprintf(e->name, sizeof e->name, "%s", name);
        rc = write_local(z, e, err);
    }
    z->open = true;
    z->bad = rc < 0;
    return rc;
}

int zip_write(struct zip *z, const void *data, size_t n, struct err *err)
{
    struct entry *e = &z->now;
    int rc = usable(z, true, err);
    if (rc == ERR_OK && n > e->size - e->written)
        rc = err_set(err, ERR_MALFORMED,
                     "%s: '%s' has more than the %" PRIu64 " bytes that were announced", z->path,
                     e->name, e->size);
    if (rc == ERR_OK)
        rc = append(z, data, n, err);
    z->bad = rc < 0;
    if (rc < 0)
        return rc;
    e->crc = (uint32_t)crc32_z(e->crc, data, n);
    e->written += n;
    return ERR_OK;
}

int zip_end(struct zip *z, struct err *err)
{
    const struct entry *e = &z->now;
    int rc = usable(z, true, err);
    if (rc == ERR_OK && e->written != e->size)
        rc = err_set(err, ERR_MALFORMED, "%s: '%s' has %" PRIu64 " bytes, not %" PRIu64, z->path,
                     e->name, e->written, e->size);
    if (rc == ERR_OK) {
        struct out o = {.n = 0};
        put(&o, 4, e->crc);
        ssize_t n = pwrite(z->fd, o.bytes, o.n, (off_t)(e->at + CRC_AT));
        if (n < 0)
            rc = err_sys(err, "write %s", z->path);
        else if (n != (ssize_t)o.n)
            rc = err_set(err, ERR_IO, "write %s: %zd bytes instead of %zu", z->path, n, o.n);
    }
    if (rc == ERR_OK)
        rc = note_entry(z, e, err);
    z->entries++;
    z->open = false;
    z->bad = rc < 0;
    return rc;
}

/* ---- the end ---- */

static void put_end_64(struct out *o, uint64_t entries, uint64_t bytes, uint64_t at)
{
    put(o, 4, ZIP_END64);
    put(o, 8, ZIP_END64_BYTES - 12);
    put(o, 2, MADE_BY);
    put(o, 2, NEEDS_64);
    put(o, 8, 0); /* two disk numbers */
    put(o, 8, entries);
    put(o, 8, entries);
    put(o, 8, bytes);
    put(o, 8, at);
    put(o, 4, ZIP_END64_AT);
    put(o, 4, 0); /* disk */
    put(o, 8, at + bytes);
    put(o, 4, 1); /* disks */
}

int zip_finish(struct zip *z, struct err *err)
{
    int rc = usable(z, false, err);
    if (rc < 0)
        return rc;
    z->bad = true;
    uint64_t at = z->at, bytes = z->directory.used;
    struct out o = {.n = 0};
    if (z->entries >= ZIP_MAX16 || bytes >= ZIP_MAX32 || at >= ZIP_MAX32)
        put_end_64(&o, z->entries, bytes, at);
    put(&o, 4, ZIP_END);
    put(&o, 4, 0); /* two disk numbers */
    put(&o, 2, at_most(z->entries, ZIP_MAX16));
    put(&o, 2, at_most(z->entries, ZIP_MAX16));
    put(&o, 4, at_most(bytes, ZIP_MAX32));
    put(&o, 4, at_most(at, ZIP_MAX32));
    put(&o, 2, 0); /* comment */
    rc = append(z, buf_data(&z->directory), z->directory.used, err);
    if (rc == ERR_OK)
        rc = append(z, o.bytes, o.n, err);
    if (rc == ERR_OK && fsync(z->fd) < 0)
        rc = err_sys(err, "fsync %s", z->path);
    if (close(z->fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", z->path);
    z->fd = -1;
    return rc;
}

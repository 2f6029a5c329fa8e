#include "support/package.h"
#include "dashspool/hash.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

static void put(struct buf *b, size_t width, uint64_t v)
{
    struct err err;
    for (size_t i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(v >> 8 * i);
        assert_ok(buf_append(b, &byte, 1, &err));
    }
}

static void put_bytes(struct buf *b, const void *data, size_t n)
{
    struct err err;
    if (n > 0)
        assert_ok(buf_append(b, data, n, &err));
}

struct facts {
    const struct package_entry *e;
    uint32_t crc, size, packed, flags;
    size_t at;
};

static struct facts facts_of(const struct package_entry *e, size_t at)
{
    struct facts f = {.e = e, .at = at};
    f.crc = e->crc ? e->crc : (uint32_t)crc32_z(0, e->data, e->n) ^ e->crc_flip;
    f.size = e->size ? e->size : (uint32_t)e->n;
    f.packed = e->packed ? e->packed : (uint32_t)e->n;
    f.flags = e->flags | (e->descriptor ? 8u : 0u);
    return f;
}

static void put_local(struct buf *b, const struct facts *f)
{
    const struct package_entry *e = f->e;
    const char *name = e->local_name ? e->local_name : e->name;
    put(b, 4, 0x04034b50);
    put(b, 2, 20);
    put(b, 2, f->flags);
    put(b, 2, e->method);
    put(b, 4, 0x00210000); /* 1980-01-01 */
    put(b, 4, e->descriptor ? 0 : f->crc);
    put(b, 4, e->descriptor ? 0 : f->packed);
    put(b, 4, e->descriptor ? 0 : e->local_size ? e->local_size : f->size);
    put(b, 2, strlen(name));
    put(b, 2, 0);
    put_bytes(b, name, strlen(name));
    put_bytes(b, e->data, e->n);
    if (e->descriptor == 16 || e->descriptor == 24)
        put(b, 4, 0x08074b50);
    if (e->descriptor) {
        put(b, 4, f->crc);
        put(b, e->descriptor >= 20 ? 8 : 4, f->packed);
        put(b, e->descriptor >= 20 ? 8 : 4, f->size);
    }
}

static void put_central(struct buf *b, const struct facts *f)
{
    const struct package_entry *e = f->e;
    put(b, 4, 0x02014b50);
    put(b, 2, 3 << 8 | 20);
    put(b, 2, 20);
    put(b, 2, f->flags);
    put(b, 2, e->method);
    put(b, 4, 0x00210000);
    put(b, 4, f->crc);
    put(b, 4, f->packed);
    put(b, 4, f->size);
    put(b, 2, strlen(e->name));
    put(b, 2, e->extra_n);
    put(b, 6, 0); /* comment, disk, internal attributes */
    put(b, 4, (uint64_t)(e->mode ? e->mode : S_IFREG | 0644) << 16);
    put(b, 4, f->at);
    put_bytes(b, e->name, strlen(e->name));
    put_bytes(b, e->extra, e->extra_n);
}

struct buf package_zip(const struct package_entry *entries, size_t n)
{
    struct buf b, directory;
    buf_init(&b, 256 << 20);
    buf_init(&directory, 64 << 20);
    for (size_t i = 0; i < n; i++) {
        struct facts f = facts_of(&entries[i], b.used);
        put_local(&b, &f);
        put_central(&directory, &f);
    }
    size_t at = b.used;
    put_bytes(&b, buf_data(&directory), directory.used);
    put(&b, 4, 0x06054b50);
    put(&b, 4, 0);
    put(&b, 2, n < 0xffff ? n : 0xffff);
    put(&b, 2, n < 0xffff ? n : 0xffff);
    put(&b, 4, directory.used);
    put(&b, 4, at);
    put(&b, 2, 0);
    buf_clear(&directory);
    return b;
}

struct buf package_deflated(const void *data, size_t n)
{
    struct buf b;
    struct err err;
    z_stream z = {0};
    buf_init(&b, 256 << 20);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, n);
    uint8_t *copy = malloc(n + 1), *out = buf_reserve(&b, room, &err);
    assert_true(copy && out);
    if (n > 0)
        memcpy(copy, data, n);
    z.next_in = copy;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_commit(&b, z.total_out);
    deflateEnd(&z);
    free(copy);
    return b;
}

/* ---- reading ---- */

static int see_top(void *arg, const char *top, struct err *err)
{
    struct package_seen *seen = arg;
    (void)err;
    assert_int_equal(seen->files, 0);
    snprintf(seen->top, sizeof seen->top, "%s", top);
    return ERR_OK;
}

static bool see_want(void *arg, const char *name)
{
    const struct package_seen *seen = arg;
    return !seen->only || strcmp(seen->only, name) == 0;
}

static int see_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct package_seen *seen = arg;
    (void)err;
    assert_string_equal(seen->name, "");
    snprintf(seen->name, sizeof seen->name, "%s", name);
    seen->size = size;
    seen->got = 0;
    if (seen->at_begin)
        seen->at_begin(seen->arg, name);
    return ERR_OK;
}

static int see_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct package_seen *seen = arg;
    (void)err;
    assert_true(n > 0 && seen->name[0]);
    seen->got += (int64_t)n;
    assert_true(seen->got <= seen->size);
    hash_update(seen->hash, data, n);
    return ERR_OK;
}

static int see_end(void *arg, struct err *err)
{
    struct package_seen *seen = arg;
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    assert_true(seen->got == seen->size && seen->name[0]);
    assert_int_equal(hash_final(seen->hash, digest, err), ERR_OK);
    hash_hex(digest, hex);
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s %" PRId64 " %s\n", seen->name,
             seen->size, hex);
    seen->name[0] = '\0';
    seen->files++;
    seen->bytes += seen->size;
    return ERR_OK;
}

static int see_empty(void *arg, const char *name, struct err *err)
{
    struct package_seen *seen = arg;
    size_t used = strlen(seen->empty);
    (void)err;
    snprintf(seen->empty + used, sizeof seen->empty - used, "%s ", name);
    return ERR_OK;
}

int package_read(const char *path, const struct bag_limits *limits, struct package_seen *seen,
                 struct err *err)
{
    static const struct bag_reader fns = {see_top, see_begin, see_data,
                                          see_end, see_want,  see_empty};
    static const struct bag_limits none = {0};
    struct err hash_err;
    *seen = (struct package_seen){.only = seen->only, .at_begin = seen->at_begin, .arg = seen->arg};
    if (hash_new(&seen->hash, &hash_err) < 0)
        fail_msg("%s", hash_err.text);
    int rc = bag_read(path, limits ? limits : &none, &fns, seen, err);
    hash_free(&seen->hash);
    return rc;
}

const char *package_line(char out[512], const char *name, const void *data, size_t n)
{
    struct err err;
    char hex[HASH_HEX_ROOM];
    assert_ok(hash_text(data, n, hex, &err));
    snprintf(out, 512, "%s %zu %s\n", name, n, hex);
    return out;
}

/* A zip is read: its structure is found to be plain (bag.h) before anything of it is handed out. */
#include "bag_internal.h"
#include "dashspool/reader.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    FIELD_BYTES_MAX = 65535,
    BOMB_RATIO = 200, /* deflate can do 1032; footage, text and metadata stay far below */
    BOMB_FREE_BYTES = 16 << 20,
    DOS_FOLDER = 0x10,
    DESCRIPTOR_BYTES_MAX = 24,
    PIECE_BYTES = 1 << 16, /* of content, packed and unpacked */
};

struct zip_directory {
    uint64_t entries, at, bytes; /* it ends where the end records begin */
};

struct zip_entry {
    uint64_t size, packed; /* unpacked, and as it lies there */
    uint64_t at;           /* where its content is */
    size_t name;           /* where it is in names, NUL-terminated; a folder's ends with '/' */
    uint32_t crc;
    bool is_folder, is_deflated;
};

/* What is in a zip, once that is known. */
struct zip_map {
    struct zip_entry *entries; /* in the order of the file */
    size_t n;
    struct buf names;
    char top[BAG_READ_NAME_ROOM]; /* the folder that all lie in, or "" */
};

/* One record of the central directory or a local header. */
struct record {
    uint16_t flags, method;
    uint32_t crc, attributes;
    uint64_t packed, size, at; /* at: of the local header */
    uint32_t disk;
    size_t name_n, extra_n, comment_n;
    uint8_t name[BAG_READ_NAME_ROOM]; /* with the '/' of a folder, no NUL */
    uint8_t extra[FIELD_BYTES_MAX];
};

struct walk {
    const struct package *p;
    struct names *names;
    struct zip_map *map;
    struct zip_directory dir;
    uint64_t content;  /* where that of the entry begins */
    uint64_t next;     /* where the next local header must be */
    uint64_t unpacked; /* bytes so far */
    struct record central, local;
};

/* ---- the end ---- */

/* n bytes, wherever the offset of the file is. */
static int read_at(const struct package *p, uint64_t at, void *data, size_t n, struct err *err)
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
    int rc = read_at(p, *tail - sizeof bytes, bytes, sizeof bytes, err);
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

static int find_directory(struct zip_directory *d, const struct package *p, uint64_t file_bytes,
                          struct err *err)
{
    uint8_t bytes[ZIP_END_BYTES] = {0};
    uint64_t tail = file_bytes < sizeof bytes ? 0 : file_bytes - sizeof bytes;
    int rc = read_at(p, tail, bytes, sizeof bytes, err);
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

/* ---- one record ---- */

static int refuse(const struct walk *w, int code, const char *why, struct err *err)
{
    char shown[NAMES_SHOWN_ROOM];
    return err_set(err, code, "%s: '%s' (entry %zu) %s", w->p->path,
                   names_shown((const char *)w->central.name, w->central.name_n, shown),
                   w->map->n + 1, why);
}

/* 4.5.3, 4.6.9: 64-bit fields, for those that say so; false: not well-formed. */
static bool read_extra(struct record *r, const char **why)
{
    struct rd all = rd_init(r->extra, r->extra_n);
    bool had = false;
    *why = "has extra fields that are wrong";
    while (rd_left(&all) > 0) {
        unsigned id = rd_le16(&all);
        struct rd field = rd_sub(&all, rd_le16(&all));
        if (all.bad)
            return false;
        if (id == ZIP_EXTRA_UNICODE) {
            *why = "has a second name in an extra field";
            rd_bytes(&field, 5); /* version, CRC-32 of the first name */
            size_t n = rd_left(&field);
            if (field.bad || n != r->name_n || memcmp(field.p, r->name, n) != 0)
                return false;
        }
        if (id != ZIP_EXTRA_64)
            continue;
        if (had)
            return false;
        had = true;
        r->size = r->size == ZIP_MAX32 ? rd_le64(&field) : r->size;
        r->packed = r->packed == ZIP_MAX32 ? rd_le64(&field) : r->packed;
        r->at = r->at == ZIP_MAX32 ? rd_le64(&field) : r->at;
        if (field.bad)
            return false;
    }
    return !all.bad;
}

static int read_fields(struct walk *w, struct record *r, uint64_t at, struct err *err)
{
    const char *why;
    if (r->name_n == 0 || r->name_n >= sizeof r->name) {
        r->name_n = 0;
        return refuse(w, ERR_MALFORMED, "has a name that is empty or longer than 1024 bytes", err);
    }
    int rc = read_at(w->p, at, r->name, r->name_n, err);
    if (rc == ERR_OK)
        rc = read_at(w->p, at + r->name_n, r->extra, r->extra_n, err);
    if (rc == ERR_OK && !read_extra(r, &why))
        rc = refuse(w, ERR_MALFORMED, why, err);
    return rc;
}

/* What the local header and the directory's record have in common (4.3.7, 4.3.12). */
static void read_common(struct record *out, struct rd *r)
{
    rd_bytes(r, 2); /* needs */
    out->flags = rd_le16(r);
    out->method = rd_le16(r);
    rd_bytes(r, 4); /* time, date */
    out->crc = rd_le32(r);
    out->packed = rd_le32(r);
    out->size = rd_le32(r);
    out->name_n = rd_le16(r);
    out->extra_n = rd_le16(r);
}

static int read_central(struct walk *w, uint64_t *at, struct err *err)
{
    struct record *c = &w->central;
    uint8_t bytes[ZIP_CENTRAL_BYTES];
    int rc = read_at(w->p, *at, bytes, sizeof bytes, err);
    if (rc < 0)
        return rc;
    struct rd r = rd_init(bytes, sizeof bytes);
    uint32_t signature = rd_le32(&r);
    rd_bytes(&r, 2); /* made by */
    read_common(c, &r);
    c->comment_n = rd_le16(&r);
    c->disk = rd_le16(&r);
    rd_bytes(&r, 2); /* internal attributes */
    c->attributes = rd_le32(&r);
    c->at = rd_le32(&r);
    uint64_t end = *at + sizeof bytes + c->name_n + c->extra_n + c->comment_n;
    if (signature != ZIP_CENTRAL || end > w->dir.at + w->dir.bytes)
        return err_set(err, ERR_MALFORMED, "%s: record %zu of its directory is wrong", w->p->path,
                       w->map->n + 1);
    rc = read_fields(w, c, *at + sizeof bytes, err);
    *at = end;
    return rc;
}

static int read_local(struct walk *w, struct err *err)
{
    struct record *l = &w->local;
    uint8_t bytes[ZIP_LOCAL_BYTES];
    int rc = read_at(w->p, w->central.at, bytes, sizeof bytes, err);
    if (rc < 0)
        return rc;
    struct rd r = rd_init(bytes, sizeof bytes);
    if (rd_le32(&r) != ZIP_LOCAL)
        return refuse(w, ERR_MALFORMED, "is not where the directory says", err);
    read_common(l, &r);
    l->at = 0;
    return read_fields(w, l, w->central.at + sizeof bytes, err);
}

/* ---- what an entry may be ---- */

static int judge_coding(const struct walk *w, struct err *err)
{
    const struct record *c = &w->central;
    if (c->flags & (ZIP_FLAG_ENCRYPTED | ZIP_FLAG_STRONG | ZIP_FLAG_MASKED))
        return refuse(w, ERR_UNSUPPORTED, "is encrypted", err);
    /* Bits 1 and 2 tell how hard deflate tried. */
    if (c->flags & ~(6 | ZIP_FLAG_DESCRIPTOR | ZIP_FLAG_UTF8))
        return refuse(w, ERR_UNSUPPORTED, "has flags that nobody should need", err);
    if (c->method != ZIP_STORED && c->method != ZIP_DEFLATED)
        return refuse(w, ERR_UNSUPPORTED, "is compressed by something else than deflate", err);
    if (c->method == ZIP_STORED && c->packed != c->size)
        return refuse(w, ERR_MALFORMED, "is stored, with two different sizes", err);
    return ERR_OK;
}

static int judge_kind(const struct walk *w, bool is_folder, struct err *err)
{
    const struct record *c = &w->central;
    mode_t kind = (c->attributes >> 16) & S_IFMT; /* by convention, of all systems with a mode */
    if (kind != 0 && kind != S_IFREG && kind != S_IFDIR)
        return refuse(w, ERR_MALFORMED,
                      kind == S_IFLNK ? "is a symbolic link" : "is a device, a pipe or a socket",
                      err);
    if ((kind == S_IFDIR && !is_folder) || (kind == S_IFREG && is_folder) ||
        ((c->attributes & DOS_FOLDER) && !is_folder))
        return refuse(w, ERR_MALFORMED, "is a folder by its mode or by its name only", err);
    if (is_folder && (c->size != 0 || c->packed != 0))
        return refuse(w, ERR_MALFORMED, "is a folder with content", err);
    return ERR_OK;
}

static int judge_sizes(struct walk *w, uint64_t end, struct err *err)
{
    const struct record *c = &w->central;
    if (c->size > (uint64_t)w->p->limits.bytes - w->unpacked)
        return refuse(w, ERR_LIMIT, "makes it more bytes than a package may have", err);
    w->unpacked += c->size;
    if (w->unpacked > BOMB_FREE_BYTES && w->unpacked / BOMB_RATIO > end)
        return refuse(w, ERR_LIMIT, "unpacks to more than 200 times its bytes: a bomb", err);
    return ERR_OK;
}

/* 4.3.9: with or without a signature, of 32 or 64 bits; nothing says which. It is the one that is
 * right and ends where the next header or the directory begins. */
static int skip_descriptor(struct walk *w, struct err *err)
{
    const struct record *c = &w->central;
    uint8_t bytes[DESCRIPTOR_BYTES_MAX + 4] = {0};
    uint64_t room = w->dir.at - w->next;
    size_t n = room < sizeof bytes ? (size_t)room : sizeof bytes;
    int rc = read_at(w->p, w->next, bytes, n, err);
    for (unsigned i = 0; i < 4 && rc == ERR_OK; i++) {
        size_t width = i & 1 ? 8 : 4;
        struct rd r = rd_init(bytes, n);
        bool good = i & 2 || rd_le32(&r) == ZIP_DESCRIPTOR;
        good = rd_le32(&r) == c->crc && good;
        good = rd_le(&r, width) == c->packed && good;
        good = rd_le(&r, width) == c->size && good;
        if (r.bad || !good)
            continue;
        uint64_t end = w->next + (uint64_t)(r.p - bytes);
        if (end == w->dir.at || rd_le32(&r) == ZIP_LOCAL) {
            w->next = end;
            return ERR_OK;
        }
    }
    return rc < 0 ? rc : refuse(w, ERR_MALFORMED, "has no sizes behind its content", err);
}

/* The local header and how far the content reaches; w->next is behind it afterwards. */
static int judge_place(struct walk *w, struct err *err)
{
    const struct record *c = &w->central, *l = &w->local;
    if (c->disk != 0)
        return refuse(w, ERR_UNSUPPORTED, "is in another part of the zip", err);
    if (c->at != w->next)
        return refuse(w, ERR_MALFORMED, "does not begin where the entry before it ends", err);
    int rc = read_local(w, err);
    if (rc < 0)
        return rc;
    /* The local header must say the same, or leave it to the data descriptor (4.4.4, bit 3). */
    bool later = c->flags & ZIP_FLAG_DESCRIPTOR;
    if (!(c->flags == l->flags && c->method == l->method && c->name_n == l->name_n &&
          memcmp(c->name, l->name, c->name_n) == 0 &&
          (c->crc == l->crc || (later && l->crc == 0)) &&
          (c->size == l->size || (later && l->size == 0)) &&
          (c->packed == l->packed || (later && l->packed == 0))))
        return refuse(w, ERR_MALFORMED, "is something else in the directory and on the spot", err);
    w->content = c->at + ZIP_LOCAL_BYTES + l->name_n + l->extra_n;
    if (w->content > w->dir.at || c->packed > w->dir.at - w->content)
        return refuse(w, ERR_MALFORMED, "claims more bytes than there are", err);
    w->next = w->content + c->packed;
    return c->flags & ZIP_FLAG_DESCRIPTOR ? skip_descriptor(w, err) : ERR_OK;
}

static int judge_entry(struct walk *w, bool is_folder, struct err *err)
{
    const struct record *c = &w->central;
    int rc =
        names_add(w->names, (const char *)c->name, c->name_n - (is_folder ? 1 : 0), is_folder, err);
    if (rc < 0)
        return err_wrap(err, "%s", w->p->path);
    rc = judge_coding(w, err);
    if (rc == ERR_OK && (rc = judge_kind(w, is_folder, err)) == ERR_OK &&
        (rc = judge_place(w, err)) == ERR_OK)
        rc = judge_sizes(w, w->next, err);
    return rc;
}

/* ---- the map ---- */

static const char *full_name(const struct zip_map *map, size_t i)
{
    return (const char *)buf_data(&map->names) + map->entries[i].name;
}

static void find_top(struct zip_map *map)
{
    const char *first = map->n ? full_name(map, 0) : "", *slash = strchr(first, '/');
    size_t n = slash ? (size_t)(slash - first) : 0;
    for (size_t i = 0; i < map->n && n > 0; i++)
        if (strncmp(full_name(map, i), first, n + 1) != 0)
            return;
    memcpy(map->top, first, n);
}

static int walk(struct walk *w, struct err *err)
{
    uint64_t at = w->dir.at;
    int rc = ERR_OK;
    w->map->entries = calloc(w->dir.entries ? (size_t)w->dir.entries : 1, sizeof *w->map->entries);
    if (!w->map->entries)
        return err_nomem(err, "the entries of %s", w->p->path);
    for (uint64_t i = 0; i < w->dir.entries && rc == ERR_OK; i++) {
        rc = read_central(w, &at, err);
        bool is_folder = rc == ERR_OK && w->central.name[w->central.name_n - 1] == '/';
        if (rc == ERR_OK)
            rc = judge_entry(w, is_folder, err);
        if (rc == ERR_OK) {
            const struct record *c = &w->central;
            struct zip_map *map = w->map;
            map->entries[map->n] = (struct zip_entry){.size = c->size,
                                                      .packed = c->packed,
                                                      .at = w->content,
                                                      .name = map->names.used,
                                                      .crc = c->crc,
                                                      .is_folder = is_folder,
                                                      .is_deflated = c->method == ZIP_DEFLATED};
            rc = buf_append(&map->names, c->name, c->name_n, err);
            if (rc == ERR_OK)
                rc = buf_append(&map->names, "", 1, err);
            map->n += rc == ERR_OK;
        }
    }
    if (rc == ERR_OK && (at != w->dir.at + w->dir.bytes || w->next != w->dir.at))
        rc = err_set(err, ERR_MALFORMED,
                     "%s: there is something between its entries, its directory and its end",
                     w->p->path);
    return rc;
}

/* ---- content ---- */

/* An entry that is handed out. */
struct content {
    const struct package *p;
    const char *name;
    const struct zip_entry *e;
    uint64_t taken, given; /* bytes so far: as they lie there, and unpacked */
    uint32_t crc;
    uint8_t in[PIECE_BYTES], out[PIECE_BYTES];
};

static int spoilt(const struct content *c, const char *why, struct err *err)
{
    char shown[NAMES_SHOWN_ROOM];
    return err_set(err, ERR_MALFORMED, "%s: '%s' cannot be unpacked: %s", c->p->path,
                   names_shown(c->name, strlen(c->name), shown), why);
}

static int wrong_size(const struct content *c, const char *than, uint64_t got, struct err *err)
{
    char why[120];
    snprintf(why, sizeof why, "it claims %" PRIu64 " bytes; there are %s, at least %" PRIu64,
             c->e->size, than, got);
    return spoilt(c, why, err);
}

/* The next bytes as they lie there, at most PIECE_BYTES. */
static int take(struct content *c, size_t *n, struct err *err)
{
    uint64_t left = c->e->packed - c->taken;
    *n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    int rc = read_at(c->p, c->e->at + c->taken, c->in, *n, err);
    c->taken += *n;
    return rc;
}

/* What a bomb unpacks to beyond its claim is made at most once, in a piece, and not handed out. */
static int give(struct content *c, const uint8_t *data, size_t n, struct err *err)
{
    if (n > c->e->size - c->given)
        return wrong_size(c, "more", c->given + n, err);
    c->given += n;
    c->crc = (uint32_t)crc32_z(c->crc, data, n);
    return n > 0 ? c->p->fns.data(c->p->arg, data, n, err) : ERR_OK;
}

static int copy_stored(struct content *c, struct err *err)
{
    int rc = ERR_OK;
    while (rc == ERR_OK && c->taken < c->e->packed) {
        size_t n;
        rc = take(c, &n, err);
        if (rc == ERR_OK)
            rc = give(c, c->in, n, err);
    }
    return rc;
}

/* Each turn takes bytes or gives some, or is the last: so the packed and the unpacked size, which
 * are known to be possible, bound the time. */
static int inflate_all(struct content *c, z_stream *z, struct err *err)
{
    int status = Z_OK, rc = ERR_OK;
    while (rc == ERR_OK && status != Z_STREAM_END) {
        size_t n;
        if (z->avail_in == 0 && c->taken < c->e->packed) {
            if ((rc = take(c, &n, err)) < 0)
                break;
            z->next_in = c->in;
            z->avail_in = (uInt)n;
        }
        z->next_out = c->out;
        z->avail_out = PIECE_BYTES;
        status = inflate(z, Z_NO_FLUSH);
        if (status == Z_MEM_ERROR)
            rc = err_nomem(err, "unpacking %s", c->p->path);
        else if (status == Z_BUF_ERROR) /* nothing to take, nothing to give */
            rc = spoilt(c, "its content is cut off", err);
        else if (status != Z_OK && status != Z_STREAM_END)
            rc = spoilt(c, z->msg ? z->msg : "its content is damaged", err);
        else
            rc = give(c, c->out, PIECE_BYTES - z->avail_out, err);
    }
    if (rc == ERR_OK && (z->avail_in > 0 || c->taken < c->e->packed))
        rc = spoilt(c, "there are bytes behind the end of its content", err);
    return rc;
}

static int inflate_content(struct content *c, struct err *err)
{
    z_stream z = {.next_in = NULL};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) /* without a header of zlib's own */
        return err_nomem(err, "unpacking %s", c->p->path);
    int rc = inflate_all(c, &z, err);
    inflateEnd(&z);
    return rc;
}

static int hand_out(struct content *c, struct err *err)
{
    int rc = c->p->fns.begin(c->p->arg, c->name, (int64_t)c->e->size, err);
    c->taken = c->given = 0;
    c->crc = 0;
    if (rc == ERR_OK)
        rc = c->e->is_deflated ? inflate_content(c, err) : copy_stored(c, err);
    if (rc == ERR_OK && c->given != c->e->size)
        rc = wrong_size(c, "fewer", c->given, err);
    if (rc == ERR_OK && c->crc != c->e->crc)
        rc = spoilt(c, "its CRC-32 is another one", err);
    return rc < 0 ? rc : c->p->fns.end(c->p->arg, err);
}

/* ---- all of it ---- */

static int hand_out_all(const struct package *p, const struct zip_map *map, struct err *err)
{
    const size_t top = strlen(map->top) + (map->top[0] != '\0');
    struct content *c = calloc(1, sizeof *c);
    int rc = ERR_OK;
    if (!c)
        return err_nomem(err, "reading %s", p->path);
    c->p = p;
    for (size_t i = 0; i < map->n && rc == ERR_OK; i++) {
        c->e = &map->entries[i];
        c->name = full_name(map, i) + top;
        if (!c->e->is_folder && p->fns.want(p->arg, c->name))
            rc = hand_out(c, err);
    }
    free(c);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, what is in a folder stands right behind it. */
static int tell_empty(const struct package *p, const struct zip_map *map, struct err *err)
{
    const size_t top = strlen(map->top) + (map->top[0] != '\0');
    const char **names = calloc(map->n ? map->n : 1, sizeof *names);
    int rc = names ? ERR_OK : err_nomem(err, "the entries of %s", p->path);
    for (size_t i = 0; i < map->n && names; i++)
        names[i] = full_name(map, i);
    if (names)
        qsort(names, map->n, sizeof *names, by_name);
    for (size_t i = 0; i < map->n && rc == ERR_OK; i++) {
        char name[BAG_READ_NAME_ROOM];
        size_t n = strlen(names[i]);
        if (n <= top || names[i][n - 1] != '/' ||
            (i + 1 < map->n && strncmp(names[i + 1], names[i], n) == 0))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(n - 1 - top), names[i] + top);
        rc = p->fns.empty(p->arg, name, err);
    }
    free(names);
    return rc;
}

int zip_read(const struct package *p, struct err *err)
{
    struct zip_map map = {0};
    buf_init(&map.names, (size_t)p->limits.entries * BAG_READ_NAME_ROOM);
    struct walk *w = calloc(1, sizeof *w);
    struct stat st;
    int rc = ERR_OK;
    if (!w)
        rc = err_nomem(err, "reading %s", p->path);
    else {
        w->p = p;
        w->map = &map;
        if (fstat(p->fd, &st) < 0)
            rc = err_sys(err, "stat %s", p->path);
        if (rc == ERR_OK && (rc = names_new(&w->names, err)) == ERR_OK &&
            (rc = find_directory(&w->dir, p, (uint64_t)st.st_size, err)) == ERR_OK)
            rc = walk(w, err);
        if (rc == ERR_OK)
            find_top(&map);
        names_free(&w->names);
        free(w);
    }
    if (rc == ERR_OK && (rc = p->fns.top(p->arg, map.top, err)) == ERR_OK)
        rc = hand_out_all(p, &map, err);
    if (rc == ERR_OK)
        rc = tell_empty(p, &map, err);
    free(map.entries);
    buf_clear(&map.names);
    return rc;
}

#include "bag.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_BYTES_MAX ((size_t)64 << 20) /* 180 000 files */
#define TEXT_BYTES_MAX ((size_t)64 << 20)

struct entry {
    char name[BAG_NAME_ROOM];
    char sha256[HASH_HEX_ROOM];
    int64_t bytes;
};

struct bag {
    char *path, *tmp;
    struct buf entries; /* struct entry, as written */
    struct buf info;    /* bag-info.txt */
    int fd;             /* of the file that is open; -1 */
    char *file;         /* its path */
    struct hash *hash;
    struct entry entry;
    int64_t files, bytes;
    bool finished;
};

static bool is_payload(const char *name)
{
    return strncmp(name, "data/", 5) == 0;
}

static bool name_ok(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/");
    return n > 0 && n < BAG_NAME_ROOM && name[n] == '\0' && name[0] != '/' && name[0] != '.' &&
           !strstr(name, "/.") && !strstr(name, "//") && name[n - 1] != '/';
}

int bag_new(struct bag **out, const char *path, struct err *err)
{
    struct stat st;
    struct bag *b = *out = calloc(1, sizeof *b);
    if (!b)
        return err_set(err, ERR_NOMEM, "no memory for a package");
    b->fd = -1;
    buf_init(&b->entries, LIST_BYTES_MAX);
    buf_init(&b->info, TEXT_BYTES_MAX);
    int rc = fsx_path(&b->path, err, "%s", path);
    for (size_t n = rc == ERR_OK ? strlen(b->path) : 0; n > 1 && b->path[n - 1] == '/'; n--)
        b->path[n - 1] = '\0';
    if (rc == ERR_OK && lstat(b->path, &st) == 0)
        rc = err_set(err, ERR_BUSY, "%s is there already; name another, or move it away", b->path);
    if (rc == ERR_OK)
        rc = fsx_path(&b->tmp, err, "%s.unfinished-XXXXXX", b->path);
    if (rc == ERR_OK && (!mkdtemp(b->tmp) || chmod(b->tmp, 0750) < 0)) {
        rc = err_sys(err, "create %s", b->tmp);
        free(b->tmp);
        b->tmp = NULL;
    }
    if (rc < 0)
        bag_free(out);
    return rc;
}

static void forget_file(struct bag *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    hash_free(&b->hash);
    free(b->file);
    b->file = NULL;
}

void bag_free(struct bag **bag)
{
    struct err unimportant;
    struct bag *b = *bag;
    if (!b)
        return;
    forget_file(b);
    if (b->tmp && !b->finished && fsx_remove_tree(b->tmp, &unimportant) < 0)
        fprintf(stderr, "dashspool: %s; remove it by hand\n", unimportant.text);
    buf_clear(&b->entries);
    buf_clear(&b->info);
    free(b->path);
    free(b->tmp);
    free(b);
    *bag = NULL;
}

static int make_parent(const char *file, struct err *err)
{
    char *dir = NULL;
    int rc = fsx_path(&dir, err, "%s", file);
    if (rc < 0)
        return rc;
    *strrchr(dir, '/') = '\0';
    rc = fsx_mkdirs(dir, err);
    free(dir);
    return rc;
}

int bag_begin(struct bag *bag, const char *name, struct err *err)
{
    if (!name_ok(name))
        return err_set(err, ERR_MALFORMED, "'%.80s' cannot be a file of a package", name);
    forget_file(bag);
    bag->entry = (struct entry){0};
    snprintf(bag->entry.name, sizeof bag->entry.name, "%s", name);
    int rc = fsx_path(&bag->file, err, "%s/%s", bag->tmp, name);
    if (rc == ERR_OK)
        rc = make_parent(bag->file, err);
    if (rc == ERR_OK)
        rc = hash_new(&bag->hash, err);
    if (rc < 0)
        return rc;
    bag->fd = open(bag->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (bag->fd < 0 && errno == EEXIST)
        return err_set(err, ERR_MALFORMED, "%s comes twice in a package", name);
    return bag->fd < 0 ? err_sys(err, "create %s", bag->file) : ERR_OK;
}

int bag_write(struct bag *bag, const void *data, size_t n, struct err *err)
{
    hash_update(bag->hash, data, n);
    bag->entry.bytes += (int64_t)n;
    return fsx_write_all(bag->fd, data, n, err) < 0 ? err_wrap(err, "%s", bag->file) : ERR_OK;
}

int bag_end(struct bag *bag, char sha256[HASH_HEX_ROOM], struct err *err)
{
    uint8_t digest[HASH_BYTES];
    int rc = hash_final(bag->hash, digest, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, bag->entry.sha256);
    if (fsync(bag->fd) < 0)
        return err_sys(err, "fsync %s", bag->file);
    int closed = close(bag->fd);
    bag->fd = -1;
    if (closed < 0)
        return err_sys(err, "close %s", bag->file);
    if (is_payload(bag->entry.name)) {
        bag->files++;
        bag->bytes += bag->entry.bytes;
    }
    if (sha256)
        memcpy(sha256, bag->entry.sha256, HASH_HEX_ROOM);
    return buf_append(&bag->entries, &bag->entry, sizeof bag->entry, err);
}

int bag_put(struct bag *bag, const char *name, const void *data, size_t n, struct err *err)
{
    int rc = bag_begin(bag, name, err);
    if (rc == ERR_OK)
        rc = bag_write(bag, data, n, err);
    return rc < 0 ? rc : bag_end(bag, NULL, err);
}

int bag_info(struct bag *bag, const char *label, const char *value, struct err *err)
{
    char line[1024];
    snprintf(line, sizeof line, "%s: %s", label, value);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    int rc = buf_append(&bag->info, line, strlen(line), err);
    return rc < 0 ? rc : buf_append(&bag->info, "\n", 1, err);
}

int64_t bag_files(const struct bag *bag)
{
    return bag->files;
}

int64_t bag_bytes(const struct bag *bag)
{
    return bag->bytes;
}

bool bag_has(const struct bag *bag, const char *begins)
{
    const struct entry *e = (const void *)(bag->entries.mem + bag->entries.start);
    for (size_t i = 0; i < bag->entries.used / sizeof *e; i++)
        if (strncmp(e[i].name, begins, strlen(begins)) == 0)
            return true;
    return false;
}

/* ---- the end ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* "<hash>  <name>" as sha256sum -c reads it, by name. */
static int put_manifest(struct bag *bag, const char *name, bool payload, struct buf *copy,
                        struct err *err)
{
    struct buf text;
    int rc = ERR_OK;
    size_t n = bag->entries.used / sizeof(struct entry);
    struct entry *e = (void *)(bag->entries.mem + bag->entries.start);
    buf_init(&text, TEXT_BYTES_MAX);
    if (n > 0)
        qsort(e, n, sizeof *e, by_name);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        char line[BAG_NAME_ROOM + HASH_HEX_ROOM + 8];
        if (is_payload(e[i].name) != payload)
            continue;
        int used = snprintf(line, sizeof line, "%s  %s\n", e[i].sha256, e[i].name);
        rc = buf_append(&text, line, (size_t)used, err);
    }
    if (rc == ERR_OK)
        rc = bag_put(bag, name, buf_data(&text), text.used, err);
    if (rc == ERR_OK && copy)
        rc = buf_append(copy, buf_data(&text), text.used, err);
    buf_clear(&text);
    return rc;
}

static int put_tags(struct bag *bag, struct err *err)
{
    static const char declaration[] =
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"; /* RFC 8493, 2.1.1 */
    char oxum[64];
    snprintf(oxum, sizeof oxum, "%" PRId64 ".%" PRId64, bag->bytes, bag->files);
    int rc = bag_put(bag, "bagit.txt", declaration, strlen(declaration), err);
    if (rc == ERR_OK)
        rc = bag_info(bag, "Payload-Oxum", oxum, err);
    if (rc == ERR_OK)
        rc = bag_put(bag, "bag-info.txt", buf_data(&bag->info), bag->info.used, err);
    return rc;
}

/* Bytes of a name up to its last '/'; 0: none. */
static size_t parent_bytes(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

/* Directories were fsynced in their parents when they were made; now their own entries. The list is
 * sorted: a directory's files stand together, mostly. */
static int sync_dirs(const struct bag *bag, struct err *err)
{
    const struct entry *e = (const void *)(bag->entries.mem + bag->entries.start);
    const char *last = "";
    int rc = fsx_sync_dir(bag->tmp, err);
    for (size_t i = 0; rc == ERR_OK && i < bag->entries.used / sizeof *e; i++) {
        size_t n = parent_bytes(e[i].name);
        char *dir = NULL;
        if (n == 0 || (parent_bytes(last) == n && strncmp(last, e[i].name, n) == 0))
            continue;
        last = e[i].name;
        if ((rc = fsx_path(&dir, err, "%s/%.*s", bag->tmp, (int)n, e[i].name)) == ERR_OK)
            rc = fsx_sync_dir(dir, err);
        free(dir);
    }
    return rc;
}

int bag_close(struct bag *bag, struct buf *tags, char tag_sha256[HASH_HEX_ROOM], struct err *err)
{
    forget_file(bag);
    int rc = put_manifest(bag, "manifest-sha256.txt", true, NULL, err);
    if (rc == ERR_OK)
        rc = put_tags(bag, err);
    if (rc == ERR_OK)
        rc = put_manifest(bag, "tagmanifest-sha256.txt", false, tags, err);
    if (rc == ERR_OK)
        memcpy(tag_sha256, bag->entry.sha256, HASH_HEX_ROOM); /* the file put last */
    return rc;
}

int bag_finish(struct bag *bag, struct err *err)
{
    struct stat st;
    int rc = sync_dirs(bag, err);
    if (rc < 0)
        return rc;
    if (lstat(bag->path, &st) == 0)
        return err_set(err, ERR_BUSY, "%s has come to be meanwhile; name another", bag->path);
    if ((rc = fsx_rename(bag->tmp, bag->path, err)) == ERR_OK)
        bag->finished = true;
    return rc;
}

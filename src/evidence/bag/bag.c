#include "bag.h"
#include "dashspool/buf.h"
#include "sink.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_BYTES_MAX ((size_t)64 << 20) /* 180 000 files */
#define TEXT_BYTES_MAX ((size_t)64 << 20)

struct entry {
    char name[BAG_NAME_ROOM];
    char sha256[HASH_HEX_ROOM];
    int64_t bytes;
};

struct bag {
    struct sink *sink;
    struct buf entries; /* struct entry, as written */
    struct buf info;    /* bag-info.txt */
    struct hash *hash;  /* of the file that is open */
    struct entry entry;
    int64_t files, bytes;
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

int bag_new(struct bag **out, const char *path, int64_t at_us, struct err *err)
{
    struct bag *b = *out = calloc(1, sizeof *b);
    if (!b)
        return err_set(err, ERR_NOMEM, "no memory for a package");
    buf_init(&b->entries, LIST_BYTES_MAX);
    buf_init(&b->info, TEXT_BYTES_MAX);
    int rc = sink_new(&b->sink, path, at_us, err);
    if (rc < 0)
        bag_free(out);
    return rc;
}

void bag_free(struct bag **bag)
{
    struct bag *b = *bag;
    if (!b)
        return;
    hash_free(&b->hash);
    sink_free(&b->sink);
    buf_clear(&b->entries);
    buf_clear(&b->info);
    free(b);
    *bag = NULL;
}

int bag_begin(struct bag *bag, const char *name, int64_t size, struct err *err)
{
    if (!name_ok(name))
        return err_set(err, ERR_MALFORMED, "'%.80s' cannot be a file of a package", name);
    bag->entry = (struct entry){.bytes = size};
    snprintf(bag->entry.name, sizeof bag->entry.name, "%s", name);
    hash_free(&bag->hash);
    int rc = hash_new(&bag->hash, err);
    return rc < 0 ? rc : sink_begin(bag->sink, name, size, err);
}

int bag_write(struct bag *bag, const void *data, size_t n, struct err *err)
{
    hash_update(bag->hash, data, n);
    return sink_write(bag->sink, data, n, err);
}

int bag_end(struct bag *bag, char sha256[HASH_HEX_ROOM], struct err *err)
{
    uint8_t digest[HASH_BYTES];
    int rc = hash_final(bag->hash, digest, err);
    if (rc == ERR_OK)
        rc = sink_end(bag->sink, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, bag->entry.sha256);
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
    int rc = bag_begin(bag, name, (int64_t)n, err);
    if (rc == ERR_OK && n > 0)
        rc = bag_write(bag, data, n, err);
    return rc < 0 ? rc : bag_end(bag, NULL, err);
}

int bag_put_file(struct bag *bag, const char *name, FILE *from, struct err *err)
{
    uint8_t piece[64 << 10];
    int64_t size = fseeko(from, 0, SEEK_END) == 0 ? ftello(from) : -1;
    int rc = size < 0 ? err_sys(err, "measure %s", name) : bag_begin(bag, name, size, err);
    if (rc == ERR_OK)
        rewind(from);
    for (size_t n = 1; rc == ERR_OK && n > 0;) {
        n = fread(piece, 1, sizeof piece, from);
        if (ferror(from))
            rc = err_sys(err, "read %s", name);
        else if (n > 0)
            rc = bag_write(bag, piece, n, err);
    }
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

const char *bag_find(const struct bag *bag, const char *begins)
{
    const struct entry *e = (const void *)buf_data(&bag->entries);
    for (size_t i = 0; i < bag->entries.used / sizeof *e; i++)
        if (strncmp(e[i].name, begins, strlen(begins)) == 0)
            return e[i].name;
    return NULL;
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
    struct entry *e = n ? (void *)(bag->entries.mem + bag->entries.start) : NULL;
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

int bag_close(struct bag *bag, struct buf *tags, char tag_sha256[HASH_HEX_ROOM], struct err *err)
{
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
    return sink_finish(bag->sink, err);
}

#define _GNU_SOURCE /* sync_file_range */
/* A package is written: first where its files go, a folder or a zip; upon that, what BagIt asks. */
#include "bag_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMES_BYTES_MAX = 64 << 20,
    WRITEBACK_BYTES = 16 << 20,   /* the disk begins with these while more are hashed */
    ENTRIES_BYTES_MAX = 64 << 20, /* 180 000 files */
    TEXT_BYTES_MAX = 64 << 20,
};

/* ---- where files go ---- */

/* It grows under a temporary name beside the one that it will have. */
struct sink {
    char *path;
    struct workdir work; /* a folder grows as this, a zip in it */
    char *zip_path;      /* of a zip, while it grows */
    struct zip *zip;     /* NULL: a folder */
    char *top;           /* folder within the zip */

    /* a folder's */
    int fd;     /* of the file that is open; -1 */
    char *file; /* its path */
    int64_t size, written, started;
    struct buf names; /* of all files, each with its NUL: they are synced at the end */
};

static bool is_zip(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".zip") == 0;
}

static void forget_file(struct sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    free(s->file);
    s->file = NULL;
}

static void sink_free(struct sink **sink)
{
    struct err unimportant;
    struct sink *s = *sink;
    if (!s)
        return;
    forget_file(s);
    if (s->work.path && fsx_remove_tree(s->work.path, &unimportant) < 0)
        fprintf(stderr, "dashspool: %s; remove it by hand\n", unimportant.text);
    workdir_close(&s->work);
    zip_free(&s->zip);
    buf_clear(&s->names);
    free(s->path);
    free(s->zip_path);
    free(s->top);
    free(s);
    *sink = NULL;
}

static int sink_new(struct sink **out, const char *path, int64_t at_us, struct err *err)
{
    struct sink *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "a package");
    s->fd = -1;
    s->work = WORKDIR_NONE;
    buf_init(&s->names, NAMES_BYTES_MAX);
    struct stat st;
    char *parent = NULL, *name = NULL, *prefix = NULL;
    int rc = fsx_split(path, &parent, &name, err);
    if (rc == ERR_OK)
        rc = fsx_path(&s->path, err, "%s/%s", parent, name);
    if (rc == ERR_OK && lstat(s->path, &st) == 0)
        rc =
            err_set(err, ERR_BUSY, "%s already exists; choose another name, or move it away", path);
    if (rc == ERR_OK && (rc = fsx_path(&prefix, err, "%s" BAG_UNFINISHED, name)) == ERR_OK)
        rc = workdir_open(&s->work, parent, prefix, err);
    if (rc == ERR_OK && is_zip(name)) {
        rc = fsx_path(&s->zip_path, err, "%s/zip", s->work.path);
        if (rc == ERR_OK && (rc = zip_new(&s->zip, s->zip_path, at_us, err)) == ERR_OK)
            rc = fsx_path(&s->top, err, "%.*s", (int)(strlen(name) - 4), name);
    } else if (rc == ERR_OK && chmod(s->work.path, 0750) < 0)
        rc = err_sys(err, "open %s to its group", s->work.path);
    free(parent);
    free(name);
    free(prefix);
    if (rc < 0)
        sink_free(out);
    return rc;
}

/* The folders that a file lies in. */
static int make_parents(char *path, struct err *err)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int rc = fsx_mkdirs(path, err);
    *slash = '/';
    return rc;
}

static int file_begin(struct sink *s, const char *name, struct err *err)
{
    forget_file(s);
    s->written = s->started = 0;
    int rc = fsx_path(&s->file, err, "%s/%s", s->work.path, name);
    if (rc == ERR_OK && (rc = make_parents(s->file, err)) == ERR_OK)
        rc = buf_append(&s->names, name, strlen(name) + 1, err);
    if (rc < 0)
        return rc;
    s->fd = open(s->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (s->fd < 0 && errno == EEXIST)
        return err_set(err, ERR_MALFORMED, "%s comes twice in a package", name);
    return s->fd < 0 ? err_sys(err, "create %s", s->file) : ERR_OK;
}

/* Only a hint to the disk: whether it is there, fsync() says at the end. */
static void start_writeback(struct sink *s)
{
    sync_file_range(s->fd, s->started, s->written - s->started, SYNC_FILE_RANGE_WRITE);
    s->started = s->written;
}

static int file_write(struct sink *s, const void *data, size_t n, struct err *err)
{
    s->written += (int64_t)n;
    if (s->written > s->size)
        return err_set(err, ERR_MALFORMED, "%s has more than the %lld bytes that were announced",
                       s->file, (long long)s->size);
    if (fsx_write_all(s->fd, data, n, err) < 0)
        return err_wrap(err, "%s", s->file);
    if (s->written - s->started >= WRITEBACK_BYTES)
        start_writeback(s);
    return ERR_OK;
}

static int file_end(struct sink *s, struct err *err)
{
    if (s->written != s->size)
        return err_set(err, ERR_MALFORMED, "%s has %lld bytes, not %lld", s->file,
                       (long long)s->written, (long long)s->size);
    start_writeback(s);
    int closed = close(s->fd);
    s->fd = -1;
    return closed < 0 ? err_sys(err, "close %s", s->file) : ERR_OK;
}

/* Bytes of a name up to its last '/'; 0: none. */
static size_t parent_bytes(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

/* The files, then the directories that name them; a directory was synced into its parent when it
 * was made. The disk has begun with the files long ago: most of these calls find nothing to do. */
static int sync_folder(const struct sink *s, struct err *err)
{
    const char *names = (const char *)buf_data(&s->names), *last = "";
    int rc = ERR_OK;
    for (size_t at = 0; rc == ERR_OK && at < s->names.used; at += strlen(names + at) + 1) {
        char *path = NULL;
        if ((rc = fsx_path(&path, err, "%s/%s", s->work.path, names + at)) == ERR_OK)
            rc = fsx_sync_file(path, err);
        free(path);
    }
    for (size_t at = 0; rc == ERR_OK && at < s->names.used; at += strlen(names + at) + 1) {
        const char *name = names + at;
        size_t n = parent_bytes(name);
        char *dir = NULL;
        if (n > 0 && (parent_bytes(last) != n || strncmp(last, name, n) != 0)) {
            rc = fsx_path(&dir, err, "%s/%.*s", s->work.path, (int)n, name);
            if (rc == ERR_OK)
                rc = fsx_sync_dir(dir, err);
            free(dir);
        }
        last = names + at;
    }
    return rc < 0 ? rc : fsx_sync_dir(s->work.path, err);
}

/* ---- a bag ---- */

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

int bag_new(struct bag **out, const char *path, int64_t at_us, struct err *err)
{
    struct bag *b = *out = calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err, "a package");
    buf_init(&b->entries, ENTRIES_BYTES_MAX);
    buf_init(&b->info, TEXT_BYTES_MAX);
    int rc = sink_new(&b->sink, path, at_us, err);
    if (rc < 0)
        bag_free(out);
    return rc;
}

int bag_begin(struct bag *bag, const char *name, int64_t size, struct err *err)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/");
    if (!(n > 0 && n < BAG_NAME_ROOM && name[n] == '\0' && name[0] != '/' && name[0] != '.' &&
          !strstr(name, "/.") && !strstr(name, "//") && name[n - 1] != '/'))
        return err_set(err, ERR_MALFORMED, "'%.80s' cannot be a file of a package", name);
    bag->entry = (struct entry){.bytes = size};
    snprintf(bag->entry.name, sizeof bag->entry.name, "%s", name);
    hash_free(&bag->hash);
    int rc = hash_new(&bag->hash, err);
    if (rc != ERR_OK)
        return rc;
    char *inside = NULL;
    bag->sink->size = size;
    if (!bag->sink->zip)
        return file_begin(bag->sink, name, err);
    rc = fsx_path(&inside, err, "%s/%s", bag->sink->top, name);
    if (rc == ERR_OK)
        rc = zip_begin(bag->sink->zip, inside, size, err);
    free(inside);
    return rc;
}

int bag_write(struct bag *bag, const void *data, size_t n, struct err *err)
{
    hash_update(bag->hash, data, n);
    return bag->sink->zip ? zip_write(bag->sink->zip, data, n, err)
                          : file_write(bag->sink, data, n, err);
}

int bag_end(struct bag *bag, char sha256[HASH_HEX_ROOM], struct err *err)
{
    uint8_t digest[HASH_BYTES];
    int rc = hash_final(bag->hash, digest, err);
    if (rc == ERR_OK)
        rc = bag->sink->zip ? zip_end(bag->sink->zip, err) : file_end(bag->sink, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, bag->entry.sha256);
    if (bag_is_payload(bag->entry.name)) {
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

int bag_put_info(struct bag *bag, enum bag_key key, const char *value, struct err *err)
{
    return bag_info_line(&bag->info, key, value, err);
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

/* By name. */
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
        if (bag_is_payload(e[i].name) == payload)
            rc = bag_manifest_line(&text, e[i].sha256, e[i].name, err);
    }
    if (rc == ERR_OK)
        rc = bag_put(bag, name, buf_data(&text), text.used, err);
    if (rc == ERR_OK && copy)
        rc = buf_append(copy, buf_data(&text), text.used, err);
    buf_clear(&text);
    return rc;
}

int bag_close(struct bag *bag, struct buf *tags, char tag_sha256[HASH_HEX_ROOM], struct err *err)
{
    int rc = put_manifest(bag, BAG_MANIFEST, true, NULL, err);
    if (rc == ERR_OK) {
        char oxum[48];
        bag_oxum(oxum, bag->bytes, bag->files);
        rc = bag_put(bag, BAG_DECLARATION, BAG_DECLARATION_TEXT, strlen(BAG_DECLARATION_TEXT), err);
        if (rc == ERR_OK && (rc = bag_put_info(bag, BAG_PAYLOAD_OXUM, oxum, err)) == ERR_OK)
            rc = bag_put(bag, BAG_INFO, buf_data(&bag->info), bag->info.used, err);
    }
    if (rc == ERR_OK)
        rc = put_manifest(bag, BAG_TAG_MANIFEST, false, tags, err);
    if (rc == ERR_OK)
        memcpy(tag_sha256, bag->entry.sha256, HASH_HEX_ROOM); /* the file put last */
    return rc;
}

int bag_finish(struct bag *bag, struct err *err)
{
    /* Whatever fails, nothing has the name then. */
    struct sink *s = bag->sink;
    const char *from = s->zip ? s->zip_path : s->work.path;
    char *parent = NULL, *name = NULL;
    int rc = s->zip ? zip_finish(s->zip, err) : sync_folder(s, err);
    if (rc == ERR_OK)
        rc = fsx_split(s->path, &parent, &name, err);
    if (rc == ERR_OK && (rc = fsx_rename_new(from, s->path, err)) == ERR_BUSY)
        err_set(err, ERR_BUSY, "%s was created in the meantime; choose another name", s->path);
    if (rc == ERR_OK && (rc = fsx_sync_dir(parent, err)) < 0 &&
        rename(s->path, from) < 0) /* it has its name, undurably */
        fprintf(stderr, "dashspool: %s may be incomplete on disk; remove it by hand\n", s->path);
    /* Now, before anybody notes the package: who notes it looks for leftovers no more. */
    if (rc == ERR_OK && s->zip)
        workdir_close(&s->work);
    free(parent);
    free(name);
    return rc;
}

/* ---- one file more ---- */

struct adding {
    struct zip *zip;
    char top[BAG_READ_NAME_ROOM];
};

static int add_top(void *arg, const char *top, struct err *err)
{
    struct adding *a = arg;
    (void)err;
    snprintf(a->top, sizeof a->top, "%s", top);
    return ERR_OK;
}

static int add_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct adding *a = arg;
    char *inside = NULL;
    int rc = fsx_path(&inside, err, "%s%s%s", a->top, a->top[0] ? "/" : "", name);
    if (rc == ERR_OK)
        rc = zip_begin(a->zip, inside, size, err);
    free(inside);
    return rc;
}

static int add_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct adding *a = arg;
    return zip_write(a->zip, data, n, err);
}

static int add_end(void *arg, struct err *err)
{
    struct adding *a = arg;
    return zip_end(a->zip, err);
}

/* When the package was exported; where it does not say so, now. */
static int64_t exported_us(const struct buf *info)
{
    struct bag_value v = {NULL, 0};
    char text[CLOCK_TEXT_ROOM];
    int64_t at_us;
    struct err err;
    if (!bag_info_next(buf_data(info), info->used, BAG_EXPORTED_AT, &v) || v.n >= sizeof text)
        return clock_utc_us();
    snprintf(text, sizeof text, "%.*s", (int)v.n, v.at);
    return clock_parse(text, 0, &at_us, NULL, &err) == ERR_OK ? at_us : clock_utc_us();
}

static int add_to_zip(const char *package, const char *name, const void *data, size_t n,
                      struct err *err)
{
    struct adding a = {.zip = NULL};
    struct workdir work = WORKDIR_NONE;
    char *parent = NULL, *base = NULL, *prefix = NULL, *path = NULL;
    int rc = fsx_split(package, &parent, &base, err);
    if (rc == ERR_OK && (rc = fsx_path(&prefix, err, "%s" BAG_UNFINISHED, base)) == ERR_OK &&
        (rc = workdir_open(&work, parent, prefix, err)) == ERR_OK)
        rc = fsx_path(&path, err, "%s/zip", work.path);
    if (rc == ERR_OK) {
        static const struct bag_reader all = {add_top, add_begin, add_data, add_end, NULL};
        struct bag_text info = {.name = BAG_INFO};
        buf_init(&info.text, TEXT_BYTES_MAX);
        rc = bag_read_texts(package, &info, 1, err);
        if (rc == ERR_OK && (rc = zip_new(&a.zip, path, exported_us(&info.text), err)) == ERR_OK &&
            (rc = bag_read(package, NULL, &all, &a, err)) == ERR_OK &&
            (rc = add_begin(&a, name, (int64_t)n, err)) == ERR_OK)
            rc = zip_write(a.zip, data, n, err);
        if (rc == ERR_OK)
            rc = zip_end(a.zip, err);
        buf_clear(&info.text);
        if (rc == ERR_OK)
            rc = zip_finish(a.zip, err);
    }
    if (rc == ERR_OK)
        rc = fsx_rename(path, package, err);
    zip_free(&a.zip);
    workdir_close(&work);
    free(parent);
    free(base);
    free(prefix);
    free(path);
    return rc;
}

int bag_add(const char *package, const char *name, const void *data, size_t n, struct err *err)
{
    struct stat st;
    char *path = NULL;
    if (stat(package, &st) < 0)
        return err_sys(err, "stat %s", package);
    if (!S_ISDIR(st.st_mode))
        return add_to_zip(package, name, data, n, err);
    int rc = fsx_path(&path, err, "%s/%s", package, name);
    if (rc == ERR_OK && (rc = make_parents(path, err)) == ERR_OK)
        rc = fsx_write_file(path, data, n, err);
    free(path);
    return rc;
}

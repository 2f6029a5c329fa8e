/* A package that somebody made before, as far as its manifests tell. */
#include "package_look.h"
#include "dashspool/archive.h"
#include "dashspool/export_verify.h"
#include "dashspool/hash.h"
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)64 << 20)

struct reading {
    struct package_look *look;
    struct buf *now; /* NULL: another file */
};

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct reading *r = arg;
    (void)size;
    (void)err;
    r->now = strcmp(name, "tagmanifest-sha256.txt") == 0 ? &r->look->tags
             : strcmp(name, "manifest-sha256.txt") == 0  ? &r->look->manifest
             : strcmp(name, "bag-info.txt") == 0         ? &r->look->info
                                                         : NULL;
    return ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct reading *r = arg;
    return r->now ? buf_append(r->now, data, n, err) : ERR_OK;
}

static int on_end(void *arg, struct err *err)
{
    (void)arg;
    (void)err;
    return ERR_OK;
}

static void not_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                     const char *text)
{
    (void)arg;
    (void)check;
    (void)verdict;
    (void)text;
}

int package_look(struct package_look *out, const char *path, struct err *err)
{
    static const struct archive_reader reader = {NULL, on_begin, on_data, on_end};
    static const struct archive_limits limits = {0, 0};
    static const struct verify_listener nobody = {not_told, NULL, NULL};
    const struct verify_request request = {.path = path};
    struct reading r = {out, NULL};
    bool good = false;
    buf_init(&out->tags, TEXT_BYTES_MAX);
    buf_init(&out->manifest, TEXT_BYTES_MAX);
    buf_init(&out->info, TEXT_BYTES_MAX);
    int rc = verify_package(&request, &nobody, &good, err);
    if (rc == ERR_OK && !good)
        rc = err_set(err, ERR_MALFORMED,
                     "package %s was changed; run 'dashspool verify' for details", path);
    if (rc == ERR_OK)
        rc = archive_read(path, &limits, &reader, &r, err);
    if (rc == ERR_OK)
        rc = hash_text(buf_data(&out->tags), out->tags.used, out->tag_sha256, err);
    if (rc == ERR_OK)
        rc = buf_append(&out->manifest, "", 1, err);
    return rc < 0 ? rc : buf_append(&out->info, "", 1, err);
}

void package_look_clear(struct package_look *look)
{
    buf_clear(&look->tags);
    buf_clear(&look->manifest);
    buf_clear(&look->info);
}

bool package_look_has(const struct package_look *look, const struct catalogue_transfer *t)
{
    char line[HASH_HEX_ROOM + CATALOGUE_ID_ROOM + 20];
    snprintf(line, sizeof line, "%s  data/master/%s.", t->sha256, t->id);
    return strstr((const char *)buf_data(&look->manifest), line) != NULL;
}

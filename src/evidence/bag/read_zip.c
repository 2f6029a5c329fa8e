#include "names.h"
#include "zip_map.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16 };

/* Names, order, sizes and kinds come from the map; libarchive unpacks and checks the CRC-32. It
 * never gets to see a zip that the map did not accept, and knows no other format or filter. */

static int translate(struct archive *a, const struct package *p, const char *name, struct err *err)
{
    char shown[NAMES_SHOWN_ROOM];
    const char *text = archive_error_string(a);
    int e = archive_errno(a);
    int code = e == ENOMEM ? ERR_NOMEM : e == EIO ? ERR_IO : ERR_MALFORMED;
    text = text ? text : "no reason given";
    return err_set(err, code, "%s: '%s' cannot be unpacked: %s", p->path, name,
                   names_shown(text, strlen(text), shown));
}

static int wrong_size(const struct package *p, const char *name, int64_t size, int64_t got,
                      struct err *err)
{
    return err_set(err, ERR_MALFORMED,
                   "%s: '%s' claims %" PRId64 " bytes; there are %s, at least %" PRId64, p->path,
                   name, size, got > size ? "more" : "fewer", got);
}

static int read_content(struct archive *a, const struct package *p, const char *name, int64_t size,
                        struct err *err)
{
    int64_t got = 0;
    for (;;) {
        const void *block;
        size_t n = 0;
        la_int64_t at = 0;
        int status = archive_read_data_block(a, &block, &n, &at);
        if (status == ARCHIVE_EOF)
            break;
        if (status != ARCHIVE_OK)
            return translate(a, p, name, err);
        if (at != got || n > (uint64_t)(size - got))
            return wrong_size(p, name, size, at + (int64_t)n, err);
        got += (int64_t)n;
        int rc = n > 0 ? p->fns->data(p->arg, block, n, err) : ERR_OK;
        if (rc < 0)
            return rc;
    }
    return got == size ? ERR_OK : wrong_size(p, name, size, got, err);
}

static int read_entry(struct archive *a, const struct package *p, const struct zip_map *map,
                      size_t i, struct err *err)
{
    const struct zip_entry *e = &map->entries[i];
    const char *name = zip_map_name(map, i);
    struct archive_entry *header = NULL;
    /* A warning is about a name or a time: those are not taken from here. */
    int status = archive_read_next_header(a, &header);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return translate(a, p, name, err);
    if (archive_entry_filetype(header) != (e->is_folder ? AE_IFDIR : AE_IFREG) ||
        archive_entry_size(header) != e->size)
        return err_set(err, ERR_MALFORMED, "%s: '%s' is something else by its extra fields",
                       p->path, name);
    if (e->is_folder || !package_wants(p, name))
        return ERR_OK;
    int rc = p->fns->begin(p->arg, name, e->size, err);
    if (rc == ERR_OK)
        rc = read_content(a, p, name, e->size, err);
    if (rc == ERR_OK)
        rc = p->fns->end(p->arg, err);
    return rc;
}

static int read_entries(const struct package *p, const struct zip_map *map, struct err *err)
{
    struct archive *a = archive_read_new();
    int rc = ERR_OK;
    if (!a)
        return err_set(err, ERR_NOMEM, "no memory to read %s", p->path);
    if (archive_read_support_format_zip_seekable(a) != ARCHIVE_OK ||
        archive_read_open_fd(a, p->fd, BLOCK_BYTES) != ARCHIVE_OK)
        rc = translate(a, p, "", err);
    for (size_t i = 0; i < map->n && rc == ERR_OK; i++)
        rc = read_entry(a, p, map, i, err);
    archive_read_free(a);
    return rc;
}

int package_read_zip(const struct package *p, struct err *err)
{
    struct zip_map map;
    int rc = zip_map_read(&map, p, err);
    if (rc == ERR_OK)
        rc = package_tell_top(p, map.top, err);
    if (rc == ERR_OK && map.n > 0)
        rc = read_entries(p, &map, err);
    zip_map_clear(&map);
    return rc;
}

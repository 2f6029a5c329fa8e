/* zip_map: what is in a zip, after its structure was found to be plain (see archive.h). Internal to
 * archive. */
#ifndef ARCHIVE_ZIP_MAP_H
#define ARCHIVE_ZIP_MAP_H

#include "dashspool/buf.h"
#include "read_internal.h"
#include <stdbool.h>

struct zip_entry {
    int64_t size; /* unpacked */
    size_t name;  /* where it is in names, NUL-terminated; a folder's ends with '/' */
    bool is_folder;
};

struct zip_map {
    struct zip_entry *entries; /* in the order of the file */
    size_t n;
    struct buf names;
    char top[ARCHIVE_NAME_ROOM]; /* the folder that all lie in, or "" */
};

/* p->fd's offset does not move. The map is the caller's storage: zip_map_clear(), also on failure.
 * Errors as archive_read(). */
int zip_map_read(struct zip_map *out, const struct package *p, struct err *err) DS_MUST_CHECK;
void zip_map_clear(struct zip_map *map);

/* An entry's name below the top folder. */
const char *zip_map_name(const struct zip_map *map, size_t i);

#endif

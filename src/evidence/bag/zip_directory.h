/* zip_directory: where the central directory of a zip is, by the records at its end (4.3.14 to
 * 4.3.16). Internal to archive. */
#ifndef ARCHIVE_ZIP_DIRECTORY_H
#define ARCHIVE_ZIP_DIRECTORY_H

#include "read_internal.h"
#include <stdint.h>

struct zip_directory {
    uint64_t entries, at, bytes; /* it ends where the end records begin */
};

/* Errors as archive_read(); ERR_MALFORMED also if something was put before or behind it. */
int zip_directory_find(struct zip_directory *out, const struct package *p, uint64_t file_bytes,
                       struct err *err) DS_MUST_CHECK;

/* n bytes of the file, wherever its offset is. ERR_MALFORMED: it ends before. */
int zip_read_at(const struct package *p, uint64_t at, void *data, size_t n,
                struct err *err) DS_MUST_CHECK;

#endif

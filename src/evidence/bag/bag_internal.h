/*
 * bag: what the writer and the readers of packages share: names, the lines of text files, a package
 * that is read, a zip that is written, and the numbers of APPNOTE.TXT 6.3.10.
 */
#ifndef BAG_INTERNAL_H
#define BAG_INTERNAL_H

#include "dashspool/bag.h"

/* ---- text files (format.c) ---- */

/* A line of bag-info.txt; control characters become spaces. */
int bag_info_line(struct buf *to, enum bag_key key, const char *value,
                  struct err *err) DS_MUST_CHECK;

/* A line of a manifest, as sha256sum -c reads it. */
int bag_manifest_line(struct buf *to, const char *sha256, const char *name,
                      struct err *err) DS_MUST_CHECK;

/* ---- which names a package may have, and which it has had (names.c) ---- */

#define NAMES_SHOWN_ROOM 512

/* n bytes that are hostile, for an error's text: what is not printable ASCII becomes '?'. */
const char *names_shown(const char *name, size_t n, char out[NAMES_SHOWN_ROOM]);

struct names;

int names_new(struct names **out, struct err *err) DS_MUST_CHECK;
void names_free(struct names **names);

/* Judges a name of n bytes (no NUL needed; a folder's without a '/' at its end) and remembers it. A
 * folder may come again, a file may not. ERR_MALFORMED, ERR_NOMEM. */
int names_add(struct names *names, const char *name, size_t n, bool is_folder,
              struct err *err) DS_MUST_CHECK;

/* ---- a package that is read ---- */

struct package {
    const char *path;
    int fd;
    struct bag_limits limits; /* none is 0 */
    struct bag_reader fns;    /* none is NULL */
    void *arg;
};

/* p->fd is a file, whose offset does not move. Errors as bag_read(). */
int zip_read(const struct package *p, struct err *err) DS_MUST_CHECK;

/* ---- a zip that is written ---- */

struct zip;

/* Begins a zip in the new file `path` (mode 0640; ERR_BUSY if there is one). All its entries bear
 * at_us, as bag_new() has it. The caller gives a temporary name, renames after zip_finish(),
 * removes after a failure. */
int zip_new(struct zip **out, const char *path, int64_t at_us, struct err *err) DS_MUST_CHECK;

/* The next entry, of exactly `size` bytes, in pieces; its name as bag_read() promises it.
 * ERR_MALFORMED: another name, or more or fewer bytes come than were announced. After an error only
 * zip_free() makes sense: everything else fails with ERR_MALFORMED. */
int zip_begin(struct zip *z, const char *name, int64_t size, struct err *err) DS_MUST_CHECK;
int zip_write(struct zip *z, const void *data, size_t n, struct err *err) DS_MUST_CHECK;
int zip_end(struct zip *z, struct err *err) DS_MUST_CHECK;

/* Writes the directory, fsyncs and closes the file. The entry in its folder is not synced: the
 * rename does that. */
int zip_finish(struct zip *z, struct err *err) DS_MUST_CHECK;

/* Leaves an unfinished file where it is. */
void zip_free(struct zip **z);

/* ---- its numbers ---- */

enum {
    ZIP_LOCAL = 0x04034b50,      /* 4.3.7 */
    ZIP_DESCRIPTOR = 0x08074b50, /* 4.3.9 */
    ZIP_CENTRAL = 0x02014b50,    /* 4.3.12 */
    ZIP_END64 = 0x06064b50,      /* 4.3.14 */
    ZIP_END64_AT = 0x07064b50,   /* 4.3.15 */
    ZIP_END = 0x06054b50,        /* 4.3.16 */
    ZIP_LOCAL_BYTES = 30,        /* without name and extra fields */
    ZIP_CENTRAL_BYTES = 46,      /* without name, extra fields and comment */
    ZIP_END64_BYTES = 56,
    ZIP_END64_AT_BYTES = 20,
    ZIP_END_BYTES = 22,           /* without comment */
    ZIP_EXTRA_64 = 0x0001,        /* 4.5.3: what does not fit into 32 bits */
    ZIP_EXTRA_UNICODE = 0x7075,   /* 4.6.9: another name */
    ZIP_FLAG_ENCRYPTED = 1 << 0,  /* 4.4.4, also those that follow */
    ZIP_FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC-32 come behind the content */
    ZIP_FLAG_STRONG = 1 << 6,
    ZIP_FLAG_UTF8 = 1 << 11,
    ZIP_FLAG_MASKED = 1 << 13, /* the directory is encrypted */
    ZIP_STORED = 0,            /* 4.4.5 */
    ZIP_DEFLATED = 8,
};

#define ZIP_MAX16 0xffffu     /* "see the Zip64 record" */
#define ZIP_MAX32 0xffffffffu /* … extra field */

#endif

/*
 * archive: evidence packages as folders and as .zip files. Hides libarchive and zlib, and how a zip
 * is laid out (PKWARE APPNOTE.TXT 6.3.10; numbers in brackets are its sections).
 *
 * What is written is always the same bytes for the same entries: no clock, zone, locale, user or
 * umask enters, and no version of a library (footage is stored as it is, it does not compress).
 *
 * What is read is hostile. A package is accepted as a whole or refused, and of what is handed out
 * this holds:
 *
 *  - a name is relative UTF-8 with '/' between its parts; no part is empty, "." or "..", or longer
 *    than 255 bytes; the name has at most 1024 bytes and 32 parts, no backslash and no control
 *    character (C0, DEL, C1, U+2028, U+2029), so that a name is one line and stays in its folder;
 *  - no name comes twice, none differs from another by case only, none is a file and a folder;
 *  - only regular files come. Symbolic links, hard links (a file of a folder that has another name
 *    somewhere), devices, pipes and sockets are refused by name, and never opened;
 *  - a file has exactly the size that was announced, and in a zip the CRC-32 that was noted.
 *
 * A zip must be plain: it begins with the first entry and ends with the end record, without a byte
 * between entries or a comment, and each entry's local header says what the central directory says
 * (4.3.7, 4.3.12); so that every program sees the same files in it. Methods: stored, deflated.
 * Nested archives are files like others.
 *
 * Memory does not grow with the size of files, only with the number of entries. No global state;
 * any thread. Files are opened where they are: nothing is unpacked.
 */
#ifndef DASHSPOOL_ARCHIVE_H
#define DASHSPOOL_ARCHIVE_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_NAME_ROOM       1025 /* longest name, with its NUL */

#define ARCHIVE_ENTRIES_DEFAULT 20000
#define ARCHIVE_BYTES_DEFAULT   (INT64_C(1) << 40)

/* ---- writing a zip ---- */

struct archive_zip;

/* Begins a zip in the new file `path` (mode 0640; ERR_BUSY if there is one). All its entries bear
 * at_us (UTC; what a zip cannot say becomes the nearest it can: 1980 to 2107, even seconds). The
 * caller gives a temporary name, renames after archive_zip_finish(), removes after a failure. */
int archive_zip_new(struct archive_zip **out, const char *path, int64_t at_us,
                    struct err *err) DS_MUST_CHECK;

/* The next entry, of exactly `size` bytes, in pieces. ERR_MALFORMED: the name is not as above, or
 * more or fewer bytes come than were announced. After an error only archive_zip_free() makes sense:
 * everything else fails with ERR_MALFORMED. */
int archive_zip_begin(struct archive_zip *z, const char *name, int64_t size,
                      struct err *err) DS_MUST_CHECK;
int archive_zip_write(struct archive_zip *z, const void *data, size_t n,
                      struct err *err) DS_MUST_CHECK;
int archive_zip_end(struct archive_zip *z, struct err *err) DS_MUST_CHECK;

/* … whole, from memory. */
int archive_zip_bytes(struct archive_zip *z, const char *name, const void *data, size_t n,
                      struct err *err) DS_MUST_CHECK;

/* Writes the directory, fsyncs and closes the file. The entry in its folder is not synced: the
 * rename does that. */
int archive_zip_finish(struct archive_zip *z, struct err *err) DS_MUST_CHECK;

/* Leaves an unfinished file where it is. */
void archive_zip_free(struct archive_zip **z);

/* ---- reading a package ---- */

struct archive_limits {
    int64_t entries; /* files and folders; 0: ARCHIVE_ENTRIES_DEFAULT */
    int64_t bytes;   /* of all files, unpacked; 0: ARCHIVE_BYTES_DEFAULT */
};

/* An error that one of them returns ends the reading and is returned as it is. */
struct archive_reader {
    /* Once, before the files: the one folder that everything in a zip lies in (as when a folder was
     * zipped), or "". Names are told without it. May be NULL. */
    int (*top)(void *arg, const char *top, struct err *err);
    /* A file begins; name is borrowed for the call. */
    int (*begin)(void *arg, const char *name, int64_t size, struct err *err);
    /* Its next bytes (n > 0). Not to be believed before end(). */
    int (*data)(void *arg, const uint8_t *data, size_t n, struct err *err);
    /* It was as long as announced, and its CRC-32 is right. */
    int (*end)(void *arg, struct err *err);
    /* Whether the file is to be read; else it is passed over unopened, and only its name is judged.
     * May be NULL: all are. */
    bool (*want)(void *arg, const char *name);
};

/* Reads the folder or zip `path`: each file once. A folder's names come in byte order, what is in
 * a folder at the folder's place; a zip's in its own order. Everything about a zip but the files'
 * content is checked before the first callback.
 *
 * ERR_MALFORMED: against what is promised above, or changed while it was read; ERR_LIMIT: more than
 * limits, or a zip that unpacks to more than 16 MiB and more than 200 times its bytes;
 * ERR_UNSUPPORTED: encrypted, another method, in parts; ERR_NOTFOUND; ERR_IO. */
int archive_read(const char *path, const struct archive_limits *limits,
                 const struct archive_reader *fns, void *arg, struct err *err) DS_MUST_CHECK;

#endif

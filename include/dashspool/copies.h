/*
 * copies: the one door to ROOT/archive, where the copies of transfers are:
 *
 *     ROOT/archive/<imei>/<yyyy-mm-dd>/<id>[.partial|.tracker].<what it is>
 *
 * The catalogue knows each by its path relative to ROOT. Anybody may have written there, and into
 * the catalogue: no path is believed (copies_path()), no link is followed, and only regular files
 * are read. No state.
 */
#ifndef DASHSPOOL_COPIES_H
#define DASHSPOOL_COPIES_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The directory for the copies of a transfer, which is made: the UTC day of the clip, or of arrival
 * when its time is not known. *out is the caller's. */
int copies_dir(const char *root, const struct catalogue_transfer *t, char **out,
               struct err *err) DS_MUST_CHECK;

/* ROOT/<path of a copy>; *out is the caller's. ERR_MALFORMED: it leads out of archive/. */
int copies_path(char **out, const char *root, const char *path, struct err *err) DS_MUST_CHECK;

/* What a file there must be, by its name: the transfer, and the kind as the catalogue has it.
 * False: no copy has such a name. */
bool copies_parse_name(const char *path, char id[CATALOGUE_ID_ROOM], const char **kind);

/* All that is in archive/ and no directory, by paths relative to ROOT, in the order of the names.
 * What begins with a dot is left out: conversions at work. A ROOT without archive/ has none. */
typedef int copies_fn(void *arg, const char *path, const struct stat *st, struct err *err);
int copies_each(const char *root, copies_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* Opens a copy for reading, and looks at it. ERR_MALFORMED for what is no regular file. */
int copies_open(const char *root, const char *path, int *fd, struct stat *st,
                struct err *err) DS_MUST_CHECK;

/* Its SHA-256; step (may be NULL) is told how many bytes more were read, and ends it by an error.
 */
typedef int copies_step_fn(void *arg, int64_t n, struct err *err);
int copies_hash(const char *root, const char *path, copies_step_fn *step, void *arg,
                char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Copies it, with its times, into the archive of another ROOT, where it is replaced durably when
 * all of it is on disk; the hash of what was copied comes back. */
int copies_duplicate(const char *root, const char *path, const char *to_root, copies_step_fn *step,
                     void *arg, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Deletes it durably; one that is not there is fine. */
int copies_delete(const char *root, const char *path, struct err *err) DS_MUST_CHECK;

/* Deletes what the directory of a transfer has of it besides the copies with a row: what a crash
 * or a full disk left between file and row, and the workdirs (of prefix `stage`) of conversions
 * that were killed. */
int copies_delete_rest(const char *root, const struct catalogue_transfer *t, const char *stage,
                       struct err *err) DS_MUST_CHECK;

#endif

/*
 * copies: the one door to the copies of transfers. Of a machine alone they are in ROOT/archive:
 *
 *     ROOT/archive/<imei>/<yyyy-mm-dd>/<id>[.partial|.tracker].<what it is>
 *
 * Of a site they are objects, by their content and with that name, all in small letters:
 *
 *     copies/<2 hex>/<sha256>/<id>[.partial|.tracker].<what it is>
 *
 * and the archive of a node has only what is being made there. What is looked at is fetched to
 * ROOT/COPIES_FETCHED, where it stays for a while.
 *
 * The catalogue knows each by its path relative to ROOT, length and SHA-256. Anybody may have
 * written to a directory, and into the catalogue: no path is believed (copies_path()), no link is
 * followed, and only regular files are read. No state but connections to the site's store.
 */
#ifndef DASHSPOOL_COPIES_H
#define DASHSPOOL_COPIES_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define COPIES_FETCHED "scratch/.copies" /* no stage is called so */

/* The directory for the copies of a transfer, which is made: the UTC day of the clip, or of arrival
 * when its time is not known. *out is the caller's. */
int copies_dir(const char *root, const struct catalogue_transfer *t, char **out,
               struct err *err) DS_MUST_CHECK;

/* ROOT/<path of a copy>; *out is the caller's. ERR_MALFORMED: it leads out of archive/. */
int copies_path(char **out, const char *root, const char *path, struct err *err) DS_MUST_CHECK;

/* What a file there must be, by its name: the transfer, and the kind as the catalogue has it.
 * False: no copy has such a name. */
bool copies_parse_name(const char *path, char id[CATALOGUE_ID_ROOM], const char **kind);

/* ---- a copy, wherever copies are ---- */

/* The file that was made in ROOT/archive is where copies are, when this returns; before its row is.
 * It may be called again. A copy of a site is no longer in ROOT/archive then. */
int copies_publish(const char *root, const struct catalogue_copy *copy,
                   struct err *err) DS_MUST_CHECK;

/* Its row is another one's by now: what was made earlier under the same path, with another hash,
 * goes, unless it has been overwritten already. */
int copies_replaced(const char *root, const struct catalogue_copy *earlier,
                    struct err *err) DS_MUST_CHECK;

/* A path by which it can be read for the next hour, which ends with its name; *out is the caller's.
 * Of a site it has been fetched, and is what was made; else it may not even be there.
 * ERR_MALFORMED: there is no such place, or the store's object is damaged. ERR_NOTFOUND: the store
 * has none. */
int copies_file(char **out, const char *root, const struct catalogue_copy *copy,
                struct err *err) DS_MUST_CHECK;

/* Opens it for reading, and looks at it. ERR_MALFORMED for what is no regular file. */
int copies_open(const char *root, const struct catalogue_copy *copy, int *fd, struct stat *st,
                struct err *err) DS_MUST_CHECK;

/* Its length, without reading it. ERR_NOTFOUND: missing; ERR_MALFORMED: "not a regular file". */
int copies_look(const char *root, const struct catalogue_copy *copy, int64_t *bytes,
                struct err *err) DS_MUST_CHECK;

/* The SHA-256 of what is there now; step (may be NULL) is told how many bytes more were read, and
 * ends it by an error. */
typedef int copies_step_fn(void *arg, int64_t n, struct err *err);
int copies_hash(const char *root, const struct catalogue_copy *copy, copies_step_fn *step,
                void *arg, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Deletes it durably; one that is not there is fine. */
int copies_delete(const char *root, const struct catalogue_copy *copy,
                  struct err *err) DS_MUST_CHECK;

/* ---- a directory of them: the archive of this machine, or of a backup ---- */

/* All that is in archive/ and no directory, by paths relative to ROOT, in the order of the names.
 * What begins with a dot is left out: conversions at work. A ROOT without archive/ has none. */
typedef int copies_fn(void *arg, const char *path, const struct stat *st, struct err *err);
int copies_each(const char *root, copies_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* The SHA-256 of a file there, as above. */
int copies_hash_file(const char *root, const char *path, copies_step_fn *step, void *arg,
                     char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Copies it, with its times, into the archive of another ROOT, where it is replaced durably when
 * all of it is on disk; the hash of what was copied comes back. */
int copies_duplicate(const char *root, const char *path, const char *to_root, copies_step_fn *step,
                     void *arg, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Deletes a file there, durably; one that is not there is fine. */
int copies_delete_file(const char *root, const char *path, struct err *err) DS_MUST_CHECK;

/* Deletes what the directory of a transfer has of it besides the copies with a row: what a crash
 * or a full disk left between file and row, and the workdirs (of prefix `stage`) of conversions
 * that were killed. */
int copies_delete_rest(const char *root, const struct catalogue_transfer *t, const char *stage,
                       struct err *err) DS_MUST_CHECK;

#endif

/* files: those below ROOT/archive, which anybody may have put there. */
#ifndef UPKEEP_FILES_H
#define UPKEEP_FILES_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* A copy's path as the catalogue has it: archive/…, relative, without "." and "..". */
bool files_archived_ok(const char *path);

/* All that is below ROOT/<dir> and no directory, by paths relative to ROOT, in the order of the
 * names. Links are not followed. What begins with a dot is left out: conversions at work. A
 * directory that is not there has nothing in it. */
typedef int files_fn(void *arg, const char *path, const struct stat *st, struct err *err);
int files_each(const char *root, const char *dir, files_fn *fn, void *arg,
               struct err *err) DS_MUST_CHECK;

/* SHA-256 of a regular file that is no link; step is told how many bytes more were read, and ends
 * it by an error. ERR_MALFORMED for what is no such file. */
typedef int files_step_fn(void *arg, int64_t n, struct err *err);
int files_hash(const char *path, files_step_fn *step, void *arg, char out[HASH_HEX_ROOM],
               struct err *err) DS_MUST_CHECK;

/* Copies such a file to `to`, which is replaced when all of it is on disk, with its times; the hash
 * of what was copied comes back. The entry of `to` is not fsynced. */
int files_copy(const char *from, const char *to, files_step_fn *step, void *arg,
               char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* Deletes a file durably; one that is not there is fine. */
int files_delete(const char *path, struct err *err) DS_MUST_CHECK;

#endif

/*
 * bag: writes a BagIt bag (RFC 8493, version 1.0), a folder or a .zip (sink.h): payload below
 * data/, tag files beside it, SHA-256 manifests of both. What has its name is whole.
 */
#ifndef EXPORT_BAG_H
#define EXPORT_BAG_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BAG_NAME_ROOM 256 /* of a file, "data/master/…", with its NUL */

struct bag;

/* ERR_BUSY if there is something at `path` already; at_us dates the files of a zip. *out is the
 * caller's (bag_free). */
int bag_new(struct bag **out, const char *path, int64_t at_us, struct err *err) DS_MUST_CHECK;

/* A file of `size` bytes, in pieces. Names have '/' between their parts, of letters, digits, '.',
 * '_' and '-' (what needs no escape in a manifest and is a file name everywhere). */
int bag_begin(struct bag *bag, const char *name, int64_t size, struct err *err) DS_MUST_CHECK;
int bag_write(struct bag *bag, const void *data, size_t n, struct err *err) DS_MUST_CHECK;
/* sha256 (may be NULL) is of what was written. */
int bag_end(struct bag *bag, char sha256[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* A whole file from memory. */
int bag_put(struct bag *bag, const char *name, const void *data, size_t n,
            struct err *err) DS_MUST_CHECK;

/* … from a file, all of it, from its beginning. */
int bag_put_file(struct bag *bag, const char *name, FILE *from, struct err *err) DS_MUST_CHECK;

/* A line of bag-info.txt, in the order of the calls; line breaks in value become spaces. */
int bag_info(struct bag *bag, const char *label, const char *value, struct err *err) DS_MUST_CHECK;

/* Writes the manifests and tag files: from now on no payload comes. The text of
 * tagmanifest-sha256.txt, which stands for all of it, is appended to tags (may be NULL); tag_sha256
 * is its SHA-256. What is put behind this (a signature) is in no manifest. */
int bag_close(struct bag *bag, struct buf *tags, char tag_sha256[HASH_HEX_ROOM],
              struct err *err) DS_MUST_CHECK;

/* All of it is on disk, then it has its name. */
int bag_finish(struct bag *bag, struct err *err) DS_MUST_CHECK;

int64_t bag_files(const struct bag *bag); /* payload so far */
int64_t bag_bytes(const struct bag *bag);

/* The first file so far whose name begins so; NULL: there is none. Borrowed until the next file. */
const char *bag_find(const struct bag *bag, const char *begins);

/* What is not finished is removed. */
void bag_free(struct bag **bag);

#endif

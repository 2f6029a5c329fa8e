/* import, inside: a file on its way, and the batch that it is in. */
#ifndef DASHSPOOL_IMPORT_INTERNAL_H
#define DASHSPOOL_IMPORT_INTERNAL_H

#include "dashspool/hash.h"
#include "dashspool/import.h"
#include "dashspool/intake.h"
#include "dashspool/media.h"
#include "dashspool/raw.h"

enum {
    BATCH_FILES = 1024,
    BATCH_BYTES = 16 * 1024 * 1024, /* in memory; larger files are read twice instead */
    PIECE_BYTES = 1024 * 1024,
};

struct item {
    char path[CATALOGUE_FILE_ROOM];
    int fd;
    struct catalogue_stat stat;
    uint8_t *data; /* all of it; NULL: to be read again */
    uint8_t sha256[HASH_BYTES];
    struct media_ending ending;
    struct catalogue_transfer row;
    char sidecar[256]; /* name of the file that the metadata are from; "" */
    /* what became of it */
    char same_as[CATALOGUE_ID_ROOM];
    bool done;    /* by an earlier try, as row.id */
    bool refused; /* it changed: `why` */
    struct err why;
};

struct import {
    char *root;
    struct import_options options;
    struct catalogue *catalogue;
    struct raw *raw;
    struct intake_feeds feeds;
    int lock_fd;
    bool leftovers; /* a failure may have left rows `receiving` */
    bool late;      /* … or jobs that are not put */
    struct item *item[BATCH_FILES];
    size_t n;
    int64_t bytes; /* in memory */
    uint8_t *piece;
};

/* read.c: opens and reads a file into *out, which is the caller's (item_free). ERR_OK with *out
 * NULL: what became of it was reported. Errors are of memory only. */
int item_read(struct import *im, const char *path, bool as_it_is, struct item **out,
              struct err *err) DS_MUST_CHECK;
void item_free(struct item **it);

/* ERR_AGAIN: the file is not any more what item->stat says. */
int item_unchanged(const struct item *it, struct err *err) DS_MUST_CHECK;

/* Exactly n bytes at offset. */
int item_read_at(const struct item *it, int64_t offset, void *out, size_t n,
                 struct err *err) DS_MUST_CHECK;

int stat_path(const char *path, struct catalogue_stat *out, struct err *err) DS_MUST_CHECK;
bool stat_same(const struct catalogue_stat *a, const struct catalogue_stat *b);

/* identity.c: metadata, and what our own JSON says, into item->row. */
void sidecar_read(struct item *it, int64_t now_utc_us);

/* … imei, camera, kind and, where there are no metadata, the time. word_*: a person's. */
void identity_set(struct item *it, const char *word_imei, const char *word_camera,
                  int64_t now_utc_us);

/* store.c: the batch into the stores, while the lock is held. On an error nothing of it counts as
 * stored. */
int store_batch(struct import *im, struct err *err) DS_MUST_CHECK;

/* store.c: rows that a crash or a failure left half-way: stored if the master is sealed, else gone.
 */
int store_repair(struct import *im, struct err *err) DS_MUST_CHECK;

/* read.c: what became of a file, to who asked. */
void tell(struct import *im, const char *path, enum import_outcome outcome, const char *id,
          const char *why);

#endif

/* import, inside: a file on its way, and the batch that it is in. */
#ifndef DASHSPOOL_IMPORT_INTERNAL_H
#define DASHSPOOL_IMPORT_INTERNAL_H

#include "dashspool/hash.h"
#include "dashspool/import.h"
#include "dashspool/intake.h"
#include "dashspool/media.h"
#include "dashspool/raw.h"
#include "dashspool/sandbox.h"
#include "forward/forward.h"

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
    struct forward *forward; /* what is stored goes on to the site, before it counts as taken */
    struct forward_feeds onward;
    struct sandbox_apart *apart; /* looks at files */
    struct look_found *found;    /* … at this one */
    int lock_fd;
    bool leftovers;        /* a failure may have left rows `receiving` */
    bool late;             /* … or jobs that are not put */
    char doubted_imei[16]; /* the last that was told */
    struct item *item[BATCH_FILES];
    size_t n;
    int64_t bytes; /* in memory */
    uint8_t *piece;
};

/* read.c: opens and reads a file into *out, which is the caller's (item_free). ERR_OK with *out
 * NULL: what became of it was reported. Errors: out of memory; nobody looks at files any more. */
int item_read(struct import *im, const char *path, bool as_it_is, struct item **out,
              struct err *err) DS_MUST_CHECK;
void item_free(struct item **it);

/* As intake_holds(); what the site has is here no more. */
int item_holds(struct import *im, const struct catalogue_transfer *t, bool *out,
               struct err *err) DS_MUST_CHECK;

/* A file of this path, length and time was taken (*seen), and what was taken is there, or was
 * deleted on purpose. */
bool item_is_known(struct import *im, const struct item *it, struct catalogue_seen *seen);

/* ERR_AGAIN: the file is not any more what item->stat says. */
int item_unchanged(const struct item *it, struct err *err) DS_MUST_CHECK;

/* Exactly n bytes at offset. */
int item_read_at(const struct item *it, int64_t offset, void *out, size_t n,
                 struct err *err) DS_MUST_CHECK;

int stat_path(const char *path, struct catalogue_stat *out, struct err *err) DS_MUST_CHECK;
bool stat_same(const struct catalogue_stat *a, const struct catalogue_stat *b);

/* look.c: what strangers' bytes and names say of a file. */
#define LOOK_WHY_ROOM 260

struct look_sidecar {              /* one of IMPORT_SIDECARS */
    int taken;                     /* it says something */
    char why[LOOK_WHY_ROOM];       /* that it is not, or not in full; "" nothing to say */
    char of_sha256[HASH_HEX_ROOM]; /* one of ours: of this file alone; "" of the one beside it */
    char imei[16], camera[8];      /* "" unknown */
    struct catalogue_wire wire;
};

struct look_found {
    int end, photo, ours; /* of struct media_ending */
    char note[160];
    char imei[16], camera[8]; /* of name and folders; "" unknown */
    char doubtful_imei[16];   /* likewise, but for its check digit; "" none */
    int has_time, time_local; /* of the name; of a zone that it does not tell, read as UTC */
    int64_t time_us;
    struct look_sidecar sidecar[IMPORT_SIDECARS];
};

#define NAME_AHEAD_US INT64_C(86400000000) /* a name may be of tomorrow: its zone is unknown */

/* Starts the process that looks. */
int look_open(struct sandbox_apart **out, struct err *err) DS_MUST_CHECK;

/* The errors of media_ending() and sandbox_apart_call(). */
int look_at(struct sandbox_apart *apart, const struct item *it, int64_t now_utc_us,
            struct look_found *out, struct err *err) DS_MUST_CHECK;

/* Part of it, apart: what lies beside a file, whatever it is called. *out is its own, or says why
 * not. */
void look_sidecar(struct look_sidecar *out, const uint8_t *data, size_t n, int64_t now_utc_us);

/* Whether that can be: numbers, lengths, words and ends of texts. Its texts become lines that can
 * go to a terminal. */
bool look_found_ok(struct look_found *found, int64_t now_utc_us);

/* identity.c: into item->row (whose hash is set): metadata, imei, camera, kind and, where there are
 * no metadata, the time. words: what a person said. ERR_MALFORMED: in that zone there is no such
 * time as the name tells, or it came twice. */
int identity_set(struct item *it, const struct look_found *found,
                 const struct import_options *words, int64_t now_utc_us,
                 struct err *err) DS_MUST_CHECK;

/* store.c: the batch into the stores, while the lock is held. On an error nothing of it counts as
 * stored. */
int store_batch(struct import *im, struct err *err) DS_MUST_CHECK;

/* store.c: jobs of what is stored; in a site, that has them: it all goes there, or it is an error.
 */
int store_hand_on(struct import *im, struct err *err) DS_MUST_CHECK;

/* store.c: rows that a crash or a failure left half-way: stored if the master is sealed, else gone.
 */
int store_repair(struct import *im, struct err *err) DS_MUST_CHECK;

/* read.c: what a person said of a file (IMEI, camera) and this row, under which it is stored, says
 * otherwise; why: "stored already as ID, under". */
void tell_words(struct import *im, const char *path, const struct catalogue_transfer *row,
                const char *why);

/* read.c: what became of a file, to who asked. */
void tell(struct import *im, const char *path, enum import_outcome outcome, const char *id,
          const char *why);

#endif

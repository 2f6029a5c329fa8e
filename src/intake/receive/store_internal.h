/*
 * store, inside. Who touches what: the loop's thread owns `pending`, `dirty`, `owner`, `done` and
 * the queue; the worker owns the databases and, during a batch, `row`, `hash`, `stored`, `hashed`
 * and the operations of that batch. The loop reads `row`, `have` and `why` only after the batch
 * that changed them was settled.
 */
#ifndef DASHSPOOL_RECEIVE_STORE_INTERNAL_H
#define DASHSPOOL_RECEIVE_STORE_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "store.h"

enum op_type { OP_BEGIN, OP_APPEND, OP_FINISH, OP_ABANDON, OP_PUBLISHED, OP_FROM_0 };

struct op {
    enum op_type type;
    struct transfer *t;
    struct buf data; /* APPEND */
    int64_t offset;
    struct op *next;
};

struct transfer {
    struct catalogue_transfer row;
    struct store_resume resume;
    struct hash *hash;
    int64_t stored; /* bytes in the raw store, this batch's included; -1: ask it */
    int64_t hashed; /* bytes that `hash` has seen */
    uint8_t sha256[HASH_BYTES];
    bool have_sha256;
    bool resumed, counted; /* BEGIN took up a partial; the end has added its numbers to the row */
    bool dead;             /* it can never be whole here; `why` tells */
    struct err why;
    int64_t have; /* bytes the camera need not send */
    bool from_0;  /* it is known that the camera counts so */

    struct buf pending;   /* bytes that no operation has yet */
    size_t last_bytes;    /* how many the last operation took: as much room has the next from the
                             start, and a slow camera no more than it needs */
    int64_t queued_bytes; /* offset of the next operation's bytes */
    int64_t began_us;     /* of this connection, UTC */
    char peer[64];
    struct transfer *next_dirty;
    bool dirty;
    bool ending;                /* its end is queued, and frees it */
    char id[CATALOGUE_ID_ROOM]; /* the loop's copy of row.id */
    void *owner;                /* NULL: nobody waits */
    store_done_fn *done;
    struct op begin, end, publish, count_from_0; /* these need no memory when they are due */
    struct catalogue_arrival part;               /* what this connection brought; set with `end` */
    bool incomplete;                 /* FINISH: bytes are missing here; treat as ABANDON */
    bool again;                      /* BEGIN found it whole: `row` is another transfer's by now */
    char same_as[CATALOGUE_ID_ROOM]; /* FINISH: set by the batch when the file came before */
    int64_t same_key;                /* … and its key */
    int64_t goes_on;                 /* FINISH: the key of what the site is to have; 0: it has it */
    int64_t wait_until_us;           /* monotonic; while it waits for the site */
    struct transfer *next_waiting;
};

struct op_list {
    struct op *first, **last;
    size_t bytes;
};

enum { OTHERS_MAX = 64 };

/* The databases, as a batch uses them. */
struct stores {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    struct store_options options;
    const struct intake_feeds *feeds;
    struct spool_look { /* at ROOT/spool, as it was when all jobs were there */
        ino_t inode;
        struct timespec changed; /* a stage was removed, or came */
    } spool;
    /* Transfers here that were taken for another file: cameras send that whole. */
    int64_t other[OTHERS_MAX];
    size_t n_others;
};

/* batch.c: does all operations of a list, durably, in the order of store.h. A negative return is
 * temporary: nothing is answered, call again with the same list. */
int batch_commit(struct stores *s, const struct op_list *list, struct err *err) DS_MUST_CHECK;

/* batch.c: what a crash left; jobs are put for the stages that these feed. */
int repair_run(struct stores *s, struct err *err) DS_MUST_CHECK;

/* batch.c: the same for jobs that were lost with ROOT/spool, or one stage of it, that was
 * removed, or replaced by an old one, since. Only a look where it was not. */
int repair_spool(struct stores *s, struct err *err) DS_MUST_CHECK;

#endif

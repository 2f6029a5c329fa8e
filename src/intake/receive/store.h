/*
 * store: the receiver's side of the disk: group commit. Calls are made on the loop's thread and
 * return at once; what they ask for is done in order, in batches on a worker thread; the answers
 * come back on the loop's thread.
 *
 * A batch is committed as a whole. What can never work for one transfer (a row that somebody
 * removed) ends that transfer alone. What may work later (a full or failing disk, a locked
 * database) leaves the batch as it is: nothing of it is answered, it is tried again with growing
 * pauses, and meanwhile store_trouble() says why no camera may begin or go on. So a camera waits,
 * and nothing is dropped.
 */
#ifndef DASHSPOOL_RECEIVE_STORE_H
#define DASHSPOOL_RECEIVE_STORE_H

#include "dashspool/catalogue.h"
#include "dashspool/spool.h"
#include "dashspool/wire.h"
#include <uv.h>

struct store;
struct transfer;

/* Of a store that is not the end of the way: what it has stored goes on to the site, and somebody
 * else does that (forward.h). Called on the loop's thread. */
struct store_onward {
    bool at_once;    /* a camera is acknowledged when its file is stored here */
    int64_t wait_ms; /* else when the site has it, or not at all after so long */
    void *arg;
    void (*stored)(void *arg, int64_t key); /* this transfer is to be handed on */
    void (*heard)(void *arg, int64_t key);  /* its camera is acknowledged: nobody brings it again */
};

struct store_options {
    int64_t commit_ms;                 /* at least this often while there is something to commit */
    size_t commit_bytes;               /* … or as soon as there is this much */
    size_t queued_bytes;               /* store_full() above this */
    int64_t free_bytes_min;            /* with less free space nothing is taken; 0: any */
    int64_t day_files_max;             /* of one camera and UTC day; 0: any number */
    int64_t day_bytes_max;             /* likewise */
    int64_t retry_ms;                  /* first pause after a failed batch; 0: 500 */
    const char *const *feeds;          /* stages that get jobs; borrowed */
    size_t n_feeds;                    /* 0: only convert */
    const struct spools_known *stages; /* of the settings; borrowed; NULL: not known */
    const struct store_onward *onward; /* borrowed; NULL: it stays here, and gets its jobs */
    /* Called on the loop's thread when a full store, or one in trouble, takes data again; or NULL.
     */
    void (*on_room)(void *arg);
    void *on_room_arg;
};

/* rc is 0 or an error code, with err set; on an error the camera must not be told that anything was
 * stored. After an error of store_begin() the transfer is gone. */
typedef void store_done_fn(void *owner, int rc, const struct err *err);

/* Opens the stores below root and puts right what a crash left. *out is the caller's. */
int store_open(struct store **out, const char *root, uv_loop_t *loop,
               const struct store_options *options, struct err *err) DS_MUST_CHECK;

/* Does what is queued, then closes. All transfers must be finished or abandoned, and the other
 * handles of the loop closed. What cannot be written is left for the repair at the next start. */
void store_close(struct store **store);

/* No more bytes now: too many wait, or there is trouble. */
bool store_full(const struct store *store);

/* Why no new transfer may begin, for a person; NULL: it may. */
const char *store_trouble(const struct store *store);

/* Why stored transfers have no job yet, which is tried again; NULL: they have, or soon will. *n:
 * how many wait. Cameras go on being acknowledged: a transfer without a job is not lost. */
const char *store_jobs_trouble(const struct store *store, size_t *n);

/* The site has transfer `key`: whoever waits for that is answered. */
void store_accepted(struct store *store, int64_t key);

/* How much of an earlier, broken transfer is of use: whole units, and less than all of it. */
struct store_resume {
    int64_t unit_bytes; /* a camera resumes at multiples of this: 1024 by packets, 1 by bytes */
    int64_t bytes_max;
};

/* A new transfer, or the rest of a partial one of the same file: its row is committed, then
 * done(owner, …). With onward, also the end of one that is here whole and that its camera was not
 * told so: its last unit comes again, and is compared with what is here.
 * row is copied; the key and the id are set in the copy. The transfer belongs to
 * the store; the pointer is good until finish or abandon. NULL: out of memory. */
struct transfer *store_begin(struct store *store, const struct catalogue_transfer *row,
                             const struct store_resume *resume, void *owner, store_done_fn *done);

/* The next bytes of the file (copied). ERR_NOMEM. */
int store_append(struct store *store, struct transfer *t, const void *data, size_t n,
                 struct err *err) DS_MUST_CHECK;

/* wire_stats.from_0 of its connection, as soon as it is known: else it would be lost with the
 * receiver, and the transfer could not be resumed. Again is fine. */
void store_count_from_0(struct store *store, struct transfer *t);

/* All bytes are there: seal, record, then done(owner, …), and the job is published. With onward
 * done() waits for the site; ERR_AGAIN: in vain, the file stays here until the site has it. The
 * pointer is not good any more once done() was called. */
void store_finish(struct store *store, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done);

/* The transfer ended early; what came is kept as a partial (nothing, if nothing came). No answer;
 * the owner is forgotten at once. */
void store_abandon(struct store *store, struct transfer *t, const struct wire_stats *stats,
                   const char *why);

/* The owner goes away while an answer is due: it will not be called. */
void store_disown(struct transfer *t);

/* Of a transfer that was answered: */
const char *store_id(const struct transfer *t); /* "" before the row is committed */
int64_t store_have(const struct transfer *t);   /* bytes that need not come again */
bool store_from_0(const struct transfer *t);    /* … and how its camera counts them */
/* Of one that is finished: the stored transfer that it is a duplicate of, and there is no other; ""
 * else. */
const char *store_same_as(const struct transfer *t);

#endif

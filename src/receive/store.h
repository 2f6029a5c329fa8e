/*
 * store: the receiver's side of the disk: group commit. Calls are made on the loop's thread and
 * return at once; what they ask for is done in order, in passes on a worker thread; the answers
 * come back on the loop's thread. A pass is all or nothing for everything in it.
 */
#ifndef DASHSPOOL_RECEIVE_STORE_H
#define DASHSPOOL_RECEIVE_STORE_H

#include "dashspool/catalogue.h"
#include "dashspool/wire_session.h"
#include <uv.h>

struct store;
struct transfer;

struct store_options {
    int64_t commit_ms;   /* at least this often while there is something to commit */
    size_t commit_bytes; /* … or as soon as there is this much */
    size_t queued_bytes; /* store_full() above this */
};

/* rc is 0 or an error code, with err set; on an error the camera must not be told that anything was
 * stored. After an error of store_begin() the owner still calls store_abandon(). */
typedef void store_done_fn(void *owner, int rc, const struct err *err);

/* Opens the stores below root and puts right what a crash left. *out is the caller's. */
int store_open(struct store **out, const char *root, uv_loop_t *loop,
               const struct store_options *options, struct err *err) DS_MUST_CHECK;

/* Called on the loop's thread when a full store has room again. */
void store_on_room(struct store *store, void (*fn)(void *arg), void *arg);

/* Does what is queued, then closes. All transfers must be finished or abandoned, and the other
 * handles of the loop closed. */
void store_close(struct store **store);

bool store_full(const struct store *store);

/* A new transfer: its row is committed, then done(owner, …). row is copied; the key and the id are
 * set in the copy. The transfer belongs to the store; the pointer is good until finish or abandon.
 * NULL: out of memory. */
struct transfer *store_begin(struct store *store, const struct catalogue_transfer *row, void *owner,
                             store_done_fn *done);

/* The next bytes of the file (copied). ERR_NOMEM. */
int store_append(struct store *store, struct transfer *t, const void *data, size_t n,
                 struct err *err) DS_MUST_CHECK;

/* All bytes are there: seal, record, then done(owner, …), and the job is published. The pointer is
 * not good any more once done() was called. */
void store_finish(struct store *store, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done);

/* The transfer ended early; what came is kept as a partial (nothing, if nothing came). No answer;
 * the owner is forgotten at once. */
void store_abandon(struct store *store, struct transfer *t, const struct wire_stats *stats);

/* The owner goes away while an answer is due: it will not be called. */
void store_disown(struct transfer *t);

const char *store_id(const struct transfer *t); /* "" before the row is committed */

#endif

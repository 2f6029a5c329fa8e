/*
 * commit: group commit. What wants to be durable waits on the loop's thread, and is done in batches
 * on a worker thread, one at a time: at least every commit_ms while there is something, and at once
 * where the owner says so (commit_flush()).
 *
 * A batch that fails for a reason that may pass (a full or failing disk, a locked database) stays
 * as it is and is tried again with growing pauses; nothing of it is answered. Meanwhile, and while
 * the disk is nearly full, there is trouble: commit_trouble() says why nothing new may begin. So a
 * device waits, and nothing is dropped.
 */
#ifndef DASHSPOOL_LINK_COMMIT_H
#define DASHSPOOL_LINK_COMMIT_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct commit_options {
    const char *name;      /* of the service, in the log */
    const char *root;      /* whose disk has room or not; borrowed */
    const char *recovered; /* in the log, when trouble is over: "store recovered, …" */
    int64_t commit_ms;
    int64_t retry_ms;       /* first pause after a failed batch; 0: 500 */
    int64_t free_bytes_min; /* with less free space there is trouble; 0: any */

    void *arg; /* of all of these, which are called on the loop's thread but for work() */
    bool (*take)(void *arg); /* makes the next batch of what waits, if none is made; false: none */
    int (*work)(void *arg,
                struct err *err); /* does the batch, on the worker's thread; may be empty */
    void (*settle)(void *arg, int rc, const struct err *err); /* tells its owners, forgets it. rc is
                                                 negative only at the end: it will not be done */
    void (*postpone)(void *arg, int rc, const struct err *err); /* it failed; NULL */
    void (*tick)(void *arg);                                    /* every commit_ms; NULL */
    bool (*urgent)(const void *arg); /* what waits does not wait for the timer */
    bool (*full)(const void *arg);   /* no more now; trouble is part of it */
    void (*on_room)(void *arg);      /* it was full, and is no more; NULL */
    void *on_room_arg;
};

/* The owner's storage; its fields are for reading. */
struct commit {
    struct commit_options options;
    uv_loop_t *loop; /* NULL: not begun */
    uv_timer_t timer;
    uv_work_t work;
    bool busy, closing;
    int64_t began_us; /* the batch that is under way; monotonic */
    int rc;
    struct err err;
    int64_t free_bytes, looked_us;
    int64_t failing_since_us, retry_us; /* monotonic; 0: all is well */
    int64_t retry_ms;
    bool low;
    char trouble[256]; /* "" none */
};

void commit_begin(struct commit *c, uv_loop_t *loop, const struct commit_options *options);

/* Begins the next batch, if none is under way and there is something to do. */
void commit_flush(struct commit *c);

/* For a person; NULL: there is none. */
const char *commit_trouble(const struct commit *c);

/* on_room(), where it was full before a change and is not now. */
void commit_tell_room(const struct commit *c, bool was_full);

/* Does what waits, once, and settles it whatever comes of it; returns when all is done. The other
 * handles of the loop must be closed. also_busy: something of the owner's is under way (NULL). */
void commit_end(struct commit *c, bool (*also_busy)(const void *arg));

#endif

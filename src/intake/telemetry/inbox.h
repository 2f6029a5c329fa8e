/*
 * inbox: the trackers' side of the disk: what they send waits here, and is stored by group commit
 * (link/commit.h). Calls are made on the loop's thread and return at once; the answers come back on
 * it.
 *
 * Frames are answered one by one: those whose records are all on disk, also if another file of the
 * same batch failed. The rest is tried again, with growing pauses; meanwhile inbox_trouble() tells.
 */
#ifndef DASHSPOOL_TELEMETRY_INBOX_H
#define DASHSPOOL_TELEMETRY_INBOX_H

#include "dashspool/avl.h"
#include "dashspool/standing.h"
#include <uv.h>

struct inbox;
struct inbox_frame;

struct inbox_options {
    int64_t commit_ms;      /* at least this often while there is something to commit */
    size_t commit_records;  /* … or as soon as so many wait */
    size_t queued_bytes;    /* inbox_full() above this */
    int64_t free_bytes_min; /* with less free space nothing is taken; 0: any */
    int64_t retry_ms;       /* first pause after a failed batch; 0: 500 */
    void (*on_room)(
        void *arg); /* on the loop's thread: it was full, or in trouble, and is not now */
    void *on_room_arg;
    /* On the loop's thread: a frame of it had new records, which are on disk; NULL. What came again
     * is not told. */
    void (*on_new)(void *arg, const char *imei, int64_t from_ms, int64_t until_ms);
    void *on_new_arg;
    const struct standing *standing; /* whose events are noted before an acknowledgement; NULL */
};

/* rc 0: every record of the frame is on disk. Else it never will be, by this call. */
typedef void inbox_done_fn(void *owner, int rc, const struct err *err);

/* Opens the stores below root; ROOT gets its identity, if it is new. ERR_BUSY: another one has
 * them. *out is the caller's. */
int inbox_open(struct inbox **out, const char *root, uv_loop_t *loop,
               const struct inbox_options *options, struct err *err) DS_MUST_CHECK;

/* Does what waits, then closes. The other handles of the loop must be closed, and all owners gone.
 */
void inbox_close(struct inbox **inbox);

/* A frame of records (copied) that this tracker sent. NULL: out of memory. The pointer is good
 * until done(), or inbox_disown(). */
struct inbox_frame *inbox_put(struct inbox *in, const char *imei, const struct avl_frame *frame,
                              void *owner, inbox_done_fn *done);

/* The owner goes away while its answer is due: the frame is stored all the same. */
void inbox_disown(struct inbox_frame *frame);

/* No more frames now. */
bool inbox_full(const struct inbox *in);
/* Why nothing is answered, for a person; NULL: all is well. */
const char *inbox_trouble(const struct inbox *in);

struct inbox_stats {
    uint64_t records, stored, known; /* since the start: that came and are on disk; new, or not */
};
const struct inbox_stats *inbox_stats(const struct inbox *in);

#endif

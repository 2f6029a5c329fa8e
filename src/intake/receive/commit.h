/*
 * commit: group commit. What the queue holds is done in passes on a worker thread, one at a time,
 * at least every commit_ms and as soon as there are commit_bytes; then it is settled: owners hear
 * the answers, the publisher gets whole transfers, what has ended is freed. A pass that fails stays
 * as it is and is tried again with growing pauses. Meanwhile, and while the disk is nearly full,
 * there is trouble. All calls on the loop's thread.
 */
#ifndef DASHSPOOL_RECEIVE_COMMIT_H
#define DASHSPOOL_RECEIVE_COMMIT_H

#include "queue.h"

struct committer;

/* at and queue are borrowed. room(arg) is called when committer_full() has come to its end. */
int committer_open(struct committer **out, struct stores *at, struct queue *queue, uv_loop_t *loop,
                   void (*room)(void *arg), void *arg, struct err *err) DS_MUST_CHECK;

/* Begins the next pass, if none is under way and there is something to do. */
void committer_flush(struct committer *c);

/* As store_full() and store_trouble(). */
bool committer_full(const struct committer *c);
const char *committer_unavailable(const struct committer *c);

/* Does what is queued, once, and settles it whatever comes of it; runs the loop until then. */
void committer_close(struct committer **c);

#endif

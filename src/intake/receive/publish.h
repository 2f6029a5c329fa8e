/*
 * publish: puts the jobs of stored transfers into the spool, beside the passes and many at a time:
 * a job takes four fsyncs, and no camera that waits for its acknowledgement should wait for these.
 * On the loop's thread, with a worker of its own.
 *
 * Nothing is lost with it: a row says whether its job was put, and the repair at the next start
 * puts what was not.
 */
#ifndef DASHSPOOL_RECEIVE_PUBLISH_H
#define DASHSPOOL_RECEIVE_PUBLISH_H

#include "dashspool/spool.h"
#include "store_internal.h"

struct publisher;

/* rc < 0: for good (the next start tries again); err says why. */
typedef void published_fn(void *arg, struct transfer *t, int rc, const struct err *err);

/* room(arg) is called when publisher_full() has come to its end. */
int publisher_open(struct publisher **out, const char *root, const struct store_options *options,
                   uv_loop_t *loop, published_fn *fn, void (*room)(void *arg), void *arg,
                   struct err *err) DS_MUST_CHECK;

/* Its row is committed. t is the publisher's until fn() is called. */
void publisher_add(struct publisher *p, struct transfer *t);

/* Called now and then: tries again what failed. */
void publisher_tick(struct publisher *p);

/* More wait than should; a failing disk, mostly. */
bool publisher_full(const struct publisher *p);

/* From now on nothing is tried twice: fn() is called for all soon. The loop must run until
 * publisher_idle(). */
void publisher_wind_down(struct publisher *p);
bool publisher_idle(const struct publisher *p);
void publisher_close(struct publisher **p); /* idle */

#endif

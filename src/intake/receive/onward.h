/*
 * onward: what the receiver's store has goes on to the site (forward.h), and the site's word comes
 * back to the loop. Nothing of it where this machine is alone.
 */
#ifndef DASHSPOOL_RECEIVE_ONWARD_H
#define DASHSPOOL_RECEIVE_ONWARD_H

#include "forward/forward.h"
#include "store.h"
#include <jansson.h>

struct onward {
    struct forward *forward; /* NULL: this machine is alone */
    struct forward_feeds feeds;
    struct store_onward calls;
    struct store *store; /* once it is open */
    bool local;          /* ack */
    uv_async_t wake;
    uv_mutex_t lock;
    int64_t accepted[256]; /* by the site, for the loop to tell */
    size_t n;
    bool started, closing;
};

/* For the stages that new transfers go to; borrowed. Of a machine that is alone: nothing. */
int onward_open(struct onward *o, const char *root, uv_loop_t *loop, const char *const *stages,
                size_t n, struct err *err) DS_MUST_CHECK;

/* Before the store is closed; the loop closes its handle. */
void onward_close(struct onward *o);

/* For struct store_options; NULL: this machine is alone. */
const struct store_onward *onward_calls(const struct onward *o);

/* Why no camera may come, into `why`. */
bool onward_full(const struct onward *o, char why[256]);

/* {ack, files, bytes, oldest, accepted, last, trouble, full}; null: this machine is alone. */
json_t *onward_json(const struct onward *o);

#endif

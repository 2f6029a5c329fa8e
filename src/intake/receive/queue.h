/*
 * queue: what the transfers ask for and no pass has taken yet: operations, in their order, and
 * bytes that are gathered to whole chunks before they become one. On the loop's thread.
 */
#ifndef DASHSPOOL_RECEIVE_QUEUE_H
#define DASHSPOOL_RECEIVE_QUEUE_H

#include "store_internal.h"

void op_list_init(struct op_list *list);
void op_list_add(struct op_list *list, struct op *op); /* type and t are set */

struct queue {
    struct op_list ops;
    struct transfer *dirty; /* with pending bytes */
    size_t dirty_bytes;
};

void queue_init(struct queue *q);
void queue_add(struct queue *q, struct op *op, enum op_type type, struct transfer *t);

/* The next bytes of t's file (copied). ERR_NOMEM. */
int queue_bytes(struct queue *q, struct transfer *t, const void *data, size_t n,
                struct err *err) DS_MUST_CHECK;

/* The last bytes of t and its end, in that order. Without memory for the bytes it is incomplete. */
void queue_end(struct queue *q, struct transfer *t, enum op_type type);

/* All operations and bytes to *out, whose content is forgotten. Bytes for which there is no memory
 * stay. */
void queue_take(struct queue *q, struct op_list *out);

/* Bytes that wait. */
size_t queue_waiting(const struct queue *q);

#endif

#include "queue.h"
#include <stdlib.h>

void op_list_init(struct op_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->bytes = 0;
}

void op_list_add(struct op_list *list, struct op *op)
{
    op->next = NULL;
    *list->last = op;
    list->last = &op->next;
    list->bytes += op->data.used;
}

void queue_init(struct queue *q)
{
    *q = (struct queue){0};
    op_list_init(&q->ops);
}

void queue_add(struct queue *q, struct op *op, enum op_type type, struct transfer *t)
{
    op->type = type;
    op->t = t;
    op_list_add(&q->ops, op);
}

/* Turns a transfer's pending bytes into an operation. */
static int add_pending(struct queue *q, struct transfer *t)
{
    if (t->pending.used == 0)
        return ERR_OK;
    struct op *op = calloc(1, sizeof *op);
    if (!op)
        return ERR_NOMEM;
    op->data = t->pending;
    op->offset = t->queued_bytes;
    t->queued_bytes += (int64_t)op->data.used;
    q->dirty_bytes -= op->data.used;
    queue_add(q, op, OP_APPEND, t);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    return ERR_OK;
}

static void add_dirty(struct queue *q)
{
    while (q->dirty) {
        struct transfer *t = q->dirty;
        if (add_pending(q, t) < 0)
            break; /* out of memory: the timer tries again */
        q->dirty = t->next_dirty;
        t->dirty = false;
    }
}

int queue_bytes(struct queue *q, struct transfer *t, const void *data, size_t n, struct err *err)
{
    if (t->pending.used + n > RAW_CHUNK_BYTES && add_pending(q, t) < 0)
        return err_set(err, ERR_NOMEM, "no memory to queue a chunk");
    int rc = buf_append(&t->pending, data, n, err);
    if (rc < 0)
        return rc;
    q->dirty_bytes += n;
    if (!t->dirty) {
        t->dirty = true;
        t->next_dirty = q->dirty;
        q->dirty = t;
    }
    return ERR_OK;
}

static void undirty(struct queue *q, struct transfer *t)
{
    for (struct transfer **p = &q->dirty; *p && t->dirty; p = &(*p)->next_dirty) {
        if (*p == t) {
            *p = t->next_dirty;
            t->dirty = false;
            return;
        }
    }
}

void queue_end(struct queue *q, struct transfer *t, enum op_type type)
{
    undirty(q, t);
    if (add_pending(q, t) < 0) { /* the camera must not hear that all is stored */
        t->incomplete = true;
        q->dirty_bytes -= t->pending.used;
    }
    t->ending = true;
    queue_add(q, &t->end, type, t);
}

void queue_take(struct queue *q, struct op_list *out)
{
    add_dirty(q);
    *out = q->ops;
    if (!q->ops.first)
        op_list_init(out);
    op_list_init(&q->ops);
}

size_t queue_waiting(const struct queue *q)
{
    return q->dirty_bytes + q->ops.bytes;
}

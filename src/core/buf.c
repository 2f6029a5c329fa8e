#include "dashspool/buf.h"
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_clear(struct buf *b)
{
    free(b->mem);
    buf_init(b, b->max_bytes);
}

uint8_t *buf_reserve(struct buf *b, size_t n, struct err *err)
{
    if (n > b->max_bytes || b->used > b->max_bytes - n) {
        err_set(err, ERR_LIMIT, "more than %zu bytes", b->max_bytes);
        return NULL;
    }
    if (b->start + b->used + n > b->room && b->start > 0) {
        memmove(b->mem, b->mem + b->start, b->used);
        b->start = 0;
    }
    if (b->used + n > b->room || !b->mem) { /* also for nothing: NULL is an error */
        size_t room = b->room < 512 ? 512 : b->room * 2;
        if (room < b->used + n)
            room = b->used + n;
        if (room > b->max_bytes)
            room = b->max_bytes;
        uint8_t *mem = realloc(b->mem, room ? room : 1);
        if (!mem) {
            err_nomem(err, "%zu bytes", room);
            return NULL;
        }
        b->mem = mem;
        b->room = room;
    }
    return b->mem + b->start + b->used;
}

void buf_commit(struct buf *b, size_t n)
{
    b->used += n;
}

int buf_append(struct buf *b, const void *data, size_t n, struct err *err)
{
    uint8_t *at = buf_reserve(b, n, err);
    if (!at)
        return err->code;
    if (n)
        memcpy(at, data, n);
    buf_commit(b, n);
    return ERR_OK;
}

void buf_consume(struct buf *b, size_t n)
{
    b->start += n;
    b->used -= n;
    if (b->used == 0)
        b->start = 0;
}

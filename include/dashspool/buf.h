/*
 * buf: a growing byte buffer with a ceiling that is fixed when it is made.
 *
 *     data ──► [ consumed | used bytes | free ]
 *
 * The caller's storage (init/clear). Consumed bytes are reclaimed when room is needed.
 */
#ifndef DASHSPOOL_BUF_H
#define DASHSPOOL_BUF_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *mem;
    size_t start, used, room; /* the used bytes are mem[start .. start+used) */
    size_t max_bytes;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_clear(struct buf *b); /* frees; b may be used again with the same ceiling */

static inline const uint8_t *buf_data(const struct buf *b)
{
    return b->mem ? b->mem + b->start : (const uint8_t *)"";
}

/* Appends n bytes. ERR_LIMIT above the ceiling, ERR_NOMEM; on failure nothing changes. */
int buf_append(struct buf *b, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Makes room for n more bytes and returns where they go (then buf_commit(b, written)), or NULL. */
uint8_t *buf_reserve(struct buf *b, size_t n, struct err *err) DS_MUST_CHECK;
void buf_commit(struct buf *b, size_t n);

/* Drops the first n used bytes (n <= used). */
void buf_consume(struct buf *b, size_t n);

#endif

/*
 * fnv: FNV-1a, 64 bits, to tell texts and facts of our own apart at once. Whoever chooses them can
 * make two meet: not for what must be safe from that (hash.h).
 *
 * G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
 */
#ifndef DASHSPOOL_FNV_H
#define DASHSPOOL_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_BEGIN UINT64_C(0xcbf29ce484222325)

/* n more bytes; the first ones with FNV_BEGIN. */
static inline uint64_t fnv_add(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *at = (const uint8_t *)data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif

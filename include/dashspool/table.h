/*
 * table: things found by a text of theirs, several to a text. Intrusive: a link lies in the thing
 * itself, and nothing is allocated but the buckets. FNV-1a; who floods it with chosen keys must be
 * bounded by other limits.
 */
#ifndef DASHSPOOL_TABLE_H
#define DASHSPOOL_TABLE_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

struct table_link {
    struct table_link *next, **self; /* self NULL: in no table */
    const char *key;                 /* the owner's, unchanged while it is in the table */
    void *owner;
};

struct table {
    struct table_link **bucket;
    size_t n_buckets;
};

/* As many buckets as things are expected, or half of that: chains of 2 or 3. ERR_NOMEM. */
int table_init(struct table *t, size_t n_buckets, struct err *err) DS_MUST_CHECK;
void table_clear(struct table *t); /* its links are the owners'; one that is {0} is fine */

void table_add(struct table *t, struct table_link *link, const char *key, void *owner);
void table_remove(struct table_link *link); /* one that is in none is fine */

/* The next with this key behind `after` (NULL: the first), or NULL. */
struct table_link *table_find(const struct table *t, const char *key,
                              const struct table_link *after);
size_t table_count(const struct table *t, const char *key);

/* ---- FNV-1a ----
 *
 * FNV-1a, 64 bits, to tell texts and facts of our own apart at once. Whoever chooses them can
 * make two meet: not for what must be safe from that (hash.h).
 *
 * G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
 */

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

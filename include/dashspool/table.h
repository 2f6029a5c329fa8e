/*
 * table: things found by a text of theirs, several to a text. Intrusive: a link lies in the thing
 * itself, and nothing is allocated but the buckets. FNV-1a; who floods it with chosen keys must be
 * bounded by other limits.
 */
#ifndef DASHSPOOL_TABLE_H
#define DASHSPOOL_TABLE_H

#include "dashspool/err.h"
#include <stddef.h>

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

#endif

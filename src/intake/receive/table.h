/* table: things found by a text of theirs, several to a text. Intrusive; nothing is allocated. */
#ifndef DASHSPOOL_RECEIVE_TABLE_H
#define DASHSPOOL_RECEIVE_TABLE_H

#include <stddef.h>

#define TABLE_BUCKETS 4096 /* 10 000 connections: chains of 2 or 3 */

struct table_link {
    struct table_link *next, **self; /* self NULL: in no table */
    const char *key;                 /* the owner's, unchanged while it is in the table */
    void *owner;
};

struct table {
    struct table_link *bucket[TABLE_BUCKETS];
};

void table_add(struct table *t, struct table_link *link, const char *key, void *owner);
void table_remove(struct table_link *link); /* one that is in none is fine */

/* The next with this key behind `after` (NULL: the first), or NULL. */
struct table_link *table_find(const struct table *t, const char *key,
                              const struct table_link *after);
size_t table_count(const struct table *t, const char *key);

#endif

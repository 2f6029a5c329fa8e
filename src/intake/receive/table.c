#include "table.h"
#include <stdint.h>
#include <string.h>

/* FNV-1a, 32 bits. Who floods it with chosen keys is closed by the limits on connections. */
static size_t bucket_of(const char *key)
{
    uint32_t h = 2166136261u;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return h % TABLE_BUCKETS;
}

void table_add(struct table *t, struct table_link *link, const char *key, void *owner)
{
    struct table_link **first = &t->bucket[bucket_of(key)];
    *link = (struct table_link){.next = *first, .self = first, .key = key, .owner = owner};
    if (*first)
        (*first)->self = &link->next;
    *first = link;
}

void table_remove(struct table_link *link)
{
    if (!link->self)
        return;
    *link->self = link->next;
    if (link->next)
        link->next->self = link->self;
    *link = (struct table_link){0};
}

struct table_link *table_find(const struct table *t, const char *key,
                              const struct table_link *after)
{
    struct table_link *l = after ? after->next : t->bucket[bucket_of(key)];
    while (l && strcmp(l->key, key) != 0)
        l = l->next;
    return l;
}

size_t table_count(const struct table *t, const char *key)
{
    size_t n = 0;
    for (struct table_link *l = NULL; (l = table_find(t, key, l));)
        n++;
    return n;
}

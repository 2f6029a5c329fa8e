#include "dashspool/table.h"
#include <stdlib.h>
#include <string.h>

int table_init(struct table *t, size_t n_buckets, struct err *err)
{
    t->n_buckets = n_buckets;
    t->bucket = calloc(n_buckets, sizeof(struct table_link *));
    return t->bucket ? ERR_OK : err_nomem(err, "a table");
}

void table_clear(struct table *t)
{
    free(t->bucket);
    *t = (struct table){0};
}

static struct table_link **bucket_of(const struct table *t, const char *key)
{
    return &t->bucket[fnv_add(FNV_BEGIN, key, strlen(key)) % t->n_buckets];
}

void table_add(struct table *t, struct table_link *link, const char *key, void *owner)
{
    struct table_link **first = bucket_of(t, key);
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
    struct table_link *l = after ? after->next : *bucket_of(t, key);
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

#include "files.h"
#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static size_t bucket_of(const char *path)
{
    uint32_t h = 2166136261u;
    for (; *path; path++)
        h = (h ^ (unsigned char)*path) * 16777619u;
    return (h ^ h >> 16) % FILES_BUCKETS;
}

struct entry *files_find(const struct files *t, const char *path)
{
    struct entry *e = t->bucket[bucket_of(path)];
    while (e && strcmp(e->path, path) != 0)
        e = e->next;
    return e;
}

struct entry *files_add(struct files *t, const char *path)
{
    size_t n = strlen(path) + 1, at = bucket_of(path);
    struct entry *e = calloc(1, sizeof *e + n);
    if (!e)
        return NULL;
    memcpy(e->path, path, n);
    e->state = ENTRY_SETTLED;
    e->next = t->bucket[at];
    t->bucket[at] = e;
    t->n++;
    return e;
}

static void unlist(struct files *t, struct entry *e)
{
    if (!e->listed)
        return;
    *(e->before ? &e->before->behind : &t->first) = e->behind;
    *(e->behind ? &e->behind->before : &t->last) = e->before;
    e->before = e->behind = NULL;
    e->listed = false;
}

void files_set_state(struct files *t, struct entry *e, enum entry_state state)
{
    e->state = state;
    if (state != ENTRY_WAITING) {
        unlist(t, e);
    } else if (!e->listed) {
        e->before = t->last;
        *(t->last ? &t->last->behind : &t->first) = e;
        t->last = e;
        e->listed = true;
    }
}

void files_sweep(struct files *t, uint64_t scan)
{
    for (size_t i = 0; i < FILES_BUCKETS; i++)
        for (struct entry **at = &t->bucket[i]; *at;) {
            struct entry *e = *at;
            if (e->scan == scan) {
                at = &e->next;
                continue;
            }
            *at = e->next;
            unlist(t, e);
            free(e);
            t->n--;
        }
}

void files_clear(struct files *t)
{
    files_sweep(t, UINT64_MAX);
}

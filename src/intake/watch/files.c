/* The files that were looked at, and what is said of them. */
#include "dashspool/log.h"
#include "watch_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_BUCKETS = 65536 };

int files_init(struct files *t, struct err *err)
{
    *t = (struct files){0};
    return table_init(&t->by_path, FILES_BUCKETS, err);
}

struct entry *files_find(const struct files *t, const char *path)
{
    struct table_link *link = table_find(&t->by_path, path, NULL);
    return link ? link->owner : NULL;
}

struct entry *files_add(struct files *t, const char *path)
{
    size_t n = strlen(path) + 1;
    struct entry *e = calloc(1, sizeof *e + n);
    if (!e)
        return NULL;
    memcpy(e->path, path, n);
    e->state = ENTRY_SETTLED;
    table_add(&t->by_path, &e->link, e->path, e);
    e->next = t->all;
    t->all = e;
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
    for (struct entry **at = &t->all; *at;) {
        struct entry *e = *at;
        if (e->scan == scan) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        table_remove(&e->link);
        unlist(t, e);
        free(e);
        t->n--;
    }
}

void files_clear(struct files *t)
{
    files_sweep(t, UINT64_MAX);
    table_clear(&t->by_path);
}

const struct top *top_of(const struct watch *w, const char *path)
{
    const struct top *best = NULL;
    size_t longest = 0;
    for (int i = 0; i < w->n_tops; i++) {
        size_t n = strlen(w->top[i].path);
        if (n >= longest && strncmp(path, w->top[i].path, n) == 0 &&
            (path[n] == '/' || strcmp(w->top[i].path, "/") == 0)) {
            best = &w->top[i];
            longest = n;
        }
    }
    return best;
}

void log_skip_once(struct entry *e, const char *why)
{
    char text[400];
    if (strncmp(e->said, why, sizeof e->said - 1) == 0)
        return;
    snprintf(e->said, sizeof e->said, "%s", why);
    log_warn("watch", "file skipped",
             LOG_TEXT("file", import_path_text(e->path, text, sizeof text)),
             LOG_TEXT("reason", why));
}

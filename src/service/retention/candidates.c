/* candidates: by age and by size, the oldest first. */
#include "rules.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int candidates_add(struct candidates *list, const struct candidate *c, struct err *err)
{
    int rc = ERR_OK;
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        struct candidate *all =
            list->n < CANDIDATES_MAX ? realloc(list->all, room * sizeof *all) : NULL;
        if (all) {
            list->all = all;
            list->room = room;
        } else {
            rc = list->n < CANDIDATES_MAX
                     ? err_nomem(err, "sweeping %zu of them", room)
                     : err_set(err, ERR_LIMIT, "more than %zu of them to sweep", CANDIDATES_MAX);
        }
    }
    if (rc == ERR_OK)
        list->all[list->n++] = *c;
    else
        free(c->path);
    return rc;
}

static int by_age(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

void candidates_sort(struct candidates *list)
{
    if (list->n > 0)
        qsort(list->all, list->n, sizeof *list->all, by_age);
}

/* A pool is what one rule has of one camera. Strangers choose the IMEIs: the names are compared
 * themselves, since a hash of them could be made to meet another's. */
static int by_pool(const void *a, const void *b)
{
    const struct candidate *x = *(struct candidate *const *)a, *y = *(struct candidate *const *)b;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    int order = strcmp(x->imei, y->imei);
    return order ? order : strcmp(x->camera, y->camera);
}

int candidates_begin(struct candidates *list, const struct rules *rules, int64_t now_us,
                     struct err *err)
{
    struct candidate **by = calloc(list->n + 1, sizeof(struct candidate *));
    list->rules = rules;
    list->now_us = now_us;
    list->pools = calloc(list->n + 1, sizeof *list->pools);
    if (!by || !list->pools) {
        free(by);
        return err_nomem(err, "sweeping %zu of them", list->n);
    }
    candidates_sort(list);
    for (size_t i = 0; i < list->n; i++)
        by[i] = &list->all[i];
    if (list->n > 0)
        qsort(by, list->n, sizeof(struct candidate *), by_pool);
    uint32_t pool = 0;
    for (size_t i = 0; i < list->n; i++) {
        pool += i > 0 && by_pool(&by[i - 1], &by[i]) != 0;
        by[i]->pool = pool;
        list->pools[pool] += by[i]->bytes;
        list->totals[by[i]->rule] += by[i]->bytes;
    }
    free(by);
    return ERR_OK;
}

const struct candidate *candidates_next(struct candidates *list, char why[CANDIDATES_WHY_ROOM])
{
    while (list->at < list->n) {
        const struct candidate *c = &list->all[list->at++];
        const struct rule *r = &list->rules->rule[c->rule];
        const char *because = r->age_us > 0 && list->now_us - c->at_us > r->age_us ? "age"
                              : r->bytes > 0 && list->totals[c->rule] > r->bytes   ? "size"
                              : r->camera_bytes > 0 && list->pools[c->pool] > r->camera_bytes
                                  ? "size of the camera's"
                                  : NULL;
        if (because) {
            snprintf(why, CANDIDATES_WHY_ROOM, "%s: %s", because, r->text);
            return c;
        }
    }
    return NULL;
}

void candidates_gone(struct candidates *list, const struct candidate *c)
{
    list->totals[c->rule] -= c->bytes;
    list->pools[c->pool] -= c->bytes;
}

void candidates_clear(struct candidates *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->all[i].path);
    free(list->all);
    free(list->pools);
    *list = (struct candidates){NULL};
}

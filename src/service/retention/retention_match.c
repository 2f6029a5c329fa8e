/* sweep: by age and by size, the oldest first. */
#include "dashspool/fnv.h"
#include "sweep_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is there of a rule's, of one camera. */
struct pool {
    uint64_t id;
    int64_t bytes;
};

/* Of a hundred thousand cameras two are one with a chance of 1 to 10⁹. */
uint64_t sweep_pool(int rule, const struct catalogue_transfer *t)
{
    char text[64];
    snprintf(text, sizeof text, "%d/%s/%s", rule, t->imei, t->camera);
    return fnv_add(FNV_BEGIN, text, strlen(text));
}

static int by_age(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_pool(const void *a, const void *b)
{
    const struct pool *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* One entry a pool, by id; *pools is the caller's. */
static int add_up(const struct candidate *c, size_t n, int64_t totals[RULES_MAX],
                  struct pool **pools, size_t *n_pools, struct err *err)
{
    *n_pools = 0;
    *pools = calloc(n ? n : 1, sizeof **pools);
    if (!*pools)
        return err_set(err, ERR_NOMEM, "no memory to sweep %zu of them", n);
    for (size_t i = 0; i < n; i++) {
        (*pools)[i] = (struct pool){c[i].pool, c[i].bytes};
        totals[c[i].rule] += c[i].bytes;
    }
    qsort(*pools, n, sizeof **pools, by_pool);
    for (size_t i = 0; i < n; i++) {
        if (*n_pools > 0 && (*pools)[*n_pools - 1].id == (*pools)[i].id)
            (*pools)[*n_pools - 1].bytes += (*pools)[i].bytes;
        else
            (*pools)[(*n_pools)++] = (*pools)[i];
    }
    return ERR_OK;
}

/* Why it should go, or NULL. */
static const char *reason(const struct sweep *s, const struct candidate *c, const struct rule *r,
                          int64_t total, int64_t of_camera)
{
    if (r->age_us > 0 && s->now_us - c->at_us > r->age_us)
        return "age";
    if (r->bytes > 0 && total > r->bytes)
        return "size";
    return r->camera_bytes > 0 && of_camera > r->camera_bytes ? "size of the camera's" : NULL;
}

static int judge(struct sweep *s, const struct candidate *c, size_t n, const struct rules *rules,
                 sweep_take_fn *take, struct err *err)
{
    int64_t totals[RULES_MAX] = {0};
    struct pool *pools = NULL;
    size_t n_pools;
    int rc = add_up(c, n, totals, &pools, &n_pools, err);
    for (size_t i = 0; rc == ERR_OK && i < n && !sweep_ended(s); i++) {
        char why[RULES_TEXT_ROOM + 32];
        int64_t freed = 0;
        const struct rule *r = &rules->rule[c[i].rule];
        struct pool *pool =
            bsearch(&(struct pool){c[i].pool, 0}, pools, n_pools, sizeof *pools, by_pool);
        const char *because = reason(s, &c[i], r, totals[c[i].rule], pool ? pool->bytes : 0);
        if (!because)
            continue;
        snprintf(why, sizeof why, "%s: %s", because, r->text);
        rc = take(s, &c[i], why, &freed, err);
        if (rc == ERR_OK && freed > 0) {
            totals[c[i].rule] -= c[i].bytes;
            if (pool)
                pool->bytes -= c[i].bytes;
        }
    }
    free(pools);
    return rc;
}

int sweep_judge(struct sweep *s, struct buf *list, const struct rules *rules, sweep_take_fn *take,
                struct err *err)
{
    size_t n = list->used / sizeof(struct candidate);
    if (n == 0)
        return ERR_OK;
    struct candidate *c = malloc(n * sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory to sweep %zu of them", n);
    memcpy(c, buf_data(list), n * sizeof *c);
    qsort(c, n, sizeof *c, by_age);
    int rc = judge(s, c, n, rules, take, err);
    free(c);
    return rc;
}

void sweep_list_clear(struct buf *list)
{
    for (size_t at = 0; at < list->used; at += sizeof(struct candidate)) {
        struct candidate c;
        memcpy(&c, buf_data(list) + at, sizeof c);
        free(c.path);
    }
    buf_clear(list);
}

/* Which job is next. A look reads the directory, and of each job only what it has not seen before:
 * with ten thousand waiting it is their stat() that costs. */
#include "dashspool/clock.h"
#include "dashspool/table.h"
#include "dir.h"
#include <stdlib.h>
#include <string.h>

void dir_order_changed(struct spool *s)
{
    struct dir *spool = dir_of(s);
    buf_consume(&spool->ready, spool->ready.used);
    spool->next = 0;
}

static int by_name(const void *a, const void *b)
{
    const struct spool_ready *x = a, *y = b;
    return strcmp(x->entry.name, y->entry.name);
}

static int by_age(const struct spool_ready *x, const struct spool_ready *y)
{
    if (x->age_us != y->age_us)
        return x->age_us < y->age_us ? -1 : 1;
    return spool_by_age(&x->entry, &y->entry);
}

/* The jobs of a flow together, each flow's in the order in which they take its turns. */
static int by_flow(const void *a, const void *b)
{
    const struct spool_ready *x = a, *y = b;
    if (x->flow != y->flow)
        return x->flow < y->flow ? -1 : 1;
    return x->class != y->class ? (x->class < y->class ? -1 : 1) : by_age(x, y);
}

static int by_turn(const void *a, const void *b)
{
    const struct spool_ready *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return x->turn != y->turn ? (x->turn < y->turn ? -1 : 1) : by_age(x, y);
}

/* What is to be known of a job that was not there at the last look. */
static int learn(struct dir *spool, struct spool_ready *r, struct err *err)
{
    struct spool_order order = {0};
    char *dir = NULL;
    int attempt, rc = spool_path(spool, SPOOL_NEW, r->entry.name, &dir, err);
    if (rc == ERR_OK)
        rc = spool_attempt_read(dir, &attempt, &r->due_us, err);
    if (rc < 0 && dir)
        rc = spool_pass_over(spool, SPOOL_NEW, r->entry.name, true, err);
    free(dir);
    if (spool->common.order)
        spool->common.order(spool->common.order_arg, r->entry.name, &order);
    order.flow[sizeof order.flow - 1] = '\0';
    r->class = order.class;
    /* Two cameras that meet here share their turns; nothing worse. */
    r->flow = fnv_add(FNV_BEGIN, order.flow, strlen(order.flow));
    r->age_us = order.age_us ? order.age_us : spool_time_us(&r->entry.changed);
    return rc;
}

static struct spool_flow *find_flow(struct dir *spool, uint64_t flow)
{
    struct spool_flow *f = (struct spool_flow *)(void *)(spool->flows.mem + spool->flows.start);
    for (size_t i = 0; i < spool->flows.used / sizeof *f; i++)
        if (f[i].flow == flow)
            return &f[i];
    return NULL;
}

/* The k-th job of a flow has its (k + 1)-th turn from now on. */
static void give_turns(struct dir *spool, struct spool_ready *r, size_t n, int64_t now_us)
{
    uint64_t turn = 0;
    if (n > 0)
        qsort(r, n, sizeof *r, by_flow);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || r[i].flow != r[i - 1].flow) {
            const struct spool_flow *f = find_flow(spool, r[i].flow);
            turn = f && f->turn >= spool->turn ? f->turn + 1 : spool->turn;
        }
        r[i].turn = turn;
        turn += r[i].due_us <= now_us; /* who waits does not take one */
    }
    if (n > 0)
        qsort(r, n, sizeof *r, by_turn);
}

int spool_look(struct dir *spool, struct err *err)
{
    struct buf entries, fresh;
    int64_t now_us = clock_utc_us();
    buf_init(&entries, SPOOL_LIST_BYTES_MAX);
    buf_init(&fresh, 2 * SPOOL_LIST_BYTES_MAX);
    int rc = spool_list(spool, SPOOL_NEW, &entries, err);
    if (rc == ERR_OK) {
        /* `fresh` gets what `entries` lists, with what is known from the last look. */
        size_t n_old = spool_ready_count(&spool->ready);
        if (n_old > 0)
            qsort(spool_ready_at(&spool->ready, 0), n_old, sizeof(struct spool_ready), by_name);
        for (size_t i = 0; rc == ERR_OK && i < spool_list_count(&entries); i++) {
            struct spool_ready r = {0};
            const struct spool_ready *old = NULL;
            memcpy(&r.entry, buf_data(&entries) + i * sizeof r.entry, sizeof r.entry);
            if (n_old > 0)
                old = bsearch(&r, spool_ready_at(&spool->ready, 0), n_old, sizeof r, by_name);
            if (old && spool_by_age(&old->entry, &r.entry) == 0) /* the name is the same */
                r = *old;
            else
                rc = learn(spool, &r, err);
            if (rc == ERR_OK)
                rc = buf_append(&fresh, &r, sizeof r, err);
        }
    }
    buf_clear(&entries);
    if (rc < 0) {
        buf_clear(&fresh);
        buf_consume(&spool->ready, spool->ready.used); /* it is by name now */
        spool->next = 0;
        return rc;
    }
    buf_clear(&spool->ready);
    spool->ready = fresh;
    spool->next = 0;
    spool->looked_us = clock_mono_us();
    spool->common.due_us = 0;
    for (size_t i = 0; i < spool_ready_count(&spool->ready); i++) {
        struct spool_ready *r = spool_ready_at(&spool->ready, i);
        if (r->due_us > now_us + SPOOL_LATER_MS_MAX * 1000)
            r->due_us = 0;
        if (r->due_us > now_us && (!spool->common.due_us || r->due_us < spool->common.due_us))
            spool->common.due_us = r->due_us;
    }
    if (fresh.used > 0)
        give_turns(spool, spool_ready_at(&spool->ready, 0), spool_ready_count(&spool->ready),
                   now_us);
    return ERR_OK;
}

/* Flows whose last turn is over for all are as good as new. */
static void forget_flows(struct dir *spool)
{
    struct spool_flow *f = (struct spool_flow *)(void *)(spool->flows.mem + spool->flows.start);
    size_t n = spool->flows.used / sizeof *f, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (f[i].turn >= spool->turn)
            f[kept++] = f[i];
    spool->flows.used = kept * sizeof *f;
}

void spool_took_turn(struct dir *spool, const struct spool_ready *r)
{
    struct spool_flow *f = find_flow(spool, r->flow), added = {r->flow, r->turn};
    struct err unimportant;
    if (r->turn > spool->turn) {
        spool->turn = r->turn;
        forget_flows(spool);
        f = find_flow(spool, r->flow);
    }
    if (f)
        f->turn = r->turn;
    else if (buf_append(&spool->flows, &added, sizeof added, &unimportant) < 0)
        forget_flows(spool); /* without memory it may have another turn too early */
}

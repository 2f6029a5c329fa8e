#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "store_internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH = 128,
    WAITING_MAX = 4096,
    RETRY_US = 2000000,
};

struct job {
    struct transfer *t;
    struct intake_text text;
    int rc;
    struct err err;
};

struct publisher {
    struct intake_feeds feeds; /* its own: one thread at a time */
    uv_loop_t *loop;
    published_fn *fn;
    void (*room)(void *arg);
    void *arg;
    uv_work_t work;
    bool busy, ending, failing;
    int64_t retry_us;       /* monotonic; not before */
    struct op_list waiting; /* their `publish` operations */
    size_t n_waiting;
    struct job job[BATCH]; /* being put, while busy */
    size_t n;
};

static void on_work(uv_work_t *work)
{
    struct publisher *p = work->data;
    struct spool_item items[BATCH];
    struct err err;
    for (size_t i = 0; i < p->n; i++)
        items[i] = intake_job(p->job[i].t->row.id, &p->job[i].text);
    int rc = intake_put(&p->feeds, items, p->n, &err);
    if (rc < 0) {
        /* One that cannot be put must not keep the others. */
        for (size_t i = 0; i < p->n; i++) {
            struct job *j = &p->job[i];
            struct spool_item item = intake_job(j->t->row.id, &j->text);
            j->rc = intake_put(&p->feeds, &item, 1, &j->err);
        }
    }
    for (size_t i = 0; rc == ERR_OK && i < p->n; i++)
        p->job[i].rc = ERR_OK;
}

bool publisher_full(const struct publisher *p)
{
    return p->n_waiting >= WAITING_MAX;
}

static void add(struct publisher *p, struct transfer *t)
{
    t->publish.t = t;
    op_list_add(&p->waiting, &t->publish);
    p->n_waiting++;
}

static void on_worked(uv_work_t *work, int status);

static void start(struct publisher *p)
{
    if (p->busy || !p->waiting.first || (p->retry_us > clock_mono_us() && !p->ending))
        return;
    bool was_full = publisher_full(p);
    for (p->n = 0; p->n < BATCH && p->waiting.first; p->n++) {
        struct op *op = p->waiting.first;
        p->waiting.first = op->next;
        p->job[p->n].t = op->t;
    }
    if (!p->waiting.first)
        op_list_init(&p->waiting);
    p->n_waiting -= p->n;
    if (was_full && !publisher_full(p))
        p->room(p->arg);
    p->busy = true;
    p->work.data = p;
    int rc = uv_queue_work(p->loop, &p->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

/* What does not lie in the job itself is tried again, also where a person must come first. */
static bool is_for_good(int rc)
{
    return rc == ERR_MALFORMED || rc == ERR_LIMIT;
}

static void on_worked(uv_work_t *work, int status)
{
    struct publisher *p = work->data;
    const struct job *failed = NULL;
    (void)status;
    p->busy = false;
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        if (j->rc < 0 && !is_for_good(j->rc) && !p->ending) {
            failed = j;
            add(p, j->t);
        } else {
            p->fn(p->arg, j->t, j->rc, &j->err);
        }
    }
    if (failed && !p->failing)
        log_error("receive", "job publishing failed, jobs held back", LOG_ERR(&failed->err));
    else if (!failed && p->failing)
        log_info("receive", "job publishing resumed");
    p->failing = failed != NULL;
    p->retry_us = failed ? clock_mono_us() + RETRY_US : 0;
    start(p);
}

void publisher_add(struct publisher *p, struct transfer *t)
{
    add(p, t);
    start(p);
}

void publisher_tick(struct publisher *p)
{
    start(p);
}

void publisher_wind_down(struct publisher *p)
{
    p->ending = true;
    start(p);
}

bool publisher_idle(const struct publisher *p)
{
    return !p->busy && !p->waiting.first;
}

int publisher_open(struct publisher **out, const char *root, const struct store_options *options,
                   uv_loop_t *loop, published_fn *fn, void (*room)(void *arg), void *arg,
                   struct err *err)
{
    struct publisher *p = *out = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err, "the publisher");
    p->loop = loop;
    p->fn = fn;
    p->room = room;
    p->arg = arg;
    op_list_init(&p->waiting);
    int rc = intake_feeds_open(&p->feeds, root, options->feeds, options->n_feeds, err);
    if (rc < 0)
        publisher_close(out);
    return rc;
}

void publisher_close(struct publisher **p)
{
    if (!*p)
        return;
    intake_feeds_close(&(*p)->feeds);
    free(*p);
    *p = NULL;
}

#include "publish.h"
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH = 128,
    WAITING_MAX = 4096,
    RETRY_US = 2000000,
};

struct text {
    char json[CATALOGUE_ID_ROOM + 64];
};

struct job {
    struct transfer *t;
    struct text text;
    int rc;
    struct err err;
};

struct publisher {
    struct feeds feeds; /* its own: one thread at a time */
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

static size_t job_text(const struct catalogue_transfer *row, struct text *out)
{
    return (size_t)snprintf(out->json, sizeof out->json, "{\"version\": 1, \"id\": \"%s\"}\n",
                            row->id);
}

void feeds_close(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->n; i++)
        spool_close(&feeds->spool[i]);
    feeds->n = 0;
}

int feeds_open(struct feeds *feeds, const char *root, const struct store_options *options,
               struct err *err)
{
    static const char *const convert[] = {"convert"};
    const char *const *names = options->n_feeds ? options->feeds : convert;
    size_t n = options->n_feeds ? options->n_feeds : 1;
    int rc = ERR_OK;
    for (feeds->n = 0; rc == ERR_OK && feeds->n < n; feeds->n += rc == ERR_OK)
        rc = spool_open(&feeds->spool[feeds->n], root, names[feeds->n], err);
    if (rc < 0)
        feeds_close(feeds);
    return rc;
}

int publish_row(const struct feeds *feeds, struct catalogue_transfer *row, struct err *err)
{
    struct text text;
    size_t n = job_text(row, &text);
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < feeds->n; i++)
        rc = spool_put(feeds->spool[i], row->id, text.json, n, err);
    row->published = rc == ERR_OK;
    return rc;
}

/* One that cannot be put must not keep the others. */
static void put_each(struct publisher *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        j->rc = publish_row(&p->feeds, &j->t->row, &j->err);
    }
}

static void on_work(uv_work_t *work)
{
    struct publisher *p = work->data;
    struct spool_item items[BATCH];
    struct err err;
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        items[i] = (struct spool_item){j->t->row.id, j->text.json, job_text(&j->t->row, &j->text)};
    }
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < p->feeds.n; i++)
        rc = spool_put_all(p->feeds.spool[i], items, p->n, &err);
    if (rc < 0)
        put_each(p);
    for (size_t i = 0; rc == ERR_OK && i < p->n; i++) {
        p->job[i].rc = ERR_OK;
        p->job[i].t->row.published = true;
    }
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

static void tell(struct publisher *p, const struct job *failed)
{
    if (failed && !p->failing)
        log_error("receive", "jobs wait, they cannot be put: %s", failed->err.text);
    else if (!failed && p->failing)
        log_info("receive", "jobs can be put again");
    p->failing = failed != NULL;
    p->retry_us = failed ? clock_mono_us() + RETRY_US : 0;
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
    tell(p, failed);
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
        return err_set(err, ERR_NOMEM, "no memory for the publisher");
    p->loop = loop;
    p->fn = fn;
    p->room = room;
    p->arg = arg;
    op_list_init(&p->waiting);
    int rc = feeds_open(&p->feeds, root, options, err);
    if (rc < 0)
        publisher_close(out);
    return rc;
}

void publisher_close(struct publisher **p)
{
    if (!*p)
        return;
    feeds_close(&(*p)->feeds);
    free(*p);
    *p = NULL;
}

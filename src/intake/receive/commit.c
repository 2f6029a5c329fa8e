/* commit: the loop's half of the store: which batch is due, what comes of it, and the jobs of what
 * is stored. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "store_internal.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RETRY_FIRST_MS = 500, /* pauses after a failed batch (options): doubled each time, up to … */
    RETRY_LAST_MS = 30000,
    LOOK_MS = 5000, /* at the free space, when nothing is written */
    LOOK_LOW_MS = 1000,
    JOBS = 128,
    JOBS_WAITING_MAX = 4096,
    JOBS_RETRY_US = 2000000,
};

struct job {
    struct transfer *t;
    struct intake_text text;
    int rc;
    struct err err;
};

/*
 * Puts the jobs of stored transfers into the spool, beside the batches and many at a time: a job
 * takes four fsyncs, and no camera that waits for its acknowledgement should wait for these. With a
 * worker of its own. Nothing is lost with it: a row says whether its job was put, and the repair at
 * the next start puts what was not.
 */
struct publisher {
    struct intake_feeds feeds; /* its own: one thread at a time */
    uv_work_t work;
    bool busy, failing;
    int64_t retry_us;       /* monotonic; not before */
    struct op_list waiting; /* their `publish` operations */
    size_t n_waiting;
    struct job job[JOBS]; /* being put, while busy */
    size_t n;
    struct committer *committer;
};

struct committer {
    struct stores *at; /* the worker's during a batch, but for the options */
    struct queue *queue;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work;
    bool busy, closing;
    struct op_list batch; /* being done, or to be repeated */
    struct publisher publisher;
    int batch_rc;
    struct err batch_err;
    int64_t free_bytes, looked_us;
    int64_t batch_us;                   /* since when it is under way */
    int64_t failing_since_us, retry_us; /* monotonic; 0: all is well */
    int64_t retry_first_ms, retry_ms;
    bool low;
    char trouble[256]; /* "" none */
};

/* ---- trouble ---- */

bool committer_full(const struct committer *c)
{
    return c->trouble[0] || c->publisher.n_waiting >= JOBS_WAITING_MAX ||
           queue_waiting(c->queue) + c->batch.bytes >= c->at->options.queued_bytes;
}

const char *committer_unavailable(const struct committer *c)
{
    return c->trouble[0] ? c->trouble : NULL;
}

/* Says so when it is full no longer. */
static void tell_room(const struct committer *c, bool was_full)
{
    const struct store_options *o = &c->at->options;
    if (was_full && !committer_full(c) && !c->closing && o->on_room)
        o->on_room(o->on_room_arg);
}

static void update_store_state(struct committer *c)
{
    char was[sizeof c->trouble];
    snprintf(was, sizeof was, "%s", c->trouble);
    c->trouble[0] = '\0';
    if (c->failing_since_us)
        snprintf(c->trouble, sizeof c->trouble, "store failed: %.200s", c->batch_err.text);
    else if (c->low)
        snprintf(c->trouble, sizeof c->trouble,
                 "%.100s: disk nearly full: %lld MiB free, %lld required "
                 "(min_free_mib)",
                 c->at->root, (long long)c->free_bytes >> 20,
                 (long long)c->at->options.free_bytes_min >> 20);
    if (c->trouble[0] && !was[0])
        log_error("receive", "store unavailable, acknowledgements suspended",
                  LOG_TEXT("reason", c->trouble));
    else if (!c->trouble[0] && was[0])
        log_info("receive", "store recovered, accepting transfers");
}

/* Only just enough would make it come and go. */
static void look_at_space(struct committer *c)
{
    int64_t wanted = c->at->options.free_bytes_min;
    c->looked_us = clock_mono_us();
    c->low = c->free_bytes < (c->low ? wanted + wanted / 8 : wanted);
}

/* ---- answers ---- */

static void transfer_free(struct transfer **t)
{
    if (!*t)
        return;
    hash_free(&(*t)->hash);
    buf_clear(&(*t)->pending);
    free(*t);
    *t = NULL;
}

static void answer(struct transfer *t, int rc, const struct err *err)
{
    if (t->owner && t->done)
        t->done(t->owner, rc, err);
}

/* What never comes to be now, the repair at the next start does. */
static void report_failed_op(struct transfer *t, const char *what, int rc, const struct err *err)
{
    if (rc < 0 || t->dead)
        log_error("receive", "deferred to startup recovery", LOG_TEXT("id", t->row.id),
                  LOG_TEXT("what", what), LOG_ERR(rc < 0 ? err : &t->why));
    transfer_free(&t);
}

/* ---- jobs ---- */

static void on_put(uv_work_t *work)
{
    struct publisher *p = work->data;
    struct spool_item items[JOBS];
    struct err err;
    for (size_t i = 0; i < p->n; i++)
        items[i] = intake_job(p->job[i].t->row.id, &p->job[i].text);
    int rc = intake_put(&p->feeds, items, p->n, &err);
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        /* One that cannot be put must not keep the others. */
        j->rc = rc < 0 ? intake_put(&p->feeds, &items[i], 1, &j->err) : ERR_OK;
    }
}

static void job_add(struct publisher *p, struct transfer *t)
{
    t->publish.t = t;
    op_list_add(&p->waiting, &t->publish);
    p->n_waiting++;
}

static void on_put_end(uv_work_t *work, int status);

static void jobs_put(struct committer *c)
{
    struct publisher *p = &c->publisher;
    if (p->busy || !p->waiting.first || (p->retry_us > clock_mono_us() && !c->closing))
        return;
    bool was_full = committer_full(c);
    for (p->n = 0; p->n < JOBS && p->waiting.first; p->n++) {
        struct op *op = p->waiting.first;
        p->waiting.first = op->next;
        p->job[p->n].t = op->t;
    }
    if (!p->waiting.first)
        op_list_init(&p->waiting);
    p->n_waiting -= p->n;
    tell_room(c, was_full);
    p->busy = true;
    p->work.data = p;
    int rc = uv_queue_work(c->loop, &p->work, on_put, on_put_end);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_put_end(uv_work_t *work, int status)
{
    struct publisher *p = work->data;
    struct committer *c = p->committer;
    const struct job *failed = NULL;
    (void)status;
    p->busy = false;
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        /* What does not lie in the job itself is tried again, also where a person must come first;
         * nothing is at the end. */
        bool for_good = j->rc == ERR_MALFORMED || j->rc == ERR_LIMIT || c->closing;
        if (j->rc == ERR_OK) {
            queue_add(c->queue, &j->t->publish, OP_PUBLISHED, j->t);
        } else if (for_good) {
            report_failed_op(j->t, "job not published", j->rc, &j->err);
        } else {
            failed = j;
            job_add(p, j->t);
        }
    }
    if (failed && !p->failing)
        log_error("receive", "job publishing failed, jobs held back", LOG_ERR(&failed->err));
    else if (!failed && p->failing)
        log_info("receive", "job publishing resumed");
    p->failing = failed != NULL;
    p->retry_us = failed ? clock_mono_us() + JOBS_RETRY_US : 0;
    jobs_put(c);
    if (c->closing)
        committer_flush(c);
}

/* ---- what came of a batch ---- */

/* Its row may be there; the next batch sees to it. */
static void settle_refused(struct committer *c, struct transfer *t, int rc, const struct err *err)
{
    answer(t, rc, err);
    t->owner = NULL;
    if (t->ending) /* the camera hung up before it was heard */
        return;
    if (t->row.key && !c->closing)
        queue_add(c->queue, &t->end, OP_ABANDON, t);
    else
        transfer_free(&t);
}

static void settle_begin(struct committer *c, struct transfer *t, int rc, const struct err *err)
{
    if (rc < 0 || t->dead) {
        settle_refused(c, t, rc < 0 ? rc : t->why.code, rc < 0 ? err : &t->why);
        return;
    }
    snprintf(t->id, sizeof t->id, "%s", t->row.id);
    t->queued_bytes = t->have;
    answer(t, ERR_OK, err);
}

static void settle_finish(struct committer *c, struct op *op, int rc, const struct err *batch_err)
{
    struct transfer *t = op->t;
    struct err err = *batch_err;
    if (rc == ERR_OK && (t->dead || t->incomplete))
        rc = t->dead ? (err = t->why).code : err_nomem(&err, "its last bytes");
    if (rc == ERR_OK && t->same_as[0])
        log_info("receive", "duplicate, already stored", LOG_TEXT("id", t->row.id),
                 LOG_TEXT("same_as", t->same_as));
    answer(t, rc, &err);
    t->owner = NULL;
    if (rc == ERR_OK && !t->same_as[0]) { /* the row is committed: now its job may exist */
        job_add(&c->publisher, t);
        jobs_put(c);
    } else {
        transfer_free(&t);
    }
}

static void settle(struct committer *c, struct op *op, int rc, const struct err *err)
{
    switch (op->type) {
    case OP_APPEND:
        buf_clear(&op->data);
        free(op);
        return;
    case OP_BEGIN:
        settle_begin(c, op->t, rc, err);
        return;
    case OP_FINISH:
        settle_finish(c, op, rc, err);
        return;
    case OP_ABANDON:
        op->t->dead = false; /* why it ended is in its record */
        report_failed_op(op->t, "partial transfer not recorded", rc, err);
        return;
    case OP_PUBLISHED:
        report_failed_op(op->t, "published job not recorded", rc, err);
        return;
    }
}

/* ---- batches ---- */

static void on_work(uv_work_t *work)
{
    struct committer *c = work->data;
    c->batch_rc = batch_commit(c->at, &c->batch, &c->batch_err);
    c->free_bytes = intake_free_bytes(c->at->root);
}

/* The batch will be tried again; who only wants to begin is refused meanwhile. */
static void postpone(struct committer *c)
{
    struct op *op = c->batch.first;
    op_list_init(&c->batch);
    while (op) {
        struct op *next = op->next;
        if (op->type == OP_BEGIN)
            settle(c, op, c->batch_rc, &c->batch_err);
        else
            op_list_add(&c->batch, op);
        op = next;
    }
    int64_t now_us = clock_mono_us();
    c->retry_ms = c->failing_since_us ? c->retry_ms * 2 : c->retry_first_ms;
    if (c->retry_ms > RETRY_LAST_MS)
        c->retry_ms = RETRY_LAST_MS;
    if (!c->failing_since_us)
        c->failing_since_us = now_us;
    c->retry_us = now_us + c->retry_ms * 1000;
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct committer *c = work->data;
    bool was_full = committer_full(c);
    c->busy = false;
    look_at_space(c);
    if (c->batch_rc == ERR_OK && c->batch.bytes > 0)
        log_debug("receive", "committed", LOG_INT("bytes", c->batch.bytes),
                  LOG_SECONDS("seconds", (double)(clock_mono_us() - c->batch_us) / 1e6));
    if (c->batch_rc < 0 && c->closing)
        log_error("receive", "transfer not stored, not acknowledged", LOG_ERR(&c->batch_err));
    if (c->batch_rc < 0 && !c->closing) {
        postpone(c);
    } else {
        struct op *op = c->batch.first;
        op_list_init(&c->batch);
        c->failing_since_us = c->retry_us = 0;
        while (op) {
            struct op *next = op->next;
            settle(c, op, c->batch_rc, &c->batch_err);
            op = next;
        }
    }
    if (!c->closing)
        update_store_state(c);
    /* What is urgent does not wait for the timer. */
    if (c->queue->ops.first || c->queue->dirty_bytes >= c->at->options.commit_bytes)
        committer_flush(c);
    tell_room(c, was_full);
}

static bool due_to_look(const struct committer *c, int64_t now_us)
{
    int64_t every_ms = c->low ? LOOK_LOW_MS : LOOK_MS;
    return !c->closing && c->at->options.free_bytes_min > 0 &&
           now_us - c->looked_us >= every_ms * 1000;
}

void committer_flush(struct committer *c)
{
    int64_t now_us = clock_mono_us();
    if (c->busy || (c->retry_us > now_us && !c->closing))
        return;
    if (!c->batch.first) /* else the one that failed goes first, as it is */
        queue_take(c->queue, &c->batch);
    if (!c->batch.first && !due_to_look(c, now_us))
        return;
    c->busy = true;
    c->batch_us = now_us;
    c->work.data = c;
    int rc = uv_queue_work(c->loop, &c->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_timer(uv_timer_t *timer)
{
    struct committer *c = timer->data;
    jobs_put(c);
    committer_flush(c);
}

/* ---- open, close ---- */

int committer_open(struct committer **out, struct stores *at, struct queue *queue, uv_loop_t *loop,
                   struct err *err)
{
    const struct store_options *o = &at->options;
    struct committer *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "the store");
    c->at = at;
    c->queue = queue;
    c->loop = loop;
    c->retry_first_ms = o->retry_ms > 0 ? o->retry_ms : RETRY_FIRST_MS;
    op_list_init(&c->batch);
    op_list_init(&c->publisher.waiting);
    c->publisher.committer = c;
    int rc = intake_feeds_open(&c->publisher.feeds, at->root, o->feeds, o->n_feeds, err);
    if (rc < 0) {
        free(c);
        *out = NULL;
        return rc;
    }
    c->free_bytes = intake_free_bytes(at->root);
    look_at_space(c);
    update_store_state(c);
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    uv_timer_start(&c->timer, on_timer, (uint64_t)o->commit_ms, (uint64_t)o->commit_ms);
    return ERR_OK;
}

void committer_close(struct committer **committer)
{
    struct committer *c = *committer;
    if (!c)
        return;
    c->closing = true;
    uv_close((uv_handle_t *)&c->timer, NULL);
    jobs_put(c);
    committer_flush(c);
    while (c->busy || c->publisher.busy || c->publisher.waiting.first)
        uv_run(c->loop, UV_RUN_ONCE);
    intake_feeds_close(&c->publisher.feeds);
    /* the timer's memory is ours: let its close finish */
    uv_run(c->loop, UV_RUN_NOWAIT);
    free(c);
    *committer = NULL;
}

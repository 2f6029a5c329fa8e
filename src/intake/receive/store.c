/*
 * store: the loop's half: group commit (commit.h) of what the queue holds, at least every commit_ms
 * and as soon as there are commit_bytes; then it is settled: owners hear the answers, whole
 * transfers get their jobs, what has ended is freed.
 */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "link/commit.h"
#include "store_internal.h"
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    SPARES = 64,             /* 4 MiB: what one batch frees */
    JOBS = 128,              /* at once */
    JOBS_WAITING_MAX = 4096, /* more wait than should: a failing disk, mostly */
    JOBS_RETRY_US = 2000000,
    ACCEPTED_KEPT = 4096, /* the site may be faster than the answer of the batch */
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
    bool busy;
    char why[256];          /* the last could not be put; "" else */
    int64_t retry_us;       /* monotonic; not before */
    struct op_list waiting; /* their `publish` operations */
    size_t n_waiting;
    struct job job[JOBS]; /* being put, while busy */
    size_t n;
};

/* What the transfers ask for and no batch has taken yet: operations, in their order, and bytes that
 * are gathered to whole chunks before they become one. */
struct queue {
    struct op_list ops;
    struct transfer *dirty; /* with pending bytes */
    size_t dirty_bytes;
    struct buf spare[SPARES]; /* whole chunks that were written: memory that is there already */
    size_t n_spare;
};

struct store {
    struct stores at; /* the worker's during a batch, but for the options */
    char *root;
    int lock_fd;
    struct queue queue;
    struct commit commit;
    bool spool_failing;
    struct op_list batch; /* being done, or to be repeated */
    struct publisher publisher;
    struct transfer *waiting; /* for the site */
    int64_t accepted[ACCEPTED_KEPT];
    size_t n_accepted;
};

/* ---- queue ---- */

static void op_list_init(struct op_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->bytes = 0;
}

/* type and t are set */
static void op_list_add(struct op_list *list, struct op *op)
{
    op->next = NULL;
    *list->last = op;
    list->last = &op->next;
    list->bytes += op->data.used;
}

static void queue_add(struct queue *q, struct op *op, enum op_type type, struct transfer *t)
{
    op->type = type;
    op->t = t;
    op_list_add(&q->ops, op);
}

/* Turns a transfer's pending bytes into an operation. */
static int add_pending(struct queue *q, struct transfer *t)
{
    if (t->pending.used == 0)
        return ERR_OK;
    struct op *op = calloc(1, sizeof *op);
    if (!op)
        return ERR_NOMEM;
    op->data = t->pending;
    op->offset = t->queued_bytes;
    t->queued_bytes += (int64_t)op->data.used;
    t->last_bytes = op->data.used;
    q->dirty_bytes -= op->data.used;
    queue_add(q, op, OP_APPEND, t);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    return ERR_OK;
}

/* The next bytes of t's file (copied). ERR_NOMEM. */
static int queue_bytes(struct queue *q, struct transfer *t, const void *data, size_t n,
                       struct err *err)
{
    if (t->pending.used + n > RAW_CHUNK_BYTES && add_pending(q, t) < 0)
        return err_nomem(err, "queueing a chunk");
    if (!t->pending.mem && t->last_bytes > RAW_CHUNK_BYTES / 2 && q->n_spare > 0)
        t->pending = q->spare[--q->n_spare];
    size_t room = t->pending.used > 0 || t->last_bytes < n ? n : t->last_bytes;
    if (!buf_reserve(&t->pending, room, err))
        return err->code;
    int rc = buf_append(&t->pending, data, n, err);
    if (rc < 0)
        return rc;
    q->dirty_bytes += n;
    if (!t->dirty) {
        t->dirty = true;
        t->next_dirty = q->dirty;
        q->dirty = t;
    }
    return ERR_OK;
}

/* The last bytes of t and its end, in that order. Without memory for the bytes it is incomplete. */
static void queue_end(struct queue *q, struct transfer *t, enum op_type type)
{
    for (struct transfer **p = &q->dirty; *p && t->dirty; p = &(*p)->next_dirty)
        if (*p == t) {
            *p = t->next_dirty;
            t->dirty = false;
            break;
        }
    if (add_pending(q, t) < 0) { /* the camera must not hear that all is stored */
        t->incomplete = true;
        q->dirty_bytes -= t->pending.used;
    }
    t->ending = true;
    queue_add(q, &t->end, type, t);
}

/* All operations and bytes to *out, whose content is forgotten. Bytes for which there is no memory
 * stay. */
static void queue_take(struct queue *q, struct op_list *out)
{
    while (q->dirty) {
        struct transfer *t = q->dirty;
        if (add_pending(q, t) < 0)
            break; /* out of memory: the timer tries again */
        q->dirty = t->next_dirty;
        t->dirty = false;
    }
    *out = q->ops;
    if (!q->ops.first)
        op_list_init(out);
    op_list_init(&q->ops);
}

/* Bytes that wait. */
static size_t queue_waiting(const struct queue *q)
{
    return q->dirty_bytes + q->ops.bytes;
}

/* ---- trouble ---- */

bool store_full(const struct store *s)
{
    return commit_trouble(&s->commit) || s->publisher.n_waiting >= JOBS_WAITING_MAX ||
           queue_waiting(&s->queue) + s->batch.bytes >= s->at.options.queued_bytes;
}

const char *store_trouble(const struct store *s)
{
    return commit_trouble(&s->commit);
}

const char *store_jobs_trouble(const struct store *s, size_t *n)
{
    *n = s->publisher.n_waiting + s->publisher.n;
    return s->publisher.why[0] ? s->publisher.why : NULL;
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

/* To its owner, if it still waits: it may have gone away (store_disown). */
static void answer(struct transfer *t, int rc, const struct err *err)
{
    if (t->owner && t->done)
        t->done(t->owner, rc, err);
}

/* What never comes to be now, the repair at the next start does. */
static void report_failed_op(struct transfer *t, const char *what, int rc, const struct err *err)
{
    if ((rc < 0 || t->dead) && log_may(LOG_LEVEL_ERROR, t->row.peer))
        log_error("receive", "deferred to startup recovery", LOG_TEXT("id", t->row.id),
                  LOG_TEXT("what", what), LOG_ERR(rc < 0 ? err : &t->why));
    transfer_free(&t);
}

/* ---- jobs ---- */

static void on_put(uv_work_t *work)
{
    struct store *s = work->data;
    struct publisher *p = &s->publisher;
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

/* Its row is committed. t is the publisher's until its job is put, or failed for good. */
static void job_add(struct publisher *p, struct transfer *t)
{
    t->publish.t = t;
    op_list_add(&p->waiting, &t->publish);
    p->n_waiting++;
}

static void on_put_end(uv_work_t *work, int status);

/* Starts with those that wait, unless some are under way, or failed a moment ago. At the end
 * nothing is tried twice. */
static void jobs_put(struct store *s)
{
    struct publisher *p = &s->publisher;
    if (p->busy || !p->waiting.first || (p->retry_us > clock_mono_us() && !s->commit.closing))
        return;
    bool was_full = store_full(s);
    for (p->n = 0; p->n < JOBS && p->waiting.first; p->n++) {
        struct op *op = p->waiting.first;
        p->waiting.first = op->next;
        p->job[p->n].t = op->t;
    }
    if (!p->waiting.first)
        op_list_init(&p->waiting);
    p->n_waiting -= p->n;
    commit_tell_room(&s->commit, was_full);
    p->busy = true;
    p->work.data = s;
    int rc = uv_queue_work(s->commit.loop, &p->work, on_put, on_put_end);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_put_end(uv_work_t *work, int status)
{
    struct store *s = work->data;
    struct publisher *p = &s->publisher;
    const struct job *failed = NULL;
    (void)status;
    p->busy = false;
    for (size_t i = 0; i < p->n; i++) {
        struct job *j = &p->job[i];
        /* What does not lie in the job itself is tried again, also where a person must come first;
         * nothing is at the end. */
        bool for_good = j->rc == ERR_MALFORMED || j->rc == ERR_LIMIT || s->commit.closing;
        if (j->rc == ERR_OK) {
            queue_add(&s->queue, &j->t->publish, OP_PUBLISHED, j->t);
        } else if (for_good) {
            report_failed_op(j->t, "job not published", j->rc, &j->err);
        } else {
            failed = j; /* goes behind the others, and again */
            job_add(p, j->t);
        }
    }
    if (failed && !p->why[0])
        log_error("receive", "job publishing failed, jobs held back", LOG_ERR(&failed->err));
    else if (!failed && p->why[0])
        log_info("receive", "job publishing resumed");
    snprintf(p->why, sizeof p->why, "%.255s", failed ? failed->err.text : "");
    p->n = 0;
    p->retry_us = failed ? clock_mono_us() + JOBS_RETRY_US : 0;
    jobs_put(s);
    if (s->commit.closing)
        commit_flush(&s->commit);
}

/* ---- what came of a batch ---- */

/* Its row may be there; the next batch sees to it. */
static void settle_refused(struct store *s, struct transfer *t, int rc, const struct err *err)
{
    answer(t, rc, err);
    t->owner = NULL;
    if (t->ending) /* the camera hung up before it was heard */
        return;
    if (t->row.key && !s->commit.closing)
        queue_add(&s->queue, &t->end, OP_ABANDON, t);
    else
        transfer_free(&t);
}

static void settle_begin(struct store *s, struct transfer *t, int rc, const struct err *err)
{
    if (rc < 0 || t->dead) {
        settle_refused(s, t, rc < 0 ? rc : t->why.code, rc < 0 ? err : &t->why);
        return;
    }
    snprintf(t->id, sizeof t->id, "%s", t->row.id);
    t->queued_bytes = t->have;
    t->from_0 = t->row.from_0;
    answer(t, ERR_OK, err);
}

/* ---- the site's answer ---- */

static bool is_accepted(const struct store *s, int64_t key)
{
    for (size_t i = 0; i < s->n_accepted && i < ACCEPTED_KEPT; i++)
        if (s->accepted[i] == key)
            return true;
    return key == 0;
}

/* Its file is here, and perhaps in the site; t is gone after it. Somebody who was not told brings
 * the file again. */
static void settle_onward(struct store *s, struct transfer *t, int rc, const struct err *err)
{
    const struct store_onward *on = s->at.options.onward;
    int64_t key = t->again ? t->row.key : t->same_as[0] ? t->same_key : t->row.key;
    if (rc == ERR_OK && t->owner)
        on->heard(on->arg, key);
    answer(t, rc, err);
    transfer_free(&t);
}

static void wait_for_site(struct store *s, struct transfer *t)
{
    const struct store_onward *on = s->at.options.onward;
    struct err none;
    if (t->goes_on)
        on->stored(on->arg, t->goes_on);
    if (on->at_once || !t->owner || is_accepted(s, t->goes_on)) {
        settle_onward(s, t, ERR_OK, &none);
        return;
    }
    t->wait_until_us = clock_mono_us() + on->wait_ms * 1000;
    t->next_waiting = s->waiting;
    s->waiting = t;
}

/* Those for whom `due` says so leave the list. */
static void settle_waiting(struct store *s, int64_t key, int64_t now_us, int rc,
                           const struct err *err)
{
    for (struct transfer **at = &s->waiting; *at;) {
        struct transfer *t = *at;
        if (t->goes_on != key && t->wait_until_us > now_us) {
            at = &t->next_waiting;
            continue;
        }
        *at = t->next_waiting;
        settle_onward(s, t, rc, err);
    }
}

void store_accepted(struct store *s, int64_t key)
{
    struct err none;
    s->accepted[s->n_accepted++ % ACCEPTED_KEPT] = key;
    settle_waiting(s, key, INT64_MIN, ERR_OK, &none);
}

static void give_up_waiting(struct store *s)
{
    struct err err;
    if (!s->waiting)
        return;
    err_set(&err, ERR_AGAIN,
            "stored on this node, but the site has not accepted it within %lld s ([site] ack_wait)",
            (long long)s->at.options.onward->wait_ms / 1000);
    settle_waiting(s, -1, s->commit.closing ? INT64_MAX : clock_mono_us(), ERR_AGAIN, &err);
}

static void settle_finish(struct store *s, struct op *op, int rc, const struct err *batch_err)
{
    struct transfer *t = op->t;
    struct err err = *batch_err;
    if (rc == ERR_OK && (t->dead || t->incomplete))
        rc = t->dead ? (err = t->why).code : err_nomem(&err, "its last bytes");
    if (rc == ERR_OK && s->at.options.onward) {
        wait_for_site(s, t);
        return;
    }
    answer(t, rc, &err);
    t->owner = NULL;
    if (rc == ERR_OK && !t->same_as[0]) { /* the row is committed: now its job may exist */
        job_add(&s->publisher, t);
        jobs_put(s);
    } else {
        transfer_free(&t);
    }
}

static void settle(struct store *s, struct op *op, int rc, const struct err *err)
{
    switch (op->type) {
    case OP_APPEND:
        if (op->data.room == RAW_CHUNK_BYTES && s->queue.n_spare < SPARES) {
            buf_consume(&op->data, op->data.used);
            s->queue.spare[s->queue.n_spare++] = op->data;
        } else {
            buf_clear(&op->data);
        }
        free(op);
        return;
    case OP_BEGIN:
        settle_begin(s, op->t, rc, err);
        return;
    case OP_FINISH:
        settle_finish(s, op, rc, err);
        return;
    case OP_ABANDON:
        op->t->dead = false; /* why it ended is in its record */
        report_failed_op(op->t, "partial transfer not recorded", rc, err);
        return;
    case OP_PUBLISHED:
        report_failed_op(op->t, "published job not recorded", rc, err);
        return;
    case OP_FROM_0:
        return;
    }
}

/* ---- batches ---- */

/* On the worker's thread. */
static int do_batch(void *arg, struct err *err)
{
    struct store *s = arg;
    /* Its commit asks, too; but only bytes came, perhaps, or nothing. */
    int rc = catalogue_there(s->at.catalogue, err);
    if (rc == ERR_OK)
        rc = batch_commit(&s->at, &s->batch, err);
    struct err why;
    if (rc < 0)
        return rc;
    bool failed = repair_spool(&s->at, &why) < 0; /* the next look tries again */
    if (failed && !s->spool_failing)
        log_error("receive", "lost jobs not queued", LOG_ERR(&why));
    s->spool_failing = failed;
    return ERR_OK;
}

/* A batch that failed stays as it is; who only wants to begin is refused meanwhile. */
static void postpone(void *arg, int rc, const struct err *err)
{
    struct store *s = arg;
    struct op *op = s->batch.first;
    op_list_init(&s->batch);
    while (op) {
        struct op *next = op->next;
        if (op->type == OP_BEGIN)
            settle(s, op, rc, err);
        else
            op_list_add(&s->batch, op);
        op = next;
    }
}

static void settle_batch(void *arg, int rc, const struct err *err)
{
    struct store *s = arg;
    if (rc == ERR_OK && s->batch.bytes > 0)
        log_debug("receive", "committed", LOG_INT("bytes", s->batch.bytes),
                  LOG_SECONDS("seconds", (double)(clock_mono_us() - s->commit.began_us) / 1e6));
    if (rc < 0)
        log_error("receive", "transfer not stored, not acknowledged", LOG_ERR(err));
    struct op *op = s->batch.first;
    op_list_init(&s->batch);
    while (op) {
        struct op *next = op->next;
        settle(s, op, rc, err);
        op = next;
    }
}

static bool take_batch(void *arg)
{
    struct store *s = arg;
    if (!s->batch.first) /* else the one that failed goes first, as it is */
        queue_take(&s->queue, &s->batch);
    return s->batch.first != NULL;
}

static bool is_urgent(const void *arg)
{
    const struct store *s = arg;
    return s->queue.ops.first || s->queue.dirty_bytes >= s->at.options.commit_bytes;
}

static bool is_full(const void *arg)
{
    return store_full(arg);
}

static void on_tick(void *arg)
{
    jobs_put(arg);
    give_up_waiting(arg);
}

static bool is_publishing(const void *arg)
{
    const struct store *s = arg;
    return s->publisher.busy || s->publisher.waiting.first;
}

/* ---- what a transfer asks for ---- */

const char *store_id(const struct transfer *t)
{
    return t->id;
}

int64_t store_have(const struct transfer *t)
{
    return t->have;
}

bool store_from_0(const struct transfer *t)
{
    return t->from_0;
}

const char *store_same_as(const struct transfer *t)
{
    return t->again ? t->row.id : t->same_as;
}

void store_disown(struct transfer *t)
{
    t->owner = NULL;
}

struct transfer *store_begin(struct store *s, const struct catalogue_transfer *row,
                             const struct store_resume *resume, void *owner, store_done_fn *done)
{
    struct err err;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->row = *row;
    t->row.connections = 1;
    t->resume = *resume;
    t->owner = owner;
    t->done = done;
    t->began_us = row->arrived_us;
    snprintf(t->peer, sizeof t->peer, "%s", row->peer);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    if (hash_new(&t->hash, &err) < 0) {
        free(t);
        return NULL;
    }
    queue_add(&s->queue, &t->begin, OP_BEGIN, t);
    commit_flush(&s->commit);
    return t;
}

int store_append(struct store *s, struct transfer *t, const void *data, size_t n, struct err *err)
{
    int rc = queue_bytes(&s->queue, t, data, n, err);
    if (rc == ERR_OK && queue_waiting(&s->queue) >= s->at.options.commit_bytes)
        commit_flush(&s->commit);
    return rc;
}

void store_count_from_0(struct store *s, struct transfer *t)
{
    if (t->from_0)
        return;
    t->from_0 = true;
    queue_add(&s->queue, &t->count_from_0, OP_FROM_0, t);
    commit_flush(&s->commit);
}

/* "0 2048 9216": as many as there is room for. */
static void note_errors(const struct wire_stats *stats, struct catalogue_arrival *part)
{
    size_t used = 0;
    part->errors[0] = '\0';
    for (size_t i = 0; i < stats->n_error_at && used + 22 < sizeof part->errors; i++)
        used += (size_t)snprintf(part->errors + used, sizeof part->errors - used, "%s%llu",
                                 i ? " " : "", (unsigned long long)stats->error_at[i]);
}

static void end(struct store *s, struct transfer *t, enum op_type type,
                const struct wire_stats *stats, const char *why)
{
    struct catalogue_arrival *part = &t->part;
    part->began_us = t->began_us;
    part->ended_us = clock_utc_us();
    part->from_bytes = t->have;
    part->packets = stats->packets;
    part->crc_errors = stats->crc_errors;
    part->resumes = stats->resumes;
    part->bytes_lost = (int64_t)stats->bytes_lost;
    part->duplicates = stats->duplicates;
    snprintf(part->peer, sizeof part->peer, "%s", t->peer);
    snprintf(part->ended, sizeof part->ended, "%.127s", why);
    note_errors(stats, part);
    queue_end(&s->queue, t, type);
    commit_flush(&s->commit);
}

void store_finish(struct store *s, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done)
{
    t->done = done;
    end(s, t, OP_FINISH, stats, "complete");
}

void store_abandon(struct store *s, struct transfer *t, const struct wire_stats *stats,
                   const char *why)
{
    t->owner = NULL;
    end(s, t, OP_ABANDON, stats, why);
}

/* ---- open, close ---- */

int store_open(struct store **out, const char *root, uv_loop_t *loop,
               const struct store_options *options, struct err *err)
{
    struct store *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the store");
    s->lock_fd = -1;
    s->at.options = *options;
    s->at.feeds = &s->publisher.feeds;
    op_list_init(&s->queue.ops);
    op_list_init(&s->batch);
    op_list_init(&s->publisher.waiting);
    char *dir = NULL;
    int rc = intake_check_limits(err);
    if (rc == ERR_OK)
        rc = fsx_path(&dir, err, "%s/raw", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", dir);
    if (rc == ERR_OK && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        rc = err_set(err, ERR_BUSY, "%s is in use by another receiver; stop it first", root);
    free(dir);
    if (rc == ERR_OK && !(s->root = strdup(root)))
        rc = err_nomem(err, "a path");
    s->at.root = s->root;
    struct intake_feeds *feeds = &s->publisher.feeds;
    if (rc < 0 || (rc = catalogue_open_local(&s->at.catalogue, root, true, err)) < 0 ||
        (rc = raw_open_local(&s->at.raw, root, err)) < 0 ||
        (rc = intake_stores_opened(s->at.catalogue, s->at.raw, root, INTAKE_ADDS, err)) < 0 ||
        (rc = repair_run(&s->at, err)) < 0 ||
        (!options->onward &&
         (rc = intake_feeds_open(feeds, root, options->feeds, options->n_feeds, err)) < 0)) {
        store_close(out);
        return rc;
    }
    const struct commit_options commit = {
        .name = "receive",
        .root = s->root,
        .recovered = "store recovered, accepting transfers",
        .commit_ms = options->commit_ms,
        .retry_ms = options->retry_ms,
        .free_bytes_min = options->free_bytes_min,
        .arg = s,
        .take = take_batch,
        .work = do_batch,
        .settle = settle_batch,
        .postpone = postpone,
        .tick = on_tick,
        .urgent = is_urgent,
        .full = is_full,
        .on_room = options->on_room,
        .on_room_arg = options->on_room_arg,
    };
    commit_begin(&s->commit, loop, &commit);
    return ERR_OK;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    commit_end(&s->commit, is_publishing);
    give_up_waiting(s);
    intake_feeds_close(&s->publisher.feeds);
    while (s->queue.n_spare > 0)
        buf_clear(&s->queue.spare[--s->queue.n_spare]);
    catalogue_close(&s->at.catalogue);
    raw_close(&s->at.raw);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->root);
    free(s);
    *store = NULL;
}

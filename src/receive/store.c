#include "store.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/log.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * Who touches what: the loop's thread owns `pending`, `dirty`, `owner`, `done` and the queue; the
 * worker owns the databases and, during a pass, `row`, `hash` and the operations of that pass.
 * `row` is read by the loop only after the pass that changed it was answered.
 */
enum op_type { OP_BEGIN, OP_APPEND, OP_FINISH, OP_ABANDON, OP_PUBLISH };

struct op {
    enum op_type type;
    struct transfer *t;
    struct buf data; /* APPEND */
    int64_t offset;
    struct wire_stats stats;         /* FINISH, ABANDON */
    bool incomplete;                 /* FINISH: bytes are missing here; treat as ABANDON */
    char same_as[CATALOGUE_ID_ROOM]; /* FINISH: set by the pass when the file came before */
    struct op *next;
};

struct transfer {
    struct catalogue_transfer row;
    struct hash *hash;
    struct buf pending;   /* bytes that no operation has yet */
    int64_t queued_bytes; /* offset of the next operation's bytes */
    struct transfer *next_dirty;
    bool dirty;
    bool dead;                  /* a pass with something of it failed; set between passes */
    char id[CATALOGUE_ID_ROOM]; /* the loop's copy of row.id */
    void *owner;                /* NULL: nobody waits */
    store_done_fn *done;
    struct op begin, end, publish; /* so that these need no memory when they are due */
};

struct op_list {
    struct op *first, **last;
    size_t bytes;
};

struct store {
    struct store_options options;
    struct catalogue *catalogue;
    struct raw *raw;
    struct spool *spool;
    int lock_fd;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work;
    bool busy, timer_open, closing;
    struct op_list queue;   /* to be done */
    struct op_list pass;    /* being done */
    struct transfer *dirty; /* with pending bytes */
    size_t dirty_bytes;
    int pass_rc;
    struct err pass_err;
    void (*on_room)(void *arg);
    void *on_room_arg;
};

static void list_init(struct op_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->bytes = 0;
}

static void list_add(struct op_list *list, struct op *op, enum op_type type, struct transfer *t)
{
    op->type = type;
    op->t = t;
    op->next = NULL;
    *list->last = op;
    list->last = &op->next;
    list->bytes += op->data.used;
}

static void transfer_free(struct transfer **t)
{
    if (!*t)
        return;
    hash_free(&(*t)->hash);
    buf_clear(&(*t)->pending);
    free(*t);
    *t = NULL;
}

/* ---- the worker's thread ---- */

static int pass_append(struct store *s, struct op *op, struct err *err)
{
    struct catalogue_transfer *row = &op->t->row;
    hash_update(op->t->hash, buf_data(&op->data), op->data.used);
    row->length_bytes = op->offset + (int64_t)op->data.used;
    return raw_append(s->raw, row->day, row->key, op->offset, buf_data(&op->data), op->data.used,
                      err);
}

static void set_stats(struct catalogue_transfer *row, const struct wire_stats *stats)
{
    row->completed_us = clock_utc_us();
    row->packets = stats->packets;
    row->crc_errors = stats->crc_errors;
    row->resumes = stats->resumes;
}

static int pass_seal(struct store *s, struct op *op, struct err *err)
{
    struct catalogue_transfer *row = &op->t->row, same;
    struct raw_facts facts = {.id = row->id,
                              .imei = row->imei,
                              .camera = row->camera,
                              .kind = row->kind,
                              .source = row->source,
                              .arrived_us = row->arrived_us,
                              .length_bytes = row->length_bytes,
                              .init = row->wire.init,
                              .init_bytes = row->wire.init_n,
                              .meta = row->wire.meta,
                              .meta_bytes = row->wire.meta_n,
                              .start = row->wire.start,
                              .start_bytes = row->wire.start_n,
                              .path = row->wire.path,
                              .path_bytes = row->wire.path_n};
    set_stats(row, &op->stats);
    int rc = hash_final(op->t->hash, facts.sha256, err);
    if (rc < 0)
        return rc;
    hash_hex(facts.sha256, row->sha256);
    rc = catalogue_transfer_same(s->catalogue, row, &same, err);
    if (rc == ERR_OK) {
        snprintf(op->same_as, sizeof op->same_as, "%s", same.id);
        return raw_drop(s->raw, row->day, row->key, err);
    }
    if (rc != ERR_NOTFOUND)
        return rc;
    row->state = CATALOGUE_STORED;
    return raw_seal(s->raw, row->day, row->key, &facts, err);
}

/* What goes into the raw store. */
static int pass_bytes(struct store *s, struct err *err)
{
    int rc = ERR_OK;
    for (struct op *op = s->pass.first; op && rc == ERR_OK; op = op->next) {
        if (op->t->dead)
            continue;
        if (op->type == OP_APPEND)
            rc = pass_append(s, op, err);
        else if (op->type == OP_FINISH && !op->incomplete)
            rc = pass_seal(s, op, err);
        if (rc < 0)
            err_wrap(err, "%s", op->t->row.id);
    }
    return rc;
}

/* Records a transfer that is over by what the raw store really has of it. */
static int record_what_is_there(struct store *s, struct catalogue_transfer *row, struct err *err)
{
    uint8_t sha256[HASH_BYTES];
    bool sealed = false;
    struct catalogue_transfer same;
    int rc = raw_stat(s->raw, row->day, row->key, &row->length_bytes, &sealed, sha256, err);
    if (rc == ERR_NOTFOUND) /* not one byte came */
        return catalogue_transfer_remove(s->catalogue, row->key, err);
    if (rc < 0)
        return rc;
    row->state = sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
    if (!sealed)
        return catalogue_transfer_update(s->catalogue, row, err);
    hash_hex(sha256, row->sha256);
    rc = catalogue_transfer_same(s->catalogue, row, &same, err);
    if (rc == ERR_NOTFOUND)
        return catalogue_transfer_update(s->catalogue, row, err);
    if (rc == ERR_OK && (rc = raw_drop(s->raw, row->day, row->key, err)) == ERR_OK &&
        (rc = raw_commit(s->raw, err)) == ERR_OK)
        rc = catalogue_transfer_remove(s->catalogue, row->key, err);
    return rc;
}

static int pass_publish(struct store *s, struct catalogue_transfer *row, struct err *err)
{
    char json[CATALOGUE_ID_ROOM + 64];
    int n = snprintf(json, sizeof json, "{\"version\": 1, \"id\": \"%s\"}\n", row->id);
    int rc = spool_put(s->spool, row->id, json, (size_t)n, err);
    row->published = rc == ERR_OK;
    return rc;
}

static int pass_row(struct store *s, struct op *op, struct err *err)
{
    struct catalogue_transfer *row = &op->t->row;
    switch (op->type) {
    case OP_BEGIN:
        return catalogue_transfer_add(s->catalogue, row, err);
    case OP_FINISH:
        if (op->same_as[0])
            return catalogue_transfer_remove(s->catalogue, row->key, err);
        if (!op->t->dead && !op->incomplete)
            return catalogue_transfer_update(s->catalogue, row, err);
        set_stats(row, &op->stats);
        return record_what_is_there(s, row, err);
    case OP_ABANDON:
        set_stats(row, &op->stats);
        return row->key ? record_what_is_there(s, row, err) : ERR_OK;
    case OP_PUBLISH:
        return catalogue_transfer_update(s->catalogue, row, err);
    case OP_APPEND:
        return ERR_OK;
    }
    return ERR_OK;
}

/* One pass: jobs of what is committed already; bytes, durable; rows, durable. */
static int do_pass(struct store *s, struct err *err)
{
    int rc = ERR_OK;
    for (struct op *op = s->pass.first; op && rc == ERR_OK; op = op->next)
        if (op->type == OP_PUBLISH)
            rc = pass_publish(s, &op->t->row, err);
    if (rc == ERR_OK)
        rc = pass_bytes(s, err);
    if (rc == ERR_OK)
        rc = raw_commit(s->raw, err);
    else
        raw_rollback(s->raw);
    if (rc < 0 || (rc = catalogue_begin(s->catalogue, err)) < 0)
        return rc;
    for (struct op *op = s->pass.first; op && rc == ERR_OK; op = op->next)
        rc = pass_row(s, op, err);
    if (rc == ERR_OK)
        return catalogue_commit(s->catalogue, err);
    catalogue_rollback(s->catalogue);
    return rc;
}

static void on_work(uv_work_t *work)
{
    struct store *s = work->data;
    s->pass_rc = do_pass(s, &s->pass_err);
}

/* ---- the loop's thread ---- */

static void flush(struct store *s);

static void answer(struct transfer *t, int rc, const struct err *err)
{
    void *owner = t->owner;
    if (owner && t->done)
        t->done(owner, rc, err);
}

static void settle(struct store *s, struct op *op, int rc, const struct err *pass_err)
{
    struct transfer *t = op->t;
    struct err err = *pass_err;
    if (op->type == OP_FINISH && rc == ERR_OK && (t->dead || op->incomplete))
        rc = err_set(&err, ERR_IO, "the store failed in this transfer; it is kept as a partial");
    t->dead = t->dead || rc < 0;
    switch (op->type) {
    case OP_APPEND:
        buf_clear(&op->data);
        free(op);
        return;
    case OP_BEGIN:
        snprintf(t->id, sizeof t->id, "%s", rc == ERR_OK ? t->row.id : "");
        answer(t, rc, &err);
        return;
    case OP_FINISH:
        if (rc == ERR_OK && op->same_as[0])
            log_info("receive", "%s: the same file is stored as %s; not stored again", t->row.id,
                     op->same_as);
        answer(t, rc, &err);
        t->owner = NULL;
        if (rc == ERR_OK && !op->same_as[0]) /* the row is committed: now its job may exist */
            list_add(&s->queue, &t->publish, OP_PUBLISH, t);
        else
            transfer_free(&t);
        return;
    case OP_ABANDON:
        if (rc < 0)
            log_error("receive", "%s: partial not recorded (the next start does it): %s", t->row.id,
                      err.text);
        transfer_free(&t);
        return;
    case OP_PUBLISH:
        if (rc < 0)
            log_error("receive", "%s: job not published (the next start does it): %s", t->row.id,
                      err.text);
        transfer_free(&t);
        return;
    }
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct store *s = work->data;
    bool was_full = store_full(s);
    struct op *op = s->pass.first;
    int rc = s->pass_rc;
    struct err err = s->pass_err;
    list_init(&s->pass);
    s->busy = false;
    if (rc < 0)
        log_error("receive", "nothing of this pass was stored or acknowledged: %s", err.text);
    while (op) {
        struct op *next = op->next;
        settle(s, op, rc, &err);
        op = next;
    }
    /* What is urgent does not wait for the timer. */
    if (s->queue.first || s->dirty_bytes >= s->options.commit_bytes)
        flush(s);
    if (was_full && !store_full(s) && s->on_room)
        s->on_room(s->on_room_arg);
}

/* Turns a transfer's pending bytes into an operation. */
static int queue_pending(struct store *s, struct transfer *t)
{
    if (t->pending.used == 0)
        return ERR_OK;
    struct op *op = calloc(1, sizeof *op);
    if (!op)
        return ERR_NOMEM;
    op->data = t->pending;
    op->offset = t->queued_bytes;
    t->queued_bytes += (int64_t)op->data.used;
    s->dirty_bytes -= op->data.used;
    list_add(&s->queue, op, OP_APPEND, t);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    return ERR_OK;
}

static void flush(struct store *s)
{
    if (s->busy)
        return;
    while (s->dirty) {
        struct transfer *t = s->dirty;
        if (queue_pending(s, t) < 0)
            break; /* out of memory: the timer tries again */
        s->dirty = t->next_dirty;
        t->dirty = false;
    }
    if (!s->queue.first)
        return;
    s->pass = s->queue;
    list_init(&s->queue);
    s->busy = true;
    s->work.data = s;
    int rc = uv_queue_work(s->loop, &s->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_timer(uv_timer_t *timer)
{
    flush(timer->data);
}

bool store_full(const struct store *s)
{
    return s->dirty_bytes + s->queue.bytes + s->pass.bytes >= s->options.queued_bytes;
}

const char *store_id(const struct transfer *t)
{
    return t->id;
}

void store_disown(struct transfer *t)
{
    t->owner = NULL;
}

struct transfer *store_begin(struct store *s, const struct catalogue_transfer *row, void *owner,
                             store_done_fn *done)
{
    struct err err;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->row = *row;
    t->owner = owner;
    t->done = done;
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    if (hash_new(&t->hash, &err) < 0) {
        transfer_free(&t);
        return NULL;
    }
    list_add(&s->queue, &t->begin, OP_BEGIN, t);
    flush(s);
    return t;
}

int store_append(struct store *s, struct transfer *t, const void *data, size_t n, struct err *err)
{
    if (t->dead)
        return err_set(err, ERR_IO, "the store failed earlier in this transfer");
    if (t->pending.used + n > RAW_CHUNK_BYTES && queue_pending(s, t) < 0)
        return err_set(err, ERR_NOMEM, "no memory to queue a chunk");
    int rc = buf_append(&t->pending, data, n, err);
    if (rc < 0)
        return rc;
    s->dirty_bytes += n;
    if (!t->dirty) {
        t->dirty = true;
        t->next_dirty = s->dirty;
        s->dirty = t;
    }
    if (s->dirty_bytes + s->queue.bytes >= s->options.commit_bytes)
        flush(s);
    return ERR_OK;
}

static void undirty(struct store *s, struct transfer *t)
{
    for (struct transfer **p = &s->dirty; *p && t->dirty; p = &(*p)->next_dirty) {
        if (*p == t) {
            *p = t->next_dirty;
            t->dirty = false;
            return;
        }
    }
}

/* The last bytes and the end of a transfer, in that order. */
static void queue_end(struct store *s, struct transfer *t, enum op_type type,
                      const struct wire_stats *stats)
{
    undirty(s, t);
    if (queue_pending(s, t) < 0) { /* out of memory: the camera must not hear that all is stored */
        t->end.incomplete = true;
        s->dirty_bytes -= t->pending.used;
    }
    t->end.stats = *stats;
    list_add(&s->queue, &t->end, type, t);
    flush(s);
}

void store_finish(struct store *s, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done)
{
    t->done = done;
    queue_end(s, t, OP_FINISH, stats);
}

void store_abandon(struct store *s, struct transfer *t, const struct wire_stats *stats)
{
    t->owner = NULL;
    queue_end(s, t, OP_ABANDON, stats);
}

void store_on_room(struct store *s, void (*fn)(void *arg), void *arg)
{
    s->on_room = fn;
    s->on_room_arg = arg;
}

/* ---- what a crash left ---- */

struct repair {
    struct store *s;
    int stored, partial, published;
};

static int repair_receiving(void *arg, const struct catalogue_transfer *found, struct err *err)
{
    struct repair *r = arg;
    struct catalogue_transfer row = *found;
    row.completed_us = clock_utc_us();
    int rc = record_what_is_there(r->s, &row, err);
    r->stored += row.state == CATALOGUE_STORED;
    r->partial += row.state == CATALOGUE_PARTIAL;
    return rc;
}

static int repair_unpublished(void *arg, const struct catalogue_transfer *found, struct err *err)
{
    struct repair *r = arg;
    struct catalogue_transfer row = *found;
    int rc = pass_publish(r->s, &row, err);
    if (rc < 0)
        return rc;
    r->published++;
    return catalogue_transfer_update(r->s->catalogue, &row, err);
}

static int repair(struct store *s, struct err *err)
{
    struct repair r = {.s = s};
    struct catalogue_filter receiving = {.states = 1 << CATALOGUE_RECEIVING};
    struct catalogue_filter unpublished = {.unpublished = true};
    int rc = catalogue_transfer_each(s->catalogue, &receiving, repair_receiving, &r, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_each(s->catalogue, &unpublished, repair_unpublished, &r, err);
    if (rc == ERR_OK && r.stored + r.partial + r.published > 0)
        log_info("receive", "after the last end: %d whole, %d partial, %d jobs published late",
                 r.stored, r.partial, r.published);
    return rc;
}

/* ---- open, close ---- */

static int lock_root(struct store *s, const char *root, struct err *err)
{
    char *dir = NULL;
    int rc = fsx_path(&dir, err, "%s/raw", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", dir);
    if (rc == ERR_OK && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        rc = err_set(err, ERR_BUSY, "another receiver works on %s; stop it first", root);
    free(dir);
    return rc;
}

int store_open(struct store **out, const char *root, uv_loop_t *loop,
               const struct store_options *options, struct err *err)
{
    struct store *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for the store");
    s->options = *options;
    s->loop = loop;
    s->lock_fd = -1;
    list_init(&s->queue);
    list_init(&s->pass);
    int rc = lock_root(s, root, err);
    if (rc == ERR_OK)
        rc = catalogue_open(&s->catalogue, root, true, err);
    if (rc == ERR_OK)
        rc = raw_open(&s->raw, root, err);
    if (rc == ERR_OK)
        rc = spool_open(&s->spool, root, "convert", err);
    if (rc == ERR_OK)
        rc = repair(s, err);
    if (rc == ERR_OK) {
        uv_timer_init(loop, &s->timer);
        s->timer.data = s;
        s->timer_open = true;
        uv_timer_start(&s->timer, on_timer, (uint64_t)options->commit_ms,
                       (uint64_t)options->commit_ms);
    }
    if (rc < 0)
        store_close(out);
    return rc;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    s->on_room = NULL;
    if (s->timer_open)
        uv_close((uv_handle_t *)&s->timer, NULL);
    flush(s);
    while (s->busy || (s->timer_open && uv_is_active((uv_handle_t *)&s->timer)))
        uv_run(s->loop, UV_RUN_ONCE);
    catalogue_close(&s->catalogue);
    raw_close(&s->raw);
    spool_close(&s->spool);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    /* the timer's memory is the store's: let its close finish */
    uv_run(s->loop, UV_RUN_NOWAIT);
    free(s);
    *store = NULL;
}

#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "publish.h"
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    RETRY_FIRST_MS = 500, /* pauses after a failed pass (options): doubled each time, up to … */
    RETRY_LAST_MS = 30000,
    LOOK_MS = 5000, /* at the free space, when nothing is written */
    LOOK_LOW_MS = 1000,
};

struct store {
    struct stores at;
    char *root;
    struct store_options options;
    int lock_fd;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work;
    bool busy, timer_open, closing;
    struct op_list queue; /* to be done */
    struct op_list pass;  /* being done, or to be repeated */
    struct publisher *publisher;
    struct transfer *dirty; /* with pending bytes */
    size_t dirty_bytes;
    int pass_rc;
    struct err pass_err;
    int64_t free_bytes, looked_us;
    int64_t pass_us;                    /* since when it is under way */
    int64_t failing_since_us, retry_us; /* monotonic; 0: all is well */
    int64_t retry_ms;
    bool low;
    char trouble[256]; /* "" none */
    void (*on_room)(void *arg);
    void *on_room_arg;
};

void op_list_init(struct op_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->bytes = 0;
}

void op_list_add(struct op_list *list, struct op *op)
{
    op->next = NULL;
    *list->last = op;
    list->last = &op->next;
    list->bytes += op->data.used;
}

static void enqueue(struct store *s, struct op *op, enum op_type type, struct transfer *t)
{
    op->type = type;
    op->t = t;
    op_list_add(&s->queue, op);
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

static void on_work(uv_work_t *work)
{
    struct store *s = work->data;
    s->pass_rc = pass_run(&s->at, &s->pass, &s->pass_err);
    s->free_bytes = pass_free_bytes(&s->at);
}

/* ---- answers ---- */

static void flush(struct store *s);

static void answer(struct transfer *t, int rc, const struct err *err)
{
    if (t->owner && t->done)
        t->done(t->owner, rc, err);
}

/* Its row may be there; the next pass sees to it. */
static void settle_refused(struct store *s, struct transfer *t, int rc, const struct err *err)
{
    answer(t, rc, err);
    t->owner = NULL;
    if (t->ending) /* the camera hung up before it was heard */
        return;
    if (t->row.key && !s->closing)
        enqueue(s, &t->end, OP_ABANDON, t);
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
    answer(t, ERR_OK, err);
}

static void settle_finish(struct store *s, struct op *op, int rc, const struct err *pass_err)
{
    struct transfer *t = op->t;
    struct err err = *pass_err;
    if (rc == ERR_OK && (t->dead || t->incomplete))
        rc = t->dead ? (err = t->why).code
                     : err_set(&err, ERR_NOMEM, "no memory for its last bytes");
    if (rc == ERR_OK && t->same_as[0])
        log_info("receive", "the same file is stored already; not stored again",
                 LOG_TEXT("id", t->row.id), LOG_TEXT("same_as", t->same_as));
    answer(t, rc, &err);
    t->owner = NULL;
    if (rc == ERR_OK && !t->same_as[0]) /* the row is committed: now its job may exist */
        publisher_add(s->publisher, t);
    else
        transfer_free(&t);
}

/* What never comes to be now, the repair at the next start does. */
static void settle_last(struct transfer *t, const char *what, int rc, const struct err *err)
{
    if (rc < 0 || t->dead)
        log_error("receive", "left to the next start", LOG_TEXT("id", t->row.id),
                  LOG_TEXT("what", what), LOG_ERR(rc < 0 ? err : &t->why));
    transfer_free(&t);
}

static void settle(struct store *s, struct op *op, int rc, const struct err *err)
{
    switch (op->type) {
    case OP_APPEND:
        buf_clear(&op->data);
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
        settle_last(op->t, "partial not recorded", rc, err);
        return;
    case OP_PUBLISHED:
        settle_last(op->t, "its job is not recorded", rc, err);
        return;
    }
}

static void on_published(void *arg, struct transfer *t, int rc, const struct err *err)
{
    struct store *s = arg;
    if (rc < 0) {
        settle_last(t, "its job is not put", rc, err);
        return;
    }
    enqueue(s, &t->publish, OP_PUBLISHED, t);
    if (s->closing)
        flush(s);
}

/* ---- trouble ---- */

static void tell_room(struct store *s)
{
    if (s->on_room)
        s->on_room(s->on_room_arg);
}

static void on_fewer_jobs(void *arg)
{
    struct store *s = arg;
    if (!store_full(s))
        tell_room(s);
}

static void set_trouble(struct store *s)
{
    char was[sizeof s->trouble];
    snprintf(was, sizeof was, "%s", s->trouble);
    s->trouble[0] = '\0';
    if (s->failing_since_us)
        snprintf(s->trouble, sizeof s->trouble, "the store fails: %.200s", s->pass_err.text);
    else if (s->low)
        snprintf(s->trouble, sizeof s->trouble,
                 "the disk of %.100s is nearly full: %lld MiB are free, %lld are wanted "
                 "(min_free_mib)",
                 s->at.root, (long long)s->free_bytes >> 20,
                 (long long)s->options.free_bytes_min >> 20);
    if (s->trouble[0] && !was[0])
        log_error("receive", "trouble: no camera is acknowledged, what was taken waits",
                  LOG_TEXT("reason", s->trouble));
    else if (!s->trouble[0] && was[0])
        log_info("receive", "the trouble is over: transfers go on");
}

/* Only just enough would make it come and go. */
static void look_at_space(struct store *s)
{
    int64_t wanted = s->options.free_bytes_min;
    s->looked_us = clock_mono_us();
    s->low = s->free_bytes < (s->low ? wanted + wanted / 8 : wanted);
}

/* The pass will be tried again; who only wants to begin is refused meanwhile. */
static void postpone(struct store *s)
{
    struct op *op = s->pass.first;
    op_list_init(&s->pass);
    while (op) {
        struct op *next = op->next;
        if (op->type == OP_BEGIN)
            settle(s, op, s->pass_rc, &s->pass_err);
        else
            op_list_add(&s->pass, op);
        op = next;
    }
    int64_t now_us = clock_mono_us();
    s->retry_ms = s->failing_since_us ? s->retry_ms * 2 : s->options.retry_ms;
    if (s->retry_ms > RETRY_LAST_MS)
        s->retry_ms = RETRY_LAST_MS;
    if (!s->failing_since_us)
        s->failing_since_us = now_us;
    s->retry_us = now_us + s->retry_ms * 1000;
}

static void settle_all(struct store *s)
{
    struct op *op = s->pass.first;
    op_list_init(&s->pass);
    s->failing_since_us = s->retry_us = 0;
    while (op) {
        struct op *next = op->next;
        settle(s, op, s->pass_rc, &s->pass_err);
        op = next;
    }
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct store *s = work->data;
    bool was_full = store_full(s);
    s->busy = false;
    look_at_space(s);
    if (s->pass_rc == ERR_OK && s->pass.bytes > 0)
        log_debug("receive", "committed", LOG_INT("bytes", s->pass.bytes),
                  LOG_SECONDS("seconds", (double)(clock_mono_us() - s->pass_us) / 1e6));
    if (s->pass_rc < 0 && s->closing)
        log_error("receive", "not stored, not acknowledged", LOG_ERR(&s->pass_err));
    if (s->pass_rc < 0 && !s->closing)
        postpone(s);
    else
        settle_all(s);
    if (!s->closing)
        set_trouble(s);
    /* What is urgent does not wait for the timer. */
    if (s->queue.first || s->dirty_bytes >= s->options.commit_bytes)
        flush(s);
    if (was_full && !store_full(s))
        tell_room(s);
}

/* ---- the queue ---- */

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
    enqueue(s, op, OP_APPEND, t);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    return ERR_OK;
}

static void queue_dirty(struct store *s)
{
    while (s->dirty) {
        struct transfer *t = s->dirty;
        if (queue_pending(s, t) < 0)
            break; /* out of memory: the timer tries again */
        s->dirty = t->next_dirty;
        t->dirty = false;
    }
}

static bool due_to_look(const struct store *s, int64_t now_us)
{
    int64_t every_ms = s->low ? LOOK_LOW_MS : LOOK_MS;
    return !s->closing && s->options.free_bytes_min > 0 && now_us - s->looked_us >= every_ms * 1000;
}

static void flush(struct store *s)
{
    int64_t now_us = clock_mono_us();
    if (s->busy || (s->retry_us > now_us && !s->closing))
        return;
    if (!s->pass.first) { /* else the one that failed goes first, as it is */
        queue_dirty(s);
        s->pass = s->queue;
        if (!s->queue.first)
            op_list_init(&s->pass);
        op_list_init(&s->queue);
    }
    if (!s->pass.first && !due_to_look(s, now_us))
        return;
    s->busy = true;
    s->pass_us = now_us;
    s->work.data = s;
    int rc = uv_queue_work(s->loop, &s->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_timer(uv_timer_t *timer)
{
    struct store *s = timer->data;
    publisher_tick(s->publisher);
    flush(s);
}

bool store_full(const struct store *s)
{
    return s->trouble[0] || publisher_full(s->publisher) ||
           s->dirty_bytes + s->queue.bytes + s->pass.bytes >= s->options.queued_bytes;
}

const char *store_trouble(const struct store *s)
{
    return s->trouble[0] ? s->trouble : NULL;
}

const char *store_id(const struct transfer *t)
{
    return t->id;
}

int64_t store_have(const struct transfer *t)
{
    return t->have;
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
        transfer_free(&t);
        return NULL;
    }
    enqueue(s, &t->begin, OP_BEGIN, t);
    flush(s);
    return t;
}

int store_append(struct store *s, struct transfer *t, const void *data, size_t n, struct err *err)
{
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

/* "0 2048 9216": as many as there is room for. */
static void note_errors(const struct wire_stats *stats, struct catalogue_arrival *part)
{
    size_t used = 0;
    part->errors[0] = '\0';
    for (size_t i = 0; i < stats->n_error_at && used + 22 < sizeof part->errors; i++)
        used += (size_t)snprintf(part->errors + used, sizeof part->errors - used, "%s%llu",
                                 i ? " " : "", (unsigned long long)stats->error_at[i]);
}

static void describe_part(const struct transfer *t, const struct wire_stats *stats, const char *why,
                          struct catalogue_arrival *part)
{
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
}

/* The last bytes and the end of a transfer, in that order. */
static void queue_end(struct store *s, struct transfer *t, enum op_type type,
                      const struct wire_stats *stats, const char *why)
{
    undirty(s, t);
    if (queue_pending(s, t) < 0) { /* out of memory: the camera must not hear that all is stored */
        t->incomplete = true;
        s->dirty_bytes -= t->pending.used;
    }
    describe_part(t, stats, why, &t->part);
    t->ending = true;
    enqueue(s, &t->end, type, t);
    flush(s);
}

void store_finish(struct store *s, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done)
{
    t->done = done;
    queue_end(s, t, OP_FINISH, stats, "complete");
}

void store_abandon(struct store *s, struct transfer *t, const struct wire_stats *stats,
                   const char *why)
{
    t->owner = NULL;
    queue_end(s, t, OP_ABANDON, stats, why);
}

void store_on_room(struct store *s, void (*fn)(void *arg), void *arg)
{
    s->on_room = fn;
    s->on_room_arg = arg;
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
    if (s->options.retry_ms <= 0)
        s->options.retry_ms = RETRY_FIRST_MS;
    s->loop = loop;
    s->lock_fd = -1;
    s->at.options = *options;
    op_list_init(&s->queue);
    op_list_init(&s->pass);
    int rc = lock_root(s, root, err);
    if (rc == ERR_OK && !(s->root = strdup(root)))
        rc = err_set(err, ERR_NOMEM, "no memory for a path");
    s->at.root = s->root;
    if (rc == ERR_OK)
        rc = catalogue_open(&s->at.catalogue, root, true, err);
    if (rc == ERR_OK)
        rc = raw_open(&s->at.raw, root, err);
    if (rc == ERR_OK)
        rc =
            publisher_open(&s->publisher, root, options, loop, on_published, on_fewer_jobs, s, err);
    if (rc == ERR_OK)
        rc = repair_run(&s->at, err);
    if (rc == ERR_OK) {
        s->free_bytes = pass_free_bytes(&s->at);
        look_at_space(s);
        set_trouble(s);
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

static void run_until_idle(struct store *s)
{
    while (s->busy || !publisher_idle(s->publisher) || uv_is_active((uv_handle_t *)&s->timer))
        uv_run(s->loop, UV_RUN_ONCE);
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    s->on_room = NULL;
    s->closing = true;
    if (s->timer_open) { /* it was opened whole */
        uv_close((uv_handle_t *)&s->timer, NULL);
        publisher_wind_down(s->publisher);
        flush(s);
        run_until_idle(s);
    }
    catalogue_close(&s->at.catalogue);
    raw_close(&s->at.raw);
    publisher_close(&s->publisher);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    /* the timer's memory is the store's: let its close finish */
    uv_run(s->loop, UV_RUN_NOWAIT);
    free(s->root);
    free(s);
    *store = NULL;
}

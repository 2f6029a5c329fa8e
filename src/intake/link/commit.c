/* commit: batches on a worker thread, their pauses after a failure, and the room on the disk. */
#include "commit.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include <assert.h>
#include <stdio.h>

enum {
    RETRY_FIRST_MS = 500, /* pauses after a failed batch (options): doubled each time, up to … */
    RETRY_LAST_MS = 30000,
    LOOK_MS = 5000, /* at the free space, and what work() looks at, when nothing is written */
    LOOK_LOW_MS = 1000,
};

const char *commit_trouble(const struct commit *c)
{
    return c->trouble[0] ? c->trouble : NULL;
}

void commit_tell_room(const struct commit *c, bool was_full)
{
    const struct commit_options *o = &c->options;
    if (was_full && !o->full(o->arg) && !c->closing && o->on_room)
        o->on_room(o->on_room_arg);
}

/* ---- trouble ---- */

static void update_trouble(struct commit *c)
{
    const struct commit_options *o = &c->options;
    bool had = c->trouble[0];
    c->trouble[0] = '\0';
    if (c->failing_since_us)
        snprintf(c->trouble, sizeof c->trouble, "store failed: %.200s", c->err.text);
    else if (c->low)
        snprintf(c->trouble, sizeof c->trouble,
                 "%.100s: disk nearly full: %lld MiB free, %lld required "
                 "(min_free_mib)",
                 o->root, (long long)c->free_bytes >> 20, (long long)o->free_bytes_min >> 20);
    if (c->trouble[0] && !had)
        log_error(o->name, "store unavailable, acknowledgements suspended",
                  LOG_TEXT("reason", c->trouble));
    else if (!c->trouble[0] && had)
        log_event(LOG_LEVEL_INFO, o->name, o->recovered, LOG_FIELDS(LOG_END_));
}

/* Only just enough would make it come and go. */
static void look_at_space(struct commit *c)
{
    int64_t wanted = c->options.free_bytes_min;
    c->looked_us = clock_mono_us();
    c->low = c->free_bytes < (c->low ? wanted + wanted / 8 : wanted);
}

static bool due_to_look(const struct commit *c, int64_t now_us)
{
    int64_t every_ms = c->low ? LOOK_LOW_MS : LOOK_MS;
    return !c->closing && now_us - c->looked_us >= every_ms * 1000;
}

/* ---- batches ---- */

static void on_work(uv_work_t *work)
{
    struct commit *c = work->data;
    c->rc = c->options.work(c->options.arg, &c->err);
    c->free_bytes = fsx_free_bytes(c->options.root);
}

/* It will be tried again, with growing pauses. */
static void postpone(struct commit *c)
{
    int64_t now_us = clock_mono_us();
    int64_t first_ms = c->options.retry_ms > 0 ? c->options.retry_ms : RETRY_FIRST_MS;
    c->retry_ms = c->failing_since_us ? c->retry_ms * 2 : first_ms;
    if (c->retry_ms > RETRY_LAST_MS)
        c->retry_ms = RETRY_LAST_MS;
    if (!c->failing_since_us)
        c->failing_since_us = now_us;
    c->retry_us = now_us + c->retry_ms * 1000;
    if (c->options.postpone)
        c->options.postpone(c->options.arg, c->rc, &c->err);
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct commit *c = work->data;
    const struct commit_options *o = &c->options;
    bool was_full = o->full(o->arg);
    look_at_space(c);
    if (c->rc < 0 && !c->closing) {
        postpone(c);
    } else {
        c->failing_since_us = c->retry_us = 0;
        o->settle(o->arg, c->rc, &c->err);
    }
    if (!c->closing)
        update_trouble(c);
    c->busy = false; /* not before: what answers ask for is of the next batch */
    if (o->urgent(o->arg))
        commit_flush(c);
    commit_tell_room(c, was_full);
}

void commit_flush(struct commit *c)
{
    int64_t now_us = clock_mono_us();
    if (c->busy || (c->retry_us > now_us && !c->closing))
        return;
    if (!c->options.take(c->options.arg) && !due_to_look(c, now_us))
        return;
    c->busy = true;
    c->began_us = now_us;
    c->work.data = c;
    int rc = uv_queue_work(c->loop, &c->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_timer(uv_timer_t *timer)
{
    struct commit *c = timer->data;
    if (c->options.tick)
        c->options.tick(c->options.arg);
    commit_flush(c);
}

/* ---- begin, end ---- */

void commit_begin(struct commit *c, uv_loop_t *loop, const struct commit_options *options)
{
    *c = (struct commit){.options = *options, .loop = loop};
    c->free_bytes = fsx_free_bytes(options->root);
    look_at_space(c);
    update_trouble(c);
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    uv_timer_start(&c->timer, on_timer, (uint64_t)options->commit_ms, (uint64_t)options->commit_ms);
}

void commit_end(struct commit *c, bool (*also_busy)(const void *arg))
{
    if (!c->loop)
        return;
    c->closing = true;
    uv_close((uv_handle_t *)&c->timer, NULL);
    if (c->options.tick)
        c->options.tick(c->options.arg);
    commit_flush(c);
    while (c->busy || (also_busy && also_busy(c->options.arg)))
        uv_run(c->loop, UV_RUN_ONCE);
    /* the timer's memory is the owner's: let its close finish */
    uv_run(c->loop, UV_RUN_NOWAIT);
    c->loop = NULL;
}

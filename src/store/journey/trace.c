/* When each sample of a crash trace was taken, as far as its records tell. */
#include "dashspool/avl.h"
#include "dashspool/journey.h"

/* The samples of one record. */
struct run {
    int64_t utc_us;
    int64_t counter; /* of the crash; -1: not told */
    size_t first, n;
};

struct trace {
    struct buf runs;
    struct buf *samples;
    size_t before; /* bytes that were there */
};

static int add_record(void *arg, const struct catalogue_record *r, struct err *err)
{
    struct trace *t = arg;
    struct avl_record record;
    struct avl_io io, counter;
    struct err unimportant;
    if (avl_record_decode((uint8_t)r->codec, r->raw, r->raw_bytes, &record, &unimportant) < 0 ||
        avl_private(&record) || !avl_io_find(&record, AVL_ID_CRASH_TRACE, &io) ||
        avl_trace_samples(&io) == 0)
        return ERR_OK;
    struct run run = {r->time_ms * 1000, -1,
                      (t->samples->used - t->before) / sizeof(struct journey_sample),
                      avl_trace_samples(&io)};
    if (avl_io_find(&record, AVL_ID_CRASH_COUNTER, &counter))
        run.counter = (int64_t)(avl_io_unsigned(&counter) & 0xffff);
    int rc = buf_append(&t->runs, &run, sizeof run, err);
    for (size_t i = 0; rc == ERR_OK && i < run.n; i++) {
        struct avl_sample s = avl_trace_at(&io, i);
        const struct journey_sample sample = {.record_us = run.utc_us,
                                              .mg = {s.x_mg, s.y_mg, s.z_mg}};
        rc = buf_append(t->samples, &sample, sizeof sample, err);
    }
    return rc;
}

/* 0: the next record is none to derive it from. */
static int64_t step_to_next(const struct run *run, size_t n, size_t i)
{
    int64_t apart_us;
    if (i + 1 >= n || run[i].counter != run[i + 1].counter ||
        __builtin_sub_overflow(run[i + 1].utc_us, run[i].utc_us, &apart_us))
        return 0;
    int64_t step = apart_us / (int64_t)run[i].n;
    return step > 0 && step <= JOURNEY_TRACE_STEP_US ? step : 0;
}

static void place(struct trace *t)
{
    const struct run *run = (const struct run *)(const void *)buf_data(&t->runs);
    struct journey_sample *sample =
        (struct journey_sample *)(void *)(t->samples->mem + t->samples->start + t->before);
    size_t n = t->runs.used / sizeof *run;
    int64_t before = 0; /* the step of the run before, if that reaches up to this one */
    for (size_t i = 0; i < n; i++) {
        int64_t next = step_to_next(run, n, i), step = next ? next : before;
        for (size_t k = 0; k < run[i].n && step; k++) {
            struct journey_sample *s = &sample[run[i].first + k];
            s->placed = true;
            s->utc_us = run[i].utc_us + (int64_t)k * step;
            s->apart = k == 0 && !before;
        }
        before = next;
    }
}

int journey_trace(struct catalogue *c, const struct catalogue_transfer *t, struct buf *out,
                  struct err *err)
{
    struct trace trace = {.samples = out, .before = out->used};
    buf_init(&trace.runs, 4 * JOURNEY_BYTES_MAX);
    int rc = catalogue_record_each(c, t->key, INT64_MIN, INT64_MAX, add_record, &trace, err);
    if (rc == ERR_OK)
        place(&trace);
    buf_clear(&trace.runs);
    return rc;
}

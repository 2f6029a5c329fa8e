/*
 * numbers: how the records of a camera are numbered. All who judge numbers ask whether they go on
 * by one; here they are made to, where they count otherwise: few bits that wrap, every picture by
 * two or more, records of pictures and sound together. The clock and the order counts (POC) of the
 * pictures are the witnesses: where they leave no room between two pictures, none is missing.
 */
#include "media.h"
#include "timing.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MIN   7 /* of a counter that wraps; what is shorter repeats, see find_cycle() */
#define FALLS_MIN  2 /* of one kind: they begin anew because they count so */
#define STEPS_MIN  8 /* fewer do not tell how they count */
#define STEP_MAX   (1 << 20)        /* by more no counter grows */
#define STEP_US    INT64_C(1000000) /* of pictures: longer ones, and … */
#define NO_STEP_US 4000             /* … shorter ones are no witness */

struct row {
    struct entry {
        int64_t number, time_us;
        int64_t counted; /* since its predecessor, by POC or, of sound, by the clock; 0: unknown */
        bool key;
    } * entry;
    int64_t n;
    int64_t *scratch;
    int64_t nominal_us;    /* from one to the next, by the headers */
    int64_t step_us, step; /* typical ones, of time and number; 0: nobody knows */
};

/* Median of the steps that rise, of numbers or times. */
static int64_t typical(const struct row *r, int64_t from, int64_t until, bool of_time)
{
    int64_t n = 0;
    for (int64_t i = from + 1; i < until; i++) {
        const struct entry *e = &r->entry[i];
        int64_t step = of_time ? e->time_us - e[-1].time_us : e->number - e[-1].number;
        if (step > 0)
            r->scratch[n++] = step;
    }
    qsort(r->scratch, (size_t)n, sizeof *r->scratch, timing_by_value);
    return n > 0 ? r->scratch[n / 2] : 0;
}

/* ---- numbers that wrap ---- */

/* Between i and its predecessor the clock goes on. */
static bool goes_on(const struct row *r, int64_t i)
{
    int64_t us = r->entry[i].time_us - r->entry[i - 1].time_us;
    return us > 0 && us <= TIMING_JUMP_US;
}

/* What the number would be by the clock, so long behind that of a predecessor. */
static int64_t expected(const struct row *r, int64_t number, int64_t us)
{
    int64_t steps = us > 0 && us <= TIMING_JUMP_US ? (us + r->step_us / 2) / r->step_us : 1;
    return number + r->step * (steps > 1 ? steps : 1);
}

/* The number falls at i as a counter of so many values does; 0: it does not. */
static int64_t wraps_by(const struct row *r, int64_t i)
{
    const struct entry *e = &r->entry[i];
    int64_t clock = expected(r, 0, e->time_us - e[-1].time_us);
    for (int bits = BITS_MIN; bits < 32; bits++) {
        int64_t values = INT64_C(1) << bits, step = e->number + values - e[-1].number;
        if (values <= e[-1].number)
            continue;
        if (e->number > 0 && clock == r->step && step == clock + 1)
            return values - 1; /* it has no 0 */
        if (step <= 2 * r->step || llabs(step - clock) <= r->step + clock / 4)
            return values;
    }
    return 0;
}

/* They always fall from the same one to the same one. */
static int64_t find_cycle(const struct row *r)
{
    const struct entry *first = NULL;
    int64_t falls = 0;
    for (int64_t i = 1; i < r->n; i++) {
        const struct entry *e = &r->entry[i];
        if (e->number >= e[-1].number)
            continue;
        first = first ? first : e;
        if (!goes_on(r, i) || e->number != first->number || e[-1].number != first[-1].number)
            return 0;
        falls++;
    }
    return falls >= FALLS_MIN ? first[-1].number - first->number + r->step : 0;
}

/* Of all numbers that differ from it by laps, the one next to target. */
static int64_t on_lap(int64_t number, int64_t values, int64_t target)
{
    int64_t laps = (target - number + values / 2 + values) / values - 1;
    return number + laps * values;
}

/* A counter is counted on from lap to lap, until the clock begins anew with a key picture. */
static void unwrap(struct row *r)
{
    int64_t values = find_cycle(r);
    for (int64_t i = 1; i < r->n && values == 0; i++)
        if (r->entry[i].number < r->entry[i - 1].number && goes_on(r, i))
            values = wraps_by(r, i);
    struct entry before = r->entry[0]; /* the last one that goes with those before it */
    for (int64_t i = 1; i < r->n && values > 0; i++) {
        struct entry *e = &r->entry[i];
        if (e->number > values)
            continue; /* a wrong one */
        if (e->key &&
            !(e->time_us > before.time_us && e->time_us - before.time_us <= TIMING_JUMP_US)) {
            before = *e;
            continue;
        }
        int64_t target = expected(r, before.number, e->time_us - before.time_us);
        int64_t next = on_lap(e->number, values, before.number + r->step);
        bool is_next = next > before.number && next <= before.number + 2 * r->step;
        e->number = is_next ? next : on_lap(e->number, values, target);
        if (is_next || llabs(e->number - target) <= values / 4)
            before = *e;
    }
}

/* ---- numbers that do not count pictures one by one ---- */

enum counting { BY_ONE, BY_MORE, BY_ELSE };

/* The most frequent of n values, which are sorted here; *times: how often. */
static int64_t most_frequent(int64_t *value, int64_t n, int64_t *times)
{
    int64_t best = 0, run = 0;
    *times = 0;
    qsort(value, (size_t)n, sizeof *value, timing_by_value);
    for (int64_t k = 0; k < n; k++) {
        run = k > 0 && value[k] == value[k - 1] ? run + 1 : 1;
        if (run > *times) {
            *times = run;
            best = value[k];
        }
    }
    return best;
}

/* Between i and its predecessor is no room for all that the numbers would have there. What was
 * coded knows best, then the clock. */
static bool no_room(const struct row *r, int64_t i)
{
    const struct entry *e = &r->entry[i];
    int64_t step = e->number - e[-1].number, us = e->time_us - e[-1].time_us;
    if (e->counted == 1 || e->counted >= step)
        return e->counted == 1;
    return us >= NO_STEP_US && us <= STEP_US && us * 4 < step * r->nominal_us * 3;
}

/* How from..until-1 are numbered, by *step. */
static enum counting counting_of(const struct row *r, int64_t from, int64_t until, int64_t *step)
{
    int64_t n = 0, gaps = 0, seamless = 0, times, multiples = 0, all = until - from - 1;
    for (int64_t i = from + 1; i < until; i++) {
        int64_t d = r->entry[i].number - r->entry[i - 1].number;
        gaps += d > 1;
        seamless += d > 1 && no_room(r, i);
        if (d > 0)
            r->scratch[n++] = d;
    }
    *step = most_frequent(r->scratch, n, &times);
    if (all < STEPS_MIN || n * 10 < all * 9 || *step > STEP_MAX || gaps * 4 < all ||
        seamless * 20 < gaps * 19)
        return BY_ONE;
    for (int64_t k = 0; k < n; k++)
        multiples += r->scratch[k] % *step == 0;
    return *step > 1 && times * 4 >= all * 3 && multiples * 20 >= n * 19 ? BY_MORE : BY_ELSE;
}

/* By what was coded, as far as that tells. */
static void number_anew(struct row *r, int64_t from, int64_t until)
{
    int64_t n = 0, times, number = r->entry[from].number;
    for (int64_t i = from + 1; i < until; i++)
        if (r->entry[i].counted > 0)
            r->scratch[n++] = r->entry[i].counted;
    int64_t unit = n > 0 ? most_frequent(r->scratch, n, &times) : 1;
    for (int64_t i = from + 1; i < until; i++) {
        struct entry *e = &r->entry[i];
        number += e->counted > unit ? e->counted / unit : 1;
        e->number = number;
    }
}

/* Where another recording may begin, they may be numbered otherwise. */
static bool may_begin(const struct row *r, int64_t i)
{
    const struct entry *e = &r->entry[i];
    return e->key && (!goes_on(r, i) || e->number <= e[-1].number);
}

/* *step: by how much they grow where that is more than one; 0: they count something else. */
static bool count_by_one(struct row *r, int64_t *step)
{
    bool any = false;
    for (int64_t from = 0, i = 1; i <= r->n; i++) {
        int64_t by;
        if (i < r->n && !may_begin(r, i))
            continue;
        enum counting counting = counting_of(r, from, i, &by);
        for (int64_t k = from; k < i && counting == BY_MORE; k++)
            r->entry[k].number /= by;
        if (counting == BY_ELSE)
            number_anew(r, from, i);
        if (counting != BY_ONE && !any)
            *step = counting == BY_MORE ? by : 0;
        any = any || counting != BY_ONE;
        from = i;
    }
    return any;
}

/* ---- pictures, and sound ---- */

static int read_row(struct row *r, bool *otherwise, int64_t *step, struct err *err)
{
    *otherwise = false;
    r->scratch = malloc((size_t)r->n * sizeof *r->scratch);
    if (!r->scratch)
        return err_nomem(err, "the sequence numbers");
    r->step_us = typical(r, 0, r->n, true);
    r->step = typical(r, 0, r->n, false);
    if (r->step_us > 0 && r->step > 0)
        unwrap(r);
    *otherwise = count_by_one(r, step);
    free(r->scratch);
    return ERR_OK;
}

static int read_pictures(struct media *m, struct err *err)
{
    struct row r = {.n = m->n_pictures, .nominal_us = 1000000};
    int64_t step;
    bool otherwise;
    r.nominal_us /= m->nominal_fps > 0 ? m->nominal_fps : 25;
    if (!(r.entry = malloc((size_t)r.n * sizeof *r.entry)))
        return err_nomem(err, "the sequence numbers");
    for (int64_t i = 0; i < r.n; i++) {
        const struct media_picture *p = &m->picture[i];
        bool on = i > 0 && p->period == p[-1].period && !p->unread && p->poc > p[-1].poc;
        r.entry[i] = (struct entry){p->sequence, p->time_us, on ? p->poc - p[-1].poc : 0, p->key};
    }
    int rc = read_row(&r, &otherwise, &step, err);
    for (int64_t i = 0; rc == ERR_OK && i < r.n; i++)
        m->picture[i].sequence = (uint32_t)r.entry[i].number;
    free(r.entry);
    if (rc == ERR_OK && otherwise && step > 1)
        media_warn(m,
                   "the sequence numbers of the records grow by %" PRId64
                   " a picture, with no room for others between",
                   step);
    else if (rc == ERR_OK && otherwise)
        media_warn(m, "the sequence numbers of the records do not count pictures");
    return rc;
}

static int read_sounds(struct media *m, struct err *err)
{
    struct row r = {.n = m->n_sounds, .nominal_us = (int64_t)m->sound[0].n * 125}; /* 8 kHz */
    int64_t step;
    bool otherwise;
    if (!(r.entry = malloc((size_t)r.n * sizeof *r.entry)))
        return err_nomem(err, "the sequence numbers");
    for (int64_t i = 0; i < r.n; i++) {
        const struct media_sound *s = &m->sound[i];
        int64_t us = i > 0 ? s->time_us - s[-1].time_us : 0;
        int64_t counted = us > 0 ? (us + r.nominal_us / 2) / r.nominal_us : 0;
        r.entry[i] = (struct entry){s->sequence, s->time_us, counted, true};
    }
    int rc = read_row(&r, &otherwise, &step, err);
    for (int64_t i = 0; rc == ERR_OK && i < r.n; i++)
        m->sound[i].sequence = (uint32_t)r.entry[i].number;
    free(r.entry);
    return rc;
}

int media_read_numbers(struct media *m, struct err *err)
{
    int rc = ERR_OK;
    if (m->container == MEDIA_PTMF)
        rc = read_pictures(m, err);
    if (rc == ERR_OK && m->container == MEDIA_PTMF && m->n_sounds > 0)
        rc = read_sounds(m, err);
    return rc;
}

/* poc: what the order counts (POC, H.265 8.3.1) of plain H.265 tell about pictures that are not
 * there. The records of a camera have numbers of their own, and need none of this. */
#include "damage.h"
#include "media.h"
#include "sequence.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REORDER_MAX  16                  /* pictures that wait for their turn (A.4.2) */
#define STEPS_MIN    8                   /* fewer do not tell what a step is */
#define STEP_PERCENT 75                  /* of all steps are alike, or nothing is said */
#define RESTART      3                   /* pictures in a row that belong to a new count */
#define ALONE_MAX    16                  /* more are not believed to a last picture alone */
#define NO_NUMBER    (UINT32_C(1) << 30) /* farther than any sequence_judge() believes */

struct order {
    struct media *m;
    int64_t *shown; /* indices in the order in which a decoder hands them out */
    int64_t n_shown;
    int64_t waiting[REORDER_MAX + 1], turn; /* turn: the count of the last one handed out */
    int n_waiting;
    int64_t *steps; /* scratch */
    bool *again;    /* an earlier picture of the period has the same count */
    struct sequence_entry *entry;
};

struct count {
    int64_t poc, index;
    int32_t period;
};

static int by_count(const void *a, const void *b)
{
    const struct count *x = a, *y = b;
    if (x->period != y->period)
        return x->period < y->period ? -1 : 1;
    if (x->poc != y->poc)
        return x->poc < y->poc ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static bool alike(const struct media *m, int64_t i, int64_t k)
{
    const struct media_picture *a = &m->picture[i], *b = &m->picture[k];
    return a->n == b->n && memcmp(m->map + a->offset, m->map + b->offset, a->n) == 0;
}

/* Finds counts that come twice in a period, and marks pictures that are the same to the byte. */
static int find_again(struct order *o, struct err *err)
{
    struct media *m = o->m;
    struct count *c = malloc((size_t)m->n_pictures * sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory for the order counts");
    for (int64_t i = 0; i < m->n_pictures; i++)
        c[i] = (struct count){m->picture[i].poc, i, m->picture[i].period};
    qsort(c, (size_t)m->n_pictures, sizeof *c, by_count);
    for (int64_t k = 1; k < m->n_pictures; k++) {
        struct media_picture *p = &m->picture[c[k].index];
        if (p->unread || c[k].period != c[k - 1].period || c[k].poc != c[k - 1].poc)
            continue;
        o->again[c[k].index] = true;
        if (alike(m, c[k].index, c[k - 1].index))
            damage_mark_repeat(p);
    }
    free(c);
    return ERR_OK;
}

/* Picture i and those behind it would have had their turn already: they belong to a key picture
 * that is missing. */
static bool restarts(const struct order *o, int64_t i, int32_t added)
{
    const struct media_picture *p = &o->m->picture[i];
    if (i + RESTART > o->m->n_pictures)
        return false;
    for (int64_t k = 0; k < RESTART; k++)
        if (!o->again[i + k] || damage_is_repeat(&p[k]) || p[k].poc >= o->turn ||
            (k > 0 && (p[k].period + added != p->period || p[k].poc == p[k - 1].poc)))
            return false;
    return true;
}

/* The least count of those that wait. */
static void take_turn(struct order *o)
{
    const struct media_picture *p = o->m->picture;
    int least = 0;
    for (int k = 1; k < o->n_waiting; k++)
        if (p[o->waiting[k]].poc < p[o->waiting[least]].poc)
            least = k;
    o->turn = p[o->waiting[least]].poc;
    o->shown[o->n_shown++] = o->waiting[least];
    o->n_waiting--;
    memmove(&o->waiting[least], &o->waiting[least + 1],
            (size_t)(o->n_waiting - least) * sizeof *o->waiting);
}

/* Puts the pictures in the order in which a decoder hands them out (C.5.2): one, whenever more
 * than m->reorder wait. A count that starts again begins a period. */
static void hand_out(struct order *o)
{
    struct media *m = o->m;
    int depth = m->reorder < REORDER_MAX ? m->reorder : REORDER_MAX;
    int32_t added = 0;
    o->turn = INT64_MIN;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        p->period += added;
        bool anew = i > 0 && p->period != p[-1].period;
        if (!anew && restarts(o, i, added)) {
            added++;
            p->period++;
            p->keyless = anew = true;
        }
        while (anew && o->n_waiting > 0)
            take_turn(o);
        if (anew)
            o->turn = INT64_MIN;
        o->waiting[o->n_waiting++] = i;
        if (o->n_waiting > depth)
            take_turn(o);
    }
    while (o->n_waiting > 0)
        take_turn(o);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* By how much the count grows from picture to picture; 0: by this and that, or nobody can tell. */
static int64_t find_step(const struct order *o)
{
    const struct media_picture *p = o->m->picture;
    int64_t n = 0, best = 0, best_n = 0, run = 0;
    for (int64_t k = 1; k < o->m->n_pictures; k++) {
        const struct media_picture *a = &p[o->shown[k - 1]], *b = &p[o->shown[k]];
        if (a->period == b->period && b->poc > a->poc && !a->unread && !b->unread)
            o->steps[n++] = b->poc - a->poc;
    }
    qsort(o->steps, (size_t)n, sizeof *o->steps, by_value);
    for (int64_t k = 0; k < n; k++) {
        run = k > 0 && o->steps[k] == o->steps[k - 1] ? run + 1 : 1;
        if (run > best_n) {
            best_n = run;
            best = o->steps[k];
        }
    }
    return n >= STEPS_MIN && best_n * 100 >= n * STEP_PERCENT ? best : 0;
}

/* At the end of a period: a count far ahead of all others that nothing confirms is not believed.
 * Where pictures are reordered, those in front of the last one to come may have been cut off with
 * the end, which plain H.265 does not tell. */
static void doubt_end(struct order *o, int64_t from, int64_t until, int64_t last)
{
    struct media_picture *p = o->m->picture;
    if (p[o->shown[last]].missing > ALONE_MAX)
        p[o->shown[last]].missing = 0;
    for (int64_t k = from; k < until && o->m->reorder > 0; k++)
        if (o->shown[k] >= o->shown[last])
            p[o->shown[k]].missing = 0;
}

/* One period, shown[from..until-1]. */
static int judge_period(struct order *o, int64_t from, int64_t until, int64_t step, struct err *err)
{
    struct media_picture *p = o->m->picture, *first = &p[o->shown[from]];
    struct sequence_entry *e = o->entry;
    int64_t base = first->poc, n = until - from, last = -1;
    for (int64_t k = 0; k < n; k++) {
        const struct media_picture *x = &p[o->shown[from + k]];
        bool odd = x->unread || (x->poc - base) % step != 0;
        e[k].number = odd ? NO_NUMBER : (uint32_t)((x->poc - base) / step);
    }
    int rc = sequence_judge(e, n, err);
    for (int64_t k = 0; k < n; k++)
        e[k].repeat = damage_is_repeat(&p[o->shown[from + k]]);
    for (int64_t k = 1; rc == ERR_OK && k < n; k++) {
        if (e[k].state != SEQUENCE_OK)
            continue;
        p[o->shown[from + k]].missing = sequence_lost(e, n, k);
        last = k;
    }
    if (last > 0)
        doubt_end(o, from, until, from + last);
    if (first->keyless && base > 0 && base / step <= REORDER_MAX)
        first->missing = base / step; /* its key picture among them */
    return rc;
}

static int judge(struct order *o, struct err *err)
{
    const struct media *m = o->m;
    int64_t step = find_step(o);
    int rc = ERR_OK;
    for (int64_t from = 0, k = 1; step > 0 && rc == ERR_OK && k <= m->n_pictures; k++) {
        if (k < m->n_pictures &&
            m->picture[o->shown[k]].period == m->picture[o->shown[from]].period)
            continue;
        rc = judge_period(o, from, k, step, err);
        from = k;
    }
    return rc;
}

int media_find_missing(struct media *m, struct err *err)
{
    size_t n = (size_t)m->n_pictures;
    struct order o = {.m = m,
                      .shown = malloc(n * sizeof *o.shown),
                      .steps = malloc(n * sizeof *o.steps),
                      .again = calloc(n, sizeof *o.again),
                      .entry = calloc(n, sizeof *o.entry)};
    int rc = ERR_OK;
    if (!o.shown || !o.steps || !o.again || !o.entry)
        rc = err_set(err, ERR_NOMEM, "no memory for the order counts");
    if (rc == ERR_OK)
        rc = find_again(&o, err);
    if (rc == ERR_OK) {
        hand_out(&o);
        rc = judge(&o, err);
    }
    free(o.shown);
    free(o.steps);
    free(o.again);
    free(o.entry);
    return rc;
}

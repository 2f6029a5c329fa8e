#include "sequence.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAR (1 << 20) /* 10 hours of pictures: no clip spans more */

struct judge {
    struct sequence_entry *entry;
    int64_t n;
    int64_t *value;  /* numbers, relative to their median */
    int64_t *sorted; /* scratch; then the values of those displaced */
    int64_t *run;    /* indices on the longest increasing row */
    int64_t *before; /* predecessor on the row that ends here; -1 none */
    int64_t n_run, n_displaced;
};

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* How many of n rising values are below `limit`. */
static int64_t count_below(const int64_t *value, int64_t n, int64_t limit)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (value[middle] < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Numbers wrap at 2^32; relative to the median they do not. */
static void take_values(struct judge *j)
{
    uint32_t base = j->entry[0].number;
    for (int64_t i = 0; i < j->n; i++)
        j->sorted[i] = j->value[i] = (int32_t)(j->entry[i].number - base);
    qsort(j->sorted, (size_t)j->n, sizeof *j->sorted, by_value);
    base += (uint32_t)j->sorted[j->n / 2];
    for (int64_t i = 0; i < j->n; i++)
        j->value[i] = (int32_t)(j->entry[i].number - base);
}

/* Longest strictly increasing row (patience sorting). While it grows, run[k] is the index with the
 * smallest value that ends a row of k + 1. */
static void find_run(struct judge *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        int64_t low = 0, high = j->n_run;
        if (llabs(j->value[i]) > FAR)
            continue;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (j->value[j->run[middle]] < j->value[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low < j->n_run && j->value[j->run[low]] == j->value[i])
            continue; /* of two alike, the first */
        j->before[i] = low > 0 ? j->run[low - 1] : -1;
        j->run[low] = i;
        j->n_run += low == j->n_run;
    }
    int64_t i = j->n_run > 0 ? j->run[j->n_run - 1] : -1;
    for (int64_t k = j->n_run - 1; k >= 0; k--, i = j->before[i]) {
        j->run[k] = i;
        j->entry[i].state = SEQUENCE_OK;
    }
}

/* Those off the row: `sorted` becomes the row's values, then those of the displaced. */
static void judge_others(struct judge *j)
{
    for (int64_t k = 0; k < j->n_run; k++)
        j->sorted[k] = j->value[j->run[k]];
    for (int64_t i = 0; i < j->n; i++) {
        struct sequence_entry *e = &j->entry[i];
        if (e->state == SEQUENCE_OK)
            continue;
        int64_t k = count_below(j->sorted, j->n_run, j->value[i]);
        if (k < j->n_run && j->sorted[k] == j->value[i]) {
            e->state = SEQUENCE_TAKEN;
            e->twin = j->run[k];
        } else if (k > 0 && k < j->n_run) {
            e->state = SEQUENCE_DISPLACED;
        }
    }
    for (int64_t i = 0; i < j->n; i++)
        if (j->entry[i].state == SEQUENCE_DISPLACED)
            j->sorted[j->n_displaced++] = j->value[i];
    qsort(j->sorted, (size_t)j->n_displaced, sizeof *j->sorted, by_value);
}

/* A missing number is lost unless a displaced picture has it, or a picture right there has a wrong
 * number instead. */
static void count_lost(struct judge *j)
{
    for (int64_t k = 1; k < j->n_run; k++) {
        int64_t from = j->run[k - 1], to = j->run[k];
        int64_t lost = j->value[to] - j->value[from] - 1;
        if (lost > 0)
            lost -= count_below(j->sorted, j->n_displaced, j->value[to]) -
                    count_below(j->sorted, j->n_displaced, j->value[from] + 1);
        for (int64_t i = from + 1; i < to && lost > 0; i++)
            lost -= j->entry[i].state == SEQUENCE_WRONG;
        j->entry[to].lost = lost > 0 ? lost : 0;
    }
}

int sequence_judge(struct sequence_entry *entry, int64_t n, struct err *err)
{
    struct judge j = {.entry = entry, .n = n};
    if (n <= 0)
        return ERR_OK;
    size_t size = (size_t)n * sizeof *j.value;
    int64_t *room = malloc(4 * size);
    if (!room)
        return err_set(err, ERR_NOMEM, "no memory for %" PRId64 " sequence numbers", n);
    j.value = room;
    j.sorted = room + n;
    j.run = room + 2 * n;
    j.before = room + 3 * n;
    for (int64_t i = 0; i < n; i++)
        entry[i] = (struct sequence_entry){.number = entry[i].number, .state = SEQUENCE_WRONG};
    take_values(&j);
    find_run(&j);
    judge_others(&j);
    count_lost(&j);
    free(room);
    return ERR_OK;
}

int64_t sequence_lost(const struct sequence_entry *entry, int64_t n, int64_t k)
{
    int64_t lost = entry[k].lost;
    for (int64_t i = k - 1; lost > 0 && i > 0 && entry[i].state == SEQUENCE_TAKEN; i--)
        lost -= !entry[i].repeat;
    for (int64_t i = k + 1; lost > 0 && i < n && entry[i].state == SEQUENCE_TAKEN; i++)
        lost -= entry[i].twin == k && !entry[i].repeat;
    return lost;
}

#include "chapters.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SHORTEST_US INT64_C(1000) /* two at one place would be one in a player's list */

static int by_time(const void *a, const void *b)
{
    const struct chapter *x = a, *y = b;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    return x->until_us < y->until_us ? -1 : 1; /* the order in which they were found */
}

static void gap_title(const struct media_hole *h, char *out, size_t room)
{
    if (h->lost > 0)
        snprintf(out, room, "gap: %" PRId64 " picture%s missing", h->lost, h->lost > 1 ? "s" : "");
    else
        snprintf(out, room, "gap: pictures missing");
}

int chapters_make(const struct media *m, const struct media_facts *facts,
                  struct chapter out[CHAPTERS_MAX])
{
    int n = 1, kept = 1;
    int64_t trigger_us = facts->trigger_utc_us - facts->start_utc_us - m->start_us;
    out[0] = (struct chapter){.title = "start"};
    if (facts->has_time && facts->has_trigger_time && trigger_us >= SHORTEST_US &&
        trigger_us < m->duration_us)
        out[n++] = (struct chapter){trigger_us, 1, "trigger"};
    for (int64_t i = 0; i < m->n_holes && n < CHAPTERS_MAX; i++) {
        int64_t from_us = m->hole[i].from_us - m->start_us;
        if (from_us < SHORTEST_US || from_us >= m->duration_us)
            continue;
        out[n] = (struct chapter){from_us, n, ""};
        gap_title(&m->hole[i], out[n].title, sizeof out[n].title);
        n++;
    }
    qsort(out, (size_t)n, sizeof *out, by_time);
    for (int i = 1; i < n; i++)
        if (out[i].from_us >= out[kept - 1].from_us + SHORTEST_US)
            out[kept++] = out[i];
    for (int i = 0; i < kept; i++)
        out[i].until_us = i + 1 < kept ? out[i + 1].from_us : m->duration_us;
    return kept > 1 ? kept : 0;
}

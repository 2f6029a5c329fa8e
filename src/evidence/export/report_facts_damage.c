/* What is known to be wrong with a recording, and where in it. */
#include "dashspool/fsx.h"
#include "report_facts_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRETCHES_MAX = 200 };
#define TIMING_BYTES_MAX ((size_t)64 << 20)

static void count_damage(struct told *t)
{
    const char *name;
    json_t *n;
    size_t used =
        (size_t)snprintf(t->damage, sizeof t->damage, "Examined when its copies were made");
    json_object_foreach(json_object_get(t->settings, "damage"), name, n)
    {
        if (used + 60 < sizeof t->damage)
            used += (size_t)snprintf(t->damage + used, sizeof t->damage - used, "; %.30s: %lld",
                                     name, (long long)json_integer_value(n));
    }
}

static int64_t us_of(const json_t *o, const char *key)
{
    return (int64_t)(json_number_value(json_object_get(o, key)) * 1e6 + 0.5);
}

static void add_stretch(struct told *t, enum report_flaw flaw, int64_t from_us, int64_t until_us,
                        int64_t pictures, const char *why)
{
    if (t->n_stretches < STRETCHES_MAX)
        t->stretch[t->n_stretches++] =
            (struct report_stretch){flaw, from_us, until_us, pictures, why};
}

/* Pictures that are not good, as far as they follow each other. */
static void add_damaged(struct told *t, const json_t *pictures, int64_t end_us)
{
    int64_t n = 0, from_us = 0;
    for (size_t i = 0; i <= json_array_size(pictures); i++) {
        const json_t *p = json_array_get(pictures, i);
        const char *state = json_string_value(json_object_get(p, "state"));
        bool bad = state && strcmp(state, "good") != 0;
        int64_t at_us = p ? us_of(p, "pts_s") : end_us;
        if (bad && n++ == 0)
            from_us = at_us;
        if (!bad && n > 0) {
            add_stretch(t, REPORT_DAMAGED, from_us, at_us, n,
                        "corrupt, or dependent on corrupt or missing frames");
            n = 0;
        }
    }
}

static void add_gaps(struct told *t, const json_t *timing)
{
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(timing, "gaps"), i, o)
    {
        int64_t lost = json_integer_value(json_object_get(o, "lost"));
        add_stretch(t, REPORT_MISSING, us_of(o, "from_s"), us_of(o, "until_s"), lost,
                    lost > 0 ? "recorded, but not received" : "dropped by the camera itself");
    }
    json_array_foreach(json_object_get(timing, "silence"), i, o)
        add_stretch(t, REPORT_SILENCE, us_of(o, "from_s"), us_of(o, "until_s"), 0,
                    "sound missing; silence was inserted in the copies");
}

static int by_time(const void *a, const void *b)
{
    const struct report_stretch *x = a, *y = b;
    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

int report_facts_find_damage(struct told *t, const char *root, struct err *err)
{
    struct buf text;
    int64_t end_us = us_of(t->settings, "duration_s");
    struct report_stretch *fewer;
    t->stretch = calloc(STRETCHES_MAX, sizeof *t->stretch);
    if (!t->stretch)
        return err_set(err, ERR_NOMEM, "no memory for a report");
    int rc = ERR_OK;
    buf_init(&text, TIMING_BYTES_MAX);
    for (int i = 0; rc == ERR_OK && i < t->n_copies; i++) {
        char *path = NULL;
        if (strcmp(t->copy[i]->kind, "timing") != 0 || text.used > 0)
            continue;
        if ((rc = fsx_path(&path, err, "%s/%s", root, t->copy[i]->path)) == ERR_OK)
            rc = fsx_read_file(path, &text, err);
        free(path);
    }
    json_t *timing = rc == ERR_OK && text.used
                         ? json_loadb((const char *)buf_data(&text), text.used, 0, NULL)
                         : NULL;
    buf_clear(&text);
    count_damage(t);
    add_gaps(t, timing);
    add_damaged(t, json_object_get(timing, "pictures"), end_us);
    json_decref(timing);
    if (t->n_stretches == 0 && json_object_size(json_object_get(t->settings, "damage")) > 0)
        add_stretch(t, REPORT_DAMAGED, 0, end_us, 0, "at places not known; see the numbers below");
    qsort(t->stretch, t->n_stretches, sizeof *t->stretch, by_time);
    if ((fewer = realloc(t->stretch, (t->n_stretches + 1) * sizeof *fewer)) != NULL)
        t->stretch = fewer;
    return rc;
}

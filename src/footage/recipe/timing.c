/* What a timing file tells (convert's timing_file.c writes it): the time of each picture, and what
 * is wrong, and where. Anybody may have written it. */
#include "dashspool/recipe.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 1e9

static int64_t us_of(const json_t *o, const char *key)
{
    double s = json_number_value(json_object_get(o, key));
    return fabs(s) < SECONDS_MAX ? llround(s * 1e6) : 0;
}

static void add(struct recipe_timing *t, enum recipe_flaw flaw, enum recipe_cause cause,
                int64_t from_us, int64_t until_us, int64_t n)
{
    if (t->n_stretches < RECIPE_STRETCHES_MAX)
        t->stretch[t->n_stretches++] =
            (struct recipe_stretch){flaw, cause, from_us, until_us, n < 0 ? 0 : n};
}

static void add_gaps(struct recipe_timing *t, const json_t *timing)
{
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(timing, "gaps"), i, o)
    {
        int64_t lost = json_integer_value(json_object_get(o, "lost"));
        enum recipe_cause cause = json_object_get(o, "recording") ? RECIPE_BETWEEN
                                  : lost > 0                      ? RECIPE_NOT_RECEIVED
                                                                  : RECIPE_NOT_RECORDED;
        add(t, RECIPE_MISSING, cause, us_of(o, "from_s"), us_of(o, "until_s"), lost);
    }
    json_array_foreach(json_object_get(timing, "silence"), i, o)
        add(t, RECIPE_SILENCE, RECIPE_NO_SOUND, us_of(o, "from_s"), us_of(o, "until_s"), 0);
}

/* Pictures that are not good, as far as they follow each other. */
static void add_damaged(struct recipe_timing *t, const json_t *pictures, int64_t end_us)
{
    int64_t n = 0, from_us = 0;
    for (size_t i = 0; i <= t->n; i++) {
        const json_t *p = json_array_get(pictures, i);
        const char *state = json_string_value(json_object_get(p, "state"));
        bool bad = state && strcmp(state, "good") != 0;
        int64_t at_us = p ? us_of(p, "pts_s") : end_us;
        if (bad && n++ == 0)
            from_us = at_us;
        if (!bad && n > 0) {
            add(t, RECIPE_DAMAGED, RECIPE_CORRUPT, from_us, at_us, n);
            n = 0;
        }
    }
}

/* What is told by numbers alone and has its place on the time line: pictures left out at the start,
 * an end that came early. True: something else is wrong, somewhere. */
static bool add_ends(struct recipe_timing *t, const struct recipe_settings *made, int64_t end_us)
{
    bool elsewhere = false;
    for (int i = 0; i < made->n_damage; i++) {
        const char *name = made->damage[i].name;
        int64_t n = made->damage[i].n;
        if (strcmp(name, "left_out") == 0)
            add(t, RECIPE_MISSING, RECIPE_UNDECODABLE, 0, 0, n);
        else if (strcmp(name, "cut_bytes") == 0)
            add(t, RECIPE_CUT, RECIPE_UNFINISHED, end_us, end_us, n);
        else
            elsewhere = true;
    }
    return elsewhere;
}

static int by_time(const void *a, const void *b)
{
    const struct recipe_stretch *x = a, *y = b;
    return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

int recipe_timing_read(struct recipe_timing *out, const char *json, size_t n,
                       const struct recipe_settings *made, struct err *err)
{
    json_t *timing = n ? json_loadb(json, n, 0, NULL) : NULL;
    const json_t *pictures = json_object_get(timing, "pictures");
    double s = made->duration_s;
    int64_t end_us = s > 0 && s < SECONDS_MAX ? llround(s * 1e6) : 0;
    struct recipe_stretch *fewer;
    *out = (struct recipe_timing){.n = json_array_size(pictures)};
    out->pts_us = calloc(out->n + 1, sizeof *out->pts_us);
    out->stretch = calloc(RECIPE_STRETCHES_MAX, sizeof *out->stretch);
    if (!out->pts_us || !out->stretch) {
        json_decref(timing);
        return err_nomem(err, "a timing file");
    }
    for (size_t i = 0; i < out->n; i++) {
        out->pts_us[i] = us_of(json_array_get(pictures, i), "pts_s");
        if (i > 0 && out->pts_us[i] < out->pts_us[i - 1])
            out->pts_us[i] = out->pts_us[i - 1];
    }
    add_gaps(out, timing);
    add_damaged(out, pictures, end_us);
    bool placed = out->n_stretches > 0;
    if (add_ends(out, made, end_us) && !placed)
        add(out, RECIPE_DAMAGED, RECIPE_SOMEWHERE, 0, end_us, 0);
    json_decref(timing);
    qsort(out->stretch, out->n_stretches, sizeof *out->stretch, by_time);
    if ((fewer = realloc(out->stretch, (out->n_stretches + 1) * sizeof *fewer)) != NULL)
        out->stretch = fewer;
    return ERR_OK;
}

void recipe_timing_clear(struct recipe_timing *t)
{
    free(t->pts_us);
    free(t->stretch);
    *t = (struct recipe_timing){.n = 0};
}

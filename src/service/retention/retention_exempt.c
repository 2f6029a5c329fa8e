/* sweep: what stays, whatever a rule says. */
#include "sweep_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

void sweep_count_stay(struct sweep *s, enum sweep_stay stay)
{
    int64_t *const counts[] = {NULL, &s->out->protected, &s->out->unconverted, &s->out->busy,
                               &s->out->young};
    if (counts[stay])
        ++*counts[stay];
}

struct seeing {
    const struct catalogue_transfer *of;
    bool converted;
};

static int see_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct seeing *s = arg;
    (void)err;
    s->converted |= (strcmp(copy->kind, "working") == 0 || strcmp(copy->kind, "still") == 0) &&
                    catalogue_copy_is_current(s->of, copy);
    return ERR_OK;
}

/* What was made may be gone again by a rule of its own; what was given up has no copies. Another
 * stage's job that was dropped ("stage") says nothing about that, nor what was made of a part. */
static int see_event(void *arg, const char *line, struct err *err)
{
    static const char *const through[] = {"converted", "copy-deleted", "dropped"};
    struct seeing *s = arg;
    json_t *json = json_loads(line, 0, NULL);
    const char *event = json_string_value(json_object_get(json, "event"));
    const json_t *what = json_object_get(json, "what");
    const char *stage = json_string_value(json_object_get(what, "stage"));
    const char *path = json_string_value(json_object_get(what, "path"));
    char of_part[CATALOGUE_ID_ROOM + 16];
    (void)err;
    snprintf(of_part, sizeof of_part, "/%s.partial.", s->of->id);
    if (event && path && strstr(path, of_part))
        event = NULL;
    if (event && stage && strcmp(event, "dropped") == 0 && strcmp(stage, "convert") != 0)
        event = NULL;
    for (size_t i = 0; event && i < sizeof through / sizeof *through; i++)
        s->converted |= strcmp(event, through[i]) == 0;
    if (event && strcmp(event, "stored") == 0)
        s->converted = false;
    json_decref(json);
    return ERR_OK;
}

static int was_converted(struct sweep *s, const struct catalogue_transfer *t, bool *out,
                         struct err *err)
{
    struct seeing seeing = {.of = t};
    int rc = catalogue_copy_each(s->catalogue, t->key, see_copy, &seeing, err);
    if (rc == ERR_OK && !seeing.converted)
        rc = catalogue_event_each(s->catalogue, t->id, see_event, &seeing, err);
    *out = seeing.converted;
    return rc;
}

int sweep_may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                 struct err *err)
{
    bool kept = true, converted = false;
    struct spools_found jobs;
    *out = SWEEP_BUSY;
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK;
    int rc = catalogue_protected(s->catalogue, t->key, &kept, err);
    if (rc == ERR_OK)
        rc = spools_find(&s->spools, t->id, &jobs, err);
    if (rc == ERR_OK && t->state == CATALOGUE_STORED)
        rc = was_converted(s, t, &converted, err);
    if (rc < 0)
        return rc;
    int64_t last_us = t->completed_us > t->arrived_us ? t->completed_us : t->arrived_us;
    bool partial = t->state == CATALOGUE_PARTIAL;
    converted |= jobs.convert_failed;
    *out = kept                               ? SWEEP_PROTECTED
           : jobs.claimed                     ? SWEEP_BUSY
           : jobs.ready                       ? SWEEP_UNCONVERTED
           : partial && last_us > s->young_us ? SWEEP_YOUNG
           : !partial && !converted           ? SWEEP_UNCONVERTED
                                              : SWEEP_GOES;
    return ERR_OK;
}

int sweep_copy_may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                      struct err *err)
{
    bool kept = true;
    struct spools_found jobs;
    *out = SWEEP_BUSY;
    int rc = catalogue_protected(s->catalogue, t->key, &kept, err);
    if (rc == ERR_OK)
        rc = spools_find(&s->spools, t->id, &jobs, err);
    if (rc == ERR_OK)
        *out = kept ? SWEEP_PROTECTED : jobs.claimed || jobs.ready ? SWEEP_BUSY : SWEEP_GOES;
    return rc;
}

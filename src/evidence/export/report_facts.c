#include "dashspool/fsx.h"
#include "report_facts_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int report_facts_new(struct report_facts **out, const char *dir, struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_set(err, ERR_NOMEM, "no memory for a report");
    int rc = fsx_scratch(&(*out)->pictures, dir, err);
    if (rc < 0)
        report_facts_free(out);
    return rc;
}

static void told_free(struct told *t)
{
    for (int i = 0; i < t->n_copies; i++)
        free(t->copy[i]);
    free(t->stretch);
    json_decref(t->settings);
    free(t);
}

void report_facts_free(struct report_facts **s)
{
    if (!*s)
        return;
    for (size_t i = 0; i < (*s)->n; i++)
        told_free((*s)->told[i]);
    free((*s)->told);
    if ((*s)->pictures)
        fclose((*s)->pictures);
    free(*s);
    *s = NULL;
}

/* ---- how it came ---- */

static int add_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    struct told *t = arg;
    struct report_arrival *r = &t->arrival;
    (void)err;
    if (!r->known)
        r->began_us = a->began_us;
    r->known = true;
    r->ended_us = a->ended_us;
    r->connections++;
    r->packets += a->packets;
    r->bad_frames += a->crc_errors;
    return ERR_OK;
}

static void describe_arrival(struct told *t)
{
    struct report_arrival *r = &t->arrival;
    r->peer = t->t.peer;
    r->resumed = r->connections > 1 ? r->connections - 1 : 0;
    r->partial = t->t.state != CATALOGUE_STORED;
}

int report_facts_add(struct report_facts *s, struct catalogue *c, const char *root,
                     const struct catalogue_transfer *t, const char *master, struct err *err)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct told **more = realloc(s->told, room * sizeof *more);
        if (!more)
            return err_set(err, ERR_NOMEM, "no memory for a report");
        s->told = more;
        s->room = room;
    }
    struct told *told = calloc(1, sizeof *told);
    if (!told)
        return err_set(err, ERR_NOMEM, "no memory for a report");
    s->told[s->n++] = told;
    told->t = *t;
    snprintf(told->master, sizeof told->master, "%s", master);
    int rc = catalogue_copy_each(c, t->key, report_facts_add_copy, told, err);
    if (rc == ERR_OK)
        rc = catalogue_arrival_each(c, t->key, add_arrival, told, err);
    if (rc == ERR_OK)
        rc = report_facts_take_picture(s, told, root, err);
    if (rc == ERR_OK)
        rc = report_facts_find_damage(told, root, err);
    describe_arrival(told);
    report_facts_add_clocks(told);
    return rc;
}

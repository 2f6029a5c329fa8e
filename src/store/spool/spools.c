#include "dashspool/spool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct opening {
    struct spools *s;
    const char *root;
    spools_bad_fn *bad;
    void *arg;
};

static int open_one(void *arg, const char *stage, struct err *err)
{
    struct opening *o = arg;
    struct spools *s = o->s;
    struct spools_one *more = realloc(s->one, (s->n + 1) * sizeof *more);
    if (!more)
        return err_nomem(err, "the spools of %s", o->root);
    s->one = more;
    more[s->n] = (struct spools_one){.spool = NULL};
    int rc = spool_open(&more[s->n].spool, o->root, stage, err);
    if (rc < 0)
        return o->bad ? o->bad(o->arg, stage, rc, err) : rc;
    memcpy(more[s->n++].stage, stage, strlen(stage) + 1); /* its room is that of names */
    return ERR_OK;
}

int spools_open(struct spools *out, const char *root, spools_bad_fn *bad, void *arg,
                struct err *err)
{
    struct opening o = {out, root, bad, arg};
    *out = (struct spools){0};
    return spool_stages(root, open_one, &o, err);
}

void spools_close(struct spools *s)
{
    for (size_t i = 0; i < s->n; i++)
        spool_close(&s->one[i].spool);
    free(s->one);
    *s = (struct spools){0};
}

static int look_for(const struct spools *s, const char *job, struct spools_found *out,
                    struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < s->n; i++) {
        enum spool_place place = SPOOL_PLACE_NONE;
        rc = spool_find(s->one[i].spool, job, &place, err);
        out->ready |= place == SPOOL_PLACE_READY;
        out->claimed |= place == SPOOL_PLACE_CLAIMED;
        out->failed |= place == SPOOL_PLACE_FAILED;
        out->convert_failed |=
            place == SPOOL_PLACE_FAILED && strcmp(s->one[i].stage, "convert") == 0;
    }
    return rc;
}

static const char *job_of_partial(const char *id, char out[2 * SPOOL_NAME_ROOM])
{
    snprintf(out, 2 * SPOOL_NAME_ROOM, "%.*s" SPOOL_PARTIAL, SPOOL_NAME_ROOM, id);
    return out;
}

static int look(const struct spools *s, const char *id, struct spools_found *out, struct err *err)
{
    char partial[2 * SPOOL_NAME_ROOM];
    *out = (struct spools_found){0};
    int rc = look_for(s, id, out, err);
    return rc < 0 ? rc : look_for(s, job_of_partial(id, partial), out, err);
}

/* Twice: one that goes on to a stage that was looked at before could be missed once. */
int spools_find(const struct spools *s, const char *id, struct spools_found *out, struct err *err)
{
    int rc = look(s, id, out, err);
    if (rc < 0 || out->ready || out->claimed || out->failed)
        return rc;
    return look(s, id, out, err);
}

static int each_job(const struct spools *s, const char *id,
                    int (*act)(struct spool *, const char *, struct err *), struct err *err)
{
    char partial[2 * SPOOL_NAME_ROOM];
    const char *const jobs[] = {id, job_of_partial(id, partial)};
    int first = ERR_OK;
    for (size_t i = 0; i < 2 * s->n; i++) {
        struct err why;
        int rc = act(s->one[i / 2].spool, jobs[i % 2], &why);
        if (rc == ERR_OK || rc == ERR_NOTFOUND || rc == ERR_BUSY || first < 0)
            continue;
        first = rc;
        *err = why;
    }
    return first;
}

int spools_drop_failed(const struct spools *s, const char *id, struct err *err)
{
    return each_job(s, id, spool_drop, err);
}

int spools_cancel(const struct spools *s, const char *id, struct err *err)
{
    int rc = each_job(s, id, spool_reclaim, err);
    return rc < 0 ? rc : each_job(s, id, spool_cancel, err);
}

bool spool_transfer_of(const char *job, char *id, size_t room)
{
    size_t n = strlen(job), end = sizeof SPOOL_PARTIAL - 1;
    bool partial = n > end && strcmp(job + n - end, SPOOL_PARTIAL) == 0;
    snprintf(id, room, "%.*s", (int)(partial ? n - end : n), job);
    return partial;
}

bool spools_configured(const struct spools_known *stages, const char *stage)
{
    for (size_t i = 0; stages && i < stages->n; i++)
        if (strcmp(stages->name[i], stage) == 0)
            return true;
    return !stages;
}

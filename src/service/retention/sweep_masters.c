/* sweep: masters, with all that was made of them. */
#include "dashspool/fsx.h"
#include "sweep_internal.h"
#include "upkeep/files.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one transfer ---- */

struct going {
    struct sweep *s;
    int64_t bytes;
    int copies;
};

static int delete_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct going *g = arg;
    char *path = NULL;
    g->copies++;
    g->bytes += copy->length_bytes;
    if (g->s->dry_run)
        return ERR_OK;
    if (!files_archived_ok(copy->path))
        return err_set(err, ERR_MALFORMED, "'%.200s' is no place for a copy", copy->path);
    int rc = fsx_path(&path, err, "%s/%s", g->s->root, copy->path);
    if (rc == ERR_OK)
        rc = files_delete(path, err);
    free(path);
    return rc;
}

static int retire(struct sweep *s, const struct catalogue_transfer *t, const char *why, int copies,
                  struct err *err)
{
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:i}", "why", why, "sha256", t->sha256,
                          "length_bytes", (json_int_t)t->length_bytes, "state",
                          catalogue_state_name(t->state), "copies", copies);
    char *what = o ? json_dumps(o, JSON_COMPACT) : NULL;
    const struct custody_event e = {s->now_us, "deleted", "dashspool " DASHSPOOL_VERSION " sweep",
                                    what};
    int rc = what ? catalogue_retire(s->catalogue, t, &e, err)
                  : err_set(err, ERR_NOMEM, "%s: no memory for its custody", t->id);
    free(what);
    json_decref(o);
    return rc;
}

/*
 * In a transaction from before the look at what keeps it: nobody can protect it between that look
 * and its end. Copies' files go first. A crash or a failed commit leaves rows of copies that are
 * not there; the next sweep does it all again.
 */
static int go(struct sweep *s, const struct catalogue_transfer *t, const char *why,
              enum sweep_stay *stay, int64_t *freed, struct err *err)
{
    struct going g = {s, t->length_bytes, 0};
    int rc = sweep_may_go(s, t, stay, err);
    if (rc < 0 || *stay != SWEEP_GOES)
        return rc;
    rc = catalogue_copy_each(s->catalogue, t->key, delete_copy, &g, err);
    if (rc == ERR_OK && !s->dry_run)
        rc = retire(s, t, why, g.copies, err);
    *freed = g.bytes > 0 ? g.bytes : 1;
    return rc;
}

static int go_or_stay(struct sweep *s, int64_t key, struct catalogue_transfer *t, const char *why,
                      enum sweep_stay *stay, int64_t *freed, struct err *err)
{
    bool found = false;
    *freed = 0;
    int rc = s->dry_run ? ERR_OK : catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_transfer_by_key(s->catalogue, key, t, &found, err);
    if (rc == ERR_OK && found)
        rc = go(s, t, why, stay, freed, err);
    if (s->dry_run)
        return rc;
    if (rc == ERR_OK && *freed > 0)
        return catalogue_commit(s->catalogue, err);
    catalogue_rollback(s->catalogue);
    return rc;
}

int sweep_transfer(struct sweep *s, int64_t key, const char *why, int64_t *freed, struct err *err)
{
    struct catalogue_transfer t = {.key = key};
    enum sweep_stay stay = SWEEP_GOES;
    int rc = go_or_stay(s, key, &t, why, &stay, freed, err);
    if (rc < 0) {
        *freed = 0;
        return sweep_trouble(s, t.id, rc, err);
    }
    sweep_count_stay(s, stay);
    if (*freed == 0)
        return ERR_OK;
    s->out->masters++;
    sweep_tell(s, &(struct retention_swept){"master", t.id, NULL, why, *freed});
    /* its jobs are of nobody now; after a crash right here, sweep_jobs() finds them */
    rc = s->dry_run ? ERR_OK : spools_drop_failed(&s->spools, t.id, err);
    return sweep_trouble(s, t.id, rc, err);
}

/* ---- by the rules ---- */

struct gathering {
    struct sweep *s;
    struct buf *list;
};

static int gather(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    struct catalogue_transfer t;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &t, &found, err);
    if (rc < 0 || !found)
        return sweep_trouble(g->s, name, rc, err);
    int rule = rules_find(&g->s->masters, t.kind, t.camera, t.imei, "");
    if (rule < 0 || g->s->masters.rule[rule].forever)
        return ERR_OK;
    const struct candidate c = {key,  t.arrived_us,         t.length_bytes,
                                rule, sweep_pool(rule, &t), NULL};
    return buf_append(g->list, &c, sizeof c, err);
}

static int take(struct sweep *s, const struct candidate *c, const char *why, int64_t *freed,
                struct err *err)
{
    return sweep_transfer(s, c->key, why, freed, err);
}

int sweep_masters(struct sweep *s, struct err *err)
{
    struct buf list;
    struct gathering g = {s, &list};
    if (s->masters.n == 0)
        return ERR_OK;
    buf_init(&list, SWEEP_LIST_MAX);
    int rc = catalogue_key_each(s->catalogue, gather, &g, err);
    if (rc == ERR_OK)
        rc = sweep_judge(s, &list, &s->masters, take, err);
    sweep_list_clear(&list);
    return rc;
}

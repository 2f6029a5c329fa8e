/* reindex: what can be believed of the catalogue that was there. */
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "reindex_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- rows ---- */

static bool agree(const char *day, const struct raw_master *m, const struct catalogue_transfer *t)
{
    char hex[HASH_HEX_ROOM];
    if (strcmp(t->day, day) != 0)
        return false;
    if (!m->sealed)
        return t->state != CATALOGUE_STORED;
    hash_hex(m->facts.sha256, hex);
    return strcmp(t->id, m->facts.id) == 0 &&
           (t->state != CATALOGUE_STORED ||
            (strcmp(t->sha256, hex) == 0 && t->length_bytes == m->length_bytes));
}

int reindex_old_row(struct reindex *r, const char *day, const struct raw_master *m,
                    struct catalogue_transfer *t, bool *agrees, struct err *err)
{
    bool found = false;
    *agrees = false;
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_transfer_by_key(r->old, m->key, t, &found, err);
    *agrees = rc == ERR_OK && found && agree(day, m, t);
    if (*agrees) { /* a receiver was killed: what its next start would do */
        enum catalogue_state was = t->state;
        t->state = m->sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
        t->length_bytes = m->length_bytes;
        if (t->state == CATALOGUE_PARTIAL && was == CATALOGUE_RECEIVING)
            t->completed_us = clock_utc_us();
        if (m->sealed)
            hash_hex(m->facts.sha256, t->sha256);
        r->out->taken_over++;
    }
    return err_is_temporary(rc) ? rc : ERR_OK;
}

struct parts {
    struct reindex *r;
    const struct catalogue_transfer *t;
};

static int add_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    const struct parts *p = arg;
    return catalogue_arrival_add(p->r->made, p->t->key, a, err);
}

static int add_protection(void *arg, const struct catalogue_protection *protection, struct err *err)
{
    const struct parts *p = arg;
    return catalogue_protect(p->r->made, p->t->id, protection, err);
}

static int add_done(void *arg, const struct catalogue_done *d, struct err *err)
{
    const struct parts *p = arg;
    int rc = catalogue_done_put(p->r->made, p->t->key, d->stage, d->at_us, d->attempt, err);
    p->r->out->done += rc == ERR_OK;
    return rc;
}

/* A camera's transfer has none. */
static int add_origin(struct reindex *r, const struct catalogue_transfer *t, bool *origin,
                      struct err *err)
{
    struct catalogue_origin o;
    int rc = catalogue_origin_get(r->old, t->key, &o, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = catalogue_origin_put(r->made, t->key, &o, err);
    *origin = rc == ERR_OK;
    r->out->origins += *origin;
    return rc;
}

/* One that cannot be read does not keep the others. */
int reindex_old_parts(struct reindex *r, const struct catalogue_transfer *t, bool *origin,
                      struct err *err)
{
    struct parts p = {r, t};
    *origin = false;
    int rc = catalogue_arrival_each(r->old, t->key, add_arrival, &p, err);
    if ((rc = reindex_trouble(r, t->id, rc, err)) == ERR_OK)
        rc = add_origin(r, t, origin, err);
    if ((rc = reindex_trouble(r, t->id, rc, err)) == ERR_OK)
        rc = catalogue_protection_each(r->old, t->key, add_protection, &p, err);
    if ((rc = reindex_trouble(r, t->id, rc, err)) == ERR_OK)
        rc = catalogue_done_each(r->old, t->key, add_done, &p, err);
    return reindex_trouble(r, t->id, rc, err);
}

/* ---- custodies ---- */

struct chain {
    struct reindex *r;
    const char *id;
    struct custody_chain chain;
};

static int check_line(void *arg, const char *line, struct err *err)
{
    struct chain *c = arg;
    int64_t before = c->chain.n;
    int rc = custody_next(&c->chain, line, strlen(line), err);
    if (rc == ERR_OK && (c->chain.n != before + 1 || strcmp(c->chain.id, c->id) != 0))
        rc = err_set(err, ERR_MALFORMED, "custody record of %s: its lines are out of order", c->id);
    return rc;
}

static int take_line(void *arg, const char *line, struct err *err)
{
    struct chain *c = arg;
    return catalogue_event_restore(c->r->made, c->id, line, err);
}

static int take_custody(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct reindex *r = arg;
    struct chain c = {r, id, {.n = 0}};
    int rc = catalogue_event_each(r->old, id, check_line, &c, err);
    if (rc == ERR_OK && c.chain.n != lines)
        rc = err_set(err, ERR_MALFORMED, "custody record of %s: lines are missing", id);
    if (rc == ERR_OK)
        rc = catalogue_event_each(r->old, id, take_line, &c, err);
    r->out->custodies += rc == ERR_OK;
    return reindex_trouble(r, id, rc, err);
}

static int take_seen(void *arg, const struct catalogue_seen *s, struct err *err)
{
    struct reindex *r = arg;
    int rc = catalogue_seen_put(r->made, s, err);
    r->out->seen += rc == ERR_OK;
    return rc;
}

static int take_due(void *arg, const char *day, int64_t key, struct err *err)
{
    struct reindex *r = arg;
    return catalogue_due_add(r->made, day, key, err);
}

int reindex_old_custodies(struct reindex *r, struct err *err)
{
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_custody_each(r->old, take_custody, r, err);
    if (rc == ERR_OK)
        rc = catalogue_due_each(r->old, take_due, r, err);
    if ((rc = reindex_trouble(r, "the old catalogue", rc, err)) == ERR_OK)
        rc = catalogue_seen_each(r->old, take_seen, r, err);
    return reindex_trouble(r, "the old catalogue", rc, err);
}

/* ---- copies ---- */

struct wanted {
    struct catalogue_copy *copy;
    bool found;
};

static int find_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (strcmp(copy->path, w->copy->path) == 0 && strcmp(copy->sha256, w->copy->sha256) == 0) {
        *w->copy = *copy;
        w->found = true;
    }
    return ERR_OK;
}

int reindex_old_copy(struct reindex *r, struct catalogue_copy *copy, bool *found, struct err *err)
{
    char id[CATALOGUE_ID_ROOM];
    struct catalogue_transfer t;
    struct wanted w = {copy, false};
    *found = false;
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_copy_owner(r->old, copy->path, id, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_get(r->old, id, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_each(r->old, t.key, find_copy, &w, err);
    *found = w.found;
    return err_is_temporary(rc) ? rc : ERR_OK;
}

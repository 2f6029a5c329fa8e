/* carry: what a node knows of a transfer, into the site's catalogue. */
#include "accept_internal.h"
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct carrying {
    const struct accept_from *from;
    struct catalogue *site;
    const char *id;
    int64_t key;
    int64_t n, from_line;
};

/* ---- beside its row ---- */

static int carry_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    const struct carrying *c = arg;
    return catalogue_arrival_add(c->site, c->key, a, err);
}

static int carry_record(void *arg, const struct catalogue_record *r, struct err *err)
{
    const struct carrying *c = arg;
    bool added;
    return catalogue_record_put(c->site, c->key, r, &added, err);
}

static int carry_origin(const struct carrying *c, struct err *err)
{
    struct catalogue_origin *origin = malloc(sizeof *origin);
    int rc = origin ? catalogue_origin_get(c->from->catalogue, c->from->row->key, origin, err)
                    : err_nomem(err, "an origin");
    if (rc == ERR_OK)
        rc = catalogue_origin_put(c->site, c->key, origin, err);
    free(origin);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int carry_facts(const struct accept_from *from, struct catalogue *site, int64_t key,
                struct err *err)
{
    struct carrying c = {.from = from, .site = site, .key = key};
    struct catalogue_match match;
    bool found = false;
    int rc = catalogue_arrival_each(from->catalogue, from->row->key, carry_arrival, &c, err);
    if (rc == ERR_OK)
        rc = carry_origin(&c, err);
    if (rc == ERR_OK)
        rc = catalogue_record_each(from->catalogue, from->row->key, INT64_MIN, INT64_MAX,
                                   carry_record, &c, err);
    if (rc == ERR_OK)
        rc = catalogue_match_get(from->catalogue, from->row->key, &match, &found, err);
    return rc < 0 || !found ? rc : catalogue_match_put(site, key, &match, err);
}

/* ---- its custody ---- */

/* The same event once more, in another chain. */
static int tell_anew(const struct carrying *c, const struct custody_record *r, struct err *err)
{
    char *what = custody_record_what(r);
    struct custody_event e = {.event = r->kind, .who = r->who, .what = what};
    int rc = !r->at || !r->who
                 ? err_set(err, ERR_MALFORMED, "custody of %s: line %" PRId64 " is malformed",
                           c->from->row->id, c->n)
                 : clock_parse(r->at, 0, &e.at_us, NULL, err);
    if (rc == ERR_OK)
        rc = catalogue_event_add(c->site, c->id, &e, err);
    free(what);
    return rc;
}

static int carry_line(void *arg, const char *line, struct err *err)
{
    struct carrying *c = arg;
    struct custody_record r;
    c->n++;
    if (strcmp(c->id, c->from->row->id) == 0)
        return catalogue_event_restore(c->site, c->id, line, err);
    custody_read(&r, line, strlen(line));
    int rc = tell_anew(c, &r, err);
    custody_record_clear(&r);
    return rc;
}

int carry_custody(const struct accept_from *from, struct catalogue *site, const char *id,
                  int64_t *lines, struct err *err)
{
    struct carrying c = {.from = from, .site = site, .id = id};
    int rc = catalogue_event_each(from->catalogue, from->row->id, carry_line, &c, err);
    *lines = c.n;
    return rc;
}

struct seeking {
    enum custody_kind kind;
    const char *at;
    bool found;
};

static int compare_line(void *arg, const char *line, struct err *err)
{
    struct seeking *s = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    s->found |= r.kind == s->kind && r.at && strcmp(r.at, s->at) == 0;
    custody_record_clear(&r);
    return ERR_OK;
}

static int carry_note(void *arg, const char *line, struct err *err)
{
    struct carrying *c = arg;
    struct custody_record r;
    if (++c->n < c->from_line)
        return ERR_OK;
    custody_read(&r, line, strlen(line));
    struct seeking s = {r.kind, r.at ? r.at : "", false};
    /* that it was handed on, the site says itself */
    int rc = r.kind == CUSTODY_PUBLISHED
                 ? ERR_OK
                 : catalogue_event_each(c->site, c->id, compare_line, &s, err);
    if (rc == ERR_OK && !s.found && r.kind != CUSTODY_PUBLISHED)
        rc = tell_anew(c, &r, err);
    custody_record_clear(&r);
    return rc;
}

int carry_notes(const struct accept_from *from, struct catalogue *site, const char *id,
                int64_t from_line, struct err *err)
{
    struct carrying c = {.from = from, .site = site, .id = id, .from_line = from_line};
    return catalogue_event_each(from->catalogue, from->row->id, carry_note, &c, err);
}

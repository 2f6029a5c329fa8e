#include "catalogue_internal.h"
#include "dashspool/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const catalogue_event_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_EVENT_LAST] = "SELECT n, line FROM custody WHERE transfer = ?1"
                                 " ORDER BY n DESC LIMIT 1",
    [CATALOGUE_SQL_EVENT_ADD] = "INSERT INTO custody(transfer, n, line) VALUES(?1, ?2, ?3)"
                                " ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_EVENT_REMOVE] = "DELETE FROM custody WHERE transfer ="
                                   " (SELECT id FROM transfer WHERE key = ?1)",
    [CATALOGUE_SQL_EVENT_RETELL] = "UPDATE custody SET line = ?3 WHERE transfer = ?1 AND n = ?2",
    [CATALOGUE_SQL_EVENT_AT] = "SELECT line FROM custody WHERE transfer = ?1 AND n = ?2",
};

static int read_last(struct catalogue *c, const char *id, int64_t *n, char line[CUSTODY_LINE_ROOM],
                     struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_EVENT_LAST, err);
    bool found = false;
    rows_bind_text(st, 1, id);
    int rc = rows_step(st, &found, err);
    *n = 0;
    if (rc == ERR_OK && found &&
        (!rows_int64(st, 0, 1, INT32_MAX, n) || !rows_text(st, 1, line, CUSTODY_LINE_ROOM)))
        rc = err_set(err, ERR_MALFORMED, "catalogue: the custody record of %s is malformed", id);
    rows_reset(st);
    return rc;
}

static int add(struct catalogue *c, const char *id, const struct custody_event *event,
               struct err *err)
{
    struct custody_event e = *event;
    char last[CUSTODY_LINE_ROOM], line[CUSTODY_LINE_ROOM];
    int64_t n, added = 0;
    int rc = catalogue_lock_id(c, id, err);
    if (e.at_us == CATALOGUE_NOW)
        e.at_us = clock_utc_us();
    for (int tries = 0; rc == ERR_OK && added == 0 && tries < CATALOGUE_TRIES; tries++) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_EVENT_ADD, err);
        rc = read_last(c, id, &n, last, err);
        if (rc == ERR_OK)
            rc = custody_line(line, id, n + 1, n > 0 ? last : NULL, &e, err);
        if (rc < 0)
            break;
        rows_bind_text(st, 1, id);
        rows_bind_int64(st, 2, n + 1);
        rows_bind_text(st, 3, line);
        rc = rows_run(st, &added, err);
    }
    return rc == ERR_OK && added == 0
               ? err_set(err, ERR_BUSY, "the custody of %s: others write to it again and again", id)
               : rc;
}

int catalogue_event_add(struct catalogue *c, const char *id, const struct custody_event *event,
                        struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, add(c, id, event, err), err);
}

int catalogue_event_note(struct catalogue *c, const char *id, int64_t at_us,
                         enum custody_kind event, const char *who, const struct custody_what *what,
                         struct err *err)
{
    char *text = custody_what_text(what);
    const struct custody_event e = {at_us, event, who, text};
    int rc = text ? catalogue_event_add(c, id, &e, err) : err_nomem(err, "the custody of %s", id);
    free(text);
    return rc;
}

int catalogue_event_last(struct catalogue *c, const char *id, enum custody_kind *out, bool *erased,
                         struct err *err)
{
    char line[CUSTODY_LINE_ROOM];
    struct custody_record r;
    int64_t n;
    *out = CUSTODY_UNKNOWN;
    if (erased)
        *erased = false;
    int rc = read_last(c, id, &n, line, err);
    if (rc < 0 || n == 0)
        return rc;
    custody_read(&r, line, strlen(line));
    *out = r.kind;
    if (erased)
        *erased = r.kind == CUSTODY_DELETED && r.what.erased;
    custody_record_clear(&r);
    return ERR_OK;
}

static int restore(struct catalogue *c, const char *id, const char *line, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_EVENT_ADD, err);
    char last[CUSTODY_LINE_ROOM];
    struct custody_chain chain = {.n = 0};
    int rc = read_last(c, id, &chain.n, last, err);
    int64_t before = chain.n;
    /* the last line in a chain that only the next one can follow */
    if (rc == ERR_OK && before > 0)
        rc = hash_text(last, strlen(last), chain.last, err);
    snprintf(chain.id, sizeof chain.id, "%s", id);
    if (rc == ERR_OK)
        rc = custody_next(&chain, line, strlen(line), err);
    if (rc == ERR_OK && (chain.n != before + 1 || strcmp(chain.id, id) != 0))
        rc = err_set(err, ERR_MALFORMED,
                     "custody record of %s: this line is of another place: %.60s", id, line);
    if (rc < 0)
        return rc;
    rows_bind_text(st, 1, id);
    rows_bind_int64(st, 2, chain.n);
    rows_bind_text(st, 3, line);
    int64_t added = 0;
    rc = rows_run(st, &added, err);
    return rc == ERR_OK && added == 0
               ? err_set(err, ERR_BUSY, "the custody of %s: somebody else writes to it", id)
               : rc;
}

int catalogue_event_restore(struct catalogue *c, const char *id, const char *line, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, restore(c, id, line, err), err);
}

int catalogue_event_each(struct catalogue *c, const char *id, catalogue_event_fn *fn, void *arg,
                         struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_EVENT_AT, err);
    char line[CUSTODY_LINE_ROOM];
    bool found = true;
    int rc = ERR_OK;
    for (int64_t n = 1; rc == ERR_OK && found; n++) {
        rows_bind_text(st, 1, id);
        rows_bind_int64(st, 2, n);
        rc = rows_step(st, &found, err);
        if (rc == ERR_OK && found && !rows_text(st, 0, line, sizeof line))
            rc =
                err_set(err, ERR_MALFORMED, "catalogue: the custody record of %s is malformed", id);
        rows_reset(st);
        if (rc == ERR_OK && found)
            rc = fn(arg, line, err);
    }
    return rc;
}

struct retelling {
    struct catalogue *c;
    const char *id;
    custody_keep_fn *keep;
    void *arg;
    int64_t n;
    char previous[CUSTODY_LINE_ROOM];
};

static int retell_line(void *arg, const char *line, struct err *err)
{
    struct retelling *r = arg;
    struct rows_st *st = catalogue_sql(r->c, CATALOGUE_SQL_EVENT_RETELL, err);
    char again[CUSTODY_LINE_ROOM];
    int rc = custody_retell(again, line, strlen(line), r->n > 0 ? r->previous : NULL, r->keep,
                            r->arg, err);
    if (rc < 0)
        return rc;
    memcpy(r->previous, again, sizeof again);
    rows_bind_text(st, 1, r->id);
    rows_bind_int64(st, 2, ++r->n);
    rows_bind_text(st, 3, again);
    return rows_run(st, NULL, err);
}

int catalogue_event_retell(struct catalogue *c, const char *id, custody_keep_fn *keep, void *arg,
                           struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    struct retelling *r = calloc(1, sizeof *r);
    if (r) {
        *r = (struct retelling){.c = c, .id = id, .keep = keep, .arg = arg};
        rc = catalogue_event_each(c, id, retell_line, r, err);
    } else {
        rc = err_nomem(err, "the custody of %s", id);
    }
    free(r);
    return catalogue_leave(c, own, rc, err);
}

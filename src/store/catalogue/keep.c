#include "catalogue_internal.h"
#include "dashspool/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const catalogue_keep_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_PROTECT] = "INSERT INTO protection(transfer, reason, who, since_us)"
                              " VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_UNPROTECT] = "DELETE FROM protection WHERE transfer = ?1",
    [CATALOGUE_SQL_PROTECTION_AT] = "SELECT since_us, who, reason FROM protection"
                                    " WHERE transfer = ?1 ORDER BY since_us, reason"
                                    " LIMIT 1 OFFSET ?2",
    [CATALOGUE_SQL_LOCK] = "SELECT 1 FROM transfer WHERE key = ?1",
    [CATALOGUE_SQL_RETIRE] = "DELETE FROM transfer WHERE key = ?1",
    [CATALOGUE_SQL_DUE_ADD] = "INSERT INTO due(key, day) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_DUE_KEYS] = "SELECT key FROM due ORDER BY day, key",
    [CATALOGUE_SQL_DUE_BY_KEY] = "SELECT day FROM due WHERE key = ?1",
    [CATALOGUE_SQL_DUE_DONE] = "DELETE FROM due WHERE key = ?1",
    [CATALOGUE_SQL_UPKEEP_PUT] = "INSERT INTO upkeep(task, at_us, ok, text) VALUES(?1, ?2, ?3, ?4)"
                                 " ON CONFLICT(task) DO UPDATE SET at_us = excluded.at_us,"
                                 " ok = excluded.ok, text = excluded.text",
    [CATALOGUE_SQL_UPKEEP_GET] = "SELECT at_us, ok, text FROM upkeep WHERE task = ?1",
    [CATALOGUE_SQL_NEWEST] = "SELECT coalesce(max(arrived_us), 0), coalesce(max(iif("
                             " source = 'camera' AND known & 2 <> 0 AND"
                             " abs(time_us - arrived_us) <= ?2, arrived_us, 0)), 0) FROM transfer"
                             " WHERE arrived_us <= ?1",
};

/* ---- protection ---- */

static int protect(struct catalogue *c, const char *id, const struct catalogue_protection *p,
                   struct err *err)
{
    struct catalogue_transfer t;
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_PROTECT, err);
    int rc = catalogue_transfer_get(c, id, &t, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, t.key);
    rows_bind_word(st, 2, p->reason);
    rows_bind_word(st, 3, p->who);
    rows_bind_int64(st, 4, p->since_us);
    rc = catalogue_run(c, st, t.key, err); /* on a site it may be gone by now */
    if (rc < 0 || rows_changes(c->rows) == 0)
        return rc;
    return catalogue_event_note(c, id, p->since_us, CUSTODY_PROTECTED, p->who,
                                &(struct custody_what){.reason = p->reason}, err);
}

static bool text_ok(const char *text, size_t room)
{
    size_t n = strnlen(text, room);
    return n > 0 && n < room;
}

int catalogue_protect(struct catalogue *c, const char *id, const struct catalogue_protection *p,
                      struct err *err)
{
    bool own;
    if (!text_ok(p->who, sizeof p->who) || !text_ok(p->reason, sizeof p->reason))
        return err_set(err, ERR_MALFORMED, "%s: a name and a reason are needed to protect it", id);
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, protect(c, id, p, err), err);
}

static int protection_at(struct catalogue *c, int64_t key, int at, struct catalogue_protection *out,
                         bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_PROTECTION_AT, err);
    rows_bind_int64(st, 1, key);
    rows_bind_int64(st, 2, at);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_int64(st, 0, INT64_MIN, INT64_MAX, &out->since_us) ||
        !rows_text(st, 1, out->who, sizeof out->who) ||
        !rows_text(st, 2, out->reason, sizeof out->reason))
        return rows_unreadable(st, err,
                               "catalogue: a protection of transfer %" PRId64 " is malformed", key);
    rows_reset(st);
    return rc;
}

int catalogue_protection_each(struct catalogue *c, int64_t key, catalogue_protection_fn *fn,
                              void *arg, struct err *err)
{
    struct catalogue_protection p;
    bool found = true;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && found; i++) {
        rc = protection_at(c, key, i, &p, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &p, err);
    }
    return rc;
}

int catalogue_protected(struct catalogue *c, int64_t key, bool *out, struct err *err)
{
    struct catalogue_protection p;
    *out = true; /* one that cannot be read protects, too */
    return protection_at(c, key, 0, &p, out, err);
}

struct ending {
    struct buf reasons; /* a struct custody_list */
    int n;
};

static int add_reason(void *arg, const struct catalogue_protection *p, struct err *err)
{
    struct ending *e = arg;
    e->n++;
    return buf_append(&e->reasons, p->reason, strlen(p->reason) + 1, err);
}

static int unprotect(struct catalogue *c, const char *id, const char *who, int *ended,
                     struct err *err)
{
    struct catalogue_transfer t;
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_UNPROTECT, err);
    struct ending e = {.n = 0};
    buf_init(&e.reasons, CUSTODY_LINE_ROOM);
    int rc = catalogue_transfer_get(c, id, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_protection_each(c, t.key, add_reason, &e, err);
    *ended = e.n;
    if (rc == ERR_OK && e.n > 0) {
        const struct custody_what what = {
            .reasons = {(const char *)buf_data(&e.reasons), e.reasons.used}};
        rows_bind_int64(st, 1, t.key);
        rc = rows_run(st, NULL, err);
        if (rc == ERR_OK)
            rc = catalogue_event_note(c, id, CATALOGUE_NOW, CUSTODY_UNPROTECTED, who, &what, err);
    }
    buf_clear(&e.reasons);
    return rc;
}

int catalogue_unprotect(struct catalogue *c, const char *id, const char *who, int *ended,
                        struct err *err)
{
    bool own;
    *ended = 0;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, unprotect(c, id, who, ended, err), err);
}

/* ---- what goes ---- */

static int retire(struct catalogue *c, const struct catalogue_transfer *t,
                  const struct custody_event *event, struct err *err)
{
    bool kept, row;
    struct rows_st *lock = catalogue_sql(c, CATALOGUE_SQL_LOCK, err);
    rows_bind_int64(lock, 1, t->key);
    int rc = rows_step(lock, &row, err); /* on a site, nobody protects it from now on */
    rows_reset(lock);
    if (rc == ERR_OK)
        rc = catalogue_protected(c, t->key, &kept, err);
    if (rc == ERR_OK && kept)
        rc = err_set(err, ERR_BUSY, "%s is protected", t->id);
    if (rc == ERR_OK)
        rc = catalogue_event_add(c, t->id, event, err);
    if (rc == ERR_OK)
        rc = catalogue_settings_forget(c, t->key, NULL, err);
    if (rc < 0)
        return rc;
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_RETIRE, err);
    rows_bind_int64(st, 1, t->key);
    if ((rc = rows_run(st, NULL, err)) < 0)
        return rc;
    if (rows_changes(c->rows) == 0)
        return err_set(err, ERR_NOTFOUND, "no such transfer: %s", t->id);
    return catalogue_due_add(c, t->day, t->key, err);
}

int catalogue_retire(struct catalogue *c, const struct catalogue_transfer *t,
                     const struct custody_event *event, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, retire(c, t, event, err), err);
}

static int due_day(struct catalogue *c, int64_t key, char day[11], bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_DUE_BY_KEY, err);
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_text(st, 0, day, 11))
        return rows_unreadable(st, err, "catalogue: the day of master %" PRId64 " is malformed",
                               key);
    rows_reset(st);
    return rc;
}

int catalogue_due_each(struct catalogue *c, catalogue_due_fn *fn, void *arg, struct err *err)
{
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    int rc = catalogue_keys_read(catalogue_sql(c, CATALOGUE_SQL_DUE_KEYS, err), &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        char day[11];
        bool found;
        int64_t key = catalogue_keys_at(&keys, i);
        rc = due_day(c, key, day, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, day, key, err);
    }
    buf_clear(&keys);
    return rc;
}

int catalogue_due_add(struct catalogue *c, const char *day, int64_t key, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_DUE_ADD, err);
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, day);
    return catalogue_run(c, st, key, err);
}

int catalogue_is_due(struct catalogue *c, int64_t key, bool *out, struct err *err)
{
    char day[11];
    return due_day(c, key, day, out, err);
}

int catalogue_due_done(struct catalogue *c, int64_t key, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_DUE_DONE, err);
    rows_bind_int64(st, 1, key);
    return catalogue_run(c, st, key, err);
}

/* ---- what was done to the store ---- */

int catalogue_upkeep_note(struct catalogue *c, const char *task, const struct catalogue_upkeep *u,
                          struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_UPKEEP_PUT, err);
    rows_bind_word(st, 1, task);
    rows_bind_int64(st, 2, u->at_us);
    rows_bind_int64(st, 3, u->ok);
    rows_bind_text(st, 4, u->text); /* also an empty one */
    return catalogue_run(c, st, 0, err);
}

void catalogue_upkeep_failed(const char *root, const char *task, const struct err *why)
{
    struct catalogue *c = NULL;
    struct catalogue_upkeep u = {.at_us = clock_utc_us()};
    struct err unimportant; /* who called is told why anyway */
    snprintf(u.text, sizeof u.text, CATALOGUE_UPKEEP_FAILED "%.*s",
             (int)(sizeof u.text - sizeof CATALOGUE_UPKEEP_FAILED), why->text);
    int rc = catalogue_open(&c, root, false, &unimportant);
    if (rc == ERR_OK)
        rc = catalogue_upkeep_note(c, task, &u, &unimportant);
    catalogue_close(&c);
    (void)rc;
}

int catalogue_upkeep_last(struct catalogue *c, const char *task, struct catalogue_upkeep *out,
                          bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_UPKEEP_GET, err);
    int64_t ok;
    *out = (struct catalogue_upkeep){0};
    rows_bind_word(st, 1, task);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_int64(st, 0, INT64_MIN, INT64_MAX, &out->at_us) || !rows_int64(st, 1, 0, 1, &ok) ||
        !rows_text(st, 2, out->text, sizeof out->text))
        return rows_unreadable(st, err, "catalogue: the last %s is malformed", task);
    rows_reset(st);
    out->ok = ok;
    return rc;
}

int catalogue_newest(struct catalogue *c, int64_t until_us, int64_t within_us, int64_t *arrived_us,
                     int64_t *confirmed_us, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_NEWEST, err);
    bool row;
    rows_bind_int64(st, 1, until_us);
    rows_bind_int64(st, 2, within_us);
    int rc = rows_step(st, &row, err);
    if (rc == ERR_OK) {
        *arrived_us = rows_column(st, 0);
        *confirmed_us = rows_column(st, 1);
    }
    rows_reset(st);
    return rc;
}

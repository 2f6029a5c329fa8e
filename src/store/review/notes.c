/* What people note of transfers: each with its event of custody. */
#include "dashspool/clock.h"
#include "review_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Runs sql with ?1 the key, ?2 who, ?3 when, ?4 a text. *changed: it found something to do. */
static int run(struct catalogue *c, const char *sql, int64_t key, const char *who, int64_t at_us,
               const char *text, bool *changed, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, key);
    if (rows_parameters(st) >= 3) {
        rows_bind_text(st, 2, who);
        rows_bind_int64(st, 3, at_us);
    }
    if (rows_parameters(st) >= 4)
        rows_bind_text(st, 4, text);
    rc = catalogue_run(c, st, key, err);
    *changed = rc == ERR_OK && rows_changes(c->rows) > 0;
    rows_finalize(&st);
    return rc;
}

static int put(struct catalogue *c, const char *id, const char *who, const char *sql,
               enum custody_kind kind, const struct custody_what *what, const char *text,
               struct err *err)
{
    struct catalogue_transfer t;
    bool own, changed = false;
    if (!who[0] || !review_text_ok(who, REVIEW_WHO_ROOM, false))
        return err_set(err, ERR_MALFORMED,
                       "%s: who notes that has no name, or one that cannot be "
                       "shown",
                       id);
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    int64_t at_us = clock_utc_us();
    if ((rc = catalogue_lock_id(c, id, err)) == ERR_OK)
        rc = catalogue_transfer_get(c, id, &t, err);
    /* a note's number may be taken by another one meanwhile */
    for (int i = 0; rc == ERR_OK && !changed && i < (kind == CUSTODY_NOTED ? CATALOGUE_TRIES : 1);
         i++)
        rc = run(c, sql, t.key, who, at_us, text, &changed, err);
    if (rc == ERR_OK && !changed && kind == CUSTODY_NOTED)
        rc = err_set(err, ERR_BUSY, "%s: others note something again and again", id);
    if (rc == ERR_OK && changed)
        rc = catalogue_event_note(c, id, at_us, kind, who, what, err);
    return catalogue_leave(c, own, rc, err);
}

int review_put_reviewed(struct catalogue *c, const char *id, const char *who, bool reviewed,
                        struct err *err)
{
    return put(c, id, who,
               reviewed ? "INSERT INTO reviewed(transfer, who, at_us) VALUES(?1, ?2, ?3)"
                          " ON CONFLICT DO NOTHING"
                        : "DELETE FROM reviewed WHERE transfer = ?1",
               reviewed ? CUSTODY_REVIEWED : CUSTODY_UNREVIEWED, &(struct custody_what){0}, NULL,
               err);
}

int review_put_case(struct catalogue *c, const char *id, const char *who, const char *number,
                    struct err *err)
{
    if (!review_text_ok(number, REVIEW_CASE_ROOM, false))
        return err_set(err, ERR_MALFORMED,
                       "%s: a case number has %d bytes at most, and no control characters", id,
                       REVIEW_CASE_ROOM - 1);
    return put(c, id, who,
               number[0] ? "INSERT INTO case_number(transfer, who, at_us, number)"
                           " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(transfer) DO UPDATE SET"
                           " who = excluded.who, at_us = excluded.at_us, number = excluded.number"
                           " WHERE case_number.number <> excluded.number"
                         : "DELETE FROM case_number WHERE transfer = ?1",
               CUSTODY_CASE, &(struct custody_what){.number = number[0] ? number : NULL}, number,
               err);
}

int review_add_note(struct catalogue *c, const char *id, const char *who, const char *text,
                    struct err *err)
{
    if (!text[0] || !review_text_ok(text, REVIEW_NOTE_ROOM, true))
        return err_set(err, ERR_MALFORMED,
                       "%s: a note has 1 to %d bytes of UTF-8, and no control characters", id,
                       REVIEW_NOTE_ROOM - 1);
    return put(c, id, who,
               "INSERT INTO note(transfer, n, who, at_us, text) SELECT ?1,"
               " (SELECT coalesce(max(n), 0) + 1 FROM note WHERE transfer = ?1), ?2, ?3, ?4"
               " WHERE true ON CONFLICT DO NOTHING",
               CUSTODY_NOTED, &(struct custody_what){.note = text}, text, err);
}

int review_notes(struct catalogue *c, int64_t key, review_note_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = NULL;
    char who[REVIEW_WHO_ROOM], text[REVIEW_NOTE_ROOM];
    bool row = true;
    int rc = rows_prepare(c->rows, &st,
                          "SELECT at_us, who, text FROM note WHERE transfer = ?1 ORDER BY n", err);
    if (rc == ERR_OK)
        rows_bind_int64(st, 1, key);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        struct review_note note = {rows_column(st, 0), who, text};
        rc = rows_text(st, 1, who, sizeof who) && rows_text(st, 2, text, sizeof text)
                 ? fn(arg, &note, err)
                 : rows_unreadable(st, err,
                                   "catalogue: a note of transfer %" PRId64 " is malformed", key);
    }
    rows_finalize(&st);
    return rc;
}

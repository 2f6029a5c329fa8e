/* What people noted, as the custody record tells it: for who checks the rows, or makes them anew.
 */
#include "dashspool/clock.h"
#include "review_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Of a note its text, of a case its number. */
struct one {
    int64_t n, at_us; /* n 0: there is none */
    char who[REVIEW_WHO_ROOM], text[REVIEW_NOTE_ROOM];
};

struct noted {
    struct one reviewed, belongs;
    struct buf notes; /* of struct one */
    struct custody_chain chain;
    bool broken; /* the chain: who reads it knows nothing */
};

static struct one one_of(int64_t n, const struct custody_record *r, const char *text)
{
    struct one o = {.n = n};
    int zone;
    struct err no_time;
    if (!r->at || clock_parse(r->at, 0, &o.at_us, &zone, &no_time) < 0)
        o.at_us = 0;
    snprintf(o.who, sizeof o.who, "%s", r->who ? r->who : "");
    snprintf(o.text, sizeof o.text, "%s", text ? text : "");
    return o;
}

static int add_line(void *arg, const char *line, struct err *err)
{
    struct noted *all = arg;
    struct custody_record r;
    struct err why;
    int rc = ERR_OK;
    int64_t before = all->chain.n;
    all->broken = all->broken || custody_next(&all->chain, line, strlen(line), &why) < 0 ||
                  all->chain.n != before + 1;
    if (all->broken || all->chain.kind < CUSTODY_REVIEWED || all->chain.kind > CUSTODY_CASE)
        return ERR_OK;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_REVIEWED && all->reviewed.n == 0)
        all->reviewed = one_of(1, &r, NULL);
    else if (r.kind == CUSTODY_UNREVIEWED)
        all->reviewed = (struct one){.n = 0};
    else if (r.kind == CUSTODY_CASE)
        all->belongs = r.what.number ? one_of(1, &r, r.what.number) : (struct one){.n = 0};
    else if (r.kind == CUSTODY_NOTED && r.what.note) {
        struct one o = one_of((int64_t)(all->notes.used / sizeof o) + 1, &r, r.what.note);
        rc = buf_append(&all->notes, &o, sizeof o, err);
    }
    custody_record_clear(&r);
    return rc;
}

static int tell_of(struct catalogue *c, const char *id, struct noted *out, struct err *err)
{
    int64_t lines = 0;
    int rc = catalogue_event_each(c, id, add_line, out, err);
    if (rc == ERR_OK)
        rc = catalogue_event_count(c, id, &lines, err);
    out->broken = out->broken || lines != out->chain.n;
    return rc;
}

/* ---- rows ---- */

static int read_rows(struct catalogue *c, int64_t key, struct noted *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = true;
    int rc = rows_prepare(c->rows, &st,
                          "SELECT 0 AS part, 1 AS n, at_us, who, '' FROM reviewed"
                          " WHERE transfer = ?1 UNION ALL"
                          " SELECT 1, 1, at_us, who, number FROM case_number WHERE transfer = ?1"
                          " UNION ALL SELECT 2, n, at_us, who, text FROM note WHERE transfer = ?1"
                          " ORDER BY 1, 2",
                          err);
    if (rc == ERR_OK)
        rows_bind_int64(st, 1, key);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        struct one o = {.n = rows_column(st, 1), .at_us = rows_column(st, 2)};
        int part = (int)rows_column(st, 0);
        if (!rows_text(st, 3, o.who, sizeof o.who) || !rows_text(st, 4, o.text, sizeof o.text))
            o = (struct one){.n = -1};
        if (part == 0)
            out->reviewed = o;
        else if (part == 1)
            out->belongs = o;
        else
            rc = buf_append(&out->notes, &o, sizeof o, err);
    }
    rows_finalize(&st);
    return rc;
}

static bool same(const struct one *a, const struct one *b)
{
    return a->n == b->n && a->at_us == b->at_us && strcmp(a->who, b->who) == 0 &&
           strcmp(a->text, b->text) == 0;
}

static bool same_notes(const struct noted *a, const struct noted *b)
{
    const struct one *x = (const struct one *)(const void *)buf_data(&a->notes),
                     *y = (const struct one *)(const void *)buf_data(&b->notes);
    bool all = a->notes.used == b->notes.used;
    for (size_t i = 0; all && i < a->notes.used / sizeof *x; i++)
        all = same(&x[i], &y[i]);
    return all;
}

/* *told NULL: nothing is known. Free it, and rows, in any case. */
static int read_both(struct catalogue *c, const struct catalogue_transfer *t, struct noted **told,
                     struct noted **rows, struct err *err)
{
    *told = calloc(1, sizeof **told);
    *rows = calloc(1, sizeof **rows);
    if (!*told || !*rows)
        return err_nomem(err, "what people noted");
    buf_init(&(*told)->notes, NOTES_BYTES_MAX);
    buf_init(&(*rows)->notes, NOTES_BYTES_MAX);
    int rc = tell_of(c, t->id, *told, err);
    return rc < 0 ? rc : read_rows(c, t->key, *rows, err);
}

static void release(struct noted **n)
{
    if (*n)
        buf_clear(&(*n)->notes);
    free(*n);
    *n = NULL;
}

int review_check(struct catalogue *c, const struct catalogue_transfer *t, review_told_fn *fn,
                 void *arg, struct err *err)
{
    struct noted *told, *rows;
    int rc = read_both(c, t, &told, &rows, err);
    bool judged = rc == ERR_OK && !told->broken; /* else who checks chains tells it */
    if (judged && !same(&told->reviewed, &rows->reviewed))
        rc = fn(arg, false,
                "whether it was reviewed, by whom and when, is not what its custody "
                "record says",
                err);
    if (rc == ERR_OK && judged && !same(&told->belongs, &rows->belongs))
        rc = fn(arg, false, "its case number is not that of its custody record", err);
    if (rc == ERR_OK && judged && !same_notes(told, rows))
        rc = fn(arg, false, "its notes are not those of its custody record", err);
    release(&told);
    release(&rows);
    return rc;
}

/* ---- made anew ---- */

static int put_one(struct catalogue *c, int64_t key, const char *sql, const struct one *o,
                   struct err *err)
{
    struct rows_st *st = NULL;
    if (o->n == 0)
        return ERR_OK;
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc < 0)
        return rc;
    int n = rows_parameters(st);
    rows_bind_int64(st, 1, key);
    if (n >= 3) {
        rows_bind_int64(st, 2, o->at_us);
        rows_bind_text(st, 3, o->who);
    }
    if (n >= 4)
        rows_bind_text(st, 4, o->text);
    if (n >= 5)
        rows_bind_int64(st, 5, o->n);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

static int put_all(struct catalogue *c, int64_t key, const struct noted *told, struct err *err)
{
    static const char *const sql[] = {"DELETE FROM reviewed WHERE transfer = ?1",
                                      "DELETE FROM case_number WHERE transfer = ?1",
                                      "DELETE FROM note WHERE transfer = ?1"};
    const struct one any = {.n = 1};
    const struct one *notes = (const struct one *)(const void *)buf_data(&told->notes);
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < 3; i++)
        rc = put_one(c, key, sql[i], &any, err);
    if (rc == ERR_OK)
        rc = put_one(c, key, "INSERT INTO reviewed(transfer, at_us, who) VALUES(?1, ?2, ?3)",
                     &told->reviewed, err);
    if (rc == ERR_OK)
        rc = put_one(c, key,
                     "INSERT INTO case_number(transfer, at_us, who, number)"
                     " VALUES(?1, ?2, ?3, ?4)",
                     &told->belongs, err);
    for (size_t i = 0; rc == ERR_OK && i < told->notes.used / sizeof *notes; i++)
        rc = put_one(c, key,
                     "INSERT INTO note(transfer, at_us, who, text, n) VALUES(?1, ?2, ?3, ?4, ?5)",
                     &notes[i], err);
    return rc;
}

int review_restore(struct catalogue *c, const struct catalogue_transfer *t, bool *changed,
                   struct err *err)
{
    struct noted *told = NULL, *rows = NULL;
    bool own;
    *changed = false;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = read_both(c, t, &told, &rows, err);
    *changed = rc == ERR_OK && !told->broken &&
               !(same(&told->reviewed, &rows->reviewed) && same(&told->belongs, &rows->belongs) &&
                 same_notes(told, rows));
    if (*changed)
        rc = put_all(c, t->key, told, err);
    release(&told);
    release(&rows);
    return catalogue_leave(c, own, rc, err);
}

#include "catalogue_internal.h"
#include "dashspool/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A SELECT that grows by conditions; only those that are asked for, so that an index can serve. */
struct query {
    struct buf sql;
    struct {
        const char *text; /* NULL: the number */
        int64_t number;
    } bind[16];
    int binds;
    int rc;
    char vehicle[256]; /* as it is looked for */
};

/* Each '?' of `sql` is one bound value. */
static void add(struct query *q, const char *sql, const char *text, int64_t number, struct err *err)
{
    if (q->rc == ERR_OK)
        q->rc = buf_append(&q->sql, sql, strlen(sql), err);
    if (!strchr(sql, '?'))
        return;
    q->bind[q->binds].text = text;
    q->bind[q->binds++].number = number;
}

static void add_text(struct query *q, const char *sql, const char *text, struct err *err)
{
    if (text && *text)
        add(q, sql, text, 0, err);
}

static void add_number(struct query *q, const char *sql, int64_t number, struct err *err)
{
    if (number != 0)
        add(q, sql, NULL, number, err);
}

/* `what`: the columns. */
static void build(struct query *q, const char *what, const struct catalogue_filter *f,
                  struct err *err)
{
    /* what is not whole is little, whatever else is asked for */
    bool unfinished = f->states != 0 && !(f->states & 1u << CATALOGUE_STORED);
    add(q, "SELECT ", NULL, 0, err);
    add(q, what, NULL, 0, err);
    add(q,
        unfinished ? " FROM transfer INDEXED BY transfer_unfinished WHERE state <> 'stored'"
                   : " FROM transfer WHERE true",
        NULL, 0, err);
    add_text(q, " AND id = ?", f->id, err);
    add_text(q, " AND imei = ?", f->imei, err);
    if (f->vehicle && *f->vehicle) {
        snprintf(q->vehicle, sizeof q->vehicle, "%s", f->vehicle);
        text_fold(q->vehicle);
        add(q,
            " AND imei IN (SELECT imei FROM vehicle WHERE instr(words, ?) > 0"
            " UNION SELECT imei FROM camera",
            q->vehicle, 0, err);
        add(q, " WHERE instr(imei, ?) > 0)", q->vehicle, 0, err);
    }
    add_text(q, " AND camera = ?", f->camera, err);
    add_text(q, " AND kind = ?", f->kind, err);
    add_text(q, " AND source = ?", f->source, err);
    add_text(q, " AND trigger_name = ?", f->trigger_name, err);
    add_number(q, " AND when_us >= ?", f->since_us, err);
    add_number(q, " AND when_us < ?", f->until_us, err);
    if (f->states != 0) {
        add(q, " AND state IN (NULL", NULL, 0, err);
        for (enum catalogue_state s = CATALOGUE_RECEIVING; s <= CATALOGUE_PARTIAL; s++)
            if (f->states & 1u << s)
                add(q, ", ?", catalogue_state_name(s), 0, err);
        add(q, ")", NULL, 0, err);
    }
    if (f->unpublished)
        add(q, " AND state = 'stored' AND published = 0", NULL, 0, err);
    if (f->unworked)
        add(q,
            " AND state = 'stored'"
            " AND NOT EXISTS(SELECT 1 FROM copy WHERE copy.transfer = transfer.key)"
            " AND NOT EXISTS(SELECT 1 FROM done WHERE done.transfer = transfer.key)",
            NULL, 0, err);
}

static void build_order(struct query *q, const struct catalogue_filter *f, struct err *err)
{
    add(q, f->newest_first ? " ORDER BY when_us DESC, id DESC" : " ORDER BY when_us, id", NULL, 0,
        err);
    if (f->limit > 0)
        add(q, " LIMIT ?", NULL, f->limit, err);
    if (f->limit > 0 && f->skip > 0)
        add(q, " OFFSET ?", NULL, f->skip, err);
}

/* Prepares and binds it; *st is to be finalized. */
static int prepare(struct catalogue *c, struct query *q, struct rows_st **st, struct err *err)
{
    int rc = q->rc;
    if (rc == ERR_OK)
        rc = buf_append(&q->sql, "", 1, err);
    if (rc == ERR_OK)
        rc = rows_prepare(c->rows, st, (const char *)buf_data(&q->sql), err);
    for (int i = 0; rc == ERR_OK && i < q->binds; i++) {
        if (q->bind[i].text)
            rows_bind_word(*st, i + 1, q->bind[i].text);
        else
            rows_bind_int64(*st, i + 1, q->bind[i].number);
    }
    buf_clear(&q->sql);
    return rc;
}

static const struct catalogue_filter any = {0};

static int select_keys(struct catalogue *c, const struct catalogue_filter *filter, struct buf *keys,
                       struct err *err)
{
    struct query q = {.rc = ERR_OK};
    struct rows_st *st = NULL;
    buf_init(&q.sql, 2048);
    build(&q, "key", filter ? filter : &any, err);
    build_order(&q, filter ? filter : &any, err);
    int rc = prepare(c, &q, &st, err);
    if (rc == ERR_OK)
        rc = catalogue_keys_read(st, keys, err);
    rows_finalize(&st);
    return rc;
}

int catalogue_transfer_count(struct catalogue *c, const struct catalogue_filter *filter,
                             int64_t *out, struct err *err)
{
    struct query q = {.rc = ERR_OK};
    struct rows_st *st = NULL;
    bool row = false;
    buf_init(&q.sql, 2048);
    build(&q, "count(*)", filter ? filter : &any, err);
    int rc = prepare(c, &q, &st, err);
    if (rc == ERR_OK)
        rc = rows_step(st, &row, err);
    *out = row ? rows_column(st, 0) : 0;
    rows_finalize(&st);
    return rc;
}

int catalogue_transfer_each(struct catalogue *c, const struct catalogue_filter *filter,
                            catalogue_each_fn *fn, void *arg, struct err *err)
{
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    struct catalogue_transfer *t = malloc(sizeof *t);
    int rc = t ? select_keys(c, filter, &keys, err) : err_nomem(err, "a transfer");
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        bool found;
        rc = catalogue_transfer_by_key(c, catalogue_keys_at(&keys, i), t, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, t, err);
    }
    free(t);
    buf_clear(&keys);
    return rc;
}

int catalogue_count(struct catalogue *c, struct catalogue_counts *out, struct err *err)
{
    int64_t *const to[] = {&out->receiving, &out->stored, &out->partial, &out->bytes};
    return rows_numbers(c->rows,
                        "SELECT count(*) FILTER (WHERE state = 'receiving'),"
                        " count(*) FILTER (WHERE state = 'stored'),"
                        " count(*) FILTER (WHERE state = 'partial'),"
                        " coalesce(sum(length_bytes), 0) FROM transfer",
                        to, sizeof to / sizeof *to, err);
}

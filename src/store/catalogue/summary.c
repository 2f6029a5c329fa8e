#include "catalogue_internal.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 500, ARRIVALS_MAX = 100000, OLDER_MAX = 1000 };

struct catalogue_summary {
    sqlite3 *db; /* NULL: of a site */
    struct rows *rows;
    int version;
};

/* Whether what lies beside it is of the same ROOT; older ones do not say. */
static int check_identity(struct catalogue_summary *l, const char *root, struct err *err)
{
    struct root_id id;
    int rc = l->version < 8 ? ERR_OK : catalogue_read_root(l->rows, &id, err);
    return rc < 0 || l->version < 8 ? rc : root_check(root, &id, err);
}

static int open_of_site(struct catalogue_summary **out, struct err *err)
{
    struct catalogue_summary *l = *out;
    l->version = catalogue_schema.version;
    int rc = catalogue_site_open(&l->rows, err);
    if (rc == ERR_OK)
        rc = rows_begin_read(l->rows, err);
    if (rc < 0)
        catalogue_summary_close(out);
    return rc;
}

int catalogue_summary_open(struct catalogue_summary **out, const char *root, struct err *err)
{
    char *path = NULL;
    struct catalogue_summary *l = *out = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err, "a catalogue");
    if (site_used())
        return open_of_site(out, err);
    int rc = root_check_whole(root, err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/catalogue.db", root);
    if (rc == ERR_OK)
        rc = sqlx_open_readonly(&l->db, path, &catalogue_schema, BUSY_MS, &l->version, err);
    if (rc == ERR_OK)
        rc = rows_of_sqlite(&l->rows, l->db, err);
    if (rc == ERR_OK)
        rc = check_identity(l, root, err);
    if (rc == ERR_OK) /* one for all questions: thousands of small ones would be slow */
        rc = rows_begin_read(l->rows, err);
    free(path);
    if (rc < 0)
        catalogue_summary_close(out);
    return rc;
}

void catalogue_summary_close(struct catalogue_summary **l)
{
    if (!*l)
        return;
    rows_close(&(*l)->rows);
    sqlx_close(&(*l)->db);
    free(*l);
    *l = NULL;
}

/* The one row of a question with at most one number in it; *st is to be finalized. */
static int ask(struct catalogue_summary *l, struct rows_st **st, const char *sql, int64_t number,
               bool *row, struct err *err)
{
    *row = false;
    int rc = rows_prepare(l->rows, st, sql, err);
    if (rc < 0)
        return rc;
    if (rows_parameters(*st) > 0)
        rows_bind_int64(*st, 1, number);
    return rows_step(*st, row, err);
}

/* ---- transfers ---- */

static int oldest_unpublished(struct catalogue_summary *l, struct catalogue_totals *out,
                              struct err *err)
{
    struct rows_st *st = NULL;
    bool row;
    int rc = ask(l, &st,
                 "SELECT id, coalesce(completed_us, arrived_us) FROM transfer"
                 " WHERE state = 'stored' AND published = 0 ORDER BY when_us, id LIMIT 1",
                 0, &row, err);
    if (rc == ERR_OK && row &&
        (!rows_text(st, 0, out->oldest_unpublished, sizeof out->oldest_unpublished) ||
         !rows_int64(st, 1, INT64_MIN, INT64_MAX, &out->oldest_unpublished_us)))
        rc = rows_unreadable(st, err, "catalogue: a transfer is malformed");
    rows_finalize(&st);
    return rc;
}

/* That which was interrupted first, and has not been resumed. */
static int oldest_partial(struct catalogue_summary *l, struct catalogue_totals *out,
                          struct err *err)
{
    struct rows_st *st = NULL;
    bool row;
    int rc = ask(l, &st,
                 l->version < 2 /* there were no arrivals yet */
                     ? "SELECT id, coalesce(completed_us, arrived_us) AS at, NULL FROM transfer"
                       " WHERE state = 'partial' AND state <> 'stored' ORDER BY at, id LIMIT 1"
                     : "SELECT id, coalesce(completed_us, arrived_us) AS at,"
                       " (SELECT ended FROM arrival WHERE transfer = transfer.key"
                       " ORDER BY arrival.key DESC LIMIT 1) FROM transfer"
                       " WHERE state = 'partial' AND state <> 'stored' ORDER BY at, id LIMIT 1",
                 0, &row, err);
    if (rc == ERR_OK && row &&
        (!rows_text(st, 0, out->oldest_partial, sizeof out->oldest_partial) ||
         !rows_int64(st, 1, INT64_MIN, INT64_MAX, &out->oldest_partial_us) ||
         !rows_text(st, 2, out->partial_why, sizeof out->partial_why)))
        rc = rows_unreadable(st, err, "catalogue: a transfer is malformed");
    rows_finalize(&st);
    return rc;
}

/* The first row's numbers; *to of them. */
static int ask_numbers(struct catalogue_summary *l, const char *sql, int64_t number,
                       int64_t *const *to, int n, struct err *err)
{
    struct rows_st *st = NULL;
    bool row;
    int rc = ask(l, &st, sql, number, &row, err);
    for (int i = 0; rc == ERR_OK && row && i < n; i++)
        *to[i] = rows_column(st, i);
    rows_finalize(&st);
    return rc;
}

/* Each of these is answered by an index alone, in a catalogue that is up to date: a row has half a
 * kilobyte, and there may be a million. */
int catalogue_summary_totals(struct catalogue_summary *l, int64_t since_us,
                             struct catalogue_totals *out, struct err *err)
{
    int64_t all = 0, unfinished = 0;
    *out = (struct catalogue_totals){0};
    int64_t *const of_all[] = {&all, &out->bytes, &out->since_bytes, &out->first_us};
    int64_t *const of_few[] = {&out->receiving, &unfinished}, *const waiting = &out->unpublished;
    int rc = ask_numbers(l,
                         "SELECT count(*), coalesce(sum(length_bytes), 0),"
                         " coalesce(sum(length_bytes) FILTER (WHERE arrived_us >= ?1), 0),"
                         " coalesce(min(arrived_us), 0) FROM transfer",
                         since_us, of_all, 4, err);
    if (rc == ERR_OK)
        rc = ask_numbers(l,
                         "SELECT count(*) FILTER (WHERE state = 'receiving'), count(*)"
                         " FROM transfer WHERE state <> 'stored'",
                         0, of_few, 2, err);
    if (rc == ERR_OK)
        rc =
            ask_numbers(l, "SELECT count(*) FROM transfer WHERE state = 'stored' AND published = 0",
                        0, &waiting, 1, err);
    out->stored = all - unfinished;
    out->partial = unfinished - out->receiving;
    if (rc == ERR_OK && out->unpublished > 0)
        rc = oldest_unpublished(l, out, err);
    return rc < 0 || out->partial == 0 ? rc : oldest_partial(l, out, err);
}

/* ---- what stages have to do ---- */

/* *st is to be finalized. */
static int ask_owed(struct catalogue_summary *l, struct rows_st **st, const char *sql,
                    const char *stage, int64_t until_us, struct err *err)
{
    int rc = rows_prepare(l->rows, st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_word(*st, 1, stage);
    rows_bind_int64(*st, 2, until_us);
    return rc;
}

int catalogue_summary_owed(struct catalogue_summary *l, const char *stage, int64_t until_us,
                           int64_t *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    *out = 0;
    if (l->version < 7) /* nobody kept it */
        return ERR_OK;
    int rc = ask_owed(l, &st,
                      "SELECT count(*) FROM done WHERE attempt = 0 AND stage = ?1 AND at_us < ?2",
                      stage, until_us, err);
    if (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row)
        *out = rows_column(st, 0);
    rows_finalize(&st);
    return rc;
}

int catalogue_summary_owed_each(struct catalogue_summary *l, const char *stage, int64_t until_us,
                                catalogue_owed_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = NULL;
    char id[CATALOGUE_ID_ROOM];
    bool row = true;
    if (l->version < 7)
        return ERR_OK;
    int rc = ask_owed(l, &st,
                      "SELECT id FROM done JOIN transfer ON key = transfer WHERE attempt = 0"
                      " AND stage = ?1 AND at_us < ?2 AND state = 'stored' AND published = 1"
                      " ORDER BY key",
                      stage, until_us, err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row)
        rc = rows_text(st, 0, id, sizeof id)
                 ? fn(arg, id, err)
                 : err_set(err, ERR_MALFORMED, "catalogue: a transfer is malformed");
    rows_finalize(&st);
    return rc;
}

/* ---- copies ---- */

/* A row of copy has half a kilobyte: all of a large table would take seconds. */
static int sample(struct catalogue_summary *l, int64_t copies, int64_t *bytes, struct err *err)
{
    struct rows_st *st = NULL;
    int64_t first, last;
    double sum = 0;
    int n = 0, rc = rows_number(l->rows, "SELECT min(key) FROM copy", &first, err);
    if (rc == ERR_OK)
        rc = rows_number(l->rows, "SELECT max(key) FROM copy", &last, err);
    if (rc == ERR_OK)
        rc =
            rows_prepare(l->rows, &st,
                         "SELECT length_bytes FROM copy WHERE key >= ?1 ORDER BY key LIMIT 1", err);
    for (int i = 0; rc == ERR_OK && i < CATALOGUE_LOOK_COPIES; i++) {
        bool row;
        double part = ((double)last - (double)first) * i / CATALOGUE_LOOK_COPIES;
        rows_bind_int64(st, 1, first + (int64_t)part);
        if ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
            sum += (double)rows_column(st, 0);
            n++;
            rows_reset(st);
        }
    }
    rows_finalize(&st);
    *bytes = n > 0 ? (int64_t)(sum / n * (double)copies) : 0;
    return rc;
}

int catalogue_summary_copies(struct catalogue_summary *l, int64_t *copies, int64_t *bytes,
                             bool *exact, struct err *err)
{
    *bytes = 0;
    int rc = rows_number(l->rows, "SELECT count(*) FROM copy", copies, err);
    *exact = *copies <= CATALOGUE_LOOK_COPIES;
    if (rc < 0)
        return rc;
    return *exact
               ? rows_number(l->rows, "SELECT coalesce(sum(length_bytes), 0) FROM copy", bytes, err)
               : sample(l, *copies, bytes, err);
}

/* ---- cameras ---- */

int catalogue_summary_cameras(struct catalogue_summary *l, catalogue_camera_fn *fn, void *arg,
                              struct err *err)
{
    struct rows_st *st = NULL;
    bool row = true;
    int rc = rows_prepare(l->rows, &st,
                          "SELECT imei, camera, last_us FROM camera"
                          " WHERE last_us > 0 ORDER BY imei, camera",
                          err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        char imei[16], camera[8];
        int64_t last_us;
        if (rows_text(st, 0, imei, sizeof imei) && rows_text(st, 1, camera, sizeof camera) &&
            rows_int64(st, 2, INT64_MIN, INT64_MAX, &last_us)) /* one that is not is fsck's */
            rc = fn(arg, imei, camera, last_us, err);
    }
    rows_finalize(&st);
    return rc;
}

/* ---- what was done to the store ---- */

int catalogue_summary_upkeep(struct catalogue_summary *l, const char *task,
                             struct catalogue_upkeep *out, bool *found, struct err *err)
{
    struct rows_st *st = NULL;
    int64_t ok = 0;
    *out = (struct catalogue_upkeep){0};
    *found = false;
    if (l->version < 7) /* nobody noted it yet */
        return ERR_OK;
    int rc = rows_prepare(l->rows, &st, "SELECT at_us, ok, text FROM upkeep WHERE task = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_word(st, 1, task);
        rc = rows_step(st, found, err);
    }
    if (rc == ERR_OK && *found &&
        (!rows_int64(st, 0, INT64_MIN, INT64_MAX, &out->at_us) || !rows_int64(st, 1, 0, 1, &ok) ||
         !rows_text(st, 2, out->text, sizeof out->text)))
        rc = rows_unreadable(st, err, "catalogue: the last %s is malformed", task);
    out->ok = ok;
    rows_finalize(&st);
    return rc;
}

/* ---- what broke off ---- */

/* `of` is what catalogue_summary_broken() prepared: of a transfer by its key. */
static int tell_broken(struct rows_st *of, int64_t transfer, const char *why, int64_t at_us,
                       catalogue_broken_fn *fn, void *arg, struct err *err)
{
    char id[CATALOGUE_ID_ROOM], imei[16], camera[8], state[16];
    bool row;
    rows_bind_int64(of, 1, transfer);
    int rc = rows_step(of, &row, err);
    if (rc < 0 || !row)
        return rc;
    bool readable = rows_text(of, 0, id, sizeof id) && rows_text(of, 1, imei, sizeof imei) &&
                    rows_text(of, 2, camera, sizeof camera) &&
                    rows_text(of, 3, state, sizeof state); /* one that is not is fsck's */
    rows_reset(of);
    const struct catalogue_broken b = {id, imei, camera, why, at_us, state[0] == 'p'};
    return readable ? fn(arg, &b, err) : ERR_OK;
}

/* No index is by time; but connections are entered when they end, so the last ones are at the end
 * of the table (reindex enters them by transfer: nearly so). */
int catalogue_summary_broken(struct catalogue_summary *l, int64_t since_us, catalogue_broken_fn *fn,
                             void *arg, struct err *err)
{
    struct rows_st *st = NULL, *of = NULL;
    bool row = true;
    if (l->version < 2) /* there were no arrivals yet */
        return ERR_OK;
    int rc = rows_prepare(l->rows, &st,
                          "SELECT transfer, ended_us, ended FROM arrival ORDER BY key DESC"
                          " LIMIT 100000",
                          err);
    if (rc == ERR_OK)
        rc = rows_prepare(l->rows, &of,
                          "SELECT id, imei, camera, state FROM transfer WHERE key = ?1", err);
    for (int n = 0, older = 0; rc == ERR_OK && n < ARRIVALS_MAX && older < OLDER_MAX; n++) {
        char why[128];
        if ((rc = rows_step(st, &row, err)) < 0 || !row)
            break;
        int64_t at_us = rows_column(st, 1);
        older = at_us < since_us ? older + 1 : 0;
        if (older == 0 && rows_text(st, 2, why, sizeof why) && strcmp(why, "complete") != 0)
            rc = tell_broken(of, rows_column(st, 0), why, at_us, fn, arg, err);
    }
    rows_finalize(&st);
    rows_finalize(&of);
    return rc;
}

/* ---- what was asked for ---- */

int catalogue_summary_asked(struct catalogue_summary *l, catalogue_asked_fn *fn, void *arg,
                            struct err *err)
{
    struct rows_st *st = NULL;
    bool row = true;
    if (l->version < 9) /* nobody could ask yet */
        return ERR_OK;
    int rc = rows_prepare(l->rows, &st,
                          "SELECT imei, state, kind, camera, asked_by,"
                          " (SELECT what FROM request_event WHERE request = id"
                          "  ORDER BY n DESC LIMIT 1), id, time_s, added_us FROM request"
                          " WHERE state IN ('queued', 'sent', 'accepted', 'uploading', 'waiting')"
                          " ORDER BY id",
                          err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        char imei[16], state[16], kind[16], camera[8], by[128], why[512];
        if (!rows_text(st, 0, imei, sizeof imei) || !rows_text(st, 1, state, sizeof state) ||
            !rows_text(st, 2, kind, sizeof kind) || !rows_text(st, 3, camera, sizeof camera) ||
            !rows_text(st, 4, by, sizeof by) || !rows_text(st, 5, why, sizeof why))
            continue; /* that is fsck's */
        const struct catalogue_asked a = {.id = rows_column(st, 6),
                                          .imei = imei,
                                          .state = state,
                                          .kind = kind,
                                          .camera = camera,
                                          .by = by,
                                          .why = why,
                                          .time_s = rows_column(st, 7),
                                          .added_us = rows_column(st, 8)};
        rc = fn(arg, &a, err);
    }
    rows_finalize(&st);
    return rc;
}

int catalogue_summary_noted(struct catalogue_summary *l, catalogue_noted_fn *fn, void *arg,
                            struct err *err)
{
    struct rows_st *st = NULL;
    bool row = true;
    if (l->version < 9) /* there were no rules yet */
        return ERR_OK;
    int rc = rows_prepare(l->rows, &st,
                          "SELECT rule, count(*), min(time_ms), min(due_us) FROM rule_event"
                          " INDEXED BY rule_event_due WHERE outcome IS NULL GROUP BY rule"
                          " ORDER BY rule",
                          err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        char rule[64];
        int64_t oldest_ms;
        if (!rows_text(st, 0, rule, sizeof rule) ||
            !rows_int64(st, 2, 0, INT64_MAX / 1000, &oldest_ms))
            continue; /* that is fsck's */
        const struct catalogue_noted noted = {.rule = rule,
                                              .n = rows_column(st, 1),
                                              .oldest_us = oldest_ms * 1000,
                                              .due_us = rows_column(st, 3)};
        rc = fn(arg, &noted, err);
    }
    rows_finalize(&st);
    return rc;
}

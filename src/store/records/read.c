/* read: records found again, by tracker and time, in pages between which nothing is locked. */
#include "dashspool/buf.h"
#include "records_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A page ends with the first of these. */
#define PAGE_ROWS  256
#define PAGE_BYTES (512 * 1024)

#define IMEIS_MAX  ((size_t)64 << 20)

/* ---- one file, one tracker ---- */

struct page {
    struct records_row rows[PAGE_ROWS];
    size_t at[PAGE_ROWS]; /* of its bytes */
    int64_t n_of[PAGE_ROWS];
    size_t n;
    struct buf bytes;
};

/* Of a day's file all times lie in it; no sum of what is read can overflow. */
static bool read_row(const struct records_file *f, sqlite3_stmt *st, struct page *p, uint8_t *bytes,
                     struct err *err)
{
    enum { N = 13 };
    const int64_t ms_most = f->base_ms ? RECORDS_DAY_MS - 1 : INT64_MAX;
    const int64_t arrived_most = INT64_MAX / 4000;
    const int64_t least[N] = {0, 0, -arrived_most, 0, 0, 0, INT32_MIN, INT32_MIN, INT16_MIN, 0, 0,
                              0, 0};
    const int64_t most[N] = {INT64_MAX,  ms_most,    arrived_most, 2,         UINT8_MAX,
                             UINT16_MAX, INT32_MAX,  INT32_MAX,    INT16_MAX, UINT16_MAX,
                             UINT8_MAX,  UINT16_MAX, RECORDS_FLAGS};
    int64_t v[N];
    size_t n;
    for (int i = 0; i < N; i++)
        if (!sqlx_int64(st, i, least[i], most[i], &v[i]))
            return false;
    if (!sqlx_blob(st, N, bytes, RECORDS_BYTES_MAX, &n) || n == 0 ||
        buf_append(&p->bytes, bytes, n, err) < 0)
        return false;
    p->rows[p->n] = (struct records_row){.time_ms = v[1] + f->base_ms,
                                         .arrived_us = (v[2] + f->base_ms) * 1000,
                                         .codec = records_codec_of(v[3]),
                                         .priority = (uint8_t)v[4],
                                         .event_id = (uint16_t)v[5],
                                         .longitude_e7 = (int32_t)v[6],
                                         .latitude_e7 = (int32_t)v[7],
                                         .altitude_m = (int16_t)v[8],
                                         .angle_deg = (uint16_t)v[9],
                                         .satellites = (uint8_t)v[10],
                                         .speed_kmh = (uint16_t)v[11],
                                         .is_private = v[12] & RECORDS_PRIVATE,
                                         .valid = !(v[12] & RECORDS_NO_FIX),
                                         .n = n};
    p->n_of[p->n] = v[0];
    p->at[p->n++] = p->bytes.used - n;
    return true;
}

static int read_page(struct records_file *f, int64_t tracker, int64_t ms, int64_t n,
                     const struct records_query *q, struct page *p, uint8_t *bytes, struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_PAGE];
    bool row = true;
    int rc = ERR_OK;
    p->n = 0;
    buf_consume(&p->bytes, p->bytes.used);
    sqlite3_bind_int64(st, 1, tracker);
    sqlite3_bind_int64(st, 2, ms);
    sqlite3_bind_int64(st, 3, n);
    sqlite3_bind_int64(
        st, 4, q->until_ms < INT64_MIN + f->base_ms ? q->until_ms : q->until_ms - f->base_ms);
    sqlite3_bind_int64(st, 5, q->event_id);
    sqlite3_bind_int64(st, 6, PAGE_ROWS);
    while (p->n < PAGE_ROWS && p->bytes.used < PAGE_BYTES &&
           (rc = sqlx_step(st, &row, err)) == ERR_OK && row)
        if (!read_row(f, st, p, bytes, err))
            return sqlx_unreadable(st, err, "%s.db: a record is malformed", f->name);
    sqlx_reset(st);
    return rc;
}

static void hide(struct records_row *row)
{
    row->hidden = true;
    row->valid = false;
    row->longitude_e7 = row->latitude_e7 = 0;
    row->altitude_m = 0;
    row->angle_deg = row->speed_kmh = 0;
    row->satellites = 0;
    row->bytes = NULL;
    row->n = 0;
}

static int hand_over(struct page *p, const char *imei, const struct records_query *q,
                     const struct records_reader *reader, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < p->n; i++) {
        struct records_row *row = &p->rows[i];
        snprintf(row->imei, sizeof row->imei, "%s", imei);
        row->bytes = buf_data(&p->bytes) + p->at[i];
        if (row->is_private && !q->private_too)
            hide(row);
        rc = reader->fn(reader->arg, row, err);
    }
    return rc;
}

/* What the caller of a callback said is not what is wrong with the file. */
struct walk {
    struct records *records;
    const struct records_query *q;
    const struct records_reader *reader;
    struct page *page;
    uint8_t *bytes; /* room for one record */
    bool callers;   /* the error is the caller's */
};

static int each_of_tracker(struct walk *w, const char *name, const char *imei, struct err *err)
{
    struct records_file *f;
    int64_t tracker, ms, n = -1;
    bool begun = false;
    do {
        int rc = records_file_get(w->records, name, false, &f, err);
        if (rc == ERR_OK)
            rc = records_tracker(f, imei, false, &tracker, err);
        if (rc < 0 || tracker == 0)
            return rc == ERR_NOTFOUND ? ERR_OK : rc;
        if (!begun)
            ms = w->q->from_ms > 0 ? w->q->from_ms - f->base_ms : -f->base_ms;
        begun = true;
        if ((rc = read_page(f, tracker, ms, n, w->q, w->page, w->bytes, err)) < 0)
            return rc;
        if (w->page->n > 0) {
            ms = w->page->rows[w->page->n - 1].time_ms - f->base_ms;
            n = w->page->n_of[w->page->n - 1];
        }
        if ((rc = hand_over(w->page, imei, w->q, w->reader, err)) < 0) {
            w->callers = true;
            return rc;
        }
    } while (w->page->n > 0);
    return ERR_OK;
}

/* ---- files ---- */

int records_imeis(struct records *records, const char *name, struct fsx_names *out, struct err *err)
{
    struct records_file *f;
    sqlite3_stmt *st = NULL;
    char imei[AVL_IMEI_ROOM];
    bool row = true;
    *out = (struct fsx_names){NULL, 0};
    int rc = records_file_get(records, name, false, &f, err);
    if (rc == ERR_OK)
        rc = sqlx_prepare(f->db, &st, "SELECT imei FROM tracker ORDER BY imei", err);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row)
        rc = sqlx_text(st, 0, imei, sizeof imei)
                 ? fsx_names_add(out, imei, err)
                 : sqlx_unreadable(st, err, "%s.db: an IMEI is malformed", name);
    sqlite3_finalize(st);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

bool records_asked(const struct records_query *q, const char *name)
{
    char from[CLOCK_DATE_ROOM], until[CLOCK_DATE_ROOM];
    bool odd = strcmp(name, RECORDS_ODD) == 0;
    if (odd || q->odd)
        return odd == q->odd;
    const int64_t most = INT64_MAX / 1000;
    clock_date(q->from_ms > most ? INT64_MAX : q->from_ms < 0 ? 0 : q->from_ms * 1000, from);
    clock_date(q->until_ms > most ? INT64_MAX : q->until_ms < 0 ? 0 : q->until_ms * 1000, until);
    return strcmp(name, from) >= 0 && strcmp(name, until) <= 0;
}

static int each_of_file(struct walk *w, const char *name, struct err *err)
{
    struct fsx_names imeis;
    if (w->q->imei)
        return each_of_tracker(w, name, w->q->imei, err);
    int rc = records_imeis(w->records, name, &imeis, err);
    for (size_t i = 0; rc == ERR_OK && i < imeis.n; i++)
        rc = each_of_tracker(w, name, imeis.name[i], err);
    fsx_names_clear(&imeis);
    return rc;
}

int records_each(struct records *records, const struct records_query *query,
                 const struct records_reader *reader, struct err *err)
{
    struct fsx_names names;
    struct walk w = {.records = records, .q = query, .reader = reader};
    w.page = calloc(1, sizeof *w.page);
    w.bytes = malloc(RECORDS_BYTES_MAX);
    if (w.page)
        buf_init(&w.page->bytes, PAGE_BYTES + RECORDS_BYTES_MAX);
    int rc = records_names(records, &names, err);
    if (rc == ERR_OK && (!w.page || !w.bytes))
        rc = err_nomem(err, "a page of records");
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        if (!records_asked(query, names.name[i]))
            continue;
        rc = each_of_file(&w, names.name[i], err);
        if (rc < 0 && !w.callers && reader->trouble) {
            reader->trouble(reader->arg, names.name[i], err->text);
            rc = ERR_OK;
        }
    }
    if (w.page)
        buf_clear(&w.page->bytes);
    fsx_names_clear(&names);
    free(w.page);
    free(w.bytes);
    return rc;
}

/* ---- added up ---- */

static int count_file(struct records *records, const char *name, const struct records_query *q,
                      struct records_sum *sum, struct err *err)
{
    struct records_file *f;
    sqlite3_stmt *st = NULL;
    bool row = false;
    int64_t tracker = 0, oldest = 0, newest = 0;
    int rc = records_file_get(records, name, false, &f, err);
    if (rc == ERR_OK && q->imei)
        rc = records_tracker(f, q->imei, false, &tracker, err);
    if (rc < 0 || (q->imei && tracker == 0))
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    rc = sqlx_prepare(f->db, &st,
                      "SELECT count(*), coalesce(sum(length(bytes)), 0), min(ms), max(ms)"
                      " FROM record WHERE (?1 = 0 OR tracker = ?1) AND ms >= ?2 AND ms <= ?3"
                      " AND (?4 < 0 OR event = ?4)",
                      err);
    if (rc == ERR_OK) {
        sqlite3_bind_int64(st, 1, tracker);
        sqlite3_bind_int64(st, 2, q->from_ms > 0 ? q->from_ms - f->base_ms : -f->base_ms);
        sqlite3_bind_int64(st, 3, q->until_ms > 0 ? q->until_ms - f->base_ms : -f->base_ms);
        sqlite3_bind_int64(st, 4, q->event_id);
        rc = sqlx_step(st, &row, err);
    }
    if (rc == ERR_OK && row && sqlite3_column_int64(st, 0) > 0) {
        oldest = sqlite3_column_int64(st, 2) + f->base_ms;
        newest = sqlite3_column_int64(st, 3) + f->base_ms;
        if (sum->records == 0 || oldest < sum->oldest_ms)
            sum->oldest_ms = oldest;
        if (sum->records == 0 || newest > sum->newest_ms)
            sum->newest_ms = newest;
        sum->records += sqlite3_column_int64(st, 0);
        sum->bytes += sqlite3_column_int64(st, 1);
    }
    sqlite3_finalize(st);
    return rc;
}

int records_count(struct records *records, const struct records_query *query,
                  struct records_sum *out, struct err *err)
{
    struct fsx_names names;
    *out = (struct records_sum){0};
    int rc = records_names(records, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        if (records_asked(query, names.name[i]))
            rc = count_file(records, names.name[i], query, out, err);
    fsx_names_clear(&names);
    return rc;
}

/* ---- by arrival ---- */

/* Nor its log: nothing in it has arrived since. */
static bool is_older(const struct records *records, const char *name, int64_t since_us)
{
    static const char *const endings[] = {"", "-wal"};
    bool older = true;
    for (size_t i = 0; i < 2; i++) {
        char *path = NULL;
        struct stat st;
        struct err unimportant;
        if (fsx_path(&path, &unimportant, "%s/%s.db%s", records->dir, name, endings[i]) == ERR_OK &&
            stat(path, &st) == 0 && (int64_t)st.st_mtime >= since_us / 1000000)
            older = false;
        free(path);
    }
    return older;
}

static int arrived_in_file(struct records *records, const char *name, int64_t since_us,
                           records_span_fn *fn, void *arg, struct err *err)
{
    struct records_file *f;
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = records_file_get(records, name, false, &f, err);
    if (rc == ERR_OK)
        rc = sqlx_prepare(f->db, &st,
                          "SELECT imei, min(ms), max(ms) FROM record JOIN tracker ON id = tracker"
                          " WHERE arrived_ms >= ?1 GROUP BY id",
                          err);
    if (rc == ERR_OK)
        sqlite3_bind_int64(st, 1, since_us / 1000 - f->base_ms);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        struct records_span span;
        const char *imei = (const char *)sqlite3_column_text(st, 0);
        if (!imei || strlen(imei) >= sizeof span.imei ||
            !sqlx_int64(st, 1, 0, RECORDS_DAY_MS - 1, &span.from_ms) ||
            !sqlx_int64(st, 2, 0, RECORDS_DAY_MS - 1, &span.until_ms))
            continue; /* fsck tells it */
        snprintf(span.imei, sizeof span.imei, "%s", imei);
        span.from_ms += f->base_ms;
        span.until_ms += f->base_ms;
        rc = fn(arg, &span, err);
    }
    sqlite3_finalize(st);
    return rc;
}

int records_arrived(struct records *records, int64_t since_us, records_span_fn *fn, void *arg,
                    struct err *err)
{
    struct fsx_names names;
    int rc = records_names(records, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        if (strcmp(names.name[i], RECORDS_ODD) == 0 || is_older(records, names.name[i], since_us))
            continue;
        rc = arrived_in_file(records, names.name[i], since_us, fn, arg, err);
        rc = rc < 0 && !err_is_temporary(rc) ? ERR_OK : rc;
    }
    fsx_names_clear(&names);
    return rc;
}

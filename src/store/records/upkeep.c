/* upkeep: the files of records as somebody sees them who checks, copies or clears the store. */
#include "dashspool/hash.h"
#include "records_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A few MiB in the log of a file, and as long nobody else writes to it. */
#define DELETE_ROWS   "5000"

/* About what one costs in a file. */
#define ROW_BYTES     200

#define FLAWS_MAX     100
#define BACKUP_PAGES  1024
#define REWRITE_BYTES ((int64_t)256 << 20) /* seldom enough to matter */
#define DAY_US        (RECORDS_DAY_MS * 1000)

/* ---- names ---- */

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The name without what SQLite has beside a file. */
static bool is_beside(const char *name)
{
    return ends(name, "-wal") || ends(name, "-shm") || ends(name, "-journal");
}

static int tell_name(const char *name, records_name_fn *fn, void *arg, struct err *err)
{
    char ours[RECORDS_NAME_ROOM];
    size_t n = strlen(name);
    if (root_is_mark(name) || is_beside(name) || strcmp(name, RECORDS_LATEST ".db") == 0)
        return ERR_OK;
    bool fits = ends(name, ".db") && n - 3 < sizeof ours;
    snprintf(ours, sizeof ours, "%.*s", fits ? (int)(n - 3) : 0, name);
    bool is_ours = fits && records_name_ok(ours);
    return fn(arg, is_ours ? ours : name, is_ours, err);
}

int records_files(struct records *records, records_name_fn *fn, void *arg, struct err *err)
{
    struct fsx_names names;
    int rc = fsx_list(records->dir, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        rc = tell_name(names.name[i], fn, arg, err);
    fsx_names_clear(&names);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* ---- checked ---- */

struct check {
    struct records_file *f;
    records_flaw_fn *fn;
    void *arg;
    struct hash *hash;
    struct records_sum *sum;
    int flaws;
};

static int tell_flaw(void *arg, const char *text, struct err *err)
{
    struct check *c = arg;
    return c->flaws++ < FLAWS_MAX ? c->fn(c->arg, text, err) : ERR_OK;
}

enum check_column { C_N, C_IMEI, C_MS, C_ARRIVED, C_CODEC, C_FIRST, C_HASH = C_FIRST + 9, C_BYTES };

/* What is wrong with the row; NULL: nothing. */
static const char *judge_row(struct check *c, sqlite3_stmt *st, struct err *err)
{
    struct avl_record r;
    uint8_t digest[HASH_BYTES];
    char file[RECORDS_NAME_ROOM];
    const uint8_t *bytes = sqlite3_column_blob(st, C_BYTES);
    const size_t n = (size_t)sqlite3_column_bytes(st, C_BYTES);
    const int64_t ms = sqlite3_column_int64(st, C_MS) + c->f->base_ms;
    const int64_t arrived_ms = sqlite3_column_int64(st, C_ARRIVED) + c->f->base_ms;
    struct err no_record;
    if (sqlite3_column_type(st, C_IMEI) != SQLITE_TEXT)
        return "its tracker is missing";
    if (!bytes || avl_record_decode(records_codec_of(sqlite3_column_int64(st, C_CODEC)), bytes, n,
                                    &r, &no_record) < 0)
        return "its bytes are not a record";
    hash_update(c->hash, bytes, n);
    if (hash_final(c->hash, digest, err) < 0)
        return NULL;
    if (sqlite3_column_int64(st, C_HASH) != records_hash(digest))
        return "its bytes are not those that were received: they were changed";
    const int64_t says[] = {r.priority,    r.event_id,   r.longitude_e7,
                            r.latitude_e7, r.altitude_m, r.angle_deg,
                            r.satellites,  r.speed_kmh,  records_flags(&r)};
    for (int i = 0; i < C_HASH - C_FIRST; i++)
        if (sqlite3_column_int64(st, C_FIRST + i) != says[i])
            return "its columns are not what its bytes say";
    if (ms != records_ms(&r))
        return "its time is not what its bytes say";
    records_name_of(ms, arrived_ms * 1000, file);
    return strcmp(file, c->f->name) != 0 ? "it belongs into another file" : NULL;
}

static int check_rows(struct check *c, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    char text[200];
    int rc = sqlx_prepare(c->f->db, &st,
                          "SELECT n, imei, ms, arrived_ms, codec, priority, event, longitude_e7,"
                          " latitude_e7, altitude_m, angle_deg, satellites, speed_kmh, flags, hash,"
                          " bytes FROM record LEFT JOIN tracker ON tracker.id = record.tracker"
                          " ORDER BY n",
                          err);
    err->code = ERR_OK;
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        const char *flaw = judge_row(c, st, err);
        c->sum->records++;
        c->sum->bytes += sqlite3_column_bytes(st, C_BYTES);
        snprintf(text, sizeof text, "record %lld: %s", (long long)sqlite3_column_int64(st, C_N),
                 flaw ? flaw : "");
        if (flaw)
            rc = tell_flaw(c, text, err);
        else if (err->code < 0)
            rc = err->code;
    }
    sqlite3_finalize(st);
    return rc;
}

/* What is wrong with all of it is a flaw, too. */
static int as_flaw(struct check *c, int rc, struct err *err)
{
    char text[sizeof err->text];
    if (rc == ERR_OK || err_is_temporary(rc) || rc == ERR_NOTFOUND)
        return rc;
    snprintf(text, sizeof text, "%s", err->text);
    return tell_flaw(c, text, err);
}

int records_check(struct records *records, const char *name, records_flaw_fn *fn, void *arg,
                  struct records_sum *out, struct err *err)
{
    struct check c = {.fn = fn, .arg = arg, .sum = out};
    *out = (struct records_sum){0};
    int rc = records_file_get(records, name, false, &c.f, err);
    if (rc < 0)
        return as_flaw(&c, rc, err);
    rc = sqlx_check(c.f->db, false, tell_flaw, &c, err);
    if (rc < 0 || c.flaws > 0 || strcmp(name, RECORDS_LATEST) == 0)
        return rc;
    if ((rc = hash_new(&c.hash, err)) == ERR_OK)
        rc = as_flaw(&c, check_rows(&c, err), err);
    hash_free(&c.hash);
    return rc;
}

/* ---- copied ---- */

static bool is_same(const struct records *records, struct records_file *f, const char *before)
{
    sqlite3 *db = NULL;
    struct root_id whose;
    struct records_stamp now, then;
    struct err no;
    bool same = records_copy_open(&db, before, &no) == ERR_OK &&
                sqlx_root_get(db, &whose, &no) == ERR_OK && root_id_same(&whose, &records->root) &&
                records_stamp(db, &then, &no) == ERR_OK &&
                records_stamp(f->db, &now, &no) == ERR_OK && memcmp(&now, &then, sizeof now) == 0;
    sqlx_close(&db);
    return same;
}

int records_backup(struct records *records, const char *name, const char *path, const char *before,
                   bool *same, struct err *err)
{
    struct records_file *f;
    *same = false;
    int rc = records_file_get(records, name, false, &f, err);
    if (rc < 0)
        return rc;
    *same = before && is_same(records, f, before);
    if (*same || (rc = sqlx_backup(f->db, path, BACKUP_PAGES, err)) < 0)
        return rc;
    sqlite3 *copy = NULL;
    rc = records_copy_open(&copy, path, err); /* without a log from now on */
    sqlx_close(&copy);
    return rc;
}

/* ---- gone ---- */

/* Which rows of a file go: of trackers between two times, or what arrived before. */
struct going {
    struct records *records;
    const char *name;
    int64_t before_us;
    const struct records_span *spans; /* NULL: of all, those that arrived before */
    size_t n;
    bool dry;
    records_trouble_fn *trouble;
    void *arg;
    int troubles;
    struct records_gone *out;
    /* in the file: */
    char *path;
    const struct records_span *span; /* that is looked at; NULL as above */
    int64_t tracker;
};

/* The records of a span can be in that file. */
static bool is_of(const struct records_span *span, const char *name)
{
    const struct records_query days = {.from_ms = span->from_ms, .until_ms = span->until_ms};
    return strcmp(name, RECORDS_ODD) == 0 || records_asked(&days, name);
}

/* Whose time is over. What is odd and yet of a time that is neither over nor to come (?2) arrived
 * when this machine's clock was wrong: that says nothing of its age. */
#define OVER     "arrived_ms < ?1"
#define OVER_ODD "arrived_ms < ?1 AND (ms < ?1 OR ms > ?2)"

/* "… FROM record" of those that go, by ?1 to ?3. */
static const char *which(const struct going *g)
{
    const bool odd = strcmp(g->name, RECORDS_ODD) == 0;
    return !g->span ? odd ? " FROM record WHERE " OVER_ODD : " FROM record WHERE " OVER
           : odd    ? " FROM record WHERE tracker = ?3 AND arrived_ms >= ?1 AND arrived_ms <= ?2"
                    : " FROM record WHERE tracker = ?3 AND ms >= ?1 AND ms <= ?2";
}

static void bind_over(const struct going *g, const struct records_file *f, sqlite3_stmt *st)
{
    sqlite3_bind_int64(st, 1, g->before_us / 1000 - f->base_ms);
    if (sqlite3_bind_parameter_count(st) > 1)
        sqlite3_bind_int64(st, 2, clock_utc_us() / 1000 + RECORDS_DAYS_AHEAD * RECORDS_DAY_MS);
}

static int prepare(const struct going *g, struct records_file *f, const char *before,
                   const char *behind, sqlite3_stmt **out, struct err *err)
{
    char sql[300];
    snprintf(sql, sizeof sql, "%s%s%s", before, which(g), behind);
    int rc = sqlx_prepare(f->db, out, sql, err);
    if (rc < 0)
        return rc;
    if (!g->span) {
        bind_over(g, f, *out);
    } else {
        const int64_t from_ms = g->span->from_ms, until_ms = g->span->until_ms;
        sqlite3_bind_int64(*out, 1, from_ms > 0 ? from_ms - f->base_ms : -f->base_ms);
        sqlite3_bind_int64(*out, 2, until_ms > 0 ? until_ms - f->base_ms : -f->base_ms);
        sqlite3_bind_int64(*out, 3, g->tracker);
    }
    return rc;
}

static int number_of(const struct going *g, struct records_file *f, const char *before,
                     const char *behind, int64_t *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = prepare(g, f, before, behind, &st, err);
    if (rc == ERR_OK)
        rc = sqlx_step(st, &row, err);
    *out = rc == ERR_OK && row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return rc;
}

/* On disk with what was deleted: a crash before the file was written anew is made good by the next
 * call. */
static int note_gone(const struct going *g, struct records_file *f, int64_t bytes, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlx_prepare(f->db, &st,
                          "INSERT INTO gone(one, times, bytes, at_us, erased_us)"
                          " VALUES(1, 1, ?1, ?2, ?3) ON CONFLICT(one) DO UPDATE SET"
                          " times = times + 1, bytes = bytes + ?1, at_us = ?2,"
                          " erased_us = max(erased_us, ?3)",
                          err);
    if (rc == ERR_OK) {
        const int64_t now_us = clock_utc_us();
        sqlite3_bind_int64(st, 1, bytes);
        sqlite3_bind_int64(st, 2, now_us);
        sqlite3_bind_int64(st, 3, g->spans ? now_us : 0);
        rc = sqlx_run(st, err);
    }
    sqlite3_finalize(st);
    return rc;
}

/* One transaction's worth; *rows 0: there is nothing left. */
static int delete_some(const struct going *g, int64_t *rows, struct err *err)
{
    struct records_file *f;
    sqlite3_stmt *st = NULL;
    *rows = 0;
    int rc = records_file_begin(g->records, g->name, false, &f, err);
    if (rc < 0)
        return rc;
    rc = prepare(g, f, "DELETE FROM record WHERE n IN (SELECT n", " LIMIT " DELETE_ROWS ")", &st,
                 err);
    if (rc == ERR_OK && (rc = sqlx_run(st, err)) == ERR_OK)
        *rows = sqlite3_changes64(f->db);
    sqlite3_finalize(st);
    if (rc == ERR_OK && *rows > 0)
        rc = note_gone(g, f, *rows * ROW_BYTES, err);
    return records_file_end(g->records, f, rc, err);
}

/* Who has nothing in it any more was never there. */
static int delete_trackers(const struct going *g, struct err *err)
{
    struct records_file *f;
    int rc = records_file_begin(g->records, g->name, false, &f, err);
    return rc < 0 ? rc
                  : records_file_end(g->records, f,
                                     sqlx_exec(f->db,
                                               "DELETE FROM tracker WHERE NOT EXISTS(SELECT 1 FROM"
                                               " record WHERE record.tracker = tracker.id)",
                                               err),
                                     err);
}

static int delete_rows(struct going *g, int64_t *all, struct err *err)
{
    int64_t rows;
    int rc;
    do {
        rc = delete_some(g, &rows, err);
        *all += rc == ERR_OK ? rows : 0;
    } while (rc == ERR_OK && rows > 0);
    return rc;
}

/* The next span that may have rows in this file; *found false: that was the last. */
static int next_span(struct going *g, bool *found, struct err *err)
{
    struct records_file *f;
    int rc = records_file_get(g->records, g->name, false, &f, err);
    *found = false;
    while (rc == ERR_OK && !*found) {
        g->span = g->span ? g->span + 1 : g->spans;
        if (g->span == g->spans + g->n)
            break;
        g->tracker = 0;
        if (is_of(g->span, g->name))
            rc = records_tracker(f, g->span->imei, false, &g->tracker, err);
        *found = rc == ERR_OK && g->tracker != 0;
    }
    return rc;
}

static int delete_all(struct going *g, struct err *err)
{
    int64_t all = 0;
    bool found = true;
    int rc = g->spans ? ERR_OK : delete_rows(g, &all, err);
    while (g->spans && rc == ERR_OK && (rc = next_span(g, &found, err)) == ERR_OK && found)
        rc = delete_rows(g, &all, err);
    g->out->records += all;
    return rc == ERR_OK && all > 0 ? delete_trackers(g, err) : rc;
}

static int any_stays(const struct going *g, struct records_file *f, int64_t *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = sqlx_prepare(f->db, &st,
                          strcmp(g->name, RECORDS_ODD) == 0
                              ? "SELECT EXISTS(SELECT 1 FROM record WHERE NOT (" OVER_ODD "))"
                              : "SELECT EXISTS(SELECT 1 FROM record WHERE NOT (" OVER "))",
                          err);
    if (rc == ERR_OK) {
        bind_over(g, f, st);
        rc = sqlx_step(st, &row, err);
    }
    *out = rc < 0 || !row || sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc;
}

/* The file, if nothing that stays is in it; with its write lock, so that nobody puts into it what
 * would be lost. Not while a backup may still have what was erased from it. */
static int delete_whole(struct going *g, bool *deleted, struct err *err)
{
    struct records_file *f;
    int64_t stays = 1, erased_us = 0, rows = 0;
    *deleted = false;
    int rc = records_file_begin(g->records, g->name, false, &f, err);
    if (rc < 0)
        return rc;
    rc = sqlx_number(f->db, "SELECT coalesce(max(erased_us), 0) FROM gone", &erased_us, err);
    if (rc == ERR_OK && erased_us < g->before_us)
        rc = any_stays(g, f, &stays, err);
    if (rc == ERR_OK && !stays)
        rc = sqlx_number(f->db, "SELECT count(*) FROM record", &rows, err);
    if (rc < 0 || stays)
        return records_file_end(g->records, f, rc, err);
    rc = sqlx_delete_file(g->path, err);
    records_file_close(g->records, g->name);
    if (rc < 0)
        return rc;
    *deleted = true;
    g->out->files++;
    g->out->records += rows;
    return fsx_sync_dir(g->records->dir, err);
}

/* Whether the rest is to be written anew now: it costs what is left; beside what went, eight times
 * as much is in proportion. */
static int is_due(const struct going *g, bool *due, struct err *err)
{
    struct records_file *f;
    int64_t bytes = 0, at_us = 0, pages = 0, unused = 0, page_bytes = 0;
    int64_t *const out[] = {&bytes, &at_us};
    int rc = records_file_get(g->records, g->name, false, &f, err);
    if (rc == ERR_OK)
        rc = sqlx_numbers(f->db, "SELECT bytes, at_us FROM gone", out, 2, err);
    if (rc == ERR_OK)
        rc = sqlx_number(f->db, "PRAGMA page_count", &pages, err);
    if (rc == ERR_OK)
        rc = sqlx_number(f->db, "PRAGMA freelist_count", &unused, err);
    if (rc == ERR_OK)
        rc = sqlx_number(f->db, "PRAGMA page_size", &page_bytes, err);
    const int64_t left = (pages - unused) * page_bytes, age_us = clock_utc_us() - at_us;
    *due =
        rc == ERR_OK && bytes > 0 &&
        (g->spans || left <= REWRITE_BYTES || left <= 8 * bytes || age_us < 0 || age_us >= DAY_US);
    return rc;
}

/* What went is overwritten where it was; now also in the log, and where SQLite moved it from. */
static int write_anew(const struct going *g, struct err *err)
{
    struct records_file *f;
    bool due, done = true;
    int rc = is_due(g, &due, err);
    if (rc == ERR_OK)
        rc = records_file_get(g->records, g->name, false, &f, err);
    if (rc == ERR_OK)
        rc = due ? sqlx_vacuum(f->db, g->records->dir, err)
                 : sqlx_settle(f->db, SQLX_BUSY_MS, &done, err);
    if (rc == ERR_OK && !done)
        rc = err_set(err, ERR_BUSY, "somebody reads it; repeat this");
    if (rc < 0 || !due)
        return rc;
    records_file_close(g->records, g->name);
    if ((rc = records_file_begin(g->records, g->name, false, &f, err)) == ERR_OK)
        rc = records_file_end(g->records, f, sqlx_exec(f->db, "UPDATE gone SET bytes = 0", err),
                              err);
    if (rc == ERR_OK)
        rc = sqlx_settle(f->db, 0, &done, err);
    records_file_close(g->records, g->name);
    return rc;
}

/* As much of the file as of its records. */
static int foresee(struct going *g, struct err *err)
{
    struct records_file *f;
    int64_t all = 0, rows = 0;
    bool found = true;
    int rc = records_file_get(g->records, g->name, false, &f, err);
    if (rc == ERR_OK && !g->spans)
        rc = number_of(g, f, "SELECT count(*)", "", &rows, err);
    while (g->spans && rc == ERR_OK && (rc = next_span(g, &found, err)) == ERR_OK && found) {
        int64_t of_span;
        rc = number_of(g, f, "SELECT count(*)", "", &of_span, err);
        rows += of_span;
    }
    if (rc == ERR_OK)
        rc = sqlx_number(f->db, "SELECT count(*) FROM record", &all, err);
    if (rc < 0 || rows == 0)
        return rc;
    g->out->records += rows;
    g->out->files += rows == all && !g->spans;
    g->out->bytes += (int64_t)((double)sqlx_file_bytes(g->path) * (double)rows / (double)all);
    return rc;
}

static int delete_now(struct going *g, struct err *err)
{
    bool deleted = false;
    int64_t before = sqlx_file_bytes(g->path);
    int rc = g->spans ? ERR_OK : delete_whole(g, &deleted, err);
    if (rc == ERR_OK && !deleted)
        rc = delete_all(g, err);
    if (rc == ERR_OK && !deleted)
        rc = write_anew(g, err);
    int64_t after = sqlx_file_bytes(g->path);
    g->out->bytes += before > after ? before - after : 0;
    return rc;
}

/* All that goes from one file. */
static int go(struct going *g, const char *name, struct err *err)
{
    g->name = name;
    g->span = NULL;
    int rc = records_path(g->records, name, &g->path, err);
    if (rc == ERR_OK)
        rc = g->dry ? foresee(g, err) : delete_now(g, err);
    free(g->path);
    g->path = NULL;
    if (rc < 0 && rc != ERR_NOTFOUND) {
        g->troubles++;
        g->trouble(g->arg, name, err->text);
    }
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

/* No record arrives more than RECORDS_DAYS_AHEAD before its own time. */
static bool is_too_young(const char *name, int64_t before_us)
{
    char day[CLOCK_DATE_ROOM];
    clock_date(before_us + RECORDS_DAYS_AHEAD * DAY_US, day);
    return clock_date_ok(name) && strcmp(name, day) > 0;
}

int records_expire(struct records *records, int64_t before_us, bool dry,
                   records_trouble_fn *trouble, void *arg, struct records_gone *out,
                   struct err *err)
{
    struct fsx_names names;
    struct going g = {.records = records,
                      .before_us = before_us,
                      .dry = dry,
                      .trouble = trouble,
                      .arg = arg,
                      .out = out};
    *out = (struct records_gone){0};
    int rc = records_names(records, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        rc = is_too_young(names.name[i], before_us) ? ERR_OK : go(&g, names.name[i], err);
    fsx_names_clear(&names);
    if (rc == ERR_OK && !dry && records_latest_expire(records, before_us, err) < 0)
        trouble(arg, RECORDS_LATEST, err->text);
    return rc;
}

static int tell_aside(void *arg, const char *name, bool is_ours, struct err *err)
{
    const struct going *g = arg;
    (void)err;
    if (!is_ours && strstr(name, ".db"))
        g->trouble(g->arg, name, "was set aside and may hold records of it: delete it");
    return ERR_OK;
}

static int by_beginning(const void *pa, const void *pb)
{
    const struct records_span *a = pa, *b = pb;
    int c = strcmp(a->imei, b->imei);
    return c != 0 ? c : a->from_ms < b->from_ms ? -1 : a->from_ms > b->from_ms;
}

/* By tracker and time, and none over another; how many are left. */
static size_t unite(struct records_span *v, size_t n)
{
    size_t used = 0;
    qsort(v, n, sizeof *v, by_beginning);
    for (size_t i = 0; i < n; i++) {
        struct records_span *last = used > 0 ? &v[used - 1] : NULL;
        if (!last || strcmp(last->imei, v[i].imei) != 0 || v[i].from_ms > last->until_ms)
            v[used++] = v[i];
        else if (v[i].until_ms > last->until_ms)
            last->until_ms = v[i].until_ms;
    }
    return used;
}

/* Also where nothing goes: an earlier call may have been cut short. */
static bool is_touched(const struct going *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (is_of(&g->spans[i], name))
            return true;
    return false;
}

static int erase_latest(const struct going *g, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < g->n; i++)
        if (i == 0 || strcmp(g->spans[i - 1].imei, g->spans[i].imei) != 0)
            rc = records_latest_erase(g->records, g->spans[i].imei, err);
    if (rc < 0)
        g->trouble(g->arg, RECORDS_LATEST, err->text);
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

int records_erase(struct records *records, const struct records_span *spans, size_t n, bool dry,
                  records_trouble_fn *trouble, void *arg, struct records_gone *out, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    *out = (struct records_gone){0};
    if (n == 0)
        return ERR_OK;
    struct records_span *own = calloc(n, sizeof *own);
    struct going g = {
        .records = records, .spans = own, .dry = dry, .trouble = trouble, .arg = arg, .out = out};
    int rc = own ? records_names(records, &names, err) : err_nomem(err, "an erasure");
    if (own) {
        memcpy(own, spans, n * sizeof *own);
        g.n = unite(own, n);
    }
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
        rc = is_touched(&g, names.name[i]) ? go(&g, names.name[i], err) : ERR_OK;
    fsx_names_clear(&names);
    if (rc == ERR_OK && !dry)
        rc = erase_latest(&g, err);
    if (rc == ERR_OK)
        rc = records_files(records, tell_aside, &g, err);
    free(own);
    return rc;
}

#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "raw_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define KEYS_BYTES_MAX ((size_t)128 << 20)
#define NAME_ROOM      256

enum {
    PAGE_BYTES = 64 * 1024,
    BACKUP_PAGES = 256, /* between which a writer may come in */
};

#define REWRITE_BYTES ((int64_t)256 << 20) /* seldom enough to matter */

/* ---- names ---- */

/* The day of "<day>.db", or "" for a journal, or what the name is. */
static bool day_of(const char *name, char out[NAME_ROOM])
{
    size_t n = strlen(name);
    snprintf(out, NAME_ROOM, "%s", root_is_mark(name) ? "" : name);
    if (n > 8 && strcmp(name + n - 8, "-journal") == 0)
        n -= 8;
    if (n != RAW_DAY_ROOM - 1 + 3 || strncmp(name + n - 3, ".db", 3) != 0)
        return false;
    char day[RAW_DAY_ROOM];
    snprintf(day, sizeof day, "%s", name);
    if (!clock_date_ok(day))
        return false;
    snprintf(out, NAME_ROOM, "%s", name[n] ? "" : day);
    return true;
}

int raw_days(struct raw *raw, raw_name_fn *fn, void *arg, struct err *err)
{
    if (raw->site)
        return raw_site_days(raw->site, fn, arg, err);
    struct fsx_names names;
    int rc = fsx_list(raw->dir, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        char text[NAME_ROOM];
        bool is_day = day_of(names.name[i], text);
        if (text[0])
            rc = fn(arg, text, is_day, err);
    }
    fsx_names_clear(&names);
    return rc;
}

/* ---- masters ---- */

struct highest {
    struct raw *raw;
    int64_t key;
};

static int highest_of_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct highest *top = arg;
    int64_t key = 0;
    int rc = is_day ? raw_highest_key(top->raw, name, &key, err) : ERR_OK;
    if (key > top->key)
        top->key = key;
    return rc == ERR_OK || err_is_temporary(rc) ? rc : ERR_OK;
}

int raw_highest_key(struct raw *raw, const char *day, int64_t *out, struct err *err)
{
    if (raw->site)
        return raw_site_highest_key(raw->site, day, out, err);
    struct highest top = {raw, 0};
    struct raw_dayfile *d;
    bool row;
    *out = 0;
    if (!day) {
        int rc = raw_days(raw, highest_of_day, &top, err);
        *out = top.key;
        return rc;
    }
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    sqlite3_stmt *st = d->sql[RAW_SQL_HIGHEST];
    if ((rc = sqlx_step(st, &row, err)) == ERR_OK)
        *out = sqlite3_column_int64(st, 0);
    sqlx_reset(st);
    return rc;
}

static int list_keys(sqlite3 *db, struct buf *keys, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    int rc =
        sqlx_prepare(db, &st, "SELECT key FROM chunk UNION SELECT key FROM master ORDER BY 1", err);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        int64_t key = sqlite3_column_int64(st, 0);
        rc = buf_append(keys, &key, sizeof key, err);
    }
    sqlite3_finalize(st);
    return rc;
}

static int read_row(sqlite3_stmt *st, const char *day, int64_t key, struct raw_kept *k,
                    struct raw_facts *f, struct err *err)
{
    bool ok = sqlx_text(st, 0, k->id, sizeof k->id) && sqlx_text(st, 1, k->imei, sizeof k->imei) &&
              sqlx_text(st, 2, k->camera, sizeof k->camera) &&
              sqlx_text(st, 3, k->kind, sizeof k->kind) &&
              sqlx_text(st, 4, k->source, sizeof k->source) &&
              sqlx_int64(st, 5, INT64_MIN, INT64_MAX, &f->arrived_us);
    for (int i = 0; ok && i < 4; i++)
        ok = sqlx_blob(st, 6 + i, k->wire[i], sizeof k->wire[i], &k->wire_bytes[i]);
    if (!ok)
        return sqlx_unreadable(st, err, "master %s/%" PRId64 ": its facts are malformed", day, key);
    raw_kept_facts(k, f);
    return ERR_OK;
}

static int read_owner(struct raw *raw, const char *day, int64_t key, struct raw_kept *kept,
                      struct raw_facts *facts, bool *noted, struct err *err)
{
    struct raw_dayfile *d;
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK)
        rc = sqlx_prepare(d->db, &st,
                          "SELECT id, imei, camera, kind, source, arrived_us, init, meta, start,"
                          " path, root IS NOT NULL FROM master WHERE key = ?1",
                          err);
    if (rc == ERR_OK) {
        sqlite3_bind_int64(st, 1, key);
        rc = sqlx_step(st, &row, err);
    }
    if (rc == ERR_OK && !row)
        rc = err_set(err, ERR_NOTFOUND, "no master %s/%" PRId64, day, key);
    *noted = rc == ERR_OK && sqlite3_column_int(st, 10) != 0;
    if (rc == ERR_OK)
        rc = read_row(st, day, key, kept, facts, err);
    sqlite3_finalize(st);
    return rc;
}

/* *there false: it was dropped meanwhile. */
static int read_master(struct raw *raw, const char *day, int64_t key, struct raw_kept *kept,
                       struct raw_master *out, char flaw[512], bool *there, struct err *err)
{
    *out = (struct raw_master){.key = key};
    int rc = raw_stat(raw, day, key, &out->length_bytes, &out->sealed, out->facts.sha256, err);
    out->facts.length_bytes = out->length_bytes;
    *there = rc != ERR_NOTFOUND;
    if (rc == ERR_OK) {
        rc = read_owner(raw, day, key, kept, &out->facts, &out->noted, err);
        out->owned = rc == ERR_OK;
        if (rc == ERR_NOTFOUND) /* a partial from before version 4, or dropped meanwhile */
            rc = raw_stat(raw, day, key, &out->length_bytes, &out->sealed, NULL, err);
        *there = rc != ERR_NOTFOUND;
    }
    if (rc == ERR_MALFORMED) {
        snprintf(flaw, 512, "%s", err->text);
        out->flaw = flaw;
    }
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

int raw_each(struct raw *raw, const char *day, raw_master_fn *fn, void *arg, struct err *err)
{
    if (raw->site)
        return raw_site_each(raw->site, day, fn, arg, err);
    struct buf keys;
    struct raw_dayfile *d;
    char flaw[512];
    buf_init(&keys, KEYS_BYTES_MAX);
    struct raw_kept *kept = malloc(sizeof *kept);
    int rc = kept ? raw_dayfile_get(raw, day, false, &d, err) : err_nomem(err, "a master's facts");
    if (rc == ERR_OK)
        rc = list_keys(d->db, &keys, err);
    for (size_t at = 0; rc == ERR_OK && at < keys.used; at += sizeof(int64_t)) {
        struct raw_master m;
        int64_t key;
        bool there;
        memcpy(&key, buf_data(&keys) + at, sizeof key);
        rc = read_master(raw, day, key, kept, &m, flaw, &there, err);
        if (rc == ERR_OK && there)
            rc = fn(arg, &m, err);
    }
    free(kept);
    buf_clear(&keys);
    return rc;
}

int raw_one(struct raw *raw, const char *day, int64_t key, raw_master_fn *fn, void *arg,
            struct err *err)
{
    if (raw->site)
        return raw_site_one(raw->site, day, key, fn, arg, err);
    struct raw_master m;
    char flaw[512];
    bool there = false;
    struct raw_kept *kept = malloc(sizeof *kept);
    int rc = kept ? read_master(raw, day, key, kept, &m, flaw, &there, err)
                  : err_nomem(err, "a master's facts");
    if (rc == ERR_OK)
        rc = there ? fn(arg, &m, err)
                   : err_set(err, ERR_NOTFOUND, "no master %s/%" PRId64, day, key);
    free(kept);
    return rc;
}

/* ---- which ROOT ---- */

void raw_set_root(struct raw *raw, const struct root_id *root)
{
    raw->root = *root;
}

int raw_day_root(struct raw *raw, const char *day, struct root_id *out, bool *empty,
                 struct err *err)
{
    if (raw->site) { /* whose else */
        *out = raw->root;
        *empty = false;
        return ERR_OK;
    }
    struct raw_dayfile *d;
    int64_t used = 0;
    *out = (struct root_id){{0}};
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK)
        rc =
            sqlx_number(d->db, "SELECT EXISTS(SELECT 1 FROM chunk) OR EXISTS(SELECT 1 FROM master)",
                        &used, err);
    if (rc == ERR_OK)
        rc = sqlx_root_get(d->db, &d->root, err);
    if (rc == ERR_OK)
        *out = d->root;
    *empty = !used;
    return rc;
}

int raw_adopt(struct raw *raw, const char *day, struct err *err)
{
    if (raw->site)
        return ERR_OK;
    struct raw_dayfile *d;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    const struct raw unknown = {.dir = raw->dir}; /* or nobody could begin */
    if (rc == ERR_OK)
        rc = raw_dayfile_begin(&unknown, d, err);
    return rc < 0 ? rc : sqlx_root_set(d->db, &raw->root, err);
}

int raw_own(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
            struct err *err)
{
    if (raw->site)
        return ERR_OK;
    struct raw_dayfile *d;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK)
        rc = raw_dayfile_begin(raw, d, err);
    const struct raw before = {.dir = raw->dir}; /* root: nobody noted it when it began */
    return rc < 0 ? rc : raw_begin_master(&before, d, key, whose, err);
}

int raw_in_order(struct raw *raw, const char *day, int64_t key, bool *out, struct err *err)
{
    *out = true;
    if (raw->site)
        return ERR_OK;
    struct raw_dayfile *d;
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK) /* all of it is in the index */
        rc = sqlx_prepare(d->db, &st,
                          "SELECT 1 FROM (SELECT n < lag(n) OVER (ORDER BY offset) AS back"
                          " FROM chunk WHERE key = ?1) WHERE back LIMIT 1",
                          err);
    if (rc == ERR_OK) {
        sqlite3_bind_int64(st, 1, key);
        rc = sqlx_step(st, &row, err);
        *out = !row;
    }
    sqlite3_finalize(st);
    return rc;
}

int raw_sum(struct raw *raw, const char *day, struct raw_sum *out, struct err *err)
{
    if (raw->site)
        return raw_site_sum(raw->site, day, out, err);
    struct raw_dayfile *d;
    *out = (struct raw_sum){0};
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    return sqlx_numbers(
        d->db,
        "SELECT count(*), coalesce(sum(key), 0),"
        " coalesce(sum(key * length_bytes % 1000000007), 0),"
        " coalesce(sum(arrived_us % 1000000007), 0) FROM master",
        (int64_t *const[]){&out->masters, &out->keys, &out->lengths, &out->arrivals}, 4, err);
}

/* ---- files ---- */

int raw_check(struct raw *raw, const char *day, raw_flaw_fn *fn, void *arg, struct err *err)
{
    if (raw->site)
        return raw_site_check(raw->site, day, fn, arg, err);
    struct raw_dayfile *d;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    return rc < 0 ? rc : sqlx_check(d->db, true, fn, arg, err);
}

int raw_backup(struct raw *raw, const char *day, const char *path, struct err *err)
{
    if (raw->site)
        return err_set(err, ERR_UNSUPPORTED,
                       "the originals of a site are in its object store: use what that offers "
                       "(versions, replication), and pg_basebackup");
    struct raw_dayfile *d;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    return rc < 0 ? rc : sqlx_backup(d->db, path, BACKUP_PAGES, err);
}

/* What is to be done, and what it costs. */
struct state {
    int64_t rows, pages, unused; /* rows: whether there are any */
    int64_t dropped, at_us;      /* bytes since it was last written anew, and when the last */
};

static int look(sqlite3 *db, struct state *s, struct err *err)
{
    *s = (struct state){0};
    int rc = sqlx_number(db, "SELECT EXISTS(SELECT 1 FROM chunk) OR EXISTS(SELECT 1 FROM master)",
                         &s->rows, err);
    if (rc == ERR_OK)
        rc = sqlx_number(db, "PRAGMA page_count", &s->pages, err);
    if (rc == ERR_OK)
        rc = sqlx_number(db, "PRAGMA freelist_count", &s->unused, err);
    int64_t *const out[] = {&s->dropped, &s->at_us};
    if (rc == ERR_OK)
        rc = sqlx_numbers(db, "SELECT bytes, at_us FROM dropped", out, 2, err);
    return rc;
}

/* Whether to write the rest anew. Beside that, `dropped` bytes were written once and are read again
 * to delete them: eight times as much is in proportion, and 256 MiB are seconds. */
static bool is_due(const struct state *s, enum raw_trim how, const char *dir)
{
    const int64_t live = (s->pages - s->unused) * PAGE_BYTES, day_us = INT64_C(86400) * 1000000;
    int64_t age_us = clock_utc_us() - s->at_us;
    struct statvfs v;
    if (how == RAW_TRIM_NOW)
        return true;
    if (live > REWRITE_BYTES && live > 8 * s->dropped && age_us >= 0 && age_us < day_us)
        return false;
    return statvfs(dir, &v) == 0 && (int64_t)v.f_bavail * (int64_t)v.f_frsize > live + live / 8;
}

#define TOUCH "UPDATE dropped SET at_us = at_us"

/* With the lock held until the connection is closed. */
static int trim_closed(const char *dir, const char *path, const char *tmp, sqlite3 *db,
                       enum raw_trim how, bool *anew, struct err *err)
{
    struct state s;
    int rc = sqlx_lock(db, err);
    if (rc == ERR_OK)
        rc = look(db, &s, err);
    if (rc == ERR_OK)
        rc = sqlx_delete_file(tmp, err); /* what a crash left */
    if (rc == ERR_OK && s.rows == 0)
        return (rc = sqlx_delete_file(path, err)) < 0 ? rc : fsx_sync_dir(dir, err);
    if (rc == ERR_OK && (*anew = is_due(&s, how, dir)))
        return sqlx_rewrite(db, tmp, path, err);
    return rc < 0 ? rc : sqlx_cut_off(db, TOUCH, err);
}

/* Its lock and its kind of journal end with it. */
static void close_first(struct raw *raw)
{
    struct raw_dayfile *d = raw->days;
    if (d)
        raw->days = d->next;
    raw_dayfile_free(&d);
}

static int trim(struct raw *raw, const char *day, const char *path, enum raw_trim how,
                struct err *err)
{
    char *tmp = NULL;
    bool anew = false;
    struct raw_dayfile *d;
    struct state s;
    sqlite3 *db = raw->days->db; /* the first */
    int rc = look(db, &s, err);
    if (rc < 0 || (s.dropped == 0 && s.unused == 0 && (s.rows || how == RAW_TRIM_OPEN)))
        return rc;
    if (how == RAW_TRIM_OPEN) {
        rc = sqlx_cut_off(db, TOUCH, err);
    } else if ((rc = fsx_path(&tmp, err, "%s.smaller", path)) == ERR_OK) {
        rc = trim_closed(raw->dir, path, tmp, db, how, &anew, err);
    }
    free(tmp);
    close_first(raw);
    if (rc == ERR_OK && anew) { /* marked so not before: a crash does it again */
        rc = raw_dayfile_get(raw, day, false, &d, err);
        if (rc == ERR_OK)
            rc = sqlx_exec(d->db, "PRAGMA journal_mode=TRUNCATE; DELETE FROM dropped", err);
        close_first(raw);
    }
    return rc;
}

int raw_trim(struct raw *raw, const char *day, enum raw_trim how, int64_t *freed_bytes,
             struct err *err)
{
    if (raw->site)
        return raw_site_reap(raw->site, freed_bytes, err);
    struct raw_dayfile *d = NULL;
    char *path = NULL;
    *freed_bytes = 0;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    if (rc == ERR_OK && d->writing)
        rc = err_set(err, ERR_BUSY, "raw/%s.db: something is not committed", day);
    if (rc == ERR_OK && (rc = fsx_path(&path, err, "%s/%s.db", raw->dir, day)) == ERR_OK) {
        int64_t before = sqlx_file_bytes(path);
        rc = trim(raw, day, path, how, err);
        *freed_bytes = before - sqlx_file_bytes(path);
    }
    free(path);
    return rc;
}

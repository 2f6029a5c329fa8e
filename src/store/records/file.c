/* file: the SQLite files of ROOT/telemetry, and the list of those that are open. */
#define _GNU_SOURCE /* syncfs */
#include "records_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Why this layout. Records are appended (`n` always grows), so that the table's pages are full and
 * each is written once; the index of who and when is what makes them found, and is small. Clustered
 * by who and when, as a table without rowid, pages would be split in the middle and be half empty:
 * as many pages are written, and twice as large a file. Times count from the file's day (odd.db:
 * from 1970), which makes 4 bytes of 6, thrice a record. A record's equality is that of its bytes,
 * so its hash need not be a key: 32 bits of it are kept, to see what a disk did to the bytes.
 *
 * Write-ahead logs, for what is stored at once may be of a few hundred days: a commit waits for the
 * disk once (a rollback journal: four times), and if many files are touched, none of them waits,
 * but all together once (syncfs). After a power cut a log is read as far as it is whole, so this
 * order is as safe; only when a log goes into its file each step waits for the one before.
 *
 * gone: how often records were deleted; bytes of those since the file was written anew, for until
 * then pieces of them may lie between others; when, the last time; and when by somebody's word.
 *
 * codec: 0, 1, 2: Codec 8, 8 Extended, 16. flags: 1 private, 2 the position was not measured. The
 * names of columns are as in avl.h; hash: the first four bytes of the SHA-256 of `bytes`, as a
 * signed number.
 */
#define SETUP                      \
    "PRAGMA journal_mode=WAL;"     \
    "PRAGMA wal_autocheckpoint=0;" \
    "PRAGMA secure_delete=ON;"     \
    "PRAGMA cache_size=-8192;"     \
    "PRAGMA cell_size_check=ON;"
#define SETUP_WAITING "PRAGMA synchronous=FULL;" SETUP
#define SETUP_LAZY    "PRAGMA synchronous=OFF;" SETUP /* also what follows here */

static const struct sqlx_schema day_schema = {
    .application_id = 0x64737472, /* "dstr" */
    .version = 1,
    .setup = SETUP_WAITING,
    .tables = SQLX_ROOT_TABLE "CREATE TABLE tracker("
                              " id INTEGER PRIMARY KEY,"
                              " imei TEXT NOT NULL UNIQUE) STRICT;"
                              "CREATE TABLE record("
                              " n INTEGER PRIMARY KEY,"
                              " tracker INTEGER NOT NULL,"
                              " ms INTEGER NOT NULL,"
                              " arrived_ms INTEGER NOT NULL,"
                              " codec INTEGER NOT NULL,"
                              " priority INTEGER NOT NULL,"
                              " event INTEGER NOT NULL,"
                              " longitude_e7 INTEGER NOT NULL,"
                              " latitude_e7 INTEGER NOT NULL,"
                              " altitude_m INTEGER NOT NULL,"
                              " angle_deg INTEGER NOT NULL,"
                              " satellites INTEGER NOT NULL,"
                              " speed_kmh INTEGER NOT NULL,"
                              " flags INTEGER NOT NULL,"
                              " hash INTEGER NOT NULL,"
                              " bytes BLOB NOT NULL) STRICT;"
                              "CREATE INDEX record_time ON record(tracker, ms);"
                              "CREATE TABLE gone("
                              " one INTEGER PRIMARY KEY CHECK(one = 1),"
                              " times INTEGER NOT NULL,"
                              " bytes INTEGER NOT NULL,"
                              " at_us INTEGER NOT NULL,"
                              " erased_us INTEGER NOT NULL) STRICT;",
};

/* Derived, so its commits need not wait for the disk: of each day's file `cover` says up to which
 * record (n), of a file from which was deleted so often (gone), all of it is in here; after an
 * unclean end the rest is added. fix: the newest position that was measured; watched: of each of
 * records_watched its time (ms) and value, 8 bytes each, big-endian. */
#define COVER_TABLE       \
    "CREATE TABLE cover(" \
    " name TEXT PRIMARY KEY, n INTEGER NOT NULL, gone INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
static const char *const latest_upgrade[] = {COVER_TABLE "DELETE FROM state;"};
static const struct sqlx_schema latest_schema = {
    .application_id = 0x6473746c, /* "dstl" */
    .version = 2,
    .setup = SETUP_WAITING,
    .upgrade = latest_upgrade,
    .tables = SQLX_ROOT_TABLE COVER_TABLE
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), clean INTEGER NOT NULL) STRICT;"
    "CREATE TABLE latest("
    " imei TEXT PRIMARY KEY,"
    " time_ms INTEGER NOT NULL, arrived_us INTEGER NOT NULL, event INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, speed_kmh INTEGER NOT NULL, angle_deg INTEGER NOT NULL,"
    " fix_ms INTEGER NOT NULL, longitude_e7 INTEGER NOT NULL, latitude_e7 INTEGER NOT NULL,"
    " altitude_m INTEGER NOT NULL, satellites INTEGER NOT NULL,"
    " watched BLOB NOT NULL) STRICT, WITHOUT ROWID;",
};

static const char *const sql_of[RECORDS_SQL_COUNT] = {
    [RECORDS_SQL_TRACKER] = "SELECT id FROM tracker WHERE imei = ?1",
    [RECORDS_SQL_TRACKER_ADD] = "INSERT INTO tracker(imei) VALUES(?1)",
    [RECORDS_SQL_SAME] = "SELECT 1 FROM record WHERE tracker = ?1 AND ms = ?2 AND hash = ?3"
                         " AND codec = ?4 AND bytes = ?5 LIMIT 1",
    [RECORDS_SQL_ADD] =
        "INSERT INTO record(tracker, ms, arrived_ms, codec, priority, event, longitude_e7,"
        " latitude_e7, altitude_m, angle_deg, satellites, speed_kmh, flags, hash, bytes)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    /* from (ms, n) = (?2, ?3) on, that one left out */
    [RECORDS_SQL_PAGE] =
        "SELECT n, ms, arrived_ms, codec, priority, event, longitude_e7, latitude_e7, altitude_m,"
        " angle_deg, satellites, speed_kmh, flags, bytes FROM record WHERE tracker = ?1"
        " AND ms >= ?2 AND ms <= ?4 AND (ms > ?2 OR n > ?3) AND (?5 < 0 OR event = ?5)"
        " ORDER BY ms, n LIMIT ?6",
    [RECORDS_SQL_LATEST] = "SELECT imei, time_ms, arrived_us, event, flags, speed_kmh, angle_deg,"
                           " fix_ms, longitude_e7, latitude_e7, altitude_m, satellites, watched"
                           " FROM latest WHERE imei >= ?1 ORDER BY imei LIMIT ?2",
    [RECORDS_SQL_LATEST_PUT] =
        "INSERT OR REPLACE INTO latest(imei, time_ms, arrived_us, event, flags, speed_kmh,"
        " angle_deg, fix_ms, longitude_e7, latitude_e7, altitude_m, satellites, watched)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [RECORDS_SQL_COVERS] = "SELECT name, n, gone FROM cover ORDER BY name",
    [RECORDS_SQL_COVER_PUT] = "INSERT OR REPLACE INTO cover(name, n, gone) VALUES(?1, ?2, ?3)",
    [RECORDS_SQL_ROLLBACK] = SQLX_ROLLBACK,
};

/* ---- names ---- */

bool records_name_ok(const char *name)
{
    return strcmp(name, RECORDS_ODD) == 0 || clock_date_ok(name);
}

void records_name_of(int64_t time_ms, int64_t arrived_us, char out[RECORDS_NAME_ROOM])
{
    int64_t arrived_ms = arrived_us / 1000;
    bool odd = time_ms < 0 || time_ms > INT64_MAX / 1000 ||
               time_ms < arrived_ms - RECORDS_DAYS_BACK * RECORDS_DAY_MS ||
               time_ms > arrived_ms + RECORDS_DAYS_AHEAD * RECORDS_DAY_MS;
    if (odd)
        snprintf(out, RECORDS_NAME_ROOM, RECORDS_ODD);
    else
        clock_date(time_ms * 1000, out);
}

/* "2026-11-21": its beginning; 0 for all others. */
static int64_t base_of(const char *name)
{
    int year, month, day;
    return clock_date_ok(name) && sscanf(name, "%4d-%2d-%2d", &year, &month, &day) == 3
               ? clock_days(year, month, day) * RECORDS_DAY_MS
               : 0;
}

int records_path(const struct records *records, const char *name, char **out, struct err *err)
{
    return fsx_path(out, err, "%s/%s.db", records->dir, name);
}

int records_names(const struct records *records, struct fsx_names *out, struct err *err)
{
    struct fsx_names all;
    bool odd = false;
    *out = (struct fsx_names){NULL, 0};
    int rc = fsx_list(records->dir, &all, err);
    for (size_t i = 0; rc == ERR_OK && i < all.n; i++) {
        char name[RECORDS_NAME_ROOM + 3];
        size_t n = strlen(all.name[i]);
        if (n < 4 || n >= sizeof name || strcmp(all.name[i] + n - 3, ".db") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(n - 3), all.name[i]);
        if (clock_date_ok(name))
            rc = fsx_names_add(out, name, err);
        odd |= strcmp(name, RECORDS_ODD) == 0;
    }
    fsx_names_clear(&all);
    if (rc == ERR_OK && odd)
        rc = fsx_names_add(out, RECORDS_ODD, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* no directory */
}

/* ---- one file ---- */

static void file_free(struct records_file **f)
{
    if (!*f)
        return;
    for (size_t i = 0; i < RECORDS_SQL_COUNT; i++)
        sqlite3_finalize((*f)->sql[i]);
    sqlx_close(&(*f)->db);
    free(*f);
    *f = NULL;
}

/* Whose it is; *known: it says so. */
static int check_root(const struct records *records, struct records_file *f, bool *known,
                      struct err *err)
{
    struct root_id theirs;
    char ours[ROOT_ID_ROOM], other[ROOT_ID_ROOM];
    int rc = sqlx_root_get(f->db, &theirs, err);
    *known = rc == ERR_OK && root_id_known(&theirs);
    if (!*known || !root_id_known(&records->root) || root_id_same(&records->root, &theirs))
        return rc;
    root_id_text(&records->root, ours);
    root_id_text(&theirs, other);
    return err_set(err, ERR_FOREIGN,
                   "%s/%s.db belongs to another ROOT (%.8s; this one is %.8s): move it away",
                   records->dir, f->name, other, ours);
}

static int prepare_all(struct records_file *f, struct err *err)
{
    bool latest = strcmp(f->name, RECORDS_LATEST) == 0;
    enum records_sql from = latest ? RECORDS_SQL_LATEST : 0;
    enum records_sql until = latest ? RECORDS_SQL_ROLLBACK : RECORDS_SQL_LATEST;
    int rc = sqlx_prepare(f->db, &f->sql[RECORDS_SQL_ROLLBACK], SQLX_ROLLBACK, err);
    for (enum records_sql i = from; rc == ERR_OK && i < until; i++)
        rc = sqlx_prepare(f->db, &f->sql[i], sql_of[i], err);
    return rc;
}

static int see_log(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct records_file *f = arg;
    (void)db, (void)name;
    f->log_pages = pages;
    return SQLITE_OK;
}

static int file_open(struct records *records, const char *name, bool create,
                     struct records_file **out, struct err *err)
{
    char *path = NULL;
    bool latest = strcmp(name, RECORDS_LATEST) == 0, known;
    struct records_file *f = calloc(1, sizeof *f);
    int rc = f ? records_path(records, name, &path, err) : err_nomem(err, "a file of records");
    if (rc == ERR_OK) {
        snprintf(f->name, sizeof f->name, "%s", name);
        f->base_ms = base_of(name);
        f->lazy = records->lazy && !latest;
        struct sqlx_schema schema = latest ? latest_schema : day_schema;
        schema.setup = f->lazy ? SETUP_LAZY : SETUP_WAITING;
        rc = sqlx_open(&f->db, path, &schema, create, err);
        struct err unimportant;
        if (rc == ERR_IO && records->mode == RECORDS_READ &&
            sqlx_open_still(&f->db, path, &schema, &unimportant) == ERR_OK)
            rc = ERR_OK; /* by the pages, which may not write here */
    }
    if (rc == ERR_OK && (rc = check_root(records, f, &known, err)) == ERR_OK)
        rc = prepare_all(f, err);
    if (rc == ERR_OK && create && !known && !f->lazy) /* SQLite syncs the entry of its log only */
        rc = fsx_sync_dir(records->dir, err);
    if (rc == ERR_OK)
        sqlite3_wal_hook(f->db, see_log, f);
    free(path);
    if (rc < 0)
        file_free(&f);
    *out = f;
    return rc;
}

static struct records_file *take_out(struct records *records, const char *name)
{
    for (struct records_file **at = &records->files; *at; at = &(*at)->next) {
        struct records_file *f = *at;
        if (strcmp(f->name, name) == 0) {
            *at = f->next;
            return f;
        }
    }
    return NULL;
}

static void leave_log(struct records_file *f)
{
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

void records_file_close(struct records *records, const char *name)
{
    struct err unimportant;
    struct records_file *f = take_out(records, name);
    if (f && records_file_lazy(f, false, &unimportant) < 0)
        leave_log(f);
    file_free(&f);
}

/* The longest unused of too many. A short log stays one, and it is remembered that it is there. */
static void close_oldest(struct records *records)
{
    size_t open = 0;
    struct records_file *last = NULL;
    struct err unimportant;
    for (struct records_file *f = records->files; f; f = f->next) {
        open++;
        last = f;
    }
    if (open < records->files_max)
        return;
    if (last->log_pages > 0 && last->log_pages < RECORDS_LOG_CLOSED &&
        fsx_names_add(&records->unsettled, last->name, &unimportant) == ERR_OK) {
        last = take_out(records, last->name);
        leave_log(last);
        file_free(&last);
    } else {
        records_file_close(records, last->name);
    }
}

static void settle_idle(const struct records *records)
{
    struct records_file *idle = NULL;
    struct err unimportant;
    bool done = false;
    for (struct records_file *f = records->files; f; f = f->next) /* the longest unused */
        if (f->log_pages > 0 && records->batch - f->used >= RECORDS_LOG_IDLE)
            idle = f;
    if (!idle)
        return;
    idle->used = records->batch; /* who cannot now is not asked again in each batch */
    if (sqlx_settle(idle->db, 0, &done, &unimportant) == ERR_OK)
        idle->lazy = false;
    idle->log_pages = done ? 0 : idle->log_pages;
}

void records_settle_one(struct records *records)
{
    struct fsx_names *names = &records->unsettled;
    struct records_file *f;
    struct err unimportant;
    char name[RECORDS_NAME_ROOM];
    bool done;
    if (names->n == 0) {
        settle_idle(records);
        return;
    }
    snprintf(name, sizeof name, "%s", names->name[names->n - 1]);
    for (size_t i = names->n; i-- > 0;) /* each time that it was closed */
        if (strcmp(names->name[i], name) == 0) {
            free(names->name[i]);
            names->name[i] = names->name[--names->n];
        }
    if (records_file_get(records, name, false, &f, &unimportant) == ERR_OK &&
        sqlx_settle(f->db, 0, &done, &unimportant) == ERR_OK) {
        f->lazy = false;
        f->log_pages = done ? 0 : f->log_pages;
    }
}

int records_file_lazy(struct records_file *f, bool lazy, struct err *err)
{
    if (f->lazy == lazy)
        return ERR_OK;
    int rc = sqlx_exec(f->db, lazy ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL", err);
    if (rc == ERR_OK)
        f->lazy = lazy;
    return rc;
}

int records_sync(struct records *records, struct err *err)
{
    int rc = ERR_OK, fd = open(records->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", records->dir);
    if (syncfs(fd) < 0)
        rc = err_sys(err, "sync %s", records->dir);
    close(fd);
    records->unsynced = rc < 0;
    return rc;
}

int records_file_get(struct records *records, const char *name, bool create,
                     struct records_file **out, struct err *err)
{
    struct records_file *f = take_out(records, name);
    *out = NULL;
    if (f && sqlx_has_moved(f->db)) /* somebody deleted it, or set it aside */
        file_free(&f);
    if (!f) {
        close_oldest(records);
        int rc = file_open(records, name, create, &f, err);
        if (rc < 0)
            return rc;
    }
    f->used = records->batch;
    f->next = records->files;
    records->files = f;
    *out = f;
    return ERR_OK;
}

/* A new one becomes this ROOT's; what holds something and does not say whose it is, is not. */
static int take_possession(const struct records *records, struct records_file *f, struct err *err)
{
    int64_t used = 0;
    bool known;
    int rc = check_root(records, f, &known, err);
    if (rc < 0 || known)
        return rc;
    if (strcmp(f->name, RECORDS_LATEST) != 0)
        rc = sqlx_number(f->db, "SELECT EXISTS(SELECT 1 FROM record)", &used, err);
    if (rc == ERR_OK && used)
        return err_set(err, ERR_FOREIGN, "%s/%s.db does not say which ROOT it belongs to",
                       records->dir, f->name);
    return rc < 0 || !root_id_known(&records->root) ? rc
                                                    : sqlx_root_set(f->db, &records->root, err);
}

int records_file_begin(struct records *records, const char *name, bool create,
                       struct records_file **out, struct err *err)
{
    struct records_file *f = NULL;
    int rc = ERR_OK;
    for (int tries = 0; tries < 10; tries++) {
        rc = records_file_get(records, name, create, &f, err);
        if (rc == ERR_OK && strcmp(name, RECORDS_LATEST) != 0)
            rc = records_file_lazy(f, records->lazy, err);
        if (rc == ERR_OK)
            rc = sqlx_exec(f->db, "BEGIN IMMEDIATE", err);
        if (rc < 0 || !sqlx_has_moved(f->db)) /* from now on it cannot be replaced */
            break;
        records_file_close(records, name);
        rc = err_set(err, ERR_BUSY, "%s/%s.db was just deleted; this can be repeated", records->dir,
                     name);
    }
    if (rc == ERR_OK && (rc = take_possession(records, f, err)) < 0)
        sqlx_rollback(f->db, f->sql[RECORDS_SQL_ROLLBACK]);
    *out = f;
    return rc;
}

int records_file_end(struct records *records, struct records_file *f, int rc, struct err *err)
{
    if (rc == ERR_OK && sqlite3_get_autocommit(f->db)) /* a full disk makes SQLite roll back */
        rc = err_set(err, ERR_IO, "%s/%s.db: a failure undid this transaction", records->dir,
                     f->name);
    if (rc == ERR_OK && sqlx_has_moved(f->db))
        rc = err_set(err, ERR_IO, "%s/%s.db was deleted or replaced while it was written to",
                     records->dir, f->name);
    if (rc == ERR_OK)
        rc = sqlx_exec(f->db, "COMMIT", err);
    if (rc < 0)
        sqlx_rollback(f->db, f->sql[RECORDS_SQL_ROLLBACK]);
    if (rc == ERR_OK && f->log_pages > RECORDS_LOG_OPEN) {
        bool done = false;
        struct err unimportant; /* then the log becomes longer */
        if (sqlx_settle(f->db, 0, &done, &unimportant) == ERR_OK)
            f->lazy = false;
        f->log_pages = done ? 0 : f->log_pages;
    }
    return rc;
}

int records_stamp(sqlite3 *db, struct records_stamp *out, struct err *err)
{
    int64_t *const to[] = {&out->n, &out->gone, &out->roots};
    return sqlx_numbers(db,
                        "SELECT (SELECT coalesce(max(n), 0) FROM record),"
                        " (SELECT coalesce(max(times), 0) FROM gone), (SELECT count(*) FROM root)",
                        to, 3, err);
}

int records_copy_open(sqlite3 **out, const char *path, struct err *err)
{
    struct sqlx_schema schema = day_schema;
    schema.setup = "PRAGMA journal_mode=DELETE;";
    return sqlx_open(out, path, &schema, false, err);
}

/* ---- aside ---- */

bool records_file_is_bad(int code)
{
    return code == ERR_MALFORMED || code == ERR_FOREIGN || code == ERR_CONFIG;
}

/* One of what belongs to a file; that it is not there is fine. */
static int move_one(const char *from, const char *to, const char *end, struct err *err)
{
    char *a = NULL, *b = NULL;
    int rc = fsx_path(&a, err, "%s%s", from, end);
    if (rc == ERR_OK && (rc = fsx_path(&b, err, "%s%s", to, end)) == ERR_OK && rename(a, b) < 0 &&
        errno != ENOENT)
        rc = err_sys(err, "rename %s", a);
    free(a);
    free(b);
    return rc;
}

/* The log first: under the old name a new file would get it. */
int records_file_aside(struct records *records, const char *name, char *told, struct err *err)
{
    char *from = NULL, *to = NULL;
    char why[sizeof err->text];
    snprintf(why, sizeof why, "%s", err->text);
    records_file_close(records, name);
    int rc = records_path(records, name, &from, err);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s.aside-%lld", from, (long long)clock_utc_us());
    if (rc == ERR_OK && (rc = move_one(from, to, "-wal", err)) == ERR_OK &&
        (rc = move_one(from, to, "-shm", err)) == ERR_OK)
        rc = fsx_rename(from, to, err);
    if (rc == ERR_OK)
        snprintf(told, RECORDS_ASIDE_ROOM, "%s: %.100s", strrchr(to, '/') + 1, why);
    free(from);
    free(to);
    return rc;
}

/* ---- rows ---- */

int64_t records_ms(const struct avl_record *r)
{
    return r->time_ms > INT64_MAX ? INT64_MAX : (int64_t)r->time_ms;
}

int32_t records_hash(const uint8_t sha256[HASH_BYTES])
{
    return (int32_t)((uint32_t)sha256[0] << 24 | (uint32_t)sha256[1] << 16 |
                     (uint32_t)sha256[2] << 8 | sha256[3]);
}

static const uint8_t codecs[] = {AVL_CODEC_8, AVL_CODEC_8E, AVL_CODEC_16};

int records_codec_number(uint8_t codec)
{
    int i = sizeof codecs;
    while (i > 0 && codecs[--i] != codec)
        ;
    return i; /* one that has no records was refused before */
}

uint8_t records_codec_of(int64_t number)
{
    return number >= 0 && number < (int64_t)sizeof codecs ? codecs[number] : 0;
}

int records_flags(const struct avl_record *r)
{
    return (avl_private(r) ? RECORDS_PRIVATE : 0) | (avl_position_valid(r) ? 0 : RECORDS_NO_FIX);
}

int records_tracker(struct records_file *f, const char *imei, bool add, int64_t *out,
                    struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_TRACKER];
    bool row = false;
    *out = 0;
    sqlx_bind_text(st, 1, imei);
    int rc = sqlx_step(st, &row, err);
    if (rc == ERR_OK && row)
        *out = sqlite3_column_int64(st, 0);
    sqlx_reset(st);
    if (rc < 0 || row || !add)
        return rc;
    sqlx_bind_text(f->sql[RECORDS_SQL_TRACKER_ADD], 1, imei);
    rc = sqlx_run(f->sql[RECORDS_SQL_TRACKER_ADD], err);
    *out = sqlite3_last_insert_rowid(f->db);
    return rc;
}

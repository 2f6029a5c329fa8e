#include "sqlx.h"
#include "dashspool/hash.h"
#include "dashspool/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    /* a value, a table or a file that is not as we make them; trying again does not help */
    case SQLITE_ERROR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return ERR_MALFORMED;
    default: /* IOERR FULL CANTOPEN READONLY PERM …: the disk, or what a person can put right */
        return ERR_IO;
    }
}

int sqlx_error(sqlite3 *db, struct err *err)
{
    if (!db)
        return err_nomem(err, "a database");
    const char *path = sqlite3_db_filename(db, "main");
    int code = sqlite3_extended_errcode(db);
    err_set(err, code_of(code), "%s: %s%s", path ? path : "database", sqlite3_errmsg(db),
            (code & 0xff) == SQLITE_READONLY
                ? "; check its owner and permissions, and whether its disk is mounted read-only"
                : "");
    err->sys_errno = err->code == ERR_IO ? sqlite3_system_errno(db) : 0;
    return err->code;
}

int sqlx_exec(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : sqlx_error(db, err);
}

int sqlx_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct err *err)
{
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? ERR_OK : sqlx_error(db, err);
}

int sqlx_step(sqlite3_stmt *st, bool *row, struct err *err)
{
    *row = false;
    if (!st)
        return err->code;
    int rc = sqlite3_step(st);
    *row = rc == SQLITE_ROW;
    if (*row)
        return ERR_OK;
    rc = rc == SQLITE_DONE ? ERR_OK : sqlx_error(sqlite3_db_handle(st), err);
    sqlx_reset(st);
    return rc;
}

int sqlx_run(sqlite3_stmt *st, struct err *err)
{
    bool row;
    int rc = sqlx_step(st, &row, err);
    sqlx_reset(st);
    return rc;
}

void sqlx_rollback(sqlite3 *db, sqlite3_stmt *st)
{
    if (sqlite3_get_autocommit(db))
        return;
    sqlite3_step(st);
    sqlite3_reset(st);
}

void sqlx_reset(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    if (st)
        sqlite3_clear_bindings(st);
}

int sqlx_numbers(sqlite3 *db, const char *sql, int64_t *const out[], int n, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = sqlx_prepare(db, &st, sql, err);
    if (rc == ERR_OK)
        rc = sqlx_step(st, &row, err);
    for (int i = 0; i < n; i++)
        *out[i] = row ? sqlite3_column_int64(st, i) : 0;
    sqlite3_finalize(st);
    return rc;
}

int sqlx_number(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
    return sqlx_numbers(db, sql, &out, 1, err);
}

/* *empty: nobody has made anything in it yet; else *found is its version. */
static int check_identity(sqlite3 *db, const struct sqlx_schema *schema, int *found, bool *empty,
                          struct err *err)
{
    int64_t id, version, objects;
    int rc;
    if ((rc = sqlx_number(db, "PRAGMA application_id", &id, err)) < 0 ||
        (rc = sqlx_number(db, "PRAGMA user_version", &version, err)) < 0 ||
        (rc = sqlx_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err)) < 0)
        return rc;
    *found = (int)version;
    *empty = id == 0 && version == 0 && objects == 0;
    if (*empty)
        return ERR_OK;
    const char *path = sqlite3_db_filename(db, "main");
    if (id != schema->application_id || version < 1)
        return err_set(err, ERR_MALFORMED, "%s is not a dashspool database", path);
    if (version > schema->version)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s has schema version %d, this version of dashspool supports up to %d: "
                       "upgrade dashspool",
                       path, (int)version, schema->version);
    return ERR_OK;
}

/* In one transaction: another process may be making the tables between two looks. */
static int identify(sqlite3 *db, const struct sqlx_schema *schema, int *found, bool *empty,
                    struct err *err)
{
    int rc = sqlx_exec(db, "BEGIN", err);
    if (rc < 0)
        return rc;
    rc = check_identity(db, schema, found, empty, err);
    return rc < 0 ? rc : sqlx_exec(db, "ROLLBACK", err);
}

/* A change to WAL is refused at once while another process opens the file: the busy time-out does
 * not cover it (SQLite documentation, "PRAGMA journal_mode"), so it is repeated here. */
static int run_setup(sqlite3 *db, const struct sqlx_schema *schema, struct err *err)
{
    int rc = sqlx_exec(db, schema->setup, err);
    for (int waited_ms = 0; rc == ERR_BUSY && waited_ms < SQLX_BUSY_MS; waited_ms += 10) {
        sqlite3_sleep(10);
        rc = sqlx_exec(db, schema->setup, err);
    }
    return rc;
}

/* Runs what is missing: all tables, or the steps from the version that was found. */
static int run_schema(sqlite3 *db, const struct sqlx_schema *schema, struct err *err)
{
    int found;
    bool empty;
    int rc = check_identity(db, schema, &found, &empty, err); /* another may have been quicker */
    if (rc == ERR_OK && empty)
        return sqlx_exec(db, schema->tables, err);
    for (; rc == ERR_OK && found < schema->version; found++) {
        rc = sqlx_exec(db, schema->upgrade[found - 1], err);
        if (rc == ERR_OK && schema->upgrade_end && schema->upgrade_end[found - 1])
            rc = schema->upgrade_end[found - 1](db, err);
    }
    return rc;
}

/* Another process may be at it, for some seconds in each hundred thousand rows. */
#define UPGRADE_MS (10 * 60 * 1000)

static int make_tables(sqlite3 *db, const struct sqlx_schema *schema, struct err *err)
{
    char mark[96];
    sqlite3_busy_timeout(db, UPGRADE_MS);
    int rc = sqlx_exec(db, "BEGIN EXCLUSIVE", err);
    sqlite3_busy_timeout(db, SQLX_BUSY_MS);
    if (rc < 0)
        return rc;
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             schema->application_id, schema->version);
    if ((rc = run_schema(db, schema, err)) == ERR_OK && (rc = sqlx_exec(db, mark, err)) == ERR_OK)
        rc = sqlx_exec(db, "COMMIT", err);
    if (rc < 0)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* SQL function sha256(X): the digest of a text or blob, NULL of NULL. */
static void sql_sha256(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    (void)n;
    struct hash *h = NULL;
    struct err err;
    uint8_t digest[HASH_BYTES];
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        return;
    const void *data = sqlite3_value_blob(values[0]);
    int rc = hash_new(&h, &err);
    if (rc == ERR_OK) {
        hash_update(h, data, (size_t)sqlite3_value_bytes(values[0]));
        rc = hash_final(h, digest, &err);
    }
    hash_free(&h);
    if (rc == ERR_OK)
        sqlite3_result_blob(ctx, digest, sizeof digest, SQLITE_TRANSIENT);
    else if (rc == ERR_NOMEM)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, err.text, -1);
}

/* SQL function same(X, Y): text_same(), 0 for what is no text. */
static void sql_same(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    (void)n;
    const char *a = (const char *)sqlite3_value_text(values[0]);
    const char *b = (const char *)sqlite3_value_text(values[1]);
    if ((!a && sqlite3_value_type(values[0]) != SQLITE_NULL) ||
        (!b && sqlite3_value_type(values[1]) != SQLITE_NULL))
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_int(ctx, a && b && text_same(a, b));
}

static int add_functions(sqlite3 *db, struct err *err)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function(db, "sha256", 1, flags, NULL, sql_sha256, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(db, "same", 2, flags, NULL, sql_same, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : sqlx_error(db, err);
}

static void harden(sqlite3 *db)
{
    sqlite3_busy_timeout(db, SQLX_BUSY_MS);
    /* statement journals too: whoever is shut in has no /var/tmp */
    sqlite3_exec(db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, SQLX_VALUE_MAX);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
}

/* SQLite says only "unable to open" for these. */
static int check_file(const char *path, bool create, struct err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return err_set(err, ERR_CONFIG, "%s exists, but is not a regular file; move it away",
                           path);
        return ERR_OK;
    }
    if (errno == ENOENT && create)
        return ERR_OK;
    return err_sys(err, "open %s", path);
}

int sqlx_open(sqlite3 **out, const char *path, const struct sqlx_schema *schema, bool create,
              struct err *err)
{
    sqlite3 *db = NULL;
    bool empty = false;
    int found = 0;
    *out = NULL;
    int rc = check_file(path, create, err);
    if (rc < 0)
        return rc;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &db, flags | (create ? SQLITE_OPEN_CREATE : 0), NULL) != SQLITE_OK) {
        rc = sqlx_error(db, err);
        goto out;
    }
    harden(db);
    if ((rc = add_functions(db, err)) < 0 || (rc = identify(db, schema, &found, &empty, err)) < 0)
        goto out;
    if (empty && !create) {
        rc = err_set(err, ERR_NOTFOUND, "%s is empty", path);
        goto out;
    }
    if (empty && schema->fresh && (rc = sqlx_exec(db, schema->fresh, err)) < 0)
        goto out;
    if ((rc = run_setup(db, schema, err)) < 0 ||
        (found < schema->version && (rc = make_tables(db, schema, err)) < 0))
        goto out;
    *out = db;
    db = NULL;
out:
    sqlx_close(&db);
    return rc;
}

void sqlx_keep_log(sqlite3 *db)
{
    int on = 1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
}

int sqlx_open_readonly(sqlite3 **out, const char *path, const struct sqlx_schema *schema,
                       int busy_ms, int *version, struct err *err)
{
    sqlite3 *db = NULL;
    bool empty = false;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    *out = NULL;
    int rc = check_file(path, false, err);
    if (rc == ERR_OK && sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
        rc = sqlx_error(db, err);
    if (rc == ERR_OK) {
        harden(db);
        sqlite3_busy_timeout(db, busy_ms);
        rc = add_functions(db, err);
    }
    if (rc == ERR_OK)
        rc = identify(db, schema, version, &empty, err);
    if (rc == ERR_OK && empty)
        rc = err_set(err, ERR_NOTFOUND, "%s is empty", path);
    if (rc < 0)
        sqlx_close(&db);
    *out = db;
    return rc;
}

int sqlx_address(const char *path, char **out, struct err *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    size_t room = 3 * strlen(path) + 32, n = 5;
    if (!(*out = malloc(room)))
        return err_nomem(err, "a name");
    snprintf(*out, room, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        n += (size_t)snprintf(*out + n, room - n, strchr(plain, *p) ? "%c" : "%%%02X", *p);
    snprintf(*out + n, room - n, "?immutable=1");
    return ERR_OK;
}

/* Whether its log holds anything. */
static bool has_log(const char *path)
{
    char log[4096];
    struct stat st;
    int n = snprintf(log, sizeof log, "%s-wal", path);
    return n >= (int)sizeof log || (stat(log, &st) == 0 && st.st_size > 0);
}

int sqlx_open_still(sqlite3 **out, const char *path, const struct sqlx_schema *schema,
                    struct err *err)
{
    sqlite3 *db = NULL;
    char *address = NULL;
    bool empty = false;
    int version, flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                         SQLITE_OPEN_EXRESCODE;
    *out = NULL;
    int rc = check_file(path, false, err);
    if (rc == ERR_OK && has_log(path))
        rc = err_set(err, ERR_BUSY, "%s: it is being written to", path);
    if (rc == ERR_OK)
        rc = sqlx_address(path, &address, err);
    if (rc == ERR_OK && sqlite3_open_v2(address, &db, flags, NULL) != SQLITE_OK)
        rc = sqlx_error(db, err);
    free(address);
    if (rc == ERR_OK) {
        harden(db);
        rc = add_functions(db, err);
    }
    if (rc == ERR_OK)
        rc = identify(db, schema, &version, &empty, err);
    if (rc == ERR_OK && (empty || version < schema->version))
        rc = err_set(err, ERR_NOTFOUND, "%s is %s", path, empty ? "empty" : "of an older version");
    if (rc < 0)
        sqlx_close(&db);
    *out = db;
    return rc;
}

bool sqlx_has_moved(sqlite3 *db)
{
    int moved = 0;
    return sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

void sqlx_close(sqlite3 **db)
{
    sqlite3_close(*db);
    *db = NULL;
}

void sqlx_bind_text(sqlite3_stmt *st, int at, const char *text)
{
    sqlite3_bind_text(st, at, text && *text ? text : NULL, -1, SQLITE_STATIC);
}

void sqlx_bind_blob(sqlite3_stmt *st, int at, const void *data, size_t n)
{
    sqlite3_bind_blob64(st, at, n > 0 ? data : NULL, n, SQLITE_STATIC);
}

bool sqlx_text(sqlite3_stmt *st, int col, char *out, size_t room)
{
    out[0] = '\0';
    int type = sqlite3_column_type(st, col);
    if (type == SQLITE_NULL)
        return true;
    const void *text = type == SQLITE_TEXT ? sqlite3_column_text(st, col) : NULL;
    size_t n = text ? (size_t)sqlite3_column_bytes(st, col) : 0;
    if (!text || n >= room || memchr(text, '\0', n))
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

bool sqlx_blob(sqlite3_stmt *st, int col, uint8_t *out, size_t room, size_t *n)
{
    *n = 0;
    int type = sqlite3_column_type(st, col);
    if (type == SQLITE_NULL)
        return true;
    if (type != SQLITE_BLOB)
        return false;
    const void *data = sqlite3_column_blob(st, col);
    size_t bytes = (size_t)sqlite3_column_bytes(st, col);
    if (bytes > room || (bytes > 0 && !data))
        return false;
    if (bytes > 0)
        memcpy(out, data, bytes);
    *n = bytes;
    return true;
}

bool sqlx_int64(sqlite3_stmt *st, int col, int64_t min, int64_t max, int64_t *out)
{
    *out = 0;
    int type = sqlite3_column_type(st, col);
    if (type == SQLITE_NULL)
        return true;
    int64_t v = sqlite3_column_int64(st, col);
    if (type != SQLITE_INTEGER || v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool sqlx_double(sqlite3_stmt *st, int col, double *out)
{
    int type = sqlite3_column_type(st, col);
    *out = sqlite3_column_double(st, col);
    return type == SQLITE_FLOAT || type == SQLITE_INTEGER || type == SQLITE_NULL;
}

int sqlx_unreadable(sqlite3_stmt *st, struct err *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    int rc = sqlite3_errcode(sqlite3_db_handle(st));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sqlx_reset(st);
    if (rc == SQLITE_NOMEM)
        return err_set(err, ERR_NOMEM, "%s, or there is no memory to read it", text);
    return err_set(err, ERR_MALFORMED, "%s", text);
}

/* ---- upkeep ---- */

/* Findings in one look; a file with more is no better known by them. */
#define FLAWS_MAX_TEXT    "100"

/* A writer that leaves no room for a backup in pieces. */
#define BACKUP_WAIT_MS    50
#define BACKUP_WAITED_MAX 1200 /* a minute */

static int tell_rows(sqlite3 *db, const char *sql, bool rows_are_texts, sqlx_flaw_fn *fn, void *arg,
                     struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    char text[256];
    int rc = sqlx_prepare(db, &st, sql, err);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        const unsigned char *a = sqlite3_column_text(st, 0);
        const unsigned char *b = rows_are_texts ? NULL : sqlite3_column_text(st, 2);
        if (rows_are_texts)
            snprintf(text, sizeof text, "%s", a ? (const char *)a : "?");
        else
            snprintf(text, sizeof text, "a row of table %.60s names one of %.60s that is not there",
                     a ? (const char *)a : "?", b ? (const char *)b : "?");
        if (rows_are_texts && sqlite3_strglob("ok", text) == 0)
            continue;
        rc = fn(arg, text, err);
    }
    sqlite3_finalize(st);
    return rc;
}

int sqlx_check(sqlite3 *db, bool quick, sqlx_flaw_fn *fn, void *arg, struct err *err)
{
    int rc = tell_rows(db,
                       quick ? "PRAGMA quick_check(" FLAWS_MAX_TEXT ")"
                             : "PRAGMA integrity_check(" FLAWS_MAX_TEXT ")",
                       true, fn, arg, err);
    if (rc == ERR_OK && !quick)
        rc = tell_rows(db, "PRAGMA foreign_key_check", false, fn, arg, err);
    if (rc != ERR_MALFORMED)
        return rc;
    /* too broken to be checked: that is the finding */
    char text[sizeof err->text];
    snprintf(text, sizeof text, "%s", err->text);
    return fn(arg, text, err);
}

static int run_backup(sqlite3 *from, sqlite3 *to, int pages, struct err *err)
{
    int waited = 0, step;
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return sqlx_error(to, err);
    do {
        step = sqlite3_backup_step(b, pages);
        if ((step == SQLITE_BUSY || step == SQLITE_LOCKED) && ++waited < BACKUP_WAITED_MAX)
            sqlite3_sleep(BACKUP_WAIT_MS);
    } while (step == SQLITE_OK ||
             ((step == SQLITE_BUSY || step == SQLITE_LOCKED) && waited < BACKUP_WAITED_MAX));
    int rc = sqlite3_backup_finish(b);
    if (step == SQLITE_BUSY || step == SQLITE_LOCKED)
        return err_set(err, ERR_BUSY, "%s: others write all the time",
                       sqlite3_db_filename(from, "main"));
    return rc == SQLITE_OK ? ERR_OK : sqlx_error(to, err);
}

int sqlx_backup(sqlite3 *db, const char *path, int pages, struct err *err)
{
    sqlite3 *to = NULL;
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &to, flags, NULL) == SQLITE_OK ? ERR_OK : sqlx_error(to, err);
    if (rc == ERR_OK)
        rc = run_backup(db, to, pages, err);
    sqlite3_close(to);
    return rc;
}

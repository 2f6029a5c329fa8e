#include "sqlx.h"
#include <stdio.h>

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
        return sqlx_fail(to, err);
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
    return rc == SQLITE_OK ? ERR_OK : sqlx_fail(to, err);
}

int sqlx_backup(sqlite3 *db, const char *path, int pages, struct err *err)
{
    sqlite3 *to = NULL;
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &to, flags, NULL) == SQLITE_OK ? ERR_OK : sqlx_fail(to, err);
    if (rc == ERR_OK)
        rc = run_backup(db, to, pages, err);
    sqlite3_close(to);
    return rc;
}

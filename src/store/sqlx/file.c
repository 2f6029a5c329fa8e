/* file: files of a ROOT that come and go: whose they are, and how they become smaller. */
#include "dashspool/fsx.h"
#include "sqlx.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- whose ---- */

int sqlx_root_get(sqlite3 *db, struct root_id *out, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    size_t n = 0;
    *out = (struct root_id){{0}};
    int rc = sqlx_prepare(db, &st, "SELECT id FROM root", err);
    if (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row &&
        (!sqlx_blob(st, 0, out->bytes, sizeof out->bytes, &n) || n != sizeof out->bytes))
        rc = sqlx_unreadable(st, err, "%s: its identity is malformed",
                             sqlite3_db_filename(db, "main"));
    sqlite3_finalize(st);
    return rc;
}

int sqlx_root_set(sqlite3 *db, const struct root_id *id, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlx_prepare(
        db, &st, "INSERT INTO root(id) SELECT ?1 WHERE NOT EXISTS(SELECT 1 FROM root)", err);
    if (rc == ERR_OK) {
        sqlx_bind_blob(st, 1, id->bytes, sizeof id->bytes);
        rc = sqlx_run(st, err);
    }
    sqlite3_finalize(st);
    return rc;
}

/* ---- smaller ---- */

int sqlx_lock(sqlite3 *db, struct err *err)
{
    return sqlx_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", err);
}

/* Each step is a transaction that leaves an empty journal. Files without auto_vacuum keep their
 * pages until they are written anew. Then one more transaction, for the journal's sake. */
int sqlx_cut_off(sqlite3 *db, const char *touch, struct err *err)
{
    int64_t unused = 0, before = INT64_MAX;
    int rc = sqlx_exec(db, "PRAGMA journal_mode=TRUNCATE", err);
    while (rc == ERR_OK &&
           (rc = sqlx_number(db, "PRAGMA freelist_count", &unused, err)) == ERR_OK && unused > 0 &&
           unused < before) {
        before = unused;
        rc = sqlx_exec(db, "PRAGMA incremental_vacuum(256)", err);
    }
    return rc < 0 ? rc : sqlx_exec(db, touch, err);
}

/* A journal without its file is nothing, and a log is deleted with the first opening of a new one;
 * but a file without its log would be what it was before. */
static const char *const beside[] = {"-journal", "", "-wal", "-shm"};
enum { BESIDE = sizeof beside / sizeof *beside };

int sqlx_delete_file(const char *path, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < BESIDE; i++) {
        char *one = NULL;
        rc = fsx_path(&one, err, "%s%s", path, beside[i]);
        if (rc == ERR_OK && unlink(one) < 0 && errno != ENOENT)
            rc = err_sys(err, "delete %s", one);
        free(one);
    }
    return rc;
}

int sqlx_rewrite(sqlite3 *db, const char *tmp, const char *path, struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct err unimportant;
    int rc = sqlx_delete_file(tmp, err); /* what a crash left */
    if (rc == ERR_OK)
        rc = sqlx_exec(db, SQLX_FRESH_FILE, err); /* one made without it */
    if (rc == ERR_OK)
        rc = sqlx_prepare(db, &st, "VACUUM INTO ?1", err);
    if (rc == ERR_OK) {
        sqlx_bind_text(st, 1, tmp);
        rc = sqlx_run(st, err);
    }
    sqlite3_finalize(st);
    if (rc == ERR_OK && (rc = fsx_sync_file(tmp, err)) == ERR_OK)
        rc = fsx_rename(tmp, path, err);
    /* also when all went well: SQLite does not tell when its journal stays */
    if (sqlx_delete_file(tmp, &unimportant) < 0)
        return rc; /* the next one does it */
    return rc;
}

int64_t sqlx_file_bytes(const char *path)
{
    int64_t n = 0;
    for (size_t i = 0; i < BESIDE; i++) {
        char *one = NULL;
        struct err unimportant;
        struct stat st;
        if (fsx_path(&one, &unimportant, "%s%s", path, beside[i]) == ERR_OK && stat(one, &st) == 0)
            n += st.st_size;
        free(one);
    }
    return n;
}

/* ---- with a log ---- */

int sqlx_settle(sqlite3 *db, int wait_ms, bool *done, struct err *err)
{
    *done = false;
    int rc = sqlx_exec(db, "PRAGMA synchronous=FULL", err);
    if (rc < 0)
        return rc;
    sqlite3_busy_timeout(db, wait_ms);
    int sq = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db, SQLX_BUSY_MS);
    *done = sq == SQLITE_OK;
    return sq == SQLITE_OK || (sq & 0xff) == SQLITE_BUSY ? ERR_OK : sqlx_error(db, err);
}

int sqlx_vacuum(sqlite3 *db, const char *dir, struct err *err)
{
    bool done = false;
    char *text = sqlite3_mprintf("%s", dir); /* SQLite's own memory is what it asks for */
    if (!text)
        return err_nomem(err, "a name");
    sqlite3_temp_directory = text;
    int rc = sqlx_exec(db, "PRAGMA synchronous=FULL; PRAGMA temp_store=FILE; VACUUM", err);
    sqlite3_temp_directory = NULL;
    sqlite3_free(text);
    if (rc == ERR_OK && (rc = sqlx_settle(db, SQLX_BUSY_MS, &done, err)) == ERR_OK && !done)
        rc = err_set(err, ERR_BUSY, "%s: somebody reads it; repeat this",
                     sqlite3_db_filename(db, "main"));
    return rc;
}

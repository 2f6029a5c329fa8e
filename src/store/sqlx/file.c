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

int sqlx_delete_file(const char *path, struct err *err)
{
    char *journal = NULL;
    int rc = fsx_path(&journal, err, "%s-journal", path);
    if (rc == ERR_OK && unlink(journal) < 0 && errno != ENOENT)
        rc = err_sys(err, "delete %s", journal);
    if (rc == ERR_OK && unlink(path) < 0 && errno != ENOENT)
        rc = err_sys(err, "delete %s", path);
    free(journal);
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

static int64_t length_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

int64_t sqlx_file_bytes(const char *path)
{
    char *journal = NULL;
    struct err unimportant;
    int64_t n = length_of(path);
    if (fsx_path(&journal, &unimportant, "%s-journal", path) == ERR_OK)
        n += length_of(journal);
    free(journal);
    return n;
}

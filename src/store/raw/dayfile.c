#include "dashspool/fsx.h"
#include "raw_internal.h"
#include <stdlib.h>
#include <string.h>

/*
 * Why this layout. A chunk of 63 KiB, its row header and its page header fit one 64 KiB page, so
 * that a chunk is written once, with no overflow chain. `n` always grows: a new chunk goes behind
 * all others however many masters grow at once, and SQLite appends a page; with (key, offset) as
 * the row's key, each chunk of an older master is put between others, which rewrites its neighbours
 * (measured with 50 masters at once: 150 MB/s against 600). The index holds only key and offset.
 *
 * What is dropped must be gone, and give its space back: a new file can be made smaller page by
 * page (auto_vacuum=INCREMENTAL; 2 to 20 % more is written to it, no time could be measured); what
 * is deleted in a page that stays is overwritten (secure_delete=FAST); a journal that had to hold
 * what was dropped is not kept (journal_size_limit). When pages are balanced, SQLite leaves pieces
 * of rows between them that nothing points to: `dropped` remembers that there may be some
 * (raw_trim).
 *
 * The cache holds more than the 4 MiB between two commits; a smaller one spills in the middle of a
 * transaction, and a spill locks the readers out until the commit.
 */
#define DROPPED_TABLE                          \
    "CREATE TABLE dropped("                    \
    " one INTEGER PRIMARY KEY CHECK(one = 1)," \
    " bytes INTEGER NOT NULL,"                 \
    " at_us INTEGER NOT NULL) STRICT;"

static const struct sqlx_schema day_schema = {
    .application_id = 0x64737277, /* "dsrw" */
    .version = 3,
    .fresh = "PRAGMA page_size=65536; PRAGMA auto_vacuum=INCREMENTAL;",
    .setup = "PRAGMA journal_mode=PERSIST;"
             "PRAGMA journal_size_limit=8388608;"
             "PRAGMA secure_delete=FAST;"
             "PRAGMA synchronous=FULL;"
             "PRAGMA cache_size=-12288;"
             "PRAGMA cell_size_check=ON;",
    .tables = "CREATE TABLE chunk("
              " n INTEGER PRIMARY KEY,"
              " key INTEGER NOT NULL,"
              " offset INTEGER NOT NULL,"
              " data BLOB NOT NULL) STRICT;"
              "CREATE UNIQUE INDEX chunk_place ON chunk(key, offset);"
              "CREATE TABLE master("
              " key INTEGER PRIMARY KEY,"
              " id TEXT NOT NULL,"
              " imei TEXT, camera TEXT, kind TEXT, source TEXT,"
              " arrived_us INTEGER NOT NULL,"
              " length_bytes INTEGER NOT NULL,"
              " sha256 BLOB NOT NULL,"
              " init BLOB, meta BLOB, start BLOB, path BLOB) STRICT;" DROPPED_TABLE,
    .upgrade = (const char *const[]){"ALTER TABLE master ADD COLUMN path BLOB;", DROPPED_TABLE},
};

static const char *const day_sql[RAW_SQL_COUNT] = {
    [RAW_SQL_APPEND] = "INSERT INTO chunk(key, offset, data) VALUES(?1, ?2, ?3)",
    /* SQLite answers length() and typeof() of a blob from the row header */
    [RAW_SQL_TAIL] = "SELECT offset, length(data), typeof(data) FROM chunk WHERE key = ?1"
                     " ORDER BY offset DESC LIMIT 1",
    [RAW_SQL_CHUNK] = "SELECT data FROM chunk WHERE key = ?1 AND offset = ?2",
    [RAW_SQL_SEAL] = "INSERT INTO master(key, id, imei, camera, kind, source, arrived_us,"
                     " length_bytes, sha256, init, meta, start, path)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [RAW_SQL_FACTS] = "SELECT length_bytes, sha256 FROM master WHERE key = ?1",
    [RAW_SQL_HIGHEST] = "SELECT max(coalesce((SELECT max(key) FROM chunk), 0),"
                        " coalesce((SELECT max(key) FROM master), 0))",
    [RAW_SQL_DROP_CHUNKS] = "DELETE FROM chunk WHERE key = ?1",
    [RAW_SQL_DROP_MASTER] = "DELETE FROM master WHERE key = ?1",
    [RAW_SQL_DROPPED] = "INSERT INTO dropped(one, bytes, at_us) VALUES(1, ?1, ?2)"
                        " ON CONFLICT(one) DO UPDATE SET bytes = bytes + ?1, at_us = ?2",
    [RAW_SQL_ROLLBACK] = SQLX_ROLLBACK,
};

/* Exactly dddd-dd-dd: nothing else ever becomes part of a path. */
bool raw_day_ok(const char *day)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = day[i] >= '0' && day[i] <= '9';
        if (shape[i] == 'd' ? !digit : day[i] != shape[i])
            return false;
    }
    return true;
}

void raw_dayfile_free(struct raw_dayfile **d)
{
    if (!*d)
        return;
    for (size_t i = 0; i < RAW_SQL_COUNT; i++)
        sqlite3_finalize((*d)->sql[i]);
    sqlx_close(&(*d)->db);
    free(*d);
    *d = NULL;
}

static int open_day(const struct raw *raw, const char *day, bool create, struct raw_dayfile **out,
                    struct err *err)
{
    char *path = NULL;
    struct raw_dayfile *d = calloc(1, sizeof *d);
    int rc = d ? fsx_path(&path, err, "%s/%s.db", raw->dir, day) : err_nomem(err, "a day file");
    if (rc < 0)
        goto out;
    memcpy(d->day, day, sizeof d->day);
    if ((rc = sqlx_open(&d->db, path, &day_schema, create, err)) < 0)
        goto out;
    for (size_t i = 0; rc == ERR_OK && i < RAW_SQL_COUNT; i++)
        rc = sqlx_prepare(d->db, &d->sql[i], day_sql[i], err);
    /* The new file's entry; SQLite takes care of its own journal's. */
    if (rc == ERR_OK && create)
        rc = fsx_sync_dir(raw->dir, err);
out:
    free(path);
    if (rc < 0)
        raw_dayfile_free(&d);
    *out = d;
    return rc;
}

void raw_dayfile_trim(struct raw *raw, size_t keep)
{
    for (;;) {
        size_t open = 0;
        struct raw_dayfile **idle = NULL;
        for (struct raw_dayfile **at = &raw->days; *at; at = &(*at)->next) {
            open++;
            if (!(*at)->writing)
                idle = at;
        }
        if (open <= keep || !idle)
            return;
        struct raw_dayfile *d = *idle;
        *idle = d->next;
        raw_dayfile_free(&d);
    }
}

int raw_dayfile_get(struct raw *raw, const char *day, bool create, struct raw_dayfile **out,
                    struct err *err)
{
    *out = NULL;
    if (!raw_day_ok(day))
        return err_set(err, ERR_MALFORMED, "'%.20s' is not a day; write it like 2026-11-21", day);
    struct raw_dayfile *d = NULL;
    for (struct raw_dayfile **at = &raw->days; *at; at = &(*at)->next) {
        if (strcmp((*at)->day, day) == 0) {
            d = *at;
            *at = d->next;
            break;
        }
    }
    if (d && !d->writing && sqlx_has_moved(d->db)) /* by raw_trim(), or somebody else */
        raw_dayfile_free(&d);
    if (!d) {
        raw_dayfile_trim(raw, RAW_DAYS_OPEN - 1);
        int rc = open_day(raw, day, create, &d, err);
        if (rc < 0)
            return rc;
    }
    d->next = raw->days;
    raw->days = d;
    *out = d;
    return ERR_OK;
}

int raw_dayfile_begin(struct raw_dayfile *d, struct err *err)
{
    if (d->writing) {
        /* A full disk can make SQLite roll back by itself. What was appended is gone then, and a
         * commit of only the rest would be a lie. */
        if (sqlite3_get_autocommit(d->db))
            return err_set(err, ERR_IO, "%s: an earlier failure undid this transaction",
                           sqlite3_db_filename(d->db, "main"));
        return ERR_OK;
    }
    int rc = sqlx_exec(d->db, "BEGIN IMMEDIATE", err);
    /* Only now can nobody put another file in its place any more. */
    if (rc == ERR_OK && sqlx_has_moved(d->db)) {
        sqlx_rollback(d->db, d->sql[RAW_SQL_ROLLBACK]);
        rc =
            err_set(err, ERR_BUSY, "raw/%s.db was just made smaller; this can be repeated", d->day);
    }
    d->writing = rc == ERR_OK;
    return rc;
}

#include "dashspool/clock.h"
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
 * What is dropped must be gone, and give its space back: see sqlx.h. `dropped` remembers that there
 * may be pieces of it between the rows (raw_trim).
 *
 * The cache holds more than the 4 MiB between two commits; a smaller one spills in the middle of a
 * transaction, and a spill locks the readers out until the commit.
 */
#define DROPPED_TABLE                          \
    "CREATE TABLE dropped("                    \
    " one INTEGER PRIMARY KEY CHECK(one = 1)," \
    " bytes INTEGER NOT NULL,"                 \
    " at_us INTEGER NOT NULL) STRICT;"

/* Whose a master is stands here from its first chunk on, in the same transaction, and it is sealed
 * when length_bytes and sha256 are there. root: where it was received. Chunks without a row are a
 * partial from before version 4. */
#define MASTER_TABLE                                   \
    "CREATE TABLE master("                             \
    " key INTEGER PRIMARY KEY,"                        \
    " id TEXT NOT NULL,"                               \
    " imei TEXT, camera TEXT, kind TEXT, source TEXT," \
    " arrived_us INTEGER NOT NULL,"                    \
    " length_bytes INTEGER,"                           \
    " sha256 BLOB,"                                    \
    " init BLOB, meta BLOB, start BLOB, path BLOB, root BLOB) STRICT;"

static const struct sqlx_schema day_schema = {
    .application_id = 0x64737277, /* "dsrw" */
    .version = 4,
    .fresh = "PRAGMA page_size=65536;" SQLX_FRESH_FILE,
    .setup = SQLX_SETUP_FILE "PRAGMA cache_size=-12288;",
    .tables = "CREATE TABLE chunk("
              " n INTEGER PRIMARY KEY,"
              " key INTEGER NOT NULL,"
              " offset INTEGER NOT NULL,"
              " data BLOB NOT NULL) STRICT;"
              "CREATE UNIQUE INDEX chunk_place ON chunk(key, offset);" MASTER_TABLE DROPPED_TABLE
                  SQLX_ROOT_TABLE,
    .upgrade = (const char *const[]){"ALTER TABLE master ADD COLUMN path BLOB;", DROPPED_TABLE,
                                     "ALTER TABLE master RENAME TO master_before;" MASTER_TABLE
                                     "INSERT INTO master SELECT *, NULL FROM master_before;"
                                     "DROP TABLE master_before;" SQLX_ROOT_TABLE},
};

static const char *const day_sql[RAW_SQL_COUNT] = {
    [RAW_SQL_APPEND] = "INSERT INTO chunk(key, offset, data) VALUES(?1, ?2, ?3)",
    /* SQLite answers length() and typeof() of a blob from the row header */
    [RAW_SQL_TAIL] = "SELECT offset, length(data), typeof(data) FROM chunk WHERE key = ?1"
                     " ORDER BY offset DESC LIMIT 1",
    [RAW_SQL_CHUNK] = "SELECT data FROM chunk WHERE key = ?1 AND offset = ?2",
    [RAW_SQL_BEGIN] = "INSERT INTO master(key, id, imei, camera, kind, source, arrived_us,"
                      " init, meta, start, path, root)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    /* a camera that resumes may say more than it said at first */
    [RAW_SQL_SEAL] = "UPDATE master SET length_bytes = ?2, sha256 = ?3, init = ?4, meta = ?5,"
                     " start = ?6, path = ?7 WHERE key = ?1",
    [RAW_SQL_FACTS] = "SELECT length_bytes, sha256, id, imei, camera, kind, source, arrived_us,"
                      " start, path, root FROM master WHERE key = ?1",
    [RAW_SQL_HIGHEST] = "SELECT max(coalesce((SELECT max(key) FROM chunk), 0),"
                        " coalesce((SELECT max(key) FROM master), 0))",
    [RAW_SQL_DROP_CHUNKS] = "DELETE FROM chunk WHERE key = ?1",
    [RAW_SQL_DROP_MASTER] = "DELETE FROM master WHERE key = ?1",
    [RAW_SQL_DROPPED] = "INSERT INTO dropped(one, bytes, at_us) VALUES(1, ?1, ?2)"
                        " ON CONFLICT(one) DO UPDATE SET bytes = bytes + ?1, at_us = ?2",
    [RAW_SQL_ROLLBACK] = SQLX_ROLLBACK,
};

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

static int check_root(const struct raw *raw, const struct raw_dayfile *d, struct err *err)
{
    char ours[ROOT_ID_ROOM], theirs[ROOT_ID_ROOM];
    if (!root_id_known(&raw->root) || !root_id_known(&d->root) ||
        root_id_same(&raw->root, &d->root))
        return ERR_OK;
    root_id_text(&raw->root, ours);
    root_id_text(&d->root, theirs);
    return err_set(
        err, ERR_FOREIGN,
        "%s/%s.db belongs to another ROOT (%.8s; this one is %.8s): move it away, or put "
        "back this ROOT's own, without the -journal that is there (cp BACKUP/raw/%s.db %s/)",
        raw->dir, d->day, theirs, ours, d->day, raw->dir);
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
    rc = sqlx_open(&d->db, path, &day_schema, create, err);
    if (rc == ERR_NOTFOUND)
        err_set(err, ERR_NOTFOUND,
                "%s is missing: put it back from a backup; 'dashspool fsck' tells what is lost",
                path);
    if (rc < 0 || (rc = sqlx_root_get(d->db, &d->root, err)) < 0 ||
        (rc = check_root(raw, d, err)) < 0)
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
    if (!clock_date_ok(day))
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

/* A file that says nothing, in a ROOT that has an identity: a new one gets it, in the transaction
 * that begins. In what holds something nobody writes before it was compared with the catalogue. */
static int mark_new(const struct raw *raw, struct raw_dayfile *d, struct err *err)
{
    int64_t used = 0;
    if (root_id_known(&d->root) || !root_id_known(&raw->root))
        return ERR_OK;
    int rc = sqlx_root_get(d->db, &d->root, err); /* by another process, since it was opened */
    if (rc < 0 || root_id_known(&d->root))
        return rc < 0 ? rc : check_root(raw, d, err);
    rc = sqlx_number(d->db, "SELECT EXISTS(SELECT 1 FROM chunk) OR EXISTS(SELECT 1 FROM master)",
                     &used, err);
    if (rc == ERR_OK && used)
        return err_set(err, ERR_FOREIGN,
                       "raw/%s.db does not say which ROOT it belongs to: restart the receiver, "
                       "which compares it with catalogue.db",
                       d->day);
    return rc < 0 ? rc : sqlx_root_set(d->db, &raw->root, err);
}

int raw_dayfile_begin(const struct raw *raw, struct raw_dayfile *d, struct err *err)
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
    if (rc == ERR_OK && (rc = mark_new(raw, d, err)) < 0)
        sqlx_rollback(d->db, d->sql[RAW_SQL_ROLLBACK]);
    d->writing = rc == ERR_OK;
    return rc;
}

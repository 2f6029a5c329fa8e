/*
 * sqlx: what raw, records and catalogue share about SQLite: opening a database of ours (and nobody
 * else's), translating its errors, reading its columns as the hostile bytes that they are, giving
 * back the space of what was deleted. Internal to these: no other module includes this, and no door
 * shows a sqlite3 type.
 */
#ifndef DASHSPOOL_SQLX_H
#define DASHSPOOL_SQLX_H

#include "dashspool/err.h"
#include "dashspool/root.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a statement waits for another process before ERR_BUSY. */
#define SQLX_BUSY_MS   5000

/* No value of ours is larger (a chunk is 63 KiB); a database that holds one is not believed. */
#define SQLX_VALUE_MAX (1024 * 1024)

/* The rest of an upgrade step, which SQL alone cannot do. */
typedef int sqlx_upgrade_fn(sqlite3 *db, struct err *err);

/* What makes a database file ours. */
struct sqlx_schema {
    int application_id; /* PRAGMA application_id */
    int version;        /* PRAGMA user_version */
    const char *setup;  /* pragmas of every connection, and those that must precede the tables */
    const char *fresh;  /* pragmas of a new file alone, before `setup`; NULL: none */
    const char *tables; /* run once, in the transaction that sets id and version */
    const char *const *upgrade; /* [i]: from version i + 1 to i + 2, likewise; NULL for version 1 */
    sqlx_upgrade_fn *const *upgrade_end; /* … and then, if it is not NULL; NULL: none has one */
};

/* Opens `path`; with `create` a missing or empty file becomes a database with the schema, else it
 * is ERR_NOTFOUND. An older version is brought up to date.
 * ERR_UNSUPPORTED for a newer version, ERR_MALFORMED for a foreign file,
 * ERR_CONFIG for what is no regular file. Several processes may create the same one at once.
 * Triggers, views and untrusted functions in the file are off. Its SQL has sha256(X) besides, and
 * same(X, Y): text_same(). */
int sqlx_open(sqlite3 **out, const char *path, const struct sqlx_schema *schema, bool create,
              struct err *err) DS_MUST_CHECK;
/* Opens it to look only: nothing is made or brought up to date, and busy ones are waited for
 * busy_ms. *version is that of its schema, schema->version at most. Errors as above; also ERR_IO
 * for one in WAL mode whose -wal and -shm are not there, where they may not be made. */
int sqlx_open_readonly(sqlite3 **out, const char *path, const struct sqlx_schema *schema,
                       int busy_ms, int *version, struct err *err) DS_MUST_CHECK;
/* The files -wal and -shm stay when this connection is closed, though it be the last: whoever
 * is shut in cannot make them. */
void sqlx_keep_log(sqlite3 *db);
/* "file:/srv/a%20b/2026-11-21.db?immutable=1" (SQLite, "URI Filenames"): a file as it stands,
 * beside which nothing is made. The caller frees it. */
int sqlx_address(const char *path, char **out, struct err *err) DS_MUST_CHECK;
/* Opens what nobody is writing to, as it stands: for who may not write beside it, where SQLite
 * cannot make the index of its log. What is written meanwhile is not seen, or is ERR_MALFORMED: for
 * a moment only. ERR_BUSY: its log holds something. */
int sqlx_open_still(sqlite3 **out, const char *path, const struct sqlx_schema *schema,
                    struct err *err) DS_MUST_CHECK;
/* Another file, or none, has the name of this one by now: what is written here would be lost. */
bool sqlx_has_moved(sqlite3 *db);
void sqlx_close(sqlite3 **db); /* its statements must be finalized; a transaction is rolled back */

/* "<file>: <SQLite's words>" with our code for the connection's last error; returns the code. */
int sqlx_error(sqlite3 *db, struct err *err);

int sqlx_exec(sqlite3 *db, const char *sql, struct err *err) DS_MUST_CHECK;
int sqlx_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct err *err) DS_MUST_CHECK;

/* Steps the prepared SQLX_ROLLBACK if a transaction is open. Preparing it needs memory, of which
 * there may be none when it is due: an open transaction would keep its lock, and the next BEGIN
 * would be refused for ever. */
#define SQLX_ROLLBACK "ROLLBACK"
void sqlx_rollback(sqlite3 *db, sqlite3_stmt *st);

/* One row or the end; the end and a failure reset the statement. NULL is one that could not be
 * prepared, of which *err tells: it fails with that. */
int sqlx_step(sqlite3_stmt *st, bool *row, struct err *err) DS_MUST_CHECK;

/* Runs a statement that yields no rows, and resets it. */
int sqlx_run(sqlite3_stmt *st, struct err *err) DS_MUST_CHECK;

/* The first n columns of a SELECT's first row; 0: there is none. */
int sqlx_numbers(sqlite3 *db, const char *sql, int64_t *const out[], int n,
                 struct err *err) DS_MUST_CHECK;
int sqlx_number(sqlite3 *db, const char *sql, int64_t *out, struct err *err) DS_MUST_CHECK;

/* Ready for the next use, no bindings, no lock held. NULL is fine. */
void sqlx_reset(sqlite3_stmt *st);

/* Binders for what may be absent: NULL and "" (n 0) become NULL. The bytes are borrowed until the
 * statement is reset. Like all of sqlite3_bind_*, they can only fail on a wrong index or, for what
 * is larger than SQLX_VALUE_MAX, by leaving NULL, which the schema's NOT NULL then refuses. */
void sqlx_bind_text(sqlite3_stmt *st, int at, const char *text);
void sqlx_bind_blob(sqlite3_stmt *st, int at, const void *data, size_t n);

/* Column readers: false for another type, a value out of range or without room (which includes a
 * text with a NUL inside). NULL reads as "", nothing, 0. */
bool sqlx_text(sqlite3_stmt *st, int col, char *out, size_t room);
bool sqlx_blob(sqlite3_stmt *st, int col, uint8_t *out, size_t room, size_t *n);
bool sqlx_int64(sqlite3_stmt *st, int col, int64_t min, int64_t max, int64_t *out);
bool sqlx_double(sqlite3_stmt *st, int col, double *out);

/* A reader said false: ERR_MALFORMED with this text, or ERR_NOMEM if SQLite had no memory to hand
 * the value over, which is no reason to give up a row. Resets the statement; returns the code. */
int sqlx_unreadable(sqlite3_stmt *st, struct err *err, const char *fmt, ...) DS_PRINTF(3, 4);

/* What SQLite finds wrong with the file, a text each: PRAGMA quick_check, or integrity_check, and
 * what its foreign keys miss. fn returns negative (with err set) to stop. */
typedef int sqlx_flaw_fn(void *arg, const char *text, struct err *err);
int sqlx_check(sqlite3 *db, bool quick, sqlx_flaw_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* All of db into the new file `path`, by the backup API: `pages` at a time (-1: all at once, as of
 * one moment), and from the beginning whenever somebody else has written in between. ERR_BUSY if
 * that does not end. */
int sqlx_backup(sqlite3 *db, const char *path, int pages, struct err *err) DS_MUST_CHECK;

/* ---- files of a ROOT that come and go ----
 *
 * What is deleted must be gone, and give its space back. Schemas of files with a rollback journal
 * have
 * SQLX_FRESH_FILE (before page_size, if they have one) and SQLX_SETUP_FILE: a new file can be made
 * smaller page by page (auto_vacuum; 2 to 20 % more is written to it, no time could be measured);
 * what is deleted in a page that stays is overwritten (secure_delete=FAST); a journal that had to
 * hold what was deleted is not kept (journal_size_limit). When pages are balanced, SQLite leaves
 * pieces of rows between them that nothing points to: these go when the file is written anew.
 */
#define SQLX_FRESH_FILE "PRAGMA auto_vacuum=INCREMENTAL;"
#define SQLX_SETUP_FILE                  \
    "PRAGMA journal_mode=PERSIST;"       \
    "PRAGMA journal_size_limit=8388608;" \
    "PRAGMA secure_delete=FAST;"         \
    "PRAGMA synchronous=FULL;"           \
    "PRAGMA cell_size_check=ON;"

/* Whose it is. One row; none in a file that is new. */
#define SQLX_ROOT_TABLE "CREATE TABLE root(id BLOB NOT NULL CHECK(length(id) = 16)) STRICT;"
int sqlx_root_get(sqlite3 *db, struct root_id *out, struct err *err) DS_MUST_CHECK;
/* In the caller's transaction; one that has an owner keeps it. */
int sqlx_root_set(sqlite3 *db, const struct root_id *id, struct err *err) DS_MUST_CHECK;

/* This connection is the only one until it is closed. ERR_BUSY. */
int sqlx_lock(sqlite3 *db, struct err *err) DS_MUST_CHECK;

/* Cuts unused pages off the file's end, into which the last ones are moved, in steps between which
 * others may write, and leaves an empty journal; `touch` is SQL that writes something, for the
 * journal's sake. */
int sqlx_cut_off(sqlite3 *db, const char *touch, struct err *err) DS_MUST_CHECK;

/* Writes the file anew, beside it as `tmp`, and then in its place; needs its lock. Whoever has the
 * old one open sees that it has moved. The connection is good for nothing but sqlx_close() then. */
int sqlx_rewrite(sqlite3 *db, const char *tmp, const char *path, struct err *err) DS_MUST_CHECK;

/* The file and what SQLite has beside it, as far as they are there; needs its lock, or a write
 * transaction in WAL mode. Not yet durable: fsx_sync_dir(). */
int sqlx_delete_file(const char *path, struct err *err) DS_MUST_CHECK;

/* Bytes of all these on disk; 0: there are none. */
int64_t sqlx_file_bytes(const char *path);

/* Of a file in WAL mode: all of its log goes into it, on disk, and the log is emptied. *done false:
 * somebody reads an older state of it, or wait_ms were not enough for who writes. */
int sqlx_settle(sqlite3 *db, int wait_ms, bool *done, struct err *err) DS_MUST_CHECK;

/* Writes all of such a file anew, so that nothing of what was deleted is left in it, in its log or
 * in its unused pages. Needs twice its room, part of it for a file without a name in `dir`. One
 * thread at a time in a process. ERR_BUSY: as above. */
int sqlx_vacuum(sqlite3 *db, const char *dir, struct err *err) DS_MUST_CHECK;

#endif

/*
 * rows: statements on a site's database (site.h), in the shape of sqlx.h, or on SQLite's. Internal
 * to the wing `store`: no other module includes this, and no door shows a type of libpq.
 *
 * PostgreSQL by libpq's asynchronous calls: its others wait for ever for an answer that does not
 * come. An answer that is not there after ROWS_ANSWER_MS ends the connection: what was asked for
 * may have been done or not. READ COMMITTED; durable when a commit is answered (synchronous_commit
 * is never off).
 *
 * A connection that was lost is made anew by the next statement outside a transaction, and the next
 * begin; what is in a transaction fails until its rollback.
 *
 * Errors: ERR_IO and ERR_BUSY may be over the next time (no connection, no answer, a server that
 * does not lead any more; others in the way: serialization, deadlock, a lock, a timeout).
 * ERR_CONFIG: who we are, or what we may. ERR_UNSUPPORTED: a table is not there, or not so.
 * ERR_MALFORMED: a constraint, or a value that cannot be.
 *
 * Parameters are ?1, ?2 … or ? alone, in their order. One text serves both engines where it can:
 * what is a hint to SQLite's planner (INDEXED BY …, NOT INDEXED) is left out for PostgreSQL, where
 * the catalogue's schema has SQLite's functions that are used. Of one thread.
 */
#ifndef DASHSPOOL_ROWS_H
#define DASHSPOOL_ROWS_H

#include "dashspool/err.h"
#include "dashspool/site.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS_ANSWER_MS 20000
#define ROWS_VALUE_MAX (1024 * 1024) /* no value of ours is larger; another is not believed */

struct rows;
struct rows_st;

/* Connects; its schema's tables are found first. *out is the caller's. The site is borrowed. */
int rows_open(struct rows **out, const struct site *site, struct err *err) DS_MUST_CHECK;

/* The same calls on a connection of SQLite's, which stays its owner's (sqlx.h); what is said of
 * PostgreSQL does not hold for it. Its begin is for writing. */
struct sqlite3;
int rows_of_sqlite(struct rows **out, struct sqlite3 *db, struct err *err) DS_MUST_CHECK;
void rows_close(struct rows **rows); /* its statements must be finalized */

/* Of PostgreSQL: the tables of one part of the store, by numbered steps of SQL, each a transaction,
 * one node at a time. ERR_UNSUPPORTED: a newer version has made more. */
int rows_schema(struct rows *rows, const char *part, const char *const *steps, size_t n,
                struct err *err) DS_MUST_CHECK;

/* ---- transactions ---- */

int rows_begin(struct rows *rows, struct err *err) DS_MUST_CHECK;
/* To look only, at one state of it. */
int rows_begin_read(struct rows *rows, struct err *err) DS_MUST_CHECK;
int rows_commit(struct rows *rows, struct err *err) DS_MUST_CHECK; /* a failed one rolls back */
void rows_rollback(struct rows *rows);
bool rows_in_transaction(const struct rows *rows);

/* ---- statements ---- */

/* SQL without parameters, of one or more statements, which yield nothing. */
int rows_exec(struct rows *rows, const char *sql, struct err *err) DS_MUST_CHECK;

int rows_prepare(struct rows *rows, struct rows_st **out, const char *sql,
                 struct err *err) DS_MUST_CHECK;
void rows_finalize(struct rows_st **st);

/* st NULL is a statement that could not be prepared: what is bound to it is nothing, and a step
 * fails with what *err says already.
 *
 * Values are borrowed until the statement is reset, which its end and a failure do. NULL and a blob
 * of n 0 become NULL; rows_bind_word(): "", too. */
void rows_bind_int64(struct rows_st *st, int at, int64_t v);
void rows_bind_double(struct rows_st *st, int at, double v);
void rows_bind_text(struct rows_st *st, int at, const char *text);
void rows_bind_text_n(struct rows_st *st, int at, const char *text, size_t n);
void rows_bind_word(struct rows_st *st, int at, const char *text);
void rows_bind_blob(struct rows_st *st, int at, const void *data, size_t n);
/* A column of a row of `from`, which may be of another engine, until its next step. */
void rows_bind_column(struct rows_st *st, int at, const struct rows_st *from, int col);
int rows_parameters(const struct rows_st *st); /* the highest number of one */

/* The next row or the end, which resets the statement, as a failure does. */
int rows_step(struct rows_st *st, bool *row, struct err *err) DS_MUST_CHECK;

/* Runs a statement that yields no rows, and resets it. *changed (may be NULL): rows it touched. */
int rows_run(struct rows_st *st, int64_t *changed, struct err *err) DS_MUST_CHECK;
/* An INSERT of one row. *number: what its column `number_of` became; 0: a conflict left it out. */
int rows_add(struct rows_st *st, const char *number_of, int64_t *number,
             struct err *err) DS_MUST_CHECK;

/* How many rows the last statement inserted, changed or deleted. */
int64_t rows_changes(const struct rows *rows);

void rows_reset(struct rows_st *st); /* and forgets what was bound; NULL is fine */

/* The failure before was of a reference to a row that is not there. */
bool rows_was_reference(const struct rows *rows);

/* The first n columns of a SELECT's first row; 0: there is none. */
int rows_numbers(struct rows *rows, const char *sql, int64_t *const out[], int n,
                 struct err *err) DS_MUST_CHECK;
int rows_number(struct rows *rows, const char *sql, int64_t *out, struct err *err) DS_MUST_CHECK;

/* Column readers: false for another type, a value out of range or without room. NULL reads as "",
 * nothing, 0. */
bool rows_text(const struct rows_st *st, int col, char *out, size_t room);
bool rows_blob(const struct rows_st *st, int col, uint8_t *out, size_t room, size_t *n);
bool rows_int64(const struct rows_st *st, int col, int64_t min, int64_t max, int64_t *out);
bool rows_double(const struct rows_st *st, int col, double *out);
/* A number that our own SQL makes; 0 for what is none. */
int64_t rows_column(const struct rows_st *st, int col);
bool rows_is_null(const struct rows_st *st, int col);
/* Its bytes, until the next step; NULL: it is NULL, or a number. */
const void *rows_bytes(const struct rows_st *st, int col, size_t *n);
int rows_columns(const struct rows_st *st);

/* A reader said false because there was no memory. */
bool rows_was_nomem(const struct rows_st *st);
/* A reader said false: ERR_MALFORMED with this text, or ERR_NOMEM if there was no memory to hand
 * the value over, which is no reason to give up a row. Resets the statement; returns the code. */
int rows_unreadable(struct rows_st *st, struct err *err, const char *fmt, ...) DS_PRINTF(3, 4);

#endif

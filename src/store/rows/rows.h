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
 * Parameters are ?1, ?2 …; SQL is otherwise PostgreSQL's. Of one thread.
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
int rows_commit(struct rows *rows, struct err *err) DS_MUST_CHECK; /* a failed one rolls back */
void rows_rollback(struct rows *rows);
bool rows_in_transaction(const struct rows *rows);

/* ---- statements ---- */

/* SQL without parameters, of one or more statements, which yield nothing. */
int rows_exec(struct rows *rows, const char *sql, struct err *err) DS_MUST_CHECK;

int rows_prepare(struct rows *rows, struct rows_st **out, const char *sql,
                 struct err *err) DS_MUST_CHECK;
void rows_finalize(struct rows_st **st);

/* Values are copied. text NULL and blob of n 0 become NULL. */
void rows_bind_int64(struct rows_st *st, int at, int64_t v);
void rows_bind_text(struct rows_st *st, int at, const char *text);
void rows_bind_blob(struct rows_st *st, int at, const void *data, size_t n);

/* The next row or the end, which resets the statement, as a failure does. */
int rows_step(struct rows_st *st, bool *row, struct err *err) DS_MUST_CHECK;

/* Runs a statement that yields no rows, and resets it. *changed (may be NULL): rows it touched. */
int rows_run(struct rows_st *st, int64_t *changed, struct err *err) DS_MUST_CHECK;

void rows_reset(struct rows_st *st); /* and forgets what was bound; NULL is fine */

/* Column readers: false for another type, a value out of range or without room. NULL reads as "",
 * nothing, 0. */
bool rows_text(const struct rows_st *st, int col, char *out, size_t room);
bool rows_blob(const struct rows_st *st, int col, uint8_t *out, size_t room, size_t *n);
bool rows_int64(const struct rows_st *st, int col, int64_t min, int64_t max, int64_t *out);

#endif

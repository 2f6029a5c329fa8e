/* spool, the engine of a site: connections to its database. */
#ifndef DASHSPOOL_SPOOL_SHARED_DB_H
#define DASHSPOOL_SPOOL_SHARED_DB_H

#include "dashspool/err.h"
#include "rows/pq.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARED_PREPARED_MAX = 48 };

/* A connection, for one thread at a time. What is not in use is kept for the next who asks. */
struct shared_db {
    PGconn *pq;
    bool has_schema;                     /* it is there, as this version has it */
    char *prepared[SHARED_PREPARED_MAX]; /* statements that it has parsed: s0, s1 … */
    int n_prepared;
};

/* With the site's schema in front of its search_path. ERR_IO: the database cannot be reached. */
int shared_db_get(struct shared_db **out, struct err *err) DS_MUST_CHECK;
/* Of a transaction that is still open nothing stays. NULL is fine. */
void shared_db_put(struct shared_db **db);
/* The others are closed; who forks calls nothing: a child takes none that its parent has. */

/*
 * One statement, and all of its rows; `types` has a letter for each value ($1 …) behind it:
 * t const char * (NULL: null), i int64_t, b const void *, size_t (NULL: null).
 *
 * An answer that does not come within a time ends the connection: ERR_IO, and what was asked for
 * may have been done or not. ERR_BUSY: others were in the way, it may be tried again from the
 * beginning of its transaction. ERR_NOTFOUND: a table (or the schema) is not there. out may be
 * NULL; else it is the caller's (PQclear), NULL on failure. *n (may be NULL): rows that it touched.
 */
int shared_db_run(struct shared_db *db, PGresult **out, int64_t *n, struct err *err,
                  const char *sql, const char *types, ...) DS_MUST_CHECK;

/* Whether what shared_db_run() failed of was this SQLSTATE. */
bool shared_db_was(const char *state);

/* fn, with a connection, and once more with another after ERR_BUSY and ERR_IO: it must bear that it
 * was done before. */
typedef int shared_db_fn(struct shared_db *db, void *arg, bool again, struct err *err);
int shared_db_do(shared_db_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* Of a row: never NULL. */
int64_t shared_db_int(const PGresult *r, int row, int column);

#endif

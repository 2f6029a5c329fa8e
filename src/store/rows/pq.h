/* pq: libpq as this program uses it: a connection to a site's database, and answers that are waited
 * for no longer than until a moment (libpq's own calls wait for ever for one that does not come).
 * Internal to rows and spool. No state. */
#ifndef DASHSPOOL_PQ_H
#define DASHSPOOL_PQ_H

#include "dashspool/err.h"
#include "dashspool/site.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define PQ_STATE_ROOM 6 /* SQLSTATE and NUL */

/* Makes transactions durable whatever the server's default is: a column for a SELECT. */
#define PQ_DURABLE                                                                           \
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off'" \
    " THEN 'on' ELSE current_setting('synchronous_commit') END, false)"

/* To a server that takes writes, within 5 s a host; it does not block. *out is the caller's
 * (PQfinish); NULL on failure. ERR_IO: it cannot be reached. */
int pq_connect(PGconn **out, const struct site *site, struct err *err) DS_MUST_CHECK;

/* The last result of what was sent, or the first that is bad (PQclear); NULL: none came before
 * until_us (clock_mono_us()). */
PGresult *pq_answer(PGconn *pq, int64_t until_us);
bool pq_is_good(const PGresult *r);

/* What went wrong, in err: r NULL: no answer came; late: for want of time. `state` becomes its
 * SQLSTATE; "": the connection itself. Codes as in rows.h. */
int pq_failed(const PGconn *pq, const PGresult *r, bool late, char state[PQ_STATE_ROOM],
              struct err *err);

#endif

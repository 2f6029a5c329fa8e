/* Connections of the spool to a site's database, and their statements. */
#include "shared_db.h"
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KEPT = 4,          /* connections that wait for the next */
    ANSWER_MS = 30000, /* then whoever is to answer is given up */
    VALUES_MAX = 16,
    TRIES = 4,
};

#define READ_ONLY    "25006"
#define NO_STATEMENT "26000"
#define OLD_PLAN     "0A000"

static _Thread_local char last_state[PQ_STATE_ROOM];

/* ---- those that are not in use ---- */

static struct {
    pthread_mutex_t lock;
    pid_t pid; /* whose they are */
    char of[600];
    struct shared_db *db[KEPT];
    int n;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void end(struct shared_db *db)
{
    PQfinish(db->pq);
    for (int i = 0; i < db->n_prepared; i++)
        free(db->prepared[i]);
    free(db);
}

/* Those of another process are left alone, as they are: their end would be told to the server. */
static void keep_own(const char *of)
{
    if (kept.pid == getpid() && strcmp(kept.of, of) == 0)
        return;
    while (kept.n > 0)
        if (kept.pid == getpid())
            end(kept.db[--kept.n]);
        else
            kept.n--;
    kept.pid = getpid();
    snprintf(kept.of, sizeof kept.of, "%s", of);
}

static const char *whose(char out[600])
{
    const struct site *s = site_used();
    snprintf(out, 600, "%.60s %.530s", site_schema(s), site_database(s));
    return out;
}

/* ---- errors ---- */

bool shared_db_was(const char *state)
{
    return strcmp(last_state, state) == 0;
}

/* ---- a statement ---- */

/* With parameters it comes again: it is parsed and planned once. *name "": it is not. */
static bool prepare(struct shared_db *db, const char *sql, int n, char name[16],
                    PGresult **failed_at, int64_t until_us)
{
    name[0] = '\0';
    *failed_at = NULL;
    if (n == 0)
        return true;
    int i = 0;
    while (i < db->n_prepared && strcmp(db->prepared[i], sql) != 0)
        i++;
    if (i == SHARED_PREPARED_MAX)
        return true;
    snprintf(name, 16, "s%d", i);
    if (i < db->n_prepared)
        return true;
    char *copy = strdup(sql);
    if (!copy) {
        name[0] = '\0';
        return true;
    }
    PGresult *r = PQsendPrepare(db->pq, name, sql, 0, NULL) ? pq_answer(db->pq, until_us) : NULL;
    if (r && pq_is_good(r)) {
        PQclear(r);
        db->prepared[db->n_prepared++] = copy;
        return true;
    }
    free(copy);
    *failed_at = r;
    return false;
}

static int run(struct shared_db *db, PGresult **out, int n, const char *const *values,
               const int *lengths, const int *formats, const char *sql, struct err *err)
{
    int64_t until_us = clock_mono_us() + ANSWER_MS * INT64_C(1000);
    PGresult *r = NULL;
    char name[16];
    *out = NULL;
    if (prepare(db, sql, n, name, &r, until_us) &&
        (name[0] ? PQsendQueryPrepared(db->pq, name, n, values, lengths, formats, 0)
                 : PQsendQueryParams(db->pq, sql, n, NULL, values, lengths, formats, 0)))
        r = pq_answer(db->pq, until_us);
    if (r && pq_is_good(r)) {
        *out = r;
        return ERR_OK;
    }
    int rc = pq_failed(db->pq, r, !r && clock_mono_us() >= until_us, last_state, err);
    if (rc == ERR_UNSUPPORTED) /* the tables are made by whoever puts the first job */
        rc = err->code = ERR_NOTFOUND;
    /* what comes now is of no use; it leads no more; others have changed the tables */
    if (!r || shared_db_was(READ_ONLY) || shared_db_was(NO_STATEMENT) || shared_db_was(OLD_PLAN)) {
        PQfinish(db->pq);
        db->pq = NULL;
    }
    PQclear(r);
    return rc;
}

int shared_db_run(struct shared_db *db, PGresult **out, int64_t *n, struct err *err,
                  const char *sql, const char *types, ...)
{
    const char *values[VALUES_MAX];
    int lengths[VALUES_MAX] = {0}, formats[VALUES_MAX] = {0}, count = 0;
    char numbers[VALUES_MAX][24];
    PGresult *r = NULL;
    va_list ap;
    last_state[0] = '\0';
    if (!db->pq)
        return err_set(err, ERR_IO, "the connection to the site's database is lost");
    va_start(ap, types);
    for (; types[count] && count < VALUES_MAX; count++) {
        if (types[count] == 'i') {
            snprintf(numbers[count], sizeof numbers[count], "%lld", (long long)va_arg(ap, int64_t));
            values[count] = numbers[count];
        } else {
            values[count] = va_arg(ap, const char *);
            if (types[count] == 'b') {
                lengths[count] = (int)va_arg(ap, size_t);
                formats[count] = 1;
            }
        }
    }
    va_end(ap);
    int rc = run(db, &r, count, values, lengths, formats, sql, err);
    if (rc == ERR_OK && n)
        *n = strtoll(PQcmdTuples(r), NULL, 10);
    if (rc == ERR_OK && out)
        *out = r;
    else
        PQclear(r);
    return rc;
}

int64_t shared_db_int(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

/* ---- connections ---- */

/* Its tables are all found by their indexes; what the planner thinks of a table that was empty a
 * minute ago must not turn them into sorts. */
static int set_up(struct shared_db *db, struct err *err)
{
    static const char sql[] =
        "SELECT set_config('search_path', $1, false), set_config('enable_seqscan', 'off', false),"
        " set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false), "
        "set_config('plan_cache_mode', 'force_generic_plan', false),"
        " set_config('statement_timeout', '20s', false), set_config('lock_timeout', '10s', false),"
        " set_config('idle_in_transaction_session_timeout', '60s', false),"
        " set_config('client_min_messages', 'warning', false),"
        " " PQ_DURABLE;
    return shared_db_run(db, NULL, NULL, err, sql, "t", site_schema(site_used()));
}

int shared_db_get(struct shared_db **out, struct err *err)
{
    char of[600];
    pthread_mutex_lock(&kept.lock);
    keep_own(whose(of));
    *out = kept.n > 0 ? kept.db[--kept.n] : NULL;
    pthread_mutex_unlock(&kept.lock);
    if (*out)
        return ERR_OK;
    struct shared_db *db = calloc(1, sizeof *db);
    if (!db)
        return err_nomem(err, "a connection");
    int rc = pq_connect(&db->pq, site_used(), err);
    if (rc == ERR_OK)
        rc = set_up(db, err);
    if (rc < 0)
        shared_db_put(&db);
    *out = db;
    return rc;
}

void shared_db_put(struct shared_db **db)
{
    char of[600];
    struct shared_db *d = *db;
    *db = NULL;
    if (!d)
        return;
    if (d->pq && PQstatus(d->pq) == CONNECTION_OK && PQtransactionStatus(d->pq) == PQTRANS_IDLE) {
        pthread_mutex_lock(&kept.lock);
        keep_own(whose(of));
        if (kept.n < KEPT) {
            kept.db[kept.n++] = d;
            d = NULL;
        }
        pthread_mutex_unlock(&kept.lock);
    }
    if (d)
        end(d);
}

int shared_db_do(shared_db_fn *fn, void *arg, struct err *err)
{
    int rc = ERR_BUSY;
    for (int i = 0; i < TRIES; i++) {
        struct shared_db *db = NULL;
        rc = shared_db_get(&db, err);
        bool connected = rc == ERR_OK;
        if (rc == ERR_OK)
            rc = fn(db, arg, i > 0, err);
        /* one that lay here may have been cut; whoever waited for an answer waited long enough */
        bool more = rc == ERR_BUSY || (rc == ERR_IO && connected && i == 0);
        if (rc < 0 && db && db->pq && PQtransactionStatus(db->pq) != PQTRANS_IDLE) {
            PQfinish(db->pq);
            db->pq = NULL;
        }
        shared_db_put(&db);
        if (!more)
            break;
    }
    return rc;
}

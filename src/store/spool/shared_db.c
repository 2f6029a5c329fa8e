/* libpq by its asynchronous calls: its others wait for ever for an answer that does not come. */
#include "shared_db.h"
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include <errno.h>
#include <poll.h>
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

static _Thread_local char last_state[SHARED_STATE_ROOM];

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

static int translate(const char *state, bool lost)
{
    static const struct {
        const char *begins;
        int code;
    } codes[] = {{"40", ERR_BUSY},        {"55P03", ERR_BUSY},     {"57014", ERR_BUSY},
                 {"42P01", ERR_NOTFOUND}, {"3F000", ERR_NOTFOUND}, {"42501", ERR_CONFIG},
                 {"28", ERR_CONFIG},      {"3D000", ERR_CONFIG}};
    for (size_t i = 0; !lost && i < sizeof codes / sizeof *codes; i++)
        if (strncmp(state, codes[i].begins, strlen(codes[i].begins)) == 0)
            return codes[i].code;
    return ERR_IO;
}

static int failed(const PGconn *pq, const PGresult *r, struct err *err)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorMessage(r) : PQerrorMessage(pq);
    bool lost = !state || PQstatus(pq) != CONNECTION_OK;
    snprintf(last_state, sizeof last_state, "%s", state ? state : "");
    return err_set(err, translate(last_state, lost), "the site's database: %.*s",
                   (int)strcspn(text, "\n"), text);
}

bool shared_db_was(const char *state)
{
    return strcmp(last_state, state) == 0;
}

/* ---- a statement ---- */

static bool wait_for(PGconn *pq, short events, int64_t until_us)
{
    struct pollfd p = {.fd = PQsocket(pq), .events = events};
    int64_t left_ms = (until_us - clock_mono_us()) / 1000;
    return left_ms > 0 && (poll(&p, 1, (int)left_ms) > 0 || errno == EINTR);
}

/* The last result of what was sent; NULL: none came. */
static PGresult *answer(PGconn *pq, int64_t until_us)
{
    PGresult *last = NULL, *r;
    for (int more = 1; more > 0;) {
        more = PQflush(pq);
        if (more < 0 || (more > 0 && !wait_for(pq, POLLIN | POLLOUT, until_us)) ||
            (more > 0 && !PQconsumeInput(pq)))
            return NULL;
    }
    for (;;) {
        while (PQisBusy(pq))
            if (!wait_for(pq, POLLIN, until_us) || !PQconsumeInput(pq)) {
                PQclear(last);
                return NULL;
            }
        if (!(r = PQgetResult(pq)))
            return last;
        PQclear(last);
        last = r;
    }
}

static bool is_good(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK;
}

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
    PGresult *r = PQsendPrepare(db->pq, name, sql, 0, NULL) ? answer(db->pq, until_us) : NULL;
    if (r && is_good(r)) {
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
        r = answer(db->pq, until_us);
    if (r && is_good(r)) {
        *out = r;
        return ERR_OK;
    }
    int rc = failed(db->pq, r, err);
    if (!r && clock_mono_us() >= until_us)
        rc = err_set(err, ERR_IO, "the site's database does not answer");
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
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
        "  WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";
    return shared_db_run(db, NULL, NULL, err, sql, "t", site_schema(site_used()));
}

static void ignore_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static int connect_to(PGconn **out, const struct site *s, struct err *err)
{
    /* dbname may be a whole text of settings, which counts for more than what is before it */
    const char *const keys[] = {"application_name",     "connect_timeout",  "keepalives_idle",
                                "keepalives_interval",  "keepalives_count", "tcp_user_timeout",
                                "target_session_attrs", "dbname",           NULL};
    char name[100];
    snprintf(name, sizeof name, "dashspool %s", site_node(s));
    const char *const values[] = {
        name, "5", "10", "5", "3", "20000", "read-write", site_database(s), NULL};
    PGconn *pq = PQconnectdbParams(keys, values, 1);
    if (!pq)
        return err_nomem(err, "a connection");
    PQsetNoticeReceiver(pq, ignore_notice, NULL);
    if (PQstatus(pq) == CONNECTION_OK && PQsetnonblocking(pq, 1) == 0) {
        *out = pq;
        return ERR_OK;
    }
    last_state[0] = '\0';
    const char *text = PQerrorMessage(pq);
    int rc = err_set(err, ERR_IO, "the site's database cannot be reached: %.*s",
                     (int)strcspn(text, "\n"), text);
    PQfinish(pq);
    return rc;
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
    int rc = connect_to(&db->pq, site_used(), err);
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

/* PostgreSQL, by libpq. */
#include "dashspool/clock.h"
#include "rows_internal.h"
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 64,
    SQL_MAX = 16384,
    STATE_ROOM = 6, /* SQLSTATE */
};

/* Types of columns: src/include/catalog/pg_type.dat. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

struct pg {
    struct rows rows;
    const struct site *site;
    PGconn *pq; /* NULL: lost */
    bool in_transaction;
};

struct value {
    void *data; /* NULL: it is NULL */
    size_t n;
    bool binary;
};

struct pg_st {
    struct rows_st st;
    struct pg *pg;
    char *sql;
    struct value value[VALUES_MAX];
    int n;
    PGresult *result; /* of a step; NULL: not begun */
    int row;
};

/* ---- errors ---- */

static int translate(const char *state, bool lost)
{
    static const struct {
        const char *begins;
        int code;
    } codes[] = {{"40", ERR_BUSY},           {"55P03", ERR_BUSY},        {"57014", ERR_BUSY},
                 {"53", ERR_BUSY},           {"22", ERR_MALFORMED},      {"23", ERR_MALFORMED},
                 {"42P01", ERR_UNSUPPORTED}, {"42703", ERR_UNSUPPORTED}, {"42883", ERR_UNSUPPORTED},
                 {"3F000", ERR_UNSUPPORTED}, {"42501", ERR_CONFIG},      {"28", ERR_CONFIG},
                 {"3D000", ERR_CONFIG}};
    for (size_t i = 0; !lost && i < sizeof codes / sizeof *codes; i++)
        if (strncmp(state, codes[i].begins, strlen(codes[i].begins)) == 0)
            return codes[i].code;
    return ERR_IO;
}

static void lose(struct pg *pg)
{
    PQfinish(pg->pq);
    pg->pq = NULL;
}

static int lost(struct err *err)
{
    return err_set(err, ERR_IO, "the connection to the site's database is lost");
}

/* r NULL: no answer came. What follows on that connection is of no use then, nor where another
 * server leads by now (read_only_sql_transaction). */
static int failed(struct pg *pg, const PGresult *r, bool late, struct err *err)
{
    const char *said = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorMessage(r) : PQerrorMessage(pg->pq);
    char state[STATE_ROOM];
    snprintf(state, sizeof state, "%s", said ? said : "");
    bool gone = !said || PQstatus(pg->pq) != CONNECTION_OK;
    int rc = late ? err_set(err, ERR_IO, "the site's database does not answer")
                  : err_set(err, translate(state, gone), "the site's database: %.*s",
                            (int)strcspn(text, "\n"), text);
    if (gone || strcmp(state, "25006") == 0)
        lose(pg);
    return rc;
}

/* ---- answers ---- */

static bool wait_for(PGconn *pq, short events, int64_t until_us)
{
    struct pollfd p = {.fd = PQsocket(pq), .events = events};
    int64_t left_ms = (until_us - clock_mono_us()) / 1000;
    return left_ms > 0 && (poll(&p, 1, (int)left_ms) > 0 || errno == EINTR);
}

static bool send_off(PGconn *pq, int64_t until_us)
{
    for (int more; (more = PQflush(pq)) != 0;)
        if (more < 0 || !wait_for(pq, POLLIN | POLLOUT, until_us) || !PQconsumeInput(pq))
            return false;
    return true;
}

static bool is_good(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK || s == PGRES_EMPTY_QUERY;
}

/* The last result of what was sent, or the first that is bad; NULL: none came. */
static PGresult *answer(PGconn *pq, int64_t until_us)
{
    PGresult *last = NULL, *r;
    if (!send_off(pq, until_us))
        return NULL;
    for (;;) {
        while (PQisBusy(pq))
            if (!wait_for(pq, POLLIN, until_us) || !PQconsumeInput(pq)) {
                PQclear(last);
                return NULL;
            }
        if (!(r = PQgetResult(pq)))
            return last;
        if (last && !is_good(last)) {
            PQclear(r);
        } else {
            PQclear(last);
            last = r;
        }
    }
}

static int take_answer(struct pg *pg, bool sent, PGresult **out, struct err *err)
{
    int64_t until_us = clock_mono_us() + ROWS_ANSWER_MS * INT64_C(1000);
    PGresult *r = sent ? answer(pg->pq, until_us) : NULL;
    int rc = r && is_good(r) ? ERR_OK : failed(pg, r, !r && clock_mono_us() >= until_us, err);
    if (rc == ERR_OK && out) {
        *out = r;
        return rc;
    }
    PQclear(r);
    return rc;
}

/* ---- connections ---- */

static void ignore_notice(void *arg, const PGresult *r)
{
    (void)arg, (void)r;
}

static int set_up(struct pg *pg, struct err *err)
{
    static const char sql[] =
        "SELECT set_config('search_path', $1, false), set_config('statement_timeout', '15s', "
        "false),"
        " set_config('lock_timeout', '10s', false), set_config('jit', 'off', false),"
        " set_config('idle_in_transaction_session_timeout', '120s', false),"
        " set_config('client_min_messages', 'warning', false),"
        " set_config('default_transaction_isolation', 'read committed', false),"
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
        "  WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";
    const char *schema = site_schema(pg->site);
    return take_answer(pg, PQsendQueryParams(pg->pq, sql, 1, NULL, &schema, NULL, NULL, 0), NULL,
                       err);
}

static int connect_to(struct pg *pg, struct err *err)
{
    /* dbname may be a whole text of settings, which counts for more than what is before it */
    const char *const keys[] = {"application_name",     "connect_timeout",  "keepalives_idle",
                                "keepalives_interval",  "keepalives_count", "tcp_user_timeout",
                                "target_session_attrs", "dbname",           NULL};
    char name[100];
    snprintf(name, sizeof name, "dashspool %s", site_node(pg->site));
    const char *const values[] = {
        name, "5", "10", "5", "3", "20000", "read-write", site_database(pg->site), NULL};
    pg->pq = PQconnectdbParams(keys, values, 1);
    if (!pg->pq)
        return err_nomem(err, "a connection");
    PQsetNoticeReceiver(pg->pq, ignore_notice, NULL);
    if (PQstatus(pg->pq) == CONNECTION_OK && PQsetnonblocking(pg->pq, 1) == 0)
        return set_up(pg, err);
    const char *text = PQerrorMessage(pg->pq);
    err_set(err, ERR_IO, "the site's database cannot be reached: %.*s", (int)strcspn(text, "\n"),
            text);
    lose(pg);
    return err->code;
}

/* There is a connection, a new one where that is no harm. */
static int be_connected(struct pg *pg, struct err *err)
{
    if (pg->pq && PQstatus(pg->pq) != CONNECTION_OK)
        lose(pg);
    if (pg->pq)
        return ERR_OK;
    return pg->in_transaction ? lost(err) : connect_to(pg, err);
}

/* ---- transactions ---- */

static int simple(struct pg *pg, const char *sql, struct err *err)
{
    return take_answer(pg, PQsendQuery(pg->pq, sql), NULL, err);
}

static int pg_exec(struct rows *rows, const char *sql, struct err *err)
{
    struct pg *pg = (struct pg *)rows;
    int rc = be_connected(pg, err);
    return rc < 0 ? rc : simple(pg, sql, err);
}

/* One that lay idle may have been cut: nothing is lost by asking once more. */
static int pg_begin(struct rows *rows, struct err *err)
{
    struct pg *pg = (struct pg *)rows;
    int rc = be_connected(pg, err);
    if (rc == ERR_OK && (rc = simple(pg, "BEGIN", err)) < 0 && !pg->pq &&
        (rc = be_connected(pg, err)) == ERR_OK)
        rc = simple(pg, "BEGIN", err);
    pg->in_transaction = rc == ERR_OK;
    return rc;
}

/* The server answers a COMMIT of what has failed with "ROLLBACK". */
static int pg_commit(struct rows *rows, struct err *err)
{
    struct pg *pg = (struct pg *)rows;
    PGresult *r = NULL;
    int rc = pg->pq ? take_answer(pg, PQsendQuery(pg->pq, "COMMIT"), &r, err) : lost(err);
    pg->in_transaction = false;
    if (rc == ERR_OK && strcmp(PQcmdStatus(r), "COMMIT") != 0)
        rc = err_set(err, ERR_IO, "the site's database has undone it after an earlier failure");
    PQclear(r);
    return rc;
}

static void pg_rollback(struct rows *rows)
{
    struct pg *pg = (struct pg *)rows;
    struct err unimportant;
    if (pg->in_transaction && pg->pq && simple(pg, "ROLLBACK", &unimportant) < 0 && pg->pq)
        lose(pg);
    pg->in_transaction = false;
}

static bool pg_in_transaction(const struct rows *rows)
{
    return ((const struct pg *)rows)->in_transaction;
}

/* ---- statements ---- */

/* ?1 is $1 there; not in a text. */
static void rewrite(char *sql)
{
    bool quoted = false;
    for (char *p = sql; *p; p++) {
        quoted ^= *p == '\'';
        if (*p == '?' && !quoted)
            *p = '$';
    }
}

static void pg_reset(struct rows_st *rows_st)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    for (int i = 0; i < st->n; i++)
        free(st->value[i].data);
    memset(st->value, 0, sizeof st->value);
    st->n = 0;
    PQclear(st->result);
    st->result = NULL;
}

static void pg_finalize(struct rows_st *rows_st)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    pg_reset(rows_st);
    free(st->sql);
    free(st);
}

static int pg_prepare(struct rows *rows, struct rows_st **out, const char *sql, struct err *err)
{
    struct pg_st *st = calloc(1, sizeof *st);
    *out = NULL;
    if (st && (st->sql = strdup(sql)) != NULL) {
        st->pg = (struct pg *)rows;
        rewrite(st->sql);
        *out = &st->st;
        return ERR_OK;
    }
    free(st);
    return err_nomem(err, "a statement");
}

/* One that there is no memory for fails as NULL, where the schema does not allow that; where it
 * does, the step is refused: n is beyond what is there. */
static void bind(struct rows_st *rows_st, int at, const void *data, size_t n, bool binary)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    if (at < 1 || at > VALUES_MAX)
        return;
    struct value *v = &st->value[at - 1];
    st->n = at > st->n ? at : st->n;
    free(v->data);
    *v = (struct value){.n = n, .binary = binary};
    if (!data)
        return;
    if ((v->data = malloc(n + 1)) != NULL) {
        memcpy(v->data, data, n);
        ((char *)v->data)[n] = '\0';
    } else {
        v->n = SIZE_MAX;
    }
}

static void pg_bind_int64(struct rows_st *st, int at, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)v);
    bind(st, at, text, (size_t)n, false);
}

static void pg_bind_text(struct rows_st *st, int at, const char *text)
{
    bind(st, at, text, text ? strlen(text) : 0, false);
}

static void pg_bind_blob(struct rows_st *st, int at, const void *data, size_t n)
{
    bind(st, at, n > 0 ? data : NULL, n, true);
}

/* Sends it with its values; the result is st's. */
static int execute(struct pg_st *st, struct err *err)
{
    const char *values[VALUES_MAX];
    int lengths[VALUES_MAX], formats[VALUES_MAX];
    int rc = be_connected(st->pg, err);
    for (int i = 0; rc == ERR_OK && i < st->n; i++) {
        const struct value *v = &st->value[i];
        if (v->data && v->n > ROWS_VALUE_MAX)
            rc = err_set(err, ERR_LIMIT, "a value of %zu bytes", v->n);
        else if (!v->data && v->n == SIZE_MAX)
            rc = err_nomem(err, "a value");
        values[i] = v->data;
        lengths[i] = rc == ERR_OK ? (int)v->n : 0;
        formats[i] = v->binary;
    }
    if (rc < 0)
        return rc;
    st->row = -1;
    return take_answer(
        st->pg, PQsendQueryParams(st->pg->pq, st->sql, st->n, NULL, values, lengths, formats, 1),
        &st->result, err);
}

static int pg_step(struct rows_st *rows_st, bool *row, struct err *err)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    int rc = st->result ? ERR_OK : execute(st, err);
    *row = rc == ERR_OK && ++st->row < PQntuples(st->result);
    if (!*row)
        pg_reset(rows_st);
    return rc;
}

static int pg_run(struct rows_st *rows_st, int64_t *changed, struct err *err)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    int rc = execute(st, err);
    if (rc == ERR_OK && changed)
        *changed = strtoll(PQcmdTuples(st->result), NULL, 10);
    pg_reset(rows_st);
    return rc;
}

/* ---- columns ---- */

static const uint8_t *column(const struct pg_st *st, int col, size_t *n, bool *is_null)
{
    *is_null = PQgetisnull(st->result, st->row, col) != 0;
    *n = (size_t)PQgetlength(st->result, st->row, col);
    return (const uint8_t *)PQgetvalue(st->result, st->row, col);
}

static bool pg_column_text(const struct rows_st *rows_st, int col, char *out, size_t room)
{
    const struct pg_st *st = (const struct pg_st *)rows_st;
    bool is_null;
    size_t n;
    const uint8_t *data = column(st, col, &n, &is_null);
    out[0] = '\0';
    if (is_null)
        return true;
    if (PQftype(st->result, col) != OID_TEXT || n >= room || memchr(data, '\0', n))
        return false;
    memcpy(out, data, n);
    out[n] = '\0';
    return true;
}

static bool pg_column_blob(const struct rows_st *rows_st, int col, uint8_t *out, size_t room,
                           size_t *n)
{
    const struct pg_st *st = (const struct pg_st *)rows_st;
    bool is_null;
    const uint8_t *data = column(st, col, n, &is_null);
    if (is_null) {
        *n = 0;
        return true;
    }
    if (PQftype(st->result, col) != OID_BYTEA || *n > room)
        return false;
    memcpy(out, data, *n);
    return true;
}

static bool pg_column_int64(const struct rows_st *rows_st, int col, int64_t min, int64_t max,
                            int64_t *out)
{
    const struct pg_st *st = (const struct pg_st *)rows_st;
    bool is_null;
    size_t n;
    const uint8_t *data = column(st, col, &n, &is_null);
    const size_t want = PQftype(st->result, col) == OID_INT8   ? 8
                        : PQftype(st->result, col) == OID_INT4 ? 4
                        : PQftype(st->result, col) == OID_INT2 ? 2
                        : PQftype(st->result, col) == OID_BOOL ? 1
                                                               : 0;
    *out = 0;
    if (is_null)
        return true;
    if (want == 0 || n != want)
        return false;
    uint64_t v = want > 1 && data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | data[i];
    int64_t is;
    memcpy(&is, &v, sizeof is);
    *out = is;
    return is >= min && is <= max;
}

/* ---- the engine ---- */

static void pg_close(struct rows *rows)
{
    lose((struct pg *)rows);
    free(rows);
}

static const struct rows_engine engine = {
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
    .exec = pg_exec,
    .prepare = pg_prepare,
    .finalize = pg_finalize,
    .bind_int64 = pg_bind_int64,
    .bind_text = pg_bind_text,
    .bind_blob = pg_bind_blob,
    .step = pg_step,
    .run = pg_run,
    .reset = pg_reset,
    .text = pg_column_text,
    .blob = pg_column_blob,
    .int64 = pg_column_int64,
};

int rows_open(struct rows **out, const struct site *site, struct err *err)
{
    struct pg *pg = calloc(1, sizeof *pg);
    *out = NULL;
    if (!pg)
        return err_nomem(err, "a connection");
    pg->rows = (struct rows){&engine, site_schema(site)};
    pg->site = site;
    int rc = connect_to(pg, err);
    if (rc < 0)
        pg_close(&pg->rows);
    else
        *out = &pg->rows;
    return rc;
}

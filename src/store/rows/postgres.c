/* PostgreSQL, by libpq. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "pq.h"
#include "rows_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 64,
    TEXTS_MAX = 512,
    NAME_ROOM = 24,
};

/* Types of values: src/include/catalog/pg_type.dat. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_NUMERIC = 1700,
};

/* A text that was run before: from its second time on, the server keeps it as a statement. */
struct text {
    char *sql;
    unsigned runs;
    unsigned prepared; /* on which connection; 0: on none */
};

struct pg {
    struct rows rows;
    const struct site *site;
    PGconn *pq;          /* NULL: lost */
    unsigned connection; /* which one it is, from 1 on */
    bool in_transaction;
    int64_t changes;
    char state[PQ_STATE_ROOM]; /* of the last failure */
    struct text texts[TEXTS_MAX];
    size_t n_texts;
};

struct value {
    const void *data; /* borrowed; NULL: it is NULL */
    size_t n;
    Oid type;
    char number[32];
};

struct pg_st {
    struct rows_st st;
    struct pg *pg;
    char *sql;
    struct value value[VALUES_MAX];
    bool is_there[VALUES_MAX]; /* in sql; of what is not, the server cannot tell the type */
    int n;                     /* of values */
    PGresult *result;          /* of a step; NULL: not begun */
    int row;
};

/* ---- errors ---- */

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
    int rc = pq_failed(pg->pq, r, late, pg->state, err);
    if (!pg->state[0] || PQstatus(pg->pq) != CONNECTION_OK || strcmp(pg->state, "25006") == 0)
        lose(pg);
    return rc;
}

/* ---- answers ---- */

static int take_answer(struct pg *pg, bool sent, PGresult **out, struct err *err)
{
    int64_t until_us = clock_mono_us() + ROWS_ANSWER_MS * INT64_C(1000);
    PGresult *r = sent ? pq_answer(pg->pq, until_us) : NULL;
    int rc = r && pq_is_good(r) ? ERR_OK : failed(pg, r, !r && clock_mono_us() >= until_us, err);
    if (rc == ERR_OK && out) {
        *out = r;
        return rc;
    }
    PQclear(r);
    return rc;
}

/* ---- connections ---- */

static int set_up(struct pg *pg, struct err *err)
{
    static const char sql[] =
        "SELECT set_config('search_path', $1, false), set_config('statement_timeout', '15s', "
        "false),"
        " set_config('lock_timeout', '10s', false), set_config('jit', 'off', false),"
        " set_config('idle_in_transaction_session_timeout', '120s', false),"
        " set_config('client_min_messages', 'warning', false),"
        " set_config('default_transaction_isolation', 'read committed', false),"
        " " PQ_DURABLE;
    const char *schema = site_schema(pg->site);
    return take_answer(pg, PQsendQueryParams(pg->pq, sql, 1, NULL, &schema, NULL, NULL, 0), NULL,
                       err);
}

static int connect_to(struct pg *pg, struct err *err)
{
    int rc = pq_connect(&pg->pq, pg->site, err);
    if (rc < 0)
        return rc;
    pg->connection++;
    return set_up(pg, err);
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
static int begin(struct pg *pg, const char *sql, struct err *err)
{
    int rc = be_connected(pg, err);
    if (rc == ERR_OK && (rc = simple(pg, sql, err)) < 0 && !pg->pq &&
        (rc = be_connected(pg, err)) == ERR_OK)
        rc = simple(pg, sql, err);
    pg->in_transaction = rc == ERR_OK;
    return rc;
}

static int pg_begin(struct rows *rows, struct err *err)
{
    return begin((struct pg *)rows, "BEGIN", err);
}

static int pg_begin_read(struct rows *rows, struct err *err)
{
    return begin((struct pg *)rows, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
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

/* A hint to SQLite's planner at p: how long it is. */
static size_t hint_at(const char *p)
{
    static const char by[] = "INDEXED BY ", none[] = "NOT INDEXED", cross[] = "CROSS JOIN ";
    if (strncmp(p, none, sizeof none - 1) == 0)
        return sizeof none - 1;
    if (strncmp(p, cross, sizeof cross - 1) == 0) /* a JOIN in that order */
        return sizeof "CROSS " - 1;
    return strncmp(p, by, sizeof by - 1) == 0 ? sizeof by - 1 + strcspn(p + sizeof by - 1, " )")
                                              : 0;
}

/* Not in a text: ?1 is $1 there, ? the next one; hints are none. */
static int rewrite(const char *sql, char **out, struct err *err)
{
    char *to = *out = malloc(2 * strlen(sql) + 1);
    bool quoted = false;
    int next = 0;
    if (!to)
        return err_nomem(err, "a statement");
    for (const char *p = sql; *p;) {
        quoted ^= *p == '\'';
        if (!quoted && hint_at(p) > 0) {
            p += hint_at(p);
        } else if (*p != '?' || quoted) {
            *to++ = *p++;
        } else {
            *to++ = '$';
            if (*++p < '1' || *p > '9')
                to += snprintf(to, 12, "%d", ++next % 100);
        }
    }
    *to = '\0';
    return ERR_OK;
}

static void pg_reset(struct rows_st *rows_st)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    memset(st->value, 0, (size_t)st->n * sizeof *st->value);
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

/* Which numbers are in it, and the highest. */
static int find_parameters(const char *sql, bool is_there[VALUES_MAX])
{
    int most = 0;
    bool quoted = false;
    for (const char *p = sql; *p; p++) {
        quoted ^= *p == '\'';
        int n = *p == '$' && !quoted ? (int)strtol(p + 1, NULL, 10) : 0;
        if (n > 0 && n <= VALUES_MAX)
            is_there[n - 1] = true;
        most = n > most && n <= VALUES_MAX ? n : most;
    }
    return most;
}

static int pg_prepare(struct rows *rows, struct rows_st **out, const char *sql, struct err *err)
{
    struct pg_st *st = calloc(1, sizeof *st);
    *out = NULL;
    if (!st)
        return err_nomem(err, "a statement");
    int rc = rewrite(sql, &st->sql, err);
    st->pg = (struct pg *)rows;
    st->n = rc == ERR_OK ? find_parameters(st->sql, st->is_there) : 0;
    if (rc < 0)
        free(st);
    else
        *out = &st->st;
    return rc;
}

static struct value *bind(struct rows_st *rows_st, int at, const void *data, size_t n, Oid type)
{
    static struct value nowhere;
    struct pg_st *st = (struct pg_st *)rows_st;
    if (at < 1 || at > st->n)
        return &nowhere;
    st->value[at - 1] = (struct value){.data = data, .n = n, .type = data ? type : 0};
    return &st->value[at - 1];
}

static void pg_bind_int64(struct rows_st *st, int at, int64_t number)
{
    struct value *v = bind(st, at, "", 0, OID_INT8);
    v->n = (size_t)snprintf(v->number, sizeof v->number, "%lld", (long long)number);
    v->data = v->number;
}

static void pg_bind_double(struct rows_st *st, int at, double number)
{
    struct value *v = bind(st, at, "", 0, OID_FLOAT8);
    v->n = (size_t)snprintf(v->number, sizeof v->number, "%.17g", number);
    v->data = v->number;
}

static void pg_bind_text(struct rows_st *st, int at, const char *text, size_t n)
{
    bind(st, at, text, n, OID_TEXT);
}

static void pg_bind_blob(struct rows_st *st, int at, const void *data, size_t n)
{
    bind(st, at, n > 0 ? data : NULL, n, OID_BYTEA);
}

static int pg_parameters(const struct rows_st *st)
{
    return ((const struct pg_st *)st)->n;
}

/* NULL: there is no room for one more. */
static struct text *text_of(struct pg *pg, const char *sql)
{
    for (size_t i = 0; i < pg->n_texts; i++)
        if (strcmp(pg->texts[i].sql, sql) == 0)
            return &pg->texts[i];
    struct text *t = &pg->texts[pg->n_texts];
    if (pg->n_texts == TEXTS_MAX || !(t->sql = strdup(sql)))
        return NULL;
    pg->n_texts++;
    return t;
}

/* *name is "" where it is better to send the text. */
static int name_of(struct pg_st *st, const Oid *types, char name[NAME_ROOM], struct err *err)
{
    struct pg *pg = st->pg;
    struct text *t = text_of(pg, st->sql);
    name[0] = '\0';
    if (!t || ++t->runs < 2)
        return ERR_OK;
    snprintf(name, NAME_ROOM, "d%zu", (size_t)(t - pg->texts));
    if (t->prepared == pg->connection)
        return ERR_OK;
    int rc = take_answer(pg, PQsendPrepare(pg->pq, name, st->sql, st->n, types), NULL, err);
    if (rc == ERR_OK)
        t->prepared = pg->connection;
    return rc;
}

/* What is looked for and is no UTF-8 is in no row: U+FFFD stands for such bytes. Where it is to be
 * kept, the server refuses it. */
static size_t copy_text(char *to, const char *from, size_t n, bool lenient)
{
    size_t used = 0, bytes;
    for (size_t i = 0; i < n; i += bytes) {
        uint32_t c;
        bytes = lenient ? utf8_next(from + i, n - i, &c) : n;
        if (bytes > 0) {
            memcpy(to + used, from + i, bytes);
            used += bytes;
        } else {
            bytes = 1;
            memcpy(to + used, "\xef\xbf\xbd", 3);
            used += 3;
        }
    }
    to[used] = '\0';
    return used;
}

/* Sends it with its values; the result is st's. */
static int execute(struct pg_st *st, struct err *err)
{
    const char *values[VALUES_MAX];
    char name[NAME_ROOM] = "", *copies = NULL;
    int lengths[VALUES_MAX], formats[VALUES_MAX];
    Oid types[VALUES_MAX];
    size_t room = 1, used = 0;
    int rc = be_connected(st->pg, err);
    for (int i = 0; rc == ERR_OK && i < st->n; i++) {
        room += 3 * st->value[i].n + 1;
        if (st->value[i].n > ROWS_VALUE_MAX)
            rc = err_set(err, ERR_LIMIT, "a value of %zu bytes", st->value[i].n);
    }
    /* what is sent as text ends with 0 */
    if (rc == ERR_OK && !(copies = malloc(room)))
        rc = err_nomem(err, "values");
    for (int i = 0; rc == ERR_OK && i < st->n; i++) {
        const struct value *v = &st->value[i];
        values[i] = v->data ? copies + used : NULL;
        formats[i] = v->type == OID_BYTEA;
        types[i] = v->data || st->is_there[i] ? v->type : OID_INT8;
        size_t n = copy_text(copies + used, v->data, v->data ? v->n : 0,
                             v->type == OID_TEXT && strncmp(st->sql, "SELECT", 6) == 0);
        lengths[i] = (int)n;
        used += n + 1;
    }
    if (rc == ERR_OK)
        rc = name_of(st, types, name, err);
    st->row = -1;
    if (rc == ERR_OK) {
        PGconn *pq = st->pg->pq;
        int sent = name[0]
                       ? PQsendQueryPrepared(pq, name, st->n, values, lengths, formats, 1)
                       : PQsendQueryParams(pq, st->sql, st->n, types, values, lengths, formats, 1);
        rc = take_answer(st->pg, sent, &st->result, err);
    }
    free(copies);
    st->pg->changes = rc == ERR_OK ? strtoll(PQcmdTuples(st->result), NULL, 10) : 0;
    return rc;
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
        *changed = st->pg->changes;
    pg_reset(rows_st);
    return rc;
}

static int pg_add(struct rows_st *rows_st, const char *number_of, int64_t *number, struct err *err)
{
    struct pg_st *st = (struct pg_st *)rows_st;
    bool row = false;
    if (!strstr(st->sql, " RETURNING ")) {
        size_t room = strlen(st->sql) + strlen(number_of) + 16;
        char *more = realloc(st->sql, room);
        if (!more)
            return err_nomem(err, "a statement");
        st->sql = more;
        snprintf(more + strlen(more), room - strlen(more), " RETURNING %s", number_of);
    }
    int rc = pg_step(rows_st, &row, err);
    *number = rc == ERR_OK && row ? rows_column(rows_st, 0) : 0;
    pg_reset(rows_st);
    return rc;
}

static int64_t pg_changes(const struct rows *rows)
{
    return ((const struct pg *)rows)->changes;
}

static bool pg_was_reference(const struct rows *rows)
{
    return strcmp(((const struct pg *)rows)->state, "23503") == 0;
}

static bool pg_was_nomem(const struct rows_st *st)
{
    (void)st;
    return false;
}

/* ---- columns ---- */

static const uint8_t *column(const struct pg_st *st, int col, size_t *n, bool *is_null)
{
    *is_null = PQgetisnull(st->result, st->row, col) != 0;
    *n = (size_t)PQgetlength(st->result, st->row, col);
    return (const uint8_t *)PQgetvalue(st->result, st->row, col);
}

static enum rows_type pg_type(const struct rows_st *rows_st, int col)
{
    const struct pg_st *st = (const struct pg_st *)rows_st;
    if (PQgetisnull(st->result, st->row, col))
        return ROWS_NULL;
    switch (PQftype(st->result, col)) {
    case OID_TEXT:
    case OID_VARCHAR:
        return ROWS_TEXT;
    case OID_BYTEA:
        return ROWS_BLOB;
    case OID_FLOAT4:
    case OID_FLOAT8:
        return ROWS_REAL;
    default:
        return ROWS_NUMBER;
    }
}

static const void *pg_bytes(const struct rows_st *rows_st, int col, size_t *n)
{
    bool is_null;
    return column((const struct pg_st *)rows_st, col, n, &is_null);
}

static int pg_columns(const struct rows_st *st)
{
    return PQnfields(((const struct pg_st *)st)->result);
}

static uint64_t big_endian(const uint8_t *data, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | data[i];
    return v;
}

/* What sum() of numbers makes (numeric_send()): n digits of base 10000, the first of the weight's
 * power, a sign. false: no whole number, or too large. */
static bool numeric(const uint8_t *data, size_t n, int64_t *out)
{
    if (n < 8)
        return false;
    size_t digits = big_endian(data, 2);
    int weight = (int16_t)big_endian(data + 2, 2);
    unsigned sign = (unsigned)big_endian(data + 4, 2);
    int64_t v = 0;
    if ((sign != 0 && sign != 0x4000) || n < 8 + 2 * digits || weight > 4)
        return false;
    for (int i = 0; i <= weight; i++) {
        int64_t digit = (size_t)i < digits ? (int64_t)big_endian(data + 8 + 2 * (size_t)i, 2) : 0;
        if (__builtin_mul_overflow(v, 10000, &v) ||
            __builtin_add_overflow(v, sign ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return (int)digits <= weight + 1;
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
    if (pg_type(rows_st, col) != ROWS_TEXT || n >= room || memchr(data, '\0', n))
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
    const Oid type = PQftype(st->result, col);
    const size_t want = type == OID_INT8   ? 8
                        : type == OID_INT4 ? 4
                        : type == OID_INT2 ? 2
                        : type == OID_BOOL ? 1
                                           : 0;
    *out = 0;
    if (is_null)
        return true;
    if (type == OID_NUMERIC)
        return numeric(data, n, out) && *out >= min && *out <= max;
    if (want == 0 || n != want)
        return false;
    uint64_t v = big_endian(data, n);
    if (want > 1 && want < 8 && data[0] & 0x80)
        v |= UINT64_MAX << (8 * want);
    int64_t is;
    memcpy(&is, &v, sizeof is);
    *out = is;
    return is >= min && is <= max;
}

static bool pg_column_real(const struct rows_st *rows_st, int col, double *out)
{
    const struct pg_st *st = (const struct pg_st *)rows_st;
    int64_t number;
    bool is_null;
    size_t n;
    const uint8_t *data = column(st, col, &n, &is_null);
    *out = 0;
    if (is_null)
        return true;
    if (PQftype(st->result, col) == OID_FLOAT8 && n == 8) {
        uint64_t bits = big_endian(data, 8);
        memcpy(out, &bits, sizeof *out);
        return true;
    }
    bool good = pg_column_int64(rows_st, col, INT64_MIN, INT64_MAX, &number);
    *out = good ? (double)number : 0;
    return good;
}

/* ---- the engine ---- */

static void pg_close(struct rows *rows)
{
    struct pg *pg = (struct pg *)rows;
    lose(pg);
    for (size_t i = 0; i < pg->n_texts; i++)
        free(pg->texts[i].sql);
    free(pg);
}

static const struct rows_engine engine = {
    .close = pg_close,
    .begin = pg_begin,
    .begin_read = pg_begin_read,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
    .exec = pg_exec,
    .prepare = pg_prepare,
    .finalize = pg_finalize,
    .bind_int64 = pg_bind_int64,
    .bind_double = pg_bind_double,
    .bind_text = pg_bind_text,
    .bind_blob = pg_bind_blob,
    .step = pg_step,
    .run = pg_run,
    .add = pg_add,
    .parameters = pg_parameters,
    .changes = pg_changes,
    .was_reference = pg_was_reference,
    .was_nomem = pg_was_nomem,
    .reset = pg_reset,
    .text = pg_column_text,
    .blob = pg_column_blob,
    .int64 = pg_column_int64,
    .real = pg_column_real,
    .type = pg_type,
    .bytes = pg_bytes,
    .columns = pg_columns,
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

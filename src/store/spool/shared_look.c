/* Jobs by their names and places, for a person or a page; those whose worker is dead. */
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPKEEP_EVERY_US (3600 * INT64_C(1000000))
#define MINE            " WHERE stage = $1 AND name = $2 AND "

/* A question, and what is read of its answer by fn. Nothing is made: a site without jobs has none.
 */
struct question {
    const char *sql, *a, *b;
    int64_t i;
    PGresult *rows;
    bool make; /* the tables, if they are not there */
    int64_t n;
};

static int put_question(struct shared_db *db, void *arg, bool again, struct err *err)
{
    struct question *q = arg;
    (void)again;
    PQclear(q->rows);
    q->rows = NULL;
    int rc = q->make ? shared_schema(db, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = shared_db_run(db, &q->rows, &q->n, err, q->sql,
                           q->b   ? "tti"
                           : q->a ? "t"
                                  : "",
                           q->a, q->b, q->i);
    return rc == ERR_NOTFOUND && !q->make ? ERR_OK : rc;
}

static int ask(struct question *q, struct err *err)
{
    return shared_db_do(put_question, q, err);
}

static int rows_of(const struct question *q)
{
    return q->rows ? PQntuples(q->rows) : 0;
}

static enum spool_place place_of(int64_t state)
{
    return state == SHARED_FAILED    ? SPOOL_PLACE_FAILED
           : state == SHARED_RUNNING ? SPOOL_PLACE_CLAIMED
                                     : SPOOL_PLACE_READY;
}

int shared_count(struct spool *s, struct spool_count *out, struct err *err)
{
    struct question q = {.sql = "SELECT state, count(*) FROM job WHERE stage = $1 GROUP BY state",
                         .a = s->stage};
    int rc = ask(&q, err);
    for (int i = 0; i < rows_of(&q); i++) {
        enum spool_place at = place_of(shared_db_int(q.rows, i, 0));
        int n = (int)shared_db_int(q.rows, i, 1);
        out->ready += at == SPOOL_PLACE_READY ? n : 0;
        out->claimed += at == SPOOL_PLACE_CLAIMED ? n : 0;
        out->failed += at == SPOOL_PLACE_FAILED ? n : 0;
    }
    PQclear(q.rows);
    return rc;
}

int shared_find(struct spool *s, const char *job, enum spool_place *out, struct err *err)
{
    struct question q = {.sql = "SELECT state FROM job" MINE "$3 = 0", .a = s->stage, .b = job};
    int rc = ask(&q, err);
    if (rc == ERR_OK && rows_of(&q) > 0)
        *out = place_of(shared_db_int(q.rows, 0, 0));
    PQclear(q.rows);
    return rc;
}

static const char *const in_place[] = {[SPOOL_PLACE_READY] = "state IN (0, 1)",
                                       [SPOOL_PLACE_CLAIMED] = "state = 2",
                                       [SPOOL_PLACE_FAILED] = "state = 3"};

int shared_each(struct spool *s, enum spool_place place, spool_found_fn *fn, void *arg,
                struct err *err)
{
    char sql[300];
    if (place == SPOOL_PLACE_NONE)
        return ERR_OK;
    snprintf(
        sql, sizeof sql,
        "SELECT name, changed_us, CASE state WHEN 3 THEN split_part(why, E'\\n', 1) ELSE '' END"
        " FROM job WHERE stage = $1 AND %s ORDER BY changed_us, id",
        in_place[place]);
    struct question q = {.sql = sql, .a = s->stage};
    int rc = ask(&q, err);
    for (int i = 0; rc == ERR_OK && i < rows_of(&q); i++) {
        const struct spool_found found = {PQgetvalue(q.rows, i, 0), shared_db_int(q.rows, i, 1),
                                          PQgetvalue(q.rows, i, 2)};
        rc = fn(arg, &found, err);
    }
    PQclear(q.rows);
    return rc;
}

/* ---- moved by a person ---- */

static int not_there(struct spool *s, enum spool_place place, const char *job, struct err *err)
{
    enum spool_place at = SPOOL_PLACE_NONE;
    int rc = shared_find(s, job, &at, err);
    if (rc < 0)
        return rc;
    if (at == place)
        return err_set(err, ERR_BUSY, "job %s is in progress; wait until it ends", job);
    return err_set(err, ERR_NOTFOUND, "no job %s %s", job,
                   place == SPOOL_PLACE_FAILED  ? "has failed"
                   : place == SPOOL_PLACE_READY ? "is ready"
                                                : "is in progress");
}

int shared_retry(struct spool *s, const char *job, struct err *err)
{
    struct question q = {
        .sql = "UPDATE job SET state = 0, attempt = 1, why = '', fence = fence + 1,"
               " due_us = job_now(), changed_us = job_now()" MINE "state = 3 AND $3 = 0",
        .a = s->stage,
        .b = job};
    int rc = ask(&q, err);
    PQclear(q.rows);
    if (rc == ERR_OK && q.n == 0)
        return not_there(s, SPOOL_PLACE_FAILED, job, err);
    if (rc == ERR_OK)
        shared_hint(s);
    return rc;
}

int shared_discard(struct spool *s, enum spool_place place, const char *job, struct err *err)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "DELETE FROM job WHERE id = (SELECT id FROM job" MINE
             "%s AND $3 = 0 FOR UPDATE SKIP LOCKED)",
             in_place[place]);
    struct question q = {.sql = sql, .a = s->stage, .b = job};
    int rc = ask(&q, err);
    PQclear(q.rows);
    return rc == ERR_OK && q.n == 0 ? not_there(s, place, job, err) : rc;
}

int shared_reclaim(struct spool *s, const char *job, struct err *err)
{
    struct question q = {.sql =
                             "UPDATE job SET state = 0, attempt = attempt + 1, why = '',"
                             " fence = fence + 1, due_us = job_now(), changed_us = job_now(),"
                             " alone = NULL" MINE "state = 2 AND lease_us < job_now() AND $3 = 0",
                         .a = s->stage,
                         .b = job};
    int rc = ask(&q, err);
    PQclear(q.rows);
    return rc == ERR_OK && q.n == 0 ? not_there(s, SPOOL_PLACE_CLAIMED, job, err) : rc;
}

/* ---- sweep ---- */

static int tend(struct shared_db *db, void *arg, bool again, struct err *err)
{
    (void)arg;
    (void)again;
    int rc = shared_schema(db, err);
    return rc < 0 ? rc : shared_partitions(db, err);
}

int shared_sweep(struct spool *spool, int *given_back, struct err *err)
{
    static const char sql[] =
        "WITH back AS (UPDATE job SET state = 0, attempt = attempt + 1, fence = fence + 1,"
        "  why = 'its worker died, or was cut off (' || owner || ', process ' || pid || ')',"
        "  due_us = job_now(), changed_us = job_now(), alone = NULL WHERE id IN"
        "  (SELECT id FROM job WHERE stage = $1 AND state = 2 AND lease_us < job_now()"
        "   ORDER BY lease_us LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1),"
        " n AS (SELECT count(*) AS n FROM back),"
        " noted AS (UPDATE job_stage SET lost = lost + n.n, lost_us = job_now() FROM n"
        "  WHERE stage = $1 AND n.n > 0)"
        " SELECT n FROM n";
    struct shared *s = shared_of(spool);
    struct question q = {.sql = sql, .a = spool->stage, .make = true};
    int rc = ask(&q, err);
    if (rc == ERR_OK)
        *given_back = (int)shared_db_int(q.rows, 0, 0);
    PQclear(q.rows);
    if (rc == ERR_OK && *given_back > 0)
        shared_hint(spool);
    if (rc == ERR_OK && (s->upkept_us == 0 || clock_mono_us() - s->upkept_us > UPKEEP_EVERY_US)) {
        rc = shared_db_do(tend, NULL, err);
        s->upkept_us = rc == ERR_OK ? clock_mono_us() : 0;
    }
    return rc < 0 ? rc : shared_sweep_scratch(s, err);
}

/* ---- all of them ---- */

int shared_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err)
{
    struct question q = {.sql = "SELECT stage FROM job_stage ORDER BY stage"};
    int rc = ask(&q, err);
    (void)root;
    for (int i = 0; rc == ERR_OK && i < rows_of(&q); i++)
        rc = fn(arg, PQgetvalue(q.rows, i, 0), err);
    PQclear(q.rows);
    return rc;
}

int shared_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                  void *arg, struct err *err)
{
    struct question q = {.sql =
                             "SELECT name, state, put_us, changed_us, attempt,"
                             " CASE WHEN state = 0 AND due_us > job_now() THEN due_us ELSE 0 END,"
                             " split_part(why, E'\\n', 1), owner, pid, lease_us < job_now()"
                             " FROM job WHERE stage = $1 ORDER BY state DESC, changed_us, id",
                         .a = stage};
    int rc = ask(&q, err);
    (void)root;
    for (int i = 0; rc == ERR_OK && i < rows_of(&q); i++) {
        struct spool_sight sight = {.job = PQgetvalue(q.rows, i, 0),
                                    .place = place_of(shared_db_int(q.rows, i, 1)),
                                    .put_us = shared_db_int(q.rows, i, 2),
                                    .changed_us = shared_db_int(q.rows, i, 3),
                                    .attempt = (int)shared_db_int(q.rows, i, 4),
                                    .due_us = shared_db_int(q.rows, i, 5),
                                    .why = PQgetvalue(q.rows, i, 6)};
        if (sight.place == SPOOL_PLACE_CLAIMED) {
            sight.owner = PQgetvalue(q.rows, i, 7);
            sight.here = strcmp(sight.owner, site_node(site_used())) == 0;
            sight.pid = (int)shared_db_int(q.rows, i, 8);
            sight.expired = PQgetvalue(q.rows, i, 9)[0] == 't';
            sight.why = "";
        }
        if (sight.place == SPOOL_PLACE_FAILED && sight.changed_us < reasons_us)
            sight.why = "";
        rc = fn(arg, &sight, err);
    }
    PQclear(q.rows);
    return rc;
}

int shared_leases_lost(const char *stage, int64_t *n, int64_t *last_us, struct err *err)
{
    struct question q = {.sql = "SELECT lost, lost_us FROM job_stage WHERE stage = $1", .a = stage};
    int rc = ask(&q, err);
    if (rc == ERR_OK && rows_of(&q) > 0) {
        *n = shared_db_int(q.rows, 0, 0);
        *last_us = shared_db_int(q.rows, 0, 1);
    }
    PQclear(q.rows);
    return rc;
}

int shared_glance(const char *root, const char *stage, const char *job, struct buf *json,
                  struct spool_glance *out, struct err *err)
{
    struct question q = {
        .sql = "SELECT state, attempt, why, json FROM job" MINE "$3 = 0", .a = stage, .b = job};
    int rc = ask(&q, err);
    (void)root;
    if (rc == ERR_OK && rows_of(&q) > 0) {
        size_t n;
        out->place = place_of(shared_db_int(q.rows, 0, 0));
        out->attempt = (int)shared_db_int(q.rows, 0, 1);
        snprintf(out->why, sizeof out->why, "%s", PQgetvalue(q.rows, 0, 2));
        unsigned char *text =
            json ? PQunescapeBytea((const unsigned char *)PQgetvalue(q.rows, 0, 3), &n) : NULL;
        if (text)
            rc = buf_append(json, text, n, err);
        PQfreemem(text);
    }
    PQclear(q.rows);
    return rc;
}

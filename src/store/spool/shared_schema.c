/* The tables of jobs in a site's database, and the days of those that are done. */
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK   "dashspool" /* of all schemas: hashed with its name */
#define DAY_US (86400 * INT64_C(1000000))

/* Times are microseconds of UTC, by the database's clock. `owner` is a node, `pid` its process.
 * Whoever ends a job must have its fence, which each claim and each sweep raises. */
static const char *const steps[] = {
    "CREATE FUNCTION job_now() RETURNS bigint LANGUAGE sql STABLE AS"
    " 'SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint';"
    "CREATE TABLE job_stage(stage text COLLATE \"C\" PRIMARY KEY,"
    " lost bigint NOT NULL DEFAULT 0, lost_us bigint NOT NULL DEFAULT 0);"
    "CREATE TABLE job_turn(stage text COLLATE \"C\", class integer, turn bigint NOT NULL,"
    " PRIMARY KEY(stage, class)) WITH (fillfactor = 50);"
    "CREATE TABLE job(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " stage text COLLATE \"C\" NOT NULL, name text COLLATE \"C\" NOT NULL,"
    " json bytea NOT NULL, output bytea,"
    " state smallint NOT NULL DEFAULT 0, attempt integer NOT NULL DEFAULT 1,"
    " fence bigint NOT NULL DEFAULT 0,"
    " node text COLLATE \"C\" NOT NULL DEFAULT '',"
    " owner text COLLATE \"C\" NOT NULL DEFAULT '', pid bigint NOT NULL DEFAULT 0,"
    " lease_us bigint NOT NULL DEFAULT 0, alone text COLLATE \"C\","
    " ordered boolean NOT NULL DEFAULT false, class integer NOT NULL DEFAULT 0,"
    " flow text COLLATE \"C\" NOT NULL DEFAULT '', order_us bigint NOT NULL DEFAULT 0,"
    " age_us bigint NOT NULL DEFAULT 0, turn bigint NOT NULL DEFAULT 0,"
    " put_us bigint NOT NULL DEFAULT job_now(), changed_us bigint NOT NULL DEFAULT job_now(),"
    " due_us bigint NOT NULL DEFAULT job_now(), why text NOT NULL DEFAULT '',"
    " UNIQUE(stage, name))"
    " WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01,"
    " autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);"
    "CREATE INDEX job_next ON job(stage, class, turn, age_us, id) WHERE state = 1;"
    "CREATE INDEX job_flow ON job(stage, class, flow, age_us, id) WHERE state = 1;"
    "CREATE INDEX job_turns ON job(stage, class, flow, turn) WHERE state IN (1, 2);"
    "CREATE INDEX job_due ON job(stage, due_us) WHERE state = 0;"
    "CREATE INDEX job_lease ON job(stage, lease_us) WHERE state = 2;"
    "CREATE UNIQUE INDEX job_alone ON job(stage, alone) WHERE state = 2 AND alone IS NOT NULL;"
    "CREATE INDEX job_failed ON job(stage, changed_us) WHERE state = 3;"
    "CREATE TABLE job_done(id bigint NOT NULL, stage text COLLATE \"C\" NOT NULL,"
    " name text COLLATE \"C\" NOT NULL, attempt integer NOT NULL, fence bigint NOT NULL,"
    " owner text COLLATE \"C\" NOT NULL, pid bigint NOT NULL, put_us bigint NOT NULL,"
    " claimed_us bigint NOT NULL, done_us bigint NOT NULL, PRIMARY KEY(id, done_us))"
    " PARTITION BY RANGE (done_us);",
    "CREATE TABLE job_word(stage text COLLATE \"C\", job text COLLATE \"C\", text bytea NOT NULL,"
    " at_us bigint NOT NULL DEFAULT job_now(), PRIMARY KEY(stage, job));",
};
enum { VERSION = sizeof steps / sizeof *steps };

static int read_version(struct shared_db *db, int64_t *version, struct err *err)
{
    PGresult *r = NULL;
    *version = 0;
    int rc = shared_db_run(db, &r, NULL, err, "SELECT version FROM job_version", "");
    if (rc == ERR_OK && PQntuples(r) == 1)
        *version = shared_db_int(r, 0, 0);
    PQclear(r);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* One after the other, as libpq's parameters take one statement at a time. */
static int run_step(struct shared_db *db, const char *step, struct err *err)
{
    char *text = malloc(strlen(step) + 1), *save = NULL;
    int rc = text ? ERR_OK : err_nomem(err, "a step of the schema");
    if (text)
        memcpy(text, step, strlen(step) + 1);
    for (char *sql = text ? strtok_r(text, ";", &save) : NULL; rc == ERR_OK && sql;
         sql = strtok_r(NULL, ";", &save))
        rc = shared_db_run(db, NULL, NULL, err, sql, "");
    free(text);
    return rc;
}

/* One node at a time. In a transaction of the caller's. */
static int upgrade(struct shared_db *db, struct err *err)
{
    char sql[200];
    int64_t version = 0;
    int rc = shared_db_run(db, NULL, NULL, err,
                           "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "t", LOCK);
    snprintf(sql, sizeof sql, "CREATE SCHEMA IF NOT EXISTS %s", site_schema(site_used()));
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err, sql, "");
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err,
                           "CREATE TABLE IF NOT EXISTS job_version(version bigint NOT NULL)", "");
    if (rc == ERR_OK)
        rc = read_version(db, &version, err);
    if (rc == ERR_OK && version == 0)
        rc = shared_db_run(db, NULL, NULL, err, "INSERT INTO job_version VALUES(0)", "");
    for (; rc == ERR_OK && version < VERSION; version++)
        rc = run_step(db, steps[version], err);
    return rc < 0 ? rc
                  : shared_db_run(db, NULL, NULL, err, "UPDATE job_version SET version = $1", "i",
                                  version);
}

int shared_schema(struct shared_db *db, struct err *err)
{
    int64_t version = 0;
    if (db->has_schema)
        return ERR_OK;
    int rc = read_version(db, &version, err);
    if (rc == ERR_OK && version > VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "the site's jobs are of a newer version of dashspool (%lld, this one knows "
                       "%d); install that one on this node",
                       (long long)version, VERSION);
    if (rc == ERR_OK && version < VERSION) {
        rc = shared_db_run(db, NULL, NULL, err, "BEGIN", "");
        if (rc == ERR_OK)
            rc = upgrade(db, err);
        if (rc == ERR_OK)
            rc = shared_db_run(db, NULL, NULL, err, "COMMIT", "");
        if (rc == ERR_OK)
            rc = shared_partitions(db, err);
    }
    db->has_schema = rc == ERR_OK;
    return rc;
}

/* ---- days ---- */

static int make_day(struct shared_db *db, int64_t day_us, struct err *err)
{
    char sql[300], day[CLOCK_DATE_ROOM], name[16];
    clock_date(day_us, day);
    snprintf(name, sizeof name, "%.4s%.2s%.2s", day, day + 5, day + 8);
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS job_done_%s PARTITION OF job_done FOR VALUES FROM (%lld) "
             "TO (%lld)",
             name, (long long)day_us, (long long)(day_us + DAY_US));
    return shared_db_run(db, NULL, NULL, err, sql, "");
}

/* Their names are their days. */
static int drop_old(struct shared_db *db, int64_t today_us, struct err *err)
{
    char oldest[CLOCK_DATE_ROOM], first[40];
    PGresult *r = NULL;
    clock_date(today_us - SPOOL_DONE_DAYS * DAY_US, oldest);
    snprintf(first, sizeof first, "job_done_%.4s%.2s%.2s", oldest, oldest + 5, oldest + 8);
    int rc =
        shared_db_run(db, &r, NULL, err,
                      "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                      " WHERE i.inhparent = 'job_done'::regclass"
                      " AND c.relname::text COLLATE \"C\" < $1",
                      "t", first);
    for (int i = 0; rc == ERR_OK && i < PQntuples(r); i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %.63s", PQgetvalue(r, i, 0));
        rc = shared_db_run(db, NULL, NULL, err, sql, "");
    }
    PQclear(r);
    return rc;
}

int shared_partitions(struct shared_db *db, struct err *err)
{
    PGresult *r = NULL;
    int64_t today_us = 0;
    int rc = shared_db_run(db, &r, NULL, err, "SELECT job_now() - job_now() % 86400000000", "");
    if (rc == ERR_OK)
        today_us = shared_db_int(r, 0, 0);
    PQclear(r);
    /* Alone: two that make the same one would wait for each other. */
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err, "BEGIN", "");
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err,
                           "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", "t",
                           site_schema(site_used()));
    for (int i = 0; rc == ERR_OK && i < 4; i++)
        rc = make_day(db, today_us + i * DAY_US, err);
    if (rc == ERR_OK)
        rc = drop_old(db, today_us, err);
    return rc < 0 ? rc : shared_db_run(db, NULL, NULL, err, "COMMIT", "");
}

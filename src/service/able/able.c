#include "dashspool/able.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include <ctype.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_S = 5,
    ANSWER_MS = 5000,
    STORE_PATIENCE_MS = 10000,
    TRIES = 5,
    OLDEST = 130000, /* what a site's SQL needs */
    AHEAD_MS = 2000, /* signatures and leases bear more; a machine without NTP goes on drifting */
};

/* ---- the database ---- */

static int failed(const PGconn *pq, const PGresult *r, struct err *err)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorMessage(r) : PQerrorMessage(pq);
    while (*text == ' ' || *text == '\n')
        text++;
    return err_set(err, state && strncmp(state, "28", 2) == 0 ? ERR_CONFIG : ERR_IO, "%.*s",
                   (int)strcspn(text, "\n"), text);
}

/* Until the server has answered, or the time is over. */
static bool wait_answer(PGconn *pq, int64_t until_us)
{
    for (;;) {
        int unsent = PQflush(pq);
        if (unsent < 0)
            return false;
        if (unsent == 0 && !PQisBusy(pq))
            return true;
        struct pollfd p = {.fd = PQsocket(pq), .events = unsent ? POLLIN | POLLOUT : POLLIN};
        int64_t left_ms = (until_us - clock_mono_us()) / 1000;
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0 || !PQconsumeInput(pq))
            return false;
    }
}

/* *out is the caller's (PQclear). ERR_AGAIN: no answer in time. */
static int ask(PGconn *pq, const char *sql, PGresult **out, struct err *err)
{
    int64_t until_us = clock_mono_us() + ANSWER_MS * INT64_C(1000);
    *out = NULL;
    if (!PQsendQuery(pq, sql))
        return failed(pq, NULL, err);
    for (PGresult *r;;) {
        if (!wait_answer(pq, until_us))
            return PQstatus(pq) == CONNECTION_OK
                       ? err_set(err, ERR_AGAIN, "no answer within %d s", ANSWER_MS / 1000)
                       : failed(pq, NULL, err);
        if (!(r = PQgetResult(pq)))
            break;
        PQclear(*out);
        *out = r;
    }
    ExecStatusType is = PQresultStatus(*out);
    if (is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK)
        return ERR_OK;
    int rc = failed(pq, *out, err);
    PQclear(*out);
    *out = NULL;
    return rc;
}

static int ask_facts(PGconn *pq, const struct site *site, struct able_database *a, struct err *err)
{
    char sql[1000];
    PGresult *r = NULL;
    snprintf(
        sql, sizeof sql,
        "SELECT current_setting('server_version_num'),"
        " NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off',"
        " to_regnamespace('%s') IS NOT NULL,"
        " CASE WHEN to_regnamespace('%s') IS NULL"
        "  THEN has_database_privilege(current_database(), 'CREATE')"
        "  ELSE has_schema_privilege('%s', 'CREATE') END,"
        " current_setting('server_encoding') = 'UTF8',"
        " current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',"
        " current_setting('synchronous_standby_names'),"
        " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
        site_schema(site), site_schema(site), site_schema(site));
    int64_t before_us = clock_utc_us();
    int rc = ask(pq, sql, &r, err);
    if (rc < 0)
        return rc;
    int64_t now_us = before_us + (clock_utc_us() - before_us) / 2;
    a->version = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    a->may_write = PQgetvalue(r, 0, 1)[0] == 't';
    a->has_schema = PQgetvalue(r, 0, 2)[0] == 't';
    a->may_make = PQgetvalue(r, 0, 3)[0] == 't';
    a->is_utf8 = PQgetvalue(r, 0, 4)[0] == 't';
    a->is_safe = PQgetvalue(r, 0, 5)[0] == 't';
    snprintf(a->standby, sizeof a->standby, "%s", PQgetvalue(r, 0, 6));
    a->clock_ahead_ms = (strtoll(PQgetvalue(r, 0, 7), NULL, 10) - now_us) / 1000;
    PQclear(r);
    return ERR_OK;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The middle of what a statement takes. */
static int measure(PGconn *pq, const char *sql, int64_t *out_us, struct err *err)
{
    int64_t took_us[TRIES];
    for (int i = 0; i < TRIES; i++) {
        PGresult *r;
        int64_t began_us = clock_mono_us();
        int rc = ask(pq, sql, &r, err);
        if (rc < 0)
            return rc;
        PQclear(r);
        took_us[i] = clock_mono_us() - began_us;
    }
    qsort(took_us, TRIES, sizeof *took_us, by_size);
    *out_us = took_us[TRIES / 2];
    return ERR_OK;
}

/* A commit that waits for a standby that is not there waits for ever; it is told to stop, so that
 * the server does not keep it. */
static int measure_commit(PGconn *pq, struct able_database *a, struct err *err)
{
    char unused[256];
    int rc =
        measure(pq, "SELECT pg_logical_emit_message(true, 'dashspool', '')", &a->commit_us, err);
    a->standby_answers = rc == ERR_OK && a->standby[0];
    if (rc != ERR_AGAIN)
        return rc;
    PGcancel *cancel = PQgetCancel(pq);
    if (cancel)
        PQcancel(cancel, unused, sizeof unused);
    PQfreeCancel(cancel);
    a->commit_us = -1;
    return a->standby[0] ? ERR_OK : rc;
}

int able_database(const struct site *site, struct able_database *out, struct err *err)
{
    const char *const keys[] = {"connect_timeout", "application_name", "client_encoding", "dbname",
                                NULL};
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", CONNECT_S);
    const char *const values[] = {seconds, "dashspool config", "UTF8", site_database(site), NULL};
    *out = (struct able_database){0};
    PGconn *pq = PQconnectdbParams(keys, values, 1);
    int rc = pq ? ERR_OK : err_nomem(err, "a connection to the database");
    if (rc == ERR_OK && PQstatus(pq) != CONNECTION_OK) {
        rc = failed(pq, NULL, err);
        if (PQconnectionNeedsPassword(pq))
            err->code = rc = ERR_CONFIG;
    }
    if (rc == ERR_OK) {
        const char *host = PQhost(pq), *port = PQport(pq);
        snprintf(out->at, sizeof out->at, "%s:%s", host ? host : "?", port ? port : "?");
        PQsetNoticeProcessor(pq, NULL, NULL);
        rc = ask_facts(pq, site, out, err);
    }
    if (rc == ERR_OK)
        rc = measure(pq, "SELECT 1", &out->ask_us, err);
    if (rc == ERR_OK && out->may_write)
        rc = measure_commit(pq, out, err);
    PQfinish(pq);
    return rc == ERR_AGAIN ? err_set(err, ERR_IO, "it takes connections, but gives no answer") : rc;
}

/* ---- the store ---- */

static int measure_put(struct objects *o, const struct site *site, int64_t *out_us, struct err *err)
{
    static const char data[] = "how long does this take?";
    char sha256[HASH_HEX_ROOM], key[OBJECTS_KEY_ROOM];
    int64_t took_us[TRIES];
    int rc = hash_text(data, sizeof data, sha256, err);
    snprintf(key, sizeof key, "probe/%.63s-time", site_node(site));
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    struct objects_put put = {.key = key, .data = data, .n = sizeof data, .sha256 = sha256};
    for (int i = 0; rc == ERR_OK && i < TRIES; i++) {
        int64_t began_us = clock_mono_us();
        rc = objects_put(o, &put, err);
        took_us[i] = clock_mono_us() - began_us;
    }
    if (rc < 0)
        return rc;
    qsort(took_us, TRIES, sizeof *took_us, by_size);
    *out_us = took_us[TRIES / 2];
    return objects_delete(o, key, err);
}

int able_store(const struct site *site, struct able_store *out, struct err *err)
{
    struct objects *o = NULL;
    *out = (struct able_store){0};
    int rc = objects_open(&o, site, err);
    if (rc == ERR_OK) {
        objects_patience(o, STORE_PATIENCE_MS);
        rc = objects_probe(o, &out->can, err);
    }
    if (rc == ERR_OK)
        rc = measure_put(o, site, &out->put_us, err);
    objects_close(&o);
    return rc;
}

/* ---- in words ---- */

static void tell(char out[ABLE_TEXT_ROOM], const char *fmt, ...) DS_PRINTF(2, 3);
static void tell(char out[ABLE_TEXT_ROOM], const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + used, ABLE_TEXT_ROOM - used, fmt, ap);
    va_end(ap);
}

static void tell_clock(const char *whose, int64_t ahead_ms, char out[ABLE_TEXT_ROOM])
{
    if (llabs(ahead_ms) > AHEAD_MS)
        tell(out, "%s: its clock is %.1f s %s this machine's; see to NTP on both\n", whose,
             (double)llabs(ahead_ms) / 1000, ahead_ms > 0 ? "ahead of" : "behind");
}

static void tell_standby(const struct able_database *a, char out[ABLE_TEXT_ROOM])
{
    if (!a->standby[0])
        tell(out,
             "database: no synchronous standby (synchronous_standby_names is empty): if this "
             "server is lost, what was acknowledged since its last backup is lost with it, and "
             "after a failover to a standby the last moments are\n");
    else if (a->standby_answers)
        tell(out,
             "database: a synchronous standby (%s) has each commit before it counts: the loss of "
             "one server loses nothing\n",
             a->standby);
}

static bool tell_wrong(const struct able_database *a, const struct site *site,
                       char out[ABLE_TEXT_ROOM])
{
    size_t before = strlen(out);
    if (a->version < OLDEST)
        tell(out, "database: wrong: PostgreSQL %d is too old; %d or later is needed\n",
             a->version / 10000, OLDEST / 10000);
    if (!a->may_write)
        tell(out,
             "database: wrong: this server only reads (it is a standby); name all of them, and "
             "add ?target_session_attrs=read-write\n");
    if (!a->may_make)
        tell(out,
             a->has_schema
                 ? "database: wrong: the user may make no tables in the schema %s; it has "
                   "to be its owner\n"
                 : "database: wrong: there is no schema %s, and the user may not make it: "
                   "CREATE SCHEMA … AUTHORIZATION …\n",
             site_schema(site));
    if (!a->is_utf8)
        tell(out, "database: wrong: its encoding is not UTF8\n");
    if (!a->is_safe)
        tell(out,
             "database: wrong: fsync or full_page_writes is off: a power cut loses footage that "
             "was acknowledged\n");
    if (a->standby[0] && a->may_write && !a->standby_answers)
        tell(out,
             "database: wrong: commits wait for a standby (synchronous_standby_names = %s) that "
             "does not answer: nothing would be acknowledged\n",
             a->standby);
    return strlen(out) == before;
}

bool able_database_text(const struct able_database *a, const struct site *site,
                        char out[ABLE_TEXT_ROOM])
{
    out[0] = '\0';
    tell(out, "database: PostgreSQL %d.%d at %s, schema %s%s; a question takes %.1f ms",
         a->version / 10000, a->version % 10000, a->at, site_schema(site),
         a->has_schema ? "" : " (not made yet)", (double)a->ask_us / 1000);
    if (a->commit_us > 0)
        tell(out, ", a commit %.1f ms", (double)a->commit_us / 1000);
    tell(out, "\n");
    tell_standby(a, out);
    if (llabs(a->clock_ahead_ms) > AHEAD_MS)
        tell(out, "database: its clock is %.1f s %s this machine's; see to NTP on both\n",
             (double)llabs(a->clock_ahead_ms) / 1000,
             a->clock_ahead_ms > 0 ? "ahead of" : "behind");
    return tell_wrong(a, site, out);
}

void able_store_text(const struct able_store *a, const struct site *site, char out[ABLE_TEXT_ROOM])
{
    char can[OBJECTS_CAN_ROOM], *save = NULL;
    const char *endpoint = site_endpoint(site), *prefix = site_prefix(site);
    out[0] = '\0';
    tell(out, "store: s3://%s%s%s at %s; to put a small file takes %.1f ms\n", site_bucket(site),
         prefix[0] ? "/" : "", prefix, endpoint[0] ? endpoint : site_region(site),
         (double)a->put_us / 1000);
    objects_can_text(&a->can, can);
    for (char *line = strtok_r(can, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        tell(out, "store: %s\n", line);
    tell_clock("store", a->can.clock_ahead_ms, out);
}

#include "support/engines.h"
#include "dashspool/cfg.h"
#include "dashspool/site.h"
#include "support/support.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static struct site *site;
static char name[64];
static char *dir;

static const char *named(const char *variable)
{
    const char *value = getenv(variable);
    if (!value || !value[0]) {
        fprintf(stderr, "SKIPPED: %s is not set; tests/site/engines starts what it names\n",
                variable);
        exit(SKIPPED);
    }
    return value;
}

bool engines_wanted(void)
{
    const char *engine = getenv("DASHSPOOL_TEST_ENGINE");
    return engine && strcmp(engine, "site") == 0;
}

const char *engines_settings(const char *node, const char *more)
{
    static char text[2000];
    snprintf(text, sizeof text,
             "[site]\ndatabase = %s\nschema = %s\nobjects = s3://%s/%s\nendpoint = %s\nnode = "
             "%s\n%s",
             named("DASHSPOOL_TEST_DATABASE"), name, named("DASHSPOOL_TEST_BUCKET"), name,
             named("DASHSPOOL_TEST_OBJECTS"), node, more);
    return text;
}

void engines_use_site(void)
{
    static int made;
    struct cfg *cfg = NULL;
    struct err err = {0};
    engines_end();
    snprintf(name, sizeof name, "test_%d_%d", (int)getpid(), ++made);
    dir = support_tmp_dir();
    const char *text = engines_settings("test", "");
    support_write(support_path(dir, "05-site.conf"), text, strlen(text));
    assert_ok(cfg_load(&cfg, dir, &site_cfg_section, 1, &err));
    assert_ok(site_load(&site, cfg, &err));
    cfg_free(&cfg);
    site_use(site);
}

void engines_begin(void)
{
    if (engines_wanted())
        engines_use_site();
}

long long engines_sql(const char *sql)
{
    char path[100];
    PGconn *c = PQconnectdb(site_database(site));
    snprintf(path, sizeof path, "SET search_path = %s", name);
    PQclear(PQexec(c, path));
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    const char *value = PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "";
    long long n = strcmp(value, "t") == 0 ? 1 : strtoll(value, NULL, 10);
    PQclear(r);
    PQfinish(c);
    return n;
}

void engines_lose_leases(void)
{
    if (site)
        engines_sql("UPDATE job SET lease_us = 0 WHERE state = 2");
}

/* What cannot be dropped now is dropped with the engines. */
static void drop_schema(void)
{
    char sql[200];
    PGconn *c = PQconnectdb(site_database(site));
    snprintf(sql, sizeof sql, "SET client_min_messages = error; DROP SCHEMA IF EXISTS %s CASCADE",
             name);
    PQclear(PQexec(c, sql));
    PQfinish(c);
}

void engines_end(void)
{
    if (!site)
        return;
    drop_schema();
    site_use(NULL);
    site_free(&site);
    support_tmp_remove(&dir);
}

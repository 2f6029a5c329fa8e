#define _GNU_SOURCE /* strcasestr */
#include "dashspool/site.h"
#include "dashspool/fsx.h"
#include "site_internal.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTION "site"
#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"
#define HOUR_MS (3600 * INT64_C(1000))
#define DAY_MS  (24 * HOUR_MS)
#define OBJECTS "s3://"

enum { HOME_FILES = 3, READS_MAX = 10 };
enum { SCHEMA_MAX = 40, BUCKET_MIN = 3, BUCKET_MAX = 63, PREFIX_MAX = 200, NODE_MAX = 63 };

/* ---- settings ---- */

/* The settings are shown, and handed on to the processes of `run`. */
static bool has_password(const char *value)
{
    const char *host = strstr(value, "://"), *end, *at, *colon, *key = value;
    if (host) {
        host += 3;
        end = host + strcspn(host, "/?");
        at = memchr(host, '@', (size_t)(end - host));
        colon = memchr(host, ':', (size_t)(end - host));
        if (at && colon && colon < at)
            return true;
    }
    while ((key = strcasestr(key, "password")) != NULL) { /* not sslpassword alone: that one, too */
        key += strlen("password");
        if (key[strspn(key, " ")] == '=')
            return true;
    }
    return false;
}

static int check_database(const char *value, struct err *err)
{
    static const char *const schemes[] = {"postgresql://", "postgres://"};
    bool good = !value[0];
    for (size_t i = 0; i < 2; i++)
        good = good || (strncmp(value, schemes[i], strlen(schemes[i])) == 0 &&
                        value[strlen(schemes[i])] != '\0');
    if (!good && !strstr(value, "://")) { /* host=… dbname=… */
        size_t word = strspn(value, LOWER "_");
        good = word > 0 && value[word + strspn(value + word, " ")] == '=';
    }
    if (has_password(value)) /* the message has no value: it would tell it */
        return err_set(err, ERR_CONFIG,
                       "database: a password does not belong here; put it into ~/.pgpass of the "
                       "service's user, or a file that passfile= or PGPASSFILE names");
    return good ? ERR_OK
                : err_set(err, ERR_CONFIG,
                          "expected postgresql://[USER@]HOST[:PORT][,HOST…]/DATABASE, or host=… "
                          "dbname=… as libpq has it");
}

static int check_schema(const char *value, struct err *err)
{
    size_t n = strlen(value);
    if (n > 0 && n <= SCHEMA_MAX && strspn(value, LOWER DIGITS "_") == n &&
        !strchr(DIGITS, value[0]) && strncmp(value, "pg_", 3) != 0)
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "expected 1 to %d of a-z 0-9 _, no digit and no pg_ in front",
                   SCHEMA_MAX);
}

static bool bucket_ok(const char *name, size_t n)
{
    static const char ends[] = LOWER DIGITS;
    if (n < BUCKET_MIN || n > BUCKET_MAX || !strchr(ends, name[0]) || !strchr(ends, name[n - 1]))
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == '.' && name[i + 1] == '.')
            return false;
    return strspn(name, LOWER DIGITS ".-") >= n;
}

/* "a/b"; no part of it is empty, "." or "..". */
static bool prefix_ok(const char *p)
{
    if (strlen(p) > PREFIX_MAX || p[strspn(p, LOWER DIGITS "_.-/")])
        return false;
    for (;;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (p[0] == '.' && (n == 1 || (n == 2 && p[1] == '.'))))
            return false;
        if (!p[n])
            return true;
        p += n + 1;
    }
}

/* s3://BUCKET[/PREFIX][/] */
static bool split_objects(const char *value, char bucket[BUCKET_MAX + 1],
                          char prefix[PREFIX_MAX + 1])
{
    if (strncmp(value, OBJECTS, strlen(OBJECTS)) != 0)
        return false;
    const char *name = value + strlen(OBJECTS);
    size_t n = strcspn(name, "/"), rest = strlen(name + n);
    if (!bucket_ok(name, n))
        return false;
    memcpy(bucket, name, n);
    bucket[n] = '\0';
    prefix[0] = '\0';
    if (rest <= 1)
        return true;
    rest -= name[n + rest - 1] == '/'; /* one at the end says nothing */
    if (rest - 1 > PREFIX_MAX)
        return false;
    memcpy(prefix, name + n + 1, rest - 1);
    prefix[rest - 1] = '\0';
    return prefix_ok(prefix);
}

static int check_objects(const char *value, struct err *err)
{
    char bucket[BUCKET_MAX + 1], prefix[PREFIX_MAX + 1];
    if (!value[0] || split_objects(value, bucket, prefix))
        return ERR_OK;
    return err_set(
        err, ERR_CONFIG,
        "expected s3://BUCKET or s3://BUCKET/PREFIX: %d to %d of a-z 0-9 . -, then parts "
        "of a-z 0-9 _ . - with / between",
        BUCKET_MIN, BUCKET_MAX);
}

static bool port_ok(const char *text)
{
    char *end;
    size_t n = strspn(text, DIGITS);
    long port = strtol(text, &end, 10);
    return n > 0 && n <= 5 && !text[n] && port > 0 && port <= 65535;
}

/* http[s]://HOST[:PORT][/] */
static int check_endpoint(const char *value, struct err *err)
{
    const char *host = strstr(value, "://");
    size_t scheme = host ? (size_t)(host - value) : 0, n = 0;
    char rest[300] = "";
    bool good = (scheme == 4 && strncmp(value, "http", 4) == 0) ||
                (scheme == 5 && strncmp(value, "https", 5) == 0);
    if (good) {
        host += 3;
        if (host[0] == '[') {
            n = strspn(host + 1, DIGITS "abcdefABCDEF:.");
            good = n > 0 && host[1 + n] == ']';
            n += 2;
        } else {
            n = strspn(host, LOWER UPPER DIGITS ".-");
            good = n > 0;
        }
    }
    if (good) {
        snprintf(rest, sizeof rest, "%s", host + n);
        size_t used = strlen(rest);
        if (used > 0 && rest[used - 1] == '/')
            rest[used - 1] = '\0';
        good = !rest[0] || (rest[0] == ':' && port_ok(rest + 1));
    }
    return !value[0] || good ? ERR_OK
                             : err_set(err, ERR_CONFIG,
                                       "expected https://HOST[:PORT], without a path: the bucket "
                                       "is in objects");
}

static int check_region(const char *value, struct err *err)
{
    size_t n = strlen(value);
    return n > 0 && strspn(value, LOWER DIGITS "-") == n
               ? ERR_OK
               : err_set(err, ERR_CONFIG, "expected a name of a-z 0-9 - such as eu-central-1");
}

static bool is_node_letter(char c)
{
    return c && strchr(LOWER UPPER DIGITS "._-", c);
}

static int check_node(const char *value, struct err *err)
{
    size_t n = 0;
    while (is_node_letter(value[n]))
        n++;
    return !value[n] && value[0] != '.' && n <= NODE_MAX
               ? ERR_OK
               : err_set(err, ERR_CONFIG, "expected up to %d of A-Z a-z 0-9 . _ -, no dot in front",
                         NODE_MAX);
}

static int check_progress(const char *value, struct err *err)
{
    if (strcmp(value, "local") == 0)
        return ERR_OK;
    if (strcmp(value, "shared") == 0)
        return err_set(err, ERR_CONFIG,
                       "progress = shared: this version cannot do that yet; with local, a camera "
                       "that comes to another receiver begins its file anew");
    return err_set(err, ERR_CONFIG, "expected local");
}

static const struct cfg_key keys[] = {
    {"database", CFG_TEXT, "PostgreSQL URI", 0, 2000, "",
     "database that all machines of the site share; empty: this machine alone", check_database},
    {"schema", CFG_TEXT, "name", 0, 100, "dashspool", "schema in the database", check_schema},
    {"objects", CFG_TEXT, "s3://BUCKET/PREFIX", 0, 300, "",
     "where originals, copies and packages of the site are", check_objects},
    {"endpoint", CFG_TEXT, "URL", 0, 300, "", "the S3 store, https://HOST:PORT; empty: AWS",
     check_endpoint},
    {"region", CFG_TEXT, "name", 0, 60, "us-east-1", "region of the S3 store", check_region},
    {"ca_file", CFG_TEXT, "path", 0, 4000, "",
     "PEM file: CA certificates of the S3 store; empty: the system's"},
    {"credentials", CFG_TEXT, "path", 0, 4000, "",
     "file with aws_access_key_id and aws_secret_access_key, of use where the environment has "
     "neither; empty: none"},
    {"node", CFG_TEXT, "name", 0, 100, "",
     "name of this machine, of its own in the site; empty: its host name", check_node},
    {"ack", CFG_WORD, "site local", 0, 0, "site",
     "a camera's file is acknowledged once it is in database and store (site), or already on this "
     "machine's disk (local: a lost disk can then lose footage)"},
    {"ack_wait", CFG_SPAN, "time", 1000, 600000, "20 s",
     "how long a camera is kept waiting for that; then it is to come again"},
    {"staged_mib", CFG_INT, "MiB", 1, 100000000, "10240",
     "while more than this waits here for database or store, nothing is received"},
    {"staged_age", CFG_SPAN, "time", 1000, 365 * DAY_MS, "24 h",
     "… or while the oldest of it waits for longer"},
    {"lease", CFG_SPAN, "time", 2000, HOUR_MS, "60 s",
     "a worker that gives no sign of life for so long loses its job to another"},
    {"progress", CFG_TEXT, "local", 1, 20, "local",
     "where unfinished files of cameras are; local: on the machine that receives them",
     check_progress},
};
const struct cfg_section site_cfg_section = {SECTION, keys, sizeof keys / sizeof *keys};

/* ---- the site ---- */

struct site {
    char *database, *schema, *endpoint, *region, *ca_file, *credentials;
    char *home_file[HOME_FILES];
    const char *reads[READS_MAX + 1];
    char bucket[BUCKET_MAX + 1], prefix[PREFIX_MAX + 1], node[NODE_MAX + 1];
    bool ack_is_local;
    int64_t ack_wait_ms, staged_bytes, staged_age_ms, lease_ms;
};

static const struct site *used;

/* Where libpq looks: its documentation, "The Password File", "SSL Support", "Service File". */
static int find_reads(struct site *s, struct err *err)
{
    static const char *const in_home[HOME_FILES] = {".pgpass", ".pg_service.conf", ".postgresql"};
    const char *const named[] = {
        s->ca_file,          s->credentials,     getenv("PGPASSFILE"),   getenv("PGSSLROOTCERT"),
        getenv("PGSSLCERT"), getenv("PGSSLKEY"), getenv("PGSERVICEFILE")};
    const char *home = getenv("HOME");
    size_t n = 0;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i] && named[i][0])
            s->reads[n++] = named[i];
    for (size_t i = 0; home && home[0] == '/' && i < HOME_FILES; i++) {
        int rc = fsx_path(&s->home_file[i], err, "%s/%s", home, in_home[i]);
        if (rc < 0)
            return rc;
        s->reads[n++] = s->home_file[i];
    }
    return ERR_OK;
}

const char *const *site_reads(const struct site *site)
{
    return site ? site->reads : NULL;
}

/* What the machine is called, as a name that a node may have. */
static void take_host_name(char out[NODE_MAX + 1])
{
    char host[HOST_NAME_MAX + 1] = "";
    size_t n = 0;
    if (gethostname(host, sizeof host - 1) < 0 || !host[0] || host[0] == '.')
        snprintf(host, sizeof host, "node");
    for (; host[n] && n < NODE_MAX; n++)
        out[n] = is_node_letter(host[n]) ? host[n] : '-';
    out[n] = '\0';
}

static int copy_text(char **out, const struct cfg *cfg, const char *key, struct err *err)
{
    *out = strdup(cfg_text(cfg, SECTION, key));
    return *out ? ERR_OK : err_nomem(err, "[" SECTION "]");
}

static int copy_texts(struct site *s, const struct cfg *cfg, struct err *err)
{
    struct {
        const char *key;
        char **out;
    } texts[] = {{"database", &s->database}, {"schema", &s->schema},
                 {"endpoint", &s->endpoint}, {"region", &s->region},
                 {"ca_file", &s->ca_file},   {"credentials", &s->credentials}};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof texts / sizeof *texts; i++)
        rc = copy_text(texts[i].out, cfg, texts[i].key, err);
    return rc;
}

int site_load(struct site **out, const struct cfg *cfg, struct err *err)
{
    const char *database = cfg_text(cfg, SECTION, "database");
    const char *objects = cfg_text(cfg, SECTION, "objects"), *node = cfg_text(cfg, SECTION, "node");
    *out = NULL;
    if (!database[0] && !objects[0])
        return ERR_OK;
    if (!database[0] || !objects[0]) {
        err_set(err, ERR_CONFIG, "a site needs both; [" SECTION "] %s is not set",
                database[0] ? "objects" : "database");
        return cfg_blame(cfg, SECTION, database[0] ? "database" : "objects", err);
    }
    struct site *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "[" SECTION "]");
    int rc = copy_texts(s, cfg, err);
    if (rc == ERR_OK)
        rc = find_reads(s, err);
    if (rc < 0) {
        site_free(out);
        return rc;
    }
    size_t n = strlen(s->endpoint);
    if (n > 0 && s->endpoint[n - 1] == '/')
        s->endpoint[n - 1] = '\0';
    split_objects(objects, s->bucket, s->prefix); /* cfg_load() has checked it */
    if (node[0])
        snprintf(s->node, sizeof s->node, "%s", node);
    else
        take_host_name(s->node);
    s->ack_is_local = strcmp(cfg_text(cfg, SECTION, "ack"), "local") == 0;
    s->ack_wait_ms = cfg_ms(cfg, SECTION, "ack_wait");
    s->staged_bytes = cfg_int(cfg, SECTION, "staged_mib") << 20;
    s->staged_age_ms = cfg_ms(cfg, SECTION, "staged_age");
    s->lease_ms = cfg_ms(cfg, SECTION, "lease");
    return ERR_OK;
}

void site_free(struct site **site)
{
    struct site *s = *site;
    if (!s)
        return;
    free(s->database);
    free(s->schema);
    free(s->endpoint);
    free(s->region);
    free(s->ca_file);
    free(s->credentials);
    for (size_t i = 0; i < HOME_FILES; i++)
        free(s->home_file[i]);
    free(s);
    *site = NULL;
}

void site_use(const struct site *site)
{
    used = site;
}

const struct site *site_used(void)
{
    return used;
}

int site_try(const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    for (size_t i = 0; old && i < site_cfg_section.n_keys; i++) {
        const char *key = keys[i].name;
        if (strcmp(cfg_text(cfg, SECTION, key), cfg_text(old, SECTION, key)) == 0)
            continue;
        err_set(err, ERR_CONFIG, "[" SECTION "] holds from the start on; restart dashspool");
        return cfg_blame(cfg, SECTION, key, err);
    }
    return ERR_OK;
}

const char *site_database(const struct site *site)
{
    return site->database;
}

const char *site_schema(const struct site *site)
{
    return site->schema;
}

const char *site_bucket(const struct site *site)
{
    return site->bucket;
}

const char *site_prefix(const struct site *site)
{
    return site->prefix;
}

const char *site_endpoint(const struct site *site)
{
    return site->endpoint;
}

const char *site_region(const struct site *site)
{
    return site->region;
}

const char *site_ca_file(const struct site *site)
{
    return site->ca_file;
}

const char *site_credentials_file(const struct site *site)
{
    return site->credentials;
}

const char *site_node(const struct site *site)
{
    return site->node;
}

bool site_ack_is_local(const struct site *site)
{
    return site->ack_is_local;
}

int64_t site_ack_wait_ms(const struct site *site)
{
    return site->ack_wait_ms;
}

int64_t site_staged_bytes(const struct site *site)
{
    return site->staged_bytes;
}

int64_t site_staged_age_ms(const struct site *site)
{
    return site->staged_age_ms;
}

int64_t site_lease_ms(const struct site *site)
{
    return site->lease_ms;
}

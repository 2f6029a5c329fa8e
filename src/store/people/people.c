/* People: who may use the pages, and the hashes of their tokens. */
#include "dashspool/people.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "sqlx/sqlx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

struct people {
    sqlite3 *db;
};

/* Names are the same whatever their case: no "Özil" beside "özil" in a custody record; the table
 * itself knows that of ASCII only. mark: never twice the same, of all. */
static const struct sqlx_schema schema = {
    .application_id = 0x64737065, /* "dspe" */
    .version = 1,
    .fresh = SQLX_FRESH_FILE,
    .setup = SQLX_SETUP_FILE,
    .tables = "CREATE TABLE person("
              " name TEXT COLLATE NOCASE PRIMARY KEY,"
              " role INTEGER NOT NULL CHECK(role BETWEEN 1 AND 3),"
              " token_sha256 TEXT NOT NULL UNIQUE,"
              " mark INTEGER NOT NULL UNIQUE,"
              " added_us INTEGER NOT NULL,"
              " removed_us INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;",
};

int people_open(struct people **out, const char *root, bool write, struct err *err)
{
    struct people *p = *out = calloc(1, sizeof *p);
    char *path = NULL;
    int version;
    if (!p)
        return err_nomem(err, "people");
    int rc = fsx_path(&path, err, "%s/people.db", root);
    if (rc == ERR_OK)
        rc = write ? sqlx_open(&p->db, path, &schema, true, err)
                   : sqlx_open_readonly(&p->db, path, &schema, SQLX_BUSY_MS, &version, err);
    free(path);
    if (rc < 0)
        people_close(out);
    return rc;
}

void people_close(struct people **people)
{
    struct people *p = *people;
    if (p && p->db)
        sqlx_close(&p->db);
    free(p);
    *people = NULL;
}

bool people_moved(const struct people *p)
{
    return sqlx_has_moved(p->db);
}

int people_backup(struct people *p, const char *path, struct err *err)
{
    return sqlx_backup(p->db, path, -1, err);
}

/* ---- names and tokens ---- */

static int check_name(const char *name, struct err *err)
{
    static const char nobody[] = "somebody at "; /* who has no name is told so */
    size_t n = strlen(name), bytes;
    if (n == 0 || n >= PEOPLE_NAME_ROOM)
        return err_set(err, ERR_MALFORMED, "a name has 1 to %d bytes", PEOPLE_NAME_ROOM - 1);
    for (const char *at = name; *at; at += bytes) {
        uint32_t c;
        bytes = utf8_next(at, strlen(at), &c);
        if (bytes == 0 || text_hidden(c) || c == '/')
            return err_set(err, ERR_MALFORMED,
                           "%.20s: a name has letters, digits and signs that can be seen, but "
                           "no /",
                           bytes == 0 ? "it is no UTF-8" : name);
    }
    if (name[0] == ' ' || name[n - 1] == ' ' || strncasecmp(name, nobody, strlen(nobody)) == 0)
        return err_set(err, ERR_MALFORMED,
                       "a name does not begin or end with a space, nor begin with \"%s\"", nobody);
    return ERR_OK;
}

static int hash_of(const char *token, char sha256[HASH_HEX_ROOM], struct err *err)
{
    return hash_text(token, strlen(token), sha256, err);
}

/* RFC 4648, section 5. */
static int make_token(char token[PEOPLE_TOKEN_ROOM], char sha256[HASH_HEX_ROOM], struct err *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[HASH_BYTES + 1] = {0};
    if (getrandom(bytes, HASH_BYTES, 0) != HASH_BYTES)
        return err_sys(err, "random numbers");
    size_t n = 0;
    for (size_t bit = 0; bit < HASH_BYTES * 8; bit += 6) {
        unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        token[n++] = digits[two >> (10 - bit % 8) & 63];
    }
    token[n] = '\0';
    return hash_of(token, sha256, err);
}

/* ---- rows ---- */

#define COLUMNS "name, role, added_us, removed_us, mark"
/* Whoever is called ?1, and no other: before names were compared as they are now there could be two
 * who differ in case. Then it is who has this very name, though removed, else the only one left. */
#define NAMED                                                         \
    "removed_us = 0 AND same(name, ?1) AND (name = ?1 OR NOT EXISTS(" \
    "SELECT 1 FROM person AS other WHERE same(other.name, ?1)"        \
    " AND other.name <> person.name AND (other.name = ?1 OR other.removed_us = 0)))"

/* The person in the first columns of a row. */
static int read_person(sqlite3_stmt *st, struct people_person *out, int64_t *mark, struct err *err)
{
    int64_t role;
    if (!sqlx_text(st, 0, out->name, sizeof out->name) ||
        !sqlx_int64(st, 1, PEOPLE_VIEWER, PEOPLE_ADMIN, &role) ||
        !sqlx_int64(st, 2, INT64_MIN, INT64_MAX, &out->added_us) ||
        !sqlx_int64(st, 3, INT64_MIN, INT64_MAX, &out->removed_us) ||
        !sqlx_int64(st, 4, INT64_MIN, INT64_MAX, mark))
        return sqlx_unreadable(st, err, "people.db: a row cannot be read");
    out->role = (enum people_role)role;
    return ERR_OK;
}

/* The first row of a statement of one text. */
static int find(struct people *p, const char *sql, const char *text, struct people_person *out,
                int64_t *mark, struct err *err)
{
    sqlite3_stmt *st = NULL;
    bool row = false;
    int rc = sqlx_prepare(p->db, &st, sql, err);
    if (rc == ERR_OK) {
        sqlx_bind_text(st, 1, text);
        rc = sqlx_step(st, &row, err);
    }
    if (rc == ERR_OK)
        rc = row ? read_person(st, out, mark, err) : err_set(err, ERR_NOTFOUND, "nobody");
    sqlite3_finalize(st);
    return rc;
}

int people_find(struct people *p, const char *name, struct people_person *out, int64_t *mark,
                struct err *err)
{
    return find(p, "SELECT " COLUMNS " FROM person WHERE " NAMED, name, out, mark, err);
}

int people_by_token(struct people *p, const char *token, struct people_person *out, int64_t *mark,
                    struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    int rc = hash_of(token, sha256, err);
    return rc < 0 ? rc
                  : find(p,
                         "SELECT " COLUMNS " FROM person WHERE token_sha256 = ?1 AND removed_us = "
                         "0",
                         sha256, out, mark, err);
}

int people_each(struct people *p, people_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct people_person person;
    int64_t mark;
    bool row = true;
    int rc = sqlx_prepare(p->db, &st, "SELECT " COLUMNS " FROM person ORDER BY name", err);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row)
        if ((rc = read_person(st, &person, &mark, err)) == ERR_OK)
            rc = fn(arg, &person, err);
    sqlite3_finalize(st);
    return rc;
}

int people_any(struct people *p, bool *out, struct err *err)
{
    int64_t n = 0;
    int rc = sqlx_number(p->db, "SELECT count(*) FROM (SELECT 1 FROM person LIMIT 1)", &n, err);
    *out = n > 0;
    return rc;
}

/* ---- changes ---- */

int people_add(struct people *p, const char *name, enum people_role role, int64_t at_us,
               char token[PEOPLE_TOKEN_ROOM], struct err *err)
{
    sqlite3_stmt *st = NULL;
    char sha256[HASH_HEX_ROOM];
    int rc = check_name(name, err);
    if (rc == ERR_OK)
        rc = make_token(token, sha256, err);
    if (rc == ERR_OK)
        rc = sqlx_prepare(p->db, &st,
                          "INSERT INTO person(name, role, token_sha256, mark, added_us)"
                          " SELECT ?1, ?2, ?3, ifnull((SELECT max(mark) FROM person), 0) + 1, ?4"
                          " WHERE NOT EXISTS(SELECT 1 FROM person WHERE same(name, ?1))",
                          err);
    if (rc == ERR_OK) {
        sqlx_bind_text(st, 1, name);
        sqlite3_bind_int64(st, 2, role);
        sqlx_bind_text(st, 3, sha256);
        sqlite3_bind_int64(st, 4, at_us);
        rc = sqlx_run(st, err);
    }
    sqlite3_finalize(st);
    if (rc == ERR_OK && sqlite3_changes(p->db) == 0)
        rc = err_set(err, ERR_BUSY,
                     "%s: there is, or was, somebody of this name; custody records keep it, so "
                     "choose another",
                     name);
    return rc;
}

/* A change of one who is there, by SQL of ?2 (text) and ?3 (number). */
static int change(struct people *p, const char *name, const char *set, const char *text,
                  int64_t number, struct err *err)
{
    char sql[500];
    sqlite3_stmt *st = NULL;
    snprintf(sql, sizeof sql,
             "UPDATE person SET %s, mark = (SELECT max(mark) FROM person) + 1 WHERE " NAMED, set);
    int rc = sqlx_prepare(p->db, &st, sql, err);
    if (rc == ERR_OK) {
        sqlx_bind_text(st, 1, name);
        if (text)
            sqlx_bind_text(st, 2, text);
        else
            sqlite3_bind_int64(st, 2, number);
        rc = sqlx_run(st, err);
    }
    sqlite3_finalize(st);
    if (rc == ERR_OK && sqlite3_changes(p->db) == 0)
        rc = err_set(err, ERR_NOTFOUND, "%s: there is nobody of this name", name);
    return rc;
}

int people_renew(struct people *p, const char *name, char token[PEOPLE_TOKEN_ROOM], struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    int rc = make_token(token, sha256, err);
    return rc < 0 ? rc : change(p, name, "token_sha256 = ?2", sha256, 0, err);
}

int people_set_role(struct people *p, const char *name, enum people_role role, struct err *err)
{
    return change(p, name, "role = ?2", NULL, role, err);
}

int people_remove(struct people *p, const char *name, int64_t at_us, struct err *err)
{
    return change(p, name, "removed_us = ?2", NULL, at_us, err);
}

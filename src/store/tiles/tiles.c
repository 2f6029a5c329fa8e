#include "dashspool/tiles.h"
#include "dashspool/text.h"
#include "sqlx/sqlx.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ZOOM_MAX = 22,
    STEPS_MAX = 2000000, /* of SQLite's machine, for one question: a look into an index takes 30 */
};

struct tiles {
    sqlite3 *db;
    sqlite3_stmt *get;
    struct tiles_facts facts;
};

static int over(void *arg)
{
    (void)arg;
    return 1;
}

static void limit_question(const struct tiles *t)
{
    sqlite3_progress_handler(t->db, STEPS_MAX, over, NULL);
}

/* Text between the tags, in one line. */
static void plain_text(const char *from, char *out, size_t room)
{
    size_t n = 0;
    bool tag = false;
    char shown[TEXT_ONE_ROOM];
    for (size_t left = strlen(from), bytes; left > 0; from += bytes, left -= bytes) {
        if ((bytes = text_one(from, left, shown)) == 0)
            break;
        tag = *from == '<' || (tag && *from != '>');
        size_t its = strlen(shown);
        if (tag || *from == '>' || n + its >= room)
            continue;
        memcpy(out + n, shown, its);
        n += its;
    }
    out[n] = '\0';
}

static int read_metadata(struct tiles *t, const char *path, struct err *err)
{
    static const struct {
        const char *format, *type;
    } pictures[] = {{"png", "image/png"},
                    {"jpg", "image/jpeg"},
                    {"jpeg", "image/jpeg"},
                    {"webp", "image/webp"}};
    char format[32] = "";
    sqlite3_stmt *st = NULL;
    limit_question(t);
    if (sqlite3_prepare_v2(t->db,
                           "SELECT name, value FROM metadata"
                           " WHERE name IN ('format', 'minzoom', 'maxzoom', 'attribution')",
                           -1, &st, NULL) != SQLITE_OK)
        return err_set(err, ERR_CONFIG, "%s: not an MBTiles file: %s", path, sqlite3_errmsg(t->db));
    t->facts.zoom_max = ZOOM_MAX;
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        const char *value = (const char *)sqlite3_column_text(st, 1);
        int number = sqlite3_column_int(st, 1);
        number = number < 0 ? 0 : number > ZOOM_MAX ? ZOOM_MAX : number;
        if (!name || !value)
            continue;
        if (strcmp(name, "format") == 0)
            snprintf(format, sizeof format, "%s", value);
        else if (strcmp(name, "minzoom") == 0)
            t->facts.zoom_min = number;
        else if (strcmp(name, "maxzoom") == 0)
            t->facts.zoom_max = number;
        else
            plain_text(value, t->facts.attribution, sizeof t->facts.attribution);
    }
    sqlite3_finalize(st);
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (strcmp(format, pictures[i].format) == 0)
            t->facts.type = pictures[i].type;
    if (!t->facts.type)
        return err_set(
            err, ERR_CONFIG,
            "%s: its tiles are '%s': pictures are needed (png, jpg, webp), no vector map", path,
            format[0] ? format : "of no known format");
    return ERR_OK;
}

static int open_file(struct tiles *t, const char *path, struct err *err)
{
    char *uri = NULL;
    int rc = sqlx_address(path, &uri, err);
    if (rc < 0)
        return rc;
    int status = sqlite3_open_v2(uri, &t->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    free(uri);
    if (status != SQLITE_OK)
        return err_set(err, ERR_CONFIG, "%s: %s", path,
                       t->db ? sqlite3_errmsg(t->db) : "no memory");
    sqlite3_limit(t->db, SQLITE_LIMIT_LENGTH, (int)TILES_BYTES_MAX);
    sqlite3_db_config(t->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(t->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return ERR_OK;
}

int tiles_open(struct tiles **out, const char *path, struct err *err)
{
    struct tiles *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err, "a map");
    int rc = open_file(t, path, err);
    if (rc == ERR_OK)
        rc = read_metadata(t, path, err);
    if (rc == ERR_OK && sqlite3_prepare_v2(t->db,
                                           "SELECT tile_data FROM tiles WHERE zoom_level = ?1"
                                           " AND tile_column = ?2 AND tile_row = ?3",
                                           -1, &t->get, NULL) != SQLITE_OK)
        rc = err_set(err, ERR_CONFIG, "%s: not an MBTiles file: %s", path, sqlite3_errmsg(t->db));
    if (rc < 0)
        tiles_close(out);
    return rc;
}

void tiles_close(struct tiles **tiles)
{
    struct tiles *t = *tiles;
    if (t) {
        sqlite3_finalize(t->get);
        sqlite3_close(t->db);
    }
    free(t);
    *tiles = NULL;
}

const struct tiles_facts *tiles_about(const struct tiles *tiles)
{
    return &tiles->facts;
}

int tiles_get(struct tiles *t, int z, int x, int y, struct buf *out, struct err *err)
{
    if (z < 0 || z > ZOOM_MAX || x < 0 || y < 0 || x >= 1 << z || y >= 1 << z)
        return err_set(err, ERR_NOTFOUND, "there is no tile %d/%d/%d", z, x, y);
    sqlite3_bind_int(t->get, 1, z);
    sqlite3_bind_int(t->get, 2, x);
    sqlite3_bind_int(t->get, 3, (1 << z) - 1 - y); /* counted from the south */
    limit_question(t);
    sqlite3_stmt_status(t->get, SQLITE_STMTSTATUS_VM_STEP, 1); /* else all questions count as one */
    int status = sqlite3_step(t->get), rc;
    if (status == SQLITE_ROW && sqlite3_column_type(t->get, 0) == SQLITE_BLOB)
        rc = buf_append(out, sqlite3_column_blob(t->get, 0),
                        (size_t)sqlite3_column_bytes(t->get, 0), err);
    else if (status == SQLITE_ROW || status == SQLITE_DONE)
        rc = err_set(err, ERR_NOTFOUND, "there is no tile %d/%d/%d", z, x, y);
    else
        rc = err_set(err, ERR_MALFORMED, "tile %d/%d/%d: %s", z, x, y, sqlite3_errmsg(t->db));
    sqlite3_reset(t->get);
    return rc;
}

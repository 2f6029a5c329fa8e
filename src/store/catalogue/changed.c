/* Which transfers a transaction changed. SQLite tells before each row that any statement of the
 * connection inserts, changes or deletes, whether by itself, by REPLACE or by a foreign key
 * (SQLite documentation, "The pre-update hook"); not what is rolled back to a savepoint, of which
 * nothing is to be put, and nothing is changed by doing so. Nothing is committed before
 * catalogue_regroup() has taken it. */
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include "catalogue_internal.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The same transfer is written to a hundred times in a row while a store is made anew: beyond this
 * each is kept once. */
#define KEYS_BYTES_SORT ((size_t)256 * 1024)

/* Tables that tell of a transfer, and which column has its key. */
static const struct {
    const char *table;
    int column;
} beside[] = {{"copy", 1},     {"done", 0},       {"trouble", 0},     {"note", 0},
              {"reviewed", 0}, {"protection", 0}, {"case_number", 0}, {"private_mode", 0}};

static int compare(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

void catalogue_changed_sort(struct buf *keys)
{
    size_t n = catalogue_keys_count(keys), kept = 0;
    if (n == 0)
        return;
    int64_t *key = (int64_t *)(void *)(keys->mem + keys->start);
    qsort(key, n, sizeof *key, compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || key[kept - 1] != key[i])
            key[kept++] = key[i];
    keys->used = kept * sizeof *key;
}

static void append(struct catalogue_changed *ch, struct buf *b, const void *data, size_t n)
{
    struct err err;
    if (buf_append(b, data, n, &err) < 0)
        ch->failed = SQLITE_NOMEM;
}

static void note_key(struct catalogue_changed *ch, struct buf *keys, int64_t key)
{
    struct err err;
    size_t n = catalogue_keys_count(keys);
    if (n > 0 && catalogue_keys_at(keys, n - 1) == key)
        return;
    if (keys->used == keys->room && keys->used >= KEYS_BYTES_SORT) {
        catalogue_changed_sort(keys);
        if (keys->used > keys->room / 2 && !buf_reserve(keys, keys->room, &err))
            ch->failed = SQLITE_NOMEM;
    }
    append(ch, keys, &key, sizeof key);
}

/* A column of the row as it was, or as it becomes; NULL: it could not be read. */
static sqlite3_value *column(struct catalogue_changed *ch, sqlite3 *db, bool is_new, int at)
{
    sqlite3_value *value = NULL;
    int rc = is_new ? sqlite3_preupdate_new(db, at, &value) : sqlite3_preupdate_old(db, at, &value);
    if (rc != SQLITE_OK)
        ch->failed = rc;
    return rc == SQLITE_OK ? value : NULL;
}

static void note_column(struct catalogue_changed *ch, sqlite3 *db, bool is_new, int at,
                        struct buf *keys)
{
    sqlite3_value *value = column(ch, db, is_new, at);
    if (value)
        note_key(ch, keys, sqlite3_value_int64(value));
}

static const char *text_of(struct catalogue_changed *ch, sqlite3 *db, bool is_new, int at)
{
    sqlite3_value *value = column(ch, db, is_new, at);
    const char *text = value ? (const char *)sqlite3_value_text(value) : NULL;
    if (value && !text && sqlite3_value_type(value) != SQLITE_NULL)
        ch->failed = SQLITE_NOMEM;
    return text;
}

static void note_line(struct catalogue_changed *ch, sqlite3 *db, bool is_new)
{
    const char *line = text_of(ch, db, is_new, 2), *id;
    if (line &&
        (strstr(line, CATALOGUE_LINE_HAS("exported")) ||
         strstr(line, CATALOGUE_LINE_HAS("requested"))) &&
        (id = text_of(ch, db, is_new, 0)))
        append(ch, &ch->ids, id, strlen(id) + 1);
}

static void note_row(void *arg, sqlite3 *db, int op, const char *schema, const char *table,
                     sqlite3_int64 old_key, sqlite3_int64 new_key)
{
    struct catalogue_changed *ch = arg;
    if (ch->is_nothing || strcmp(schema, "main") != 0)
        return;
    for (int is_new = 0; is_new < 2; is_new++) {
        if (op == (is_new ? SQLITE_DELETE : SQLITE_INSERT))
            continue;
        if (strcmp(table, "transfer") == 0)
            note_key(ch, &ch->keys, is_new ? new_key : old_key);
        else if (strcmp(table, "custody") == 0)
            note_line(ch, db, is_new);
        else if (strcmp(table, "event_of") == 0 && op == SQLITE_DELETE)
            note_column(ch, db, false, 1, &ch->events);
        else
            for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
                if (strcmp(table, beside[i].table) == 0)
                    note_column(ch, db, is_new, beside[i].column, &ch->keys);
    }
}

static int refuse_commit(void *arg)
{
    const struct catalogue_changed *ch = arg;
    return ch->failed || ch->keys.used > 0 || ch->events.used > 0 || ch->ids.used > 0;
}

static void forget(void *arg)
{
    catalogue_changed_clear(arg);
}

void catalogue_changed_clear(struct catalogue_changed *ch)
{
    buf_clear(&ch->keys);
    buf_clear(&ch->events);
    buf_clear(&ch->ids);
    ch->failed = SQLITE_OK;
}

int catalogue_changed_complete(struct catalogue *c, struct err *err)
{
    int failed = c->changed.failed;
    if (!c->db)
        return catalogue_site_changed(c, err);
    if (failed == SQLITE_NOMEM)
        return err_nomem(err, "what a transaction changed");
    return failed == SQLITE_OK
               ? ERR_OK
               : err_set(err, ERR_MALFORMED, "%s: what was written cannot be read (%s)",
                         sqlite3_db_filename(c->db, "main"), sqlite3_errstr(failed));
}

void catalogue_changed_watch(struct catalogue *c)
{
    struct catalogue_changed *ch = &c->changed;
    buf_init(&ch->keys, CATALOGUE_KEYS_BYTES_MAX);
    buf_init(&ch->events, CATALOGUE_KEYS_BYTES_MAX);
    buf_init(&ch->ids, CATALOGUE_KEYS_BYTES_MAX);
    if (!c->db) /* its triggers note it */
        return;
    sqlite3_preupdate_hook(c->db, note_row, ch);
    sqlite3_commit_hook(c->db, refuse_commit, ch);
    sqlite3_rollback_hook(c->db, forget, ch);
}

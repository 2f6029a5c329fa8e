/* Files: where a transfer came from, and which files need not be read again. */
#include "catalogue_internal.h"
#include <inttypes.h>
#include <string.h>

const char *const catalogue_origin_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_ORIGIN_PUT] =
        "INSERT INTO origin(path, inode, length_bytes, mtime_ns, transfer, whole, note)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(transfer) DO UPDATE SET"
        " path = excluded.path, inode = excluded.inode, length_bytes = excluded.length_bytes,"
        " mtime_ns = excluded.mtime_ns, whole = excluded.whole, note = excluded.note",
    [CATALOGUE_SQL_ORIGIN_GET] = "SELECT path, inode, length_bytes, mtime_ns, whole, note"
                                 " FROM origin WHERE transfer = ?1",
    [CATALOGUE_SQL_SEEN_PUT] = "INSERT INTO seen(path, inode, length_bytes, mtime_ns, transfer)"
                               " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(path) DO UPDATE SET"
                               " inode = excluded.inode, length_bytes = excluded.length_bytes,"
                               " mtime_ns = excluded.mtime_ns, transfer = excluded.transfer",
    [CATALOGUE_SQL_SEEN_GET] = "SELECT path, inode, length_bytes, mtime_ns, transfer"
                               " FROM seen WHERE path = ?1",
    [CATALOGUE_SQL_SEEN_REMOVE] = "DELETE FROM seen WHERE path = ?1",
    [CATALOGUE_SQL_SEEN_NEXT] = "SELECT path, inode, length_bytes, mtime_ns, transfer"
                                " FROM seen WHERE path > coalesce(?1, x'') ORDER BY path LIMIT 1",
};

/* Parameters 1 to 4. */
static void bind_file(struct rows_st *st, const char *path, const struct catalogue_stat *s)
{
    rows_bind_blob(st, 1, path, strlen(path));
    rows_bind_int64(st, 2, s->inode);
    rows_bind_int64(st, 3, s->length_bytes);
    rows_bind_int64(st, 4, s->mtime_ns);
}

/* Columns 0 to 3. */
static bool read_file(struct rows_st *st, char path[CATALOGUE_FILE_ROOM], struct catalogue_stat *s)
{
    size_t n;
    uint8_t bytes[CATALOGUE_FILE_ROOM];
    if (!rows_blob(st, 0, bytes, sizeof bytes - 1, &n) || memchr(bytes, '\0', n) ||
        !rows_int64(st, 1, INT64_MIN, INT64_MAX, &s->inode) ||
        !rows_int64(st, 2, 0, INT64_MAX, &s->length_bytes) ||
        !rows_int64(st, 3, INT64_MIN, INT64_MAX, &s->mtime_ns))
        return false;
    memcpy(path, bytes, n);
    path[n] = '\0';
    return true;
}

int catalogue_origin_put(struct catalogue *c, int64_t key, const struct catalogue_origin *o,
                         struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ORIGIN_PUT, err);
    bind_file(st, o->path, &o->stat);
    rows_bind_int64(st, 5, key);
    rows_bind_int64(st, 6, o->whole);
    rows_bind_word(st, 7, o->note);
    return catalogue_run(c, st, key, err);
}

int catalogue_origin_get(struct catalogue *c, int64_t key, struct catalogue_origin *out,
                         struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ORIGIN_GET, err);
    int64_t whole = 0;
    bool found;
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, &found, err);
    if (rc < 0)
        return rc;
    if (!found)
        return err_set(err, ERR_NOTFOUND, "transfer %" PRId64 " did not come as a file", key);
    if (!read_file(st, out->path, &out->stat) || !rows_int64(st, 4, 0, 1, &whole) ||
        !rows_text(st, 5, out->note, sizeof out->note))
        return rows_unreadable(st, err,
                               "catalogue: the origin of transfer %" PRId64 " is malformed", key);
    out->whole = whole != 0;
    rows_reset(st);
    return ERR_OK;
}

int catalogue_seen_put(struct catalogue *c, const struct catalogue_seen *s, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_SEEN_PUT, err);
    bind_file(st, s->path, &s->stat);
    rows_bind_text(st, 5, s->id);
    return catalogue_run(c, st, 0, err);
}

/* The row that st finds for a path; *found false: none. */
static int read_seen(struct rows_st *st, const char *path, struct catalogue_seen *out, bool *found,
                     struct err *err)
{
    rows_bind_blob(st, 1, path, strlen(path));
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!read_file(st, out->path, &out->stat) || !rows_text(st, 4, out->id, sizeof out->id))
        return rows_unreadable(st, err, "catalogue: what was seen of %s, or after it, is malformed",
                               path);
    rows_reset(st);
    return ERR_OK;
}

int catalogue_seen_get(struct catalogue *c, const char *path, struct catalogue_seen *out,
                       struct err *err)
{
    bool found;
    int rc = read_seen(catalogue_sql(c, CATALOGUE_SQL_SEEN_GET, err), path, out, &found, err);
    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOTFOUND, "%s was not seen before", path);
    return rc;
}

int catalogue_seen_each(struct catalogue *c, catalogue_seen_fn *fn, void *arg, struct err *err)
{
    struct catalogue_seen seen;
    char path[CATALOGUE_FILE_ROOM] = "";
    bool found = true;
    int rc = ERR_OK;
    while (rc == ERR_OK && found) {
        rc = read_seen(catalogue_sql(c, CATALOGUE_SQL_SEEN_NEXT, err), path, &seen, &found, err);
        if (rc < 0 || !found)
            break;
        memcpy(path, seen.path, sizeof path);
        rc = fn(arg, &seen, err);
    }
    return rc;
}

int catalogue_seen_remove(struct catalogue *c, const char *path, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_SEEN_REMOVE, err);
    rows_bind_blob(st, 1, path, strlen(path));
    return catalogue_run(c, st, 0, err);
}

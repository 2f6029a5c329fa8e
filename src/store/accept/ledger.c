/* ledger: the table `accepted`: what became of the transfers of nodes, by their tokens. */
#include "accept_internal.h"
#include "rows/rows.h"

const char *const ledger_steps[1] = {
    "CREATE TABLE accepted("
    " token text COLLATE \"C\" PRIMARY KEY,"
    " id text COLLATE \"C\" NOT NULL,"
    " same bigint NOT NULL,"
    " lines bigint NOT NULL,"
    " at_us bigint NOT NULL);",
};

int ledger_get(struct rows *rows, const char *token, struct accept_entry *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool found = false;
    int64_t same = 0;
    int rc = rows_prepare(rows, &st, "SELECT id, same, lines FROM accepted WHERE token = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, token);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK && found &&
        (!rows_text(st, 0, out->id, sizeof out->id) || !rows_int64(st, 1, 0, 1, &same) ||
         !rows_int64(st, 2, 0, INT32_MAX, &out->lines)))
        rc = err_set(err, ERR_IO, "what was accepted as %s is malformed in the database", token);
    out->same = same != 0;
    rows_finalize(&st);
    return rc < 0 || found ? rc : err_set(err, ERR_NOTFOUND, "nothing was accepted as %s", token);
}

int ledger_put(struct rows *rows, const char *token, const struct accept_entry *e, int64_t at_us,
               struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(rows, &st,
                          "INSERT INTO accepted(token, id, same, lines, at_us)"
                          " VALUES(?1, ?2, ?3, ?4, ?5)",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, token);
        rows_bind_text(st, 2, e->id);
        rows_bind_int64(st, 3, e->same);
        rows_bind_int64(st, 4, e->lines);
        rows_bind_int64(st, 5, at_us);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

#include "support/sql.h"
#include "support/support.h"
#include <sqlite3.h>

static int64_t run(sqlite3 *db, const char *text)
{
    sqlite3_stmt *st = NULL;
    int64_t v = -1;
    for (const char *rest = text; *rest; sqlite3_finalize(st)) {
        if (sqlite3_prepare_v2(db, rest, -1, &st, &rest) != SQLITE_OK)
            fail_msg("%s: %s", text, sqlite3_errmsg(db));
        int rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            v = sqlite3_column_int64(st, 0);
        else if (rc != SQLITE_DONE)
            fail_msg("%s: %s", text, sqlite3_errmsg(db));
    }
    return v;
}

int64_t sql_run(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int64_t v = run(db, text);
    sqlite3_close(db);
    return v;
}

void sql_change(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run(db, text);
    assert_true(sqlite3_total_changes(db) > 0);
    sqlite3_close(db);
}

void sql_hold(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "BEGIN EXCLUSIVE");
}

/* raw, inside: the day files and the list of those that are open. */
#ifndef DASHSPOOL_RAW_INTERNAL_H
#define DASHSPOOL_RAW_INTERNAL_H

#include "dashspool/raw.h"
#include "dashspool/root.h"
#include "sqlx/sqlx.h"

/* Day files kept open: today's and yesterday's for the receiver, two more for readers. A day with a
 * transaction is never closed, so there may be more until the commit. */
#define RAW_DAYS_OPEN 4

enum raw_sql {
    RAW_SQL_APPEND,
    RAW_SQL_TAIL,
    RAW_SQL_CHUNK,
    RAW_SQL_BEGIN,
    RAW_SQL_SEAL,
    RAW_SQL_FACTS,
    RAW_SQL_HIGHEST,
    RAW_SQL_DROP_CHUNKS,
    RAW_SQL_DROP_MASTER,
    RAW_SQL_DROPPED,
    RAW_SQL_ROLLBACK,
    RAW_SQL_COUNT
};

struct raw_dayfile {
    struct raw_dayfile *next;
    char day[RAW_DAY_ROOM];
    struct root_id root; /* that it says */
    sqlite3 *db;
    sqlite3_stmt *sql[RAW_SQL_COUNT];
    bool writing; /* a transaction was begun and is neither committed nor rolled back */
};

struct raw {
    char *dir;
    struct root_id root;      /* that of ROOT; none: not known */
    struct raw_dayfile *days; /* the last used first */
};

/* The day's open file, borrowed until the next call. ERR_MALFORMED for what is no day; without
 * `create` ERR_NOTFOUND if there is no such file. */
int raw_dayfile_get(struct raw *raw, const char *day, bool create, struct raw_dayfile **out,
                    struct err *err) DS_MUST_CHECK;

/* Begins the day's transaction if it has none. ERR_FOREIGN: it holds what nobody knows the ROOT of.
 */
int raw_dayfile_begin(const struct raw *raw, struct raw_dayfile *d, struct err *err) DS_MUST_CHECK;

/* In that transaction: the row that says whose a master is. ERR_MALFORMED: the key has one. */
int raw_begin_master(const struct raw *raw, struct raw_dayfile *d, int64_t key,
                     const struct raw_facts *whose, struct err *err) DS_MUST_CHECK;

/* Closes the longest unused days that have no transaction, until `keep` are open. */
void raw_dayfile_trim(struct raw *raw, size_t keep);

void raw_dayfile_free(struct raw_dayfile **d);

#endif

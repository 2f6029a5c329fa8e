/* catalogue, inside: the connection with its statements, transactions, lists of keys. */
#ifndef DASHSPOOL_CATALOGUE_INTERNAL_H
#define DASHSPOOL_CATALOGUE_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "rows/rows.h"
#include "sqlx/sqlx.h"

enum catalogue_sql {
    CATALOGUE_SQL_CAMERA_SEEN,
    CATALOGUE_SQL_ID_TAKEN,
    CATALOGUE_SQL_KEYS_ROW,
    CATALOGUE_SQL_KEYS_ABOVE,
    CATALOGUE_SQL_ADD,
    CATALOGUE_SQL_ADD_NEW,
    CATALOGUE_SQL_UPDATE,
    CATALOGUE_SQL_UNCHANGED,
    CATALOGUE_SQL_REMOVE,
    CATALOGUE_SQL_BY_KEY,
    CATALOGUE_SQL_BY_ID,
    CATALOGUE_SQL_SAME,
    CATALOGUE_SQL_RESUMABLE,
    CATALOGUE_SQL_LOAD,
    CATALOGUE_SQL_RECIPE_PUT,
    CATALOGUE_SQL_SETTINGS_PUT,
    CATALOGUE_SQL_SETTINGS_FORGET,
    CATALOGUE_SQL_COPY_PUT,
    CATALOGUE_SQL_COPY_KEYS,
    CATALOGUE_SQL_COPY_BY_KEY,
    CATALOGUE_SQL_COPY_SUMMARY,
    CATALOGUE_SQL_ARRIVAL_ADD,
    CATALOGUE_SQL_ARRIVAL_KEYS,
    CATALOGUE_SQL_ARRIVAL_BY_KEY,
    CATALOGUE_SQL_LOCK_ID,
    CATALOGUE_SQL_EVENT_LAST,
    CATALOGUE_SQL_EVENT_ADD,
    CATALOGUE_SQL_EVENT_AT,
    CATALOGUE_SQL_EVENT_REMOVE,
    CATALOGUE_SQL_EVENT_RETELL,
    CATALOGUE_SQL_DONE_PUT,
    CATALOGUE_SQL_DONE_GET,
    CATALOGUE_SQL_DONE_AT,
    CATALOGUE_SQL_OWE,
    CATALOGUE_SQL_OWE_AGAIN,
    CATALOGUE_SQL_GIVE_UP,
    CATALOGUE_SQL_OWED,
    CATALOGUE_SQL_OWED_KEYS,
    CATALOGUE_SQL_PROTECT,
    CATALOGUE_SQL_UNPROTECT,
    CATALOGUE_SQL_PROTECTION_AT,
    CATALOGUE_SQL_LOCK,
    CATALOGUE_SQL_RETIRE,
    CATALOGUE_SQL_DUE_ADD,
    CATALOGUE_SQL_DUE_KEYS,
    CATALOGUE_SQL_DUE_BY_KEY,
    CATALOGUE_SQL_DUE_DONE,
    CATALOGUE_SQL_COPY_REMOVE,
    CATALOGUE_SQL_WITH,
    CATALOGUE_SQL_ORIGIN_PUT,
    CATALOGUE_SQL_ORIGIN_GET,
    CATALOGUE_SQL_SEEN_PUT,
    CATALOGUE_SQL_SEEN_GET,
    CATALOGUE_SQL_SEEN_REMOVE,
    CATALOGUE_SQL_SEEN_NEXT,
    CATALOGUE_SQL_UPKEEP_PUT,
    CATALOGUE_SQL_UPKEEP_GET,
    CATALOGUE_SQL_NEWEST,
    CATALOGUE_SQL_HIGHEST_KEY,
    CATALOGUE_SQL_RECORD_PUT,
    CATALOGUE_SQL_RECORD_NEXT,
    CATALOGUE_SQL_RECORD_COUNT,
    CATALOGUE_SQL_MATCH_PUT,
    CATALOGUE_SQL_MATCH_GET,
    CATALOGUE_SQL_TROUBLE_PUT,
    CATALOGUE_SQL_TROUBLE_OVER,
    CATALOGUE_SQL_TROUBLE_GET,
    CATALOGUE_SQL_PRIVATE_PUT,
    CATALOGUE_SQL_PRIVATE_OVER,
    CATALOGUE_SQL_GROUP_KEY,
    CATALOGUE_SQL_GROUP_PLACE,
    CATALOGUE_SQL_GROUP_ALL,
    CATALOGUE_SQL_GROUP_WAS,
    CATALOGUE_SQL_GROUP_COUNT,
    CATALOGUE_SQL_GROUP_TRIGGERS,
    CATALOGUE_SQL_GROUP_NEAR,
    CATALOGUE_SQL_GROUP_PARTS,
    CATALOGUE_SQL_GROUP_PART,
    CATALOGUE_SQL_GROUP_ALONE,
    CATALOGUE_SQL_GROUP_OF,
    CATALOGUE_SQL_GROUP_OF_PUT,
    CATALOGUE_SQL_GROUP_MEMBER,
    CATALOGUE_SQL_GROUP_MEMBER_OF_MANY,
    CATALOGUE_SQL_GROUP_NOTES,
    CATALOGUE_SQL_GROUP_PUT,
    CATALOGUE_SQL_GROUP_WORDS,
    CATALOGUE_SQL_GROUP_NO_WORDS,
    CATALOGUE_SQL_GROUP_DROP,
    CATALOGUE_SQL_COUNT
};

/* How often a number or a name is chosen anew that somebody else has taken: on a site, others write
 * at the same time. */
enum { CATALOGUE_TRIES = 20 };

extern const struct sqlx_schema catalogue_schema;

/* What the transaction changed so far, by which events are put anew before it is committed: at
 * least that, and of what was undone, too. */
struct catalogue_changed {
    struct buf keys;   /* of transfers; 8 bytes each, some more than once */
    struct buf events; /* keys of those that a deleted transfer was of */
    struct buf ids;    /* of transfers whose custody tells of what events show; each ends with 0 */
    int failed;        /* SQLite's code: it could not be noted */
    bool is_nothing;   /* what is written now is none of it */
};

struct catalogue {
    sqlite3 *db;                              /* of this machine alone; NULL: of a site */
    struct rows *rows;                        /* over db, or the site's */
    struct rows_st *sql[CATALOGUE_SQL_COUNT]; /* NULL: not used yet */
    bool in_transaction;                      /* the caller's, catalogue_begin() */
    bool is_reading;                          /* catalogue_read_begin() */
    struct catalogue_changed changed;
};

/* The statement, prepared when it is first asked for: not all of them with each opening. NULL: it
 * cannot be, and *err says why, which rows_step() then returns; values bound to it are nothing. Ask
 * once for what is bound and then run. */
struct rows_st *catalogue_sql(struct catalogue *c, enum catalogue_sql which, struct err *err);

/* As catalogue_root(). */
int catalogue_read_root(struct rows *rows, struct root_id *out, struct err *err) DS_MUST_CHECK;

/* A list of row keys that is complete before the first row is told: no statement is open while the
 * caller's function runs, so that it may write. 8 bytes a row; the ceiling is 16 million rows. */
#define CATALOGUE_KEYS_BYTES_MAX ((size_t)128 * 1024 * 1024)

/* Appends the first column of every row of st, which is reset. */
int catalogue_keys_read(struct rows_st *st, struct buf *keys, struct err *err) DS_MUST_CHECK;
size_t catalogue_keys_count(const struct buf *keys);
int64_t catalogue_keys_at(const struct buf *keys, size_t i);

/* Makes several statements one change: inside the caller's transaction nothing is begun (*own
 * false). ERR_IO if SQLite undid the caller's transaction after an earlier failure: the rest of it
 * must not be written alone. End with catalogue_leave(), which takes and returns the result so
 * far. */
int catalogue_enter(struct catalogue *c, bool *own, struct err *err) DS_MUST_CHECK;
int catalogue_leave(struct catalogue *c, bool own, int rc, struct err *err) DS_MUST_CHECK;

/* Nobody else adds to the custody of this id, or to its notes, until the transaction ends. */
int catalogue_lock_id(struct catalogue *c, const char *id, struct err *err) DS_MUST_CHECK;

/* Runs what is bound, as a change of its own. ERR_NOTFOUND: there is no transfer `key`, to which it
 * belongs. */
int catalogue_run(struct catalogue *c, struct rows_st *st, int64_t key,
                  struct err *err) DS_MUST_CHECK;

/* A line of custody is of this event: no text of a stranger in it can say so. */
#define CATALOGUE_LINE_HAS(event)      "\",\"event\":\"" event "\",\"id\":\""
#define CATALOGUE_LINE_IS(line, event) "instr(" line ", '" CATALOGUE_LINE_HAS(event) "') > 0"

/* From now on c->changed has what any statement of the connection writes (changed.c), whoever runs
 * it and however: what is committed without catalogue_regroup() fails. */
void catalogue_changed_watch(struct catalogue *c);
/* Sorted, each once. */
void catalogue_changed_sort(struct buf *keys);
void catalogue_changed_clear(struct catalogue_changed *changed);

/* What is known of it so far is all. */
int catalogue_changed_complete(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* ---- of a site (site.c) ---- */

/* A connection to the site that is used, with the tables of a catalogue. */
int catalogue_site_open(struct rows **out, struct err *err) DS_MUST_CHECK;
/* Takes what its triggers noted in this transaction, and keeps others from the events of these
 * vehicles until its end. */
int catalogue_site_changed(struct catalogue *c, struct err *err) DS_MUST_CHECK;
int catalogue_site_version(struct catalogue *c, int64_t *out, struct err *err) DS_MUST_CHECK;
/* A statement whose text cannot be that of SQLite's. */
extern const char *const catalogue_site_sql[CATALOGUE_SQL_COUNT];

/* The events of those that changed, before each commit (group.c). */
int catalogue_regroup(struct catalogue *c, struct err *err) DS_MUST_CHECK;
/* All rows of events anew, in a transaction. */
int catalogue_group_anew(struct catalogue *c, struct err *err) DS_MUST_CHECK;

/* SQL that adds the settings `x` of the rows of `from` that are not there yet; first their recipes:
 * what stands from "libraries" up to "program" in JSON with sorted keys, as it comes. */
#define CATALOGUE_CUT(from, x)                                                             \
    "(SELECT x, a, instr(substr(x, a), ',\"program\":') - 1 AS n"                          \
    " FROM (SELECT " x " AS x, instr(" x ", '\"libraries\":') AS a FROM " from " WHERE " x \
    " IS NOT NULL) AS b) AS c "
#define CATALOGUE_RECIPE_PUT(from, x)                                                  \
    "INSERT INTO recipe(sha256, text) SELECT sha256(substr(x, a, n)), substr(x, a, n)" \
    " FROM " CATALOGUE_CUT(from, x) "WHERE a > 0 AND n > 0 ON CONFLICT DO NOTHING"
#define CATALOGUE_SETTINGS_PUT(from, x)                                                           \
    "INSERT INTO settings(sha256, text, recipe, at)"                                              \
    " SELECT sha256(x), iif(r.key IS NULL, x, substr(x, 1, a - 1) || substr(x, a + n)),"          \
    "  r.key, iif(r.key IS NULL, NULL, a - 1)"                                                    \
    " FROM " CATALOGUE_CUT(from, x) "LEFT JOIN recipe AS r"                                       \
                                    "  ON a > 0 AND n > 0 AND r.sha256 = sha256(substr(x, a, n))" \
                                    " WHERE true ON CONFLICT DO NOTHING"
/* … and that has the whole text of a row of settings; NULL: its recipe is not there. */
#define CATALOGUE_SETTINGS_TEXT                                                            \
    "iif(settings.recipe IS NULL, settings.text, substr(settings.text, 1, settings.at) ||" \
    " (SELECT r.text FROM recipe AS r WHERE r.key = settings.recipe)"                      \
    " || substr(settings.text, settings.at + 1))"

/* Before copies go, all of a transfer (key; 0: none) or the one at a path (NULL: none): removes the
 * settings that none but these have. */
int catalogue_settings_forget(struct catalogue *c, int64_t transfer, const char *path,
                              struct err *err) DS_MUST_CHECK;

/* The texts of the statements, beside the code that binds them. */
extern const char *const catalogue_transfer_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_id_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_copy_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_arrival_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_event_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_done_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_keep_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_origin_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_journey_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_condition_sql[CATALOGUE_SQL_COUNT];
extern const char *const catalogue_group_sql[CATALOGUE_SQL_COUNT];

#endif

#include "catalogue_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A metadata value is NULL if it was absent altogether; `known` (enum catalogue_known) says which
 * are plausible. when_us is the time that lists are ordered and filtered by. Views and triggers are
 * off in our connections, so the schema has none. changed.c knows columns of some tables by number.
 */
#define CUSTODY_TABLE                                                                      \
    "CREATE TABLE custody(transfer TEXT NOT NULL, n INTEGER NOT NULL, line TEXT NOT NULL," \
    " PRIMARY KEY(transfer, n)) STRICT, WITHOUT ROWID;"

#define DONE_TABLE                                                            \
    "CREATE TABLE done("                                                      \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"  \
    " stage TEXT NOT NULL, at_us INTEGER NOT NULL, attempt INTEGER NOT NULL," \
    " PRIMARY KEY(transfer, stage)) STRICT, WITHOUT ROWID;"

/* What a stage still has to do is little: attempt 0 (catalogue_owe()). */
#define OWED_INDEX "CREATE INDEX done_owed ON done(transfer, stage, at_us) WHERE attempt = 0;"

/* due: masters whose row is gone, and that are to be dropped from their day's file. */
#define KEEP_TABLES                                                          \
    "CREATE TABLE protection("                                               \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE," \
    " reason TEXT NOT NULL, who TEXT NOT NULL, since_us INTEGER NOT NULL,"   \
    " PRIMARY KEY(transfer, reason)) STRICT, WITHOUT ROWID;"                 \
    "CREATE TABLE due(key INTEGER PRIMARY KEY, day TEXT NOT NULL) STRICT;"

#define UPKEEP_TABLE                                                       \
    "CREATE TABLE upkeep("                                                 \
    " task TEXT PRIMARY KEY, at_us INTEGER NOT NULL, ok INTEGER NOT NULL," \
    " text TEXT NOT NULL) STRICT, WITHOUT ROWID;"

#define ARRIVAL_TABLE                                                                       \
    "CREATE TABLE arrival("                                                                 \
    " key INTEGER PRIMARY KEY,"                                                             \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"                \
    " peer TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER NOT NULL,"            \
    " from_bytes INTEGER NOT NULL, until_bytes INTEGER NOT NULL, packets INTEGER NOT NULL," \
    " crc_errors INTEGER NOT NULL, resumes INTEGER NOT NULL, bytes_lost INTEGER NOT NULL,"  \
    " duplicates INTEGER NOT NULL, errors TEXT, ended TEXT) STRICT;"                        \
    "CREATE INDEX arrival_transfer ON arrival(transfer, key);"                              \
    "CREATE INDEX transfer_arrived ON transfer(imei, arrived_us, length_bytes);"

#define FILE_TABLES                                                                           \
    "CREATE TABLE origin("                                                                    \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE,"               \
    " path BLOB NOT NULL, inode INTEGER NOT NULL, length_bytes INTEGER NOT NULL,"             \
    " mtime_ns INTEGER NOT NULL, whole INTEGER NOT NULL CHECK(whole IN (0, 1)), note TEXT)"   \
    " STRICT;"                                                                                \
    "CREATE TABLE seen("                                                                      \
    " path BLOB NOT NULL PRIMARY KEY, inode INTEGER NOT NULL, length_bytes INTEGER NOT NULL," \
    " mtime_ns INTEGER NOT NULL, transfer TEXT NOT NULL) STRICT, WITHOUT ROWID;"

/* The settings of a copy are the same JSON as those of its neighbours: each text is here once, by
 * its SHA-256, for as long as a copy has it (catalogue_settings_forget()). The part that is the
 * same for all that one program made with the same options, half of it, is in `recipe`, and was cut
 * out of it behind its first `at` letters. */
#define COPY_TABLES                                                                      \
    "CREATE TABLE recipe("                                                               \
    " key INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;" \
    "CREATE TABLE settings("                                                             \
    " key INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, text TEXT NOT NULL,"         \
    " recipe INTEGER REFERENCES recipe(key), at INTEGER) STRICT;"                        \
    "CREATE TABLE copy("                                                                 \
    " key INTEGER PRIMARY KEY,"                                                          \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"             \
    " kind TEXT NOT NULL, path TEXT NOT NULL UNIQUE,"                                    \
    " length_bytes INTEGER NOT NULL, sha256 TEXT, made_us INTEGER NOT NULL,"             \
    " tool TEXT, settings INTEGER REFERENCES settings(key) ON DELETE SET NULL) STRICT;"  \
    "CREATE INDEX copy_transfer ON copy(transfer);"                                      \
    "CREATE INDEX copy_settings ON copy(settings) WHERE settings IS NOT NULL;"

/* What lists ask for, in their order; what is not whole is little, and looked for often. */
#define LIST_INDEXES                                                       \
    "CREATE INDEX transfer_imei ON transfer(imei, when_us, id);"           \
    "CREATE INDEX transfer_trigger ON transfer(trigger_name, when_us, id)" \
    " WHERE trigger_name IS NOT NULL;"                                     \
    "CREATE INDEX transfer_unfinished ON transfer(imei, when_us, id) WHERE state <> 'stored';"

#define SETTINGS_FROM_COPIES                        \
    CATALOGUE_RECIPE_PUT("copy_before", "settings") \
    ";" CATALOGUE_SETTINGS_PUT("copy_before", "settings") ";"
#define COPIES_FROM_COPIES                                                                    \
    "INSERT INTO copy SELECT key, transfer, kind, path, length_bytes, sha256, made_us, tool," \
    " (SELECT s.key FROM settings AS s WHERE s.sha256 = sha256(copy_before.settings))"        \
    " FROM copy_before ORDER BY key;"

/* One row; none in a file from before version 8 that no receiver has opened yet (root.h). */
#define ROOT_TABLE "CREATE TABLE root(id BLOB NOT NULL CHECK(length(id) = 16)) STRICT;"

/* What the tracker said of a transfer; and the record of its event. */
#define JOURNEY_TABLES                                                          \
    "CREATE TABLE journey("                                                     \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"    \
    " time_ms INTEGER NOT NULL, priority INTEGER NOT NULL,"                     \
    " event INTEGER NOT NULL, sha256 BLOB NOT NULL, codec INTEGER NOT NULL,"    \
    " arrived_us INTEGER NOT NULL, raw BLOB NOT NULL,"                          \
    " PRIMARY KEY(transfer, time_ms, priority, event, sha256)) STRICT,"         \
    " WITHOUT ROWID;"                                                           \
    "CREATE TABLE journey_event("                                               \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE," \
    " time_ms INTEGER NOT NULL, priority INTEGER NOT NULL,"                     \
    " event INTEGER NOT NULL, sha256 BLOB NOT NULL,"                            \
    " difference_ms INTEGER NOT NULL) STRICT;"

/* Footage that was asked for (requests.h). Of a transfer that fulfils a request its id: that tells
 * of it when the transfer is deleted. */
#define REQUEST_TABLES                                                                        \
    "CREATE TABLE request("                                                                   \
    " id INTEGER PRIMARY KEY AUTOINCREMENT, imei TEXT NOT NULL, kind TEXT NOT NULL,"          \
    " camera TEXT, time_s INTEGER NOT NULL, seconds INTEGER NOT NULL, resolution TEXT,"       \
    " host TEXT, port INTEGER NOT NULL, com INTEGER NOT NULL, codec INTEGER NOT NULL,"        \
    " command TEXT NOT NULL, asked_by TEXT NOT NULL, reason TEXT, added_us INTEGER NOT NULL," \
    " expires_us INTEGER NOT NULL, state TEXT NOT NULL, waits INTEGER NOT NULL,"              \
    " changed_us INTEGER NOT NULL, not_before_us INTEGER NOT NULL,"                           \
    " answered_s INTEGER NOT NULL, sent INTEGER NOT NULL, files_due INTEGER NOT NULL,"        \
    " failures INTEGER NOT NULL, failing TEXT) STRICT;"                                       \
    "CREATE INDEX request_open ON request(imei, id)"                                          \
    " WHERE state IN ('queued', 'sent', 'accepted', 'uploading', 'waiting');"                 \
    "CREATE TABLE request_event("                                                             \
    " request INTEGER NOT NULL REFERENCES request(id) ON DELETE CASCADE, n INTEGER NOT NULL," \
    " at_us INTEGER NOT NULL, state TEXT NOT NULL, what TEXT NOT NULL, words TEXT,"           \
    " PRIMARY KEY(request, n)) STRICT, WITHOUT ROWID;"                                        \
    "CREATE TABLE request_transfer("                                                          \
    " request INTEGER NOT NULL REFERENCES request(id) ON DELETE CASCADE,"                     \
    " transfer TEXT NOT NULL, camera TEXT NOT NULL, at_us INTEGER NOT NULL,"                  \
    " complete INTEGER NOT NULL, by_order INTEGER NOT NULL,"                                  \
    " PRIMARY KEY(request, transfer)) STRICT, WITHOUT ROWID;"

/* Events that a rule asks for (standing.h). outcome: NULL until it is known. */
#define RULE_TABLE                                                          \
    "CREATE TABLE rule_event("                                              \
    " rule TEXT NOT NULL, imei TEXT NOT NULL, time_ms INTEGER NOT NULL,"    \
    " what TEXT NOT NULL, own INTEGER NOT NULL, noted_us INTEGER NOT NULL," \
    " due_us INTEGER NOT NULL, outcome TEXT, request INTEGER,"              \
    " PRIMARY KEY(rule, imei, time_ms)) STRICT, WITHOUT ROWID;"             \
    "CREATE INDEX rule_event_due ON rule_event(due_us, rule, imei) WHERE outcome IS NULL;"

/* Events as people look at them (review.h), which the catalogue keeps (group.c): event, event_of,
 * event_words; what people note of transfers, and what vehicles are called (words: as it is looked
 * for). trouble: jobs of a stage that failed. private_mode: transfers whose driver was private at
 * some moment, as the tracker told. */
#define REVIEW_TABLES                                                                        \
    "CREATE TABLE event("                                                                    \
    " key INTEGER PRIMARY KEY, id TEXT NOT NULL, imei TEXT NOT NULL, trigger TEXT NOT NULL," \
    " at_us INTEGER NOT NULL, until_us INTEGER NOT NULL, time_known INTEGER NOT NULL,"       \
    " tz_min INTEGER, cameras INTEGER NOT NULL, videos INTEGER NOT NULL,"                    \
    " photos INTEGER NOT NULL, condition INTEGER NOT NULL, marks INTEGER NOT NULL,"          \
    " lat_deg REAL, lon_deg REAL, seconds REAL NOT NULL, case_number TEXT) STRICT;"          \
    "CREATE INDEX event_time ON event(at_us, key, condition, marks, cameras);"               \
    "CREATE INDEX event_imei ON event(imei, at_us, key, condition, marks, cameras);"         \
    "CREATE INDEX event_trigger ON event(trigger, at_us, key, condition, marks, cameras);"   \
    "CREATE TABLE event_of("                                                                 \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE,"              \
    " event INTEGER NOT NULL) STRICT;"                                                       \
    "CREATE INDEX event_of_event ON event_of(event);"                                        \
    "CREATE TABLE event_words("                                                              \
    " event INTEGER PRIMARY KEY REFERENCES event(key) ON DELETE CASCADE,"                    \
    " words TEXT NOT NULL) STRICT;"                                                          \
    "CREATE TABLE reviewed("                                                                 \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE,"              \
    " who TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;"                                    \
    "CREATE TABLE note("                                                                     \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"                 \
    " n INTEGER NOT NULL, at_us INTEGER NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL,"    \
    " PRIMARY KEY(transfer, n)) STRICT, WITHOUT ROWID;"                                      \
    "CREATE TABLE case_number("                                                              \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE,"              \
    " number TEXT NOT NULL, who TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;"              \
    "CREATE TABLE vehicle("                                                                  \
    " imei TEXT PRIMARY KEY, name TEXT NOT NULL, plate TEXT NOT NULL, team TEXT NOT NULL,"   \
    " words TEXT NOT NULL) STRICT, WITHOUT ROWID;"                                           \
    "CREATE TABLE trouble("                                                                  \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"                 \
    " stage TEXT NOT NULL, why TEXT NOT NULL, at_us INTEGER NOT NULL,"                       \
    " PRIMARY KEY(transfer, stage)) STRICT, WITHOUT ROWID;"                                  \
    "CREATE TABLE private_mode("                                                             \
    " transfer INTEGER PRIMARY KEY REFERENCES transfer(key) ON DELETE CASCADE) STRICT;"

/* Of records that were joined before version 10 nobody noted whether one was private: those that
 * have its id (391) in them anywhere may be; Codec 8 has no ids of two bytes. 'fsck --repair' reads
 * them. */
#define MAY_BE_PRIVATE                                               \
    "INSERT INTO private_mode SELECT DISTINCT transfer FROM journey" \
    " WHERE codec <> 8 AND instr(raw, x'0187') > 0;"

/* Imports counted as a camera's contact. */
#define CAMERA_CONTACTS                                                                   \
    "UPDATE camera SET last_us = coalesce((SELECT max(arrived_us) FROM transfer AS t"     \
    " WHERE t.imei = camera.imei AND t.camera = camera.camera AND source = 'camera'), 0)" \
    " WHERE EXISTS(SELECT 1 FROM transfer AS t WHERE t.imei = camera.imei"                \
    " AND t.camera = camera.camera AND source <> 'camera' AND t.arrived_us = last_us);"

/* The end of the step to 7. SQLite keeps what one statement changes in memory, to be able to undo
 * it: all copies at once would be a gigabyte. */
static int drop_copies_before(sqlite3 *db, struct err *err)
{
    int rc;
    do
        rc = sqlx_exec(db,
                       "DELETE FROM copy_before WHERE key IN"
                       " (SELECT key FROM copy_before ORDER BY key LIMIT 2000)",
                       err);
    while (rc == ERR_OK && sqlite3_changes(db) > 0);
    return rc < 0 ? rc : sqlx_exec(db, "DROP TABLE copy_before", err);
}

/* The end of the step to 10: the events of all transfers. */
static int group_first(sqlite3 *db, struct err *err)
{
    struct catalogue c = {.db = db};
    int rc = rows_of_sqlite(&c.rows, db, err);
    if (rc == ERR_OK)
        rc = catalogue_group_anew(&c, err);
    for (size_t i = 0; i < CATALOGUE_SQL_COUNT; i++)
        rows_finalize(&c.sql[i]);
    rows_close(&c.rows);
    return rc;
}

const struct sqlx_schema catalogue_schema = {
    .application_id = 0x64736361, /* "dsca" */
    .version = 10,
    .setup = "PRAGMA journal_mode=WAL;"
             "PRAGMA synchronous=FULL;"
             "PRAGMA secure_delete=ON;"
             "PRAGMA foreign_keys=ON;"
             "PRAGMA cell_size_check=ON;",
    .tables = "CREATE TABLE camera("
              " imei TEXT NOT NULL, camera TEXT NOT NULL,"
              " first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
              " PRIMARY KEY(imei, camera)) STRICT, WITHOUT ROWID;"
              "CREATE TABLE transfer("
              " key INTEGER PRIMARY KEY AUTOINCREMENT,"
              " id TEXT NOT NULL UNIQUE,"
              " imei TEXT NOT NULL, camera TEXT NOT NULL,"
              " kind TEXT NOT NULL, source TEXT NOT NULL,"
              " state TEXT NOT NULL CHECK(state IN ('receiving', 'stored', 'partial')),"
              " published INTEGER NOT NULL CHECK(published IN (0, 1)),"
              " day TEXT NOT NULL, arrived_us INTEGER NOT NULL, completed_us INTEGER,"
              " length_bytes INTEGER NOT NULL, sha256 TEXT,"
              " known INTEGER NOT NULL, meta_version INTEGER, time_us INTEGER,"
              " trigger_raw INTEGER, trigger_name TEXT, length_s INTEGER, fps INTEGER,"
              " tz_min INTEGER, lat_deg REAL, lon_deg REAL, trigger_time_us INTEGER,"
              " peer TEXT, protocol_id INTEGER NOT NULL, packets INTEGER NOT NULL,"
              " crc_errors INTEGER NOT NULL, resumes INTEGER NOT NULL,"
              " init BLOB, meta BLOB, start BLOB,"
              " path BLOB, events INTEGER, driver TEXT,"
              " connections INTEGER NOT NULL DEFAULT 1, bytes_lost INTEGER NOT NULL DEFAULT 0,"
              " duplicates INTEGER NOT NULL DEFAULT 0, from_0 INTEGER NOT NULL DEFAULT 0,"
              " set_aside INTEGER NOT NULL DEFAULT 0,"
              " remade INTEGER NOT NULL DEFAULT 0,"
              " when_us INTEGER GENERATED ALWAYS AS"
              "  (coalesce(iif(known & 2, time_us, NULL), arrived_us)) VIRTUAL,"
              " FOREIGN KEY(imei, camera) REFERENCES camera(imei, camera)) STRICT;"
              "CREATE INDEX transfer_time ON transfer(when_us, id);"
              "CREATE INDEX transfer_sha256 ON transfer(sha256) WHERE sha256 IS NOT NULL;"
              "CREATE INDEX transfer_unpublished ON transfer(when_us, id)"
              " WHERE state = 'stored' AND published = 0;" COPY_TABLES LIST_INDEXES ARRIVAL_TABLE
                  CUSTODY_TABLE DONE_TABLE OWED_INDEX KEEP_TABLES FILE_TABLES UPKEEP_TABLE
                      ROOT_TABLE JOURNEY_TABLES REQUEST_TABLES RULE_TABLE REVIEW_TABLES
              "INSERT INTO root VALUES(randomblob(16));",
    .upgrade =
        (const char *const[]){
            "ALTER TABLE transfer ADD COLUMN path BLOB;"
            "ALTER TABLE transfer ADD COLUMN events INTEGER;"
            "ALTER TABLE transfer ADD COLUMN driver TEXT;"
            "ALTER TABLE transfer ADD COLUMN connections INTEGER NOT NULL DEFAULT 1;"
            "ALTER TABLE transfer ADD COLUMN bytes_lost INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE transfer ADD COLUMN duplicates INTEGER NOT NULL DEFAULT 0;" ARRIVAL_TABLE,
            CUSTODY_TABLE, DONE_TABLE, KEEP_TABLES, FILE_TABLES,
            /* to 7 */
            "DROP INDEX transfer_camera;" OWED_INDEX LIST_INDEXES
            "ALTER TABLE copy RENAME TO copy_before;"
            "DROP INDEX copy_transfer;" COPY_TABLES SETTINGS_FROM_COPIES COPIES_FROM_COPIES
                CAMERA_CONTACTS UPKEEP_TABLE
            "ALTER TABLE transfer ADD COLUMN from_0 INTEGER NOT NULL DEFAULT 0;",
            /* to 8 */
            "ALTER TABLE transfer ADD COLUMN set_aside INTEGER NOT NULL DEFAULT 0;" ROOT_TABLE,
            /* to 9 */
            "ALTER TABLE transfer ADD COLUMN remade INTEGER NOT NULL DEFAULT 0;" JOURNEY_TABLES
                REQUEST_TABLES RULE_TABLE,
            /* to 10 */
            REVIEW_TABLES MAY_BE_PRIVATE},
    .upgrade_end = (sqlx_upgrade_fn *const[]){NULL, NULL, NULL, NULL, NULL, drop_copies_before,
                                              NULL, NULL, group_first},
};

/* What undoes a transaction is there before there is one. */
static int make_ready(struct catalogue *c, struct err *err)
{
    catalogue_changed_watch(c);
    return rows_of_sqlite(&c->rows, c->db, err);
}

/* Nobody makes a ROOT by opening it. */
static int check_root(const char *root, struct err *err)
{
    struct stat st;
    if (stat(root, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? ERR_OK
                   : err_set(err, ERR_CONFIG, "%s exists, but is not a directory; move it away",
                             root);
    return errno == ENOENT ? err_set(err, ERR_NOTFOUND,
                                     "%s: no such directory; give the right one with --root, or "
                                     "receive a file first",
                                     root)
                           : err_sys(err, "look at %s", root);
}

/* A new one is made only where there was none: one that is made beside originals, without a word,
 * would give out the keys of the lost one again. */
static int open_file(sqlite3 **out, const char *path, const char *root, bool create,
                     struct err *err)
{
    struct err lost;
    int rc = create ? check_root(root, err) : ERR_OK;
    if (rc < 0)
        return rc;
    rc = sqlx_open(out, path, &catalogue_schema, false, err);
    if (rc == ERR_NOTFOUND && !create && root_check_whole(root, &lost) < 0)
        *err = lost;
    if (rc != ERR_NOTFOUND || !create)
        return rc == ERR_NOTFOUND ? err->code : rc;
    if ((rc = root_is_new(root, &lost)) == ERR_OK)
        return sqlx_open(out, path, &catalogue_schema, true, err);
    /* or another process has just made it, and what is beside it */
    if (sqlx_open(out, path, &catalogue_schema, false, err) == ERR_OK)
        return ERR_OK;
    *err = lost;
    return rc;
}

int catalogue_read_root(struct rows *rows, struct root_id *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    size_t n = 0;
    *out = (struct root_id){{0}};
    int rc = rows_prepare(rows, &st, "SELECT id FROM root", err);
    if (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row &&
        (!rows_blob(st, 0, out->bytes, sizeof out->bytes, &n) || n != sizeof out->bytes))
        rc = rows_unreadable(st, err, "catalogue.db: its identity is malformed");
    rows_finalize(&st);
    return rc;
}

int catalogue_root(struct catalogue *c, struct root_id *out, struct err *err)
{
    return catalogue_read_root(c->rows, out, err);
}

int catalogue_set_root(struct catalogue *c, const struct root_id *root, struct err *err)
{
    struct rows_st *st = NULL;
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    if ((rc = rows_exec(c->rows, "DELETE FROM root", err)) == ERR_OK &&
        (rc = rows_prepare(c->rows, &st,
                           "INSERT INTO root SELECT iif(?1 IS NULL, randomblob(16), ?1)", err)) ==
            ERR_OK) {
        rows_bind_blob(st, 1, root ? root->bytes : NULL, root ? sizeof root->bytes : 0);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return catalogue_leave(c, own, rc, err);
}

int catalogue_open_local(struct catalogue **out, const char *root, bool create, struct err *err)
{
    char *path = NULL;
    struct root_id id;
    struct catalogue *c = calloc(1, sizeof *c);
    int rc = c ? ERR_OK : err_nomem(err, "a catalogue");
    if (rc < 0 || (rc = fsx_path(&path, err, "%s/catalogue.db", root)) < 0)
        goto out;
    rc = open_file(&c->db, path, root, create, err);
    if (rc == ERR_NOTFOUND && err->sys_errno == ENOENT)
        rc = err_set(err, rc,
                     "%s: no catalogue found; give the right directory with --root, or receive a "
                     "file first",
                     root);
    if (rc < 0 || (rc = make_ready(c, err)) < 0 || (rc = catalogue_root(c, &id, err)) < 0 ||
        (rc = root_check(root, &id, err)) < 0)
        goto out;
    if (create)
        rc = fsx_sync_dir(root, err);
out:
    free(path);
    if (rc < 0)
        catalogue_close(&c);
    *out = c;
    return rc;
}

int catalogue_ready_for_reader(const char *root, struct err *err)
{
    struct catalogue *c = NULL;
    int rc = catalogue_open(&c, root, true, err);
    if (rc == ERR_OK && c->db)
        sqlx_keep_log(c->db);
    catalogue_close(&c);
    return rc;
}

static int open_of_site(struct catalogue **out, struct err *err)
{
    struct catalogue *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "a catalogue");
    catalogue_changed_watch(c);
    int rc = catalogue_site_open(&c->rows, err);
    if (rc < 0)
        catalogue_close(out);
    return rc;
}

int catalogue_open_reader(struct catalogue **out, const char *root, struct err *err)
{
    char *path = NULL;
    int version;
    if (site_used())
        return open_of_site(out, err);
    struct catalogue *c = *out = calloc(1, sizeof *c);
    int rc = c ? fsx_path(&path, err, "%s/catalogue.db", root) : err_nomem(err, "a catalogue");
    if (rc == ERR_OK)
        rc = sqlx_open_readonly(&c->db, path, &catalogue_schema, SQLX_BUSY_MS, &version, err);
    if (rc == ERR_OK && version < catalogue_schema.version)
        rc = err_set(err, ERR_UNSUPPORTED,
                     "%s is of an older version; what writes to it brings it up to date", path);
    if (rc == ERR_OK)
        rc = make_ready(c, err);
    free(path);
    if (rc < 0)
        catalogue_close(out);
    return rc;
}

int catalogue_open(struct catalogue **out, const char *root, bool create, struct err *err)
{
    return site_used() ? open_of_site(out, err) : catalogue_open_local(out, root, create, err);
}

void catalogue_close(struct catalogue **c)
{
    if (!*c)
        return;
    for (size_t i = 0; i < CATALOGUE_SQL_COUNT; i++)
        rows_finalize(&(*c)->sql[i]);
    rows_close(&(*c)->rows);
    sqlx_close(&(*c)->db);
    catalogue_changed_clear(&(*c)->changed);
    free(*c);
    *c = NULL;
}

int catalogue_begin(struct catalogue *c, struct err *err)
{
    int rc = rows_begin(c->rows, err);
    if (rc == ERR_OK)
        c->in_transaction = true;
    return rc;
}

int catalogue_read_begin(struct catalogue *c, struct err *err)
{
    int rc = rows_begin_read(c->rows, err);
    c->is_reading = rc == ERR_OK;
    return rc;
}

int catalogue_rows(struct catalogue *c, struct rows **out, struct err *err)
{
    (void)err;
    *out = c->rows;
    return ERR_OK;
}

bool catalogue_is_of_site(const struct catalogue *c)
{
    return !c->db;
}

int catalogue_there(const struct catalogue *c, struct err *err)
{
    if (!c->db || !sqlx_has_moved(c->db))
        return ERR_OK;
    return err_set(err, ERR_IO,
                   "%s was deleted or replaced while in use; put it back, or stop dashspool, run "
                   "'dashspool reindex' and start it again",
                   sqlite3_db_filename(c->db, "main"));
}

#define UNSETTLED_US INT64_C(50000) /* a file system counts time in ticks of 10 ms at most */

static int64_t mix(int64_t sum, int64_t value)
{
    return (int64_t)(((uint64_t)sum ^ (uint64_t)value) * UINT64_C(0x100000001b3)); /* FNV-1a */
}

/* Every commit writes the log, and every checkpoint the file. PRAGMA data_version is another number
 * each time for a reader that cannot write while nobody else has the catalogue open. */
int catalogue_version(struct catalogue *c, int64_t *out, struct err *err)
{
    static const char *const ends[] = {"", "-wal"};
    static int64_t unsettled;
    if (!c->db)
        return catalogue_site_version(c, out, err);
    const char *main_file = sqlite3_db_filename(c->db, "main");
    int64_t sum = 1, newest_us = 0;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof ends / sizeof *ends; i++) {
        struct stat st;
        char *path = NULL;
        rc = fsx_path(&path, err, "%s%s", main_file, ends[i]);
        if (rc == ERR_OK && stat(path, &st) == 0) {
            int64_t us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
            newest_us = us > newest_us ? us : newest_us;
            sum = mix(mix(mix(sum, us), st.st_size), (int64_t)st.st_ino);
        }
        free(path);
    }
    if (rc == ERR_OK && clock_utc_us() - newest_us < UNSETTLED_US)
        sum = mix(sum, ++unsettled); /* another commit may come within the same tick */
    *out = sum;
    return rc;
}

/* What is committed to a file without a name is lost with the last who has it open. */
static int commit(struct catalogue *c, struct err *err)
{
    int rc = catalogue_there(c, err);
    if (rc == ERR_OK)
        rc = catalogue_regroup(c, err);
    return rc < 0 ? rc : rows_commit(c->rows, err);
}

int catalogue_commit(struct catalogue *c, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc == ERR_OK)
        rc = commit(c, err);
    if (rc < 0)
        catalogue_rollback(c);
    c->in_transaction = false;
    return rc;
}

void catalogue_rollback(struct catalogue *c)
{
    rows_rollback(c->rows);
    catalogue_changed_clear(&c->changed);
    c->in_transaction = c->is_reading = false;
}

int catalogue_end(struct catalogue *c, int rc, struct err *err)
{
    if (rc == ERR_OK)
        return catalogue_commit(c, err);
    catalogue_rollback(c);
    return rc;
}

bool catalogue_in_transaction(const struct catalogue *c)
{
    return c->in_transaction;
}

int catalogue_enter(struct catalogue *c, bool *own, struct err *err)
{
    *own = false;
    if (c->in_transaction && !rows_in_transaction(c->rows))
        return err_set(err, ERR_IO, "catalogue: an earlier failure undid this transaction");
    if (rows_in_transaction(c->rows)) /* the caller's, or that of a function around this one */
        return ERR_OK;
    *own = true;
    return rows_begin(c->rows, err);
}

int catalogue_leave(struct catalogue *c, bool own, int rc, struct err *err)
{
    if (!own)
        return rc;
    if (rc == ERR_OK)
        rc = commit(c, err);
    if (rc < 0)
        rows_rollback(c->rows);
    return rc;
}

int catalogue_run(struct catalogue *c, struct rows_st *st, int64_t key, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0) {
        rows_reset(st);
        return rc;
    }
    rc = rows_run(st, NULL, err);
    if (rc < 0 && rows_was_reference(c->rows))
        rc = err_set(err, ERR_NOTFOUND, "no transfer with key %" PRId64, key);
    return catalogue_leave(c, own, rc, err);
}

const char *catalogue_state_name(enum catalogue_state state)
{
    static const char *const names[] = {"receiving", "stored", "partial"};
    return (unsigned)state <= CATALOGUE_PARTIAL ? names[state] : "unknown";
}

/*
 * A store, altered: each column of each table of both databases, one at a time, in a store that a
 * receiver, an import and the converter have made. fsck finds it and export stops, or the column is
 * on the list of what need not be compared, in docs/evidence.md; what is on the list is really not
 * found. A new column fails this test until that is decided.
 */
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/raw.h"
#include "dashspool/requests.h"
#include "dashspool/review.h"
#include "dashspool/upkeep.h"
#include "support/sql.h"
#include "support/stored.h"
#include "support/tracker.h"
#include "support/world.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define FRONT TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define VIDEO IMEI "-rear-video-20241129T072345Z"
#define TIME  "2024-11-29T07:23:45Z"
#define DOCS  TEST_SOURCE_DIR "/../docs/evidence.md"

enum { TRANSFERS = 12, DATABASES = 3, ROWS_TRIED = 3, LISTED_MAX = 128 };

static struct world w;
static char *ids[TRANSFERS];
static size_t n_ids;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)
#define SIMULATE(...)                                                                        \
    RUN("simulate", "--to", world_address(w.port), "--time", TIME, "--lat", "54.7", "--lon", \
        "25.25", __VA_ARGS__)

/* ---- the store ---- */

static struct database {
    char name[32]; /* below ROOT */
    struct buf was;
} database[DATABASES];
static int n_databases;

static void keep(const char *name)
{
    struct database *d = &database[n_databases++];
    assert_true(n_databases <= DATABASES);
    snprintf(d->name, sizeof d->name, "%s", name);
    d->was = support_read(support_path(w.root, name));
}

static int keep_id(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    char name[32];
    (void)arg;
    (void)err;
    assert_true(n_ids < TRANSFERS);
    ids[n_ids++] = strdup(t->id);
    snprintf(name, sizeof name, "raw/%s.db", t->day);
    for (int i = 0; i < n_databases; i++)
        if (strcmp(database[i].name, name) == 0)
            return ERR_OK;
    keep(name);
    return ERR_OK;
}

/* One that retention has deleted: its custody alone is left. */
static void add_deleted(void)
{
    struct err err;
    struct stored store;
    struct catalogue_transfer t = {.state = CATALOGUE_STORED,
                                   .arrived_us = INT64_C(1732865025000000)};
    const struct custody_event e = {1, CUSTODY_DELETED, "a test", NULL};
    snprintf(t.imei, sizeof t.imei, "352093081452255");
    snprintf(t.camera, sizeof t.camera, "front");
    snprintf(t.kind, sizeof t.kind, "photo");
    stored_open(&store, w.root);
    stored_add(&store, &t, "no photo", 8);
    assert_ok(catalogue_retire(store.catalogue, &t, &e, &err));
    assert_ok(raw_drop(store.raw, t.day, t.key, &err));
    assert_ok(catalogue_due_done(store.catalogue, t.key, &err));
    stored_close(&store);
}

/* What a tracker said of the video, and of its event. */
static void drive(void)
{
    struct records *r = NULL;
    struct err err;
    assert_ok(records_open(&r, w.root, RECORDS_WRITE, &err));
    for (int s = 0; s < 6; s++) {
        struct tracker_says says = tracker_says(INT64_C(1732865025000) + 1000 * s);
        says.trigger = s == 3 ? 3 : -1;
        says.event_id = s == 3 ? AVL_ID_CAMERA_TRIGGER : 0;
        tracker_put(r, IMEI, &says, INT64_C(1732865100000000));
    }
    records_close(&r);
}

static int make_store(void **state)
{
    struct err err;
    struct catalogue *c = NULL;
    char path[600];
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    expect(SIMULATE("--imei", IMEI, "--rear", CLIP, "--trigger", "crash", "--meta-version", "4",
                    "--trigger-after", "3"),
           0, "files uploaded: 1,");
    expect(
        SIMULATE("--imei", "352093081452252", "--dsm", PHOTO, "--driver", "Anna", "--events", "9"),
        0, "files uploaded: 1,");
    expect(SIMULATE("--imei", "352093081452253", "--photo-rear", PHOTO, "--fault", "disconnect=40"),
           0, "files uploaded: 0,");
    expect(SIMULATE("--imei", "352093081452253", "--photo-rear", PHOTO, "--fault", "crc=50"), 0,
           "files uploaded: 1,");
    expect(SIMULATE("--imei", "352093081452254", "--photo-rear", PHOTO, "--fault", "disconnect=40"),
           0, "files uploaded: 0,");
    world_wait_jobs(&w);
    world_stop(&w);
    snprintf(path, sizeof path, "%s/cut.h265", w.dir);
    struct buf clip = support_read(FRONT);
    support_write(path, buf_data(&clip), clip.used - 100); /* its end is a fact, too */
    buf_clear(&clip);
    expect(RUN("import", "--force", "--imei", "352093081452256", path), 0, "");
    drive();
    expect(RUN("work", "--once"), 0, "done");
    add_deleted();
    expect(RUN("protect", VIDEO, "--reason", "claim 18", "--who", "a clerk"), 0, "protected");
    struct requests_request r = {.imei = IMEI, .by = "a clerk", .reason = "claim 18"};
    r.what = (struct camreq){CAMREQ_PHOTO, "rear", .host = "a.b", .port = 1};
    assert_ok(catalogue_open(&c, w.root, false, &err));
    assert_ok(requests_add(c, &r, INT64_C(1732865025000000), &err));
    sql_change(support_path(w.root, "catalogue.db"),
               "INSERT INTO request_transfer VALUES(1, '" VIDEO "', 'rear', 1, 1, 0)");
    assert_ok(review_put_reviewed(c, VIDEO, "a clerk", true, &err));
    assert_ok(review_put_case(c, VIDEO, "a clerk", "18", &err));
    assert_ok(review_add_note(c, VIDEO, "a clerk", "the van came from the right", &err));
    assert_ok(review_add_note(c, VIDEO, "a clerk", "its driver agrees", &err));
    assert_ok(
        review_vehicle_put(c, &(struct review_vehicle){IMEI, "Van 4", "VNO 1", "north"}, &err));
    assert_ok(catalogue_settle(c, &err));
    keep("catalogue.db");
    assert_ok(catalogue_transfer_each(c, &(struct catalogue_filter){0}, keep_id, NULL, &err));
    catalogue_close(&c);
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    for (int i = 0; i < n_databases; i++)
        buf_clear(&database[i].was);
    for (size_t i = 0; i < n_ids; i++)
        free(ids[i]);
    world_close(&w);
    return 0;
}

static void put_back(void)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    for (int i = 0; i < n_databases; i++) {
        const char *path = support_path(w.root, database[i].name);
        char name[700];
        for (int j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "%s%s", path, beside[j]);
            unlink(name);
        }
        support_write(path, buf_data(&database[i].was), database[i].was.used);
    }
}

/* ---- who finds it ---- */

static char told[4096];

static void on_problem(void *arg, const struct upkeep_problem *p)
{
    (void)arg;
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s: %s\n", p->where, p->what);
}

static bool fsck_finds(unsigned how)
{
    struct err err;
    struct upkeep_findings f;
    const struct upkeep_listener listener = {on_problem, NULL, NULL, NULL};
    told[0] = '\0';
    int rc = upkeep_fsck(w.root, how, NULL, &listener, &f, &err);
    return rc < 0 || f.problems > 0;
}

/* Whether the export of all stops; as_found: it must not, and has to say so. */
static int export_all(bool as_found, struct export_result *result, struct err *why)
{
    struct err err;
    char path[600];
    snprintf(path, sizeof path, "%s/package", w.dir);
    const struct export_request request = {.root = w.root,
                                           .ids = (const char *const *)ids,
                                           .n = n_ids,
                                           .path = path,
                                           .who = "a test",
                                           .at_us = 1,
                                           .as_found = as_found,
                                           .no_protect = true};
    int rc = export_package(&request, NULL, NULL, result, why);
    if (rc == ERR_OK)
        assert_ok(fsx_remove_tree(path, &err));
    return rc;
}

static bool export_finds(void)
{
    struct err err;
    struct export_result result;
    return export_all(false, &result, &err) < 0;
}

/* ---- what is on the list ---- */

static char listed[LISTED_MAX][64];
static bool met[LISTED_MAX];
static int n_listed;

/* "| `table.column` | why |", behind the heading. */
static void read_list(void)
{
    struct err err;
    struct buf b = support_read(DOCS);
    assert_ok(buf_append(&b, "", 1, &err));
    char *rest = NULL, *at = strstr((char *)(b.mem + b.start), "### What is compared with nothing");
    assert_non_null(at);
    strtok_r(at, "\n", &rest);
    for (char *line = strtok_r(NULL, "\n", &rest); line && line[0] != '#';
         line = strtok_r(NULL, "\n", &rest)) {
        char *end = strncmp(line, "| `", 3) == 0 ? strstr(line, " | ") : NULL;
        for (char *name = line + 3; end && name < end; name += strcspn(name, "`") + 1) {
            assert_true(n_listed < LISTED_MAX);
            snprintf(listed[n_listed++], sizeof listed[0], "%.*s", (int)strcspn(name, "`"), name);
            name += strcspn(name, "`") + 1; /* "`, `" or the end */
        }
    }
    buf_clear(&b);
}

static bool is_listed(const char *table, const char *column)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", table, column);
    for (int i = 0; i < n_listed; i++)
        if (strcmp(listed[i], name) == 0)
            return met[i] = true;
    return false;
}

/* ---- alterations ---- */

/* The texts of a query's first column; the caller frees all. */
static char **texts_of(const char *path, const char *sql, int *n)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    char **all = NULL;
    *n = 0;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW) {
        all = realloc(all, (size_t)(*n + 1) * sizeof *all);
        assert_non_null(all);
        all[(*n)++] = strdup((const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    return all;
}

static void free_texts(char **all, int n)
{
    for (int i = 0; i < n; i++)
        free(all[i]);
    free(all);
}

/* Another value of the same type; what is not there becomes one. */
static const char other_value[] =
    "CASE typeof(%1$s) WHEN 'integer' THEN"
    "   CASE WHEN '%1$s' IN ('published', 'whole', 'from_0') THEN 1 - %1$s"
    "        WHEN '%1$s' = 'mtime_ns' THEN %1$s + 1000000007"
    "        WHEN '%1$s' IN ('key', 'transfer', 'n', 'offset') THEN %1$s + 1000"
    "        ELSE %1$s + 1 END"
    " WHEN 'real' THEN %1$s + 1"
    " WHEN 'text' THEN CASE WHEN '%1$s' <> 'state' THEN %1$s || 'x'"
    "   WHEN %1$s = 'stored' THEN 'partial' ELSE 'stored' END"
    " WHEN 'blob' THEN CAST(substr(%1$s, 1, length(%1$s) - 1) ||"
    "   CASE WHEN substr(%1$s, -1) = x'7e' THEN x'7f' ELSE x'7e' END AS BLOB)"
    " ELSE %2$s END";

static const char *value_of(const char *type)
{
    return strcmp(type, "INTEGER") == 0 ? "7"
           : strcmp(type, "REAL") == 0  ? "7.5"
           : strcmp(type, "TEXT") == 0  ? "'x'"
                                        : "x'07'";
}

static void alter(const struct database *d, const char *table, const char *column,
                  const char *value, const char *where)
{
    char sql[3000];
    snprintf(sql, sizeof sql, "UPDATE %s SET %s = %s WHERE %s", table, column, value, where);
    sql_change(support_path(w.root, d->name), sql);
}

static int missed;

/* Without these a row or an original cannot be read, or not be found: nothing can be packed "as it
 * was found". All others must not make evidence unexportable. */
static bool is_unreadable(const char *table, const char *column)
{
    static const char *const names[] = {
        "transfer.key", "transfer.id",  "transfer.imei",       "transfer.day",  "transfer.sha256",
        "recipe.key",   "settings.key", "settings.recipe",     "settings.at",   "copy.sha256",
        "chunk.key",    "chunk.offset", "master.length_bytes", "master.sha256", "root.id"};
    char name[64];
    snprintf(name, sizeof name, "%s.%s", table, column);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* One alteration; is it found, and packed with --as-found? */
static void judge(const struct database *d, const char *table, const char *column, bool list,
                  const char *value, const char *where)
{
    alter(d, table, column, value, where);
    bool fsck = fsck_finds(d == database ? UPKEEP_QUICK : 0), exported = export_finds();
    if (exported) {
        struct export_result r;
        struct err err = {0};
        int rc = export_all(true, &r, &err);
        bool may_fail = is_unreadable(table, column) &&
                        (rc == ERR_MALFORMED || rc == ERR_NOTFOUND || rc == ERR_FOREIGN);
        if (rc < 0 ? !may_fail : r.differences == 0) {
            missed++;
            fprintf(stderr, "%s.%s, where %.120s: --as-found: %s\n", table, column, where,
                    rc < 0 ? err.text : "it says nothing");
        }
    }
    put_back();
    if (list ? fsck && exported : !fsck || !exported) {
        missed++;
        fprintf(stderr, "%s.%s, where %.120s: %sfound by fsck, %sfound by export%s\n", table,
                column, where, fsck ? "" : "not ", exported ? "" : "not ",
                list ? "; it is listed as not compared" : "");
    }
}

/* Rows whose alteration counts: of transfers that are there, and of a custody all but its last
 * line, which nothing follows. */
static const char *rows_of(const char *table)
{
    if (strcmp(table, "custody") == 0)
        return " AND transfer IN (SELECT id FROM transfer) AND n <"
               " (SELECT max(n) FROM custody AS all_of WHERE all_of.transfer = custody.transfer)";
    return "";
}

static void try_column(const struct database *d, const char *table, const char *column,
                       const char *type, bool nullable, const char *row)
{
    static const char *const sides[] = {"NOT NULL", "NULL"};
    const char *path = support_path(w.root, d->name);
    bool list = is_listed(table, column);
    char sql[1500], value[2500];
    snprintf(value, sizeof value, other_value, column, value_of(type));
    for (int side = 0; side < 2; side++) {
        int n;
        snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE %s IS %s%s LIMIT %d", row, table, column,
                 sides[side], rows_of(table), side || list ? 1 : ROWS_TRIED);
        char **where = texts_of(path, sql, &n);
        for (int i = 0; i < n; i++) {
            judge(d, table, column, list, value, where[i]);
            snprintf(sql, sizeof sql, "SELECT %s IN (0, '') FROM %s WHERE %s", column, table,
                     where[i]);
            if (side == 0 && nullable && !list && sql_run(path, sql) == 0) /* else it is the same */
                judge(d, table, column, list, "NULL", where[i]);
        }
        free_texts(where, n);
    }
}

/* An expression for a row's own WHERE. */
static void row_of(const char *path, const char *table, char out[400])
{
    char sql[300];
    int n;
    snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('%s') WHERE pk > 0 ORDER BY pk",
             table);
    char **pk = texts_of(path, sql, &n);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        size_t used = strlen(out);
        snprintf(out + used, 400 - used, "%s'%s = ' || quote(%s)", i ? " || ' AND ' || " : "",
                 pk[i], pk[i]);
    }
    free_texts(pk, n);
    if (!out[0])
        snprintf(out, 400, "'rowid = ' || rowid");
}

static void try_table(const struct database *d, const char *table)
{
    const char *path = support_path(w.root, d->name);
    char row[400], sql[300];
    int n;
    row_of(path, table, row);
    snprintf(
        sql, sizeof sql,
        "SELECT name || ' ' || type || ' ' || (\"notnull\" OR pk) FROM pragma_table_info('%s')",
        table);
    char **column = texts_of(path, sql, &n);
    for (int i = 0; i < n; i++) {
        char *rest = NULL, *name = strtok_r(column[i], " ", &rest),
             *type = strtok_r(NULL, " ", &rest), *notnull = strtok_r(NULL, " ", &rest);
        try_column(d, table, name, type, strcmp(notnull, "0") == 0, row);
    }
    free_texts(column, n);
}

static void test_a_store_that_was_not_altered_is_well(void **state)
{
    (void)state;
    assert_int_equal(n_ids, 5);
    assert_false(fsck_finds(0) && told[0]);
    assert_false(export_finds());
    put_back();
}

static void test_each_column_is_compared_or_on_the_list(void **state)
{
    (void)state;
    read_list();
    for (int i = 0; i < n_databases; i++) {
        int n;
        char **table = texts_of(support_path(w.root, database[i].name),
                                "SELECT name FROM sqlite_master WHERE type = 'table'"
                                " AND name NOT LIKE 'sqlite_%'",
                                &n);
        for (int j = 0; j < n; j++)
            try_table(&database[i], table[j]);
        free_texts(table, n);
    }
    for (int i = 0; i < n_listed; i++)
        if (!met[i]) {
            missed++;
            fprintf(stderr, "docs/evidence.md lists %s, which is no column\n", listed[i]);
        }
    assert_int_equal(missed, 0);
}

/* ---- what becomes of it ---- */

static void change_video(const char *set)
{
    char sql[300];
    snprintf(sql, sizeof sql, "UPDATE transfer SET %s WHERE id = '" VIDEO "'", set);
    sql_change(support_path(w.root, "catalogue.db"), sql);
}

static void test_what_was_moved_is_repaired_and_the_custody_says_so(void **state)
{
    (void)state;
    change_video("time_us = time_us - 86400000000, lat_deg = lat_deg + 1, trigger_name = 'towing',"
                 " packets = 1, peer = 'nobody', imei = '352093081452252'");
    expect(RUN("fsck", "--quick"), 1,
           "time: the catalogue says 2024-11-28T07:23:45.000000Z, the bytes received and the "
           "custody record say 2024-11-29T07:23:45.000000Z");
    expect(RUN("fsck", "--quick", "--repair"), 0, "1 transfer repaired, no problems");
    expect(RUN("fsck"), 0, "no problems");
    expect(RUN("show", VIDEO, "--custody"), 0, "trigger: towing -> crash");
    expect(RUN("show", VIDEO), 0, "54.7");
    assert_false(export_finds());
    put_back();
}

static void test_nothing_is_repaired_where_the_sources_do_not_agree(void **state)
{
    (void)state;
    change_video("meta = x'0102030405060708090a0b0c0d0e0f', fps = 7");
    char sql[300];
    snprintf(sql, sizeof sql,
             "UPDATE master SET meta = x'0102030405060708090a0b0c0d0e0f' WHERE id = '" VIDEO "'");
    for (int i = 1; i < n_databases; i++)
        sql_run(support_path(w.root, database[i].name), sql);
    expect(RUN("fsck", "--quick", "--repair"), 1, "its sources do not agree");
    put_back();
}

static void test_what_was_moved_can_be_exported_as_it_was_found(void **state)
{
    (void)state;
    char path[600], name[700];
    snprintf(path, sizeof path, "%s/found", w.dir);
    change_video("lat_deg = lat_deg + 1");
    expect(RUN("export", VIDEO, "-o", path, "--as-is"), 1, "lat: the catalogue says 55.7");
    expect(RUN("export", VIDEO, "-o", path, "--as-is", "--as-found"), 0,
           "not as received: 1 difference");
    snprintf(name, sizeof name, "%s/bag-info.txt", path);
    expect(PROC_RUN("cat", name), 0, "As-Found: " VIDEO ": lat: the catalogue says 55.7");
    snprintf(name, sizeof name, "%s/README.txt", path);
    expect(PROC_RUN("cat", name), 0, "NOT AS RECEIVED: 1 difference");
    snprintf(name, sizeof name, "%s/data/report.html", path);
    expect(PROC_RUN("cat", name), 0, "Not as received.");
    snprintf(name, sizeof name, "%s/data/report.pdf", path);
    expect(PROC_RUN("pdftotext", name, "-"), 0, "Not as received.");
    expect(RUN("verify", path), 3, "the bytes received");
    put_back();
}

/* Each kind of difference stands on the report's first page. */
static void test_whatever_differs_is_packed_and_told_on_the_first_page(void **state)
{
    (void)state;
    static const char archive[] = "archive/" IMEI "/2024-11-29/" VIDEO;
    static const struct {
        const char *sql, *sh, *says;
    } cases[] = {
        {"UPDATE arrival SET ended_us = ended_us + 1", "", "connections"},
        {"DELETE FROM arrival", "", "connections"},
        {"UPDATE copy SET tool = 'another'", "", "tool of copy"},
        {"DELETE FROM copy WHERE kind = 'timing'", "", "the catalogue does not have it"},
        {"UPDATE copy SET length_bytes = 7 WHERE kind = 'viewing'", "", "was changed (made with 7"},
        {"", "echo x >>$1.viewing-DERIVED.mp4", "was changed (made with"},
        {"", "rm $1.viewing-DERIVED.mp4", "it is missing"},
        {"", "rm $1.timing.json", "it is missing"},
        {"", "rm $1.viewing-DERIVED.mp4; ln -s /etc/passwd $1.viewing-DERIVED.mp4",
         "symbolic link"},
        {"", "rm $1.viewing-DERIVED.mp4; mkfifo $1.viewing-DERIVED.mp4", "was changed (made with"},
        {"DELETE FROM custody WHERE n = 2", "", "lines are missing"},
        {"DELETE FROM custody WHERE n = (SELECT max(n) FROM custody AS c WHERE c.transfer ="
         " custody.transfer)",
         "", ""}, /* the last one is missed by what it tells of */
        {"DELETE FROM custody", "", "custody"},
        {"UPDATE origin SET path = x'2f61'", "", "path of the file"},
        {"DELETE FROM origin", "", "origin: the custody record says"},
        {"DELETE FROM protection", "", "protection"},
    };
    char path[600], root[600], name[700];
    snprintf(path, sizeof path, "%s/each", w.dir);
    snprintf(root, sizeof root, "%s/%s", w.root, archive);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        expect(PROC_RUN("cp", "-a", support_path(w.root, "archive"), support_path(w.dir, "kept")),
               0, "");
        if (cases[i].sql[0])
            sql_change(support_path(w.root, "catalogue.db"), cases[i].sql);
        expect(PROC_RUN("sh", "-ec", cases[i].sh, "sh", root), 0, "");
        expect(RUN("export", "--kind", "video", "-o", path, "--as-is"), 1, cases[i].says);
        expect(
            RUN("export", "--kind", "video", "-o", path, "--as-is", "--as-found", "--no-protect"),
            0, "not as received: ");
        snprintf(name, sizeof name, "%s/data/report.pdf", path);
        expect(PROC_RUN("pdftotext", "-l", "1", "-layout", name, "-"), 0, "Not as received.");
        expect(PROC_RUN("sh", "-ec", "pdftotext -l 1 \"$1\" - | tr '\\n' ' '", "sh", name), 0,
               cases[i].says);
        snprintf(name, sizeof name, "%s/bag-info.txt", path);
        expect(PROC_RUN("grep", "As-Found: ", name), 0, cases[i].says);
        assert_ok(fsx_remove_tree(path, &err));
        put_back();
        assert_ok(fsx_remove_tree(support_path(w.root, "archive"), &err));
        expect(PROC_RUN("mv", support_path(w.dir, "kept"), support_path(w.root, "archive")), 0, "");
    }
}

/* Clock and position would be burned in. */
static void test_no_copies_are_made_of_facts_that_were_moved(void **state)
{
    (void)state;
    struct err err;
    struct spool *spool = NULL;
    struct intake_text text;
    struct spool_item job = intake_job(VIDEO, &text);
    change_video("time_us = time_us - 86400000000");
    sql_change(support_path(w.root, "catalogue.db"), "DELETE FROM done");
    assert_ok(spool_open(&spool, w.root, "convert", &err));
    assert_ok(spool_put_all(spool, &job, 1, &err));
    spool_close(&spool);
    expect(RUN("work", "--once"), 1, "1 failed");
    expect(RUN("retry"), 0, "time: the catalogue says 2024-11-28T07:23:45.000000Z");
    expect(RUN("fsck", "--quick", "--repair"), 0, "repaired");
    expect(RUN("retry", "--all"), 0, "requeued");
    expect(RUN("work", "--once"), 0, "1 job done");
    put_back();
}

/* Somebody who can write manifests: the facts of an unsigned package are compared all the same. */
static void test_facts_of_a_package_are_decoded_again(void **state)
{
    (void)state;
    static const struct {
        const char *file, *change, *says;
    } forged[] = {
        {"master", "s/2024-11-29T07:23:45.000Z/2024-11-28T07:23:45.000Z/",
         "the package says \"2024-11-28T07:23:45.000Z\", the bytes received"},
        {"master", "s/\"crash\"/\"towing\"/", "trigger: the package says"},
        {"master", "s/\"lat\": 54.7/\"lat\": 55.7/", "position"},
        {"master", "s/\"camera\": \"rear\"/\"camera\": \"front\"/", "camera: the package says"},
        {"master", "s/\"meta\": \"04/\"meta\": \"05/", "SHA-256 of meta as received"},
        {"transfer", "s/\"crc_errors\": 0/\"crc_errors\": 1/", "crc_errors: the package says 1"},
        {"transfer", "s/\"why\": \"complete\"/\"why\": \"whatever\"/", "list of connections"},
    };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/forged-%zu", w.dir, i);
        expect(RUN("export", VIDEO, "-o", path, "--as-is", "--no-protect"), 0, "1 transfer");
        expect(RUN("verify", path), 0, "");
        expect(PROC_RUN("sh", "-ec",
                        "cd \"$1\"\n"
                        "sed -i \"$3\" data/$2/*.json\n"
                        "find data -type f | LC_ALL=C sort | xargs sha256sum"
                        " >manifest-sha256.txt\n"
                        "bytes=$(find data -type f -printf '%s\\n' | awk '{n+=$1}END{print n}')\n"
                        "sed -i \"s/^Payload-Oxum: [0-9]*/Payload-Oxum: $bytes/\" bag-info.txt\n"
                        "sha256sum README.txt bag-info.txt bagit.txt manifest-sha256.txt"
                        " >tagmanifest-sha256.txt",
                        "sh", path, forged[i].file, forged[i].change),
               0, "");
        expect(RUN("verify", path), 3, forged[i].says);
    }
    put_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_that_was_not_altered_is_well),
        cmocka_unit_test(test_what_was_moved_is_repaired_and_the_custody_says_so),
        cmocka_unit_test(test_nothing_is_repaired_where_the_sources_do_not_agree),
        cmocka_unit_test(test_what_was_moved_can_be_exported_as_it_was_found),
        cmocka_unit_test(test_whatever_differs_is_packed_and_told_on_the_first_page),
        cmocka_unit_test(test_facts_of_a_package_are_decoded_again),
        cmocka_unit_test(test_no_copies_are_made_of_facts_that_were_moved),
        cmocka_unit_test(test_each_column_is_compared_or_on_the_list),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}

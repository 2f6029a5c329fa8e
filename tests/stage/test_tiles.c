/* Streets out of a file that is somebody else's. */
#include "dashspool/tiles.h"
#include "support/support.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA                                                      \
    "CREATE TABLE metadata(name TEXT, value TEXT);"                   \
    "INSERT INTO metadata VALUES('format', 'png'), ('minzoom', '2')," \
    " ('maxzoom', '14'), ('attribution', '<a href=\"x\">© Somebody</a>');"
#define TABLE                                                                       \
    "CREATE TABLE tiles(zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER," \
    " tile_data BLOB);"
#define ROWS "INSERT INTO tiles VALUES(2, 1, 3, x'8950'), (2, 1, 0, x'ffd8');"

static char *made(const char *dir, const char *name, const char *sql)
{
    static char path[600];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    return path;
}

static void test_rows_are_counted_from_the_north(void **state)
{
    struct err err;
    struct tiles *t = NULL;
    struct buf b;
    char *dir = *state;
    buf_init(&b, TILES_BYTES_MAX);
    assert_ok(tiles_open(&t, made(dir, "a % ? #.mbtiles", METADATA TABLE ROWS), &err));
    assert_string_equal(tiles_about(t)->type, "image/png");
    assert_string_equal(tiles_about(t)->attribution, "© Somebody");
    assert_int_equal(tiles_about(t)->zoom_min, 2);
    assert_int_equal(tiles_about(t)->zoom_max, 14);
    assert_ok(tiles_get(t, 2, 1, 0, &b, &err));
    assert_int_equal(b.used, 2);
    assert_memory_equal(buf_data(&b), "\x89\x50", 2);
    buf_consume(&b, 2);
    assert_ok(tiles_get(t, 2, 1, 3, &b, &err));
    assert_memory_equal(buf_data(&b), "\xff\xd8", 2);
    for (int i = 0; i < 200000; i++) { /* each is a question of its own, as long as a server runs */
        buf_consume(&b, b.used);
        assert_ok(tiles_get(t, 2, 1, 0, &b, &err));
    }
    assert_err(ERR_NOTFOUND, tiles_get(t, 2, 1, 1, &b, &err));
    assert_err(ERR_NOTFOUND, tiles_get(t, 2, 4, 0, &b, &err));
    assert_err(ERR_NOTFOUND, tiles_get(t, 2, -1, 0, &b, &err));
    assert_err(ERR_NOTFOUND, tiles_get(t, 31, 0, 0, &b, &err));
    buf_clear(&b);
    tiles_close(&t);
}

/* Most have their pictures once, behind a view. */
static void test_tiles_may_be_a_view(void **state)
{
    struct err err;
    struct tiles *t = NULL;
    struct buf b;
    char *dir = *state;
    buf_init(&b, TILES_BYTES_MAX);
    assert_ok(tiles_open(&t,
                         made(dir, "view.mbtiles",
                              METADATA "CREATE TABLE map(zoom_level INTEGER, tile_column INTEGER,"
                                       " tile_row INTEGER, tile_id TEXT);"
                                       "CREATE TABLE images(tile_data BLOB, tile_id TEXT);"
                                       "CREATE VIEW tiles AS SELECT zoom_level, tile_column,"
                                       " tile_row, tile_data FROM map JOIN images USING(tile_id);"
                                       "INSERT INTO map VALUES(0, 0, 0, 'a');"
                                       "INSERT INTO images VALUES(x'01', 'a');"),
                         &err));
    assert_ok(tiles_get(t, 0, 0, 0, &b, &err));
    assert_int_equal(b.used, 1);
    buf_clear(&b);
    tiles_close(&t);
}

static void test_what_is_no_map_is_refused(void **state)
{
    static const struct {
        const char *name, *sql, *why;
    } none[] = {
        {"empty.mbtiles", "CREATE TABLE other(x)", "not an MBTiles file"},
        {"vector.mbtiles",
         "CREATE TABLE metadata(name, value); INSERT INTO metadata VALUES('format', 'pbf');" TABLE,
         "no vector map"},
        {"none.mbtiles", "CREATE TABLE metadata(name, value);" TABLE, "no known format"},
        {"no-tiles.mbtiles", METADATA, "not an MBTiles file"},
    };
    struct err err;
    struct tiles *t = NULL;
    char *dir = *state, path[600];
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_err(ERR_CONFIG, tiles_open(&t, made(dir, none[i].name, none[i].sql), &err));
        assert_has(err.text, none[i].why);
        assert_null(t);
    }
    snprintf(path, sizeof path, "%s/not-there.mbtiles", dir);
    assert_err(ERR_CONFIG, tiles_open(&t, path, &err));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("SQLite format 3, but for the rest of it, which is text of no meaning at all", f);
    fclose(f);
    assert_err(ERR_CONFIG, tiles_open(&t, path, &err));
}

/* A question without end, a tile of no picture, one that is too large. */
static void test_a_hostile_file_ends_nothing(void **state)
{
    struct err err;
    struct tiles *t = NULL;
    struct buf b;
    char *dir = *state;
    buf_init(&b, TILES_BYTES_MAX);
    assert_ok(tiles_open(
        &t,
        made(dir, "endless.mbtiles",
             METADATA "CREATE VIEW tiles AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1"
                      " FROM n) SELECT 0 AS zoom_level, 0 AS tile_column, -x AS tile_row, x'00' AS"
                      " tile_data FROM n"),
        &err));
    assert_err(ERR_MALFORMED, tiles_get(t, 0, 0, 0, &b, &err));
    tiles_close(&t);
    assert_ok(tiles_open(&t,
                         made(dir, "odd.mbtiles",
                              METADATA TABLE "INSERT INTO tiles VALUES(0, 0, 0, 'text'),"
                                             " (1, 0, 0, zeroblob(3000000));"),
                         &err));
    assert_err(ERR_NOTFOUND, tiles_get(t, 0, 0, 0, &b, &err));
    assert_err(ERR_MALFORMED, tiles_get(t, 1, 0, 1, &b, &err));
    assert_int_equal(b.used, 0);
    buf_clear(&b);
    tiles_close(&t);
}

static int set_up(void **state)
{
    *state = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    char *dir = *state;
    support_tmp_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_counted_from_the_north),
        cmocka_unit_test(test_tiles_may_be_a_view),
        cmocka_unit_test(test_what_is_no_map_is_refused),
        cmocka_unit_test(test_a_hostile_file_ends_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

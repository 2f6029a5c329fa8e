/* Tiles of web maps, drawn of the outlines in the program. */
#include "dashspool/atlas.h"
#include "support/support.h"
#include <string.h>

static char *tile(const struct atlas *a, int z, int x, int y, struct buf *b)
{
    struct err err;
    buf_init(b, 1 << 20);
    assert_ok(atlas_tile(a, z, x, y, false, b, &err));
    assert_ok(buf_append(b, "", 1, &err));
    return (char *)b->mem + b->start;
}

static bool has(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

static void test_a_tile_shows_what_is_there(void **state)
{
    struct err err;
    struct atlas *a = NULL;
    struct buf b;
    (void)state;
    assert_ok(atlas_load(&a, 0.005, &err));
    const char *land = "<path fill=\"#f4f2ec\"", *dashes = "stroke-dasharray=\"16 8\" d=\"M";
    const char *svg = tile(a, 6, 33, 21, &b); /* Poland and Germany */
    assert_true(has(svg, land) && has(svg, dashes));
    buf_clear(&b);
    svg = tile(a, 6, 25, 26, &b); /* the Atlantic */
    assert_false(has(svg, land) || has(svg, "M"));
    buf_clear(&b);
    svg = tile(a, 10, 549, 335, &b); /* all of it is Berlin: nothing but land */
    assert_true(has(svg, land));
    assert_false(has(svg, dashes));
    buf_clear(&b);
    atlas_free(&a);
}

static void test_every_far_tile_is_whole_and_small(void **state)
{
    struct err err;
    struct atlas *a = NULL;
    (void)state;
    assert_ok(atlas_load(&a, 0.02, &err));
    for (int z = 0; z < 4; z++)
        for (int x = 0; x < 1 << z; x++)
            for (int y = 0; y < 1 << z; y++) {
                struct buf b;
                const char *svg = tile(a, z, x, y, &b);
                assert_true(strlen(svg) < 250000);
                assert_string_equal(svg + strlen(svg) - 6, "</svg>");
                assert_false(has(svg, "nan") || has(svg, "inf"));
                buf_clear(&b);
            }
    atlas_free(&a);
}

static void test_what_is_no_tile_is_refused(void **state)
{
    static const int none[][3] = {{-1, 0, 0}, {0, 1, 0},  {0, 0, 1},  {3, 8, 0}, {3, 0, 8},
                                  {2, -1, 0}, {2, 0, -1}, {11, 0, 0}, {40, 0, 0}};
    struct err err;
    struct atlas *a = NULL;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(atlas_load(&a, 0.02, &err));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(atlas_tile(a, none[i][0], none[i][1], none[i][2], false, &b, &err),
                         ERR_NOTFOUND);
    assert_int_equal(b.used, 0);
    atlas_free(&a);
}

static void test_a_place_is_where_web_maps_have_it(void **state)
{
    struct err err;
    struct atlas *a = NULL;
    struct buf b;
    (void)state;
    /* A coast in the middle of a tile: of 51.5° N, 0.7° E at z 8 (the Thames' mouth), x 128, y 85
     * (openstreetmap.org: n = 2^z, x = n (lon + 180) / 360,
     * y = n (1 - ln(tan lat + 1 / cos lat) / pi) / 2). */
    assert_ok(atlas_load(&a, 0.002, &err));
    const char *svg = tile(a, 8, 128, 85, &b);
    assert_true(has(svg, "stroke=\"#7b8a99\" stroke-width=\"4\" d=\"M"));
    buf_clear(&b);
    atlas_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tile_shows_what_is_there),
        cmocka_unit_test(test_every_far_tile_is_whole_and_small),
        cmocka_unit_test(test_what_is_no_tile_is_refused),
        cmocka_unit_test(test_a_place_is_where_web_maps_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "convert/osd.h"
#include "support/footage.h"
#include <stdlib.h>
#include <string.h>

static void says(const struct convert_facts *f, int64_t offset_us, const char *one, const char *two)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    osd_text_lines(f, offset_us, "viewing copy", lines);
    assert_string_equal(lines[0], one);
    assert_string_equal(lines[1], two);
}

static void test_lines_with_everything_known(void **state)
{
    (void)state;
    struct convert_facts f = footage_facts();
    says(&f, 0, "2024-11-29 09:23:45.2 +02:00  54.70042° N  25.25000° E",
         "front  crash  IMEI 350612071913857  viewing copy");
    says(&f, 149999, "2024-11-29 09:23:45.3 +02:00  54.70042° N  25.25000° E",
         "front  crash  IMEI 350612071913857  viewing copy");
    f.tz_min = -210;
    f.lat_deg = -33.5, f.lon_deg = -70.123456;
    says(&f, 750000, "2024-11-29 03:53:46.0 -03:30  33.50000° S  70.12346° W",
         "front  crash  IMEI 350612071913857  viewing copy");
}

static void test_lines_say_what_is_not_known(void **state)
{
    (void)state;
    struct convert_facts f = {.lat_deg = 1, .lon_deg = 2, .start_utc_us = 3};
    says(&f, 0, "time unknown  position unknown", "IMEI unknown  viewing copy");
    f = footage_facts();
    f.has_zone = false;
    f.lat_deg = 91;
    says(&f, 0, "2024-11-29 07:23:45.2 Z  position unknown",
         "front  crash  IMEI 350612071913857  viewing copy");
}

static void test_outside_text_cannot_steer_the_renderer(void **state)
{
    (void)state;
    char out[64] = "";
    osd_text_plain(out, sizeof out, "a{\\b1}\n\x1b\xc3\x28\xed\xa0\x80\xc0\x80 \xe2\x82\xac");
    assert_string_equal(out, "a(/b1)\?\?\?(\?\?\?\?\? \xe2\x82\xac");
    char small[5] = "";
    osd_text_plain(small, sizeof small,
                   "ab\xe2\x82\xac"
                   "c");
    assert_string_equal(small, "ab"); /* no half of a character */
}

struct canvas {
    uint8_t *y, *u, *v;
    struct osd_planes p;
};

static struct canvas canvas_new(int w, int h, uint8_t grey, bool full)
{
    struct canvas c = {.y = malloc((size_t)w * (size_t)h)};
    size_t chroma = (size_t)((w + 1) / 2) * (size_t)((h + 1) / 2);
    c.u = malloc(chroma);
    c.v = malloc(chroma);
    assert_true(c.y && c.u && c.v);
    memset(c.y, grey, (size_t)w * (size_t)h);
    memset(c.u, 90, chroma);
    memset(c.v, 200, chroma);
    c.p = (struct osd_planes){.plane = {c.y, c.u, c.v},
                              .stride = {w, (w + 1) / 2, (w + 1) / 2},
                              .n = 3,
                              .width_px = w,
                              .height_px = h,
                              .log2_chroma_w = 1,
                              .log2_chroma_h = 1,
                              .full_range = full};
    return c;
}

static void canvas_free(struct canvas *c)
{
    free(c->y);
    free(c->u);
    free(c->v);
}

static void draw(struct canvas *c, int orientation)
{
    struct err err;
    struct osd *osd = NULL;
    struct convert_facts f = footage_facts();
    char lines[OSD_LINES][OSD_LINE_ROOM];
    bool turned = orientation >= 5;
    osd_text_lines(&f, 0, "viewing copy", lines);
    assert_ok(osd_new(&osd, turned ? c->p.height_px : c->p.width_px,
                      turned ? c->p.width_px : c->p.height_px, &err));
    assert_ok(osd_set(osd, lines, &err));
    assert_ok(osd_orient(osd, orientation, &err));
    osd_blend(osd, &c->p);
    osd_free(&osd);
}

static void test_overlay_stays_in_the_lowest_twelfth_at_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{64, 64},    {98, 58},    {176, 144},   {320, 240},
                                   {640, 480},  {1280, 720}, {1920, 1080}, {3840, 2160},
                                   {720, 1280}, {3840, 64},  {8, 8},       {64, 2160}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1];
        struct canvas c = canvas_new(w, h, 77, true);
        draw(&c, 1);
        int changed_above = 0, changed = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                if (c.y[y * w + x] != 77)
                    changed++, changed_above += y < h - (int)(h * 0.08);
        assert_int_equal(changed_above, 0);
        if (h >= 64)
            assert_true(changed > 0);
        canvas_free(&c);
    }
}

static void test_text_is_white_on_dark_in_the_pictures_own_range(void **state)
{
    (void)state;
    static const struct {
        bool full;
        uint8_t grey, lightest;
    } cases[] = {{true, 255, 255}, {true, 0, 255}, {false, 235, 235}, {false, 16, 235}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct canvas c = canvas_new(1280, 720, cases[i].grey, cases[i].full);
        draw(&c, 1);
        uint8_t lightest = 0, darkest = 255;
        for (int k = 1280 * 664; k < 1280 * 720; k++)
            if (k % 1280 < 600) {
                lightest = c.y[k] > lightest ? c.y[k] : lightest;
                darkest = c.y[k] < darkest ? c.y[k] : darkest;
            }
        assert_int_equal(lightest, cases[i].lightest);
        assert_true(darkest < 100 && darkest >= (cases[i].full ? 0 : 16));
        assert_int_equal(c.u[0], 90);
        assert_true(abs(c.u[640 * 350 + 4] - 128) < 15); /* grey under the box */
        assert_true(abs(c.v[640 * 350 + 4] - 128) < 28);
        canvas_free(&c);
    }
}

static void test_turned_photos_get_the_overlay_where_it_is_read(void **state)
{
    (void)state;
    /* where the bottom left corner of what is seen is stored, for each orientation */
    static const bool right[9] = {0, 0, 1, 1, 0, 1, 1, 0, 0}, low[9] = {0, 1, 1, 0, 0, 0, 1, 1, 0};
    for (int o = 1; o <= 8; o++) {
        struct canvas c = canvas_new(640, 480, 128, true);
        draw(&c, o);
        for (int corner = 0; corner < 4; corner++) {
            int x = corner & 1 ? 639 : 0, y = corner & 2 ? 479 : 0;
            bool here = right[o] == (x > 0) && low[o] == (y > 0);
            assert_int_equal(c.y[y * 640 + x] != 128, here);
        }
        canvas_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_with_everything_known),
        cmocka_unit_test(test_lines_say_what_is_not_known),
        cmocka_unit_test(test_outside_text_cannot_steer_the_renderer),
        cmocka_unit_test(test_overlay_stays_in_the_lowest_twelfth_at_every_size),
        cmocka_unit_test(test_text_is_white_on_dark_in_the_pictures_own_range),
        cmocka_unit_test(test_turned_photos_get_the_overlay_where_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

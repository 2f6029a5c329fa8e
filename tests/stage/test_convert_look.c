/* What the copies look like: the pictures compared, the overlay read by tesseract. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "support/footage.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRIP 58 /* rows of a 720p picture that the overlay may use */

/* Luma above the strip of the pictures of one copy, every 10th kept. */
struct luma {
    uint8_t *kept[32];
    int n, height_px;
    double mean[256];
    int range;
};

static void keep(void *arg, int index, const AVFrame *f)
{
    struct luma *l = arg;
    int rows = f->height - STRIP;
    double sum = 0;
    assert_true(index < 256);
    l->range = (int)f->color_range;
    l->height_px = f->height;
    uint8_t *copy = malloc((size_t)f->width * (size_t)rows);
    assert_non_null(copy);
    for (int y = 0; y < rows; y++) {
        memcpy(copy + y * f->width, f->data[0] + y * f->linesize[0], (size_t)f->width);
        for (int x = 0; x < f->width; x++)
            sum += f->data[0][y * f->linesize[0] + x];
    }
    l->mean[index] = sum / (double)(f->width * rows);
    if (index % 10 == 0)
        l->kept[l->n++] = copy;
    else
        free(copy);
}

static double psnr(const uint8_t *a, const uint8_t *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)((a[i] - b[i]) * (a[i] - b[i]));
    return sum > 0 ? 10 * log10(255.0 * 255.0 * n / sum) : 99;
}

static void test_viewing_copy_differs_only_in_the_strip_and_by_codec_noise(void **state)
{
    (void)state;
    struct err err;
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    struct convert_result r;
    struct luma *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    assert_ok(convert_file(footage_sample("front-20fps-10s-sound.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    assert_int_equal(footage_pictures(r.output[0].path, keep, a), 200);
    assert_int_equal(footage_pictures(r.output[1].path, keep, b), 200);
    assert_int_equal(a->range, AVCOL_RANGE_JPEG);
    assert_int_equal(b->range, AVCOL_RANGE_JPEG);
    for (int i = 0; i < 200; i++)
        assert_true(fabs(a->mean[i] - b->mean[i]) < 1);
    for (int i = 0; i < a->n; i++) {
        double db = psnr(a->kept[i], b->kept[i], 1280 * (720 - STRIP));
        if (db < 34)
            fail_msg("picture %d: %.1f dB", i * 10, db);
        free(a->kept[i]);
        free(b->kept[i]);
    }
    free(a);
    free(b);
    support_tmp_remove(&dir);
}

static void test_overlay_can_be_read(void **state)
{
    (void)state;
    struct err err;
    char text[1024];
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_VIEWING);
    struct convert_result r;
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    /* the picture at 3.0667 s: 09:23:45.25 + 3.0667 = 09:23:48.3167 */
    footage_overlay(dir, r.output[0].path, "3.06", text, sizeof text);
    static const char *const words[] = {"2024-11-29", "09:23:48.3",      "54.70042",
                                        "25.25000",   "350612071913857", "viewing copy"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in '%s'", words[i], text);
    support_tmp_remove(&dir);
}

static void test_template_at_the_right_with_a_track_can_be_read(void **state)
{
    (void)state;
    struct err err;
    char text[1024];
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_VIEWING);
    struct convert_result r;
    static const char track[] = "utc,lat,lon,speed_kmh\n2024-11-29T07:23:45Z,54.7,25.2,60\n"
                                "2024-11-29T07:23:55Z,54.71,25.21,70\n";
    snprintf(options.track_path, sizeof options.track_path, "%s/track.csv", dir);
    support_write(options.track_path, track, strlen(track));
    snprintf(options.osd_position, sizeof options.osd_position, "bottom-right");
    snprintf(options.osd_template, sizeof options.osd_template,
             "{time} picture {picture}\\n{lat} {lon}  {speed} {note}");
    snprintf(options.note, sizeof options.note, "claim 4711");
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    assert_string_equal(r.warning, "");
    /* 09:23:48.31 is 3.31 s behind the first point: 54.70332°, 25.20332°, 63 km/h */
    footage_read_part(dir, r.output[0].path, "3.06", "760:58:iw-760:ih-58", text, sizeof text);
    static const char *const words[] = {"09:23:48.3", "54.703",  "25.203",
                                        "track",      "63 km/h", "claim 4711"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in '%s'", words[i], text);
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_viewing_copy_differs_only_in_the_strip_and_by_codec_noise),
        cmocka_unit_test(test_overlay_can_be_read),
        cmocka_unit_test(test_template_at_the_right_with_a_track_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

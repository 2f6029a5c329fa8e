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
    static const char track[] = "utc,lat,lon,speed_kmh\n2024-11-29T07:23:45Z,54.702,25.202,60\n"
                                "2024-11-29T07:23:55Z,54.706,25.206,70\n";
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

/* The tracker's own account: each picture has its own position, speed and course, and whose they
 * are; none where it had no fix, though the camera told a single position. */
static void test_trackers_position_moves_from_picture_to_picture(void **state)
{
    (void)state;
    struct err err;
    char text[1024];
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options =
        footage_options(COPY_VIEWING | COPY_SRT | COPY_TIMING | COPY_CSV);
    struct convert_result r;
    static const char track[] = "# dashspool tracker track 1\n"
                                "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid\n"
                                "2024-11-29T07:23:45.000Z,54.6000000,25.2000000,112,40,340,9,1\n"
                                "2024-11-29T07:23:49.000Z,54.7000000,25.4000000,112,80,20,9,1\n"
                                "2024-11-29T07:23:50.000Z,54.7000000,25.4000000,112,0,0,0,0\n"
                                "2024-11-29T07:23:52.000Z,54.7000000,25.4000000,112,0,0,0,0\n";
    /* pictures at 09:23:46.2, 48.3 and 50.3: 1.25, 3.31 s behind the first record, and behind the
     * one without a fix */
    static const struct {
        const char *at, *words[8];
    } pictures[] = {
        {"1.00", {"09:23:46.2", "54.631", "25.262", "tracker", "52 km/h", "course 352"}},
        {"3.06", {"09:23:48.3", "54.682", "25.365", "tracker", "73 km/h", "course 13"}},
        {"5.00", {"09:23:50.3", "no fix", "tracker", "speed unknown"}},
    };
    snprintf(options.track_path, sizeof options.track_path, "%s/track.csv", dir);
    support_write(options.track_path, track, sizeof track - 1);
    assert_ok(hash_text(track, sizeof track - 1, options.track_sha256, &err));

    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    assert_string_equal(r.warning, "");
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        footage_read_part(dir, r.output[0].path, pictures[i].at, "iw:58:0:ih-58", text,
                          sizeof text);
        for (const char *const *word = pictures[i].words; *word; word++)
            if (!strstr(text, *word))
                fail_msg("'%s' is not in '%s'", *word, text);
    }
    /* subtitles and timing tell the same */
    const char *srt = support_path(dir, "clip.srt"),
               *timing = support_path(dir, "clip.timing.json");
    assert_int_equal(support_count(srt, "09:23:48 +02:00  54.67542° N  25.35083° E  tracker"), 1);
    assert_int_equal(support_count(srt, "no fix  tracker"), 3);
    assert_int_equal(support_count(timing, "\"track\":{\"source\":\"tracker\",\"sha256\":\""), 1);
    assert_int_equal(support_count(timing, "\"utc\":\"2024-11-29T07:23:48.316"), 1);
    assert_int_equal(support_count(timing,
                                   "\"lat\":54.6829163,\"lon\":25.3658326,\"altitude_m\":112,"
                                   "\"speed_kmh\":73.17,\"course_deg\":13.17}"),
                     1);
    assert_int_equal(
        support_count(support_path(dir, "clip.timing.csv"),
                      ",good,,tracker,known,54.6829163,25.3658326,112,73.17,13.17\r\n"),
        1);
    assert_true(
        support_count(support_path(dir, "clip.timing.csv"), ",good,,tracker,no fix,,,,,\r\n") > 20);
    assert_true(support_count(timing, "\"place\":{\"source\":\"tracker\",\"state\":\"no fix\","
                                      "\"lat\":null,\"lon\":null,") > 20);
    support_tmp_remove(&dir);
}

/* How often a copy tells the position of the camera's metadata: overlay's text track, tags, maps.
 */
static int tells_position(const char *dir)
{
    return support_count(support_path(dir, "clip.working.mp4"), "54.70042") +
           support_count(support_path(dir, "clip.working.mp4"), "+54.7004") +
           support_count(support_path(dir, "clip.gpx"), "54.70042") +
           support_count(support_path(dir, "clip.geojson"), "54.70042") +
           support_count(support_path(dir, "clip.srt"), "54.70042");
}

/* The camera has its position from the tracker: what that hides, the camera may not tell. */
static void test_private_mode_hides_the_cameras_position_too(void **state)
{
    (void)state;
    struct err err;
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options =
        footage_options(COPY_WORKING | COPY_GPX | COPY_GEOJSON | COPY_SRT);
    struct convert_result r;
    static const char track[] = "# dashspool tracker track 1\n"
                                "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid\n"
                                "2024-11-29T07:23:45.000Z,,,,,,,0\n"
                                "2024-11-29T07:23:55.000Z,,,,,,,0\n";
    options.overwrite = true;
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    assert_true(tells_position(dir) >= 5);
    snprintf(options.track_path, sizeof options.track_path, "%s/track.csv", dir);
    support_write(options.track_path, track, sizeof track - 1);
    assert_ok(hash_text(track, sizeof track - 1, options.track_sha256, &err));
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    assert_int_equal(tells_position(dir), 0);
    assert_true(support_count(support_path(dir, "clip.srt"), "private mode  tracker") > 0);
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_viewing_copy_differs_only_in_the_strip_and_by_codec_noise),
        cmocka_unit_test(test_overlay_can_be_read),
        cmocka_unit_test(test_trackers_position_moves_from_picture_to_picture),
        cmocka_unit_test(test_private_mode_hides_the_cameras_position_too),
        cmocka_unit_test(test_template_at_the_right_with_a_track_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

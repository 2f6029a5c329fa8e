#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "support/footage.h"
#include <libavutil/frame.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Converts one file into a fresh directory. */
struct made {
    char *dir;
    struct convert_result result;
};

static struct made make(const char *path, unsigned copies, double fps)
{
    struct made m = {.dir = support_tmp_dir()};
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(copies);
    options.media.fps = fps;
    assert_ok(convert_file(path, m.dir, "clip", &facts, &options, NULL, NULL, &m.result, &err));
    for (int i = 0; i < m.result.n_outputs; i++) {
        const struct convert_output *o = &m.result.output[i];
        uint8_t digest[HASH_BYTES];
        char hex[HASH_HEX_ROOM];
        assert_ok(hash_file(o->path, digest, &err));
        hash_hex(digest, hex);
        assert_string_equal(hex, o->sha256);
    }
    assert_int_equal(support_entries(m.dir), m.result.n_outputs);
    return m;
}

/* The copies come in the order of enum copy_kind. */
static const char *working(const struct made *m)
{
    assert_int_equal(m->result.output[0].kind, COPY_WORKING);
    return m->result.output[0].path;
}

static const char *viewing(const struct made *m)
{
    assert_int_equal(m->result.output[1].kind, COPY_VIEWING);
    return m->result.output[1].path;
}

static void unmake(struct made *m)
{
    support_tmp_remove(&m->dir);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Every picture is shown within 0.1 ms of the truth; what is shown beside them is cards. */
static void check_times(const struct footage *f, const int64_t *truth_us, int n, int cards)
{
    assert_int_equal(f->picture.n, n + cards);
    int64_t *pts = f->picture.pts;
    qsort(pts, (size_t)f->picture.n, sizeof *pts,
          by_value); /* the viewing copy is in coding order */
    for (int i = 0, k = 0; i < n; i++, k++) {
        double off_us = (double)pts[k] / 0.09 - (double)(truth_us[i] - truth_us[0]);
        if (fabs(off_us) > 100 && cards > 0) {
            assert_true(off_us < 0); /* a card, before the picture behind the hole */
            cards--;
            i--;
        } else if (fabs(off_us) > 100) {
            fail_msg("picture %d is %.0f us away from its time", i, off_us);
        }
    }
    assert_int_equal(cards, 0);
}

static void check_against_truth(const char *clip, const char *truth, int pictures, int keys,
                                int cards)
{
    int n;
    int64_t *truth_us = footage_truth(truth, "picture_times_us", &n);
    struct made m = make(clip, COPY_WORKING | COPY_VIEWING, 0);
    struct footage work = footage_read(working(&m)), view = footage_read(viewing(&m));
    char slices[HASH_HEX_ROOM];
    footage_master_slices(clip, slices);
    assert_int_equal(n, pictures);
    assert_int_equal(m.result.pictures, pictures);
    assert_int_equal(m.result.key_pictures, keys);
    assert_int_equal(m.result.timing.chosen, MEDIA_SOURCE_PTMF);
    assert_string_equal(m.result.warning, "");
    check_times(&work, truth_us, n, 0);
    check_times(&view, truth_us, n, cards);
    assert_string_equal(work.picture.tag, "hvc1");
    assert_string_equal(view.picture.tag, "avc1");
    assert_string_equal(work.picture.slices, slices);
    assert_int_equal(work.picture.width_px, 1280);
    assert_int_equal(view.picture.height_px, 720);
    footage_clear(&work);
    footage_clear(&view);
    free(truth_us);
    unmake(&m);
}

static void test_copies_have_the_capture_times_and_the_masters_slices(void **state)
{
    (void)state;
    char clip[4096];
    snprintf(clip, sizeof clip, "%s", footage_sample("front-20fps-10s-sound.h265"));
    check_against_truth(clip, footage_sample("front-20fps-10s-sound.truth.json"), 200, 10, 0);
    snprintf(clip, sizeof clip, "%s", footage_sample("rear-25fps-6s-silent.h265"));
    check_against_truth(clip, footage_sample("rear-25fps-6s-silent.truth.json"), 150, 6, 0);
}

static void test_lost_pictures_leave_their_gaps(void **state)
{
    (void)state;
    char clip[4096];
    snprintf(clip, sizeof clip, "%s", support_data("ptmf/front-30fps-5s-gaps.h265"));
    check_against_truth(clip, support_data("ptmf/front-30fps-5s-gaps.truth.json"), 150, 5, 3);
}

static void test_a_plain_stream_gets_the_given_constant_rate(void **state)
{
    (void)state;
    struct made m = make(support_data("hevc/road-720p25.h265"), COPY_WORKING, 25);
    struct footage f = footage_read(working(&m));
    assert_int_equal(m.result.timing.chosen, MEDIA_SOURCE_PERSON);
    assert_int_equal(m.result.duration_us, 3600000);
    assert_int_equal(f.picture.n, 90);
    for (int i = 0; i < 90; i++) {
        assert_int_equal(f.picture.pts[i], i * 3600);
        assert_int_equal(f.picture.span[i], 3600);
    }
    assert_true(fabs(f.duration_s - 3.6) < 1e-4);
    assert_false(m.result.sound);
    footage_clear(&f);
    unmake(&m);
}

static void test_reordered_pictures_keep_display_order(void **state)
{
    (void)state;
    struct made m = make(support_data("hevc/cros-bear.h265"), COPY_WORKING | COPY_VIEWING, 25);
    struct footage work = footage_read(working(&m)), view = footage_read(viewing(&m));
    int64_t truth_us[30];
    for (int i = 0; i < 30; i++)
        truth_us[i] = i * 40000;
    check_times(&work, truth_us, 30, 0);
    check_times(&view, truth_us, 30, 0);
    footage_clear(&work);
    footage_clear(&view);
    unmake(&m);
}

static void test_tags_tell_when_and_where(void **state)
{
    (void)state;
    struct made m = make(footage_sample("rear-25fps-6s-silent.h265"), COPY_WORKING, 0);
    struct footage f = footage_read(working(&m));
    assert_string_equal(f.location, "+54.70042+025.25000/");
    assert_true(strncmp(f.created, "2024-11-29T07:23:45", 19) == 0);
    assert_true(strncmp(f.encoder, "dashspool", 9) == 0);
    assert_string_equal(f.sound.tag, "");
    footage_clear(&f);
    unmake(&m);
}

/* The lag of b behind a, in samples, at which they are most alike. */
static int lag_of(const float *a, int na, const float *b, int nb, int most)
{
    int best = 0;
    double best_sum = -1;
    for (int lag = -most; lag <= most; lag++) {
        double sum = 0;
        for (int i = most; i < na - most && i + lag < nb; i++)
            sum += (double)a[i] * (double)b[i + lag];
        if (sum > best_sum)
            best_sum = sum, best = lag;
    }
    return best;
}

/* How much 1 kHz there is in the 10 ms from each sample on. */
static float *loudness_1khz(const float *x, int n)
{
    float *out = calloc((size_t)n, sizeof *out);
    assert_non_null(out);
    for (int i = 0; i + 80 <= n; i++) {
        double re = 0, im = 0;
        for (int k = 0; k < 80; k++) {
            re += (double)x[i + k] * cos(k * 0.78539816339744831);
            im += (double)x[i + k] * sin(k * 0.78539816339744831);
        }
        out[i] = (float)(re * re + im * im);
    }
    return out;
}

static void test_sound_is_in_step_with_the_pictures(void **state)
{
    (void)state;
    const char *path = footage_sample("front-20fps-10s-sound.h265");
    int n_master, n;
    float *master = footage_master_sound(path, INT64_C(106572394), &n_master);
    struct made m = make(path, COPY_WORKING | COPY_VIEWING, 0);
    assert_true(m.result.sound);
    for (int i = 0; i < 2; i++) {
        float *copy = footage_sound(m.result.output[i].path, &n);
        assert_true(n >= n_master && n <= n_master + 1024);
        assert_true(abs(lag_of(master, n_master, copy, n, 400)) <= 1);
        float *a = loudness_1khz(master, n_master), *b = loudness_1khz(copy, n);
        assert_true(abs(lag_of(a, n_master, b, n, 400)) <= 16); /* 2 ms */
        for (int second = 1; second < 10; second++) {
            int at = second * 8000 - 2000;
            assert_true(abs(lag_of(a + at, 4800, b + at, 4800, 400)) <= 16);
        }
        free(a);
        free(b);
        free(copy);
    }
    struct footage f = footage_read(working(&m));
    assert_string_equal(f.sound.tag, "mp4a");
    footage_clear(&f);
    free(master);
    unmake(&m);
}

static void test_the_same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    const char *path = footage_sample("rear-25fps-6s-silent.h265");
    struct made a = make(path, COPY_WORKING | COPY_VIEWING, 0);
    struct made b = make(path, COPY_WORKING | COPY_VIEWING, 0);
    assert_string_equal(a.result.output[0].sha256, b.result.output[0].sha256);
    assert_string_equal(a.result.output[1].sha256, b.result.output[1].sha256);
    unmake(&a);
    unmake(&b);
}

static void test_existing_copies_are_replaced_only_when_asked(void **state)
{
    (void)state;
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING);
    struct convert_result result;
    const char *path = footage_sample("rear-25fps-6s-silent.h265");
    struct made m = make(path, COPY_WORKING, 0);
    support_write(working(&m), "old", 3);
    assert_err(ERR_BUSY,
               convert_file(path, m.dir, "clip", &facts, &options, NULL, NULL, &result, &err));
    struct buf b = support_read(working(&m));
    assert_int_equal(b.used, 3);
    buf_clear(&b);
    options.overwrite = true;
    assert_ok(convert_file(path, m.dir, "clip", &facts, &options, NULL, NULL, &result, &err));
    assert_string_equal(result.output[0].sha256, m.result.output[0].sha256);
    assert_int_equal(support_entries(m.dir), 1);
    unmake(&m);
}

static void test_configuration_gives_the_options(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg = NULL;
    struct convert_options o;
    assert_ok(cfg_load(&cfg, NULL, &convert_cfg_section, 1, &err));
    convert_options_from_cfg(cfg, &o);
    assert_int_equal(o.copies, COPY_WORKING | COPY_VIEWING | COPY_TIMING);
    assert_true(o.crf == 20.25);
    assert_string_equal(o.preset, "superfast");
    assert_int_equal(o.lookahead, 10);
    assert_true(o.media.default_fps == 25);
    assert_ok(cfg_set(cfg, "convert", "copies", "working", "test", &err));
    assert_ok(cfg_set(cfg, "convert", "default_fps", "12.5", "test", &err));
    convert_options_from_cfg(cfg, &o);
    assert_int_equal(o.copies, COPY_WORKING | COPY_TIMING);
    assert_true(o.media.default_fps == 12.5);
    assert_ok(cfg_set(cfg, "convert", "preset", "veryfast", "test", &err)); /* has its own */
    convert_options_from_cfg(cfg, &o);
    assert_int_equal(o.lookahead, 0);
    assert_err(ERR_CONFIG, cfg_set(cfg, "convert", "crf", "52", "test", &err));
    cfg_free(&cfg);
}

static void on_progress(void *arg, double done)
{
    double *last = arg;
    assert_true(done >= *last && done <= 1);
    *last = done;
}

static void test_progress_rises_to_the_end(void **state)
{
    (void)state;
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    char *dir = support_tmp_dir();
    double last = 0;
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, on_progress, &last, &r, &err));
    assert_true(last == 1);
    support_tmp_remove(&dir);
}

static void test_containers_are_told_by_their_bytes(void **state)
{
    (void)state;
    struct err err;
    enum media_container c;
    assert_ok(media_sniff(footage_sample("rear-25fps-6s-silent.h265"), &c, &err));
    assert_int_equal(c, MEDIA_PTMF);
    assert_ok(media_sniff(footage_sample("photo-720p.jpg"), &c, &err));
    assert_int_equal(c, MEDIA_JPEG);
    struct made m = make(footage_sample("rear-25fps-6s-silent.h265"), COPY_WORKING, 0);
    assert_err(ERR_UNSUPPORTED, media_sniff(working(&m), &c, &err));
    unmake(&m);
    assert_ok(media_sniff(support_data("hevc/cros-64x64-I.h265"), &c, &err));
    assert_int_equal(c, MEDIA_ANNEXB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_have_the_capture_times_and_the_masters_slices),
        cmocka_unit_test(test_lost_pictures_leave_their_gaps),
        cmocka_unit_test(test_a_plain_stream_gets_the_given_constant_rate),
        cmocka_unit_test(test_reordered_pictures_keep_display_order),
        cmocka_unit_test(test_tags_tell_when_and_where),
        cmocka_unit_test(test_sound_is_in_step_with_the_pictures),
        cmocka_unit_test(test_the_same_input_gives_the_same_bytes),
        cmocka_unit_test(test_existing_copies_are_replaced_only_when_asked),
        cmocka_unit_test(test_configuration_gives_the_options),
        cmocka_unit_test(test_progress_rises_to_the_end),
        cmocka_unit_test(test_containers_are_told_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Poster, stills and contact sheet: the right picture, in the right colours, readable. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <libavutil/pixfmt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENT "rear-25fps-6s-silent.h265"
#define STRIP  58 /* rows of a 720p picture that the overlay may use */
#define W      1280
#define H      720

/* One plane set of a decoded file, 4:2:0, 1280x720. */
struct pixels {
    int at, w, h;
    int64_t n;
    uint8_t y[W * H], c[2][W * H / 4];
};

/* Keeps picture number `at`. */
static void keep(void *arg, int index, const AVFrame *f)
{
    struct pixels *p = arg;
    p->n++;
    p->w = f->width;
    p->h = f->height;
    if (index != p->at || f->width != W || f->height != H)
        return;
    for (int y = 0; y < H; y++)
        memcpy(p->y + y * W, f->data[0] + y * f->linesize[0], W);
    for (int k = 0; k < 2; k++)
        for (int y = 0; y < H / 2; y++)
            memcpy(p->c[k] + y * W / 2, f->data[k + 1] + y * f->linesize[k + 1], W / 2);
}

static struct pixels *read_picture(const char *path, int at)
{
    struct pixels *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->at = at;
    assert_true(footage_pictures(path, keep, p) > at);
    return p;
}

static double psnr(const struct pixels *a, const struct pixels *b)
{
    double sum = 0;
    int n = W * (H - STRIP - 6);
    for (int i = 0; i < n; i++)
        sum += (double)((a->y[i] - b->y[i]) * (a->y[i] - b->y[i]));
    return sum > 0 ? 10 * log10(255.0 * 255.0 * n / sum) : 99;
}

static double mean(const uint8_t *p, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += p[i];
    return sum / n;
}

static char *make(const char *path, const struct media_facts *facts,
                  const struct convert_options *options, struct convert_result *r)
{
    struct err err;
    char *dir = support_tmp_dir();
    assert_ok(convert_file(path, dir, "clip", facts, options, NULL, NULL, r, &err));
    return dir;
}

/* ffmpeg's own picture in JPEG's colours; NULL without ffmpeg. */
static struct pixels *ffmpeg_picture(const char *dir, const char *mp4, int at)
{
    char out[4096], input[4096], filter[256];
    struct buf text;
    buf_init(&text, 65536);
    snprintf(out, sizeof out, "%s/reference.yuv", dir);
    snprintf(input, sizeof input, "%s", mp4);
    snprintf(filter, sizeof filter,
             "select=eq(n\\,%d),scale=out_color_matrix=bt601:out_range=pc:"
             "flags=bicubic+accurate_rnd+full_chroma_int,format=yuvj420p",
             at);
    char *argv[] = {(char[]){"ffmpeg"},
                    (char[]){"-v"},
                    (char[]){"error"},
                    (char[]){"-i"},
                    input,
                    (char[]){"-map"},
                    (char[]){"0:v"},
                    (char[]){"-vf"},
                    filter,
                    (char[]){"-frames:v"},
                    (char[]){"1"},
                    (char[]){"-f"},
                    (char[]){"rawvideo"},
                    out,
                    NULL};
    int status = footage_run(argv, &text);
    buf_clear(&text);
    if (status == -1)
        return NULL;
    assert_int_equal(status, 0);
    struct pixels *p = calloc(1, sizeof *p);
    struct buf b = support_read(out);
    assert_non_null(p);
    assert_int_equal(b.used, sizeof p->y + sizeof p->c);
    memcpy(p->y, b.mem + b.start, sizeof p->y);
    memcpy(p->c, b.mem + b.start + sizeof p->y, sizeof p->c);
    buf_clear(&b);
    return p;
}

/* sample's picture `at`, which is shown from at_us on. */
static void check_still(const char *sample, int output, const char *name, int at,
                        const struct media_facts *facts, struct convert_options options)
{
    struct convert_result r;
    options.copies |= COPY_WORKING;
    char *dir = make(footage_sample(sample), facts, &options, &r);
    assert_string_equal(r.warning, "");
    assert_string_equal(r.output[output].path + strlen(dir) + 1, name);
    struct pixels *still = read_picture(r.output[output].path, 0);
    struct pixels *before = read_picture(r.output[0].path, at - 1);
    struct pixels *reference = ffmpeg_picture(dir, r.output[0].path, at);
    if (reference) {
        double db = psnr(still, reference), other = psnr(still, before);
        if (db < 38 || other > db - 3)
            fail_msg("%.1f dB, the picture before %.1f dB", db, other);
        assert_true(fabs(mean(still->y, W * 600) - mean(reference->y, W * 600)) < 0.3);
        for (int k = 0; k < 2; k++)
            assert_true(fabs(mean(still->c[k], W * 150) - mean(reference->c[k], W * 150)) < 0.3);
    } else {
        fprintf(stderr, "SKIPPED: ffmpeg is not there\n");
    }
    free(still);
    free(before);
    free(reference);
    support_tmp_remove(&dir);
}

static void test_poster_is_the_picture_at_the_trigger(void **state)
{
    (void)state;
    struct media_facts facts = footage_facts();
    int n;
    int64_t *times =
        footage_truth(footage_sample("rear-25fps-6s-silent.truth.json"), "picture_times_us", &n);
    facts.has_trigger_time = true;
    facts.trigger_utc_us = facts.start_utc_us + times[70] - times[0] + 5000;
    check_still(SILENT, 1, "clip.poster-DERIVED.jpg", 70, &facts, footage_options(COPY_POSTER));
    free(times);
    times =
        footage_truth(footage_sample("front-20fps-10s-sound.truth.json"), "picture_times_us", &n);
    facts.trigger_utc_us = facts.start_utc_us + times[133] - times[0] + 1000;
    check_still("front-20fps-10s-sound.h265", 1, "clip.poster-DERIVED.jpg", 133, &facts,
                footage_options(COPY_POSTER));
    free(times);
}

static void test_poster_without_a_trigger_is_the_middle(void **state)
{
    (void)state;
    struct media_facts facts = footage_facts();
    check_still(SILENT, 1, "clip.poster-DERIVED.jpg", 75, &facts, footage_options(COPY_POSTER));
    facts.has_trigger_time = true; /* years before the clip */
    check_still(SILENT, 1, "clip.poster-DERIVED.jpg", 75, &facts, footage_options(COPY_POSTER));
}

static void test_stills_are_the_pictures_shown_at_their_times(void **state)
{
    (void)state;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_MOMENT);
    int n;
    int64_t *times =
        footage_truth(footage_sample("rear-25fps-6s-silent.truth.json"), "picture_times_us", &n);
    options.n_moments = 2;
    options.moment_us[0] = 3500000;
    options.moment_us[1] = 1000000;
    for (int i = 0; i < 2; i++) {
        int at = 0;
        while (at + 1 < n && times[at + 1] - times[0] <= options.moment_us[i])
            at++;
        check_still(SILENT, 1 + i,
                    i ? "clip.still-1.000s-DERIVED.jpg" : "clip.still-3.500s-DERIVED.jpg", at,
                    &facts, options);
    }
    free(times);
}

static void test_a_time_beyond_the_end_is_refused_with_the_length(void **state)
{
    (void)state;
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_MOMENT);
    char *dir = support_tmp_dir();
    options.n_moments = 1;
    options.moment_us[0] = 60000000;
    assert_err(ERR_CONFIG, convert_file(footage_sample(SILENT), dir, "clip", &facts, &options, NULL,
                                        NULL, &r, &err));
    assert_non_null(strstr(err.text, "60.000 s"));
    assert_non_null(strstr(err.text, "the clip is 6."));
    assert_int_equal(support_entries(dir), 0);
    support_tmp_remove(&dir);
}

static void read_words(const char *jpeg, char *out, size_t room)
{
    char input[4096];
    struct buf text;
    buf_init(&text, 65536);
    snprintf(input, sizeof input, "%s", jpeg);
    char *ocr[] = {(char[]){"tesseract"}, input,          (char[]){"-"},
                   (char[]){"--psm"},     (char[]){"11"}, NULL};
    int status = footage_run(ocr, &text);
    if (status == -1) {
        fprintf(stderr, "SKIPPED: tesseract is not there\n");
        buf_clear(&text);
        skip();
    }
    assert_int_equal(status, 0);
    snprintf(out, room, "%.*s", (int)text.used, (const char *)buf_data(&text));
    buf_clear(&text);
}

static void test_the_sheet_shows_the_clip_with_its_times(void **state)
{
    (void)state;
    static const struct {
        const char *sample, *middle;
        int height_px;
    } rows[] = {{"front-20fps-10s-sound.h265", "09:23:50.4", 1104}, {SILENT, "09:23:48.4", 1016}};
    for (int i = 0; i < 2; i++) {
        char text[8192];
        struct convert_result r, again;
        struct media_facts facts = footage_facts();
        struct convert_options options = footage_options(COPY_SHEET);
        char *dir = make(footage_sample(rows[i].sample), &facts, &options, &r);
        char *other = make(footage_sample(rows[i].sample), &facts, &options, &again);
        assert_string_equal(r.output[0].sha256, again.output[0].sha256);
        struct pixels *p = read_picture(r.output[0].path, 0);
        assert_int_equal(p->w, 1920);
        assert_int_equal(p->h, rows[i].height_px);
        free(p);
        read_words(r.output[0].path, text, sizeof text);
        const char *words[] = {"350612071913857", "2024-11-29", "54.70042", "crash",
                               rows[i].middle};
        for (int k = 0; k < 5; k++)
            if (!strstr(text, words[k]))
                fail_msg("'%s' is not in '%s'", words[k], text);
        support_tmp_remove(&dir);
        support_tmp_remove(&other);
    }
}

/* A copy of the sample, pictures from..until with broken slice headers. */
static char *spoil(const char *dir, int from, int until)
{
    static char path[4096];
    struct buf b = support_read(footage_sample(SILENT));
    uint8_t *data = b.mem + b.start;
    struct ptmf p = ptmf_init(data, b.used);
    struct ptmf_record r;
    for (int i = 0; ptmf_next(&p, &r);) {
        if (r.type == 'A')
            continue;
        if (i >= from && i < until) { /* first slice, of a parameter set that cannot be */
            memset(data + (r.payload - data) + 6, 0x01, r.n - 6);
            data[r.payload - data + 6] = 0x80;
        }
        i++;
    }
    snprintf(path, sizeof path, "%s/spoiled.h265", dir);
    support_write(path, data, b.used);
    buf_clear(&b);
    return path;
}

static void test_a_picture_that_does_not_decode_is_replaced_by_its_neighbour(void **state)
{
    (void)state;
    char *source = support_tmp_dir();
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_POSTER | COPY_SHEET);
    int n;
    int64_t *times =
        footage_truth(footage_sample("rear-25fps-6s-silent.truth.json"), "picture_times_us", &n);
    facts.has_trigger_time = true;
    facts.trigger_utc_us = facts.start_utc_us + times[71] - times[0] + 1000;
    free(times);
    char *whole = make(footage_sample(SILENT), &facts, &options, &r);
    char *good = strdup(r.output[0].sha256);
    char *dir = make(spoil(source, 70, 73), &facts, &options, &r);
    if (!strstr(r.warning, "poster: picture 71 is damaged, the nearest that is not is"))
        fail_msg("warning '%s'", r.warning);
    assert_string_not_equal(r.output[0].sha256, good);
    assert_int_equal(r.n_outputs, 2);
    free(good);
    support_tmp_remove(&source);
    support_tmp_remove(&whole);
    support_tmp_remove(&dir);
}

/* Pictures 26 and 27 do not decode, so 28 to 49 are built on damage: a poster in their midst is the
 * key picture behind them. Of the last group nothing is whole within half a second of its end: a
 * still of that is what there is, and says so in its corner. */
static void test_stills_are_undamaged_or_marked(void **state)
{
    (void)state;
    char *source = support_tmp_dir(), path[4096];
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_POSTER);
    int n;
    int64_t *times =
        footage_truth(footage_sample("rear-25fps-6s-silent.truth.json"), "picture_times_us", &n);
    facts.has_trigger_time = true;
    facts.trigger_utc_us = facts.start_utc_us + times[45] - times[0] + 1000;
    char *dir = make(spoil(source, 26, 28), &facts, &options, &r);
    char expected[128];
    snprintf(expected, sizeof expected,
             "poster: picture 45 is damaged, the nearest that is not is %+.3f s",
             (double)(times[50] - times[45]) / 1e6);
    if (!strstr(r.warning, expected))
        fail_msg("warning '%s', not '%s'", r.warning, expected);
    support_tmp_remove(&dir);

    options = footage_options(COPY_MOMENT);
    options.n_moments = 1;
    options.moment_us[0] = (times[149] - times[0]) / 1000 * 1000 + 1000;
    uint8_t corner[2];
    for (int marked = 0; marked < 2; marked++) {
        dir = make(marked ? spoil(source, 126, 128) : footage_sample(SILENT), &facts, &options, &r);
        if ((strstr(r.warning, "still: the picture is affected by damage") != NULL) != marked)
            fail_msg("warning '%s'", r.warning);
        snprintf(path, sizeof path, "%s", r.output[0].path);
        struct pixels *p = read_picture(path, 0);
        corner[marked] = p->y[1 * W + W - 2];
        free(p);
        support_tmp_remove(&dir);
    }
    assert_true(corner[1] < corner[0] / 2);
    free(times);
    support_tmp_remove(&source);
}

static void test_damaged_files_give_stills(void **state)
{
    (void)state;
    static const char *const files[] = {"19-bit-flips.h265",           "8k-zero-hole.h265",
                                        "ptmf-5-packets-missing.h265", "ptmf-truncated.h265",
                                        "starts-mid-gop.h265",         "ptmf-zeroed-packet.h265",
                                        "truncated-mid-nal.h265"};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_POSTER | COPY_SHEET);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[128];
        struct convert_result r;
        snprintf(name, sizeof name, "hevc-damaged/%s", files[i]);
        char *dir = make(support_data(name), &facts, &options, &r);
        assert_int_equal(r.n_outputs, 2);
        support_tmp_remove(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poster_is_the_picture_at_the_trigger),
        cmocka_unit_test(test_poster_without_a_trigger_is_the_middle),
        cmocka_unit_test(test_stills_are_the_pictures_shown_at_their_times),
        cmocka_unit_test(test_a_time_beyond_the_end_is_refused_with_the_length),
        cmocka_unit_test(test_the_sheet_shows_the_clip_with_its_times),
        cmocka_unit_test(test_a_picture_that_does_not_decode_is_replaced_by_its_neighbour),
        cmocka_unit_test(test_stills_are_undamaged_or_marked),
        cmocka_unit_test(test_damaged_files_give_stills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

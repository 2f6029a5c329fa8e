/* Masks: how they are written, and what is black in frames of any layout. */
#include "footage/convert/redact.h"
#include "support/support.h"
#include <libavutil/pixdesc.h>
#include <string.h>

/* ---- as text ---- */

static void test_a_mask_is_four_numbers_and_up_to_two_times(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again;
        struct convert_mask mask;
    } good[] = {
        {"1,2,3,4", NULL, {1, 2, 3, 4, 0, 0}},
        {"0,0,65535,65535", NULL, {0, 0, 65535, 65535, 0, 0}},
        {"1,2,3,4,0", "1,2,3,4", {1, 2, 3, 4, 0, 0}},
        {"1,2,3,4,2.5", NULL, {1, 2, 3, 4, 2500000, 0}},
        {"1,2,3,4,2.5,10", NULL, {1, 2, 3, 4, 2500000, 10000000}},
        {"1,2,3,4,0,0.04", NULL, {1, 2, 3, 4, 0, 40000}},
        {"1,2,3,4,0:05,1:02:03.25", "1,2,3,4,5,3723.25", {1, 2, 3, 4, 5000000, 3723250000}},
        {"1,2,3,4,0.0000019,2", "1,2,3,4,0.000001,2", {1, 2, 3, 4, 1, 2000000}},
        {"00012,2,3,4", "12,2,3,4", {12, 2, 3, 4, 0, 0}},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct convert_mask m;
        struct err err;
        char text[CONVERT_MASK_ROOM];
        assert_ok(convert_mask_parse(good[i].text, &m, &err));
        assert_int_equal(m.x, good[i].mask.x);
        assert_int_equal(m.y, good[i].mask.y);
        assert_int_equal(m.w, good[i].mask.w);
        assert_int_equal(m.h, good[i].mask.h);
        assert_int_equal(m.from_us, good[i].mask.from_us);
        assert_int_equal(m.until_us, good[i].mask.until_us);
        convert_mask_text(&m, text);
        assert_string_equal(text, good[i].again ? good[i].again : good[i].text);
    }
}

static void test_what_is_no_mask_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "1,2,3",
        "1,2,3,",
        "1,2,3,4,",
        "1,2,3,4,5,",
        "1,2,3,4,5,6,",
        "1,2,3,4,5,6,7",
        "1,2,0,4",
        "1,2,3,0",
        "-1,2,3,4",
        "1,2,3,-4",
        "1,2,3,4.5",
        "1 ,2,3,4",
        " 1,2,3,4",
        "1,2,3,4 ",
        "65536,2,3,4",
        "1,2,99999999999999999999,4",
        "1,2,3,4,5,5",
        "1,2,3,4,5,4",
        "1,2,3,4,0,0",
        "1,2,3,4,-1",
        "1,2,3,4,1e3",
        "1,2,3,4,1:2:3:4",
        "1,2,3,4,1:",
        "1,2,3,4,.5",
        "1,2,3,4,1.",
        "1,2,3,4,99999999999999999999",
        "1,2,3,4,999999:0:0",
        "1,2,3,4,inf",
        "10%,2,3,4",
        "front:1,2,3,4",
        "0x1,2,3,4",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct convert_mask m = {.x = 77};
        struct err err = {0};
        if (convert_mask_parse(bad[i], &m, &err) != ERR_CONFIG || m.x != 77 || !err.text[0])
            fail_msg("'%s' is taken as a mask", bad[i]);
    }
}

static void test_a_mask_that_hides_nothing_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct convert_mask mask;
        int64_t duration_us;
        bool good;
    } cases[] = {
        {{0, 0, 1, 1, 0, 0}, 1000000, true},
        {{639, 479, 1, 1, 0, 0}, 1000000, true},
        {{639, 479, 65535, 65535, 0, 0}, 1000000, true},
        {{640, 0, 1, 1, 0, 0}, 1000000, false},
        {{0, 480, 1, 1, 0, 0}, 1000000, false},
        {{-1, 0, 5, 5, 0, 0}, 1000000, false},
        {{0, 0, 0, 5, 0, 0}, 1000000, false},
        {{0, 0, 5, 5, 999999, 0}, 1000000, true},
        {{0, 0, 5, 5, 1000000, 0}, 1000000, false},
        {{0, 0, 5, 5, 1000000, 2000000}, -1, true}, /* a photo has no time */
        {{0, 0, 5, 5, 500000, 400000}, 1000000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct convert_options o = {.mask = {cases[i].mask}, .n_masks = 1};
        struct err err = {0};
        int rc = redact_check(&o, 640, 480, cases[i].duration_us, &err);
        if (rc != (cases[i].good ? ERR_OK : ERR_CONFIG))
            fail_msg("case %zu: %s (%s)", i, err_name(rc), err.text);
    }
}

static void test_a_working_copy_hides_nothing(void **state)
{
    (void)state;
    struct err err;
    struct convert_options o = {.copies = COPY_WORKING | COPY_VIEWING};
    assert_ok(redact_possible(&o, &err));
    o.no_sound = true;
    assert_err(ERR_CONFIG, redact_possible(&o, &err));
    o.no_sound = false;
    o.n_masks = 1;
    assert_err(ERR_CONFIG, redact_possible(&o, &err));
    o.copies = COPY_VIEWING;
    assert_ok(redact_possible(&o, &err));
    o.n_masks = CONVERT_MASKS_MAX + 1;
    assert_err(ERR_CONFIG, redact_possible(&o, &err));
}

/* ---- in frames ---- */

static AVFrame *make_frame(enum AVPixelFormat format, int w, int h, enum AVColorRange range)
{
    AVFrame *f = av_frame_alloc();
    assert_non_null(f);
    f->format = format;
    f->width = w;
    f->height = h;
    f->color_range = range;
    assert_true(av_frame_get_buffer(f, 0) >= 0);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    for (int k = 0; k < 4 && f->data[k]; k++) {
        int rows = k == 1 || k == 2 ? AV_CEIL_RSHIFT(h, d->log2_chroma_h) : h;
        for (int i = 0; i < rows * f->linesize[k]; i++) /* valid in 10 bits, too */
            f->data[k][i] = d->comp[0].depth > 8 && i % 2 ? 2 : 99;
    }
    return f;
}

/* Sample (x, y) of component k. */
static int sample(const AVFrame *f, const AVPixFmtDescriptor *d, int k, int x, int y)
{
    const AVComponentDescriptor *c = &d->comp[k];
    const uint8_t *at = f->data[c->plane] + (ptrdiff_t)y * f->linesize[c->plane] +
                        (ptrdiff_t)x * c->step + c->offset;
    return c->depth > 8 ? at[0] | at[1] << 8 : at[0];
}

static int black(const AVPixFmtDescriptor *d, int k, bool full)
{
    int unit = 1 << (d->comp[0].depth - 8);
    return d->flags & AV_PIX_FMT_FLAG_RGB ? 0 : k > 0 ? 128 * unit : full ? 0 : 16 * unit;
}

/* Every sample that has a part in the box is black, and no other has changed. */
static void check_frame(const AVFrame *f, int x0, int y0, int x1, int y1, bool full)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    int old = d->comp[0].depth > 8 ? 99 | 2 << 8 : 99;
    int grid_x = 1 << d->log2_chroma_w, grid_y = 1 << d->log2_chroma_h;
    x0 = x0 / grid_x * grid_x;
    y0 = y0 / grid_y * grid_y;
    x1 = (x1 + grid_x - 1) / grid_x * grid_x;
    y1 = (y1 + grid_y - 1) / grid_y * grid_y;
    for (int k = 0; k < d->nb_components; k++) {
        bool chroma = (k == 1 || k == 2) && !(d->flags & AV_PIX_FMT_FLAG_RGB);
        int sx = chroma ? d->log2_chroma_w : 0, sy = chroma ? d->log2_chroma_h : 0;
        for (int y = 0; y < AV_CEIL_RSHIFT(f->height, sy); y++)
            for (int x = 0; x < AV_CEIL_RSHIFT(f->width, sx); x++) {
                bool in = x << sx >= x0 && x << sx < x1 && y << sy >= y0 && y << sy < y1;
                int is = sample(f, d, k, x, y), should = in ? black(d, k, full) : old;
                if (is != should)
                    fail_msg("%s: component %d at %d,%d is %d, not %d", d->name, k, x, y, is,
                             should);
            }
    }
}

static const struct redact_time always = {0, 1, true};

static void blacken(AVFrame *f, const struct media *m, const struct convert_mask *mask,
                    struct redact_time time)
{
    struct err err;
    struct media copy = *m;
    struct convert_options o = {.mask = {*mask}, .n_masks = 1};
    struct copy_task t = {.m = &copy, .options = &o};
    assert_ok(redact_frame(f, &t, time, &err));
}

static void test_boxes_are_black_in_every_layout_up_to_their_edges(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUVJ420P,    AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P,
        AV_PIX_FMT_YUV440P,   AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_GRAY8,   AV_PIX_FMT_GBRP,
        AV_PIX_FMT_YUV422P12, AV_PIX_FMT_GRAY10LE,    AV_PIX_FMT_NV12,
    };
    static const struct convert_mask boxes[] = {
        {8, 4, 16, 12, 0, 0}, {3, 5, 1, 1, 0, 0},    {7, 7, 9, 3, 0, 0},         {0, 0, 1, 1, 0, 0},
        {46, 30, 5, 5, 0, 0}, {44, 28, 99, 1, 0, 0}, {0, 0, 65535, 65535, 0, 0},
    };
    const struct media m = {.view_width_px = 47, .view_height_px = 31};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (size_t k = 0; k < sizeof boxes / sizeof *boxes; k++)
            for (int full = 0; full < 2; full++) {
                bool is_full = full || formats[i] == AV_PIX_FMT_YUVJ420P;
                AVFrame *f =
                    make_frame(formats[i], 47, 31, full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG);
                blacken(f, &m, &boxes[k], always);
                check_frame(f, boxes[k].x, boxes[k].y, boxes[k].x + boxes[k].w,
                            boxes[k].y + boxes[k].h, is_full);
                av_frame_free(&f);
            }
}

static void test_masks_that_overlap_hide_what_each_of_them_hides(void **state)
{
    (void)state;
    struct err err;
    struct media m = {.view_width_px = 64, .view_height_px = 64};
    struct convert_options o = {.mask = {{8, 8, 16, 16, 0, 0}, {8, 20, 16, 20, 0, 0}},
                                .n_masks = 2};
    struct copy_task t = {.m = &m, .options = &o};
    AVFrame *f = make_frame(AV_PIX_FMT_YUV420P, 64, 64, AVCOL_RANGE_MPEG);
    assert_ok(redact_frame(f, &t, always, &err));
    check_frame(f, 8, 8, 24, 40, false);
    av_frame_free(&f);
}

/* A picture in the middle of a film may have another size than the first. */
static void test_a_mask_grows_with_the_picture(void **state)
{
    (void)state;
    const struct media m = {.view_width_px = 64, .view_height_px = 32};
    const struct convert_mask mask = {5, 3, 7, 5, 0, 0};
    AVFrame *f = make_frame(AV_PIX_FMT_YUV444P, 192, 96, AVCOL_RANGE_MPEG);
    blacken(f, &m, &mask, always);
    check_frame(f, 15, 9, 36, 24, false);
    av_frame_free(&f);
    f = make_frame(AV_PIX_FMT_YUV444P, 31, 17, AVCOL_RANGE_MPEG);
    blacken(f, &m, &mask, always);
    /* it is seen 58 wide, 2 from the left: its shape is not that of the view */
    check_frame(f, 3 * 31 / 58, 3 * 17 / 32, (10 * 31 + 57) / 58, (8 * 17 + 31) / 32, false);
    av_frame_free(&f);
}

static void test_a_frame_that_others_use_stays_as_it_is_for_them(void **state)
{
    (void)state;
    const struct media m = {.view_width_px = 64, .view_height_px = 64};
    const struct convert_mask mask = {0, 0, 64, 64, 0, 0};
    AVFrame *f = make_frame(AV_PIX_FMT_YUV420P, 64, 64, AVCOL_RANGE_MPEG);
    AVFrame *shared = av_frame_clone(f);
    blacken(f, &m, &mask, always);
    check_frame(f, 0, 0, 64, 64, false);
    check_frame(shared, 0, 0, 0, 0, false);
    av_frame_free(&f);
    av_frame_free(&shared);
}

static void test_a_layout_that_cannot_be_blackened_is_an_error(void **state)
{
    (void)state;
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_PAL8, AV_PIX_FMT_MONOBLACK};
    struct err err;
    struct media m = {.view_width_px = 64, .view_height_px = 64};
    struct convert_options o = {.mask = {{0, 0, 8, 8, 0, 0}}, .n_masks = 1};
    struct copy_task t = {.m = &m, .options = &o};
    for (int i = 0; i < 2; i++) {
        AVFrame *f = make_frame(formats[i], 64, 64, AVCOL_RANGE_MPEG);
        assert_err(ERR_UNSUPPORTED, redact_frame(f, &t, always, &err));
        av_frame_free(&f);
    }
}

static void test_a_picture_has_the_boxes_of_all_of_its_time(void **state)
{
    (void)state;
    static const struct {
        int64_t from_us, until_us; /* of the mask */
        struct redact_time time;   /* of the picture, 90000 a second */
        bool hidden;
    } cases[] = {
        {0, 0, {0, 3600, false}, true},
        {1000000, 2000000, {86400, 90000, false}, false},
        {1000000, 2000000, {86400, 90001, false}, true}, /* still there when it begins */
        {1000000, 2000000, {90000, 93600, false}, true},
        {1000000, 2000000, {176400, 180000, false}, true},
        {1000000, 2000000, {180000, 183600, false}, false},
        {1000000, 2000000, {0, 900000, false}, true}, /* held over all of it */
        {1000000, 0, {900000, 903600, false}, true},
        {1000000, 0, {90000, 90000, false}, true},
        {1000000, 2000000, {900000, 903600, true}, true}, /* what it shows may be of any time */
        {1000005, 1000006, {90000, 90001, false}, true},  /* times are finer than ticks */
    };
    const struct media m = {.view_width_px = 16, .view_height_px = 16};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct convert_mask mask = {0, 0, 16, 16, cases[i].from_us, cases[i].until_us};
        AVFrame *f = make_frame(AV_PIX_FMT_YUV420P, 16, 16, AVCOL_RANGE_MPEG);
        blacken(f, &m, &mask, cases[i].time);
        if ((f->data[0][0] == 16) != cases[i].hidden)
            fail_msg("case %zu", i);
        av_frame_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mask_is_four_numbers_and_up_to_two_times),
        cmocka_unit_test(test_what_is_no_mask_is_refused),
        cmocka_unit_test(test_a_mask_that_hides_nothing_is_refused),
        cmocka_unit_test(test_a_working_copy_hides_nothing),
        cmocka_unit_test(test_boxes_are_black_in_every_layout_up_to_their_edges),
        cmocka_unit_test(test_masks_that_overlap_hide_what_each_of_them_hides),
        cmocka_unit_test(test_a_mask_grows_with_the_picture),
        cmocka_unit_test(test_a_frame_that_others_use_stays_as_it_is_for_them),
        cmocka_unit_test(test_a_layout_that_cannot_be_blackened_is_an_error),
        cmocka_unit_test(test_a_picture_has_the_boxes_of_all_of_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

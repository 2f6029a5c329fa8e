/* What a stream may be like, other than one size, one key picture first, parameter sets in front.
 */
#include "dashspool/convert.h"
#include "footage/media/annexb.h"
#include "footage/media/media.h"
#include "support/footage.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const struct media_facts facts;

static struct media_probe look(const char *path)
{
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_probe p;
    struct err err;
    assert_ok(media_probe(path, &facts, &options.media, true, &p, &err));
    return p;
}

static struct convert_result make(const char *path, unsigned copies)
{
    struct convert_options options = footage_options(copies | COPY_TIMING);
    struct convert_result r;
    struct err err;
    options.overwrite = options.check = true;
    assert_ok(convert_file(path, dir, "clip", &facts, &options, NULL, NULL, &r, &err));
    return r;
}

static const char *copy_of(const char *what)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/clip.%s", dir, what);
    return path;
}

/* ---- sizes ---- */

/* Luma in the middle of each edge, and in the middle, of each picture. */
struct looks {
    int n, w, h;
    struct {
        int left, right, top, bottom, middle;
    } at[64];
};

static void keep_look(void *arg, int index, const AVFrame *f)
{
    struct looks *l = arg;
    assert_true(index < 64);
    const uint8_t *y = f->data[0];
    int stride = f->linesize[0];
    l->n++;
    l->w = f->width;
    l->h = f->height;
    l->at[index].left = y[f->height / 2 * stride + 1];
    l->at[index].right = y[f->height / 2 * stride + f->width - 2];
    l->at[index].top = y[1 * stride + f->width / 2];
    l->at[index].bottom = y[(f->height - 2) * stride + f->width / 2];
    l->at[index].middle = y[f->height / 2 * stride + f->width / 2];
}

/* 128x96, 160x90, 128x96 with pixels of 4:3 (16:9 as it is seen), 96x128, 160x90 in 10 bits: six
 * pictures each. The largest is 160x90, so there are bars left and right of the first and fourth,
 * none around the others. */
static void test_other_sizes_are_fitted_in_and_told(void **state)
{
    (void)state;
    const char *path = support_data("hevc/shapes.h265");
    struct media_probe p = look(path);
    assert_true(p.clean);
    assert_int_equal(p.pictures, 30);
    static const struct {
        int64_t picture;
        const char *text;
    } told[] = {{6, "160x90"},
                {12, "128x96, pixels 4:3"},
                {18, "96x128, pixels 1:1"},
                {24, "160x90, yuv420p10le"}};
    assert_int_equal(p.changes, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(p.change[i].picture, told[i].picture);
        assert_int_equal(p.change[i].time_us, told[i].picture * 40000);
        assert_string_equal(p.change[i].text, told[i].text);
    }
    struct convert_result r = make(path, COPY_WORKING | COPY_VIEWING | COPY_SHEET);
    assert_non_null(strstr(r.warning, "changes 4 times, first to 160x90 at 0.24 s"));
    struct looks l = {0};
    assert_int_equal(footage_pictures(copy_of("viewing-DERIVED.mp4"), keep_look, &l), 30);
    assert_int_equal(l.w, 160);
    assert_int_equal(l.h, 90);
    for (int i = 0; i < 30; i++) {
        bool bars = i / 6 == 0 || i / 6 == 3;
        bool black = l.at[i].left < 24 && l.at[i].right < 24;
        if (bars != black || l.at[i].top < 24)
            fail_msg("picture %d: %d %d %d %d", i, l.at[i].left, l.at[i].right, l.at[i].top,
                     l.at[i].bottom);
    }
    json_t *timing = json_load_file(copy_of("timing.json"), 0, NULL);
    json_t *sizes = json_object_get(timing, "sizes");
    assert_int_equal(json_array_size(sizes), 5);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(sizes, 3), "width_px")), 96);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(sizes, 2), "pixel_aspect")), "4:3");
    json_decref(timing);
    struct footage f = footage_read(copy_of("working.mp4"));
    assert_string_equal(f.picture.tag, "hev1");
    assert_int_equal(f.picture.n, 30);
    footage_clear(&f);
}

/* A mask is where it is seen: in the viewing copy, whatever is fitted into it. */
static void test_masks_are_where_they_are_seen(void **state)
{
    (void)state;
    struct convert_options options = footage_options(COPY_VIEWING);
    struct convert_result r;
    struct err err;
    options.mask[0] = (struct convert_mask){.x = 70, .y = 35, .w = 20, .h = 20};
    options.n_masks = 1;
    assert_ok(convert_file(support_data("hevc/shapes.h265"), dir, "clip", &facts, &options, NULL,
                           NULL, &r, &err));
    struct looks l = {0};
    assert_int_equal(footage_pictures(copy_of("viewing-REDACTED-DERIVED.mp4"), keep_look, &l), 30);
    for (int i = 0; i < 30; i++)
        assert_true(l.at[i].middle < 24);
    options.mask[0].x = 150; /* in the bar of the first, in the picture of the second */
    options.overwrite = true;
    assert_ok(convert_file(support_data("hevc/shapes.h265"), dir, "clip", &facts, &options, NULL,
                           NULL, &r, &err));
    memset(&l, 0, sizeof l);
    footage_pictures(copy_of("viewing-REDACTED-DERIVED.mp4"), keep_look, &l);
    assert_true(l.at[8].right < 24);
    assert_true(l.at[8].top >= 24 && l.at[8].bottom >= 24);
}

/* ---- a start without a key picture ---- */

/* The parameter sets and the pictures from number `from` on. */
static const char *without_start(const char *name, int from)
{
    static char path[512];
    struct buf b = support_read(support_data(name));
    struct nal_scan scan = nal_scan_init(buf_data(&b), b.used);
    struct nal nal;
    size_t sets_end = 0, at = b.used;
    int n = -1;
    while (nal_next(&scan, &nal) && at == b.used) {
        if (nal.type <= NAL_VCL_LAST && ++n == 0)
            sets_end = nal.start;
        if (n == from && from > 0)
            at = nal.start;
    }
    snprintf(path, sizeof path, "%s/from.h265", dir);
    memmove(b.mem + b.start + sets_end, b.mem + b.start + at, b.used - at);
    support_write(path, buf_data(&b), sets_end + b.used - at);
    buf_clear(&b);
    return path;
}

/* All that is decoded, one behind the other. */
struct decoded {
    int n;
    char hash[64][HASH_HEX_ROOM];
};

static void keep_hash(void *arg, int index, const AVFrame *f)
{
    struct decoded *d = arg;
    uint8_t pixels[96 * 64];
    struct err err;
    assert_true(index < 64 && f->width == 96 && f->height == 64);
    for (int y = 0; y < 64; y++)
        memcpy(pixels + y * 96, f->data[0] + y * f->linesize[0], 96);
    assert_ok(hash_text(pixels, sizeof pixels, d->hash[index], &err));
    d->n++;
}

/* Picture 12 of 40 has intra blocks alone, but is no key picture; each refers to the one before it.
 * Who starts at picture 5 has what the whole stream has from there on, and nothing before. */
static void test_pictures_are_whole_from_where_all_was_coded_anew(void **state)
{
    (void)state;
    static struct decoded all, part;
    make(support_data("hevc/second-intra-no-key.h265"), COPY_WORKING);
    assert_int_equal(footage_pictures(copy_of("working.mp4"), keep_hash, &all), 40);
    const char *path = without_start("hevc/second-intra-no-key.h265", 5);
    struct media_probe p = look(path);
    assert_int_equal(p.pictures, 35);
    assert_int_equal(p.key_pictures, 0);
    assert_int_equal(p.first_whole, 7);
    assert_int_equal(p.damage.affected, 7);
    assert_int_equal(p.damage.undecodable_lead, 0);
    assert_non_null(strstr(p.refresh, "whole from picture 7 (0.28 s) on"));
    struct convert_result r = make(path, COPY_WORKING | COPY_VIEWING | COPY_POSTER);
    assert_int_equal(r.pictures, 35);
    assert_int_equal(r.damage.affected, 7);
    assert_int_equal(footage_pictures(copy_of("working.mp4"), keep_hash, &part), 35);
    for (int i = 0; i < 35; i++)
        assert_int_equal(strcmp(part.hash[i], all.hash[i + 5]) == 0, i >= 7);
}

/* An encoder that takes less care leaves traces: all are marked, none is lost without a word. */
static void test_a_refresh_that_leaves_traces_is_marked(void **state)
{
    (void)state;
    struct media_probe p = look(support_data("hevc-damaged/gdr-cut.h265"));
    assert_int_equal(p.pictures + p.damage.undecodable_lead, 40);
    assert_in_range(p.pictures, 20, 40);
    assert_int_equal(p.damage.affected, p.pictures);
    assert_int_equal(p.key_pictures, 0);
    assert_non_null(strstr(p.refresh, "intra refresh"));
    assert_false(p.clean);
    struct convert_result r =
        make(support_data("hevc-damaged/gdr-cut.h265"), COPY_WORKING | COPY_VIEWING | COPY_SHEET);
    assert_non_null(strstr(r.warning, "intra refresh"));
    assert_int_equal(r.pictures, p.pictures);
    assert_int_equal(r.damage.affected, p.damage.affected);
}

/* A recovery point says where to start, even with nothing to measure behind it. */
static void test_a_recovery_point_is_a_start(void **state)
{
    (void)state;
    struct buf b = support_read(without_start("hevc/second-intra-no-key.h265", 5));
    struct nal_scan scan = nal_scan_init(buf_data(&b), b.used);
    struct nal nal;
    int n = -1;
    size_t at = 0;
    while (nal_next(&scan, &nal))
        if (nal.type <= NAL_VCL_LAST && ++n == 3)
            at = nal.start;
    /* type 6, 1 byte: recovery_poc_cnt 4 ("00001000"), so two bytes with its flags */
    static const uint8_t sei[] = {0, 0, 1, NAL_PREFIX_SEI << 1, 1, 6, 2, 0x08, 0xe0, 0x80};
    char path[512];
    uint8_t *mem = malloc(b.used + sizeof sei);
    assert_non_null(mem);
    memcpy(mem, buf_data(&b), at);
    memcpy(mem + at, sei, sizeof sei);
    memcpy(mem + at + sizeof sei, buf_data(&b) + at, b.used - at);
    snprintf(path, sizeof path, "%s/point.h265", dir);
    support_write(path, mem, b.used + sizeof sei);
    struct media_probe p = look(path);
    assert_int_equal(p.first_decodable, 3);
    assert_int_equal(p.first_whole, 7);
    assert_int_equal(p.damage.affected, 4);
    assert_int_equal(p.damage.undecodable_lead, 3);
    free(mem);
    buf_clear(&b);
}

/* ---- parameter sets ---- */

struct unit {
    size_t at, n;
    int type;
};

/* The units of the first pictures of a stream, and where they were put. */
static int units_of(const struct buf *b, struct unit *unit, int room)
{
    struct nal_scan scan = nal_scan_init(buf_data(b), b->used);
    struct nal nal;
    int n = 0;
    while (n < room && nal_next(&scan, &nal))
        unit[n++] = (struct unit){(size_t)(nal.p - buf_data(b)), nal.n, nal.type};
    return n;
}

static void put(uint8_t *out, size_t *used, const struct buf *b, const struct unit *u)
{
    memcpy(out + *used, "\0\0\0\1", 4);
    memcpy(out + *used + 4, buf_data(b) + u->at, u->n);
    *used += u->n + 4;
}

/* Each order of VPS, SPS and PPS, in front of the first slice, behind the second one, or the last.
 */
static void test_parameter_sets_may_stand_in_any_order(void **state)
{
    (void)state;
    static const int orders[][3] = {{32, 33, 34}, {34, 33, 32}, {33, 34, 32},
                                    {34, 32, 33}, {32, 34, 33}, {33, 32, 34}};
    struct buf b = support_read(support_data("hevc/second-intra-no-key.h265"));
    struct unit unit[64];
    int n = units_of(&b, unit, 64);
    uint8_t *mem = malloc(b.used + 1024);
    struct convert_result plain = make(support_data("hevc/second-intra-no-key.h265"), COPY_WORKING);
    assert_non_null(mem);
    for (size_t k = 0; k < 3 * sizeof orders / sizeof *orders; k++) {
        const int *order = orders[k / 3];
        int behind = (int[]){0, 2, 40}[k % 3], slices = 0;
        size_t used = 0;
        for (int i = 0; i <= n; i++) {
            if (i < n && unit[i].type >= NAL_VPS && unit[i].type <= NAL_PPS)
                continue;
            for (int s = 0; slices == behind && s < 3; s++)
                for (int j = 0; j < n; j++)
                    if (unit[j].type == order[s])
                        put(mem, &used, &b, &unit[j]);
            if (i < n) {
                slices += unit[i].type <= NAL_VCL_LAST;
                put(mem, &used, &b, &unit[i]);
            }
        }
        const char *path = support_path(dir, "order.h265");
        support_write(path, mem, used);
        struct media_probe p = look(path);
        assert_true(p.clean && !p.borrowed_sets);
        assert_int_equal(strstr(p.warning, "come behind the first") != NULL, behind > 0);
        assert_int_equal(p.pictures, 40);
        struct convert_result r = make(path, COPY_WORKING | COPY_VIEWING);
        assert_string_equal(r.slices_sha256, plain.slices_sha256);
        assert_int_equal(r.damage.damaged + r.damage.affected, 0);
        struct footage f = footage_read(copy_of("working.mp4"));
        assert_string_equal(f.picture.tag, "hvc1");
        footage_clear(&f);
    }
    free(mem);
    buf_clear(&b);
}

/* Others come within the stream, PPS and SPS in front of VPS. */
static void test_sets_that_change_may_stand_in_any_order(void **state)
{
    (void)state;
    struct buf b = support_read(support_data("hevc/shapes.h265"));
    struct unit unit[64];
    int n = units_of(&b, unit, 64);
    uint8_t *mem = malloc(b.used + 1024);
    size_t used = 0;
    assert_non_null(mem);
    for (int i = 0; i < n; i++) {
        if (unit[i].type != NAL_VPS) {
            put(mem, &used, &b, &unit[i]);
            continue;
        }
        assert_true(unit[i + 1].type == NAL_SPS && unit[i + 2].type == NAL_PPS);
        put(mem, &used, &b, &unit[i + 2]);
        put(mem, &used, &b, &unit[i + 1]);
        put(mem, &used, &b, &unit[i]);
        i += 2;
    }
    const char *path = support_path(dir, "order.h265");
    support_write(path, mem, used);
    struct media_probe p = look(path);
    assert_true(p.clean);
    assert_int_equal(p.pictures, 30);
    assert_int_equal(p.changes, 4);
    make(path, COPY_WORKING | COPY_VIEWING);
    struct footage f = footage_read(copy_of("working.mp4"));
    assert_string_equal(f.picture.tag, "hev1");
    assert_int_equal(f.picture.n, 30);
    footage_clear(&f);
    free(mem);
    buf_clear(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_other_sizes_are_fitted_in_and_told),
        TEST(test_masks_are_where_they_are_seen),
        TEST(test_pictures_are_whole_from_where_all_was_coded_anew),
        TEST(test_a_refresh_that_leaves_traces_is_marked),
        TEST(test_a_recovery_point_is_a_start),
        TEST(test_parameter_sets_may_stand_in_any_order),
        TEST(test_sets_that_change_may_stand_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is damage in H.265, and what is not: judged by the pictures that come out, never by what a
 * decoder says in words. */
#include "footage/media/annexb.h"
#include "footage/media/damage.h"
#include "footage/media/decode.h"
#include "footage/media/examine.h"
#include "support/footage.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MD5   "hevc/road-320x180-md5.h265" /* 96 pictures, open groups of 12, two B between P */
#define UNITS 1000

/* A stream taken apart into its NAL units. */
struct stream {
    struct buf b;
    struct nal unit[UNITS];
    int n;
    int picture[UNITS]; /* of each: the picture that it belongs to */
};

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

static struct stream stream_open(const char *name)
{
    struct stream s = {.b = support_read(support_data(name))};
    struct nal_scan scan = nal_scan_init(buf_data(&s.b), s.b.used);
    int picture = -1;
    bool slices = true;
    while (nal_next(&scan, &s.unit[s.n])) {
        bool slice = nal_is_slice(&s.unit[s.n]);
        bool first = slice && s.unit[s.n].p[2] & 0x80;
        if (slices && (first || (!slice && s.unit[s.n].type != NAL_SUFFIX_SEI))) {
            picture++;
            slices = false;
        }
        slices = slices || slice;
        s.picture[s.n++] = picture;
        assert_true(s.n < UNITS);
    }
    return s;
}

static struct media_probe probe(struct buf *b)
{
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_probe p;
    struct err err = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/clip.h265", dir);
    support_write(path, buf_data(b), b->used);
    assert_ok(media_probe(path, &facts, &options.media, true, &p, &err));
    buf_clear(b);
    return p;
}

static void put(struct buf *b, const void *data, size_t n)
{
    struct err err;
    if (b->max_bytes == 0)
        buf_init(b, 1 << 22);
    assert_ok(buf_append(b, data, n, &err));
}

static void put_unit(struct buf *b, const struct nal *nal)
{
    put(b, "\0\0\0\1", 4);
    put(b, nal->p, nal->n);
}

static void has_no_damage(const struct media_probe *p, int64_t pictures, const char *what)
{
    const struct media_damage *d = &p->damage;
    if (p->pictures != pictures || p->decoder_findings || d->damaged || d->affected || d->lost ||
        d->repeated || d->stray_bytes)
        fail_msg("%s: %d of %d pictures, %d damaged (%s; %s), %d affected, %d lost", what,
                 (int)p->pictures, (int)pictures, (int)d->damaged, p->damaged[0].text,
                 p->decoder[0].text, (int)d->affected, (int)d->lost);
}

static void test_no_clean_stream_has_damage(void **state)
{
    (void)state;
    glob_t found;
    int judged = 0;
    assert_int_equal(glob(TEST_DATA "/hevc/*.h265", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        static const struct media_facts facts;
        struct convert_options options = footage_options(COPY_WORKING);
        struct media_probe p;
        struct err err = {0};
        if (media_probe(found.gl_pathv[i], &facts, &options.media, true, &p, &err) < 0)
            continue; /* those without parameter sets */
        has_no_damage(&p, p.pictures, found.gl_pathv[i]);
        judged++;
    }
    assert_true(judged >= 18);
    globfree(&found);
}

/* Legal units, in front of each picture or behind its slices, that are no part of it. */
static void test_what_is_no_picture_spoils_none(void **state)
{
    (void)state;
    static const struct {
        int from, until, layer;
        bool before, behind;
        const char *what;
    } kinds[] = {{48, 63, 0, true, false, "unspecified types"},
                 {41, 44, 0, true, false, "reserved types before"},
                 {45, 47, 0, false, true, "reserved types behind"},
                 {22, 31, 0, true, true, "reserved slice types"},
                 {10, 15, 0, true, true, "reserved sub-layer types"},
                 {38, 38, 0, false, true, "filler"},
                 {39, 39, 0, true, false, "SEI that nobody knows"},
                 {0, 1, 1, false, true, "slices of layer 1"},
                 {19, 21, 63, false, true, "key pictures of layer 63"},
                 {32, 34, 2, true, false, "parameter sets of layer 2"},
                 {32, 40, 7, true, true, "others of layer 7"},
                 {62, 62, 5, true, true, "an unspecified type of layer 5"}};
    struct stream s = stream_open(MD5);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct buf b = {0};
        int type = kinds[k].from, last = -1;
        for (int i = 0; i < s.n; i++) {
            uint8_t extra[] = {0, 0, 1, 0, 0, 0xd0, 0x44, 0x55, 0x80};
            extra[3] = (uint8_t)(type << 1 | kinds[k].layer >> 5);
            extra[4] = (uint8_t)(kinds[k].layer << 3 | 1);
            if (kinds[k].before && s.picture[i] != last)
                put(&b, extra, sizeof extra);
            last = s.picture[i];
            put_unit(&b, &s.unit[i]);
            if (kinds[k].behind && nal_is_slice(&s.unit[i]))
                put(&b, extra, sizeof extra);
            type = type == kinds[k].until ? kinds[k].from : type + 1;
        }
        struct media_probe p = probe(&b);
        has_no_damage(&p, 96, kinds[k].what);
        assert_int_equal(p.key_pictures, 8);
        assert_int_equal(p.layered_units > 0, kinds[k].layer > 0);
        assert_int_equal(strstr(p.warning, "nuh_layer_id") != NULL, kinds[k].layer > 0);
    }
    buf_clear(&s.b);
}

static void test_zeros_and_short_start_codes_are_legal(void **state)
{
    (void)state;
    static const uint8_t zeros[3000];
    static const struct {
        size_t leading, trailing;
        bool words;
    } kinds[] = {{0, 0, false}, {8, 5, false}, {3000, 3000, false}, {1, 0, true}, {0, 9, true}};
    struct stream s = stream_open(MD5);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct buf b = {0};
        put(&b, zeros, kinds[k].leading);
        for (int i = 0; i < s.n; i++) {
            put(&b, "\0\0\1", 3);
            put(&b, s.unit[i].p, s.unit[i].n);
            for (int w = 0; w < 5 && kinds[k].words && nal_is_slice(&s.unit[i]); w++)
                put(&b, "\0\0\3", 3); /* cabac_zero_words */
            put(&b, zeros, kinds[k].trailing);
        }
        struct media_probe p = probe(&b);
        has_no_damage(&p, 96, "zeros");
    }
    buf_clear(&s.b);
}

/* The file with one byte of its unit k changed, behind its first `from` bytes. */
static struct media_probe spoil(struct stream *s, int k, size_t from, uint8_t bits)
{
    struct buf b = {0};
    put(&b, buf_data(&s->b), s->b.used);
    b.mem[b.start + (size_t)(s->unit[k].p - (const uint8_t *)buf_data(&s->b)) + from] ^= bits;
    return probe(&b);
}

static void test_a_hash_that_differs_is_damage(void **state)
{
    (void)state;
    static const char *const names[] = {MD5, "hevc/road-320x180-crc.h265",
                                        "hevc/road-320x180-checksum.h265"};
    for (int i = 0; i < 3; i++) {
        struct stream s = stream_open(names[i]);
        int k = 0, seen = 0;
        while (s.unit[k].type != NAL_SUFFIX_SEI || seen++ < 2)
            k++;
        /* of the third picture: header, type, length, kind, then the planes' hashes */
        struct media_probe p = spoil(&s, k, 5, 0x10);
        assert_int_equal(p.damage.damaged, 1);
        assert_int_equal(p.damaged[0].picture, s.picture[k]);
        assert_non_null(strstr(p.damaged[0].text, "hash"));
        buf_clear(&s.b);
    }
}

/* A bit that is turned over makes another picture, and the hash tells, or the same one. */
static void test_turned_bits_are_found_by_the_hash(void **state)
{
    (void)state;
    struct stream s = stream_open(MD5);
    int found = 0;
    for (int k = 0, tried = 0; k < s.n && tried < 12; k++) {
        if (!nal_is_slice(&s.unit[k]) || s.picture[k] % 7 != 3)
            continue;
        tried++;
        struct media_probe p = spoil(&s, k, s.unit[k].n / 2 + 3, 0x04);
        assert_true(p.damage.damaged <= 1);
        found += p.damage.damaged && p.damaged[0].picture == s.picture[k];
    }
    assert_true(found >= 10);
    buf_clear(&s.b);
}

/* A slice of which the end is cut off leaves blocks unwritten, though its bits go on in whatever is
 * behind them. */
static void test_a_slice_without_its_end_is_damage(void **state)
{
    (void)state;
    struct stream s = stream_open("hevc/road-720p25.h265");
    for (int k = 0, tried = 0; k < s.n && tried < 4; k++) {
        struct buf b = {0};
        if (!nal_is_slice(&s.unit[k]) || s.picture[k] % 5 != 2)
            continue;
        tried++;
        for (int i = 0; i < s.n && s.picture[i] < 30; i++) {
            struct nal u = s.unit[i];
            u.n = i == k ? u.n / 2 : u.n;
            put_unit(&b, &u);
        }
        struct media_probe p = probe(&b);
        assert_int_equal(p.damage.damaged, 1);
        assert_int_equal(p.damaged[0].picture, s.picture[k]);
        assert_string_equal(p.damaged[0].text, "parts of it are missing");
        assert_int_equal(p.damage.affected, 29 - s.picture[k]);
    }
    buf_clear(&s.b);
}

/* Without a picture to which no other refers (a B picture here), or with a damaged one, all others
 * are as they were. */
static void test_only_what_refers_to_a_missing_picture_is_affected(void **state)
{
    (void)state;
    struct stream s = stream_open(MD5);
    int left_out = 0;
    for (int k = 0; k < s.n && left_out < 6; k++) {
        struct buf b = {0};
        if (!nal_is_slice(&s.unit[k]) || s.picture[k] < 14 || s.picture[k] > 24)
            continue;
        left_out++;
        for (int i = 0; i < s.n; i++)
            if (s.picture[i] != s.picture[k] ||
                !(nal_is_slice(&s.unit[i]) || s.unit[i].type == NAL_SUFFIX_SEI))
                put_unit(&b, &s.unit[i]);
        struct media_probe p = probe(&b);
        bool referred_to = s.unit[k].type % 2 != 0; /* TRAIL_R */
        assert_int_equal(p.pictures, 95);
        assert_int_equal(p.damage.lost, 1);
        assert_int_equal(p.damage.affected > 0, referred_to);

        if (!referred_to)
            assert_int_equal(p.damage.damaged, 0);
    }
    assert_int_equal(left_out, 6);
    buf_clear(&s.b);
}

static void open_media(struct media *m, const char *path)
{
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING);
    struct err err;
    assert_ok(media_open(m, path, MEDIA_ANNEXB, &facts, &options.media, &err));
}

static void test_the_result_does_not_depend_on_the_threads(void **state)
{
    (void)state;
    struct stream s = stream_open(MD5);
    struct media m[3];
    struct buf b = {0};
    static const int threads[] = {1, 2, 8};
    char path[4096];
    put(&b, buf_data(&s.b), s.b.used);
    for (int k = 9; k < s.n; k += 17) /* in all ranges, also in leading pictures */
        if (nal_is_slice(&s.unit[k]))
            b.mem[b.start + (size_t)(s.unit[k].p - (const uint8_t *)buf_data(&s.b)) +
                  s.unit[k].n / 2] ^= 0x40;
    snprintf(path, sizeof path, "%s/clip.h265", dir);
    support_write(path, buf_data(&b), b.used);
    for (int t = 0; t < 3; t++) {
        struct err err;
        open_media(&m[t], path);
        assert_ok(examine(&m[t], threads[t], NULL, NULL, &err));
        assert_true(m[t].damage.damaged > 1 && m[t].damage.affected > 8);
        for (int64_t i = 0; i < m[0].n_pictures; i++) {
            assert_int_equal(m[t].picture[i].state, m[0].picture[i].state);
            assert_ptr_equal(m[t].picture[i].why, m[0].picture[i].why);
        }
    }
    for (int t = 0; t < 3; t++)
        media_close(&m[t]);
    buf_clear(&b);
    buf_clear(&s.b);
}

/* ---- the first picture ---- */

struct kind {
    int width_px, height_px, format, range, primaries, transfer, space, profile, level, reorder;
    AVRational aspect;
};

/* False: nothing comes out. */
static bool decode_first(const struct media *m, enum decoder_use use, struct kind *out)
{
    struct decoder d;
    struct err err;
    bool got;
    AVFrame *f = av_frame_alloc();
    assert_non_null(f);
    assert_ok(decoder_open_for(&d, m, use, 1, &err));
    assert_ok(decoder_send(&d, m, m->first, &err));
    assert_ok(decoder_send(&d, m, -1, &err));
    assert_ok(decoder_receive(&d, f, &got, &err));
    *out = (struct kind){f->width,
                         f->height,
                         f->format,
                         f->color_range,
                         f->color_primaries,
                         f->color_trc,
                         f->colorspace,
                         d.ctx->profile,
                         d.ctx->level,
                         d.ctx->has_b_frames,
                         f->sample_aspect_ratio};
    decoder_close(&d);
    av_frame_free(&f);
    return got;
}

/* The beginnings of its slices tell of what kind it is, as all of it does. */
static void test_heads_tell_what_the_whole_picture_tells(void **state)
{
    (void)state;
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING);
    glob_t found;
    int judged = 0;
    assert_int_equal(glob(TEST_DATA "/hevc/*.h265", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct media m;
        struct kind heads, whole;
        struct err err;
        if (media_open(&m, found.gl_pathv[i], MEDIA_ANNEXB, &facts, &options.media, &err) == 0) {
            assert_true(decode_first(&m, DECODER_SHOW, &whole));
            assert_true(decode_first(&m, DECODER_HEADS, &heads));
            assert_memory_equal(&heads, &whole, sizeof heads);
            judged++;
        }
        media_close(&m);
    }
    assert_true(judged >= 18);
    globfree(&found);
}

/* A slice header that ends too early is no picture, whatever stands behind it. */
static void test_half_a_slice_header_is_no_picture(void **state)
{
    (void)state;
    struct media m;
    struct kind unused;
    open_media(&m, support_data("hevc/road-720p25.h265"));
    assert_true(decode_first(&m, DECODER_HEADS, &unused));
    m.picture[m.first].n = m.picture[m.first].head + 3 + 3; /* start code, 3 bytes */
    assert_false(decode_first(&m, DECODER_SHOW, &unused));
    assert_false(decode_first(&m, DECODER_HEADS, &unused));
    media_close(&m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_clean_stream_has_damage),
        TEST(test_what_is_no_picture_spoils_none),
        TEST(test_zeros_and_short_start_codes_are_legal),
        TEST(test_a_hash_that_differs_is_damage),
        TEST(test_turned_bits_are_found_by_the_hash),
        TEST(test_a_slice_without_its_end_is_damage),
        TEST(test_only_what_refers_to_a_missing_picture_is_affected),
        TEST(test_the_result_does_not_depend_on_the_threads),
        TEST(test_heads_tell_what_the_whole_picture_tells),
        TEST(test_half_a_slice_header_is_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

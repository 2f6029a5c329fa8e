/* Plain H.265 has no numbers but its order counts: what they tell about missing pictures. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/convert.h"
#include "footage/media/annexb.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP   "rear-25fps-6s-silent.h265" /* 150 pictures, a key picture every 25 */
#define STEP   40000
#define AU_MAX 1000

/* Plain H.265 in memory, picture by picture. */
struct stream {
    struct buf b;
    struct annexb_au au[AU_MAX];
    int n;
    char *dir, path[4096];
};

static void split(struct stream *s)
{
    struct nal_scan scan = nal_scan_init(buf_data(&s->b), s->b.used);
    while (s->n < AU_MAX && annexb_next(&scan, &s->au[s->n]))
        s->n++;
    s->dir = support_tmp_dir();
    snprintf(s->path, sizeof s->path, "%s/plain.h265", s->dir);
}

static struct stream stream_of(const char *path)
{
    struct stream s = {.b = support_read(path)};
    split(&s);
    return s;
}

/* The pictures of a camera's file without its records. */
static struct stream stream_of_sample(void)
{
    struct stream s = {0};
    struct buf in = support_read(footage_sample(CLIP));
    struct ptmf p = ptmf_init(buf_data(&in), in.used);
    struct ptmf_record r;
    struct err err;
    buf_init(&s.b, 64 << 20);
    while (ptmf_next(&p, &r))
        assert_ok(buf_append(&s.b, r.payload, r.n, &err));
    buf_clear(&in);
    split(&s);
    assert_int_equal(s.n, 150);
    return s;
}

static void stream_close(struct stream *s)
{
    buf_clear(&s->b);
    support_tmp_remove(&s->dir);
}

/* Writes the pictures, each as often as `times` says: '0' not, '1' once; 1 behind its end. */
static void write_pictures(const struct stream *s, const char *times)
{
    struct err err;
    struct buf out;
    size_t known = strlen(times);
    buf_init(&out, 64 << 20);
    for (int i = 0; i < s->n; i++)
        for (int k = (size_t)i < known ? times[i] - '0' : 1; k > 0; k--)
            assert_ok(buf_append(&out, buf_data(&s->b) + s->au[i].offset, s->au[i].n, &err));
    support_write(s->path, buf_data(&out), out.used);
    buf_clear(&out);
}

/* All once, but for n of them from `from` on. */
static char *but(int from, int n, int times)
{
    static char text[AU_MAX];
    memset(text, '1', sizeof text);
    memset(text + from, '0' + times, (size_t)n);
    text[sizeof text - 1] = '\0';
    return text;
}

static struct media_probe probe(const char *path, bool decode)
{
    struct media_facts facts = {.tz_min = 0};
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_probe p;
    struct err err;
    assert_ok(media_probe(path, &facts, &options.media, decode, &p, &err));
    return p;
}

static void test_a_whole_stream_misses_nothing(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    write_pictures(&s, "");
    struct media_probe p = probe(s.path, true);
    assert_true(p.clean);
    assert_int_equal(p.duration_us, 150 * STEP);
    stream_close(&s);
}

static void test_missing_pictures_are_counted_and_take_their_time(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    char *times = but(60, 3, 0);
    times[110] = '0';
    write_pictures(&s, times);
    struct media_probe p = probe(s.path, false);
    assert_int_equal(p.damage.lost, 4);
    assert_int_equal(p.damage.damaged, 0);
    assert_int_equal(p.damage.affected, 75 - 63 + 125 - 111);
    assert_int_equal(p.gaps, 2);
    assert_int_equal(p.gap[0].picture, 60);
    assert_int_equal(p.gap[0].lost, 3);
    assert_int_equal(p.gap[0].from_us, 59 * STEP);
    assert_int_equal(p.gap[0].until_us, 63 * STEP);
    assert_int_equal(p.gap[1].picture, 107);
    assert_int_equal(p.gap[1].until_us, 111 * STEP);
    assert_int_equal(p.duration_us, 150 * STEP);
    p = probe(s.path, true);
    assert_int_equal(p.damage.lost, 4);
    stream_close(&s);
}

static void test_a_period_without_its_key_picture_stands_on_its_own(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    write_pictures(&s, but(75, 1, 0));
    struct media_probe p = probe(s.path, false);
    assert_int_equal(p.damage.lost, 1);
    assert_int_equal(p.gap[0].picture, 75);
    assert_int_equal(p.gap[0].from_us, 74 * STEP);
    assert_int_equal(p.damage.affected, 24);
    assert_int_equal(p.duration_us, 150 * STEP);
    write_pictures(&s, but(75, 3, 0));
    p = probe(s.path, false);
    assert_int_equal(p.damage.lost, 3);
    assert_int_equal(p.gap[0].until_us, 78 * STEP);
    stream_close(&s);
}

static void test_a_picture_that_comes_twice_harms_no_other(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    write_pictures(&s, but(60, 1, 3));
    for (int decode = 0; decode < 2; decode++) {
        struct media_probe p = probe(s.path, decode);
        assert_int_equal(p.damage.repeated, 2);
        assert_int_equal(p.damage.damaged + p.damage.affected + p.damage.lost, 0);
    }
    stream_close(&s);
}

/* The P slices of the sample: first_slice_segment_in_pic_flag 1, slice_pic_parameter_set_id "1",
 * slice_type "010", then eight bits of slice_pic_order_cnt_lsb (7.3.6.1). */
static void flip_count(struct stream *s, int picture, int bit)
{
    uint8_t *all = s->b.mem + s->b.start;
    struct nal_scan scan = nal_scan_init(all + s->au[picture].offset, s->au[picture].n);
    struct nal nal;
    while (nal_next(&scan, &nal) && nal.type > NAL_VCL_LAST)
        ;
    size_t at = (size_t)(nal.p - all);
    assert_int_equal(all[at + 2] & 0xf8, 0xd0);
    all[at + 2] ^= (uint8_t)(1 << bit >> 5);
    all[at + 3] ^= (uint8_t)(1 << bit << 3);
}

static void test_a_wrong_count_is_no_missing_picture(void **state)
{
    (void)state;
    for (int bit = 0; bit < 7; bit++) {
        struct stream s = stream_of_sample();
        flip_count(&s, 60, bit);
        flip_count(&s, 99, 6); /* the last of its period */
        write_pictures(&s, "");
        struct media_probe p = probe(s.path, false);
        assert_int_equal(p.damage.lost, 0);
        assert_int_equal(p.duration_us, 150 * STEP);
        stream_close(&s);
    }
}

static void test_counts_that_grow_by_this_and_that_tell_nothing(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    char *times = but(0, 1, 1);
    for (int i = 2; i < s.n; i += 3)
        times[i] = '0';
    write_pictures(&s, times);
    struct media_probe p = probe(s.path, false);
    assert_int_equal(p.damage.lost, 0);
    for (int i = 1; i < s.n; i += 2) /* every other one: that is how it was made */
        times[i] = '0', times[i - 1] = '1';
    write_pictures(&s, times);
    p = probe(s.path, false);
    assert_int_equal(p.damage.lost, 0);
    stream_close(&s);
}

static void test_a_hole_longer_than_a_clip_is_not_believed(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    struct media_facts facts = {.tz_min = 0};
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_probe p;
    struct err err;
    options.media.fps = 0.1;
    for (int n = 6; n <= 7; n++) {
        write_pictures(&s, but(60, n, 0));
        assert_ok(media_probe(s.path, &facts, &options.media, false, &p, &err));
        assert_int_equal(p.damage.lost, n == 6 ? 6 : 0);
    }
    stream_close(&s);
}

static void test_copies_show_that_pictures_are_missing(void **state)
{
    (void)state;
    struct stream s = stream_of_sample();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING | COPY_TIMING);
    struct convert_result r;
    struct err err;
    const char *says = "\"before\":60,\"lost\":12,";
    write_pictures(&s, but(60, 12, 0));
    assert_ok(convert_file(s.path, s.dir, "copy", &facts, &options, NULL, NULL, &r, &err));
    assert_int_equal(r.damage.lost, 12);
    assert_non_null(strstr(r.warning, "12 pictures are missing"));
    for (int i = 0; i < r.n_outputs; i++) {
        if (r.output[i].kind == COPY_TIMING) {
            struct buf json = support_read(r.output[i].path);
            assert_non_null(memmem(buf_data(&json), json.used, says, strlen(says)));
            buf_clear(&json);
            continue;
        }
        bool viewing = r.output[i].kind == COPY_VIEWING;
        struct footage f = footage_read(r.output[i].path);
        assert_int_equal(f.picture.n, 138 + viewing); /* and the card */
        assert_int_equal(f.picture.pts[60 + viewing], 72 * 90000 / 25);
        assert_true(f.duration_s > 5.99 && f.duration_s < 6.01);
        footage_clear(&f);
    }
    stream_close(&s);
}

static void test_reordered_pictures_that_are_missing_are_counted_but_for_the_last_ones(void **state)
{
    (void)state;
    struct stream s = stream_of(support_data("hevc/cros-bear.h265"));
    for (int i = 1; i < s.n; i++) {
        write_pictures(&s, but(i, 1, 0));
        struct media_probe p = probe(s.path, false);
        bool in_last_group = i == 22 || i >= 26; /* what is shown last is behind it */
        assert_int_equal(p.damage.lost, !in_last_group);
        assert_in_range(p.duration_us, in_last_group ? 967000 : 1000990, 1001010);
    }
    stream_close(&s);
}

static void test_nothing_is_missing_from_streams_of_all_kinds(void **state)
{
    (void)state;
    glob_t found = {0};
    assert_int_equal(glob(TEST_DATA "/hevc/*.h265", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct media_facts facts = {.tz_min = 0};
        struct convert_options options = footage_options(COPY_WORKING);
        struct media_probe p;
        struct err err;
        if (media_probe(found.gl_pathv[i], &facts, &options.media, false, &p, &err) < 0)
            assert_non_null(strstr(err.text, "parameter sets"));
        if (p.damage.lost + p.damage.repeated + p.damage.affected != 0)
            fail_msg("%s", found.gl_pathv[i]);
    }
    globfree(&found);
}

/* 80 pictures, a key picture every 20 whose leading pictures are shown before it. */
static bool make_leading(const char *kind, const char *path)
{
    char params[200], out[4200];
    struct buf said = {0};
    buf_init(&said, 1 << 20);
    snprintf(params, sizeof params,
             "keyint=20:min-keyint=20:scenecut=0:bframes=3:repeat-headers=1:log-level=error:%s",
             kind);
    snprintf(out, sizeof out, "%s", path);
    char *argv[] = {(char[]){"ffmpeg"},
                    (char[]){"-v"},
                    (char[]){"error"},
                    (char[]){"-f"},
                    (char[]){"lavfi"},
                    (char[]){"-i"},
                    (char[]){"testsrc2=s=128x96:r=25:d=3.2"},
                    (char[]){"-c:v"},
                    (char[]){"libx265"},
                    (char[]){"-x265-params"},
                    params,
                    out,
                    NULL};
    int rc = footage_run(argv, &said);
    buf_clear(&said);
    if (rc < 0)
        fprintf(stderr, "SKIPPED: ffmpeg is not there\n");
    else
        assert_int_equal(rc, 0);
    return rc == 0;
}

/* As after a cut of a stream that began earlier. */
static void cut_before_leading(struct stream *s)
{
    char times[AU_MAX] = "";
    struct media_facts facts = {.tz_min = 0};
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    struct convert_result r;
    struct err err;
    int from = 1, led = 0;
    while (s->au[from + 1].type < NAL_RADL_N || s->au[from + 1].type > NAL_RASL_R)
        from++;
    while (s->au[from + 1 + led].type >= NAL_RADL_N && s->au[from + 1 + led].type <= NAL_RASL_R)
        led++;
    memset(times, '0', (size_t)from);
    write_pictures(s, times);
    options.check = true;
    assert_ok(convert_file(s->path, s->dir, "copy", &facts, &options, NULL, NULL, &r, &err));
    assert_int_equal(r.pictures, s->n - from - led);
    assert_int_equal(r.damage.undecodable_lead, led);
    assert_int_equal(r.damage.damaged + r.damage.affected + r.damage.lost, 0);
    assert_non_null(strstr(r.warning, "shown before the first key picture"));
}

static void test_leading_pictures_of_the_first_key_picture_are_left_out(void **state)
{
    (void)state;
    static const char *const kinds[] = {"open-gop=1", "open-gop=0:radl=2"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *dir = support_tmp_dir(), path[4096];
        snprintf(path, sizeof path, "%s/whole.h265", dir);
        if (make_leading(kinds[i], path)) {
            struct stream s = stream_of(path);
            cut_before_leading(&s);
            stream_close(&s);
        }
        support_tmp_remove(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_stream_misses_nothing),
        cmocka_unit_test(test_missing_pictures_are_counted_and_take_their_time),
        cmocka_unit_test(test_a_period_without_its_key_picture_stands_on_its_own),
        cmocka_unit_test(test_a_picture_that_comes_twice_harms_no_other),
        cmocka_unit_test(test_a_wrong_count_is_no_missing_picture),
        cmocka_unit_test(test_counts_that_grow_by_this_and_that_tell_nothing),
        cmocka_unit_test(test_a_hole_longer_than_a_clip_is_not_believed),
        cmocka_unit_test(test_copies_show_that_pictures_are_missing),
        cmocka_unit_test(
            test_reordered_pictures_that_are_missing_are_counted_but_for_the_last_ones),
        cmocka_unit_test(test_leading_pictures_of_the_first_key_picture_are_left_out),
        cmocka_unit_test(test_nothing_is_missing_from_streams_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

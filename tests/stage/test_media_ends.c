/* Where a file ends early, and how much is in it: told once, and alike by all who tell it. */
#include "dashspool/convert.h"
#include "footage/media/annexb.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
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

/* The first n bytes of `b`, looked at. */
static struct media_probe probe_start(const struct buf *b, size_t n)
{
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_probe p;
    struct err err;
    const char *path = support_path(dir, "cut.h265");
    support_write(path, buf_data(b), n);
    assert_ok(media_probe(path, &facts, &options.media, true, &p, &err));
    return p;
}

/* In and behind the header of a record, in its payload, and behind it. */
static void test_records_that_end_early(void **state)
{
    (void)state;
    struct buf b = support_read(footage_sample("rear-25fps-6s-silent.h265"));
    struct ptmf scan = ptmf_init(buf_data(&b), b.used);
    struct ptmf_record r = {0};
    for (int i = 0; i < 31; i++)
        assert_true(ptmf_next(&scan, &r));
    static const size_t more[] = {1, 3, 4, 20, 35, 36, 37, 300};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        struct media_probe p = probe_start(&b, r.offset + more[i]);
        assert_int_equal(p.pictures, 30);
        assert_int_equal(p.damage.cut_bytes, more[i]);
        assert_int_equal(p.damage.damaged + p.damage.stray_bytes, 0);
        assert_true(p.only_ends_early);
        assert_false(p.clean);
        char expected[96];
        snprintf(expected, sizeof expected,
                 "ends early, %zu byte%s of an unfinished record left out", more[i],
                 more[i] == 1 ? "" : "s");
        assert_string_equal(p.warning, expected);
    }
    struct media_probe p = probe_start(&b, r.offset);
    assert_true(p.clean);
    assert_false(p.only_ends_early);
    assert_int_equal(p.pictures, 30);
    buf_clear(&b);
}

/* The start code of picture number `at`, with the zero in front of it. */
static size_t unit_of(const struct buf *b, int at)
{
    struct nal_scan scan = nal_scan_init(buf_data(b), b->used);
    struct nal nal;
    int n = -1;
    while (nal_next(&scan, &nal))
        if (nal.type <= NAL_VCL_LAST && ++n == at)
            return nal.start - (nal.start > 0 && buf_data(b)[nal.start - 1] == 0);
    fail_msg("no picture %d", at);
    return 0;
}

/* A start code, or one with no more than a header, is no picture, and breaks none; what is more is
 * a picture that is not all there. */
static void test_plain_h265_that_ends_early(void **state)
{
    (void)state;
    struct buf b = support_read(support_data("hevc/road-720p25.h265"));
    size_t at = unit_of(&b, 20);
    static const struct {
        size_t more;
        int64_t pictures, damaged, cut;
    } cases[] = {{0, 20, 0, 0}, {2, 20, 0, 0},     {4, 20, 0, 4},      {5, 20, 0, 5},
                 {6, 20, 0, 6}, {500, 21, 1, 499}, {3000, 21, 1, 2999}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct media_probe p = probe_start(&b, at + cases[i].more);
        assert_int_equal(p.pictures, cases[i].pictures);
        assert_int_equal(p.damage.damaged, cases[i].damaged);
        assert_int_equal(p.damage.cut_bytes, cases[i].cut);
        assert_int_equal(p.clean, cases[i].cut == 0);
        assert_int_equal(p.only_ends_early, cases[i].cut > 0);
        if (cases[i].damaged)
            assert_string_equal(p.damaged[0].text, "the file ends within it");
    }
    /* Parameter sets that belong to a key picture which is not there. */
    at = unit_of(&b, 30);
    struct nal_scan scan = nal_scan_init(buf_data(&b), at);
    struct nal nal;
    size_t sets = 0;
    while (nal_next(&scan, &nal))
        if (nal.type == NAL_VPS)
            sets = nal.start;
    struct media_probe p = probe_start(&b, at);
    assert_int_equal(p.pictures, 30);
    assert_int_equal(p.damage.damaged, 0);
    assert_in_range(p.damage.cut_bytes, at - sets, at - sets + 1);
    assert_true(p.only_ends_early);
    buf_clear(&b);
}

static int64_t number(const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    assert_true(json_is_number(v));
    return (int64_t)(json_number_value(v) * 1e6 + 0.5);
}

/* timing.json counts the same pictures in the same states. */
static void timing_agrees(const char *path, const struct media_probe *p)
{
    json_t *timing = json_load_file(path, 0, NULL), *pictures = json_object_get(timing, "pictures");
    json_t *damage = json_object_get(timing, "damage"), *gaps = json_object_get(timing, "gaps"), *o;
    int64_t damaged = 0, affected = 0, keys = 0, last_us = 0;
    size_t i;
    assert_non_null(timing);
    json_array_foreach(pictures, i, o)
    {
        const char *state = json_string_value(json_object_get(o, "state"));
        const char *why = json_string_value(json_object_get(o, "why"));
        damaged += strcmp(state, "damaged") == 0 && !strstr(why, "comes twice");
        affected += strcmp(state, "affected") == 0;
        keys += json_is_true(json_object_get(o, "key"));
        int64_t at_us = number(o, "pts_s");
        last_us = at_us > last_us ? at_us : last_us;
        for (int64_t k = 0; k < p->damage.damaged && k < MEDIA_FINDINGS_MAX; k++)
            if (json_integer_value(json_object_get(o, "n")) == p->damaged[k].picture)
                assert_int_equal(at_us, p->damaged[k].time_us);
    }
    assert_int_equal(json_array_size(pictures), p->pictures);
    assert_int_equal(damaged, p->damage.damaged);
    assert_int_equal(affected, p->damage.affected);
    assert_int_equal(keys, p->key_pictures);
    assert_true(last_us < p->duration_us);
    assert_int_equal(number(damage, "damaged"), p->damage.damaged * 1000000);
    assert_int_equal(number(damage, "cut_bytes"), p->damage.cut_bytes * 1000000);
    assert_int_equal(json_array_size(gaps), p->gaps);
    json_array_foreach(gaps, i, o)
    {
        if (i >= MEDIA_FINDINGS_MAX)
            break;
        assert_int_equal(number(o, "from_s"), p->gap[i].from_us);
        assert_int_equal(number(o, "until_s"), p->gap[i].until_us);
        assert_int_equal(number(o, "lost"), p->gap[i].lost * 1000000);
    }
    json_decref(timing);
}

static void all_agree(const char *path)
{
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING | COPY_TIMING);
    struct media_probe p;
    struct convert_result r;
    struct err err;
    char timing[512];
    options.overwrite = true;
    assert_ok(media_probe(path, &facts, &options.media, true, &p, &err));
    assert_ok(convert_file(path, dir, "clip", &facts, &options, NULL, NULL, &r, &err));
    assert_int_equal(r.pictures, p.pictures);
    assert_int_equal(r.key_pictures, p.key_pictures);
    assert_int_equal(r.duration_us, p.duration_us);
    assert_int_equal(r.gaps, p.gaps);
    assert_int_equal(r.gaps_by_camera, p.gaps_by_camera);
    assert_memory_equal(&r.damage, &p.damage, sizeof p.damage);
    snprintf(timing, sizeof timing, "%s/clip.timing.json", dir);
    timing_agrees(timing, &p);
}

static void test_probe_convert_and_timing_tell_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {
        "hevc-damaged/starts-mid-gop.h265",
        "hevc-damaged/19-bit-flips.h265",
        "hevc-damaged/8k-zero-hole.h265",
        "hevc-damaged/truncated-mid-nal.h265",
        "hevc-damaged/ptmf-truncated.h265",
        "hevc-damaged/ptmf-5-packets-missing.h265",
        "hevc/membrane-input-irap-pss-no-irap.h265",
        "ptmf/front-30fps-5s-gaps.h265",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        all_agree(support_data(names[i]));
}

/* Records without their beginning, with gaps in what is left out and in what is not. */
static void test_what_is_left_out_counts_nowhere(void **state)
{
    (void)state;
    struct buf b = support_read(support_data("ptmf/front-30fps-5s-gaps.h265"));
    struct ptmf scan = ptmf_init(buf_data(&b), b.used);
    struct ptmf_record r;
    char path[512];
    for (int i = 0; i < 36; i++)
        assert_true(ptmf_next(&scan, &r));
    snprintf(path, sizeof path, "%s/late.h265", dir);
    support_write(path, buf_data(&b) + r.offset, b.used - r.offset);
    all_agree(path);
    buf_clear(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_records_that_end_early),
        TEST(test_plain_h265_that_ends_early),
        TEST(test_probe_convert_and_timing_tell_the_same),
        TEST(test_what_is_left_out_counts_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

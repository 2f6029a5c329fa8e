/* What the viewing copy says where pictures are missing or damaged. */
#include "dashspool/fsx.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUT_FROM 60 /* the key pictures are 0, 25, 50, 75 … */
#define CUT_TO   72

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

static const char *in_dir(const char *name)
{
    static char path[2][600];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

/* The rear sample, without pictures from..to-1; and with a hole of zeros in picture `zeroed`. */
static void make_clip(const char *name, int from, int to, int zeroed)
{
    struct err err;
    struct buf in = support_read(footage_sample("rear-25fps-6s-silent.h265")), out;
    struct ptmf p = ptmf_init(buf_data(&in), in.used);
    struct ptmf_record r;
    buf_init(&out, in.used + 1);
    for (int i = 0; ptmf_next(&p, &r); i++) {
        size_t end = p.at;
        if (i >= from && i < to)
            continue;
        assert_ok(buf_append(&out, buf_data(&in) + r.offset, end - r.offset, &err));
        if (i == zeroed)
            memset(out.mem + out.start + out.used - (end - r.offset) + PTMF_HEADER_BYTES + r.n / 3,
                   0, r.n / 3);
    }
    support_write(in_dir(name), buf_data(&out), out.used);
    buf_clear(&in);
    buf_clear(&out);
}

static struct convert_result convert(const char *clip, const char *stem)
{
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_VIEWING);
    assert_ok(convert_file(in_dir(clip), dir, stem, &facts, &options, NULL, NULL, &r, &err));
    return r;
}

static bool says(const char *path, const char *at, const char *crop, const char *words)
{
    char text[1024];
    unlink(in_dir("crop.png"));
    footage_read_part(dir, path, at, crop, text, sizeof text);
    return strstr(text, words) != NULL;
}

#define CENTRE "900:200:190:260"
#define CORNER "560:40:720:0"

static void test_lost_pictures_are_bridged_by_a_card_and_the_time_stays_right(void **state)
{
    (void)state;
    int n;
    int64_t *truth_us =
        footage_truth(footage_sample("rear-25fps-6s-silent.truth.json"), "picture_times_us", &n);
    make_clip("cut.h265", CUT_FROM, CUT_TO, -1);
    struct convert_result r = convert("cut.h265", "cut");
    assert_int_equal(r.damage.lost, CUT_TO - CUT_FROM);
    assert_int_equal(r.damage.affected, 75 - CUT_TO);
    struct footage f = footage_read(r.output[0].path);
    assert_int_equal(f.picture.n, n - (CUT_TO - CUT_FROM) + 1); /* and the card */
    assert_true(f.duration_s > 5.95 && f.duration_s < 6.05);
    footage_clear(&f);
    char before[32], card[32], behind[32]; /* the first picture at or behind these */
    snprintf(before, sizeof before, "%.3f", (double)truth_us[CUT_FROM - 1] / 1e6 - 0.02);
    snprintf(card, sizeof card, "%.3f", (double)truth_us[CUT_FROM - 1] / 1e6 + 0.02);
    snprintf(behind, sizeof behind, "%.3f", (double)truth_us[76] / 1e6 - 0.01);
    assert_true(says(r.output[0].path, card, CENTRE, "PICTURE MISSING"));
    assert_true(says(r.output[0].path, card, CENTRE, "12 pictures"));
    assert_false(says(r.output[0].path, before, CENTRE, "PICTURE"));
    assert_false(says(r.output[0].path, behind, CENTRE, "PICTURE"));
    free(truth_us);
}

static void test_damaged_pictures_are_marked_up_to_the_next_key(void **state)
{
    (void)state;
    make_clip("zeroed.h265", 0, 0, 60);
    struct convert_result r = convert("zeroed.h265", "zeroed");
    assert_int_equal(r.damage.damaged, 1);
    assert_int_equal(r.damage.affected, 14);
    assert_true(says(r.output[0].path, "2.40", CORNER, "DAMAGED PICTURE"));
    assert_true(says(r.output[0].path, "2.70", CORNER, "BUILT ON"));
    assert_false(says(r.output[0].path, "2.20", CORNER, "DAMAGED"));
    assert_false(says(r.output[0].path, "3.20", CORNER, "DAMAGED"));
}

static void test_a_damaged_clip_gives_the_same_bytes_again(void **state)
{
    (void)state;
    make_clip("both.h265", CUT_FROM, CUT_TO, 20);
    struct convert_result a = convert("both.h265", "a"), b = convert("both.h265", "b");
    /* the stem is in the tags: compare what is long */
    assert_int_equal(a.output[0].length_bytes, b.output[0].length_bytes);
    assert_string_equal(a.warning, b.warning);
    struct buf x = support_read(a.output[0].path), y = support_read(b.output[0].path);
    size_t tail = x.used * 9 / 10;
    assert_memory_equal(buf_data(&x) + x.used - tail, buf_data(&y) + y.used - tail, tail);
    buf_clear(&x);
    buf_clear(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_lost_pictures_are_bridged_by_a_card_and_the_time_stays_right),
        TEST(test_damaged_pictures_are_marked_up_to_the_next_key),
        TEST(test_a_damaged_clip_gives_the_same_bytes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

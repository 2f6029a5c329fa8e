/* dashspool probe, as a technician reads it. */
#include "support/proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRONT      TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define REAR       TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO      TEST_SAMPLES "/photo-720p.jpg"

#define PROBE(...) PROC_RUN(DASHSPOOL_BINARY, "probe", __VA_ARGS__)

static void test_one_block_a_file_and_no_complaint_about_good_ones(void **state)
{
    (void)state;
    struct proc_result r = PROBE(FRONT, REAR, PHOTO);
    const char *out = proc_out(&r);
    assert_int_equal(r.status, 0);
    assert_string_equal(proc_err(&r), "");
    assert_has(out, "camera records (PTMF)");
    assert_has(out, "1280x720, H.265 Main, level 3.1, yuvj420p, range full, matrix bt709");
    assert_has(out, "  frames     200 in 10.03 s, 10 key frames (at least one every 20)");
    assert_has(out, "19.967 frames/s from capture times");
    assert_has(out, "G.711 A-law, 8 kHz");
    assert_has(out, "\n\n" REAR "\n");
    assert_has(out, "photo (JPEG)");
    assert_has(out, "dashspool convert " REAR);
    assert_null(strstr(out, "DAMAGE"));
    proc_clear(&r);
}

static void test_damage_is_status_1_and_named(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), cut[4096], text[4096];
    struct buf b = support_read(REAR);
    snprintf(cut, sizeof cut, "%s/cut.h265", dir);
    snprintf(text, sizeof text, "%s/text.h265", dir);
    support_write(cut, buf_data(&b), b.used / 2);
    support_write(text, "this is no video\n", 17);
    struct proc_result r = PROBE("--no-decode", cut, text, REAR);
    assert_int_equal(r.status, 1);
    assert_has(proc_out(&r), "bytes of an unfinished record left out");
    assert_has(proc_out(&r), "verdict    ENDS EARLY; everything before its end is undamaged");
    assert_has(proc_out(&r), "structure is intact; frames were not decoded (--no-decode)");
    assert_has(proc_err(&r), "text.h265: this is text, not H.265");
    proc_clear(&r);
    r = PROBE("--json", cut, text);
    assert_int_equal(r.status, 1);
    assert_has(proc_out(&r), "\"cut_bytes\": ");
    assert_has(proc_out(&r), "\"clean\": false");
    assert_has(proc_out(&r), "\"error\": \"");
    proc_clear(&r);
    buf_clear(&b);
    support_tmp_remove(&dir);
}

/* The clip without its third record, a byte in front of the fourth, all but a byte of it: its
 * records have 36 bytes in front and their length at 24. */
static void test_one_is_told_as_one(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    struct buf b = support_read(REAR);
    const uint8_t *data = buf_data(&b);
    size_t at[5] = {0}, n = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t *length = data + at[i] + 24;
        at[i + 1] = at[i] + 36 + (length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16);
    }
    uint8_t *clip = malloc(at[4] + 1);
    assert_non_null(clip);
    memcpy(clip, data, at[1]);
    n = at[1];
    snprintf(path, sizeof path, "%s/one.h265", dir);
    support_write(path, clip, n);
    struct proc_result r = PROBE(path);
    assert_int_equal(r.status, 0);
    assert_has(proc_out(&r), "  frames     1 in 0.04 s, 1 key frame\n");
    assert_has(proc_out(&r), "  rate       one frame alone has none\n");
    proc_clear(&r);
    r = PROC_RUN(DASHSPOOL_BINARY, "convert", "--copies", "working", path);
    assert_int_equal(r.status, 0);
    assert_has(proc_out(&r), "one.h265: 1 frame, 0.04 s");
    proc_clear(&r);
    clip[n++] = 'x';
    memcpy(clip + n, data + at[2], at[3] - at[2]);
    n += at[3] - at[2];
    clip[n++] = 'P'; /* of a record */
    support_write(path, clip, n);
    r = PROBE(path);
    assert_int_equal(r.status, 1);
    assert_has(proc_out(&r), "     1  missing frame\n");
    assert_has(proc_out(&r),
               "     1  frame that depends on a damaged or missing one: do not trust it");
    assert_has(proc_out(&r), "     1  stray byte outside any record");
    assert_has(proc_out(&r), "ends early, 1 byte of an unfinished record left out");
    assert_has(proc_out(&r), "1 byte that belongs to no record");
    static const char *const wrong[] = {" 1 frames", " 1 bytes", " 1 records", " 1 key frames"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_null(strstr(proc_out(&r), wrong[i]));
    proc_clear(&r);
    free(clip);
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_wrong_usage_is_status_2(void **state)
{
    (void)state;
    expect(PROBE("--jsn", REAR), 2, "");
    expect(PROBE("--json"), 2, "");
    expect_out(PROBE("--help"), 0, "example: dashspool probe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_block_a_file_and_no_complaint_about_good_ones),
        cmocka_unit_test(test_damage_is_status_1_and_named),
        cmocka_unit_test(test_one_is_told_as_one),
        cmocka_unit_test(test_wrong_usage_is_status_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* dashspool probe, as a technician reads it. */
#include "support/proc.h"
#include <stdio.h>
#include <string.h>

#define FRONT      TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define REAR       TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO      TEST_SAMPLES "/photo-720p.jpg"

#define PROBE(...) proc_run((const char *const[]){DASHSPOOL_BINARY, "probe", __VA_ARGS__, NULL})

static void says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("'%s' is not in:\n%s", words, text);
}

static void test_one_block_a_file_and_no_complaint_about_good_ones(void **state)
{
    (void)state;
    struct proc_result r = PROBE(FRONT, REAR, PHOTO);
    const char *out = proc_out(&r);
    assert_int_equal(r.status, 0);
    assert_string_equal(proc_err(&r), "");
    says(out, "camera records (PTMF)");
    says(out, "1280x720, H.265 Main, level 3.1, yuvj420p, range full, matrix bt709");
    says(out, "200 in 10.03 s, 10 of them key pictures (one in 20 at the most)");
    says(out, "19.967 pictures/s by capture times");
    says(out, "G.711 A-law, 8 kHz");
    says(out, "\n\n" REAR "\n");
    says(out, "photo (JPEG)");
    says(out, "dashspool convert " REAR);
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
    says(proc_out(&r), "bytes at the end, of a record that is not whole");
    says(proc_out(&r), "verdict    DAMAGED");
    says(proc_out(&r), "the structure is sound; nothing was decoded");
    says(proc_err(&r), "text.h265: this is text, not H.265");
    proc_clear(&r);
    r = PROBE("--json", cut, text);
    assert_int_equal(r.status, 1);
    says(proc_out(&r), "\"cut_bytes\": ");
    says(proc_out(&r), "\"clean\": false");
    says(proc_out(&r), "\"error\": \"");
    proc_clear(&r);
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_wrong_usage_is_status_2(void **state)
{
    (void)state;
    struct proc_result r = PROBE("--jsn", REAR);
    assert_int_equal(r.status, 2);
    proc_clear(&r);
    r = PROBE("--json");
    assert_int_equal(r.status, 2);
    proc_clear(&r);
    r = PROBE("--help");
    assert_int_equal(r.status, 0);
    says(proc_out(&r), "example: dashspool probe");
    proc_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_block_a_file_and_no_complaint_about_good_ones),
        cmocka_unit_test(test_damage_is_status_1_and_named),
        cmocka_unit_test(test_wrong_usage_is_status_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

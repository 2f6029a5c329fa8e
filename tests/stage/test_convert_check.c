/* A copy that is not as planned is found out. */
#define _GNU_SOURCE /* memmem */
#include "footage/convert/copies.h"
#include "footage/media/media.h"
#include "support/footage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dir, path[600];
static struct media m;
static struct convert_result made;

static int set_up(void **state)
{
    (void)state;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    const char *master = footage_sample("rear-25fps-6s-silent.h265");
    struct media_slices slices;
    struct err err;
    dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/damaged.mp4", dir);
    options.check = true;
    assert_ok(convert_file(master, dir, "clip", &facts, &options, NULL, NULL, &made, &err));
    assert_ok(media_open(&m, master, MEDIA_PTMF, &facts, &options.media, &err));
    assert_ok(media_slices(master, &slices, &err));
    assert_string_equal(slices.sha256, made.slices_sha256);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    media_close(&m);
    support_tmp_remove(&dir);
    return 0;
}

static const char *copy_of(enum copy_kind kind)
{
    for (int i = 0; i < made.n_outputs; i++)
        if (made.output[i].kind == kind)
            return made.output[i].path;
    fail();
    return NULL;
}

static void expect(enum copy_kind kind, const char *says)
{
    struct err err = {0};
    int rc = check_mp4(path, kind, &m, true, &err);
    if (rc != ERR_IO || !strstr(err.text, says) ||
        !strstr(err.text, "the copy damaged.mp4 does not read back as planned: "))
        fail_msg("%s: '%s', not '%s'", err_name(rc), err.text, says);
}

/* Flips `n` bytes at a part of the file (faststart: the pictures are behind the index). */
static void damage(enum copy_kind kind, double where, size_t n)
{
    struct buf b = support_read(copy_of(kind));
    size_t at = (size_t)((double)b.used * where);
    for (size_t i = 0; i < n; i++)
        b.mem[b.start + at + i] ^= 0x55;
    support_write(path, buf_data(&b), b.used);
    buf_clear(&b);
}

static void test_one_changed_byte_of_a_working_copy(void **state)
{
    (void)state;
    damage(COPY_WORKING, 0.7, 1);
    struct err err = {0};
    assert_err(ERR_IO, check_mp4(path, COPY_WORKING, &m, false, &err));
    expect(COPY_WORKING, "");
}

/* One bit, which only comparing finds, in the first picture, one between, and the last. */
static void test_one_changed_bit_of_a_slice(void **state)
{
    (void)state;
    struct err err;
    int64_t last = m.n_pictures - 1;
    const int64_t pictures[] = {m.first, (m.first + last) / 2, last};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        const struct media_picture *p = &m.picture[pictures[i]];
        struct nal_scan scan = nal_scan_init(m.map + p->offset, p->n);
        struct nal nal, slice = {.n = 0};
        while (nal_next(&scan, &nal))
            if (nal.type <= NAL_VCL_LAST)
                slice = nal;
        struct buf b = support_read(copy_of(COPY_WORKING));
        uint8_t *at = memmem(b.mem + b.start, b.used, slice.p, slice.n);
        assert_non_null(at);
        at[slice.n - 1] ^= 0x80;
        support_write(path, buf_data(&b), b.used);
        buf_clear(&b);
        assert_err(ERR_IO, check_mp4(path, COPY_WORKING, &m, false, &err));
        char says[100];
        snprintf(says, sizeof says, "picture %d: its slices are not the master's",
                 (int)(pictures[i] - m.first));
        assert_non_null(strstr(err.text, says));
    }
}

static void test_slices_too_many_or_too_few(void **state)
{
    (void)state;
    struct err err;
    struct media_picture *p = &m.picture[m.first + 5];
    size_t n = p->n;
    p->n = (size_t)(m.picture[m.first + 6].offset - p->offset) + m.picture[m.first + 6].n;
    assert_err(ERR_IO, check_mp4(copy_of(COPY_WORKING), COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "picture 5: its slices"));
    p->n = 0;
    assert_err(ERR_IO, check_mp4(copy_of(COPY_WORKING), COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "picture 5: its slices"));
    p->n = n;
    assert_ok(check_mp4(copy_of(COPY_WORKING), COPY_WORKING, &m, false, &err));
}

static void test_a_broken_viewing_copy(void **state)
{
    (void)state;
    damage(COPY_VIEWING, 0.5, 20000);
    expect(COPY_VIEWING, "pictures decode");
}

static void test_another_copy_in_its_place(void **state)
{
    (void)state;
    struct err err;
    assert_err(ERR_IO, check_mp4(copy_of(COPY_VIEWING), COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "the pictures are h264"));
    assert_err(ERR_IO, check_mp4(copy_of(COPY_WORKING), COPY_VIEWING, &m, false, &err));
}

static void test_a_picture_too_many_or_too_few_or_at_another_time(void **state)
{
    (void)state;
    struct err err;
    const char *copy = copy_of(COPY_WORKING);
    assert_ok(check_mp4(copy, COPY_WORKING, &m, true, &err));
    m.n_pictures--;
    assert_err(ERR_IO, check_mp4(copy, COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "more pictures than"));
    m.n_pictures++;
    m.picture[m.first + 20].pts++;
    assert_err(ERR_IO, check_mp4(copy, COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "picture 20 is at"));
    m.picture[m.first + 20].pts--;
    struct media_sound sound = {.n = 160};
    m.sound = &sound;
    m.n_sounds = 1;
    assert_err(ERR_IO, check_mp4(copy, COPY_WORKING, &m, false, &err));
    assert_non_null(strstr(err.text, "no sound track"));
    m.sound = NULL;
    m.n_sounds = 0;
}

static void test_a_cut_file(void **state)
{
    (void)state;
    struct buf b = support_read(copy_of(COPY_WORKING));
    support_write(path, buf_data(&b), b.used / 2);
    expect(COPY_WORKING, "");
    support_write(path, buf_data(&b), 100);
    expect(COPY_WORKING, "");
    buf_clear(&b);
}

static void test_pictures_that_last_too_long(void **state)
{
    (void)state;
    struct err err;
    for (int i = 0; i < 2; i++) {
        enum copy_kind kind = i ? COPY_VIEWING : COPY_WORKING;
        assert_ok(check_mp4(copy_of(kind), kind, &m, false, &err));
        m.duration_us -= 1000;
        assert_err(ERR_IO, check_mp4(copy_of(kind), kind, &m, false, &err));
        assert_non_null(strstr(err.text, "its pictures last"));
        m.duration_us += 1000;
    }
}

static void sound_is_measured(bool flac)
{
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING);
    const char *master = footage_sample("front-20fps-10s-sound.h265");
    struct convert_result r;
    struct media with_sound;
    struct err err;
    options.flac = flac;
    options.overwrite = true;
    assert_ok(convert_file(master, dir, "sound", &facts, &options, NULL, NULL, &r, &err));
    assert_ok(media_open(&with_sound, master, MEDIA_PTMF, &facts, &options.media, &err));
    assert_ok(check_mp4(r.output[0].path, COPY_WORKING, &with_sound, false, &err));
    with_sound.n_sounds--;
    assert_err(ERR_IO, check_mp4(r.output[0].path, COPY_WORKING, &with_sound, false, &err));
    assert_non_null(strstr(err.text, "its sound is samples"));
    media_close(&with_sound);
}

static void test_sound_that_lasts_too_long(void **state)
{
    (void)state;
    sound_is_measured(false);
    sound_is_measured(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_changed_byte_of_a_working_copy),
        cmocka_unit_test(test_one_changed_bit_of_a_slice),
        cmocka_unit_test(test_slices_too_many_or_too_few),
        cmocka_unit_test(test_a_broken_viewing_copy),
        cmocka_unit_test(test_another_copy_in_its_place),
        cmocka_unit_test(test_a_picture_too_many_or_too_few_or_at_another_time),
        cmocka_unit_test(test_a_cut_file),
        cmocka_unit_test(test_pictures_that_last_too_long),
        cmocka_unit_test(test_sound_that_lasts_too_long),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

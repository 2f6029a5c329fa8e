/* What is wrong with a master is found, counted, and told of the right picture. */
#include "dashspool/convert.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP      "rear-25fps-6s-silent.h265" /* 150 pictures, a key picture every 25 */
#define K         60
#define TO_KEY    14 /* pictures behind K up to the next key picture */
#define CLIP_ROOM 4096

static int probe(const char *path, bool decode, struct media_probe *p, struct err *err)
{
    struct media_facts facts = {.tz_min = 0};
    struct convert_options options = footage_options(COPY_WORKING);
    *err = (struct err){0};
    int rc = media_probe(path, &facts, &options.media, decode, p, err);
    assert_true(rc == 0 || (rc == ERR_MALFORMED && strlen(err->text) > strlen(path) + 10));
    assert_null(strpbrk(rc < 0 ? err->text : p->warning, "\r\n"));
    return rc;
}

/* A clip in memory with its records, to be damaged. */
struct clip {
    struct buf b;
    uint8_t *bytes;
    size_t n;
    struct ptmf_record *record;
    int n_records;
    int picture[1000]; /* record of each picture */
    int n_pictures;
    char *dir, path[CLIP_ROOM];
};

static struct clip clip_open(const char *name)
{
    struct clip c = {.b = support_read(footage_sample(name)), .dir = support_tmp_dir()};
    c.n = c.b.used;
    c.bytes = malloc(2 * c.n);
    memcpy(c.bytes, buf_data(&c.b), c.n);
    c.record = calloc(2000, sizeof *c.record);
    struct ptmf p = ptmf_init(buf_data(&c.b), c.n);
    while (ptmf_next(&p, &c.record[c.n_records])) {
        if (c.record[c.n_records].type != 'A')
            c.picture[c.n_pictures++] = c.n_records;
        c.n_records++;
    }
    c.record[c.n_records].offset = c.n;
    snprintf(c.path, sizeof c.path, "%s/clip.h265", c.dir);
    return c;
}

static void clip_close(struct clip *c)
{
    free(c->bytes);
    free(c->record);
    buf_clear(&c->b);
    support_tmp_remove(&c->dir);
}

static void clip_restore(struct clip *c)
{
    c->n = c->b.used;
    memcpy(c->bytes, buf_data(&c->b), c->n);
}

static void clip_cut_out(struct clip *c, size_t at, size_t n)
{
    memmove(c->bytes + at, c->bytes + at + n, c->n - at - n);
    c->n -= n;
}

static void clip_put_in(struct clip *c, size_t at, const void *data, size_t n)
{
    assert_true(c->n + n <= 2 * c->b.used);
    memmove(c->bytes + at + n, c->bytes + at, c->n - at);
    memcpy(c->bytes + at, data, n);
    c->n += n;
}

/* Offset and length of the record of picture k in the undamaged clip. */
static size_t at_of(const struct clip *c, int k)
{
    return c->record[c->picture[k]].offset;
}

static size_t n_of(const struct clip *c, int k)
{
    return c->record[c->picture[k] + 1].offset - at_of(c, k);
}

static struct media_probe clip_probe(struct clip *c, bool decode)
{
    struct media_probe p;
    struct err err;
    support_write(c->path, c->bytes, c->n);
    if (probe(c->path, decode, &p, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

/* Exactly one picture is damaged, it is `picture`, and `affected` more refer to it. */
static void one_damaged(const struct media_probe *p, int picture, const char *says, int affected)
{
    assert_false(p->clean);
    assert_int_equal(p->damage.damaged, 1);
    assert_int_equal(p->damaged[0].picture, picture);
    if (!strstr(p->damaged[0].text, says))
        fail_msg("'%s' does not say '%s'", p->damaged[0].text, says);
    assert_int_equal(p->damage.affected, affected);
    assert_int_equal(p->damage.lost, 0);
}

static void test_a_whole_clip_has_no_damage(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    struct media_probe p = clip_probe(&c, true);
    assert_true(p.clean && p.decoded);
    assert_int_equal(p.pictures, 150);
    assert_int_equal(p.key_interval, 25);
    assert_int_equal(p.gaps, 0);
    clip_close(&c);
}

static void test_damage_inside_a_record_is_told_of_its_picture(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    size_t at = at_of(&c, K), n = n_of(&c, K);
    memset(c.bytes + at + n / 2, 0, 300);
    struct media_probe p = clip_probe(&c, false);
    one_damaged(&p, K, "three zero bytes", TO_KEY);
    clip_restore(&c);
    memset(c.bytes + at + n - 20, 0, 20);
    p = clip_probe(&c, false);
    assert_non_null(strstr(p.warning, "1 picture has zeros behind it: only decoding tells"));
    p = clip_probe(&c, true);
    one_damaged(&p, K, "does not end where its data ends", TO_KEY);
    clip_restore(&c);
    clip_cut_out(&c, at + n / 2, 300);
    p = clip_probe(&c, false);
    one_damaged(&p, K, "bytes of its record are missing", TO_KEY);
    clip_restore(&c);
    c.bytes[at + PTMF_HEADER_BYTES + 6] &= 0x7f; /* first_slice_segment_in_pic_flag */
    p = clip_probe(&c, false);
    one_damaged(&p, K, "first slice is missing", TO_KEY);
    clip_restore(&c);
    c.bytes[at + PTMF_HEADER_BYTES + 1] = 7; /* its start code */
    p = clip_probe(&c, false);
    assert_int_equal(p.damage.lost, 1);
    clip_restore(&c);
    c.bytes[at + 5] = 'I';
    p = clip_probe(&c, true);
    assert_true(p.clean); /* all of the picture is there */
    assert_non_null(strstr(p.warning, "1 record is not of the kind"));
    clip_close(&c);
}

/* Annex B lets any number of them be behind a unit, and before the next one. */
static void test_zeros_within_a_record_are_no_damage(void **state)
{
    (void)state;
    static const uint8_t zeros[5000];
    static const int pictures[] = {K, 75, 149};
    struct clip c = clip_open(CLIP);
    for (size_t n = 4; n <= sizeof zeros; n = n < 40 ? n * 3 : n * 5)
        for (int i = 0; i < 3; i++) {
            int k = pictures[i];
            size_t at = at_of(&c, k), length = n_of(&c, k) - PTMF_HEADER_BYTES + n;
            clip_put_in(&c, at + n_of(&c, k), zeros, n);
            for (int b = 0; b < 4; b++)
                c.bytes[at + 24 + (size_t)b] = (uint8_t)(length >> 8 * b);
            struct media_probe p = clip_probe(&c, true);
            if (!p.clean || p.warning[0])
                fail_msg("%zu zeros behind picture %d: %s", n, k, p.warning);
            assert_true(clip_probe(&c, false).clean);
            clip_restore(&c);
        }
    clip_close(&c);
}

static void test_damage_inside_the_bits_is_found_by_decoding(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    for (size_t i = 0; i < 400; i++)
        c.bytes[at_of(&c, K) + n_of(&c, K) / 3 + i] = (uint8_t)(i * 37 % 251 + 4);
    struct media_probe p = clip_probe(&c, false);
    assert_true(p.clean);
    p = clip_probe(&c, true);
    one_damaged(&p, K, "parts of it", TO_KEY);
    assert_int_equal(p.decoder[0].picture, K);
    assert_int_equal(p.decoder_findings, 1);
    clip_close(&c);
}

static void test_sequence_numbers_tell_lost_repeated_and_displaced_pictures(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    size_t at = at_of(&c, K), n = n_of(&c, K), next = n_of(&c, K + 1);
    clip_cut_out(&c, at, n + next);
    struct media_probe p = clip_probe(&c, false);
    assert_int_equal(p.damage.lost, 2);
    assert_int_equal(p.damage.damaged, 0);
    assert_int_equal(p.damage.affected, TO_KEY - 1);
    assert_int_equal(p.gaps, 1);
    assert_int_equal(p.gap[0].picture, K);
    assert_int_equal(p.gap[0].lost, 2);
    assert_in_range(p.gap[0].until_us - p.gap[0].from_us, 100000, 140000);
    clip_restore(&c);
    clip_put_in(&c, at + n, buf_data(&c.b) + at, n);
    for (int decode = 0; decode < 2; decode++) {
        p = clip_probe(&c, decode);
        assert_int_equal(p.damage.repeated, 1);
        assert_int_equal(p.damage.damaged + p.damage.affected + p.damage.lost, 0);
    }
    clip_restore(&c);
    memcpy(c.bytes + at, buf_data(&c.b) + at + n, next);
    memcpy(c.bytes + at + next, buf_data(&c.b) + at, n);
    p = clip_probe(&c, false);
    assert_int_equal(p.damage.damaged, 1);
    assert_int_equal(p.damage.lost, 0);
    assert_in_range(p.damaged[0].picture, K, K + 1);
    clip_restore(&c);
    for (int far = 0; far < 2; far++) { /* a number alone takes nothing from its picture */
        c.bytes[at + 15] = far ? 0x40 : c.bytes[at + 15];
        c.bytes[at + 12] = (uint8_t)(c.bytes[at + 12] - !far); /* that of another one */
        p = clip_probe(&c, true);
        assert_true(p.clean);
        assert_non_null(strstr(p.warning, "1 sequence number of a record cannot be true"));
        clip_restore(&c);
    }
    clip_close(&c);
}

static void test_bytes_between_records_and_lost_sound_are_counted(void **state)
{
    (void)state;
    struct clip c = clip_open("front-20fps-10s-sound.h265");
    clip_put_in(&c, at_of(&c, K), "stray bytes", 11);
    struct media_probe p = clip_probe(&c, false);
    assert_int_equal(p.damage.stray_bytes, 11);
    assert_int_equal(p.damage.damaged + p.damage.lost, 0);
    clip_restore(&c);
    int i = c.picture[K];
    while (c.record[i].type != 'A')
        i++;
    clip_cut_out(&c, c.record[i].offset, c.record[i + 1].offset - c.record[i].offset);
    p = clip_probe(&c, false);
    assert_int_equal(p.damage.sound_lost, 1);
    assert_int_equal(p.damage.damaged + p.damage.lost + p.damage.affected, 0);
    clip_close(&c);
}

static uint64_t random_state = 20261121;
static size_t random_below(size_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33) % n;
}

/* A statement: facts that add up, or one line. True: facts. */
static bool states_something(struct clip *c, bool decode)
{
    struct media_probe p;
    struct err err;
    support_write(c->path, c->bytes, c->n);
    if (probe(c->path, decode, &p, &err) < 0) {
        assert_int_equal(err.code, ERR_MALFORMED);
        assert_int_equal(strncmp(err.text, c->path, strlen(c->path)), 0);
        assert_null(strpbrk(err.text, "\r\n"));
        return false;
    }
    const struct media_damage *d = &p.damage;
    assert_true(p.pictures > 0 && p.width_px > 0 && strlen(p.sha256) == 64);
    assert_true(d->damaged + d->affected + d->repeated <= p.pictures);
    assert_true(d->lost >= 0 && d->stray_bytes + d->cut_bytes <= p.length_bytes);
    assert_true(p.duration_us > 0 && p.gaps_by_camera <= p.gaps);
    if (d->damaged + d->lost + d->cut_bytes + d->stray_bytes > 0)
        assert_false(p.clean);
    return true;
}

static void test_two_hundred_cuts_are_stated(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    int stated = 0;
    for (int i = 0; i < 200; i++) {
        c.n = random_below(i < 50 ? 30000 : i % 10 == 0 ? c.b.used / 3 : c.b.used) + 1;
        stated += states_something(&c, i % 10 == 0);
    }
    printf("%d of 200 have facts\n", stated);
    assert_in_range(stated, 100, 199); /* of the others there is not one whole picture */
    clip_close(&c);
}

static void damage_somehow(struct clip *c)
{
    size_t at = random_below(c->n - 4000), n = random_below(3000) + 1;
    int k = (int)random_below((size_t)c->n_pictures - 2);
    switch (random_below(6)) {
    case 0:
        for (int i = 0; i < 20; i++)
            c->bytes[random_below(c->n)] ^= (uint8_t)(1 << random_below(8));
        break;
    case 1:
        clip_cut_out(c, at, n);
        break;
    case 2:
        memset(c->bytes + at, 0, n);
        break;
    case 3:
        if (at_of(c, k) + n_of(c, k) <= c->n)
            clip_put_in(c, at_of(c, k), buf_data(&c->b) + at_of(c, k), n_of(c, k));
        break;
    case 4: /* records swapped */
        memcpy(c->bytes + at_of(c, k), buf_data(&c->b) + at_of(c, k + 1), n_of(c, k + 1));
        memcpy(c->bytes + at_of(c, k) + n_of(c, k + 1), buf_data(&c->b) + at_of(c, k), n_of(c, k));
        break;
    default: /* one bit of a header */
        c->bytes[at_of(c, k) + random_below(PTMF_HEADER_BYTES)] ^= (uint8_t)(1 << random_below(8));
    }
}

static void test_five_hundred_damages_are_stated(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    int stated = 0;
    for (int i = 0; i < 500; i++) {
        clip_restore(&c);
        bool decode = i % 25 == 0;
        for (int k = (int)random_below(4); k >= 0; k--)
            damage_somehow(&c);
        stated += states_something(&c, decode);
        c.n = c.n / 3;
        if (decode) /* … and short ones */
            (void)states_something(&c, decode);
    }
    printf("%d of 500 have facts\n", stated);
    assert_true(stated > 400);
    clip_close(&c);
}

/* Converts the clip into its own directory; *r tells what was made. */
static int clip_convert(struct clip *c, unsigned copies, struct convert_result *r, struct err *err)
{
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(copies);
    options.overwrite = true;
    *err = (struct err){0};
    support_write(c->path, c->bytes, c->n);
    return convert_file(c->path, c->dir, "copy", &facts, &options, NULL, NULL, r, err);
}

static void test_stills_are_made_where_no_picture_is_whole(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    struct convert_result r;
    struct err err;
    c.n = n_of(&c, 0);
    for (size_t i = 0; i < 400; i++)
        c.bytes[c.n * 2 / 3 + i] = (uint8_t)(i * 37 % 251 + 4);
    assert_ok(clip_convert(&c, COPY_VIEWING | COPY_POSTER | COPY_SHEET, &r, &err));
    assert_int_equal(r.n_outputs, 3);
    assert_int_equal(r.damage.damaged, 1);
    assert_non_null(strstr(r.warning, "poster: the picture is damaged"));
    clip_close(&c);
}

static void test_a_sheet_shows_a_picture_again_where_none_comes_behind_it(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    struct convert_result r;
    struct err err;
    c.n = n_of(&c, 0) + n_of(&c, 1);
    c.bytes[at_of(&c, 1) + PTMF_HEADER_BYTES + 6] = 0x80; /* a parameter set far out of range */
    assert_ok(clip_convert(&c, COPY_SHEET, &r, &err));
    assert_non_null(strstr(r.warning, "1 cell of the sheet has a neighbour"));
    struct media_probe p = clip_probe(&c, true);
    one_damaged(&p, 1, "slice header is broken", 0);
    clip_close(&c);
}

static void test_the_last_pictures_out_of_order_keep_their_length(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    struct convert_result r;
    struct err err;
    size_t at = at_of(&c, 148), n = n_of(&c, 148), last = n_of(&c, 149);
    for (int i = 0; i < 8; i++) { /* the last one early */
        int64_t us = c.record[c.picture[149]].time_us - 13000;
        c.bytes[at + n + 28 + (size_t)i] = (uint8_t)(us >> 8 * i);
    }
    uint8_t *first = malloc(n);
    assert_non_null(first);
    memcpy(first, c.bytes + at, n);
    memmove(c.bytes + at, c.bytes + at + n, last);
    memcpy(c.bytes + at + last, first, n);
    free(first);
    assert_ok(clip_convert(&c, COPY_WORKING, &r, &err)); /* reads its lengths back */
    assert_int_equal(r.pictures, 150);
    clip_close(&c);
}

static void test_a_slow_camera_is_judged_by_its_own_step(void **state)
{
    (void)state;
    struct clip c = clip_open(CLIP);
    for (int k = 0; k < c.n_pictures; k++) /* 5 a second; twice nothing for 0.8 s */
        for (int i = 0; i < 8; i++) {
            int64_t us = 100000000 + k * 200000 + (k > 40) * 600000 + (k > 80) * 600000;
            c.bytes[at_of(&c, k) + 28 + (size_t)i] = (uint8_t)(us >> 8 * i);
        }
    struct media_probe p = clip_probe(&c, false);
    assert_int_equal(p.gaps, 2);
    assert_int_equal(p.gap[0].picture, 41);
    assert_int_equal(p.gap[1].picture, 81);
    assert_int_equal(p.gaps_by_camera, 2);
    assert_true(p.clean);
    clip_close(&c);
}

static void test_a_photo_that_gives_no_still_is_an_error_to_probe(void **state)
{
    (void)state;
    struct clip c = clip_open("photo-720p.jpg");
    struct convert_result r;
    struct media_probe p;
    struct err err, probe_err;
    bool found = false;
    for (size_t i = 0; i + 1 < c.n && !found; i++) /* the quantization tables become a comment */
        if (c.bytes[i] == 0xff && c.bytes[i + 1] == 0xdb) {
            c.bytes[i + 1] = 0xfe;
            found = true;
        }
    assert_true(found);
    assert_int_equal(clip_convert(&c, COPY_STILL, &r, &err), ERR_MALFORMED);
    assert_int_equal(probe(c.path, true, &p, &probe_err), ERR_MALFORMED);
    assert_string_equal(err.text, probe_err.text);
    clip_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_clip_has_no_damage),
        cmocka_unit_test(test_damage_inside_a_record_is_told_of_its_picture),
        cmocka_unit_test(test_zeros_within_a_record_are_no_damage),
        cmocka_unit_test(test_damage_inside_the_bits_is_found_by_decoding),
        cmocka_unit_test(test_sequence_numbers_tell_lost_repeated_and_displaced_pictures),
        cmocka_unit_test(test_bytes_between_records_and_lost_sound_are_counted),
        cmocka_unit_test(test_two_hundred_cuts_are_stated),
        cmocka_unit_test(test_five_hundred_damages_are_stated),
        cmocka_unit_test(test_stills_are_made_where_no_picture_is_whole),
        cmocka_unit_test(test_a_sheet_shows_a_picture_again_where_none_comes_behind_it),
        cmocka_unit_test(test_the_last_pictures_out_of_order_keep_their_length),
        cmocka_unit_test(test_a_slow_camera_is_judged_by_its_own_step),
        cmocka_unit_test(test_a_photo_that_gives_no_still_is_an_error_to_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

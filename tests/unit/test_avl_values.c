/* Records by themselves, their IO elements, and what these mean in which family. */
#include "dashspool/avl.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct made {
    uint8_t bytes[4096];
    size_t n;
    struct avl_record r;
};

static struct avl_io io_of(uint16_t id, uint16_t width, const char *bytes)
{
    return (struct avl_io){.id = id, .width = width, .bytes = (const uint8_t *)bytes};
}

/* Written, and read again. */
static struct avl_record record_of(struct made *m, uint8_t codec, struct avl_record r,
                                   const struct avl_io *ios, size_t n)
{
    struct err err;
    m->n = avl_record_put(m->bytes, sizeof m->bytes, codec, &r, ios, n);
    assert_true(m->n > 0);
    assert_ok(avl_record_decode(codec, m->bytes, m->n, &m->r, &err));
    return m->r;
}

static struct avl_record record_with(struct made *m, struct avl_io io)
{
    return record_of(m, AVL_CODEC_8E, (struct avl_record){.satellites = 5}, &io, 1);
}

static const struct avl_record moving = {
    .time_ms = 1720003694001,
    .priority = 1,
    .longitude_e7 = -252560283,
    .latitude_e7 = -546674250,
    .altitude_m = -12,
    .angle_deg = 359,
    .satellites = 9,
    .speed_kmh = 87,
    .event_id = 247,
    .generation = 5,
};

static void test_a_stored_record_ends_with_its_bytes(void **state)
{
    (void)state;
    static const uint8_t codecs[] = {AVL_CODEC_8, AVL_CODEC_8E, AVL_CODEC_16};
    struct avl_io ios[] = {io_of(239, 1, "\1"), io_of(66, 2, "\x31\x4a"),
                           io_of(241, 4, "\0\0\x60\x1a"), io_of(78, 8, "\0\0\0\0\0\0\0\1"),
                           io_of(17, 2, "\xff\xfe")};
    for (size_t c = 0; c < sizeof codecs; c++) {
        struct made m;
        struct err err;
        struct avl_record again, r = record_of(&m, codecs[c], moving, ios, 5);
        assert_true(r.time_ms == moving.time_ms);
        assert_int_equal(r.longitude_e7, -252560283);
        assert_int_equal(r.latitude_e7, -546674250);
        assert_int_equal(r.altitude_m, -12);
        assert_int_equal(r.generation, codecs[c] == AVL_CODEC_16 ? 5 : -1);
        assert_int_equal(r.n_io, 5);
        for (size_t n = 0; n < m.n; n++)
            assert_err(ERR_MALFORMED, avl_record_decode(codecs[c], m.bytes, n, &again, &err));
        m.bytes[m.n] = 0;
        assert_err(ERR_MALFORMED, avl_record_decode(codecs[c], m.bytes, m.n + 1, &again, &err));
        assert_err(ERR_UNSUPPORTED, avl_record_decode(0x0c, m.bytes, m.n, &again, &err));
    }
}

static void test_records_of_a_frame_that_was_refused_end_where_they_are_cut(void **state)
{
    (void)state;
    struct made m;
    struct avl_record r = record_of(&m, AVL_CODEC_8, moving, NULL, 0);
    struct avl_frame f = {.codec = AVL_CODEC_8, .n = 3, .body = m.bytes};
    memcpy(m.bytes + m.n, m.bytes, m.n);
    f.body_bytes = 2 * m.n - 1;
    struct avl_records walk = avl_frame_records(&f);
    assert_true(avl_records_next(&walk, &r));
    assert_false(avl_records_next(&walk, &r));
    assert_false(avl_records_next(&walk, &r));
    f.codec = AVL_CODEC_12;
    walk = avl_frame_records(&f);
    assert_false(avl_records_next(&walk, &r));
}

static void test_an_id_is_found_and_its_sign_is_the_reader_s_choice(void **state)
{
    (void)state;
    struct made m;
    struct avl_io ios[] = {io_of(239, 1, "\x80"),
                           io_of(66, 2, "\xff\xfe"),
                           io_of(241, 4, "\x80\0\0\0"),
                           io_of(78, 8, "\xff\xff\xff\xff\xff\xff\xff\xfd"),
                           io_of(256, 17, "WVWZZZ1JZXW000001"),
                           io_of(385, 0, ""),
                           io_of(66, 2, "\0\1")};
    struct avl_record r = record_of(&m, AVL_CODEC_8E, moving, ios, 7);
    struct avl_io io;
    assert_true(avl_io_find(&r, 239, &io));
    assert_true(avl_io_unsigned(&io) == 0x80 && avl_io_signed(&io) == -128);
    assert_true(avl_io_find(&r, 66, &io)); /* the first of two */
    assert_true(avl_io_unsigned(&io) == 0xfffe && avl_io_signed(&io) == -2);
    assert_true(avl_io_find(&r, 241, &io));
    assert_true(avl_io_unsigned(&io) == 0x80000000 && avl_io_signed(&io) == INT32_MIN);
    assert_true(avl_io_find(&r, 78, &io));
    assert_true(avl_io_unsigned(&io) == UINT64_MAX - 2 && avl_io_signed(&io) == -3);
    assert_true(avl_io_find(&r, 256, &io) && io.sized && io.width == 17);
    assert_true(avl_io_unsigned(&io) == 0 && avl_io_signed(&io) == 0);
    assert_true(avl_io_find(&r, 385, &io) && io.width == 0);
    assert_true(avl_io_unsigned(&io) == 0 && avl_io_signed(&io) == 0);
    assert_false(avl_io_find(&r, 1, &io));

    struct avl_record nothing = {.codec = 0x0c}; /* and what is no record has none */
    assert_false(avl_io_find(&nothing, 1, &io));
    nothing.codec = AVL_CODEC_8;
    nothing.raw = m.bytes;
    nothing.raw_bytes = 20;
    assert_false(avl_io_find(&nothing, 1, &io));
}

static void test_what_is_odd_is_marked_and_kept(void **state)
{
    (void)state;
    static const struct {
        struct avl_record r;
        unsigned odd;
    } cases[] = {
        {{.priority = 2,
          .longitude_e7 = 1800000000,
          .latitude_e7 = -900000000,
          .angle_deg = 360,
          .satellites = 100},
         0},
        {{.priority = 3}, AVL_ODD_PRIORITY},
        {{.longitude_e7 = 1800000001}, AVL_ODD_POSITION},
        {{.longitude_e7 = -1800000001}, AVL_ODD_POSITION},
        {{.latitude_e7 = 900000001, .satellites = 4}, AVL_ODD_POSITION},
        {{.latitude_e7 = -900000001}, AVL_ODD_POSITION},
        {{.angle_deg = 361}, AVL_ODD_ANGLE},
        {{.satellites = 248}, AVL_ODD_SATELLITES},
    };
    struct made m;
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct avl_record r = record_of(&m, AVL_CODEC_8, cases[i].r, NULL, 0);
        assert_int_equal(r.odd, cases[i].odd);
        assert_int_equal(r.longitude_e7, cases[i].r.longitude_e7);
        assert_int_equal(r.satellites, cases[i].r.satellites);
    }
    m.bytes[25] = 3; /* the total of none */
    assert_ok(avl_record_decode(AVL_CODEC_8, m.bytes, m.n, &m.r, &err));
    assert_int_equal(m.r.odd, AVL_ODD_TOTAL | AVL_ODD_SATELLITES);
    assert_int_equal(m.r.total, 3);
    assert_int_equal(m.r.n_io, 0);
}

static void test_a_position_is_valid_by_its_satellites_not_by_its_numbers(void **state)
{
    (void)state;
    struct made m;
    struct avl_record r = record_of(&m, AVL_CODEC_8, moving, NULL, 0);
    assert_true(avl_position_valid(&r));
    r = moving;
    r.satellites = 0; /* the last known one, again */
    r = record_of(&m, AVL_CODEC_8, r, NULL, 0);
    assert_false(avl_position_valid(&r));
    r = record_of(&m, AVL_CODEC_8, (struct avl_record){.satellites = 4}, NULL, 0);
    assert_true(avl_position_valid(&r)); /* 0/0 is a place in the sea */
    r = record_of(&m, AVL_CODEC_8, (struct avl_record){.satellites = 4, .latitude_e7 = INT32_MIN},
                  NULL, 0);
    assert_false(avl_position_valid(&r));
}

static void test_private_mode(void **state)
{
    (void)state;
    struct made m;
    struct avl_record r = record_with(&m, io_of(391, 1, "\0"));
    assert_false(avl_private(&r));
    r = record_with(&m, io_of(391, 1, "\1"));
    assert_true(avl_private(&r));
    r = record_with(&m, io_of(391, 4, "\0\1\0\0"));
    assert_true(avl_private(&r));
    struct avl_io twice[] = {io_of(391, 1, "\0"), io_of(391, 1, "\1")};
    r = record_of(&m, AVL_CODEC_8E, moving, twice, 2);
    assert_true(avl_private(&r));
    r = record_with(&m, io_of(390, 1, "\1"));
    assert_false(avl_private(&r));
}

static void test_times(void **state)
{
    (void)state;
    struct avl_record r = {.time_ms = 0};
    assert_int_equal(avl_record_utc_us(&r), 0);
    r.time_ms = INT64_MAX / 1000;
    assert_true(avl_record_utc_us(&r) == INT64_MAX / 1000 * 1000);
    r.time_ms++;
    assert_true(avl_record_utc_us(&r) == INT64_MAX);
    r.time_ms = UINT64_MAX;
    assert_true(avl_record_utc_us(&r) == INT64_MAX);
}

static void test_values_as_a_person_reads_them(void **state)
{
    (void)state;
    static const struct {
        enum avl_family family;
        uint16_t id, width;
        const char *bytes, *text;
    } cases[] = {
        {AVL_FMB, 66, 2, "\x31\x4a", "12.618 V"},
        {AVL_FMX6, 66, 2, "\x31\x4a", "12.618 V"},
        {AVL_RAW, 66, 2, "\x31\x4a", "314a"},
        {AVL_FMB, 17, 2, "\xff\xfe", "-2 mG"},
        {AVL_FMX6, 236, 2, "\xfc\x18", "-1000 mG"},
        {AVL_FMB, 236, 1, "\1", "1"},
        {AVL_FMB, 236, 2, "\0\1", "0001"}, /* another width than the known one */
        {AVL_FMB, 181, 2, "\0\5", "0.5"},
        {AVL_FMB, 254, 1, "\x2a", "0.42"},
        {AVL_FMB, 69, 1, "\1", "fix"},
        {AVL_FMB, 69, 1, "\4", "4"}, /* seen, and unknown */
        {AVL_FMX6, 71, 1, "\3", "fix"},
        {AVL_FMX6, 69, 2, "\0\5", "5"},
        {AVL_FMB, 71, 1, "\3", "03"},
        {AVL_FMB, 247, 1, "\1", "crash, calibrated"},
        {AVL_FMB, 247, 1, "\5", "full trace, calibrated"},
        {AVL_FMB, 247, 1, "\6", "crash, not calibrated"},
        {AVL_FMB, 247, 1, "\0", "0"},
        {AVL_FMB, 247, 1, "\7", "7"},
        {AVL_FMB, 253, 1, "\3", "cornering"},
        {AVL_FMB, 252, 1, "\1", "yes"},
        {AVL_FMX6, 252, 1, "\1", "1"},
        {AVL_FMB, 497, 1, "\0", "not detected"},
        {AVL_FMB, 498, 1, "\3", "card mounted"},
        {AVL_FMB, 498, 1, "\4", "card faulty"},
        {AVL_FMB, 499, 1, "\3", "crash"},
        {AVL_FMX6, 12301, 1, "\1", "no card"},
        {AVL_FMB, 12301, 1, "\1", "01"},
        {AVL_FMB, 11700, 1, "\1", "yes"},
        {AVL_FMX6, 11714, 1, "\5", "uploading"},
        {AVL_FMX6, 616, 1, "\2", "blocked"},
        {AVL_FMB, 318, 1, "\2", "critical"},
        {AVL_FMX6, 318, 1, "\2", "2"},
        {AVL_FMB, 256, 17, "WVWZZZ1JZXW000001", "WVWZZZ1JZXW000001"},
        {AVL_FMB, 11708, 10, "J\xc3 D\x1b\0\0\0\0\0", "J\\xc3 D\\x1b"},
        {AVL_FMB, 257, 6, "\0\1\0\2\0\3", "000100020003"},
        {AVL_FMB, 40000, 8, "\1\2\3\4\5\6\7\x8", "0102030405060708"},
        {AVL_FMB, 199, 4, "\xff\xff\xff\xff", "4294967295 m"},
        {AVL_FMB, 609, 2, "\0\1", "0001"},
        {AVL_FMX6, 609, 2, "\0\x64", "10.0 s"},
        {AVL_FMX6, 610, 0, "", ""}, /* any width but none */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        struct avl_io io = io_of(cases[i].id, cases[i].width, cases[i].bytes);
        assert_string_equal(avl_io_text(cases[i].family, &io, text, sizeof text), cases[i].text);
    }
}

static void test_numbers_are_there_only_where_it_is_known_what_they_are(void **state)
{
    (void)state;
    double x = 0;
    struct avl_io io = io_of(17, 2, "\xff\xfe"), vin = io_of(256, 17, "WVWZZZ1JZXW000001");
    assert_true(avl_io_number(AVL_FMB, &io, &x) && fabs(x + 2) < 1e-9);
    assert_false(avl_io_number(AVL_FMX6, &io, &x));
    assert_false(avl_io_number(AVL_RAW, &io, &x));
    assert_false(avl_io_number(AVL_FMB, &vin, &x));
    vin.width = 8;
    assert_false(avl_io_number(AVL_FMB, &vin, &x));
    struct avl_io trace = io_of(257, 6, "\0\1\0\2\0\3");
    assert_false(avl_io_number(AVL_FMB, &trace, &x));
    assert_string_equal(avl_profile(AVL_FMB, 252)->name, "unplugged");
    assert_string_equal(avl_profile(AVL_FMX6, 252)->name, "authorized driving");
    assert_null(avl_profile(AVL_RAW, 252));
    assert_null(avl_profile(AVL_FMB, 65535));
    assert_null(avl_word(AVL_FMB, 66, 1));
    assert_null(avl_word(AVL_FMB, 247, UINT64_MAX));
}

static void test_texts_are_cut_to_fit(void **state)
{
    (void)state;
    char text[8];
    struct avl_io io = io_of(40000, 8, "\1\2\3\4\5\6\7\x8");
    assert_string_equal(avl_io_text(AVL_RAW, &io, text, sizeof text), "0102...");
    io.width = 3;
    assert_string_equal(avl_io_text(AVL_RAW, &io, text, sizeof text), "010203");
    io = io_of(256, 17, "WVWZZZ1JZXW000001");
    assert_string_equal(avl_io_text(AVL_FMB, &io, text, sizeof text), "WVWZ...");
    io = io_of(11708, 10, "1234567\0\0\0");
    assert_string_equal(avl_io_text(AVL_FMB, &io, text, sizeof text), "1234567");
    io = io_of(11708, 10, "\1\2\3\4\5\6\7\1\1\1");
    assert_string_equal(avl_io_text(AVL_FMB, &io, text, sizeof text), "\\x01...");
}

static void test_a_family_is_told_by_what_it_sends(void **state)
{
    (void)state;
    static const struct {
        uint16_t id, width;
        unsigned signs;
        enum avl_family family;
    } cases[] = {
        {69, 1, AVL_SIGN_FMB, AVL_FMB},
        {69, 2, 0, AVL_RAW},
        {236, 1, AVL_SIGN_FMB, AVL_FMB},
        {236, 2, AVL_SIGN_FMX6, AVL_FMX6},
        {238, 2, AVL_SIGN_FMX6, AVL_FMX6},
        {238, 8, 0, AVL_RAW},
        {71, 1, AVL_SIGN_FMX6, AVL_FMX6},
        {71, 8, 0, AVL_RAW},
        {244, 4, AVL_SIGN_FMX6, AVL_FMX6},
        {12301, 1, AVL_SIGN_FMX6, AVL_FMX6},
        {12937, 4, AVL_SIGN_FMX6, AVL_FMX6},
        {113, 1, AVL_SIGN_FMB_WEAK, AVL_FMB},
        {499, 1, AVL_SIGN_FMB_WEAK, AVL_FMB},
        {239, 1, 0, AVL_RAW},
        {11700, 1, 0, AVL_RAW},
    };
    static const char zeros[8] = {0};
    struct made m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct avl_record r = record_with(&m, io_of(cases[i].id, cases[i].width, zeros));
        assert_int_equal(avl_signs(&r), cases[i].signs);
        assert_int_equal(avl_signs_family(cases[i].signs), cases[i].family);
    }
    assert_int_equal(avl_signs_family(AVL_SIGN_FMX6 | AVL_SIGN_FMB_WEAK), AVL_FMX6);
    assert_int_equal(avl_signs_family(AVL_SIGN_FMB | AVL_SIGN_FMB_WEAK), AVL_FMB);
    assert_int_equal(avl_signs_family(AVL_SIGN_FMB | AVL_SIGN_FMX6), AVL_RAW);
    for (int f = AVL_RAW; f <= AVL_FMX6; f++)
        assert_int_equal(avl_family_of(avl_family_name((enum avl_family)f)), f);
    assert_int_equal(avl_family_of("FMB"), -1);
}

static void test_crash_trace(void **state)
{
    (void)state;
    struct made m;
    struct avl_io io;
    struct avl_record r = record_with(&m, io_of(257, 14,
                                                "\0\1\xff\xff\x03\xe8"
                                                "\x80\0\x7f\xff\0\0"
                                                "\1\2"));
    assert_true(avl_io_find(&r, AVL_ID_CRASH_TRACE, &io));
    assert_int_equal(avl_trace_samples(&io), 2);
    struct avl_sample s = avl_trace_at(&io, 0);
    assert_true(s.x_mg == 1 && s.y_mg == -1 && s.z_mg == 1000);
    s = avl_trace_at(&io, 1);
    assert_true(s.x_mg == INT16_MIN && s.y_mg == INT16_MAX && s.z_mg == 0);
    io.width = 5;
    assert_int_equal(avl_trace_samples(&io), 0);
}

static void test_names(void **state)
{
    (void)state;
    for (int codec = 0; codec < 256; codec++) {
        bool known = avl_codec_name((uint8_t)codec) != NULL;
        assert_int_equal(known, avl_codec_has_records((uint8_t)codec) ||
                                    avl_codec_has_messages((uint8_t)codec));
    }
    assert_string_equal(avl_codec_name(0x8e), "Codec 8 Extended");
    for (int reason = AVL_FINE; reason <= AVL_CUT + 1; reason++)
        for (int other = AVL_FINE; other < reason; other++)
            assert_string_not_equal(avl_reason_text((enum avl_reason)reason),
                                    avl_reason_text((enum avl_reason)other));
    assert_string_equal(avl_generation_word(0), "on exit");
    assert_string_equal(avl_generation_word(7), "periodic");
    assert_null(avl_generation_word(3));
    assert_null(avl_generation_word(8));
    assert_null(avl_generation_word(-1));
}

static void test_a_person_knows_the_family(void **state)
{
    static const char list[] = "352093081452251 fmx6, 352093081452269  fmb,352093081452277 raw";
    static const char *const wrong[] = {
        "35209308145225 fmb", "3520930814522511 fmb",   "352093081452251",    "352093081452251 fmc",
        "352093081452251fmb", "352093081452251 fmb; x", "fmb 352093081452251"};
    struct err err;
    (void)state;
    assert_ok(avl_families_check(list, &err));
    assert_ok(avl_families_check("", &err));
    assert_ok(avl_families_check("352093081452251 fmb,", &err));
    assert_int_equal(avl_families_find(list, "352093081452251", AVL_FMB), AVL_FMX6);
    assert_int_equal(avl_families_find(list, "352093081452269", AVL_FMX6), AVL_FMB);
    assert_int_equal(avl_families_find(list, "352093081452277", AVL_FMX6), AVL_RAW);
    assert_int_equal(avl_families_find(list, "352093081452285", AVL_FMX6), AVL_FMX6);
    assert_int_equal(avl_families_find("", "352093081452251", AVL_FMB), AVL_FMB);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_err(ERR_CONFIG, avl_families_check(wrong[i], &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stored_record_ends_with_its_bytes),
        cmocka_unit_test(test_records_of_a_frame_that_was_refused_end_where_they_are_cut),
        cmocka_unit_test(test_an_id_is_found_and_its_sign_is_the_reader_s_choice),
        cmocka_unit_test(test_what_is_odd_is_marked_and_kept),
        cmocka_unit_test(test_a_position_is_valid_by_its_satellites_not_by_its_numbers),
        cmocka_unit_test(test_private_mode),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_values_as_a_person_reads_them),
        cmocka_unit_test(test_numbers_are_there_only_where_it_is_known_what_they_are),
        cmocka_unit_test(test_texts_are_cut_to_fit),
        cmocka_unit_test(test_a_family_is_told_by_what_it_sends),
        cmocka_unit_test(test_a_person_knows_the_family),
        cmocka_unit_test(test_crash_trace),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

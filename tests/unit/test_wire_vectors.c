#include "dashspool/wire.h"
#include "support/vectors.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 2025-01-01: behind all captures, before the camera that thinks it is 2043. */
#define NOW_US INT64_C(1735689600000000)

static int load(void **state)
{
    (void)state;
    vectors_load("wire-vectors.tsv");
    return 0;
}

static struct wire_frame frame_of(const char *name)
{
    const struct vector *v = vector(name);
    struct wire_frame f = {0};
    assert_int_equal(wire_frame_parse(v->data, v->n, &f), WIRE_HAVE_FRAME);
    return f;
}

static void test_crc_check_value(void **state)
{
    (void)state;
    const struct vector *v = vector("crc_dualcam_check");
    assert_int_equal(wire_crc(0, v->data, v->n), 0x2189);
}

/* By its definition, bit by bit (docs/protocol.md). */
static uint16_t crc_of_bits(uint16_t seed, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n * 8; i++) {
        unsigned bit = (seed ^ (unsigned)p[i / 8] >> i % 8) & 1;
        seed = (uint16_t)(bit ? seed >> 1 ^ 0x8408 : seed >> 1);
    }
    return seed;
}

static void test_crc_at_every_length_alignment_and_seed(void **state)
{
    (void)state;
    uint8_t data[9 + 1100];
    uint32_t random = 20261130;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n <= 1100; n += n < 300 ? 1 : 37) {
            uint16_t seed = (uint16_t)(n * 40503 + from);
            uint16_t whole = crc_of_bits(seed, data + from, n), pieces = seed;
            assert_int_equal(wire_crc(seed, data + from, n), whole);
            for (size_t at = 0; at < n; at += 13) /* too short to be multiplied */
                pieces = wire_crc(pieces, data + from + at, n - at < 13 ? n - at : 13);
            assert_int_equal(pieces, whole);
        }
}

static void test_crc_sees_each_single_bit(void **state)
{
    (void)state;
    uint8_t data[1024] = {0};
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        data[bit / 8] = (uint8_t)(1u << bit % 8);
        assert_int_equal(wire_crc(0, data, sizeof data), crc_of_bits(0, data, sizeof data));
        data[bit / 8] = 0;
    }
}

static void test_init(void **state)
{
    (void)state;
    static const struct {
        const char *name, *imei;
        uint32_t settings;
    } inits[] = {
        {"init_forum_photof", "350612071913857", 0x44000400},
        {"init_plus_start_forum", "350612071913857", 0x44000400},
        {"init_start_start_forum", "350612071913857", 0x44000400},
        {"init_traccar", "352094082736915", 0x44000400},
        {"init_field_photof", "352093081452251", 0x44000400},
        {"init_field_videof", "352093081452251", 0x50000400},
        {"init_field_idle_after_0009", "352093081452251", 0x40000400},
    };
    for (size_t i = 0; i < sizeof inits / sizeof *inits; i++) {
        struct err err;
        struct wire_init init;
        const struct vector *v = vector(inits[i].name);
        struct wire_frame f = frame_of(inits[i].name);
        assert_int_equal(f.id, 0);
        assert_int_equal(f.frame_bytes, WIRE_INIT_BYTES);
        assert_ok(wire_init_parse(f.payload, &init, &err));
        assert_int_equal(init.protocol_id, 5);
        assert_int_equal(init.settings, inits[i].settings);
        if (strcmp(inits[i].name, "init_traccar") != 0)
            assert_string_equal(init.imei, inits[i].imei);
        uint8_t again[WIRE_INIT_BYTES];
        wire_init_put(again, init.protocol_id, strtoull(init.imei, NULL, 10), init.settings);
        assert_memory_equal(again, v->data, sizeof again);
    }
}

static void test_init_refuses_other_protocols(void **state)
{
    (void)state;
    struct err err;
    struct wire_init init;
    /* an AVL data packet: u32 0, u32 length */
    const uint8_t avl[16] = {0, 0, 0, 0, 0, 0, 0, 0x36, 8, 1, 0, 0, 1, 0x6b, 0x40, 0xd8};
    const uint8_t http[16] = "GET / HTTP/1.1\r";
    uint8_t short_imei[16] = {0, 0, 0, 5, 0, 0, 2, 1, 0x8f, 1, 0, 0, 0, 0, 0, 0};
    assert_err(ERR_MALFORMED, wire_init_parse(avl, &init, &err));
    assert_err(ERR_MALFORMED, wire_init_parse(http, &init, &err));
    assert_err(ERR_MALFORMED, wire_init_parse(short_imei, &init, &err));
}

static void test_server_frames_are_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t id;
        const char *text;
        uint32_t value;
    } frames[] = {
        {"srv_filereq_photof", WIRE_FILE_REQ, "%photof", 0},
        {"srv_filereq_photor", WIRE_FILE_REQ, "%photor", 0},
        {"srv_filereq_videof", WIRE_FILE_REQ, "%videof", 0},
        {"srv_filereq_videor", WIRE_FILE_REQ, "%videor", 0},
        {"srv_metareq_photof", WIRE_META_REQ, "%photof", 0},
        {"srv_close", WIRE_CLOSE, "", 0},
        {"srv_resume0", WIRE_RESUME, NULL, 0},
        {"srv_resume1", WIRE_RESUME, NULL, 1},
        {"srv_resume_337", WIRE_RESUME, NULL, 337},
        {"srv_complete", WIRE_STATUS, NULL, 0},
        {"srv_metareq_path_mode", WIRE_META_REQ, "", 0},
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        const struct vector *v = vector(frames[i].name);
        uint8_t out[32];
        size_t n = frames[i].text ? wire_frame_put(out, sizeof out, frames[i].id, frames[i].text,
                                                   strlen(frames[i].text))
                                  : wire_u32_put(out, sizeof out, frames[i].id, frames[i].value);
        assert_int_equal(n, v->n);
        assert_memory_equal(out, v->data, n);
    }
}

static void test_device_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t id;
        uint32_t value;
    } frames[] = {
        {"dev_start_traccar", WIRE_START, 17},
        {"dev_start_field_photo30", WIRE_START, 30},
        {"dev_start_field_photo29", WIRE_START, 29},
        {"dev_start_field_video584", WIRE_START, 584},
        {"dev_sync_1", WIRE_SYNC, 1},
        {"dev_sync_337", WIRE_SYNC, 337},
        {"dev_status_1", WIRE_STATUS, 1},
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        const struct vector *v = vector(frames[i].name);
        struct wire_frame f = frame_of(frames[i].name);
        assert_int_equal(f.id, frames[i].id);
        assert_int_equal(f.frame_bytes, v->n);
        uint32_t value = (uint32_t)f.payload[0] << 24 | (uint32_t)f.payload[1] << 16 |
                         (uint32_t)f.payload[2] << 8 | f.payload[3];
        assert_int_equal(value, frames[i].value);
        for (size_t n = 0; n < v->n; n++)
            assert_int_equal(wire_frame_parse(v->data, n, &f), WIRE_NEED_MORE);
    }
}

static void test_data_frames_and_their_crc_chain(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t seed;
        size_t n;
    } frames[] = {
        {"dev_data1_traccar", 0, 1024},
        {"dev_data1_then_partial_traccar", 0, 1024},
        {"dev_data1_video_ptmf_seed0", 0, 1024},
        {"dev_data337_before_resume", 0x551e, 1024},
        {"dev_data337_after_resume_seed0", 0, 1024},
        {"dev_data584_last_short", 0x19ed, 876},
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct wire_frame f = frame_of(frames[i].name);
        assert_int_equal(f.id, WIRE_DATA);
        assert_int_equal(f.n, frames[i].n + 2);
        uint16_t stated = (uint16_t)(f.payload[f.n - 2] << 8 | f.payload[f.n - 1]);
        assert_int_equal(wire_crc(frames[i].seed, f.payload, f.n - 2), stated);
        uint16_t seed = frames[i].seed;
        uint8_t out[WIRE_DATA_FRAME_BYTES];
        size_t n = wire_data_put(out, sizeof out, f.payload, f.n - 2, &seed);
        assert_int_equal(n, f.frame_bytes);
        assert_memory_equal(out, vector(frames[i].name)->data, n);
    }
}

static void test_a_path_keeps_its_nul(void **state)
{
    (void)state;
    struct wire_frame f = frame_of("dev_path_response_dsm");
    assert_int_equal(f.id, WIRE_PATH);
    assert_int_equal(f.n, 30);
    assert_memory_equal(f.payload, "dsm/picture/231020/231452.jpg", 30);
}

static void test_data_with_its_offset(void **state)
{
    (void)state;
    const struct vector *v = vector("SYNTH_enhanced_data");
    struct wire_frame f = frame_of("SYNTH_enhanced_data");
    assert_int_equal(f.id, WIRE_ENH_DATA);
    assert_int_equal(f.n, 11);
    uint8_t out[64];
    uint16_t seed = 0;
    assert_int_equal(wire_enh_data_put(out, sizeof out, 0, "hello", 5, &seed), v->n);
    assert_memory_equal(out, v->data, v->n);
    assert_int_equal(seed, wire_crc(0, "hello", 5)); /* the offset is not in it */
}

static void test_headers_that_no_device_sends(void **state)
{
    (void)state;
    struct wire_frame f;
    static const uint8_t bad[][4] = {
        {0x00, 0x04, 0x04, 0x03}, /* DATA too long */
        {0x00, 0x04, 0x00, 0x02}, /* DATA with a CRC only */
        {0x00, 0x01, 0x00, 0x07}, {0x00, 0x03, 0x00, 0x00},
        {0x00, 0x05, 0xff, 0xff}, {0x00, 0x08, 0x00, 0x07}, /* a server's frame */
        {0x31, 0xb4, 0x00, 0x10}, {'G', 'E', 'T', ' '},
        {0x00, 0x0d, 0x00, 0x00}, /* a path without its NUL */
        {0x00, 0x0d, 0x02, 0x01}, /* 513 bytes of path */
        {0x00, 0x0e, 0x00, 0x06}, /* an offset, a CRC and no data */
        {0x00, 0x0b, 0x10, 0x01}, /* metadata above the limit */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(wire_frame_parse(bad[i], 4, &f), WIRE_BAD_HEADER);
}

static struct wire_meta meta_of(const char *name)
{
    struct err err;
    struct wire_meta m;
    struct wire_frame f = frame_of(name);
    assert_int_equal(f.id, WIRE_META);
    assert_ok(wire_meta_parse(f.payload, f.n, 0, NOW_US, &m, &err));
    return m;
}

static void test_metadata_of_field_captures(void **state)
{
    (void)state;
    struct wire_meta m = meta_of("dev_meta_v3_video_len3_fps20_tz300_masked");
    assert_int_equal(m.version, 3);
    assert_int_equal(m.file_type, 16);
    assert_int_equal(m.length_s, 3);
    assert_int_equal(m.fps, 20);
    assert_int_equal(m.tz_min, 300);
    assert_true(m.plausible & WIRE_META_POSITION);
    assert_true(fabs(m.lat_deg - 24.9) < 0.1 && fabs(m.lon_deg - 67.1) < 0.1);

    m = meta_of("dev_meta_v3_photo_tz300_masked");
    assert_int_equal(m.file_type, 4);
    assert_false(m.plausible & WIRE_META_FPS);
    m = meta_of("dev_meta_v3_photo_tz0_westlon_masked");
    assert_true(m.lon_deg < 0);
    assert_true(m.plausible & WIRE_META_TIME);
}

static void test_metadata_of_a_camera_that_thinks_it_is_2043_is_kept_and_not_trusted(void **state)
{
    (void)state;
    struct wire_meta m = meta_of("dev_meta_v3_bogus_2043_masked");
    assert_true(m.time_ms == UINT64_C(2318920079000));
    assert_true(m.present & WIRE_META_TIME);
    assert_false(m.plausible & WIRE_META_TIME);
    assert_true(m.plausible & WIRE_META_POSITION);
}

static void test_metadata_versions_by_length(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned present;
    } metas[] = {
        {"SYNTH_meta_v1", WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH},
        {"SYNTH_meta_v2", WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH | WIRE_META_FPS},
        {"SYNTH_meta_v3", 0x3f},
        {"SYNTH_meta_v4", 0x7f},
    };
    for (int i = 0; i < 4; i++) {
        struct wire_meta m = meta_of(metas[i].name);
        struct wire_frame f = frame_of(metas[i].name);
        assert_int_equal(m.version, i + 1);
        assert_int_equal(m.present, metas[i].present);
        assert_int_equal(m.plausible, metas[i].present);
        assert_true(m.time_ms == UINT64_C(1732876598000));
        assert_int_equal(m.trigger, 3);
        assert_int_equal(m.length_s, 10);
        if (i >= 1)
            assert_int_equal(m.fps, 25);
        if (i >= 2) {
            assert_int_equal(m.tz_min, -300);
            assert_true(fabs(m.lat_deg - 54.7004183) < 1e-9 && fabs(m.lon_deg - 25.25) < 1e-9);
        }
        if (i >= 3)
            assert_int_equal(m.trigger_time_ms - m.time_ms, 3250);
        uint8_t again[WIRE_META_V4_BYTES];
        assert_int_equal(wire_meta_put(again, &m, i + 1), f.n);
        assert_memory_equal(again, f.payload, f.n);
    }
}

/* But for the one byte of version 2 that some firmware sends late. */
static void test_metadata_of_another_length_than_their_versions_are_refused(void **state)
{
    (void)state;
    struct err err;
    struct wire_meta m;
    static const char *const names[] = {"SYNTH_meta_v1", "SYNTH_meta_v2", "SYNTH_meta_v3",
                                        "SYNTH_meta_v4"};
    for (int i = 0; i < 4; i++) {
        struct wire_frame f = frame_of(names[i]);
        uint8_t longer[60] = {0};
        memcpy(longer, f.payload, f.n);
        for (size_t n = 0; n <= sizeof longer; n++) {
            bool good = n == f.n || (i == 1 && n == 13);
            int rc = wire_meta_parse(longer, n, 0, NOW_US, &m, &err);
            assert_int_equal(rc, good ? ERR_OK : ERR_MALFORMED);
        }
        assert_err(ERR_MALFORMED, wire_meta_parse(f.payload, f.n, 6, NOW_US, &m, &err));
        assert_has(err.text, "no JSON, which protocol ID 6 has");
        for (size_t at = 0; at < 11; at++) { /* version, type and trigger */
            memcpy(longer, f.payload, f.n);
            longer[at] = at == 0 ? 5 : at == 1 ? 17 : 200;
            bool judged = at < 2 || at == 10;
            int rc = wire_meta_parse(longer, f.n, 0, NOW_US, &m, &err);
            assert_int_equal(rc, judged ? ERR_MALFORMED : ERR_OK);
        }
        longer[10] = 64; /* as a set of bits: geofence */
        assert_ok(wire_meta_parse(longer, f.n, 0, NOW_US, &m, &err));
        assert_string_equal(m.trigger_name, "trigger-64");
    }
}

static struct wire_meta changed(void (*change)(struct wire_meta *m))
{
    struct err err;
    struct wire_meta m = meta_of("SYNTH_meta_v4"), back;
    uint8_t payload[WIRE_META_V4_BYTES];
    change(&m);
    assert_ok(wire_meta_parse(payload, wire_meta_put(payload, &m, 4), 0, NOW_US, &back, &err));
    return back;
}

static void no_fix(struct wire_meta *m)
{
    m->lat_deg = m->lon_deg = 0;
}
static void far_north(struct wire_meta *m)
{
    m->lat_deg = 90.001;
}
static void not_a_number(struct wire_meta *m)
{
    m->lon_deg = NAN;
}
static void fps_0(struct wire_meta *m)
{
    m->fps = 0;
}
static void fps_255(struct wire_meta *m)
{
    m->fps = 255;
}
static void zone_odd(struct wire_meta *m)
{
    m->tz_min = 15 * 60;
}
static void year_1970(struct wire_meta *m)
{
    m->time_ms = m->trigger_time_ms = 86400000;
}
static void far_future(struct wire_meta *m)
{
    m->time_ms = UINT64_MAX;
}

static void test_implausible_values_are_marked_one_by_one(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct wire_meta *m);
        unsigned lost;
    } cases[] = {
        {no_fix, WIRE_META_POSITION},       {far_north, WIRE_META_POSITION},
        {not_a_number, WIRE_META_POSITION}, {fps_0, WIRE_META_FPS},
        {fps_255, WIRE_META_FPS},           {zone_odd, WIRE_META_ZONE},
        {far_future, WIRE_META_TIME},       {year_1970, WIRE_META_TIME | WIRE_META_TRIGGER_TIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_meta m = changed(cases[i].change);
        assert_int_equal(m.present, 0x7f);
        assert_int_equal(m.plausible, 0x7f & ~cases[i].lost);
    }
}

/* A vector that no test here looks at must be one of those that other messages need. */
static void test_every_vector_is_accounted_for(void **state)
{
    (void)state;
    static const char *const looked_at[] = {
        "init_",
        "srv_filereq",
        "srv_resume",
        "srv_close",
        "srv_complete",
        "srv_metareq_photof",
        "srv_repeat_init", /* test_wire_session */
        "dev_start",
        "dev_sync",
        "dev_status",
        "dev_meta",
        "dev_data",
        "SYNTH_meta_v",
        "crc_dualcam",
        "srv_metareq_path_mode",
        "dev_path",
        "SYNTH_enhanced_data",
        "srv_pathreq", /* test_wire_path */
        "SYNTH_meta_dsm",
        "SYNTH_meta_adas", /* test_wire_meta */
        "c12_",
        "crc_codec12", /* commands to the tracker: avl-vectors.tsv */
        "ptmf_",       /* convert */
        "double_example",
        NULL};
    assert_true(n_vectors > 50);
    vectors_all_known(looked_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_check_value),
        cmocka_unit_test(test_crc_at_every_length_alignment_and_seed),
        cmocka_unit_test(test_crc_sees_each_single_bit),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_refuses_other_protocols),
        cmocka_unit_test(test_server_frames_are_byte_for_byte),
        cmocka_unit_test(test_device_frames),
        cmocka_unit_test(test_data_frames_and_their_crc_chain),
        cmocka_unit_test(test_a_path_keeps_its_nul),
        cmocka_unit_test(test_data_with_its_offset),
        cmocka_unit_test(test_headers_that_no_device_sends),
        cmocka_unit_test(test_metadata_of_field_captures),
        cmocka_unit_test(test_metadata_of_a_camera_that_thinks_it_is_2043_is_kept_and_not_trusted),
        cmocka_unit_test(test_metadata_versions_by_length),
        cmocka_unit_test(test_metadata_of_another_length_than_their_versions_are_refused),
        cmocka_unit_test(test_implausible_values_are_marked_one_by_one),
        cmocka_unit_test(test_every_vector_is_accounted_for),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}

/* Metadata of DSM, ADAS and protocol 6; the words for what a path names; who is no camera. */
#include "dashspool/text.h"
#include "dashspool/wire.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NOW_US INT64_C(1735689600000000) /* 2025-01-01 */

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t n = strlen(hex) / 2;
    assert_true(n <= room);
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

static struct wire_meta parsed(const void *payload, size_t n)
{
    struct err err;
    struct wire_meta m;
    assert_ok(wire_meta_parse(payload, n, 0, NOW_US, &m, &err));
    return m;
}

static struct wire_meta parsed_hex(const char *hex)
{
    uint8_t bytes[64];
    return parsed(bytes, from_hex(hex, bytes, sizeof bytes));
}

static struct wire_meta parsed_text(const char *text)
{
    return parsed(text, strlen(text));
}

/* SYNTH_meta_dsm and SYNTH_meta_adas of the vectors, without their headers. */
#define DSM  "6532fb64020d0342a982fe7eb73000090000000000006e686f4a"
#define ADAS "6532fb6400050342a982fe7eb73014"

static void test_dsm(void **state)
{
    (void)state;
    struct wire_meta m = parsed_hex(DSM);
    assert_int_equal(m.kind, WIRE_KIND_DSM);
    assert_true(m.time_ms == UINT64_C(1697839972000));
    assert_int_equal(m.file_type, 2);
    assert_string_equal(m.trigger_name, "dsm-event");
    assert_true(fabs(m.lat_deg - 54.700418) < 1e-9);
    assert_true(fabs(m.lon_deg - -25.250000) < 1e-9); /* signed */
    assert_int_equal(m.events, 9);
    assert_string_equal(m.driver, "John");
    unsigned all = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_POSITION | WIRE_META_EVENTS |
                   WIRE_META_DRIVER;
    assert_int_equal(m.present, all);
    assert_int_equal(m.plausible, all);
}

static void test_adas(void **state)
{
    (void)state;
    struct wire_meta m = parsed_hex(ADAS);
    assert_int_equal(m.kind, WIRE_KIND_ADAS);
    assert_string_equal(m.trigger_name, "crash");
    assert_int_equal(m.length_s, 20);
    assert_true(fabs(m.lon_deg - -25.25) < 1e-9);
    unsigned all = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_POSITION | WIRE_META_LENGTH;
    assert_int_equal(m.present, all);
    assert_int_equal(m.plausible, all);
}

static void test_what_is_written_is_what_was_read(void **state)
{
    (void)state;
    static const char *const both[] = {DSM, ADAS};
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[64], again[WIRE_META_V4_BYTES];
        size_t n = from_hex(both[i], bytes, sizeof bytes);
        struct wire_meta m = parsed(bytes, n);
        assert_int_equal(wire_meta_put(again, &m, 0), n);
        assert_memory_equal(again, bytes, n);
    }
}

static void test_driver_names_are_text_or_not_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *name;
    } names[] = {
        {"20206e686f4a20000000", "John"}, /* padded on both sides */
        {"6a696861676665646362", "bcdefgahij"}, {"00000000000000000000", ""},
        {"e4e5f6e4e5f6e4e5f6e4", ""},       /* in some code page */
        {"0000000065f6f46ae94a", "J?j??e"}, /* some of it */
        {"000000006e1b6f4a0000", "Jo?n"},   /* an escape sequence */
        {"000000006eae80e26f4a", "Jo???n"}, /* U+202E: "Jo", and "n" before it */
        {"00000000006e85c26f4a", "Jo??n"},  /* U+0085, a line's end */
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char hex[64] = "6532fb64020d0342a982fe7eb7300009";
        strncat(hex, names[i].hex, 21);
        struct wire_meta m = parsed_hex(hex);
        assert_string_equal(m.driver, names[i].name);
        assert_int_equal(!!(m.plausible & WIRE_META_DRIVER), names[i].name[0] != '\0');
    }
}

static void test_json_with_all_known_keys(void **state)
{
    (void)state;
    struct wire_meta m = parsed_text(
        "{\"version\":\"1\",\"payload\":{\"file\":{\"file_type\":2,\"file_timestamp\":1732865025,"
        "\"duration\":10,\"framerate\":25},\"fm_trigger\":{\"type\":5},"
        "\"location\":{\"latitude\":54.7004183,\"longitude\":-25.25},"
        "\"people\":[{\"driver_name\":\"J\\u00f3n\"}]},\"new\":[1,2,{}]}");
    assert_int_equal(m.kind, WIRE_KIND_JSON);
    assert_int_equal(m.version, 1);
    assert_int_equal(m.file_type, 2);
    assert_true(m.time_ms == UINT64_C(1732865025000));
    assert_int_equal(m.length_s, 10);
    assert_int_equal(m.fps, 25);
    assert_int_equal(m.trigger, 5);
    assert_string_equal(m.trigger_name, "trigger-5"); /* nobody knows the list */
    assert_true(fabs(m.lat_deg - 54.7004183) < 1e-9 && fabs(m.lon_deg - -25.25) < 1e-9);
    assert_string_equal(m.driver, "J\xc3\xb3n");
    unsigned all = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH | WIRE_META_FPS |
                   WIRE_META_POSITION | WIRE_META_DRIVER;
    assert_int_equal(m.present, all);
    assert_int_equal(m.plausible, all);
}

static void test_json_of_a_camera_that_says_little(void **state)
{
    (void)state;
    assert_int_equal(parsed_text("{}").present, 0);
    assert_string_equal(parsed_text("{}").trigger_name, "");
    struct wire_meta m = parsed("{\"file_timestamp\":1732865025.5}\0", 32); /* a C string */
    assert_int_equal(m.present, WIRE_META_TIME);
    assert_true(m.time_ms == UINT64_C(1732865025500));
    m = parsed_text("{\"cam_trigger\":{\"type\":\"Harsh Brake!\"}}");
    assert_string_equal(m.trigger_name, "harsh-brake-");
    m = parsed_text("{\"a\":{\"type\":3}}"); /* some other type */
    assert_int_equal(m.present, 0);
}

static void test_json_values_out_of_range_are_not_taken(void **state)
{
    (void)state;
    struct wire_meta m = parsed_text(
        "{\"version\":-1,\"file\":{\"file_timestamp\":-5,\"duration\":1e300,\"framerate\":\"x\","
        "\"file_type\":[]},\"fm_trigger\":{\"type\":256},\"latitude\":\"nan\",\"longitude\":0}");
    assert_int_equal(m.present, 0);
    m = parsed_text("{\"location\":{\"latitude\":54700418,\"longitude\":25250000}}");
    assert_int_equal(m.present, WIRE_META_POSITION); /* in what unit? */
    assert_int_equal(m.plausible, 0);
}

static void test_json_driver_is_cut_between_characters(void **state)
{
    (void)state;
    struct wire_meta m = parsed_text("{\"driver_name\":\"0123456789012345678901234567890\"}");
    assert_int_equal(strlen(m.driver), 31);
    m = parsed_text("{\"driver_name\":\"012345678901234567890123456789\xc3\xb3\"}");
    assert_int_equal(strlen(m.driver), 30);
    m = parsed_text("{\"driver_name\":\"a\\nb\"}");
    assert_true(m.present & WIRE_META_DRIVER && !(m.plausible & WIRE_META_DRIVER));
}

static void refused(const char *text, size_t n, const char *why)
{
    struct err err;
    struct wire_meta m;
    assert_err(ERR_MALFORMED, wire_meta_parse((const uint8_t *)text, n, 0, NOW_US, &m, &err));
    assert_non_null(strstr(err.text, why));
}

static void test_json_that_is_broken_or_deep_is_refused(void **state)
{
    (void)state;
    char deep[4096];
    memset(deep, '[', sizeof deep);
    deep[0] = '{';
    refused(deep, sizeof deep, "deeper than 16");
    refused("{\"a\":1", 6, "JSON of 6 bytes");
    refused("{", 1, "JSON");
    struct wire_meta m = parsed_text("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[\"}");
    assert_int_equal(m.kind, WIRE_KIND_JSON); /* what is quoted does not nest */
}

static void test_trigger_names(void **state)
{
    (void)state;
    char name[WIRE_TRIGGER_ROOM];
    static const int known[] = {12, 15, 11, 0};
    assert_string_equal(wire_trigger_name(WIRE_KIND_DUALCAM, 3, name), "crash");
    assert_string_equal(wire_trigger_name(WIRE_KIND_DUALCAM, 11, name), "din4");
    assert_string_equal(wire_trigger_name(WIRE_KIND_DSM, 0, name), "none");
    assert_string_equal(wire_trigger_name(WIRE_KIND_DSM, 11, name), "request");
    assert_string_equal(wire_trigger_name(WIRE_KIND_ADAS, 0, name), "request");
    assert_string_equal(wire_trigger_name(WIRE_KIND_ADAS, 10, name), "green-driving");
    for (int k = 0; k < WIRE_N_KINDS; k++) {
        enum wire_meta_kind kind = (enum wire_meta_kind)k;
        for (int i = 0; i < known[k]; i++)
            assert_int_equal(wire_trigger_value(kind, wire_trigger_name(kind, (uint8_t)i, name)),
                             i);
        char expected[WIRE_TRIGGER_ROOM];
        snprintf(expected, sizeof expected, "trigger-%d", known[k]);
        assert_string_equal(wire_trigger_name(kind, (uint8_t)known[k], name), expected);
        assert_string_equal(wire_trigger_name(kind, 255, name), "trigger-255");
        assert_int_equal(wire_trigger_value(kind, "nonsense"), -1);
    }
}

/* The list that people see has each name of every kind, and no other. */
static void test_the_words_are_the_names(void **state)
{
    (void)state;
    char name[WIRE_TRIGGER_ROOM];
    for (int k = 0; k < WIRE_N_KINDS; k++)
        for (unsigned i = 0; i < 256; i++) {
            const char *word = wire_trigger_name((enum wire_meta_kind)k, (uint8_t)i, name);
            bool named = wire_trigger_value((enum wire_meta_kind)k, word) >= 0;
            if (words_have(wire_trigger_words, word, strlen(word)) != named)
                fail_msg("%s", word);
        }
    for (const char *p = wire_trigger_words; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        int found = 0;
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        for (int k = 0; k < WIRE_N_KINDS; k++)
            found += wire_trigger_value((enum wire_meta_kind)k, name) >= 0;
        if (found == 0)
            fail_msg("%s is of no kind", name);
        p += n;
    }
}

static void test_event_names(void **state)
{
    (void)state;
    char text[WIRE_EVENTS_ROOM];
    assert_string_equal(wire_events_text(0, text), "");
    assert_string_equal(wire_events_text(9, text), "drowsiness,phone");
    assert_string_equal(wire_events_text(0x180, text), "seat-belt,g-sensor");
    assert_string_equal(wire_events_text(0x8001, text), "drowsiness,0x8000");
    assert_string_equal(wire_events_text(0x8000, text), "0x8000");
    assert_string_equal(wire_events_text(0xffff, text),
                        "drowsiness,distraction,yawning,phone,smoking,absence,mask,seat-belt,"
                        "g-sensor,0xfe00");
}

static void test_words_of_a_path(void **state)
{
    (void)state;
    struct wire_meta dsm_photo = {.kind = WIRE_KIND_DSM, .file_type = 1};
    struct wire_meta adas_video = {.kind = WIRE_KIND_ADAS, .file_type = 0};
    static const struct {
        const char *path;
        int meta; /* 0 none, 1 DSM photo, 2 ADAS video */
        const char *camera, *kind;
    } paths[] = {
        {"dsm/picture/231020/231452.jpg", 0, "driver", "photo"},
        {"mdas9/video/231020/231452.mp4", 0, "road", "video"},
        {"/mnt/DualCam_Front/1.H265", 0, "front", "video"},
        {"dualcam_rear/photo/1.JPEG", 0, "rear", "photo"},
        {"dashcam/x", 0, "front", "video"},
        {"dashcam/picture/x.bin", 0, "front", "photo"},
        {"video.d/picture", 0, "other", "photo"}, /* a dot in a folder's name */
        {"1", 1, "driver", "photo"},
        {"1", 2, "road", "video"},
        {"1", 0, "other", "video"},
        {"", 0, "other", "video"},
        {"a.jpgx", 0, "other", "video"},
        {"a.mjpg.", 0, "other", "video"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char camera[8], kind[8];
        const struct wire_meta *metas[] = {NULL, &dsm_photo, &adas_video};
        wire_path_words(paths[i].path, strlen(paths[i].path) + 1, metas[paths[i].meta], camera,
                        kind);
        assert_string_equal(camera, paths[i].camera);
        assert_string_equal(kind, paths[i].kind);
    }
}

static void test_a_path_is_safe_to_print(void **state)
{
    (void)state;
    char out[32], small[8];
    assert_string_equal(wire_path_text("dsm/1.jpg", 10, out, sizeof out), "dsm/1.jpg");
    assert_string_equal(wire_path_text("a\x1b[2J\n", 7, out, sizeof out), "a\\x1b[2J\\x0a");
    assert_string_equal(wire_path_text("a\0b \\\"\xff", 7, out, sizeof out),
                        "a\\x00b\\x20\\x5c\\x22\\xff");
    assert_string_equal(wire_path_text("", 1, out, sizeof out), "");
    assert_string_equal(wire_path_text("1234567", 8, small, sizeof small), "1234567");
    assert_string_equal(wire_path_text("12345678", 8, small, sizeof small), "1...");
    assert_string_equal(wire_path_text("\n\n\n", 3, small, sizeof small), "\\x0a...");
    for (size_t n = 0; n < 600; n++) {
        static uint8_t path[600];
        memset(path, n % 3 ? 'a' : 7, sizeof path);
        wire_path_text(path, n, out, sizeof out);
        assert_true(strlen(out) < sizeof out);
    }
}

static void test_strangers_are_known_by_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *who; /* a part of it; NULL: nobody knows */
    } first[] = {
        {"GET / HTTP/1.1\r\n", 16, "HTTP"},
        {"\x16\x03\x01\x00\xc8", 5, "TLS"},
        {"SSH-2.0-x", 9, "SSH"},
        {"\x03\0\0\x13", 4, "RDP"},
        {"PROXY TCP4", 10, "PROXY"},
        {"\x10\x0c\0\x04MQTT", 8, "MQTT"},
        {"\0\x0f"
         "352093081452251",
         17, "login"},
        {"\0\0\0\0\0\0\0\x36\x08\x01", 10, "Codec 8)"},
        {"\0\0\0\0\0\0\0\x36\x8e\x01", 10, "Codec 8 Extended"},
        {"\0\0\0\0\0\0\0\x36\x10\x01", 10, "Codec 16"},
        {"\0\0\0\0\0\0\0\x0f\x0c\x01", 10, "command stream"},
        {"\0\0\0\0\0\0\0\x0f\x77\x01", 10, NULL},
        {"\0\0\0\0\0\0\0\x36", 8, NULL},
        {"GET", 3, NULL},
        {"", 0, NULL},
        {"\0\x0f"
         "35209308145225x",
         17, NULL},
        {"\0\0\0\x05\0\x01\x40\x3a\x0f\x0c\x3e\xdb\x44\0\x04\0", 16, NULL}, /* a camera */
    };
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        const char *who = wire_foreign_protocol((const uint8_t *)first[i].bytes, first[i].n);
        if (!first[i].who)
            assert_null(who);
        else
            assert_true(who && strstr(who, first[i].who));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dsm),
        cmocka_unit_test(test_adas),
        cmocka_unit_test(test_what_is_written_is_what_was_read),
        cmocka_unit_test(test_driver_names_are_text_or_not_trusted),
        cmocka_unit_test(test_json_with_all_known_keys),
        cmocka_unit_test(test_json_of_a_camera_that_says_little),
        cmocka_unit_test(test_json_values_out_of_range_are_not_taken),
        cmocka_unit_test(test_json_driver_is_cut_between_characters),
        cmocka_unit_test(test_json_that_is_broken_or_deep_is_refused),
        cmocka_unit_test(test_trigger_names),
        cmocka_unit_test(test_the_words_are_the_names),
        cmocka_unit_test(test_event_names),
        cmocka_unit_test(test_words_of_a_path),
        cmocka_unit_test(test_a_path_is_safe_to_print),
        cmocka_unit_test(test_strangers_are_known_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Metadata in the shapes that programs and cameras really write them in: each is read for what it
 * is, or refused by name; nothing is taken for something else because it is nothing else. */
#include "dashspool/text.h"
#include "dashspool/wire.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US  INT64_C(1735689600000000) /* 2025-01-01 */
#define TIME_S  "1732864425"
#define TIME_MS UINT64_C(1732864425000)

static struct wire_meta parsed(const void *payload, size_t n)
{
    struct err err;
    struct wire_meta m;
    assert_ok(wire_meta_parse(payload, n, 0, NOW_US, &m, &err));
    return m;
}

static struct wire_meta parsed_text(const char *text)
{
    return parsed(text, strlen(text));
}

static void refused(const void *payload, size_t n, const char *why)
{
    struct err err;
    struct wire_meta m;
    assert_err(ERR_MALFORMED, wire_meta_parse(payload, n, 0, NOW_US, &m, &err));
    if (!strstr(err.text, why))
        fail_msg("'%s' instead of '%s'", err.text, why);
}

#define WHOLE                                                                     \
    "{\"version\":1,\"file\":{\"file_type\":\"video\",\"file_timestamp\":" TIME_S \
    ",\"duration\":2,\"framerate\":25},\"fm_trigger\":{\"type\":\"crash\"},"      \
    "\"location\":{\"latitude\":54.7,\"longitude\":25.25}}"

static void check_whole(const struct wire_meta *m)
{
    assert_int_equal(m->kind, WIRE_KIND_JSON);
    assert_true(m->time_ms == TIME_MS);
    assert_int_equal(m->fps, 25);
    assert_int_equal(m->length_s, 2);
    assert_string_equal(m->trigger_name, "crash");
    assert_true(fabs(m->lat_deg - 54.7) < 1e-9 && fabs(m->lon_deg - 25.25) < 1e-9);
    assert_int_equal(m->plausible, m->present);
}

static void test_json_behind_a_mark_white_space_or_in_a_list(void **state)
{
    (void)state;
    static const char *const around[][2] = {
        {"", ""},
        {"\xef\xbb\xbf", ""},
        {"\xef\xbb\xbf\xef\xbb\xbf", "\r\n"},
        {"\r\n", "\r\n"},
        {" \t\r\r", "\r"},
        {"[", "]"},
        {"\xef\xbb\xbf [ ", " ] \n"},
        {"[[", "]]"},
        {"// of the camera\n", ""},
        {"[1, \"x\", ", "]"},
    };
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        char text[600];
        snprintf(text, sizeof text, "%s" WHOLE "%s", around[i][0], around[i][1]);
        struct wire_meta m = parsed_text(text);
        check_whole(&m);
    }
    char padded[600] = WHOLE; /* with NULs */
    struct wire_meta m = parsed(padded, sizeof padded);
    check_whole(&m);
    assert_string_equal(m.note, "");
    refused("[", 1, "JSON of 1 bytes");
    assert_int_equal(parsed_text("[]").present, 0);
}

static size_t utf16(const char *text, bool big, bool mark, uint8_t *out)
{
    size_t n = 0;
    if (mark) {
        out[n++] = big ? 0xfe : 0xff;
        out[n++] = big ? 0xff : 0xfe;
    }
    for (uint32_t c; *text; n += 2) {
        text += utf8_next(text, 4, &c);
        if (c >= 0x10000) {
            uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
            out[n + !big] = (uint8_t)(high >> 8);
            out[n + big] = (uint8_t)high;
            n += 2;
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out[n + !big] = (uint8_t)(c >> 8);
        out[n + big] = (uint8_t)c;
    }
    return n;
}

static void test_text_of_two_bytes_a_character(void **state)
{
    (void)state;
    uint8_t wide[1200];
    for (int i = 0; i < 4; i++) {
        size_t n = utf16(WHOLE "\r\n", i & 1, i & 2, wide);
        struct wire_meta m = parsed(wide, n);
        check_whole(&m);
        wide[n] = wide[n + 1] = wide[n + 2] = 0; /* padded, even by half a character */
        m = parsed(wide, n + 3);
        check_whole(&m);
        n = utf16("{\"driver_name\":\"J\xc3\xb3n \xf0\x9f\x9a\x97\"}", i & 1, i & 2, wide);
        m = parsed(wide, n);
        assert_string_equal(m.driver, "J\xc3\xb3n \xf0\x9f\x9a\x97");
        n = utf16("Cmd version: \t3\r\nTime (UTC+0): \t(" TIME_S "000)\r\n", i & 1, i & 2, wide);
        m = parsed(wide, n);
        assert_true(m.as_text && m.time_ms == TIME_MS);
    }
    static const uint8_t half[] = {0xff, 0xfe, '{', 0, '"', 0,    'd', 0, '"', 0,
                                   ':',  0,    '"', 0, 0,   0xd8, '"', 0, '}', 0};
    assert_int_equal(parsed(half, sizeof half).kind, WIRE_KIND_JSON);
}

static void test_one_bad_character_does_not_lose_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *name, *driver;
    } names[] = {
        {"J\xe9r\xf4me", "J?r?me"}, {"J\\ud83dx", "J?x"}, {"\\ud83d\\ude97", "\xf0\x9f\x9a\x97"},
        {"C:\\data", "C:?data"},    {"a\x01z", "a?z"},    {"a\tz", "a z"},
        {"\\u00", "?u00"},          {"\xc3", "?"},        {"J\\u00f3n\\u0000x", "J\xc3\xb3n"},
        {"\\\"\\\\\\/", "\"\\/"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "{\"driver_name\":\"%s\",\"file\":{\"file_timestamp\":" TIME_S
                 ",\"framerate\":25}}",
                 names[i].name);
        struct wire_meta m = parsed_text(text);
        assert_string_equal(m.driver, names[i].driver);
        assert_true(m.time_ms == TIME_MS && m.fps == 25);
        assert_true(m.plausible & WIRE_META_DRIVER);
        assert_int_equal(strchr(m.driver, '?') != NULL, m.note[0] != '\0');
    }
    struct wire_meta m = parsed("{\"a\":\"x\0y\",\"framerate\":25}", 26);
    assert_int_equal(m.fps, 25);
    m = parsed_text("{\"driver_name\":\"J\xe9r\xf4me\"}");
    assert_string_equal(m.note, "2 characters of its texts cannot be read and are '?' here");
    m = parsed_text("Time (UTC+0): \t(" TIME_S ")\nDriver: \tJ\xe9r\xf4me\n");
    assert_string_equal(m.driver, "J?r?me");
    assert_true(m.plausible & WIRE_META_DRIVER);
}

static void test_one_bad_value_does_not_lose_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "NaN",  "-Infinity", "Infinity", "1e999", "-1e999", "+5", "05", ".5",   "5.",
        "0x19", "1e",        "1-2",      "\"\"",  "\"x\"",  "[]", "{}", "true", "\"1e999\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[300];
        snprintf(
            text, sizeof text,
            "{\"location\":{\"latitude\":%s,\"longitude\":25.25,},\"file\":{\"file_timestamp\":"
            "\"" TIME_S "\" /* s */,\"framerate\":25}}",
            bad[i]);
        struct wire_meta m = parsed_text(text);
        assert_true(m.time_ms == TIME_MS && m.fps == 25);
        assert_false(m.present & WIRE_META_POSITION);
        assert_string_equal(m.note, "its latitude cannot be read");
    }
    static const char *const good[] = {"54", "54.0", "5.4e1", "5.4E+1", "540e-1", "\"54\""};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[300];
        snprintf(text, sizeof text, "{\"latitude\":%s,\"longitude\":99999999999999999999}",
                 good[i]);
        struct wire_meta m = parsed_text(text);
        assert_string_equal(m.note, "its longitude cannot be read");
        snprintf(text, sizeof text, "{\"latitude\":%s,\"longitude\":1e-400}", good[i]);
        m = parsed_text(text);
        assert_true(m.plausible & WIRE_META_POSITION && fabs(m.lat_deg - 54) < 1e-9);
        assert_string_equal(m.note, "");
    }
    assert_string_equal(parsed_text("{\"driver_name\":5,\"fm_trigger\":{\"type\":[]}}").note,
                        "the type of its fm_trigger cannot be read; its driver_name is no text");
    assert_string_equal(parsed_text("{\"file_timestamp\":null}").note, "");
}

static void test_a_time_in_any_unit_is_what_the_camera_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } times[] = {
        {"1732864425", TIME_MS},
        {"1732864425.5", TIME_MS + 500},
        {"1732864425123", TIME_MS + 123},
        {"\"1732864425123\"", TIME_MS + 123},
        {"1732864425123456", TIME_MS + 123},
        {"1732864425123456789", TIME_MS + 123},
        {"1.732864425e9", TIME_MS},
        {"0", 0},
        {"4294967295", UINT64_C(4294967295000)},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"file_timestamp\":%s}", times[i].text);
        struct wire_meta m = parsed_text(text);
        if (m.time_ms != times[i].ms)
            fail_msg("%s is %llu", times[i].text, (unsigned long long)m.time_ms);
        assert_true(m.present & WIRE_META_TIME);
    }
}

static void test_what_there_is_more_of_is_told(void **state)
{
    (void)state;
    struct wire_meta m = parsed_text(WHOLE WHOLE);
    check_whole(&m);
    assert_int_equal(m.tail_bytes, strlen(WHOLE));
    assert_has(m.note, "what stands behind the JSON (");
    m = parsed(WHOLE "\0\0\xff\xfe\x12", sizeof WHOLE + 4);
    check_whole(&m);
    assert_has(m.note, "what stands behind the JSON (3 bytes) is not read");
    /* of two objects nothing is mixed */
    m = parsed_text("[{\"file_timestamp\":" TIME_S "},{\"file_timestamp\":5,\"framerate\":25}]");
    assert_true(m.time_ms == TIME_MS);
    assert_int_equal(m.present, WIRE_META_TIME);
    assert_has(m.note, "of a list of 2 the first object is read");
    m = parsed_text("{\"framerate\":20,\"framerate\":25}");
    assert_int_equal(m.fps, 25);
    assert_has(m.note, "a key is there twice, and its last value counts");
    assert_has(m.note, "framerate");
}

static void test_what_is_none_is_refused_by_name(void **state)
{
    (void)state;
    static const char dsm[] =
        "\x65\x32\xfb\x64\x02\x0d\x03\x42\xa9\x82\xfe\x7e\xb7\x30\0\x09\0\0\0\0"
        "\0\0nhoJ";
    char bytes[28] = {0};
    memcpy(bytes, dsm, 26);
    assert_int_equal(parsed(bytes, 26).kind, WIRE_KIND_DSM);
    refused(bytes, 25, "metadata of 25 bytes: neither JSON, nor text, nor as a camera");
    refused(bytes, 27, "neither JSON");
    assert_int_equal(parsed(bytes, 15).kind, WIRE_KIND_ADAS);
    refused(bytes, 14, "neither JSON");
    refused(bytes, 16, "neither JSON");
    bytes[5] = (char)200;
    refused(bytes, 26, "no camera has trigger 200");
    refused(bytes, 15, "no camera has trigger 200");
    bytes[5] = 0;
    bytes[4] = 4;
    refused(bytes, 26, "no camera has file type 4");
    bytes[4] = 0;
    bytes[0] = '{'; /* 2035, and no JSON */
    assert_int_equal(parsed(bytes, 26).kind, WIRE_KIND_DSM);
    bytes[0] = 2;
    refused(bytes, 26, "metadata of 26 bytes: binary version 2 has 14 bytes");
    refused("", 0, "metadata of 0 bytes: neither");
    refused("\0\0\0", 3, "neither");
    refused("Hello, camera", 13, "neither");
    refused("\xef\xbb\xbf", 3, "neither");
    refused("\"text\"", 6, "neither");
    refused("{\"a\":tru}", 9, "JSON of 9 bytes");
}

/* Cut anywhere, and with any byte changed: an answer, and none out of bounds (see the sanitizer).
 */
static void test_any_damage_has_an_answer(void **state)
{
    (void)state;
    static const char whole[] =
        "\xef\xbb\xbf[{\"a\":\"\\ud83d\\ude97\\n\",/*x*/\"file_timestamp\":-1.5e+9,"
        "\"b\":[NaN,]}] x";
    struct err err;
    struct wire_meta m;
    for (size_t n = 0; n < sizeof whole; n++)
        for (size_t at = 0; at < n; at++)
            for (int k = 0; k < 256; k += at % 3 ? 1 : 7) {
                char *copy = malloc(n);
                memcpy(copy, whole, n);
                copy[at] = (char)k;
                if (wire_meta_parse((uint8_t *)copy, n, 0, NOW_US, &m, &err) == ERR_OK)
                    assert_true(strlen(m.note) < sizeof m.note);
                free(copy);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_behind_a_mark_white_space_or_in_a_list),
        cmocka_unit_test(test_text_of_two_bytes_a_character),
        cmocka_unit_test(test_one_bad_character_does_not_lose_the_rest),
        cmocka_unit_test(test_one_bad_value_does_not_lose_the_rest),
        cmocka_unit_test(test_a_time_in_any_unit_is_what_the_camera_said),
        cmocka_unit_test(test_what_there_is_more_of_is_told),
        cmocka_unit_test(test_what_is_none_is_refused_by_name),
        cmocka_unit_test(test_any_damage_has_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

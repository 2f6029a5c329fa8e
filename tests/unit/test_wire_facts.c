/* What the bytes of a transfer say: the same facts whenever they are decoded, each by its name, and
 * as the JSON that the custody and a package hold. */
#include "dashspool/wire.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRIVED_US INT64_C(1732865100000000) /* 2024-11-29T07:25:00Z */
#define TIME_MS    UINT64_C(1732865025000)   /* 2024-11-29T07:23:45Z */

static struct wire_bytes bytes_of(uint8_t init[WIRE_INIT_BYTES], uint8_t *meta, int version,
                                  struct wire_meta m)
{
    wire_init_put(init, 5, UINT64_C(352093081452251), 0x10000000);
    return (struct wire_bytes){.init = init,
                               .init_n = WIRE_INIT_BYTES,
                               .meta = meta,
                               .meta_n = wire_meta_put(meta, &m, version)};
}

static const struct wire_meta crash = {.kind = WIRE_KIND_DUALCAM,
                                       .file_type = 16,
                                       .time_ms = TIME_MS,
                                       .trigger = 3,
                                       .length_s = 10,
                                       .fps = 20,
                                       .tz_min = 120,
                                       .lat_deg = 54.6872,
                                       .lon_deg = -25.2797};

static const char *fact(const struct wire_facts *f, const char *name)
{
    static struct wire_fact list[WIRE_N_FACTS];
    wire_facts_list(f, list);
    for (int i = 0; i < WIRE_N_FACTS; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].text;
    fail_msg("no fact is called %s", name);
    return "";
}

static void test_facts_are_decoded_and_named(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES], meta[WIRE_META_V4_BYTES];
    struct wire_bytes b = bytes_of(init, meta, 3, crash);
    struct wire_facts f;
    wire_facts_decode(&b, ARRIVED_US, &f);
    assert_string_equal(fact(&f, "imei"), "352093081452251");
    assert_string_equal(fact(&f, "protocol_id"), "5");
    assert_string_equal(fact(&f, "camera"), ""); /* the slot's name is not among the bytes */
    assert_string_equal(fact(&f, "metadata"), "yes");
    assert_string_equal(fact(&f, "trusted"), "time fps zone position");
    assert_string_equal(fact(&f, "time"), "2024-11-29T07:23:45.000000Z");
    assert_string_equal(fact(&f, "trigger"), "crash");
    assert_string_equal(fact(&f, "trigger_raw"), "3");
    assert_string_equal(fact(&f, "lat"), "54.6872");
    assert_string_equal(fact(&f, "lon"), "-25.2797");
    assert_string_equal(fact(&f, "driver"), "");
}

static void test_the_time_of_arrival_says_what_can_be_true(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES], meta[WIRE_META_V4_BYTES];
    struct wire_bytes b = bytes_of(init, meta, 3, crash);
    struct wire_facts f;
    wire_facts_decode(&b, ARRIVED_US - INT64_C(10) * 86400 * 1000000, &f);
    assert_string_equal(fact(&f, "trusted"), "fps zone position");
    assert_string_equal(fact(&f, "time"), "2024-11-29T07:23:45.000000Z");
}

static void test_a_path_names_camera_and_kind(void **state)
{
    (void)state;
    static const uint8_t path[] = "/mnt/sd/dsm/2024/snapshot_1.jpg";
    struct wire_bytes b = {.path = path, .path_n = sizeof path};
    struct wire_facts f;
    wire_facts_decode(&b, ARRIVED_US, &f);
    assert_string_equal(fact(&f, "camera"), "driver");
    assert_string_equal(fact(&f, "kind"), "photo");
    assert_string_equal(fact(&f, "metadata"), "");
    assert_string_equal(fact(&f, "imei"), "");
}

static void test_what_is_no_number_and_no_metadata_is_nothing(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES], meta[WIRE_META_V4_BYTES];
    struct wire_meta m = crash;
    struct wire_facts f;
    m.lat_deg = NAN;
    m.lon_deg = INFINITY;
    struct wire_bytes b = bytes_of(init, meta, 3, m);
    wire_facts_decode(&b, ARRIVED_US, &f);
    assert_string_equal(fact(&f, "lat"), "");
    assert_string_equal(fact(&f, "lon"), "");
    b.meta_n = 5; /* too short to be metadata */
    wire_facts_decode(&b, ARRIVED_US, &f);
    assert_string_equal(fact(&f, "metadata"), "");
    assert_string_equal(fact(&f, "time"), "");
}

static void test_the_text_can_be_read_again(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES], meta[WIRE_META_V4_BYTES];
    struct wire_bytes b = bytes_of(init, meta, 3, crash);
    struct wire_facts f;
    struct wire_fact is[WIRE_N_FACTS], was[WIRE_N_FACTS];
    int decoder = 0;
    wire_facts_decode(&b, ARRIVED_US, &f);
    snprintf(f.driver, sizeof f.driver, "\xff\xfe Anna"); /* of no known alphabet */
    char *text = wire_facts_text(&f);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"lat\":54.6872,"));
    assert_null(strstr(text, "\"events\""));
    assert_true(wire_facts_read(text, &decoder, was));
    assert_int_equal(decoder, WIRE_FACTS_VERSION);
    wire_facts_list(&f, is);
    for (int i = 0; i < WIRE_N_FACTS; i++)
        assert_string_equal(is[i].text, was[i].text);
    free(text);
    assert_false(wire_facts_read("[1]", &decoder, was));
    assert_false(wire_facts_read("{\"fps\":20}", &decoder, was));
    assert_false(wire_facts_read("{", &decoder, was));
}

static void test_metadata_are_told_as_packages_have_them(void **state)
{
    (void)state;
    uint8_t init[WIRE_INIT_BYTES], meta[WIRE_META_V4_BYTES];
    struct wire_meta m = crash;
    m.lat_deg = m.lon_deg = 0; /* no fix */
    struct wire_bytes b = bytes_of(init, meta, 3, m);
    struct wire_facts f;
    wire_facts_decode(&b, ARRIVED_US, &f);
    char *text = wire_facts_metadata(&f, &b, ARRIVED_US);
    assert_string_equal(text, "{\"form\":\"dualcam\",\"version\":3,\"time\":\"2024-11-29T07:23:45."
                              "000Z\",\"trigger\":\"crash\",\"length_s\":10,\"fps\":20,\"tz_min\":"
                              "120,\"untrusted\":{\"position\":{\"lat\":0.0,\"lon\":0.0}}}");
    free(text);
    b.meta_n = 0;
    text = wire_facts_metadata(&f, &b, ARRIVED_US);
    assert_string_equal(text, "null");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_are_decoded_and_named),
        cmocka_unit_test(test_the_time_of_arrival_says_what_can_be_true),
        cmocka_unit_test(test_a_path_names_camera_and_kind),
        cmocka_unit_test(test_what_is_no_number_and_no_metadata_is_nothing),
        cmocka_unit_test(test_the_text_can_be_read_again),
        cmocka_unit_test(test_metadata_are_told_as_packages_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

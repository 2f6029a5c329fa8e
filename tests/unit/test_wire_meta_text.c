/* Metadata as the vendor's test server writes them beside a file. */
#include "dashspool/wire.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NOW_US INT64_C(1735689600000000) /* 2025-01-01 */

static const char dualcam[] = "Cmd version: \t3\n"
                              "File type: \tFRONT VIDEO (16)\n"
                              "Time (UTC+0): \t2024-11-29 07:23:45.000 (1732865025000)\n"
                              "Trigger: \tCRASH (3)\n"
                              "Length (s): \t10\n"
                              "Framerate: \t20\n"
                              "Timezone (m): \t-120\n"
                              "Latitude: \t54.6871234\n"
                              "Longitude: \t-25.2796514\n";

static struct wire_meta parsed(const char *text)
{
    struct err err;
    struct wire_meta m;
    assert_ok(wire_meta_parse((const uint8_t *)text, strlen(text), 0, NOW_US, &m, &err));
    assert_true(m.as_text);
    return m;
}

static void check_dualcam(const struct wire_meta *m)
{
    assert_int_equal(m->kind, WIRE_KIND_DUALCAM);
    assert_int_equal(m->version, 3);
    assert_int_equal(m->file_type, 16);
    assert_true(m->time_ms == UINT64_C(1732865025000));
    assert_int_equal(m->trigger, 3);
    assert_string_equal(m->trigger_name, "crash");
    assert_int_equal(m->length_s, 10);
    assert_int_equal(m->fps, 20);
    assert_int_equal(m->tz_min, -120);
    assert_true(fabs(m->lat_deg - 54.6871234) < 1e-9 && fabs(m->lon_deg + 25.2796514) < 1e-9);
    assert_int_equal(m->plausible, WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH |
                                       WIRE_META_FPS | WIRE_META_ZONE | WIRE_META_POSITION);
}

static void test_dualcam(void **state)
{
    (void)state;
    struct wire_meta m = parsed(dualcam);
    check_dualcam(&m);
}

/* Windows wrote it, or an editor took the last newline away. */
static void test_other_line_ends(void **state)
{
    (void)state;
    char text[2 * sizeof dualcam];
    size_t n = 0;
    for (const char *p = dualcam; *p; p++) {
        if (*p == '\n')
            text[n++] = '\r';
        text[n++] = *p;
    }
    text[n] = '\0';
    struct wire_meta m = parsed(text);
    check_dualcam(&m);
    snprintf(text, sizeof text, "%.*s", (int)sizeof dualcam - 2, dualcam);
    m = parsed(text);
    check_dualcam(&m);
}

/* The older test servers print what is west and south as unsigned. */
static void test_driver_camera(void **state)
{
    (void)state;
    struct wire_meta m = parsed("Time (UTC+0): \t2023-10-20 22:12:52.000 (1697839972)\n"
                                "File type: \tCURRENT SNAPSHOT (2)\n"
                                "Trigger: \tDSM EVENT (13)\n"
                                "Latitude: \t54.700418 (54700418)\n"
                                "Longitude: \t4269.717296 (4269717296)\n"
                                "Events: \tDROWSINESS PHONE (1001)\n"
                                "Driver: \tJohn\n");
    assert_int_equal(m.kind, WIRE_KIND_DSM);
    assert_true(m.time_ms == UINT64_C(1697839972000));
    assert_string_equal(m.trigger_name, "dsm-event");
    assert_true(fabs(m.lat_deg - 54.700418) < 1e-9 && fabs(m.lon_deg + 25.25) < 1e-9);
    assert_int_equal(m.events, 9);
    assert_string_equal(m.driver, "John");
    assert_int_equal(m.plausible, WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_POSITION |
                                      WIRE_META_EVENTS | WIRE_META_DRIVER);
}

static void test_road_camera(void **state)
{
    (void)state;
    struct wire_meta m = parsed("Time (UTC+0): \t2023-10-20 22:12:52.000 (1697839972)\n"
                                "File type: \tVIDEO (0)\n"
                                "Trigger: \tCRASH (5)\n"
                                "Length (s): \t20\n"
                                "Latitude: \t54.700418 (54700418)\n"
                                "Longitude: \t-25.25 (-25250000)\n");
    assert_int_equal(m.kind, WIRE_KIND_ADAS);
    assert_string_equal(m.trigger_name, "crash"); /* its own list */
    assert_int_equal(m.length_s, 20);
    assert_true(fabs(m.lon_deg + 25.25) < 1e-9);
}

static void test_a_time_without_its_number(void **state)
{
    (void)state;
    struct wire_meta m = parsed("Cmd version: \t1\nTime (UTC+0): \t2024-11-29 07:23:45.000 \n");
    assert_true(m.time_ms == UINT64_C(1732865025000));
    assert_int_equal(m.present, WIRE_META_TIME);
}

/* A camera that thinks it is 2043, without a fix, at no rate: kept, not trusted. */
static void test_the_same_plausibility_as_of_bytes(void **state)
{
    (void)state;
    struct wire_meta m = parsed("Cmd version: \t3\n"
                                "Time (UTC+0): \t2043-06-25 (2318920079000)\n"
                                "Framerate: \t0\n"
                                "Timezone (m): \t900\n"
                                "Latitude: \t0\n"
                                "Longitude: \t0\n");
    assert_int_equal(m.plausible, 0);
    assert_int_equal(m.present,
                     WIRE_META_TIME | WIRE_META_FPS | WIRE_META_ZONE | WIRE_META_POSITION);
}

/* Each bad value is left out by itself; nothing is guessed. */
static void test_hostile_values(void **state)
{
    (void)state;
    char text[3000];
    static const char *const bad[] = {
        "Trigger: \tCRASH (300)",
        "Trigger: \tCRASH ()",
        "Trigger: \tCRASH (3",
        "Trigger: \t(3) CRASH",
        "Trigger: \tundefined",
        "Trigger: \tCRASH ( 3)",
        "Length (s): \t-1",
        "Length (s): \t70000",
        "Framerate: \t20fps",
        "Framerate: \t99999999999999999999",
        "Timezone (m): \t40000",
        "Latitude: \tnorth",
        "Latitude: \t1 (99999999999)",
        "Events: \t(2)",
        "Events: \t(11111111111111111)",
        "Trigger time: \tyesterday",
        ": \t3",
        "::::",
        "Driver: \tA name that is far longer than any driver's name that this program keeps",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\n%s\n",
                 bad[i]);
        struct wire_meta m = parsed(text);
        assert_int_equal(m.present, WIRE_META_TIME);
    }
    struct err err;
    struct wire_meta m;
    assert_err(ERR_MALFORMED,
               wire_meta_parse((const uint8_t *)"Cmd version: \t3\n", 17, 0, NOW_US, &m, &err));
    assert_err(ERR_MALFORMED,
               wire_meta_parse((const uint8_t *)"Time (UTC+0): \tnoon\n", 20, 0, NOW_US, &m, &err));
    for (size_t n = 0; n < sizeof dualcam; n++) /* cut anywhere */
        (void)!wire_meta_parse((const uint8_t *)dualcam, n, 0, NOW_US, &m, &err);
}

static void test_position_needs_both_halves(void **state)
{
    (void)state;
    struct wire_meta m = parsed("Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\nLatitude: 5\n");
    assert_int_equal(m.present, WIRE_META_TIME);
    m = parsed("Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\nLatitude: NaN\nLongitude: 5\n");
    assert_int_equal(m.plausible, WIRE_META_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dualcam),
        cmocka_unit_test(test_other_line_ends),
        cmocka_unit_test(test_driver_camera),
        cmocka_unit_test(test_road_camera),
        cmocka_unit_test(test_a_time_without_its_number),
        cmocka_unit_test(test_the_same_plausibility_as_of_bytes),
        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_position_needs_both_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

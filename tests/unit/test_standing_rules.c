/* [request NAME]: what is wrong with a rule, and which records it names, by the tracker's family.
 */
#include "dashspool/standing.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define IMEI "352093081452251"

static char *dir;
static struct cfg *cfg;
static struct standing *rules;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    standing_free(&rules);
    cfg_free(&cfg);
    support_tmp_remove(&dir);
    return 0;
}

static int load(const char *text, struct err *err)
{
    char path[600];
    standing_free(&rules);
    cfg_free(&cfg);
    snprintf(path, sizeof path, "%s/50-x.conf", dir);
    support_write(path, text, strlen(text));
    int rc = cfg_load(&cfg, dir, &standing_cfg_section, 1, err);
    return rc < 0 ? rc : standing_load(&rules, cfg, err);
}

static void test_without_sections_there_are_no_rules(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("", &err));
    assert_null(standing_name(rules, 0));
}

static void test_what_is_wrong_is_told_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *at, *why;
    } wrong[] = {
        {"[request a]\nbefore = 5 s\n", "50-x.conf:1", "names no event"},
        {"[request a]\non = crush\n", "50-x.conf:2", "'crush' is no event"},
        {"[request a]\non = crash,\n", "50-x.conf:2", "'' is no event"},
        {"[request a]\non = 247\n", "50-x.conf:2", "'247' is no event"},
        {"[request a]\non = 65536=1\n", "50-x.conf:2", "'65536=1' is no event"},
        {"[request a]\non = 0=1\n", "50-x.conf:2", "'0=1' is no event"},
        {"[request a]\non = 247=x\n", "50-x.conf:2", "'247=x' is no event"},
        {"[request a]\non = crash\nbefore = 20 s\nafter = 11 s\n", "50-x.conf:4", "31 s together"},
        {"[request a]\non = crash\nbefore = 26 s\n", "50-x.conf:3", "31 s together"},
        {"[request a]\non = crash\nbefore = 0\nafter = 0\n", "50-x.conf:4", "0 s together"},
        {"[request a]\non = crash\nbefore = 1500 ms\n", "50-x.conf:3", "expected whole seconds"},
        {"[request a]\non = crash\nafter = 31 s\n", "50-x.conf:3", "after"},
        {"[request a]\non = crash\nimei = 35209308145225\n", "50-x.conf:3",
         "imei = 35209308145225: expected 15 digits"},
        {"[request a]\non = crash\nimei = " IMEI ",\n", "50-x.conf:3", "expected 15 digits"},
        {"[request a]\non = crash\ncameras = driver\n", "50-x.conf:3", "cameras"},
        {"[request a]\non = crash\nper_day = 0\n", "50-x.conf:3", "per_day"},
        {"[request a]\non = crash\ncodec = 13\n", "50-x.conf:3", "codec"},
        {"[request a]\non = crash\nhost = x\n", "50-x.conf:3", "host"},
        {"[request a]\non = crash\n[request b]\nafter = 3 s\n", "50-x.conf:3",
         "[request b] names no event"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err;
        if (load(wrong[i].text, &err) != ERR_CONFIG)
            fail_msg("accepted: %s", wrong[i].text);
        if (!strstr(err.text, wrong[i].at) || !strstr(err.text, wrong[i].why))
            fail_msg("%s: '%s' instead of %s: %s", wrong[i].text, err.text, wrong[i].at,
                     wrong[i].why);
    }
}

/* ---- matching ---- */

#define ONE(id_, value_)                                    \
    {                                                       \
        .id = (id_), .width = 1, .bytes = (const uint8_t[]) \
        {                                                   \
            (value_)                                        \
        }                                                   \
    }

/* A record of that event with this value, and one more element that tells the family. */
static bool matches(const char *on, uint16_t event_id, uint8_t value, uint16_t sign,
                    uint8_t priority, char what[STANDING_WHAT_ROOM])
{
    char text[200];
    uint8_t bytes[200];
    struct err err;
    struct avl_record record = {.time_ms = 1, .priority = priority, .event_id = event_id};
    const struct avl_io ios[] = {ONE(event_id, value), ONE(sign ? sign : 21, 1)};
    snprintf(text, sizeof text, "[request a]\non = %s\n", on);
    assert_ok(load(text, &err));
    size_t n = avl_record_put(bytes, sizeof bytes, AVL_CODEC_8E, &record, ios, 2);
    assert_true(n > 0);
    assert_ok(avl_record_decode(AVL_CODEC_8E, bytes, n, &record, &err));
    return standing_match(rules, 0, IMEI, &record, what);
}

enum { ANY = 0, FMB = 69, FMX6 = 71 };

static void test_a_family_that_a_person_knows_counts(void **state)
{
    (void)state;
    char what[STANDING_WHAT_ROOM];
    uint8_t bytes[200];
    struct err err;
    struct avl_record record = {.time_ms = 1, .event_id = 252};
    const struct avl_io ios[] = {ONE(252, 1), ONE(21, 1)};
    assert_false(matches("unplug", 252, 1, ANY, 0, what));
    size_t n = avl_record_put(bytes, sizeof bytes, AVL_CODEC_8E, &record, ios, 2);
    assert_ok(avl_record_decode(AVL_CODEC_8E, bytes, n, &record, &err));
    standing_set_families(rules, IMEI " fmb");
    assert_true(standing_match(rules, 0, IMEI, &record, what));
    standing_set_families(rules, IMEI " fmx6");
    assert_false(standing_match(rules, 0, IMEI, &record, what));
    standing_set_families(rules, "352093081452269 fmb");
    assert_false(standing_match(rules, 0, IMEI, &record, what));
}

static void test_each_name_means_its_event(void **state)
{
    static const struct {
        const char *on;
        uint16_t id;
        uint8_t value;
        uint16_t sign;
        const char *what; /* NULL: it does not match */
    } all[] = {
        {"crash", 247, 1, ANY, "crash (AVL 247 = 1)"},
        {"crash", 247, 6, FMB, "crash (AVL 247 = 6)"},
        {"crash", 247, 1, FMX6, "crash (AVL 247 = 1)"},
        {"crash", 247, 5, FMB, NULL}, /* a part of its trace */
        {"crash", 253, 1, FMB, NULL},
        {"247=5", 247, 5, FMB, "AVL 247 = 5"},
        {"247=5", 247, 1, FMB, NULL},
        {"65535=200", 65535, 200, ANY, "AVL 65535 = 200"},
        {"247=1", 247, 1, FMB, "crash (AVL 247 = 1)"},
        {"green-driving", 253, 2, ANY, "green-driving (AVL 253 = 2)"},
        {"green-driving", 253, 0, ANY, NULL},
        {"unplug", 252, 1, FMB, "unplug (AVL 252 = 1)"},
        {"unplug", 252, 0, FMB, NULL},
        {"unplug", 252, 1, FMX6, NULL}, /* authorized driving */
        {"unplug", 252, 1, ANY, NULL},
        {"252=1", 252, 1, FMX6, "AVL 252 = 1"},
        {"towing", 246, 1, FMB, "towing (AVL 246 = 1)"},
        {"towing", 246, 1, FMX6, NULL},
        {"geofence", 155, 0, ANY, "geofence (AVL 155 = 0)"},
        {"geofence", 159, 1, FMX6, "geofence (AVL 159 = 1)"},
        {"geofence", 175, 1, FMB, "geofence (AVL 175 = 1)"},
        {"geofence", 157, 3, FMB, NULL}, /* too fast in it */
        {"drowsiness", 11700, 1, ANY, "drowsiness (AVL 11700 = 1)"},
        {"distraction", 11701, 1, FMB, "distraction (AVL 11701 = 1)"},
        {"yawning", 11702, 1, FMX6, "yawning (AVL 11702 = 1)"},
        {"phone", 11703, 1, ANY, "phone (AVL 11703 = 1)"},
        {"smoking", 11704, 1, ANY, "smoking (AVL 11704 = 1)"},
        {"driver-absent", 11705, 1, ANY, "driver-absent (AVL 11705 = 1)"},
        {"mask", 11706, 1, ANY, "mask (AVL 11706 = 1)"},
        {"phone", 11703, 0, ANY, NULL},
        {"phone", 11702, 1, ANY, NULL},
        {"phone", 12926, 1, ANY, "phone (AVL 12926 = 1)"}, /* its id tells the family */
        {"dsm", 11702, 1, ANY, "yawning (AVL 11702 = 1)"},
        {"dsm", 12927, 1, FMX6, "smoking (AVL 12927 = 1)"},
        {"dsm", 11709, 1, ANY, NULL},
        {"dsm", 247, 1, ANY, NULL},
        {"towing, 9=7 ,dsm,crash", 247, 1, FMB, "crash (AVL 247 = 1)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char what[STANDING_WHAT_ROOM] = "";
        bool found = matches(all[i].on, all[i].id, all[i].value, all[i].sign, 1, what);
        if (found != (all[i].what != NULL) || (found && strcmp(what, all[i].what) != 0))
            fail_msg("%s, %d = %d, family by %d: %s '%s'", all[i].on, all[i].id, all[i].value,
                     all[i].sign, found ? "found" : "not found", what);
    }
}

static void test_panic_is_a_priority(void **state)
{
    char what[STANDING_WHAT_ROOM];
    (void)state;
    assert_true(matches("panic", 2, 1, FMB, 2, what));
    assert_string_equal(what, "panic (AVL 2 = 1)");
    assert_true(matches("panic", 0, 1, FMB, 2, what)); /* of no element */
    assert_string_equal(what, "panic");
    assert_false(matches("panic", 2, 1, FMB, 1, what));
}

static void test_only_the_event_itself_counts(void **state)
{
    char what[STANDING_WHAT_ROOM];
    (void)state;
    assert_false(matches("21=1", 240, 0, 21, 1, what)); /* it is in the record, and not its event */
    assert_true(matches("21=1", 21, 1, 240, 1, what));
}

static void test_private_mode_is_nobodys_business(void **state)
{
    char what[STANDING_WHAT_ROOM];
    (void)state;
    assert_false(matches("crash", 247, 1, AVL_ID_PRIVATE_MODE, 1, what));
    assert_false(matches("panic", 2, 1, AVL_ID_PRIVATE_MODE, 2, what));
}

static void test_a_rule_can_be_for_some_trackers_only(void **state)
{
    char what[STANDING_WHAT_ROOM];
    (void)state;
    assert_true(matches("crash\nimei = 352093081452252, " IMEI, 247, 1, FMB, 1, what));
    assert_false(matches("crash\nimei = 352093081452252", 247, 1, FMB, 1, what));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_sections_there_are_no_rules),
        cmocka_unit_test(test_what_is_wrong_is_told_with_file_and_line),
        cmocka_unit_test(test_a_family_that_a_person_knows_counts),
        cmocka_unit_test(test_each_name_means_its_event),
        cmocka_unit_test(test_panic_is_a_priority),
        cmocka_unit_test(test_only_the_event_itself_counts),
        cmocka_unit_test(test_private_mode_is_nobodys_business),
        cmocka_unit_test(test_a_rule_can_be_for_some_trackers_only),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

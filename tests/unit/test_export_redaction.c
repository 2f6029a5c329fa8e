/* What a redacted package is asked for, and how it says that it is one. */
#include "dashspool/bag.h"
#include "dashspool/export.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define HASH "326634541efe78d5837afb8a085e386d4b3a8374a43abc1c3b12766da24393d5"
#define LINE "Redacted-From-Tagmanifest-SHA256: " HASH

static void test_a_mask_can_be_of_a_camera_or_of_a_transfer(void **state)
{
    (void)state;
    static const struct {
        const char *text, *of;
        int64_t from_us;
    } good[] = {
        {"1,2,3,4", "", 0},
        {"front:1,2,3,4", "front", 0},
        {"rear:1,2,3,4,0:05,0:06", "rear", 5000000},
        {"1,2,3,4,1:00,1:01", "", 60000000},
        {"352093081452251-front-video-20241129T072345Z-2:1,2,3,4",
         "352093081452251-front-video-20241129T072345Z-2", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct export_mask m;
        struct err err;
        assert_ok(export_mask_parse(good[i].text, &m, &err));
        assert_string_equal(m.of, good[i].of);
        assert_int_equal(m.mask.x, 1);
        assert_int_equal(m.mask.h, 4);
        assert_int_equal(m.mask.from_us, good[i].from_us);
    }
}

static void test_what_is_no_mask_is_refused(void **state)
{
    (void)state;
    char longest[400] = "";
    memset(longest, 'a', 200);
    snprintf(longest + 200, sizeof longest - 200, ":1,2,3,4");
    const char *const bad[] = {
        "",
        ":1,2,3,4",
        "front:",
        "front:1,2,3",
        "a b:1,2,3,4",
        longest,
        "front:rear:1,2,3,4",
        "front",
        "../x:1,2,3,4",
        "front\n:1,2,3,4",
        "front;1,2,3,4",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct export_mask m = {.of = "kept"};
        struct err err = {0};
        if (export_mask_parse(bad[i], &m, &err) != ERR_CONFIG || strcmp(m.of, "kept") != 0)
            fail_msg("'%s' is taken as a mask", bad[i]);
    }
}

static void test_a_package_declares_itself_by_a_line_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *info;
        bool declared;
    } cases[] = {
        {LINE "\n", true},
        {LINE, true},
        {"Source-Organization: A\n" LINE "\nPayload-Oxum: 1.1\n", true},
        {"", false},
        {"\n\n", false},
        {"Source-Organization: " LINE "\n", false},
        {" " LINE "\n", false},
        {LINE "0\n", false},
        {LINE " \n", false},
        {LINE "\r\n", false},
        {"Redacted-From-Tagmanifest-SHA256: \n", false},
        {"Redacted-From-Tagmanifest-SHA256: "
         "326634541EFE78D5837AFB8A085E386D4B3A8374A43ABC1C3B12766D"
         "A24393D5\n",
         false},
        {"Redacted: yes\n", false},
    };
    char of[HASH_HEX_ROOM];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        of[0] = '\0';
        if (bag_info_redacted(cases[i].info, strlen(cases[i].info), of) != cases[i].declared)
            fail_msg("case %zu", i);
        assert_string_equal(of, cases[i].declared ? HASH : "");
    }
    for (size_t n = 0; n < strlen(LINE); n++) /* cut anywhere */
        assert_false(bag_info_redacted(LINE, n, of));
    char zero[] = LINE "\n";
    zero[40] = '\0';
    assert_false(bag_info_redacted(zero, sizeof zero - 1, of));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mask_can_be_of_a_camera_or_of_a_transfer),
        cmocka_unit_test(test_what_is_no_mask_is_refused),
        cmocka_unit_test(test_a_package_declares_itself_by_a_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

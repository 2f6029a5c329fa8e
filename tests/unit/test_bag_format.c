/* The text files of a package: what is written is read back, and what is none is none. */
#include "dashspool/bag.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define HASH "326634541efe78d5837afb8a085e386d4b3a8374a43abc1c3b12766da24393d5"
#define LINE "Redacted-From-Tagmanifest-SHA256: " HASH

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

static void test_values_come_in_their_order(void **state)
{
    (void)state;
    static const char info[] = "Redacted: sound\nRedacted-From: x\nRedacted: \n"
                               " Redacted: y\nRedacted: box 1,2,3,4";
    static const char *const values[] = {"sound", "", "box 1,2,3,4"};
    struct bag_value v = {NULL, 0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_true(bag_info_next(info, strlen(info), BAG_REDACTED, &v));
        assert_int_equal(v.n, strlen(values[i]));
        assert_memory_equal(v.at, values[i], v.n);
    }
    assert_false(bag_info_next(info, strlen(info), BAG_REDACTED, &v));
    for (int key = 0; key < BAG_KEYS; key++) {
        v = (struct bag_value){NULL, 0};
        assert_false(bag_info_next("", 0, (enum bag_key)key, &v));
        assert_int_equal(bag_info_next(info, strlen(info), (enum bag_key)key, &v),
                         key == BAG_REDACTED);
    }
}

static void test_lines_of_a_manifest_are_of_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int payload, tags; /* what is found in either manifest */
    } cases[] = {
        {HASH "  data/a\n", 1, -1},
        {HASH "  bag-info.txt\n", -1, 1},
        {HASH "  data\n", -1, 1},
        {HASH "  data/a", -1, -1}, /* no newline */
        {HASH " data/a\n", -1, -1},
        {HASH " *data/a\n", -1, -1},
        {HASH "0  data/a\n", -1, -1},
        {HASH "  \n", -1, -1},
        {"0  data/a\n", -1, -1},
        {"\n", -1, -1},
        {"", 0, 0},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        char text[200], *at = text;
        struct bag_claim claim;
        bool payload = i % 2 == 0;
        int n = snprintf(text, sizeof text, "%s", cases[i / 2].line);
        int found = bag_manifest_next(&at, text + n, payload, &claim);
        assert_int_equal(found, payload ? cases[i / 2].payload : cases[i / 2].tags);
        assert_int_equal(bag_manifest_next(&at, text + n, payload, &claim), 0);
        if (found == 1) {
            assert_memory_equal(claim.sha256, HASH, 64);
            assert_ptr_equal(claim.name, text + 66);
            assert_null(strchr(claim.name, '\n'));
        }
    }
}

static void test_each_kind_of_copy_has_its_folder(void **state)
{
    (void)state;
    char name[BAG_NAME_ROOM], path[300];
    assert_true(bag_copy_name(name, "viewing", "archive/1/2/a.viewing-DERIVED.mp4"));
    assert_string_equal(name, "data/viewing/a.viewing-DERIVED.mp4");
    assert_true(bag_copy_name(name, "csv", "a.timing.csv"));
    assert_string_equal(name, "data/timing/a.timing.csv");
    assert_true(bag_copy_name(name, "of a later version", "x/a"));
    assert_string_equal(name, "data/other/a");
    memset(path, 'a', sizeof path);
    path[255 - strlen("data/working/")] = '\0';
    assert_true(bag_copy_name(name, "working", path));
    assert_int_equal(strlen(name), 255);
    path[255 - strlen("data/working/")] = 'a';
    path[sizeof path - 1] = '\0';
    assert_false(bag_copy_name(name, "working", path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_package_declares_itself_by_a_line_of_its_own),
        cmocka_unit_test(test_values_come_in_their_order),
        cmocka_unit_test(test_lines_of_a_manifest_are_of_one_form),
        cmocka_unit_test(test_each_kind_of_copy_has_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

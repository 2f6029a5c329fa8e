/* Which names are footage, and how a path is shown. */
#include "dashspool/import.h"
#include "dashspool/text.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum import_name is;
    } names[] = {
        {"clip.h265", IMPORT_NAME_FOOTAGE},
        {"CLIP.H265", IMPORT_NAME_FOOTAGE},
        {"photo.jpeg", IMPORT_NAME_FOOTAGE},
        {"adas.mp4", IMPORT_NAME_FOOTAGE},
        {"x.265", IMPORT_NAME_FOOTAGE},
        {".h265", IMPORT_NAME_UNDONE},
        {".clip.h265.Xa3f9b", IMPORT_NAME_UNDONE},
        {"clip.h265.part", IMPORT_NAME_UNDONE},
        {"clip.h265~", IMPORT_NAME_UNDONE},
        {"clip.working.mp4", IMPORT_NAME_OURS},
        {"clip.viewing-DERIVED.mp4", IMPORT_NAME_OURS},
        {"clip.still-1.000s-DERIVED.jpg", IMPORT_NAME_OURS},
        {"clip.timing.json", IMPORT_NAME_OTHER},
        {"clip.txt", IMPORT_NAME_OTHER},
        {"h265", IMPORT_NAME_OTHER},
        {"", IMPORT_NAME_OTHER},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (import_name(names[i].name) != names[i].is)
            fail_msg("%s is %d", names[i].name, import_name(names[i].name));
}

static void test_a_path_is_one_line(void **state)
{
    (void)state;
    char out[32];
    static const struct {
        const char *path, *text;
    } paths[] = {
        {"/a b/c.h265", "/a b/c.h265"},
        {"a\nb", "a\\x0ab"},
        {"a\\b", "a\\x5cb"},
        {"J\xc3\xb6rg", "J\xc3\xb6rg"},
        {"\xf0\x9f\x9a\x97", "\xf0\x9f\x9a\x97"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"\xc2\x9b", "\\xc2\\x9b"},          /* a control character of C1 */
        {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
        {"\xe2\x82", "\\xe2\\x82"}, /* cut */
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_string_equal(import_path_text(paths[i].path, out, sizeof out), paths[i].text);
    import_path_text("/a/very/long/path/that/does/not/fit/in/here/clip.h265", out, sizeof out);
    assert_memory_equal(out, "...", 3);
    assert_string_equal(out + strlen(out) - 7, "ip.h265");
    char bad[64];
    memset(bad, 0xff, sizeof bad - 1);
    bad[sizeof bad - 1] = '\0';
    assert_true(strlen(import_path_text(bad, out, sizeof out)) < sizeof out);
}

static bool is_camera(const char *word)
{
    return words_have(CATALOGUE_CAMERAS, word, strlen(word));
}

static void test_words_of_a_person(void **state)
{
    (void)state;
    assert_true(import_imei_ok("352093081452251") && import_imei_ok("35209308145225"));
    assert_false(import_imei_ok("3520930814522") || import_imei_ok("35209308145225x") ||
                 import_imei_ok("") || import_imei_ok("3520930814522511"));
    assert_true(is_camera("front") && is_camera("other"));
    assert_false(is_camera("dsm") || is_camera("") || is_camera("FRONT"));
}

static void test_sidecars(void **state)
{
    (void)state;
    char out[64];
    bool of_stem;
    import_sidecar("/a.b/clip.h265", 0, out, sizeof out, &of_stem);
    assert_string_equal(out, "/a.b/clip.json");
    assert_true(of_stem);
    import_sidecar("/a.b/clip.h265", 7, out, sizeof out, &of_stem);
    assert_string_equal(out, "/a.b/clip.h265.txt");
    assert_false(of_stem);
    import_sidecar("/a.b/clip", 6, out, sizeof out, &of_stem);
    assert_string_equal(out, "/a.b/clip.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_path_is_one_line),
        cmocka_unit_test(test_words_of_a_person),
        cmocka_unit_test(test_sidecars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

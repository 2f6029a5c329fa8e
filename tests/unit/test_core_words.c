#include "dashspool/text.h"
#include "support/support.h"
#include <string.h>

static void test_a_list_as_people_read_it(void **state)
{
    char out[WORDS_TEXT_ROOM], many[1200] = "";
    (void)state;
    assert_string_equal(words_text("front rear driver road other", out),
                        "front, rear, driver, road or other");
    assert_string_equal(words_text("yes no", out), "yes or no");
    assert_string_equal(words_text("one", out), "one");
    assert_string_equal(words_text("", out), "");
    for (int i = 0; i < 100; i++)
        strcat(many, "word ");
    assert_int_equal(strlen(words_text(many, out)), WORDS_TEXT_ROOM - 1);
}

static void test_only_whole_words_are_known(void **state)
{
    (void)state;
    assert_true(words_have("front rear", "rear", 4));
    assert_true(words_have("front rear", "frontal", 5));
    assert_false(words_have("front rear", "fro", 3));
    assert_false(words_have("front rear", "front rear", 10));
    assert_false(words_have("front rear", "", 0));
    assert_false(words_have("", "x", 1));
}

static const char *meant(const char *typed)
{
    static const char *const known[] = {"convert", "export", "probe", "serve", "verify", "cat"};
    struct words_guess guess = {.typed = typed};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        words_guess_try(&guess, known[i]);
    const char *word = words_guess(&guess);
    return word ? word : "-";
}

static void test_what_may_have_been_meant(void **state)
{
    char long_one[200];
    (void)state;
    assert_string_equal(meant("convrt"), "convert");
    assert_string_equal(meant("covnert"), "convert");
    assert_string_equal(meant("convertt"), "convert");
    assert_string_equal(meant("convery"), "convert");
    assert_string_equal(meant("exprot"), "export");
    assert_string_equal(meant("act"), "cat");
    assert_string_equal(meant("nonsense"), "-");
    assert_string_equal(meant("xy"), "-");
    assert_string_equal(meant(""), "-");
    memset(long_one, 'c', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    assert_string_equal(meant(long_one), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_as_people_read_it),
        cmocka_unit_test(test_only_whole_words_are_known),
        cmocka_unit_test(test_what_may_have_been_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

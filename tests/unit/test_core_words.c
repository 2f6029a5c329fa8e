#include "dashspool/text.h"
#include "support/proc.h"
#include <stdio.h>
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

/* ---- what strangers name ---- */

static void test_what_commands_a_terminal_is_shown_as_what_it_is(void **state)
{
    static const struct {
        const char *text, *shown;
    } all[] = {
        {"plain, J\xc3\xb6rg \xe5\xbd\xa1 \xf0\x9f\x9a\x97",
         "plain, J\xc3\xb6rg \xe5\xbd\xa1 \xf0\x9f\x9a\x97"},
        {"\033[2J", "\\u001b[2J"},
        {"a\nb\tc\r\x7f", "a\\u000ab\\u0009c\\u000d\\u007f"},
        {"\xc2\x85\xc2\x9b", "\\u0085\\u009b"},
        {"\xe2\x80\xae\xe2\x81\xa6", "\\u202e\\u2066"},
        {"\xf3\xa0\x81\x81", "\\udb40\\udc41"}, /* a tag: U+E0041 */
        {"\xff\xc0\x80", "\\xff\\xc0\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"a\xe2\x80", "a\\xe2\\x80"},        /* cut */
        {"\xe2(\xe2\xe2", "\\xe2(\\xe2\\xe2"},
        {"", ""},
    };
    char out[200], small[16];
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(text_shown(all[i].text, out, sizeof out), all[i].shown);
    assert_string_equal(text_shown("0123456789012345", small, sizeof small), "012345678901...");
    assert_string_equal(text_shown("012345678901234", small, sizeof small), "012345678901234");
    assert_string_equal(text_shown("0123456789\033\033", small, sizeof small), "0123456789...");
    char tame[] = "J\xc3\xb6rg\033\xe2\x80\xae\xff\n";
    text_tame(tame);
    assert_string_equal(tame, "J\xc3\xb6rg????");
}

/* A character may come in parts. */
static void test_a_character_is_waited_for(void **state)
{
    char one[TEXT_ONE_ROOM];
    (void)state;
    assert_int_equal(text_one("\xe2\x80\xae", 1, one), 0);
    assert_int_equal(text_one("\xe2\x80\xae", 2, one), 0);
    assert_int_equal(text_one("\xe2\x80\xae", 3, one), 3);
    assert_int_equal(text_one("\xf0\x9f\x9a\x97", 3, one), 0);
    assert_int_equal(text_one("\xe2x", 2, one), 1);
    assert_int_equal(text_one("\xff", 1, one), 1);
    assert_int_equal(text_one("\x80", 1, one), 1);
}

/* What sh makes of it is the word, and nothing else happens. */
static void test_a_word_for_the_shell_is_that_word(void **state)
{
    static const char *const words[] = {"clip.h265",
                                        "a;touch pwned;.jpg",
                                        "$(touch pwned)",
                                        "`touch pwned`",
                                        "it's",
                                        "a b  c",
                                        "\\",
                                        "\"",
                                        "*",
                                        "~",
                                        "!x",
                                        "a\nb",
                                        "\033[2J",
                                        "\xff\xe2\x80\xae",
                                        "100 %d\001%s",
                                        "'\001'\"\\",
                                        "#",
                                        "{a,b}",
                                        "a=b",
                                        "\xc3\xa4\xc3\xb6"};
    char quoted[200], command[300], read_back[200];
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        text_shell(words[i], quoted, sizeof quoted);
        for (const char *c = quoted; *c; c++)
            assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
        snprintf(command, sizeof command, "printf %%s %s", quoted);
        struct proc_result r = PROC_RUN("sh", "-c", command);
        snprintf(read_back, sizeof read_back, "%s", proc_out(&r));
        assert_int_equal(r.status, 0);
        assert_string_equal(read_back, words[i]);
        proc_clear(&r);
    }
    assert_string_equal(text_shell("clip.h265", quoted, sizeof quoted), "clip.h265");
    assert_string_equal(text_shell("-rf", quoted, sizeof quoted), "./-rf");
    assert_string_equal(text_shell("-r f", quoted, sizeof quoted), "./'-r f'");
    assert_string_equal(text_shell("", quoted, sizeof quoted), "''");
    assert_string_equal(text_shell("too long for it", quoted, 30), "\xe2\x80\xa6");
    assert_false(support_exists("pwned"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_as_people_read_it),
        cmocka_unit_test(test_only_whole_words_are_known),
        cmocka_unit_test(test_what_may_have_been_meant),
        cmocka_unit_test(test_what_commands_a_terminal_is_shown_as_what_it_is),
        cmocka_unit_test(test_a_character_is_waited_for),
        cmocka_unit_test(test_a_word_for_the_shell_is_that_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

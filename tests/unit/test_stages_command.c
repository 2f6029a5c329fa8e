/* How a command is split, and what becomes of %{…}. */
#include "dashspool/stages.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const char *const values[STAGES_N_VALUES] = {
    [STAGES_ID] = "352-front", [STAGES_TRIGGER] = "", [STAGES_COPY] = "/a b/c\"$x;\n%{id}"};

/* "[a][b c]": the arguments of a command, or what is wrong with it. */
static const char *split(const char *text)
{
    static char out[70000];
    struct err err = {0};
    struct stages_command *c = NULL;
    char **argv = NULL;
    int rc = stages_command_parse(&c, text, &err);
    if (rc == ERR_OK)
        rc = stages_command_argv(&argv, c, values, &err);
    out[0] = '\0';
    for (int i = 0; rc == ERR_OK && argv[i]; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "[%s]", argv[i]);
    if (rc < 0)
        snprintf(out, sizeof out, "%s: %s", err_name(rc), err.text);
    stages_argv_free(&argv);
    stages_command_free(&c);
    return out;
}

static void test_commands_are_split_as_systemd_does(void **state)
{
    (void)state;
    static const struct {
        const char *text, *args;
    } cases[] = {
        {"curl", "[curl]"},
        {"  /bin/x \t a  b ", "[/bin/x][a][b]"},
        {"x \"a b\" 'c d' ''", "[x][a b][c d][]"},
        {"x --header=\"a b\"c", "[x][--header=a bc]"},
        {"x \"it's\" 'say \"\\x41\"'", "[x][it's][say \"A\"]"},
        {"x a\\sb \\\\ \\\" \\' \\101\\x42 \\t", "[x][a b][\\][\"]['][AB][\t]"},
        {"x \\u20ac \\U0001f600 \\u00e9", "[x][\xe2\x82\xac][\xf0\x9f\x98\x80][\xc3\xa9]"},
        {"x ; & | > $HOME ${A} `a` * ~ #", "[x][;][&][|][>][$HOME][${A}][`a`][*][~][#]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(split(cases[i].text), cases[i].args);
}

static void test_values_stay_in_their_argument(void **state)
{
    (void)state;
    assert_string_equal(split("x %{id}"), "[x][352-front]");
    assert_string_equal(split("x a%{id}b%{id} '%{id} c'"),
                        "[x][a352-frontb352-front][352-front c]");
    assert_string_equal(split("x %{trigger} ."), "[x][][.]");
    assert_string_equal(split("x 100%% %%{id} \\x25{id}"), "[x][100%][%{id}][%{id}]");
    /* neither split, nor expanded, nor read by a shell */
    assert_string_equal(split("x %{copy}"), "[x][/a b/c\"$x;\n%{id}]");
    assert_string_equal(split("x %{viewing}"), "notfound: no viewing copy exists");
}

static void test_what_cannot_be_is_refused_at_load(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "command: empty"},
        {" \t ", "command: empty"},
        {"x \"a", "unterminated \""},
        {"x 'a\\'", "unterminated '"},
        {"x \\q", "\\q is not a character"},
        {"x \\x0", "is not a character"},
        {"x \\x00", "is not a character"},
        {"x \\000", "is not a character"},
        {"x \\777", "is not a character"},
        {"x \\", "is not a character"},
        {"x \\ud800", "U+D800"},
        {"x \\Uffffffff", "U+FFFFFFFF"},
        {"x %{ids}", "%{ids}: there are %{id}"},
        {"x %{id", "%{id: there are"},
        {"x %i", "%i: there are"},
        {"x 50%", "there are"},
        {"%{id} x", "the program itself"},
        {"/bin/%{id} x", "the program itself"},
        {"./x", "'./x' is not a program"},
        {"bin/x", "'bin/x' is not a program"},
        {"-x y", "'-x' is not a program"},
        {"'' y", "'' is not a program"},
        {"/", "'/' is not a program"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *told = split(bad[i].text);
        if (strncmp(told, "config: ", 8) != 0 || !strstr(told, bad[i].says))
            fail_msg("%s: '%s' is not in '%s'", bad[i].text, bad[i].says, told);
    }
    char many[400] = "x";
    for (int i = 0; i < STAGES_ARGS_MAX - 1; i++)
        strcat(many, " a");
    assert_memory_equal(split(many), "[x][a]", 6);
    strcat(many, " a");
    assert_non_null(strstr(split(many), "more than 64 arguments"));
}

static void test_it_is_known_what_a_command_needs(void **state)
{
    (void)state;
    struct err err;
    struct stages_command *c = NULL;
    assert_ok(stages_command_parse(&c, "x %{id} %{master}.bak", &err));
    assert_true(stages_command_uses(c, STAGES_MASTER));
    assert_false(stages_command_uses(c, STAGES_VIEWING));
    stages_command_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_split_as_systemd_does),
        cmocka_unit_test(test_values_stay_in_their_argument),
        cmocka_unit_test(test_what_cannot_be_is_refused_at_load),
        cmocka_unit_test(test_it_is_known_what_a_command_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tables of options: what they must hold, how a command line is read by them, and that help,
 * manual page and completions say all that they have. */
#include "face/cli/cli_internal.h"
#include "support/support.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_settings settings = {NULL, 0, "/etc/dashspool/pipeline.d", NULL};

/* Every option of a command and of all of them. */
static size_t options_of(const struct cli_command *c, struct cli_option *out)
{
    size_t n = cli_options_flat(c->options, out);
    return n + cli_options_flat(cli_globals, out + n);
}

#define EACH_COMMAND(c) \
    for (size_t i_ = 0; cli_commands[i_] && (c = cli_commands[i_]) != NULL; i_++)

static void test_the_tables_are_whole(void **state)
{
    const struct cli_command *c;
    (void)state;
    EACH_COMMAND(c)
    {
        struct cli_option o[2 * CLI_OPTIONS_MAX];
        size_t n = options_of(c, o);
        assert_non_null(c->run);
        assert_true(strlen(c->summary) <= 55);
        assert_true(c->operands_min <= c->operands_max);
        assert_true(c->operands_min == 0 || c->operands_missing);
        for (size_t i = 0; i < n; i++) {
            if (!cli_is_option(&o[i]))
                continue;
            bool words = strstr(o[i].help, "{}") != NULL;
            if (o[i].kind == CLI_FLAG && o[i].value)
                fail_msg("%s --%s: a flag takes no value", c->name, o[i].name);
            if (o[i].kind != CLI_FLAG && o[i].kind != CLI_SETTING && !o[i].value)
                fail_msg("%s --%s: no word for its value", c->name, o[i].name);
            if (o[i].kind == CLI_SETTING &&
                (!o[i].section || !o[i].key || (!o[i].value && !o[i].fixed)))
                fail_msg("%s --%s: of which setting?", c->name, o[i].name);
            if ((o[i].kind == CLI_INT || o[i].kind == CLI_NUMBER) && o[i].min >= o[i].max)
                fail_msg("%s --%s: of which range?", c->name, o[i].name);
            if (o[i].kind == CLI_SET && !o[i].set)
                fail_msg("%s --%s: nobody sets it", c->name, o[i].name);
            if (o[i].words && !words)
                fail_msg("%s --%s: its words are in no help", c->name, o[i].name);
            if (o[i].kind == CLI_WORD && !o[i].words)
                fail_msg("%s --%s: of which words?", c->name, o[i].name);
            for (size_t k = 0; k < i; k++)
                if (cli_is_option(&o[k]) && (strcmp(o[i].name, o[k].name) == 0 ||
                                             (o[i].letter && o[i].letter == o[k].letter)))
                    fail_msg("%s --%s: twice", c->name, o[i].name);
        }
    }
}

/* The words of a usage that are options: "--who NAME]". */
static void test_a_usage_names_only_options_that_there_are(void **state)
{
    const struct cli_command *c;
    (void)state;
    EACH_COMMAND(c)
    {
        struct cli_option o[2 * CLI_OPTIONS_MAX];
        size_t n = options_of(c, o);
        for (const char *p = c->forms; p && (p = strchr(p, '-')) != NULL; p++) {
            bool found = false;
            size_t word = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
            for (size_t i = 0; i < n; i++)
                found =
                    found || (cli_is_option(&o[i]) && ((word == 2 && p[1] == o[i].letter) ||
                                                       (word > 2 && strlen(o[i].name) == word - 2 &&
                                                        strncmp(p + 2, o[i].name, word - 2) == 0)));
            if (!found)
                fail_msg("%s: usage names %.*s", c->name, (int)word, p);
            p += word - 1;
        }
    }
}

/* ---- what is printed ---- */

static char *printed(void (*print)(FILE *to, const void *arg), const void *arg)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    assert_non_null(to);
    print(to, arg);
    fclose(to);
    return text;
}

static void print_help(FILE *to, const void *arg)
{
    cli_print_help(arg, to);
}

static void print_overview(FILE *to, const void *arg)
{
    cli_print_overview(arg, to);
}

static void print_manual(FILE *to, const void *arg)
{
    cli_print_manual(arg, to);
}

static void print_completion(FILE *to, const void *arg)
{
    cli_print_completion(arg, to);
}

/* The part of a text from a line that begins with `from` to the next that begins with `until`. */
static char *part(const char *text, const char *from, const char *until)
{
    const char *begin = strstr(text, from);
    if (!begin)
        fail_msg("no part '%s'", from);
    const char *end = begin ? strstr(begin + strlen(from), until) : NULL;
    char *copy = strndup(begin ? begin : "", end ? (size_t)(end - begin) : strlen(text));
    assert_non_null(copy);
    return copy;
}

/* The name as a word: --tls is not in "--tls-ca". */
static void has_word(const char *text, const char *before, const char *name, const char *where)
{
    size_t n = strlen(before), m = strlen(name);
    for (const char *p = text; (p = strstr(p, before)) != NULL; p++)
        if (strncmp(p + n, name, m) == 0 && !isalnum((unsigned char)p[n + m]) && p[n + m] != '-' &&
            p[n + m] != '\\')
            return;
    fail_msg("%s: no %s%s in:\n%s", where, before, name, text);
}

static void test_help_has_every_option_with_its_words(void **state)
{
    const struct cli_command *c;
    (void)state;
    EACH_COMMAND(c)
    {
        struct cli_option o[CLI_OPTIONS_MAX];
        char *text = printed(print_help, c), usage[100];
        size_t n = cli_options_flat(c->options, o);
        snprintf(usage, sizeof usage, "usage: dashspool %s", c->name);
        assert_int_equal(strncmp(text, usage, strlen(usage)), 0);
        assert_has(text, "\nexample: ");
        assert_null(strstr(text, "{}"));
        for (size_t i = 0; i < n; i++) {
            if (!cli_is_option(&o[i]))
                continue;
            has_word(text, "--", o[i].name, c->name);
            for (const char *w = o[i].words; w && *w;) {
                char word[40];
                int used = 0;
                assert_int_equal(sscanf(w, "%39s%n", word, &used), 1);
                assert_has(text, word);
                w += used;
                w += strspn(w, " ");
            }
        }
        free(text);
    }
}

static void test_no_line_of_the_help_is_wider_than_a_terminal(void **state)
{
    const struct cli_command *c;
    (void)state;
    EACH_COMMAND(c)
    {
        char *text = printed(print_help, c);
        for (const char *line = text; *line && strncmp(line, "example: ", 9) != 0;
             line += strcspn(line, "\n") + 1) {
            int wide = 0;
            for (size_t i = 0; i < strcspn(line, "\n"); i++)
                wide += ((unsigned char)line[i] & 0xc0) != 0x80;
            if (wide > 80)
                fail_msg("%s: %d columns: %.100s", c->name, wide, line);
        }
        free(text);
    }
}

static void test_the_overview_has_every_command_in_its_group(void **state)
{
    static const char *const groups[] = {"Receive",  "Convert", "Look",
                                         "Evidence", "Operate", "Test"};
    const struct cli_command *c;
    (void)state;
    char *text = printed(print_overview, &settings);
    for (size_t i = 0; i < 6; i++) {
        char heading[40];
        snprintf(heading, sizeof heading, "\n%s:\n", groups[i]);
        char *group = part(text, heading, "\n\n");
        EACH_COMMAND(c)
        {
            char line[100];
            snprintf(line, sizeof line, "\n  %-16s  %s\n", c->name, c->summary);
            if ((size_t)c->group == i && !strstr(group, c->summary))
                fail_msg("%s is not in %s", c->name, groups[i]);
            if ((size_t)c->group == i)
                assert_has(text, line);
        }
        free(group);
    }
    free(text);
}

static void test_the_manual_has_every_option(void **state)
{
    const struct cli_command *c;
    (void)state;
    char *text = printed(print_manual, &settings);
    EACH_COMMAND(c)
    {
        struct cli_option o[CLI_OPTIONS_MAX];
        size_t n = cli_options_flat(c->options, o);
        char heading[60], name[100];
        snprintf(heading, sizeof heading, "\n.SS %s\n", c->name);
        char *own = part(text, heading, "\n.S");
        for (size_t i = 0; i < n; i++) {
            char *p = name;
            for (const char *q = cli_is_option(&o[i]) ? o[i].name : ""; *q; q++) {
                if (*q == '-')
                    *p++ = '\\';
                *p++ = *q;
            }
            *p = '\0';
            if (*name && !strstr(own, name))
                fail_msg("%s: no --%s", c->name, o[i].name);
        }
        free(own);
    }
    free(text);
}

static void test_every_shell_completes_every_option(void **state)
{
    const struct cli_command *c;
    (void)state;
    char *bash = printed(print_completion, "bash"), *zsh = printed(print_completion, "zsh"),
         *fish = printed(print_completion, "fish");
    EACH_COMMAND(c)
    {
        struct cli_option o[2 * CLI_OPTIONS_MAX];
        size_t n = options_of(c, o) - 1; /* --version stands before commands only */
        char row[80];
        snprintf(row, sizeof row, "\n    %s) operand=", c->name);
        char *in_bash = part(bash, row, ";;");
        snprintf(row, sizeof row, "\n    %s)\n        _arguments", c->name);
        char *in_zsh = part(zsh, row, ";;");
        for (size_t i = 0; i < n; i++) {
            if (!cli_is_option(&o[i]))
                continue;
            has_word(in_bash, "--", o[i].name, "bash");
            has_word(in_zsh, "--", o[i].name, "zsh");
            snprintf(row, sizeof row, "= %s' -l ", c->name);
            has_word(fish, row, o[i].name, "fish");
        }
        free(in_bash);
        free(in_zsh);
    }
    free(bash);
    free(zsh);
    free(fish);
}

/* ---- how a command line is read ---- */

struct all {
    bool flag;
    const char *text, *word;
    int whole;
    double number, often;
    int64_t utc_us;
    int sum;
    const char *maybe, *root;
};

static int add_up(void *at, const char *text, struct err *err)
{
    if (!isdigit((unsigned char)*text))
        return err_set(err, ERR_CONFIG, "expected digits");
    *(int *)at += atoi(text);
    return ERR_OK;
}

#define AT(field) offsetof(struct all, field)
static const struct cli_option inner[] = {
    {CLI_WORD, "camera", "C", "{}", .offset = AT(word) - AT(text), .words = "front rear"}, {0}};
static const struct cli_option table[] = {
    {CLI_HEADING, .help = "all:"},
    {CLI_FLAG, "json", NULL, "j", .offset = AT(flag)},
    {CLI_TEXT, "output", "DIR", "o", .letter = 'o', .offset = AT(text), .min = 1, .max = 5},
    {CLI_TABLE, .table = inner, .offset = AT(text)},
    {CLI_INT, "workers", "N", "w", .offset = AT(whole), .min = 1, .max = 64},
    {CLI_NUMBER, "lat", "D", "l", .offset = AT(number), .min = -90, .max = 90},
    {CLI_TIME, "since", "T", "s", .offset = AT(utc_us)},
    {CLI_SET, "still", "N", "s", .offset = AT(sum), .set = add_up},
    {CLI_NUMBER, "watch", "[SECONDS]", "w", .offset = AT(often), .min = 0.1, .max = 10},
    {CLI_TEXT, "metrics", "[FILE]", "m", .offset = AT(maybe)},
    {CLI_TEXT, "root", "DIR", "r", .offset = AT(root)},
    {CLI_TEXT, "look", "DIR", "r", .offset = AT(root)},
    {0}};

/* Reads a line of words; the last two options of the table are those of every command. Operands are
 * put into `operands`, the problem into `problem`. Returns what the values came to. */
static int read_line(const char *words, struct all *all, char operands[200],
                     char problem[CLI_PROBLEM_ROOM])
{
    struct cli_option flat[CLI_OPTIONS_MAX], o[CLI_OPTIONS_MAX];
    size_t n_flat = cli_options_flat(table, flat), n = 0, n_given;
    char *argv[32], *rest;
    struct cli_given given[32];
    int argc = 0, rc = CLI_OK;
    static char kept[400]; /* the values are borrowed */
    snprintf(kept, sizeof kept, "x %s", words);
    for (rest = kept; *rest && argc < 31;) {
        argv[argc++] = rest;
        rest += strcspn(rest, " ");
        while (*rest == ' ')
            *rest++ = '\0';
    }
    argv[argc] = NULL;
    for (size_t i = 0; i < n_flat; i++)
        if (cli_is_option(&flat[i]))
            o[n++] = flat[i];
    int at = cli_options_read(o, n, n - 2, true, argc, argv, given, &n_given, problem);
    *all = (struct all){.often = 2};
    for (size_t i = 0; rc == CLI_OK && i < n_given; i++)
        rc = cli_option_apply("test", &given[i], all, NULL);
    operands[0] = '\0';
    for (; at < argc; at++) {
        strcat(operands, operands[0] ? " " : "");
        strcat(operands, argv[at]);
    }
    return rc;
}

static void test_every_kind_of_value(void **state)
{
    struct all a;
    char operands[200], problem[CLI_PROBLEM_ROOM];
    (void)state;
    assert_int_equal(read_line("one --json -o d --camera rear two --workers=8 --lat -1.5 --still 3 "
                               "--since 2024-11-29 --still=4 -- --json",
                               &a, operands, problem),
                     CLI_OK);
    assert_string_equal(problem, "");
    assert_string_equal(operands, "one two --json");
    assert_true(a.flag);
    assert_string_equal(a.text, "d");
    assert_string_equal(a.word, "rear");
    assert_int_equal(a.whole, 8);
    assert_true(a.number > -1.51 && a.number < -1.49);
    assert_int_equal(a.utc_us, INT64_C(1732838400000000));
    assert_int_equal(a.sum, 7);
}

static void test_values_that_may_be_left_out(void **state)
{
    struct all a;
    char operands[200], problem[CLI_PROBLEM_ROOM];
    (void)state;
    assert_int_equal(read_line("--watch 0.5 --metrics file x", &a, operands, problem), CLI_OK);
    assert_true(a.often > 0.49 && a.often < 0.51);
    assert_string_equal(a.maybe, "file");
    assert_string_equal(operands, "x");
    assert_int_equal(read_line("--watch x --metrics --json", &a, operands, problem), CLI_OK);
    assert_true(a.often > 1.99);
    assert_null(a.maybe);
    assert_true(a.flag);
    assert_string_equal(operands, "x");
    assert_int_equal(read_line("--watch=3 --metrics=-f", &a, operands, problem), CLI_OK);
    assert_true(a.often > 2.99);
    assert_string_equal(a.maybe, "-f");
}

static void test_abbreviations_mean_the_commands_own_options_first(void **state)
{
    struct all a;
    char operands[200], problem[CLI_PROBLEM_ROOM];
    (void)state;
    assert_int_equal(read_line("--cam rear --out=d --ro r --w", &a, operands, problem), CLI_OK);
    assert_string_equal(a.word, "rear");
    assert_string_equal(a.text, "d");
    assert_string_equal(a.root, "r");
    assert_has(problem, "ambiguous option --w; did you mean --workers or --watch?");
    /* --look is of every command: no reason not to take --l for --lat */
    assert_int_equal(read_line("--l 3 a", &a, operands, problem), CLI_OK);
    assert_string_equal(problem, "");
    assert_true(a.number > 2.99);
    assert_string_equal(operands, "a");
    assert_int_equal(read_line("--l=4 a --l", &a, operands, problem), CLI_OK);
    assert_true(a.number > 3.99);
    assert_string_equal(problem, "option --l requires a value");
}

static void test_mistakes_and_what_is_said(void **state)
{
    static const struct {
        const char *words, *problem;
    } bad[] = {{"--jsn", "unknown option --jsn; did you mean --json?"},
               {"--outptu=x", "unknown option --outptu; did you mean --output?"},
               {"--nothing-like-it", "unknown option --nothing-like-it"},
               {"-x", "unknown option -x"},
               {"--json=1", "option --json takes no value"},
               {"--output", "option --output requires a value"},
               {"-o", "option -o requires a value"},
               {"--camera", "--camera: expected front or rear"},
               {"--first --second", "unknown option --first"}};
    static const char *const refused[] = {"--camera bogus",  "--workers 0",  "--workers 1.5",
                                          "--workers x",     "--lat 91",     "--lat nan",
                                          "--since today",   "--still x",    "--watch=0",
                                          "--output 123456", "--camera fron"};
    struct all a;
    char operands[200], problem[CLI_PROBLEM_ROOM];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        read_line(bad[i].words, &a, operands, problem);
        assert_string_equal(problem, bad[i].problem);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (read_line(refused[i], &a, operands, problem) != CLI_USAGE || *problem)
            fail_msg("%s is taken", refused[i]);
    read_line("-hhhhhhhhhh -o -o", &a, operands, problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_are_whole),
        cmocka_unit_test(test_a_usage_names_only_options_that_there_are),
        cmocka_unit_test(test_help_has_every_option_with_its_words),
        cmocka_unit_test(test_no_line_of_the_help_is_wider_than_a_terminal),
        cmocka_unit_test(test_the_overview_has_every_command_in_its_group),
        cmocka_unit_test(test_the_manual_has_every_option),
        cmocka_unit_test(test_every_shell_completes_every_option),
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_values_that_may_be_left_out),
        cmocka_unit_test(test_abbreviations_mean_the_commands_own_options_first),
        cmocka_unit_test(test_mistakes_and_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

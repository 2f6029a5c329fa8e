/* A help text, taken apart: what the manual pages and the completions are made of. */
#include "face/cli/help_text.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const char text[] = "usage: dashspool show ID… [-o DIR] [--lat D --lon D]\n"
                           "                      [--json | --custody]\n"
                           "       dashspool show --all\n"
                           "\n"
                           "Shows all that is known\n"
                           "of a transfer:\n"
                           "\n"
                           "  clip.mp4   the copy\n"
                           "\n"
                           "how it is shown:\n"
                           "  -o, --output DIR   where to;\n"
                           "                     a new folder\n"
                           "  --sound aac|flac --fault NAME[=N]\n"
                           "                     both\n"
                           "  --json\n"
                           "\n"
                           "example: a \\\n"
                           "           b\n"
                           "         c\n";

static void part_is(const struct help *h, size_t i, enum help_kind kind, const char *term,
                    const char *words)
{
    assert_true(i < h->n_parts);
    assert_int_equal(h->parts[i].kind, kind);
    assert_string_equal(h->parts[i].term, term);
    assert_string_equal(h->parts[i].text, words);
}

static void test_every_kind_of_part(void **state)
{
    struct help h;
    struct err err;
    (void)state;
    assert_ok(help_parse(&h, text, &err));
    part_is(&h, 0, HELP_USAGE, "",
            "dashspool show ID… [-o DIR] [--lat D --lon D] [--json | --custody]");
    part_is(&h, 1, HELP_USAGE, "", "dashspool show --all");
    part_is(&h, 2, HELP_PROSE, "", "Shows all that is known of a transfer:");
    part_is(&h, 3, HELP_ITEM, "clip.mp4", "the copy");
    part_is(&h, 4, HELP_HEADING, "", "how it is shown:");
    part_is(&h, 5, HELP_ITEM, "-o, --output DIR", "where to; a new folder");
    part_is(&h, 6, HELP_ITEM, "--sound aac|flac --fault NAME[=N]", "both");
    part_is(&h, 7, HELP_ITEM, "--json", "");
    part_is(&h, 8, HELP_EXAMPLE, "", "a \\\n  b\nc");
    assert_int_equal(h.n_parts, 9);
    help_clear(&h);
    assert_ok(help_parse(&h, "", &err));
    assert_int_equal(h.n_parts, 0);
    help_clear(&h);
}

static void add_option(void *arg, const struct help_option *o)
{
    size_t used = strlen(arg);
    snprintf((char *)arg + used, 400 - used, "%s %s (%s)\n", o->name, o->value, o->text);
}

static void test_options_with_their_values(void **state)
{
    char all[400] = "";
    struct help h;
    struct err err;
    (void)state;
    assert_ok(help_parse(&h, text, &err));
    help_options(&h, add_option, all);
    assert_string_equal(all, "--lat D ()\n"
                             "--lon D ()\n"
                             "--custody  ()\n"
                             "--all  ()\n"
                             "-o DIR (where to; a new folder)\n"
                             "--output DIR (where to; a new folder)\n"
                             "--sound aac|flac (both)\n"
                             "--fault NAME (both)\n"
                             "--json  ()\n");
    help_clear(&h);
}

static void test_options_of_one_row_take_their_values_from_the_usage(void **state)
{
    char all[400] = "";
    struct help h;
    struct err err;
    (void)state;
    assert_ok(help_parse(&h,
                         "usage: dashspool export [--imei N] [--learn] -o PATH\n\n"
                         "  --imei, --learn\n     choose\n",
                         &err));
    help_options(&h, add_option, all);
    assert_string_equal(all, "-o PATH ()\n--imei N (choose)\n--learn  (choose)\n");
    help_clear(&h);
}

static void operand_is(const char *usage, enum help_value value)
{
    struct help h;
    struct err err;
    assert_ok(help_parse(&h, usage, &err));
    if (help_operand(&h) != value)
        fail_msg("%s: %d instead of %d", usage, help_operand(&h), value);
    help_clear(&h);
}

static void test_what_stands_behind_a_command(void **state)
{
    (void)state;
    operand_is(text, HELP_ID);
    operand_is("usage: dashspool cat ID > FILE\n", HELP_ID);
    operand_is("usage: dashspool verify [--ca FILE] PATH…\n", HELP_FILE);
    operand_is("usage: dashspool watch DIR…\n", HELP_DIR);
    operand_is("usage: dashspool help [COMMAND]\n", HELP_COMMAND);
    operand_is("usage: dashspool keygen --cert FILE --key FILE --name TEXT [--years N]\n",
               HELP_NONE);
    operand_is("usage: dashspool run\n", HELP_NONE);
    operand_is("", HELP_NONE);
    assert_int_equal(help_value_of("aac|flac"), HELP_WORDS);
    assert_int_equal(help_value_of("HOST:PORT"), HELP_OTHER);
    assert_int_equal(help_value_of(""), HELP_NONE);
    assert_int_equal(help_value_of("…"), HELP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_part),
        cmocka_unit_test(test_options_with_their_values),
        cmocka_unit_test(test_options_of_one_row_take_their_values_from_the_usage),
        cmocka_unit_test(test_what_stands_behind_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

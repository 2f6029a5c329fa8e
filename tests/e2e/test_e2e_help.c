/* help, the manual pages, the completions: that they say what the commands say, and do. */
#define _DEFAULT_SOURCE /* forkpty */
#include "support/proc.h"
#include "support/sql.h"
#include "support/stored.h"
#include <jansson.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN(...) PROC_RUN(DASHSPOOL_BINARY, __VA_ARGS__)

enum { COMMANDS_MAX = 64, AT_US = 1732865025 };

static struct {
    char name[COMMANDS_MAX][32];
    int n;
} commands;

/* From the overview: lines of two blanks and a small letter. */
static int find_commands(void **state)
{
    (void)state;
    struct proc_result r = RUN("help");
    for (const char *line = proc_out(&r); (line = strchr(line, '\n'));) {
        char name[32];
        line++;
        if (strncmp(line, "  ", 2) == 0 && line[2] >= 'a' && sscanf(line, "  %31s", name) == 1 &&
            commands.n < COMMANDS_MAX)
            snprintf(commands.name[commands.n++], 32, "%s", name);
    }
    proc_clear(&r);
    return commands.n > 10 ? 0 : -1;
}

static char *output(int status, const char *a, const char *b, const char *c)
{
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, a, b, c);
    assert_int_equal(r.status, status);
    char *text = strdup(proc_out(&r));
    assert_non_null(text);
    proc_clear(&r);
    return text;
}

static void test_help_of_a_command_by_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < commands.n; i++) {
        char *a = output(0, commands.name[i], "--help", NULL),
             *b = output(0, "help", commands.name[i], NULL), usage[64];
        assert_string_equal(a, b);
        snprintf(usage, sizeof usage, "usage: dashspool %s", commands.name[i]);
        assert_has(a, usage);
        assert_has(a, "\nexample: ");
        free(a);
        free(b);
    }
    free(output(2, "help", "nonsense", NULL));
    free(output(2, "help", "list", "show"));
    free(output(2, "help", "--completion", "tcsh"));
}

static void test_a_setting_that_is_wrong_does_not_hide_the_help(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), conf[4096];
    snprintf(conf, sizeof conf, "%s/a.conf", dir);
    support_write(conf, "[receive]\nnonsense = 1\n", 23);
    expect(RUN("--config", dir, "list", "--help"), 0, "");
    expect(RUN("--config", dir, "help", "list"), 0, "");
    expect(RUN("--config", dir, "list"), 2, "");
    support_tmp_remove(&dir);
}

/* ---- manual pages ---- */

static void mandoc_likes(const char *page)
{
    char *dir = support_tmp_dir(), path[4096];
    snprintf(path, sizeof path, "%s/page", dir);
    support_write(path, page, strlen(page));
    struct proc_result r = PROC_RUN("mandoc", "-T", "lint", "-W", "warning", path);
    if (r.status != 0)
        fail_msg("mandoc -T lint:\n%s", proc_out(&r));
    proc_clear(&r);
    support_tmp_remove(&dir);
}

/* As a person reads it, without the bold. */
static char *rendered(const char *page)
{
    char *dir = support_tmp_dir(), path[4096];
    snprintf(path, sizeof path, "%s/page", dir);
    support_write(path, page, strlen(page));
    struct proc_result r = PROC_RUN("mandoc", "-T", "utf8", "-O", "width=200", path);
    assert_int_equal(r.status, 0);
    const char *in = proc_out(&r);
    char *text = calloc(1, strlen(in) + 1), *out = text;
    for (; *in; in++) {
        if (*in != '\b')
            *out++ = *in;
        else if (out > text)
            out--;
    }
    proc_clear(&r);
    support_tmp_remove(&dir);
    return text;
}

static void test_the_manual_has_every_command_and_option(void **state)
{
    static const char *const sections[] = {"NAME",     "SYNOPSIS",    "DESCRIPTION", "OPTIONS",
                                           "FILES",    "ENVIRONMENT", "EXIT STATUS", "COMMANDS",
                                           "EXAMPLES", "SEE ALSO"};
    (void)state;
    if (!proc_have("mandoc")) {
        print_message("SKIPPED: mandoc is not installed\n");
        skip();
    }
    char *page = output(0, "help", "--man", NULL);
    mandoc_likes(page);
    char *text = rendered(page);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n%s\n", sections[i]);
        assert_has(text, line);
    }
    for (int i = 0; i < commands.n; i++) {
        char *help = output(0, commands.name[i], "--help", NULL), option[64];
        for (const char *p = help; (p = strstr(p, "\n  --")); p++)
            if (sscanf(p, "\n  %63[a-z-]", option) == 1)
                assert_has(text, option);
        free(help);
    }
    free(text);
    free(page);
}

static void test_the_manual_of_settings_has_every_key_and_default(void **state)
{
    (void)state;
    if (!proc_have("mandoc")) {
        print_message("SKIPPED: mandoc is not installed\n");
        skip();
    }
    int n = 0;
    char *dir = support_tmp_dir(), *page = output(0, "help", "--man-conf", NULL);
    mandoc_likes(page);
    char *text = rendered(page);
    struct proc_result r = RUN("--config", dir, "config");
    for (const char *line = proc_out(&r); *line; line += strcspn(line, "\n") + 1) {
        char key[512];
        const char *behind = strstr(line, " # ");
        if (*line == '[' || *line == '\n' || !behind)
            continue;
        while (behind > line && behind[-1] == ' ')
            behind--;
        snprintf(key, sizeof key, "\n       %.*s\n", (int)(behind - line), line);
        assert_has(text, key);
        n++;
    }
    assert_true(n > 30);
    proc_clear(&r);
    free(text);
    free(page);
    support_tmp_remove(&dir);
}

/* ---- completion ---- */

static void test_every_option_that_is_offered_is_known(void **state)
{
    (void)state;
    int n = 0;
    char *script = output(0, "help", "--completion", "bash");
    for (int i = 0; i < commands.n; i++) {
        char row[64], option[40];
        int used;
        snprintf(row, sizeof row, "\n    %s) operand=", commands.name[i]);
        assert_has(script, row);
        const char *p = strstr(strstr(script, row), "options='") + strlen("options='");
        for (; sscanf(p, "%39[a-z-]%n", option, &used) == 1; p += used, p += *p == ' ', n++) {
            /* one that takes a value takes the first --help, which is none, or then help is asked
             * for: nothing runs */
            struct proc_result r = RUN(commands.name[i], option, "--help", "--help");
            if (strstr(proc_err(&r), "unknown option"))
                fail_msg("%s: %s", commands.name[i], proc_err(&r));
            proc_clear(&r);
        }
    }
    assert_true(n > 80);
    free(script);
}

/* ---- the command line ---- */

static void test_options_of_every_command_stand_before_it_or_behind(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), conf[4096], version[64];
    snprintf(conf, sizeof conf, "%s/a.conf", dir);
    support_write(conf, "[receive]\nlisten = 127.0.0.1:7777\n", 34);
    expect_err(RUN("--root", "/nowhere/a", "list"), 1, "/nowhere/a: no catalogue found");
    expect_err(RUN("list", "--root", "/nowhere/a"), 1, "/nowhere/a: no catalogue found");
    expect_err(RUN("list", "--json", "--root=/nowhere/a/"), 1, "/nowhere/a: no catalogue found");
    expect_err(RUN("--root", "/nowhere/a", "list", "--root", "/nowhere/b"), 1, "/nowhere/b: no");
    expect_out(RUN("--config", dir, "config"), 0, "listen = 127.0.0.1:7777");
    expect_out(RUN("config", "--config", dir), 0, "listen = 127.0.0.1:7777");
    expect_err(RUN("list", "--root", "/nowhere/a", "--log-json"), 1, "\"stage\":\"list\"");
    expect_err(RUN("list", "--log-json", "--bogus"), 2, "\"reason\":\"unknown option --bogus\"");
    snprintf(version, sizeof version, "dashspool %s\n", DASHSPOOL_VERSION);
    expect_out(RUN("--version"), 0, version);
    expect_err(RUN("list", "--version"), 2, "unknown option --version");
    expect_err(RUN("list", "--help", "--bogus"), 2, "unknown option --bogus");
    expect_out(RUN("list", "--root", "/nowhere/a", "-h"), 0, "usage: dashspool list");
    support_tmp_remove(&dir);
}

static void test_what_may_have_been_meant(void **state)
{
    (void)state;
    expect_err(RUN("convrt", "x"), 2,
               "dashspool: unknown command 'convrt'; did you mean 'convert'?");
    expect_err(RUN("frobnicate"), 2, "unknown command 'frobnicate'; try 'dashspool --help'");
    expect_err(RUN("list", "--trigegr", "crash"), 2,
               "dashspool list: unknown option --trigegr; did you mean --trigger?");
    expect_err(RUN("--rot", "x", "list"), 2, "unknown option --rot; did you mean --root?");
    expect_err(RUN("list", "--confg=x"), 2, "unknown option --confg; did you mean --config?");
}

static void test_unknown_words_are_refused_with_those_that_are_known(void **state)
{
    (void)state;
    char *dir = support_tmp_dir();
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US * 1000000LL};
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    snprintf(row.trigger_name, sizeof row.trigger_name, "panic-button");
    row.known = CATALOGUE_HAS_META;
    stored_open(&s, dir);
    stored_add(&s, &row, "bytes", 5);
    stored_close(&s);
    for (int i = 0; i < 2; i++) {
        const char *command = i ? "export" : "list";
        expect_err(RUN("--root", dir, command, "--camera", "bogus", "-o", "x"), 2, "");
        expect_err(RUN("--root", dir, command, "--camera", "bogus"), 2,
                   "--camera bogus: expected front, rear, driver, road or other");
        expect_err(RUN("--root", dir, command, "--kind", "bogus"), 2,
                   "--kind bogus: expected video or photo");
        expect_err(RUN("--root", dir, command, "--since", "yesterday"), 2,
                   "--since yesterday: expected 2024-11-29 or 2024-11-29T07:00:00Z");
    }
    expect_err(RUN("--root", dir, "list", "--trigger", "bogus"), 2,
               "--trigger bogus: expected request, crash, periodic,");
    expect_err(RUN("--root", dir, "export", "--trigger", "bogus", "-o", "x"), 2,
               "--trigger bogus: expected request, crash, periodic,");
    expect_err(RUN("--root", dir, "list", "--trigger", "crash"), 0, "no matching transfers");
    expect_out(RUN("--root", dir, "list", "--trigger", "panic-button"), 0, row.id);
    expect_err(RUN("--root", dir, "import", "--camera", "bogus", "x"), 2,
               "--camera bogus: expected front, rear, driver, road or other");
    expect_err(RUN("watch", "--after", "bogus"), 2, "--after bogus: expected");
    expect_err(RUN("convert", "--tz", "Mars/Base", "x"), 2, "--tz Mars/Base: expected +02:00, Z,");
    expect_err(RUN("convert", "--sound", "bogus", "x"), 2, "--sound bogus: expected");
    support_tmp_remove(&dir);
}

/* ---- lists of thousands ---- */

static void test_list_goes_out_row_by_row_and_tells_what_a_limit_leaves_out(void **state)
{
    (void)state;
    char *dir = support_tmp_dir();
    struct stored s;
    stored_open(&s, dir);
    for (int i = 0; i < 5; i++) {
        struct catalogue_transfer row = {.state = CATALOGUE_STORED,
                                         .arrived_us = (AT_US + i) * 1000000LL};
        snprintf(row.imei, sizeof row.imei, "352093081452251");
        snprintf(row.camera, sizeof row.camera, i < 4 ? "front" : "rear");
        snprintf(row.kind, sizeof row.kind, "video");
        stored_add(&s, &row, "bytes", 5);
    }
    stored_close(&s);
    expect_err(RUN("--root", dir, "list", "--limit", "2"), 0, "3 later transfers left out by");
    expect_err(RUN("--root", dir, "list", "--limit", "3", "--camera", "front", "--json"), 0,
               "1 later transfer left out by --limit");
    struct proc_result all = RUN("--root", dir, "list", "--limit", "5");
    assert_string_equal(proc_err(&all), "");
    expect(all, 0, "");
    expect(RUN("--root", dir, "list", "--json", "--kind", "photo"), 0, "[]\n");
    struct proc_result whole = RUN("--root", dir, "list", "--json");
    json_t *array = json_loads(proc_out(&whole), 0, NULL);
    assert_int_equal(json_array_size(array), 5);
    char *text = json_dumps(array, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    assert_non_null(text);
    assert_int_equal(strncmp(proc_out(&whole), text, strlen(text)), 0);
    assert_string_equal(proc_out(&whole) + strlen(text), "\n");
    free(text);
    json_decref(array);
    expect(whole, 0, "");
    /* what came before a row that cannot be read is out already; it is not taken for all */
    sql_change(support_path(dir, "catalogue.db"), "UPDATE transfer SET length_bytes = -1"
                                                  " WHERE camera = 'rear'");
    struct proc_result part = RUN("--root", dir, "list", "--json");
    assert_int_equal(strncmp(proc_out(&part), "[\n  {\n    \"id\": ", 16), 0);
    assert_null(json_loads(proc_out(&part), 0, NULL));
    expect(part, 1, "is malformed");
    support_tmp_remove(&dir);
}

/* ---- a terminal ---- */

/* What a command writes to a terminal of so many columns. */
static char *on_terminal(int columns, const char *root, const char *command)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = 24};
    static char text[65536];
    size_t used = 0;
    int fd, status;
    pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid < 0) {
        fprintf(stderr, "SKIPPED: there are no terminals here (/dev/pts)\n");
        skip();
    }
    if (pid == 0) {
        execl(DASHSPOOL_BINARY, "dashspool", "--root", root, command, (char *)NULL);
        _exit(127);
    }
    for (ssize_t n; (n = read(fd, text + used, sizeof text - 1 - used)) > 0;) /* then EIO */
        used += (size_t)n;
    text[used] = '\0';
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return text;
}

static void test_list_fits_the_terminal(void **state)
{
    static const struct {
        int columns;
        const char *head;
    } rows[] = {
        {120, "ID                                                TRIGGER    LENGTH       SIZE  "
              "STATE       COPIES\r\n"},
        {100, "ID                                                TRIGGER    LENGTH       SIZE  "
              "STATE     \r\n"},
        {80, "ID                                                TRIGGER    LENGTH  STATE"},
        {72, "ID                                                TRIGGER    STATE"},
        {60, "ID                                                STATE"},
        {20, "ID      "}};
    (void)state;
    char *dir = support_tmp_dir();
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US * 1000000LL};
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, dir);
    stored_add(&s, &row, "bytes", 5);
    stored_close(&s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = on_terminal(rows[i].columns, dir, "list");
        if (strncmp(text, rows[i].head, strlen(rows[i].head)) != 0)
            fail_msg("%d columns: %s", rows[i].columns, text);
        assert_has(text, row.id);
        size_t wide = strcspn(text, "\r");
        if ((int)wide > rows[i].columns && rows[i].columns > 48)
            fail_msg("%d columns: %zu are filled", rows[i].columns, wide);
    }
    expect_out(RUN("--root", dir, "list"), 0, "SIZE  STATE       COPIES\n");
    support_tmp_remove(&dir);
}

/* ---- bash ---- */

/* What bash offers for the last of the words, one a line; `path` is first in PATH. */
static char *offered(const char *path, const char *line)
{
    static const char script[] = "PATH=$1:$PATH\n"
                                 "source <(\"$2\" help --completion bash) || exit 9\n"
                                 "read -ra COMP_WORDS <<<\"$3\"\n"
                                 "[[ $3 == *' ' ]] && COMP_WORDS+=('')\n"
                                 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                                 "compopt() { :; }\n" /* only readline has it */
                                 "_dashspool\n"
                                 "printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    struct proc_result r = PROC_RUN("bash", "-c", script, "bash", path, DASHSPOOL_BINARY, line);
    assert_int_equal(r.status, 0);
    assert_string_equal(proc_err(&r), "");
    char *text = strdup(proc_out(&r));
    assert_non_null(text);
    proc_clear(&r);
    return text;
}

static void offers(const char *path, const char *line, const char *words)
{
    char *text = offered(path, line);
    if (strcmp(text, words) != 0)
        fail_msg("'%s' offers:\n%s", line, text);
    free(text);
}

static void test_bash_completes(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096], line[4096], want[4096];
    offers(dir, "dashspool exp", "export\n");
    offers(dir, "dashspool --root /x --config /y exp", "export\n");
    offers(dir, "dashspool help veri", "verify\n");
    offers(dir, "dashspool --ver", "--version\n");
    offers(dir, "dashspool export --sign", "--sign-cert\n--sign-key\n");
    offers(dir, "dashspool convert --sound ", "aac\nflac\n");
    offers(dir, "dashspool list --limit ", "\n");
    offers(dir, "dashspool list --camera r", "rear\nroad\n");
    offers(dir, "dashspool list --trigger cr", "crash\n");
    offers(dir, "dashspool list --roo", "--root\n");
    offers(dir, "dashspool list --log-level w", "warn\n");
    offers(dir, "dashspool --log-level w", "warn\n");
    snprintf(path, sizeof path, "%s/my clip.h265", dir);
    support_write(path, "x", 1);
    snprintf(line, sizeof line, "dashspool convert %s/", dir);
    snprintf(want, sizeof want, "%s\n", path);
    offers(dir, line, want);
    snprintf(line, sizeof line, "dashspool receive --tls-cert %s/my", dir);
    offers(dir, line, want);
    snprintf(line, sizeof line, "dashspool --root %s/", dir);
    offers(dir, line, "\n");
    support_tmp_remove(&dir);
}

static void test_bash_completes_ids_of_the_store(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096], root[4096], line[8192], want[200];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US * 1000000LL};
    struct stored s;
    snprintf(path, sizeof path, "%s/dashspool", dir);
    snprintf(root, sizeof root, "%s/root", dir);
    assert_int_equal(symlink(DASHSPOOL_BINARY, path), 0);
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, "bytes", 5);
    stored_close(&s);
    snprintf(want, sizeof want, "%s\n", row.id);
    snprintf(line, sizeof line, "dashspool --root %s show ", root);
    offers(dir, line, want);
    snprintf(line, sizeof line, "dashspool --root %s export 352093081452251-fr", root);
    offers(dir, line, want);
    snprintf(line, sizeof line, "dashspool show --root %s ", root);
    offers(dir, line, want);
    snprintf(line, sizeof line, "dashspool --root %s export 352093081452252", root);
    offers(dir, line, "\n");
    support_tmp_remove(&dir);
}

/* Words that bash completes from are expanded by it. */
static void test_an_id_that_is_a_command_is_not_run(void **state)
{
    static const char evil[] = "#!/bin/sh\necho ID\necho '$(touch${IFS}pwned)'\necho good-1\n";
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    snprintf(path, sizeof path, "%s/dashspool", dir);
    support_write(path, evil, strlen(evil));
    assert_int_equal(chmod(path, 0755), 0);
    offers(dir, "dashspool show ", "good-1\n");
    assert_false(support_exists("pwned"));
    support_tmp_remove(&dir);
}

static void test_zsh_and_fish_read_theirs(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    snprintf(path, sizeof path, "%s/completion", dir);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        char *script = output(0, "help", "--completion", shells[i]);
        support_write(path, script, strlen(script));
        for (int c = 0; c < commands.n; c++)
            assert_has(script, commands.name[c]);
        free(script);
        if (!proc_have(shells[i])) {
            print_message("SKIPPED: %s is not installed\n", shells[i]);
            continue;
        }
        struct proc_result r = PROC_RUN(shells[i], "-n", path);
        if (r.status != 0 || *proc_err(&r))
            fail_msg("%s: %s", shells[i], proc_err(&r));
        proc_clear(&r);
    }
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_of_a_command_by_both_ways),
        cmocka_unit_test(test_a_setting_that_is_wrong_does_not_hide_the_help),
        cmocka_unit_test(test_the_manual_has_every_command_and_option),
        cmocka_unit_test(test_the_manual_of_settings_has_every_key_and_default),
        cmocka_unit_test(test_every_option_that_is_offered_is_known),
        cmocka_unit_test(test_options_of_every_command_stand_before_it_or_behind),
        cmocka_unit_test(test_what_may_have_been_meant),
        cmocka_unit_test(test_unknown_words_are_refused_with_those_that_are_known),
        cmocka_unit_test(test_list_goes_out_row_by_row_and_tells_what_a_limit_leaves_out),
        cmocka_unit_test(test_list_fits_the_terminal),
        cmocka_unit_test(test_bash_completes),
        cmocka_unit_test(test_bash_completes_ids_of_the_store),
        cmocka_unit_test(test_an_id_that_is_a_command_is_not_run),
        cmocka_unit_test(test_zsh_and_fish_read_theirs),
    };
    return cmocka_run_group_tests(tests, find_commands, NULL);
}

/* What --help says: the tables of options as text for a terminal of 80 columns. And the command
 * help: the same for one command or all, as manual pages, as completions. */
#include "cli_internal.h"
#include <string.h>

enum { WIDE = 80, TERM_WIDE = 22 }; /* columns; of the terms that have their text beside them */

/* Columns of n bytes of UTF-8. */
static int columns(const char *text, size_t n)
{
    int wide = 0;
    for (size_t i = 0; i < n; i++)
        wide += ((unsigned char)text[i] & 0xc0) != 0x80;
    return wide;
}

/* Words into lines, from the column `at` on; further lines, and those behind an empty one, begin at
 * `indent`. */
static void put_wrapped(FILE *to, const char *text, int at, int indent)
{
    bool first = true;
    while (*text) {
        if (*text == '\n') {
            fputs("\n\n", to);
            text += strspn(text, "\n");
            at = fprintf(to, "%*s", indent, "");
            first = true;
            continue;
        }
        size_t n = strcspn(text, " \n");
        int wide = columns(text, n);
        if (!first && at + 1 + wide > WIDE) {
            at = fprintf(to, "\n%*s", indent, "") - 1;
            first = true;
        }
        at += fprintf(to, "%s", first ? "" : " ") + wide;
        fwrite(text, 1, n, to);
        first = false;
        text += n + (text[n] == ' ');
    }
    fputc('\n', to);
}

static void put_row(FILE *to, const char *term, const char *help, int wide)
{
    int n = columns(term, strlen(term));
    fprintf(to, "  %s", term);
    if (n > wide)
        fprintf(to, "\n%*s", wide + 4, "");
    else
        fprintf(to, "%*s", wide + 2 - n, "");
    put_wrapped(to, help, wide + 4, wide + 4);
}

static void put_options(FILE *to, const struct cli_option *table,
                        const struct cli_settings *settings)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    char term[CLI_TERM_ROOM], help[CLI_HELP_ROOM];
    size_t n = cli_options_flat(table, o);
    int wide = 0;
    for (size_t i = 0; i < n; i++) {
        const char *text = o[i].kind == CLI_HEADING ? "" : cli_option_term(&o[i], term);
        int own = columns(text, strlen(text));
        wide = own > wide && own <= TERM_WIDE ? own : wide;
    }
    for (size_t i = 0; i < n; i++) {
        bool rows_end = i > 0 && o[i - 1].kind == CLI_ROW && o[i].kind != CLI_ROW;
        if (i == 0 || o[i].kind == CLI_HEADING || rows_end)
            fputc('\n', to);
        if (o[i].kind == CLI_HEADING) {
            cli_option_help(&o[i], settings, help);
            put_wrapped(to, help, 0, 0);
        } else {
            put_row(to, cli_option_term(&o[i], term), cli_option_help(&o[i], settings, help), wide);
        }
    }
}

void cli_print_help(const struct cli_command *command, FILE *to)
{
    char form[400];
    const char *at = NULL, *before = "usage:";
    for (; cli_usage_form(command, &at, form, sizeof form); before = "      ")
        fprintf(to, "%s dashspool %s\n", before, form);
    fputc('\n', to);
    put_wrapped(to, command->prose, 0, 0);
    put_options(to, command->options, NULL);
    if (command->notes) {
        fputc('\n', to);
        put_wrapped(to, command->notes, 0, 0);
    }
    fputs("\nexample: ", to);
    for (const char *c = command->example; *c; c++) /* further lines stand below the first */
        fputs(*c == '\n' ? "\n         " : (char[]){*c, '\0'}, to);
    fputc('\n', to);
}

void cli_print_overview(const struct cli_settings *settings, FILE *to)
{
    static const char *const groups[] = {
        [CLI_RECEIVE] = "Receive",   [CLI_CONVERT] = "Convert", [CLI_LOOK] = "Look",
        [CLI_EVIDENCE] = "Evidence", [CLI_OPERATE] = "Operate", [CLI_TEST] = "Test"};
    fputs("usage: dashspool [OPTION]… COMMAND …\n"
          "\n"
          "Turns what Teltonika dash cameras send into playable video and verifiable evidence.\n",
          to);
    for (int group = CLI_RECEIVE; group <= CLI_TEST; group++) {
        fprintf(to, "\n%s:\n", groups[group]);
        for (size_t i = 0; cli_commands[i]; i++)
            if ((int)cli_commands[i]->group == group)
                fprintf(to, "  %-16s  %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    }
    put_options(to, cli_globals, settings);
    fputs("\n'dashspool COMMAND --help' explains each command. Start with: dashspool convert "
          "clip.h265\n",
          to);
}

/* ---- the command ---- */

struct help_options {
    bool man, man_conf;
    const char *shell;
};

#define AT(field) offsetof(struct help_options, field)
static const struct cli_option options[] = {
    {OPT_FLAG("man", man, "print the manual page dashspool(1)")},
    {OPT_FLAG("man-conf", man_conf, "print the manual page dashspool.conf(5)")},
    {CLI_WORD, "completion", "SHELL", "print the completion script for {}", .offset = AT(shell),
     .words = "bash zsh fish"},
    {0}};

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct help_options *o = args->options;
    const struct cli_command *command = NULL;
    const char *name = args->n_operands ? args->operand[0] : NULL;
    if (o->man + o->man_conf + (o->shell != NULL) + (name != NULL) > 1)
        return cli_usage("help", "give a command or one option, not both");
    for (size_t i = 0; name && cli_commands[i]; i++)
        if (strcmp(name, cli_commands[i]->name) == 0)
            command = cli_commands[i];
    if (name && !command)
        return cli_usage("help", "unknown command '%s'; 'dashspool --help' lists all", name);
    if (o->man)
        cli_print_manual(cli->settings, stdout);
    else if (o->man_conf)
        cli_print_conf_manual(cli->settings, stdout);
    else if (o->shell)
        cli_print_completion(o->shell, stdout);
    else if (command)
        cli_print_help(command, stdout);
    else
        cli_print_overview(cli->settings, stdout);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_command cli_help = {
    .name = "help",
    .group = CLI_OPERATE,
    .summary = "show help for a command; print the manual pages",
    .forms = "[COMMAND]\n--man | --man-conf | --completion SHELL",
    .prose = "List all commands, or explain one, as 'dashspool COMMAND --help' does.",
    .example = "dashspool help --man | man -l -",
    .options = options,
    .operand = "COMMAND",
    .operands_max = 1,
    .room = sizeof(struct help_options),
    .no_settings = true,
    .user = CLI_AS_CALLER,
    .run = run,
};

/* help: the commands, what one does, and the same as manual pages and completions. */
#include "cli_internal.h"
#include <string.h>

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
#undef AT

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
    .run = run,
};

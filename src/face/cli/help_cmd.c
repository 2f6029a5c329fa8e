/* help: what there is, what a command does, and the same as manual pages and completions. */
#include "cli_internal.h"
#include "help_text.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_help[] =
    "usage: dashspool help [COMMAND]\n"
    "       dashspool help --man | --man-conf | --completion bash|zsh|fish\n"
    "\n"
    "List all commands, or explain one, as 'dashspool COMMAND --help' does.\n"
    "\n"
    "  --man                     print the manual page dashspool(1)\n"
    "  --man-conf                print the manual page dashspool.conf(5)\n"
    "  --completion bash|zsh|fish\n"
    "                            print the completion script for that shell\n"
    "\n"
    "example: dashspool help --man | man -l -\n";

void cli_overview(const struct cli_tables *tables, FILE *to)
{
    fputs(
        "usage: dashspool [--root DIR] [--config DIR] [--log-level LEVEL] [--log-json] COMMAND …\n"
        "\n"
        "Turns what Teltonika dash cameras send into playable video and verifiable evidence.\n"
        "\n",
        to);
    for (size_t i = 0; i < tables->n_commands; i++)
        fprintf(to, "  %-16s  %s\n", tables->commands[i].name, tables->commands[i].summary);
    fprintf(
        to,
        "\n"
        "  --root DIR    data directory (default: $DASHSPOOL_ROOT, else ./dashspool.data)\n"
        "  --config DIR  settings directory (default: ROOT/pipeline.d, else %s,\n"
        "                else built-in defaults)\n"
        "  --log-level error|warn|info|debug\n"
        "                least severe message to log (default: $DASHSPOOL_LOG_LEVEL, else info)\n"
        "  --log-json    log one JSON object per line; same as $DASHSPOOL_LOG_JSON=yes\n"
        "  --version     print the version\n"
        "\n"
        "'dashspool COMMAND --help' explains each command. Start with: dashspool convert "
        "clip.h265\n",
        tables->installed_config);
}

/* ---- what a command says of itself ---- */

/* Runs it with its standard output in a file: what a person reads is what the manual gets. */
static int print_help_into(struct cli *cli, const struct cli_command *command, FILE *file,
                           struct err *err)
{
    char name[32], help[] = "--help", *argv[] = {name, help, NULL};
    snprintf(name, sizeof name, "%s", command->name);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), status = CLI_FAILED;
    if (kept >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0) {
        optind = 0;
        status = command->run(cli, 2, argv);
        if (fflush(stdout) != 0)
            status = CLI_FAILED;
    }
    if (kept < 0 || dup2(kept, STDOUT_FILENO) < 0)
        return err_sys(err, "standard output");
    close(kept);
    return status == CLI_OK
               ? ERR_OK
               : err_set(err, ERR_IO, "%s printed no help text (internal error; please report it)",
                         name);
}

int help_of(struct help *out, struct cli *cli, const struct cli_command *command, struct err *err)
{
    enum { ROOM = 1 << 16 };
    *out = (struct help){0};
    char *text = calloc(1, ROOM);
    FILE *file = tmpfile();
    int rc = !text   ? err_set(err, ERR_NOMEM, "no memory for a help text")
             : !file ? err_sys(err, "a temporary file for the help of '%s'", command->name)
                     : print_help_into(cli, command, file, err);
    if (rc == ERR_OK) {
        rewind(file);
        size_t n = fread(text, 1, ROOM - 1, file);
        rc = n == 0 || ferror(file) ? err_set(err, ERR_IO, "read the help of '%s'", command->name)
                                    : help_parse(out, text, err);
    }
    if (file)
        fclose(file);
    free(text);
    return rc;
}

static int help_one(struct cli *cli, const char *name)
{
    char help[] = "--help";
    for (size_t i = 0; i < cli->tables->n_commands; i++) {
        const struct cli_command *command = &cli->tables->commands[i];
        char kept[32], *argv[] = {kept, help, NULL};
        snprintf(kept, sizeof kept, "%s", command->name);
        optind = 0;
        if (strcmp(name, command->name) == 0)
            return command->run(cli, 2, argv);
    }
    return cli_usage("help", "unknown command '%s'; 'dashspool --help' lists all", name);
}

int cli_help(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"man", no_argument, NULL, 'm'},
                                            {"man-conf", no_argument, NULL, 'c'},
                                            {"completion", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int o = getopt_long(argc, argv, ":h", options, NULL), rc;
    const char *shell = optarg;
    if (o != -1 && o != 'm' && o != 'c' && o != 's')
        return cli_option(o, argv, help_help);
    if (argc - optind > (o == -1 ? 1 : 0))
        return cli_usage("help", "unexpected argument '%s'", argv[argc - 1]);
    if (o == 'm')
        rc = help_print_manual(cli, stdout);
    else if (o == 'c')
        rc = help_print_conf_manual(cli, stdout);
    else if (o == 's')
        rc = help_print_completion(cli, shell, stdout);
    else if (optind < argc)
        return help_one(cli, argv[optind]);
    else
        cli_overview(cli->tables, stdout), rc = CLI_OK;
    return rc == CLI_OK && fflush(stdout) != 0 ? CLI_FAILED : rc;
}

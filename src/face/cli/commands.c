/* Every command, and how one is chosen and run. */
#include "cli_internal.h"
#include "dashspool/log.h"
#include "dashspool/site.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>

const struct cli_command *const cli_commands[] = {
    &cli_run,      &cli_receive,  &cli_telemetry, &cli_watch,    &cli_import, &cli_request,
    &cli_requests, &cli_work,     &cli_convert,   &cli_probe,    &cli_serve,  &cli_list,
    &cli_show,     &cli_cat,      &cli_track,     &cli_export,   &cli_verify, &cli_attach_timestamp,
    &cli_keygen,   &cli_protect,  &cli_sweep,     &cli_erase,    &cli_fsck,   &cli_backup,
    &cli_reindex,  &cli_retry,    &cli_drop,      &cli_release,  &cli_status, &cli_config,
    &cli_help,     &cli_simulate, &cli_user,      &cli_vehicles, NULL};

/* ---- what holds for every command ---- */

struct globals {
    const char *root, *config, *level;
    bool json, help, version;
};

#define AT(field) offsetof(struct globals, field)
const struct cli_option cli_globals[] = {
    {CLI_HEADING, .help = "Options of every command, before or after it:"},
    {OPT_TEXT("root", "DIR", root,
              "data directory (default: $DASHSPOOL_ROOT, else ./dashspool.data)")},
    {OPT_TEXT("config", "DIR", config,
              "settings directory (default: ROOT/pipeline.d, else {}, else built-in defaults)")},
    {CLI_WORD, "log-level", "LEVEL",
     "least severe message to log: {} (default: $DASHSPOOL_LOG_LEVEL, else info)",
     .offset = AT(level), .words = "error warn info debug"},
    {OPT_FLAG("log-json", json, "log one JSON object per line; same as $DASHSPOOL_LOG_JSON=yes")},
    {CLI_FLAG, "help", NULL, "show help for the command, or this text", .offset = AT(help),
     .letter = 'h'},
    {OPT_FLAG("version", version, "print the version")},
    {0}};

#define LEVEL_NAME "DASHSPOOL_LOG_LEVEL"
#define JSON_NAME  "DASHSPOOL_LOG_JSON"

/* The environment takes both to the processes that this one starts: those of run say the same as
 * run. */
static int set_up_log(const struct globals *g)
{
    const char *from = g->level ? "--log-level" : LEVEL_NAME, *json = getenv(JSON_NAME);
    const char *word = g->level ? g->level : getenv(LEVEL_NAME);
    enum log_level level = LOG_LEVEL_INFO;
    if (word && !log_level_parse(word, &level)) {
        fprintf(stderr, "dashspool: %s %s: expected error, warn, info or debug\n", from, word);
        return CLI_USAGE;
    }
    bool as_json = g->json || (json && strcmp(json, "yes") == 0);
    if (setenv(LEVEL_NAME, log_level_name(level), 1) < 0 ||
        setenv(JSON_NAME, as_json ? "yes" : "no", 1) < 0)
        return CLI_FAILED;
    log_setup(level, as_json);
    return CLI_OK;
}

/* ---- one command ---- */

/* A command line, taken apart. */
struct line {
    const struct cli_command *command; /* NULL: none, or none that is known */
    const char *name;                  /* … as it was typed */
    struct cli_option before[CLI_OPTIONS_MAX], behind[CLI_OPTIONS_MAX];
    size_t n_own; /* of those behind the command; the rest of them hold for every command */
    struct cli_given *given;
    size_t n_before, n_given;
    char **operand;
    int n_operands;
    char problem[CLI_PROBLEM_ROOM];
    struct globals globals;
};

static const struct cli_command *command_of(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(name, cli_commands[i]->name) == 0)
            return cli_commands[i];
    return NULL;
}

static void take_apart(struct line *line, int argc, char **argv)
{
    size_t n = cli_options_of(NULL, line->before, &line->n_own);
    int at = cli_options_read(line->before, n, 0, false, argc, argv, line->given, &line->n_before,
                              line->problem);
    line->n_given = line->n_before;
    line->name = at < argc ? argv[at] : NULL;
    line->command = at < argc && !*line->problem ? command_of(argv[at]) : NULL;
    if (!line->command)
        return;
    n = cli_options_of(line->command, line->behind, &line->n_own);
    int end = cli_options_read(line->behind, n, line->n_own, true, argc - at, argv + at,
                               line->given + line->n_before, &n, line->problem);
    line->n_given += n;
    line->operand = argv + at + end;
    line->n_operands = argc - at - end;
}

static bool is_own(const struct line *line, const struct cli_given *given)
{
    return given->option >= line->behind && given->option < line->behind + line->n_own;
}

/* With its settings and its options. */
static int run(struct cli *cli, struct line *line)
{
    const struct cli_command *command = line->command;
    struct cli_given *own = line->given + line->n_before;
    struct site *site = NULL;
    struct err err;
    size_t n = 0;
    for (size_t i = line->n_before; i < line->n_given; i++)
        if (is_own(line, &line->given[i]))
            own[n++] = line->given[i];
    struct cli_args args = {
        command->name, calloc(1, command->room + 1), line->operand, line->n_operands, own, n};
    if (!args.options)
        return cli_fail(command->name, &(struct err){.text = "out of memory: options"});
    if (command->defaults)
        memcpy(args.options, command->defaults, command->room);
    cli->leaves_root = command->user == CLI_AS_CALLER;
    int rc = cli_become_owner(cli, command, &args);
    if (rc == CLI_OK && !command->no_settings &&
        (cli->settings->load(cli, &cli->cfg, &err) < 0 || site_load(&site, cli->cfg, &err) < 0)) {
        fprintf(stderr, "dashspool: %s%s\n", err.text, cli_whose_root(&err));
        rc = cli_whose_root(&err)[0] ? CLI_FAILED : CLI_USAGE;
    }
    site_use(site);
    for (size_t i = 0; rc == CLI_OK && i < n; i++)
        rc = cli_option_apply(command->name, &own[i], args.options, cli->cfg);
    if (rc == CLI_OK && line->n_operands < command->operands_min)
        rc = cli_usage(command->name, "%s", command->operands_missing);
    else if (rc == CLI_OK && line->n_operands > command->operands_max)
        rc = cli_usage(command->name, "unexpected argument '%s'",
                       line->operand[command->operands_max]);
    if (rc == CLI_OK)
        rc = command->run(cli, &args);
    site_use(NULL);
    site_free(&site);
    cfg_free(&cli->cfg);
    free(args.options);
    return rc;
}

static int with_root(struct line *line, const struct cli_settings *settings)
{
    const char *root = line->globals.root ? line->globals.root : getenv("DASHSPOOL_ROOT");
    char *kept = strdup(root && *root ? root : "dashspool.data");
    if (!kept)
        return CLI_FAILED;
    for (size_t n = strlen(kept); n > 1 && kept[n - 1] == '/'; n--)
        kept[n - 1] = '\0';
    struct cli cli = {.root = kept, .config_given = line->globals.config, .settings = settings};
    int rc = run(&cli, line);
    free(kept);
    return rc;
}

static int choose(struct line *line, const struct cli_settings *settings)
{
    int rc = CLI_OK;
    for (size_t i = 0; rc == CLI_OK && i < line->n_given; i++)
        if (!is_own(line, &line->given[i]))
            rc = cli_option_apply("", &line->given[i], &line->globals, NULL);
    if (rc == CLI_OK)
        rc = set_up_log(&line->globals);
    if (rc != CLI_OK)
        return rc;
    if (*line->problem)
        return cli_usage(line->command ? line->command->name : "", "%s", line->problem);
    if (line->globals.version) {
        puts("dashspool " DASHSPOOL_VERSION);
        return CLI_OK;
    }
    if (line->name && !line->command) {
        struct words_guess guess = {.typed = line->name};
        for (size_t i = 0; cli_commands[i]; i++)
            words_guess_try(&guess, cli_commands[i]->name);
        const char *meant = words_guess(&guess);
        return cli_usage("", "unknown command '%.60s'%s%s%s", line->name,
                         meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    }
    if (line->command && line->globals.help)
        cli_print_help(line->command, stdout);
    else if (!line->command)
        cli_print_overview(settings, line->globals.help ? stdout : stderr);
    else
        return with_root(line, settings);
    return !line->globals.help ? CLI_USAGE : fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

int cli_main(int argc, char **argv, const struct cli_settings *settings)
{
    struct line *line = calloc(1, sizeof *line);
    int rc = CLI_FAILED;
    terminal_guard();
    if (line)
        line->given = calloc(2 * (size_t)argc + 1, sizeof *line->given);
    if (line && line->given)
        rc = choose((take_apart(line, argc, argv), line), settings);
    else
        fputs("dashspool: out of memory: the command line\n", stderr);
    if (line)
        free(line->given);
    free(line);
    return rc;
}

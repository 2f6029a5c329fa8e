/*
 * cli: the commands that a person types. Results go to stdout, everything else to stderr; a command
 * returns the exit status: 0 all done, 1 something failed (each named on stderr, the rest done), 2
 * wrong usage or configuration, 3 an evidence package is not what it was.
 */
#ifndef DASHSPOOL_CLI_H
#define DASHSPOOL_CLI_H

#include "dashspool/cfg.h"
#include <stdio.h>

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNVERIFIED = 3 };

struct cli;

/* argv[0] is the command's own name. With --help alone the configuration is that of the defaults.
 */
typedef int cli_command_fn(struct cli *cli, int argc, char **argv);

struct cli_command {
    const char *name;
    cli_command_fn *run; /* with --help it prints its help, as help_text.h has it, on stdout */
    const char *summary;
};

/* All that there is: what help, the manual pages and the completions are made of. */
struct cli_tables {
    const struct cli_command *commands;
    size_t n_commands;
    const struct cfg_section *const *sections;
    size_t n_sections;
    const char *installed_config; /* the directory */
};

struct cli {
    const char *root;
    struct cfg *cfg;
    const struct cli_tables *tables;
    const char *config_given; /* --config; NULL: none */
    /* Reads the settings anew, and checks them whole; *out is the caller's. */
    int (*load)(const struct cli *cli, struct cfg **out, struct err *err);
};

/* Takes --log-level and --log-json out of main()'s arguments, wherever they stand, and sets up the
 * log. CLI_USAGE: a level that there is not, which was said. */
int cli_log_options(int *argc, char **argv);

/* What `dashspool --help` says. */
void cli_overview(const struct cli_tables *tables, FILE *to);

cli_command_fn cli_receive, cli_work, cli_convert, cli_list, cli_show, cli_cat, cli_simulate,
    cli_probe, cli_status, cli_config, cli_export, cli_verify, cli_keygen, cli_attach_timestamp,
    cli_run, cli_fsck, cli_protect, cli_sweep, cli_import, cli_watch, cli_retry, cli_drop,
    cli_release, cli_backup, cli_reindex, cli_serve, cli_help;

#endif

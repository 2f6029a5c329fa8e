/*
 * cli: the commands that a person types. Results go to stdout, everything else to stderr; the exit
 * status is 0: all done; 1: something failed (each named on stderr, the rest done), or a check
 * (probe, fsck, status) found a problem; 2: wrong usage or configuration; 3: an evidence package is
 * not what it was.
 */
#ifndef DASHSPOOL_CLI_H
#define DASHSPOOL_CLI_H

#include "dashspool/cfg.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNVERIFIED = 3 };

struct cli;

/* What only main() knows: every module's settings. */
struct cli_settings {
    const struct cfg_section *const *sections;
    size_t n_sections;
    const char *installed_config; /* the directory */
    /* Reads the settings that hold for cli->root and cli->config_given, and checks them whole; *out
     * is the caller's. */
    int (*load)(const struct cli *cli, struct cfg **out, struct err *err);
    /* Where they are from: NULL the defaults; else borrowed, or in `room` bytes at name. */
    const char *(*dir)(const struct cli *cli, char *name, size_t room);
    /* Tries what they name: ports, files, folders, programs. old: those that hold now, NULL where
     * that is not known. ERR_CONFIG with "file:line: key = value: …". */
    int (*try)(const struct cli *cli, const struct cfg *cfg, const struct cfg *old,
               struct err *err);
};

/* What a command works with. */
struct cli {
    const char *root, *config_given; /* --root, or its default; --config, NULL: none */
    bool leaves_root;                /* what it does does not need what is in ROOT */
    struct cfg *cfg;
    const struct cli_settings *settings;
};

/* Reads the options, sets up the log, and runs the command. Returns the exit status. */
int cli_main(int argc, char **argv, const struct cli_settings *settings);

#endif

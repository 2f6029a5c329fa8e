/* run: everything by itself. */
#include "cli_internal.h"
#include "dashspool/run.h"
#include <stdio.h>

static const char run_help[] =
    "usage: dashspool run\n"
    "\n"
    "Run every enabled stage in a process of its own and restart any that ends: receiver, watched\n"
    "folders, convert, export and [exec NAME] workers, web pages, retention sweeps. SIGHUP "
    "reloads\n"
    "the settings; SIGTERM or Ctrl-C stops everything. Under systemd: Type=notify and a watchdog.\n"
    "\n"
    "example: dashspool --root /srv/dashcam run\n";

static int load(void *arg, struct cfg **out, struct err *err)
{
    const struct cli *cli = arg;
    return cli->load(cli, out, err);
}

int cli_run(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct err err;
    int o = getopt_long(argc, argv, ":h", options, NULL);
    if (o != -1)
        return cli_option(o, argv, run_help);
    if (optind < argc)
        return cli_usage("run", "unexpected argument '%s'", argv[optind]);
    if (run_stages(cli->root, cli->cfg, load, cli, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("run", "%s", err.text) : cli_fail("run", &err);
    return CLI_OK;
}

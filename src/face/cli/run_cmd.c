/* run: everything by itself. */
#include "cli_internal.h"
#include "dashspool/pipeline.h"
#include <stdio.h>

static const char run_help[] =
    "usage: dashspool run\n"
    "\n"
    "Runs all stages that are enabled, each as a process of its own, and starts again what ends:\n"
    "the receiver, the workers that make copies, those of each [exec NAME]. SIGHUP reads the\n"
    "settings again, SIGTERM or Ctrl-C ends all. Under systemd: Type=notify, with its watchdog.\n"
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
        return cli_usage("run", "'%s' is too much", argv[optind]);
    if (pipeline_run(cli->root, cli->cfg, load, cli, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("run", "%s", err.text) : cli_fail("run", &err);
    return CLI_OK;
}

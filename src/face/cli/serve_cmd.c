/* serve: pages for a browser. */
#include "cli_internal.h"
#include "dashspool/serve.h"
#include <stdio.h>

static const char serve_help[] =
    "usage: dashspool serve [--listen HOST:PORT] [--token-file FILE]\n"
    "\n"
    "Serve read-only web pages: the list of transfers; for each its facts, custody record, "
    "viewing\n"
    "copy to play, and all copies and the original to download. On 127.0.0.1 (the default) any "
    "user\n"
    "of this computer may look; any other address requires a token. There is no TLS: for access\n"
    "over a network use an SSH tunnel (ssh -L 7180:localhost:7180 HOST) or a reverse proxy with a\n"
    "certificate.\n"
    "\n"
    "  --listen HOST:PORT  address to listen on (default 127.0.0.1:7180; port 0: any free port)\n"
    "  --token-file FILE   file whose first line is a token of at least 16 characters; browsers "
    "ask\n"
    "                      for it, programs send 'Authorization: Bearer TOKEN'\n"
    "\n"
    "example: dashspool --root /srv/dashcam serve\n";

int cli_serve(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 0},
                                            {"token-file", required_argument, NULL, 0},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    static const char *const keys[] = {"listen", "token_file"};
    struct err err;
    int at;
    for (int o; (o = getopt_long(argc, argv, ":h", options, &at)) != -1;) {
        if (o != 0)
            return cli_option(o, argv, serve_help);
        if (cfg_set(cli->cfg, serve_cfg_section.name, keys[at], optarg, "command line", &err) < 0)
            return cli_usage("serve", "%s", err.text);
    }
    if (optind < argc)
        return cli_usage("serve", "unexpected argument '%s'", argv[optind]);
    if (serve_run(cli->root, cli->cfg, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("serve", "%s", err.text)
                                      : cli_fail("serve", &err);
    return CLI_OK;
}

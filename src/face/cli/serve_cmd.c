/* serve: pages for a browser. */
#include "cli_internal.h"
#include "dashspool/serve.h"
#include <stdio.h>

static const char serve_help[] =
    "usage: dashspool serve [--listen HOST:PORT] [--token-file FILE]\n"
    "\n"
    "Pages for a browser: what came, each transfer's facts and custody, its viewing copy to play,\n"
    "its copies and its original to take away. They change nothing. On 127.0.0.1, where it "
    "listens\n"
    "if nothing else is said, whoever uses this computer may look; any other address needs a\n"
    "token. There is no TLS: over a network, come by a tunnel (ssh -L 7180:localhost:7180 HOST), "
    "or\n"
    "put a web server in front that has a certificate.\n"
    "\n"
    "  --listen HOST:PORT  where (default 127.0.0.1:7180; port 0: any)\n"
    "  --token-file FILE   its first line is a token of 16 characters or more; browsers are asked\n"
    "                      for it, programs send it as 'Authorization: Bearer TOKEN'\n"
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
        return cli_usage("serve", "'%s' is too much", argv[optind]);
    if (serve_run(cli->root, cli->cfg, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("serve", "%s", err.text)
                                      : cli_fail("serve", &err);
    return CLI_OK;
}

/* receive, watch, work, config: the parts that run by themselves. */
#include "cli_internal.h"
#include "dashspool/log.h"
#include "dashspool/receive.h"
#include "dashspool/watch.h"
#include "dashspool/work.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char receive_help[] =
    "usage: dashspool receive [--listen HOST:PORT] [--tls-cert FILE --tls-key FILE] [--allow "
    "FILE]\n"
    "\n"
    "Receive files from cameras until SIGTERM or Ctrl-C. Set the trackers' camera server to this\n"
    "host and port. SIGHUP reloads the allow-list and the certificate.\n"
    "\n"
    "  --listen HOST:PORT      address to listen on (default 0.0.0.0:7160; port 0: any free port)\n"
    "  --tls-cert FILE --tls-key FILE\n"
    "                          PEM certificate chain and key; opens a separate TLS port\n"
    "  --tls-listen HOST:PORT  address of the TLS port (default 0.0.0.0:7161)\n"
    "  --tls-client-ca FILE    accept only trackers whose certificate is signed by one of these "
    "CAs\n"
    "  --allow FILE            accept only the IMEIs in this file (one per line, # comments)\n"
    "  --learn                 add unknown IMEIs to that file and accept them\n"
    "  --user NAME             when started as root: user to switch to once the ports are open\n"
    "\n"
    "example: dashspool --root /srv/dashcam receive --listen 0.0.0.0:7160\n";

static const char watch_help[] =
    "usage: dashspool watch DIR… [--after keep|move|remove] [--done DIR]\n"
    "\n"
    "Import footage that people, FTP, SMB, rsync or the vendor's tool put into these folders, "
    "until\n"
    "SIGTERM or Ctrl-C. A file is imported once it has not changed for quiet_s and looks "
    "complete,\n"
    "or in any case after patience_s. See 'dashspool import --help' for the sidecar files that "
    "are\n"
    "read, and how the tracker and camera are identified.\n"
    "\n"
    "  --after WHAT  what to do with a file once its original is stored (default keep)\n"
    "  --done DIR    destination of 'move' (default: 'done' in the watched folder)\n"
    "\n"
    "example: dashspool --root /srv/dashcam watch /srv/ftp/incoming --after move\n";

static const char work_help[] =
    "usage: dashspool work [--once] [--stage NAME] [--workers N]\n"
    "\n"
    "Work through the queue: make copies and packages and run [exec] commands, until SIGTERM or\n"
    "Ctrl-C.\n"
    "\n"
    "  --once        process the jobs that are ready, then exit; jobs waiting for a retry are "
    "left;\n"
    "                exit status 1 if a job failed or is waiting\n"
    "  --stage NAME  only this stage: convert, export, or NAME of an [exec NAME]\n"
    "  --workers N   parallel processes for each stage (default: from the settings)\n"
    "\n"
    "example: dashspool --root /srv/dashcam work --once\n";

static const char config_help[] =
    "usage: dashspool config [--check]\n"
    "\n"
    "Print every setting, its value and where it was set.\n"
    "\n"
    "  --check   only validate the settings; exit status 2, with file and line, if they are "
    "invalid\n"
    "\n"
    "example: dashspool --config /etc/dashspool/pipeline.d config --check\n";

int cli_receive(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 0},
                                            {"tls-cert", required_argument, NULL, 0},
                                            {"tls-key", required_argument, NULL, 0},
                                            {"tls-listen", required_argument, NULL, 0},
                                            {"tls-client-ca", required_argument, NULL, 0},
                                            {"allow", required_argument, NULL, 0},
                                            {"user", required_argument, NULL, 0},
                                            {"learn", no_argument, NULL, 0},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    static const char *const keys[] = {"listen",        "tls_cert", "tls_key", "tls_listen",
                                       "tls_client_ca", "allow",    "user",    "learn"};
    struct err err;
    int at;
    for (int o; (o = getopt_long(argc, argv, ":h", options, &at)) != -1;) {
        if (o != 0)
            return cli_option(o, argv, receive_help);
        if (cfg_set(cli->cfg, receive_cfg_section.name, keys[at], optarg ? optarg : "yes",
                    "command line", &err) < 0)
            return cli_usage("receive", "%s", err.text);
    }
    if (optind < argc)
        return cli_usage("receive", "unexpected argument '%s'", argv[optind]);
    if (receive_run(cli->root, cli->cfg, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("receive", "%s", err.text)
                                      : cli_fail("receive", &err);
    return CLI_OK;
}

int cli_watch(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"after", required_argument, NULL, 0},
                                            {"done", required_argument, NULL, 0},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct err err;
    int at;
    for (int o; (o = getopt_long(argc, argv, ":h", options, &at)) != -1;) {
        if (o != 0)
            return cli_option(o, argv, watch_help);
        if (cfg_set(cli->cfg, watch_cfg_section.name, options[at].name, optarg, "command line",
                    &err) < 0)
            return cli_usage("watch", "%s", err.text);
    }
    if (watch_run(cli->root, cli->cfg, argv + optind, argc - optind, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("watch", "%s", err.text)
                                      : cli_fail("watch", &err);
    return CLI_OK;
}

static int work(struct cli *cli, const struct work_request *how)
{
    struct err err;
    struct work_tally tally;
    if (work_jobs(cli->root, cli->cfg, how, &tally, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("work", "%s", err.text) : cli_fail("work", &err);
    if (!how->once)
        return CLI_OK;
    if (!log_is_plain()) {
        log_info("work", "all done", LOG_INT("jobs", tally.done), LOG_INT("failed", tally.failed),
                 LOG_INT("later", tally.later));
        return tally.failed > 0 || tally.later > 0 ? CLI_FAILED : CLI_OK;
    }
    fprintf(stderr, "%d jobs done, %d failed", tally.done, tally.failed);
    if (tally.later > 0)
        fprintf(stderr, ", %d to be retried", tally.later);
    if (tally.waiting > 0)
        fprintf(stderr, ", %d waiting for the rest of their events", tally.waiting);
    fprintf(stderr, "\n");
    if (tally.failed > 0)
        fprintf(stderr, "see %s/spool/*/failed/*/reason.txt, then 'dashspool retry'\n", cli->root);
    return tally.failed > 0 || tally.later > 0 ? CLI_FAILED : CLI_OK;
}

int cli_work(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"once", no_argument, NULL, 'o'},
                                            {"stage", required_argument, NULL, 's'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct work_request how = {0};
    double workers = 0;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'o')
            how.once = true;
        else if (o == 's')
            how.stage = optarg;
        else if (o != 'w')
            return cli_option(o, argv, work_help);
        else if (!cli_number("work", "--workers", optarg, 1, 64, &workers))
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("work", "unexpected argument '%s'", argv[optind]);
    how.workers = (int)workers;
    return work(cli, &how);
}

static void print_key(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                      const char *value, const char *origin)
{
    const char **last = arg;
    if (!*last || strcmp(*last, section->name) != 0)
        printf("%s[%s]\n", *last ? "\n" : "", section->name);
    *last = section->name;
    int n = printf("%s = %s", key->name, value);
    printf("%*s # %s; %s; from %s\n", n < 28 ? 28 - n : 0, "", key->help, key->unit, origin);
}

int cli_config(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool check = false;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'c')
            return cli_option(o, argv, config_help);
        check = true;
    }
    if (optind < argc)
        return cli_usage("config", "unexpected argument '%s'", argv[optind]);
    if (check) { /* who is here has good ones */
        puts("settings are valid");
        return CLI_OK;
    }
    const char *last = NULL;
    cfg_each(cli->cfg, print_key, &last);
    return CLI_OK;
}

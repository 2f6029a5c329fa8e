/* receive, work, config: the parts that run by themselves. */
#include "cli_internal.h"
#include "dashspool/pipeline.h"
#include "dashspool/receive.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char receive_help[] =
    "usage: dashspool receive [--listen HOST:PORT] [--tls-cert FILE --tls-key FILE] [--allow "
    "FILE]\n"
    "\n"
    "Receives files from cameras until SIGTERM or Ctrl-C. Point the trackers' camera server at "
    "this\n"
    "host and port. SIGHUP reads the list of cameras and the certificate again.\n"
    "\n"
    "  --listen HOST:PORT      default 0.0.0.0:7160; port 0 takes a free one\n"
    "  --tls-cert FILE --tls-key FILE\n"
    "                          PEM certificate chain and its key: TLS on a port of its own\n"
    "  --tls-listen HOST:PORT  default 0.0.0.0:7161\n"
    "  --tls-client-ca FILE    take only cameras that show a certificate signed by one of these\n"
    "  --allow FILE            take only these cameras: IMEIs, one a line, # comments\n"
    "  --learn                 add unknown cameras to that file and take them\n"
    "  --user NAME             when started as root: who to be once the ports are open\n"
    "\n"
    "example: dashspool --root /srv/dashcam receive --listen 0.0.0.0:7160\n";

static const char work_help[] =
    "usage: dashspool work [--once] [--workers N]\n"
    "\n"
    "Makes copies of what was received, until SIGTERM or Ctrl-C.\n"
    "\n"
    "  --once        work what is ready, then end; status 1 if a job failed\n"
    "  --workers N   processes side by side (default 1)\n"
    "\n"
    "example: dashspool --root /srv/dashcam work --once\n";

static const char config_help[] = "usage: dashspool config\n"
                                  "\n"
                                  "Prints every setting with its value and where that comes from.\n"
                                  "\n"
                                  "example: dashspool --config /etc/dashspool/pipeline.d config\n";

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
        return cli_usage("receive", "'%s' is too much", argv[optind]);
    if (receive_run(cli->root, cli->cfg, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("receive", "%s", err.text)
                                      : cli_fail("receive", &err);
    return CLI_OK;
}

static int work_here(struct cli *cli, bool once)
{
    struct err err;
    struct pipeline_tally tally;
    if (pipeline_work(cli->root, cli->cfg, once, &tally, &err) < 0)
        return cli_fail("work", &err);
    if (once)
        fprintf(stderr, "%d jobs done, %d failed\n", tally.done, tally.failed);
    if (tally.failed > 0)
        fprintf(stderr, "why: %s/spool/convert/failed/*/reason.txt\n", cli->root);
    return once && tally.failed > 0 ? CLI_FAILED : CLI_OK;
}

/* SIGTERM and Ctrl-C go to all workers: the children get theirs from here. */
static pid_t children[64];
static int n_children;

static void pass_on(int signum)
{
    for (int i = 0; i < n_children; i++)
        kill(children[i], signum);
}

static int work_many(struct cli *cli, bool once, int workers)
{
    int rc = CLI_OK;
    for (int i = 0; i < workers; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(work_here(cli, once));
        if (pid < 0) {
            perror("dashspool work: fork");
            rc = CLI_FAILED;
            break;
        }
        children[n_children++] = pid;
    }
    struct sigaction act = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    for (int i = 0; i < n_children; i++) {
        int status = 0;
        if (waitpid(children[i], &status, 0) < 0 || !WIFEXITED(status)) {
            fprintf(stderr, "dashspool work: worker %d died; its job will be taken up again\n",
                    (int)children[i]);
            rc = CLI_FAILED;
        } else if (WEXITSTATUS(status) != CLI_OK) {
            rc = WEXITSTATUS(status);
        }
    }
    return rc;
}

int cli_work(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"once", no_argument, NULL, 'o'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    bool once = false;
    double workers = 1;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'o')
            once = true;
        else if (o != 'w')
            return cli_option(o, argv, work_help);
        else if (!cli_number("work", "--workers", optarg, 1, 64, &workers))
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("work", "'%s' is too much", argv[optind]);
    return workers > 1 ? work_many(cli, once, (int)workers) : work_here(cli, once);
}

static void print_key(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                      const char *value, const char *origin)
{
    const struct cfg_section **last = arg;
    char line[400];
    if (*last != section)
        printf("%s[%s]\n", *last ? "\n" : "", section->name);
    *last = section;
    snprintf(line, sizeof line, "%s = %s", key->name, value);
    printf("%-28s # %s; %s; from %s\n", line, key->help, key->unit, origin);
}

int cli_config(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int o = getopt_long(argc, argv, ":h", options, NULL);
    if (o != -1)
        return cli_option(o, argv, config_help);
    if (optind < argc)
        return cli_usage("config", "'%s' is too much", argv[optind]);
    const struct cfg_section *last = NULL;
    cfg_each(cli->cfg, print_key, &last);
    return CLI_OK;
}

/* dashspool: picks the command. The only file that knows every module. */
#include "dashspool/cli.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/export_event.h"
#include "dashspool/receive.h"
#include "dashspool/retention.h"
#include "dashspool/serve.h"
#include "dashspool/stages.h"
#include "dashspool/watch.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_command commands[] = {
    {"run", cli_run, "run all enabled stages and keep them running"},
    {"receive", cli_receive, "receive files from cameras"},
    {"watch", cli_watch, "import footage from watched folders, continuously"},
    {"import", cli_import, "import downloaded footage, once"},
    {"work", cli_work, "process the queue: make copies, run [exec] commands"},
    {"convert", cli_convert, "convert downloaded files; needs no ROOT"},
    {"probe", cli_probe, "inspect a file: format, timing, damage"},
    {"serve", cli_serve, "serve read-only web pages"},
    {"list", cli_list, "list transfers"},
    {"show", cli_show, "show everything known about a transfer"},
    {"cat", cli_cat, "write a transfer's original bytes to standard output"},
    {"export", cli_export, "write an evidence package that anyone can verify"},
    {"verify", cli_verify, "verify evidence packages"},
    {"attach-timestamp", cli_attach_timestamp, "add a trusted time stamp (RFC 3161) to a package"},
    {"protect", cli_protect, "exempt transfers from the retention rules"},
    {"sweep", cli_sweep, "delete what has expired under the retention rules"},
    {"fsck", cli_fsck, "check the integrity of everything in ROOT"},
    {"backup", cli_backup, "back up ROOT while it is in use"},
    {"reindex", cli_reindex, "rebuild the catalogue from the originals"},
    {"retry", cli_retry, "list failed jobs, or requeue them"},
    {"drop", cli_drop, "give up on failed jobs"},
    {"release", cli_release, "requeue jobs whose worker died"},
    {"status", cli_status, "show what is running, queued or failing, and what to do"},
    {"simulate", cli_simulate, "simulate a camera to test a receiver"},
    {"keygen", cli_keygen, "create a signing key and certificate"},
    {"config", cli_config, "print every setting, its value and its origin"},
    {"help", cli_help, "show help for a command; print the manual pages"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct cfg_section *const sections[] = {
    &stages_cfg_sections[0], &receive_cfg_section,    &watch_cfg_section,  &stages_cfg_sections[1],
    &convert_cfg_section,    &stages_cfg_sections[4], &export_cfg_section, &stages_cfg_sections[2],
    &stages_cfg_sections[3], &retention_cfg_section,  &serve_cfg_section};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static const struct cli_tables tables = {commands, N_COMMANDS, sections, N_SECTIONS,
                                         DASHSPOOL_PIPELINE_D};

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* NULL: the defaults. `room` is for its name. */
static const char *find_config_dir(const struct cli *cli, char *name, size_t room)
{
    snprintf(name, room, "%s/pipeline.d", cli->root);
    return cli->config_given              ? cli->config_given
           : is_dir(name)                 ? name
           : is_dir(DASHSPOOL_PIPELINE_D) ? DASHSPOOL_PIPELINE_D
                                          : NULL;
}

/* A setting that is wrong is no reason to say nothing. */
static bool wants_help(int argc, char **argv)
{
    return strcmp(argv[0], "help") == 0 ||
           (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0));
}

static int load_from(struct cfg **out, const char *dir, struct err *err)
{
    static struct cfg_section kept[N_SECTIONS]; /* the configuration borrows the tables */
    for (int i = 0; i < N_SECTIONS; i++)
        kept[i] = *sections[i];
    return cfg_load(out, dir, kept, N_SECTIONS, err);
}

static int load_defaults(struct cfg **out, struct err *err)
{
    return load_from(out, NULL, err);
}

/* The tables and the graph of the stages: what is wrong shows before anything starts. */
static int load(const struct cli *cli, struct cfg **out, struct err *err)
{
    struct stages *stages = NULL;
    char name[4096];
    int rc = load_from(out, find_config_dir(cli, name, sizeof name), err);
    struct export_policy policy;
    if (rc < 0)
        return rc;
    rc = stages_load(&stages, *out, err);
    if (rc == ERR_OK)
        rc = export_policy_read(&policy, *out, err);
    stages_free(&stages);
    if (rc < 0)
        cfg_free(out);
    return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct err err;
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        int read =
            wants_help(argc, argv) ? load_defaults(&cli->cfg, &err) : load(cli, &cli->cfg, &err);
        if (read < 0) {
            fprintf(stderr, "dashspool: %s\n", err.text);
            return CLI_USAGE;
        }
        optind = 0; /* getopt_long() starts anew */
        int rc = commands[i].run(cli, argc, argv);
        cfg_free(&cli->cfg);
        return rc;
    }
    fprintf(stderr, "dashspool: unknown command '%s'; see 'dashspool --help'\n", argv[0]);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"root", required_argument, NULL, 'r'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *root = getenv("DASHSPOOL_ROOT"), *config_dir = NULL;
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0) /* of our own making, not a person's */
        return confine_child();
    umask(umask(0) | 027); /* footage is nobody else's business */
    if (cli_log_options(&argc, argv) != CLI_OK)
        return CLI_USAGE;
    for (int o; (o = getopt_long(argc, argv, "+h", options, NULL)) != -1;) {
        if (o == 'r') {
            root = optarg;
        } else if (o == 'c') {
            config_dir = optarg;
        } else if (o == 'V') {
            puts("dashspool " DASHSPOOL_VERSION);
            return CLI_OK;
        } else {
            cli_overview(&tables, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
    }
    if (optind >= argc) {
        cli_overview(&tables, stderr);
        return CLI_USAGE;
    }
    char *kept = strdup(root && *root ? root : "dashspool.data");
    if (!kept)
        return CLI_FAILED;
    for (size_t n = strlen(kept); n > 1 && kept[n - 1] == '/'; n--)
        kept[n - 1] = '\0';
    struct cli cli = {.root = kept, .tables = &tables, .config_given = config_dir, .load = load};
    int rc = run(&cli, argc - optind, argv + optind);
    free(kept);
    return rc;
}

/* dashspool: picks the command. The only file that knows every module. */
#include "dashspool/cli.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/pipeline.h"
#include "dashspool/receive.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_command commands[] = {
    {"receive", cli_receive, "receive files from cameras"},
    {"work", cli_work, "make copies of what was received"},
    {"convert", cli_convert, "convert downloaded files, without a catalogue"},
    {"probe", cli_probe, "what a file is, and what is wrong with it"},
    {"list", cli_list, "list transfers"},
    {"show", cli_show, "all that is known of a transfer"},
    {"cat", cli_cat, "the original bytes of a transfer"},
    {"export", cli_export, "write an evidence package that anybody can check"},
    {"verify", cli_verify, "check an evidence package"},
    {"attach-timestamp", cli_attach_timestamp, "add an authority's time stamp to a package"},
    {"status", cli_status, "what runs, what waits, what is in trouble"},
    {"simulate", cli_simulate, "play a camera against a receiver"},
    {"keygen", cli_keygen, "a key and a certificate to sign with"},
    {"config", cli_config, "print every setting and its origin"},
    {"help", cli_help, "what a command does; the manual pages"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct cfg_section *const sections[] = {&receive_cfg_section, &pipeline_cfg_section,
                                                     &convert_cfg_section};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static const struct cli_tables tables = {commands, N_COMMANDS, sections, N_SECTIONS,
                                         DASHSPOOL_PIPELINE_D};

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* `defaults`: whatever the files say. */
static int load_config(struct cfg **out, const char *dir, const char *root, bool defaults,
                       struct err *err)
{
    struct cfg_section all[N_SECTIONS];
    static struct cfg_section kept[N_SECTIONS]; /* the configuration borrows the tables */
    char in_root[4096];
    for (int i = 0; i < N_SECTIONS; i++)
        all[i] = *sections[i];
    memcpy(kept, all, sizeof kept);
    snprintf(in_root, sizeof in_root, "%s/pipeline.d", root);
    if (!dir && is_dir(in_root))
        dir = in_root;
    else if (!dir && is_dir(DASHSPOOL_PIPELINE_D))
        dir = DASHSPOOL_PIPELINE_D;
    return cfg_load(out, defaults ? NULL : dir, kept, N_SECTIONS, err);
}

/* A setting that is wrong is no reason to say nothing. */
static bool wants_help(int argc, char **argv)
{
    return strcmp(argv[0], "help") == 0 ||
           (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0));
}

static int run(struct cli *cli, const char *config_dir, int argc, char **argv)
{
    struct err err;
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        if (load_config(&cli->cfg, config_dir, cli->root, wants_help(argc, argv), &err) < 0) {
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
    struct cli cli = {.root = kept, .tables = &tables};
    int rc = run(&cli, config_dir, argc - optind, argv + optind);
    free(kept);
    return rc;
}

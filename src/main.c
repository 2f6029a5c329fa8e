/* dashspool: where it begins. The only file that knows every module's settings. */
#include "dashspool/cli.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/export.h"
#include "dashspool/journey.h"
#include "dashspool/listen.h"
#include "dashspool/receive.h"
#include "dashspool/retention.h"
#include "dashspool/run.h"
#include "dashspool/serve.h"
#include "dashspool/site.h"
#include "dashspool/stages.h"
#include "dashspool/standing.h"
#include "dashspool/status.h"
#include "dashspool/telemetry.h"
#include "dashspool/watch.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static const struct cfg_section *const sections[] = {
    &site_cfg_section,        &stages_cfg_sections[0], &receive_cfg_section,
    &telemetry_cfg_section,   &watch_cfg_section,      &stages_cfg_sections[1],
    &convert_cfg_section,     &stages_cfg_sections[4], &export_cfg_section,
    &stages_cfg_sections[2],  &stages_cfg_sections[3], &retention_cfg_section,
    &serve_cfg_section,       &status_cfg_section,     &journey_cfg_sections[0],
    &journey_cfg_sections[1], &standing_cfg_section,   &ui_cfg_section};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static bool is_dir(const char *path, bool *locked)
{
    struct stat st;
    bool is = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    *locked = !is && errno == EACCES;
    return is;
}

/* NULL: the defaults. `room` is for its name. In a ROOT where nobody may look there may be
 * settings: its commands do not go on with others, and opening these says why. */
static const char *find_config_dir(const struct cli *cli, char *name, size_t room)
{
    bool locked, of_system;
    snprintf(name, room, "%s/pipeline.d", cli->root);
    return cli->config_given                          ? cli->config_given
           : is_dir(name, &locked)                    ? name
           : locked && !cli->leaves_root              ? name
           : is_dir(DASHSPOOL_PIPELINE_D, &of_system) ? DASHSPOOL_PIPELINE_D
                                                      : NULL;
}

static int load_from(struct cfg **out, const char *dir, struct err *err)
{
    static struct cfg_section kept[N_SECTIONS]; /* the configuration borrows the tables */
    for (int i = 0; i < N_SECTIONS; i++)
        kept[i] = *sections[i];
    return cfg_load(out, dir, kept, N_SECTIONS, err);
}

/* The tables and the graph of the stages: what is wrong shows before anything starts. */
static int load(const struct cli *cli, struct cfg **out, struct err *err)
{
    struct stages *stages = NULL;
    struct standing *standing = NULL;
    struct site *site = NULL;
    char name[4096];
    int rc = load_from(out, find_config_dir(cli, name, sizeof name), err);
    struct export_policy policy;
    if (rc < 0)
        return rc;
    rc = stages_load(&stages, *out, err);
    if (rc == ERR_OK)
        rc = standing_load(&standing, *out, err);
    if (rc == ERR_OK)
        rc = export_policy_read(&policy, *out, err);
    if (rc == ERR_OK)
        rc = site_load(&site, *out, err);
    stages_free(&stages);
    standing_free(&standing);
    site_free(&site);
    if (rc < 0)
        cfg_free(out);
    return rc;
}

/* Each of them is free now; whoever begins last would not get his. */
static int try_ports(const struct cfg *cfg, struct err *err)
{
    static const struct {
        const char *section, *key;
    } ports[] = {{"receive", "listen"},
                 {"receive", "tls_listen"},
                 {"telemetry", "listen"},
                 {"telemetry", "tls_listen"},
                 {"serve", "listen"}};
    enum { N = sizeof ports / sizeof *ports };
    bool used[N];
    for (int i = 0; i < N; i++)
        used[i] =
            cfg_bool(cfg, ports[i].section, "enabled") &&
            (strcmp(ports[i].key, "listen") == 0 || cfg_text(cfg, ports[i].section, "tls_cert")[0]);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i; k++) {
            if (!used[i] || !used[k] || strcmp(ports[i].section, ports[k].section) == 0 ||
                !listen_same(cfg_text(cfg, ports[k].section, ports[k].key),
                             cfg_text(cfg, ports[i].section, ports[i].key)))
                continue;
            err_set(err, ERR_CONFIG, "[%s] %s has the same port", ports[k].section, ports[k].key);
            return cfg_blame(cfg, ports[i].section, ports[i].key, err);
        }
    return ERR_OK;
}

static int try_all(const struct cli *cli, const struct cfg *cfg, const struct cfg *old,
                   struct err *err)
{
    int rc = site_try(cfg, old, err);
    if (rc == ERR_OK)
        rc = receive_try(cfg, old, err);
    if (rc == ERR_OK)
        rc = telemetry_try(cfg, old, err);
    if (rc == ERR_OK)
        rc = watch_try(cli->root, cfg, err);
    if (rc == ERR_OK)
        rc = export_try(cfg, err);
    if (rc == ERR_OK)
        rc = serve_try(cli->root, cfg, old, err);
    if (rc == ERR_OK)
        rc = try_ports(cfg, err);
    return rc < 0 ? rc : run_try(cli->root, cfg, err);
}

/* What ps and top show: run names its processes by argv[0], and began us as /proc/self/exe. */
static void take_name(char **argv, int argc)
{
    static const char title[] = "dashspool: ";
    size_t n = sizeof title - 1;
    bool named = argc > 0 && strncmp(argv[0], title, n) == 0;
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        prctl(PR_SET_NAME, argv[1]);
    else if (named)
        prctl(PR_SET_NAME, argv[0] + n);
}

int main(int argc, char **argv)
{
    static const struct cli_settings settings = {sections, N_SECTIONS,      DASHSPOOL_PIPELINE_D,
                                                 load,     find_config_dir, try_all};
    take_name(argv, argc);
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0) /* of our own making, not a person's */
        return confine_child();
    umask(umask(0) | 027); /* footage is nobody else's business */
    return cli_main(argc, argv, &settings);
}

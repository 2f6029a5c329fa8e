/* run, receive, watch, work, serve, config: the parts that run by themselves, and their settings.
 */
#include "cli_internal.h"
#include "dashspool/able.h"
#include "dashspool/log.h"
#include "dashspool/receive.h"
#include "dashspool/run.h"
#include "dashspool/serve.h"
#include "dashspool/site.h"
#include "dashspool/telemetry.h"
#include "dashspool/watch.h"
#include "dashspool/work.h"
#include <string.h>

/* ---- run ---- */

/* What is odd in the settings, for the log of what runs on. */
static void log_warnings(const struct cfg *cfg, const char *stage)
{
    const char *text;
    for (size_t i = 0; (text = cfg_warning(cfg, i)) != NULL; i++)
        log_warn(stage, "odd settings", LOG_TEXT("reason", text));
}

static int load(void *arg, const struct cfg *old, struct cfg **out, struct err *err)
{
    const struct cli *cli = arg;
    int rc = cli->settings->load(cli, out, err);
    if (rc < 0)
        return rc;
    log_warnings(*out, "run");
    if ((rc = cli->settings->try(cli, *out, old, err)) < 0)
        cfg_free(out);
    return rc;
}

/* At the start what works begins, whatever else is wrong. */
static int run_run(struct cli *cli, const struct cli_args *args)
{
    struct err err;
    (void)args;
    log_warnings(cli->cfg, "run");
    if (cli->settings->try(cli, cli->cfg, NULL, &err) < 0)
        log_error("run", "wrong settings", LOG_ERR(&err));
    int rc = run_stages(cli->root, cli->cfg, load, cli, &err);
    return rc < 0 ? cli_fail_or_usage("run", &err) : CLI_OK;
}

const struct cli_command cli_run = {
    .name = "run",
    .group = CLI_OPERATE,
    .summary = "run all enabled stages and keep them running",
    .prose = "Run every enabled stage in a process of its own and restart any that ends: receiver, "
             "watched folders, convert, export and [exec NAME] workers, web pages, retention "
             "sweeps. SIGHUP reloads the settings; SIGTERM or Ctrl-C stops everything. Under "
             "systemd: Type=notify and a watchdog.",
    .example = "dashspool --root /srv/dashcam run",
    .run = run_run,
};

/* ---- receive ---- */

#define SECTION &receive_cfg_section
static const struct cli_option receive_options[] = {
    {OPT_SETTING("listen", "HOST:PORT", "listen",
                 "address to listen on (default 0.0.0.0:7160; port 0: any free port)")},
    {OPT_SETTING("tls-cert", "FILE", "tls_cert",
                 "PEM certificate chain; with --tls-key it opens a separate TLS port")},
    {OPT_SETTING("tls-key", "FILE", "tls_key", "PEM key of the certificate")},
    {OPT_SETTING("tls-listen", "HOST:PORT", "tls_listen",
                 "address of the TLS port (default 0.0.0.0:7161)")},
    {OPT_SETTING("tls-client-ca", "FILE", "tls_client_ca",
                 "accept only trackers whose certificate is signed by one of these CAs")},
    {OPT_SETTING("allow", "FILE", "allow",
                 "accept only the IMEIs in this file (one per line, # comments)")},
    {OPT_SETTING("learn", NULL, "learn", "add unknown IMEIs to that file and accept them")},
    {OPT_SETTING("user", "NAME", "user",
                 "when started as root: user to switch to once the ports are open")},
    {0}};
#undef SECTION

static int run_receive(struct cli *cli, const struct cli_args *args)
{
    struct err err;
    (void)args;
    log_warnings(cli->cfg, "receive");
    int rc = receive_run(cli->root, cli->cfg, &err);
    return rc < 0 ? cli_fail_or_usage("receive", &err) : CLI_OK;
}

const struct cli_command cli_receive = {
    .name = "receive",
    .group = CLI_RECEIVE,
    .summary = "receive files from cameras",
    .prose = "Receive files from cameras until SIGTERM or Ctrl-C. Set the trackers' camera server "
             "to this host and port. SIGHUP reloads the allow-list and the certificate.",
    .options = receive_options,
    .example = "dashspool --root /srv/dashcam receive --listen 0.0.0.0:7160",
    .user = CLI_AS_OWNER_LATER,
    .run = run_receive,
};

/* ---- telemetry ---- */

#define SECTION &telemetry_cfg_section
static const struct cli_option telemetry_options[] = {
    {OPT_SETTING("listen", "HOST:PORT", "listen",
                 "address to listen on (default 0.0.0.0:5027; port 0: any free port)")},
    {OPT_SETTING("tls-cert", "FILE", "tls_cert",
                 "PEM certificate chain; with --tls-key it opens a separate TLS port")},
    {OPT_SETTING("tls-key", "FILE", "tls_key", "PEM key of the certificate")},
    {OPT_SETTING("tls-listen", "HOST:PORT", "tls_listen",
                 "address of the TLS port (default 0.0.0.0:5028)")},
    {OPT_SETTING("tls-client-ca", "FILE", "tls_client_ca",
                 "accept only trackers whose certificate is signed by one of these CAs")},
    {OPT_SETTING("user", "NAME", "user",
                 "when started as root: user to switch to once the ports are open")},
    {0}};
#undef SECTION

static int run_telemetry(struct cli *cli, const struct cli_args *args)
{
    struct err err;
    (void)args;
    log_warnings(cli->cfg, "telemetry");
    int rc = telemetry_run(cli->root, cli->cfg, &err);
    return rc < 0 ? cli_fail_or_usage("telemetry", &err) : CLI_OK;
}

const struct cli_command cli_telemetry = {
    .name = "telemetry",
    .group = CLI_RECEIVE,
    .summary = "receive records from trackers",
    .prose =
        "Receive the records of trackers (Teltonika AVL data: Codec 8, 8 Extended and 16, over "
        "TCP) until SIGTERM or Ctrl-C, and send them the commands of requests. Each record is "
        "stored once, and acknowledged when it is on disk. Accepted are the trackers of "
        "[receive] allow. SIGHUP reloads that list and the certificate.",
    .options = telemetry_options,
    .example = "dashspool --root /srv/dashcam telemetry --listen 0.0.0.0:5027",
    .user = CLI_AS_OWNER_LATER,
    .run = run_telemetry,
};

/* ---- watch ---- */

#define SECTION &watch_cfg_section
static const struct cli_option watch_options[] = {
    {CLI_SETTING, "after", "WHAT",
     "what to do with a file once its original is stored: {} (default keep)",
     .words = "keep move remove", .section = SECTION, .key = "after"},
    {OPT_SETTING("done", "DIR", "done",
                 "destination of 'move' (default: 'done' in the watched folder)")},
    {0}};
#undef SECTION

static int run_watch(struct cli *cli, const struct cli_args *args)
{
    struct err err;
    log_warnings(cli->cfg, "watch");
    int rc = watch_run(cli->root, cli->cfg, args->operand, args->n_operands, &err);
    return rc < 0 ? cli_fail_or_usage("watch", &err) : CLI_OK;
}

const struct cli_command cli_watch = {
    .name = "watch",
    .group = CLI_RECEIVE,
    .summary = "import footage from watched folders, continuously",
    .prose = "Import footage that people, FTP, SMB, rsync or the vendor's tool put into these "
             "folders, until SIGTERM or Ctrl-C. A file is imported once it has not changed for "
             "quiet_s and looks complete, or in any case after patience_s. See 'dashspool import "
             "--help' for the sidecar files that are read, and how the tracker and camera are "
             "identified. Without DIR, the folders of the settings are watched.",
    .options = watch_options,
    .example = "dashspool --root /srv/dashcam watch /srv/ftp/incoming --after move",
    .operand = "DIR",
    .operands_max = CLI_MANY,
    .run = run_watch,
};

/* ---- work ---- */

#define AT(field) offsetof(struct work_request, field)
static const struct cli_option work_options[] = {
    {OPT_FLAG("once", once,
              "process the jobs that are ready, then exit; jobs waiting for a retry are left; "
              "exit status 1 if a job failed or is waiting")},
    {OPT_TEXT("stage", "NAME", stage,
              "only this stage: convert, export, or NAME of an [exec NAME]")},
    {OPT_INT("workers", "N", workers, 1, 64,
             "parallel processes for each stage (default: from the settings)")},
    {0}};

static int run_work(struct cli *cli, const struct cli_args *args)
{
    const struct work_request *how = args->options;
    struct err err;
    struct work_tally tally;
    log_warnings(cli->cfg, "work");
    if (work_jobs(cli->root, cli->cfg, how, &tally, &err) < 0)
        return cli_fail_or_usage("work", &err);
    if (!how->once)
        return CLI_OK;
    if (!log_is_plain()) {
        log_info("work", "all done", LOG_INT("jobs", tally.done), LOG_INT("failed", tally.failed),
                 LOG_INT("later", tally.later));
        return tally.failed > 0 || tally.later > 0 ? CLI_FAILED : CLI_OK;
    }
    fprintf(stderr, "%lld %s done, %d failed", SIZE_COUNT(tally.done, "job", "jobs"), tally.failed);
    if (tally.later > 0)
        fprintf(stderr, ", %d to be retried", tally.later);
    if (tally.waiting > 0)
        fprintf(stderr, ", %d waiting for the rest of their events", tally.waiting);
    if (tally.lost > 0)
        fprintf(stderr, ", %d lost to other workers", tally.lost);
    fprintf(stderr, "\n");
    if (tally.failed > 0)
        fprintf(stderr, "see %s/spool/*/failed/*/reason.txt, then 'dashspool retry'\n",
                cli_shell(cli->root));
    return tally.failed > 0 || tally.later > 0 ? CLI_FAILED : CLI_OK;
}

const struct cli_command cli_work = {
    .name = "work",
    .group = CLI_CONVERT,
    .summary = "process the queue: make copies, run [exec] commands",
    .prose = "Work through the queue: make copies and packages and run [exec] commands, until "
             "SIGTERM or Ctrl-C. Several may work on one ROOT at the same time, also beside "
             "'run': each job is done by one of them.",
    .options = work_options,
    .example = "dashspool --root /srv/dashcam work --once",
    .room = sizeof(struct work_request),
    .run = run_work,
};

/* ---- serve ---- */

#define SECTION &serve_cfg_section
static const struct cli_option serve_options[] = {
    {OPT_SETTING("listen", "HOST:PORT", "listen",
                 "address to listen on (default 127.0.0.1:7180; port 0: any free port)")},
    {OPT_SETTING("token-file", "FILE", "token_file",
                 "file whose first line is a token of at least 16 characters; browsers ask for it, "
                 "programs send 'Authorization: Bearer TOKEN'; it only lets look")},
    {OPT_SETTING("tls-cert", "FILE", "tls_cert",
                 "certificate in PEM, then its intermediate certificates: the pages by https")},
    {OPT_SETTING("tls-key", "FILE", "tls_key", "private key of the certificate, in PEM")},
    {0}};

static int run_serve(struct cli *cli, const struct cli_args *args)
{
    struct err err;
    (void)args;
    log_warnings(cli->cfg, "serve");
    int rc = serve_run(cli->root, cli->cfg, &err);
    return rc < 0 ? cli_fail_or_usage("serve", &err) : CLI_OK;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .group = CLI_LOOK,
    .summary = "serve the web pages",
    .prose = "Serve the web pages: events with their videos, facts and custody records, and what "
             "people do with them. On 127.0.0.1 (the default) any user of this computer may "
             "everything until there are people ('dashspool user add'); any other address "
             "requires people or a token. Over a network use --tls-cert and --tls-key, a reverse "
             "proxy with a certificate, or an SSH tunnel (ssh -L 7180:localhost:7180 HOST). SIGHUP "
             "reloads the certificate.",
    .options = serve_options,
    .example = "dashspool --root /srv/dashcam serve",
    .run = run_serve,
};

/* ---- config ---- */

static const struct cli_option config_options[] = {
    {CLI_FLAG, "check", NULL,
     "validate the settings and try what they name (ports, files, certificates, folders, "
     "programs); exit status 2, with file and line, if something is wrong",
     .offset = 0},
    {0}};

static void print_key(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                      const char *value, const char *origin)
{
    const char **last = arg;
    if (!*last || strcmp(*last, section->name) != 0)
        printf("%s[%s]\n", *last ? "\n" : "", section->name);
    *last = section->name;
    int n = printf("%s = %s", key->name, cli_shown(value));
    printf("%*s # %s; %s; from %s\n", n < 28 ? 28 - n : 0, "", key->help, key->unit,
           cli_shown(origin));
}

/* What database and store of the site can do. */
static int check_site(const struct cli *cli, struct err *err)
{
    const struct site *site = site_used();
    struct able_database database;
    struct able_store store;
    char text[ABLE_TEXT_ROOM];
    if (!site)
        return ERR_OK;
    if (able_database(site, &database, err) < 0)
        return cfg_blame(cli->cfg, "site", "database", err);
    bool works = able_database_text(&database, site, text);
    fputs(text, works ? stdout : stderr);
    if (!works) {
        err_set(err, ERR_CONFIG, "a site cannot work with this database (see above)");
        return cfg_blame(cli->cfg, "site", "database", err);
    }
    if (able_store(site, &store, err) < 0)
        return cfg_blame(cli->cfg, "site", "objects", err);
    able_store_text(&store, site, text);
    fputs(text, stdout);
    return ERR_OK;
}

static int run_config(struct cli *cli, const struct cli_args *args)
{
    const bool *check = args->options;
    const char *last = NULL, *text;
    struct err err;
    if (!*check) {
        cfg_each(cli->cfg, print_key, &last);
        return CLI_OK;
    }
    for (size_t i = 0; (text = cfg_warning(cli->cfg, i)) != NULL; i++)
        fprintf(stderr, "dashspool: warning: %s\n", cli_shown(text));
    if (cli->settings->try(cli, cli->cfg, NULL, &err) < 0 || check_site(cli, &err) < 0) {
        fprintf(stderr, "dashspool: %s\n", cli_shown(err.text));
        return CLI_USAGE;
    }
    puts("settings are valid");
    return CLI_OK;
}

const struct cli_command cli_config = {
    .name = "config",
    .group = CLI_OPERATE,
    .summary = "print every setting, its value and its origin",
    .prose = "Print every setting, its value and where it was set.",
    .options = config_options,
    .example = "dashspool --config /etc/dashspool/pipeline.d config --check",
    .room = sizeof(bool),
    .run = run_config,
};

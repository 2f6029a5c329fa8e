#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/listen.h"
#include "dashspool/log.h"
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include "dashspool/spool.h"
#include "dashspool/status.h"
#include "dashspool/stop.h"
#include "serve_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cfg_key keys[] = {
    {"enabled", CFG_BOOL, "yes or no", 0, 0, "no", "whether 'dashspool run' starts it"},
    {"listen", CFG_TEXT, "HOST:PORT", 1, 300, "127.0.0.1:7180",
     "address to listen on; any other than loopback requires people or token_file", listen_check},
    {"token_file", CFG_TEXT, "path", 0, 4000, "",
     "file whose first line is an access token that lets programs and browsers look"},
    {"tls_cert", CFG_TEXT, "path", 0, 4000, "",
     "PEM file: the certificate, then its intermediate certificates; empty: no TLS"},
    {"tls_key", CFG_TEXT, "path", 0, 4000, "", "PEM file: the private key of the certificate"},
    {"session_idle", CFG_SPAN, "time", 60000, 31LL * 86400000, "12 h",
     "log in again after so long without a page"},
    {"session_max", CFG_SPAN, "time", 60000, 366LL * 86400000, "7 d",
     "log in again after so long in any case"},
    {"trusted_proxy", CFG_TEXT, "addresses", 0, 1000, "",
     "proxies that are believed who asks (X-Forwarded-For, Forwarded): addresses, networks"},
    {"access_days", CFG_INT, "days", 1, 3650, "90",
     "how long access/ remembers who logged in and looked at which video"},
    {"upload_max_gb", CFG_INT, "GB", 1, 100000, "20",
     "size of an upload to the pages, all its files"},
    {"outcomes_h", CFG_INT, "hours", 1, 8760, "72",
     "how long the pages can tell what became of an action"},
};
const struct cfg_section serve_cfg_section = {"serve", keys, sizeof keys / sizeof *keys};

static int check_zone(const char *value, struct err *err)
{
    struct clock_tz *tz = NULL;
    struct err unimportant;
    int rc = value[0] ? clock_tz_open(&tz, value, &unimportant) : ERR_OK;
    clock_tz_free(&tz);
    return rc < 0 ? err_set(err, ERR_CONFIG,
                            "expected a time zone in " CLOCK_TZ_DATABASE " such as Europe/Berlin")
                  : ERR_OK;
}

static const struct cfg_key ui_keys[] = {
    {"language", CFG_TEXT, "auto, en, de", 2, 15, "auto",
     "language of the pages; auto: the one that the browser asks for", web_language_check},
    {"zone", CFG_TEXT, "time zone", 0, 63, "",
     "time zone of the pages' days, and of times without one; empty: this computer's", check_zone},
    {"tiles", CFG_TEXT, "file or address", 0, 1000, "",
     "streets of maps: a file *.mbtiles, or https://HOST/…/{z}/{x}/{y}…; empty: outlines of "
     "countries, and nothing is loaded from elsewhere",
     map_check},
    {"tiles_credit", CFG_TEXT, "text", 0, 300, "", "whose streets these are, below each map"},
};
const struct cfg_section ui_cfg_section = {"ui", ui_keys, sizeof ui_keys / sizeof *ui_keys};

/* ---- pages without a file of their own ---- */

static int serve_health(void *app, const struct web_ask *ask, struct web_answer *out,
                        struct err *err)
{
    struct serve *s = app;
    struct catalogue_counts counts;
    struct buf b;
    (void)ask;
    int rc = catalogue_count(s->catalogue, &counts, err);
    buf_init(&b, 16);
    if (rc == ERR_OK && (rc = buf_append(&b, "ok\n", 3, err)) == ERR_OK)
        rc = web_send(&b, 200, "text/plain; charset=utf-8", "no-store", out, err);
    buf_clear(&b);
    return rc;
}

/* ---- who answers ---- */

static const struct web_route routes[] = {
    {"/", false, false, PEOPLE_VIEWER, serve_events},
    {"/event/", true, false, PEOPLE_VIEWER, serve_event},
    {"/transfer/", true, false, PEOPLE_VIEWER, serve_transfer},
    {"/copy/", true, false, PEOPLE_VIEWER, serve_copy},
    {"/original/", true, false, PEOPLE_REVIEWER, serve_original},
    {"/assets/", true, false, PEOPLE_NOBODY, serve_asset},
    {"/healthz", false, false, PEOPLE_NOBODY, serve_health},
    {"/vehicles", false, false, PEOPLE_VIEWER, serve_vehicles},
    {"/vehicle/", true, false, PEOPLE_VIEWER, serve_vehicle},
    {"/map", false, false, PEOPLE_VIEWER, serve_map},
    {"/tiles/", true, false, PEOPLE_VIEWER, serve_tile},
    {"/status", false, false, PEOPLE_VIEWER, serve_state},
    {"/requests", false, false, PEOPLE_VIEWER, serve_requests},
    {"/live", false, false, PEOPLE_VIEWER, serve_live},
    {"/status.json", false, false, PEOPLE_VIEWER, serve_state_json},
    {"/metrics", false, false, PEOPLE_VIEWER, serve_metrics},
    {"/action", false, true, PEOPLE_VIEWER, serve_action},
    {"/upload", false, false, PEOPLE_REVIEWER, serve_upload},
    {"/upload", false, true, PEOPLE_REVIEWER, upload_all, &upload_form},
    {"/upload/new", false, true, PEOPLE_REVIEWER, upload_new},
    {"/upload/state", false, false, PEOPLE_REVIEWER, upload_state},
    {"/upload/put", false, true, PEOPLE_REVIEWER, upload_put, &upload_piece},
    {"/upload/done", false, true, PEOPLE_REVIEWER, upload_done},
    {"/action/", true, false, PEOPLE_VIEWER, serve_did},
    {"/packages", false, false, PEOPLE_VIEWER, serve_packages},
    {"/package/", true, false, PEOPLE_REVIEWER, serve_package},
};

static int between(void *app, struct err *err)
{
    struct serve *s = app;
    upload_sweep(s);
    live_tell(s);
    return catalogue_there(s->catalogue, err); /* who starts it again opens what is there now */
}

int serve_try(const char *root, const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    return cfg_bool(cfg, "serve", "enabled") ? web_try(root, cfg, old, err) : ERR_OK;
}

/* Shuts this process in, for good: all that it can write are new jobs of people, and what they
 * upload; of a site, where jobs are rows, copies that it fetched. The catalogue of this machine
 * alone it has open to look only. /proc/locks: who works at a job, as a status tells. */
static int enter_sandbox(const struct cfg *cfg, const char *root, struct err *err)
{
    static const char zones[] = CLOCK_TZ_DATABASE;
    static const char letters[] = "/usr/lib/locale"; /* upper and lower case of names (bag.h) */
    const char *const dirs[] = {root, NULL}, *const reads[] = {zones, letters, NULL};
    const char *const reread[] = {cfg_text(cfg, "serve", "tls_cert"),
                                  cfg_text(cfg, "serve", "tls_key"), NULL};
    char *writes[5] = {NULL};
    struct sandbox_report report;
    int n = 0, rc = ERR_OK;
    if (site_used()) {
        rc = fsx_path(&writes[n++], err, "%s/" COPIES_FETCHED, root);
        if (rc == ERR_OK)
            rc = fsx_mkdirs(writes[0], err);
    } else {
        rc = fsx_path(&writes[n++], err, "%s/spool/" ACTIONS_STAGE "/tmp", root);
        if (rc == ERR_OK)
            rc = fsx_path(&writes[n++], err, "%s/spool/" ACTIONS_STAGE "/new", root);
    }
    if (rc == ERR_OK)
        rc = fsx_path(&writes[n], err, "%s/upload", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(writes[n++], err);
    if (rc == ERR_OK)
        rc = fsx_path(&writes[n], err, "%s/access", root);
    struct sandbox_rules rules = {.kind = SANDBOX_SERVER,
                                  .stage = "serve",
                                  .read = {"/proc/locks"},
                                  .reads = reads,
                                  .read_dirs = dirs,
                                  .reread = reread,
                                  .write_dirs = (const char *const *)writes,
                                  .connects = site_reads(site_used())};
    if (rc == ERR_OK)
        rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn("serve", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        free(writes[i]);
    return rc;
}

int serve_run(const char *root, const struct cfg *cfg, struct err *err)
{
    struct serve s = {.cfg = cfg};
    const struct web_app app = {.app = &s,
                                .routes = routes,
                                .n_routes = sizeof routes / sizeof *routes,
                                .begin = serve_begin,
                                .end = serve_end,
                                .between = between};
    char *real = NULL;
    struct stop stop;
    int rc = stop_open(&stop, "serve", err);
    if (rc == ERR_OK && cfg_text(cfg, "serve", "tls_cert")[0]) /* before it is read at first */
        rc = stop_reloads(&stop, err);
    if (rc == ERR_OK)
        rc = catalogue_ready_for_reader(root, err);
    if (rc == ERR_OK && !(s.root = real = realpath(root, NULL)))
        rc = err_sys(err, "%s", root);
    if (rc == ERR_OK)
        rc = when_open(&s, err);
    if (rc == ERR_OK && (rc = raw_open(&s.raw, s.root, err)) == ERR_OK &&
        (rc = spool_open(&s.actions, s.root, ACTIONS_STAGE, err)) == ERR_OK)
        rc = map_open(&s, err);
    if (rc == ERR_OK)
        rc = web_open(&s.web, s.root, cfg, &app, err);
    if (rc == ERR_OK)
        rc = enter_sandbox(cfg, s.root, err);
    if (rc == ERR_OK) /* not before: SQLite opens the log for writing, where it can */
        rc = catalogue_open_reader(&s.catalogue, s.root, err);
    if (rc == ERR_OK) {
        /* Who started it waits for these words, in the log of a machine, too. */
        char address[LISTEN_NAME_ROOM], words[128];
        web_address(s.web, address, sizeof address);
        snprintf(words, sizeof words, "listening on %s", address);
        if (log_is_plain())
            fprintf(stderr, "%s\n", words);
        else
            log_event(LOG_LEVEL_INFO, "serve", words, LOG_FIELDS(LOG_TEXT("address", address)));
        fflush(stderr);
        rc = web_run(s.web, &stop, err);
    }
    web_close(&s.web);
    map_close(&s);
    status_free(&s.state);
    clock_tz_free(&s.zone);
    raw_close(&s.raw);
    spool_close(&s.actions);
    catalogue_close(&s.catalogue);
    free(real);
    stop_close(&stop);
    return rc;
}

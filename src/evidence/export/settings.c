/* What [export] says. */
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/seal.h"
#include "dashspool/wire.h"
#include <stdio.h>
#include <string.h>

static bool is_known(const char *name)
{
    for (int kind = 0; kind < WIRE_N_KINDS; kind++)
        if (wire_trigger_value((enum wire_meta_kind)kind, name) >= 0)
            return true;
    return strcmp(name, "all") == 0;
}

/* Those without a name are "trigger-37". */
static bool is_number(const char *name)
{
    size_t n = strlen("trigger-");
    return strncmp(name, "trigger-", n) == 0 && name[n] &&
           name[n + strspn(name + n, "0123456789")] == '\0';
}

/* The next word of a list with commas; *text goes behind it. False: there is none. */
static bool next_word(const char **text, char out[WIRE_TRIGGER_ROOM])
{
    *text += strspn(*text, ", ");
    size_t n = strcspn(*text, ", ");
    snprintf(out, WIRE_TRIGGER_ROOM, "%.*s", n < WIRE_TRIGGER_ROOM ? (int)n : WIRE_TRIGGER_ROOM,
             *text);
    *text += n;
    return n > 0;
}

/* A word that no camera says would keep all packages from being made. */
static int check_triggers(const char *value, struct err *err)
{
    char word[WIRE_TRIGGER_ROOM];
    int n = 0;
    for (const char *at = value; next_word(&at, word); n++)
        if (!is_known(word) && !is_number(word))
            return err_set(err, ERR_CONFIG,
                           "triggers = %.60s: unknown trigger '%s'; known: request none "
                           "crash towing idling geofence unplug green-driving periodic din1 … din4 "
                           "dsm-event retransmit trigger-N, or all",
                           value, word);
    return n > 0 ? ERR_OK
                 : err_set(err, ERR_CONFIG,
                           "triggers: name at least one, or all; to switch exports off, set "
                           "enabled = no");
}

static const struct cfg_key keys[] = {
    {"triggers", CFG_TEXT, "names of triggers, with commas", 0, 400, "crash",
     "triggers whose events are packaged: crash, towing …; or all", check_triggers},
    {"format", CFG_WORD, "zip folder", 0, 0, "zip", "format of packages"},
    {"dir", CFG_TEXT, "path; empty: ROOT/packages", 0, 4000, "", "folder for packages"},
    {"window", CFG_SPAN, "time", 0, EXPORT_EVENT_SPAN_US / 1000, "1 min",
     "transfers of a vehicle with the same trigger form one event if they start within this time "
     "of each other"},
    {"settle", CFG_SPAN, "time", 0, 7 * 86400 * INT64_C(1000), "15 min",
     "package an event once nothing more of it has been received for this long"},
    {"broken_off", CFG_SPAN, "time; 0: never", 0, 7 * 86400 * INT64_C(1000), "1 h",
     "package a partial transfer once its camera has not resumed it for this long"},
    {"who", CFG_TEXT, "text", 0, 100, "",
     "name of the exporter, for the package and the custody record"},
    {"protect", CFG_BOOL, "yes or no", 0, 0, "yes",
     "protect packaged transfers from the retention rules"},
    {"sign_cert", CFG_TEXT, "path", 0, 4000, "", "signing certificate (PEM)"},
    {"sign_key", CFG_TEXT, "path, or a pkcs11: URI", 0, 4000, "", "private key of sign_cert"},
    {"tsa", CFG_TEXT, "URL", 0, 1000, "", "URL of a time-stamping authority (RFC 3161)"},
};

const struct cfg_section export_cfg_section = {"export", keys, sizeof keys / sizeof *keys};

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

int export_policy_read(struct export_policy *out, const struct cfg *cfg, struct err *err)
{
    const char *who = cfg_text(cfg, "export", "who");
    *out = (struct export_policy){
        .triggers = cfg_text(cfg, "export", "triggers"),
        .zip = strcmp(cfg_text(cfg, "export", "format"), "zip") == 0,
        .protect = cfg_bool(cfg, "export", "protect"),
        .dir = cfg_text(cfg, "export", "dir"),
        .window_us = cfg_ms(cfg, "export", "window") * 1000,
        .settle_us = cfg_ms(cfg, "export", "settle") * 1000,
        .broken_off_us = cfg_ms(cfg, "export", "broken_off") * 1000,
        .who = who[0] ? who : "dashspool " DASHSPOOL_VERSION " export",
        .sign_cert = or_null(cfg_text(cfg, "export", "sign_cert")),
        .sign_key = or_null(cfg_text(cfg, "export", "sign_key")),
        .tsa_url = or_null(cfg_text(cfg, "export", "tsa")),
    };
    if (!out->sign_cert == !out->sign_key)
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "%s: [export] sign_cert and sign_key must be set together",
                   cfg_origin(cfg, "export", out->sign_cert ? "sign_cert" : "sign_key"));
}

static int blame(const struct cfg *cfg, const char *key, struct err *err)
{
    return cfg_blame(cfg, "export", key, err);
}

int export_try(const struct cfg *cfg, struct err *err)
{
    struct export_policy p;
    struct seal_key *key = NULL;
    if (!cfg_bool(cfg, "export", "enabled"))
        return ERR_OK;
    int rc = export_policy_read(&p, cfg, err);
    if (rc < 0)
        return rc;
    if (p.dir[0] && fsx_check_dir(p.dir, err) < 0)
        return blame(cfg, "dir", err);
    if (p.tsa_url && strncmp(p.tsa_url, "http://", 7) != 0 &&
        strncmp(p.tsa_url, "https://", 8) != 0) {
        err_set(err, ERR_CONFIG, "expected a URL that begins with http:// or https://");
        return blame(cfg, "tsa", err);
    }
    if (!p.sign_cert)
        return ERR_OK;
    if (fsx_check_file(p.sign_cert, err) < 0)
        return blame(cfg, "sign_cert", err);
    if (strncmp(p.sign_key, "pkcs11:", 7) != 0 && fsx_check_file(p.sign_key, err) < 0)
        return blame(cfg, "sign_key", err);
    rc = seal_key_open(&key, p.sign_cert, p.sign_key, clock_utc_us(), err);
    seal_key_free(&key);
    size_t n = strlen(p.sign_key);
    return rc < 0
               ? blame(cfg, strncmp(err->text, p.sign_key, n) == 0 ? "sign_key" : "sign_cert", err)
               : ERR_OK;
}

bool export_policy_wants(const struct export_policy *policy, const char *trigger)
{
    char word[WIRE_TRIGGER_ROOM];
    for (const char *at = policy->triggers; next_word(&at, word);)
        if (strcmp(word, trigger) == 0 || strcmp(word, "all") == 0)
            return true;
    return false;
}

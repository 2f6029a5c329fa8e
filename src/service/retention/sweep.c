#include "dashspool/clock.h"
#include "sweep_internal.h"
#include <stdlib.h>
#include <sys/statvfs.h>

static int check_masters(const char *value, struct err *err)
{
    struct rules rules;
    return rules_parse(value, RULES_FOR_MASTERS, &rules, err);
}

static int check_copies(const char *value, struct err *err)
{
    struct rules rules;
    return rules_parse(value, RULES_FOR_COPIES, &rules, err);
}

static int check_jobs(const char *value, struct err *err)
{
    struct rules rules;
    return rules_parse(value, RULES_FOR_JOBS, &rules, err);
}

static const struct cfg_key keys[] = {
    {"every_min", CFG_INT, "minutes; 0: never", 0, 100000, "0",
     "how often 'run' applies the rules; 'dashspool sweep' does so on demand"},
    {"masters", CFG_TEXT, "rules", 0, 2000, "",
     "rules for originals, including their copies: video 90d, photo 1y 20GB/camera", check_masters},
    {"copies", CFG_TEXT, "rules", 0, 2000, "",
     "rules for copies alone (originals are kept): viewing 30d, 100GB", check_copies},
    {"failed", CFG_TEXT, "rules", 0, 2000, "", "rules for failed jobs: 90d", check_jobs},
    {"partials_h", CFG_INT, "hours", 0, 1000000, "168",
     "how long a partial transfer is kept for its camera to resume"},
    {"warn_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "0",
     "warn when ROOT's disk has less free space"},
    {"delete_free_mib", CFG_INT, "MiB; 0: never", 0, 1 << 30, "0",
     "below this, delete the oldest unprotected originals regardless of age rules, except "
     "'forever'; below [receive] min_free_mib the receiver refuses data"},
};
const struct cfg_section retention_cfg_section = {SWEEP_SECTION, keys, sizeof keys / sizeof *keys};

void sweep_tell(struct sweep *s, const struct retention_swept *item)
{
    s->out->bytes += item->bytes;
    s->listener->swept(s->listener->arg, item);
}

int sweep_trouble(struct sweep *s, const char *name, int rc, const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    s->out->troubles++;
    s->listener->trouble(s->listener->arg, name, err->text);
    return ERR_OK;
}

bool sweep_ended(const struct sweep *s)
{
    return s->listener->go_on && !s->listener->go_on(s->listener->arg);
}

int sweep_note(struct sweep *s, const char *id, const char *event, char *what, struct err *err)
{
    const struct custody_event e = {clock_utc_us(), event, "dashspool " DASHSPOOL_VERSION " sweep",
                                    what};
    int rc = what ? catalogue_event_add(s->catalogue, id, &e, err)
                  : err_set(err, ERR_NOMEM, "%s: no memory for its custody", id);
    free(what);
    return rc;
}

int sweep_free_bytes(const struct sweep *s, int64_t *out, struct err *err)
{
    struct statvfs v;
    *out = 0;
    if (statvfs(s->root, &v) < 0)
        return err_sys(err, "look at the space of %s", s->root);
    *out = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    return ERR_OK;
}

/* ---- open, run, close ---- */

static int parse(struct sweep *s, struct err *err)
{
    int rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "masters"), RULES_FOR_MASTERS, &s->masters,
                         err);
    if (rc == ERR_OK)
        rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "copies"), RULES_FOR_COPIES, &s->copies,
                         err);
    if (rc == ERR_OK)
        rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "failed"), RULES_FOR_JOBS, &s->jobs, err);
    return rc;
}

static int open_all(struct sweep *s, struct err *err)
{
    int rc = parse(s, err);
    if (rc == ERR_OK)
        rc = catalogue_open(&s->catalogue, s->root, false, err);
    if (rc == ERR_OK)
        rc = raw_open(&s->raw, s->root, err);
    if (rc == ERR_OK)
        rc = spools_open(&s->spools, s->root, NULL, NULL, err);
    return rc;
}

static int run(struct sweep *s, struct err *err)
{
    static int (*const rooms[])(struct sweep *, struct err *) = {
        sweep_due, sweep_jobs, sweep_copies, sweep_masters, sweep_due, sweep_space};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof rooms / sizeof *rooms; i++)
        rc = rooms[i](s, err);
    if (rc == ERR_OK)
        rc = sweep_free_bytes(s, &s->out->free_bytes, err);
    s->out->low = s->out->free_bytes < cfg_int(s->cfg, SWEEP_SECTION, "warn_free_mib") << 20;
    return rc;
}

int retention_sweep(const char *root, const struct cfg *cfg, const struct upkeep_stages *stages,
                    bool dry_run, const struct retention_listener *listener,
                    struct retention_result *out, struct err *err)
{
    struct sweep *s = calloc(1, sizeof *s);
    *out = (struct retention_result){0};
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory to sweep");
    s->root = root;
    s->cfg = cfg;
    s->stages = stages;
    s->dry_run = dry_run;
    s->listener = listener;
    s->out = out;
    s->now_us = clock_utc_us();
    s->young_us = s->now_us - cfg_int(cfg, SWEEP_SECTION, "partials_h") * INT64_C(3600000000);
    int rc = open_all(s, err);
    if (rc == ERR_OK)
        rc = run(s, err);
    spools_close(&s->spools);
    raw_close(&s->raw);
    catalogue_close(&s->catalogue);
    free(s);
    return rc;
}

/* sweep: what goes, and how. */
#include "dashspool/bag.h"
#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/convert.h"
#include "dashspool/copies.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include "dashspool/retention.h"
#include "dashspool/spool.h"
#include "dashspool/text.h"
#include "rules.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define SWEEP_SECTION  "retention"
#define SWEEP_NAME     "dashspool " DASHSPOOL_VERSION " sweep" /* in a custody */
#define KEYS_BYTES_MAX ((size_t)1 << 30)

/* ---- settings ---- */

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
    {"telemetry_days", CFG_INT, "days; 0: for ever", 0, 100000, "90",
     "how long trackers' records are kept, from their arrival; what belongs to a transfer lives as "
     "long as that"},
    {"requests_days", CFG_INT, "days; 0: for ever", 0, 100000, "365",
     "how long requests for footage are listed when they are over"},
    {"partials_h", CFG_INT, "hours", 0, 1000000, "168",
     "how long a partial transfer is kept for its camera to resume"},
    {"warn_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "0",
     "warn when ROOT's disk has less free space"},
    {"delete_free_mib", CFG_INT, "MiB; 0: never", 0, 1 << 30, "0",
     "below this, delete the oldest unprotected originals regardless of age rules, except "
     "'forever'; below [receive] min_free_mib the receiver refuses data"},
};
const struct cfg_section retention_cfg_section = {SWEEP_SECTION, keys, sizeof keys / sizeof *keys};

int retention_kept(struct retention_kept *out, const struct cfg *cfg,
                   const struct catalogue_transfer *t, struct err *err)
{
    struct rules rules;
    bool low = cfg_int(cfg, SWEEP_SECTION, "delete_free_mib") > 0;
    int rc = rules_parse(cfg_text(cfg, SWEEP_SECTION, "masters"), RULES_FOR_MASTERS, &rules, err);
    if (rc < 0)
        return rc;
    int i = rules_find(&rules, t->kind, t->camera, t->imei, "");
    const struct rule *r = i < 0 ? NULL : &rules.rule[i];
    *out = (struct retention_kept){.by_size = low && !(r && r->forever)};
    if (r && r->age_us > 0)
        out->until_us = t->arrived_us + r->age_us;
    out->by_size |= r && (r->bytes > 0 || r->camera_bytes > 0);
    return ERR_OK;
}

/* What went in a dry run, so that it does not go twice; filled by one rule and asked by the next.
 */
struct gone {
    struct fsx_names masters, copies;
    bool sorted;
};

struct sweep {
    const char *root;
    const struct cfg *cfg;
    bool dry_run;
    bool clock_doubted, clock_is_right;
    int64_t now_us, young_us; /* partials younger than that stay */
    const struct retention_listener *listener;
    struct retention_result *out;
    struct catalogue *catalogue;
    struct raw *raw;
    const struct spools_known *stages; /* of the settings */
    struct spools spools;
    struct rules masters, copies, jobs;
    struct gone gone;
};

/* Tells, and counts its bytes. */
static void tell(struct sweep *s, const struct retention_swept *item)
{
    s->out->bytes += item->bytes;
    s->listener->swept(s->listener->arg, item);
}

/* A permanent error, or one of this file alone, is told as a trouble (ERR_OK comes back), a
 * temporary one ends the sweep. */
static int trouble(struct sweep *s, const char *name, int rc, const struct err *err)
{
    if (rc == ERR_OK || (err_is_temporary(rc) && !err_is_of_one_file(err)))
        return rc;
    s->out->troubles++;
    s->listener->trouble(s->listener->arg, name, err->text);
    return ERR_OK;
}

static int goes(struct sweep *s, struct fsx_names *names, const char *name, struct err *err)
{
    s->gone.sorted = false;
    return s->dry_run ? fsx_names_add(names, name, err) : ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_gone(struct sweep *s, const struct fsx_names *names, const char *name)
{
    struct fsx_names *const all[] = {&s->gone.masters, &s->gone.copies};
    for (size_t i = 0; i < 2 && !s->gone.sorted; i++)
        if (all[i]->n > 0)
            qsort(all[i]->name, all[i]->n, sizeof *all[i]->name, by_name);
    s->gone.sorted = true;
    return names->n > 0 && bsearch(&name, names->name, names->n, sizeof *names->name, by_name);
}

static bool ended(const struct sweep *s)
{
    return s->listener->go_on && !s->listener->go_on(s->listener->arg);
}

static int free_bytes_of(const struct sweep *s, int64_t *out, struct err *err)
{
    struct statvfs v;
    *out = 0;
    if (statvfs(s->root, &v) < 0)
        return err_sys(err, "look at the space of %s", s->root);
    *out = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    return ERR_OK;
}

/* ---- the clock ---- */

#define DAY_US INT64_C(86400000000)

/* *since_us: the last time that something else agreed with this clock; 0: nobody can say. */
static int last_agreed(struct sweep *s, int64_t *since_us, struct err *err)
{
    struct catalogue_upkeep last;
    int64_t arrived_us = 0, confirmed_us = 0;
    bool found;
    *since_us = 0;
    int rc = catalogue_upkeep_last(s->catalogue, "clock", &last, &found, err);
    if (rc == ERR_OK)
        rc = catalogue_newest(s->catalogue, s->now_us, DAY_US, &arrived_us, &confirmed_us, err);
    if (rc < 0)
        return rc;
    int64_t witness_us = found || confirmed_us > 0 ? confirmed_us : arrived_us;
    *since_us = found && last.at_us > witness_us ? last.at_us : witness_us;
    return rc;
}

/* For a word; a dry run tells what for. */
static bool waits(const struct sweep *s)
{
    return s->clock_doubted && !s->dry_run;
}

static int look_at_clock(struct sweep *s, struct err *err)
{
    char now[CLOCK_TEXT_ROOM], then[CLOCK_TEXT_ROOM], why[400];
    int64_t since_us;
    int rc = last_agreed(s, &since_us, err);
    if (rc < 0 || since_us == 0)
        return rc;
    bool ahead = s->now_us - since_us > DAY_US;
    s->clock_doubted = !s->clock_is_right && (ahead || since_us - s->now_us > DAY_US);
    if (!s->clock_doubted)
        return rc;
    s->out->clock_doubted = true;
    s->young_us = INT64_MIN; /* partials stay */
    s->out->troubles++;
    clock_rfc3339(s->now_us, 0, now);
    clock_rfc3339(since_us, 0, then);
    snprintf(why, sizeof why,
             "says %s; the last sweep or camera that agreed was at %s. The rules wait: if the "
             "clock is right, run 'dashspool sweep --clock-is-right'",
             now, then);
    s->listener->trouble(s->listener->arg, "clock", why);
    return rc;
}

/* ---- what stays, whatever a rule says ---- */

/* Why something stays. */
enum sweep_stay { SWEEP_GOES, SWEEP_PROTECTED, SWEEP_UNCONVERTED, SWEEP_BUSY, SWEEP_YOUNG };

static void count_stay(struct sweep *s, enum sweep_stay stay)
{
    int64_t *const counts[] = {NULL, &s->out->protected, &s->out->unconverted, &s->out->busy,
                               &s->out->young};
    if (counts[stay])
        ++*counts[stay];
}

struct seeing {
    const struct catalogue_transfer *of;
    bool converted;
};

static int see_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct seeing *s = arg;
    (void)err;
    s->converted |= copy_kind_of(copy->kind) & (COPY_WORKING | COPY_STILL) &&
                    catalogue_copy_is_current(s->of, copy);
    return ERR_OK;
}

/* What was made may be gone again by a rule of its own; what was given up has no copies. Another
 * stage's job that was dropped ("stage") says nothing about that, nor what was made of a part. */
static int see_conversion(void *arg, const char *line, struct err *err)
{
    struct seeing *s = arg;
    struct custody_record r;
    char of_part[CATALOGUE_ID_ROOM + 16];
    (void)err;
    snprintf(of_part, sizeof of_part, "/%s.partial.", s->of->id);
    custody_read(&r, line, strlen(line));
    bool partial = r.what.path && strstr(r.what.path, of_part);
    if (r.kind == CUSTODY_STORED && !partial)
        s->converted = false;
    if (r.kind == CUSTODY_CONVERTED || r.kind == CUSTODY_COPY_DELETED)
        s->converted |= !partial;
    if (r.kind == CUSTODY_DROPPED)
        s->converted |= !partial && (!r.what.stage || strcmp(r.what.stage, "convert") == 0);
    custody_record_clear(&r);
    return ERR_OK;
}

static int may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                  struct err *err)
{
    bool kept = true;
    struct spools_found jobs;
    struct seeing seeing = {.of = t};
    *out = SWEEP_BUSY;
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK;
    int rc = catalogue_protected(s->catalogue, t->key, &kept, err);
    if (rc == ERR_OK)
        rc = spools_find(&s->spools, t->id, &jobs, err);
    if (rc == ERR_OK && t->state == CATALOGUE_STORED)
        rc = catalogue_copy_each(s->catalogue, t->key, see_copy, &seeing, err);
    if (rc == ERR_OK && t->state == CATALOGUE_STORED && !seeing.converted)
        rc = catalogue_event_each(s->catalogue, t->id, see_conversion, &seeing, err);
    if (rc < 0)
        return rc;
    int64_t last_us = t->completed_us > t->arrived_us ? t->completed_us : t->arrived_us;
    bool partial = t->state == CATALOGUE_PARTIAL;
    bool converted = seeing.converted || jobs.convert_failed;
    *out = kept                               ? SWEEP_PROTECTED
           : jobs.claimed                     ? SWEEP_BUSY
           : jobs.ready                       ? SWEEP_UNCONVERTED
           : partial && last_us > s->young_us ? SWEEP_YOUNG
           : !partial && !converted           ? SWEEP_UNCONVERTED
                                              : SWEEP_GOES;
    return ERR_OK;
}

static int copy_may_go(struct sweep *s, const struct catalogue_transfer *t, enum sweep_stay *out,
                       struct err *err)
{
    bool kept = true;
    struct spools_found jobs;
    *out = SWEEP_BUSY;
    int rc = catalogue_protected(s->catalogue, t->key, &kept, err);
    if (rc == ERR_OK)
        rc = spools_find(&s->spools, t->id, &jobs, err);
    if (rc == ERR_OK)
        *out = kept ? SWEEP_PROTECTED : jobs.claimed || jobs.ready ? SWEEP_BUSY : SWEEP_GOES;
    return rc;
}

/* ---- the bytes in raw/ ---- */

/* Masters and bytes that are dropped with one commit: its journal holds them all once more. */
enum { BATCH = 64, BATCH_BYTES = 64 << 20 };

struct dropping {
    struct sweep *s;
    char day[RAW_DAY_ROOM]; /* of those in `keys`; "" none */
    struct buf keys;        /* int64_t; dropped, but for the last few not yet durably */
    int waiting;
    int64_t waiting_bytes;
};

/* Nobody begins a transfer in a file of before yesterday. */
static bool is_closed(const struct sweep *s, const char *day)
{
    char yesterday[RAW_DAY_ROOM];
    raw_day(s->now_us - INT64_C(86400) * 1000000, yesterday);
    return strcmp(day, yesterday) < 0;
}

static int trim_day(struct sweep *s, const char *day, struct err *err)
{
    int64_t freed;
    enum raw_trim how = is_closed(s, day) ? RAW_TRIM_CLOSED : RAW_TRIM_OPEN;
    int rc = raw_trim(s->raw, day, how, &freed, err);
    return rc == ERR_BUSY ? ERR_OK : rc; /* the next sweep does it */
}

static int forget_dropped(struct dropping *d, struct err *err)
{
    int rc = catalogue_begin(d->s->catalogue, err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; rc == ERR_OK && at < d->keys.used; at += sizeof(int64_t)) {
        int64_t key;
        memcpy(&key, buf_data(&d->keys) + at, sizeof key);
        rc = catalogue_due_done(d->s->catalogue, key, err);
    }
    return catalogue_end(d->s->catalogue, rc, err);
}

static int make_durable(struct dropping *d, int rc, struct err *err)
{
    d->waiting = 0;
    d->waiting_bytes = 0;
    return raw_end(d->s->raw, rc, err);
}

/* They are due until the file is as small as it should be: a crash before that is made good. */
static int end_day(struct dropping *d, int rc, struct err *err)
{
    if (d->day[0]) {
        rc = make_durable(d, rc, err);
        if (rc == ERR_OK && (rc = trim_day(d->s, d->day, err)) == ERR_OK)
            rc = forget_dropped(d, err);
        rc = trouble(d->s, d->day, rc, err);
    }
    d->day[0] = '\0';
    buf_consume(&d->keys, d->keys.used);
    return rc;
}

/* What has a row was not deleted, whoever says that it is due. */
static int check_gone(struct sweep *s, int64_t key, bool *gone, struct err *err)
{
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(s->catalogue, key, &t, &found, err);
    *gone = rc == ERR_OK && !found;
    if (rc == ERR_OK && found)
        rc = err_set(err, ERR_MALFORMED,
                     "due to be deleted, but it is in the catalogue: kept; run 'dashspool fsck'");
    return trouble(s, found ? t.id : "a transfer that cannot be read", rc, err);
}

/* They come by day. */
static int drop_one(void *arg, const char *day, int64_t key, struct err *err)
{
    struct dropping *d = arg;
    bool gone;
    int rc = check_gone(d->s, key, &gone, err);
    if (rc < 0 || !gone)
        return rc;
    if (strcmp(day, d->day) != 0 && (rc = end_day(d, ERR_OK, err)) < 0)
        return rc;
    snprintf(d->day, sizeof d->day, "%s", day);
    int64_t bytes = 0;
    bool sealed;
    if (raw_stat(d->s->raw, day, key, &bytes, &sealed, NULL, err) < 0)
        bytes = 0; /* gone already, or not as it was: it is dropped all the same */
    rc = raw_drop(d->s->raw, day, key, err);
    if (rc == ERR_OK)
        rc = buf_append(&d->keys, &key, sizeof key, err);
    d->waiting_bytes += bytes;
    if (rc == ERR_OK && (++d->waiting == BATCH || d->waiting_bytes >= BATCH_BYTES))
        rc = make_durable(d, rc, err);
    return rc < 0 ? end_day(d, rc, err) : rc;
}

static int sweep_due(struct sweep *s, struct err *err)
{
    struct dropping d = {.s = s};
    if (s->dry_run)
        return ERR_OK;
    buf_init(&d.keys, KEYS_BYTES_MAX);
    int rc = catalogue_due_each(s->catalogue, drop_one, &d, err);
    if (rc == ERR_OK)
        rc = end_day(&d, ERR_OK, err);
    buf_clear(&d.keys);
    return rc;
}

/* ---- failed jobs ---- */

struct failed {
    struct sweep *s;
    const struct spools_one *stage;
};

/* The custody of transfer `id` says so; NULL: there is none any more. */
static int drop_job(struct failed *f, const struct spool_found *job, const char *id,
                    const char *why, struct err *err)
{
    int rc = ERR_OK;
    if (!f->s->dry_run && id) {
        struct custody_what what = {.stage = f->stage->stage, .why = why, .failed = job->reason};
        rc = catalogue_event_note(f->s->catalogue, id, CATALOGUE_NOW, CUSTODY_DROPPED, SWEEP_NAME,
                                  &what, err);
        what.failed = what.why = NULL;
        if (rc == ERR_NOMEM) /* the reason is no text */
            rc = catalogue_event_note(f->s->catalogue, id, CATALOGUE_NOW, CUSTODY_DROPPED,
                                      SWEEP_NAME, &what, err);
    }
    if (rc == ERR_OK && !f->s->dry_run)
        rc = spool_drop(f->stage->spool, job->job, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND || rc == ERR_BUSY ? ERR_OK : trouble(f->s, job->job, rc, err);
    f->s->out->jobs++;
    tell(f->s, &(struct retention_swept){"failed job", job->job, f->stage->stage, why, 0});
    return ERR_OK;
}

static int look_at_job(void *arg, const struct spool_found *job, struct err *err)
{
    struct failed *f = arg;
    struct catalogue_transfer t;
    enum custody_kind last;
    char id[CATALOGUE_ID_ROOM];
    spool_transfer_of(job->job, id, sizeof id);
    int rc = catalogue_transfer_get(f->s->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND) { /* of one that was deleted; else somebody should look */
        rc = catalogue_event_last(f->s->catalogue, id, &last, NULL, err);
        if (rc == ERR_OK && last == CUSTODY_DELETED)
            return drop_job(f, job, NULL, "its transfer was deleted", err);
        return trouble(f->s, job->job, rc, err);
    }
    if (rc < 0)
        return trouble(f->s, job->job, rc, err);
    int rule = rules_find(&f->s->jobs, t.kind, t.camera, t.imei, "");
    if (rule < 0 || f->s->jobs.rule[rule].forever ||
        f->s->now_us - job->changed_us <= f->s->jobs.rule[rule].age_us)
        return ERR_OK;
    bool kept;
    rc = catalogue_protected(f->s->catalogue, t.key, &kept, err);
    if (rc < 0 || kept) {
        f->s->out->protected += rc == ERR_OK;
        return trouble(f->s, job->job, rc, err);
    }
    return drop_job(f, job, id, f->s->jobs.rule[rule].text, err);
}

/* They keep their originals, for ever if nobody looks. */
static int note_left_over(struct sweep *s, const struct spools_one *one, struct err *err)
{
    char where[SPOOL_NAME_ROOM + 16], what[160];
    struct spool_count n;
    if (spools_configured(s->stages, one->stage) || !s->listener->note)
        return ERR_OK;
    int rc = spool_count(one->spool, &n, err);
    if (rc < 0 || n.ready + n.claimed + n.failed == 0)
        return rc;
    snprintf(where, sizeof where, "spool/%s", one->stage);
    snprintf(what, sizeof what,
             "a stage that the settings do not have: %lld %s there, which keeps "
             "the originals; %d failed",
             SIZE_COUNT(n.ready + n.claimed, "job waits", "jobs wait"), n.failed);
    s->listener->note(s->listener->arg, where, what);
    return ERR_OK;
}

static int sweep_jobs(struct sweep *s, struct err *err)
{
    int rc = ERR_OK;
    if (waits(s))
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < s->spools.n && !ended(s); i++) {
        struct failed f = {s, &s->spools.one[i]};
        rc = spool_each(f.stage->spool, SPOOL_PLACE_FAILED, look_at_job, &f, err);
        if (rc == ERR_OK)
            rc = note_left_over(s, f.stage, err);
    }
    return rc;
}

/* ---- copies ---- */

struct gathering {
    struct sweep *s;
    struct catalogue_transfer t;
    struct candidates list;
};

static struct candidate candidate_of(const struct catalogue_transfer *t, int rule)
{
    struct candidate c = {.key = t->key, .at_us = t->arrived_us, .bytes = t->length_bytes};
    c.rule = rule;
    snprintf(c.imei, sizeof c.imei, "%s", t->imei);
    snprintf(c.camera, sizeof c.camera, "%s", t->camera);
    return c;
}

static int gather_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct gathering *g = arg;
    const struct catalogue_transfer *t = &g->t;
    int rule = rules_find(&g->s->copies, t->kind, t->camera, t->imei, copy->kind);
    if (rule < 0 || g->s->copies.rule[rule].forever)
        return ERR_OK;
    struct candidate c = candidate_of(t, rule);
    c.at_us = copy->made_us;
    c.bytes = copy->length_bytes;
    if (!(c.path = strdup(copy->path)))
        return err_nomem(err, "a list of copies");
    return candidates_add(&g->list, &c, err);
}

static int gather_copies(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &g->t, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(g->s->catalogue, key, gather_copy, g, err);
    return trouble(g->s, name, rc, err);
}

struct wanted {
    const char *path;
    struct catalogue_copy copy;
    bool found;
};

static int find_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (strcmp(copy->path, w->path) == 0) {
        w->copy = *copy;
        w->found = true;
    }
    return ERR_OK;
}

static int delete_copy(struct sweep *s, const char *id, const struct catalogue_copy *copy,
                       const char *why, struct err *err)
{
    int rc = copies_delete(s->root, copy, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_remove(s->catalogue, copy->path, err);
    if (rc < 0)
        return rc;
    const struct custody_what what = {
        .copy = copy->kind, .path = copy->path, .sha256 = copy->sha256, .why = why};
    return catalogue_event_note(s->catalogue, id, CATALOGUE_NOW, CUSTODY_COPY_DELETED, SWEEP_NAME,
                                &what, err);
}

/* In the transaction; *stay SWEEP_GOES with w->found: it went. */
static int look_and_delete(struct sweep *s, const struct candidate *c, const char *why,
                           struct wanted *w, enum sweep_stay *stay, struct err *err)
{
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(s->catalogue, c->key, &t, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(s->catalogue, c->key, find_copy, w, err);
    if (rc == ERR_OK && w->found)
        rc = copy_may_go(s, &t, stay, err);
    if (rc == ERR_OK && w->found && *stay == SWEEP_GOES && !s->dry_run)
        rc = delete_copy(s, t.id, &w->copy, why, err);
    return rc;
}

static int delete_if_it_may_go(struct sweep *s, const struct candidate *c, const char *why,
                               bool *gone, struct err *err)
{
    struct wanted w = {.path = c->path};
    enum sweep_stay stay = SWEEP_GOES;
    int rc = s->dry_run ? ERR_OK : catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    rc = look_and_delete(s, c, why, &w, &stay, err);
    *gone = rc == ERR_OK && w.found && stay == SWEEP_GOES;
    if (!s->dry_run && *gone)
        rc = catalogue_commit(s->catalogue, err);
    else if (!s->dry_run)
        catalogue_rollback(s->catalogue);
    *gone = *gone && rc == ERR_OK;
    if (rc < 0)
        return trouble(s, c->path, rc, err);
    count_stay(s, stay);
    if (!*gone)
        return ERR_OK;
    s->out->copies++;
    tell(s, &(struct retention_swept){"copy", c->path, NULL, why, c->bytes});
    return goes(s, &s->gone.copies, c->path, err);
}

/* Looks at all transfers, and writes nothing. */
static int gather_each(struct gathering *g, catalogue_key_fn *gather, struct err *err)
{
    int rc = catalogue_read_begin(g->s->catalogue, err);
    if (rc == ERR_OK)
        rc = catalogue_key_each(g->s->catalogue, gather, g, err);
    catalogue_rollback(g->s->catalogue);
    return rc;
}

/* Deletes what `drop` may of all that `gather` finds, from the oldest on, as the rules say. */
static int sweep_by_rules(struct sweep *s, const struct rules *rules, catalogue_key_fn *gather,
                          int (*drop)(struct sweep *, const struct candidate *, const char *why,
                                      bool *gone, struct err *),
                          struct err *err)
{
    struct gathering g = {.s = s};
    const struct candidate *c;
    char why[CANDIDATES_WHY_ROOM];
    if (rules->n == 0 || waits(s))
        return ERR_OK;
    int rc = gather_each(&g, gather, err);
    if (rc == ERR_OK)
        rc = candidates_begin(&g.list, rules, s->now_us, err);
    while (rc == ERR_OK && !ended(s) && (c = candidates_next(&g.list, why)) != NULL) {
        bool gone = false;
        rc = drop(s, c, why, &gone, err);
        if (gone)
            candidates_gone(&g.list, c);
    }
    candidates_clear(&g.list);
    return rc;
}

static int sweep_copies(struct sweep *s, struct err *err)
{
    return sweep_by_rules(s, &s->copies, gather_copies, delete_if_it_may_go, err);
}

/* ---- masters, with all that was made of them ---- */

struct going {
    struct sweep *s;
    int64_t bytes;
    int copies;
};

static int count_and_delete_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct going *g = arg;
    if (g->s->dry_run && has_gone(g->s, &g->s->gone.copies, copy->path))
        return ERR_OK;
    g->copies++;
    g->bytes += copy->length_bytes;
    return g->s->dry_run ? ERR_OK : copies_delete(g->s->root, copy, err);
}

/*
 * In a transaction from before the look at what keeps it: nobody can protect it between that look
 * and its end. Copies' files go first. A crash or a failed commit leaves rows of copies that are
 * not there; the next sweep does it all again.
 */
static int go(struct sweep *s, const struct catalogue_transfer *t, const char *why,
              enum sweep_stay *stay, int64_t *freed, struct err *err)
{
    struct going g = {s, t->length_bytes, 0};
    int rc = may_go(s, t, stay, err);
    if (rc < 0 || *stay != SWEEP_GOES)
        return rc;
    rc = catalogue_copy_each(s->catalogue, t->key, count_and_delete_copy, &g, err);
    if (rc == ERR_OK && !s->dry_run)
        rc = copies_delete_rest(s->root, t, CONVERT_STAGE_PREFIX, err);
    if (rc == ERR_OK && !s->dry_run) {
        const int64_t n = g.copies;
        char *what =
            custody_what_text(&(struct custody_what){.why = why,
                                                     .sha256 = t->sha256,
                                                     .length_bytes = &t->length_bytes,
                                                     .state = catalogue_state_name(t->state),
                                                     .copies = &n});
        const struct custody_event e = {CATALOGUE_NOW, CUSTODY_DELETED, SWEEP_NAME, what};
        rc = what ? catalogue_retire(s->catalogue, t, &e, err)
                  : err_nomem(err, "the custody of %s", t->id);
        free(what);
    }
    *freed = g.bytes > 0 ? g.bytes : 1;
    return rc;
}

static int go_or_stay(struct sweep *s, int64_t key, struct catalogue_transfer *t, const char *why,
                      enum sweep_stay *stay, int64_t *freed, struct err *err)
{
    bool found = false;
    *freed = 0;
    int rc = s->dry_run ? ERR_OK : catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_transfer_by_key(s->catalogue, key, t, &found, err);
    if (rc == ERR_OK && found)
        rc = go(s, t, why, stay, freed, err);
    if (s->dry_run)
        return rc;
    if (rc == ERR_OK && *freed > 0)
        return catalogue_commit(s->catalogue, err);
    catalogue_rollback(s->catalogue);
    return rc;
}

static int delete_transfer(struct sweep *s, int64_t key, const char *why, int64_t *freed,
                           struct err *err)
{
    struct catalogue_transfer t = {.key = key};
    enum sweep_stay stay = SWEEP_GOES;
    int rc = go_or_stay(s, key, &t, why, &stay, freed, err);
    if (rc < 0) {
        *freed = 0;
        return trouble(s, t.id, rc, err);
    }
    count_stay(s, stay);
    if (*freed == 0)
        return ERR_OK;
    s->out->masters++;
    tell(s, &(struct retention_swept){"master", t.id, NULL, why, *freed});
    /* its jobs are of nobody now; after a crash right here, sweep_jobs() finds them */
    rc = s->dry_run ? goes(s, &s->gone.masters, t.id, err)
                    : spools_drop_failed(&s->spools, t.id, err);
    return trouble(s, t.id, rc, err);
}

static int gather_masters(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    struct catalogue_transfer t;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &t, &found, err);
    if (rc < 0 || !found)
        return trouble(g->s, name, rc, err);
    int rule = rules_find(&g->s->masters, t.kind, t.camera, t.imei, "");
    if (rule < 0 || g->s->masters.rule[rule].forever)
        return ERR_OK;
    const struct candidate c = candidate_of(&t, rule);
    return candidates_add(&g->list, &c, err);
}

static int delete_master(struct sweep *s, const struct candidate *c, const char *why, bool *gone,
                         struct err *err)
{
    int64_t freed;
    int rc = delete_transfer(s, c->key, why, &freed, err);
    *gone = freed > 0;
    return rc;
}

static int sweep_masters(struct sweep *s, struct err *err)
{
    return sweep_by_rules(s, &s->masters, gather_masters, delete_master, err);
}

/* ---- a disk that is nearly full ---- */

static int gather_all(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &t, &found, err);
    if (rc < 0 || !found || has_gone(g->s, &g->s->gone.masters, t.id))
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    int rule = rules_find(&g->s->masters, t.kind, t.camera, t.imei, "");
    if (rule >= 0 && g->s->masters.rule[rule].forever)
        return ERR_OK;
    const struct candidate c = candidate_of(&t, 0);
    return candidates_add(&g->list, &c, err);
}

/* From the oldest on, until so much is free; what was dropped is given back to the disk whenever it
 * could be enough. */
static int make_room(struct sweep *s, const struct candidates *list, int64_t wanted,
                     struct err *err)
{
    int64_t free_bytes = 0, freed;
    int rc = free_bytes_of(s, &free_bytes, err);
    if (s->dry_run)
        free_bytes += s->out->bytes;
    for (size_t i = 0; rc == ERR_OK && free_bytes < wanted && i < list->n && !ended(s); i++) {
        rc = delete_transfer(s, list->all[i].key, "the disk is nearly full", &freed, err);
        free_bytes += freed;
        if (rc < 0 || s->dry_run || free_bytes < wanted)
            continue;
        if ((rc = sweep_due(s, err)) == ERR_OK)
            rc = free_bytes_of(s, &free_bytes, err);
    }
    return rc < 0 ? rc : sweep_due(s, err);
}

static int sweep_space(struct sweep *s, struct err *err)
{
    int64_t wanted = cfg_int(s->cfg, SWEEP_SECTION, "delete_free_mib") << 20, free_bytes = 0;
    struct gathering g = {.s = s};
    if (wanted == 0)
        return ERR_OK;
    int rc = free_bytes_of(s, &free_bytes, err);
    if (rc < 0 || free_bytes + (s->dry_run ? s->out->bytes : 0) >= wanted)
        return rc;
    rc = gather_each(&g, gather_all, err);
    candidates_sort(&g.list);
    if (rc == ERR_OK && g.list.n > 0)
        rc = make_room(s, &g.list, wanted, err);
    candidates_clear(&g.list);
    return rc;
}

/* ---- what was dropped is gone ---- */

void sweep_left(const char *root)
{
    char *packages = NULL;
    struct err unimportant; /* the next sweep does it */
    workdir_sweep(root, MASTER_STAGE);
    if (fsx_path(&packages, &unimportant, "%s/packages", root) == ERR_OK)
        workdir_sweep(packages, BAG_UNFINISHED);
    free(packages);
}

static int trim_one(void *arg, const char *name, bool is_day, struct err *err)
{
    struct sweep *s = arg;
    return is_day && !ended(s) ? trouble(s, name, trim_day(s, name, err), err) : ERR_OK;
}

/* Also what others dropped (a duplicate), and what could not be done when it was dropped. */
static int sweep_files(struct sweep *s, struct err *err)
{
    if (s->dry_run)
        return ERR_OK;
    sweep_left(s->root);
    int rc = raw_days(s->raw, trim_one, s, err);
    if (rc < 0 || s->out->masters + s->out->copies == 0)
        return rc;
    rc = catalogue_settle(s->catalogue, err); /* rows as they were are in its -wal */
    return rc == ERR_BUSY ? ERR_OK : rc;
}

/* ---- open, run, close ---- */

/* For `status`, and for the next one's trust in the clock. */
static int note_sweep(struct sweep *s, struct err *err)
{
    char size[24], records[60] = "";
    const struct retention_result *r = s->out;
    struct catalogue_upkeep u = {.at_us = s->now_us, .ok = r->troubles == 0};
    if (s->dry_run)
        return ERR_OK;
    if (r->records > 0)
        snprintf(records, sizeof records, "%lld %s and ",
                 SIZE_COUNT(r->records, "tracker record", "tracker records"));
    snprintf(u.text, sizeof u.text, "%s%lld %s, %lld %s, %lld failed %s deleted: %s%s", records,
             SIZE_COUNT(r->masters, "original", "originals"),
             SIZE_COUNT(r->copies, "copy", "copies"), SIZE_COUNT(r->jobs, "job", "jobs"),
             size_text(r->bytes, size),
             s->clock_doubted ? "; rules wait, the clock is doubted: 'dashspool sweep'"
             : u.ok           ? ""
                              : "; not all could be looked at: 'dashspool sweep'");
    int rc = catalogue_upkeep_note(s->catalogue, "sweep", &u, err);
    u.ok = true;
    u.text[0] = '\0';
    return rc < 0 || s->clock_doubted ? rc : catalogue_upkeep_note(s->catalogue, "clock", &u, err);
}

/* ---- what trackers said ---- */

static void records_trouble(void *arg, const char *name, const char *why)
{
    struct sweep *s = arg;
    char file[300];
    snprintf(file, sizeof file, RECORDS_DIR "/%.200s.db", name);
    s->out->troubles++;
    s->listener->trouble(s->listener->arg, file, why);
}

static int sweep_records(struct sweep *s, struct err *err)
{
    struct records *records = NULL;
    struct records_gone gone;
    char why[80], name[80];
    const int64_t days = cfg_int(s->cfg, SWEEP_SECTION, "telemetry_days");
    if (days == 0 || waits(s))
        return ERR_OK;
    int rc = records_open(&records, s->root, RECORDS_READ, err);
    if (rc == ERR_OK)
        rc = records_expire(records, s->now_us - days * DAY_US, s->dry_run, records_trouble, s,
                            &gone, err);
    records_close(&records);
    if (rc < 0 || gone.records + gone.files == 0)
        return trouble(s, RECORDS_DIR, rc, err);
    s->out->records += gone.records;
    snprintf(name, sizeof name, "%lld", (long long)gone.records);
    snprintf(why, sizeof why, "telemetry_days = %lld", (long long)days);
    tell(s, &(struct retention_swept){"records of trackers:", name, NULL, why, gone.bytes});
    return rc;
}

/* ---- what was asked for ---- */

static int sweep_requests(struct sweep *s, struct err *err)
{
    char why[80], name[80];
    int64_t n = 0;
    const int64_t days = cfg_int(s->cfg, SWEEP_SECTION, "requests_days");
    if (days == 0 || waits(s))
        return ERR_OK;
    int rc = requests_sweep(s->catalogue, s->now_us - days * DAY_US, s->dry_run, &n, err);
    s->out->requests += n;
    snprintf(name, sizeof name, "%lld", (long long)n);
    snprintf(why, sizeof why, "requests_days = %lld", (long long)days);
    if (n > 0)
        tell(s, &(struct retention_swept){"requests that are over:", name, NULL, why, 0});
    return trouble(s, "catalogue.db", rc, err);
}

static int run(struct sweep *s, struct err *err)
{
    static int (*const rooms[])(struct sweep *, struct err *) = {
        look_at_clock, sweep_due,   sweep_jobs,    sweep_copies,   sweep_masters, sweep_due,
        sweep_space,   sweep_files, sweep_records, sweep_requests, note_sweep};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof rooms / sizeof *rooms; i++)
        rc = rooms[i](s, err);
    if (rc == ERR_OK)
        rc = free_bytes_of(s, &s->out->free_bytes, err);
    s->out->low = s->out->free_bytes < cfg_int(s->cfg, SWEEP_SECTION, "warn_free_mib") << 20;
    return rc;
}

int retention_sweep(const char *root, const struct cfg *cfg, const struct spools_known *stages,
                    unsigned how, const struct retention_listener *listener,
                    struct retention_result *out, struct err *err)
{
    struct sweep *s = calloc(1, sizeof *s);
    *out = (struct retention_result){0};
    if (!s)
        return err_nomem(err, "sweeping");
    s->root = root;
    s->cfg = cfg;
    s->stages = stages;
    s->dry_run = how & RETENTION_DRY_RUN;
    s->clock_is_right = how & RETENTION_CLOCK_IS_RIGHT;
    s->listener = listener;
    s->out = out;
    s->now_us = clock_utc_us();
    s->young_us = s->now_us - cfg_int(cfg, SWEEP_SECTION, "partials_h") * INT64_C(3600000000);
    int rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "masters"), RULES_FOR_MASTERS, &s->masters,
                         err);
    if (rc == ERR_OK)
        rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "copies"), RULES_FOR_COPIES, &s->copies,
                         err);
    if (rc == ERR_OK)
        rc = rules_parse(cfg_text(s->cfg, SWEEP_SECTION, "failed"), RULES_FOR_JOBS, &s->jobs, err);
    if (rc == ERR_OK && (rc = catalogue_open(&s->catalogue, s->root, false, err)) == ERR_OK)
        rc = raw_open(&s->raw, s->root, err);
    if (rc == ERR_OK && !s->dry_run)
        rc = intake_stores_opened(s->catalogue, s->raw, s->root, INTAKE_DROPS, err);
    if (rc == ERR_OK && (rc = spools_open(&s->spools, s->root, NULL, NULL, err)) == ERR_OK)
        rc = run(s, err);
    fsx_names_clear(&s->gone.masters);
    fsx_names_clear(&s->gone.copies);
    spools_close(&s->spools);
    raw_close(&s->raw);
    catalogue_close(&s->catalogue);
    if (rc < 0 && !s->dry_run)
        catalogue_upkeep_failed(root, "sweep", err);
    free(s);
    return rc;
}

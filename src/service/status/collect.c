/* All of it, at one moment. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/records.h"
#include "dashspool/site.h"
#include "dashspool/tls.h"
#include "dashspool/user.h"
#include "page.h"
#include "retention/rules.h"
#include "status_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LIST_BYTES_MAX ((size_t)64 << 20)

enum { ENTRIES_MAX = 4000, DEPTH_MAX = 6 };

const char *const status_error_kinds[ERROR_KINDS] = {"job", "transfer", "refusal", "restart"};

/* ---- settings ---- */

/* The words are those of [retention]: which cameras, and an age, or `forever`. */
static int check_silence(const char *value, struct err *err)
{
    struct rules rules;
    int rc = rules_parse(value, RULES_FOR_JOBS, &rules, err);
    for (int i = 0; rc == ERR_OK && i < rules.n; i++)
        if (rules.rule[i].kind[0])
            rc = err_set(err, ERR_CONFIG,
                         "'%s': a camera sends videos and photos; name cameras, not kinds",
                         rules.rule[i].text);
    return rc;
}

static const struct cfg_key keys[] = {
    {"max_silence", CFG_TEXT, "rules", 0, 2000, "",
     "how long cameras may be silent: 352093081452251 7d, driver forever, 26h; the first rule that "
     "fits counts. One that is silent for longer is a problem in 'status'. Empty: any time",
     check_silence},
};
const struct cfg_section status_cfg_section = {"status", keys, sizeof keys / sizeof *keys};

/* ---- the catalogue: transfers, cameras, what broke off ---- */

const char *const status_upkeep_tasks[UPKEEP_TASKS] = {"sweep", "fsck", "backup", "clock",
                                                       CATALOGUE_MISSING_DAYS};

static int take_camera(void *arg, const char *imei, const char *camera, int64_t last_us,
                       struct err *err)
{
    struct status *s = arg;
    struct camera c = {.last_us = last_us};
    format_clean(c.imei, sizeof c.imei, imei);
    format_clean(c.camera, sizeof c.camera, camera);
    /* who hands something over at this moment is here now */
    LIST_EACH (&s->incoming, const struct incoming, t) {
        if (strcmp(t->imei, c.imei) == 0 && strcmp(t->camera, c.camera) == 0)
            c.last_us = s->now_us - t->quiet_s * 1000000;
    }
    s->n_cameras++;
    s->cameras_of_the_hour += c.last_us >= s->now_us - STATUS_HOUR_US;
    s->cameras_of_the_day += c.last_us >= s->now_us - STATUS_DAY_US;
    return s->n_cameras <= CAMERAS_MAX ? buf_append(&s->cameras, &c, sizeof c, err) : ERR_OK;
}

static int take_asked(void *arg, const struct catalogue_asked *a, struct err *err)
{
    struct status *s = arg;
    struct asked r = {.id = a->id, .time_s = a->time_s, .added_us = a->added_us};
    format_clean(r.imei, sizeof r.imei, a->imei);
    format_clean(r.state, sizeof r.state, a->state);
    format_clean(r.kind, sizeof r.kind, a->kind);
    format_clean(r.camera, sizeof r.camera, a->camera);
    format_clean(r.by, sizeof r.by, a->by);
    format_clean(r.why, sizeof r.why, a->why);
    return LIST_COUNT(&s->asked, struct asked) < CAMERAS_MAX
               ? buf_append(&s->asked, &r, sizeof r, err)
               : ERR_OK;
}

static int take_noted(void *arg, const struct catalogue_noted *noted, struct err *err)
{
    struct status *s = arg;
    struct noted n = {.n = noted->n, .oldest_us = noted->oldest_us, .due_us = noted->due_us};
    format_clean(n.rule, sizeof n.rule, noted->rule);
    return buf_append(&s->noted, &n, sizeof n, err);
}

static int take_broken(void *arg, const struct catalogue_broken *b, struct err *err)
{
    struct status *s = arg;
    struct error e = {.kind = ERROR_TRANSFER, .stage = "receive", .n = 1, .last_us = b->at_us};
    (void)err;
    format_clean(e.what, sizeof e.what, b->why[0] ? b->why : "connection lost");
    format_clean(e.example, sizeof e.example, b->id);
    snprintf(e.advice, sizeof e.advice, "nothing: the camera resumes it on its next connection");
    status_error_add(s, &e);
    return ERR_OK;
}

struct owed {
    const struct status *s;
    struct stage *stage;
};

static bool has_job(const struct status *s, const char *stage, const char *id)
{
    static const char *const places[] = {"new", "cur", "failed", "new"}; /* it may go back */
    bool found = false;
    for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
        char *path = NULL;
        struct err unimportant;
        struct stat st;
        found = fsx_path(&path, &unimportant, "%s/spool/%s/%s/%s", s->root, stage, places[i], id) ==
                    ERR_OK &&
                lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
        free(path);
    }
    return found;
}

/* What is on its way from a stage to the next has a job there. */
static int take_owed(void *arg, const char *id, struct err *err)
{
    const struct owed *o = arg;
    (void)err;
    LIST_EACH (&o->s->stage, const struct stage, stage) {
        if (has_job(o->s, stage->name, id))
            return ERR_OK;
    }
    if (o->stage->lost++ == 0)
        format_clean(o->stage->lost_id, sizeof o->stage->lost_id, id);
    return ERR_OK;
}

/* Its jobs were counted before: there are as many as it has to do, unless some were lost. */
static int collect_lost(const struct status *s, struct stage *stage, struct catalogue_summary *l,
                        struct err *err)
{
    struct owed owed = {s, stage};
    int64_t n = 0, jobs = 0, until_us = s->now_us - STATUS_LATE_US;
    for (int i = 0; i < JOB_STATES; i++)
        jobs += stage->jobs[i].n;
    int rc = stage->known ? catalogue_summary_owed(l, stage->name, until_us, &n, err) : ERR_OK;
    return rc < 0 || n <= jobs
               ? rc
               : catalogue_summary_owed_each(l, stage->name, until_us, take_owed, &owed, err);
}

/* Whether there is a day's file; 0 bytes are none. */
static bool has_originals(const struct status *s)
{
    struct fsx_dir dir = {NULL};
    struct err unimportant;
    const char *name = NULL;
    char *path = NULL;
    bool found = false;
    int rc = fsx_path(&path, &unimportant, "%s/raw", s->root);
    if (rc == ERR_OK)
        rc = fsx_dir_open(&dir, path, &unimportant);
    while (rc == ERR_OK && !found && (rc = fsx_dir_next(&dir, &name, &unimportant)) == ERR_OK &&
           name) {
        struct stat st;
        size_t n = strlen(name);
        found = n > 3 && strcmp(name + n - 3, ".db") == 0 &&
                fstatat(dirfd(dir.stream), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
    }
    fsx_dir_close(&dir);
    free(path);
    return found;
}

static void compare_stores(struct status *s, bool missing)
{
    bool originals = has_originals(s);
    if (missing && originals)
        status_problem_add(s, W_("restore it from a backup, or run 'dashspool reindex'"),
                           W_("catalogue.db is missing or empty, but raw/ has originals"));
    if (s->totals.stored > 0 && !originals)
        status_problem_add(s,
                           W_("restore raw/ from a backup; 'dashspool fsck' tells what is missing"),
                           W_("raw/ has no originals, but the catalogue tells of %lld"),
                           (long long)s->totals.stored);
}

/* Those that a receiver goes on without, as far as they did not come back since. */
static void tell_missing_days(struct status *s)
{
    const struct upkeep *u = &s->upkeep[UPKEEP_MISSING_DAYS];
    char day[16], first[16] = "", path[TEXT_ROOM];
    int used = 0, n = 0;
    for (const char *at = u->last.text;
         u->known && !u->last.ok && sscanf(at, "%10[0-9-]%n", day, &used) == 1; at += used) {
        snprintf(path, sizeof path, "%s/raw/%s.db", s->root, day);
        if (access(path, F_OK) < 0 && errno == ENOENT && n++ == 0)
            memcpy(first, day, sizeof first);
        used += at[used] == ' ';
    }
    if (n > 0)
        status_problem_add(
            s,
            W_("put it back into raw/ without its -journal; if it is lost, 'dashspool "
               "fsck --repair' notes that"),
            W_("raw/%s.db is missing%s: its originals cannot be handed out"), first,
            n > 1 ? W_(", and files of other days") : "");
}

/* What [status] says of each camera, and whom it names and nobody has heard. */
static int collect_silence(struct status *s, const struct cfg *cfg, struct err *err)
{
    struct rules rules;
    int rc = rules_parse(cfg_text(cfg, "status", "max_silence"), RULES_FOR_JOBS, &rules, err);
    if (rc < 0)
        return rc;
    LIST_EACH (&s->cameras, struct camera, c) {
        int i = rules_find(&rules, "", c->camera, c->imei, "");
        c->silence_us = i < 0 ? 0 : rules.rule[i].age_us;
        s->overdue += status_camera_overdue(s, c);
    }
    for (int i = 0; rc == ERR_OK && i < rules.n; i++) {
        const struct rule *rule = &rules.rule[i];
        struct camera missing = {.silence_us = rule->age_us};
        bool heard = rule->age_us == 0 || !rule->imei[0];
        LIST_EACH (&s->cameras, const struct camera, c) {
            heard = heard || (strcmp(c->imei, rule->imei) == 0 &&
                              (!rule->camera[0] || strcmp(c->camera, rule->camera) == 0));
        }
        snprintf(missing.imei, sizeof missing.imei, "%s", rule->imei);
        snprintf(missing.camera, sizeof missing.camera, "%s", rule->camera);
        s->overdue += !heard;
        if (!heard)
            rc = buf_append(&s->unheard, &missing, sizeof missing, err);
    }
    return rc;
}

/* A sweep that trusted the clock says so. */
static int collect_upkeep(struct status *s, struct catalogue_summary *l, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < UPKEEP_TASKS; i++) {
        struct upkeep *u = &s->upkeep[i];
        rc = catalogue_summary_upkeep(l, status_upkeep_tasks[i], &u->last, &u->known, err);
        char text[CATALOGUE_UPKEEP_ROOM];
        format_clean(text, sizeof text, u->last.text);
        memcpy(u->last.text, text, sizeof text);
    }
    const struct upkeep *sweep = &s->upkeep[UPKEEP_SWEEP], *clock = &s->upkeep[UPKEEP_CLOCK];
    s->clock_doubted = rc == ERR_OK && sweep->known && !sweep->last.ok &&
                       strncmp(sweep->last.text, CATALOGUE_UPKEEP_FAILED,
                               sizeof CATALOGUE_UPKEEP_FAILED - 1) != 0 &&
                       (!clock->known || clock->last.at_us != sweep->last.at_us);
    return rc;
}

static int collect_catalogue(struct status *s, struct err *err)
{
    struct catalogue_summary *l = NULL;
    int rc = catalogue_summary_open(&l, s->root, err);
    if (rc == ERR_OK) {
        struct disk *d = &s->disk;
        int64_t copies;
        rc = catalogue_summary_totals(l, s->now_us - 7 * STATUS_DAY_US, &s->totals, err);
        s->have_totals = rc == ERR_OK;
        if (rc == ERR_OK && (rc = catalogue_summary_cameras(l, take_camera, s, err)) == ERR_OK)
            rc = catalogue_summary_broken(l, s->now_us - STATUS_DAY_US, take_broken, s, err);
        if (rc == ERR_OK)
            rc = catalogue_summary_asked(l, take_asked, s, err);
        if (rc == ERR_OK)
            rc = catalogue_summary_noted(l, take_noted, s, err);
        for (size_t i = 0; rc == ERR_OK && i < LIST_COUNT(&s->stage, struct stage); i++)
            rc = collect_lost(s, LIST_AT(&s->stage, struct stage, i), l, err);
        if (rc == ERR_OK &&
            (rc = catalogue_summary_copies(l, &copies, &d->archive, &d->archive_exact, err)) < 0)
            d->archive = -1;
        if (rc == ERR_OK)
            rc = collect_upkeep(s, l, err);
    }
    catalogue_summary_close(&l);
    compare_stores(s, rc == ERR_NOTFOUND);
    tell_missing_days(s);
    if (rc == ERR_NOTFOUND) /* nothing was received yet */
        return ERR_OK;
    if (rc == ERR_MALFORMED)
        status_problem_add(s,
                           W_("run 'dashspool fsck' for details; 'dashspool reindex' rebuilds it"),
                           W_("catalogue: %s"), err->text);
    else if (rc == ERR_UNSUPPORTED)
        status_problem_add(s, W_("use the newer version of dashspool; never 'dashspool reindex'"),
                           W_("catalogue: %s"), err->text);
    else if (rc == ERR_FOREIGN)
        status_problem_add(s, W_("stop dashspool and put back what belongs to this ROOT"),
                           W_("catalogue: %s"), err->text);
    else if (rc < 0 && rc != ERR_NOMEM)
        status_problem_add(s, W_("retry soon; if it persists, check owner and permissions"),
                           W_("catalogue: %s"), err->text);
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

/* ---- the disk ----
 *
 * And what of ROOT is on it, as far as that is known without reading a million files. */

struct sum {
    int64_t bytes;
    int entries;
    bool more; /* there are others */
};

static void add_dir(struct sum *sum, int parent, const char *name, int depth);

static void add_entry(struct sum *sum, int dir, const char *name, int depth)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    sum->bytes += (int64_t)st.st_blocks * 512;
    if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        add_dir(sum, dir, name, depth + 1);
}

/* What lies below it, on the disk; ENTRIES_MAX of it. */
static void add_dir(struct sum *sum, int parent, const char *name, int depth)
{
    struct fsx_dir d = {NULL};
    struct err unimportant;
    const char *entry = NULL;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsx_dir_of(&d, fd, name, &unimportant) < 0)
        return;
    while (!sum->more && fsx_dir_next(&d, &entry, &unimportant) == ERR_OK && entry) {
        sum->more = ++sum->entries > ENTRIES_MAX;
        if (!sum->more)
            add_entry(sum, dirfd(d.stream), entry, depth);
    }
    fsx_dir_close(&d);
}

static int64_t tree(int root, const char *name, bool *more)
{
    struct sum sum = {0};
    struct stat st;
    if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    add_dir(&sum, root, name, 0);
    *more = sum.more;
    return sum.bytes;
}

/* What trackers say in a day: the files of the last days, whose names are the days of what is in
 * them. What a tracker brings of older ones is once. */
static double telemetry_a_day(const struct status *s, int root)
{
    enum { DAYS = 7 };
    int64_t bytes = 0;
    int oldest = 0;
    for (int i = 0; i <= DAYS; i++) {
        char day[CLOCK_DATE_ROOM], path[64];
        struct stat st, log;
        clock_date(s->now_us - i * STATUS_DAY_US, day);
        snprintf(path, sizeof path, RECORDS_DIR "/%s.db", day);
        if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        snprintf(path, sizeof path, RECORDS_DIR "/%s.db-wal", day);
        bytes += st.st_size;
        bytes += fstatat(root, path, &log, AT_SYMLINK_NOFOLLOW) == 0 ? log.st_size : 0;
        oldest = i;
    }
    double days = oldest + (double)(s->now_us % STATUS_DAY_US) / (double)STATUS_DAY_US;
    return (double)bytes / (days < 1 ? 1 : days);
}

static void collect_disk(struct status *s, const struct cfg *cfg)
{
    struct disk *d = &s->disk;
    struct statvfs v;
    bool raw_more = false;
    int root = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->min_free = cfg_int(cfg, "receive", "min_free_mib") << 20;
    d->warn_free = cfg_int(cfg, "retention", "warn_free_mib") << 20;
    d->delete_free = cfg_int(cfg, "retention", "delete_free_mib") << 20;
    if (root < 0)
        return;
    if (fstatvfs(root, &v) == 0) {
        d->bytes = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
        d->free = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
        d->inodes = (int64_t)v.f_files;
        d->inodes_free = (int64_t)v.f_favail;
        d->read_only = (v.f_flag & ST_RDONLY) != 0;
    }
    int64_t raw = tree(root, "raw", &raw_more); /* the day files: a few hundred */
    d->raw = raw_more ? -1 : raw;
    d->spool = tree(root, "spool", &d->spool_more);
    d->packages = tree(root, "packages", &d->packages_more);
    d->telemetry = tree(root, RECORDS_DIR, &d->telemetry_more);
    d->a_day = (int64_t)telemetry_a_day(s, root);
    close(root);
    /* What comes in a day, with the copies that are made of it. */
    const struct catalogue_totals *n = &s->totals;
    d->days_left = -1;
    if (s->have_totals && n->first_us > 0) {
        double days = (double)(s->now_us - n->first_us) / (double)STATUS_DAY_US;
        double with_copies =
            n->bytes > 0 && d->archive > 0 ? 1 + (double)d->archive / (double)n->bytes : 1;
        days = days < 1   ? 1
               : days > 7 ? 7
                          : days; /* of the first one nobody knows how it goes on */
        d->a_day += (int64_t)((double)n->since_bytes * with_copies / days);
    }
    if (d->a_day > 0 && d->free >= 0)
        d->days_left =
            (double)(d->free > d->min_free ? d->free - d->min_free : 0) / (double)d->a_day;
}

static void tell_barred(void *arg, const struct user_barred *barred)
{
    status_problem_add(arg, barred->advice, "%s: %s", barred->name, barred->what);
}

/* ---- what the settings name: keys, a token, certificates ---- */

static void check_secret(struct status *s, const char *path, const char *setting)
{
    struct stat st;
    if (stat(path, &st) < 0 || !(st.st_mode & (S_IROTH | S_IWOTH)))
        return;
    status_advise(s, W_("chmod o-rwx %.200s, and replace what is in it"), path);
    status_problem_add(s, NULL, W_("%s (%s) can be %s by every user of this computer"), path,
                       setting, st.st_mode & S_IROTH ? W_("read") : W_("written"));
}

/* One that cannot be read, by us: whoever uses it says so. */
static void check_certificate(struct status *s, const char *path, const char *setting)
{
    struct err unimportant;
    int64_t from_s, until_s;
    char span[24];
    if (tls_certificate_valid(path, &from_s, &until_s, &unimportant) < 0)
        return;
    struct certificate c = {.from_us = s->now_us + from_s * 1000000,
                            .until_us = s->now_us + until_s * 1000000};
    format_clean(c.path, sizeof c.path, path);
    format_clean(c.setting, sizeof c.setting, setting);
    if (buf_append(&s->certificates, &c, sizeof c, &unimportant) < 0)
        return; /* a list of a few */
    if (until_s >= 0 && until_s < STATUS_CERTIFICATE_DAYS * INT64_C(86400))
        status_problem_add(s, W_("get a new one, put it there, then reload"),
                           W_("%s (%s) expires in %s"), path, setting, format_span(until_s, span));
    if (until_s < 0)
        status_problem_add(s, W_("put a new one there, then reload"), W_("%s (%s) expired %s ago"),
                           path, setting, format_span(-until_s, span));
    else if (from_s > 0)
        status_problem_add(s, W_("check this computer's clock, and the certificate"),
                           W_("%s (%s) is not valid yet: in %s"), path, setting,
                           format_span(from_s, span));
}

static void check_setting(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                          const char *value, const char *origin)
{
    static const char secrets[] = "tls_key sign_key token_file",
                      certificates[] = "tls_cert sign_cert";
    size_t n = strlen(key->name);
    char setting[100];
    (void)origin;
    snprintf(setting, sizeof setting, "[%.60s] %.30s", section->name, key->name);
    if (value[0] && words_have(secrets, key->name, n))
        check_secret(arg, value, setting);
    else if (value[0] && words_have(certificates, key->name, n))
        check_certificate(arg, value, setting);
}

/* Rules are about what trackers report: to nobody. */
static void check_rules(struct status *s, const struct cfg *cfg)
{
    if (cfg_next(cfg, "request *", NULL, NULL) && !cfg_bool(cfg, "telemetry", "enabled") &&
        s->telemetry.server.life != LIFE_RUNNING)
        status_problem_add(s, W_("set enabled = yes in [telemetry], or remove the rules"),
                           W_("the rules of [request NAME] ask for nothing: [telemetry] is off"));
}

/* ---- all ---- */

static int by_time(const void *a, const void *b)
{
    const struct error *x = a, *y = b;
    return x->last_us == y->last_us ? strcmp(x->what, y->what) : x->last_us > y->last_us ? -1 : 1;
}

static bool is_there(const char *root, const char *name)
{
    char *path = NULL;
    struct stat st;
    struct err unimportant;
    bool there = fsx_path(&path, &unimportant, "%s/%s", root, name) == ERR_OK &&
                 (stat(path, &st) == 0 || errno != ENOENT);
    free(path);
    return there;
}

static int check_root(const char *root, struct err *err)
{
    static const char *const ours[] = {"catalogue.db", "raw",      "spool",
                                       "scratch",      "run.lock", "receive.json"};
    if (site_used()) /* its catalogue is elsewhere */
        return ERR_OK;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (is_there(root, ours[i]))
            return ERR_OK;
    return err_set(
        err, ERR_NOTFOUND,
        "%s: no catalogue found; give the right directory with --root, or receive a file first",
        root);
}

int status_collect(struct status **out, const char *root, const struct cfg *cfg, struct err *err)
{
    *out = NULL;
    int rc = check_root(root, err);
    if (rc < 0)
        return rc;
    struct status *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the status");
    buf_init(&s->processes, LIST_BYTES_MAX);
    buf_init(&s->stage, LIST_BYTES_MAX);
    buf_init(&s->claims, LIST_BYTES_MAX);
    buf_init(&s->incoming, LIST_BYTES_MAX);
    buf_init(&s->cameras, LIST_BYTES_MAX);
    buf_init(&s->trackers, LIST_BYTES_MAX);
    buf_init(&s->asked, LIST_BYTES_MAX);
    buf_init(&s->noted, LIST_BYTES_MAX);
    buf_init(&s->unheard, LIST_BYTES_MAX);
    buf_init(&s->certificates, LIST_BYTES_MAX);
    s->now_us = clock_utc_us();
    s->disk = (struct disk){.bytes = -1,
                            .free = -1,
                            .raw = -1,
                            .archive = -1,
                            .spool = -1,
                            .packages = -1,
                            .telemetry = -1,
                            .days_left = -1};
    s->convert_timeout_us = cfg_ms(cfg, "convert", "timeout") * 1000;
    rc = fsx_path(&s->root, err, "%s", root);
    if (rc == ERR_OK && (rc = stages_load(&s->stages, cfg, err)) == ERR_OK)
        rc = collect_processes(s, err);
    if (rc == ERR_OK)
        rc = collect_trackers(s, err);
    if (rc == ERR_OK && (rc = collect_jobs(s, err)) == ERR_OK)
        rc = collect_catalogue(s, err);
    if (rc == ERR_OK)
        rc = collect_silence(s, cfg, err);
    if (rc < 0) {
        status_free(&s);
        return rc;
    }
    collect_disk(s, cfg);
    user_each_barred(s->root, tell_barred, s);
    cfg_each(cfg, check_setting, s);
    check_rules(s, cfg);
    struct sandbox_report sandbox;
    sandbox_probe(&sandbox);
    snprintf(s->sandbox, sizeof s->sandbox, "%s", sandbox.kernel);
    diagnose(s);
    qsort(s->errors, s->n_errors, sizeof *s->errors, by_time);
    *out = s;
    return ERR_OK;
}

void status_free(struct status **s)
{
    if (!*s)
        return;
    buf_clear(&(*s)->processes);
    buf_clear(&(*s)->stage);
    buf_clear(&(*s)->claims);
    buf_clear(&(*s)->incoming);
    buf_clear(&(*s)->cameras);
    buf_clear(&(*s)->trackers);
    buf_clear(&(*s)->asked);
    buf_clear(&(*s)->noted);
    buf_clear(&(*s)->unheard);
    buf_clear(&(*s)->certificates);
    stages_free(&(*s)->stages);
    free((*s)->root);
    free(*s);
    *s = NULL;
}

size_t status_troubles(const struct status *s)
{
    return s->n_trouble;
}

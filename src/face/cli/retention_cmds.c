/* protect, sweep, erase: what may be deleted, and its deletion by hand. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/retention.h"
#include "dashspool/stop.h"

/* ---- protect ---- */

struct protecting {
    const char *reason, *who;
    bool release, list;
};

#define AT(field) offsetof(struct protecting, field)
static const struct cli_option protect_options[] = {
    {CLI_TEXT, "reason", "TEXT", "the reason, kept in the custody record (required)",
     .offset = AT(reason), .min = 1, .max = CATALOGUE_REASON_ROOM - 1},
    {OPT_FLAG("release", release, "remove all protections of these transfers")},
    {OPT_FLAG("list", list, "list protected transfers: since when, by whom and why")},
    {CLI_TEXT, "who", "NAME", "who decides this (default: your user name)", .offset = AT(who),
     .min = 1},
    {0}};
#undef AT

static int protect_one(struct catalogue *c, const struct protecting *p, const char *id)
{
    struct err err;
    struct catalogue_protection add = {.since_us = clock_utc_us()};
    int ended = 0;
    snprintf(add.who, sizeof add.who, "%s", p->who);
    if (!p->release)
        snprintf(add.reason, sizeof add.reason, "%s", p->reason);
    int rc = p->release ? catalogue_unprotect(c, id, p->who, &ended, &err)
                        : catalogue_protect(c, id, &add, &err);
    if (rc < 0)
        return cli_fail("protect", &err);
    if (!p->release)
        printf("%s: protected\n", cli_shown(id));
    else
        printf("%s: %s\n", cli_shown(id), ended ? "released" : "was not protected");
    return CLI_OK;
}

static int print_protection(void *arg, const struct catalogue_protection *p, struct err *err)
{
    const struct catalogue_transfer *t = arg;
    char since[CLOCK_TEXT_ROOM], who[sizeof p->who], reason[sizeof p->reason];
    (void)err;
    clock_rfc3339(p->since_us, 0, since);
    text_shown(p->who, who, sizeof who);
    text_shown(p->reason, reason, sizeof reason);
    printf("%-48s  since %s by %s: %s\n", t->id, since, who, reason);
    return ERR_OK;
}

static int list_protected(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_transfer copy = *t;
    return catalogue_protection_each(arg, t->key, print_protection, &copy, err);
}

static int run_protect(struct cli *cli, const struct cli_args *args)
{
    struct protecting *p = args->options;
    struct catalogue *c = NULL;
    struct err err;
    if (p->list ? p->release || p->reason || args->n_operands > 0 : args->n_operands == 0)
        return cli_usage("protect", p->list ? "--list takes no other arguments" : "give IDs");
    if (!p->list && !p->release == !p->reason)
        return cli_usage("protect", "give a reason with --reason, or use --release");
    p->who = p->who ? p->who : cli_user_name();
    int rc = cli_catalogue_open(cli, "protect", &c);
    if (rc != CLI_OK)
        return rc;
    if (p->list && catalogue_transfer_each(c, NULL, list_protected, c, &err) < 0)
        rc = cli_fail("protect", &err);
    for (int i = 0; i < args->n_operands; i++) {
        int one = protect_one(c, p, args->operand[i]);
        rc = one == CLI_OK ? rc : one;
    }
    catalogue_close(&c);
    return rc;
}

const struct cli_command cli_protect = {
    .name = "protect",
    .group = CLI_EVIDENCE,
    .summary = "exempt transfers from the retention rules",
    .forms = "ID… --reason TEXT [--who NAME]\n--release ID… [--who NAME]\n--list",
    .prose = "Exempt transfers and their copies from the retention rules until they are released. "
             "Exporting transfers in an evidence package protects them automatically.",
    .options = protect_options,
    .example = "dashspool protect 352093081452251-front-video-20241129T072345Z --reason 'claim 17'",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct protecting),
    .run = run_protect,
};

/* ---- sweep ---- */

struct sweep_options {
    bool dry_run, json, clock_is_right;
};

#define AT(field) offsetof(struct sweep_options, field)
static const struct cli_option sweep_options[] = {
    {OPT_FLAG("dry-run", dry_run, "show what would be deleted, and why; delete nothing")},
    {OPT_FLAG("clock-is-right", clock_is_right,
              "this machine's clock is right, although it is more than a day away from the last "
              "sweep and from what cameras say")},
    {OPT_FLAG("json", json, "as a JSON object")},
    {0}};

struct told {
    bool dry_run;
    json_t *json; /* NULL: lines */
};

static void tell(void *arg, const struct retention_swept *item)
{
    const struct told *t = arg;
    char size[24], name[600];
    text_shown(item->name, name, sizeof name);
    if (t->json)
        json_array_append_new(t->json, json_pack("{s:s, s:s, s:s*, s:s, s:I}", "what", item->what,
                                                 "name", name, "stage", item->stage, "why",
                                                 item->why, "bytes", (json_int_t)item->bytes));
    else if (item->stage)
        printf("%s %s %s of %s: %s\n", t->dry_run ? "would delete" : "deleted", item->what, name,
               item->stage, item->why);
    else
        printf("%s %s %s (%s): %s\n", t->dry_run ? "would delete" : "deleted", item->what, name,
               size_text(item->bytes, size), item->why);
}

static void tell_trouble(void *arg, const char *name, const char *why)
{
    char printable[600];
    (void)arg;
    text_shown(name, printable, sizeof printable);
    fprintf(stderr, "dashspool sweep: %s: %s\n", printable, why);
}

static bool go_on(void *arg)
{
    (void)arg;
    return !stop_caught();
}

static int summary(struct told *t, const struct retention_result *r)
{
    char size[24], space[24];
    int rc = r->troubles > 0 ? CLI_FAILED : CLI_OK;
    if (r->low)
        fprintf(stderr, "dashspool sweep: low disk space: %s free (warn_free_mib)\n",
                size_text(r->free_bytes, space));
    if (t->json) {
        json_t *o = json_pack(
            "{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:o}", "dry_run",
            t->dry_run, "clock_doubted", r->clock_doubted, "masters", (json_int_t)r->masters,
            "copies", (json_int_t)r->copies, "failed_jobs", (json_int_t)r->jobs, "records",
            (json_int_t)r->records, "requests", (json_int_t)r->requests, "bytes",
            (json_int_t)r->bytes, "kept", "protected", (json_int_t)r->protected, "not_converted",
            (json_int_t)r->unconverted, "busy", (json_int_t)r->busy, "may_be_resumed",
            (json_int_t)r->young, "free_bytes", (json_int_t)r->free_bytes, "items", t->json);
        return cli_print_json("sweep", o) == CLI_OK ? rc : CLI_FAILED;
    }
    if (r->records > 0)
        printf("%lld %s and ", SIZE_COUNT(r->records, "tracker record", "tracker records"));
    printf("%lld %s, %lld %s, %lld failed %s%s: %s\n",
           SIZE_COUNT(r->masters, "original", "originals"), SIZE_COUNT(r->copies, "copy", "copies"),
           SIZE_COUNT(r->jobs, "job", "jobs"), t->dry_run ? " would be deleted" : " deleted",
           size_text(r->bytes, size));
    if (r->protected + r->unconverted + r->busy + r->young > 0)
        printf("expired but kept: %lld protected, %lld not converted yet, %lld in progress, "
               "%lld that may be resumed\n",
               (long long)r->protected, (long long)r->unconverted, (long long)r->busy,
               (long long)r->young);
    return rc;
}

static int run_sweep(struct cli *cli, const struct cli_args *args)
{
    const struct sweep_options *o = args->options;
    struct told told = {.dry_run = o->dry_run, .json = o->json ? json_array() : NULL};
    struct retention_result r;
    struct stages *stages = NULL;
    struct spools_known names;
    const char *name[STAGES_MAX];
    struct err err;
    const unsigned how =
        (o->dry_run ? RETENTION_DRY_RUN : 0u) | (o->clock_is_right ? RETENTION_CLOCK_IS_RIGHT : 0u);
    stop_catch();
    const struct retention_listener listener = {tell, tell_trouble, tell_trouble, go_on, &told};
    int rc = cli_care_stages(cli, &stages, name, &names, &err);
    if (rc == ERR_OK)
        rc = retention_sweep(cli->root, cli->cfg, &names, how, &listener, &r, &err);
    stages_free(&stages);
    if (rc < 0) {
        json_decref(told.json);
        return cli_fail("sweep", &err);
    }
    return summary(&told, &r);
}

const struct cli_command cli_sweep = {
    .name = "sweep",
    .group = CLI_OPERATE,
    .summary = "delete what has expired under the retention rules",
    .prose = "Delete what has expired under [retention]; without rules, nothing. Never deleted: "
             "protected transfers, those not yet converted or queued for another stage, and "
             "partial transfers that a camera may still resume. Failed jobs of all stages follow "
             "the 'failed' rules. The custody record of a deleted transfer is kept.",
    .options = sweep_options,
    .example = "dashspool --root /srv/dashcam sweep --dry-run",
    .room = sizeof(struct sweep_options),
    .run = run_sweep,
};

/* ---- erase ---- */

struct erase_options {
    const char *imei, *reason, *who;
    int64_t since_us, until_us;
    bool protected_too, dry_run, json;
};

#undef AT
#define AT(field) offsetof(struct erase_options, field)
static const struct cli_option erase_options[] = {
    {OPT_TEXT("imei", "N", imei, "everything of this tracker (IMEI) instead of IDs …")},
    {CLI_TIME, "since", "T", "… that was recorded at or after T", .offset = AT(since_us)},
    {CLI_UNTIL, "until", "T", "… before T; of a day: until its end", .offset = AT(until_us)},
    {CLI_TEXT, "reason", "TEXT", "why, kept in the custody record (required)", .offset = AT(reason),
     .min = 1, .max = CATALOGUE_REASON_ROOM - 1},
    {CLI_TEXT, "who", "NAME", "who decides this (default: your user name)", .offset = AT(who),
     .min = 1},
    {OPT_FLAG("protected", protected_too, "also what is protected")},
    {OPT_FLAG("dry-run", dry_run, "show what would be erased; erase nothing")},
    {OPT_FLAG("json", json, "as a JSON object")},
    {0}};
#undef AT

static void tell_erased(void *arg, const struct retention_swept *item)
{
    const struct told *t = arg;
    char size[24], name[600];
    if (t->json) {
        tell(arg, item);
        return;
    }
    text_shown(item->name, name, sizeof name);
    printf("%s %s %s (%s)\n", t->dry_run ? "would erase" : "erased", item->what, name,
           size_text(item->bytes, size));
}

static void tell_not_erased(void *arg, const char *name, const char *why)
{
    char printable[600];
    (void)arg;
    text_shown(name, printable, sizeof printable);
    fprintf(stderr, "dashspool erase: %s: %s\n", printable, why);
}

static int erase_summary(const struct told *t, const struct retention_result *r)
{
    char size[24];
    int rc = r->troubles > 0 ? CLI_FAILED : CLI_OK;
    if (t->json) {
        json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "dry_run", t->dry_run,
                              "transfers", (json_int_t)r->masters, "copies", (json_int_t)r->copies,
                              "records", (json_int_t)r->records, "bytes", (json_int_t)r->bytes,
                              "troubles", (json_int_t)r->troubles, "items", t->json);
        return cli_print_json("erase", o) == CLI_OK ? rc : CLI_FAILED;
    }
    if (r->records > 0)
        printf("%lld %s and ", SIZE_COUNT(r->records, "tracker record", "tracker records"));
    printf("%lld %s, %lld %s%s: %s\n", SIZE_COUNT(r->masters, "transfer", "transfers"),
           SIZE_COUNT(r->copies, "copy", "copies"), t->dry_run ? " would be erased" : " erased",
           size_text(r->bytes, size));
    if (r->masters + r->records > 0 && !t->dry_run)
        printf(
            "Backups still have it: the next 'dashspool backup DIR' to each removes it there.\n");
    return rc;
}

static int run_erase(struct cli *cli, const struct cli_args *args)
{
    const struct erase_options *o = args->options;
    struct told told = {.dry_run = o->dry_run};
    struct retention_result r;
    struct err err;
    if (!o->imei == (args->n_operands == 0))
        return cli_usage("erase", "give IDs, or --imei N");
    if (!o->imei && (o->since_us || o->until_us))
        return cli_usage("erase", "--since and --until go with --imei");
    if (!o->reason)
        return cli_usage("erase", "give a reason with --reason");
    const struct retention_erasing what = {.ids = (const char *const *)args->operand,
                                           .n = (size_t)args->n_operands,
                                           .imei = o->imei,
                                           .since_us = o->since_us,
                                           .until_us = o->until_us,
                                           .reason = o->reason,
                                           .who = o->who ? o->who : cli_user_name(),
                                           .protected_too = o->protected_too,
                                           .dry_run = o->dry_run};
    const struct retention_listener listener = {tell_erased, tell_not_erased, tell_not_erased,
                                                go_on, &told};
    stop_catch();
    told.json = o->json ? json_array() : NULL;
    if (retention_erase(cli->root, &what, &listener, &r, &err) < 0) {
        json_decref(told.json);
        return cli_fail("erase", &err);
    }
    return erase_summary(&told, &r);
}

const struct cli_command cli_erase = {
    .name = "erase",
    .group = CLI_OPERATE,
    .summary = "erase recordings for good, with a reason",
    .forms =
        "ID… --reason TEXT [OPTIONS]\n--imei N [--since T] [--until T] --reason TEXT [OPTIONS]",
    .prose =
        "Erase recordings whatever the retention rules say: the footage, its copies, what the "
        "camera sent, position and driver. The custody record stays without these, and with "
        "the reason. Packages that contain them are named: dashspool cannot delete what was "
        "handed out. Protected recordings stay unless --protected is given. "
        "With it goes what the tracker recorded in that time, and a minute around it; with --imei "
        "all that it recorded, and the requests for its footage.",
    .options = erase_options,
    .example = "dashspool erase --imei 352093081452251 --until 2024-11-30 --reason 'request 12'",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct erase_options),
    .run = run_erase,
};

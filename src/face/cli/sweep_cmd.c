/* sweep: retention, by hand. */
#include "cli_internal.h"
#include "dashspool/retention.h"
#include <signal.h>
#include <stdio.h>

static const char sweep_help[] =
    "usage: dashspool sweep [--dry-run] [--json]\n"
    "\n"
    "Delete what has expired under [retention]; without rules, nothing. Never deleted: protected\n"
    "transfers, those not yet converted or queued for another stage, and partial transfers that a\n"
    "camera may still resume. Failed jobs of all stages follow the 'failed' rules. The custody\n"
    "record of a deleted transfer is kept.\n"
    "\n"
    "  --dry-run   show what would be deleted, and why; delete nothing\n"
    "  --json      as a JSON object\n"
    "\n"
    "example: dashspool --root /srv/dashcam sweep --dry-run\n";

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    (void)signum;
    stop = 1;
}

struct told {
    bool dry_run;
    json_t *json; /* NULL: lines */
};

static void tell(void *arg, const struct retention_swept *item)
{
    const struct told *t = arg;
    char size[24], name[600];
    cli_printable(item->name, name, sizeof name);
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
    cli_printable(name, printable, sizeof printable);
    fprintf(stderr, "dashspool sweep: %s: %s\n", printable, why);
}

static bool go_on(void *arg)
{
    (void)arg;
    return !stop;
}

static int summary(struct told *t, const struct retention_result *r)
{
    char size[24], space[24];
    int rc = r->troubles > 0 ? CLI_FAILED : CLI_OK;
    if (r->low)
        fprintf(stderr, "dashspool sweep: low disk space: %s free (warn_free_mib)\n",
                size_text(r->free_bytes, space));
    if (t->json) {
        json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:o}",
                              "dry_run", t->dry_run, "masters", (json_int_t)r->masters, "copies",
                              (json_int_t)r->copies, "failed_jobs", (json_int_t)r->jobs, "bytes",
                              (json_int_t)r->bytes, "kept", "protected", (json_int_t)r->protected,
                              "not_converted", (json_int_t)r->unconverted, "busy",
                              (json_int_t)r->busy, "may_be_resumed", (json_int_t)r->young,
                              "free_bytes", (json_int_t)r->free_bytes, "items", t->json);
        return cli_print_json("sweep", o) == CLI_OK ? rc : CLI_FAILED;
    }
    printf("%lld originals, %lld copies, %lld failed jobs%s: %s\n", (long long)r->masters,
           (long long)r->copies, (long long)r->jobs, t->dry_run ? " would be deleted" : " deleted",
           size_text(r->bytes, size));
    if (r->protected + r->unconverted + r->busy + r->young > 0)
        printf("expired but kept: %lld protected, %lld not converted yet, %lld in progress, "
               "%lld that may be resumed\n",
               (long long)r->protected, (long long)r->unconverted, (long long)r->busy,
               (long long)r->young);
    return rc;
}

int cli_sweep(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"dry-run", no_argument, NULL, 'n'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct told told = {.json = NULL};
    struct retention_result r;
    struct stages *stages = NULL;
    struct spools_known names;
    const char *name[STAGES_MAX];
    struct err err;
    bool json = false;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'n' && o != 'j')
            return cli_option(o, argv, sweep_help);
        *(o == 'n' ? &told.dry_run : &json) = true;
    }
    if (optind < argc)
        return cli_usage("sweep", "unexpected argument '%s'", argv[optind]);
    struct sigaction act = {.sa_handler = on_stop};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    told.json = json ? json_array() : NULL;
    const struct retention_listener listener = {tell, tell_trouble, tell_trouble, go_on, &told};
    int rc = cli_known_stages(cli, &stages, name, &names, &err);
    if (rc == ERR_OK)
        rc = retention_sweep(cli->root, cli->cfg, &names, told.dry_run, &listener, &r, &err);
    stages_free(&stages);
    if (rc < 0) {
        json_decref(told.json);
        return cli_fail("sweep", &err);
    }
    return summary(&told, &r);
}

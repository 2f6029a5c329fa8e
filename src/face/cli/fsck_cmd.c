/* fsck: is everything in ROOT there, and is it what it was? */
#include "cli_internal.h"
#include "dashspool/upkeep.h"
#include "progress.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char fsck_help[] =
    "usage: dashspool fsck [--quick] [--json]\n"
    "\n"
    "Check everything below ROOT: databases, every original against its checksum of receipt, "
    "every\n"
    "copy against the catalogue, every custody record, the jobs of every stage, and unknown "
    "files.\n"
    "Changes nothing; safe while receivers and workers run. One line for each problem: what, "
    "where,\n"
    "and what to do. Exit status 1 if there is a problem.\n"
    "\n"
    "  --quick   check only that originals and copies exist; do not read them\n"
    "  --json    print the problems as a JSON object\n"
    "\n"
    "example: dashspool --root /srv/dashcam fsck\n";

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    (void)signum;
    stop = 1;
}

struct told {
    struct progress bar;
    json_t *json; /* NULL: lines */
};

static void tell(void *arg, const struct upkeep_problem *p)
{
    struct told *t = arg;
    char where[1024], what[1024];
    cli_printable(p->where, where, sizeof where);
    cli_printable(p->what, what, sizeof what);
    if (t->json) {
        json_array_append_new(t->json,
                              json_pack("{s:s, s:s, s:s, s:s}", "part", upkeep_part_name(p->part),
                                        "where", where, "what", what, "advice", p->advice));
        return;
    }
    progress_clear(&t->bar);
    printf("%-9s  %s: %s; %s\n", upkeep_part_name(p->part), where, what, p->advice);
    fflush(stdout);
}

static bool show(void *arg, const char *where, double done)
{
    struct told *t = arg;
    progress_show(&t->bar, 0, 0, done, where);
    return !stop;
}

static int summary(struct told *t, const struct upkeep_findings *f, bool quick)
{
    char size[24];
    int rc = f->problems > 0 ? CLI_FAILED : CLI_OK;
    if (t->json) {
        json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "ok", f->problems == 0,
                              "masters", (json_int_t)f->masters, "copies", (json_int_t)f->copies,
                              "custodies", (json_int_t)f->custodies, "jobs", (json_int_t)f->jobs,
                              "hashed_bytes", (json_int_t)f->hashed_bytes, "problems", t->json);
        t->json = NULL;
        return cli_print_json("fsck", o) == CLI_OK ? rc : CLI_FAILED;
    }
    printf("%lld originals, %lld copies, %lld custody records, %lld jobs: ", (long long)f->masters,
           (long long)f->copies, (long long)f->custodies, (long long)f->jobs);
    if (f->problems == 0)
        printf("no problems; ");
    else
        printf("%lld problem%s; ", (long long)f->problems, f->problems == 1 ? "" : "s");
    if (quick)
        printf("contents not read (--quick)\n");
    else
        printf("%s read and hashed\n", size_text(f->hashed_bytes, size));
    return rc;
}

int cli_fsck(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct told told = {.json = NULL};
    struct upkeep_findings findings;
    struct stages *stages = NULL;
    struct spools_known names;
    const char *name[STAGES_MAX];
    struct err err;
    bool quick = false, json = false;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'q' && o != 'j')
            return cli_option(o, argv, fsck_help);
        *(o == 'q' ? &quick : &json) = true;
    }
    if (optind < argc)
        return cli_usage("fsck", "unexpected argument '%s'", argv[optind]);
    struct sigaction act = {.sa_handler = on_stop};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    told.json = json ? json_array() : NULL;
    progress_begin(&told.bar);
    const struct upkeep_listener listener = {tell, show, &told};
    int rc = cli_known_stages(cli, &stages, name, &names, &err);
    if (rc == ERR_OK)
        rc = upkeep_fsck(cli->root, quick, &names, &listener, &findings, &err);
    stages_free(&stages);
    progress_clear(&told.bar);
    if (rc < 0) {
        json_decref(told.json);
        return cli_fail("fsck", &err);
    }
    return summary(&told, &findings, quick);
}

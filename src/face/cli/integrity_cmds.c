/* fsck, backup, reindex: whether everything in ROOT is what it was, a copy of it, and its catalogue
 * made anew. */
#include "cli_internal.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/records.h"
#include "dashspool/stop.h"
#include "terminal.h"
#include <unistd.h>

/* ---- fsck ---- */

struct fsck_options {
    bool quick, json, repair;
};

#define AT(field) offsetof(struct fsck_options, field)
static const struct cli_option fsck_options[] = {
    {OPT_FLAG("quick", quick, "check only that originals and copies exist; do not read them")},
    {OPT_FLAG("repair", repair,
              "restore facts that were changed in the catalogue from the bytes received, where all "
              "sources agree (the custody record tells both values), queue transfers whose jobs "
              "were lost, and join footage with tracker records that were put back")},
    {OPT_FLAG("json", json, "print the problems as a JSON object")},
    {0}};

struct told {
    struct progress bar;
    json_t *json;        /* fsck; NULL: lines */
    const char *command; /* the others */
};

static void tell_problem(void *arg, const struct upkeep_problem *p)
{
    struct told *t = arg;
    char where[1024], what[1024];
    text_shown(p->where, where, sizeof where);
    text_shown(p->what, what, sizeof what);
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

static void tell_note(void *arg, const char *where, const char *what)
{
    struct told *t = arg;
    char id[1024], text[1024];
    progress_clear(&t->bar);
    text_shown(where, id, sizeof id);
    text_shown(what, text, sizeof text);
    fprintf(t->json ? stderr : stdout, "note       %s: %s\n", id, text);
}

static bool show(void *arg, const char *where, double done)
{
    struct told *t = arg;
    progress_show(&t->bar, 0, 0, done, where);
    return !stop_caught();
}

static int summary(struct told *t, const struct upkeep_findings *f, bool quick)
{
    char size[24];
    int rc = f->problems > 0 ? CLI_FAILED : CLI_OK;
    if (t->json) {
        json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ok",
                              f->problems == 0, "records", (json_int_t)f->records, "masters",
                              (json_int_t)f->masters, "copies", (json_int_t)f->copies, "custodies",
                              (json_int_t)f->custodies, "jobs", (json_int_t)f->jobs, "hashed_bytes",
                              (json_int_t)f->hashed_bytes, "repaired", (json_int_t)f->repaired,
                              "unjudged", (json_int_t)f->unjudged, "problems", t->json);
        t->json = NULL;
        return cli_print_json("fsck", o) == CLI_OK ? rc : CLI_FAILED;
    }
    if (f->records > 0)
        printf("%lld %s, ", SIZE_COUNT(f->records, "tracker record", "tracker records"));
    printf("%lld %s, %lld %s, %lld custody %s, %lld %s: ",
           SIZE_COUNT(f->masters, "original", "originals"), SIZE_COUNT(f->copies, "copy", "copies"),
           SIZE_COUNT(f->custodies, "record", "records"), SIZE_COUNT(f->jobs, "job", "jobs"));
    if (f->repaired > 0)
        printf("%lld %s repaired, ", SIZE_COUNT(f->repaired, "transfer", "transfers"));
    if (f->problems == 0)
        printf("no problems; ");
    else
        printf("%lld %s; ", SIZE_COUNT(f->problems, "problem", "problems"));
    if (quick)
        printf("contents not read (--quick)\n");
    else
        printf("%s read and hashed\n", size_text(f->hashed_bytes, size));
    return rc;
}

/* Records that were put back, of a backup, say: they came as new to nobody. */
static int join_records(const struct cli *cli, struct told *t, struct upkeep_findings *f,
                        struct err *err)
{
    char text[160];
    int joined, again;
    int rc = intake_join_all(cli->root, journey_window_us(cli->cfg), "fsck", &joined, &again, err);
    if (joined > 0) {
        snprintf(text, sizeof text,
                 "%lld %s joined with tracker records that were not joined; copies of %d are made "
                 "anew",
                 SIZE_COUNT(joined, "transfer", "transfers"), again);
        tell_note(t, RECORDS_DIR, text);
    }
    f->repaired += joined;
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    tell_problem(t,
                 &(struct upkeep_problem){UPKEEP_RECORDS, RECORDS_DIR, err->text,
                                          "put the file back from a backup, then run this again: "
                                          "its records are not joined with footage"});
    f->problems++;
    return ERR_OK;
}

static int run_fsck(struct cli *cli, const struct cli_args *args)
{
    const struct fsck_options *o = args->options;
    struct told checking = {.json = o->json ? json_array() : NULL};
    struct upkeep_findings findings;
    struct stages *stages = NULL;
    struct spools_known names;
    const char *name[STAGES_MAX];
    struct err err;
    stop_catch();
    progress_begin(&checking.bar);
    const struct upkeep_listener listener = {tell_problem, show, &checking, tell_note};
    int rc = cli_care_stages(cli, &stages, name, &names, &err);
    if (rc == ERR_OK && access(cli->root, F_OK) == 0 && cli_shut_in(cli, "fsck", true) != CLI_OK) {
        stages_free(&stages);
        json_decref(checking.json);
        return CLI_FAILED;
    }
    if (rc == ERR_OK)
        rc = upkeep_fsck(cli->root,
                         (o->quick ? UPKEEP_QUICK : 0u) | (o->repair ? UPKEEP_REPAIR : 0u), &names,
                         &listener, &findings, &err);
    if (rc == ERR_OK && o->repair)
        rc = join_records(cli, &checking, &findings, &err);
    stages_free(&stages);
    progress_clear(&checking.bar);
    if (rc < 0) {
        json_decref(checking.json);
        return cli_fail("fsck", &err);
    }
    return summary(&checking, &findings, o->quick);
}

const struct cli_command cli_fsck = {
    .name = "fsck",
    .group = CLI_OPERATE,
    .summary = "check the integrity of everything in ROOT",
    .prose = "Check everything below ROOT: databases, every original against its checksum of "
             "receipt, that none holds bytes of two transfers, every copy against the catalogue, "
             "every fact against the bytes received "
             "and the custody record, every custody record, the jobs of every stage, whether each "
             "transfer has a job or copies, and unknown files. Changes nothing without --repair; "
             "safe while receivers and workers run. One "
             "line for each problem: what, where, and what to do. Exit status 1 if there is a "
             "problem, or if something could not be checked.",
    .options = fsck_options,
    .example = "dashspool --root /srv/dashcam fsck",
    .room = sizeof(struct fsck_options),
    .run = run_fsck,
};

/* ---- backup, reindex ---- */

static void tell(void *arg, const char *where, const char *why)
{
    struct told *t = arg;
    char name[600], text[600];
    progress_clear(&t->bar);
    text_shown(where, name, sizeof name);
    text_shown(why, text, sizeof text);
    fprintf(stderr, "dashspool %s: %s: %s\n", t->command, name, text);
}

static void begin(struct told *t)
{
    stop_catch();
    progress_begin(&t->bar);
}

static int run_backup(struct cli *cli, const struct cli_args *args)
{
    struct told told = {.command = "backup"};
    struct upkeep_backup_result r;
    struct err err;
    char size[24];
    begin(&told);
    char config[4096];
    const struct upkeep_progress progress = {show, tell, &told, tell_note};
    const struct upkeep_settings settings = {cli->cfg,
                                             cli->settings->dir(cli, config, sizeof config)};
    int rc = upkeep_backup(cli->root, args->operand[0], &settings, &progress, &r, &err);
    progress_clear(&told.bar);
    if (rc < 0)
        return cli_fail("backup", &err);
    printf("%s: %lld %s, %lld %s of today and yesterday, %lld %s: %s; already there: %lld %s\n",
           args->operand[0], SIZE_COUNT(r.days, "day", "days"),
           SIZE_COUNT(r.masters, "original", "originals"), SIZE_COUNT(r.copies, "copy", "copies"),
           size_text(r.bytes, size), SIZE_COUNT(r.kept, "file", "files"));
    if (r.erased > 0)
        printf("erased here since the last backup, and now there: %lld %s\n",
               SIZE_COUNT(r.erased, "original", "originals"));
    return r.troubles > 0 ? CLI_FAILED : CLI_OK;
}

const struct cli_command cli_backup = {
    .name = "backup",
    .group = CLI_OPERATE,
    .summary = "back up ROOT while it is in use",
    .prose =
        "Copy the catalogue, originals, copies and settings to DIR while receivers and workers "
        "run. DIR is new, or an earlier backup of this ROOT that nobody uses, which is updated "
        "incrementally; nothing is removed from it but what 'dashspool erase' erased here. Private "
        "keys and tokens are not copied; they are named. A backup is itself a ROOT: 'dashspool "
        "--root DIR fsck' checks it; to restore, copy it back. The queue is not copied: unfinished "
        "and failed jobs are recreated when a receiver starts on the backup.",
    .example = "dashspool --root /srv/dashcam backup /mnt/backup/dashcam",
    .operand = "DIR",
    .operands_min = 1,
    .operands_max = 1,
    .operands_missing = "give one backup directory",
    .writes = 1,
    .run = run_backup,
};

static int run_reindex(struct cli *cli, const struct cli_args *args)
{
    struct told told = {.command = "reindex"};
    struct upkeep_reindex_result r;
    struct err err;
    (void)args;
    begin(&told);
    const struct upkeep_progress progress = {show, tell, &told};
    int rc = upkeep_reindex(cli->root, &progress, &r, &err);
    progress_clear(&told.bar);
    if (rc < 0)
        return cli_fail("reindex", &err);
    long long lost = (long long)(r.masters - r.taken_over);
    printf("%lld %s (%lld with facts from the old catalogue), %lld %s, %lld custody %s restored\n",
           SIZE_COUNT(r.masters, "original", "originals"), (long long)r.taken_over,
           SIZE_COUNT(r.copies, "copy", "copies"), SIZE_COUNT(r.custodies, "record", "records"));
    if (r.origins + r.done + r.seen > 0)
        printf("origins of %lld %s, %lld completed %s, %lld known %s restored\n",
               SIZE_COUNT(r.origins, "file", "files"), SIZE_COUNT(r.done, "stage", "stages"),
               SIZE_COUNT(r.seen, "file", "files"));
    if (lost > 0)
        printf("%lld lost their arrival facts, protections and completed stages; those without "
               "copies are processed again\n",
               lost);
    if (r.no_origin > 0)
        printf("%lld %s without their origin\n", SIZE_COUNT(r.no_origin, "file", "files"));
    return r.troubles > 0 ? CLI_FAILED : CLI_OK;
}

const struct cli_command cli_reindex = {
    .name = "reindex",
    .group = CLI_OPERATE,
    .summary = "rebuild the catalogue from the originals",
    .prose = "Rebuild the catalogue from the facts stored with the originals, from the copies, and "
             "from what is readable of the old catalogue, which is kept under another name. Stop "
             "the receiver and all workers first. Without the old catalogue some facts are lost: "
             "how transfers arrived, their earlier custody records (the new ones say so), "
             "protections, the origin of imported files, and which stages are done.",
    .example = "dashspool --root /srv/dashcam reindex",
    .run = run_reindex,
};

/* retry, drop, release: jobs that do not go on by themselves. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/spool.h"
#include "dashspool/work.h"
#include <stdlib.h>
#include <string.h>

struct jobs_options {
    bool all;
    const char *stage, *reason, *who;
};

struct jobs {
    const char *root, *command, *stage, *reason, *who, *done;
    enum spool_place place;
    bool all;
    struct spool *spool;
    struct catalogue *catalogue; /* drop: for the custody */
    int n, failed;
};

static int handle(struct jobs *j, const char *id, struct err *err)
{
    if (strcmp(j->command, "retry") == 0)
        return work_retry(j->catalogue, j->spool, id, err);
    if (strcmp(j->command, "release") == 0)
        return spool_reclaim(j->spool, id, err);
    return work_drop(j->catalogue, j->spool, id, j->who, j->reason, err);
}

static void handle_and_tell(struct jobs *j, const char *id)
{
    struct err err;
    if (handle(j, id, &err) < 0) {
        cli_fail(j->command, &err);
        j->failed++;
        return;
    }
    printf("%s: %s\n", cli_shown(id), j->done);
}

static int each(void *arg, const struct spool_found *job, struct err *err)
{
    struct jobs *j = arg;
    char since[CLOCK_TEXT_ROOM], reason[600];
    (void)err;
    j->n++;
    if (j->all) {
        handle_and_tell(j, job->job);
        return ERR_OK;
    }
    clock_rfc3339(job->changed_us, 0, since);
    text_shown(job->reason, reason, sizeof reason);
    printf("%-48s  %s  %s\n", cli_shown(job->job), since, reason);
    return ERR_OK;
}

static const char *place_word(const struct jobs *j)
{
    return j->place == SPOOL_PLACE_FAILED ? "failed" : "in progress";
}

/* Whoever named no stage hears of jobs in the others: "no jobs failed" would be half of the truth.
 */
static int tell_of_others(void *arg, const char *stage, struct err *err)
{
    struct jobs *j = arg;
    struct spool *spool = NULL;
    struct spool_count count = {0};
    int rc = strcmp(stage, j->stage) == 0 ? ERR_OK : spool_open(&spool, j->root, stage, err);
    if (rc == ERR_OK && spool)
        rc = spool_count(spool, &count, err);
    spool_close(&spool);
    int n = j->place == SPOOL_PLACE_FAILED ? count.failed : count.claimed;
    if (rc == ERR_OK && n > 0)
        fprintf(stderr, "stage %s: %d job%s %s; see 'dashspool %s --stage %s'\n", stage, n,
                n == 1 ? "" : "s", place_word(j), j->command, stage);
    return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct jobs_options *o = args->options;
    bool drop = strcmp(args->command, "drop") == 0, release = strcmp(args->command, "release") == 0;
    char **ids = args->operand;
    int n = args->n_operands;
    struct jobs j = {.root = cli->root,
                     .command = args->command,
                     .done = drop ? "dropped; the original is kept" : "requeued",
                     .place = release ? SPOOL_PLACE_CLAIMED : SPOOL_PLACE_FAILED,
                     .all = o->all,
                     .stage = o->stage ? o->stage : "convert",
                     .reason = o->reason,
                     .who = o->who ? o->who : cli_user_name()};
    struct err err;
    if (o->all && n > 0)
        return cli_usage(j.command, "give either IDs or --all, not both");
    int rc = cli_catalogue_open(cli, j.command, &j.catalogue);
    if (rc != CLI_OK)
        return rc;
    int done = spool_open(&j.spool, cli->root, j.stage, &err);
    for (int i = 0; done == ERR_OK && i < n; i++)
        handle_and_tell(&j, ids[i]);
    if (done == ERR_OK && n == 0)
        done = spool_each(j.spool, j.place, each, &j, &err);
    if (done == ERR_OK && n == 0 && j.n == 0)
        fprintf(stderr, "stage %s: no jobs %s\n", j.stage, place_word(&j));
    if (done == ERR_OK && !o->stage)
        done = spool_stages(cli->root, tell_of_others, &j, &err);
    spool_close(&j.spool);
    catalogue_close(&j.catalogue);
    if (done < 0)
        return cli_fail(j.command, &err);
    return j.failed > 0 ? CLI_FAILED : CLI_OK;
}

#define AT(field) offsetof(struct jobs_options, field)
#define ALL(text) OPT_FLAG("all", all, text)
#define STAGE                        \
    OPT_TEXT("stage", "NAME", stage, \
             "stage of the jobs (default: convert; others are only told of)")
#define FORMS "[OPTION]… ID…\n[OPTION]… --all\n[OPTION]…"

static const struct jobs_options defaults = {.reason = "given up"};

/* ---- retry ---- */

static const struct cli_option retry_options[] = {{ALL("all failed jobs")}, {STAGE}, {0}};

const struct cli_command cli_retry = {
    .name = "retry",
    .group = CLI_OPERATE,
    .summary = "list failed jobs, or requeue them",
    .forms = FORMS,
    .prose = "Requeue failed jobs with a fresh attempt count. Without IDs, list failed jobs and "
             "the reasons. The job of a partial transfer is named ID.partial.",
    .options = retry_options,
    .example = "dashspool --root /srv/dashcam retry --all",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct jobs_options),
    .defaults = &defaults,
    .run = run,
};

/* ---- drop ---- */

static const struct cli_option drop_options[] = {
    {ALL("all that failed")},
    {STAGE},
    {OPT_TEXT("reason", "TEXT", reason, "the reason, kept in the custody record")},
    {CLI_TEXT, "who", "NAME", "who decides this (default: your user name)", .offset = AT(who),
     .min = 1},
    {0}};

const struct cli_command cli_drop = {
    .name = "drop",
    .group = CLI_OPERATE,
    .summary = "give up on failed jobs",
    .forms = FORMS,
    .prose = "Give up on failed jobs: they are not retried. The originals are kept and the custody "
             "record notes it; the retention rules may delete them from then on. Without IDs, list "
             "failed jobs.",
    .options = drop_options,
    .example = "dashspool --root /srv/dashcam drop 352093081452251-front-video-20241129T072345Z",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct jobs_options),
    .defaults = &defaults,
    .run = run,
};

/* ---- release ---- */

static const struct cli_option release_options[] = {{ALL("all jobs in progress")}, {STAGE}, {0}};

const struct cli_command cli_release = {
    .name = "release",
    .group = CLI_OPERATE,
    .summary = "requeue jobs whose worker died",
    .forms = FORMS,
    .prose = "Requeue jobs whose worker died, at once; workers do so themselves within seconds. "
             "Jobs whose worker is alive are not touched. Without IDs, list the jobs in progress.",
    .options = release_options,
    .example = "dashspool --root /srv/dashcam release --all",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct jobs_options),
    .defaults = &defaults,
    .run = run,
};

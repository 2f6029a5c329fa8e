/* retry, drop, release: jobs that do not go on by themselves. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/spool_upkeep.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char retry_help[] = "usage: dashspool retry [--stage NAME] ID… | --all\n"
                                 "\n"
                                 "Requeue failed jobs with a fresh attempt count. Without IDs, "
                                 "list failed jobs and the reasons.\n"
                                 "The job of a partial transfer is named ID.partial.\n"
                                 "\n"
                                 "  --all          all failed jobs\n"
                                 "  --stage NAME   stage of the jobs (default: convert)\n"
                                 "\n"
                                 "example: dashspool --root /srv/dashcam retry --all\n";

static const char drop_help[] =
    "usage: dashspool drop [--stage NAME] [--reason TEXT] [--who NAME] ID… | --all\n"
    "\n"
    "Give up on failed jobs: they are not retried. The originals are kept and the custody record\n"
    "notes it; the retention rules may delete them from then on. Without IDs, list failed jobs.\n"
    "\n"
    "  --all           all that failed\n"
    "  --stage NAME    of this stage (default: convert)\n"
    "  --reason TEXT   the reason, kept in the custody record\n"
    "  --who NAME      who decides this (default: your user name)\n"
    "\n"
    "example: dashspool --root /srv/dashcam drop 352093081452251-front-video-20241129T072345Z\n";

static const char release_help[] =
    "usage: dashspool release [--stage NAME] ID… | --all\n"
    "\n"
    "Requeue jobs whose worker died, at once; workers do so themselves within seconds. Jobs whose\n"
    "worker is alive are not touched. Without IDs, list the jobs in progress.\n"
    "\n"
    "  --all          all jobs in progress\n"
    "  --stage NAME   stage of the jobs (default: convert)\n"
    "\n"
    "example: dashspool --root /srv/dashcam release --all\n";

struct jobs {
    struct cli *cli;
    const char *command, *stage, *reason, *who, *help, *done;
    enum spool_place place;
    bool all;
    struct spool *spool;
    struct catalogue *catalogue; /* drop: for the custody */
    int n, failed;
};

/* First the custody, then the job: dropped twice is better than dropped and not noted. */
static int note_dropped(struct jobs *j, const char *job, struct err *err)
{
    struct catalogue_transfer t;
    char id[CATALOGUE_ID_ROOM];
    intake_job_id(job, id);
    int rc = catalogue_transfer_get(j->catalogue, id, &t, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc; /* a job of no transfer */
    json_t *o = json_pack("{s:s, s:s}", "stage", j->stage, "why", j->reason);
    char *what = o ? json_dumps(o, JSON_COMPACT) : NULL;
    const struct custody_event e = {clock_utc_us(), "dropped", j->who, what};
    rc = what ? catalogue_event_add(j->catalogue, id, &e, err)
              : err_set(err, ERR_CONFIG, "--reason: not valid UTF-8");
    free(what);
    json_decref(o);
    return rc;
}

static int handle(struct jobs *j, const char *id, struct err *err)
{
    enum spool_place place = SPOOL_PLACE_NONE;
    if (strcmp(j->command, "retry") == 0)
        return spool_retry(j->spool, id, err);
    if (strcmp(j->command, "release") == 0)
        return spool_reclaim(j->spool, id, err);
    int rc = spool_find(j->spool, id, &place, err);
    if (rc == ERR_OK && place == SPOOL_PLACE_FAILED)
        rc = note_dropped(j, id, err);
    return rc < 0 ? rc : spool_drop(j->spool, id, err);
}

static void handle_and_tell(struct jobs *j, const char *id)
{
    struct err err;
    if (handle(j, id, &err) < 0) {
        cli_fail(j->command, &err);
        j->failed++;
        return;
    }
    printf("%s: %s\n", id, j->done);
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
    cli_printable(job->reason, reason, sizeof reason);
    printf("%-48s  %s  %s\n", job->job, since, reason);
    return ERR_OK;
}

static int run(struct jobs *j, char **ids, int n)
{
    struct err err;
    int rc = cli_catalogue_open(j->cli, j->command, &j->catalogue);
    if (rc != CLI_OK)
        return rc;
    int done = spool_open(&j->spool, j->cli->root, j->stage, &err);
    for (int i = 0; done == ERR_OK && i < n; i++)
        handle_and_tell(j, ids[i]);
    if (done == ERR_OK && n == 0)
        done = spool_each(j->spool, j->place, each, j, &err);
    if (done == ERR_OK && n == 0 && j->n == 0)
        fprintf(stderr, "no jobs %s\n", j->place == SPOOL_PLACE_FAILED ? "failed" : "in progress");
    spool_close(&j->spool);
    catalogue_close(&j->catalogue);
    if (done < 0)
        return cli_fail(j->command, &err);
    return j->failed > 0 ? CLI_FAILED : CLI_OK;
}

static int parse(struct jobs *j, int argc, char **argv)
{
    static const struct option options[] = {
        {"all", no_argument, NULL, 'a'},          {"stage", required_argument, NULL, 's'},
        {"reason", required_argument, NULL, 'r'}, {"who", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},         {0}};
    bool drop = strcmp(j->command, "drop") == 0;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'a')
            j->all = true;
        else if (o == 's')
            j->stage = optarg;
        else if (o == 'r' && drop)
            j->reason = optarg;
        else if (o == 'w' && drop && optarg[0])
            j->who = optarg;
        else
            return cli_option(o == 'r' || o == 'w' ? '?' : o, argv, j->help);
    }
    if (j->all && optind < argc)
        return cli_usage(j->command, "give either IDs or --all, not both");
    return run(j, argv + optind, argc - optind);
}

int cli_retry(struct cli *cli, int argc, char **argv)
{
    struct jobs j = {.cli = cli,
                     .command = "retry",
                     .stage = "convert",
                     .help = retry_help,
                     .done = "requeued",
                     .place = SPOOL_PLACE_FAILED};
    return parse(&j, argc, argv);
}

int cli_drop(struct cli *cli, int argc, char **argv)
{
    struct jobs j = {.cli = cli,
                     .command = "drop",
                     .stage = "convert",
                     .reason = "given up",
                     .who = cli_user_name(),
                     .help = drop_help,
                     .done = "dropped; the original is kept",
                     .place = SPOOL_PLACE_FAILED};
    return parse(&j, argc, argv);
}

int cli_release(struct cli *cli, int argc, char **argv)
{
    struct jobs j = {.cli = cli,
                     .command = "release",
                     .stage = "convert",
                     .help = release_help,
                     .done = "requeued",
                     .place = SPOOL_PLACE_CLAIMED};
    return parse(&j, argc, argv);
}

/* backup, reindex: a copy of all, and a catalogue made anew. */
#include "cli_internal.h"
#include "dashspool/upkeep.h"
#include "progress.h"
#include <signal.h>
#include <stdio.h>

static const char backup_help[] =
    "usage: dashspool backup DIR\n"
    "\n"
    "Copy the catalogue, originals and copies to DIR while receivers and workers run. DIR is new, "
    "or\n"
    "an earlier backup, which is updated incrementally; nothing is ever removed from it. A backup\n"
    "is itself a ROOT: 'dashspool --root DIR fsck' checks it; to restore, copy it back. The queue "
    "is\n"
    "not copied: unfinished and failed jobs are recreated when a receiver starts on the backup.\n"
    "\n"
    "example: dashspool --root /srv/dashcam backup /mnt/backup/dashcam\n";

static const char reindex_help[] =
    "usage: dashspool reindex\n"
    "\n"
    "Rebuild the catalogue from the facts stored with the originals, from the copies, and from "
    "what\n"
    "is readable of the old catalogue, which is kept under another name. Stop the receiver and "
    "all\n"
    "workers first. Without the old catalogue some facts are lost: how transfers arrived, their\n"
    "earlier custody records (the new ones say so), protections, the origin of imported files, "
    "and\n"
    "which stages are done.\n"
    "\n"
    "example: dashspool --root /srv/dashcam reindex\n";

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    (void)signum;
    stop = 1;
}

struct told {
    struct progress bar;
    const char *command;
};

static bool show(void *arg, const char *where, double done)
{
    struct told *t = arg;
    progress_show(&t->bar, 0, 0, done, where);
    return !stop;
}

static void tell(void *arg, const char *where, const char *why)
{
    struct told *t = arg;
    char name[600], text[600];
    progress_clear(&t->bar);
    cli_printable(where, name, sizeof name);
    cli_printable(why, text, sizeof text);
    fprintf(stderr, "dashspool %s: %s: %s\n", t->command, name, text);
}

static void begin(struct told *t)
{
    struct sigaction act = {.sa_handler = on_stop};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    progress_begin(&t->bar);
}

static const struct option only_help[] = {{"help", no_argument, NULL, 'h'}, {0}};

int cli_backup(struct cli *cli, int argc, char **argv)
{
    struct told told = {.command = "backup"};
    struct upkeep_backup_result r;
    struct err err;
    char size[24];
    int o = getopt_long(argc, argv, ":h", only_help, NULL);
    if (o != -1)
        return cli_option(o, argv, backup_help);
    if (optind + 1 != argc)
        return cli_usage("backup", "give one backup directory");
    begin(&told);
    const struct upkeep_progress progress = {show, tell, &told};
    int rc = upkeep_backup(cli->root, argv[optind], &progress, &r, &err);
    progress_clear(&told.bar);
    if (rc < 0)
        return cli_fail("backup", &err);
    printf("%s: %lld days, %lld originals of today and yesterday, %lld copies: %s; %lld files were "
           "there already\n",
           argv[optind], (long long)r.days, (long long)r.masters, (long long)r.copies,
           size_text(r.bytes, size), (long long)r.kept);
    return r.troubles > 0 ? CLI_FAILED : CLI_OK;
}

static void tell_reindexed(const struct upkeep_reindex_result *r)
{
    long long lost = (long long)(r->masters - r->taken_over);
    printf("%lld originals (%lld with facts from the old catalogue), %lld copies, %lld custody "
           "records restored\n",
           (long long)r->masters, (long long)r->taken_over, (long long)r->copies,
           (long long)r->custodies);
    if (r->origins + r->done + r->seen > 0)
        printf("origins of %lld files, %lld completed stages, %lld known files restored\n",
               (long long)r->origins, (long long)r->done, (long long)r->seen);
    if (lost > 0)
        printf("%lld lost their arrival facts, protections and completed stages; those without "
               "copies are processed again\n",
               lost);
    if (r->no_origin > 0)
        printf("%lld files lost their origin\n", (long long)r->no_origin);
}

int cli_reindex(struct cli *cli, int argc, char **argv)
{
    struct told told = {.command = "reindex"};
    struct upkeep_reindex_result r;
    struct err err;
    int o = getopt_long(argc, argv, ":h", only_help, NULL);
    if (o != -1)
        return cli_option(o, argv, reindex_help);
    if (optind < argc)
        return cli_usage("reindex", "unexpected argument '%s'", argv[optind]);
    begin(&told);
    const struct upkeep_progress progress = {show, tell, &told};
    int rc = upkeep_reindex(cli->root, &progress, &r, &err);
    progress_clear(&told.bar);
    if (rc < 0)
        return cli_fail("reindex", &err);
    tell_reindexed(&r);
    return r.troubles > 0 ? CLI_FAILED : CLI_OK;
}

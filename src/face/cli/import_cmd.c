/* import: downloaded footage into ROOT, once. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/import.h"
#include "dashspool/stop.h"
#include "dashspool/text.h"
#include "dashspool/watch.h"
#include "terminal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct job {
    struct import *import;
    struct progress progress;
    struct fsx_names paths;
    size_t at; /* which of them is next */
    int64_t count[IMPORT_N_OUTCOMES];
    int64_t copies, undone; /* by their names */
    int64_t unread;         /* folders, paths */
};

static void complain(struct job *j, const char *path, const char *why)
{
    char text[1024];
    progress_clear(&j->progress);
    fprintf(stderr, "dashspool import: %s: %s\n", import_path_text(path, text, sizeof text), why);
}

static void on_import_result(void *arg, const char *path, enum import_outcome outcome,
                             const char *id, const char *why)
{
    struct job *j = arg;
    char text[1024];
    j->count[outcome]++;
    if (outcome == IMPORT_TAKEN || outcome == IMPORT_SAME) {
        progress_clear(&j->progress);
        printf("%s  %s%s%s\n", id, import_path_text(path, text, sizeof text), why[0] ? ": " : "",
               why);
    } else if (outcome != IMPORT_KNOWN) {
        complain(j, path, why);
    }
}

static void on_import_note(void *arg, const char *path, const char *text)
{
    complain(arg, path, text);
}

static int on_entry(void *arg, enum import_entry what, const char *path,
                    const struct catalogue_stat *stat, const char *why, struct err *err)
{
    struct job *j = arg;
    (void)stat;
    switch (what) {
    case IMPORT_ENTRY_FILE:
        return fsx_names_add(&j->paths, path, err);
    case IMPORT_ENTRY_OURS:
        j->copies++;
        return ERR_OK;
    case IMPORT_ENTRY_UNDONE:
        j->undone++;
        return ERR_OK;
    case IMPORT_ENTRY_TROUBLE:
        complain(j, path, why);
        j->unread++;
        return ERR_OK;
    case IMPORT_ENTRY_DIR:
        return ERR_OK;
    }
    return ERR_OK;
}

/* What a person named: a file is taken whatever it is called. */
static int collect(struct job *j, const char *root, const char *named, struct err *err)
{
    const struct import_walk walk = {
        .deep = true, .packages = true, .skip = {root}, .fn = on_entry, .arg = j};
    struct stat st;
    char *path = realpath(named, NULL);
    int rc = ERR_OK;
    size_t before = j->paths.n;
    if (!path || stat(path, &st) < 0) {
        complain(j, named, strerror(errno));
        j->unread++;
    } else if (!S_ISDIR(st.st_mode)) {
        rc = fsx_names_add(&j->paths, path, err);
    } else {
        int64_t unread = j->unread;
        rc = import_walk(&walk, path, err);
        if (rc == ERR_OK && j->paths.n == before && j->unread == unread) {
            complain(j, named,
                     "no footage found in this folder (.h265 .hevc .265 .jpg .jpeg .mp4)");
            j->unread++;
        }
    }
    free(path);
    return rc;
}

/* Folders are read below themselves, files with what lies beside them. */
static int shut_in(const char *root, const struct import_options *o, char **named, int n,
                   struct err *err)
{
    struct stat st;
    struct fsx_names dirs = {0};
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < n; i++) {
        char *path = realpath(named[i], NULL);
        char *slash = path ? strrchr(path, '/') : NULL;
        if (slash && stat(path, &st) == 0) { /* else it was complained of */
            if (!S_ISDIR(st.st_mode))
                slash[slash == path] = '\0';
            rc = fsx_names_add(&dirs, path, err);
        }
        free(path);
    }
    const char **list = calloc(dirs.n + 1, sizeof *list);
    if (rc == ERR_OK && !list)
        rc = err_nomem(err, "%zu folders", dirs.n);
    for (size_t i = 0; rc == ERR_OK && i < dirs.n; i++)
        list[i] = dirs.name[i];
    if (rc == ERR_OK)
        rc = import_guard(root, o->who, o->feeds, o->n_feeds, list, false, err);
    free(list);
    fsx_names_clear(&dirs);
    return rc;
}

static void sum_up(const struct job *j, double s)
{
    const int64_t *n = j->count;
    int64_t failed = n[IMPORT_NOT_YET] + n[IMPORT_REFUSED] + n[IMPORT_FAILED] + j->unread;
    fprintf(stderr, "%lld imported, %lld already stored, %lld skipped, %lld failed, in %.1f s\n",
            (long long)n[IMPORT_TAKEN], (long long)(n[IMPORT_SAME] + n[IMPORT_KNOWN]),
            (long long)(n[IMPORT_LEFT] + j->copies + j->undone), (long long)failed, s);
    if (j->copies > 0)
        fprintf(stderr, "skipped: %lld made by dashspool itself\n", (long long)j->copies);
    if (j->undone > 0)
        fprintf(stderr, "skipped: %lld hidden or unfinished, judging by name\n",
                (long long)j->undone);
    if (stop_caught())
        fprintf(stderr, "stopped: %lld not processed; run the same command to continue\n",
                (long long)(j->paths.n - j->at));
}

static int import_all(struct cli *cli, struct job *j, struct import_options *options, char **named,
                      int n)
{
    struct err err;
    int64_t began_us = clock_mono_us();
    stop_catch();
    int rc = import_open(&j->import, cli->root, options, &err);
    for (int i = 0; rc == ERR_OK && i < n; i++)
        rc = collect(j, cli->root, named[i], &err);
    progress_begin(&j->progress);
    if (rc == ERR_OK)
        rc = shut_in(cli->root, options, named, n, &err);
    if (rc == ERR_OK) {
        for (; rc == ERR_OK && !stop_caught() && j->at < j->paths.n; j->at++) {
            const char *path = j->paths.name[j->at];
            progress_show(&j->progress, (int)j->at, (int)j->paths.n,
                          (double)j->at / (double)j->paths.n, path);
            rc = import_file(j->import, path, true, &err);
        }
        if (rc == ERR_OK)
            rc = import_flush(j->import, &err);
        progress_clear(&j->progress);
    }
    if (rc < 0)
        cli_fail("import", &err);
    if (j->import)
        sum_up(j, (double)(clock_mono_us() - began_us) / 1e6);
    import_close(&j->import);
    bool all =
        j->count[IMPORT_NOT_YET] + j->count[IMPORT_REFUSED] + j->count[IMPORT_FAILED] + j->unread ==
        0;
    return rc == ERR_OK && all && !stop_caught() ? CLI_OK : CLI_FAILED;
}

struct wish {
    const char *imei, *camera, *time, *zone;
    bool force;
};

static int set_imei(void *at, const char *text, struct err *err)
{
    if (!import_imei_ok(text))
        return err_set(err, ERR_CONFIG, "expected 14 or 15 digits");
    *(const char **)at = text;
    return ERR_OK;
}

static const struct cli_option options[] = {
    {CLI_SET, "imei", "N", "IMEI of the tracker, 14 or 15 digits",
     .offset = offsetof(struct wish, imei), .set = set_imei},
    {CLI_WORD, "camera", "C", "{}", .offset = offsetof(struct wish, camera),
     .words = CATALOGUE_CAMERAS},
    {CLI_TEXT, "time", "T", "start of the clip, for files that tell no time: 2024-11-29T09:23:45",
     .offset = offsetof(struct wish, time)},
    {CLI_TEXT, "tz", "ZONE",
     "its time zone, and that of times in file names: +02:00, Europe/Berlin",
     .offset = offsetof(struct wish, zone)},
    {CLI_FLAG, "force", NULL, "accept an --imei whose check digit is wrong",
     .offset = offsetof(struct wish, force)},
    {0}};

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct wish *wish = args->options;
    struct job j = {0};
    struct import_options o = {.who = "import",
                               .on_result = on_import_result,
                               .on_note = on_import_note,
                               .arg = &j,
                               .imei = wish->imei,
                               .camera = wish->camera,
                               .free_bytes_min = watch_free_bytes_min(cli->cfg)};
    struct stages *stages = NULL;
    struct clock_told told;
    const char *feeds[STAGES_MAX];
    struct err err;
    if (wish->imei && strlen(wish->imei) == 15 && !text_imei_ok(wish->imei) && !wish->force)
        return cli_usage(
            "import",
            "--imei %s: its check digit is wrong; compare it with the tracker's label, "
            "or give --force if it really is the tracker's",
            wish->imei);
    if (clock_told(&told, wish->time, wish->zone, clock_utc_us(), &err) < 0)
        return cli_usage("import", "%s: %s", wish->time ? "--time, --tz" : "--tz", err.text);
    o.told = &told;
    o.told_by = cli_user_name();
    if (stages_load(&stages, cli->cfg, &err) < 0)
        return clock_told_clear(&told), cli_usage("import", "%s", err.text);
    o.feeds = feeds;
    o.n_feeds = stages_feeds(stages, "receive", feeds);
    int rc = import_all(cli, &j, &o, args->operand, args->n_operands);
    stages_free(&stages);
    clock_told_clear(&told);
    fsx_names_clear(&j.paths);
    return rc;
}

const struct cli_command cli_import = {
    .name = "import",
    .group = CLI_RECEIVE,
    .summary = "import downloaded footage, once",
    .prose = "Import downloaded footage into ROOT, where 'work' makes copies of it as of received "
             "files. Folders are searched for .h265 .hevc .265 .jpg .jpeg .mp4. The files stay "
             "where they are; identical content is stored once. Metadata is read from sidecar "
             "files (CLIP.txt of the vendor's test server, CLIP.json, CLIP.meta), the file name "
             "and its folders.",
    .notes = "Print the ID of each transfer. Exit status 1 if a file could not be imported.",
    .options = options,
    .example = "dashspool --root /srv/dashcam import downloads/",
    .operand = "PATH",
    .operands_min = 1,
    .operands_max = CLI_MANY,
    .operands_missing = "no input: give at least one file or folder",
    .room = sizeof(struct wish),
    .run = run,
};

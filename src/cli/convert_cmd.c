/* convert: files or folders, without a ROOT. */
#include "cli_internal.h"
#include "convert_options.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "inputs.h"
#include "progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct convert_request request;
    int done, skipped, failed;
};

struct shown {
    struct progress *progress;
    int at, of;
    const char *name;
};

static void on_progress(void *arg, double done)
{
    struct shown *s = arg;
    progress_show(s->progress, s->at, s->of, done, s->name);
}

static void say_result(const struct input *in, const struct convert_result *r)
{
    char size[24], dispute[256];
    printf("%s: ", in->path);
    if (r->container == CONVERT_JPEG)
        printf("photo, %dx%d", r->width_px, r->height_px);
    else
        printf("%lld pictures, %.2f s, timing: %s%s", (long long)r->pictures,
               (double)r->duration_us / 1e6, convert_source_name(r->timing.chosen),
               r->sound ? ", sound" : "");
    printf("\n");
    convert_timing_text(&r->timing, true, dispute, sizeof dispute);
    if (dispute[0])
        printf("  sources disagree: %s\n", dispute);
    for (int i = 0; i < r->n_outputs; i++)
        printf("  %-8s %s (%s)\n", convert_copy_name(r->output[i].kind), r->output[i].path,
               cli_size(r->output[i].length_bytes, size));
    if (r->warning[0])
        printf("  note     %s\n", r->warning);
    fflush(stdout);
}

/* What is known of one file: what was asked for, and what its name and folder tell. */
static struct convert_facts facts_of(const struct convert_request *request, const struct input *in)
{
    struct convert_facts facts = request->facts;
    convert_facts_from_path(in->path, clock_utc_us(), &facts);
    if (request->of_one_clip && !request->facts.has_time)
        facts.has_time = false; /* --meta without a time: no name is trusted over it */
    return facts;
}

static void convert_one(struct run *run, const struct input *in, struct shown *shown)
{
    struct convert_result result;
    struct err err;
    char *dir = NULL;
    struct convert_facts facts = facts_of(&run->request, in);
    bool nested = run->request.out_dir && strcmp(in->below, ".") != 0;
    int rc =
        nested ? fsx_path(&dir, &err, "%s/%s", run->request.out_dir, in->below)
               : fsx_path(&dir, &err, "%s", run->request.out_dir ? run->request.out_dir : in->dir);
    if (rc == ERR_OK && run->request.out_dir)
        rc = fsx_mkdirs(dir, &err);
    if (rc == ERR_OK)
        rc = convert_file(in->path, dir, in->stem, &facts, &run->request.options, on_progress,
                          shown, &result, &err);
    progress_clear(shown->progress);
    if (rc == ERR_OK) {
        run->done++;
        say_result(in, &result);
    } else if (rc == ERR_BUSY) {
        run->skipped++;
        printf("skipped: %s (--force replaces it)\n", err.text);
    } else {
        run->failed++;
        cli_fail("convert", &err); /* names the file */
    }
    free(dir);
}

static int convert_all(struct run *run, const struct inputs *inputs)
{
    struct progress progress;
    progress_begin(&progress);
    for (size_t i = 0; i < inputs->n; i++) {
        struct shown shown = {&progress, (int)i + 1, (int)inputs->n, inputs->item[i].path};
        on_progress(&shown, 0);
        convert_one(run, &inputs->item[i], &shown);
    }
    if (inputs->n > 1)
        fprintf(stderr, "%zu files: %d converted, %d skipped, %d failed\n", inputs->n, run->done,
                run->skipped, run->failed);
    return run->failed ? CLI_FAILED : CLI_OK;
}

int cli_convert(struct cli *cli, int argc, char **argv)
{
    struct run run = {0};
    struct inputs inputs;
    int rc = convert_request_parse(cli, argc, argv, &run.request);
    if (rc != CLI_OK)
        return rc < 0 ? CLI_OK : rc;
    run.failed = inputs_collect(&inputs, run.request.path, run.request.n_paths);
    if (inputs.n > 1 && run.request.of_one_clip)
        rc = cli_usage("convert", "--time and --meta are of one clip: name one file");
    else
        rc = convert_all(&run, &inputs);
    inputs_free(&inputs);
    return rc;
}

/* convert: files or folders, without a ROOT. */
#include "cli_internal.h"
#include "convert_batch.h"
#include <signal.h>
#include <stdio.h>

struct tally {
    size_t ended;
    int done, skipped, failed; /* failed: also inputs that are not there */
};

static void say_result(const struct input *in, const struct convert_result *r)
{
    char size[24], dispute[256];
    printf("%s: ", in->path);
    if (r->container == MEDIA_JPEG)
        printf("photo, %dx%d", r->width_px, r->height_px);
    else
        printf("%lld frames, %.2f s, timing: %s%s", (long long)r->pictures,
               (double)r->duration_us / 1e6, media_source_name(r->timing.chosen),
               r->sound ? ", sound" : "");
    printf("\n");
    media_timing_text(&r->timing, true, dispute, sizeof dispute);
    if (dispute[0])
        printf("  timing sources disagree: %s; use --fps to decide\n", dispute);
    for (int i = 0; i < r->n_outputs; i++)
        printf("  %-8s %s (%s)\n", copy_kind_name(r->output[i].kind), r->output[i].path,
               size_text(r->output[i].length_bytes, size));
    if (r->warning[0])
        printf("  note     %s\n", r->warning);
    fflush(stdout);
}

static void on_ended(void *arg, const struct input *in, int rc, const struct convert_result *result,
                     const struct err *err)
{
    struct tally *tally = arg;
    tally->ended++;
    if (rc == ERR_OK) {
        tally->done++;
        say_result(in, result);
    } else if (rc == ERR_BUSY) {
        tally->skipped++;
        printf("skipped: %s (--force replaces it)\n", err->text);
        fflush(stdout);
    } else {
        tally->failed++;
        cli_fail("convert", err); /* names the file */
    }
}

static int convert_all(struct cli *cli, const struct convert_request *request,
                       const struct inputs *inputs, struct tally *tally)
{
    struct progress progress;
    struct confine_limits limits;
    confine_limits_from_cfg(cli->cfg, &limits);
    progress_begin(&progress);
    int signum = batch_run(request, &limits, inputs, &progress, on_ended, tally);
    if (signum)
        fprintf(stderr, "stopped: %d converted, %d skipped, %d failed, %zu remaining\n",
                tally->done, tally->skipped, tally->failed, inputs->n - tally->ended);
    else if (inputs->n > 1)
        fprintf(stderr, "%zu files: %d converted, %d skipped, %d failed\n", inputs->n, tally->done,
                tally->skipped, tally->failed);
    if (signum) /* the caller is to see how it ended */
        raise(signum);
    return tally->failed ? CLI_FAILED : CLI_OK;
}

int cli_convert(struct cli *cli, int argc, char **argv)
{
    struct convert_request request;
    struct tally tally = {0};
    struct inputs inputs;
    int rc = convert_request_parse(cli, argc, argv, &request);
    if (rc != CLI_OK)
        return rc < 0 ? CLI_OK : rc;
    tally.failed = inputs_collect(&inputs, request.path, request.n_paths);
    if (inputs.n > 1 && request.of_one_clip)
        rc = cli_usage("convert", "--time and --meta apply to a single clip: give one file");
    else
        rc = convert_all(cli, &request, &inputs, &tally);
    inputs_free(&inputs);
    return rc;
}

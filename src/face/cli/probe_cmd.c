/* probe: what a file is, on one page. */
#include "cli_internal.h"
#include "dashspool/convert.h"
#include "probe_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char probe_help[] =
    "usage: dashspool probe FILE… [--json] [--no-decode] [--params-from FILE]\n"
    "\n"
    "Inspect files: format, frames, timing, sound, and all damage found. Changes nothing. Frames\n"
    "are numbered from 0. Exit status 1 if a file is damaged or cannot be read.\n"
    "\n"
    "  --json               print the facts as a JSON array\n"
    "  --no-decode          check the structure only: fast, but misses damage inside frames\n"
    "  --params-from FILE   take missing parameter sets from another clip of the same camera\n"
    "\n"
    "example: dashspool probe clip.h265\n";

struct probe_run {
    struct media_options options;
    bool json, decode;
    json_t *all;
};

static const char *container_text(enum media_container container)
{
    switch (container) {
    case MEDIA_PTMF:
        return "camera records (PTMF)";
    case MEDIA_ANNEXB:
        return "plain H.265 (Annex B)";
    case MEDIA_JPEG:
        return "photo (JPEG)";
    case MEDIA_UNKNOWN:
        break;
    }
    return "unknown";
}

static void say(const char *label, const char *fmt, ...) DS_PRINTF(2, 3);
static void say(const char *label, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("  %-10s ", label);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

static void say_photo(const struct media_probe *p)
{
    say("pixels", "%dx%d, %s", p->width_px, p->height_px,
        p->subsampling[0] ? p->subsampling : "unusual subsampling");
    say("turned", "EXIF orientation %d%s", p->orientation,
        p->orientation == 1 ? ", upright" : ", players rotate it");
    say("complete", "%s", p->complete ? "yes" : "no, truncated");
    if (p->photo_damage[0])
        say("DAMAGE", "%s", p->photo_damage);
}

/* The vote: each source with its rate, the chosen one first. */
static void say_rate(const struct media_timing *t)
{
    say("rate", "%.3f frames/s from %s", t->fps[t->chosen], media_source_name(t->chosen));
    for (int i = 0; i < MEDIA_N_SOURCES; i++)
        if (t->fps[i] > 0 && i != (int)t->chosen && i != MEDIA_SOURCE_DEFAULT)
            say("", "%.3f from %s", t->fps[i], media_source_name((enum media_source)i));
    if (t->disagree)
        say("", "these sources differ by more than 2 %%: choose the rate with --fps");
    if (t->chosen == MEDIA_SOURCE_DEFAULT)
        say("",
            "this is a guess, the file does not state a rate: convert with --fps if you know it");
}

static void say_clock(int64_t us)
{
    int64_t s = us / 1000000;
    say("clock", "the camera had been up for %lld:%02d:%02d at the first frame",
        (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

static void say_video(const struct media_probe *p)
{
    say("picture", "%dx%d, %s %s, level %.1f, %s%s%s%s%s", p->width_px, p->height_px, p->codec,
        p->profile, p->level / 30.0, p->pixels, p->range[0] ? ", range " : "", p->range,
        p->matrix[0] ? ", matrix " : "", p->matrix);
    say("pictures", "%lld in %.2f s, %lld key frames (at least one every %lld)",
        (long long)p->pictures, seconds(p->duration_us), (long long)p->key_pictures,
        (long long)(p->key_interval ? p->key_interval : p->pictures));
    say_rate(&p->timing);
    if (p->nominal_fps > 0)
        say("", "%.0f is the nominal rate in the record headers", p->nominal_fps);
    if (p->has_camera_clock)
        say_clock(p->camera_clock_us);
    if (p->sound_records)
        say("sound", "G.711 A-law, 8 kHz, %.2f s in %lld records", seconds(p->sound_us),
            (long long)p->sound_records);
    else
        say("sound", "none");
    if (p->borrowed_sets)
        say("borrowed", "parameter sets taken from the other clip");
}

static void say_findings(const char *what, const struct media_finding *f, int64_t n)
{
    for (int64_t i = 0; i < n && i < MEDIA_FINDINGS_MAX; i++)
        say(i == 0 ? what : "", "frame %lld at %.3f s: %s", (long long)f[i].picture,
            seconds(f[i].time_us), f[i].text);
    if (n > MEDIA_FINDINGS_MAX)
        say("", "… and %lld more", (long long)(n - MEDIA_FINDINGS_MAX));
}

static void say_gaps(const struct media_probe *p)
{
    for (int64_t i = 0; i < p->gaps && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_gap *g = &p->gap[i];
        char lost[80] = "frames dropped by the camera itself; not damage";
        if (g->lost)
            snprintf(lost, sizeof lost, "%lld missing", (long long)g->lost);
        say(i == 0 ? "gaps" : "", "%.3f s to %.3f s, before frame %lld: %s", seconds(g->from_us),
            seconds(g->until_us), (long long)g->picture, lost);
    }
    if (p->gaps > MEDIA_FINDINGS_MAX)
        say("", "… and %lld more", (long long)(p->gaps - MEDIA_FINDINGS_MAX));
}

static void say_count(int64_t n, const char *what)
{
    if (n)
        say("DAMAGE", "%6lld  %s", (long long)n, what);
}

static void say_damage(const struct media_probe *p)
{
    const struct media_damage *d = &p->damage;
    say_gaps(p);
    say_findings("broken", p->damaged, d->damaged);
    say_findings("decoder", p->decoder, p->decoder_findings);
    say_count(d->damaged, "damaged frames");
    say_count(d->affected, "frames that depend on damaged or missing ones: do not trust them");
    say_count(d->lost, p->container == MEDIA_ANNEXB
                           ? "missing frames, judging by picture order counts"
                           : "missing frames");
    say_count(d->repeated, "duplicate frames");
    say_count(d->undecodable_lead, "undecodable frames at the start, skipped");
    say_count(d->stray_bytes, "stray bytes outside any record or NAL unit");
    say_count(d->cut_bytes, "bytes of a truncated record at the end");
    say_count(d->sound_lost, "missing sound records");
    say_count(d->times_repaired, "implausible capture times, replaced");
}

static void say_verdict(const char *path, const struct probe_run *run, const struct media_probe *p)
{
    if (!p->clean)
        say("verdict", "DAMAGED; the rest is usable");
    else if (p->decoded)
        say("verdict", "no damage found%s",
            p->end_unknown ? "; plain H.265 cannot show whether the end was cut off" : "");
    else
        say("verdict", "structure is intact; frames were not decoded (--no-decode)");
    say("convert", "dashspool convert %s%s%s%s", p->borrowed_sets ? "--params-from " : "",
        p->borrowed_sets ? run->options.params_from : "", p->borrowed_sets ? " " : "", path);
}

static void say_all(const char *path, const struct probe_run *run, const struct media_probe *p)
{
    char size[24];
    printf("%s\n", path);
    say("file", "%s, %s (%lld bytes)", container_text(p->container),
        size_text(p->length_bytes, size), (long long)p->length_bytes);
    say("", "SHA-256 %s", p->sha256);
    if (p->container == MEDIA_JPEG) {
        say_photo(p);
    } else {
        say_video(p);
        say_damage(p);
    }
    if (p->container == MEDIA_JPEG && p->warning[0])
        say("note", "%s", p->warning);
    say_verdict(path, run, p);
}

static int probe_one(struct probe_run *run, const char *path)
{
    static const struct media_facts facts;
    struct media_probe p;
    struct err err;
    if (media_probe(path, &facts, &run->options, run->decode, &p, &err) < 0) {
        if (run->json)
            json_array_append_new(run->all, json_pack("{s:s, s:b, s:s}", "path", path, "clean", 0,
                                                      "error", err.text));
        return cli_fail("probe", &err);
    }
    if (run->json)
        json_array_append_new(run->all, probe_json(path, &p));
    else
        say_all(path, run, &p);
    return p.clean ? CLI_OK : CLI_FAILED;
}

int cli_probe(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"no-decode", no_argument, NULL, 'n'},
        {"params-from", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct probe_run run = {.decode = true};
    int rc = CLI_OK;
    struct convert_options configured;
    convert_options_from_cfg(cli->cfg, &configured);
    run.options = configured.media;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'j')
            run.json = true;
        else if (o == 'n')
            run.decode = false;
        else if (o == 'p' && strlen(optarg) < sizeof run.options.params_from)
            snprintf(run.options.params_from, sizeof run.options.params_from, "%s", optarg);
        else
            return o == 'p' ? cli_usage("probe", "--params-from: file name is too long")
                            : cli_option(o, argv, probe_help);
    }
    if (optind == argc)
        return cli_usage("probe", "no input: give at least one file");
    run.all = run.json ? json_array() : NULL;
    for (int i = optind; i < argc; i++) {
        if (i > optind && !run.json)
            putchar('\n');
        if (probe_one(&run, argv[i]) != CLI_OK)
            rc = CLI_FAILED;
        fflush(stdout);
    }
    if (run.json && cli_print_json("probe", run.all) != CLI_OK)
        rc = CLI_FAILED;
    return rc;
}

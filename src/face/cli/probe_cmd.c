/* probe: what a file is, on one page. */
#include "cli_internal.h"
#include "dashspool/confine.h"
#include "dashspool/log.h"
#include <stdarg.h>

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
    char text[6 * 4096];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    printf("  %-10s %s\n", label, cli_shown(text));
}

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

/* How long the camera had been running: 0:01:46. */
static const char *clock_text(int64_t us)
{
    static char text[32];
    int64_t s = us / 1000000;
    snprintf(text, sizeof text, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60),
             (int)(s % 60));
    return text;
}

static void say_parts(const struct media_probe *p)
{
    if (p->parts < 2)
        return;
    say("parts", "%lld recordings in one file; convert --split makes copies of each",
        (long long)p->parts);
    for (int64_t i = 0; i < p->parts && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_part *part = &p->part[i];
        say("", "%lld: frames %lld to %lld, %.2f s, camera up for %s, %.3f/s%s%s", (long long)i + 1,
            (long long)part->picture, (long long)(part->picture + part->pictures - 1),
            seconds(part->duration_us), clock_text(part->camera_clock_us), part->fps,
            part->apart ? "; unknown time after the one before" : "",
            part->key_pictures ? "" : "; no key frame: cannot be decoded");
    }
    if (p->parts > MEDIA_FINDINGS_MAX)
        say("", "… and %lld more", (long long)(p->parts - MEDIA_FINDINGS_MAX));
}

static void say_video(const struct media_probe *p)
{
    say("picture", "%dx%d, %s %s, level %.1f, %s%s%s%s%s", p->width_px, p->height_px, p->codec,
        p->profile, p->level / 30.0, p->pixels, p->range[0] ? ", range " : "", p->range,
        p->matrix[0] ? ", matrix " : "", p->matrix);
    for (int64_t i = 0; i < p->changes && i < MEDIA_FINDINGS_MAX; i++)
        say("", "from frame %lld (%.3f s) on: %s", (long long)p->change[i].picture,
            seconds(p->change[i].time_us), p->change[i].text);
    if (p->changes > MEDIA_FINDINGS_MAX)
        say("", "… and %lld %s",
            SIZE_COUNT(p->changes - MEDIA_FINDINGS_MAX, "more change", "more changes"));
    char every[64] = "";
    if (p->key_interval > 1)
        snprintf(every, sizeof every, " (at least one every %lld)", (long long)p->key_interval);
    say("frames", "%lld in %.2f s, %lld %s%s", (long long)p->pictures, seconds(p->duration_us),
        SIZE_COUNT(p->key_pictures, "key frame", "key frames"), every);
    if (p->pictures_in_file > p->pictures)
        say("", "%lld more at the start of the file cannot be decoded and %s left out",
            SIZE_COUNT(p->pictures_in_file - p->pictures, "is", "are"));
    if (p->refresh[0])
        say("refresh", "%s", p->refresh);
    /* The vote: each source with its rate, the chosen one first. */
    char of[MEDIA_OF_ROOM];
    if (p->timing.fps[p->timing.chosen] > 0)
        say("rate", "%.3f frames/s from %s%s", p->timing.fps[p->timing.chosen],
            media_source_name(p->timing.chosen), media_timing_of(&p->timing, of));
    else
        say("rate", "one frame alone has none");
    for (int i = 0; i < MEDIA_N_SOURCES; i++)
        if (p->timing.fps[i] > 0 && i != (int)p->timing.chosen)
            say("", "%.3f from %s", p->timing.fps[i], media_source_name((enum media_source)i));
    char dispute[MEDIA_DISPUTE_ROOM];
    media_timing_dispute(&p->timing, dispute);
    if (dispute[0])
        say("", "%s%s", dispute,
            p->timing.chosen > MEDIA_SOURCE_PERSON ? ": convert with --fps if you know it" : "");
    if (p->timing.chosen == MEDIA_SOURCE_DEFAULT)
        say("",
            "this is a guess, the file does not state a rate: convert with --fps if you know it");
    if (p->has_camera_clock)
        say("clock", "the camera had been up for %s at the first frame",
            clock_text(p->camera_clock_us));
    say_parts(p);
    if (p->sound_records)
        say("sound", "G.711 A-law, 8 kHz, %.2f s in %lld %s", seconds(p->sound_us),
            SIZE_COUNT(p->sound_records, "record", "records"));
    else
        say("sound", "none");
    if (p->borrowed_sets)
        say("borrowed", "parameter sets taken from the other clip");
    if (p->layered_units)
        say("layers", "%lld %s kept, but not shown",
            SIZE_COUNT(p->layered_units, "unit of another layer (nuh_layer_id) is",
                       "units of other layers (nuh_layer_id) are"));
}

static void say_findings(const char *what, const struct media_finding *f, int64_t n)
{
    for (int64_t i = 0; i < n && i < MEDIA_FINDINGS_MAX; i++)
        say(i == 0 ? what : "", "frame %lld at %.3f s: %s", (long long)f[i].picture,
            seconds(f[i].time_us), f[i].text);
    if (n > MEDIA_FINDINGS_MAX)
        say("", "… and %lld more", (long long)(n - MEDIA_FINDINGS_MAX));
}

static void say_count(int64_t n, const char *one, const char *many)
{
    if (n)
        say("DAMAGE", "%6lld  %s", SIZE_COUNT(n, one, many));
}

static void say_damage(const struct media_probe *p)
{
    const struct media_damage *d = &p->damage;
    for (int64_t i = 0; i < p->gaps && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_gap *g = &p->gap[i];
        char lost[80] = "frames dropped by the camera itself; not damage";
        if (g->recording)
            snprintf(lost, sizeof lost, "another recording begins; not damage");
        else if (g->lost)
            snprintf(lost, sizeof lost, "%lld missing", (long long)g->lost);
        say(i == 0 ? "gaps" : "", "%.3f s to %.3f s, before frame %lld: %s", seconds(g->from_us),
            seconds(g->until_us), (long long)g->picture, lost);
    }
    if (p->gaps > MEDIA_FINDINGS_MAX)
        say("", "… and %lld more", (long long)(p->gaps - MEDIA_FINDINGS_MAX));
    say_findings("broken", p->damaged, d->damaged);
    say_findings("decoder", p->decoder, p->decoder_findings);
    say_count(d->damaged, "damaged frame", "damaged frames");
    say_count(d->affected, "frame that depends on a damaged or missing one: do not trust it",
              "frames that depend on damaged or missing ones: do not trust them");
    if (p->container == MEDIA_ANNEXB)
        say_count(d->lost, "missing frame, judging by picture order counts",
                  "missing frames, judging by picture order counts");
    else
        say_count(d->lost, "missing frame", "missing frames");
    say_count(d->repeated, "duplicate frame", "duplicate frames");
    say_count(d->undecodable_lead, "undecodable frame at the start, skipped",
              "undecodable frames at the start, skipped");
    say_count(d->stray_bytes, "stray byte outside any record or NAL unit",
              "stray bytes outside any record or NAL unit");
    char cut[MEDIA_CUT_ROOM];
    media_cut_text(p->container, d, cut);
    if (cut[0])
        say("END", "%s", cut);
    say_count(d->sound_lost, "missing sound record", "missing sound records");
    if (d->times_repaired)
        say("times", "%lld implausible capture %s replaced; not damage",
            SIZE_COUNT((long long)d->times_repaired, "time", "times"));
}

static void say_verdict(const char *path, const struct probe_run *run, const struct media_probe *p)
{
    if (p->only_ends_early)
        say("verdict", "ENDS EARLY; everything before its end is undamaged");
    else if (!p->clean)
        say("verdict", "DAMAGED; the rest is usable");
    else if (p->decoded)
        say("verdict", "no damage found%s",
            p->end_unknown ? "; plain H.265 cannot show whether the end was cut off" : "");
    else
        say("verdict", "structure is intact; frames were not decoded (--no-decode)");
    say("convert", "dashspool convert %s%s%s%s", p->borrowed_sets ? "--params-from " : "",
        p->borrowed_sets ? cli_shell(run->options.params_from) : "", p->borrowed_sets ? " " : "",
        cli_shell(path));
}

static void say_all(const char *path, const struct probe_run *run, const struct media_probe *p)
{
    char size[24];
    printf("%s\n", cli_shown(path));
    say("file", "%s, %s (%lld %s)", container_text(p->container), size_text(p->length_bytes, size),
        SIZE_COUNT(p->length_bytes, "byte", "bytes"));
    say("", "SHA-256 %s", p->sha256);
    if (p->container == MEDIA_JPEG) {
        say("pixels", "%dx%d, %s", p->width_px, p->height_px,
            p->subsampling[0] ? p->subsampling : "unusual subsampling");
        say("turned", "EXIF orientation %d%s", p->orientation,
            p->orientation == 1 ? ", upright" : ", players rotate it");
        say("complete", "%s", p->complete ? "yes" : "no, truncated");
        if (p->photo_damage[0])
            say(p->only_ends_early ? "END" : "DAMAGE", "%s", p->photo_damage);
    } else {
        say_video(p);
        say_damage(p);
    }
    if (p->warning[0])
        say("note", "%s", p->warning);
    say_verdict(path, run, p);
}

/* ---- as JSON ---- */

static json_t *text(const char *s)
{
    return *s ? json_string(s) : json_null();
}

/* As it is; what is no UTF-8 JSON cannot have. */
static json_t *name_json(const char *path)
{
    json_t *j = json_string(path);
    return j ? j : json_string(cli_shown(path));
}

static json_t *findings_json(const struct media_finding *f, int64_t n)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < n && i < MEDIA_FINDINGS_MAX; i++)
        json_array_append_new(all,
                              json_pack("{s:I, s:I, s:s}", "picture", (json_int_t)f[i].picture,
                                        "time_us", (json_int_t)f[i].time_us, "text", f[i].text));
    return all;
}

static json_t *gaps_json(const struct media_probe *p)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < p->gaps && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_gap *g = &p->gap[i];
        json_array_append_new(
            all, json_pack("{s:I, s:I, s:b, s:I, s:I}", "before_picture", (json_int_t)g->picture,
                           "lost", (json_int_t)g->lost, "recording", (int)g->recording, "from_us",
                           (json_int_t)g->from_us, "until_us", (json_int_t)g->until_us));
    }
    return all;
}

static json_t *parts_json(const struct media_probe *p)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < p->parts && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_part *part = &p->part[i];
        json_t *j = json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "part", (json_int_t)i + 1, "first_picture",
            (json_int_t)part->picture, "pictures", (json_int_t)part->pictures, "key_pictures",
            (json_int_t)part->key_pictures, "from_us", (json_int_t)part->from_us, "duration_us",
            (json_int_t)part->duration_us, "fps", part->fps, "camera_clock_us",
            p->has_camera_clock ? json_integer(part->camera_clock_us) : json_null());
        const struct media_part *before = i > 0 ? part - 1 : NULL;
        int64_t after_us = before ? part->from_us - before->from_us - before->duration_us : 0;
        json_object_set_new(j, "after_us",
                            part->apart || !before ? json_null() : json_integer(after_us));
        json_array_append_new(all, j);
    }
    return all;
}

/* Of size or format. */
static json_t *changes_json(const struct media_probe *p)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < p->changes && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_change *c = &p->change[i];
        json_array_append_new(all, json_pack("{s:I, s:I, s:i, s:i, s:o}", "picture",
                                             (json_int_t)c->picture, "time_us",
                                             (json_int_t)c->time_us, "width_px", c->width_px,
                                             "height_px", c->height_px, "pixels", text(c->pixels)));
    }
    return all;
}

static json_t *timing_json(const struct media_timing *t)
{
    char dispute[MEDIA_DISPUTE_ROOM];
    media_timing_dispute(t, dispute);
    json_t *rates = json_object();
    for (int i = 0; i < MEDIA_N_SOURCES; i++)
        if (t->fps[i] > 0)
            json_object_set_new(rates, media_source_name((enum media_source)i),
                                json_real(t->fps[i]));
    return json_pack("{s:s, s:o, s:b, s:o, s:o}", "chosen", media_source_name(t->chosen),
                     "recording", t->recording > 0 ? json_integer(t->recording) : json_null(),
                     "disagree", (int)t->disagree, "dispute", text(dispute), "fps", rates);
}

static json_t *damage_json(const struct media_probe *p)
{
    const struct media_damage *d = &p->damage;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:o}",
                     "damaged", (json_int_t)d->damaged, "affected", (json_int_t)d->affected, "lost",
                     (json_int_t)d->lost, "repeated", (json_int_t)d->repeated, "undecodable_lead",
                     (json_int_t)d->undecodable_lead, "stray_bytes", (json_int_t)d->stray_bytes,
                     "cut_bytes", (json_int_t)d->cut_bytes, "sound_lost", (json_int_t)d->sound_lost,
                     "times_repaired", (json_int_t)d->times_repaired, "damaged_pictures",
                     findings_json(p->damaged, d->damaged), "gaps", (json_int_t)p->gaps,
                     "gaps_by_camera", (json_int_t)p->gaps_by_camera, "first_gaps", gaps_json(p),
                     "decoder_findings", (json_int_t)p->decoder_findings, "decoder",
                     findings_json(p->decoder, p->decoder_findings));
}

static json_t *video_json(const struct media_probe *p)
{
    return json_pack(
        "{s:o, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:b, "
        "s:b, s:b, s:I, s:o}",
        "profile", text(p->profile), "level", p->level / 30.0, "pixels", text(p->pixels), "range",
        text(p->range), "matrix", text(p->matrix), "pictures", (json_int_t)p->pictures,
        "key_pictures", (json_int_t)p->key_pictures, "pictures_in_file",
        (json_int_t)p->pictures_in_file, "key_interval", (json_int_t)p->key_interval,
        "first_decodable", (json_int_t)p->first_decodable, "first_whole",
        (json_int_t)p->first_whole, "duration_us", (json_int_t)p->duration_us, "nominal_fps",
        p->nominal_fps, "camera_clock_us",
        p->has_camera_clock ? json_integer(p->camera_clock_us) : json_null(), "timing",
        timing_json(&p->timing), "sound",
        p->sound_records
            ? json_pack("{s:s, s:I, s:I}", "codec", "G.711 A-law, 8 kHz", "records",
                        (json_int_t)p->sound_records, "duration_us", (json_int_t)p->sound_us)
            : json_null(),
        "parameter_sets_lent", (int)p->borrowed_sets, "end_unknown", (int)p->end_unknown, "decoded",
        (int)p->decoded, "recordings", (json_int_t)p->parts, "parts", parts_json(p));
}

static const char *container_word(enum media_container container)
{
    return container == MEDIA_PTMF ? "ptmf" : container == MEDIA_ANNEXB ? "annexb" : "jpeg";
}

static json_t *probe_json(const char *path, const struct media_probe *p)
{
    bool photo = p->container == MEDIA_JPEG;
    json_t *j = json_pack("{s:o, s:s, s:I, s:s, s:s, s:i, s:i, s:b, s:o}", "path", name_json(path),
                          "container", container_word(p->container), "length_bytes",
                          (json_int_t)p->length_bytes, "sha256", p->sha256, "codec", p->codec,
                          "width_px", p->width_px, "height_px", p->height_px, "clean",
                          (int)p->clean, "note", text(p->warning));
    json_t *more = photo ? json_pack("{s:o, s:i, s:b, s:o}", "subsampling", text(p->subsampling),
                                     "orientation", p->orientation, "complete", (int)p->complete,
                                     "damage", text(p->photo_damage))
                         : video_json(p);
    if (j && more && json_object_update_missing(j, more) == 0 && !photo) {
        json_object_set_new(j, "damage", damage_json(p));
        json_object_set_new(j, "refresh", text(p->refresh));
        json_object_set_new(j, "picture_changes", json_integer(p->changes));
        json_object_set_new(j, "first_picture_changes", changes_json(p));
    }
    json_decref(more);
    return j;
}

/* ---- one file, all files ---- */

static int probe_one(struct probe_run *run, const char *path)
{
    static const struct media_facts facts;
    struct media_probe p;
    struct err err;
    if (media_probe(path, &facts, &run->options, run->decode, &p, &err) < 0) {
        if (run->json)
            json_array_append_new(run->all, json_pack("{s:o, s:b, s:s}", "path", name_json(path),
                                                      "clean", 0, "error", err.text));
        return cli_fail("probe", &err);
    }
    if (run->json)
        json_array_append_new(run->all, probe_json(path, &p));
    else
        say_all(path, run, &p);
    return p.clean ? CLI_OK : CLI_FAILED;
}

struct probe_options {
    bool json, no_decode;
    const char *params_from;
};

#define AT(field) offsetof(struct probe_options, field)
static const struct cli_option options[] = {
    {OPT_FLAG("json", json, "print the facts as a JSON array")},
    {OPT_FLAG("no-decode", no_decode,
              "check the structure only: fast, but misses damage inside frames")},
    {CLI_TEXT, "params-from", "FILE",
     "take missing parameter sets from another clip of the same camera", .offset = AT(params_from),
     .max = sizeof((struct media_options *)0)->params_from - 1},
    {0}};

/* Before the first hostile byte: what is said of the files goes to stdout, and nothing else is
 * needed any more. */
static int shut_in(const struct cli *cli, const struct cli_args *args, const char *params_from)
{
    struct confine_limits limits;
    struct sandbox_report report;
    struct err err;
    confine_limits_from_cfg(cli->cfg, &limits);
    const struct sandbox_rules rules = {.kind = SANDBOX_READER,
                                        .stage = "probe",
                                        .read = {params_from},
                                        .reads = (const char *const *)args->operand,
                                        .memory_bytes = limits.memory_bytes};
    if (sandbox_enter(&rules, &report, &err) < 0)
        return cli_fail("probe", &err);
    if (report.missing[0])
        log_debug("probe", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    return CLI_OK;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct probe_options *o = args->options;
    struct probe_run run = {.json = o->json, .decode = !o->no_decode};
    int rc = CLI_OK;
    struct convert_options configured;
    convert_options_from_cfg(cli->cfg, &configured);
    run.options = configured.media;
    if (o->params_from)
        snprintf(run.options.params_from, sizeof run.options.params_from, "%s", o->params_from);
    run.all = run.json ? json_array() : NULL;
    if ((rc = shut_in(cli, args, run.options.params_from)) != CLI_OK)
        return rc;
    for (int i = 0; i < args->n_operands; i++) {
        if (i > 0 && !run.json)
            putchar('\n');
        if (probe_one(&run, args->operand[i]) != CLI_OK)
            rc = CLI_FAILED;
        fflush(stdout);
    }
    if (run.json && cli_print_json("probe", run.all) != CLI_OK)
        rc = CLI_FAILED;
    return rc;
}

const struct cli_command cli_probe = {
    .name = "probe",
    .group = CLI_LOOK,
    .summary = "inspect a file: format, timing, damage",
    .prose = "Inspect files: format, frames, timing, sound, and all damage found. Changes nothing. "
             "Frames are numbered from 0. Exit status 1 if a file is damaged or cannot be read.",
    .options = options,
    .example = "dashspool probe clip.h265",
    .operand = "FILE",
    .operands_min = 1,
    .operands_max = CLI_MANY,
    .operands_missing = "no input: give at least one file",
    .room = sizeof(struct probe_options),
    .user = CLI_AS_CALLER,
    .run = run,
};

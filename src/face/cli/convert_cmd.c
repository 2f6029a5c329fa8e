/* convert: files or folders, without a ROOT. */
#include "cli_internal.h"
#include "convert_batch.h"
#include "dashspool/buf.h"
#include "dashspool/confine.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/wire.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what was asked for ---- */

struct stills {
    int64_t us[CONVERT_MOMENTS_MAX];
    int n;
};

struct masks {
    struct convert_mask mask[CONVERT_MASKS_MAX];
    int n;
};

struct wish {
    const char *out_dir, *time, *tz, *meta, *track, *track_name, *params_from;
    double fps, lat, lon;
    int jobs;
    bool force, no_sound, split;
    unsigned hide;
    struct stills stills;
    struct masks masks;
};

/* Seconds, or mm:ss, or hh:mm:ss, with a fraction. */
static int add_still(void *at, const char *text, struct err *err)
{
    struct stills *stills = at;
    double s = 0;
    const char *p = text;
    if (stills->n == CONVERT_MOMENTS_MAX)
        return err_set(err, ERR_CONFIG, "at most %d allowed", CONVERT_MOMENTS_MAX);
    for (int part = 0; part < 3; part++) {
        char *end;
        double v = strtod(p, &end);
        if (end == p || !isfinite(v) || v < 0 || v > 1e6)
            break;
        s = s * 60 + v;
        if (*end == '\0') {
            stills->us[stills->n++] = llround(s * 1e6);
            return ERR_OK;
        }
        if (*end != ':')
            break;
        p = end + 1;
    }
    return err_set(err, ERR_CONFIG, "expected seconds or mm:ss");
}

static int add_mask(void *at, const char *text, struct err *err)
{
    struct masks *masks = at;
    if (masks->n == CONVERT_MASKS_MAX)
        return err_set(err, ERR_CONFIG, "at most %d allowed", CONVERT_MASKS_MAX);
    int rc = convert_mask_parse(text, &masks->mask[masks->n], err);
    masks->n += rc == ERR_OK;
    return rc;
}

static int add_hide(void *at, const char *text, struct err *err)
{
    unsigned *hide = at;
    int rc = convert_hide_parse(text, hide, err);
    return rc == ERR_OK && *hide & ~(unsigned)(CONVERT_HIDE_POSITION | CONVERT_HIDE_IMEI)
               ? err_set(err, ERR_CONFIG,
                         "copies have no driver and no source; expected position, imei")
               : rc;
}

#define AT(field)     offsetof(struct wish, field)
#define ROOM_OF(text) (sizeof((struct convert_options *)0)->text - 1)
#define SECTION       &convert_cfg_section

static const struct cli_option options[] = {
    {CLI_ROW, "clip.working.mp4", NULL, "the camera's own coded frames, correct timing"},
    {CLI_ROW, "clip.viewing-DERIVED.mp4", NULL, "for any player, clock and position burned in"},
    {CLI_ROW, "clip.timing.json", NULL, "every frame: time, source, damage"},
    {CLI_ROW, "clip.still-DERIVED.jpg", NULL, "of a photo"},
    {CLI_TEXT, "output", "DIR", "write to DIR instead; the folder structure is kept", .letter = 'o',
     .writes = true, .offset = AT(out_dir)},
    {CLI_SETTING, "copies", "LIST", "of {}, with commas (default working,viewing)",
     .section = SECTION, .key = "copies",
     .words = "working viewing timing csv poster sheet gpx kml geojson srt vtt"},
    {OPT_INT("jobs", "N", jobs, 1, 256, "files converted in parallel (default: one per core)")},
    {OPT_FLAG("force", force, "overwrite existing copies")},
    {OPT_FLAG("split", split,
              "if a file holds several recordings, make copies of each: clip-part1 …")},
    {CLI_SETTING, "check", NULL, "fully decode every copy before accepting it", .section = SECTION,
     .key = "check", .fixed = "yes"},

    {CLI_HEADING, .help = "what the camera's metadata would have supplied:"},
    {OPT_TEXT("time", "T", time,
              "start of the clip, 2024-11-29T09:23:45+02:00 (default: from the file name)")},
    {OPT_TEXT("tz", "ZONE", tz,
              "time zone of the clock in the picture: +02:00, Z, or a name such as Europe/Berlin")},
    {OPT_NUMBER("lat", "D", lat, -90, 90, "latitude, degrees WGS 84; with --lon")},
    {OPT_NUMBER("lon", "D", lon, -180, 180, "longitude, degrees WGS 84; with --lat")},
    {OPT_NUMBER("fps", "R", fps, 0.1, 240, "frame rate, if neither file nor metadata states it")},
    {OPT_TEXT("meta", "FILE", meta, "the camera's metadata response, as received")},
    {CLI_TEXT, "track", "FILE",
     "GPX, NMEA or CSV track covering the clip: position, speed and course over time",
     .offset = AT(track), .max = ROOM_OF(track_path)},
    {CLI_TEXT, "track-name", "NAME",
     "of several tracks in the file, the one of this vehicle (default: the one that covers the "
     "clip)",
     .offset = AT(track_name), .max = ROOM_OF(track_name)},
    {OPT_SETTING("track-speed-max", "KMH", "track_speed_max",
                 "leave out points of the track to which no vehicle is that fast (default 300)")},
    {CLI_TEXT, "params-from", "FILE",
     "take missing parameter sets from another clip of the same camera", .offset = AT(params_from),
     .max = ROOM_OF(media.params_from)},

    {CLI_HEADING, .help = "how the copies are made:"},
    {CLI_SETTING, "sound", "CODEC",
     "audio codec of the working copy: {} (default aac; flac is lossless)", .section = SECTION,
     .key = "sound", .words = "aac flac"},
    {OPT_SETTING("encoder", "NAME", "encoder",
                 "FFmpeg encoder for the viewing copy (default libx264)")},
    {CLI_SET, "still", "T", "save the frame at T seconds (or mm:ss.s) as a JPEG; up to 8 times",
     .offset = AT(stills), .set = add_still},
    {OPT_SETTING("osd-template", "TEXT", "osd_template",
                 "overlay, with {date} {time} {zone} {lat} {lon} {camera} {imei} {vehicle} "
                 "{trigger} {t_minus} {picture} {speed} {course} {note} {id}")},
    {CLI_SETTING, "osd-position", "P", "{}", .section = SECTION, .key = "osd_position",
     .words = "bottom-left bottom-right top-right"},
    {OPT_SETTING("osd-size", "N", "osd_size", "1 is the default size")},
    {CLI_SETTING, "osd-units", "U", "{}", .section = SECTION, .key = "osd_units",
     .words = "metric imperial"},
    {CLI_SETTING, "osd-no-box", NULL, "omit the dark box behind the text", .section = SECTION,
     .key = "osd_box", .fixed = "no"},
    {OPT_SETTING("note", "TEXT", "note", "{note} of the overlay")},

    {CLI_HEADING,
     .help = "redaction; no working copy is made, and file names contain -REDACTED-DERIVED:"},
    {CLI_SET, "mask", "x,y,w,h[,from[,to]]",
     "black out this box, in pixels of the image as it is seen (a photo: turned as its Exif says); "
     "times in seconds or mm:ss (default: "
     "whole video); up to 32 times",
     .offset = AT(masks), .set = add_mask},
    {OPT_FLAG("redact-sound", no_sound, "remove the sound")},
    {CLI_SET, "hide", "LIST",
     "of position, imei, with commas: leave them out of overlay and tags (names of files stay)",
     .offset = AT(hide), .set = add_hide},
    {0}};

/* ---- what is known of the footage ---- */

static void facts_of_meta(const struct wire_meta *m, struct media_facts *f)
{
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        if (wire_slots[i].file_type == m->file_type)
            snprintf(f->camera, sizeof f->camera, "%s", wire_slots[i].camera);
    snprintf(f->trigger, sizeof f->trigger, "%s", m->trigger_name);
    f->has_time = m->plausible & WIRE_META_TIME;
    f->start_utc_us = f->has_time ? (int64_t)m->time_ms * 1000 : 0;
    f->has_zone = m->plausible & WIRE_META_ZONE;
    f->tz_min = m->tz_min;
    f->has_position = m->plausible & WIRE_META_POSITION;
    f->lat_deg = m->lat_deg;
    f->lon_deg = m->lon_deg;
    f->has_trigger_time = m->plausible & WIRE_META_TRIGGER_TIME;
    f->trigger_utc_us = f->has_trigger_time ? (int64_t)m->trigger_time_ms * 1000 : 0;
    f->meta_fps = m->plausible & WIRE_META_FPS ? m->fps : 0;
    f->length_s = m->length_s;
}

/* The payload of a 0x000b frame, or the whole frame. What cannot be read as such is told, and
 * stands in no video's way: *unread. */
static bool read_meta(const char *path, struct media_facts *f, bool *unread)
{
    struct buf b;
    struct err err;
    struct wire_frame frame;
    struct wire_meta meta;
    buf_init(&b, 4 + WIRE_META_BYTES_MAX);
    int rc = fsx_read_file(path, &b, &err);
    bool opened = rc == ERR_OK || rc == ERR_LIMIT;
    if (rc == ERR_OK) {
        const uint8_t *data = buf_data(&b);
        size_t n = b.used;
        if (wire_frame_parse(data, n, &frame) == WIRE_HAVE_FRAME && frame.id == WIRE_META) {
            data = frame.payload;
            n = frame.n;
        }
        rc = wire_meta_parse(data, n, 0, clock_utc_us(), &meta, &err);
    }
    if (rc == ERR_OK && meta.present == 0)
        rc = err_set(&err, ERR_MALFORMED, "it has none of the values that metadata have%s%s",
                     meta.note[0] ? ": " : "", meta.note);
    bool wrong_time = rc == ERR_OK && meta.present & ~meta.plausible & WIRE_META_TIME;
    buf_clear(&b);
    *unread = rc < 0;
    if (rc == ERR_OK)
        facts_of_meta(&meta, f);
    if (!opened)
        cli_usage("convert", "--meta %s: %s", path, err.text);
    else if (rc < 0 || meta.note[0])
        fprintf(stderr, "dashspool convert: --meta %s: %s%s\n", cli_shown(path),
                rc < 0 ? "not used: " : "", rc < 0 ? err.text : meta.note);
    if (opened && wrong_time)
        fprintf(stderr,
                "dashspool convert: --meta %s: its time is not used: it is before 2015 or in the "
                "future\n",
                cli_shown(path));
    return opened;
}

/* A time with "Z" says nothing of the zone in which the clip was taken; one with an offset does. */
static bool read_time(const char *text, const struct clock_tz *zone, struct media_facts *f)
{
    struct err err;
    int tz = f->has_zone ? f->tz_min : 0, other = 60;
    int64_t us, elsewhere_us;
    char word[CLOCK_TEXT_ROOM];
    if (clock_parse(text, tz, &us, &tz, &err) < 0 ||
        clock_parse(text, tz + other, &elsewhere_us, NULL, &err) < 0) {
        cli_usage("convert", "--time: %s", err.text);
        return false;
    }
    f->has_time = true;
    snprintf(f->time_source, sizeof f->time_source, "--time");
    f->start_utc_us = us;
    if (us == elsewhere_us) { /* it has a zone of its own */
        if (!f->has_zone && text[strlen(text) - 1] != 'Z') {
            f->has_zone = true;
            f->tz_min = tz;
        } else if (zone) {
            f->has_zone = true;
            f->tz_min = clock_tz_min(zone, us);
        }
        return true;
    }
    if (!zone)
        return true;
    enum clock_local is = clock_tz_local(zone, us, &tz, &other);
    clock_zone(tz, word);
    if (is == CLOCK_LOCAL_NEVER) {
        cli_usage("convert", "--time %s: no such time of day in this zone: the clocks went forward",
                  text);
        return false;
    }
    if (is == CLOCK_LOCAL_TWICE)
        fprintf(stderr,
                "dashspool convert: --time %s: the clocks went back: this time of day came twice, "
                "%s is taken; write the offset behind the time to choose\n",
                text, word);
    f->has_zone = true;
    f->tz_min = tz;
    f->start_utc_us = us - tz * INT64_C(60000000);
    return true;
}

/* --tz: an offset goes into f, a zone that has a name into *zone, which is the caller's. */
static bool read_zone(const char *text, struct media_facts *f, struct clock_tz **zone)
{
    struct err err;
    f->has_zone = clock_parse_zone(text, &f->tz_min, &err) == ERR_OK;
    if (f->has_zone || clock_tz_open(zone, text, &err) == ERR_OK)
        return true;
    cli_usage("convert", "--tz %s: %s", text, err.text);
    return false;
}

static bool read_facts(const struct wish *w, bool has_lat, bool has_lon,
                       struct convert_request *request)
{
    struct media_facts *f = &request->facts;
    const struct clock_tz *zone = request->zone;
    bool unread = false;
    if (has_lat != has_lon) {
        cli_usage("convert", "--lat and --lon must be given together");
        return false;
    }
    if ((w->meta && !read_meta(w->meta, f, &unread)) || (w->time && !read_time(w->time, zone, f)))
        return false;
    if (unread && !w->time) /* the name tells its time, as without them */
        request->of_one_clip = false;
    if (zone && !f->has_zone && f->has_time) { /* of the metadata */
        f->has_zone = true;
        f->tz_min = clock_tz_min(zone, f->start_utc_us);
    }
    if (has_lat) {
        f->has_position = true;
        f->lat_deg = w->lat;
        f->lon_deg = w->lon;
    }
    return true;
}

/* ---- and what becomes of it ---- */

/* ", 2 gaps of 0.32 s in all (3 frames missing)"; "" without one. */
static const char *gaps_text(const struct convert_result *r, char out[128])
{
    char missing[48] = "";
    out[0] = '\0';
    if (r->gaps == 0)
        return out;
    if (r->damage.lost)
        snprintf(missing, sizeof missing, "%lld %s missing",
                 SIZE_COUNT(r->damage.lost, "frame", "frames"));
    snprintf(out, 128, ", %lld %s of %.2f s%s (%s%s%s)", SIZE_COUNT(r->gaps, "gap", "gaps"),
             (double)r->gap_us / 1e6, r->gaps > 1 ? " in all" : "", missing,
             missing[0] && r->gaps_by_camera ? "; " : "",
             r->gaps_by_camera ? "frames dropped by the camera itself" : "");
    return out;
}

struct tally {
    const struct convert_options *options;
    size_t ended;
    int done, skipped;
    struct fsx_names *failed; /* what was said of each; also of inputs that are not there */
};

static void on_ended(void *arg, const struct input *in, int rc, const struct convert_result *r,
                     const struct err *err)
{
    struct tally *tally = arg;
    char size[24], dispute[MEDIA_DISPUTE_ROOM], gaps[128];
    tally->ended++;
    if (rc == ERR_BUSY) {
        tally->skipped++;
        printf("skipped: %s (--force replaces it)\n", err->text);
        fflush(stdout);
        return;
    }
    if (rc < 0) {
        struct err none;
        if (fsx_names_add(tally->failed, err->text, &none) < 0)
            cli_fail("convert", &none);
        cli_fail("convert", err); /* names the file */
        return;
    }
    tally->done++;
    printf("%s", cli_shown(in->path));
    if (in->recording)
        printf(", recording %d", in->recording);
    printf(": ");
    if (r->container == MEDIA_JPEG)
        printf("photo, %dx%d", r->width_px, r->height_px);
    else
        printf("%lld %s, %.2f s, timing: %s%s%s", SIZE_COUNT(r->pictures, "frame", "frames"),
               (double)r->duration_us / 1e6, media_source_name(r->timing.chosen),
               r->sound ? ", sound" : "", gaps_text(r, gaps));
    printf("\n");
    media_timing_dispute(&r->timing, dispute);
    if (dispute[0])
        printf("  timing   %s%s\n", dispute,
               r->timing.chosen > MEDIA_SOURCE_PERSON ? "; use --fps to decide" : "");
    for (int i = 0; i < r->n_outputs; i++)
        printf("  %-8s %s (%s)\n", copy_kind_name(r->output[i].kind), cli_shown(r->output[i].path),
               size_text(r->output[i].length_bytes, size));
    for (int i = 0; i < tally->options->n_masks; i++) {
        char mask[CONVERT_MASK_ROOM];
        convert_mask_text(&tally->options->mask[i], mask);
        if (r->container == MEDIA_JPEG)
            printf("  mask     %s covers the photo\n", mask);
        else
            printf("  mask     %s covers %lld of %lld %s\n", mask, (long long)r->covered[i],
                   SIZE_COUNT(r->pictures, "frame", "frames"));
    }
    if (r->warning[0])
        printf("  note     %s\n", cli_shown(r->warning));
    fflush(stdout);
}

/* At the end of a long batch, for who did not watch it. */
static void sum_up(const struct inputs *inputs, const struct tally *tally, bool stopped)
{
    char left[48] = "", others[80] = "";
    if (stopped)
        snprintf(left, sizeof left, ", %zu remaining", inputs->n - tally->ended);
    if (inputs->others > 0)
        snprintf(others, sizeof others, "; %zu other file%s in the folders %s not looked at",
                 inputs->others, inputs->others == 1 ? "" : "s",
                 inputs->others == 1 ? "was" : "were");
    if (stopped)
        fprintf(stderr, "stopped");
    else
        fprintf(stderr, "%zu file%s", inputs->n, inputs->n == 1 ? "" : "s");
    fprintf(stderr, ": %d converted, %d skipped, %zu failed%s%s\n", tally->done, tally->skipped,
            tally->failed->n, left, others);
    if (tally->failed->n > 0)
        fprintf(stderr, "failed:\n");
    for (size_t i = 0; i < tally->failed->n; i++)
        fprintf(stderr, "  %s\n", cli_shown(tally->failed->name[i]));
}

static int convert_all(struct cli *cli, const struct convert_request *request, bool split,
                       struct inputs *inputs, struct tally *tally)
{
    struct progress progress;
    struct confine_limits limits;
    confine_limits_from_cfg(cli->cfg, &limits);
    if (split)
        inputs_split(inputs, &request->options.media, &limits);
    progress_begin(&progress);
    int signum = batch_run(request, &limits, inputs, &progress, on_ended, tally);
    if (signum || inputs->n > 1 || inputs->others > 0)
        sum_up(inputs, tally, signum != 0);
    if (signum) /* the caller is to see how it ended */
        raise(signum);
    return tally->failed->n > 0 ? CLI_FAILED : CLI_OK;
}

static void take_options(const struct cli *cli, const struct cli_args *args,
                         struct convert_options *out)
{
    const struct wish *w = args->options;
    convert_options_from_cfg(cli->cfg, out);
    out->media.fps = w->fps;
    out->overwrite = w->force;
    out->no_sound = w->no_sound;
    out->hide = w->hide;
    if (w->track)
        snprintf(out->track_path, sizeof out->track_path, "%s", w->track);
    if (w->track_name)
        snprintf(out->track_name, sizeof out->track_name, "%s", w->track_name);
    if (w->params_from)
        snprintf(out->media.params_from, sizeof out->media.params_from, "%s", w->params_from);
    memcpy(out->mask, w->masks.mask, sizeof out->mask);
    out->n_masks = w->masks.n;
    memcpy(out->moment_us, w->stills.us, sizeof out->moment_us);
    out->n_moments = w->stills.n;
    if ((out->n_masks > 0 || out->no_sound || out->hide) && !cli_given(args, "copies"))
        out->copies = COPY_VIEWING;
    if (out->n_moments > 0)
        out->copies |= COPY_MOMENT;
}

/* Before the metadata are read; the footage is for children. Inputs are only looked at by name. */
static int shut_in(const struct wish *w, const struct convert_options *o,
                   const struct inputs *inputs)
{
    struct sandbox_report report;
    struct err err;
    struct fsx_names dirs = {0};
    const char *const reads[] = {w->meta, NULL};
    int rc = w->out_dir ? fsx_mkdirs(w->out_dir, &err) : ERR_OK;
    if (rc == ERR_OK && w->out_dir)
        rc = fsx_names_add(&dirs, w->out_dir, &err);
    for (size_t i = 0; rc == ERR_OK && !w->out_dir && i < inputs->n; i++)
        if (i == 0 || strcmp(inputs->item[i].dir, inputs->item[i - 1].dir) != 0)
            rc = fsx_names_add(&dirs, inputs->item[i].dir, &err);
    const char **list = calloc(dirs.n + 1, sizeof *list);
    const char **footage = calloc(inputs->n + 3, sizeof *footage);
    if (rc == ERR_OK && (!list || !footage))
        rc = err_nomem(&err, "%zu files", inputs->n);
    for (size_t i = 0; rc == ERR_OK && i < inputs->n; i++)
        footage[i] = inputs->item[i].path;
    if (rc == ERR_OK) {
        footage[inputs->n] = o->track_path; /* "": none */
        footage[inputs->n + 1] = o->media.params_from;
    }
    for (size_t i = 0; rc == ERR_OK && i < dirs.n; i++)
        list[i] = dirs.name[i];
    if (rc == ERR_OK)
        rc = confine_guard("convert", reads, footage, list, &report, &err);
    free(list);
    free(footage);
    fsx_names_clear(&dirs);
    if (rc < 0)
        return cli_fail("convert", &err);
    if (report.missing[0])
        log_debug("convert", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    return CLI_OK;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct wish *w = args->options;
    struct convert_request request = {
        .out_dir = w->out_dir, .jobs = w->jobs, .of_one_clip = w->time || w->meta};
    struct clock_tz *zone = NULL;
    struct inputs inputs = {0};
    struct tally tally = {.options = &request.options, .failed = &inputs.failed};
    struct err err;
    int rc = CLI_USAGE;
    take_options(cli, args, &request.options);
    if (w->tz && !read_zone(w->tz, &request.facts, &zone))
        goto out;
    request.zone = zone;
    if (w->track && access(w->track, F_OK) < 0) {
        rc = cli_usage("convert", "--track %s: %s", cli_shown(w->track), strerror(errno));
        goto out;
    }
    inputs_collect(&inputs, args->operand, (size_t)args->n_operands);
    if (inputs_part(&inputs, w->out_dir, &err) < 0)
        rc = cli_fail_or_usage("convert", &err);
    else if (inputs.n > 1 && request.of_one_clip)
        rc = cli_usage("convert", "--time and --meta apply to a single clip: give one file");
    else if ((rc = shut_in(w, &request.options, &inputs)) == CLI_OK)
        rc = read_facts(w, cli_given(args, "lat"), cli_given(args, "lon"), &request)
                 ? convert_all(cli, &request, w->split, &inputs, &tally)
                 : CLI_USAGE;
out:
    inputs_free(&inputs);
    clock_tz_free(&zone);
    return rc;
}

const struct cli_command cli_convert = {
    .name = "convert",
    .group = CLI_CONVERT,
    .summary = "convert downloaded files; needs no ROOT",
    .prose = "Convert downloaded footage (a camera's .h265, PTMF or plain; photos) to MP4 and JPEG "
             "with clock and position. Folders are searched for footage. Copies are written beside "
             "the input:",
    .options = options,
    .example = "dashspool convert downloads/ -o mp4/ --tz Europe/Berlin",
    .operand = "PATH",
    .operands_min = 1,
    .operands_max = CLI_MANY,
    .operands_missing = "no input: give at least one file or folder",
    .room = sizeof(struct wish),
    .user = CLI_AS_CALLER,
    .writes = CLI_MANY,
    .run = run,
};

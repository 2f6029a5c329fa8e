/* What a person asks of convert: options to facts, settings and files. */
#include "convert_options.h"
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/wire.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: dashspool convert PATH… [-o DIR] [--copies LIST] [--fps R] [--time T] [--tz ±hh:mm]\n"
    "                         [--lat D --lon D] [--meta FILE] [--jobs N] [--force] …\n"
    "\n"
    "Convert downloaded footage (a camera's .h265, PTMF or plain; photos) to MP4 and JPEG with\n"
    "clock and position. Folders are searched for footage. Copies are written beside the input:\n"
    "\n"
    "  clip.working.mp4           the camera's own coded pictures, correct timing\n"
    "  clip.viewing-DERIVED.mp4   for any player, clock and position burned in\n"
    "  clip.timing.json           every picture: time, source, damage\n"
    "  clip.still-DERIVED.jpg     of a photo\n"
    "\n"
    "  -o, --output DIR     write to DIR instead; the folder structure is kept\n"
    "  --copies LIST        of working viewing timing csv poster sheet gpx kml geojson srt vtt,\n"
    "                       with commas (default working,viewing)\n"
    "  --jobs N             files converted in parallel (default: one per core)\n"
    "  --force              overwrite existing copies\n"
    "  --check              fully decode every copy before accepting it\n"
    "\n"
    "what the camera's metadata would have supplied:\n"
    "  --time T             start of the clip, 2024-11-29T09:23:45+02:00 (default: from the file "
    "name)\n"
    "  --tz ±hh:mm          time zone of the clock in the picture\n"
    "  --lat D --lon D      position, degrees WGS 84\n"
    "  --fps R              frame rate, if neither file nor metadata states it\n"
    "  --meta FILE          the camera's metadata response, as received\n"
    "  --track FILE         GPX, NMEA or CSV track covering the clip: position and speed over "
    "time\n"
    "  --params-from FILE   take missing parameter sets from another clip of the same camera\n"
    "\n"
    "how the copies are made:\n"
    "  --sound aac|flac     audio codec of the working copy (default aac; flac is lossless)\n"
    "  --encoder NAME       FFmpeg encoder for the viewing copy (default libx264)\n"
    "  --still T            save the frame at T seconds (or mm:ss.s) as a JPEG; up to 8 times\n"
    "  --osd-template TEXT  overlay, with {date} {time} {zone} {lat} {lon} {camera} {imei} "
    "{trigger}\n"
    "                       {t_minus} {picture} {speed} {note} {id}\n"
    "  --osd-position P     bottom-left, bottom-right or top-right\n"
    "  --osd-size N         1 is the default size\n"
    "  --osd-units U        metric or imperial\n"
    "  --osd-no-box         omit the dark box behind the text\n"
    "  --note TEXT          {note} of the overlay\n"
    "\n"
    "redaction; no working copy is made, and file names contain -REDACTED-DERIVED:\n"
    "  --mask x,y,w,h[,from[,to]]\n"
    "                       black out this box, in pixels of the original frame; times in\n"
    "                       seconds or mm:ss (default: whole video); up to 32 times\n"
    "  --redact-sound       remove the sound\n"
    "\n"
    "example: dashspool convert downloads/ -o mp4/ --tz +02:00\n";

/* A time with "Z" says nothing of the zone in which the clip was taken; one with an offset does. */
static bool parse_time(const char *text, struct media_facts *f)
{
    struct err err;
    int tz = f->has_zone ? f->tz_min : 0;
    if (clock_parse(text, tz, &f->start_utc_us, &tz, &err) < 0) {
        cli_usage("convert", "--time: %s", err.text);
        return false;
    }
    f->has_time = true;
    snprintf(f->time_source, sizeof f->time_source, "--time");
    if (!f->has_zone && text[strlen(text) - 1] != 'Z' && strlen(text) > 19) {
        f->has_zone = true;
        f->tz_min = tz;
    }
    return true;
}

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

/* The payload of a 0x000b frame, or the whole frame. */
static bool read_meta(const char *path, struct media_facts *f)
{
    struct buf b;
    struct err err;
    struct wire_frame frame;
    struct wire_meta meta;
    buf_init(&b, 4 + WIRE_META_BYTES_MAX);
    int rc = fsx_read_file(path, &b, &err);
    if (rc == ERR_OK) {
        const uint8_t *data = buf_data(&b);
        size_t n = b.used;
        if (wire_frame_parse(data, n, &frame) == WIRE_HAVE_FRAME && frame.id == WIRE_META) {
            data = frame.payload;
            n = frame.n;
        }
        rc = wire_meta_parse(data, n, clock_utc_us(), &meta, &err);
    }
    if (rc == ERR_OK)
        facts_of_meta(&meta, f);
    else
        cli_usage("convert", "--meta %s: %s", path, err.text);
    buf_clear(&b);
    return rc == ERR_OK;
}

struct wish {
    const char *time, *tz, *meta;
    bool copies; /* it was said which */
    double lat, lon;
    bool has_lat, has_lon;
};

static bool apply(const struct wish *w, struct media_facts *f)
{
    struct err err;
    if (w->meta && !read_meta(w->meta, f))
        return false;
    if (w->tz) {
        if (clock_parse_zone(w->tz, &f->tz_min, &err) < 0) {
            cli_usage("convert", "--tz: %s", err.text);
            return false;
        }
        f->has_zone = true;
    }
    if (w->time && !parse_time(w->time, f))
        return false;
    if (w->has_lat != w->has_lon) {
        cli_usage("convert", "--lat and --lon must be given together");
        return false;
    }
    if (w->has_lat) {
        f->has_position = true;
        f->lat_deg = w->lat;
        f->lon_deg = w->lon;
    }
    return true;
}

/* Seconds, or mm:ss, or hh:mm:ss, with a fraction. */
static bool add_still(const char *text, struct convert_options *o)
{
    double s = 0;
    const char *p = text;
    for (int part = 0; part < 3; part++) {
        char *end;
        double v = strtod(p, &end);
        if (end == p || !isfinite(v) || v < 0 || v > 1e6)
            break;
        s = s * 60 + v;
        if (*end == '\0' && o->n_moments < CONVERT_MOMENTS_MAX) {
            o->moment_us[o->n_moments++] = llround(s * 1e6);
            o->copies |= COPY_MOMENT;
            return true;
        }
        if (*end != ':')
            break;
        p = end + 1;
    }
    cli_usage("convert", "--still %s: expected seconds or mm:ss, at most %d times", text,
              CONVERT_MOMENTS_MAX);
    return false;
}

static bool add_mask(const char *text, struct convert_options *o)
{
    struct err err;
    if (o->n_masks == CONVERT_MASKS_MAX)
        cli_usage("convert", "--mask: at most %d allowed", CONVERT_MASKS_MAX);
    else if (convert_mask_parse(text, &o->mask[o->n_masks], &err) < 0)
        cli_usage("convert", "--mask: %s", err.text);
    else
        return ++o->n_masks > 0;
    return false;
}

/* Copies an option's text; false, with a message, if it is too long. */
static bool take(const char *option, const char *text, char *out, size_t room)
{
    if (strlen(text) < room) {
        snprintf(out, room, "%s", text);
        return true;
    }
    cli_usage("convert", "%s: value is longer than %zu bytes", option, room - 1);
    return false;
}

/* One of the words of a setting, which says what is allowed. */
static bool set(struct cli *cli, const char *key, const char *text)
{
    struct err err;
    if (cfg_set(cli->cfg, convert_cfg_section.name, key, text, "command line", &err) == ERR_OK)
        return true;
    cli_usage("convert", "%s", err.text);
    return false;
}

enum { /* options without a letter */
       O_COPIES = 256,
       O_FPS,
       O_TIME,
       O_TZ,
       O_LAT,
       O_LON,
       O_META,
       O_FORCE,
       O_CHECK,
       O_JOBS,
       O_TRACK,
       O_PARAMS,
       O_SOUND,
       O_ENCODER,
       O_STILL,
       O_TEMPLATE,
       O_POSITION,
       O_SIZE,
       O_UNITS,
       O_NO_BOX,
       O_NOTE,
       O_MASK,
       O_NO_SOUND,
};

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"copies", required_argument, NULL, O_COPIES},
    {"fps", required_argument, NULL, O_FPS},
    {"time", required_argument, NULL, O_TIME},
    {"tz", required_argument, NULL, O_TZ},
    {"lat", required_argument, NULL, O_LAT},
    {"lon", required_argument, NULL, O_LON},
    {"meta", required_argument, NULL, O_META},
    {"force", no_argument, NULL, O_FORCE},
    {"check", no_argument, NULL, O_CHECK},
    {"jobs", required_argument, NULL, O_JOBS},
    {"track", required_argument, NULL, O_TRACK},
    {"params-from", required_argument, NULL, O_PARAMS},
    {"sound", required_argument, NULL, O_SOUND},
    {"encoder", required_argument, NULL, O_ENCODER},
    {"still", required_argument, NULL, O_STILL},
    {"osd-template", required_argument, NULL, O_TEMPLATE},
    {"osd-position", required_argument, NULL, O_POSITION},
    {"osd-size", required_argument, NULL, O_SIZE},
    {"osd-units", required_argument, NULL, O_UNITS},
    {"osd-no-box", no_argument, NULL, O_NO_BOX},
    {"note", required_argument, NULL, O_NOTE},
    {"mask", required_argument, NULL, O_MASK},
    {"redact-sound", no_argument, NULL, O_NO_SOUND},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* First pass: what is also a setting, so that the settings' own checks and words hold. */
static int read_settings(struct cli *cli, int argc, char **argv)
{
    static const struct {
        int option;
        const char *key;
    } keys[] = {{O_COPIES, "copies"},   {O_CHECK, "check"},           {O_SOUND, "sound"},
                {O_ENCODER, "encoder"}, {O_TEMPLATE, "osd_template"}, {O_POSITION, "osd_position"},
                {O_SIZE, "osd_size"},   {O_UNITS, "osd_units"},       {O_NO_BOX, "osd_box"},
                {O_NOTE, "note"}};
    for (int o; (o = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        if (o == 'h' || o == '?' || o == ':')
            return cli_option(o, argv, help) == CLI_OK ? -1 : CLI_USAGE;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            const char *text = o == O_CHECK ? "yes" : o == O_NO_BOX ? "no" : optarg;
            if (keys[i].option == o && !set(cli, keys[i].key, text))
                return CLI_USAGE;
        }
    }
    return CLI_OK;
}

static bool read_one(int o, struct wish *w, struct convert_request *r)
{
    switch (o) {
    case 'o':
        r->out_dir = optarg;
        return true;
    case O_FPS:
        return cli_number("convert", "--fps", optarg, 0.1, 240, &r->options.media.fps);
    case O_TIME:
        w->time = optarg;
        return true;
    case O_TZ:
        w->tz = optarg;
        return true;
    case O_LAT:
        return w->has_lat = cli_number("convert", "--lat", optarg, -90, 90, &w->lat);
    case O_LON:
        return w->has_lon = cli_number("convert", "--lon", optarg, -180, 180, &w->lon);
    case O_META:
        w->meta = optarg;
        return true;
    case O_FORCE:
        r->options.overwrite = true;
        return true;
    case O_JOBS:
        return cli_number("convert", "--jobs", optarg, 1, 256, &r->jobs);
    case O_TRACK:
        return take("--track", optarg, r->options.track_path, sizeof r->options.track_path);
    case O_PARAMS:
        return take("--params-from", optarg, r->options.media.params_from,
                    sizeof r->options.media.params_from);
    case O_STILL:
        return add_still(optarg, &r->options);
    case O_MASK:
        return add_mask(optarg, &r->options);
    case O_NO_SOUND:
        return r->options.no_sound = true;
    case O_COPIES:
        return w->copies = true; /* also a setting */
    default:
        return true; /* a setting */
    }
}

int convert_request_parse(struct cli *cli, int argc, char **argv, struct convert_request *out)
{
    struct wish w = {0};
    *out = (struct convert_request){0};
    int rc = read_settings(cli, argc, argv);
    if (rc != CLI_OK)
        return rc;
    convert_options_from_cfg(cli->cfg, &out->options);
    optind = 0;
    for (int o; (o = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;)
        if (!read_one(o, &w, out))
            return CLI_USAGE;
    if (optind == argc)
        return cli_usage("convert", "no input: give at least one file or folder");
    if ((out->options.n_masks > 0 || out->options.no_sound) && !w.copies)
        out->options.copies = (out->options.copies & COPY_MOMENT) | COPY_VIEWING;
    out->path = argv + optind;
    out->n_paths = (size_t)(argc - optind);
    out->of_one_clip = w.time || w.meta;
    return apply(&w, &out->facts) ? CLI_OK : CLI_USAGE;
}

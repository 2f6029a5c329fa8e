/* convert: files or folders, without a ROOT. */
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "dashspool/wire.h"
#include "inputs.h"
#include "progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: dashspool convert PATH… [-o DIR] [--copies working,viewing] [--fps R] [--time T]\n"
    "                         [--tz ±hh:mm] [--lat D --lon D] [--meta FILE] [--force]\n"
    "\n"
    "Converts downloaded footage (.h265 of a camera, PTMF or plain; photos) into MP4 and JPEG "
    "with\n"
    "clock and position. A folder is searched for footage. Copies go beside the input:\n"
    "\n"
    "  clip.working.mp4           the same coded pictures, true times\n"
    "  clip.viewing-DERIVED.mp4   for any player, clock and position burned in\n"
    "  clip.still-DERIVED.jpg     of a photo\n"
    "\n"
    "  -o, --output DIR   write here instead; folders keep their structure\n"
    "  --copies LIST      working, viewing or both (default both)\n"
    "  --fps R            pictures a second, where the file and the metadata do not tell\n"
    "  --time T           when the clip begins, 2024-11-29T09:23:45+02:00\n"
    "  --tz ±hh:mm        time zone of the clock in the picture\n"
    "  --lat D --lon D    position, degrees WGS 84\n"
    "  --meta FILE        metadata response of the camera, as received\n"
    "  --force            replace copies that are there\n"
    "\n"
    "example: dashspool convert downloads/ -o mp4/ --tz +02:00\n";

struct job {
    struct convert_facts facts;
    struct convert_options options;
    const char *out_dir;
    int done, skipped, failed;
};

/* ---- options ---- */

static bool parse_copies(const char *text, unsigned *copies)
{
    *copies = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        if (n == 7 && strncmp(p, "working", n) == 0)
            *copies |= CONVERT_WORKING;
        else if (n == 7 && strncmp(p, "viewing", n) == 0)
            *copies |= CONVERT_VIEWING;
        else
            break;
        p += n;
        if (!*p)
            return true;
    }
    cli_usage("convert", "--copies %s: working, viewing or working,viewing", text);
    return false;
}

/* A time with "Z" says nothing of the zone in which the clip was taken; one with an offset does. */
static bool parse_time(const char *text, struct convert_facts *f)
{
    struct err err;
    int tz = f->has_zone ? f->tz_min : 0;
    if (clock_parse(text, tz, &f->start_utc_us, &tz, &err) < 0) {
        cli_usage("convert", "--time: %s", err.text);
        return false;
    }
    f->has_time = true;
    if (!f->has_zone && text[strlen(text) - 1] != 'Z' && strlen(text) > 19) {
        f->has_zone = true;
        f->tz_min = tz;
    }
    return true;
}

static void facts_of_meta(const struct wire_meta *m, struct convert_facts *f)
{
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        if (wire_slots[i].file_type == m->file_type)
            snprintf(f->camera, sizeof f->camera, "%s", wire_slots[i].camera);
    wire_trigger_name(m->trigger, f->trigger);
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
static bool read_meta(const char *path, struct convert_facts *f)
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
    double lat, lon, fps;
    bool has_lat, has_lon;
};

static bool apply(const struct wish *w, struct job *job)
{
    struct convert_facts *f = &job->facts;
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
        cli_usage("convert", "--lat and --lon go together");
        return false;
    }
    if (w->has_lat) {
        f->has_position = true;
        f->lat_deg = w->lat;
        f->lon_deg = w->lon;
    }
    job->options.fps = w->fps;
    return true;
}

/* ---- work ---- */

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
    char size[24];
    printf("%s: ", in->path);
    if (r->container == CONVERT_JPEG)
        printf("photo, %dx%d", r->width_px, r->height_px);
    else
        printf("%lld pictures, %.2f s, timing: %s%s", (long long)r->pictures,
               (double)r->duration_us / 1e6, convert_source_name(r->timing.chosen),
               r->sound ? ", sound" : "");
    printf("\n");
    for (int i = 0; i < r->n_outputs; i++)
        printf("  %-8s %s (%s)\n", convert_copy_name(r->output[i].kind), r->output[i].path,
               cli_size(r->output[i].length_bytes, size));
    if (r->warning[0])
        printf("  note     %s\n", r->warning);
    fflush(stdout);
}

static void convert_one(struct job *job, const struct input *in, struct shown *shown)
{
    struct convert_result result;
    struct err err;
    char *dir = NULL;
    bool nested = job->out_dir && strcmp(in->below, ".") != 0;
    int rc = nested ? fsx_path(&dir, &err, "%s/%s", job->out_dir, in->below)
                    : fsx_path(&dir, &err, "%s", job->out_dir ? job->out_dir : in->dir);
    if (rc == ERR_OK && job->out_dir)
        rc = fsx_mkdirs(dir, &err);
    if (rc == ERR_OK)
        rc = convert_file(in->path, dir, in->stem, &job->facts, &job->options, on_progress, shown,
                          &result, &err);
    progress_clear(shown->progress);
    if (rc == ERR_OK) {
        job->done++;
        say_result(in, &result);
    } else if (rc == ERR_BUSY) {
        job->skipped++;
        printf("skipped: %s (--force replaces it)\n", err.text);
    } else {
        job->failed++;
        cli_fail("convert", &err); /* names the file */
    }
    free(dir);
}

static int convert_all(struct job *job, const struct inputs *inputs)
{
    struct progress progress;
    progress_begin(&progress);
    for (size_t i = 0; i < inputs->n; i++) {
        struct shown shown = {&progress, (int)i + 1, (int)inputs->n, inputs->item[i].path};
        on_progress(&shown, 0);
        convert_one(job, &inputs->item[i], &shown);
    }
    if (inputs->n > 1)
        fprintf(stderr, "%zu files: %d converted, %d skipped, %d failed\n", inputs->n, job->done,
                job->skipped, job->failed);
    return job->failed ? CLI_FAILED : CLI_OK;
}

static int parse(int argc, char **argv, struct wish *w, struct job *job)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"copies", required_argument, NULL, 'c'},
        {"fps", required_argument, NULL, 'p'},
        {"time", required_argument, NULL, 't'},
        {"tz", required_argument, NULL, 'z'},
        {"lat", required_argument, NULL, 'a'},
        {"lon", required_argument, NULL, 'n'},
        {"meta", required_argument, NULL, 'm'},
        {"force", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    for (int o; (o = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        bool good = true;
        if (o == 'o')
            job->out_dir = optarg;
        else if (o == 'c')
            good = parse_copies(optarg, &job->options.copies);
        else if (o == 'p')
            good = cli_number("convert", "--fps", optarg, 0.1, 240, &w->fps);
        else if (o == 't')
            w->time = optarg;
        else if (o == 'z')
            w->tz = optarg;
        else if (o == 'a')
            good = w->has_lat = cli_number("convert", "--lat", optarg, -90, 90, &w->lat);
        else if (o == 'n')
            good = w->has_lon = cli_number("convert", "--lon", optarg, -180, 180, &w->lon);
        else if (o == 'm')
            w->meta = optarg;
        else if (o == 'f')
            job->options.overwrite = true;
        else
            return cli_option(o, argv, help) == CLI_OK ? -1 : CLI_USAGE;
        if (!good)
            return CLI_USAGE;
    }
    if (optind == argc)
        return cli_usage("convert", "name a file or a folder");
    return CLI_OK;
}

int cli_convert(struct cli *cli, int argc, char **argv)
{
    struct job job = {0};
    struct wish w = {0};
    struct inputs inputs;
    convert_options_from_cfg(cli->cfg, &job.options);
    int rc = parse(argc, argv, &w, &job);
    if (rc != CLI_OK)
        return rc < 0 ? CLI_OK : rc;
    if (!apply(&w, &job))
        return CLI_USAGE;
    job.failed = inputs_collect(&inputs, argv + optind, (size_t)(argc - optind));
    if (inputs.n > 1 && (w.time || w.meta)) {
        inputs_free(&inputs);
        return cli_usage("convert", "--time and --meta are of one clip: name one file");
    }
    rc = convert_all(&job, &inputs);
    inputs_free(&inputs);
    return rc;
}

/* track: where a vehicle was while a clip was recorded, by its tracker's own records. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "terminal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct track_options {
    bool gpx, csv, geojson, json, trace;
};

static void print_point(const struct track_point *p)
{
    struct track_texts text;
    char at[CLOCK_TEXT_ROOM], course[32] = "", speed[32] = "";
    clock_rfc3339(p->utc_us, 3, at);
    if (isnan(p->lat_deg)) {
        printf("  %-24s  %s\n", at, track_state_name(TRACK_PRIVATE));
        return;
    }
    track_texts(p, &text);
    if (p->valid && text.speed_kmh[0])
        snprintf(speed, sizeof speed, "%s km/h", text.speed_kmh);
    if (p->valid && text.course_deg[0])
        snprintf(course, sizeof course, "%s°", text.course_deg);
    printf("  %-24s  %11s %12s  %9s  %*s  %10s%s\n", at, text.lat, text.lon, speed,
           course[0] ? 7 : 6, course, text.satellites,
           p->valid ? "" : "  no fix: last known position");
}

static int print_table(struct catalogue *c, const struct catalogue_transfer *t,
                       const struct track *track, struct err *err)
{
    struct catalogue_match m;
    char at[CLOCK_TEXT_ROOM];
    bool found = false;
    int rc = catalogue_match_get(c, t->key, &m, &found, err);
    if (rc < 0)
        return rc;
    printf("%s\n", t->id);
    if (found) {
        clock_rfc3339(m.time_ms * 1000, 3, at);
        printf("  event      %s by the tracker's record, %.3f s %s the camera's time of it\n", at,
               fabs((double)m.difference_ms / 1000), m.difference_ms < 0 ? "before" : "after");
    }
    printf("  source     %zu %s of tracker %s (decoder %d)\n", track->n,
           track->n == 1 ? "record" : "records", t->imei, AVL_DECODER_VERSION);
    printf("\n  %-24s  %11s %12s  %9s  %6s  %10s\n", "TIME", "LATITUDE", "LONGITUDE", "SPEED",
           "COURSE", "SATELLITES");
    for (size_t i = 0; i < track->n; i++)
        print_point(&track->point[i]);
    return ERR_OK;
}

static int print_file(const struct catalogue_transfer *t, const struct track *track,
                      enum track_format format, struct err *err)
{
    struct track_label label = {.id = t->id, .camera = t->camera, .source = "tracker"};
    struct buf out;
    label.has_time = journey_span(t, &label.utc_us, &(int64_t){0});
    buf_init(&out, TRACK_BYTES_MAX);
    int rc = track_write(track, &label, format, &out, err);
    if (rc == ERR_OK)
        rc = fsx_write_all(STDOUT_FILENO, buf_data(&out), out.used, err);
    buf_clear(&out);
    return rc;
}

/* Whose time is not known has none; its record's time is there for all. */
static int print_trace(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct buf trace;
    char record[CLOCK_TEXT_ROOM];
    buf_init(&trace, 8 * JOURNEY_BYTES_MAX);
    int rc = journey_trace(c, t, &trace, err);
    size_t n = trace.used / sizeof(struct journey_sample);
    if (rc == ERR_OK && n == 0)
        rc = err_set(err, ERR_NOTFOUND, "%s: its tracker's records have no crash trace", t->id);
    if (rc == ERR_OK)
        printf("record,time,x_mg,y_mg,z_mg\n");
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        const struct journey_sample *s =
            (const struct journey_sample *)(const void *)buf_data(&trace) + i;
        char time[CLOCK_TEXT_ROOM] = "";
        clock_rfc3339(s->record_us, 3, record);
        if (s->placed)
            clock_rfc3339(s->utc_us, 3, time);
        printf("%s,%s,%d,%d,%d\n", record, time, s->mg[0], s->mg[1], s->mg[2]);
    }
    buf_clear(&trace);
    return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct track_options *o = args->options;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct track *track = NULL;
    struct err err;
    if (o->gpx + o->csv + o->geojson + o->json + o->trace > 1)
        return cli_usage("track", "choose one of --gpx, --csv, --geojson, --json, --trace");
    int rc = cli_catalogue_open(cli, "track", &c);
    if (rc == CLI_OK && (rc = cli_shut_in(cli, "track", false)) == CLI_OK)
        rc = cli_transfer_get(c, "track", args->operand[0], &t);
    if (rc == CLI_OK && journey_track(c, &t, JOURNEY_AROUND_US, &track, &err) < 0)
        rc = cli_fail("track", &err);
    if (rc == CLI_OK && !track) {
        err_set(&err, ERR_NOTFOUND,
                "%s: no records of its tracker from that time; they come by 'dashspool telemetry', "
                "see docs/telemetry.md",
                t.id);
        rc = cli_fail("track", &err);
    }
    if (rc == CLI_OK) {
        int told = o->gpx       ? print_file(&t, track, TRACK_GPX, &err)
                   : o->csv     ? print_file(&t, track, TRACK_CSV, &err)
                   : o->geojson ? print_file(&t, track, TRACK_GEOJSON, &err)
                   : o->json    ? print_file(&t, track, TRACK_JSON, &err)
                   : o->trace   ? print_trace(c, &t, &err)
                                : print_table(c, &t, track, &err);
        rc = told < 0 ? cli_fail("track", &err) : CLI_OK;
    }
    track_free(&track);
    catalogue_close(&c);
    return rc;
}

#define AT(field) offsetof(struct track_options, field)
static const struct cli_option options[] = {
    {OPT_FLAG("gpx", gpx, "as GPX 1.1, for maps: positions that were measured")},
    {OPT_FLAG("geojson", geojson, "as GeoJSON (RFC 7946), likewise")},
    {OPT_FLAG("csv", csv, "as CSV: every record")},
    {OPT_FLAG("json", json, "as JSON: every record")},
    {OPT_FLAG("trace", trace,
              "the crash trace as CSV: acceleration in mG on the tracker's axes X, Y, Z; times are "
              "derived, to within 1 s")},
    {0}};

const struct cli_command cli_track = {
    .name = "track",
    .group = CLI_LOOK,
    .summary = "show where the vehicle was, by its tracker's records",
    .forms = "ID [--gpx | --geojson | --csv | --json | --trace]",
    .prose = "Show what the tracker's own records say of the time from 60 s before a clip to 60 s "
             "after it: position, speed, course. They are joined with the clip when they arrive; "
             "nothing is made up between them. What was recorded in private mode is not shown.",
    .options = options,
    .example = "dashspool track 352093081452251-front-video-20241129T072345Z --gpx > clip.gpx",
    .operand = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .operands_missing = "give exactly one ID",
    .room = sizeof(struct track_options),
    .run = run,
};

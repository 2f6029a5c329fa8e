/* simulate: a camera, played against a receiver. */
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/simulate.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: dashspool simulate --to HOST:PORT [--front FILE] [--rear FILE] [--photo-front FILE]\n"
    "                          [--photo-rear FILE] [--imei N] [--time T] [--tz +hh:mm] …\n"
    "\n"
    "Plays a DualCam that hands its files to a receiver: tests a server, a port, a firewall.\n"
    "\n"
    "  --to HOST:PORT      the receiver\n"
    "  --front FILE        video of the front camera; --rear, --photo-front, --photo-rear "
    "likewise\n"
    "  --imei N            15 digits (default 350000000000006)\n"
    "  --meta-version V    1 to 4; 0 plays old firmware without metadata (default 3)\n"
    "  --time T            start of the clip, 2024-11-29T07:23:45Z (default now)\n"
    "  --tz +hh:mm         the camera's time zone (default +00:00)\n"
    "  --lat D --lon D     position, degrees WGS 84 (default 0 0: no fix)\n"
    "  --trigger NAME      request, crash, din1, periodic … (default request)\n"
    "  --trigger-after S   trigger time, seconds after --time (version 4; default 0)\n"
    "  --fps N             frame rate of the metadata (default 20)\n"
    "  --length S          clip length of the metadata (default 10)\n"
    "  --timeout S         give up when the receiver is silent for so long (default 60)\n"
    "\n"
    "example: dashspool simulate --to 127.0.0.1:7160 --front clip.h265 --trigger crash\n";

enum {
    FILE_BYTES_MAX = 1 << 30,
    SLOT_REAR = 0,
    SLOT_FRONT = 1,
    SLOT_PHOTO_REAR = 2,
    SLOT_PHOTO_FRONT = 3
};

struct wish {
    const char *to, *file[WIRE_N_SLOTS];
    double imei, version, fps, length_s, timeout_s, lat, lon, trigger_after_s;
    int64_t time_us;
    int tz_min, trigger;
};

static bool set_option(struct wish *w, int o, const char *text)
{
    struct err err;
    switch (o) {
    case 'T':
        w->to = text;
        return true;
    case 'f':
        w->file[SLOT_FRONT] = text;
        return true;
    case 'r':
        w->file[SLOT_REAR] = text;
        return true;
    case 'F':
        w->file[SLOT_PHOTO_FRONT] = text;
        return true;
    case 'R':
        w->file[SLOT_PHOTO_REAR] = text;
        return true;
    case 'i':
        return cli_number("simulate", "--imei", text, 1e13, 1e15 - 1, &w->imei);
    case 'v':
        return cli_number("simulate", "--meta-version", text, 0, 4, &w->version);
    case 'p':
        return cli_number("simulate", "--fps", text, 0, 255, &w->fps);
    case 'l':
        return cli_number("simulate", "--length", text, 0, 65535, &w->length_s);
    case 'o':
        return cli_number("simulate", "--timeout", text, 1, 86400, &w->timeout_s);
    case 'a':
        return cli_number("simulate", "--lat", text, -90, 90, &w->lat);
    case 'n':
        return cli_number("simulate", "--lon", text, -180, 180, &w->lon);
    case 'A':
        return cli_number("simulate", "--trigger-after", text, -86400, 86400, &w->trigger_after_s);
    case 't':
        if (clock_parse(text, 0, &w->time_us, NULL, &err) == ERR_OK)
            return true;
        break;
    case 'z':
        if (clock_parse_zone(text, &w->tz_min, &err) == ERR_OK)
            return true;
        break;
    case 'g':
        w->trigger = wire_trigger_value(WIRE_KIND_DUALCAM, text);
        if (w->trigger >= 0)
            return true;
        err_set(&err, ERR_CONFIG,
                "--trigger %s: no such trigger; request, din1 to din4, crash, "
                "towing, idling, geofence, unplug, green-driving, periodic are",
                text);
        break;
    default:
        return false;
    }
    cli_usage("simulate", "%s", err.text);
    return false;
}

static struct wire_meta meta_of(const struct wish *w, bool video)
{
    return (struct wire_meta){
        .time_ms = (uint64_t)(w->time_us / 1000),
        .trigger = (uint8_t)w->trigger,
        .length_s = video ? (uint16_t)w->length_s : 0,
        .fps = video ? (uint8_t)w->fps : 0,
        .tz_min = (int16_t)w->tz_min,
        .lat_deg = w->lat,
        .lon_deg = w->lon,
        .trigger_time_ms = (uint64_t)(w->time_us / 1000 + llround(w->trigger_after_s * 1000)),
    };
}

static int play(const struct wish *w, const char *host, const char *port, struct buf *bytes,
                struct err *err)
{
    struct simulate_config config = {
        .imei = (uint64_t)w->imei, .protocol_id = 5, .meta_version = (int)w->version};
    struct simulate_camera *camera = NULL;
    int rc = ERR_OK;
    for (int i = 0; i < WIRE_N_SLOTS && rc == ERR_OK; i++) {
        if (!w->file[i])
            continue;
        rc = fsx_read_file(w->file[i], &bytes[i], err);
        config.file[i] = (struct simulate_file){buf_data(&bytes[i]), bytes[i].used,
                                                meta_of(w, i == SLOT_REAR || i == SLOT_FRONT)};
    }
    if (rc == ERR_OK)
        rc = simulate_camera_new(&camera, &config, err);
    int64_t began_us = clock_mono_us();
    if (rc == ERR_OK)
        rc = simulate_run(camera, host, port, (int)(w->timeout_s * 1000), err);
    if (rc == ERR_OK) {
        const struct simulate_stats *st = simulate_camera_stats(camera);
        char size[24];
        fprintf(stderr, "%d files, %s, acknowledged by %s:%s in %.2f s\n", st->files_sent,
                cli_size((int64_t)st->bytes, size), host, port,
                (double)(clock_mono_us() - began_us) / 1e6);
    }
    simulate_camera_free(&camera);
    return rc;
}

int cli_simulate(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 'T'},
        {"front", required_argument, NULL, 'f'},
        {"rear", required_argument, NULL, 'r'},
        {"photo-front", required_argument, NULL, 'F'},
        {"photo-rear", required_argument, NULL, 'R'},
        {"imei", required_argument, NULL, 'i'},
        {"meta-version", required_argument, NULL, 'v'},
        {"fps", required_argument, NULL, 'p'},
        {"length", required_argument, NULL, 'l'},
        {"time", required_argument, NULL, 't'},
        {"tz", required_argument, NULL, 'z'},
        {"lat", required_argument, NULL, 'a'},
        {"lon", required_argument, NULL, 'n'},
        {"trigger", required_argument, NULL, 'g'},
        {"trigger-after", required_argument, NULL, 'A'},
        {"timeout", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    (void)cli;
    struct wish w = {.imei = 350000000000006,
                     .version = 3,
                     .fps = 20,
                     .length_s = 10,
                     .timeout_s = 60,
                     .time_us = clock_utc_us()};
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'h' || o == '?' || o == ':')
            return cli_option(o, argv, help);
        if (!set_option(&w, o, optarg))
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("simulate", "'%s' is too much", argv[optind]);
    const char *colon = w.to ? strrchr(w.to, ':') : NULL;
    char host[256];
    if (!colon || colon == w.to || (size_t)(colon - w.to) >= sizeof host)
        return cli_usage("simulate", "--to HOST:PORT is needed");
    bool brackets = w.to[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - w.to) - (brackets ? 2 : 0), w.to + brackets);
    struct buf bytes[WIRE_N_SLOTS];
    struct err err;
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        buf_init(&bytes[i], FILE_BYTES_MAX);
    int rc = play(&w, host, colon + 1, bytes, &err);
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        buf_clear(&bytes[i]);
    return rc < 0 ? cli_fail("simulate", &err) : CLI_OK;
}

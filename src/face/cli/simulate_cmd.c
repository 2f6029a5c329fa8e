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
    "                          [--photo-rear FILE] [--dsm FILE] [--adas FILE] [--imei N] …\n"
    "\n"
    "Simulate a camera that uploads files to a receiver, to test a server, port or firewall.\n"
    "\n"
    "  --to HOST:PORT      the receiver\n"
    "  --tls               use TLS; without --tls-ca any server certificate is accepted\n"
    "  --tls-ca FILE       use TLS; the server certificate must be for HOST and signed by one\n"
    "                      of these CAs (PEM)\n"
    "  --tls-cert FILE --tls-key FILE\n"
    "                      use TLS with this client certificate and key (PEM)\n"
    "  --front FILE, --rear FILE\n"
    "                      video of that camera\n"
    "  --photo-front FILE, --photo-rear FILE\n"
    "                      photo of that camera\n"
    "  --dsm FILE          photo or video of a driver camera, uploaded by path\n"
    "  --adas FILE         photo or video of a road camera, uploaded by path\n"
    "  --protocol N        protocol ID (default 5); from 6, all files go by path with JSON "
    "metadata\n"
    "  --enhanced          files by path come as 000e frames, each with its offset\n"
    "  --imei N            15 digits (default 350000000000006)\n"
    "  --meta-version V    1 to 4; 0 simulates old firmware without metadata (default 3)\n"
    "  --time T            start of the clip, 2024-11-29T07:23:45Z (default now)\n"
    "  --tz +hh:mm         the camera's time zone (default +00:00)\n"
    "  --lat D --lon D     position, degrees WGS 84 (default 0 0: no fix)\n"
    "  --trigger NAME      request, crash, din1, periodic … (default request)\n"
    "  --trigger-after S   trigger time, seconds after --time (version 4; default 0)\n"
    "  --fps N             frame rate of the metadata (default 20)\n"
    "  --length S          clip length of the metadata (default 10)\n"
    "  --driver NAME       the driver camera's driver, 10 characters\n"
    "  --events N          detected driver events, a sum: 1 drowsiness, 2 distraction, 4 yawning,\n"
    "                      8 phone, 16 smoking, 32 absence, 64 mask, 128 seat belt, 256 G-sensor\n"
    "  --fault NAME[=N]    at frame N (default 1) of each file; may be repeated:\n"
    "                      crc, crc-always, drop, disconnect, silence, status, sync-twice;\n"
    "                      in-flight=N frames under way behind an error; without a number sync-0,\n"
    "                      start-twice, start-0, meta-13\n"
    "  --timeout S         give up when the receiver is silent for S seconds (default 60)\n"
    "\n"
    "example: dashspool simulate --to 127.0.0.1:7160 --front clip.h265 --trigger crash\n";

enum {
    FILE_BYTES_MAX = 1 << 30,
    SLOT_REAR = 0,
    SLOT_FRONT = 1,
    SLOT_PHOTO_REAR = 2,
    SLOT_PHOTO_FRONT = 3,
    DSM,
    ADAS,
    N_FILES,
};

/* The files that can be handed over; by path also those that have a slot. The vendor's test server
 * knows these words of a path. */
static const struct {
    enum wire_meta_kind kind;
    const char *folder;
} sources[N_FILES] = {
    [SLOT_REAR] = {WIRE_KIND_DUALCAM, "dualcam_rear"},
    [SLOT_FRONT] = {WIRE_KIND_DUALCAM, "dualcam_front"},
    [SLOT_PHOTO_REAR] = {WIRE_KIND_DUALCAM, "dualcam_rear"},
    [SLOT_PHOTO_FRONT] = {WIRE_KIND_DUALCAM, "dualcam_front"},
    [DSM] = {WIRE_KIND_DSM, "dsm"},
    [ADAS] = {WIRE_KIND_ADAS, "mdas9"},
};

struct wish {
    const char *to, *file[N_FILES], *trigger, *driver;
    double imei, version, fps, length_s, timeout_s, lat, lon, trigger_after_s, protocol, events;
    int64_t time_us;
    int tz_min;
    bool enhanced, over_tls;
    struct simulate_tls tls;
    struct simulate_fault fault[SIMULATE_FAULTS];
    int n_faults;
};

static bool add_fault(struct wish *w, const char *text)
{
    struct err err = {0};
    if (w->n_faults == SIMULATE_FAULTS)
        err_set(&err, ERR_LIMIT, "more than %d", SIMULATE_FAULTS);
    else if (simulate_fault_parse(text, &w->fault[w->n_faults], &err) == ERR_OK)
        return ++w->n_faults > 0;
    cli_usage("simulate", "--fault %s", err.text);
    return false;
}

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
        w->trigger = text;
        return true;
    case 'D':
        w->driver = text;
        return true;
    case 'e':
        return cli_number("simulate", "--events", text, 0, 65535, &w->events);
    case 'd':
        w->file[DSM] = text;
        return true;
    case 's':
        w->file[ADAS] = text;
        return true;
    case 'P':
        return cli_number("simulate", "--protocol", text, 1, 65535, &w->protocol);
    case 'E':
        w->enhanced = true;
        return true;
    case 'x':
        return add_fault(w, text);
    case 'S':
        return w->over_tls = true;
    case 'C':
        w->tls.ca = text;
        return w->over_tls = true;
    case 'c':
        w->tls.cert = text;
        return w->over_tls = true;
    case 'k':
        w->tls.key = text;
        return w->over_tls = true;
    default:
        return false;
    }
    cli_usage("simulate", "%s", err.text);
    return false;
}

/* Each kind of camera has its own list. */
static bool triggers_are_known(const struct wish *w)
{
    for (int i = 0; i < N_FILES; i++)
        if (w->file[i] && wire_trigger_value(sources[i].kind, w->trigger) < 0) {
            cli_usage("simulate",
                      "--trigger %s: not a trigger of the %s camera; all cameras know request, "
                      "din1, din2, crash, towing, idling, geofence, unplug, green-driving",
                      w->trigger, sources[i].folder);
            return false;
        }
    return true;
}

/* "dsm/picture/241129/072345.jpg": as a path was seen in the field. */
static void name_path(const struct wish *w, const char *file, const char *folder, char out[64])
{
    struct clock_civil t = clock_civil_from_utc(w->time_us, w->tz_min);
    const char *dot = strrchr(file, '.');
    char camera[8], kind[8];
    wire_path_words(file, strlen(file), NULL, camera, kind);
    bool photo = strcmp(kind, "photo") == 0;
    snprintf(out, 64, "%s/%s/%02d%02d%02d/%02d%02d%02d%.8s", folder, photo ? "picture" : "video",
             t.year % 100, t.month, t.day, t.hour, t.minute, t.second,
             dot && !strchr(dot, '/') ? dot : "");
}

static struct wire_meta meta_of(const struct wish *w, int source, bool video)
{
    struct wire_meta m = {
        .kind = sources[source].kind,
        .time_ms = (uint64_t)(w->time_us / 1000),
        .trigger = (uint8_t)wire_trigger_value(sources[source].kind, w->trigger),
        .file_type = video ? 0 : 1, /* of DSM and ADAS; a slot has its own */
        .length_s = video ? (uint16_t)w->length_s : 0,
        .fps = video ? (uint8_t)w->fps : 0,
        .tz_min = (int16_t)w->tz_min,
        .lat_deg = w->lat,
        .lon_deg = w->lon,
        .events = (uint16_t)w->events,
        .trigger_time_ms = (uint64_t)(w->time_us / 1000 + llround(w->trigger_after_s * 1000)),
    };
    snprintf(m.driver, sizeof m.driver, "%s", w->driver);
    return m;
}

static int load(const struct wish *w, struct buf *bytes, struct simulate_config *config,
                struct err *err)
{
    int rc = ERR_OK, n_by_path = 0;
    for (int i = 0; i < N_FILES && rc == ERR_OK; i++) {
        if (!w->file[i])
            continue;
        struct simulate_file f = {0};
        rc = fsx_read_file(w->file[i], &bytes[i], err);
        name_path(w, w->file[i], sources[i].folder, f.path);
        f.data = buf_data(&bytes[i]);
        f.n = bytes[i].used;
        f.meta = meta_of(w, i, i == SLOT_REAR || i == SLOT_FRONT || strstr(f.path, "/video/"));
        if (i < WIRE_N_SLOTS && w->protocol < WIRE_PROTOCOL_BY_PATH)
            config->file[i] = f;
        else
            config->by_path[n_by_path++] = f;
    }
    return rc;
}

static int play(const struct wish *w, const char *host, const char *port, struct buf *bytes,
                struct err *err)
{
    struct simulate_config config = {.imei = (uint64_t)w->imei,
                                     .protocol_id = (uint16_t)w->protocol,
                                     .meta_version = (int)w->version,
                                     .enhanced = w->enhanced,
                                     .n_faults = w->n_faults};
    memcpy(config.fault, w->fault, sizeof config.fault);
    struct simulate_camera *camera = NULL;
    int rc = load(w, bytes, &config, err);
    if (rc == ERR_OK)
        rc = simulate_camera_new(&camera, &config, err);
    int64_t began_us = clock_mono_us();
    if (rc == ERR_OK)
        rc = simulate_run(camera, host, port, w->over_tls ? &w->tls : NULL,
                          (int)(w->timeout_s * 1000), err);
    if (rc == ERR_OK) {
        const struct simulate_stats *st = simulate_camera_stats(camera);
        char size[24];
        fprintf(stderr, "files uploaded: %d, %s, acknowledged by %s:%s in %.2f s%s\n",
                st->files_sent, size_text((int64_t)st->bytes, size), host, port,
                (double)(clock_mono_us() - began_us) / 1e6,
                st->hung_up ? "; then disconnected, as requested with --fault" : "");
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
        {"dsm", required_argument, NULL, 'd'},
        {"adas", required_argument, NULL, 's'},
        {"protocol", required_argument, NULL, 'P'},
        {"enhanced", no_argument, NULL, 'E'},
        {"driver", required_argument, NULL, 'D'},
        {"events", required_argument, NULL, 'e'},
        {"fault", required_argument, NULL, 'x'},
        {"tls", no_argument, NULL, 'S'},
        {"tls-ca", required_argument, NULL, 'C'},
        {"tls-cert", required_argument, NULL, 'c'},
        {"tls-key", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    (void)cli;
    struct wish w = {.imei = 350000000000006,
                     .version = 3,
                     .fps = 20,
                     .length_s = 10,
                     .timeout_s = 60,
                     .protocol = 5,
                     .trigger = "request",
                     .driver = "",
                     .time_us = clock_utc_us()};
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'h' || o == '?' || o == ':')
            return cli_option(o, argv, help);
        if (!set_option(&w, o, optarg))
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("simulate", "unexpected argument '%s'", argv[optind]);
    if (!triggers_are_known(&w))
        return CLI_USAGE;
    if (!w.tls.cert != !w.tls.key)
        return cli_usage("simulate", "--tls-cert and --tls-key must be given together");
    const char *colon = w.to ? strrchr(w.to, ':') : NULL;
    char host[256];
    if (!colon || colon == w.to || (size_t)(colon - w.to) >= sizeof host)
        return cli_usage("simulate", "--to HOST:PORT is required");
    bool brackets = w.to[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - w.to) - (brackets ? 2 : 0), w.to + brackets);
    struct buf bytes[N_FILES];
    struct err err;
    for (int i = 0; i < N_FILES; i++)
        buf_init(&bytes[i], FILE_BYTES_MAX);
    int rc = play(&w, host, colon + 1, bytes, &err);
    for (int i = 0; i < N_FILES; i++)
        buf_clear(&bytes[i]);
    return rc < 0 ? cli_fail("simulate", &err) : CLI_OK;
}

/* simulate: a camera, played against a receiver. */
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/simulate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

struct faults {
    struct simulate_fault fault[SIMULATE_FAULTS];
    int n;
};

struct wish {
    const char *to, *file[N_FILES], *imei, *trigger, *driver, *tz;
    int version, fps, length_s, protocol, events;
    double timeout_s, lat, lon, trigger_after_s;
    int64_t time_us;
    int tz_min;
    bool enhanced, over_tls;
    struct dial_tls tls;
    struct faults faults;
};

static int add_fault(void *at, const char *text, struct err *err)
{
    struct faults *f = at;
    if (f->n == SIMULATE_FAULTS)
        return err_set(err, ERR_CONFIG, "at most %d allowed", SIMULATE_FAULTS);
    int rc = simulate_fault_parse(text, &f->fault[f->n], err);
    f->n += rc == ERR_OK;
    return rc;
}

static int set_imei(void *at, const char *text, struct err *err)
{
    size_t n = strlen(text);
    if ((n != 14 && n != 15) || strspn(text, "0123456789") != n)
        return err_set(err, ERR_CONFIG, "expected 14 or 15 digits");
    *(const char **)at = text;
    return ERR_OK;
}

#define AT(field) offsetof(struct wish, field)
static const struct cli_option options[] = {
    {OPT_TEXT("to", "HOST:PORT", to, "the receiver")},
    {OPT_FLAG("tls", over_tls, "use TLS; without --tls-ca any server certificate is accepted")},
    {OPT_TEXT(
        "tls-ca", "FILE", tls.ca,
        "use TLS; the server certificate must be for HOST and signed by one of these CAs (PEM)")},
    {OPT_TEXT("tls-cert", "FILE", tls.cert, "use TLS with this client certificate (PEM)")},
    {OPT_TEXT("tls-key", "FILE", tls.key, "key of the client certificate (PEM)")},
    {OPT_TEXT("front", "FILE", file[SLOT_FRONT], "video of the front camera")},
    {OPT_TEXT("rear", "FILE", file[SLOT_REAR], "video of the rear camera")},
    {OPT_TEXT("photo-front", "FILE", file[SLOT_PHOTO_FRONT], "photo of the front camera")},
    {OPT_TEXT("photo-rear", "FILE", file[SLOT_PHOTO_REAR], "photo of the rear camera")},
    {OPT_TEXT("dsm", "FILE", file[DSM], "photo or video of a driver camera, uploaded by path")},
    {OPT_TEXT("adas", "FILE", file[ADAS], "photo or video of a road camera, uploaded by path")},
    {OPT_INT("protocol", "N", protocol, 1, 65535,
             "protocol ID (default 5); from 6, all files go by path with JSON metadata")},
    {OPT_FLAG("enhanced", enhanced, "files by path come as 000e frames, each with its offset")},
    {CLI_SET, "imei", "N", "15 digits (default 350000000000006)", .offset = AT(imei),
     .set = set_imei},
    {OPT_INT("meta-version", "V", version, 0, 4,
             "1 to 4; 0 simulates old firmware without metadata (default 3)")},
    {CLI_TIME, "time", "T", "start of the clip, 2024-11-29T07:23:45Z (default now)",
     .offset = AT(time_us)},
    {OPT_TEXT("tz", "ZONE", tz,
              "the camera's time zone: +02:00, or a name such as Europe/Berlin (default +00:00)")},
    {OPT_NUMBER("lat", "D", lat, -90, 90,
                "latitude, degrees WGS 84 (default 0; with longitude 0: no fix)")},
    {OPT_NUMBER("lon", "D", lon, -180, 180, "longitude, degrees WGS 84 (default 0)")},
    {CLI_TEXT, "trigger", "NAME", "{}, as far as the camera knows it (default request)",
     .offset = AT(trigger), .words = wire_trigger_words},
    {OPT_NUMBER("trigger-after", "S", trigger_after_s, -86400, 86400,
                "trigger time, seconds after --time (version 4; default 0)")},
    {OPT_INT("fps", "N", fps, 0, 255, "frame rate of the metadata (default 20)")},
    {OPT_INT("length", "S", length_s, 0, 65535, "clip length of the metadata (default 10)")},
    {OPT_TEXT("driver", "NAME", driver, "the driver camera's driver, 10 characters")},
    {OPT_INT("events", "N", events, 0, 65535,
             "detected driver events, a sum: 1 drowsiness, 2 distraction, 4 yawning, 8 phone, "
             "16 smoking, 32 absence, 64 mask, 128 seat belt, 256 G-sensor")},
    {CLI_SET, "fault", "NAME[=N]",
     "at frame N (default 1) of each file; may be repeated: crc, crc-always, drop, disconnect, "
     "silence, status, sync-twice; in-flight=N frames under way behind an error; without a number "
     "sync-0, start-twice, start-0, meta-13",
     .offset = AT(faults), .set = add_fault},
    {OPT_NUMBER("timeout", "S", timeout_s, 1, 86400,
                "give up when the receiver is silent for S seconds (default 60)")},
    {0}};

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
        /* "dsm/picture/241129/072345.jpg": as a path was seen in the field. */
        struct clock_civil t = clock_civil_from_utc(w->time_us, w->tz_min);
        const char *dot = strrchr(w->file[i], '.');
        char camera[8], kind[8];
        wire_path_words(w->file[i], strlen(w->file[i]), NULL, camera, kind);
        bool photo = strcmp(kind, "photo") == 0;
        snprintf(f.path, 64, "%s/%s/%02d%02d%02d/%02d%02d%02d%.8s", sources[i].folder,
                 photo ? "picture" : "video", t.year % 100, t.month, t.day, t.hour, t.minute,
                 t.second, dot && !strchr(dot, '/') ? dot : "");
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
    struct simulate_config config = {.imei = strtoull(w->imei, NULL, 10),
                                     .protocol_id = (uint16_t)w->protocol,
                                     .meta_version = w->version,
                                     .enhanced = w->enhanced,
                                     .n_faults = w->faults.n};
    memcpy(config.fault, w->faults.fault, sizeof config.fault);
    struct simulate_camera *camera = NULL;
    int rc = load(w, bytes, &config, err);
    if (rc == ERR_OK)
        rc = simulate_camera_new(&camera, &config, err);
    int64_t began_us = clock_mono_us();
    if (rc == ERR_OK)
        rc = simulate_run(camera, host, port, w->over_tls ? &w->tls : NULL,
                          (int)(w->timeout_s * 1000), err);
    const struct simulate_stats *st = rc == ERR_OK ? simulate_camera_stats(camera) : NULL;
    bool offered = false;
    for (int i = 0; i < N_FILES; i++)
        offered = offered || w->file[i];
    if (st && st->files_sent == 0 && offered && w->faults.n == 0) /* a fault explains it itself */
        rc = err_set(
            err, ERR_IO,
            "%s:%s: the server closed the connection without taking anything (IMEI %s not on its "
            "allow-list, or a quota?); see its log",
            host, port, w->imei);
    if (rc == ERR_OK) {
        char size[24];
        fprintf(stderr, "files uploaded: %d, %s, acknowledged by %s:%s in %.2f s%s\n",
                st->files_sent, size_text((int64_t)st->bytes, size), host, port,
                (double)(clock_mono_us() - began_us) / 1e6,
                st->hung_up ? "; then disconnected, as requested with --fault" : "");
    }
    simulate_camera_free(&camera);
    return rc;
}

/* HOST:PORT or [HOST]:PORT. Returns the port in text, NULL: it is neither. */
static const char *split_address(const char *text, char *host, size_t room)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    if (!colon || colon == text || (size_t)(colon - text) >= room)
        return NULL;
    bool brackets = text[0] == '[' && colon[-1] == ']';
    snprintf(host, room, "%.*s", (int)(colon - text) - (brackets ? 2 : 0), text + brackets);
    return colon + 1;
}

static int read_zone(struct wish *w, struct err *err)
{
    struct clock_tz *zone = NULL;
    if (!w->tz || clock_parse_zone(w->tz, &w->tz_min, err) == ERR_OK)
        return ERR_OK;
    int rc = clock_tz_open(&zone, w->tz, err);
    if (rc == ERR_OK)
        w->tz_min = clock_tz_min(zone, w->time_us);
    clock_tz_free(&zone);
    return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    struct wish *w = args->options;
    char host[256];
    struct err err;
    (void)cli;
    const char *port = split_address(w->to, host, sizeof host);
    w->over_tls = w->over_tls || w->tls.ca || w->tls.cert || w->tls.key;
    w->time_us = cli_given(args, "time") ? w->time_us : clock_utc_us();
    if (!triggers_are_known(w))
        return CLI_USAGE;
    if (!w->tls.cert != !w->tls.key)
        return cli_usage("simulate", "--tls-cert and --tls-key must be given together");
    if (!port)
        return cli_usage("simulate", "--to HOST:PORT is required");
    if (read_zone(w, &err) < 0)
        return cli_usage("simulate", "--tz %s: %s", w->tz, err.text);
    struct buf bytes[N_FILES];
    for (int i = 0; i < N_FILES; i++)
        buf_init(&bytes[i], FILE_BYTES_MAX);
    int rc = play(w, host, port, bytes, &err);
    for (int i = 0; i < N_FILES; i++)
        buf_clear(&bytes[i]);
    return rc < 0 ? cli_fail("simulate", &err) : CLI_OK;
}

static const struct wish defaults = {.imei = "350000000000006",
                                     .version = 3,
                                     .fps = 20,
                                     .length_s = 10,
                                     .timeout_s = 60,
                                     .protocol = 5,
                                     .trigger = "request",
                                     .driver = ""};

const struct cli_command cli_simulate = {
    .name = "simulate",
    .group = CLI_TEST,
    .summary = "simulate a camera to test a receiver",
    .forms = "--to HOST:PORT [OPTION]…",
    .prose = "Simulate a camera that uploads files to a receiver, to test a server, port or "
             "firewall.",
    .options = options,
    .example = "dashspool simulate --to 127.0.0.1:7160 --front clip.h265 --trigger crash",
    .room = sizeof(struct wish),
    .defaults = &defaults,
    .user = CLI_AS_CALLER,
    .run = run,
};

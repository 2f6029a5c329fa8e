/* simulate: a camera, played against a receiver; or a tracker and its cameras (--avl). */
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/drive.h"
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

/* The tracker beside the camera. */
struct avl_wish {
    const char *server, *track_file, *codec; /* server NULL: none is played */
    int64_t time_us;                         /* of the first record */
    double for_s, period_s, ping_s, stay_s, wait_s, sleep_s, crash_s, trigger_s;
    int batch, front, rear; /* front, rear: their states, -1: by the files that there are */
    bool newest_first, over_tls;
    struct drive_span private_mode, off;
    struct drive_config drive; /* faults and refusals */
};

struct wish {
    struct avl_wish avl;
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

static int add_avl_fault(void *at, const char *text, struct err *err)
{
    struct drive_config *c = at;
    if (c->n_faults == DRIVE_FAULTS)
        return err_set(err, ERR_CONFIG, "at most %d allowed", DRIVE_FAULTS);
    int rc = drive_fault_parse(text, &c->fault[c->n_faults], err);
    c->n_faults += rc == ERR_OK;
    return rc;
}

#define REFUSALS                                                                           \
    "other-first captured temporary no-ignition no-camera not-there unconfigured invalid " \
    "failed unknown accepted"

static int add_refusal(void *at, const char *text, struct err *err)
{
    struct drive_config *c = at;
    char all[WORDS_TEXT_ROOM];
    if (!words_have(REFUSALS, text, strlen(text)))
        return err_set(err, ERR_CONFIG, "expected %s", words_text(REFUSALS, all));
    if (c->n_refuse == DRIVE_REFUSALS)
        return err_set(err, ERR_CONFIG, "at most %d allowed", DRIVE_REFUSALS);
    for (int i = 0; i < CAMREQ_N_CLASSES; i++)
        if (strcmp(camreq_class_name((enum camreq_class)i), text) == 0)
            c->refuse[c->n_refuse] = (enum camreq_class)i;
    c->n_refuse++;
    return ERR_OK;
}

/* "30-45" */
static int set_span(void *at, const char *text, struct err *err)
{
    char *middle = NULL, *end = NULL;
    long from = strtol(text, &middle, 10);
    long until = *middle == '-' ? strtol(middle + 1, &end, 10) : -1;
    if (middle == text || from < 0 || !end || *end || until <= from || until > 86400)
        return err_set(err, ERR_CONFIG, "expected seconds of the drive, 30-45");
    *(struct drive_span *)at =
        (struct drive_span){from * INT64_C(1000000), until * INT64_C(1000000)};
    return ERR_OK;
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
    {CLI_HEADING, .help = "a tracker, whose cameras hand over what it is asked for:"},
    {OPT_TEXT("avl", "HOST:PORT", avl.server,
              "the server of trackers; the files are given for requests only, to --to or where the "
              "request says")},
    {OPT_FLAG("avl-tls", avl.over_tls, "use TLS there, with --tls-ca, --tls-cert and --tls-key")},
    {OPT_TEXT("track", "FILE", avl.track_file,
              "where it goes: GPX, NMEA or CSV (default: it stands at --lat, --lon)")},
    {CLI_TIME, "avl-time", "T",
     "time of its first record (default: the track's own times, or now without a track)",
     .offset = AT(avl.time_us)},
    {OPT_NUMBER("avl-for", "S", avl.for_s, 0, 86400,
                "without a track: how long it stands there, seconds (default 10)")},
    {OPT_NUMBER("avl-period", "S", avl.period_s, 0.001, 86400,
                "a record each S seconds (default 1)")},
    {CLI_WORD, "avl-codec", "CODEC", "{} (default 8e)", .offset = AT(avl.codec),
     .words = "8 8e 16"},
    {OPT_INT("avl-batch", "N", avl.batch, 1, 255, "records of a frame, at most (default 10)")},
    {OPT_FLAG("avl-newest-first", avl.newest_first,
              "the newest records first, as trackers often do; else the oldest")},
    {OPT_NUMBER("avl-ping", "S", avl.ping_s, 0.1, 86400, "a ping after S silent seconds")},
    {OPT_NUMBER("avl-stay", "S", avl.stay_s, 0, 86400,
                "it stays connected for requests, S seconds after all is said (default 3)")},
    {OPT_NUMBER("avl-wait", "S", avl.wait_s, 0.1, 86400,
                "S seconds without an answer: it connects anew, and repeats (default 30)")},
    {OPT_NUMBER("avl-crash", "S", avl.crash_s, 0, 86400,
                "a crash (247), S seconds after the first record, and its trace (257)")},
    {OPT_NUMBER("avl-trigger", "S", avl.trigger_s, 0, 86400,
                "a record of the camera's trigger (499): that of --trigger, S seconds after the "
                "first record")},
    {CLI_SET, "avl-private", "FROM-UNTIL", "private mode (391) for these seconds of the drive",
     .offset = AT(avl.private_mode), .set = set_span},
    {CLI_SET, "avl-off", "FROM-UNTIL", "the ignition (239) is off for these seconds of the drive",
     .offset = AT(avl.off), .set = set_span},
    {OPT_INT("avl-front", "N", avl.front, 0, 4,
             "state of the front camera (498): 0 not there, 1 no card, 3 in order (default: 3 if "
             "there is a file of it)")},
    {OPT_INT("avl-rear", "N", avl.rear, 0, 4, "state of the rear camera (497)")},
    {CLI_SET, "avl-fault", "NAME[=N]",
     "at frame N (default 1); may be repeated: crc, crc-always, counts, ends, lost (its answer), "
     "twice, cut; sleep=N after each N frames; pieces=N of at most N bytes; without a number "
     "pings, lost-each, halves (of answers), mute, nack",
     .offset = AT(avl.drive), .set = add_avl_fault},
    {OPT_NUMBER("avl-sleep", "S", avl.sleep_s, 0, 86400,
                "how long it sleeps, with --avl-fault sleep (default 1)")},
    {CLI_SET, "avl-refuse", "CLASS",
     "refuse the next request so; may be repeated, for those behind it: {}",
     .offset = AT(avl.drive), .words = REFUSALS, .set = add_refusal},
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

/* ---- a tracker ---- */

struct avl_player {
    const struct wish *wish;
    const struct track *track; /* NULL: it stands */
    int64_t shift_us;          /* from the track's times to the drive's */
    struct buf *bytes;
};

static void say_line(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s\n", cli_shown(text));
}

static int source_of(const struct drive_upload *u)
{
    return u->camera == DRIVE_FRONT ? (u->photo ? SLOT_PHOTO_FRONT : SLOT_FRONT)
                                    : (u->photo ? SLOT_PHOTO_REAR : SLOT_REAR);
}

/* Where the vehicle was, so that the camera's metadata say the same as the tracker's records. */
static void locate(const struct avl_player *p, struct wish *w)
{
    struct track_point at;
    if (!p->track || track_at(p->track, w->time_us - p->shift_us, &at) != TRACK_HERE)
        return;
    w->lat = at.lat_deg;
    w->lon = at.lon_deg;
}

static int hand_over(void *arg, const struct drive_upload *upload, size_t n, struct err *err)
{
    const struct avl_player *p = arg;
    char host[256], port[8];
    struct wish asked = *p->wish;
    for (int i = 0; i < N_FILES; i++)
        asked.file[i] = NULL;
    asked.trigger = "request";
    asked.time_us = upload[0].time_s * INT64_C(1000000);
    locate(p, &asked);
    for (size_t i = 0; i < n; i++) {
        int source = source_of(&upload[i]);
        asked.file[source] = p->wish->file[source];
        buf_clear(&p->bytes[source]); /* of an earlier request */
        asked.length_s = upload[i].photo ? asked.length_s : upload[i].seconds;
    }
    const char *given = split_address(p->wish->to, host, sizeof host);
    if (upload[0].host[0]) {
        snprintf(host, sizeof host, "%s", upload[0].host);
        snprintf(port, sizeof port, "%d", upload[0].port);
    } else if (given) {
        snprintf(port, sizeof port, "%s", given);
    } else {
        return err_set(err, ERR_CONFIG, "neither the request nor --to says to which receiver");
    }
    return play(&asked, host, port, p->bytes, err);
}

static int64_t us_of(double s)
{
    return llround(s * 1e6);
}

static struct drive_config drive_of(const struct wish *w, const struct track *track)
{
    const struct avl_wish *a = &w->avl;
    struct drive_config c = drive_defaults();
    snprintf(c.imei, sizeof c.imei, "%s", w->imei);
    c.codec = strcmp(a->codec, "8") == 0    ? AVL_CODEC_8
              : strcmp(a->codec, "16") == 0 ? AVL_CODEC_16
                                            : AVL_CODEC_8E;
    c.track = track;
    c.lat_deg = w->lat;
    c.lon_deg = w->lon;
    c.length_us = us_of(a->for_s);
    c.begin_us = a->time_us;
    c.period_us = us_of(a->period_s);
    c.newest_first = a->newest_first;
    c.batch = a->batch;
    c.ping_us = us_of(a->ping_s);
    c.sleep_us = us_of(a->sleep_s);
    c.stay_us = us_of(a->stay_s);
    c.answer_us = us_of(a->wait_s);
    c.private_mode = a->private_mode;
    c.ignition_off = a->off;
    c.crash_us = a->crash_s < 0 ? DRIVE_NEVER : us_of(a->crash_s);
    c.trigger = a->trigger_s < 0 ? DRIVE_NEVER : wire_trigger_value(WIRE_KIND_DUALCAM, w->trigger);
    c.trigger_us = us_of(a->trigger_s);
    c.video[DRIVE_FRONT] = w->file[SLOT_FRONT] != NULL;
    c.video[DRIVE_REAR] = w->file[SLOT_REAR] != NULL;
    c.photo[DRIVE_FRONT] = w->file[SLOT_PHOTO_FRONT] != NULL;
    c.photo[DRIVE_REAR] = w->file[SLOT_PHOTO_REAR] != NULL;
    const int state[DRIVE_CAMERAS] = {[DRIVE_FRONT] = a->front, [DRIVE_REAR] = a->rear};
    for (int i = 0; i < DRIVE_CAMERAS; i++)
        c.camera[i] = (uint8_t)(state[i] >= 0 ? state[i] : c.video[i] || c.photo[i] ? 3 : 0);
    memcpy(c.fault, a->drive.fault, sizeof c.fault);
    c.n_faults = a->drive.n_faults;
    memcpy(c.refuse, a->drive.refuse, sizeof c.refuse);
    c.n_refuse = a->drive.n_refuse;
    return c;
}

static int play_tracker(const struct wish *w, const char *host, const char *port, struct buf *bytes,
                        struct err *err)
{
    const struct avl_wish *a = &w->avl;
    struct track *track = NULL;
    struct drive *drive = NULL;
    int64_t began_us = clock_mono_us();
    int rc = a->track_file ? track_load(&track, a->track_file, NULL, err) : ERR_OK;
    struct drive_config c = drive_of(w, track);
    char notes[TRACK_NOTES_ROOM];
    if (track && track_notes(track, notes)[0])
        fprintf(stderr, "%s: %s\n", cli_shown(a->track_file), cli_shown(notes));
    if (rc == ERR_OK)
        rc = drive_new(&drive, &c, err);
    if (rc == ERR_OK) {
        struct avl_player p = {.wish = w, .track = track, .bytes = bytes};
        p.shift_us = track && c.begin_us ? c.begin_us - track->point[0].utc_us : 0;
        const struct drive_where where = {.host = host,
                                          .port = port,
                                          .tls = a->over_tls ? &w->tls : NULL,
                                          .timeout_ms = (int)((w->timeout_s + a->sleep_s) * 1000),
                                          .upload = hand_over,
                                          .say = say_line,
                                          .arg = &p};
        rc = drive_run(drive, &where, err);
    }
    if (drive) {
        const struct drive_stats *st = drive_stats(drive);
        fprintf(stderr, "records acknowledged by %s:%s: %lld of %lld, in %.2f s\n", host, port,
                (long long)st->acknowledged, (long long)st->records,
                (double)(clock_mono_us() - began_us) / 1e6);
    }
    drive_free(&drive);
    track_free(&track);
    return rc;
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

/* What belongs together. */
static int check(struct wish *w, const struct cli_args *args)
{
    struct avl_wish *a = &w->avl;
    bool tls = w->tls.ca || w->tls.cert || w->tls.key;
    w->over_tls = w->over_tls || (tls && !a->server);
    w->time_us = cli_given(args, "time") ? w->time_us : clock_utc_us();
    if (!triggers_are_known(w))
        return CLI_USAGE;
    if (!w->tls.cert != !w->tls.key)
        return cli_usage("simulate", "--tls-cert and --tls-key must be given together");
    if (tls && !w->over_tls && !a->over_tls)
        return cli_usage("simulate", "with --avl, --tls or --avl-tls says where TLS is used");
    for (size_t i = 0; i < args->n_given && !a->server; i++) {
        const char *name = args->given[i].option->name;
        if (strncmp(name, "avl-", 4) == 0 || strcmp(name, "track") == 0)
            return cli_usage("simulate", "--%s goes with --avl HOST:PORT", name);
    }
    if (!a->server)
        return CLI_OK;
    if (strlen(w->imei) != 15)
        return cli_usage("simulate", "--imei: a tracker's IMEI has 15 digits");
    if (w->file[DSM] || w->file[ADAS])
        return cli_usage("simulate", "--avl plays the front and the rear camera only");
    if (w->faults.n)
        return cli_usage("simulate", "--fault goes without --avl; for the tracker: --avl-fault");
    if (a->trigger_s >= 0 && wire_trigger_value(WIRE_KIND_DUALCAM, w->trigger) < 0)
        return cli_usage("simulate", "--trigger %s: not a trigger of a front or rear camera",
                         w->trigger);
    if (!a->track_file && !a->time_us)
        a->time_us = clock_utc_us();
    return CLI_OK;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    struct wish *w = args->options;
    bool tracker = w->avl.server != NULL;
    char host[256];
    struct err err;
    (void)cli;
    int status = check(w, args);
    if (status != CLI_OK)
        return status;
    const char *port = split_address(tracker ? w->avl.server : w->to, host, sizeof host);
    if (!port)
        return cli_usage("simulate", "%s HOST:PORT is required", tracker ? "--avl" : "--to");
    if (read_zone(w, &err) < 0)
        return cli_usage("simulate", "--tz %s: %s", w->tz, err.text);
    struct buf bytes[N_FILES];
    for (int i = 0; i < N_FILES; i++)
        buf_init(&bytes[i], FILE_BYTES_MAX);
    int rc = tracker ? play_tracker(w, host, port, bytes, &err) : play(w, host, port, bytes, &err);
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
                                     .driver = "",
                                     .avl = {.codec = "8e",
                                             .for_s = 10,
                                             .period_s = 1,
                                             .stay_s = 3,
                                             .wait_s = 30,
                                             .sleep_s = 1,
                                             .crash_s = -1,
                                             .trigger_s = -1,
                                             .batch = 10,
                                             .front = -1,
                                             .rear = -1}};

const struct cli_command cli_simulate = {
    .name = "simulate",
    .group = CLI_TEST,
    .summary = "simulate a camera or a tracker, to test a server",
    .forms = "--to HOST:PORT [OPTION]…\n"
             "--avl HOST:PORT [--to HOST:PORT] [OPTION]…",
    .prose =
        "Simulate a camera that uploads files to a receiver, to test a server, port or "
        "firewall. With --avl, simulate a tracker: it sends its records to a server of trackers, "
        "and its cameras upload what they are asked for.",
    .options = options,
    .example = "dashspool simulate --to 127.0.0.1:7160 --front clip.h265 --trigger crash",
    .room = sizeof(struct wish),
    .defaults = &defaults,
    .user = CLI_AS_CALLER,
    .run = run,
};

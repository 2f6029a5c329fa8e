#include "support/report_facts.h"

#define CRASH_US INT64_C(1732865025250000) /* 2024-11-29T07:23:45.250Z */
#define MADE_US  INT64_C(1732957200000000) /* 2024-11-30T09:00:00Z */
#define LAKE_US  INT64_C(1732888800000000) /* 2024-11-29T14:00:00Z */
#define FRONT    "352093081452251-front-video-20241129T072345Z"
#define REAR     "352093081452251-rear-video-20241129T072345Z"
#define PHOTO    "352093089999993-driver-photo-20241129T140000Z"
#define DRIVER   "352093089999993-driver-video-20241129T140003Z"
#define HASH_1   "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
#define HASH_2   "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
#define HASH_3   "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"
#define HASH_4   "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce"
#define HASH_5   "4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"
#define TOOL     "dashspool 0.1.0, FFmpeg 5.1.6"

const uint8_t report_facts_dot[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x02, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xfe, 0x00, 0x10, 0x4c, 0x61, 0x76, 0x63, 0x35, 0x39, 0x2e, 0x33,
    0x37, 0x2e, 0x31, 0x30, 0x30, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x08, 0x04, 0x04, 0x04, 0x04,
    0x04, 0x05, 0x05, 0x05, 0x05, 0x05, 0x05, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06,
    0x06, 0x06, 0x06, 0x06, 0x07, 0x07, 0x07, 0x08, 0x08, 0x08, 0x07, 0x07, 0x07, 0x06, 0x06, 0x07,
    0x07, 0x08, 0x08, 0x08, 0x08, 0x09, 0x09, 0x09, 0x08, 0x08, 0x08, 0x08, 0x09, 0x09, 0x0a, 0x0a,
    0x0a, 0x0c, 0x0c, 0x0b, 0x0b, 0x0e, 0x0e, 0x0e, 0x11, 0x11, 0x14, 0xff, 0xc4, 0x00, 0x4a, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x08, 0x00, 0x08,
    0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x00, 0x03, 0x11, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01,
    0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x00, 0x0f, 0xff, 0xd9,
};
const size_t report_facts_dot_bytes = sizeof report_facts_dot;

#define AT(us)                                                                             \
    {                                                                                      \
        .known = true, .utc_us = (us), .has_zone = true, .tz_min = 120, .has_error = true, \
        .error_us = 1000000                                                                \
    }
#define AT_WITHOUT_ZONE(us)                                                   \
    {                                                                         \
        .known = true, .utc_us = (us), .has_error = true, .error_us = 2500000 \
    }

static const struct report_clock crash_clocks[] = {
    {.name = "The camera’s message about the event",
     .time = AT(CRASH_US),
     .chosen = true,
     .note = "it comes from the tracker’s satellite clock, rounded to the second"},
    {.name = "The camera’s own clock",
     .time = AT_WITHOUT_ZONE(CRASH_US + INT64_C(3723000000)),
     .disagrees = true,
     .note = "it is 1 hour and 2 minutes ahead; set by hand, once"},
    {.name = "The receiver’s clock, when the last byte came",
     .time = {.known = true, .utc_us = CRASH_US + INT64_C(95000000)},
     .note = "an upper bound: the recording cannot be later than that"},
    {.name = "Capture times in the file",
     .value = "19.97 frames per second",
     .chosen = true,
     .note = "each picture has its own time"},
    {.name = "The camera’s message about the rate",
     .value = "20 frames per second",
     .note = "agrees within 2 %"},
};

static const struct report_stretch rear_flaws[] = {
    {REPORT_MISSING, 1240000, 1720000, 12, "the numbers of the pictures leap from 31 to 44"},
    {REPORT_DAMAGED, 4200000, 5160000, 24,
     "bytes in the middle of a picture are broken; what follows is built upon it"},
    {REPORT_SILENCE, 1240000, 1720000, 0, "filled with silence, so that sound and pictures agree"},
    {REPORT_MISSING, 5600000, 5640000, 1, "the camera itself left it out"},
};

static const struct report_derived front_copies[] = {
    {.name = "media/" FRONT ".working.mp4",
     .purpose = "the same coded pictures, for analysis",
     .tool = TOOL,
     .settings = "pictures copied bit by bit, sound as AAC",
     .sha256 = HASH_3,
     .length_bytes = 2201154},
    {.name = "media/" FRONT ".viewing-DERIVED.mp4",
     .purpose = "for viewing in any player; clock and position drawn in",
     .tool = TOOL,
     .settings = "H.264, quality 21, sound as AAC",
     .sha256 = HASH_4,
     .length_bytes = 5310042},
    {.name = "media/" FRONT ".poster-DERIVED.jpg",
     .purpose = "the picture at the trigger",
     .tool = TOOL,
     .settings = "JPEG, quality 92",
     .input_sha256 = HASH_4,
     .sha256 = HASH_5,
     .length_bytes = 217190},
};
static const struct report_derived rear_copies[] = {
    {.name = "media/" REAR ".viewing-DERIVED.mp4",
     .purpose = "for viewing in any player; clock and position drawn in",
     .tool = TOOL,
     .settings = "H.264, quality 21; missing pictures are held under a card that says so",
     .sha256 = HASH_5,
     .length_bytes = 1310042},
};

static const char *const driver_unknown[] = {
    "Who drove: the camera does not tell.",
};

static struct report_clip clips[4];

static const struct report_clip crash_front = {
    .id = FRONT,
    .name = "originals/" FRONT ".h265",
    .camera = "front",
    .imei = "352093081452251",
    .vehicle = "van 17, ABC 123",
    .kind = REPORT_VIDEO,
    .start = AT(CRASH_US),
    .start_why = "the camera tells whole seconds only",
    .trigger = "crash",
    .has_trigger_time = true,
    .trigger_offset_us = 4750000,
    .duration_us = 10000000,
    .pictures = 200,
    .fps_milli = 19967,
    .rate_why = "capture times in the file",
    .width_px = 1280,
    .height_px = 720,
    .has_sound = true,
    .length_bytes = 2214880,
    .sha256 = HASH_1,
    .has_position = true,
    .lat_deg = 54.687157,
    .lon_deg = 25.279652,
    .position_why = "the tracker’s satellite receiver, at the trigger",
    .picture = {.what = "Front camera, 29 November 2024, at the trigger"},
    .clock = crash_clocks,
    .n_clocks = 5,
    .examined = true,
    .examined_why = "All 200 pictures were decoded, and their numbers compared.",
    .arrival = {.known = true,
                .peer = "198.51.100.23:40112",
                .encrypted = true,
                .began_us = CRASH_US + 60000000,
                .ended_us = CRASH_US + 95000000,
                .connections = 2,
                .packets = 2164,
                .bad_frames = 3,
                .resumed = 1,
                .bytes = 2217952},
    .derived = front_copies,
    .n_derived = 3,
};

static const struct report_clip crash_rear = {
    .id = REAR,
    .name = "originals/" REAR ".h265",
    .camera = "rear",
    .imei = "352093081452251",
    .vehicle = "van 17, ABC 123",
    .kind = REPORT_VIDEO,
    .start = AT(CRASH_US + 750000),
    .start_why = "the camera tells whole seconds only",
    .trigger = "crash",
    .has_trigger_time = true,
    .trigger_offset_us = 4000000,
    .duration_us = 6000000,
    .pictures = 137,
    .fps_milli = 25000,
    .rate_why = "capture times in the file",
    .width_px = 1280,
    .height_px = 720,
    .has_sound = true,
    .length_bytes = 569311,
    .sha256 = HASH_2,
    .has_position = true,
    .lat_deg = 54.687157,
    .lon_deg = 25.279652,
    .position_why = "the tracker’s satellite receiver, at the trigger",
    .picture = {.what = "Rear camera, 29 November 2024, at the trigger"},
    .clock = crash_clocks,
    .n_clocks = 3,
    .examined = true,
    .examined_why = "All 137 pictures were decoded, and their numbers compared.",
    .stretch = rear_flaws,
    .n_stretches = 4,
    .arrival = {.known = true,
                .peer = "198.51.100.23:40112",
                .encrypted = true,
                .began_us = CRASH_US + 95000000,
                .ended_us = CRASH_US + 104200000,
                .connections = 1,
                .packets = 556,
                .bytes = 569311},
    .derived = rear_copies,
    .n_derived = 1,
};

/* ---- the tracker's account of the crash ----
 *
 * One record a second, from 60 s before the front camera's film to 60 s after it: 63 km/h eastwards
 * up to the crash at 5 s, then braking. Nothing from 40 s to 20 s before; 3 s without a fix 20 s
 * behind its beginning; the last 10 s in private mode. 10 s of samples around the crash, 50 a
 * second. */

static struct track_point points[REPORT_FACTS_POINTS];
static struct report_sample samples[REPORT_FACTS_SAMPLES];

static size_t make_points(void)
{
    size_t n = 0;
    double lon = 25.279652 - 65 * 0.000272;
    for (int s = -60; s <= 70; s++) {
        double kmh = s < 5 ? 63 + (s % 3) : s < 9 ? 63 - 15 * (s - 4) : 0;
        lon += kmh / 3.6 / 64300;
        if (s > -40 && s < -20)
            continue;
        points[n] = (struct track_point){.utc_us = CRASH_US + s * INT64_C(1000000),
                                         .lat_deg = 54.687157 + (s < -20 ? 0.00004 * (-20 - s) : 0),
                                         .lon_deg = lon,
                                         .speed_ms = kmh / 3.6,
                                         .course_deg = 90,
                                         .altitude_m = 112,
                                         .satellites = 11,
                                         .valid = true};
        if (s >= 20 && s < 23)
            points[n].valid = false;
        if (s > 60)
            points[n] = (struct track_point)TRACK_POINT_NONE;
        points[n].utc_us = CRASH_US + s * INT64_C(1000000);
        points[n].valid = points[n].valid && s <= 60;
        n++;
    }
    return n;
}

static size_t make_samples(void)
{
    for (int i = 0; i < REPORT_FACTS_SAMPLES; i++) {
        int hit = i >= 255 && i < 270 ? 270 - i : 0, noise = i * 7919 % 61 - 30;
        samples[i] =
            (struct report_sample){CRASH_US + i * INT64_C(20000),
                                   {(int16_t)(-260 * hit + noise), (int16_t)(90 * hit - noise),
                                    (int16_t)(1000 + 2 * noise)},
                                   i == 0};
    }
    return REPORT_FACTS_SAMPLES;
}

static struct report_journey crash_account(void)
{
    return (struct report_journey){.known = true,
                                   .from_us = CRASH_US,
                                   .until_us = CRASH_US + 10000000,
                                   .records = 112,
                                   .unfixed = 3,
                                   .hidden = 10,
                                   .has_event = true,
                                   .event_us = CRASH_US + 5100000,
                                   .difference_us = 350000,
                                   .priority = "high",
                                   .event = "camera trigger (499): crash",
                                   .has_crash = true,
                                   .crash_us = CRASH_US + 5091000,
                                   .crash = "crash, not calibrated",
                                   .axes = REPORT_NOT_CALIBRATED,
                                   .point = points,
                                   .sample = samples,
                                   .n_points = make_points(),
                                   .n_samples = make_samples()};
}

static const struct report_clip photo = {
    .id = PHOTO,
    .name = "originals/" PHOTO ".jpg",
    .camera = "driver",
    .imei = "352093089999993",
    .kind = REPORT_PHOTO,
    .start = AT_WITHOUT_ZONE(LAKE_US),
    .start_why = "the file’s name",
    .length_bytes = 181222,
    .sha256 = HASH_3,
    .width_px = 1280,
    .height_px = 720,
    .position_why = "The camera’s message had none: no satellite was in sight.",
    .picture = {.what = "Driver camera, photo"},
    .examined = true,
    .examined_why = "The photo was decoded whole.",
    .arrival = {.how = "Brought in from the folder “downloads” by a person."},
};

static const struct report_clip driver = {
    .id = DRIVER,
    .camera = "driver",
    .imei = "352093089999993",
    .kind = REPORT_VIDEO,
    .start_why = "its name and its message contradict each other by nine years",
    .trigger = "panic button",
    .length_bytes = 65536,
    .has_position = true,
    .lat_deg = -16.5,
    .lon_deg = 179.9,
    .position_why = "a person’s word",
    .arrival = {.known = true,
                .peer = "198.51.100.77:1025",
                .began_us = LAKE_US,
                .ended_us = LAKE_US + 4000000,
                .connections = 3,
                .packets = 64,
                .bad_frames = 11,
                .resumed = 2,
                .bytes = 80000,
                .partial = true,
                .missing_bytes = 901120},
    .unknown = driver_unknown,
    .n_unknown = 1,
};

static const struct report_file files[] = {
    {"report.html", "this page"},
    {"media/" FRONT ".viewing-DERIVED.mp4", "the crash as the front camera saw it, for any player"},
    {"media/" REAR ".viewing-DERIVED.mp4", "the same from behind"},
    {"manifest.sha256", "the fingerprints of all files, to check them"},
};

static const struct report_check checks[] = {
    {"That no file has changed", "cd the-folder-of-this-package\nsha256sum -c manifest.sha256",
     "“OK” behind every name."},
    {"That the list of fingerprints is the one that was signed",
     "openssl cms -verify -binary -inform DER -in manifest.sha256.p7s \\\n"
     "    -content manifest.sha256 -CAfile fleet-ca.pem -out /dev/null",
     "“CMS Verification successful”."},
};

static const char *const more_limits[] = {
    "The rear camera’s film has gaps; what happened in them, it does not show.",
};

static struct report package;

struct report_clip *report_facts_clips(void)
{
    return clips;
}

struct report *report_facts(const struct report_picture *picture)
{
    clips[0] = crash_front;
    clips[1] = crash_rear;
    clips[2] = photo;
    clips[3] = driver;
    clips[0].journey = clips[1].journey = crash_account();
    clips[1].journey.from_us += 750000;
    clips[1].journey.until_us = clips[1].journey.from_us + 6000000;
    for (size_t i = 0; i < 3; i++) {
        clips[i].picture.jpeg = picture ? picture[i].jpeg : report_facts_dot;
        clips[i].picture.n_bytes = picture ? picture[i].n_bytes : report_facts_dot_bytes;
    }
    package = (struct report){
        .title = "Collision of van 17 in Vilnius, 29 November 2024",
        .reference = "Claim 2024-11-4711",
        .recipient = "Insurer & Sons",
        .author = "Fleet desk",
        .tool = "dashspool 0.1.0",
        .made = AT_WITHOUT_ZONE(MADE_US),
        .note = "Please look at the front camera’s film from its fourth second on.",
        .redacted = true,
        .redaction = "Faces and number plates of others are covered; the whole is with the fleet.",
        .file = files,
        .n_files = 4,
        .clip = clips,
        .n_clips = 4,
        .check = checks,
        .n_checks = 2,
        .limit = more_limits,
        .n_limits = 1,
    };
    package.made.has_error = false;
    return &package;
}

struct report *report_facts_hostile(const char *text)
{
    static struct report_clock clock;
    static struct report_stretch stretch;
    static struct report_derived derived;
    static struct report_file file;
    static struct report_check check;
    static const char *list[1];
    list[0] = text;
    clock = (struct report_clock){.name = text, .value = text, .note = text, .chosen = true};
    stretch = (struct report_stretch){REPORT_DAMAGED, 0, 100000, 1, text};
    derived = (struct report_derived){text, text, text, text, text, text, 1};
    file = (struct report_file){text, text};
    check = (struct report_check){text, text, text};
    struct report *r = report_facts(NULL);
    struct report_clip *c = report_facts_clips();
    c->id = c->name = c->camera = c->imei = c->vehicle = c->start_why = c->trigger = text;
    c->journey.priority = c->journey.event = c->journey.crash = text;
    c->rate_why = c->sha256 = c->position_why = c->picture.what = c->examined_why = text;
    c->clock = &clock;
    c->stretch = &stretch;
    c->derived = &derived;
    c->n_clocks = c->n_stretches = c->n_derived = c->n_unknown = 1;
    c->unknown = list;
    c->arrival.how = c->arrival.peer = text;
    r->title = r->reference = r->recipient = r->author = r->tool = r->note = r->redaction = text;
    r->file = &file;
    r->check = &check;
    r->limit = list;
    r->n_files = r->n_checks = r->n_limits = r->n_clips = 1;
    r->signature = (struct report_signature){true, text, text, true, text, 0};
    return r;
}

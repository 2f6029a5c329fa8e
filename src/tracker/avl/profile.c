#include "avl_internal.h"
#include <stdio.h>
#include <string.h>

/*
 * What ids mean, by family: docs/avl.md has where each is from. An id above about 20 means another
 * thing in another family, so nothing here is for all of them.
 */

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const off_on[] = {"off", "on", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const camera_states[] = {"not detected", "no card",     "card not mounted",
                                            "card mounted", "card faulty", NULL};
static const char *const crashes[] = {"",
                                      "crash, calibrated",
                                      "limited trace, not calibrated",
                                      "limited trace, calibrated",
                                      "full trace, not calibrated",
                                      "full trace, calibrated",
                                      "crash, not calibrated",
                                      NULL};
/* As wire_trigger_name() has them for DualCam. */
static const char *const triggers[] = {
    "server request", "DIN1",          "DIN2",     "crash", "towing", "idling", "geofence",
    "unplug",         "green driving", "periodic", "DIN3",  "DIN4",   NULL};
static const char *const green_driving[] = {"", "acceleration", "braking", "cornering", NULL};
static const char *const geofences[] = {"left", "entered", "no longer too fast", "too fast", NULL};
static const char *const lane_departures[] = {"none", "recognised", "event", "off", NULL};
static const char *const dsm_states[] = {
    "unknown", "ready", "no communication", "updating", "fetching a snapshot", "uploading", NULL};

enum { FMB = 1 << AVL_FMB, FMX6 = 1 << AVL_FMX6, ALL = FMB | FMX6 };

struct row {
    unsigned families;
    struct avl_profile p;
};

#define NUMBER(families, id, width, scale, name, unit)       \
    {                                                        \
        families,                                            \
        {                                                    \
            id, width, AVL_UNSIGNED, scale, name, unit, NULL \
        }                                                    \
    }
#define SIGNED(families, id, width, scale, name, unit)     \
    {                                                      \
        families,                                          \
        {                                                  \
            id, width, AVL_SIGNED, scale, name, unit, NULL \
        }                                                  \
    }
#define STATE(families, id, name, words)            \
    {                                               \
        families,                                   \
        {                                           \
            id, 1, AVL_UNSIGNED, 1, name, "", words \
        }                                           \
    }
#define OTHER(families, id, width, form, name) \
    {                                          \
        families,                              \
        {                                      \
            id, width, form, 1, name, "", NULL \
        }                                      \
    }

static const struct row rows[] = {
    STATE(ALL, 1, "digital input 1", off_on),
    STATE(ALL, 2, "digital input 2", off_on),
    STATE(ALL, 3, "digital input 3", off_on),
    STATE(FMX6, 4, "digital input 4", off_on),
    NUMBER(ALL, 9, 2, 0.001, "analogue input 1", "V"),
    NUMBER(ALL, 10, 2, 0.001, "analogue input 2", "V"),
    NUMBER(FMB, 16, 4, 1, "total odometer", "m"),
    NUMBER(FMX6, 16, 4, 1, "mileage by CAN", ""),
    SIGNED(FMB, 17, 2, 1, "axis X", "mG"),
    SIGNED(FMB, 18, 2, 1, "axis Y", "mG"),
    SIGNED(FMB, 19, 2, 1, "axis Z", "mG"),
    NUMBER(ALL, 21, 1, 1, "GSM signal (0 to 5)", ""),
    NUMBER(ALL, 24, 2, 1, "speed", "km/h"),
    NUMBER(ALL, 66, 2, 0.001, "external voltage", "V"),
    NUMBER(ALL, 67, 2, 0.001, "battery voltage", "V"),
    STATE(FMB, 69, "GNSS status", WORDS("off", "fix", "no fix", "sleep")),
    NUMBER(FMX6, 69, 0, 1, "driver 1 driving time", ""),
    STATE(FMX6, 71, "GNSS status",
          WORDS("off", "no antenna", "no fix", "fix", "sleep", "overcurrent")),
    NUMBER(FMB, 80, 1, 1, "data mode", ""),
    NUMBER(FMB, 113, 1, 1, "battery level", "%"),
    STATE(ALL, 155, "geofence zone 1", geofences),
    STATE(ALL, 156, "geofence zone 2", geofences),
    STATE(ALL, 157, "geofence zone 3", geofences),
    STATE(ALL, 158, "geofence zone 4", geofences),
    STATE(ALL, 159, "geofence zone 5", geofences),
    STATE(ALL, 175, "automatic geofence", WORDS("left", "entered")),
    STATE(FMB, 179, "digital output 1", off_on),
    NUMBER(ALL, 181, 2, 0.1, "PDOP", ""),
    NUMBER(ALL, 182, 2, 0.1, "HDOP", ""),
    NUMBER(ALL, 199, 4, 1, "trip odometer", "m"),
    STATE(FMB, 200, "sleep mode",
          WORDS("none", "GPS sleep", "deep sleep", "online deep sleep", "ultra deep sleep")),
    NUMBER(FMB, 236, 1, 1, "alarm", ""),
    SIGNED(FMX6, 236, 2, 1, "axis X", "mG"),
    SIGNED(FMX6, 237, 2, 1, "axis Y", "mG"),
    SIGNED(FMX6, 238, 2, 1, "axis Z", "mG"),
    STATE(ALL, AVL_ID_IGNITION, "ignition", off_on),
    STATE(ALL, AVL_ID_MOVEMENT, "movement", no_yes),
    NUMBER(ALL, 241, 4, 1, "operator (MCC and MNC)", ""),
    NUMBER(FMB, 243, 2, 1, "green driving: duration", "ms"),
    NUMBER(FMX6, 243, 0, 1, "idling", ""),
    NUMBER(FMX6, 244, 4, 1, "camera image generated", ""),
    NUMBER(FMB, 246, 1, 1, "towing", ""),
    STATE(ALL, AVL_ID_CRASH, "crash", crashes),
    NUMBER(FMB, 249, 1, 1, "GSM jamming", ""),
    NUMBER(FMB, 251, 1, 1, "idling", ""),
    NUMBER(FMX6, 251, 1, 1, "immobilizer", ""),
    STATE(FMB, AVL_ID_UNPLUG, "unplugged", no_yes),
    NUMBER(FMX6, 252, 1, 1, "authorized driving", ""),
    STATE(ALL, AVL_ID_GREEN_DRIVING, "green driving", green_driving),
    NUMBER(ALL, 254, 1, 0.01, "green driving: value (g; cornering by GNSS rad/s)", ""),
    OTHER(ALL, 256, 17, AVL_TEXT, "VIN"),
    OTHER(ALL, AVL_ID_CRASH_TRACE, 0, AVL_TRACE, "crash trace"),
    NUMBER(FMB, 303, 1, 1, "instant movement", ""),
    NUMBER(FMB, AVL_ID_CRASH_COUNTER, 1, 1, "crash event counter", ""),
    NUMBER(FMX6, 317, 1, 1, "Mobileye: speed available", ""),
    STATE(FMB, 318, "GNSS jamming", WORDS("none", "warning", "critical")),
    NUMBER(FMX6, 318, 1, 1, "Mobileye: speed", ""),
    OTHER(FMB, 385, 0, AVL_BYTES, "beacons"),
    STATE(ALL, AVL_ID_PRIVATE_MODE, "private mode", off_on),
    STATE(ALL, AVL_ID_CAMERA_REAR, "rear camera", camera_states),
    STATE(ALL, AVL_ID_CAMERA_FRONT, "front camera", camera_states),
    STATE(ALL, AVL_ID_CAMERA_TRIGGER, "camera trigger", triggers),
    NUMBER(FMB, 636, 4, 1, "LTE cell", ""),

    /* The road camera (ADAS) of FMx640. */
    NUMBER(FMX6, 600, 0, 1, "ADAS: speed", ""),
    NUMBER(FMX6, 601, 0, 1, "ADAS: left turn", ""),
    NUMBER(FMX6, 603, 0, 1, "ADAS: brake", ""),
    NUMBER(FMX6, 604, 0, 1, "ADAS: engine speed", ""),
    STATE(FMX6, 605, "ADAS: lane departure left", lane_departures),
    STATE(FMX6, 606, "ADAS: lane departure right", lane_departures),
    NUMBER(FMX6, 607, 0, 1, "ADAS: distance to the left lane", "cm"),
    NUMBER(FMX6, 608, 0, 1, "ADAS: distance to the right lane", "cm"),
    NUMBER(FMX6, 609, 0, 0.1, "ADAS: time to collision", "s"),
    NUMBER(FMX6, 610, 0, 1, "ADAS: SDA", ""),
    NUMBER(FMX6, 611, 0, 1, "ADAS: FVSA", ""),
    NUMBER(FMX6, 612, 0, 1, "ADAS: FPW", ""),
    NUMBER(FMX6, 613, 0, 1, "ADAS: FCW", ""),
    NUMBER(FMX6, 614, 0, 1, "ADAS: PCW", ""),
    NUMBER(FMX6, 615, 0, 1, "ADAS: recording", ""),
    STATE(FMX6, 616, "ADAS: error", WORDS("", "low visibility", "blocked")),
    NUMBER(FMX6, 617, 0, 1, "ADAS: distance ahead", ""),
    NUMBER(FMX6, 618, 0, 1, "ADAS: speed ahead", ""),
    NUMBER(FMX6, 619, 0, 1, "ADAS: sign recognition 1", ""),
    NUMBER(FMX6, 620, 0, 1, "ADAS: sign recognition 2", ""),
    NUMBER(FMX6, 621, 0, 1, "ADAS: sign recognition 3", ""),
    NUMBER(FMX6, 665, 0, 1, "ADAS: card", ""),
    NUMBER(FMX6, 666, 0, 1, "ADAS: camera state", ""),
    OTHER(FMX6, 667, 16, AVL_BYTES, "ADAS: record data"),

    /* The driver camera (DSM) on COM1. */
    STATE(ALL, 11700, "DSM: drowsiness", no_yes),
    STATE(ALL, 11701, "DSM: distraction", no_yes),
    STATE(ALL, 11702, "DSM: yawning", no_yes),
    STATE(ALL, 11703, "DSM: phone", no_yes),
    STATE(ALL, 11704, "DSM: smoking", no_yes),
    STATE(ALL, 11705, "DSM: driver absent", no_yes),
    STATE(ALL, 11706, "DSM: mask", no_yes),
    NUMBER(ALL, 11707, 0, 1, "DSM: G-sensor", ""),
    OTHER(ALL, 11708, 10, AVL_TEXT, "DSM: driver"),
    NUMBER(ALL, 11709, 0, 1, "DSM: recording", ""),
    NUMBER(ALL, 11710, 0, 1, "DSM: GPS status", ""),
    NUMBER(ALL, 11711, 0, 1, "DSM: speed", ""),
    NUMBER(ALL, 11712, 0, 1, "DSM: errors (1 camera, 2 GPS, 4 CAN, 16 blocked)", ""),
    NUMBER(ALL, 11713, 0, 1, "DSM: seat belt", ""),
    STATE(ALL, 11714, "DSM: state", dsm_states),

    /* DualCam and DashCam of FMx650. */
    STATE(FMX6, 12301, "front camera, COM1", camera_states),
    STATE(FMX6, 12302, "rear camera, COM1", camera_states),
    NUMBER(FMX6, 12303, 0, 1, "DashCam, COM1", ""),
    STATE(FMX6, 12304, "front camera, COM2", camera_states),
    STATE(FMX6, 12305, "rear camera, COM2", camera_states),
    NUMBER(FMX6, 12306, 0, 1, "DashCam, COM2", ""),

    /* The driver camera on COM2 of FMx650. */
    STATE(FMX6, 12923, "DSM, COM2: drowsiness", no_yes),
    STATE(FMX6, 12924, "DSM, COM2: distraction", no_yes),
    STATE(FMX6, 12925, "DSM, COM2: yawning", no_yes),
    STATE(FMX6, 12926, "DSM, COM2: phone", no_yes),
    STATE(FMX6, 12927, "DSM, COM2: smoking", no_yes),
    STATE(FMX6, 12928, "DSM, COM2: driver absent", no_yes),
    STATE(FMX6, 12929, "DSM, COM2: mask", no_yes), /* inferred */
    NUMBER(FMX6, 12930, 0, 1, "DSM, COM2: G-sensor", ""),
    OTHER(FMX6, 12931, 10, AVL_TEXT, "DSM, COM2: driver"),
    NUMBER(FMX6, 12932, 0, 1, "DSM, COM2: recording", ""),
    NUMBER(FMX6, 12933, 0, 1, "DSM, COM2: GPS status", ""),
    NUMBER(FMX6, 12934, 0, 1, "DSM, COM2: speed", ""),
    NUMBER(FMX6, 12935, 0, 1, "DSM, COM2: errors (1 camera, 2 GPS, 4 CAN, 16 blocked)", ""),
    NUMBER(FMX6, 12936, 0, 1, "DSM, COM2: seat belt", ""),
    STATE(FMX6, 12937, "DSM, COM2: state", dsm_states),
};

const struct avl_profile *avl_profile(enum avl_family family, uint16_t id)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].p.id == id && rows[i].families & 1U << family)
            return &rows[i].p;
    return NULL;
}

const char *avl_word(enum avl_family family, uint16_t id, uint64_t value)
{
    const struct avl_profile *p = avl_profile(family, id);
    const char *const *word = p ? p->words : NULL;
    for (; word && *word; word++, value--)
        if (value == 0)
            return **word ? *word : NULL;
    return NULL;
}

/* ---- families ---- */

static const char *const families[] = {[AVL_RAW] = "raw", [AVL_FMB] = "fmb", [AVL_FMX6] = "fmx6"};

const char *avl_family_name(enum avl_family family)
{
    return families[family];
}

int avl_family_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof families / sizeof *families); i++)
        if (strcmp(families[i], name) == 0)
            return i;
    return -1;
}

/* The next item, "IMEI family"; false: there is none, or what stands there is none. */
static bool next_family(const char **at, const char **imei, int *family)
{
    char word[8];
    const char *p = *at + strspn(*at, " ,");
    size_t digits = strspn(p, "0123456789");
    const char *name = p + digits + strspn(p + digits, " ");
    size_t n = strcspn(name, " ,");
    *at = p;
    if (digits != 15 || name == p + digits || n == 0 || n >= sizeof word)
        return false;
    snprintf(word, sizeof word, "%.*s", (int)n, name);
    *imei = p;
    *family = avl_family_of(word);
    if (*family < 0)
        return false;
    *at = name + n;
    return true;
}

enum avl_family avl_families_find(const char *list, const char *imei, enum avl_family otherwise)
{
    const char *item;
    int family;
    while (next_family(&list, &item, &family))
        if (strncmp(item, imei, 15) == 0 && imei[15] == '\0')
            return (enum avl_family)family;
    return otherwise;
}

int avl_families_check(const char *list, struct err *err)
{
    const char *item;
    int family;
    while (next_family(&list, &item, &family))
        ;
    return *list ? err_set(err, ERR_CONFIG,
                           "expected IMEIs of 15 digits, each with fmb, fmx6 or raw behind it, "
                           "comma-separated; not '%.40s'",
                           list)
                 : ERR_OK;
}

/* Width 0: any. What both families may send in that width is no sign. */
static const struct sign {
    uint16_t first, last;
    uint16_t width;
    unsigned sign;
} signs[] = {
    {69, 69, 1, AVL_SIGN_FMB},        /* GNSS status; there a driving time, more than a byte */
    {236, 236, 1, AVL_SIGN_FMB},      /* alarm; there an axis */
    {71, 71, 1, AVL_SIGN_FMX6},       /* GNSS status */
    {236, 236, 2, AVL_SIGN_FMX6},     /* axes; there an alarm and others, of other widths */
    {237, 238, 2, AVL_SIGN_FMX6},     /* … */
    {244, 244, 4, AVL_SIGN_FMX6},     /* camera image */
    {12301, 12306, 0, AVL_SIGN_FMX6}, /* two COM ports with a camera each */
    {12923, 12937, 0, AVL_SIGN_FMX6}, /* … */
    {113, 113, 1, AVL_SIGN_FMB_WEAK}, /* battery level */
    {200, 200, 1, AVL_SIGN_FMB_WEAK}, /* sleep mode */
    {497, 499, 1, AVL_SIGN_FMB_WEAK}, /* DualCam; FMx650 has 12301 and so on */
};

unsigned avl_signs(const struct avl_record *record)
{
    unsigned seen = 0;
    struct avl_ios walk = avl_record_ios(record);
    struct avl_io io;
    while (avl_ios_next(&walk, &io))
        for (const struct sign *s = signs; s < signs + sizeof signs / sizeof *signs; s++)
            if (io.id >= s->first && io.id <= s->last && (s->width == 0 || s->width == io.width))
                seen |= s->sign;
    return seen;
}

enum avl_family avl_signs_family(unsigned seen)
{
    switch (seen & (AVL_SIGN_FMB | AVL_SIGN_FMX6)) {
    case AVL_SIGN_FMB:
        return AVL_FMB;
    case AVL_SIGN_FMX6:
        return AVL_FMX6;
    case 0:
        return seen & AVL_SIGN_FMB_WEAK ? AVL_FMB : AVL_RAW;
    default: /* of both: they contradict each other */
        return AVL_RAW;
    }
}

/* ---- values ---- */

bool avl_io_number(enum avl_family family, const struct avl_io *io, double *out)
{
    const struct avl_profile *p = avl_profile(family, io->id);
    if (!p || io->width == 0 || io->width > 8 || (p->width > 0 && p->width != io->width))
        return false;
    if (p->form == AVL_SIGNED)
        *out = (double)avl_io_signed(io) * p->scale;
    else if (p->form == AVL_UNSIGNED)
        *out = (double)avl_io_unsigned(io) * p->scale;
    else
        return false;
    return true;
}

static const char *hex_text(const struct avl_io *io, char *out, size_t room)
{
    size_t shown = io->width, used = 0;
    if (2 * shown + 1 > room)
        shown = (room - 4) / 2;
    out[0] = '\0';
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(out + used, room - used, "%02x", io->bytes[i]);
    if (shown < io->width)
        snprintf(out + used, room - used, "...");
    return out;
}

const char *avl_io_text(enum avl_family family, const struct avl_io *io, char *out, size_t room)
{
    const struct avl_profile *p = avl_profile(family, io->id);
    double number;
    if (p && p->form == AVL_TEXT && (p->width == 0 || p->width == io->width))
        return avl_bytes_text(io->bytes, strnlen((const char *)io->bytes, io->width), out, room);
    if (!avl_io_number(family, io, &number))
        return hex_text(io, out, room);
    const char *word = avl_word(family, io->id, avl_io_unsigned(io));
    int decimals = p->scale >= 1 ? 0 : p->scale >= 0.1 ? 1 : p->scale >= 0.01 ? 2 : 3;
    if (word)
        snprintf(out, room, "%s", word);
    else
        snprintf(out, room, "%.*f%s%s", decimals, number, *p->unit ? " " : "", p->unit);
    return out;
}

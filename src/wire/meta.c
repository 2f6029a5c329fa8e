#include "dashspool/reader.h"
#include "dashspool/wire.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>

/* Payload lengths of versions 1 to 4 (Teltonika's test server and field captures; v1, v2 and v4
 * from source code only). */
static const size_t version_bytes[] = {13, 14, 32, 40};

#define PLAUSIBLE_FROM_MS  INT64_C(1420070400000) /* 2015-01-01: older than any of these cameras */
#define PLAUSIBLE_AHEAD_MS INT64_C(86400000)      /* a clock may be a day fast, not more */
enum {
    FPS_MAX = 120,       /* the cameras say 1..30; 255 is "unset" */
    ZONE_MIN = -12 * 60, /* UTC-12 … UTC+14 are all zones that there are */
    ZONE_MAX = 14 * 60,
};

static bool time_is_plausible(uint64_t ms, int64_t now_utc_us)
{
    return ms >= PLAUSIBLE_FROM_MS && ms <= (uint64_t)(now_utc_us / 1000 + PLAUSIBLE_AHEAD_MS);
}

static bool position_is_plausible(double lat, double lon)
{
    /* Exactly 0/0 is what a tracker without a fix says. */
    return isfinite(lat) && isfinite(lon) && fabs(lat) <= 90 && fabs(lon) <= 180 &&
           !(fpclassify(lat) == FP_ZERO && fpclassify(lon) == FP_ZERO);
}

static void judge(struct wire_meta *m, int64_t now_utc_us)
{
    unsigned ok = m->present & (WIRE_META_TRIGGER | WIRE_META_LENGTH);
    if (m->present & WIRE_META_TIME && time_is_plausible(m->time_ms, now_utc_us))
        ok |= WIRE_META_TIME;
    if (m->present & WIRE_META_FPS && m->fps >= 1 && m->fps <= FPS_MAX)
        ok |= WIRE_META_FPS;
    if (m->present & WIRE_META_ZONE && m->tz_min >= ZONE_MIN && m->tz_min <= ZONE_MAX)
        ok |= WIRE_META_ZONE;
    if (m->present & WIRE_META_POSITION && position_is_plausible(m->lat_deg, m->lon_deg))
        ok |= WIRE_META_POSITION;
    if (m->present & WIRE_META_TRIGGER_TIME && time_is_plausible(m->trigger_time_ms, now_utc_us))
        ok |= WIRE_META_TRIGGER_TIME;
    m->plausible = ok;
}

int wire_meta_parse(const uint8_t *payload, size_t n, int64_t now_utc_us, struct wire_meta *out,
                    struct err *err)
{
    struct rd r = rd_init(payload, n);
    struct wire_meta m = {0};
    m.version = rd_u8(&r);
    m.file_type = rd_u8(&r);
    m.time_ms = rd_be64(&r);
    m.trigger = rd_u8(&r);
    m.length_s = rd_be16(&r);
    if (r.bad)
        return err_set(err, ERR_MALFORMED, "metadata of %zu bytes: at least %zu are needed", n,
                       version_bytes[0]);
    m.present = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH;
    if (n >= version_bytes[1]) {
        m.fps = rd_u8(&r);
        m.present |= WIRE_META_FPS;
    }
    if (n >= version_bytes[2]) {
        m.tz_min = (int16_t)rd_be16(&r);
        m.lat_deg = rd_be_double(&r);
        m.lon_deg = rd_be_double(&r);
        m.present |= WIRE_META_ZONE | WIRE_META_POSITION;
    }
    if (n >= version_bytes[3]) {
        m.trigger_time_ms = rd_be64(&r);
        m.present |= WIRE_META_TRIGGER_TIME;
    }
    m.tail_bytes = rd_left(&r);
    judge(&m, now_utc_us);
    *out = m;
    return ERR_OK;
}

static uint8_t *put_be(uint8_t *out, uint64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        out[i - 1] = (uint8_t)v;
    return out + n;
}

static uint8_t *put_double(uint8_t *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_be(out, bits, 8);
}

size_t wire_meta_put(uint8_t out[WIRE_META_V4_BYTES], const struct wire_meta *m, int version)
{
    assert(version >= 1 && version <= 4);
    uint8_t all[WIRE_META_V4_BYTES], *p = all;
    p = put_be(p, (uint64_t)version, 1);
    p = put_be(p, m->file_type, 1);
    p = put_be(p, m->time_ms, 8);
    p = put_be(p, m->trigger, 1);
    p = put_be(p, m->length_s, 2);
    p = put_be(p, m->fps, 1);
    p = put_be(p, (uint16_t)m->tz_min, 2);
    p = put_double(p, m->lat_deg);
    p = put_double(p, m->lon_deg);
    p = put_be(p, m->trigger_time_ms, 8);
    assert(p == all + sizeof all);
    size_t n = version_bytes[version - 1];
    memcpy(out, all, n);
    return n;
}

/* DualCam and DashCam (the list of AVL ID 499, and DIN3, DIN4 of later firmware). */
static const char *const trigger_names[] = {"request",       "din1",     "din2",     "crash",
                                            "towing",        "idling",   "geofence", "unplug",
                                            "green-driving", "periodic", "din3",     "din4"};

const char *wire_trigger_name(uint8_t trigger, char out[24])
{
    if (trigger < sizeof trigger_names / sizeof *trigger_names)
        snprintf(out, 24, "%s", trigger_names[trigger]);
    else
        snprintf(out, 24, "trigger-%u", trigger);
    return out;
}

int wire_trigger_value(const char *name)
{
    for (size_t i = 0; i < sizeof trigger_names / sizeof *trigger_names; i++)
        if (strcmp(name, trigger_names[i]) == 0)
            return (int)i;
    return -1;
}

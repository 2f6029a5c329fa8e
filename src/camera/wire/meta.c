#include "dashspool/reader.h"
#include "dashspool/text.h"
#include "meta_internal.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* Payload lengths of versions 1 to 4 (Teltonika's test server and field captures; v1, v2 and v4
 * from source code only). */
static const size_t version_bytes[] = {13, 14, 32, 40};

#define PLAUSIBLE_FROM_MS  INT64_C(1420070400000) /* 2015-01-01: older than any of these cameras */
#define PLAUSIBLE_AHEAD_MS INT64_C(86400000)      /* a clock may be a day fast, not more */
enum {
    FPS_MAX = 120,       /* the cameras say 1..30; 255 is "unset" */
    ZONE_MIN = -12 * 60, /* UTC-12 … UTC+14 are all zones that there are */
    ZONE_MAX = 14 * 60,
    DRIVER_BYTES = 10, /* of DSM metadata */
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

static bool driver_is_plausible(const char *name)
{
    uint32_t c = 0;
    size_t n = strlen(name), bytes = 0;
    bool good = n > 0;
    for (size_t i = 0; good && i < n; i += bytes)
        good = (bytes = utf8_next(name + i, n - i, &c)) > 0 && !text_hidden(c);
    return good;
}

static int dualcam_parse(struct rd *r, size_t n, struct wire_meta *m, struct err *err)
{
    m->version = rd_u8(r);
    m->file_type = rd_u8(r);
    m->time_ms = rd_be64(r);
    m->trigger = rd_u8(r);
    m->length_s = rd_be16(r);
    if (r->bad)
        return err_set(err, ERR_MALFORMED, "metadata of %zu bytes: at least %zu are needed", n,
                       version_bytes[0]);
    m->present = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_LENGTH;
    if (n >= version_bytes[1]) {
        m->fps = rd_u8(r);
        m->present |= WIRE_META_FPS;
    }
    if (n >= version_bytes[2]) {
        m->tz_min = (int16_t)rd_be16(r);
        m->lat_deg = rd_be_double(r);
        m->lon_deg = rd_be_double(r);
        m->present |= WIRE_META_ZONE | WIRE_META_POSITION;
    }
    if (n >= version_bytes[3]) {
        m->trigger_time_ms = rd_be64(r);
        m->present |= WIRE_META_TRIGGER_TIME;
    }
    return ERR_OK;
}

/* The two kinds that go by path begin alike. */
static void path_camera_parse(struct rd *r, struct wire_meta *m)
{
    m->time_ms = (uint64_t)rd_be32(r) * 1000;
    m->file_type = rd_u8(r);
    m->trigger = rd_u8(r);
    m->lat_deg = (int32_t)rd_be32(r) / 1e6;
    m->lon_deg = (int32_t)rd_be32(r) / 1e6;
    m->present = WIRE_META_TIME | WIRE_META_TRIGGER | WIRE_META_POSITION;
    if (m->kind == WIRE_KIND_ADAS) {
        m->length_s = rd_u8(r);
        m->present |= WIRE_META_LENGTH;
    } else {
        m->events = rd_be16(r);
        /* Ten bytes, the last character first; on which side it is padded nobody has seen. A name
         * in no known alphabet (bytes above 127) is kept in the payload only. */
        const uint8_t *reversed = rd_bytes(r, DRIVER_BYTES);
        size_t from = 0, to = DRIVER_BYTES;
        char name[DRIVER_BYTES];
        for (size_t i = 0; i < DRIVER_BYTES; i++)
            name[i] = (char)reversed[DRIVER_BYTES - 1 - i];
        while (from < to && (name[from] == ' ' || name[from] == '\0'))
            from++;
        while (to > from && (name[to - 1] == ' ' || name[to - 1] == '\0'))
            to--;
        for (size_t i = from; i < to; i++)
            if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] > '~')
                to = from;
        memcpy(m->driver, name + from, to - from);
        m->driver[to - from] = '\0';
        m->present |= WIRE_META_EVENTS | WIRE_META_DRIVER;
    }
}

static enum wire_meta_kind form_of(const uint8_t *payload, size_t n)
{
    bool version = n > 0 && payload[0] >= 1 && payload[0] <= 4;
    if (n == WIRE_META_DSM_BYTES && !version)
        return WIRE_KIND_DSM;
    if (n == WIRE_META_ADAS_BYTES && !version)
        return WIRE_KIND_ADAS;
    return n > 0 && payload[0] == '{' ? WIRE_KIND_JSON : WIRE_KIND_DUALCAM;
}

int wire_meta_parse(const uint8_t *payload, size_t n, int64_t now_utc_us, struct wire_meta *out,
                    struct err *err)
{
    struct wire_meta m = {.kind = form_of(payload, n)};
    int rc = ERR_MALFORMED;
    if (meta_text_ok(payload, n))
        rc = meta_text_parse(payload, n, &m, err);
    else if (n > 0 &&
             payload[0] == '{') /* text; but a time of 2035 in DSM and ADAS begins so too */
        rc = meta_json_parse(payload, n, &m, err);
    if (rc < 0 && m.kind != WIRE_KIND_JSON && !m.as_text) {
        struct rd r = rd_init(payload, n);
        rc = m.kind == WIRE_KIND_DUALCAM ? dualcam_parse(&r, n, &m, err) : ERR_OK;
        if (m.kind != WIRE_KIND_DUALCAM)
            path_camera_parse(&r, &m);
        m.tail_bytes = rd_left(&r);
        wire_trigger_name(m.kind, m.trigger, m.trigger_name);
    }
    if (rc < 0)
        return rc;
    unsigned ok = m.present & (WIRE_META_TRIGGER | WIRE_META_LENGTH | WIRE_META_EVENTS);
    if (m.present & WIRE_META_TIME && time_is_plausible(m.time_ms, now_utc_us))
        ok |= WIRE_META_TIME;
    if (m.present & WIRE_META_FPS && m.fps >= 1 && m.fps <= FPS_MAX)
        ok |= WIRE_META_FPS;
    if (m.present & WIRE_META_ZONE && m.tz_min >= ZONE_MIN && m.tz_min <= ZONE_MAX)
        ok |= WIRE_META_ZONE;
    if (m.present & WIRE_META_POSITION && position_is_plausible(m.lat_deg, m.lon_deg))
        ok |= WIRE_META_POSITION;
    if (m.present & WIRE_META_TRIGGER_TIME && time_is_plausible(m.trigger_time_ms, now_utc_us))
        ok |= WIRE_META_TRIGGER_TIME;
    if (m.present & WIRE_META_DRIVER && driver_is_plausible(m.driver))
        ok |= WIRE_META_DRIVER;
    m.plausible = ok;
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
    assert(m->kind != WIRE_KIND_JSON);
    if (m->kind != WIRE_KIND_DUALCAM) {
        uint8_t *p = out;
        p = put_be(p, m->time_ms / 1000, 4);
        p = put_be(p, m->file_type, 1);
        p = put_be(p, m->trigger, 1);
        p = put_be(p, (uint32_t)(int32_t)lround(m->lat_deg * 1e6), 4);
        p = put_be(p, (uint32_t)(int32_t)lround(m->lon_deg * 1e6), 4);
        if (m->kind == WIRE_KIND_ADAS)
            return (size_t)(put_be(p, m->length_s, 1) - out);
        p = put_be(p, m->events, 2);
        size_t n = strnlen(m->driver, DRIVER_BYTES);
        memset(p, 0, DRIVER_BYTES);
        for (size_t i = 0; i < n; i++)
            p[DRIVER_BYTES - 1 - i] = (uint8_t)m->driver[i];
        return WIRE_META_DSM_BYTES;
    }
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

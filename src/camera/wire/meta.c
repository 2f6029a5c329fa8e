#include "dashspool/reader.h"
#include "dashspool/text.h"
#include "meta_internal.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
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
    TRIGGER_MAX = 15,  /* the longest list has 15; a later firmware may have one more */
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

static void dualcam_parse(struct rd *r, size_t n, struct wire_meta *m)
{
    m->version = rd_u8(r);
    m->file_type = rd_u8(r);
    m->time_ms = rd_be64(r);
    m->trigger = rd_u8(r);
    m->length_s = rd_be16(r);
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
        /* Ten bytes, the last character first; on which side it is padded nobody has seen. What is
         * in no known alphabet (bytes above 127) is '?', a name of nothing else is in the payload
         * only. */
        const uint8_t *reversed = rd_bytes(r, DRIVER_BYTES);
        size_t from = 0, to = DRIVER_BYTES;
        char name[DRIVER_BYTES];
        for (size_t i = 0; i < DRIVER_BYTES; i++)
            name[i] = (char)reversed[DRIVER_BYTES - 1 - i];
        while (from < to && (name[from] == ' ' || name[from] == '\0'))
            from++;
        while (to > from && (name[to - 1] == ' ' || name[to - 1] == '\0'))
            to--;
        bool any = false;
        for (size_t i = from; i < to; i++) {
            bool shown = name[i] >= ' ' && name[i] <= '~';
            any |= shown;
            name[i] = shown ? name[i] : '?';
        }
        to = any ? to : from;
        memcpy(m->driver, name + from, to - from);
        m->driver[to - from] = '\0';
        m->present |= WIRE_META_EVENTS | WIRE_META_DRIVER;
    }
}

/* Which of the binary layouts it is. They have no mark of their own: each is taken only by its
 * exact length, with a type and a trigger that its cameras have. Else false, and `why`. */
static bool layout_of(const uint8_t *p, size_t n, enum wire_meta_kind *kind, struct err *why)
{
    bool versioned = n > 0 && p[0] >= 1 && p[0] <= 4, typed = false;
    /* some firmware sends the last byte of version 2 behind the frame: see session_input.c */
    if (versioned && n != version_bytes[p[0] - 1] && (p[0] != 2 || n != version_bytes[0])) {
        err_set(why, ERR_MALFORMED, "binary version %u has %zu bytes", p[0],
                version_bytes[p[0] - 1]);
        return false;
    }
    if (!versioned && n != WIRE_META_DSM_BYTES && n != WIRE_META_ADAS_BYTES) {
        err_set(why, ERR_MALFORMED, "neither JSON, nor text, nor as a camera writes it in bytes");
        return false;
    }
    *kind = versioned                  ? WIRE_KIND_DUALCAM
            : n == WIRE_META_DSM_BYTES ? WIRE_KIND_DSM
                                       : WIRE_KIND_ADAS;
    uint8_t type = versioned ? p[1] : p[4], trigger = versioned ? p[10] : p[5];
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        typed |= versioned ? type == wire_slots[i].file_type : type == i;
    /* some integrators read the number as a set of bits */
    bool triggered = trigger <= TRIGGER_MAX || (trigger & (trigger - 1)) == 0;
    if (!typed)
        err_set(why, ERR_MALFORMED, "no camera has file type %u", type);
    else if (!triggered)
        err_set(why, ERR_MALFORMED, "no camera has trigger %u", trigger);
    return typed && triggered;
}

/* JSON, or the text of the vendor's test server; `why`: what it would be if it is neither. */
static int read_text(const uint8_t *payload, size_t n, struct wire_meta *m, const struct err *why,
                     struct err *err)
{
    char *all = malloc(TEXT_UTF8_ROOM(n) + 1), *text = all;
    if (!all)
        return err_nomem(err, "metadata of %zu bytes", n);
    size_t bytes = text_to_utf8(payload, n, all);
    all[bytes] = '\0';
    for (; bytes > 0 && strchr(" \t\r\n", *text); bytes--)
        text++; /* … and a NUL */
    int rc;
    if (bytes > 0 && strchr("{[/", *text)) /* a comment may come first */
        rc = meta_json_parse(text, bytes, m, err);
    else if (meta_text_ok(text, bytes))
        rc = meta_text_parse(text, bytes, m, err);
    else
        rc = err_set(err, ERR_MALFORMED, "metadata of %zu %s: %s", n,
                     size_plural((int64_t)n, "byte", "bytes"), why->text);
    free(all);
    return rc;
}

int wire_meta_parse(const uint8_t *payload, size_t n, int protocol_id, int64_t now_utc_us,
                    struct wire_meta *out, struct err *err)
{
    struct wire_meta m = {.kind = WIRE_KIND_DUALCAM};
    struct err why;
    bool unified = protocol_id >= WIRE_PROTOCOL_UNIFIED;
    if (unified)
        err_set(&why, ERR_MALFORMED, "no JSON, which protocol ID %d has", protocol_id);
    if (!unified && layout_of(payload, n, &m.kind, &why)) {
        struct rd r = rd_init(payload, n);
        if (m.kind == WIRE_KIND_DUALCAM)
            dualcam_parse(&r, n, &m);
        else
            path_camera_parse(&r, &m);
        wire_trigger_name(m.kind, m.trigger, m.trigger_name);
    } else {
        int rc = read_text(payload, n, &m, &why, err);
        if (rc < 0)
            return rc;
    }
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

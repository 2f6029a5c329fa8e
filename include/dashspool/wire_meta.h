/*
 * wire_meta: the metadata that a camera sends with a file (payload of 0x000b), in its four forms,
 * and as the vendor's test server writes them into a text beside the file:
 *
 * - DualCam, DashCam: 13, 14, 32 or 40 bytes, versions 1 to 4 (version 3 from field captures, the
 *   others from the vendor's test server and from integrators' programs)
 * - DSM, the driver camera: 26 bytes (the vendor's page and its test server)
 * - ADAS, the road camera: 15 bytes (likewise)
 * - JSON text: protocol ID 6 and later; of its keys only those are known that the vendor's test
 *   server looks up
 *
 * Pure. Values are kept as sent, and marked plausible by themselves: a camera may think that it is
 * 2043 and know well where it is. Whoever needs more than is decoded here keeps the payload.
 */
#ifndef DASHSPOOL_WIRE_META_H
#define DASHSPOOL_WIRE_META_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_meta_kind {
    WIRE_KIND_DUALCAM,
    WIRE_KIND_DSM,
    WIRE_KIND_ADAS,
    WIRE_KIND_JSON,
    WIRE_N_KINDS,
};

enum wire_meta_field {
    WIRE_META_TIME = 1 << 0,
    WIRE_META_TRIGGER = 1 << 1,
    WIRE_META_LENGTH = 1 << 2,
    WIRE_META_FPS = 1 << 3,
    WIRE_META_ZONE = 1 << 4,
    WIRE_META_POSITION = 1 << 5,
    WIRE_META_TRIGGER_TIME = 1 << 6,
    WIRE_META_EVENTS = 1 << 7,
    WIRE_META_DRIVER = 1 << 8,
};

#define WIRE_TRIGGER_ROOM 24
#define WIRE_DRIVER_ROOM  32
#define WIRE_EVENTS_ROOM  128

struct wire_meta {
    enum wire_meta_kind kind;
    bool as_text;      /* not as the camera sent it: written down by the vendor's test server */
    uint8_t version;   /* DualCam: 1..4; JSON: its `version`; else 0 */
    uint8_t file_type; /* DualCam: the setting's first byte; DSM, ADAS: 0 video, 1..3 photo */
    uint8_t trigger, fps;
    char trigger_name[WIRE_TRIGGER_ROOM]; /* in the kind's own list; "" if there is no trigger */
    uint64_t time_ms, trigger_time_ms;    /* Unix, UTC */
    uint16_t length_s;
    int16_t tz_min; /* UTC offset, east positive */
    double lat_deg, lon_deg;
    uint16_t events;               /* DSM: bits, see wire_events_text() */
    char driver[WIRE_DRIVER_ROOM]; /* UTF-8, cut to fit */
    unsigned present;              /* enum wire_meta_field: the value was there */
    unsigned plausible;            /* … and a camera that knows the value would say this */
    size_t tail_bytes;             /* behind the known fields; kept by whoever keeps the payload */
};

/* Decodes a payload. The form is told by the first byte and the length: JSON is text that begins
 * with '{'; text begins with "Cmd version:" or "Time (UTC+0):", and is ERR_MALFORMED without a
 * time; 26 and 15 bytes are DSM and ADAS unless the first byte is a version, 1 to 4 (there it is
 * the top of a time in seconds: 1971); all else is DualCam, by length, the version byte only a
 * hint.
 *
 * Plausible against now_utc_us: time from 2015 to a day ahead of now, rate 1..120, zone
 * -12:00..+14:00, a position that is finite, in range and not 0/0, a driver of printable text.
 * Coordinates of DSM and ADAS are signed (the vendor's page says otherwise; its later test servers
 * do this). JSON coordinates are taken as degrees. ERR_MALFORMED for binary metadata below 13 bytes
 * and for JSON that cannot be read or is nested deeper than 16. */
int wire_meta_parse(const uint8_t *payload, size_t n, int64_t now_utc_us, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

/* Writes a binary payload by meta->kind: DualCam of `version` 1..4 (13, 14, 32 or 40 bytes), DSM
 * (26) or ADAS (15); returns its size. */
#define WIRE_META_V4_BYTES   40
#define WIRE_META_DSM_BYTES  26
#define WIRE_META_ADAS_BYTES 15
size_t wire_meta_put(uint8_t out[WIRE_META_V4_BYTES], const struct wire_meta *meta, int version);

/* "crash"; for values without a name "trigger-37". The three binary kinds have a list each; nobody
 * knows that of JSON. out is returned. */
const char *wire_trigger_name(enum wire_meta_kind kind, uint8_t trigger,
                              char out[WIRE_TRIGGER_ROOM]);
/* All names, of whatever kind, parted by spaces. */
extern const char wire_trigger_words[];
/* The value of a name in the kind's list, or -1. */
int wire_trigger_value(enum wire_meta_kind kind, const char *name);

/* "drowsiness,phone"; bits without a name as a number behind them; "" for 0. out is returned. */
const char *wire_events_text(unsigned events, char out[WIRE_EVENTS_ROOM]);

#endif

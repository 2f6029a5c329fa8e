/*
 * wire: the cameras' file-transfer protocol as bytes: frames, the CRC of DATA, metadata. Pure: no
 * socket, no file, no clock. The conversation is in wire_session.h.
 *
 * Source of formats: Teltonika's "DualCam communication protocol" pages, corrected by field
 * captures. Everything is big-endian. A frame is u16 id, u16 length, payload, with two exceptions:
 * INIT (id 0 from a device) is 16 bytes without a length, and REPEAT_INIT (0009) is sent as the two
 * bytes of its id alone.
 */
#ifndef DASHSPOOL_WIRE_H
#define DASHSPOOL_WIRE_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_id {
    WIRE_CLOSE = 0x0000, /* server; as a device's first bytes: INIT */
    WIRE_START = 0x0001,
    WIRE_RESUME = 0x0002,
    WIRE_SYNC = 0x0003,
    WIRE_DATA = 0x0004,
    WIRE_STATUS = 0x0005,
    WIRE_FILE_REQ = 0x0008,
    WIRE_REPEAT_INIT = 0x0009,
    WIRE_META_REQ = 0x000a,
    WIRE_META = 0x000b,
};

/* What a peer can ask for is bounded here. */
#define WIRE_INIT_BYTES       16
#define WIRE_PACKET_BYTES     1024 /* file bytes in a DATA frame, at most */
#define WIRE_DATA_FRAME_BYTES (4 + WIRE_PACKET_BYTES + 2)
#define WIRE_META_BYTES_MAX   1024                          /* 40 are known; the tail is kept */
#define WIRE_FRAME_BYTES_MAX  (4 + WIRE_META_BYTES_MAX + 4) /* room for any frame of ours */
#define WIRE_IDENTIFIER_BYTES 7                             /* "%videof", no NUL */

/* CRC-16/KERMIT (polynomial 0x8408 reflected, no final xor; "123456789" gives 0x2189), continued
 * from `seed`: 0 after every SYNC, the CRC of the previous DATA within a run of them. */
uint16_t wire_crc(uint16_t seed, const void *data, size_t n);

/* ---- frames ---- */

struct wire_frame {
    uint16_t id;
    const uint8_t *payload; /* borrowed from the input; for INIT the whole 16 bytes */
    size_t n;               /* bytes of payload */
    size_t frame_bytes;     /* of the whole frame: what to consume */
};

enum wire_parsed {
    WIRE_NEED_MORE, /* the start of a legal frame */
    WIRE_HAVE_FRAME,
    WIRE_BAD_HEADER, /* no device sends this: unknown id, or a length that the id never has */
};

/* Looks at the first bytes of what a device sent. Length is judged before content. */
enum wire_parsed wire_frame_parse(const uint8_t *data, size_t n, struct wire_frame *out);

/* Writes a frame of id, length and payload into out (room bytes); returns its size. The caller's
 * room is large enough for what it sends (assert). */
size_t wire_frame_put(uint8_t *out, size_t room, uint16_t id, const void *payload, size_t n);
size_t wire_u32_put(uint8_t *out, size_t room, uint16_t id,
                    uint32_t value); /* RESUME SYNC STATUS */
size_t wire_data_put(uint8_t *out, size_t room, const void *data, size_t n, uint16_t *seed);

/* Text for a status code of a device (0x0005); never NULL. */
const char *wire_status_text(uint32_t status);

/* ---- INIT and the four slots of a DualCam ---- */

enum wire_setting { /* bits of the settings word; other bits are ignored */
                    WIRE_SETTING_VIDEO_REAR = 0x20000000,
                    WIRE_SETTING_VIDEO_FRONT = 0x10000000,
                    WIRE_SETTING_PHOTO_REAR = 0x08000000,
                    WIRE_SETTING_PHOTO_FRONT = 0x04000000,
                    WIRE_SETTING_PATH = 0x02000000,
};

struct wire_init {
    uint16_t protocol_id;
    char imei[16]; /* 15 digits and NUL, leading zeros kept */
    uint32_t settings;
};

/* ERR_MALFORMED if the header is not 0, the protocol ID is 0, or the IMEI has not 14 or 15 digits.
 */
int wire_init_parse(const uint8_t data[WIRE_INIT_BYTES], struct wire_init *out,
                    struct err *err) DS_MUST_CHECK;
void wire_init_put(uint8_t out[WIRE_INIT_BYTES], uint16_t protocol_id, uint64_t imei,
                   uint32_t settings);

struct wire_slot {
    uint32_t setting;
    uint8_t file_type;       /* of the metadata: the same bits as the setting's first byte */
    char identifier[8];      /* "%videof" and NUL */
    char camera[8], kind[8]; /* "front" "video": the words of this program */
};
#define WIRE_N_SLOTS 4
/* In the order in which they are fetched: rear video, front video, rear photo, front photo. */
extern const struct wire_slot wire_slots[WIRE_N_SLOTS];

/* ---- metadata (0x000b of protocol 5) ---- */

enum wire_meta_field {
    WIRE_META_TIME = 1 << 0,
    WIRE_META_TRIGGER = 1 << 1,
    WIRE_META_LENGTH = 1 << 2,
    WIRE_META_FPS = 1 << 3,
    WIRE_META_ZONE = 1 << 4,
    WIRE_META_POSITION = 1 << 5,
    WIRE_META_TRIGGER_TIME = 1 << 6,
};

struct wire_meta {
    uint8_t version, file_type, trigger, fps;
    uint64_t time_ms, trigger_time_ms; /* Unix, UTC */
    uint16_t length_s;
    int16_t tz_min; /* UTC offset, east positive */
    double lat_deg, lon_deg;
    unsigned present;   /* enum wire_meta_field: the bytes were there */
    unsigned plausible; /* … and a camera that knows the value would say this */
    size_t tail_bytes;  /* behind the known fields; kept by whoever keeps the payload */
};

/* Decodes by length: v1 13 bytes, v2 14, v3 32, v4 40; the version byte is only a hint. Values are
 * kept as sent, and marked plausible against now_utc_us: time from 2015 to a day ahead of now,
 * rate 1..120, zone -12:00..+14:00, a position that is finite, in range and not 0/0. ERR_MALFORMED
 * below 13 bytes. */
int wire_meta_parse(const uint8_t *payload, size_t n, int64_t now_utc_us, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

/* Writes the payload of `version` 1..4; returns 13, 14, 32 or 40. */
#define WIRE_META_V4_BYTES 40
size_t wire_meta_put(uint8_t out[WIRE_META_V4_BYTES], const struct wire_meta *meta, int version);

/* "crash"; for values without a name "trigger-37". out is returned. */
const char *wire_trigger_name(uint8_t trigger, char out[24]);
/* The value of a name, or -1. */
int wire_trigger_value(const char *name);

#endif

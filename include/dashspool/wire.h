/*
 * wire: the cameras' file-transfer protocol as bytes: frames, the CRC of DATA, INIT, paths. Pure:
 * no socket, no file, no clock. Metadata are in wire_meta.h, the conversation in wire_session.h.
 *
 * Source of formats: docs/protocol.md (the vendor's pages, corrected by field captures). Everything
 * is big-endian. A frame is u16 id, u16 length, payload, with two exceptions: INIT (id 0 from a
 * device) is 16 bytes without a length, and REPEAT_INIT (0009) is sent as the two bytes of its id
 * alone.
 */
#ifndef DASHSPOOL_WIRE_H
#define DASHSPOOL_WIRE_H

#include "dashspool/err.h"
#include "dashspool/wire_meta.h"
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
    WIRE_PATH_REQ = 0x000c,
    WIRE_PATH = 0x000d,
    WIRE_ENH_DATA = 0x000e, /* DATA with its offset; protocol ID 6 and later */
};

/* What a peer can ask for is bounded here. */
#define WIRE_INIT_BYTES       16
#define WIRE_PACKET_BYTES     1024 /* file bytes in a DATA frame, at most */
#define WIRE_DATA_FRAME_BYTES (4 + WIRE_PACKET_BYTES + 2)
#define WIRE_META_BYTES_MAX   4096 /* binary has 40; JSON text a few hundred */
#define WIRE_PATH_BYTES_MAX   512  /* with its NUL, as the vendor's page has it */
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
/* The same as 0x000e: u32 byte offset, data, CRC of the data alone. */
size_t wire_enh_data_put(uint8_t *out, size_t room, uint32_t offset, const void *data, size_t n,
                         uint16_t *seed);

/* Text for a status code of a device (0x0005); never NULL. */
const char *wire_status_text(uint32_t status);

/* ---- INIT and the four slots of a DualCam ---- */

enum wire_setting { /* bits of the settings word; other bits are ignored */
                    WIRE_SETTING_VIDEO_REAR = 0x20000000,
                    WIRE_SETTING_VIDEO_FRONT = 0x10000000,
                    WIRE_SETTING_PHOTO_REAR = 0x08000000,
                    WIRE_SETTING_PHOTO_FRONT = 0x04000000,
                    WIRE_SETTING_PATH = 0x02000000,
                    WIRE_SETTING_FILES = 0x3e000000, /* all of them */
};

/* From here on everything goes by path, whatever bits announce it. */
#define WIRE_PROTOCOL_BY_PATH 6

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

/* ---- files by path: DSM, ADAS, and every camera of protocol ID 6 and later ---- */

/* What this program calls the camera and the kind of a file that was offered by path.
 *
 * Camera, by a word in the path as the vendor's test server does it: mdas9 road, dsm driver,
 * dualcam_front front, dualcam_rear rear, dashcam front. Without one: DSM metadata driver, ADAS
 * metadata road, else "other".
 * Kind, by the name's extension: jpg jpeg png photo; mp4 h265 h264 265 264 mov avi mkv ts video.
 * Else by a word in the path: picture, photo, snapshot; video. Else by the file type of DSM and
 * ADAS metadata, else video. meta is NULL if there is none. */
void wire_path_words(const void *path, size_t n, const struct wire_meta *meta, char camera[8],
                     char kind[8]);

/* What the first bytes of a file are of: "photo" (JPEG), "video" (PTMF, H.265 as a byte stream,
 * MP4) or "". */
const char *wire_content(const void *data, size_t n);

/* The path as text for a log: what is not printable ASCII is \xNN, the NUL at the end is left out,
 * and what does not fit is cut off with "...". room is at least 8; out is returned. A path is the
 * camera's word: it never names a file here. */
const char *wire_path_text(const void *path, size_t n, char *out, size_t room);

/* Who speaks, if the first bytes of a connection are no camera's: "HTTP: a browser or a scanner",
 * "a tracker's AVL stream (Codec 8 Extended): …"; NULL: nobody knows. */
const char *wire_foreign_protocol(const uint8_t *data, size_t n);

#endif

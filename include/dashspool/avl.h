/*
 * avl: what a tracker says on its own link, and what it is asked there, as bytes: login, records
 * (Codec 8, 8 Extended, 16), commands and their answers (Codec 12 to 15), the UDP channel; and what
 * the numbers in it mean. Pure: no socket, no file, no clock, nothing global. Every byte is
 * hostile.
 *
 * Source of formats: docs/avl.md. Everything is big-endian. On TCP:
 *
 *     tracker                                   server
 *     000f, 15 digits            (login)  ──►
 *                                         ◄──   01 accepted, 00 refused
 *     0000 0000, u32 length,              ──►
 *       codec, n, records, n, u32 CRC     ◄──   u32 number of records, once they are on disk
 *     ff, any time between frames (ping)  ──►   nothing
 *                                         ◄──   a command: a frame of Codec 12 or 14
 *     its answer: a frame of Codec 12, 14 ──►   nothing: a number would be taken for a command
 *
 * Pointers into bytes are borrowed from the input; what holds them lives no longer.
 */
#ifndef DASHSPOOL_AVL_H
#define DASHSPOOL_AVL_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum avl_codec {
    AVL_CODEC_8 = 0x08,
    AVL_CODEC_12 = 0x0c, /* a command, and its answer */
    AVL_CODEC_13 = 0x0d, /* from a tracker's serial port, with a time */
    AVL_CODEC_14 = 0x0e, /* as 12, for one IMEI */
    AVL_CODEC_15 = 0x0f, /* as 13, with the IMEI */
    AVL_CODEC_16 = 0x10,
    AVL_CODEC_8E = 0x8e,
};

/* What a peer can ask for is bounded here. */
#define AVL_IMEI_ROOM       16 /* 15 digits and NUL */
#define AVL_LOGIN_BYTES     17
#define AVL_LENGTH_MIN      3 /* codec, n, n */
#define AVL_LENGTH_MAX      65535
#define AVL_AROUND_BYTES    12 /* of a frame, beside its length: preamble, length, CRC */
#define AVL_FEED_MAX        (64 * 1024)
#define AVL_RECORDS_MAX     255
#define AVL_COMMAND_CHARS   160 /* longer ones are cut or refused by trackers */

/* Another decoder that makes other values of the same bytes has another number. */
#define AVL_DECODER_VERSION 1

/* "Codec 8 Extended"; NULL: unknown. */
const char *avl_codec_name(uint8_t codec);
bool avl_codec_has_records(uint8_t codec);  /* 8, 8 Extended, 16: answered by their number */
bool avl_codec_has_messages(uint8_t codec); /* 12 to 15: never answered */

/* CRC-16/ARC: polynomial 0xA001 reflected, from 0, no final xor; "123456789" gives 0xBB3D. */
uint16_t avl_crc(const void *data, size_t n);

/* ---- frames ---- */

struct avl_frame {
    uint8_t codec;
    uint8_t n;          /* records, or messages */
    const uint8_t *raw; /* the whole frame, preamble to CRC; of a datagram: codec to second n */
    size_t raw_bytes;
    const uint8_t *body; /* between the two n */
    size_t body_bytes;
};

enum avl_reason {
    AVL_FINE,
    AVL_BAD_PREAMBLE, /* not 0: out of step, or something else than a tracker */
    AVL_BAD_LENGTH,   /* below 3, or above the limit */
    AVL_BAD_CRC,      /* or its upper half is not 0 */
    AVL_BAD_CODEC,    /* CRC is right, codec is unknown */
    AVL_BAD_COUNTS,   /* the two n differ */
    AVL_BAD_END,      /* n records do not end at the second n */
    AVL_BAD_LOGIN,    /* a datagram's: not 15 digits */
    AVL_CUT,          /* less than a whole frame, or datagram, or more than one */
};

/* "the CRC is wrong"; never NULL. */
const char *avl_reason_text(enum avl_reason reason);

/* One whole frame and nothing else, as it was stored. In order: preamble, length, CRC, codec, the
 * two n, the records' end. Of messages the inside is not judged: avl_message_parse() does. */
enum avl_reason avl_frame_parse(const uint8_t *raw, size_t n, size_t length_max,
                                struct avl_frame *out);

/* The server's words: one byte after a login, and the number of records of a frame. */
#define AVL_LOGIN_ACCEPTED 0x01
#define AVL_LOGIN_REFUSED  0x00
void avl_count_put(uint8_t out[4], uint32_t n_records);

/* ---- the link: bytes in, items out, whatever way they were cut ----
 *
 *     avl_stream_init(&s, AVL_LENGTH_MAX);
 *     for each read of at most AVL_FEED_MAX bytes:
 *         avl_stream_feed(&s, data, n, &err);
 *         while (avl_stream_next(&s, &item))
 *             …
 *
 * A frame that is too long is refused by its length, before it is kept. After a frame that is
 * refused for its CRC, codec, n or end, the stream goes on behind it; all other refusals are the
 * end of it (item.over). Same bytes, same items, however they were cut.
 */

enum avl_item_type {
    AVL_ITEM_PING,    /* ff; also before the login */
    AVL_ITEM_LOGIN,   /* answer it, and close if it is not to be accepted */
    AVL_ITEM_FRAME,   /* good in all that avl_frame_parse() looks at */
    AVL_ITEM_REFUSED, /* reason; never answered */
    AVL_ITEM_CAMERA,  /* a camera's first packet (wire.h, INIT): a wrong port in its settings. Only
                         before any login or frame */
};

struct avl_item {
    enum avl_item_type type;
    bool over; /* nothing comes after it: close */

    char imei[AVL_IMEI_ROOM]; /* LOGIN, CAMERA; "" for a login that is not 15 digits: over */
    bool luhn;                /* LOGIN, CAMERA: see text_imei_ok() */
    struct avl_frame frame;   /* FRAME */
    enum avl_reason reason;   /* REFUSED */

    const uint8_t *raw; /* the bytes of all this; if it is over, all that has come so far */
    size_t raw_bytes;
};

/* The caller's storage. In it is what is not yet taken, at most a frame and AVL_FEED_MAX; nothing
 * while a link is silent between frames. */
struct avl_stream {
    struct buf in;
    size_t length_max;
    size_t taken; /* of `in`, still borrowed by the last item */
    bool begun;   /* a login or frame came: no camera */
    bool over;
};

void avl_stream_init(struct avl_stream *s, size_t length_max);
void avl_stream_clear(struct avl_stream *s);

/* Appends what the tracker sent; ends what was borrowed. ERR_LIMIT: the caller did not take all
 * items before; ERR_NOMEM. When it is over, bytes are dropped. */
int avl_stream_feed(struct avl_stream *s, const void *data, size_t n,
                    struct err *err) DS_MUST_CHECK;

/* The next item; false: more bytes are needed. Borrowed until the next call. */
bool avl_stream_next(struct avl_stream *s, struct avl_item *out);

/* ---- UDP: one datagram is one frame, without preamble, length and CRC ---- */

struct avl_datagram {
    uint16_t packet_id;
    uint8_t avl_packet_id;
    char imei[AVL_IMEI_ROOM]; /* proves nothing: anybody can write it */
    struct avl_frame frame;
};

#define AVL_DATAGRAM_ANSWER_BYTES 7
enum avl_reason avl_datagram_parse(const uint8_t *data, size_t n, struct avl_datagram *out);
/* With a wrong packet id the tracker sends for ever. */
void avl_datagram_answer(uint8_t out[AVL_DATAGRAM_ANSWER_BYTES],
                         const struct avl_datagram *datagram, uint8_t n_accepted);

/* ---- records ---- */

/* What a tracker in order would not say. All is kept as sent. */
enum avl_odd {
    AVL_ODD_TOTAL = 1 << 0,      /* the total of IO elements is not the sum of its groups */
    AVL_ODD_PRIORITY = 1 << 1,   /* above 2 */
    AVL_ODD_POSITION = 1 << 2,   /* beyond 180 or 90 degrees */
    AVL_ODD_ANGLE = 1 << 3,      /* beyond 360 */
    AVL_ODD_SATELLITES = 1 << 4, /* more than AVL_SATELLITES_MAX: 248 was seen */
};
#define AVL_SATELLITES_MAX 100

struct avl_record {
    uint8_t codec;
    uint64_t time_ms; /* Unix, UTC; any value, also 0 and the far future */
    uint8_t priority; /* 0 low, 1 high, 2 panic */
    int32_t longitude_e7, latitude_e7;
    int16_t altitude_m;
    uint16_t angle_deg; /* from north, clockwise */
    uint8_t satellites;
    uint16_t speed_kmh;
    uint16_t event_id; /* the IO element that caused it; 0: none, it is periodic */
    int generation;    /* Codec 16: 0..7, see avl_generation_word(); else -1 */
    uint16_t total;    /* as the tracker says it */
    uint32_t n_io;     /* as they are */
    unsigned odd;      /* enum avl_odd */

    const uint8_t *raw; /* of the record alone: what is stored and hashed */
    size_t raw_bytes;
};

/* The records of a frame that has some, in the tracker's order. */
struct avl_records {
    uint8_t codec;
    const uint8_t *at, *end;
    unsigned left;
};
struct avl_records avl_frame_records(const struct avl_frame *frame);
bool avl_records_next(struct avl_records *walk, struct avl_record *out);

/* One record by itself, as it was stored: it must end with these bytes. ERR_MALFORMED,
 * ERR_UNSUPPORTED (no codec of records). */
int avl_record_decode(uint8_t codec, const uint8_t *raw, size_t n, struct avl_record *out,
                      struct err *err) DS_MUST_CHECK;

/* Its time in microseconds, as the clock has them; INT64_MAX: beyond that. */
int64_t avl_record_utc_us(const struct avl_record *record);

/* The position was measured: satellites > 0, and it is on the globe. Without a fix trackers repeat
 * the last one, or 0/0; the coordinates do not tell. */
bool avl_position_valid(const struct avl_record *record);

/* The driver has switched to private (391): position and speed are nobody's business. */
bool avl_private(const struct avl_record *record);

/* "on entrance"; NULL for what has no name. */
const char *avl_generation_word(int generation);

/* ---- IO elements ---- */

struct avl_io {
    uint16_t id;
    uint16_t width; /* bytes: 1, 2, 4, 8; in 8 Extended also any length */
    bool sized;     /* it is from the group of those with a length (NX), whatever its width */
    const uint8_t *bytes;
};

struct avl_ios {
    uint8_t codec;
    const uint8_t *at, *end;
    unsigned group, left;
};
struct avl_ios avl_record_ios(const struct avl_record *record);
bool avl_ios_next(struct avl_ios *walk, struct avl_io *out);

/* The first of that id. */
bool avl_io_find(const struct avl_record *record, uint16_t id, struct avl_io *out);

/* Its bytes as a number: without and with a sign. Of more than 8 bytes, or none: 0. */
uint64_t avl_io_unsigned(const struct avl_io *io);
int64_t avl_io_signed(const struct avl_io *io);

/* ---- what ids mean: it depends on the family ---- */

enum avl_family {
    AVL_RAW,  /* unknown: ids and bytes, no names */
    AVL_FMB,  /* FMB, FMC, FMM, FTC: "basic", "advanced" */
    AVL_FMX6, /* FMB640, FMC650 and so on: "professional" */
};

/* "raw", "fmb", "fmx6"; and back, -1 for other words. */
const char *avl_family_name(enum avl_family family);
int avl_family_of(const char *name);

/* Trackers whose family a person knows, as a text: "352093081452251 fmx6, 352093081452252 fmb". The
 * family of one; `otherwise` if it is not there. */
enum avl_family avl_families_find(const char *list, const char *imei, enum avl_family otherwise);
/* ERR_CONFIG says what of it is no such list. */
int avl_families_check(const char *list, struct err *err) DS_MUST_CHECK;

enum avl_form {
    AVL_UNSIGNED,
    AVL_SIGNED,
    AVL_TEXT,  /* VIN, a driver's name */
    AVL_BYTES, /* shown in hex */
    AVL_TRACE, /* crash samples, below */
};

struct avl_profile {
    uint16_t id;
    uint16_t width; /* as documented; 0: it varies, or is not known */
    enum avl_form form;
    double scale;             /* number * scale is in `unit` */
    const char *name;         /* "external voltage" */
    const char *unit;         /* "V"; "" */
    const char *const *words; /* NULL, or words of values from 0 on, NULL at the end, "" for gaps */
};

/* NULL: not known for this family; always for AVL_RAW. */
const struct avl_profile *avl_profile(enum avl_family family, uint16_t id);

/* The word of a value: "full trace, calibrated"; NULL: there is none. */
const char *avl_word(enum avl_family family, uint16_t id, uint64_t value);

/* The value in the profile's unit, with its sign. False: no number, or not known what it is. */
bool avl_io_number(enum avl_family family, const struct avl_io *io, double *out);

/* The value as a person reads it: "12.52 V", "card mounted", "WVW…"; what is not known in hex. Cut
 * to fit; room is at least 8; out is returned. */
const char *avl_io_text(enum avl_family family, const struct avl_io *io, char *out, size_t room);

/* What a tracker's records tell of its family, to be kept per IMEI and or-ed: ids that only one
 * family has, or has in that width. Certain ones of one family, and none of the other, decide; else
 * the weak ones (what FMB trackers are known to send, and nobody has denied for FMX6) if there is
 * no certain one; else AVL_RAW. The table of signs is in src/tracker/avl/profile.c. */
enum avl_sign {
    AVL_SIGN_FMB = 1 << 0,
    AVL_SIGN_FMX6 = 1 << 1,
    AVL_SIGN_FMB_WEAK = 1 << 2,
};
unsigned avl_signs(const struct avl_record *record);
enum avl_family avl_signs_family(unsigned signs);

/* Ids that this program asks for. Of DualCam; 12301 to 12306 are those of FMx650. */
enum avl_id {
    AVL_ID_IGNITION = 239,
    AVL_ID_MOVEMENT = 240,
    AVL_ID_CRASH = 247,
    AVL_ID_UNPLUG = 252, /* FMB */
    AVL_ID_GREEN_DRIVING = 253,
    AVL_ID_CRASH_TRACE = 257,
    AVL_ID_CRASH_COUNTER = 317, /* FMB: the same in the crash's record and in its trace */
    AVL_ID_PRIVATE_MODE = 391,
    AVL_ID_CAMERA_REAR = 497,
    AVL_ID_CAMERA_FRONT = 498,
    AVL_ID_CAMERA_TRIGGER = 499, /* the trigger of the camera's metadata */
};

/* ---- crash trace: the value of 257, samples X, Y, Z ----
 * Which axis points where is known after a calibration only; and nothing tells whether a record's
 * time is that of the first sample or of the last. */

struct avl_sample {
    int16_t x_mg, y_mg, z_mg;
};

/* Whole samples in it; a rest of 1 to 5 bytes is left out. */
size_t avl_trace_samples(const struct avl_io *io);
struct avl_sample avl_trace_at(const struct avl_io *io,
                               size_t i); /* i is less than that (assert) */

/* ---- messages: Codec 12 to 15 ---- */

enum avl_message_kind {
    AVL_MESSAGE_COMMAND, /* 12, 14: type 05, from a server */
    AVL_MESSAGE_ANSWER,  /* 12, 14: type 06 */
    AVL_MESSAGE_NACK,    /* 14: type 11: the IMEI is another one, nothing was done */
    AVL_MESSAGE_SERIAL,  /* 13: type 06, 15: type 0b: from a serial port, an answer to nothing */
    AVL_MESSAGE_OFFER,   /* 12: type 0d: an old camera on a serial port; to be ignored */
    AVL_MESSAGE_OTHER,   /* another type */
};

struct avl_message {
    uint8_t codec;
    enum avl_message_kind kind;
    uint8_t type;             /* as on the wire */
    char imei[AVL_IMEI_ROOM]; /* 14, 15; else "" */
    uint32_t time_s;          /* 13, 15: Unix, UTC; else 0 */
    const uint8_t *data;      /* the text: often with CR LF or NUL behind it, or binary */
    size_t n;
};

/* The message in a frame of Codec 12 to 15. False: its length or IMEI is wrong, or it is not one
 * message. OFFER and OTHER: data is all behind the type, not looked at. */
bool avl_message_parse(const struct avl_frame *frame, struct avl_message *out);

/* The text for people: without white space and NUL at its end; what is not printable as \xNN; cut
 * to fit. room is at least 8; out is returned. */
const char *avl_message_text(const struct avl_message *message, char *out, size_t room);

/* ---- writing: a server's commands, and what a simulated tracker says ----
 * All return the size, 0: it does not fit into room, or into the format. */

/* A frame around one message, as avl_message_parse() gives it; `type` follows from codec and kind
 * (OTHER: as given). */
size_t avl_message_put(uint8_t *out, size_t room, const struct avl_message *message);

#define AVL_COMMAND_BYTES (AVL_AROUND_BYTES + 3 + 5 + 8 + AVL_COMMAND_CHARS)
/* A command: Codec 14 for imei, or Codec 12 for NULL. ERR_LIMIT: above 160 characters, or empty;
 * ERR_MALFORMED: not printable ASCII, or imei is not 15 digits. */
int avl_command_put(uint8_t out[AVL_COMMAND_BYTES], size_t *n_out, const char *imei,
                    const char *text, struct err *err) DS_MUST_CHECK;

/* imei: 15 digits. */
size_t avl_login_put(uint8_t out[AVL_LOGIN_BYTES], const char *imei);

/* One record: time to event_id, and generation in Codec 16, are taken from *record, with n IO
 * elements, which are sorted into their groups and keep their order there. */
size_t avl_record_put(uint8_t *out, size_t room, uint8_t codec, const struct avl_record *record,
                      const struct avl_io *ios, size_t n);

/* A frame around n_records (at most 255) records that lie one behind the other. */
size_t avl_frame_put(uint8_t *out, size_t room, uint8_t codec, size_t n_records,
                     const void *records, size_t bytes);

/* A datagram of the same. */
size_t avl_datagram_put(uint8_t *out, size_t room, uint16_t packet_id, uint8_t avl_packet_id,
                        const char *imei, uint8_t codec, size_t n_records, const void *records,
                        size_t bytes);

#endif

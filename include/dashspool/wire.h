/*
 * wire: the cameras' file-transfer protocol as bytes: frames, the CRC of DATA, INIT, paths. Pure:
 * no socket, no file, no clock. Below: the metadata, and the conversation.
 *
 * Source of formats: docs/protocol.md (the vendor's pages, corrected by field captures). Everything
 * is big-endian. A frame is u16 id, u16 length, payload, with two exceptions: INIT (id 0 from a
 * device) is 16 bytes without a length, and REPEAT_INIT (0009) is sent as the two bytes of its id
 * alone.
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

/* ---- metadata ----
 *
 * The metadata that a camera sends with a file (payload of 0x000b), in its four forms,
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
#define WIRE_NOTE_ROOM    200

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
    size_t tail_bytes;             /* of JSON: behind the document */
    char note[WIRE_NOTE_ROOM];     /* what of it could not be read; "" */
};

/* Cameras of this protocol ID and later have JSON metadata, and hand everything over by path. */
#define WIRE_PROTOCOL_UNIFIED 6

/* Decodes a payload; protocol_id 0: not known.
 *
 * Binary, before WIRE_PROTOCOL_UNIFIED: only by the exact length, with a file type and a trigger
 * that such cameras have. With a version 1 to 4 in front it is DualCam, of that version's length
 * (version 2 may lack its last byte: some firmware sends it behind the frame); else 26 and 15 bytes
 * are DSM and ADAS. Triggers: to 15, or one bit alone.
 * Else text, in UTF-8 or UTF-16 with a mark or without (text_to_utf8()), behind white space: JSON
 * that begins with '{', '[' or a comment, and what begins with "Cmd version:" or "Time (UTC+0):"
 * and has a time. Of a list the first object is read. A byte of a text that is no UTF-8 is '?', a
 * number that cannot be one is not there, comments and what stands behind the document are passed
 * over, of two values the last counts: the rest is read, and `note` tells. A time is in seconds or,
 * where that would be after the year 5000, in milli-, micro- or nanoseconds.
 *
 * Plausible against now_utc_us: time from 2015 to a day ahead of now, rate 1..120, zone
 * -12:00..+14:00, a position that is finite, in range and not 0/0, a driver of printable text.
 * Coordinates of DSM and ADAS are signed (the vendor's page says otherwise; its later test servers
 * do this). JSON coordinates are taken as degrees. ERR_MALFORMED, and why, for all else, and for
 * JSON that is nested deeper than 16. */
int wire_meta_parse(const uint8_t *payload, size_t n, int protocol_id, int64_t now_utc_us,
                    struct wire_meta *out, struct err *err) DS_MUST_CHECK;

/* "dualcam", "dsm", "adas" or "json", with "-text" behind it where the test server wrote them. */
const char *wire_meta_form(const struct wire_meta *meta);

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
/* Whether a trigger of this name, of whatever kind, is the one that trackers tell of as `avl` in
 * their records (AVL 499, which counts as DualCams do, whatever the camera): "crash" is 3. Hyphens
 * do not count, as JSON has words of its own ("DIN 1"); of a number without a name ("trigger-37")
 * nobody knows more than itself. A server's request (0) is none. */
bool wire_trigger_is(const char *name, uint64_t avl);

/* "drowsiness,phone"; bits without a name as a number behind them; "" for 0. out is returned. */
const char *wire_events_text(unsigned events, char out[WIRE_EVENTS_ROOM]);

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

/* ---- facts ----
 *
 * What the bytes of a transfer say of it: the one decoder for whoever stores facts, and for whoever
 * compares them later with the bytes that they are from (fsck, export, verify). Same bytes, same
 * time of arrival, same facts, whenever they are decoded; a decoder that makes other facts of them
 * has another WIRE_FACTS_VERSION.
 * 2: metadata are no longer taken for a binary layout just because they are nothing else.
 */

#define WIRE_FACTS_VERSION 2

/* As received; NULL where nothing came. START says how much comes, and nothing of this. */
struct wire_bytes {
    const uint8_t *init, *path, *meta;
    size_t init_n, path_n, meta_n;
};

struct wire_facts {
    char imei[16]; /* "", and protocol_id 0: there is no INIT that can be read */
    int protocol_id;
    char camera[8], kind[8]; /* "": there is no path (a slot's name is not among the bytes) */

    bool has_meta;    /* what follows is decoded metadata; else it is 0 and "" */
    unsigned trusted; /* enum wire_meta_field: is there, and plausible; WIRE_FACTS_TRUSTED */
    int version;
    int64_t time_us;
    int trigger;
    char trigger_name[WIRE_TRIGGER_ROOM];
    int length_s, fps, tz_min;
    double lat_deg, lon_deg;
    int64_t trigger_time_us;
    unsigned events;
    char driver[WIRE_DRIVER_ROOM];

    /* never by decoding: a file's name told the time, or a person did; time_us is that */
    bool time_named, time_told;
};

/* Of trigger and length nobody can say whether they are plausible. */
#define WIRE_FACTS_TRUSTED                                                  \
    (WIRE_META_TIME | WIRE_META_FPS | WIRE_META_ZONE | WIRE_META_POSITION | \
     WIRE_META_TRIGGER_TIME | WIRE_META_EVENTS | WIRE_META_DRIVER)

/* arrived_us: when the transfer began here, against which times are judged. What cannot be decoded
 * counts as absent. */
void wire_facts_decode(const struct wire_bytes *bytes, int64_t arrived_us, struct wire_facts *out);

/* Each fact by its name and as text, in one order: to be compared, and to be told. "": there is
 * nothing, or it is 0. Degrees have 12 digits, times are RFC 3339 to the microsecond. */
#define WIRE_FACT_ROOM 160
struct wire_fact {
    const char *name; /* "time" */
    char text[WIRE_FACT_ROOM];
};
enum { WIRE_N_FACTS = 20 };
void wire_facts_list(const struct wire_facts *facts, struct wire_fact out[WIRE_N_FACTS]);

/* The same as a JSON object, without what is "": {"camera":"front","decoder":1,…}, numbers as
 * numbers, sorted. The caller frees it; NULL: no memory. */
char *wire_facts_text(const struct wire_facts *facts);

/* The list that such a text has, and the version of its decoder. False: it is no such text. */
bool wire_facts_read(const char *text, int *decoder, struct wire_fact out[WIRE_N_FACTS]);

/* The facts of metadata as packages have them, under "metadata": a JSON object of what the form of
 * these metadata has, what is not trusted under "untrusted"; "null" where they cannot be decoded.
 * The values are those of `facts`, which may be other ones than the bytes have. The caller frees
 * it; NULL: no memory. */
char *wire_facts_metadata(const struct wire_facts *facts, const struct wire_bytes *bytes,
                          int64_t arrived_us);

/* Who speaks, if the first bytes of a connection are no camera's: "HTTP: a browser or a scanner",
 * "a tracker's AVL stream (Codec 8 Extended): …"; NULL: nobody knows. */
const char *wire_foreign_protocol(const uint8_t *data, size_t n);

/* ---- session ----
 *
 * One connection of a camera, seen from the server. Bytes in, actions out; no socket,
 * no file, no clock of its own, so that the same code runs in the server, in tests and in fuzzers.
 *
 *     WAIT_INIT ─► (WAIT_PATH) ─► WAIT_META ─► WAIT_START ─► WAIT_ACCEPT ─► WAIT_SYNC ─► RECEIVING
 *         ▲                                                                   ▲  bad CRC  │  │
 *         │                                                                   └───────────┘  │
 *         └──────────────────────────────────── 0009 ◄────────────────────── WAIT_COMMIT ◄───┘
 *                     nothing pending: 0000 ─► CLOSING
 *
 * Two ways of handing a file over (the vendor's pages, corrected by captures and its test server):
 *
 *     by packets   DualCam, DashCam: a slot with a name ("%videof"), START counts packets of 1024
 *                  bytes, RESUME and SYNC count packets, from 1 (or from 0: the first SYNC tells)
 *     by bytes     DSM, ADAS, and every camera of protocol ID 6 and later: the camera names a path,
 *                  START is the size, RESUME and SYNC are byte offsets
 *
 * Which one it is is told by slot or path, never by sizes. The path is asked for first, then the
 * slots.
 *
 * The loop of a driver:
 *
 *     wire_session_feed(s, bytes, n, now)
 *     while (wire_session_next(s, now, &action), action.type != WIRE_DO_NOTHING)
 *         … do it …
 *     … read again, or at wire_session_deadline() call wire_session_next() without feeding
 *
 * Durable first, acknowledge second: after OFFER nothing is asked of the camera until
 * wire_session_accept(), and after COMMIT nothing until wire_session_committed(). While one of them
 * is awaited (wire_session_waiting()), the driver should not read.
 */

struct wire_limits {
    int64_t init_us;  /* connect to INIT */
    int64_t meta_us;  /* 0x000a to 0x000b; then without metadata, for old firmware. 0: never ask */
    int64_t sync_us;  /* RESUME to SYNC; then RESUME again */
    int64_t stall_us; /* DATA to DATA; then RESUME (bytes can vanish on the camera's side). Also
                         0x000c to 0x000d; then the slots */
    int64_t silence_us;   /* anything else */
    int64_t closing_us;   /* our CLOSE to the device's */
    int repeats;          /* RESUMEs at one place before the transfer is given up */
    uint32_t packets_max; /* of a file, or as many times 1024 bytes */
};
/* 15 s, 10 s, 10 s, 30 s, 300 s, 5 s, 20 times, 1 Mi packets (1 GiB). */
extern const struct wire_limits wire_limits_default;

enum wire_action_type {
    WIRE_DO_NOTHING, /* wait for bytes or the deadline */
    WIRE_DO_SEND,    /* data, n */
    WIRE_DO_HELLO,   /* an INIT was understood: see wire_session_init() */
    WIRE_DO_OFFER,   /* a file is there: see wire_session_offer(); answer accept or refuse */
    WIRE_DO_STORE,   /* data, n, offset: file bytes, in order, without holes, each byte once */
    WIRE_DO_COMMIT,  /* the file is complete (n is 0); answer committed */
    WIRE_DO_ABANDON, /* the transfer ended early: text says why; what came is kept as a partial */
    WIRE_DO_LOG,     /* event, text: something a technician wants to know */
    WIRE_DO_CLOSE,   /* close the connection: text says why */
};

struct wire_action {
    enum wire_action_type type;
    const uint8_t *data; /* borrowed until the next call on the session */
    size_t n;
    uint64_t offset;   /* STORE: of data in the file */
    const char *text;  /* borrowed likewise; "" if there is none */
    const char *event; /* LOG: what it is, in constant words; text says more */
    bool warn;         /* LOG: not as it should be; CLOSE: not the regular end */
};

enum wire_mode {
    WIRE_BY_PACKETS,
    WIRE_BY_BYTES,
};

/* By bytes file_crc is perhaps that of the whole file, by packets it is 0. By which rule nobody has
 * told: nothing is ever refused for it. */
struct wire_offer {
    enum wire_mode mode;
    char camera[8], kind[8];      /* "front" "video": of the slot, or as wire_path_words() has it */
    const struct wire_slot *slot; /* by packets; else NULL */
    uint32_t packets;    /* by packets: the file has (packets-1)*1024+1 .. packets*1024 bytes */
    uint64_t size_bytes; /* by bytes: of the file; else 0 */
    uint16_t file_crc;   /* START's second number */
    /* as received (path with its NUL); NULL: none came */
    const uint8_t *init, *path, *meta, *start;
    size_t init_bytes, path_bytes, meta_bytes, start_bytes;
};

#define WIRE_ERRORS_KEPT 32

/* What the transfer has seen so far; kept until the next OFFER. */
struct wire_stats {
    uint64_t bytes;      /* stored */
    uint32_t packets;    /* stored */
    int crc_errors;      /* bad CRC, impossible header, out of place, short in the middle */
    int resumes;         /* RESUMEs sent beyond the first */
    uint64_t bytes_lost; /* dropped while waiting for SYNC */
    uint32_t duplicates; /* packets that came again */
    bool from_0;         /* the camera calls its first packet 0; to be kept with a partial */
    size_t n_error_at;   /* of the first crc_errors: */
    uint64_t error_at[WIRE_ERRORS_KEPT]; /* … the bytes of the file where the bad frame belonged */
};

struct wire_session;

/* limits is copied; now: any monotonic microseconds, the same clock in all calls. */
int wire_session_new(struct wire_session **out, const struct wire_limits *limits, int64_t now_us,
                     struct err *err) DS_MUST_CHECK;
void wire_session_free(struct wire_session **s);

/* Appends what the camera sent. ERR_LIMIT: more is buffered than a camera sends unasked; close. */
int wire_session_feed(struct wire_session *s, const void *data, size_t n, int64_t now_us,
                      struct err *err) DS_MUST_CHECK;

/* The next thing to do, in order. */
void wire_session_next(struct wire_session *s, int64_t now_us, struct wire_action *out);

/* The camera closed, or the connection broke: an ABANDON and a CLOSE come next, as due. */
void wire_session_eof(struct wire_session *s);

/* Answers to OFFER. have_bytes are kept from an earlier connection (0: none), less than the file
 * has, and by packets a multiple of 1024; the camera is asked for what is behind them, and the
 * first STORE begins there. from_0: stats.from_0 of that connection. A refusal sends CLOSE.
 *
 * A camera asked to begin at packet n > 1 that answers SYNC n is believed to count as it did then;
 * where that is not known (the receiver died before it was told): from 1, as all do that were seen.
 * Then one that counts from 0 would leave out a packet, so that one would be missing at the end and
 * COMMIT never comes. Any other answer than n, 0 or 1 says nothing about its
 * counting: then it is asked for all from the start, and what is kept already is passed over. */
void wire_session_accept(struct wire_session *s, uint64_t have_bytes, bool from_0, int64_t now_us);
void wire_session_refuse(struct wire_session *s, const char *why, int64_t now_us);

/* Sends the camera away from any state: ABANDON if a transfer is open, CLOSE to the camera, and
 * when it has closed (or not within closing_us) the action CLOSE with this text. Answers to OFFER
 * and COMMIT that are still on their way do nothing then; requests not yet taken by
 * wire_session_next() are not made. */
void wire_session_dismiss(struct wire_session *s, const char *why, bool warn, int64_t now_us);

/* Answer to COMMIT: the file is on disk. */
void wire_session_committed(struct wire_session *s, int64_t now_us);

bool wire_session_waiting(const struct wire_session *s);     /* for accept or committed */
int64_t wire_session_deadline(const struct wire_session *s); /* INT64_MAX: none */
const struct wire_init *wire_session_init(const struct wire_session *s); /* NULL before HELLO */
const struct wire_offer *wire_session_offer(const struct wire_session *s);
const struct wire_stats *wire_session_stats(const struct wire_session *s);

#endif

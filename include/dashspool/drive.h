/*
 * drive: plays a tracker against a server of trackers (telemetry.h): it logs in, says where it goes
 * along a track, and does what its cameras are asked for. So anyone can test a server, a port or a
 * firewall without a vehicle.
 *
 * The tracker itself (drive_*, but for drive_run()) is pure: bytes in, bytes out, UTC by the
 * caller's clock. drive_run() gives it TCP connections, or TLS on them. It behaves as docs/avl.md
 * has it: one frame is under way at a time; what is not acknowledged is sent again, maybe with
 * others; what is asked of it is answered between frames. What trackers and mobile networks do
 * wrong it does on demand (struct drive_fault, refusals). It sends the ids of the FMB family.
 *
 *     DRIVE_DOWN ──► DRIVE_DIAL ──► (drive_connected) DRIVE_UP ──► DRIVE_HANG_UP ──╮
 *        ▲                                                                        │
 *        ╰────────── (drive_ended: it sleeps, or tries again) ◄───────────────────╯ ──► DRIVE_DONE
 *
 * A record is there when its time has come: a track of the past is a backlog, one that begins now
 * is live.
 */
#ifndef DASHSPOOL_DRIVE_H
#define DASHSPOOL_DRIVE_H

#include "dashspool/avl.h"
#include "dashspool/camreq.h"
#include "dashspool/dial.h"
#include "dashspool/track.h"

/* Data frames are counted from 1 over the tracker's life, however often each is sent. */
enum drive_fault_type {
    DRIVE_CRC,        /* frame `at` has a wrong CRC, once */
    DRIVE_CRC_ALWAYS, /* … whenever it is sent */
    DRIVE_COUNTS,     /* its second number of records is another one, once */
    DRIVE_ENDS,       /* its records do not end where they should, once */
    DRIVE_LOST,       /* its answer is lost: the link ends, and the records come again */
    DRIVE_TWICE,      /* it is sent again after its answer */
    DRIVE_CUT,        /* the link ends within it, once */
    DRIVE_SLEEP,      /* after each `at` frames the link is closed, for sleep_us */
    DRIVE_PIECES,     /* all goes out in pieces of 1 to `at` bytes */
    DRIVE_PINGS,      /* a ping before the login and before every frame */
    DRIVE_LOST_EACH,  /* the answer to each frame is lost, the first time */
    DRIVE_HALVES,     /* answers to commands come in two parts, a data frame between if there is
                         one */
    DRIVE_MUTE,       /* commands are not answered, nor carried out */
    DRIVE_NACK,       /* commands by Codec 14 are for another IMEI */
    DRIVE_N_FAULTS,
};

struct drive_fault {
    enum drive_fault_type type;
    uint32_t at;
};

/* "crc=3", "pings"; without a number 1. ERR_CONFIG names the faults that there are. */
int drive_fault_parse(const char *text, struct drive_fault *out, struct err *err) DS_MUST_CHECK;
#define DRIVE_FAULT_WORDS \
    "crc crc-always counts ends lost twice cut sleep pieces pings lost-each halves mute nack"

/* A stretch of the drive, from its first record on; until_us 0: none. */
struct drive_span {
    int64_t from_us, until_us;
};

#define DRIVE_FAULTS      8
#define DRIVE_REFUSALS    8
#define DRIVE_RECORDS_MAX 100000
#define DRIVE_NEVER       (-1)

enum { DRIVE_FRONT, DRIVE_REAR, DRIVE_CAMERAS };

struct drive_config {
    char imei[AVL_IMEI_ROOM];
    uint8_t codec; /* of records; in Codec 8 ids above 255 have no place, nor in 16 the trace */
    const struct track *track; /* borrowed while the drive lives; NULL: parked, for length_us */
    double lat_deg, lon_deg;   /* … here; both 0: without a fix */
    int64_t length_us;
    int64_t begin_us;  /* UTC of the first record; 0, with a track: as the track has it */
    int64_t period_us; /* of records */
    bool newest_first; /* as trackers are configured; else the oldest first */
    int batch;         /* records of a frame, at most 255; it has no more than 1280 bytes, or one */
    int64_t ping_us;   /* silent for so long: a ping; 0: never */
    int64_t sleep_us;  /* see DRIVE_SLEEP */
    int64_t answer_us; /* a login or frame without an answer for so long: the link is closed */
    int64_t retry_us;  /* … and so long after that a new one is made */
    int64_t stay_us;   /* all is said: it stays for requests, so long after what was last */
    struct drive_span private_mode; /* 391 is 1; position and speed are there none the less */
    struct drive_span ignition_off; /* 239 is 0, and cameras are off */
    int64_t crash_us; /* since the first record, or DRIVE_NEVER: 247, 317; its trace with 257 */
    int trigger;      /* 499, with high priority; DRIVE_NEVER: none */
    int64_t trigger_us;
    uint8_t camera[DRIVE_CAMERAS]; /* 498, 497: 3 mounted; else requests are refused */
    bool video[DRIVE_CAMERAS], photo[DRIVE_CAMERAS]; /* what can be captured; else that fails */
    enum camreq_class refuse[DRIVE_REFUSALS]; /* of one request each, in turn; ACCEPTED: not */
    int n_refuse;
    struct drive_fault fault[DRIVE_FAULTS];
    int n_faults;
    uint64_t seed; /* of DRIVE_PIECES */
};

/* Codec 8 Extended, a record a second, 10 a frame, oldest first, patience as trackers have it. */
struct drive_config drive_defaults(void);

#define DRIVE_ANSWER_ROOM 256

struct drive_stats {
    int logins;      /* accepted */
    int64_t records; /* of the drive */
    int64_t acknowledged;
    int64_t frames, sent_again; /* frames that were sent; records, more than once */
    int commands;               /* that came */
    int requests;               /* of them accepted: files come */
    char last_command[AVL_COMMAND_CHARS + 1];
    char last_answer[DRIVE_ANSWER_ROOM]; /* "": none */
};

struct drive;

/* config is copied. *out is the caller's (drive_free). ERR_CONFIG: more records than
 * DRIVE_RECORDS_MAX, a crash trace or trigger that the codec has no place for, … */
int drive_new(struct drive **out, const struct drive_config *config, struct err *err) DS_MUST_CHECK;
void drive_free(struct drive **drive);

enum drive_link { DRIVE_DOWN, DRIVE_DIAL, DRIVE_UP, DRIVE_HANG_UP, DRIVE_DONE };

/* What the caller is to do about the connection. */
enum drive_link drive_link(struct drive *drive, int64_t now_us);

/* The connection is there; it has ended, or could not be made. */
void drive_connected(struct drive *drive, int64_t now_us);
void drive_ended(struct drive *drive, int64_t now_us);

/* When there is something new to do even if nothing comes; INT64_MAX: never. */
int64_t drive_next_us(const struct drive *drive, int64_t now_us);

/* Records whose time has come, and that are not acknowledged. */
int64_t drive_backlog(const struct drive *drive, int64_t now_us);

/* Writes up to room bytes to send, in the pieces that are to go out; 0: nothing now. */
size_t drive_fill(struct drive *drive, int64_t now_us, uint8_t *out, size_t room);

/* What the server sent. ERR_MALFORMED: no server of trackers says that (a number where nothing is
 * to be acknowledged, too); ERR_FOREIGN: it refused the login. */
int drive_feed(struct drive *drive, int64_t now_us, const void *data, size_t n,
               struct err *err) DS_MUST_CHECK;

const struct drive_stats *drive_stats(const struct drive *drive);

/* The record of place i, by time, as it is sent; returns its size. For tests. */
size_t drive_record(const struct drive *drive, size_t i, uint8_t *out, size_t room);

/* ---- files that its cameras are to hand over ---- */

struct drive_upload {
    int camera; /* DRIVE_FRONT, DRIVE_REAR */
    bool photo;
    int64_t time_s; /* of its metadata */
    int seconds;    /* of a video */
    char resolution[12];
    char host[CAMREQ_HOST_ROOM]; /* of the command; "": none */
    int port;
};
/* A tracker has one place for a file of each camera and kind. */
#define DRIVE_UPLOADS 4

/* Those that wait and go to the same server; returns how many. Until drive_uploaded() no others are
 * given, and what is asked for in their places is refused ("already captured"). */
size_t drive_uploads(struct drive *drive, struct drive_upload out[DRIVE_UPLOADS]);
void drive_uploaded(struct drive *drive, int64_t now_us);

/* ---- and a network ---- */

/* Hands the files over, in a thread of its own; an error is told to `trouble`. */
typedef int drive_upload_fn(void *arg, const struct drive_upload *upload, size_t n,
                            struct err *err);

struct drive_where {
    const char *host, *port;
    const struct dial_tls *tls; /* NULL: plain */
    int timeout_ms; /* no acknowledgement for so long, while there is a record: give up */
    drive_upload_fn *upload;
    void (*say)(void *arg, const char *text); /* what happens, a line for people; NULL: nobody */
    void *arg;
};

/* Plays it until it is done. ERR_IO, ERR_AGAIN (nobody took its records in time), ERR_MALFORMED,
 * ERR_FOREIGN; as of the first upload that failed, when all else is done. */
int drive_run(struct drive *drive, const struct drive_where *where, struct err *err) DS_MUST_CHECK;

#endif

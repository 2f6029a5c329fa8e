/*
 * simulate: plays cameras against a receiver, so that anyone can test a server, a port or a
 * firewall without a vehicle: DualCam (files by packets), DSM, ADAS and protocol ID 6 (files by
 * path).
 *
 * The camera itself (simulate_camera_*) is pure: bytes in, bytes out. simulate_run() gives it a TCP
 * connection, or TLS on it. It behaves as field captures show: RESUME 0 and 1 are both answered by
 * SYNC 1, the CRC chain starts anew after every SYNC, REPEAT_INIT is answered by a fresh INIT. What
 * cameras and mobile networks do wrong it does on demand (struct simulate_fault).
 */
#ifndef DASHSPOOL_SIMULATE_H
#define DASHSPOOL_SIMULATE_H

#include "dashspool/dial.h"
#include "dashspool/wire.h"

struct simulate_file {
    const uint8_t *data; /* borrowed while the camera lives; NULL: no file */
    size_t n;
    struct wire_meta meta; /* of a slot: file_type is set by the camera */
    char path[64];         /* of a file by path: without its NUL */
};

/* Frames are counted from 1 in their file; what has no place happens at every occasion. */
enum simulate_fault_type {
    SIMULATE_CRC,         /* frame `at` has a wrong CRC, once */
    SIMULATE_CRC_ALWAYS,  /* … whenever it is sent */
    SIMULATE_DROP,        /* bytes vanish inside frame `at`, once (seen in the field) */
    SIMULATE_DISCONNECT,  /* the camera hangs up before frame `at` */
    SIMULATE_SILENCE,     /* … says nothing more until RESUME, once */
    SIMULATE_STATUS,      /* … says status 17 instead of it, and nothing more */
    SIMULATE_SYNC_TWICE,  /* SYNC and frame `at` come twice, once (seen in the field) */
    SIMULATE_IN_FLIGHT,   /* `at` frames, 32 at most, are under way when a RESUME comes (seen) */
    SIMULATE_SYNC_0,      /* packets are counted from 0 */
    SIMULATE_START_TWICE, /* START is repeated (seen) */
    SIMULATE_START_0,     /* the first START says 0: no file */
    SIMULATE_META_13,     /* version 2 metadata that say 13 bytes and have 14 */
    SIMULATE_N_FAULTS,
};

struct simulate_fault {
    enum simulate_fault_type type;
    uint32_t at;
};

/* "crc=3", "sync-0". ERR_CONFIG names the faults that there are. */
int simulate_fault_parse(const char *text, struct simulate_fault *out,
                         struct err *err) DS_MUST_CHECK;

#define SIMULATE_PATH_FILES  6
#define SIMULATE_FAULTS      8
#define SIMULATE_FRAME_BYTES 8192

struct simulate_config {
    uint64_t imei;
    uint16_t protocol_id; /* from 6 on metadata are JSON, and only by_path is offered */
    int meta_version; /* of slots: 1..4; 0: firmware that does not answer 0x000a, slot or path */
    struct simulate_file file[WIRE_N_SLOTS];           /* in the order of wire_slots */
    struct simulate_file by_path[SIMULATE_PATH_FILES]; /* handed over in this order */
    bool enhanced;                                     /* files by path: DATA as 0x000e */
    size_t data_bytes; /* … of so many bytes, up to SIMULATE_FRAME_BYTES; 0: 1024 */
    struct simulate_fault fault[SIMULATE_FAULTS];
    int n_faults;
};

struct simulate_stats {
    int files_sent; /* acknowledged by REPEAT_INIT */
    uint64_t bytes; /* file bytes sent, repeats included */
    int resumes;    /* RESUMEs beyond the first of each file */
    bool hung_up;   /* as SIMULATE_DISCONNECT asked */
};

struct simulate_camera;
#define SIMULATE_ROOM (8 + SIMULATE_FRAME_BYTES + 2)

/* config is copied. *out is the caller's (simulate_camera_free). */
int simulate_camera_new(struct simulate_camera **out, const struct simulate_config *config,
                        struct err *err) DS_MUST_CHECK;
void simulate_camera_free(struct simulate_camera **camera);

/* What the server sent. ERR_MALFORMED: no server of this protocol says that. */
int simulate_camera_feed(struct simulate_camera *camera, const void *data, size_t n,
                         struct err *err) DS_MUST_CHECK;

/* Writes up to room (at least SIMULATE_ROOM) bytes to send, whole frames; 0: nothing now. */
size_t simulate_camera_fill(struct simulate_camera *camera, uint8_t *out, size_t room);

/* The server said CLOSE or COMPLETE, or the camera hung up. */
bool simulate_camera_done(const struct simulate_camera *camera);
const struct simulate_stats *simulate_camera_stats(const struct simulate_camera *camera);

/* Connects to host:port (over TLS unless tls is NULL) and plays the camera until the server ends
 * the session. ERR_IO (connection), ERR_AGAIN (no answer within timeout_ms), ERR_MALFORMED (also:
 * no TLS, or a certificate that is not trusted), ERR_CONFIG (host, files). */
int simulate_run(struct simulate_camera *camera, const char *host, const char *port,
                 const struct dial_tls *tls, int timeout_ms, struct err *err) DS_MUST_CHECK;

#endif

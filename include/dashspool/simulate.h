/*
 * simulate: plays DualCam cameras against a receiver, so that anyone can test a server, a port or a
 * firewall without a vehicle.
 *
 * The camera itself (simulate_camera_*) is pure: bytes in, bytes out. simulate_run() gives it a TCP
 * connection. It behaves as field captures show: RESUME 0 and 1 are both answered by SYNC 1, the
 * CRC chain starts anew after every SYNC, REPEAT_INIT is answered by a fresh INIT.
 */
#ifndef DASHSPOOL_SIMULATE_H
#define DASHSPOOL_SIMULATE_H

#include "dashspool/wire.h"

struct simulate_file {
    const uint8_t *data; /* borrowed while the camera lives; NULL: nothing in this slot */
    size_t n;
    struct wire_meta meta; /* file_type is set by the camera */
};

struct simulate_config {
    uint64_t imei;
    uint16_t protocol_id;
    int meta_version;                        /* 1..4; 0: firmware that does not answer 0x000a */
    struct simulate_file file[WIRE_N_SLOTS]; /* in the order of wire_slots */
};

struct simulate_stats {
    int files_sent; /* acknowledged by REPEAT_INIT */
    uint64_t bytes; /* file bytes sent, repeats included */
    int resumes;    /* RESUMEs beyond the first of each file */
};

struct simulate_camera;

/* config is copied. *out is the caller's (simulate_camera_free). */
int simulate_camera_new(struct simulate_camera **out, const struct simulate_config *config,
                        struct err *err) DS_MUST_CHECK;
void simulate_camera_free(struct simulate_camera **camera);

/* What the server sent. ERR_MALFORMED: no server of this protocol says that. */
int simulate_camera_feed(struct simulate_camera *camera, const void *data, size_t n,
                         struct err *err) DS_MUST_CHECK;

/* Writes up to room (at least WIRE_FRAME_BYTES_MAX) bytes to send, whole frames; 0: nothing now. */
size_t simulate_camera_fill(struct simulate_camera *camera, uint8_t *out, size_t room);

/* The server said CLOSE or COMPLETE. */
bool simulate_camera_done(const struct simulate_camera *camera);
const struct simulate_stats *simulate_camera_stats(const struct simulate_camera *camera);

/* Connects to host:port and plays the camera until the server ends the session. ERR_IO
 * (connection), ERR_AGAIN (no answer within timeout_ms), ERR_MALFORMED. */
int simulate_run(struct simulate_camera *camera, const char *host, const char *port, int timeout_ms,
                 struct err *err) DS_MUST_CHECK;

#endif

/* The inside of a simulated camera: camera.c answers the server, data.c sends DATA, fault.c knows
 * what goes wrong. */
#ifndef SIMULATE_CAMERA_INTERNAL_H
#define SIMULATE_CAMERA_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/simulate.h"

enum {
    IN_FLIGHT_MAX = 32,
    STATUS_BAD_RESUME = 6,
    STATUS_FILE_READ_FAILED = 17,
};

struct simulate_camera {
    struct simulate_config config;
    struct simulate_stats stats;
    bool pending[WIRE_N_SLOTS], path_pending[SIMULATE_PATH_FILES];
    bool fired[SIMULATE_FAULTS];
    struct buf in, reply;
    const struct simulate_file *file; /* asked for; NULL: none */
    bool *file_pending;               /* cleared when it is acknowledged */
    int named;                        /* of by_path, the one whose path was said; -1: none */
    bool by_path;                     /* `file` is */
    bool sending;                     /* DATA is due */
    bool resumed;                     /* the file had its first RESUME */
    size_t at;                        /* of the next DATA in the file */
    uint16_t seed;
    bool done;
};

/* ---- camera.c ---- */

int camera_reply_u32(struct simulate_camera *c, uint16_t id, uint32_t value,
                     struct err *err) DS_MUST_CHECK;

/* ---- data.c ---- */

/* What RESUME and SYNC call byte `at` of the file. */
uint32_t camera_offset(const struct simulate_camera *c, size_t at);
/* Writes the next DATA frame; returns its bytes. The file goes on at c->at. */
size_t camera_put_data(struct simulate_camera *c, uint8_t *out, size_t room);

/* ---- fault.c ---- */

/* A fault of that type that is due at `frame` (0: anywhere); it fires once unless `again`. */
const struct simulate_fault *camera_fault(struct simulate_camera *c, enum simulate_fault_type type,
                                          uint32_t frame, bool again);

#endif

#include "dashspool/buf.h"
#include "dashspool/reader.h"
#include "dashspool/simulate.h"
#include <stdlib.h>

enum {
    INPUT_BYTES_MAX = 4096,       /* a server's frames are under 600 bytes */
    REPLY_BYTES_MAX = 8192,       /* answers that wait to be sent */
    SETTINGS_ALWAYS = 0x40000400, /* set in every INIT of a DualCam that was seen */
    STATUS_FILE_READ_FAILED = 0x11,
};

struct simulate_camera {
    struct simulate_config config;
    struct simulate_stats stats;
    bool pending[WIRE_N_SLOTS];
    struct buf in, reply;
    int slot;        /* being fetched; -1: none */
    bool sending;    /* DATA is due */
    bool resumed;    /* the file had its first RESUME */
    uint32_t packet; /* 0-based index of the next DATA */
    uint16_t seed;
    bool done;
};

static uint32_t packets_of(const struct simulate_file *f)
{
    return (uint32_t)((f->n + WIRE_PACKET_BYTES - 1) / WIRE_PACKET_BYTES);
}

static int reply_init(struct simulate_camera *c, struct err *err)
{
    uint32_t settings = SETTINGS_ALWAYS;
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        if (c->pending[i])
            settings |= wire_slots[i].setting;
    uint8_t init[WIRE_INIT_BYTES];
    wire_init_put(init, c->config.protocol_id, c->config.imei, settings);
    return buf_append(&c->reply, init, sizeof init, err);
}

static int reply_frame(struct simulate_camera *c, uint16_t id, const void *payload, size_t n,
                       struct err *err)
{
    uint8_t frame[WIRE_FRAME_BYTES_MAX];
    return buf_append(&c->reply, frame, wire_frame_put(frame, sizeof frame, id, payload, n), err);
}

static int reply_u32(struct simulate_camera *c, uint16_t id, uint32_t value, struct err *err)
{
    uint8_t frame[8];
    return buf_append(&c->reply, frame, wire_u32_put(frame, sizeof frame, id, value), err);
}

int simulate_camera_new(struct simulate_camera **out, const struct simulate_config *config,
                        struct err *err)
{
    struct simulate_camera *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory for a camera");
    c->config = *config;
    c->slot = -1;
    buf_init(&c->in, INPUT_BYTES_MAX);
    buf_init(&c->reply, REPLY_BYTES_MAX);
    for (int i = 0; i < WIRE_N_SLOTS; i++) {
        c->pending[i] = config->file[i].data != NULL;
        c->config.file[i].meta.file_type = wire_slots[i].file_type;
    }
    int rc = reply_init(c, err);
    if (rc < 0)
        simulate_camera_free(out);
    return rc;
}

void simulate_camera_free(struct simulate_camera **camera)
{
    if (!camera || !*camera)
        return;
    buf_clear(&(*camera)->in);
    buf_clear(&(*camera)->reply);
    free(*camera);
    *camera = NULL;
}

/* The slot that an identifier names, if there is a file in it, else -1. */
static int slot_of(const struct simulate_camera *c, const uint8_t *identifier, size_t n)
{
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        if (n == WIRE_IDENTIFIER_BYTES && c->pending[i] &&
            memcmp(identifier, wire_slots[i].identifier, n) == 0)
            return i;
    return -1;
}

static int on_meta_request(struct simulate_camera *c, const uint8_t *identifier, size_t n,
                           struct err *err)
{
    int slot = slot_of(c, identifier, n);
    if (slot < 0)
        return reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, err);
    if (c->config.meta_version == 0)
        return ERR_OK;
    uint8_t meta[WIRE_META_V4_BYTES];
    size_t bytes = wire_meta_put(meta, &c->config.file[slot].meta, c->config.meta_version);
    return reply_frame(c, WIRE_META, meta, bytes, err);
}

static int on_file_request(struct simulate_camera *c, const uint8_t *identifier, size_t n,
                           struct err *err)
{
    c->slot = slot_of(c, identifier, n);
    c->sending = c->resumed = false;
    if (c->slot < 0)
        return reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, err);
    uint8_t start[6] = {0};
    uint32_t packets = packets_of(&c->config.file[c->slot]);
    for (int i = 0; i < 4; i++)
        start[i] = (uint8_t)(packets >> (24 - 8 * i));
    return reply_frame(c, WIRE_START, start, sizeof start, err);
}

static int on_resume(struct simulate_camera *c, uint32_t offset, struct err *err)
{
    if (c->slot < 0 || offset > packets_of(&c->config.file[c->slot]))
        return reply_u32(c, WIRE_STATUS, 6, err);
    if (offset == 0)
        offset = 1;
    c->stats.resumes += c->resumed;
    c->resumed = c->sending = true;
    c->packet = offset - 1;
    c->seed = 0;
    return reply_u32(c, WIRE_SYNC, offset, err);
}

static int on_repeat_init(struct simulate_camera *c, struct err *err)
{
    if (c->slot >= 0) {
        c->pending[c->slot] = false;
        c->stats.files_sent++;
    }
    c->slot = -1;
    c->sending = false;
    return reply_init(c, err);
}

static int on_command(struct simulate_camera *c, uint16_t id, const uint8_t *payload, size_t n,
                      struct err *err)
{
    struct rd r = rd_init(payload, n);
    switch (id) {
    case WIRE_CLOSE:
        c->done = true;
        return ERR_OK;
    case WIRE_STATUS:
        c->done = rd_be32(&r) == 0;
        return ERR_OK;
    case WIRE_META_REQ:
        return on_meta_request(c, payload, n, err);
    case WIRE_FILE_REQ:
        return on_file_request(c, payload, n, err);
    case WIRE_RESUME: {
        uint32_t offset = rd_be32(&r);
        if (rd_done(&r))
            return on_resume(c, offset, err);
        break;
    }
    default:
        break;
    }
    return err_set(err, ERR_MALFORMED, "the server sent command %04x with %zu bytes", id, n);
}

int simulate_camera_feed(struct simulate_camera *c, const void *data, size_t n, struct err *err)
{
    int rc = buf_append(&c->in, data, n, err);
    while (rc == ERR_OK && !c->done) {
        struct rd r = rd_init(buf_data(&c->in), c->in.used);
        uint16_t id = rd_be16(&r);
        if (!r.bad && id == WIRE_REPEAT_INIT) { /* has no length */
            buf_consume(&c->in, 2);
            rc = on_repeat_init(c, err);
            continue;
        }
        uint16_t length = rd_be16(&r);
        const uint8_t *payload = rd_bytes(&r, length);
        if (!payload)
            break;
        rc = on_command(c, id, payload, length, err);
        buf_consume(&c->in, 4 + (size_t)length);
    }
    return rc;
}

size_t simulate_camera_fill(struct simulate_camera *c, uint8_t *out, size_t room)
{
    size_t used = c->reply.used < room ? c->reply.used : room;
    memcpy(out, buf_data(&c->reply), used);
    buf_consume(&c->reply, used);
    const struct simulate_file *f = c->slot < 0 ? NULL : &c->config.file[c->slot];
    while (f && c->sending && c->reply.used == 0 && room - used >= WIRE_DATA_FRAME_BYTES) {
        if (c->packet >= packets_of(f)) {
            c->sending = false;
            break;
        }
        size_t at = (size_t)c->packet++ * WIRE_PACKET_BYTES;
        size_t n = f->n - at < WIRE_PACKET_BYTES ? f->n - at : WIRE_PACKET_BYTES;
        used += wire_data_put(out + used, room - used, f->data + at, n, &c->seed);
        c->stats.bytes += n;
    }
    return used;
}

bool simulate_camera_done(const struct simulate_camera *c)
{
    return c->done;
}

const struct simulate_stats *simulate_camera_stats(const struct simulate_camera *c)
{
    return &c->stats;
}

/* A simulated camera: it answers the server, sends DATA, and does what goes wrong. */
#include "dashspool/buf.h"
#include "dashspool/reader.h"
#include "dashspool/simulate.h"
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const struct {
    const char *name;
    bool has_place;
} faults[SIMULATE_N_FAULTS] = {
    [SIMULATE_CRC] = {"crc", true},
    [SIMULATE_CRC_ALWAYS] = {"crc-always", true},
    [SIMULATE_DROP] = {"drop", true},
    [SIMULATE_DISCONNECT] = {"disconnect", true},
    [SIMULATE_SILENCE] = {"silence", true},
    [SIMULATE_STATUS] = {"status", true},
    [SIMULATE_SYNC_TWICE] = {"sync-twice", true},
    [SIMULATE_IN_FLIGHT] = {"in-flight", true},
    [SIMULATE_SYNC_0] = {"sync-0", false},
    [SIMULATE_START_TWICE] = {"start-twice", false},
    [SIMULATE_START_0] = {"start-0", false},
    [SIMULATE_META_13] = {"meta-13", false},
};

int simulate_fault_parse(const char *text, struct simulate_fault *out, struct err *err)
{
    size_t n = strcspn(text, "=");
    char all[200] = "", *end = NULL;
    unsigned long at = text[n] == '=' ? strtoul(text + n + 1, &end, 10) : 1;
    bool number = !end || (end != text + n + 1 && *end == '\0' && at > 0 && at <= UINT32_MAX);
    size_t used = 0;
    for (int i = 0; i < SIMULATE_N_FAULTS; i++) {
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s%s", i ? ", " : "",
                                 faults[i].name, faults[i].has_place ? "=N" : "");
        if (strlen(faults[i].name) != n || memcmp(faults[i].name, text, n) != 0)
            continue;
        if (!number || (end && !faults[i].has_place))
            return err_set(err, ERR_CONFIG, "%s: %s", text,
                           faults[i].has_place ? "a number from 1 is needed behind the ="
                                               : "this fault has no number");
        *out = (struct simulate_fault){(enum simulate_fault_type)i, (uint32_t)at};
        return ERR_OK;
    }
    return err_set(err, ERR_CONFIG, "unknown fault %s; known faults: %s", text, all);
}

static const struct simulate_fault *due_fault(struct simulate_camera *c,
                                              enum simulate_fault_type type, uint32_t frame,
                                              bool again)
{
    for (int i = 0; i < c->config.n_faults; i++) {
        const struct simulate_fault *f = &c->config.fault[i];
        if (f->type != type || (frame && f->at != frame) || (c->fired[i] && !again))
            continue;
        c->fired[i] = true;
        return f;
    }
    return NULL;
}

/* ---- the camera ---- */

enum {
    INPUT_BYTES_MAX = 4096, /* a server's frames are under 600 bytes */
    REPLY_BYTES_MAX = 2 * IN_FLIGHT_MAX * (SIMULATE_ROOM), /* answers that wait to be sent */
    SETTINGS_ALWAYS = 0x40000400, /* set in every INIT of a DualCam that was seen */
};

/* ---- answers ---- */

static int reply_init(struct simulate_camera *c, struct err *err)
{
    uint32_t settings = SETTINGS_ALWAYS;
    for (int i = 0; i < WIRE_N_SLOTS; i++)
        if (c->pending[i])
            settings |= wire_slots[i].setting;
    for (int i = 0; i < SIMULATE_PATH_FILES; i++)
        if (c->path_pending[i])
            settings |= WIRE_SETTING_PATH;
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

/* ---- metadata ---- */

/* The keys that are known; nobody has seen the whole of it. */
static int reply_json(struct simulate_camera *c, const struct wire_meta *m, struct err *err)
{
    json_t *o =
        json_pack("{s:i, s:{s:i, s:I, s:i, s:i}, s:{s:i}, s:{s:f, s:f}, s:s}", "version", 1, "file",
                  "file_type", (int)m->file_type, "file_timestamp", (json_int_t)(m->time_ms / 1000),
                  "duration", (int)m->length_s, "framerate", (int)m->fps, "fm_trigger", "type",
                  (int)m->trigger, "location", "latitude", m->lat_deg, "longitude", m->lon_deg,
                  "driver_name", m->driver);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int rc = text ? reply_frame(c, WIRE_META, text, strlen(text), err) : err_nomem(err, "metadata");
    free(text);
    json_decref(o);
    return rc;
}

static int reply_meta(struct simulate_camera *c, const struct wire_meta *m, struct err *err)
{
    if (c->config.meta_version == 0)
        return ERR_OK;
    if (c->config.protocol_id >= WIRE_PROTOCOL_BY_PATH)
        return reply_json(c, m, err);
    uint8_t meta[WIRE_META_V4_BYTES];
    if (m->kind != WIRE_KIND_DUALCAM || !due_fault(c, SIMULATE_META_13, 0, true))
        return reply_frame(c, WIRE_META, meta, wire_meta_put(meta, m, c->config.meta_version), err);
    size_t n = wire_meta_put(meta, m, 2); /* 14; one is not in the length */
    int rc = reply_frame(c, WIRE_META, meta, n - 1, err);
    return rc < 0 ? rc : buf_append(&c->reply, meta + n - 1, 1, err);
}

static size_t frame_data_bytes(const struct simulate_camera *c)
{
    return c->by_path && c->config.data_bytes ? c->config.data_bytes : WIRE_PACKET_BYTES;
}

static uint32_t offset_of(const struct simulate_camera *c, size_t at)
{
    if (c->by_path)
        return (uint32_t)at;
    bool from_0 = false;
    for (int i = 0; i < c->config.n_faults; i++)
        from_0 = from_0 || c->config.fault[i].type == SIMULATE_SYNC_0;
    return (uint32_t)(at / WIRE_PACKET_BYTES) + !from_0;
}

static size_t put_data(struct simulate_camera *c, uint8_t *out, size_t room)
{
    const struct simulate_file *f = c->file;
    size_t n = frame_data_bytes(c), left = f->n - c->at;
    n = n < left ? n : left;
    size_t used = c->by_path && c->config.enhanced
                      ? wire_enh_data_put(out, room, (uint32_t)c->at, f->data + c->at, n, &c->seed)
                      : wire_data_put(out, room, f->data + c->at, n, &c->seed);
    c->at += n;
    c->stats.bytes += n;
    return used;
}

/* ---- what the server asks ---- */

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
    if (n == 0 && c->named >= 0)
        return reply_meta(c, &c->config.by_path[c->named].meta, err);
    if (slot >= 0)
        return reply_meta(c, &c->config.file[slot].meta, err);
    return reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, err);
}

static int on_file_request(struct simulate_camera *c, const uint8_t *name, size_t n,
                           struct err *err)
{
    /* Chooses the file that a slot's name or a path means; a path must be echoed with its NUL. */
    int slot = slot_of(c, name, n);
    const struct simulate_file *named = c->named < 0 ? NULL : &c->config.by_path[c->named];
    c->file = NULL;
    c->by_path = named && n == strlen(named->path) + 1 && memcmp(name, named->path, n) == 0;
    if (c->by_path) {
        c->file = named;
        c->file_pending = &c->path_pending[c->named];
    } else if (slot >= 0) {
        c->file = &c->config.file[slot];
        c->file_pending = &c->pending[slot];
    }
    c->sending = c->resumed = false;
    if (!c->file)
        return reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, err);
    bool empty = due_fault(c, SIMULATE_START_0, 0, false);
    uint16_t crc = c->by_path ? wire_crc(0, c->file->data, c->file->n) : 0;
    size_t count = (c->file->n + WIRE_PACKET_BYTES - 1) / WIRE_PACKET_BYTES;
    count = empty ? 0 : c->by_path ? c->file->n : count;
    uint8_t start[6] = {(uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8),
                        (uint8_t)count,         (uint8_t)(crc >> 8),    (uint8_t)crc};
    if (empty && !c->by_path)
        c->file = NULL;
    int rc = reply_frame(c, WIRE_START, start, sizeof start, err);
    if (rc == ERR_OK && due_fault(c, SIMULATE_START_TWICE, 0, true))
        rc = reply_frame(c, WIRE_START, start, sizeof start, err);
    return rc;
}

/* What is on its way when the server's RESUME comes. */
static int reply_in_flight(struct simulate_camera *c, struct err *err)
{
    const struct simulate_fault *f = due_fault(c, SIMULATE_IN_FLIGHT, 0, true);
    uint8_t frame[SIMULATE_ROOM];
    int rc = ERR_OK;
    for (uint32_t i = 0; f && rc == ERR_OK && i < f->at && i < IN_FLIGHT_MAX; i++)
        if (c->at < c->file->n)
            rc = buf_append(&c->reply, frame, put_data(c, frame, sizeof frame), err);
    return rc;
}

static int on_resume(struct simulate_camera *c, uint32_t offset, struct err *err)
{
    uint32_t first = c->file ? offset_of(c, 0) : 0;
    if (!c->by_path && offset <= 1 && (!c->resumed || offset < first))
        offset = first; /* 0 and 1 both mean the beginning */
    size_t at = (size_t)(offset - first) * (c->by_path ? 1 : WIRE_PACKET_BYTES);
    if (!c->file || at >= c->file->n)
        return reply_u32(c, WIRE_STATUS, STATUS_BAD_RESUME, err);
    int rc = c->resumed ? reply_in_flight(c, err) : ERR_OK;
    c->stats.resumes += c->resumed;
    c->resumed = c->sending = true;
    c->at = at;
    c->seed = 0;
    return rc < 0 ? rc : reply_u32(c, WIRE_SYNC, offset, err);
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
    case WIRE_PATH_REQ:
        if (n == 2) {
            c->named = -1;
            for (int i = SIMULATE_PATH_FILES - 1; i >= 0; i--)
                if (c->path_pending[i])
                    c->named = i;
            const char *path = c->named < 0 ? "" : c->config.by_path[c->named].path;
            return reply_frame(c, WIRE_PATH, path, strlen(path) + 1, err);
        }
        break;
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

/* ---- the door ---- */

int simulate_camera_new(struct simulate_camera **out, const struct simulate_config *config,
                        struct err *err)
{
    assert(config->data_bytes <= SIMULATE_FRAME_BYTES && config->n_faults <= SIMULATE_FAULTS);
    struct simulate_camera *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "a camera");
    c->config = *config;
    c->named = -1;
    buf_init(&c->in, INPUT_BYTES_MAX);
    buf_init(&c->reply, REPLY_BYTES_MAX);
    for (int i = 0; i < WIRE_N_SLOTS; i++) {
        c->pending[i] = config->file[i].data != NULL && config->protocol_id < WIRE_PROTOCOL_BY_PATH;
        c->config.file[i].meta.file_type = wire_slots[i].file_type;
    }
    for (int i = 0; i < SIMULATE_PATH_FILES; i++)
        c->path_pending[i] = config->by_path[i].data != NULL;
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

int simulate_camera_feed(struct simulate_camera *c, const void *data, size_t n, struct err *err)
{
    int rc = buf_append(&c->in, data, n, err);
    while (rc == ERR_OK && !c->done) {
        struct rd r = rd_init(buf_data(&c->in), c->in.used);
        uint16_t id = rd_be16(&r);
        if (!r.bad && id == WIRE_REPEAT_INIT) { /* has no length */
            buf_consume(&c->in, 2);
            if (c->file) {
                *c->file_pending = false;
                c->stats.files_sent += c->resumed;
            }
            c->file = NULL;
            c->named = -1;
            c->sending = false;
            rc = reply_init(c, err);
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

bool simulate_camera_done(const struct simulate_camera *c)
{
    return c->done;
}

const struct simulate_stats *simulate_camera_stats(const struct simulate_camera *c)
{
    return &c->stats;
}

/* ---- data ---- */

/* Frame `k` as the network or the camera spoils it; returns its bytes. */
static size_t spoil(struct simulate_camera *c, uint32_t k, uint8_t *frame, size_t n)
{
    if (due_fault(c, SIMULATE_CRC, k, false) || due_fault(c, SIMULATE_CRC_ALWAYS, k, true))
        frame[n - 1] ^= 0x55;
    if (due_fault(c, SIMULATE_DROP, k, false)) {
        size_t gone = n / 3; /* from the middle */
        memmove(frame + n / 3, frame + n / 3 + gone, n - n / 3 - gone);
        n -= gone;
    }
    return n;
}

/* Whether the camera says something else than frame `k`, or nothing. */
static bool stops(struct simulate_camera *c, uint32_t k)
{
    struct err err;
    if (due_fault(c, SIMULATE_DISCONNECT, k, false))
        c->done = c->stats.hung_up = true;
    else if (due_fault(c, SIMULATE_STATUS, k, false))
        c->sending = reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, &err) < 0;
    else if (due_fault(c, SIMULATE_SILENCE, k, false))
        c->sending = false;
    else
        return false;
    return true;
}

/* Answers that wait, as many as there is room for. */
static size_t take_replies(struct simulate_camera *c, uint8_t *out, size_t room)
{
    size_t n = c->reply.used < room ? c->reply.used : room;
    memcpy(out, buf_data(&c->reply), n);
    buf_consume(&c->reply, n);
    return n;
}

size_t simulate_camera_fill(struct simulate_camera *c, uint8_t *out, size_t room)
{
    struct err err;
    size_t used = take_replies(c, out, room);
    while (c->file && c->sending && !c->done && c->reply.used == 0 &&
           room - used >= SIMULATE_ROOM) {
        if (c->at >= c->file->n) {
            c->sending = false;
            break;
        }
        uint32_t k = (uint32_t)(c->at / frame_data_bytes(c)) + 1;
        size_t from = c->at;
        if (stops(c, k))
            break;
        size_t n = put_data(c, out + used, room - used);
        used += spoil(c, k, out + used, n);
        if (due_fault(c, SIMULATE_SYNC_TWICE, k, false) &&
            reply_u32(c, WIRE_SYNC, offset_of(c, from), &err) == ERR_OK) {
            c->at = from;
            c->seed = 0;
        }
    }
    return used + take_replies(c, out + used, room - used); /* what stopped it, too */
}

#include "camera_internal.h"
#include <stdlib.h>
#include <string.h>

static size_t frame_data_bytes(const struct simulate_camera *c)
{
    return c->by_path && c->config.data_bytes ? c->config.data_bytes : WIRE_PACKET_BYTES;
}

static uint32_t frame_number(const struct simulate_camera *c)
{
    return (uint32_t)(c->at / frame_data_bytes(c)) + 1;
}

uint32_t camera_offset(const struct simulate_camera *c, size_t at)
{
    if (c->by_path)
        return (uint32_t)at;
    bool from_0 = false;
    for (int i = 0; i < c->config.n_faults; i++)
        from_0 = from_0 || c->config.fault[i].type == SIMULATE_SYNC_0;
    return (uint32_t)(at / WIRE_PACKET_BYTES) + !from_0;
}

size_t camera_put_data(struct simulate_camera *c, uint8_t *out, size_t room)
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

/* Frame `k` as the network or the camera spoils it; returns its bytes. */
static size_t spoil(struct simulate_camera *c, uint32_t k, uint8_t *frame, size_t n)
{
    if (camera_fault(c, SIMULATE_CRC, k, false) || camera_fault(c, SIMULATE_CRC_ALWAYS, k, true))
        frame[n - 1] ^= 0x55;
    if (camera_fault(c, SIMULATE_DROP, k, false)) {
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
    if (camera_fault(c, SIMULATE_DISCONNECT, k, false))
        c->done = c->stats.hung_up = true;
    else if (camera_fault(c, SIMULATE_STATUS, k, false))
        c->sending = camera_reply_u32(c, WIRE_STATUS, STATUS_FILE_READ_FAILED, &err) < 0;
    else if (camera_fault(c, SIMULATE_SILENCE, k, false))
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
        uint32_t k = frame_number(c);
        size_t from = c->at;
        if (stops(c, k))
            break;
        size_t n = camera_put_data(c, out + used, room - used);
        used += spoil(c, k, out + used, n);
        if (camera_fault(c, SIMULATE_SYNC_TWICE, k, false) &&
            camera_reply_u32(c, WIRE_SYNC, camera_offset(c, from), &err) == ERR_OK) {
            c->at = from;
            c->seed = 0;
        }
    }
    return used + take_replies(c, out + used, room - used); /* what stopped it, too */
}

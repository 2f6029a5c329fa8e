#include "dashspool/reader.h"
#include "session_internal.h"

/* ---- a stream that is out of step ---- */

/* The SYNC that was asked for begins here. A camera that counts from 0 calls packet 1 so. */
static bool is_sync(const struct wire_session *s, const uint8_t *at, uint32_t *offset)
{
    struct rd r = rd_init(at, U32_FRAME_BYTES);
    uint16_t id = rd_be16(&r), length = rd_be16(&r);
    *offset = rd_be32(&r);
    return id == WIRE_SYNC && length == 4 &&
           (*offset == s->asked || (*offset == 0 && s->asked == 1 && !s->base_known));
}

enum { SAME_CAMERA_BYTES = 12 }; /* of INIT: all but the settings */

/* Drops all up to the SYNC that was asked for, or an INIT of the same camera: it began anew. Bytes
 * can be missing anywhere, so that headers mean nothing. Eight bytes stay: see
 * session_trailing_status(). */
static bool find_sync(struct wire_session *s, int64_t now_us)
{
    const uint8_t *data = buf_data(&s->in);
    size_t n = s->in.used, i = 0;
    uint32_t offset;
    for (; i + U32_FRAME_BYTES <= n; i++) {
        size_t some = n - i < SAME_CAMERA_BYTES ? n - i : SAME_CAMERA_BYTES;
        if (memcmp(data + i, s->init_raw, some) == 0) {
            if (n - i < WIRE_INIT_BYTES)
                break;
            s->stats.bytes_lost += i;
            s->consumed = i;
            s->dropping = false;
            return true;
        }
        if (is_sync(s, data + i, &offset)) {
            s->stats.bytes_lost += i;
            s->consumed = i + U32_FRAME_BYTES;
            session_on_sync(s, offset, now_us);
            return true;
        }
    }
    if (n - i < U32_FRAME_BYTES)
        i = n < U32_FRAME_BYTES ? 0 : n - U32_FRAME_BYTES;
    s->stats.bytes_lost += i;
    buf_consume(&s->in, i);
    return false;
}

bool session_trailing_status(const struct wire_session *s, uint32_t *status)
{
    if (!s->dropping || s->in.used < U32_FRAME_BYTES)
        return false;
    struct rd r = rd_init(buf_data(&s->in) + s->in.used - U32_FRAME_BYTES, U32_FRAME_BYTES);
    uint16_t id = rd_be16(&r), length = rd_be16(&r);
    *status = rd_be32(&r);
    return id == WIRE_STATUS && length == 4 && *status > 0 && *status < 256;
}

/* ---- frames in step ---- */

static bool is_header(const uint8_t *at, uint16_t id, uint16_t length)
{
    return (at[0] << 8 | at[1]) == id && (at[2] << 8 | at[3]) == length;
}

static bool may_answer_request(const uint8_t *at)
{
    return is_header(at, WIRE_START, 6) || is_header(at, WIRE_STATUS, 4);
}

/* Some firmware says that version 2 metadata have 13 bytes and sends 14: the frame rate comes when
 * it likes, and START behind it. Whether it is there shows when START (or a status) does, since no
 * legal answer begins one byte before another. False: wait for more bytes. */
static bool take_one_more(struct wire_session *s)
{
    const uint8_t *data = buf_data(&s->in);
    if (s->in.used < FRAME_HEADER_BYTES + 1)
        return false; /* all legal frames are longer */
    s->may_have_one_more = false;
    if (!may_answer_request(data) && may_answer_request(data + 1)) {
        struct err err;
        if (buf_append(&s->meta, data, 1, &err) == ERR_OK) {
            s->offer.meta = buf_data(&s->meta);
            s->offer.meta_bytes++;
        }
        s->consumed = 1;
    }
    return true;
}

/* 000e says where it belongs, and how long it is: that is judged before its end is waited for,
 * which in a stream out of step may never come. */
static bool is_out_of_place(const struct wire_session *s, const uint8_t *data, size_t n)
{
    if (n < 2 || data[0] != 0 || data[1] != WIRE_ENH_DATA || s->state != RECEIVING)
        return false;
    if (s->offer.mode != WIRE_BY_BYTES)
        return true;
    struct rd r = rd_init(data + 2, n - 2);
    uint16_t length = rd_be16(&r);
    uint32_t offset = rd_be32(&r);
    return !r.bad && (offset != s->at || length - ENH_OFFSET_BYTES - 2u > s->size - s->at);
}

bool session_input(struct wire_session *s, int64_t now_us)
{
    if (s->state == CLOSING) { /* it is no matter any more */
        s->consumed = s->in.used;
        return false;
    }
    if (s->dropping)
        return find_sync(s, now_us);
    if (s->state == WAIT_START && s->may_have_one_more)
        return take_one_more(s);
    const uint8_t *data = buf_data(&s->in);
    struct wire_frame f;
    enum wire_parsed parsed = wire_frame_parse(data, s->in.used, &f);
    if (parsed == WIRE_BAD_HEADER || is_out_of_place(s, data, s->in.used)) {
        session_on_bad_header(s, now_us);
        return true;
    }
    if (parsed == WIRE_NEED_MORE)
        return false;
    s->consumed = f.frame_bytes;
    session_on_frame(s, &f, data, now_us);
    return true;
}

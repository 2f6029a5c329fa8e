#include "avl_internal.h"
#include "dashspool/text.h"

enum {
    PING = 0xff,
    PREFIX_BYTES = 8, /* preamble and length */
    CAMERA_BYTES = 16,
    KEPT_BYTES = 4096, /* memory that a silent link keeps: as a rule a frame of the largest size */
};

void avl_stream_init(struct avl_stream *s, size_t length_max)
{
    *s = (struct avl_stream){.length_max = length_max};
    buf_init(&s->in, length_max + AVL_AROUND_BYTES + AVL_FEED_MAX);
}

void avl_stream_clear(struct avl_stream *s)
{
    buf_clear(&s->in);
    s->taken = 0;
}

static void give_back(struct avl_stream *s)
{
    buf_consume(&s->in, s->taken);
    s->taken = 0;
    if (s->in.used == 0 && (s->over || s->in.room > KEPT_BYTES))
        buf_clear(&s->in);
}

int avl_stream_feed(struct avl_stream *s, const void *data, size_t n, struct err *err)
{
    give_back(s);
    return s->over ? ERR_OK : buf_append(&s->in, data, n, err);
}

static bool take(struct avl_stream *s, struct avl_item *out, enum avl_item_type type, size_t n)
{
    out->type = type;
    out->raw = buf_data(&s->in);
    out->raw_bytes = s->taken = n;
    return true;
}

/* No way back into step. */
static bool take_all(struct avl_stream *s, struct avl_item *out, enum avl_item_type type)
{
    out->over = s->over = true;
    return take(s, out, type, s->in.used);
}

static bool refuse(struct avl_stream *s, struct avl_item *out, enum avl_reason reason)
{
    out->reason = reason;
    return take_all(s, out, AVL_ITEM_REFUSED);
}

static bool next_login(struct avl_stream *s, struct avl_item *out)
{
    const uint8_t *p = buf_data(&s->in);
    if (p[1] != AVL_IMEI_ROOM - 1) /* another length: a login if one is due, else noise */
        return s->begun ? refuse(s, out, AVL_BAD_PREAMBLE) : take_all(s, out, AVL_ITEM_LOGIN);
    if (s->in.used < AVL_LOGIN_BYTES)
        return false;
    if (!avl_imei_read(p + 2, out->imei))
        return take_all(s, out, AVL_ITEM_LOGIN);
    out->luhn = text_imei_ok(out->imei);
    s->begun = true;
    return take(s, out, AVL_ITEM_LOGIN, AVL_LOGIN_BYTES);
}

/* u16 0, u16 protocol ID, u64 IMEI, u32 settings: 14 or 15 digits, by which it is told from a
 * preamble that is not 0. */
static bool next_camera(struct avl_stream *s, struct avl_item *out)
{
    if (s->begun)
        return refuse(s, out, AVL_BAD_PREAMBLE);
    if (s->in.used < CAMERA_BYTES)
        return false;
    struct rd r = rd_init(buf_data(&s->in) + 4, 8);
    uint64_t imei = rd_be64(&r);
    if (imei < UINT64_C(10000000000000) || imei > UINT64_C(999999999999999))
        return refuse(s, out, AVL_BAD_PREAMBLE);
    for (size_t i = AVL_IMEI_ROOM - 1; i > 0; i--, imei /= 10)
        out->imei[i - 1] = (char)('0' + imei % 10);
    out->luhn = text_imei_ok(out->imei);
    return take_all(s, out, AVL_ITEM_CAMERA);
}

static bool next_frame(struct avl_stream *s, struct avl_item *out)
{
    if (s->in.used < PREFIX_BYTES)
        return false;
    struct rd r = rd_init(buf_data(&s->in) + 4, 4);
    size_t length = rd_be32(&r);
    if (length < AVL_LENGTH_MIN || length > s->length_max)
        return refuse(s, out, AVL_BAD_LENGTH);
    if (s->in.used < length + AVL_AROUND_BYTES)
        return false;
    s->begun = true;
    take(s, out, AVL_ITEM_FRAME, length + AVL_AROUND_BYTES);
    out->reason = avl_frame_parse(out->raw, out->raw_bytes, s->length_max, &out->frame);
    if (out->reason != AVL_FINE)
        out->type = AVL_ITEM_REFUSED;
    return true;
}

/* The first bytes tell what it is: ff ping, 000f login, 0000 0000 frame, 0000 and more camera. */
bool avl_stream_next(struct avl_stream *s, struct avl_item *out)
{
    *out = (struct avl_item){.type = AVL_ITEM_PING};
    give_back(s);
    if (s->over || s->in.used == 0)
        return false;
    const uint8_t *p = buf_data(&s->in);
    if (p[0] == PING)
        return take(s, out, AVL_ITEM_PING, 1);
    if (p[0] != 0)
        return refuse(s, out, AVL_BAD_PREAMBLE);
    if (s->in.used < 2)
        return false;
    if (p[1] != 0)
        return next_login(s, out);
    if (s->in.used < 4)
        return false;
    return p[2] || p[3] ? next_camera(s, out) : next_frame(s, out);
}

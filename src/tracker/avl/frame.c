#include "avl_internal.h"

/* All n records, and nothing behind them. */
static bool records_end(const struct avl_frame *frame)
{
    struct rd r = rd_init(frame->body, frame->body_bytes);
    struct avl_record record;
    for (unsigned i = 0; i < frame->n; i++)
        if (!avl_record_read(frame->codec, &r, &record))
            return false;
    return rd_done(&r);
}

/* What TCP and UDP have in common: codec, n, body, n. */
static enum avl_reason parse_content(struct rd r, struct avl_frame *out)
{
    out->codec = rd_u8(&r);
    out->n = rd_u8(&r);
    if (rd_left(&r) < 1)
        return AVL_CUT;
    out->body_bytes = rd_left(&r) - 1;
    out->body = rd_bytes(&r, out->body_bytes);
    if (!avl_codec_name(out->codec))
        return AVL_BAD_CODEC;
    if (rd_u8(&r) != out->n)
        return AVL_BAD_COUNTS;
    return avl_codec_has_records(out->codec) && !records_end(out) ? AVL_BAD_END : AVL_FINE;
}

enum avl_reason avl_frame_parse(const uint8_t *raw, size_t n, size_t length_max,
                                struct avl_frame *out)
{
    struct rd r = rd_init(raw, n);
    uint32_t preamble = rd_be32(&r), length = rd_be32(&r);
    *out = (struct avl_frame){.raw = raw, .raw_bytes = n};
    if (r.bad)
        return AVL_CUT;
    if (preamble != 0)
        return AVL_BAD_PREAMBLE;
    if (length < AVL_LENGTH_MIN || length > length_max)
        return AVL_BAD_LENGTH;
    struct rd content = rd_sub(&r, length);
    uint32_t crc = rd_be32(&r);
    if (!rd_done(&r))
        return AVL_CUT;
    if (crc != avl_crc(content.p, length))
        return AVL_BAD_CRC;
    return parse_content(content, out);
}

enum avl_reason avl_datagram_parse(const uint8_t *data, size_t n, struct avl_datagram *out)
{
    struct rd r = rd_init(data, n);
    *out = (struct avl_datagram){.packet_id = 0};
    uint16_t length = rd_be16(&r);
    if (r.bad || length != rd_left(&r))
        return AVL_CUT;
    out->packet_id = rd_be16(&r);
    rd_u8(&r); /* 01, "not usable" */
    out->avl_packet_id = rd_u8(&r);
    uint16_t imei_bytes = rd_be16(&r);
    if (!r.bad && imei_bytes != AVL_IMEI_ROOM - 1)
        return AVL_BAD_LOGIN;
    const uint8_t *imei = rd_bytes(&r, AVL_IMEI_ROOM - 1);
    if (!imei)
        return AVL_CUT;
    if (!avl_imei_read(imei, out->imei))
        return AVL_BAD_LOGIN;
    out->frame.raw = r.p;
    out->frame.raw_bytes = rd_left(&r);
    return parse_content(r, &out->frame);
}

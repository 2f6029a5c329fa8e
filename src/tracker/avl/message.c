#include "avl_internal.h"

/* Codec 12 to 15 between the two n: u8 type, u32 size, and in it, by codec, u32 time, 8 bytes of
 * IMEI (BCD behind a 0), the text. */

const struct message_type avl_message_types[] = {
    {AVL_CODEC_12, 0x05, AVL_MESSAGE_COMMAND},
    {AVL_CODEC_12, 0x06, AVL_MESSAGE_ANSWER},
    {AVL_CODEC_12, 0x0d, AVL_MESSAGE_OFFER},
    {AVL_CODEC_13, 0x06, AVL_MESSAGE_SERIAL},
    {AVL_CODEC_14, 0x05, AVL_MESSAGE_COMMAND},
    {AVL_CODEC_14, 0x06, AVL_MESSAGE_ANSWER},
    {AVL_CODEC_14, 0x11, AVL_MESSAGE_NACK},
    {AVL_CODEC_15, 0x0b, AVL_MESSAGE_SERIAL},
    {0, 0, AVL_MESSAGE_OTHER},
};

static bool read_bcd(struct rd *r, char out[AVL_IMEI_ROOM])
{
    const uint8_t *bytes = rd_bytes(r, AVL_BCD_BYTES);
    for (size_t i = 0; bytes && i < 2 * AVL_BCD_BYTES; i++) {
        unsigned digit = i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4;
        if (digit > 9 || (i == 0 && digit != 0))
            return false;
        if (i > 0)
            out[i - 1] = (char)('0' + digit);
    }
    return bytes != NULL;
}

bool avl_message_parse(const struct avl_frame *frame, struct avl_message *out)
{
    struct rd r = rd_init(frame->body, frame->body_bytes);
    *out = (struct avl_message){.codec = frame->codec, .kind = AVL_MESSAGE_OTHER};
    if (!avl_codec_has_messages(frame->codec) || frame->n != 1)
        return false;
    out->type = rd_u8(&r);
    for (const struct message_type *t = avl_message_types; t->codec; t++)
        if (t->codec == out->codec && t->type == out->type)
            out->kind = t->kind;
    if (out->kind != AVL_MESSAGE_OFFER && out->kind != AVL_MESSAGE_OTHER) {
        if (rd_be32(&r) != rd_left(&r))
            return false;
        if (avl_message_has_time(out->codec))
            out->time_s = rd_be32(&r);
        if (avl_message_has_imei(out->codec) && !read_bcd(&r, out->imei))
            return false;
    }
    out->n = rd_left(&r);
    out->data = rd_bytes(&r, out->n);
    return rd_done(&r);
}

const char *avl_message_text(const struct avl_message *message, char *out, size_t room)
{
    size_t n = message->n;
    while (n > 0 && (message->data[n - 1] == '\0' || strchr(" \t\r\n", message->data[n - 1])))
        n--;
    return avl_bytes_text(message->data, n, out, room);
}

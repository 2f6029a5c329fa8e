#include "avl_internal.h"

/* Writes into room bytes; what does not fit sets `bad` and is not written. */
struct wr {
    uint8_t *start, *p, *end;
    bool bad;
};

static struct wr wr_init(uint8_t *out, size_t room)
{
    return (struct wr){out, out, out + room, false};
}

static size_t wr_size(const struct wr *w)
{
    return w->bad ? 0 : (size_t)(w->p - w->start);
}

static void put_bytes(struct wr *w, const void *data, size_t n)
{
    if (w->bad || n > (size_t)(w->end - w->p)) {
        w->bad = true;
        return;
    }
    if (n > 0)
        memcpy(w->p, data, n);
    w->p += n;
}

/* A value that n bytes cannot hold does not fit either. */
static void put_be(struct wr *w, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    if (n < 8 && v >> (8 * n))
        w->bad = true;
    for (size_t i = n; i > 0; i--, v >>= 8)
        bytes[i - 1] = (uint8_t)v;
    put_bytes(w, bytes, n);
}

static void put_imei(struct wr *w, const char *imei)
{
    if (!avl_imei_ok(imei))
        w->bad = true;
    else
        put_bytes(w, imei, AVL_IMEI_ROOM - 1);
}

static void put_bcd(struct wr *w, const char *imei)
{
    if (!avl_imei_ok(imei)) {
        w->bad = true;
        return;
    }
    put_be(w, (uint64_t)(imei[0] - '0'), 1);
    for (size_t i = 1; i < AVL_IMEI_ROOM - 1; i += 2)
        put_be(w, (uint64_t)((imei[i] - '0') << 4 | (imei[i + 1] - '0')), 1);
}

/* ---- a frame around its content ---- */

static struct wr frame_begin(uint8_t *out, size_t room, uint8_t codec, size_t n)
{
    struct wr w = wr_init(out, room);
    put_be(&w, 0, 8); /* preamble; the length is not known yet */
    put_be(&w, codec, 1);
    put_be(&w, n, 1);
    return w;
}

static size_t frame_end(struct wr *w, size_t n)
{
    put_be(w, n, 1);
    if (w->bad)
        return 0;
    uint8_t *content = w->start + 8;
    size_t length = (size_t)(w->p - content);
    struct wr prefix = wr_init(w->start + 4, 4);
    put_be(&prefix, length, 4);
    put_be(w, avl_crc(content, length), 4);
    return wr_size(w);
}

size_t avl_frame_put(uint8_t *out, size_t room, uint8_t codec, size_t n_records,
                     const void *records, size_t bytes)
{
    struct wr w = frame_begin(out, room, codec, n_records);
    put_bytes(&w, records, bytes);
    return frame_end(&w, n_records);
}

size_t avl_datagram_put(uint8_t *out, size_t room, uint16_t packet_id, uint8_t avl_packet_id,
                        const char *imei, uint8_t codec, size_t n_records, const void *records,
                        size_t bytes)
{
    struct wr w = wr_init(out, room);
    put_be(&w, 2 + 1 + 1 + AVL_LOGIN_BYTES + 1 + 1 + bytes + 1, 2); /* what follows */
    put_be(&w, packet_id, 2);
    put_be(&w, 1, 1);
    put_be(&w, avl_packet_id, 1);
    put_be(&w, AVL_IMEI_ROOM - 1, 2);
    put_imei(&w, imei);
    put_be(&w, codec, 1);
    put_be(&w, n_records, 1);
    put_bytes(&w, records, bytes);
    put_be(&w, n_records, 1);
    return wr_size(&w);
}

void avl_datagram_answer(uint8_t out[AVL_DATAGRAM_ANSWER_BYTES],
                         const struct avl_datagram *datagram, uint8_t n_accepted)
{
    struct wr w = wr_init(out, AVL_DATAGRAM_ANSWER_BYTES);
    put_be(&w, AVL_DATAGRAM_ANSWER_BYTES - 2, 2);
    put_be(&w, datagram->packet_id, 2);
    put_be(&w, 1, 1);
    put_be(&w, datagram->avl_packet_id, 1);
    put_be(&w, n_accepted, 1);
}

void avl_count_put(uint8_t out[4], uint32_t n_records)
{
    struct wr w = wr_init(out, 4);
    put_be(&w, n_records, 4);
}

size_t avl_login_put(uint8_t out[AVL_LOGIN_BYTES], const char *imei)
{
    struct wr w = wr_init(out, AVL_LOGIN_BYTES);
    put_be(&w, AVL_IMEI_ROOM - 1, 2);
    put_imei(&w, imei);
    return wr_size(&w);
}

/* ---- records ---- */

static unsigned group_of(const struct avl_io *io)
{
    for (unsigned g = 0; g < WIDTHS - 1 && !io->sized; g++)
        if (avl_widths[g] == io->width)
            return g;
    return WIDTHS - 1;
}

size_t avl_record_put(uint8_t *out, size_t room, uint8_t codec, const struct avl_record *record,
                      const struct avl_io *ios, size_t n)
{
    const struct layout *l = avl_layout(codec);
    struct wr w = wr_init(out, room);
    if (!l)
        return 0;
    put_be(&w, record->time_ms, 8);
    put_be(&w, record->priority, 1);
    put_be(&w, (uint32_t)record->longitude_e7, 4);
    put_be(&w, (uint32_t)record->latitude_e7, 4);
    put_be(&w, (uint16_t)record->altitude_m, 2);
    put_be(&w, record->angle_deg, 2);
    put_be(&w, record->satellites, 1);
    put_be(&w, record->speed_kmh, 2);
    put_be(&w, record->event_id, l->id);
    if (l->generation)
        put_be(&w, record->generation < 0 ? 0 : (uint64_t)record->generation, 1);
    put_be(&w, n, l->total);
    for (unsigned g = 0; g < WIDTHS; g++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++)
            count += group_of(&ios[i]) == g;
        if (g >= l->groups && count > 0)
            return 0; /* this codec has no such width */
        if (g < l->groups)
            put_be(&w, count, l->count);
        for (size_t i = 0; i < n; i++) {
            if (group_of(&ios[i]) != g)
                continue;
            put_be(&w, ios[i].id, l->id);
            if (avl_widths[g] == 0)
                put_be(&w, ios[i].width, 2);
            put_bytes(&w, ios[i].bytes, ios[i].width);
        }
    }
    return wr_size(&w);
}

/* ---- messages ---- */

size_t avl_message_put(uint8_t *out, size_t room, const struct avl_message *message)
{
    const struct message_type *t = avl_message_types;
    bool plain = message->kind == AVL_MESSAGE_OFFER || message->kind == AVL_MESSAGE_OTHER;
    if (!avl_codec_has_messages(message->codec))
        return 0;
    while (t->codec && (t->codec != message->codec || t->kind != message->kind))
        t++;
    if (!t->codec && message->kind != AVL_MESSAGE_OTHER)
        return 0; /* this codec has no such message */
    struct wr w = frame_begin(out, room, message->codec, 1);
    size_t before = (avl_message_has_time(message->codec) ? 4U : 0) +
                    (avl_message_has_imei(message->codec) ? AVL_BCD_BYTES : 0U);
    put_be(&w, t->codec ? t->type : message->type, 1);
    if (!plain) {
        put_be(&w, before + message->n, 4);
        if (avl_message_has_time(message->codec))
            put_be(&w, message->time_s, 4);
        if (avl_message_has_imei(message->codec))
            put_bcd(&w, message->imei);
    }
    put_bytes(&w, message->data, message->n);
    return frame_end(&w, 1);
}

int avl_command_put(uint8_t out[AVL_COMMAND_BYTES], size_t *n_out, const char *imei,
                    const char *text, struct err *err)
{
    struct avl_message m = {.codec = imei ? AVL_CODEC_14 : AVL_CODEC_12,
                            .kind = AVL_MESSAGE_COMMAND,
                            .data = (const uint8_t *)text,
                            .n = strlen(text)};
    *n_out = 0;
    if (m.n == 0 || m.n > AVL_COMMAND_CHARS)
        return err_set(err, ERR_LIMIT, "a command of %zu characters: expected 1 to %d", m.n,
                       AVL_COMMAND_CHARS);
    for (size_t i = 0; i < m.n; i++)
        if (m.data[i] < ' ' || m.data[i] >= 0x7f)
            return err_set(err, ERR_MALFORMED,
                           "a command with the byte \\x%02x: expected printable ASCII", m.data[i]);
    if (imei && !avl_imei_ok(imei))
        return err_set(err, ERR_MALFORMED, "a command to an IMEI that does not have 15 digits");
    if (imei)
        memcpy(m.imei, imei, sizeof m.imei);
    *n_out = avl_message_put(out, AVL_COMMAND_BYTES, &m);
    return ERR_OK;
}

/*
 * A tracker's link from hostile bytes. The first byte chooses how the rest is cut into reads, and
 * the longest frame; two different cuts must give the same items. The same bytes are also taken as
 * what is in a frame (with a right CRC, or no change would get past it), as a datagram, and as one
 * record of each codec. What is decoded is decoded again from its own bytes, written again to the
 * same bytes, and shown in every family.
 */
#include "dashspool/avl.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { IOS_MAX = 64, BYTES_MAX = 8192 };

static void must(bool good)
{
    if (!good)
        abort();
}

static void must_be_text(const char *text, size_t room)
{
    size_t n = strnlen(text, room);
    must(n < room);
    for (size_t i = 0; i < n; i++)
        must(text[i] >= ' ' && text[i] < 0x7f);
}

static void look_at_io(const struct avl_io *io, size_t room)
{
    char text[8 + 255];
    double number;
    for (int family = AVL_RAW; family <= AVL_FMX6; family++) {
        must(avl_io_text((enum avl_family)family, io, text, room) == text);
        must_be_text(text, room);
        avl_io_number((enum avl_family)family, io, &number);
    }
    if (io->width > 0 && io->width < 8)
        must(((uint64_t)avl_io_signed(io) ^ avl_io_unsigned(io)) << (64 - 8 * io->width) == 0);
    int sum = 0;
    for (size_t i = 0; i < avl_trace_samples(io); i++) {
        struct avl_sample s = avl_trace_at(io, i);
        sum += s.x_mg + s.y_mg + s.z_mg;
    }
    must(sum != INT32_MAX);
}

static void look_at_record(const struct avl_record *r)
{
    static uint8_t out[BYTES_MAX];
    static struct avl_io ios[IOS_MAX];
    struct avl_ios walk = avl_record_ios(r);
    struct avl_io io, found;
    uint32_t n = 0;
    while (avl_ios_next(&walk, &io)) {
        must(io.bytes >= r->raw && io.bytes + io.width <= r->raw + r->raw_bytes);
        must(n > 8 || (avl_io_find(r, io.id, &found) && found.bytes <= io.bytes));
        look_at_io(&io, 8 + (io.id + n) % 255);
        if (n < IOS_MAX)
            ios[n] = io;
        n++;
    }
    must(n == r->n_io && (n == r->total) == !(r->odd & AVL_ODD_TOTAL));
    must(!avl_position_valid(r) || r->satellites > 0);
    must(avl_record_utc_us(r) >= 0);
    if (n <= IOS_MAX && n == r->total && r->raw_bytes <= sizeof out) {
        must(avl_record_put(out, sizeof out, r->codec, r, ios, n) == r->raw_bytes);
        must(memcmp(out, r->raw, r->raw_bytes) == 0);
    }
    avl_private(r);
    avl_generation_word(r->generation);
    avl_signs_family(avl_signs(r));
}

static void look_at_message(const struct avl_frame *f)
{
    static uint8_t out[2 * BYTES_MAX];
    struct avl_message m;
    char text[100];
    if (!avl_message_parse(f, &m))
        return;
    must(avl_message_text(&m, text, sizeof text) == text);
    must_be_text(text, sizeof text);
    if (f->raw_bytes > sizeof out || (f->raw_bytes > 0 && f->raw[0] != 0))
        return;
    must(avl_message_put(out, sizeof out, &m) == f->raw_bytes);
    must(memcmp(out, f->raw, f->raw_bytes) == 0);
}

/* Returns the bytes that its records have. */
static size_t look_at_frame(const struct avl_frame *f)
{
    struct avl_records walk = avl_frame_records(f);
    struct avl_record r, again;
    struct err err;
    size_t bytes = 0;
    unsigned n = 0;
    for (; avl_records_next(&walk, &r); n++) {
        look_at_record(&r);
        must(avl_record_decode(f->codec, r.raw, r.raw_bytes, &again, &err) == ERR_OK);
        must(again.raw_bytes == r.raw_bytes && again.n_io == r.n_io && again.odd == r.odd);
        bytes += r.raw_bytes;
    }
    must(!avl_codec_has_records(f->codec) || (n == f->n && bytes == f->body_bytes));
    return bytes;
}

struct trace {
    uint32_t items, frames, refused;
    uint64_t hash;
    bool over;
};

static struct trace play(const uint8_t *data, size_t n, size_t chunk, size_t length_max)
{
    struct trace t = {.items = 0};
    struct avl_stream s;
    struct avl_item item;
    struct err err;
    avl_stream_init(&s, length_max);
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < chunk ? n - at : chunk;
        must(avl_stream_feed(&s, data + at, some, &err) == ERR_OK);
        while (avl_stream_next(&s, &item)) {
            must(!t.over && item.raw_bytes > 0);
            t.over = item.over;
            t.items++;
            t.hash = (t.hash + item.type * 7 + item.reason) * UINT64_C(1099511628211);
            if (!item.over)
                t.hash += avl_crc(item.raw, item.raw_bytes);
            if (item.type == AVL_ITEM_REFUSED)
                t.refused++;
            if (item.type != AVL_ITEM_FRAME)
                continue;
            struct avl_frame f;
            must(avl_frame_parse(item.raw, item.raw_bytes, length_max, &f) == AVL_FINE);
            must(f.body == item.frame.body && f.body_bytes == item.frame.body_bytes);
            t.frames++;
            look_at_frame(&f);
            look_at_message(&f);
        }
        must(!s.over || s.in.mem == NULL);
    }
    avl_stream_clear(&s);
    return t;
}

/* What is between length and CRC. */
static void try_content(const uint8_t *data, size_t n)
{
    static uint8_t out[BYTES_MAX + AVL_AROUND_BYTES];
    if (n < AVL_LENGTH_MIN || n > BYTES_MAX)
        return;
    uint16_t crc = avl_crc(data, n);
    memset(out, 0, 4);
    avl_count_put(out + 4, (uint32_t)n);
    memcpy(out + 8, data, n);
    avl_count_put(out + 8 + n, crc);
    struct trace t = play(out, n + AVL_AROUND_BYTES, n + AVL_AROUND_BYTES, BYTES_MAX);
    must(t.items == 1 && t.frames + t.refused == 1 && !t.over);
}

static void try_datagram(const uint8_t *data, size_t n)
{
    static uint8_t out[BYTES_MAX];
    struct avl_datagram d;
    uint8_t answer[AVL_DATAGRAM_ANSWER_BYTES];
    if (avl_datagram_parse(data, n, &d) != AVL_FINE)
        return;
    look_at_frame(&d.frame);
    avl_datagram_answer(answer, &d, d.frame.n);
    must(answer[5] == d.avl_packet_id);
    if (n <= sizeof out) {
        must(avl_datagram_put(out, sizeof out, d.packet_id, d.avl_packet_id, d.imei, d.frame.codec,
                              d.frame.n, d.frame.body, d.frame.body_bytes) == n);
        out[4] = data[4]; /* "not usable" */
        must(memcmp(out, data, n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t codecs[] = {AVL_CODEC_8, AVL_CODEC_8E, AVL_CODEC_16};
    if (n < 1 || n > 20000)
        return 0;
    size_t chunk = (size_t)data[0] % 64 + 1, length_max = data[0] & 64 ? AVL_LENGTH_MAX : 600;
    struct trace whole = play(data + 1, n - 1, n, length_max);
    struct trace cut = play(data + 1, n - 1, chunk, length_max);
    must(whole.items == cut.items && whole.frames == cut.frames && whole.hash == cut.hash &&
         whole.over == cut.over);
    try_content(data + 1, n - 1);
    try_datagram(data + 1, n - 1);
    for (size_t i = 0; i < sizeof codecs; i++) {
        struct avl_record r;
        struct err err;
        if (avl_record_decode(codecs[i], data + 1, n - 1, &r, &err) == ERR_OK)
            look_at_record(&r);
    }
    return 0;
}

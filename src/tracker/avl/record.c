#include "avl_internal.h"
#include <assert.h>

/* ---- records ---- */

const uint8_t avl_widths[WIDTHS] = {1, 2, 4, 8, 0};

const struct layout *avl_layout(uint8_t codec)
{
    static const struct layout layouts[] = {
        {.codec = AVL_CODEC_8, .id = 1, .total = 1, .count = 1, .groups = 4},
        {.codec = AVL_CODEC_8E, .id = 2, .total = 2, .count = 2, .groups = 5},
        {.codec = AVL_CODEC_16, .id = 2, .total = 1, .count = 1, .groups = 4, .generation = true},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].codec == codec)
            return &layouts[i];
    return NULL;
}

static unsigned oddities(const struct avl_record *r)
{
    unsigned odd = 0;
    if (r->total != r->n_io)
        odd |= AVL_ODD_TOTAL;
    if (r->priority > 2)
        odd |= AVL_ODD_PRIORITY;
    if (r->longitude_e7 < -1800000000 || r->longitude_e7 > 1800000000 ||
        r->latitude_e7 < -900000000 || r->latitude_e7 > 900000000)
        odd |= AVL_ODD_POSITION;
    if (r->angle_deg > 360)
        odd |= AVL_ODD_ANGLE;
    if (r->satellites > AVL_SATELLITES_MAX)
        odd |= AVL_ODD_SATELLITES;
    return odd;
}

/* Over the groups of IO elements: how many there are. */
static uint32_t pass_ios(const struct layout *l, struct rd *r)
{
    uint32_t n = 0;
    for (unsigned g = 0; g < l->groups; g++) {
        size_t count = (size_t)rd_be(r, l->count);
        if (avl_widths[g] > 0)
            rd_bytes(r, count * (l->id + avl_widths[g]));
        for (size_t i = 0; avl_widths[g] == 0 && i < count && !r->bad; i++) {
            rd_bytes(r, l->id);
            rd_bytes(r, rd_be16(r));
        }
        n += (uint32_t)count;
    }
    return n;
}

bool avl_record_read(uint8_t codec, struct rd *r, struct avl_record *out)
{
    const struct layout *l = avl_layout(codec);
    if (!l)
        return false;
    *out = (struct avl_record){.codec = codec, .generation = -1, .raw = r->p};
    out->time_ms = rd_be64(r);
    out->priority = rd_u8(r);
    out->longitude_e7 = (int32_t)rd_be32(r);
    out->latitude_e7 = (int32_t)rd_be32(r);
    out->altitude_m = (int16_t)rd_be16(r);
    out->angle_deg = rd_be16(r);
    out->satellites = rd_u8(r);
    out->speed_kmh = rd_be16(r);
    out->event_id = (uint16_t)rd_be(r, l->id);
    if (l->generation)
        out->generation = rd_u8(r);
    out->total = (uint16_t)rd_be(r, l->total);
    out->n_io = pass_ios(l, r);
    out->raw_bytes = (size_t)(r->p - out->raw);
    out->odd = oddities(out);
    return !r->bad;
}

struct avl_records avl_frame_records(const struct avl_frame *frame)
{
    return (struct avl_records){frame->codec, frame->body, frame->body + frame->body_bytes,
                                avl_codec_has_records(frame->codec) ? frame->n : 0};
}

bool avl_records_next(struct avl_records *walk, struct avl_record *out)
{
    if (walk->left == 0)
        return false;
    struct rd r = rd_init(walk->at, (size_t)(walk->end - walk->at));
    walk->left--;
    if (!avl_record_read(walk->codec, &r, out)) {
        walk->left = 0;
        return false;
    }
    walk->at = r.p;
    return true;
}

int avl_record_decode(uint8_t codec, const uint8_t *raw, size_t n, struct avl_record *out,
                      struct err *err)
{
    struct rd r = rd_init(raw, n);
    if (!avl_codec_has_records(codec))
        return err_set(err, ERR_UNSUPPORTED, "a record of codec 0x%02x", codec);
    if (!avl_record_read(codec, &r, out))
        return err_set(err, ERR_MALFORMED, "a record of %s: %zu bytes are less than one",
                       avl_codec_name(codec), n);
    if (!rd_done(&r))
        return err_set(err, ERR_MALFORMED, "a record of %s: ends after %zu bytes of %zu",
                       avl_codec_name(codec), out->raw_bytes, n);
    return ERR_OK;
}

int64_t avl_record_utc_us(const struct avl_record *record)
{
    return record->time_ms > INT64_MAX / 1000 ? INT64_MAX : (int64_t)record->time_ms * 1000;
}

bool avl_position_valid(const struct avl_record *record)
{
    return record->satellites > 0 && !(record->odd & AVL_ODD_POSITION);
}

bool avl_private(const struct avl_record *record)
{
    struct avl_ios walk = avl_record_ios(record);
    struct avl_io io;
    while (avl_ios_next(&walk, &io))
        for (size_t i = 0; io.id == AVL_ID_PRIVATE_MODE && i < io.width; i++)
            if (io.bytes[i])
                return true;
    return false;
}

const char *avl_generation_word(int generation)
{
    static const char *const words[] = {
        "on exit",    "on entrance", "on both",  NULL,
        "hysteresis", "on change",   "eventual", "periodic",
    };
    return generation >= 0 && generation < (int)(sizeof words / sizeof *words) ? words[generation]
                                                                               : NULL;
}

/* ---- IO elements ---- */

struct avl_ios avl_record_ios(const struct avl_record *record)
{
    const struct layout *l = avl_layout(record->codec);
    struct rd r = rd_init(record->raw, record->raw_bytes);
    if (!l || !rd_bytes(&r, (size_t)HEAD_BYTES + l->id + l->generation + l->total))
        return (struct avl_ios){.codec = 0};
    return (struct avl_ios){.codec = record->codec, .at = r.p, .end = r.end};
}

bool avl_ios_next(struct avl_ios *walk, struct avl_io *out)
{
    const struct layout *l = avl_layout(walk->codec);
    if (!l)
        return false;
    struct rd r = rd_init(walk->at, (size_t)(walk->end - walk->at));
    while (walk->left == 0 && walk->group < l->groups && !r.bad) {
        walk->left = (unsigned)rd_be(&r, l->count);
        walk->group++; /* of those that are read: the elements are of the one before */
    }
    if (walk->left == 0 || r.bad)
        return false;
    uint8_t width = avl_widths[walk->group - 1];
    out->id = (uint16_t)rd_be(&r, l->id);
    out->sized = width == 0;
    out->width = out->sized ? rd_be16(&r) : width;
    out->bytes = rd_bytes(&r, out->width);
    walk->left--;
    walk->at = r.p;
    return !r.bad;
}

bool avl_io_find(const struct avl_record *record, uint16_t id, struct avl_io *out)
{
    struct avl_ios walk = avl_record_ios(record);
    while (avl_ios_next(&walk, out))
        if (out->id == id)
            return true;
    return false;
}

uint64_t avl_io_unsigned(const struct avl_io *io)
{
    struct rd r = rd_init(io->bytes, io->width);
    return io->width <= 8 ? rd_be(&r, io->width) : 0;
}

int64_t avl_io_signed(const struct avl_io *io)
{
    uint64_t v = avl_io_unsigned(io);
    if (io->width > 0 && io->width < 8 && v >> (8 * io->width - 1))
        v |= UINT64_MAX << (8 * io->width);
    return (int64_t)v;
}

/* ---- crash trace ---- */

enum { SAMPLE_BYTES = 6 };

size_t avl_trace_samples(const struct avl_io *io)
{
    return io->width / SAMPLE_BYTES;
}

struct avl_sample avl_trace_at(const struct avl_io *io, size_t i)
{
    assert(i < avl_trace_samples(io));
    struct rd r = rd_init(io->bytes + i * SAMPLE_BYTES, SAMPLE_BYTES);
    struct avl_sample s;
    s.x_mg = (int16_t)rd_be16(&r);
    s.y_mg = (int16_t)rd_be16(&r);
    s.z_mg = (int16_t)rd_be16(&r);
    return s;
}

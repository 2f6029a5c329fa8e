#include "ptmf.h"
#include "dashspool/reader.h"
#include <string.h>

static const uint8_t magic[4] = {'P', 'T', 'M', 'F'};

struct header {
    char type;
    uint8_t pad, fps;
    uint16_t width_px, height_px;
    uint32_t sequence, length;
    uint64_t time_us;
};

/* docs/ptmf.md, section 1: the record header; little-endian. */
static bool parse_header(const uint8_t *data, size_t n, struct header *out)
{
    struct rd r = rd_init(data, n);
    const uint8_t *tag = rd_bytes(&r, sizeof magic);
    out->pad = rd_u8(&r);
    out->type = (char)rd_u8(&r);
    uint8_t zero = rd_u8(&r);
    out->fps = rd_u8(&r);
    out->width_px = rd_le16(&r);
    out->height_px = rd_le16(&r);
    out->sequence = rd_le32(&r);
    (void)rd_le64(&r);
    out->length = rd_le32(&r);
    out->time_us = rd_le64(&r);
    return !r.bad && memcmp(tag, magic, sizeof magic) == 0 && zero == 0 && out->pad <= 3 &&
           out->length > out->pad && (out->type == 'I' || out->type == 'P' || out->type == 'A');
}

bool ptmf_header_ok(const uint8_t *data, size_t n, uint32_t *length)
{
    struct header h;
    bool ok = parse_header(data, n, &h);
    if (length)
        *length = ok ? h.length : 0;
    return ok;
}

struct ptmf ptmf_init(const uint8_t *data, size_t n)
{
    return (struct ptmf){.data = data, .n = n};
}

/* Offset of the next plausible header whose payload is all there, from `at`; n if there is none. */
static size_t find_header(const struct ptmf *p, size_t at)
{
    while (at < p->n) {
        const uint8_t *hit = memchr(p->data + at, magic[0], p->n - at);
        if (!hit)
            break;
        at = (size_t)(hit - p->data);
        struct header h;
        if (parse_header(hit, p->n - at, &h) && h.length <= p->n - at - PTMF_HEADER_BYTES)
            return at;
        at++;
    }
    return p->n;
}

/* Where the payload that begins at `from` ends: as its header says, unless another record begins
 * where it should not (a lost packet makes a record shorter than it says). */
static size_t payload_end(const struct ptmf *p, size_t from, const struct header *h, bool *damaged)
{
    size_t end = from + h->length;
    *damaged = false;
    if (end == p->n || ptmf_header_ok(p->data + end, p->n - end, NULL))
        return end;
    size_t next = find_header(p, from);
    if (next >= end)
        return end;
    *damaged = true;
    return next;
}

bool ptmf_next(struct ptmf *p, struct ptmf_record *out)
{
    struct header h;
    while (p->at < p->n) {
        size_t left = p->n - p->at;
        bool ok = parse_header(p->data + p->at, left, &h);
        if (ok && h.length <= left - PTMF_HEADER_BYTES)
            break;
        size_t next = find_header(p, p->at + 1);
        bool starts_like_one = memcmp(p->data + p->at, magic, left < 4 ? left : 4) == 0;
        if (next == p->n && (ok || (starts_like_one && left < PTMF_HEADER_BYTES))) {
            /* The file ends inside the record at p->at: noted, and nothing is left. */
            p->cut_at = p->at;
            p->cut_bytes = (int64_t)(p->n - p->at);
            p->at = p->n;
        } else {
            if (p->skipped_bytes == 0)
                p->first_skip = p->at;
            p->skipped_bytes += (int64_t)(next - p->at);
            p->at = next;
        }
    }
    if (p->at >= p->n)
        return false;
    size_t from = p->at + PTMF_HEADER_BYTES;
    bool damaged;
    size_t end = payload_end(p, from, &h, &damaged);
    *out = (struct ptmf_record){
        .type = h.type,
        .fps = h.fps,
        .width_px = h.width_px,
        .height_px = h.height_px,
        .sequence = h.sequence,
        .time_us = (int64_t)(h.time_us < PTMF_TIME_MAX ? h.time_us : PTMF_TIME_MAX),
        .offset = p->at,
        .payload = p->data + from,
        .n = end - from - (damaged ? 0 : h.pad),
        .damaged = damaged,
    };
    p->damaged += damaged;
    p->at = end;
    return true;
}

#include "jpeg_segments.h"
#include "dashspool/reader.h"
#include <string.h>

enum { JPEG_APP0 = 0xe0, JPEG_APP1 = 0xe1, JPEG_SOS = 0xda, JPEG_EOI = 0xd9 };

struct jpeg_walk jpeg_walk_init(const uint8_t *data, size_t n)
{
    return (struct jpeg_walk){data, n, 2};
}

bool jpeg_walk_next(struct jpeg_walk *w, struct jpeg_segment *out)
{
    while (w->at + 1 < w->n && w->data[w->at] == 0xff && w->data[w->at + 1] == 0xff)
        w->at++; /* fill bytes */
    if (w->at >= w->n)
        return false;
    struct rd r = rd_init(w->data + w->at, w->n - w->at);
    uint8_t ff = rd_u8(&r), marker = rd_u8(&r);
    uint16_t length = rd_be16(&r);
    if (r.bad || ff != 0xff || marker == JPEG_SOS || marker == JPEG_EOI || length < 2 ||
        !rd_bytes(&r, length - 2u))
        return false;
    *out = (struct jpeg_segment){marker, w->data + w->at, length + 2u};
    w->at += out->n;
    return true;
}

static bool has_tag(const struct jpeg_segment *s, uint8_t marker, const char *tag, size_t n)
{
    return s->marker == marker && s->n >= 4 + n && memcmp(s->p + 4, tag, n) == 0;
}

bool jpeg_is_jfif(const struct jpeg_segment *s)
{
    return has_tag(s, JPEG_APP0, "JFIF", 5);
}

bool jpeg_is_exif(const struct jpeg_segment *s)
{
    return has_tag(s, JPEG_APP1, "Exif\0", 6);
}

static uint32_t rd_n(struct rd *r, bool big, size_t n)
{
    return (uint32_t)(big ? rd_be(r, n) : rd_le(r, n));
}

bool jpeg_exif_orientation(const struct jpeg_segment *s, int *orientation)
{
    static const size_t tiff_at = 10;
    *orientation = 1;
    if (s->n < tiff_at)
        return false;
    struct rd tiff = rd_init(s->p + tiff_at, s->n - tiff_at), r = tiff;
    const uint8_t *order = rd_bytes(&r, 2);
    if (!order || (memcmp(order, "II", 2) != 0 && memcmp(order, "MM", 2) != 0))
        return false;
    bool big = order[0] == 'M';
    if (rd_n(&r, big, 2) != 42)
        return false;
    uint32_t ifd_at = rd_n(&r, big, 4);
    struct rd ifd = tiff;
    rd_bytes(&ifd, ifd_at);
    uint32_t entries = rd_n(&ifd, big, 2);
    for (uint32_t i = 0; i < entries && !ifd.bad; i++) {
        uint32_t tag = rd_n(&ifd, big, 2), type = rd_n(&ifd, big, 2);
        uint32_t count = rd_n(&ifd, big, 4), value = rd_n(&ifd, big, 2);
        rd_bytes(&ifd, 2);
        if (tag == 0x0112 && type == 3 && count == 1 && value >= 1 && value <= 8)
            *orientation = (int)value;
    }
    return !ifd.bad;
}

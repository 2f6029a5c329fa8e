#include "jpeg.h"
#include "dashspool/reader.h"

enum { SOI = 0xd8, SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, DQT = 0xdb, DRI = 0xdd, COM = 0xfe };

/* A segment that may be before the frame header. */
static bool harmless(uint8_t marker)
{
    return marker == DHT || marker == DQT || marker == DRI || marker == COM ||
           (marker >= 0xe0 && marker <= 0xef); /* APPn */
}

static bool frame(struct rd *r, uint16_t length, int *width_px, int *height_px)
{
    uint8_t bits = rd_u8(r);
    *height_px = rd_be16(r);
    *width_px = rd_be16(r);
    uint8_t channels = rd_u8(r);
    return !r->bad && bits == 8 && (channels == 1 || channels == 3) && length == 8 + 3 * channels &&
           rd_bytes(r, 3U * channels) && *width_px > 0 && *height_px > 0 &&
           *width_px <= JPEG_SIDE_MAX && *height_px <= JPEG_SIDE_MAX;
}

bool jpeg_size(const uint8_t *data, size_t n, int *width_px, int *height_px)
{
    struct rd r = rd_init(data, data ? n : 0);
    if (rd_be16(&r) != (0xff00 | SOI))
        return false;
    while (!r.bad) {
        uint8_t lead = rd_u8(&r), marker = rd_u8(&r);
        uint16_t length = rd_be16(&r);
        if (r.bad || lead != 0xff || length < 2)
            return false;
        if (marker >= SOF0 && marker <= SOF2)
            return frame(&r, length, width_px, height_px);
        if (!harmless(marker))
            return false;
        (void)rd_bytes(&r, length - 2U);
    }
    return false;
}

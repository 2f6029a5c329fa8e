#include "avl_internal.h"
#include <stdio.h>

const char *avl_codec_name(uint8_t codec)
{
    switch (codec) {
    case AVL_CODEC_8:
        return "Codec 8";
    case AVL_CODEC_12:
        return "Codec 12";
    case AVL_CODEC_13:
        return "Codec 13";
    case AVL_CODEC_14:
        return "Codec 14";
    case AVL_CODEC_15:
        return "Codec 15";
    case AVL_CODEC_16:
        return "Codec 16";
    case AVL_CODEC_8E:
        return "Codec 8 Extended";
    default:
        return NULL;
    }
}

bool avl_codec_has_records(uint8_t codec)
{
    return codec == AVL_CODEC_8 || codec == AVL_CODEC_8E || codec == AVL_CODEC_16;
}

bool avl_codec_has_messages(uint8_t codec)
{
    return codec >= AVL_CODEC_12 && codec <= AVL_CODEC_15;
}

const char *avl_reason_text(enum avl_reason reason)
{
    switch (reason) {
    case AVL_FINE:
        return "nothing is wrong";
    case AVL_BAD_PREAMBLE:
        return "it does not begin with a frame's four zeros";
    case AVL_BAD_LENGTH:
        return "its length is out of range";
    case AVL_BAD_CRC:
        return "wrong CRC";
    case AVL_BAD_CODEC:
        return "unknown codec";
    case AVL_BAD_COUNTS:
        return "its two numbers of records differ";
    case AVL_BAD_END:
        return "its records do not end where the frame does";
    case AVL_BAD_LOGIN:
        return "its IMEI does not have 15 digits";
    case AVL_CUT:
        return "it is not one whole frame";
    }
    return "unknown reason";
}

uint16_t avl_crc(const void *data, size_t n)
{
    /* Four bits a step: table[b] is the CRC of the four bits b. */
    static const uint16_t table[16] = {
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401,
        0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
    };
    const uint8_t *p = data;
    unsigned crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc = crc >> 4 ^ table[(crc ^ p[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ p[i] >> 4) & 15];
    }
    return (uint16_t)crc;
}

/* ---- IMEI ---- */

bool avl_imei_ok(const char *imei)
{
    for (size_t i = 0; i < AVL_IMEI_ROOM - 1; i++)
        if (imei[i] < '0' || imei[i] > '9') /* also where it ends early */
            return false;
    return imei[AVL_IMEI_ROOM - 1] == '\0';
}

bool avl_imei_read(const uint8_t *digits, char out[AVL_IMEI_ROOM])
{
    memcpy(out, digits, AVL_IMEI_ROOM - 1);
    out[AVL_IMEI_ROOM - 1] = '\0';
    if (avl_imei_ok(out))
        return true;
    out[0] = '\0';
    return false;
}

static size_t shown_bytes(uint8_t c)
{
    return c >= ' ' && c < 0x7f ? 1 : 4;
}

const char *avl_bytes_text(const uint8_t *data, size_t n, char *out, size_t room)
{
    size_t need = 1, used = 0, i;
    for (i = 0; i < n && need <= room; i++)
        need += shown_bytes(data[i]);
    size_t end = need <= room ? room : room - 3; /* "..." */
    for (i = 0; i < n && used + shown_bytes(data[i]) < end; i++)
        used += (size_t)snprintf(out + used, room - used,
                                 shown_bytes(data[i]) == 1 ? "%c" : "\\x%02x", data[i]);
    snprintf(out + used, room - used, "%s", i < n ? "..." : "");
    return out;
}

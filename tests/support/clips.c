#include "support/clips.h"
#include <stdio.h>
#include <string.h>

enum { HEADER = 36, LENGTH_AT = 24, BYTES_MAX = 64 << 20, SEI_BYTES = 36 };

static struct buf sample_of(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", TEST_SAMPLES, name);
    return support_read(path);
}

static uint32_t length_of(const uint8_t *record)
{
    const uint8_t *p = record + LENGTH_AT;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* H.265, 7.3.2.4: user data without a registered owner, ITU-T T.35 or other meaning (D.2.7). A
 * multiple of four bytes: the payload's padding stays as it is. */
static void write_sei(uint8_t out[SEI_BYTES], unsigned number)
{
    static const uint8_t begin[] = {0, 0, 0, 1, 0x4e, 1, 5, 27};
    char digits[12];
    memcpy(out, begin, sizeof begin);
    memset(out + sizeof begin, 'd', 16); /* its UUID */
    snprintf(digits, sizeof digits, "%011u", number);
    memcpy(out + sizeof begin + 16, digits, 11);
    out[SEI_BYTES - 1] = 0x80;
}

static void append(struct buf *to, const void *data, size_t n)
{
    struct err err;
    assert_ok(buf_append(to, data, n, &err));
}

struct buf clips_video(const char *sample, size_t bytes, unsigned number)
{
    struct buf whole = sample_of(sample), out;
    const uint8_t *data = buf_data(&whole);
    uint8_t sei[SEI_BYTES], header[HEADER];
    size_t end = HEADER + length_of(data);
    buf_init(&out, BYTES_MAX);
    while (end + HEADER <= whole.used && end + HEADER + length_of(data + end) + SEI_BYTES <= bytes)
        end += HEADER + length_of(data + end);
    write_sei(sei, number);
    memcpy(header, data, HEADER);
    uint32_t length = length_of(data) + SEI_BYTES;
    for (int i = 0; i < 4; i++)
        header[LENGTH_AT + i] = (uint8_t)(length >> 8 * i);
    append(&out, header, HEADER);
    append(&out, sei, SEI_BYTES);
    append(&out, data + HEADER, end - HEADER);
    buf_clear(&whole);
    return out;
}

struct buf clips_photo(unsigned number)
{
    struct buf whole = sample_of("photo-720p.jpg"), out;
    char comment[32];
    int n = snprintf(comment, sizeof comment, "number %u", number);
    const uint8_t segment[] = {0xff, 0xfe, 0, (uint8_t)(n + 2)};
    buf_init(&out, BYTES_MAX);
    append(&out, buf_data(&whole), 2); /* SOI */
    append(&out, segment, sizeof segment);
    append(&out, comment, (size_t)n);
    append(&out, buf_data(&whole) + 2, whole.used - 2);
    buf_clear(&whole);
    return out;
}

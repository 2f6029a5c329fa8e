/*
 * reader: reads fixed-width fields from hostile bytes with a sticky error.
 *
 *     struct rd r = rd_init(data, n);
 *     uint16_t id = rd_be16(&r);
 *     uint32_t count = rd_be32(&r);
 *     if (!rd_done(&r))
 *         … malformed: too short, or something left over
 *
 * A read past the end returns 0 (or NULL), sets `bad` and moves nothing; every later read fails
 * too.
 */
#ifndef DASHSPOOL_READER_H
#define DASHSPOOL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct rd rd_init(const void *data, size_t n)
{
    const uint8_t *p = data;
    return (struct rd){p, p + n, false};
}

static inline size_t rd_left(const struct rd *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* Borrowed pointer to the next n bytes, or NULL. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    if (r->bad || n > (size_t)(r->end - r->p)) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    r->p += n;
    return at;
}

/* A reader of the next n bytes; they are consumed here. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *at = rd_bytes(r, n);
    return at ? rd_init(at, n) : (struct rd){r->end, r->end, true};
}

static inline uint64_t rd_be(struct rd *r, size_t n)
{
    const uint8_t *at = rd_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; at && i < n; i++)
        v = v << 8 | at[i];
    return v;
}

static inline uint64_t rd_le(struct rd *r, size_t n)
{
    const uint8_t *at = rd_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = n; at && i > 0; i--)
        v = v << 8 | at[i - 1];
    return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)rd_be(r, 1);
}

static inline uint16_t rd_be16(struct rd *r)
{
    return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_be32(struct rd *r)
{
    return (uint32_t)rd_be(r, 4);
}

static inline uint64_t rd_be64(struct rd *r)
{
    return rd_be(r, 8);
}

static inline uint16_t rd_le16(struct rd *r)
{
    return (uint16_t)rd_le(r, 2);
}

static inline uint32_t rd_le32(struct rd *r)
{
    return (uint32_t)rd_le(r, 4);
}

static inline uint64_t rd_le64(struct rd *r)
{
    return rd_le(r, 8);
}

/* IEEE-754 double, big-endian. */
static inline double rd_be_double(struct rd *r)
{
    uint64_t bits = rd_be64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Nothing was read past the end, and nothing is left. */
static inline bool rd_done(const struct rd *r)
{
    return !r->bad && r->p == r->end;
}

#endif

/* der: the outermost steps into DER (X.690), where OpenSSL has no accessor. */
#ifndef DASHSPOOL_SEAL_DER_H
#define DASHSPOOL_SEAL_DER_H

#include "dashspool/reader.h"

enum der_tag {
    DER_INTEGER = 0x02,
    DER_OCTETS = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_IMPLICIT_0 = 0x80,
    DER_CONTEXT_0 = 0xA0,
    DER_CONTEXT_1 = 0xA1,
};

static inline bool der_is(const struct rd *r, uint8_t tag)
{
    return rd_left(r) > 0 && *r->p == tag;
}

/* The content of the next element, which must have this tag and a definite length in its shortest
 * form (X.690, 10.1); else r is bad. */
static inline struct rd der_enter(struct rd *r, uint8_t tag)
{
    if (rd_u8(r) != tag)
        r->bad = true;
    uint64_t n = rd_u8(r);
    if (n >= 0x80) {
        size_t digits = n & 0x7F;
        n = digits >= 1 && digits <= 4 ? rd_be(r, digits) : 0;
        if (n < 0x80 || n >> 8 * (digits - 1) == 0)
            r->bad = true;
    }
    return rd_sub(r, (size_t)n);
}

/* A version: one byte; -1 if it is not. */
static inline int der_small(struct rd *r)
{
    struct rd v = der_enter(r, DER_INTEGER);
    int n = rd_u8(&v);
    return rd_done(&v) && n < 0x80 ? n : -1;
}

#endif

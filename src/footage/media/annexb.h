/*
 * annexb: NAL units of an H.265 byte stream (ITU-T H.265, annex B) and the borders of its access
 * units. Pure; borrowed pointers.
 */
#ifndef MEDIA_ANNEXB_H
#define MEDIA_ANNEXB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nal_unit_type, table 7-1 */
enum {
    NAL_RADL_N = 6,
    NAL_RASL_N = 8,
    NAL_RASL_R = 9,
    NAL_BLA_W_LP = 16,
    NAL_BLA_N_LP = 18,
    NAL_IDR_W_RADL = 19,
    NAL_IDR_N_LP = 20,
    NAL_CRA = 21,
    NAL_VCL_LAST = 31,
    NAL_VPS = 32,
    NAL_SPS = 33,
    NAL_PPS = 34,
    NAL_AUD = 35,
    NAL_EOS = 36,
    NAL_EOB = 37,
    NAL_PREFIX_SEI = 39,
    NAL_SUFFIX_SEI = 40,
};

struct nal {
    int type;
    int layer;        /* nuh_layer_id: what is not 0 is no part of the pictures that are shown */
    const uint8_t *p; /* header byte; the start code is before it */
    size_t n;         /* trailing zero bytes left out */
    size_t start;     /* offset of the start code in the scanned bytes */
};

struct nal_scan {
    const uint8_t *data;
    size_t n, at;
};

struct nal_scan nal_scan_init(const uint8_t *data, size_t n);

/* The next NAL unit whose header is legal (forbidden bit 0, temporal id + 1 not 0); false at the
 * end. Bytes before the first start code belong to none. */
bool nal_next(struct nal_scan *s, struct nal *out);

/* The units of one access unit in the order in which a decoder can read them: VPS, SPS and PPS in
 * front, then the others as they come. 7.4.2.4.4 lets parameter sets stand in any order. */
struct nal_order {
    struct nal_scan scan;
    size_t n;
    int type; /* of those that are handed out now; NAL_AUD: all others */
};
/* head: its bytes in front of the first slice; there are no sets behind. */
struct nal_order nal_order_init(const uint8_t *data, size_t n, size_t head);
bool nal_order_next(struct nal_order *o, struct nal *out);

/* They are in that order already. */
bool nal_in_order(const uint8_t *data, size_t head);

/* The same units in that order, in n bytes: what is shorter ends in zeros. */
void nal_put_in_order(uint8_t *out, const uint8_t *data, size_t n, size_t head);

/* A slice segment of a picture, or a parameter set, of the base layer. Reserved and unspecified
 * types are neither: who does not know them steps over them (7.4.2.2). */
bool nal_is_slice(const struct nal *nal);
bool nal_is_parameter_set(const struct nal *nal);

/* Its content behind the two bytes of its header, without the bytes 03 that keep start codes out of
 * it (7.3.1.1): at most `room` bytes. Returns how many. */
size_t nal_content(const struct nal *nal, uint8_t *out, size_t room);

/* A message of an SEI unit's content (7.3.5), which goes on at *p: its type and payload, n bytes.
 * false: there is no more that is whole. */
struct sei {
    size_t type, n;
    const uint8_t *p;
};
bool sei_next(const uint8_t **p, const uint8_t *end, struct sei *out);

bool nal_is_irap(int type);

/* Starts decoding anew: POC counts from zero behind it (IDR and BLA). */
bool nal_resets_poc(int type);

/* What is wrong with the slices and parameter sets of one access unit: byte sequences that
 * emulation prevention rules out (7.4.2.2), no first slice segment. Any number of zeros behind a
 * unit is legal (B.2.1). Whatever else is in it (SEI, other layers, types that nobody specifies)
 * spoils no picture. Static text; NULL: nothing. */
const char *annexb_fault(const uint8_t *data, size_t n);

/* How many zeros are behind a slice of it, at most: padding, or bytes that were lost. */
size_t annexb_zeros(const uint8_t *data, size_t n);

/* One access unit of a stream. */
struct annexb_au {
    size_t offset, n;
    size_t head; /* its bytes in front of the first slice, where parameter sets are */
    int type;    /* of its slices */
    int layered; /* units of a layer above the base layer: of no picture that is shown */
    bool after_eos;
};

/* The next access unit (7.4.2.4.4: it begins before the first AUD, parameter set or prefix SEI, or
 * the first slice segment of a picture, behind the slices of the last one); false at the end.
 * Units without slices, and zeros, join the one behind them. */
bool annexb_next(struct nal_scan *s, struct annexb_au *out);

#endif

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
    NAL_RASL_R = 9,
    NAL_BLA_W_LP = 16,
    NAL_BLA_N_LP = 18,
    NAL_IDR_W_RADL = 19,
    NAL_IDR_N_LP = 20,
    NAL_CRA = 21,
    NAL_IRAP_LAST = 23,
    NAL_VCL_LAST = 31,
    NAL_VPS = 32,
    NAL_SPS = 33,
    NAL_PPS = 34,
    NAL_AUD = 35,
    NAL_EOS = 36,
    NAL_PREFIX_SEI = 39,
};

struct nal {
    int type;
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
    int type; /* of those that are handed out now; NAL_AUD: all others */
};
struct nal_order nal_order_init(const uint8_t *data, size_t n);
bool nal_order_next(struct nal_order *o, struct nal *out);

/* They are in that order already. */
bool nal_in_order(const uint8_t *data, size_t n);

/* The same units in that order, in n bytes: what is shorter ends in zeros. */
void nal_put_in_order(uint8_t *out, const uint8_t *data, size_t n);

bool nal_is_parameter_set(int type);
bool nal_is_irap(int type);

/* Starts decoding anew: POC counts from zero behind it (IDR and BLA). */
bool nal_resets_poc(int type);

/* What is wrong with the bytes of one access unit, which begin with a start code: byte sequences
 * that emulation prevention rules out (7.4.2.2), more than zeros_max zeros in front of a start code
 * or at the end, illegal NAL headers, no first slice segment. Static text; NULL: nothing. */
const char *annexb_fault(const uint8_t *data, size_t n, size_t zeros_max);

/* One access unit of a stream. */
struct annexb_au {
    size_t offset, n;
    int type; /* of its slices */
    bool after_eos;
};

/* The next access unit (7.4.2.4.4: it begins before the first AUD, parameter set or prefix SEI, or
 * the first slice segment of a picture, behind the slices of the last one); false at the end.
 * Units without slices join the one behind them. */
bool annexb_next(struct nal_scan *s, struct annexb_au *out);

#endif

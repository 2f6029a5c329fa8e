#include "annexb.h"
#include <string.h>

struct nal_scan nal_scan_init(const uint8_t *data, size_t n)
{
    return (struct nal_scan){.data = data, .n = n};
}

/* Two zero bytes in a row among BLOCK + 1: a compiler makes vectors of it, as it does of no loop
 * that may end early. Coded data have them once in 64 kB. */
#define BLOCK 128
static bool has_zeros(const uint8_t *p)
{
    uint8_t least = 0xff;
    for (int i = 0; i < BLOCK; i++) {
        uint8_t both = p[i] | p[i + 1];
        least = both < least ? both : least;
    }
    return least == 0;
}

/* Offset of the next two zero bytes in a row from `at` that have a third byte behind them, or n. */
static size_t find_zeros(const uint8_t *data, size_t n, size_t at)
{
    while (n > BLOCK && at < n - BLOCK && !has_zeros(data + at))
        at += BLOCK;
    for (; n >= 3 && at <= n - 3; at++)
        if (data[at] == 0 && data[at + 1] == 0)
            return at;
    return n;
}

/* Offset of the next 00 00 01 from `at`, or n. */
static size_t find_start(const uint8_t *data, size_t n, size_t at)
{
    while ((at = find_zeros(data, n, at)) < n) {
        while (at < n - 3 && data[at + 2] == 0)
            at++;
        if (data[at + 2] == 1)
            return at;
        at += 3;
    }
    return n;
}

bool nal_next(struct nal_scan *s, struct nal *out)
{
    while (s->at < s->n) {
        size_t start = find_start(s->data, s->n, s->at);
        if (start == s->n)
            break;
        size_t from = start + 3, end = find_start(s->data, s->n, from);
        s->at = end;
        while (end > from && s->data[end - 1] == 0)
            end--;
        const uint8_t *p = s->data + from;
        if (end - from < 2 || (p[0] & 0x80) || (p[1] & 7) == 0)
            continue;
        *out = (struct nal){.type = p[0] >> 1 & 0x3f,
                            .layer = (p[0] & 1) << 5 | p[1] >> 3,
                            .p = p,
                            .n = end - from,
                            .start = start};
        return true;
    }
    s->at = s->n;
    return false;
}

struct nal_order nal_order_init(const uint8_t *data, size_t n, size_t head)
{
    return (struct nal_order){.scan = nal_scan_init(data, head), .n = n, .type = NAL_VPS};
}

bool nal_order_next(struct nal_order *o, struct nal *out)
{
    for (; o->type <= NAL_AUD; o->type++) {
        bool sets = o->type < NAL_AUD;
        if (!sets)
            o->scan.n = o->n;
        while (nal_next(&o->scan, out))
            if (sets ? nal_is_parameter_set(out) && out->type == o->type
                     : !nal_is_parameter_set(out))
                return true;
        o->scan.at = 0;
    }
    return false;
}

bool nal_in_order(const uint8_t *data, size_t head)
{
    struct nal_scan scan = nal_scan_init(data, head);
    struct nal nal;
    int last = NAL_VPS;
    while (nal_next(&scan, &nal)) {
        if (!nal_is_parameter_set(&nal))
            continue;
        if (nal.type < last)
            return false;
        last = nal.type;
    }
    return true;
}

void nal_put_in_order(uint8_t *out, const uint8_t *data, size_t n, size_t head)
{
    if (nal_in_order(data, head)) {
        memcpy(out, data, n);
        return;
    }
    struct nal_order order = nal_order_init(data, n, head);
    struct nal nal;
    memset(out, 0, n);
    while (nal_order_next(&order, &nal)) {
        out[2] = 1;
        memcpy(out + 3, nal.p, nal.n);
        out += nal.n + 3;
    }
}

bool nal_is_slice(const struct nal *nal)
{
    return nal->layer == 0 && (nal->type <= NAL_RASL_R || nal_is_irap(nal->type));
}

bool nal_is_parameter_set(const struct nal *nal)
{
    return nal->layer == 0 && nal->type >= NAL_VPS && nal->type <= NAL_PPS;
}

size_t nal_content(const struct nal *nal, uint8_t *out, size_t room)
{
    size_t n = 0;
    int zeros = 0;
    for (size_t i = 2; i < nal->n && n < room; i++) {
        uint8_t byte = nal->p[i];
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte ? 0 : zeros + 1;
        out[n++] = byte;
    }
    return n;
}

/* Bytes FF count on. */
static bool sei_number(const uint8_t **p, const uint8_t *end, size_t *out)
{
    for (*out = 0; *p < end && **p == 0xff; (*p)++)
        *out += 255;
    if (*p == end)
        return false;
    *out += *(*p)++;
    return true;
}

bool sei_next(const uint8_t **p, const uint8_t *end, struct sei *out)
{
    if (!sei_number(p, end, &out->type) || !sei_number(p, end, &out->n) ||
        out->n > (size_t)(end - *p))
        return false;
    out->p = *p;
    *p += out->n;
    return true;
}

bool nal_is_irap(int type)
{
    return type >= NAL_BLA_W_LP && type <= NAL_CRA;
}

bool nal_resets_poc(int type)
{
    return type >= NAL_BLA_W_LP && type <= NAL_IDR_N_LP;
}

static bool begins_au(const struct nal *nal)
{
    int t = nal->type;
    if (nal->layer > 0)
        return false;
    if (t <= NAL_VCL_LAST)
        return nal_is_slice(nal) && nal->n > 2 &&
               (nal->p[2] & 0x80); /* first_slice_segment_in_pic_flag */
    return (t >= NAL_VPS && t <= NAL_AUD) || t == NAL_PREFIX_SEI || (t >= 41 && t <= 44) ||
           (t >= 48 && t <= 55);
}

static bool only_zeros(const uint8_t *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0)
        n--;
    return n == 0;
}

bool annexb_next(struct nal_scan *s, struct annexb_au *out)
{
    struct nal nal;
    size_t before = s->at;
    bool any = false, slices = false, eos = false;
    *out = (struct annexb_au){0};
    while (nal_next(s, &nal)) {
        if (slices && begins_au(&nal)) {
            s->at = nal.start;
            break;
        }
        /* Leading zeros are part of a byte stream (B.2.1), a zero_byte of the start code. */
        if (!any && (nal.start - before == 1 || !only_zeros(s->data + before, nal.start - before)))
            before = nal.start;
        any = true;
        out->layered += nal.layer > 0;
        if ((nal.type == NAL_EOS || nal.type == NAL_EOB) && nal.layer == 0 && !slices)
            eos = true;
        if (nal_is_slice(&nal) && !slices) {
            out->type = nal.type;
            out->head = nal.start - before;
            slices = true;
        }
    }
    out->offset = before;
    out->n = s->at - before;
    out->after_eos = eos;
    return slices;
}

/* Emulation prevention leaves none of 00 00 00, 00 00 02, and 00 00 03 with more than 3 behind. */
static const char *content_fault(const uint8_t *p, size_t n)
{
    for (size_t at = 0; (at = find_zeros(p, n, at)) < n; at++) {
        uint8_t third = p[at + 2];
        if (third == 0)
            return "three zero bytes inside a NAL unit";
        if (third == 2 || (third == 3 && at + 3 < n && p[at + 3] > 3))
            return "bytes that H.265 forbids inside a NAL unit";
    }
    return NULL;
}

const char *annexb_fault(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    bool slices = false;
    while (nal_next(&scan, &nal)) {
        const char *why = NULL;
        if (!nal_is_slice(&nal) && !nal_is_parameter_set(&nal))
            continue;
        if (nal_is_slice(&nal) && !slices) {
            slices = true;
            if (!begins_au(&nal))
                why = "its first slice is missing";
        }
        if (!why)
            why = content_fault(nal.p, nal.n);
        if (why)
            return why;
    }
    return slices ? NULL : "it has no slice";
}

size_t annexb_zeros(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    size_t most = 0;
    while (nal_next(&scan, &nal)) {
        size_t zeros = scan.at - (size_t)(nal.p - data) - nal.n;
        most = zeros > most && nal_is_slice(&nal) ? zeros : most;
    }
    return most;
}

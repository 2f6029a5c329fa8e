#include "annexb.h"
#include <string.h>

struct nal_scan nal_scan_init(const uint8_t *data, size_t n)
{
    return (struct nal_scan){.data = data, .n = n};
}

/* Offset of the next 00 00 01 from `at`, or n. */
static size_t find_start(const uint8_t *data, size_t n, size_t at)
{
    while (n >= 3 && at <= n - 3) {
        const uint8_t *one = memchr(data + at + 2, 1, n - at - 2);
        if (!one)
            break;
        at = (size_t)(one - data) - 2;
        if (data[at] == 0 && data[at + 1] == 0)
            return at;
        at++;
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
        *out = (struct nal){.type = p[0] >> 1 & 0x3f, .p = p, .n = end - from, .start = start};
        return true;
    }
    s->at = s->n;
    return false;
}

struct nal_order nal_order_init(const uint8_t *data, size_t n)
{
    return (struct nal_order){.scan = nal_scan_init(data, n), .type = NAL_VPS};
}

bool nal_order_next(struct nal_order *o, struct nal *out)
{
    for (; o->type <= NAL_AUD; o->type++) {
        bool sets = o->type < NAL_AUD;
        while (nal_next(&o->scan, out)) {
            if (sets ? out->type == o->type : !nal_is_parameter_set(out->type))
                return true;
            if (sets && out->type <= NAL_VCL_LAST)
                break; /* there are none behind slices */
        }
        o->scan.at = 0;
    }
    return false;
}

bool nal_in_order(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    int last = NAL_VPS;
    while (nal_next(&scan, &nal) && nal.type > NAL_VCL_LAST) {
        if (!nal_is_parameter_set(nal.type))
            continue;
        if (nal.type < last)
            return false;
        last = nal.type;
    }
    return true;
}

void nal_put_in_order(uint8_t *out, const uint8_t *data, size_t n)
{
    if (nal_in_order(data, n)) {
        memcpy(out, data, n);
        return;
    }
    struct nal_order order = nal_order_init(data, n);
    struct nal nal;
    memset(out, 0, n);
    while (nal_order_next(&order, &nal)) {
        out[2] = 1;
        memcpy(out + 3, nal.p, nal.n);
        out += nal.n + 3;
    }
}

bool nal_is_parameter_set(int type)
{
    return type >= NAL_VPS && type <= NAL_PPS;
}

bool nal_is_irap(int type)
{
    return type >= NAL_BLA_W_LP && type <= NAL_IRAP_LAST;
}

bool nal_resets_poc(int type)
{
    return type >= NAL_BLA_W_LP && type <= NAL_IDR_N_LP;
}

static bool begins_au(const struct nal *nal)
{
    int t = nal->type;
    if (t <= NAL_VCL_LAST)
        return nal->n > 2 && (nal->p[2] & 0x80); /* first_slice_segment_in_pic_flag */
    return (t >= NAL_VPS && t <= NAL_AUD) || t == NAL_PREFIX_SEI || (t >= 41 && t <= 44) ||
           (t >= 48 && t <= 55);
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
        if (!any)
            before = nal.start;
        any = true;
        if (nal.type == NAL_EOS && !slices)
            eos = true;
        if (nal.type <= NAL_VCL_LAST && !slices) {
            out->type = nal.type;
            slices = true;
        }
    }
    out->offset = before;
    out->n = s->at - before;
    out->after_eos = eos;
    return slices;
}

/* Judges the run of at least two zeros from `at` to `end`. */
static const char *zeros_fault(const uint8_t *data, size_t n, size_t at, size_t end,
                               size_t zeros_max)
{
    size_t run = end - at;
    if (end == n)
        return run > zeros_max ? "zeros where its last bytes should be" : NULL;
    if (data[end] == 1) {
        if (run > zeros_max + 3)
            return "zeros where the end of a NAL unit should be";
        if (n - end < 3)
            return "a NAL unit without content";
        if (data[end + 1] & 0x80 || (data[end + 2] & 7) == 0)
            return "a NAL unit with an illegal header";
        return NULL;
    }
    if (run > 2)
        return "three zero bytes inside a NAL unit";
    if (data[end] == 2 || (data[end] == 3 && end + 1 < n && data[end + 1] > 3))
        return "bytes that H.265 forbids inside a NAL unit";
    return NULL;
}

const char *annexb_fault(const uint8_t *data, size_t n, size_t zeros_max)
{
    for (size_t at = 0; at + 1 < n;) {
        if (data[at + 1]) {
            at += 2;
        } else if (data[at]) {
            at++;
        } else {
            size_t end = at;
            while (end < n && data[end] == 0)
                end++;
            const char *why = zeros_fault(data, n, at, end, zeros_max);
            if (why)
                return why;
            at = end;
        }
    }
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    while (nal_next(&scan, &nal))
        if (nal.type <= NAL_VCL_LAST)
            return begins_au(&nal) ? NULL : "its first slice is missing";
    return "it has no slice";
}

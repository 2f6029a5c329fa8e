#include "sniff.h"
#include "annexb.h"
#include "ptmf.h"
#include <string.h>

#define SEARCH_BYTES 65536 /* a damaged beginning may be this long */

static bool is_text(const uint8_t *data, size_t n)
{
    n = n < 512 ? n : 512;
    for (size_t i = 0; i < n; i++)
        if ((data[i] < 0x20 && !strchr("\t\r\n\f", data[i])) || data[i] == 0 || data[i] == 0x7f)
            return false;
    return true;
}

static bool is_zeros(const uint8_t *data, size_t n)
{
    n = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 0; i < n; i++)
        if (data[i])
            return false;
    return true;
}

static bool has_records(const uint8_t *data, size_t n)
{
    size_t search = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 0; i < search; i++)
        if (data[i] == 'P' && ptmf_header_ok(data + i, n - i))
            return true;
    return false;
}

/* The unit types that a camera's H.265 stream is made of; a random byte is rarely one of them. */
static bool plausible_nal(const struct nal *nal)
{
    return (nal->type <= 9 || nal_is_irap(nal->type) ||
            (nal->type >= NAL_VPS && nal->type <= NAL_PREFIX_SEI + 1)) &&
           (nal->p[0] & 1) == 0 && (nal->p[1] >> 3) == 0; /* nuh_layer_id 0 */
}

static int sniff_stream(const uint8_t *data, size_t n, enum media_container *out, struct err *err)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    int64_t units = 0, slices = 0, odd = 0;
    size_t first_slice = 0;
    bool sps = false, pps = false;
    while (nal_next(&scan, &nal)) {
        if (units + odd == 0 && (nal.p[0] & 0x1f) == 7 && nal.type != NAL_SPS)
            return err_set(err, ERR_UNSUPPORTED, "this is H.264, not H.265");
        if (!plausible_nal(&nal)) {
            odd++;
            continue;
        }
        units++;
        if (nal.type <= NAL_VCL_LAST && slices++ == 0)
            first_slice = nal.start;
        sps = sps || nal.type == NAL_SPS;
        pps = pps || nal.type == NAL_PPS;
        if (slices && sps && pps) {
            *out = MEDIA_ANNEXB;
            return ERR_OK;
        }
    }
    if (units == 0 || odd > units)
        return err_set(err, ERR_MALFORMED,
                       "unknown format: neither camera records (PTMF), H.265 nor JPEG");
    if (slices == 0)
        return err_set(err, ERR_MALFORMED, "H.265 stream without a single frame");
    *out = MEDIA_ANNEXB;
    return err_set(err, ERR_MALFORMED,
                   "H.265 stream without parameter sets (%s), first slice at offset %zu; take them "
                   "from another clip of the same camera with --params-from CLIP",
                   sps   ? "no PPS"
                   : pps ? "no SPS"
                         : "no SPS, no PPS",
                   first_slice);
}

int sniff_bytes(const uint8_t *data, size_t n, enum media_container *out, struct err *err)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    *out = MEDIA_UNKNOWN;
    if (n >= sizeof jpeg && memcmp(data, jpeg, sizeof jpeg) == 0)
        *out = MEDIA_JPEG;
    else if (has_records(data, n))
        *out = MEDIA_PTMF;
    else if (n >= 12 && memcmp(data + 4, "ftyp", 4) == 0)
        return err_set(err, ERR_UNSUPPORTED, "already an MP4 file; nothing to convert");
    else if (is_text(data, n))
        return err_set(err, ERR_MALFORMED, "this is text, not H.265");
    else if (is_zeros(data, n))
        return err_set(err, ERR_MALFORMED, "the file contains only zeros");
    else
        return sniff_stream(data, n, out, err);
    return ERR_OK;
}

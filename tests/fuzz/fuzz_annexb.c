/* NAL units and access units in hostile bytes: they lie in the data, in order, and do not overlap;
 * no start code lies within one; the first slice is behind the head; the search for faults ends. */
#include "footage/media/annexb.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void scan_units(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    size_t end = 0;
    while (nal_next(&scan, &nal)) {
        size_t at = (size_t)(nal.p - data);
        if (nal.start < end || at != nal.start + 3 || nal.n < 2 || nal.n > n - at)
            abort();
        end = at + nal.n;
        for (size_t i = 0; i + 2 < nal.n; i++)
            if (nal.p[i] == 0 && nal.p[i + 1] == 0 && nal.p[i + 2] == 1)
                abort();
    }
}

static void look_at_head(const uint8_t *data, size_t n, size_t head)
{
    struct nal_scan scan = nal_scan_init(data, head);
    struct nal nal;
    while (nal_next(&scan, &nal))
        if (nal_is_slice(&nal))
            abort();
    scan = nal_scan_init(data + head, n - head);
    if (!nal_next(&scan, &nal) || nal.start != 0 || !nal_is_slice(&nal))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct annexb_au au;
    size_t end = 0;
    scan_units(data, n);
    while (annexb_next(&scan, &au)) {
        if (au.offset < end || au.n == 0 || au.n > n - au.offset || au.head >= au.n)
            abort();
        look_at_head(data + au.offset, au.n, au.head);
        end = au.offset + au.n;
        scan_units(data + au.offset, au.n);
        annexb_fault(data + au.offset, au.n);
    }
    annexb_fault(data, n);
    annexb_zeros(data, n);
    return 0;
}

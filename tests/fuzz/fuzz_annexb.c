/* NAL units and access units in hostile bytes: they lie in the data, in order, and do not overlap;
 * the search for faults ends. */
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
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct annexb_au au;
    size_t end = 0;
    scan_units(data, n);
    while (annexb_next(&scan, &au)) {
        if (au.offset < end || au.n == 0 || au.n > n - au.offset)
            abort();
        end = au.offset + au.n;
        scan_units(data + au.offset, au.n);
        annexb_fault(data + au.offset, au.n, 8);
    }
    annexb_fault(data, n, 0);
    return 0;
}

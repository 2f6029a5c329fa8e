/* PTMF records in hostile bytes: payloads lie in the data, in order, and every byte is accounted
 * for. */
#include "footage/media/ptmf.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ptmf p = ptmf_init(data, n);
    struct ptmf_record r;
    size_t end = 0, records = 0;
    unsigned sum = 0;
    while (ptmf_next(&p, &r)) {
        size_t at = (size_t)(r.payload - data);
        if (r.offset < end || at != r.offset + PTMF_HEADER_BYTES || at > n || r.n > n - at)
            abort();
        for (size_t i = 0; i < r.n; i++)
            sum += r.payload[i];
        end = at + r.n;
        records++;
    }
    if (records > n / PTMF_HEADER_BYTES || p.skipped_bytes < 0 || (size_t)p.skipped_bytes > n)
        abort();
    volatile unsigned keep = sum; /* the reads count */
    (void)keep;
    return 0;
}

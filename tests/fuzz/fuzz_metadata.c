/* Metadata of any length; what is decoded, written again and decoded again is the same. */
#include "dashspool/wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_US INT64_C(1735689600000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err;
    struct wire_meta m, again;
    uint8_t payload[WIRE_META_V4_BYTES];
    char name[24];
    if (wire_meta_parse(data, n, NOW_US, &m, &err) < 0)
        return 0;
    wire_trigger_name(m.trigger, name);
    int version = m.present & WIRE_META_TRIGGER_TIME ? 4
                  : m.present & WIRE_META_ZONE       ? 3
                  : m.present & WIRE_META_FPS        ? 2
                                                     : 1;
    size_t bytes = wire_meta_put(payload, &m, version);
    if (bytes + m.tail_bytes != n || (m.plausible & ~m.present))
        abort();
    if (wire_meta_parse(payload, bytes, NOW_US, &again, &err) < 0 || again.present != m.present ||
        again.plausible != m.plausible || memcmp(payload + 1, data + 1, bytes - 1) != 0)
        abort();
    return 0;
}

/* What lies beside a file: taken, or said why not; what is taken can be what a child says, and is
 * the same once more. */
#include "dashspool/wire.h"
#include "intake/import/import_internal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_US INT64_C(1735689600000000)

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct look_found found;
    static struct look_sidecar again;
    struct look_sidecar *s = &found.sidecar[0];
    struct err err;
    struct wire_meta m;
    if (n == 0 || n > 65536)
        return 0;
    look_sidecar(s, data, n, NOW_US);
    must(s->taken || s->why[0]);
    must(look_found_ok(&found, NOW_US));
    look_sidecar(&again, data, n, NOW_US);
    must(again.taken == s->taken && again.wire.meta_n == s->wire.meta_n);
    must(memcmp(again.wire.meta, s->wire.meta, s->wire.meta_n) == 0);
    if (!s->taken || s->of_sha256[0]) /* what our own file has is kept, whatever it is */
        return 0;
    /* as it was, in its frame or without */
    must(s->wire.meta_n == n || s->wire.meta_n + 4 == n);
    must(memcmp(s->wire.meta, data + n - s->wire.meta_n, s->wire.meta_n) == 0);
    must(wire_meta_parse(s->wire.meta, s->wire.meta_n, 0, NOW_US, &m, &err) == ERR_OK && m.present);
    return 0;
}

/* Metadata of any length and form; what is decoded, written again and decoded again is the same. */
#include "dashspool/wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW_US INT64_C(1735689600000000)

static void must(bool good)
{
    if (!good)
        abort();
}

static int version_of(const struct wire_meta *m)
{
    return m->present & WIRE_META_TRIGGER_TIME ? 4
           : m->present & WIRE_META_ZONE       ? 3
           : m->present & WIRE_META_FPS        ? 2
                                               : 1;
}

static void write_again(const uint8_t *data, size_t n, const struct wire_meta *m)
{
    struct err err;
    struct wire_meta again;
    uint8_t payload[WIRE_META_V4_BYTES];
    size_t bytes = wire_meta_put(payload, m, version_of(m));
    must(bytes + m->tail_bytes == n);
    must(wire_meta_parse(payload, bytes, NOW_US, &again, &err) == ERR_OK);
    must(again.kind == m->kind && again.present == m->present && again.plausible == m->plausible);
    must(strcmp(again.trigger_name, m->trigger_name) == 0);
    if (m->kind == WIRE_KIND_DUALCAM)
        must(memcmp(payload + 1, data + 1, bytes - 1) == 0);
    else /* a driver's padding may be on the other side */
        must(memcmp(payload, data, 15) == 0 && strcmp(again.driver, m->driver) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err;
    struct wire_meta m;
    char events[WIRE_EVENTS_ROOM], camera[8], kind[8];
    if (n > WIRE_META_BYTES_MAX || wire_meta_parse(data, n, NOW_US, &m, &err) < 0)
        return 0;
    must(!(m.plausible & ~m.present));
    must(strlen(m.driver) < sizeof m.driver && strlen(m.trigger_name) < sizeof m.trigger_name);
    must(strlen(wire_events_text(m.events, events)) < sizeof events);
    wire_path_words(data, n, &m, camera, kind);
    must(camera[0] && kind[0]);
    if (m.as_text)
        must(memchr(data, ':', n) && m.present & WIRE_META_TIME);
    else if (m.kind == WIRE_KIND_JSON)
        must(data[0] == '{');
    else if (data[0] != '{' && (m.kind != WIRE_KIND_DUALCAM || (n != 15 && n != 26)))
        /* what begins like JSON may be JSON once its driver's name is left out */
        write_again(data, n, &m);
    return 0;
}

/* Metadata of any length and form. Binary: of the lengths that there are, and what is decoded,
 * written again and decoded again is the same. Text: the same behind a mark, in a list, and in two
 * bytes a character. */
#include "dashspool/text.h"
#include "dashspool/wire.h"
#include <math.h>
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
    must(bytes == n || (n == 13 && data[0] == 2));
    must(m->tail_bytes == 0 && !m->note[0]);
    must(wire_meta_parse(payload, bytes, 0, NOW_US, &again, &err) == ERR_OK);
    must(again.kind == m->kind && again.present == m->present && again.plausible == m->plausible);
    must(strcmp(again.trigger_name, m->trigger_name) == 0);
    if (m->kind == WIRE_KIND_DUALCAM)
        must(memcmp(payload + 1, data + 1, bytes - 1) == 0);
    else /* a driver's padding may be on the other side, and what cannot be shown is '?' */
        must(memcmp(payload, data, 15) == 0 && strcmp(again.driver, m->driver) == 0);
}

/* In whatever it is wrapped it says the same, or is too long or too deep now. */
static void must_be_same(const void *data, size_t n, const struct wire_meta *m)
{
    struct err err;
    struct wire_meta again;
    if (wire_meta_parse(data, n, 6, NOW_US, &again, &err) < 0) {
        must(strstr(err.text, "deeper") != NULL);
        return;
    }
    must(again.kind == m->kind && again.present == m->present && again.plausible == m->plausible);
    must(again.time_ms == m->time_ms && again.fps == m->fps && again.length_s == m->length_s);
    must(fabs(again.lat_deg - m->lat_deg) <= 0 && fabs(again.lon_deg - m->lon_deg) <= 0);
    must(again.trigger == m->trigger && strcmp(again.trigger_name, m->trigger_name) == 0);
    must(strcmp(again.driver, m->driver) == 0);
}

static void wrap_again(const uint8_t *data, size_t n, const struct wire_meta *m)
{
    static char text[TEXT_UTF8_ROOM(WIRE_META_BYTES_MAX)], in_list[sizeof text + 8];
    static uint8_t wide[2 * sizeof text + 2] = {0xff, 0xfe};
    size_t bytes = text_to_utf8(data, n, text), used = 2;
    memcpy(in_list, "\xef\xbb\xbf\n [", 6);
    memcpy(in_list + 6, text, bytes);
    in_list[6 + bytes] = ']';
    if (m->tail_bytes == 0 && !m->as_text)
        must_be_same(in_list, bytes + 7, m);
    for (size_t i = 0, one; i < bytes; i += one) {
        uint32_t c = 0;
        one = utf8_next(text + i, bytes - i, &c);
        if (one == 0 || c > 0xffff || c == 0xfeff)
            return; /* what has no place there */
        wide[used++] = (uint8_t)c;
        wide[used++] = (uint8_t)(c >> 8);
    }
    must_be_same(wide, used, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err;
    struct wire_meta m;
    char events[WIRE_EVENTS_ROOM], camera[8], kind[8];
    if (n > WIRE_META_BYTES_MAX || wire_meta_parse(data, n, 0, NOW_US, &m, &err) < 0)
        return 0;
    must(!(m.plausible & ~m.present));
    must(strlen(m.driver) < sizeof m.driver && strlen(m.trigger_name) < sizeof m.trigger_name);
    must(strlen(wire_events_text(m.events, events)) < sizeof events);
    wire_path_words(data, n, &m, camera, kind);
    must(camera[0] && kind[0]);
    must(strlen(m.note) < sizeof m.note);
    if (m.as_text)
        must(memchr(data, ':', n) && m.present & WIRE_META_TIME);
    if (m.as_text || m.kind == WIRE_KIND_JSON)
        wrap_again(data, n, &m);
    else
        write_again(data, n, &m);
    return 0;
}

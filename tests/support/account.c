#include "support/account.h"
#include "dashspool/avl.h"
#include "dashspool/hash.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0     CATALOGUED_T0_US
#define SECOND INT64_C(1000000)

struct account_said account_drive(int64_t at_ms)
{
    return (struct account_said){at_ms, 9, 50, -1, -1, -1, 0, 0, false, 0};
}

static struct catalogue_record record_of(const struct account_said *s, uint8_t bytes[2048])
{
    uint8_t trigger = (uint8_t)s->trigger, crash = (uint8_t)s->crash, counter = (uint8_t)s->counter,
            private_mode = s->private_mode, trace[6 * ACCOUNT_SAMPLES];
    struct avl_io io[5];
    size_t n = 0;
    for (int i = 0; i < s->samples; i++) {
        int16_t v[3] = {(int16_t)(s->first + i), -1000, 1000};
        for (int k = 0; k < 3; k++) {
            trace[6 * i + 2 * k] = (uint8_t)((uint16_t)v[k] >> 8);
            trace[6 * i + 2 * k + 1] = (uint8_t)v[k];
        }
    }
    struct avl_record r = {.codec = AVL_CODEC_8E,
                           .time_ms = (uint64_t)(T0 / 1000 + s->at_ms),
                           .priority = (uint8_t)s->priority,
                           .longitude_e7 = 252000000,
                           .latitude_e7 = 547000000 + (int32_t)(s->at_ms / 10),
                           .satellites = (uint8_t)s->satellites,
                           .speed_kmh = (uint16_t)s->speed_kmh,
                           .event_id = s->trigger >= 0 ? AVL_ID_CAMERA_TRIGGER : 0,
                           .generation = -1};
    if (s->trigger >= 0)
        io[n++] = (struct avl_io){AVL_ID_CAMERA_TRIGGER, 1, false, &trigger};
    if (s->crash >= 0)
        io[n++] = (struct avl_io){AVL_ID_CRASH, 1, false, &crash};
    if (s->counter >= 0)
        io[n++] = (struct avl_io){AVL_ID_CRASH_COUNTER, 1, false, &counter};
    io[n++] = (struct avl_io){AVL_ID_PRIVATE_MODE, 1, false, &private_mode};
    if (s->samples > 0)
        io[n++] = (struct avl_io){AVL_ID_CRASH_TRACE, (uint16_t)(6 * s->samples), true, trace};
    struct catalogue_record out = {.time_ms = (int64_t)r.time_ms,
                                   .priority = r.priority,
                                   .event = r.event_id,
                                   .codec = r.codec,
                                   .arrived_us = T0 + 3600 * SECOND,
                                   .raw = bytes};
    out.raw_bytes = avl_record_put(bytes, 2048, AVL_CODEC_8E, &r, io, n);
    assert_int_not_equal(out.raw_bytes, 0);
    struct hash *hash;
    struct err err;
    assert_ok(hash_new(&hash, &err));
    hash_update(hash, bytes, out.raw_bytes);
    assert_ok(hash_final(hash, out.sha256, &err));
    hash_free(&hash);
    return out;
}

void account_say(const struct catalogued *f, const struct catalogue_transfer *t,
                 const struct account_said *s)
{
    uint8_t bytes[2048];
    struct catalogue_record r = record_of(s, bytes);
    struct err err;
    bool added;
    assert_ok(catalogue_record_put(f->c, t->key, &r, &added, &err));
    assert_true(added);
}

void account_say_event(const struct catalogued *f, const struct catalogue_transfer *t,
                       const struct account_said *s, int64_t difference_ms)
{
    uint8_t bytes[2048];
    struct catalogue_record r = record_of(s, bytes);
    struct catalogue_match m = {r.time_ms, r.priority, r.event, {0}, difference_ms};
    struct err err;
    account_say(f, t, s);
    memcpy(m.sha256, r.sha256, sizeof m.sha256);
    assert_ok(catalogue_match_put(f->c, t->key, &m, &err));
}

struct catalogue_transfer account_clip(const struct catalogued *f)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(ACCOUNT_IMEI, "front", T0);
    t.state = CATALOGUE_STORED;
    t.known |= CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_TRIGGER_TIME_OK;
    t.time_us = T0;
    t.length_s = 10;
    t.trigger = ACCOUNT_CRASH;
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    t.trigger_time_us = T0 + 5 * SECOND;
    t.completed_us = t.arrived_us + SECOND;
    snprintf(t.sha256, sizeof t.sha256, "%064d", 1);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    return t;
}

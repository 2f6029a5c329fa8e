#include "dashspool/intake.h"
#include "dashspool/wire.h"
#include <stdio.h>

/* Cameras count in milliseconds, from 0 to nonsense. */
static int64_t us_of_ms(uint64_t ms)
{
    return ms > INT64_MAX / 1000 ? 0 : (int64_t)ms * 1000;
}

static unsigned known_of(unsigned plausible)
{
    static const struct {
        unsigned field, known;
    } bits[] = {
        {WIRE_META_TIME, CATALOGUE_TIME_OK},
        {WIRE_META_FPS, CATALOGUE_FPS_OK},
        {WIRE_META_ZONE, CATALOGUE_ZONE_OK},
        {WIRE_META_POSITION, CATALOGUE_POSITION_OK},
        {WIRE_META_TRIGGER_TIME, CATALOGUE_TRIGGER_TIME_OK},
        {WIRE_META_EVENTS, CATALOGUE_EVENTS_OK},
        {WIRE_META_DRIVER, CATALOGUE_DRIVER_OK},
    };
    unsigned known = CATALOGUE_HAS_META;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (plausible & bits[i].field)
            known |= bits[i].known;
    return known;
}

bool intake_metadata(const uint8_t *meta, size_t n, int64_t now_utc_us,
                     struct catalogue_transfer *row)
{
    struct err err;
    struct wire_meta m;
    if (wire_meta_parse(meta, n, now_utc_us, &m, &err) < 0)
        return false;
    row->known = known_of(m.plausible);
    row->meta_version = m.version;
    row->time_us = us_of_ms(m.time_ms);
    row->trigger = m.trigger;
    snprintf(row->trigger_name, sizeof row->trigger_name, "%s", m.trigger_name);
    row->length_s = m.length_s;
    row->events = m.events;
    snprintf(row->driver, sizeof row->driver, "%s", m.driver);
    row->fps = m.fps;
    row->tz_min = m.tz_min;
    row->lat_deg = m.lat_deg;
    row->lon_deg = m.lon_deg;
    row->trigger_time_us = us_of_ms(m.trigger_time_ms);
    return true;
}

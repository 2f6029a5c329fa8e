#include "offer.h"
#include "dashspool/raw.h"
#include <stdio.h>
#include <string.h>

static size_t keep(uint8_t *out, size_t room, const uint8_t *data, size_t n)
{
    size_t kept = n < room ? n : room;
    if (kept > 0)
        memcpy(out, data, kept);
    return kept;
}

/* Cameras count in milliseconds, from 0 to nonsense. */
static int64_t us_of_ms(uint64_t ms)
{
    return ms > INT64_MAX / 1000 ? 0 : (int64_t)ms * 1000;
}

static void decode(const struct wire_meta *m, struct catalogue_transfer *row)
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
    row->known = CATALOGUE_HAS_META;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (m->plausible & bits[i].field)
            row->known |= bits[i].known;
    row->meta_version = m->version;
    row->time_us = us_of_ms(m->time_ms);
    row->trigger = m->trigger;
    snprintf(row->trigger_name, sizeof row->trigger_name, "%s", m->trigger_name);
    row->length_s = m->length_s;
    row->events = m->events;
    snprintf(row->driver, sizeof row->driver, "%s", m->driver);
    row->fps = m->fps;
    row->tz_min = m->tz_min;
    row->lat_deg = m->lat_deg;
    row->lon_deg = m->lon_deg;
    row->trigger_time_us = us_of_ms(m->trigger_time_ms);
}

void offer_to_row(const struct wire_init *init, const struct wire_offer *offer, const char *peer,
                  int64_t now_utc_us, struct catalogue_transfer *row)
{
    struct err err;
    struct wire_meta meta;
    struct catalogue_wire *w = &row->wire;
    *row = (struct catalogue_transfer){.state = CATALOGUE_RECEIVING, .arrived_us = now_utc_us};
    snprintf(row->imei, sizeof row->imei, "%s", init->imei);
    snprintf(row->camera, sizeof row->camera, "%s", offer->camera);
    snprintf(row->kind, sizeof row->kind, "%s", offer->kind);
    snprintf(row->source, sizeof row->source, "camera");
    snprintf(row->peer, sizeof row->peer, "%s", peer);
    raw_day(now_utc_us, row->day);
    row->protocol_id = init->protocol_id;
    w->init_n = keep(w->init, sizeof w->init, offer->init, offer->init_bytes);
    w->path_n = keep(w->path, sizeof w->path, offer->path, offer->path_bytes);
    w->meta_n = keep(w->meta, sizeof w->meta, offer->meta, offer->meta_bytes);
    w->start_n = keep(w->start, sizeof w->start, offer->start, offer->start_bytes);
    if (offer->meta &&
        wire_meta_parse(offer->meta, offer->meta_bytes, now_utc_us, &meta, &err) == ERR_OK)
        decode(&meta, row);
}

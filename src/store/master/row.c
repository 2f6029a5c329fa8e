/* A row as facts, and facts as a row. */
#include "master_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    unsigned trusted, known;
} bits[] = {
    {WIRE_META_TIME, CATALOGUE_TIME_OK},
    {WIRE_META_FPS, CATALOGUE_FPS_OK},
    {WIRE_META_ZONE, CATALOGUE_ZONE_OK},
    {WIRE_META_POSITION, CATALOGUE_POSITION_OK},
    {WIRE_META_TRIGGER_TIME, CATALOGUE_TRIGGER_TIME_OK},
    {WIRE_META_EVENTS, CATALOGUE_EVENTS_OK},
    {WIRE_META_DRIVER, CATALOGUE_DRIVER_OK},
};
enum { N_BITS = sizeof bits / sizeof *bits };

struct wire_bytes facts_bytes(const struct catalogue_wire *w)
{
    return (struct wire_bytes){.init = w->init,
                               .init_n = w->init_n,
                               .path = w->path,
                               .path_n = w->path_n,
                               .meta = w->meta,
                               .meta_n = w->meta_n};
}

struct wire_facts facts_of_row(const struct catalogue_transfer *t)
{
    struct wire_facts f = {.protocol_id = t->protocol_id,
                           .has_meta = t->known & CATALOGUE_HAS_META,
                           .version = t->meta_version,
                           .time_us = t->time_us,
                           .trigger = t->trigger,
                           .length_s = t->length_s,
                           .fps = t->fps,
                           .tz_min = t->tz_min,
                           .lat_deg = t->lat_deg,
                           .lon_deg = t->lon_deg,
                           .trigger_time_us = t->trigger_time_us,
                           .events = t->events,
                           .time_named = t->known & CATALOGUE_TIME_NAMED,
                           .time_told = t->known & CATALOGUE_TIME_TOLD};
    unsigned rest =
        t->known & ~(unsigned)(CATALOGUE_HAS_META | CATALOGUE_TIME_NAMED | CATALOGUE_TIME_TOLD);
    for (int i = 0; i < N_BITS; i++) {
        f.trusted |= rest & bits[i].known ? bits[i].trusted : 0;
        rest &= ~bits[i].known;
    }
    f.trusted |= rest; /* bits that no version has */
    snprintf(f.imei, sizeof f.imei, "%s", t->imei);
    snprintf(f.camera, sizeof f.camera, "%s", t->camera);
    snprintf(f.kind, sizeof f.kind, "%s", t->kind);
    snprintf(f.trigger_name, sizeof f.trigger_name, "%s", t->trigger_name);
    snprintf(f.driver, sizeof f.driver, "%s", t->driver);
    return f;
}

void facts_to_row(const struct wire_facts *f, struct catalogue_transfer *t)
{
    t->known = f->has_meta ? CATALOGUE_HAS_META : 0;
    for (int i = 0; i < N_BITS; i++)
        t->known |= f->trusted & bits[i].trusted ? bits[i].known : 0;
    t->meta_version = f->version;
    t->time_us = f->time_us;
    t->trigger = f->trigger;
    snprintf(t->trigger_name, sizeof t->trigger_name, "%s", f->trigger_name);
    t->length_s = f->length_s;
    t->fps = f->fps;
    t->tz_min = f->tz_min;
    t->lat_deg = f->lat_deg;
    t->lon_deg = f->lon_deg;
    t->trigger_time_us = f->trigger_time_us;
    t->events = f->events;
    snprintf(t->driver, sizeof t->driver, "%s", f->driver);
}

bool facts_decode(struct catalogue_transfer *t)
{
    struct wire_bytes bytes = facts_bytes(&t->wire);
    struct wire_facts f;
    wire_facts_decode(&bytes, t->arrived_us, &f);
    if (f.has_meta || t->known & CATALOGUE_HAS_META) /* or had, to an older decoder */
        facts_to_row(&f, t);
    return f.has_meta;
}

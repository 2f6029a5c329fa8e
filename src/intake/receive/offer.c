#include "offer.h"
#include "dashspool/intake.h"
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

void offer_to_row(const struct wire_init *init, const struct wire_offer *offer, const char *peer,
                  int64_t now_utc_us, struct catalogue_transfer *row)
{
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
    if (offer->meta)
        intake_metadata(offer->meta, offer->meta_bytes, now_utc_us, row);
}

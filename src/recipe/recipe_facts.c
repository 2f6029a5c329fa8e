#include "dashspool/recipe.h"
#include <stdio.h>

void recipe_facts(const struct catalogue_transfer *t, struct convert_facts *out)
{
    *out = (struct convert_facts){
        .has_time = t->known & CATALOGUE_TIME_OK,
        .has_zone = t->known & CATALOGUE_ZONE_OK,
        .has_position = t->known & CATALOGUE_POSITION_OK,
        .has_trigger_time = t->known & CATALOGUE_TRIGGER_TIME_OK,
        .start_utc_us = t->time_us,
        .tz_min = t->tz_min,
        .lat_deg = t->lat_deg,
        .lon_deg = t->lon_deg,
        .trigger_utc_us = t->trigger_time_us,
        .meta_fps = t->known & CATALOGUE_FPS_OK ? t->fps : 0,
        .length_s = t->known & CATALOGUE_HAS_META ? t->length_s : 0,
    };
    snprintf(out->id, sizeof out->id, "%s", t->id);
    snprintf(out->imei, sizeof out->imei, "%s", t->imei);
    snprintf(out->camera, sizeof out->camera, "%s", t->camera);
    if (t->known & CATALOGUE_HAS_META)
        snprintf(out->trigger, sizeof out->trigger, "%s", t->trigger_name);
}

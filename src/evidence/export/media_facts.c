/* What the catalogue knows of a transfer, as facts for its copies. */
#include "dashspool/export.h"
#include "dashspool/review.h"
#include <stdio.h>
#include <string.h>

/* Where there were no metadata, the name tells the time, and where it is from. */
static void facts_of_name(const struct catalogue_transfer *t, struct media_facts *out)
{
    char path[CATALOGUE_PATH_ROOM + 1];
    if (!(t->known & CATALOGUE_TIME_NAMED))
        return;
    memcpy(path, t->wire.path, t->wire.path_n);
    path[t->wire.path_n] = '\0';
    out->has_time = false;
    media_facts_from_path(path, t->arrived_us, out);
}

int export_vehicle(struct catalogue *c, const char *imei, char out[EXPORT_VEHICLE_ROOM],
                   struct err *err)
{
    struct review_vehicle v;
    int rc = review_vehicle_get(c, imei, &v, err);
    snprintf(out, EXPORT_VEHICLE_ROOM, "%s%s%s", v.name, v.name[0] && v.plate[0] ? ", " : "",
             v.plate);
    return rc;
}

int export_media_facts(struct catalogue *c, const struct catalogue_transfer *t,
                       const char *osd_template, struct media_facts *out, struct err *err)
{
    *out = (struct media_facts){
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
    facts_of_name(t, out);
    if (t->known & CATALOGUE_TIME_TOLD)
        snprintf(out->time_source, sizeof out->time_source, MEDIA_TIME_TOLD);
    if (strcmp(t->imei, CATALOGUE_IMEI_UNKNOWN) != 0)
        snprintf(out->imei, sizeof out->imei, "%s", t->imei);
    else
        out->imei[0] = '\0'; /* its folder may have that name */
    snprintf(out->camera, sizeof out->camera, "%s", t->camera);
    if (t->known & CATALOGUE_HAS_META)
        snprintf(out->trigger, sizeof out->trigger, "%s", t->trigger_name);
    return strstr(osd_template, "{vehicle}") ? export_vehicle(c, t->imei, out->vehicle, err)
                                             : ERR_OK;
}

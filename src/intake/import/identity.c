/* Of whom and of when a file is: what lies beside it, else its name and its folders. */
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include "import_internal.h"
#include <stdio.h>
#include <string.h>

/* The first that says something about this very file. */
static void take_sidecar(struct item *it, const struct look_found *found)
{
    struct catalogue_transfer *row = &it->row;
    char path[CATALOGUE_FILE_ROOM + 8];
    bool of_stem;
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        const struct look_sidecar *s = &found->sidecar[i];
        if (!s->taken || (s->of_sha256[0] && strcmp(s->of_sha256, row->sha256) != 0))
            continue;
        memcpy(row->imei, s->imei, sizeof row->imei);
        memcpy(row->camera, s->camera, sizeof row->camera);
        row->wire = s->wire;
        if (!facts_decode(row) && !s->of_sha256[0]) {
            row->wire.meta_n = 0;
            continue;
        }
        import_sidecar(it->path, i, path, sizeof path, &of_stem);
        const char *slash = strrchr(path, '/');
        snprintf(it->sidecar, sizeof it->sidecar, "%s", slash ? slash + 1 : path);
        return;
    }
}

static void camera_of_metadata(struct catalogue_transfer *row, int64_t now_utc_us)
{
    struct err err;
    struct wire_meta m;
    const char *camera = NULL;
    if (row->camera[0] || !(row->known & CATALOGUE_HAS_META) ||
        wire_meta_parse(row->wire.meta, row->wire.meta_n, row->protocol_id, now_utc_us, &m, &err) <
            0)
        return;
    for (int i = 0; i < WIRE_N_SLOTS && m.kind == WIRE_KIND_DUALCAM; i++)
        if (wire_slots[i].file_type == m.file_type)
            camera = wire_slots[i].camera;
    if (m.kind == WIRE_KIND_DSM)
        camera = "driver";
    else if (m.kind == WIRE_KIND_ADAS)
        camera = "road";
    if (camera)
        snprintf(row->camera, sizeof row->camera, "%s", camera);
}

/* The file's name with its folder's: what time and IMEI may be read from again. */
static void keep_name(struct catalogue_transfer *row, const char *path)
{
    struct catalogue_wire *w = &row->wire;
    const char *end = path + strlen(path), *from = end;
    for (; from > path && from[-1] != '/'; from--)
        ;
    const char *name = from;
    if (from > path)
        for (from--; from > path && from[-1] != '/'; from--)
            ;
    if ((size_t)(end - from) > sizeof w->path)
        from = name;
    w->path_n = (size_t)(end - from);
    memcpy(w->path, from, w->path_n);
}

/* Nothing is trusted over a camera that does not know the time, and no person over a file. */
static int set_time(struct catalogue_transfer *row, const struct look_found *found,
                    const struct clock_told *told, struct err *err)
{
    if (row->known & CATALOGUE_HAS_META)
        return ERR_OK;
    if (found->has_time) {
        row->known |= CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED;
        row->time_us = found->time_us;
        if (!found->time_local || !told || !told->tz)
            return ERR_OK;
        row->known |= CATALOGUE_ZONE_OK;
        return clock_tz_utc(told->tz, found->time_us, &row->time_us, &row->tz_min, err);
    }
    if (told && told->has_time) {
        row->known |= CATALOGUE_TIME_OK | CATALOGUE_TIME_TOLD | CATALOGUE_ZONE_OK;
        row->time_us = told->utc_us;
        row->tz_min = told->tz_min;
    }
    return ERR_OK;
}

int identity_set(struct item *it, const struct look_found *found,
                 const struct import_options *words, int64_t now_utc_us, struct err *err)
{
    struct catalogue_transfer *row = &it->row;
    take_sidecar(it, found);
    if (!row->imei[0])
        snprintf(row->imei, sizeof row->imei, "%s",
                 words->imei      ? words->imei
                 : found->imei[0] ? found->imei
                                  : CATALOGUE_IMEI_UNKNOWN);
    if (!row->camera[0] && words->camera)
        snprintf(row->camera, sizeof row->camera, "%s", words->camera);
    camera_of_metadata(row, now_utc_us);
    if (!row->camera[0])
        snprintf(row->camera, sizeof row->camera, "%s", found->camera[0] ? found->camera : "other");
    snprintf(row->kind, sizeof row->kind, "%s", it->ending.photo ? "photo" : "video");
    if (row->wire.path_n == 0)
        keep_name(row, it->path);
    return set_time(row, found, words->told, err);
}

#include "copies.h"
#include <string.h>

/* In the order in which they are made: the working copy proves the slices, the viewing copy finds
 * out what does not decode, the timing file tells of both. */
const struct copy_maker copy_makers[] = {
    {CONVERT_WORKING, "working", "working.mp4", 0.05, copy_working},
    {CONVERT_VIEWING, "viewing", "viewing-DERIVED.mp4", 1, copy_viewing},
    {CONVERT_STILL, "still", "still-DERIVED.jpg", 0.05, copy_still},
    {CONVERT_GPX, "gpx", "gpx", 0.01, copy_gpx},
    {CONVERT_KML, "kml", "kml", 0.01, copy_kml},
    {CONVERT_GEOJSON, "geojson", "geojson", 0.01, copy_geojson},
    {CONVERT_SRT, "srt", "srt", 0.01, copy_srt},
    {CONVERT_VTT, "vtt", "vtt", 0.01, copy_vtt},
    {CONVERT_POSTER, "poster", "poster-DERIVED.jpg", 0.05, copy_poster},
    {CONVERT_SHEET, "sheet", "sheet-DERIVED.jpg", 0.2, copy_sheet},
    {CONVERT_MOMENT, "moment", "still-OFFSET-DERIVED.jpg", 0.05, copy_moment},
    {CONVERT_TIMING, "timing", "timing.json", 0.01, copy_timing},
    {CONVERT_CSV, "csv", "timing.csv", 0.01, copy_csv},
};
const int copy_n_makers = sizeof copy_makers / sizeof *copy_makers;

const struct copy_maker *copy_maker(enum convert_copy_kind kind)
{
    for (int i = 0; i < copy_n_makers; i++)
        if (copy_makers[i].kind == kind)
            return &copy_makers[i];
    return NULL;
}

const char *convert_copy_name(enum convert_copy_kind kind)
{
    const struct copy_maker *maker = copy_maker(kind);
    return maker ? maker->name : "unknown";
}

int convert_copies_parse(const char *text, unsigned *out, struct err *err)
{
    *out = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        const struct copy_maker *maker = NULL;
        for (int i = 0; i < copy_n_makers; i++)
            if (strlen(copy_makers[i].name) == n && strncmp(copy_makers[i].name, p, n) == 0)
                maker = &copy_makers[i];
        if (!maker || maker->kind == CONVERT_STILL || maker->kind == CONVERT_MOMENT)
            return err_set(
                err, ERR_CONFIG,
                "unknown kind of copy '%.*s'; see --copies in 'dashspool convert --help'", (int)n,
                p);
        *out |= maker->kind;
        p += n;
        if (!*p)
            break;
    }
    if (*out & (CONVERT_WORKING | CONVERT_VIEWING))
        *out |= CONVERT_TIMING;
    return ERR_OK;
}

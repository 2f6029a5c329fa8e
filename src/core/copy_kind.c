#include "dashspool/copy_kind.h"
#include <string.h>
#include <strings.h>

static const struct {
    enum copy_kind kind;
    const char *name, *suffix; /* "<stem>.<suffix>" */
} kinds[] = {
    {COPY_WORKING, "working", "working.mp4"},
    {COPY_VIEWING, "viewing", "viewing-DERIVED.mp4"},
    {COPY_STILL, "still", "still-DERIVED.jpg"},
    {COPY_TIMING, "timing", "timing.json"},
    {COPY_CSV, "csv", "timing.csv"},
    {COPY_POSTER, "poster", "poster-DERIVED.jpg"},
    {COPY_SHEET, "sheet", "sheet-DERIVED.jpg"},
    {COPY_MOMENT, "moment", "still-OFFSET-DERIVED.jpg"},
    {COPY_GPX, "gpx", "gpx"},
    {COPY_GEOJSON, "geojson", "geojson"},
    {COPY_SRT, "srt", "srt"},
    {COPY_VTT, "vtt", "vtt"},
    {COPY_KML, "kml", "kml"},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const char *copy_kind_name(enum copy_kind kind)
{
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "unknown";
}

const char *copy_kind_suffix(enum copy_kind kind)
{
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].suffix;
    return "";
}

unsigned copy_kind_of(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    return 0;
}

unsigned copy_kind_of_suffix(const char *suffix)
{
    static const char moment[] = "still-", moment_end[] = "s-DERIVED.jpg";
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind != COPY_MOMENT && strcmp(kinds[i].suffix, suffix) == 0)
            return kinds[i].kind;
    size_t n = strlen(suffix), around = sizeof moment - 1 + sizeof moment_end - 1;
    bool offset = n > around && strncmp(suffix, moment, sizeof moment - 1) == 0 &&
                  strcmp(suffix + n - (sizeof moment_end - 1), moment_end) == 0;
    return offset ? COPY_MOMENT : 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

bool copy_kind_looks_so(const char *file_name)
{
    static const char *const ends[] = {".working.mp4", "-DERIVED.mp4", "-DERIVED.jpg"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(file_name, ends[i]))
            return true;
    return false;
}

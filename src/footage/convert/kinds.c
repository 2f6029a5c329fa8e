/* kinds: the one list of what copies there are: their names, which are stored and typed, and what
 * their files are called. Who makes them is in convert.c. */
#include "dashspool/convert.h"
#include <string.h>
#include <strings.h>

static const struct {
    enum convert_copy_kind kind;
    const char *name, *suffix; /* "<stem>.<suffix>" */
} kinds[] = {
    {CONVERT_WORKING, "working", "working.mp4"},
    {CONVERT_VIEWING, "viewing", "viewing-DERIVED.mp4"},
    {CONVERT_STILL, "still", "still-DERIVED.jpg"},
    {CONVERT_TIMING, "timing", "timing.json"},
    {CONVERT_CSV, "csv", "timing.csv"},
    {CONVERT_POSTER, "poster", "poster-DERIVED.jpg"},
    {CONVERT_SHEET, "sheet", "sheet-DERIVED.jpg"},
    {CONVERT_MOMENT, "moment", "still-OFFSET-DERIVED.jpg"},
    {CONVERT_GPX, "gpx", "gpx"},
    {CONVERT_GEOJSON, "geojson", "geojson"},
    {CONVERT_SRT, "srt", "srt"},
    {CONVERT_VTT, "vtt", "vtt"},
    {CONVERT_KML, "kml", "kml"},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const char *convert_copy_name(enum convert_copy_kind kind)
{
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "unknown";
}

const char *convert_copy_suffix(enum convert_copy_kind kind)
{
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].suffix;
    return "";
}

unsigned convert_copy_of(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

unsigned convert_copy_of_suffix(const char *suffix)
{
    static const char moment[] = "still-";
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].kind != CONVERT_MOMENT && strcmp(kinds[i].suffix, suffix) == 0)
            return kinds[i].kind;
    bool offset = strncmp(suffix, moment, sizeof moment - 1) == 0 &&
                  ends_with(suffix + sizeof moment - 1, "s-DERIVED.jpg");
    return offset ? CONVERT_MOMENT : 0;
}

bool convert_copy_looks_so(const char *file_name)
{
    static const char *const ends[] = {".working.mp4", "-DERIVED.mp4", "-DERIVED.jpg"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(file_name, ends[i]))
            return true;
    return false;
}

int convert_copies_parse(const char *text, unsigned *out, struct err *err)
{
    *out = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        unsigned kind = 0;
        for (int i = 0; i < N_KINDS; i++)
            if (strlen(kinds[i].name) == n && strncmp(kinds[i].name, p, n) == 0)
                kind = kinds[i].kind;
        if (!kind || kind == CONVERT_STILL || kind == CONVERT_MOMENT)
            return err_set(
                err, ERR_CONFIG,
                "unknown kind of copy '%.*s'; see --copies in 'dashspool convert --help'", (int)n,
                p);
        *out |= kind;
        p += n;
        if (!*p)
            break;
    }
    if (*out & (CONVERT_WORKING | CONVERT_VIEWING))
        *out |= CONVERT_TIMING;
    return ERR_OK;
}

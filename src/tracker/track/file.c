/* A file with a track: what it is, and who reads it. */
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "track_internal.h"
#include <stdlib.h>
#include <string.h>

/* ERR_UNSUPPORTED: what it is instead, as far as its first bytes tell. */
static int name_other(const char *text, size_t n, struct err *err)
{
    static const struct {
        const char *mark, *what;
    } other[] = {{"\x1f\x8b", "it is packed with gzip: unpack it first"},
                 {"PK\x03\x04", "it is a zip file (KMZ is one, too): unpack it first"},
                 {"\xfd"
                  "7zXZ",
                  "it is packed with xz: unpack it first"},
                 {"%PDF", "it is a PDF"},
                 {"{", "it is JSON"},
                 {"[", "it is JSON"}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (n >= strlen(other[i].mark) && memcmp(text, other[i].mark, strlen(other[i].mark)) == 0)
            return err_set(err, ERR_UNSUPPORTED, "%s; a track is GPX, NMEA or CSV", other[i].what);
    return ERR_OK;
}

static int read_file(struct track *t, const char *text, size_t n, const struct track_use *use,
                     struct err *err)
{
    struct track_reading r = {.current = -1, .segment = -1, .track = t};
    char notes[TRACK_NOTES_ROOM];
    size_t at = 0, placed = 0;
    while (at < n && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    r.speed_max_ms = use->speed_max_kmh / 3.6;
    t->speed_max_kmh = use->speed_max_kmh;
    int rc = at == n ? err_set(err, ERR_MALFORMED, "the file is empty")
                     : name_other(text + at, n - at, err);
    if (rc == ERR_OK && text[at] == '<')
        rc = track_read_gpx(&r, text + at, n - at, err);
    else if (rc == ERR_OK && track_is_nmea(text + at, n - at))
        rc = track_read_nmea(&r, text, n, err);
    else if (rc == ERR_OK)
        rc = track_read_csv(&r, text, n, err);
    for (size_t i = 0; i < t->n; i++)
        placed += t->point[i].valid;
    if (rc == ERR_OK && placed == 0) {
        t->no_fix = t->n;
        track_notes(t, notes);
        rc = err_set(err, ERR_MALFORMED, "no point with both position and time%s%s",
                     notes[0] ? ": " : "", notes);
    }
    if (rc == ERR_OK)
        rc = track_judge(&r, use, err);
    track_reading_clear(&r);
    return rc;
}

int track_parse(struct track **out, const char *name, const char *text, size_t n,
                const struct track_use *use, struct err *err)
{
    static const char mark[] = TRACK_MARK;
    static const struct track_use any = TRACK_USE_ANY;
    struct track *t = *out = calloc(1, sizeof *t);
    int rc = ERR_OK;
    if (!t)
        return err_nomem(err, "a track");
    t->source = n >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0 ? TRACK_TRACKER
                                                                                 : TRACK_FILE;
    if (n > TRACK_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "larger than %d MiB", TRACK_BYTES_MAX >> 20);
    else if (t->source == TRACK_TRACKER) {
        rc = track_read_records(t, text, n, err);
        track_put_in_order(t);
    } else {
        t->utf16 = text_coding_of(text, n) != TEXT_UTF8;
        char *plain = malloc(TEXT_UTF8_ROOM(n));
        rc = plain ? read_file(t, plain, text_to_utf8(text, n, plain), use ? use : &any, err)
                   : err_nomem(err, "a track");
        free(plain);
    }
    if (rc == ERR_OK)
        return ERR_OK;
    track_free(out);
    return err_wrap(err, "%s", name);
}

int track_load(struct track **out, const char *path, const struct track_use *use, struct err *err)
{
    struct buf b;
    *out = NULL;
    buf_init(&b, TRACK_BYTES_MAX);
    int rc = fsx_read_file(path, &b, err);
    if (rc == ERR_OK)
        rc = track_parse(out, path, (const char *)buf_data(&b), b.used, use, err);
    buf_clear(&b);
    return rc;
}

/* Tracks, written: as tables, and for maps. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "track_internal.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one point's numbers ---- */

enum { ALTITUDE_PLACES = 1, SPEED_PLACES = 2, COURSE_PLACES = 2 };

/* Without zeros at the end, nor a minus before nothing. */
static void number_text(double v, int places, char *out, size_t room)
{
    out[0] = '\0';
    if (isnan(v))
        return;
    snprintf(out, room, "%.*f", places, v);
    size_t n = strlen(out);
    while (strchr(out, '.') && (out[n - 1] == '0' || out[n - 1] == '.'))
        if (out[--n] == '.') {
            out[n] = '\0';
            break;
        } else
            out[n] = '\0';
    if (strcmp(out, "-0") == 0)
        snprintf(out, room, "0");
}

void track_texts(const struct track_point *p, struct track_texts *out)
{
    *out = (struct track_texts){""};
    if (!isnan(p->lat_deg) && !isnan(p->lon_deg)) {
        snprintf(out->lat, sizeof out->lat, "%.7f", p->lat_deg);
        snprintf(out->lon, sizeof out->lon, "%.7f", p->lon_deg);
    }
    number_text(p->altitude_m, ALTITUDE_PLACES, out->altitude_m, sizeof out->altitude_m);
    number_text(p->speed_ms * 3.6, SPEED_PLACES, out->speed_kmh, sizeof out->speed_kmh);
    number_text(p->course_deg, COURSE_PLACES, out->course_deg, sizeof out->course_deg);
    if (strcmp(out->course_deg, "360") == 0) /* rounded up */
        snprintf(out->course_deg, sizeof out->course_deg, "0");
    if (p->satellites >= 0)
        snprintf(out->satellites, sizeof out->satellites, "%d", p->satellites);
}

/*
 * ---- their text ----
 *
 * An error sticks: the calls behind it do nothing, and track_write() returns it.
 */

struct writer {
    const struct track *track;
    const struct track_label *label;
    struct buf *out;
    int rc;
    struct err *err;
};

static void append(struct writer *w, const char *text, size_t n)
{
    if (w->rc == ERR_OK && n > 0)
        w->rc = buf_append(w->out, text, n, w->err);
}

static void add(struct writer *w, const char *text)
{
    append(w, text, strlen(text));
}

/* Less than 512 bytes. */
DS_PRINTF(2, 3)
static void print(struct writer *w, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add(w, text);
}

static void add_escaped(struct writer *w, const char *text)
{
    for (size_t taken, n; *text; text += taken) {
        const char *shown = text_xml(text, &taken, &n);
        append(w, shown, n);
    }
}

static void put_element(struct writer *w, const char *name, const char *text)
{
    if (!text[0])
        return;
    print(w, "<%s>", name);
    add_escaped(w, text);
    print(w, "</%s>", name);
}

static const char *time_text(int64_t utc_us, char out[CLOCK_TEXT_ROOM])
{
    clock_rfc3339(utc_us, 3, out);
    return out;
}

/* ---- pieces: what a map may draw ---- */

static size_t count(const struct writer *w)
{
    return w->track ? w->track->n : 0;
}

static const struct track_point *point(const struct writer *w, size_t i)
{
    return &w->track->point[i];
}

/* From *at on the next points without a gap between them; how many, 0: no more. */
static size_t next_piece(const struct writer *w, size_t *at)
{
    struct track_point unused;
    size_t n = 0;
    while (*at < count(w) && !point(w, *at)->valid)
        ++*at;
    if (*at == count(w))
        return 0;
    /* Known a moment before a valid point: so all the way from the one before it. */
    do
        n++;
    while (*at + n < count(w) && point(w, *at + n)->valid &&
           track_at(w->track, point(w, *at + n)->utc_us - 1, &unused) == TRACK_HERE);
    return n;
}

/* ---- GPX 1.1, its elements in the schema's order ---- */

static bool has_extension(const struct track_point *p)
{
    return p->valid && (!isnan(p->speed_ms) || !isnan(p->course_deg));
}

static void put_gpx_point(struct writer *w, const struct track_point *p)
{
    char time[CLOCK_TEXT_ROOM], speed_ms[24];
    struct track_texts text;
    track_texts(p, &text);
    number_text(p->speed_ms, SPEED_PLACES + 2, speed_ms, sizeof speed_ms);
    print(w, "      <trkpt lat=\"%s\" lon=\"%s\">", text.lat, text.lon);
    put_element(w, "ele", text.altitude_m);
    put_element(w, "time", time_text(p->utc_us, time));
    put_element(w, "sat", text.satellites);
    if (has_extension(p)) {
        add(w, "<extensions><gpxtpx:TrackPointExtension>");
        put_element(w, "gpxtpx:speed", speed_ms);
        put_element(w, "gpxtpx:course", text.course_deg);
        add(w, "</gpxtpx:TrackPointExtension></extensions>");
    }
    add(w, "</trkpt>\n");
}

static void put_gpx(struct writer *w)
{
    const struct track_label *l = w->label;
    char time[CLOCK_TEXT_ROOM];
    bool extended = false;
    for (size_t i = 0; i < count(w); i++)
        extended = extended || has_extension(point(w, i));
    add(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" "
           "creator=\"dashspool\" xmlns=\"http://www.topografix.com/GPX/1/1\"");
    add(w, extended ? " xmlns:gpxtpx=\"http://www.garmin.com/xmlschemas/TrackPointExtension/v2\""
                    : "");
    add(w, ">\n");
    if (l->has_own) {
        print(w, "  <wpt lat=\"%.7f\" lon=\"%.7f\">", l->own_lat_deg, l->own_lon_deg);
        put_element(w, "time", l->has_time ? time_text(l->utc_us, time) : "");
        put_element(w, "name", l->id);
        put_element(w, "desc", l->camera);
        put_element(w, "src", l->own_source);
        add(w, "</wpt>\n");
    }
    size_t at = 0, n = next_piece(w, &at);
    if (n > 0) {
        add(w, "  <trk>");
        put_element(w, "name", l->id);
        put_element(w, "src", l->source);
        add(w, "\n");
        for (; n > 0; n = next_piece(w, &at)) {
            add(w, "    <trkseg>\n");
            for (size_t end = at + n; at < end; at++)
                put_gpx_point(w, point(w, at));
            add(w, "    </trkseg>\n");
        }
        add(w, "  </trk>\n");
    }
    add(w, "</gpx>\n");
}

/* ---- KML: the longitude comes first (16.10 there) ---- */

static void kml_begin(struct writer *w, const char *source)
{
    const char *camera = w->label->camera;
    add(w, "  <Placemark>");
    put_element(w, "name", w->label->id);
    add(w, "<description>");
    add_escaped(w, camera);
    print(w, "%s%s</description>", camera[0] ? ", " : "", source);
}

/* One piece of the track: a line, or, as a line needs two, a point. */
static void put_kml_piece(struct writer *w, size_t from, size_t n)
{
    char begin[CLOCK_TEXT_ROOM], end[CLOCK_TEXT_ROOM];
    const char *shape = n > 1 ? "LineString" : "Point";
    kml_begin(w, w->label->source);
    print(w, "<TimeSpan><begin>%s</begin><end>%s</end></TimeSpan><%s><coordinates>\n",
          time_text(point(w, from)->utc_us, begin), time_text(point(w, from + n - 1)->utc_us, end),
          shape);
    for (size_t i = from; i < from + n; i++) {
        struct track_texts text;
        track_texts(point(w, i), &text);
        print(w, "    %s,%s\n", text.lon, text.lat);
    }
    print(w, "  </coordinates></%s></Placemark>\n", shape);
}

static void put_kml(struct writer *w)
{
    const struct track_label *l = w->label;
    char time[CLOCK_TEXT_ROOM];
    add(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document>\n");
    if (l->has_own) {
        kml_begin(w, l->own_source);
        if (l->has_time)
            print(w, "<TimeStamp><when>%s</when></TimeStamp>", time_text(l->utc_us, time));
        print(w, "<Point><coordinates>%.7f,%.7f</coordinates></Point></Placemark>\n",
              l->own_lon_deg, l->own_lat_deg);
    }
    for (size_t at = 0, n; (n = next_piece(w, &at)) > 0; at += n)
        put_kml_piece(w, at, n);
    add(w, "</Document></kml>\n");
}

/* ---- JSON ---- */

static json_t *text_json(const char *text)
{
    return text[0] ? json_string(text) : NULL;
}

/* A number as the other files have it; null: unknown. */
static json_t *number_json(const char *text)
{
    return text[0] == '\0'     ? json_null()
           : strchr(text, '.') ? json_real(strtod(text, NULL))
                               : json_integer(strtoll(text, NULL, 10));
}

static void put_document(struct writer *w, json_t *whole, bool complete, size_t flags)
{
    char *text = complete ? json_dumps(whole, flags | JSON_REAL_PRECISION(10)) : NULL;
    if (text)
        add(w, text);
    else if (w->rc == ERR_OK)
        w->rc = err_nomem(w->err, "a track");
    add(w, "\n");
    free(text);
    json_decref(whole);
}

static void put_json(struct writer *w)
{
    const struct track_label *l = w->label;
    char time[CLOCK_TEXT_ROOM];
    struct track_texts text;
    json_t *points = json_array();
    bool complete = points;
    for (size_t i = 0; i < count(w); i++) {
        const struct track_point *p = point(w, i);
        track_texts(p, &text);
        json_t *o = json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "time", time_text(p->utc_us, time),
            "lat", number_json(text.lat), "lon", number_json(text.lon), "altitude_m",
            number_json(text.altitude_m), "speed_kmh", number_json(text.speed_kmh), "course_deg",
            number_json(text.course_deg), "satellites", number_json(text.satellites), "valid",
            (int)p->valid, "private", (int)!text.lat[0]);
        complete &= json_array_append_new(points, o) == 0;
    }
    json_t *whole =
        json_pack("{s:i, s:s*, s:s*, s:s, s:o}", "format", 1, "id", l->id[0] ? l->id : NULL,
                  "camera", l->camera[0] ? l->camera : NULL, "source", l->source, "points", points);
    put_document(w, whole, complete && whole, JSON_INDENT(1));
}

/* A position has the longitude first, RFC 7946 section 3.1.1; 10^-7 degrees are a centimetre. */
static json_t *position(double lat_deg, double lon_deg)
{
    return json_pack("[f,f]", lon_deg, lat_deg);
}

static json_t *feature(const struct writer *w, json_t *geometry, const char *source)
{
    char time[CLOCK_TEXT_ROOM];
    const struct track_label *l = w->label;
    return json_pack("{s:s, s:o, s:{s:o*, s:o*, s:o*, s:s}}", "type", "Feature", "geometry",
                     geometry, "properties", "id", text_json(l->id), "camera", text_json(l->camera),
                     "time", l->has_time ? json_string(time_text(l->utc_us, time)) : NULL, "source",
                     source);
}

/* The same number of each point of a piece, under a name of its own; not if none is known. */
static void set_numbers(const struct writer *w, json_t *properties, const char *key, size_t text_at,
                        size_t from, size_t n)
{
    bool any = false;
    json_t *list = json_array();
    for (size_t i = from; i < from + n; i++) {
        struct track_texts text;
        track_texts(point(w, i), &text);
        const char *number = (const char *)&text + text_at;
        any = any || number[0];
        json_array_append_new(list, number_json(number));
    }
    if (any)
        json_object_set(properties, key, list);
    json_decref(list);
}

/* One piece of the track: a line, or, as a line needs two, a point. */
static json_t *piece_feature(const struct writer *w, size_t from, size_t n)
{
    char text[CLOCK_TEXT_ROOM];
    json_t *line = json_array(), *times = json_array();
    for (size_t i = from; i < from + n; i++) {
        struct track_texts numbers;
        track_texts(point(w, i), &numbers);
        json_array_append_new(line, position(strtod(numbers.lat, NULL), strtod(numbers.lon, NULL)));
        json_array_append_new(times, json_string(time_text(point(w, i)->utc_us, text)));
    }
    json_t *geometry =
        n == 1 ? json_pack("{s:s, s:O}", "type", "Point", "coordinates", json_array_get(line, 0))
               : json_pack("{s:s, s:O}", "type", "LineString", "coordinates", line);
    json_t *out = geometry ? feature(w, geometry, w->label->source) : NULL;
    json_t *properties = json_object_get(out, "properties");
    if (out) {
        json_object_set(properties, "times", times);
        set_numbers(w, properties, "speeds_kmh", offsetof(struct track_texts, speed_kmh), from, n);
        set_numbers(w, properties, "courses_deg", offsetof(struct track_texts, course_deg), from,
                    n);
        set_numbers(w, properties, "altitudes_m", offsetof(struct track_texts, altitude_m), from,
                    n);
        set_numbers(w, properties, "satellites", offsetof(struct track_texts, satellites), from, n);
    }
    json_decref(line);
    json_decref(times);
    return out;
}

static void put_geojson(struct writer *w)
{
    const struct track_label *l = w->label;
    json_t *features = json_array();
    int bad = 0;
    if (l->has_own)
        bad |= json_array_append_new(features,
                                     feature(w,
                                             json_pack("{s:s, s:o}", "type", "Point", "coordinates",
                                                       position(l->own_lat_deg, l->own_lon_deg)),
                                             l->own_source));
    for (size_t at = 0, n; (n = next_piece(w, &at)) > 0; at += n)
        bad |= json_array_append_new(features, piece_feature(w, at, n));
    json_t *all = json_pack("{s:s, s:o}", "type", "FeatureCollection", "features", features);
    put_document(w, all, !bad && all, JSON_INDENT(1));
}

/* ---- the track file of a clip ---- */

static void put_csv(struct writer *w)
{
    char time[CLOCK_TEXT_ROOM];
    struct track_texts text;
    add(w, TRACK_FIRST_LINE "\n" TRACK_HEADER "\n");
    for (size_t i = 0; i < count(w); i++) {
        const struct track_point *p = point(w, i);
        track_texts(p, &text);
        print(w, "%s,%s,%s,%s,%s,%s,%s,%d\n", time_text(p->utc_us, time), text.lat, text.lon,
              text.altitude_m, text.speed_kmh, text.course_deg, text.satellites, p->valid);
    }
}

int track_write(const struct track *track, const struct track_label *label,
                enum track_format format, struct buf *out, struct err *err)
{
    struct writer w = {track, label, out, ERR_OK, err};
    switch (format) {
    case TRACK_CSV:
        put_csv(&w);
        break;
    case TRACK_JSON:
        put_json(&w);
        break;
    case TRACK_GPX:
        put_gpx(&w);
        break;
    case TRACK_KML:
        put_kml(&w);
        break;
    case TRACK_GEOJSON:
        put_geojson(&w);
        break;
    }
    return w.rc;
}

int track_save(const struct track *track, const char *path, char sha256[HASH_HEX_ROOM],
               struct err *err)
{
    static const struct track_label none = {.id = "", .camera = "", .source = "", .own_source = ""};
    struct buf text;
    buf_init(&text, TRACK_BYTES_MAX);
    int rc = track_write(track, &none, TRACK_CSV, &text, err);
    if (rc == ERR_OK)
        rc = hash_text((const char *)buf_data(&text), text.used, sha256, err);
    if (rc == ERR_OK)
        rc = fsx_write_file(path, buf_data(&text), text.used, err);
    buf_clear(&text);
    return rc;
}

/* Files of text beside the copies: where the clip was, and the overlay as subtitles. */
#include "copies.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "media/timing.h"
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * ---- their text ----
 *
 * Put together and written whole. An error sticks: the calls behind it do nothing, and
 * side_file_write() returns it.
 */

#define SIDE_FILE_BYTES_MAX ((size_t)512 * 1024 * 1024) /* a million pictures, a cue each */

struct side_file {
    struct buf text;
    int rc;
    struct err *err;
};

static struct side_file side_file_init(struct err *err)
{
    struct side_file f = {.rc = ERR_OK, .err = err};
    buf_init(&f.text, SIDE_FILE_BYTES_MAX);
    return f;
}

static void side_file_append(struct side_file *f, const char *text, size_t n)
{
    if (f->rc == ERR_OK && n > 0)
        f->rc = buf_append(&f->text, text, n, f->err);
}

static void side_file_add(struct side_file *f, const char *text)
{
    side_file_append(f, text, strlen(text));
}

/* Less than 512 bytes. */
DS_PRINTF(2, 3)
static void side_file_print(struct side_file *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    side_file_add(f, text);
}

/* text, which has no control characters (osd_text_plain), with & < > " as entities. What XML 1.0,
 * section 2.2, has no place for becomes "?". */
static void side_file_escaped(struct side_file *f, const char *text)
{
    for (; *text; text++) {
        bool none = strncmp(text, "\xef\xbf\xbe", 3) == 0 || /* U+FFFE */
                    strncmp(text, "\xef\xbf\xbf", 3) == 0;   /* U+FFFF */
        const char *escape = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                             : none         ? "?"
                                            : NULL;
        if (escape)
            side_file_add(f, escape);
        else
            side_file_append(f, text, 1);
        text += none ? 2 : 0;
    }
}

/* Into the file at path, which exists and is empty; frees the text. */
static int side_file_write(struct side_file *f, const char *path)
{
    int fd = f->rc == ERR_OK ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (f->rc == ERR_OK && fd < 0)
        f->rc = err_sys(f->err, "open %s", path);
    if (f->rc == ERR_OK)
        f->rc = fsx_write_all(fd, buf_data(&f->text), f->text.used, f->err);
    if (fd >= 0 && close(fd) < 0 && f->rc == ERR_OK)
        f->rc = err_sys(f->err, "close %s", path);
    buf_clear(&f->text);
    return f->rc;
}

/*
 * ---- where the clip was: GPX 1.1, KML (OGC 07-147r2) and GeoJSON (RFC 7946) ----
 *
 * The camera's own position is one point; a track, which is external data, is cut to the clip's
 * time, and into pieces where it has a gap.
 */

#define OWN_SOURCE   "camera metadata"
#define TRACK_SOURCE "external track"

struct place {
    struct track_point *point; /* of the track, with one at each end of the clip; by time */
    size_t n;
    bool own;
    double lat_deg, lon_deg;
    char time[CLOCK_TEXT_ROOM]; /* of the clip's begin; "" unknown */
    char id[256], camera[64];
};

static int collect_track(const struct osd_context *c, struct place *p, struct err *err)
{
    if (!c->track)
        return ERR_OK;
    int64_t from_us = c->facts->start_utc_us + c->start_us;
    int64_t to_us = c->facts->start_utc_us + c->end_us;
    p->point = malloc((c->track->n + 2) * sizeof *p->point);
    if (!p->point)
        return err_nomem(err, "a track");
    if (track_at(c->track, from_us, &p->point[0]))
        p->n = 1;
    for (size_t i = 0; i < c->track->n; i++)
        if (c->track->point[i].utc_us > from_us && c->track->point[i].utc_us < to_us)
            p->point[p->n++] = c->track->point[i];
    if (to_us > from_us && track_at(c->track, to_us, &p->point[p->n]))
        p->n++;
    return ERR_OK;
}

static int find_place(const struct copy_task *t, struct place *p, struct err *err)
{
    const struct osd_context *c = t->osd;
    *p = (struct place){0};
    p->own = osd_context_own_position(c, &p->lat_deg, &p->lon_deg);
    osd_text_plain(p->id, sizeof p->id, t->facts->id[0] ? t->facts->id : t->stem);
    osd_text_plain(p->camera, sizeof p->camera, t->facts->camera);
    if (t->facts->has_time)
        clock_rfc3339(t->facts->start_utc_us + c->start_us, 3, p->time);
    int rc = collect_track(c, p, err);
    if (rc == ERR_OK && p->n == 0 && !p->own)
        media_warn(t->m, "no position is known: the %s file has none",
                   t->kind == COPY_GPX   ? "GPX"
                   : t->kind == COPY_KML ? "KML"
                                         : "GeoJSON");
    return rc;
}

/* Points from `from` on without a gap. */
static size_t piece(const struct place *p, size_t from)
{
    size_t to = from + 1;
    while (to < p->n && p->point[to].utc_us - p->point[to - 1].utc_us <= TRACK_GAP_US)
        to++;
    return to - from;
}

static void put_element(struct side_file *f, const char *name, const char *text)
{
    if (!text[0])
        return;
    side_file_print(f, "<%s>", name);
    side_file_escaped(f, text);
    side_file_print(f, "</%s>", name);
}

static void put_gpx_track(struct side_file *f, const struct place *p)
{
    char time[CLOCK_TEXT_ROOM];
    side_file_add(f, "  <trk>");
    put_element(f, "name", p->id);
    put_element(f, "src", TRACK_SOURCE);
    side_file_add(f, "\n");
    for (size_t i = 0; i < p->n;) {
        side_file_add(f, "    <trkseg>\n");
        for (size_t n = piece(p, i); n > 0; n--, i++) {
            clock_rfc3339(p->point[i].utc_us, 3, time);
            side_file_print(f, "      <trkpt lat=\"%.7f\" lon=\"%.7f\"><time>%s</time></trkpt>\n",
                            p->point[i].lat_deg, p->point[i].lon_deg, time);
        }
        side_file_add(f, "    </trkseg>\n");
    }
    side_file_add(f, "  </trk>\n");
}

static void put_gpx(struct side_file *f, const struct place *p)
{
    side_file_add(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" "
                     "creator=\"dashspool\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n");
    if (p->own) {
        side_file_print(f, "  <wpt lat=\"%.7f\" lon=\"%.7f\">", p->lat_deg, p->lon_deg);
        put_element(f, "time", p->time);
        put_element(f, "name", p->id);
        put_element(f, "desc", p->camera);
        put_element(f, "src", OWN_SOURCE);
        side_file_add(f, "</wpt>\n");
    }
    if (p->n > 0)
        put_gpx_track(f, p);
    side_file_add(f, "</gpx>\n");
}

/* ---- KML: the longitude comes first (16.10 there) ---- */

static void kml_begin(struct side_file *f, const struct place *p, const char *source)
{
    side_file_add(f, "  <Placemark>");
    put_element(f, "name", p->id);
    side_file_add(f, "<description>");
    side_file_escaped(f, p->camera);
    side_file_print(f, "%s%s</description>", p->camera[0] ? ", " : "", source);
}

/* One piece of the track: a line, or, as a line needs two, a point. */
static void put_kml_piece(struct side_file *f, const struct place *p, size_t from, size_t n)
{
    char begin[CLOCK_TEXT_ROOM], end[CLOCK_TEXT_ROOM];
    const char *shape = n > 1 ? "LineString" : "Point";
    clock_rfc3339(p->point[from].utc_us, 3, begin);
    clock_rfc3339(p->point[from + n - 1].utc_us, 3, end);
    kml_begin(f, p, TRACK_SOURCE);
    side_file_print(f, "<TimeSpan><begin>%s</begin><end>%s</end></TimeSpan><%s><coordinates>\n",
                    begin, end, shape);
    for (size_t i = from; i < from + n; i++)
        side_file_print(f, "    %.7f,%.7f\n", p->point[i].lon_deg, p->point[i].lat_deg);
    side_file_print(f, "  </coordinates></%s></Placemark>\n", shape);
}

static void put_kml(struct side_file *f, const struct place *p)
{
    side_file_add(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document>\n");
    if (p->own) {
        kml_begin(f, p, OWN_SOURCE);
        if (p->time[0])
            side_file_print(f, "<TimeStamp><when>%s</when></TimeStamp>", p->time);
        side_file_print(f, "<Point><coordinates>%.7f,%.7f</coordinates></Point></Placemark>\n",
                        p->lon_deg, p->lat_deg);
    }
    for (size_t i = 0, n; i < p->n; i += n)
        put_kml_piece(f, p, i, n = piece(p, i));
    side_file_add(f, "</Document></kml>\n");
}

/* A position has the longitude first, RFC 7946 section 3.1.1; 10^-7 degrees are a centimetre. */
static json_t *position(double lat_deg, double lon_deg)
{
    return json_pack("[f,f]", lon_deg, lat_deg);
}

static json_t *feature(const struct place *p, json_t *geometry, const char *source)
{
    return json_pack("{s:s, s:o, s:{s:s, s:s*, s:s*, s:s}}", "type", "Feature", "geometry",
                     geometry, "properties", "id", p->id, "camera", p->camera[0] ? p->camera : NULL,
                     "time", p->time[0] ? p->time : NULL, "source", source);
}

/* One piece of the track: a line, or, as a line needs two, a point. */
static json_t *track_feature(const struct place *p, size_t from, size_t n)
{
    char text[CLOCK_TEXT_ROOM];
    json_t *line = json_array(), *times = json_array();
    for (size_t i = from; i < from + n; i++) {
        clock_rfc3339(p->point[i].utc_us, 3, text);
        json_array_append_new(line, position(p->point[i].lat_deg, p->point[i].lon_deg));
        json_array_append_new(times, json_string(text));
    }
    json_t *geometry =
        n == 1 ? json_pack("{s:s, s:O}", "type", "Point", "coordinates", json_array_get(line, 0))
               : json_pack("{s:s, s:O}", "type", "LineString", "coordinates", line);
    json_t *out = geometry ? feature(p, geometry, TRACK_SOURCE) : NULL;
    if (out)
        json_object_set(json_object_get(out, "properties"), "times", times);
    json_decref(line);
    json_decref(times);
    return out;
}

static void put_geojson(struct side_file *f, const struct place *p)
{
    json_t *features = json_array();
    int bad = 0;
    if (p->own)
        bad |= json_array_append_new(features,
                                     feature(p,
                                             json_pack("{s:s, s:o}", "type", "Point", "coordinates",
                                                       position(p->lat_deg, p->lon_deg)),
                                             OWN_SOURCE));
    for (size_t i = 0, n; i < p->n; i += n) {
        n = piece(p, i);
        bad |= json_array_append_new(features, track_feature(p, i, n));
    }
    json_t *all = json_pack("{s:s, s:o}", "type", "FeatureCollection", "features", features);
    char *text = bad || !all ? NULL : json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    if (text)
        side_file_add(f, text);
    else if (f->rc == ERR_OK)
        f->rc = err_nomem(f->err, "a GeoJSON file");
    side_file_add(f, "\n");
    free(text);
    json_decref(all);
}

/* GPX, KML or GeoJSON, as the task says. */
int copy_place(const struct copy_task *t, struct err *err)
{
    struct place p;
    struct side_file f = side_file_init(err);
    f.rc = find_place(t, &p, err);
    if (t->kind == COPY_GPX)
        put_gpx(&f, &p);
    else if (t->kind == COPY_KML)
        put_kml(&f, &p);
    else
        put_geojson(&f, &p);
    free(p.point);
    copy_progress(t, 1, 1);
    return side_file_write(&f, t->path);
}

/*
 * ---- the overlay's text as subtitles: SubRip and WebVTT (W3C, "WebVTT: The Web Video Text Tracks
 * Format") ----
 *
 * A cue lasts until the text, with its times in whole seconds, is another.
 */

struct cue {
    int64_t from_us; /* since the first picture kept */
    int64_t picture; /* {picture} is the cue's first one and does not end it */
    char line[OSD_LINES][OSD_LINE_ROOM];
};

struct subtitles {
    const struct copy_task *t;
    bool vtt;
    struct side_file file;
    int64_t n;
    struct cue cue; /* not written yet */
};

static void put_time(struct subtitles *s, int64_t us)
{
    int64_t ms = us / 1000;
    side_file_print(&s->file, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000, (int)(ms / 60000 % 60),
                    (int)(ms / 1000 % 60), s->vtt ? '.' : ',', (int)(ms % 1000));
}

/* SubRip has no escapes, and players take <…> and {\…} for commands: other brackets stand in. */
static void put_line(struct subtitles *s, const char *line)
{
    static const char from[] = "<>{}\\";
    static const char *const to[] = {"‹", "›", "(", ")", "/"};
    if (s->vtt) {
        side_file_escaped(&s->file, line);
        return;
    }
    for (; *line; line++) {
        const char *special = strchr(from, *line);
        side_file_print(&s->file, "%.*s", special ? 8 : 1, special ? to[special - from] : line);
    }
}

/* An empty line would end the cue: it is left out. */
static void put_cue(struct subtitles *s, int64_t until_us)
{
    if (until_us / 1000 <= s->cue.from_us / 1000)
        return;
    side_file_print(&s->file, "%" PRId64 "\n", ++s->n);
    put_time(s, s->cue.from_us);
    side_file_add(&s->file, " --> ");
    put_time(s, until_us);
    side_file_add(&s->file, "\n");
    for (int i = 0; i < OSD_LINES; i++) {
        if (!s->cue.line[i][0])
            continue;
        put_line(s, s->cue.line[i]);
        side_file_add(&s->file, "\n");
    }
    side_file_add(&s->file, "\n");
}

static int64_t second_of(int64_t us)
{
    return us / 1000000 - (us % 1000000 < 0);
}

/* Is one of the clocks in the text in another second than at the picture before? */
static bool ticks(const struct media_facts *f, int64_t before_us, int64_t now_us)
{
    int64_t start = f->has_time ? f->start_utc_us : 0;
    int64_t trigger = f->has_trigger_time ? start - f->trigger_utc_us : start;
    return second_of(start + before_us) != second_of(start + now_us) ||
           second_of(trigger + before_us) != second_of(trigger + now_us);
}

static void make_cues(struct subtitles *s, const int64_t *time_us, int64_t n)
{
    const struct media *m = s->t->m;
    for (int64_t i = 0; i < n && s->file.rc == ERR_OK; i++) {
        if (i > 0 && !ticks(s->t->facts, time_us[i - 1], time_us[i]))
            continue;
        struct cue now = {.from_us = time_us[i] - m->start_us, .picture = i};
        osd_text_second(s->t->osd, time_us[i], s->cue.picture, "", now.line);
        bool same = i > 0;
        for (int k = 0; k < OSD_LINES; k++)
            same = same && strcmp(now.line[k], s->cue.line[k]) == 0;
        if (same)
            continue;
        if (i > 0)
            put_cue(s, now.from_us);
        osd_text_second(s->t->osd, time_us[i], i, "", now.line);
        s->cue = now;
    }
    if (n > 0)
        put_cue(s, m->duration_us);
}

int copy_subtitles(const struct copy_task *t, struct err *err)
{
    const struct media *m = t->m;
    struct subtitles s = {.t = t, .vtt = t->kind == COPY_VTT, .file = side_file_init(err)};
    int64_t n = m->n_pictures - m->first;
    int64_t *time_us = malloc(n > 0 ? (size_t)n * sizeof *time_us : 1);
    if (!time_us)
        return err_nomem(err, "subtitles");
    for (int64_t i = 0; i < n; i++)
        time_us[i] = m->picture[m->first + i].time_us;
    if (n > 0)
        qsort(time_us, (size_t)n, sizeof *time_us, timing_by_value);
    if (s.vtt)
        side_file_add(&s.file, "WEBVTT\n\n");
    make_cues(&s, time_us, n);
    free(time_us);
    copy_progress(t, 1, 1);
    return side_file_write(&s.file, t->path);
}

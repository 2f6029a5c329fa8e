/*
 * GPX 1.0 and 1.1, read.
 *
 * By libxml2's events: no network, no document type, memory for one point at a time. Without
 * XML_PARSE_HUGE libxml2 itself bounds depth (256) and the length of names and texts. It goes on
 * behind what is not well-formed; a point in which it had to complain is left out.
 */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "track_internal.h"
#include <libxml/parser.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct gpx {
    struct track_reading *reading;
    xmlParserCtxtPtr parser;
    int depth, point_depth, track_depth; /* 0: not in one */
    bool root, refused, has_time, bad;
    struct track_point point;
    char text[64]; /* of the innermost element, cut: a time or a number is shorter */
    size_t others; /* points of routes, and way points */

    size_t complaints, settled; /* those before the point */
    int line;                   /* of the first */
    char why[80];
    bool nomem;
    int rc;
    struct err *err;
};

static void note_complaint(void *arg, xmlErrorPtr error)
{
    struct gpx *g = arg;
    g->nomem = g->nomem || error->code == XML_ERR_NO_MEMORY;
    if (error->level < XML_ERR_ERROR || error->domain == XML_FROM_NAMESPACE)
        return; /* a prefix that is not declared does no harm here */
    if (g->complaints++ == 0) {
        g->line = error->line;
        if (error->message)
            snprintf(g->why, sizeof g->why, "%.*s", (int)strcspn(error->message, "\n"),
                     error->message);
    }
}

static void stop(struct gpx *g, int rc)
{
    if (rc < 0 && g->rc == ERR_OK) {
        g->rc = rc;
        xmlStopParser(g->parser);
    }
}

static bool number(struct gpx *g, const char *text, size_t n, double *out)
{
    bool good = track_number((struct track_field){text, n}, true, out);
    g->reading->track->commas = g->reading->track->commas || (good && memchr(text, ',', n));
    return good;
}

static void begin_point(struct gpx *g, int n, const xmlChar **attribute)
{
    g->point = (struct track_point)TRACK_POINT_NONE;
    g->has_time = false;
    g->bad = g->point_depth != 0; /* one inside another */
    g->point_depth = g->depth;
    bool lat = false, lon = false;
    for (int i = 0; i < n; i++, attribute += 5) { /* name, prefix, URI, value, its end */
        const char *value = (const char *)attribute[3];
        size_t length = (size_t)(attribute[4] - attribute[3]);
        if (strcmp((const char *)attribute[0], "lat") == 0)
            lat = number(g, value, length, &g->point.lat_deg);
        else if (strcmp((const char *)attribute[0], "lon") == 0)
            lon = number(g, value, length, &g->point.lon_deg);
    }
    if (!lat || !lon)
        g->point.lat_deg = g->point.lon_deg = NAN;
}

static void on_start(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int n_namespaces, const xmlChar **namespaces, int n_attributes,
                     int n_defaulted, const xmlChar **attributes)
{
    (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces, (void)n_defaulted;
    struct gpx *g = arg;
    const char *name = (const char *)local;
    g->depth++;
    g->text[0] = '\0';
    if (!g->root && strcmp(name, "gpx") != 0) {
        stop(g, err_set(g->err, ERR_MALFORMED, "this XML is not GPX, it is '%.40s'", name));
        return;
    }
    g->root = true;
    if (strcmp(name, "trk") == 0) {
        g->track_depth = g->depth;
        stop(g, track_reading_name(g->reading, NULL, g->err));
    } else if (strcmp(name, "trkseg") == 0) {
        if (g->reading->segment >= 0)
            stop(g, track_reading_segment(g->reading, g->err));
    } else if (strcmp(name, "trkpt") == 0)
        begin_point(g, n_attributes, attributes);
    else if (strcmp(name, "wpt") == 0 || strcmp(name, "rtept") == 0)
        g->others++;
    if (!g->point_depth)
        g->settled = g->complaints;
}

static void end_point(struct gpx *g)
{
    struct track *t = g->reading->track;
    g->point_depth = 0;
    if (g->bad || g->complaints != g->settled)
        t->left_out[TRACK_UNREADABLE]++;
    else if (!g->has_time)
        t->left_out[TRACK_NO_TIME]++;
    else
        stop(g, track_reading_add(g->reading, &g->point, g->err));
}

/* What a point tells. Extensions have only what GPX 1.1 itself has no more; their time, or height,
 * may be anything's. */
static void end_element(struct gpx *g, const char *name, const char *text, size_t n)
{
    double v;
    bool own = g->depth == g->point_depth + 1, is_number = number(g, text, n, &v);
    if (own && strcmp(name, "time") == 0) {
        struct err unused;
        g->has_time = clock_parse(text, 0, &g->point.utc_us, NULL, &unused) == ERR_OK;
    } else if (own && strcmp(name, "fix") == 0)
        g->point.valid = strcmp(text, "none") != 0;
    else if (is_number && strcmp(name, "speed") == 0)
        g->point.speed_ms = v; /* m/s: GPX 1.0 speedType, Garmin's TrackPointExtension v2 */
    else if (is_number && strcmp(name, "course") == 0)
        g->point.course_deg = v; /* there, too */
    else if (own && is_number && strcmp(name, "ele") == 0)
        g->point.altitude_m = v;
    else if (own && is_number && strcmp(name, "sat") == 0)
        g->point.satellites = track_satellites(v);
}

static void on_end(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    (void)prefix, (void)uri;
    struct gpx *g = arg;
    const char *name = (const char *)local;
    char *text = g->text + strspn(g->text, " \t\r\n"); /* without the spaces around it */
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    text[n] = '\0';
    if (g->depth == g->point_depth)
        end_point(g);
    else if (g->point_depth)
        end_element(g, name, text, n);
    else if (g->track_depth && g->depth == g->track_depth + 1 && strcmp(name, "name") == 0)
        snprintf(g->reading->name[g->reading->current], TRACK_NAME_ROOM, "%s", text);
    if (g->depth == g->track_depth)
        g->track_depth = 0;
    if (!g->point_depth)
        g->settled = g->complaints;
    g->text[0] = '\0';
    g->depth--;
}

static void on_text(void *arg, const xmlChar *text, int n)
{
    struct gpx *g = arg;
    size_t used = strlen(g->text);
    snprintf(g->text + used, sizeof g->text - used, "%.*s", n, (const char *)text);
}

static void on_document_type(void *arg, const xmlChar *name, const xmlChar *public_id,
                             const xmlChar *system_id)
{
    (void)name, (void)public_id, (void)system_id;
    struct gpx *g = arg;
    stop(g, err_set(g->err, ERR_UNSUPPORTED, "a document type or an entity; GPX has none"));
}

/* Whatever it says of its own coding: all that is read here is ASCII, but for names. */
static const char *coding(const char *text, size_t n)
{
    uint32_t unused;
    for (size_t at = 0, length; at < n; at += length)
        if ((length = utf8_next(text + at, n - at, &unused)) == 0)
            return "ISO-8859-1";
    return "UTF-8";
}

int track_read_gpx(struct track_reading *r, const char *text, size_t n, struct err *err)
{
    struct gpx g = {.reading = r, .err = err, .parser = xmlNewParserCtxt()};
    if (!g.parser)
        return err_nomem(err, "an XML reader");
    memset(g.parser->sax, 0, sizeof *g.parser->sax);
    g.parser->sax->initialized = XML_SAX2_MAGIC;
    g.parser->sax->startElementNs = on_start;
    g.parser->sax->endElementNs = on_end;
    g.parser->sax->characters = on_text;
    g.parser->sax->cdataBlock = on_text;
    g.parser->sax->internalSubset = on_document_type;
    g.parser->sax->serror = note_complaint;
    g.parser->userData = &g;
    xmlDocPtr none = xmlCtxtReadMemory(g.parser, text, (int)n, NULL, coding(text, n),
                                       XML_PARSE_NONET | XML_PARSE_RECOVER);
    xmlFreeDoc(none);
    int line = g.parser->input ? g.parser->input->line : g.line;
    xmlFreeParserCtxt(g.parser);
    struct track *t = r->track;
    if (g.nomem)
        return err_nomem(err, "a track");
    if (g.rc < 0)
        return err_wrap(err, "line %d", line);
    if (!g.root)
        return err_set(err, ERR_MALFORMED, "line %d: %s", line, g.why[0] ? g.why : "broken XML");
    if (g.depth > 0 && g.line == line)
        snprintf(t->broken, sizeof t->broken, "its end is missing (line %d: %s)", line, g.why);
    else if (g.complaints > 0)
        snprintf(t->broken, sizeof t->broken, "broken XML in line %d (%s)", g.line, g.why);
    if (t->n == 0 && g.others > 0)
        return err_set(err, ERR_MALFORMED,
                       "it has no track, but %zu way points or points of routes, which nobody has "
                       "driven at a known time",
                       g.others);
    return ERR_OK;
}

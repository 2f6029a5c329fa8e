/* GPX by libxml2's streaming reader: no network, no document type, memory for one point at a time.
 * Without XML_PARSE_HUGE libxml2 itself bounds depth (256) and the length of names and texts. */
#include "dashspool/clock.h"
#include "track.h"
#include <libxml/xmlreader.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct gpx {
    xmlTextReaderPtr reader;
    struct track *track;
    bool in_point, has_time;
    char text[64]; /* of the innermost element, cut: a time or a number is shorter */
    struct track_point point;
    char why[160]; /* libxml2's first complaint */
    bool nomem;
};

static void note(void *arg, xmlErrorPtr error)
{
    struct gpx *g = arg;
    g->nomem = g->nomem || error->code == XML_ERR_NO_MEMORY;
    if (!g->why[0] && error->message)
        snprintf(g->why, sizeof g->why, "%.*s", (int)strcspn(error->message, "\n"), error->message);
}

static bool is(const struct gpx *g, const char *name)
{
    const char *own = (const char *)xmlTextReaderConstLocalName(g->reader);
    return own && strcmp(own, name) == 0;
}

static bool attribute(const struct gpx *g, const char *name, double *out)
{
    xmlChar *text = xmlTextReaderGetAttribute(g->reader, (const xmlChar *)name);
    bool good = text && track_number((const char *)text, strlen((const char *)text), out);
    xmlFree(text);
    return good;
}

static int begin(struct gpx *g, struct err *err)
{
    bool empty = xmlTextReaderIsEmptyElement(g->reader) == 1;
    g->text[0] = '\0';
    if (!is(g, "trkpt"))
        return ERR_OK;
    if (g->in_point)
        return err_set(err, ERR_MALFORMED, "a trkpt inside another");
    g->point = (struct track_point){.speed_ms = NAN};
    g->in_point = !empty;
    g->has_time = false;
    if (!attribute(g, "lat", &g->point.lat_deg) || !attribute(g, "lon", &g->point.lon_deg))
        return err_set(err, ERR_MALFORMED, "a trkpt needs lat and lon, in degrees");
    return ERR_OK;
}

/* The text without the spaces around it. */
static const char *trimmed(struct gpx *g)
{
    char *p = g->text + strspn(g->text, " \t\r\n");
    size_t n = strlen(p);
    while (n > 0 && strchr(" \t\r\n", p[n - 1]))
        n--;
    p[n] = '\0';
    return p;
}

static int end(struct gpx *g, struct err *err)
{
    if (!g->in_point)
        return ERR_OK;
    if (is(g, "trkpt")) {
        g->in_point = false;
        return g->has_time ? track_add(g->track, &g->point, err) : ERR_OK;
    }
    const char *text = trimmed(g);
    int rc = ERR_OK;
    double speed;
    if (is(g, "time")) {
        rc = clock_parse(text, 0, &g->point.utc_us, NULL, err);
        g->has_time = rc == ERR_OK;
    } else if (is(g, "speed") && track_number(text, strlen(text), &speed) && speed >= 0) {
        g->point.speed_ms = speed; /* m/s: GPX 1.0 speedType, Garmin's TrackPointExtension v2 */
    }
    g->text[0] = '\0';
    return rc;
}

static int node(struct gpx *g, struct err *err)
{
    size_t used = strlen(g->text);
    switch (xmlTextReaderNodeType(g->reader)) {
    case XML_READER_TYPE_ELEMENT:
        return begin(g, err);
    case XML_READER_TYPE_END_ELEMENT:
        return end(g, err);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
        snprintf(g->text + used, sizeof g->text - used, "%s",
                 (const char *)xmlTextReaderConstValue(g->reader));
        return ERR_OK;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        return err_set(err, ERR_UNSUPPORTED, "a document type or an entity; GPX has none");
    default:
        return ERR_OK;
    }
}

int track_read_gpx(struct track *track, const char *text, size_t n, struct err *err)
{
    struct gpx g = {.track = track};
    g.reader = xmlReaderForMemory(text, (int)n, NULL, NULL, XML_PARSE_NONET);
    if (!g.reader)
        return err_set(err, ERR_NOMEM, "no memory for an XML reader");
    xmlTextReaderSetStructuredErrorHandler(g.reader, note, &g);
    int more, rc = ERR_OK;
    bool root = false;
    while (rc == ERR_OK && (more = xmlTextReaderRead(g.reader)) == 1) {
        if (!root && xmlTextReaderNodeType(g.reader) == XML_READER_TYPE_ELEMENT) {
            root = true;
            if (!is(&g, "gpx"))
                rc = err_set(err, ERR_MALFORMED, "this XML is no GPX");
        }
        if (rc == ERR_OK)
            rc = node(&g, err);
    }
    if (rc == ERR_OK && g.nomem)
        rc = err_set(err, ERR_NOMEM, "no memory for a track");
    else if (rc == ERR_OK && more < 0)
        rc = err_set(err, ERR_MALFORMED, "%s", g.why[0] ? g.why : "broken XML");
    int line = xmlTextReaderGetParserLineNumber(g.reader);
    xmlFreeTextReader(g.reader);
    return rc < 0 ? err_wrap(err, "line %d", line) : ERR_OK;
}

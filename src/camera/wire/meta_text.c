/* Metadata as the text that the vendor's test server writes; names of triggers and events. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "meta_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* DualCam and DashCam: the list of AVL ID 499, and DIN3, DIN4 of later firmware. DSM and ADAS: the
 * vendor's page and the lists of its later test servers. Of JSON nothing is known. */
static const char *const triggers[WIRE_N_KINDS][16] = {
    [WIRE_KIND_DUALCAM] = {"request", "din1", "din2", "crash", "towing", "idling", "geofence",
                           "unplug", "green-driving", "periodic", "din3", "din4"},
    [WIRE_KIND_DSM] = {"none", "din1", "din2", "din3", "din4", "crash", "towing", "idling",
                       "geofence", "unplug", "green-driving", "request", "periodic", "dsm-event",
                       "retransmit"},
    [WIRE_KIND_ADAS] = {"request", "din1", "din2", "din3", "din4", "crash", "towing", "idling",
                        "geofence", "unplug", "green-driving"},
};

/* Each of them once, as people look for them. */
const char wire_trigger_words[] =
    "request crash periodic din1 din2 din3 din4 towing idling geofence "
    "unplug green-driving none dsm-event retransmit";

enum { TRIGGERS = sizeof triggers[0] / sizeof triggers[0][0] };

const char *wire_trigger_name(enum wire_meta_kind kind, uint8_t trigger,
                              char out[WIRE_TRIGGER_ROOM])
{
    if (trigger < TRIGGERS && triggers[kind][trigger])
        snprintf(out, WIRE_TRIGGER_ROOM, "%s", triggers[kind][trigger]);
    else
        snprintf(out, WIRE_TRIGGER_ROOM, "trigger-%u", trigger);
    return out;
}

int wire_trigger_value(enum wire_meta_kind kind, const char *name)
{
    for (int i = 0; i < TRIGGERS; i++)
        if (triggers[kind][i] && strcmp(name, triggers[kind][i]) == 0)
            return i;
    return -1;
}

static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "-");
        b += strspn(b, "-");
        if (*a != *b || !*a)
            return *a == *b;
    }
}

bool wire_trigger_is(const char *name, uint64_t avl)
{
    char word[WIRE_TRIGGER_ROOM], number[WIRE_TRIGGER_ROOM];
    if (avl == 0 || avl > UINT8_MAX)
        return false;
    wire_trigger_name(WIRE_KIND_DUALCAM, (uint8_t)avl, word);
    snprintf(number, sizeof number, "trigger-%u", (unsigned)avl);
    return same_word(name, word) || strcmp(name, number) == 0;
}

const char *wire_events_text(unsigned events, char out[WIRE_EVENTS_ROOM])
{
    static const char *const names[] = {"drowsiness", "distraction", "yawning",
                                        "phone",      "smoking",     "absence",
                                        "mask",       "seat-belt",   "g-sensor"};
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(events & 1u << i))
            continue;
        used += (size_t)snprintf(out + used, WIRE_EVENTS_ROOM - used, "%s%s", used ? "," : "",
                                 names[i]);
        events &= ~(1u << i);
    }
    if (events)
        snprintf(out + used, WIRE_EVENTS_ROOM - used, "%s0x%x", used ? "," : "", events);
    return out;
}

/* ---- the test server's text ---- */

/* Metadata as the vendor's test server writes them beside a file: lines of "Label: \tvalue". The
 * number that the camera sent is in parentheses behind its name, where it has one. */

enum { VALUE_ROOM = 128 };

struct line {
    const char *label;
    size_t label_n;
    char value[VALUE_ROOM];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

/* Takes the next line that has a colon off *text; a value that is too long counts as empty. */
static bool next_line(const char **text, const char *end, struct line *out)
{
    while (*text < end) {
        const char *from = *text, *stop = from;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        *text = stop < end ? stop + 1 : end;
        const char *colon = memchr(from, ':', (size_t)(stop - from));
        if (!colon)
            continue;
        const char *value = colon + 1;
        while (value < stop && is_blank(*value))
            value++;
        while (stop > value && is_blank(stop[-1]))
            stop--;
        size_t n = (size_t)(stop - value);
        *out = (struct line){.label = from, .label_n = (size_t)(colon - from)};
        if (n < sizeof out->value && !memchr(value, '\0', n))
            memcpy(out->value, value, n);
        return true;
    }
    return false;
}

static bool is_label(const struct line *l, const char *label)
{
    return l->label_n == strlen(label) && memcmp(l->label, label, l->label_n) == 0;
}

/* A whole number that fills the text, up to `end`. */
static bool whole(const char *text, const char *end, int base, int64_t min, int64_t max,
                  int64_t *out)
{
    char *stop;
    if (text == end || *text == ' ')
        return false;
    *out = strtoll(text, &stop, base); /* what does not fit is at an end of the range */
    return stop == end && *out >= min && *out <= max;
}

/* The number in the last parentheses of "CRASH (3)", or the whole of "3". */
static bool number(const char *value, int base, int64_t min, int64_t max, int64_t *out)
{
    const char *open = strrchr(value, '('), *close = open ? strchr(open, ')') : NULL;
    if (!open)
        return whole(value, value + strlen(value), base, min, max, out);
    return close && close[1] == '\0' && whole(open + 1, close, base, min, max, out);
}

/* Milliseconds of a DualCam, seconds of the others; or, without the number, the text. */
static bool instant(const char *value, bool seconds, uint64_t *ms)
{
    int64_t v, utc_us;
    struct err err;
    if (number(value, 10, 0, INT64_MAX / 1000, &v)) {
        *ms = (uint64_t)v * (seconds ? 1000 : 1);
        return true;
    }
    if (strchr(value, '(') || clock_parse(value, 0, &utc_us, NULL, &err) < 0 || utc_us < 0)
        return false;
    *ms = (uint64_t)utc_us / 1000;
    return true;
}

/* Degrees; where millionths are in parentheses, these: older test servers took them for unsigned.
 */
static bool degrees(const char *value, double *out)
{
    int64_t millionths;
    char *stop;
    if (strchr(value, '(')) {
        if (!number(value, 10, INT32_MIN, UINT32_MAX, &millionths))
            return false;
        *out = (int32_t)(uint32_t)millionths / 1e6;
        return true;
    }
    *out = strtod(value, &stop);
    return stop != value && *stop == '\0';
}

static void read_position(const struct line *l, struct wire_meta *m, unsigned *halves)
{
    if (is_label(l, "Latitude") && degrees(l->value, &m->lat_deg))
        *halves |= 1;
    else if (is_label(l, "Longitude") && degrees(l->value, &m->lon_deg))
        *halves |= 2;
    if (*halves == 3)
        m->present |= WIRE_META_POSITION;
}

static void read_driver(const struct line *l, struct wire_meta *m)
{
    size_t n = strlen(l->value);
    if (n >= sizeof m->driver)
        return;
    for (size_t i = 0, bytes; i < n; i += bytes) {
        uint32_t c;
        if ((bytes = utf8_next(l->value + i, n - i, &c)) > 0)
            memcpy(m->driver + i, l->value + i, bytes);
        else
            m->driver[i] = '?', bytes = 1;
    }
    m->driver[n] = '\0';
    m->present |= WIRE_META_DRIVER;
}

static void read_line(const struct line *l, struct wire_meta *m)
{
    int64_t v;
    bool seconds = m->kind != WIRE_KIND_DUALCAM;
    if (is_label(l, "Cmd version") && number(l->value, 10, 0, UINT8_MAX, &v))
        m->version = (uint8_t)v;
    else if (is_label(l, "File type") && number(l->value, 10, 0, UINT8_MAX, &v))
        m->file_type = (uint8_t)v;
    else if (is_label(l, "Time (UTC+0)") && instant(l->value, seconds, &m->time_ms))
        m->present |= WIRE_META_TIME;
    else if (is_label(l, "Trigger") && number(l->value, 10, 0, UINT8_MAX, &v))
        m->trigger = (uint8_t)v, m->present |= WIRE_META_TRIGGER;
    else if (is_label(l, "Length (s)") && number(l->value, 10, 0, UINT16_MAX, &v))
        m->length_s = (uint16_t)v, m->present |= WIRE_META_LENGTH;
    else if (is_label(l, "Framerate") && number(l->value, 10, 0, UINT8_MAX, &v))
        m->fps = (uint8_t)v, m->present |= WIRE_META_FPS;
    else if (is_label(l, "Timezone (m)") && number(l->value, 10, INT16_MIN, INT16_MAX, &v))
        m->tz_min = (int16_t)v, m->present |= WIRE_META_ZONE;
    else if (l->label_n >= 12 && strncasecmp(l->label, "Trigger time", 12) == 0 &&
             instant(l->value, seconds, &m->trigger_time_ms))
        m->present |= WIRE_META_TRIGGER_TIME;
    else if (is_label(l, "Events") && number(l->value, 2, 0, UINT16_MAX, &v))
        m->events = (uint16_t)v, m->present |= WIRE_META_EVENTS;
    else if (is_label(l, "Driver"))
        read_driver(l, m);
}

/* Only a DualCam has a version, only a driver camera has events and a driver. */
static enum wire_meta_kind kind_of(const char *text, const char *end)
{
    struct line l;
    enum wire_meta_kind kind = WIRE_KIND_ADAS;
    while (next_line(&text, end, &l)) {
        if (is_label(&l, "Cmd version"))
            return WIRE_KIND_DUALCAM;
        if (is_label(&l, "Events") || is_label(&l, "Driver"))
            kind = WIRE_KIND_DSM;
    }
    return kind;
}

bool meta_text_ok(const char *text, size_t n)
{
    static const char *const first[] = {"Cmd version:", "Time (UTC+0):"};
    for (int i = 0; i < 2; i++)
        if (n > strlen(first[i]) && memcmp(text, first[i], strlen(first[i])) == 0)
            return true;
    return false;
}

int meta_text_parse(const char *text, size_t n, struct wire_meta *out, struct err *err)
{
    const char *end = text + n;
    unsigned halves = 0;
    struct line l;
    out->as_text = true;
    out->kind = kind_of(text, end);
    while (next_line(&text, end, &l)) {
        read_line(&l, out);
        read_position(&l, out, &halves);
    }
    if (!(out->present & WIRE_META_TIME))
        return err_set(err, ERR_MALFORMED,
                       "metadata: text of %zu bytes has no time that can be read", n);
    if (out->present & WIRE_META_TRIGGER)
        wire_trigger_name(out->kind, out->trigger, out->trigger_name);
    return ERR_OK;
}

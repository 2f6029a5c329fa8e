/* What the bytes of a transfer say of it: decoded, listed by name, and written as JSON. */
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cameras count in milliseconds, from 0 to nonsense. */
static int64_t us_of_ms(uint64_t ms)
{
    return ms > INT64_MAX / 1000 ? 0 : (int64_t)ms * 1000;
}

/* A database keeps no NaN. */
static double degrees(double v)
{
    return isnan(v) ? 0 : v;
}

void wire_facts_decode(const struct wire_bytes *b, int64_t arrived_us, struct wire_facts *out)
{
    struct err err;
    struct wire_init init;
    struct wire_meta m;
    struct wire_facts f = {.protocol_id = 0};
    if (b->init_n == WIRE_INIT_BYTES && wire_init_parse(b->init, &init, &err) == ERR_OK) {
        memcpy(f.imei, init.imei, sizeof f.imei);
        f.protocol_id = init.protocol_id;
    }
    f.has_meta = b->meta_n > 0 &&
                 wire_meta_parse(b->meta, b->meta_n, f.protocol_id, arrived_us, &m, &err) == ERR_OK;
    if (b->path_n > 0)
        wire_path_words(b->path, b->path_n, f.has_meta ? &m : NULL, f.camera, f.kind);
    if (f.has_meta) {
        f.trusted = m.plausible & WIRE_FACTS_TRUSTED;
        f.version = m.version;
        f.time_us = us_of_ms(m.time_ms);
        f.trigger = m.trigger;
        memcpy(f.trigger_name, m.trigger_name, sizeof f.trigger_name);
        f.length_s = m.length_s;
        f.fps = m.fps;
        f.tz_min = m.tz_min;
        f.lat_deg = degrees(m.lat_deg);
        f.lon_deg = degrees(m.lon_deg);
        f.trigger_time_us = us_of_ms(m.trigger_time_ms);
        f.events = m.events;
        memcpy(f.driver, m.driver, sizeof f.driver);
    }
    *out = f;
}

/* ---- by name ---- */

static const struct {
    unsigned field;
    const char *word;
} trust_words[] = {
    {WIRE_META_TIME, "time"},     {WIRE_META_FPS, "fps"},
    {WIRE_META_ZONE, "zone"},     {WIRE_META_POSITION, "position"},
    {WIRE_META_EVENTS, "events"}, {WIRE_META_TRIGGER_TIME, "trigger_time"},
    {WIRE_META_DRIVER, "driver"},
};

static void list_trusted(unsigned trusted, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof trust_words / sizeof *trust_words; i++) {
        if (trusted & trust_words[i].field)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used ? " " : "",
                                     trust_words[i].word);
        trusted &= ~trust_words[i].field;
    }
    if (trusted) /* of no version of this program */
        snprintf(out + used, room - used, "%s0x%x", used ? " " : "", trusted);
}

static const struct field {
    const char *name;
    enum { TEXT, WORDS, YES, INT, TIME, DEGREES } type;
    size_t at;
} fields[] = {
#define FIELD(name, type, member)                       \
    {                                                   \
        name, type, offsetof(struct wire_facts, member) \
    }
    FIELD("imei", TEXT, imei),
    FIELD("protocol_id", INT, protocol_id),
    FIELD("camera", TEXT, camera),
    FIELD("kind", TEXT, kind),
    FIELD("metadata", YES, has_meta),
    FIELD("trusted", WORDS, trusted),
    FIELD("version", INT, version),
    FIELD("time", TIME, time_us),
    FIELD("time_of_name", YES, time_named),
    FIELD("time_of_person", YES, time_told),
    FIELD("trigger", TEXT, trigger_name),
    FIELD("trigger_raw", INT, trigger),
    FIELD("length_s", INT, length_s),
    FIELD("fps", INT, fps),
    FIELD("tz_min", INT, tz_min),
    FIELD("lat", DEGREES, lat_deg),
    FIELD("lon", DEGREES, lon_deg),
    FIELD("trigger_time", TIME, trigger_time_us),
    FIELD("events", INT, events),
    FIELD("driver", TEXT, driver),
#undef FIELD
};
_Static_assert(sizeof fields / sizeof *fields == WIRE_N_FACTS, "each fact has its place");

/* A name in no known alphabet as its bytes: JSON is UTF-8. */
static void put_text(const char *text, char out[WIRE_FACT_ROOM])
{
    json_t *utf8 = json_string(text);
    if (utf8)
        snprintf(out, WIRE_FACT_ROOM, "%s", text);
    else
        wire_path_text(text, strlen(text), out, WIRE_FACT_ROOM);
    json_decref(utf8);
}

static void put(const struct field *f, const struct wire_facts *facts, char out[WIRE_FACT_ROOM])
{
    const void *at = (const char *)facts + f->at;
    switch (f->type) {
    case TEXT:
        put_text(at, out);
        return;
    case WORDS:
        list_trusted(*(const unsigned *)at, out, WIRE_FACT_ROOM);
        return;
    case YES:
        snprintf(out, WIRE_FACT_ROOM, "%s", *(const bool *)at ? "yes" : "");
        return;
    case INT:
        if (*(const int *)at != 0)
            snprintf(out, WIRE_FACT_ROOM, "%d", *(const int *)at);
        return;
    case TIME:
        if (*(const int64_t *)at != 0)
            clock_rfc3339(*(const int64_t *)at, 6, out);
        return;
    case DEGREES:
        if (isfinite(*(const double *)at) && fpclassify(*(const double *)at) != FP_ZERO)
            snprintf(out, WIRE_FACT_ROOM, "%.12g", *(const double *)at);
        return;
    }
}

void wire_facts_list(const struct wire_facts *facts, struct wire_fact out[WIRE_N_FACTS])
{
    for (int i = 0; i < WIRE_N_FACTS; i++) {
        out[i].name = fields[i].name;
        out[i].text[0] = '\0';
        put(&fields[i], facts, out[i].text);
    }
}

/* ---- as JSON ---- */

static json_t *fact_json(const struct field *f, const struct wire_facts *facts, const char *text)
{
    const void *at = (const char *)facts + f->at;
    if (f->type == INT)
        return json_integer(*(const int *)at);
    if (f->type == DEGREES)
        return json_real(*(const double *)at);
    return f->type == YES ? json_true() : json_string(text);
}

char *wire_facts_text(const struct wire_facts *facts)
{
    struct wire_fact list[WIRE_N_FACTS];
    json_t *o = json_pack("{s:i}", "decoder", WIRE_FACTS_VERSION);
    bool good = o != NULL;
    wire_facts_list(facts, list);
    for (int i = 0; good && i < WIRE_N_FACTS; i++)
        if (list[i].text[0])
            good = json_object_set_new(o, list[i].name,
                                       fact_json(&fields[i], facts, list[i].text)) == 0;
    char *text =
        good ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(o);
    return text;
}

static void take(const json_t *v, char out[WIRE_FACT_ROOM])
{
    out[0] = '\0';
    if (json_is_string(v))
        snprintf(out, WIRE_FACT_ROOM, "%s", json_string_value(v));
    else if (json_is_integer(v))
        snprintf(out, WIRE_FACT_ROOM, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v))
        snprintf(out, WIRE_FACT_ROOM, "%.12g", json_real_value(v));
    else if (json_is_true(v))
        snprintf(out, WIRE_FACT_ROOM, "yes");
}

bool wire_facts_read(const char *text, int *decoder, struct wire_fact out[WIRE_N_FACTS])
{
    json_t *o = json_loads(text, 0, NULL), *version = json_object_get(o, "decoder");
    bool good = json_is_object(o) && json_is_integer(version);
    *decoder = (int)json_integer_value(version);
    for (int i = 0; i < WIRE_N_FACTS; i++) {
        out[i].name = fields[i].name;
        take(json_object_get(o, fields[i].name), out[i].text);
    }
    json_decref(o);
    return good;
}

/* ---- metadata, as packages have them ---- */

static json_t *time_json(int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 3, text);
    return json_string(text);
}

static json_t *position_json(const struct wire_facts *f)
{
    if (!isfinite(f->lat_deg) || !isfinite(f->lon_deg))
        return json_null();
    return json_pack("{s:f, s:f}", "lat", f->lat_deg, "lon", f->lon_deg);
}

static json_t *events_json(unsigned events)
{
    char text[WIRE_EVENTS_ROOM], *rest = NULL;
    json_t *list = json_array();
    wire_events_text(events, text);
    for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest))
        json_array_append_new(list, json_string(one));
    return list;
}

const char *wire_meta_form(const struct wire_meta *m)
{
    static const char *const forms[WIRE_N_KINDS] = {"dualcam", "dsm", "adas", "json"};
    static const char *const as_text[WIRE_N_KINDS] = {"dualcam-text", "dsm-text", "adas-text", ""};
    return m->as_text ? as_text[m->kind] : forms[m->kind];
}

/* Each value goes to where it belongs; what the form does not have is not there. */
static json_t *metadata_json(const struct wire_facts *f, const char *form, unsigned present)
{
    json_t *m = json_object(), *doubt = json_object();
#define PUT(field, trust, key, value) \
    if (present & (field))            \
    json_object_set_new((trust) ? m : doubt, key, value)
    json_object_set_new(m, "form", json_string(form));
    json_object_set_new(m, "version", json_integer(f->version));
    PUT(WIRE_META_TIME, f->trusted & WIRE_META_TIME, "time", time_json(f->time_us));
    PUT(WIRE_META_TRIGGER, true, "trigger", json_string(f->trigger_name));
    PUT(WIRE_META_LENGTH, true, "length_s", json_integer(f->length_s));
    PUT(WIRE_META_FPS, f->trusted & WIRE_META_FPS, "fps", json_integer(f->fps));
    PUT(WIRE_META_ZONE, f->trusted & WIRE_META_ZONE, "tz_min", json_integer(f->tz_min));
    PUT(WIRE_META_POSITION, f->trusted & WIRE_META_POSITION, "position", position_json(f));
    PUT(WIRE_META_TRIGGER_TIME, f->trusted & WIRE_META_TRIGGER_TIME, "trigger_time",
        time_json(f->trigger_time_us));
    PUT(WIRE_META_EVENTS, f->trusted & WIRE_META_EVENTS, "events", events_json(f->events));
    PUT(WIRE_META_DRIVER, f->trusted & WIRE_META_DRIVER, "driver", json_string(f->driver));
#undef PUT
    json_object_set_new(m, "untrusted", doubt);
    return m;
}

char *wire_facts_metadata(const struct wire_facts *f, const struct wire_bytes *b,
                          int64_t arrived_us)
{
    struct err err;
    struct wire_meta form;
    if (!f->has_meta || b->meta_n == 0)
        return strdup("null");
    bool read =
        wire_meta_parse(b->meta, b->meta_n, f->protocol_id, arrived_us, &form, &err) == ERR_OK;
    if (!read) /* an older decoder read them: its facts are all that is known */
        form = (struct wire_meta){.present = ~0U};
    json_t *o = metadata_json(f, read ? wire_meta_form(&form) : "unknown", form.present);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(o);
    return text;
}

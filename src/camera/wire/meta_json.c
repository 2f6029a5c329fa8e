#include "meta_internal.h"
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 }; /* of a document whose known keys are two deep */

/* The bytes are hostile: how deep they nest is known before a parser that recurses sees them. */
static bool too_deep(const char *text, size_t n)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > DEPTH_MAX)
            return true;
    }
    return false;
}

/* The first value of that name, in `in` before in what is inside it. */
static json_t *find(json_t *in, const char *name)
{
    json_t *found = json_object_get(in, name);
    for (void *it = json_object_iter(in); it && !found; it = json_object_iter_next(in, it))
        found = find(json_object_iter_value(it), name);
    for (size_t i = 0; i < json_array_size(in) && !found; i++)
        found = find(json_array_get(in, i), name);
    return found;
}

/* The value of a key within a section, or, where the key says enough, anywhere. */
static json_t *value_of(json_t *root, const char *section, const char *name)
{
    json_t *at = find(root, section);
    return find(at ? at : root, name);
}

/* A number, or a number as text, in min..max. */
static bool number(json_t *v, double min, double max, double *out)
{
    char *end = NULL;
    const char *text = json_string_value(v);
    if (json_is_number(v))
        *out = json_number_value(v);
    else if (text)
        *out = strtod(text, &end);
    else
        return false;
    return (!text || (end != text && *end == '\0')) && isfinite(*out) && *out >= min && *out <= max;
}

/* A name of ours: letters, digits and hyphens. */
static void slug(const char *text, char out[WIRE_TRIGGER_ROOM])
{
    size_t n = 0;
    for (; *text && n < WIRE_TRIGGER_ROOM - 1; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 'a' - 'A') : *text;
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out[n++] = good ? c : '-';
    }
    out[n] = '\0';
}

static void read_trigger(json_t *root, struct wire_meta *m)
{
    static const char *const sections[] = {"fm_trigger", "cam_trigger"};
    for (int i = 0; i < 2 && !(m->present & WIRE_META_TRIGGER); i++) {
        json_t *type = find(find(root, sections[i]), "type");
        const char *text = json_string_value(type);
        double v;
        if (number(type, 0, UINT8_MAX, &v)) {
            m->trigger = (uint8_t)v;
            wire_trigger_name(WIRE_KIND_JSON, m->trigger, m->trigger_name);
            m->present |= WIRE_META_TRIGGER;
        } else if (text && *text) {
            slug(text, m->trigger_name);
            m->present |= WIRE_META_TRIGGER;
        }
    }
}

/* Cut between characters, not within one. */
static void read_driver(json_t *root, struct wire_meta *m)
{
    const char *name = json_string_value(find(root, "driver_name"));
    if (!name)
        return;
    size_t n = strnlen(name, sizeof m->driver);
    if (n == sizeof m->driver)
        for (n--; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(m->driver, name, n);
    m->driver[n] = '\0';
    m->present |= WIRE_META_DRIVER;
}

static void read_numbers(json_t *root, struct wire_meta *m)
{
    double v, lon;
    if (number(find(root, "version"), 0, UINT8_MAX, &v))
        m->version = (uint8_t)v;
    if (number(value_of(root, "file", "file_type"), 0, UINT8_MAX, &v))
        m->file_type = (uint8_t)v;
    if (number(value_of(root, "file", "file_timestamp"), 0, UINT32_MAX, &v)) {
        m->time_ms = (uint64_t)(v * 1000 + 0.5);
        m->present |= WIRE_META_TIME;
    }
    if (number(value_of(root, "file", "duration"), 0, UINT16_MAX, &v)) {
        m->length_s = (uint16_t)(v + 0.5);
        m->present |= WIRE_META_LENGTH;
    }
    if (number(value_of(root, "file", "framerate"), 0, UINT8_MAX, &v)) {
        m->fps = (uint8_t)(v + 0.5);
        m->present |= WIRE_META_FPS;
    }
    if (number(value_of(root, "location", "latitude"), -1e12, 1e12, &v) &&
        number(value_of(root, "location", "longitude"), -1e12, 1e12, &lon)) {
        m->lat_deg = v;
        m->lon_deg = lon;
        m->present |= WIRE_META_POSITION;
    }
}

int meta_json_parse(const uint8_t *payload, size_t n, struct wire_meta *out, struct err *err)
{
    const char *text = (const char *)payload;
    while (n > 0 && payload[n - 1] == '\0') /* a C string's end */
        n--;
    if (too_deep(text, n))
        return err_set(err, ERR_MALFORMED, "metadata: JSON nested deeper than %d", DEPTH_MAX);
    json_error_t why;
    json_t *root = json_loadb(text, n, 0, &why);
    if (!root)
        return err_set(err, ERR_MALFORMED, "metadata: JSON of %zu bytes: %s at byte %d", n,
                       why.text, why.position);
    out->kind = WIRE_KIND_JSON;
    read_numbers(root, out);
    read_trigger(root, out);
    read_driver(root, out);
    json_decref(root);
    return ERR_OK;
}

/* The camera's JSON. Of its keys only those are known that the vendor's test server looks up; what
 * one of them says does not hang on whether all the others can be read. */
#include "dashspool/text.h"
#include "meta_internal.h"
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 }; /* of a document whose known keys are two deep */

DS_PRINTF(2, 3)
static void note(struct wire_meta *m, const char *fmt, ...)
{
    size_t used = strlen(m->note);
    va_list ap;
    if (used > 0)
        used += (size_t)snprintf(m->note + used, sizeof m->note - used, "; ");
    if (used >= sizeof m->note)
        return;
    va_start(ap, fmt);
    vsnprintf(m->note + used, sizeof m->note - used, fmt, ap);
    va_end(ap);
}

/* ---- the text, put right ----
 *
 * In place: what is written is never longer than what was read.
 */

struct tidy {
    char *text;
    size_t n, in, out;
    bool quoted, ended; /* ended: behind the document */
    int depth;
    size_t bad; /* characters of texts that are now '?' */
};

static void copy(struct tidy *t, size_t n)
{
    memmove(t->text + t->out, t->text + t->in, n);
    t->in += n;
    t->out += n;
}

static void spoilt(struct tidy *t, size_t n)
{
    t->text[t->out++] = '?';
    t->in += n;
    t->bad++;
}

/* The value of \uXXXX at p; -1: it is none. */
static long unicode(const char *p, const char *end)
{
    char hex[5] = "";
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    memcpy(hex, p + 2, 4);
    return strspn(hex, "0123456789abcdefABCDEF") == 4 ? strtol(hex, NULL, 16) : -1;
}

static void tidy_escape(struct tidy *t)
{
    const char *p = t->text + t->in, *end = t->text + t->n;
    long c = unicode(p, end), low = end - p > 6 ? unicode(p + 6, end) : -1;
    if (end - p >= 2 && strchr("\"\\/bfnrt", p[1]) && p[1])
        copy(t, 2);
    else if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000)
        copy(t, 12);
    else if (c >= 0xd800 && c < 0xe000) /* half a pair */
        spoilt(t, 6);
    else if (c >= 0)
        copy(t, 6);
    else
        spoilt(t, 1);
}

static void tidy_quoted(struct tidy *t)
{
    uint32_t c;
    char at = t->text[t->in];
    size_t bytes = utf8_next(t->text + t->in, t->n - t->in, &c);
    if (at == '\\') {
        tidy_escape(t);
    } else if (at == '\t' || at == '\r' || at == '\n') {
        t->text[t->out++] = ' ';
        t->in++;
    } else if (bytes == 0 || c < ' ') {
        spoilt(t, 1);
    } else {
        t->quoted = at != '"';
        copy(t, bytes);
    }
}

/* RFC 8259, section 6, of what strtod() takes; a NUL stands at end. */
static bool is_number(const char *p, const char *end)
{
    p += p < end && *p == '-';
    if (p == end || !isdigit((unsigned char)*p) ||
        (*p == '0' && p + 1 < end && isdigit((unsigned char)p[1])))
        return false;
    return isdigit((unsigned char)end[-1]) && !strpbrk(p, "xX") && !strstr(p, ".e") &&
           !strstr(p, ".E");
}

/* A word or a number. One that is none in JSON (NaN, 1e999, +5) becomes a text that says nothing:
 * its value is unreadable, not its neighbours. */
static void tidy_word(struct tidy *t)
{
    char *from = t->text + t->in, *end = from, *stop;
    while (end < t->text + t->n && (isalnum((unsigned char)*end) || strchr("+-.", *end)) && *end)
        end++;
    char behind = *end;
    *end = '\0';
    double v = strtod(from, &stop);
    bool meant = stop == end || !isalpha((unsigned char)*from);
    bool spoils =
        meant && end - from >= 2 && (stop != end || !isfinite(v) || !is_number(from, end));
    *end = behind;
    if (!spoils) {
        copy(t, (size_t)(end - from));
        return;
    }
    memcpy(t->text + t->out, "\"\"", 2);
    t->out += 2;
    t->in += (size_t)(end - from);
}

/* JSON has none; people and programs write them all the same. */
static bool tidy_comment(struct tidy *t)
{
    const char *p = t->text + t->in, *end = t->text + t->n;
    if (end - p < 2 || p[0] != '/' || (p[1] != '/' && p[1] != '*'))
        return false;
    bool line = p[1] == '/';
    for (p += 2; p < end; p++)
        if (line ? *p == '\n' || *p == '\r' : *p == '/' && p[-1] == '*' && p[-2] != '/')
            break;
    p += p < end && !line;
    t->in = (size_t)(p - t->text);
    return true;
}

static void tidy_mark(struct tidy *t)
{
    char c = t->text[t->in];
    bool closes = c == '}' || c == ']';
    t->depth += (c == '{' || c == '[') - closes;
    t->quoted = c == '"';
    for (size_t i = t->out; closes && i > 0; i--) {
        if (t->text[i - 1] == ',') /* with nothing behind it */
            t->text[i - 1] = ' ';
        if (t->text[i - 1] != ' ' && t->text[i - 1] != '\n' && t->text[i - 1] != '\r' &&
            t->text[i - 1] != '\t')
            break;
    }
    copy(t, 1);
    if (c == '\0') /* outside of texts it is as good as a space */
        t->text[t->out - 1] = ' ';
    t->ended = closes && t->depth <= 0;
}

static int tidy_json(struct tidy *t, struct err *err)
{
    while (t->in < t->n && !t->ended) {
        char c = t->text[t->in];
        if (t->quoted)
            tidy_quoted(t);
        else if (isalnum((unsigned char)c) || (c && strchr("+-.", c)))
            tidy_word(t);
        else if (!tidy_comment(t))
            tidy_mark(t);
        if (t->depth > DEPTH_MAX)
            return err_set(err, ERR_MALFORMED, "metadata: JSON nested deeper than %d", DEPTH_MAX);
    }
    while (t->in < t->n && (isspace((unsigned char)t->text[t->in]) || !t->text[t->in]))
        t->in++;
    return ERR_OK;
}

/* ---- its values ---- */

/* The first value of that name, in `in` before in what is inside it. Of a list only the first
 * object: what several say must not be mixed. */
static json_t *find(json_t *in, const char *name)
{
    json_t *found = json_object_get(in, name);
    for (void *it = json_object_iter(in); it && !found; it = json_object_iter_next(in, it))
        found = find(json_object_iter_value(it), name);
    for (size_t i = 0; i < json_array_size(in); i++) {
        json_t *one = json_array_get(in, i);
        if (json_is_object(one) || json_is_array(one))
            return find(one, name);
    }
    return found;
}

/* The value of a key within a section, or, where the key says enough, anywhere. */
static json_t *value_of(json_t *root, const char *section, const char *name)
{
    json_t *at = find(root, section);
    return find(at ? at : root, name);
}

/* A number, or a number as text, in min..max. */
static bool json_number(json_t *v, double min, double max, double *out)
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

/* One that is there and cannot be read is noted. */
static bool read_number(json_t *root, const char *section, const char *name, double min, double max,
                        struct wire_meta *m, double *out)
{
    json_t *v = value_of(root, section, name);
    if (json_number(v, min, max, out))
        return true;
    if (v && !json_is_null(v))
        note(m, "its %s cannot be read", name);
    return false;
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
        if (json_number(type, 0, UINT8_MAX, &v)) {
            m->trigger = (uint8_t)v;
            wire_trigger_name(WIRE_KIND_JSON, m->trigger, m->trigger_name);
            m->present |= WIRE_META_TRIGGER;
        } else if (text && *text) {
            slug(text, m->trigger_name);
            m->present |= WIRE_META_TRIGGER;
        } else if (type && !json_is_null(type)) {
            note(m, "the type of its %s cannot be read", sections[i]);
        }
    }
}

/* Cut between characters, not within one. */
static void read_json_driver(json_t *root, struct wire_meta *m)
{
    json_t *v = find(root, "driver_name");
    const char *name = json_string_value(v);
    if (!name) {
        if (v && !json_is_null(v))
            note(m, "its driver_name is no text");
        return;
    }
    size_t n = strnlen(name, sizeof m->driver);
    if (n == sizeof m->driver)
        for (n--; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(m->driver, name, n);
    m->driver[n] = '\0';
    m->present |= WIRE_META_DRIVER;
}

/* The vendor's test server has seconds. A number that would be after the year 5000 in one unit is
 * one in the next smaller. */
static uint64_t ms_of(double v)
{
    if (v < 1e11)
        return (uint64_t)(v * 1000 + 0.5);
    return (uint64_t)(v < 1e14 ? v : v < 1e17 ? v / 1e3 : v / 1e6);
}

static void read_numbers(json_t *root, struct wire_meta *m)
{
    double v, lon;
    if (json_number(find(root, "version"), 0, UINT8_MAX, &v))
        m->version = (uint8_t)v;
    if (json_number(value_of(root, "file", "file_type"), 0, UINT8_MAX, &v))
        m->file_type = (uint8_t)v;
    if (read_number(root, "file", "file_timestamp", 0, 1e19, m, &v)) {
        m->time_ms = ms_of(v);
        m->present |= WIRE_META_TIME;
    }
    if (read_number(root, "file", "duration", 0, UINT16_MAX, m, &v)) {
        m->length_s = (uint16_t)(v + 0.5);
        m->present |= WIRE_META_LENGTH;
    }
    if (read_number(root, "file", "framerate", 0, UINT8_MAX, m, &v)) {
        m->fps = (uint8_t)(v + 0.5);
        m->present |= WIRE_META_FPS;
    }
    if (read_number(root, "location", "latitude", -1e12, 1e12, m, &v) &&
        read_number(root, "location", "longitude", -1e12, 1e12, m, &lon)) {
        m->lat_deg = v;
        m->lon_deg = lon;
        m->present |= WIRE_META_POSITION;
    }
}

/* ---- all of it ---- */

static json_t *load(const char *text, size_t n, struct wire_meta *m, json_error_t *why)
{
    const size_t flags = JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL; /* of any size, of any escape */
    json_t *root = json_loadb(text, n, flags | JSON_REJECT_DUPLICATES, why);
    if (root || json_error_code(why) != json_error_duplicate_key)
        return root;
    note(m, "a key is there twice, and its last value counts: %s", why->text);
    return json_loadb(text, n, flags, why);
}

int meta_json_parse(char *text, size_t n, struct wire_meta *out, struct err *err)
{
    struct tidy t = {.text = text, .n = n};
    json_error_t why;
    int rc = tidy_json(&t, err);
    if (rc < 0)
        return rc;
    json_t *root = load(text, t.out, out, &why);
    if (!root)
        return err_set(err, ERR_MALFORMED, "metadata: JSON of %zu bytes: %s at byte %d", n,
                       why.text, why.position);
    out->kind = WIRE_KIND_JSON;
    out->tail_bytes = n - t.in;
    if (out->tail_bytes > 0)
        note(out, "what stands behind the JSON (%zu bytes) is not read", out->tail_bytes);
    if (json_array_size(root) > 1)
        note(out, "of a list of %zu the first object is read", json_array_size(root));
    if (t.bad > 0)
        note(out, "%zu %s of its texts cannot be read and %s '?' here", t.bad,
             size_plural((int64_t)t.bad, "character", "characters"), t.bad == 1 ? "is" : "are");
    read_numbers(root, out);
    read_trigger(root, out);
    read_json_driver(root, out);
    json_decref(root);
    return ERR_OK;
}

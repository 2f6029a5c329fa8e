#include "dashspool/recipe.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, REAL_ROOM = 32, PLACES_MIN = 15, PLACES_MAX = 17 /* of any double */ };

/* Years 1 to 9999: what a clock can show. */
#define TIME_MIN_US (-62135596800e6)
#define TIME_MAX_US 253402300799e6

/* ---- one value of a struct each ---- */

enum kind { TEXT, REAL, INT, INT64, BOOL };

struct field {
    const char *key;
    enum kind kind;
    size_t at, room;  /* in its struct; room of a TEXT */
    double min, max;  /* of a number */
    ptrdiff_t has_at; /* the bool that says whether it is known; -1: it is always there */
};
#define NEW        (-2) /* has_at of a TEXT or INT that recipes of before do not have: "", 0 then */

#define F(member)  offsetof(struct media_facts, member)
#define O(member)  offsetof(struct convert_options, member)
#define FT(member) TEXT, F(member), sizeof(((struct media_facts *)0)->member), 0, 0, -1
#define OT(member) TEXT, O(member), sizeof(((struct convert_options *)0)->member), 0, 0, -1

static const struct field facts_fields[] = {
    {"id", FT(id)},
    {"imei", FT(imei)},
    {"vehicle", TEXT, F(vehicle), sizeof((struct media_facts *)0)->vehicle, 0, 0, NEW},
    {"camera", FT(camera)},
    {"trigger", FT(trigger)},
    {"time_source", FT(time_source)},
    {"start_utc_us", INT64, F(start_utc_us), 0, TIME_MIN_US, TIME_MAX_US, F(has_time)},
    {"time_error_us", INT64, F(time_error_us), 0, 0, TIME_MAX_US, -1},
    {"tz_min", INT, F(tz_min), 0, -1440, 1440, F(has_zone)},
    {"lat_deg", REAL, F(lat_deg), 0, -90, 90, F(has_position)},
    {"lon_deg", REAL, F(lon_deg), 0, -180, 180, F(has_position)},
    {"trigger_utc_us", INT64, F(trigger_utc_us), 0, TIME_MIN_US, TIME_MAX_US, F(has_trigger_time)},
    {"meta_fps", REAL, F(meta_fps), 0, 0, 1000, -1},
    {"length_s", INT, F(length_s), 0, 0, INT32_MAX, -1},
};

static const struct field options_fields[] = {
    {"fps", REAL, O(media.fps), 0, 0, 1000, -1},
    {"default_fps", REAL, O(media.default_fps), 0, 0, 1000, -1},
    {"crf", REAL, O(crf), 0, 0, 51, -1},
    {"preset", OT(preset)},
    {"encoder", OT(encoder)},
    {"vectors", TEXT, O(vectors), sizeof((struct convert_options *)0)->vectors, 0, 0, NEW},
    {"lookahead", INT, O(lookahead), 0, 0, 250, NEW},
    {"recording", INT, O(media.recording), 0, 0, INT32_MAX, NEW},
    {"threads", INT, O(threads), 0, 0, 64, -1},
    {"flac", BOOL, O(flac), 0, 0, 1, -1},
    {"osd_template", OT(osd_template)},
    {"osd_position", OT(osd_position)},
    {"osd_size", REAL, O(osd_size), 0, 0, 4, -1},
    {"osd_box", BOOL, O(osd_box), 0, 0, 1, -1},
    {"osd_imperial", BOOL, O(osd_imperial), 0, 0, 1, -1},
    {"note", OT(note)},
};
#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct media_facts) == 392 && sizeof(struct convert_options) == 4104,
               "what is new in them must be in a table above, if it changes a copy's bytes");
#endif
enum {
    N_FACTS = sizeof facts_fields / sizeof *facts_fields,
    N_OPTIONS = sizeof options_fields / sizeof *options_fields,
};

/* The tracker's track, which goes with a package: by its hash, wherever it lies. */
#define TRACK_SOURCE "tracker"

/* ---- writing ---- */

static json_t *real_json(double v)
{
    char text[REAL_ROOM];
    for (int places = PLACES_MIN; places <= PLACES_MAX; places++) {
        snprintf(text, sizeof text, "%.*g", places, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return json_string(text);
}

/* NULL: a text that is not UTF-8. */
static json_t *value_json(const struct field *f, const void *base)
{
    const void *p = (const char *)base + f->at;
    switch (f->kind) {
    case TEXT:
        return json_string(p);
    case REAL:
        return real_json(*(const double *)p);
    case INT:
        return json_integer(*(const int *)p);
    case INT64:
        return json_integer(*(const int64_t *)p);
    case BOOL:
        return json_boolean(*(const bool *)p);
    }
    return NULL;
}

static int write_fields(json_t *o, const struct field *fields, size_t n, const void *base,
                        struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        if (f->has_at >= 0 && !*(const bool *)((const char *)base + f->has_at))
            continue;
        const char *value_at = (const char *)base + f->at;
        if (f->has_at == NEW &&
            (f->kind == INT ? *(const int *)(const void *)value_at == 0 : *value_at == '\0'))
            continue;
        json_t *value = value_json(f, base);
        if (!value && f->kind == TEXT)
            return err_set(err, ERR_UNSUPPORTED, "its %s is not UTF-8", f->key);
        if (json_object_set_new(o, f->key, value) < 0)
            return err_nomem(err, "a recipe");
    }
    return ERR_OK;
}

/* Photos have theirs always; moments have a list of their own. */
static bool is_listed(unsigned kind)
{
    return kind != COPY_STILL && kind != COPY_MOMENT;
}

static json_t *copies_json(unsigned copies)
{
    json_t *list = json_array();
    for (unsigned kind = 1; kind <= COPY_LAST; kind <<= 1)
        if (copies & kind && is_listed(kind))
            json_array_append_new(list, json_string(copy_kind_name((enum copy_kind)kind)));
    return list;
}

static json_t *libraries_json(const struct recipe *r)
{
    json_t *o = json_object();
    for (int i = 0; i < r->n_libraries; i++)
        json_object_set_new(o, r->library[i].name, json_string(r->library[i].version));
    return o;
}

int recipe_text(const struct recipe *r, char **out, struct err *err)
{
    const struct convert_options *o = &r->options;
    const char *beside =
        o->track_path[0] && !o->track_sha256[0] ? o->track_path : o->media.params_from;
    *out = NULL;
    if (beside[0]) /* its folder is nobody's business */
        return err_set(err, ERR_UNSUPPORTED,
                       "it was made with another file, %s, which does not go with it",
                       strrchr(beside, '/') ? strrchr(beside, '/') + 1 : beside);
    if (o->n_masks > 0 || o->no_sound)
        return err_set(err, ERR_UNSUPPORTED,
                       "something was hidden in it: it goes without the original");
    json_t *facts = json_object(), *options = json_object();
    int rc = write_fields(facts, facts_fields, N_FACTS, &r->facts, err);
    if (rc == ERR_OK)
        rc = write_fields(options, options_fields, N_OPTIONS, o, err);
    json_object_set_new(options, "copies", copies_json(o->copies));
    if (o->track_sha256[0])
        json_object_set_new(
            options, "track",
            json_pack("{s:s, s:s}", "source", TRACK_SOURCE, "sha256", o->track_sha256));
    if (o->copies & COPY_MOMENT) {
        json_t *moments = json_array();
        for (int i = 0; i < o->n_moments; i++)
            json_array_append_new(moments, json_integer(o->moment_us[i]));
        json_object_set_new(options, "moments_us", moments);
    }
    json_t *whole =
        json_pack("{s:i, s:o, s:o, s:s, s:o}", "format", FORMAT, "facts", facts, "options", options,
                  "program", r->program, "libraries", libraries_json(r)); /* takes them */
    if (rc == ERR_OK)
        *out = whole ? json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(whole);
    return rc == ERR_OK && !*out ? err_nomem(err, "a recipe") : rc;
}

/* ---- reading ---- */

static int refuse(struct err *err, const char *what, const char *why)
{
    return err_set(err, ERR_MALFORMED, "the recipe's %.40s %s", what, why);
}

/* Only what real_json() writes: no hexadecimal number, no infinity, no white space. */
static bool read_real(const json_t *value, double *out)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    if (!text || !text[0] || strspn(text, "0123456789+-.e") != strlen(text))
        return false;
    *out = strtod(text, &end);
    return !*end && isfinite(*out);
}

static int read_number(const struct field *f, const json_t *value, void *p, struct err *err)
{
    double v = 0;
    if (f->kind == REAL ? !read_real(value, &v) : !json_is_integer(value))
        return refuse(err, f->key, "is not a number");
    if (f->kind != REAL)
        v = (double)json_integer_value(value);
    if (!(v >= f->min && v <= f->max))
        return refuse(err, f->key, "is out of range");
    if (f->kind == REAL)
        *(double *)p = v;
    else if (f->kind == INT)
        *(int *)p = (int)json_integer_value(value);
    else
        *(int64_t *)p = json_integer_value(value);
    return ERR_OK;
}

static int read_field(const struct field *f, const json_t *value, void *base, struct err *err)
{
    void *p = (char *)base + f->at;
    if (f->has_at >= 0)
        *(bool *)((char *)base + f->has_at) = value != NULL;
    if (!value)
        return f->has_at >= 0 || f->has_at == NEW ? ERR_OK : refuse(err, f->key, "is missing");
    if (f->kind == TEXT) {
        if (!json_is_string(value))
            return refuse(err, f->key, "is not a text");
        if (json_string_length(value) >= f->room)
            return refuse(err, f->key, "is too long");
        snprintf(p, f->room, "%s", json_string_value(value));
        return ERR_OK;
    }
    if (f->kind != BOOL)
        return read_number(f, value, p, err);
    if (!json_is_boolean(value))
        return refuse(err, f->key, "is neither true nor false");
    *(bool *)p = json_is_true(value);
    return ERR_OK;
}

/* Of a fact or option that is not understood nobody knows what it does to the bytes. */
static int read_fields(const json_t *o, const struct field *fields, size_t n, void *base,
                       const char *const also[3], struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(o))
        return refuse(err, "facts or options", "are missing");
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        bool known =
            strcmp(key, also[0]) == 0 || strcmp(key, also[1]) == 0 || strcmp(key, also[2]) == 0;
        for (size_t i = 0; i < n && !known; i++)
            known = strcmp(key, fields[i].key) == 0;
        if (!known)
            return err_set(err, ERR_UNSUPPORTED,
                           "the recipe has '%.40s', which this program does not know", key);
    }
    int rc = ERR_OK;
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = read_field(&fields[i], json_object_get(o, fields[i].key), base, err);
    return rc;
}

static int read_copies(const json_t *list, unsigned *out, struct err *err)
{
    *out = 0;
    if (!json_is_array(list))
        return refuse(err, "copies", "are not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned kind = name ? copy_kind_of(name) : 0;
        if (!kind || !is_listed(kind))
            return refuse(err, "copies", "have one that is unknown");
        *out |= kind;
    }
    return ERR_OK;
}

static int read_moments(const json_t *list, struct convert_options *o, struct err *err)
{
    if (!list)
        return ERR_OK;
    if (!json_is_array(list) || json_array_size(list) > CONVERT_MOMENTS_MAX)
        return refuse(err, "moments_us", "are not at most 8");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        double at_us = (double)json_integer_value(v);
        if (!json_is_integer(v) || at_us < 0 || at_us > TIME_MAX_US)
            return refuse(err, "moments_us", "have one that is none");
        o->moment_us[o->n_moments++] = json_integer_value(v);
    }
    o->copies |= (unsigned)COPY_MOMENT;
    return ERR_OK;
}

static int read_track(const json_t *track, struct convert_options *o, struct err *err)
{
    const char *source = json_string_value(json_object_get(track, "source"));
    const char *hex = json_string_value(json_object_get(track, "sha256"));
    if (!track)
        return ERR_OK;
    if (!source || !hex || json_object_size(track) != 2)
        return refuse(err, "track", "has no source, or no sha256");
    if (strcmp(source, TRACK_SOURCE) != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "the recipe has a track by '%.40s', which this program does not know",
                       source);
    if (strlen(hex) != HASH_HEX_ROOM - 1 || strspn(hex, "0123456789abcdef") != HASH_HEX_ROOM - 1)
        return refuse(err, "track", "has a sha256 that is none");
    snprintf(o->track_sha256, sizeof o->track_sha256, "%s", hex);
    return ERR_OK;
}

static int read_makers(const json_t *whole, struct recipe *out, struct err *err)
{
    const char *program = json_string_value(json_object_get(whole, "program")), *name;
    json_t *libraries = json_object_get(whole, "libraries"), *value;
    if (!program || strlen(program) >= sizeof out->program)
        return refuse(err, "program", "is not a name");
    snprintf(out->program, sizeof out->program, "%s", program);
    if (!json_is_object(libraries) || json_object_size(libraries) > RECIPE_LIBRARIES_MAX)
        return refuse(err, "libraries", "are not a short list");
    json_object_foreach(libraries, name, value)
    {
        const char *version = json_string_value(value);
        int i = out->n_libraries++;
        if (!version || strlen(name) >= sizeof out->library[i].name ||
            strlen(version) >= sizeof out->library[i].version)
            return refuse(err, "libraries", "have one that is none");
        snprintf(out->library[i].name, sizeof out->library[i].name, "%s", name);
        snprintf(out->library[i].version, sizeof out->library[i].version, "%s", version);
    }
    return ERR_OK;
}

int recipe_parse(struct recipe *out, const char *json, size_t n, struct err *err)
{
    static const char *const no_more[3] = {"", "", ""}, *const others[3] = {"copies", "moments_us",
                                                                            "track"};
    *out = (struct recipe){.n_libraries = 0};
    json_t *whole =
        n <= RECIPE_BYTES_MAX ? json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *options = json_object_get(whole, "options");
    const json_t *format = json_object_get(whole, "format");
    int rc = ERR_OK;
    if (!json_is_object(whole) || !json_is_integer(format))
        rc = err_set(err, ERR_MALFORMED, "that is not a recipe");
    else if (json_integer_value(format) != FORMAT)
        rc = err_set(err, ERR_UNSUPPORTED, "the recipe is of format %lld; this program knows %d",
                     (long long)json_integer_value(format), FORMAT);
    if (rc == ERR_OK)
        rc = read_fields(json_object_get(whole, "facts"), facts_fields, N_FACTS, &out->facts,
                         no_more, err);
    if (rc == ERR_OK)
        rc = read_fields(options, options_fields, N_OPTIONS, &out->options, others, err);
    if (rc == ERR_OK)
        rc = read_copies(json_object_get(options, "copies"), &out->options.copies, err);
    if (rc == ERR_OK)
        rc = read_moments(json_object_get(options, "moments_us"), &out->options, err);
    if (rc == ERR_OK)
        rc = read_track(json_object_get(options, "track"), &out->options, err);
    if (rc == ERR_OK)
        rc = read_makers(whole, out, err);
    json_decref(whole);
    return rc;
}

/* ---- who follows it: the program and its libraries, then and now ---- */

static void add_library(void *arg, const char *name, const char *version)
{
    struct recipe *r = arg;
    if (r->n_libraries == RECIPE_LIBRARIES_MAX)
        return;
    int i = r->n_libraries++;
    snprintf(r->library[i].name, sizeof r->library[i].name, "%s", name);
    snprintf(r->library[i].version, sizeof r->library[i].version, "%s", version);
}

void recipe_sign(struct recipe *r)
{
    snprintf(r->program, sizeof r->program, "dashspool %s", DASHSPOOL_VERSION);
    r->n_libraries = 0;
    convert_libraries(add_library, r);
}

static const char *version_of(const struct recipe *r, const char *name)
{
    for (int i = 0; i < r->n_libraries; i++)
        if (strcmp(r->library[i].name, name) == 0)
            return r->library[i].version;
    return "none";
}

static void add_difference(char *out, size_t room, const char *name, const char *then,
                           const char *now)
{
    size_t used = strlen(out);
    if (strcmp(then, now) != 0)
        snprintf(out + used, room - used, "%s%s%s%s, here %s", used ? "; " : "", name,
                 name[0] ? " " : "", then, now);
}

bool recipe_differs(const struct recipe *then, const struct recipe *now, char *out, size_t room)
{
    out[0] = '\0';
    add_difference(out, room, "", then->program, now->program);
    for (int i = 0; i < then->n_libraries; i++)
        add_difference(out, room, then->library[i].name, then->library[i].version,
                       version_of(now, then->library[i].name));
    for (int i = 0; i < now->n_libraries; i++)
        if (strcmp(version_of(then, now->library[i].name), "none") == 0)
            add_difference(out, room, now->library[i].name, "none", now->library[i].version);
    return out[0] != '\0';
}

/* The settings of a copy, as they stand in its row, in packages and in reports: who writes them,
 * and who reads them, is here. */
#include "dashspool/clock.h"
#include "dashspool/recipe.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* What every source says of the picture rate: {"capture times": 19.967, …}. */
static json_t *sources_json(const struct media_timing *t)
{
    json_t *o = json_object();
    for (int k = 0; o && k < MEDIA_N_SOURCES; k++)
        if (t->fps[k] > 0)
            json_object_set_new(o, media_source_name((enum media_source)k), json_real(t->fps[k]));
    return o;
}

/* … and what of: of a recording that has a rate of its own, only of that. */
static json_t *held_json(const struct media_timing *t)
{
    json_t *o = json_pack("{s:I, s:I}", "pictures", (json_int_t)t->pictures, "duration_us",
                          (json_int_t)t->duration_us);
    if (o && t->recording > 0) {
        json_object_set_new(o, "recording", json_integer(t->recording));
        json_object_set_new(o, "recordings", json_integer(t->recordings));
        json_object_set_new(o, "disputed", json_integer(t->disputed));
    }
    return o;
}

static json_t *wall_json(const struct media_facts *f, const struct media_wall *w)
{
    char start[CLOCK_TEXT_ROOM], zone[CLOCK_TEXT_ROOM] = "";
    if (!w->known)
        return json_null();
    clock_rfc3339(w->utc_us, 6, start);
    if (f->has_zone)
        clock_zone(f->tz_min, zone);
    return json_pack("{s:s, s:s, s:f, s:s, s:s}", "source", w->source, "start", start,
                     "uncertainty_s", (double)w->error_us / 1e6, "zone", zone, "why", w->why);
}

/* What is wrong with the master: {"missing": 13, …}, only what is not 0. */
static json_t *damage_json(const struct media_damage *d)
{
    const struct {
        const char *name;
        int64_t n;
    } counts[] = {
        {"damaged", d->damaged},
        {"affected", d->affected},
        {"missing", d->lost},
        {"repeated", d->repeated},
        {"left_out", d->undecodable_lead},
        {"stray_bytes", d->stray_bytes},
        {"cut_bytes", d->cut_bytes},
        {"sound_records_missing", d->sound_lost},
        {"times_repaired", d->times_repaired},
    };
    json_t *o = json_object();
    for (size_t i = 0; o && i < sizeof counts / sizeof *counts; i++)
        if (counts[i].n)
            json_object_set_new(o, counts[i].name, json_integer(counts[i].n));
    return o;
}

/* What came out, whatever the copy. */
static json_t *outcome_json(const struct media_facts *f, const struct convert_result *r)
{
    json_t *o =
        json_pack("{s:I, s:I, s:f, s:s, s:b}", "pictures", (json_int_t)r->pictures, "key_pictures",
                  (json_int_t)r->key_pictures, "duration_s", (double)r->duration_us / 1e6, "timing",
                  media_source_name(r->timing.chosen), "sources_disagree", (int)r->timing.disagree);
    if (o && r->container != MEDIA_JPEG)
        json_object_set_new(o, "sources", sources_json(&r->timing));
    if (o && r->container != MEDIA_JPEG)
        json_object_set_new(o, "held", held_json(&r->timing));
    if (o)
        json_object_set_new(o, "damage", damage_json(&r->damage));
    if (o)
        json_object_set_new(o, "wall_clock", wall_json(f, &r->wall));
    if (o && r->silences > 0)
        json_object_set_new(o, "silence",
                            json_pack("{s:I, s:f}", "stretches", (json_int_t)r->silences, "seconds",
                                      (double)r->silence_us / 1e6));
    if (o && r->warning[0])
        json_object_set_new(o, "warning", json_string(r->warning));
    return o;
}

int recipe_settings_text(const struct recipe *recipe, const struct convert_result *r,
                         enum copy_kind kind, char *out, size_t room, struct err *err)
{
    json_t *o = outcome_json(&recipe->facts, r);
    /* What is told of this kind of copy alone. */
    if (o && kind == COPY_WORKING && r->slices_sha256[0]) /* of both: they were compared */
        json_object_set_new(o, "slices_sha256", json_string(r->slices_sha256));
    if (o && kind == COPY_WORKING && r->sound)
        json_object_set_new(o, "sound", json_string(recipe->options.flac ? "flac" : "aac"));
    /* Everything that it was made with; where that cannot be followed elsewhere, why. */
    struct err why;
    char *followed = NULL;
    if (o)
        json_object_set_new(o, "recipe",
                            recipe_text(recipe, &followed, &why) < 0
                                ? json_string(why.text)
                                : json_loads(followed, 0, NULL));
    free(followed);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9)) : NULL;
    int rc = text ? ERR_OK : err_nomem(err, "its facts");
    if (text && strlen(text) >= room)
        rc = err_set(err, ERR_LIMIT, "its facts have %zu bytes", strlen(text));
    if (rc == ERR_OK)
        snprintf(out, room, "%s", text);
    free(text);
    json_decref(o);
    return rc;
}

/* ---- reading ---- */

static void get_text(const json_t *o, const char *key, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(out, room, "%s", text ? text : "");
}

/* Of recordings in a file. */
static int32_t get_number(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n > 0 && n < INT32_MAX ? (int32_t)n : 0;
}

/* The vote, as it was when the copy was made; the default spoke in settings of before though nobody
 * believed it. */
static void get_rates(const json_t *o, struct recipe_settings *out)
{
    struct media_timing *t = &out->rate;
    const json_t *sources = json_object_get(o, "sources");
    t->chosen = MEDIA_SOURCE_DEFAULT;
    for (int k = 0; k < MEDIA_N_SOURCES; k++) {
        const char *name = media_source_name((enum media_source)k);
        double fps = json_number_value(json_object_get(sources, name));
        bool chosen = strcmp(name, out->timing) == 0;
        if (chosen)
            t->chosen = (enum media_source)k;
        if (fps > 0 && fps < 1e6 && (k != MEDIA_SOURCE_DEFAULT || chosen))
            t->fps[k] = fps;
    }
    const json_t *held = json_object_get(o, "held");
    t->pictures = json_integer_value(json_object_get(held, "pictures"));
    t->duration_us = json_integer_value(json_object_get(held, "duration_us"));
    t->recording = get_number(held, "recording");
    t->recordings = get_number(held, "recordings");
    t->disputed = get_number(held, "disputed");
    if (!held) {
        t->pictures = out->pictures;
        t->duration_us =
            out->duration_s > 0 && out->duration_s < 1e9 ? (int64_t)(out->duration_s * 1e6) : 0;
    }
    for (int k = 0; k < MEDIA_N_SOURCES; k++)
        t->disagree = t->disagree || media_timing_contradicts(t, (enum media_source)k);
}

bool recipe_settings_read(struct recipe_settings *out, const char *settings)
{
    const char *name;
    json_t *value;
    *out = (struct recipe_settings){.pictures = 0};
    json_t *o = json_loads(settings, 0, NULL);
    json_t *wall = json_object_get(o, "wall_clock"), *silence = json_object_get(o, "silence");
    json_t *recipe = json_object_get(o, "recipe"), *options = json_object_get(recipe, "options"),
           *libraries = json_object_get(recipe, "libraries");
    bool known = json_is_object(o);
    out->pictures = json_integer_value(json_object_get(o, "pictures"));
    out->duration_s = json_number_value(json_object_get(o, "duration_s"));
    get_text(o, "timing", out->timing, sizeof out->timing);
    get_rates(o, out);
    out->has_wall = json_is_object(wall);
    get_text(wall, "source", out->wall_source, sizeof out->wall_source);
    get_text(wall, "start", out->wall_start, sizeof out->wall_start);
    get_text(wall, "why", out->wall_why, sizeof out->wall_why);
    out->wall_error_s = json_number_value(json_object_get(wall, "uncertainty_s"));
    out->silences = json_integer_value(json_object_get(silence, "stretches"));
    out->silence_s = json_number_value(json_object_get(silence, "seconds"));
    json_object_foreach(json_object_get(o, "damage"), name, value)
    {
        if (out->n_damage == RECIPE_DAMAGE_MAX)
            break;
        snprintf(out->damage[out->n_damage].name, sizeof out->damage->name, "%s", name);
        out->damage[out->n_damage++].n = json_integer_value(value);
    }
    get_text(o, "slices_sha256", out->slices_sha256, sizeof out->slices_sha256);
    get_text(o, "sound", out->sound, sizeof out->sound);
    get_text(o, "warning", out->warning, sizeof out->warning);
    get_text(options, "encoder", out->encoder, sizeof out->encoder);
    get_text(options, "preset", out->preset, sizeof out->preset);
    get_text(options, "crf", out->crf, sizeof out->crf);
    get_text(json_object_get(options, "track"), "sha256", out->track_sha256,
             sizeof out->track_sha256);
    out->own_overlay = json_string_length(json_object_get(options, "osd_template")) > 0;
    get_text(libraries, "libavcodec", out->libavcodec, sizeof out->libavcodec);
    get_text(libraries, "x264", out->x264, sizeof out->x264);
    get_text(libraries, "libjpeg-turbo", out->libjpeg_turbo, sizeof out->libjpeg_turbo);
    json_decref(o);
    return known;
}

int recipe_settings_recipe(char **out, const char *settings, char *why_not, size_t room,
                           struct err *err)
{
    json_t *o = json_loads(settings, 0, NULL), *recipe = json_object_get(o, "recipe");
    bool followable = json_is_object(recipe);
    *out = followable ? json_dumps(recipe, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (json_is_string(recipe))
        snprintf(why_not, room, "%s", json_string_value(recipe));
    json_decref(o);
    return followable && !*out ? err_nomem(err, "a recipe") : ERR_OK;
}

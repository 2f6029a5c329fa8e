#include "record.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/recipe.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What every source says of the picture rate: {"capture times": 19.967, …}. */
static json_t *sources_json(const struct media_timing *t)
{
    json_t *o = json_object();
    for (int k = 0; o && k < MEDIA_N_SOURCES; k++)
        if (t->fps[k] > 0)
            json_object_set_new(o, media_source_name((enum media_source)k), json_real(t->fps[k]));
    return o;
}

static json_t *wall_json(const struct catalogue_transfer *t, const struct media_wall *w)
{
    char start[CLOCK_TEXT_ROOM], zone[CLOCK_TEXT_ROOM] = "";
    if (!w->known)
        return json_null();
    clock_rfc3339(w->utc_us, 6, start);
    if (t->known & CATALOGUE_ZONE_OK)
        clock_zone(t->tz_min, zone);
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
static json_t *outcome_json(const struct catalogue_transfer *t, const struct convert_result *r)
{
    json_t *o =
        json_pack("{s:I, s:I, s:f, s:s, s:b}", "pictures", (json_int_t)r->pictures, "key_pictures",
                  (json_int_t)r->key_pictures, "duration_s", (double)r->duration_us / 1e6, "timing",
                  media_source_name(r->timing.chosen), "sources_disagree", (int)r->timing.disagree);
    if (o && r->container != MEDIA_JPEG) {
        json_object_set_new(o, "sources", sources_json(&r->timing));
        json_object_set_new(o, "damage", damage_json(&r->damage));
    }
    if (o)
        json_object_set_new(o, "wall_clock", wall_json(t, &r->wall));
    if (o && r->silences > 0)
        json_object_set_new(o, "silence",
                            json_pack("{s:I, s:f}", "stretches", (json_int_t)r->silences, "seconds",
                                      (double)r->silence_us / 1e6));
    if (o && r->warning[0])
        json_object_set_new(o, "warning", json_string(r->warning));
    return o;
}

static void put_text(json_t *o, const char *key, const char *text)
{
    if (text[0])
        json_object_set_new(o, key, json_string(text));
}

/* Everything that it was made with; where that cannot be followed elsewhere, why. */
static json_t *recipe_json(const struct catalogue_transfer *t,
                           const struct convert_options *options)
{
    struct recipe recipe = {.options = *options};
    struct err err;
    char *text = NULL;
    export_media_facts(t, &recipe.facts);
    recipe_sign(&recipe);
    json_t *o =
        recipe_text(&recipe, &text, &err) < 0 ? json_string(err.text) : json_loads(text, 0, NULL);
    free(text);
    return o;
}

/* What is told of this kind of copy alone. */
static void put_kind(json_t *o, const struct convert_options *options,
                     const struct convert_result *r, enum convert_copy_kind kind)
{
    if (kind == CONVERT_WORKING)
        put_text(o, "slices_sha256", r->slices_sha256); /* of master and copy: they were compared */
    if (r->sound && kind == CONVERT_WORKING)
        put_text(o, "sound", options->flac ? "flac" : "aac");
}

static int settings_text(const struct catalogue_transfer *t, const struct convert_options *options,
                         json_t *recipe, const struct convert_result *r,
                         enum convert_copy_kind kind, char *out, size_t room, struct err *err)
{
    json_t *o = outcome_json(t, r);
    if (o)
        put_kind(o, options, r, kind);
    if (o)
        json_object_set(o, "recipe", recipe);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9)) : NULL;
    int rc = text ? ERR_OK : err_set(err, ERR_NOMEM, "%s: no memory for its facts", t->id);
    if (text && strlen(text) >= room)
        rc = err_set(err, ERR_LIMIT, "%s: its facts have %zu bytes", t->id, strlen(text));
    if (rc == ERR_OK)
        snprintf(out, room, "%s", text);
    free(text);
    json_decref(o);
    return rc;
}

/* In the transfer's custody; the settings are with the copy's row, here stands their hash. */
static int note_converted(struct catalogue *catalogue, const struct catalogue_transfer *t,
                          const struct catalogue_copy *copy, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = hash_text(copy->settings, strlen(copy->settings), hex, err);
    if (rc < 0)
        return rc;
    json_t *what =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "copy", copy->kind, "path", copy->path, "sha256",
                  copy->sha256, "from_sha256", t->sha256, "settings_sha256", hex);
    char *text = what ? json_dumps(what, JSON_COMPACT) : NULL;
    struct custody_event event = {copy->made_us, "converted", copy->tool, text};
    rc = text ? catalogue_event_add(catalogue, t->id, &event, err)
              : err_set(err, ERR_NOMEM, "%s: no memory for its custody", t->id);
    free(text);
    json_decref(what);
    return rc;
}

static int record_one(struct catalogue *catalogue, const char *root,
                      const struct catalogue_transfer *t, const struct convert_options *options,
                      json_t *recipe, const struct convert_result *r,
                      const struct convert_output *o, struct err *err)
{
    struct catalogue_copy copy = {.length_bytes = o->length_bytes, .made_us = clock_utc_us()};
    snprintf(copy.kind, sizeof copy.kind, "%s", convert_copy_name(o->kind));
    int n = snprintf(copy.path, sizeof copy.path, "%s", o->path + strlen(root) + 1);
    if (n < 0 || (size_t)n >= sizeof copy.path)
        return err_set(err, ERR_LIMIT, "%s: the path is too long", o->path);
    snprintf(copy.sha256, sizeof copy.sha256, "%s", o->sha256);
    snprintf(copy.tool, sizeof copy.tool, "dashspool %s", DASHSPOOL_VERSION);
    int rc =
        settings_text(t, options, recipe, r, o->kind, copy.settings, sizeof copy.settings, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_put(catalogue, t->key, &copy, err);
    return rc < 0 ? rc : note_converted(catalogue, t, &copy, err);
}

/* Copies of what was partial when they were begun, and has gone on since, are of nothing that is
 * there. */
static int check_partial(struct catalogue *catalogue, const struct catalogue_transfer *t,
                         struct err *err)
{
    struct catalogue_transfer now;
    if (t->state != CATALOGUE_PARTIAL)
        return ERR_OK;
    int rc = catalogue_transfer_get(catalogue, t->id, &now, err);
    if (rc == ERR_OK && (now.state != t->state || now.completed_us != t->completed_us))
        rc = err_set(err, ERR_BUSY, "%s was resumed while its copies were being made", t->id);
    return rc;
}

int record_copies(struct catalogue *catalogue, const char *root, const struct catalogue_transfer *t,
                  const struct convert_options *options, const struct convert_result *r,
                  const char *stage, int attempt, struct err *err)
{
    int rc = catalogue_begin(catalogue, err);
    if (rc < 0)
        return rc;
    rc = check_partial(catalogue, t, err);
    json_t *recipe = recipe_json(t, options);
    for (int i = 0; i < r->n_outputs && rc == ERR_OK; i++)
        rc = record_one(catalogue, root, t, options, recipe, r, &r->output[i], err);
    json_decref(recipe);
    if (rc == ERR_OK && stage)
        rc = catalogue_done_put(catalogue, t->key, stage, clock_utc_us(), attempt, err);
    if (rc == ERR_OK)
        return catalogue_commit(catalogue, err);
    catalogue_rollback(catalogue);
    return rc;
}

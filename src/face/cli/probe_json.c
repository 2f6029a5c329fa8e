#include "probe_internal.h"

static json_t *text(const char *s)
{
    return *s ? json_string(s) : json_null();
}

static json_t *findings_json(const struct media_finding *f, int64_t n)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < n && i < MEDIA_FINDINGS_MAX; i++)
        json_array_append_new(all,
                              json_pack("{s:I, s:I, s:s}", "picture", (json_int_t)f[i].picture,
                                        "time_us", (json_int_t)f[i].time_us, "text", f[i].text));
    return all;
}

static json_t *gaps_json(const struct media_probe *p)
{
    json_t *all = json_array();
    for (int64_t i = 0; i < p->gaps && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_gap *g = &p->gap[i];
        json_array_append_new(all, json_pack("{s:I, s:I, s:I, s:I}", "before_picture",
                                             (json_int_t)g->picture, "lost", (json_int_t)g->lost,
                                             "from_us", (json_int_t)g->from_us, "until_us",
                                             (json_int_t)g->until_us));
    }
    return all;
}

static json_t *timing_json(const struct media_timing *t)
{
    json_t *rates = json_object();
    for (int i = 0; i < MEDIA_N_SOURCES; i++)
        if (t->fps[i] > 0)
            json_object_set_new(rates, media_source_name((enum media_source)i),
                                json_real(t->fps[i]));
    return json_pack("{s:s, s:b, s:o}", "chosen", media_source_name(t->chosen), "disagree",
                     (int)t->disagree, "fps", rates);
}

static json_t *damage_json(const struct media_probe *p)
{
    const struct media_damage *d = &p->damage;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:o}",
                     "damaged", (json_int_t)d->damaged, "affected", (json_int_t)d->affected, "lost",
                     (json_int_t)d->lost, "repeated", (json_int_t)d->repeated, "undecodable_lead",
                     (json_int_t)d->undecodable_lead, "stray_bytes", (json_int_t)d->stray_bytes,
                     "cut_bytes", (json_int_t)d->cut_bytes, "sound_lost", (json_int_t)d->sound_lost,
                     "times_repaired", (json_int_t)d->times_repaired, "damaged_pictures",
                     findings_json(p->damaged, d->damaged), "gaps", (json_int_t)p->gaps,
                     "gaps_by_camera", (json_int_t)p->gaps_by_camera, "first_gaps", gaps_json(p),
                     "decoder_findings", (json_int_t)p->decoder_findings, "decoder",
                     findings_json(p->decoder, p->decoder_findings));
}

static json_t *video_json(const struct media_probe *p)
{
    return json_pack("{s:o, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:b, "
                     "s:b, s:b}",
                     "profile", text(p->profile), "level", p->level / 30.0, "pixels",
                     text(p->pixels), "range", text(p->range), "matrix", text(p->matrix),
                     "pictures", (json_int_t)p->pictures, "key_pictures",
                     (json_int_t)p->key_pictures, "key_interval", (json_int_t)p->key_interval,
                     "first_decodable", (json_int_t)p->first_decodable, "duration_us",
                     (json_int_t)p->duration_us, "nominal_fps", p->nominal_fps, "camera_clock_us",
                     p->has_camera_clock ? json_integer(p->camera_clock_us) : json_null(), "timing",
                     timing_json(&p->timing), "sound",
                     p->sound_records ? json_pack("{s:s, s:I, s:I}", "codec", "G.711 A-law, 8 kHz",
                                                  "records", (json_int_t)p->sound_records,
                                                  "duration_us", (json_int_t)p->sound_us)
                                      : json_null(),
                     "parameter_sets_lent", (int)p->borrowed_sets, "end_unknown",
                     (int)p->end_unknown, "decoded", (int)p->decoded);
}

static const char *container_word(enum media_container container)
{
    return container == MEDIA_PTMF ? "ptmf" : container == MEDIA_ANNEXB ? "annexb" : "jpeg";
}

json_t *probe_json(const char *path, const struct media_probe *p)
{
    bool photo = p->container == MEDIA_JPEG;
    json_t *j =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:i, s:b, s:o}", "path", path, "container",
                  container_word(p->container), "length_bytes", (json_int_t)p->length_bytes,
                  "sha256", p->sha256, "codec", p->codec, "width_px", p->width_px, "height_px",
                  p->height_px, "clean", (int)p->clean, "note", text(p->warning));
    json_t *more = photo ? json_pack("{s:o, s:i, s:b, s:o}", "subsampling", text(p->subsampling),
                                     "orientation", p->orientation, "complete", (int)p->complete,
                                     "damage", text(p->photo_damage))
                         : video_json(p);
    if (j && more && json_object_update_missing(j, more) == 0 && !photo)
        json_object_set_new(j, "damage", damage_json(p));
    json_decref(more);
    return j;
}

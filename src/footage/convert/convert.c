#include "dashspool/convert.h"
#include "check.h"
#include "copies.h"
#include "media/av.h"
#include "media/damage.h"
#include "media/media.h"
#include "media/timing.h"
#include "osd.h"
#include "plan.h"
#include "redact.h"
#include "template.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

static int check_template(const char *value, struct err *err)
{
    struct template t;
    return template_compile(&t, value, err);
}

static const struct cfg_key keys[] = {
    {"copies", CFG_LIST, "working viewing timing csv poster sheet gpx kml geojson srt vtt", 0, 0,
     "working,viewing", "copies to make of a video; timing is included with working and viewing"},
    {"default_fps", CFG_REAL, "pictures/s", 1, 240, "25", "frame rate if no source states one"},
    {"encoder", CFG_TEXT, "FFmpeg's name", 0, 31, "libx264", "FFmpeg encoder for the viewing copy"},
    {"preset", CFG_WORD, "ultrafast superfast veryfast faster fast medium slow slower veryslow", 0,
     0, "superfast", "libx264 preset of the viewing copy"},
    {"crf", CFG_REAL, "0 is lossless", 0, 51, "23.25", "quality (CRF) of the viewing copy"},
    {"threads", CFG_INT, "0 is automatic", 0, 64, "0", "threads of the codecs"},
    {"sound", CFG_WORD, "aac flac", 0, 0, "aac",
     "audio codec of the working copy; flac is lossless"},
    {"check", CFG_BOOL, "yes or no", 0, 0, "no", "fully decode every copy before accepting it"},
    {"timeout", CFG_SPAN, "time; 0: 120 s plus 20 times the duration estimated from the file size",
     0, INT64_C(1000000000), "0", "maximum duration of one conversion; then it is stopped"},
    {"memory_mib", CFG_INT, "MiB", 64, 1048576, "2048", "memory limit of one conversion"},
    {"osd_template", CFG_TEXT, "text with {fields}", 0, 511, "",
     "overlay text; empty: date, time, position, camera, trigger, IMEI", check_template},
    {"osd_position", CFG_WORD, "bottom-left bottom-right top-right", 0, 0, "bottom-left",
     "corner of the overlay"},
    {"osd_size", CFG_REAL, "times", 0, 4, "1", "size of the overlay's text"},
    {"osd_box", CFG_BOOL, "yes or no", 0, 0, "yes", "dark box behind the overlay"},
    {"osd_units", CFG_WORD, "metric imperial", 0, 0, "metric", "units of {speed}"},
    {"note", CFG_TEXT, "text", 0, 127, "", "a line of the overlay, or {note} of a template"},
};

const struct cfg_section convert_cfg_section = {"convert", keys, sizeof keys / sizeof *keys};

static void take_text(const struct cfg *cfg, const char *key, char *out, size_t room)
{
    snprintf(out, room, "%s", cfg_text(cfg, "convert", key));
}

void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out)
{
    *out = (struct convert_options){
        .media.default_fps = cfg_real(cfg, "convert", "default_fps"),
        .crf = cfg_real(cfg, "convert", "crf"),
        .threads = (int)cfg_int(cfg, "convert", "threads"),
        .flac = strcmp(cfg_text(cfg, "convert", "sound"), "flac") == 0,
        .check = cfg_bool(cfg, "convert", "check"),
        .osd_size = cfg_real(cfg, "convert", "osd_size"),
        .osd_box = cfg_bool(cfg, "convert", "osd_box"),
        .osd_imperial = strcmp(cfg_text(cfg, "convert", "osd_units"), "imperial") == 0,
    };
    struct err err;
    int rc = convert_copies_parse(cfg_text(cfg, "convert", "copies"), &out->copies, &err);
    assert(rc == ERR_OK); /* cfg_load() has checked the words */
    (void)rc;
    take_text(cfg, "preset", out->preset, sizeof out->preset);
    take_text(cfg, "encoder", out->encoder, sizeof out->encoder);
    take_text(cfg, "osd_template", out->osd_template, sizeof out->osd_template);
    take_text(cfg, "osd_position", out->osd_position, sizeof out->osd_position);
    take_text(cfg, "note", out->note, sizeof out->note);
}

static void describe_video(const struct media *m, const struct media_facts *facts,
                           struct convert_result *result)
{
    result->width_px = m->width_px;
    result->height_px = m->height_px;
    result->pictures = m->n_pictures - m->first;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        result->key_pictures += m->picture[i].key;
    result->duration_us = m->duration_us;
    result->timing = m->timing;
    result->wall = timing_wall(facts, &m->timing, m->start_us + m->duration_us, m->start_us);
}

static void describe_silence(const struct media *m, struct convert_result *result)
{
    result->silences = m->n_silences;
    for (int64_t i = 0; i < m->n_silences; i++)
        result->silence_us += m->silence[i].until_us - m->silence[i].from_us;
}

static int make_copies(const struct plan *p, struct copy_task *t, struct err *err)
{
    double all = 0, done = 0;
    int rc = ERR_OK;
    for (int i = 0; i < p->n; i++)
        all += p->output[i].maker->weight;
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        const struct plan_output *o = &p->output[i];
        t->path = o->tmp;
        t->moment_us = o->moment_us;
        t->from = done / all;
        done += o->maker->weight;
        t->to = done / all;
        rc = o->maker->make(t, err);
    }
    return rc;
}

/* Opens the master: a video is indexed, a photo only mapped. */
static int open_master(struct media *m, const char *path, const struct media_facts *facts,
                       const struct convert_options *options, struct convert_result *result,
                       struct err *err)
{
    int rc = media_map(m, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(m->map, m->n, &result->container, err);
    if (rc < 0 && result->container == MEDIA_ANNEXB && options->media.params_from[0])
        rc = ERR_OK;
    if (rc < 0 || result->container == MEDIA_JPEG)
        return rc;
    media_close(m);
    rc = media_open(m, path, result->container, facts, &options->media, err);
    if (rc == ERR_OK)
        rc = copy_moments_check(m, options, err);
    return rc < 0 ? rc : redact_media(m, options, err);
}

int convert_warm_up(struct err *err)
{
    av_log_route();
    return osd_warm_up(err);
}

int convert_prepare(const char *path, const char *out_dir, const char *stage_dir, const char *stem,
                    const struct media_facts *facts, const struct convert_options *options,
                    convert_progress_fn *progress, void *arg, struct convert_result *result,
                    struct err *err)
{
    struct media m = {0};
    struct plan plan = {0};
    struct osd_context osd = {0};
    struct copy_task task = {.m = &m,
                             .stem = stem,
                             .facts = facts,
                             .options = options,
                             .osd = &osd,
                             .result = result,
                             .progress = progress,
                             .arg = arg};
    *result = (struct convert_result){0};
    av_log_route();
    int rc = redact_possible(options, err);
    if (rc == ERR_OK)
        rc = open_master(&m, path, facts, options, result, err);
    if (rc == ERR_OK)
        rc = plan_make(&plan, result->container, path, out_dir, stage_dir, stem, options, err);
    if (rc == ERR_OK && result->container != MEDIA_JPEG)
        describe_video(&m, facts, result);
    else if (rc == ERR_OK)
        result->wall = timing_wall(facts, &result->timing, 0, 0);
    if (rc == ERR_OK)
        rc = osd_context_init(&osd, &m, facts, options, err);
    osd.redacted = redact_asked(options, result->container);
    if (rc == ERR_OK)
        rc = make_copies(&plan, &task, err);
    if (rc == ERR_OK)
        rc = check_copies(&plan, &m, options, err);
    plan_describe(&plan, result);
    damage_warn(&m);
    result->sound = rc == ERR_OK && m.n_sounds > 0;
    describe_silence(&m, result);
    result->damage = m.damage;
    snprintf(result->slices_sha256, sizeof result->slices_sha256, "%s", m.slices_sha256);
    snprintf(result->warning, sizeof result->warning, "%s", m.warning);
    plan_clear(&plan);
    osd_context_clear(&osd);
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}

int convert_file(const char *path, const char *out_dir, const char *stem,
                 const struct media_facts *facts, const struct convert_options *options,
                 convert_progress_fn *progress, void *arg, struct convert_result *result,
                 struct err *err)
{
    struct workdir stage;
    int rc = workdir_open(&stage, out_dir, CONVERT_STAGE_PREFIX, err);
    if (rc < 0)
        return err_wrap(err, "%s", path);
    rc = convert_prepare(path, out_dir, stage.path, stem, facts, options, progress, arg, result,
                         err);
    if (rc == ERR_OK &&
        (rc = convert_publish(&stage, out_dir, options->overwrite, result, err)) < 0)
        err_wrap(err, "%s", path);
    workdir_close(&stage);
    return rc;
}

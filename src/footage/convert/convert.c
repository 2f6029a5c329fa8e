#include "dashspool/convert.h"
#include "copies.h"
#include "encode.h"
#include "media/av.h"
#include "media/damage.h"
#include "media/timing.h"
#include "redact.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order in which they are made: the working copy proves the slices, the viewing copy finds
 * out what does not decode, the timing file tells of both. */
static const struct copy_maker {
    enum copy_kind kind;
    double weight; /* of the time that it takes, for the progress */
    copy_fn *make;
} makers[] = {
    {COPY_WORKING, 0.05, copy_working}, {COPY_VIEWING, 1, copy_viewing},
    {COPY_STILL, 0.05, copy_still},     {COPY_GPX, 0.01, copy_place},
    {COPY_KML, 0.01, copy_place},       {COPY_GEOJSON, 0.01, copy_place},
    {COPY_SRT, 0.01, copy_subtitles},   {COPY_VTT, 0.01, copy_subtitles},
    {COPY_POSTER, 0.05, copy_picture},  {COPY_SHEET, 0.2, copy_sheet},
    {COPY_MOMENT, 0.05, copy_picture},  {COPY_TIMING, 0.01, copy_table},
    {COPY_CSV, 0.01, copy_table},
};
enum { N_MAKERS = sizeof makers / sizeof *makers };

/* ---- options ---- */

static int check_template(const char *value, struct err *err)
{
    struct template t;
    return template_compile(&t, value, err);
}

static const struct cfg_key keys[] = {
    {"copies", CFG_LIST, "working viewing timing csv poster sheet gpx kml geojson srt vtt", 0, 0,
     "working,viewing", "copies to make of a video; timing is included with working and viewing"},
    {"default_fps", CFG_REAL, "pictures/s", 1, 240, "25", "frame rate if no source states one"},
    {"encoder", CFG_TEXT, "FFmpeg's name", 0, 31, "libx264", "FFmpeg encoder for the viewing copy",
     encoder_check},
    {"preset", CFG_WORD, "ultrafast superfast veryfast faster fast medium slow slower veryslow", 0,
     0, "superfast", "libx264 preset of the viewing copy"},
    {"crf", CFG_REAL, "0 is lossless", 0, 51, "20.25", "quality (CRF) of the viewing copy"},
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
    {"osd_units", CFG_WORD, "metric imperial", 0, 0, "metric",
     "units of {speed}, and of speeds in reports"},
    {"track_speed_max", CFG_REAL, "km/h", 1, 100000, "300",
     "points of a --track file that are further apart than this allows are left out"},
    {"note", CFG_TEXT, "text", 0, 127, "", "a line of the overlay, or {note} of a template"},
};

const struct cfg_section convert_cfg_section = {"convert", keys, sizeof keys / sizeof *keys};

/* Slower presets look ahead by themselves. superfast does not, though it pays: bits go to what
 * later pictures are built on (macroblock tree). More than this costs more time and bytes than it
 * gives (docs/benchmarks.md). Each recipe has it, as older ones do not. */
#define LOOKAHEAD 10

/* "working,viewing,poster", whose words cfg_load() has checked. With a working or a viewing copy
 * the timing file is always made. */
static unsigned copies_of(const char *text)
{
    unsigned copies = 0;
    for (const char *p = text; *p; p += strspn(p, ",")) {
        char name[16];
        size_t n = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        unsigned kind = copy_kind_of(name);
        assert(kind);
        copies |= kind;
        p += n;
    }
    return copies & (COPY_WORKING | COPY_VIEWING) ? copies | COPY_TIMING : copies;
}

static void take_text(const struct cfg *cfg, const char *key, char *out, size_t room)
{
    snprintf(out, room, "%s", cfg_text(cfg, "convert", key));
}

void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out)
{
    *out = (struct convert_options){
        .media.default_fps = cfg_real(cfg, "convert", "default_fps"),
        .copies = copies_of(cfg_text(cfg, "convert", "copies")),
        .crf = cfg_real(cfg, "convert", "crf"),
        .threads = (int)cfg_int(cfg, "convert", "threads"),
        .flac = strcmp(cfg_text(cfg, "convert", "sound"), "flac") == 0,
        .check = cfg_bool(cfg, "convert", "check"),
        .track_speed_max_kmh = cfg_real(cfg, "convert", "track_speed_max"),
        .osd_size = cfg_real(cfg, "convert", "osd_size"),
        .osd_box = cfg_bool(cfg, "convert", "osd_box"),
        .osd_imperial = strcmp(cfg_text(cfg, "convert", "osd_units"), "imperial") == 0,
    };
    snprintf(out->vectors, sizeof out->vectors, "%s", convert_vectors());
    take_text(cfg, "preset", out->preset, sizeof out->preset);
    if (strcmp(out->preset, "superfast") == 0)
        out->lookahead = LOOKAHEAD;
    take_text(cfg, "encoder", out->encoder, sizeof out->encoder);
    take_text(cfg, "osd_template", out->osd_template, sizeof out->osd_template);
    take_text(cfg, "osd_position", out->osd_position, sizeof out->osd_position);
    take_text(cfg, "note", out->note, sizeof out->note);
}

/*
 * ---- the plan ----
 *
 * Free names in the output directory, files to fill in the stage: convert_publish() gives them
 * their names later, all of them or none.
 */

struct plan_output {
    const struct copy_maker *maker;
    int64_t moment_us;
    char *path, *tmp; /* in the output directory; in the stage */
};

struct plan {
    struct plan_output output[CONVERT_OUTPUTS_MAX];
    int n;
};

static int make_empty(const char *path, struct err *err)
{
    int rc = ERR_OK, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_sys(err, "create %s", path);
    if (fchmod(fd, 0640) < 0)
        rc = err_sys(err, "chmod %s", path);
    close(fd);
    return rc;
}

static int add_output(struct plan *p, const struct copy_maker *maker, int64_t moment_us,
                      const char *input, const char *out_dir, const char *stage_dir,
                      const char *stem, bool redacted, bool overwrite, struct err *err)
{
    char suffix[80];
    if (p->n >= CONVERT_OUTPUTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d outputs", CONVERT_OUTPUTS_MAX);
    struct plan_output *o = &p->output[p->n++];
    o->maker = maker;
    o->moment_us = moment_us;
    /* Names of moments differ by their offset: <stem>.still-12.340s-DERIVED.jpg. */
    char whole[64];
    if (o->maker->kind == COPY_MOMENT)
        snprintf(whole, sizeof whole, "still-%.3fs-DERIVED.jpg", (double)o->moment_us / 1e6);
    else
        snprintf(whole, sizeof whole, "%s", copy_kind_suffix(o->maker->kind));
    const char *derived = strstr(whole, "DERIVED"), *dot = strrchr(whole, '.');
    if (redacted && derived)
        snprintf(suffix, sizeof suffix, "%.*sREDACTED-%s", (int)(derived - whole), whole, derived);
    else if (redacted && dot)
        snprintf(suffix, sizeof suffix, "%.*s-REDACTED%s", (int)(dot - whole), whole, dot);
    else if (redacted)
        snprintf(suffix, sizeof suffix, "REDACTED.%s", whole);
    else
        snprintf(suffix, sizeof suffix, "%s", whole);
    int rc = fsx_path(&o->path, err, "%s/%s.%s", out_dir, stem, suffix);
    if (rc == ERR_OK && strlen(o->path) >= sizeof((struct convert_output *)0)->path)
        rc = err_set(err, ERR_LIMIT, "the path of the copy is too long");
    if (rc == ERR_OK) {
        /* Neither the master nor (unless it may be replaced) anything else is in the way. */
        struct stat in, out;
        if (lstat(o->path, &out) < 0)
            rc = errno == ENOENT ? ERR_OK : err_sys(err, "%s", o->path);
        else if (stat(input, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            rc = err_set(err, ERR_CONFIG, "the copy %s would replace the master", o->path);
        else
            rc = overwrite ? ERR_OK : err_set(err, ERR_BUSY, "%s already exists", o->path);
    }
    if (rc < 0)
        return rc;
    rc = fsx_path(&o->tmp, err, "%s/%s.%s", stage_dir, stem, suffix);
    return rc < 0 ? rc : make_empty(o->tmp, err);
}

/* Moments are named by their milliseconds: of those within one, the first. */
static bool is_first(const struct convert_options *o, int moment)
{
    for (int k = 0; k < moment; k++)
        if (llround((double)o->moment_us[k] / 1e3) == llround((double)o->moment_us[moment] / 1e3))
            return false;
    return true;
}

/* Decides what is made and makes the empty files in the stage. plan_clear() also after a failure.
 */
static int plan_make(struct plan *p, enum media_container container, const char *input,
                     const char *out_dir, const char *stage_dir, const char *stem,
                     const struct convert_options *options, struct err *err)
{
    *p = (struct plan){0};
    bool photo = container == MEDIA_JPEG;
    unsigned copies = photo ? (unsigned)COPY_STILL : options->copies & ~(unsigned)COPY_STILL;
    if (!stem[0] || strchr(stem, '/'))
        return err_set(err, ERR_CONFIG, "'%s' is not a valid copy name", stem);
    if (copies == 0)
        return err_set(err, ERR_CONFIG, "no copies requested");
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < N_MAKERS; i++) {
        const struct copy_maker *maker = &makers[i];
        int n = maker->kind == COPY_MOMENT ? options->n_moments : 1;
        for (int k = 0; rc == ERR_OK && copies & maker->kind && k < n; k++)
            if (maker->kind != COPY_MOMENT || is_first(options, k))
                rc = add_output(p, maker, maker->kind == COPY_MOMENT ? options->moment_us[k] : 0,
                                input, out_dir, stage_dir, stem, redact_asked(options, container),
                                options->overwrite, err);
    }
    return rc;
}

static void plan_clear(struct plan *p)
{
    for (int i = 0; i < p->n; i++) {
        free(p->output[i].tmp);
        free(p->output[i].path);
    }
    *p = (struct plan){0};
}

/* ---- making ---- */

static int make_copies(const struct plan *p, struct copy_task *t, struct err *err)
{
    double all = 0, done = 0;
    int rc = ERR_OK;
    for (int i = 0; i < p->n; i++)
        all += p->output[i].maker->weight;
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        const struct plan_output *o = &p->output[i];
        t->kind = o->maker->kind;
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

/* Reads back all MP4s of the plan. */
static int check_copies(const struct plan *p, struct media *m,
                        const struct convert_options *options, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        enum copy_kind kind = p->output[i].maker->kind;
        if (kind == COPY_WORKING || kind == COPY_VIEWING)
            rc = check_mp4(p->output[i].tmp, kind, m, options->check, err);
    }
    return rc;
}

int convert_prepare(const char *path, const char *out_dir, const char *stage_dir, const char *stem,
                    const struct media_facts *facts, const struct convert_options *options,
                    convert_progress_fn *progress, void *arg, struct convert_result *result,
                    struct err *err)
{
    struct media m = {0};
    struct plan plan = {0};
    struct osd_context osd = {0};
    struct media_facts shown = *facts;
    struct copy_task task = {.m = &m,
                             .stem = stem,
                             .facts = &shown,
                             .options = options,
                             .osd = &osd,
                             .result = result,
                             .progress = progress,
                             .arg = arg};
    *result = (struct convert_result){0};
    redact_facts(&shown, stem, options);
    av_log_route();
    int rc = redact_possible(options, err);
    if (rc == ERR_OK && (rc = open_master(&m, path, facts, options, result, err)) == ERR_OK)
        rc = plan_make(&plan, result->container, path, out_dir, stage_dir, stem, options, err);
    /* The facts are those of the file's first picture. */
    shown.start_utc_us += m.placed_us;
    shown.has_time = shown.has_time && !m.unplaced;
    shown.has_position = shown.has_position && !m.unplaced;
    if (rc == ERR_OK && result->container != MEDIA_JPEG) {
        result->width_px = m.width_px;
        result->height_px = m.height_px;
        media_count(&m, &result->pictures, &result->key_pictures);
        result->duration_us = m.duration_us;
        result->timing = m.timing;
    }
    if (rc == ERR_OK)
        result->wall = media_wall_at(&m, &shown, m.start_us);
    if (rc == ERR_OK)
        rc = osd_context_init(&osd, &m, &shown, options, err);
    if (osd.private_mode) /* the camera's position is the tracker's */
        shown.has_position = false;
    osd.redacted = redact_asked(options, result->container);
    if (rc == ERR_OK && (rc = make_copies(&plan, &task, err)) == ERR_OK)
        rc = check_copies(&plan, &m, options, err);
    /* Names the outputs in result. */
    for (int i = 0; i < plan.n; i++) {
        struct convert_output *out = &result->output[result->n_outputs++];
        out->kind = plan.output[i].maker->kind;
        snprintf(out->path, sizeof out->path, "%s", plan.output[i].path);
    }
    for (int i = 0; rc == ERR_OK && i < options->n_masks; i++)
        result->covered[i] =
            result->container == MEDIA_JPEG ? 1 : redact_covered(&m, &options->mask[i]);
    if (result->container != MEDIA_JPEG) /* a photo's tells where */
        damage_warn(&m);
    result->sound = rc == ERR_OK && m.n_sounds > 0;
    result->silences = m.n_silences;
    for (int64_t i = 0; i < m.n_silences; i++)
        result->silence_us += m.silence[i].until_us - m.silence[i].from_us;
    for (int64_t i = 0; i < m.n_holes; i++) {
        if (m.hole[i].recording) /* the warning tells of those: nobody knows how long they are */
            continue;
        result->gaps++;
        result->gaps_by_camera += m.hole[i].lost == 0;
        result->gap_us += m.hole[i].until_us - m.hole[i].from_us;
    }
    result->damage = m.damage;
    snprintf(result->slices_sha256, sizeof result->slices_sha256, "%s", m.slices_sha256);
    snprintf(result->warning, sizeof result->warning, "%s", m.warning);
    plan_clear(&plan);
    osd_context_clear(&osd);
    media_close(&m);
    if (rc < 0 && options->media.recording > 0)
        err_wrap(err, "recording %d", options->media.recording);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}

/* ---- naming ---- */

/* Whoever wrote the stage is not trusted: only a plain file with one name counts. */
static int describe_output(const char *path, struct convert_output *o, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct stat st;
    int rc = ERR_OK, fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    if (fstat(fd, &st) < 0)
        rc = err_sys(err, "%s", path);
    else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size == 0)
        rc = err_set(err, ERR_IO, "%s is not the file that was to be made", path);
    else if (fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", path);
    close(fd);
    if (rc == ERR_OK)
        rc = hash_file(path, digest, err);
    if (rc < 0)
        return rc;
    o->length_bytes = st.st_size;
    hash_hex(digest, o->sha256);
    return ERR_OK;
}

int convert_publish(const struct workdir *stage, const char *out_dir, bool overwrite,
                    struct convert_result *result, struct err *err)
{
    char *from[CONVERT_OUTPUTS_MAX] = {NULL};
    int rc = ERR_OK, visible = 0;
    for (int i = 0; rc == ERR_OK && i < result->n_outputs; i++) {
        struct convert_output *o = &result->output[i];
        rc = fsx_path(&from[i], err, "%s%s", stage->path, strrchr(o->path, '/'));
        if (rc == ERR_OK)
            rc = describe_output(from[i], o, err);
    }
    for (; rc == ERR_OK && visible < result->n_outputs; visible += rc == ERR_OK) {
        const char *to = result->output[visible].path;
        if (!overwrite)
            rc = fsx_rename_new(from[visible], to, err);
        else if (rename(from[visible], to) < 0)
            rc = err_sys(err, "rename to %s", to);
    }
    if (rc == ERR_OK)
        rc = fsx_sync_dir(out_dir, err);
    for (int i = 0; rc < 0 && i < visible; i++)
        unlink(result->output[i].path);
    for (int i = 0; i < result->n_outputs; i++)
        free(from[i]);
    return rc;
}

/* ---- both, in one process ---- */

int convert_warm_up(struct err *err)
{
    av_log_route();
    return osd_warm_up(err);
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

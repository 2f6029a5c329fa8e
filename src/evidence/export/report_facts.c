/* What the catalogue knows of the transfers of a package, and their copies say, as a report. */
#include "report_facts.h"
#include "dashspool/bag.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/recipe.h"
#include "dashspool/report.h"
#include "dashspool/seal.h"
#include "dashspool/text.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMING_BYTES_MAX ((size_t)64 << 20)

enum { COPIES_MAX = 32, CLOCKS_MAX = MEDIA_N_SOURCES + 1 /* the camera's message */ };

/* What is told of a copy; its settings, which are long, are not kept. */
struct kept {
    char kind[16], path[512], sha256[HASH_HEX_ROOM], tool[64];
    int64_t length_bytes;
    char name[BAG_NAME_ROOM]; /* in the package */
    char purpose[80], how[300];
};

/* Where in the file of pictures it is. */
struct kept_picture {
    FILE *in;
    int64_t at, n_bytes; /* 0: there is none */
};

/* All that a clip's facts borrow. */
struct told {
    struct catalogue_transfer t;
    char master[256];
    struct kept *copy[COPIES_MAX];
    struct report_derived derived[COPIES_MAX];
    int n_copies;
    bool examined;
    struct recipe_settings settings; /* of the copy that says most, if there is one */
    struct report_clock clock[CLOCKS_MAX];
    char clock_value[MEDIA_N_SOURCES][40], dispute[MEDIA_DISPUTE_ROOM];
    size_t n_clocks;
    struct report_arrival arrival;
    char damage[400], cut_why[96];
    struct report_stretch *stretch;
    size_t n_stretches;
    bool has_sound, redacted, no_position;
    bool private_mode; /* then t has no position, either */
    char vehicle[EXPORT_VEHICLE_ROOM];
    char told_why[FACTS_TOLD_BY_ROOM + 80]; /* "": no person told its time */
    const struct bag *has;
    struct kept_picture picture;
    const char *picture_what;
    struct told_journey journey;
};

struct report_facts {
    struct told **told;
    size_t n, room;
    FILE *pictures; /* one behind the other, and records of trackers */
    int64_t pictures_bytes;
    const struct bag *has;
    const char *families; /* journey_families() */
};

/* ---- copies, and the picture ---- */

static const struct {
    enum copy_kind kind;
    const char *purpose, *behind; /* between them, what its text tells of; NULL: it has none */
} kinds[] = {
    {COPY_WORKING, "the original's coded frames, unchanged, as a playable video"},
    {COPY_VIEWING, "for viewing in any player"},
    {COPY_STILL, "the photo, with ", " burned in"},
    {COPY_POSTER, "one frame of the video"},
    {COPY_SHEET, "contact sheet: an overview of the video"},
    {COPY_TIMING, "the time of every frame"},
    {COPY_CSV, "the time of every frame, as a table"},
    {COPY_GPX, "the position, for maps"},
    {COPY_KML, "the position, for maps"},
    {COPY_GEOJSON, "the position, for maps"},
    {COPY_SRT, "", " as subtitles"},
    {COPY_VTT, "", " as subtitles"},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static bool is_kind(const char *name, enum copy_kind kind)
{
    return strcmp(name, copy_kind_name(kind)) == 0;
}

/* Where it stands in the table; N_KINDS: it is a later kind. */
static size_t kind_at(const char *kind)
{
    size_t i = 0;
    while (i < N_KINDS && !is_kind(kind, kinds[i].kind))
        i++;
    return i;
}

/* In words: what is known, and hidden neither here nor by the settings' template. */
static const char *text_of_what(const struct told *t, const struct recipe_settings *made)
{
    bool known = t->t.known & CATALOGUE_POSITION_OK || made->track_sha256[0];
    bool place = known && !t->no_position;
    return made->own_overlay                   ? "text"
           : !(t->t.known & CATALOGUE_TIME_OK) ? (place ? "position" : "text")
           : place                             ? "clock and position"
                                               : "the clock";
}

static int keep_copy(struct told *t, const struct catalogue_copy *copy, struct err *err)
{
    int i = t->n_copies;
    if (i == COPIES_MAX)
        return err_set(err, ERR_LIMIT, "%s has more than %d copies", t->t.id, COPIES_MAX);
    struct kept *kept = t->copy[i] = calloc(1, sizeof *kept);
    if (!kept)
        return err_nomem(err, "a report");
    t->n_copies++;
    size_t k = kind_at(copy->kind);
    snprintf(kept->kind, sizeof kept->kind, "%s", copy->kind);
    snprintf(kept->path, sizeof kept->path, "%s", copy->path);
    snprintf(kept->sha256, sizeof kept->sha256, "%s", copy->sha256);
    snprintf(kept->tool, sizeof kept->tool, "%s", copy->tool);
    kept->length_bytes = copy->length_bytes;
    if (!bag_copy_name(kept->name, copy->kind, copy->path))
        return err_set(err, ERR_LIMIT, "the name of %s is too long", copy->path);
    /* The command that makes it again, and what its bytes depend on. */
    struct recipe_settings made;
    recipe_settings_read(&made, copy->settings);
    if (is_kind(copy->kind, COPY_VIEWING) && made.libavcodec[0] && made.crf[0] && made.x264[0])
        snprintf(kept->how, sizeof kept->how,
                 "convert --copies viewing; %s, preset %s, crf %s; libavcodec %s, x264 %s",
                 made.encoder, made.preset, made.crf, made.libavcodec, made.x264);
    else if (is_kind(copy->kind, COPY_STILL) && made.libjpeg_turbo[0])
        snprintf(kept->how, sizeof kept->how, "convert; libjpeg-turbo %s", made.libjpeg_turbo);
    else if (made.libavcodec[0])
        snprintf(kept->how, sizeof kept->how, "convert --copies %s; libavcodec %s", copy->kind,
                 made.libavcodec);
    if (k < N_KINDS && kinds[k].behind)
        snprintf(kept->purpose, sizeof kept->purpose, "%s%s%s", kinds[k].purpose,
                 text_of_what(t, &made), kinds[k].behind);
    else
        snprintf(kept->purpose, sizeof kept->purpose, "%s", k < N_KINDS ? kinds[k].purpose : "");
    t->derived[i] = (struct report_derived){.name = kept->name,
                                            .purpose = kept->purpose,
                                            .tool = kept->tool,
                                            .settings = kept->how,
                                            .sha256 = kept->sha256,
                                            .length_bytes = kept->length_bytes};
    return ERR_OK;
}

static int add_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct told *t = arg;
    char name[BAG_NAME_ROOM];
    if (!catalogue_copy_is_current(&t->t, copy))
        return ERR_OK;
    if (t->has && !t->redacted &&
        (!bag_copy_name(name, copy->kind, copy->path) || !bag_find(t->has, name)))
        return ERR_OK;                                     /* left out as it was found */
    if (!t->examined || is_kind(copy->kind, COPY_WORKING)) /* it tells of sound, too */
        t->examined = recipe_settings_read(&t->settings, copy->settings);
    t->has_sound = t->has_sound || t->settings.sound[0];
    return t->redacted ? ERR_OK : keep_copy(t, copy, err);
}

/* What is hidden is not told of, either: not where it was broken. */
static void forget_sound(struct told *t)
{
    int kept = 0;
    for (int i = 0; i < t->settings.n_damage; i++)
        if (!strstr(t->settings.damage[i].name, "sound"))
            t->settings.damage[kept++] = t->settings.damage[i];
    t->settings.n_damage = kept;
    t->has_sound = false;
}

static int keep_picture(struct report_facts *s, struct told *t, const char *path, const char *what,
                        struct err *err)
{
    struct buf jpeg;
    buf_init(&jpeg, REPORT_PICTURE_BYTES_MAX);
    int rc = fsx_read_file(path, &jpeg, err);
    if (rc == ERR_OK && fwrite(buf_data(&jpeg), 1, jpeg.used, s->pictures) != jpeg.used)
        rc = err_sys(err, "write the pictures of the report");
    if (rc == ERR_OK) {
        t->picture = (struct kept_picture){s->pictures, s->pictures_bytes, (int64_t)jpeg.used};
        t->picture_what = what;
        s->pictures_bytes += (int64_t)jpeg.used;
    }
    buf_clear(&jpeg);
    return rc;
}

/* A path by which the i-th can be read: of a redacted package they are below root, which is no
 * ROOT. */
static int file_of_copy(const struct told *t, int i, const char *root, char **out, struct err *err)
{
    const struct kept *kept = t->copy[i];
    struct catalogue_copy copy = {.length_bytes = kept->length_bytes};
    if (t->redacted)
        return fsx_path(out, err, "%s/%s", root, kept->path);
    snprintf(copy.kind, sizeof copy.kind, "%s", kept->kind);
    snprintf(copy.path, sizeof copy.path, "%s", kept->path);
    snprintf(copy.sha256, sizeof copy.sha256, "%s", kept->sha256);
    return copies_file(out, root, &copy, err);
}

static int take_picture(struct report_facts *s, struct told *t, const char *root, struct err *err)
{
    static const enum copy_kind wanted[] = {COPY_POSTER, COPY_STILL};
    for (size_t k = 0; k < 2 && t->picture.n_bytes == 0; k++)
        for (int i = 0; i < t->n_copies && t->picture.n_bytes == 0; i++) {
            char *path = NULL;
            if (!is_kind(t->copy[i]->kind, wanted[k]) ||
                t->copy[i]->length_bytes > (int64_t)REPORT_PICTURE_BYTES_MAX)
                continue;
            int rc = file_of_copy(t, i, root, &path, err);
            if (rc == ERR_OK)
                rc = keep_picture(s, t, path, k == 0 ? "One frame of the video" : "The photo", err);
            free(path);
            if (rc < 0)
                return rc;
        }
    return ERR_OK;
}

static int load_picture(void *from, struct buf *out, struct err *err)
{
    const struct kept_picture *p = from;
    size_t n = (size_t)p->n_bytes;
    uint8_t *at = buf_reserve(out, n, err);
    if (!at)
        return err->code;
    if (fseeko(p->in, p->at, SEEK_SET) < 0 || (fread(at, 1, n, p->in) < n && ferror(p->in)))
        return err_sys(err, "read a picture of the report");
    if (feof(p->in))
        return err_set(err, ERR_IO, "a picture of the report is cut short");
    buf_commit(out, n);
    return ERR_OK;
}

/* ---- what is wrong, and where ---- */

static const enum report_flaw flaws[] = {
    [RECIPE_DAMAGED] = REPORT_DAMAGED,
    [RECIPE_MISSING] = REPORT_MISSING,
    [RECIPE_SILENCE] = REPORT_SILENCE,
    [RECIPE_CUT] = REPORT_CUT,
};

static const char *const causes[] = {
    [RECIPE_CORRUPT] = "corrupt, or dependent on corrupt or missing frames",
    [RECIPE_SOMEWHERE] = "at places not known; see the numbers below",
    [RECIPE_NOT_RECORDED] = "dropped by the camera itself",
    [RECIPE_NOT_RECEIVED] = "recorded, but not received",
    [RECIPE_BETWEEN] = "another recording begins; what is between them was not recorded",
    [RECIPE_UNDECODABLE] = "at the start, cannot be decoded without what came before; left out",
    [RECIPE_NO_SOUND] = "sound missing; silence was inserted in the copies",
};

static int tell_damage(struct told *t, const struct recipe_timing *timing, struct err *err)
{
    t->stretch = calloc(timing->n_stretches + 1, sizeof *t->stretch);
    if (!t->stretch)
        return err_nomem(err, "a report");
    for (size_t i = 0; i < timing->n_stretches; i++) {
        const struct recipe_stretch *s = &timing->stretch[i];
        bool cut = s->cause == RECIPE_UNFINISHED;
        if (cut)
            snprintf(t->cut_why, sizeof t->cut_why,
                     "%lld %s of an unfinished record or frame %s at its end",
                     SIZE_COUNT(s->n, "byte", "bytes"), s->n == 1 ? "is" : "are");
        t->stretch[t->n_stretches++] =
            (struct report_stretch){flaws[s->flaw], s->from_us, s->until_us, cut ? 0 : s->n,
                                    cut ? t->cut_why : causes[s->cause]};
    }
    size_t used =
        (size_t)snprintf(t->damage, sizeof t->damage, "Examined when its copies were made");
    for (int i = 0; i < t->settings.n_damage && used + 60 < sizeof t->damage; i++)
        used += (size_t)snprintf(t->damage + used, sizeof t->damage - used, "; %.30s: %lld",
                                 t->settings.damage[i].name, (long long)t->settings.damage[i].n);
    return ERR_OK;
}

static int find_damage(struct told *t, const char *root, struct err *err)
{
    struct recipe_timing timing = {.n = 0};
    struct buf text;
    int rc = ERR_OK;
    buf_init(&text, TIMING_BYTES_MAX);
    for (int i = 0; rc == ERR_OK && i < t->n_copies; i++) {
        char *path = NULL;
        if (!is_kind(t->copy[i]->kind, COPY_TIMING) || text.used > 0)
            continue;
        if ((rc = file_of_copy(t, i, root, &path, err)) == ERR_OK)
            rc = fsx_read_file(path, &text, err);
        free(path);
    }
    if (rc == ERR_OK)
        rc = recipe_timing_read(&timing, (const char *)buf_data(&text), text.used, &t->settings,
                                err);
    if (rc == ERR_OK)
        rc = tell_damage(t, &timing, err);
    recipe_timing_clear(&timing);
    buf_clear(&text);
    return rc;
}

/* ---- times: who said what ---- */

static struct report_time start_of(const struct told *t)
{
    double error_s = t->settings.wall_error_s;
    struct report_time time = {.known = t->t.known & CATALOGUE_TIME_OK,
                               .utc_us = t->t.time_us,
                               .has_zone = t->t.known & CATALOGUE_ZONE_OK,
                               .tz_min = t->t.tz_min,
                               .has_error = error_s > 0,
                               .error_us = (int64_t)(error_s * 1e6)};
    return time;
}

static const char *start_why(const struct told *t)
{
    return t->told_why[0]                      ? t->told_why
           : !(t->t.known & CATALOGUE_TIME_OK) ? "the camera's metadata contains no plausible time"
           : t->settings.has_wall              ? t->settings.wall_why
           : t->t.known & CATALOGUE_TIME_NAMED ? "from the file name"
                                               : "from the camera's metadata";
}

/* A redacted one names nobody. */
static int tell_person(struct told *t, struct catalogue *c, struct err *err)
{
    char by[FACTS_TOLD_BY_ROOM] = "a person";
    bool named = t->t.known & CATALOGUE_TIME_NAMED;
    if (t->t.known & CATALOGUE_HAS_META || !(t->t.known & CATALOGUE_ZONE_OK))
        return ERR_OK;
    int rc = t->redacted ? ERR_OK : facts_told_by(c, &t->t, by, err);
    snprintf(t->told_why, sizeof t->told_why, "%s as told by %s on import",
             named ? "from the file name, in the time zone" : "time", by);
    return rc;
}

static void add_clocks(struct told *t)
{
    const struct recipe_settings *s = &t->settings;
    media_timing_dispute(&s->rate, t->dispute);
    if (t->t.known & CATALOGUE_HAS_META)
        t->clock[t->n_clocks++] = (struct report_clock){
            .name = "camera metadata",
            .time = {.known = t->t.known & CATALOGUE_TIME_OK,
                     .utc_us = t->t.time_us,
                     .has_zone = t->t.known & CATALOGUE_ZONE_OK,
                     .tz_min = t->t.tz_min},
            .value = "",
            .note =
                strcmp(t->t.kind, "photo") == 0 ? "time of the photo" : "start of the recording",
            .chosen = t->t.known & CATALOGUE_TIME_OK};
    for (int k = 0; k < MEDIA_N_SOURCES && s->timing[0]; k++) {
        enum media_source source = (enum media_source)k;
        if (s->rate.fps[k] <= 0)
            continue;
        bool chosen = source == s->rate.chosen;
        snprintf(t->clock_value[k], sizeof t->clock_value[k], "%.6g frames per second",
                 s->rate.fps[k]);
        t->clock[t->n_clocks++] = (struct report_clock){
            .name = media_source_name(source),
            .value = t->clock_value[k],
            .note = chosen ? t->dispute : "",
            .chosen = chosen,
            .disagrees = chosen ? s->rate.disagree : media_timing_contradicts(&s->rate, source)};
    }
}

/* ---- how it came ---- */

static int add_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    struct told *t = arg;
    struct report_arrival *r = &t->arrival;
    (void)err;
    if (!r->known)
        r->began_us = a->began_us;
    r->known = true;
    r->ended_us = a->ended_us;
    r->connections++;
    r->packets += a->packets;
    r->bad_frames += a->crc_errors;
    return ERR_OK;
}

static void describe_arrival(struct told *t)
{
    struct report_arrival *r = &t->arrival;
    r->peer = t->t.peer;
    r->resumed = r->connections > 1 ? r->connections - 1 : 0;
    r->partial = t->t.state != CATALOGUE_STORED;
}

/* ---- transfers ---- */

int report_facts_new(struct report_facts **out, const char *dir, const struct bag *has,
                     const char *families, struct err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_nomem(err, "a report");
    (*out)->has = has;
    (*out)->families = families;
    int rc = fsx_scratch(&(*out)->pictures, dir, err);
    if (rc < 0)
        report_facts_free(out);
    return rc;
}

static void told_free(struct told *t)
{
    for (int i = 0; i < t->n_copies; i++)
        free(t->copy[i]);
    free(t->stretch);
    free(t);
}

void report_facts_free(struct report_facts **s)
{
    if (!*s)
        return;
    for (size_t i = 0; i < (*s)->n; i++)
        told_free((*s)->told[i]);
    free((*s)->told);
    if ((*s)->pictures)
        fclose((*s)->pictures);
    free(*s);
    *s = NULL;
}

int report_facts_add(struct report_facts *s, struct catalogue *c, const char *root,
                     const struct catalogue_transfer *t, const char *master,
                     const struct report_facts_redacted *redacted, struct err *err)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct told **more = realloc(s->told, room * sizeof *more);
        if (!more)
            return err_nomem(err, "a report");
        s->told = more;
        s->room = room;
    }
    struct told *told = calloc(1, sizeof *told);
    if (!told)
        return err_nomem(err, "a report");
    s->told[s->n++] = told;
    told->t = *t;
    snprintf(told->master, sizeof told->master, "%s", master);
    told->redacted = redacted != NULL;
    told->has = s->has;
    int rc = journey_hides(c, t, &told->private_mode, err);
    if (rc == ERR_OK) /* of one whose IMEI is hidden nobody knows it */
        rc = export_vehicle(c, t->imei, told->vehicle, err);
    if (rc == ERR_OK)
        rc = tell_person(told, c, err);
    if (told->private_mode)
        told->t.known &= ~(unsigned)CATALOGUE_POSITION_OK;
    if (rc == ERR_OK)
        rc = catalogue_copy_each(c, t->key, add_copy, told, err);
    for (int i = 0; rc == ERR_OK && redacted && i < redacted->n; i++)
        rc = keep_copy(told, &redacted->copy[i], err);
    if (redacted) {
        told->no_position = redacted->no_position;
        if (redacted->no_sound)
            forget_sound(told);
    }
    if (rc == ERR_OK &&
        (rc = catalogue_arrival_each(c, t->key, add_arrival, told, err)) == ERR_OK &&
        (rc = take_picture(s, told, root, err)) == ERR_OK)
        rc = find_damage(told, root, err);
    if (rc == ERR_OK && !told->no_position && (!redacted || redacted->with_position))
        rc = told_journey_gather(&told->journey, c, t, s->families, s->pictures, &s->pictures_bytes,
                                 err);
    describe_arrival(told);
    add_clocks(told);
    return rc;
}

/* ---- the page ---- */

/* Until its last picture, if that is known better than by its metadata. */
static struct report_journey journey_of(const struct told *t, bool imperial)
{
    struct report_journey j = t->journey.told;
    int64_t length_us = (int64_t)(t->settings.duration_s * 1e6);
    if (length_us > 0 && length_us < INT64_C(1000000) * INT_MAX)
        j.until_us = j.from_us + length_us;
    j.imperial = imperial;
    return j;
}

static void fill_clip(struct told *t, bool imperial, struct report_clip *out)
{
    const struct catalogue_transfer *r = &t->t;
    const struct recipe_settings *s = &t->settings;
    double fps = s->rate.fps[s->rate.chosen];
    static const char *const partial[] = {"Partial transfer: only the beginning was received."};
    *out = (struct report_clip){
        .id = r->id,
        .name = t->master,
        .camera = r->camera,
        .imei = strcmp(r->imei, CATALOGUE_IMEI_UNKNOWN) == 0 ? "" : r->imei,
        .vehicle = t->vehicle,
        .kind = strcmp(r->kind, "photo") == 0 ? REPORT_PHOTO : REPORT_VIDEO,
        .start = start_of(t),
        .start_why = start_why(t),
        .trigger = r->trigger_name,
        .has_trigger_time = r->known & CATALOGUE_TRIGGER_TIME_OK,
        .trigger_offset_us = r->trigger_time_us - r->time_us,
        .duration_us = (int64_t)(s->duration_s * 1e6),
        .pictures = s->pictures,
        .fps_milli = (int64_t)(fps * 1000 + 0.5),
        .rate_why = s->timing,
        .length_bytes = r->length_bytes,
        .sha256 = r->sha256,
        .has_position = r->known & CATALOGUE_POSITION_OK,
        .lat_deg = r->lat_deg,
        .lon_deg = r->lon_deg,
        .position_why = t->no_position    ? "hidden in this package"
                        : t->private_mode ? "Its driver was in private mode: it is hidden."
                        : r->known & CATALOGUE_POSITION_OK
                            ? "camera metadata: one position for the whole recording"
                            : "The camera's metadata contains no plausible position (no GPS fix).",
        .journey = journey_of(t, imperial),
        .picture = {.what = t->picture_what,
                    .load = t->picture.n_bytes ? load_picture : NULL,
                    .from = &t->picture},
        .clock = t->clock,
        .n_clocks = t->n_clocks,
        .has_sound = t->has_sound,
        .examined = t->examined,
        .examined_why = t->examined   ? t->damage
                        : t->n_copies ? "its copies were made for this package only"
                                      : "no copies were made",
        .stretch = t->stretch,
        .n_stretches = t->n_stretches,
        .arrival = t->arrival,
        .derived = t->derived,
        .n_derived = (size_t)t->n_copies,
        .unknown = partial,
        .n_unknown = r->state != CATALOGUE_STORED,
    };
}

static const struct report_file files[] = {
    {BAG_REPORT_HTML, "this report, for a browser"},
    {BAG_REPORT_PDF, "this report, to print"},
    {BAG_VIEWING, "videos that any player can show"},
    {BAG_MASTER, "the original files, exactly as received"},
    {BAG_CUSTODY, "custody record: what happened to each since receipt"},
    {BAG_README, "what this package is, and how to verify it"},
    {BAG_PAGE, "a page that verifies this package in a browser, on any computer"},
};

static const struct report_file redacted_files[] = {
    {BAG_VIEWING, "redacted videos that any player can show"},
    {BAG_CUSTODY, "custody record: what happened to each recording since receipt"},
    {BAG_README, "what this package is, what is redacted, and how to verify it"},
    {BAG_PAGE, "a page that verifies this package in a browser, on any computer"},
};

static const struct report_check checks[] = {
    {"All files are unchanged", "sha256sum -c manifest-sha256.txt", "every line ends in OK"},
    {"The lists are unchanged", "sha256sum -c tagmanifest-sha256.txt", "every line ends in OK"},
    {"Both, on Windows (in PowerShell)",
     "foreach ($m in 'manifest-sha256.txt', 'tagmanifest-sha256.txt') {\n"
     "  Get-Content $m | ForEach-Object { $hash, $name = $_ -split '  ', 2\n"
     "    if ((Get-FileHash -LiteralPath $name).Hash -ne $hash) { \"WRONG: $name\" } } }",
     "nothing is printed"},
};

/* Texts one behind the other, each with its NUL, as a list; the caller frees it. */
static const char **list_texts(const struct buf *texts, size_t *n)
{
    const char *all = (const char *)buf_data(texts);
    size_t i = 0;
    *n = 0;
    for (size_t at = 0; at < texts->used; at++)
        *n += all[at] == '\0';
    const char **list = calloc(*n + 1, sizeof *list);
    for (size_t at = 0; list && at < texts->used; at += strlen(all + at) + 1)
        list[i++] = all + at;
    return list;
}

int report_facts_report(struct report_facts *s, const struct export_request *request,
                        const char *redaction, const struct buf *differences,
                        enum report_facts_form form, FILE *out, struct err *err)
{
    struct report r = {.author = request->who,
                       .title = request->title,
                       .reference = request->case_number,
                       .recipient = request->recipient,
                       .tool = "dashspool " DASHSPOOL_VERSION,
                       .made = {.known = true, .utc_us = request->at_us},
                       .redacted = redaction != NULL,
                       .redaction = redaction,
                       .file = redaction ? redacted_files : files,
                       .n_files = redaction ? sizeof redacted_files / sizeof *redacted_files
                                            : sizeof files / sizeof *files,
                       .check = checks,
                       .n_checks = sizeof checks / sizeof *checks,
                       .n_clips = s->n};
    struct seal_signer signer;
    char how[HASH_HEX_ROOM + 80];
    if (request->sign_key) {
        int rc = seal_cert_describe(&signer, request->sign_cert, err);
        if (rc < 0)
            return rc;
        snprintf(how, sizeof how, "CMS (RFC 5652); the certificate's SHA-256 is %s",
                 signer.fingerprint);
        r.signature =
            (struct report_signature){.is_signed = true, .who = signer.subject, .how = how};
    }
    if (fflush(s->pictures) != 0)
        return err_sys(err, "write the pictures of the report");
    struct report_clip *clips = calloc(s->n ? s->n : 1, sizeof *clips);
    const char **difference = list_texts(differences, &r.n_differences);
    if (!clips || !difference) {
        free(clips);
        free(difference);
        return err_nomem(err, "a report");
    }
    r.difference = difference;
    bool imperial =
        request->cfg && strcmp(cfg_text(request->cfg, "convert", "osd_units"), "imperial") == 0;
    for (size_t i = 0; i < s->n; i++)
        fill_clip(s->told[i], imperial, &clips[i]);
    r.clip = clips;
    int rc = form == REPORT_FACTS_PDF ? report_pdf(out, &r, err) : report_html(out, &r, err);
    free(clips);
    free(difference);
    return rc;
}

/* The copies of a transfer, and its picture. */
#include "dashspool/fsx.h"
#include "report_facts_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *kind, *purpose;
    bool tells_only; /* neither pictures nor sound are in it */
} kinds[] = {
    {"working", "the original's coded frames, unchanged, as a playable video"},
    {"viewing", "for viewing in any player"},
    {"still", "the photo, with clock and position burned in"},
    {"poster", "one frame of the video"},
    {"sheet", "contact sheet: an overview of the video"},
    {"timing", "the time of every frame", true},
    {"csv", "the time of every frame, as a table", true},
    {"gpx", "the position, for maps", true},
    {"kml", "the position, for maps", true},
    {"geojson", "the position, for maps", true},
    {"srt", "clock and position as subtitles", true},
    {"vtt", "clock and position as subtitles", true},
};

bool report_facts_shows(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return !kinds[i].tells_only;
    return true; /* who knows what a later kind is */
}

static const char *purpose_of(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].purpose;
    return "";
}

/* The command that makes it again, and what its bytes depend on, by its recipe (recipe.h). */
static void describe_how(const struct catalogue_copy *copy, char *out, size_t room)
{
    json_t *settings = json_loads(copy->settings, 0, NULL);
    json_t *recipe = json_object_get(settings, "recipe");
    json_t *options = json_object_get(recipe, "options"),
           *libraries = json_object_get(recipe, "libraries");
    const char *avcodec = json_string_value(json_object_get(libraries, "libavcodec")),
               *x264 = json_string_value(json_object_get(libraries, "x264")),
               *jpeg = json_string_value(json_object_get(libraries, "libjpeg-turbo")),
               *encoder = NULL, *preset = NULL, *crf = NULL;
    bool viewing = strcmp(copy->kind, "viewing") == 0;
    json_unpack(options, "{s:s, s:s, s:s}", "encoder", &encoder, "preset", &preset, "crf", &crf);
    out[0] = '\0';
    if (avcodec && viewing && encoder && preset && crf && x264)
        snprintf(out, room,
                 "convert --copies viewing; %.40s, preset %.20s, crf %.20s; libavcodec %.40s, x264 "
                 "%.40s",
                 encoder, preset, crf, avcodec, x264);
    else if (jpeg && strcmp(copy->kind, "still") == 0)
        snprintf(out, room, "convert; libjpeg-turbo %.40s", jpeg);
    else if (avcodec)
        snprintf(out, room, "convert --copies %s; libavcodec %.40s", copy->kind, avcodec);
    json_decref(settings);
}

static int keep_copy(struct told *t, const struct catalogue_copy *copy, struct err *err)
{
    int i = t->n_copies;
    if (i == COPIES_MAX)
        return err_set(err, ERR_LIMIT, "%s has more than %d copies", t->t.id, COPIES_MAX);
    struct kept *kept = t->copy[i] = calloc(1, sizeof *kept);
    if (!kept)
        return err_set(err, ERR_NOMEM, "no memory for a report");
    t->n_copies++;
    snprintf(kept->kind, sizeof kept->kind, "%s", copy->kind);
    snprintf(kept->path, sizeof kept->path, "%s", copy->path);
    snprintf(kept->sha256, sizeof kept->sha256, "%s", copy->sha256);
    snprintf(kept->tool, sizeof kept->tool, "%s", copy->tool);
    kept->length_bytes = copy->length_bytes;
    if (!bag_copy_name(kept->name, copy->kind, copy->path))
        return err_set(err, ERR_LIMIT, "the name of %s is too long", copy->path);
    describe_how(copy, kept->how, sizeof kept->how);
    t->derived[i] = (struct report_derived){.name = kept->name,
                                            .purpose = purpose_of(kept->kind),
                                            .tool = kept->tool,
                                            .settings = kept->how,
                                            .sha256 = kept->sha256,
                                            .length_bytes = kept->length_bytes};
    return ERR_OK;
}

int report_facts_add_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct told *t = arg;
    bool redacted = !t->master[0];
    if (!catalogue_copy_is_current(&t->t, copy))
        return ERR_OK;
    if (!t->settings || strcmp(copy->kind, "working") == 0) { /* it tells of sound, too */
        json_decref(t->settings);
        t->settings = json_loads(copy->settings, 0, NULL);
    }
    t->has_sound = t->has_sound || json_object_get(t->settings, "sound");
    return redacted && report_facts_shows(copy->kind) ? ERR_OK : keep_copy(t, copy, err);
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
        t->picture =
            (struct report_facts_picture){s->pictures, s->pictures_bytes, (int64_t)jpeg.used};
        t->picture_what = what;
        s->pictures_bytes += (int64_t)jpeg.used;
    }
    buf_clear(&jpeg);
    return rc;
}

int report_facts_take_picture(struct report_facts *s, struct told *t, const char *root,
                              struct err *err)
{
    static const char *const wanted[] = {"poster", "still"};
    for (size_t k = 0; k < 2 && t->picture.n_bytes == 0; k++)
        for (int i = 0; i < t->n_copies && t->picture.n_bytes == 0; i++) {
            char *path = NULL;
            if (strcmp(t->copy[i]->kind, wanted[k]) != 0 ||
                t->copy[i]->length_bytes > (int64_t)REPORT_PICTURE_BYTES_MAX)
                continue;
            int rc = fsx_path(&path, err, "%s/%s", root, t->copy[i]->path);
            if (rc == ERR_OK)
                rc = keep_picture(s, t, path, k == 0 ? "One frame of the video" : "The photo", err);
            free(path);
            if (rc < 0)
                return rc;
        }
    return ERR_OK;
}

int report_facts_load_picture(void *from, struct buf *out, struct err *err)
{
    const struct report_facts_picture *p = from;
    size_t n = (size_t)p->n_bytes;
    uint8_t *at = buf_reserve(out, n, err);
    if (!at)
        return err->code;
    while (n > 0) {
        ssize_t got = pread(fileno(p->in), at, n, p->at + (p->n_bytes - (int64_t)n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? err_sys(err, "read a picture of the report")
                           : err_set(err, ERR_IO, "a picture of the report is cut short");
        at += got;
        n -= (size_t)got;
    }
    buf_commit(out, (size_t)p->n_bytes);
    return ERR_OK;
}

int report_facts_redacted(struct report_facts *s, const struct catalogue_copy *copy,
                          const char *path, bool no_sound, struct err *err)
{
    struct told *t = s->told[s->n - 1];
    bool poster = strcmp(copy->kind, "poster") == 0;
    int rc = keep_copy(t, copy, err);
    t->has_sound = t->has_sound && !no_sound;
    if (rc < 0 || t->picture.n_bytes > 0 ||
        copy->length_bytes > (int64_t)REPORT_PICTURE_BYTES_MAX ||
        (!poster && strcmp(copy->kind, "still") != 0))
        return rc;
    return keep_picture(s, t, path, poster ? "One frame of the video" : "The photo", err);
}

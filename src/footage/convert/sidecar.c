/* Files of text beside the copies: where the clip was, and the overlay as subtitles. */
#include "copies.h"
#include "dashspool/buf.h"
#include "dashspool/text.h"
#include "media/timing.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * ---- their text ----
 *
 * Put together and written whole. An error sticks: the calls behind it do nothing, and
 * side_file_write() returns it.
 */

#define SIDE_FILE_BYTES_MAX ((size_t)512 * 1024 * 1024) /* a million pictures, a cue each */

struct side_file {
    struct buf text;
    int rc;
    struct err *err;
};

static struct side_file side_file_init(struct err *err)
{
    struct side_file f = {.rc = ERR_OK, .err = err};
    buf_init(&f.text, SIDE_FILE_BYTES_MAX);
    return f;
}

static void side_file_append(struct side_file *f, const char *text, size_t n)
{
    if (f->rc == ERR_OK && n > 0)
        f->rc = buf_append(&f->text, text, n, f->err);
}

static void side_file_add(struct side_file *f, const char *text)
{
    side_file_append(f, text, strlen(text));
}

/* Less than 512 bytes. */
DS_PRINTF(2, 3)
static void side_file_print(struct side_file *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    side_file_add(f, text);
}

static void side_file_escaped(struct side_file *f, const char *text)
{
    for (size_t taken, n; *text; text += taken) {
        const char *shown = text_xml(text, &taken, &n);
        side_file_append(f, shown, n);
    }
}

/* Into the file at path, which exists and is empty; frees the text. */
static int side_file_write(struct side_file *f, const char *path)
{
    int fd = f->rc == ERR_OK ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (f->rc == ERR_OK && fd < 0)
        f->rc = err_sys(f->err, "open %s", path);
    if (f->rc == ERR_OK)
        f->rc = fsx_write_all(fd, buf_data(&f->text), f->text.used, f->err);
    if (fd >= 0 && close(fd) < 0 && f->rc == ERR_OK)
        f->rc = err_sys(f->err, "close %s", path);
    buf_clear(&f->text);
    return f->rc;
}

/*
 * ---- where the clip was: GPX, KML and GeoJSON ----
 *
 * The camera's own position is one point; a track is cut to the clip's time.
 */

/* GPX, KML or GeoJSON, as the task says. */
int copy_place(const struct copy_task *t, struct err *err)
{
    const struct osd_context *c = t->osd;
    char id[256] = "", camera[64] = "";
    struct side_file f = side_file_init(err);
    struct track *part = NULL;
    const enum track_format format = t->kind == COPY_GPX   ? TRACK_GPX
                                     : t->kind == COPY_KML ? TRACK_KML
                                                           : TRACK_GEOJSON;
    osd_text_plain(id, sizeof id, t->facts->id[0] ? t->facts->id : t->stem);
    osd_text_plain(camera, sizeof camera, t->facts->camera);
    struct track_label label = {.id = id,
                                .camera = camera,
                                .source = c->tracker ? "tracker" : "external track",
                                .has_time = media_wall_known(t->m, t->facts, c->start_us),
                                .utc_us = t->facts->start_utc_us + c->start_us,
                                .own_source = OSD_OWN_SOURCE};
    label.has_own = osd_context_own_position(c, &label.own_lat_deg, &label.own_lon_deg);
    int64_t end_us = c->wall_lost && c->wall_lost_us < c->end_us ? c->wall_lost_us - 1 : c->end_us;
    if (c->track && label.has_time)
        f.rc = track_cut(&part, c->track, t->facts->start_utc_us + c->start_us,
                         t->facts->start_utc_us + end_us, err);
    bool any = label.has_own;
    for (size_t i = 0; part && i < part->n; i++)
        any = any || part->point[i].valid;
    if (!any)
        media_warn(t->m, "no position is known: the %s file has none",
                   t->kind == COPY_GPX   ? "GPX"
                   : t->kind == COPY_KML ? "KML"
                                         : "GeoJSON");
    if (f.rc == ERR_OK)
        f.rc = track_write(part, &label, format, &f.text, err);
    track_free(&part);
    copy_progress(t, 1, 1);
    return side_file_write(&f, t->path);
}

/*
 * ---- the overlay's text as subtitles: SubRip and WebVTT (W3C, "WebVTT: The Web Video Text Tracks
 * Format") ----
 *
 * A cue lasts until the text, with its times in whole seconds, is another.
 */

struct cue {
    int64_t from_us; /* since the first picture kept */
    int64_t picture; /* {picture} is the cue's first one and does not end it */
    char line[OSD_LINES][OSD_LINE_ROOM];
};

struct subtitles {
    const struct copy_task *t;
    bool vtt;
    struct side_file file;
    int64_t n;
    struct cue cue; /* not written yet */
};

static void put_time(struct subtitles *s, int64_t us)
{
    int64_t ms = us / 1000;
    side_file_print(&s->file, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000, (int)(ms / 60000 % 60),
                    (int)(ms / 1000 % 60), s->vtt ? '.' : ',', (int)(ms % 1000));
}

/* SubRip has no escapes, and players take <…> and {\…} for commands: other brackets stand in. */
static void put_line(struct subtitles *s, const char *line)
{
    static const char from[] = "<>{}\\";
    static const char *const to[] = {"‹", "›", "(", ")", "/"};
    if (s->vtt) {
        side_file_escaped(&s->file, line);
        return;
    }
    for (; *line; line++) {
        const char *special = strchr(from, *line);
        side_file_print(&s->file, "%.*s", special ? 8 : 1, special ? to[special - from] : line);
    }
}

/* An empty line would end the cue: it is left out. */
static void put_cue(struct subtitles *s, int64_t until_us)
{
    if (until_us / 1000 <= s->cue.from_us / 1000)
        return;
    side_file_print(&s->file, "%" PRId64 "\n", ++s->n);
    put_time(s, s->cue.from_us);
    side_file_add(&s->file, " --> ");
    put_time(s, until_us);
    side_file_add(&s->file, "\n");
    for (int i = 0; i < OSD_LINES; i++) {
        if (!s->cue.line[i][0])
            continue;
        put_line(s, s->cue.line[i]);
        side_file_add(&s->file, "\n");
    }
    side_file_add(&s->file, "\n");
}

static int64_t second_of(int64_t us)
{
    return us / 1000000 - (us % 1000000 < 0);
}

/* Is one of the clocks in the text in another second than at the picture before? Without one, it
 * is the time since the start that ticks. */
static bool ticks(const struct osd_context *c, int64_t before_us, int64_t now_us)
{
    const struct media_facts *f = c->facts;
    int64_t start = f->has_time ? f->start_utc_us : -c->start_us;
    int64_t trigger = f->has_trigger_time ? start - f->trigger_utc_us : start;
    return second_of(start + before_us) != second_of(start + now_us) ||
           second_of(trigger + before_us) != second_of(trigger + now_us);
}

static void make_cues(struct subtitles *s, const int64_t *time_us, int64_t n)
{
    const struct media *m = s->t->m;
    for (int64_t i = 0; i < n && s->file.rc == ERR_OK; i++) {
        if (i > 0 && !ticks(s->t->osd, time_us[i - 1], time_us[i]))
            continue;
        struct cue now = {.from_us = time_us[i] - m->start_us, .picture = i};
        osd_text_second(s->t->osd, time_us[i], s->cue.picture, "", now.line);
        bool same = i > 0;
        for (int k = 0; k < OSD_LINES; k++)
            same = same && strcmp(now.line[k], s->cue.line[k]) == 0;
        if (same)
            continue;
        if (i > 0)
            put_cue(s, now.from_us);
        osd_text_second(s->t->osd, time_us[i], i, "", now.line);
        s->cue = now;
    }
    if (n > 0)
        put_cue(s, m->duration_us);
}

int copy_subtitles(const struct copy_task *t, struct err *err)
{
    const struct media *m = t->m;
    struct subtitles s = {.t = t, .vtt = t->kind == COPY_VTT, .file = side_file_init(err)};
    int64_t n = m->n_pictures - m->first;
    int64_t *time_us = malloc(n > 0 ? (size_t)n * sizeof *time_us : 1);
    if (!time_us)
        return err_nomem(err, "subtitles");
    for (int64_t i = 0; i < n; i++)
        time_us[i] = m->picture[m->first + i].time_us;
    if (n > 0)
        qsort(time_us, (size_t)n, sizeof *time_us, timing_by_value);
    if (s.vtt)
        side_file_add(&s.file, "WEBVTT\n\n");
    make_cues(&s, time_us, n);
    free(time_us);
    copy_progress(t, 1, 1);
    return side_file_write(&s.file, t->path);
}

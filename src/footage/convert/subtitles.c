/* The overlay's text as subtitles: SubRip and WebVTT (W3C, "WebVTT: The Web Video Text Tracks
 * Format"). A cue lasts until the text, with its times in whole seconds, is another. */
#include "copies.h"
#include "side_file.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

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

/* Is one of the clocks in the text in another second than at the picture before? */
static bool ticks(const struct media_facts *f, int64_t before_us, int64_t now_us)
{
    int64_t start = f->has_time ? f->start_utc_us : 0;
    int64_t trigger = f->has_trigger_time ? start - f->trigger_utc_us : start;
    return second_of(start + before_us) != second_of(start + now_us) ||
           second_of(trigger + before_us) != second_of(trigger + now_us);
}

static void make_cues(struct subtitles *s, const int64_t *time_us, int64_t n)
{
    const struct media *m = s->t->m;
    for (int64_t i = 0; i < n && s->file.rc == ERR_OK; i++) {
        if (i > 0 && !ticks(s->t->facts, time_us[i - 1], time_us[i]))
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

static int make(const struct copy_task *t, bool vtt, struct err *err)
{
    const struct media *m = t->m;
    struct subtitles s = {.t = t, .vtt = vtt, .file = side_file_init(err)};
    int64_t n = m->n_pictures - m->first;
    int64_t *time_us = malloc(n > 0 ? (size_t)n * sizeof *time_us : 1);
    if (!time_us)
        return err_set(err, ERR_NOMEM, "no memory for subtitles");
    for (int64_t i = 0; i < n; i++)
        time_us[i] = m->picture[m->first + i].time_us;
    if (n > 0)
        qsort(time_us, (size_t)n, sizeof *time_us, by_value);
    if (vtt)
        side_file_add(&s.file, "WEBVTT\n\n");
    make_cues(&s, time_us, n);
    free(time_us);
    copy_progress(t, 1, 1);
    return side_file_write(&s.file, t->path);
}

int copy_srt(const struct copy_task *t, struct err *err)
{
    return make(t, false, err);
}

int copy_vtt(const struct copy_task *t, struct err *err)
{
    return make(t, true, err);
}

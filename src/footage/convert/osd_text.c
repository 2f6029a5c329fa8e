/* The words of the overlay: what is known of a clip, the template, and both for one picture. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "osd.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void osd_text_plain(char *out, size_t room, const char *text)
{
    size_t used = strlen(out);
    while (*text) {
        uint32_t c = 0;
        size_t n = utf8_next(text, 4, &c);
        if (used + (n ? n : 1) >= room)
            break;
        if (n == 0 || text_hidden(c))
            out[used++] = '?';
        else
            for (size_t i = 0; i < n; i++)
                out[used++] = text[i];
        text += n ? n : 1;
    }
    out[used] = '\0';
}

/* ---- the template ---- */

static const char *const names[TEMPLATE_N_FIELDS] = {
    [TEMPLATE_DATE] = "date",       [TEMPLATE_TIME] = "time",       [TEMPLATE_ZONE] = "zone",
    [TEMPLATE_LAT] = "lat",         [TEMPLATE_LON] = "lon",         [TEMPLATE_CAMERA] = "camera",
    [TEMPLATE_IMEI] = "imei",       [TEMPLATE_TRIGGER] = "trigger", [TEMPLATE_T_MINUS] = "t_minus",
    [TEMPLATE_PICTURE] = "picture", [TEMPLATE_SPEED] = "speed",     [TEMPLATE_NOTE] = "note",
    [TEMPLATE_ID] = "id",           [TEMPLATE_COURSE] = "course",   [TEMPLATE_VEHICLE] = "vehicle",
};

struct compiler {
    struct template *t;
    const char *text, *p;
    int line, used;
    bool open; /* the last part is a literal of this line, without its end */
};

static int bad(const struct compiler *c, struct err *err, const char *why)
{
    int position = 1;
    for (const char *q = c->text; q < c->p; q++)
        position += ((unsigned char)*q & 0xc0) != 0x80;
    return err_set(err, ERR_CONFIG, "osd_template, position %d: %s", position, why);
}

static void end_literal(struct compiler *c)
{
    if (c->open)
        c->t->text[c->used++] = '\0';
    c->open = false;
}

static void add_part(struct compiler *c, int field)
{
    end_literal(c);
    c->t->part[c->t->n++] = (struct template_part){field, c->line, c->used};
}

static int add_line(struct compiler *c, size_t bytes, struct err *err)
{
    end_literal(c);
    if (++c->line >= OSD_LINES)
        return bad(c, err, "a line too many; four are possible");
    c->p += bytes;
    return ERR_OK;
}

static int compile_one(struct compiler *c, struct err *err)
{
    const char *p = c->p;
    if (p[0] == '\\' && p[1] == 'n')
        return add_line(c, 2, err);
    if (p[0] == '\n')
        return add_line(c, 1, err);
    if (p[0] == '\r' && p[1] == '\n')
        return add_line(c, 2, err);
    if (p[0] == '{' && p[1] != '{') {
        size_t n = strcspn(c->p + 1, "{}\r\n");
        if (c->p[1 + n] != '}')
            return bad(c, err, "'{' is not closed; a literal brace is written '{{'");
        for (int i = 0; i < TEMPLATE_N_FIELDS; i++)
            if (strlen(names[i]) == n && strncmp(names[i], c->p + 1, n) == 0) {
                add_part(c, i);
                c->p += n + 2;
                return ERR_OK;
            }
        char why[256];
        snprintf(why, sizeof why,
                 "there is no field '{%.*s}'; there are date time zone lat lon camera imei vehicle "
                 "trigger t_minus picture speed course note id",
                 n < 40 ? (int)n : 40, c->p + 1);
        return bad(c, err, why);
    }
    if (p[0] == '}' && p[1] != '}')
        return bad(c, err, "'}' without '{'; a literal brace is written '}}'");
    char byte = p[0];
    if (!c->open)
        add_part(c, -1);
    c->open = true;
    c->t->text[c->used++] = byte;
    c->p += p[0] == '{' || p[0] == '}' ? 2 : 1;
    return ERR_OK;
}

int template_compile(struct template *out, const char *text, struct err *err)
{
    struct compiler c = {.t = out, .text = text, .p = text};
    *out = (struct template){0};
    if (strlen(text) > TEMPLATE_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "osd_template: longer than %d bytes", TEMPLATE_BYTES_MAX);
    while (*c.p) {
        int rc = compile_one(&c, err);
        if (rc < 0)
            return rc;
    }
    end_literal(&c);
    return ERR_OK;
}

void template_format(const struct template *t, const char *const value[TEMPLATE_N_FIELDS],
                     char out[OSD_LINES][OSD_LINE_ROOM])
{
    for (int i = 0; i < OSD_LINES; i++)
        out[i][0] = '\0';
    for (int i = 0; i < t->n; i++) {
        const struct template_part *p = &t->part[i];
        const char *text = p->field < 0 ? t->text + p->from : value[p->field];
        osd_text_plain(out[p->line], OSD_LINE_ROOM, text);
    }
}

/* ---- what is known of the clip ---- */

bool osd_context_own_position(const struct osd_context *c, double *lat_deg, double *lon_deg)
{
    const struct media_facts *f = c->facts;
    if (!f->has_position || !(fabs(f->lat_deg) <= 90) || !(fabs(f->lon_deg) <= 180))
        return false;
    *lat_deg = f->lat_deg;
    *lon_deg = f->lon_deg;
    return true;
}

/* The facts tell of it: it is in the recording that they are about. */
static bool told_of(const struct osd_context *c, int64_t offset_us)
{
    return !(c->wall_lost && offset_us >= c->wall_lost_us);
}

static bool timed(const struct osd_context *c, int64_t offset_us)
{
    return c->facts->has_time && told_of(c, offset_us);
}

static enum track_state state_at(const struct osd_context *c, int64_t offset_us,
                                 struct track_point *out)
{
    return c->track && timed(c, offset_us)
               ? track_at(c->track, c->facts->start_utc_us + offset_us, out)
               : TRACK_NO_DATA;
}

struct osd_place osd_place_at(const struct osd_context *c, int64_t offset_us)
{
    struct osd_place p = {.point = TRACK_POINT_NONE, .source = ""};
    p.state = state_at(c, offset_us, &p.point);
    if (p.state != TRACK_NO_DATA || (c->track && c->track->source == TRACK_TRACKER))
        p.source = c->tracker ? "tracker" : "track";
    else if (told_of(c, offset_us) &&
             osd_context_own_position(c, &p.point.lat_deg, &p.point.lon_deg)) {
        p.state = TRACK_HERE;
        p.source = OSD_OWN_SOURCE;
    }
    return p;
}

/* A second at a time (a long clip: in 100000 steps), and at the end. */
static void judge_cover(struct osd_context *c, bool *some, bool *whole)
{
    struct track_point unused;
    *some = false;
    *whole = true;
    int64_t step_us = (c->end_us - c->start_us) / 100000;
    step_us = step_us > 1000000 ? step_us : 1000000;
    for (int64_t at = c->start_us;; at += step_us) {
        bool last = at >= c->end_us;
        enum track_state here = state_at(c, last ? c->end_us : at, &unused);
        *some = *some || here != TRACK_NO_DATA;
        *whole = *whole && here != TRACK_NO_DATA;
        c->placed = c->placed || here == TRACK_HERE;
        c->private_mode = c->private_mode || here == TRACK_PRIVATE;
        if (last)
            break;
    }
    for (size_t i = 0; i < c->track->n; i++) { /* also what is shorter than a step */
        int64_t at_us = c->track->point[i].utc_us - c->facts->start_utc_us;
        if (c->facts->has_time && at_us >= c->start_us && at_us <= c->end_us)
            c->private_mode = c->private_mode || isnan(c->track->point[i].lat_deg);
    }
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The bytes that are hashed are those that are read. */
static int read_track(struct osd_context *c, struct err *err)
{
    const struct convert_options *o = c->options;
    const struct media_facts *f = c->facts;
    struct track_use use = {.has_time = f->has_time,
                            .from_us = f->start_utc_us + c->start_us,
                            .to_us = f->start_utc_us + c->end_us,
                            .speed_max_kmh = o->track_speed_max_kmh > 0 ? o->track_speed_max_kmh
                                                                        : TRACK_SPEED_MAX};
    struct buf b;
    struct stat st;
    snprintf(use.name, sizeof use.name, "%s", o->track_name);
    if (!o->track_path[0])
        return err_set(err, ERR_CONFIG, "the tracker's track, SHA-256 %.16s…, is not there",
                       o->track_sha256);
    /* of a directory a sandbox says only that it cannot be opened, and a pipe may say nothing */
    if (stat(o->track_path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, ERR_UNSUPPORTED, "%s is not a file", o->track_path);
    buf_init(&b, TRACK_BYTES_MAX);
    int rc = fsx_read_file(o->track_path, &b, err);
    if (rc == ERR_OK)
        rc = hash_text((const char *)buf_data(&b), b.used, c->track_sha256, err);
    if (rc == ERR_OK && c->tracker && strcmp(c->track_sha256, o->track_sha256) != 0)
        rc =
            err_set(err, ERR_MALFORMED, "%s is not the tracker's track: SHA-256 %.16s…, not %.16s…",
                    o->track_path, c->track_sha256, o->track_sha256);
    if (rc == ERR_OK)
        rc = track_parse(&c->track, c->tracker ? o->track_path : base_of(o->track_path),
                         (const char *)buf_data(&b), b.used, &use, err);
    if (rc == ERR_OK && c->tracker && c->track->source != TRACK_TRACKER)
        rc = err_set(err, ERR_MALFORMED, "%s is not of a tracker", o->track_path);
    buf_clear(&b);
    return rc;
}

/* It is told, and no longer there. */
DS_PRINTF(3, 4)
static void drop_track(struct osd_context *c, struct media *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->no_track, sizeof c->no_track, fmt, ap);
    va_end(ap);
    media_warn(m, "%s", c->no_track);
    track_free(&c->track);
}

static void drop_uncovering(struct osd_context *c, struct media *m, const char *name)
{
    const struct track *t = c->track;
    char from[CLOCK_TEXT_ROOM], until[CLOCK_TEXT_ROOM];
    if (c->tracker || t->n == 0) {
        drop_track(c, m, "%s is not used: it does not cover the time of the clip", name);
        return;
    }
    clock_rfc3339(t->point[0].utc_us, 0, from);
    clock_rfc3339(t->point[t->n - 1].utc_us, 0, until);
    int64_t begin_us = c->facts->start_utc_us + c->start_us;
    if (t->point[0].utc_us <= begin_us && t->point[t->n - 1].utc_us >= begin_us)
        drop_track(
            c, m, "%s is not used: it does not cover the time of the clip, which is in a gap of it",
            name);
    else if (t->n_tracks > 1)
        drop_track(c, m, "%s is not used: none of its %d tracks covers the time of the clip", name,
                   t->n_tracks);
    else
        drop_track(c, m,
                   "%s is not used: it does not cover the time of the clip, it tells of %s to %s",
                   name, from, until);
}

/* A person's file is an extra: if it cannot be used the copies are made all the same, without. Only
 * which of several vehicles it is nobody else can say. */
static int open_track(struct osd_context *c, struct media *m, struct err *err)
{
    const struct convert_options *o = c->options;
    char name[80], notes[TRACK_NOTES_ROOM];
    bool some, whole;
    c->tracker = o->track_sha256[0];
    snprintf(name, sizeof name, "the track %.60s", base_of(o->track_path));
    if (c->tracker)
        snprintf(name, sizeof name, "the tracker's track");
    int rc = c->facts->has_time || c->tracker ? read_track(c, err) : ERR_OK;
    if (rc < 0 && !c->tracker && rc != ERR_NOMEM && rc != ERR_CONFIG) {
        drop_track(c, m, "the track is not used: %s", err->text);
        return ERR_OK;
    }
    if (rc < 0)
        return err_wrap(err, c->tracker || rc != ERR_CONFIG
                                 ? "track"
                                 : "track: say with --track-name which one is meant");
    if (!c->facts->has_time) {
        drop_track(c, m, "%s is not used: the time of the clip is unknown", name);
        return ERR_OK;
    }
    judge_cover(c, &some, &whole);
    if (some && !whole)
        media_warn(m, "%s does not cover the whole clip", name);
    if (track_notes(c->track, notes)[0])
        media_warn(m, "%s: %s", name, notes);
    if (!some)
        drop_uncovering(c, m, name);
    return ERR_OK;
}

int osd_context_init(struct osd_context *c, struct media *m, const struct media_facts *facts,
                     const struct convert_options *options, struct err *err)
{
    *c = (struct osd_context){.facts = facts, .options = options};
    c->is_video = m->n_pictures > 0;
    /* A photo has no pictures here: all is at its one time. */
    c->start_us = c->end_us = m->start_us;
    c->wall_lost = m->wall_lost;
    c->wall_lost_us = m->wall_lost_us;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        if (m->picture[i].time_us > c->end_us)
            c->end_us = m->picture[i].time_us;
    int rc = template_compile(&c->template, options->osd_template, err);
    if (rc == ERR_OK && (options->track_path[0] || options->track_sha256[0]) &&
        !(options->hide & CONVERT_HIDE_POSITION))
        rc = open_track(c, m, err);
    return rc;
}

void osd_context_clear(struct osd_context *c)
{
    track_free(&c->track);
}

/* ---- one picture ---- */

#define VALUE_ROOM 160
#define UNKNOWN    "–" /* in a person's template, where there is no room for more */

/* What is to be said of one picture; "" is unknown. */
struct words {
    char date[VALUE_ROOM], time[VALUE_ROOM], zone[VALUE_ROOM];
    char lat[VALUE_ROOM], lon[VALUE_ROOM], speed[VALUE_ROOM], t_minus[VALUE_ROOM];
    char picture[VALUE_ROOM], course[VALUE_ROOM];
    char since_start[VALUE_ROOM]; /* "0:12.34 from the start  frame 310"; of a video */
    const char *mark, *none; /* whose the position is, if not the camera's; why there is none */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void say_time(struct words *w, const struct osd_context *x, int64_t offset_us, bool seconds)
{
    const struct media_facts *f = x->facts;
    char zone[CLOCK_TEXT_ROOM] = "Z";
    if (!timed(x, offset_us))
        return;
    int tz_min = f->has_zone ? f->tz_min : 0;
    struct clock_civil c = clock_civil_from_utc(f->start_utc_us + offset_us, tz_min);
    if (f->has_zone)
        clock_zone(tz_min, zone);
    snprintf(w->date, sizeof w->date, "%04d-%02d-%02d", c.year, c.month, c.day);
    int n = snprintf(w->time, sizeof w->time, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    if (!seconds && n > 0)
        snprintf(w->time + n, sizeof w->time - (size_t)n, ".%d", c.us / 100000);
    snprintf(w->zone, sizeof w->zone, "%s", zone);
}

/* Before the trigger it says a little more, behind it a little less: both are cut toward the past.
 */
static void say_trigger_time(struct words *w, const struct osd_context *c, int64_t offset_us,
                             bool seconds)
{
    const struct media_facts *f = c->facts;
    if (!timed(c, offset_us) || !f->has_trigger_time)
        return;
    int64_t hundredths = floor_div(f->start_utc_us + offset_us - f->trigger_utc_us, 10000);
    if (seconds)
        hundredths = floor_div(hundredths, 100) * 100;
    char sign = hundredths < 0 ? '-' : '+';
    hundredths = hundredths < 0 ? -hundredths : hundredths;
    if (seconds)
        snprintf(w->t_minus, sizeof w->t_minus, "T%c%02" PRId64 " s", sign, hundredths / 100);
    else
        snprintf(w->t_minus, sizeof w->t_minus, "T%c%02" PRId64 ".%02" PRId64 " s", sign,
                 hundredths / 100, hundredths % 100);
}

/* What a player's own clock shows, and which picture it is: stands in for a clock that is not
 * known. */
static void say_since_start(struct words *w, const struct osd_context *c, int64_t offset_us,
                            int64_t picture, bool seconds)
{
    int64_t hundredths = floor_div(offset_us - c->start_us, 10000);
    int n = snprintf(w->since_start, sizeof w->since_start, "%" PRId64 ":%02" PRId64,
                     hundredths / 6000, hundredths / 100 % 60);
    if (!seconds && n > 0)
        n += snprintf(w->since_start + n, sizeof w->since_start - (size_t)n, ".%02" PRId64,
                      hundredths % 100);
    snprintf(w->since_start + n, sizeof w->since_start - (size_t)n,
             " from the start  frame %" PRId64, picture + 1);
}

static void say_place(struct words *w, const struct osd_context *c, int64_t offset_us)
{
    struct osd_place place = osd_place_at(c, offset_us);
    struct track_point p = place.point;
    w->mark = strcmp(place.source, OSD_OWN_SOURCE) == 0 ? "" : place.source;
    w->none = place.source[0] ? track_state_name(place.state) : "";
    if (place.state != TRACK_HERE)
        return;
    snprintf(w->lat, sizeof w->lat, "%.5f° %c", fabs(p.lat_deg), p.lat_deg < 0 ? 'S' : 'N');
    snprintf(w->lon, sizeof w->lon, "%.5f° %c", fabs(p.lon_deg), p.lon_deg < 0 ? 'W' : 'E');
    if (!isnan(p.speed_ms))
        snprintf(w->speed, sizeof w->speed, "%.0f %s",
                 p.speed_ms * (c->options->osd_imperial ? 3600 / 1609.344 : 3.6),
                 c->options->osd_imperial ? "mph" : "km/h");
    if (!isnan(p.course_deg))
        snprintf(w->course, sizeof w->course, "%d°", (int)lround(p.course_deg) % 360);
}

static void add_word(char *out, const char *prefix, const char *word)
{
    if (!word[0])
        return;
    if (out[0])
        osd_text_plain(out, OSD_LINE_ROOM, "  ");
    osd_text_plain(out, OSD_LINE_ROOM, prefix);
    osd_text_plain(out, OSD_LINE_ROOM, word);
}

static const char *or_unknown(const char *text)
{
    return text[0] ? text : UNKNOWN;
}

static bool hides(const struct osd_context *c, enum convert_hide what)
{
    return c->options->hide & what;
}

static void fill_in(struct words *w, const struct osd_context *c,
                    char out[OSD_LINES][OSD_LINE_ROOM])
{
    const struct media_facts *f = c->facts;
    /* The mark stands once: behind the position, or what else is of it. What is said instead of a
     * position stands once, too. */
    bool has[TEMPLATE_N_FIELDS] = {false};
    for (int i = 0; i < c->template.n; i++)
        if (c->template.part[i].field >= 0)
            has[c->template.part[i].field] = true;
    char *last = has[TEMPLATE_LON]     ? w->lon
                 : has[TEMPLATE_LAT]   ? w->lat
                 : has[TEMPLATE_SPEED] ? w->speed
                                       : w->course;
    if (w->none[0]) {
        snprintf(last, VALUE_ROOM, "%s", w->none);
        if (last == w->lon && has[TEMPLATE_LAT])
            snprintf(w->lat, sizeof w->lat, " ");
    }
    if (w->mark[0]) {
        if (!last[0])
            osd_text_plain(last, VALUE_ROOM, UNKNOWN);
        osd_text_plain(last, VALUE_ROOM, "  ");
        osd_text_plain(last, VALUE_ROOM, w->mark);
    }
    const char *const value[TEMPLATE_N_FIELDS] = {
        [TEMPLATE_DATE] = or_unknown(w->date),       [TEMPLATE_TIME] = or_unknown(w->time),
        [TEMPLATE_ZONE] = or_unknown(w->zone),       [TEMPLATE_LAT] = or_unknown(w->lat),
        [TEMPLATE_LON] = or_unknown(w->lon),         [TEMPLATE_CAMERA] = or_unknown(f->camera),
        [TEMPLATE_IMEI] = or_unknown(f->imei),       [TEMPLATE_TRIGGER] = or_unknown(f->trigger),
        [TEMPLATE_T_MINUS] = or_unknown(w->t_minus), [TEMPLATE_PICTURE] = w->picture,
        [TEMPLATE_SPEED] = or_unknown(w->speed),     [TEMPLATE_NOTE] = or_unknown(c->options->note),
        [TEMPLATE_ID] = or_unknown(f->id),           [TEMPLATE_COURSE] = or_unknown(w->course),
        [TEMPLATE_VEHICLE] = or_unknown(f->vehicle),
    };
    template_format(&c->template, value, out);
}

static void say(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                bool seconds, char out[OSD_LINES][OSD_LINE_ROOM])
{
    struct words w = {.mark = "", .none = ""};
    for (int i = 0; i < OSD_LINES; i++)
        out[i][0] = '\0';
    say_time(&w, c, offset_us, seconds);
    say_trigger_time(&w, c, offset_us, seconds);
    say_place(&w, c, offset_us);
    snprintf(w.picture, sizeof w.picture, "%" PRId64, picture + 1);
    if (c->is_video && !c->facts->has_time)
        say_since_start(&w, c, offset_us, picture, seconds);
    if (c->options->osd_template[0])
        fill_in(&w, c, out);
    else {
        const struct media_facts *f = c->facts;
        /* That nothing is known of where and of whom need not be said in every picture; that one
         * thing is not known, where others are, must. */
        bool bare = w.since_start[0] && !w.lat[0] && !w.none[0] && !f->imei[0] && !f->camera[0];
        add_word(out[0], "", w.since_start[0] ? w.since_start : "time unknown");
        if (w.date[0])
            snprintf(out[0], OSD_LINE_ROOM, "%s %s %s", w.date, w.time, w.zone);
        add_word(out[0], "",
                 w.lat[0]                          ? w.lat
                 : hides(c, CONVERT_HIDE_POSITION) ? "position hidden"
                 : w.none[0]                       ? w.none
                 : bare                            ? ""
                                                   : "position unknown");
        add_word(out[0], "", w.lon);
        add_word(out[0], "", w.mark);
        add_word(out[1], "", f->camera);
        add_word(out[1], "", f->trigger);
        add_word(out[1], "IMEI ",
                 f->imei[0]                    ? f->imei
                 : hides(c, CONVERT_HIDE_IMEI) ? "hidden"
                 : bare                        ? ""
                                               : "unknown");
        add_word(out[1], "", what);
        add_word(out[1], "", w.t_minus);
        add_word(out[1], "", w.speed[0] ? w.speed : c->track ? "speed unknown" : "");
        add_word(out[1], "course ", w.course);
        add_word(out[2], "", c->options->note);
    }
}

const char *osd_mark_of(const struct media *m, int64_t index)
{
    enum media_state state = m->picture[index].state;
    return state == MEDIA_GOOD      ? ""
           : state == MEDIA_DAMAGED ? "DAMAGED PICTURE"
           : index < m->whole       ? "BUILT ON MISSING PICTURES"
                                    : "BUILT ON A DAMAGED PICTURE";
}

const char *osd_text_of_what(const struct osd_context *c)
{
    double lat, lon;
    bool own = c->options->osd_template[0], clock = !own, place = !own;
    for (int i = 0; own && i < c->template.n; i++) {
        int field = c->template.part[i].field;
        clock = clock || field == TEMPLATE_DATE || field == TEMPLATE_TIME;
        place = place || field == TEMPLATE_LAT || field == TEMPLATE_LON;
    }
    clock = clock && c->facts->has_time;
    place = place && (c->placed || osd_context_own_position(c, &lat, &lon));
    return clock && place ? "clock and position" : clock ? "clock" : place ? "position" : "text";
}

void osd_text_at(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                 char out[OSD_LINES][OSD_LINE_ROOM])
{
    char first[OSD_LINE_ROOM];
    say(c, offset_us, picture, what, false, out);
    if (!c->redacted)
        return;
    memcpy(first, out[0], sizeof first);
    snprintf(out[0], OSD_LINE_ROOM, "REDACTED");
    add_word(out[0], "", first);
}

void osd_text_second(const struct osd_context *c, int64_t offset_us, int64_t picture,
                     const char *what, char out[OSD_LINES][OSD_LINE_ROOM])
{
    say(c, offset_us, picture, what, true, out);
}

/* timing_file: <stem>.timing.json and .csv, written as they go, the same bytes for the same input
 * wherever they are made: numbers are integers with a point put in. */
#include "copies.h"
#include "dashspool/clock.h"
#include "media/timing.h"
#include <inttypes.h>
#include <jansson.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shown {
    int64_t pts, index;
};

struct sheet {
    const struct copy_task *t;
    FILE *file;
    struct shown *order; /* the pictures as they are shown */
    int64_t n;
};

/* ---- what both tell ---- */

static int by_pts(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

static int sort_pictures(struct sheet *s, struct err *err)
{
    const struct media *m = s->t->m;
    s->n = m->n_pictures - m->first;
    s->order = malloc((size_t)s->n * sizeof *s->order);
    if (!s->order)
        return err_nomem(err, "%" PRId64 " pictures", s->n);
    for (int64_t i = 0; i < s->n; i++)
        s->order[i] = (struct shown){m->picture[m->first + i].pts, m->first + i};
    qsort(s->order, (size_t)s->n, sizeof *s->order, by_pts);
    return ERR_OK;
}

static struct media_wall wall_at(const struct sheet *s, int64_t time_us)
{
    return media_wall_at(s->t->m, s->t->facts, time_us);
}

static const char *const state_names[] = {
    [MEDIA_GOOD] = "good",
    [MEDIA_AFFECTED] = "affected",
    [MEDIA_DAMAGED] = "damaged",
};

static const char *state_why(const struct media_picture *p)
{
    if (p->why)
        return p->why;
    return p->state == MEDIA_AFFECTED ? "refers to a damaged or lost picture" : "";
}

/* How a picture is coded; in a redacted copy, as the viewing copy has it: how much a master's
 * picture takes, and where its key pictures are, tells of what is below a mask. False: there is no
 * such copy. */
static bool coded(const struct sheet *s, const struct media_picture *p, struct media_coded *out)
{
    const struct media *m = s->t->m;
    *out = (struct media_coded){(int64_t)p->n, p->key};
    if (!s->t->osd->redacted)
        return true;
    const int64_t *at = m->n_view > 0 ? bsearch(&p->pts, m->view_pts, (size_t)m->n_view, sizeof *at,
                                                timing_by_value)
                                      : NULL;
    *out = at ? m->view_coded[at - m->view_pts] : (struct media_coded){0};
    return m->n_view > 0;
}

/* The number of a picture: as it is coded; in a redacted copy as it is shown, since the order of
 * coding tells likewise. */
static int64_t number(const struct sheet *s, int64_t i)
{
    return s->t->osd->redacted ? i : s->order[i].index;
}

/* Where it was at a picture, in words and numbers; told where there is a track. */
struct place {
    const char *source, *state;
    struct track_texts number;
};

static bool place_of(const struct sheet *s, const struct media_picture *p, struct place *out)
{
    struct osd_place at = osd_place_at(s->t->osd, p->time_us);
    track_texts(&at.point, &out->number);
    out->source = at.source;
    out->state = at.state == TRACK_HERE ? "known" : track_state_name(at.state);
    return s->t->osd->track != NULL;
}

/* ---- text ---- */

static void put(const struct sheet *s, const char *text)
{
    fputs(text, s->file);
}

/* Seconds with all their microseconds. */
static void put_us(const struct sheet *s, int64_t us)
{
    int64_t whole = us < 0 ? -us : us;
    fprintf(s->file, "%s%" PRId64 ".%06" PRId64, us < 0 ? "-" : "", whole / 1000000,
            whole % 1000000);
}

static void put_seconds(const struct sheet *s, const char *key, int64_t us, const char *behind)
{
    fprintf(s->file, "\"%s\":", key);
    put_us(s, us);
    put(s, behind);
}

static void put_text(const struct sheet *s, const char *key, const char *text, const char *behind)
{
    fprintf(s->file, "\"%s\":", key);
    /* Text that may have come from outside; what is not UTF-8 becomes "?". */
    char plain[256];
    json_t *string = json_string(text);
    if (!string) {
        snprintf(plain, sizeof plain, "%s", text);
        for (char *p = plain; *p; p++)
            *p = (unsigned char)*p < 0x80 ? *p : '?';
        string = json_string(plain);
    }
    char *dump = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    fprintf(s->file, "%s%s", dump ? dump : "\"\"", behind);
    free(dump);
    json_decref(string);
}

/* ---- JSON ---- */

static int put_master(const struct sheet *s, struct err *err)
{
    const struct media *m = s->t->m;
    char hex[HASH_HEX_ROOM];
    int rc = hash_text(m->map, m->n, hex, err);
    fprintf(s->file, "\"master\":{\"bytes\":%zu,\"sha256\":\"%s\"},\n", m->n,
            rc == ERR_OK ? hex : "");
    return rc;
}

static void put_sources(const struct sheet *s)
{
    const struct media_timing *t = &s->t->m->timing;
    bool first = true;
    put(s, "\"sources\":{");
    for (int k = 0; k < MEDIA_N_SOURCES; k++) {
        enum media_source source = (enum media_source)k;
        if (t->fps[k] <= 0)
            continue;
        put(s, first ? "\n" : ",\n");
        fprintf(s->file, "  \"%s\":{", media_source_name(source));
        put_seconds(s, "fps", llround(t->fps[k] * 1e6), ",");
        put_text(s, "from", timing_source_text(source), "}");
        first = false;
    }
    put(s, "},\n");
}

static void put_wall(const struct sheet *s)
{
    const struct media_facts *f = s->t->facts;
    struct media_wall w = wall_at(s, s->t->m->start_us);
    char text[CLOCK_TEXT_ROOM];
    put(s, " \"wall_clock\":");
    if (!w.known) {
        put(s, "null");
        return;
    }
    put(s, "{");
    put_text(s, "source", w.source, ",");
    clock_rfc3339(w.utc_us, 6, text);
    fprintf(s->file, "\"start\":\"%s\",", text);
    put_seconds(s, "uncertainty_s", w.error_us, ",");
    put_text(s, "why", w.why, ",");
    clock_zone(f->has_zone ? f->tz_min : 0, text);
    fprintf(s->file, f->has_zone ? "\"zone\":\"%s\"}" : "\"zone\":null}", text);
}

/* The gaps of media/damage.c, which probe and convert tell of, too. */
static void put_gaps(const struct sheet *s)
{
    const struct media *m = s->t->m;
    put(s, "\"gaps\":[");
    for (int64_t i = 0; i < m->n_holes; i++) {
        const struct media_hole *h = &m->hole[i];
        int64_t before =
            s->t->osd->redacted ? media_shown_before(m, m->picture[h->before].pts) : h->before;
        put(s, i ? ",\n{" : "\n{");
        fprintf(s->file, "\"before\":%" PRId64 ",\"lost\":%" PRId64 ",", before, h->lost);
        put_seconds(s, "from_s", h->from_us - m->start_us, ",");
        put_seconds(s, "until_s", h->until_us - m->start_us, "");
        const struct media_picture *p = &m->picture[h->before];
        if (h->recording)
            fprintf(s->file, ",\"recording\":%d,\"length\":\"%s\"", p->recording + 1,
                    p->apart ? "unknown" : "measured");
        put(s, "}");
    }
    put(s, "],\n");
}

/* Of a file with several: where each begins. */
static void put_recordings(const struct sheet *s)
{
    const struct media *m = s->t->m;
    int32_t last = -1;
    if (s->t->options->media.recording > 0)
        fprintf(s->file, "\"recording\":%d,\n", s->t->options->media.recording);
    if (m->n_recordings < 2)
        return;
    put(s, "\"recordings\":[");
    for (int64_t i = 0; i < s->n; i++) {
        const struct media_picture *p = &m->picture[s->order[i].index];
        if (p->recording == last)
            continue;
        put(s, last < 0 ? "\n{" : ",\n{");
        last = p->recording;
        fprintf(s->file, "\"recording\":%d,\"first\":%" PRId64 ",", last + 1, number(s, i));
        put_seconds(s, "from_s", p->time_us - m->start_us, ",");
        put_text(s, "after", last == 0 ? "" : p->apart ? "unknown" : "measured", "}");
    }
    put(s, "],\n");
}

/* Where size or format of the picture change; nothing where they do not. */
static void put_shapes(const struct sheet *s)
{
    const struct media *m = s->t->m;
    if (m->n_shapes < 2)
        return;
    put(s, "\"sizes\":[");
    for (int64_t i = 0; i < m->n_shapes; i++) {
        const struct media_shape *shape = &m->shape[i];
        const struct media_picture *p = &m->picture[shape->from];
        int64_t from = s->t->osd->redacted ? media_shown_before(m, p->pts) : shape->from;
        put(s, i ? ",\n{" : "\n{");
        fprintf(s->file, "\"from\":%" PRId64 ",", from);
        put_seconds(s, "from_s", p->time_us - m->start_us, ",");
        fprintf(s->file, "\"width_px\":%d,\"height_px\":%d,\"pixel_aspect\":\"%d:%d\",",
                shape->width_px, shape->height_px, shape->sample_aspect.num,
                shape->sample_aspect.den);
        put_text(s, "pixels", av_get_pix_fmt_name(shape->format), "}");
    }
    put(s, "],\n");
}

static void put_damage(const struct sheet *s)
{
    const struct media_damage *d = &s->t->m->damage;
    const struct {
        const char *key;
        int64_t n;
    } all[] = {{"damaged", d->damaged},
               {"affected", d->affected},
               {"lost", d->lost},
               {"repeated", d->repeated},
               {"undecodable_lead", d->undecodable_lead},
               {"stray_bytes", d->stray_bytes},
               {"cut_bytes", d->cut_bytes},
               {"sound_lost", d->sound_lost},
               {"times_repaired", d->times_repaired}};
    put(s, "\"damage\":{");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fprintf(s->file, "%s\"%s\":%" PRId64, i ? "," : "", all[i].key, all[i].n);
    put(s, "}");
}

static void put_number(const struct sheet *s, const char *key, const char *number,
                       const char *behind)
{
    fprintf(s->file, "\"%s\":%s%s", key, number[0] ? number : "null", behind);
}

static void put_place(const struct sheet *s, const struct media_picture *p)
{
    struct place place;
    if (!place_of(s, p, &place))
        return;
    put(s, ",\"place\":{");
    put_text(s, "source", place.source, ",");
    put_text(s, "state", place.state, ",");
    put_number(s, "lat", place.number.lat, ",");
    put_number(s, "lon", place.number.lon, ",");
    put_number(s, "altitude_m", place.number.altitude_m, ",");
    put_number(s, "speed_kmh", place.number.speed_kmh, ",");
    put_number(s, "course_deg", place.number.course_deg, "}");
}

/* The track, and what of a person's file was left out; or why it is not used. */
static void put_track(const struct sheet *s)
{
    const struct osd_context *c = s->t->osd;
    char notes[TRACK_NOTES_ROOM];
    if (!c->track && !c->no_track[0])
        return;
    put(s, "\"track\":{");
    put_text(s, "source", c->tracker ? "tracker" : "track", ",");
    if (c->no_track[0])
        put_text(s, "not_used", c->no_track, "},\n");
    if (!c->track)
        return;
    put_text(s, "sha256", c->track_sha256, c->tracker ? "},\n" : ",");
    if (c->tracker)
        return;
    put(s, "\"left_out\":{");
    for (int i = 0; i < TRACK_N_FLAWS; i++)
        fprintf(s->file, "%s\"%s\":%zu", i ? "," : "", track_flaw_name((enum track_flaw)i),
                c->track->left_out[i]);
    fprintf(s->file, "},\"no_fix\":%zu,", c->track->no_fix);
    put_text(s, "note", track_notes(c->track, notes), "},\n");
}

static int put_json(const struct sheet *s, struct err *err)
{
    const char *id = s->t->facts->id;
    put(s, "{\"version\":1,");
    put_text(s, "id", id[0] ? id : s->t->stem, ",\n");
    int rc = put_master(s, err);
    const struct media_timing *t = &s->t->m->timing;
    put(s, "\"timing\":{");
    put_text(s, "source", media_source_name(t->chosen), ",");
    fprintf(s->file, "\"disagree\":%s,", t->disagree ? "true" : "false");
    char dispute[MEDIA_DISPUTE_ROOM];
    media_timing_dispute(t, dispute);
    if (t->recording > 0)
        fprintf(s->file, "\"recording\":%d,", (int)t->recording);
    put_text(s, "dispute", dispute, ",\n ");
    put_sources(s);
    put_wall(s);
    put(s, "},\n");
    put_track(s);
    put(s, "\"pictures\":[");
    for (int64_t i = 0; i < s->n; i++) {
        put(s, i ? ",\n" : "\n");
        int64_t index = s->order[i].index;
        const struct media_picture *p = &s->t->m->picture[index];
        struct media_wall w = wall_at(s, p->time_us);
        char utc[CLOCK_TEXT_ROOM];
        clock_rfc3339(w.utc_us, 6, utc);
        fprintf(s->file, "{\"n\":%" PRId64 ",", number(s, i));
        put_seconds(s, "pts_s", p->time_us - s->t->m->start_us, ",");
        fprintf(s->file, w.known ? "\"utc\":\"%s\"" : "\"utc\":null", utc);
        struct media_coded c;
        if (coded(s, p, &c))
            fprintf(s->file, ",\"key\":%s,\"bytes\":%" PRId64, c.key ? "true" : "false", c.bytes);
        else
            put(s, ",\"key\":null,\"bytes\":null");
        put_place(s, p);
        fprintf(s->file, ",\"state\":\"%s\"", state_names[p->state]);
        put(s, p->state == MEDIA_GOOD ? "}" : ",");
        if (p->state != MEDIA_GOOD)
            put_text(s, "why", state_why(p), "}");
        copy_progress(s->t, i + 1, s->n);
    }
    put(s, "],\n");
    put_recordings(s);
    put_gaps(s);
    put_shapes(s);
    const struct media *m = s->t->m;
    put(s, "\"silence\":[");
    for (int64_t i = 0; i < m->n_silences; i++) {
        put(s, i ? ",\n{" : "\n{");
        put_seconds(s, "from_s", m->silence[i].from_us - m->start_us, ",");
        put_seconds(s, "until_s", m->silence[i].until_us - m->start_us, ",");
        put_text(s, "why", m->silence[i].why, "}");
    }
    put(s, "],\n");
    put_damage(s);
    put(s, "}\n");
    return rc;
}

/* ---- CSV (RFC 4180) ---- */

/* Quoted where it must be. */
static void put_field(const struct sheet *s, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        put(s, text);
        return;
    }
    putc('"', s->file);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', s->file);
        putc(*text, s->file);
    }
    putc('"', s->file);
}

static void put_csv(const struct sheet *s)
{
    const struct media *m = s->t->m;
    struct place place;
    put(s, "index,pts_s,utc,uncertainty_s,source,key,bytes,state,why");
    put(s, s->t->osd->track
               ? ",place_source,place_state,lat,lon,altitude_m,speed_kmh,course_deg\r\n"
               : "\r\n");
    for (int64_t i = 0; i < s->n; i++) {
        const struct media_picture *p = &m->picture[s->order[i].index];
        struct media_wall w = wall_at(s, p->time_us);
        char utc[CLOCK_TEXT_ROOM];
        clock_rfc3339(w.utc_us, 6, utc);
        fprintf(s->file, "%" PRId64 ",", number(s, i));
        put_us(s, p->time_us - m->start_us);
        fprintf(s->file, ",%s,", w.known ? utc : "");
        if (w.known)
            put_us(s, w.error_us);
        put(s, ",");
        put_field(s, media_source_name(m->timing.chosen));
        struct media_coded c;
        if (coded(s, p, &c))
            fprintf(s->file, ",%d,%" PRId64, c.key, c.bytes);
        else
            put(s, ",,");
        fprintf(s->file, ",%s,", state_names[p->state]);
        put_field(s, state_why(p));
        if (place_of(s, p, &place))
            fprintf(s->file, ",%s,%s,%s,%s,%s,%s,%s", place.source, place.state, place.number.lat,
                    place.number.lon, place.number.altitude_m, place.number.speed_kmh,
                    place.number.course_deg);
        put(s, "\r\n");
    }
}

int copy_table(const struct copy_task *t, struct err *err)
{
    struct sheet s = {.t = t};
    int rc = sort_pictures(&s, err);
    if (rc == ERR_OK && !(s.file = fopen(t->path, "wbe")))
        rc = err_sys(err, "open %s", t->path);
    if (rc == ERR_OK && t->kind == COPY_TIMING)
        rc = put_json(&s, err);
    else if (rc == ERR_OK)
        put_csv(&s);
    if (rc == ERR_OK && ferror(s.file))
        rc = err_sys(err, "write %s", t->path);
    if (s.file && fclose(s.file) != 0 && rc == ERR_OK)
        rc = err_sys(err, "write %s", t->path);
    free(s.order);
    return rc;
}

/* Single pictures of a video as JPEG: poster, moments, and the contact sheet. */
#include "copies.h"
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "media/damage.h"
#include "media/decode.h"
#include "raster.h"
#include "redact.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * ---- single pictures, decoded ----
 *
 * From the nearest key picture on, not the whole clip. Asked for in display order, each picture is
 * decoded once at the most.
 */

struct pick {
    struct media *m;
    struct decoder decoder;
    AVFrame *frame, *best;
    bool best_whole; /* nothing is known to be wrong with its own bytes */
    int64_t next;    /* is fed next; -1: start at a key picture */
};

/* pick_close() also after a failure. */
static int pick_open(struct pick *p, struct media *m, struct err *err)
{
    *p = (struct pick){.m = m, .next = -1};
    p->frame = av_frame_alloc();
    p->best = av_frame_alloc();
    if (!p->frame || !p->best)
        return err_nomem(err, "a picture");
    return decoder_open_for(&p->decoder, m, DECODER_JUDGE, 1, err);
}

static void pick_close(struct pick *p)
{
    av_frame_free(&p->frame);
    av_frame_free(&p->best);
    decoder_close(&p->decoder);
}

/* The picture that is shown at pts (the last whose time has come), as an index. */
static int64_t pick_at(const struct media *m, int64_t pts)
{
    int64_t best = m->first;
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        int64_t at = m->picture[i].pts, best_at = m->picture[best].pts;
        if (best_at > pts ? at < best_at : at <= pts && at > best_at)
            best = i;
    }
    return best;
}

/* The last key picture from which on `index` can be decoded: pictures that come behind a key
 * picture but are shown before it may need what was before. */
static int64_t key_for(const struct media *m, int64_t index)
{
    int64_t i = index;
    while (i > m->first && !(m->picture[i].key && m->picture[i].pts <= m->picture[index].pts))
        i--;
    return i;
}

static bool is_whole(const struct pick *p, const AVFrame *f)
{
    return !p->decoder.unwritten && p->decoder.hashed == p->decoder.fits &&
           p->m->picture[f->pts].state != MEDIA_DAMAGED;
}

/* Keeps the frame if it is nearer to the picture that is wanted than what is kept. A whole one is
 * always nearer than one that is not. */
static void consider(struct pick *p, int64_t wanted, bool *past)
{
    const struct media_picture *all = p->m->picture;
    int64_t index = p->frame->pts;
    if (index < p->m->first || index >= p->m->n_pictures)
        return;
    bool whole = is_whole(p, p->frame), any = p->best->data[0] != NULL;
    if (!whole && all[index].state == MEDIA_GOOD && !all[index].leading) {
        /* and what is built on it */
        damage_from_decoder(p->m, index, p->decoder.unwritten ? DAMAGE_UNWRITTEN : DAMAGE_HASH);
        damage_settle(p->m);
    }
    int64_t off = llabs(all[index].pts - all[wanted].pts);
    if (!any || (whole && !p->best_whole) ||
        (whole == p->best_whole && off < llabs(all[p->best->pts].pts - all[wanted].pts))) {
        av_frame_unref(p->best);
        av_frame_move_ref(p->best, p->frame);
        p->best_whole = whole;
    }
    *past = *past || (whole && all[index].pts >= all[wanted].pts);
}

static int receive(struct pick *p, int64_t wanted, bool *past, struct err *err)
{
    int rc = ERR_OK;
    for (bool got = true; rc == ERR_OK && got && !*past;) {
        rc = decoder_receive(&p->decoder, p->frame, &got, err);
        if (rc == ERR_OK && got)
            consider(p, wanted, past);
    }
    return rc;
}

static void restart(struct pick *p, int64_t key)
{
    avcodec_flush_buffers(p->decoder.ctx);
    p->next = key;
}

/* Decodes picture `index`; where it does not decode whole, the nearest that does, and where none
 * does, what there is. *out is borrowed until the next call; its pts is the index of the picture
 * that it is. ERR_MALFORMED: nothing comes out. */
static int pick_get(struct pick *p, int64_t index, const AVFrame **out, struct err *err)
{
    int64_t key = key_for(p->m, index);
    int rc = ERR_OK;
    if (p->best_whole && p->best->pts == index) {
        *out = p->best;
        return ERR_OK;
    }
    av_frame_unref(p->best);
    p->best_whole = false;
    bool from_key = p->next < 0 || p->next > index || p->next < key;
    if (from_key)
        restart(p, key);
    for (int tries = 0; tries < MEDIA_TRIES_MAX; tries++) {
        /* Feeds pictures until one comes out that is shown at the wanted time or later. */
        bool past = false;
        rc = receive(p, index, &past, err); /* what the last call left */
        while (rc == ERR_OK && !past && p->next >= 0) {
            int64_t i = p->next < p->m->n_pictures ? p->next : -1;
            rc = decoder_send(&p->decoder, p->m, i, err);
            if (rc == ERR_OK)
                rc = receive(p, index, &past, err);
            p->next = i < 0 ? -1 : p->next + 1;
        }
        if (rc < 0 || (p->best_whole && (p->best->pts == index || tries > 0)) ||
            (from_key && key <= p->m->first))
            break;
        if (from_key) /* the nearest may be before the key picture */
            key = key_for(p->m, key - 1);
        restart(p, key); /* … or was handed out for the picture asked for before */
        from_key = true;
    }
    if (rc == ERR_OK && !p->best->data[0])
        rc = err_set(err, ERR_MALFORMED, "no picture decodes at or around %.1f s",
                     (double)p->m->picture[index].pts / AV_TICKS);
    *out = p->best;
    return rc;
}

/* The picture closest to the wanted one, not farther away than `reach`, of which nothing is known
 * to be wrong; if there is none, that one. */
static int64_t undamaged_near(const struct media *m, int64_t wanted, int64_t reach)
{
    int64_t best = -1, best_off = reach + 1;
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        int64_t off = llabs(m->picture[i].pts - m->picture[wanted].pts);
        if (m->picture[i].state != MEDIA_GOOD || off >= best_off)
            continue;
        best = i;
        best_off = off;
    }
    return best < 0 ? wanted : best;
}

/* … decoded, which may tell that something is wrong all the same. */
static int pick_undamaged(struct pick *p, int64_t wanted, int64_t reach, const AVFrame **out,
                          struct err *err)
{
    int rc = ERR_OK;
    for (int tries = 0; rc == ERR_OK && tries < MEDIA_TRIES_MAX; tries++) {
        int64_t index = undamaged_near(p->m, wanted, reach);
        rc = pick_get(p, index, out, err);
        if (rc == ERR_OK && (p->m->picture[(*out)->pts].state == MEDIA_GOOD ||
                             undamaged_near(p->m, wanted, reach) == index))
            break;
    }
    return rc;
}

/* What pick_get() gave, as it may be shown: *f stays, or becomes *own (av_frame_free()). */
static int hide_in(const struct copy_task *t, const struct pick *pick, const AVFrame **f,
                   AVFrame **own, struct err *err)
{
    const struct media_picture *p = &t->m->picture[(*f)->pts];
    struct redact_time time = redact_time_of(t->m, (*f)->pts, p->pts + p->span);
    time.all = time.all || !pick->best_whole;
    if (t->options->n_masks == 0)
        return ERR_OK;
    if (!(*own = av_frame_clone(*f)))
        return err_nomem(err, "a frame");
    int rc = redact_frame(*own, t, time, err);
    *f = *own;
    return rc;
}

/* ---- one picture ---- */

/* As in a viewing copy: out of the overlay's corner. */
static int mark(const struct osd_planes *planes, const struct copy_task *t, int64_t index,
                struct err *err)
{
    bool taken = strcmp(t->options->osd_position, "top-right") == 0;
    struct convert_options style = {.osd_size = 1, .osd_box = true};
    char lines[OSD_LINES][OSD_LINE_ROOM] = {""};
    struct osd *osd = NULL;
    snprintf(style.osd_position, sizeof style.osd_position, "%s",
             taken ? "bottom-right" : "top-right");
    snprintf(lines[0], OSD_LINE_ROOM, "%s", osd_mark_of(t->m, index));
    if (!lines[0][0])
        return ERR_OK;
    int rc = osd_new(&osd, planes->width_px, planes->height_px, &style, err);
    if (rc == ERR_OK && (rc = osd_set(osd, lines, err)) == ERR_OK)
        osd_blend(osd, planes);
    osd_free(&osd);
    return rc;
}

static int overlay(struct raster *r, const struct copy_task *t, const struct media_picture *p,
                   struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd *osd = NULL;
    osd_text_at(t->osd, p->time_us, media_shown_before(t->m, p->pts), "still", lines);
    int rc = osd_new(&osd, r->width_px, r->height_px, t->options, err);
    if (rc == ERR_OK)
        rc = osd_set(osd, lines, err);
    if (rc == ERR_OK) {
        struct osd_planes planes = {
            .plane = {r->plane[0], r->plane[1], r->plane[2]},
            .stride = {r->stride[0], r->stride[1], r->stride[2]},
            .n = 3,
            .width_px = r->width_px,
            .height_px = r->height_px,
            .log2_chroma_w = r->log2_chroma,
            .log2_chroma_h = r->log2_chroma,
            .full_range = true,
        };
        osd_blend(osd, &planes);
        osd_warn(osd, t->m);
        rc = mark(&planes, t, p - t->m->picture, err);
    }
    osd_free(&osd);
    return rc;
}

static void warn(struct media *m, const char *what, int64_t wanted, int64_t shown)
{
    const struct media_picture *p = &m->picture[shown];
    if (shown != wanted)
        media_warn(m, "%s: picture %" PRId64 " is damaged, the nearest that is not is %+.3f s",
                   what, wanted, (double)(p->pts - m->picture[wanted].pts) / AV_TICKS);
    else if (p->state == MEDIA_DAMAGED)
        media_warn(m, "%s: the picture is damaged", what);
    else if (p->state != MEDIA_GOOD)
        media_warn(m, "%s: the picture is affected by damage before it", what);
}

#define STILL_REACH (AV_TICKS / 2) /* half a second: what is farther away shows something else */

/* A JPEG of full size: the picture at the moment that was asked for; as the poster the one at the
 * trigger, or in the middle of a clip that does not have it. */
int copy_picture(const struct copy_task *t, struct err *err)
{
    const struct media_facts *known = t->facts;
    struct media *m = t->m;
    const char *what = t->kind == COPY_POSTER ? "poster" : "still";
    int64_t at_us = t->moment_us;
    if (t->kind == COPY_POSTER) {
        at_us = known->trigger_utc_us - known->start_utc_us - m->start_us;
        if (!media_wall_known(m, known, at_us + m->start_us) || !known->has_trigger_time ||
            at_us < 0 || at_us >= m->duration_us)
            at_us = m->duration_us / 2;
    }
    struct pick pick = {0};
    struct raster r = {0};
    const AVFrame *f = NULL;
    AVFrame *own = NULL;
    int64_t wanted = pick_at(m, av_ticks_of(at_us));
    int rc = pick_open(&pick, m, err);
    /* a poster is to show the clip, a still its moment */
    int64_t reach = t->kind == COPY_POSTER ? INT64_MAX / 2 : STILL_REACH;
    if (rc == ERR_OK && (rc = pick_undamaged(&pick, wanted, reach, &f, err)) == ERR_OK)
        rc = hide_in(t, &pick, &f, &own, err);
    if (rc == ERR_OK)
        rc = raster_init(&r, f->width, f->height, 1, 0, err);
    if (rc == ERR_OK)
        rc = raster_put(&r, (struct raster_box){0, 0, f->width, f->height}, f, err);
    if (rc == ERR_OK && (rc = overlay(&r, t, &m->picture[f->pts], err)) == ERR_OK)
        rc = raster_save(&r, t->path, err);
    if (rc == ERR_OK)
        warn(m, what, wanted, f->pts);
    copy_progress(t, 1, 1);
    raster_clear(&r);
    av_frame_free(&own);
    pick_close(&pick);
    return rc;
}

int copy_moments_check(const struct media *m, const struct convert_options *options,
                       struct err *err)
{
    for (int i = 0; options->copies & COPY_MOMENT && i < options->n_moments; i++)
        if (options->moment_us[i] < 0 || options->moment_us[i] >= m->duration_us)
            return err_set(err, ERR_CONFIG, "no frame at %.3f s: the clip is %.3f s long",
                           (double)options->moment_us[i] / 1e6, (double)m->duration_us / 1e6);
    return ERR_OK;
}

/* ---- the contact sheet ---- */

#define WIDTH      1920
#define MARGIN     16
#define SPACE      12 /* between thumbnails */
#define CAPTION    28 /* height of the line under each */
#define HEADER     112
#define THUMB_MAX  420 /* height: of pictures that stand upright */
#define CELLS_MAX  30
#define BACKGROUND 0x18
#define WHITE      0xf2f2f2
#define GREY       0xa8a8a8
#define AMBER      0xffb020
#define RED        0xff5a48
#define TEXTS_MAX  (2 * CELLS_MAX + 6)
#define TIME_ROOM  64

struct sheet {
    const struct copy_task *t;
    int columns, n; /* cells */
    int cell_w, thumb_w, thumb_h;
    struct raster raster;
    struct raster_text text[TEXTS_MAX];
    int n_texts;
};

static struct raster_text *add_text(struct sheet *s, int x, int y, int size_px, uint32_t rgb)
{
    struct raster_text *t = &s->text[s->n_texts++];
    *t = (struct raster_text){.x = x, .y = y, .size_px = size_px, .rgb = rgb};
    return t;
}

/* Long clips get more and smaller pictures. */
static void lay_out(struct sheet *s)
{
    const struct media *m = s->t->m;
    int64_t pictures = m->n_pictures - m->first, seconds = m->duration_us / 1000000;
    int rows = seconds < 8 ? 3 : seconds <= 120 ? 4 : 5;
    s->columns = rows + 1;
    s->n = pictures < rows * s->columns ? (int)pictures : rows * s->columns;
    s->cell_w = (WIDTH - 2 * MARGIN - (s->columns - 1) * SPACE) / s->columns;
    double shape = (double)m->view_width_px / m->view_height_px;
    if (m->view_aspect.num > 0 && m->view_aspect.den > 0)
        shape *= av_q2d(m->view_aspect);
    s->thumb_w = s->cell_w;
    s->thumb_h = (int)lrint(s->cell_w / shape);
    if (s->thumb_h > THUMB_MAX) {
        s->thumb_h = THUMB_MAX;
        s->thumb_w = (int)lrint(THUMB_MAX * shape);
    }
    s->thumb_w = s->thumb_w < 1 ? 1 : s->thumb_w;
    s->thumb_h = s->thumb_h < 1 ? 1 : s->thumb_h;
}

/* To 1/10 s, cut off like the overlay's. */
static void clock_text(const struct media *m, const struct media_facts *f, int64_t time_us,
                       bool date, char *out)
{
    char zone[CLOCK_TEXT_ROOM] = "Z";
    int n = 0;
    *out = '\0';
    if (!media_wall_known(m, f, time_us))
        return;
    struct clock_civil c =
        clock_civil_from_utc(f->start_utc_us + time_us, f->has_zone ? f->tz_min : 0);
    if (f->has_zone)
        clock_zone(f->tz_min, zone);
    if (date)
        n = snprintf(out, TIME_ROOM, "%04d-%02d-%02d ", c.year, c.month, c.day);
    snprintf(out + n, TIME_ROOM - (size_t)n, "%02d:%02d:%02d.%d%s%s", c.hour, c.minute, c.second,
             c.us / 100000, date ? " " : "", date ? zone : "");
}

static void add_part(char *out, size_t room, const char *part)
{
    if (part[0] && out[0])
        osd_text_plain(out, room, "  ·  ");
    osd_text_plain(out, room, part);
}

static void trigger_text(const struct sheet *s, char *out, size_t room)
{
    const struct media_facts *f = s->t->facts;
    char time[TIME_ROOM];
    double at_s = (double)(f->trigger_utc_us - f->start_utc_us - s->t->m->start_us) / 1e6;
    snprintf(out, room, "%s%s", f->trigger[0] ? "trigger " : "", f->trigger);
    if (!f->has_trigger_time || !media_wall_known(s->t->m, f, f->trigger_utc_us - f->start_utc_us))
        return;
    clock_text(s->t->m, f, f->trigger_utc_us - f->start_utc_us, false, time);
    snprintf(out, room, "trigger%s%s at %s (%+.1f s)", f->trigger[0] ? " " : "", f->trigger, time,
             at_s);
}

static void add_damage(struct sheet *s)
{
    const struct media *m = s->t->m;
    int64_t damaged = 0, affected = 0, lost = 0;
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        damaged += m->picture[i].state == MEDIA_DAMAGED;
        affected += m->picture[i].state == MEDIA_AFFECTED;
    }
    for (int64_t i = 0; i < m->n_holes; i++)
        lost += m->hole[i].lost;
    if (damaged + affected + lost == 0)
        return;
    struct raster_text *t = add_text(s, WIDTH - MARGIN, 80, 18, AMBER);
    t->right = true;
    snprintf(t->text, sizeof t->text,
             "%" PRId64 " damaged, %" PRId64 " affected, %" PRId64 " missing", damaged, affected,
             lost);
}

/* Who and which clip; when and how long; where and why. */
static void add_header(struct sheet *s)
{
    const struct media_facts *f = s->t->facts;
    const struct media *m = s->t->m;
    char part[160];
    struct raster_text *t = add_text(s, MARGIN, 14, 30, WHITE);
    osd_text_plain(t->text, 112, f->id[0] ? f->id : s->t->stem);
    t = add_text(s, WIDTH - MARGIN, 21, 18, GREY);
    t->right = true;
    osd_text_plain(t->text, sizeof t->text,
                   s->t->osd->redacted ? "contact sheet, REDACTED, derived"
                                       : "contact sheet, derived");

    t = add_text(s, MARGIN, 54, 20, WHITE);
    clock_text(m, f, m->start_us, true, part);
    add_part(t->text, sizeof t->text, part[0] ? part : "time unknown");
    snprintf(part, sizeof part, "%.1f s", (double)m->duration_us / 1e6);
    add_part(t->text, sizeof t->text, part);
    snprintf(part, sizeof part, "%lld %s",
             SIZE_COUNT(m->n_pictures - m->first, "picture", "pictures"));
    add_part(t->text, sizeof t->text, part);
    add_part(t->text, sizeof t->text, f->camera[0] ? "camera" : "");
    osd_text_plain(t->text, sizeof t->text, f->camera[0] ? " " : "");
    osd_text_plain(t->text, sizeof t->text, f->camera);

    t = add_text(s, MARGIN, 80, 18, GREY);
    snprintf(part, sizeof part, "position %s",
             s->t->options->hide & CONVERT_HIDE_POSITION ? "hidden" : "unknown");
    struct osd_place at = osd_place_at(s->t->osd, m->start_us);
    bool own = osd_context_own_position(s->t->osd, &at.point.lat_deg, &at.point.lon_deg);
    if (own || at.state == TRACK_HERE)
        snprintf(part, sizeof part, "%.5f° %c  %.5f° %c%s%s", fabs(at.point.lat_deg),
                 at.point.lat_deg < 0 ? 'S' : 'N', fabs(at.point.lon_deg),
                 at.point.lon_deg < 0 ? 'W' : 'E', own ? "" : "  ", own ? "" : at.source);
    add_part(t->text, sizeof t->text, part);
    trigger_text(s, part, sizeof part);
    add_part(t->text, sizeof t->text, part);
    add_damage(s);
}

static int add_cell(struct sheet *s, int cell, const AVFrame *f, struct err *err)
{
    const struct media_picture *p = &s->t->m->picture[f->pts];
    int x = MARGIN + cell % s->columns * (s->cell_w + SPACE);
    int y = HEADER + cell / s->columns * (s->thumb_h + CAPTION + SPACE);
    struct raster_box thumb = {x + (s->cell_w - s->thumb_w) / 2, y, s->thumb_w, s->thumb_h};
    uint32_t colour = p->state == MEDIA_DAMAGED ? RED : AMBER;
    char time[TIME_ROOM];
    if (p->state != MEDIA_GOOD)
        raster_fill(&s->raster,
                    (struct raster_box){thumb.x - 3, thumb.y - 3, thumb.w + 6, thumb.h + 6},
                    colour);
    /* where another size lies in the view, it lies in the cell */
    const struct media *m = s->t->m;
    struct media_box fit = media_fit(m, f->width, f->height, f->sample_aspect_ratio);
    struct raster_box at = {
        thumb.x + fit.x * thumb.w / m->view_width_px, thumb.y + fit.y * thumb.h / m->view_height_px,
        fit.w * thumb.w / m->view_width_px, fit.h * thumb.h / m->view_height_px};
    at.w = at.w < 1 ? 1 : at.w;
    at.h = at.h < 1 ? 1 : at.h;
    int rc = raster_put(&s->raster, at, f, err);
    clock_text(s->t->m, s->t->facts, p->time_us, false, time);
    struct raster_text *t = add_text(s, x + 2, y + s->thumb_h + 6, 19, WHITE);
    snprintf(t->text, sizeof t->text, "%s%s%s", time, time[0] && p->state != MEDIA_GOOD ? " " : "",
             p->state == MEDIA_DAMAGED    ? "damaged"
             : p->state == MEDIA_AFFECTED ? "affected"
                                          : "");
    t->rgb = p->state == MEDIA_GOOD ? WHITE : colour;
    t = add_text(s, x + s->cell_w - 2, y + s->thumb_h + 6, 19, GREY);
    t->right = true;
    snprintf(t->text, sizeof t->text, "+%.1f s", floor((double)p->pts / AV_TICKS * 10) / 10);
    return rc;
}

int copy_sheet(const struct copy_task *t, struct err *err)
{
    struct sheet s = {.t = t};
    int64_t unlike = 0;
    lay_out(&s);
    int rows = (s.n + s.columns - 1) / s.columns;
    int height = HEADER + rows * (s.thumb_h + CAPTION + SPACE) + MARGIN - SPACE;
    int rc = raster_init(&s.raster, WIDTH, height, 0, BACKGROUND, err);
    if (rc == ERR_OK) {
        /* Evenly spaced in time, the first picture and the last one among them. */
        struct media *m = s.t->m;
        struct pick pick = {0};
        const AVFrame *f;
        int64_t end = 0;
        for (int64_t i = m->first; i < m->n_pictures; i++)
            end = m->picture[i].pts > end ? m->picture[i].pts : end;
        rc = pick_open(&pick, m, err);
        for (int k = 0; rc == ERR_OK && k < s.n; k++) {
            int64_t wanted = pick_at(m, s.n > 1 ? end * k / (s.n - 1) : 0);
            AVFrame *own = NULL;
            rc = pick_undamaged(&pick, wanted, s.n > 1 ? end / (s.n - 1) / 2 : 0, &f, err);
            if (rc == ERR_OK && (rc = hide_in(s.t, &pick, &f, &own, err)) == ERR_OK)
                rc = add_cell(&s, k, f, err);
            unlike += rc == ERR_OK && f->pts != wanted;
            av_frame_free(&own);
            copy_progress(s.t, k + 1, s.n);
        }
        pick_close(&pick);
    }
    if (rc == ERR_OK) {
        add_header(&s);
        rc = raster_write(&s.raster, s.text, s.n_texts, err);
    }
    if (rc == ERR_OK)
        rc = raster_save(&s.raster, t->path, err);
    if (rc == ERR_OK)
        media_warn_count(t->m, unlike, "cell of the sheet has a neighbour of its picture",
                         "cells of the sheet have neighbours of their pictures");
    raster_clear(&s.raster);
    return rc;
}

#include "copies.h"
#include "dashspool/clock.h"
#include "pick.h"
#include "raster.h"
#include "redact.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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
    double shape = (double)m->width_px / m->height_px;
    if (m->sample_aspect.num > 0 && m->sample_aspect.den > 0)
        shape *= av_q2d(m->sample_aspect);
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
static void clock_text(const struct media_facts *f, int64_t time_us, bool date, char *out)
{
    char zone[CLOCK_TEXT_ROOM] = "Z";
    int n = 0;
    *out = '\0';
    if (!f->has_time)
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
    if (!f->has_time || !f->has_trigger_time)
        return;
    clock_text(f, f->trigger_utc_us - f->start_utc_us, false, time);
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
    clock_text(f, m->start_us, true, part);
    add_part(t->text, sizeof t->text, f->has_time ? part : "time unknown");
    snprintf(part, sizeof part, "%.1f s", (double)m->duration_us / 1e6);
    add_part(t->text, sizeof t->text, part);
    snprintf(part, sizeof part, "%" PRId64 " pictures", m->n_pictures - m->first);
    add_part(t->text, sizeof t->text, part);
    add_part(t->text, sizeof t->text, f->camera[0] ? "camera" : "");
    osd_text_plain(t->text, sizeof t->text, f->camera[0] ? " " : "");
    osd_text_plain(t->text, sizeof t->text, f->camera);

    t = add_text(s, MARGIN, 80, 18, GREY);
    snprintf(part, sizeof part, "position unknown");
    if (f->has_position && fabs(f->lat_deg) <= 90 && fabs(f->lon_deg) <= 180)
        snprintf(part, sizeof part, "%.5f° %c  %.5f° %c", fabs(f->lat_deg),
                 f->lat_deg < 0 ? 'S' : 'N', fabs(f->lon_deg), f->lon_deg < 0 ? 'W' : 'E');
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
    int rc = raster_put(&s->raster, thumb, f, err);
    clock_text(s->t->facts, p->time_us, false, time);
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

/* Evenly spaced in time, the first picture and the last one among them. */
static int add_cells(struct sheet *s, int64_t *unlike, struct err *err)
{
    struct media *m = s->t->m;
    struct pick pick = {0};
    const AVFrame *f;
    int64_t end = 0;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        end = m->picture[i].pts > end ? m->picture[i].pts : end;
    int rc = pick_open(&pick, m, err);
    for (int k = 0; rc == ERR_OK && k < s->n; k++) {
        int64_t wanted = pick_at(m, s->n > 1 ? end * k / (s->n - 1) : 0);
        AVFrame *own = NULL;
        rc = pick_get(&pick, wanted, &f, err);
        if (rc == ERR_OK)
            rc = redact_picked(s->t, &pick, &f, &own, err);
        if (rc == ERR_OK)
            rc = add_cell(s, k, f, err);
        *unlike += rc == ERR_OK && f->pts != wanted;
        av_frame_free(&own);
        copy_progress(s->t, k + 1, s->n);
    }
    pick_close(&pick);
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
    if (rc == ERR_OK)
        rc = add_cells(&s, &unlike, err);
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
